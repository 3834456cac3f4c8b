"""Decide over all parts which post stays for each: by id, by text, then nearly.

Everything that grows with the corpus is done by tasks that see a range of keys, or a batch of
posts that may be alike, and that hand on files; they run wherever the runner puts them. What one
process holds for all posts together is 19 bytes a post. A task of a range of keys holds some
:data:`SLICE_POSTS` posts times the bands, about 40 bytes each; one of a batch its posts' shingles,
some :data:`BATCH_BYTES`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus import arrays
from corpus.manifest import load_receipt, replacing, save_receipt, write_json

SLICE_POSTS = 500_000
BATCH_BYTES = 128 << 20
_MOST_BATCHES = 4096
_MOST_LEADERS = 64
# Of ids and of texts there is one key a post, where there are some twenty of bands.
_FEWER = 8

I64 = NDArray[np.int64]
Run = Callable[[Sequence[Any], str], Iterable[Any]]


class Found(NamedTuple):
    """The outcome over all posts, in reading order."""

    keeper: I64  # which post stays for each; a post that stays names itself
    step: NDArray[np.uint8]  # 0: it stays; else what found it out: 1 its id, 2 its text, 3 nearly


@dataclass(frozen=True)
class Layout:
    """Where the parts' arrays lie, and which places in reading order are theirs."""

    room: Path  # a folder for what is found on the way

    @cached_property
    def folders(self) -> list[Path]:
        """A folder a part."""
        named = json.loads((self.room / "layout.json").read_text(encoding="utf-8"))
        return [self.room / name for name in named["folders"]]

    @cached_property
    def begins(self) -> I64:
        """The place of each part's first post, and the count of all at the end."""
        named = json.loads((self.room / "layout.json").read_text(encoding="utf-8"))
        return np.cumsum([0, *named["rows"]], dtype=np.int64)

    @property
    def posts(self) -> int:
        """How many posts there are."""
        return int(self.begins[-1])

    def mapped(self, name: str) -> Any:
        """An array over all posts."""
        return np.load(self.room / f"{name}.npy", mmap_mode="r")


@lru_cache(maxsize=1)
def layout(room: Path) -> Layout:
    """The layout in ``room``, read once a process."""
    return Layout(room)


def lay_out(room: Path, folders: Sequence[Path]) -> Layout:
    """Put the parts' small arrays end to end on disk, and write down where each part begins."""
    room.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = [int(arrays.mapped(folder, "prefer").shape[0]) for folder in folders]
    names = [str(Path(arrays.relative(folder, room))) for folder in folders]
    write_json(room / "layout.json", {"folders": names, "rows": rows})
    for name, dtype in (("prefer", np.int64), ("sketch", np.uint64), ("again", np.bool_)):
        with replacing(room / f"{name}.npy") as temporary, open(temporary, "wb") as file:
            arrays.append(
                file, (arrays.mapped(folder, name) for folder in folders), dtype, sum(rows)
            )
    written = [room / name for name in ("layout.json", "prefer.npy", "sketch.npy", "again.npy")]
    save_receipt(room / "laid-out.json", {}, written)
    layout.cache_clear()
    return layout(room)


def find(room: Path, folders: Sequence[Path], run: Run, jaccard: float | None) -> Found:
    """Decide over the parts whose arrays lie in ``folders``; ``jaccard`` None: no near ones."""
    everything = lay_out(room, folders)
    keeper = np.arange(everything.posts)
    step = np.zeros(everything.posts, np.uint8)
    for code, kind in ((1, "ids"), (2, "exact")):
        _save(room / "gone.npy", step != 0)
        tasks = [EqualKeys(room, kind, *cut) for cut in _slices(everything, _FEWER)]
        for other, stays in _pairs(run, tasks):
            keeper[other], step[other] = stays, code
    if jaccard is not None:
        _save(room / "gone.npy", step != 0)
        for other, stays in _near(everything, run, jaccard):
            keeper[other], step[other] = stays, 3
    # An exact copy of a near duplicate follows it to the post that stays.
    while not np.array_equal(onward := keeper[keeper], keeper):
        keeper = onward
    return Found(keeper, step)


