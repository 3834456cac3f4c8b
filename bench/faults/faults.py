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


def repeat_fault(one: FaultOnce) -> FaultRounds:
    """Make a fault of ``make_one`` several times; it returns None where it could not be made."""

    def rounds(bench: FaultHarness, count: int) -> Iterator[str]:
        made = missed = 0
        while made < count:
            end = one(bench, made, count)
            if end is not None:
                made += 1
                yield end
            elif (missed := missed + 1) > 2 * count + 5:
                raise FaultSkipped("the builds were done before it could be made")

    return rounds


def _finish_undisturbed(bench: FaultHarness, out: Path, ended: BuildExit) -> None:
    """Check a build that was done before the fault, and be earlier next time."""
    bench.resume_until_done(out, ended)
    bench.clean_seconds *= 0.8


# --------------------------------------------------------------------------- signals


def kill_process(bench: FaultHarness, count: int) -> Iterator[str]:
    """Send ``kill -9`` at random moments to the process or its group, and to the resumed runs too.

    A kill counts as survived when the build that it hit ends with the same bytes.
    """
    out, kills, hits, builds = bench.new_output(), 0, 0, 1
    while kills < count:
        process = bench.start_build(out, "-q")
        ended = wait_at_most(process, bench.random_delay(0.3))
        if ended is None:
            kill_build(process, group=bench.rng.random() < 0.4)
            kills, hits = kills + 1, hits + 1
            check_whole_files(out, bench.expected)
        else:
            _finish_undisturbed(bench, out, ended)
            yield from ["resumed"] * hits
            out, hits, builds = bench.new_output(), 0, builds + 1
    bench.resume_until_done(out, wait_for_exit(bench.start_build(out, "-q")))
    yield from ["resumed"] * hits
    print(f"{kills} kills in {builds} builds", file=sys.stderr, flush=True)


@repeat_fault
def send_signal(bench: FaultHarness, number: int, count: int) -> str | None:
    """Send SIGTERM, SIGINT or SIGHUP to the process alone or to its group."""
    out = bench.new_output()
    process = bench.start_build(out, "-q")
    if (ended := wait_at_most(process, 1 + bench.random_delay(0.9))) is not None:
        return _finish_undisturbed(bench, out, ended)
    send = os.killpg if number % 2 else os.kill
    send(process.pid, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[number % 3])
    ended = wait_for_exit(process, 60)
    if ended.status not in (0, 130):
        raise BuildLost(f"exit status {ended.status} after a signal: {ended.stderr[-300:]}")
    return bench.resume_until_done(out, ended)


# --------------------------------------------------------------------------- the disk


def fill_disk(bench: FaultHarness, count: int) -> Iterator[str]:
    """Build onto a tmpfs that is too small; then make it larger."""
    for number in range(count):
        out = bench.new_output()
        with _mounted(out, "tmpfs", f"size={_disk_size(bench, number, count)}k"):
            ended = wait_for_exit(bench.start_build(out, "-q"))
            if ended.status and "space" not in ended.stderr and "full" not in ended.stderr:
                raise BuildLost(f"the full disk was not named: {ended.stderr[-300:]}")
            _mount("-o", "remount,size=4g", str(out))
            yield _resume_on_mount(bench, out, ended)


def _disk_size(bench: FaultHarness, number: int, count: int) -> int:
    """Return a size in kB, from almost none up to nearly what a build needs at its peak."""
    whole = 3 * sum(len(data) for data in bench.expected.values()) // 1024
    return 64 + whole * number // count


def _resume_on_mount(bench: FaultHarness, out: Path, ended: BuildExit) -> str:
    """Do as ``resume_until_done`` where ``out`` is a mount that cannot be removed."""
    first = ended
    for _ in range(3):
        check_exit(ended)
        check_whole_files(out, bench.expected)
        if not ended.status:
            break
        ended = wait_for_exit(bench.start_build(out, "-q"))
    if ended.status:
        raise BuildLost(f"still failing: {ended.stderr[-300:]}")
    check_same_bytes(out, bench.expected)
    return "at once" if ended is first else "resumed"


@repeat_fault
def make_read_only(bench: FaultHarness, number: int, count: int) -> str | None:
    """Make a folder of the output read-only while the build runs; then writable again."""
    out = bench.new_output()
    folder = out / ("work", "shards", "", "dropped")[number % 4]
    process = bench.start_build(out, "-q")
    while process.poll() is None and not (out / "dropped").exists():
        time.sleep(0.01)
    if (ended := wait_at_most(process, bench.random_delay(0.5))) is not None:
        return _finish_undisturbed(bench, out, ended)
    with paused(process):
        _mount("--bind", str(folder), str(folder))
        _mount("-o", "remount,ro,bind", str(folder))
    try:
        ended = wait_for_exit(process)
    finally:
        _unmount(folder)
    return bench.resume_until_done(out, ended)


@repeat_fault
def flip_bits_then_resume(bench: FaultHarness, number: int, count: int) -> str | None:
    """Kill a build, change bits in its work parts, and run it again."""
    out = bench.new_output()
    process = bench.start_build(out, "-q")
    if (ended := wait_at_most(process, bench.random_delay(0.9))) is not None:
        return _finish_undisturbed(bench, out, ended)
    kill_build(process, group=True)
    paths = _choose_work_files(bench, out, 5)
    for path in paths:
        flip_bit(path, bench.rng)
    bench.resume_until_done(out, wait_for_exit(bench.start_build(out, "-q")), spoilt=True)
    return "resumed" if paths else None


