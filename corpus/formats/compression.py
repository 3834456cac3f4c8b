"""Undo compression as the bytes stream by, and give all there is before a break."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import TypeAlias

from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    BombGuard,
    ByteSource,
    CountingSource,
    ExpansionBudget,
    PeekedSource,
    Unreadable,
    get_refusal_reason,
)
from corpus.formats.zstd import ZSTD_MAGIC, ZstdBlocks, ZstdDecompressor, is_zstd_blocks

__all__ = [
    "STREAM_ERRORS",
    "ByteSource",
    "StreamDecompressor",
    "Unreadable",
    "decompress",
    "get_refusal_reason",
]

# What a decompressor was about to give when it met a break is lost, so it gives little at a time.
_OUTPUT_BYTES = 1 << 17
#: So many layers of compression, one in another, are undone; real files have one, seldom two.
MAX_COMPRESSION_LAYERS = 3


_Decompressor: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


class StreamDecompressor:
    """A stream decompressor over gz, bz2 or xz that gives all it can before a break.

    The standard library's file objects raise at a truncation and keep back what they had
    decoded; a dump cut off in the middle must give every line before the cut.
    """

    def __init__(
        self,
        source: ByteSource,
        new_decompressor: Callable[[], _Decompressor],
        *,
        single_stream: bool = False,
    ) -> None:
        self._source = source
        self._new = new_decompressor
        self._single = single_stream  # one stream only: what follows it is something else
        self._engine = new_decompressor()
        self._pending = b""

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes; raises where the data is broken."""
        while True:
            if self._engine.eof:
                if self._single:
                    return b""
                # Several streams one after another make one file (Archive Team's bz2, pigz).
                rest = self._engine.unused_data or self._source.read(1 << 16)
                rest = rest.lstrip(b"\0")
                if not rest:
                    return b""
                self._engine, self._pending = self._new(), rest
            data = self._step(size)
            if data:
                return data

    def _step(self, size: int) -> bytes:
        engine, size = self._engine, min(size, _OUTPUT_BYTES)
        if isinstance(engine, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
            feed = self._pending or (self._more() if engine.needs_input else b"")
            self._pending = b""
            return engine.decompress(feed, size)
        feed = engine.unconsumed_tail or self._pending or self._more()
        self._pending = b""
        return engine.decompress(feed, size)

    def _more(self) -> bytes:
        data = self._source.read(1 << 16)
        if not data:
            raise EOFError("the compressed stream ends too early")
        return data


class _FailingSource:
    """A source that can only say why it cannot be read."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, size: int, /) -> bytes:
        raise Unreadable(self._reason)


def decompress(
    source: ByteSource,
    consumed_bytes: Callable[[], float] | None = None,
    budget: ExpansionBudget | None = None,
) -> tuple[PeekedSource, str]:
    """Undo the compression that the first bytes show, whatever the file is called.

    Returns the decompressed stream (its head can be looked at) and the outermost kind: zst, gz,
    bz2, xz, zst_blocks or plain. ``consumed`` tells how much of the file on disk has been read,
    and ``allowance`` is shared by all streams of that file; without them the source is the file.
    """
    if consumed_bytes is None:
        source = tallied = CountingSource(source)
        consumed_bytes = tallied.consumed_bytes
    budget = budget or ExpansionBudget()
    stream = PeekedSource(source)
    outermost = kind = _detect_compression(stream.head)
    for _ in range(MAX_COMPRESSION_LAYERS):
        if kind == "plain":
            return stream, outermost
        # A guard begins to count before the first byte is decompressed, at the bytes peeked at.
        stream = PeekedSource(BombGuard(_open_decompressor(stream, kind), consumed_bytes, budget))
        kind = _detect_compression(stream.head)
    return (
        stream if kind == "plain" else PeekedSource(_FailingSource("nested_too_deep"))
    ), outermost


def _detect_compression(head: bytes) -> str:
    if head[:4] == ZSTD_MAGIC or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zst"
    for magic, kind in ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz")):
        if head.startswith(magic):
            return kind
    return "zst_blocks" if is_zstd_blocks(head) else "plain"


def _open_decompressor(stream: ByteSource, kind: str) -> ByteSource:
    if kind == "zst":
        return ZstdDecompressor(stream)
    return (
        ZstdBlocks(stream)
        if kind == "zst_blocks"
        else StreamDecompressor(stream, _DECOMPRESSORS[kind])
    )
