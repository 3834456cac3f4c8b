"""Train the toxicity model that the project ships: abuse, profanity, and the three categories.

    OPENBLAS_NUM_THREADS=1 python -m scripts.train_toxicity [--data ../shared/data] [--out FILE]
                                                     [--teacher FOLDER]

Logistic regression over the features of ``filters/toxicity/linear_model.py``. Each feature's column
is scaled by how differently the classes use it (naive-Bayes log-count ratio, Wang & Manning 2012),
so that the penalty falls on features that do not separate them.

English learns from the soft labels of a teacher (``scripts.toxicity_teacher``, which runs first if
``FOLDER/soft.parquet`` is missing) and from the posts that were read; German and Portuguese from
their gold sets. ``toxicity`` learns abuse, ``profanity`` vulgarity among posts that are no abuse.
``profanity`` is calibrated as a probability, ``toxicity`` as the precision of a threshold put
there, at the rates of the pools that ``judgement/train.tsv`` was drawn from, on posts that the
weights for it did not learn. Nothing is random: the same gold sets, soft labels, numpy and machine
give the same file. One thread keeps the order of numpy's sums.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from bench.quality.toxicity_abuse import find_readings, load_sentences, load_sheet_posts
from bench.quality.toxicity_gold import SETS, load_gold
from filters.text.arrays import I64, U8, U32
from filters.text.cleaning import fold_text
from filters.text.jit import jit
from filters.text.utf8 import encode_texts
from filters.toxicity import linear_model
from filters.toxicity.scorers import CATEGORIES, SCORES
from scripts import toxicity_sentences
from scripts._lbfgs import Floats, minimise

#: The number of buckets of each model, as a power of two.
BITS = dict.fromkeys(SCORES, 20) | dict.fromkeys(CATEGORIES, 18)
# The weight of a post of each set; 1 for the others.
POST_WEIGHT = {
    "judgement": 6.0,
    "readings": 6.0,
    "davidson": 0.15,
    "germeval": 1.2,
    "toldbr": 0.6,
    "sentences": 0.25,
}
#: How much more an invented sentence of abuse counts for ``toxicity`` than one of no abuse. Few
#: posts of the pools wish harm or deny rights without a swear word.
ABUSIVE_SENTENCE = 8.0
#: How much of a gold label and how much of the teacher's is learnt where both are known.
GOLD = 1.0
#: How much of OLID's notion of offence there is in what ``profanity`` learns.
OLID_SHARE = 0.8
OPEN = 0.1
# A bucket that only one post fills would learn that post by heart.
MIN_POSTS = 2
#: The penalty on the weights: little where the pools are known best.
PENALTY = {"toxicity": 0.35}
OTHER_PENALTY = 0.6
STEPS = 80
#: The share of the pools, from the highest score down, that each score is calibrated on.
HIGHEST = {"toxicity": 0.06, "profanity": 0.2}
#: The sets without labels that are, with the sheet's posts, the pools whole.
POOLS = ("plain", "x_v1")
#: ``toxicity`` is calibrated on the pools by weights that were fitted without one part of them.
FOLDS = 4
# The sets whose posts were read for this project.
READ = ("judgement", "readings")
# The sets of each language, English first.
OTHER_LANGUAGES = ("germeval", "toldbr")
# The share of a bucket's posts, at equal numbers of posts, from which it belongs to one language.
ITS_OWN = 0.95


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
def _posts_with(buckets: U32, starts: I64, amounts: Floats, size: int) -> Floats:
    """Return the sum of ``amounts`` over the posts that have each feature."""
    posts = np.zeros(size)
    last = np.full(size, -1, dtype=np.int64)
    for post in range(starts.size - 1):
        for index in range(starts[post], starts[post + 1]):
            if last[buckets[index]] != post:
                last[buckets[index]] = post
                posts[buckets[index]] += amounts[post]
    return posts


def features(texts: pl.Series, bits: int) -> Rows:
    """Return the features of each normalized text."""
    return Rows(*_features(*encode_texts(texts), np.uint64((1 << bits) - 1)))


class Lesson(NamedTuple):
    """What a model learns: posts, the probability of each to be positive, and how much it counts.

    ``groups`` number the posts whose log-count ratios are taken together, -1 for none. Each from 1
    on has a bias of its own, which is dropped: otherwise every word of a set where abuse is
    frequent would be a sign of abuse.
    """

    rows: Rows
    targets: Floats
    counts: Floats
    groups: I64

    def take(self, chosen: pl.Series) -> Lesson:
        """Return the lesson with the posts not ``chosen`` counted as nothing."""
        kept = chosen.to_numpy().astype(np.float64)
        return self._replace(counts=self.counts * kept)


def column_scales(lesson: Lesson, size: int) -> Floats:
    """Return the scale of each column: its largest log-count ratio in any group, 0 if rare."""
    scales = np.zeros(size)
    for group in np.unique(lesson.groups[lesson.groups >= 0]):
        inside = (lesson.groups == group) * lesson.counts
        ours, theirs = (
            _posts_with(*lesson.rows, inside * share, size) + 1.0
            for share in (lesson.targets, 1 - lesson.targets)
        )
        ratio = np.abs(np.log(ours / ours.sum()) - np.log(theirs / theirs.sum()))
        scales = np.maximum(scales, ratio)
    seen = _posts_with(*lesson.rows, (lesson.counts > 0).astype(np.float64), size)
    return np.where(seen >= MIN_POSTS, scales + OPEN, 0.0)


def fit(lesson: Lesson, bits: int, penalty: float) -> tuple[Floats, float]:
    """Return the weight of each bucket and the bias of least penalised logistic loss."""
    size = 1 << bits
    scales = column_scales(lesson, size)
    rows, targets, counts = lesson.rows, lesson.targets, lesson.counts
    norm = rows.norm()
    groups = np.maximum(lesson.groups, 0)

    def loss(at: Floats) -> tuple[float, Floats]:
        biases = np.append(0.0, at[size + 1 :])[groups]
        logits = norm * _row_sums(*rows, at[:size] * scales) + at[size] + biases
        value = counts @ (np.logaddexp(0, logits) - targets * logits)
        value += penalty / 2 * (at[:size] @ at[:size])
        pull = counts * (1 / (1 + np.exp(-np.clip(logits, -500, 500))) - targets)
        slope = _column_sums(*rows, pull * norm, size) * scales + penalty * at[:size]
        return float(value), np.concatenate([slope, [pull.sum()], np.bincount(groups, pull)[1:]])

    found = minimise(loss, np.zeros(size + 1 + groups.max()), STEPS)
    return found[:size] * scales, float(found[size])


def quantised(weights: Floats, bias: float) -> linear_model.LinearModel:
    """Return the model with each weight in a byte."""
    scale = float(np.abs(weights).max()) / 127**2
    rounded = np.rint(np.sign(weights) * np.sqrt(np.abs(weights) / scale)).astype(np.int8)
    return linear_model.LinearModel(rounded, scale, bias)


def load_posts(data: Path, soft: pl.DataFrame) -> pl.DataFrame:
    """Return what teaches both scores: ``set``, ``folded``, ``abuse``, ``union``, ``split``.

    ``abuse`` and ``union`` (abuse or vulgarity) are probabilities.
    """
    union = OLID_SHARE * pl.col("soft_offensive") + (1 - OLID_SHARE) * pl.col("soft_union")
    gold_union = pl.col("union").cast(pl.Float64)
    english = soft.filter(pl.col("set") != "sentences").with_columns(
        abuse=_mix_in(READ, pl.col("abuse").cast(pl.Float64), pl.col("soft_abuse")),
        union=pl.when(pl.col("set") == "olid")
        .then(_mix_in(("olid",), pl.col("offensive").cast(pl.Float64), union))
        .otherwise(_mix_in(READ, gold_union, union)),
    )
    gold = load_gold(data).filter(pl.col("set").is_in(OTHER_LANGUAGES))
    attacks = pl.col("insult") | pl.col("identity_hate")
    gold = gold.with_columns(
        abuse=attacks.fill_null(False).cast(pl.Float64), union=pl.col("offensive").cast(pl.Float64)
    )
    ours = [
        (text, abuse, union) for text, abuse, union in toxicity_sentences.list_labelled_sentences()
    ]
    sentences = pl.DataFrame(
        ours, schema={"text": pl.String, "abuse": pl.Float64, "union": pl.Float64}, orient="row"
    ).with_columns(folded=fold_text("text"), set=pl.lit("sentences"), split=pl.lit("train"))
    # The pools are measured on another sheet, not on the test split.
    pools = load_sheet_posts(data)["folded"].implode()
    of_pools = (pl.col("set") == "judgement") & pl.col("folded").is_in(pools)
    english = english.with_columns(split=pl.when(of_pools).then(pl.lit("train")).otherwise("split"))
    columns = ["set", "folded", "abuse", "union", "split"]
    return pl.concat([part.select(columns) for part in (english, gold, sentences)])


def take_readings(soft: pl.DataFrame) -> pl.DataFrame:
    """Return soft labels with the posts that were read as a set of their own, ``readings``.

    Those of the pools train whatever their split, as the pools are measured on another sheet.
    """
    read = find_readings(soft["folded"])
    label, known = pl.col("read"), pl.col("read").is_not_null() & (pl.col("set") != "judgement")
    of_pools = pl.col("set").is_in(POOLS)
    return soft.with_columns(read=read).with_columns(
        set=pl.when(known).then(pl.lit("readings")).otherwise("set"),
        split=pl.when(known & of_pools).then(pl.lit("train")).otherwise("split"),
        abuse=pl.when(known).then(label == 2).otherwise("abuse"),
        union=pl.when(known).then(label > 0).otherwise("union"),
    )


def _mix_in(names: tuple[str, ...], gold: pl.Expr, soft: pl.Expr) -> pl.Expr:
    """Return the soft label, or of the posts of some sets a mixture with the gold one."""
    mixed = GOLD * gold + (1 - GOLD) * soft
    return pl.when(pl.col("set").is_in(names)).then(mixed).otherwise(soft).cast(pl.Float64)


def make_lessons(posts: pl.DataFrame) -> dict[str, Lesson]:
    """Return what ``toxicity`` and ``profanity`` learn."""
    rows = features(posts["folded"], BITS["toxicity"])
    counts = np.array([POST_WEIGHT.get(name, 1.0) for name in posts["set"]])
    order = {"germeval": 1, "toldbr": 2, "sentences": -1}
    groups = np.array([order.get(name, 0) for name in posts["set"]])
    abuse, union = posts["abuse"].to_numpy(), posts["union"].to_numpy()
    invented = (posts["set"] == "sentences").to_numpy() & (abuse > 0)
    other = 1 - np.minimum(abuse, 0.98)
    vulgar = np.clip((union - abuse) / other, 0, 1)
    # The German and the Portuguese set do not say which abuse is vulgar as well.
    is_english = ~posts["set"].is_in(OTHER_LANGUAGES).to_numpy()
    return {
        "toxicity": Lesson(rows, abuse, counts * np.where(invented, ABUSIVE_SENTENCE, 1.0), groups),
        "profanity": Lesson(
            rows,
            np.where(is_english, vulgar, union),
            counts * np.where(is_english, other, 1.0),
            groups,
        ),
    }


def own_words(posts: pl.DataFrame, bits: int) -> Floats:
    """Assign each bucket to a language, one row for each language.

    A bucket is of German or Portuguese if no other language has it, else of English.
    """
    rates = []
    english = ~pl.col("set").is_in(OTHER_LANGUAGES)
    for chosen in (english, *(pl.col("set") == name for name in OTHER_LANGUAGES)):
        texts = posts.filter(chosen)["folded"]
        every = np.ones(len(texts))
        rates.append(_posts_with(*features(texts, bits), every, 1 << bits) / max(len(texts), 1))
    own = np.stack(rates) > ITS_OWN * np.sum(rates, axis=0)
    own[0] = ~own[1:].any(axis=0)
    return own.astype(np.float64)


class CalibrationTable(NamedTuple):
    """Posts to calibrate on: sums of weights by language, what they are, how much they count."""

    sums: Floats
    targets: Floats
    counts: Floats


def fit_logistic(design: Floats, targets: Floats, counts: Floats) -> Floats:
    """Return the coefficient of each column of ``design``, by Newton's method."""

    def loss(at: Floats) -> float:
        logits = design @ at
        return float(counts @ (np.logaddexp(0, logits) - targets * logits) + 1e-3 * (at @ at))

    at = np.zeros(design.shape[1])
    for _ in range(100):
        guess = 1 / (1 + np.exp(-np.clip(design @ at, -500, 500)))
        slope = design.T @ (counts * (guess - targets)) + 2e-3 * at
        curve = (design.T * (counts * guess * (1 - guess))) @ design + 2e-3 * np.eye(at.size)
        step = np.linalg.solve(curve, slope)
        # A whole step of Newton's may lead far beyond the minimum.
        while loss(at - step) > loss(at) and np.abs(step).max() > 1e-9:
            step = step / 2
        at = at - step
    return at


