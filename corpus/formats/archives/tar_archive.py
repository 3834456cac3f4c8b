"""Make the standard library's tarfile report damage that it would silently skip."""

from __future__ import annotations

import tarfile
from typing import IO, Self, cast

from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, DamagedStream, Refused

#: The number of bytes read at a time.
READ_BYTES = 1 << 18
#: Of a header for long names or attributes, which is read into memory.
_MAX_HEADER_BYTES = 1 << 20


class TarStream:
    """The bytes of a tar for tarfile. A read error ends them and is stored in ``error``."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; fewer only at the end, or where the tar is cut."""
        data = bytearray()
        while len(data) < size and self.error is None:
            try:
                piece = self._source.read(size - len(data))
            except DamagedStream as gap:
                self.error = Refused(gap.reason)  # where the next header is after a gap is unknown
                break
            except STREAM_ERRORS as error:
                self.error = error
                break
            if not piece:
                break
            data += piece
        return bytes(data)


class TarMember:
    """The content of a member of a tar, up to the last byte before the tar breaks off.

    The file objects of tarfile lose the bytes of a read that reaches the break.
    """

    def __init__(self, archive: tarfile.TarFile, entry: tarfile.TarInfo, stream: TarStream) -> None:
        self._stream = cast(IO[bytes], archive.fileobj)
        self._tar_stream = stream
        self._remaining = entry.size
        self._sparse = archive.extractfile(entry) if entry.issparse() else None
        if self._sparse is None:
            self._stream.seek(entry.offset_data)

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes of the member; raises where the tar ends inside it."""
        if self._sparse is not None:
            return self._sparse.read(min(size, READ_BYTES))
        data = self._stream.read(min(size, self._remaining))
        if self._remaining and not data:
            raise self._tar_stream.error or EOFError("the tar ends within this member")
        self._remaining -= len(data)
        return data


class StrictTarInfo(tarfile.TarInfo):
    """A tar header that refuses damage and gigabytes of name.

    The standard library takes a damaged header for the end of the archive, and would silently skip
    all members after it.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse one header block; Refused if it is damaged."""
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise  # the regular ends of an archive
        except tarfile.TruncatedHeaderError:  # type: ignore[attr-defined]
            raise Refused("truncated_stream") from None
        except tarfile.HeaderError:
            raise Refused("damaged_archive") from None

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > _MAX_HEADER_BYTES and not (
            self.isreg() or self.type not in tarfile.SUPPORTED_TYPES
        ):
            raise Refused("damaged_archive")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def has_trailing_data(rest: ByteSource) -> bool:
    """Return whether other bytes than padding follow the end of a tar, such as another tar."""
    while data := rest.read(READ_BYTES):
        if data.strip(b"\0"):
            return True
    return False
