"""Write numbers, shares and long names as a reader of the report expects them."""

from __future__ import annotations

from typing import Any


def format_share(part: int, whole: int) -> str:
    """Return ``part`` of ``whole`` in per cent, with one decimal unless it is 0 or 100."""
    if not whole:
        return "–"
    value = 100 * part / whole
    if part and value < 0.1:
        return "<0.1\N{NO-BREAK SPACE}%"
    if part < whole and value > 99.9:
        return ">99.9\N{NO-BREAK SPACE}%"
    digits = 0 if value in (0, 100) else 1
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}%"


def abbreviate_count(count: int) -> str:
    """Return a count of 10,000 or more with three digits and a unit: ``12.3 k``, ``4.56 G``."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**4, "k")):
        if count >= size:
            unit_size = 1000 if unit == "k" else size
            return f"{count / unit_size:.3g} {unit}"
    return f"{count:,}"


def format_change(old: int | None, new: int | None) -> str:
    """Return ``new - old`` with its sign; a dash if one of them is not known."""
    if old is None or new is None:
        return "–"
    return f"{new - old:+,}".replace("-", "−") if new != old else "0"


def shorten(text: str, length: int = 80) -> str:
    """Return ``text`` in at most ``length`` characters; the middle of a longer one is cut out."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]}…{text[half - length + 1 :]}"


def format_setting(value: Any, length: int = 80) -> str:
    """Return a setting's value as a plan would write it, in at most ``length`` characters."""
    if value is None:
        return "not there"
    if isinstance(value, list):
        text = ", ".join(str(each) for each in value) or "none"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = str(value) or "empty"
    return text if len(text) <= length else f"{text[: length - 1]}…"
