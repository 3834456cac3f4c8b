"""Commit a takedown by one rename, move its files to their names, and finish an interrupted one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from corpus.errors import BuildError, PlanError
from corpus.journal import JOURNAL_NAME, STAGING_FOLDER, load_journal
from corpus.manifest import MANIFEST_NAME, load_manifest
from corpus.storage import folder_lock, output_folder
from corpus.tasks.files import fsync_file, fsync_folder, write_json

#: How long a reader waits for the process that moves the files of a committed takedown.
_MAX_WAIT_SECONDS = 10.0
#: The files of ``work/`` that contain nothing of a post.
_WORK_RECORDS = frozenset({"begun.json", "status.json"})


def begin(folder: Path) -> Path:
    """Make the folder of the new files of a takedown; they have the names of the corpus's files."""
    staging = folder / STAGING_FOLDER
    staging.mkdir(mode=0o700, parents=True)
    return staging


def commit(folder: Path, names: Sequence[str]) -> None:
    """Commit a takedown: the new files ``names`` are the corpus from now on.

    The disk has all files and folders before the rename that commits, and that rename before
    anything is moved.
    """
    staging = folder / STAGING_FOLDER
    for name in names:
        fsync_file(staging / name)
    folders = {PurePosixPath(name).parent for name in names} | {PurePosixPath()}
    for each in sorted(folders):
        fsync_folder(staging / each)
    fsync_folder(staging.parent)
    fsync_folder(folder)
    write_json(folder / JOURNAL_NAME, list(names), durable=True)
    fsync_folder(staging)


def finish(folder: Path) -> None:
    """Move the files of a committed takedown to their names; discard those of any other.

    The caller holds the lock of the folder. Token files, exports and kept work contain removed
    texts: they are removed before anything is moved.
    """
    moves = load_journal(folder)
    if moves:
        stages = _ledger_stages(folder)
        for staged, target in moves:
            if not (
                output_folder.is_ours(staged, stages) and output_folder.is_ours(target, stages)
            ):
                raise BuildError(
                    f"'{folder / JOURNAL_NAME}' names '{target}', which no build wrote"
                )
        _remove_derived_files(folder)
    targets = {folder}
    for staged, target in moves:
        targets.add((folder / target).parent)
        if (folder / staged).exists():
            (folder / target).parent.mkdir(exist_ok=True)
            os.replace(folder / staged, folder / target)
    if moves:
        for each in sorted(targets):
            fsync_folder(each)
    discard(folder)


def has_kept_work(folder: Path) -> bool:
    """Return whether ``work/`` keeps something of posts."""
    work = folder / "work"
    return work.is_dir() and any(path.name not in _WORK_RECORDS for path in work.iterdir())


def _remove_derived_files(folder: Path) -> None:
    """Remove the token files, the exports, and what ``work/`` keeps of posts."""
    # The new manifest does not list them any more; the old one is moved over last.
    try:
        listed = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        listed = None
    output_folder.remove_derived_files(folder, listed, ignore_errors=True)
    work = folder / "work"
    if work.is_dir() and not work.is_symlink():
        for path in sorted(work.iterdir()):
            if path.name not in _WORK_RECORDS:
                output_folder.remove(folder, f"work/{path.name}", ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove the files of a takedown that were not moved."""
    if not (folder / STAGING_FOLDER).exists():
        return
    output_folder.remove(folder, STAGING_FOLDER, _ledger_stages(folder), ignore_errors=True)
    with suppress(OSError):  # the folder contains receipts
        (folder / STAGING_FOLDER).parent.rmdir()


def recover(folder: Any) -> None:
    """Finish a takedown that is committed in ``folder`` and was interrupted.

    It waits a short time for a process that does so. Where this process may not write, or another
    one keeps the folder locked, nothing is changed: the corpus is read through the journal.
    """
    deadline = time.monotonic() + _MAX_WAIT_SECONDS
    while isinstance(folder, Path) and (folder / JOURNAL_NAME).is_file():
        try:
            with folder_lock.locked(folder, "takedown"):
                output_folder.check_links(folder)
                finish(folder)
            return
        except BuildError:  # another process works in the folder
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        except (PlanError, OSError):
            return


def _ledger_stages(folder: Path) -> set[str]:
    return output_folder.ledger_stages(load_manifest(folder))
