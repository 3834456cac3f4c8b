"""Texts as UTF-8 bytes in one array, and the characters in it, for compiled functions.

Importing this module imports numba, so import it where it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from filters.text.arrays import I64, U8
from filters.text.jit import jit


def encode_texts(texts: pl.Series) -> tuple[U8, I64]:
    """Return the UTF-8 bytes of all texts, joined, and the offset of each text and of the end.

    Text ``i`` is ``data[offsets[i]:offsets[i + 1]]``. No text may be null. Both arrays are
    read-only: numba compiles a function once for arrays of that kind.
    """
    import pyarrow as pa

    array = texts.rechunk().to_arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string())
    _, raw_offsets, data = array.buffers()
    offsets = np.frombuffer(raw_offsets, np.int64, len(array) + 1, array.offset * 8)
    return np.frombuffer(data if data and data.size else b"\0", np.uint8), offsets


@jit
def decode_character(data: U8, position: int) -> tuple[Any, Any]:
    """Return the code point of the character that begins at ``position``, and its size in bytes."""
    first = np.int64(data[position])
    if first < 0x80:
        return first, np.int64(1)
    code, size = first & 31, np.int64(2)
    if first >= 0xF0:
        code, size = first & 7, np.int64(4)
    elif first >= 0xE0:
        code, size = first & 15, np.int64(3)
    for step in range(1, size):
        code = code << 6 | np.int64(data[position + step] & 63)
    return code, size


@jit
def decode_character_before(data: U8, end: int) -> tuple[Any, Any]:
    """Return the code point of the character that ends at ``end``, and its size in bytes."""
    position = end - 1
    while data[position] & 0xC0 == 0x80:
        position -= 1
    return decode_character(data, position)


@jit
def count_characters(data: U8, begin: int, end: int) -> int:
    """Return the number of characters in ``data[begin:end]``."""
    count = 0
    for position in range(begin, end):
        count += data[position] & 0xC0 != 0x80
    return count


@jit
def equal_bytes(
    data: U8, begin: int, end: int, other: U8, other_begin: int, other_end: int
) -> bool:
    """Return whether ``data[begin:end]`` and ``other[other_begin:other_end]`` are the same."""
    if end - begin != other_end - other_begin:
        return False
    while begin < end and data[begin] == other[other_begin]:
        begin, other_begin = begin + 1, other_begin + 1
    return begin == end
