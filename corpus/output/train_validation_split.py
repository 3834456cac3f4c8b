"""Set documents aside for validation so that nothing of them is in the rest.

Documents are tied by an author, a thread and a cluster of near duplicates, and what is tied goes
to one side. So nobody writes on both sides, no answer stands apart from what it answers, and no
near copy of a validation document is trained on. In a network nearly all may be tied together:
the big groups stay in the training set, and validation is drawn from the small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.errors import BuildError
from corpus.partition import connected_components, permutation
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    partition_keys,
    scatter_rows,
    write_part_index,
)
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

SPLITS = ("train", "validation")
_NO_TIME = -(1 << 62)  # the time of what has none
# A group may take up a quarter of the validation set.
_MIN_GROUPS = 4
# A document has about so many names: itself, its author, parent, thread, cluster.
_TIES_PER_DOCUMENT = 4
# The draw is made of 64 bits; groups are counted by the first of them, so that the last one that
# is drawn is found without holding all.
_BINS, _BIN_SHIFT = 1 << 16, 48


def parse_day(name: str) -> int | None:
    """When a day such as 2024-05-01 begins in UTC, in microseconds; None for no day."""
    if not name:
        return None
    return int(datetime.fromisoformat(name).replace(tzinfo=UTC).timestamp()) * 1_000_000


def list_ties(posts: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Rows, and names that they are tied by: what has a name in common belongs together."""
    names = [
        pl.concat_str(pl.lit("p:"), name) for name in _present_columns(posts, _POST_ID_COLUMNS)
    ]
    person = pl.concat_str(pl.lit("a:"), "platform", pl.lit(":"), "author")
    rows = posts.with_row_index("row").select(
        pl.col("row").cast(pl.Int64), pl.concat_list(person, *names).alias("name")
    )
    found = [rows.explode("name")]
    for column, start in (("post_ids", "p:"), ("authors", "a:")):
        if column in posts.columns:
            more = posts.with_row_index("row").select(
                pl.col("row").cast(pl.Int64), "platform", pl.col(column).alias("name")
            )
            more = more.explode("name", empty_as_null=False).drop_nulls("name")
            place = [pl.col("platform"), pl.lit(":")] if column == "authors" else []
            found.append(more.select("row", name=pl.concat_str(pl.lit(start), *place, "name")))
    whole = pl.concat(found).drop_nulls("name").unique(maintain_order=True)
    return whole["row"], whole["name"]


_POST_ID_COLUMNS = ("id", "parent_id", "root_id", "accepted_id", "cluster")


def _present_columns(posts: pl.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in posts.columns]


@dataclass(frozen=True)
class MeasureTies:
    """The task of noting what each document of a part is tied by."""

    posts: Path
    folder: Path

    def __call__(self) -> MeasureTies:
        """Note it unless the receipt is there."""

        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is None:
            known = pl.scan_parquet(self.posts, glob=False).collect_schema()
            wanted = ("platform", "author", "created_at", "post_ids", "authors", *_POST_ID_COLUMNS)
            columns = [name for name in wanted if name in known]
            posts = pl.read_parquet(self.posts, columns=columns, glob=False)
            rows, names = list_ties(posts)
            times = posts["created_at"].dt.timestamp("us").fill_null(_NO_TIME)
            keys = hash_strings(names)
            found = {**partition_keys("names", keys, rows.to_numpy()), "times": times.to_numpy()}
            save_receipt(receipt, {}, array_store.save_arrays(found, self.folder))
        return self


