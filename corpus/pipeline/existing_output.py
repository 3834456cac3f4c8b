"""Decide whether a build is complete, may resume, or would destroy what its output holds."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus import readers, stages
from corpus.errors import CorpusError, PlanError
from corpus.manifest import MANIFEST_NAME, is_manifest, load_manifest
from corpus.plan import private_plan
from corpus.plan.built_plan import PLAN_HEAD
from corpus.plan.entries import Source
from corpus.plan.model import Plan
from corpus.plan.private_plan import absolute_path
from corpus.privacy import suppression
from corpus.privacy.suppression import EMPTY, State, SuppressionList
from corpus.storage import filesystem, folder_lock, output_folder, upload
from corpus.tasks.files import fingerprint
from corpus.tasks.observer import Observer
from corpus.tasks.receipts import load_receipt

#: The receipt that says of which sources a build was begun.
BEGUN_FILE = Path("work") / "begun.json"
_REMEDY = "give another --out, or --replace to build over it"
_REQUESTS_REMEDY = (
    "set 'output: {suppressed: FILE}', a file with the lines 'id platform:id', 'author "
    "platform:name' and 'name First Last', or 'suppressed: none' if there are no requests, or if "
    "their posts may come back"
)


# --------------------------------------------------------------------------- a complete build


def find_complete_build(
    plan: Plan, key_id: str, listed: SuppressionList, observer: Observer, *, replace: bool
) -> dict[str, Any] | None:
    """The manifest if this very build is complete, here and at the plan's URL; else None.

    A build that was killed after it wrote its manifest is completed: it is uploaded, and ``work/``
    is removed. PlanError if the build would destroy something.
    """
    local = find_finished_manifest(plan, key_id, listed, replace=replace)
    if plan.url:
        remote = _find_remote_manifest(plan, key_id, listed, replace=replace)
        if remote is not None and local in (None, remote):
            return remote
    if local is None:
        return None
    if plan.url:
        with folder_lock.locked(plan.folder, "upload"):
            upload.upload_corpus(plan.folder, plan.url, observer.step, stages=stages.names())
    if (plan.folder / "work").exists() and not plan.output.keep_work:
        with suppress(CorpusError), folder_lock.locked(plan.folder, "build"):
            output_folder.remove(plan.folder, "work", ignore_errors=True)
    return local


def describe_finished(plan: Plan) -> str:
    """Say where a build that is complete is, and since when."""
    where, when = plan.output.path.rstrip("/"), ""
    with suppress(OSError):
        written = datetime.fromtimestamp((plan.folder / MANIFEST_NAME).stat().st_mtime, UTC)
        when = f", finished {written:%Y-%m-%d %H:%M} UTC"
    return (
        f"already built: '{where}'{when}; the plan and its sources are the same, so nothing is "
        "done (another --out builds it again)"
    )


def find_finished_manifest(
    plan: Plan, key_id: str, listed: SuppressionList, *, replace: bool
) -> dict[str, Any] | None:
    """The manifest in the output folder if it is this very build's, else None: it may be built.

    A corpus that has posts which are ``listed`` now is built again, without them. PlanError if the
    folder holds something that this build would destroy.
    """
    out = plan.folder
    if out.exists() and not out.is_dir():
        raise PlanError(f"the output '{out}' is a file; give a folder with --out")
    if not out.exists() or not any(out.iterdir()):
        return None
    ours = _refuse_foreign_files(out)
    manifest: dict[str, Any] = {}
    same_plan = same_sources = same_key = False
    if not replace and (out / MANIFEST_NAME).exists():
        manifest = load_manifest(out)
        same_sources = list_manifest_sources(manifest) == identify_sources(plan)
        same_sources = same_sources and not _has_other_content(plan, manifest)
        same_plan = manifest["plan_fingerprint"] == plan.fingerprint()
        same_key = manifest["author_key_id"] == key_id
        if same_plan and same_sources and same_key and _honours(manifest, listed):
            return manifest
    _refuse_lost_requests(plan, key_id, listed)
    if replace or (same_plan and same_sources and same_key):
        return None
    if not (out / MANIFEST_NAME).exists():
        if ours:
            _refuse_other_sources(plan, out)
        return None
    # A takedown removes what work/ holds.
    has_work = (out / "work").is_dir() or bool(plan.output.keep_work and manifest.get("takedowns"))
    if not (same_sources and has_work):
        what = "from other sources" if not same_sources else "of another plan"
        what = "under another key" if same_plan and same_sources else what
        raise PlanError(f"'{out}' holds a finished build {what}; {_REMEDY}")
    return None


def _find_remote_manifest(
    plan: Plan, key_id: str, listed: SuppressionList, *, replace: bool
) -> dict[str, Any] | None:
    """The manifest at the plan's URL if it is this very build's; PlanError if it is another's."""
    remote = upload.check_destination(plan.url, replace=False)
    if remote is None:
        return None
    same = (
        remote.get("plan_fingerprint") == plan.fingerprint()
        and remote.get("author_key_id") == key_id
    )
    same = same and list_manifest_sources(remote) == identify_sources(plan)
    same = same and not _has_other_content(plan, remote)
    if not replace and same and _honours(remote, listed):
        return remote
    if not plan.output.suppressed:
        _refuse_other_key(remote, key_id, plan.url)
        _refuse_unlisted(_list_recorded_states(remote), listed, plan)
    if not replace and not same:
        raise PlanError(
            f"'{plan.url}' holds another corpus; give another --out, or --replace to build over it"
        )
    upload.check_destination(plan.url, replace=True)
    return None


