"""Distinguish the files of builds and takedowns in an output folder from all others, by name.

A user may have files of their own in the output folder. Only files with the names listed here are
removed, and no symbolic link is followed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from corpus.errors import PlanError
from corpus.journal import STAGING_FOLDER
from corpus.storage import export_files, folder_lock

#: What the ``plan.yaml`` of a build begins with.
PLAN_COMMENT = "# The plan"
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
        "people",
        "takedowns",
        "tokens",
        export_files.FOLDER,
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
        r"people/(?:names|dropped-\w+)-\d{5,}\.sealed",
        r"takedowns/(?:\d{5,}\.json|lock)",
        # Of an interrupted takedown of version 0.1.0; a later one has the names of the corpus.
        r"takedowns/unfinished/(?:moves\.json|\d{5,}\.json|index-card\.json)",
        r"takedowns/unfinished/(?:(?:part|validation)-\d{5,}\.parquet|(?:reserve|index)-\d{5,}\.sealed)",
        r"takedowns/unfinished/dropped-(?P<taken>\w+)-\d{5,}\.parquet",
        r"tokens/(?:validation/)?(?:index\.json|(?:tokens|documents)\.bin|\.lock|\.progress\.json)",
        r"tokens/(?:validation/)?\.(?:tokens|documents)\.bin\.unfinished",
        rf"{export_files.FOLDER}/[A-Za-z0-9][A-Za-z0-9._-]*/(?:{export_files.NAMES})",
        r"work/(?:lock|begun\.json|status\.json|uploaded\.json)",
        r"work/\.seen-[0-9a-f]{16}\.tmp(?:\.[0-9a-f]{1,16})?",
        rf"{_WORK}/(?:[a-z0-9_-]+/)*[a-z0-9_.-]+\.(?:json|npy|parquet|drawn)",
    ]
)
_FOLDERS = "|".join(
    [
        *map(re.escape, sorted(TOP_FOLDERS)),
        r"takedowns/unfinished(?:/[a-z]+)?",
        r"tokens/validation",
        rf"{export_files.FOLDER}/[A-Za-z0-9][A-Za-z0-9._-]*",
        r"work/[a-z][a-z0-9_]*",
        rf"{_WORK}(?:/[a-z0-9_-]+)*",
    ]
)
_FILE, _FOLDER = re.compile(_FILES), re.compile(_FOLDERS)
#: The description of the index for ``against``: a name that other programs give to files too.
_INDEX = "index/index.json"
#: The folders of token files in a corpus, as its manifest lists them.
_TOKEN_FOLDERS = frozenset({"tokens", "tokens/validation"})
#: The name of a file that :func:`corpus.tasks.files.atomic_write` has not finished; in earlier
#: versions it had the process number alone.
_TEMPORARY = re.compile(r"((?:.*/)?)\.([^/]+)\.\d+(?:-[0-9a-f]{8})?\.tmp")
#: The name that a network file system gives to a removed file that is still open.
_REMOVED_WHILE_OPEN = re.compile(r"\.nfs[0-9a-f]+")


def ledger_stages(manifest: Mapping[str, Any] | None, known: Collection[str] = ()) -> set[str]:
    """Return the stages that may have ledger files: ``known`` ones and those of a manifest."""
    funnel = manifest.get("funnel", ()) if manifest else ()
    return {*_OTHER_LEDGERS, *known, *(row["stage"] for row in funnel)}


def is_ours(name: str, stages: Collection[str] | None) -> bool:
    """Return whether a build or a takedown writes a file of this name.

    ``name`` is relative to the output folder. ``stages`` are those that may have ledger files;
    None means any.
    """
    if temporary := _TEMPORARY.fullmatch(name):
        name = "".join(temporary.groups())
    match = _FILE.fullmatch(name) or _FILE.fullmatch(name.removeprefix(f"{STAGING_FOLDER}/"))
    if match is None:
        return False
    stage = match["stage"] or match["taken"]
    return stage is None or stages is None or stage in stages


def takedown_receipts(folder: Path) -> list[Path]:
    """Return the receipts of takedowns, also of an unfinished one."""
    files = (folder / "takedowns").rglob("*.json")
    return sorted(path for path in files if path.stem.isdecimal())


def check(folder: Path, stages: Collection[str], inside: str = "") -> None:
    """PlanError that names the first entry below ``folder / inside`` that is not ours.

    A symbolic link below ``folder`` is never ours; ``folder`` itself may be one.
    """
    for entry, name in walk_entries(folder, inside):
        check_link(folder, name)
        if entry.is_dir() and _FOLDER.fullmatch(name):
            continue
        is_known = entry.is_file() and is_ours(name, stages)
        if not is_known or (name == _INDEX and not _describes_index(Path(entry.path))):
            raise PlanError(
                f"the output '{folder}' holds '{name}', which no build put there; move it "
                "elsewhere, or give an empty folder with --out"
            )


def check_links(folder: Path) -> None:
    """PlanError if one of our names at the top of ``folder`` is a symbolic link."""
    for name in sorted(TOP_FILES | TOP_FOLDERS):
        check_link(folder, name)


def check_no_links(folder: Path) -> None:
    """PlanError if anything below ``folder`` is a symbolic link."""
    for _, name in walk_entries(folder):
        check_link(folder, name)


def check_link(folder: Path, name: str) -> None:
    """PlanError if the entry ``name`` of ``folder`` is a symbolic link."""
    if (folder / name).is_symlink():
        raise PlanError(
            f"'{folder / name}' is a symbolic link, and files are written and removed in a "
            "corpus's own folder only; remove the link, or give another folder with --out"
        )


def remove(
    folder: Path, name: str, stages: Collection[str] | None = (), *, ignore_errors: bool = False
) -> None:
    """Remove the file ``folder / name``, or all files of ours in the folder of that name.

    Other files are kept, with the folders that contain them; a link is neither followed nor
    removed. OSError if a file cannot be removed, unless ``ignore_errors``.
    """
    path = folder / name
    if path.is_symlink() or not path.exists():
        return
    if not path.is_dir():
        _remove_file(path, name, stages, ignore_errors)
    elif _FOLDER.fullmatch(name):
        for entry in _list_entries(path):
            if entry.is_dir(follow_symlinks=False):
                remove(folder, f"{name}/{entry.name}", stages, ignore_errors=ignore_errors)
            elif not entry.is_symlink():
                _remove_file(Path(entry.path), f"{name}/{entry.name}", stages, ignore_errors)
        with suppress(OSError):  # the folder is not empty
            path.rmdir()


def remove_derived_files(
    folder: Path, manifest: Mapping[str, Any] | None, *, ignore_errors: bool = False
) -> None:
    """Remove the token files of ``tokens/`` and the exports of ``exports/`` that we wrote there.

    We did if the ``manifest`` lists the folder, or if there is a file that only we write. Such
    files go last, so that a removal that is interrupted can be done again.
    """
    listed = {str(entry.get("path")) for entry in (manifest or {}).get("derived", ())}
    is_listed = not listed.isdisjoint(_TOKEN_FOLDERS)
    _remove_derived_folder(folder, "tokens", is_listed, _shows_tokens, ignore_errors)
    for name in list_export_folders(folder):
        _remove_derived_folder(folder, name, name in listed, _shows_export, ignore_errors)
    if not (folder / export_files.FOLDER).is_symlink():
        with suppress(OSError):  # there is none, or it is not empty
            (folder / export_files.FOLDER).rmdir()


def list_export_folders(folder: Path) -> list[str]:
    """Return the names of the folders in ``exports/`` of a corpus; no link is followed."""
    if (folder / export_files.FOLDER).is_symlink():
        return []
    entries = _list_entries(folder / export_files.FOLDER)
    return [
        f"{export_files.FOLDER}/{entry.name}"
        for entry in entries
        if entry.is_dir(follow_symlinks=False)
    ]


def _remove_derived_folder(
    folder: Path,
    inside: str,
    is_listed: bool,
    shows_ours: Callable[[os.DirEntry[str], str], bool],
    ignore_errors: bool,
) -> None:
    entries = [
        (entry, name)
        for entry, name in walk_entries(folder, inside)
        if not (folder / inside).is_symlink() and entry.is_file(follow_symlinks=False)
    ]
    if not is_listed and not any(shows_ours(*each) for each in entries):
        return
    for entry, name in sorted(entries, key=lambda each: shows_ours(*each)):
        _remove_file(Path(entry.path), name, (), ignore_errors)
    remove(folder, inside, ignore_errors=ignore_errors)  # the empty folders


def _shows_export(entry: os.DirEntry[str], name: str) -> bool:
    """Return whether a file below ``exports/`` shows that the files beside it are an export's."""
    if entry.name not in (export_files.EXPORT_MANIFEST, export_files.PROGRESS):
        return False
    return export_files.describes_export(Path(entry.path))


