"""The readers by name: ``readers.find("reddit")`` imports only that one."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from corpus import user_code
from corpus.errors import PlanError

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


def find(name: str, digest: str = "") -> ReaderModule:
    """Import the reader ``name``; raises a KeyError that lists the known names.

    ``name`` may be the dotted path or the entry point of a reader of the user's own. PlanError if
    that is not there or is no reader; BuildError if its source does not have the ``digest``.
    """
    if is_user_code(name):
        loaded = user_code.load(name, user_code.READERS)
        _require_reader(name, loaded.module)
        user_code.require_digest(name, user_code.READERS, digest)
        return cast("ReaderModule", loaded.module)
    if name not in _MODULES:
        raise KeyError(f"no reader '{name}'; known: {', '.join(names())}")
    return cast("ReaderModule", importlib.import_module(_MODULES[name]))


def is_user_code(name: str) -> bool:
    """Return whether a reader of this name is code of the user's own, if there is one at all."""
    return name not in _MODULES and user_code.is_user_code(name, user_code.READERS)


def source_digest(name: str) -> str:
    """Return the digest of the source of a reader of the user's own; '' for a built-in one."""
    return user_code.load(name, user_code.READERS).digest if is_user_code(name) else ""


def identify(name: str) -> tuple[object, ...]:
    """Return what changes whenever the reader would give other posts of the same file."""
    digest = source_digest(name)
    return (find(name).VERSION, *([digest] if digest else ()))


@lru_cache(maxsize=64)
def _require_reader(name: str, module: Any) -> None:
    from corpus.readers import checks  # the contract needs polars, and a list of names does not

    if missing := checks.list_missing_parts(module):
        raise PlanError(*(f"'{name}' is no reader: {problem}" for problem in missing))
