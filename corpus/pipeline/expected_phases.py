"""List the phases of a build, each with what it costs relative to the others."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.plan.model import Plan
from corpus.tasks.overall_progress import Phase

#: Seconds for 1,000 posts, measured on posts of social media; only their ratios matter.
_COSTS = {
    "authors": 0.2,
    "classifier": 0.1,
    "consent": 0.06,
    "conversations": 0.3,
    "dedup": 0.3,
    "influence": 1.6,
    "language": 0.57,
    "normalise": 0.05,
    "pii": 0.72,
    "quality": 0.41,
    "toxicity": 0.23,
}
_READING, _OTHER_STAGE, _APPLYING = 0.7, 0.2, 0.1
_WRITING, _LEDGER, _COUNTING = 0.15, 0.2, 0.05


def list_expected_phases(plan: Plan) -> list[Phase]:
    """Return the phases of a build of ``plan``, in order, by the labels of their steps."""
    return list(_iter_phases(plan))


def _iter_phases(plan: Plan) -> Iterator[Phase]:
    first, *later = plan.segments()
    yield Phase("reading", _READING)
    cost = sum(_cost(stage.kind or stage.name) for stage in first)
    yield Phase("filtering", cost, is_beside=True)
    for barrier, *filters in later:
        cost = _cost(barrier.kind or barrier.name)
        label = f"measuring ({barrier.name})"
        if barrier.name == "conversations":
            label = "making documents"
        yield Phase(label, cost, is_of_kept=True, shown=0.5)
        cost = sum(_cost(stage.kind or stage.name) for stage in filters)
        yield Phase(f"filtering (from {barrier.name} on)", cost + _APPLYING, is_of_kept=True)
    yield Phase("writing", _WRITING, is_of_kept=True)
    yield Phase("writing the ledger", _LEDGER)
    yield Phase("counting", _COUNTING)


def _cost(kind: str) -> float:
    return _COSTS.get(kind, _OTHER_STAGE)
