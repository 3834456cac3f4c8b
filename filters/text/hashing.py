"""FNV-1a and a final bit mix, for compiled functions that hash bytes, code points or tokens.

Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from filters.text.jit import jit

FNV_OFFSET = np.uint64(14695981039346656037)
FNV_PRIME = np.uint64(1099511628211)
#: 2^64 divided by the golden ratio: a large odd number to multiply hashes by.
GOLDEN_RATIO = 0x9E3779B97F4A7C15
#: The multiplier of the final mix.
MIX_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


@jit
def fnv1a(values: Any, begin: int, end: int, start: np.uint64) -> np.uint64:
    """Hash ``values[begin:end]``, an array of integers, from the hash ``start``."""
    value = start
    for index in range(begin, end):
        value = (value ^ np.uint64(values[index])) * FNV_PRIME
    return value


@jit
def mix_bits(value: np.uint64) -> np.uint64:
    """Spread a hash over all 64 bits: FNV-1a of short input differs in its low bits only."""
    value ^= value >> np.uint64(32)
    value *= MIX_MULTIPLIER
    return value ^ (value >> np.uint64(32))
