"""Record what a task has written: the receipt names its files, their sizes and checksums."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.errors import BuildError
from corpus.tasks.files import canonical_json, file_crc32, write_json


def save_receipt(path: Path, facts: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """Write and return a receipt: ``facts``, and the size and CRC-32 of each of ``files``.

    Paths of files are relative to the receipt's folder, so that ``work/`` can be moved. The
    receipt has a checksum of itself, so that a changed bit in it is detected.
    """
    named = {
        os.path.relpath(file, path.parent): [file.stat().st_size, file_crc32(file)]
        for file in files
    }
    full = {**facts, "files": named}
    write_json(path, {**full, "check": _receipt_checksum(full)})
    return full


def load_receipt(path: Path) -> dict[str, Any] | None:
    """A receipt if it is valid and all its files exist with their sizes; else None.

    Only the sizes of the files are compared, since this is called often; :func:`is_damaged` reads
    the files.
    """
    try:
        receipt: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        whole = receipt.pop("check") == _receipt_checksum(receipt) and all(
            (path.parent / name).stat().st_size == size
            for name, (size, _) in receipt["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return receipt if whole else None


def require_receipt(path: Path) -> dict[str, Any]:
    """The receipt of a task that is done; BuildError if it or one of its files has vanished."""
    receipt = load_receipt(path)
    if receipt is None:
        raise BuildError(
            f"'{path.parent.name}/{path.name}' or a file that it names vanished or was changed "
            "while the build ran; run again to have it made anew"
        )
    return receipt


def is_damaged(path: Path) -> bool:
    """Whether a receipt or a file that it names has changed since it was written; reads all."""
    receipt = load_receipt(path)
    if receipt is None:
        return True
    try:
        return any(
            file_crc32(path.parent / name) != checksum
            for name, (_, checksum) in receipt["files"].items()
        )
    except OSError:
        return True


def _receipt_checksum(receipt: Mapping[str, Any]) -> int:
    return zlib.crc32(canonical_json(receipt).encode("utf-8"))
