"""A build that is killed, stopped or out of space says so, and resumes to the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import corpus
from corpus.tasks import runners
from tests.conftest import ROOT, contents, post, write_lines
from tests.support.commands import command, command_process
from tests.support.processes import HANG_SECONDS, start_build, wait_for_workers, wait_until

MakePlan = Callable[..., dict[str, Any]]
STAGES = [{"language": {"keep": ["en"]}}, {"quality": {}}, {"dedup": {}}]


def write_plan(
    plan: MakePlan, folder: Path, posts: int, part_posts: int, stages: list[Any], **output: Any
) -> Path:
    """Write a plan over a dump of two files of many small parts, built by two processes."""
    again = posts // 9  # so many posts of the first file are in the second one too
    first = posts * 2 // 3
    for name, numbers in (
        ("posts", range(first)),
        ("more", range(first - again, posts - again)),
    ):
        write_lines(folder / f"{name}.jsonl", [post(n, user=f"u{n // 3}") for n in numbers])
    fields = {"id": "id", "text": "text", "author": "user"}
    output |= {"path": str(folder / "out"), "shard_mb": 0.05, "row_group_mb": 0.01}
    document = plan(
        stages,
        sources=[{"table": {"path": str(folder / "*.jsonl"), "fields": fields}}],
        output=output | {"shuffle": True, "validation": 0.1},
        run={"runner": "processes", "workers": 2, "part_posts": part_posts},
    )
    file = folder / "plan.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
def plan_file(plan: MakePlan, tmp_path: Path) -> Path:
    """A plan over 4,500 posts in 30 parts, with a language model in each worker."""
    return write_plan(plan, tmp_path, 4500, 150, STAGES)


@pytest.fixture
def small_plan_file(plan: MakePlan, tmp_path: Path) -> Path:
    """A plan over 900 posts in 18 parts, for tests that stop a build early."""
    return write_plan(plan, tmp_path, 900, 50, [{"dedup": {}}], keep_work=True)


def resume_here(plan_file: Path) -> int:
    """Finish a stopped build in this process, which starts no other; return its exit status."""
    return command("build", str(plan_file), "-q", "--runner", "serial").returncode


def receipt_times(work: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in work.rglob("[0-9]*.json")}


def wait_for_receipts(work: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until ``count`` receipts are on disk, or the build has ended."""
    wait_until(lambda: len(list(work.rglob("[0-9]*.json"))) >= count, process)


@pytest.mark.slow
def test_a_build_that_is_killed_at_any_moment_resumes_to_the_same_bytes(
    plan_file: Path, tmp_path: Path
) -> None:
    corpus.build(plan_file, out=str(tmp_path / "clean"))
    expected = contents(tmp_path / "clean")
    work = tmp_path / "out" / "work"
    rng = random.Random(11)
    kills = 0
    for count in (1, 12, 31, 45, 62, 80, 95, 120, 150, 170):  # receipts on disk when it is killed
        process = start_build(plan_file)
        wait_for_receipts(work, count, process)
        time.sleep(rng.random() * 0.05)
        if process.poll() is None:
            kills += 1
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (tmp_path / "out" / "manifest.json").exists() or not work.exists()
    assert kills >= 4
    found = command_process("build", str(plan_file), "-q")
    assert found.returncode == 0, found.stderr
    assert contents(tmp_path / "out") == expected


def test_a_resumed_build_repeats_at_most_a_part_per_worker(
    small_plan_file: Path, tmp_path: Path
) -> None:
    work = tmp_path / "out" / "work"
    process = start_build(small_plan_file)
    wait_for_receipts(work, 25, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for_workers(process)
    before = receipt_times(work)
    assert len(before) >= 25
    assert resume_here(small_plan_file) == 0
    after = receipt_times(work)
    repeated = [path for path, when in before.items() if after.get(path) != when]
    assert repeated == []  # only a part without a receipt may be done again


def test_one_huge_file_resumes_in_its_middle(tmp_path: Path) -> None:
    from corpus.pipeline.join_batches import DumpFile
    from corpus.pipeline.read_files import ReadFiles, load_receipts
    from corpus.privacy.keys import ensure_key
    from corpus.storage.filesystem import size_and_mtime

    path = write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(1000)])
    settings = f'{{"path": "{path}", "fields": {{"id": "id", "text": "text"}}}}'
    file = DumpFile(str(path), path.name, *size_and_mtime(str(path)))
    key = tmp_path / "key"
    ensure_key(key, tmp_path / "out")
    task = ReadFiles("table", settings, (file,), tmp_path / "parts", 100, key)
    task()
    whole = contents(tmp_path / "parts")
    for index in range(6, 11):  # as if the task had been killed in the seventh part
        for file in (tmp_path / "parts").glob(f"{index:06d}.*"):
            file.unlink()
    early = {file: file.stat().st_mtime_ns for file in (tmp_path / "parts").iterdir()}
    task()
    assert contents(tmp_path / "parts") == whole
    assert all(file.stat().st_mtime_ns == when for file, when in early.items())
    assert sum(receipt["posts"] for receipt in load_receipts(tmp_path / "parts")) == 1000


