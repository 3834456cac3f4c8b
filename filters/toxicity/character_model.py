"""Score texts of any script with linear models over hashed words and n-grams of characters.

For the languages that :mod:`filters.toxicity.linear_model` does not know, a model each: it reads
characters, not bytes, and undoes no disguises of English swear words. In scripts without spaces a
word is a piece of a line. A model stores no word. As there, a window's logit is the sum of its
features' weights over the square root of their number and ``DAMPING``, and a post's logit is the
highest of its windows. Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.text.arrays import F32, F64, I8, I32, I64, U8, U32
from filters.text.hashing import FNV_OFFSET, GOLDEN_RATIO, fnv1a, mix_bits
from filters.text.jit import jit
from filters.text.utf8 import decode_character, encode_texts
from filters.toxicity.linear_model import DAMPING, WINDOW_WORDS, sum_weights

# A longer word, or a line without spaces, is read in pieces of this many characters.
MAX_WORD = 24
# The sizes of n-grams, and those in scripts whose characters are syllables or words, from Thai on.
SIZES = (3, 6)
DENSE_SIZES = (1, 4)
_FIRST_DENSE = 0x0E00
# More letters of Latin and Greek.
_LETTERS_AGAIN = (0x1E00, 0x2000)
# Per word: itself, its collapsed form, the pairs with each of the two words before, and four sizes
# of n-grams of the word between two spaces.
FEATURES_PER_WORD = 4 + 4 * (MAX_WORD + 2)
MAX_WINDOW_FEATURES = WINDOW_WORDS * FEATURES_PER_WORD

_SPACE = 0x20


class LanguageModel(NamedTuple):
    """A trained model of one language, with a column for each of ``toxicity`` and ``profanity``.

    Bucket ``i`` weighs ``weights[i, j] * abs(weights[i, j]) * scales[j]``. Where the gold sets
    do not separate abuse from vulgarity, both scores have the same weights: one column of them.
    The logit of score ``k`` is ``slopes[k]`` times the sum of its column, plus ``biases[k]``.
    """

    weights: I8
    scales: F64
    slopes: F64
    biases: F64


@jit
def _is_picture(code: int) -> bool:
    """Return whether a character is an emoji or a symbol, which is a word by itself."""
    return bool(0x1F000 <= code < 0x20000) or bool(0x2190 <= code < 0x2C00)


@jit
def _read_word(text: U8, position: int, end: int, word: I32) -> tuple[int, int]:
    """Copy the next word from ``position``; return where reading continues, and its length.

    Of a run of one character two are read.
    """
    length = 0
    while position < end and length < MAX_WORD:
        code, size = decode_character(text, position)
        if code == _SPACE:
            position += size
            if length:
                break
            continue
        is_picture = _is_picture(code)
        if is_picture and length:
            break
        position += size
        if length < 2 or code != word[length - 1] or code != word[length - 2]:
            word[length] = code
            length += 1
        if is_picture:
            break
    return position, length


@jit
def _hash_characters(word: I32, start: int, stop: int, seed: int) -> np.uint64:
    begin = FNV_OFFSET ^ (np.uint64(seed) * np.uint64(GOLDEN_RATIO))
    return mix_bits(fnv1a(word, start, stop, begin))


@jit
def _add_word_features(
    word: I32,
    length: int,
    previous: np.uint64,
    before: np.uint64,
    features: U32,
    count: int,
    mask: np.uint64,
) -> tuple[int, np.uint64]:
    """Append the features of one word; return the new count, and the word's hash."""
    features[count] = _hash_characters(word, 0, length, 1) & mask
    edged = np.empty(MAX_WORD + 2, dtype=np.int32)
    edged[0] = _SPACE
    kept = 1
    for index in range(length):
        if index == 0 or word[index] != word[index - 1]:
            edged[kept] = word[index]
            kept += 1
    edged[kept] = _SPACE
    kept += 1
    whole = _hash_characters(edged, 0, kept, 2)
    features[count + 1] = whole & mask
    features[count + 2] = (whole + previous * np.uint64(GOLDEN_RATIO)) & mask
    features[count + 3] = mix_bits(whole + before * np.uint64(GOLDEN_RATIO)) & mask
    count += 4
    is_dense = word[0] >= _FIRST_DENSE and not (_LETTERS_AGAIN[0] <= word[0] < _LETTERS_AGAIN[1])
    smallest, largest = DENSE_SIZES if is_dense else SIZES
    for size in range(smallest, largest + 1):
        for start in range(kept - size + 1):
            features[count] = _hash_characters(edged, start, start + size, size + 2) & mask
            count += 1
    return count, whole


