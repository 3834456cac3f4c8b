"""How unlikely a post's words follow one another: the log odds of its most random stretch.

The model has a weight for each pair of words, of words with one between, and of their endings
(hashed); the weights of a stretch sum up to the log odds that its words were drawn at random from
the language's, against a person's post. The measure is the largest sum of any stretch of a post, so
that an ordinary beginning does not hide a random tail. Words that the language's model has not seen
say nothing, and punctuation, hashtags, mentions, links, digits and signs end a stretch's pairs: so
lists, tags and code have no pairs. Importing this module imports numba.
"""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from filters.quality.presets import SALAD_MODEL
from filters.text.arrays import F32, I8, I64, U8, U16, U64
from filters.text.hashing import FNV_OFFSET, FNV_PRIME, GOLDEN_RATIO, mix_bits
from filters.text.jit import jit
from filters.text.languages import find_unknown_languages
from filters.text.utf8 import decode_character, encode_texts

MODEL_FILE = SALAD_MODEL
#: Bits of a hash that address a word of the vocabulary; a model has a power of two of weights.
VOCABULARY_BITS = 20
#: What the weights are multiplied by to be stored as integers.
WEIGHT_SCALE = 24.0
_ENDING = 3  # characters of a word that stand for its grammatical form
# A longer stretch adds nothing: the sum of a giant post must not grow with its length alone.
MAX_STRETCH = 64
# A post of many words has more stretches, and one of them is odd: the log of how many times as long
# it is as this is subtracted.
_USUAL_WORDS = 32
# So much of a post's words must be known; otherwise it is in another language, or about something
# of which the model has read nothing.
_LEAST_KNOWN = 0.8
_REMEMBERED = 8
#: Weights that a word has at most.
MAX_SLOTS = 7
_BREAK, _INNER = 1, 2


class Model(NamedTuple):
    """The weights of a language, and a bit for each (hashed) word that it knows."""

    weights: I8
    vocabulary: U8


@cache
def load_models() -> dict[str, Model]:
    """Return the shipped models by language."""
    with np.load(MODEL_FILE) as file:
        langs = json.loads(str(file["languages"]))
        return {lang: Model(file[f"{lang}_weights"], file[f"{lang}_vocabulary"]) for lang in langs}


@cache
def _build_character_flags() -> U16:
    codes = np.r_[0:0xD800, 0xE000:0x32400]
    characters = pl.Series([chr(code) for code in codes])
    flags = np.full(0x110000, _BREAK, np.uint16)
    is_word = characters.str.contains(r"^[\p{L}\p{M}\u{200C}\u{200D}]$").to_numpy()
    flags[codes[is_word]] = 0
    flags[[0x27, 0x2019]] = _INNER  # apostrophes
    flags[[0x20, 0x09, 0x0A, 0x0D, 0xA0]] = 4
    return flags


def hash_words(texts: pl.Series) -> tuple[U64, U64, I64]:
    """Return the hash of each word and of its ending, and where each text's words begin.

    ``texts`` are in lower case. A hash of 0 stands for what ends a stretch's pairs.
    """
    return _hash_words(*encode_texts(texts), _build_character_flags())


def measure_salad(texts: pl.Series, model: Model) -> F32:
    """Return the log odds (nats) of each text's most random stretch; 0 or more."""
    words, endings, starts = hash_words(texts)
    return _score(words, endings, starts, model.weights, model.vocabulary)


def score_salad(texts: pl.Series, posts: pl.DataFrame) -> pl.Series:
    """Return :func:`measure_salad` of each text by the language of its post; null without a model.

    ``texts`` are in lower case, a row each of ``posts``. A post without a sure ``lang`` is measured
    as English: a text in another language has few words that are known, and is no salad.
    """
    models = load_models()
    unknown = find_unknown_languages(posts, ("en",))
    langs = unknown.cast(pl.String).str.split("-").list.first().fill_null("en")
    scores = pl.repeat(None, len(texts), dtype=pl.Float32, eager=True)
    for lang, model in models.items():
        rows = (langs == lang).arg_true()
        if len(rows):
            measured = measure_salad(texts.gather(rows), model)
            scores = scores.scatter(rows, pl.Series(measured))
    return scores


