"""Who answers whom, among all posts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import arrays, threads


def rooted(*parent: int) -> tuple[list[int], list[int]]:
    found = threads.rooted(np.array(parent, np.int64))
    return found.parent.tolist(), found.root.tolist()


def linked(
    folder: Path, rows: list[tuple[str, str, str | None]], parts: int = 1
) -> threads.Threads:
    posts = pl.DataFrame(rows, schema=["id", "kind", "parent_id"], orient="row").cast(pl.String)
    size = -(-len(rows) // parts)
    folders = []
    for number in range(parts):
        folders.append(folder / f"{parts}-{number}")
        arrays.save(threads.measure(posts.slice(number * size, size)), folders[-1])
    return threads.link(folders)


def test_a_chain_and_a_tree_end_at_their_first_post() -> None:
    assert rooted(-1, 0, 1, 2, 0, -1) == ([-1, 0, 1, 2, 0, -1], [0, 0, 0, 0, 0, 5])


def test_no_posts_are_no_threads() -> None:
    assert rooted() == ([], [])


def test_a_post_that_answers_itself_begins_its_thread() -> None:
    assert rooted(0, 0) == ([-1, 0], [0, 0])


def test_a_ring_begins_at_its_first_post_and_keeps_what_hangs_on_it() -> None:
    # 1 -> 3 -> 2 -> 1 is a ring; 0 hangs on 2, 4 on 0.
    parent, root = rooted(2, 3, 1, 2, 0)
    assert parent == [2, -1, 1, 2, 0]
    assert root == [1, 1, 1, 1, 1]


def test_two_rings_begin_each_at_its_own_first() -> None:
    assert rooted(1, 0, 3, 2) == ([-1, 0, -1, 2], [0, 0, 2, 2])


def test_a_chain_of_a_million_answers_is_one_thread() -> None:
    parent = np.arange(-1, 999_999)
    assert threads.rooted(parent).root.max() == 0
    assert threads.rooted(parent[::-1].copy()[:0]).root.size == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-1, 14), max_size=15))
def test_every_post_reaches_its_root_whatever_the_links(wild: list[int]) -> None:
    parent = np.array([at if at < len(wild) else -1 for at in wild], np.int64)
    found = threads.rooted(parent.copy())
    for at in range(len(wild)):
        steps, here = 0, at
        while found.parent[here] >= 0:
            here, steps = int(found.parent[here]), steps + 1
            assert steps <= len(wild)
        assert here == found.root[at]
    kept = found.parent >= 0
    assert (found.parent[kept] == parent[kept]).all()


def test_links_are_found_across_parts_and_a_missing_parent_begins_a_thread(tmp_path: Path) -> None:
    rows = [
        ("c", "reply", "b"),
        ("b", "reply", "a"),
        ("x", "reply", "gone"),
        ("y", "reply", "x"),
        ("a", "post", None),
        ("r", "repost", "a"),
        ("a", "post", None),
    ]
    for parts in (1, 2, 7):
        found = linked(tmp_path, rows, parts)
        assert found.parent.tolist() == [1, 4, -1, 2, -1, -1, -1]
        assert found.root.tolist() == [4, 4, 2, 2, 4, 5, 6]
