"""The conversations stage as tasks: link parts, shuffle posts by thread, write documents."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from corpus.conversations import documents as conversations
from corpus.conversations import reply_links
from corpus.partition.partitions import load_part_index
from corpus.schema import LEDGER_COLUMNS
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, require_receipt, save_receipt

# A bucket is held in memory whole, with some copies: about this much text.
_BUCKET_BYTES = 24 << 20
_MAX_BUCKETS = 2048


@dataclass(frozen=True)
class MeasureReplyLinks:
    """The task of noting who answers whom in one part."""

    posts: Path
    folder: Path

    def __call__(self) -> MeasureReplyLinks:
        """Measure the part unless its receipt is there."""
        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is None:
            began = time.perf_counter()
            columns = ["id", "kind", "parent_id"]
            posts = pl.read_parquet(self.posts, columns=columns, glob=False)
            written = array_store.save_arrays(reply_links.measure_links(posts), self.folder)
            save_receipt(receipt, {"seconds": time.perf_counter() - began}, written)
        return self


def count_buckets(text_bytes: int) -> int:
    """How many buckets so much text is shuffled into; the input alone decides."""
    return max(1, min(_MAX_BUCKETS, -(-text_bytes // _BUCKET_BYTES)))


@dataclass(frozen=True)
class ScatterPartByThread:
    """The task of sorting one part's posts by bucket, a row group a bucket."""

    posts: Path
    target: Path
    links_dir: Path
    part: int
    bucket_count: int

    @property
    def receipt(self) -> Path:
        """Which row group holds which bucket."""
        return self.target.with_suffix(".json")

    def __call__(self) -> ScatterPartByThread:
        """Sort the part unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        began = time.perf_counter()
        self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        begin = int(load_part_index(self.links_dir).part_offsets[self.part])
        parent, root = reply_links.load_parents_and_roots(self.links_dir, self.part)
        posts = pl.read_parquet(self.posts, glob=False).with_columns(
            pl.Series("_at", np.arange(begin, begin + root.size)),
            pl.Series("_parent", parent),
            pl.Series("_root", root),
            pl.Series("_bucket", assign_buckets(root, self.bucket_count)),
        )
        groups: dict[str, int] = {}
        posts = posts.sort("_bucket", maintain_order=True)
        with atomic_write(self.target) as temporary:
            schema = posts.drop("_bucket").to_arrow().schema
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for frame in posts.partition_by("_bucket", maintain_order=True):
                    groups[str(frame["_bucket"][0])] = len(groups)
                    table = frame.drop("_bucket").to_arrow()
                    writer.write_table(table, row_group_size=max(1, table.num_rows))
        seconds = time.perf_counter() - began
        save_receipt(self.receipt, {"groups": groups, "seconds": seconds}, [self.target])
        return self


def assign_buckets(root: Any, count: int) -> Any:
    """The bucket of each root: neighbouring threads in different ones, evenly."""
    mixed = root.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(32)) % np.uint64(count)).astype(np.int64)


@dataclass(frozen=True)
class MakeBucketDocuments:
    """The task of making documents of the threads in one bucket."""

    scattered_dir: Path  # the folder of scattered parts
    part_count: int
    folder: Path
    index: int
    stage: str
    config: str

    @property
    def kept(self) -> Path:
        """Where the documents go."""
        return self.folder / f"{self.index:06d}.kept.parquet"

    @property
    def dropped(self) -> Path:
        """Where the ledger rows of posts in no document go."""
        return self.folder / f"{self.index:06d}.dropped.parquet"

    @property
    def receipt(self) -> Path:
        """Its existence says that the bucket is done."""
        return self.folder / f"{self.index:06d}.json"

    def __call__(self) -> MakeBucketDocuments:
        """Make the documents unless the receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = conversations.Config.model_validate_json(self.config)
        began = time.perf_counter()
        posts = self._gather_posts()
        at = posts["_at"].to_numpy()
        order = np.argsort(at)
        parent = posts["_parent"].to_numpy()
        # A thread lies in one bucket whole, so every parent is here.
        place = order[np.searchsorted(at[order], np.maximum(parent, at.min(initial=0)))]
        rows = np.where(parent < 0, -1, place).tolist()
        plain = posts.drop("_at", "_parent", "_root")
        kept, reject = conversations.make_documents(plain, rows, config)
        lost = plain.with_columns(reject).filter(pl.col("reject").is_not_null())
        ledger = lost.select(
            "id",
            pl.lit(self.stage).alias("stage"),
            pl.col("reject").alias("reason"),
            "source_file",
            "source_row",
        ).cast(LEDGER_COLUMNS)  # type: ignore[arg-type]
        for frame, path in ((kept, self.kept), (ledger, self.dropped)):
            with atomic_write(path) as temporary:
                frame.write_parquet(temporary, compression="zstd", compression_level=1)
        counts = lost["reject"].value_counts().sort("reject")
        row = {
            "stage": self.stage,
            "read": posts.height,
            "kept": posts.height - lost.height,
            "dropped": dict(counts.iter_rows()),
            "documents": kept.height,
            "seconds": time.perf_counter() - began,
        }
        receipt = {
            "posts": kept.height,
            "text_bytes": int(kept["text"].str.len_bytes().sum()),
            "funnel": [row],
        }
        save_receipt(self.receipt, receipt, [self.kept, self.dropped])
        return self

    def _gather_posts(self) -> pl.DataFrame:
        """The bucket's posts, a thread's together, threads and posts in reading order."""
        frames = []
        for number in range(self.part_count):
            source = self.scattered_dir / f"{number:06d}.parquet"
            group = _load_row_groups(source.with_suffix(".json")).get(str(self.index))
            with pq.ParquetFile(source) as file:
                if group is not None:
                    frames.append(pl.from_arrow(file.read_row_group(group)))
                elif not frames:
                    frames.append(pl.from_arrow(file.schema_arrow.empty_table()))
        found = pl.concat([frame for frame in frames if isinstance(frame, pl.DataFrame)])
        return found.sort("_root", "_at")


@lru_cache(maxsize=4096)
def _load_row_groups(receipt: Path) -> dict[str, int]:
    # All parts are scattered before the first bucket is taken.
    groups: dict[str, int] = require_receipt(receipt)["groups"]
    return groups