def calibrated(columns: Floats, tables: list[CalibrationTable]) -> tuple[Floats, float, Floats]:
    """Return weights and a bias whose sigmoid is a probability: Platt's, with a slope a column.

    Each row of ``columns`` is the weights of a language, or of a model that helps. The fewer posts
    of a language were trained on, the smaller its weights are; its slope scales them. The bias is
    that of the first table: each other has one of its own, which is dropped, as abuse is not as
    frequent in it as in the pools. Last come the logits of the first table.
    """
    sums, targets, counts = (np.concatenate(column) for column in zip(*tables, strict=True))
    sizes = [len(table.targets) for table in tables]
    biases = np.repeat(np.eye(len(tables)), sizes, axis=0)
    biases[:, 0] = 1
    used = np.abs(sums).sum(axis=0) > 0
    at = fit_logistic(np.column_stack([sums[:, used], biases]), targets, counts)
    slopes = np.ones(len(columns))
    # A set with hardly a positive post does not tell that a language's words mean the opposite.
    slopes[used] = np.maximum(at[: int(used.sum())], 0)
    bias = float(at[int(used.sum())])
    print(f"calibration: slopes {np.round(slopes, 3)}, bias {bias:.3f}")
    return slopes @ columns, bias, tables[0].sums @ slopes + bias


