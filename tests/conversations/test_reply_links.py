"""Reply links and threads among all posts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.conversations import reply_links
from corpus.partition import partitions, tree_roots
from corpus.tasks import array_store
from corpus.tasks.receipts import save_receipt
from corpus.tasks.task import run_inline
from tests.support.examples import examples


def find_roots(*parent: int) -> tuple[list[int], list[int]]:
    found = tree_roots.find_roots(np.array(parent, np.int64))
    return found.parent.tolist(), found.root.tolist()


def link_posts(
    folder: Path, rows: list[tuple[str, str, str | None]], parts: int = 1
) -> tree_roots.ParentsAndRoots:
    posts = pl.DataFrame(rows, schema=["id", "kind", "parent_id"], orient="row").cast(pl.String)
    size = -(-len(rows) // parts)
    folders, counts = [], []
    for number in range(parts):
        folders.append(folder / f"{parts}-{number}")
        array_store.save_arrays(
            reply_links.measure_links(posts.slice(number * size, size)), folders[-1]
        )
        counts.append(posts.slice(number * size, size).height)
    work_dir = folder / f"{parts}-all"
    reply_links.link_posts(work_dir, folders, counts, run_inline)
    found = [reply_links.load_parents_and_roots(work_dir, part) for part in range(parts)]
    return tree_roots.ParentsAndRoots(
        *(np.concatenate(columns) for columns in zip(*found, strict=True))
    )


def test_a_chain_and_a_tree_end_at_their_first_post() -> None:
    assert find_roots(-1, 0, 1, 2, 0, -1) == ([-1, 0, 1, 2, 0, -1], [0, 0, 0, 0, 0, 5])


def test_no_posts_are_no_threads() -> None:
    assert find_roots() == ([], [])


def test_a_post_that_replies_to_itself_is_a_root() -> None:
    assert find_roots(0, 0) == ([-1, 0], [0, 0])


def test_the_first_post_of_a_cycle_is_the_root_of_its_replies_too() -> None:
    # 1 -> 3 -> 2 -> 1 is a cycle; 0 replies to 2, 4 to 0.
    parent, root = find_roots(2, 3, 1, 2, 0)
    assert parent == [2, -1, 1, 2, 0]
    assert root == [1, 1, 1, 1, 1]


def test_each_of_two_cycles_has_its_own_root() -> None:
    assert find_roots(1, 0, 3, 2) == ([-1, 0, -1, 2], [0, 0, 2, 2])


def test_a_chain_of_a_million_replies_is_one_thread() -> None:
    parent = np.arange(-1, 999_999)
    assert tree_roots.find_roots(parent).root.max() == 0
    assert tree_roots.find_roots(parent[::-1].copy()[:0]).root.size == 0


@settings(max_examples=examples(200))
@given(st.lists(st.integers(-1, 14), max_size=15))
def test_every_post_reaches_its_root_whatever_the_links(wild: list[int]) -> None:
    parent = np.array([at if at < len(wild) else -1 for at in wild], np.int64)
    found = tree_roots.find_roots(parent.copy())
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
        found = link_posts(tmp_path, rows, parts)
        assert found.parent.tolist() == [1, 4, -1, 2, -1, -1, -1]
        assert found.root.tolist() == [4, 4, 2, 2, 4, 5, 6]


def write_parents(work_dir: Path, parent: np.ndarray, sizes: list[int]) -> None:
    """Write parts of these sizes and the parents of their posts."""
    folders = [work_dir / f"part-{index}" for index in range(len(sizes))]
    where = partitions.write_part_index(work_dir, folders, sizes)
    for block in range(len(where.blocks)):
        task = reply_links.WriteParents(work_dir, block)
        low, high = where.block_rows(block)
        written = array_store.save_arrays({"parent": parent[low:high]}, task.folder)
        save_receipt(task.folder / "receipt.json", {}, written)


def find_roots_in_blocks(
    work_dir: Path, parent: np.ndarray, sizes: list[int]
) -> tree_roots.ParentsAndRoots:
    write_parents(work_dir, parent, sizes)
    tree_roots.find_roots_by_block(
        work_dir, lambda block: reply_links.WriteParents(work_dir, block), run_inline, ""
    )
    found = [reply_links.load_parents_and_roots(work_dir, part) for part in range(len(sizes))]
    return tree_roots.ParentsAndRoots(
        *(np.concatenate(columns) for columns in zip(*found, strict=True))
    )


@settings(max_examples=examples(120))
@given(
    st.lists(st.integers(-1, 19), min_size=1, max_size=20), st.lists(st.integers(1, 6), min_size=20)
)
def test_in_blocks_the_roots_are_those_of_one_process(
    wild: list[int], part_sizes: list[int]
) -> None:
    parent = np.array([at if at < len(wild) else -1 for at in wild], np.int64)
    sizes = []
    while sum(sizes) < parent.size:
        sizes.append(min(part_sizes[len(sizes)], parent.size - sum(sizes)))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "BLOCK_POSTS", 4)
        found = find_roots_in_blocks(Path(name), parent, sizes)
    alone = tree_roots.find_roots(parent)
    assert found.parent.tolist() == alone.parent.tolist()
    assert found.root.tolist() == alone.root.tolist()


def test_a_chain_over_many_blocks_takes_few_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 10)
    for name, parent in (("up", np.arange(-1, 159)), ("down", np.r_[np.arange(1, 160), -1])):
        work_dir = tmp_path / name
        found = find_roots_in_blocks(work_dir, parent, [10] * 16)
        assert set(found.root) == {0 if name == "up" else 159}
        rounds = list((work_dir / "trees-0").glob("advance-*"))
        assert 0 < len(rounds) <= 5  # the binary logarithm of 16 blocks, and one round more


def test_the_root_of_a_cycle_over_all_blocks_is_its_first_post(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 10)
    cycle = np.roll(np.random.default_rng(1).permutation(100), 1)
    order = np.roll(cycle, -1)
    parent = np.empty(100, np.int64)
    parent[cycle] = order  # one cycle of all posts, across blocks at random
    found = find_roots_in_blocks(tmp_path, parent, [10] * 10)
    assert set(found.root) == {0}
    assert found.parent[0] == -1
    assert (found.parent[1:] == parent[1:]).all()
