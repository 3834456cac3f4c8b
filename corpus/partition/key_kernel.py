"""Hash strings to keys of 128 bits, and order and filter keys; compiled, without the GIL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filters.text.arrays import I64, U8, U32, U64
from filters.text.jit import jit

#: Keys are ordered by their first byte, so that a range of keys is read without the others.
KEY_RANGES = 256


@jit
def mix64(h: np.uint64) -> np.uint64:
    """Mix the bits of a 64-bit number (the finalizer of MurmurHash3)."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    h ^= h >> np.uint64(33)
    return h


@jit
def hash128(data: U8, offsets: I64) -> U64:
    """Two independent 64-bit hashes of each string, as an array of shape (n, 2)."""
    out = np.empty((offsets.size - 1, 2), np.uint64)
    for row in range(offsets.size - 1):
        start, end = offsets[row], offsets[row + 1]
        one, two = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
        position = start
        while position < end:
            word = np.uint64(0)
            for shift in range(min(8, end - position)):
                word |= np.uint64(data[position + shift]) << np.uint64(8 * shift)
            one = mix64(one ^ word) + np.uint64(0x2545F4914F6CDD1D)
            two = mix64(two + word) ^ (two >> np.uint64(7))
            position += 8
        out[row, 0] = mix64(one ^ np.uint64(end - start))
        out[row, 1] = mix64(two + np.uint64(end - start))
    return out


@jit
def partition_by_first_byte(keys: U64) -> tuple[U64, U32, I64]:
    """Order ``keys``, of shape (posts, keys per post), by their first byte.

    Returns the ordered keys, the row of the post of each key, and the offsets of the 256 ranges
    (257 values). The order of keys within a range is that of the posts.
    """
    offsets = np.zeros(KEY_RANGES + 1, np.int64)
    for post in range(keys.shape[0]):
        for column in range(keys.shape[1]):
            offsets[np.int64(keys[post, column] >> np.uint64(56)) + 1] += 1
    for index in range(KEY_RANGES):
        offsets[index + 1] += offsets[index]
    next_free = offsets[:-1].copy()
    out, row_of_key = np.empty(keys.size, np.uint64), np.empty(keys.size, np.uint32)
    for post in range(keys.shape[0]):
        for column in range(keys.shape[1]):
            key = keys[post, column]
            slot = next_free[np.int64(key >> np.uint64(56))]
            next_free[np.int64(key >> np.uint64(56))] += 1
            out[slot], row_of_key[slot] = key, post
    return out, row_of_key, offsets


@jit
def mark_possible_repeats(keys: U64) -> NDArray[np.bool_]:
    """A mask of the keys that may occur more than once: all that do, and a few that do not.

    Most keys occur once, and this finds most of those in two passes, without sorting: keys are
    counted in a hash table of two-bit counters, where different keys may share a counter.
    """
    size = 1 << 10
    while size < 4 * keys.size:
        size <<= 1
    mask = np.uint64(size - 1)
    counters = np.zeros(size, np.uint8)
    for index in range(keys.size):
        slot = np.int64((keys[index] ^ (keys[index] >> np.uint64(29))) & mask)
        if counters[slot] < 2:
            counters[slot] += 1
    repeated = np.empty(keys.size, np.bool_)
    for index in range(keys.size):
        repeated[index] = (
            counters[np.int64((keys[index] ^ (keys[index] >> np.uint64(29))) & mask)] > 1
        )
    return repeated