# --------------------------------------------------------------------------- sources


def identify_sources(plan: Plan) -> list[dict[str, Any]]:
    """The files that the plan reads: name in the output and bytes, without opening them."""
    return [
        {"path": file.name, "bytes": filesystem.size_and_mtime(file.path)[0]}
        for file in plan.name_files()
    ]


def list_manifest_sources(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The same of a manifest."""
    return [
        {"path": source["path"], "bytes": source["bytes"]} for source in _list_input_files(manifest)
    ]


def _list_input_files(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The sources of a manifest that are files; planted posts are not."""
    return [source for source in manifest["sources"] if source["reader"] != "canaries"]


def _has_other_content(plan: Plan, manifest: dict[str, Any]) -> bool:
    """Whether a file of the plan has other content than the file of its name in the manifest.

    A file is hashed if it was edited since the corpus was built, or if the build read it from
    another folder, or if the private plan, which says from where, is missing.
    """
    hashes = {source["path"]: source["sha256"] for source in _list_input_files(manifest)}
    built = private_plan.find(plan.key_path, plan.folder, manifest["plan_fingerprint"])
    for file in plan.name_files():
        if (
            built is not None
            and built.files.get(file.name) == absolute_path(file.path)
            and filesystem.size_and_mtime(file.path)[1] <= built.written_ns
        ):
            continue
        if _hash_source(plan.sources[file.source], file.path, plan.run.part_posts) != hashes.get(
            file.name
        ):
            return True
    return False


def _hash_source(source: Source, path: str, part_posts: int) -> str | None:
    """The hash that the manifest has of an input: of a folder, of the files that are read of it."""
    if not filesystem.is_folder(path):
        return filesystem.hash_file(path)
    *_, last = readers.find(source.reader).read(path, source.config, part_posts)
    return last.sha256


# --------------------------------------------------------------------------- refusals


def _refuse_foreign_files(out: Path) -> bool:
    """PlanError if there are files that no build wrote; returns whether a build was here before."""
    names = _list_names(out)
    ours = _is_ours(out)
    if not ours and names == {"work"} and _list_names(out / "work") <= {"lock"}:
        names = set()  # a build stopped before it began
    known = output_folder.TOP_FILES | output_folder.TOP_FOLDERS
    if foreign := sorted(names - known if ours else names):
        raise PlanError(
            f"the output '{out}' holds '{foreign[0]}', which no build put there; "
            "give an empty folder with --out"
        )
    return ours


def _refuse_other_sources(plan: Plan, out: Path) -> None:
    """PlanError if the unfinished build in ``out`` is of other or of unknown sources."""
    begun = read_begun_marker(out)
    if begun is None:
        raise PlanError(
            f"'{out}' holds an unfinished build, and work/begun.json, which says of what, is "
            f"damaged; {_REMEDY}"
        )
    if begun != fingerprint(identify_sources(plan)):
        raise PlanError(f"'{out}' holds the unfinished build of other sources; {_REMEDY}")


# --------------------------------------------------------------------------- requests


def _honours(manifest: dict[str, Any], listed: SuppressionList) -> bool:
    """Whether a corpus was built, or changed since, by the present suppression list."""
    return (State.parse(manifest.get("suppression")) or EMPTY) == listed.state


def _refuse_lost_requests(plan: Plan, key_id: str, listed: SuppressionList) -> None:
    """PlanError if a build would bring back what was taken down from its output folder.

    That is so if the suppression list lacks a request that the corpus there honours, or if the
    corpus was made under another key, whose list is not known.
    """
    if plan.output.suppressed:
        return  # the requests were given in clear, or there are none
    out = plan.folder
    manifest = parse_json(out / MANIFEST_NAME)
    if is_manifest(manifest):
        _refuse_other_key(manifest, key_id, str(out))
        _refuse_unlisted(_list_recorded_states(manifest), listed, plan)
    receipts = (parse_json(path) or {} for path in output_folder.takedown_receipts(out))
    _refuse_unlisted([State.parse(found.get("suppression")) for found in receipts], listed, plan)
    begun = load_receipt(out / BEGUN_FILE) or {}
    _refuse_unlisted([State.parse(begun.get("suppression")) or EMPTY], listed, plan)


def _list_recorded_states(manifest: dict[str, Any]) -> list[State | None]:
    """The states that a manifest has; None for a takedown of before there was a list."""
    takedowns = manifest.get("takedowns", ())
    recorded = [State.parse(takedown.get("suppression")) for takedown in takedowns]
    return [State.parse(manifest.get("suppression")) or EMPTY, *recorded]


def _refuse_unlisted(states: Sequence[State | None], listed: SuppressionList, plan: Plan) -> None:
    if all(state is not None and listed.has_had(state) for state in states):
        return
    raise PlanError(
        f"posts were taken down from '{plan.output.path}' by requests that "
        f"'{suppression.list_path(plan.key_path)}', the suppression list, does not have, and "
        "building over it would bring them back; restore the list from a copy, or "
        f"{_REQUESTS_REMEDY}"
    )


def _refuse_other_key(manifest: dict[str, Any], key_id: str, where: str) -> None:
    if manifest.get("author_key_id") != key_id:
        raise PlanError(
            f"'{where}' holds a corpus that was made under another key, and requests to remove "
            f"posts may be on the suppression list of that key; {_REQUESTS_REMEDY}"
        )


# --------------------------------------------------------------------------- signs of a build


def read_begun_marker(out: Path) -> str | None:
    """The fingerprint of the sources of the build that was begun; None if absent or damaged."""
    receipt = load_receipt(out / BEGUN_FILE)
    return str(receipt["sources"]) if receipt else None


def parse_json(path: Path) -> Any:
    """The JSON in a file; None if it is absent, damaged or not a file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _list_names(folder: Path) -> set[str]:
    """The names in a folder, except the lock and temporary files of a killed build."""
    inside = "work/" if folder.name == "work" else ""
    return {
        path.name
        for path in folder.iterdir()
        if not (path.name.endswith(".tmp") and output_folder.is_ours(f"{inside}{path.name}", ()))
    } - {folder_lock.NAME}


def _is_ours(out: Path) -> bool:
    """Whether a build wrote into ``out`` before; PlanError if another program's manifest is there.

    A manifest or a ``work/begun.json`` that is damaged is ours if another file says so.
    """
    if os.path.lexists(out / MANIFEST_NAME):
        manifest = parse_json(out / MANIFEST_NAME)
        if is_manifest(manifest) or (manifest is None and _has_other_signs(out)):
            return True
        raise PlanError(
            f"the output '{out}' holds '{MANIFEST_NAME}', which no build put there; "
            "give an empty folder with --out"
        )
    if not (out / BEGUN_FILE).exists():
        return False
    return read_begun_marker(out) is not None or _has_other_signs(out)


def _has_other_signs(out: Path) -> bool:
    """Whether there is the plan or the status file of a build, or its ``work/begun.json``."""
    with suppress(OSError, UnicodeDecodeError), open(out / "plan.yaml", encoding="utf-8") as file:
        if file.read(len(PLAN_HEAD)) == PLAN_HEAD:
            return True
    status = parse_json(out / "work" / "status.json")
    has_status = isinstance(status, dict) and {"state", "host", "pid", "steps"} <= set(status)
    return has_status or read_begun_marker(out) is not None
