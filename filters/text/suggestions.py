"""Suggest the word that was meant, for messages about names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

# The comparison takes quadratic time, and the word may be a stranger's.
_MAX_CHARACTERS = 100


def suggest(word: str, known: Sequence[str], title: str = "known") -> str:
    """Return ``did you mean 'x'?`` for the nearest known word, else the known words, titled."""
    near = difflib.get_close_matches(word[:_MAX_CHARACTERS], known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"{title}: {', '.join(known)}"
