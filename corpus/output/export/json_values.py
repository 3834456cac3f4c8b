"""Give the columns of a document types that JSON has."""

from __future__ import annotations

import io

import polars as pl

#: Times are in UTC: RFC 3339, to the microsecond.
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"


def format_times(documents: pl.DataFrame) -> pl.DataFrame:
    """Return the documents with times as text, such as ``2024-05-16T08:30:00.000000Z``."""
    times = [name for name, dtype in documents.schema.items() if isinstance(dtype, pl.Datetime)]
    return documents.with_columns(pl.col(times).dt.strftime(_TIME_FORMAT)) if times else documents


def format_lines(documents: pl.DataFrame) -> bytes:
    """Return a line of JSON for each document."""
    buffer = io.BytesIO()
    format_times(documents).write_ndjson(buffer)
    return buffer.getvalue()
