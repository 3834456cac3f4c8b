"""Damage and interruptions are detected, and the build is repeated to the same bytes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

import corpus
from bench.faults.faults import FAULTS, FaultSkipped
from bench.faults.harness import FaultHarness, flip_bit
from corpus.errors import BuildError, PlanError
from corpus.pipeline import read_files, verify_work, write_outputs
from corpus.tasks import files, receipts
from corpus.tasks.task import run_inline
from tests.conftest import ROOT, contents, post, write_lines

MakePlan = Callable[..., dict[str, Any]]


@pytest.fixture
def document(plan: MakePlan, tmp_path: Path) -> dict[str, Any]:
    """Return a plan over 600 posts in four parts, which keeps its work folder."""
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(600)])
    output = {"path": str(tmp_path / "out"), "ids": "original", "keep_work": True}
    return plan(output=output, run={"runner": "serial", "part_posts": 150})


def unfinish(out: Path) -> None:
    (out / "manifest.json").unlink()


def test_a_receipt_detects_a_changed_bit_of_its_files(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(bytes(1000))
    receipts.save_receipt(tmp_path / "one.json", {"posts": 3}, [part])
    assert receipts.load_receipt(tmp_path / "one.json") == {
        "posts": 3,
        "files": {"part": [1000, files.file_crc32(part)]},
    }
    assert not receipts.is_damaged(tmp_path / "one.json")
    flip_bit(part, random.Random(1))
    assert receipts.load_receipt(tmp_path / "one.json") is not None  # sizes only
    assert receipts.is_damaged(tmp_path / "one.json")


def test_a_receipt_detects_a_changed_bit_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    for seed in range(300):
        receipts.save_receipt(path, {"posts": 3, "reason": "né"}, [])
        flip_bit(path, random.Random(seed))
        if (found := receipts.load_receipt(path)) is not None:  # the line's end, a blank
            assert found == {"posts": 3, "reason": "né", "files": {}}


EVERY_BARRIER = [
    {"language": {}},
    {"language_context": {}},
    {"authors": {"max_posts": 90}},
    {"dedup": {}},
    {"conversations": {"mode": "tree"}},
]


@pytest.mark.parametrize("stages", [[{"quality": {}}, {"dedup": {}}], EVERY_BARRIER])
def test_every_file_in_work_is_named_by_a_receipt(
    document: dict[str, Any], tmp_path: Path, stages: list[Any]
) -> None:
    document["stages"] = stages
    document["output"]["validation"] = 0.3
    fields = document["sources"][0]["table"]["fields"]
    document["sources"][0]["table"]["fields"] = {"id": fields["id"], "text": fields["text"]}
    corpus.build(document)
    work = tmp_path / "out" / "work"
    named, receipts = set(), set()
    for path in work.rglob("*.json"):
        found = json.loads(path.read_text())
        if "check" in found:
            receipts.add(path)
            named |= {(path.parent / name).resolve() for name in found["files"]}
    files = {path.resolve() for path in work.rglob("*") if path.is_file()} - receipts
    assert {path.name for path in files - named} == {"status.json"}


@pytest.mark.slow
def test_a_bit_that_flips_between_two_runs_does_not_change_the_bytes(
    document: dict[str, Any], tmp_path: Path
) -> None:
    corpus.build(document)
    out = tmp_path / "out"
    expected = {k: v for k, v in contents(out).items() if not k.startswith("work/")}
    work = sorted(p for p in (out / "work").rglob("*") if p.suffix in (".parquet", ".npy"))
    for path in work[:: max(1, len(work) // 12)]:
        if not path.exists() or not path.stat().st_size:
            continue  # thrown away with what was damaged before, and named anew
        flip_bit(path, random.Random(path.name))
        unfinish(out)
        corpus.build(document)
        assert {k: v for k, v in contents(out).items() if not k.startswith("work/")} == expected


@pytest.mark.slow
def test_a_bit_that_flips_while_the_build_runs_stops_it_before_the_manifest(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.build(document, out=str(tmp_path / "clean"))
    real = write_outputs.write_shards

    def flipping(context: Any, parts: Any) -> Any:
        flip_bit(parts[1].posts, random.Random(3))
        return real(context, parts)

    monkeypatch.setattr(write_outputs, "write_shards", flipping)
    with pytest.raises(BuildError, match=r"'filtered/.*changed on the disk.*run again"):
        corpus.build(document)
    assert not (tmp_path / "out" / "manifest.json").exists()
    monkeypatch.undo()
    corpus.build(document)
    same = ("shards/", "dropped/", "manifest.json")
    found, expected = contents(tmp_path / "out"), contents(tmp_path / "clean")
    assert [k for k in expected if k.startswith(same) and found.get(k) != expected[k]] == []


def test_damage_also_removes_what_may_have_been_made_of_it(
    document: dict[str, Any], tmp_path: Path
) -> None:
    corpus.build(document)
    work = tmp_path / "out" / "work"
    part = next(work.glob("read/*/000002.posts.parquet"))
    flip_bit(part, random.Random(1))
    assert verify_work.verify_work(work, run_inline) == [part.with_name("000002.json")]
    assert {path.name for path in work.iterdir() if path.is_dir()} == {"read"}
    remaining = sorted(path.name for path in part.parent.glob("??????.json"))
    assert remaining == ["000000.json", "000001.json", "000003.json", "000004.json"]
    assert verify_work.verify_work(work, run_inline) == []


def test_damage_to_a_last_step_repeats_that_step_alone(
    document: dict[str, Any], tmp_path: Path
) -> None:
    document["stages"] = [{"dedup": {}}]
    corpus.build(document)
    before = contents(tmp_path / "out")
    work = tmp_path / "out" / "work"
    steps = {path.name for path in work.iterdir() if path.is_dir()}
    shards = sorted(path.name for path in work.glob("shards/*/*/*.json"))
    flip_bit(next(work.glob("index/*/kept-rows/000001/rows.npy")), random.Random(1))
    next((tmp_path / "out" / "shards").iterdir()).unlink()
    assert len(verify_work.verify_work(work, run_inline)) == 2
    # The samples were drawn from the shards.
    assert {path.name for path in work.iterdir() if path.is_dir()} == steps - {"index", "samples"}
    assert len(list(work.glob("shards/*/*/*.json"))) == len(shards) - 1
    (tmp_path / "out" / "manifest.json").unlink()
    corpus.build(document)
    after = contents(tmp_path / "out")
    assert {name: after[name] for name in before if not name.startswith("work/")} == {
        name: data for name, data in before.items() if not name.startswith("work/")
    }


def test_parts_that_vanish_while_the_build_runs_are_never_missing_from_the_corpus(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.pipeline import ingest

    real = ingest.FilterPart

    def losing(folder: Path, index: int, posts: Path, *rest: Any, **more: Any) -> Any:
        posts.with_name("000003.json").unlink(missing_ok=True)  # the last part's receipt
        return real(folder, index, posts, *rest, **more)

    monkeypatch.setattr(ingest, "FilterPart", losing)
    with pytest.raises(BuildError, match="vanished while the build ran; run again"):
        corpus.build(document)


@pytest.mark.parametrize("change", [pytest.param("cut", marks=pytest.mark.slow), "grow", "touch"])
def test_an_input_that_changes_while_it_is_read_stops_the_build(
    change: str, document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = tmp_path / "posts.jsonl"
    whole, was = dump.read_bytes(), dump.stat()
    real = read_files.save_part

    def changing(part: Any, folder: Path, index: int, *others: Any) -> None:
        real(part, folder, index, *others)
        if index == 0:
            if change == "cut":
                os.truncate(dump, len(whole) // 2)
            elif change == "grow":
                dump.write_bytes(whole + whole[:500])
            os.utime(dump, ns=(was.st_atime_ns, was.st_mtime_ns + (change == "touch")))

    monkeypatch.setattr(read_files, "save_part", changing)
    with pytest.raises(BuildError, match=r"posts\.jsonl' was changed while the build ran"):
        corpus.build(document)
    monkeypatch.undo()
    dump.write_bytes(whole)
    os.utime(dump, ns=(was.st_atime_ns, was.st_mtime_ns))
    corpus.build(document)
    found = contents(tmp_path / "out")
    corpus.build(document, out=str(tmp_path / "clean"))
    expected = contents(tmp_path / "clean")
    same = ("shards/", "dropped/", "manifest.json")
    assert [k for k in expected if k.startswith(same) and found.get(k) != expected[k]] == []


def test_a_damaged_marker_of_a_begun_build_is_named_and_can_be_replaced(
    document: dict[str, Any], tmp_path: Path
) -> None:
    corpus.build(document)
    out = tmp_path / "out"
    expected = (out / "manifest.json").stat().st_size
    unfinish(out)
    flip_bit(out / "work" / "begun.json", random.Random(2))
    with pytest.raises(PlanError, match=r"begun\.json.*is damaged; .*--replace"):
        corpus.build(document)
    corpus.build(document, replace=True)
    assert abs((out / "manifest.json").stat().st_size - expected) < 50


@pytest.mark.slow
def test_the_index_receipts_of_another_plan_are_removed_with_its_index(
    document: dict[str, Any], tmp_path: Path
) -> None:
    other = {**document, "stages": [{"quality": {"min_words": 3}}, {"dedup": {}}]}
    for each in (document, other, document):
        corpus.build(each, replace=True)
        steps = list((tmp_path / "out" / "work" / "index").iterdir())
        assert len(steps) == 1
        assert not receipts.is_damaged(steps[0] / "00000.json")


@pytest.mark.slow
def test_a_hangup_is_ignored_under_nohup(tmp_path: Path, document: dict[str, Any]) -> None:
    document["stages"] = []
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(document))
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from corpus.cli.main import main\n"
        "from corpus.pipeline import build\n"
        "real = build._build_corpus\n"
        "def hang_up(*rest):\n    os.kill(os.getpid(), signal.SIGHUP)\n    return real(*rest)\n"
        "build._build_corpus = hang_up\n"
        f"sys.argv = ['corpus', 'build', {str(file)!r}, '-q']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    without = code.replace("SIG_IGN", "SIG_DFL").replace("'-q'", "'-q', '--replace'")
    done = subprocess.run([sys.executable, "-c", without], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr


def test_functions_are_compiled_without_a_folder_for_compiled_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numba

    from filters.text import jit

    real = numba.njit

    def homeless(*functions: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*functions, **options)

    monkeypatch.setattr(numba, "njit", homeless)
    add = jit.jit(lambda number: number + 1)
    assert add(2) == 3
    assert add.signatures  # it was compiled, not run as Python


@pytest.mark.slow
def test_a_build_that_is_killed_or_has_a_full_disk_resumes_to_the_same_bytes(
    tmp_path: Path,
) -> None:
    bench = FaultHarness(tmp_path, 400, stages=({"quality": {}}, {"dedup": {}}), part_posts=60)
    bench.prepare()
    ends = list(FAULTS["kill -9 at a random moment"][0](bench, 2))
    with suppress(FaultSkipped):  # where mounting is not allowed
        ends += list(FAULTS["the disk is full"][0](bench, 1))
    assert set(ends) <= {"at once", "resumed"}
    assert len(ends) >= 2
