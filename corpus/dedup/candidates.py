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
from corpus.partition.partitions import (
    I64,
    U64,
    PartIndex,
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    scatter_rows,
    write_part_index,
)
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

BATCH_BYTES = 128 << 20
_MAX_BATCHES = 4096
_MAX_LEADERS = 64
# Of ids and of texts there is one key a post, and of bands some twenty. A range may hold fewer of
# these, as each is held with its neighbours.
_BAND_KEYS_PER_POST = 8
_MATCH_KINDS = ("ids", "exact", "near")


class BlockMatches(NamedTuple):
    """The outcome for the posts of a block, in reading order."""

    representative: I64  # the place of the post that stays for each; a post that stays names itself
    match_kind: NDArray[
        np.uint8
    ]  # 0: it stays; else what found it out: 1 its id, 2 its text, 3 nearly


def join_part_arrays(work_dir: Path, folders: Sequence[Path]) -> PartIndex:
    """Put the parts' small arrays end to end on disk, and write down where each part begins."""
    counts = [int(array_store.map_array(folder, "prefer").shape[0]) for folder in folders]
    where = write_part_index(work_dir, folders, counts)
    for name, dtype in (("prefer", np.int64), ("sketch", np.uint64), ("again", np.bool_)):
        pieces = (array_store.map_array(folder, name) for folder in folders)
        array_store.save_concatenated(work_dir, name, pieces, dtype, where.row_count)
    return where


def map_post_array(work_dir: Path, name: str) -> Any:
    """One of the small arrays of all posts, mapped: only what is touched is read."""
    return array_store.map_array(work_dir, name)


def find_duplicates(
    work_dir: Path, folders: Sequence[Path], run: RunTasks, jaccard: float | None
) -> None:
    """Decide over the parts whose arrays lie in ``folders``; ``jaccard`` None: no near ones.

    :func:`found` reads what is decided.
    """
    where = join_part_arrays(work_dir, folders)
    blocks = range(len(where.blocks))
    ends = _MATCH_KINDS if jaccard is not None else _MATCH_KINDS[:-1]
    before: tuple[RecordMatches, ...] = ()
    for kind in ends:
        gone = (_load_matched(where, block, before) for block in blocks)
        array_store.save_concatenated(work_dir, "gone", gone, np.bool_, where.row_count)
        if kind == "near":
            sources = _find_near_duplicates(where, run, jaccard or 1)
        else:
            tasks = [MatchEqualKeys(work_dir, kind, *cut) for cut in where.key_ranges()]
            run_tasks(run, tasks, "comparing")
            sources = tuple(task.folder for task in tasks)
        notes = tuple(
            RecordMatches(work_dir, kind, block, sources, bool(before)) for block in blocks
        )
        run_tasks(run, notes, "comparing")
        before = notes
    # An exact copy of a near duplicate follows it to the post that stays.
    tree_roots.find_roots_by_block(
        work_dir, lambda block: WriteMatchParents(work_dir, ends[-1], block), run, "comparing"
    )


def load_matches(work_dir: Path, block: int, near: bool) -> BlockMatches:
    """What was decided for a block."""
    step = array_store.load_array(
        _matches_folder(work_dir, _MATCH_KINDS[2 if near else 1], block), "step"
    )
    return BlockMatches(
        array_store.load_array(tree_roots.roots_folder(work_dir, block), "root"), step
    )


def _load_matched(
    parts: PartIndex, block: int, before: Sequence[RecordMatches]
) -> NDArray[np.bool_]:
    """Which posts of a block have been found out already."""
    low, high = parts.block_rows(block)
    if not before:
        return np.zeros(high - low, bool)
    gone: NDArray[np.bool_] = array_store.load_array(before[block].folder, "step") != 0
    return gone


