"""Fold what the sources withdraw, and mark the posts it reaches.

A stream of posts may hold a notice of deletion for every few posts, so no process holds them all:
they are folded by tasks of a range of keys, and what is left lies in flat arrays on disk, ordered
by key, in which a part's posts are looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import count_ranges, gather_rows, make_rows, scatter_rows
from corpus.schema import WITHDRAWAL_REASONS
from corpus.tasks import array_store
from corpus.tasks.receipts import load_receipt
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

#: Reasons as numbers, the gravest first.
_REASONS = (*WITHDRAWAL_REASONS, "allowed", "undeclared")
_OPTED_OUT, _ALLOWED, _UNDECLARED = map(_REASONS.index, ("opted_out", "allowed", "undeclared"))
#: What an author declares about all of their posts: the last word counts.
_DECLARATIONS = (_OPTED_OUT, _ALLOWED, _UNDECLARED)
_TARGETS = ("author", "id")
#: When a notice without a time was said: behind all that was ever seen.
_NO_TIME = np.iinfo(np.int64).max
_COLUMNS = {"one": np.uint64, "two": np.uint64, "target": np.uint8, "reason": np.uint8,
            "said_at": np.int64}  # fmt: skip
_STEP_NAME = "folding"


def fold_tombstones(
    work_dir: Path, tombstone_files: Sequence[Path], count: int, run: RunTasks
) -> None:
    """Fold the ``count`` notices in some files into ``room``, where :func:`bury` looks.

    One stays of each target and reason, the one that reaches furthest, and of an author's
    declarations the last.
    """
    ranges = count_ranges(count)
    noting = [
        ScatterTombstones(work_dir, path, ranges, part) for part, path in enumerate(tombstone_files)
    ]
    run_tasks(run, noting, _STEP_NAME)
    folding = [FoldTombstones(work_dir, len(noting), index) for index in range(ranges)]
    left = sum(told["notices"] for told in run_tasks(run, folding, _STEP_NAME))
    for name, dtype in _COLUMNS.items():
        if load_receipt(work_dir / f"{name}.json") is None:
            pieces = (array_store.load_array(task.folder, name) for task in folding)
            array_store.save_concatenated(work_dir, name, pieces, dtype, left)
    open_tombstones.cache_clear()  # an earlier build of this process may have looked into what is mended


def _scattered_folder(work_dir: Path, part: int) -> Path:
    return work_dir / "noted" / f"{part:06d}"


@dataclass(frozen=True)
class ScatterTombstones(ArrayTask):
    """Put the notices of a file into numbers, by range of keys."""

    work_dir: Path
    source: Path
    ranges: int
    part: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return _scattered_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row a notice."""
        told = pl.read_parquet(self.source, glob=False)
        keys = hash_strings(told["value"])
        number = {name: at for at, name in enumerate(_REASONS)}
        found = make_rows(
            one=keys[:, 0],
            two=keys[:, 1],
            target=(told["target"] == "id").cast(pl.UInt8).to_numpy(),
            reason=told["reason"].replace_strict(number, return_dtype=pl.UInt8).to_numpy(),
            said_at=told["said_at"].fill_null(_NO_TIME).to_numpy(),
        )
        to = (keys[:, 0] >> np.uint64(56)).astype(np.int64) * self.ranges // 256
        return scatter_rows("notice", found, to, self.ranges), {}


