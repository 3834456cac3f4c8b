"""Read the members of a zip one by one, in bounded memory, whatever is wrong with it."""

from __future__ import annotations

import bz2
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple, cast

from corpus.formats.archives.names import sanitize_member_name
from corpus.formats.byte_source import (
    CHUNK,
    BombGuard,
    ByteSource,
    ExactReader,
    ExpansionBudget,
    Unreadable,
)
from corpus.formats.compression import StreamDecompressor
from corpus.formats.seekable_file import SeekableFile
from corpus.formats.zstd import ZstdDecompressor

_LOCAL_HEADER = b"PK\x03\x04"
_ENCRYPTED = 0x1
_SIZES_FOLLOW = 0x8  # the header was written before the sizes were known
_UTF8 = 0x800
_DEFLATE64, _ZSTD, _XZ = 9, 93, 95  # zipfile does not know these
_METHODS = {0, 8, _DEFLATE64, 12, 14, _ZSTD, _XZ}
#: What the standard library raises for a directory that is damaged.
_BAD_DIRECTORY = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    OSError,
    struct.error,
    OverflowError,
)


class ZipEntry(NamedTuple):
    """A member of a zip. ``problem`` says why it must not be opened, or is empty."""

    name: str
    problem: str
    info: zipfile.ZipInfo
    next_offset: int  # where the next thing in the file begins
    in_directory: bool  # in the directory, with its true length and checksum


