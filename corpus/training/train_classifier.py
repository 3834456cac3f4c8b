"""Train a classifier on labelled posts, and measure it on posts that it was not trained on.

A hash of its normalized text assigns each post to a split: equal texts have one split, which does
not change when posts are added. Of 100 posts about 70 train, 10 choose thresholds and 20 test. The
figures are those of the filter that a plan runs with the model that is written: no model is trained
again on all posts.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from corpus.dedup.normalize import normalize_to_bytes
from corpus.errors import BuildError, PlanError, did_you_mean
from corpus.training import fit_fasttext
from corpus.training.fit_fasttext import TrainingSettings
from corpus.training.labelled_data import LabelledPosts
from filters import classifier

SPLIT_NAMES = ("train", "choose", "test")
#: A post whose hash modulo 100 is below the first number tests, else below the second chooses.
_TEST_BELOW, _CHOOSE_BELOW = 20, 30
#: A label of fewer posts cannot be learnt and tested.
MIN_POSTS_PER_LABEL = 10
#: A precision among fewer posts than this is chance.
MIN_PREDICTED = 10
_IMPOSSIBLE_SCORE = 2.0


class LabelMetrics(NamedTuple):
    """Counts for one label: posts that have it, posts predicted to have it, and those correctly."""

    posts: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """The share of the predicted posts that have the label."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """The share of the posts with the label that were predicted."""
        return self.correct / self.posts if self.posts else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.predicted + self.posts
        return 2 * self.correct / both if both else 0.0


class Threshold(NamedTuple):
    """The lowest score of a label that gives the wanted precision on the split ``choose``."""

    label: str
    wanted_precision: float
    score: float | None  # None: no score gives it
    choose_metrics: LabelMetrics  # at the score, or at the most precise one if none gives it
    test_metrics: LabelMetrics


@dataclass(frozen=True)
class TrainingResult:
    """A trained model: its file, what it was trained on, and its figures."""

    model: Path
    labelled: LabelledPosts
    settings: TrainingSettings
    matrix_rows: int
    counts: dict[str, dict[str, int]]  # label to split to posts
    distinct_texts: int
    conflicting_posts: int  # posts whose text has another label as well
    skipped_labels: dict[str, int]  # labels of too few posts, to their posts
    metrics: dict[str, LabelMetrics]
    majority_accuracy: float  # of predicting always the commonest label
    thresholds: tuple[Threshold, ...]

    @property
    def accuracy(self) -> float:
        """The share of test posts whose label is predicted."""
        found = self.metrics.values()
        return sum(row.correct for row in found) / sum(row.posts for row in found)

    @property
    def macro_f1(self) -> float:
        """The mean of all labels' F1."""
        return sum(row.f1 for row in self.metrics.values()) / len(self.metrics)


def train(
    labelled: LabelledPosts,
    out: str | Path,
    settings: TrainingSettings | None = None,
    precision: float | None = None,
    threshold_labels: Sequence[str] = (),
) -> TrainingResult:
    """Train on ``labelled``, write the model to ``out`` and return what was measured.

    ``out`` ends in ``.bin``, or in ``.ftz`` for a quarter of the size. ``precision`` asks for a
    threshold for each of ``threshold_labels``, or for every label. Raises
    :class:`~corpus.errors.PlanError` if the options or the posts do not allow such a model, and
    :class:`~corpus.errors.BuildError` if the training diverges.
    """
    settings = settings or TrainingSettings()
    target = _check_target(Path(out))
    posts, skipped_labels = _select_posts(labelled)
    names = sorted(set(posts["label"]))
    _check_threshold_options(precision, threshold_labels, names)
    fitted = _fit_model(posts.filter(pl.col("split") == "train"), names, settings)
    counts = _count_splits(posts)
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as folder:
        train_counts = {name: counts[name]["train"] for name in names}
        made = _write_model(fitted, train_counts, Path(folder) / target.name)
        held_out = _predict(posts.filter(pl.col("split") != "train"), made)
        choose, test = (held_out.filter(pl.col("split") == split) for split in ("choose", "test"))
        thresholds = tuple(
            _choose_threshold(name, precision, choose, test)
            for name in dict.fromkeys(threshold_labels or names)
            if precision is not None
        )
        found = {row.label: row.score for row in thresholds if row.score is not None}
        classifier.write_model_note(made, names, found)
        os.replace(made, target)
    common = max(names, key=lambda name: counts[name]["train"])
    return TrainingResult(
        model=target,
        labelled=labelled,
        settings=settings,
        matrix_rows=len(fitted.input),
        counts=counts,
        distinct_texts=posts["normalized"].n_unique(),
        conflicting_posts=posts.filter(pl.col("label").n_unique().over("normalized") > 1).height,
        skipped_labels=skipped_labels,
        metrics={name: _measure_label(test, name) for name in names},
        majority_accuracy=counts[common]["test"] / test.height,
        thresholds=thresholds,
    )


