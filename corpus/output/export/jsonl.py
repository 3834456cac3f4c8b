"""Write JSON lines: one file for each shard, ``part-00000.jsonl.zst``, an object for each document.

Times are text (RFC 3339, UTC), lists are arrays, and a missing value is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from corpus.output.export.contract import Options, ShardFiles
from corpus.output.export.json_values import format_lines
from corpus.output.export.zstd_lines import open_zstd

DEFAULT_COLUMNS: tuple[str, ...] | None = None
TOKENS = False


class JsonLinesWriter:
    """Writes the columns of each document as an object."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        self._folder = folder
        self.reads = columns

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the documents of a shard to one file."""
        file_name, documents = f"{name}.jsonl.zst", 0
        with open_zstd(self._folder / file_name) as file:
            for frame in frames:
                file.write(format_lines(frame.select(self.reads)))
                documents += frame.height
        return ShardFiles(documents, (file_name,))

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write nothing more."""
        return ()


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> JsonLinesWriter:
    """Return the writer."""
    return JsonLinesWriter(folder, options.columns)
