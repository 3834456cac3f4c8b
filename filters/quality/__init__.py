"""Drop posts by rules of quality: published presets and ``social``."""

from filters.quality.filter import (
    READS,
    VERSION,
    WRITES,
    Config,
    build,
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
    "models",
    "movable",
    "thresholds",
    "verdict",
    "writes",
]
