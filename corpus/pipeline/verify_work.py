"""See that the work of a build is still what was written; throw away what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.storage import output_folder
from corpus.tasks.receipts import is_damaged

_RECEIPTS_PER_TASK = 200
#: Steps whose files no other step reads, but for the shards, which the samples are drawn from.
_FINAL_STEPS = {"shards", "index", "reserve", "samples"}


@dataclass(frozen=True)
class VerifyReceipts:
    """The task of reading again what some receipts speak of."""

    receipts: tuple[Path, ...]
    damaged: tuple[Path, ...] = ()

    def __call__(self) -> VerifyReceipts:
        """The same with those that are damaged, or whose files are."""
        return VerifyReceipts(
            self.receipts, tuple(path for path in self.receipts if _is_damaged(path))
        )


def _is_damaged(path: Path) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return True
    # Some notes are no receipts; what reads them says so if they do not hold what they should.
    return isinstance(found, dict) and "files" in found and "check" in found and is_damaged(path)


def make_verify_tasks(work: Path) -> list[VerifyReceipts]:
    """What there is to check in ``work``, some hundred receipts a task."""
    steps = sorted(path for path in work.iterdir() if path.is_dir()) if work.is_dir() else []
    found = [path for step in steps for path in sorted(step.rglob("*.json"))]
    return [
        VerifyReceipts(tuple(found[at : at + _RECEIPTS_PER_TASK]))
        for at in range(0, len(found), _RECEIPTS_PER_TASK)
    ]


def verify_work(
    work: Path, run_tasks: Callable[[Sequence[Any], str], Iterable[Any]], step: str = "checking"
) -> list[Path]:
    """Check all of ``work``, drop what is damaged and what may hang on it; return the damaged.

    Parts that were read come of the dumps alone, so the sound ones stay. Anything else may have
    been made of a damaged file before that was noticed.
    """
    wrong = [path for task in run_tasks(make_verify_tasks(work), step) for path in task.damaged]
    for path in wrong:
        path.unlink(missing_ok=True)
    spoilt = {path.relative_to(work).parts[0] for path in wrong}
    if not spoilt <= _FINAL_STEPS:
        spoilt = {folder.name for folder in work.iterdir() if folder.is_dir()} - {"read"}
    elif "shards" in spoilt:  # each is made alone
        spoilt = spoilt - {"shards"} | {"samples"}
    for name in spoilt:
        output_folder.remove(work.parent, f"{work.name}/{name}", ignore_errors=True)
    return wrong
