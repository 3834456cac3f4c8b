"""Train the toxicity model that the project ships.

    OPENBLAS_NUM_THREADS=1 python -m scripts.train_toxicity [--data ../shared/data] [--out FILE]

Logistic regression over the features of ``filters/_linear.py``. Each feature's column is scaled
by how differently the two classes use it (naive-Bayes log-count ratio, Wang & Manning 2012), so
that the penalty falls on features that tell nothing. Nothing is random: the same gold sets, numpy
and machine give the same file, as long as numpy's sums keep their order, hence the one thread.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from eval.toxicity import SETS, gold
from filters import _linear

Floats = NDArray[np.float64]
Loss = Callable[[Floats], tuple[float, Floats]]

BITS = 20
# What a post of each set counts. Davidson's were sampled by slurs: many, and unlike a stream.
POST_WEIGHT = {"olid": 1.0, "davidson": 0.2, "germeval": 0.5}
# How far each set's log-count ratios may open a column.
RATIO_WEIGHT = {"olid": 1.0, "davidson": 0.3, "germeval": 0.7}
OPEN = 0.1
# A set's own intercept, dropped after training, absorbs how common offence is in it.
SET_INTERCEPT = 3.0
# A bucket that one post alone fills could only remember that post.
MIN_POSTS = 2
PENALTY = 1 / 8
STEPS = 250
MEMORY = 8


class Rows(NamedTuple):
    """Posts as sparse rows: the features of post i are ``buckets[starts[i]:starts[i + 1]]``."""

    buckets: _linear.Buckets
    starts: _linear.Offsets

    def norm(self) -> Floats:
        """What one feature of each post counts, as when scoring."""
        return np.asarray(1 / np.sqrt(np.diff(self.starts) + _linear.DAMPING))


@_linear.compiled
def _features(
    text: _linear.Bytes, offsets: _linear.Offsets, mask: np.uint64
) -> tuple[_linear.Buckets, _linear.Offsets]:
    found = np.empty(_linear.MOST_FEATURES, dtype=np.uint32)
    buckets = np.empty(8 * text.size + 16 * offsets.size, dtype=np.uint32)
    starts = np.zeros(offsets.size, dtype=np.int64)
    filled = 0
    for post in range(offsets.size - 1):
        # The first window is the whole tweet but for a handful.
        _, count = _linear.window_features(text, offsets[post], offsets[post + 1], found, mask)
        buckets[filled : filled + count] = found[:count]
        filled += count
        starts[post + 1] = filled
    return buckets[:filled].copy(), starts


@_linear.compiled
def _row_sums(buckets: _linear.Buckets, starts: _linear.Offsets, weights: Floats) -> Floats:
    sums = np.zeros(starts.size - 1)
    for post in range(starts.size - 1):
        for place in range(starts[post], starts[post + 1]):
            sums[post] += weights[buckets[place]]
    return sums


@_linear.compiled
def _column_sums(
    buckets: _linear.Buckets, starts: _linear.Offsets, amounts: Floats, size: int
) -> Floats:
    sums = np.zeros(size)
    for post in range(starts.size - 1):
        for place in range(starts[post], starts[post + 1]):
            sums[buckets[place]] += amounts[post]
    return sums


@_linear.compiled
def _posts_with(buckets: _linear.Buckets, starts: _linear.Offsets, size: int) -> _linear.Offsets:
    """How many posts have each feature."""
    posts = np.zeros(size, dtype=np.int64)
    last = np.full(size, -1, dtype=np.int64)
    for post in range(starts.size - 1):
        for place in range(starts[post], starts[post + 1]):
            if last[buckets[place]] != post:
                last[buckets[place]] = post
                posts[buckets[place]] += 1
    return posts


def features(texts: pl.Series) -> Rows:
    """The features of each folded text."""
    return Rows(*_features(*_linear.as_bytes(texts), np.uint64((1 << BITS) - 1)))


def column_scales(posts: pl.DataFrame) -> Floats:
    """How far each column opens: its largest log-count ratio in any set; 0 for a rare one."""
    scales = np.zeros(1 << BITS)
    seen = np.zeros(1 << BITS, dtype=np.int64)
    for name in SETS:
        used = []
        for offensive in (True, False):
            rows = posts.filter(pl.col("set") == name, pl.col("offensive") == offensive)
            used.append(_posts_with(*features(rows["folded"]), 1 << BITS))
        ours, theirs = used[0] + 1.0, used[1] + 1.0
        ratio = np.abs(np.log(ours / ours.sum()) - np.log(theirs / theirs.sum()))
        scales = np.maximum(scales, RATIO_WEIGHT[name] * ratio)
        seen += used[0] + used[1]
    return np.where(seen >= MIN_POSTS, scales + OPEN, 0.0)


def minimise(loss: Loss, start: Floats) -> Floats:
    """The minimum of a smooth convex function, by L-BFGS with backtracking."""
    at = start
    value, slope = loss(at)
    moves: list[tuple[Floats, Floats]] = []
    for _ in range(STEPS):
        way = _direction(slope, moves)
        step, descent = 1.0 if moves else 1 / float(np.linalg.norm(slope)), float(slope @ way)
        while True:
            there = at + step * way
            new_value, new_slope = loss(there)
            if new_value <= value + 1e-4 * step * descent or step < 1e-9:
                break
            step /= 2
        moves = [*moves, (there - at, new_slope - slope)][-MEMORY:]
        at, value, slope = there, new_value, new_slope
    print(f"loss {value:.3f}, slope {np.abs(slope).max():.5f}")
    return at


def _direction(slope: Floats, moves: list[tuple[Floats, Floats]]) -> Floats:
    """Minus the inverse Hessian, as the last moves show it, times the slope."""
    way = -slope
    shares = []
    for move, change in reversed(moves):
        share = (move @ way) / (move @ change)
        shares.append(share)
        way = way - share * change
    if moves:
        move, change = moves[-1]
        way = way * ((move @ change) / (change @ change))
    for (move, change), share in zip(moves, reversed(shares), strict=True):
        way = way + (share - (change @ way) / (move @ change)) * move
    return way


def logistic_loss(posts: pl.DataFrame, scales: Floats) -> Loss:
    """The penalised loss over [column weights, bias, one intercept a set but OLID]."""
    rows = features(posts["folded"])
    norm, size = rows.norm(), scales.size
    sides = np.where(posts["offensive"].to_numpy(), 1.0, -1.0)
    counts = np.array([POST_WEIGHT[name] for name in posts["set"]])
    other = np.stack([(posts["set"] == name).to_numpy() for name in SETS[1:]], axis=1)
    intercepts = np.column_stack([np.ones(len(posts)), SET_INTERCEPT * other])

    def loss(at: Floats) -> tuple[float, Floats]:
        logits = norm * _row_sums(*rows, at[:size] * scales) + intercepts @ at[size:]
        value = counts @ np.logaddexp(0, -sides * logits) + PENALTY / 2 * (at @ at)
        pull = -counts * sides / (1 + np.exp(sides * logits))
        columns = _column_sums(*rows, pull * norm, size) * scales
        return float(value), np.concatenate([columns, intercepts.T @ pull]) + PENALTY * at

    return loss


def quantised(weights: Floats, bias: float) -> _linear.Model:
    """The model with each weight in a byte."""
    scale = float(np.abs(weights).max()) / 127**2
    rounded = np.rint(np.sign(weights) * np.sqrt(np.abs(weights) / scale)).astype(np.int8)
    return _linear.Model(rounded, scale, bias)


def calibrated(model: _linear.Model, posts: pl.DataFrame) -> _linear.Model:
    """The model whose sigmoid is a probability on ``posts`` (Platt's slope and intercept)."""
    logits = _linear.logits(posts["folded"], model).astype(np.float64)
    offensive = posts["offensive"].to_numpy()
    design = np.column_stack([logits, np.ones(len(logits))])[np.isfinite(logits)]
    at = np.array([1.0, 0.0])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-design @ at))
        slope = design.T @ (guess - offensive[np.isfinite(logits)])
        at = at - np.linalg.solve((design.T * (guess * (1 - guess))) @ design, slope)
    print(f"calibration: slope {at[0]:.3f}, intercept {at[1]:.3f}")
    return _linear.Model(model.weights, model.scale * at[0], model.bias * at[0] + at[1])


def train(posts: pl.DataFrame) -> _linear.Model:
    """Fit on ``train``, calibrate on OLID's ``calibrate``; ``test`` stays unseen."""
    seen = posts.filter(pl.col("split") == "train")
    scales = column_scales(seen)
    found = minimise(logistic_loss(seen, scales), np.zeros(scales.size + len(SETS)))
    model = quantised(found[: scales.size] * scales, float(found[scales.size]))
    held = posts.filter(pl.col("split") == "calibrate", pl.col("set") == "olid")
    return calibrated(model, held)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("filters/models/toxicity.npz"))
    asked = parser.parse_args()
    model = train(gold(asked.data))
    _linear.save(model, asked.out)
    digest = hashlib.sha256(asked.out.read_bytes()).hexdigest()
    print(f"{asked.out}: {np.count_nonzero(model.weights):,} weights, sha256 {digest}")


if __name__ == "__main__":
    main()
