"""Give each post one of your own labels, and keep or drop posts by their label.

``corpus train`` makes the model from posts that you have labelled; any other fastText classifier
works too. A model of ``corpus train`` has a note in its file of how its texts were cleaned, and
this filter cleans posts in the same way. For any other model a text is put on one line and is not
changed otherwise. Without a model no post is labelled and none is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from filters.contract import Filter, FilterConfig
from filters.text import cleaning, fasttext
from filters.text.suggestions import suggest

READS = ("text",)
WRITES: dict[str, pl.DataType] = {
    "classifier_label": pl.String(),
    "classifier_score": pl.Float32(),
}
VERSION = 1
REASONS = (
    "no_label",
    "unwanted_label",
    "unsure_label",
)
#: Settings that can be changed from the stored columns alone, each with the column it is compared
#: with.
MOVABLE = {
    "min_score": "classifier_score",
    "thresholds": "classifier_score",
    "keep": "classifier_label",
    "drop": "classifier_label",
}

#: What a model's note calls the cleaning of ``cleaning.tokenize_text``.
CLEANING = "tokens-1"
_CLEANINGS = {"": cleaning.flatten_whitespace, CLEANING: cleaning.tokenize_text}


class Config(FilterConfig):
    """The model, and which of its labels are kept.

    A post's label is the most likely one, and its score, from 0 to 1, is the model's probability of
    that label. A label with a score below its threshold does not count: with 'keep' the post is
    dropped, with 'drop' it is kept.
    """

    model: str = Field(default="", description="a .bin or .ftz of 'corpus train' or of fastText")
    keep: tuple[str, ...] = Field(
        default=(), description="labels that are kept; posts of all others are dropped"
    )
    drop: tuple[str, ...] = Field(
        default=(), description="or: labels that are dropped; posts of all others are kept"
    )
    min_score: float = Field(default=0.0, ge=0, le=1, description="a threshold for every label")
    thresholds: dict[str, float] = Field(
        default={},
        description="higher ones by label; by default those that 'corpus train' has found",
    )

    @field_validator("keep", "drop", mode="before")
    @classmethod
    def _convert_labels(cls, labels: Any) -> Any:
        # YAML reads 1, no and true as values that are not text.
        if isinstance(labels, (list, tuple)):
            return [_label_to_text(label) for label in labels]
        return labels

    @field_validator("thresholds", mode="before")
    @classmethod
    def _convert_threshold_labels(cls, thresholds: Any) -> Any:
        if isinstance(thresholds, Mapping):
            return {_label_to_text(label): score for label, score in thresholds.items()}
        return thresholds

    @model_validator(mode="after")
    def _check_labels_and_thresholds(self) -> Self:
        if self.keep and self.drop:
            raise ValueError("'keep' and 'drop' exclude each other; give one of them")
        wrong = [label for label, score in self.thresholds.items() if not 0 <= score <= 1]
        if wrong:
            raise ValueError(f"the threshold of '{wrong[0]}' must be from 0 to 1")
        return self


def _label_to_text(value: object) -> object:
    return str(value) if isinstance(value, (bool, int, float)) else value


def clean_for_training(column: str) -> pl.Expr:
    """Clean the texts in ``column`` as ``corpus train`` does for its models."""
    return cleaning.tokenize_text(column)


def write_model_note(path: Path, labels: Sequence[str], thresholds: Mapping[str, float]) -> None:
    """Write a note into the model's file, which ``build`` and ``resolved`` read.

    The note has the name of the cleaning, the user's names of the labels in the model's order, and
    for each label the score from which it has the wanted precision.
    """
    content = {"cleaning": CLEANING, "labels": list(labels), "thresholds": dict(thresholds)}
    fasttext.write_note(path, content)


def has_model_note(path: Path) -> bool:
    """Return whether a file is a model with the note that ``corpus train`` writes."""
    try:
        return {"cleaning", "labels"} <= fasttext.read_note(path).keys()
    except (OSError, ValueError):
        return False


def models(config: Config) -> list[Path]:
    """Return the model file, if one is named."""
    return [Path(config.model)] if config.model else []


def check(config: Config) -> None:
    """Raise ValueError if there is no model, or it is damaged, or has not a label of the plan."""
    if not config.model:
        raise ValueError(
            "classifier: no model; train one with 'corpus train' and name it: 'model: my.bin'"
        )
    _map_labels(config)


def resolved(config: Config) -> Config:
    """Return ``config`` with the thresholds that the model's note has for the plan's labels."""
    if not config.model:
        return config
    noted: dict[str, float] = _read_model_note(config).get("thresholds", {})
    named = {*config.keep, *config.drop}
    defaults = {label: score for label, score in noted.items() if label in named}
    return config.model_copy(update={"thresholds": {**defaults, **config.thresholds}})


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, from its stored label and score; ``config`` is resolved."""
    label, score = pl.col("classifier_label"), pl.col("classifier_score")
    threshold = pl.lit(config.min_score)
    for name, own_threshold in config.thresholds.items():
        higher = max(own_threshold, config.min_score)
        threshold = pl.when(label == name).then(pl.lit(higher)).otherwise(threshold)
    if config.keep:
        return (
            pl.when(label.is_null())
            .then(pl.lit("no_label"))
            .when(~label.is_in(config.keep))
            .then(pl.lit("unwanted_label"))
            .when(score < threshold)
            .then(pl.lit("unsure_label"))
        )
    unwanted = label.is_in(config.drop) & (score >= threshold)
    return pl.when(unwanted).then(pl.lit("unwanted_label")).otherwise(pl.lit(None, pl.String))


