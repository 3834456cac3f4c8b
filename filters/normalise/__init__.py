"""Normalise the text: Unicode, invisible characters, mojibake, links, hashtags."""

from filters.normalise.filter import (
    READS,
    VERSION,
    WRITES,
    Config,
    build,
)

__all__ = ["READS", "VERSION", "WRITES", "Config", "build"]
