"""Write files that are complete or absent, and compute their checksums and fingerprints."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A list of numbers in indented JSON is written on one line. JSON strings contain no line ends, so
# the pattern matches nothing inside a string.
_NUMBER_LIST = re.compile(r"(?<=\[)\n\s*-?[\d.]+(?:,\n\s*-?[\d.]+)*\n\s*(?=\])")


@contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Write a file completely or not at all: yield a temporary path, then rename it to ``path``.

    With ``durable`` the bytes are synced to disk before the rename. After an exception the
    temporary file is removed and ``path`` is as before.
    """
    # The random part is needed: processes of two machines or containers that write to one shared
    # folder can have the same process id.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if durable:
            fsync_file(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def fsync_file(path: Path) -> None:
    """Ask the disk to have the content of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Sync a folder to disk: after a power failure, a rename in it could be lost otherwise."""
    fsync_file(folder)


def canonical_json(value: object) -> str:
    """JSON text that is the same for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def fingerprint(*parts: object) -> str:
    """SHA-256 over the canonical JSON of ``parts``, in hex."""
    return hashlib.sha256(canonical_json(parts).encode("utf-8")).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_version(path: Path) -> tuple[int, int, int]:
    """Numbers that differ once the file is written anew."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def write_json(path: Path, value: object, *, pretty: bool = False, durable: bool = False) -> None:
    """Write ``value`` as JSON with :func:`atomic_write`; ``pretty`` indents it for readers."""
    text = format_json(value) if pretty else canonical_json(value) + "\n"
    with atomic_write(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


def format_json(value: object) -> str:
    """JSON text with indents, for readers."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    text = _NUMBER_LIST.sub(lambda found: re.sub(r"\s+", " ", found[0]).strip(), text)
    return text + "\n"


def file_crc32(path: Path) -> int:
    """CRC-32 of a file, at a few GB/s. It detects damage by a disk, not a forged file."""
    checksum = 0
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    return checksum
