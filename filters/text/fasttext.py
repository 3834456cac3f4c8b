"""Load a fastText model file, or say what is wrong with it, and predict a batch in one call.

A model of ``corpus train`` has a note behind its last byte, where fastText does not look: how texts
were cleaned for it, and what its scores are worth. It cannot be lost on the way.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.text import fasttext_file

LABEL_PREFIX = "__label__"
# The note is JSON, then its length, then this.
_NOTE_MAGIC = b"corpus-note-1\n"
_NOTE_SIZE = struct.Struct("<q")


def load_model(path: Path) -> Any:
    """The model at ``path``; a ValueError names the path where it is no whole fastText model."""
    import fasttext

    read_labels(path)
    return fasttext.load_model(str(path))


def read_labels(path: Path) -> list[str]:
    """The labels of the model at ``path``, bare, without loading it; raises as ``load`` does."""
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    try:
        return [
            label.removeprefix(LABEL_PREFIX) for label in fasttext_file.read_validated_labels(path)
        ]
    except ValueError as error:
        raise ValueError(f"{path} is not a usable fastText model: {error}") from error


def read_note(path: Path) -> dict[str, Any]:
    """What ``corpus train`` has noted behind the model; empty behind any other."""
    found, _ = _locate_note(path)
    return found


def write_note(path: Path, content: dict[str, Any]) -> None:
    """Note ``told`` behind the model at ``path``, in place of what may be noted there."""
    _, size = _locate_note(path)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(text + _NOTE_SIZE.pack(len(text)) + _NOTE_MAGIC)


def _locate_note(path: Path) -> tuple[dict[str, Any], int]:
    """The note, and the size of the model without it."""
    tail = len(_NOTE_MAGIC) + _NOTE_SIZE.size
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - tail, 0))
        end = file.read()
        if len(end) < tail or not end.endswith(_NOTE_MAGIC):
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


def predict_labels(
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
