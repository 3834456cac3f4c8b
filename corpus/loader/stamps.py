"""Recognize whether a shard is the file that it was when its corpus was opened."""

from __future__ import annotations

from pathlib import Path

#: Bytes, time of the last change in nanoseconds, and inode of a file.
Stamp = tuple[int, int, int]


def read_stamp(path: Path) -> Stamp:
    """Return the stamp of a file; OSError if it does not exist."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
