"""The stream gives every row to exactly one rank and worker, and goes on where it stopped."""

from __future__ import annotations

import json
import math
import pickle
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus
from corpus.errors import CorpusError, ManifestError, ShardError
from corpus.loader.load import Corpus, Mixture
from corpus.loader.shares import Consumer, Interleaving
from corpus.partition.permutation import permutation
from tests.support.corpora import edited, flip, forget_row_groups, make
from tests.support.examples import examples


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 300 documents in several shards of several row groups."""
    return make(tmp_path_factory.mktemp("corpus"), 300)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 20 documents, 1000 to 1019."""
    return make(tmp_path_factory.mktemp("small"), 20, first=1000)


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The corpus, to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "copy"))


GOLDEN = [3, 0, 9, 5, 2, 8, 6, 7, 4, 1]


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


def names(batches: Any) -> list[str]:
    return [name for batch in batches for name in batch["id"]]


def places(world: int, workers: int) -> list[dict[str, int]]:
    return [
        {"rank": rank, "world_size": world, "worker": worker, "num_workers": workers}
        for rank in range(world)
        for worker in range(workers)
    ]


@settings(max_examples=examples(40))
@given(
    world=st.integers(1, 40),
    workers=st.integers(1, 12),
    size=st.integers(1, 400),
    shuffle=st.booleans(),
    seed=st.integers(-5, 2**40),
    epoch=st.integers(0, 5),
)
def test_every_row_once_an_epoch_and_even_shares_whatever_the_counts(
    built: Path, world: int, workers: int, size: int, shuffle: bool, seed: int, epoch: int
) -> None:
    opened = corpus.load(built)
    how = {"batch_size": size, "shuffle": shuffle, "seed": seed, "epoch": epoch}
    shares = [
        names(opened.stream(columns=["id"], **place, **how)) for place in places(world, workers)
    ]
    assert Counter(name for share in shares for name in share) == {
        f"table:{n}": 1 for n in range(300)
    }
    assert {len(share) for share in shares} <= {300 // len(shares), -(-300 // len(shares))}


def test_more_ranks_than_row_groups_get_rows_all_the_same(built: Path) -> None:
    opened = corpus.load(built)
    groups = sum(len(shard["row_groups"]) for shard in opened.manifest["shards"])
    assert groups < 100
    shares = [ids(built, rank=rank, world_size=100, shuffle=True) for rank in range(100)]
    assert [len(share) for share in shares] == [3] * 100


@settings(max_examples=examples(40))
@given(data=st.data(), shuffle=st.booleans(), mixed=st.booleans())
def test_a_stream_goes_on_at_any_batch_to_the_same_batches(
    built: Path, small: Path, data: st.DataObject, shuffle: bool, mixed: bool
) -> None:
    source: Corpus | Mixture = corpus.load(built)
    if mixed:
        source = corpus.mix([(built, 0.7), (small, 0.3)])
    place = data.draw(st.sampled_from(places(3, 2)))
    size = data.draw(st.integers(1, 70))
    how = {**place, "batch_size": size, "shuffle": shuffle, "seed": 3, "epoch": 2}
    whole = [batch["id"].to_list() for batch in source.stream(columns=["id"], **how)]
    stop = data.draw(st.integers(0, len(whole)))
    stream = source.stream(columns=["id"], **how)
    begun = [next(stream)["id"].to_list() for _ in range(stop)]
    state = json.loads(json.dumps(stream.state_dict()))
    again = source.stream(columns=["id"], **{**how, "epoch": 0})
    again.load_state_dict(state)
    assert begun + [batch["id"].to_list() for batch in again] == whole


def test_a_state_is_small(built: Path, small: Path) -> None:
    stream = corpus.mix([(built, 0.7), (small, 0.3)]).stream(7, 16, worker=3, num_workers=4)
    next(stream)
    assert len(json.dumps(stream.state_dict())) < 400


def test_epochs_follow_one_another_in_other_orders(built: Path) -> None:
    stream = corpus.load(built).stream(columns=["id"], shuffle=True, seed=1)
    epochs = [names(stream) for _ in range(3)]
    assert stream.epoch == 2
    assert [sorted(epoch) for epoch in epochs] == [sorted(epochs[0])] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs == [ids(built, shuffle=True, seed=1, epoch=epoch) for epoch in range(3)]
    assert next(stream, None) is None  # until a `for` asks for another epoch


def test_neighbouring_rows_of_a_row_group_are_parted_by_the_shuffle(built: Path) -> None:
    found = [int(name.removeprefix("table:")) for name in ids(built, shuffle=True)]
    assert sum(abs(a - b) == 1 for a, b in pairwise(found)) < 100


def test_the_world_may_change_between_epochs_but_not_within_one(built: Path) -> None:
    opened = corpus.load(built)
    old = opened.stream(1, 3, columns=["id"], shuffle=True, epoch=4)
    next(old)
    halfway = old.state_dict()
    for _ in old:
        pass
    over = old.state_dict()
    new = opened.stream(1, 2, columns=["id"], shuffle=True)
    with pytest.raises(CorpusError, match=r"middle of epoch 4 by rank 1 of 3.*stream\(epoch=4\)"):
        opened.stream(1, 2, columns=["id"], shuffle=True, batch_size=9).load_state_dict(
            {**halfway, "row": 10}
        )
    new.load_state_dict(over)
    assert names(new) == ids(built, rank=1, world_size=2, shuffle=True, epoch=5)
    other = opened.stream(0, 2, worker=1, num_workers=2, shuffle=True)
    other.load_state_dict({**halfway, "row": 0})  # nothing of the epoch was read
    assert (other.epoch, other.state_dict()["row"]) == (4, 0)


def test_a_state_of_another_corpus_seed_or_version_is_refused(built: Path, small: Path) -> None:
    stream = corpus.load(built).stream(seed=1, shuffle=True)
    next(stream)
    state = stream.state_dict()
    with pytest.raises(CorpusError, match=r"the corpus has changed .* stream\(epoch=1\)"):
        corpus.load(small).stream(seed=1, shuffle=True).load_state_dict(state)
    with pytest.raises(CorpusError, match="seed=1 and this stream has seed=2"):
        corpus.load(built).stream(seed=2, shuffle=True).load_state_dict(state)
    with pytest.raises(CorpusError, match="shuffle=True and this stream has shuffle=False"):
        corpus.load(built).stream(seed=1).load_state_dict(state)
    with pytest.raises(CorpusError, match="install a newer version"):
        stream.load_state_dict({**state, "version": 99})
    with pytest.raises(CorpusError, match="this is not the state of a stream"):
        stream.load_state_dict({"epoch": 1})
    with pytest.raises(CorpusError, match="'row' is missing"):
        stream.load_state_dict({name: state[name] for name in state if name != "row"})


def test_a_corpus_of_which_a_shard_was_written_again_refuses_an_older_state(copy: Path) -> None:
    stream = corpus.load(copy).stream()
    next(stream)
    state = stream.state_dict()
    shards = corpus.load(copy).manifest["shards"]
    edited(copy, shards=[{**shards[0], "sha256": "0" * 64}, *shards[1:]])
    with pytest.raises(CorpusError, match="has changed since this state was saved"):
        corpus.load(copy).stream().load_state_dict(state)


def test_a_mixture_has_the_shares_that_were_asked_for(built: Path, small: Path) -> None:
    mixture = corpus.mix([(corpus.load(built), 3), (small, 1)])
    found = names(mixture.stream(columns=["id"], shuffle=True, seed=2))
    count = Counter(found)
    assert {count[f"table:{n}"] for n in range(300)} == {1}
    assert {count[f"table:{n}"] for n in range(1000, 1020)} == {5}
    for begin in range(0, 400, 40):  # everywhere, not only on the whole
        inside = found[begin : begin + 40]
        assert sum(int(name.removeprefix("table:")) >= 1000 for name in inside) == 10


def test_the_passes_over_an_upsampled_corpus_and_the_epochs_differ(
    built: Path, small: Path
) -> None:
    stream = corpus.mix([(built, 3), (small, 1)]).stream(columns=["id"], shuffle=True)
    passes = []
    for _ in range(2):
        few = [name for name in names(stream) if int(name.removeprefix("table:")) >= 1000]
        passes += [tuple(few[at : at + 20]) for at in range(0, 100, 20)]
    assert {tuple(sorted(one)) for one in passes} == {tuple(sorted(passes[0]))}
    assert len(set(passes)) == 10


@settings(max_examples=examples(25))
@given(world=st.integers(1, 9), workers=st.integers(1, 3), size=st.integers(1, 90))
def test_a_mixture_is_shared_out_like_a_corpus(
    built: Path, small: Path, world: int, workers: int, size: int
) -> None:
    mixture = corpus.mix([(built, 0.9), (small, 0.1)])
    shares = [
        names(mixture.stream(columns=["id"], shuffle=True, batch_size=size, **place))
        for place in places(world, workers)
    ]
    alone = names(mixture.stream(columns=["id"], shuffle=True))
    assert Counter(name for share in shares for name in share) == Counter(alone)
    assert max(map(len, shares)) - min(map(len, shares)) <= 2


@settings(max_examples=examples(60))
@given(lengths=st.lists(st.integers(0, 90), min_size=1, max_size=5), data=st.data())
def test_turns_are_the_same_from_wherever_one_begins(
    lengths: list[int], data: st.DataObject
) -> None:
    turns = Interleaving(lengths)
    at = data.draw(st.integers(0, sum(lengths)))
    whole = turns.next_sources([0] * len(lengths), sum(lengths)).tolist() if sum(lengths) else []
    assert [whole[:at].count(one) for one in range(len(lengths))] == turns.rows_before(at)
    assert whole[at:] == turns.next_sources(turns.rows_before(at), sum(lengths)).tolist()
    assert [whole.count(one) for one in range(len(lengths))] == lengths


def test_an_order_is_one_of_all_numbers_and_stays_what_it_is() -> None:
    assert permutation(10, "rows", 1).tolist() == GOLDEN
    for count in (0, 1, 2, 255, 256, 257, 70_000):
        assert sorted(permutation(count, "x").tolist()) == list(range(count))


def test_an_order_has_no_pattern() -> None:
    found = permutation(10_000, "rows", 1)
    correlation = abs(sum((found[:-1] - 4999.5) * (found[1:] - 4999.5)) / (1e4 * 1e8 / 12))
    assert correlation < 0.05
    first = [int(permutation(4, key)[0]) for key in range(4000)]
    assert all(abs(count - 1000) < 5 * math.sqrt(750) for count in Counter(first).values())


def test_a_corpus_built_before_row_groups_were_listed_streams_alike(copy: Path) -> None:
    wanted = ids(copy, shuffle=True)
    forget_row_groups(copy)
    assert ids(copy, shuffle=True) == wanted


def test_a_stream_of_a_mixture_with_an_empty_corpus_is_refused(built: Path, tmp_path: Path) -> None:
    empty = make(tmp_path, 1)
    shards = corpus.load(empty).manifest["shards"]
    frame = pl.read_parquet(empty / shards[0]["path"]).clear()
    frame.write_parquet(empty / shards[0]["path"])
    size = (empty / shards[0]["path"]).stat().st_size
    edited(empty, shards=[{**shards[0], "rows": 0, "row_groups": [], "bytes": size}])
    assert list(corpus.load(empty).stream(shuffle=True)) == []
    with pytest.raises(CorpusError, match="holds no documents"):
        next(corpus.mix([(built, 1), (empty, 1)]).stream())


def test_weights_and_workers_that_cannot_be_are_refused(built: Path) -> None:
    for weight in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match="weight must be more than 0"):
            corpus.mix([(built, weight)])
    with pytest.raises(ValueError, match="nothing to mix"):
        corpus.mix([])
    with pytest.raises(ValueError, match="worker 2 is not one of 2"):
        corpus.load(built).stream(worker=2, num_workers=2)
    with pytest.raises(ValueError, match="rank -1"):
        Consumer(-1, 2)
    with pytest.raises(ValueError, match="list of at least one name"):
        corpus.load(built).stream(columns="text")


