"""Resolve the files of a corpus while a takedown replaces them: all old ones, or all new ones.

A takedown writes new files to ``takedowns/unfinished/``, under the names that they will have in the
corpus. One rename commits it: that of the journal, an ordered list of these names. From then on the
new files are the corpus, wherever they are: each is moved to its name in the order of the list, the
manifest last, and until it is moved it is read in ``takedowns/unfinished/``. Whoever finds a
committed journal moves the remaining files, or reads through it where it may not write.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any, TypeVar

from corpus.errors import CorpusError, ManifestError

STAGING_FOLDER = "takedowns/unfinished"
JOURNAL_NAME = f"{STAGING_FOLDER}/moves.json"
_MANIFEST_NAME = "manifest.json"
#: How often a corpus is read again that was changed while it was read.
_MAX_READS = 4

Result = TypeVar("Result")


def load_journal(folder: Any) -> list[tuple[str, str]]:
    """Return the moves of a committed takedown: where each file is, and its name in the corpus.

    ``folder`` is a local or a remote path. The names are relative to it, in the order of the moves;
    none if no takedown is committed. ManifestError if the journal is damaged.
    """
    path = folder / JOURNAL_NAME
    try:
        if not path.is_file():
            return []
        names = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:  # the takedown was finished in this moment
        return []
    except (OSError, ValueError):
        names = None
    if isinstance(names, dict):  # of an earlier version: staged name to target, without an order
        moves = [(f"{STAGING_FOLDER}/{staged}", str(target)) for staged, target in names.items()]
        moves.sort(key=lambda move: move[1] == _MANIFEST_NAME)
    elif isinstance(names, list):
        moves = [(f"{STAGING_FOLDER}/{name}", str(name)) for name in names]
    else:
        raise ManifestError(f"'{path}' is damaged; copy the corpus again, or build again")
    for name in (name for move in moves for name in move):
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise ManifestError(f"'{path}' names files outside the corpus; remove it")
    return moves


class CorpusFiles:
    """The files of the corpus in ``folder``, a local or a remote path, by name.

    It has the version of the corpus at the time when it was made: before or after a takedown.
    """

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self._staged = {target: staged for staged, target in load_journal(folder)}

    def path(self, name: str) -> Any:
        """Return where the file ``name`` is now."""
        staged = self._staged.get(name)
        if staged is not None and (self.folder / staged).is_file():
            return self.folder / staged
        return self.folder / name

    def list_folder(self, name: str, pattern: str) -> list[Any]:
        """Return the files of a folder of the corpus that match a pattern, ordered by name."""
        names = {path.name for path in (self.folder / name).glob(pattern)}
        for target in self._staged:
            parent, _, file = target.rpartition("/")
            if parent == name and fnmatch(file, pattern):
                names.add(file)
        return [self.path(f"{name}/{file}") for file in sorted(names)]

    def ledger(self, stage: str = "*") -> list[Any]:
        """Return the files of the ledger, or those of one stage, in order."""
        return self.list_folder("dropped", f"{stage}-*.parquet" if stage != "*" else "*.parquet")


def read_version(folder: Any) -> str:
    """Return a digest of the corpus's manifest, which each build and takedown changes; or ""."""
    try:
        return hashlib.sha256(CorpusFiles(folder).path(_MANIFEST_NAME).read_bytes()).hexdigest()
    except (OSError, CorpusError):
        return ""


def require_version(folder: Any, version: str) -> None:
    """CorpusError if the corpus is not the one of which ``version`` is the digest."""
    if read_version(folder) != version:
        raise CorpusError(
            f"'{folder}' was changed while it was read; wait for the build or the takedown there, "
            "then run again"
        )


def read_consistently(folder: Any, read: Callable[[], Result]) -> Result:
    """Return ``read()``, which reads the corpus in ``folder``, of one version of the corpus.

    It is called again if a takedown or a build changed the corpus meanwhile. CorpusError if that
    happens each time.
    """
    for _ in range(_MAX_READS):
        before = read_version(folder)
        try:
            result = read()
        except (OSError, CorpusError):
            if read_version(folder) == before:
                raise
            continue
        if read_version(folder) == before:
            break
    require_version(folder, before)
    return result
