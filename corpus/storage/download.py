"""Download models, lists, evaluation sets and earlier corpora that a plan names by URL.

Libraries need these as local files, and they are small compared with the dumps. The copies are in
``corpus.fetched/``, a sibling of the output folder, so that the nodes of a cluster see them too. A
copy's path changes when the file at the URL does.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from corpus.errors import BuildError, PlanError
from corpus.storage import filesystem
from corpus.storage.remote_path import RemotePath, parse_path
from corpus.tasks.files import atomic_write

DOWNLOAD_FOLDER = "corpus.fetched"
_URL_FILE = "downloaded-from"  # beside the downloaded index of a corpus: the corpus's URL
Config = TypeVar("Config", bound=BaseModel)


def download_config_files(config: Config, folder: Path, *, corpora: bool) -> Config:
    """Download the files that a stage's settings name by URL; return settings with local paths.

    With ``corpora``, the setting ``against`` names finished corpora, of which only the index is
    downloaded. PlanError if a file cannot be downloaded.
    """
    changed: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if name == "against" and any(map(filesystem.is_url, value)):
            download = _download_index if corpora else _download_files
            changed[name] = tuple(path for given in value for path in download(given, folder))
        elif (name == "model" or name.endswith("_file")) and filesystem.is_url(value):
            changed[name] = _download_file(value, folder)
    return config.model_copy(update=changed) if changed else config


def _download_files(path: str, folder: Path) -> list[str]:
    if not filesystem.is_url(path):
        return [path]
    filesystem.require_usable_url(path)
    files = filesystem.list_matching_files(path)
    if not files:
        raise PlanError(f"no file at '{path}'")
    return [_download_file(url, folder) for url in files]


def _download_index(path: str, target_folder: Path) -> list[str]:
    if not filesystem.is_url(path):
        return [path]
    filesystem.require_usable_url(path)
    url = path.rstrip("/")
    pieces = [piece for piece in filesystem.walk(f"{url}/index") if not piece.endswith("/")]
    if not pieces:
        raise PlanError(
            f"dedup: against: no corpus with an index at '{path}'; upload one with "
            "'corpus publish --with-index', or name a folder on this machine"
        )
    versions = [(piece, *filesystem.stat(piece)) for piece in pieces]
    folder = target_folder / _short_hash(versions) / url.rpartition("/")[2]
    for piece in pieces:
        _download_to(piece, folder / "index" / piece.rpartition("/")[2])
    with atomic_write(folder / _URL_FILE) as temporary:
        temporary.write_text(url, encoding="utf-8")
    return [str(folder)]


def open_corpus(folder: Path) -> Path | RemotePath:
    """Return the corpus of which ``folder`` has a downloaded index; any other folder is itself.

    What is not downloaded, such as the manifest and the shards, is read from the URL.
    """
    try:
        return parse_path((folder / _URL_FILE).read_text(encoding="utf-8"))
    except OSError:
        return folder


def _download_file(url: str, folder: Path) -> str:
    filesystem.require_usable_url(url)
    try:
        version = (url, *filesystem.stat(url))
        target = folder / _short_hash(version) / url.partition("?")[0].rpartition("/")[2]
        _download_to(url, target)
    except (OSError, BuildError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PlanError(f"cannot download '{url}': {why}") from None
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
