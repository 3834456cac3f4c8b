"""Replace the names of people in the texts of a corpus, on their request."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from corpus.privacy import suppression


class PeopleNames:
    """Names to replace, each as whole words in any letter case; as builds replace listed names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted({suppression.normalize_name(name) for name in names} - {""})

    def __len__(self) -> int:
        return len(self._names)

    def mark(self, texts: pl.Series) -> pl.Series:
        """Return which texts have one of the names."""
        return suppression.redact_names(texts, self._names).ne_missing(texts)

    def redact(self, text: str) -> tuple[str, int]:
        """Return a text with the names replaced, and how many these are."""
        redacted = suppression.redact_names(pl.Series([text], dtype=pl.String), self._names)[0]
        placeholder = suppression.NAME_PLACEHOLDER
        return redacted, redacted.count(placeholder) - text.count(placeholder)
