"""Decompress streams by their content, and yield all bytes before a break."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import TypeAlias

from corpus.formats.byte_source import (
    CHUNK,
    BombGuard,
    ByteSource,
    CountingSource,
    ExpansionBudget,
    PeekedSource,
    Refused,
)
from corpus.formats.zstd import ZSTD_MAGIC, ZstdBlocks, ZstdDecompressor, is_zstd_blocks

# The output of the call in which a decompressor fails is lost, so each call returns little.
_OUTPUT_BYTES = 1 << 17
#: Real files have one layer of compression, seldom two.
MAX_COMPRESSION_LAYERS = 3


_Decompressor: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


class StreamDecompressor:
    """Decompresses gz, bz2 or xz, and yields all bytes before a break.

    The standard library's file objects lose what they have decoded when they raise at a
    truncation, but a dump that is cut off must yield every line before the cut.
    """

    def __init__(
        self,
        source: ByteSource,
        new_decompressor: Callable[[], _Decompressor],
        *,
        single_stream: bool = False,
    ) -> None:
        self._source = source
        self._new_decompressor = new_decompressor
        self._single_stream = single_stream  # the bytes after one stream are something else
        self._decompressor = new_decompressor()
        self._pending = b""

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return at most ``size`` bytes; raises where the data is damaged."""
        while True:
            if self._decompressor.eof:
                if self._single_stream:
                    return b""
                # One file can be several streams in a row (Archive Team's bz2, pigz).
                rest = self._decompressor.unused_data or self._source.read(1 << 16)
                rest = rest.lstrip(b"\0")
                if not rest:
                    return b""
                self._decompressor, self._pending = self._new_decompressor(), rest
            data = self._decompress_some(size)
            if data:
                return data

    def _decompress_some(self, size: int) -> bytes:
        engine, size = self._decompressor, min(size, _OUTPUT_BYTES)
        if isinstance(engine, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
            feed = self._pending or (self._read_input() if engine.needs_input else b"")
            self._pending = b""
            return engine.decompress(feed, size)
        feed = engine.unconsumed_tail or self._pending or self._read_input()
        self._pending = b""
        return engine.decompress(feed, size)

    def _read_input(self) -> bytes:
        data = self._source.read(1 << 16)
        if not data:
            raise EOFError("the compressed stream ends too early")
        return data


class _FailingSource:
    """A source that refuses every read."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, size: int, /) -> bytes:
        raise Refused(self._reason)


def decompress(
    source: ByteSource,
    consumed_bytes: Callable[[], float] | None = None,
    budget: ExpansionBudget | None = None,
) -> tuple[PeekedSource, str]:
    """Decompress a source by its first bytes, whatever the file's name.

    Returns the decompressed stream and its outermost compression: zst, gz, bz2, xz, zst_blocks or
    plain. ``consumed_bytes`` returns how much of the file on disk has been read, and ``budget`` is
    shared by all streams of that file; without them the source is a file itself.
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
        # The guard is created before peeking, so that it counts the first bytes.
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
