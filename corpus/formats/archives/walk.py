"""Walk through tars, zips and 7zs, one in another, and hand over each member that is a dump."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import PurePosixPath
from typing import IO, cast

from corpus.errors import BuildError
from corpus.formats.archives.names import clean_name, is_litter, unique
from corpus.formats.archives.sevenzip import Folder, Part, SevenZip
from corpus.formats.archives.tar_archive import BUFFER, Header, Inside, Whole, goes_on
from corpus.formats.archives.zip_archive import Zip
from corpus.formats.byte_source import BROKEN, CHUNK, Allowance, Guarded, Peeked, Source, reason_of
from corpus.formats.compression import decompressed
from corpus.formats.lines import Member
from corpus.formats.seekable_file import Disk

#: So many archives may lie one in another. Zips in tars are real, and tars in those; nests deeper
#: than that are made to swallow whoever opens them.
DEEPEST = 3

_ARCHIVES = {".zip", ".7z", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst"}

Wanted = Callable[[str], bool]
Consumed = Callable[[], float]


def archive_kind(head: bytes) -> str:
    """What archive a file that begins so is: tar, zip, 7z, or none."""
    if head[257:262] == b"ustar":
        return "tar"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return "zip"
    return "7z" if head[:6] == b"7z\xbc\xaf\x27\x1c" else ""


class Walk:
    """One pass over a file: its members in order, and the places that cannot be read."""

    def __init__(self, path: str, after: str | None, wanted: Wanted | None) -> None:
        self._path = path
        self._after = after or ""
        self._wanted = wanted
        self._found = not after  # whether the member to resume at has been reached
        #: Shared by all streams of the file.
        self.allowance = Allowance()
        self._refused = 0
        #: The place and the reason of what could not be read, until somebody takes them.
        self.problems: list[tuple[str, str]] = []

    def members(self, stream: Peeked, disk: Disk | None, consumed: Consumed) -> Iterator[Member]:
        """The members of the whole file; ``disk`` is where it can be read in any order."""
        yield from self._descend(stream, disk, "", 1, consumed)

    def _open(self, source: Source, consumed: Consumed) -> Peeked:
        return decompressed(source, consumed, self.allowance)[0]

    def _descend(
        self, stream: Peeked, disk: Disk | None, name: str, depth: int, consumed: Consumed
    ) -> Iterator[Member]:
        """Yield the stream as a member, or, if it is an archive, all that it holds."""
        kind = archive_kind(stream.head)
        if not kind:
            if self._found:
                yield Member(name, stream)
        elif depth > DEEPEST:
            self._refuse(name, "nested_too_deep")
        elif kind == "tar":
            yield from self._tar(stream, name, depth, consumed)
        else:
            with ExitStack() as leaving:
                share, problem = 1.0, ""
                if disk is None:
                    before = consumed()
                    disk, problem = _spooled(stream)
                    leaving.callback(disk.close)
                    share = (consumed() - before) / max(1, disk.size)
                inner = self._zip if kind == "zip" else self._sevenzip
                told = self._refused
                if problem != "decompression_bomb":
                    yield from inner(disk, name, depth, share)
                if problem and self._refused == told:
                    self._refuse(name, problem)

    def _tar(self, stream: Peeked, name: str, depth: int, consumed: Consumed) -> Iterator[Member]:
        seen: dict[str, int] = {}
        told: _Told | None = None
        whole = Whole(stream)
        try:
            file = cast(IO[bytes], whole)
            with tarfile.open(fileobj=file, mode="r|", tarinfo=Header, bufsize=BUFFER) as archive:
                for entry in archive:
                    # A hard link's content comes with its other name.
                    if entry.isdir() or entry.islnk():
                        continue
                    inner, problem = clean_name(entry.name)
                    if entry.issym():
                        problem = problem or "symlink"
                    elif not entry.isfile():
                        problem = problem or "not_a_file"
                    shown = self._pick(inner, problem, name, seen)
                    if shown:
                        # A sparse file can claim terabytes of zeros.
                        inside = Inside(archive, entry, whole)
                        told = _Told(Guarded(inside, consumed, self.allowance))
                        peeked = self._open(told, consumed)
                        yield from self._descend(peeked, None, shown, depth + 1, consumed)
                if whole.error is None and goes_on(cast(Source, archive.fileobj)):
                    self._refuse(name, "data_behind_end")
            if whole.error is not None:
                raise whole.error
        except (*BROKEN, RecursionError, OverflowError) as error:
            # A break within a member has been told by whoever reads that member.
            if not (told and told.broken):
                self._refuse(name, reason_of(error))

    def _zip(self, disk: Disk, name: str, depth: int, share: float) -> Iterator[Member]:
        archive = Zip(disk, share=share, allowance=self.allowance, rescue=True)
        seen: dict[str, int] = {}
        told: _Told | None = None
        for entry in archive.entries:
            shown = self._pick(entry.name, entry.problem, name, seen)
            if not shown:
                continue
            try:
                content, consumed = archive.open(entry)
            except BROKEN as error:
                self._refuse(shown, reason_of(error))
                continue
            told = _Told(content)
            peeked = self._open(told, consumed)
            yield from self._descend(peeked, None, shown, depth + 1, consumed)
        if archive.problem and not (told and told.broken):
            self._refuse(name, archive.problem)

    def _sevenzip(self, disk: Disk, name: str, depth: int, share: float) -> Iterator[Member]:
        try:
            archive = SevenZip(disk, share=share, allowance=self.allowance)
        except BROKEN as error:
            self._refuse(name, reason_of(error))
            return
        seen: dict[str, int] = {}
        for folder in archive.folders:
            with closing(folder):
                yield from self._folder(archive, folder, name, depth, seen)

    def _folder(
        self, archive: SevenZip, folder: Folder, name: str, depth: int, seen: dict[str, int]
    ) -> Iterator[Member]:
        source, consumed = archive.guarded(folder)
        done, broken = 0, ""
        for entry in folder.entries:
            shown = self._pick(entry.name, entry.problem, name, seen)
            if not shown:
                continue
            if broken:
                self._refuse(shown, broken)
                continue
            part = Part(source, entry, done)
            told = _Told(part)
            peeked = self._open(told, consumed)
            yield from self._descend(peeked, None, shown, depth + 1, consumed)
            done = part.done
            # A wrong checksum is the member's own affair; a broken stream is everyone's.
            broken = told.broken if part.lost else ""

    def _pick(self, inner: str, problem: str, outer: str, seen: dict[str, int]) -> str:
        """The whole name of a member that is to be opened, or nothing."""
        if is_litter(inner):
            return ""
        if problem:
            self._refuse(_joined(outer, inner), problem)
            return ""
        shown = _joined(outer, unique(inner, seen))
        self._found = self._found or shown == self._after
        if not self._found:
            # What was done with before needs no second look, unless the place is inside it.
            return shown if self._after.startswith(shown + "!") else ""
        # What is wanted may lie in an archive in this one.
        packed = _ARCHIVES.intersection(PurePosixPath(inner.lower()).suffixes[-2:])
        return shown if packed or not self._wanted or self._wanted(shown) else ""

    def _refuse(self, name: str, reason: str) -> None:
        """Note what cannot be read; what lies before the place to resume at was noted then."""
        if self._found:
            self.problems.append((_joined(self._path, name), reason))
            self._refused += 1


def _joined(outer: str, inner: str) -> str:
    return f"{outer}!{inner}" if outer and inner else outer or inner


class _Told:
    """A member's content that remembers whether its reader has met a break."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.broken = ""

    def read(self, size: int = CHUNK, /) -> bytes:
        try:
            return self._source.read(size)
        except BROKEN as error:
            self.broken = reason_of(error)
            raise


def _spooled(stream: Peeked) -> tuple[Disk, str]:
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
        except BROKEN as error:
            data, problem = b"", reason_of(error)
        if not data:
            break
        try:
            file.write(data)
        except OSError as error:
            file.close()
            raise BuildError(f"cannot write a temporary file: {error.strerror}") from None
    return Disk(cast(IO[bytes], file), "a temporary file"), problem
