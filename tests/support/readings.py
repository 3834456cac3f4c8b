"""Read a dump with a reader by its name, as a build does."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.readers.contract import Batch, Cursor


def read_dump(
    reader: str,
    path: Path,
    settings: Mapping[str, Any] | None = None,
    part_posts: int = 100,
    start: Cursor | None = None,
) -> list[Batch]:
    """All batches of a file or folder."""
    module = readers.find(reader)
    config = module.Config.model_validate({"path": str(path), **(settings or {})})
    return list(module.read(str(path), config, part_posts, start))


def write_dump(path: Path, data: bytes, member: str = "") -> Path:
    """Write a file, or a zip that has it as its ``member``."""
    if not member:
        path.write_bytes(data)
        return path
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, data)
    return path
