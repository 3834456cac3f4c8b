"""Name the files of a plan's sources in the output, wherever the dump's folder is.

A file's name is its path below the source's path: of a source that is one file, the file's name; of
a folder or a pattern, what follows the folders without ``*``, ``?`` or ``[``; of a folder that is
one archive, ``.``. What may name an account is keyed (see :mod:`corpus.privacy.file_names`). If an
earlier source has a file of the same name, the number of the source, from 1, and a slash precede.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import NamedTuple

from corpus import readers
from corpus.plan.entries import Source
from corpus.privacy.file_names import FileNamer
from corpus.storage import filesystem

_MAGIC = "*?["
#: Between the patterns of one entry of ``prefer_sources``; no file name contains it.
PATTERN_SEPARATOR = "\n"


class NamedFile(NamedTuple):
    """A file of a source, and its name in the output."""

    source: int  # the position in the plan, from 0
    path: str
    name: str


def name_files(sources: Sequence[Source], key: bytes) -> list[NamedFile]:
    """Return all files of all sources, in reading order; no two have the same name."""
    namer = FileNamer(key)
    found: list[NamedFile] = []
    taken: set[str] = set()
    for number, source in enumerate(sources):
        module = readers.find(source.reader)
        account_files = getattr(module, "ACCOUNT_FILES", ())
        public_files = getattr(module, "PUBLIC_FILES", ())
        may_be_folder = getattr(module, "FOLDERS", False)
        paths = source.list_files()
        names = [
            namer.name_path(
                relative_path(path, source.config.path, may_be_folder=may_be_folder),
                account_files,
                public_files,
            )
            for path in paths
        ]
        while taken & set(names):
            names = [f"{number + 1}/{name}" for name in names]
        taken |= set(names)
        found += [NamedFile(number, *pair) for pair in zip(paths, names, strict=True)]
    return found


def relative_path(file: str, source_path: str, *, may_be_folder: bool = False) -> str:
    """Return the path of a file below the fixed part of its source's path; ``.`` for a folder.

    With ``may_be_folder`` the file may be a folder that is one archive.
    """
    is_folder = may_be_folder and filesystem.is_folder(file)
    file, source_path = os.path.normpath(_strip_scheme(file)), _strip_scheme(source_path)
    base = os.path.normpath(source_path)
    if file == base:
        return "." if is_folder else os.path.basename(base)
    if base != "." and not file.startswith(base.rstrip("/") + "/"):
        base = os.path.normpath(fixed_folder(source_path) or ".")
    inside = base.rstrip("/") + "/"
    rest = file.removeprefix(inside)
    if rest not in (file, "") and not rest.startswith(("/", "..")):
        return rest
    return os.path.relpath(file, base).replace(os.sep, "/")


def fixed_folder(pattern: str) -> str:
    """Return the folders of a pattern before the first with ``*``, ``?`` or ``[``."""
    parts = pattern.split("/")
    magic = next((n for n, part in enumerate(parts) if set(part) & set(_MAGIC)), len(parts) - 1)
    return "/".join(parts[:magic]) or ("/" if pattern.startswith("/") else "")


def _strip_scheme(path: str) -> str:
    return path.partition("://")[2] if filesystem.is_url(path) else path


def select_by_name(pattern: str, files: Sequence[NamedFile]) -> str:
    """Return an entry of ``prefer_sources`` for the names in the output, one pattern a line.

    A pattern with folders matches paths, here those of ``files``: the names of the files that it
    matches, and of their members, replace it.
    """
    patterns = [] if "/" in pattern else [pattern]
    for file in files:
        if fnmatch(file.path, pattern) or fnmatch(file.path, f"*/{pattern}"):
            name = glob.escape(file.name)
            patterns += [name, f"{name}!*", f"{name}/*"]
    return PATTERN_SEPARATOR.join(patterns)
