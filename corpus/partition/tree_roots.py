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

from corpus.partition.partitions import (  # fmt: skip
    I64,
    Arrays,
    Rows,
    Run,
    Step,
    addressed,
    done,
    layout,
    received,
    rows,
)
from corpus.tasks import array_store

NO_ONE = -1


class Rooted(NamedTuple):
    """Of every post: its parent (or -1), and the root it comes to."""

    parent: I64
    root: I64


def rooted(parent: I64) -> Rooted:
    """The root of each of the posts that are here, by pointer doubling.

    A ring of posts begins at its first, which loses its parent.
    """
    found, root, _ = _followed(parent)
    return Rooted(found, root)


def _followed(parent: I64) -> tuple[I64, I64, I64]:
    """The parents without rings, the roots, and the first post on the way to each root."""
    here = np.arange(parent.size)
    parent = np.where(parent == here, NO_ONE, parent)
    onward = np.where(parent == NO_ONE, here, parent)
    first = np.minimum(here, onward)
    for _ in range(max(1, int(parent.size).bit_length())):
        first = np.minimum(first, first[onward])
        further = onward[onward]
        if np.array_equal(further, onward):
            break
        onward = further
    ring = np.unique(onward[parent[onward] != NO_ONE])  # what still has a parent goes round
    if ring.size:
        parent = parent.copy()
        parent[np.unique(first[ring])] = NO_ONE
        return _followed(parent)
    return parent, onward, first


def find(room: Path, given: Callable[[int], Step], run: Run, step: str) -> None:
    """Find the roots of all posts of the layout in ``room``; :func:`found` is where they are.

    ``given`` is the task of a block that leaves ``parent``, the places of its posts' parents or
    -1. It runs within those of this module.
    """
    blocks = range(len(layout(room).blocks))
    for attempt in (0, 1):  # the second without rings over several blocks, if there were any
        follow = [Follow(room, block, attempt, given(block)) for block in blocks]
        told = done(run, follow, step)
        left = exits = sum(row["exits"] for row in told)
        number = 0
        while left and number <= exits.bit_length() + 1:
            done(run, [Answer(room, block, attempt, number) for block in blocks], step)
            asking = [Ask(room, block, attempt, number) for block in blocks]
            left = sum(row["left"] for row in done(run, asking, step))
            number += 1
        if not left:
            break
        done(run, [Cut(room, block, attempt, number) for block in blocks], step)
    done(run, [End(room, block, attempt, number) for block in blocks], step)


def found(room: Path, block: int) -> Path:
    """The folder with ``parent`` and ``root`` of the posts of a block."""
    return room / "rooted" / f"{block:06d}"


@dataclass(frozen=True)
class _Round(Step):
    block: int
    attempt: int

    def _of(self, kind: str, number: int | None = None, block: int | None = None) -> Path:
        """The folder of a task, of this block or another."""
        name = kind if number is None else f"{kind}-{number:02d}"
        block = self.block if block is None else block
        return self.room / f"forest-{self.attempt}" / name / f"{block:06d}"

    def _all(self, kind: str, number: int | None = None) -> list[Path]:
        return [self._of(kind, number, block) for block in range(len(layout(self.room).blocks))]

    def _asks(self, asker: I64, target: I64) -> Arrays:
        """Rows for the blocks of the targets."""
        where = layout(self.room)
        to = where.block_of(target)
        return addressed("ask", rows(asker=asker, target=target), to, len(where.blocks))