@repeat_fault
def flip_bits_while_running(bench: FaultHarness, number: int, count: int) -> str | None:
    """Change bits in work parts while the build runs."""
    out = bench.new_output()
    process = bench.start_build(out, "-q")
    if (ended := wait_at_most(process, bench.random_delay(0.9))) is not None:
        return _finish_undisturbed(bench, out, ended)
    with paused(process):
        paths = _choose_work_files(bench, out, 2)
        for path in paths:
            flip_bit(path, bench.rng)
    end = bench.resume_until_done(out, wait_for_exit(process), spoilt=True)
    return end if paths else None


def _choose_work_files(bench: FaultHarness, out: Path, count: int) -> list[Path]:
    found = sorted(
        path
        for folder in ("work", "shards")
        for path in (out / folder).rglob("*")
        if path.is_file()
        and path.suffix in (".parquet", ".npy", ".json")
        and not path.name.startswith(".")
        and path.stat().st_size
    )
    return bench.rng.sample(found, min(count, len(found)))


# --------------------------------------------------------------------------- the inputs


@repeat_fault
def truncate_input(bench: FaultHarness, number: int, count: int) -> str | None:
    """Truncate an input while it is read; then restore it."""
    out, path = bench.new_output(), bench.rng.choice(bench.dumps)
    whole, was = path.read_bytes(), path.stat()
    process = bench.start_build(out, "-q")
    while process.poll() is None and not (out / "work" / "read").exists():
        time.sleep(0.01)
    if (ended := wait_at_most(process, bench.random_delay(0.1))) is not None:
        return _finish_undisturbed(bench, out, ended)
    with paused(process):
        os.truncate(path, bench.rng.randrange(len(whole)))
    ended = wait_for_exit(process)
    try:
        check_exit(ended)
        check_whole_files(out, bench.expected)
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    return bench.resume_until_done(out, ended)


# --------------------------------------------------------------------------- the rest


@repeat_fault
def limit_memory(bench: FaultHarness, number: int, count: int) -> str | None:
    """Limit one worker to the memory that it has (RLIMIT_AS), or to 50 or 200 MB more."""
    out = bench.new_output()
    process = bench.start_build(out, "-q")
    if (ended := wait_at_most(process, 2 + bench.random_delay(0.7))) is not None:
        return _finish_undisturbed(bench, out, ended)
    hit = False
    if found := list_workers(process):
        try:
            victim = bench.rng.choice(found)
            limit = victim.memory_info().vms + (0, 50, 200)[number % 3] * 2**20
            victim.rlimit(psutil.RLIMIT_AS, (limit, limit))
            hit = True
        except psutil.NoSuchProcess:
            pass
    end = bench.resume_until_done(out, wait_for_exit(process))
    return end if hit else None


def change_clock(bench: FaultHarness, count: int) -> Iterator[str]:
    """Move the wall clock by years and back while the build runs (clock.c, preloaded)."""
    library, clock = bench.folder / "clock.so", bench.folder / "clock"
    made = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_CLOCK), "-ldl"]
    if not shutil.which("cc") or subprocess.run(made, capture_output=True).returncode:
        raise FaultSkipped("no C compiler to build the false clock with")
    for number in range(count):
        out = bench.new_output()
        clock.write_bytes((-20 * _YEAR if number % 2 else 0).to_bytes(8, "little", signed=True))
        process = bench.start_build(out, "-q", LD_PRELOAD=str(library), FAULTS_CLOCK=str(clock))
        ended = None
        for years in (10, -10, 0.003, -30):
            ended = ended or wait_at_most(process, bench.random_delay(0.3))
            with open(clock, "r+b") as file:  # in place, because the build has mapped it
                file.write(int(years * _YEAR).to_bytes(8, "little", signed=True))
        yield bench.resume_until_done(out, ended or wait_for_exit(process))


def start_two_builds(bench: FaultHarness, count: int) -> Iterator[str]:
    """Start two builds on one folder; sometimes kill the first and start a third right away."""
    for number in range(count):
        out = bench.new_output()
        processes = [bench.start_build(out, "-q")]
        time.sleep(bench.random_delay(0.3) if number % 2 else 0)
        processes.append(bench.start_build(out, "-q"))
        if number % 3 == 2:
            time.sleep(bench.random_delay(0.3))
            os.kill(processes[0].pid, signal.SIGKILL)  # so soon that its workers still run
            processes.append(bench.start_build(out, "-q"))
        ends = [wait_for_exit(process) for process in processes]
        for process, ended in zip(processes, ends, strict=True):
            if ended.status != -signal.SIGKILL or process is not processes[0]:
                check_exit(ended)
        good = [ended for ended in ends if not ended.status]
        yield bench.resume_until_done(out, good[0] if good else ends[-1])


def build_as_another_user(bench: FaultHarness, count: int) -> Iterator[str]:
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
    key = bench.folder / "corpus.key"
    for number in range(count):
        out = bench.new_output()
        if number % 2 == 0:
            # Early, because a finished build cannot be resumed.
            process = bench.start_build(out, "-q")
            if (ended := wait_at_most(process, bench.random_delay(0.4))) is None:
                kill_build(process, group=True)
                other_user = wait_for_exit(bench.start_build(out, "-q", before=before, **home))
                check_exit(other_user)
                if not other_user.status:
                    raise BuildLost("another user could resume in a folder of mode 0700")
                ended = other_user
        else:
            out.mkdir()
            shutil.chown(out, NOBODY, NOBODY)
            shutil.chown(key, NOBODY, NOBODY)
            try:
                process = bench.start_build(out, "-q", before=before, **home)
                if (ended := wait_at_most(process, bench.random_delay(0.8))) is None:
                    kill_build(process, group=True)
                    ended = wait_for_exit(bench.start_build(out, "-q", before=before, **home))
                if ended.status:
                    raise BuildLost(f"another user could not build: {ended.stderr[-500:]}")
            finally:
                shutil.chown(key, 0, 0)
        yield bench.resume_until_done(out, ended)


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
