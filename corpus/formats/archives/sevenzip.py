"""Read the members of a 7z one by one, in bounded memory, also of a damaged 7z.

py7zr reads the directory and builds the decoders; this module pulls the bytes through them. py7zr's
own ``extract`` passes up to 128 MB at a time from a thread, stops at the first damaged member, and
cannot start in the middle.
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
    Refused,
)
from corpus.formats.seekable_file import SeekableFile

if TYPE_CHECKING:
    from py7zr.py7zr import ArchiveFile

# The output of the call in which a decoder fails is lost, so each call returns little.
_OUTPUT_BYTES = 1 << 16
_ENCRYPTION_PREFIX = b"\x06\xf1"  # the ids of all ciphers begin so
# Deflate, Deflate64 and zstd: py7zr decompresses all of its input in one call, without a bound on
# the output, so the input is small (4 KiB of zstd can become 128 MiB).
_PPMD = b"\x03\x04\x01"
_UNBOUNDED = (b"\x04\x01\x08", b"\x04\x01\x09", b"\x04\xf7\x11\x01")


class SevenZipEntry(NamedTuple):
    """A member of a 7z. ``problem`` says why it must not be opened, or is empty."""

    name: str
    problem: str
    offset: int  # in its unpacked folder
    size: int
    crc: int | None


class SevenZip:
    """The members of a 7z by folder, which in a 7z is what was compressed together.

    ``disk_ratio`` is the number of bytes on disk for each byte of this 7z, if it is nested.
    """

    def __init__(
        self, file: SeekableFile, *, disk_ratio: float = 1.0, budget: ExpansionBudget | None = None
    ) -> None:
        self._file = file
        self._disk_ratio = disk_ratio
        self._budget = budget or ExpansionBudget()
        self.folders: list[SevenZipFolder] = list(self._list())
        file.position = 0

    def _list(self) -> Iterator[SevenZipFolder]:
        import py7zr

        try:
            archive: Any = py7zr.SevenZipFile(self._file)  # type: ignore[arg-type]
            yield from self._folders(archive)
        except py7zr.PasswordRequired:
            raise Refused("encrypted_member") from None
        except BuildError:
            raise
        except Exception:
            # A damaged directory makes py7zr raise its own errors, TypeError, KeyError, IndexError,
            # struct.error and others.
            raise Refused(self._find_problem()) from None

    def _find_problem(self) -> str:
        self._file.seek(12)
        offset = int.from_bytes(self._file.read(8), "little")
        size = int.from_bytes(self._file.read(8), "little")
        # The directory is at the end: a download that was cut off has none.
        cut = self._file.size < 32 or 32 + offset + size > self._file.size
        return "truncated_stream" if cut else "damaged_archive"

    def _folders(self, archive: Any) -> Iterator[SevenZipFolder]:
        streams = getattr(getattr(archive, "header", None), "main_streams", None)
        if streams is None:
            return
        packs = streams.packinfo
        files: dict[int, list[ArchiveFile]] = {}
        for file in archive.files:
            # Directories, empty files and deleted files have no content.
            if not file.emptystream and file.folder is not None:
                files.setdefault(id(file.folder), []).append(file)
        stream = 0
        for folder in streams.unpackinfo.folders:
            begin = archive.afterheader + packs.packpos + packs.packpositions[stream]
            yield SevenZipFolder(
                self, folder, begin, packs.packsizes[stream], files.get(id(folder), [])
            )
            stream += len(folder.packed_indices)

    def open_folder(self, folder: SevenZipFolder) -> tuple[BombGuard, Callable[[], float]]:
        """Return a folder's unpacked content and a function of the bytes on disk it consumed."""

        def consumed() -> float:
            return folder.consumed_bytes * self._disk_ratio

        return BombGuard(folder, consumed, self._budget), consumed

    def fileno(self) -> int:
        """Return the descriptor of the 7z's file, for another process."""
        return self._file.fileno()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return compressed bytes of a folder."""
        self._file.seek(offset)
        return self._file.read(size)


class SevenZipFolder:
    """Members that were compressed together and must be read in order."""

    def __init__(
        self, archive: SevenZip, folder: Any, begin: int, packed: int, files: list[ArchiveFile]
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._source = _PackedFolder(archive, begin)
        self._start = begin
        self._packed = packed
        self._decoder: Any = None
        self._pending = memoryview(b"")
        encrypted = any(coder["method"].startswith(_ENCRYPTION_PREFIX) for coder in folder.coders)
        self.entries: list[SevenZipEntry] = []
        at = 0
        for file in files:
            name, problem = sanitize_member_name(file.filename)
            problem = (
                problem or _refuse_special_file(file) or ("encrypted_member" if encrypted else "")
            )
            if file.uncompressed < 0:
                raise Refused("damaged_archive")
            self.entries.append(SevenZipEntry(name, problem, at, file.uncompressed, file.crc32))
            at += file.uncompressed

    @property
    def consumed_bytes(self) -> int:
        """Compressed bytes consumed so far."""
        if isinstance(self._decoder, PpmdProcess):
            return self._decoder.consumed_bytes
        return self._decoder.consumed if self._decoder else 0

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` unpacked bytes of the folder; raises where it is damaged."""
        if not self._pending:
            self._pending = memoryview(self._decompress_some())
        data, self._pending = self._pending[:size], self._pending[size:]
        return bytes(data)

    def close(self) -> None:
        """End the decoder, also before the end of the folder."""
        if isinstance(self._decoder, PpmdProcess):
            self._decoder.close()

    def _decompress_some(self) -> bytes:
        from py7zr.exceptions import UnsupportedCompressionMethodError

        try:
            if self._decoder is None:
                self._decoder = self._open_decoder()
            if isinstance(self._decoder, PpmdProcess):
                if data := self._decoder.read():
                    return data
                raise Refused(self._decoder.failure_reason())
            idle = 0
            while idle < 2:
                before = self._decoder.consumed
                unpacked: bytes = self._decoder.decompress(self._source, _OUTPUT_BYTES)
                if unpacked:
                    return unpacked
                # Filters buffer some bytes, so one empty result is not the end.
                idle = 0 if self._decoder.consumed > before else idle + 1
        except UnsupportedCompressionMethodError:
            raise Refused("unsupported_compression") from None
        except (BuildError, Refused):
            raise
        except Exception:
            # Each decoder raises errors of its own, without a common base class.
            raise Refused("damaged_member") from None
        raise EOFError("the folder ends too early")

    def _open_decoder(self) -> Any:
        from py7zr.compressor import SevenZipDecompressor

        coders, sizes = self._folder.coders, self._folder.unpacksizes
        if any(coder["method"] == _PPMD for coder in coders):
            properties = coders[0]["properties"] or b""
            if len(coders) > 1 or len(properties) < 5:
                raise Refused("unsupported_compression")
            file = self._source.fileno()
            return PpmdProcess(file, self._start, self._packed, properties, sizes[-1])
        is_unbounded = any(coder["method"] in _UNBOUNDED for coder in coders)
        # The members' own checksums are verified instead of the folder's.
        return SevenZipDecompressor(
            coders, self._packed, sizes, crc=None, blocksize=1 << 12 if is_unbounded else 1 << 16
        )


