"""Open local and remote files for reading; their errors are not mistaken for a damaged dump."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path
from typing import IO, cast

from corpus.errors import BuildError
from corpus.storage import filesystem


class SeekableFile(io.RawIOBase):
    """A local or remote file opened for reading; an OSError becomes a :class:`BuildError`.

    It is a RawIOBase because py7zr requires one.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self.size = file.seek(0, 2)
        file.seek(0)
        #: The offset at which the last read ended.
        self.position = 0
        #: The number of bytes read in total.
        self.bytes_read = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes."""
        try:
            data = self._file.read(size)
        except OSError as error:
            # As an OSError, it would be taken for the end of a dump that was cut off.
            raise BuildError(f"cannot read '{self._name}': {error.strerror}") from None
        self.position = self._file.tell()
        self.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to ``offset``."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the offset of the next read."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Return true: :meth:`seek` works."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor; a remote file is first copied to a temporary one."""
        try:
            return self._file.fileno()
        except io.UnsupportedOperation:
            self._file = self._copy_to_disk()
            return self._file.fileno()

    def _copy_to_disk(self) -> IO[bytes]:
        offset = self._file.tell()
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this one
            self._file.seek(0)
            while data := self._file.read(1 << 20):
                file.write(data)
            file.flush()
        except OSError as error:
            raise BuildError(
                f"cannot copy '{self._name}' to a temporary file: {error.strerror}"
            ) from None
        self._file.close()
        file.seek(offset)
        return cast("IO[bytes]", file)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def open_seekable(path: str | Path) -> SeekableFile:
    """Open a local path or a URL."""
    try:
        return SeekableFile(filesystem.open_file(path), str(path))
    except OSError as error:
        raise BuildError(f"cannot open '{path}': {error.strerror}") from None


def get_file_size(path: str) -> int:
    """Return the size of a file in bytes."""
    try:
        return filesystem.stat(path).size
    except OSError as error:
        raise BuildError(f"cannot read the size of '{path}': {error.strerror}") from None


def digest_file(path: str | Path) -> bytes:
    """Return the SHA-256 of a file's content, as 32 bytes."""
    digest = hashlib.sha256()
    with open_seekable(path) as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.digest()
