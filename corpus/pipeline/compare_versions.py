"""Compare the first version of each edited post with the last, where the dumps have both.

An edit that replaces a text shortly before a dump is made, and is taken back after it, is how a
dump is poisoned (Carlini et al. 2023). A version is described by the hashes of up to
:data:`_SKETCH` of its words, those with the lowest hashes, and no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus.partition.groups import rank_in_groups
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import gather_rows, make_rows, scatter_rows
from corpus.pipeline.settling import HOURS
from corpus.privacy.tombstones import apply_tombstones, open_tombstones
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, numbered_folder, run_tasks

_LABEL = "comparing versions"
_SKETCH = 32
#: A text is replaced if the last version has less than this share of the words of the first.
_LEAST_SHARED = 0.5
#: What of each post is read.
_COLUMNS = (
    *("id", "platform", "kind", "author", "parent_id", "original_author", "text"),
    *("consent", "withdrawn", "seen_at", "edited_at"),
)
_RANGES = 64
_HOUR_US = 3_600_000_000
# Before every time: of a version without an edit.
_FIRST = -(2**62)


@dataclass(frozen=True)
class VersionFile:
    """The posts of a part as they were read."""

    posts: Path
    end: int | None  # the latest time in its source, in microseconds


def compare_versions(
    folder: Path, files: Sequence[VersionFile], tombstones: Path, run: RunTasks
) -> dict[str, int]:
    """Count the posts of which an earlier version was dropped and the last one may be used.

    Returns ``compared``; ``replaced``: those whose last version has less than half of the words of
    the first; and ``replaced_late``: those of them that were edited in the last ``hours`` of their
    source. ``tombstones`` is the folder of the folded tombstones.
    """
    describing = [
        DescribeVersions(folder, index, file.posts, file.end, tombstones)
        for index, file in enumerate(files)
    ]
    run_tasks(run, describing, _LABEL)
    ranges = [CompareRange(folder, index, len(files)) for index in range(_RANGES)]
    found = run_tasks(run, ranges, _LABEL)
    names = ("compared", "replaced", "replaced_late")
    return {name: sum(facts[name] for facts in found) for name in names} | {"hours": HOURS}


@dataclass(frozen=True)
class DescribeVersions(ArrayTask):
    """Scatter the words of the versions in a part by the hash of the post's id."""

    work_dir: Path
    index: int
    posts: Path
    end: int | None
    tombstones: Path

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return numbered_folder(self.work_dir, "versions", self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row for each word of a version that is described; of no word, one with 0."""
        posts = pl.read_parquet(self.posts, columns=list(_COLUMNS), glob=False)
        posts = apply_tombstones(posts, open_tombstones(self.tombstones)).filter(
            (pl.col("withdrawn") == "superseded")
            | (pl.col("withdrawn").is_null() & pl.col("seen_at").is_not_null())
        )
        words = posts["text"].str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+").list.unique()
        exploded = pl.DataFrame({"row": np.arange(posts.height), "word": words})
        exploded = exploded.explode("word", empty_as_null=True)
        row = exploded["row"].to_numpy()
        word = hash_strings(exploded["word"])[:, 0]
        chosen = rank_in_groups([row], [word]) < _SKETCH
        row, word = row[chosen], word[chosen]
        post = hash_strings(posts["id"])[:, 0]
        edited = posts["edited_at"].fill_null(_FIRST).to_numpy()
        is_late = np.zeros(posts.height, bool)
        if self.end is not None:
            is_late = edited > self.end - HOURS * _HOUR_US
        rows = make_rows(
            post=post[row],
            time=posts["seen_at"].fill_null(_FIRST).to_numpy()[row],
            version=(self.index << 32) + row,
            is_old=posts["withdrawn"].is_not_null().to_numpy()[row],
            is_late=is_late[row],
            word=word,
        )
        return scatter_rows(
            "word", rows, (post >> np.uint64(58)).astype(np.int64)[row], _RANGES
        ), {}


@dataclass(frozen=True)
class CompareRange(ArrayTask):
    """Compare the versions of the posts of a range; the facts are the counts."""

    work_dir: Path
    index: int
    part_count: int

    @property
    def folder(self) -> Path:
        """The folder of the receipt."""
        return numbered_folder(self.work_dir, "compared", self.index)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """Nothing but the facts."""
        folders = [numbered_folder(self.work_dir, "versions", n) for n in range(self.part_count)]
        rows = gather_rows(folders, "word", self.index)
        words = pl.DataFrame({name: rows[name] for name in rows.dtype.names or ()})
        versions = words.unique("version").sort("time", "version")
        first = versions.filter("is_old").unique("post", keep="first", maintain_order=True)
        last = versions.filter(~pl.col("is_old")).unique("post", keep="last", maintain_order=True)
        both = first.join(last, on="post", suffix="_last", maintain_order="left")
        pairs = both.select("post", "version", "version_last", "is_late_last")
        # Of the words of the first version, those about which the sketch of the last one decides.
        ends = words.group_by("version").agg(pl.len().alias("size"), pl.max("word").alias("end"))
        of_last = ends.rename({"version": "version_last"})
        mine = words.join(pairs.select("version", "version_last"), on="version")
        mine = mine.join(of_last, on="version_last")
        mine = mine.filter(pl.col("word") > 0)
        mine = mine.filter((pl.col("size") < _SKETCH) | (pl.col("word") <= pl.col("end")))
        others = words.select("word", pl.col("version").alias("version_last"), is_shared=True)
        mine = mine.join(others, on=["version_last", "word"], how="left")
        shares = mine.group_by("version").agg(
            pl.col("is_shared").is_not_null().mean().alias("share")
        )
        replaced = pairs.join(shares, on="version").filter(pl.col("share") < _LEAST_SHARED)
        return {}, {
            "compared": pairs.height,
            "replaced": replaced.height,
            "replaced_late": int(replaced["is_late_last"].sum()),
        }
