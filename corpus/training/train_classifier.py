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
from corpus.training.fit_fasttext import Settings
from corpus.training.labelled_data import Labelled
from filters import classifier

PARTS = ("train", "choose", "test")
_TEST, _CHOOSE = 20, 30  # of 100: below the first tests, from there below the second chooses
#: A label of fewer posts cannot be learnt and tested.
FEWEST = 10
#: A precision among fewer posts than this is chance.
FEWEST_CALLED = 10


class Figures(NamedTuple):
    """How well one label is told on some posts: those it has, those called so, those rightly."""

    posts: int
    called: int
    right: int

    @property
    def precision(self) -> float:
        """Of the posts called so, the share that are."""
        return self.right / self.called if self.called else 0.0

    @property
    def recall(self) -> float:
        """Of the posts that are, the share called so."""
        return self.right / self.posts if self.posts else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.called + self.posts
        return 2 * self.right / both if both else 0.0


class Threshold(NamedTuple):
    """The lowest score of a label that gives a wanted precision where it was chosen."""

    label: str
    wanted: float
    score: float | None  # None: no score gives it
    chosen: Figures  # there, or at the most precise score if none gives it
    tested: Figures


@dataclass(frozen=True)
class Trained:
    """A model, and what is known of it."""

    model: Path
    labelled: Labelled
    settings: Settings
    rows: int  # of the matrix
    counts: dict[str, dict[str, int]]  # label to part to posts
    distinct: int  # different texts
    conflicting: int  # posts whose text stands there under another label too
    left_out: dict[str, int]  # labels of too few posts
    figures: dict[str, Figures]
    majority: float  # accuracy of always saying the commonest label
    thresholds: tuple[Threshold, ...]

    @property
    def accuracy(self) -> float:
        """The share of test posts whose label is told."""
        found = self.figures.values()
        return sum(row.right for row in found) / sum(row.posts for row in found)

    @property
    def macro_f1(self) -> float:
        """The mean of all labels' F1."""
        return sum(row.f1 for row in self.figures.values()) / len(self.figures)


def train(
    labelled: Labelled,
    out: str | Path,
    settings: Settings | None = None,
    precision: float | None = None,
    wanted: Sequence[str] = (),
) -> Trained:
    """Train on ``labelled``, write the model to ``out`` and return what was measured.

    ``out`` ends in ``.bin``, or in ``.ftz`` for a quarter of the size. ``precision`` asks for a
    threshold for each label in ``wanted``, or for every label. Raises
    :class:`~corpus.errors.PlanError` where no such model can be made.
    """
    settings = settings or Settings()
    target = _target(Path(out))
    posts, left_out = _usable(labelled)
    names = sorted(set(posts["label"]))
    _check_wanted(precision, wanted, names)
    fitted = _fitted(posts.filter(pl.col("part") == "train"), names, settings)
    counts = _counts(posts)
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as room:
        made = _written(fitted, {name: counts[name]["train"] for name in names}, target, Path(room))
        held_out = _said(posts.filter(pl.col("part") != "train"), made)
        choose, test = (held_out.filter(pl.col("part") == part) for part in ("choose", "test"))
        thresholds = tuple(
            _threshold(name, precision, choose, test)
            for name in dict.fromkeys(wanted or names)
            if precision is not None
        )
        found = {row.label: row.score for row in thresholds if row.score is not None}
        classifier.sign(made, names, found)
        os.replace(made, target)
    common = max(names, key=lambda name: counts[name]["train"])
    return Trained(
        model=target,
        labelled=labelled,
        settings=settings,
        rows=len(fitted.input),
        counts=counts,
        distinct=posts["folded"].n_unique(),
        conflicting=posts.filter(pl.col("label").n_unique().over("folded") > 1).height,
        left_out=left_out,
        figures={name: _figures(test, name) for name in names},
        majority=counts[common]["test"] / test.height,
        thresholds=thresholds,
    )


def _target(out: Path) -> Path:
    if out.suffix not in (".bin", ".ftz"):
        raise PlanError(f"--out '{out}': a model's name ends in .bin, or in .ftz for a small one")
    if not out.parent.is_dir():
        raise PlanError(f"--out '{out}': there is no folder '{out.parent}'; make it first")
    if out.is_dir():
        raise PlanError(f"--out '{out}' is a folder; name a file")
    return out


