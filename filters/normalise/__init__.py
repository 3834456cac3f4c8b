"""The filter ``normalise``: normalise the text of posts."""

from filters.normalise.filter import READS, VERSION, WRITES, Config, build

__all__ = ["READS", "VERSION", "WRITES", "Config", "build"]
