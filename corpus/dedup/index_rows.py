"""Find the rows of the posts that dedup has seen and that reached the shards: those of the index.

Without documents, a part of the last stage has the kept posts of the part with the same number.
With ``conversations`` the posts are in documents of threads, in any part; then the ids of kept
posts and those in documents are compared by key range, and each block collects its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    partition_keys,
    write_part_index,
)
from corpus.schema import COUNTED_POSTS
from corpus.stages import MeasuredPart
from corpus.storage.parquet_columns import read_schema
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, numbered_folder, run_tasks

_LABEL = "indexing"


class RowRun(NamedTuple):
    """Rows of a part: the entries ``low`` to ``high`` of the array ``rows`` in ``folder``."""

    folder: Path
    low: int
    high: int

    def load(self) -> NDArray[np.int64]:
        """Read the rows."""
        rows: NDArray[np.int64] = array_store.load_slice(self.folder, "rows", self.low, self.high)
        return rows

    def slice(self, low: int, high: int) -> RowRun:
        """The entries ``low`` to ``high`` of these rows."""
        return RowRun(self.folder, self.low + low, self.low + high)


def find_indexed_rows(
    work_dir: Path,
    measured_parts: Sequence[MeasuredPart],
    final_parts: Sequence[Path],
    run: RunTasks,
    turn_reasons: tuple[str, ...] = (),
) -> list[RowRun]:
    """The rows of each part of dedup that are in ``final_parts``, the output of the last stage.

    Posts with one of ``turn_reasons`` may be in documents too.
    """
    if has_same_rows(measured_parts, final_parts):
        comparing = [
            FindRowsInPart(work_dir, part.posts, part.verdict, final_posts, number)
            for number, (part, final_posts) in enumerate(
                zip(measured_parts, final_parts, strict=True)
            )
        ]
        facts = run_tasks(run, comparing, _LABEL)
        return [
            RowRun(task.folder, 0, row["rows"]) for task, row in zip(comparing, facts, strict=True)
        ]
    return _find_rows_in_documents(work_dir, measured_parts, final_parts, run, turn_reasons)


def has_same_rows(measured_parts: Sequence[MeasuredPart], final_parts: Sequence[Path]) -> bool:
    """Whether a part of the last stage has kept posts of the part of dedup of the same number."""
    return _has_documents(final_parts) == _has_documents([part.posts for part in measured_parts])


def _find_rows_in_documents(
    work_dir: Path,
    measured_parts: Sequence[MeasuredPart],
    documents: Sequence[Path],
    run: RunTasks,
    turn_reasons: tuple[str, ...],
) -> list[RowRun]:
    """The rows of each part that are in a document."""
    kept = [
        PartitionKeptIds(work_dir, part.posts, part.verdict, number, turn_reasons)
        for number, part in enumerate(measured_parts)
    ]
    counts = [facts["posts"] for facts in run_tasks(run, kept, _LABEL)]
    parts = write_part_index(work_dir, [task.folder for task in kept], counts)
    documents_dir = work_dir / "documents"
    contained = [
        PartitionDocumentIds(documents_dir, path, number) for number, path in enumerate(documents)
    ]
    counts = [facts["posts"] for facts in run_tasks(run, contained, _LABEL)]
    write_part_index(documents_dir, [task.folder for task in contained], counts)
    comparing = [FindRowsInRange(work_dir, *cut) for cut in parts.key_ranges()]
    run_tasks(run, comparing, _LABEL)
    folders = tuple(task.folder for task in comparing)
    collecting = [CollectBlockRows(work_dir, folders, block) for block in range(len(parts.blocks))]
    run_tasks(run, collecting, _LABEL)
    runs = []
    for task, (low, high) in zip(collecting, parts.blocks, strict=True):
        cuts = array_store.load_array(task.folder, "cuts")
        runs += [RowRun(task.folder, *cuts[at : at + 2].tolist()) for at in range(high - low)]
    return runs


def _has_documents(parts: Sequence[Path]) -> bool:
    return any(COUNTED_POSTS in read_schema(path) for path in parts[:1])


def _read_column(path: Path, column: str = "id") -> pl.Series:
    return pl.read_parquet(path, columns=[column], glob=False)[column]


def _mark_kept(verdict: Path, turn_reasons: tuple[str, ...] = ()) -> NDArray[np.bool_]:
    # Ids do not suffice: a dropped post may have the same id as a kept one.
    reject = _read_column(verdict, "reject")
    mask: NDArray[np.bool_] = (reject.is_null() | reject.is_in(turn_reasons)).to_numpy()
    return mask


@dataclass(frozen=True)
class FindRowsInPart(ArrayTask):
    """Find the posts of a part in the part of the same number after the last stage.

    Reads the ids of both and the verdict file; writes the rows.
    """

    work_dir: Path
    posts: Path
    verdict: Path
    final_posts: Path
    part: int

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return numbered_folder(self.work_dir, "kept-rows", self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows; the fact is their number."""
        ids = hash_strings(_read_column(self.posts))[:, 0]
        final_ids = hash_strings(_read_column(self.final_posts))[:, 0]
        rows = np.flatnonzero(np.isin(ids, final_ids) & _mark_kept(self.verdict))
        return {"rows": rows}, {"rows": rows.size}