def shares_from_above(logits: Floats, targets: Floats, counts: Floats) -> Floats:
    """Return for each post the share of positive ones among those that score as high or higher."""
    order = np.argsort(-logits, kind="stable")
    shares = np.empty(len(order))
    shares[order] = np.cumsum((counts * targets)[order]) / np.cumsum(counts[order])
    return shares


def as_precision(
    weights: Floats, bias: float, logits: Floats, table: CalibrationTable
) -> tuple[Floats, float]:
    """Return the weights and the bias whose score is the precision of a threshold put there."""
    chosen = table.counts > 0
    counts, logits = table.counts[chosen], logits[chosen]
    shares = shares_from_above(logits, table.targets[chosen], counts)
    slope, shift = fit_logistic(
        np.column_stack([logits, np.ones(len(logits))]), shares, counts * 1000 / counts.sum()
    )
    print(f"as precision: slope {slope:.3f}, shift {shift:.3f}")
    for score in (0.5, 0.6, 0.7, 0.8, 0.9):
        above = slope * logits + shift > np.log(score / (1 - score))
        found = np.average(table.targets[chosen][above], weights=counts[above])
        print(f"  above {score}: {above.sum()} posts, {found:.3f} of them positive")
    return weights * slope, bias * slope + shift


def _sum_columns(texts: pl.Series, columns: Floats) -> Floats:
    """Return the sum of each text's weights, a column for each row of ``columns``."""
    rows = features(texts, int(columns.shape[1] - 1).bit_length())
    return np.stack([rows.norm() * _row_sums(*rows, column) for column in columns], axis=1)


