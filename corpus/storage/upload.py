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
from corpus.storage import filesystem, output_folder
from corpus.tasks.receipts import NAME, is_manifest, load_manifest, write_json

#: What is uploaded, in this order; whatever else lies in the folder follows, the manifest last.
_ORDER = ("shards", "dropped", "index", "reserve")
_PRIVATE = {"work"}
_PROBE = "begun"
#: What the Hub puts into each of its repositories.
_HUBS_OWN = ".gitattributes"
#: Files in one commit, at a place where each upload is one.
_TOGETHER = 100

Told = Callable[[str, int, int], None]


def check(url: str, *, replace: bool) -> dict[str, Any] | None:
    """See that a corpus may be put at ``url``; the manifest that is there already, if any.

    PlanError if something else is there, or nothing may be written. Done before a build, so that
    nobody waits for hours to hear it.
    """
    there = manifest_at(url)
    try:
        names = {_first(url, found) for found in filesystem.walk(url)} if there is None else set()
    except FileNotFoundError:
        names = set()
    if there is not None and not is_manifest(there):
        names = {NAME}
        known: set[str] = set()
    else:
        known = {*output_folder.TOP_FILES, *output_folder.TOP_FOLDERS, _PROBE, _HUBS_OWN}
    if foreign := sorted(names - known | names & _PRIVATE):
        raise PlanError(
            f"'{url}' holds '{foreign[0]}', which no build put there; give an empty place"
        )
    if there is None or replace:
        _probe(url)
    return there


def manifest_at(url: str) -> dict[str, Any] | None:
    """The manifest of the corpus at ``url``; none if there is no finished one."""
    where = _joined(url, NAME)
    try:
        found = json.loads(filesystem.read(where)) if filesystem.exists(where) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def publish(folder: Path, url: str, told: Told) -> None:
    """Upload the finished corpus in ``folder``, unless it is at ``url`` already.

    ``told`` hears of files done and of all files. BuildError if it fails time and again; then
    calling it once more goes on.
    """
    if manifest_at(url) == load_manifest(folder):
        return
    filesystem.remove(_joined(url, NAME))  # from here on what is there is not complete
    files = _files(folder)
    note = folder / "work" / "uploaded.json"
    done = _noted(note, url)
    together = _TOGETHER if url.lower().startswith("hf://") else 1
    for begin in range(0, len(files), together):
        names = files[begin : begin + together]
        marks = {name: _mark(folder / name) for name in names}
        new = [
            n for n in names if done.get(n) != marks[n] or not _whole(_joined(url, n), marks[n][0])
        ]
        if new:
            filesystem.upload_together([(folder / name, _joined(url, name)) for name in new])
            done |= {name: marks[name] for name in new}
            note.parent.mkdir(exist_ok=True, mode=0o700)
            write_json(note, {"url": url, "files": done})
        told("uploading", begin + len(names), len(files) + 1)
    filesystem.remove(_joined(url, _PROBE))
    wanted = {_joined(url, name) for name in (*files, _HUBS_OWN)}
    strays = sorted(found for found in set(filesystem.walk(url)) - wanted if _is_ours(url, found))
    for begin in range(0, len(strays), _TOGETHER):
        filesystem.remove_together(strays[begin : begin + _TOGETHER])
    filesystem.upload(folder / NAME, _joined(url, NAME))
    told("uploading", len(files) + 1, len(files) + 1)
    note.unlink(missing_ok=True)


def _files(folder: Path) -> list[str]:
    """The names of all that is uploaded but the manifest, in order."""
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and name.parts[0] not in _PRIVATE and str(name) != NAME:
            found.append(name)
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    return [n.as_posix() for n in sorted(found, key=lambda n: (ranks.get(n.parts[0], 9), n))]


def _mark(path: Path) -> list[int]:
    return [path.stat().st_size, path.stat().st_mtime_ns]


def _noted(note: Path, url: str) -> dict[str, Any]:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        return dict(found["files"]) if found["url"] == url else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _whole(where: str, size: int) -> bool:
    try:
        return filesystem.stat(where).size == size
    except OSError:
        return False


def _probe(url: str) -> None:
    where = _joined(url, _PROBE)
    try:
        filesystem.write(where, b"a corpus is being built; its manifest comes last\n")
    except (OSError, BuildError) as error:
        raise PlanError(f"cannot write to '{url}': {error}") from None


def _joined(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{name}"


def _is_ours(url: str, found: str) -> bool:
    return output_folder.is_ours(found.removeprefix(url.rstrip("/") + "/"), None)


def _first(url: str, found: str) -> str:
    return found.removeprefix(url.rstrip("/") + "/").partition("/")[0]
