"""Decompress streams by their content, and yield all bytes before a break."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import TypeAlias

from corpus.formats import xz_blocks
from corpus.formats.bit_aligned import PATTERN_BYTES, BitAlignedSource, find_bits
from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    BombGuard,
    ByteSource,
    CountingSource,
    DamagedStream,
    ExpansionBudget,
    PeekedSource,
    Refused,
)
from corpus.formats.zstd import (
    ZSTD_MAGIC,
    ZstdBlocks,
    ZstdDecompressor,
    is_skippable_frame,
    is_zstd_blocks,
)

_OUTPUT_BYTES = 1 << 17
_FEED_BYTES = 1 << 16
# What xz has decoded in the call that fails is lost.
_SMALL_OUTPUT_BYTES = 512
_SMALL_FEED_BYTES = 1 << 10
#: The first bits of a block of bz2, and of the end of a stream.
_BZ2_BLOCK, _BZ2_END = 0x314159265359, 0x177245385090
# Method 8, no reserved flag, and values of the other fields that exist.
_GZIP_HEADER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL)
#: Real files have one layer of compression, seldom two.
MAX_COMPRESSION_LAYERS = 3


_Decompressor: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "bz2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
#: What the three raise at damaged data.
_DECODE_ERRORS = (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError)


class StreamDecompressor:
    """Decompresses gz, bz2 or xz, and yields all bytes before a break.

    The standard library's file objects lose what they have decoded when they raise, but a dump
    that is cut off or damaged must yield every line before that. Zeros between and behind streams
    are padding. Where a stream is damaged, or something else follows it, reading continues at the
    next stream, in bz2 and xz at the next block.
    """

    def __init__(
        self,
        source: ByteSource,
        new_decompressor: Callable[[], _Decompressor],
        *,
        single_stream: bool = False,
    ) -> None:
        self._input = BitAlignedSource(source)
        self._new_decompressor = new_decompressor
        self._single_stream = single_stream  # the bytes after one stream are something else
        self._decompressor = new_decompressor()
        self._checkpoint: _Checkpoint | None = None
        self._is_after_gap = False  # and nothing was decoded since
        # Of bz2 and xz. In bz2 the checksum of the stream will be wrong.
        self._begins_at_block = False
        self._check_bytes = 0  # of xz, behind each block
        self._fed_bytes = 0  # of xz, since the stream or block began
        self._block, self._recent = bytearray(), b""  # of bz2: a block, the last bytes fed
        self._output = bytearray()
        self._error: Exception | None = None
        self._has_ended = False

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return at most ``size`` bytes; DamagedStream at a gap, EOFError at a cut."""
        size, output = min(size, _OUTPUT_BYTES), self._output
        while len(output) < size and not (self._error or self._has_ended):
            try:
                output += self._step(size - len(output))
            except DamagedStream as error:  # a gap in the compressed bytes
                self._resume_after(error)
            except STREAM_ERRORS as error:
                self._has_ended, self._error = True, error
        if output:
            data = bytes(output[:size])
            del output[:size]
            return data
        if self._error:
            raised, self._error = self._error, None
            raise raised
        return b""

    def _step(self, size: int) -> bytes:
        """Decode some of the input, or open the next stream."""
        engine = self._decompressor
        if engine.eof:
            self._open_next_stream()
            return b""
        if isinstance(engine, bz2.BZ2Decompressor):
            return self._decode_bz2(engine)
        if isinstance(engine, lzma.LZMADecompressor):
            # What the call that fails has decoded is lost, so each call decodes little.
            size = min(size, _SMALL_OUTPUT_BYTES)
            feed = self._read_input(_SMALL_FEED_BYTES) if engine.needs_input else b""
            if not (self._begins_at_block or self._fed_bytes):
                self._check_bytes = xz_blocks.get_check_bytes(feed)
            self._fed_bytes += len(feed)
        elif not (feed := engine.unconsumed_tail):
            feed = self._read_input(_FEED_BYTES)
            self._checkpoint = _Checkpoint(engine.copy(), feed)
        try:
            data = engine.decompress(feed, size)
        except _DECODE_ERRORS as error:
            data = self._checkpoint.decode_up_to_damage() if self._checkpoint else b""
            self._is_after_gap &= not data
            self._resume_after(error)
            return data
        if self._checkpoint:
            self._checkpoint.decoded_bytes += len(data)
        self._is_after_gap &= not data
        return data

    def _decode_bz2(self, engine: bz2.BZ2Decompressor) -> bytes:
        """Decode up to the next block, or the end of the stream.

        A block is yielded when its checksum has been compared: bytes of a damaged one are noise.
        The engine gets the first byte of the next block, but no more, so that it ends the one.
        """
        data = self._read_input(_FEED_BYTES)
        next_block = find_bits(data, _BZ2_BLOCK)
        if next_block >= 0:
            keep = next_block // 8 + 1
        else:  # the next block may begin in the last bytes
            keep = len(data) - PATTERN_BYTES if len(data) > PATTERN_BYTES else len(data)
        self._input.unread_tail(len(data) - keep)
        feed = data[:keep]
        self._recent = self._recent[-PATTERN_BYTES:] + feed
        try:
            self._block += engine.decompress(feed)
            # A call ends with its input, though more of the block can be had.
            while not engine.eof and (more := engine.decompress(b"")):
                self._block += more
        except _DECODE_ERRORS as error:
            is_end = self._begins_at_block and find_bits(self._recent, _BZ2_END) >= 0
            block = self._take_block() if is_end else b""
            self._block.clear()
            self._resume_after(error, is_gap=not is_end)
            return block
        return self._take_block() if engine.eof or next_block >= 0 else b""

    def _take_block(self) -> bytes:
        block = bytes(self._block)
        self._block.clear()
        self._is_after_gap &= not block
        return block

    def _read_input(self, size: int) -> bytes:
        data = self._input.read_some(size)
        if data:
            return data
        if self._is_after_gap:  # what was taken for a stream is a part of the gap
            raise DamagedStream
        raise EOFError("the compressed stream ends too early")

    def _open_next_stream(self) -> None:
        """Go on with the stream that follows (Archive Team's bz2 and pigz write several)."""
        if self._single_stream:
            self._has_ended = True
        elif self._begins_at_block and isinstance(self._decompressor, lzma.LZMADecompressor):
            self._open_next_xz_block(len(self._decompressor.unused_data))
        elif self._begins_at_block:
            # The end of the stream may share its last byte with the first one put back.
            self._input.unread_tail(len(self._decompressor.unused_data))
            if self._input.skip_zeros():
                if b"BZh" not in self._input.peek(5):
                    self._error, self._is_after_gap = DamagedStream(), True
                self._resync()
            else:
                self._has_ended = True
        else:
            self._input.unread_tail(len(self._decompressor.unused_data))
            self._has_ended = not self._input.skip_zeros()
            self._start()

    def _open_next_xz_block(self, unused_bytes: int) -> None:
        """Go on behind a block's padding and checksum: with a block, or behind the index."""
        self._input.unread_tail(unused_bytes)
        self._input.skip(-(self._fed_bytes - unused_bytes) % 4 + self._check_bytes)
        head = self._input.peek(xz_blocks.MAX_HEADER_BYTES)
        if not head or head[0] == 0:  # the index, and the footer behind it
            self._has_ended = not self._input.skip_to(lambda data: data.find(xz_blocks.MAGIC))
            self._start()
            return
        if xz_blocks.parse_header(head) is None and not self._is_after_gap:
            self._error, self._is_after_gap = DamagedStream(), True
        self._resync()

    def _resume_after(self, error: Exception, *, is_gap: bool = True) -> None:
        """Go on after damage, and note the gap; a single stream ends there."""
        if self._single_stream:
            self._has_ended, self._error = True, error
            return
        if is_gap and not self._is_after_gap:
            self._error, self._is_after_gap = DamagedStream(), True
        # The next stream may begin anywhere after the first of the bytes that were fed last.
        self._input.unread_tail(max(0, len(self._input.last_read) - 1))
        self._resync()

    def _resync(self) -> None:
        """Discard the input up to the next stream, in bz2 up to the next block."""
        kind = type(self._decompressor)
        if kind is bz2.BZ2Decompressor:
            self._has_ended = not self._input.skip_to_bits(_BZ2_BLOCK)
            self._start(at_block=True)
        elif kind is lzma.LZMADecompressor:
            most = xz_blocks.MAX_HEADER_BYTES
            self._has_ended = not self._input.skip_to(xz_blocks.find_next, most)
            self._start(at_block=xz_blocks.parse_header(self._input.peek(most)) is not None)
        else:
            self._has_ended = not self._input.skip_to(_find_gzip)
            self._start()

    def _start(self, *, at_block: bool = False) -> None:
        """Begin a stream; one of bz2 or xz at a block, where its first bytes are missing."""
        self._decompressor, self._checkpoint = self._new_decompressor(), None
        self._begins_at_block, self._fed_bytes = at_block, 0
        if not at_block:
            return
        if isinstance(self._decompressor, bz2.BZ2Decompressor):
            self._decompressor.decompress(b"BZh9")
        elif header := xz_blocks.parse_header(self._input.peek(xz_blocks.MAX_HEADER_BYTES)):
            self._input.skip(header.size)
            self._decompressor = header.new_decompressor()


class _Checkpoint:
    """A copy of a zlib decompressor before it was given ``feed``."""

    def __init__(self, decompressor: zlib._Decompress, feed: bytes) -> None:
        self._decompressor = decompressor
        self._feed = feed
        self.decoded_bytes = 0  # since the copy was made

    def decode_up_to_damage(self) -> bytes:
        """Decode again; return the bytes between those decoded before and the damage."""
        engine, feed, output = self._decompressor, self._feed, bytearray()
        step = _OUTPUT_BYTES
        while True:
            before = engine.copy()
            try:
                output += engine.decompress(feed, step)
                feed = engine.unconsumed_tail
            except zlib.error:
                if step == 1:
                    return bytes(output[self.decoded_bytes :])
                engine, step = before, max(1, step // 32)


def _find_gzip(data: bytes) -> int:
    """Return the offset of the next gzip header (RFC 1952), or -1."""
    match = _GZIP_HEADER.search(data)
    return match.start() if match else -1


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
    if head[:4] == ZSTD_MAGIC or is_skippable_frame(head[:4]):
        return "zst"
    for magic, kind in ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (xz_blocks.MAGIC, "xz")):
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
