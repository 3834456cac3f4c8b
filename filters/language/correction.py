"""Correct a fastText language model with one that learnt from posts.

lid.176 learnt from web sentences. Our own model sees the code points of a post's words: all
n-grams of one to five, spaces included, and the longer words. For each of its languages it adds,
to the damped log-probability that lid.176 gives, the sum of the features' weights over the square
root of their number. A language it does not know keeps lid.176's word alone.

Only features that posts of several authors share are counted; a bitmap tells which. Importing
this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.decontaminate.ngram_index import decode_character
from filters.language.scripts import SCRIPTS, compute_script_shares
from filters.text.jit import jit
from filters.toxicity.linear_model import Bytes, Offsets

Floats = NDArray[np.float32]
Numbers = NDArray[np.int32]

#: Code points of a post that are read.
MAX_CODE_POINTS = 300
MAX_NGRAM = 5
#: The most features a post can have: n-grams, and longer words.
MAX_POST_FEATURES = (MAX_CODE_POINTS + 2) * (MAX_NGRAM + 1)
#: What the fastText model's log-probability counts, and what it gives to what it does not name.
BASE_WEIGHT, PROBABILITY_FLOOR = 0.5, 0.0005
#: What a post wholly in a script that a language is not written in takes from its logit.
SCRIPT_PENALTY = 6.0
#: A change of language is a run of at least so many code points, and as many besides, whose own
#: logit speaks by so much for another language; so many of the likeliest others are tried.
MIN_RUN, SWITCH_MARGIN, MAX_ALTERNATIVES = 12, 3.0, 3
#: So sure a post is in one language only. So far behind the best, a label has no probability.
CERTAIN_PROBABILITY, NEGLIGIBLE_MARGIN = 0.99, 20.0
#: Features are told apart by this many bits of their hash.
FEATURE_BITS = 21
_BITMAP_WORDS = 1 << (FEATURE_BITS - 6)


class CorrectionModel(NamedTuple):
    """A trained model: the ``k``-th feature that is ``kept`` weighs ``rows[k] * scale``.

    ``kept`` is a bitmap over hashes, ``before`` the number of bits set before each of its words.
    """

    labels: list[str]
    weights: NDArray[np.int8]
    feature_bitmap: NDArray[np.uint64]
    bits_before: Numbers
    bias: Floats
    scale: float


def make_model(
    labels: list[str],
    weights: NDArray[np.int8],
    feature_bitmap: NDArray[np.uint64],
    bias: Floats,
    scale: float,
) -> CorrectionModel:
    """The model of these weights; a ValueError where they do not belong together."""
    counts = np.bitwise_count(feature_bitmap).astype(np.int32)
    if feature_bitmap.shape != (_BITMAP_WORDS,) or weights.shape != (counts.sum(), len(labels)):
        raise ValueError(
            f"{weights.shape} weights do not fit {len(labels)} labels and {counts.sum()}"
        )
    if weights.dtype != np.int8 or bias.shape != (len(labels),):
        raise ValueError(f"expected weights of int8 and a bias a label, found {weights.dtype}")
    # Rows of a multiple of sixteen let the compiler add them with vector instructions.
    wide = np.zeros((max(len(weights), 1), -(-len(labels) // 16) * 16), np.int8)
    wide[: len(weights), : len(labels)] = weights
    before = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    return CorrectionModel(
        list(labels), wide, feature_bitmap, before, bias.astype(np.float32), scale
    )


def make_empty_model() -> CorrectionModel:
    """The model that corrects nothing."""
    none = np.zeros((0, 0), np.int8)
    return make_model([], none, np.zeros(_BITMAP_WORDS, np.uint64), np.zeros(0, np.float32), 0.0)


def save_model(model: CorrectionModel, path: Path) -> None:
    """Write the model; equal models make equal files."""
    width = len(model.labels)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            labels=np.array(model.labels),
            rows=model.weights[: int(np.bitwise_count(model.feature_bitmap).sum()), :width],
            kept=model.feature_bitmap,
            bias=model.bias,
            scale=np.array(model.scale, np.float64),
        )


def load_model(path: Path) -> CorrectionModel:
    """Read a model that :func:`save` wrote; anything else is a ValueError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = ("labels", "rows", "kept", "bias", "scale")
            labels, rows, kept, bias, scale = (arrays[name] for name in names)
        return make_model([str(label) for label in labels], rows, kept, bias, float(scale))
    except FileNotFoundError:
        raise
    # A cut or foreign file fails in zipfile, in numpy or in our own check, each its own way.
    except Exception as error:
        raise ValueError(f"{path} is not the model this version ships: {error}") from error


@jit
def decode_code_points(text: Bytes, at: int, end: int, points: Numbers) -> int:
    """Decode UTF-8 into ``points``, a space before and after; how many there are."""
    points[0] = 32
    count = 1
    while at < end and count <= MAX_CODE_POINTS:
        point, size = decode_character(text, at)
        points[count] = point
        count += 1
        at += size
    points[count] = 32
    return count + 1