def choose_validation(
    work_dir: Path,
    folders: Sequence[Path],
    counts: Sequence[int],
    share: float,
    seed: int,
    created_after: int | None,
    run: RunTasks,
) -> None:
    """Set aside about ``share`` of all documents, so many in each part; :func:`aside` tells them.

    With ``after``, in microseconds, only of groups that hold nothing older, or without a date.
    Raises BuildError if nothing can be set aside.
    """
    where = write_part_index(work_dir, folders, counts)
    ranges = [LinkTies(work_dir, *cut) for cut in where.key_ranges(_TIES_PER_DOCUMENT)]
    run_tasks(run, ranges, "tying")
    rounds, _ = connected_components.find_components(work_dir, ranges, run, "tying")
    blocks = range(len(where.blocks))
    run_tasks(
        run, [ScatterGroups(work_dir, block, rounds, created_after) for block in blocks], "tying"
    )
    wanted = max(1.0, share * where.row_count)
    groups = [
        SizeGroups(work_dir, block, max(1.0, share * where.row_count / _MIN_GROUPS), seed)
        for block in blocks
    ]
    told = run_tasks(run, groups, "tying")
    last = _find_draw_limit([task.folder for task in groups], wanted)
    if last is None:
        largest = max((row["largest"] for row in told), default=0)
        raise BuildError(
            f"nothing can be set aside for validation: {largest:,} of {where.row_count:,} documents "
            "are tied together by authors, threads or near duplicates, or all groups are too large "
            "or too old; ask for a larger share (output: validation) or an earlier "
            "validation_after"
        )
    run_tasks(run, [DrawGroups(work_dir, block, last) for block in blocks], "tying")


def load_validation_mask(work_dir: Path, part: int) -> NDArray[np.bool_]:
    """Which rows of a part are set aside."""
    where = load_part_index(work_dir)
    begin, end = where.part_offsets[part : part + 2]
    block = where.find_block_of_part(part)
    folders = [DrawGroups(work_dir, at, 0).folder for at in range(len(where.blocks))]
    drawn = gather_rows(folders, "drawn", block)["post"]
    found = np.zeros(end - begin, bool)
    found[drawn[(drawn >= begin) & (drawn < end)] - begin] = True
    return found


def _find_draw_limit(folders: Sequence[Path], wanted: float) -> int | None:
    """Of the groups in the order of the draw, the number of the last whose documents, with those
    of all before it, are no more than ``wanted``; None if the first are too many already."""
    counts = np.zeros(_BINS, np.int64)
    for folder in folders:
        counts += array_store.load_array(folder, "counts")
    before = np.concatenate([[0], np.cumsum(counts)])
    if before[-1] == 0:
        return None
    # All groups of the bins below fit; of this one they are looked at one by one.
    edge = int(np.searchsorted(before[1:], wanted, side="right"))
    if edge < _BINS:
        found = np.concatenate([_load_bin(folder, edge) for folder in folders])
        found = found[np.argsort(found["draw"])]
        fits = before[edge] + np.cumsum(found["size"]) <= wanted
        if fits.any():
            return int(found["draw"][fits][-1])
    return (edge << _BIN_SHIFT) - 1 if before[edge] else None


def _load_bin(folder: Path, draw_bin: int) -> NDArray[Any]:
    """The groups of a block in one bin of the draw."""
    low, high = array_store.load_slice(folder, "group_cuts", draw_bin, draw_bin + 2)
    found: NDArray[Any] = array_store.load_slice(folder, "group", int(low), int(high))
    return found


@dataclass(frozen=True)
class LinkTies(ArrayTask):
    """Tie the documents that have a name in a range of keys in common."""

    work_dir: Path
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where the edges go."""
        return self.work_dir / f"names-{self.low:03d}-{self.high:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Edges, as few as tie them."""
        keys, posts, _ = gather_keys(
            load_part_index(self.work_dir), "names", self.low, self.high, with_second=False
        )
        by_key = np.argsort(keys, kind="stable")
        keys, posts = keys[by_key], posts[by_key]
        same = np.flatnonzero(keys[1:] == keys[:-1])
        return connected_components.scatter_edges(
            self.work_dir, *connected_components.star_edges(posts[same], posts[same + 1])
        ), {}


