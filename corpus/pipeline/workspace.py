"""The output folder: whose it is, who is working in it, and what in it can be used again."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus import stages
from corpus.errors import PlanError
from corpus.manifest import MANIFEST_NAME, is_manifest, load_manifest
from corpus.plan import detect_format
from corpus.plan.model import Plan
from corpus.storage import filesystem, folder_lock, output_folder
from corpus.tasks.files import fingerprint
from corpus.tasks.receipts import load_receipt, save_receipt

#: The first line of the ``plan.yaml`` that a build writes.
PLAN_HEAD = "# The plan as resolved: every default filled in. `run:` is not part of it.\n"


class Workspace:
    """The folders of one build. ``work/`` is private: what it holds is not yet redacted."""

    def __init__(self, plan: Plan) -> None:
        self.out = plan.folder
        self.work = self.out / "work"
        self.shards = self.out / "shards"
        self.validation = self.out / "validation"
        self.dropped = self.out / "dropped"
        self.keep_work = plan.output.keep_work
        #: The stages that ``dropped/`` may hold files of.
        found = _parsed(self.out / MANIFEST_NAME)
        self.stages = output_folder.ledger_stages(
            found if is_manifest(found) else None, stages.names()
        )

    def step_folder(self, name: str, *identity: object) -> Path:
        """A folder in ``work/`` for one step under one identity; made when first written to."""
        return self.work / name / fingerprint(*identity)[:20]

    def remove_work(self) -> None:
        """Remove the unredacted work, unless the plan keeps it."""
        if not self.keep_work:
            output_folder.remove(self.out, "work", ignore_errors=True)

    def ledger(self) -> list[Path]:
        """The files of ``dropped/`` that a build or a takedown wrote."""
        every = sorted(self.dropped.glob("*.parquet"))
        return [p for p in every if output_folder.is_ours(f"dropped/{p.name}", self.stages)]

    def remove(self, name: str) -> None:
        """Remove what builds wrote of a file or a folder of the output; the rest is kept."""
        output_folder.remove(self.out, name, self.stages)

    def remove_others(self, folder: Path, kept: Collection[Path]) -> None:
        """Remove the files that builds wrote into a folder of the output, but for ``kept``."""
        output_folder.remove_others(self.out, folder.name, kept, self.stages)


def identify_sources(plan: Plan) -> list[dict[str, Any]]:
    """What a build was made from, as far as a look at the folder can tell: names and sizes."""
    return [
        {"path": file, "bytes": detect_format.size_and_mtime(file)[0]}
        for source in plan.sources
        for file in source.list_files()
    ]


def list_manifest_sources(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The same of a manifest."""
    return [
        {"path": source["path"], "bytes": source["bytes"]}
        for source in _list_source_files(manifest)
    ]


def find_finished_manifest(plan: Plan, key_id: str, *, replace: bool) -> dict[str, Any] | None:
    """The manifest if this very build is already complete, else None and a free way.

    PlanError if the folder holds something that this build would destroy.
    """
    out = plan.folder
    if out.exists() and not out.is_dir():
        raise PlanError(f"the output '{out}' is a file; give a folder with --out")
    if not out.exists() or not any(out.iterdir()):
        return None
    names = _list_names(out)
    ours = _is_ours(out)
    if not ours and names == {"work"} and _list_names(out / "work") <= {"lock"}:
        names = set()  # stopped before anything was begun
    known = output_folder.TOP_FILES | output_folder.TOP_FOLDERS
    if foreign := sorted(names - known if ours else names):
        raise PlanError(
            f"the output '{out}' holds '{foreign[0]}', which no build put there; "
            "give an empty folder with --out"
        )
    if not replace and (out / MANIFEST_NAME).exists():
        found = load_manifest(out)
        same_sources = list_manifest_sources(found) == identify_sources(
            plan
        ) and not _has_edited_source(found, out / MANIFEST_NAME)
        same_plan = found["plan_fingerprint"] == plan.fingerprint()
        if same_plan and same_sources and found["author_key_id"] == key_id:
            return found
    _refuse_takedowns(out)
    if replace:
        return None
    remedy = "give another --out, or --replace to build over it"
    if not (out / MANIFEST_NAME).exists():
        if ours and _read_begun_marker(out) is None:
            raise PlanError(
                f"'{out}' holds an unfinished build, and work/begun.json, which says of what, is "
                f"damaged; {remedy}"
            )
        if ours and _read_begun_marker(out) != fingerprint(identify_sources(plan)):
            raise PlanError(f"'{out}' holds the unfinished build of other sources; {remedy}")
        return None
    if not (same_sources and (out / "work").is_dir()):
        what = "from other sources" if not same_sources else "of another plan"
        what = "under another key" if same_plan and same_sources else what
        raise PlanError(f"'{out}' holds a finished build {what}; {remedy}")
    return None


