"""Show the progress of a build: a live table on a terminal, lines or JSON lines elsewhere.

The whole build has one bar, or one share in each line, and the time that the rest may take.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from corpus.tasks.observer import Observer, StageCounts, add_stage_counts
from corpus.tasks.overall_progress import OverallProgress, Phase, format_left

_LINE_INTERVAL_SECONDS = 10
_BAR = 20  # characters, so that a line fits a terminal of 80


class ProgressCounter:
    """Counts how far the steps are and what the stages have done; its subclasses show it."""

    def __init__(self) -> None:
        self.started_at = time.monotonic()
        self.steps: dict[str, tuple[float, int, int]] = {}  # when it began, done, total
        self.stages: StageCounts = {}
        self.overall: OverallProgress | None = None

    def expect(self, phases: Sequence[Phase]) -> None:
        """Take the phases of the build that begins."""
        self.overall = OverallProgress(phases, time.monotonic())

    def step(self, name: str, done: int, total: int) -> None:
        """Record how far a step is."""
        started_at, *_ = self.steps.get(name, (time.monotonic(), 0, 0))
        self.steps[name] = (started_at, done, total)
        if self.overall is not None:
            self.overall.step(name, done, total, time.monotonic())

    def funnel(self, row: dict[str, Any]) -> None:
        """Add the counts of a part to its stage."""
        add_stage_counts(self.stages, row)
        if self.overall is not None:
            self.overall.count(row["stage"], row["read"], row["kept"])

    def format_overall(self) -> str:
        """Return the share of the build that is done and the time that the rest may take."""
        if self.overall is None:
            return ""
        left = self.overall.seconds_left
        words = "" if left is None else f", {format_left(left)}"
        return f"{math.floor(100 * self.overall.share)}% of all{words}"


def _draw_bar(share: float) -> Text:
    full = int(_BAR * share)
    return Text("━" * full, "green") + Text("━" * (_BAR - full), "dim")


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
        if self.overall is not None:
            left = self.overall.seconds_left
            words = "" if left is None else format_left(left)
            percent = f"{math.floor(100 * self.overall.share)}%"
            bar = _draw_bar(self.overall.share)
            steps.add_row(Text("all", "bold"), bar, Text(percent, "bold"), Text(words, "bold"))
        for name, (_, done, total) in self.steps.items():  # in the order they began
            share = done / total if total else 1.0
            done_word = "done" if done >= total else ""
            steps.add_row(name, _draw_bar(share), f"{share:.0%}", done_word)
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
        line = f"{seconds:6.1f} s  {name} {share:.0%}  {self.format_overall()}"
        print(line.rstrip(), file=self._stream, flush=True)

    def note(self, text: str) -> None:
        """Print a message on a line of its own."""
        print(text, file=self._stream)

    def close(self) -> None:
        """Do nothing: every line is printed."""


class JsonLog(LineLog):
    """Prints a JSON object a line, for programs to read; it holds no text and no id of a post."""

    def _print_step(self, name: str, done: int, total: int, seconds: float) -> None:
        more: dict[str, Any] = {}
        if self.overall is not None:
            left = self.overall.seconds_left
            more = {"share": round(self.overall.share, 3)}
            more |= {} if left is None else {"seconds_left": round(left)}
        self.write_event(
            "step", step=name, done=done, total=total, seconds=round(seconds, 1), **more
        )

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
