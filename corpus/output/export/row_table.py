"""Write files of rows with an offset for each: the layout that MDS and litdata share.

``uint32`` number of rows; ``uint32`` byte at which each row begins and at which the last one ends;
a header of the format; the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from corpus.output.export.contract import ShardFiles
from corpus.output.export.json_values import encode_rows
from corpus.tasks.files import atomic_write

#: Bytes of rows after which another file begins; the default of both formats.
FILE_BYTES = 1 << 26
_INDEX = "index.json"


class TableFile(NamedTuple):
    """A file that was written: its name, rows and bytes."""

    name: str
    rows: int
    bytes: int


def write_documents(
    folder: Path,
    name: str,
    suffix: str,
    frames: Iterator[pl.DataFrame],
    columns: Sequence[str],
    header: bytes = b"",
) -> ShardFiles:
    """Write the documents of a shard, a row each; the facts are the files for the index."""
    rows = (_join_values(row) for frame in frames for row in encode_rows(frame, columns))
    files = _write_tables(folder, name, suffix, rows, header)
    names = tuple(file.name for file in files)
    return ShardFiles(sum(file.rows for file in files), names, {"files": files})


def list_files(shards: Sequence[ShardFiles]) -> list[TableFile]:
    """Return the files of all shards, in order."""
    return [TableFile(*file) for shard in shards for file in shard.facts["files"]]


def write_index(folder: Path, content: Mapping[str, Any]) -> tuple[str, ...]:
    """Write ``index.json``; return its name."""
    with atomic_write(folder / _INDEX, durable=True) as temporary:
        temporary.write_text(json.dumps(content, sort_keys=True), encoding="utf-8")
    return (_INDEX,)


def _write_tables(
    folder: Path, name: str, suffix: str, rows: Iterator[bytes], header: bytes
) -> list[TableFile]:
    """Write rows to files ``name-0000suffix`` of about :data:`FILE_BYTES`."""
    files: list[TableFile] = []
    pending: list[bytes] = []
    size = 0
    for row in rows:
        if pending and size + len(row) > FILE_BYTES:
            files.append(_write_table(folder, f"{name}-{len(files):04d}{suffix}", pending, header))
            pending, size = [], 0
        pending.append(row)
        size += len(row)
    if pending:
        files.append(_write_table(folder, f"{name}-{len(files):04d}{suffix}", pending, header))
    return files


def _write_table(folder: Path, name: str, rows: list[bytes], header: bytes) -> TableFile:
    begin = 4 + 4 * (len(rows) + 1) + len(header)
    offsets = begin + np.cumsum([0, *map(len, rows)])
    with atomic_write(folder / name, durable=True) as temporary, open(temporary, "wb") as file:
        file.write(np.uint32(len(rows)).astype("<u4").tobytes())
        file.write(offsets.astype("<u4").tobytes())
        file.write(header)
        file.writelines(rows)
    return TableFile(name, len(rows), int(offsets[-1]))


def _join_values(values: tuple[bytes, ...]) -> bytes:
    """Return a row: the ``uint32`` size of each value, then the values."""
    sizes = np.fromiter(map(len, values), "<u4", len(values))
    return sizes.tobytes() + b"".join(values)
