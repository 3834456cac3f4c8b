"""The output folder: whose it is, who is working in it, and what in it can be used again."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus.errors import BuildError, PlanError
from corpus.manifest import NAME, fingerprint, load_manifest, write_json
from corpus.plan import Plan

_OURS = {"plan.yaml", "shards", "dropped", NAME, "README.md", "report.html", "work"}


class Workspace:
    """The folders of one build. ``work/`` is private: what it holds is not yet redacted."""

    def __init__(self, plan: Plan) -> None:
        self.out = Path(plan.output.path)
        self.work = self.out / "work"
        self.shards = self.out / "shards"
        self.dropped = self.out / "dropped"
        self.keep = plan.output.keep_work

    def step(self, name: str, *identity: object) -> Path:
        """A folder in ``work/`` for one step under one identity; made when first written to."""
        return self.work / name / fingerprint(*identity)[:20]

    def finish(self) -> None:
        """Remove the unredacted work, unless the plan keeps it."""
        if not self.keep:
            shutil.rmtree(self.work, ignore_errors=True)


def sources_identity(plan: Plan) -> list[dict[str, Any]]:
    """What a build was made from, as far as a look at the folder can tell: names and sizes."""
    return [
        {"path": file, "bytes": Path(file).stat().st_size}
        for source in plan.sources
        for file in source.files()
    ]


def finished_manifest(plan: Plan, key_id: str, *, replace: bool) -> dict[str, Any] | None:
    """The manifest if this very build is already complete, else None and a free way.

    PlanError if the folder holds something that this build would destroy.
    """
    out = Path(plan.output.path)
    if out.exists() and not out.is_dir():
        raise PlanError(f"the output '{out}' is a file; give a folder with --out")
    if not out.exists() or not any(out.iterdir()):
        return None
    if foreign := sorted({path.name for path in out.iterdir()} - _OURS):
        raise PlanError(
            f"the output '{out}' holds '{foreign[0]}', which no build put there; "
            "give an empty folder with --out"
        )
    remedy = "give another --out, or --replace to build over it"
    if not (out / NAME).exists():
        begun = _begun(out)
        if begun is not None and begun != fingerprint(sources_identity(plan)) and not replace:
            raise PlanError(f"'{out}' holds the unfinished build of other sources; {remedy}")
        return None
    found = load_manifest(out)
    same_sources = [
        {"path": source["path"], "bytes": source["bytes"]} for source in found["sources"]
    ] == sources_identity(plan)
    same_plan = found["plan_fingerprint"] == plan.fingerprint()
    if same_plan and same_sources and found["author_key_id"] == key_id and not replace:
        return found
    if not replace and not (same_sources and (out / "work").is_dir()):
        what = "from other sources" if not same_sources else "of another plan"
        what = "under another key" if same_plan and same_sources else what
        raise PlanError(f"'{out}' holds a finished build {what}; {remedy}")
    return None


def _clear(work: Path) -> None:
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _begun(out: Path) -> str | None:
    try:
        found: str = json.loads((out / "work" / "begun.json").read_text())["sources"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


@contextmanager
def claimed(plan: Plan) -> Iterator[Workspace]:
    """Make the folders and lock them against a second build."""
    space = Workspace(plan)
    try:
        space.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(space.work, 0o700)
        lock = open(space.work / "lock", "w")  # noqa: SIM115 - held as long as the build runs
    except OSError as error:
        raise PlanError(
            f"cannot write to the output '{space.out}': {error.strerror}; "
            "give a folder of your own with --out"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(
                f"another build is working in '{space.out}'; wait for it, or give another --out"
            ) from None
        (space.out / NAME).unlink(missing_ok=True)  # from here on it is not complete
        identity = fingerprint(sources_identity(plan))
        if _begun(space.out) != identity:
            _clear(space.work)  # unredacted posts of other sources
        write_json(space.work / "begun.json", {"sources": identity})
        space.shards.mkdir(exist_ok=True)
        space.dropped.mkdir(exist_ok=True)
        yield space
