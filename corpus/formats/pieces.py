"""Split a stream of markup into the pieces that begin with a mark, such as ``<li>``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from corpus.formats.byte_source import (
    STREAM_ERRORS,
    ByteSource,
    DamagedStream,
    get_refusal_reason,
)

_CHUNK = 1 << 20
# No mark is longer: of a piece that is too long, as much is kept as may be the start of a mark.
_MAX_MARK_BYTES = 600


class Piece(NamedTuple):
    """A piece of a stream."""

    data: bytes  # from its mark to the next one; of the first piece, what precedes the first mark
    problem: str  # why it cannot be read, or empty


def iter_pieces(source: ByteSource, mark: re.Pattern[bytes], max_bytes: int) -> Iterator[Piece]:
    """Yield what precedes the first mark, then each piece that begins with a mark.

    A piece of over ``max_bytes`` has no data. Of a damaged stream, the piece that the damage cuts
    has none, and the next one begins at the next mark. Other markup is split best by pieces of
    bounded size, since parsers of HTML take quadratic time.
    """
    data, has_mark, problem = b"", False, ""
    while True:
        reason, is_end = "", False
        try:
            chunk = source.read(_CHUNK)
            is_end = not chunk
        except DamagedStream as gap:
            chunk, reason = b"", gap.reason
        except STREAM_ERRORS as error:
            chunk, reason, is_end = b"", get_refusal_reason(error), True
        data += chunk
        at = 0
        for found in mark.finditer(data, 1 if has_mark else 0):
            yield _make_piece(data[at : found.start()], problem, max_bytes)
            at, has_mark, problem = found.start(), True, ""
        data = data[at:]
        if is_end:
            if data or problem or reason:
                yield _make_piece(data, problem or reason, max_bytes)
            return
        if reason:
            data, has_mark, problem = b"", False, problem or reason
        elif len(data) > max_bytes:
            data, has_mark = data[-_MAX_MARK_BYTES:], False
            problem = problem or "line_too_long"


def _make_piece(data: bytes, problem: str, max_bytes: int) -> Piece:
    if not problem and len(data) > max_bytes:
        problem = "line_too_long"
    return Piece(b"" if problem else data, problem)
