"""Write litdata's chunks: ``part-00000-0000.bin`` …, and ``index.json`` with all of them.

A sample is a dict. ``text`` and ``id`` are strings; each other column is a string of JSON, because
litdata has no type with missing values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from corpus.output.export.contract import Options, ShardFiles
from corpus.output.export.json_values import encode_rows
from corpus.output.export.row_table import FILE_BYTES, join_values, write_tables
from corpus.tasks.files import atomic_write

DEFAULT_COLUMNS: tuple[str, ...] | None = ("id", "text")
TOKENS = False
_INDEX = "index.json"
#: The version of PyTorch's format for the shape of a sample.
_SHAPE_VERSION = 1


class LitdataWriter:
    """Writes samples, and an index of the chunks."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        self._folder = folder
        self.reads = columns

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the samples of a shard of the corpus."""
        rows = (join_values(row) for frame in frames for row in encode_rows(frame, self.reads))
        files = write_tables(self._folder, name, ".bin", rows)
        names = tuple(file.name for file in files)
        return ShardFiles(sum(file.rows for file in files), names, {"files": files})

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write the index."""
        chunks = [
            {"chunk_bytes": size, "chunk_size": samples, "dim": None, "filename": name}
            for shard in shards
            for name, samples, size in shard.facts["files"]
        ]
        leaf: dict[str, Any] = {"type": None, "context": None, "children_spec": []}
        shape = {
            "type": "builtins.dict",
            "context": json.dumps(self.reads),
            "children_spec": [leaf for _ in self.reads],
        }
        config = {
            "chunk_bytes": FILE_BYTES,
            "chunk_size": None,
            "compression": None,
            "data_format": ["str" for _ in self.reads],
            "data_spec": json.dumps([_SHAPE_VERSION, shape]),
            "encryption": None,
            "item_loader": "PyTreeLoader",
        }
        text = json.dumps({"chunks": chunks, "config": config}, sort_keys=True)
        with atomic_write(self._folder / _INDEX, durable=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return (_INDEX,)


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> LitdataWriter:
    """Return the writer."""
    return LitdataWriter(folder, options.columns)
