"""Say which of your own labels fits a post, and keep or drop by it.

``corpus train`` makes the model of posts that you have labelled; any other fastText classifier does
too. What texts were cleaned by for a model of ``corpus train`` is noted in its file, and done here
again; for any other model a text is put on one line and left as it was written. Without a model
nothing is labelled and nothing leaves.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from filters.contract import Filter, FilterConfig
from filters.text import cleaning, fasttext

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "classifier_label": pl.String(),
    "classifier_score": pl.Float32(),
}
VERSION = 1
#: Settings that the stored columns suffice to move, each with the column it is held against.
MOVABLE = {
    "min_score": "classifier_score",
    "thresholds": "classifier_score",
    "keep": "classifier_label",
    "drop": "classifier_label",
}

#: The name, in a model's note, of what ``_text.tokenised`` does.
CLEANING = "tokens-1"
_CLEANINGS = {"": cleaning.flatten_whitespace, CLEANING: cleaning.tokenize_text}


class Config(FilterConfig):
    """The model, and which of its labels stay. A label is the model's likeliest; a score, from 0
    to 1, is how likely the model holds it to be. A label of a score below its threshold is not
    believed: with 'keep' the post leaves, with 'drop' it stays."""

    model: str = Field(default="", description="a .bin or .ftz of 'corpus train' or of fastText")
    keep: tuple[str, ...] = Field(
        default=(), description="labels that stay; every other one leaves"
    )
    drop: tuple[str, ...] = Field(
        default=(), description="or: labels that leave; every other one stays"
    )
    min_score: float = Field(default=0.0, ge=0, le=1, description="a threshold for every label")
    thresholds: dict[str, float] = Field(
        default={},
        description="higher ones by label; by default those that 'corpus train' has found",
    )

    @field_validator("keep", "drop", mode="before")
    @classmethod
    def _convert_labels(cls, labels: Any) -> Any:
        # YAML reads 1, no and true as something else than text.
        return (
            [_label_to_text(each) for each in labels]
            if isinstance(labels, (list, tuple))
            else labels
        )

    @field_validator("thresholds", mode="before")
    @classmethod
    def _convert_threshold_labels(cls, found: Any) -> Any:
        return {_label_to_text(name): score for name, score in found.items()} if isinstance(
            found, Mapping
        ) else found  # fmt: skip

    @model_validator(mode="after")
    def _check_labels_and_thresholds(self) -> Self:
        if self.keep and self.drop:
            raise ValueError("'keep' and 'drop' exclude each other; give one of them")
        wrong = [name for name, score in self.thresholds.items() if not 0 <= score <= 1]
        if wrong:
            raise ValueError(f"the threshold of '{wrong[0]}' must be from 0 to 1")
        return self


def _label_to_text(value: object) -> object:
    return str(value) if isinstance(value, (bool, int, float)) else value


def clean_for_training(column: str) -> pl.Expr:
    """The texts that a model of ``corpus train`` reads, of those in ``column``."""
    return cleaning.tokenize_text(column)


def write_model_note(path: Path, labels: Sequence[str], thresholds: Mapping[str, float]) -> None:
    """Note in a model's file how its texts were cleaned, what its labels are called in the order
    in which it has them, and which score of a label gave the wanted precision."""
    told = {"cleaning": CLEANING, "labels": list(labels), "thresholds": dict(thresholds)}
    fasttext.write_note(path, told)


def models(config: Config) -> list[Path]:
    """The model file, if one is named."""
    return [Path(config.model)] if config.model else []


def check(config: Config) -> None:
    """A ValueError if there is no model, or it is broken, or lacks a label that is named."""
    if not config.model:
        raise ValueError(
            "classifier: no model; train one with 'corpus train' and name it: 'model: my.bin'"
        )
    _map_labels(config)


def resolved(config: Config) -> Config:
    """The same with the thresholds that the model's note has for the labels that are named."""
    if not config.model:
        return config
    found: dict[str, float] = _read_model_note(config).get("thresholds", {})
    asked = {*config.keep, *config.drop}
    noted = {name: score for name, score in found.items() if name in asked}
    return config.model_copy(update={"thresholds": {**noted, **config.thresholds}})


