"""Open a dump, whatever it is compressed or archived with, and read around damage."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from corpus.formats.archives.walk import ArchiveWalk, MemberFilter, detect_archive
from corpus.formats.byte_source import CHUNK
from corpus.formats.compression import decompress
from corpus.formats.lines import DumpMember
from corpus.formats.seekable_file import SeekableFile, open_seekable
from corpus.storage import filesystem


class _HashingFile:
    """The raw file; its bytes are counted as they are read, and hashed if ``is_hashed``."""

    def __init__(self, path: str, *, is_hashed: bool) -> None:
        self._file = open_seekable(path)
        self._hash = hashlib.sha256() if is_hashed else None
        self.position = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(CHUNK if size < 0 else size)
        if self._hash:
            self._hash.update(data)
        self.position += len(data)
        return data

    def finish_sha256(self) -> str:
        """Read the rest of the file and return its hash in hex."""
        if self._hash is None:
            raise ValueError("this file was opened without a hash")
        while self.read(CHUNK):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        self._file.close()


class DumpInput:
    """A dump file: plain, compressed, or an archive of (compressed) files.

    ``member_filter`` selects the members of an archive to open by name, such as
    ``folder/Posts.xml``, or ``inner.zip!Posts.xml`` for a member of a nested archive. Without
    ``is_hashed``, which takes a tenth of the time of reading, there is no :meth:`sha256`.
    """

    def __init__(
        self, path: str, member_filter: MemberFilter | None = None, *, is_hashed: bool = True
    ) -> None:
        self._raw = _HashingFile(path, is_hashed=is_hashed)
        self._seekable: SeekableFile | None = None
        self._walk: ArchiveWalk | None = None
        self._member_filter = member_filter
        self.path = path

    def __enter__(self) -> DumpInput:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()
        if self._seekable:
            self._seekable.close()

    @property
    def position(self) -> int:
        """Compressed bytes read so far."""
        return self._seekable.position if self._seekable else self._raw.position

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The (source file, reason) pairs of what could not be read and was not taken yet."""
        return self._walk.problems if self._walk else []

    def take_problems(self) -> list[tuple[str, str]]:
        """Return :attr:`problems` and forget them.

        A reader takes them before the first record of each member and once at the end, so that
        a resumed read repeats none.
        """
        taken = self.problems.copy()
        self.problems.clear()
        return taken

    def sha256(self) -> str:
        """Read the rest of the file and return its hash in hex."""
        return self._raw.finish_sha256()

    def members(self, resume_at: str | None = None) -> Iterator[DumpMember]:
        """Yield the decompressed members in order, from the one named ``resume_at`` on."""
        self._walk = walk = ArchiveWalk(self.path, resume_at, self._member_filter)
        stream, kind = decompress(self._raw, lambda: self._raw.position, walk.budget)
        if kind == "plain" and detect_archive(stream.head) in ("zip", "7z"):
            # Their directory is at the end of the file, so they need random access.
            self._seekable = open_seekable(self.path)
        yield from walk.members(stream, self._seekable, lambda: self._raw.position)
        if self._seekable:
            self._seekable.position = self._seekable.size


def expand_path(pattern: str) -> list[str]:
    """Return the files that ``path`` names, sorted: a file, all files of a folder, or a glob."""
    if filesystem.is_url(pattern):
        return filesystem.list_matching_files(pattern)
    path = Path(pattern)
    if path.is_dir():
        return sorted(str(file) for file in path.rglob("*") if file.is_file())
    if path.exists():
        return [pattern]
    return [file for file in match_pattern(pattern) if Path(file).is_file()]


def match_pattern(pattern: str) -> list[str]:
    """Return the local files and folders that match a glob, sorted.

    A folder's own name may have the signs of a pattern, as in ``posts [2024]/*.zst``.
    """
    path = Path(pattern)
    folder = next(each for each in path.parents if each.is_dir())
    literal = f"{glob.escape(str(folder))}/{path.relative_to(folder)}"
    return sorted(glob.glob(pattern, recursive=True) or glob.glob(literal, recursive=True))
