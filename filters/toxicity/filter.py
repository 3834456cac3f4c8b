"""Score for every post how likely it is abuse, and how likely it is vulgar; drop the abuse.

``toxicity`` says that the post insults, threatens, harasses or demeans somebody: of ordinary posts
that score s or more, about a share s does (from .5 on; below, it only ranks). ``profanity`` is the
probability that it is vulgar though it attacks nobody, by which nothing is dropped unless
``max_profanity`` says so. Instead of dropping posts, the words that make them abusive may be
removed (``action: redact``), or only the scores written (``annotate``). The scores are those of the
post before redaction. A ``<TOXIC>`` in a text does not count, so a redacted post scores at most
``max_score`` when it is scored again.

A post in a language that our model does not know (see :func:`languages`) has no scores and is
counted as unjudged; ``unjudged`` says whether it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from filters.contract import UNJUDGED, Filter, FilterConfig, Threshold
from filters.text.languages import find_unknown_languages
from filters.text.rows import change_where
from filters.toxicity import scorers
from filters.toxicity.redact_words import TOXIC_PLACEHOLDER, redact_texts
from filters.toxicity.scorers import CATEGORIES, Scorer

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {"toxicity": pl.Float32(), "profanity": pl.Float32()}
VERSION = 3

_MAX_COUNT = 65535  # of the count column's type


class Config(FilterConfig):
    """What is too toxic, which model decides, and what is done with such posts."""

    max_score: float = Field(
        default=0.8, ge=0, le=1, description="a higher score for abuse is too toxic"
    )
    max_profanity: float = Field(
        default=1.0, ge=0, le=1, description="a higher one of vulgarity is too profane; 1: no limit"
    )
    action: Literal["drop", "redact", "annotate"] = Field(
        default="drop",
        description="redact: <TOXIC> for the words that cause it; annotate: score only",
    )
    unjudged: Literal["keep", "drop"] = Field(
        default="keep", description="what is done with posts in languages that are not known"
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
        if self.model and self.max_profanity < 1:
            raise ValueError("profanity is our own model's; leave out 'model' or 'max_profanity'")
        if self.action == "annotate" and self.unjudged == "drop":
            raise ValueError("'action: annotate' drops nothing; leave out 'unjudged'")
        if self.action != "drop" and self.max_profanity < 1:
            raise ValueError(f"'action: {self.action}' drops nothing; leave out 'max_profanity'")
        return self


def writes(config: Config) -> Mapping[str, pl.DataType]:
    """Return the columns it adds under a Config: the scores, and a count of redactions."""
    columns = dict.fromkeys(_list_scores(config), pl.Float32())
    if config.action != "redact":
        return columns
    return {"text": pl.String(), **columns, "toxicity_spans": pl.UInt16()}


def _list_scores(config: Config) -> list[str]:
    """Return the columns of scores; another model has one only."""
    if config.model:
        return ["toxicity"]
    return [*scorers.SCORES, *(f"toxicity_{name}" for name in config.categories)]


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
    """Return the bounds of the scores, if posts above them are dropped."""
    if config.action != "drop":
        return ()
    toxic = Threshold("toxicity", "max_score", "max", "toxic")
    profane = Threshold("profanity", "max_profanity", "max", "profane")
    return (toxic,) if config.model else (toxic, profane)


def build(config: Config) -> Filter:
    """Load the model; a ValueError or FileNotFoundError says what is wrong with it."""
    score = _ignore_placeholders(scorers.load_scorer(config.model, config.label))
    # The scorers by the columns that they fill: models of one size read a text once.
    parts: list[tuple[list[str], Scorer]] = []
    if config.model:
        parts.append((["toxicity"], lambda texts: score(texts)[:, None]))
    for kinds in () if config.model else (scorers.SCORES, config.categories):
        names = [kind if kind in scorers.SCORES else f"toxicity_{kind}" for kind in kinds]
        if kinds:
            parts.append((names, _ignore_placeholders(scorers.load_builtin_scorers(kinds))))
    for _, each in parts:
        each(pl.Series(["compile"]))  # numba compiles here, not in the first part

    known = languages(config)

    def toxicity(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts["text"].fill_null("").cast(pl.String)
        unknown = find_unknown_languages(posts, known) if known else None
        if unknown is not None:
            texts = change_where(texts, unknown.is_not_null(), lambda some: [""] * len(some))
        for names, each in parts:
            scores = each(texts)
            posts = posts.with_columns(
                pl.Series(name, scores[:, column], dtype=pl.Float32)
                for column, name in enumerate(names)
            )
        if unknown is not None:
            is_known = pl.lit(unknown.is_null())
            posts = posts.with_columns(
                pl.when(is_known).then(name).alias(name) for names, _ in parts for name in names
            )
        if config.action == "redact":
            posts = _redact_posts(posts, score, config.max_score)
        posts = posts.with_columns(verdict(config).alias("reject"))
        return posts if unknown is None else posts.with_columns(unknown.alias(UNJUDGED))

    return toxicity


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, from its stored scores; null unless ``action: drop``."""
    none = pl.lit(None, pl.String)
    if config.unjudged == "drop":
        none = pl.when(pl.col("toxicity").is_null()).then(pl.lit("unjudged"))
    if config.action != "drop":
        return none
    # Corpora of earlier versions have no column for what limits nothing.
    is_profane = pl.col("profanity") > config.max_profanity
    profane = pl.when(is_profane).then(pl.lit("profane")).otherwise(none)
    is_toxic = pl.col("toxicity") > config.max_score
    return (
        pl.when(is_toxic)
        .then(pl.lit("toxic"))
        .otherwise(profane if config.max_profanity < 1 else none)
    )


def movable(config: Config) -> Mapping[str, str]:
    """Return the thresholds, if posts above them are dropped.

    If words are redacted, another threshold would redact other words.
    """
    return {bound.setting: bound.column for bound in thresholds(config)}


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
