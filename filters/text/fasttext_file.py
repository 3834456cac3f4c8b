"""Validate a fastText model file against its own counts, before fastText's C++ trusts them.

fastText reads a damaged file without an error, and then predicts nonsense, reads outside its
arrays, or ends the process with a floating point exception. This module checks every value that
fastText uses as a size or as an index. It does not check the weights.

The layout is that of fastText 0.9's ``saveModel``, versions 11 and 12 of the format.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

_MAGIC, _VERSIONS, _WITHOUT_SUBWORDS = 793712314, (11, 12), 11
_SUPERVISED, _LOSSES = 3, (1, 2, 3, 4)
CENTROIDS = 256
# fastText's Huffman tree takes a larger count for "no count".
_MAX_COUNT = 10**15
_DAMAGED = "it is cut short or damaged"


class TrainingArgs(NamedTuple):
    """The arguments that a model was trained with, in the order of the file."""

    dim: int
    ws: int
    epoch: int
    min_count: int
    neg: int
    word_ngrams: int
    loss: int
    model: int
    bucket: int
    minn: int
    maxn: int
    lr_update_rate: int
    t: float


class FileCursor:
    """A position in a model file that only moves forward, and never past the end."""

    def __init__(self, content: mmap.mmap | bytes) -> None:
        self.content = content
        self.position = 0

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Return the next values of a ``struct`` form."""
        start = self.position
        self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self.content, start)

    def skip(self, size: int) -> None:
        """Move over bytes; a ValueError if the file ends before."""
        self.position += size
        if size < 0 or self.position > len(self.content):
            raise ValueError(_DAMAGED)

    def read_flag(self) -> bool:
        """Return the next byte, which is 0 or 1."""
        (value,) = self.unpack("<B")
        _require(value in (0, 1))
        return bool(value)

    def read_array(self, dtype: DTypeLike, count: int) -> NDArray[Any]:
        """Return a copy of the next ``count`` numbers."""
        start = self.position
        self.skip(np.dtype(dtype).itemsize * count)
        return np.frombuffer(self.content[start : self.position], dtype).copy()

    def read_entry(self) -> tuple[bytes, int, int]:
        """Return the next word or label, its count, and 1 if it is a label."""
        start, end = self.position, self.content.find(b"\0", self.position)
        self.skip(end - start + 1)
        count, is_label = self.unpack("<qb")
        return self.content[start:end], count, is_label


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError(_DAMAGED)


def read_validated_labels(path: Path) -> list[str]:
    """Return the labels as the file has them; a ValueError says what is wrong with the file."""
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _check_model(FileCursor(content))


def _check_model(cursor: FileCursor) -> list[str]:
    """Check the file from its first byte to its last matrix; return the labels."""
    magic, version = cursor.unpack("<ii")
    if magic != _MAGIC:
        raise ValueError("it does not begin like one")
    if version not in _VERSIONS:
        raise ValueError(f"it is of version {version} of the format; this reads {_VERSIONS}")
    args = TrainingArgs(*cursor.unpack("<12id"))
    entries, words, labels, _, pruned = cursor.unpack("<iiiqq")
    if args.model != _SUPERVISED:
        raise ValueError("it has word vectors and no labels; train it as a classifier")
    if entries == words and labels == 0:
        raise ValueError("it has no labels")
    _require(words >= 0 and labels > 0 and entries == words + labels)
    _require(args.dim > 0 and args.loss in _LOSSES and args.word_ngrams >= 0)
    _require(args.minn >= 0 and args.maxn >= 0)  # fastText compares them as unsigned numbers
    longest_subword = 0 if version == _WITHOUT_SUBWORDS else args.maxn
    # A feature's number is its hash modulo the buckets.
    no_hashed_features = longest_subword <= 0 and args.word_ngrams <= 1
    _require(args.bucket > 0 or (args.bucket == 0 and no_hashed_features))
    names = _read_dictionary(cursor, words, labels)
    # ``pruned`` is -1 in a model without pruning.
    rows = words + (args.bucket if pruned < 0 else pruned)
    _check_pruning(cursor, pruned)
    quantized = cursor.read_flag()
    _require(quantized or pruned < 0)
    _check_matrix(cursor, quantized, rows, args.dim)
    _check_matrix(cursor, cursor.read_flag() and quantized, labels, args.dim)
    return names


def _read_dictionary(cursor: FileCursor, words: int, labels: int) -> list[str]:
    """Read the words, then the labels, each with its count; return the labels."""
    names, total = [], 0
    for number in range(words + labels):
        name, count, is_label = cursor.read_entry()
        _require(count >= 0 and is_label == (number >= words))
        if is_label:
            total += count
            try:
                names.append(name.decode("utf-8"))
            except UnicodeDecodeError:
                raise ValueError(_DAMAGED) from None
    # fastText builds the Huffman tree and the table of negatives from the labels' counts.
    _require(0 < total < _MAX_COUNT)
    return names


def _check_pruning(cursor: FileCursor, pruned: int) -> None:
    """Check the pairs that map each feature that was not pruned to its row."""
    if pruned > 0:
        rows = cursor.read_array(np.int32, 2 * pruned).reshape(-1, 2)[:, 1]
        _require(bool((rows >= 0).all() and (rows < pruned).all()))


def _check_matrix(cursor: FileCursor, quantized: bool, rows: int, columns: int) -> None:
    has_norms = cursor.read_flag() if quantized else False
    _require(cursor.unpack("<qq") == (rows, columns))
    if not quantized:
        cursor.skip(4 * rows * columns)
        return
    start = cursor.position
    cursor.skip(4)
    (codes,) = struct.unpack_from("<i", cursor.content, start)
    cursor.skip(codes)
    parts = _check_quantizer(cursor, columns)
    _require(codes == rows * parts)
    if has_norms:
        cursor.skip(rows)
        _require(_check_quantizer(cursor, 1) == 1)


def _check_quantizer(cursor: FileCursor, columns: int) -> int:
    """Check a product quantizer; return the number of parts that it divides a row into."""
    dim, parts, part_width, last_width = cursor.unpack("<4i")
    _require(dim == columns and part_width > 0 and parts == -(-dim // part_width))
    _require(last_width == dim - (parts - 1) * part_width)
    cursor.skip(4 * dim * CENTROIDS)
    return int(parts)
