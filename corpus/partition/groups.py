"""Find the groups in rows: those that are alike in some columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.text.arrays import I64


def mark_group_starts(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row differs in some column from the row before; the first row does.

    ``columns`` have the shape (n,); where equal rows are together, the marks are the groups' first
    rows, and ``np.cumsum(marks) - 1`` numbers the groups.
    """
    starts = np.ones(columns[0].size, bool)
    starts[1:] = False
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return starts


def rank_in_groups(groups: Sequence[NDArray[Any]], keys: Sequence[NDArray[Any]]) -> I64:
    """The rank, from 0, of each row among the rows that are alike in all of ``groups``.

    Rows with smaller ``keys`` come first; the first key counts most, and of equal rows the one
    that stands first.
    """
    order = np.lexsort((*keys[::-1], *groups[::-1]))
    starts = mark_group_starts(*(column[order] for column in groups))
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size) - np.flatnonzero(starts)[np.cumsum(starts) - 1]
    return rank
