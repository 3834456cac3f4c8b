"""Find which of the posts that dedup saw reached the shards: what its index is to hold.

Where nothing made other rows of the posts behind dedup, a part's posts are still in the part of
the same number. ``conversations`` puts them into documents of threads, wherever those lie; then
the ids meet by range of keys, and each block is told which of its posts are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.conversations.documents import COUNTED_POSTS
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
from corpus.stages import MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

_PROGRESS_LABEL = "indexing"


class RowRun(NamedTuple):
    """The rows of a part that are left: a run of the array ``rows`` in ``folder``."""

    folder: Path
    low: int
    high: int


def find_indexed_rows(
    work_dir: Path,
    measured_parts: Sequence[MeasuredPart],
    final_parts: Sequence[Path],
    run: RunTasks,
) -> list[RowRun]:
    """The rows of each part that ``parts``, the posts behind the last stage, still hold."""
    if _has_documents(final_parts) == _has_documents([part.posts for part in measured_parts]):
        tasks = [
            FindRowsInPart(work_dir, part.posts, part.verdict, left, index)
            for index, (part, left) in enumerate(zip(measured_parts, final_parts, strict=True))
        ]
        told = run_tasks(run, tasks, _PROGRESS_LABEL)
        return [
            RowRun(task.folder, 0, each["rows"]) for task, each in zip(tasks, told, strict=True)
        ]
    stay = [
        PartitionKeptIds(work_dir, part.posts, part.verdict, index)
        for index, part in enumerate(measured_parts)
    ]
    where = write_part_index(
        work_dir,
        [t.folder for t in stay],
        [t["posts"] for t in run_tasks(run, stay, _PROGRESS_LABEL)],
    )
    held = [
        PartitionDocumentIds(work_dir / "documents", path, index)
        for index, path in enumerate(final_parts)
    ]
    write_part_index(
        work_dir / "documents",
        [t.folder for t in held],
        [t["posts"] for t in run_tasks(run, held, _PROGRESS_LABEL)],
    )
    meeting = [FindRowsInRange(work_dir, *cut) for cut in where.key_ranges()]
    run_tasks(run, meeting, _PROGRESS_LABEL)
    folders = tuple(task.folder for task in meeting)
    blocks = [CollectBlockRows(work_dir, folders, block) for block in range(len(where.blocks))]
    run_tasks(run, blocks, _PROGRESS_LABEL)
    found = []
    for task, (low, high) in zip(blocks, where.blocks, strict=True):
        cuts = array_store.load_array(task.folder, "cuts")
        found += [RowRun(task.folder, *cuts[at : at + 2].tolist()) for at in range(high - low)]
    return found


def _has_documents(parts: Sequence[Path]) -> bool:
    return any(
        COUNTED_POSTS in pl.scan_parquet(path, glob=False).collect_schema() for path in parts[:1]
    )


def _read_column(path: Path, column: str = "id") -> pl.Series:
    return pl.read_parquet(path, columns=[column], glob=False)[column]


def _mark_kept(verdict: Path) -> NDArray[np.bool_]:
    # A post that was there twice has the id of one that stays.
    found: NDArray[np.bool_] = _read_column(verdict, "reject").is_null().to_numpy()
    return found


@dataclass(frozen=True)
class FindRowsInPart(ArrayTask):
    """Find the posts of a part in what is left of it."""

    work_dir: Path
    posts: Path
    verdict: Path
    final_posts: Path
    part: int

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.work_dir / "kept" / f"{self.part:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        ids, left = (
            hash_strings(_read_column(self.posts))[:, 0],
            hash_strings(_read_column(self.final_posts))[:, 0],
        )
        found = np.flatnonzero(np.isin(ids, left) & _mark_kept(self.verdict))
        return {"rows": found}, {"rows": found.size}


# --------------------------------------------------------------------------- behind documents


@dataclass(frozen=True)
class PartitionKeptIds(ArrayTask):
    """Note the ids of the posts of a part that dedup lets stay."""

    work_dir: Path
    posts: Path
    verdict: Path
    part: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.work_dir / "stay" / f"{self.part:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Their keys, by range."""
        ids = _read_column(self.posts)
        stays = np.flatnonzero(_mark_kept(self.verdict))
        return partition_keys("ids", hash_strings(ids.gather(stays)), stays), {"posts": len(ids)}


@dataclass(frozen=True)
class PartitionDocumentIds(ArrayTask):
    """Note the ids of the posts in a bucket's documents."""

    work_dir: Path
    documents: Path
    bucket: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.work_dir / f"{self.bucket:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Their keys, by range."""
        ids = _read_column(self.documents, "post_ids").explode(empty_as_null=False).drop_nulls()
        return partition_keys("ids", hash_strings(ids)), {"posts": len(ids)}


@dataclass(frozen=True)
class FindRowsInRange(ArrayTask):
    """Find the posts of a range of keys that are in a document."""

    work_dir: Path
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where their places go."""
        return self.work_dir / f"meet-{self.low:03d}-{self.high:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Their places, for the blocks they are of."""
        where = load_part_index(self.work_dir)
        keys, posts, _ = gather_keys(where, "ids", self.low, self.high, with_second=False)
        held, _, _ = gather_keys(
            load_part_index(self.work_dir / "documents"),
            "ids",
            self.low,
            self.high,
            with_second=False,
        )
        left = posts[np.isin(keys, held)]
        return scatter_rows(
            "post", make_rows(post=left), where.find_blocks(left), len(where.blocks)
        ), {}


@dataclass(frozen=True)
class CollectBlockRows(ArrayTask):
    """Put the posts of a block that are left in order, a part after the other."""

    work_dir: Path
    range_folders: tuple[Path, ...]
    block: int

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.work_dir / "left" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Rows within their parts, and where each part's begin."""
        where = load_part_index(self.work_dir)
        low, high = where.blocks[self.block]
        posts = np.sort(gather_rows(self.range_folders, "post", self.block)["post"])
        cuts = np.searchsorted(posts, where.part_offsets[low : high + 1])
        begins = np.repeat(where.part_offsets[low:high], np.diff(cuts))
        return {"rows": posts - begins, "cuts": cuts}, {}
