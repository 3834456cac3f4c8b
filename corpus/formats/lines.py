"""A member of a dump as lines, and the repair of lines that are no proper JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from corpus.formats.byte_source import CHUNK, STREAM_ERRORS, PeekedSource, get_refusal_reason

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Line(NamedTuple):
    """One line without its end. ``end`` is the offset behind it; ``problem`` a refusal or ''."""

    data: bytes
    end_offset: int
    problem: str = ""


class DumpMember:
    """One stream of lines: the file itself (``name`` is empty) or a member of an archive."""

    def __init__(self, name: str, stream: PeekedSource) -> None:
        self.name = name
        self._stream = stream

    def open(self) -> PeekedSource:
        """The decompressed bytes, for a reader that cuts them into records itself."""
        return self._stream

    def lines(self, max_bytes: int, skip_bytes: int = 0) -> Iterator[Line]:
        """Yield the lines after the first ``skip`` bytes.

        Blank lines come with empty data, so that rows count true. A line over ``longest`` bytes,
        and the point where the stream breaks, come as a problem.
        """
        stream = self.open()
        if not skip_bytes and is_binary(stream.head):
            yield Line(b"", 0, "not_text")
            return
        at, carry, too_long, broken = 0, b"", False, ""
        first = True
        while True:
            try:
                chunk = stream.read(CHUNK)
            except STREAM_ERRORS as error:
                chunk, broken = b"", get_refusal_reason(error)
            if not chunk:
                break
            if at + len(chunk) <= skip_bytes:  # read before: only pass over it
                at += len(chunk)
                first = False
                continue
            if at < skip_bytes:
                chunk, at, first = chunk[skip_bytes - at :], skip_bytes, False
            if first:
                first = False
                if chunk.startswith(b"\xef\xbb\xbf"):
                    chunk, at = chunk[3:], 3
            head, newline, tail = chunk.rpartition(b"\n")
            if not newline:
                carry = b"" if too_long else carry + tail
                at += len(chunk)
                if len(carry) > max_bytes:
                    carry, too_long = b"", True
                continue
            pieces = (carry + head).split(b"\n")
            start = at - len(carry)
            for index, piece in enumerate(pieces):
                start += len(piece) + 1
                if index == 0 and too_long:
                    start = at + head.find(b"\n") + 1 if b"\n" in head else at + len(head) + 1
                    too_long = False
                    yield Line(b"", start, "line_too_long")
                elif len(piece) > max_bytes:
                    yield Line(b"", start, "line_too_long")
                else:
                    yield Line(piece.strip(), start)
            at += len(chunk)
            carry = tail
            if len(carry) > max_bytes:
                carry, too_long = b"", True
        if too_long:
            yield Line(b"", at, "line_too_long")
        elif carry.strip() and not broken:
            yield Line(carry.strip(), at)
        if broken:
            yield Line(b"", at, broken)


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so is no text; a stray control byte costs just its own line."""
    # JSON and CSV hold no raw NUL; UTF-16 text, which is full of them, is caught here too.
    return b"\0" in head or 20 * len(_CONTROL.findall(head)) > len(head)


_SURROGATE_ESCAPE = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u(?:(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def replace_lone_surrogates(line: bytes) -> bytes:
    """Replace each lone surrogate escape by U+FFFD; proper pairs stay."""

    def mend(match: re.Match[bytes]) -> bytes:
        return match[0] if match["pair"] else match[1] + rb"\ufffd"

    return _SURROGATE_ESCAPE.sub(mend, line)


def split_json_objects(line: bytes) -> list[bytes]:
    """Split a line that holds several JSON objects; an empty list if it is no such line."""
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
            # What stands behind the last whole object is refused by its decoder.
            pieces.append(text[at:].encode("utf-8"))
            break
        pieces.append(text[at:end].encode("utf-8"))
        at = end
        while at < len(text) and text[at] in " \t\r":
            at += 1
    return pieces
