"""The faults: each spoils one build, and says how it ended."""

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
    ROOT,
    Bench,
    Ended,
    Lost,
    check_clear,
    check_same,
    flip,
    frozen,
    half_written,
    kill,
    wait,
    wait_or,
    workers,
)

NOBODY = 65534
_CLOCK = Path(__file__).with_name("clock.c")
_YEAR = 31_557_600


class Skipped(Exception):
    """This machine does not let the fault be made; the message says why."""


One = Callable[[Bench, int, int], "str | None"]
Round = Callable[[Bench, int], Iterator[str]]


def again(one: One) -> Round:
    """Make a fault so often, as ``one`` does with its number; None says that none was made."""

    def rounds(bench: Bench, count: int) -> Iterator[str]:
        made = missed = 0
        while made < count:
            end = one(bench, made, count)
            if end is not None:
                made += 1
                yield end
            elif (missed := missed + 1) > 2 * count + 5:
                raise Skipped("the builds were done before it could be made")

    return rounds


def _missed(bench: Bench, out: Path, ended: Ended) -> None:
    """The build was done before the fault: hold it to its bytes, and be earlier next time."""
    bench.settle(out, ended)
    bench.seconds *= 0.8


# --------------------------------------------------------------------------- ended by others


def killed(bench: Bench, count: int) -> Iterator[str]:
    """``kill -9`` at random moments, the process or with its workers; the resume is shot at too.

    A kill counts as survived when the build that it hit has come to its end with the same bytes.
    """
    out, shots, hits, builds = bench.out(), 0, 0, 1
    while shots < count:
        process = bench.start(out, "-q")
        ended = wait_or(process, bench.moment(0.3))
        if ended is None:
            kill(process, group=bench.chance.random() < 0.4)
            shots, hits = shots + 1, hits + 1
            half_written(out, bench.expected)
        else:
            _missed(bench, out, ended)
            yield from ["resumed"] * hits
            out, hits, builds = bench.out(), 0, builds + 1
    bench.settle(out, wait(bench.start(out, "-q")))
    yield from ["resumed"] * hits
    print(f"{shots} kills in {builds} builds", file=sys.stderr, flush=True)


@again
def signalled(bench: Bench, number: int, count: int) -> str | None:
    """SIGTERM, SIGINT and SIGHUP, to the process alone or to its group."""
    out = bench.out()
    process = bench.start(out, "-q")
    if (ended := wait_or(process, 1 + bench.moment(0.9))) is not None:
        return _missed(bench, out, ended)
    send = os.killpg if number % 2 else os.kill
    send(process.pid, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[number % 3])
    ended = wait(process, 60)
    if ended.status not in (0, 130):
        raise Lost(f"exit status {ended.status} after a signal: {ended.said[-300:]}")
    return bench.settle(out, ended)


# --------------------------------------------------------------------------- the disk


def disk_full(bench: Bench, count: int) -> Iterator[str]:
    """The output lies on a tmpfs that is too small; then room is made."""
    for number in range(count):
        out = bench.out()
        with _mounted(out, "tmpfs", f"size={_room_for(bench, number, count)}k"):
            ended = wait(bench.start(out, "-q"))
            if ended.status and "space" not in ended.said and "full" not in ended.said:
                raise Lost(f"the full disk was not named: {ended.said[-300:]}")
            _mount("-o", "remount,size=4g", str(out))
            yield _settled_inside(bench, out, ended)


def _room_for(bench: Bench, number: int, count: int) -> int:
    """Some kB, from next to nothing up to nearly all that a build needs at its peak."""
    whole = 3 * sum(len(data) for data in bench.expected.values()) // 1024
    return 64 + whole * number // count


def _settled_inside(bench: Bench, out: Path, ended: Ended) -> str:
    """As Bench.settle, where ``out`` is a mount that cannot be removed."""
    first = ended
    for _ in range(3):
        check_clear(ended)
        half_written(out, bench.expected)
        if not ended.status:
            break
        ended = wait(bench.start(out, "-q"))
    if ended.status:
        raise Lost(f"still failing: {ended.said[-300:]}")
    check_same(out, bench.expected)
    return "at once" if ended is first else "resumed"


