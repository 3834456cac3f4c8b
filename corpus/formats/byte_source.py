"""Sources of bytes: where a stream breaks off, and how far it may expand when decompressed."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

CHUNK = 4 << 20


class Refused(ValueError):
    """Raised for input that cannot be read; readers also return it in place of a record.

    ``reason`` is the reason that the ledger shows, such as ``truncated_stream``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DamagedStream(Refused):
    """Raised once for each gap in a stream; the next read returns the bytes after the gap."""

    def __init__(self, reason: str = "damaged_stream") -> None:
        super().__init__(reason)


#: What decompressors and archives raise at data that is cut off or damaged.
STREAM_ERRORS = (
    EOFError,
    OSError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
)


def get_refusal_reason(error: Exception) -> str:
    """Return the ledger's reason for one of :data:`STREAM_ERRORS`."""
    return error.reason if isinstance(error, Refused) else "truncated_stream"


class ByteSource(Protocol):
    """Anything that yields bytes: a file, a decompressor, a member of an archive."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; empty at the end."""
        ...


#: JSON lines shrink ten- to thirtyfold when compressed, and even a log of one repeated message
#: some hundredfold. A file that expands more than this is taken for a decompression bomb.
BOMB_RATIO = 1000
#: The bytes beyond that ratio that one file on disk may expand to, summed over its streams: runs
#: of blanks may exceed the ratio, a file made to fill disks may not.
BOMB_BYTES = 1 << 30

_LOOKAHEAD_BYTES = 1 << 18
# The headers of a member count as input: short members may share theirs.
_HEADER_BYTES = 256


class ExpansionBudget:
    """The bytes beyond :data:`BOMB_RATIO` that all streams of one file on disk have yielded."""

    def __init__(self) -> None:
        self.excess_bytes = 0.0


class BombGuard:
    """Stops a stream that yields far more bytes than it consumes.

    ``consumed_bytes`` returns how many bytes of the file on disk have been read so far. All layers
    of nested compression share it and the budget, so that their ratios do not multiply.
    """

    def __init__(
        self, source: ByteSource, consumed_bytes: Callable[[], float], budget: ExpansionBudget
    ) -> None:
        self._source = source
        self._consumed_bytes = consumed_bytes
        self._budget = budget
        self._start = consumed_bytes() - _HEADER_BYTES
        self._size = 0
        self._excess = 0.0

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return at most ``size`` bytes; refuse a decompression bomb."""
        data = self._source.read(size)
        self._size += len(data)
        excess = max(0.0, self._size - BOMB_RATIO * (self._consumed_bytes() - self._start))
        self._budget.excess_bytes += excess - self._excess
        self._excess = excess
        # A stream within the ratio is read on, even if another one has used up the budget.
        if excess and self._budget.excess_bytes > BOMB_BYTES:
            raise Refused("decompression_bomb")
        return data


class ExactReader:
    """A file-like view of a source: ``read`` returns all bytes requested unless it ends."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        """Return exactly ``size`` bytes, or fewer at the end; all if ``size`` is negative."""
        data = bytearray()
        while size < 0 or len(data) < size:
            piece = self._source.read(CHUNK if size < 0 else size - len(data))
            if not piece:
                break
            data += piece
        return bytes(data)


class PeekedSource:
    """A source with its first bytes in ``head``.

    An error met while peeking is raised later, once the bytes before it have been read.
    """

    def __init__(self, source: ByteSource, size: int = 512) -> None:
        self._source = source
        self._error: Exception | None = None
        self._unread = b""
        self.head = self.peek(size)

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, or fewer before the end or an error; read none."""
        pieces, length = [self._unread], len(self._unread)
        try:
            while length < size and not self._error and (more := self._source.read(size - length)):
                pieces.append(more)
                length += len(more)
        except STREAM_ERRORS as error:
            self._error = error
        self._unread = b"".join(pieces)
        return self._unread[:size]

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return up to ``size`` bytes, the peeked ones first."""
        if self._unread:
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        if self._error:
            error = self._error
            if isinstance(error, DamagedStream):
                self._error = None
            raise error
        return self._source.read(size)


class LookaheadSource:
    """A source whose bytes can be put back, and in which a pattern can be searched."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._buffer = b""
        self._offset = 0  # of the first unread byte of the buffer

    def read(self, size: int, /) -> bytes:
        """Return exactly ``size`` bytes, or fewer at the end."""
        end = self._offset + size
        while end > len(self._buffer) and self._fill():
            end = self._offset + size
        data = self._buffer[self._offset : end]
        self._offset += len(data)
        return data

    def read_some(self, size: int) -> bytes:
        """Return between 1 and ``size`` bytes; none at the end."""
        if self._offset == len(self._buffer):
            self._fill()
        return self.read(min(size, len(self._buffer) - self._offset))

    def unread(self, data: bytes) -> None:
        """Put back bytes, which the next read returns first."""
        self._buffer = data + self._buffer[self._offset :]
        self._offset = 0

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, or fewer at the end, without reading them."""
        data = self.read(size)
        self._offset -= len(data)
        return data

    def skip_zeros(self) -> bool:
        """Discard zeros; return False if nothing follows them."""
        while head := self.peek(1):
            if head != b"\0":
                return True
            self._buffer, self._offset = self._buffer[self._offset :].lstrip(b"\0"), 0
        return False

    def skip_to(self, find: Callable[[bytes], int], overlap: int) -> bool:
        """Discard the bytes before a match; return whether there is one.

        ``find`` returns the offset of a match in some bytes, or -1. A match has at most ``overlap``
        bytes more than one.
        """
        while True:
            unread = self._buffer[self._offset :]
            found = find(unread)
            if found >= 0:
                self._offset += found
                return True
            self._buffer, self._offset = unread[max(0, len(unread) - overlap) :], 0
            if not self._fill():
                self._buffer = b""
                return False

    def _fill(self) -> bool:
        """Read more bytes into the buffer; return False at the end of the source."""
        data = self._source.read(_LOOKAHEAD_BYTES)
        self._buffer, self._offset = self._buffer[self._offset :] + data, 0
        return bool(data)


class CountingSource:
    """Counts the bytes read from a source."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._size = 0

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return at most ``size`` bytes."""
        data = self._source.read(size)
        self._size += len(data)
        return data

    def consumed_bytes(self) -> float:
        """Return how many bytes have been read so far."""
        return self._size
