"""Redaction replaces the right words and lowers the score to the limit; annotation only scores."""

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
INSULTS = "you are a stupid idiot, shut up you moron, you are a stupid idiot"


@pytest.fixture(scope="module")
def redactor() -> Filter:
    return toxicity.build(toxicity.Config(action="redact"))


def make_posts(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("have a lovely day", "have a lovely day"),
        ("good morning you idiot, see you at nine", "good morning you <TOXIC> see you at nine"),
        ("what a day\n\nIDIOT!!\n  see you", "what a day\n\n<TOXIC>\n  see you"),
        ("what a fucking great day", "what a fucking great day"),
        ("@ann look at https://x.org/a 1d10t", "@ann look at https://x.org/a <TOXIC>"),
        ("kys", "<TOXIC>"),
        ("", ""),
        (None, None),
    ],
)
def test_only_the_toxic_words_are_replaced(
    redactor: Filter, text: str | None, redacted: str | None
) -> None:
    assert redactor(make_posts(text))["text"].to_list() == [redacted]


def test_a_redacted_post_is_kept_with_its_original_score(redactor: Filter) -> None:
    filtered = redactor(
        make_posts("good morning", "you idiot, my dear garden and the rain, you filthy moron")
    )
    assert filtered["reject"].to_list() == [None, None]
    assert filtered["toxicity"][1] > 0.8
    assert filtered["toxicity_spans"].to_list()[0] == 0
    spans = filtered["text"][1].count("<TOXIC>")
    assert filtered["toxicity_spans"][1] == spans > 1


def test_a_redacted_text_scores_below_the_limit_and_a_second_run_changes_nothing(
    redactor: Filter,
) -> None:
    texts = [
        INSULTS,
        f"{CALM} {INSULTS}",
        f"{CALM} {INSULTS} {CALM} {INSULTS} {CALM}",
        f"{INSULTS} " * 45,
    ]
    once = redactor(make_posts(*texts))
    assert once["toxicity"].min() > 0.8
    again = redactor(once.select("text"))
    assert again["toxicity"].max() <= 0.8
    assert again["text"].equals(once["text"])


@pytest.mark.parametrize("max_score", [0.0, 0.1, 0.5, 1.0])
def test_a_redacted_text_scores_below_any_limit(max_score: float) -> None:
    redactor = toxicity.build(toxicity.Config(action="redact", max_score=max_score))
    posts = make_posts(
        "good morning you idiot", CALM, f"fuck {CALM} fuck {CALM}", "🤣", "ей привет"
    )
    assert redactor(redactor(posts).select("text"))["toxicity"].max() <= max_score


def test_a_long_post_loses_only_its_toxic_words(redactor: Filter) -> None:
    redacted = redactor(make_posts(f"{CALM}{INSULTS} {CALM}"))["text"][0]
    assert redacted.startswith(CALM)
    assert redacted.endswith(CALM)
    assert "<TOXIC>" in redacted


def test_the_mark_after_a_turn_of_a_conversation_is_kept(redactor: Filter) -> None:
    mark = "\U0010fffd"
    redacted = redactor(make_posts(f"user_1: idiot{mark}\nuser_2: you filthy moron{mark}"))["text"][
        0
    ]
    assert redacted.count(mark) == 2
    assert redacted.endswith(f"<TOXIC>{mark}")


def test_redaction_does_not_depend_on_the_batch(redactor: Filter) -> None:
    texts = ["hello", "fuck you", f"{CALM} you idiot, fuck off", "", "what a bitch"]
    together = redactor(make_posts(*texts))
    alone = pl.concat([redactor(make_posts(text)) for text in texts])
    assert together.equals(alone)


def test_of_words_with_equal_weight_the_first_is_replaced() -> None:
    def score(texts: pl.Series) -> object:
        return (texts.str.count_matches("bad") * 0.3).to_numpy()

    assert redact_texts(["bad x bad y bad z bad"], score, 0.6) == ["<TOXIC> x <TOXIC> y bad z bad"]  # type: ignore[arg-type]


def test_annotating_writes_the_score_and_nothing_else() -> None:
    annotator = toxicity.build(toxicity.Config(action="annotate", max_score=0.0))
    filtered = annotator(make_posts("you stupid idiot", None))
    assert ["text", "toxicity", "profanity", "reject", "unjudged"] == filtered.columns
    assert filtered["text"].to_list() == ["you stupid idiot", None]
    assert filtered["reject"].to_list() == [None, None]
    assert filtered["toxicity"][0] > 0.8


def test_the_columns_of_a_config_are_the_columns_it_writes(redactor: Filter) -> None:
    config = toxicity.Config(action="redact", categories=True)
    filtered = toxicity.build(config)(make_posts("hello"))
    assert dict(filtered.drop("reject", "unjudged").schema) == dict(writes(toxicity, config))
    assert pl.UInt16() == filtered.schema["toxicity_spans"]
    assert ("toxicity", "profanity") == tuple(writes(toxicity, toxicity.Config()))


@pytest.mark.parametrize("text", ["fuck " * 2_000, "fuck" * 250_000, "你好" * 300_000])
def test_a_huge_post_is_redacted(redactor: Filter, text: str) -> None:
    posts = make_posts(text).with_columns(lang=pl.lit("en"))
    redacted = posts.with_columns(redactor(posts)["text"])
    assert redactor(redacted)["toxicity"][0] <= 0.8


def test_later_stages_see_the_redacted_text(
    plan: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    texts = [
        "shut up idiot! see you at nine, joe@example.org",
        "shut up moron! see you at nine, joe@example.org",
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
