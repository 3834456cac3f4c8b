"""Verify that the files in ``work/`` are still what was written; remove those that are not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from corpus.storage import output_folder
from corpus.tasks.receipts import is_damaged
from corpus.tasks.task import RunTasks

_RECEIPTS_PER_TASK = 200
#: Steps whose files no other step reads; only the samples are drawn from the shards.
_FINAL_STEPS = {"shards", "index", "reserve", "samples"}


@dataclass(frozen=True)
class VerifyReceipts:
    """The task of reading the files that some receipts name; returns those that are damaged."""

    receipts: tuple[Path, ...]
    damaged: tuple[Path, ...] = ()

    def __call__(self) -> VerifyReceipts:
        """The same with the receipts that are damaged or name damaged files."""
        damaged = tuple(path for path in self.receipts if _is_damaged(path))
        return VerifyReceipts(self.receipts, damaged)


def _is_damaged(path: Path) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return True
    # Some JSON files are no receipts; their readers check what they hold.
    return isinstance(found, dict) and "files" in found and "check" in found and is_damaged(path)


def make_verify_tasks(work: Path) -> list[VerifyReceipts]:
    """The tasks that verify every receipt in ``work``, some hundred receipts each."""
    steps = sorted(path for path in work.iterdir() if path.is_dir()) if work.is_dir() else []
    receipts = [path for step in steps for path in sorted(step.rglob("*.json"))]
    return [
        VerifyReceipts(tuple(receipts[start : start + _RECEIPTS_PER_TASK]))
        for start in range(0, len(receipts), _RECEIPTS_PER_TASK)
    ]


def verify_work(work: Path, run: RunTasks, label: str = "verifying") -> list[Path]:
    """Verify all of ``work``, remove what is damaged or was made of it; return the damaged.

    The parts of a dump are made of the dump alone, so the valid ones are kept. Anything else may
    have been made of a damaged file before the damage was found.
    """
    damaged = [path for task in run(make_verify_tasks(work), label) for path in task.damaged]
    for path in damaged:
        path.unlink(missing_ok=True)
    steps = {path.relative_to(work).parts[0] for path in damaged}
    if not steps <= _FINAL_STEPS:
        steps = {folder.name for folder in work.iterdir() if folder.is_dir()} - {"read"}
    elif "shards" in steps:  # no shard is made of another
        steps = steps - {"shards"} | {"samples"}
    for name in steps:
        output_folder.remove(work.parent, f"{work.name}/{name}", ignore_errors=True)
    return damaged
