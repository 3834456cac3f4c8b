"""Read the members of a 7z one by one, in bounded memory, whatever is wrong with it.

py7zr reads the directory and builds the decoders; the loop that pulls bytes through them is ours.
Its own ``extract`` hands over up to 128 MB at a time from a thread, ends at the first member that
is damaged, and cannot begin in the middle.
"""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from corpus.errors import BuildError
from corpus.formats.archives.names import sanitize_member_name
from corpus.formats.archives.ppmd_process import PpmdProcess
from corpus.formats.byte_source import (
    STREAM_ERRORS,
    BombGuard,
    ByteSource,
    ExpansionBudget,
    Unreadable,
)
from corpus.formats.seekable_file import SeekableFile

if TYPE_CHECKING:
    from py7zr.py7zr import ArchiveFile

# What a decoder was about to give when it met a break is lost, so it gives little at a time.
_OUTPUT_BYTES = 1 << 16
_ENCRYPTION_PREFIX = b"\x06\xf1"  # how the ids of all ciphers begin
# Deflate, Deflate64 and zstd: py7zr decompresses all that it is given at once, however much
# comes out, so they are given little (4 KiB of zstd can become 128 MiB).
_PPMD = b"\x03\x04\x01"
_UNBOUNDED = (b"\x04\x01\x08", b"\x04\x01\x09", b"\x04\xf7\x11\x01")


class SevenZipEntry(NamedTuple):
    """A member of a 7z. ``problem`` says why it must not be opened, or is empty."""

    name: str
    problem: str
    offset: int  # where it begins in its folder, unpacked
    size: int
    crc: int | None


class SevenZip:
    """A 7z's members, folder by folder: a folder is what was compressed together."""

    def __init__(
        self, file: SeekableFile, *, disk_ratio: float = 1.0, budget: ExpansionBudget | None = None
    ) -> None:
        self._file = file
        self._share = disk_ratio  # the bytes on disk that each byte of this 7z stands for
        self._allowance = budget or ExpansionBudget()
        self.folders: list[SevenZipFolder] = list(self._list())
        file.position = 0

    def _list(self) -> Iterator[SevenZipFolder]:
        import py7zr

        try:
            archive: Any = py7zr.SevenZipFile(self._file)  # type: ignore[arg-type]
            yield from self._folders(archive)
        except py7zr.PasswordRequired:
            raise Unreadable("encrypted_member") from None
        except BuildError:
            raise
        except Exception:
            # On a damaged directory py7zr raises whatever its code trips over: its own errors,
            # TypeError, KeyError, IndexError, struct.error and more.
            raise Unreadable(self._why()) from None

    def _why(self) -> str:
        self._file.seek(12)
        offset = int.from_bytes(self._file.read(8), "little")
        size = int.from_bytes(self._file.read(8), "little")
        # The directory stands at the end: a download that was cut off has none.
        cut = self._file.size < 32 or 32 + offset + size > self._file.size
        return "truncated_stream" if cut else "damaged_archive"

    def _folders(self, archive: Any) -> Iterator[SevenZipFolder]:
        streams = getattr(getattr(archive, "header", None), "main_streams", None)
        if streams is None:
            return
        packs = streams.packinfo
        found: dict[int, list[ArchiveFile]] = {}
        for file in archive.files:
            # Folders of the file system, empty files and deleted ones hold nothing.
            if not file.emptystream and file.folder is not None:
                found.setdefault(id(file.folder), []).append(file)
        stream = 0
        for folder in streams.unpackinfo.folders:
            begin = archive.afterheader + packs.packpos + packs.packpositions[stream]
            yield SevenZipFolder(
                self, folder, begin, packs.packsizes[stream], found.get(id(folder), [])
            )
            stream += len(folder.packed_indices)

    def open_folder(self, folder: SevenZipFolder) -> tuple[BombGuard, Callable[[], float]]:
        """The folder's unpacked content, and what it has taken of the file on disk so far."""

        def consumed() -> float:
            return folder.consumed_bytes * self._share

        return BombGuard(folder, consumed, self._allowance), consumed

    def fileno(self) -> int:
        """The 7z's file, for another process."""
        return self._file.fileno()

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes of a folder as they lie in the file."""
        self._file.seek(offset)
        return self._file.read(size)


class SevenZipFolder:
    """What was compressed together: the members must be read in order."""

    def __init__(
        self, archive: SevenZip, folder: Any, begin: int, packed: int, files: list[ArchiveFile]
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._source = _PackedFolder(archive, begin)
        self._begin = begin
        self._packed = packed
        self._decoder: Any = None
        self._left = memoryview(b"")
        encrypted = any(coder["method"].startswith(_ENCRYPTION_PREFIX) for coder in folder.coders)
        self.entries: list[SevenZipEntry] = []
        at = 0
        for file in files:
            name, problem = sanitize_member_name(file.filename)
            problem = (
                problem or _refuse_special_file(file) or ("encrypted_member" if encrypted else "")
            )
            if file.uncompressed < 0:
                raise Unreadable("damaged_archive")
            self.entries.append(SevenZipEntry(name, problem, at, file.uncompressed, file.crc32))
            at += file.uncompressed

    @property
    def consumed_bytes(self) -> int:
        """Compressed bytes read so far."""
        return self._decoder.consumed if self._decoder else 0

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes of what the folder unpacks to; raises where it is broken."""
        if not self._left:
            self._left = memoryview(self._more())
        data, self._left = self._left[:size], self._left[size:]
        return bytes(data)

    def close(self) -> None:
        """Be done with the folder, even in the middle of it."""
        if isinstance(self._decoder, PpmdProcess):
            self._decoder.close()

    def _more(self) -> bytes:
        from py7zr.exceptions import UnsupportedCompressionMethodError

        try:
            if self._decoder is None:
                self._decoder = self._new()
            if isinstance(self._decoder, PpmdProcess):
                if data := self._decoder.read():
                    return data
                raise Unreadable(self._decoder.failure_reason())
            idle = 0
            while idle < 2:
                before = self._decoder.consumed
                found: bytes = self._decoder.decompress(self._source, _OUTPUT_BYTES)
                if found:
                    return found
                # Filters hold some bytes back, so one empty answer is not yet the end.
                idle = 0 if self._decoder.consumed > before else idle + 1
        except UnsupportedCompressionMethodError:
            raise Unreadable("unsupported_compression") from None
        except (BuildError, Unreadable):
            raise
        except Exception:
            # Each of the decoders has errors of its own, and py7zr does not gather them.
            raise Unreadable("damaged_member") from None
        raise EOFError("the folder ends too early")

    def _new(self) -> Any:
        from py7zr.compressor import SevenZipDecompressor

        coders, sizes = self._folder.coders, self._folder.unpacksizes
        if any(coder["method"] == _PPMD for coder in coders):
            properties = coders[0]["properties"] or b""
            if len(coders) > 1 or len(properties) < 5:
                raise Unreadable("unsupported_compression")
            file = self._source.fileno()
            return PpmdProcess(file, self._begin, self._packed, properties, sizes[-1])
        small = any(coder["method"] in _UNBOUNDED for coder in coders)
        # The checksums that count are those of the members.
        return SevenZipDecompressor(
            coders, self._packed, sizes, crc=None, blocksize=1 << 12 if small else 1 << 16
        )


