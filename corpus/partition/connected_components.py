"""Find what hangs together in a graph of posts that is too large for one process.

Each block first joins what it can by itself. What is left between blocks is brought to stars by
the alternating rounds of Kiveris and others, "Connected Components in MapReduce and Beyond" (SoCC
2014): in a large-star round each post passes its smallest neighbour to its larger ones, in a
small-star round to its smaller ones. They end when each post knows the smallest of all it hangs
together with, after a number of rounds that grows with the square of the logarithm at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.partition.partitions import (
    I64,
    Arrays,
    Run,
    Step,
    addressed,
    done,
    layout,
    received,
    rows,
)
from corpus.tasks import array_store

#: The name under which the graph's edges are handed over: ``node`` is for its block.
EDGE = "edge"


def edges(room: Path, one: I64, two: I64) -> Arrays:
    """The edges between posts ``one`` and ``two`` for the blocks of both ends."""
    where = layout(room)
    both = rows(node=np.concatenate([one, two]), other=np.concatenate([two, one]))
    return addressed(EDGE, both, where.block_of(both["node"]), len(where.blocks))


def stars(one: I64, two: I64) -> tuple[I64, I64]:
    """Edges that tie together the same posts: from each to the smallest that it hangs with."""
    from corpus.partition import union_find

    posts, at = np.unique(np.concatenate([one, two]), return_inverse=True)
    parents = np.arange(posts.size)
    union_find.join(parents, at[: one.size].copy(), at[one.size :].copy())
    while not np.array_equal(onward := parents[parents], parents):
        parents = onward
    tied = np.flatnonzero(parents != np.arange(posts.size))
    return posts[tied], posts[parents[tied]]


def distinct(one: I64, two: I64) -> tuple[I64, I64]:
    """Each pair once, in order."""
    order = np.lexsort((two, one))
    one, two = one[order], two[order]
    new = np.ones(one.size, bool)
    new[1:] = (one[1:] != one[:-1]) | (two[1:] != two[:-1])
    return one[new], two[new]


def find(room: Path, sources: Sequence[Step], run: Run, step: str) -> tuple[int, int]:
    """Label all posts that an edge of the ``sources`` touches.

    Returns how many rounds it took, which :func:`labels` needs, and how many posts there are.
    """
    blocks = range(len(layout(room).blocks))
    folders = tuple(task.folder for task in sources)
    done(run, [Contract(room, block, folders) for block in blocks], step)
    number = 0
    while True:
        told = done(run, [Large(room, block, number) for block in blocks], step)
        if not any(row["open"] for row in told):
            return number, sum(row["nodes"] for row in told)
        done(run, [Small(room, block, number) for block in blocks], step)
        number += 1


def labels(room: Path, block: int, rounds: int) -> tuple[I64, I64]:
    """The posts of a block that an edge touches, and the smallest post that each hangs with."""
    folder = Large(room, block, rounds).folder
    return array_store.whole(folder, "nodes"), array_store.whole(folder, "least")


@dataclass(frozen=True)
class Contract(Step):
    """Join what the edges within a block tie together."""

    block: int
    sources: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the edges that are left go."""
        return self.room / "components" / "contract" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """A star for each piece, and the edges between blocks, which now end at its centre."""
        low, high = layout(self.room).span(self.block)
        edge = received(self.sources, EDGE, self.block)
        inside = (edge["other"] >= low) & (edge["other"] < high)
        leaf, centre = stars(edge["node"][inside], edge["other"][inside])
        node, other = edge["node"][~inside], edge["other"][~inside]
        if leaf.size:
            at = np.minimum(np.searchsorted(leaf, node), leaf.size - 1)
            node = np.where(leaf[at] == node, centre[at], node)
        return edges(self.room, np.append(leaf, node), np.append(centre, other)), {}


@dataclass(frozen=True)
class _Round(Step):
    block: int
    number: int

    @property
    def folder(self) -> Path:
        """Where what a round brings goes."""
        kind = type(self).__name__.lower()
        return self.room / "components" / f"{kind}-{self.number:02d}" / f"{self.block:06d}"

    def _from(self, kind: type[_Round], number: int) -> list[Path]:
        blocks = range(len(layout(self.room).blocks))
        return [kind(self.room, block, number).folder for block in blocks]


def _neighbours(folders: Sequence[Path], block: int) -> tuple[I64, I64, I64]:
    """Nodes and their neighbours in order, each pair once; and where each node's begin."""
    edge = received(folders, EDGE, block)
    node, other = distinct(edge["node"], edge["other"])
    begins = np.flatnonzero(np.r_[True, node[1:] != node[:-1]]) if node.size else np.empty(0, int)
    return node, other, begins


class Large(_Round):
    """Pass each node's smallest neighbour to its larger ones."""

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Rows for the blocks of those; and whether there is anything left to do."""
        where = layout(self.room)
        if self.number:
            before = self._from(Small, self.number - 1)
        else:
            before = [Contract(self.room, at, ()).folder for at in range(len(where.blocks))]
        node, other, begins = _neighbours(before, self.block)
        nodes, count = node[begins], np.diff(np.append(begins, node.size))
        least = np.minimum(nodes, other[begins])
        larger = other > node
        of = np.repeat(np.arange(nodes.size), count)
        smaller = np.bincount(of[~larger], minlength=nodes.size)
        # In a star the centre has larger neighbours only, and a leaf has the centre.
        open_ = (smaller > 1) | ((smaller == 1) & (count > 1))
        found = rows(node=other[larger], other=least[of[larger]])
        sent = addressed(EDGE, found, where.block_of(found["node"]), len(where.blocks))
        told = {"open": int(np.count_nonzero(open_)), "nodes": int(nodes.size)}
        return {"nodes": nodes, "least": least, **sent}, told


class Small(_Round):
    """Pass each node's smallest neighbour to its smaller ones."""

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The edges of the next round."""
        node, other, begins = _neighbours(self._from(Large, self.number), self.block)
        least = np.repeat(other[begins], np.diff(np.append(begins, node.size)))
        first = other == least  # of each node one
        return edges(self.room, np.where(first, node, other), least), {}