@jit
def _hash_words(data: U8, offsets: I64, flags: U16) -> tuple[U64, U64, I64]:
    rows = offsets.size - 1
    words = np.empty(data.size + rows + 1, np.uint64)  # a character is one word at most
    endings = np.empty(words.size, np.uint64)
    starts = np.zeros(rows + 1, np.int64)
    count = 0
    last = np.zeros(_ENDING, np.uint64)
    for row in range(rows):
        position, end = offsets[row], offsets[row + 1]
        is_broken = True
        while position < end:
            # One run of characters without a space: letters, with signs around or in it.
            value, letters = FNV_OFFSET, 0
            before, after, is_odd = False, False, False
            while position < end:
                code, step = np.int64(data[position]), np.int64(1)
                if code >= 0x80:
                    code, step = decode_character(data, position)
                kind = flags[code]
                if kind == 4:
                    break
                position += step
                if kind == 0:
                    if after:
                        is_odd = True
                    value = (value ^ np.uint64(code)) * FNV_PRIME
                    last[0], last[1], last[2] = last[1], last[2], np.uint64(code)
                    letters += 1
                elif kind == _BREAK:
                    if letters == 0:
                        before = True
                        # Digits, hashtags, mentions and addresses are no words.
                        is_odd |= code == 35 or code == 64 or code == 47
                    else:
                        after = True
            if position < end:
                position += 1 if data[position] < 0x80 else decode_character(data, position)[1]
            is_word = letters > 0 and not is_odd
            if (before or not is_word) and not is_broken:
                words[count], endings[count] = np.uint64(0), np.uint64(0)
                count += 1
                is_broken = True
            if is_word:
                words[count] = mix_bits(value) | np.uint64(1)
                ending = FNV_OFFSET
                for index in range(max(0, _ENDING - letters), _ENDING):
                    ending = (ending ^ last[index]) * FNV_PRIME
                # A word of three letters is its own ending.
                endings[count] = mix_bits(ending) | np.uint64(1)
                count += 1
                is_broken = False
                if after:
                    words[count], endings[count] = np.uint64(0), np.uint64(0)
                    count += 1
                    is_broken = True
        starts[row + 1] = count
    return words[:count].copy(), endings[:count].copy(), starts


@jit
def pair_slot(first: np.uint64, second: np.uint64, kind: int) -> np.uint64:
    """Return the hash that belongs to two others: of words, of words apart, of endings, ..."""
    value = (first * np.uint64(GOLDEN_RATIO) + second) * FNV_PRIME + np.uint64(kind)
    return mix_bits(value)


@jit
def is_known(word: np.uint64, vocabulary: U8) -> bool:
    """Return whether the vocabulary has the word (or one of the same hash)."""
    bit = np.int64(word >> np.uint64(64 - VOCABULARY_BITS))
    return bool(vocabulary[bit >> 3] >> np.uint8(bit & 7) & np.uint8(1))


@jit
def list_slots(words: U64, endings: U64, at: int, begin: int, vocabulary: U8, slots: U64) -> int:
    """Write the hashes of the pairs that end with the word ``at``; return how many there are."""
    word = words[at]
    if at == begin or word == 0 or words[at - 1] == 0 or not is_known(word, vocabulary):
        return 0
    if not is_known(words[at - 1], vocabulary):
        return 0
    # A pair that stood shortly before is repeated, not random, as in "wow wow wow" or a refrain.
    for back in range(1, min(_REMEMBERED, at - begin - 1) + 1):
        if words[at - back] == word and words[at - 1 - back] == words[at - 1]:
            return 0
    slots[0] = pair_slot(words[at - 1], word, 1)
    slots[1] = pair_slot(endings[at - 1], endings[at], 2)
    slots[2] = pair_slot(words[at - 1], endings[at], 3)
    slots[3] = pair_slot(endings[at - 1], word, 4)
    if at - 2 < begin or words[at - 2] == 0 or not is_known(words[at - 2], vocabulary):
        return 4
    slots[4] = pair_slot(words[at - 2], word, 5)
    slots[5] = pair_slot(endings[at - 2], endings[at], 6)
    slots[6] = pair_slot(endings[at - 2] ^ (endings[at - 1] >> np.uint64(9)), endings[at], 7)
    return 7


@jit
def _score(words: U64, endings: U64, starts: I64, weights: I8, vocabulary: U8) -> F32:
    rows = starts.size - 1
    scores = np.zeros(rows, np.float32)
    slots = np.zeros(MAX_SLOTS, np.uint64)
    mask = np.uint64(weights.size - 1)
    recent = np.zeros(MAX_STRETCH, np.float32)
    for row in range(rows):
        best = np.float32(0)
        total, size = np.float32(0), 0
        count_words, known = 0, 0
        for at in range(starts[row], starts[row + 1]):
            if words[at] != 0:
                count_words += 1
                known += is_known(words[at], vocabulary)
            count = list_slots(words, endings, at, starts[row], vocabulary, slots)
            if count == 0:
                continue
            gain = 0
            for index in range(count):
                gain += weights[slots[index] & mask]
            # The stretch with the largest sum that ends here (Kadane's algorithm).
            if total <= 0:
                total, size = np.float32(0), 0
            elif size >= MAX_STRETCH:
                total -= recent[size % MAX_STRETCH]
            recent[size % MAX_STRETCH] = gain
            total += gain
            size += 1
            best = max(best, total)
        if known < _LEAST_KNOWN * count_words:
            continue
        excess = np.log(max(1.0, count_words / _USUAL_WORDS))
        scores[row] = max(0.0, best / WEIGHT_SCALE - excess)
    return scores
