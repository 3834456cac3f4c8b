"""Scatter whole posts to buckets that fit in memory, and gather the posts of one bucket.

A part is scattered to one Parquet file with a row group for each bucket, so that a bucket is read
from all files without the rest.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import require_receipt
from corpus.tasks.task import ResumableTask, Written

#: The column with the bucket of each post; it is not written.
BUCKET = "_bucket"
# A task has a bucket in memory, with some copies: about so much text.
_BUCKET_BYTES = 24 << 20
_MAX_BUCKETS = 2048


def count_buckets(text_bytes: int) -> int:
    """The number of buckets for so much text; it depends on the input alone."""
    return max(1, min(_MAX_BUCKETS, -(-text_bytes // _BUCKET_BYTES)))


def scattered_file(folder: Path, part: int) -> Path:
    """The file of the scattered posts of a part."""
    return folder / f"{part:06d}.parquet"


@dataclass(frozen=True)
class ScatterPosts(ResumableTask):
    """Scatter the posts of a part to buckets; a subclass decides on the bucket of each post.

    Reads ``posts``; writes the file of ``part`` in ``folder``. The facts are the row group of each
    bucket.
    """

    posts: Path
    folder: Path
    part: int
    bucket_count: int

    @property
    def receipt(self) -> Path:
        """The receipt next to the file."""
        return scattered_file(self.folder, self.part).with_suffix(".json")

    @abstractmethod
    def assign_buckets(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts with the column :data:`BUCKET`, sorted by it, and columns for the gathering."""

    def write(self) -> Written:
        """Write the file, a row group for each bucket that has posts."""
        posts = self.assign_buckets(pl.read_parquet(self.posts, glob=False))
        target = scattered_file(self.folder, self.part)
        row_groups: dict[str, int] = {}
        with atomic_write(target) as temporary:
            schema = posts.drop(BUCKET).to_arrow().schema
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for frame in posts.partition_by(BUCKET, maintain_order=True):
                    row_groups[str(frame[BUCKET][0])] = len(row_groups)
                    table = frame.drop(BUCKET).to_arrow()
                    writer.write_table(table, row_group_size=table.num_rows)
        return Written([target], {"row_groups": row_groups})


def gather_bucket(folder: Path, part_count: int, bucket: int) -> pl.DataFrame:
    """The posts of a bucket from the files of all parts in ``folder``, part after part."""
    frames = []
    for part in range(part_count):
        source = scattered_file(folder, part)
        row_group = _load_row_groups(source.with_suffix(".json")).get(str(bucket))
        with pq.ParquetFile(source) as file:
            if row_group is not None:
                frames.append(pl.DataFrame(file.read_row_group(row_group)))
            elif not frames:
                frames.append(pl.DataFrame(file.schema_arrow.empty_table()))
    return pl.concat(frames)


@lru_cache(maxsize=4096)
def _load_row_groups(receipt: Path) -> dict[str, int]:
    # The files do not change any more: all parts are scattered before the first bucket is gathered.
    row_groups: dict[str, int] = require_receipt(receipt)["row_groups"]
    return row_groups
