"""Start builds, disturb and resume them, and compare the result with that of a clean build."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import yaml

from bench.golden import without_timings
from bench.measure import ROOT
from bench.sample import demo_sources
from corpus import demo
from corpus.storage import folder_lock

#: Exit statuses that are no crash: done, failed, wrong, stopped.
CLEAR_STATUSES = (0, 1, 2, 130)
_STAGES: tuple[dict[str, Any], ...] = (
    {"language": {"keep": ["en", "es", "pt", "fr", "de", "ja", "id"]}},
    {"quality": {}},
    {"toxicity": {}},
    {"dedup": {}},
    {"pii": {}},
)


class BuildLost(Exception):
    """A build was lost: it ended with other bytes, a crash or a half-written file."""


@dataclass
class BuildExit:
    """How a build ended: its exit status and its stderr."""

    status: int
    stderr: str


@dataclass
class FaultHarness:
    """Dumps, a plan over them, the bytes of a clean build, and a random generator."""

    folder: Path
    posts: int
    stages: Sequence[Mapping[str, Any]] = _STAGES
    part_posts: int = 5000
    rng: random.Random = field(default_factory=lambda: random.Random(8))
    expected: dict[str, bytes] = field(default_factory=dict)
    clean_seconds: float = 0.0  # of the clean build
    builds_started: int = 0

    @property
    def plan(self) -> Path:
        """The file of the plan."""
        return self.folder / "plan.yaml"

    @property
    def dumps(self) -> list[Path]:
        """The input files."""
        return sorted(p for p in (self.folder / "dumps").rglob("*") if p.suffix in _INPUT_SUFFIXES)

    def prepare(self) -> None:
        """Write the dumps and the plan, and build once without a fault."""
        dumps = self.folder / "dumps"
        if not (dumps / "planted.json").exists():
            demo.write(dumps, posts=self.posts, seed=1)
        document = {
            "sources": demo_sources(dumps),
            "stages": list(self.stages),
            "output": {
                "shard_mb": 1,
                "row_group_mb": 0.25,
                "shuffle": True,
                "validation": 0.05,
                "key": str(self.folder / "corpus.key"),
            },
            "run": {"workers": 2, "part_posts": self.part_posts},
        }
        self.plan.write_text(yaml.safe_dump(document))
        clean = self.folder / "clean"
        shutil.rmtree(clean, ignore_errors=True)
        began = time.monotonic()
        ended = wait_for_exit(self.start_build(clean))
        self.clean_seconds = time.monotonic() - began
        if ended.status:
            raise BuildLost(f"the clean build failed: {ended.stderr}")
        self.expected = read_corpus(clean)

    def new_output(self) -> Path:
        """Return a new output folder."""
        self.builds_started += 1
        return self.folder / f"out-{self.builds_started:04d}"

    def start_build(
        self, out: Path, *more: str, before: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[str]:
        """Start a build into ``out``, in a process group of its own."""
        command = [*(before or [sys.executable]), "-m", "corpus", "build", str(self.plan)]
        return subprocess.Popen(
            [*command, "--out", str(out), *more],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_restore_signals,
        )

    def random_delay(self, share: float = 1.0) -> float:
        """Return a random time within a build, in seconds."""
        return self.rng.random() * self.clean_seconds * share

    def resume_until_done(
        self, out: Path, first: BuildExit, tries: int = 3, *, files_changed: bool = False
    ) -> str:
        """Run the build again until it is done; return ``at once`` or ``resumed``.

        ``files_changed`` says that files were changed on purpose after they were written. Raises
        BuildLost if a run ends unclearly, if the bytes differ, or if no run succeeds.
        """
        check_exit(first)
        ended = first
        for _ in range(tries):
            if not (files_changed and ended.status):
                check_whole_files(out, self.expected)
            if ended.status == 0:
                break
            remedy = ["--replace"] if "--replace" in ended.stderr else []
            ended = wait_for_exit(self.start_build(out, "-q", *remedy))
            check_exit(ended)
        if ended.status:
            raise BuildLost(f"still failing after {tries} tries: {ended.stderr[-300:]}")
        check_same_bytes(out, self.expected)
        shutil.rmtree(out)
        return "at once" if ended is first else "resumed"


def _restore_signals() -> None:
    # Under nohup, or started by a shell's &, a process ignores these signals, and so does a build.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


_INPUT_SUFFIXES = (".zst", ".tar", ".jsonl", ".csv")


def wait_for_exit(process: subprocess.Popen[str], seconds: float = 900) -> BuildExit:
    """Wait for a build to end; raises BuildLost if it takes longer than ``seconds``."""
    try:
        _, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise BuildLost(f"it hung for {seconds:.0f} s") from None
    return BuildExit(process.returncode, stderr or "")


def wait_at_most(process: subprocess.Popen[str], seconds: float) -> BuildExit | None:
    """Return how a build ended, or None if it still runs after ``seconds``."""
    try:
        return wait_or_time_out(process, seconds)
    except subprocess.TimeoutExpired:
        return None


def wait_or_time_out(process: subprocess.Popen[str], seconds: float) -> BuildExit:
    """As :func:`wait`; raises subprocess.TimeoutExpired if it takes longer, and it runs on."""
    _, stderr = process.communicate(timeout=seconds)
    return BuildExit(process.returncode, stderr or "")


def kill_build(process: subprocess.Popen[str], group: bool) -> None:
    """Kill the process, or its group, and wait until no worker runs."""
    family = [process.pid, *(child.pid for child in list_workers(process))]
    (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    until = time.monotonic() + 60
    while any(map(psutil.pid_exists, family)) and time.monotonic() < until:
        time.sleep(0.05)
    if any(map(psutil.pid_exists, family)):
        raise BuildLost("a worker ran for a minute after its build was killed")


def list_workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the worker processes of a build."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def paused(process: subprocess.Popen[str]) -> Iterator[None]:
    """Pause all processes of a build inside the ``with`` block."""
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGCONT)


def check_exit(ended: BuildExit) -> None:
    """Check that a build ended clearly: a known status and, if it failed, an error message."""
    if ended.status not in CLEAR_STATUSES or "Traceback" in ended.stderr:
        raise BuildLost(f"exit status {ended.status}: {ended.stderr[-800:]}")
    if ended.status and not ended.stderr.strip():
        raise BuildLost(f"exit status {ended.status} without a message")


def read_corpus(folder: Path) -> dict[str, bytes]:
    """Return every file of a corpus but ``work/`` and the lock.

    The manifest is without the figures that differ between runs.
    """
    found, python = {}, b"?"
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or name.startswith("work/") or name == folder_lock.NAME:
            continue
        data = path.read_bytes()
        if name == "manifest.json":
            manifest = json.loads(without_timings(data))
            python = manifest["tool"].pop("python").encode()  # another user may have another one
            data = json.dumps(manifest).encode()
        found[name] = data
    # The documentation names the version of Python as well.
    documentation = ("README.md", "DATASHEET.md", "croissant.json", "report.html")
    return {
        name: data.replace(python, b"") if name in documentation else data
        for name, data in found.items()
    }


def check_same_bytes(out: Path, expected: Mapping[str, bytes]) -> None:
    """Check that a finished corpus has the bytes of the clean one."""
    found = read_corpus(out)
    if (out / "work").exists():
        raise BuildLost("the unredacted work/ was not removed")
    wrong = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
    if wrong:
        raise BuildLost(f"{len(wrong)} files differ, such as {sorted(wrong)[0]}")


def check_whole_files(out: Path, expected: Mapping[str, bytes]) -> None:
    """Check that every file under its final name is whole."""
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if not path.is_file() or (path.name.startswith(".") and path.name.endswith(".tmp")):
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_bytes())
            elif path.suffix == ".parquet":
                pq.read_metadata(path)
            elif path.suffix == ".npy":
                np.load(path, mmap_mode="r")
        except Exception as error:
            raise BuildLost(f"{name} is half-written: {type(error).__name__}") from None
        if name.startswith(("shards/", "validation/")) and expected.get(name) != path.read_bytes():
            raise BuildLost(f"{name} has its final name and other bytes")
    if (out / "manifest.json").exists() and read_corpus(out) != expected:
        raise BuildLost("the manifest exists, and the corpus is not whole")


def flip_bit(path: Path, chance: random.Random) -> None:
    """Change one bit of a file in place."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        at = chance.randrange(size)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))
