"""Walk the rows of a Parquet file, in slices of bounded memory, around what is broken in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.storage import filesystem

#: The first four bytes of every Parquet file, and the last four of a whole one.
PARQUET_MAGIC = b"PAR1"

#: What pyarrow raises at data that is not as Parquet has it.
PARQUET_ERRORS = (pa.ArrowException, OSError)

_MAX_SLICE_ROWS = 8192
_SLICE_BYTES = 16 << 20
# Column chunks are read through windows of this size: a row group can be as large as its file.
_BUFFER_BYTES = 1 << 20


def open_parquet(path: str) -> pq.ParquetFile | None:
    """The file, or null if there is no footer that can be read and adds up."""
    try:
        source = filesystem.open_file(path) if filesystem.is_url(path) else path
        table = pq.ParquetFile(source, buffer_size=_BUFFER_BYTES)
    except (*PARQUET_ERRORS, UnicodeDecodeError):  # the latter at a column's name
        return None
    rows = [table.metadata.row_group(at).num_rows for at in range(table.num_row_groups)]
    return table if min(rows, default=0) >= 0 and sum(rows) == table.metadata.num_rows else None


def iter_slices(
    table: pq.ParquetFile, columns: Sequence[str], skip_rows: int
) -> Iterator[pa.RecordBatch | int]:
    """The rows after ``skip``, group by group; the row to go on at where a group is broken."""
    begin = 0
    for group in range(table.num_row_groups):
        size = table.metadata.row_group(group).num_rows
        at, begin = begin, begin + size
        if begin <= skip_rows:
            continue
        try:
            for piece in table.iter_batches(
                batch_size=_choose_slice_rows(table, group),
                row_groups=[group],
                columns=list(columns),
            ):
                behind = at + len(piece)
                if behind > skip_rows:
                    yield _decode_dictionaries(piece[max(skip_rows - at, 0) :])
                at = behind
        except PARQUET_ERRORS:
            at = -1
        if at < begin:  # not all rows that the footer counts
            yield begin


def _decode_dictionaries(piece: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with their values in place of numbers into a dictionary."""
    for at, column in enumerate(piece.columns):
        if pa.types.is_dictionary(column.type):
            piece = piece.set_column(at, piece.schema.names[at], column.dictionary_decode())
    return piece


def _choose_slice_rows(table: pq.ParquetFile, group: int) -> int:
    """How many rows at a time: fewer where they are long."""
    found = table.metadata.row_group(group)
    long = found.total_byte_size // max(found.num_rows, 1) + 1
    return int(min(max(_SLICE_BYTES // long, 1), _MAX_SLICE_ROWS))
