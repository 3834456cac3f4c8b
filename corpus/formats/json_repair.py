"""Repair the two known faults of JSON lines: half an emoji, and several objects on one line."""

from __future__ import annotations

import json
import re

# It begins with literal bytes, so that the search skips what is between: most data has none.
_SURROGATE_ESCAPE = re.compile(
    rb"\\u(?:(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def replace_lone_surrogates(line: bytes) -> bytes:
    """Replace each lone surrogate escape, such as ``\\ud83d``, by U+FFFD; keep proper pairs."""

    def repair(match: re.Match[bytes]) -> bytes:
        if _is_escaped(line, match.start()):
            # A backslash and then letters; the second half of the pair stands alone.
            return match[0][:6] + (rb"\ufffd" if match["pair"] else b"")
        return match[0] if match["pair"] else rb"\ufffd"

    return _SURROGATE_ESCAPE.sub(repair, line)


def _is_escaped(line: bytes, at: int) -> bool:
    """Return whether the backslash at an offset is escaped by the one before it."""
    first = at
    while first and line[first - 1] == 0x5C:
        first -= 1
    return bool((at - first) % 2)


def split_json_objects(line: bytes) -> list[bytes]:
    """Split a line of JSON objects, also with commas behind them; none if it is not UTF-8."""
    decoder = json.JSONDecoder()
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return []
    pieces, at = [], 0
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            # The decoder refuses the rest after the last complete object.
            pieces.append(text[at:].encode("utf-8"))
            break
        pieces.append(text[at:end].encode("utf-8"))
        at = end
        while at < len(text) and text[at] in " \t\r,":
            at += 1
    return pieces
