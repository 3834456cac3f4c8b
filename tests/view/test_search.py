"""Posts are found by every filter, a page at a time, and what must not be shown is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.maintenance import tune
from corpus.maintenance.takedown import take_down
from corpus.privacy import suppression
from corpus.view import search
from tests.conftest import post, sentence, write_lines
from tests.view.conftest import ATTACK, FIELDS, Answer, Client, build, serving


def count(answer: Answer) -> int:
    """How many posts the page shows."""
    assert answer.status == 200, answer.words
    return answer.body.count("<article>")


def test_kept_and_dropped_posts_are_listed_with_counts(client: Client) -> None:
    answer = client.page()
    assert "42 kept and 9 dropped. Shown: 1 to 25." in answer.words
    assert count(answer) == 25
    last = client.page(page=3)
    assert "Shown: 51." in last.words
    assert count(last) == 1
    pages = [client.page(page=number).body for number in (1, 2, 3)]
    ids = {f"t:{number}" for number in (*range(42), *range(100, 106), *range(200, 203))}
    assert {each for each in ids if any(f"<code>{each}</code>" in page for page in pages)} == ids
    assert "There is no such page" in client.page(page=4).words


def test_the_links_lead_to_the_next_pages_with_the_search(client: Client) -> None:
    page = client.page(text="Yesterday", side="kept")
    assert 'href="?side=kept&amp;text=Yesterday&amp;page=2">Next page' in page.body
    assert "Previous page" not in page.body
    assert (
        'href="?side=kept&amp;text=Yesterday&amp;page=1">Previous page'
        in client.page(text="Yesterday", side="kept", page=2).body
    )


def test_words_are_found_as_written_in_any_letter_case(client: Client) -> None:
    [found] = client.page(text=f"{sentence(7)[10:].upper()}").texts
    assert found == sentence(7)
    assert count(client.page(text="kettl.")) == 0
    assert count(client.page(text="(")) == 1  # only the attack has one
    note = client.page(text="Yesterday").words
    assert "Words are searched in kept posts only" in note
    assert "ledger" not in client.page(text="Yesterday", side="kept").words


def test_dropped_posts_are_found_by_stage_and_reason(client: Client) -> None:
    assert count(client.page(side="dropped")) == 9
    few = client.page(stage="quality", reason="too_few_words")
    assert count(few) == 6
    assert few.words.count("dropped by quality: too_few_words") == 6
    assert "quality_words 2 (min_words 4)" in few.words
    assert count(client.page(reason="exact_duplicate")) == 3
    assert count(client.page(stage="dedup", reason="too_few_words")) == 0
    assert "6 dropped" in few.words and "kept" not in few.words.partition("6 dropped")[0][-20:]


def test_posts_are_found_by_language_source_and_id(client: Client) -> None:
    assert count(client.page(lang="en", side="dropped", reason="exact_duplicate")) == 3
    assert count(client.page(lang="de")) == 0
    assert count(client.page(platform="t")) == 25
    assert count(client.page(platform="x")) == 0
    assert count(client.page(file="posts", side="dropped")) == 9
    assert count(client.page(file="other")) == 0
    assert client.page(id="t:7").texts == [sentence(7)]


def test_posts_are_found_by_a_range_of_a_score(client: Client) -> None:
    long = client.page(score="quality_words", low="14.5", high="16")
    assert long.texts == [f"{sentence(number)} at last" for number in (38, 39)]
    assert long.words.count("quality_words 16") == 2
    assert count(client.page(score="quality_words", high="2")) == 6
    assert count(client.page(score="quality_words", low="1000")) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"side": "left"}, "unknown side 'left'"),
        ({"stage": "qualty"}, "'qualty' dropped no post; did you mean 'quality'?"),
        ({"score": "quality_words", "low": "many"}, "low: a number is needed"),
        ({"score": "quality_words", "low": "nan"}, "low: a number is needed"),
        ({"low": "1"}, "choose the score"),
        ({"page": "0"}, "page: a number from 1 to"),
        ({"page": "٣"}, "page: a number from 1 to"),
        ({"page": "9" * 300}, "page: a number from 1 to"),
        ({"text": "a" * 201}, "text: at most 200 characters"),
    ],
)
def test_a_wrong_field_is_an_error_in_words(
    client: Client, fields: dict[str, str], words: str
) -> None:
    answer = client.page(**fields)
    assert answer.status == 400
    assert words in answer.words
    assert "<article>" not in answer.body


def test_more_matches_than_can_be_paged_through_are_said_to_be_more(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_MATCHES", 30)
    monkeypatch.setattr("corpus.view.pages.MAX_MATCHES", 30)
    answer = client.page()
    assert "More than 30 kept and 9 dropped." in answer.words
    assert count(client.page(page=2)) == 5 + 9


def test_no_text_becomes_markup(client: Client) -> None:
    for answer in (client.page(text="caught"), client.page(text=ATTACK), client.page(stage=ATTACK)):
        assert "<script" not in answer.body and "<img" not in answer.body
    assert client.page(text="caught").texts == [f"{sentence(41)} {ATTACK}"]


def test_a_long_text_is_cut_and_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.view.shown_posts.MAX_TEXT_CHARACTERS", 20)
    answer = client.page(id="t:7")
    assert answer.texts == [sentence(7)[:20]]
    assert f"{len(sentence(7)) - 20} more characters are not shown" in answer.words


# ------------------------------------------------------------------------------ texts of dropped


def test_texts_of_dropped_posts_are_redacted_ones_of_the_dump(client: Client) -> None:
    without = client.page(stage="quality")
    assert without.texts == []
    assert "The ledger of dropped posts has no texts. Tick" in without.words
    found = client.page(stage="quality", dropped_texts=1)
    assert found.texts == ["Mail <EMAIL_ADDRESS>"] * 6
    assert "has no texts" not in found.words


def test_without_the_dump_the_rows_are_shown_and_the_page_says_why(folder: Path) -> None:
    shutil.move(folder / "dumps", folder / "moved")
    with serving(folder / "out") as client:
        answer = client.page(stage="quality", dropped_texts=1)
        assert count(answer) == 6 and answer.texts == []
        assert "The texts of dropped posts cannot be read: no dump 'posts.jsonl'" in answer.words
    with serving(folder / "out", dumps=str(folder / "moved")) as client:
        assert len(client.page(stage="quality", dropped_texts=1).texts) == 6


# ------------------------------------------------------------------------------ what is not shown


def test_contact_data_are_redacted_also_without_a_stage_pii(client: Client, tmp_path: Path) -> None:
    wanted = [f"{sentence(40)}, write to <EMAIL_ADDRESS>"]
    assert client.page(id="t:40").texts == wanted
    out = build(tmp_path, {"quality": {"min_words": 4}}, ids="original")
    assert "joe@example.org" in "".join(corpus.load(out).scan().collect()["text"])
    with serving(out) as bare:
        answer = bare.page(id="t:40")
        assert answer.texts == wanted
        assert "tea of <EMAIL_ADDRESS>" in answer.words and "joe@" not in answer.body


def suppress(folder: Path, **requests: Any) -> None:
    suppression.add(folder / "corpus.key", **requests)


HIDDEN = "One kept post is not shown: it or its author is on the suppression list."


def test_what_is_suppressed_later_is_hidden_at_once(folder: Path) -> None:
    with serving(folder / "out") as client:
        assert client.page(id="t:7").texts == [sentence(7)]
        suppress(folder, ids=["t:7", "t:100", "t:0"])
        assert client.page(id="t:7").texts == []
        assert HIDDEN in client.page(id="t:7").words
        assert "t:7" not in client.page(id="t:7").words
        assert "One dropped post is not shown" in client.page(id="t:100").words
        # A copy has the text of its original.
        assert "One dropped post is not shown" in client.page(id="t:200", dropped_texts=1).words
        assert count(client.page(stage="dedup", dropped_texts=1)) == 2


def test_posts_of_a_suppressed_author_are_hidden(folder: Path) -> None:
    with serving(folder / "out") as client:
        before = client.page(text="Yesterday", side="kept", page=1)
        suppress(folder, authors=["t:u3"])
        after = client.page(text="Yesterday", side="kept", page=1)
        of_author = {sentence(number) for number in range(42) if number % 7 == 3}
        assert set(before.texts) - set(after.texts) == of_author & set(before.texts) != set()
        texts = client.page(stage="quality", dropped_texts=1).texts
        assert len(texts) == 5  # t:101 is one of u3's


@pytest.mark.parametrize("requests", [{"ids": ["t:2"]}, {"authors": ["t:bo"]}])
def test_a_thread_with_a_suppressed_post_or_author_is_hidden(
    tmp_path: Path, requests: dict[str, list[str]]
) -> None:
    rows = [
        post(number, user="bo" if number == 5 else "ann", parent=str(number - 1))
        for number in range(1, 10)
    ]
    for first in (1, 4, 7):  # three threads of three posts
        rows[first - 1]["parent"] = None
    fields = {**FIELDS, "parent_id": "parent"}
    write_lines(tmp_path / "posts.jsonl", rows)
    source = {"path": str(tmp_path / "posts.jsonl"), "platform": "t", "fields": fields}
    corpus.build(
        {
            "sources": [{"table": source}],
            "stages": [{"conversations": {"mode": "path"}}, {"pii": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original", "report_samples": 0},
            "run": {"runner": "serial"},
        }
    )
    with serving(tmp_path / "out") as client:
        assert len(client.page().texts) == 3
        suppress(tmp_path, **requests)
        assert len(client.page().texts) == 2
        assert HIDDEN in client.page().words


def test_a_suppressed_name_is_replaced_in_texts(folder: Path) -> None:
    suppress(folder, names=["old kettle"])
    with serving(folder / "out") as client:
        assert client.page(text="kettle").status == 200
        shown = "".join(text for number in (1, 2) for text in client.page(page=number).texts)
        assert "<PERSON>" in shown and "old kettle" not in shown.lower()


def test_what_was_taken_down_is_gone(folder: Path) -> None:
    with serving(folder / "out") as client:
        take_down(folder / "out", ["t:7", "t:100"], [])
        assert count(client.page(id="t:7")) == 0
        assert count(client.page(id="t:100")) == 0
        assert "41 kept" in client.page(side="kept").words


def test_without_the_key_the_page_says_what_it_cannot_know(folder: Path) -> None:
    (folder / "corpus.key").rename(folder / "elsewhere.key")
    with serving(folder / "out") as client:
        answer = client.page(dropped_texts=1, side="dropped")
        assert "The suppression list cannot be read" in answer.words
        assert "The texts of dropped posts cannot be read: no key at" in answer.words
    with serving(folder / "out", key=str(folder / "elsewhere.key")) as client:
        assert "suppression list" not in client.page(dropped_texts=1, side="dropped").words


# ------------------------------------------------------------------------------ thresholds


def test_thresholds_say_what_tune_says_and_which_posts_change_sides(client: Client) -> None:
    answer = client.page("thresholds", **{"quality.min_words": 15})
    found = tune.tune(client.server.pages.folder, {"quality": {"min_words": 15}}, 10)
    leaves = sum(found["stages"][0]["leaves"].values())
    assert 0 < leaves < 42
    assert "quality: min_words: 4 → 15" in answer.words
    assert f"{leaves} kept posts would be dropped (too_few_words {leaves})" in answer.words
    assert len(answer.texts) == min(leaves, 10)
    assert "quality_words 14" in answer.words
    back = client.page("thresholds", **{"quality.min_words": 1, "dropped_texts": 1})
    assert "6 dropped posts would be kept here; then dedup, pii decide about them" in back.words
    assert back.texts == ["Mail <EMAIL_ADDRESS>"] * 6


def test_thresholds_as_built_compare_nothing(client: Client) -> None:
    answer = client.page("thresholds")
    assert 'name="quality.min_words" value="4"' in answer.body
    assert "<article>" not in answer.body and "would be dropped" not in answer.words
    assert client.page("thresholds", **{"quality.min_words": 4}).body == answer.body


@pytest.mark.parametrize("value", ["many", "nan", "-3", "1e400"])
def test_a_wrong_threshold_is_an_error_in_words(client: Client, value: str) -> None:
    answer = client.page("thresholds", **{"quality.min_words": value})
    assert answer.status == 400
    assert "quality.min_words" in answer.words
    assert "<article>" not in answer.body


def test_a_suppressed_post_is_hidden_among_those_that_change_sides(folder: Path) -> None:
    suppress(folder, authors=[f"t:u{number}" for number in range(7)])
    with serving(folder / "out") as client:
        answer = client.page("thresholds", **{"quality.min_words": 20})
        assert answer.status == 200 and "kept posts would be dropped" in answer.words
        assert answer.texts == []
