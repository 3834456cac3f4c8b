"""The readers. The folder is the registry: ``readers.find("reddit")`` imports just that one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, cast

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


def names() -> list[str]:
    """The names of all readers, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if name != "contract" and not name.startswith("_"))


def find(name: str) -> ReaderModule:
    """Import the reader ``name``; a KeyError names the ones there are."""
    if name not in names():
        raise KeyError(f"no reader '{name}'; known: {', '.join(names())}")
    return cast("ReaderModule", importlib.import_module(f"corpus.readers.{name}"))
