"""How tasks that each see a piece of all posts hand numbers on to one another, through storage.

A post's *place* is its number in reading order over all parts. A *block* is a run of whole parts
of some :data:`BLOCK_POSTS` posts, and a *range* is a share of the space of keys. A task is of one
block or of one range, holds what belongs to it, and leaves rows for other blocks in one file,
ordered by block, of which each of those reads its own stretch. So no process holds something for
every post.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.tasks import array_store
from corpus.tasks.files import write_json
from corpus.tasks.receipts import save_receipt
from corpus.tasks.task import Arrays

#: A block's task holds some tens of bytes for each of these.
BLOCK_POSTS = 4_000_000
#: A range's task holds some forty bytes for each key.
RANGE_KEYS = 4_000_000

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Rows = NDArray[Any]  # a structured array


# --------------------------------------------------------------------------- who is where


@dataclass(frozen=True)
class PartIndex:
    """Where the parts' arrays lie, which places in reading order are theirs, and the blocks."""

    work_dir: Path

    @cached_property
    def _stored(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.work_dir / "layout.json").read_text(encoding="utf-8")
        )
        return found

    @cached_property
    def folders(self) -> list[Path]:
        """A folder a part."""
        return [self.work_dir / name for name in self._stored["folders"]]

    @cached_property
    def part_offsets(self) -> I64:
        """The place of each part's first post, and the count of all at the end."""
        return np.cumsum([0, *self._stored["rows"]], dtype=np.int64)

    @property
    def row_count(self) -> int:
        """How many posts there are."""
        return int(self.part_offsets[-1])

    @cached_property
    def blocks(self) -> list[tuple[int, int]]:
        """The parts of each block: from, to."""
        return [tuple(pair) for pair in self._stored["blocks"]]

    @cached_property
    def _block_offsets(self) -> I64:
        return np.array([self.part_offsets[low] for low, _ in self.blocks[1:]], np.int64)

    def block_rows(self, block: int) -> tuple[int, int]:
        """The places of a block: from, to."""
        low, high = self.blocks[block]
        return int(self.part_offsets[low]), int(self.part_offsets[high])

    def find_blocks(self, row_indices: I64) -> I64:
        """The block that each of some places lies in."""
        return np.searchsorted(self._block_offsets, row_indices, side="right")

    def key_ranges(self, keys_per_post: int = 1) -> list[tuple[int, int]]:
        """The shares of the 256 first bytes of keys that a task each looks at: from, to."""
        count = count_ranges(self.row_count * keys_per_post)
        return [(at * 256 // count, (at + 1) * 256 // count) for at in range(count)]

    def find_ranges(self, keys: U64, keys_per_post: int = 1) -> I64:
        """The number of the range that each of some keys lies in."""
        begins = np.array([low for low, _ in self.key_ranges(keys_per_post)], np.uint64)
        return np.searchsorted(begins, keys >> np.uint64(56), side="right") - 1

    def find_block_of_part(self, part: int) -> int:
        """The block that a part's posts lie in; of a part without posts, any that reads as none."""
        return int(self.find_blocks(self.part_offsets[part : part + 1])[0])

    def load_block_array(self, name: str, block: int) -> Any:
        """One array of a block's parts, end to end."""
        low, high = self.blocks[block]
        return np.concatenate(
            [array_store.load_array(folder, name) for folder in self.folders[low:high]]
        )


def count_ranges(keys: int) -> int:
    """How many ranges so many keys are cut into: a power of two, 256 at most."""
    count = 1
    while count < min(256, keys / RANGE_KEYS):
        count *= 2
    return count


@lru_cache(maxsize=4)
def load_part_index(work_dir: Path) -> PartIndex:
    """The layout in ``room``, read once a process."""
    return PartIndex(work_dir)


def write_part_index(
    work_dir: Path, folders: Sequence[Path], row_counts: Sequence[int]
) -> PartIndex:
    """Write down where each part begins, and cut them into blocks; the counts alone decide."""
    blocks, low, held = [], 0, 0
    for index, count in enumerate(row_counts):
        if index > low and held + count > BLOCK_POSTS:
            blocks.append((low, index))
            low, held = index, 0
        held += count
    if row_counts:
        blocks.append((low, len(row_counts)))
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [str(Path(array_store.relative_path(folder, work_dir))) for folder in folders]
    found = {"folders": names, "rows": list(row_counts), "blocks": blocks}
    write_json(work_dir / "layout.json", found)
    save_receipt(work_dir / "laid-out.json", {}, [work_dir / "layout.json"])
    load_part_index.cache_clear()
    return load_part_index(work_dir)


# --------------------------------------------------------------------------- rows for others


def make_rows(**columns: NDArray[Any]) -> Rows:
    """Columns of one length as rows."""
    types = [(name, column.dtype) for name, column in columns.items()]
    found = np.empty(len(next(iter(columns.values()))), types)
    for name, column in columns.items():
        found[name] = column
    return found


def scatter_rows(
    name: str, rows: Rows, destinations: NDArray[Any], destination_count: int
) -> Arrays:
    """``found`` ordered by who it is for, ``to`` below ``count``, as :func:`received` reads it."""
    order = np.argsort(destinations, kind="stable")
    cuts = np.searchsorted(destinations[order], np.arange(destination_count + 1))
    return {name: rows[order], f"{name}_cuts": cuts}


def gather_rows(folders: Iterable[Path], name: str, destination: int) -> Rows:
    """What all ``folders`` hold for ``to``, in their order."""
    found = []
    for folder in folders:
        low, high = array_store.load_slice(folder, f"{name}_cuts", destination, destination + 2)
        found.append(array_store.load_slice(folder, name, int(low), int(high)))
    return np.concatenate(found)


def scatter_texts(
    name: str, texts: pl.Series, destinations: NDArray[Any], destination_count: int
) -> Arrays:
    """The same of texts, for :func:`received_texts`; none may be null."""
    order = np.argsort(destinations, kind="stable")
    cuts = np.searchsorted(destinations[order], np.arange(destination_count + 1))
    data, places = array_store.flatten_strings(texts.gather(order))
    held = data[places[0] : places[-1]]
    return {name: held, f"{name}_places": places - places[0], f"{name}_cuts": cuts}


def gather_texts(folders: Iterable[Path], name: str, destination: int) -> pl.Series:
    """The texts that all ``folders`` hold for ``to``, in their order."""
    found = [pl.Series(name, [], dtype=pl.String)]
    for folder in folders:
        low, high = array_store.load_slice(folder, f"{name}_cuts", destination, destination + 2)
        places = array_store.load_slice(folder, f"{name}_places", int(low), int(high) + 1)
        data = array_store.load_slice(folder, name, int(places[0]), int(places[-1]))
        found.append(array_store.unflatten_strings(data, places - places[0]).alias(name))
    return pl.concat(found)


# --------------------------------------------------------------------------- keys by range


def partition_keys(
    name: str, keys: U64, row_of_key: NDArray[Any] | None = None
) -> dict[str, NDArray[Any]]:
    """Keys of 128 bits, ordered so that a range of them is read without the others.

    ``of``: the row of each key, if that is not its number.
    """
    from corpus.partition import key_kernel

    first, rows, cuts = key_kernel.partition_by_first_byte(np.ascontiguousarray(keys[:, :1]))
    more = keys[:, 1][rows]
    whose = rows if row_of_key is None else row_of_key[rows].astype(np.uint32)
    return {
        f"{name}_keys": first,
        f"{name}_more": more,
        f"{name}_rows": whose,
        f"{name}_cuts": cuts,
    }


def gather_keys(
    parts: PartIndex, name: str, low: int, high: int, with_second: bool = True, excluded: Any = None
) -> tuple[U64, I64, U64]:
    """The keys of all parts in a range, the places of the posts they are of, and second keys.

    In reading order of the parts; without posts that ``gone``, a mask over all posts, tells.
    """
    keys, posts, others = [], [], []
    for begin, folder in zip(parts.part_offsets, parts.folders, strict=False):
        cuts = array_store.load_slice(folder, f"{name}_cuts", low, high + 1)
        first, last = int(cuts[0]), int(cuts[-1])
        if first == last:
            continue
        here = begin + array_store.load_slice(folder, f"{name}_rows", first, last).astype(np.int64)
        left = slice(None) if excluded is None else ~excluded[here]
        keys.append(array_store.load_slice(folder, f"{name}_keys", first, last)[left])
        posts.append(here[left])
        if with_second:
            others.append(array_store.load_slice(folder, f"{name}_more", first, last)[left])
    none = np.empty(0, np.uint64)
    return (
        np.concatenate([none, *keys]),
        np.concatenate([np.empty(0, np.int64), *posts]),
        np.concatenate([none, *others]),
    )
