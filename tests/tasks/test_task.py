"""The resumable task: its receipt is written last, and a task with a receipt does nothing."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus.errors import BuildError
from corpus.tasks import array_store
from corpus.tasks.task import Arrays, ArrayTask, ResumableTask, Written, run_inline, run_tasks


@dataclass(frozen=True)
class WriteText(ResumableTask):
    """Write a text to a file and count the calls in another one."""

    folder: Path
    text: str
    receipt: Path

    def write(self) -> Written:
        calls = self.folder / "calls"
        calls.write_text((calls.read_text() if calls.exists() else "") + "x")
        file = self.folder / "text"
        file.write_text(self.text)
        if self.text == "fails":
            raise OSError("disk full")
        return Written([file], {"length": len(self.text)})


@dataclass(frozen=True)
class CountTo(ArrayTask):
    """Write the numbers below ``end`` and their sum."""

    folder: Path
    end: int

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        numbers = np.arange(self.end)
        return {"numbers": numbers}, {"sum": int(numbers.sum())}


def calls(folder: Path) -> int:
    return len((folder / "calls").read_text())


def test_a_task_with_a_receipt_does_nothing(tmp_path: Path) -> None:
    task = WriteText(tmp_path, "text", tmp_path / "receipts" / "1.json")
    assert not task.is_done
    assert task() is task
    assert task.is_done
    assert pickle.loads(pickle.dumps(task))() == task
    assert calls(tmp_path) == 1
    assert task.facts["length"] == 4


def test_a_task_whose_file_has_changed_its_size_runs_again(tmp_path: Path) -> None:
    task = WriteText(tmp_path, "text", tmp_path / "1.json")()
    (tmp_path / "text").write_text("tex")
    assert not task.is_done
    task()
    assert calls(tmp_path) == 2
    assert (tmp_path / "text").read_text() == "text"


def test_a_task_that_fails_has_no_receipt(tmp_path: Path) -> None:
    task = WriteText(tmp_path, "fails", tmp_path / "1.json")
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            task()
    assert not task.receipt.exists()
    assert calls(tmp_path) == 2


def test_the_facts_of_a_task_that_vanished_are_an_error(tmp_path: Path) -> None:
    task = WriteText(tmp_path, "text", tmp_path / "1.json")()
    (tmp_path / "text").unlink()
    with pytest.raises(BuildError, match="vanished or was changed"):
        _ = task.facts


def test_array_tasks_write_a_file_for_each_array_and_their_facts_are_in_order(
    tmp_path: Path,
) -> None:
    tasks = [CountTo(tmp_path / str(end), end) for end in (4, 3)]
    assert [facts["sum"] for facts in run_tasks(run_inline, tasks, "counting")] == [6, 3]
    assert array_store.load_array(tmp_path / "4", "numbers").tolist() == [0, 1, 2, 3]
    assert array_store.load_slice(tmp_path / "4", "numbers", 1, 3).tolist() == [1, 2]
    assert tasks[0].receipt == tmp_path / "4" / "receipt.json"
