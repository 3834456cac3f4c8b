"""Estimate how far a whole build is, and how long the rest will take.

A build is a list of phases. Each has a cost that is known roughly beforehand, relative to the other
phases; the seconds that phases take now give the seconds of a unit of cost, and so of the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Phases that took less than this share of the seconds per cost of the slowest were done before.
_REUSED = 0.05
#: How much a new estimate of the seconds left counts beside the one before.
_NEW_WEIGHT = 0.3


@dataclass(frozen=True)
class Phase:
    """A part of a build whose progress the step ``label`` shows."""

    label: str
    cost: float  # seconds for 1,000 posts, relative to other phases
    #: Whether the phase runs beside the one before it, and of what that has finished so far.
    is_beside: bool = False
    #: Whether it works on the posts that the stages have kept, not on all.
    is_of_kept: bool = False
    #: The share of the phase that the step shows; the rest follows, until the next phase begins.
    shown: float = 1.0


@dataclass
class _State:
    share: float = 0.0
    base: float = 0.0  # the share that was done when the seconds begin
    began: float | None = None
    seconds: float = 0.0
    is_over: bool = False


class OverallProgress:
    """Follows the steps of a build; times are seconds of any clock that does not go back."""

    def __init__(self, phases: Sequence[Phase], now: float) -> None:
        self._phases = list(phases)
        self._states = [_State() for _ in phases]
        self._numbers = {phase.label: number for number, phase in enumerate(phases)}
        self._updated = now
        self._last_step: float | None = None  # what is before the first, no later phase repeats
        self._counts: dict[str, tuple[int, int]] = {}  # posts read and kept, by stage
        self._share = 0.0
        self._left: float | None = None

    @property
    def share(self) -> float:
        """The share of the build that is done, from 0 to 1; it never falls."""
        return self._share

    @property
    def seconds_left(self) -> float | None:
        """About how many seconds the rest takes; None while nothing is known."""
        return self._left

    def count(self, stage: str, read: int, kept: int) -> None:
        """Take the posts of a part before and after a stage."""
        before = self._counts.get(stage, (0, 0))
        self._counts[stage] = (before[0] + read, before[1] + kept)

    def step(self, label: str, done: int, total: int, now: float) -> None:
        """Take that a step has done ``done`` of ``total``; steps of no phase only take time."""
        number = self._numbers.get(label)
        if self._last_step is None and not done:
            return  # workers start, and import what they need
        if number is not None:
            self._advance(number, done / total if total else 1.0, now)
        self._estimate(now)
        self._last_step = now

    def _advance(self, number: int, share: float, now: float) -> None:
        phase, state = self._phases[number], self._states[number]
        if state.began is None:
            state.began = now if self._last_step is None else self._last_step
            state.base = share if self._last_step is None else 0.0
        # What is before a phase that has begun is over, except a phase that runs beside it.
        over = number - 1 if phase.is_beside else number
        for earlier in self._states[:over]:
            if not earlier.is_over:
                earlier.is_over, earlier.share = True, 1.0
                earlier.seconds = 0.0 if earlier.began is None else now - earlier.began
        if phase.is_beside:
            share *= self._states[number - 1].share
        state.share = max(state.share, min(1.0, share) * phase.shown)
        state.is_over = state.share >= 1
        state.seconds = now - state.began

    def _estimate(self, now: float) -> None:
        kept = math.prod(kept / read for read, kept in self._counts.values() if read)
        for state in self._states:
            if state.began is not None and not state.is_over:
                state.seconds = now - state.began
        costs = [phase.cost * (kept if phase.is_of_kept else 1.0) for phase in self._phases]
        done = sum(cost * state.share for cost, state in zip(costs, self._states, strict=True))
        self._share = max(self._share, min(0.999, done / (sum(costs) or 1.0)))
        rates = [
            (state.seconds, cost * (state.share - state.base))
            for cost, state in zip(costs, self._states, strict=True)
            if cost * (state.share - state.base) > 0 and state.seconds > 0
        ]
        slowest = max((seconds / cost for seconds, cost in rates), default=0.0)
        counted = [each for each in rates if each[0] / each[1] > _REUSED * slowest]
        if not counted:
            return
        rate = sum(seconds for seconds, _ in counted) / sum(cost for _, cost in counted)
        rest = sum(
            cost * (1 - state.share) for cost, state in zip(costs, self._states, strict=True)
        )
        left = rate * rest
        if self._left is not None:
            passed = max(0.0, self._left - (now - self._updated))
            left = (1 - _NEW_WEIGHT) * passed + _NEW_WEIGHT * left
        self._left, self._updated = left, now

    def finish(self) -> None:
        """Take that all is done."""
        self._share, self._left = 1.0, 0.0


def format_left(seconds: float) -> str:
    """Return seconds that are left as words: no finer than an estimate can be."""
    if seconds < 10:
        return "some seconds left"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10} s left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60:02d} min left"