def test_a_stream_travels_to_another_process(built: Path) -> None:
    stream = corpus.load(built).stream(columns=["id"], shuffle=True, batch_size=50)
    sent = pickle.dumps(stream)
    assert names(pickle.loads(sent)) == names(stream)


def test_a_missing_or_cut_shard_is_noticed_on_opening(copy: Path) -> None:
    shard = copy / "shards" / "part-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ManifestError, match=r"part-00001\.parquet' has .* bytes, not"):
        corpus.load(copy)
    shard.unlink()
    with pytest.raises(ManifestError, match=r"part-00001\.parquet' is missing"):
        corpus.load(copy)


def test_a_shard_that_vanishes_later_is_named(copy: Path) -> None:
    stream = corpus.load(copy).stream()
    (copy / "shards" / "part-00001.parquet").unlink()
    with pytest.raises(ShardError, match=r"part-00001\.parquet' is missing; 'corpus verify"):
        list(stream)


def test_any_flipped_bit_in_a_page_is_noticed_by_who_reads_it(copy: Path) -> None:
    import pyarrow.parquet as pq

    shard = copy / "shards" / "part-00001.parquet"
    whole = shard.read_bytes()
    column = pq.read_metadata(shard).row_group(0).column(0)
    assert column.path_in_schema == "text"
    begin, size = column.data_page_offset, column.total_compressed_size
    for at in range(begin + size // 3, begin + size, 7):  # the pages' headers are before that
        flip(shard, at)
        with pytest.raises(ShardError, match=r"part-00001\.parquet' is damaged; 'corpus verify"):
            list(corpus.load(copy).stream())
        shard.write_bytes(whole)
    for at in range(len(whole) - 400, len(whole), 7):  # the footer: noticed, or harmless
        flip(shard, at)
        try:
            assert ids(copy) == ids_of(copy)
        except ShardError as error:
            assert "part-00001.parquet" in str(error)
        shard.write_bytes(whole)


def ids_of(out: Path) -> list[str]:
    return [f"table:{n}" for n in range(300)]


def test_a_manifest_of_a_newer_version_is_refused(copy: Path) -> None:
    edited(copy, format_version=2)
    with pytest.raises(ManifestError, match=r"format version 2 .* up to 1; install a newer"):
        corpus.load(copy)
