"""Write files of rows with an offset for each: the layout that MDS and litdata share.

``uint32`` number of rows; ``uint32`` byte at which each row begins and at which the last one ends;
a header of the format; the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from corpus.tasks.files import atomic_write

#: Bytes of rows after which another file begins; the default of both formats.
FILE_BYTES = 1 << 26


class TableFile(NamedTuple):
    """A file that was written: its name, rows and bytes."""

    name: str
    rows: int
    bytes: int


def write_tables(
    folder: Path, name: str, suffix: str, rows: Iterator[bytes], header: bytes = b""
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


def join_values(values: tuple[bytes, ...]) -> bytes:
    """Return a row: the ``uint32`` size of each value, then the values."""
    sizes = np.fromiter(map(len, values), "<u4", len(values))
    return sizes.tobytes() + b"".join(values)
