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
from corpus.partition.partitions import (  # fmt: skip
    I64,
    Arrays,
    Run,
    Step,
    addressed,
    done,
    entries,
    keyed,
    lay_out,
    layout,
    received,
    rows,
)
from corpus.tasks import array_store


def measure(posts: pl.DataFrame) -> dict[str, NDArray[Any]]:
    """What must be known of one part: hashes of each post's id and of the id it answers.

    A repost names its original as its parent, and yet answers nothing.
    """
    from corpus.dedup import minhash_kernel

    answers = pl.when(pl.col("kind") != "repost").then(pl.col("parent_id"))
    parents = posts.select(answers.fill_null("").alias("parent")).to_series()
    child = (parents != "").arg_true()
    wanted = minhash_kernel.hash128(*array_store.flat(parents.gather(child)))
    return {
        **keyed("ids", minhash_kernel.hash128(*array_store.flat(posts["id"]))),
        **keyed("parents", wanted, child.to_numpy()),
    }


def link(room: Path, folders: Sequence[Path], counts: Sequence[int], run: Run) -> None:
    """Join the posts of all parts, so many each, into threads; :func:`of` reads them.

    A parent that is not there, be it dropped or never in the dump, starts a new thread at its
    answer. Of two posts with one id the first is answered.
    """
    where = lay_out(room, folders, counts)
    done(run, [Join(room, *cut) for cut in where.ranges()], "linking")
    tree_roots.find(room, lambda block: Parents(room, block), run, "linking")


def of(room: Path, part: int) -> tree_roots.Rooted:
    """Of every post of a part: the place of the post it answers (or -1), and of its root."""
    where = layout(room)
    begin, end = where.begins[part : part + 2]
    block = where.block_of_part(part)
    low, _ = where.span(block)
    folder = tree_roots.found(room, block)
    return tree_roots.Rooted(
        *(
            array_store.piece(folder, name, begin - low, end - low)
            for name in tree_roots.Rooted._fields
        )
    )


@dataclass(frozen=True)
class Join(Step):
    """Find the parents whose ids are in a range of keys."""

    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where rows for the blocks of those that answer go."""
        return self.room / "joined" / f"{self.low:03d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Who answers whom."""
        where = layout(self.room)
        keys, posts, more = entries(where, "ids", self.low, self.high)
        order = np.argsort(keys, kind="stable")  # of two posts with one id the first comes first
        keys, posts, more = keys[order], posts[order], more[order]
        wanted, child, wanted_more = entries(where, "parents", self.low, self.high)
        at = np.minimum(np.searchsorted(keys, wanted), max(0, keys.size - 1))
        if keys.size:
            same = (keys[at] == wanted) & (more[at] == wanted_more)
        else:
            same = np.zeros(wanted.size, bool)
        found = rows(child=child[same], parent=posts[at[same]])
        return addressed("link", found, where.block_of(found["child"]), len(where.blocks)), {}


@dataclass(frozen=True)
class Parents(Step):
    """Gather the parents of the posts of a block."""

    block: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.room / "parents" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The place of each post's parent, or -1."""
        where = layout(self.room)
        low, high = where.span(self.block)
        found: I64 = np.full(high - low, tree_roots.NO_ONE, np.int64)
        joined = [Join(self.room, *cut).folder for cut in where.ranges()]
        link = received(joined, "link", self.block)
        found[link["child"] - low] = link["parent"]
        return {"parent": found}, {}
