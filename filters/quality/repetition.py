"""Count what a text repeats: whole pieces, and n-grams of its tokens, as datatrove 0.10 counts.

Equal hashes are compared byte for byte, so no collision decides; the time is linear in the text's
length. Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

import numpy as np

from filters.quality.tokens import TokenBounds
from filters.text.arrays import I64, U8, U64
from filters.text.hashing import FNV_OFFSET, GOLDEN_RATIO, fnv1a, mix_bits
from filters.text.jit import jit
from filters.text.utf8 import count_characters, equal_bytes

# Sizes of n-grams of which the most frequent one counts, and of those where every repeat counts.
TOP_NGRAM_SIZES = (2, 3, 4)
DUPLICATE_NGRAM_SIZES = (5, 6, 7, 8, 9, 10)

_HASH_BASE = GOLDEN_RATIO  # hashes of runs are numbers written in this base


def count_duplicates(data: U8, starts: I64, ends: I64, piece_offsets: I64) -> tuple[I64, I64]:
    """Return for each text how many of its pieces occurred before in it, and their characters.

    Text ``i`` has the pieces ``piece_offsets[i]`` to ``piece_offsets[i + 1]``.
    """
    table_size = _compute_table_size(piece_offsets)
    repeats, characters = _count_duplicates(data, starts, ends, piece_offsets, table_size)
    return repeats, characters


def count_ngrams(data: U8, offsets: I64, tokens: TokenBounds) -> tuple[I64, I64]:
    """Return the characters of repeated n-grams, by size and text.

    The first array has a row for each of ``TOP_NGRAM_SIZES``: the characters of the most frequent
    n-gram (the first of equals, with spaces between tokens) times its count. The second one has a
    row for each of ``DUPLICATE_NGRAM_SIZES``: those of all n-grams that repeat an earlier one
    (without spaces, none counted twice).
    """
    sizes = np.diff(offsets)
    powers = np.full(int(sizes.max(initial=0)) + 11, _HASH_BASE, np.uint64)
    powers[0] = 1
    table_size = _compute_table_size(tokens.text_offsets)
    top, duplicate = _count_ngrams(data, tokens, np.cumprod(powers), table_size)
    return top, duplicate


def _compute_table_size(piece_offsets: I64) -> int:
    """Return the slots of a hash table, a power of two, for the pieces of the longest text."""
    return 1 << int(2 * np.diff(piece_offsets).max(initial=1) + 2).bit_length()


@jit
def _count_duplicates(
    data: U8, starts: I64, ends: I64, piece_offsets: I64, table_size: int
) -> tuple[I64, I64]:
    rows = piece_offsets.size - 1
    repeats, characters = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    # A slot belongs to the text that is its stamp, so the table need not be cleared.
    slots, stamps = np.empty(table_size, np.int64), np.full(table_size, -1, np.int64)
    hashes = np.empty(table_size, np.uint64)
    mask = np.uint64(table_size - 1)
    for row in range(rows):
        if piece_offsets[row + 1] - piece_offsets[row] < 2:
            continue
        for piece in range(piece_offsets[row], piece_offsets[row + 1]):
            begin, end = starts[piece], ends[piece]
            value = mix_bits(fnv1a(data, begin, end, FNV_OFFSET))
            slot = value & mask
            while stamps[slot] == row:
                other = slots[slot]
                if hashes[slot] == value and equal_bytes(
                    data, begin, end, data, starts[other], ends[other]
                ):
                    break
                slot = (slot + np.uint64(1)) & mask
            if stamps[slot] == row:
                repeats[row] += 1
                characters[row] += count_characters(data, begin, end)
            else:
                stamps[slot], slots[slot], hashes[slot] = row, piece, value
    return repeats, characters


@jit
def _equal_tokens(data: U8, starts: I64, ends: I64, one: int, other: int, size: int) -> bool:
    """Return whether two runs of ``size`` tokens are equal, token by token."""
    for step in range(size):
        if not equal_bytes(
            data,
            starts[one + step],
            ends[one + step],
            data,
            starts[other + step],
            ends[other + step],
        ):
            return False
    return True


@jit
def _equal_joined(data: U8, starts: I64, ends: I64, one: int, other: int, size: int) -> bool:
    """Return whether two runs of ``size`` tokens have the same bytes when they are joined."""
    one_end, other_end = one + size, other + size
    position, other_position = starts[one], starts[other]
    while True:
        while one < one_end and position == ends[one]:
            one += 1
            position = starts[one] if one < one_end else position
        while other < other_end and other_position == ends[other]:
            other += 1
            other_position = starts[other] if other < other_end else other_position
        if one == one_end or other == other_end:
            return one == one_end and other == other_end
        if data[position] != data[other_position]:
            return False
        position, other_position = position + 1, other_position + 1


@jit
def _count_ngrams(data: U8, tokens: TokenBounds, powers: U64, table_size: int) -> tuple[I64, I64]:
    starts, ends, text_offsets = tokens
    rows = text_offsets.size - 1
    top, duplicate = np.zeros((3, rows), np.int64), np.zeros((6, rows), np.int64)
    slots, stamps = np.empty(table_size, np.int64), np.full(table_size, -1, np.int64)
    hashes, counts = np.empty(table_size, np.uint64), np.empty(table_size, np.int64)
    # Of the tokens before each one: the hash token by token, the hash of their joined bytes, the
    # number of bytes and of characters.
    token_hashes, joined_hashes = np.zeros(table_size, np.uint64), np.zeros(table_size, np.uint64)
    sizes, characters = np.zeros(table_size, np.int64), np.zeros(table_size, np.int64)
    mask = np.uint64(table_size - 1)
    stamp = 0
    for row in range(rows):
        first = text_offsets[row]
        count = text_offsets[row + 1] - first
        for token in range(count):
            value, begin, end = np.uint64(0), starts[first + token], ends[first + token]
            for position in range(begin, end):
                value = value * powers[1] + np.uint64(data[position] + np.uint64(1))
            joined_hashes[token + 1] = joined_hashes[token] * powers[end - begin] + value
            mixed = mix_bits(value + np.uint64(end - begin))
            token_hashes[token + 1] = token_hashes[token] * powers[1] + mixed
            sizes[token + 1] = sizes[token] + end - begin
            characters[token + 1] = characters[token] + count_characters(data, begin, end)
        for size in range(2, 5):
            stamp += 1
            best, best_count = 0, 0
            for token in range(count - size + 1):
                value = mix_bits(token_hashes[token + size] - token_hashes[token] * powers[size])
                slot = value & mask
                while stamps[slot] == stamp:
                    if hashes[slot] == value and _equal_tokens(
                        data, starts, ends, first + slots[slot], first + token, size
                    ):
                        break
                    slot = (slot + np.uint64(1)) & mask
                if stamps[slot] != stamp:
                    stamps[slot], slots[slot], hashes[slot], counts[slot] = stamp, token, value, 0
                counts[slot] += 1
                # Of equally frequent ones the earliest counts.
                is_earlier = counts[slot] == best_count and slots[slot] < best
                if counts[slot] > best_count or is_earlier:
                    best, best_count = slots[slot], counts[slot]
            if best_count:
                with_spaces = characters[best + size] - characters[best] + size - 1
                top[size - 2, row] = best_count * with_spaces
        for size in range(5, 11):
            stamp += 1
            token = 0
            while token < count - size + 1:
                length = sizes[token + size] - sizes[token]
                value = mix_bits(
                    joined_hashes[token + size] - joined_hashes[token] * powers[length]
                )
                slot = value & mask
                while stamps[slot] == stamp:
                    if hashes[slot] == value and _equal_joined(
                        data, starts, ends, first + slots[slot], first + token, size
                    ):
                        break
                    slot = (slot + np.uint64(1)) & mask
                if stamps[slot] == stamp:
                    duplicate[size - 5, row] += characters[token + size] - characters[token]
                    token += size
                else:
                    stamps[slot], slots[slot], hashes[slot] = stamp, token, value
                    token += 1
    return top, duplicate