def build(config: Config) -> Filter:
    """Load the model and return the filter, which writes the most likely label and its score.

    A text that is empty after cleaning has no label, and the score 0.
    """
    if not config.model:
        return _write_no_labels
    names = _map_labels(config)
    clean = _CLEANINGS[_read_model_note(config).get("cleaning", "")]
    model = fasttext.load_model(Path(config.model))
    reject = verdict(resolved(config))

    def classifier(posts: pl.DataFrame) -> pl.DataFrame:
        texts = posts.select(clean("text").fill_null("")).to_series().to_list()
        labels, scores = [], []
        predictions = fasttext.predict_labels(model, texts, 1)
        for text, (found, probabilities) in zip(texts, predictions, strict=True):
            has_label = bool(text) and len(found) > 0
            labels.append(names[found[0]] if has_label else None)
            scores.append(float(probabilities[0]) if has_label else 0.0)
        return posts.with_columns(
            pl.Series("classifier_label", labels, dtype=pl.String),
            # fastText's softmax may exceed 1.
            pl.Series("classifier_score", scores, dtype=pl.Float32).clip(0, 1),
        ).with_columns(reject.alias("reject"))

    return classifier


def _write_no_labels(posts: pl.DataFrame) -> pl.DataFrame:
    return posts.with_columns(
        pl.lit(None, pl.String).alias("classifier_label"),
        pl.lit(0.0, pl.Float32).alias("classifier_score"),
        pl.lit(None, pl.String).alias("reject"),
    )


def _read_model_note(config: Config) -> dict[str, Any]:
    try:
        note = fasttext.read_note(Path(config.model))
    except ValueError as error:
        raise ValueError(f"classifier: {error}") from None
    if note.get("cleaning", "") not in _CLEANINGS:
        raise ValueError(
            f"classifier: {config.model} was trained by another version of social-corpus, which "
            f"cleaned texts by '{note['cleaning']}'; train it again"
        )
    return note


def _map_labels(config: Config) -> dict[str, str]:
    """Map fastText's labels to the user's names of them, and check the labels of the plan."""
    try:
        model_labels = fasttext.read_labels(Path(config.model))
    except ValueError as error:
        raise ValueError(f"classifier: {error}") from None
    names = _read_model_note(config).get("labels", model_labels)
    if len(names) != len(model_labels):
        raise ValueError(f"classifier: {config.model}: its note is of another model; train again")
    for name in (*config.keep, *config.drop, *config.thresholds):
        if name not in names:
            hint = suggest(name, sorted(names), "it has")
            # YAML reads an unquoted no as False.
            quote = " Quote a label like 'no' in YAML." if name in ("True", "False") else ""
            raise ValueError(f"classifier: {config.model} has no label '{name}'; {hint}{quote}")
    return {
        f"{fasttext.LABEL_PREFIX}{label}": name
        for label, name in zip(model_labels, names, strict=True)
    }
