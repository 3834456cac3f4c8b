"""The filters by name: ``filters.find("toxicity")`` imports just that one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from filters.contract import FilterModule

# Each name that a plan may use, and the module that keeps the contract of ``filters.contract``.
_BUILT_IN = {
    "classifier": "filters.classifier",
    "consent": "filters.consent",
    "decontaminate": "filters.decontaminate",
    "expr": "filters.expr",
    "injection": "filters.injection",
    "language": "filters.language",
    "normalise": "filters.normalise",
    "pii": "filters.pii",
    "quality": "filters.quality",
    "repeats": "filters.repeats",
    "toxicity": "filters.toxicity",
}


def names() -> list[str]:
    """Return the names of all filters, sorted."""
    return sorted(_BUILT_IN)


def find(name: str) -> FilterModule:
    """Import the filter ``name``; a KeyError lists the names that exist."""
    if name not in _BUILT_IN:
        raise KeyError(f"no filter '{name}'; known: {', '.join(names())}")
    return cast("FilterModule", importlib.import_module(_BUILT_IN[name]))
