"""Load a fastText model quietly, or say in a sentence why it cannot be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_MAGIC = 793712314  # the first four bytes of every fastText model, little endian


def load(path: Path) -> Any:
    """The model at ``path``; ValueError names a file that is none."""
    import fasttext

    try:
        with open(path, "rb") as file:
            head = file.read(4)
    except OSError as error:
        raise ValueError(f"no fastText model at '{path}': {error.strerror}") from None
    if int.from_bytes(head, "little") != _MAGIC:
        raise ValueError(f"'{path}' is no fastText model (.bin or .ftz)")
    fasttext.FastText.eprint = lambda *_: None  # it warns on every load of something long past
    try:
        return fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError):
        raise ValueError(f"the fastText model '{path}' is damaged; copy it again") from None
