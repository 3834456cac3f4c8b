"""The filter ``repeats``: remove repeated lines and paragraphs from long texts."""

from filters.repeats.filter import READS, REASONS, VERSION, WRITES, Config, build, thresholds

__all__ = [
    "READS",
    "REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
    "thresholds",
]
