"""Beginnings of groups, and ranks within them."""

from __future__ import annotations

import numpy as np

from corpus.partition.groups import mark_group_starts, rank_in_groups


def test_a_group_begins_where_a_column_changes() -> None:
    first, second = np.array([1, 1, 1, 2, 2]), np.array([5, 5, 6, 6, 6])
    assert mark_group_starts(first).tolist() == [True, False, False, True, False]
    assert mark_group_starts(first, second).tolist() == [True, False, True, True, False]
    assert mark_group_starts(first[:0], second[:0]).tolist() == []


def test_ranks_are_by_the_keys_and_then_by_the_place() -> None:
    group, more = np.array([7, 3, 7, 7, 3, 7]), np.array([0, 0, 0, 1, 0, 0])
    keys = [np.array([2, 9, 1, 0, 9, 2]), np.array([1, 1, 5, 0, 0, 1])]
    assert rank_in_groups([group, more], keys).tolist() == [1, 1, 0, 0, 0, 2]
    assert rank_in_groups([group[:0]], [group[:0]]).tolist() == []
