"""Bytes that stream by: where they break off, and how much of them may come."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

CHUNK = 4 << 20


class Unreadable(ValueError):
    """Raised where bytes cannot be had, with the reason that the ledger shows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


#: What a decompressor or an archive raises where its data breaks off.
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
    """The reason to refuse what was met by one of :data:`BROKEN`."""
    return error.reason if isinstance(error, Unreadable) else "truncated_stream"


class ByteSource(Protocol):
    """Whatever gives bytes: a file, a decompressor, a member of an archive."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        ...


#: No true dump shrinks a thousandfold: JSON lines shrink ten- to thirtyfold, and even a log that
#: says one thing over and over stays below some hundreds.
BOMB_RATIO = 1000
#: How much may come out of one file on disk beyond that ratio, in sum over all that it holds:
#: runs of blanks may shrink as far as they like, a file made to fill disks and eat days may not.
BOMB_BYTES = 1 << 30


# What a member's headers take counts as bytes that went in: a few lines may have shared theirs.
_HEADER_BYTES = 256


class ExpansionBudget:
    """What has come out of one file on disk beyond :data:`BOMB_RATIO`, of all its streams."""

    def __init__(self) -> None:
        self.excess_bytes = 0.0


class BombGuard:
    """Stops a stream of which far more comes out than went in.

    ``consumed`` tells how many bytes of the file on disk have been read so far: compression
    inside compression must not multiply what each layer may do.
    """

    def __init__(
        self, source: ByteSource, consumed_bytes: Callable[[], float], budget: ExpansionBudget
    ) -> None:
        self._source = source
        self._consumed = consumed_bytes
        self._allowance = budget
        self._begin = consumed_bytes() - _HEADER_BYTES
        self._size = 0
        self._excess = 0.0

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes; raises ``decompression_bomb`` for a stream that is one."""
        data = self._source.read(size)
        self._size += len(data)
        excess = max(0.0, self._size - BOMB_RATIO * (self._consumed() - self._begin))
        self._allowance.excess_bytes += excess - self._excess
        self._excess = excess
        # A stream that keeps to the ratio is read on even beside one that does not.
        if excess and self._allowance.excess_bytes > BOMB_BYTES:
            raise Unreadable("decompression_bomb")
        return data


class ExactReader:
    """A source as just enough of a file: ``read`` gives all that was asked for, or the end."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        """Exactly ``size`` bytes unless the source ends before."""
        wanted = bytearray()
        while size < 0 or len(wanted) < size:
            piece = self._source.read(CHUNK if size < 0 else size - len(wanted))
            if not piece:
                break
            wanted += piece
        return bytes(wanted)


class PeekedSource:
    """A source whose first bytes have been looked at.

    A break met while peeking is held back, to be raised where the data really ends.
    """

    def __init__(self, source: ByteSource, size: int = 512) -> None:
        self._source = source
        self._error: Exception | None = None
        self.head = b""
        try:
            while len(self.head) < size and (more := source.read(size - len(self.head))):
                self.head += more
        except STREAM_ERRORS as error:
            self._error = error
        self._left = self.head

    def read(self, size: int = CHUNK, /) -> bytes:
        """Up to ``size`` bytes, first those that were peeked at."""
        if self._left:
            data, self._left = self._left[:size], self._left[size:]
            return data
        if self._error:
            raise self._error
        return self._source.read(size)


class CountingSource:
    """Counts what is read of a source."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._size = 0

    def read(self, size: int = CHUNK, /) -> bytes:
        """At most ``size`` bytes."""
        data = self._source.read(size)
        self._size += len(data)
        return data

    def consumed_bytes(self) -> float:
        """How much has been read so far."""
        return self._size
