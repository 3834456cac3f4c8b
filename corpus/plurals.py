"""Write a count with its noun, for messages and pages."""

from __future__ import annotations


def inflect(count: int, noun: str, plural: str = "") -> str:
    """Return the form of a noun that goes with a count: ``file``, ``files``."""
    return noun if count == 1 else plural or f"{noun}s"


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Return the count and its noun: ``1 file``, ``2,000 files``, ``3 entries`` (``plural``)."""
    return f"{count:,} {inflect(count, noun, plural)}"
