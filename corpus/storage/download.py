"""Bring models, lists, evaluation sets and earlier corpora that a plan names by URL to this disk.

Libraries want these as files, and they are small beside the dumps. Copies lie in
``corpus.fetched/`` beside the folder that is built, so that the nodes of a cluster see them too,
under a name that changes when the file at the URL does.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from corpus.errors import BuildError, PlanError
from corpus.storage import filesystem
from corpus.tasks.files import atomic_write

DOWNLOAD_FOLDER = "corpus.fetched"
Config = TypeVar("Config", bound=BaseModel)


def download_config_files(config: Config, folder: Path, *, corpora: bool) -> Config:
    """The same settings with a path on this disk for each URL of a file.

    ``corpora`` says that ``against`` names finished corpora, of which only the index is brought.
    PlanError if one cannot be had.
    """
    changed: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name == "against" and any(map(filesystem.is_url, value)):
            bring = _download_index if corpora else _download_files
            changed[name] = tuple(path for given in value for path in bring(given, folder))
        elif (name == "model" or name.endswith("_file")) and filesystem.is_url(value):
            changed[name] = _download_file(value, folder)
    return config.model_copy(update=changed) if changed else config


def _download_files(path: str, folder: Path) -> list[str]:
    if not filesystem.is_url(path):
        return [path]
    filesystem.require_usable_url(path)
    found = filesystem.list_matching_files(path)
    if not found:
        raise PlanError(f"nothing at '{path}'")
    return [_download_file(url, folder) for url in found]


def _download_index(path: str, target_folder: Path) -> list[str]:
    if not filesystem.is_url(path):
        return [path]
    filesystem.require_usable_url(path)
    url = path.rstrip("/")
    names = [name for name in filesystem.walk(f"{url}/index") if not name.endswith("/")]
    if not names:
        raise PlanError(f"dedup: against: no corpus with an index at '{path}'")
    marks = [(name, *filesystem.stat(name)) for name in names]
    folder = target_folder / _short_hash(marks) / url.rpartition("/")[2]
    for name in names:
        _download_to(name, folder / "index" / name.rpartition("/")[2])
    return [str(folder)]


def _download_file(url: str, folder: Path) -> str:
    filesystem.require_usable_url(url)
    try:
        mark = (url, *filesystem.stat(url))
        target = folder / _short_hash(mark) / url.partition("?")[0].rpartition("/")[2]
        _download_to(url, target)
    except (OSError, BuildError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PlanError(f"cannot fetch '{url}': {why}") from None
    return str(target)


def _download_to(url: str, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        filesystem.open_file(url) as source,
        atomic_write(target) as temporary,
        temporary.open("wb") as file,
    ):
        shutil.copyfileobj(source, file, 1 << 20)


def _short_hash(identity: object) -> str:
    return hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
