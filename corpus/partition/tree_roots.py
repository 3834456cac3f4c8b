"""Find the root of every post in trees of posts that are too large for one process.

Each block first follows its posts to a root, or to a *boundary post*: a post whose parent is in
another block. Only boundary posts take part in the rounds that follow. In each round every boundary
post queries the block of the ancestor that it has reached for the ancestor that this one has
reached (pointer doubling). So a chain through a million blocks takes twenty rounds; most threads
end within one or two. If posts are each other's ancestors (a cycle), the first of them in reading
order loses its parent and becomes the root.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.partition.partitions import Rows, gather_rows, load_part_index, make_rows
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, numbered_folder, run_tasks
from filters.text.arrays import I64

NO_PARENT = -1


class ParentsAndRoots(NamedTuple):
    """The parent (or -1) and the root of each post."""

    parent: I64
    root: I64


def find_roots(parent: I64) -> ParentsAndRoots:
    """The root of each post, by pointer doubling; all parents are in memory.

    The first post of a cycle loses its parent and becomes the root.
    """
    parent, root, _ = _follow_to_roots(parent)
    return ParentsAndRoots(parent, root)


def _follow_to_roots(parent: I64) -> tuple[I64, I64, I64]:
    """The parents without cycles, the roots, and the smallest post on the path to each root."""
    own = np.arange(parent.size)
    parent = np.where(parent == own, NO_PARENT, parent)
    ancestor = np.where(parent == NO_PARENT, own, parent)
    first = np.minimum(own, ancestor)
    for _ in range(max(1, int(parent.size).bit_length())):
        first = np.minimum(first, first[ancestor])
        further = ancestor[ancestor]
        if np.array_equal(further, ancestor):
            break
        ancestor = further
    # After so many steps, an ancestor that has a parent is on a cycle.
    cycle = np.unique(ancestor[parent[ancestor] != NO_PARENT])
    if cycle.size:
        parent = parent.copy()
        parent[np.unique(first[cycle])] = NO_PARENT
        return _follow_to_roots(parent)
    return parent, ancestor, first


def find_roots_by_block(
    work_dir: Path, make_parents_task: Callable[[int], ArrayTask], run: RunTasks, label: str
) -> None:
    """Find the roots of all posts of the part index in ``work_dir``.

    ``make_parents_task`` makes a block's task, whose array ``parent`` has the row indices of the
    parents of its posts, or -1; it runs as a part of the first task here. The results are the
    arrays ``parent`` and ``root`` in :func:`roots_folder` of each block.
    """
    blocks = range(len(load_part_index(work_dir).blocks))
    for attempt in (0, 1):  # the second one without the cycles over several blocks, if any
        following = [
            FollowParents(work_dir, block, attempt, make_parents_task(block)) for block in blocks
        ]
        facts = run_tasks(run, following, label)
        open_posts = boundary = sum(row["boundary"] for row in facts)
        number = 0
        while open_posts and number <= boundary.bit_length() + 1:
            run_tasks(
                run, [AnswerQueries(work_dir, block, attempt, number) for block in blocks], label
            )
            advancing = [AdvanceBoundary(work_dir, block, attempt, number) for block in blocks]
            open_posts = sum(row["open"] for row in run_tasks(run, advancing, label))
            number += 1
        if not open_posts:
            break
        run_tasks(run, [FindCycles(work_dir, block, attempt, number) for block in blocks], label)
    run_tasks(run, [WriteRoots(work_dir, block, attempt, number) for block in blocks], label)


def roots_folder(work_dir: Path, block: int) -> Path:
    """The folder with ``parent`` and ``root`` of the posts of a block."""
    return numbered_folder(work_dir, "roots", block)


@dataclass(frozen=True)
class _RootTask(ArrayTask):
    work_dir: Path
    block: int
    attempt: int

    def _task_folder(self, kind: str, number: int | None = None, block: int | None = None) -> Path:
        """The folder of a task of this attempt; of this block unless another is given."""
        name = kind if number is None else f"{kind}-{number:02d}"
        trees = self.work_dir / f"trees-{self.attempt}"
        return numbered_folder(trees, name, self.block if block is None else block)

    def _task_folders(self, kind: str, number: int | None = None) -> list[Path]:
        blocks = range(len(load_part_index(self.work_dir).blocks))
        return [self._task_folder(kind, number, block) for block in blocks]

    def _scatter_queries(self, sender: I64, target: I64) -> Arrays:
        """Queries of boundary posts ``sender`` for the blocks of the posts ``target``."""
        queries = make_rows(sender=sender, target=target)
        return load_part_index(self.work_dir).scatter_by_block("query", queries, target)


@dataclass(frozen=True)
class FollowParents(_RootTask):
    """Follow each post of a block to a root or a boundary post, and send the first queries.

    Runs the block's ``parents_task``. Writes, as row indices, the parent of each post, the ancestor
    that it reaches (``top``) and the smallest post on the path there (``first``); the boundary
    posts, and their queries.
    """

    parents_task: ArrayTask

    @property
    def folder(self) -> Path:
        """The folder of the arrays."""
        return self._task_folder("follow")

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The arrays; the fact is the number of boundary posts."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        self.parents_task()
        parent: I64 = np.array(array_store.map_array(self.parents_task.folder, "parent"))
        if self.attempt:
            cycles = gather_rows(
                replace(self, attempt=0)._task_folders("cycles"), "cycle", self.block
            )
            parent[np.unique(cycles["first"]) - low] = NO_PARENT
        outside = (parent != NO_PARENT) & ((parent < low) | (parent >= high))
        inner, top, first = _follow_to_roots(
            np.where(outside | (parent == NO_PARENT), NO_PARENT, parent - low)
        )
        parent = np.where(outside, parent, np.where(inner == NO_PARENT, NO_PARENT, inner + low))
        boundary = np.flatnonzero(outside)
        arrays = {
            "parent": parent,
            "top": top + low,
            "first": first + low,
            "boundary": boundary + low,
            **self._scatter_queries(boundary + low, parent[boundary]),
        }
        return arrays, {"boundary": int(boundary.size)}


@dataclass(frozen=True)
class AnswerQueries(_RootTask):
    """Answer the queries about posts of a block with the ancestors they have reached so far.

    Reads the queries of the round before, or the first ones; writes answers for the blocks of the
    senders.
    """

    number: int

    @property
    def folder(self) -> Path:
        """The folder of the answers."""
        return self._task_folder("answer", self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The answers, scattered."""
        parts = load_part_index(self.work_dir)
        low, _ = parts.block_rows(self.block)
        sources = (
            self._task_folders("advance", self.number - 1)
            if self.number
            else self._task_folders("follow")
        )
        query = gather_rows(sources, "query", self.block)
        follow = self._task_folder("follow")
        if self.number:
            state = array_store.load_array(self._task_folder("advance", self.number - 1), "state")
            boundary = array_store.load_array(follow, "boundary")
            reached = state[np.searchsorted(boundary, query["target"])]
        else:
            row = query["target"] - low
            ancestor = array_store.map_array(follow, "top")[row]
            ended = array_store.map_array(follow, "parent")[ancestor - low] == NO_PARENT
            reached = _state_rows(ancestor, ended, array_store.map_array(follow, "first")[row])
        answers = make_rows(
            sender=query["sender"],
            ancestor=reached["ancestor"],
            ended=reached["ended"],
            first=reached["first"],
        )
        return parts.scatter_by_block("answer", answers, query["sender"]), {}


