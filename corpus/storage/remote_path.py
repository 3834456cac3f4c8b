"""A finished corpus's folder, here or at a URL, as something to open it by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from corpus.storage import filesystem


class FileStat(NamedTuple):
    """The one thing that is asked of ``os.stat_result``."""

    st_size: int


class RemotePath:
    """A URL with as much of ``pathlib.Path`` as opening a finished corpus needs."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def __str__(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"Place({self._url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __lt__(self, other: RemotePath) -> bool:
        return self._url < other._url

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self._url}/{name}")

    @property
    def name(self) -> str:
        """The last piece."""
        return self._url.rpartition("/")[2]

    @property
    def parent(self) -> RemotePath:
        """The folder it is in."""
        return RemotePath(self._url.rpartition("/")[0])

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return filesystem.exists(self._url)

    def is_dir(self) -> bool:
        """Whether names begin with it."""
        return filesystem.is_folder(self._url)

    def is_file(self) -> bool:
        """Whether there is a file."""
        return filesystem.exists(self._url) and not filesystem.is_folder(self._url)

    def stat(self) -> FileStat:
        """The bytes of the file; OSError if there is none."""
        return FileStat(filesystem.stat(self._url).size)

    def read_bytes(self) -> bytes:
        """The whole of a small file."""
        return filesystem.read_file(self._url)

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole of a small file."""
        return self.read_bytes().decode(encoding)

    def iterdir(self) -> Iterator[RemotePath]:
        """What lies directly in it."""
        return map(RemotePath, filesystem.list_folder(self._url))

    def glob(self, pattern: str) -> list[RemotePath]:
        """The files directly in it that fit, sorted."""
        return [RemotePath(found) for found in filesystem.glob(f"{self._url}/{pattern}")]


def parse_path(path: str | Path) -> Path | RemotePath:
    """A path of this machine, or a URL, as something that can be looked at."""
    if filesystem.is_url(path):
        filesystem.require_usable_url(str(path))
        return RemotePath(str(path))
    return Path(path)


def open_path(path: Path | RemotePath) -> IO[bytes]:
    """Open a file for reading; elsewhere by ranges. OSError if it is not there."""
    return filesystem.open_file(path if isinstance(path, Path) else str(path))


def hash_path(path: Path | RemotePath) -> str:
    """SHA-256 of a file, in hex."""
    return filesystem.hash_file(path if isinstance(path, Path) else str(path))
