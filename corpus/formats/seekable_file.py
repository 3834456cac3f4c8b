"""Read files, here or elsewhere, so that the disk's troubles never pass for a dump's."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import IO, cast

from corpus.errors import BuildError
from corpus.storage import filesystem


class SeekableFile(io.RawIOBase):
    """A file opened for reading, as much of one as archives need.

    It is a RawIOBase only because py7zr insists on one.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self.size = file.seek(0, 2)
        file.seek(0)
        #: Where the last read ended.
        self.position = 0
        #: How many bytes have been read in all.
        self.bytes_read = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes."""
        try:
            data = self._file.read(size)
        except OSError as error:
            # A dump that ends here by mistake would look like one that was cut off.
            raise BuildError(f"cannot read '{self._name}': {error.strerror}") from None
        self.position = self._file.tell()
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to ``offset``."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where the next read begins."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Whether :meth:`seek` works: it does."""
        return True

    def fileno(self) -> int:
        """The number that the system knows the file by; one from elsewhere is copied for that."""
        try:
            return self._file.fileno()
        except io.UnsupportedOperation:
            self._file = self._copied()
            return self._file.fileno()

    def _copied(self) -> IO[bytes]:
        place = self._file.tell()
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this one
            self._file.seek(0)
            while data := self._file.read(1 << 20):
                file.write(data)
            file.flush()
        except OSError as error:
            raise BuildError(f"cannot copy '{self._name}' here: {error.strerror}") from None
        self._file.close()
        file.seek(place)
        return cast("IO[bytes]", file)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def open_seekable(path: str | Path) -> SeekableFile:
    """Open a file of this disk, or a URL."""
    try:
        return SeekableFile(filesystem.open_file(path), str(path))
    except OSError as error:
        raise BuildError(f"cannot open '{path}': {error.strerror}") from None


def get_file_size(path: str) -> int:
    """How many bytes a file has."""
    try:
        return filesystem.stat(path).size
    except OSError as error:
        raise BuildError(f"cannot look at '{path}': {error.strerror}") from None


def digest_file(path: str | Path) -> bytes:
    """The hash of a file's whole content."""
    found = hashlib.sha256()
    with open_seekable(path) as file:
        while data := file.read(1 << 20):
            found.update(data)
    return found.digest()
