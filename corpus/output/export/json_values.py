"""Give the columns of a document types that JSON has."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

#: Times are in UTC: RFC 3339, to the microsecond.
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"
#: The columns that are text in every document.
TEXT_COLUMNS = ("text", "id")


def format_values(documents: pl.DataFrame) -> pl.DataFrame:
    """Return the documents with times as text, such as ``2024-05-16T08:30:00.000000Z``.

    Numbers that JSON does not have (not a number, infinite) are null.
    """
    schema = documents.schema
    times = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime)]
    floats = [name for name, dtype in schema.items() if dtype.is_float()]
    return documents.with_columns(
        *(pl.col(name).dt.strftime(_TIME_FORMAT) for name in times),
        *(pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in floats),
    )


def format_lines(documents: pl.DataFrame) -> bytes:
    """Return a line of JSON for each document."""
    buffer = io.BytesIO()
    format_values(documents).write_ndjson(buffer)
    return buffer.getvalue()


def encode_rows(documents: pl.DataFrame, columns: Sequence[str]) -> Iterator[tuple[bytes, ...]]:
    """Yield the values of each document: UTF-8 of its texts, and JSON of all other columns."""
    values = format_values(documents.select(columns))
    encoded = [
        [text.encode() for text in values[name]]
        if name in TEXT_COLUMNS
        else list(map(encode_json, values[name].to_list()))
        for name in columns
    ]
    yield from zip(*encoded, strict=True)


def encode_json(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
