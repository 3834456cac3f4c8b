"""Fold the tombstones of all sources, and mark the posts that they withdraw.

A tombstone is a notice that a post, or every post of an author, was deleted or must not be used. A
dump may hold one for every few posts, so no process holds them all: each task folds a range of the
keys, and the result is flat arrays on disk, ordered by key, in which a part's posts are looked up.
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
from corpus.schema import LIFTED_REASONS, REMOVED_TARGETS, WITHDRAWAL_REASONS
from corpus.tasks import array_store
from corpus.tasks.receipts import load_receipt
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

#: Reasons as numbers, the most serious first.
_REASONS = (*WITHDRAWAL_REASONS, "allowed", "undeclared", *LIFTED_REASONS, "suppressed")
_OPTED_OUT, _ALLOWED, _UNDECLARED = map(_REASONS.index, ("opted_out", "allowed", "undeclared"))
#: What an author declares about all of their posts: the last declaration counts.
_DECLARATIONS = (_OPTED_OUT, _ALLOWED, _UNDECLARED)
#: The reasons that lift others, and each reason that they lift, as numbers.
_LIFTS = pl.DataFrame(
    [
        (_REASONS.index(lift), _REASONS.index(reason))
        for lift, reasons in LIFTED_REASONS.items()
        for reason in reasons
    ],
    schema={"reason": pl.UInt8, "lifted": pl.UInt8},
    orient="row",
)
#: What an author's withdrawal of all posts means for the reposts of them by others.
_OF_REPOSTS = [
    number
    for number, name in enumerate(WITHDRAWAL_REASONS)
    if name not in ("superseded", "private")
]
_TARGETS = ("author", "id", *REMOVED_TARGETS)
#: The time of a tombstone without one: later than any post was seen.
_NO_TIME = np.iinfo(np.int64).max
#: The columns of the folded tombstones: the key in two halves, then what it is and what it says.
_COLUMNS = {
    "one": np.uint64,
    "two": np.uint64,
    "target": np.uint8,
    "reason": np.uint8,
    "said_at": np.int64,
}
_LABEL = "folding"


def fold_tombstones(
    work_dir: Path, tombstone_files: Sequence[Path], count: int, run: RunTasks
) -> None:
    """Fold the ``count`` tombstones of some files into ``work_dir``, for :func:`open_tombstones`.

    One is kept of each target and reason, the latest, unless a later one lifts it; and of an
    author's declarations the last.
    """
    ranges = count_ranges(count)
    scattering = [
        ScatterTombstones(work_dir, path, ranges, part) for part, path in enumerate(tombstone_files)
    ]
    run_tasks(run, scattering, _LABEL)
    folding = [FoldTombstones(work_dir, len(scattering), index) for index in range(ranges)]
    total = sum(facts["notices"] for facts in run_tasks(run, folding, _LABEL))
    for name, dtype in _COLUMNS.items():
        if load_receipt(work_dir / f"{name}.json") is None:
            pieces = (array_store.load_array(task.folder, name) for task in folding)
            array_store.save_concatenated(work_dir, name, pieces, dtype, total)
    # An earlier build in this process may have opened arrays that were written anew.
    open_tombstones.cache_clear()


def _scattered_folder(work_dir: Path, part: int) -> Path:
    return work_dir / "scattered" / f"{part:06d}"


@dataclass(frozen=True)
class ScatterTombstones(ArrayTask):
    """The task of scattering the tombstones of the file ``source`` to ``ranges`` of keys."""

    work_dir: Path
    source: Path
    ranges: int
    part: int

    @property
    def folder(self) -> Path:
        """The folder of the scattered rows."""
        return _scattered_folder(self.work_dir, self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """One row of numbers for each tombstone, ordered by range."""
        tombstones = pl.read_parquet(self.source, glob=False)
        keys = hash_strings(tombstones["value"])
        numbers = {name: number for number, name in enumerate(_REASONS)}
        targets = {name: number for number, name in enumerate(_TARGETS)}
        rows = make_rows(
            one=keys[:, 0],
            two=keys[:, 1],
            target=tombstones["target"].replace_strict(targets, return_dtype=pl.UInt8).to_numpy(),
            reason=tombstones["reason"].replace_strict(numbers, return_dtype=pl.UInt8).to_numpy(),
            said_at=tombstones["said_at"].fill_null(_NO_TIME).to_numpy(),
        )
        ranges = (keys[:, 0] >> np.uint64(56)).astype(np.int64) * self.ranges // 256
        return scatter_rows("tombstone", rows, ranges, self.ranges), {}


@dataclass(frozen=True)
class FoldTombstones(ArrayTask):
    """The task of folding the tombstones of range number ``index`` of the keys."""

    work_dir: Path
    file_count: int  # how many files were scattered
    index: int

    @property
    def folder(self) -> Path:
        """The folder of the folded columns."""
        return self.work_dir / "folded" / f"{self.index:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The columns of the folded tombstones, ordered by key, and how many these are."""
        scattered = (_scattered_folder(self.work_dir, part) for part in range(self.file_count))
        rows = gather_rows(scattered, "tombstone", self.index)
        tombstones = pl.DataFrame({name: rows[name] for name in _COLUMNS})
        target = ["one", "two", "target"]
        is_declaration = pl.col("reason").is_in(_DECLARATIONS)
        is_lift = pl.col("reason").is_in(_LIFTS["reason"].unique().to_list())
        # Of a state and its end at the same time the state counts; so does one without a time,
        # which may be the later one.
        lifted = (
            tombstones.filter(is_lift & (pl.col("said_at") < _NO_TIME))
            .join(_LIFTS, on="reason")
            .group_by(*target, reason="lifted")
            .agg(lifted_at=pl.col("said_at").max())
        )
        latest = (
            tombstones.filter(~is_declaration & ~is_lift)
            .group_by(*target, "reason")
            .agg(pl.col("said_at").max())
            .join(lifted, on=[*target, "reason"], how="left")
            .filter((pl.col("said_at") >= pl.col("lifted_at")).fill_null(True))
            .select(tombstones.columns)
        )
        # Of two declarations at the same time, or without one, the refusal counts. One without a
        # time is older than all others.
        time = pl.when(pl.col("said_at") < _NO_TIME).then("said_at")
        last_declaration = (
            tombstones.filter(is_declaration)
            .sort(time, pl.col("reason") == _OPTED_OUT, "reason", nulls_last=False)
            .unique(target, keep="last", maintain_order=True)
            .filter(pl.col("reason") != _UNDECLARED)  # the author has taken the declaration back
            .with_columns(pl.lit(_NO_TIME).alias("said_at"))
        )
        folded = pl.concat([latest, last_declaration]).sort(*target, "reason")
        return {name: folded[name].to_numpy() for name in _COLUMNS}, {"notices": folded.height}


