"""One lock of an output folder: builds, takedowns, uploads and token files exclude each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import BuildError, ManifestError, PlanError
from corpus.loader import memmap
from corpus.maintenance import audit, verify
from corpus.maintenance.takedown import take_down
from corpus.storage import folder_lock, upload
from corpus.storage.folder_lock import NAME, locked, locked_corpus
from tests.conftest import ROOT, contents, post, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]


@pytest.fixture
def document(plan: MakePlan, tmp_path: Path) -> dict[str, Any]:
    """The plan of a finished corpus of 40 posts in ``out``."""
    write_lines(tmp_path / "posts.jsonl", [post(n, user=f"u{n}") for n in range(40)])
    document = plan()
    corpus.build(document)
    return document


@contextmanager
def held_by_another_process(folder: Path, holder: str) -> Iterator[None]:
    code = (
        "import sys; from pathlib import Path; from corpus.storage.folder_lock import locked\n"
        "with locked(Path(sys.argv[1]), sys.argv[2]): print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), holder],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield
    finally:
        process.communicate("")


def test_a_build_waits_for_nobody_and_replaces_nothing_under_a_takedown(
    document: dict[str, Any], tmp_path: Path
) -> None:
    out, file = tmp_path / "out", tmp_path / "plan.yaml"
    file.write_text(json.dumps(document))
    before = contents(out, timings=True)
    with held_by_another_process(out, "takedown"):
        done = command("build", str(file), "--replace", "-q")
    assert done.returncode == 1
    assert f"a takedown is working in '{out}'; wait for it, or give another --out" in done.stderr
    assert contents(out, timings=True) == before
    assert command("build", str(file), "--replace", "-q").returncode == 0


def test_everything_that_writes_is_stopped_by_a_build(
    document: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (tmp_path / "ids.txt").write_text("table:1\n")
    before = contents(out, timings=True)
    commands = [
        ("takedown", str(out), "--ids", str(tmp_path / "ids.txt")),
        ("tokenize", str(out), "--tokenizer", str(tmp_path / "tokenizer.json")),
        ("tokenize", str(out), "--tokenizer", "t.json", "--to", str(out / "tokens")),
        ("publish", str(out), "s3://dumps/out"),
        ("report", str(out), "--html", str(out / "report.html")),
        ("report", str(out), "--against", str(out), "--html", str(out / "report.html")),
    ]
    with held_by_another_process(out, "build"):
        for given in commands:
            done = command(*given)
            assert done.returncode == 1, (given, done.stderr)
            assert f"a build is working in '{out}'; wait for it" in done.stderr
        with pytest.raises(BuildError, match="another build is working in"):
            corpus.build(document, replace=True)
    assert contents(out, timings=True) == before
    assert not (out / NAME).exists()


def test_a_takedown_beside_a_build_without_a_manifest_says_what_is_at_work(
    document: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "out" / "manifest.json").unlink()
    with (
        held_by_another_process(tmp_path / "out", "build"),
        pytest.raises(BuildError, match="a build is working in"),
    ):
        take_down(tmp_path / "out", ["table:1"])
    with pytest.raises(ManifestError, match="holds no finished corpus"):
        take_down(tmp_path / "out", ["table:1"])


def test_a_finished_build_is_looked_up_while_somebody_reads_it(
    document: dict[str, Any], tmp_path: Path
) -> None:
    found = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (tmp_path / "out" / "work").mkdir()  # as if killed before it was removed
    with locked(tmp_path / "out", "tokenization", shared=True):
        assert corpus.build(document) == found
    assert corpus.build(document) == found
    assert not (tmp_path / "out" / "work").exists()


def test_a_build_that_ends_before_ours_begins_is_not_replaced(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.pipeline import build, workspace

    real = workspace.lock_workspace
    other = document | {"stages": [{"quality": {"min_words": 5}}]}
    plan = build.Plan.parse(document).with_options(str(tmp_path / "two"), None, None)

    def late(given: Any) -> Any:
        monkeypatch.setattr(workspace, "lock_workspace", real)
        corpus.build(other, out=str(tmp_path / "two"))
        return real(given)

    monkeypatch.setattr(workspace, "lock_workspace", late)
    with pytest.raises(PlanError, match="holds a finished build of another plan"):
        corpus.build(plan)


def test_the_lock_is_no_part_of_a_corpus(document: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = contents(out)
    assert NAME not in before
    (out / NAME).write_text("build")  # of a killed process
    assert verify.verify(out)["passed"]
    checks = {check["name"]: check for check in audit.audit(out)["checks"]}
    assert checks["all files are there, and none is private"]["passed"]
    assert all(NAME not in names for names in upload._list_files(out, ()))
    assert corpus.load(out).scan().collect().height == 40
    corpus.build(document, replace=True)
    assert contents(out) == before
    take_down(out, ["table:1"])
    assert NAME not in contents(out)


def test_an_unfinished_build_with_the_older_lock_goes_on(
    document: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    before = contents(out)
    document["output"]["keep_work"] = True
    corpus.build(document, replace=True)
    (out / "work" / "lock").write_text("")
    (out / "takedowns").mkdir()
    (out / "takedowns" / "lock").write_text("")
    parts = {path: path.stat().st_mtime_ns for path in (out / "work" / "read").rglob("*.parquet")}
    (out / "manifest.json").unlink()
    corpus.build(document)
    assert parts == {path: path.stat().st_mtime_ns for path in parts}
    after = {name: data for name, data in contents(out).items() if name in before}
    assert (
        after.keys() == before.keys()
        and after["shards/part-00000.parquet"] == (before["shards/part-00000.parquet"])
    )


def test_a_folder_that_only_holds_a_lock_is_empty(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(40)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_text("build")
    assert corpus.build(plan())["totals"]["kept"] == 40


def test_several_may_share_it_and_the_last_one_removes_the_file(tmp_path: Path) -> None:
    def refused(holder: folder_lock.Holder, *, shared: bool = False) -> bool:
        try:
            with locked(tmp_path, holder, shared=shared):
                return False
        except BuildError:
            return True

    with locked(tmp_path, "tokenization", shared=True):
        with locked(tmp_path, "report", shared=True):
            assert refused("build")
        assert (tmp_path / NAME).exists()
        assert refused("build")
    assert not (tmp_path / NAME).exists()
    with locked(tmp_path, "build"):
        assert refused("report", shared=True) and refused("build")
    assert not refused("build")
    assert os.listdir(tmp_path) == []


def test_a_file_that_was_removed_between_opening_and_locking_is_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = folder_lock.fcntl.flock, 0

    def late(descriptor: int, kind: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            (tmp_path / NAME).unlink()  # its holder has just released it
        real(descriptor, kind)

    monkeypatch.setattr(folder_lock.fcntl, "flock", late)
    with locked(tmp_path, "build"):
        assert calls == 2 and (tmp_path / NAME).read_text() == "build"
        with pytest.raises(BuildError, match="another build"), locked(tmp_path, "build"):
            pass


def test_a_user_s_file_or_link_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("the user's own")
    with pytest.raises(PlanError, match="which no build put there"), locked(tmp_path, "build"):
        pass
    assert (tmp_path / NAME).read_text() == "the user's own"
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "precious")
    with pytest.raises(PlanError, match="symbolic link"), locked(tmp_path, "build"):
        pass
    assert not (tmp_path / "precious").exists()


def test_no_lock_file_is_written_where_there_is_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("the user's")
    with pytest.raises(ManifestError), locked_corpus(tmp_path, "takedown"):
        pass
    with pytest.raises(ManifestError):
        memmap.tokenize(tmp_path, tmp_path / "tokenizer.json")
    assert os.listdir(tmp_path) == ["mine.txt"]
