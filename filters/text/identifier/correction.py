"""Correct a fastText language model with a model that was trained on posts.

lid.176 was trained on web sentences. Our own model reads the code points of a post's words: all
n-grams of one to five, spaces included, and the longer words. For each of its languages it adds, to
the damped log-probability of lid.176, the sum of the features' weights over the square root of
their number. A language that it does not know keeps the logit of lid.176.

Only features that posts of several authors share have weights; a bitmap marks them. Importing this
module imports numba, so import it where it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from filters.text.arrays import F32, I8, I32, I64, U8, U32, U64, Booleans
from filters.text.hashing import FNV_OFFSET, FNV_PRIME, fnv1a, mix_bits
from filters.text.identifier.letters import FOREIGN, LANGUAGES, TABLE_SIZE
from filters.text.identifier.scripts import SCRIPTS, compute_script_shares
from filters.text.jit import jit
from filters.text.utf8 import decode_character

#: Code points of a post that are read.
MAX_CODE_POINTS = 300
MAX_NGRAM = 5
#: The most features a post can have: n-grams, and longer words.
MAX_POST_FEATURES = (MAX_CODE_POINTS + 2) * (MAX_NGRAM + 1)
#: The weight of the fastText model's log-probability, and the probability of labels that it does
#: not return.
BASE_WEIGHT, PROBABILITY_FLOOR = 0.5, 0.0005
#: What the logit of a language loses if the post is entirely in a script that it is not written in.
SCRIPT_PENALTY = 6.0
#: What it loses besides when posts are ranked: few features of a short post may favour a language,
#: and be wrong, but nobody writes it in that script.
RANKED_SCRIPT_PENALTY = 6.0
#: What the logit of a language loses for each letter that it does not write, up to so many.
LETTER_PENALTY, MAX_FOREIGN_LETTERS = 2.0, 3
#: What the second model's answer adds to the logits of the languages that it stands for, and what a
#: language loses for each unit that its score is below the best one's. English words are in posts
#: of all languages, so English gains no more than its lead in scores times the slope.
SECOND_WEIGHT, SECOND_SLOPE = 2.5, 5.0
#: In a post of fewer code points the second model's scores say less, and count in proportion.
RELIABLE_CODE_POINTS = 8
#: A post is mixed if a run of at least ``MIN_RUN`` code points, with as many outside of it, favours
#: another language by ``SWITCH_MARGIN``; only the ``MAX_ALTERNATIVES`` most likely ones are tried.
MIN_RUN, SWITCH_MARGIN, MAX_ALTERNATIVES = 12, 3.0, 2
#: From this probability on, a post is not searched for a second language.
CERTAIN_PROBABILITY = 0.99999
#: A label whose logit is this far below the best has no probability.
NEGLIGIBLE_MARGIN = 20.0
#: Features are distinguished by this many bits of their hash.
FEATURE_BITS = 21
_BITMAP_WORDS = 1 << (FEATURE_BITS - 6)
_SPACE = 32
# Longer words are hashed from another start than n-grams.
_WORD_OFFSET = np.uint64(1469598103934665603)


class CorrectionModel(NamedTuple):
    """A trained model: feature ``k`` of those in ``feature_bitmap`` weighs ``weights[k] * scale``.

    ``weights`` is (features, labels), padded with zeros; ``feature_bitmap`` has one bit for each
    hash, and ``bits_before`` the number of bits set before each of its words.
    """

    labels: list[str]
    weights: I8
    feature_bitmap: U64
    bits_before: I32
    bias: F32
    scale: float


class _Weights(NamedTuple):
    """The numbers of a :class:`CorrectionModel`, which compiled functions can read."""

    weights: I8
    feature_bitmap: U64
    bits_before: I32
    bias: F32
    scale: float


def make_model(
    labels: list[str], weights: I8, feature_bitmap: U64, bias: F32, scale: float
) -> CorrectionModel:
    """Return the model of these weights; a ValueError says if they do not fit each other."""
    counts = np.bitwise_count(feature_bitmap).astype(np.int32)
    if feature_bitmap.shape != (_BITMAP_WORDS,) or weights.shape != (counts.sum(), len(labels)):
        raise ValueError(
            f"{weights.shape} weights do not fit {len(labels)} labels and {counts.sum()}"
        )
    if weights.dtype != np.int8 or bias.shape != (len(labels),):
        raise ValueError(f"expected weights of int8 and a bias a label, found {weights.dtype}")
    # Rows of a multiple of sixteen let the compiler add them with vector instructions.
    padded = np.zeros((max(len(weights), 1), -(-len(labels) // 16) * 16), np.int8)
    padded[: len(weights), : len(labels)] = weights
    bits_before = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    return CorrectionModel(
        list(labels), padded, feature_bitmap, bits_before, bias.astype(np.float32), scale
    )


def make_empty_model() -> CorrectionModel:
    """Return the model that corrects nothing."""
    no_weights = np.zeros((0, 0), np.int8)
    bitmap = np.zeros(_BITMAP_WORDS, np.uint64)
    return make_model([], no_weights, bitmap, np.zeros(0, np.float32), 0.0)


def save_model(model: CorrectionModel, path: Path) -> None:
    """Write the model; equal models make equal files."""
    features = int(np.bitwise_count(model.feature_bitmap).sum())
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            labels=np.array(model.labels),
            rows=model.weights[:features, : len(model.labels)],
            kept=model.feature_bitmap,
            bias=model.bias,
            scale=np.array(model.scale, np.float64),
        )


def load_model(path: Path) -> CorrectionModel:
    """Read a model that :func:`save_model` wrote; a ValueError says if it is anything else."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = ("labels", "rows", "kept", "bias", "scale")
            labels, weights, bitmap, bias, scale = (arrays[name] for name in names)
        return make_model([str(label) for label in labels], weights, bitmap, bias, float(scale))
    except FileNotFoundError:
        raise
    # A truncated or foreign file fails in zipfile, in numpy or in our own check, each in its way.
    except Exception as error:
        raise ValueError(f"{path} is not the model this version ships: {error}") from error


