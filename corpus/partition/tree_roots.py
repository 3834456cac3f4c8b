"""Find the root of every post in a forest that is too large for one process.

A block at a time: within it each post is followed up to a root, or to a post whose parent lies in
another block, its *exit*. Exits alone take part in the rounds that follow. In each, every exit
asks the block of the ancestor it has come to how far that one has come (pointer doubling), so that
a chain over a million blocks takes twenty rounds; most threads end within one or two. Posts that
follow one another in a ring begin at the first of them in reading order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.partition.partitions import (
    I64,
    Rows,
    gather_rows,
    load_part_index,
    make_rows,
    scatter_rows,
)
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

NO_PARENT = -1


class ParentsAndRoots(NamedTuple):
    """Of every post: its parent (or -1), and the root it comes to."""

    parent: I64
    root: I64


def find_roots(parent: I64) -> ParentsAndRoots:
    """The root of each of the posts that are here, by pointer doubling.

    A ring of posts begins at its first, which loses its parent.
    """
    found, root, _ = _follow_to_roots(parent)
    return ParentsAndRoots(found, root)


def _follow_to_roots(parent: I64) -> tuple[I64, I64, I64]:
    """The parents without rings, the roots, and the first post on the way to each root."""
    here = np.arange(parent.size)
    parent = np.where(parent == here, NO_PARENT, parent)
    onward = np.where(parent == NO_PARENT, here, parent)
    first = np.minimum(here, onward)
    for _ in range(max(1, int(parent.size).bit_length())):
        first = np.minimum(first, first[onward])
        further = onward[onward]
        if np.array_equal(further, onward):
            break
        onward = further
    ring = np.unique(onward[parent[onward] != NO_PARENT])  # what still has a parent goes round
    if ring.size:
        parent = parent.copy()
        parent[np.unique(first[ring])] = NO_PARENT
        return _follow_to_roots(parent)
    return parent, onward, first


def find_roots_by_block(
    work_dir: Path, make_parents_task: Callable[[int], ArrayTask], run: RunTasks, step: str
) -> None:
    """Find the roots of all posts of the layout in ``room``; :func:`found` is where they are.

    ``given`` is the task of a block that leaves ``parent``, the places of its posts' parents or
    -1. It runs within those of this module.
    """
    blocks = range(len(load_part_index(work_dir).blocks))
    for attempt in (0, 1):  # the second without rings over several blocks, if there were any
        follow = [
            FollowParents(work_dir, block, attempt, make_parents_task(block)) for block in blocks
        ]
        told = run_tasks(run, follow, step)
        left = exits = sum(row["exits"] for row in told)
        number = 0
        while left and number <= exits.bit_length() + 1:
            run_tasks(
                run, [AnswerQueries(work_dir, block, attempt, number) for block in blocks], step
            )
            asking = [AdvanceExits(work_dir, block, attempt, number) for block in blocks]
            left = sum(row["left"] for row in run_tasks(run, asking, step))
            number += 1
        if not left:
            break
        run_tasks(run, [FindCycles(work_dir, block, attempt, number) for block in blocks], step)
    run_tasks(run, [WriteRoots(work_dir, block, attempt, number) for block in blocks], step)


def roots_folder(work_dir: Path, block: int) -> Path:
    """The folder with ``parent`` and ``root`` of the posts of a block."""
    return work_dir / "rooted" / f"{block:06d}"


@dataclass(frozen=True)
class _RootTask(ArrayTask):
    work_dir: Path
    block: int
    attempt: int

    def _task_folder(self, kind: str, number: int | None = None, block: int | None = None) -> Path:
        """The folder of a task, of this block or another."""
        name = kind if number is None else f"{kind}-{number:02d}"
        block = self.block if block is None else block
        return self.work_dir / f"forest-{self.attempt}" / name / f"{block:06d}"

    def _task_folders(self, kind: str, number: int | None = None) -> list[Path]:
        return [
            self._task_folder(kind, number, block)
            for block in range(len(load_part_index(self.work_dir).blocks))
        ]

    def _scatter_queries(self, asker: I64, target: I64) -> Arrays:
        """Rows for the blocks of the targets."""
        where = load_part_index(self.work_dir)
        to = where.find_blocks(target)
        return scatter_rows("ask", make_rows(asker=asker, target=target), to, len(where.blocks))


@dataclass(frozen=True)
class FollowParents(_RootTask):
    """Follow each post of a block as far as the block goes, and ask where its exits lead."""

    parents_task: ArrayTask

    @property
    def folder(self) -> Path:
        """Where it goes."""
        return self._task_folder("follow")

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Parents, how far each post came, and the first post on its way, as places."""
        where = load_part_index(self.work_dir)
        low, high = where.block_rows(self.block)
        self.parents_task()
        parent: I64 = np.array(array_store.map_array(self.parents_task.folder, "parent"))
        if self.attempt:
            cuts = gather_rows(replace(self, attempt=0)._task_folders("cut"), "ring", self.block)
            parent[np.unique(cuts["first"]) - low] = NO_PARENT
        outside = (parent != NO_PARENT) & ((parent < low) | (parent >= high))
        inner, top, first = _follow_to_roots(
            np.where(outside | (parent == NO_PARENT), NO_PARENT, parent - low)
        )
        parent = np.where(outside, parent, np.where(inner == NO_PARENT, NO_PARENT, inner + low))
        exits = np.flatnonzero(outside)
        found = {
            "parent": parent, "top": top + low, "first": first + low, "exits": exits + low,
            **self._scatter_queries(exits + low, parent[exits]),
        }  # fmt: skip
        return found, {"exits": int(exits.size)}