def _slices(everything: Layout, fewer: int = 1) -> list[tuple[int, int]]:
    """The ranges of keys that a task each looks at: from, to. Each part is opened for each."""
    count = 1
    while count < min(256, everything.posts / (SLICE_POSTS * fewer)):
        count *= 2
    return [(at * 256 // count, (at + 1) * 256 // count) for at in range(count)]


def _pairs(run: Run, tasks: Sequence[_Task]) -> Iterator[tuple[I64, I64]]:
    for task in run(tasks, "comparing"):
        yield np.load(task.files[0]), np.load(task.files[1])


def _near(everything: Layout, run: Run, jaccard: float) -> Iterator[tuple[I64, I64]]:
    """Pairs of a post and the one that it nearly says again."""
    from corpus import grouping

    room = everything.room
    # Of 64 bits, posts at the threshold share this many but once in ten thousand times.
    share = (1 + jaccard) / 2
    least = int(64 * share - 4 * (64 * share * (1 - share)) ** 0.5)
    slices = [LikeSketches(room, "bands", *cut, least) for cut in _slices(everything)]
    parents = np.arange(everything.posts)
    paired = np.zeros(everything.posts, bool)
    for better, worse in _pairs(run, slices):
        grouping.join(parents, better, worse)
        paired[better] = paired[worse] = True
    chosen = np.flatnonzero(paired)
    if not chosen.size:
        return
    size = sum((folder / "hashes.npy").stat().st_size for folder in everything.folders)
    count = int(min(_MOST_BATCHES, 1 + size * chosen.size / everything.posts // BATCH_BYTES))
    batch = np.zeros(everything.posts, np.uint16)
    batch[chosen] = 1 + grouping.batches(parents, chosen, count)
    del parents, paired, chosen
    _save(room / "batch.npy", batch)
    for task in slices:
        task.scatter(batch, count)
    del batch
    parts = [ShinglesOfPart(room, index, count) for index in range(len(everything.folders))]
    for _ in run(parts, "comparing"):
        pass
    edges = [task.scattered for task in slices]
    shingles = [task.folder for task in parts]
    yield from _pairs(
        run, [Settle(room, index, jaccard, tuple(edges), tuple(shingles)) for index in range(count)]
    )


def _save(path: Path, array: NDArray[Any]) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)
    save_receipt(path.with_suffix(".json"), {}, [path])


# --------------------------------------------------------------------------- tasks


@dataclass(frozen=True)
class _Task:
    """Something to find out that leaves two arrays behind."""

    room: Path

    @property
    def folder(self) -> Path:
        """Where the arrays go."""
        raise NotImplementedError

    @property
    def files(self) -> list[Path]:
        """The arrays."""
        return [self.folder / "one.npy", self.folder / "two.npy"]

    def find(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Find them out."""
        raise NotImplementedError

    def __call__(self) -> _Task:
        """Find them out unless that is done."""
        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is None:
            one, two = self.find()
            written = arrays.save({"one": one, "two": two}, self.folder)
            save_receipt(receipt, {}, written)
        return self


@dataclass(frozen=True)
class _Slice(_Task):
    kind: str
    low: int
    high: int

    @property
    def folder(self) -> Path:
        return self.room / f"{self.kind}-{self.low:03d}-{self.high:03d}"

    def entries(self, more: bool) -> tuple[NDArray[np.uint64], I64, NDArray[np.uint64]]:
        """The keys in the range of all posts that are left, whose they are, and second keys."""
        everything = layout(self.room)
        gone = everything.mapped("gone")
        keys, posts, others = [], [], []
        for begin, folder in zip(everything.begins, everything.folders, strict=False):
            cuts = arrays.piece(folder, f"{self.kind}_cuts", self.low, self.high + 1)
            low, high = int(cuts[0]), int(cuts[-1])
            if low == high:
                continue
            rows = begin + arrays.piece(folder, f"{self.kind}_rows", low, high).astype(np.int64)
            left = ~gone[rows]
            keys.append(arrays.piece(folder, f"{self.kind}_keys", low, high)[left])
            posts.append(rows[left])
            if more:
                others.append(arrays.piece(folder, f"{self.kind}_more", low, high)[left])
        none = np.empty(0, np.uint64)
        return (
            np.concatenate([none, *keys]),
            np.concatenate([np.empty(0, np.int64), *posts]),
            np.concatenate([none, *others]),
        )


@dataclass(frozen=True)
class EqualKeys(_Slice):
    """Find the posts in a range of keys that have both keys in common."""

    def find(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The posts that leave, and for each the one that stays."""
        from corpus import grouping

        everything = layout(self.room)
        one, posts, two = self.entries(more=True)
        maybe = grouping.perhaps_shared(one)
        one, posts, two = one[maybe], posts[maybe], two[maybe]
        ranks = [posts, everything.mapped("prefer")[posts]]
        if self.kind == "ids":  # an original stays before its reposts, whatever else is preferred
            ranks.append(everything.mapped("again")[posts])
        order = np.lexsort((*ranks, two, one))
        return grouping.first_of_equal(one[order], two[order], posts[order])


@dataclass(frozen=True)
class LikeSketches(_Slice):
    """Find the pairs of posts in a range of band keys that may be near duplicates."""

    least: int

    def find(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The preferred of each pair, and the other; each pair once."""
        from corpus import grouping

        everything = layout(self.room)
        keys, posts, _ = self.entries(more=False)
        maybe = grouping.perhaps_shared(keys)
        keys, posts = keys[maybe], posts[maybe]
        order = np.lexsort((posts, everything.mapped("prefer")[posts], keys))
        keys, posts = keys[order], posts[order]
        sketches = everything.mapped("sketch")[posts]
        better, worse = grouping.candidates(keys, posts, sketches, self.least, _MOST_LEADERS)
        pairs = np.unique(np.stack([worse, better], axis=1), axis=0)
        return pairs[:, 1], pairs[:, 0]

    @property
    def scattered(self) -> Path:
        """Where the pairs lie by batch."""
        return self.folder / "scattered"

    def scatter(self, batch: NDArray[np.uint16], count: int) -> None:
        """Order the pairs by batch, so that a batch is read without the others."""
        better, worse = (np.load(file) for file in self.files)
        of = batch[worse] - 1
        order = np.argsort(of, kind="stable")
        cuts = np.searchsorted(of[order], np.arange(count + 1))
        ordered = {"better": better[order], "worse": worse[order], "cuts": cuts}
        save_receipt(self.scattered / "receipt.json", {}, arrays.save(ordered, self.scattered))


@dataclass(frozen=True)
class ShinglesOfPart(_Task):
    """Order the shingles of a part's posts that may be near duplicates by batch."""

    index: int
    count: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.room / "shingles" / f"{self.index:06d}"

    @property
    def files(self) -> list[Path]:
        """The arrays."""
        return [self.folder / f"{name}.npy" for name in ("posts", "cuts", "hashes", "places")]

    def __call__(self) -> ShinglesOfPart:
        """Order them unless that is done."""
        from corpus import grouping

        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is not None:
            return self
        everything = layout(self.room)
        begin, end = everything.begins[self.index : self.index + 2]
        batch = np.array(everything.mapped("batch")[begin:end])
        rows = np.flatnonzero(batch)
        rows = rows[np.argsort(batch[rows], kind="stable")]
        cuts = np.searchsorted(batch[rows], np.arange(1, self.count + 2))
        folder = everything.folders[self.index]
        places = np.array(arrays.mapped(folder, "places"))
        hashes, counts = grouping.take_shingles(arrays.whole(folder, "hashes"), places, rows)
        found = {
            "posts": begin + rows, "cuts": cuts, "hashes": hashes,
            "places": np.concatenate([[0], np.cumsum(counts)]),
        }  # fmt: skip
        save_receipt(receipt, {}, arrays.save(found, self.folder))
        return self


@dataclass(frozen=True)
class Settle(_Task):
    """Decide for the posts of a batch which of them stay, by exact similarity."""

    index: int
    jaccard: float
    edges: tuple[Path, ...]
    shingles: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the outcome goes."""
        return self.room / "settled" / f"{self.index:06d}"

    def find(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The posts that leave, and for each the one that stays."""
        from corpus import grouping

        posts, hashes, places = self._shingles()
        prefer = layout(self.room).mapped("prefer")[posts]
        order = np.lexsort((posts, prefer))  # the best first
        rank = np.empty(posts.size, np.int64)
        rank[order] = np.arange(posts.size)
        pieces = [
            np.stack([rank[np.searchsorted(posts, pair)] for pair in self._pairs(folder)], axis=1)
            for folder in self.edges
        ]
        pairs = np.unique(np.concatenate(pieces), axis=0)
        del pieces
        starts = np.searchsorted(pairs[:, 0], np.arange(posts.size + 1))
        better = np.ascontiguousarray(pairs[:, 1])
        kept = grouping.settle(starts, better, order, hashes, places, self.jaccard)
        left = np.flatnonzero(kept != np.arange(posts.size))
        return posts[order[left]], posts[order[kept[left]]]

    def _pairs(self, folder: Path) -> tuple[I64, I64]:
        low, high = arrays.mapped(folder, "cuts")[self.index : self.index + 2]
        return arrays.piece(folder, "worse", low, high), arrays.piece(folder, "better", low, high)

    def _shingles(self) -> tuple[I64, NDArray[np.uint32], I64]:
        """The batch's posts in reading order, their shingles, and where each post's begin."""
        posts, hashes, counts = [], [], [np.zeros(1, np.int64)]
        for folder in self.shingles:
            low, high = (int(at) for at in arrays.mapped(folder, "cuts")[self.index :][:2])
            places = arrays.piece(folder, "places", low, high + 1)
            posts.append(arrays.piece(folder, "posts", low, high))
            hashes.append(arrays.piece(folder, "hashes", int(places[0]), int(places[-1])))
            counts.append(np.diff(places))
        return (
            np.concatenate(posts),
            np.concatenate(hashes),
            np.cumsum(np.concatenate(counts)),
        )