@jit
def _hash_feature(value: np.uint64) -> np.uint32:
    """The last mix of an FNV-1a hash: short n-grams would otherwise share their high bits."""
    value = (value ^ (value >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return np.uint32((value ^ (value >> np.uint64(32))) & np.uint64((1 << FEATURE_BITS) - 1))


@jit
def extract_features(points: Numbers, count: int, found: NDArray[np.uint32], place: Numbers) -> int:
    """Fill ``found`` with the features and ``place`` with where each begins; their number."""
    prime = np.uint64(1099511628211)
    number = 0
    for start in range(count):
        value = np.uint64(14695981039346656037)
        for stop in range(start, min(start + MAX_NGRAM, count)):
            value = (value ^ np.uint64(points[stop])) * prime
            found[number], place[number] = _hash_feature(value), start
            number += 1
    space = 0
    for stop in range(1, count):
        if points[stop] == 32:
            if stop - space > MAX_NGRAM:
                value = np.uint64(1469598103934665603)
                for each in range(space + 1, stop):
                    value = (value ^ np.uint64(points[each])) * prime
                found[number], place[number] = _hash_feature(value), space + 1
                number += 1
            space = stop
    return number


@jit
def _count_bits(word: np.uint64) -> np.int64:
    """How many bits of a word are set."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    low = np.uint64(0x3333333333333333)
    word = (word & low) + ((word >> np.uint64(2)) & low)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@jit
def select_known_features(
    found: NDArray[np.uint32], place: Numbers, number: int, kept: NDArray[np.uint64],
    before: Numbers,
) -> int:  # fmt: skip
    """Move the features that the model knows to the front, as their rows; their number."""
    stay = 0
    for each in range(number):
        key = np.uint64(found[each])
        word, bit = kept[key >> np.uint64(6)], key & np.uint64(63)
        if (word >> bit) & np.uint64(1):
            below = word & ((np.uint64(1) << bit) - np.uint64(1))
            found[stay] = before[key >> np.uint64(6)] + _count_bits(below)
            place[stay] = place[each]
            stay += 1
    return stay


@jit
def fill_base_logits(
    ids: Numbers, given: Floats, share: Floats, written: Floats, logit: Floats
) -> None:
    """Fill ``logit`` with what the fastText model's answer and the post's scripts say."""
    logit[:] = np.float32(BASE_WEIGHT * np.log(PROBABILITY_FLOOR) - SCRIPT_PENALTY)
    for each in range(ids.size):
        logit[ids[each]] += np.float32(BASE_WEIGHT * np.log1p(given[each] / PROBABILITY_FLOOR))
    for script in range(share.size):
        if share[script] > 0:
            gain = np.float32(SCRIPT_PENALTY) * share[script]
            for label in range(logit.size):
                logit[label] += gain * written[script, label]


class BasePredictions(NamedTuple):
    """What the fastText model said of each post: ``ids`` and ``given`` from ``starts``."""

    label_numbers: Numbers
    probabilities: Floats
    offsets: Offsets


class ScoringContext(NamedTuple):
    """What else decides.

    ``written`` is (scripts, labels) of 0 and 1; ``allowed`` (labels,); ``near`` (labels, labels),
    what a few words do not tell apart; ``hints`` (posts,), the label a platform claims or -1, and
    ``hint_weight`` what a claim adds to a logit; ``sharpness`` multiplies the logits, so that
    scores are the share of right answers.
    """

    script_table: Floats
    allowed: NDArray[np.bool_]
    near_labels: NDArray[np.bool_]
    hinted_labels: Numbers
    hint_weight: float
    sharpness: float


class LanguageRanking(NamedTuple):
    """The two likeliest labels of each post, their probabilities, and another that it changes to.

    -1 stands for no label.
    """

    first: Numbers
    second: Numbers
    first_score: Floats
    second_score: Floats
    mixed_with: Numbers


@jit
def _add_correction(
    points: Numbers, count: int, rows: NDArray[np.int8], kept: NDArray[np.uint64],
    before: Numbers, bias: Floats, scale: float, found: NDArray[np.uint32], place: Numbers,
    total: Numbers, logit: Floats,
) -> int:  # fmt: skip
    """Add the model's word to ``logit``; how many features it knew, left in ``found``."""
    number = select_known_features(
        found, place, extract_features(points, count, found, place), kept, before
    )
    total[:] = 0
    for each in range(number):
        row = rows[found[each]]
        for label in range(total.size):
            total[label] += row[label]
    norm = scale / np.sqrt(max(number, 1))
    for label in range(bias.size):
        logit[label] += bias[label] + norm * total[label]
    return number


@jit
def _find_best_label(
    logit: Floats, allowed: NDArray[np.bool_], one: int, apart: NDArray[np.bool_]
) -> int:
    """The likeliest allowed label but ``one`` and those marked in ``apart``; -1 for none."""
    found = -1
    for label in range(logit.size):
        free = allowed[label] and label != one and not apart[label]
        if free and (found < 0 or logit[label] > logit[found]):
            found = label
    return found


@jit
def _has_language_switch(
    found: NDArray[np.uint32], place: Numbers, number: int, rows: NDArray[np.int8], scale: float,
    count: int, one: int, other: int, gain: Numbers, uses: Numbers,
) -> bool:  # fmt: skip
    """Whether a run of the post, and not all of it, speaks strongly for ``other``."""
    gain[:count] = 0
    uses[:count] = 0
    for each in range(number):
        row = rows[found[each]]
        gain[place[each]] += np.int32(row[other]) - np.int32(row[one])
        uses[place[each]] += 1
    best, begin, end, run, start = 0, 0, 0, 0, 0
    for at in range(count):
        if run <= 0:
            run, start = 0, at
        run += gain[at]
        if run > best:
            best, begin, end = run, start, at + 1
    if end - begin < MIN_RUN or count - (end - begin) < MIN_RUN:
        return False
    return bool(scale * best > SWITCH_MARGIN * np.sqrt(uses[begin:end].sum()))


@jit
def _rank_languages(
    text: Bytes, offsets: Offsets, ids: Numbers, given: Floats, starts: Offsets, written: Floats,
    allowed: NDArray[np.bool_], near: NDArray[np.bool_], hints: Numbers, hint_weight: float,
    sharpness: float, rows: NDArray[np.int8], kept: NDArray[np.uint64], before: Numbers,
    bias: Floats, scale: float,
) -> tuple[Numbers, Numbers, Floats, Floats, Numbers]:  # fmt: skip
    posts, known = offsets.size - 1, bias.size
    first, second = np.full(posts, -1, np.int32), np.full(posts, -1, np.int32)
    score, score2 = np.zeros(posts, np.float32), np.zeros(posts, np.float32)
    others = np.full(posts, -1, np.int32)
    points, gain = np.empty(MAX_CODE_POINTS + 2, np.int32), np.empty(MAX_CODE_POINTS + 2, np.int32)
    uses = np.empty(MAX_CODE_POINTS + 2, np.int32)
    found, place = np.empty(MAX_POST_FEATURES, np.uint32), np.empty(MAX_POST_FEATURES, np.int32)
    share = np.empty(len(SCRIPTS), np.float32)
    logit = np.empty(written.shape[1], np.float32)
    total = np.zeros(rows.shape[1], np.int32)
    apart = np.zeros(logit.size, np.bool_)
    for post in range(posts):
        if offsets[post] == offsets[post + 1]:
            continue
        count = decode_code_points(text, offsets[post], offsets[post + 1], points)
        compute_script_shares(points, count, share)
        begin, end = starts[post], starts[post + 1]
        fill_base_logits(ids[begin:end], given[begin:end], share, written, logit)
        number = 0
        if known:
            number = _add_correction(
                points, count, rows, kept, before, bias, scale, found, place, total, logit
            )
        if hints[post] >= 0:
            logit[hints[post]] += hint_weight
        apart[:] = False
        one = _find_best_label(logit, allowed, -1, apart)
        two = _find_best_label(logit, allowed, one, apart)
        whole = 0.0
        for label in range(logit.size):
            behind = sharpness * (logit[one] - logit[label])
            if allowed[label] and behind < NEGLIGIBLE_MARGIN:
                whole += np.exp(-behind)
        first[post], score[post] = one, 1 / whole
        if two >= 0:
            second[post] = two
            score2[post] = np.exp(sharpness * (logit[two] - logit[one])) / whole
        if one >= known or count < 2 * MIN_RUN or score[post] > CERTAIN_PROBABILITY:
            continue
        apart[:] = near[one]
        apart[known:] = True
        for _ in range(MAX_ALTERNATIVES):
            other = _find_best_label(logit, allowed, one, apart)
            if other < 0:
                break
            apart[other] = True
            if _has_language_switch(
                found, place, number, rows, scale, count, one, other, gain, uses
            ):
                others[post] = other
                break
    return first, second, score, score2, others


def rank_languages(
    text: Bytes,
    offsets: Offsets,
    predictions: BasePredictions,
    context: ScoringContext,
    model: CorrectionModel,
) -> LanguageRanking:
    """The two likeliest languages of each post's words; the model's labels are the first ones."""
    weights = (model.weights, model.feature_bitmap, model.bits_before, model.bias, model.scale)
    everything: tuple[Any, ...] = (text, offsets, *predictions, *context, *weights)
    return LanguageRanking(*_rank_languages(*everything))
