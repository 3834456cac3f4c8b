"""What a barrier is given to decide over: all parts, a room of its own, and hands to do tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BarrierInput:
    """The measured parts of a build. ``room`` may be filled; it goes when the build is done."""

    array_folders: Sequence[Path]  # of each part's arrays
    post_files: Sequence[Path]  # each part's posts
    work_dir: Path
    key_path: Path | str  # the file of the pseudonym key
    run: Callable[[Sequence[Any], str], Iterable[Any]]  # does tasks, shown under a name
    verdict_paths: Sequence[Path] = ()  # where the verdict on each part goes


def run_inline(tasks: Sequence[Any], step: str) -> Iterable[Any]:
    """Do ``tasks`` in this process, one after another."""
    return (task() for task in tasks)
