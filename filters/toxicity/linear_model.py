"""Score folded text with a linear model over hashed words and character n-grams.

A model is one array of small integers and stores no word. A post is read in windows of
``WINDOW_WORDS`` words; a window's logit is the bias plus the sum of its features' weights, over the
square root of their number and ``DAMPING``; a post's logit is the highest of its windows. Models of
one size score a post together: reading the words costs more than a second weight. Importing this
module imports numba, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.text.arrays import F32, F64, I8, I64, U8, U32
from filters.text.hashing import FNV_OFFSET, GOLDEN_RATIO, fnv1a, mix_bits
from filters.text.jit import jit
from filters.text.utf8 import encode_texts


class LinearModel(NamedTuple):
    """A trained model: bucket ``i`` weighs ``weights[i] * abs(weights[i]) * scale``.

    The square gives most of a byte's values to the range where most weights are, near zero.
    """

    weights: I8
    scale: float
    bias: float


class JoinedModels(NamedTuple):
    """Models that score together: ``weights[i, j]`` is that of bucket ``i`` in model ``j``."""

    weights: I8
    scales: F64
    biases: F64


# A tweet is one window; a long post is several, so its length does not make its score extreme.
WINDOW_WORDS = 64
# Added to the number of features, so that one word alone does not decide.
DAMPING = 30
# A longer "word" (a blob, a script without spaces) is read in pieces of this many bytes.
MAX_WORD_BYTES = 32
# Per word: itself, its collapsed form, the pairs with each of the two words before, and n-grams of
# 3 to 5.
FEATURES_PER_WORD = 4 + 3 * (MAX_WORD_BYTES + 2)
# A word spelt out, "f u c k", is added once more as a whole: at most half as many words again.
MAX_WINDOW_FEATURES = (WINDOW_WORDS + WINDOW_WORDS // 2 + 2) * FEATURES_PER_WORD

# The words that people mask with asterisks. A masked word becomes the first one that fits it.
MASKED_WORDS = (
    *("fuck", "shit", "bitch", "cunt", "dick", "cock", "pussy", "whore", "slut", "nigger"),
    *("nigga", "faggot", "fag", "retard", "bastard", "arse", "asshole", "ass", "damn", "crap"),
    *("motherfuck", "bullshit", "hell", "twat", "wank", "prick", "piss", "rape"),
)

_STAR = np.uint8(ord("*"))
_DOLLAR = np.uint8(ord("$"))
_WORD_EDGE = np.uint8(ord(" "))
_LETTER, _DIGIT, _MASK_SIGN, _APOSTROPHE = 1, 2, 3, 4


def _build_kind_table() -> U8:
    """Return what each byte is to a word; bytes of multi-byte characters count as letters."""
    kinds = np.zeros(256, dtype=np.uint8)
    kinds[[*range(ord("a"), ord("z") + 1), *range(0x80, 0x100)]] = _LETTER
    kinds[[ord(sign) for sign in "0123456789"]] = _DIGIT
    kinds[[ord(sign) for sign in "*@$!#%"]] = _MASK_SIGN
    kinds[ord("'")] = _APOSTROPHE
    return kinds


def _build_letter_table() -> U8:
    """Return the letter that a digit or sign stands for inside a word, else the byte itself."""
    letters = np.arange(256, dtype=np.uint8)
    for sign, letter in zip("013457@$!", "oieastasi", strict=True):
        letters[ord(sign)] = ord(letter)
    letters[[ord("#"), ord("%")]] = _STAR
    return letters


def _build_word_table(words: tuple[str, ...]) -> U8:
    """Return a row of bytes for each word, padded with zeros."""
    table = np.zeros((len(words), max(map(len, words)) + 1), dtype=np.uint8)
    for row, word in enumerate(words):
        table[row, : len(word)] = np.frombuffer(word.encode(), dtype=np.uint8)
    return table


_BYTE_KINDS = _build_kind_table()
_BYTE_LETTERS = _build_letter_table()
_MASKED_WORD_TABLE = _build_word_table(MASKED_WORDS)


@jit
def _is_letter(text: U8, position: int, end: int) -> bool:
    return bool(position < end) and bool(_BYTE_KINDS[text[position]] == _LETTER)


@jit
def _is_word_byte(text: U8, position: int, end: int, length: int) -> bool:
    """Return whether the byte belongs to a word that already has ``length`` bytes."""
    kind = _BYTE_KINDS[text[position]]
    if kind != _MASK_SIGN or length == 0:
        return bool(kind in (_LETTER, _DIGIT))
    # "f*ck", "sh!t", "a$$", "f***": a sign counts only after a letter, and most signs only between
    # letters, so that "shit!!" and "wow #1" do not change.
    if text[position] == _STAR or text[position] == _DOLLAR:
        return True
    while position < end and _BYTE_KINDS[text[position]] == _MASK_SIGN:
        position += 1
    return _is_letter(text, position, end)


@jit
def _measure_symbol(text: U8, position: int, end: int) -> int:
    """Return the bytes of the emoji or symbol at ``position``; 0 for anything else."""
    if text[position] >= 0xF0:
        return min(4, end - position)
    # U+2000 to U+2FFF: arrows, hearts, stars. Its first 64 are spaces, dashes and quotes.
    is_symbol = text[position] == 0xE2 and text[position + 1] > 0x80
    return min(3, end - position) if is_symbol else 0


@jit
def _read_word(text: U8, position: int, end: int, word: U8) -> tuple[int, int]:
    """Copy the next word from ``position``; return where reading continues, and its length."""
    length = 0
    while position < end and length < MAX_WORD_BYTES:
        byte = text[position]
        symbol = _measure_symbol(text, position, end)
        if symbol:
            if length == 0:
                word[:symbol] = text[position : position + symbol]
                position, length = position + symbol, symbol
            break
        if byte == 0xE2:
            # A curly apostrophe joins like a straight one; other quotes and dashes end a word.
            if length and text[position + 2] != 0x99:
                break
            position += 3
        elif _BYTE_KINDS[byte] == _APOSTROPHE:
            position += 1
        elif _is_word_byte(text, position, end, length):
            is_third = length > 1 and byte == word[length - 1] and byte == word[length - 2]
            # "fuuuuck" is read as "fuuck"; the collapsed form of the word is "fuck".
            if not is_third or byte == _STAR:
                word[length] = byte
                length += 1
            position += 1
        elif length:
            break
        else:
            position += 1
    return position, length


@jit
def _replace_leetspeak(word: U8, length: int) -> bool:
    """Replace digits and signs next to letters by letters, in place; return if a star remains."""
    has_star = False
    for index in range(length):
        kind = _BYTE_KINDS[word[index]]
        if kind in (_MASK_SIGN, _DIGIT):
            follows_letter = index > 0 and _BYTE_KINDS[word[index - 1]] == _LETTER
            precedes_letter = index + 1 < length and _BYTE_KINDS[word[index + 1]] == _LETTER
            if follows_letter or precedes_letter or kind == _MASK_SIGN:
                word[index] = _BYTE_LETTERS[word[index]]
        has_star |= word[index] == _STAR
    return has_star


@jit
def _replace_mask_signs(word: U8, length: int) -> int:
    """Replace stars by the letters of the first word of ``MASKED_WORDS`` that fits; drop others.

    Returns the new length.
    """
    for row in range(_MASKED_WORD_TABLE.shape[0]):
        matched = 0
        while _MASKED_WORD_TABLE[row, matched] and matched < length:
            if word[matched] != _STAR and word[matched] != _MASKED_WORD_TABLE[row, matched]:
                break
            matched += 1
        if _MASKED_WORD_TABLE[row, matched] == 0:
            has_stars = False
            for index in range(matched):
                has_stars |= word[index] == _STAR
                word[index] = _MASKED_WORD_TABLE[row, index]
            if has_stars:
                break
    kept = 0
    for index in range(length):
        if word[index] != _STAR:
            word[kept] = word[index]
            kept += 1
    return kept


@jit
def _collapse_runs(word: U8, length: int, collapsed: U8) -> int:
    """Copy a word with every run of one letter as one letter; return the copy's length."""
    kept = 0
    for index in range(length):
        if index == 0 or word[index] != word[index - 1]:
            collapsed[kept] = word[index]
            kept += 1
    return kept


