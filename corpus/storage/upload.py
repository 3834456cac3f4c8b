"""Upload a finished corpus to a URL: shards first, the manifest last.

An object store has no rename and no folders, so the order alone shows whether a corpus is
complete: without its manifest it is not. Uploaded files are recorded in ``work/uploaded.json``, so
that an interrupted upload continues. Only files that builds and takedowns write are uploaded,
overwritten and removed; a marker at the URL says that an upload is not complete, and that what is
there is of an upload.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from corpus.errors import BuildError, PlanError
from corpus.journal import STAGING_FOLDER
from corpus.manifest import MANIFEST_NAME, is_manifest, load_manifest
from corpus.storage import filesystem, output_folder
from corpus.tasks.files import format_json, write_json

#: The folders that are uploaded first, in this order; other files follow, the manifest last.
_UPLOAD_ORDER = ("shards", "dropped", "index", "reserve")
_PRIVATE_FOLDERS = {"work", "people"}
#: The folders that only the owner of the key can use: for later corpora, and for takedowns.
KEYED_FOLDERS = ("index", "reserve")
#: The field of a published manifest that names the folders which are not in the copy.
_OMITTED = "published_without"
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
    _check_links(url)
    manifest = load_remote_manifest(url)
    if foreign := _find_foreign_files(url, manifest):
        raise PlanError(
            f"'{url}' holds '{foreign[0]}', which no build put there; give an empty folder"
        )
    if manifest is None or replace:
        _write_marker(url)
    return manifest


def _find_foreign_files(url: str, manifest: dict[str, Any] | None) -> list[str]:
    """The names at ``url`` that show that its files are not those of a corpus."""
    if manifest is not None:
        return [] if is_manifest(manifest) else [MANIFEST_NAME]
    try:
        names = {_top_folder(url, file) for file in filesystem.walk(url)}
    except FileNotFoundError:
        return []
    known = {_HUB_FILE}
    # Without a sign of an upload, a user may have files of the same names.
    if _MARKER in names or ("plan.yaml" in names and _is_plan_of_build(url)):
        known |= {_MARKER, *output_folder.TOP_FILES, *output_folder.TOP_FOLDERS}
    return sorted(names - known | names & _PRIVATE_FOLDERS)


def _is_plan_of_build(url: str) -> bool:
    head = output_folder.PLAN_COMMENT.encode()
    return filesystem.read_file(_join_url(url, "plan.yaml"))[: len(head)] == head


def _check_links(url: str) -> None:
    """PlanError if a name at a URL of this machine's disk is a link: it would be followed."""
    if (folder := filesystem.local_path(url)) is not None:
        output_folder.check_no_links(folder)


def load_remote_manifest(url: str) -> dict[str, Any] | None:
    """Return the manifest of the corpus at ``url``, or None if there is no finished one."""
    file = _join_url(url, MANIFEST_NAME)
    try:
        manifest = json.loads(filesystem.read_file(file)) if filesystem.exists(file) else None
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


class Upload(NamedTuple):
    """What an upload has uploaded, and what it has not."""

    files: int
    omitted_folders: tuple[str, ...]  # of :data:`KEYED_FOLDERS`, those that the corpus has
    foreign: tuple[str, ...]  # files in the folder that no build wrote
    replaced: tuple[str, ...] = ()  # URLs of files that may have been replaced, or were removed


