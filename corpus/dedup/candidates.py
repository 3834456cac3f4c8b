"""Decide over all parts which post stays for each: by id, by text, then nearly.

Everything is done by tasks that see a range of keys, a block of posts, or a batch of posts that
may be alike, and that hand on files; they run wherever the runner puts them. A task of a range of
keys holds some :data:`exchange.RANGE_KEYS` of them, about 40 bytes each; one of a batch its posts'
shingles, some :data:`BATCH_BYTES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.partition import connected_components, tree_roots
from corpus.partition.partitions import (  # fmt: skip
    I64,
    U64,
    Arrays,
    Layout,
    Run,
    Step,
    addressed,
    done,
    entries,
    lay_out,
    layout,
    received,
    rows,
)
from corpus.tasks import array_store

BATCH_BYTES = 128 << 20
_MOST_BATCHES = 4096
_MOST_LEADERS = 64
# Of ids and of texts there is one key a post, and of bands some twenty. A range may hold fewer of
# these, as each is held with its neighbours.
_KEYS_OF_BANDS = 8
_STEPS = ("ids", "exact", "near")


class Found(NamedTuple):
    """The outcome for the posts of a block, in reading order."""

    keeper: I64  # the place of the post that stays for each; a post that stays names itself
    step: NDArray[np.uint8]  # 0: it stays; else what found it out: 1 its id, 2 its text, 3 nearly


def gather(room: Path, folders: Sequence[Path]) -> Layout:
    """Put the parts' small arrays end to end on disk, and write down where each part begins."""
    counts = [int(array_store.mapped(folder, "prefer").shape[0]) for folder in folders]
    where = lay_out(room, folders, counts)
    for name, dtype in (("prefer", np.int64), ("sketch", np.uint64), ("again", np.bool_)):
        pieces = (array_store.mapped(folder, name) for folder in folders)
        array_store.join(room, name, pieces, dtype, where.posts)
    return where


def mapped(room: Path, name: str) -> Any:
    """One of the small arrays of all posts, mapped: only what is touched is read."""
    return array_store.mapped(room, name)


def find(room: Path, folders: Sequence[Path], run: Run, jaccard: float | None) -> None:
    """Decide over the parts whose arrays lie in ``folders``; ``jaccard`` None: no near ones.

    :func:`found` reads what is decided.
    """
    where = gather(room, folders)
    blocks = range(len(where.blocks))
    ends = _STEPS if jaccard is not None else _STEPS[:-1]
    before: tuple[Note, ...] = ()
    for kind in ends:
        gone = (_gone(where, block, before) for block in blocks)
        array_store.join(room, "gone", gone, np.bool_, where.posts)
        if kind == "near":
            sources = _near(where, run, jaccard or 1)
        else:
            tasks = [EqualKeys(room, kind, *cut) for cut in where.ranges()]
            done(run, tasks, "comparing")
            sources = tuple(task.folder for task in tasks)
        notes = tuple(Note(room, kind, block, sources, bool(before)) for block in blocks)
        done(run, notes, "comparing")
        before = notes
    # An exact copy of a near duplicate follows it to the post that stays.
    tree_roots.find(room, lambda block: Kept(room, ends[-1], block), run, "comparing")


def found(room: Path, block: int, near: bool) -> Found:
    """What was decided for a block."""
    step = array_store.whole(_noted(room, _STEPS[2 if near else 1], block), "step")
    return Found(array_store.whole(tree_roots.found(room, block), "root"), step)


def _gone(where: Layout, block: int, before: Sequence[Note]) -> NDArray[np.bool_]:
    """Which posts of a block have been found out already."""
    low, high = where.span(block)
    if not before:
        return np.zeros(high - low, bool)
    gone: NDArray[np.bool_] = array_store.whole(before[block].folder, "step") != 0
    return gone


