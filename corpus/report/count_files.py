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
VALUES = ("platform", "kind", "license", "community")
_AT_ONCE = 64

Tables = Mapping[str, pl.DataFrame]


class Bins(NamedTuple):
    """How the values of one column are placed, and which rows of the ledger are the column's own.

    Bins are open below where ``side`` is "max", so that an edge splits as the threshold does.
    """

    column: str
    edges: tuple[float, ...]
    side: str
    narrow: bool  # the column is a Float32, and beside it a threshold is one too
    own: tuple[str, str] | None  # stage and reason


@dataclass(frozen=True)
class CountFile:
    """The task of counting what a shard or a file of the ledger holds, in one pass.

    ``scores``: the columns of which the least and the greatest finite value are wanted. Raises
    :class:`~corpus.errors.BuildError` if the file is missing or damaged.
    """

    path: Path
    kept: bool
    scores: tuple[str, ...]
    pii: tuple[str, ...] = ()

    def __call__(self) -> tuple[bool, Tables]:
        """Whether it is a shard, and a table of counts a subject."""
        return self.kept, _reading(self.path, self._counted)

    def _counted(self) -> dict[str, pl.DataFrame]:
        file = pl.scan_parquet(self.path, glob=False)
        held = file.collect_schema()
        wanted = ["lang", *self.scores]
        if self.kept:
            wanted += [*VALUES, "created_at", *self.pii]
        columns: list[pl.Expr] = [pl.col(name) for name in wanted if name in held]
        if self.kept:  # the texts themselves need not be held
            columns.append(pl.col("text").str.len_chars().cast(pl.Int64).alias("_size"))
        rows = file.select(columns).collect(engine="streaming")
        scores = [name for name in self.scores if name in held]
        found = {f"ends {name}": _ends(rows[name]) for name in scores}
        count = pl.len().cast(pl.Int64).alias("count")
        if not self.kept:
            if "lang" in held:
                found["lang"] = rows.drop_nulls("lang").group_by("lang").agg(count)
            return found
        found |= {name: rows.group_by(name).agg(count) for name in VALUES if name in held}
        if "lang" in held:
            size = pl.col("_size").sum().alias("characters")
            found["lang"] = rows.group_by("lang").agg(count, size)
        found["hours"] = timeline.hours(rows)
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


def _ends(values: pl.Series) -> pl.DataFrame:
    finite = values.filter(values.is_finite()) if values.dtype.is_float() else values
    ends = finite.cast(pl.Float64)
    return pl.DataFrame({"low": [ends.min()], "high": [ends.max()]}, schema_overrides={
        "low": pl.Float64, "high": pl.Float64})  # fmt: skip


@dataclass(frozen=True)
class PlaceFile:
    """The task of placing the values of one file in bins.

    Raises :class:`~corpus.errors.BuildError` if the file is missing or damaged.
    """

    path: Path
    kept: bool
    bins: tuple[Bins, ...]

    def __call__(self) -> tuple[bool, Tables]:
        """Whether it is a shard, and of each column how many values are in each bin.

        ``over``: how many are beyond the last edge; ``own``: whether they left for its threshold.
        """
        return self.kept, _reading(self.path, self._placed)

    def _placed(self) -> dict[str, pl.DataFrame]:
        held = pl.scan_parquet(self.path, glob=False).collect_schema()
        bins = [each for each in self.bins if each.column in held]
        of = [] if self.kept else ["stage", "reason"]
        rows = pl.read_parquet(
            self.path, columns=[*of, *(each.column for each in bins)], glob=False
        )
        return {each.column: _in_bins(rows, each, self.kept) for each in bins}


def _in_bins(rows: pl.DataFrame, bins: Bins, kept: bool) -> pl.DataFrame:
    known = rows[bins.column].is_not_null() & rows[bins.column].cast(pl.Float64).is_not_nan()
    values = rows[bins.column].filter(known).to_numpy()
    dtype = np.float32 if bins.narrow else np.float64
    how: Literal["left", "right"] = "left" if bins.side == "max" else "right"
    place = np.searchsorted(np.array(bins.edges[1:-1], dtype), values.astype(dtype), how)
    own = np.zeros(values.size, bool)
    if bins.own and not kept:
        left = (rows["stage"] == bins.own[0]) & (rows["reason"] == bins.own[1])
        own = left.filter(known).to_numpy()
    of, count = np.unique(place * 2 + own, return_counts=True)
    over = np.bincount(place * 2 + own, values > bins.edges[-1], 2 * len(bins.edges))[of]
    return pl.DataFrame(
        {"bin": of // 2, "own": of % 2 == 1, "count": count, "over": over.astype(np.int64)}
    )


def _reading(path: Path, count: Callable[[], Tables]) -> Tables:
    try:
        return count()
    except (OSError, pl.exceptions.PolarsError):
        raise unreadable(path) from None


def unreadable(path: Path) -> BuildError:
    """What to say of a file that cannot be read."""
    return BuildError(f"'{path}' is missing or damaged; restore it, or build again")


# --------------------------------------------------------------------------- added up


class Sums:
    """The tables of many files added up as they come; their order does not matter."""

    def __init__(self) -> None:
        self._pending: dict[str, list[pl.DataFrame]] = {}

    def add(self, tables: Tables) -> None:
        """Add those of one file."""
        for name, table in tables.items():
            pending = self._pending.setdefault(name, [])
            pending.append(table)
            if len(pending) >= _AT_ONCE:
                self._pending[name] = [_sum(pending)]

    def all(self) -> Tables:
        """One table a subject."""
        return {name: _sum(pending) for name, pending in self._pending.items()}


def _sum(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    whole = pl.concat(tables)
    if "low" in whole.columns:
        return whole.select(pl.col("low").min(), pl.col("high").max())
    sums = [name for name in ("count", "characters", "documents", "over") if name in whole]
    return whole.group_by(pl.exclude(sums)).agg(pl.col(sums).sum()).select(whole.columns)
