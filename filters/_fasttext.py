"""Load a fastText model file, or say what is wrong with it, and predict a batch in one call.

fastText reads a cut file without a complaint and then guesses wildly, or ends the process with
a floating point exception. So the file's own counts are held against its size first.

A model of ``corpus train`` has a note behind its last byte, where fastText does not look: how texts
were cleaned for it, and what its scores are worth. It cannot be lost on the way.
"""

from __future__ import annotations

import json
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 793712314
_ARGS = struct.Struct("<12id")
_DICTIONARY = struct.Struct("<iiiqq")
# After a word's closing zero byte: how often it was seen, and last whether it is a label.
_ENTRY_TAIL = 9
_CENTROIDS = 256
_SUPERVISED = 3
_LABEL = "__label__"
# The note is JSON, then its length, then this.
_NOTE_MARK = b"corpus-note-1\n"
_NOTE_SIZE = struct.Struct("<q")


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

    def take_labels(self, count: int) -> list[str]:
        """Pass ``count`` words and labels; return the labels."""
        found = []
        for _ in range(count):
            start, end = self.at, self.content.find(b"\0", self.at)
            self.skip(end - start + 1 + _ENTRY_TAIL)
            if self.content[self.at - 1]:
                found.append(self.content[start:end].decode("utf-8", "replace"))
        return found

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

    labels(path)
    return fasttext.load_model(str(path))


def labels(path: Path) -> list[str]:
    """The labels of the model at ``path``, bare, without loading it; raises as ``load`` does."""
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    try:
        return [label.removeprefix(_LABEL) for label in _checked(path)]
    except ValueError as error:
        raise ValueError(f"{path} is not a usable fastText model: {error}") from error


def note(path: Path) -> dict[str, Any]:
    """What ``corpus train`` has noted behind the model; empty behind any other."""
    found, _ = _noted(path)
    return found


def set_note(path: Path, told: dict[str, Any]) -> None:
    """Note ``told`` behind the model at ``path``, in place of what may be noted there."""
    _, size = _noted(path)
    text = json.dumps(told, sort_keys=True, ensure_ascii=False).encode()
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(text + _NOTE_SIZE.pack(len(text)) + _NOTE_MARK)


def _noted(path: Path) -> tuple[dict[str, Any], int]:
    """The note, and the size of the model without it."""
    tail = len(_NOTE_MARK) + _NOTE_SIZE.size
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - tail, 0))
        end = file.read()
        if len(end) < tail or not end.endswith(_NOTE_MARK):
            return {}, size
        (length,) = _NOTE_SIZE.unpack_from(end)
        try:
            file.seek(size - tail - length)
            found = json.loads(file.read(length))
        except (OSError, ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: the note behind the model is damaged; copy the file again")
    return found, size - tail - length


def _checked(path: Path) -> list[str]:
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        walk = _Walk(content)
        if walk.take("<ii")[0] != _MAGIC:
            raise ValueError("it does not begin like one")
        kind = walk.take(_ARGS.format)[7]
        entries, _, _, _, pruned = walk.take(_DICTIONARY.format)
        if kind != _SUPERVISED:
            raise ValueError("it holds word vectors and no labels; train it as a classifier")
        found = walk.take_labels(entries)
        if not found:
            raise ValueError("it has no labels")
        walk.skip(8 * max(pruned, 0))
        (quantised,) = walk.take("<?")
        walk.skip_matrix(quantised)
        (quantised_output,) = walk.take("<?")
        walk.skip_matrix(quantised and quantised_output)
    return found


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