def train_toxicity(
    data: Path, soft: pl.DataFrame, insult: linear_model.LinearModel
) -> linear_model.LinearModel:
    """Fit ``toxicity``, and calibrate it to the rates of the pools.

    Each part of the pools is scored by weights that were fitted without it. ``insult``, which
    learnt the gold sets, adds to the English weights as far as it helps there.
    """
    posts, abroad = _split_posts(load_posts(data, take_readings(soft)))
    parts = own_words(posts, BITS["toxicity"])
    helper = widened(insult, BITS["toxicity"]) * parts[0]
    lesson = make_lessons(posts)["toxicity"]
    weights, own_bias = fit(lesson, BITS["toxicity"], PENALTY["toxicity"])
    pools = load_pool_posts(data, soft)
    folds = [pools.filter(pl.col("fold") == fold) for fold in range(FOLDS)]
    sums = []
    for fold in folds:
        kept = ~posts["folded"].is_in(fold["folded"].implode())
        without, bias = fit(lesson.take(kept), BITS["toxicity"], PENALTY["toxicity"])
        sums.append(_sum_columns(fold["folded"], np.array([*(without * parts), helper])))
        # English is the first column; the bias that is fitted below is one for all folds.
        sums[-1][:, 0] += bias - own_bias
    columns = np.array([*(weights * parts), helper])
    table = _table_of_pools(pl.concat(folds), np.concatenate(sums), "toxicity")
    tables = [table, *_tables_of_sets(abroad, "toxicity", columns)]
    weights, bias, logits = calibrated(columns, tables)
    return quantised(*as_precision(weights, bias, logits, table))


