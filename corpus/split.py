"""Set documents aside for validation so that nothing of them is in the rest.

Documents are tied by an author, a thread and a cluster of near duplicates, and what is tied goes
to one side. So nobody writes on both sides, no answer stands apart from what it answers, and no
near copy of a validation document is trained on. In a network nearly all may be tied together:
the big groups stay in the training set, and validation is drawn from the small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus import arrays, order
from corpus.errors import BuildError
from corpus.manifest import load_receipt, replacing, save_receipt

SPLITS = ("train", "validation")
_NEVER = -(1 << 62)  # the time of what has none
# A group may take up a quarter of the validation set.
_LARGEST = 4


def day(name: str) -> int | None:
    """When a day such as 2024-05-01 begins in UTC, in microseconds; None for no day."""
    if not name:
        return None
    return int(datetime.fromisoformat(name).replace(tzinfo=UTC).timestamp()) * 1_000_000


def ties(posts: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Rows, and names that they are tied by: what has a name in common belongs together."""
    names = [pl.concat_str(pl.lit("p:"), name) for name in _present(posts, _POSTS)]
    person = pl.concat_str(pl.lit("a:"), "platform", pl.lit(":"), "author")
    rows = posts.with_row_index("row").select(
        pl.col("row").cast(pl.Int64), pl.concat_list(person, *names).alias("name")
    )
    found = [rows.explode("name")]
    for column, start in (("post_ids", "p:"), ("authors", "a:")):
        if column in posts.columns:
            more = posts.with_row_index("row").select(
                pl.col("row").cast(pl.Int64), "platform", pl.col(column).alias("name")
            )
            more = more.explode("name", empty_as_null=False).drop_nulls("name")
            place = [pl.col("platform"), pl.lit(":")] if column == "authors" else []
            found.append(more.select("row", name=pl.concat_str(pl.lit(start), *place, "name")))
    whole = pl.concat(found).drop_nulls("name").unique(maintain_order=True)
    return whole["row"], whole["name"]


_POSTS = ("id", "parent_id", "root_id", "accepted_id", "cluster")


def _present(posts: pl.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in posts.columns]


@dataclass(frozen=True)
class TiePart:
    """The task of noting what each document of a part is tied by."""

    posts: Path
    folder: Path

    def __call__(self) -> TiePart:
        """Note it unless the receipt is there."""
        from corpus import kernels

        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is None:
            known = pl.read_parquet_schema(self.posts)
            wanted = ("platform", "author", "created_at", "post_ids", "authors", *_POSTS)
            columns = [name for name in wanted if name in known]
            posts = pl.read_parquet(self.posts, columns=columns, glob=False)
            rows, names = ties(posts)
            times = posts["created_at"].dt.timestamp("us").fill_null(_NEVER)
            found = {
                "rows": rows.to_numpy(),
                "names": kernels.hash128(*arrays.flat(names))[:, 0],
                "times": times.to_numpy(),
            }
            save_receipt(receipt, {}, arrays.save(found, self.folder))
        return self


def decide(
    folders: Sequence[Path], rows: Sequence[int], share: float, seed: int, after: int | None = None
) -> list[NDArray[np.bool_]]:
    """Of each part, which of its rows are set aside: about ``share`` of all documents.

    With ``after``, in microseconds, only of groups that hold nothing older, or without a date.
    Memory is linear in documents: some ninety bytes to a tie. Raises BuildError if nothing can be
    set aside.
    """
    from corpus import grouping

    count = sum(rows)
    begins = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    owners = [
        arrays.whole(folder, "rows") + begin
        for folder, begin in zip(folders, begins[:-1], strict=True)
    ]
    names = [arrays.whole(folder, "names") for folder in folders]
    owner = np.concatenate([np.empty(0, np.int64), *owners])
    _, name = np.unique(np.concatenate([np.empty(0, np.uint64), *names]), return_inverse=True)
    parents = np.arange(count + (int(name.max()) + 1 if name.size else 0), dtype=np.int64)
    grouping.join(parents, owner, name.astype(np.int64) + count)
    while not np.array_equal(up := parents[parents], parents):
        parents = up
    group = parents[:count]  # each group is called after its first document
    sizes = np.bincount(group, minlength=count)
    if after is not None:
        times = np.concatenate([arrays.whole(folder, "times") for folder in folders])
        sizes[group[times < after]] = 0
    aside = _aside(sizes, share * count, seed)[group]
    if not aside.any():
        largest = int(np.bincount(group).max()) if count else 0
        raise BuildError(
            f"nothing can be set aside for validation: {largest:,} of {count:,} documents are tied "
            "together by authors, threads or near duplicates, or all groups are too large or too "
            "old; ask for a larger share (output: validation) or an earlier validation_after"
        )
    return [aside[low:high] for low, high in pairwise(begins.tolist())]


def _aside(sizes: NDArray[np.int64], wanted: float, seed: int) -> NDArray[np.bool_]:
    """Which groups are set aside, by the number of their first documents."""
    able = np.flatnonzero((sizes > 0) & (sizes <= max(1, wanted / _LARGEST)))
    drawn = able[np.argsort(order.mixed(able.astype(np.uint64), "validation", seed))]
    chosen = np.zeros(sizes.size, np.bool_)
    chosen[drawn[np.cumsum(sizes[drawn]) <= max(1, wanted)]] = True
    return chosen


@dataclass(frozen=True)
class SplitPart:
    """The task of writing the two sides of a part."""

    posts: Path
    aside: Path  # a file of booleans
    folder: Path
    index: int

    @property
    def receipt(self) -> Path:
        """How many rows there are on each side, and how much text."""
        return self.folder / f"{self.index:06d}.json"

    def side(self, split: str) -> Path:
        """Where one side is."""
        return self.folder / f"{self.index:06d}.{split}.parquet"

    def __call__(self) -> SplitPart:
        """Write both unless the receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        posts = pl.read_parquet(self.posts, glob=False)
        aside = pl.Series(arrays.whole(self.aside.parent, self.aside.stem))
        found = {}
        for split, side in (("train", posts.filter(~aside)), ("validation", posts.filter(aside))):
            with replacing(self.side(split)) as temporary:
                side.write_parquet(temporary, compression="zstd", compression_level=1)
            found[split] = [side.height, int(side["text"].str.len_bytes().sum())]
        save_receipt(self.receipt, {"sides": found}, [self.side(split) for split in SPLITS])
        return self
