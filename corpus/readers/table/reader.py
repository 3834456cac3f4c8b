"""Detect the format of a table and read its posts by a map of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from corpus.formats.csv_dialect import guess_csv
from corpus.formats.dump_input import DumpInput
from corpus.formats.parquet_file import PARQUET_MAGIC
from corpus.readers.batches import change_posts
from corpus.readers.contract import Batch, Cursor, Sample
from corpus.readers.table import csv_reader, json_reader, parquet_reader
from corpus.readers.table.mapping import Config, has_versions

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "assign_ids", "fits", "read"]

PLATFORM = "table"
VERSION = 7
TOMBSTONES = True

_FORMAT_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_FALLBACK_SCORE = 0.1  # any reader of a specific format scores higher


def fits(sample: Sample) -> float:
    """Return a low score for any table: only a plan can say which column is which."""
    if sample.head.startswith(PARQUET_MAGIC):
        return 2 * _FALLBACK_SCORE
    return _FALLBACK_SCORE if sample.objects or guess_csv(sample.head) else 0.0


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file in batches."""
    table_format: str = config.format
    if table_format == "detect":
        table_format = "jsonl" if config.records else detect_format(path)
    if table_format == "parquet":
        batches = parquet_reader.read(path, config, part_posts, start)
        if has_versions(config):
            batches = map(_supersede_versions, batches)
    elif table_format == "jsonl":
        batches = json_reader.read(path, config, part_posts, start)
    else:
        batches = csv_reader.read(path, config, table_format, part_posts, start)
    if "id" in config.fields:
        return batches
    change = _AssignIds(config, str(Path(path).parent))
    return (change_posts(batch, change) for batch in batches)


def _supersede_versions(batch: Batch) -> Batch:
    """Add the notices that copies of a post are superseded which were seen before this one."""
    seen = batch.posts.filter(pl.col("seen_at").is_not_null())
    notices = seen.select(
        pl.lit("id").alias("target"),
        pl.col("id").alias("value"),
        pl.lit("superseded").alias("reason"),
        pl.col("seen_at").alias("said_at"),
    )
    return replace(batch, tombstones=pl.concat([batch.tombstones, notices]))


def detect_format(path: str) -> str:
    """Return the format that ``format: detect`` stands for, by the first bytes and the name."""
    name, head = path, b""
    with DumpInput(path) as source:
        for member in source.members():
            name, head = member.name or path, member.open().head
            break
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"\0"):  # a damaged line, which shows nothing
        head = head.partition(b"\n")[2].lstrip()
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    for suffix in reversed(Path(name).suffixes):
        if suffix.lower() in _FORMAT_SUFFIXES:
            return _FORMAT_SUFFIXES[suffix.lower()]
    if not head or head[:1] in b"{[":
        return "jsonl"
    return "tsv" if b"\t" in head.partition(b"\n")[0] else "csv"


def assign_ids(posts: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Make ids from the file's name and the row, for a file without ids."""
    if "id" in config.fields:
        return posts
    position = pl.format("{}:{}:{}", pl.lit(config.platform), "source_file", "source_row")
    nth = pl.int_range(pl.len()).over("source_file", "source_row")
    # Several objects can be on one line.
    return posts.with_columns(
        id=pl.when(nth == 0).then(position).otherwise(pl.format("{}.{}", position, nth + 1))
    )


@dataclass(frozen=True)
class _AssignIds:
    """Makes ids from the file's own name: a path would describe the machine."""

    config: Config
    folder: str  # of the file

    def __call__(self, posts: pl.DataFrame) -> pl.DataFrame:
        file = pl.col("source_file").str.strip_prefix(self.folder).str.strip_prefix("/")
        return posts.with_columns(assign_ids(posts.with_columns(file), self.config)["id"])
