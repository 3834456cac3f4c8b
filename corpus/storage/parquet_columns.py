"""Read those columns of a Parquet file that it has; its path is never taken for a pattern."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl


def read_schema(path: Path | list[Path]) -> pl.Schema:
    """Return the columns of a file, or of several alike, with their types."""
    return pl.scan_parquet(path, glob=False).collect_schema()


def read_present_columns(path: Path, names: Iterable[str]) -> pl.DataFrame:
    """Read those of the columns ``names`` that a file has, in the order of ``names``."""
    present = read_schema(path)
    return pl.read_parquet(path, columns=[name for name in names if name in present], glob=False)
