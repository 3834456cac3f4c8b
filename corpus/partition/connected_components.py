"""Find the connected components of a graph of posts that is too large for one process.

Each block first contracts the components of the edges inside it. The edges between blocks are then
brought to stars by the alternating rounds of Kiveris and others, "Connected Components in MapReduce
and Beyond" (SoCC 2014): in a large-star round each post connects its larger neighbours to its
smallest one, in a small-star round its smaller neighbours. The rounds end when each post is
connected to the smallest post of its component. Their number grows with the square of the logarithm
of the number of posts at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.partition.groups import mark_group_starts
from corpus.partition.partitions import gather_rows, load_part_index, make_rows
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, numbered_folder, run_tasks
from filters.text.arrays import I64

#: The name of the scattered edges: ``node`` is a post of the destination block, ``other`` its
#: neighbour.
EDGE_ROWS = "edge"


def scatter_edges(work_dir: Path, left: I64, right: I64) -> Arrays:
    """The edges between posts ``left`` and ``right``, scattered to the blocks of both ends."""
    both = make_rows(node=np.concatenate([left, right]), other=np.concatenate([right, left]))
    return load_part_index(work_dir).scatter_by_block(EDGE_ROWS, both, both["node"])


def star_edges(left: I64, right: I64) -> tuple[I64, I64]:
    """Edges with the same components as those given: from each post to its smallest one."""
    from corpus.partition import union_find

    posts, ends = np.unique(np.concatenate([left, right]), return_inverse=True)
    parents = np.arange(posts.size)
    union_find.union_pairs(parents, ends[: left.size].copy(), ends[left.size :].copy())
    while not np.array_equal(grandparents := parents[parents], parents):
        parents = grandparents
    leaves = np.flatnonzero(parents != np.arange(posts.size))
    return posts[leaves], posts[parents[leaves]]


def distinct_pairs(left: I64, right: I64) -> tuple[I64, I64]:
    """Each pair once, in ascending order."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = mark_group_starts(left, right)
    return left[new], right[new]


def find_components(
    work_dir: Path, edge_tasks: Sequence[ArrayTask], run: RunTasks, label: str
) -> tuple[int, int]:
    """Label every post that has an edge; :func:`load_labels` reads the labels.

    ``edge_tasks`` have been run; their arrays are those of :func:`scatter_edges`. Returns the
    number of the last round, which ``load_labels`` needs, and the number of posts with an edge.
    """
    blocks = range(len(load_part_index(work_dir).blocks))
    folders = tuple(task.folder for task in edge_tasks)
    run_tasks(run, [ContractBlock(work_dir, block, folders) for block in blocks], label)
    number = 0
    while True:
        facts = run_tasks(run, [ApplyLargeStar(work_dir, block, number) for block in blocks], label)
        if not any(row["open"] for row in facts):
            return number, sum(row["nodes"] for row in facts)
        run_tasks(run, [ApplySmallStar(work_dir, block, number) for block in blocks], label)
        number += 1


def load_labels(work_dir: Path, block: int, rounds: int) -> tuple[I64, I64]:
    """The posts of a block that have an edge, and the smallest post of the component of each."""
    folder = _large_star_folder(work_dir, rounds, block)
    return array_store.load_array(folder, "nodes"), array_store.load_array(folder, "least")


def _contracted_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir / "components", "contracted", block)


def _large_star_folder(work_dir: Path, number: int, block: int) -> Path:
    return numbered_folder(work_dir / "components", f"large-star-{number:02d}", block)


def _small_star_folder(work_dir: Path, number: int, block: int) -> Path:
    return numbered_folder(work_dir / "components", f"small-star-{number:02d}", block)


@dataclass(frozen=True)
class ContractBlock(ArrayTask):
    """Contract the components of the edges inside a block.

    Reads the edges of the block. Writes a star for each component, and the edges to other blocks,
    from the centre of the star instead of its leaf.
    """

    work_dir: Path
    block: int
    edge_folders: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """The folder of the edges."""
        return _contracted_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The edges, scattered to the blocks of both ends."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        edge = gather_rows(self.edge_folders, EDGE_ROWS, self.block)
        inside = (edge["other"] >= low) & (edge["other"] < high)
        leaf, centre = star_edges(edge["node"][inside], edge["other"][inside])
        node, other = edge["node"][~inside], edge["other"][~inside]
        if leaf.size:
            at = np.minimum(np.searchsorted(leaf, node), leaf.size - 1)
            node = np.where(leaf[at] == node, centre[at], node)
        return scatter_edges(self.work_dir, np.append(leaf, node), np.append(centre, other)), {}


def _gather_neighbours(folders: Sequence[Path], block: int) -> tuple[I64, I64, I64]:
    """Pairs of node and neighbour in order, each once, and the first pair of each node."""
    edge = gather_rows(folders, EDGE_ROWS, block)
    node, other = distinct_pairs(edge["node"], edge["other"])
    firsts = np.flatnonzero(np.r_[True, node[1:] != node[:-1]]) if node.size else np.empty(0, int)
    return node, other, firsts


@dataclass(frozen=True)
class ApplyLargeStar(ArrayTask):
    """Connect the larger neighbours of each node to its smallest neighbour.

    Reads the edges of the small-star round before, or those of the contracted blocks. Writes the
    new edges, and of each node the smallest post that it is connected to. The facts are the number
    of nodes that are not in a star yet (``open``), and the number of nodes.
    """

    work_dir: Path
    block: int
    number: int

    @property
    def folder(self) -> Path:
        """The folder of the edges and labels."""
        return _large_star_folder(self.work_dir, self.number, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The edges for the blocks of the larger neighbours, and the labels of this block."""
        parts = load_part_index(self.work_dir)
        blocks = range(len(parts.blocks))
        if self.number:
            sources = [_small_star_folder(self.work_dir, self.number - 1, at) for at in blocks]
        else:
            sources = [_contracted_folder(self.work_dir, at) for at in blocks]
        node, other, firsts = _gather_neighbours(sources, self.block)
        nodes, count = node[firsts], np.diff(np.append(firsts, node.size))
        least = np.minimum(nodes, other[firsts])
        larger = other > node
        node_number = np.repeat(np.arange(nodes.size), count)
        smaller_count = np.bincount(node_number[~larger], minlength=nodes.size)
        # In a star the centre has larger neighbours only, and a leaf has the centre only.
        is_open = (smaller_count > 1) | ((smaller_count == 1) & (count > 1))
        rows = make_rows(node=other[larger], other=least[node_number[larger]])
        scattered = parts.scatter_by_block(EDGE_ROWS, rows, rows["node"])
        facts = {"open": int(np.count_nonzero(is_open)), "nodes": int(nodes.size)}
        return {"nodes": nodes, "least": least, **scattered}, facts


@dataclass(frozen=True)
class ApplySmallStar(ArrayTask):
    """Connect the smaller neighbours of each node, and the node, to its smallest neighbour.

    Reads the edges of the large-star round with the same number and writes the new edges.
    """

    work_dir: Path
    block: int
    number: int

    @property
    def folder(self) -> Path:
        """The folder of the edges."""
        return _small_star_folder(self.work_dir, self.number, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The edges of the next round."""
        blocks = range(len(load_part_index(self.work_dir).blocks))
        sources = [_large_star_folder(self.work_dir, self.number, at) for at in blocks]
        node, other, firsts = _gather_neighbours(sources, self.block)
        least = np.repeat(other[firsts], np.diff(np.append(firsts, node.size)))
        is_first = other == least  # true once for each node
        return scatter_edges(self.work_dir, np.where(is_first, node, other), least), {}
