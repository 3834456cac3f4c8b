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
from corpus.output.export.row_table import FILE_BYTES, list_files, write_documents, write_index

DEFAULT_COLUMNS: tuple[str, ...] | None = ("id", "text")
TOKENS = False
#: The version of PyTorch's format for the shape of a sample.
_SHAPE_VERSION = 1


class LitdataWriter:
    """Writes samples, and an index of the chunks."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        self._folder = folder
        self.reads = columns

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the samples of a shard of the corpus."""
        return write_documents(self._folder, name, ".bin", frames, self.reads)

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write the index."""
        chunks = [
            {
                "chunk_bytes": file.bytes,
                "chunk_size": file.rows,
                "dim": None,
                "filename": file.name,
            }
            for file in list_files(shards)
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
        return write_index(self._folder, {"chunks": chunks, "config": config})


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> LitdataWriter:
    """Return the writer."""
    return LitdataWriter(folder, options.columns)
