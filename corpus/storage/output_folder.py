"""The files that builds and takedowns write into an output folder, told by name from all others.

A user may keep files of their own in a folder that a build is given. Nothing is removed there but
files whose names are listed here, and no symbolic link is followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from corpus.errors import PlanError
from corpus.storage import folder_lock

#: The files at the top of an output folder.
TOP_FILES = frozenset(
    {
        "plan.yaml",
        "manifest.json",
        "README.md",
        "report.html",
        "statistics.json",
        "croissant.json",
        "DATASHEET.md",
        folder_lock.NAME,
    }
)
#: The folders at the top of an output folder.
TOP_FOLDERS = frozenset(
    {
        "shards",
        "validation",
        "dropped",
        "index",
        "reserve",
        "takedowns",
        "tokens",
        "work",
    }
)
#: Ledger files that no stage of the plan writes: refused records, and posts taken down.
_OTHER_LEDGERS = frozenset({"read", "takedown"})

_TOP = "|".join(map(re.escape, sorted(TOP_FILES)))
_WORK = r"work/[a-z][a-z0-9_]*/[0-9a-f]{20}"
_FILES = "|".join(
    [
        _TOP,
        r"shards/part-\d{5,}\.parquet",
        r"validation/validation-\d{5,}\.parquet",
        r"dropped/(?P<stage>\w+)-\d{5,}\.parquet",
        r"index/(?:\d{5,}\.sealed|index\.json)",
        r"reserve/\d{5,}\.sealed",
        r"takedowns/(?:\d{5,}\.json|lock)",
        rf"takedowns/unfinished/(?:{_TOP}|moves\.json|\d{{5,}}\.json|index-card\.json)",
        r"takedowns/unfinished/(?:(?:part|validation)-\d{5,}\.parquet|(?:reserve|index)-\d{5,}\.sealed)",
        r"takedowns/unfinished/dropped-(?P<taken>\w+)-\d{5,}\.parquet",
        r"tokens/(?:validation/)?(?:index\.json|(?:tokens|documents)\.bin|\.lock|\.progress\.json)",
        r"tokens/(?:validation/)?\.(?:tokens|documents)\.bin\.unfinished",
        r"work/(?:lock|begun\.json|status\.json|uploaded\.json)",
        r"work/\.seen-[0-9a-f]{16}\.tmp(?:\.[0-9a-f]{1,16})?",
        rf"{_WORK}/(?:[a-z0-9_-]+/)*[a-z0-9_.-]+\.(?:json|npy|parquet|drawn)",
    ]
)
_FOLDERS = "|".join(
    [
        *map(re.escape, sorted(TOP_FOLDERS)),
        r"takedowns/unfinished",
        r"tokens/validation",
        r"work/[a-z][a-z0-9_]*",
        rf"{_WORK}(?:/[a-z0-9_-]+)*",
    ]
)
_FILE, _FOLDER = re.compile(_FILES), re.compile(_FOLDERS)
#: What :func:`corpus.tasks.receipts.replacing` calls a file before it is whole; earlier versions gave
#: the process number alone.
_TEMPORARY = re.compile(r"((?:.*/)?)\.([^/]+)\.\d+(?:-[0-9a-f]{8})?\.tmp")
#: What a network disk calls a removed file that is still open; it removes the file itself.
_REMOVED_WHILE_OPEN = re.compile(r"\.nfs[0-9a-f]+")


def ledger_stages(manifest: Mapping[str, Any] | None, known: Collection[str] = ()) -> set[str]:
    """The stages that ``dropped/`` may hold files of: ``known`` ones and those of a manifest."""
    funnel = manifest.get("funnel", ()) if manifest else ()
    return {*_OTHER_LEDGERS, *known, *(row["stage"] for row in funnel)}


def is_ours(name: str, stages: Collection[str] | None) -> bool:
    """Whether a build or a takedown writes a file of this name, a path from the output folder.

    ``stages`` are those that ``dropped/`` may hold files of; None stands for any.
    """
    if temporary := _TEMPORARY.fullmatch(name):
        name = "".join(temporary.groups())
    found = _FILE.fullmatch(name)
    if found is None:
        return False
    stage = found["stage"] or found["taken"]
    return stage is None or stages is None or stage in stages


def takedown_receipts(folder: Path) -> list[Path]:
    """What shows that posts were taken down: receipts, or the moves of an unfinished takedown."""
    found = [path for path in (folder / "takedowns").glob("*.json") if path.stem.isdecimal()]
    return sorted(found) + list((folder / "takedowns" / "unfinished").glob("moves.json"))


def check(folder: Path, stages: Collection[str], inside: str = "") -> None:
    """PlanError that names the first entry of ``folder / inside``, nested too, that is not ours.

    A symbolic link below ``folder`` is never ours; ``folder`` itself may be one.
    """
    for entry, name in _entries(folder, inside):
        _check_link(folder, name)
        if entry.is_dir() and _FOLDER.fullmatch(name):
            continue
        if not (entry.is_file() and is_ours(name, stages)):
            raise PlanError(
                f"the output '{folder}' holds '{name}', which no build put there; move it "
                "elsewhere, or give an empty folder with --out"
            )


def check_links(folder: Path) -> None:
    """PlanError if one of our names at the top of ``folder`` is a symbolic link."""
    for name in sorted(TOP_FILES | TOP_FOLDERS):
        _check_link(folder, name)


def _check_link(folder: Path, name: str) -> None:
    if (folder / name).is_symlink():
        raise PlanError(
            f"'{folder / name}' is a symbolic link, and files are written and removed in a "
            "corpus's own folder only; remove the link, or give another folder with --out"
        )


def remove(
    folder: Path, name: str, stages: Collection[str] = (), *, ignore_errors: bool = False
) -> None:
    """Remove what is ours of ``folder / name``, a file or a folder with all that is in it.

    What is not ours is kept, with the folders that hold it; a link is neither followed nor
    removed. OSError if a file cannot be removed, unless ``ignore_errors``.
    """
    path = folder / name
    if path.is_symlink() or not path.exists():
        return
    if not path.is_dir():
        _remove_file(path, name, stages, ignore_errors)
    elif _FOLDER.fullmatch(name):
        for entry in _scanned(path):
            if entry.is_dir(follow_symlinks=False):
                remove(folder, f"{name}/{entry.name}", stages, ignore_errors=ignore_errors)
            elif not entry.is_symlink():
                _remove_file(Path(entry.path), f"{name}/{entry.name}", stages, ignore_errors)
        with suppress(OSError):  # it still holds something
            path.rmdir()


def remove_others(folder: Path, name: str, kept: Collection[Path], stages: Collection[str]) -> None:
    """Remove the files in ``folder / name`` that are ours and not among ``kept``."""
    for entry in _scanned(folder / name):
        path = Path(entry.path)
        if path not in kept and entry.is_file(follow_symlinks=False):
            _remove_file(path, f"{name}/{entry.name}", stages, ignore_errors=False)


def _remove_file(path: Path, name: str, stages: Collection[str], ignore_errors: bool) -> None:
    if not is_ours(name, stages):
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if not ignore_errors:
            raise


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder by name; none if it is no folder (any more)."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not _REMOVED_WHILE_OPEN.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=lambda entry: entry.name)


def _entries(folder: Path, inside: str = "") -> Iterator[tuple[os.DirEntry[str], str]]:
    """Every entry below ``folder``, a folder before what is in it; no link is followed."""
    for entry in _scanned(folder / inside):
        name = f"{inside}/{entry.name}" if inside else entry.name
        yield entry, name
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(folder, name)