@again
def read_only(bench: Bench, number: int, count: int) -> str | None:
    """A folder of the output becomes read-only while the build runs; then writable again."""
    out = bench.out()
    folder = out / ("work", "shards", "", "dropped")[number % 4]
    process = bench.start(out, "-q")
    while process.poll() is None and not (out / "dropped").exists():
        time.sleep(0.01)
    if (ended := wait_or(process, bench.moment(0.5))) is not None:
        return _missed(bench, out, ended)
    with frozen(process):
        _mount("--bind", str(folder), str(folder))
        _mount("-o", "remount,ro,bind", str(folder))
    try:
        ended = wait(process)
    finally:
        _unmount(folder)
    return bench.settle(out, ended)


@again
def flipped(bench: Bench, number: int, count: int) -> str | None:
    """A build is killed, bits in its work parts change, and it is run again."""
    out = bench.out()
    process = bench.start(out, "-q")
    if (ended := wait_or(process, bench.moment(0.9))) is not None:
        return _missed(bench, out, ended)
    kill(process, group=True)
    paths = _some_work(bench, out, 5)
    for path in paths:
        flip(path, bench.chance)
    bench.settle(out, wait(bench.start(out, "-q")), spoilt=True)
    return "resumed" if paths else None


@again
def flipped_live(bench: Bench, number: int, count: int) -> str | None:
    """Bits in work parts change while the build runs on."""
    out = bench.out()
    process = bench.start(out, "-q")
    if (ended := wait_or(process, bench.moment(0.9))) is not None:
        return _missed(bench, out, ended)
    with frozen(process):
        paths = _some_work(bench, out, 2)
        for path in paths:
            flip(path, bench.chance)
    end = bench.settle(out, wait(process), spoilt=True)
    return end if paths else None


def _some_work(bench: Bench, out: Path, count: int) -> list[Path]:
    found = sorted(
        path
        for folder in ("work", "shards")
        for path in (out / folder).rglob("*")
        if path.is_file()
        and path.suffix in (".parquet", ".npy", ".json")
        and not path.name.startswith(".")
        and path.stat().st_size
    )
    return bench.chance.sample(found, min(count, len(found)))


# --------------------------------------------------------------------------- the inputs


@again
def truncated(bench: Bench, number: int, count: int) -> str | None:
    """An input is cut short while it is read; then it is laid back as it was."""
    out, path = bench.out(), bench.chance.choice(bench.dumps)
    whole, was = path.read_bytes(), path.stat()
    process = bench.start(out, "-q")
    while process.poll() is None and not (out / "work" / "read").exists():
        time.sleep(0.01)
    if (ended := wait_or(process, bench.moment(0.1))) is not None:
        return _missed(bench, out, ended)
    with frozen(process):
        os.truncate(path, bench.chance.randrange(len(whole)))
    ended = wait(process)
    try:
        check_clear(ended)
        half_written(out, bench.expected)
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    return bench.settle(out, ended)


# --------------------------------------------------------------------------- the rest


@again
def starved(bench: Bench, number: int, count: int) -> str | None:
    """One worker may have no more memory than it has (RLIMIT_AS, or 50 or 200 MB more)."""
    out = bench.out()
    process = bench.start(out, "-q")
    if (ended := wait_or(process, 2 + bench.moment(0.7))) is not None:
        return _missed(bench, out, ended)
    hit = False
    if found := workers(process):
        try:
            victim = bench.chance.choice(found)
            limit = victim.memory_info().vms + (0, 50, 200)[number % 3] * 2**20
            victim.rlimit(psutil.RLIMIT_AS, (limit, limit))
            hit = True
        except psutil.NoSuchProcess:
            pass
    end = bench.settle(out, wait(process))
    return end if hit else None


def clock_changed(bench: Bench, count: int) -> Iterator[str]:
    """The wall clock jumps by years and back while the build runs (clock.c, preloaded)."""
    library, clock = bench.room / "clock.so", bench.room / "clock"
    made = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_CLOCK), "-ldl"]
    if not shutil.which("cc") or subprocess.run(made, capture_output=True).returncode:
        raise Skipped("no C compiler here to make the false clock with")
    for number in range(count):
        out = bench.out()
        clock.write_bytes((-20 * _YEAR if number % 2 else 0).to_bytes(8, "little", signed=True))
        process = bench.start(out, "-q", LD_PRELOAD=str(library), FAULTS_CLOCK=str(clock))
        ended = None
        for years in (10, -10, 0.003, -30):
            ended = ended or wait_or(process, bench.moment(0.3))
            with open(clock, "r+b") as file:  # in place: it is mapped
                file.write(int(years * _YEAR).to_bytes(8, "little", signed=True))
        yield bench.settle(out, ended or wait(process))