def _near(where: Layout, run: Run, jaccard: float) -> tuple[Path, ...]:
    """Find the near duplicates; the folders that hold the pairs of a post and the one it says."""
    room = where.room
    # Of 64 bits, posts at the threshold share this many but once in ten thousand times.
    share = (1 + jaccard) / 2
    least = int(64 * share - 4 * (64 * share * (1 - share)) ** 0.5)
    ranges = [LikeSketches(room, "bands", *cut, least) for cut in where.ranges(_KEYS_OF_BANDS)]
    done(run, ranges, "comparing")
    rounds, posts = connected_components.find(room, ranges, run, "comparing")
    if not posts:
        return ()
    size = sum((folder / "hashes.npy").stat().st_size for folder in where.folders)
    count = int(min(_MOST_BATCHES, 1 + size * posts / where.posts // BATCH_BYTES))
    pairs = tuple(task.folder for task in ranges)
    blocks = range(len(where.blocks))
    done(run, [Batches(room, block, count, rounds, pairs) for block in blocks], "comparing")
    done(run, [Shingles(room, block, count) for block in blocks], "comparing")
    settling = [Settle(room, index, jaccard) for index in range(count)]
    done(run, settling, "comparing")
    return tuple(task.folder for task in settling)


# --------------------------------------------------------------------------- tasks


@dataclass(frozen=True)
class _Range(Step):
    kind: str
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where what is found in the range goes."""
        return self.room / f"{self.kind}-{self.low:03d}-{self.high:03d}"

    def entries(self, more: bool) -> tuple[U64, I64, U64]:
        """The keys in the range of all posts that are left, whose they are, and second keys."""
        gone = mapped(self.room, "gone")
        return entries(layout(self.room), self.kind, self.low, self.high, more, gone)


@dataclass(frozen=True)
class EqualKeys(_Range):
    """Find the posts in a range of keys that have both keys in common."""

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The posts that leave, and for each the one that stays."""
        from corpus.partition import union_find

        one, posts, two = self.entries(more=True)
        maybe = union_find.perhaps_shared(one)
        one, posts, two = one[maybe], posts[maybe], two[maybe]
        ranks = [posts, mapped(self.room, "prefer")[posts]]
        if self.kind == "ids":  # an original stays before its reposts, whatever else is preferred
            ranks.append(mapped(self.room, "again")[posts])
        order = np.lexsort((*ranks, two, one))
        return _leaving(self.room, *union_find.first_of_equal(one[order], two[order], posts[order]))


def _leaving(room: Path, post: I64, stays: I64) -> tuple[Arrays, dict[str, Any]]:
    """Posts that leave and for each the one that stays, for the blocks of those that leave."""
    where = layout(room)
    pairs = rows(post=post, stays=stays)
    return addressed("pair", pairs, where.block_of(post), len(where.blocks)), {}


def _noted(room: Path, kind: str, block: int) -> Path:
    return room / "noted" / kind / f"{block:06d}"


@dataclass(frozen=True)
class Note(Step):
    """Note for the posts of a block what a step has found out, beside what was known."""

    kind: str
    block: int
    sources: tuple[Path, ...]
    more: bool  # there was a step before

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return _noted(self.room, self.kind, self.block)

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Of each post the one that stays, and what found it out."""
        low, high = layout(self.room).span(self.block)
        keeper, step = np.arange(low, high), np.zeros(high - low, np.uint8)
        code = _STEPS.index(self.kind)
        if self.more:
            before = _noted(self.room, _STEPS[code - 1], self.block)
            keeper, step = array_store.whole(before, "keeper"), array_store.whole(before, "step")
        if self.sources:
            pair = received(self.sources, "pair", self.block)
            keeper[pair["post"] - low] = pair["stays"]
            step[pair["post"] - low] = code + 1
        return {"keeper": keeper, "step": step}, {}


@dataclass(frozen=True)
class Kept(Step):
    """The forest in which each post that leaves hangs on the one that stays for it."""

    kind: str
    block: int

    @property
    def folder(self) -> Path:
        """Where the parents go."""
        return self.room / "kept" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The parent of each post, or -1."""
        low, high = layout(self.room).span(self.block)
        keeper = array_store.whole(_noted(self.room, self.kind, self.block), "keeper")
        return {"parent": np.where(keeper == np.arange(low, high), tree_roots.NO_ONE, keeper)}, {}


@dataclass(frozen=True)
class LikeSketches(_Range):
    """Find the pairs of posts in a range of band keys that may be near duplicates."""

    least: int

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs, for the blocks of those not preferred; and edges that tie the same posts."""
        from corpus.partition import union_find

        where = layout(self.room)
        keys, posts, _ = self.entries(more=False)
        maybe = union_find.perhaps_shared(keys)
        keys, posts = keys[maybe], posts[maybe]
        order = np.lexsort((posts, mapped(self.room, "prefer")[posts], keys))
        keys, posts = keys[order], posts[order]
        sketches = mapped(self.room, "sketch")[posts]
        better, worse = union_find.candidates(keys, posts, sketches, self.least, _MOST_LEADERS)
        pairs = _distinct(worse, better)
        tied = connected_components.stars(pairs["worse"].copy(), pairs["better"].copy())
        sent = addressed("pair", pairs, where.block_of(pairs["worse"]), len(where.blocks))
        return {**sent, **connected_components.edges(self.room, *tied)}, {}


def _distinct(worse: I64, better: I64) -> NDArray[Any]:
    """Each pair once, in order."""
    one, two = connected_components.distinct(worse, better)
    return rows(worse=one, better=two)


@dataclass(frozen=True)
class Batches(Step):
    """Deal the posts of a block that have a pair to batches, what hangs together to one."""

    block: int
    count: int
    rounds: int
    pairs: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the batch of each post goes, and its pairs by batch."""
        return self.room / "batches" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """0 for a post without a pair, else its batch from 1 on; and the pairs."""
        low, high = layout(self.room).span(self.block)
        posts, least = connected_components.labels(self.room, self.block, self.rounds)
        mixed = least.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        batch = np.zeros(high - low, np.uint16)
        batch[posts - low] = 1 + (mixed >> np.uint64(32)) % np.uint64(self.count)
        pair = received(self.pairs, "pair", self.block)
        pair = _distinct(pair["worse"], pair["better"])
        to = batch[pair["worse"] - low].astype(np.int64) - 1
        return {"batch": batch, **addressed("pair", pair, to, self.count)}, {}


@dataclass(frozen=True)
class Shingles(Step):
    """Order the shingles of a block's posts that may be near duplicates by batch."""

    block: int
    count: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.room / "shingles" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The posts by batch, where each batch begins, their shingles, and where each's begin."""
        from corpus.partition import union_find

        where = layout(self.room)
        low, _ = where.span(self.block)
        batch = array_store.whole(Batches(self.room, self.block, 0, 0, ()).folder, "batch")
        hashes, counts = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
        for part in range(*where.blocks[self.block]):
            begin, end = where.begins[part : part + 2] - low
            chosen = np.flatnonzero(batch[begin:end])
            folder = where.folders[part]
            places = array_store.whole(folder, "places")
            taken = union_find.take_shingles(array_store.whole(folder, "hashes"), places, chosen)
            hashes.append(taken[0])
            counts.append(taken[1])
        places = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        chosen = np.flatnonzero(batch)
        order = np.argsort(batch[chosen], kind="stable")
        cuts = np.searchsorted(batch[chosen[order]], np.arange(1, self.count + 2))
        ordered, sizes = union_find.take_shingles(np.concatenate(hashes), places, order)
        return {
            "posts": low + chosen[order], "cuts": cuts, "hashes": ordered,
            "places": np.concatenate([[0], np.cumsum(sizes)]),
        }, {}  # fmt: skip


@dataclass(frozen=True)
class Settle(Step):
    """Decide for the posts of a batch which of them stay, by exact similarity."""

    index: int
    jaccard: float

    @property
    def folder(self) -> Path:
        """Where the outcome goes."""
        return self.room / "settled" / f"{self.index:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The posts that leave, and for each the one that stays."""
        from corpus.partition import union_find

        posts, hashes, places = self._shingles()
        prefer = mapped(self.room, "prefer")[posts]
        order = np.lexsort((posts, prefer))  # the best first
        rank = np.empty(posts.size, np.int64)
        rank[order] = np.arange(posts.size)
        blocks = range(len(layout(self.room).blocks))
        folders = [Batches(self.room, block, 0, 0, ()).folder for block in blocks]
        pair = received(folders, "pair", self.index)
        ends = (rank[np.searchsorted(posts, pair[name])] for name in ("worse", "better"))
        ranked = _distinct(*ends)
        starts = np.searchsorted(ranked["worse"], np.arange(posts.size + 1))
        better = np.ascontiguousarray(ranked["better"])
        kept = union_find.settle(starts, better, order, hashes, places, self.jaccard)
        left = np.flatnonzero(kept != np.arange(posts.size))
        return _leaving(self.room, posts[order[left]], posts[order[kept[left]]])

    def _shingles(self) -> tuple[I64, NDArray[np.uint32], I64]:
        """The batch's posts in reading order, their shingles, and where each post's begin."""
        posts, hashes, counts = [], [], [np.zeros(1, np.int64)]
        for block in range(len(layout(self.room).blocks)):
            folder = Shingles(self.room, block, 0).folder
            low, high = (
                int(at) for at in array_store.piece(folder, "cuts", self.index, self.index + 2)
            )
            places = array_store.piece(folder, "places", low, high + 1)
            posts.append(array_store.piece(folder, "posts", low, high))
            hashes.append(array_store.piece(folder, "hashes", int(places[0]), int(places[-1])))
            counts.append(np.diff(places))
        return (
            np.concatenate(posts),
            np.concatenate(hashes),
            np.cumsum(np.concatenate(counts)),
        )
