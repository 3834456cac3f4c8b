"""Give every post the probability that people would call it offensive; drop the surest ones.

Or keep them and take out the words that say so (``action: redact``), or only write the score
(``annotate``). The score is that of the post as it came. A ``<TOXIC>`` in a text counts for
nothing, so a redacted post scores at most ``max_score`` when it is judged again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from filters.contract import Filter, FilterConfig, Threshold
from filters.toxicity import redact_words
from filters.toxicity import scorers as _toxicity_models
from filters.toxicity.scorers import CATEGORIES, Scorer

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {"toxicity": pl.Float32()}
VERSION = 2

_MAX_COUNT = 65535  # what a count column holds


class Config(FilterConfig):
    """What is too toxic, who says so, and what then."""

    max_score: float = Field(default=0.8, ge=0, le=1, description="a higher score is too toxic")
    action: Literal["drop", "redact", "annotate"] = Field(
        default="drop",
        description="redact: <TOXIC> for the words that do it; annotate: score only",
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
    """The columns it adds under a Config: a score for each category, a count of redactions."""
    more = {f"toxicity_{name}": pl.Float32() for name in config.categories}
    if config.action != "redact":
        return {**WRITES, **more}
    return {"text": pl.String(), **WRITES, **more, "toxicity_spans": pl.UInt16()}


def models(config: Config) -> list[Path]:
    """The model files that ``build`` will load."""
    return _toxicity_models.list_model_files(config.model)


def check(config: Config) -> None:
    """A ValueError if the package behind the model's name is not there."""
    _toxicity_models.check_model(config.model)


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """What the score is held to, where it makes a post leave."""
    bound = Threshold("toxicity", "max_score", "max", "toxic")
    return (bound,) if config.action == "drop" else ()


def build(config: Config) -> Filter:
    """Load the model; a ValueError or FileNotFoundError says what is wrong with it."""
    score = _ignore_placeholders(_toxicity_models.load_scorer(config.model, config.label))
    scorers = {"toxicity": score}
    for name in config.categories:
        scorers[f"toxicity_{name}"] = _ignore_placeholders(
            _toxicity_models.load_builtin_scorer(name)
        )
    for each in scorers.values():
        each(pl.Series(["compile"]))  # what compiles on first use does so here

    def toxicity(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("").cast(pl.String)
        posts = posts.with_columns(
            pl.Series(name, each(texts), dtype=pl.Float32) for name, each in scorers.items()
        )
        if config.action == "redact":
            posts = _redact_posts(posts, score, config.max_score)
        return posts.with_columns(verdict(config).alias("reject"))

    return toxicity


def verdict(config: Config) -> pl.Expr:
    """Why a post leaves, of its stored probability; none does but for ``action: drop``."""
    leaves = pl.col("toxicity") > config.max_score if config.action == "drop" else pl.lit(False)
    return pl.when(leaves).then(pl.lit("toxic")).otherwise(pl.lit(None, pl.String))


def movable(config: Config) -> Mapping[str, str]:
    """Where posts leave, the threshold; where words do, another one takes out other words."""
    return {"max_score": "toxicity"} if config.action == "drop" else {}


def _ignore_placeholders(score: Scorer) -> Scorer:
    """The score of what a placeholder leaves to read."""
    return lambda texts: score(
        texts.str.replace_all(redact_words.TOXIC_PLACEHOLDER, " ", literal=True)
    )


def _redact_posts(posts: pl.DataFrame, score: Scorer, max_score: float) -> pl.DataFrame:
    """What is too toxic, without the words that make it so; and how many spans went."""
    rows = (posts["toxicity"] > max_score).arg_true()
    before = posts["text"].gather(rows)
    after = pl.Series(
        redact_words.redact_texts(before.to_list(), score, max_score), dtype=pl.String
    )
    spans = after.str.count_matches(redact_words.TOXIC_PLACEHOLDER, literal=True).clip(
        0, _MAX_COUNT
    )
    none = pl.repeat(0, posts.height, dtype=pl.UInt16, eager=True)
    return posts.with_columns(
        posts["text"].clone().scatter(rows, after) if len(rows) else posts["text"],
        none.scatter(rows, spans.cast(pl.UInt16)).alias("toxicity_spans"),
    )
