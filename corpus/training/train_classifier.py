"""Train a classifier on posts that somebody has labelled, and measure it on ones it has not seen.

The posts are parted by a hash of their folded text, for ever: equal texts fall together, and a post
stays in its part when others are added. Of 100 posts about 70 train, 10 choose thresholds and 20
test. What is measured is the very filter that a plan runs with the model, and what is measured is
what is written: nothing is trained again on all posts.
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

from corpus.dedup import normalize
from corpus.errors import BuildError, PlanError, did_you_mean
from corpus.training import fit_fasttext
from corpus.training.fit_fasttext import TrainingSettings
from corpus.training.labelled_data import LabelledPosts
from filters import classifier

SPLIT_NAMES = ("train", "choose", "test")
_TEST_BELOW, _CHOOSE_BELOW = (
    20,
    30,
)  # of 100: below the first tests, from there below the second chooses
#: A label of fewer posts cannot be learnt and tested.
MIN_POSTS_PER_LABEL = 10
#: A precision among fewer posts than this is chance.
MIN_PREDICTED = 10


class LabelMetrics(NamedTuple):
    """How well one label is told on some posts: those it has, those called so, those rightly."""

    posts: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """Of the posts called so, the share that are."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Of the posts that are, the share called so."""
        return self.correct / self.posts if self.posts else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.predicted + self.posts
        return 2 * self.correct / both if both else 0.0


class Threshold(NamedTuple):
    """The lowest score of a label that gives a wanted precision where it was chosen."""

    label: str
    wanted_precision: float
    score: float | None  # None: no score gives it
    choose_metrics: LabelMetrics  # there, or at the most precise score if none gives it
    test_metrics: LabelMetrics


@dataclass(frozen=True)
class TrainingResult:
    """A model, and what is known of it."""

    model: Path
    labelled: LabelledPosts
    settings: TrainingSettings
    matrix_rows: int  # of the matrix
    counts: dict[str, dict[str, int]]  # label to part to posts
    distinct_texts: int  # different texts
    conflicting_posts: int  # posts whose text stands there under another label too
    skipped_labels: dict[str, int]  # labels of too few posts
    metrics: dict[str, LabelMetrics]
    majority_accuracy: float  # accuracy of always saying the commonest label
    thresholds: tuple[Threshold, ...]

    @property
    def accuracy(self) -> float:
        """The share of test posts whose label is told."""
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
    threshold for each label in ``wanted``, or for every label. Raises
    :class:`~corpus.errors.PlanError` where no such model can be made.
    """
    settings = settings or TrainingSettings()
    target = _check_target(Path(out))
    posts, left_out = _select_posts(labelled)
    names = sorted(set(posts["label"]))
    _check_threshold_options(precision, threshold_labels, names)
    fitted = _fit_model(posts.filter(pl.col("part") == "train"), names, settings)
    counts = _count_splits(posts)
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as room:
        made = _write_model(
            fitted, {name: counts[name]["train"] for name in names}, target, Path(room)
        )
        held_out = _predict(posts.filter(pl.col("part") != "train"), made)
        choose, test = (held_out.filter(pl.col("part") == part) for part in ("choose", "test"))
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
        distinct_texts=posts["folded"].n_unique(),
        conflicting_posts=posts.filter(pl.col("label").n_unique().over("folded") > 1).height,
        skipped_labels=left_out,
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
    """The posts of labels with enough of them, each with its ``part``; and the other labels."""
    counts = Counter(labelled.posts["label"].to_list())
    names = sorted(name for name, count in counts.items() if count >= MIN_POSTS_PER_LABEL)
    if len(names) < 2:
        told = ", ".join(f"'{name}' {counts[name]:,}" for name in sorted(counts)[:20]) or "none"
        raise PlanError(
            f"{labelled.path}: at least two labels with {MIN_POSTS_PER_LABEL} posts each are needed; there are: "
            f"{told}"
        )
    posts = _assign_splits(labelled.posts.filter(pl.col("label").is_in(names)))
    for part, why in (("train", "to learn it from"), ("test", "to test it on")):
        there = set(posts.filter(pl.col("part") == part)["label"])
        for name in names:
            if name not in there:
                texts = posts.filter(pl.col("label") == name)["folded"].n_unique()
                raise PlanError(
                    f"{labelled.path}: no post is left {why} for '{name}', which has "
                    f"{texts:,} different texts; label more, or give those rows no label"
                )
    return posts, {name: counts[name] for name in sorted(counts) if name not in names}


def _assign_splits(posts: pl.DataFrame) -> pl.DataFrame:
    """The posts in an order of their own, whatever the file's; with ``folded`` and ``part``."""
    data, places = normalize.normalize_to_bytes(posts["text"])
    raw = data.tobytes()
    folded = [raw[begin:end] for begin, end in pairwise(places.tolist())]
    digests = [hashlib.blake2b(text, digest_size=8).digest() for text in folded]
    place = [int.from_bytes(digest, "big") % 100 for digest in digests]
    parts = [
        "test" if at < _TEST_BELOW else "choose" if at < _CHOOSE_BELOW else "train" for at in place
    ]
    return (
        posts.with_columns(
            pl.Series("_digest", digests),
            pl.Series("folded", folded),
            pl.Series("part", parts),
        )
        .sort("_digest", "folded", "label", "text")
        .drop("_digest")
    )