@dataclass(frozen=True)
class AdvanceBoundary(_RootTask):
    """Move the boundary posts of a block to the ancestors in the answers of a round.

    Writes the state of each boundary post, and queries for those that have not reached a root; the
    fact is their number (``open``).
    """

    number: int

    @property
    def folder(self) -> Path:
        """The folder of the state and the queries."""
        return self._task_folder("advance", self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The state, and the queries, scattered."""
        boundary = array_store.load_array(self._task_folder("follow"), "boundary")
        if self.number:
            state = array_store.load_array(self._task_folder("advance", self.number - 1), "state")
        else:
            state = _state_rows(boundary, np.zeros(boundary.size, bool), boundary)
        answer = gather_rows(self._task_folders("answer", self.number), "answer", self.block)
        at = np.searchsorted(boundary, answer["sender"])
        state["ancestor"][at] = answer["ancestor"]
        state["ended"][at] = answer["ended"]
        state["first"][at] = np.minimum(state["first"][at], answer["first"])
        unfinished = np.flatnonzero(~state["ended"])
        queries = self._scatter_queries(boundary[unfinished], state["ancestor"][unfinished])
        return {"state": state, **queries}, {"open": int(unfinished.size)}


def _state_rows(ancestor: I64, ended: NDArray[np.bool_], first: I64) -> Rows:
    """The ancestor a post has reached, whether it is a root, and the smallest post on the path."""
    return make_rows(ancestor=ancestor, ended=ended, first=first)


@dataclass(frozen=True)
class FindCycles(_RootTask):
    """Find the first post of each cycle through several blocks.

    After all rounds every boundary post that has not reached a root has reached a post on a cycle,
    and the smallest post on the path of that one is the smallest of the cycle. Reads the queries of
    the last round; writes the first posts of cycles for their blocks.
    """

    rounds: int

    @property
    def folder(self) -> Path:
        """The folder of the first posts."""
        return self._task_folder("cycles")

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The first post of each cycle, scattered."""
        last = self.rounds - 1
        query = gather_rows(self._task_folders("advance", last), "query", self.block)
        boundary = array_store.load_array(self._task_folder("follow"), "boundary")
        state = array_store.load_array(self._task_folder("advance", last), "state")
        first = np.unique(state["first"][np.searchsorted(boundary, query["target"])])
        parts = load_part_index(self.work_dir)
        return parts.scatter_by_block("cycle", make_rows(first=first), first), {}


@dataclass(frozen=True)
class WriteRoots(_RootTask):
    """Write the parent and the root of each post of a block, as row indices."""

    rounds: int

    @property
    def folder(self) -> Path:
        """The folder of both arrays."""
        return roots_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Both arrays."""
        follow = self._task_folder("follow")
        boundary = array_store.load_array(follow, "boundary")
        root = array_store.load_array(follow, "top")
        if boundary.size:
            state = array_store.load_array(self._task_folder("advance", self.rounds - 1), "state")
            at = np.minimum(np.searchsorted(boundary, root), boundary.size - 1)
            root = np.where(boundary[at] == root, state["ancestor"][at], root)
        return {"parent": array_store.load_array(follow, "parent"), "root": root}, {}