@dataclass(frozen=True)
class Follow(_Round):
    """Follow each post of a block as far as the block goes, and ask where its exits lead."""

    given: Step

    @property
    def folder(self) -> Path:
        """Where it goes."""
        return self._of("follow")

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Parents, how far each post came, and the first post on its way, as places."""
        where = layout(self.room)
        low, high = where.span(self.block)
        self.given()
        parent: I64 = np.array(array_store.mapped(self.given.folder, "parent"))
        if self.attempt:
            cuts = received(replace(self, attempt=0)._all("cut"), "ring", self.block)
            parent[np.unique(cuts["first"]) - low] = NO_ONE
        outside = (parent != NO_ONE) & ((parent < low) | (parent >= high))
        inner, top, first = _followed(np.where(outside | (parent == NO_ONE), NO_ONE, parent - low))
        parent = np.where(outside, parent, np.where(inner == NO_ONE, NO_ONE, inner + low))
        exits = np.flatnonzero(outside)
        found = {
            "parent": parent, "top": top + low, "first": first + low, "exits": exits + low,
            **self._asks(exits + low, parent[exits]),
        }  # fmt: skip
        return found, {"exits": int(exits.size)}


@dataclass(frozen=True)
class Answer(_Round):
    """Tell those who ask how far the posts of this block have come by the last round."""

    number: int

    @property
    def folder(self) -> Path:
        """Where the answers go."""
        return self._of("answer", self.number)

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Rows for the askers' blocks."""
        where = layout(self.room)
        low, _ = where.span(self.block)
        before = self._all("ask", self.number - 1) if self.number else self._all("follow")
        asked = received(before, "ask", self.block)
        follow = self._of("follow")
        if self.number:
            state = array_store.whole(self._of("ask", self.number - 1), "state")
            found = state[np.searchsorted(array_store.whole(follow, "exits"), asked["target"])]
        else:
            at = asked["target"] - low
            onward = array_store.mapped(follow, "top")[at]
            ended = array_store.mapped(follow, "parent")[onward - low] == NO_ONE
            found = _state(onward, ended, array_store.mapped(follow, "first")[at])
        answer = rows(
            asker=asked["asker"], onward=found["onward"], ended=found["ended"],
            first=found["first"],
        )  # fmt: skip
        to = where.block_of(asked["asker"])
        return addressed("answer", answer, to, len(where.blocks)), {}


@dataclass(frozen=True)
class Ask(_Round):
    """Take the answers of a round, and ask on for the exits that are not at a root yet."""

    number: int

    @property
    def folder(self) -> Path:
        """Where the block's state and its questions go."""
        return self._of("ask", self.number)

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """How far each exit has come, and rows for the blocks that are asked."""
        exits = array_store.whole(self._of("follow"), "exits")
        if self.number:
            state = array_store.whole(self._of("ask", self.number - 1), "state")
        else:
            state = _state(exits, np.zeros(exits.size, bool), exits)
        answer = received(self._all("answer", self.number), "answer", self.block)
        at = np.searchsorted(exits, answer["asker"])
        state["onward"][at] = answer["onward"]
        state["ended"][at] = answer["ended"]
        state["first"][at] = np.minimum(state["first"][at], answer["first"])
        left = np.flatnonzero(~state["ended"])
        asks = self._asks(exits[left], state["onward"][left])
        return {"state": state, **asks}, {"left": int(left.size)}


def _state(onward: I64, ended: NDArray[np.bool_], first: I64) -> Rows:
    """The post an exit has come to, whether that is a root, and the first post on the way."""
    return rows(onward=onward, ended=ended, first=first)


@dataclass(frozen=True)
class Cut(_Round):
    """Tell where the rings begin that this block's posts lie on.

    After so many rounds all exits that are not at a root have come to a post on a ring, and what
    that one knows of its way has gone round it.
    """

    rounds: int

    @property
    def folder(self) -> Path:
        """Where rows for the blocks of the rings' first posts go."""
        return self._of("cut")

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The first post of each ring."""
        where = layout(self.room)
        asked = received(self._all("ask", self.rounds - 1), "ask", self.block)
        exits = array_store.whole(self._of("follow"), "exits")
        state = array_store.whole(self._of("ask", self.rounds - 1), "state")
        first = np.unique(state["first"][np.searchsorted(exits, asked["target"])])
        to = where.block_of(first)
        return addressed("ring", rows(first=first), to, len(where.blocks)), {}


@dataclass(frozen=True)
class End(_Round):
    """Write down the parent and the root of each post of a block."""

    rounds: int

    @property
    def folder(self) -> Path:
        """Where they are."""
        return found(self.room, self.block)

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Both, as places."""
        follow = self._of("follow")
        exits = array_store.whole(follow, "exits")
        root = array_store.whole(follow, "top")
        if exits.size:
            state = array_store.whole(self._of("ask", self.rounds - 1), "state")
            at = np.minimum(np.searchsorted(exits, root), exits.size - 1)
            root = np.where(exits[at] == root, state["onward"][at], root)
        return {"parent": array_store.whole(follow, "parent"), "root": root}, {}
