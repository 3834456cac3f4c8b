"""Score folded text with a linear model over hashed words and character n-grams.

A model is one array of small integers and stores no word. A post is read in windows of
``WINDOW`` words; a window's logit is the bias plus the sum of its features' weights, over the
square root of their number and ``DAMPING``; a post's logit is its highest window's. Importing
this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.text.jit import jit

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Buckets = NDArray[np.uint32]
Weights = NDArray[np.int8]
Logits = NDArray[np.float32]


class LinearModel(NamedTuple):
    """A trained model: bucket ``i`` weighs ``weights[i] * abs(weights[i]) * scale``.

    The square spends the byte's steps where most weights are, near zero.
    """

    weights: Weights
    scale: float
    bias: float


# A tweet is one window; a long post is several, so its length cannot sharpen its score.
WINDOW_WORDS = 64
# Added to the number of features, so that one word alone does not settle the matter.
DAMPING = 30
# A longer "word" (a blob, a script without spaces) is read in pieces of this many bytes.
MAX_WORD_BYTES = 32
# Per word: itself, its squeezed form, the pair with the word before, and n-grams of 3 to 5.
FEATURES_PER_WORD = 3 + 3 * (MAX_WORD_BYTES + 2)
# A word spelt out, "f u c k", comes once more as a whole: at most half as many words again.
MAX_WINDOW_FEATURES = (WINDOW_WORDS + WINDOW_WORDS // 2 + 2) * FEATURES_PER_WORD

# The words that people mask with asterisks. A masked word takes the first that fits it.
MASKED_WORDS = (
    "fuck", "shit", "bitch", "cunt", "dick", "cock", "pussy", "whore", "slut", "nigger",
    "nigga", "faggot", "fag", "retard", "bastard", "arse", "asshole", "ass", "damn", "crap",
    "motherfuck", "bullshit", "hell", "twat", "wank", "prick", "piss", "rape",
)  # fmt: skip

_STAR = np.uint8(ord("*"))
_DOLLAR = np.uint8(ord("$"))
_WORD_EDGE = np.uint8(ord(" "))
_LETTER, _DIGIT, _MASK_SIGN, _APOSTROPHE = 1, 2, 3, 4


def _build_kind_table() -> Bytes:
    """What each byte is to a word; bytes of multi-byte characters count as letters."""
    kinds = np.zeros(256, dtype=np.uint8)
    kinds[[*range(ord("a"), ord("z") + 1), *range(0x80, 0x100)]] = _LETTER
    kinds[[ord(sign) for sign in "0123456789"]] = _DIGIT
    kinds[[ord(sign) for sign in "*@$!#%"]] = _MASK_SIGN
    kinds[ord("'")] = _APOSTROPHE
    return kinds


def _build_letter_table() -> Bytes:
    """The letter that a digit or sign stands for inside a word, else the byte itself."""
    letters = np.arange(256, dtype=np.uint8)
    for sign, letter in zip("013457@$!", "oieastasi", strict=True):
        letters[ord(sign)] = ord(letter)
    letters[[ord("#"), ord("%")]] = _STAR
    return letters


def _build_word_table(words: tuple[str, ...]) -> Bytes:
    table = np.zeros((len(words), max(map(len, words)) + 1), dtype=np.uint8)
    for row, word in enumerate(words):
        table[row, : len(word)] = np.frombuffer(word.encode(), dtype=np.uint8)
    return table


_BYTE_KINDS = _build_kind_table()
_BYTE_LETTERS = _build_letter_table()
_MASKED_WORD_TABLE = _build_word_table(MASKED_WORDS)


@jit
def _is_letter(text: Bytes, at: int, end: int) -> bool:
    return bool(at < end) and bool(_BYTE_KINDS[text[at]] == _LETTER)


@jit
def _is_word_byte(text: Bytes, at: int, end: int, length: int) -> bool:
    """Whether the byte belongs to a word that already has ``length`` bytes."""
    kind = _BYTE_KINDS[text[at]]
    if kind != _MASK_SIGN or length == 0:
        return bool(kind in (_LETTER, _DIGIT))
    # "f*ck", "sh!t", "a$$", "f***": a sign counts only behind a letter, and most signs only
    # between letters, so that "shit!!" and "wow #1" stay what they are.
    if text[at] == _STAR or text[at] == _DOLLAR:
        return True
    while at < end and _BYTE_KINDS[text[at]] == _MASK_SIGN:
        at += 1
    return _is_letter(text, at, end)


@jit
def _measure_symbol(text: Bytes, at: int, end: int) -> int:
    """The bytes of the emoji or symbol here; 0 for anything else."""
    if text[at] >= 0xF0:
        return min(4, end - at)
    # U+2000 to U+2FFF: arrows, hearts, stars. Its first 64 are spaces, dashes and quotes.
    return min(3, end - at) if text[at] == 0xE2 and text[at + 1] > 0x80 else 0


@jit
def _read_word(text: Bytes, at: int, end: int, word: Bytes) -> tuple[int, int]:
    """Copy the word that starts at or after ``at``; where reading goes on, and its length."""
    length = 0
    while at < end and length < MAX_WORD_BYTES:
        byte = text[at]
        symbol = _measure_symbol(text, at, end)
        if symbol:
            if length == 0:
                word[:symbol] = text[at : at + symbol]
                at, length = at + symbol, symbol
            break
        if byte == 0xE2:
            # A curly apostrophe joins like a straight one; other quotes and dashes part words.
            if length and text[at + 2] != 0x99:
                break
            at += 3
        elif _BYTE_KINDS[byte] == _APOSTROPHE:
            at += 1
        elif _is_word_byte(text, at, end, length):
            repeat = length > 1 and byte == word[length - 1] and byte == word[length - 2]
            # "fuuuuck" is read as "fuuck"; the squeezed form of the word is "fuck".
            if not repeat or byte == _STAR:
                word[length] = byte
                length += 1
            at += 1
        elif length:
            break
        else:
            at += 1
    return at, length


@jit
def _replace_leetspeak(word: Bytes, length: int) -> bool:
    """Turn digits and signs beside letters into letters, in place; whether a star is left."""
    starred = False
    for place in range(length):
        kind = _BYTE_KINDS[word[place]]
        if kind in (_MASK_SIGN, _DIGIT):
            beside = (place > 0 and _BYTE_KINDS[word[place - 1]] == _LETTER) or (
                place + 1 < length and _BYTE_KINDS[word[place + 1]] == _LETTER
            )
            if beside or kind == _MASK_SIGN:
                word[place] = _BYTE_LETTERS[word[place]]
        starred |= word[place] == _STAR
    return starred


@jit
def _replace_mask_signs(word: Bytes, length: int) -> int:
    """Put letters for stars after the first word of ``MASKED`` that fits; else drop the stars."""
    for row in range(_MASKED_WORD_TABLE.shape[0]):
        place = 0
        while _MASKED_WORD_TABLE[row, place] and place < length:
            if word[place] != _STAR and word[place] != _MASKED_WORD_TABLE[row, place]:
                break
            place += 1
        if _MASKED_WORD_TABLE[row, place] == 0:
            stars = False
            for spot in range(place):
                stars |= word[spot] == _STAR
                word[spot] = _MASKED_WORD_TABLE[row, spot]
            if stars:
                break
    kept = 0
    for place in range(length):
        if word[place] != _STAR:
            word[kept] = word[place]
            kept += 1
    return kept


@jit
def _collapse_runs(word: Bytes, length: int, squeezed: Bytes) -> int:
    """Copy a word with every run of one letter as one letter; the copy's length."""
    kept = 0
    for place in range(length):
        if place == 0 or word[place] != word[place - 1]:
            squeezed[kept] = word[place]
            kept += 1
    return kept