@dataclass(frozen=True)
class FoldTombstones(ArrayTask):
    """Fold the notices of a range of keys."""

    work_dir: Path
    file_count: int  # files
    index: int

    @property
    def folder(self) -> Path:
        """Where what is left goes."""
        return self.work_dir / "folded" / f"{self.index:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The notices left, ordered by key."""
        noted = (_scattered_folder(self.work_dir, part) for part in range(self.file_count))
        found = gather_rows(noted, "notice", self.index)
        every = pl.DataFrame({name: found[name] for name in _COLUMNS})
        of = ["one", "two", "target"]
        declared = pl.col("reason").is_in(_DECLARATIONS)
        said = every.filter(~declared).group_by(*of, "reason").agg(pl.col("said_at").max())
        # Of two at the same moment, and of two without any, the refusal counts. A word without a
        # time is the first.
        when = pl.when(pl.col("said_at") < _NO_TIME).then("said_at")
        last = (
            every.filter(declared)
            .sort(when, pl.col("reason") == _OPTED_OUT, "reason", nulls_last=False)
            .unique(of, keep="last", maintain_order=True)
            .filter(pl.col("reason") != _UNDECLARED)  # taken back: nothing is said any more
            .with_columns(pl.lit(_NO_TIME).alias("said_at"))
        )
        left = pl.concat([said.select(every.columns), last]).sort(*of, "reason")
        return {name: left[name].to_numpy() for name in _COLUMNS}, {"notices": left.height}


# --------------------------------------------------------------------------- looking up


class TombstoneTable:
    """The folded notices, mapped: only what is touched is read."""

    def __init__(self, folder: Path) -> None:
        self._columns = {name: array_store.map_array(folder, name) for name in _COLUMNS}

    def look_up(self, values: pl.Series, target: str) -> pl.DataFrame:
        """The row of each value that a notice names, with ``reason`` and ``said_at``."""
        row = np.flatnonzero(values.is_not_null().to_numpy())
        keys = hash_strings(values.gather(row))
        order = np.argsort(keys[:, 0])
        row, keys = row[order], keys[order]
        one = self._columns["one"]
        low = np.searchsorted(one, keys[:, 0], "left")
        count = np.searchsorted(one, keys[:, 0], "right") - low
        which = np.repeat(np.arange(row.size), count)
        at = np.arange(which.size) + np.repeat(low - (np.cumsum(count) - count), count)
        named = (self._columns["two"][at] == keys[which, 1]) & (
            self._columns["target"][at] == _TARGETS.index(target)
        )
        which, at = which[named], at[named]
        return pl.DataFrame(
            {
                "_row": row[which].astype(np.uint32),
                "reason": np.asarray(self._columns["reason"][at]),
                "said_at": np.asarray(self._columns["said_at"][at]),
            }
        )


@lru_cache(maxsize=2)
def open_tombstones(folder: Path) -> TombstoneTable:
    """What was folded into ``room``, opened once a process."""
    return TombstoneTable(folder)


def apply_tombstones(posts: pl.DataFrame, tombstones: TombstoneTable) -> pl.DataFrame:
    """Mark the posts that a notice names, by id or by author, as withdrawn.

    A repost carries the whole text of its original, so it goes with it. A notice says more than
    what the post itself had to say when it was collected, and one on the very post most of all.
    """
    author = pl.concat_str("platform", pl.lit(":"), "author")
    original = pl.when(pl.col("kind") == "repost").then(pl.col("parent_id"))
    for target, key in (("author", author), ("id", original), ("id", pl.col("id"))):
        values = posts.select(key.alias("value")).to_series()
        posts = _mark_withdrawn(posts, tombstones.look_up(values, target))
    return posts


def _mark_withdrawn(posts: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    seen = posts["seen_at"].gather(matches["_row"])
    reached = matches.filter(~(seen >= matches["said_at"]).fill_null(False)).sort("_row", "reason")
    if not reached.height:
        return posts
    words = dict(enumerate(_REASONS))
    why = (
        reached.filter(pl.col("reason") != _ALLOWED)
        .unique("_row", keep="first")
        .select("_row", pl.col("reason").replace_strict(words, default=None).alias("_reason"))
    )
    consent = {_OPTED_OUT: "denied", _ALLOWED: "allowed"}
    said = (
        reached.filter(pl.col("reason").is_in(_DECLARATIONS))
        .unique("_row", keep="first")
        .select("_row", pl.col("reason").replace_strict(consent, default=None).alias("_consent"))
    )
    columns = posts.columns
    return (
        posts.with_row_index("_row")
        .join(why, on="_row", how="left", maintain_order="left")
        .join(said, on="_row", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("_reason", "withdrawn").alias("withdrawn"),
            pl.coalesce("_consent", "consent").alias("consent"),
        )
        .select(columns)
    )
