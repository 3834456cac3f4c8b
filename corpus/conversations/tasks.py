"""The tasks of ``conversations``: hash reply links, scatter posts by thread, make documents."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.conversations import documents, reply_links
from corpus.partition.buckets import BUCKET, ScatterPosts, gather_bucket
from corpus.partition.part_task import PartTask
from corpus.partition.partitions import load_part_index
from corpus.schema import LEDGER_COLUMNS, LEDGER_PEOPLE, ledger_people
from corpus.tasks.task import Arrays, ArrayTask, Written
from filters.text.arrays import I64


@dataclass(frozen=True)
class MeasureReplyLinks(ArrayTask):
    """Hash the ids of the posts of a part and the ids that they reply to."""

    posts: Path
    folder: Path

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The arrays of :func:`reply_links.measure_links`."""
        columns = ["id", "kind", "parent_id"]
        return reply_links.measure_links(
            pl.read_parquet(self.posts, columns=columns, glob=False)
        ), {}


@dataclass(frozen=True)
class ScatterPartByThread(ScatterPosts):
    """Scatter the posts of a part by the root of their thread: a thread is in one bucket.

    Reads the parents and roots that ``reply_links`` has found in ``links_dir``.
    """

    links_dir: Path

    def assign_buckets(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts by bucket, with row index, and the row indices of their parent and root."""
        begin = int(load_part_index(self.links_dir).part_offsets[self.part])
        parent, root = reply_links.load_parents_and_roots(self.links_dir, self.part)
        return posts.with_columns(
            pl.Series("_row_index", np.arange(begin, begin + root.size)),
            pl.Series("_parent", parent),
            pl.Series("_root", root),
            pl.Series(BUCKET, _hash_to_buckets(root, self.bucket_count)),
        ).sort(BUCKET, maintain_order=True)


def _hash_to_buckets(root: I64, count: int) -> NDArray[np.int64]:
    """The bucket of each root. Hashing spreads the threads of a busy time over all buckets."""
    mixed = root.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(32)) % np.uint64(count)).astype(np.int64)


@dataclass(frozen=True)
class MakeBucketDocuments(PartTask):
    """Make documents of the threads in a bucket; ``index`` is the number of the bucket.

    Reads the bucket from all scattered parts. Writes the documents, and the ledger rows of the
    posts that are in none; the funnel row counts both. A post with a turn reason that is in none is
    counted as one that the stage of that reason has dropped, and that no later stage has read.
    """

    scattered_dir: Path
    part_count: int
    stage: str
    config: str
    earlier_stages: tuple[str, ...] = ()  # of the plan, in order
    scores: tuple[str, ...] = ()  # the columns that the ledger keeps of posts these have dropped

    def write(self) -> Written:
        """Write both files."""
        config = documents.Config.model_validate_json(self.config)
        began = time.perf_counter()
        posts = gather_bucket(self.scattered_dir, self.part_count, self.index)
        # The posts of a thread are together; threads and posts are in reading order.
        posts = posts.sort("_root", "_row_index")
        parent_rows = _find_parent_rows(posts)
        posts = posts.drop("_row_index", "_parent", "_root")
        kept, reject = documents.make_documents(posts, parent_rows, config)
        stage = pl.col("_turn_stage") if "_turn_stage" in posts.columns else pl.lit(None)
        judged = posts.with_columns(reject, _own_stage=stage.fill_null(self.stage))
        ledger = self._make_ledger(judged.filter(pl.col("reject").is_not_null()))
        funnel = self._count_turns(judged)
        dropped = _count_reasons(ledger.filter(pl.col("stage") == self.stage), "reason")
        read = posts.height + sum(row["kept"] for row in funnel[-1:])  # kept by the stage before
        own = {
            "stage": self.stage,
            "read": read,
            "kept": read - sum(dropped.values()),
            "dropped": dropped,
            "documents": kept.height,
            "seconds": time.perf_counter() - began,
        }
        return self.write_frames(kept, ledger, [*funnel, own])

    def _make_ledger(self, dropped: pl.DataFrame) -> pl.DataFrame:
        """The ledger rows; those of earlier stages have the scores of the post."""
        is_own = pl.col("_own_stage") == self.stage
        scores = [name for name in self.scores if name in dropped.columns]
        return dropped.select(
            "id",
            pl.col("_own_stage").alias("stage"),
            pl.col("reject").alias("reason"),
            "source_file",
            "source_row",
            *ledger_people(dropped),
            *(pl.when(~is_own).then(name).alias(name) for name in scores),
        ).cast(LEDGER_COLUMNS | LEDGER_PEOPLE)  # type: ignore[arg-type]

    def _count_turns(self, judged: pl.DataFrame) -> list[dict[str, Any]]:
        """The funnel rows of the earlier stages: they have counted all turns as kept."""
        rows, gone = [], 0
        for stage in self.earlier_stages:
            turns = judged.filter(pl.col("_own_stage") == stage)
            dropped = _count_reasons(turns.filter(pl.col("reject").is_not_null()), "reject")
            kept = turns.filter(pl.col("reject").is_null())
            own = {"stage": stage, "read": -gone, "dropped": dropped, "seconds": 0.0}
            gone += sum(dropped.values())
            row = own | {"kept": -gone}
            if kept.height:
                row["kept_as_turns"] = _count_reasons(kept, "_turn_reason")
            rows.append(row)
        return rows


def _count_reasons(rows: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(rows[column].value_counts().sort(column).iter_rows())


def _find_parent_rows(posts: pl.DataFrame) -> list[int]:
    """The row of the parent of each post in ``posts``, or -1."""
    row_index = posts["_row_index"].to_numpy()
    parent = posts["_parent"].to_numpy()
    order = np.argsort(row_index)
    # A bucket has whole threads, so every parent is among the posts.
    wanted = np.maximum(parent, row_index.min(initial=0))
    row = order[np.searchsorted(row_index[order], wanted)]
    rows: list[int] = np.where(parent < 0, -1, row).tolist()
    return rows
