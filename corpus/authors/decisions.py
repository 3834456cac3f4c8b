"""What the tasks of the ranges of authors have decided, by block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.partition.partitions import PartIndex, gather_rows, load_part_index
from filters.text.arrays import I64

#: The reason in place of 0 of a post that no rule drops, and that is not counted.
TURN = 255
#: A post is a row of some hundred bytes in its range, as much as so many keys.
KEYS_PER_POST = 3


def author_ranges(parts: PartIndex) -> list[tuple[int, int]]:
    """The key ranges of the hashes of authors."""
    return parts.key_ranges(KEYS_PER_POST)


def decided_folder(work_dir: Path, index: int) -> Path:
    """The folder of what was decided over the authors of a range."""
    return work_dir / "decided" / f"{index:03d}"


def load_block_decisions(work_dir: Path, block: int) -> tuple[I64, NDArray[np.uint8]]:
    """For each post of a block: how many posts its author has, and the reason to drop it.

    A post without an author has 0 posts. The reason of a turn is 0 or :data:`TURN`.
    """
    parts = load_part_index(work_dir)
    low, high = parts.block_rows(block)
    folders = [decided_folder(work_dir, index) for index in range(len(author_ranges(parts)))]
    post = gather_rows(folders, "post", block)
    at = post["row_index"] - low
    size = np.zeros(high - low, np.int64)
    reason = parts.load_block_array("reason", block)
    size[at], reason[at] = post["size"], post["reason"]
    return size, reason
