"""Walk through tars, zips and 7zs, one in another, and hand over each member that is a dump."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import PurePosixPath
from typing import IO, cast

from corpus.errors import BuildError
from corpus.formats.archives.names import is_system_file, make_unique, sanitize_member_name
from corpus.formats.archives.sevenzip import SevenZip, SevenZipFolder, SevenZipMember
from corpus.formats.archives.tar_archive import (
    READ_BYTES,
    StrictTarInfo,
    TarMember,
    TarStream,
    has_trailing_data,
)
from corpus.formats.archives.zip_archive import ZipArchive
from corpus.formats.byte_source import (
    CHUNK,
    STREAM_ERRORS,
    BombGuard,
    ByteSource,
    ExpansionBudget,
    PeekedSource,
    get_refusal_reason,
)
from corpus.formats.compression import decompress
from corpus.formats.lines import DumpMember
from corpus.formats.seekable_file import SeekableFile

#: So many archives may lie one in another. Zips in tars are real, and tars in those; nests deeper
#: than that are made to swallow whoever opens them.
MAX_ARCHIVE_DEPTH = 3

_ARCHIVE_SUFFIXES = {".zip", ".7z", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst"}

MemberFilter = Callable[[str], bool]
ConsumedBytes = Callable[[], float]


def detect_archive(head: bytes) -> str:
    """What archive a file that begins so is: tar, zip, 7z, or none."""
    if head[257:262] == b"ustar":
        return "tar"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return "zip"
    return "7z" if head[:6] == b"7z\xbc\xaf\x27\x1c" else ""


class ArchiveWalk:
    """One pass over a file: its members in order, and the places that cannot be read."""

    def __init__(
        self, path: str, resume_at: str | None, member_filter: MemberFilter | None
    ) -> None:
        self._path = path
        self._after = resume_at or ""
        self._wanted = member_filter
        self._found = not resume_at  # whether the member to resume at has been reached
        #: Shared by all streams of the file.
        self.budget = ExpansionBudget()
        self._refused = 0
        #: The place and the reason of what could not be read, until somebody takes them.
        self.problems: list[tuple[str, str]] = []

    def members(
        self, stream: PeekedSource, file: SeekableFile | None, consumed_bytes: ConsumedBytes
    ) -> Iterator[DumpMember]:
        """The members of the whole file; ``disk`` is where it can be read in any order."""
        yield from self._descend(stream, file, "", 1, consumed_bytes)

    def _open(self, source: ByteSource, consumed: ConsumedBytes) -> PeekedSource:
        return decompress(source, consumed, self.budget)[0]

    def _descend(
        self,
        stream: PeekedSource,
        disk: SeekableFile | None,
        name: str,
        depth: int,
        consumed: ConsumedBytes,
    ) -> Iterator[DumpMember]:
        """Yield the stream as a member, or, if it is an archive, all that it holds."""
        kind = detect_archive(stream.head)
        if not kind:
            if self._found:
                yield DumpMember(name, stream)
        elif depth > MAX_ARCHIVE_DEPTH:
            self._refuse(name, "nested_too_deep")
        elif kind == "tar":
            yield from self._tar(stream, name, depth, consumed)
        else:
            with ExitStack() as leaving:
                share, problem = 1.0, ""
                if disk is None:
                    before = consumed()
                    disk, problem = _spool_to_file(stream)
                    leaving.callback(disk.close)
                    share = (consumed() - before) / max(1, disk.size)
                inner = self._zip if kind == "zip" else self._sevenzip
                told = self._refused
                if problem != "decompression_bomb":
                    yield from inner(disk, name, depth, share)
                if problem and self._refused == told:
                    self._refuse(name, problem)

    def _tar(
        self, stream: PeekedSource, name: str, depth: int, consumed: ConsumedBytes
    ) -> Iterator[DumpMember]:
        seen: dict[str, int] = {}
        told: _FailureRecorder | None = None
        whole = TarStream(stream)
        try:
            file = cast(IO[bytes], whole)
            with tarfile.open(
                fileobj=file, mode="r|", tarinfo=StrictTarInfo, bufsize=READ_BYTES
            ) as archive:
                for entry in archive:
                    # A hard link's content comes with its other name.
                    if entry.isdir() or entry.islnk():
                        continue
                    inner, problem = sanitize_member_name(entry.name)
                    if entry.issym():
                        problem = problem or "symlink"
                    elif not entry.isfile():
                        problem = problem or "not_a_file"
                    shown = self._pick(inner, problem, name, seen)
                    if shown:
                        # A sparse file can claim terabytes of zeros.
                        inside = TarMember(archive, entry, whole)
                        told = _FailureRecorder(BombGuard(inside, consumed, self.budget))
                        peeked = self._open(told, consumed)
                        yield from self._descend(peeked, None, shown, depth + 1, consumed)
                if whole.error is None and has_trailing_data(cast(ByteSource, archive.fileobj)):
                    self._refuse(name, "data_behind_end")
            if whole.error is not None:
                raise whole.error
        except (*STREAM_ERRORS, RecursionError, OverflowError) as error:
            # A break within a member has been told by whoever reads that member.
            if not (told and told.break_reason):
                self._refuse(name, get_refusal_reason(error))

    def _zip(self, disk: SeekableFile, name: str, depth: int, share: float) -> Iterator[DumpMember]:
        archive = ZipArchive(disk, disk_ratio=share, budget=self.budget, scan_if_damaged=True)
        seen: dict[str, int] = {}
        told: _FailureRecorder | None = None
        for entry in archive.entries:
            shown = self._pick(entry.name, entry.problem, name, seen)
            if not shown:
                continue
            try:
                content, consumed = archive.open(entry)
            except STREAM_ERRORS as error:
                self._refuse(shown, get_refusal_reason(error))
                continue
            told = _FailureRecorder(content)
            peeked = self._open(told, consumed)
            yield from self._descend(peeked, None, shown, depth + 1, consumed)
        if archive.problem and not (told and told.break_reason):
            self._refuse(name, archive.problem)

    def _sevenzip(
        self, disk: SeekableFile, name: str, depth: int, share: float
    ) -> Iterator[DumpMember]:
        try:
            archive = SevenZip(disk, disk_ratio=share, budget=self.budget)
        except STREAM_ERRORS as error:
            self._refuse(name, get_refusal_reason(error))
            return
        seen: dict[str, int] = {}
        for folder in archive.folders:
            with closing(folder):
                yield from self._folder(archive, folder, name, depth, seen)

    def _folder(
        self, archive: SevenZip, folder: SevenZipFolder, name: str, depth: int, seen: dict[str, int]
    ) -> Iterator[DumpMember]:
        source, consumed = archive.open_folder(folder)
        done, broken = 0, ""
        for entry in folder.entries:
            shown = self._pick(entry.name, entry.problem, name, seen)
            if not shown:
                continue
            if broken:
                self._refuse(shown, broken)
                continue
            part = SevenZipMember(source, entry, done)
            told = _FailureRecorder(part)
            peeked = self._open(told, consumed)
            yield from self._descend(peeked, None, shown, depth + 1, consumed)
            done = part.folder_offset
            # A wrong checksum is the member's own affair; a broken stream is everyone's.
            broken = told.break_reason if part.folder_is_broken else ""

    def _pick(self, inner: str, problem: str, outer: str, seen: dict[str, int]) -> str:
        """The whole name of a member that is to be opened, or nothing."""
        if is_system_file(inner):
            return ""
        if problem:
            self._refuse(_join_member_path(outer, inner), problem)
            return ""
        shown = _join_member_path(outer, make_unique(inner, seen))
        self._found = self._found or shown == self._after
        if not self._found:
            # What was done with before needs no second look, unless the place is inside it.
            return shown if self._after.startswith(shown + "!") else ""
        # What is wanted may lie in an archive in this one.
        packed = _ARCHIVE_SUFFIXES.intersection(PurePosixPath(inner.lower()).suffixes[-2:])
        return shown if packed or not self._wanted or self._wanted(shown) else ""

    def _refuse(self, name: str, reason: str) -> None:
        """Note what cannot be read; what lies before the place to resume at was noted then."""
        if self._found:
            self.problems.append((_join_member_path(self._path, name), reason))
            self._refused += 1


def _join_member_path(outer: str, inner: str) -> str:
    return f"{outer}!{inner}" if outer and inner else outer or inner


class _FailureRecorder:
    """A member's content that remembers whether its reader has met a break."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.break_reason = ""

    def read(self, size: int = CHUNK, /) -> bytes:
        try:
            return self._source.read(size)
        except STREAM_ERRORS as error:
            self.break_reason = get_refusal_reason(error)
            raise


def _spool_to_file(stream: PeekedSource) -> tuple[SeekableFile, str]:
    """Copy a zip or 7z within another archive to an unnamed file, which vanishes when closed.

    Their directories stand at the end, so they cannot be read as they stream by. How much may
    come is what :class:`Guarded` lets through. Also returns why the stream broke off, if it did.
    """
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    except OSError as error:
        raise BuildError(f"cannot create a temporary file: {error.strerror}") from None
    problem = ""
    while True:
        try:
            data = stream.read(CHUNK)
        except STREAM_ERRORS as error:
            data, problem = b"", get_refusal_reason(error)
        if not data:
            break
        try:
            file.write(data)
        except OSError as error:
            file.close()
            raise BuildError(f"cannot write a temporary file: {error.strerror}") from None
    return SeekableFile(cast(IO[bytes], file), "a temporary file"), problem
