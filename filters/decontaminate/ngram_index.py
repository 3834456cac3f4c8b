"""Index the n-grams of passages, and find in each post the passage that it contains most of.

A text is read as tokens: NFKC, lower case, each character that is no letter, digit or mark as a
space; in scripts without spaces each character is a token. An n-gram is looked up by a 64-bit
rolling hash over the tokens, and counts only if its tokens are equal byte for byte. Importing this
module imports numba, so import it where it is used.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from filters.text.arrays import F64, I32, I64, U8, U64, Booleans
from filters.text.hashing import FNV_OFFSET, GOLDEN_RATIO, fnv1a, mix_bits
from filters.text.jit import jit
from filters.text.utf8 import decode_character, encode_texts, equal_bytes

# What a character is to a tokenizer. A character that _NEEDS_NFKC may have another flag as well.
_WORD_CHARACTER, _COMBINING_MARK, _SINGLE_TOKEN, _IGNORED, _NEEDS_NFKC = 1, 2, 4, 8, 16
_UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# The hash of a run of tokens is a number written in this base; any large odd number will do.
_HASH_BASE = GOLDEN_RATIO


class CharacterTables(NamedTuple):
    """For each code point, after NFKC: its flags, and its lower case."""

    kinds: U8
    lowercase: I32


class TokenizedTexts(NamedTuple):
    """Texts as tokens with one space after each: tokens are equal if their bytes are.

    ``token_offsets`` has the offset in ``data`` of each token and of the end, ``prefix_hashes`` the
    hash of all tokens before each of these, and ``text_offsets`` the index of the first token of
    each text and the number of all tokens.
    """

    data: U8
    token_offsets: I64
    prefix_hashes: U64
    text_offsets: I64


class NgramTable(NamedTuple):
    """A hash table of n-grams.

    ``data`` and ``token_offsets`` are those of the tokens that were indexed. A slot has the number
    of an n-gram, or -1. For each n-gram there are its hash, its first token and its length in
    tokens.
    """

    data: U8
    token_offsets: I64
    slots: I32
    hashes: U64
    first_tokens: I64
    lengths: I32


class NgramIndex(NamedTuple):
    """Distinct passages by their n-grams.

    ``powers`` are those of the hash base. ``ngram_sizes`` has the sizes of n-grams, in tokens,
    ascending. ``bloom_filter`` has three bits for the first tokens of each n-gram: for most posts
    it is all that is read. N-gram ``i`` is in the passages
    ``passages[passage_offsets[i]:passage_offsets[i + 1]]``. ``passage_ngrams`` counts the n-grams
    of each passage.
    """

    table: NgramTable
    powers: U64
    ngram_sizes: I64
    bloom_filter: U64
    passage_offsets: I64
    passages: I32
    passage_ngrams: I32


@cache
def load_character_tables() -> CharacterTables:
    """Return the tables of all characters, 5 MB; polars computes them once in a process."""
    # The code points between these are unassigned or for private use, and no letters.
    codes = np.r_[0:0xD800, 0xE000:0x32400, 0xE0000:0xE0200]
    characters = pl.Series([chr(code) for code in codes])

    def is_in(members: str) -> Booleans:
        return characters.str.contains(f"^[{members}]$").to_numpy()

    kind = np.where(is_in(r"\p{L}\p{N}"), _WORD_CHARACTER, 0)
    kind |= np.where(is_in(r"\p{M}"), _COMBINING_MARK, 0)
    kind = np.where((kind > 0) & is_in(_UNSPACED_SCRIPTS), _SINGLE_TOKEN, kind)
    # Zero-width spaces, soft hyphens, and the selectors after emoji and Han characters.
    ignored = is_in(r"\p{Cf}\p{Me}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}")
    # What NFKC changes, or can change next to certain characters: marks and Korean letters.
    needs_nfkc = (characters.str.normalize("NFKC") != characters).to_numpy() | is_in(
        r"\p{M}\x{1100}-\x{11FF}\x{A960}-\x{A97F}\x{D7B0}-\x{D7FF}"
    )
    kinds, lowercase = np.zeros(0x110000, np.uint8), np.arange(0x110000, dtype=np.int32)
    kinds[codes] = np.where(ignored, _IGNORED, np.where(needs_nfkc, kind | _NEEDS_NFKC, kind))
    # Both forms of a small sigma are one letter; a dotted capital I loses its dot.
    lower = characters.str.to_lowercase().str.head(1).replace("ς", "σ")
    lowercase[codes] = np.array([ord(character) for character in lower.to_list()], np.int32)
    return CharacterTables(kinds, lowercase)


def tokenize_words(texts: pl.Series) -> TokenizedTexts:
    """Tokenize ``texts``; a null has no token."""
    tables = load_character_tables()
    texts = texts.fill_null("")
    data, offsets = encode_texts(texts)
    rows = np.flatnonzero(_find_unnormalized(data, offsets, tables.kinds))
    if rows.size:  # few texts need NFKC, and polars has it
        selected = pl.Series(rows)
        texts = texts.scatter(selected, texts.gather(selected).str.normalize("NFKC"))
        data, offsets = encode_texts(texts)
    return TokenizedTexts(*_tokenize(data, offsets, *tables))


def build_index(
    tokens: TokenizedTexts, first_tokens: I64, end_tokens: I64, ngram: int, max_passages: int
) -> NgramIndex:
    """Index passages of ``tokens``, each from a first token to an end.

    A passage shorter than ``ngram`` is one n-gram. An n-gram that is in more than ``max_passages``
    passages belongs to none.
    """
    powers = np.full(ngram + 1, _HASH_BASE, np.uint64)
    powers[0] = 1
    powers = np.cumprod(powers)
    return NgramIndex(*_index_ngrams(tokens, first_tokens, end_tokens, powers, max_passages))


def find_matches(texts: pl.Series, index: NgramIndex) -> tuple[I64, F64]:
    """Return for each text the passage of which it has the largest share, -1 for none, and that.

    The share is that of the passage's n-grams. Of passages with the same share, the one with more
    n-grams in the text wins, then the earlier one.
    """
    return _match_texts(tokenize_words(texts), index)


@jit
def _write_character(code: int, out: U8, position: int) -> int:
    """Write a character as UTF-8; return the position after it."""
    if code < 0x80:
        out[position] = code
        return position + 1
    size = 2 if code < 0x800 else 3 if code < 0x10000 else 4
    for step in range(size - 1, 0, -1):
        out[position + step] = 0x80 | code & 63
        code >>= 6
    out[position] = (0xF00 >> size & 0xFF) | code
    return position + size


@jit
def _find_unnormalized(data: U8, offsets: I64, kinds: U8) -> Booleans:
    """Return which texts have a character that NFKC may change."""
    found = np.zeros(offsets.size - 1, np.bool_)
    for row in range(offsets.size - 1):
        position, end = offsets[row], offsets[row + 1]
        while position < end:
            if data[position] < 0x80:
                position += 1
                continue
            code, size = decode_character(data, position)
            if kinds[code] & _NEEDS_NFKC:
                found[row] = True
                break
            position += size
    return found


@jit
def _tokenize(data: U8, offsets: I64, kinds: U8, lowercase: I32) -> tuple[U8, I64, U64, I64]:
    """Return the parts of :class:`TokenizedTexts`."""
    rows = offsets.size - 1
    size = offsets[rows] - offsets[0]
    # "日a日a" grows most, by a space after each character; and each text by one after its last.
    out = np.empty(2 * size + rows, np.uint8)
    token_offsets = np.zeros(size // 2 + rows + 1, np.int64)
    prefix_hashes = np.zeros(token_offsets.size, np.uint64)
    text_offsets = np.zeros(rows + 1, np.int64)
    used, count = 0, 0
    for row in range(rows):
        position, end = offsets[row], offsets[row + 1]
        while position <= end:  # one step past the end closes the last token
            code, step, kind = np.int64(32), np.int64(1), 0
            if position < end:
                code, step = decode_character(data, position)
                kind = kinds[code]
            position += step
            has_begun = used > token_offsets[count]
            if kind & _WORD_CHARACTER or (kind & _COMBINING_MARK and has_begun):
                used = _write_character(lowercase[code], out, used)
                continue
            if kind & _IGNORED:
                continue
            if has_begun:
                used, count = _end_token(out, used, token_offsets, prefix_hashes, count)
            if kind & _SINGLE_TOKEN:
                used = _write_character(lowercase[code], out, used)
                used, count = _end_token(out, used, token_offsets, prefix_hashes, count)
        text_offsets[row + 1] = count
    return (
        out[:used].copy(),
        token_offsets[: count + 1].copy(),
        prefix_hashes[: count + 1].copy(),
        text_offsets,
    )


@jit
def _end_token(
    out: U8, used: int, token_offsets: I64, prefix_hashes: U64, count: int
) -> tuple[int, int]:
    """End the token that is being written; return the new ``used`` and ``count``."""
    value = fnv1a(out, token_offsets[count], used, FNV_OFFSET)
    out[used] = 32
    token_offsets[count + 1] = used + 1
    prefix_hashes[count + 1] = prefix_hashes[count] * np.uint64(_HASH_BASE) + mix_bits(value)
    return used + 1, count + 1


@jit
def _hash_ngram(prefix_hashes: U64, powers: U64, first: int, length: int) -> np.uint64:
    """Return the hash of the tokens ``first`` to ``first + length``."""
    return mix_bits(
        prefix_hashes[first + length] - prefix_hashes[first] * powers[length] + np.uint64(length)
    )


@jit
def _bloom_bits(value: np.uint64) -> np.uint64:
    """Return the bits that a hash sets in its word of the Bloom filter."""
    one, low = np.uint64(1), np.uint64(63)
    return (
        one << (value & low)
        | one << (value >> np.uint64(6) & low)
        | one << (value >> np.uint64(12) & low)
    )


@jit
def _find_slot(value: np.uint64, data: U8, begin: int, end: int, table: NgramTable) -> np.int64:
    """Return the slot of the n-gram ``data[begin:end]`` with the hash ``value``, or a free slot."""
    mask = np.uint64(table.slots.size - 1)
    slot = value & mask
    while table.slots[slot] >= 0:
        ngram = table.slots[slot]
        if table.hashes[ngram] == value:
            first = table.first_tokens[ngram]
            indexed_begin = table.token_offsets[first]
            indexed_end = table.token_offsets[first + table.lengths[ngram]]
            if equal_bytes(table.data, indexed_begin, indexed_end, data, begin, end):
                break
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@jit
def _index_ngrams(
    tokens: TokenizedTexts, first_tokens: I64, end_tokens: I64, powers: U64, max_passages: int
) -> tuple[NgramTable, U64, I64, U64, I64, I32, I32]:
    """Return the parts of an :class:`NgramIndex`."""
    max_length = powers.size - 1
    max_ngrams = 1
    for passage in range(first_tokens.size):
        max_ngrams += max(end_tokens[passage] - first_tokens[passage] - max_length, 0) + 1
    table_size = 1 << 10
    while table_size < 2 * max_ngrams:
        table_size *= 2
    slots = np.full(table_size, -1, np.int32)
    hashes, ngram_firsts = np.empty(max_ngrams, np.uint64), np.empty(max_ngrams, np.int64)
    lengths, passage_counts = np.empty(max_ngrams, np.int32), np.zeros(max_ngrams, np.int32)
    table = NgramTable(tokens.data, tokens.token_offsets, slots, hashes, ngram_firsts, lengths)
    last_passages, sequence = np.full(max_ngrams, -1, np.int32), np.empty(max_ngrams, np.int32)
    ngrams, at = 0, 0
    for passage in range(first_tokens.size):
        length = min(max_length, end_tokens[passage] - first_tokens[passage])
        for first in range(first_tokens[passage], end_tokens[passage] - length + 1):
            value = _hash_ngram(tokens.prefix_hashes, powers, first, length)
            begin, end = tokens.token_offsets[first], tokens.token_offsets[first + length]
            slot = _find_slot(value, tokens.data, begin, end, table)
            ngram = slots[slot]
            if ngram < 0:
                ngram = ngrams
                slots[slot], hashes[ngram] = ngram, value
                ngram_firsts[ngram], lengths[ngram] = first, length
                ngrams += 1
            sequence[at] = -1  # an n-gram that a passage repeats counts once
            if last_passages[ngram] != passage:
                last_passages[ngram], sequence[at] = passage, ngram
                passage_counts[ngram] += 1
            at += 1
    passage_offsets, used_lengths = (
        np.zeros(ngrams + 1, np.int64),
        np.zeros(max_length + 1, np.bool_),
    )
    for ngram in range(ngrams):
        is_kept = passage_counts[ngram] <= max_passages
        passage_offsets[ngram + 1] = passage_offsets[ngram] + (
            passage_counts[ngram] if is_kept else 0
        )
        used_lengths[lengths[ngram]] |= is_kept
    passages = np.empty(passage_offsets[ngrams], np.int32)
    passage_ngrams = np.zeros(first_tokens.size, np.int32)
    free, at = passage_offsets[:ngrams].copy(), 0
    for passage in range(first_tokens.size):
        for _ in range(max(end_tokens[passage] - first_tokens[passage] - max_length, 0) + 1):
            ngram = sequence[at]
            at += 1
            if ngram >= 0 and free[ngram] < passage_offsets[ngram + 1]:
                passages[free[ngram]] = passage
                free[ngram] += 1
                passage_ngrams[passage] += 1
    ngram_sizes = np.flatnonzero(used_lengths)
    bloom_filter = np.zeros(table_size // 16, np.uint64)
    for ngram in range(ngrams):
        if passage_offsets[ngram] < passage_offsets[ngram + 1]:
            value = _hash_ngram(tokens.prefix_hashes, powers, ngram_firsts[ngram], ngram_sizes[0])
            word = (value >> np.uint64(18)) & np.uint64(bloom_filter.size - 1)
            bloom_filter[word] |= _bloom_bits(value)
    table = NgramTable(
        tokens.data,
        tokens.token_offsets,
        slots,
        hashes[:ngrams].copy(),
        ngram_firsts[:ngrams].copy(),
        lengths[:ngrams].copy(),
    )
    return table, powers, ngram_sizes, bloom_filter, passage_offsets, passages, passage_ngrams


@jit
def _match_texts(tokens: TokenizedTexts, index: NgramIndex) -> tuple[I64, F64]:
    data, token_offsets, prefix_hashes, text_offsets = tokens
    rows = text_offsets.size - 1
    best, shares = np.full(rows, -1, np.int64), np.zeros(rows, np.float64)
    if index.ngram_sizes.size == 0:
        return best, shares
    bloom_filter, powers, sizes = index.bloom_filter, index.powers, index.ngram_sizes
    shortest = sizes[0]
    mask = np.uint64(bloom_filter.size - 1)
    found = np.empty(64, np.int32)
    for row in range(rows):
        count, end = 0, text_offsets[row + 1]
        for first in range(text_offsets[row], end - shortest + 1):
            value = _hash_ngram(prefix_hashes, powers, first, shortest)
            bits = _bloom_bits(value)
            if bloom_filter[(value >> np.uint64(18)) & mask] & bits != bits:
                continue
            for length in sizes:
                if first + length > end:
                    break
                value = _hash_ngram(prefix_hashes, powers, first, length)
                begin, stop = token_offsets[first], token_offsets[first + length]
                ngram = index.table.slots[_find_slot(value, data, begin, stop, index.table)]
                if ngram >= 0:
                    if count == found.size:
                        found = np.concatenate((found, np.empty(count, np.int32)))
                    found[count] = ngram
                    count += 1
        if count:
            best[row], shares[row] = _find_best_passage(found[:count], index)
    return best, shares


@jit
def _find_best_passage(found: I32, index: NgramIndex) -> tuple[np.int64, float]:
    """Return the passage with the largest share in ``found``, and it; -1 if all is boilerplate."""
    ngrams = np.unique(found)
    size = 0
    for ngram in ngrams:
        size += index.passage_offsets[ngram + 1] - index.passage_offsets[ngram]
    passages, size = np.empty(size, np.int32), 0
    for ngram in ngrams:
        for at in range(index.passage_offsets[ngram], index.passage_offsets[ngram + 1]):
            passages[size] = index.passages[at]
            size += 1
    passages.sort()
    best, best_hits, best_total, begin = np.int64(-1), np.int64(0), np.int64(1), 0
    for at in range(size):
        passage = passages[at]
        if at + 1 < size and passages[at + 1] == passage:
            continue
        hits, total = np.int64(at + 1 - begin), np.int64(index.passage_ngrams[passage])
        begin = at + 1
        # Shares are compared as fractions, without rounding; of equal ones the earlier is kept.
        lead = hits * best_total - best_hits * total
        if lead > 0 or (lead == 0 and hits > best_hits):
            best, best_hits, best_total = np.int64(passage), hits, total
    return best, best_hits / best_total
