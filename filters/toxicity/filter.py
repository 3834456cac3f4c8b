"""Score for every post how likely it is abuse, and how likely it is vulgar; drop the abuse.

``toxicity`` says that the post insults, threatens, harasses or demeans somebody: of ordinary posts
that score s or more, about a share s does (from .5 on; below, it only ranks). ``profanity`` is the
probability that it is vulgar though it attacks nobody, by which nothing is dropped unless
``max_profanity`` says so. Instead of dropping posts, the words that make them abusive may be
removed (``action: redact``), or only the scores written (``annotate``). The scores are those of the
post before redaction. A ``<TOXIC>`` in a text does not count, so a redacted post scores at most
``max_score`` when it is scored again.

A post is judged by the model of its language alone; one without a language, or whose language is
not sure, by that of English, German and Portuguese. A post in a language that none of our models
knows (see :func:`languages`) has no scores and is counted as unjudged; ``unjudged`` says whether it
is kept. The categories are of English, German and Portuguese only, and null elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl
from pydantic import Field, field_validator, model_validator

from filters.contract import UNJUDGED, Filter, FilterConfig, Threshold
from filters.text.languages import (
    LEAST_SCORE,
    find_entry,
    find_unknown_languages,
    with_languages,
)
from filters.toxicity import scorers
from filters.toxicity.redact_words import TOXIC_PLACEHOLDER, redact_texts
from filters.toxicity.scorers import CATEGORIES, LANGUAGE_MODELS, MAIN_LANGUAGES, Scorer

READS = ("text",)
WRITES: Mapping[str, pl.DataType] = {"toxicity": pl.Float32(), "profanity": pl.Float32()}
VERSION = 7
REASONS = (
    "toxic",
    "profane",
    "unjudged",
)

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
    """Return the languages of our models; those of another model are not known."""
    return () if config.model else tuple(sorted({*MAIN_LANGUAGES, *LANGUAGE_MODELS}))


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


class _Model(NamedTuple):
    """What scores the posts of some languages: a column for each score, and ``toxicity`` alone."""

    score: Scorer
    score_toxicity: Scorer


def build(config: Config) -> Filter:
    """Load the models; a ValueError or FileNotFoundError says what is wrong with one."""
    columns = _list_scores(config)
    loaded = _load_models(config)
    for model in loaded.values():
        model.score(pl.Series(["compile"]))  # numba compiles here, not in the first part
    known = languages(config)

    def toxicity(posts: pl.DataFrame) -> pl.DataFrame:
        named = with_languages(posts) if known else posts
        unknown = find_unknown_languages(named, known) if known else None
        rows = _split_by_model(named, unknown)
        posts = posts.with_columns(_score_posts(posts, rows, loaded, columns))
        if config.action == "redact":
            posts = _redact_posts(posts, rows, loaded, config.max_score)
        posts = posts.with_columns(verdict(config).alias("reject"))
        return posts if unknown is None else posts.with_columns(unknown.alias(UNJUDGED))

    return toxicity


def _load_models(config: Config) -> dict[str, _Model]:
    """Return the models by name: '' for the first, which judges posts without a language."""
    score_toxicity = _ignore_placeholders(scorers.load_scorer(config.model, config.label))
    if config.model:
        return {"": _Model(lambda texts: score_toxicity(texts)[:, None], score_toxicity)}
    # Models of one size read a text once.
    parts = [
        _ignore_placeholders(scorers.load_builtin_scorers(kinds))
        for kinds in (scorers.SCORES, config.categories)
        if kinds
    ]
    loaded = {"": _Model(_join_columns(parts), score_toxicity)}
    for name, each in scorers.load_language_scorers().items():
        own = [_ignore_placeholders(each)]
        with_categories = own + parts[1:] if name in MAIN_LANGUAGES else own
        loaded[name] = _Model(_join_columns(with_categories), _take_first_column(own[0]))
    return loaded


def _join_columns(parts: Sequence[Scorer]) -> Scorer:
    import numpy as np

    return lambda texts: np.concatenate([score(texts) for score in parts], axis=1)


def _take_first_column(score: Scorer) -> Scorer:
    return lambda texts: score(texts)[:, 0]


def _split_by_model(posts: pl.DataFrame, unknown: pl.Series | None) -> dict[str, pl.Series]:
    """Return the rows that each model judges; those of unknown languages are in none.

    The first model judges posts without a language, or with one that is not sure.
    """
    if unknown is None:
        return {"": pl.int_range(posts.height, dtype=pl.UInt32, eager=True)}
    names = {
        code: LANGUAGE_MODELS[entry]
        for code in posts["lang"].unique().drop_nulls()
        if (entry := find_entry(code, LANGUAGE_MODELS))
    }
    judged = pl.DataFrame({"lang": posts["lang"], "unknown": unknown}).with_row_index("row")
    if "lang_score" in posts.columns:
        is_sure = posts["lang_score"].fill_null(1) >= LEAST_SCORE
        judged = judged.with_columns(pl.when(is_sure).then("lang"))
    judged = judged.filter(pl.col("unknown").is_null()).with_columns(
        model=pl.col("lang").replace_strict(names, default="", return_dtype=pl.String)
    )
    return {str(name): part["row"] for (name,), part in judged.group_by("model")}


def _score_posts(
    posts: pl.DataFrame,
    rows: Mapping[str, pl.Series],
    loaded: Mapping[str, _Model],
    names: list[str],
) -> list[pl.Series]:
    """Return the columns of scores; null where a post's model, or none, has no such score."""
    import numpy as np

    texts = posts["text"].fill_null("").cast(pl.String)
    scores = np.full((posts.height, len(names)), np.nan, dtype=np.float32)
    for model, chosen in rows.items():
        found = loaded[model].score(texts.gather(chosen))
        scores[chosen.to_numpy(), : found.shape[1]] = found
    return [pl.Series(name, scores[:, at], nan_to_null=True) for at, name in enumerate(names)]


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


def _redact_posts(
    posts: pl.DataFrame,
    rows: Mapping[str, pl.Series],
    loaded: Mapping[str, _Model],
    max_score: float,
) -> pl.DataFrame:
    """Redact the texts that are too toxic, and count the redacted spans of each."""
    texts = posts["text"].clone()
    counts = pl.repeat(0, posts.height, dtype=pl.UInt16, eager=True)
    for model, chosen in rows.items():
        toxic = chosen.filter(posts["toxicity"].gather(chosen) > max_score)
        if toxic.is_empty():
            continue
        before = posts["text"].gather(toxic).to_list()
        redacted = redact_texts(before, loaded[model].score_toxicity, max_score)
        after = pl.Series(redacted, dtype=pl.String)
        spans = after.str.count_matches(TOXIC_PLACEHOLDER, literal=True).clip(0, _MAX_COUNT)
        texts = texts.scatter(toxic, after)
        counts = counts.scatter(toxic, spans.cast(pl.UInt16))
    return posts.with_columns(texts, counts.alias("toxicity_spans"))
