"""Cut lines and paragraphs that a text repeats."""

from filters.repeats.filter import (
    READS,
    VERSION,
    WRITES,
    Config,
    build,
    thresholds,
)

__all__ = ["READS", "VERSION", "WRITES", "Config", "build", "thresholds"]
