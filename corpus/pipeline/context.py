"""Share between the steps of a build its plan, its folders, its runner and the counts so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from corpus.conversations.messages import TurnFormat
from corpus.output.columns import OutputColumns
from corpus.pipeline.workspace import Workspace
from corpus.plan.entries import Stage
from corpus.plan.model import Plan
from corpus.privacy import suppression
from corpus.stages import MeasuredPart
from corpus.tasks.observer import Observer
from corpus.tasks.receipts import require_receipt
from corpus.tasks.runners import Runnable, Runner

AnyTask = TypeVar("AnyTask", bound=Runnable)


@dataclass(frozen=True)
class Part:
    """Posts on disk between two steps."""

    posts: Path  # a Parquet file
    rows: int
    text_bytes: int
    identity: tuple[object, ...]  # changes with the input and with every earlier decision
    dropped: Path  # the ledger rows of the posts that the last step dropped
    dropped_counts: Mapping[str, int]  # how many rows of ``dropped`` each stage has


class PartResult(Protocol):
    """A finished task that has split posts into kept and dropped ones."""

    @property
    def index(self) -> int:
        """The number of the part."""
        ...

    @property
    def folder(self) -> Path:
        """The folder of all files of the step."""
        ...

    @property
    def kept(self) -> Path:
        """The kept posts."""
        ...

    @property
    def dropped(self) -> Path:
        """The ledger rows of the dropped posts."""
        ...

    @property
    def receipt(self) -> Path:
        """The receipt, with the counts of posts, bytes and reasons."""
        ...


@dataclass
class BuildContext:
    """One build as it runs."""

    plan: Plan
    workspace: Workspace
    key_id: str  # identifies the pseudonym key in public
    suppressed: suppression.State  # of the key's suppression list, as this build honours it
    runner: Runner
    observer: Observer
    #: The counts of each stage so far, by the stage's name.
    funnel: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The parts of every step; their ``dropped`` files together are the ledger.
    ledger_parts: list[Part] = field(default_factory=list)
    #: The files of posts without what repeats removed posts, by the files of the parts as they were
    #: read; and how many posts these lack by the suppression list, by their ``source_file``.
    rewritten_parts: dict[Path, Path] = field(default_factory=dict)
    removed_repeats: Counter[str] = field(default_factory=Counter)
    #: For each barrier, what the manifest records of it, and the parts that it measured.
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    measured_parts: dict[str, list[MeasuredPart]] = field(default_factory=dict)

    @property
    def pii_config(self) -> str:
        """The settings of the plan's stage ``pii`` as JSON; '' if it has none."""
        return next((stage.config_json for stage in self.plan.stages if stage.name == "pii"), "")

    @property
    def output_columns(self) -> OutputColumns:
        """How the columns of a shard are made."""
        has_source = self.plan.output.source_columns
        only = self.plan.output_columns()
        make_turns = None
        if self.plan.output.turns and (stage := self.plan.find_turns_stage()):
            turns = TurnFormat.of(stage.config.model_dump())
            make_turns = turns.make_turns if turns else None
        return OutputColumns(self.plan.pseudonyms, self.pii_config, has_source, only, make_turns)

    def segment_fingerprints(self, segment: Sequence[Stage]) -> list[str]:
        """A fingerprint of each stage; one changes whenever the stage would decide differently."""
        found = []
        for stage in segment:
            key_id = [self.key_id] if stage.needs_key else []
            turns = ["turns"] if self.plan.keeps_turns(stage) else []
            found.append(" ".join([stage.fingerprint, *key_id, *turns]))
        return found

    def run(self, tasks: Sequence[AnyTask], label: str) -> Iterable[AnyTask]:
        """Run ``tasks``, shown to the observer as ``label``; yield each task when it is done."""
        for count, result in enumerate(self.runner.run(iter(tasks), lambda: None), start=1):
            self.observer.step(label, count, len(tasks))
            yield result

    def run_all(self, tasks: Sequence[Runnable], label: str) -> None:
        """Run ``tasks`` whose results are read from their files."""
        for _ in self.run(tasks, label):
            pass

    def record_parts(self, tasks: Sequence[PartResult]) -> list[Part]:
        """Add finished parts, in reading order, to the funnel and to the ledger."""
        parts = [self.record_part(task) for task in tasks]
        self.ledger_parts += parts
        return parts

    def record_part(self, task: PartResult) -> Part:
        """Add the counts of a finished part to the funnel; return its kept posts as a part."""
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

    def add_to_funnel(self, row: Mapping[str, Any]) -> None:
        """Add what a stage did to one part: posts read and kept, reasons, seconds."""
        self.observer.funnel(dict(row))
        total = self.funnel.setdefault(
            row["stage"],
            {"stage": row["stage"], "read": 0, "kept": 0, "dropped": Counter(), "seconds": 0.0},
        )
        for key in ("read", "kept", "seconds"):
            total[key] += row[key]
        if "documents" in row:
            total["documents"] = total.get("documents", 0) + row["documents"]
        for key in ("dropped", "kept_as_turns", "unjudged"):
            if row.get(key):
                total.setdefault(key, Counter()).update(row[key])


def identify_parts(parts: Sequence[Part]) -> list[tuple[object, ...]]:
    """The identities of ``parts``, for the name of a step's folder."""
    return [part.identity for part in parts]
