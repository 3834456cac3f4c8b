"""Find the thread of each post among all posts: the post it replies to, and the thread's root."""

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
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    partition_keys,
    write_part_index,
)
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, numbered_folder, run_tasks
from filters.text.arrays import I64

_LABEL = "linking"


def measure_links(posts: pl.DataFrame) -> dict[str, NDArray[Any]]:
    """The arrays of a part: the hashed ids of its posts and of the posts that they reply to.

    A repost is no reply, although its ``parent_id`` is its original.
    """
    replied_to = pl.when(pl.col("kind") != "repost").then(pl.col("parent_id"))
    parents = posts.select(replied_to.fill_null("").alias("parent")).to_series()
    child = (parents != "").arg_true()
    return {
        **partition_keys("ids", hash_strings(posts["id"])),
        **partition_keys("parents", hash_strings(parents.gather(child)), child.to_numpy()),
    }


def link_posts(
    work_dir: Path, folders: Sequence[Path], counts: Sequence[int], run: RunTasks
) -> None:
    """Find the parent and the root of every post; :func:`load_parents_and_roots` reads them.

    ``folders`` have the arrays of the parts, ``counts`` are their posts. A reply to a post that was
    dropped, or was never in the dump, becomes the root of a thread. Of two posts with the same id,
    the first has the replies.
    """
    parts = write_part_index(work_dir, folders, counts)
    run_tasks(run, [MatchParents(work_dir, *cut) for cut in parts.key_ranges()], _LABEL)
    tree_roots.find_roots_by_block(
        work_dir, lambda block: WriteParents(work_dir, block), run, _LABEL
    )


def load_parents_and_roots(work_dir: Path, part: int) -> tree_roots.ParentsAndRoots:
    """The row indices of the parent (or -1) and of the root of every post of a part."""
    parts = load_part_index(work_dir)
    begin, end = parts.part_offsets[part : part + 2]
    block = parts.find_block_of_part(part)
    low, _ = parts.block_rows(block)
    folder = tree_roots.roots_folder(work_dir, block)
    return tree_roots.ParentsAndRoots(
        array_store.load_slice(folder, "parent", begin - low, end - low),
        array_store.load_slice(folder, "root", begin - low, end - low),
    )


def _links_folder(work_dir: Path, low: int) -> Path:
    """The folder of the links that the key range from ``low`` on gives."""
    return work_dir / "links" / f"{low:03d}"


@dataclass(frozen=True)
class MatchParents(ArrayTask):
    """Match replies with their parents, for the parents whose ids are in a key range.

    Reads the hashed ids of all parts; writes pairs of reply and parent, scattered by block of the
    reply.
    """

    work_dir: Path
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """The folder of the pairs."""
        return _links_folder(self.work_dir, self.low)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs."""
        parts = load_part_index(self.work_dir)
        keys, posts, seconds = gather_keys(parts, "ids", self.low, self.high)
        order = np.argsort(keys, kind="stable")  # of two posts with one id the first comes first
        keys, posts, seconds = keys[order], posts[order], seconds[order]
        wanted, child, wanted_seconds = gather_keys(parts, "parents", self.low, self.high)
        at = np.minimum(np.searchsorted(keys, wanted), max(0, keys.size - 1))
        if keys.size:
            same = (keys[at] == wanted) & (seconds[at] == wanted_seconds)
        else:
            same = np.zeros(wanted.size, bool)
        links = make_rows(child=child[same], parent=posts[at[same]])
        return parts.scatter_by_block("link", links, links["child"]), {}


@dataclass(frozen=True)
class WriteParents(ArrayTask):
    """Write the row index of the parent of each post of a block, or -1, from the pairs."""

    work_dir: Path
    block: int

    @property
    def folder(self) -> Path:
        """The folder of the array ``parent``."""
        return numbered_folder(self.work_dir, "parents", self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The parents."""
        parts = load_part_index(self.work_dir)
        low, high = parts.block_rows(self.block)
        folders = [_links_folder(self.work_dir, range_low) for range_low, _ in parts.key_ranges()]
        link = gather_rows(folders, "link", self.block)
        parent: I64 = np.full(high - low, tree_roots.NO_PARENT, np.int64)
        parent[link["child"] - low] = link["parent"]
        return {"parent": parent}, {}
