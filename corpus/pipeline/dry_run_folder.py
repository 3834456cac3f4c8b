"""Keep the folder of a dry run: beside the output, private, and removed by the next run.

A dry run has unredacted posts on disk, as a build has in ``work/``. So they are on the disk that
the user chose for them, not in the system's temporary folder, and what a killed dry run could not
remove is removed by the next dry run or build of the same output.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from corpus.errors import CorpusError, PlanError
from corpus.storage import folder_lock, output_folder

#: The outputs of the trial builds in the folder.
TRIALS = ("first", "half", "whole")
_KEY_FILE = "corpus.key"


def locate(out: Path) -> Path:
    """The folder of the dry runs of the output folder ``out``."""
    out = out.absolute()
    return out.with_name(f".{out.name}.dry-run")


def is_trial(out: Path) -> bool:
    """Whether an output folder is that of a trial build."""
    return out.name in TRIALS and out.parent.name.endswith(".dry-run")


@contextmanager
def made_folder(out: Path) -> Iterator[Path]:
    """Make and lock the folder of a dry run; remove it, with all that the dry run wrote, at last.

    BuildError if another dry run holds it; PlanError if it cannot be written, is a link or contains
    files of others.
    """
    folder = locate(out)
    made = [parent for parent in folder.parents if not parent.exists()]
    try:
        if folder.is_symlink():
            raise PlanError(f"'{folder}' is a symbolic link; remove it, or give another --out")
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise PlanError(
            f"cannot write to '{folder.parent}', where a dry run builds: {error.strerror}; "
            "give another --out"
        ) from None
    try:
        with folder_lock.locked(folder, "dry run"):
            _remove_files(folder)
            if foreign := sorted(set(_list_names(folder)) - {folder_lock.NAME}):
                raise PlanError(
                    f"'{folder}' holds '{foreign[0]}', which no dry run put there; move it away"
                )
            try:
                yield folder
            finally:
                _remove_files(folder)
    finally:
        for path in (folder, *made):
            with suppress(OSError):  # it is not empty
                path.rmdir()


def remove_leftovers(out: Path) -> None:
    """Remove what a killed dry run of this output has not removed, if none is running."""
    folder = locate(out)
    if folder.is_symlink() or not folder.is_dir():
        return
    with suppress(CorpusError, OSError):
        with folder_lock.locked(folder, "dry run"):
            _remove_files(folder)
        folder.rmdir()


def _remove_files(folder: Path) -> None:
    """Remove the files of dry runs in ``folder``, by name; a link is not followed."""
    for name in TRIALS:
        out = folder / name
        if out.is_symlink() or not out.is_dir():
            continue
        for entry in _list_names(out):
            output_folder.remove(out, entry, stages=None, ignore_errors=True)
        with suppress(OSError):  # it is not empty
            out.rmdir()
    for key in (folder / _KEY_FILE, *folder.glob(f".{_KEY_FILE}.*.tmp")):
        if key.is_file() and not key.is_symlink():
            key.unlink()


def _list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
