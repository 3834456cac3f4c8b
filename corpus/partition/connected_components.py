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

from corpus.partition.partitions import I64, gather_rows, load_part_index, make_rows, scatter_rows
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

#: The name under which the graph's edges are handed over: ``node`` is for its block.
EDGE_ROWS = "edge"


def scatter_edges(work_dir: Path, left: I64, right: I64) -> Arrays:
    """The edges between posts ``one`` and ``two`` for the blocks of both ends."""
    where = load_part_index(work_dir)
    both = make_rows(node=np.concatenate([left, right]), other=np.concatenate([right, left]))
    return scatter_rows(EDGE_ROWS, both, where.find_blocks(both["node"]), len(where.blocks))


def star_edges(left: I64, right: I64) -> tuple[I64, I64]:
    """Edges that tie together the same posts: from each to the smallest that it hangs with."""
    from corpus.partition import union_find

    posts, at = np.unique(np.concatenate([left, right]), return_inverse=True)
    parents = np.arange(posts.size)
    union_find.union_pairs(parents, at[: left.size].copy(), at[left.size :].copy())
    while not np.array_equal(onward := parents[parents], parents):
        parents = onward
    tied = np.flatnonzero(parents != np.arange(posts.size))
    return posts[tied], posts[parents[tied]]


def distinct_pairs(left: I64, right: I64) -> tuple[I64, I64]:
    """Each pair once, in order."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.ones(left.size, bool)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[new], right[new]


def find_components(
    work_dir: Path, edge_tasks: Sequence[ArrayTask], run: RunTasks, step: str
) -> tuple[int, int]:
    """Label all posts that an edge of the ``sources`` touches.

    Returns how many rounds it took, which :func:`labels` needs, and how many posts there are.
    """
    blocks = range(len(load_part_index(work_dir).blocks))
    folders = tuple(task.folder for task in edge_tasks)
    run_tasks(run, [ContractBlock(work_dir, block, folders) for block in blocks], step)
    number = 0
    while True:
        told = run_tasks(run, [ApplyLargeStar(work_dir, block, number) for block in blocks], step)
        if not any(row["open"] for row in told):
            return number, sum(row["nodes"] for row in told)
        run_tasks(run, [ApplySmallStar(work_dir, block, number) for block in blocks], step)
        number += 1


def load_labels(work_dir: Path, block: int, rounds: int) -> tuple[I64, I64]:
    """The posts of a block that an edge touches, and the smallest post that each hangs with."""
    folder = ApplyLargeStar(work_dir, block, rounds).folder
    return array_store.load_array(folder, "nodes"), array_store.load_array(folder, "least")


@dataclass(frozen=True)
class ContractBlock(ArrayTask):
    """Join what the edges within a block tie together."""

    work_dir: Path
    block: int
    edge_folders: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the edges that are left go."""
        return self.work_dir / "components" / "contract" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A star for each piece, and the edges between blocks, which now end at its centre."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        edge = gather_rows(self.edge_folders, EDGE_ROWS, self.block)
        inside = (edge["other"] >= low) & (edge["other"] < high)
        leaf, centre = star_edges(edge["node"][inside], edge["other"][inside])
        node, other = edge["node"][~inside], edge["other"][~inside]
        if leaf.size:
            at = np.minimum(np.searchsorted(leaf, node), leaf.size - 1)
            node = np.where(leaf[at] == node, centre[at], node)
        return scatter_edges(self.work_dir, np.append(leaf, node), np.append(centre, other)), {}


@dataclass(frozen=True)
class _StarRound(ArrayTask):
    work_dir: Path
    block: int
    number: int

    @property
    def folder(self) -> Path:
        """Where what a round brings goes."""
        kind = type(self).__name__.lower()
        return self.work_dir / "components" / f"{kind}-{self.number:02d}" / f"{self.block:06d}"

    def _round_folders(self, kind: type[_StarRound], number: int) -> list[Path]:
        blocks = range(len(load_part_index(self.work_dir).blocks))
        return [kind(self.work_dir, block, number).folder for block in blocks]


def _gather_neighbours(folders: Sequence[Path], block: int) -> tuple[I64, I64, I64]:
    """Nodes and their neighbours in order, each pair once; and where each node's begin."""
    edge = gather_rows(folders, EDGE_ROWS, block)
    node, other = distinct_pairs(edge["node"], edge["other"])
    begins = np.flatnonzero(np.r_[True, node[1:] != node[:-1]]) if node.size else np.empty(0, int)
    return node, other, begins


class ApplyLargeStar(_StarRound):
    """Pass each node's smallest neighbour to its larger ones."""

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Rows for the blocks of those; and whether there is anything left to do."""
        where = load_part_index(self.work_dir)
        if self.number:
            before = self._round_folders(ApplySmallStar, self.number - 1)
        else:
            before = [
                ContractBlock(self.work_dir, at, ()).folder for at in range(len(where.blocks))
            ]
        node, other, begins = _gather_neighbours(before, self.block)
        nodes, count = node[begins], np.diff(np.append(begins, node.size))
        least = np.minimum(nodes, other[begins])
        larger = other > node
        of = np.repeat(np.arange(nodes.size), count)
        smaller = np.bincount(of[~larger], minlength=nodes.size)
        # In a star the centre has larger neighbours only, and a leaf has the centre.
        open_ = (smaller > 1) | ((smaller == 1) & (count > 1))
        found = make_rows(node=other[larger], other=least[of[larger]])
        sent = scatter_rows(EDGE_ROWS, found, where.find_blocks(found["node"]), len(where.blocks))
        told = {"open": int(np.count_nonzero(open_)), "nodes": int(nodes.size)}
        return {"nodes": nodes, "least": least, **sent}, told


class ApplySmallStar(_StarRound):
    """Pass each node's smallest neighbour to its smaller ones."""

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The edges of the next round."""
        node, other, begins = _gather_neighbours(
            self._round_folders(ApplyLargeStar, self.number), self.block
        )
        least = np.repeat(other[begins], np.diff(np.append(begins, node.size)))
        first = other == least  # of each node one
        return scatter_edges(self.work_dir, np.where(first, node, other), least), {}
