"""Keep the folders of one build: make them, lock them, and remove from them what builds wrote."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus import stages
from corpus.errors import PlanError
from corpus.manifest import MANIFEST_NAME, is_manifest
from corpus.pipeline.existing_output import (
    BEGUN_FILE,
    identify_sources,
    parse_json,
)
from corpus.plan.model import Plan
from corpus.privacy import suppression
from corpus.storage import folder_lock, output_folder
from corpus.tasks.files import fingerprint
from corpus.tasks.receipts import load_receipt, save_receipt


class Workspace:
    """The folders of one build. ``work/`` is private: its posts are not yet redacted."""

    def __init__(self, plan: Plan) -> None:
        self.out = plan.folder
        self.work = self.out / "work"
        self.shards = self.out / "shards"
        self.validation = self.out / "validation"
        self.dropped = self.out / "dropped"
        self.keep_work = plan.output.keep_work
        manifest = parse_json(self.out / MANIFEST_NAME)
        begun = load_receipt(self.out / BEGUN_FILE) or {}
        #: The stages that ``dropped/`` may hold files of: also those of a build that was stopped.
        self.ledger_stages = output_folder.ledger_stages(
            manifest if is_manifest(manifest) else None,
            {*stages.names(), *_list_own_names(plan), *begun.get("stages", ())},
        )

    def step_folder(self, name: str, *identity: object) -> Path:
        """The folder in ``work/`` of one step under one identity; tasks make it when they write."""
        return self.work / name / fingerprint(*identity)[:20]

    def ledger_files(self) -> list[Path]:
        """The files of ``dropped/`` that a build or a takedown wrote, in order."""
        files = sorted(self.dropped.glob("*.parquet"))
        return [
            path
            for path in files
            if output_folder.is_ours(f"dropped/{path.name}", self.ledger_stages)
        ]

    def remove(self, name: str) -> None:
        """Remove what builds wrote of a file or a folder of the output; keep the rest."""
        output_folder.remove(self.out, name, self.ledger_stages)

    def remove_others(self, folder: Path, kept: Collection[Path]) -> None:
        """Remove the files that builds wrote into a folder of the output, except ``kept``."""
        output_folder.remove_others(self.out, folder.name, kept, self.ledger_stages)

    def remove_other_receipts(self, folder: Path) -> None:
        """Remove the receipts of other plans beside ``folder``: their files will be replaced."""
        for other in folder.parent.iterdir() if folder.parent.is_dir() else ():
            if other != folder:
                self.remove(other.relative_to(self.out).as_posix())

    def remove_work(self) -> None:
        """Remove the unredacted work, unless the plan keeps it."""
        if not self.keep_work:
            output_folder.remove(self.out, "work", ignore_errors=True)


@contextmanager
def lock_workspace(plan: Plan) -> Iterator[None]:
    """Make the output folder and lock it against other builds, takedowns and uploads."""
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(plan.folder, error) from None
    with folder_lock.locked(plan.folder, "build"):
        yield


def begin(plan: Plan, suppressed: suppression.State = suppression.EMPTY) -> Workspace:
    """Make the folders of a build in a locked output, and remove what it cannot use.

    ``suppressed`` is the state of the suppression list; ``work/`` of another one has posts that
    were removed since.

    PlanError, before anything is removed, if there is a file that no build wrote, or a link.
    """
    workspace = Workspace(plan)
    output_folder.check(workspace.out, workspace.ledger_stages)
    try:
        workspace.work.mkdir(exist_ok=True, mode=0o700)
        os.chmod(workspace.work, 0o700)
    except OSError as error:
        raise _unwritable(workspace.out, error) from None
    identity = identify_sources(plan)
    before = load_receipt(workspace.out / BEGUN_FILE) or {}
    honoured = suppression.State.parse(before.get("suppression")) or suppression.EMPTY
    if (before.get("sources"), honoured) != (fingerprint(identity), suppressed):
        for path in workspace.work.iterdir():
            if path.is_dir():  # unredacted posts of other sources, or that are listed now
                workspace.remove(f"work/{path.name}")
    mark_begun(plan, identity, suppressed)
    # Token files and exports were made of the shards that are replaced; a manifest may list them.
    manifest = parse_json(workspace.out / MANIFEST_NAME)
    output_folder.remove_derived_files(workspace.out, manifest if is_manifest(manifest) else None)
    workspace.remove(MANIFEST_NAME)  # the corpus is not complete any more
    workspace.remove("takedowns")  # receipts of the corpus that is replaced
    for path in workspace.out.glob(".*.tmp"):
        workspace.remove(path.name)
    workspace.shards.mkdir(exist_ok=True)
    workspace.dropped.mkdir(exist_ok=True)
    return workspace


def mark_begun(
    plan: Plan, sources: Sequence[Mapping[str, Any]], suppressed: suppression.State
) -> None:
    """Write of which sources, and by which suppression list, ``work/`` is made."""
    begun = {"sources": fingerprint(sources)}
    listed = {"suppression": suppressed.describe()} if suppressed.entries else {}
    named = {"stages": own} if (own := _list_own_names(plan)) else {}
    save_receipt(plan.folder / BEGUN_FILE, begun | listed | named, [])


def _list_own_names(plan: Plan) -> list[str]:
    """The names of stages that only this plan has."""
    return sorted({stage.name for stage in plan.stages} - set(stages.names()))


def _unwritable(out: Path, error: OSError) -> PlanError:
    return PlanError(
        f"cannot write to the output '{out}': {error.strerror}; "
        "give a folder of your own with --out"
    )
