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
from corpus.tasks.receipts import replacing

FOLDER = "corpus.storage.download"
Config = TypeVar("Config", bound=BaseModel)


def localised(config: Config, room: Path, *, corpora: bool) -> Config:
    """The same settings with a path on this disk for each URL of a file.

    ``corpora`` says that ``against`` names finished corpora, of which only the index is brought.
    PlanError if one cannot be had.
    """
    changed: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name == "against" and any(map(filesystem.is_url, value)):
            bring = _index if corpora else _files
            changed[name] = tuple(path for given in value for path in bring(given, room))
        elif (name == "model" or name.endswith("_file")) and filesystem.is_url(value):
            changed[name] = _told(value, room)
    return config.model_copy(update=changed) if changed else config


def _files(given: str, room: Path) -> list[str]:
    if not filesystem.is_url(given):
        return [given]
    filesystem.check(given)
    found = filesystem.expand(given)
    if not found:
        raise PlanError(f"nothing at '{given}'")
    return [_told(url, room) for url in found]


def _index(given: str, room: Path) -> list[str]:
    if not filesystem.is_url(given):
        return [given]
    filesystem.check(given)
    url = given.rstrip("/")
    names = [name for name in filesystem.walk(f"{url}/index") if not name.endswith("/")]
    if not names:
        raise PlanError(f"dedup: against: no corpus with an index at '{given}'")
    marks = [(name, *filesystem.stat(name)) for name in names]
    folder = room / _digest(marks) / url.rpartition("/")[2]
    for name in names:
        _bring(name, folder / "index" / name.rpartition("/")[2])
    return [str(folder)]


def _told(url: str, room: Path) -> str:
    filesystem.check(url)
    try:
        mark = (url, *filesystem.stat(url))
        target = room / _digest(mark) / url.partition("?")[0].rpartition("/")[2]
        _bring(url, target)
    except (OSError, BuildError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PlanError(f"cannot fetch '{url}': {why}") from None
    return str(target)


def _bring(url: str, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        filesystem.opened(url) as source,
        replacing(target) as temporary,
        temporary.open("wb") as file,
    ):
        shutil.copyfileobj(source, file, 1 << 20)


def _digest(mark: object) -> str:
    return hashlib.sha256(repr(mark).encode()).hexdigest()[:16]
