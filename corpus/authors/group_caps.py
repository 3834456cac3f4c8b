"""Keep at most so many posts of each community, and of each thread.

A task scatters the kept posts of a block by the hash of the group; those that are above the cap
among the posts of the block alone are decided there, so that a community of any size is a row for
each block and post below the cap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.authors.decisions import TURN, load_block_decisions
from corpus.partition.groups import rank_in_groups
from corpus.partition.partitions import (
    PartIndex,
    Rows,
    gather_rows,
    load_part_index,
    make_rows,
    scatter_rows,
)
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

# A post is a row of fifty bytes in its range.
_KEYS_PER_POST = 2
_LABEL = "capping"


@dataclass(frozen=True)
class GroupCap:
    """The greatest number of posts of a group, and the reason of those above it.

    ``group`` is the name of the array of the groups' hashes, shape (n, 2); zeros are no group.
    """

    group: str
    max_posts: int
    reason: int

    def scattered_folder(self, work_dir: Path, block: int) -> Path:
        """The folder of the rows of a block."""
        return work_dir / self.group / "scattered" / f"{block:06d}"

    def capped_folder(self, work_dir: Path, index: int) -> Path:
        """The folder of the posts above the cap of a range."""
        return work_dir / self.group / "capped" / f"{index:03d}"


def apply_cap(run: RunTasks, work_dir: Path, cap: GroupCap, earlier: tuple[GroupCap, ...]) -> None:
    """Find the posts above ``cap`` among those that no rule and no ``earlier`` cap has dropped."""
    parts = load_part_index(work_dir)
    blocks = range(len(parts.blocks))
    run_tasks(run, [ScatterByGroup(work_dir, block, cap, earlier) for block in blocks], _LABEL)
    ranges = range(len(_group_ranges(parts)))
    run_tasks(run, [CapGroups(work_dir, index, cap) for index in ranges], _LABEL)


def mark_over_caps(
    reason: NDArray[np.uint8], work_dir: Path, block: int, caps: Sequence[GroupCap]
) -> None:
    """Write the reasons of posts of a block that are above a cap; changes ``reason`` in place."""
    parts = load_part_index(work_dir)
    low, _ = parts.block_rows(block)
    for cap in caps:
        own = array_store.load_array(cap.scattered_folder(work_dir, block), "over")
        ranges = range(len(_group_ranges(parts)))
        folders = [cap.capped_folder(work_dir, index) for index in ranges]
        over = gather_rows(folders, "over", block)["row_index"]
        reason[np.concatenate([own, over]) - low] = cap.reason


def _group_ranges(parts: PartIndex) -> list[tuple[int, int]]:
    return parts.key_ranges(_KEYS_PER_POST)


def _find_over_cap(rows: Rows, max_posts: int) -> NDArray[np.bool_]:
    """Whether each post is above the cap: behind ``max_posts`` others of its group.

    Turns come last, then the greatest priorities; among equals the hash of the id decides.
    """
    keys = (rows["is_turn"], rows["priority"], rows["ids"])
    return rank_in_groups([rows["group"], rows["more"]], keys) >= max_posts


@dataclass(frozen=True)
class ScatterByGroup(ArrayTask):
    """Scatter the kept posts of a block by the key range of their group.

    Writes a row for each, and ``over``: the row indices of those that are above the cap already.
    """

    work_dir: Path
    block: int
    cap: GroupCap
    earlier: tuple[GroupCap, ...]

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return self.cap.scattered_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        parts = load_part_index(self.work_dir)
        low, _ = parts.block_rows(self.block)
        _, reason = load_block_decisions(self.work_dir, self.block)
        mark_over_caps(reason, self.work_dir, self.block, self.earlier)
        group = parts.load_block_array(self.cap.group, self.block)
        is_kept = np.isin(reason, (0, TURN)) & (group != 0).any(axis=1)
        at = np.flatnonzero(is_kept)
        rows = make_rows(
            group=group[at, 0],
            more=group[at, 1],
            row_index=low + at,
            priority=parts.load_block_array("priority", self.block)[at],
            ids=parts.load_block_array("ids", self.block)[at],
            is_turn=parts.load_block_array("reason", self.block)[at] == TURN,
        )
        is_over = _find_over_cap(rows, self.cap.max_posts)
        over, rows = rows["row_index"][is_over], rows[~is_over]
        destinations = parts.find_ranges(rows["group"], _KEYS_PER_POST)
        scattered = scatter_rows("post", rows, destinations, len(_group_ranges(parts)))
        return {**scattered, "over": over}, {}


@dataclass(frozen=True)
class CapGroups(ArrayTask):
    """Find the posts above the cap of the groups of a range; writes them by block."""

    work_dir: Path
    index: int
    cap: GroupCap

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return self.cap.capped_folder(self.work_dir, self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        parts = load_part_index(self.work_dir)
        blocks = range(len(parts.blocks))
        folders = [self.cap.scattered_folder(self.work_dir, block) for block in blocks]
        rows = gather_rows(folders, "post", self.index)
        over = rows["row_index"][_find_over_cap(rows, self.cap.max_posts)]
        return parts.scatter_by_block("over", make_rows(row_index=over), over), {}
