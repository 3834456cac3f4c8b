"""The contract of an export format.

A format is a module with

* ``DEFAULT_COLUMNS``: the columns that are exported unless the user names others; None for all;
* ``TOKENS``: whether it consists of token ids; then ``choose_dtype(highest_id)`` is the name of
  their type;
* ``open_writer(folder, options, finished)``: the :class:`Writer`; ``finished`` are the facts of the
  shards that an earlier, interrupted run has finished, in order.

A file is written completely or not at all (:func:`corpus.tasks.files.atomic_write`), and depends
only on the documents and the options. The names of the files are listed in
:mod:`corpus.storage.export_files`, so that a takedown can remove them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: The ids of all texts as one array, and how many each text has, with the separator.
Encode = Callable[[list[str]], tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Tokens:
    """A tokenizer and the type of its ids in the files.

    ``name`` and ``identity`` are the tokenizer's name and digest, ``separator`` the id that ends
    each document.
    """

    name: str
    encode: Encode
    dtype: np.dtype[Any]
    vocabulary: int
    separator: int
    identity: str


@dataclass(frozen=True)
class Options:
    """What the user has chosen. ``columns`` and ``schema`` are those of the exported documents.

    ``make_messages`` returns the messages of each document of a frame as ``(role, text)``, or the
    reason for which a document has none.
    """

    columns: tuple[str, ...]
    schema: Mapping[str, pl.DataType]
    split: str = "train"
    chat_form: str = "openai"
    tokens: Tokens | None = None
    make_messages: Callable[[pl.DataFrame], list[list[tuple[str, str]] | str]] | None = None


class ShardFiles(NamedTuple):
    """What was written of one shard of the corpus.

    ``files`` are complete files, by name; ``facts`` are numbers for the files that are written last
    and for the export's manifest; ``skipped`` counts documents that the format cannot have, by
    reason.
    """

    documents: int
    files: tuple[str, ...]
    facts: Mapping[str, Any] = MappingProxyType({})
    skipped: Mapping[str, int] = MappingProxyType({})


class Writer(Protocol):
    """Writes the documents of a corpus, shard by shard."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the frames must have."""
        ...

    def write_shard(self, name: str, frames: Iterator[pl.DataFrame]) -> ShardFiles:
        """Write the documents of a shard; ``name`` is the shard's without its suffix."""
        ...

    def finish(self, shards: Sequence[ShardFiles]) -> tuple[str, ...]:
        """Write what depends on all shards; return the names of these files."""
        ...


class Format(Protocol):
    """A module of this package that writes one format."""

    DEFAULT_COLUMNS: tuple[str, ...] | None
    TOKENS: bool

    def choose_dtype(self, highest_id: int) -> str:
        """Return the type of ids up to ``highest_id``, in a format of token ids."""
        ...

    def open_writer(self, folder: Path, options: Options, finished: Sequence[ShardFiles]) -> Writer:
        """Return the writer."""
        ...


@dataclass
class DocumentCounter:
    """Counts the documents of a shard that are written and those that are skipped."""

    documents: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str) -> None:
        """Count a document that is not written."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
