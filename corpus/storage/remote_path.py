"""A path at a URL, with the part of ``pathlib.Path`` that opening a finished corpus needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple

from corpus.storage import filesystem


class FileStat(NamedTuple):
    """The field of ``os.stat_result`` that opening a corpus needs."""

    st_size: int


class RemotePath:
    """A URL that can be used like a ``pathlib.Path``, for reading only."""

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
        """The last component."""
        return self._url.rpartition("/")[2]

    @property
    def parent(self) -> RemotePath:
        """The folder that contains it."""
        return RemotePath(self._url.rpartition("/")[0])

    def exists(self) -> bool:
        """Return whether a file or a folder exists."""
        return filesystem.exists(self._url)

    def is_dir(self) -> bool:
        """Return whether it is a folder: a prefix of names."""
        return filesystem.is_folder(self._url)

    def is_file(self) -> bool:
        """Return whether a file exists."""
        return filesystem.exists(self._url) and not filesystem.is_folder(self._url)

    def stat(self) -> FileStat:
        """Return the size of the file; OSError if it does not exist."""
        return FileStat(filesystem.stat(self._url).size)

    def read_bytes(self) -> bytes:
        """Return the content of a small file."""
        return filesystem.read_file(self._url)

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the content of a small text file."""
        return self.read_bytes().decode(encoding)

    def iterdir(self) -> Iterator[RemotePath]:
        """Yield the entries of the folder."""
        return map(RemotePath, filesystem.list_folder(self._url))

    def glob(self, pattern: str) -> list[RemotePath]:
        """Return the files of the folder that match a pattern, sorted."""
        return [RemotePath(url) for url in filesystem.glob(f"{self._url}/{pattern}")]

    def open(self, mode: Literal["rb"] = "rb") -> IO[bytes]:
        """Open the file for reading bytes by ranges; OSError if it does not exist."""
        return filesystem.open_file(self._url)


def parse_path(path: str | Path) -> Path | RemotePath:
    """Return a local path as ``Path``, a URL as ``RemotePath``; PlanError for an unusable URL."""
    if filesystem.is_url(path):
        filesystem.require_usable_url(str(path))
        return RemotePath(str(path))
    return Path(path)
