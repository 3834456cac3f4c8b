"""Partition all posts by block and by key range, and exchange rows between partitions by files.

The *row index* of a post is its number in reading order over all parts. A *block* is a sequence of
whole parts with about :data:`BLOCK_POSTS` posts, and a *key range* is a share of the values of the
first byte of a key. A task works on one block or one key range and has only that in memory. It
scatters rows to other partitions: its output is one array, ordered by destination, with the offset
of each destination. A task of the next step gathers the slices that are for its partition from the
outputs of all tasks. So no process has something for every post in memory.
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
from filters.text.arrays import I64, U64

#: The posts of a block. A block's task needs some tens of bytes for each.
BLOCK_POSTS = 4_000_000
#: The keys of a key range. A range's task needs some forty bytes for each.
RANGE_KEYS = 4_000_000

Rows = NDArray[Any]  # a structured array


# --------------------------------------------------------------------------- the part index


@dataclass(frozen=True)
class PartIndex:
    """The folders of the parts' arrays, the row indices of each part, and the blocks.

    It is read from ``part-index.json`` in ``work_dir``.
    """

    work_dir: Path

    @cached_property
    def _stored(self) -> dict[str, Any]:
        text = (self.work_dir / "part-index.json").read_text(encoding="utf-8")
        stored: dict[str, Any] = json.loads(text)
        return stored

    @cached_property
    def folders(self) -> list[Path]:
        """The folder with the arrays of each part."""
        return [self.work_dir / name for name in self._stored["folders"]]

    @cached_property
    def part_offsets(self) -> I64:
        """The row index of the first post of each part, and the number of all posts at the end."""
        return np.cumsum([0, *self._stored["rows"]], dtype=np.int64)

    @property
    def row_count(self) -> int:
        """The number of all posts."""
        return int(self.part_offsets[-1])

    @cached_property
    def blocks(self) -> list[tuple[int, int]]:
        """The first part of each block, and the part after its last."""
        return [tuple(pair) for pair in self._stored["blocks"]]

    @cached_property
    def _block_offsets(self) -> I64:
        return np.array([self.part_offsets[low] for low, _ in self.blocks[1:]], np.int64)

    def block_rows(self, block: int) -> tuple[int, int]:
        """The first row index of a block, and the row index after its last."""
        low, high = self.blocks[block]
        return int(self.part_offsets[low]), int(self.part_offsets[high])

    def find_blocks(self, row_indices: I64) -> I64:
        """The block of each row index."""
        return np.searchsorted(self._block_offsets, row_indices, side="right")

    def find_block_of_part(self, part: int) -> int:
        """The block of a part's posts; for a part without posts, any block."""
        return int(self.find_blocks(self.part_offsets[part : part + 1])[0])

    def key_ranges(self, keys_per_post: int = 1) -> list[tuple[int, int]]:
        """The key ranges: for each the lowest first byte, and the one after its highest."""
        count = count_ranges(self.row_count * keys_per_post)
        return [(number * 256 // count, (number + 1) * 256 // count) for number in range(count)]

    def find_ranges(self, keys: U64, keys_per_post: int = 1) -> I64:
        """The number of the key range of each key."""
        lowest = np.array([low for low, _ in self.key_ranges(keys_per_post)], np.uint64)
        return np.searchsorted(lowest, keys >> np.uint64(56), side="right") - 1

    def scatter_by_block(self, name: str, rows: Rows, row_indices: I64) -> Arrays:
        """Scatter ``rows`` to the blocks of the posts with these row indices."""
        return scatter_rows(name, rows, self.find_blocks(row_indices), len(self.blocks))

    def load_block_array(self, name: str, block: int) -> Any:
        """One array of all parts of a block, concatenated."""
        low, high = self.blocks[block]
        folders = self.folders[low:high]
        return np.concatenate([array_store.load_array(folder, name) for folder in folders])


def count_ranges(keys: int) -> int:
    """The number of key ranges for so many keys: a power of two, 256 at most."""
    count = 1
    while count < min(256, keys / RANGE_KEYS):
        count *= 2
    return count


@lru_cache(maxsize=4)
def load_part_index(work_dir: Path) -> PartIndex:
    """The part index of ``work_dir``; it is read once in a process."""
    return PartIndex(work_dir)


def write_part_index(
    work_dir: Path, folders: Sequence[Path], row_counts: Sequence[int]
) -> PartIndex:
    """Group the parts into blocks and write the part index to ``work_dir``; return it.

    ``folders`` have the arrays of the parts, ``row_counts`` their posts. The counts alone decide
    on the blocks, so that a resumed build has the same ones.
    """
    blocks, low, posts = [], 0, 0
    for part, count in enumerate(row_counts):
        if part > low and posts + count > BLOCK_POSTS:
            blocks.append((low, part))
            low, posts = part, 0
        posts += count
    if row_counts:
        blocks.append((low, len(row_counts)))
    work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [str(Path(array_store.relative_path(folder, work_dir))) for folder in folders]
    stored = {"folders": names, "rows": list(row_counts), "blocks": blocks}
    write_json(work_dir / "part-index.json", stored)
    save_receipt(work_dir / "part-index-written.json", {}, [work_dir / "part-index.json"])
    load_part_index.cache_clear()
    return load_part_index(work_dir)


# --------------------------------------------------------------------------- scatter and gather


def make_rows(**columns: NDArray[Any]) -> Rows:
    """A structured array of columns that have the same length."""
    types = [(name, column.dtype) for name, column in columns.items()]
    rows = np.empty(len(next(iter(columns.values()))), types)
    for name, column in columns.items():
        rows[name] = column
    return rows


def scatter_rows(
    name: str, rows: Rows, destinations: NDArray[Any], destination_count: int
) -> Arrays:
    """``rows`` ordered by destination, and the offset of each destination.

    ``destinations`` has a number below ``destination_count`` for each row. :func:`gather_rows`
    reads the arrays when they are saved.
    """
    destinations = destinations.astype(np.int64, copy=False)
    offsets = np.zeros(destination_count + 1, np.int64)
    np.cumsum(np.bincount(destinations, minlength=destination_count), out=offsets[1:])
    if np.any(destinations[1:] < destinations[:-1]):
        # Of small numbers numpy makes a radix sort.
        small = np.uint8 if destination_count <= 1 << 8 else np.uint16
        is_small = destination_count <= 1 << 16
        order = np.argsort(destinations.astype(small) if is_small else destinations, kind="stable")
        rows = rows.take(order, axis=0)  # ten times as fast as rows[order] where rows have fields
    return {name: rows, f"{name}_cuts": offsets}


def gather_rows(folders: Iterable[Path], name: str, destination: int) -> Rows:
    """The rows for one destination in all ``folders``, in the order of the folders."""
    rows = []
    for folder in folders:
        low, high = array_store.load_slice(folder, f"{name}_cuts", destination, destination + 2)
        rows.append(array_store.load_slice(folder, name, int(low), int(high)))
    return np.concatenate(rows)


def scatter_texts(
    name: str, texts: pl.Series, destinations: NDArray[Any], destination_count: int
) -> Arrays:
    """As :func:`scatter_rows` for texts without null; :func:`gather_texts` reads the arrays."""
    order = np.argsort(destinations, kind="stable")
    cuts = np.searchsorted(destinations[order], np.arange(destination_count + 1))
    data, offsets = array_store.flatten_strings(texts.gather(order))
    data = data[offsets[0] : offsets[-1]]
    return {name: data, f"{name}_offsets": offsets - offsets[0], f"{name}_cuts": cuts}


def gather_texts(folders: Iterable[Path], name: str, destination: int) -> pl.Series:
    """The texts for one destination in all ``folders``, in the order of the folders."""
    texts = [pl.Series(name, [], dtype=pl.String)]
    for folder in folders:
        low, high = array_store.load_slice(folder, f"{name}_cuts", destination, destination + 2)
        offsets = array_store.load_slice(folder, f"{name}_offsets", int(low), int(high) + 1)
        data = array_store.load_slice(folder, name, int(offsets[0]), int(offsets[-1]))
        texts.append(array_store.unflatten_strings(data, offsets - offsets[0]).alias(name))
    return pl.concat(texts)


# --------------------------------------------------------------------------- keys by range


def partition_keys(
    name: str, keys: U64, row_of_key: NDArray[Any] | None = None
) -> dict[str, NDArray[Any]]:
    """Arrays of 128-bit keys, ordered so that :func:`gather_keys` reads one range of them.

    ``keys`` has the shape (n, 2). ``row_of_key`` is the row of each key in its part; by default
    the keys are those of rows 0 to n - 1.
    """
    from corpus.partition import key_kernel

    first_half = np.ascontiguousarray(keys[:, :1])
    ordered, rows, cuts = key_kernel.partition_by_first_byte(first_half)
    second_half = keys[:, 1][rows]
    return {
        f"{name}_keys": ordered,
        f"{name}_more": second_half,
        f"{name}_rows": rows if row_of_key is None else row_of_key[rows].astype(np.uint32),
        f"{name}_cuts": cuts,
    }


def gather_keys(
    parts: PartIndex,
    name: str,
    low: int,
    high: int,
    with_second: bool = True,
    excluded: NDArray[np.bool_] | None = None,
) -> tuple[U64, I64, U64]:
    """The keys of all parts whose first byte is in ``range(low, high)``.

    Returns the first halves of the keys, the row indices of their posts, and the second halves
    (none unless ``with_second``), in the order of the parts. ``excluded`` is a mask over all posts
    of those to skip.
    """
    keys, row_indices, seconds = [np.empty(0, np.uint64)], [np.empty(0, np.int64)], []
    for offset, folder in zip(parts.part_offsets, parts.folders, strict=False):
        cuts = array_store.load_slice(folder, f"{name}_cuts", low, high + 1)
        first, last = int(cuts[0]), int(cuts[-1])
        if first == last:
            continue
        rows = array_store.load_slice(folder, f"{name}_rows", first, last)
        indices = offset + rows.astype(np.int64)
        chosen = slice(None) if excluded is None else ~excluded[indices]
        keys.append(array_store.load_slice(folder, f"{name}_keys", first, last)[chosen])
        row_indices.append(indices[chosen])
        if with_second:
            seconds.append(array_store.load_slice(folder, f"{name}_more", first, last)[chosen])
    seconds.append(np.empty(0, np.uint64))
    return np.concatenate(keys), np.concatenate(row_indices), np.concatenate(seconds)