@dataclass(frozen=True)
class ScatterGroups(ArrayTask):
    """Send the documents of a block to the blocks of their groups' first documents."""

    work_dir: Path
    block: int
    rounds: int
    created_after: int | None

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.work_dir / "grouped" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Each document, its group, and whether it is too old."""
        where = load_part_index(self.work_dir)
        low, high = where.block_rows(self.block)
        group = np.arange(low, high)
        tied, first = connected_components.load_labels(self.work_dir, self.block, self.rounds)
        group[tied - low] = first
        old = np.zeros(high - low, bool)
        if self.created_after is not None:
            old = where.load_block_array("times", self.block) < self.created_after
        found = make_rows(group=group, post=np.arange(low, high), old=old)
        return scatter_rows("row", found, where.find_blocks(group), len(where.blocks)), {}


def _gather_groups(work_dir: Path, block: int) -> NDArray[Any]:
    folders = [
        ScatterGroups(work_dir, at, 0, None).folder
        for at in range(len(load_part_index(work_dir).blocks))
    ]
    return gather_rows(folders, "row", block)


def _draw_keys(groups: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """The place of each group in the draw."""
    return permutation.splitmix64(groups.astype(np.uint64), "validation", seed)


@dataclass(frozen=True)
class SizeGroups(ArrayTask):
    """Count the documents of each group of a block, and order the groups by the draw."""

    work_dir: Path
    block: int
    max_size: float
    seed: int

    @property
    def folder(self) -> Path:
        """Where the groups that may be set aside go."""
        return self.work_dir / "sized" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Their places in the draw and sizes, by bin, and the documents in each bin."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        row = _gather_groups(self.work_dir, self.block)
        sizes = np.bincount(row["group"] - low, minlength=high - low)
        able = (sizes > 0) & (sizes <= self.max_size)
        able[row["group"][row["old"]] - low] = False
        groups = np.flatnonzero(able)
        found = make_rows(
            draw=_draw_keys(groups + low, self.seed), size=sizes[groups], group=groups + low
        )
        which = (found["draw"] >> np.uint64(_BIN_SHIFT)).astype(np.int64)
        counts = np.bincount(which, weights=found["size"], minlength=_BINS).astype(np.int64)
        told = {"largest": int(sizes.max(initial=0))}
        return {**scatter_rows("group", found, which, _BINS), "counts": counts}, told


@dataclass(frozen=True)
class DrawGroups(ArrayTask):
    """Set aside the documents of a block's groups up to the last that is drawn."""

    work_dir: Path
    block: int
    draw_limit: int

    @property
    def folder(self) -> Path:
        """Where they stand, for their blocks."""
        return self.work_dir / "drawn" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The documents."""
        where = load_part_index(self.work_dir)
        low, high = where.block_rows(self.block)
        group = array_store.load_array(SizeGroups(self.work_dir, self.block, 0, 0).folder, "group")
        chosen = np.zeros(high - low, bool)
        chosen[group["group"][group["draw"] <= np.uint64(self.draw_limit)] - low] = True
        row = _gather_groups(self.work_dir, self.block)
        post = row["post"][chosen[row["group"] - low]]
        return scatter_rows(
            "drawn", make_rows(post=post), where.find_blocks(post), len(where.blocks)
        ), {}


@dataclass(frozen=True)
class SplitPart:
    """The task of writing the two sides of a part."""

    posts: Path
    split_dir: Path  # the room where it was decided
    folder: Path
    index: int

    @property
    def receipt(self) -> Path:
        """How many rows there are on each side, and how much text."""
        return self.folder / f"{self.index:06d}.json"

    def side_file(self, split: str) -> Path:
        """Where one side is."""
        return self.folder / f"{self.index:06d}.{split}.parquet"

    def __call__(self) -> SplitPart:
        """Write both unless the receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        posts = pl.read_parquet(self.posts, glob=False)
        chosen = pl.Series(load_validation_mask(self.split_dir, self.index))
        found = {}
        for split, side in (("train", posts.filter(~chosen)), ("validation", posts.filter(chosen))):
            with atomic_write(self.side_file(split)) as temporary:
                side.write_parquet(temporary, compression="zstd", compression_level=1)
            found[split] = [side.height, int(side["text"].str.len_bytes().sum())]
        save_receipt(self.receipt, {"sides": found}, [self.side_file(split) for split in SPLITS])
        return self
