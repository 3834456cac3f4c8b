"""Write indexed datasets of Megatron: ``part-00000.bin`` and ``.idx`` for each shard.

The ``.bin`` is the ids of all documents, one after another. The ``.idx`` is, little-endian:

* 9 bytes ``MMIDIDX`` and two zeros, ``uint64`` version 1, ``uint8`` code of the ids' type;
* ``uint64`` number of sequences, ``uint64`` number of document ends plus one;
* ``int32`` ids of each sequence; ``int64`` byte at which each sequence begins in the ``.bin``;
* ``int64`` number of the first sequence of each document, and the number of sequences.

A document is one sequence. Ids are ``uint16`` or ``int32``: Megatron has no ``uint32``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from corpus.errors import CorpusError
from corpus.output.export.contract import Options, ShardFiles, Tokens
from corpus.output.export.token_batches import encode_texts
from corpus.tasks.files import atomic_write

DEFAULT_COLUMNS: tuple[str, ...] | None = ("text",)
TOKENS = True
_MAGIC, _VERSION = b"MMIDIDX\x00\x00", 1
_TYPE_CODES = {"uint16": 8, "int32": 4}


class MegatronWriter:
    """Writes the ids of the documents of a shard, and their index."""

    reads: tuple[str, ...] = ("text",)

    def __init__(self, folder: Path, tokens: Tokens) -> None:
        self._folder, self._tokens = folder, tokens

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the two files of a shard."""
        sizes = [np.zeros(0, np.int64)]
        with (
            atomic_write(self._folder / f"{name}.bin", durable=True) as temporary,
            open(temporary, "wb") as file,
        ):
            for ids, batch_sizes in encode_texts(frames, self._tokens):
                file.write(ids.tobytes())
                sizes.append(batch_sizes)
        lengths = np.concatenate(sizes)
        if lengths.size and lengths.max() > np.iinfo(np.int32).max:
            raise CorpusError("a document has more than 2,147,483,647 tokens: Megatron has no room")
        with (
            atomic_write(self._folder / f"{name}.idx", durable=True) as temporary,
            open(temporary, "wb") as file,
        ):
            code, count = _TYPE_CODES[self._tokens.dtype.name], lengths.size
            file.write(_MAGIC + struct.pack("<QBQQ", _VERSION, code, count, count + 1))
            file.write(lengths.astype("<i4").tobytes())
            begins = (np.cumsum(lengths) - lengths) * self._tokens.dtype.itemsize
            file.write(begins.astype("<i8").tobytes())
            file.write(np.arange(count + 1, dtype="<i8").tobytes())
        files = (f"{name}.bin", f"{name}.idx")
        return ShardFiles(lengths.size, files, {"tokens": int(lengths.sum())})

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write nothing more."""
        return ()


def open_writer(folder: Path, options: Options, finished: Sequence[ShardFiles]) -> MegatronWriter:
    """Return the writer."""
    assert options.tokens is not None  # the format has TOKENS
    return MegatronWriter(folder, options.tokens)


def choose_dtype(highest_id: int) -> str:
    """Return the type of ids up to ``highest_id``."""
    return "uint16" if highest_id <= 0xFFFF else "int32"
