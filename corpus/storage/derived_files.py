"""List in a corpus's manifest the files that were made of its texts, such as token files.

A takedown removes those in the corpus's folder, and names the others.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from corpus.errors import PlanError
from corpus.manifest import MANIFEST_NAME, load_manifest
from corpus.storage import folder_lock
from corpus.tasks.files import write_json

#: The manifest's list: ``kind``, and ``path``, relative to the corpus's folder.
FIELD = "derived"


def list_derived_files(corpus: Path, kind: str, folder: Path, *, is_locked: bool) -> None:
    """List ``folder`` in the manifest of ``corpus``, if that can be written to.

    ``is_locked`` says whether the caller holds the lock of the corpus, at least shared. BuildError
    if a build or a takedown holds it.
    """
    if (corpus / MANIFEST_NAME).is_symlink():  # a link is not replaced
        return
    lock = folder_lock.locked(corpus, "tokenization", shared=True)
    try:
        with nullcontext() if is_locked else lock, _alone(corpus):
            manifest = load_manifest(corpus)
            path = Path(os.path.relpath(folder.resolve(), corpus.resolve())).as_posix()
            entry = {"kind": kind, "path": path}
            if entry not in manifest.get(FIELD, ()):
                manifest[FIELD] = [*manifest.get(FIELD, ()), entry]
                write_json(corpus / MANIFEST_NAME, manifest, pretty=True, durable=True)
    except (PlanError, OSError):  # a corpus that is only read
        return


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one of several processes that share the lock of a corpus write its manifest."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def split_by_location(corpus: Path, manifest: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the paths of the listed files in the corpus's folder, and of those elsewhere.

    Those elsewhere that do not exist any more are omitted.
    """
    paths = [entry["path"] for entry in manifest.get(FIELD, ())]
    outside = [path for path in paths if path.split("/")[0] == ".."]
    inside = [path for path in paths if path not in outside]
    return inside, [path for path in outside if (corpus / path).exists()]
