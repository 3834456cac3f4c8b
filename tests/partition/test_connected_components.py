"""Connected components, found by block."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.partition import connected_components, partitions
from corpus.tasks.task import Arrays, ArrayTask, run_inline
from tests.support.examples import examples


@dataclass(frozen=True)
class GivenEdges(ArrayTask):
    """Edges given as pairs of row indices."""

    work_dir: Path
    pairs: tuple[tuple[int, int], ...]

    @property
    def folder(self) -> Path:
        return self.work_dir / "given"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        one, two = np.array(self.pairs, np.int64).reshape(-1, 2).T
        return connected_components.scatter_edges(self.work_dir, one.copy(), two.copy()), {}


def find_labels(work_dir: Path, posts: int, pairs: list[tuple[int, int]]) -> dict[int, int]:
    """The label of each post that has an edge."""
    sizes = [2] * (posts // 2) + [1] * (posts % 2)
    parts = partitions.write_part_index(
        work_dir, [work_dir / str(at) for at in range(len(sizes))], sizes
    )
    task = GivenEdges(work_dir, tuple(pairs))
    task()
    rounds, count = connected_components.find_components(work_dir, [task], run_inline, "")
    found: dict[int, int] = {}
    for block in range(len(parts.blocks)):
        found |= dict(
            zip(
                *(
                    part.tolist()
                    for part in connected_components.load_labels(work_dir, block, rounds)
                ),
                strict=True,
            )
        )
    assert len(found) == count
    return found


def find_labels_plainly(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """The smallest post that is reached from each, step by step."""
    least = {post: post for pair in pairs for post in pair}
    for _ in least:
        for one, two in pairs:
            least[one] = least[two] = min(least[one], least[two])
    return least


PAIRS = st.lists(
    st.tuples(st.integers(0, 24), st.integers(0, 24)).filter(lambda pair: pair[0] != pair[1]),
    max_size=30,
)


@settings(max_examples=examples(100))
@given(PAIRS, st.integers(2, 30))
def test_each_post_is_labelled_with_the_smallest_of_its_component(
    pairs: list[tuple[int, int]], block: int
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "BLOCK_POSTS", block)
        assert find_labels(Path(name), 25, pairs) == find_labels_plainly(pairs)


def test_a_random_chain_through_all_blocks_is_one_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 20)
    order = np.random.default_rng(3).permutation(400).tolist()
    found = find_labels(tmp_path, 400, list(pairwise(order)))
    assert found == dict.fromkeys(range(400), 0)
    assert len(list((tmp_path / "components").glob("large-*"))) <= 12


def test_in_one_block_no_round_is_needed(tmp_path: Path) -> None:
    assert find_labels(tmp_path, 9, [(1, 5), (5, 8), (2, 3)]) == {1: 1, 5: 1, 8: 1, 2: 2, 3: 2}
    assert not list((tmp_path / "components").glob("small-*"))
