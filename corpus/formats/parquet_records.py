"""Parquet mirrors of JSON-lines dumps: each row becomes the line that it once was.

So a row is judged by the very code that judges a line. What Parquet makes of values is undone
where that is plain: a timestamp is a number of seconds again, a name from a dictionary is text,
bytes that hold UTF-8 are text and other bytes are left out. An integer column that had nulls is
one of floats in many mirrors; its values stay numbers, as 12.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from corpus.formats import dump_input, seekable_file
from corpus.formats.parquet_file import PARQUET_MAGIC, iter_slices, open_parquet
from corpus.readers.contract import (
    Batch,
    BatchBuilder,
    Cursor,
    Decode,
    ReaderConfig,
    decode_line,
)

_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# From here on a number of seconds would pass for one of milliseconds; it is the year 5138.
_MAX_SECONDS = 100_000_000_000
_PLAIN_TYPES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_boolean,
    pa.types.is_null,
)


class _UnreadableRow(Exception):
    """Raised at a row that cannot become a line; its text is the reason."""


def is_parquet(path: str) -> bool:
    """Whether the file begins as Parquet does."""
    with seekable_file.open_seekable(path) as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def read_parquet_lines(
    path: str,
    config: ReaderConfig,
    decode: Decode,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
    columns: Sequence[str] = (),
) -> Iterator[Batch]:
    """Read a Parquet file through ``decode`` as if it were the JSON lines it was made of.

    Rows count from 1 over the file. Only those of ``columns`` that are there are read; if none
    are named, all. A row group that is broken costs the rows from the break to its end, and is
    recorded at the first of them.
    """
    gather = BatchBuilder(platform, part_posts)
    longest = config.max_line_mb << 20
    row = start.row if start else 0
    with dump_input.DumpInput(path) as source:
        size = seekable_file.get_file_size(path)
        table = open_parquet(path)
        if table is None:
            gather.refuse(path, 0, _find_damage(path, size))
            yield gather.build_batch(None, size, source.sha256())
            return
        total = max(table.metadata.num_rows, 1)
        names = table.schema_arrow.names
        wanted = [name for name in dict.fromkeys(names) if not columns or name in columns]
        for piece in iter_slices(table, wanted, row):
            if isinstance(piece, int):  # the rest of this row group cannot be read
                gather.refuse(path, row + 1, "damaged_parquet")
                row = piece
                continue
            for line in _rows_as_json(piece):
                row += 1
                if isinstance(line, _UnreadableRow):
                    gather.refuse(path, row, str(line))
                elif len(line) > longest:
                    gather.refuse(path, row, "line_too_long")
                else:
                    gather.size_bytes += len(line)
                    decode_line(line, decode, gather, path, row)
                if gather.is_full():
                    yield gather.build_batch(Cursor("", row, 0), size * row // total)
        yield gather.build_batch(None, size, source.sha256())


def _find_damage(path: str, size: int) -> str:
    """Whether the end of the file is missing, or is there and cannot be read."""
    with seekable_file.open_seekable(path) as file:
        file.seek(max(size - len(PARQUET_MAGIC), 0))
        whole = size > 2 * len(PARQUET_MAGIC) and file.read() == PARQUET_MAGIC
    return "damaged_parquet" if whole else "truncated_stream"


def _rows_as_json(piece: pa.RecordBatch) -> Iterator[bytes | _UnreadableRow]:
    """Each row as a JSON object, or what is wrong with it."""
    columns: dict[str, pa.Array] = {}
    for name, values in zip(piece.schema.names, piece.columns, strict=True):
        if name not in columns:
            columns[name] = _restore_json_type(values)
    if columns and all(map(_is_plain, columns.values())):
        frame = pl.DataFrame(
            [pl.Series(name, pl.from_arrow(values)) for name, values in columns.items()]
        )
        yield from frame.select(
            pl.struct(pl.all()).struct.json_encode().cast(pl.Binary)
        ).to_series()
    else:
        for at in range(len(piece)):
            try:
                row = {name: _convert_scalar(values[at]) for name, values in columns.items()}
                yield msgspec.json.encode(row, enc_hook=str)
            except _UnreadableRow as spoilt:
                yield spoilt


def _restore_json_type(values: pa.Array) -> pa.Array:
    """A column closer to what JSON had in its place."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_timestamp(values.type):
        return _convert_to_seconds(values)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        try:
            return values.cast(pa.large_string())
        except pa.ArrowInvalid:
            return values  # not all of it is text: each value is looked at by itself
    return values


def _convert_to_seconds(values: pa.Array) -> pa.Array:
    """Moments as seconds since 1970, whole ones if all are; a moment without a zone is UTC's."""
    per_second = _TICKS_PER_SECOND[values.type.unit]
    counts = pl.Series(pl.from_arrow(values.view(pa.int64()))).alias("count")
    whole = not (counts % per_second != 0).any()
    seconds = counts // per_second if whole else counts / per_second
    possible = (seconds > -_MAX_SECONDS) & (seconds < _MAX_SECONDS)
    return seconds.to_frame().select(pl.when(possible).then("count")).to_series().to_arrow()


def _is_plain(values: pa.Array) -> bool:
    """Whether polars writes such a column as JSON, and every text in it is one."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return _is_plain_type(values.type)


def _is_plain_type(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return all(_is_plain_type(field.type) for field in kind)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_plain_type(kind.value_type)
    return any(is_one(kind) for is_one in _PLAIN_TYPES)


def _convert_scalar(scalar: pa.Scalar) -> Any:
    try:
        return _drop_binary(scalar.as_py())
    except UnicodeDecodeError:
        raise _UnreadableRow("invalid_utf8") from None
    except (ValueError, OverflowError):  # a moment outside the calendar
        raise _UnreadableRow("wrong_type") from None


def _drop_binary(value: Any) -> Any:
    """The value without the bytes in it that are no text."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    if isinstance(value, dict):
        return {name: _drop_binary(inner) for name, inner in value.items()}
    return [_drop_binary(inner) for inner in value] if isinstance(value, (list, tuple)) else value
