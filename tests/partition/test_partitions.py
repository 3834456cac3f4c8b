"""Rows, texts and keys are exchanged between partitions by files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corpus.partition import partitions
from corpus.partition.hashing import hash_strings
from corpus.tasks import array_store

U64 = np.uint64


def test_gathered_rows_are_those_scattered_to_the_destination(tmp_path: Path) -> None:
    folders = []
    for number, (values, destinations) in enumerate((([7, 8, 9], [1, 0, 1]), ([6], [1]))):
        rows = partitions.make_rows(value=np.array(values))
        scattered = partitions.scatter_rows("row", rows, np.array(destinations), 3)
        folders.append(tmp_path / str(number))
        array_store.save_arrays(scattered, folders[-1])
    gathered = [partitions.gather_rows(folders, "row", to)["value"].tolist() for to in range(3)]
    assert gathered == [[8], [7, 9, 6], []]


def test_gathered_texts_are_those_scattered_to_the_destination(tmp_path: Path) -> None:
    texts = pl.Series(["één", "", "two"])
    scattered = partitions.scatter_texts("text", texts, np.array([1, 1, 0]), 2)
    array_store.save_arrays(scattered, tmp_path)
    assert partitions.gather_texts([tmp_path], "text", 0).to_list() == ["two"]
    assert partitions.gather_texts([tmp_path], "text", 1).to_list() == ["één", ""]


def test_keys_are_gathered_by_range_with_the_row_indices_of_their_posts(tmp_path: Path) -> None:
    first = np.array([5 << 56, 200 << 56, 6 << 56], U64)
    keys = np.stack([first, np.array([10, 11, 12], U64)], axis=1)
    folders = [tmp_path / "0", tmp_path / "1"]
    array_store.save_arrays(partitions.partition_keys("ids", keys), folders[0])
    rows = np.array([4, 0, 2])
    array_store.save_arrays(partitions.partition_keys("ids", keys, rows), folders[1])
    parts = partitions.write_part_index(tmp_path, folders, [3, 5])
    keys_found, posts, seconds = partitions.gather_keys(parts, "ids", 0, 128)
    assert (keys_found >> U64(56)).tolist() == [5, 6, 5, 6]
    assert posts.tolist() == [0, 2, 3 + 4, 3 + 2]
    assert seconds.tolist() == [10, 12, 10, 12]
    excluded = np.arange(8) == 2
    _, posts, seconds = partitions.gather_keys(parts, "ids", 0, 128, False, excluded)
    assert posts.tolist() == [0, 7, 5]
    assert seconds.size == 0


def test_blocks_are_whole_parts_and_ranges_cover_all_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 5)
    monkeypatch.setattr(partitions, "RANGE_KEYS", 3)
    parts = partitions.write_part_index(tmp_path, [tmp_path] * 4, [2, 3, 4, 1])
    assert parts.blocks == [(0, 2), (2, 4)]
    assert [parts.block_rows(block) for block in (0, 1)] == [(0, 5), (5, 10)]
    assert parts.find_blocks(np.array([0, 4, 5, 9])).tolist() == [0, 0, 1, 1]
    assert [parts.find_block_of_part(part) for part in range(4)] == [0, 0, 1, 1]
    assert parts.key_ranges() == [(0, 64), (64, 128), (128, 192), (192, 256)]
    keys = np.array([0, 63 << 56, 64 << 56, 255 << 56], U64)
    assert parts.find_ranges(keys).tolist() == [0, 0, 1, 3]


def test_equal_strings_have_equal_keys_and_null_has_zeros() -> None:
    keys = hash_strings(pl.Series(["a", None, "b", "a", ""]))
    assert keys.shape == (5, 2)
    assert keys[0].tolist() == keys[3].tolist() != keys[2].tolist()
    assert keys[1].tolist() == [0, 0]
    assert keys[4].all()
