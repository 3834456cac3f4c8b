"""A whole build: its files, the balance of its counts, and the same bytes however it is run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.dedup import clusters
from corpus.errors import BuildError, PlanError
from corpus.manifest import find_imbalances
from corpus.output import ledger
from corpus.partition import partitions
from tests.conftest import contents, post, sentence, write_lines
from tests.support.corpora import build_once

MakePlan = Callable[..., dict[str, Any]]


def write_dump(tmp_path: Path, count: int = 300, authors: int = 7) -> None:
    rows: list[Any] = [post(n, user=f"u{n % authors}") for n in range(count)]
    rows.insert(5, b'{"id": "broken", "text": "cut')
    rows.insert(50, post(9000, text=sentence(3) + "!!!"))
    rows.insert(60, post(9001, text="[deleted]"))
    rows.insert(70, post(9002, text="http://a.example http://b.example"))
    write_lines(tmp_path / "posts.jsonl", rows)


def test_the_files_and_counts_of_a_build(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    manifest = build_once(tmp_path, plan())
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "plan.yaml",
        "shards",
        "dropped",
        "index",
        "reserve",
        "people",
        "manifest.json",
        "README.md",
        "report.html",
        "statistics.json",
        "croissant.json",
        "DATASHEET.md",
    }
    assert json.loads((out / "manifest.json").read_text()) == manifest
    assert manifest["totals"]["read"] == 304
    assert manifest["refused"] == {"malformed_json": 1}
    assert [row["stage"] for row in manifest["funnel"]] == ["consent", "quality", "dedup"]
    assert [row["dropped"] for row in manifest["funnel"]] == [
        {"deleted": 1},
        {"mostly_links": 1},
        {"exact_duplicate": 1},
    ]
    assert manifest["totals"]["kept"] == 300
    assert find_imbalances(manifest) == []


def test_the_shards_hold_text_first_and_nothing_private(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    build_once(tmp_path, plan())
    frame = corpus.load(tmp_path / "out").scan().collect()
    assert frame.columns[:3] == ["text", "id", "platform"]
    assert "withdrawn" not in frame.columns
    assert frame["id"].n_unique() == frame.height == 300
    assert frame.filter(pl.col("id") == "table:3")["text"].item() == sentence(3)
    authors = frame["author"].unique()
    assert authors.len() == 7
    assert authors.str.contains("^[0-9a-f]{32}$").all()


def test_every_dropped_post_is_in_the_ledger_with_stage_reason_and_scores(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path)
    build_once(tmp_path, plan())
    ledger = corpus.load(tmp_path / "out").dropped().collect().sort("stage")
    assert ledger.select("id", "stage", "reason").rows() == [
        ("table:9001", "consent", "deleted"),
        ("table:9000", "dedup", "exact_duplicate"),
        ("table:9002", "quality", "mostly_links"),
        (None, "read", "malformed_json"),
    ]
    assert ledger["cluster"].to_list() == [None, "table:3", None, None]
    assert ledger["quality_link_share"].to_list() == [None, 0.0, 1.0, None]
    assert ledger["source_row"].to_list() == [61, 51, 71, 6]
    assert "text" not in ledger.columns and "author" not in ledger.columns


def test_the_ledger_has_the_scores_of_posts_that_a_later_stage_drops(
    plan: MakePlan, tmp_path: Path
) -> None:
    long = " and the ".join(sentence(n) for n in range(12))
    write_lines(tmp_path / "posts.jsonl", [post(n, text=long) for n in range(2)])
    corpus.build(plan([{"quality": {"preset": ["gopher"]}}, {"dedup": {}}]))
    (row,) = corpus.load(tmp_path / "out").dropped().collect().iter_rows(named=True)
    assert row["stage"] == "dedup"
    assert row["quality_gopher_words"] >= 50


def test_the_key_is_private_outside_the_output_and_used_again(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path)
    first = build_once(tmp_path, plan())
    key = tmp_path / "corpus.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    secret = key.read_text().strip()
    assert all(secret.encode() not in data for data in contents(tmp_path / "out").values())
    again = corpus.build(plan(), out=str(tmp_path / "again"))
    assert again["author_key_id"] == first["author_key_id"]
    assert contents(tmp_path / "again") == contents(tmp_path / "out")


def test_a_key_inside_the_output_is_refused(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    inside = {"path": str(tmp_path / "out"), "key": str(tmp_path / "out" / "k")}
    with pytest.raises(PlanError, match="inside the output"):
        corpus.build(plan(output=inside))


@pytest.mark.parametrize(
    ("posts", "runs"),
    [
        (400, [{"part_posts": 77}, {"runner": "processes", "workers": 2, "part_posts": 150}]),
        pytest.param(
            1200,
            [
                {"part_posts": 77},
                {"runner": "processes", "workers": 1, "part_posts": 100},
                {"runner": "processes", "workers": 3, "part_posts": 100},
            ],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["400 posts", "1200 posts"],
)
def test_workers_runner_and_part_size_change_no_byte(
    plan: MakePlan, tmp_path: Path, posts: int, runs: list[dict[str, Any]]
) -> None:
    """Not of the shards, in order or shuffled, nor of the validation set or the samples."""
    write_dump(tmp_path, posts, authors=90)
    stages = [{"language": {"keep": ["en"]}}, {"quality": {}}, {"dedup": {}}]
    cut = {"shard_mb": 0.006, "row_group_mb": 0.003}
    apart = {"shuffle": True, "validation": 0.1, "report_samples": 20}
    made = []
    for number, run in enumerate([{}, *runs]):
        output = {"path": str(tmp_path / f"out{number}"), "key": str(tmp_path / "key"), **cut}
        document = plan(stages, run={"runner": "serial", **run}, output=output | apart)
        corpus.build(document)
        made.append(contents(tmp_path / f"out{number}"))
    assert len([name for name in made[0] if name.startswith("shards/")]) > 3
    assert len([name for name in made[0] if name.startswith("validation/")]) > 0
    for other in made[1:]:
        assert other == made[0]


@pytest.mark.parametrize(
    ("mode", "count"),
    [
        ("tree", 720),
        pytest.param("posts", 900, marks=pytest.mark.slow),
        pytest.param("tree", 900, marks=pytest.mark.slow),
    ],
)
def test_blocks_and_ranges_change_no_byte(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, count: int
) -> None:
    rows = []
    for n in range(count):
        text = (
            f"{sentence(n % 700)} {'indeed ' * (n % 2)}" if n % 9 else "a wet monday all week long"
        )
        up = str(n // 3) if n % 8 == 0 else None
        rows.append(post(n, user=f"u{n % 500}", text=text, up=up, at=1_700_000_000 + n))
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "up", "created_at": "at"}
    near = {"jaccard": 0.6, "campaign_posts": 5, "campaign_words": 3, "max_cluster": 2}
    made = []
    for blocks in (1, count // 60):
        if blocks > 1:
            monkeypatch.setattr(partitions, "BLOCK_POSTS", count // blocks)
            monkeypatch.setattr(partitions, "RANGE_KEYS", 200)
            monkeypatch.setattr(clusters, "_FEW_BLOCKS", 3)
        out = tmp_path / f"out-{blocks}"
        document = plan(
            [{"dedup": near}, {"conversations": {"mode": mode}}],
            sources=[{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            output={"path": str(out), "validation": 0.1, "key": str(tmp_path / "key")},
            run={"runner": "serial", "part_posts": 60},
        )
        made.append((corpus.build(document)["funnel"], contents(out)))
    dropped = {name: count for row in made[0][0] for name, count in row["dropped"].items()}
    assert min(dropped["near_duplicate"], dropped["campaign"]) > 40
    assert made[1][1] == made[0][1]


def test_the_size_of_ledger_files_changes_no_row(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    junk = [{**post(n), "id": None} for n in range(900, 930)]
    write_lines(tmp_path / "posts.jsonl", [*map(post, range(200)), *junk, *map(post, range(90))])
    made = []
    for number, rows in enumerate((1000, 7)):
        monkeypatch.setattr(ledger, "LEDGER_FILE_ROWS", rows)
        out = tmp_path / f"out{number}"
        stages = [{"quality": {"min_words": 14}}, {"dedup": {}}]
        run = {"runner": "serial", "part_posts": 80}
        corpus.build(plan(stages, output={"path": str(out)}, run=run))
        found: dict[str, list[pl.DataFrame]] = {}
        for path in sorted((out / "dropped").iterdir()):
            found.setdefault(path.name.split("-")[0], []).append(pl.read_parquet(path))
        made.append(found)
    assert {name: len(files) for name, files in made[0].items()} == {"dedup": 1, "read": 1}
    assert [frame.height for frame in made[1]["read"]] == [7, 7, 7, 7, 2]
    for name, files in made[0].items():
        assert pl.concat(made[1][name]).equals(files[0])


def test_shards_are_balanced_by_size(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path, 2000)
    output = {"path": str(tmp_path / "out"), "shard_mb": 0.02, "row_group_mb": 0.005}
    found = corpus.build(plan(output=output))
    sizes = [
        pl.read_parquet(tmp_path / "out" / shard["path"])["text"].str.len_bytes().sum()
        for shard in found["shards"]
    ]
    assert len(sizes) == -(-sum(sizes) // 20_000)
    assert max(sizes) - min(sizes) < 200  # less than two posts


def test_a_finished_build_is_not_repeated(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    first = build_once(tmp_path, plan())
    before = (tmp_path / "out" / "manifest.json").stat().st_mtime_ns
    assert corpus.build(plan()) == first
    assert (tmp_path / "out" / "manifest.json").stat().st_mtime_ns == before


def test_another_plan_s_build_is_not_overwritten_unless_asked(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path)
    build_once(tmp_path, plan())
    before = contents(tmp_path / "out", timings=True)
    changed = plan([{"quality": {"min_words": 12}}])
    with pytest.raises(PlanError, match=r"finished build of another plan.*--replace"):
        corpus.build(changed)
    assert contents(tmp_path / "out", timings=True) == before
    corpus.build(changed, replace=True)
    clean = corpus.build(changed, out=str(tmp_path / "clean"))
    assert contents(tmp_path / "out") == contents(tmp_path / "clean")
    assert clean["funnel"][-1]["stage"] == "quality"


def test_changed_sources_are_noticed(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    build_once(tmp_path, plan())
    write_dump(tmp_path, 310)
    with pytest.raises(PlanError, match="from other sources"):
        corpus.build(plan())


def test_shards_of_another_key_or_threshold_are_never_taken_for_current(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1)])
    made = []
    for key in ("one", "two", "one"):
        output = {"path": str(tmp_path / "out"), "keep_work": True, "key": str(tmp_path / key)}
        found = corpus.build(plan(output=output | {"suppressed": "none"}))
        made.append(contents(tmp_path / "out" / "shards"))
        for shard in found["shards"]:
            data = (tmp_path / "out" / shard["path"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == shard["sha256"]
    assert made[0] == made[2] != made[1]


def test_an_input_edited_in_place_is_noticed(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    build_once(tmp_path, plan())
    path = tmp_path / "posts.jsonl"
    data = path.read_bytes()
    path.write_bytes(data)
    corpus.build(plan())  # newer, with the same content
    path.write_bytes(data.replace(b"Yesterday", b"Lastnight"))
    with pytest.raises(PlanError, match="from other sources"):
        corpus.build(plan())


def test_a_user_s_folder_with_names_of_a_corpus_is_not_touched(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path)
    users = tmp_path / "out" / "work" / "notes"
    users.mkdir(parents=True)
    (tmp_path / "out" / "plan.yaml").write_text("the user's")
    for replace in (False, True):
        with pytest.raises(PlanError, match="which no build put there"):
            corpus.build(plan(), replace=replace)
    assert users.is_dir() and (tmp_path / "out" / "plan.yaml").read_text() == "the user's"


def test_half_written_files_of_a_killed_build_are_replaced(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    build_once(tmp_path, plan())
    (tmp_path / "out" / "manifest.json").write_text("{ damaged")
    (tmp_path / "out" / ".manifest.json.123.tmp").write_text("{")
    corpus.build(plan(), replace=True)
    corpus.build(plan(), out=str(tmp_path / "clean"))
    assert contents(tmp_path / "out") == contents(tmp_path / "clean")


def test_dedup_needs_no_file_handle_for_each_part(plan: MakePlan, tmp_path: Path) -> None:
    import resource

    write_dump(tmp_path, 300)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(map(int, os.listdir("/proc/self/fd"))) + 24  # 30 parts
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        found = corpus.build(plan([{"dedup": {}}], run={"runner": "serial", "part_posts": 10}))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found["totals"]["kept"] == 301


def test_brackets_in_a_folder_s_name_are_no_pattern(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    found = corpus.build(plan(), out=str(tmp_path / "out[en]"))
    opened = corpus.load(tmp_path / "out[en]")
    assert opened.scan().collect().height == found["totals"]["kept"]
    assert opened.dropped().collect().height == 4
    write_lines(tmp_path / "posts.jsonl", [post(n, user=f"u{n}") for n in range(300)])
    two = {"path": str(tmp_path / "two[en]"), "validation": 0.1}
    assert corpus.build(plan(output=two))["totals"]["kept"] == 300


def test_a_build_of_other_sources_removes_the_work_of_the_first(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path)
    output = {"path": str(tmp_path / "out"), "keep_work": True}
    corpus.build(plan(output=output))
    old = {path.name for path in (tmp_path / "out" / "work" / "read").iterdir()}
    write_dump(tmp_path, 310)
    corpus.build(plan(output=output), replace=True)
    new = {path.name for path in (tmp_path / "out" / "work" / "read").iterdir()}
    assert len(new) == 1 and not new & old


def test_a_folder_with_a_user_s_files_is_not_touched(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("the user's")
    with pytest.raises(PlanError, match=r"holds 'thesis\.doc'"):
        corpus.build(plan(), replace=True)
    assert os.listdir(out) == ["thesis.doc"]


def test_kept_work_is_private_and_lets_a_threshold_move_cheaply(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path, 600)
    output = {"path": str(tmp_path / "out"), "keep_work": True}
    corpus.build(plan(output=output))
    work = tmp_path / "out" / "work"
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.parquet")}
    changed = plan([{"quality": {}}, {"dedup": {"jaccard": 0.7}}], output=output)
    corpus.build(changed)
    kept = {path: time for path, time in before.items() if path.stat().st_mtime_ns == time}
    assert {path.relative_to(work).parts[0] for path in kept} >= {"read", "filtered"}
    fresh = [path for path in work.rglob("*.parquet") if path not in before]
    assert {path.relative_to(work).parts[0] for path in fresh} == {
        "dedup",
        "filtered",
        "reserve",
        "samples",
    }
    clean = changed | {"output": {"path": str(tmp_path / "clean"), "keep_work": True}}
    corpus.build(clean)
    for folder in ("shards", "dropped"):
        assert contents(tmp_path / "clean" / folder) == contents(tmp_path / "out" / folder)


def test_sources_without_a_readable_record_are_an_error_with_the_reason(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_lines(tmp_path / "posts.jsonl", [b"no json", b"at all"])
    with pytest.raises(BuildError, match="2 records refused, most often 'malformed_json'"):
        corpus.build(plan())
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_empty_file_is_an_error_not_an_empty_corpus(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b"")
    with pytest.raises(BuildError, match="hold no posts"):
        corpus.build(plan())


def test_a_corpus_without_a_kept_post_can_be_opened(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(1, text="[removed]")])
    found = corpus.build(plan())
    assert found["totals"]["kept"] == 0
    opened = corpus.load(tmp_path / "out")
    assert opened.scan().collect().height == 0
    assert list(opened.stream()) == []


def test_tombstones_withdraw_posts_by_id_and_author_before_and_after_them(tmp_path: Path) -> None:
    def tweet(number: int, user: str) -> dict[str, Any]:
        return {"id_str": str(number), "text": sentence(number), "user": {"id_str": user}}

    notice = {"delete": {"status": {"id": 1, "id_str": "1", "user_id": 9}}}
    rows = [notice, tweet(1, "9"), tweet(2, "9"), tweet(3, "8")]
    write_lines(tmp_path / "a.json", rows)
    second = [{"user_withheld": {"id": 8, "withheld_in_countries": ["XX"]}}, tweet(4, "7")]
    second += [{"delete": {"status": {"id": 2, "id_str": "2", "user_id": 9}}}]
    write_lines(tmp_path / "b.json", second)
    made = corpus.build(
        {
            "sources": [{"x_stream": {"path": str(tmp_path / "*.json")}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    assert made["funnel"][0]["dropped"] == {"deleted_later": 2, "withheld": 1}
    assert corpus.load(tmp_path / "out").scan().collect()["id"].to_list() == ["x:4"]


def test_a_filter_that_raises_stops_the_build_and_is_named(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filters import quality

    def broken(config: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
        def run(posts: pl.DataFrame) -> pl.DataFrame:
            raise ValueError(posts["text"][0])

        return run

    write_dump(tmp_path)
    monkeypatch.setattr(quality, "build", broken)
    with pytest.raises(BuildError) as caught:
        corpus.build(plan([{"quality": {"min_words": 3}}]))
    message = str(caught.value)
    assert "stage 'quality'" in message and "first id table:0" in message
    assert sentence(0) not in message
    assert sentence(0) not in "".join(traceback.format_exception(caught.value))


def test_a_filter_that_drops_rows_itself_is_caught(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filters import quality

    write_dump(tmp_path)
    monkeypatch.setattr(quality, "build", lambda config: lambda posts: posts.head(3))
    with pytest.raises(BuildError, match="changed the rows"):
        corpus.build(plan([{"quality": {"min_words": 4}}]))


def test_many_refusals_and_values_not_understood_are_told(plan: MakePlan, tmp_path: Path) -> None:
    rows: list[Any] = [post(n, at="2021-03-04" if n % 10 else "soon") for n in range(50)]
    write_lines(tmp_path / "posts.jsonl", [*rows, b"{", b"{"])
    given = plan(stages=[])
    (source,) = given["sources"]
    source["table"] = {**source["table"], "max_refused": 0.02}
    source["table"]["fields"] = {**source["table"]["fields"], "created_at": "at"}
    out = tmp_path / "out"
    with pytest.raises(BuildError) as caught:
        corpus.build(given)
    told = "source 1 (table): 2 of 52 records were refused (3.8%), most often 'malformed_json'"
    assert str(caught.value).startswith(f"{told}, and max_refused is 0.02. ")
    assert not (out / "manifest.json").exists()
    read = {path: path.stat().st_mtime_ns for path in (out / "work" / "read").rglob("*.parquet")}
    assert read
    source["table"]["max_refused"] = 0.5
    source["table"]["path"] = str(tmp_path / "." / "posts.jsonl")
    kept = {**given, "output": {**given["output"], "keep_work": True}}
    manifest = corpus.build(kept)
    again = {path: path.stat().st_mtime_ns for path in (out / "work" / "read").rglob("*.parquet")}
    assert again == read, "what was read is used again"
    warning = "source 1 (table): created_at: 5 of 50 not understood, and null"
    assert manifest["warnings"] == [told, warning]
    assert manifest["sources"][0]["unreadable"] == {"created_at": 5}
    page = (out / "report.html").read_text()
    assert "records were refused (3.8%)" in page and warning in page and "created_at 5" in page
    assert "max_refused: 0.5" in (out / "plan.yaml").read_text()


def test_few_refusals_are_no_warning(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path)
    assert "warnings" not in corpus.build(plan(stages=[]))


def test_posts_of_one_id_and_several_texts_are_told(plan: MakePlan, tmp_path: Path) -> None:
    rows = [post(n % 30, text=sentence(n), channel=n // 30) for n in range(60)]
    write_lines(tmp_path / "posts.jsonl", [*rows, rows[0], post(7, text="[deleted]", channel=0)])
    given = plan(stages=[], run={"runner": "serial", "part_posts": 25})
    (warning,) = corpus.build(given)["warnings"]
    assert warning.startswith("source 1 (table): posts of the same id differ in text, 30 ids; ")
    (source,) = given["sources"]
    source["table"]["fields"] = {**source["table"]["fields"], "id": ["channel", "id"]}
    manifest = corpus.build(given, replace=True)
    assert "warnings" not in manifest
    ids = corpus.load(tmp_path / "out").scan().collect()["id"]
    assert "table:0/3" in ids and "table:1/3" in ids
