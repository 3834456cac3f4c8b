"""Upload a finished corpus to a URL: shards first, the manifest last.

An object store has no rename and no folders, so the order alone shows whether a corpus is
complete: without its manifest it is not. Uploaded files are recorded in ``work/uploaded.json``, so
that an interrupted upload continues.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus.errors import BuildError, PlanError
from corpus.journal import STAGING_FOLDER
from corpus.manifest import MANIFEST_NAME, is_manifest, load_manifest
from corpus.storage import filesystem, output_folder
from corpus.tasks.files import write_json

#: The folders that are uploaded first, in this order; other files follow, the manifest last.
_UPLOAD_ORDER = ("shards", "dropped", "index", "reserve")
_PRIVATE_FOLDERS = {"work"}
#: A file that shows that the destination can be written to, until the manifest is there.
_MARKER = "begun"
#: A file that the Hub adds to each of its repositories.
_HUB_FILE = ".gitattributes"
#: Files in one commit, in a store where each change is a commit.
_FILES_PER_COMMIT = 100

ProgressCallback = Callable[[str, int, int], None]


def check_destination(url: str, *, replace: bool) -> dict[str, Any] | None:
    """Check that a corpus may be written to ``url``; return the manifest that is there, if any.

    A build checks this before it starts. PlanError if there are files of others, or if ``url``
    cannot be written to.
    """
    manifest = load_remote_manifest(url)
    try:
        names = (
            {_top_folder(url, file) for file in filesystem.walk(url)} if manifest is None else set()
        )
    except FileNotFoundError:
        names = set()
    if manifest is not None and not is_manifest(manifest):
        names = {MANIFEST_NAME}
        known: set[str] = set()
    else:
        known = {*output_folder.TOP_FILES, *output_folder.TOP_FOLDERS, _MARKER, _HUB_FILE}
    if foreign := sorted(names - known | names & _PRIVATE_FOLDERS):
        raise PlanError(
            f"'{url}' holds '{foreign[0]}', which no build put there; give an empty folder"
        )
    if manifest is None or replace:
        _write_marker(url)
    return manifest


def load_remote_manifest(url: str) -> dict[str, Any] | None:
    """Return the manifest of the corpus at ``url``, or None if there is no finished one."""
    file = _join_url(url, MANIFEST_NAME)
    try:
        manifest = json.loads(filesystem.read_file(file)) if filesystem.exists(file) else None
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def upload_corpus(folder: Path, url: str, on_progress: ProgressCallback) -> None:
    """Upload the finished corpus in ``folder``, unless it is at ``url`` already.

    ``on_progress`` is called with the step, the files done and the number of files. BuildError if
    it fails repeatedly; another call continues the upload.
    """
    if load_remote_manifest(url) == load_manifest(folder):
        return
    # Without its manifest, the corpus at the URL is incomplete from here on.
    filesystem.remove_file(_join_url(url, MANIFEST_NAME))
    files = _list_files(folder)
    log = folder / "work" / "uploaded.json"
    uploaded = _load_uploaded(log, url)
    batch_size = _FILES_PER_COMMIT if url.lower().startswith("hf://") else 1
    for begin in range(0, len(files), batch_size):
        names = files[begin : begin + batch_size]
        versions = {name: _file_version(folder / name) for name in names}
        new = [
            name
            for name, version in versions.items()
            if uploaded.get(name) != version or not _has_size(_join_url(url, name), version[0])
        ]
        if new:
            filesystem.upload_files([(folder / name, _join_url(url, name)) for name in new])
            uploaded |= {name: versions[name] for name in new}
            log.parent.mkdir(exist_ok=True, mode=0o700)
            write_json(log, {"url": url, "files": uploaded})
        on_progress("uploading", begin + len(names), len(files) + 1)
    filesystem.remove_file(_join_url(url, _MARKER))
    current = {_join_url(url, name) for name in (*files, _HUB_FILE)}
    obsolete = sorted(file for file in set(filesystem.walk(url)) - current if _is_ours(url, file))
    for begin in range(0, len(obsolete), _FILES_PER_COMMIT):
        filesystem.remove_files(obsolete[begin : begin + _FILES_PER_COMMIT])
    filesystem.upload_file(folder / MANIFEST_NAME, _join_url(url, MANIFEST_NAME))
    on_progress("uploading", len(files) + 1, len(files) + 1)
    log.unlink(missing_ok=True)


def _list_files(folder: Path) -> list[str]:
    """Return the names of the files to upload in order, without the manifest."""
    names = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if (
            path.is_file()
            and not hidden
            and name.parts[0] not in _PRIVATE_FOLDERS
            and not name.as_posix().startswith(f"{STAGING_FOLDER}/")
            and str(name) != MANIFEST_NAME
        ):
            names.append(name)
    ranks = {folder_name: rank for rank, folder_name in enumerate(_UPLOAD_ORDER)}
    names.sort(key=lambda name: (ranks.get(name.parts[0], len(ranks)), name))
    return [name.as_posix() for name in names]


def _file_version(path: Path) -> list[int]:
    return [path.stat().st_size, path.stat().st_mtime_ns]


def _load_uploaded(log: Path, url: str) -> dict[str, Any]:
    """Return the versions of the files that an interrupted upload to ``url`` has finished."""
    try:
        entry = json.loads(log.read_text(encoding="utf-8"))
        return dict(entry["files"]) if entry["url"] == url else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _has_size(url: str, size: int) -> bool:
    try:
        return filesystem.stat(url).size == size
    except OSError:
        return False


def _write_marker(url: str) -> None:
    marker = _join_url(url, _MARKER)
    try:
        filesystem.write_file(marker, b"a corpus is being built; its manifest comes last\n")
    except (OSError, BuildError) as error:
        raise PlanError(f"cannot write to '{url}': {error}") from None


def _join_url(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{name}"


def _is_ours(url: str, file: str) -> bool:
    return output_folder.is_ours(file.removeprefix(url.rstrip("/") + "/"), None)


def _top_folder(url: str, path: str) -> str:
    return path.removeprefix(url.rstrip("/") + "/").partition("/")[0]
