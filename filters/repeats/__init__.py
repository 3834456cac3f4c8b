"""The filter ``repeats``: remove repeated lines and paragraphs from long texts."""

from filters.repeats.filter import READS, VERSION, WRITES, Config, build, thresholds

__all__ = ["READS", "VERSION", "WRITES", "Config", "build", "thresholds"]