@pytest.mark.slow
def test_a_damaged_part_is_made_again(plan_file: Path, tmp_path: Path) -> None:
    corpus.build(plan_file, out=str(tmp_path / "clean"))
    process = start_build(plan_file)
    wait_for_receipts(tmp_path / "out" / "work", 40, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for_workers(process)
    for path in list((tmp_path / "out" / "work").rglob("*.parquet"))[::5]:
        path.write_bytes(path.read_bytes()[:-20])  # as a power cut may do
    found = command_process("build", str(plan_file), "-q")
    assert found.returncode == 0, found.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "clean")


@pytest.mark.parametrize(
    "what", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_build_that_is_stopped_by_a_signal_says_how_to_resume(
    small_plan_file: Path, tmp_path: Path, what: signal.Signals
) -> None:
    process = start_build(small_plan_file)
    wait_for_receipts(tmp_path / "out" / "work", 10, process)
    os.killpg(process.pid, what)  # as a terminal does: the workers get it too
    _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130
    assert errors.strip().endswith("run the same command again to continue where it stopped")
    assert "Traceback" not in errors
    assert resume_here(small_plan_file) == 0


def test_a_second_build_into_one_folder_is_refused(small_plan_file: Path, tmp_path: Path) -> None:
    first = start_build(small_plan_file, "--runner", "serial")
    wait_for_receipts(tmp_path / "out" / "work", 5, first)
    os.kill(first.pid, signal.SIGSTOP)  # it must not finish before the second has begun
    try:
        second = command("build", str(small_plan_file), "-q")
    finally:
        os.kill(first.pid, signal.SIGCONT)
    _, errors = first.communicate(timeout=HANG_SECONDS)
    assert first.returncode == 0, errors
    assert second.returncode == 1
    assert "another build is working in" in second.stderr


def test_a_dead_worker_stops_the_build_with_a_message(
    small_plan_file: Path, tmp_path: Path
) -> None:
    import psutil

    process = start_build(small_plan_file, "--workers", "1")
    wait_for_receipts(tmp_path / "out" / "work", 10, process)
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 1
    assert "a worker process died" in errors
    assert resume_here(small_plan_file) == 0


def test_no_permission_is_a_clear_error(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(10)])
    file = tmp_path / "plan.yaml"
    # Nobody can make a folder inside a file, not even root.
    blocked = {"path": str(tmp_path / "posts.jsonl" / "out"), "key": str(tmp_path / "k")}
    file.write_text(yaml.safe_dump(plan(output=blocked)))
    found = command("build", str(file), "-q")
    assert found.returncode == 2
    assert "cannot write to the output" in found.stderr
    file.write_text(yaml.safe_dump(plan(output={"path": blocked["path"]})))
    found = command("build", str(file), "-q")
    assert found.returncode == 2
    assert "the pseudonym key's folder" in found.stderr
    assert "Traceback" not in found.stderr


def test_no_space_left_is_a_clear_error_and_then_resumes(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(500)])
    from corpus.tasks import files

    real = os.replace
    calls = 0

    def full(source: Any, target: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", full)
    document = plan(run={"runner": "serial", "part_posts": 100})
    with pytest.raises(corpus_error("BuildError"), match="No space left on device"):
        corpus.build(document)
    assert not (tmp_path / "out" / "manifest.json").exists()
    corpus.build(document)
    corpus.build(document, out=str(tmp_path / "clean"))
    assert contents(tmp_path / "out") == contents(tmp_path / "clean")


def corpus_error(name: str) -> type[Exception]:
    from corpus import errors

    found: type[Exception] = getattr(errors, name)
    return found


def test_a_request_to_end_that_a_library_catches_ends_the_build_nevertheless() -> None:
    code = (
        "import os, signal, time\n"
        "from corpus.cli import main\n"
        "main._EXIT_TIMEOUT_SECONDS = 0.5\n"
        "def deaf():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    while True:\n"
        "        try:\n"
        "            time.sleep(0.1)\n"
        "        except BaseException:\n"
        "            pass\n"
        "def app():\n"
        "    try:\n"
        "        deaf()\n"
        "    except BaseException:\n"
        "        deaf()\n"
        "main.app = app\n"
        "main.main()\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert found.returncode == 130
    assert "run the same command again" in found.stderr


def _raise_memory_error() -> None:
    raise MemoryError


def test_a_worker_without_memory_ends_without_a_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    runner = runners.make_runner("processes", 1)
    try:
        with pytest.raises(runners.WorkerDied):
            list(runner.run(iter([_raise_memory_error]), lambda: None))
    finally:
        runner.close()
    assert "Traceback" not in capfd.readouterr().err