class _PackedFolder:
    """The compressed bytes of a folder."""

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
    """Return the reason to refuse a member that is not a regular file, or empty."""
    mode = file.st_fmt
    if file.is_symlink or file.is_junction or mode == stat.S_IFLNK:
        return "symlink"
    return "" if mode is None or mode in (0, stat.S_IFREG) else "not_a_file"


class SevenZipMember:
    """A member of a folder, verified by its checksum.

    ``folder_offset`` is the unpacked offset that reading the folder has reached; the bytes up to
    the member are skipped.
    """

    def __init__(self, source: ByteSource, entry: SevenZipEntry, folder_offset: int) -> None:
        self._source = source
        self._entry = entry
        self._skip = entry.offset - folder_offset
        self._pending = entry.size
        self._crc = 0
        #: The unpacked offset in the folder that reading has reached.
        self.folder_offset = folder_offset
        #: Whether the folder broke off, so that later members cannot be read either.
        self.folder_is_broken = False

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes of the member; raises where it is damaged."""
        while self._skip:
            self._skip -= len(self._read_folder(min(self._skip, _OUTPUT_BYTES)))
        if not self._pending:
            if self._entry.crc not in (None, self._crc):
                raise Refused("damaged_member")
            return b""
        data = self._read_folder(min(size, self._pending))
        self._pending -= len(data)
        self._crc = zlib.crc32(data, self._crc)
        return data

    def _read_folder(self, size: int) -> bytes:
        try:
            data = self._source.read(size)
        except STREAM_ERRORS:
            self.folder_is_broken = True
            raise
        self.folder_offset += len(data)
        return data