def _count_splits(posts: pl.DataFrame) -> dict[str, dict[str, int]]:
    found = {name: dict.fromkeys(SPLIT_NAMES, 0) for name in sorted(set(posts["label"]))}
    for label, part, count in posts.group_by("label", "part").len().rows():
        found[label][part] = count
    return found


# --------------------------------------------------------------------------- the model


def _fit_model(
    posts: pl.DataFrame, names: Sequence[str], settings: TrainingSettings
) -> fit_fasttext.FastTextModel:
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number[label] for label in posts["label"]], np.int32)
    fitted = fit_fasttext.fit(posts["tokens"], labels, len(names), settings)
    if not (np.isfinite(fitted.input).all() and np.isfinite(fitted.output).all()):
        raise BuildError("the model's numbers grew beyond bounds; take a lower --learning-rate")
    return fitted


def _write_model(
    fitted: fit_fasttext.FastTextModel, counts: Mapping[str, int], target: Path, room: Path
) -> Path:
    """The model in ``room``, signed but for the thresholds."""
    # fastText's labels hold no space; what they are called here is in the note.
    plain = [f"{place}_{'_'.join(name.split())}" for place, name in enumerate(counts)]
    made = room / target.name
    fit_fasttext.save(fitted, plain, list(counts.values()), made)
    classifier.write_model_note(made, list(counts), {})
    return made


# --------------------------------------------------------------------------- the figures


def _predict(posts: pl.DataFrame, model: Path) -> pl.DataFrame:
    """The posts with the filter's label and score."""
    return classifier.build(classifier.Config(model=str(model)))(posts)


def _measure_label(posts: pl.DataFrame, label: str, score: float = 0.0) -> LabelMetrics:
    called = (pl.col("classifier_label") == label) & (pl.col("classifier_score") >= score)
    called, has = called.fill_null(False), pl.col("label") == label
    row = posts.select(has.sum().alias("a"), called.sum().alias("b"), (has & called).sum())
    return LabelMetrics(*row.row(0))


def _choose_threshold(
    label: str, wanted: float, choose: pl.DataFrame, test: pl.DataFrame
) -> Threshold:
    """The lowest score from which on enough of ``choose`` is right, and what it does on ``test``.

    Scores are rounded down to four digits, so that one can be written into a plan.
    """
    said = choose.filter(pl.col("classifier_label") == label)
    score = (pl.col("classifier_score").cast(pl.Float64) * 10_000).floor() / 10_000
    steps = (
        said.group_by(score.alias("score"))
        .agg(called=pl.len(), right=(pl.col("label") == label).sum())
        .sort("score", descending=True)
        .with_columns(pl.col("called", "right").cum_sum())
        .filter(pl.col("called") >= MIN_PREDICTED)
        .with_columns(precision=pl.col("right") / pl.col("called"))
    )
    enough = steps.filter(pl.col("precision") >= wanted)
    if enough.height:
        found = round(float(enough["score"].min()), 4)  # type: ignore[arg-type]
        # Where even the last post counts, so does a lower score.
        found = 0.0 if enough["called"].max() == said.height else found
    elif steps.height:
        found = round(float(steps.sort("precision", "score", descending=True)["score"][0]), 4)
    else:
        return Threshold(
            label,
            wanted,
            None,
            _measure_label(choose, label, 2.0),
            _measure_label(test, label, 2.0),
        )
    return Threshold(
        label,
        wanted,
        found if enough.height else None,
        _measure_label(choose, label, found),
        _measure_label(test, label, found),
    )
