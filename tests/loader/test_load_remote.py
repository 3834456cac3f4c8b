"""A corpus at a URL streams as the one here does, its row groups ahead of the reader."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.errors import CorpusError, ManifestError, ShardError
from corpus.maintenance import verify
from corpus.storage import filesystem, upload
from tests.conftest import post, write_lines
from tests.storage.test_storage import MakePlan, connection, server, store  # noqa: F401
from tests.support import object_store
from tests.support.commands import command
from tests.support.processes import HANG_SECONDS

pytestmark = pytest.mark.slow


@pytest.fixture
def both(store: object_store.Proxy, plan: MakePlan, tmp_path: Path) -> tuple[Any, Any]:  # noqa: F811
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(2000)])
    corpus.build(plan(output={"path": str(tmp_path / "out"), "shard_mb": 0.05,
                              "row_group_mb": 0.01}))  # fmt: skip
    upload.upload_corpus(tmp_path / "out", "s3://dumps/out", lambda *_: None)
    return corpus.load(tmp_path / "out"), corpus.load("s3://dumps/out")


def texts(found: Any, **how: Any) -> list[str]:
    return [text for batch in found.stream(columns=("text",), **how) for text in batch["text"]]


def test_it_streams_the_same_rows(both: tuple[Any, Any]) -> None:
    here, there = both
    assert there.manifest == here.manifest and len(there) == len(here)
    for how in ({}, {"shuffle": True, "seed": 3}, {"rank": 1, "world_size": 3, "shuffle": True}):
        assert texts(there, **how) == texts(here, **how) != []


def test_a_bad_day_of_the_store_changes_nothing(
    both: tuple[Any, Any],
    store: object_store.Proxy,  # noqa: F811
) -> None:
    here, there = both
    faults = [store.fault(kind, lambda m, path: m == "GET" and "part-" in path, times=1)
              for kind in ("500", "hang", "cut")]  # fmt: skip
    assert texts(there, shuffle=True) == texts(here, shuffle=True)
    assert [fault.seen for fault in faults] == [1, 1, 1]


def test_no_group_is_fetched_twice_and_no_more_than_the_share(
    both: tuple[Any, Any],
    store: object_store.Proxy,  # noqa: F811
) -> None:
    there = both[1]
    groups = sum(len(shard["row_groups"]) for shard in there.manifest["shards"])
    store.log.requests.clear()
    texts(there)
    gets = [path for method, path in store.log.requests if method == "GET"]
    assert len(gets) == groups + len(there.shards)  # and a footer a shard


def test_row_groups_are_prefetched_while_the_reader_is_busy(both: tuple[Any, Any]) -> None:
    stream = both[1].stream(shuffle=True, batch_size=10)
    next(stream)
    (index,) = stream._indexes
    prefetched = list(index._fetcher._prefetched.values())
    assert [future.result(HANG_SECONDS).num_rows > 0 for future in prefetched] == [True, True]
    stream.seek(1000)
    next(stream)
    assert len(index._fetcher._prefetched) == 2  # row groups before the jump are discarded


def told(found: Any, pipe: Any) -> None:
    pipe.send([text for table in found for text in table["text"].to_pylist()])


def test_a_forked_process_reads_on_by_itself(both: tuple[Any, Any]) -> None:
    here, there = both
    stream = there.stream(batch_size=100, arrow=True)
    first = next(stream)["text"].to_pylist()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=told, args=(stream, theirs))
    process.start()
    try:
        assert ours.poll(HANG_SECONDS), "the forked process hangs"
        assert first + ours.recv() == texts(here)
    finally:
        process.kill()
        process.join()


def test_a_frame_there_is_the_frame_here(both: tuple[Any, Any]) -> None:
    here, there = both
    for ask in (
        lambda frame: frame,
        lambda frame: frame.select("id").head(7),
        lambda frame: frame.filter(pl.col("id").str.ends_with("7")).select("text", "id"),
        lambda frame: frame.select(pl.len()),
        lambda frame: frame.with_row_index("_row").filter(pl.col("_row").is_in([3, 1900])),
    ):
        assert ask(there.scan()).collect().equals(ask(here.scan()).collect())
    assert there.dropped().collect().equals(here.dropped().collect())


def test_report_peek_and_explain_look_there(
    both: tuple[Any, Any],
    store: object_store.Proxy,  # noqa: F811
) -> None:
    here, there = both
    name = here.scan().select("id").head(1).collect().item()
    for asked in (("report",), ("peek", "-n", "2"), ("explain", name)):
        found, wanted = (command(asked[0], str(one.path), *asked[1:]) for one in (there, here))
        assert found.returncode == 0, found.stderr
        wanted_lines = wanted.stdout.replace(str(here.path), str(there.path))
        assert found.stdout == wanted_lines != ""


def test_verify_reads_it_there_and_finds_what_is_not_as_it_was(both: tuple[Any, Any]) -> None:
    here, there = both
    assert verify.verify(str(there.path)) == verify.verify(here.path)
    name = here.manifest["shards"][1]["path"]
    data = bytearray((here.path / name).read_bytes())
    data[len(data) // 3] ^= 1
    filesystem.write_file(f"{there.path}/{name}", bytes(data))
    filesystem.remove_file(f"{there.path}/{here.manifest['shards'][0]['path']}")
    filesystem.write_file(f"{there.path}/shards/stray", b"?")
    found = {check["name"]: check for check in verify.verify(str(there.path))["checks"]}
    assert found["hashes"]["where"][-1] == name
    assert found["sizes"]["where"] == ("shards/part-00000.parquet is missing",)
    assert found["no unknown files beside the shards"]["where"] == ("shards/stray",)
    with pytest.raises(ShardError, match=r"is (missing|damaged); 'corpus verify s3://dumps/out'"):
        texts(there)


def test_tokens_of_a_corpus_there_are_written_here(both: tuple[Any, Any], tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="needs the extra 'tokens'")
    from corpus.loader import memmap
    from tests.loader.test_memmap import trained

    here, there = both
    tokenizer = trained(tmp_path / "tokenizer.json", "<|endoftext|>")
    index = memmap.tokenize(str(there.path), tokenizer, destination=tmp_path / "tokens")
    assert index == memmap.tokenize(here.path, tokenizer)
    name = "tokens.bin"
    wanted = (here.path / "tokens" / name).read_bytes()
    assert (tmp_path / "tokens" / name).read_bytes() == wanted
    with pytest.raises(CorpusError, match="is a URL; name a local folder"):
        memmap.tokenize(str(there.path), tokenizer)


@pytest.mark.parametrize(
    "asked", [("takedown", "--ids", "x"), ("audit",), ("tune",), ("publish", "s3://dumps/b")]
)
def test_what_works_here_only_says_so(asked: tuple[str, ...]) -> None:
    found = command(asked[0], "s3://dumps/out", *asked[1:])
    assert found.returncode == 2
    assert found.stderr.startswith("corpus: 's3://dumps/out' is a URL; give the local folder")


def test_a_url_without_a_corpus_says_so(store: object_store.Proxy) -> None:  # noqa: F811
    with pytest.raises(ManifestError, match="s3://dumps/none"):
        corpus.load("s3://dumps/none")