# --------------------------------------------------------------------------- with documents


@dataclass(frozen=True)
class PartitionKeptIds(ArrayTask):
    """Partition the ids of the posts of a part that dedup has kept by key range."""

    work_dir: Path
    posts: Path
    verdict: Path
    part: int
    turn_reasons: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder of the keys."""
        return numbered_folder(self.work_dir, "kept-ids", self.part)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The keys; the fact is the number of all posts of the part."""
        ids = _read_column(self.posts)
        kept = np.flatnonzero(_mark_kept(self.verdict, self.turn_reasons))
        return partition_keys("ids", hash_strings(ids.gather(kept)), kept), {"posts": len(ids)}


@dataclass(frozen=True)
class PartitionDocumentIds(ArrayTask):
    """Partition the ids of the posts in a file of documents by key range."""

    work_dir: Path
    documents: Path
    number: int

    @property
    def folder(self) -> Path:
        """The folder of the keys."""
        return self.work_dir / f"{self.number:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The keys; the fact is the number of ids."""
        ids = _read_column(self.documents, "post_ids").explode(empty_as_null=False).drop_nulls()
        return partition_keys("ids", hash_strings(ids)), {"posts": len(ids)}


@dataclass(frozen=True)
class FindRowsInRange(ArrayTask):
    """Find the kept posts of a key range that are in a document.

    Reads the keys of all kept posts and of all documents; writes row indices, scattered by block.
    """

    work_dir: Path
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """The folder of the row indices."""
        return self.work_dir / f"in-documents-{self.low:03d}-{self.high:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The row indices."""
        parts = load_part_index(self.work_dir)
        documents = load_part_index(self.work_dir / "documents")
        keys, posts, _ = gather_keys(parts, "ids", self.low, self.high, with_second=False)
        contained, _, _ = gather_keys(documents, "ids", self.low, self.high, with_second=False)
        posts = posts[np.isin(keys, contained)]
        return parts.scatter_by_block("post", make_rows(post=posts), posts), {}


@dataclass(frozen=True)
class CollectBlockRows(ArrayTask):
    """Collect the row indices of a block; write rows within the parts, and each part's offset."""

    work_dir: Path
    range_folders: tuple[Path, ...]
    block: int

    @property
    def folder(self) -> Path:
        """The folder of the rows and the offsets."""
        return numbered_folder(self.work_dir, "block-rows", self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows and the offsets."""
        parts = load_part_index(self.work_dir)
        low, high = parts.blocks[self.block]
        posts = np.sort(gather_rows(self.range_folders, "post", self.block)["post"])
        cuts = np.searchsorted(posts, parts.part_offsets[low : high + 1])
        begins = np.repeat(parts.part_offsets[low:high], np.diff(cuts))
        return {"rows": posts - begins, "cuts": cuts}, {}
