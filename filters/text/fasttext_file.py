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
_MOST_COUNT = 10**15
_DAMAGED = "it is cut short or damaged"


class _Args(NamedTuple):
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


class _Walk:
    """A place in a model file that can only move forward, and not past the end."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content = content
        self.at = 0

    def take(self, form: str) -> tuple[Any, ...]:
        start = self.at
        self.skip(struct.calcsize(form))
        return struct.unpack_from(form, self.content, start)

    def skip(self, size: int) -> None:
        self.at += size
        if size < 0 or self.at > len(self.content):
            raise ValueError(_DAMAGED)

    def flag(self) -> bool:
        (value,) = self.take("<B")
        _hold(value in (0, 1))
        return bool(value)


def _hold(right: bool) -> None:
    if not right:
        raise ValueError(_DAMAGED)


def labels(path: Path) -> list[str]:
    """The labels as they stand in the file; a ValueError says what is wrong with it."""
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _checked(_Walk(content))


def _checked(walk: _Walk) -> list[str]:
    magic, version = walk.take("<ii")
    if magic != _MAGIC:
        raise ValueError("it does not begin like one")
    if version not in _VERSIONS:
        raise ValueError(f"it is of version {version} of the format; this reads {_VERSIONS}")
    args = _Args(*walk.take("<12id"))
    size, words, count, _, pruned = walk.take("<iiiqq")
    if args.model != _SUPERVISED:
        raise ValueError("it holds word vectors and no labels; train it as a classifier")
    if size == words and count == 0:
        raise ValueError("it has no labels")
    _hold(words >= 0 and count > 0 and size == words + count)
    _hold(args.dim > 0 and args.loss in _LOSSES and args.word_ngrams >= 0)
    _hold(args.minn >= 0 and args.maxn >= 0)  # compared as if they had no sign
    longest = 0 if version == _WITHOUT_SUBWORDS else args.maxn
    # A feature's number is its hash modulo the buckets.
    _hold(args.bucket > 0 or (args.bucket == 0 and longest <= 0 and args.word_ngrams <= 1))
    found = _labels(walk, words, count)
    # Without pruning there are -1.
    rows = words + (args.bucket if pruned < 0 else pruned)
    _pruning(walk, pruned)
    quantised = walk.flag()
    _hold(quantised or pruned < 0)
    _matrix(walk, quantised, rows, args.dim)
    _matrix(walk, walk.flag() and quantised, count, args.dim)
    return found


def _labels(walk: _Walk, words: int, count: int) -> list[str]:
    """Pass the words, then the labels, each with how often it was seen; return the labels."""
    found, seen = [], 0
    for number in range(words + count):
        start, end = walk.at, walk.content.find(b"\0", walk.at)
        walk.skip(end - start + 1)
        often, kind = walk.take("<qb")
        _hold(often >= 0 and kind == (number >= words))
        if kind:
            seen += often
            try:
                found.append(walk.content[start:end].decode("utf-8"))
            except UnicodeDecodeError:
                raise ValueError(_DAMAGED) from None
    # The Huffman tree and the table of negatives are made of how often labels were seen.
    _hold(0 < seen < _MOST_COUNT)
    return found


def _pruning(walk: _Walk, pruned: int) -> None:
    """Pass the pairs that say where the features that are left have gone."""
    start = walk.at
    walk.skip(8 * max(pruned, 0))
    if pruned > 0:
        places = np.frombuffer(walk.content[start : walk.at], np.int32).reshape(-1, 2)[:, 1]
        _hold(bool((places >= 0).all() and (places < pruned).all()))


def _matrix(walk: _Walk, quantised: bool, rows: int, columns: int) -> None:
    norms = walk.flag() if quantised else False
    _hold(walk.take("<qq") == (rows, columns))
    if not quantised:
        walk.skip(4 * rows * columns)
        return
    start = walk.at
    walk.skip(4)
    (codes,) = struct.unpack_from("<i", walk.content, start)
    walk.skip(codes)
    parts = _quantiser(walk, columns)
    _hold(codes == rows * parts)
    if norms:
        walk.skip(rows)
        _hold(_quantiser(walk, 1) == 1)


def _quantiser(walk: _Walk, columns: int) -> int:
    """Pass a product quantiser; into how many parts it cuts a row."""
    dim, parts, wide, last = walk.take("<4i")
    _hold(dim == columns and wide > 0 and parts == -(-dim // wide))
    _hold(last == dim - (parts - 1) * wide)
    walk.skip(4 * dim * _CENTROIDS)
    return int(parts)
