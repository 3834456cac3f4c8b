"""Run a command and measure it: wall time, and the peak memory of all its processes together."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
#: Real posts and gold sets; they are not part of the repository.
SHARED_DATA = ROOT.parent / "shared" / "data"

_SAMPLE_SECONDS = 0.1  # seconds between two readings of the memory
_ONE_THREAD = (
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKENIZERS_NUM_THREADS",
)


class CommandFailed(RuntimeError):
    """The command ended with an error; the message has the end of its output."""


@dataclass(frozen=True)
class Measurement:
    """The time and the memory of a run."""

    seconds: float
    cpu_seconds: float  # much less than cores x seconds: something else was using the cores
    peak_mb: float  # resident memory summed over the process tree; shared pages count each time


def measure_command(
    command: Sequence[str], log: Path, cores: int, env: dict[str, str] | None = None
) -> Measurement:
    """Run ``command`` on ``cores`` cores with one thread a library; its output goes to ``log``."""
    full = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), **(env or {})}
    with log.open("wb") as output:
        began, cpu = time.perf_counter(), _cpu_seconds()
        process = subprocess.Popen(
            [*_pin_to_cores(cores), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=full,
            cwd=ROOT,
        )
        peak = 0
        try:
            while True:
                peak = max(peak, _resident_bytes(process.pid))
                try:
                    process.wait(_SAMPLE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        seconds = time.perf_counter() - began
    if process.returncode:
        raise CommandFailed(log.read_text(encoding="utf-8", errors="replace")[-2000:].strip())
    return Measurement(seconds, _cpu_seconds() - cpu, peak / 1e6)


def measure_build(plan: dict[str, Any], folder: Path, workers: int) -> tuple[Measurement, Path]:
    """Run ``corpus build`` on ``plan`` in ``folder``; return the measurement and the output."""
    folder.mkdir(parents=True)
    file, out = folder / "plan.yaml", folder / "out"
    file.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "corpus", "build", str(file), "--out", str(out), "--quiet"]
    command += ["--runner", "processes", "--workers", str(workers)]
    return measure_command(command, folder / "log.txt", workers), out


def _pin_to_cores(cores: int) -> list[str]:
    if not hasattr(os, "sched_getaffinity") or shutil.which("taskset") is None:
        return []
    # The last cores: other processes are likelier to run on the first one.
    chosen = sorted(os.sched_getaffinity(0))[-cores:]
    return ["taskset", "-c", ",".join(map(str, chosen))]


def _cpu_seconds() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident_bytes(pid: int) -> int:
    try:
        parent = psutil.Process(pid)
        tree = [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # ended between the two readings
            continue
    return total
