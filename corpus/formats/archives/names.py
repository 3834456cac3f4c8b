"""Check the names of an archive's members: unsafe paths, system files, duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DRIVE = re.compile(r"[A-Za-z]:")
#: Files that operating systems create in folders; never a dump.
_SYSTEM_FILES = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"}


def sanitize_member_name(name: str) -> tuple[str, str]:
    """Return a member's name with ``/`` as separator, and ``unsafe_path`` or empty.

    Nothing is written under a member's name, but names become provenance, and an archive with a
    path out of its folder was made to do harm.
    """
    # Some Windows programs write backslashes as separators.
    path = escape_invalid_bytes(name).replace("\\", "/")
    parts = path.split("/")
    unsafe = path.startswith("/") or _DRIVE.match(path) or ".." in parts or "\0" in path
    clean = "/".join(part for part in parts if part not in ("", "."))
    if unsafe or not clean:
        return path.replace("\0", "\ufffd"), "unsafe_path"
    return clean, ""


def escape_invalid_bytes(name: str) -> str:
    """Return the name with bytes that are not UTF-8 as escapes such as ``\\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_system_file(name: str) -> bool:
    """Return whether an operating system created this file (``.DS_Store``, ``__MACOSX`` …)."""
    parts = name.split("/")
    return "__MACOSX" in parts[:-1] or parts[-1].lower() in _SYSTEM_FILES or parts[-1][:2] == "._"


def make_unique(name: str, counts: dict[str, int]) -> str:
    """Append ``#2``, ``#3`` … to a name that occurred before; ``counts`` is updated."""
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name}#{counts[name]}"


def get_folder(name: str) -> str:
    """Return the folder of a member with its trailing slash, or empty."""
    return "".join(name.rpartition("/")[:2])


def natural_sort_key(name: str) -> list[tuple[int, str, int]]:
    """Return a sort key that orders ``part2`` before ``part10``."""
    pieces: Iterable[str] = re.split(r"([0-9]+)", name)
    return [(1, "", int(p)) if n % 2 else (0, p, 0) for n, p in enumerate(pieces)]
