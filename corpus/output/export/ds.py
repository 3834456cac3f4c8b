"""Write tokens as datatrove does, which nanotron reads: ``part-00000.ds`` for each shard.

The ``.ds`` is the ids of all documents, ``uint16`` or ``uint32``. ``.ds.index`` has for each
document the number of ids up to its end, ``uint64``. ``.ds.metadata`` is text: the tokenizer's name
and the bytes of an id, the number of ids, and that number for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from corpus.output.export.contract import Options, ShardFiles, Tokens
from corpus.output.export.token_batches import encode_texts
from corpus.tasks.files import atomic_write

DEFAULT_COLUMNS: tuple[str, ...] | None = ("text",)
TOKENS = True
_UNITS = ("", "k", "M", "G", "T", "P")


class DsWriter:
    """Writes the ids of the documents of a shard, their ends, and what they are."""

    reads: tuple[str, ...] = ("text",)

    def __init__(self, folder: Path, tokens: Tokens) -> None:
        self._folder, self._tokens = folder, tokens

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the three files of a shard."""
        files = (f"{name}.ds", f"{name}.ds.index", f"{name}.ds.metadata")
        paths = [self._folder / file for file in files]
        documents = count = 0
        with (
            atomic_write(paths[0], durable=True) as tokens,
            atomic_write(paths[1], durable=True) as index,
            open(tokens, "wb") as token_file,
            open(index, "wb") as index_file,
        ):
            for ids, sizes in encode_texts(frames, self._tokens):
                token_file.write(ids.tobytes())
                index_file.write((count + np.cumsum(sizes)).astype("<u8").tobytes())
                documents += sizes.size
                count += ids.size
        about = f"{self._tokens.name}|{self._tokens.dtype.itemsize}\n{count}\n{_abbreviate(count)}"
        with atomic_write(paths[2], durable=True) as metadata:
            metadata.write_text(about, encoding="utf-8")
        return ShardFiles(documents, files, {"tokens": count})

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write nothing more."""
        return ()


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> DsWriter:
    """Return the writer."""
    assert options.tokens is not None  # the format has TOKENS
    return DsWriter(folder, options.tokens)


def choose_dtype(highest_id: int) -> str:
    """Return the type of ids up to ``highest_id``."""
    return "uint16" if highest_id <= 0xFFFF else "uint32"


def _abbreviate(count: int) -> str:
    """Return a number of tokens with a unit, such as ``12.3 kT``."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{count / 1000**power:.3g} {_UNITS[power]}T"
