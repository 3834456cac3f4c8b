"""Hold a fastText model file to its own counts, before fastText's C++ trusts them.

fastText reads a damaged file without a complaint, and then guesses wildly, or reads beside its own
arrays, or ends the process with a floating point exception. Whatever it uses as a size or as a
place in an array is looked at here; what is left is only how the model weighs a text.

The layout is that of fastText 0.9's ``saveModel``, versions 11 and 12 of the format.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_MAGIC, _VERSIONS, _WITHOUT_SUBWORDS = 793712314, (11, 12), 11
_SUPERVISED, _LOSSES = 3, (1, 2, 3, 4)
_CENTROIDS = 256
# More than fastText's Huffman tree takes for "no count".
_MAX_COUNT = 10**15
_DAMAGED = "it is cut short or damaged"


class _TrainingArgs(NamedTuple):
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


class _FileCursor:
    """A place in a model file that can only move forward, and not past the end."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content = content
        self.position = 0

    def unpack(self, form: str) -> tuple[Any, ...]:
        start = self.position
        self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self.content, start)

    def skip(self, size: int) -> None:
        self.position += size
        if size < 0 or self.position > len(self.content):
            raise ValueError(_DAMAGED)

    def read_flag(self) -> bool:
        (value,) = self.unpack("<B")
        _require(value in (0, 1))
        return bool(value)


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError(_DAMAGED)


def read_validated_labels(path: Path) -> list[str]:
    """The labels as they stand in the file; a ValueError says what is wrong with it."""
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _check_model(_FileCursor(content))


def _check_model(walk: _FileCursor) -> list[str]:
    magic, version = walk.unpack("<ii")
    if magic != _MAGIC:
        raise ValueError("it does not begin like one")
    if version not in _VERSIONS:
        raise ValueError(f"it is of version {version} of the format; this reads {_VERSIONS}")
    args = _TrainingArgs(*walk.unpack("<12id"))
    size, words, count, _, pruned = walk.unpack("<iiiqq")
    if args.model != _SUPERVISED:
        raise ValueError("it holds word vectors and no labels; train it as a classifier")
    if size == words and count == 0:
        raise ValueError("it has no labels")
    _require(words >= 0 and count > 0 and size == words + count)
    _require(args.dim > 0 and args.loss in _LOSSES and args.word_ngrams >= 0)
    _require(args.minn >= 0 and args.maxn >= 0)  # compared as if they had no sign
    longest = 0 if version == _WITHOUT_SUBWORDS else args.maxn
    # A feature's number is its hash modulo the buckets.
    _require(args.bucket > 0 or (args.bucket == 0 and longest <= 0 and args.word_ngrams <= 1))
    found = _read_dictionary(walk, words, count)
    # Without pruning there are -1.
    rows = words + (args.bucket if pruned < 0 else pruned)
    _check_pruning(walk, pruned)
    quantised = walk.read_flag()
    _require(quantised or pruned < 0)
    _check_matrix(walk, quantised, rows, args.dim)
    _check_matrix(walk, walk.read_flag() and quantised, count, args.dim)
    return found


def _read_dictionary(walk: _FileCursor, words: int, count: int) -> list[str]:
    """Pass the words, then the labels, each with how often it was seen; return the labels."""
    found, seen = [], 0
    for number in range(words + count):
        start, end = walk.position, walk.content.find(b"\0", walk.position)
        walk.skip(end - start + 1)
        often, kind = walk.unpack("<qb")
        _require(often >= 0 and kind == (number >= words))
        if kind:
            seen += often
            try:
                found.append(walk.content[start:end].decode("utf-8"))
            except UnicodeDecodeError:
                raise ValueError(_DAMAGED) from None
    # The Huffman tree and the table of negatives are made of how often labels were seen.
    _require(0 < seen < _MAX_COUNT)
    return found


def _check_pruning(walk: _FileCursor, pruned: int) -> None:
    """Pass the pairs that say where the features that are left have gone."""
    start = walk.position
    walk.skip(8 * max(pruned, 0))
    if pruned > 0:
        places = np.frombuffer(walk.content[start : walk.position], np.int32).reshape(-1, 2)[:, 1]
        _require(bool((places >= 0).all() and (places < pruned).all()))


def _check_matrix(walk: _FileCursor, quantised: bool, rows: int, columns: int) -> None:
    norms = walk.read_flag() if quantised else False
    _require(walk.unpack("<qq") == (rows, columns))
    if not quantised:
        walk.skip(4 * rows * columns)
        return
    start = walk.position
    walk.skip(4)
    (codes,) = struct.unpack_from("<i", walk.content, start)
    walk.skip(codes)
    parts = _check_quantizer(walk, columns)
    _require(codes == rows * parts)
    if norms:
        walk.skip(rows)
        _require(_check_quantizer(walk, 1) == 1)


def _check_quantizer(walk: _FileCursor, columns: int) -> int:
    """Pass a product quantiser; into how many parts it cuts a row."""
    dim, parts, wide, last = walk.unpack("<4i")
    _require(dim == columns and wide > 0 and parts == -(-dim // wide))
    _require(last == dim - (parts - 1) * wide)
    walk.skip(4 * dim * _CENTROIDS)
    return int(parts)
