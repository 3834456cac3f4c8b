"""Identify the language and keep posts in the wanted ones."""

from filters.language.filter import (
    MOVABLE,
    NEAR,
    READS,
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
    "MOVABLE",
    "NEAR",
    "READS",
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
