"""Upload a finished corpus to a URL: shards first, the manifest last.

An object store knows no rename and no folder, so the order alone says what is whole: a corpus
without its manifest is not there yet. What was uploaded is noted as it goes, so that an upload
that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus.errors import BuildError, PlanError
from corpus.manifest import MANIFEST_NAME, is_manifest, load_manifest
from corpus.storage import filesystem, output_folder
from corpus.tasks.files import write_json

#: What is uploaded, in this order; whatever else lies in the folder follows, the manifest last.
_UPLOAD_ORDER = ("shards", "dropped", "index", "reserve")
_PRIVATE_FOLDERS = {"work"}
_MARKER = "begun"
#: What the Hub puts into each of its repositories.
_HUB_FILE = ".gitattributes"
#: Files in one commit, at a place where each upload is one.
_FILES_PER_COMMIT = 100

ProgressCallback = Callable[[str, int, int], None]


def check_destination(url: str, *, replace: bool) -> dict[str, Any] | None:
    """See that a corpus may be put at ``url``; the manifest that is there already, if any.

    PlanError if something else is there, or nothing may be written. Done before a build, so that
    nobody waits for hours to hear it.
    """
    there = load_remote_manifest(url)
    try:
        names = (
            {_top_folder(url, found) for found in filesystem.walk(url)} if there is None else set()
        )
    except FileNotFoundError:
        names = set()
    if there is not None and not is_manifest(there):
        names = {MANIFEST_NAME}
        known: set[str] = set()
    else:
        known = {*output_folder.TOP_FILES, *output_folder.TOP_FOLDERS, _MARKER, _HUB_FILE}
    if foreign := sorted(names - known | names & _PRIVATE_FOLDERS):
        raise PlanError(
            f"'{url}' holds '{foreign[0]}', which no build put there; give an empty place"
        )
    if there is None or replace:
        _write_marker(url)
    return there


def load_remote_manifest(url: str) -> dict[str, Any] | None:
    """The manifest of the corpus at ``url``; none if there is no finished one."""
    where = _join_url(url, MANIFEST_NAME)
    try:
        found = json.loads(filesystem.read_file(where)) if filesystem.exists(where) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def upload_corpus(folder: Path, url: str, on_progress: ProgressCallback) -> None:
    """Upload the finished corpus in ``folder``, unless it is at ``url`` already.

    ``told`` hears of files done and of all files. BuildError if it fails time and again; then
    calling it once more goes on.
    """
    if load_remote_manifest(url) == load_manifest(folder):
        return
    filesystem.remove_file(
        _join_url(url, MANIFEST_NAME)
    )  # from here on what is there is not complete
    files = _list_files(folder)
    note = folder / "work" / "uploaded.json"
    done = _load_uploaded(note, url)
    together = _FILES_PER_COMMIT if url.lower().startswith("hf://") else 1
    for begin in range(0, len(files), together):
        names = files[begin : begin + together]
        marks = {name: _file_version(folder / name) for name in names}
        new = [
            n
            for n in names
            if done.get(n) != marks[n] or not _is_uploaded(_join_url(url, n), marks[n][0])
        ]
        if new:
            filesystem.upload_files([(folder / name, _join_url(url, name)) for name in new])
            done |= {name: marks[name] for name in new}
            note.parent.mkdir(exist_ok=True, mode=0o700)
            write_json(note, {"url": url, "files": done})
        on_progress("uploading", begin + len(names), len(files) + 1)
    filesystem.remove_file(_join_url(url, _MARKER))
    wanted = {_join_url(url, name) for name in (*files, _HUB_FILE)}
    strays = sorted(found for found in set(filesystem.walk(url)) - wanted if _is_ours(url, found))
    for begin in range(0, len(strays), _FILES_PER_COMMIT):
        filesystem.remove_files(strays[begin : begin + _FILES_PER_COMMIT])
    filesystem.upload_file(folder / MANIFEST_NAME, _join_url(url, MANIFEST_NAME))
    on_progress("uploading", len(files) + 1, len(files) + 1)
    note.unlink(missing_ok=True)


def _list_files(folder: Path) -> list[str]:
    """The names of all that is uploaded but the manifest, in order."""
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if (
            path.is_file()
            and not hidden
            and name.parts[0] not in _PRIVATE_FOLDERS
            and str(name) != MANIFEST_NAME
        ):
            found.append(name)
    ranks = {name: rank for rank, name in enumerate(_UPLOAD_ORDER)}
    return [n.as_posix() for n in sorted(found, key=lambda n: (ranks.get(n.parts[0], 9), n))]


def _file_version(path: Path) -> list[int]:
    return [path.stat().st_size, path.stat().st_mtime_ns]


def _load_uploaded(log: Path, url: str) -> dict[str, Any]:
    try:
        found = json.loads(log.read_text(encoding="utf-8"))
        return dict(found["files"]) if found["url"] == url else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_uploaded(url: str, size: int) -> bool:
    try:
        return filesystem.stat(url).size == size
    except OSError:
        return False


def _write_marker(url: str) -> None:
    where = _join_url(url, _MARKER)
    try:
        filesystem.write_file(where, b"a corpus is being built; its manifest comes last\n")
    except (OSError, BuildError) as error:
        raise PlanError(f"cannot write to '{url}': {error}") from None


def _join_url(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{name}"


def _is_ours(url: str, found: str) -> bool:
    return output_folder.is_ours(found.removeprefix(url.rstrip("/") + "/"), None)


def _top_folder(url: str, path: str) -> str:
    return path.removeprefix(url.rstrip("/") + "/").partition("/")[0]
