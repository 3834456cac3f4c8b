"""The filter ``language``: identify the language of posts, and keep the wanted ones."""

from filters.language.filter import (
    CORRECTION_MODEL_PATH,
    MOVABLE,
    NEAR,
    READS,
    REASONS,
    TURN_REASONS,
    VERSION,
    WRITES,
    Config,
    bounds,
    build,
    check,
    models,
    thresholds,
    verdict,
)

__all__ = [
    "CORRECTION_MODEL_PATH",
    "MOVABLE",
    "NEAR",
    "READS",
    "REASONS",
    "TURN_REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "bounds",
    "build",
    "check",
    "models",
    "thresholds",
    "verdict",
]
