"""Redacting and annotating: which words go, and that what is left is under the limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from filters import toxicity
from filters.contract import Filter, writes
from filters.toxicity.redact_words import redact_texts
from tests.conftest import post, write_lines

CALM = "the train was late so we had tea and talked about the garden and the weather " * 8


@pytest.fixture(scope="module")
def redactor() -> Filter:
    return toxicity.build(toxicity.Config(action="redact"))


def _posts(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("have a lovely day", "have a lovely day"),
        ("you fucking idiot, see you at nine", "you <TOXIC> see you at nine"),
        ("what a day\n\nFUCK!!\n  see you", "what a day\n\n<TOXIC>\n  see you"),
        ("f u c k you, see you at nine", "<TOXIC> you, see you at nine"),
        ("@ann look at https://x.org/a sh1t", "@ann look at https://x.org/a <TOXIC>"),
        ("fuck", "<TOXIC>"),
        ("", ""),
        (None, None),
    ],
)
def test_the_words_that_condemn_go_and_the_rest_stays_as_it_was(
    redactor: Filter, text: str | None, left: str | None
) -> None:
    assert redactor(_posts(text))["text"].to_list() == [left]


def test_a_redacted_post_stays_with_the_score_it_came_with(redactor: Filter) -> None:
    judged = redactor(_posts("good morning", "fuck you idiot and my dear garden, fuck the weather"))
    assert judged["reject"].to_list() == [None, None]
    assert judged["toxicity"][1] > 0.8
    assert judged["toxicity_spans"].to_list()[0] == 0
    spans = judged["text"][1].count("<TOXIC>")
    assert judged["toxicity_spans"][1] == spans > 1


def test_what_is_left_scores_below_the_limit_and_is_not_redacted_again(redactor: Filter) -> None:
    insult = "you stupid fucking idiot, shut up"
    texts = [
        insult,
        f"{CALM} {insult}",
        f"{CALM} {insult} {CALM} {insult} {CALM}",
        f"{insult} " * 90,
    ]
    once = redactor(_posts(*texts))
    assert once["toxicity"].min() > 0.8
    again = redactor(once.select("text"))
    assert again["toxicity"].max() <= 0.8
    assert again["text"].equals(once["text"])


@pytest.mark.parametrize("max_score", [0.0, 0.1, 0.5, 1.0])
def test_any_limit_is_kept(max_score: float) -> None:
    redactor = toxicity.build(toxicity.Config(action="redact", max_score=max_score))
    posts = _posts("good morning you idiot", CALM, f"fuck {CALM} fuck {CALM}", "🤣", "ей привет")
    assert redactor(redactor(posts).select("text"))["toxicity"].max() <= max_score


def test_a_long_post_loses_its_abuse_alone(redactor: Filter) -> None:
    left = redactor(_posts(f"{CALM}you stupid fucking idiot {CALM}"))["text"][0]
    assert left.startswith(CALM)
    assert left.endswith(CALM)
    assert "<TOXIC>" in left


def test_the_mark_behind_a_turn_of_a_conversation_stays(redactor: Filter) -> None:
    mark = "\U0010fffd"
    left = redactor(_posts(f"user_1: fuck{mark}\nuser_2: you fucking bitch{mark}"))["text"][0]
    assert left.count(mark) == 2
    assert left.endswith(f"<TOXIC>{mark}")


def test_redaction_does_not_depend_on_the_neighbours(redactor: Filter) -> None:
    texts = ["hello", "fuck you", f"{CALM} you idiot, fuck off", "", "what a bitch"]
    together = redactor(_posts(*texts))
    alone = pl.concat([redactor(_posts(text)) for text in texts])
    assert together.equals(alone)


def test_of_words_that_weigh_the_same_the_first_goes() -> None:
    def score(texts: pl.Series) -> object:
        return (texts.str.count_matches("bad") * 0.3).to_numpy()

    assert redact_texts(["bad x bad y bad z bad"], score, 0.6) == ["<TOXIC> x <TOXIC> y bad z bad"]  # type: ignore[arg-type]


def test_annotating_writes_the_score_and_nothing_else() -> None:
    annotator = toxicity.build(toxicity.Config(action="annotate", max_score=0.0))
    judged = annotator(_posts("you stupid idiot", None))
    assert ["text", "toxicity", "reject"] == judged.columns
    assert judged["text"].to_list() == ["you stupid idiot", None]
    assert judged["reject"].to_list() == [None, None]
    assert judged["toxicity"][0] > 0.8


def test_the_columns_of_a_config_are_the_columns_it_writes(redactor: Filter) -> None:
    config = toxicity.Config(action="redact", categories=True)
    judged = toxicity.build(config)(_posts("hello"))
    assert dict(judged.drop("reject").schema) == dict(writes(toxicity, config))
    assert pl.UInt16() == judged.schema["toxicity_spans"]
    assert ("toxicity",) == tuple(writes(toxicity, toxicity.Config()))


@pytest.mark.parametrize("text", ["fuck " * 2_000, "fuck" * 250_000, "你好" * 300_000])
def test_a_huge_post_is_redacted(redactor: Filter, text: str) -> None:
    left = redactor(_posts(text))["text"]
    assert redactor(left.to_frame())["toxicity"][0] <= 0.8


def test_later_stages_see_the_redacted_text(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    texts = [
        "shut up idiot! see you at nine, joe@example.org",
        "shut up bitch! see you at nine, joe@example.org",
        "the train was late so we had tea",
    ]
    write_lines(tmp_path / "posts.jsonl", [post(n, text=text) for n, text in enumerate(texts)])
    corpus.build(plan([{"toxicity": {"action": "redact"}}, {"dedup": {}}, {"pii": {}}]))
    kept = corpus.load(tmp_path / "out").scan().collect().sort("id")
    assert [
        "shut up <TOXIC> see you at nine, <EMAIL_ADDRESS>",
        "the train was late so we had tea",
    ] == kept["text"].to_list()
    assert [1, 0] == kept["toxicity_spans"].to_list()
    ledger = corpus.load(tmp_path / "out").dropped().collect()
    assert ["exact_duplicate"] == ledger["reason"].to_list()
