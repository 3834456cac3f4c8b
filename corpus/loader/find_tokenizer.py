"""Find the file of a tokenizer: a path, or a name of the Hugging Face Hub in the local cache."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from corpus.errors import CorpusError

_FILE, _CONFIG = "tokenizer.json", "tokenizer_config.json"


class FoundTokenizer(NamedTuple):
    """A ``tokenizer.json``, the name to call it by, and the end of text that its model declares."""

    path: Path
    name: str
    end_of_text: str | None


def find_tokenizer(given: str) -> FoundTokenizer:
    """Return the tokenizer of a file, a folder, or a name such as ``gpt2`` or ``owner/model``.

    Names are looked for in the cache of the Hub on this machine; nothing is downloaded.
    CorpusError if there is none. The path of a ``.json`` file is returned as it is.
    """
    path = Path(given)
    # No name of the Hub ends so: who opens a file that is missing says it.
    if path.is_file() or given.endswith(".json"):
        return FoundTokenizer(path, path.name, None)
    if (path / _FILE).is_file():
        return FoundTokenizer(path / _FILE, path.resolve().name, _load_end_of_text(path))
    cache = _find_cache()
    repository = cache / ("models--" + given.replace("/", "--"))
    snapshot = _find_snapshot(repository)
    if snapshot is None:
        raise CorpusError(
            f"no tokenizer at '{given}', and none of this name in '{cache}'; give the path of a "
            f"{_FILE}, or download it first: hf download {given} {_FILE} {_CONFIG}"
        )
    return FoundTokenizer(snapshot / _FILE, given, _load_end_of_text(snapshot))


def _find_cache() -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := os.environ.get(name):
            return Path(folder)
    home = os.environ.get("HF_HOME")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(home) if home else caches / "huggingface") / "hub"


def _find_snapshot(repository: Path) -> Path | None:
    """Return the folder of the version ``main``, or of the only one, that has a tokenizer."""
    try:
        commit = (repository / "refs" / "main").read_text(encoding="ascii").strip()
        folders = [repository / "snapshots" / commit]
    except (OSError, ValueError):
        folders = sorted((repository / "snapshots").glob("*"))
    found = [folder for folder in folders if (folder / _FILE).is_file()]
    return found[0] if len(found) == 1 else None


def _load_end_of_text(folder: Path) -> str | None:
    """Return the end-of-text token of ``tokenizer_config.json``, if it names one."""
    try:
        token = json.loads((folder / _CONFIG).read_text(encoding="utf-8")).get("eos_token")
    except (OSError, ValueError, AttributeError):
        return None
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else None
