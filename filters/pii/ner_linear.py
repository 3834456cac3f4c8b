"""Find people in posts of one language: a linear chain over hashed features, and a lexicon.

A token is a run of letters, of digits or of white space, or one character: a mark, or a letter of a
script without spaces between words (Chinese, Japanese). Its features are what it and its neighbours
are, how they begin, end and look, and which lists of the lexicon have words here. A table has for
each feature, by its hash, a weight of each tag; the best row of tags is found by dynamic
programming. All of it is one compiled loop over the texts of a batch.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from filters.pii.ner_model import LEXICON_LISTS
from filters.text.arrays import F32, I8, I64, U8, U32, U64
from filters.text.hashing import FNV_OFFSET, GOLDEN_RATIO, MIX_MULTIPLIER
from filters.text.jit import jit

#: Outside of a name, a name of one token, the begin, inside and end of a longer one.
TAGS = "OUBIL"
OUTSIDE, ALONE, BEGIN, INSIDE, END = range(5)
#: The features of a token.
FEATURES = 40

_LONGEST_WORD = 6  # of the lexicon, in characters of a script without spaces
# Kinds of characters.
_MARK, _SPACE, _LOWER, _CAPITAL, _DIGIT, _HAN, _HIRAGANA, _KATAKANA = range(8)
_MIDDLE_DOT, _STOP, _COMMA, _AT, _PICTURE, _ALL_CAPITALS, _MIXED = range(8, 15)


class Model(NamedTuple):
    """The weights and the lexicon.

    ``weights`` is (2 ** n, tags) and ``steps`` (tags, tags): what a tag adds after another.
    ``words`` is a hash table of the lexicon, ``lists`` has for each the lists as bits. ``folded``
    has for each of the first 65,536 characters the one that is read for it, ``kinds`` its kind.
    """

    weights: F32
    steps: F32
    words: U64
    lists: U8
    folded: U32
    kinds: U8


class Tokens(NamedTuple):
    """Texts as tokens.

    ``features`` is (tokens, ``FEATURES``); ``starts`` and ``ends`` are offsets in the token's text,
    ``sizes`` the tokens of each text.
    """

    features: U32
    starts: I64
    ends: I64
    sizes: I64


class PeopleFinder:
    """Finds people with a model."""

    labels = ("PERSON",)

    def __init__(self, model: Model) -> None:
        self._model = model

    def __call__(self, texts: list[str]) -> list[list[tuple[int, int, str]]]:
        """Return start, end and label of each span of each text, in characters."""
        tokens = read_tokens(texts, self._model)
        spans = _find_spans(tokens.features, tokens.sizes, self._model.weights, self._model.steps)
        found: list[list[tuple[int, int, str]]] = [[] for _ in texts]
        for text, first, last in spans.tolist():
            found[text].append((int(tokens.starts[first]), int(tokens.ends[last]), "PERSON"))
        return found


def make_model(lexicon: Mapping[str, Iterable[str]], weights: F32, steps: F32) -> Model:
    """Return a model; ``lexicon`` has lists of words, and as ``folded`` pairs of characters."""
    folded = np.arange(1 << 16, dtype=np.uint32)
    for pair in lexicon.get("folded", ()):
        folded[ord(pair[0])] = ord(pair[1])
    listed: dict[int, int] = {}
    for number, name in enumerate(LEXICON_LISTS):
        for word in lexicon.get(name, ()):
            key = int(_hash_codes(_encode(word.lower())))
            listed[key] = listed.get(key, 0) | 1 << number
    size = 1 << max(4, (2 * len(listed)).bit_length())
    words, lists = _fill_table(
        np.array(list(listed), np.uint64), np.array(list(listed.values()), np.uint8), size
    )
    return Model(weights, steps, words, lists, folded, _KINDS)


def save(model: Model, lexicon: Mapping[str, Iterable[str]], path: Path) -> None:
    """Write a model, its weights rounded to steps of a 127th of the largest of their tag."""
    import msgspec

    scale = np.abs(model.weights).max(axis=0) / 127
    rounded = np.rint(model.weights / scale).astype(np.int8)
    content = {
        "lexicon": {name: "\n".join(sorted(words)) for name, words in lexicon.items()},
        "weights": rounded.T.tobytes(),
        "scale": scale.astype(np.float32).tobytes(),
        "steps": model.steps.astype(np.float32).tobytes(),
    }
    path.write_bytes(zlib.compress(msgspec.msgpack.encode(content), 9))


def load(path: Path) -> Model:
    """Return the model in a file."""
    import msgspec

    content: dict[str, Any] = msgspec.msgpack.decode(zlib.decompress(path.read_bytes()))
    lexicon = {name: words.split("\n") for name, words in content["lexicon"].items() if words}
    rounded: I8 = np.frombuffer(content["weights"], np.int8).reshape(len(TAGS), -1)
    scale = np.frombuffer(content["scale"], np.float32)
    steps = np.frombuffer(content["steps"], np.float32).reshape(len(TAGS), len(TAGS))
    weights = np.ascontiguousarray(rounded.T.astype(np.float32) * scale)
    return make_model(lexicon, weights, steps.copy())


def read_tokens(texts: list[str], model: Model) -> Tokens:
    """Return the tokens of texts and their features, as rows of ``model.weights``."""
    codes = _encode("".join(texts))
    lengths = np.array([len(text) for text in texts], np.int64)
    read = np.where(codes < len(model.folded), model.folded[codes & 0xFFFF], codes)
    rows = np.uint32(len(model.weights) - 1)
    return Tokens(*_read_codes(read, lengths, model.words, model.lists, model.kinds, rows))


def _encode(text: str) -> U32:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _make_kinds() -> U8:
    """Return the kind of each of the first 65,536 characters."""
    kinds = np.zeros(1 << 16, np.uint8)
    for code in range(1 << 16):
        character = chr(code)
        if character.isspace():
            kinds[code] = _SPACE
        elif character.isdecimal():
            kinds[code] = _DIGIT
        elif character.isalpha():
            kinds[code] = _CAPITAL if character.isupper() else _LOWER
    for kind, first, last in (
        (_HAN, 0x3400, 0x4DBF),
        (_HAN, 0x4E00, 0x9FFF),
        (_HAN, 0x3005, 0x3007),
        (_HIRAGANA, 0x3041, 0x309F),
        (_KATAKANA, 0x30A0, 0x30FF),
        (_LOWER, 0x0300, 0x036F),
        (_PICTURE, 0x2190, 0x2BFF),
    ):
        kinds[first : last + 1] = kind
    for kind, characters in (
        (_MIDDLE_DOT, "\u00b7\u30fb\u2022\uff65"),
        (_STOP, "\u3002\uff01\uff1f!?."),
        (_COMMA, "\u3001\uff0c,\uff1a:;"),
        (_AT, "@\uff20#\uff03"),
    ):
        for character in characters:
            kinds[ord(character)] = kind
    return kinds


_KINDS = _make_kinds()


@jit
def _fill_table(keys: U64, lists: U8, size: int) -> tuple[U64, U8]:
    words, found = np.zeros(size, np.uint64), np.zeros(size, np.uint8)
    for number in range(keys.size):
        at = np.int64(keys[number] & np.uint64(size - 1))
        while found[at]:
            at = (at + 1) & (size - 1)
        words[at], found[at] = keys[number], lists[number]
    return words, found


@jit
def _look_up(words: U64, lists: U8, key: np.uint64) -> int:
    mask = words.size - 1
    at = np.int64(key & np.uint64(mask))
    while lists[at]:
        if words[at] == key:
            return int(lists[at])
        at = (at + 1) & mask
    return 0


@jit
def _mix(value: np.uint64, code: np.uint64) -> np.uint64:
    """Return a hash of a hash and a number."""
    value = (value ^ code) * np.uint64(GOLDEN_RATIO)
    return value ^ (value >> np.uint64(29))


@jit
def _lower(code: np.uint32) -> np.uint64:
    """Return the small letter of a Latin capital."""
    if 65 <= code <= 90 or (0xC0 <= code <= 0xDE and code != 0xD7):
        return np.uint64(code + 32)
    if 0x100 <= code <= 0x17F and code % 2 == 0 and not (0x138 <= code <= 0x148):
        return np.uint64(code + 1)
    return np.uint64(code)


@jit
def _hash_codes(codes: U32) -> np.uint64:
    value = FNV_OFFSET
    for at in range(codes.size):
        value = _mix(value, _lower(codes[at]))
    return value


@jit
def _read_codes(
    codes: U32, lengths: I64, words: U64, lists: U8, kind_of: U8, last_row: np.uint32
) -> tuple[U32, I64, I64, I64]:
    """Return the fields of :class:`Tokens`."""
    starts, ends = np.empty(codes.size, np.int64), np.empty(codes.size, np.int64)
    hashes = np.empty(codes.size, np.uint64)
    kinds = np.empty(codes.size, np.uint64)
    entries = np.zeros(codes.size, np.uint64)
    features = np.empty((codes.size, FEATURES), np.uint32)
    sizes = np.zeros(lengths.size, np.int64)
    count = begin = 0
    for text in range(lengths.size):
        end, first, at = begin + lengths[text], count, begin
        while at < end:
            kind = _get_kind(codes[at], kind_of)
            after = at + 1
            capitals = 0
            if kind in (_LOWER, _CAPITAL):
                while after < end:
                    next_kind = _get_kind(codes[after], kind_of)
                    if next_kind != _LOWER and next_kind != _CAPITAL:
                        break
                    capitals += next_kind == _CAPITAL
                    after += 1
                if kind == _CAPITAL and capitals:
                    kind = _ALL_CAPITALS if capitals == after - at - 1 else _MIXED
                elif capitals:
                    kind = _MIXED
            elif kind in (_SPACE, _DIGIT):
                while after < end and _get_kind(codes[after], kind_of) == kind:
                    after += 1
            # Spaces between words are no tokens; a line's end is one.
            if kind != _SPACE or _has_line_end(codes[at:after]):
                starts[count], ends[count] = at - begin, after - begin
                hashes[count], kinds[count] = _hash_codes(codes[at:after]), np.uint64(kind)
                count += 1
            at = after
        sizes[text] = count - first
        _match_words(
            codes[begin:end],
            starts[first:count],
            ends[first:count],
            kinds[first:count],
            entries[first:count],
            words,
            lists,
        )
        _write_features(
            codes[begin:end],
            starts[first:count],
            ends[first:count],
            hashes[first:count],
            kinds[first:count],
            entries[first:count],
            features[first:count],
            last_row,
        )
        begin = end
    return features[:count], starts[:count], ends[:count], sizes


@jit
def _get_kind(code: np.uint32, kind_of: U8) -> int:
    if code < kind_of.size:
        return int(kind_of[code])
    return _HAN if code < 0x323B0 and code >= 0x20000 else _PICTURE


@jit
def _has_line_end(codes: U32) -> bool:
    found = False
    for at in range(codes.size):
        found |= codes[at] in (10, 13)
    return found


@jit
def _match_words(
    codes: U32, starts: I64, ends: I64, kinds: U64, entries: U64, words: U64, lists: U8
) -> None:
    """Write to ``entries`` which lists have a word at each token.

    A word of letters is looked up as a whole, with and without a final "s". Of other scripts each
    list's longest words are matched from the left; a token then begins a word (1) or continues it
    (2), in base 3.
    """
    for token in range(starts.size):
        kind = kinds[token]
        if kind in (_LOWER, _CAPITAL, _ALL_CAPITALS, _MIXED):
            found = _look_up(words, lists, _hash_codes(codes[starts[token] : ends[token]]))
            size = ends[token] - starts[token]
            if not found and size > 3 and _lower(codes[ends[token] - 1]) == 115:
                found = _look_up(words, lists, _hash_codes(codes[starts[token] : ends[token] - 1]))
            entries[token] = np.uint64(1000 + found)
    weight = np.uint64(1)
    for number in range(4):
        bit, shortest = 1 << number, 2 if number == 3 else 1
        token = 0
        while token < starts.size:
            longest = size = 0
            value = FNV_OFFSET
            while size < _LONGEST_WORD and token + size < starts.size:
                kind = kinds[token + size]
                if kind != _HAN and kind != _HIRAGANA and kind != _KATAKANA:
                    break
                value = _mix(value, np.uint64(codes[starts[token + size]]))
                size += 1
                if size >= shortest and _look_up(words, lists, value) & bit:
                    longest = size
            if longest:
                entries[token] += weight
                for inside in range(token + 1, token + longest):
                    entries[inside] += np.uint64(2) * weight
            token += max(longest, 1)
        weight *= np.uint64(3)


@jit
def _write_features(
    codes: U32,
    starts: I64,
    ends: I64,
    hashes: U64,
    kinds: U64,
    entries: U64,
    features: U32,
    last_row: np.uint32,
) -> None:
    count = starts.size
    word, kind, entry = np.empty(7, np.uint64), np.empty(7, np.uint64), np.empty(7, np.uint64)
    for token in range(count):
        for offset in range(-3, 4):
            other = token + offset
            inside = 0 <= other < count
            word[offset + 3] = hashes[other] if inside else np.uint64(3 + (offset > 0))
            kind[offset + 3] = kinds[other] if inside else np.uint64(20 + (offset > 0))
            entry[offset + 3] = entries[other] if inside else np.uint64(0)
        row = features[token]
        start, end = starts[token], ends[token]
        at = 0
        for offset in range(1, 6):  # words
            row[at] = _place(at, word[offset], np.uint64(0), last_row)
            at += 1
        for offset in range(1, 5):  # pairs of words
            row[at] = _place(at, word[offset], word[offset + 1], last_row)
            at += 1
        row[at] = _place(at, _mix(word[2], word[3]), word[4], last_row)
        at += 1
        for length in range(1, 5):  # how the word ends and begins
            cut = min(length, end - start)
            row[at] = _place(at, _hash_codes(codes[end - cut : end]), np.uint64(0), last_row)
            at += 1
        for length in range(1, 4):
            cut = min(length, end - start)
            row[at] = _place(at, _hash_codes(codes[start : start + cut]), np.uint64(0), last_row)
            at += 1
        for offset in range(2, 5):  # kinds
            row[at] = _place(at, kind[offset], np.uint64(0), last_row)
            at += 1
        shape = _mix(_mix(kind[2], kind[3]), kind[4])
        row[at] = _place(at, shape, np.uint64(0), last_row)
        row[at + 1] = _place(at + 1, _mix(kind[1], shape), kind[5], last_row)
        at += 2
        for offset in range(1, 6):  # the lexicon
            row[at] = _place(at, entry[offset], np.uint64(0), last_row)
            at += 1
        known = _mix(_mix(entry[2], entry[3]), entry[4])
        row[at] = _place(at, entry[3], kind[3], last_row)
        row[at + 1] = _place(at + 1, entry[2], entry[3], last_row)
        row[at + 2] = _place(at + 2, entry[3], entry[4], last_row)
        row[at + 3] = _place(at + 3, known, shape, last_row)
        row[at + 4] = _place(at + 4, known, np.uint64(0), last_row)
        row[at + 5] = _place(at + 5, word[2], entry[3], last_row)
        row[at + 6] = _place(at + 6, word[4], entry[3], last_row)
        row[at + 7] = _place(at + 7, word[2], kind[3], last_row)
        row[at + 8] = _place(at + 8, word[4], kind[3], last_row)
        row[at + 9] = _place(at + 9, _mix(known, entry[5]), _mix(entry[1], shape), last_row)
        row[at + 10] = _place(at + 10, _mix(word[1], word[2]), _mix(kind[3], entry[3]), last_row)
        row[at + 11] = _place(at + 11, _mix(word[4], word[5]), _mix(kind[3], entry[3]), last_row)
        row[at + 12] = _place(at + 12, np.uint64(min(end - start, 12)), kind[3], last_row)
        at += 13
    return


@jit
def _place(number: int, one: np.uint64, two: np.uint64, last_row: np.uint32) -> np.uint32:
    """Return the row of a feature, by its hash."""
    value = _mix(_mix(np.uint64(number + 1) * MIX_MULTIPLIER, one), two)
    return np.uint32(value >> np.uint64(20)) & last_row


@jit
def is_allowed(before: int, after: int) -> bool:
    """Return whether a tag may follow another."""
    is_open = before in (BEGIN, INSIDE)
    return is_open == (after in (INSIDE, END))


@jit
def _find_spans(features: U32, sizes: I64, weights: F32, steps: F32) -> I64:
    """Return rows of text, first token, last token (of the whole batch)."""
    tags = weights.shape[1]
    spans = np.empty((len(features), 3), np.int64)
    count = begin = 0
    longest = sizes.max() if sizes.size else 0
    scores = np.empty((longest, tags), np.float32)
    back = np.empty((longest, tags), np.int64)
    chosen_tags = np.empty(longest, np.int64)
    for text in range(sizes.size):
        size = sizes[text]
        for token in range(size):
            scores[token] = 0
            for number in range(features.shape[1]):
                row = features[begin + token, number]
                for tag in range(tags):
                    scores[token, tag] += weights[row, tag]
            for tag in range(tags):
                best, chosen = np.float32(-1e9), OUTSIDE
                if token == 0:
                    best = np.float32(0) if is_allowed(OUTSIDE, tag) else best
                for before in range(tags if token else 0):
                    if is_allowed(before, tag):
                        score = scores[token - 1, before] + steps[before, tag]
                        if score > best:
                            best, chosen = score, before
                scores[token, tag] += best
                back[token, tag] = chosen
        if size:
            tag, best = OUTSIDE, np.float32(-1e9)
            for other in (OUTSIDE, ALONE, END):
                if scores[size - 1, other] > best:
                    tag, best = other, scores[size - 1, other]
            for token in range(size - 1, -1, -1):
                chosen_tags[token] = tag
                tag = back[token, tag]
            first_token = 0
            for token in range(size):
                tag = chosen_tags[token]
                if tag in (ALONE, BEGIN):
                    first_token = token
                if tag in (ALONE, END):
                    spans[count, 0] = text
                    spans[count, 1] = begin + first_token
                    spans[count, 2] = begin + token
                    count += 1
        begin += size
    return spans[:count]