@jit
def _hash_bytes(word: U8, start: int, stop: int, seed: np.uint64) -> np.uint64:
    return mix_bits(fnv1a(word, start, stop, FNV_OFFSET ^ (seed * np.uint64(GOLDEN_RATIO))))


@jit
def _add_word_features(
    word: U8,
    length: int,
    previous: np.uint64,
    before: np.uint64,
    features: U32,
    count: int,
    mask: np.uint64,
) -> tuple[int, np.uint64]:
    """Append the features of one word; return the new count, and the word's hash."""
    features[count] = _hash_bytes(word, 0, length, np.uint64(1)) & mask
    edged = np.empty(MAX_WORD_BYTES + 2, dtype=np.uint8)
    edged[0] = _WORD_EDGE
    length = _collapse_runs(word, length, edged[1:]) + 2
    edged[length - 1] = _WORD_EDGE
    whole = _hash_bytes(edged, 0, length, np.uint64(2))
    features[count + 1] = whole & mask
    features[count + 2] = (whole + previous * np.uint64(GOLDEN_RATIO)) & mask
    # "you are an idiot": who is meant often stands one word away.
    features[count + 3] = mix_bits(whole + before * np.uint64(GOLDEN_RATIO)) & mask
    count += 4
    for size in range(3, 6):
        for start in range(length - size + 1):
            features[count] = _hash_bytes(edged, start, start + size, np.uint64(size + 1)) & mask
            count += 1
    return count, whole


