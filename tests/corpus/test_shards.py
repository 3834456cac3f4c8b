"""The shards as a plan asks for them: codec, checksums, order and splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import corpus
from corpus.takedown import take_down
from corpus.verify import verify
from tests.conftest import command, contents, post, write_lines
from tests.corpus.corpora import make

LAYOUTS: dict[str, dict[str, Any]] = {
    "zstd": {},
    "packed": {"zstd_level": 19},
    "lz4": {"compression": "lz4"},
    "chunked": {"content_defined_chunking": True},
}


@pytest.mark.parametrize("how", LAYOUTS)
def test_a_shard_has_the_asked_codec_a_page_index_and_its_row_groups_told(
    how: str, tmp_path: Path
) -> None:
    out = make(tmp_path, 100, **LAYOUTS[how])
    opened = corpus.load(out)
    for shard, listed in zip(opened.shards, opened.manifest["shards"], strict=True):
        footer = pq.read_metadata(shard)
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        assert listed["row_groups"] == [group.num_rows for group in groups]
        assert sum(listed["row_groups"]) == listed["rows"]
        text = groups[0].column(0)
        assert text.path_in_schema == "text"
        assert text.compression == ("LZ4" if how == "lz4" else "ZSTD")
        assert text.has_column_index and text.has_offset_index
    assert opened.scan().collect()["id"].to_list() == [f"table:{n}" for n in range(100)]


def test_more_zstd_is_smaller_and_another_plan(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir(), (tmp_path / "two").mkdir()
    one = corpus.load(make(tmp_path / "one", 2000, row_group_mb=1, shard_mb=9, zstd_level=1))
    two = corpus.load(make(tmp_path / "two", 2000, row_group_mb=1, shard_mb=9, zstd_level=19))
    assert two.manifest["shards"][0]["bytes"] < one.manifest["shards"][0]["bytes"]
    plan = {"sources": [{"table": {"path": "x", "fields": {"id": "id", "text": "t"}}}]}
    prints = {
        corpus.Plan.parse({**plan, "output": output}).fingerprint()
        for output in ({}, {"zstd_level": 4}, {"compression": "lz4"}, {"shuffle": True},
                       {"shuffle": True, "shuffle_seed": 1}, {"content_defined_chunking": True})
    }  # fmt: skip
    assert len(prints) == 6


@pytest.mark.parametrize("how", LAYOUTS)
def test_a_takedown_writes_a_shard_as_the_plan_laid_it_out(how: str, tmp_path: Path) -> None:
    out = make(tmp_path, 100, **LAYOUTS[how])
    codec = pq.read_metadata(corpus.load(out).shards[0]).row_group(0).column(0).compression
    take_down(out, ["table:3", "table:7"])
    opened = corpus.load(out)
    footer = pq.read_metadata(opened.shards[0])
    assert footer.row_group(0).column(0).compression == codec
    assert opened.manifest["shards"][0]["row_groups"][0] == footer.row_group(0).num_rows
    assert verify(out)["passed"]
    assert sum(batch.height for batch in opened.stream(shuffle=True)) == 98


def shuffled(folder: Path, name: str, **run: Any) -> Path:
    """The same two sources, shuffled together, built in some way."""
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [
                {"table": {"path": str(folder / f"{source}.jsonl"), "fields": fields}}
                for source in "ab"
            ],
            "output": {"path": str(folder / name), "shard_mb": 0.005, "row_group_mb": 0.001,
                       "ids": "original", "shuffle": True, "key": str(folder / "key")},
            "run": {"runner": "serial", **run},
        }
    )  # fmt: skip
    return folder / name


def test_a_shuffle_mixes_the_sources_and_loses_nothing(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [post(n) for n in range(200)])
    write_lines(tmp_path / "b.jsonl", [post(1000 + n) for n in range(100)])
    out = shuffled(tmp_path, "out")
    found = [int(name.removeprefix("table:")) for name in corpus.load(out).scan().collect()["id"]]
    assert sorted(found) == [*range(200), *range(1000, 1100)]
    halves = [sum(number >= 1000 for number in half) for half in (found[:150], found[150:])]
    assert all(35 <= count <= 65 for count in halves)
    assert sum(b - a == 1 for a, b in zip(found, found[1:], strict=False)) < 10
    assert verify(out)["passed"]


def test_a_shuffle_is_the_same_whatever_the_parts_and_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "a.jsonl", [post(n) for n in range(200)])
    write_lines(tmp_path / "b.jsonl", [post(1000 + n) for n in range(100)])
    whole = contents(shuffled(tmp_path, "whole"))
    assert contents(shuffled(tmp_path, "parts", part_posts=17)) == whole
    two = {"part_posts": 64, "runner": "processes", "workers": 2}
    assert contents(shuffled(tmp_path, "processes", **two)) == whole


def test_a_shuffle_by_buckets_is_the_order_of_one_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus import shuffle

    write_lines(tmp_path / "a.jsonl", [post(n) for n in range(200)])
    write_lines(tmp_path / "b.jsonl", [post(1000 + n) for n in range(100)])
    whole = contents(shuffled(tmp_path, "whole"))
    monkeypatch.setattr(shuffle, "_BUCKET_BYTES", 2000)
    assert shuffle.buckets(20_000) == 10
    assert contents(shuffled(tmp_path, "buckets", part_posts=41)) == whole


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text("")
    for setting in ("zstd_level: 23", "compression: gzip", "shuffle: 7x"):
        (tmp_path / "plan.yaml").write_text(
            f"sources: [{{table: {{path: {tmp_path}/posts.jsonl, fields: {{id: id, text: t}}}}}}]\n"
            f"output: {{path: {tmp_path}/out, {setting}}}\n"
        )
        done = command("check", str(tmp_path / "plan.yaml"))
        assert (done.returncode, setting.split(":")[0] in done.stderr) == (2, True)


def test_a_shuffled_corpus_is_one_that_polars_reads_in_that_order(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [post(n) for n in range(20)])
    write_lines(tmp_path / "b.jsonl", [post(1000 + n) for n in range(10)])
    out = shuffled(tmp_path, "out")
    assert pl.read_parquet(out / "shards" / "*.parquet").height == 30
