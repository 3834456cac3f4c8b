"""Decompress zstd, plain and in blocks, and yield all bytes before a break."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import NoReturn

import zstandard

from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    ByteSource,
    DamagedStream,
    ExactReader,
    LookaheadSource,
    Refused,
)

# Reddit's dumps declare windows of up to 2 GiB, which libzstd refuses by default.
_MAX_WINDOW_BYTES = 2**31
#: The first bytes of a zstd frame.
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# RFC 8878: the types of blocks, the most bytes of one, and a bit of the frame header.
_RUN_LENGTH_BLOCK, _RESERVED_BLOCK = 1, 3
_MAX_BLOCK_BYTES = 128 << 10
_RESERVED_HEADER_BIT = 0x08
_MAX_BLOCK_ROWS = 1 << 22  # in a block; real files have some hundreds
_MAX_PACKED_BYTES = 256 << 20  # of a block; a longer one is a damaged length
_DAMAGED_BLOCK = "damaged_block"


def is_zstd_blocks(head: bytes) -> bool:
    """Return whether the head is that of blocks, each a length and a zstd frame."""
    return head[4:8] == ZSTD_MAGIC and int.from_bytes(head[:4], "little") > len(ZSTD_MAGIC)


class ZstdDecompressor:
    """Decompresses zstd with windows of up to 2 GiB, and yields all bytes before a break.

    The library loses what it has decoded when it raises, and does not distinguish the end of a
    frame from a cut. So the frame and block headers are parsed here, and the library gets one block
    at a time. RFC 8878: a frame is a magic number, a header, blocks of a 3-byte header (bit 0: last
    block, bits 1-2: type, the rest: size), and an optional 4-byte checksum. Zeros between and
    behind frames are padding. Where a frame is damaged, or something else follows it, reading
    continues at the next frame.
    """

    def __init__(self, source: ByteSource) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        self._input = LookaheadSource(source)
        self._output = bytearray()
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._has_checksum = False
        self._is_after_gap = False  # and nothing was decoded since
        self._error: Exception | None = None
        self._has_ended = False

    def read(self, size: int = CHUNK, /) -> bytes:
        """Up to ``size`` decompressed bytes.

        DamagedStream at a gap, and EOFError where the last frame ends too early.
        """
        while len(self._output) < size and not (self._error or self._has_ended):
            try:
                self._advance()
            except DamagedStream:
                self._resume_at_next_frame()
            except STREAM_ERRORS as error:
                self._has_ended, self._error = True, error
        if self._output:
            data = bytes(self._output[:size])
            del self._output[:size]
            return data
        if self._error:
            raised, self._error = self._error, None
            raise raised
        return b""

    def _advance(self) -> None:
        """Open a frame, or decode one block of the open frame."""
        if self._frame is None:
            self._open_frame()
            return
        header = self._input.read(3)
        bits = int.from_bytes(header, "little")
        is_last, kind, size = bits & 1, bits >> 1 & 3, bits >> 3
        if len(header) == 3 and (kind == _RESERVED_BLOCK or size > _MAX_BLOCK_BYTES):
            self._refuse_frame(header)
        # A run-length block stores one byte whatever its length.
        length = 1 if kind == _RUN_LENGTH_BLOCK else size
        content = self._input.read(length) if len(header) == 3 else b""
        checksum = self._input.read(4) if is_last and self._has_checksum else b""
        block = header + content
        if len(block) < 3 + length or len(checksum) < 4 * bool(is_last and self._has_checksum):
            self._decode(block)
            self._end_too_early(block)
        if not self._decode(block):
            self._refuse_frame(block + checksum)
        if not self._decode(checksum):
            self._refuse_frame(checksum)
        if is_last:
            self._frame = None

    def _decode(self, data: bytes) -> bool:
        """Decode bytes of the open frame; return False if they are damaged."""
        assert self._frame is not None
        if not data:
            return True
        try:
            decoded = self._frame.decompress(data)
        except zstandard.ZstdError:
            return False
        if decoded:
            self._output += decoded
            self._is_after_gap = False
        return True

    def _open_frame(self) -> None:
        if not self._input.skip_zeros():
            self._has_ended = True
            return
        magic = self._input.read(4)
        if len(magic) < 4 and ZSTD_MAGIC.startswith(magic):
            self._end_too_early(magic)
        if is_skippable_frame(magic):
            length = self._input.read(4)
            if len(length) < 4:
                self._end_too_early(b"")
            remaining = int.from_bytes(length, "little")
            while remaining:
                skipped = self._input.read_some(min(remaining, CHUNK))
                if not skipped:
                    self._end_too_early(b"")
                remaining -= len(skipped)
            return
        if magic != ZSTD_MAGIC:
            self._refuse_frame(magic)
        descriptor = self._input.read(1)
        if not descriptor:
            self._end_too_early(b"")
        single = descriptor[0] >> 5 & 1
        content = (single, 2, 4, 8)[descriptor[0] >> 6]
        size = (0 if single else 1) + (0, 1, 2, 4)[descriptor[0] & 3] + content
        header = magic + descriptor + self._input.read(size)
        if len(header) < 5 + size:
            self._end_too_early(b"")
        self._has_checksum = bool(descriptor[0] >> 2 & 1)
        self._frame = self._context.decompressobj()
        if not self._decode(header):
            self._refuse_frame(header)

    def _refuse_frame(self, data: bytes) -> NoReturn:
        """Raise for damaged ``data``, among which the next frame may begin."""
        self._input.unread(data[1:])
        raise DamagedStream

    def _end_too_early(self, data: bytes) -> NoReturn:
        """Raise for a frame that the source ends in; ``data`` are its last bytes."""
        if ZSTD_MAGIC in data:  # a length was damaged
            self._refuse_frame(data)
        if self._is_after_gap:  # what was taken for a frame is a part of the gap
            raise DamagedStream
        raise EOFError("the zstd frame ends too early")

    def _resume_at_next_frame(self) -> None:
        self._frame = None
        if not self._is_after_gap:
            self._error = DamagedStream()
            self._is_after_gap = True
        self._has_ended = not self._input.skip_to(_find_frame, len(ZSTD_MAGIC))


def is_skippable_frame(magic: bytes) -> bool:
    """Return whether the 4 bytes begin a skippable frame."""
    return len(magic) == 4 and 0x184D2A50 <= int.from_bytes(magic, "little") <= 0x184D2A5F


def _find_frame(data: bytes) -> int:
    """Return the offset of the next frame; its header has a bit that must be zero."""
    at = data.find(ZSTD_MAGIC)
    while at >= 0 and at + 4 < len(data) and data[at + 4] & _RESERVED_HEADER_BIT:
        at = data.find(ZSTD_MAGIC, at + 1)
    return at


class ZstdBlocks:
    """The rows of a ``.zst_blocks`` file as lines.

    Each block is its length (4 bytes; all numbers are little-endian) and a zstd frame of the
    number of rows, an offset and a length for each row, and the concatenated rows. Of a damaged
    block the rows before the damage are yielded, and reading continues at the next block.
    """

    def __init__(self, source: ByteSource) -> None:
        self._input = LookaheadSource(source)
        self._pieces = self._read()
        self._remaining = memoryview(b"")

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return at most ``size`` bytes; DamagedStream at a gap, EOFError at a cut."""
        while not self._remaining:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            if isinstance(piece, Exception):
                raise piece
            self._remaining = memoryview(piece)
        data, self._remaining = self._remaining[:size], self._remaining[size:]
        return bytes(data)

    def _read(self) -> Iterator[bytes | Exception]:
        """Yield the rows of the blocks, an error for each gap, and one for a cut."""
        while length := self._input.read(4):
            size = int.from_bytes(length, "little")
            packed = self._input.read(min(size, _MAX_PACKED_BYTES) if len(length) == 4 else 0)
            is_cut = len(length) < 4 or len(packed) < size <= _MAX_PACKED_BYTES
            is_damaged = packed[:4] != ZSTD_MAGIC[: len(packed)] or size > _MAX_PACKED_BYTES
            if not is_damaged and packed:
                try:
                    yield from self._read_rows(ExactReader(ZstdDecompressor(io.BytesIO(packed))))
                except STREAM_ERRORS:
                    is_damaged = not is_cut
            if packed and not is_damaged and not is_cut:
                continue
            # Where the length is damaged, the next block is among the bytes that were read.
            self._input.unread(length + packed)
            has_next = self._input.skip_to(_find_block, 7)
            if is_cut and not is_damaged and not has_next:
                yield EOFError("the last block is cut off")
            else:
                yield DamagedStream(_DAMAGED_BLOCK)

    def _read_rows(self, block: ExactReader) -> Iterator[bytes]:
        count = int.from_bytes(block.read(4), "little")
        directory = block.read(8 * count) if count <= _MAX_BLOCK_ROWS else b""
        if len(directory) < 8 * count:
            raise Refused(_DAMAGED_BLOCK)
        end, output, whole_rows = 0, bytearray(), 0
        try:
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
                whole_rows = len(output)
            if block.read(1):
                raise Refused(_DAMAGED_BLOCK)
        except STREAM_ERRORS:
            yield bytes(output[:whole_rows])
            raise
        yield bytes(output)


def _find_block(data: bytes) -> int:
    """Return the offset of the next block, after the first byte: its length and a frame."""
    return max(data.find(ZSTD_MAGIC, 5) - 4, -1)
