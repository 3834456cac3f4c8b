"""Raw post dumps in, a training-ready Parquet corpus out, every dropped post accounted for.

``corpus.build(plan)`` builds; ``corpus.load(folder)`` opens what was built; ``corpus.Plan`` is a
checked plan. Importing this package loads none of the heavy libraries. It is an ImportError where
nothing can work: on a system without fcntl, or where another package hides ``filters``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corpus.environment import check_environment
from corpus.version import __version__ as __version__

if TYPE_CHECKING:
    from corpus.loader.load import Corpus, load, mix
    from corpus.pipeline.build import build
    from corpus.plan.model import Plan

__all__ = ["Corpus", "Plan", "build", "load", "mix"]

check_environment()

_MODULES = {
    "build": "corpus.pipeline.build",
    "load": "corpus.loader.load",
    "mix": "corpus.loader.load",
    "Corpus": "corpus.loader.load",
    "Plan": "corpus.plan.model",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'corpus' has no attribute '{name}'")
    import importlib

    found = getattr(importlib.import_module(_MODULES[name]), name)
    # Found once, it is an ordinary attribute.
    globals()[name] = found
    return found
