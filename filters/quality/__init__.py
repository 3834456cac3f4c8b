"""The filter ``quality``: drop posts that have no words worth learning from."""

from filters.quality.filter import (
    PRESETS,
    READS,
    TURN_REASONS,
    VERSION,
    WRITES,
    Config,
    build,
    languages,
    models,
    movable,
    reasons,
    thresholds,
    verdict,
    writes,
)

__all__ = [
    "PRESETS",
    "READS",
    "TURN_REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "languages",
    "models",
    "movable",
    "reasons",
    "thresholds",
    "verdict",
    "writes",
]