@jit
def _hash_bytes(word: Bytes, start: int, stop: int, seed: np.uint64) -> np.uint64:
    """FNV-1a with a final mix: short n-grams would otherwise share their high bits."""
    value = np.uint64(14695981039346656037) ^ (seed * np.uint64(0x9E3779B97F4A7C15))
    for place in range(start, stop):
        value = (value ^ np.uint64(word[place])) * np.uint64(1099511628211)
    value ^= value >> np.uint64(32)
    value *= np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> np.uint64(32))


@jit
def _add_word_features(
    word: Bytes, length: int, before: np.uint64, found: Buckets, count: int, mask: np.uint64
) -> tuple[int, np.uint64]:
    """Append the features of one word; how many there are now, and the word's hash."""
    found[count] = _hash_bytes(word, 0, length, np.uint64(1)) & mask
    edged = np.empty(MAX_WORD_BYTES + 2, dtype=np.uint8)
    edged[0] = _WORD_EDGE
    length = _collapse_runs(word, length, edged[1:]) + 2
    edged[length - 1] = _WORD_EDGE
    whole = _hash_bytes(edged, 0, length, np.uint64(2))
    found[count + 1] = whole & mask
    found[count + 2] = (whole + before * np.uint64(0x9E3779B97F4A7C15)) & mask
    count += 3
    for size in range(3, 6):
        for start in range(length - size + 1):
            found[count] = _hash_bytes(edged, start, start + size, np.uint64(size + 1)) & mask
            count += 1
    return count, whole


