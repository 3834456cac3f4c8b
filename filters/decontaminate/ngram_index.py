"""Find the n-grams of some passages in posts, and be sure of each that is found.

A text is read as tokens: NFKC, small letters, every sign that is no letter, digit or mark a space;
in scripts that set no spaces a character is a token. A gram is looked up by a 64-bit hash that
rolls over the tokens, and counts only if its tokens are the same byte for byte. Importing this
module imports numba, so import it where it is used.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from filters.text.jit import jit

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_WORD_CHARACTER, _COMBINING_MARK, _SINGLE_TOKEN, _IGNORED, _NEEDS_NFKC = 1, 2, 4, 8, 16
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# The hash of a run of tokens is a number written in this base; any large odd one will do.
_HASH_BASE = 0x9E3779B97F4A7C15


class CharacterTables(NamedTuple):
    """What is known of each character, after NFKC."""

    kinds: U8
    lowercase: I32


class TokenizedTexts(NamedTuple):
    """Texts as tokens, each followed by one space: equal bytes are equal tokens."""

    data: U8
    token_offsets: I64  # of each token in ``data``, and the end
    prefix_hashes: U64  # of each token, the hash of all tokens before it
    text_offsets: I64  # of each text, its first token, and the end


class NgramIndex(NamedTuple):
    """Distinct passages by their grams."""

    data: U8
    token_offsets: I64
    powers: U64  # of the base
    ngram_sizes: I64  # the lengths that grams have, in tokens, ascending
    bloom_filter: U64  # three bits for the first tokens of each gram; here nearly every post ends
    slots: I32  # a hash table of grams
    hashes: U64  # of each gram, its hash,
    first_tokens: I64  # its first token,
    lengths: I32  # and its length
    passage_offsets: I64  # of each gram, its first in ``owners``, and the end
    passages: I32  # the passages that have it
    passage_ngrams: I32  # how many grams a passage has


@cache
def load_character_tables() -> CharacterTables:
    """The table of characters, 5 MB, asked of polars once in a process."""
    # What lies between is unassigned or for private use, and none of it letters.
    codes = np.r_[0:0xD800, 0xE000:0x32400, 0xE0000:0xE0200]
    signs = pl.Series([chr(code) for code in codes])

    def among(kind: str) -> NDArray[np.bool_]:
        return signs.str.contains(f"^[{kind}]$").to_numpy()

    found = np.where(among(r"\p{L}\p{N}"), _WORD_CHARACTER, 0) | np.where(
        among(r"\p{M}"), _COMBINING_MARK, 0
    )
    found = np.where((found > 0) & among(_UNSPACED_SCRIPTS), _SINGLE_TOKEN, found)
    # Zero-width spaces, soft hyphens, and the selectors behind emoji and Han.
    gone = among(r"\p{Cf}\p{Me}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}")
    # What NFKC changes, or might change beside the right neighbour: marks and Korean letters.
    unsettled = (signs.str.normalize("NFKC") != signs).to_numpy() | among(
        r"\p{M}\x{1100}-\x{11FF}\x{A960}-\x{A97F}\x{D7B0}-\x{D7FF}"
    )
    kinds, small = np.zeros(0x110000, np.uint8), np.arange(0x110000, dtype=np.int32)
    kinds[codes] = np.where(gone, _IGNORED, np.where(unsettled, found | _NEEDS_NFKC, found))
    # A sigma is one letter wherever it stands; of a dotted capital I no dot is left.
    lower = signs.str.to_lowercase().str.head(1).replace("ς", "σ")
    small[codes] = np.array([ord(sign) for sign in lower.to_list()], np.int32)
    return CharacterTables(kinds, small)


def tokenize_words(texts: pl.Series) -> TokenizedTexts:
    """Read ``texts``; a null has no token."""
    known = load_character_tables()
    texts = texts.fill_null("")
    data, offsets = encode_texts(texts)
    rows = np.flatnonzero(_find_unnormalized(data, offsets, known.kinds))
    if rows.size:  # few have any, and polars knows how
        index = pl.Series(rows)
        texts = texts.scatter(index, texts.gather(index).str.normalize("NFKC"))
        data, offsets = encode_texts(texts)
    return TokenizedTexts(*_tokenize(data, offsets, *known))


def build_index(
    tokens: TokenizedTexts, first_tokens: I64, end_tokens: I64, ngram: int, max_passages: int
) -> NgramIndex:
    """Index passages of ``read``, from token to token; a shorter one than ``ngram`` is one gram.

    A gram that more than ``most_owners`` passages have is nobody's.
    """
    powers = np.full(ngram + 1, _HASH_BASE, np.uint64)
    powers[0] = 1
    powers = np.cumprod(powers)
    return NgramIndex(
        tokens.data,
        tokens.token_offsets,
        powers,
        *_index_ngrams(tokens, first_tokens, end_tokens, powers, max_passages),
    )


def find_matches(texts: pl.Series, known: NgramIndex) -> tuple[I64, F64]:
    """Of each text the passage it holds the largest share of (-1 for none), and the share.

    Of passages of one share, the one with more grams in the text counts, then the earlier one.
    """
    return _match_texts(tokenize_words(texts), known)


def encode_texts(texts: pl.Series) -> tuple[U8, I64]:
    """The UTF-8 bytes of all texts end to end, and where each begins; there must be no null."""
    import pyarrow as pa

    array = texts.rechunk().to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    return np.frombuffer(data if data and data.size else b"\0", np.uint8), places


@jit
def decode_character(data: U8, at: int) -> tuple[np.int64, int]:
    """The character at a place in UTF-8, and its length in bytes."""
    one = np.int64(data[at])
    if one < 0x80:
        return one, 1
    code, size = one & 31, 2
    if one >= 0xF0:
        code, size = one & 7, 4
    elif one >= 0xE0:
        code, size = one & 15, 3
    for step in range(1, size):
        code = code << 6 | np.int64(data[at + step] & 63)
    return code, size


@jit
def _write_character(code: int, out: U8, used: int) -> int:
    """Write a character in UTF-8; where the next one goes."""
    if code < 0x80:
        out[used] = code
        return used + 1
    size = 2 if code < 0x800 else 3 if code < 0x10000 else 4
    for step in range(size - 1, 0, -1):
        out[used + step] = 0x80 | code & 63
        code >>= 6
    out[used] = (0xF00 >> size & 0xFF) | code
    return used + size


@jit
def _find_unnormalized(data: U8, offsets: I64, kinds: U8) -> NDArray[np.bool_]:
    """Which texts hold a character that NFKC may change."""
    out = np.zeros(offsets.size - 1, np.bool_)
    for row in range(offsets.size - 1):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            if data[at] < 0x80:
                at += 1
                continue
            code, size = decode_character(data, at)
            if kinds[code] & _NEEDS_NFKC:
                out[row] = True
                break
            at += size
    return out


@jit
def _mix_bits(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(32)
    value *= np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> np.uint64(32))


@jit
def _tokenize(data: U8, offsets: I64, kinds: U8, small: I32) -> tuple[U8, I64, U64, I64]:
    rows = offsets.size - 1
    size = offsets[rows] - offsets[0]
    # "日a日a" gains most, a space behind each; and a text its last one.
    out = np.empty(2 * size + rows, np.uint8)
    begins = np.zeros(size // 2 + rows + 1, np.int64)
    sums = np.zeros(begins.size, np.uint64)
    places = np.zeros(rows + 1, np.int64)
    used, count = 0, 0
    for row in range(rows):
        at, end = offsets[row], offsets[row + 1]
        while at <= end:  # one step past the end closes the last token
            code, step, kind = np.int64(32), 1, 0
            if at < end:
                code, step = decode_character(data, at)
                kind = kinds[code]
            at += step
            begun = used > begins[count]
            if kind & _WORD_CHARACTER or (kind & _COMBINING_MARK and begun):
                used = _write_character(small[code], out, used)
                continue
            if kind & _IGNORED:
                continue
            if begun:
                used, count = _end_token(out, used, begins, sums, count)
            if kind & _SINGLE_TOKEN:
                used = _write_character(small[code], out, used)
                used, count = _end_token(out, used, begins, sums, count)
        places[row + 1] = count
    return out[:used].copy(), begins[: count + 1].copy(), sums[: count + 1].copy(), places


@jit
def _end_token(out: U8, used: int, begins: I64, sums: U64, count: int) -> tuple[int, int]:
    """End the token that is being written."""
    value = np.uint64(14695981039346656037)
    for place in range(begins[count], used):
        value = (value ^ np.uint64(out[place])) * np.uint64(1099511628211)
    out[used] = 32
    begins[count + 1] = used + 1
    sums[count + 1] = sums[count] * np.uint64(_HASH_BASE) + _mix_bits(value)
    return used + 1, count + 1


@jit
def _hash_ngram(sums: U64, powers: U64, first: int, span: int) -> np.uint64:
    return _mix_bits(sums[first + span] - sums[first] * powers[span] + np.uint64(span))


@jit
def _bloom_bits(key: np.uint64) -> np.uint64:
    """What a key sets in its word of the sieve."""
    one, low = np.uint64(1), np.uint64(63)
    return (
        one << (key & low)
        | one << (key >> np.uint64(6) & low)
        | one << (key >> np.uint64(12) & low)
    )


@jit
def _equal_bytes(one: U8, at: int, stop: int, two: U8, begin: int, end: int) -> bool:
    if stop - at != end - begin:
        return False
    while begin < end and one[at] == two[begin]:
        at, begin = at + 1, begin + 1
    return begin == end


@jit
def _find_slot(
    key: np.uint64, data: U8, begin: int, end: int, slots: I32, keys: U64,
    firsts: I64, spans: I32, known: U8, begins: I64,
) -> np.int64:  # fmt: skip
    """The slot of a gram, or the free one where it belongs."""
    mask = np.uint64(slots.size - 1)
    at = key & mask
    while slots[at] >= 0:
        gram = slots[at]
        if keys[gram] == key:
            first = firsts[gram]
            stop = begins[first + spans[gram]]
            if _equal_bytes(known, begins[first], stop, data, begin, end):
                break
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@jit
def _index_ngrams(
    read: TokenizedTexts, firsts: I64, ends: I64, powers: U64, most_owners: int
) -> tuple[I64, U64, I32, U64, I64, I32, I64, I32, I32]:
    """The parts of an :class:`Index` from ``sizes`` on."""
    ngram = powers.size - 1
    most = 1
    for passage in range(firsts.size):
        most += max(ends[passage] - firsts[passage] - ngram, 0) + 1
    room = 1 << 10
    while room < 2 * most:
        room *= 2
    slots = np.full(room, -1, np.int32)
    keys, where = np.empty(most, np.uint64), np.empty(most, np.int64)
    spans, shared = np.empty(most, np.int32), np.zeros(most, np.int32)
    seen, order = np.full(most, -1, np.int32), np.empty(most, np.int32)
    grams, at = 0, 0
    for passage in range(firsts.size):
        span = min(ngram, ends[passage] - firsts[passage])
        for first in range(firsts[passage], ends[passage] - span + 1):
            key = _hash_ngram(read.prefix_hashes, powers, first, span)
            begin, end = read.token_offsets[first], read.token_offsets[first + span]
            slot = _find_slot(
                key, read.data, begin, end, slots, keys, where, spans, read.data, read.token_offsets
            )
            gram = slots[slot]
            if gram < 0:
                gram = grams
                slots[slot], keys[gram], where[gram], spans[gram] = gram, key, first, span
                grams += 1
            order[at] = -1  # a passage has a gram once
            if seen[gram] != passage:
                seen[gram], order[at] = passage, gram
                shared[gram] += 1
            at += 1
    places, used = np.zeros(grams + 1, np.int64), np.zeros(ngram + 1, np.bool_)
    for gram in range(grams):
        kept = shared[gram] <= most_owners
        places[gram + 1] = places[gram] + (shared[gram] if kept else 0)
        used[spans[gram]] |= kept
    owners, totals = np.empty(places[grams], np.int32), np.zeros(firsts.size, np.int32)
    free, at = places[:grams].copy(), 0
    for passage in range(firsts.size):
        for _ in range(max(ends[passage] - firsts[passage] - ngram, 0) + 1):
            gram = order[at]
            at += 1
            if gram >= 0 and free[gram] < places[gram + 1]:
                owners[free[gram]] = passage
                free[gram] += 1
                totals[passage] += 1
    sizes = np.flatnonzero(used)
    sieve = np.zeros(room // 16, np.uint64)
    for gram in range(grams):
        if places[gram] < places[gram + 1]:
            key = _hash_ngram(read.prefix_hashes, powers, where[gram], sizes[0])
            sieve[(key >> np.uint64(18)) & np.uint64(sieve.size - 1)] |= _bloom_bits(key)
    return (
        sizes, sieve, slots, keys[:grams].copy(), where[:grams].copy(), spans[:grams].copy(),
        places, owners, totals,
    )  # fmt: skip


@jit
def _match_texts(read: TokenizedTexts, known: NgramIndex) -> tuple[I64, F64]:
    data, begins, sums, places = read
    rows = places.size - 1
    best, share = np.full(rows, -1, np.int64), np.zeros(rows, np.float64)
    if known.ngram_sizes.size == 0:
        return best, share
    sieve, powers, sizes, least = (
        known.bloom_filter,
        known.powers,
        known.ngram_sizes,
        known.ngram_sizes[0],
    )
    mask = np.uint64(sieve.size - 1)
    found = np.empty(64, np.int32)
    for row in range(rows):
        count, end = 0, places[row + 1]
        for first in range(places[row], end - least + 1):
            key = _hash_ngram(sums, powers, first, least)
            bits = _bloom_bits(key)
            if sieve[(key >> np.uint64(18)) & mask] & bits != bits:
                continue
            for span in sizes:
                if first + span > end:
                    break
                key = _hash_ngram(sums, powers, first, span)
                begin, stop = begins[first], begins[first + span]
                slot = _find_slot(
                    key, data, begin, stop, known.slots, known.hashes, known.first_tokens,
                    known.lengths, known.data, known.token_offsets,
                )  # fmt: skip
                if known.slots[slot] >= 0:
                    if count == found.size:
                        found = np.concatenate((found, np.empty(count, np.int32)))
                    found[count] = known.slots[slot]
                    count += 1
        if count:
            best[row], share[row] = _find_best_passage(found[:count], known)
    return best, share


@jit
def _find_best_passage(found: I32, known: NgramIndex) -> tuple[np.int64, float]:
    """The passage of which ``found`` holds the largest share (-1 if all is boilerplate)."""
    grams = np.unique(found)
    size = 0
    for gram in grams:
        size += known.passage_offsets[gram + 1] - known.passage_offsets[gram]
    owners, size = np.empty(size, np.int32), 0
    for gram in grams:
        for place in range(known.passage_offsets[gram], known.passage_offsets[gram + 1]):
            owners[size] = known.passages[place]
            size += 1
    owners.sort()
    best, most, total, begin = np.int64(-1), np.int64(0), np.int64(1), 0
    for place in range(size):
        passage = owners[place]
        if place + 1 < size and owners[place + 1] == passage:
            continue
        hits, of = np.int64(place + 1 - begin), np.int64(known.passage_ngrams[passage])
        begin = place + 1
        # Shares are compared as fractions, so that no rounding decides; the earlier one stays.
        lead = hits * total - most * of
        if lead > 0 or (lead == 0 and hits > most):
            best, most, total = np.int64(passage), hits, of
    return best, most / total
