"""Write WebDataset: ``part-00000.tar`` for each shard.

A document is two members: ``KEY.txt``, its text, and ``KEY.json``, an object of the other columns.
``KEY`` is the name of the shard and the number of the document in it.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl

from corpus.output.export.contract import Options, ShardFiles
from corpus.output.export.json_values import encode_json, format_values
from corpus.tasks.files import atomic_write

DEFAULT_COLUMNS: tuple[str, ...] | None = ("id", "text")
TOKENS = False
_BLOCK = 512


class WebDatasetWriter:
    """Writes the documents of a shard to a tar."""

    def __init__(self, folder: Path, columns: tuple[str, ...]) -> None:
        self._folder = folder
        self.reads = columns
        self._others = tuple(name for name in columns if name != "text")

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the members of a shard; their times and owners are empty."""
        documents, file_name = 0, f"{name}.tar"
        with (
            atomic_write(self._folder / file_name, durable=True) as temporary,
            open(temporary, "wb") as file,
        ):
            for frame in frames:
                values = format_values(frame.select(self.reads))
                for row in values.iter_rows(named=True):
                    key = f"{name}-{documents:08d}"
                    if "text" in row:
                        _write_member(file, f"{key}.txt", row["text"].encode())
                    if self._others:
                        others = {each: row[each] for each in self._others}
                        _write_member(file, f"{key}.json", encode_json(others))
                    documents += 1
            file.write(bytes(2 * _BLOCK))
        return ShardFiles(documents, (file_name,))

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write nothing more."""
        return ()


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> WebDatasetWriter:
    """Return the writer."""
    return WebDatasetWriter(folder, options.columns)


def _write_member(file: BinaryIO, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    file.write(member.tobuf(tarfile.USTAR_FORMAT))
    file.write(data)
    file.write(bytes(-len(data) % _BLOCK))