@dataclass(frozen=True)
class AnswerQueries(_RootTask):
    """Tell those who ask how far the posts of this block have come by the last round."""

    number: int

    @property
    def folder(self) -> Path:
        """Where the answers go."""
        return self._task_folder("answer", self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Rows for the askers' blocks."""
        where = load_part_index(self.work_dir)
        low, _ = where.block_rows(self.block)
        before = (
            self._task_folders("ask", self.number - 1)
            if self.number
            else self._task_folders("follow")
        )
        asked = gather_rows(before, "ask", self.block)
        follow = self._task_folder("follow")
        if self.number:
            state = array_store.load_array(self._task_folder("ask", self.number - 1), "state")
            found = state[np.searchsorted(array_store.load_array(follow, "exits"), asked["target"])]
        else:
            at = asked["target"] - low
            onward = array_store.map_array(follow, "top")[at]
            ended = array_store.map_array(follow, "parent")[onward - low] == NO_PARENT
            found = _state_rows(onward, ended, array_store.map_array(follow, "first")[at])
        answer = make_rows(
            asker=asked["asker"], onward=found["onward"], ended=found["ended"],
            first=found["first"],
        )  # fmt: skip
        to = where.find_blocks(asked["asker"])
        return scatter_rows("answer", answer, to, len(where.blocks)), {}


@dataclass(frozen=True)
class AdvanceExits(_RootTask):
    """Take the answers of a round, and ask on for the exits that are not at a root yet."""

    number: int

    @property
    def folder(self) -> Path:
        """Where the block's state and its questions go."""
        return self._task_folder("ask", self.number)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """How far each exit has come, and rows for the blocks that are asked."""
        exits = array_store.load_array(self._task_folder("follow"), "exits")
        if self.number:
            state = array_store.load_array(self._task_folder("ask", self.number - 1), "state")
        else:
            state = _state_rows(exits, np.zeros(exits.size, bool), exits)
        answer = gather_rows(self._task_folders("answer", self.number), "answer", self.block)
        at = np.searchsorted(exits, answer["asker"])
        state["onward"][at] = answer["onward"]
        state["ended"][at] = answer["ended"]
        state["first"][at] = np.minimum(state["first"][at], answer["first"])
        left = np.flatnonzero(~state["ended"])
        asks = self._scatter_queries(exits[left], state["onward"][left])
        return {"state": state, **asks}, {"left": int(left.size)}


def _state_rows(onward: I64, ended: NDArray[np.bool_], first: I64) -> Rows:
    """The post an exit has come to, whether that is a root, and the first post on the way."""
    return make_rows(onward=onward, ended=ended, first=first)


@dataclass(frozen=True)
class FindCycles(_RootTask):
    """Tell where the rings begin that this block's posts lie on.

    After so many rounds all exits that are not at a root have come to a post on a ring, and what
    that one knows of its way has gone round it.
    """

    rounds: int

    @property
    def folder(self) -> Path:
        """Where rows for the blocks of the rings' first posts go."""
        return self._task_folder("cut")

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The first post of each ring."""
        where = load_part_index(self.work_dir)
        asked = gather_rows(self._task_folders("ask", self.rounds - 1), "ask", self.block)
        exits = array_store.load_array(self._task_folder("follow"), "exits")
        state = array_store.load_array(self._task_folder("ask", self.rounds - 1), "state")
        first = np.unique(state["first"][np.searchsorted(exits, asked["target"])])
        to = where.find_blocks(first)
        return scatter_rows("ring", make_rows(first=first), to, len(where.blocks)), {}


@dataclass(frozen=True)
class WriteRoots(_RootTask):
    """Write down the parent and the root of each post of a block."""

    rounds: int

    @property
    def folder(self) -> Path:
        """Where they are."""
        return roots_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Both, as places."""
        follow = self._task_folder("follow")
        exits = array_store.load_array(follow, "exits")
        root = array_store.load_array(follow, "top")
        if exits.size:
            state = array_store.load_array(self._task_folder("ask", self.rounds - 1), "state")
            at = np.minimum(np.searchsorted(exits, root), exits.size - 1)
            root = np.where(exits[at] == root, state["onward"][at], root)
        return {"parent": array_store.load_array(follow, "parent"), "root": root}, {}
