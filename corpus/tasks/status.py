"""Let a running build be watched from outside: ``work/status.json``, and the figures of a run."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus.tasks.files import write_json
from corpus.tasks.observer import Observer, StageCounts, add_stage_counts
from corpus.tasks.overall_progress import Phase

STATUS_FILE = "status.json"
_WRITE_INTERVAL_SECONDS = 1.0


class StatusRecorder:
    """An observer that writes the status file and calls another observer."""

    def __init__(self, work: Path, observer: Observer) -> None:
        self._status_file = work / STATUS_FILE
        self._observer = observer
        self._started = time.monotonic()
        self._started_at = _format_now()
        self._last_written = -_WRITE_INTERVAL_SECONDS
        self._steps: dict[str, dict[str, Any]] = {}
        self._stages: StageCounts = {}
        self._current_step = "starting"

    def expect(self, phases: Sequence[Phase]) -> None:
        """Pass the phases of the build on, if the other observer takes them."""
        if (expect := getattr(self._observer, "expect", None)) is not None:
            expect(phases)

    def step(self, name: str, done: int, total: int) -> None:
        """Record how far a step is; about once a second, measure memory and write the file."""
        now = time.monotonic()
        step = self._steps.setdefault(
            name, {"done": 0, "total": 0, "from": now, "to": now, "memory": 0}
        )
        step.update(done=done, total=total, to=now)
        self._current_step = name
        if now - self._last_written >= _WRITE_INTERVAL_SECONDS:
            self._last_written = now
            step["memory"] = max(step["memory"], measure_memory_mb())
            self._write("running")
        self._observer.step(name, done, total)

    def funnel(self, row: dict[str, Any]) -> None:
        """Add the counts of a part to its stage."""
        add_stage_counts(self._stages, row)
        self._observer.funnel(row)

    def note(self, text: str) -> None:
        """Pass a message on."""
        self._observer.note(text)

    def record_end(self, state: str) -> None:
        """Write how the build ended: done, failed or stopped."""
        self._write(state)

    def summarize_run(self, manifest: Mapping[str, Any], workers: int) -> dict[str, Any]:
        """Return the manifest's ``run`` entry, which differs from run to run.

        ``seconds`` count from the start of this run, so without those of an interrupted run before
        it; rates are posts read and input bytes per second; memory is that of all processes
        together in MB, measured about once a second.
        """
        seconds = time.monotonic() - self._started
        size = sum(source["bytes"] for source in manifest["sources"])
        return {
            "seconds": round(seconds, 3),
            "workers": workers,
            "posts_per_second": round(manifest["totals"]["read"] / seconds, 1),
            "bytes_per_second": round(size / seconds, 1),
            "peak_memory_mb": max((step["memory"] for step in self._steps.values()), default=0),
            "steps": {
                name: {
                    "seconds": round(step["to"] - step["from"], 3),
                    "peak_memory_mb": step["memory"],
                }
                for name, step in self._steps.items()
            },
        }

    def _write(self, state: str) -> None:
        status = {
            "state": state,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "began": self._started_at,
            "updated": _format_now(),
            "step": self._current_step,
            "steps": {
                name: {
                    "done": step["done"],
                    "total": step["total"],
                    "seconds": round(step["to"] - step["from"], 1),
                    "peak_memory_mb": step["memory"],
                }
                for name, step in self._steps.items()
            },
            "stages": self._stages,
        }
        with contextlib.suppress(OSError):  # if the disk is full, the build itself reports it
            write_json(self._status_file, status)


def read_status_file(work: Path) -> dict[str, Any] | None:
    """Return the status file in a work folder, or None if there is none that can be read.

    ``state`` is ``running``, ``died``, ``failed``, ``stopped`` or ``done``; a process is known to
    have died only on its own host. Raises PermissionError if another user built there.
    """
    try:
        status: dict[str, Any] = json.loads((work / STATUS_FILE).read_text(encoding="utf-8"))
    except PermissionError:
        raise
    except (OSError, ValueError):
        return None
    on_this_host = status["host"] == socket.gethostname()
    if status["state"] == "running" and on_this_host and not _is_alive(status["pid"]):
        status["state"] = "died"
    return status


def format_status(status: Mapping[str, Any]) -> str:
    """Format a status file in some lines."""
    age = (datetime.now(UTC) - datetime.fromisoformat(status["updated"])).total_seconds()
    lines = [
        f"{status['state']}: {status['step']} (process {status['pid']} on {status['host']}, "
        f"began {status['began']}, last written {max(0, age):,.0f} s ago)"
    ]
    for name, step in status["steps"].items():
        share = step["done"] / step["total"] if step["total"] else 1.0
        rate = step["done"] / step["seconds"] if step["seconds"] else 0
        lines.append(
            f"  {name:<24} {share:6.1%}  {step['done']:,} of {step['total']:,}, {rate:,.1f}/s, "
            f"{step['seconds']:,.0f} s, {step['peak_memory_mb']:,} MB"
        )
    for name, stage in status["stages"].items():
        speed = stage["read"] / stage["seconds"] if stage["seconds"] else 0
        lines.append(
            f"  {name:<24} {int(stage['read']):,} posts, {int(stage['kept']):,} kept, "
            f"{speed:,.0f} posts/s per core"
        )
    if status["state"] in ("died", "failed", "stopped"):
        lines.append("run the same command again to continue where it stopped")
    return "\n".join(lines)


def measure_memory_mb() -> int:
    """Return the resident MB of this process and its children; 0 on a system without /proc."""
    pages = 0
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for pid in (str(os.getpid()), *children):
            with contextlib.suppress(OSError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _format_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
