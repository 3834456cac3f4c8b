"""Write MosaicML's MDS: ``part-00000-0000.mds`` …, and ``index.json`` with all of them.

``text`` and ``id`` have the encoding ``str``. All other columns have ``json``, which gives their
values back, and None for a missing one. Columns are in the order of their names, as MDS wants it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from corpus.output.export.contract import Options, ShardFiles
from corpus.output.export.json_values import TEXT_COLUMNS
from corpus.output.export.row_table import FILE_BYTES, list_files, write_documents, write_index

DEFAULT_COLUMNS: tuple[str, ...] | None = ("id", "text")
TOKENS = False
_VERSION = 2


class MdsWriter:
    """Writes samples, and an index of the files."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        self._folder = folder
        self.reads = tuple(sorted(columns))
        self._config: dict[str, Any] = {
            "column_encodings": ["str" if name in TEXT_COLUMNS else "json" for name in self.reads],
            "column_names": list(self.reads),
            "column_sizes": [None for _ in self.reads],
            "compression": None,
            "format": "mds",
            "hashes": [],
            "size_limit": FILE_BYTES,
            "version": _VERSION,
        }

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the samples of a shard of the corpus."""
        header = json.dumps(self._config, sort_keys=True).encode()
        return write_documents(self._folder, name, ".mds", frames, self.reads, header)

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write the index."""
        entries = [
            {
                **self._config,
                "raw_data": {"basename": file.name, "bytes": file.bytes, "hashes": {}},
                "samples": file.rows,
                "zip_data": None,
            }
            for file in list_files(shards)
        ]
        return write_index(self._folder, {"shards": entries, "version": _VERSION})


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> MdsWriter:
    """Return the writer."""
    return MdsWriter(folder, options.columns)
