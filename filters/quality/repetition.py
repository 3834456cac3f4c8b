"""Count what a text repeats: whole pieces, and n-grams of its tokens, as datatrove 0.10 counts.

Equal hashes are compared byte for byte, so no collision decides; time grows with the text, not with
its square. Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

import numpy as np

from filters.quality.token_kernel import I64, U8, U64
from filters.quality.tokens import TokenBounds
from filters.text.jit import jit

# n-grams of which the most frequent counts, and those of which every repetition does.
TOP_NGRAM_SIZES = (2, 3, 4)
DUPLICATE_NGRAM_SIZES = (5, 6, 7, 8, 9, 10)

_HASH_BASE = 0x9E3779B97F4A7C15  # hashes of runs are numbers written in this base


def count_duplicates(data: U8, starts: I64, ends: I64, places: I64) -> tuple[I64, I64]:
    """Of each text, how many of its pieces came before in it, and their characters."""
    again, characters = _count_duplicates(data, starts, ends, places, _compute_table_size(places))
    return again, characters


def count_ngrams(data: U8, offsets: I64, tokens: TokenBounds) -> tuple[I64, I64]:
    """Characters of each text's most frequent n-grams (a row for each of ``TOP``: the first of
    equals, spaces between tokens, times its count) and of all that repeat an earlier one
    (``DUPLICATE``: tokens joined, none counted twice)."""
    sizes = np.diff(offsets)
    powers = np.full(int(sizes.max(initial=0)) + 11, _HASH_BASE, np.uint64)
    powers[0] = 1
    top, duplicate = _count_ngrams(
        data, *tokens, np.cumprod(powers), _compute_table_size(tokens.text_offsets)
    )
    return top, duplicate


def _compute_table_size(places: I64) -> int:
    """The slots of a hash table, a power of two, that has room for the longest text's pieces."""
    return 1 << int(2 * np.diff(places).max(initial=1) + 2).bit_length()


@jit
def _mix_bits(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(32)
    value *= np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> np.uint64(32))


@jit
def _equal_bytes(data: U8, one: int, stop: int, two: int, end: int) -> bool:
    if stop - one != end - two:
        return False
    while one < stop and data[one] == data[two]:
        one, two = one + 1, two + 1
    return one == stop


@jit
def _count_characters(data: U8, begin: int, end: int) -> int:
    count = 0
    for at in range(begin, end):
        count += data[at] & 0xC0 != 0x80
    return count


@jit
def _count_duplicates(data: U8, starts: I64, ends: I64, places: I64, room: int) -> tuple[I64, I64]:
    rows = places.size - 1
    again, characters = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    slots, stamps = np.empty(room, np.int64), np.full(room, -1, np.int64)
    keys = np.empty(room, np.uint64)
    mask = np.uint64(room - 1)
    for row in range(rows):
        if places[row + 1] - places[row] < 2:
            continue
        for piece in range(places[row], places[row + 1]):
            begin, end = starts[piece], ends[piece]
            key = np.uint64(14695981039346656037)
            for place in range(begin, end):
                key = (key ^ np.uint64(data[place])) * np.uint64(1099511628211)
            key = _mix_bits(key)
            at = key & mask
            while stamps[at] == row:
                other = slots[at]
                if keys[at] == key and _equal_bytes(data, begin, end, starts[other], ends[other]):
                    break
                at = (at + np.uint64(1)) & mask
            if stamps[at] == row:
                again[row] += 1
                characters[row] += _count_characters(data, begin, end)
            else:
                stamps[at], slots[at], keys[at] = row, piece, key
    return again, characters


@jit
def _equal_runs(
    data: U8, starts: I64, ends: I64, one: int, two: int, size: int, joined: bool
) -> bool:
    """Whether two runs of ``size`` tokens are equal: token by token, or without the joints."""
    if not joined:
        for step in range(size):
            if not _equal_bytes(
                data, starts[one + step], ends[one + step], starts[two + step], ends[two + step]
            ):
                return False
        return True
    left, right = one + size, two + size
    at, other = starts[one], starts[two]
    while True:
        while one < left and at == ends[one]:
            one += 1
            at = starts[one] if one < left else at
        while two < right and other == ends[two]:
            two += 1
            other = starts[two] if two < right else other
        if one == left or two == right:
            return one == left and two == right
        if data[at] != data[other]:
            return False
        at, other = at + 1, other + 1


@jit
def _count_ngrams(
    data: U8, starts: I64, ends: I64, places: I64, powers: U64, room: int
) -> tuple[I64, I64]:
    rows = places.size - 1
    top, duplicate = np.zeros((3, rows), np.int64), np.zeros((6, rows), np.int64)
    slots, stamps = np.empty(room, np.int64), np.full(room, -1, np.int64)
    keys, counts = np.empty(room, np.uint64), np.empty(room, np.int64)
    # Of the tokens before each one: the hash token by token, the hash of their bytes, how many
    # bytes and how many characters.
    parted, joined = np.zeros(room, np.uint64), np.zeros(room, np.uint64)
    bytes_, characters = np.zeros(room, np.int64), np.zeros(room, np.int64)
    mask = np.uint64(room - 1)
    stamp = 0
    for row in range(rows):
        first = places[row]
        number = places[row + 1] - first
        for token in range(number):
            value, begin, end = np.uint64(0), starts[first + token], ends[first + token]
            for place in range(begin, end):
                value = value * powers[1] + np.uint64(data[place] + np.uint64(1))
            joined[token + 1] = joined[token] * powers[end - begin] + value
            parted[token + 1] = parted[token] * powers[1] + _mix_bits(
                value + np.uint64(end - begin)
            )
            bytes_[token + 1] = bytes_[token] + end - begin
            characters[token + 1] = characters[token] + _count_characters(data, begin, end)
        for size in range(2, 5):
            stamp += 1
            best, most = 0, 0
            for token in range(number - size + 1):
                key = _mix_bits(parted[token + size] - parted[token] * powers[size])
                at = key & mask
                while stamps[at] == stamp:
                    if keys[at] == key and _equal_runs(
                        data, starts, ends, first + slots[at], first + token, size, False
                    ):
                        break
                    at = (at + np.uint64(1)) & mask
                if stamps[at] != stamp:
                    stamps[at], slots[at], keys[at], counts[at] = stamp, token, key, 0
                counts[at] += 1
                # Of equally frequent ones the earliest counts.
                if counts[at] > most or (counts[at] == most and slots[at] < best):
                    best, most = slots[at], counts[at]
            if most:
                chars = characters[best + size] - characters[best] + size - 1
                top[size - 2, row] = most * chars
        for size in range(5, 11):
            stamp += 1
            token = 0
            while token < number - size + 1:
                span = bytes_[token + size] - bytes_[token]
                key = _mix_bits(joined[token + size] - joined[token] * powers[span])
                at = key & mask
                while stamps[at] == stamp:
                    if keys[at] == key and _equal_runs(
                        data, starts, ends, first + slots[at], first + token, size, True
                    ):
                        break
                    at = (at + np.uint64(1)) & mask
                if stamps[at] == stamp:
                    duplicate[size - 5, row] += characters[token + size] - characters[token]
                    token += size
                else:
                    stamps[at], slots[at], keys[at] = stamp, token, key
                    token += 1
    return top, duplicate
