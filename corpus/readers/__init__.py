"""The built-in readers by name: ``readers.find("reddit")`` imports just that one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, cast

from corpus.readers.contract import Batch, Cursor, ReaderConfig, Sample

if TYPE_CHECKING:
    from corpus.readers.contract import Batch, Cursor, ReaderConfig, Sample


class ReaderModule(Protocol):
    """The shape of a module in this folder."""

    Config: type[ReaderConfig]
    TOMBSTONES: bool
    VERSION: int

    def fits(self, sample: Sample) -> float:
        """How surely the sample is of this format, from 0 to 1."""
        ...

    def read(
        self, path: str, config: ReaderConfig, part_posts: int, start: Cursor | None = None
    ) -> Iterator[Batch]:
        """Yield the file's posts in batches of about ``part_posts``."""
        ...


#: The module of each built-in reader.
_MODULES = {
    "bluesky": "corpus.readers.bluesky",
    "discord": "corpus.readers.discord",
    "fourchan": "corpus.readers.fourchan",
    "hackernews": "corpus.readers.hackernews",
    "lemmy": "corpus.readers.lemmy",
    "mastodon": "corpus.readers.mastodon",
    "meta": "corpus.readers.meta",
    "reddit": "corpus.readers.reddit",
    "stackexchange": "corpus.readers.stackexchange",
    "table": "corpus.readers.table",
    "telegram": "corpus.readers.telegram",
    "x_api": "corpus.readers.x.api",
    "x_archive": "corpus.readers.x.archive",
    "x_stream": "corpus.readers.x.stream",
}


def names() -> list[str]:
    """The names of all readers, sorted."""
    return sorted(_MODULES)


def find(name: str) -> ReaderModule:
    """Import the reader ``name``; a KeyError names the ones there are."""
    if name not in _MODULES:
        raise KeyError(f"no reader '{name}'; known: {', '.join(names())}")
    return cast("ReaderModule", importlib.import_module(_MODULES[name]))