class _PackedFolder:
    """A folder's bytes as they lie in the 7z."""

    def __init__(self, archive: SevenZip, begin: int) -> None:
        self._archive = archive
        self._at = begin

    def fileno(self) -> int:
        return self._archive.fileno()

    def read(self, size: int) -> bytes:
        data = self._archive.read_at(self._at, size)
        self._at += len(data)
        return data


def _refuse_special_file(file: ArchiveFile) -> str:
    """The reason not to open what is no regular file."""
    mode = file.st_fmt
    if file.is_symlink or file.is_junction or mode == stat.S_IFLNK:
        return "symlink"
    return "" if mode is None or mode in (0, stat.S_IFREG) else "not_a_file"


class SevenZipMember:
    """A member of a folder, checked against its checksum; what was read before is passed over."""

    def __init__(self, source: ByteSource, entry: SevenZipEntry, folder_offset: int) -> None:
        self._source = source
        self._entry = entry
        self._skip = entry.offset - folder_offset
        self._left = entry.size
        self._sum = 0
        #: How far into the folder reading has come.
        self.folder_offset = folder_offset
        #: Whether the folder broke off, so that nothing behind can be read either.
        self.folder_is_broken = False

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes of the member; raises where it is broken."""
        while self._skip:
            self._skip -= len(self._take(min(self._skip, _OUTPUT_BYTES)))
        if not self._left:
            if self._entry.crc not in (None, self._sum):
                raise Unreadable("damaged_member")
            return b""
        data = self._take(min(size, self._left))
        self._left -= len(data)
        self._sum = zlib.crc32(data, self._sum)
        return data

    def _take(self, size: int) -> bytes:
        try:
            data = self._source.read(size)
        except STREAM_ERRORS:
            self.folder_is_broken = True
            raise
        self.folder_offset += len(data)
        return data
