"""Find for every post the post that it duplicates: by id, by text, then by similarity.

All work is done by tasks of a key range, a block of posts, or a batch of posts that may be similar.
A range's task needs about 40 bytes for each of its :data:`~corpus.partition.partitions.RANGE_KEYS`
keys, a batch's task the shingles of its posts, about :data:`BATCH_BYTES`.

Each step excludes the posts that an earlier step has matched:

* ``ids`` and ``exact``: posts with equal keys; the preferred one represents the others.
* ``near``: posts that share a band key and have similar sketches are candidates. Connected
  components of candidates are assigned to batches, where each candidate is verified by the exact
  similarity of its shingles.
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
    PartIndex,
    Rows,
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    scatter_rows,
    write_part_index,
)
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, numbered_folder, run_tasks
from filters.text.arrays import I64, U64

#: The priority of a post is a number below half of this, and this times the index of the post's
#: source in ``prefer_sources``.
SOURCE_TIER = 1 << 56
#: The tier of posts that are kept only where a kept post answers them: after all sources, so that
#: they represent no other post.
TURN_TIER = 100

#: The shingles of a batch, in bytes.
BATCH_BYTES = 128 << 20
_MAX_BATCHES = 4096
_MAX_LEADERS = 64
# There is one id and one text for each post, and some twenty bands. A range of bands has fewer keys
# than so many would give, because the pairs of its posts need memory too.
_BAND_KEYS_PER_POST = 8
_MATCH_KINDS = ("ids", "exact", "near")
_LABEL = "comparing"


class RewrittenTexts(NamedTuple):
    """A comparison of posts by other texts than their own; only matches with earlier corpora count.

    The parts of the earlier corpora come first in it, as in the comparison of the posts' own texts.
    """

    work_dir: Path  # that of its ``find_duplicates``
    folders: tuple[Path, ...]  # one for each part of posts, with ``rows``: those that are compared
    earlier_parts: int


class BlockMatches(NamedTuple):
    """The matches of the posts of a block, in reading order."""

    #: The row index of the post that represents each post; of a post without a match, its own.
    representative: I64
    #: What matched: 0 nothing, 1 the id, 2 the text, 3 the similarity.
    match_kind: NDArray[np.uint8]


def find_duplicates(
    work_dir: Path,
    folders: Sequence[Path],
    run: RunTasks,
    jaccard: float | None,
    rewritten: RewrittenTexts | None = None,
    *,
    keyed_ids: bool = False,
) -> None:
    """Match the posts of all parts; :func:`load_matches` reads the result.

    ``folders`` have the arrays of the parts. ``jaccard`` is the least similarity of near
    duplicates; with None only ids and texts are compared. A post that ``rewritten`` matches with
    one of an earlier corpus has the same text as that. With ``keyed_ids`` the keys of ids are the
    arrays ``keyed_ids`` and not ``ids``.
    """
    parts = _join_part_arrays(work_dir, folders)
    blocks = range(len(parts.blocks))
    kinds = _MATCH_KINDS if jaccard is not None else _MATCH_KINDS[:-1]
    recorded: tuple[RecordMatches, ...] = ()
    for kind in kinds:
        matched = (_load_matched(parts, block, recorded) for block in blocks)
        array_store.save_concatenated(work_dir, "matched", matched, np.bool_, parts.row_count)
        if kind == "near":
            pair_folders = _find_near_duplicates(parts, run, jaccard or 1)
        else:
            arrays = "keyed_ids" if kind == "ids" and keyed_ids else kind
            matching = [MatchEqualKeys(work_dir, kind, *cut, arrays) for cut in parts.key_ranges()]
            run_tasks(run, matching, _LABEL)
            pair_folders = tuple(task.folder for task in matching)
        if kind == "exact" and rewritten:
            adding = [
                AddRewrittenMatches(work_dir, rewritten, block, jaccard is not None)
                for block in range(len(PartIndex(rewritten.work_dir).blocks))
            ]
            run_tasks(run, adding, _LABEL)
            pair_folders += tuple(task.folder for task in adding)  # after the others: they count
        recorded = tuple(
            RecordMatches(work_dir, kind, block, pair_folders, bool(recorded)) for block in blocks
        )
        run_tasks(run, recorded, _LABEL)
    # A post that represents others may itself be a near duplicate: the root of the tree represents
    # all of them.
    tree_roots.find_roots_by_block(
        work_dir, lambda block: WriteMatchParents(work_dir, kinds[-1], block), run, _LABEL
    )


def load_matches(work_dir: Path, block: int, near: bool) -> BlockMatches:
    """The matches of a block; ``near`` says whether near duplicates were compared."""
    kind = _MATCH_KINDS[2 if near else 1]
    return BlockMatches(
        array_store.load_array(tree_roots.roots_folder(work_dir, block), "root"),
        array_store.load_array(_matches_folder(work_dir, kind, block), "match_kind"),
    )


def _join_part_arrays(work_dir: Path, folders: Sequence[Path]) -> PartIndex:
    """Write the part index, and concatenate the arrays that ranges and batches look posts up in."""
    counts = [int(array_store.map_array(folder, "priority").shape[0]) for folder in folders]
    parts = write_part_index(work_dir, folders, counts)
    names = {"priority": np.int64, "sketch": np.uint64, "is_repost": np.bool_, "version": np.int64}
    for name, dtype in names.items():
        arrays = (array_store.map_array(folder, name) for folder in folders)
        array_store.save_concatenated(work_dir, name, arrays, dtype, parts.row_count)
    return parts


def _load_matched(
    parts: PartIndex, block: int, recorded: Sequence[RecordMatches]
) -> NDArray[np.bool_]:
    """A mask of the posts of a block that an earlier step has matched."""
    low, high = parts.block_rows(block)
    if not recorded:
        return np.zeros(high - low, bool)
    matched: NDArray[np.bool_] = array_store.load_array(recorded[block].folder, "match_kind") != 0
    return matched


def _find_near_duplicates(parts: PartIndex, run: RunTasks, jaccard: float) -> tuple[Path, ...]:
    """Propose, batch and verify candidates; the folders with the pairs that were verified."""
    work_dir = parts.work_dir
    # Posts at the threshold share at least so many of 64 bits, except for one pair in ten thousand
    # (four standard deviations).
    share = (1 + jaccard) / 2
    min_equal_bits = int(64 * share - 4 * (64 * share * (1 - share)) ** 0.5)
    proposing = [
        ProposeCandidates(work_dir, "bands", *cut, min_equal_bits)
        for cut in parts.key_ranges(_BAND_KEYS_PER_POST)
    ]
    run_tasks(run, proposing, _LABEL)
    rounds, posts = connected_components.find_components(work_dir, proposing, run, _LABEL)
    if not posts:
        return ()
    size = sum(array_store.array_bytes(folder, "hashes") for folder in parts.folders)
    count = int(min(_MAX_BATCHES, 1 + size * posts / parts.row_count // BATCH_BYTES))
    pairs = tuple(task.folder for task in proposing)
    blocks = range(len(parts.blocks))
    assigning = [AssignBatches(work_dir, block, count, rounds, pairs) for block in blocks]
    run_tasks(run, assigning, _LABEL)
    run_tasks(run, [ScatterShingles(work_dir, block, count) for block in blocks], _LABEL)
    verifying = [VerifyCandidates(work_dir, batch, jaccard) for batch in range(count)]
    run_tasks(run, verifying, _LABEL)
    return tuple(task.folder for task in verifying)


def _matches_folder(work_dir: Path, kind: str, block: int) -> Path:
    return numbered_folder(work_dir / "matches", kind, block)


def _batches_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "batches", block)


def _shingles_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "shingles", block)


# --------------------------------------------------------------------------- equal keys


@dataclass(frozen=True)
class _KeyRangeTask(ArrayTask):
    work_dir: Path
    kind: str
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """The folder of the pairs that the range gives."""
        return self.work_dir / f"{self.kind}-{self.low:03d}-{self.high:03d}"

    def gather_unmatched_keys(self, arrays: str, with_second: bool) -> tuple[U64, I64, U64]:
        """The keys of the range, the row indices of their posts, and second keys.

        Posts that an earlier step has matched are excluded.
        """
        matched = array_store.map_array(self.work_dir, "matched")
        parts = load_part_index(self.work_dir)
        return gather_keys(parts, arrays, self.low, self.high, with_second, matched)


@dataclass(frozen=True)
class MatchEqualKeys(_KeyRangeTask):
    """Pair the posts of a key range that have equal keys.

    Reads the keys of all parts. Writes each matched post with its representative, scattered by
    block of the matched post.
    """

    arrays: str  # the name of the arrays with the keys

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs."""
        from corpus.dedup import candidates_kernel
        from corpus.partition import key_kernel

        keys, posts, seconds = self.gather_unmatched_keys(self.arrays, with_second=True)
        maybe = key_kernel.mark_possible_repeats(keys)
        keys, posts, seconds = keys[maybe], posts[maybe], seconds[maybe]
        priority = array_store.map_array(self.work_dir, "priority")[posts]
        ranks = [posts, priority]
        if self.kind == "ids":
            # An original is preferred to its reposts before all else, and of copies of the same
            # tier of sources the one that was recorded last.
            names = ("version", "is_repost")
            version, is_repost = (array_store.map_array(self.work_dir, n)[posts] for n in names)
            tier = (priority + SOURCE_TIER // 2) // SOURCE_TIER
            ranks += [version, tier, is_repost, tier >= TURN_TIER]
        order = np.lexsort((*ranks, seconds, keys))
        pairs = candidates_kernel.pair_equal_keys(keys[order], seconds[order], posts[order])
        return _scatter_matches(self.work_dir, *pairs), {}


def _scatter_matches(work_dir: Path, post: I64, representative: I64) -> Arrays:
    """Matched posts and their representatives, scattered by block of the matched post."""
    pairs = make_rows(post=post, representative=representative)
    return load_part_index(work_dir).scatter_by_block("pair", pairs, post)


@dataclass(frozen=True)
class AddRewrittenMatches(ArrayTask):
    """Pair posts with the posts of earlier corpora that equal or resemble their rewritten texts.

    Reads the matches of a block of that comparison. Writes each post that is not matched by its id
    with its representative, scattered by block of the post.
    """

    work_dir: Path
    rewritten: RewrittenTexts
    block: int  # of the other comparison
    near: bool

    @property
    def folder(self) -> Path:
        """The folder of the pairs."""
        return numbered_folder(self.work_dir, "rewritten", self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs."""
        other, parts = PartIndex(self.rewritten.work_dir), load_part_index(self.work_dir)
        earlier_parts = self.rewritten.earlier_parts
        earlier_rows = other.part_offsets[earlier_parts]
        low, high = other.blocks[self.block]
        root = load_matches(self.rewritten.work_dir, self.block, self.near).representative
        begin = other.part_offsets[low]
        posts, representatives = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for part in range(max(low, earlier_parts), high):
            first, last = other.part_offsets[part : part + 2] - begin
            rows = array_store.load_array(
                self.rewritten.folders[part - earlier_parts], "rows"
            ).astype(np.int64)
            is_match = root[first:last] < earlier_rows
            posts.append(parts.part_offsets[part] + rows[is_match])
            representatives.append(root[first:last][is_match])
        post, representative = np.concatenate(posts), np.concatenate(representatives)
        is_new = ~array_store.map_array(self.work_dir, "matched")[post]
        return _scatter_matches(self.work_dir, post[is_new], representative[is_new]), {}


@dataclass(frozen=True)
class RecordMatches(ArrayTask):
    """Add the matches of a step to those of the step before, for the posts of a block.

    Reads the pairs of the step. Writes the representative and the kind of match of each post.
    """

    work_dir: Path
    kind: str
    block: int
    pair_folders: tuple[Path, ...]
    has_earlier: bool  # whether there was a step before

    @property
    def folder(self) -> Path:
        """The folder of both arrays."""
        return _matches_folder(self.work_dir, self.kind, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Both arrays."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        representative, match_kind = np.arange(low, high), np.zeros(high - low, np.uint8)
        step = _MATCH_KINDS.index(self.kind)
        if self.has_earlier:
            earlier = _matches_folder(self.work_dir, _MATCH_KINDS[step - 1], self.block)
            representative = array_store.load_array(earlier, "representative")
            match_kind = array_store.load_array(earlier, "match_kind")
        if self.pair_folders:
            pair = gather_rows(self.pair_folders, "pair", self.block)
            representative[pair["post"] - low] = pair["representative"]
            match_kind[pair["post"] - low] = step + 1
        return {"representative": representative, "match_kind": match_kind}, {}


@dataclass(frozen=True)
class WriteMatchParents(ArrayTask):
    """Write the trees of matches of a block: the parent of a post is its representative."""

    work_dir: Path
    kind: str
    block: int

    @property
    def folder(self) -> Path:
        """The folder of the array ``parent``."""
        return numbered_folder(self.work_dir, "match-parents", self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The row index of the parent of each post, or -1."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        folder = _matches_folder(self.work_dir, self.kind, self.block)
        representative = array_store.load_array(folder, "representative")
        is_root = representative == np.arange(low, high)
        return {"parent": np.where(is_root, tree_roots.NO_PARENT, representative)}, {}


# --------------------------------------------------------------------------- near duplicates


@dataclass(frozen=True)
class ProposeCandidates(_KeyRangeTask):
    """Propose pairs of posts that share a band key of a range and have similar sketches.

    Reads the band keys of all parts. Writes the pairs, scattered by block of the post that is not
    preferred, and edges with the same connected components.
    """

    min_equal_bits: int

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs and the edges."""
        from corpus.dedup import candidates_kernel
        from corpus.partition import key_kernel

        keys, posts, _ = self.gather_unmatched_keys(self.kind, with_second=False)
        maybe = key_kernel.mark_possible_repeats(keys)
        keys, posts = keys[maybe], posts[maybe]
        priority = array_store.map_array(self.work_dir, "priority")[posts]
        order = np.lexsort((posts, priority, keys))
        keys, posts = keys[order], posts[order]
        sketches = array_store.map_array(self.work_dir, "sketch")[posts]
        better, worse = candidates_kernel.propose_pairs(
            keys, posts, sketches, self.min_equal_bits, _MAX_LEADERS
        )
        pairs = _distinct_pair_rows(worse, better)
        edges = connected_components.star_edges(pairs["worse"].copy(), pairs["better"].copy())
        parts = load_part_index(self.work_dir)
        return {
            **parts.scatter_by_block("pair", pairs, pairs["worse"]),
            **connected_components.scatter_edges(self.work_dir, *edges),
        }, {}


def _distinct_pair_rows(worse: I64, better: I64) -> Rows:
    """Each pair of posts once, in order of the post that is not preferred."""
    worse, better = connected_components.distinct_pairs(worse, better)
    return make_rows(worse=worse, better=better)


@dataclass(frozen=True)
class AssignBatches(ArrayTask):
    """Assign the posts of a block that have a candidate to batches, a component to one batch.

    Reads the pairs of the block and the labels of its components. Writes the batch of each post,
    from 1 on, or 0 for a post without a candidate; and the pairs, scattered by batch.
    """

    work_dir: Path
    block: int
    batch_count: int
    rounds: int
    pair_folders: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """The folder of the batches and the pairs."""
        return _batches_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The batches and the pairs."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        posts, least = connected_components.load_labels(self.work_dir, self.block, self.rounds)
        mixed = least.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        batch = np.zeros(high - low, np.uint16)
        batch[posts - low] = 1 + (mixed >> np.uint64(32)) % np.uint64(self.batch_count)
        pair = gather_rows(self.pair_folders, "pair", self.block)
        pair = _distinct_pair_rows(pair["worse"], pair["better"])
        destinations = batch[pair["worse"] - low].astype(np.int64) - 1
        return {"batch": batch, **scatter_rows("pair", pair, destinations, self.batch_count)}, {}


@dataclass(frozen=True)
class ScatterShingles(ArrayTask):
    """Order the shingles of a block's posts that have a candidate by batch.

    Reads the shingles of the parts. Writes the posts by batch with the offset of each batch, and
    their shingles with the offset of each post.
    """

    work_dir: Path
    block: int
    batch_count: int

    @property
    def folder(self) -> Path:
        """The folder of the arrays."""
        return _shingles_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The arrays."""
        from corpus.dedup import candidates_kernel

        parts = load_part_index(self.work_dir)
        low, _ = parts.block_rows(self.block)
        batch = array_store.load_array(_batches_folder(self.work_dir, self.block), "batch")
        hashes, counts = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
        for part in range(*parts.blocks[self.block]):
            begin, end = parts.part_offsets[part : part + 2] - low
            part_hashes, part_counts = candidates_kernel.gather_shingles(
                array_store.load_array(parts.folders[part], "hashes"),
                array_store.load_array(parts.folders[part], "offsets"),
                np.flatnonzero(batch[begin:end]),
            )
            hashes.append(part_hashes)
            counts.append(part_counts)
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        chosen = np.flatnonzero(batch)
        order = np.argsort(batch[chosen], kind="stable")
        cuts = np.searchsorted(batch[chosen[order]], np.arange(1, self.batch_count + 2))
        ordered, sizes = candidates_kernel.gather_shingles(np.concatenate(hashes), offsets, order)
        return {
            "posts": low + chosen[order],
            "cuts": cuts,
            "hashes": ordered,
            "offsets": np.concatenate([[0], np.cumsum(sizes)]),
        }, {}


@dataclass(frozen=True)
class VerifyCandidates(ArrayTask):
    """Verify the candidates of a batch by the exact similarity of their shingles.

    Reads the pairs and the shingles of the batch from all blocks. Writes each matched post with its
    representative, scattered by block of the matched post.
    """

    work_dir: Path
    batch: int
    jaccard: float

    @property
    def folder(self) -> Path:
        """The folder of the pairs."""
        return numbered_folder(self.work_dir, "verified", self.batch)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The pairs."""
        from corpus.dedup import candidates_kernel

        posts, hashes, offsets = self._gather_shingles()
        priority = array_store.map_array(self.work_dir, "priority")[posts]
        order = np.lexsort((posts, priority))  # the preferred post first
        rank = np.empty(posts.size, np.int64)
        rank[order] = np.arange(posts.size)
        blocks = range(len(load_part_index(self.work_dir).blocks))
        folders = [_batches_folder(self.work_dir, block) for block in blocks]
        pair = gather_rows(folders, "pair", self.batch)
        worse, better = (rank[np.searchsorted(posts, pair[end])] for end in ("worse", "better"))
        ranked = _distinct_pair_rows(worse, better)
        starts = np.searchsorted(ranked["worse"], np.arange(posts.size + 1))
        representative = candidates_kernel.verify_pairs(
            starts, np.ascontiguousarray(ranked["better"]), order, hashes, offsets, self.jaccard
        )
        matched = np.flatnonzero(representative != np.arange(posts.size))
        representatives = posts[order[representative[matched]]]
        return _scatter_matches(self.work_dir, posts[order[matched]], representatives), {}

    def _gather_shingles(self) -> tuple[I64, NDArray[np.uint32], I64]:
        """The batch's posts in reading order, their shingles, and the offset of each post."""
        posts, hashes, counts = [], [], [np.zeros(1, np.int64)]
        for block in range(len(load_part_index(self.work_dir).blocks)):
            folder = _shingles_folder(self.work_dir, block)
            low, high = array_store.load_slice(folder, "cuts", self.batch, self.batch + 2).tolist()
            offsets = array_store.load_slice(folder, "offsets", low, high + 1)
            posts.append(array_store.load_slice(folder, "posts", low, high))
            first, last = int(offsets[0]), int(offsets[-1])
            hashes.append(array_store.load_slice(folder, "hashes", first, last))
            counts.append(np.diff(offsets))
        return np.concatenate(posts), np.concatenate(hashes), np.cumsum(np.concatenate(counts))