class ZipArchive:
    """A zip's members, in the order in which they lie in the file.

    The directory is read by the standard library, the members are not: zipfile decompresses bz2
    and lzma without a bound on what comes out, gives nothing of a block that breaks, and does not
    know the methods that Windows uses for large files (Deflate64) and 7-Zip for fast ones (zstd).
    """

    def __init__(
        self,
        file: SeekableFile,
        *,
        disk_ratio: float = 1.0,
        budget: ExpansionBudget | None = None,
        scan_if_damaged: bool = False,
    ) -> None:
        self._file = file
        self._share = disk_ratio  # the bytes on disk that each byte of this zip stands for
        self._allowance = budget or ExpansionBudget()
        #: Compressed bytes of members read so far.
        self.bytes_read = 0
        #: Why the directory cannot be read, or empty.
        self.problem = ""
        self.entries: list[ZipEntry] | Iterator[ZipEntry] = []
        try:
            self.entries = list(self._listed())
        except _BAD_DIRECTORY:
            self.problem = self._why()
            if scan_if_damaged:
                self.entries = self._found()
        file.position = 0

    def _at(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        return self._file.read(size)

    def _why(self) -> str:
        if not self._at(0, 2).startswith(b"PK"):
            return "not_an_archive"
        # The directory stands at the end: a download that was cut off has none.
        tail = self._at(max(0, self._file.size - (1 << 17)), 1 << 17)
        return "damaged_archive" if b"PK\x05\x06" in tail else "truncated_stream"

    def _listed(self) -> Iterator[ZipEntry]:
        with zipfile.ZipFile(cast(IO[bytes], self._file)) as archive:
            infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
            ends = [info.header_offset for info in infos] + [archive.start_dir]
        for info, end in zip(infos, ends[1:], strict=True):
            mode = info.external_attr >> 16 if info.create_system == 3 else 0
            if not (info.filename.endswith("/") or stat.S_ISDIR(mode)):  # is_dir() needs a name
                yield _make_entry(info, mode, end, in_directory=True)

    def _found(self) -> Iterator[ZipEntry]:
        """The members of a zip without a directory, as the headers before each of them tell."""
        at = 0
        while (at := self._next_header(at)) >= 0:
            header = self._at(at, 30)
            _, flags, method = struct.unpack("<HHH", header[4:10])
            crc, packed, size, name_length, extra_length = struct.unpack("<IIIHH", header[14:30])
            name = self._at(at + 30, name_length)
            extra = self._at(at + 30 + name_length, extra_length)
            info = zipfile.ZipInfo()
            info.orig_filename = name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
            info.flag_bits, info.compress_type, info.header_offset = flags, method, at
            start = at + 30 + name_length + extra_length
            if packed == 0xFFFFFFFF:
                size, packed = _parse_zip64_sizes(extra) or (size, packed)
            if flags & _SIZES_FOLLOW:
                # Decompressing tells where the member ends; it is in any case before the next.
                behind = self._next_header(start)
                packed = (behind if behind >= 0 else self._file.size) - start
            info.CRC, info.compress_size, info.file_size = crc, packed, size
            at = start + packed
            if not info.orig_filename.endswith(("/", "\\")):
                listed = not flags & _SIZES_FOLLOW
                yield _make_entry(info, 0, max(at, start), in_directory=listed)

    def _next_header(self, at: int) -> int:
        """Where the next member's header begins, or -1."""
        while at < self._file.size:
            window = self._at(at, CHUNK)
            found = window.find(_LOCAL_HEADER)
            if found < 0:
                at += max(1, len(window) - 3)  # the mark may lie across two windows
                continue
            at += found
            header = self._at(at, 30)
            if len(header) < 30:
                return -1
            # The mark may also stand in a member's content by chance.
            version, _, method = struct.unpack("<HHH", header[4:10])
            if version & 0xFF <= 63 and method in _METHODS and header[26:28] != b"\0\0":
                return at
            at += 4
        return -1

    def open(self, entry: ZipEntry) -> tuple[ByteSource, Callable[[], float]]:
        """The member's content, and what it has taken of the file on disk so far.

        Raises one of BROKEN, now or at a read, where the content cannot be had.
        """
        info = entry.info
        header = self._at(info.header_offset, 30)
        if len(header) < 30 or not header.startswith(_LOCAL_HEADER):
            raise Unreadable("damaged_member")
        if int.from_bytes(header[6:8], "little") & _ENCRYPTED:
            raise Unreadable("encrypted_member")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + name_length + extra_length
        if start + info.compress_size > entry.next_offset:
            # Members that share their bytes are how a small zip holds petabytes.
            inside = (
                entry.next_offset < self._file.size
                and self._at(entry.next_offset, 4) == _LOCAL_HEADER
            )
            raise Unreadable("decompression_bomb" if inside else "damaged_member")
        packed = _PackedBytes(self, start, info.compress_size)

        def consumed() -> float:
            return packed.bytes_read * self._share

        source: ByteSource = BombGuard(_open_decompressor(packed, entry), consumed, self._allowance)
        return (_ChecksumVerifier(source, info) if entry.in_directory else source), consumed

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes of a member as they lie in the file."""
        data = self._at(offset, size)
        self.bytes_read += len(data)
        return data


def _make_entry(
    info: zipfile.ZipInfo, mode: int, next_offset: int, *, in_directory: bool
) -> ZipEntry:
    name, problem = sanitize_member_name(info.orig_filename)
    if stat.S_ISLNK(mode):
        problem = problem or "symlink"
    elif stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        problem = problem or "not_a_file"
    elif info.flag_bits & _ENCRYPTED:
        problem = problem or "encrypted_member"
    return ZipEntry(name, problem, info, next_offset, in_directory)


def _parse_zip64_sizes(extra: bytes) -> tuple[int, int] | None:
    """The length and the packed length that a header keeps aside when they pass 4 GiB."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack("<HH", extra[at : at + 4])
        if kind == 1 and size >= 16 and at + 20 <= len(extra):
            length, packed = struct.unpack("<QQ", extra[at + 4 : at + 20])
            return length, packed
        at += 4 + size
    return None


class _PackedBytes:
    """A member's bytes as they lie in the zip."""

    def __init__(self, archive: ZipArchive, start: int, length: int) -> None:
        self._archive = archive
        self._start = start
        self._length = length
        self.bytes_read = 0

    def read(self, size: int, /) -> bytes:
        left = self._length - self.bytes_read
        if left <= 0:
            return b""
        data = self._archive.read_at(self._start + self.bytes_read, min(size, left))
        if not data:
            raise EOFError("the zip ends within this member")
        self.bytes_read += len(data)
        return data


def _open_decompressor(packed: ByteSource, entry: ZipEntry) -> ByteSource:
    method = entry.info.compress_type
    if method == zipfile.ZIP_STORED:
        if not entry.in_directory and entry.info.flag_bits & _SIZES_FOLLOW:
            raise Unreadable("damaged_member")  # nothing tells where it ends
        return packed
    if method == zipfile.ZIP_DEFLATED:
        return StreamDecompressor(packed, lambda: zlib.decompressobj(wbits=-15), single_stream=True)
    if method == zipfile.ZIP_BZIP2:
        return StreamDecompressor(packed, bz2.BZ2Decompressor, single_stream=True)
    if method == zipfile.ZIP_LZMA:
        return StreamDecompressor(
            packed, lambda: _new_lzma_decompressor(packed), single_stream=True
        )
    if method == _DEFLATE64:
        return _Deflate64Decompressor(packed)
    if method == _ZSTD:
        return ZstdDecompressor(packed)
    if method == _XZ:
        return StreamDecompressor(packed, lzma.LZMADecompressor, single_stream=True)
    raise Unreadable("unsupported_compression")


def _new_lzma_decompressor(packed: ByteSource) -> lzma.LZMADecompressor:
    # Version (2 bytes), length of the properties (2 bytes, always 5), the properties.
    head = ExactReader(packed).read(9)
    if len(head) < 9 or head[2:4] != b"\x05\0" or head[4] >= 225:
        raise Unreadable("damaged_member")
    rest, lc = divmod(head[4], 9)
    pb, lp = divmod(rest, 5)
    dictionary = int.from_bytes(head[5:9], "little")
    filters = [{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": dictionary}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


class _Deflate64Decompressor:
    """What Windows' own zip folders use for large files."""

    def __init__(self, source: ByteSource) -> None:
        import inflate64  # comes with py7zr

        self._source = source
        self._engine = inflate64.Inflater()
        self._left = b""

    def read(self, size: int, /) -> bytes:
        while not self._left:
            if self._engine.eof:
                return b""
            # It knows no bound on what comes out, so little is put in at a time.
            packed = self._source.read(1 << 12)
            if not packed:
                raise EOFError("the compressed stream ends too early")
            self._left = self._engine.inflate(packed)
        data, self._left = self._left[:size], self._left[size:]
        return data


class _ChecksumVerifier:
    """Compares what came out of a member with the length and the checksum it ought to have."""

    def __init__(self, source: ByteSource, info: zipfile.ZipInfo) -> None:
        self._source = source
        self._info = info
        self._size = 0
        self._sum = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._size += len(data)
        self._sum = zlib.crc32(data, self._sum)
        if self._size > self._info.file_size:
            raise Unreadable("damaged_member")
        if not data and (self._size, self._sum) != (self._info.file_size, self._info.CRC):
            raise Unreadable("damaged_member")
        return data
