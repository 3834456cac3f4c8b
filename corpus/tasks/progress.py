"""Show a build as it runs: live on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text


class ProgressCounter:
    """What has been seen of a build so far."""

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self.steps: dict[str, tuple[float, int, int]] = {}
        self.stages: dict[str, dict[str, float]] = {}

    def step(self, name: str, done: int, total: int) -> None:
        """Note how far a step is."""
        first, *_ = self.steps.get(name, (time.monotonic(), 0, 0))
        self.steps[name] = (first, done, total)

    def funnel(self, row: dict[str, Any]) -> None:
        """Add a part to its stage."""
        into = self.stages.setdefault(row["stage"], {"read": 0, "kept": 0, "seconds": 0.0})
        for key in into:
            into[key] += row[key]


def _format_remaining(started_at: float, done: int, total: int) -> str:
    if done >= total:
        return "done"
    if not done:
        return ""
    seconds = (time.monotonic() - started_at) * (total - done) / done
    return f"{int(seconds // 60)}:{int(seconds % 60):02d} left"


class LiveDisplay(ProgressCounter):
    """A live table for a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._live = Live(self._render(), console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def step(self, name: str, done: int, total: int) -> None:
        """Note how far a step is, and show it."""
        super().step(name, done, total)
        self._live.update(self._render())

    def note(self, text: str) -> None:
        """Say something above the table."""
        self._live.console.print(text, highlight=False)

    def close(self) -> None:
        """Take the table away."""
        self._live.stop()

    def _render(self) -> Group:
        steps = Table.grid(padding=(0, 2))
        for name, (first, done, total) in self.steps.items():  # in the order they began
            share = done / total if total else 1.0
            bar = Text("━" * int(30 * share), "green") + Text("━" * (30 - int(30 * share)), "dim")
            steps.add_row(name, bar, f"{share:.0%}", _format_remaining(first, done, total))
        stages = Table(box=None, padding=(0, 2), header_style="dim")
        stages.add_column("stage")
        for title in ("posts", "kept", "posts/s per core"):
            stages.add_column(title, justify="right")
        for name, row in self.stages.items():
            speed = f"{row['read'] / row['seconds']:,.0f}" if row["seconds"] else ""
            kept = f"{row['kept'] / row['read']:.1%}" if row["read"] else ""
            stages.add_row(name, f"{int(row['read']):,}", kept, speed)
        return Group(steps, stages)


class LineLog(ProgressCounter):
    """Plain lines for a log: a step's start and end, and its progress every ten seconds."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._printed_at: dict[str, float] = {}
        self._finished_steps: set[str] = set()

    def step(self, name: str, done: int, total: int) -> None:
        """Note how far a step is, and now and then say so."""
        super().step(name, done, total)
        now = time.monotonic()
        over = done >= total
        if name in self._finished_steps or (
            not over and now - self._printed_at.get(name, self.started_at) < 10
        ):
            return
        self._printed_at[name] = now
        if over:
            self._finished_steps.add(name)
        share = done / total if total else 1.0
        left = _format_remaining(self.steps[name][0], done, total)
        print(
            f"{now - self.started_at:6.1f} s  {name} {share:.0%}  {left}".rstrip(),
            file=self._stream,
        )

    def note(self, text: str) -> None:
        """Say something on a line of its own."""
        print(text, file=self._stream)

    def close(self) -> None:
        """Nothing is open."""


class JsonLog(LineLog):
    """A JSON object a line for a log that machines read; no post text, and no name of a post."""

    def step(self, name: str, done: int, total: int) -> None:
        """Note how far a step is, and now and then say so."""
        ProgressCounter.step(self, name, done, total)
        now = time.monotonic()
        over = done >= total
        if name in self._finished_steps or (
            not over and now - self._printed_at.get(name, self.started_at) < 10
        ):
            return
        self._printed_at[name] = now
        if over:
            self._finished_steps.add(name)
        self.write_event(
            "step", step=name, done=done, total=total, seconds=round(now - self.started_at, 1)
        )

    def note(self, text: str) -> None:
        """Say something on a line of its own."""
        self.write_event("note", text=text)

    def close(self) -> None:
        """Say what the stages did."""
        for name, row in self.stages.items():
            told = {key: round(value, 3) for key, value in row.items()}
            self.write_event("stage", stage=name, **told)

    def write_event(self, event: str, **fields: Any) -> None:
        """Write a line."""
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"time": when, "event": event, **fields}), file=self._stream, flush=True)


@contextmanager
def open_observer(quiet: bool, as_json: bool = False) -> Iterator[LiveDisplay | LineLog | None]:
    """The fitting observer: none if quiet, live on a terminal, lines elsewhere, or JSON lines."""
    if as_json:
        lines = JsonLog(sys.stderr)
        lines.write_event("start")
        try:
            yield lines
        finally:
            lines.close()
        return
    if quiet:
        yield None
        return
    console = Console(stderr=True)
    watcher = LiveDisplay(console) if console.is_terminal else LineLog(sys.stderr)
    try:
        yield watcher
    finally:
        watcher.close()