def _find_near_duplicates(parts: PartIndex, run: RunTasks, jaccard: float) -> tuple[Path, ...]:
    """Find the near duplicates; the folders that hold the pairs of a post and the one it says."""
    room = parts.work_dir
    # Of 64 bits, posts at the threshold share this many but once in ten thousand times.
    share = (1 + jaccard) / 2
    least = int(64 * share - 4 * (64 * share * (1 - share)) ** 0.5)
    ranges = [
        ProposeCandidates(room, "bands", *cut, least)
        for cut in parts.key_ranges(_BAND_KEYS_PER_POST)
    ]
    run_tasks(run, ranges, "comparing")
    rounds, posts = connected_components.find_components(room, ranges, run, "comparing")
    if not posts:
        return ()
    size = sum((folder / "hashes.npy").stat().st_size for folder in parts.folders)
    count = int(min(_MAX_BATCHES, 1 + size * posts / parts.row_count // BATCH_BYTES))
    pairs = tuple(task.folder for task in ranges)
    blocks = range(len(parts.blocks))
    run_tasks(
        run, [AssignBatches(room, block, count, rounds, pairs) for block in blocks], "comparing"
    )
    run_tasks(run, [ScatterShingles(room, block, count) for block in blocks], "comparing")
    settling = [VerifyCandidates(room, index, jaccard) for index in range(count)]
    run_tasks(run, settling, "comparing")
    return tuple(task.folder for task in settling)


# --------------------------------------------------------------------------- tasks


@dataclass(frozen=True)
class _KeyRangeTask(ArrayTask):
    work_dir: Path
    kind: str
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where what is found in the range goes."""
        return self.work_dir / f"{self.kind}-{self.low:03d}-{self.high:03d}"

    def gather_unmatched_keys(self, with_second: bool) -> tuple[U64, I64, U64]:
        """The keys in the range of all posts that are left, whose they are, and second keys."""
        gone = map_post_array(self.work_dir, "gone")
        return gather_keys(
            load_part_index(self.work_dir), self.kind, self.low, self.high, with_second, gone
        )


@dataclass(frozen=True)
class MatchEqualKeys(_KeyRangeTask):
    """Find the posts in a range of keys that have both keys in common."""

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The posts that leave, and for each the one that stays."""
        from corpus.dedup import candidates_kernel
        from corpus.partition import key_kernel

        one, posts, two = self.gather_unmatched_keys(with_second=True)
        maybe = key_kernel.mark_possible_repeats(one)
        one, posts, two = one[maybe], posts[maybe], two[maybe]
        ranks = [posts, map_post_array(self.work_dir, "prefer")[posts]]
        if self.kind == "ids":  # an original stays before its reposts, whatever else is preferred
            ranks.append(map_post_array(self.work_dir, "again")[posts])
        order = np.lexsort((*ranks, two, one))
        return _scatter_pairs(
            self.work_dir, *candidates_kernel.pair_equal_keys(one[order], two[order], posts[order])
        )


def _scatter_pairs(work_dir: Path, post: I64, representative: I64) -> tuple[Arrays, dict[str, Any]]:
    """Posts that leave and for each the one that stays, for the blocks of those that leave."""
    where = load_part_index(work_dir)
    pairs = make_rows(post=post, stays=representative)
    return scatter_rows("pair", pairs, where.find_blocks(post), len(where.blocks)), {}


def _matches_folder(work_dir: Path, kind: str, block: int) -> Path:
    return work_dir / "noted" / kind / f"{block:06d}"


@dataclass(frozen=True)
class RecordMatches(ArrayTask):
    """Note for the posts of a block what a step has found out, beside what was known."""

    work_dir: Path
    kind: str
    block: int
    pair_folders: tuple[Path, ...]
    has_earlier: bool  # there was a step before

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return _matches_folder(self.work_dir, self.kind, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Of each post the one that stays, and what found it out."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        keeper, step = np.arange(low, high), np.zeros(high - low, np.uint8)
        code = _MATCH_KINDS.index(self.kind)
        if self.has_earlier:
            before = _matches_folder(self.work_dir, _MATCH_KINDS[code - 1], self.block)
            keeper, step = (
                array_store.load_array(before, "keeper"),
                array_store.load_array(before, "step"),
            )
        if self.pair_folders:
            pair = gather_rows(self.pair_folders, "pair", self.block)
            keeper[pair["post"] - low] = pair["stays"]
            step[pair["post"] - low] = code + 1
        return {"keeper": keeper, "step": step}, {}


@dataclass(frozen=True)
class WriteMatchParents(ArrayTask):
    """The forest in which each post that leaves hangs on the one that stays for it."""

    work_dir: Path
    kind: str
    block: int

    @property
    def folder(self) -> Path:
        """Where the parents go."""
        return self.work_dir / "kept" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The parent of each post, or -1."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        keeper = array_store.load_array(
            _matches_folder(self.work_dir, self.kind, self.block), "keeper"
        )
        return {
            "parent": np.where(keeper == np.arange(low, high), tree_roots.NO_PARENT, keeper)
        }, {}


@dataclass(frozen=True)
class ProposeCandidates(_KeyRangeTask):
    """Find the pairs of posts in a range of band keys that may be near duplicates."""

    min_equal_bits: int

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs, for the blocks of those not preferred; and edges that tie the same posts."""
        from corpus.dedup import candidates_kernel
        from corpus.partition import key_kernel

        where = load_part_index(self.work_dir)
        keys, posts, _ = self.gather_unmatched_keys(with_second=False)
        maybe = key_kernel.mark_possible_repeats(keys)
        keys, posts = keys[maybe], posts[maybe]
        order = np.lexsort((posts, map_post_array(self.work_dir, "prefer")[posts], keys))
        keys, posts = keys[order], posts[order]
        sketches = map_post_array(self.work_dir, "sketch")[posts]
        better, worse = candidates_kernel.propose_pairs(
            keys, posts, sketches, self.min_equal_bits, _MAX_LEADERS
        )
        pairs = _distinct_pair_rows(worse, better)
        tied = connected_components.star_edges(pairs["worse"].copy(), pairs["better"].copy())
        sent = scatter_rows("pair", pairs, where.find_blocks(pairs["worse"]), len(where.blocks))
        return {**sent, **connected_components.scatter_edges(self.work_dir, *tied)}, {}


def _distinct_pair_rows(worse: I64, better: I64) -> NDArray[Any]:
    """Each pair once, in order."""
    one, two = connected_components.distinct_pairs(worse, better)
    return make_rows(worse=one, better=two)


@dataclass(frozen=True)
class AssignBatches(ArrayTask):
    """Deal the posts of a block that have a pair to batches, what hangs together to one."""

    work_dir: Path
    block: int
    batch_count: int
    rounds: int
    pair_folders: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the batch of each post goes, and its pairs by batch."""
        return self.work_dir / "batches" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """0 for a post without a pair, else its batch from 1 on; and the pairs."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        posts, least = connected_components.load_labels(self.work_dir, self.block, self.rounds)
        mixed = least.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        batch = np.zeros(high - low, np.uint16)
        batch[posts - low] = 1 + (mixed >> np.uint64(32)) % np.uint64(self.batch_count)
        pair = gather_rows(self.pair_folders, "pair", self.block)
        pair = _distinct_pair_rows(pair["worse"], pair["better"])
        to = batch[pair["worse"] - low].astype(np.int64) - 1
        return {"batch": batch, **scatter_rows("pair", pair, to, self.batch_count)}, {}


@dataclass(frozen=True)
class ScatterShingles(ArrayTask):
    """Order the shingles of a block's posts that may be near duplicates by batch."""

    work_dir: Path
    block: int
    batch_count: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.work_dir / "shingles" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The posts by batch, where each batch begins, their shingles, and where each's begin."""
        from corpus.dedup import candidates_kernel

        where = load_part_index(self.work_dir)
        low, _ = where.block_rows(self.block)
        batch = array_store.load_array(
            AssignBatches(self.work_dir, self.block, 0, 0, ()).folder, "batch"
        )
        hashes, counts = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
        for part in range(*where.blocks[self.block]):
            begin, end = where.part_offsets[part : part + 2] - low
            chosen = np.flatnonzero(batch[begin:end])
            folder = where.folders[part]
            places = array_store.load_array(folder, "places")
            taken = candidates_kernel.gather_shingles(
                array_store.load_array(folder, "hashes"), places, chosen
            )
            hashes.append(taken[0])
            counts.append(taken[1])
        places = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        chosen = np.flatnonzero(batch)
        order = np.argsort(batch[chosen], kind="stable")
        cuts = np.searchsorted(batch[chosen[order]], np.arange(1, self.batch_count + 2))
        ordered, sizes = candidates_kernel.gather_shingles(np.concatenate(hashes), places, order)
        return {
            "posts": low + chosen[order], "cuts": cuts, "hashes": ordered,
            "places": np.concatenate([[0], np.cumsum(sizes)]),
        }, {}  # fmt: skip


@dataclass(frozen=True)
class VerifyCandidates(ArrayTask):
    """Decide for the posts of a batch which of them stay, by exact similarity."""

    work_dir: Path
    index: int
    jaccard: float

    @property
    def folder(self) -> Path:
        """Where the outcome goes."""
        return self.work_dir / "settled" / f"{self.index:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The posts that leave, and for each the one that stays."""
        from corpus.dedup import candidates_kernel

        posts, hashes, places = self._gather_shingles()
        prefer = map_post_array(self.work_dir, "prefer")[posts]
        order = np.lexsort((posts, prefer))  # the best first
        rank = np.empty(posts.size, np.int64)
        rank[order] = np.arange(posts.size)
        blocks = range(len(load_part_index(self.work_dir).blocks))
        folders = [AssignBatches(self.work_dir, block, 0, 0, ()).folder for block in blocks]
        pair = gather_rows(folders, "pair", self.index)
        ends = (rank[np.searchsorted(posts, pair[name])] for name in ("worse", "better"))
        ranked = _distinct_pair_rows(*ends)
        starts = np.searchsorted(ranked["worse"], np.arange(posts.size + 1))
        better = np.ascontiguousarray(ranked["better"])
        kept = candidates_kernel.verify_pairs(starts, better, order, hashes, places, self.jaccard)
        left = np.flatnonzero(kept != np.arange(posts.size))
        return _scatter_pairs(self.work_dir, posts[order[left]], posts[order[kept[left]]])

    def _gather_shingles(self) -> tuple[I64, NDArray[np.uint32], I64]:
        """The batch's posts in reading order, their shingles, and where each post's begin."""
        posts, hashes, counts = [], [], [np.zeros(1, np.int64)]
        for block in range(len(load_part_index(self.work_dir).blocks)):
            folder = ScatterShingles(self.work_dir, block, 0).folder
            low, high = (
                int(at) for at in array_store.load_slice(folder, "cuts", self.index, self.index + 2)
            )
            places = array_store.load_slice(folder, "places", low, high + 1)
            posts.append(array_store.load_slice(folder, "posts", low, high))
            hashes.append(array_store.load_slice(folder, "hashes", int(places[0]), int(places[-1])))
            counts.append(np.diff(places))
        return (
            np.concatenate(posts),
            np.concatenate(hashes),
            np.cumsum(np.concatenate(counts)),
        )
