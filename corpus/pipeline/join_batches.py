"""Join the batches of consecutive files to one part, with the counts of each file.

A frame of a batch takes as long to build as hundreds of posts to read, and so does a part on disk.
The batches of many small files are therefore joined as records, before any frame is built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

import numpy as np
import polars as pl

from corpus.privacy.file_names import FileNamer
from corpus.readers.batches import MAX_BATCH_BYTES, CollectedBatch, PostColumns, Records
from corpus.readers.contract import Batch, ReaderConfig, ReaderModule
from corpus.readers.reposts import fill_original_authors


class DumpFile(NamedTuple):
    """A file to read, and what it was when the build began."""

    path: str
    name: str  # in the output
    size_bytes: int
    modified_ns: int


@dataclass
class FileCounts:
    """What a part has of one file."""

    file: int  # its index among the files of the task
    posts: int = 0
    suppressed: int = 0  # posts on the suppression list, which the part does not have
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    tombstones: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # by kind
    unreadable: Counter[str] = field(default_factory=Counter)  # values by column
    sha256: str | None = None  # with the last records of the file

    def add(self, other: FileCounts) -> None:
        """Add what the next part has of the same file."""
        self.posts += other.posts
        self.suppressed += other.suppressed
        self.tombstones += other.tombstones
        self.refused.update(other.refused)
        self.skipped.update(other.skipped)
        self.unreadable.update(other.unreadable)
        self.sha256 = other.sha256


@dataclass(frozen=True)
class JoinedBatch:
    """Consecutive records of some files, with the files' names in the output."""

    posts: pl.DataFrame
    refused: pl.DataFrame
    tombstones: pl.DataFrame
    counts: list[FileCounts]  # in the order of the posts

    def count_by_file(self, is_counted: pl.Series) -> list[int]:
        """Return how many of the posts of each file of ``counts`` are counted: one bool a post."""
        ends = np.cumsum([each.posts for each in self.counts])
        sums = np.concatenate([[0], np.cumsum(is_counted.to_numpy(), dtype=np.int64)])
        found: list[int] = np.diff(sums[ends], prepend=0).tolist()
        return found


class BatchJoiner:
    """Collects batches of consecutive files until they are as large as a part."""

    def __init__(
        self, module: ReaderModule, config: ReaderConfig, part_posts: int, namer: FileNamer
    ) -> None:
        self._module = module
        self._config = config
        self._part_posts = part_posts
        self._namer = namer
        self._batches: list[tuple[FileCounts, Batch]] = []
        self._rows = self._size_bytes = 0

    def has_space(self, batch: Batch) -> bool:
        """Return whether a part may have this batch besides those that were added."""
        rows, size_bytes = _measure(batch)
        return not self._batches or (
            self._rows + rows <= self._part_posts
            and self._size_bytes + size_bytes <= MAX_BATCH_BYTES
        )

    def add(self, number: int, file: DumpFile, batch: Batch) -> None:
        """Add a batch of ``file``, the task's file ``number``."""
        rows, size_bytes = _measure(batch)
        self._rows += rows
        self._size_bytes += size_bytes
        renamed = _SourceFileNames(file, self._namer).rename(batch)
        self._batches.append((_count(number, renamed), renamed))

    def join(self) -> JoinedBatch:
        """Return what was added since the last call."""
        frames = list(_build_frames([batch for _, batch in self._batches]))
        posts = pl.concat([frame.posts for frame in frames])
        if assign_ids := getattr(self._module, "assign_ids", None):
            posts = assign_ids(posts, self._config)
        joined = JoinedBatch(
            fill_original_authors(posts),
            pl.concat([frame.refused for frame in frames]),
            pl.concat([frame.tombstones for frame in frames]),
            [counts for counts, _ in self._batches],
        )
        self._batches, self._rows, self._size_bytes = [], 0, 0
        return joined


