"""Shuffle all posts in one random order that a seed decides, part by part, then bucket by bucket.

The sort key of a post is the SplitMix64 hash of its number among all kept posts. So neither the
division into parts nor the number of workers changes the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from corpus.partition import permutation
from corpus.partition.buckets import BUCKET, ScatterPosts, count_buckets, gather_bucket
from corpus.tasks.files import atomic_write
from corpus.tasks.task import ResumableTask, Written

_SORT_KEY = "_shuffle"


@dataclass(frozen=True)
class ScatterPartAtRandom(ScatterPosts):
    """Scatter the posts of a part by their sort keys: a bucket has a range of keys."""

    first_row: int  # the number of posts in all parts before this one
    seed: int

    def assign_buckets(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts sorted by key, with key and bucket."""
        numbers = np.arange(self.first_row, self.first_row + posts.height, dtype=np.uint64)
        keys = permutation.splitmix64(numbers, "shuffle", self.seed)
        bucket = ((keys >> np.uint64(32)) * np.uint64(self.bucket_count)) >> np.uint64(32)
        columns = pl.Series(_SORT_KEY, keys), pl.Series(BUCKET, bucket)
        return posts.with_columns(*columns).sort(_SORT_KEY)


@dataclass(frozen=True)
class GatherBucket(ResumableTask):
    """Gather the posts of a bucket from all scattered parts and sort them by key.

    Writes ``target``; the facts are its rows and the bytes of its text.
    """

    scattered_dir: Path
    part_count: int
    target: Path
    index: int

    @property
    def receipt(self) -> Path:
        """The receipt next to the file."""
        return self.target.with_suffix(".json")

    def write(self) -> Written:
        """Write the posts of the bucket."""
        posts = gather_bucket(self.scattered_dir, self.part_count, self.index)
        posts = posts.sort(_SORT_KEY).drop(_SORT_KEY)
        with atomic_write(self.target) as temporary:
            posts.write_parquet(temporary, compression="zstd", compression_level=1)
        text_bytes = int(posts["text"].str.len_bytes().sum())
        return Written([self.target], {"rows": posts.height, "text_bytes": text_bytes})


def make_shuffle_tasks(
    parts: Sequence[tuple[Path, int, int]], work_dir: Path, seed: int
) -> tuple[list[ScatterPartAtRandom], list[GatherBucket]]:
    """The tasks of the two steps of a shuffle.

    ``parts`` are the file, the rows and the bytes of text of each part.
    """
    count = count_buckets(sum(text_bytes for _, _, text_bytes in parts))
    scattered_dir = work_dir / "scattered"
    scattering, first_row = [], 0
    for part, (posts, rows, _) in enumerate(parts):
        scattering.append(ScatterPartAtRandom(posts, scattered_dir, part, count, first_row, seed))
        first_row += rows
    gathering = [
        GatherBucket(scattered_dir, len(parts), work_dir / f"{bucket:06d}.parquet", bucket)
        for bucket in range(count)
    ]
    return scattering, gathering
