"""Export a corpus: shard by shard, resumable, the manifest of the export last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from corpus.output.export.choose_documents import keep_documents
from corpus.output.export.contract import Options, Writer
from corpus.output.export.export_folder import ExportFolder
from corpus.output.export.formats import find_format

#: Raise it when the same documents and options give other bytes.
EXPORT_VERSION = 1


class Shards(Protocol):
    """The shards that are exported, in order, and their row groups."""

    @property
    def entries(self) -> Sequence[Mapping[str, Any]]:
        """The entries of the corpus's manifest."""
        ...

    @property
    def identity(self) -> str:
        """A digest that changes whenever the shards do."""
        ...

    def read(self, number: int, columns: Sequence[str]) -> Iterable[pa.Table]:
        """Yield the row groups of a shard."""
        ...


@dataclass(frozen=True)
class Export:
    """What is exported, and how. ``where`` is the text of ``condition``."""

    format: str
    options: Options
    condition: pl.Expr | None = None
    where: str = ""

    def describe(self, identity: str) -> dict[str, Any]:
        """Return everything that decides the bytes of the files."""
        options, tokens = self.options, self.options.tokens
        settings: dict[str, Any] = {
            "format": self.format,
            "version": EXPORT_VERSION,
            "corpus": identity,
            "split": options.split,
            "where": self.where,
        }
        if tokens is None:
            settings["columns"] = list(options.columns)
        else:
            settings |= {
                "tokenizer": {
                    "name": tokens.name,
                    "sha256": tokens.identity,
                    "vocabulary": tokens.vocabulary,
                },
                "separator": tokens.separator,
                "dtype": tokens.dtype.name,
            }
        if self.format == "chat":
            settings["chat_form"] = options.chat_form
        return settings


def export_corpus(
    shards: Shards, export: Export, folder: Path, corpus_manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the documents of ``shards`` to ``folder``; return the manifest of the export.

    If it was interrupted, it continues with the shard that was not finished. CorpusError if the
    folder has other files, or another export.
    """
    destination = ExportFolder(folder, export.describe(shards.identity))
    with destination.locked():
        if (finished := destination.load_finished_export()) is not None:
            return finished
        written = destination.begin()
        writer = find_format(export.format).open_writer(folder, export.options, written)
        for number in range(len(written), len(shards.entries)):
            entry = shards.entries[number]
            frames = _read_documents(shards, number, export, writer)
            result = writer.write_shard(Path(entry["path"]).stem, frames)
            destination.record(entry, result)
            written.append(result)
        return destination.finish(writer.finish(written), corpus_manifest)


def _read_documents(
    shards: Shards, number: int, export: Export, writer: Writer
) -> Iterator[pl.DataFrame]:
    """Yield the documents of a shard that are exported."""
    needed = list(writer.reads)
    if export.condition is not None:
        needed = list(dict.fromkeys([*needed, *export.condition.meta.root_names()]))
    for table in shards.read(number, needed):
        yield keep_documents(pl.DataFrame(table), export.condition)
