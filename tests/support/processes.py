"""Processes that a test starts, waits for and stops; no test waits for a fixed time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
#: Ends a test that would wait for ever. No claim: however busy the machine, nothing takes so long.
HANG_SECONDS = 1800


def wait_until(
    condition: Callable[[], object], process: subprocess.Popen[Any] | None = None
) -> None:
    """Wait until ``condition`` is true, or until ``process`` has ended."""
    until = time.monotonic() + HANG_SECONDS
    while not condition() and (process is None or process.poll() is None):
        assert time.monotonic() < until, "a test waits for what never happens"
        time.sleep(0.01)


def is_up(url: str) -> bool:
    """Whether a server answers at ``url``."""
    try:
        urllib.request.urlopen(url, timeout=10).close()  # a caller asks again
    except OSError:
        return False
    return True


def start_build(plan: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``corpus build`` in a process group of its own, whose id is the process's."""
    return subprocess.Popen(
        [sys.executable, "-m", "corpus", "build", str(plan), "-q", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_workers(process: subprocess.Popen[str]) -> None:
    """Wait until the workers that a killed build has orphaned have ended too."""
    wait_until(lambda: not _running_in_group(process.pid))


def _running_in_group(group: int) -> bool:
    for found in psutil.process_iter(["status"]):
        try:
            if found.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(found.pid) == group:
                return True
        except (OSError, psutil.Error):  # it ended in the meantime
            continue
    return False


def run_limited(code: str, cpu_seconds: int = 300) -> subprocess.CompletedProcess[str]:
    """Run Python under a limit of processor time, which other processes do not take from it.

    The memory is limited as well, to 8 GB of addresses.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"},
        preexec_fn=limit,
    )
