"""Walk through tar, zip and 7z archives, also nested ones, and yield their members."""

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

#: Real dumps nest archives (a zip in a tar, a tar in that); deeper nesting is an attack.
MAX_ARCHIVE_DEPTH = 3

_ARCHIVE_SUFFIXES = {".zip", ".7z", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst"}

MemberFilter = Callable[[str], bool]
ConsumedBytes = Callable[[], float]


def detect_archive(head: bytes) -> str:
    """Return the archive format of a file with this head: tar, zip, 7z, or empty."""
    if head[257:262] == b"ustar":
        return "tar"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return "zip"
    return "7z" if head[:6] == b"7z\xbc\xaf\x27\x1c" else ""


class ArchiveWalk:
    """One pass over a dump file: its members in order, and what of it cannot be read."""

    def __init__(
        self, path: str, resume_at: str | None, member_filter: MemberFilter | None
    ) -> None:
        self._path = path
        self._resume_at = resume_at or ""
        self._member_filter = member_filter
        self._reached = not resume_at  # whether the member to resume at has been reached
        #: Shared by all streams of the file.
        self.budget = ExpansionBudget()
        self._refused = 0
        #: (source file, reason) of what could not be read; the caller clears the list.
        self.problems: list[tuple[str, str]] = []

    def members(
        self, stream: PeekedSource, file: SeekableFile | None, consumed_bytes: ConsumedBytes
    ) -> Iterator[DumpMember]:
        """Yield the members of the whole file.

        ``file`` is the same file opened for random access, if it is a zip or 7z.
        ``consumed_bytes`` returns how many compressed bytes have been read.
        """
        yield from self._descend(stream, file, "", 1, consumed_bytes)

    def _decompress(self, source: ByteSource, consumed: ConsumedBytes) -> PeekedSource:
        return decompress(source, consumed, self.budget)[0]

    def _descend(
        self,
        stream: PeekedSource,
        file: SeekableFile | None,
        name: str,
        depth: int,
        consumed: ConsumedBytes,
    ) -> Iterator[DumpMember]:
        """Yield the stream as a member, or the members in it if it is an archive."""
        kind = detect_archive(stream.head)
        if not kind:
            if self._reached:
                yield DumpMember(name, _join_member_path(self._path, name), stream)
        elif depth > MAX_ARCHIVE_DEPTH:
            self._refuse(name, "nested_too_deep")
        elif kind == "tar":
            yield from self._read_tar(stream, name, depth, consumed)
        else:
            with ExitStack() as open_files:
                disk_ratio, problem = 1.0, ""
                if file is None:
                    before = consumed()
                    file, problem = _spool_to_file(stream)
                    open_files.callback(file.close)
                    disk_ratio = (consumed() - before) / max(1, file.size)
                read_archive = self._read_zip if kind == "zip" else self._read_sevenzip
                refused_before = self._refused
                if problem != "decompression_bomb":
                    yield from read_archive(file, name, depth, disk_ratio)
                if problem and self._refused == refused_before:
                    self._refuse(name, problem)

    def _read_tar(
        self, stream: PeekedSource, name: str, depth: int, consumed: ConsumedBytes
    ) -> Iterator[DumpMember]:
        seen: dict[str, int] = {}
        recorder: _FailureRecorder | None = None
        tar_stream = TarStream(stream)
        try:
            file = cast(IO[bytes], tar_stream)
            with tarfile.open(
                fileobj=file, mode="r|", tarinfo=StrictTarInfo, bufsize=READ_BYTES
            ) as archive:
                for entry in archive:
                    # The content of a hard link is read under its other name.
                    if entry.isdir() or entry.islnk():
                        continue
                    inner, problem = sanitize_member_name(entry.name)
                    if entry.issym():
                        problem = problem or "symlink"
                    elif not entry.isfile():
                        problem = problem or "not_a_file"
                    full_name = self._pick(inner, problem, name, seen)
                    if full_name:
                        # A sparse file can claim terabytes of zeros.
                        content = TarMember(archive, entry, tar_stream)
                        recorder = _FailureRecorder(BombGuard(content, consumed, self.budget))
                        peeked = self._decompress(recorder, consumed)
                        yield from self._descend(peeked, None, full_name, depth + 1, consumed)
                if tar_stream.error is None and has_trailing_data(
                    cast(ByteSource, archive.fileobj)
                ):
                    self._refuse(name, "data_behind_end")
            if tar_stream.error is not None:
                raise tar_stream.error
        except (*STREAM_ERRORS, RecursionError, OverflowError) as error:
            # A break within a member is refused by the reader of that member.
            if not (recorder and recorder.break_reason):
                self._refuse(name, get_refusal_reason(error))

    def _read_zip(
        self, file: SeekableFile, name: str, depth: int, disk_ratio: float
    ) -> Iterator[DumpMember]:
        archive = ZipArchive(file, disk_ratio=disk_ratio, budget=self.budget, scan_if_damaged=True)
        seen: dict[str, int] = {}
        recorder: _FailureRecorder | None = None
        for entry in archive.entries:
            full_name = self._pick(entry.name, entry.problem, name, seen)
            if not full_name:
                continue
            try:
                content, consumed = archive.open(entry)
            except STREAM_ERRORS as error:
                self._refuse(full_name, get_refusal_reason(error))
                continue
            recorder = _FailureRecorder(content)
            peeked = self._decompress(recorder, consumed)
            yield from self._descend(peeked, None, full_name, depth + 1, consumed)
        if archive.problem and not (recorder and recorder.break_reason):
            self._refuse(name, archive.problem)

    def _read_sevenzip(
        self, file: SeekableFile, name: str, depth: int, disk_ratio: float
    ) -> Iterator[DumpMember]:
        try:
            archive = SevenZip(file, disk_ratio=disk_ratio, budget=self.budget)
        except STREAM_ERRORS as error:
            self._refuse(name, get_refusal_reason(error))
            return
        seen: dict[str, int] = {}
        for folder in archive.folders:
            with closing(folder):
                yield from self._read_folder(archive, folder, name, depth, seen)

    def _read_folder(
        self, archive: SevenZip, folder: SevenZipFolder, name: str, depth: int, seen: dict[str, int]
    ) -> Iterator[DumpMember]:
        source, consumed = archive.open_folder(folder)
        folder_offset, break_reason = 0, ""
        for entry in folder.entries:
            full_name = self._pick(entry.name, entry.problem, name, seen)
            if not full_name:
                continue
            if break_reason:
                self._refuse(full_name, break_reason)
                continue
            member = SevenZipMember(source, entry, folder_offset)
            recorder = _FailureRecorder(member)
            peeked = self._decompress(recorder, consumed)
            yield from self._descend(peeked, None, full_name, depth + 1, consumed)
            folder_offset = member.folder_offset
            # A wrong checksum concerns one member, a broken folder all members after it.
            break_reason = recorder.break_reason if member.folder_is_broken else ""

    def _pick(self, inner: str, problem: str, outer: str, seen: dict[str, int]) -> str:
        """Return the full name of a member to open, or empty for one to skip."""
        if is_system_file(inner):
            return ""
        if problem:
            self._refuse(_join_member_path(outer, inner), problem)
            return ""
        full_name = _join_member_path(outer, make_unique(inner, seen))
        self._reached = self._reached or full_name == self._resume_at
        if not self._reached:
            # Open what was read before only if the member to resume at is inside it.
            return full_name if self._resume_at.startswith(full_name + "!") else ""
        # A nested archive may contain members that pass the filter.
        is_archive = _ARCHIVE_SUFFIXES.intersection(PurePosixPath(inner.lower()).suffixes[-2:])
        return (
            full_name
            if is_archive or not self._member_filter or self._member_filter(full_name)
            else ""
        )

    def _refuse(self, name: str, reason: str) -> None:
        """Record what cannot be read, unless it was recorded before the read was resumed."""
        if self._reached:
            self.problems.append((_join_member_path(self._path, name), reason))
            self._refused += 1


def _join_member_path(outer: str, inner: str) -> str:
    return f"{outer}!{inner}" if outer and inner else outer or inner


class _FailureRecorder:
    """A member's content; ``break_reason`` says why reading it failed, if it did."""

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
    """Copy a nested zip or 7z to an unnamed temporary file, and return why the copy broke off.

    The directory of these formats is at the end, so they need random access. :class:`BombGuard`
    bounds the size of the copy; the file is deleted when it is closed.
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