@jit
def decode_code_points(text: U8, position: int, end: int, points: I32) -> int:
    """Decode UTF-8 into ``points``, with a space before and after; return their number."""
    points[0] = _SPACE
    count = 1
    while position < end and count <= MAX_CODE_POINTS:
        point, size = decode_character(text, position)
        points[count] = point
        count += 1
        position += size
    points[count] = _SPACE
    return count + 1


@jit
def _hash_feature(value: np.uint64) -> np.uint32:
    return np.uint32(mix_bits(value) & np.uint64((1 << FEATURE_BITS) - 1))


@jit
def extract_features(points: I32, count: int, hashes: U32, starts: I32) -> int:
    """Fill ``hashes`` with the features and ``starts`` with where each begins; return how many."""
    number = 0
    for start in range(count):
        value = FNV_OFFSET
        for stop in range(start, min(start + MAX_NGRAM, count)):
            value = (value ^ np.uint64(points[stop])) * FNV_PRIME
            hashes[number], starts[number] = _hash_feature(value), start
            number += 1
    space = 0
    for stop in range(1, count):
        if points[stop] == _SPACE:
            if stop - space > MAX_NGRAM:
                value = fnv1a(points, space + 1, stop, _WORD_OFFSET)
                hashes[number], starts[number] = _hash_feature(value), space + 1
                number += 1
            space = stop
    return number