def upload_corpus(
    folder: Path,
    url: str,
    on_progress: ProgressCallback,
    *,
    omitted: Collection[str] = (),
    stages: Collection[str] = (),
) -> Upload:
    """Upload the finished corpus in ``folder``, unless it is at ``url`` already.

    The folders ``omitted`` of :data:`KEYED_FOLDERS` are not uploaded, and the manifest at the URL
    does not list them. ``stages`` may have ledger files besides those of the manifest.
    ``on_progress`` is called with the step, the files done and the number of files. BuildError if
    it fails repeatedly; another call continues the upload. PlanError for a link in the folder.
    """
    output_folder.check_links(folder)
    local, remote = load_manifest(folder), load_remote_manifest(url)
    manifest = _omit_folders(local, omitted)
    stages = output_folder.ledger_stages(local, stages)
    files, foreign = _list_files(folder, stages, omitted)
    result = Upload(len(files) + 1, tuple(manifest.get(_OMITTED, ())), tuple(foreign))
    if remote == manifest:
        filesystem.remove_file(_join_url(url, _MARKER))  # of an upload stopped after its manifest
        return result
    stages = output_folder.ledger_stages(remote if is_manifest(remote) else None, stages)
    # Without its manifest, the corpus at the URL is incomplete from here on.
    if not filesystem.exists(_join_url(url, _MARKER)):
        _write_marker(url)
    filesystem.remove_file(_join_url(url, MANIFEST_NAME))
    log = folder / "work" / "uploaded.json"
    uploaded = _load_uploaded(log, url)
    replaced: list[str] = []
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
            if remote is not None:
                replaced += [_join_url(url, name) for name in new]
            log.parent.mkdir(exist_ok=True, mode=0o700)
            write_json(log, {"url": url, "files": uploaded})
        on_progress("uploading", begin + len(names), len(files) + 1)
    current = {_join_url(url, name) for name in (*files, _HUB_FILE)}
    obsolete = sorted(
        file for file in set(filesystem.walk(url)) - current if _is_ours(url, file, stages)
    )
    for begin in range(0, len(obsolete), _FILES_PER_COMMIT):
        filesystem.remove_files(obsolete[begin : begin + _FILES_PER_COMMIT])
    if manifest == local:
        filesystem.upload_file(folder / MANIFEST_NAME, _join_url(url, MANIFEST_NAME))
    else:
        data = format_json(manifest).encode("utf-8")
        filesystem.write_file(_join_url(url, MANIFEST_NAME), data)
    filesystem.remove_file(_join_url(url, _MARKER))  # last: until then the files are known as ours
    on_progress("uploading", len(files) + 1, len(files) + 1)
    log.unlink(missing_ok=True)
    return result._replace(replaced=(*replaced, *obsolete))


def is_copy(remote: dict[str, Any] | None, manifest: dict[str, Any]) -> bool:
    """Whether what is at a URL is nothing, or a copy of the corpus, with all folders or without."""
    return remote is None or remote == _omit_folders(manifest, remote.get(_OMITTED, ()))


def _omit_folders(manifest: dict[str, Any], omitted: Collection[str]) -> dict[str, Any]:
    """The manifest of a copy without some of :data:`KEYED_FOLDERS`."""
    names = [name for name in KEYED_FOLDERS if name in omitted and manifest.get(name)]
    if not names:
        return manifest
    return {**manifest, **{name: {} for name in names}, _OMITTED: names}


def _list_files(
    folder: Path, stages: Collection[str], omitted: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Return the names of the files to upload in order, without the manifest, and foreign names.

    Foreign are links and files that no build wrote; hidden ones are not listed. PlanError for a
    link that has the name of a file of ours.
    """
    names: list[str] = []
    foreign: list[str] = []
    for entry, name in output_folder.walk_entries(folder):
        first, *inside = name.split("/")
        hidden = any(part.startswith(".") for part in (first, *inside))
        unfinished = name.startswith(f"{STAGING_FOLDER}/") or name == "takedowns/lock"
        if hidden or unfinished or first in (*_PRIVATE_FOLDERS, *omitted, MANIFEST_NAME):
            continue
        if entry.is_symlink():
            if output_folder.is_ours(name, stages):
                output_folder.check_link(folder, name)
            foreign.append(name)
        elif entry.is_file():
            (names if output_folder.is_ours(name, stages) else foreign).append(name)
    ranks = {folder_name: rank for rank, folder_name in enumerate(_UPLOAD_ORDER)}
    names.sort(key=lambda name: (ranks.get(name.split("/")[0], len(ranks)), name.split("/")))
    return names, foreign


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


def _is_ours(url: str, file: str, stages: Collection[str]) -> bool:
    return output_folder.is_ours(file.removeprefix(url.rstrip("/") + "/"), stages)


def _top_folder(url: str, path: str) -> str:
    return path.removeprefix(url.rstrip("/") + "/").partition("/")[0]
