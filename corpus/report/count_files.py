"""Count what one file of a finished corpus holds: tasks, whose small results add up over files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from corpus.errors import BuildError
from corpus.report import timeline

#: Columns whose values are counted.
COUNTED_COLUMNS = ("platform", "kind", "license", "community")
_MAX_PENDING = 64

CountTables = Mapping[str, pl.DataFrame]


class HistogramBins(NamedTuple):
    """How the values of one column are placed, and which rows of the ledger are the column's own.

    Bins are open below where ``side`` is "max", so that an edge splits as the threshold does.
    """

    column: str
    edges: tuple[float, ...]
    side: str
    is_float32: bool  # the column is a Float32, and beside it a threshold is one too
    drop_reason: tuple[str, str] | None  # stage and reason


@dataclass(frozen=True)
class CountFile:
    """The task of counting what a shard or a file of the ledger holds, in one pass.

    ``scores``: the columns of which the least and the greatest finite value are wanted. Raises
    :class:`~corpus.errors.BuildError` if the file is missing or damaged.
    """

    path: Path
    is_shard: bool
    scores: tuple[str, ...]
    pii: tuple[str, ...] = ()

    def __call__(self) -> tuple[bool, CountTables]:
        """Whether it is a shard, and a table of counts a subject."""
        return self.is_shard, _read_or_fail(self.path, self._count)

    def _count(self) -> dict[str, pl.DataFrame]:
        file = pl.scan_parquet(self.path, glob=False)
        held = file.collect_schema()
        wanted = ["lang", *self.scores]
        if self.is_shard:
            wanted += [*COUNTED_COLUMNS, "created_at", *self.pii]
        columns: list[pl.Expr] = [pl.col(name) for name in wanted if name in held]
        if self.is_shard:  # the texts themselves need not be held
            columns.append(pl.col("text").str.len_chars().cast(pl.Int64).alias("_size"))
        rows = file.select(columns).collect(engine="streaming")
        scores = [name for name in self.scores if name in held]
        found = {f"ends {name}": _find_extremes(rows[name]) for name in scores}
        count = pl.len().cast(pl.Int64).alias("count")
        if not self.is_shard:
            if "lang" in held:
                found["lang"] = rows.drop_nulls("lang").group_by("lang").agg(count)
            return found
        found |= {name: rows.group_by(name).agg(count) for name in COUNTED_COLUMNS if name in held}
        if "lang" in held:
            size = pl.col("_size").sum().alias("characters")
            found["lang"] = rows.group_by("lang").agg(count, size)
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


def _find_extremes(values: pl.Series) -> pl.DataFrame:
    finite = values.filter(values.is_finite()) if values.dtype.is_float() else values
    ends = finite.cast(pl.Float64)
    return pl.DataFrame({"low": [ends.min()], "high": [ends.max()]}, schema_overrides={
        "low": pl.Float64, "high": pl.Float64})  # fmt: skip


@dataclass(frozen=True)
class BinFile:
    """The task of placing the values of one file in bins.

    Raises :class:`~corpus.errors.BuildError` if the file is missing or damaged.
    """

    path: Path
    is_shard: bool
    bins: tuple[HistogramBins, ...]

    def __call__(self) -> tuple[bool, CountTables]:
        """Whether it is a shard, and of each column how many values are in each bin.

        ``over``: how many are beyond the last edge; ``own``: whether they left for its threshold.
        """
        return self.is_shard, _read_or_fail(self.path, self._count)

    def _count(self) -> dict[str, pl.DataFrame]:
        held = pl.scan_parquet(self.path, glob=False).collect_schema()
        bins = [each for each in self.bins if each.column in held]
        of = [] if self.is_shard else ["stage", "reason"]
        rows = pl.read_parquet(
            self.path, columns=[*of, *(each.column for each in bins)], glob=False
        )
        return {each.column: _count_per_bin(rows, each, self.is_shard) for each in bins}


def _count_per_bin(rows: pl.DataFrame, bins: HistogramBins, kept: bool) -> pl.DataFrame:
    known = rows[bins.column].is_not_null() & rows[bins.column].cast(pl.Float64).is_not_nan()
    values = rows[bins.column].filter(known).to_numpy()
    dtype = np.float32 if bins.is_float32 else np.float64
    how: Literal["left", "right"] = "left" if bins.side == "max" else "right"
    place = np.searchsorted(np.array(bins.edges[1:-1], dtype), values.astype(dtype), how)
    own = np.zeros(values.size, bool)
    if bins.drop_reason and not kept:
        left = (rows["stage"] == bins.drop_reason[0]) & (rows["reason"] == bins.drop_reason[1])
        own = left.filter(known).to_numpy()
    of, count = np.unique(place * 2 + own, return_counts=True)
    over = np.bincount(place * 2 + own, values > bins.edges[-1], 2 * len(bins.edges))[of]
    return pl.DataFrame(
        {"bin": of // 2, "own": of % 2 == 1, "count": count, "over": over.astype(np.int64)}
    )


def _read_or_fail(path: Path, count: Callable[[], CountTables]) -> CountTables:
    try:
        return count()
    except (OSError, pl.exceptions.PolarsError):
        raise unreadable_file_error(path) from None


def unreadable_file_error(path: Path) -> BuildError:
    """What to say of a file that cannot be read."""
    return BuildError(f"'{path}' is missing or damaged; restore it, or build again")


# --------------------------------------------------------------------------- added up


class TableSums:
    """The tables of many files added up as they come; their order does not matter."""

    def __init__(self) -> None:
        self._pending: dict[str, list[pl.DataFrame]] = {}

    def add(self, tables: CountTables) -> None:
        """Add those of one file."""
        for name, table in tables.items():
            pending = self._pending.setdefault(name, [])
            pending.append(table)
            if len(pending) >= _MAX_PENDING:
                self._pending[name] = [_sum(pending)]

    def totals(self) -> CountTables:
        """One table a subject."""
        return {name: _sum(pending) for name, pending in self._pending.items()}


def _sum(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    whole = pl.concat(tables)
    if "low" in whole.columns:
        return whole.select(pl.col("low").min(), pl.col("high").max())
    sums = [name for name in ("count", "characters", "documents", "over") if name in whole]
    return whole.group_by(pl.exclude(sums)).agg(pl.col(sums).sum()).select(whole.columns)
