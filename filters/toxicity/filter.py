"""Score for every post how likely people would call it offensive, and drop the most offensive.

Or keep them and remove the words that make them so (``action: redact``), or only write the score
(``annotate``). The score is that of the post before redaction. A ``<TOXIC>`` in a text does not
count, so a redacted post scores at most ``max_score`` when it is scored again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.toxicity import scorers
from filters.toxicity.redact_words import TOXIC_PLACEHOLDER, redact_texts
from filters.toxicity.scorers import CATEGORIES, Scorer

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {"toxicity": pl.Float32()}
VERSION = 2

_MAX_COUNT = 65535  # of the count column's type


class Config(FilterConfig):
    """What is too toxic, which model decides, and what is done with such posts."""

    max_score: float = Field(default=0.8, ge=0, le=1, description="a higher score is too toxic")
    action: Literal["drop", "redact", "annotate"] = Field(
        default="drop",
        description="redact: <TOXIC> for the words that cause it; annotate: score only",
    )
    categories: tuple[str, ...] = Field(
        default=(), description=f"scores of their own: {', '.join(CATEGORIES)}; true is all"
    )
    model: str = Field(
        default="",
        description="'' is ours; a fastText .bin or .ftz, alt-profanity-check, detoxify:FOLDER",
    )
    label: str = Field(default="toxic", min_length=1, description="the toxic class of your model")

    @field_validator("categories", mode="before")
    @classmethod
    def _expand_true(cls, categories: Any) -> Any:
        return (CATEGORIES if categories else ()) if isinstance(categories, bool) else categories

    @field_validator("categories")
    @classmethod
    def _known_categories(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        for name in categories:
            if name not in CATEGORIES:
                raise ValueError(f"unknown category '{name}'; known: {', '.join(CATEGORIES)}")
        return tuple(dict.fromkeys(categories))

    @model_validator(mode="after")
    def _check_model_and_categories(self) -> Config:
        if self.model and self.categories:
            raise ValueError("categories are our own model's; leave out 'model' or 'categories'")
        return self


def writes(config: Config) -> Mapping[str, pl.DataType]:
    """Return the columns it adds under a Config: a score a category, a count of redactions."""
    scores = {f"toxicity_{name}": pl.Float32() for name in config.categories}
    if config.action != "redact":
        return {**WRITES, **scores}
    return {"text": pl.String(), **WRITES, **scores, "toxicity_spans": pl.UInt16()}


def models(config: Config) -> list[Path]:
    """Return the model files that ``build`` will load."""
    return scorers.list_model_files(config.model)


def languages(config: Config) -> tuple[str, ...]:
    """Return the languages that our model is trained on; of another model they are not known."""
    return () if config.model else ("de", "en", "pt")


def check(config: Config) -> None:
    """Raise ValueError if the model's package or folder does not exist."""
    scorers.check_model(config.model)


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """Return the bound of the score, if posts above it are dropped."""
    bound = Threshold("toxicity", "max_score", "max", "toxic")
    return (bound,) if config.action == "drop" else ()


def build(config: Config) -> Filter:
    """Load the model; a ValueError or FileNotFoundError says what is wrong with it."""
    score = _ignore_placeholders(scorers.load_scorer(config.model, config.label))
    scorers_by_column = {"toxicity": score}
    for name in config.categories:
        category_scorer = _ignore_placeholders(scorers.load_builtin_scorer(name))
        scorers_by_column[f"toxicity_{name}"] = category_scorer
    for each in scorers_by_column.values():
        each(pl.Series(["compile"]))  # numba compiles here, not in the first part

    def toxicity(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("").cast(pl.String)
        posts = posts.with_columns(
            pl.Series(name, each(texts), dtype=pl.Float32)
            for name, each in scorers_by_column.items()
        )
        if config.action == "redact":
            posts = _redact_posts(posts, score, config.max_score)
        return posts.with_columns(verdict(config).alias("reject"))

    return toxicity


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, from its stored score; null unless ``action: drop``."""
    is_toxic = pl.col("toxicity") > config.max_score if config.action == "drop" else pl.lit(False)
    return pl.when(is_toxic).then(pl.lit("toxic")).otherwise(pl.lit(None, pl.String))


def movable(config: Config) -> Mapping[str, str]:
    """Return the threshold, if posts above it are dropped.

    If words are redacted, another threshold would redact other words.
    """
    return {"max_score": "toxicity"} if config.action == "drop" else {}


def _ignore_placeholders(score: Scorer) -> Scorer:
    """Return a scorer of the text around placeholders."""
    return lambda texts: score(texts.str.replace_all(TOXIC_PLACEHOLDER, " ", literal=True))


def _redact_posts(posts: pl.DataFrame, score: Scorer, max_score: float) -> pl.DataFrame:
    """Redact the texts that are too toxic, and count the redacted spans of each."""
    rows = (posts["toxicity"] > max_score).arg_true()
    before = posts["text"].gather(rows)
    after = pl.Series(redact_texts(before.to_list(), score, max_score), dtype=pl.String)
    spans = after.str.count_matches(TOXIC_PLACEHOLDER, literal=True).clip(0, _MAX_COUNT)
    none = pl.repeat(0, posts.height, dtype=pl.UInt16, eager=True)
    return posts.with_columns(
        posts["text"].clone().scatter(rows, after) if len(rows) else posts["text"],
        none.scatter(rows, spans.cast(pl.UInt16)).alias("toxicity_spans"),
    )
