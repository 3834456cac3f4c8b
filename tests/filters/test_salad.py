"""``quality`` measures whether a stretch of a post is words in a random order."""

from __future__ import annotations

import random

import polars as pl
import pytest

from filters import quality
from filters.quality import salad

_ORDINARY = (
    "I was waiting for the bus this morning when my neighbour came over and told me that they are "
    "going to close the road again next week so we will have to walk to the station",
    "my sister made this soup last night and honestly it was the best thing I have eaten in months "
    "you just need a lot of garlic and some patience because it takes two hours",
    "does anyone know how to fix a washing machine that stops in the middle of the program and "
    "then will not open the door until the next day",
)
_WORDS = """
the of and people work not going because house time school was think with my some never really
money about country from water they team always have under game best city been their friend why
story where music at night should small change can white but old world after
"""
_VOCABULARY = _WORDS.split()


def _draw(count: int, seed: int) -> str:
    return " ".join(random.Random(seed).choices(_VOCABULARY, k=count))


def _measure(texts: list[str], **columns: list[str | None]) -> pl.DataFrame:
    return quality.build(quality.Config())(pl.DataFrame({"text": texts, **columns}))


def test_ordinary_posts_are_no_salad() -> None:
    result = _measure(list(_ORDINARY))
    assert result["reject"].to_list() == [None] * len(_ORDINARY)
    assert result["quality_salad"].max() < 4  # type: ignore[operator]


def test_random_words_are_dropped_also_behind_an_ordinary_beginning() -> None:
    salads = [_draw(60, seed) for seed in range(10)]
    behind = [f"{_ORDINARY[seed % 3]} qxtrig {_draw(60, seed)}" for seed in range(10)]
    reasons = _measure([*salads, *behind])["reject"].to_list()
    assert reasons.count("word_salad") >= 19


def test_lists_tags_code_refrains_and_short_posts_are_no_salad() -> None:
    words = _draw(40, 1).split()
    texts = [
        ", ".join(words),
        "\n".join(f"- {word}" for word in words),
        " ".join(f"#{word}" for word in words),
        " ".join(f"{word}({number});" for number, word in enumerate(words)),
        " ".join(words[:4]),
        "here we go round the garden wall and " * 8,
        "wow " * 40,
    ]
    scores = _measure(texts)["quality_salad"].to_list()
    assert max(scores) < quality.Config().max_salad, scores


def test_a_language_without_a_model_has_no_score() -> None:
    post = _draw(60, 3)
    result = _measure([post] * 4, lang=["en", "sw", None, "de-Latn"])
    assert result["quality_salad"].is_null().to_list() == [False, True, False, False]
    assert result["reject"].to_list()[:3] == ["word_salad", None, "word_salad"]
    assert set(salad.load_models()) == {"de", "en", "es", "pt"}


def test_a_threshold_can_be_moved() -> None:
    post = pl.DataFrame({"text": [_draw(60, 3)]})
    loose = quality.build(quality.Config(max_salad=500))(post)
    assert loose["reject"].to_list() == [None]


@pytest.mark.parametrize("text", ["", " ", "a", "' '", "#", "\u200d", "a'b 'c", "x " * 300])
def test_any_text_is_measured(text: str) -> None:
    assert _measure([text])["quality_salad"][0] >= 0


def test_a_text_s_score_does_not_depend_on_its_neighbours() -> None:
    texts = [*_ORDINARY, _draw(60, 1), "", _draw(30, 2)]
    together = _measure(texts)["quality_salad"].to_list()
    assert together == [_measure([text])["quality_salad"][0] for text in texts]
