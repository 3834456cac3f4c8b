"""The observer of a build: what it receives while the build runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Observer(Protocol):
    """Receives the progress of a build, in the thread that builds.

    One that also has ``expect(phases)`` receives the phases of the build before its first step (see
    :mod:`corpus.tasks.overall_progress`).
    """

    def step(self, name: str, done: int, total: int) -> None:
        """Receive that a step has done ``done`` of about ``total`` units."""
        ...

    def funnel(self, row: dict[str, Any]) -> None:
        """Receive the counts of one part that a stage has filtered: stage, read, kept, seconds."""
        ...

    def note(self, text: str) -> None:
        """Receive a message, such as the address of a dashboard."""
        ...


class SilentObserver:
    """Shows nothing."""

    def step(self, name: str, done: int, total: int) -> None:
        """Ignore it."""

    def funnel(self, row: dict[str, Any]) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""


#: Posts read, posts kept and seconds of each stage.
StageCounts = dict[str, dict[str, float]]


def add_stage_counts(counts: StageCounts, row: Mapping[str, Any]) -> None:
    """Add the counts of one part to those of its stage."""
    stage = counts.setdefault(row["stage"], {"read": 0, "kept": 0, "seconds": 0.0})
    for key in stage:
        stage[key] += row[key]