# --------------------------------------------------------------------------- looking up


class TombstoneTable:
    """The folded tombstones as memory-mapped columns: only the pages that are used are read."""

    def __init__(self, folder: Path) -> None:
        self._columns = {name: array_store.map_array(folder, name) for name in _COLUMNS}

    def look_up(self, values: pl.Series, target: str) -> pl.DataFrame:
        """The tombstones of some ``values``: ids, authors or others, as ``target`` says.

        A frame of a row for each match: ``_row``, the index of the value, ``reason``, as a number,
        and ``said_at``.
        """
        row = np.flatnonzero(values.is_not_null().to_numpy())
        keys = hash_strings(values.gather(row))
        order = np.argsort(keys[:, 0])
        row, keys = row[order], keys[order]
        one = self._columns["one"]
        low = np.searchsorted(one, keys[:, 0], "left")
        count = np.searchsorted(one, keys[:, 0], "right") - low
        # One entry for each value and tombstone that share the first half of the key.
        value = np.repeat(np.arange(row.size), count)
        entry = np.arange(value.size) + np.repeat(low - (np.cumsum(count) - count), count)
        is_match = (self._columns["two"][entry] == keys[value, 1]) & (
            self._columns["target"][entry] == _TARGETS.index(target)
        )
        value, entry = value[is_match], entry[is_match]
        return pl.DataFrame(
            {
                "_row": row[value].astype(np.uint32),
                "reason": np.asarray(self._columns["reason"][entry]),
                "said_at": np.asarray(self._columns["said_at"][entry]),
            }
        )


