"""The stream gives every row to exactly one rank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import CorpusError, ManifestError
from tests.conftest import post, write_lines


@pytest.fixture
def built(plan: Callable[..., dict[str, Any]], tmp_path: Path) -> Path:
    """A corpus of 300 documents in several shards of several row groups."""
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(300)])
    output = {"path": str(tmp_path / "out"), "shard_mb": 0.005, "row_group_mb": 0.001}
    output |= {"ids": "original"}
    corpus.build(plan([], output=output))
    return tmp_path / "out"


def ids(path: Path, **how: Any) -> list[str]:
    found: list[str] = []
    for batch in corpus.load(path).stream(columns=("id", "text"), **how):
        found += batch["id"].to_list()
    return found


def test_a_corpus_knows_its_size_shards_and_manifest(built: Path) -> None:
    opened = corpus.load(built)
    assert len(opened) == 300 == opened.manifest["totals"]["documents"]
    assert len(opened.shards) > 2
    assert opened.scan().collect().height == 300


@pytest.mark.parametrize("world", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_row_reaches_exactly_one_rank(built: Path, world: int, shuffle: bool) -> None:
    parts = [ids(built, rank=r, world_size=world, shuffle=shuffle) for r in range(world)]
    everything = [one for part in parts for one in part]
    assert len(everything) == 300
    assert set(everything) == {f"table:{n}" for n in range(300)}


def test_the_order_follows_seed_and_epoch_and_nothing_else(built: Path) -> None:
    assert ids(built) == ids(built)
    first = ids(built, shuffle=True, seed=1)
    assert first == ids(built, shuffle=True, seed=1)
    assert first != ids(built)
    assert first != ids(built, shuffle=True, seed=2)
    assert first != ids(built, shuffle=True, seed=1, epoch=1)


def test_batches_are_full_but_for_the_last(built: Path) -> None:
    sizes = [batch.height for batch in corpus.load(built).stream(batch_size=64)]
    assert sizes == [64, 64, 64, 64, 44]


def test_wrong_ranks_columns_and_sizes_are_refused(built: Path) -> None:
    opened = corpus.load(built)
    with pytest.raises(ValueError, match="rank 2 is not in a world of 2"):
        opened.stream(rank=2, world_size=2)
    with pytest.raises(ValueError, match="batch_size"):
        opened.stream(batch_size=0)
    with pytest.raises(CorpusError, match="no column 'txt'"):
        list(opened.stream(columns=("txt",)))


def test_a_missing_shard_is_noticed_on_opening(built: Path) -> None:
    (built / "shards" / "part-00001.parquet").unlink()
    with pytest.raises(ManifestError, match=r"part-00001\.parquet' is missing"):
        corpus.load(built)
