"""Decompress zstd, plain and in blocks, and yield all bytes before a break."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, cast

import zstandard

from corpus.formats.byte_source import CHUNK, ByteSource, ExactReader, Refused

# Reddit's dumps declare windows of up to 2 GiB, which libzstd refuses by default.
_MAX_WINDOW_BYTES = 2**31
#: The first bytes of a zstd frame.
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_BLOCK_ROWS = 1 << 22  # in a block; real files have some hundreds
_DAMAGED_BLOCK = "damaged_block"


def is_zstd_blocks(head: bytes) -> bool:
    """Return whether the head is that of blocks, each a length and a zstd frame."""
    return head[4:8] == ZSTD_MAGIC and int.from_bytes(head[:4], "little") > len(ZSTD_MAGIC)


class ZstdDecompressor:
    """Decompresses zstd with windows of up to 2 GiB, and yields all bytes before a break."""

    def __init__(self, source: ByteSource) -> None:
        context = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        self._source = _FrameTracker(source)
        self._reader = context.stream_reader(
            cast(IO[bytes], self._source), read_size=1 << 18, read_across_frames=True
        )
        self._context = context

    def read(self, size: int = CHUNK, /) -> bytes:
        """Up to ``size`` decompressed bytes; EOFError where a frame ends too early."""
        data = self._reader.read(size)
        if not data and not self._is_complete():
            raise EOFError("the zstd frame ends too early")
        return data

    def _is_complete(self) -> bool:
        # The library does not distinguish the end of a frame from a cut, so the frame and block
        # headers are tracked: every complete frame ends with a block marked as the last.
        return self._source.is_at_frame_end()


class _FrameTracker:
    """Parses zstd's frame and block headers as the bytes are read, to detect a cut.

    RFC 8878: a frame is a magic number, a header, blocks of a 3-byte header (bit 0: last block,
    bits 1-2: type, the rest: size), and an optional 4-byte checksum.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._want = 5  # the magic number and the frame header descriptor
        self._have = b""
        self._skip = 0
        self._state = "magic"
        self._checksum = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(1 << 18 if size < 0 else size)
        self._track(data)
        return data

    def is_at_frame_end(self) -> bool:
        """Return whether the bytes read so far end at the end of a frame."""
        return self._state == "magic" and not self._have and not self._skip

    def _track(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            take = min(self._want - len(self._have), len(data) - at)
            self._have += data[at : at + take]
            at += take
            if len(self._have) == self._want:
                self._advance()

    def _advance(self) -> None:
        have, self._have = self._have, b""
        if self._state == "magic":
            magic = int.from_bytes(have[:4], "little")
            if 0x184D2A50 <= magic <= 0x184D2A5F:  # a skippable frame: its size follows
                self._have, self._state, self._want = have[4:], "skippable", 4
                return
            descriptor = have[4]
            single = descriptor >> 5 & 1
            content = (single, 2, 4, 8)[descriptor >> 6]
            self._checksum = 4 if descriptor >> 2 & 1 else 0
            self._skip = (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + content
            self._state, self._want = "block", 3
        elif self._state == "skippable":
            self._skip = int.from_bytes(have, "little")
            self._state, self._want = "magic", 5
        else:
            header = int.from_bytes(have, "little")
            # A run-length block (type 1) stores one byte whatever its length.
            self._skip = 1 if header >> 1 & 3 == 1 else header >> 3
            if header & 1:
                self._skip += self._checksum
                self._state, self._want = "magic", 5


class ZstdBlocks:
    """The rows of a ``.zst_blocks`` file as lines.

    Each block is its length (4 bytes; all numbers are little-endian) and a zstd frame of the
    number of rows, an offset and a length for each row, and the concatenated rows.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = ExactReader(source)
        self._pieces = self._read()
        self._remaining = memoryview(b"")

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return at most ``size`` bytes; raises where a block is damaged."""
        while not self._remaining:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._remaining = memoryview(piece)
        data, self._remaining = self._remaining[:size], self._remaining[size:]
        return bytes(data)

    def _read(self) -> Iterator[bytes]:
        while length := self._source.read(4):
            if len(length) < 4:
                raise EOFError("the last block is cut off")
            packed = _LimitedSource(self._source, int.from_bytes(length, "little"))
            yield from self._rows(ExactReader(ZstdDecompressor(packed)))
            if packed.read(1):
                raise Refused(_DAMAGED_BLOCK)

    def _rows(self, block: ExactReader) -> Iterator[bytes]:
        count = int.from_bytes(block.read(4), "little")
        directory = block.read(8 * count) if count <= _MAX_BLOCK_ROWS else b""
        if len(directory) < 8 * count:
            raise Refused(_DAMAGED_BLOCK)
        end, output = 0, bytearray()
        for offset, size in struct.iter_unpack("<II", directory):
            if offset != end:  # rows have no gaps and do not overlap
                raise Refused(_DAMAGED_BLOCK)
            end += size
            while size:  # a length can be up to 4 GiB
                piece = block.read(min(size, CHUNK))
                if not piece:
                    raise Refused(_DAMAGED_BLOCK)
                size -= len(piece)
                output += piece
                if len(output) >= CHUNK:
                    yield bytes(output)
                    output.clear()
            output += b"\n"
        yield bytes(output)
        if block.read(1):
            raise Refused(_DAMAGED_BLOCK)


class _LimitedSource:
    """The next ``size`` bytes of a source; raises if the source ends before."""

    def __init__(self, source: ExactReader, size: int) -> None:
        self._source = source
        self._remaining = size

    def read(self, size: int, /) -> bytes:
        data = self._source.read(min(size, self._remaining))
        if self._remaining and not data:
            raise EOFError("the last block is cut off")
        self._remaining -= len(data)
        return data
