"""Small files are read together: fewer tasks, the same corpus, each file accounted for."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.errors import BuildError
from corpus.pipeline import estimate, read_files
from corpus.pipeline.build_manifest import summarize_sources
from corpus.pipeline.ingest import InputFiles
from corpus.pipeline.join_batches import DumpFile
from corpus.pipeline.read_files import PACK_BYTES, ReadFiles, load_receipts, pack_files
from corpus.plan.model import Plan
from corpus.privacy import suppression
from corpus.privacy.keys import ensure_key
from corpus.storage.filesystem import size_and_mtime
from tests.conftest import contents, post, sentence, write_lines
from tests.support.keys import DIGITS

MakePlan = Callable[..., dict[str, Any]]
FIELDS = {"id": "id", "text": "text", "author": "user"}


def pack_sizes(sizes: Sequence[int]) -> list[list[int]]:
    files = [DumpFile(f"{n}.jsonl", f"{n}.jsonl", size, 0) for n, size in enumerate(sizes)]
    return [[file.size_bytes for file in pack] for pack in pack_files(files)]


def test_small_files_in_a_row_are_packed_and_large_ones_are_alone() -> None:
    half, large = PACK_BYTES // 2, 3 * PACK_BYTES
    assert pack_sizes([1, 2, large, half, 3, half, 4, large, large]) == [
        [1, 2],
        [large],
        [half, 3],
        [half, 4],
        [large],
        [large],
    ]
    assert pack_sizes([]) == []
    # Each file counts a little, so that a pack of empty files is bounded, too.
    assert {len(pack) for pack in pack_sizes([0] * 10_000)} <= {4096, 10_000 % 4096}


# --------------------------------------------------------------------------- one task


def make_task(tmp_path: Path, paths: Sequence[Path], **more: Any) -> ReadFiles:
    files = tuple(DumpFile(str(path), path.name, *size_and_mtime(str(path))) for path in paths)
    settings = json.dumps({"path": str(tmp_path), "fields": FIELDS} | more)
    ensure_key(tmp_path / "key", tmp_path / "out")
    return ReadFiles("table", settings, files, tmp_path / "parts", 100, tmp_path / "key")


def read_rows(tmp_path: Path, name: str) -> list[tuple[Any, ...]]:
    """The file and row of all posts, or the refused records, of the parts."""
    paths = sorted((tmp_path / "parts").glob(f"*.{name}.parquet"))
    columns = ["source_file", "source_row", *(["reason"] if name == "refused" else [])]
    return [row for path in paths for row in pl.read_parquet(path, columns=columns).rows()]


def write_mixed(folder: Path) -> list[Path]:
    """Whole, damaged, empty and binary files, and an archive."""
    folder.mkdir()
    rows = [json.dumps(post(n)).encode() for n in range(8)]
    (folder / "a.jsonl").write_bytes(b"\n".join(rows[:2]) + b"\nno json\n")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(b"\n".join(rows[2:4]) + b"\n")[:-6])
    (folder / "c.jsonl").write_bytes(b"")
    (folder / "d.jsonl").write_bytes(bytes(5000))
    with zipfile.ZipFile(folder / "e.zip", "w") as archive:
        archive.writestr("x.jsonl", rows[4] + b"\n[]\n")
        archive.writestr("y.jsonl", b'{"id": 5}\n' + rows[5])
    (folder / "f.jsonl").write_bytes(rows[6] + b"\n\0\0\0\n" + rows[7])
    return sorted(folder.iterdir())


def test_each_record_of_a_pack_has_the_row_of_its_own_file(tmp_path: Path) -> None:
    task = make_task(tmp_path, write_mixed(tmp_path / "in"))
    task()
    assert read_rows(tmp_path, "posts") == [
        ("a.jsonl", 1),
        ("a.jsonl", 2),
        ("b.jsonl.gz", 1),
        ("b.jsonl.gz", 2),
        ("e.zip!x.jsonl", 1),
        ("e.zip!y.jsonl", 2),
        ("f.jsonl", 1),
        ("f.jsonl", 3),
    ]
    assert read_rows(tmp_path, "refused") == [
        ("a.jsonl", 3, "malformed_json"),
        ("b.jsonl.gz", 3, "truncated_stream"),
        ("d.jsonl", 1, "malformed_json"),
        ("e.zip!x.jsonl", 2, "wrong_type"),
        ("e.zip!y.jsonl", 1, "no_text"),
        ("f.jsonl", 2, "malformed_json"),
    ]


def test_the_manifest_counts_each_file_of_a_pack(tmp_path: Path) -> None:
    paths = write_mixed(tmp_path / "in")
    task = make_task(tmp_path, paths)
    task()
    found = summarize_sources([InputFiles(task, True, ())], {"e.zip!y.jsonl": 1})
    assert [(each["path"], each["read"], each["refused"]) for each in found] == [
        ("a.jsonl", 3, 1),
        ("b.jsonl.gz", 3, 1),
        ("c.jsonl", 0, 0),
        ("d.jsonl", 1, 1),
        ("e.zip", 4, 2),
        ("f.jsonl", 3, 1),
    ]
    assert [each.get("suppressed", 0) for each in found] == [0, 0, 0, 0, 1, 0]
    assert [each["sha256"] for each in found] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    ]


def test_a_pack_that_was_killed_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    sizes = (30, 50, 30, 450, 99, 100, 1, 60)  # in parts of 100 posts
    numbers = iter(range(1000))
    paths = [
        write_lines(tmp_path / "in" / f"{n}.jsonl", [post(next(numbers)) for _ in range(size)])
        for n, size in enumerate(sizes)
    ]
    task = make_task(tmp_path, paths)
    task()
    whole = contents(tmp_path / "parts")
    parts = [receipt["posts"] for receipt in load_receipts(tmp_path / "parts")]
    assert parts == [80, 30, 100, 100, 100, 100, 50, 99, 100, 61]
    for kept in range(len(parts)):  # as if killed in each part
        for index in range(kept, len(parts)):
            for file in (tmp_path / "parts").glob(f"{index:06d}.*"):
                file.unlink()
        task()
        assert contents(tmp_path / "parts") == whole
    read = [each["read"] for each in summarize_sources([InputFiles(task, True, ())], {})]
    assert tuple(read) == sizes


def test_a_file_of_a_pack_that_changes_or_vanishes_is_named(tmp_path: Path) -> None:
    paths = [write_lines(tmp_path / "in" / f"{n}.jsonl", [post(n)]) for n in range(3)]
    task = make_task(tmp_path, paths)
    paths[1].write_bytes(b"{}")
    with pytest.raises(BuildError, match=r"1\.jsonl' was changed while the build ran"):
        task()
    paths[1].unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.jsonl"):
        task()
    assert list(load_receipts(tmp_path / "parts")) == []


# --------------------------------------------------------------------------- builds


def write_sources(folder: Path) -> list[dict[str, Any]]:
    """Many small files of some sources, of which each has another kind of batches."""
    for n in range(4):
        rows = [post(10 * n + k, seen=1_700_000_000 + k) for k in range(10)]
        write_lines(folder / "json" / f"part-{n:03d}.jsonl", [*rows, b"{"])
        table = pl.DataFrame([post(1000 + 10 * n + k) for k in range(5)])
        (folder / "parquet").mkdir(exist_ok=True)
        table.write_parquet(folder / "parquet" / f"part-{n:03d}.parquet")
        lines = [f"{sentence(2000 + 10 * n + k)},u{k}" for k in range(3)]
        (folder / "csv").mkdir(exist_ok=True)
        (folder / "csv" / f"part-{n:03d}.csv").write_text("\n".join(["text,user", *lines]))
    without_id = {"text": "text", "author": "user"}
    return [
        {"table": {"path": str(folder / "json"), "fields": FIELDS | {"seen_at": "seen"}}},
        {"table": {"path": str(folder / "parquet"), "fields": FIELDS, "platform": "other"}},
        {"table": {"path": str(folder / "csv"), "fields": without_id, "platform": "third"}},
    ]


def test_the_corpus_is_the_same_with_one_task_a_file(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = write_sources(tmp_path / "in")
    key = tmp_path / "corpus.key"
    key.write_text(DIGITS)
    key.chmod(0o600)
    suppression.add(key, ["table:3", "table:45"], ["other:u2"], [])
    made = {}
    for name, size in (("packed", PACK_BYTES), ("alone", 0)):
        monkeypatch.setattr(read_files, "PACK_BYTES", size)
        output = {"path": str(tmp_path / name), "keep_work": True}
        corpus.build(plan([], sources=sources, output=output))
        parts = list((tmp_path / name / "work" / "read").rglob("*.posts.parquet"))
        assert len(parts) == (3 if size else 12)
        made[name] = contents(tmp_path / name)
    compared = [name for name in made["packed"] if not name.startswith("work/")]
    assert [name for name in compared if made["packed"][name] != made["alone"][name]] == []


@pytest.mark.slow
def test_the_corpus_is_the_same_whatever_the_runner(plan: MakePlan, tmp_path: Path) -> None:
    sources = write_sources(tmp_path / "in")
    made = {}
    for runner in ("serial", "processes"):
        run = {"runner": runner, "workers": 2, "part_posts": 25}
        corpus.build(plan(sources=sources, output={"path": str(tmp_path / runner)}, run=run))
        made[runner] = contents(tmp_path / runner)
    assert made["serial"] == made["processes"]


def test_a_dry_run_reads_a_sample_of_many_small_files(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(100):
        write_lines(tmp_path / "in" / f"{n:03d}.jsonl", [post(10 * n + k) for k in range(10)])
    monkeypatch.setattr(estimate, "_MIN_POSTS", 50)
    sources = [{"table": {"path": str(tmp_path / "in"), "fields": FIELDS}}]
    found = estimate.estimate_build(Plan.parse(plan([], sources=sources)))
    assert found.sampled == 50
    assert abs(found.posts - 1000) < 50