@jit
def _count_bits(word: np.uint64) -> np.int64:
    """Return how many bits of a word are set."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    low = np.uint64(0x3333333333333333)
    word = (word & low) + ((word >> np.uint64(2)) & low)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@jit
def select_known_features(
    hashes: U32, starts: I32, number: int, feature_bitmap: U64, bits_before: I32
) -> int:
    """Move the features of the model to the front, as row numbers; return how many there are."""
    known = 0
    for feature in range(number):
        value = np.uint64(hashes[feature])
        word, bit = feature_bitmap[value >> np.uint64(6)], value & np.uint64(63)
        if (word >> bit) & np.uint64(1):
            lower_bits = word & ((np.uint64(1) << bit) - np.uint64(1))
            hashes[known] = bits_before[value >> np.uint64(6)] + _count_bits(lower_bits)
            starts[known] = starts[feature]
            known += 1
    return known


@jit
def fill_base_logits(
    label_numbers: I32, probabilities: F32, script_shares: F32, script_table: F32, logits: F32
) -> None:
    """Fill ``logits`` from the fastText model's predictions and the scripts of one post."""
    logits[:] = np.float32(BASE_WEIGHT * np.log(PROBABILITY_FLOOR) - SCRIPT_PENALTY)
    for index in range(label_numbers.size):
        logits[label_numbers[index]] += np.float32(
            BASE_WEIGHT * np.log1p(probabilities[index] / PROBABILITY_FLOOR)
        )
    for script in range(script_shares.size):
        if script_shares[script] > 0:
            gain = np.float32(SCRIPT_PENALTY) * script_shares[script]
            for label in range(logits.size):
                logits[label] += gain * script_table[script, label]


@jit
def penalise_foreign_letters(
    points: I32, count: int, letter_bits: I32, found: I32, logits: F32
) -> None:
    """Take off ``LETTER_PENALTY`` for each letter of the post that a language does not write.

    ``found`` is (number of bits,), overwritten.
    """
    found[:] = 0
    total = 0
    for index in range(count):
        point = points[index]
        if 0x80 <= point < TABLE_SIZE and FOREIGN[point]:
            total += 1
            for bit in range(found.size):
                found[bit] += np.int32((FOREIGN[point] >> np.uint64(bit)) & np.uint64(1))
    if not total:
        return
    for label in range(logits.size):
        if letter_bits[label] >= 0:
            letters = min(found[letter_bits[label]], MAX_FOREIGN_LETTERS)
            logits[label] -= np.float32(LETTER_PENALTY * letters)


class BasePredictions(NamedTuple):
    """What the fastText model predicts; post ``i`` has ``offsets[i]`` to ``offsets[i + 1]``."""

    label_numbers: I32
    probabilities: F32
    offsets: I64


class SecondOpinions(NamedTuple):
    """What the second model predicts: ``answers`` is (posts,), the label that it names or -1.

    Post ``i`` has the labels and scores from ``offsets[i]`` to ``offsets[i + 1]``; a label that is
    -1 is none of ours, and one that is missing has the score 0.
    """

    answers: I32
    label_numbers: I32
    scores: F32
    offsets: I64


class ScoringContext(NamedTuple):
    """What decides besides the models.

    ``script_table`` is (scripts, labels) of 0 and 1; ``letter_bits`` is (labels,), of
    :func:`filters.text.identifier.letters.find_bits`; ``allowed`` is (labels,); ``rarity`` is
    (labels,), what is taken off a label's logit because few posts are in it; ``near_labels`` is
    (labels, labels), true for pairs that a few words do not distinguish; ``second_votes`` is
    (labels, labels), true for what the second model's labels stand for, and ``second_knows`` is
    (labels,), true for what any of them stands for; ``second_gains`` is (labels,), what its answer
    adds to the logits of others; ``english`` is a label or -1; ``prior_labels`` is (posts,), the
    label of most posts of its source or -1, and ``prior_weight`` is added to its logit;
    ``hinted_labels`` is (posts,), the label that a platform states or -1, and ``hint_weight`` is
    added to its logit and to that of its ``romanised`` form, (labels,), a label or -1;
    ``sharpness`` multiplies the logits, so that scores are the share of right answers.
    """

    script_table: F32
    letter_bits: I32
    allowed: Booleans
    rarity: F32
    near_labels: Booleans
    second_opinions: SecondOpinions
    second_votes: Booleans
    second_knows: Booleans
    second_gains: F32
    english: int
    prior_labels: I32
    prior_weight: float
    hinted_labels: I32
    romanised: I32
    hint_weight: float
    sharpness: float


class LanguageRanking(NamedTuple):
    """The two most likely labels of each post, their probabilities, and a label it is mixed with.

    -1 stands for no label.
    """

    first: I32
    second: I32
    first_score: F32
    second_score: F32
    mixed_with: I32


