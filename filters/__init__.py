"""The filters. The folder is the registry: ``filters.find("toxicity")`` imports just that one."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from filters.contract import FilterModule


def names() -> list[str]:
    """The names of all filters, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if name != "contract" and not name.startswith("_"))


@cache
def find(name: str) -> FilterModule:
    """Import the filter ``name``; a KeyError names the ones there are."""
    if name not in names():
        raise KeyError(f"no filter '{name}'; known: {', '.join(names())}")
    return cast("FilterModule", importlib.import_module(f"filters.{name}"))
