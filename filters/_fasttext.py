"""Load a fastText model file, or say what is wrong with it, and predict a batch in one call.

fastText reads a cut file without a complaint and then guesses wildly, or ends the process with
a floating point exception. So the file's own counts are held against its size first.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 793712314
_ARGS = struct.Struct("<12id")
_DICTIONARY = struct.Struct("<iiiqq")
# After a word's closing zero byte: how often it was seen, and whether it is a label.
_ENTRY_TAIL = 9
_CENTROIDS = 256


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
            raise ValueError("it is cut short or damaged")

    def skip_words(self, count: int) -> None:
        for _ in range(count):
            end = self.content.find(b"\0", self.at)
            self.skip(end - self.at + 1 + _ENTRY_TAIL)

    def skip_matrix(self, quantised: bool) -> None:
        if not quantised:
            rows, columns = self.take("<qq")
            self.skip(4 * rows * columns)
            return
        norms, rows, _, codes = self.take("<?qqi")
        self.skip(codes)
        self.skip_quantiser()
        if norms:
            self.skip(rows)
            self.skip_quantiser()

    def skip_quantiser(self) -> None:
        columns, *_ = self.take("<4i")
        self.skip(4 * columns * _CENTROIDS)


def load(path: Path) -> Any:
    """The model at ``path``; a ValueError names the path where it is no whole fastText model."""
    import fasttext

    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    try:
        _check(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a usable fastText model: {error}") from error
    return fasttext.load_model(str(path))


def _check(path: Path) -> None:
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        walk = _Walk(content)
        if walk.take("<ii")[0] != _MAGIC:
            raise ValueError("it does not begin like one")
        walk.skip(_ARGS.size)
        entries, _, _, _, pruned = walk.take(_DICTIONARY.format)
        walk.skip_words(entries)
        walk.skip(8 * max(pruned, 0))
        (quantised,) = walk.take("<?")
        walk.skip_matrix(quantised)
        (quantised_output,) = walk.take("<?")
        walk.skip_matrix(quantised and quantised_output)


def predict(
    model: Any, lines: list[str], top: int = -1
) -> list[tuple[list[str], NDArray[np.float32]]]:
    """For each line its ``top`` labels (-1: all), best first, and their probabilities."""
    # predict() of some versions breaks on lists under NumPy 2; what it wraps does not. It wants
    # the newline that ends an example, which is why a line must hold no other.
    if not lines:
        return []
    labels, probabilities = model.f.multilinePredict(
        [f"{line}\n" for line in lines], top, 0.0, "strict"
    )
    return list(zip(labels, probabilities, strict=True))
