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
from corpus.output.export.json_values import TEXT_COLUMNS, encode_rows
from corpus.output.export.row_table import FILE_BYTES, join_values, write_tables
from corpus.tasks.files import atomic_write

DEFAULT_COLUMNS: tuple[str, ...] | None = ("id", "text")
TOKENS = False
_INDEX = "index.json"
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
        rows = (join_values(row) for frame in frames for row in encode_rows(frame, self.reads))
        header = json.dumps(self._config, sort_keys=True).encode()
        files = write_tables(self._folder, name, ".mds", rows, header)
        names = tuple(file.name for file in files)
        return ShardFiles(sum(file.rows for file in files), names, {"files": files})

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write the index."""
        entries = [
            {
                **self._config,
                "raw_data": {"basename": name, "bytes": size, "hashes": {}},
                "samples": samples,
                "zip_data": None,
            }
            for shard in shards
            for name, samples, size in shard.facts["files"]
        ]
        text = json.dumps({"shards": entries, "version": _VERSION}, sort_keys=True)
        with atomic_write(self._folder / _INDEX, durable=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return (_INDEX,)


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> MdsWriter:
    """Return the writer."""
    return MdsWriter(folder, options.columns)
