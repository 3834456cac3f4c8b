"""Lock an output folder: builds, takedowns, uploads and token files do not write at one time.

The lock is flock(2) on a file in the folder. The file is no part of a corpus: it is removed when
the lock is released, and the file of a killed process does not lock anything.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from corpus.errors import BuildError, PlanError
from corpus.journal import JOURNAL_NAME
from corpus.manifest import load_manifest
from corpus.storage.remote_path import RemotePath

NAME = ".corpus.lock"

Holder = Literal["build", "dry run", "takedown", "upload", "tokenization", "export", "report"]
_HOLDERS = re.compile(r"\A(?:build|dry run|takedown|upload|tokenization|export|report)\Z")


@contextmanager
def locked(folder: Path, holder: Holder, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of an output folder, which must exist, while the block runs.

    Several processes can hold it ``shared``: they read the corpus and write different files.
    BuildError, without waiting, if another process holds it; PlanError if the folder cannot be
    written to.
    """
    descriptor = _acquire(folder, holder, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    try:
        yield
    finally:
        _release(folder, descriptor)


@contextmanager
def locked_corpus(
    folder: Path, holder: Holder, *, shared: bool = False
) -> Iterator[dict[str, Any]]:
    """Hold the lock of the folder of a finished corpus; yield its manifest.

    ManifestError if the folder holds no corpus; then no lock file is written. BuildError, except
    for a takedown, if a takedown is committed whose files are not all moved.
    """
    if not (folder / NAME).exists():
        load_manifest(folder)
    with locked(folder, holder, shared=shared):
        if holder != "takedown" and (folder / JOURNAL_NAME).exists():
            raise BuildError(
                f"a takedown of '{folder}' was interrupted; run 'corpus verify' there to finish it"
            )
        yield load_manifest(folder)


@contextmanager
def locked_if_inside(root: Path | RemotePath, path: Path, holder: Holder) -> Iterator[bool]:
    """Hold the lock of a corpus, shared, while ``path`` is written; yield whether it is inside.

    So no build and no takedown changes the corpus meanwhile. A path elsewhere, or of a corpus at a
    URL (``root`` is then no ``Path``), needs no lock.
    """
    if isinstance(root, Path) and is_inside(root, path):
        with locked_corpus(root, holder, shared=True):
            yield True
    else:
        yield False


def is_inside(root: Path | RemotePath, path: Path) -> bool:
    """Return whether a local path is in the folder of a corpus; never in one at a URL."""
    return isinstance(root, Path) and path.resolve().is_relative_to(root.resolve())


def _acquire(folder: Path, holder: Holder, kind: int) -> int:
    while True:
        try:
            descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise PlanError(f"cannot write '{folder / NAME}': {reason}") from None
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            other = _read_holder(descriptor)
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise PlanError(
                    f"cannot lock '{folder / NAME}': {error.strerror}; give a folder on a disk "
                    "that has file locks"
                ) from None
            raise BuildError(_format_busy(folder, holder, other)) from None
        if os.fstat(descriptor).st_size and not _read_holder(descriptor):
            os.close(descriptor)
            raise PlanError(f"'{folder}' holds '{NAME}', which no build put there; move it away")
        if _is_current(folder, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode("ascii"), 0)
            return descriptor
        os.close(descriptor)  # its holder removed the file after it was opened here


def _release(folder: Path, descriptor: int) -> None:
    """Release the lock; the last holder removes the file."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_current(folder, descriptor):
            os.unlink(folder / NAME)
    os.close(descriptor)


def _is_current(folder: Path, descriptor: int) -> bool:
    """Return whether the open file is still the lock file, which may have been removed since."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(folder / NAME))
    except FileNotFoundError:
        return False


def _read_holder(descriptor: int) -> str:
    """Return the holder that the lock file names; empty if it names none."""
    text = os.pread(descriptor, 100, 0).decode("ascii", errors="replace")
    return text if _HOLDERS.match(text) else ""


def _format_busy(folder: Path, holder: Holder, other: str) -> str:
    who = f"another {other or 'process'}" if other in (holder, "") else f"a {other}"
    who = f"an {other}" if who in ("a upload", "a export") else who
    remedy = ", or give another --out" if holder in ("build", "dry run") else ""
    return f"{who} is working in '{folder}'; wait for it{remedy}"
