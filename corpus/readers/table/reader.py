"""Read any JSON lines, CSV, TSV or Parquet, by a map from the post's columns to the file's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import polars as pl

from corpus.formats import dump_input
from corpus.formats.parquet_file import PARQUET_MAGIC
from corpus.readers.contract import Batch, Cursor, Sample
from corpus.readers.table import csv_reader, json_reader, parquet_reader
from corpus.readers.table.mapping import Config

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "read"]

PLATFORM = "table"
VERSION = 2
TOMBSTONES = False

_FORMAT_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_FALLBACK_SCORE = 0.1  # any reader that knows the format knows more
_MAX_NAME_CHARS = 60  # of a column; a longer one is somebody's sentence


def fits(sample: Sample) -> float:
    """Whether this is a table at all: which of its columns is which, only a plan can say."""
    if sample.head.startswith(PARQUET_MAGIC):
        return 2 * _FALLBACK_SCORE
    if not sample.head or dump_input.is_binary(sample.head[:512]):
        return 0.0
    first, _, rest = sample.head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if first.startswith((b"{", b"[", b"<")):
        return _FALLBACK_SCORE if _is_object(first) else 0.0
    for mark in (b"\t", b",", b";"):
        names = first.strip().split(mark)
        if (
            len(names) > 1
            and mark in rest
            and all(0 < len(name) <= _MAX_NAME_CHARS for name in names)
        ):
            return _FALLBACK_SCORE
    return 0.0


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file in batches."""
    form = config.format if config.format != "detect" else _detect_format(path)
    if form == "parquet":
        batches = parquet_reader.read(path, config, part_posts, start)
    elif form == "jsonl":
        batches = json_reader.read(path, config, part_posts, start)
    else:
        batches = csv_reader.read(path, config, form, part_posts, start)
    if "id" in config.fields:
        return batches
    return (_assign_ids(batch, path, config.platform) for batch in batches)


def _detect_format(path: str) -> str:
    name, head = path, b""
    with dump_input.DumpInput(path) as source:
        for member in source.members():
            name, head = member.name or path, member.open().head
            break
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    for suffix in reversed(Path(name).suffixes):
        if suffix.lower() in _FORMAT_SUFFIXES:
            return _FORMAT_SUFFIXES[suffix.lower()]
    if not head or head[:1] in b"{[":
        return "jsonl"
    return "tsv" if b"\t" in head.partition(b"\n")[0] else "csv"


def _assign_ids(batch: Batch, path: str, platform: str) -> Batch:
    """Give the posts of a file without ids the file's name and their row instead.

    Files of one name in several folders are told apart by a hash of the folder, which says
    nothing about the machine.
    """
    parent = str(Path(path).parent)
    folder = hashlib.sha256(parent.encode()).hexdigest()[:8]
    file = pl.col("source_file").str.strip_prefix(parent).str.strip_prefix("/")
    place = pl.format("{}:{}/{}:{}", pl.lit(platform), pl.lit(folder), file, "source_row")
    nth = pl.int_range(pl.len()).over("source_file", "source_row")
    # Several objects can stand on one line.
    name = pl.when(nth == 0).then(place).otherwise(pl.format("{}.{}", place, nth + 1))
    return replace(batch, posts=batch.posts.with_columns(id=name))