def _check_wanted(precision: float | None, wanted: Sequence[str], names: Sequence[str]) -> None:
    if precision is None and wanted:
        raise PlanError("--for needs a precision, such as --precision 0.95")
    if precision is not None and not 0 < precision <= 1:
        raise PlanError(f"--precision {precision} must be above 0 and at most 1")
    for name in wanted:
        if name not in names:
            raise PlanError(f"--for '{name}': no such label to train{did_you_mean(name, names)}")


# --------------------------------------------------------------------------- the posts


def _usable(labelled: Labelled) -> tuple[pl.DataFrame, dict[str, int]]:
    """The posts of labels with enough of them, each with its ``part``; and the other labels."""
    counts = Counter(labelled.posts["label"].to_list())
    names = sorted(name for name, count in counts.items() if count >= FEWEST)
    if len(names) < 2:
        told = ", ".join(f"'{name}' {counts[name]:,}" for name in sorted(counts)[:20]) or "none"
        raise PlanError(
            f"{labelled.path}: at least two labels with {FEWEST} posts each are needed; there are: "
            f"{told}"
        )
    posts = _parted(labelled.posts.filter(pl.col("label").is_in(names)))
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


def _parted(posts: pl.DataFrame) -> pl.DataFrame:
    """The posts in an order of their own, whatever the file's; with ``folded`` and ``part``."""
    data, places = normalize.folded(posts["text"])
    raw = data.tobytes()
    folded = [raw[begin:end] for begin, end in pairwise(places.tolist())]
    digests = [hashlib.blake2b(text, digest_size=8).digest() for text in folded]
    place = [int.from_bytes(digest, "big") % 100 for digest in digests]
    parts = ["test" if at < _TEST else "choose" if at < _CHOOSE else "train" for at in place]
    return (
        posts.with_columns(
            pl.Series("_digest", digests),
            pl.Series("folded", folded),
            pl.Series("part", parts),
        )
        .sort("_digest", "folded", "label", "text")
        .drop("_digest")
    )


def _counts(posts: pl.DataFrame) -> dict[str, dict[str, int]]:
    found = {name: dict.fromkeys(PARTS, 0) for name in sorted(set(posts["label"]))}
    for label, part, count in posts.group_by("label", "part").len().rows():
        found[label][part] = count
    return found


# --------------------------------------------------------------------------- the model


def _fitted(posts: pl.DataFrame, names: Sequence[str], settings: Settings) -> fit_fasttext.Fitted:
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number[label] for label in posts["label"]], np.int32)
    fitted = fit_fasttext.fit(posts["tokens"], labels, len(names), settings)
    if not (np.isfinite(fitted.input).all() and np.isfinite(fitted.output).all()):
        raise BuildError("the model's numbers grew beyond bounds; take a lower --learning-rate")
    return fitted


def _written(
    fitted: fit_fasttext.Fitted, counts: Mapping[str, int], target: Path, room: Path
) -> Path:
    """The model in ``room``, signed but for the thresholds."""
    # fastText's labels hold no space; what they are called here is in the note.
    plain = [f"{place}_{'_'.join(name.split())}" for place, name in enumerate(counts)]
    made = room / target.name
    fit_fasttext.save(fitted, plain, list(counts.values()), made)
    classifier.sign(made, list(counts), {})
    return made


# --------------------------------------------------------------------------- the figures


def _said(posts: pl.DataFrame, model: Path) -> pl.DataFrame:
    """The posts with the filter's label and score."""
    return classifier.build(classifier.Config(model=str(model)))(posts)


def _figures(posts: pl.DataFrame, label: str, score: float = 0.0) -> Figures:
    called = (pl.col("classifier_label") == label) & (pl.col("classifier_score") >= score)
    called, has = called.fill_null(False), pl.col("label") == label
    row = posts.select(has.sum().alias("a"), called.sum().alias("b"), (has & called).sum())
    return Figures(*row.row(0))


def _threshold(label: str, wanted: float, choose: pl.DataFrame, test: pl.DataFrame) -> Threshold:
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
        .filter(pl.col("called") >= FEWEST_CALLED)
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
            label, wanted, None, _figures(choose, label, 2.0), _figures(test, label, 2.0)
        )
    return Threshold(
        label,
        wanted,
        found if enough.height else None,
        _figures(choose, label, found),
        _figures(test, label, found),
    )
