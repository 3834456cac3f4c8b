"""Resume a build at the task that was interrupted: a task with a receipt does nothing.

A task reads files of ``work/``, writes files of its own, and writes its receipt last. So a task
that was interrupted leaves no receipt and is run again from its beginning, and the next task may
rely on every file that a receipt names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from numpy.typing import NDArray

from corpus.tasks import array_store
from corpus.tasks.receipts import load_receipt, require_receipt, save_receipt

Arrays = Mapping[str, NDArray[Any]]


class Written(NamedTuple):
    """What a task has written, and the facts that its receipt records about it."""

    files: Sequence[Path]
    facts: Mapping[str, Any] = {}


class ResumableTask(ABC):
    """A task that writes files and then a receipt; calling it again does nothing.

    A subclass is a frozen dataclass that can be pickled: its fields are paths, numbers, and
    settings as JSON. It has ``receipt``, the path of the receipt, as a field or as a property.
    """

    if TYPE_CHECKING:  # an abstract property would become the default value of a dataclass field

        @property
        @abstractmethod
        def receipt(self) -> Path:
            """The path of the receipt. Its folder is made if it does not exist."""

    @abstractmethod
    def write(self) -> Written:
        """Write the files that the receipt will name."""

    def __call__(self) -> Self:
        """Write the files and the receipt, unless a valid receipt is there; return the task."""
        if not self.is_done:
            self.receipt.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files, facts = self.write()
            save_receipt(self.receipt, facts, files)
        return self

    @property
    def is_done(self) -> bool:
        """Whether the receipt is valid and the files that it names have their sizes."""
        return load_receipt(self.receipt) is not None

    @property
    def facts(self) -> dict[str, Any]:
        """The receipt of a task that is done; BuildError if it has vanished since."""
        return require_receipt(self.receipt)


class ArrayTask(ResumableTask):
    """A task that computes arrays and writes each to a file of its ``folder``.

    ``folder`` is a field or a property of the subclass; the receipt is in it.
    """

    if TYPE_CHECKING:  # as ``receipt`` above

        @property
        @abstractmethod
        def folder(self) -> Path:
            """The folder of the arrays."""

    @abstractmethod
    def compute(self) -> tuple[Arrays, Mapping[str, Any]]:
        """The arrays by name, and the facts for the receipt."""

    @property
    def receipt(self) -> Path:
        """``receipt.json`` in the folder of the arrays."""
        return self.folder / "receipt.json"

    def write(self) -> Written:
        """Compute the arrays and save them."""
        arrays, facts = self.compute()
        return Written(array_store.save_arrays(arrays, self.folder), facts)


class RunTasks(Protocol):
    """Runs tasks in this process or in workers; ``label`` names the step for the progress."""

    def __call__(self, tasks: Sequence[Any], label: str, /) -> Iterable[Any]:
        """Yield the results of the tasks in the order in which they end."""
        ...


def run_tasks(run: RunTasks, tasks: Sequence[ResumableTask], label: str) -> list[dict[str, Any]]:
    """Run all ``tasks`` and return the facts of their receipts, in the order of ``tasks``."""
    for _ in run(tasks, label):
        pass
    return [task.facts for task in tasks]


def numbered_folder(work_dir: Path, kind: str, number: int) -> Path:
    """The folder of the ``number``-th task of one kind, such as ``work_dir/links/000003``."""
    return work_dir / kind / f"{number:06d}"


def run_inline(tasks: Sequence[Any], label: str) -> Iterable[Any]:
    """Run ``tasks`` in this process, one after another; a stand-in for a runner's ``run``."""
    return (task() for task in tasks)