def _measure(batch: Batch) -> tuple[int, int]:
    """Return how many rows a batch has, and about how many bytes."""
    if (records := _find_records(batch)) is not None:
        rows = len(records.posts.rows) + len(records.refused) + len(records.tombstones)
        return rows, records.size_bytes
    rows = batch.posts.height + batch.refused.height + batch.tombstones.height
    return rows, int(batch.posts.estimated_size())


def _count(number: int, batch: Batch) -> FileCounts:
    """Return what a batch of one file has."""
    if (records := _find_records(batch)) is not None:
        posts, tombstones = len(records.posts.rows), len(records.tombstones)
        refused = Counter(reason for _, _, reason in records.refused)
    else:
        posts, tombstones = batch.posts.height, batch.tombstones.height
        refused = Counter(dict(batch.refused["reason"].value_counts().iter_rows()))
    return FileCounts(
        number,
        posts,
        refused=refused,
        tombstones=tombstones,
        skipped=Counter(batch.skipped),
        unreadable=Counter(batch.unreadable),
        sha256=batch.sha256,
    )


def _build_frames(batches: Sequence[Batch]) -> Iterator[Batch]:
    """Yield the batches, those that can be joined as records as one."""
    for _, each in groupby(batches, _find_join_key):
        group = list(each)
        records = [r for batch in group if (r := _find_records(batch)) is not None]
        if len(records) > 1:
            first = group[0]
            assert isinstance(first, CollectedBatch)
            yield first.with_records(_join_records(records))
        else:
            yield from group


def _find_records(batch: Batch) -> Records | None:
    """Return the records of a batch whose frames are not built yet."""
    return batch.records if isinstance(batch, CollectedBatch) else None


def _find_join_key(batch: Batch) -> object:
    """Return what batches must share to be joined as records."""
    if isinstance(batch, CollectedBatch) and batch.records is not None:
        return batch.records.platform, batch.changes
    return None  # in no group of records


def _join_records(records: Sequence[Records]) -> Records:
    posts = PostColumns()
    for each in records:
        posts.extend(each.posts)
    return Records(
        records[0].platform,
        posts,
        [row for each in records for row in each.refused],
        [tombstone for each in records for tombstone in each.tombstones],
        sum(each.size_bytes for each in records),
    )


class _SourceFileNames:
    """Puts the names of the output in place of paths in ``source_file``."""

    def __init__(self, file: DumpFile, namer: FileNamer) -> None:
        self._file = file
        self._namer = namer
        self._names: dict[str, str] = {}

    def rename(self, batch: Batch) -> Batch:
        """Return the batch with its files renamed."""
        if isinstance(batch, CollectedBatch) and (records := batch.records) is not None:
            renamed = records.posts.with_files([self._rename(file) for file in records.posts.files])
            refused = [(self._rename(file), row, why) for file, row, why in records.refused]
            return batch.with_records(replace(records, posts=renamed, refused=refused))
        posts, refused_rows = (self._rename_column(each) for each in (batch.posts, batch.refused))
        return replace(batch, posts=posts, refused=refused_rows)

    def _rename_column(self, frame: pl.DataFrame) -> pl.DataFrame:
        old = frame["source_file"].unique().drop_nulls()
        new = pl.Series([self._rename(name) for name in old], dtype=pl.String)
        return frame.with_columns(
            frame["source_file"].replace_strict(old, new, default=None, return_dtype=pl.String)
        )

    def _rename(self, source_file: str) -> str:
        name = self._names.get(source_file)
        if name is None:
            name = self._names[source_file] = self._find_name(source_file)
        return name

    def _find_name(self, source_file: str) -> str:
        path, name = self._file.path, self._file.name
        for start, separator in ((path, "!"), (path.rstrip("/"), "/")):
            if source_file.startswith(start + separator):
                members = source_file[len(start) + 1 :]
                return f"{name}{separator}{self._namer.name_members(members)}"
        if source_file == path:
            return name
        return f"{name}!{self._namer.name_members(source_file)}"
