"""Let a build be watched from outside, and measure it: ``work/status.json``, the run's figures."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from corpus.errors import ManifestError
from corpus.tasks.receipts import MANIFEST_NAME, load_manifest, write_json

STATUS_FILE = "status.json"
_WRITE_INTERVAL_SECONDS = 1.0


class StepObserver(Protocol):
    """What is told of a build."""

    def step(self, name: str, done: int, total: int) -> None:
        """A step has done ``done`` of about ``total`` units."""
        ...

    def funnel(self, row: dict[str, Any]) -> None:
        """A stage has judged a part."""
        ...


class StatusRecorder:
    """Tells another watcher all it is told, writes the status file, and keeps the figures."""

    def __init__(self, work: Path, observer: StepObserver) -> None:
        self._status_file = work / STATUS_FILE
        self._observer = observer
        self._started = time.monotonic()
        self._started_at = _format_now()
        self._last_written = -_WRITE_INTERVAL_SECONDS
        self._steps: dict[str, dict[str, Any]] = {}
        self._stages: dict[str, dict[str, float]] = {}
        self._current_step = "starting"

    def step(self, name: str, done: int, total: int) -> None:
        """Note how far a step is."""
        now = time.monotonic()
        into = self._steps.setdefault(
            name, {"done": 0, "total": 0, "from": now, "to": now, "memory": 0}
        )
        into.update(done=done, total=total, to=now)
        self._current_step = name
        if now - self._last_written >= _WRITE_INTERVAL_SECONDS:
            self._last_written = now
            into["memory"] = max(into["memory"], measure_memory_mb())
            self._write("running")
        self._observer.step(name, done, total)

    def funnel(self, row: dict[str, Any]) -> None:
        """Add a part to its stage."""
        into = self._stages.setdefault(row["stage"], {"read": 0, "kept": 0, "seconds": 0.0})
        for key in into:
            into[key] += row[key]
        self._observer.funnel(row)

    def note(self, text: str) -> None:
        """Hand on what a runner has to say."""
        getattr(self._observer, "note", lambda _: None)(text)

    def record_end(self, state: str) -> None:
        """Say how the build ended: done, failed or stopped."""
        self._write(state)

    def summarize_run(self, manifest: Mapping[str, Any], workers: int) -> dict[str, Any]:
        """What the manifest tells of the run; none of it is the same the next time.

        Seconds since this run began, so without what an interrupted run had done before; rates
        are of posts read and input bytes; memory is that of all processes together, in MB, looked
        at once a second.
        """
        seconds = time.monotonic() - self._started
        size = sum(source["bytes"] for source in manifest["sources"])
        return {
            "seconds": round(seconds, 3),
            "workers": workers,
            "posts_per_second": round(manifest["totals"]["read"] / seconds, 1),
            "bytes_per_second": round(size / seconds, 1),
            "peak_memory_mb": max((s["memory"] for s in self._steps.values()), default=0),
            "steps": {
                name: {
                    "seconds": round(step["to"] - step["from"], 3),
                    "peak_memory_mb": step["memory"],
                }
                for name, step in self._steps.items()
            },
        }

    def _write(self, state: str) -> None:
        found = {
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
        with contextlib.suppress(OSError):  # a full disk is for the build itself to tell of
            write_json(self._status_file, found)


def read_status(out: Path) -> dict[str, Any]:
    """How a build stands: its status file with ``state`` running, died, failed, stopped or done.

    ManifestError if there is neither a build nor a corpus.
    """
    try:
        found: dict[str, Any] = json.loads((out / "work" / STATUS_FILE).read_text(encoding="utf-8"))
    except PermissionError:
        raise ManifestError(f"'{out / 'work'}' is its builder's only; ask as that user") from None
    except (OSError, ValueError):
        found = {}
    if (out / MANIFEST_NAME).exists():
        manifest = load_manifest(out)
        return {"state": "done", "run": manifest.get("run", {}), "totals": manifest["totals"]}
    if not found:
        raise ManifestError(
            f"'{out}' holds no build and no corpus; give the folder that 'corpus build' writes"
        )
    here = found["host"] == socket.gethostname()
    if found["state"] == "running" and here and not _is_alive(found["pid"]):
        found["state"] = "died"
    return found


def format_status(status: Mapping[str, Any]) -> str:
    """A status in some lines."""
    if "totals" in status:
        totals, run = status["totals"], status["run"]
        lines = [f"done: {totals['kept']:,} of {totals['read']:,} posts kept"]
        if run:
            lines.append(
                f"{run['seconds']:,.0f} s, {run['posts_per_second']:,.0f} posts/s, "
                f"{run['bytes_per_second'] / 1e6:,.1f} MB/s, {run['peak_memory_mb']:,} MB at most"
            )
        return "\n".join(lines)
    age = (datetime.now(UTC) - datetime.fromisoformat(status["updated"])).total_seconds()
    lines = [
        f"{status['state']}: {status['step']} (process {status['pid']} on {status['host']}, "
        f"began {status['began']}, last heard of {max(0, age):,.0f} s ago)"
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
        lines.append("run the same command again to go on where it stopped")
    return "\n".join(lines)


def measure_memory_mb() -> int:
    """The MB that this process and its children hold now; 0 where /proc does not tell."""
    held = 0
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for pid in (str(os.getpid()), *children):
            with contextlib.suppress(OSError):
                held += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return held * os.sysconf("SC_PAGE_SIZE") >> 20


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
