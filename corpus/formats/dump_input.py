"""Open a dump, whatever it is packed in, and survive what is broken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from corpus.formats import seekable_file
from corpus.formats.archives.walk import ArchiveWalk, MemberFilter, detect_archive
from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    ByteSource,
    Unreadable,
    get_refusal_reason,
)
from corpus.formats.compression import decompress
from corpus.formats.lines import (
    DumpMember,
    Line,
    is_binary,
    replace_lone_surrogates,
    split_json_objects,
)
from corpus.formats.seekable_file import SeekableFile
from corpus.storage import filesystem

__all__ = [
    "STREAM_ERRORS",
    "ByteSource",
    "DumpInput",
    "DumpMember",
    "Line",
    "Unreadable",
    "decompress",
    "expand_path",
    "get_refusal_reason",
    "is_binary",
    "replace_lone_surrogates",
    "split_json_objects",
]


class _HashingFile:
    """The raw file, hashed and counted as it passes by."""

    def __init__(self, path: str) -> None:
        self._file = seekable_file.open_seekable(path)
        self._sha = hashlib.sha256()
        self.position = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(CHUNK if size < 0 else size)
        self._sha.update(data)
        self.position += len(data)
        return data

    def finish_sha256(self) -> str:
        while self.read(CHUNK):
            pass
        return self._sha.hexdigest()

    def close(self) -> None:
        self._file.close()


class DumpInput:
    """A dump file, perhaps compressed, perhaps an archive of (compressed) files.

    Of an archive only the members are opened whose name is ``wanted``, such as
    ``folder/Posts.xml``, or ``inner.zip!Posts.xml`` for one in an archive in this one.
    """

    def __init__(self, path: str, member_filter: MemberFilter | None = None) -> None:
        self._raw = _HashingFile(path)
        self._seeking: SeekableFile | None = None
        self._walk: ArchiveWalk | None = None
        self._wanted = member_filter
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
        if self._seeking:
            self._seeking.close()

    @property
    def position(self) -> int:
        """Compressed bytes consumed so far."""
        return self._seeking.position if self._seeking else self._raw.position

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The place and the reason of whatever could not be read, so far."""
        return self._walk.problems if self._walk else []

    @property
    def problem(self) -> str:
        """The reason of the first of them, or empty."""
        return self.problems[0][1] if self.problems else ""

    def take_refusals(self) -> Iterator[tuple[str, int, str]]:
        """What could not be read since this was last asked, for the gatherer to refuse.

        To be asked before each member's first line and once more at the end: resuming then
        repeats none of it.
        """
        for place, reason in self.problems:
            yield place, 0, reason
        self.problems.clear()

    def sha256(self) -> str:
        """The hash of the whole file; reads what is left of it."""
        return self._raw.finish_sha256()

    def members(
        self, resume_at: str | None = None, member_filter: MemberFilter | None = None
    ) -> Iterator[DumpMember]:
        """Yield the streams of lines in order; ``after`` starts at the member of that name."""
        self._walk = walk = ArchiveWalk(self.path, resume_at, member_filter or self._wanted)
        stream, kind = decompress(self._raw, lambda: self._raw.position, walk.budget)
        if kind == "plain" and detect_archive(stream.head) in ("zip", "7z"):
            # Their directories stand at the end, so that they are read out of order.
            self._seeking = seekable_file.open_seekable(self.path)
        yield from walk.members(stream, self._seeking, lambda: self._raw.position)
        if self._seeking:
            self._seeking.position = self._seeking.size


def expand_path(pattern: str) -> list[str]:
    """The files a ``path`` stands for, sorted: a file, all files of a folder, or a glob."""
    if filesystem.is_url(pattern):
        return filesystem.list_matching_files(pattern)
    path = Path(pattern)
    if path.is_dir():
        return sorted(str(file) for file in path.rglob("*") if file.is_file())
    if path.exists():
        return [pattern]
    import glob

    return sorted(file for file in glob.glob(pattern, recursive=True) if Path(file).is_file())