def two_builds(bench: Bench, count: int) -> Iterator[str]:
    """Two builds begin on one folder; now and then the first is shot and a third comes at once."""
    for number in range(count):
        out = bench.out()
        processes = [bench.start(out, "-q")]
        time.sleep(bench.moment(0.3) if number % 2 else 0)
        processes.append(bench.start(out, "-q"))
        if number % 3 == 2:
            time.sleep(bench.moment(0.3))
            os.kill(processes[0].pid, signal.SIGKILL)  # its workers have no time to notice
            processes.append(bench.start(out, "-q"))
        ends = [wait(process) for process in processes]
        for process, ended in zip(processes, ends, strict=True):
            if ended.status != -signal.SIGKILL or process is not processes[0]:
                check_clear(ended)
        good = [ended for ended in ends if not ended.status]
        yield bench.settle(out, good[0] if good else ends[-1])


def another_user(bench: Bench, count: int) -> Iterator[str]:
    """Another user goes on with a build, and builds alone; then the first user goes on."""
    python, path = _python_of_nobody()
    before = [
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", python,
    ]  # fmt: skip
    home = {"PYTHONPATH": path, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    key = bench.room / "corpus.key"
    for number in range(count):
        out = bench.out()
        if number % 2 == 0:
            # Early, for a build that is done leaves nothing to go on with.
            process = bench.start(out, "-q")
            if (ended := wait_or(process, bench.moment(0.4))) is None:
                kill(process, group=True)
                stranger = wait(bench.start(out, "-q", before=before, **home))
                check_clear(stranger)
                if not stranger.status:
                    raise Lost("another user could go on in a folder of mode 0700")
                ended = stranger
        else:
            out.mkdir()
            shutil.chown(out, NOBODY, NOBODY)
            shutil.chown(key, NOBODY, NOBODY)
            try:
                process = bench.start(out, "-q", before=before, **home)
                if (ended := wait_or(process, bench.moment(0.8))) is None:
                    kill(process, group=True)
                    ended = wait(bench.start(out, "-q", before=before, **home))
                if ended.status:
                    raise Lost(f"another user could not build: {ended.said[-500:]}")
            finally:
                shutil.chown(key, 0, 0)
        yield bench.settle(out, ended)


def _python_of_nobody() -> tuple[str, str]:
    """A Python that another user may start, and the path by which it finds our libraries."""
    if os.geteuid():
        raise Skipped("only root can run as another user")
    if not shutil.which("setpriv"):
        raise Skipped("setpriv is not here")
    import polars

    path = f"{ROOT}:{Path(polars.__file__).parents[1]}"
    for python in ("/usr/bin/python3.11", "/usr/bin/python3"):
        test = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", python, "-c", "import polars"]
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        if not subprocess.run(test, env=environment, capture_output=True).returncode:
            return python, path
    raise Skipped("no Python here that user nobody may start with these libraries")


# --------------------------------------------------------------------------- mounting


def _mount(*arguments: str) -> None:
    found = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if found.returncode:
        raise Skipped(f"mounting is not allowed here ({found.stderr.strip()[:80]})")


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


#: The faults, and how often each is made in a full run and in the small one of the tests.
ALL: dict[str, tuple[Round, int, int]] = {
    "kill -9 at a random moment": (killed, 100, 6),
    "SIGTERM, SIGINT, SIGHUP": (signalled, 6, 3),
    "the disk is full": (disk_full, 4, 2),
    "a folder becomes read-only": (read_only, 4, 2),
    "one worker's memory runs out": (starved, 3, 1),
    "bits flip in work parts, then a resume": (flipped, 4, 2),
    "bits flip in work parts as it runs": (flipped_live, 4, 2),
    "an input is cut as it is read": (truncated, 3, 2),
    "the clock jumps": (clock_changed, 2, 1),
    "two builds on one folder": (two_builds, 3, 1),
    "another user": (another_user, 2, 2),
}
