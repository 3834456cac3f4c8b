"""Train the model that corrects lid.176 on posts: ``filters/models/language.npz``.

    python -m scripts.train_language --sentences FOLDER [--data ../shared/data] [--out FILE]
                                     [--unseen | --sharpness]

A softmax regression over the features of ``filters/text/identifier/correction.py``, on top of
lid.176's scores, by AdaGrad in one thread: the same sets, packages and seed give the same file. The
sets are those of ``scripts/language_posts.py``, all with a licence that permits it; the gold sets
TweetLID and TwitUser only measure the model. A text that lid.176 and eldc both find in one other
language than its set's is not used, nor one that either finds in English if its set is not.

In ``HIDDEN`` of the steps lid.176 alone scores a post's own language, if it knows it, and only the
weights of the other languages are trained: they learn not to score for another language. Without
that, the model would claim every language that it was not trained on: ``--unseen`` hides thirteen
languages from the training, and prints how many of their posts are named right without the model,
and with it. ``--sharpness`` prints how well each sharpness of the scores fits posts that were read
and labelled one by one.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.quality import language as gold_sets
from filters.text import fasttext
from filters.text.identifier import correction, eldc_model, identify, letters, scripts, words
from filters.text.jit import jit
from scripts import language_posts

Floats = NDArray[np.float32]

#: The weight of a post of each set; a post of the others has weight 1.
SET_WEIGHT = {"ntrex": 0.5, "ntrex-latin": 0.5, "nos": 0.5, "ca-text": 0.5, "qnli": 0.5}
#: The model has the features of at least this many authors: from fewer it would learn these authors
#: by heart.
MIN_AUTHORS = 100
#: Posts of frequent languages weigh less: n posts together weigh n to this power.
BALANCE = 0.4
HIDDEN = 0.6
RATE, DECAY, ROUNDS, SEED = 0.3, 1e-4, 5, 1
#: A label whose probability is this close to what it should be is not changed by a post.
MIN_SLOPE = 1e-3
UNSEEN = ("nl", "pl", "fi", "tr", "ro", "vi", "id", "sw", "hu", "it", "yo", "ca", "no")


class Rows(NamedTuple):
    """Posts as sparse rows, with the scores of the fastText model and the scripts for each."""

    found: NDArray[np.uint32]
    starts: NDArray[np.int64]
    base: Floats


@jit
def _sparse(
    text: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    points = np.empty(correction.MAX_CODE_POINTS + 2, np.int32)
    found, positions = (
        np.empty(correction.MAX_POST_FEATURES, np.uint32),
        np.empty(correction.MAX_POST_FEATURES, np.int32),
    )
    out = np.empty(6 * text.size + 12 * offsets.size, np.uint32)
    starts = np.zeros(offsets.size, np.int64)
    for post in range(offsets.size - 1):
        count = correction.decode_code_points(text, offsets[post], offsets[post + 1], points)
        number = correction.extract_features(points, count, found, positions)
        begin = starts[post]
        out[begin : begin + number] = found[:number]
        starts[post + 1] = begin + number
    return out[: starts[-1]], starts


@jit
def _bases(
    text: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    ids: NDArray[np.int32],
    given: Floats,
    begins: NDArray[np.int64],
    written: Floats,
    letter_bits: NDArray[np.int32],
) -> Floats:
    out = np.empty((offsets.size - 1, written.shape[1]), np.float32)
    points = np.empty(correction.MAX_CODE_POINTS + 2, np.int32)
    share = np.empty(written.shape[0], np.float32)
    foreign = np.empty(len(letters.LANGUAGES), np.int32)
    for post in range(offsets.size - 1):
        count = correction.decode_code_points(text, offsets[post], offsets[post + 1], points)
        scripts.compute_script_shares(points, count, share)
        at, end = begins[post], begins[post + 1]
        correction.fill_base_logits(ids[at:end], given[at:end], share, written, out[post])
        correction.penalise_foreign_letters(points, count, letter_bits, foreign, out[post])
    return out


def rows_of(posts: pl.DataFrame, labels: list[str]) -> Rows:
    """Return the features and base scores of posts, as the filter computes them."""
    text, offsets = words.extract_words(posts)
    model = identify.load_fasttext_model(identify.Settings())
    answers = identify.predict_languages(model, labels, words.split_to_strings(text, offsets))
    return Rows(
        *_sparse(text, offsets),
        _bases(
            text, offsets, *answers, scripts.build_script_table(labels), letters.find_bits(labels)
        ),
    )


@jit
def _authors_of(
    found: NDArray[np.uint32], starts: NDArray[np.int64], authors: NDArray[np.int64], keys: int
) -> NDArray[np.int32]:
    """Count the authors that use each feature; posts must be in the order of their authors."""
    last = np.full(keys, -1, np.int64)
    count = np.zeros(keys, np.int32)
    for post in range(starts.size - 1):
        for at in range(starts[post], starts[post + 1]):
            if last[found[at]] != authors[post]:
                last[found[at]] = authors[post]
                count[found[at]] += 1
    return count


@jit
def _fit(
    found: NDArray[np.int32],
    starts: NDArray[np.int64],
    base: Floats,
    gold: NDArray[np.int64],
    weight: Floats,
    order: NDArray[np.int64],
    hidden: NDArray[np.bool_],
    rows: Floats,
    bias: Floats,
    rate: float,
    decay: float,
) -> None:
    """Run AdaGrad over the posts in ``order``; it updates ``rows`` and ``bias`` in place."""
    own = bias.size
    seen, seen_bias = np.full(rows.shape, 1e-2, np.float32), np.full(own, 1e-2, np.float32)
    chance, slope = np.empty(base.shape[1], np.float32), np.empty(own, np.float32)
    active = np.empty(own, np.int64)
    for step in range(order.size):
        post = order[step]
        begin, end, right = starts[post], starts[post + 1], gold[post]
        norm = np.float32(1 / np.sqrt(max(end - begin, 1)))
        chance[:] = base[post]
        for label in range(own):
            chance[label] += bias[label]
        for at in range(begin, end):
            row = rows[found[at]]
            for label in range(own):
                chance[label] += norm * row[label]
        if hidden[step] and right < own:
            chance[right] = base[post, right]
        chance[:] = np.exp(chance - chance.max())
        chance /= chance.sum()
        number = 0
        for label in range(own):
            wanted = 1 if label == right else 0
            slope[label] = (chance[label] - wanted) * weight[post]
            if hidden[step] and label == right:
                slope[label] = 0
            # Most languages are out of the question for a post: the few others are what it teaches.
            if abs(slope[label]) > MIN_SLOPE:
                active[number] = label
                number += 1
                seen_bias[label] += slope[label] ** 2
                bias[label] -= rate * slope[label] / np.sqrt(seen_bias[label])
        for at in range(begin, end):
            row, seen_row = rows[found[at]], seen[found[at]]
            for index in range(number):
                label = active[index]
                way = slope[label] * norm + decay * row[label]
                seen_row[label] += way**2
                row[label] -= rate * way / np.sqrt(seen_row[label])


def train(
    posts: pl.DataFrame, rows: Rows, labels: list[str], own: int
) -> correction.CorrectionModel:
    """Train the model of the first ``own`` labels on ``posts``, ordered by their authors."""
    authors = posts["author"].rank("dense").to_numpy().astype(np.int64)
    count = _authors_of(rows.found, rows.starts, authors, 1 << correction.FEATURE_BITS)
    kept = count >= MIN_AUTHORS
    rank = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)[rows.found]
    known = rank >= 0
    starts = np.concatenate([[0], np.cumsum(known)])[rows.starts]
    numbers = {label: number for number, label in enumerate(labels)}
    gold = np.array([numbers[label] for label in posts["gold"]], np.int64)
    weight = np.array([SET_WEIGHT.get(name, 1.0) for name in posts["set"]])
    total = np.bincount(gold, weights=weight, minlength=len(labels))
    weight *= (total[gold].clip(1) / total.max()) ** -BALANCE
    base = identify.read_base_labels(identify.Settings())
    is_known = np.array([label in base for label in labels])
    random = np.random.default_rng(SEED)
    order = np.concatenate([random.permutation(len(posts)) for _ in range(ROUNDS)])
    weights = np.zeros((int(kept.sum()), own), np.float32)
    bias = np.zeros(own, np.float32)
    _fit(
        rank[known],
        starts,
        rows.base,
        gold,
        (weight / weight.mean()).astype(np.float32),
        order,
        (random.random(order.size) < HIDDEN) & is_known[gold[order]],
        weights,
        bias,
        RATE,
        DECAY,
    )
    bits = np.packbits(kept, bitorder="little").view(np.uint64)
    # A scale by the largest weights would round the many small ones to zero.
    scale = float(np.quantile(np.abs(weights).max(axis=1), 0.999)) / 127
    small = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return correction.make_model(labels[:own], small, bits, bias, scale)


def training_posts(data: Path, sentences: Path) -> pl.DataFrame:
    """Return the posts to train on, in the order of their authors."""
    posts = language_posts.load_posts(data, sentences)
    labels = posts["gold"].unique().sort().to_list()
    lines = words.split_to_strings(*words.extract_words(posts))
    model = identify.load_fasttext_model(identify.Settings())
    found = [
        names[0].removeprefix(fasttext.LABEL_PREFIX) if names else ""
        for names, _ in fasttext.predict_labels(model, lines, 1)
    ]
    # What both find in Malay is Malay, although eldc alone finds Indonesian there too.
    known = eldc_model.list_languages()
    numbers = eldc_model.identify(lines, labels, known)
    seconds = [labels[number] if number >= 0 else "" for number in numbers]
    agree = pl.col("first") == pl.col("second")
    gold, is_long = pl.col("gold"), pl.col("letters") > 20
    # Sets in other languages have posts in English, and romanised Arabic has some in French.
    is_stranger = pl.lit(False)
    for name in ("first", "second"):
        is_stranger |= (pl.col(name) == "en") & (gold != "en")
        is_stranger |= (pl.col(name) == "fr") & (gold == "ar-Latn")
    is_other = agree & (pl.col("first") != gold) & is_long & ~gold.str.contains("-")
    letters = pl.Series(lines).str.len_chars()
    named = posts.with_columns(
        first=pl.Series(found), second=pl.Series(seconds), letters=letters
    ).filter(pl.col("letters") > 0, ~is_stranger, ~is_other)
    kept = named.select(posts.columns).sort("author", "text")
    texts, codes = kept["text"].to_list(), kept["gold"].to_list()
    short = pl.Series(list(language_posts.shorten_some(texts, codes)))
    return kept.with_columns(text=short)


def fit(posts: pl.DataFrame) -> correction.CorrectionModel:
    """Train the model of ``language_posts.LANGUAGES``, as far as ``posts`` has posts in them."""
    base = identify.read_base_labels(identify.Settings())
    own = [code for code in language_posts.LANGUAGES if code in set(posts["gold"])]
    # A language that is no label of either model is not used.
    posts = posts.filter(pl.col("gold").is_in({*own, *base}))
    labels = [*own, *(label for label in base if label not in own)]
    return train(posts, rows_of(posts, labels), labels, len(own))


def print_sharpness(data: Path) -> None:
    """Print the loss of each sharpness on posts that were read and labelled one by one."""
    posts = pl.concat(
        gold_sets.load_sheet(data / f"judgement/{name}.tsv").select("text", "gold")
        for name in ("dev", "languages_dev")
    ).filter(pl.col("gold").str.contains(r"^[a-z]{2,3}(-Latn)?$") & (pl.col("gold") != "und"))
    model = correction.load_model(identify.CORRECTION_MODEL_PATH)
    print("sharpness  log loss a post")
    for sharpness in (0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0):
        judge = identify.make_identifier(identify.Settings(und_below=0), model, sharpness)
        # The languages but the likeliest two share the rest of the probability.
        others = (1 - pl.col("lang_score") - pl.col("lang2_score")).clip(1e-6) / 20
        chance = (
            pl.when(pl.col("lang") == pl.col("gold"))
            .then("lang_score")
            .when(pl.col("lang2") == pl.col("gold"))
            .then("lang2_score")
            .otherwise(others)
        )
        judged = posts.with_columns(judge(posts).get_columns())
        print(f"{sharpness:9} {-judged.select(chance.log().mean()).item():.4f}")


def print_unseen(data: Path, posts: pl.DataFrame) -> None:
    """Print the accuracy on thirteen languages that a model was not trained on."""
    gold = gold_sets.load_twituser(data).filter(pl.col("gold").is_in(UNSEEN))
    answers = {}
    for name, model in (
        ("lid.176", correction.make_empty_model()),
        ("corrected", fit(posts.filter(~pl.col("gold").is_in(UNSEEN)))),
    ):
        judge = identify.make_identifier(identify.Settings(), model)
        answers[name] = gold.with_columns(right=judge(gold)["lang"] == pl.col("gold"))
    print("language  posts  without a model  with a model not trained on it")
    for code in UNSEEN:
        rows = [answers[name].filter(pl.col("gold") == code)["right"] for name in answers]
        print(f"{code:8} {len(rows[0]):6} {rows[0].mean():14.3f} {rows[1].mean():10.3f}")


def main() -> None:
    """Train and write the model, or print one of the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sentences", type=Path, default=Path("../shared/sentences"))
    parser.add_argument("--out", type=Path, default=identify.CORRECTION_MODEL_PATH)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--sharpness", action="store_true")
    options = parser.parse_args()
    if options.sharpness:
        print_sharpness(options.data)
        return
    posts = training_posts(options.data, options.sentences)
    counts = posts.group_by("gold").len().sort("gold")
    print(f"{posts.height} posts:", ", ".join(f"{code} {count}" for code, count in counts.rows()))
    if options.unseen:
        print_unseen(options.data, posts)
        return
    model = fit(posts)
    correction.save_model(model, options.out)
    content = options.out.read_bytes()
    kept = int(np.bitwise_count(model.feature_bitmap).sum())
    print(
        f"{options.out}: {len(content):,} bytes, {kept:,} features, {len(model.labels)} languages"
    )
    print("sha256", hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
