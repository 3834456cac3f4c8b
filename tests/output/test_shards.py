"""Shards with the options of a plan: codec, checksums, order and splits."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import corpus
import corpus.errors
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from tests.conftest import contents, post, write_lines
from tests.support.commands import command
from tests.support.corpora import build_once, make

LAYOUTS: dict[str, dict[str, Any]] = {
    "zstd": {},
    "packed": {"zstd_level": 19},
    "lz4": {"compression": "lz4"},
    "chunked": {"content_defined_chunking": True},
}


@pytest.mark.parametrize("how", LAYOUTS)
def test_a_shard_has_the_codec_of_the_plan_a_page_index_and_listed_row_groups(
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
def test_a_takedown_writes_a_shard_with_the_options_of_the_plan(how: str, tmp_path: Path) -> None:
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
    assert sum(b - a == 1 for a, b in pairwise(found)) < 10
    assert verify(out)["passed"]


def test_a_shuffle_is_the_same_whatever_the_parts(tmp_path: Path) -> None:
    # tests/pipeline/test_build.py shows it of a shuffle by processes.
    write_lines(tmp_path / "a.jsonl", [post(n) for n in range(200)])
    write_lines(tmp_path / "b.jsonl", [post(1000 + n) for n in range(100)])
    whole = contents(shuffled(tmp_path, "whole"))
    assert contents(shuffled(tmp_path, "parts", part_posts=27)) == whole


def test_a_shuffle_by_buckets_is_the_order_of_one_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.partition import buckets

    write_lines(tmp_path / "a.jsonl", [post(n) for n in range(200)])
    write_lines(tmp_path / "b.jsonl", [post(1000 + n) for n in range(100)])
    whole = contents(shuffled(tmp_path, "whole"))
    monkeypatch.setattr(buckets, "_BUCKET_BYTES", 2000)
    assert buckets.count_buckets(20_000) == 10
    assert contents(shuffled(tmp_path, "buckets", part_posts=41)) == whole


def test_impossible_settings_are_refused(tmp_path: Path) -> None:
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


# --------------------------------------------------------------------------- the validation set


def posted(number: int, **more: Any) -> dict[str, Any]:
    """A post of one of 100 people; every tenth replies to the post before it."""
    parent = str(number - 1) if number % 10 == 9 else None
    return post(number, user=f"u{number % 100}", parent=parent) | more


def apart(folder: Path, name: str = "out", rows: list[Any] | None = None, **how: Any) -> Path:
    """Build 400 posts with a tenth of them set aside."""
    write_lines(folder / "posts.jsonl", rows or [posted(n) for n in range(400)])
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "parent"}
    stages = how.pop("stages", [{"dedup": {}}, {"pii": {}}])
    output = {"path": str(folder / name), "shard_mb": 0.005, "row_group_mb": 0.001,
              "ids": "original", "validation": 0.1, "key": str(folder / "key")}  # fmt: skip
    run = {"runner": "serial", **how.pop("run", {})}
    build_once(
        folder,
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": stages,
            "output": output | how,
            "run": run,
        },
    )
    return folder / name


def sides(out: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return (
        pl.read_parquet(out / "shards" / "*.parquet"),
        pl.read_parquet(out / "validation" / "*.parquet"),
    )


def test_no_author_thread_or_cluster_is_on_both_sides(tmp_path: Path) -> None:
    rows = [posted(n) for n in range(400)]
    rows += [posted(1000 + n, text=posted(n)["text"] + " lol", user=f"v{n}") for n in range(60)]
    out = apart(tmp_path, rows=rows, stages=[{"dedup": {"max_cluster": 2}}])
    train, aside = sides(out)
    assert train.height + aside.height == 460
    assert 20 <= aside.height <= 46
    assert train["cluster"].is_duplicated().sum() > 60
    for column in ("author", "cluster"):
        assert not set(train[column].drop_nulls()) & set(aside[column].drop_nulls())
    for one, other in ((train, aside), (aside, train)):
        assert not set(one["parent_id"].drop_nulls()) & set(other["id"])
        assert not set(one["parent_id"].drop_nulls()) & set(other["parent_id"].drop_nulls())


def test_replies_to_the_same_missing_post_are_on_one_side(tmp_path: Path) -> None:
    rows = [post(n, user=f"u{n}", parent=f"gone{n // 4}") for n in range(200)]
    train, aside = sides(apart(tmp_path, rows=rows))
    assert aside.height > 10
    assert not set(train["parent_id"]) & set(aside["parent_id"])


def test_validation_documents_and_all_others_of_their_authors_are_of_the_wanted_days(
    tmp_path: Path,
) -> None:
    days = [f"2024-05-{1 + n % 20:02d}T12:00:00Z" for n in range(400)]
    rows = [post(n, user=f"u{n % 97}", time=days[n]) for n in range(380)]
    rows += [post(n, user=f"late{n}", time="2024-05-19T00:00:00Z") for n in range(400, 440)]
    rows += [post(n, user=f"timeless{n}") for n in range(500, 520)]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "created_at": "time"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original", "validation": 0.05,
                       "validation_after": "2024-05-19"},
            "run": {"runner": "serial"},
        }
    )  # fmt: skip
    _, aside = sides(tmp_path / "out")
    assert aside.height == 22
    assert {int(name.removeprefix("table:")) // 100 for name in aside["id"]} == {4}
    plan = {"sources": [{"table": {"path": "x", "fields": fields}}]}
    for wrong in ("2024-05-41", "yesterday"):
        with pytest.raises(corpus.errors.PlanError, match="validation_after"):
            corpus.Plan.parse({**plan, "output": {"validation_after": wrong}})


def test_conversations_are_split_by_all_their_authors(tmp_path: Path) -> None:
    rows = [posted(n, user=f"u{n // 3}") for n in range(400)]
    out = apart(tmp_path, rows=rows, stages=[{"conversations": {"mode": "tree"}}])
    train, aside = sides(out)
    people = [set(side["authors"].explode()) for side in (train, aside)]
    posts = [set(side["post_ids"].explode()) for side in (train, aside)]
    assert aside.height > 10 and not people[0] & people[1] and not posts[0] & posts[1]
    assert len(posts[0] | posts[1]) == 400


def test_the_split_is_the_same_whatever_the_parts(tmp_path: Path) -> None:
    # tests/pipeline/test_build.py shows it of a shuffled split by processes.
    whole = contents(apart(tmp_path, "whole", shuffle=True))
    assert contents(apart(tmp_path, "parts", shuffle=True, run={"part_posts": 67})) == whole
    other = sides(apart(tmp_path, "other", validation_seed=1))[1]
    assert set(other["id"]) != set(sides(tmp_path / "whole")[1]["id"])


def test_a_corpus_with_two_sides_is_read_counted_and_checked_as_one(tmp_path: Path) -> None:
    out = apart(tmp_path)
    opened = corpus.load(out)
    train, aside = sides(out)
    assert (len(opened), opened.splits) == (400, ["train", "validation"])
    assert opened.scan().collect().height == 400
    streamed = {
        split: {
            name for batch in opened.stream(columns=["id"], split=split) for name in batch["id"]
        }
        for split in opened.splits
    }
    assert streamed == {"train": set(train["id"]), "validation": set(aside["id"])}
    assert {name for batch in opened.stream(columns=["id"]) for name in batch["id"]} == set(
        train["id"]
    )
    with pytest.raises(corpus.errors.CorpusError, match=r"no split 'valid' .*did you mean"):
        opened.stream(split="valid")
    found = verify(out)
    assert found["passed"] and found["documents"] == 400
    done = command("audit", str(out))
    assert done.returncode == 0, done.stdout
    card = (out / "README.md").read_text()
    assert "  - split: validation\n    path: validation/*.parquet\n---" in card


def test_a_takedown_reaches_both_sides(tmp_path: Path) -> None:
    out = apart(tmp_path)
    train, aside = sides(out)
    removed = [train["id"][0], aside["id"][0]]
    assert take_down(out, removed, key=tmp_path / "key")["removed"] == 2
    left = sides(out)
    assert [side.height for side in left] == [train.height - 1, aside.height - 1]
    assert verify(out)["passed"]
    assert corpus.load(out).splits == ["train", "validation"]


def test_a_later_plan_without_a_validation_set_removes_it(tmp_path: Path) -> None:
    out = apart(tmp_path, keep_work=True)
    assert (out / "validation").is_dir()
    apart(tmp_path, keep_work=True, validation=0)
    assert not (out / "validation").exists()
    assert corpus.load(out).splits == ["train"]
    assert pl.read_parquet(out / "shards" / "*.parquet").height == 400


def test_documents_that_are_all_tied_are_an_error(tmp_path: Path) -> None:
    rows = [post(n, user="one") for n in range(50)]
    with pytest.raises(corpus.errors.BuildError, match="50 of 50 documents are tied together"):
        apart(tmp_path, rows=rows)


def test_datasets_finds_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    out = apart(tmp_path)
    found = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    train, aside = sides(out)
    assert {name: len(rows) for name, rows in found.items()} == {
        "train": train.height, "validation": aside.height,
    }  # fmt: skip
