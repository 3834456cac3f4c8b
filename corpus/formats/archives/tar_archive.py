"""What tarfile needs to be told, so that no member of a broken tar is lost without a word."""

from __future__ import annotations

import tarfile
from typing import IO, Self, cast

from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, Unreadable

#: So many bytes are read at a time.
READ_BYTES = 1 << 18
#: A tar's own headers for long names and attributes; each is held in memory.
_MAX_HEADER_BYTES = 1 << 20


class TarStream:
    """A tar as tarfile reads it: a break looks like the end, so that no byte before it is lost."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; fewer only at the end, or where the tar is cut."""
        found = bytearray()
        while len(found) < size and self.error is None:
            try:
                piece = self._source.read(size - len(found))
            except STREAM_ERRORS as error:
                self.error = error
                break
            if not piece:
                break
            found += piece
        return bytes(found)


class TarMember:
    """A member of a tar, up to the last byte before the tar breaks off.

    tarfile's own file objects lose what they have when the tar ends before all that they want.
    """

    def __init__(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, stream: TarStream) -> None:
        self._stream = cast(IO[bytes], archive.fileobj)
        self._whole = stream
        self._left = entry.size
        self._sparse = archive.extractfile(entry) if entry.issparse() else None
        if self._sparse is None:
            self._stream.seek(entry.offset_data)

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes of the member; raises where the tar ends inside it."""
        if self._sparse is not None:
            return self._sparse.read(min(size, READ_BYTES))
        data = self._stream.read(min(size, self._left))
        if self._left and not data:
            raise self._whole.error or EOFError("the tar ends within this member")
        self._left -= len(data)
        return data


class StrictTarInfo(tarfile.TarInfo):
    """A tar header that is told from the archive's end, and asks for no gigabytes of name.

    The standard library takes a header that is damaged for the end of the archive, and all
    members behind it would be lost without a word.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse one header block; Unreadable if it is damaged."""
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise  # two of the ways in which an archive properly ends
        except tarfile.TruncatedHeaderError:  # type: ignore[attr-defined]
            raise Unreadable("truncated_stream") from None
        except tarfile.HeaderError:
            raise Unreadable("damaged_archive") from None

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > _MAX_HEADER_BYTES and not (
            self.isreg() or self.type not in tarfile.SUPPORTED_TYPES
        ):
            raise Unreadable("damaged_archive")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def has_trailing_data(rest: ByteSource) -> bool:
    """Whether anything but padding stands behind the end of a tar, such as another tar."""
    while data := rest.read(READ_BYTES):
        if data.strip(b"\0"):
            return True
    return False
