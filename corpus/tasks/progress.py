"""Show the progress of a build: a live table on a terminal, lines or JSON lines elsewhere."""

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

from corpus.tasks.observer import Observer, StageCounts, add_stage_counts

_LINE_INTERVAL_SECONDS = 10


class ProgressCounter:
    """Counts how far the steps are and what the stages have done; its subclasses show it."""

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self.steps: dict[str, tuple[float, int, int]] = {}  # when it began, done, total
        self.stages: StageCounts = {}

    def step(self, name: str, done: int, total: int) -> None:
        """Record how far a step is."""
        started_at, *_ = self.steps.get(name, (time.monotonic(), 0, 0))
        self.steps[name] = (started_at, done, total)

    def funnel(self, row: dict[str, Any]) -> None:
        """Add the counts of a part to its stage."""
        add_stage_counts(self.stages, row)


def _format_remaining(started_at: float, done: int, total: int) -> str:
    if done >= total:
        return "done"
    if not done:
        return ""
    seconds = (time.monotonic() - started_at) * (total - done) / done
    return f"{int(seconds // 60)}:{int(seconds % 60):02d} left"


class LiveDisplay(ProgressCounter):
    """Shows a table that changes in place, on a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._live = Live(self._render(), console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def step(self, name: str, done: int, total: int) -> None:
        """Record how far a step is, and show it."""
        super().step(name, done, total)
        self._live.update(self._render())

    def note(self, text: str) -> None:
        """Print a message above the table."""
        self._live.console.print(text, highlight=False)

    def close(self) -> None:
        """Remove the table."""
        self._live.stop()

    def _render(self) -> Group:
        steps = Table.grid(padding=(0, 2))
        for name, (started_at, done, total) in self.steps.items():  # in the order they began
            share = done / total if total else 1.0
            bar = Text("━" * int(30 * share), "green") + Text("━" * (30 - int(30 * share)), "dim")
            remaining = _format_remaining(started_at, done, total)
            steps.add_row(name, bar, f"{share:.0%}", remaining)
        stages = Table(box=None, padding=(0, 2), header_style="dim")
        stages.add_column("stage")
        for title in ("posts", "kept", "posts/s per core"):
            stages.add_column(title, justify="right")
        for name, counts in self.stages.items():
            speed = f"{counts['read'] / counts['seconds']:,.0f}" if counts["seconds"] else ""
            kept = f"{counts['kept'] / counts['read']:.1%}" if counts["read"] else ""
            stages.add_row(name, f"{int(counts['read']):,}", kept, speed)
        return Group(steps, stages)


class LineLog(ProgressCounter):
    """Prints plain lines for a log: a step's end, and its progress every ten seconds."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._printed_at: dict[str, float] = {}
        self._finished_steps: set[str] = set()

    def step(self, name: str, done: int, total: int) -> None:
        """Record how far a step is, and print it if a line is due."""
        super().step(name, done, total)
        now = time.monotonic()
        finished = done >= total
        waited = now - self._printed_at.get(name, self.started_at)
        if name in self._finished_steps or not (finished or waited >= _LINE_INTERVAL_SECONDS):
            return
        self._printed_at[name] = now
        if finished:
            self._finished_steps.add(name)
        self._print_step(name, done, total, now - self.started_at)

    def _print_step(self, name: str, done: int, total: int, seconds: float) -> None:
        share = done / total if total else 1.0
        remaining = _format_remaining(self.steps[name][0], done, total)
        print(f"{seconds:6.1f} s  {name} {share:.0%}  {remaining}".rstrip(), file=self._stream)

    def note(self, text: str) -> None:
        """Print a message on a line of its own."""
        print(text, file=self._stream)

    def close(self) -> None:
        """Do nothing: every line is printed."""


class JsonLog(LineLog):
    """Prints a JSON object a line, for programs to read; it holds no text and no id of a post."""

    def _print_step(self, name: str, done: int, total: int, seconds: float) -> None:
        self.write_event("step", step=name, done=done, total=total, seconds=round(seconds, 1))

    def note(self, text: str) -> None:
        """Print a message as an event."""
        self.write_event("note", text=text)

    def close(self) -> None:
        """Print what the stages did."""
        for name, counts in self.stages.items():
            rounded = {key: round(value, 3) for key, value in counts.items()}
            self.write_event("stage", stage=name, **rounded)

    def write_event(self, event: str, **fields: Any) -> None:
        """Print one line: the time in UTC, the event's name and its fields."""
        write_json_event(self._stream, event, **fields)


def write_json_event(stream: TextIO, event: str, **fields: Any) -> None:
    """Print one line of a JSON log: the time in UTC, the event's name and its fields."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    print(json.dumps({"time": now, "event": event, **fields}), file=stream, flush=True)


@contextmanager
def open_observer(quiet: bool, as_json: bool = False) -> Iterator[Observer | None]:
    """Yield the observer for standard error: JSON lines, none if quiet, a live table or lines."""
    if as_json:
        log = JsonLog(sys.stderr)
        log.write_event("start")
        try:
            yield log
        finally:
            log.close()
        return
    if quiet:
        yield None
        return
    console = Console(stderr=True)
    observer = LiveDisplay(console) if console.is_terminal else LineLog(sys.stderr)
    try:
        yield observer
    finally:
        observer.close()
