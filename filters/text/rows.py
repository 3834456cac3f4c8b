"""Change only those rows of a column that need it; the others cost no time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl


def change_where(
    texts: pl.Series, selected: pl.Series, change: Callable[[pl.Series], pl.Series | Iterable[str]]
) -> pl.Series:
    """Return ``texts`` with ``change`` applied to the rows where the mask ``selected`` is true.

    ``change`` gets a series of the selected texts, and returns as many texts in the same order.
    """
    rows = selected.arg_true()
    if not len(rows):
        return texts
    changed = change(texts.gather(rows))
    if not isinstance(changed, pl.Series):
        changed = pl.Series(list(changed), dtype=pl.String)
    return texts.clone().scatter(rows, changed)