@jit
def _add_correction(
    points: I32, count: int, model: _Weights, hashes: U32, starts: I32, sums: I32, logits: F32
) -> int:
    """Add the model's weights to ``logits``; return how many features it knows, in ``hashes``."""
    number = extract_features(points, count, hashes, starts)
    number = select_known_features(hashes, starts, number, model.feature_bitmap, model.bits_before)
    sums[:] = 0
    for feature in range(number):
        row = model.weights[hashes[feature]]
        for label in range(sums.size):
            sums[label] += row[label]
    norm = model.scale / np.sqrt(max(number, 1))
    for label in range(model.bias.size):
        logits[label] += model.bias[label] + norm * sums[label]
    return number


@jit
def _penalise_other_scripts(script_shares: F32, script_table: F32, logits: F32) -> None:
    """Take off ``RANKED_SCRIPT_PENALTY`` times the share of letters in scripts of other languages.

    ``script_shares`` is (scripts,) and ``script_table`` (scripts, labels).
    """
    for script in range(script_shares.size):
        if script_shares[script] > 0:
            loss = np.float32(RANKED_SCRIPT_PENALTY) * script_shares[script]
            for label in range(logits.size):
                logits[label] -= loss * (1 - script_table[script, label])


@jit
def _add_second_opinion(
    post: int, count: int, context: ScoringContext, scores: F32, logits: F32
) -> None:
    """Add what the second model says of a post with ``count`` code points.

    ``scores`` is (labels,), overwritten.
    """
    opinions, votes, english = context.second_opinions, context.second_votes, context.english
    scores[:] = 0
    for index in range(opinions.offsets[post], opinions.offsets[post + 1]):
        number, score = opinions.label_numbers[index], opinions.scores[index]
        for label in range(scores.size):
            if number >= 0 and votes[number, label]:
                scores[label] = max(scores[label], score)
    best = best_other = np.float32(0)
    for label in range(scores.size):
        best = max(best, scores[label])
        if label != english:
            best_other = max(best_other, scores[label])
    reliance = np.float32(min(count / RELIABLE_CODE_POINTS, 1.0))
    weight, slope = np.float32(SECOND_WEIGHT), np.float32(SECOND_SLOPE) * reliance
    for label in range(scores.size):
        if label == english:
            logits[label] += min(weight, slope * (scores[label] - best_other))
        elif context.second_knows[label]:
            logits[label] -= slope * (best - scores[label])
            if votes[opinions.answers[post], label]:
                logits[label] += weight
        else:
            logits[label] += reliance * context.second_gains[label]


@jit
def _find_best_label(logits: F32, allowed: Booleans, other_than: int, excluded: Booleans) -> int:
    """Return the most likely allowed label except ``other_than`` and ``excluded``; -1 for none."""
    best = -1
    for label in range(logits.size):
        is_candidate = allowed[label] and label != other_than and not excluded[label]
        if is_candidate and (best < 0 or logits[label] > logits[best]):
            best = label
    return best


@jit
def _has_language_switch(
    model: _Weights,
    features: U32,
    starts: I32,
    number: int,
    count: int,
    first: int,
    other: int,
    gains: I32,
    uses: I32,
) -> bool:
    """Return whether a part of the post, and not all of it, strongly favours ``other``."""
    gains[:count] = 0
    uses[:count] = 0
    for feature in range(number):
        row = model.weights[features[feature]]
        gains[starts[feature]] += np.int32(row[other]) - np.int32(row[first])
        uses[starts[feature]] += 1
    # The run of code points with the highest sum of gains.
    best, begin, end, total, start = 0, 0, 0, 0, 0
    for at in range(count):
        if total <= 0:
            total, start = 0, at
        total += gains[at]
        if total > best:
            best, begin, end = total, start, at + 1
    if end - begin < MIN_RUN or count - (end - begin) < MIN_RUN:
        return False
    return bool(model.scale * best > SWITCH_MARGIN * np.sqrt(uses[begin:end].sum()))


