"""Find each post's thread among all posts: who answers whom, and where a thread begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.partition import tree_roots
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
    I64,
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    partition_keys,
    scatter_rows,
    write_part_index,
)
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks


def measure_links(posts: pl.DataFrame) -> dict[str, NDArray[Any]]:
    """What must be known of one part: hashes of each post's id and of the id it answers.

    A repost names its original as its parent, and yet answers nothing.
    """

    answers = pl.when(pl.col("kind") != "repost").then(pl.col("parent_id"))
    parents = posts.select(answers.fill_null("").alias("parent")).to_series()
    child = (parents != "").arg_true()
    wanted = hash_strings(parents.gather(child))
    return {
        **partition_keys("ids", hash_strings(posts["id"])),
        **partition_keys("parents", wanted, child.to_numpy()),
    }


def link_posts(
    work_dir: Path, folders: Sequence[Path], counts: Sequence[int], run: RunTasks
) -> None:
    """Join the posts of all parts, so many each, into threads; :func:`of` reads them.

    A parent that is not there, be it dropped or never in the dump, starts a new thread at its
    answer. Of two posts with one id the first is answered.
    """
    where = write_part_index(work_dir, folders, counts)
    run_tasks(run, [MatchParents(work_dir, *cut) for cut in where.key_ranges()], "linking")
    tree_roots.find_roots_by_block(
        work_dir, lambda block: WriteParents(work_dir, block), run, "linking"
    )


def load_parents_and_roots(work_dir: Path, part: int) -> tree_roots.ParentsAndRoots:
    """Of every post of a part: the place of the post it answers (or -1), and of its root."""
    where = load_part_index(work_dir)
    begin, end = where.part_offsets[part : part + 2]
    block = where.find_block_of_part(part)
    low, _ = where.block_rows(block)
    folder = tree_roots.roots_folder(work_dir, block)
    return tree_roots.ParentsAndRoots(
        *(
            array_store.load_slice(folder, name, begin - low, end - low)
            for name in tree_roots.ParentsAndRoots._fields
        )
    )


@dataclass(frozen=True)
class MatchParents(ArrayTask):
    """Find the parents whose ids are in a range of keys."""

    work_dir: Path
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where rows for the blocks of those that answer go."""
        return self.work_dir / "joined" / f"{self.low:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Who answers whom."""
        where = load_part_index(self.work_dir)
        keys, posts, more = gather_keys(where, "ids", self.low, self.high)
        order = np.argsort(keys, kind="stable")  # of two posts with one id the first comes first
        keys, posts, more = keys[order], posts[order], more[order]
        wanted, child, wanted_more = gather_keys(where, "parents", self.low, self.high)
        at = np.minimum(np.searchsorted(keys, wanted), max(0, keys.size - 1))
        if keys.size:
            same = (keys[at] == wanted) & (more[at] == wanted_more)
        else:
            same = np.zeros(wanted.size, bool)
        found = make_rows(child=child[same], parent=posts[at[same]])
        return scatter_rows("link", found, where.find_blocks(found["child"]), len(where.blocks)), {}


@dataclass(frozen=True)
class WriteParents(ArrayTask):
    """Gather the parents of the posts of a block."""

    work_dir: Path
    block: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.work_dir / "parents" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The place of each post's parent, or -1."""
        where = load_part_index(self.work_dir)
        low, high = where.block_rows(self.block)
        found: I64 = np.full(high - low, tree_roots.NO_PARENT, np.int64)
        joined = [MatchParents(self.work_dir, *cut).folder for cut in where.key_ranges()]
        link = gather_rows(joined, "link", self.block)
        found[link["child"] - low] = link["parent"]
        return {"parent": found}, {}
