"""The errors that a user sees: what is wrong, where, and the remedy; never the text of a post."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CorpusError(Exception):
    """The base of every error that this package raises on purpose."""


class PlanError(CorpusError):
    """The command or the plan is wrong; nothing was built (exit status 2)."""

    def __init__(self, *messages: str) -> None:
        """``messages`` are one for each error; they are shown one a line."""
        # The plan of a stranger may be quoted in it.
        self.messages = tuple(_shorten(message) for message in messages)
        super().__init__("\n".join(self.messages))


def _shorten(message: str) -> str:
    return message if len(message) <= 2000 else f"{message[:2000]}…"


class BuildError(CorpusError):
    """The build failed after it began (exit status 1)."""


class ManifestError(CorpusError):
    """A folder is not a finished corpus, or not one this version can read (exit status 2)."""


class ShardError(CorpusError):
    """A shard is missing, cut off or damaged (exit status 2)."""


def find_nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like ``word``; None if none is like it."""
    word = word[:100]  # the comparison takes quadratic time, and the word may be a stranger's
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` ; did you mean 'x'?`` for the nearest known word, else the list of known words."""
    names = sorted(known)
    near = find_nearest(word, names)
    return f"; did you mean '{near}'?" if near else f"; known: {', '.join(names)}"