def only_removals(matches: pl.DataFrame) -> pl.DataFrame:
    """Those rows of :meth:`TombstoneTable.look_up` that withdraw a post."""
    return matches.filter(pl.col("reason") != _ALLOWED)


def name_reasons(matches: pl.DataFrame) -> pl.Series:
    """The reasons of the rows of :meth:`TombstoneTable.look_up`, as words."""
    return matches["reason"].replace_strict(dict(enumerate(_REASONS)), return_dtype=pl.String)


@lru_cache(maxsize=2)
def open_tombstones(folder: Path) -> TombstoneTable:
    """The tombstones that were folded into ``folder``, opened once in each process."""
    return TombstoneTable(folder)


def apply_tombstones(posts: pl.DataFrame, tombstones: TombstoneTable) -> pl.DataFrame:
    """Mark the posts that a tombstone names, by id or by author, as withdrawn.

    Returns the frame with ``withdrawn`` and ``consent`` rewritten. A repost has the whole text of
    its original, so it is withdrawn with it, also if the author of the original has withdrawn all
    posts. A tombstone overrides the ``withdrawn`` that the post had when it was collected, and one
    of the very post overrides one of its author.
    """
    is_repost = pl.col("kind") == "repost"
    author = pl.concat_str("platform", pl.lit(":"), "author")
    original_author = pl.concat_str("platform", pl.lit(":"), "original_author")
    for target, key, is_own in (
        ("author", pl.when(is_repost).then(original_author), False),
        ("author", author, True),
        ("id", pl.when(is_repost).then(pl.col("parent_id")), True),
        ("id", pl.col("id"), True),
    ):
        values = posts.select(key.alias("value")).to_series()
        matches = tombstones.look_up(values, target)
        if not is_own:  # what another author declares is not the reposter's consent
            matches = matches.filter(pl.col("reason").is_in(_OF_REPOSTS))
        posts = _mark_withdrawn(posts, matches, is_own=is_own)
    return posts


def _mark_withdrawn(posts: pl.DataFrame, matches: pl.DataFrame, *, is_own: bool) -> pl.DataFrame:
    seen = posts["seen_at"].gather(matches["_row"])
    is_later = ~(seen >= matches["said_at"]).fill_null(False)
    matches = matches.filter(is_later).sort("_row", "reason")
    if not matches.height:
        return posts
    names = dict(enumerate(_REASONS))
    reasons = (
        matches.filter(pl.col("reason") != _ALLOWED)
        .unique("_row", keep="first")
        .select("_row", pl.col("reason").replace_strict(names, default=None).alias("_reason"))
    )
    consent = {_OPTED_OUT: "denied", _ALLOWED: "allowed"}
    declarations = (
        matches.filter(pl.col("reason").is_in(_DECLARATIONS) & is_own)
        .unique("_row", keep="first")
        .select("_row", pl.col("reason").replace_strict(consent, default=None).alias("_consent"))
    )
    columns = posts.columns
    return (
        posts.with_row_index("_row")
        .join(reasons, on="_row", how="left", maintain_order="left")
        .join(declarations, on="_row", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("_reason", "withdrawn").alias("withdrawn"),
            pl.coalesce("_consent", "consent").alias("consent"),
        )
        .select(columns)
    )