def _shows_tokens(entry: os.DirEntry[str], name: str) -> bool:
    """Return whether a file below ``tokens/`` shows that the files beside it are token files."""
    if not is_ours(name, ()):
        return False
    if entry.name != "index.json":
        return entry.name == ".progress.json" or entry.name.endswith(".unfinished")
    index = _read_object(Path(entry.path))
    beside = Path(entry.path).parent
    is_complete = all((beside / each).is_file() for each in ("tokens.bin", "documents.bin"))
    return index is not None and (is_complete or {"tokenizer", "files"} <= index.keys())


def _describes_index(path: Path) -> bool:
    """Return whether the file describes an index of a corpus, of any version."""
    return {"scheme", "pieces"} <= (_read_object(path) or {}).keys()


def _read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file; None if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def remove_others(folder: Path, name: str, kept: Collection[Path], stages: Collection[str]) -> None:
    """Remove the files in ``folder / name`` that are ours and not among ``kept``."""
    for entry in _list_entries(folder / name):
        path = Path(entry.path)
        if path not in kept and entry.is_file(follow_symlinks=False):
            _remove_file(path, f"{name}/{entry.name}", stages, ignore_errors=False)


def _remove_file(
    path: Path, name: str, stages: Collection[str] | None, ignore_errors: bool
) -> None:
    if not is_ours(name, stages):
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if not ignore_errors:
            raise


def _list_entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder by name; none if there is no such folder."""
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if not _REMOVED_WHILE_OPEN.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(entries, key=lambda entry: entry.name)


def walk_entries(folder: Path, inside: str = "") -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield every entry below a folder with its name, parents first; no link is followed."""
    for entry in _list_entries(folder / inside):
        name = f"{inside}/{entry.name}" if inside else entry.name
        yield entry, name
        if entry.is_dir(follow_symlinks=False):
            yield from walk_entries(folder, name)
