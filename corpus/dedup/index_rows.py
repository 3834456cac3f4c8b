"""Find which of the posts that dedup saw reached the shards: what its index is to hold.

Where nothing made other rows of the posts behind dedup, a part's posts are still in the part of
the same number. ``conversations`` puts them into documents of threads, wherever those lie; then
the ids meet by range of keys, and each block is told which of its posts are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.conversations.documents import HOME
from corpus.partition.partitions import (
    U64,
    Arrays,
    Run,
    Step,
    addressed,
    done,
    entries,
    keyed,
    lay_out,
    layout,
    received,
    rows,
)
from corpus.tasks import array_store

_STEP = "indexing"


class Seen(NamedTuple):
    """A part as dedup saw it."""

    posts: Path
    verdict: Path  # what dedup said of it


class Found(NamedTuple):
    """The rows of a part that are left: a run of the array ``rows`` in ``folder``."""

    folder: Path
    low: int
    high: int


def find(room: Path, seen: Sequence[Seen], parts: Sequence[Path], run: Run) -> list[Found]:
    """The rows of each part that ``parts``, the posts behind the last stage, still hold."""
    if _documents(parts) == _documents([part.posts for part in seen]):
        tasks = [
            Compare(room, *part, left, index)
            for index, (part, left) in enumerate(zip(seen, parts, strict=True))
        ]
        told = done(run, tasks, _STEP)
        return [Found(task.folder, 0, each["rows"]) for task, each in zip(tasks, told, strict=True)]
    stay = [Stay(room, *part, index) for index, part in enumerate(seen)]
    where = lay_out(room, [t.folder for t in stay], [t["posts"] for t in done(run, stay, _STEP)])
    held = [Held(room / "documents", path, index) for index, path in enumerate(parts)]
    lay_out(
        room / "documents", [t.folder for t in held], [t["posts"] for t in done(run, held, _STEP)]
    )
    meeting = [Meet(room, *cut) for cut in where.ranges()]
    done(run, meeting, _STEP)
    folders = tuple(task.folder for task in meeting)
    blocks = [Left(room, folders, block) for block in range(len(where.blocks))]
    done(run, blocks, _STEP)
    found = []
    for task, (low, high) in zip(blocks, where.blocks, strict=True):
        cuts = array_store.whole(task.folder, "cuts")
        found += [Found(task.folder, *cuts[at : at + 2].tolist()) for at in range(high - low)]
    return found


def _documents(parts: Sequence[Path]) -> bool:
    return any(HOME in pl.scan_parquet(path, glob=False).collect_schema() for path in parts[:1])


def _hashes(ids: pl.Series) -> U64:
    from corpus.dedup import minhash_kernel

    return minhash_kernel.hash128(*array_store.flat(ids))


def _ids(path: Path, column: str = "id") -> pl.Series:
    return pl.read_parquet(path, columns=[column], glob=False)[column]


def _stays(verdict: Path) -> NDArray[np.bool_]:
    # A post that was there twice has the id of one that stays.
    found: NDArray[np.bool_] = _ids(verdict, "reject").is_null().to_numpy()
    return found


@dataclass(frozen=True)
class Compare(Step):
    """Find the posts of a part in what is left of it."""

    posts: Path
    verdict: Path
    left: Path
    part: int

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.room / "kept" / f"{self.part:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows."""
        ids, left = _hashes(_ids(self.posts))[:, 0], _hashes(_ids(self.left))[:, 0]
        found = np.flatnonzero(np.isin(ids, left) & _stays(self.verdict))
        return {"rows": found}, {"rows": found.size}


# --------------------------------------------------------------------------- behind documents


@dataclass(frozen=True)
class Stay(Step):
    """Note the ids of the posts of a part that dedup lets stay."""

    posts: Path
    verdict: Path
    part: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.room / "stay" / f"{self.part:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Their keys, by range."""
        ids = _ids(self.posts)
        stays = np.flatnonzero(_stays(self.verdict))
        return keyed("ids", _hashes(ids.gather(stays)), stays), {"posts": len(ids)}


@dataclass(frozen=True)
class Held(Step):
    """Note the ids of the posts in a bucket's documents."""

    documents: Path
    bucket: int

    @property
    def folder(self) -> Path:
        """Where they go."""
        return self.room / f"{self.bucket:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Their keys, by range."""
        ids = _ids(self.documents, "post_ids").explode(empty_as_null=False).drop_nulls()
        return keyed("ids", _hashes(ids)), {"posts": len(ids)}


@dataclass(frozen=True)
class Meet(Step):
    """Find the posts of a range of keys that are in a document."""

    low: int
    high: int

    @property
    def folder(self) -> Path:
        """Where their places go."""
        return self.room / f"meet-{self.low:03d}-{self.high:03d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Their places, for the blocks they are of."""
        where = layout(self.room)
        keys, posts, _ = entries(where, "ids", self.low, self.high, more=False)
        held, _, _ = entries(
            layout(self.room / "documents"), "ids", self.low, self.high, more=False
        )
        left = posts[np.isin(keys, held)]
        return addressed("post", rows(post=left), where.block_of(left), len(where.blocks)), {}


@dataclass(frozen=True)
class Left(Step):
    """Put the posts of a block that are left in order, a part after the other."""

    ranges: tuple[Path, ...]
    block: int

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.room / "left" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """Rows within their parts, and where each part's begin."""
        where = layout(self.room)
        low, high = where.blocks[self.block]
        posts = np.sort(received(self.ranges, "post", self.block)["post"])
        cuts = np.searchsorted(posts, where.begins[low : high + 1])
        begins = np.repeat(where.begins[low:high], np.diff(cuts))
        return {"rows": posts - begins, "cuts": cuts}, {}
