"""The faults: each disturbs builds, and yields how each of them ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.faults.harness import (
    BuildExit,
    BuildLost,
    FaultHarness,
    check_exit,
    check_same_bytes,
    check_whole_files,
    flip_bit,
    kill_build,
    list_workers,
    paused,
    wait_at_most,
    wait_for_exit,
)
from bench.measure import ROOT

NOBODY = 65534
_CLOCK = Path(__file__).with_name("clock.c")
_YEAR = 31_557_600


class FaultSkipped(Exception):
    """The fault cannot be made on this machine; the message says why."""


FaultOnce = Callable[[FaultHarness, int, int], "str | None"]
FaultRounds = Callable[[FaultHarness, int], Iterator[str]]


def repeat_fault(make_one: FaultOnce) -> FaultRounds:
    """Make a fault of ``make_one`` several times; it returns None where it could not be made."""

    def rounds(harness: FaultHarness, count: int) -> Iterator[str]:
        made = missed = 0
        while made < count:
            end = make_one(harness, made, count)
            if end is not None:
                made += 1
                yield end
            elif (missed := missed + 1) > 2 * count + 5:
                raise FaultSkipped("the builds were done before it could be made")

    return rounds


def _finish_undisturbed(harness: FaultHarness, out: Path, ended: BuildExit) -> None:
    """Check a build that was done before the fault, and be earlier next time."""
    harness.resume_until_done(out, ended)
    harness.clean_seconds *= 0.8


# --------------------------------------------------------------------------- signals


def kill_process(harness: FaultHarness, count: int) -> Iterator[str]:
    """Send ``kill -9`` at random moments to the process or its group, and to the resumed runs too.

    A kill counts as survived when the build that it hit ends with the same bytes.
    """
    out, kills, hits, builds = harness.new_output(), 0, 0, 1
    while kills < count:
        process = harness.start_build(out, "-q")
        ended = wait_at_most(process, harness.random_delay(0.3))
        if ended is None:
            kill_build(process, group=harness.rng.random() < 0.4)
            kills, hits = kills + 1, hits + 1
            check_whole_files(out, harness.expected)
        else:
            _finish_undisturbed(harness, out, ended)
            yield from ["resumed"] * hits
            out, hits, builds = harness.new_output(), 0, builds + 1
    harness.resume_until_done(out, wait_for_exit(harness.start_build(out, "-q")))
    yield from ["resumed"] * hits
    print(f"{kills} kills in {builds} builds", file=sys.stderr, flush=True)


@repeat_fault
def send_signal(harness: FaultHarness, number: int, count: int) -> str | None:
    """Send SIGTERM, SIGINT or SIGHUP to the process alone or to its group."""
    out = harness.new_output()
    process = harness.start_build(out, "-q")
    if (ended := wait_at_most(process, 1 + harness.random_delay(0.9))) is not None:
        return _finish_undisturbed(harness, out, ended)
    send = os.killpg if number % 2 else os.kill
    send(process.pid, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[number % 3])
    ended = wait_for_exit(process, 60)
    if ended.status not in (0, 130):
        raise BuildLost(f"exit status {ended.status} after a signal: {ended.stderr[-300:]}")
    return harness.resume_until_done(out, ended)


# --------------------------------------------------------------------------- the disk


def fill_disk(harness: FaultHarness, count: int) -> Iterator[str]:
    """Build onto a tmpfs that is too small; then make it larger."""
    for number in range(count):
        out = harness.new_output()
        with _mounted(out, "tmpfs", f"size={_disk_size(harness, number, count)}k"):
            ended = wait_for_exit(harness.start_build(out, "-q"))
            if ended.status and "space" not in ended.stderr and "full" not in ended.stderr:
                raise BuildLost(f"the full disk was not named: {ended.stderr[-300:]}")
            _mount("-o", "remount,size=4g", str(out))
            yield _resume_on_mount(harness, out, ended)


def _disk_size(harness: FaultHarness, number: int, count: int) -> int:
    """Return a size in kB, from almost none up to nearly what a build needs at its peak."""
    whole = 3 * sum(len(data) for data in harness.expected.values()) // 1024
    return 64 + whole * number // count


def _resume_on_mount(harness: FaultHarness, out: Path, ended: BuildExit) -> str:
    """Do as ``resume_until_done`` where ``out`` is a mount that cannot be removed."""
    first = ended
    for _ in range(3):
        check_exit(ended)
        check_whole_files(out, harness.expected)
        if not ended.status:
            break
        ended = wait_for_exit(harness.start_build(out, "-q"))
    if ended.status:
        raise BuildLost(f"still failing: {ended.stderr[-300:]}")
    check_same_bytes(out, harness.expected)
    return "at once" if ended is first else "resumed"


@repeat_fault
def make_read_only(harness: FaultHarness, number: int, count: int) -> str | None:
    """Make a folder of the output read-only while the build runs; then writable again."""
    out = harness.new_output()
    folder = out / ("work", "shards", "", "dropped")[number % 4]
    process = harness.start_build(out, "-q")
    while process.poll() is None and not (out / "dropped").exists():
        time.sleep(0.01)
    if (ended := wait_at_most(process, harness.random_delay(0.5))) is not None:
        return _finish_undisturbed(harness, out, ended)
    with paused(process):
        _mount("--bind", str(folder), str(folder))
        _mount("-o", "remount,ro,bind", str(folder))
    try:
        ended = wait_for_exit(process)
    finally:
        _unmount(folder)
    return harness.resume_until_done(out, ended)


@repeat_fault
def flip_bits_then_resume(harness: FaultHarness, number: int, count: int) -> str | None:
    """Kill a build, change bits in its work parts, and run it again."""
    out = harness.new_output()
    process = harness.start_build(out, "-q")
    if (ended := wait_at_most(process, harness.random_delay(0.9))) is not None:
        return _finish_undisturbed(harness, out, ended)
    kill_build(process, group=True)
    paths = _choose_work_files(harness, out, 5)
    for path in paths:
        flip_bit(path, harness.rng)
    harness.resume_until_done(
        out, wait_for_exit(harness.start_build(out, "-q")), files_changed=True
    )
    return "resumed" if paths else None


@repeat_fault
def flip_bits_while_running(harness: FaultHarness, number: int, count: int) -> str | None:
    """Change bits in work parts while the build runs."""
    out = harness.new_output()
    process = harness.start_build(out, "-q")
    if (ended := wait_at_most(process, harness.random_delay(0.9))) is not None:
        return _finish_undisturbed(harness, out, ended)
    with paused(process):
        paths = _choose_work_files(harness, out, 2)
        for path in paths:
            flip_bit(path, harness.rng)
    end = harness.resume_until_done(out, wait_for_exit(process), files_changed=True)
    return end if paths else None


def _choose_work_files(harness: FaultHarness, out: Path, count: int) -> list[Path]:
    found = sorted(
        path
        for folder in ("work", "shards")
        for path in (out / folder).rglob("*")
        if path.is_file()
        and path.suffix in (".parquet", ".npy", ".json")
        and not path.name.startswith(".")
        and path.stat().st_size
    )
    return harness.rng.sample(found, min(count, len(found)))


# --------------------------------------------------------------------------- the inputs


@repeat_fault
def truncate_input(harness: FaultHarness, number: int, count: int) -> str | None:
    """Truncate an input while it is read; then restore it."""
    out, path = harness.new_output(), harness.rng.choice(harness.dumps)
    whole, was = path.read_bytes(), path.stat()
    process = harness.start_build(out, "-q")
    while process.poll() is None and not (out / "work" / "read").exists():
        time.sleep(0.01)
    if (ended := wait_at_most(process, harness.random_delay(0.1))) is not None:
        return _finish_undisturbed(harness, out, ended)
    with paused(process):
        os.truncate(path, harness.rng.randrange(len(whole)))
    ended = wait_for_exit(process)
    try:
        check_exit(ended)
        check_whole_files(out, harness.expected)
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    return harness.resume_until_done(out, ended)


# --------------------------------------------------------------------------- the rest


@repeat_fault
def limit_memory(harness: FaultHarness, number: int, count: int) -> str | None:
    """Limit one worker to the memory that it has (RLIMIT_AS), or to 50 or 200 MB more."""
    out = harness.new_output()
    process = harness.start_build(out, "-q")
    if (ended := wait_at_most(process, 2 + harness.random_delay(0.7))) is not None:
        return _finish_undisturbed(harness, out, ended)
    hit = False
    if found := list_workers(process):
        try:
            victim = harness.rng.choice(found)
            limit = victim.memory_info().vms + (0, 50, 200)[number % 3] * 2**20
            victim.rlimit(psutil.RLIMIT_AS, (limit, limit))
            hit = True
        except psutil.NoSuchProcess:
            pass
    end = harness.resume_until_done(out, wait_for_exit(process))
    return end if hit else None


def change_clock(harness: FaultHarness, count: int) -> Iterator[str]:
    """Move the wall clock by years and back while the build runs (clock.c, preloaded)."""
    library, clock = harness.folder / "clock.so", harness.folder / "clock"
    made = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_CLOCK), "-ldl"]
    if not shutil.which("cc") or subprocess.run(made, capture_output=True).returncode:
        raise FaultSkipped("no C compiler to build the false clock with")
    for number in range(count):
        out = harness.new_output()
        clock.write_bytes((-20 * _YEAR if number % 2 else 0).to_bytes(8, "little", signed=True))
        process = harness.start_build(out, "-q", LD_PRELOAD=str(library), FAULTS_CLOCK=str(clock))
        ended = None
        for years in (10, -10, 0.003, -30):
            ended = ended or wait_at_most(process, harness.random_delay(0.3))
            with open(clock, "r+b") as file:  # in place, because the build has mapped it
                file.write(int(years * _YEAR).to_bytes(8, "little", signed=True))
        yield harness.resume_until_done(out, ended or wait_for_exit(process))


def start_two_builds(harness: FaultHarness, count: int) -> Iterator[str]:
    """Start two builds on one folder; sometimes kill the first and start a third right away."""
    for number in range(count):
        out = harness.new_output()
        processes = [harness.start_build(out, "-q")]
        time.sleep(harness.random_delay(0.3) if number % 2 else 0)
        processes.append(harness.start_build(out, "-q"))
        if number % 3 == 2:
            time.sleep(harness.random_delay(0.3))
            os.kill(processes[0].pid, signal.SIGKILL)  # so soon that its workers still run
            processes.append(harness.start_build(out, "-q"))
        ends = [wait_for_exit(process) for process in processes]
        for process, ended in zip(processes, ends, strict=True):
            if ended.status != -signal.SIGKILL or process is not processes[0]:
                check_exit(ended)
        good = [ended for ended in ends if not ended.status]
        yield harness.resume_until_done(out, good[0] if good else ends[-1])


def build_as_another_user(harness: FaultHarness, count: int) -> Iterator[str]:
    """Resume a build as another user, or build as another user; then resume as the first user."""
    python, path = _find_python_for_nobody()
    before = [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--",
        python,
    ]
    home = {"PYTHONPATH": path, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    key = harness.folder / "corpus.key"
    for number in range(count):
        out = harness.new_output()
        if number % 2 == 0:
            # Early, because a finished build cannot be resumed.
            process = harness.start_build(out, "-q")
            if (ended := wait_at_most(process, harness.random_delay(0.4))) is None:
                kill_build(process, group=True)
                other_user = wait_for_exit(harness.start_build(out, "-q", before=before, **home))
                check_exit(other_user)
                if not other_user.status:
                    raise BuildLost("another user could resume in a folder of mode 0700")
                ended = other_user
        else:
            out.mkdir()
            shutil.chown(out, NOBODY, NOBODY)
            shutil.chown(key, NOBODY, NOBODY)
            try:
                process = harness.start_build(out, "-q", before=before, **home)
                if (ended := wait_at_most(process, harness.random_delay(0.8))) is None:
                    kill_build(process, group=True)
                    ended = wait_for_exit(harness.start_build(out, "-q", before=before, **home))
                if ended.status:
                    raise BuildLost(f"another user could not build: {ended.stderr[-500:]}")
            finally:
                shutil.chown(key, 0, 0)
        yield harness.resume_until_done(out, ended)


def _find_python_for_nobody() -> tuple[str, str]:
    """Return a Python that another user may start, and the PYTHONPATH to our libraries."""
    if os.geteuid():
        raise FaultSkipped("only root can run as another user")
    if not shutil.which("setpriv"):
        raise FaultSkipped("setpriv is not installed")
    import polars

    path = f"{ROOT}:{Path(polars.__file__).parents[1]}"
    for python in ("/usr/bin/python3.11", "/usr/bin/python3"):
        test = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", python, "-c", "import polars"]
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        if not subprocess.run(test, env=environment, capture_output=True).returncode:
            return python, path
    raise FaultSkipped("no Python that the user nobody may start with these libraries")


# --------------------------------------------------------------------------- mounting


def _mount(*arguments: str) -> None:
    found = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if found.returncode:
        raise FaultSkipped(f"mounting is not allowed ({found.stderr.strip()[:80]})")


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def _mounted(folder: Path, kind: str, options: str) -> Iterator[None]:
    folder.mkdir()
    _mount("-t", kind, "-o", options, kind, str(folder))
    try:
        yield
    finally:
        _unmount(folder)
        folder.rmdir()


#: The faults: how often each is made in a full run, and in the small one of the tests.
FAULTS: dict[str, tuple[FaultRounds, int, int]] = {
    "kill -9 at a random moment": (kill_process, 100, 6),
    "SIGTERM, SIGINT, SIGHUP": (send_signal, 6, 3),
    "the disk is full": (fill_disk, 4, 2),
    "a folder becomes read-only": (make_read_only, 4, 2),
    "one worker's memory runs out": (limit_memory, 3, 1),
    "bits flip in work parts, then a resume": (flip_bits_then_resume, 4, 2),
    "bits flip in work parts as it runs": (flip_bits_while_running, 4, 2),
    "an input is cut as it is read": (truncate_input, 3, 2),
    "the clock jumps": (change_clock, 2, 1),
    "two builds on one folder": (start_two_builds, 3, 1),
    "another user": (build_as_another_user, 2, 2),
}
