"""The filter ``toxicity``: score how offensive posts are, and drop or redact the worst."""

from filters.toxicity.filter import (
    READS,
    REASONS,
    VERSION,
    WRITES,
    Config,
    build,
    check,
    languages,
    models,
    movable,
    thresholds,
    verdict,
    writes,
)

__all__ = [
    "READS",
    "REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "check",
    "languages",
    "models",
    "movable",
    "thresholds",
    "verdict",
    "writes",
]
