"""Read the rows of a Parquet file in slices of bounded memory, and skip damaged row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.formats.seekable_file import open_seekable
from corpus.storage import filesystem

#: The first four bytes of every Parquet file, and the last four of a complete one.
PARQUET_MAGIC = b"PAR1"

#: What pyarrow raises at damaged data.
PARQUET_ERRORS = (pa.ArrowException, OSError)

_MAX_SLICE_ROWS = 8192
_SLICE_BYTES = 16 << 20
# Column chunks are read through buffers of this size: a row group can be as large as its file.
_BUFFER_BYTES = 1 << 20
_MAX_PADDING_BYTES = 1 << 16


def open_parquet(path: str) -> pq.ParquetFile | None:
    """Open a Parquet file; null if its footer cannot be read or its row counts do not add up.

    Zeros behind the footer are padding.
    """
    try:
        if filesystem.is_url(path):
            table = pq.ParquetFile(filesystem.open_file(path), buffer_size=_BUFFER_BYTES)
        else:
            source = _open_without_padding(path) or path
            table = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES)
    except (*PARQUET_ERRORS, UnicodeDecodeError):  # the latter for a column's name
        return None
    rows = [table.metadata.row_group(at).num_rows for at in range(table.num_row_groups)]
    return table if min(rows, default=0) >= 0 and sum(rows) == table.metadata.num_rows else None


def _open_without_padding(path: str) -> pa.BufferReader | None:
    """Open a file without the zeros behind its footer; null if there are none."""
    with open_seekable(path) as file:
        start = max(0, file.size - _MAX_PADDING_BYTES)
        file.seek(start)
        tail = file.read()
    end = len(tail.rstrip(b"\0"))
    if end == len(tail) or not tail[:end].endswith(PARQUET_MAGIC):
        return None
    with pa.memory_map(path) as mapped:
        return pa.BufferReader(mapped.read_buffer(start + end))


def iter_slices(
    table: pq.ParquetFile, columns: Sequence[str], skip_rows: int
) -> Iterator[pa.RecordBatch | int]:
    """Yield the rows after the first ``skip_rows``, by row group, in slices.

    Where the rest of a row group cannot be read, yields the number of the row after that group.
    """
    group_end = 0
    for group in range(table.num_row_groups):
        size = table.metadata.row_group(group).num_rows
        row, group_end = group_end, group_end + size
        if group_end <= skip_rows:
            continue
        try:
            for piece in table.iter_batches(
                batch_size=_choose_slice_rows(table, group),
                row_groups=[group],
                columns=list(columns),
            ):
                slice_end = row + len(piece)
                if slice_end > skip_rows:
                    yield _decode_dictionaries(piece[max(skip_rows - row, 0) :])
                row = slice_end
        except PARQUET_ERRORS:
            row = -1
        if row < group_end:  # fewer rows than the footer says
            yield group_end


def is_parquet(path: str) -> bool:
    """Return whether the file begins with Parquet's magic bytes."""
    with open_seekable(path) as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def find_damage(path: str, size: int) -> str:
    """Return the reason to refuse an unreadable file: its end is missing, or it is damaged."""
    with open_seekable(path) as file:
        file.seek(max(size - len(PARQUET_MAGIC), 0))
        is_complete = size > 2 * len(PARQUET_MAGIC) and file.read() == PARQUET_MAGIC
    return "damaged_parquet" if is_complete else "truncated_stream"


def _decode_dictionaries(piece: pa.RecordBatch) -> pa.RecordBatch:
    """Replace dictionary-encoded columns by their values."""
    for at, column in enumerate(piece.columns):
        if pa.types.is_dictionary(column.type):
            piece = piece.set_column(at, piece.schema.names[at], column.dictionary_decode())
    return piece


def _choose_slice_rows(table: pq.ParquetFile, group: int) -> int:
    """Return how many rows to read at a time: fewer where rows are long."""
    row_group = table.metadata.row_group(group)
    row_bytes = row_group.total_byte_size // max(row_group.num_rows, 1) + 1
    return int(min(max(_SLICE_BYTES // row_bytes, 1), _MAX_SLICE_ROWS))
