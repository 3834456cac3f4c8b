"""Identify the language and keep posts in the wanted ones."""

from filters.language.filter import (
    MOVABLE,
    READS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    models,
    thresholds,
    verdict,
)

__all__ = [
    "MOVABLE",
    "READS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "check",
    "models",
    "thresholds",
    "verdict",
]