@jit
def extract_window_features(
    text: U8, position: int, end: int, features: U32, mask: np.uint64
) -> tuple[int, int]:
    """Fill ``features`` from the next window; return where it ended, and their number."""
    word = np.empty(MAX_WORD, dtype=np.int32)
    count = int(np.int64(0))
    previous, before = np.uint64(0), np.uint64(0)
    for _ in range(WINDOW_WORDS):
        position, length = _read_word(text, position, end, word)
        if length:
            count, whole = _add_word_features(word, length, previous, before, features, count, mask)
            before, previous = previous, whole
        if position >= end:
            break
    return position, count


@jit
def _compute_sums(text: U8, offsets: I64, weights: I8, scales: F64) -> F32:
    """Return the sum of each post's highest window, a column for each of ``weights``.

    -inf for a post without a word.
    """
    columns = weights.shape[1]
    mask = np.uint64(weights.shape[0] - 1)
    features = np.empty(MAX_WINDOW_FEATURES, dtype=np.uint32)
    sums = np.full((offsets.size - 1, columns), -np.inf, dtype=np.float32)
    totals = np.empty(columns, dtype=np.int64)
    for post in range(offsets.size - 1):
        position, end = offsets[post], offsets[post + 1]
        most = 0
        while position < end:
            position, count = extract_window_features(text, position, end, features, mask)
            sum_weights(weights, features, count, totals)
            if count:
                # The last few words of a long post count as part of a full window.
                most = max(most, count)
                for column in range(columns):
                    found = scales[column] * totals[column] / np.sqrt(most + DAMPING)
                    sums[post, column] = max(sums[post, column], found)
    return sums


def compute_logits(texts: pl.Series, model: LanguageModel) -> F32:
    """Return the logits of each folded text, a column for each score; no text may be null."""
    sums = _compute_sums(*encode_texts(texts), model.weights, model.scales)
    return np.asarray(sums * model.slopes + model.biases, dtype=np.float32)


def save_models(models: Mapping[str, LanguageModel], path: Path) -> None:
    """Write models by their names; equal models make equal files."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, model in models.items():
        arrays[f"{name}.weights"] = model.weights
        arrays[f"{name}.scales"] = model.scales
        arrays[f"{name}.slopes_biases"] = np.stack([model.slopes, model.biases])
    with path.open("wb") as file:
        np.savez_compressed(file, **cast("Any", arrays))


def load_models(path: Path) -> dict[str, LanguageModel]:
    """Read the models that :func:`save_models` wrote; a ValueError says if it is anything else."""
    models = {}
    # Without pickles a file can contain only numbers, never code.
    with np.load(path, allow_pickle=False) as arrays:
        for entry in arrays.files:
            name, _, kind = entry.rpartition(".")
            if kind != "weights":
                continue
            weights = arrays[entry]
            if weights.dtype != np.int8 or weights.ndim != 2 or weights.shape[0].bit_count() != 1:
                found = f"{weights.dtype} {weights.shape}"
                raise ValueError(f"expected 2^n rows of int8 weights of '{name}', found {found}")
            slopes, biases = arrays[f"{name}.slopes_biases"]
            models[name] = LanguageModel(weights, arrays[f"{name}.scales"], slopes, biases)
    return models
