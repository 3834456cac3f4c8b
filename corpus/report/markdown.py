"""Markdown that shows names and texts as they are."""

from __future__ import annotations

import re


def escape_markdown(text: object) -> str:
    """Escape text so that Markdown, a table and a terminal show it as it is, on one line."""
    flat = "".join(c if c.isprintable() else " " for c in str(text))
    return re.sub(r"([\\`*\[\]<>|#&])", r"\\\1", flat)


def escape_cell(value: object) -> str:
    """Escape a cell of a table, unless it is a plain name, a number or a hash in backticks."""
    # Names of stages and reasons are ours, and read better unescaped: `too_few_words`.
    text = f"{value:,}" if isinstance(value, int) else str(value)
    is_plain = re.fullmatch(r"[\w ,.:%=+/-]*|`[0-9a-f]+…?`", text, re.ASCII)
    return text if is_plain else escape_markdown(text)


def fence_code(text: str, language: str) -> str:
    """Return a block of code; no run of backticks in the text can end it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}"