@jit
def extract_window_features(
    text: U8, position: int, end: int, features: U32, mask: np.uint64
) -> tuple[int, int]:
    """Fill ``features`` from the next window; return where it ended, and their number."""
    word = np.empty(MAX_WORD_BYTES + 4, dtype=np.uint8)
    spelt_word = np.empty(MAX_WORD_BYTES + 4, dtype=np.uint8)
    letters = 0
    count = int(np.int64(0))
    previous, before = np.uint64(0), np.uint64(0)
    for _ in range(WINDOW_WORDS):
        position, length = _read_word(text, position, end, word)
        if _replace_leetspeak(word, length):
            length = _replace_mask_signs(word, length)
        is_single = length == 1 and word[0] < 0x80
        if is_single and letters < MAX_WORD_BYTES:
            spelt_word[letters] = word[0]
            letters += 1
        if letters and (not is_single or position >= end):
            # "f u c k" and "f.u.c.k": three letters or more in a row also make a word.
            if letters > 2:
                count, whole = _add_word_features(
                    spelt_word, letters, previous, before, features, count, mask
                )
                before, previous = previous, whole
            letters = 0
        if length:
            count, whole = _add_word_features(word, length, previous, before, features, count, mask)
            before, previous = previous, whole
        if position >= end:
            break
    return position, count


@jit
def sum_weights(weights: I8, features: U32, count: int, totals: I64) -> None:
    """Fill ``totals`` with the sum of the first ``count`` features' weights, by column.

    A stored weight w counts as w |w|.
    """
    totals[:] = 0
    for index in range(count):
        for column in range(totals.size):
            weight = int(weights[features[index], column])
            totals[column] += weight * abs(weight)


@jit
def _compute_logits(text: U8, offsets: I64, weights: I8, scales: F64, biases: F64) -> F32:
    """Return the logit of each post's highest window, a column for each row of ``weights``.

    -inf for a post without a word.
    """
    models = weights.shape[1]
    mask = np.uint64(weights.shape[0] - 1)
    features = np.empty(MAX_WINDOW_FEATURES, dtype=np.uint32)
    logits = np.full((offsets.size - 1, models), -np.inf, dtype=np.float32)
    totals = np.empty(models, dtype=np.int64)
    for post in range(offsets.size - 1):
        position, end = offsets[post], offsets[post + 1]
        most = 0
        while position < end:
            position, count = extract_window_features(text, position, end, features, mask)
            sum_weights(weights, features, count, totals)
            if count:
                # The last few words of a long post count as part of a full window.
                most = max(most, count)
                for model in range(models):
                    logit = biases[model] + scales[model] * totals[model] / np.sqrt(most + DAMPING)
                    logits[post, model] = max(logits[post, model], logit)
    return logits


def join_models(models: Sequence[LinearModel]) -> JoinedModels:
    """Return models of one size as one, with the weights of a bucket side by side."""
    weights = np.ascontiguousarray(np.stack([model.weights for model in models], axis=1))
    scales = np.array([model.scale for model in models])
    return JoinedModels(weights, scales, np.array([model.bias for model in models]))


def compute_logits(texts: pl.Series, models: JoinedModels) -> F32:
    """Return the logits of each folded text, a column for each model; no text may be null."""
    data, offsets = encode_texts(texts)
    return np.asarray(_compute_logits(data, offsets, *models))


def save_models(models: Mapping[str, LinearModel], path: Path) -> None:
    """Write models by their names; equal models make equal files."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, model in models.items():
        arrays[name] = model.weights
        arrays[f"{name}.scale_bias"] = np.array(model[1:], dtype=np.float64)
    with path.open("wb") as file:
        np.savez(file, **cast("Any", arrays))


def load_models(path: Path) -> dict[str, LinearModel]:
    """Read the models that :func:`save_models` wrote; a ValueError says if it is anything else."""
    models = {}
    # Without pickles a file can contain only numbers, never code.
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            if name.endswith(".scale_bias"):
                continue
            weights, (scale, bias) = arrays[name], arrays[f"{name}.scale_bias"]
            if weights.dtype != np.int8 or weights.ndim != 1 or weights.size & (weights.size - 1):
                found = f"{weights.dtype} {weights.shape}"
                raise ValueError(f"expected 2^n int8 weights of '{name}', found {found}")
            models[name] = LinearModel(weights, float(scale), float(bias))
    return models
