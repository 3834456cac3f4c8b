"""Count what each file of a finished corpus holds: tasks whose small tables add up over files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from corpus.errors import BuildError
from corpus.report import timeline
from corpus.storage.parquet_columns import read_row_groups, read_schema

#: Columns of which every value is counted.
COUNTED_COLUMNS = ("platform", "kind", "license", "community")
#: Columns with too many values for that: of each shard the largest are counted.
LARGEST_COLUMNS = ("root_id", "_host")
_MAX_LARGEST = 50
_LINK = r"(?i)https?://[\w.-]*\w"
_MAX_PENDING = 64
#: Columns of the tables that are added up; the others are what is counted.
_SUMMED = ("count", "characters", "documents", "over")

#: What is counted, by its name, to its table of counts.
CountTables = Mapping[str, pl.DataFrame]


class HistogramBins(NamedTuple):
    """The bins of a column, and which rows of the ledger were dropped for its threshold.

    Bins include their upper edge where ``side`` is "max" and their lower edge where it is "min",
    so that an edge at the threshold divides the values as the threshold does.
    """

    column: str
    edges: tuple[float, ...]
    side: str
    is_float32: bool  # if so, the threshold was compared as a Float32
    drop_reason: tuple[str, str] | None  # stage and reason


@dataclass(frozen=True)
class CountFile:
    """The task that counts the values of a shard or of a file of the ledger.

    It has one row group in memory, and the values that :data:`LARGEST_COLUMNS` have in the file.

    ``scores`` are the columns whose least and greatest finite value are wanted. Raises
    :class:`~corpus.errors.BuildError` if the file is missing or damaged.
    """

    path: Path
    is_shard: bool
    scores: tuple[str, ...]
    pii: tuple[str, ...] = ()

    def __call__(self) -> tuple[bool, CountTables]:
        """Return whether the file is a shard, and its tables of counts."""
        return self.is_shard, _read_or_fail(self.path, self._count)

    def _count(self) -> dict[str, pl.DataFrame]:
        present = read_schema(self.path)
        wanted = ["lang", *self.scores]
        if self.is_shard:
            wanted += [*COUNTED_COLUMNS, "root_id", "created_at", "text", *self.pii]
        sums = TableSums()
        for rows in read_row_groups(self.path, [name for name in wanted if name in present]):
            sums.add(self._count_rows(rows))
        counts = sums.totals()
        return {
            name: _take_largest(table) if name in LARGEST_COLUMNS else table
            for name, table in counts.items()
        }

    def _count_rows(self, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Return the tables of counts of some rows."""
        scores = [name for name in self.scores if name in rows]
        found = {f"ends {name}": _find_extremes(rows[name]) for name in scores}
        count = pl.len().cast(pl.Int64).alias("count")
        if not self.is_shard:
            if "lang" in rows:
                found["lang"] = rows.drop_nulls("lang").group_by("lang").agg(count)
            return found
        rows = rows.with_columns(_size=pl.col("text").str.len_chars().cast(pl.Int64))
        found |= {name: rows.group_by(name).agg(count) for name in COUNTED_COLUMNS if name in rows}
        if "lang" in rows:
            characters = pl.col("_size").sum().alias("characters")
            found["lang"] = rows.group_by("lang").agg(count, characters)
        found["_host"] = _find_hosts(rows["text"]).group_by("_host").agg(count)
        if "root_id" in rows:
            found["root_id"] = rows.drop_nulls("root_id").group_by("root_id").agg(count)
        found["hours"] = timeline.count_by_hour(rows)
        found["sizes"] = rows.group_by("_size").agg(count)
        found["pii"] = pl.DataFrame(
            {
                "column": self.pii,
                "documents": [int((rows[name] > 0).sum()) for name in self.pii],
                "count": [int(rows[name].cast(pl.Int64).sum()) for name in self.pii],
            },
            schema={"column": pl.String, "documents": pl.Int64, "count": pl.Int64},
        )
        return found


def _find_hosts(texts: pl.Series) -> pl.DataFrame:
    """Return the hosts that the documents link to, each once a document: column ``_host``."""
    hosts = pl.DataFrame({"_hosts": texts.str.extract_all(_LINK).list.unique()})
    links = hosts.with_row_index("_row").explode("_hosts").drop_nulls()
    host = pl.col("_hosts").str.to_lowercase().str.replace(r"^https?://(?:www\.)?", "")
    return links.select("_row", host.alias("_host")).unique().select("_host")


