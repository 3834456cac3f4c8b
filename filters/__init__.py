"""The built-in filters by name: ``filters.find("toxicity")`` imports just that one."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from filters.contract import FilterModule


#: The module of each built-in filter.
_MODULES = {
    "classifier": "filters.classifier",
    "consent": "filters.consent",
    "decontaminate": "filters.decontaminate",
    "language": "filters.language",
    "normalise": "filters.normalise",
    "pii": "filters.pii",
    "quality": "filters.quality",
    "repeats": "filters.repeats",
    "toxicity": "filters.toxicity",
}


def names() -> list[str]:
    """The names of all filters, sorted."""
    return sorted(_MODULES)


@cache
def find(name: str) -> FilterModule:
    """Import the filter ``name``; a KeyError names the ones there are."""
    if name not in _MODULES:
        raise KeyError(f"no filter '{name}'; known: {', '.join(names())}")
    return cast("FilterModule", importlib.import_module(_MODULES[name]))
