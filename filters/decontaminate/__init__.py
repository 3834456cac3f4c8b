"""The filter ``decontaminate``: drop posts that contain an item of an evaluation set."""

from filters.decontaminate.filter import (
    READS,
    REASONS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    count_items,
    models,
)

__all__ = [
    "READS",
    "REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "check",
    "count_items",
    "models",
]