@jit
def extract_window_features(
    text: Bytes, at: int, end: int, found: Buckets, mask: np.uint64
) -> tuple[int, int]:
    """Fill ``found`` with the next window's features; where it ended, and their number."""
    word = np.empty(MAX_WORD_BYTES + 4, dtype=np.uint8)
    spelt = np.empty(MAX_WORD_BYTES + 4, dtype=np.uint8)
    letters = 0
    count = 0
    before = np.uint64(0)
    for _ in range(WINDOW_WORDS):
        at, length = _read_word(text, at, end, word)
        if _replace_leetspeak(word, length):
            length = _replace_mask_signs(word, length)
        single = length == 1 and word[0] < 0x80
        if single and letters < MAX_WORD_BYTES:
            spelt[letters] = word[0]
            letters += 1
        if letters and (not single or at >= end):
            # "f u c k" and "f.u.c.k": three letters or more in a row also make a word.
            if letters > 2:
                count, before = _add_word_features(spelt, letters, before, found, count, mask)
            letters = 0
        if length:
            count, before = _add_word_features(word, length, before, found, count, mask)
        if at >= end:
            break
    return at, count


@jit
def _compute_logits(
    text: Bytes, offsets: Offsets, weights: Weights, scale: float, bias: float
) -> Logits:
    """The highest window's logit of each post; -inf where there is not one word."""
    mask = np.uint64(weights.size - 1)
    found = np.empty(MAX_WINDOW_FEATURES, dtype=np.uint32)
    logits = np.full(offsets.size - 1, -np.inf, dtype=np.float32)
    for post in range(offsets.size - 1):
        at, end = offsets[post], offsets[post + 1]
        most = 0
        while at < end:
            at, count = extract_window_features(text, at, end, found, mask)
            total = 0
            for place in range(count):
                weight = int(weights[found[place]])
                total += weight * abs(weight)
            if count:
                # A long post's tail of a few words counts as part of a full window.
                most = max(most, count)
                logit = bias + scale * total / np.sqrt(most + DAMPING)
                logits[post] = max(logits[post], logit)
    return logits


def encode_texts(texts: pl.Series) -> tuple[Bytes, Offsets]:
    """All texts as one array of UTF-8 bytes, and where each begins."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(texts.str.len_bytes().to_numpy(), out=offsets[1:])
    joined = "".join(texts.to_list()).encode()
    return np.frombuffer(joined, dtype=np.uint8), offsets


def compute_logits(texts: pl.Series, model: LinearModel) -> Logits:
    """The logit of each folded text; there must be no null among them."""
    return np.asarray(_compute_logits(*encode_texts(texts), model.weights, model.scale, model.bias))


def save_models(models: Mapping[str, LinearModel], path: Path) -> None:
    """Write models by their names; equal models make equal files."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, model in models.items():
        arrays[name] = model.weights
        arrays[f"{name}.scale_bias"] = np.array(model[1:], dtype=np.float64)
    with path.open("wb") as file:
        np.savez(file, **cast("Any", arrays))


def load_models(path: Path) -> dict[str, LinearModel]:
    """Read the models that :func:`save` wrote; anything else is a ValueError."""
    models = {}
    # Without pickles a file can hold numbers only, never code.
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