def _refuse_takedowns(out: Path) -> None:
    """PlanError if posts were taken out of the corpus at ``out``: a build would bring them back."""
    found = _parsed(out / MANIFEST_NAME)
    receipts = output_folder.takedown_receipts(out)
    if not receipts and not (is_manifest(found) and found.get("takedowns")):
        return
    where = f"{receipts[0].relative_to(out)}" if receipts else f"'takedowns' in {MANIFEST_NAME}"
    raise PlanError(
        f"posts were taken down from '{out}' ({where}), and building over it would bring them "
        "back; build into another folder with --out and run 'corpus takedown' there with the same "
        "ids and authors, or, if they may come back, remove the folder yourself first"
    )


def _list_source_files(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The sources of a manifest that are files; planted posts are not."""
    return [source for source in manifest["sources"] if source["reader"] != "canaries"]


def _list_names(folder: Path) -> set[str]:
    """What a folder holds, but for what a killed build was just writing, and the lock."""
    inside = "work/" if folder.name == "work" else ""
    return {
        path.name
        for path in folder.iterdir()
        if not (path.name.endswith(".tmp") and output_folder.is_ours(f"{inside}{path.name}", ()))
    } - {folder_lock.NAME}


def _is_ours(out: Path) -> bool:
    """Whether a build wrote into ``out`` before; PlanError if another program's manifest is there.

    A manifest or a ``work/begun.json`` that is damaged is ours if something else says so.
    """
    if os.path.lexists(out / MANIFEST_NAME):
        found = _parsed(out / MANIFEST_NAME)
        if is_manifest(found) or (found is None and _has_other_marks(out)):
            return True
        raise PlanError(
            f"the output '{out}' holds '{MANIFEST_NAME}', which no build put there; "
            "give an empty folder with --out"
        )
    if not (out / "work" / "begun.json").exists():
        return False
    return _read_begun_marker(out) is not None or _has_other_marks(out)


def _has_other_marks(out: Path) -> bool:
    """Whether there is the plan or the status file of a build, or its ``work/begun.json``."""
    try:
        with open(out / "plan.yaml", encoding="utf-8") as file:
            if file.read(len(PLAN_HEAD)) == PLAN_HEAD:
                return True
    except (OSError, UnicodeDecodeError):
        pass
    status = _parsed(out / "work" / "status.json")
    told = isinstance(status, dict) and {"state", "host", "pid", "steps"} <= set(status)
    return told or _read_begun_marker(out) is not None


def _parsed(path: Path) -> Any:
    """The JSON in a file; None if it is absent, damaged or not even a file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _has_edited_source(found: dict[str, Any], manifest_path: Path) -> bool:
    """Whether a source was edited in place since; only files newer than the corpus are hashed."""
    built = manifest_path.stat().st_mtime_ns
    return any(
        detect_format.size_and_mtime(source["path"])[1] > built
        and (
            filesystem.is_folder(source["path"])  # it is read again to tell
            or filesystem.hash_file(source["path"]) != source["sha256"]
        )
        for source in _list_source_files(found)
    )


def _read_begun_marker(out: Path) -> str | None:
    found = load_receipt(out / "work" / "begun.json")
    return str(found["sources"]) if found else None


@contextmanager
def lock_workspace(plan: Plan) -> Iterator[None]:
    """Make the output folder and lock it against other builds, takedowns and uploads."""
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(plan.folder, error) from None
    with folder_lock.locked(plan.folder, "build"):
        yield


def begin(plan: Plan) -> Workspace:
    """Make the folders of a build in a claimed output, and remove what it cannot use.

    PlanError, before anything is removed, if there is a file that no build wrote, or a link.
    """
    space = Workspace(plan)
    output_folder.check(space.out, space.stages)
    try:
        space.work.mkdir(exist_ok=True, mode=0o700)
        os.chmod(space.work, 0o700)
    except OSError as error:
        raise _unwritable(space.out, error) from None
    identity = fingerprint(identify_sources(plan))
    if _read_begun_marker(space.out) != identity:
        for path in space.work.iterdir():
            if path.is_dir():
                space.remove(f"work/{path.name}")  # unredacted posts of other sources
    save_receipt(space.work / "begun.json", {"sources": identity}, [])
    space.remove(MANIFEST_NAME)  # from here on it is not complete
    space.remove("tokens")  # of what was there before
    for path in space.out.glob(".*.tmp"):
        space.remove(path.name)
    space.shards.mkdir(exist_ok=True)
    space.dropped.mkdir(exist_ok=True)
    return space


def _unwritable(out: Path, error: OSError) -> PlanError:
    return PlanError(
        f"cannot write to the output '{out}': {error.strerror}; "
        "give a folder of your own with --out"
    )
