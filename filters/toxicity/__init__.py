"""Score toxicity, and drop, redact or annotate by it."""

from filters.toxicity.filter import (
    READS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    models,
    movable,
    thresholds,
    verdict,
    writes,
)

__all__ = [
    "READS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "check",
    "models",
    "movable",
    "thresholds",
    "verdict",
    "writes",
]
