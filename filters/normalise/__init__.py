"""The filter ``normalise``: normalise the text of posts."""

from filters.normalise.filter import READS, REASONS, VERSION, WRITES, Config, build

__all__ = [
    "READS",
    "REASONS",
    "VERSION",
    "WRITES",
    "Config",
    "build",
]
