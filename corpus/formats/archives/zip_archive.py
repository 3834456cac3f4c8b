"""Read the members of a zip one by one, in bounded memory, also of a damaged zip."""

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
    Refused,
)
from corpus.formats.compression import StreamDecompressor
from corpus.formats.seekable_file import SeekableFile, open_seekable
from corpus.formats.zstd import ZstdDecompressor

_LOCAL_HEADER = b"PK\x03\x04"
_EMPTY_DIRECTORY = b"PK\x05\x06"
_ENCRYPTED = 0x1
_SIZES_FOLLOW = 0x8  # the header was written before the sizes were known
_UTF8 = 0x800
_DEFLATE64, _ZSTD, _XZ = 9, 93, 95  # zipfile does not know these
_METHODS = {0, 8, _DEFLATE64, 12, 14, _ZSTD, _XZ}
#: What the standard library raises for a damaged directory.
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
    next_offset: int  # where the next member or the directory begins
    in_directory: bool  # its length and checksum are from the directory


def is_zip(path: str) -> bool:
    """Return whether a file begins as a zip does."""
    with open_seekable(path) as file:
        return file.read(4) in (_LOCAL_HEADER, _EMPTY_DIRECTORY)


class ZipArchive:
    """The members of a zip, in the order of their offsets.

    The standard library reads the directory, but not the members: zipfile decompresses bz2 and lzma
    without a bound on the output, returns nothing of a damaged block, and does not support the
    methods that Windows uses for large files (Deflate64) and 7-Zip for fast compression (zstd).
    ``disk_ratio`` is the number of bytes on disk for each byte of this zip, if it is nested;
    ``scan_if_damaged`` searches for members if the directory cannot be read.
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
        self._disk_ratio = disk_ratio
        self._budget = budget or ExpansionBudget()
        #: Compressed bytes of members read so far.
        self.bytes_read = 0
        #: Why the directory cannot be read, or empty.
        self.problem = ""
        self.entries: list[ZipEntry] | Iterator[ZipEntry] = []
        try:
            self.entries = list(self._read_directory())
        except _BAD_DIRECTORY:
            self.problem = self._find_problem()
            if scan_if_damaged:
                self.entries = self._scan_headers()
        file.position = 0

    def _read_range(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _find_problem(self) -> str:
        if not self._read_range(0, 2).startswith(b"PK"):
            return "not_an_archive"
        # The directory is at the end: a download that was cut off has none.
        tail = self._read_range(max(0, self._file.size - (1 << 17)), 1 << 17)
        return "damaged_archive" if _EMPTY_DIRECTORY in tail else "truncated_stream"

    def _read_directory(self) -> Iterator[ZipEntry]:
        with zipfile.ZipFile(cast(IO[bytes], self._file)) as archive:
            infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
            ends = [info.header_offset for info in infos] + [archive.start_dir]
        for info, end in zip(infos, ends[1:], strict=True):
            mode = info.external_attr >> 16 if info.create_system == 3 else 0
            if not (info.filename.endswith("/") or stat.S_ISDIR(mode)):  # is_dir() needs a name
                yield _make_entry(info, mode, end, in_directory=True)

    def _scan_headers(self) -> Iterator[ZipEntry]:
        """Yield the members of a zip without a directory, from the header of each."""
        at = 0
        while (at := self._next_header(at)) >= 0:
            header = self._read_range(at, 30)
            _, flags, method = struct.unpack("<HHH", header[4:10])
            crc, packed, size, name_length, extra_length = struct.unpack("<IIIHH", header[14:30])
            name = self._read_range(at + 30, name_length)
            extra = self._read_range(at + 30 + name_length, extra_length)
            info = zipfile.ZipInfo()
            info.orig_filename = name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
            info.flag_bits, info.compress_type, info.header_offset = flags, method, at
            start = at + 30 + name_length + extra_length
            if packed == 0xFFFFFFFF:
                size, packed = _parse_zip64_sizes(extra) or (size, packed)
            if flags & _SIZES_FOLLOW:
                # The member ends where decompression does, and before the next header.
                following = self._next_header(start)
                packed = (following if following >= 0 else self._file.size) - start
            info.CRC, info.compress_size, info.file_size = crc, packed, size
            at = start + packed
            if not info.orig_filename.endswith(("/", "\\")):
                listed = not flags & _SIZES_FOLLOW
                yield _make_entry(info, 0, max(at, start), in_directory=listed)

    def _next_header(self, at: int) -> int:
        """Return the offset of the next member's header, or -1."""
        while at < self._file.size:
            window = self._read_range(at, CHUNK)
            index = window.find(_LOCAL_HEADER)
            if index < 0:
                at += max(1, len(window) - 3)  # the signature may be split between two windows
                continue
            at += index
            header = self._read_range(at, 30)
            if len(header) < 30:
                return -1
            # The signature may also occur in the content of a member.
            version, _, method = struct.unpack("<HHH", header[4:10])
            if version & 0xFF <= 63 and method in _METHODS and header[26:28] != b"\0\0":
                return at
            at += 4
        return -1

    def open(self, entry: ZipEntry) -> tuple[ByteSource, Callable[[], float]]:
        """Return a member's content and a function of the bytes on disk it has consumed.

        Raises one of STREAM_ERRORS, here or at a read, if the content cannot be read.
        """
        info = entry.info
        header = self._read_range(info.header_offset, 30)
        if len(header) < 30 or not header.startswith(_LOCAL_HEADER):
            raise Refused("damaged_member")
        if int.from_bytes(header[6:8], "little") & _ENCRYPTED:
            raise Refused("encrypted_member")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + name_length + extra_length
        if start + info.compress_size > entry.next_offset:
            # A small zip can expand to petabytes if its members share their bytes.
            overlaps = (
                entry.next_offset < self._file.size
                and self._read_range(entry.next_offset, 4) == _LOCAL_HEADER
            )
            raise Refused("decompression_bomb" if overlaps else "damaged_member")
        packed = _PackedBytes(self, start, info.compress_size)

        def consumed() -> float:
            return packed.bytes_read * self._disk_ratio

        source: ByteSource = BombGuard(_open_decompressor(packed, entry), consumed, self._budget)
        return (_ChecksumVerifier(source, info) if entry.in_directory else source), consumed

    def read_at(self, offset: int, size: int) -> bytes:
        """Return compressed bytes of a member."""
        data = self._read_range(offset, size)
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
    """Return the sizes of a member of over 4 GiB, unpacked and packed, from its extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack("<HH", extra[at : at + 4])
        if kind == 1 and size >= 16 and at + 20 <= len(extra):
            length, packed = struct.unpack("<QQ", extra[at + 4 : at + 20])
            return length, packed
        at += 4 + size
    return None


class _PackedBytes:
    """The compressed bytes of a member."""

    def __init__(self, archive: ZipArchive, start: int, length: int) -> None:
        self._archive = archive
        self._start = start
        self._length = length
        self.bytes_read = 0

    def read(self, size: int, /) -> bytes:
        remaining = self._length - self.bytes_read
        if remaining <= 0:
            return b""
        data = self._archive.read_at(self._start + self.bytes_read, min(size, remaining))
        if not data:
            raise EOFError("the zip ends within this member")
        self.bytes_read += len(data)
        return data


def _open_decompressor(packed: ByteSource, entry: ZipEntry) -> ByteSource:
    method = entry.info.compress_type
    if method == zipfile.ZIP_STORED:
        if not entry.in_directory and entry.info.flag_bits & _SIZES_FOLLOW:
            raise Refused("damaged_member")  # its end is unknown
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
    raise Refused("unsupported_compression")


def _new_lzma_decompressor(packed: ByteSource) -> lzma.LZMADecompressor:
    # Version (2 bytes), length of the properties (2 bytes, always 5), the properties.
    head = ExactReader(packed).read(9)
    if len(head) < 9 or head[2:4] != b"\x05\0" or head[4] >= 225:
        raise Refused("damaged_member")
    rest, lc = divmod(head[4], 9)
    pb, lp = divmod(rest, 5)
    dictionary = int.from_bytes(head[5:9], "little")
    filters = [{"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": dictionary}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


class _Deflate64Decompressor:
    """Decompresses Deflate64, which the zip folders of Windows use for large files."""

    def __init__(self, source: ByteSource) -> None:
        import inflate64  # comes with py7zr

        self._source = source
        self._engine = inflate64.Inflater()
        self._pending = b""

    def read(self, size: int, /) -> bytes:
        while not self._pending:
            if self._engine.eof:
                return b""
            # Its output is unbounded, so it is given little input at a time.
            packed = self._source.read(1 << 12)
            if not packed:
                raise EOFError("the compressed stream ends too early")
            self._pending = self._engine.inflate(packed)
        data, self._pending = self._pending[:size], self._pending[size:]
        return data


class _ChecksumVerifier:
    """Verifies the length and the checksum of a member when it ends."""

    def __init__(self, source: ByteSource, info: zipfile.ZipInfo) -> None:
        self._source = source
        self._info = info
        self._size = 0
        self._crc = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        if self._size > self._info.file_size:
            raise Refused("damaged_member")
        if not data and (self._size, self._crc) != (self._info.file_size, self._info.CRC):
            raise Refused("damaged_member")
        return data