def verdict(config: Config) -> pl.Expr:
    """Why a post leaves, of its stored label and score; ``config`` as ``resolved`` gives it."""
    label, score = pl.col("classifier_label"), pl.col("classifier_score")
    needed = pl.lit(config.min_score)
    for name, threshold in config.thresholds.items():
        most = max(threshold, config.min_score)
        needed = pl.when(label == name).then(pl.lit(most)).otherwise(needed)
    if config.keep:
        return (
            pl.when(label.is_null())
            .then(pl.lit("no_label"))
            .when(~label.is_in(config.keep))
            .then(pl.lit("unwanted_label"))
            .when(score < needed)
            .then(pl.lit("unsure_label"))
        )
    unwanted = label.is_in(config.drop) & (score >= needed)
    return pl.when(unwanted).then(pl.lit("unwanted_label")).otherwise(pl.lit(None, pl.String))


def build(config: Config) -> Filter:
    """Load the model; the filter writes the likeliest label and its score.

    A text of which cleaning leaves nothing has no label, and the score 0.
    """
    if not config.model:
        return _write_no_labels
    names = _map_labels(config)
    cleaned = _CLEANINGS[_read_model_note(config).get("cleaning", "")]
    model = fasttext.load_model(Path(config.model))
    rejected = verdict(resolved(config))

    def classifier(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts.select(cleaned("text").fill_null("")).to_series().to_list()
        found, scores = [], []
        for text, (labels, sure) in zip(
            texts, fasttext.predict_labels(model, texts, 1), strict=True
        ):
            known = bool(text) and len(labels) > 0
            found.append(names[labels[0]] if known else None)
            scores.append(float(sure[0]) if known else 0.0)
        return posts.with_columns(
            pl.Series("classifier_label", found, dtype=pl.String),
            # fastText's softmax may pass 1.
            pl.Series("classifier_score", scores, dtype=pl.Float32).clip(0, 1),
        ).with_columns(rejected.alias("reject"))

    return classifier


def _write_no_labels(posts: pl.DataFrame) -> pl.DataFrame:
    return posts.with_columns(
        pl.lit(None, pl.String).alias("classifier_label"),
        pl.lit(0.0, pl.Float32).alias("classifier_score"),
        pl.lit(None, pl.String).alias("reject"),
    )


def _read_model_note(config: Config) -> dict[str, Any]:
    try:
        found = fasttext.read_note(Path(config.model))
    except ValueError as error:
        raise ValueError(f"classifier: {error}") from None
    if found.get("cleaning", "") not in _CLEANINGS:
        raise ValueError(
            f"classifier: {config.model} was trained by another version of corpus-builder, which "
            f"cleaned texts by '{found['cleaning']}'; train it again"
        )
    return found


def _map_labels(config: Config) -> dict[str, str]:
    """fastText's labels, each with what it is called here."""
    try:
        bare = fasttext.read_labels(Path(config.model))
    except ValueError as error:
        raise ValueError(f"classifier: {error}") from None
    called = _read_model_note(config).get("labels", bare)
    if len(called) != len(bare):
        raise ValueError(f"classifier: {config.model}: its note is of another model; train again")
    for name in (*config.keep, *config.drop, *config.thresholds):
        if name not in called:
            near = difflib.get_close_matches(name, called, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(sorted(called))}"
            # YAML takes an unquoted no for False.
            quote = " Quote a label like 'no' in YAML." if name in ("True", "False") else ""
            raise ValueError(f"classifier: {config.model} has no label '{name}'; {hint}{quote}")
    return {f"__label__{one}": other for one, other in zip(bare, called, strict=True)}
