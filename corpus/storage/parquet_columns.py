"""Read columns or row groups of a Parquet file, and write frames to one as they come.

A path is never taken for a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow.parquet as pq
from polars.io.plugins import register_io_source


def read_schema(path: Path | list[Path]) -> pl.Schema:
    """Return the columns of a file, or of several alike, with their types."""
    return pl.scan_parquet(path, glob=False).collect_schema()


def read_present_columns(path: Path, names: Iterable[str]) -> pl.DataFrame:
    """Read those of the columns ``names`` that a file has, in the order of ``names``."""
    present = read_schema(path)
    return pl.read_parquet(path, columns=[name for name in names if name in present], glob=False)


def read_row_groups(
    source: Path | BinaryIO, columns: Sequence[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file, one row group at a time: a file may be larger than the memory.

    ``columns`` are those wanted, all by default. Yields an empty frame if there are no row groups.
    """
    with pq.ParquetFile(source) as file:
        names = file.schema_arrow.names if columns is None else list(columns)
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=names, use_threads=False)
            yield pl.DataFrame(table).select(names)
        if not file.num_row_groups:
            yield pl.DataFrame(file.schema_arrow.empty_table()).select(names)


def write_frames(
    target: Path | BinaryIO,
    frames: Iterable[pl.DataFrame],
    schema: Mapping[str, pl.DataType],
    row_group_rows: int,
) -> None:
    """Write the rows of ``frames`` in row groups of ``row_group_rows``, with one of them in memory.

    The bytes are those of ``write_parquet`` of all rows, compressed with zstd. An error that
    ``frames`` raises passes through.
    """
    errors: list[BaseException] = []

    def generate(*_: Any) -> Iterator[pl.DataFrame]:
        try:
            yield from frames
        except BaseException as error:
            errors.append(error)
            raise

    rows = register_io_source(generate, schema=schema, is_pure=True)
    try:
        rows.sink_parquet(
            target, compression="zstd", row_group_size=row_group_rows, maintain_order=True
        )
    except pl.exceptions.PolarsError:  # polars gives an error of a generator another type
        if errors:
            raise errors[0] from None
        raise