def _take_largest(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the most frequent values of the first column; ties by name."""
    by = ["count", counts.columns[0]]
    return counts.sort(by, descending=[True, False]).head(_MAX_LARGEST)


def _find_extremes(values: pl.Series) -> pl.DataFrame:
    """Return the least and the greatest finite value: columns ``low`` and ``high``, one row."""
    finite = values.filter(values.is_finite()) if values.dtype.is_float() else values
    numbers = finite.cast(pl.Float64)
    schema = {"low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame({"low": [numbers.min()], "high": [numbers.max()]}, schema_overrides=schema)


@dataclass(frozen=True)
class BinFile:
    """The task that counts how many values of a file are in each bin.

    Raises :class:`~corpus.errors.BuildError` if the file is missing or damaged.
    """

    path: Path
    is_shard: bool
    bins: tuple[HistogramBins, ...]

    def __call__(self) -> tuple[bool, CountTables]:
        """Return whether the file is a shard, and a table for each column.

        Its columns: ``bin``; ``own``, whether the posts were dropped for the column's threshold;
        ``count``; and ``over``, how many of the values are beyond the last edge.
        """
        return self.is_shard, _read_or_fail(self.path, self._count)

    def _count(self) -> CountTables:
        present = read_schema(self.path)
        bins = [each for each in self.bins if each.column in present]
        ledger_columns = [] if self.is_shard else ["stage", "reason"]
        sums = TableSums()
        for rows in read_row_groups(self.path, [*ledger_columns, *(each.column for each in bins)]):
            sums.add({each.column: _count_per_bin(rows, each, self.is_shard) for each in bins})
        return sums.totals()


def _count_per_bin(rows: pl.DataFrame, bins: HistogramBins, is_shard: bool) -> pl.DataFrame:
    known = rows[bins.column].is_not_null() & rows[bins.column].cast(pl.Float64).is_not_nan()
    values = rows[bins.column].filter(known).to_numpy()
    dtype = np.float32 if bins.is_float32 else np.float64
    inclusive: Literal["left", "right"] = "left" if bins.side == "max" else "right"
    number = np.searchsorted(np.array(bins.edges[1:-1], dtype), values.astype(dtype), inclusive)
    own = np.zeros(values.size, bool)
    if bins.drop_reason and not is_shard:
        stage, reason = bins.drop_reason
        own = ((rows["stage"] == stage) & (rows["reason"] == reason)).filter(known).to_numpy()
    keys, count = np.unique(number * 2 + own, return_counts=True)
    over = np.bincount(number * 2 + own, values > bins.edges[-1], 2 * len(bins.edges))[keys]
    return pl.DataFrame(
        {"bin": keys // 2, "own": keys % 2 == 1, "count": count, "over": over.astype(np.int64)}
    )


def _read_or_fail(path: Path, count: Callable[[], CountTables]) -> CountTables:
    try:
        return count()
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError):
        raise unreadable_file_error(path) from None


def unreadable_file_error(path: Path) -> BuildError:
    """Return the error for a file that cannot be read."""
    return BuildError(f"'{path}' is missing or damaged; restore it, or build again")


# --------------------------------------------------------------------------- added up


class TableSums:
    """Add up the tables of many files as they come; their order does not matter."""

    def __init__(self) -> None:
        self._pending: dict[str, list[pl.DataFrame]] = {}

    def add(self, tables: CountTables) -> None:
        """Add the tables of one file."""
        for name, table in tables.items():
            pending = self._pending.setdefault(name, [])
            pending.append(table)
            if len(pending) >= _MAX_PENDING:
                self._pending[name] = [_sum(pending)]

    def totals(self) -> CountTables:
        """Return the sums: one table for each name."""
        return {name: _sum(pending) for name, pending in self._pending.items()}


def _sum(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if len(tables) == 1:
        return tables[0]  # no key is in it twice
    whole = pl.concat(tables)
    if "low" in whole.columns:
        return whole.select(pl.col("low").min(), pl.col("high").max())
    summed = [name for name in _SUMMED if name in whole]
    return whole.group_by(pl.exclude(summed)).agg(pl.col(summed).sum()).select(whole.columns)
