"""Seeded permutations that are the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def permutation(count: int, *key: object) -> NDArray[np.int64]:
    """The numbers below ``count`` in an order that ``key`` alone decides.

    They are sorted by their SplitMix64 hashes: whole numbers only, so that no version of NumPy
    and no processor gives another order. Holds for counts below 2**32.
    """
    bits = np.uint64(max(1, (count - 1).bit_length()))
    numbers = np.arange(count, dtype=np.uint64)
    found = splitmix64(numbers, *key)
    # The number itself in the low bits: it comes along when sorted, and no two are equal.
    found <<= bits
    found |= numbers
    found.sort()
    found &= (np.uint64(1) << bits) - np.uint64(1)
    return found.astype(np.int64)


def splitmix64(numbers: NDArray[np.uint64], *key: object) -> NDArray[np.uint64]:
    """SplitMix64 of each number, from a start that ``key`` decides. No two numbers give one."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    found = numbers + np.uint64(int.from_bytes(digest[:8], "little"))
    found *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found ^= found >> np.uint64(shift)
        found *= np.uint64(factor)
    found ^= found >> np.uint64(31)
    return found