@jit
def _rank_languages(
    text: U8,
    offsets: I64,
    rows: I64,
    predictions: BasePredictions,
    context: ScoringContext,
    model: _Weights,
) -> tuple[I32, I32, F32, F32, I32]:
    posts, known_labels = offsets.size - 1, model.bias.size
    first, second = np.full(posts, -1, np.int32), np.full(posts, -1, np.int32)
    first_score, second_score = np.zeros(posts, np.float32), np.zeros(posts, np.float32)
    mixed_with = np.full(posts, -1, np.int32)
    points = np.empty(MAX_CODE_POINTS + 2, np.int32)
    gains, uses = np.empty(points.size, np.int32), np.empty(points.size, np.int32)
    features = np.empty(MAX_POST_FEATURES, np.uint32)
    starts = np.empty(MAX_POST_FEATURES, np.int32)
    script_shares = np.empty(len(SCRIPTS), np.float32)
    logits = np.empty(context.script_table.shape[1], np.float32)
    scores = np.empty(logits.size, np.float32)
    sums = np.zeros(model.weights.shape[1], np.int32)
    foreign = np.empty(len(LANGUAGES), np.int32)
    excluded = np.zeros(logits.size, np.bool_)
    for post in rows:
        if offsets[post] == offsets[post + 1]:
            continue
        count = decode_code_points(text, offsets[post], offsets[post + 1], points)
        compute_script_shares(points, count, script_shares)
        begin, end = predictions.offsets[post], predictions.offsets[post + 1]
        fill_base_logits(
            predictions.label_numbers[begin:end],
            predictions.probabilities[begin:end],
            script_shares,
            context.script_table,
            logits,
        )
        _penalise_other_scripts(script_shares, context.script_table, logits)
        penalise_foreign_letters(points, count, context.letter_bits, foreign, logits)
        number = 0
        if known_labels:
            number = _add_correction(points, count, model, features, starts, sums, logits)
        logits -= context.rarity
        excluded[:] = False
        if context.second_opinions.answers[post] >= 0:
            _add_second_opinion(post, count - 2, context, scores, logits)
        if context.prior_labels[post] >= 0:
            logits[context.prior_labels[post]] += context.prior_weight
        hinted = context.hinted_labels[post]
        if hinted >= 0:
            logits[hinted] += context.hint_weight
            if context.romanised[hinted] >= 0:
                logits[context.romanised[hinted]] += context.hint_weight
        best = _find_best_label(logits, context.allowed, -1, excluded)
        runner_up = _find_best_label(logits, context.allowed, best, excluded)
        total = 0.0
        for label in range(logits.size):
            margin = context.sharpness * (logits[best] - logits[label])
            if context.allowed[label] and margin < NEGLIGIBLE_MARGIN:
                total += np.exp(-margin)
        first[post], first_score[post] = best, 1 / total
        if runner_up >= 0:
            second[post] = runner_up
            margin = context.sharpness * (logits[runner_up] - logits[best])
            second_score[post] = np.exp(margin) / total
        is_certain = first_score[post] > CERTAIN_PROBABILITY
        if best >= known_labels or count < 2 * MIN_RUN or is_certain:
            continue
        excluded[:] = context.near_labels[best]
        excluded[known_labels:] = True
        for _ in range(MAX_ALTERNATIVES):
            other = _find_best_label(logits, context.allowed, best, excluded)
            if other < 0:
                break
            excluded[other] = True
            if _has_language_switch(
                model, features, starts, number, count, best, other, gains, uses
            ):
                mixed_with[post] = other
                break
    return first, second, first_score, second_score, mixed_with


def rank_languages(
    text: U8,
    offsets: I64,
    predictions: BasePredictions,
    context: ScoringContext,
    model: CorrectionModel,
    rows: I64 | None = None,
) -> LanguageRanking:
    """Rank the languages of each post's words; the model's labels are the first of all labels.

    With ``rows``, only these posts are ranked; the others have no label.
    """
    weights = _Weights(*model[1:])
    rows = np.arange(offsets.size - 1) if rows is None else rows
    return LanguageRanking(*_rank_languages(text, offsets, rows, predictions, context, weights))
