"""Load a fastText model file, or raise an error that says what is wrong, and predict in batches.

A model of ``corpus train`` has a note after its last byte, where fastText does not read: how the
texts were cleaned for the model, and what its scores are worth. A copy of the model file has the
note too.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.text import fasttext_file

#: fastText writes this before each label.
LABEL_PREFIX = "__label__"
# The note is JSON, then its length, then this.
_NOTE_MAGIC = b"corpus-note-1\n"
_NOTE_SIZE = struct.Struct("<q")


def load_model(path: Path) -> Any:
    """Load the model at ``path``.

    Raises FileNotFoundError if there is no file, and ValueError, with the path, if the file is not
    a complete fastText classifier.
    """
    import fasttext

    read_labels(path)
    return fasttext.load_model(str(path))


def read_labels(path: Path) -> list[str]:
    """Return the labels of the model at ``path``, without their prefix; the model is not loaded.

    Raises the same errors as :func:`load_model`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path}")
    try:
        labels = fasttext_file.read_validated_labels(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a usable fastText model: {error}") from error
    return [label.removeprefix(LABEL_PREFIX) for label in labels]


def read_note(path: Path) -> dict[str, Any]:
    """Return the note that ``corpus train`` wrote after the model; empty for any other model.

    Raises ValueError if the note is damaged.
    """
    content, _ = _locate_note(path)
    return content


def write_note(path: Path, content: dict[str, Any]) -> None:
    """Write the note ``content`` after the model at ``path``; an earlier note is replaced."""
    _, model_bytes = _locate_note(path)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    with path.open("r+b") as file:
        file.truncate(model_bytes)
        file.seek(model_bytes)
        file.write(text + _NOTE_SIZE.pack(len(text)) + _NOTE_MAGIC)


def _locate_note(path: Path) -> tuple[dict[str, Any], int]:
    """Return the note, and the size in bytes of the model without it."""
    trailer_bytes = len(_NOTE_MAGIC) + _NOTE_SIZE.size
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - trailer_bytes, 0))
        trailer = file.read()
        if len(trailer) < trailer_bytes or not trailer.endswith(_NOTE_MAGIC):
            return {}, size
        (length,) = _NOTE_SIZE.unpack_from(trailer)
        try:
            file.seek(size - trailer_bytes - length)
            content = json.loads(file.read(length))
        except (OSError, ValueError, RecursionError):
            content = None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: the note at the end of the file is damaged; copy the file again")
    return content, size - trailer_bytes - length


def predict_labels(
    model: Any, lines: list[str], top: int = -1, least: float = 0.0
) -> list[tuple[list[str], NDArray[np.float32]]]:
    """Return for each line its ``top`` labels (-1: all), best first, and their probabilities.

    Labels whose probability is below ``least`` are left out: where labels are a tree, fastText then
    need not look for them.

    A line must not contain a newline. The labels have their prefix.
    """
    # predict() of some versions fails on lists under NumPy 2; the method that it wraps does not.
    # That method needs the newline that ends an example, so a line must contain no other.
    if not lines:
        return []
    labels, probabilities = model.f.multilinePredict(
        [f"{line}\n" for line in lines], top, least, "strict"
    )
    return list(zip(labels, probabilities, strict=True))
