"""A stream of markup in pieces."""

from __future__ import annotations

import re
from io import BytesIO

import pytest

from corpus.formats.byte_source import DamagedStream
from corpus.formats.pieces import iter_pieces

MARK = re.compile(rb"<li>")


class Chunks:
    """A source that returns given chunks, or raises them."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks = list(chunks)

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._chunks.pop(0) if self._chunks else b""
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_piece_is_what_lies_between_two_marks_however_the_stream_is_cut(size: int) -> None:
    data = b"head<li>a<li><li>bc"
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    pieces = [tuple(piece) for piece in iter_pieces(Chunks(*chunks), MARK, 10)]
    assert pieces == [(b"head", ""), (b"<li>a", ""), (b"<li>", ""), (b"<li>bc", "")]
    assert [bytes(piece.data) for piece in iter_pieces(BytesIO(b""), MARK, 10)] == []


@pytest.mark.parametrize("size", [5, 100, 10_000])
def test_a_piece_that_is_too_long_costs_itself_alone(size: int) -> None:
    data = b"<li>" + b"x" * 2000 + b"<li>b"
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    pieces = [tuple(piece) for piece in iter_pieces(Chunks(*chunks), MARK, 1000)]
    assert pieces == [(b"", ""), (b"", "line_too_long"), (b"<li>b", "")]


def test_damage_costs_the_piece_that_it_cuts() -> None:
    source = Chunks(b"<li>a<li>b", DamagedStream(), b"c<li>d<li>e", EOFError())
    pieces = [tuple(piece) for piece in iter_pieces(source, MARK, 100)]
    assert pieces == [
        (b"", ""),
        (b"<li>a", ""),
        (b"", "damaged_stream"),
        (b"<li>d", ""),
        (b"", "truncated_stream"),
    ]
