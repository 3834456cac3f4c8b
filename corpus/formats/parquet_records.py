"""Turn the rows of a Parquet mirror back into the JSON lines that it was converted from.

The conversion of values is undone where it is unambiguous: a timestamp becomes a number of seconds,
a dictionary-encoded value its text, and bytes become text if they are UTF-8 and are dropped if not.
In many mirrors an integer column with nulls is a column of floats; its values stay numbers such as
12.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from corpus.formats.byte_source import Refused

_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# The year 5138. A larger number of seconds would be read as milliseconds.
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


def encode_rows(piece: pa.RecordBatch) -> Iterator[bytes | Refused]:
    """Yield each row as a JSON object, or the refusal of a row that cannot be converted."""
    columns: dict[str, pa.Array] = {}
    for name, values in zip(piece.schema.names, piece.columns, strict=True):
        if name not in columns:
            columns[name] = _restore_json_type(values)
    if columns and all(map(_is_plain, columns.values())):
        frame = pl.DataFrame(
            [pl.Series(name, pl.from_arrow(values)) for name, values in columns.items()]
        )
        encoded = pl.struct(pl.all()).struct.json_encode().cast(pl.Binary)
        yield from frame.select(encoded).to_series()
        return
    for index in range(len(piece)):
        try:
            row = {name: _convert_scalar(values[index]) for name, values in columns.items()}
            yield msgspec.json.encode(row, enc_hook=str)
        except Refused as refusal:
            yield refusal


def _restore_json_type(values: pa.Array) -> pa.Array:
    """Convert a column to the type that JSON has in its place."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_timestamp(values.type):
        return _convert_to_seconds(values)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        try:
            return values.cast(pa.large_string())
        except pa.ArrowInvalid:
            return values  # some values are not text: each is converted by itself
    return values


def _convert_to_seconds(values: pa.Array) -> pa.Array:
    """Convert timestamps to seconds since 1970 (UTC), as integers if all are whole seconds."""
    per_second = _TICKS_PER_SECOND[values.type.unit]
    ticks = pl.Series(pl.from_arrow(values.view(pa.int64()))).alias("seconds")
    all_whole = not (ticks % per_second != 0).any()
    seconds = ticks // per_second if all_whole else ticks / per_second
    is_valid = (seconds > -_MAX_SECONDS) & (seconds < _MAX_SECONDS)
    return seconds.to_frame().select(pl.when(is_valid).then("seconds")).to_series().to_arrow()


def _is_plain(values: pa.Array) -> bool:
    """Return whether polars can write the column as JSON and all its texts are valid."""
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
    return any(is_type(kind) for is_type in _PLAIN_TYPES)


def _convert_scalar(scalar: pa.Scalar) -> Any:
    try:
        return _drop_binary(scalar.as_py())
    except UnicodeDecodeError:
        raise Refused("invalid_utf8") from None
    except (ValueError, OverflowError):  # a time outside the calendar
        raise Refused("wrong_type") from None


def _drop_binary(value: Any) -> Any:
    """Decode the bytes within a value as UTF-8, and replace those that are not by null."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    if isinstance(value, dict):
        return {name: _drop_binary(inner) for name, inner in value.items()}
    return [_drop_binary(inner) for inner in value] if isinstance(value, (list, tuple)) else value
