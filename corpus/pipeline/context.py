"""What the steps of one build share: the plan, the folders, the runner, and the funnel so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from corpus.pipeline import read_file as reading
from corpus.pipeline.workspace import Workspace
from corpus.plan.model import Plan, Stage
from corpus.stages import MeasuredPart
from corpus.tasks.observer import Observer
from corpus.tasks.receipts import require_receipt
from corpus.tasks.runners import Runnable, Runner

AnyTask = TypeVar("AnyTask", bound=Runnable)


@dataclass(frozen=True)
class Part:
    """Posts on disk between two steps."""

    posts: Path
    rows: int
    text_bytes: int
    identity: tuple[object, ...]  # the input and all that was decided so far
    dropped: Path
    dropped_counts: Mapping[str, int]  # the rows that each stage has in ``dropped``


class PartResult(Protocol):
    """A task that has turned posts into kept and dropped ones, with a receipt."""

    @property
    def index(self) -> int:
        """The part's number."""
        ...

    @property
    def folder(self) -> Path:
        """Where everything of this step lies."""
        ...

    @property
    def kept(self) -> Path:
        """The posts that stay."""
        ...

    @property
    def dropped(self) -> Path:
        """The ledger rows of the others."""
        ...

    @property
    def receipt(self) -> Path:
        """The counts."""
        ...


@dataclass
class BuildContext:
    """One build."""

    plan: Plan
    workspace: Workspace
    runner: Runner
    observer: Observer
    funnel: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger_parts: list[Part] = field(default_factory=list)
    #: What a barrier has to tell in the manifest, and each part with what was measured of it.
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    measured_parts: dict[str, list[MeasuredPart]] = field(default_factory=dict)

    def segment_fingerprints(self, segment: Sequence[Stage]) -> list[str]:
        """What changes whenever the stages of a segment would decide differently."""
        return [
            f"{stage.fingerprint} {self.plan.pseudonyms.key_id()}"
            if stage.needs_key
            else stage.fingerprint
            for stage in segment
        ]

    def run(self, tasks: Sequence[AnyTask], step: str) -> Iterable[AnyTask]:
        """Do ``tasks`` and show them as ``step``; results come as they are ready."""
        for count, result in enumerate(self.runner.run(iter(tasks), lambda: None), start=1):
            self.observer.step(step, count, len(tasks))
            yield result

    def add_to_funnel(self, row: Mapping[str, Any]) -> None:
        """Add what a stage did to a part to the funnel."""
        self.observer.funnel(dict(row))
        into = self.funnel.setdefault(
            row["stage"],
            {"stage": row["stage"], "read": 0, "kept": 0, "dropped": {}, "seconds": 0.0},
        )
        for key in ("read", "kept", "seconds"):
            into[key] += row[key]
        if "documents" in row:
            into["documents"] = into.get("documents", 0) + row["documents"]
        for reason, count in row["dropped"].items():
            into["dropped"][reason] = into["dropped"].get(reason, 0) + count

    def record_part(self, task: PartResult) -> Part:
        """Add a judged part to the funnel and hand on what is left of it."""
        receipt = require_receipt(task.receipt)
        for row in receipt["funnel"]:
            self.add_to_funnel(row)
        return Part(
            task.kept,
            receipt["posts"],
            receipt["text_bytes"],
            (task.folder.name, task.index),
            task.dropped,
            {row["stage"]: sum(row["dropped"].values()) for row in receipt["funnel"]},
        )


def serialize_stages(segment: Sequence[Stage]) -> tuple[tuple[str, str], ...]:
    """The stages of a segment as tasks take them: name and Config as JSON."""
    return tuple((stage.name, reading.config_json(stage.config)) for stage in segment)


def remove_other_receipts(space: Workspace, receipts_folder: Path) -> None:
    """Remove the receipts of other plans: they speak of files that are replaced from here on."""
    for other in receipts_folder.parent.iterdir() if receipts_folder.parent.is_dir() else ():
        if other != receipts_folder:
            space.remove(other.relative_to(space.out).as_posix())
