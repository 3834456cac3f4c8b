"""The built-in readers by name: ``readers.find("reddit")`` imports only that one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from corpus.readers.contract import ReaderModule

#: The module of each built-in reader.
_MODULES = {
    "bluesky": "corpus.readers.bluesky",
    "discord": "corpus.readers.discord",
    "fourchan": "corpus.readers.fourchan",
    "hackernews": "corpus.readers.hackernews",
    "lemmy": "corpus.readers.lemmy",
    "mastodon": "corpus.readers.mastodon",
    "mbox": "corpus.readers.mbox",
    "meta": "corpus.readers.meta",
    "misskey": "corpus.readers.misskey",
    "reddit": "corpus.readers.reddit",
    "slack": "corpus.readers.slack",
    "stackexchange": "corpus.readers.stackexchange",
    "table": "corpus.readers.table",
    "telegram": "corpus.readers.telegram",
    "tiktok": "corpus.readers.tiktok",
    "tumblr": "corpus.readers.tumblr",
    "vk": "corpus.readers.vk",
    "whatsapp": "corpus.readers.whatsapp",
    "x_api": "corpus.readers.x.api",
    "x_archive": "corpus.readers.x.archive",
    "x_scrape": "corpus.readers.x.scrape",
    "x_stream": "corpus.readers.x.stream",
    "youtube": "corpus.readers.youtube",
}


def names() -> list[str]:
    """Return the names of all built-in readers, sorted."""
    return sorted(_MODULES)


def find(name: str) -> ReaderModule:
    """Import the reader ``name``; raises a KeyError that lists the known names."""
    if name not in _MODULES:
        raise KeyError(f"no reader '{name}'; known: {', '.join(names())}")
    return cast("ReaderModule", importlib.import_module(_MODULES[name]))