def _check_target(out: Path) -> Path:
    if out.suffix not in (".bin", ".ftz"):
        raise PlanError(f"--out '{out}': a model's name ends in .bin, or in .ftz for a small one")
    if not out.parent.is_dir():
        raise PlanError(f"--out '{out}': there is no folder '{out.parent}'; make it first")
    if out.is_dir():
        raise PlanError(f"--out '{out}' is a folder; name a file")
    if os.path.lexists(out) and (out.is_symlink() or not classifier.has_model_note(out)):
        raise PlanError(
            f"--out '{out}': there is a file that is no model of 'corpus train'; give another "
            "name, or move it"
        )
    return out


def _check_threshold_options(
    precision: float | None, wanted: Sequence[str], names: Sequence[str]
) -> None:
    if precision is None and wanted:
        raise PlanError("--for needs a precision, such as --precision 0.95")
    if precision is not None and not 0 < precision <= 1:
        raise PlanError(f"--precision {precision} must be above 0 and at most 1")
    for name in wanted:
        if name not in names:
            raise PlanError(f"--for '{name}': no such label to train{did_you_mean(name, names)}")


# --------------------------------------------------------------------------- the posts


def _select_posts(labelled: LabelledPosts) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the posts of labels with enough posts, with their split; and the other labels."""
    counts = Counter(labelled.posts["label"].to_list())
    names = sorted(name for name, count in counts.items() if count >= MIN_POSTS_PER_LABEL)
    if len(names) < 2:
        found = ", ".join(f"'{name}' {counts[name]:,}" for name in sorted(counts)[:20]) or "none"
        raise PlanError(
            f"{labelled.path}: at least two labels with {MIN_POSTS_PER_LABEL} posts each are "
            f"needed; there are: {found}"
        )
    posts = _assign_splits(labelled.posts.filter(pl.col("label").is_in(names)))
    for split, purpose in (("train", "to learn it from"), ("test", "to test it on")):
        present = set(posts.filter(pl.col("split") == split)["label"])
        for name in names:
            if name not in present:
                texts = posts.filter(pl.col("label") == name)["normalized"].n_unique()
                raise PlanError(
                    f"{labelled.path}: no post is left {purpose} for '{name}', which has "
                    f"{texts:,} different texts; label more, or give those rows no label"
                )
    return posts, {name: counts[name] for name in sorted(counts) if name not in names}


def _assign_splits(posts: pl.DataFrame) -> pl.DataFrame:
    """Add the columns ``normalized`` and ``split``; sort by a hash, whatever the file's order."""
    data, offsets = normalize_to_bytes(posts["text"])
    raw = data.tobytes()
    normalized = [raw[begin:end] for begin, end in pairwise(offsets.tolist())]
    digests = [hashlib.blake2b(text, digest_size=8).digest() for text in normalized]
    percents = [int.from_bytes(digest, "big") % 100 for digest in digests]
    splits = [
        "test" if percent < _TEST_BELOW else "choose" if percent < _CHOOSE_BELOW else "train"
        for percent in percents
    ]
    return (
        posts.with_columns(
            pl.Series("_digest", digests),
            pl.Series("normalized", normalized),
            pl.Series("split", splits),
        )
        .sort("_digest", "normalized", "label", "text")
        .drop("_digest")
    )


