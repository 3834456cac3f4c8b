"""Judge the names that an archive gives its members: which are safe, and which are no dumps."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DRIVE = re.compile(r"[A-Za-z]:")
#: What systems leave beside the files: never a dump.
_SYSTEM_FILES = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"}


def sanitize_member_name(name: str) -> tuple[str, str]:
    """A member's name with ``/`` between its parts, and ``unsafe_path`` if it leads elsewhere.

    Nothing is ever written under such a name; but it becomes provenance, and an archive that holds
    one was made to do harm.
    """
    # Some Windows programs put backslashes between the parts, so they count as separators.
    path = escape_invalid_bytes(name).replace("\\", "/")
    parts = path.split("/")
    unsafe = path.startswith("/") or _DRIVE.match(path) or ".." in parts or "\0" in path
    shown = "/".join(part for part in parts if part not in ("", "."))
    if unsafe or not shown:
        return path.replace("\0", "\ufffd"), "unsafe_path"
    return shown, ""


def escape_invalid_bytes(name: str) -> str:
    """A name as plain text, even if its bytes are none."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_system_file(name: str) -> bool:
    """Whether a system left this file beside the others."""
    parts = name.split("/")
    return "__MACOSX" in parts[:-1] or parts[-1].lower() in _SYSTEM_FILES or parts[-1][:2] == "._"


def make_unique(name: str, counts: dict[str, int]) -> str:
    """The name, told apart from its earlier likes: an archive can hold one name twice."""
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name}#{counts[name]}"


def natural_sort_key(name: str) -> list[tuple[int, str, int]]:
    """A key that sorts ``part2`` before ``part10``."""
    pieces: Iterable[str] = re.split(r"([0-9]+)", name)
    return [(1, "", int(p)) if n % 2 else (0, p, 0) for n, p in enumerate(pieces)]
