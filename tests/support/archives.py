"""Archives made in a test: what packs files into bytes."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import py7zr
import zstandard

DAY = (2020, 1, 1, 0, 0, 0)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, DAY), content, compress_type=method)
    return buffer.getvalue()


def zipped_as(name: str, method: int, packed: bytes, content: bytes) -> bytes:
    """A zip of one member by a method that zipfile cannot write."""
    sizes = struct.pack("<III", zlib.crc32(content), len(packed), len(content))
    middle = struct.pack("<HHHH", 0, method, 0, 33) + sizes + struct.pack("<HH", len(name), 0)
    local = b"PK\x03\x04" + struct.pack("<H", 63) + middle + name.encode() + packed
    entry = b"PK\x01\x02" + struct.pack("<HH", 63, 63) + middle
    entry += struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode()
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)
    return local + entry + b"PK\x05\x06" + end


def linked(name: str, target: str, mode: int = 0o120777) -> bytes:
    """A zip of a symbolic link, or of whatever ``mode`` says."""
    entry = zipfile.ZipInfo(name, DAY)
    entry.create_system, entry.external_attr = 3, mode << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, target)
    return buffer.getvalue()


def locked(files: Mapping[str, bytes]) -> bytes:
    """A zip whose members all say that they are encrypted, which zipfile cannot write."""
    content = bytearray(zipped(files))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + offset] |= 1
    return bytes(content)


def seven(
    files: Mapping[str, bytes],
    filters: Sequence[dict[str, int]] = ({"id": py7zr.FILTER_LZMA2, "preset": 1},),
    password: str | None = None,
    hidden: bool = False,
) -> bytes:
    buffer = io.BytesIO()
    chain = None if password else list(filters)
    with py7zr.SevenZipFile(
        buffer, "w", filters=chain, password=password, header_encryption=hidden
    ) as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def blocks(content: bytes, rows: int = 100) -> bytes:
    """The lines as Arctic Shift's blocks."""
    lines = content.splitlines()
    packed = b""
    for at in range(0, len(lines), rows):
        block, places, end = lines[at : at + rows], b"", 0
        for line in block:
            places += struct.pack("<II", end, len(line))
            end += len(line)
        whole = struct.pack("<I", len(block)) + places + b"".join(block)
        frame = zstandard.ZstdCompressor().compress(whole)
        packed += struct.pack("<I", len(frame)) + frame
    return packed
