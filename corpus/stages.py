"""Where a stage's name leads: a filter's module, or a barrier that sees all parts together."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

import filters

if TYPE_CHECKING:
    from filters.contract import FilterModule

BARRIER_NAMES = ("authors", "language_context", "dedup", "conversations")
#: The barriers that make other rows of the posts, rather than judge them.
RESHAPING_NAMES = ("conversations",)


def names() -> list[str]:
    """Every stage a plan may name, sorted."""
    return sorted([*filters.names(), *BARRIER_NAMES])


def find(name: str) -> FilterModule:
    """Import the stage ``name``; a KeyError names the ones there are."""
    if name in BARRIER_NAMES:
        return cast("FilterModule", importlib.import_module(f"corpus.{name}"))
    return filters.find(name)
