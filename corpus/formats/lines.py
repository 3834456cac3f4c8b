"""Split a member of a dump into lines of bounded length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec

from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    DamagedStream,
    PeekedSource,
    get_refusal_reason,
)

#: The bytes that are split into lines at a time: few enough for the processor's cache, where it
#: takes half as long as with megabytes.
_SPLIT_BYTES = 1 << 18
_NUL_RUN = re.compile(rb"\x00{8,}")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Line(NamedTuple):
    """One line without its line end."""

    data: bytes
    end_offset: int  # of the next line, in decompressed bytes
    problem: str = ""  # the reason to refuse the line, or empty
    ends_member: bool = False  # because of the problem: no line follows


class DumpMember:
    """One decompressed stream: the whole file (``name`` is empty) or a member of an archive.

    ``source_file`` names it in the posts' provenance: the path, then ``!`` and the member's name.
    """

    def __init__(self, name: str, source_file: str, stream: PeekedSource) -> None:
        self.name = name
        self.source_file = source_file
        self._stream = stream

    def open(self) -> PeekedSource:
        """Return the decompressed bytes, for a reader of records that are not lines."""
        return self._stream

    def lines(self, max_bytes: int, skip_bytes: int = 0) -> Iterator[Line]:
        """Yield the lines after the first ``skip_bytes`` decompressed bytes.

        Blank lines are yielded with empty data, so that callers can count rows. A line of over
        ``max_bytes`` bytes, a gap, and the point where the stream breaks off are yielded as
        problems. Lines are JSON: next to a gap only a line that is a whole object is yielded.
        """
        stream, new_line = self.open(), tuple.__new__
        if not skip_bytes and is_binary(stream.head) and not _holds_objects(stream):
            yield Line(b"", 0, "not_text", ends_member=True)
            return
        at, carry, too_long, break_reason = 0, b"", False, ""
        first = True
        is_after_gap = False  # and no line end was read since
        while True:
            try:
                # At least as much as is held of a long line, which each read copies again.
                chunk = stream.read(max(_SPLIT_BYTES, len(carry)))
            except DamagedStream as gap:
                if at >= skip_bytes and not too_long and _is_whole(carry):
                    yield Line(carry.strip(), at)
                # The gap counts as one byte, so that a resumed read knows whether it was refused.
                at += 1
                carry, too_long, first, is_after_gap = b"", False, False, True
                if at > skip_bytes:
                    yield Line(b"", at, gap.reason)
                continue
            except STREAM_ERRORS as error:
                chunk, break_reason = b"", get_refusal_reason(error)
            if not chunk:
                break
            if at + len(chunk) <= skip_bytes:  # read in an earlier batch
                at += len(chunk)
                first = is_after_gap = False
                continue
            if at < skip_bytes:
                chunk, at, first = chunk[skip_bytes - at :], skip_bytes, False
                is_after_gap = False
            if first:
                first = False
                if chunk.startswith(b"\xef\xbb\xbf"):
                    chunk, at = chunk[3:], 3
            if b"\n" not in chunk:
                carry = b"" if too_long else carry + chunk
                at += len(chunk)
                if len(carry) > max_bytes:
                    if at == len(carry) and not carry.strip(b"\0"):  # a hole and nothing else
                        yield Line(b"", 0, "not_text", ends_member=True)
                        return
                    carry, too_long = b"", True
                continue
            pieces = (carry + chunk).split(b"\n")
            start = at - len(carry)
            carry = pieces.pop()
            if too_long or is_after_gap:
                first_piece = pieces.pop(0)
                start += len(first_piece) + 1
                if too_long:
                    too_long = False
                    yield Line(b"", start, "line_too_long")
                elif _is_whole(first_piece):  # else the end of a line that the gap has cut
                    long = len(first_piece) > max_bytes
                    yield (
                        Line(b"", start, "line_too_long")
                        if long
                        else Line(first_piece.strip(), start)
                    )
            for piece in pieces:
                start += len(piece) + 1
                if len(piece) > max_bytes:
                    yield Line(b"", start, "line_too_long")
                else:
                    # As Line(piece.strip(), start), in half of the time: it is made for each post.
                    yield new_line(Line, (piece.strip(), start, "", False))
            is_after_gap = False
            at += len(chunk)
            if len(carry) > max_bytes:
                carry, too_long = b"", True
        if too_long:
            yield Line(b"", at, "line_too_long")
        elif carry.strip() and (not (break_reason or is_after_gap) or _is_whole(carry)):
            yield Line(carry.strip(), at)
        if break_reason:
            yield Line(b"", at, break_reason, ends_member=True)


def _holds_objects(stream: PeekedSource) -> bool:
    """Return whether a line at the start is a JSON object: NULs then cost the lines they are in."""
    return any(_is_whole(line) for line in stream.peek(CHUNK).split(b"\n"))


def _is_whole(line: bytes) -> bool:
    """Return whether the piece of a line next to a gap or a break is a whole JSON object."""
    line = line.strip().removeprefix(b"data:")  # as server-sent events are written
    if not line.strip().startswith(b"{"):
        return False
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return isinstance(msgspec.json.decode(line), dict)
    return False


def is_binary(head: bytes) -> bool:
    """Return whether a file with this head is not text; a few control bytes are tolerated.

    A run of NULs is a hole in a text file, as a crash or a bad copy leaves it.
    """
    head = _NUL_RUN.sub(b"", head)
    # JSON and CSV contain no raw NUL. This also catches UTF-16, where every other byte is one.
    return b"\0" in head or 20 * len(_CONTROL.findall(head)) > len(head)
