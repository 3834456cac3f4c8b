"""Permute numbers by a seed, in an order that is the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def permutation(count: int, *key: object) -> NDArray[np.int64]:
    """The numbers below ``count``, which is less than 2**32, in an order that ``key`` decides.

    They are sorted by their SplitMix64 hashes. This uses integers only, so that every version of
    NumPy and every processor gives the same order.
    """
    bits = np.uint64(max(1, (count - 1).bit_length()))
    numbers = np.arange(count, dtype=np.uint64)
    hashes = splitmix64(numbers, *key)
    # The low bits are replaced by the number: it is sorted with its hash, and no two are equal.
    hashes <<= bits
    hashes |= numbers
    hashes.sort()
    hashes &= (np.uint64(1) << bits) - np.uint64(1)
    return hashes.astype(np.int64)


def splitmix64(numbers: NDArray[np.uint64], *key: object) -> NDArray[np.uint64]:
    """The SplitMix64 hash of each number, seeded by ``key``; different numbers differ."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    hashes = numbers + np.uint64(int.from_bytes(digest[:8], "little"))
    hashes *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(31)
    return hashes
