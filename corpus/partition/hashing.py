"""Hash strings to keys, so that equal strings of different parts meet as equal numbers."""

from __future__ import annotations

import numpy as np
import polars as pl

from corpus.tasks.array_store import flatten_strings
from filters.text.arrays import U64


def hash_strings(texts: pl.Series) -> U64:
    """Two independent 64-bit hashes of each string, shape (n, 2); zeros for null."""
    from corpus.partition import key_kernel

    if texts.null_count() == len(texts):
        return np.zeros((len(texts), 2), np.uint64)
    if not texts.has_nulls():
        return key_kernel.hash128(*flatten_strings(texts))
    keys = key_kernel.hash128(*flatten_strings(texts.fill_null("")))
    keys[texts.is_null().to_numpy()] = 0
    return keys