def train_profanity(data: Path, soft: pl.DataFrame) -> linear_model.LinearModel:
    """Fit ``profanity``, and calibrate it to the rates of the pools.

    Half of the sheet's posts are calibrated on, by weights that were fitted without them.
    """
    posts, abroad = _split_posts(load_posts(data, soft))
    parts = own_words(posts, BITS["profanity"])
    lesson = make_lessons(posts)["profanity"]
    weights, _ = fit(lesson, BITS["profanity"], OTHER_PENALTY)
    half = load_labelled_sheet(data).filter(pl.col("folded").str.len_chars() % 2 == 0)
    kept = ~posts["folded"].is_in(half["folded"].implode())
    without, _ = fit(lesson.take(kept), BITS["profanity"], OTHER_PENALTY)
    table = _table_of_pools(half, _sum_columns(half["folded"], without * parts), "profanity")
    columns = weights * parts
    tables = [table, *_tables_of_sets(abroad, "profanity", columns)]
    weights, bias, _ = calibrated(columns, tables)
    return quantised(weights, bias)


def _split_posts(everything: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the posts that train, and those in other languages that calibrate."""
    other = pl.col("set").is_in(OTHER_LANGUAGES)
    calibrates = other & (pl.col("split") == "calibrate")
    return everything.filter(pl.col("split") != "test", ~calibrates), everything.filter(calibrates)


def widened(model: linear_model.LinearModel, bits: int) -> Floats:
    """Return the weights of a model for 2^``bits`` buckets, of which it has fewer."""
    weights = model.weights.astype(np.float64)
    # A bucket is the lowest bits of a hash.
    return np.tile(weights * np.abs(weights) * model.scale, (1 << bits) // weights.size)


def load_labelled_sheet(data: Path) -> pl.DataFrame:
    """Return the sheet's posts with ``abuse`` and ``vulgar`` as 0 or 1."""
    label = pl.col("abuse")
    return load_sheet_posts(data).with_columns(
        abuse=(label == 2).cast(pl.Float64), vulgar=(label == 1).cast(pl.Float64)
    )


def load_pool_posts(data: Path, soft: pl.DataFrame) -> pl.DataFrame:
    """Return the posts of the pools that may teach, each once, with the fold that it is in.

    ``abuse`` and ``vulgar`` are what readers found, else the teacher's probabilities. Sentences of
    longer posts weigh nothing: the score is calibrated on tweets and video comments.
    """
    sheet = load_labelled_sheet(data)
    sentences = load_sentences(data)["folded"].implode()
    abuse, union = pl.col("abuse").cast(pl.Float64), pl.col("union").cast(pl.Float64)
    unread = take_readings(soft.filter(pl.col("set").is_in(POOLS))).with_columns(
        abuse=pl.coalesce(abuse, "soft_abuse"), union=pl.coalesce(union, "soft_union")
    )
    unread = unread.with_columns(
        vulgar=(pl.col("union") - pl.col("abuse")).clip(0, 1),
        weight=(~pl.col("folded").is_in(sentences)).cast(pl.Float64),
    )
    columns = ["folded", "abuse", "vulgar", "weight"]
    posts = pl.concat(
        [sheet.with_columns(weight=pl.lit(1.0)).select(columns), unread.select(columns)],
        how="vertical_relaxed",
    ).unique("folded", keep="first", maintain_order=True)
    digests = [hashlib.blake2b(text.encode(), digest_size=4).digest() for text in posts["folded"]]
    folds = [int.from_bytes(digest, "big") % FOLDS for digest in digests]
    return posts.with_columns(fold=pl.Series(folds))


def _table_of_pools(posts: pl.DataFrame, sums: Floats, name: str) -> CalibrationTable:
    """Return the posts of the pools that score highest, where it is decided what is dropped."""
    abuse = posts["abuse"].to_numpy()
    counts = posts["weight"].cast(pl.Float64).to_numpy()
    order = np.argsort(-sums.sum(axis=1), kind="stable")
    above = np.zeros(len(posts), dtype=bool)
    above[order] = np.cumsum(counts[order]) <= HIGHEST[name] * counts.sum()
    targets = posts["abuse" if name == "toxicity" else "vulgar"].to_numpy()
    counts = counts * above * (1.0 if name == "toxicity" else 1 - abuse)
    return CalibrationTable(sums, targets, 1000 * counts / counts.sum())


def _tables_of_sets(posts: pl.DataFrame, name: str, columns: Floats) -> list[CalibrationTable]:
    """Return the posts of each German and Portuguese gold set."""
    tables = []
    for language in OTHER_LANGUAGES:
        rows = posts.filter(pl.col("set") == language)
        targets = rows["abuse" if name == "toxicity" else "union"].to_numpy()
        counts = np.full(len(rows), 1000 / len(rows))
        tables.append(CalibrationTable(_sum_columns(rows["folded"], columns), targets, counts))
    return tables


def train_category(gold: pl.DataFrame, name: str) -> linear_model.LinearModel:
    """Fit a category on the sets that label it, and calibrate it on their calibrate splits."""
    posts = gold.filter(pl.col(name).is_not_null())
    seen = posts.filter(pl.col("split") == "train")
    numbers = {each: number for number, each in enumerate(SETS)}
    lesson = Lesson(
        features(seen["folded"], BITS[name]),
        seen[name].cast(pl.Float64).to_numpy(),
        np.array([POST_WEIGHT.get(each, 1.0) for each in seen["set"]]),
        np.array([numbers[each] for each in seen["set"]]),
    )
    weights, _ = fit(lesson, BITS[name], OTHER_PENALTY)
    columns = weights * own_words(seen, BITS[name])
    held = posts.filter(pl.col("split") == "calibrate")
    # A set without a post of a category cannot calibrate it.
    some = held.group_by("set").agg(pl.col(name).any()).filter(name)["set"]
    held = held.filter(pl.col("set").is_in(some.implode()))
    sizes = dict(held["set"].value_counts().iter_rows())
    table = CalibrationTable(
        _sum_columns(held["folded"], columns),
        held[name].cast(pl.Float64).to_numpy(),
        np.array([1000 / sizes[each] for each in held["set"]]),
    )
    found, bias, _ = calibrated(columns, [table])
    return quantised(found, bias)


def load_soft_labels(data: Path, folder: Path) -> pl.DataFrame:
    """Return the teacher's labels, made first if they are missing."""
    if not (folder / "soft.parquet").exists():
        from scripts import toxicity_teacher

        toxicity_teacher.teach(data, folder)
    return pl.read_parquet(folder / "soft.parquet")


def main() -> None:
    """Train and write the models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("filters/models/toxicity.npz"))
    parser.add_argument("--teacher", type=Path, default=Path("build/toxicity"))
    options = parser.parse_args()
    gold = load_gold(options.data)
    categories = {name: train_category(gold, name) for name in CATEGORIES}
    soft = load_soft_labels(options.data, options.teacher)
    models = {
        "toxicity": train_toxicity(options.data, soft, categories["insult"]),
        "profanity": train_profanity(options.data, soft),
    } | categories
    linear_model.save_models(models, options.out)
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()
    kept = ", ".join(f"{name} {np.count_nonzero(m.weights):,}" for name, m in models.items())
    print(f"{options.out}: weights {kept}; {options.out.stat().st_size:,} bytes; sha256 {digest}")


if __name__ == "__main__":
    main()
