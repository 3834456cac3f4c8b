"""Split a stream into lines of bounded length that keep their spaces, for formats of plain text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    ByteSource,
    DamagedStream,
    get_refusal_reason,
)


class RawLine(NamedTuple):
    """One line without its line end, or the reason why it cannot be read."""

    data: bytes
    problem: str = ""


def iter_raw_lines(source: ByteSource, max_bytes: int) -> Iterator[RawLine]:
    """Yield the lines of a stream; a line ends with a line feed, before which a return is cut.

    A line of over ``max_bytes`` bytes (``line_too_long``), a gap with the lines that it cuts, and
    the point where the stream breaks off are yielded as problems, without data.
    """
    pieces: list[bytes] = []  # of a line that is not complete
    size, is_cut = 0, False  # its length; whether its start is not known or it is too long
    while True:
        try:
            chunk = source.read(CHUNK)
        except DamagedStream as gap:
            pieces, size, is_cut = [], 0, True
            yield RawLine(b"", gap.reason)
            continue
        except STREAM_ERRORS as error:
            if pieces:
                yield RawLine(b"".join(pieces).removesuffix(b"\r"))
            yield RawLine(b"", get_refusal_reason(error))
            return
        if not chunk:
            break
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        size += len(first)
        if size > max_bytes and not is_cut:
            is_cut = True
            yield RawLine(b"", "line_too_long")
        if is_cut:
            pieces = []
        if not others:
            continue
        if not is_cut:
            yield RawLine(b"".join(pieces).removesuffix(b"\r"))
        last = others.pop()
        for line in others:
            too_long = len(line) > max_bytes
            yield RawLine(b"", "line_too_long") if too_long else RawLine(line.removesuffix(b"\r"))
        pieces, size, is_cut = [last], len(last), False
        if size > max_bytes:
            pieces, is_cut = [], True
            yield RawLine(b"", "line_too_long")
    if not is_cut and size:
        yield RawLine(b"".join(pieces).removesuffix(b"\r"))
