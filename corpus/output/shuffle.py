"""Put all posts in one random order that a seed decides, a part and then a bucket at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from corpus.partition import permutation
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt

# A bucket is held in memory whole: about this much text.
_BUCKET_BYTES = 24 << 20
_MAX_BUCKETS = 2048
_SORT_KEY = "_shuffle"


def count_buckets(text_bytes: int) -> int:
    """How many buckets so much text is shuffled in; the text alone decides."""
    return max(1, min(_MAX_BUCKETS, -(-text_bytes // _BUCKET_BYTES)))


@dataclass(frozen=True)
class ScatterPartAtRandom:
    """The task of sorting one part's posts by where they go, a row group a bucket.

    A post's place is the SplitMix64 hash of its number among all posts that stay. So neither the
    cut into parts nor the workers have a say in the order.
    """

    posts: Path
    target: Path
    first_row: int  # how many posts all parts before this one hold
    bucket_count: int
    seed: int

    @property
    def receipt(self) -> Path:
        """Which row group holds which bucket."""
        return self.target.with_suffix(".json")

    def __call__(self) -> ScatterPartAtRandom:
        """Sort the part unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        posts = pl.read_parquet(self.posts, glob=False)
        numbers = np.arange(self.first_row, self.first_row + posts.height, dtype=np.uint64)
        keys = permutation.splitmix64(numbers, "shuffle", self.seed)
        bucket = ((keys >> np.uint64(32)) * np.uint64(self.bucket_count)) >> np.uint64(32)
        posts = posts.with_columns(pl.Series(_SORT_KEY, keys), pl.Series("_bucket", bucket)).sort(
            _SORT_KEY
        )
        groups: dict[str, int] = {}
        with atomic_write(self.target) as temporary:
            schema = posts.drop("_bucket").to_arrow().schema
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for frame in posts.partition_by("_bucket", maintain_order=True):
                    groups[str(frame["_bucket"][0])] = len(groups)
                    table = frame.drop("_bucket").to_arrow()
                    writer.write_table(table, row_group_size=table.num_rows)
        save_receipt(self.receipt, {"groups": groups}, [self.target])
        return self


@dataclass(frozen=True)
class GatherBucket:
    """The task of putting one bucket's posts in order."""

    scattered_dir: Path  # the folder of scattered parts
    part_count: int
    target: Path
    index: int

    @property
    def receipt(self) -> Path:
        """How many rows there are, and how much text."""
        return self.target.with_suffix(".json")

    def __call__(self) -> GatherBucket:
        """Gather the bucket unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        frames = []
        for number in range(self.part_count):
            source = self.scattered_dir / f"{number:06d}.parquet"
            group = _load_row_groups(source.with_suffix(".json")).get(str(self.index))
            with pq.ParquetFile(source) as file:
                if group is not None:
                    frames.append(pl.DataFrame(file.read_row_group(group)))
                elif not frames:
                    frames.append(pl.DataFrame(file.schema_arrow.empty_table()))
        posts = pl.concat(frames).sort(_SORT_KEY).drop(_SORT_KEY)
        with atomic_write(self.target) as temporary:
            posts.write_parquet(temporary, compression="zstd", compression_level=1)
        sizes = {"rows": posts.height, "text_bytes": int(posts["text"].str.len_bytes().sum())}
        save_receipt(self.receipt, sizes, [self.target])
        return self


@lru_cache(maxsize=4096)
def _load_row_groups(receipt: Path) -> dict[str, int]:
    found = load_receipt(receipt)
    assert found is not None  # all parts are scattered before the first bucket is taken
    groups: dict[str, int] = found["groups"]
    return groups


def make_shuffle_tasks(
    parts: Sequence[tuple[Path, int, int]], work_dir: Path, seed: int
) -> tuple[list[ScatterPartAtRandom], list[GatherBucket]]:
    """What is to be done, in two steps, for parts of so many rows and so much text."""
    count = count_buckets(sum(text_bytes for _, _, text_bytes in parts))
    scattering, begin = [], 0
    for index, (posts, rows, _) in enumerate(parts):
        target = work_dir / "scattered" / f"{index:06d}.parquet"
        scattering.append(ScatterPartAtRandom(posts, target, begin, count, seed))
        begin += rows
    gathering = [
        GatherBucket(work_dir / "scattered", len(parts), work_dir / f"{index:06d}.parquet", index)
        for index in range(count)
    ]
    return scattering, gathering