def _count_splits(posts: pl.DataFrame) -> dict[str, dict[str, int]]:
    found = {name: dict.fromkeys(SPLIT_NAMES, 0) for name in sorted(set(posts["label"]))}
    for label, split, count in posts.group_by("label", "split").len().rows():
        found[label][split] = count
    return found


# --------------------------------------------------------------------------- the model


def _fit_model(
    posts: pl.DataFrame, names: Sequence[str], settings: TrainingSettings
) -> fit_fasttext.FastTextModel:
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[label] for label in posts["label"]], np.int32)
    fitted = fit_fasttext.fit(posts["tokens"], labels, len(names), settings)
    if not (np.isfinite(fitted.input).all() and np.isfinite(fitted.output).all()):
        raise BuildError("the model's numbers grew beyond bounds; take a lower --learning-rate")
    return fitted


def _write_model(
    fitted: fit_fasttext.FastTextModel, counts: Mapping[str, int], target: Path
) -> Path:
    """Write the model to ``target`` with a note of its labels, without thresholds."""
    # A label in fastText's file has no space; the note has the labels as they were given.
    plain = [f"{number}_{'_'.join(name.split())}" for number, name in enumerate(counts)]
    fit_fasttext.save(fitted, plain, list(counts.values()), target)
    classifier.write_model_note(target, list(counts), {})
    return target


# --------------------------------------------------------------------------- the figures


def _predict(posts: pl.DataFrame, model: Path) -> pl.DataFrame:
    """Return the posts with the filter's label and score."""
    return classifier.build(classifier.Config(model=str(model)))(posts)


def _measure_label(posts: pl.DataFrame, label: str, score: float = 0.0) -> LabelMetrics:
    """Count the posts with a label, those predicted with at least ``score``, and those of both."""
    has_score = pl.col("classifier_score") >= score
    predicted = ((pl.col("classifier_label") == label) & has_score).fill_null(False)
    has_label = pl.col("label") == label
    counts = posts.select(
        posts=has_label.sum(), predicted=predicted.sum(), correct=(has_label & predicted).sum()
    )
    return LabelMetrics(*counts.row(0))


def _choose_threshold(
    label: str, wanted: float, choose: pl.DataFrame, test: pl.DataFrame
) -> Threshold:
    """Choose the lowest score with the wanted precision on ``choose``, and measure it on ``test``.

    Scores are rounded down to four digits, so that one can be written into a plan.
    """
    predicted = choose.filter(pl.col("classifier_label") == label)
    score = (pl.col("classifier_score").cast(pl.Float64) * 10_000).floor() / 10_000
    steps = (
        predicted.group_by(score.alias("score"))
        .agg(predicted=pl.len(), correct=(pl.col("label") == label).sum())
        .sort("score", descending=True)
        .with_columns(pl.col("predicted", "correct").cum_sum())
        .filter(pl.col("predicted") >= MIN_PREDICTED)
        .with_columns(precision=pl.col("correct") / pl.col("predicted"))
    )
    enough = steps.filter(pl.col("precision") >= wanted)
    if enough.height:
        found = round(float(enough["score"].min()), 4)  # type: ignore[arg-type]
        # If the precision holds for all predicted posts, no threshold is needed.
        found = 0.0 if enough["predicted"].max() == predicted.height else found
    elif steps.height:
        found = round(float(steps.sort("precision", "score", descending=True)["score"][0]), 4)
    else:
        found = _IMPOSSIBLE_SCORE
    return Threshold(
        label=label,
        wanted_precision=wanted,
        score=found if enough.height else None,
        choose_metrics=_measure_label(choose, label, found),
        test_metrics=_measure_label(test, label, found),
    )
