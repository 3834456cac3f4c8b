"""Take posts and authors out of a finished corpus, and let a second copy take a first one's place.

Everything new is written to ``takedowns/unfinished/`` first; then a note of what goes where; then
each file takes its place by a rename, the manifest last. Stopped before the note, nothing has
happened; stopped after it, the next run finishes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from corpus import report
from corpus.errors import BuildError, PlanError
from corpus.maintenance import rewrite
from corpus.maintenance.rewrite import TakedownChanges, TakedownRequest
from corpus.manifest import MANIFEST_NAME, find_imbalances, load_manifest
from corpus.output import samples
from corpus.output.parquet_options import ParquetOptions
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.storage import folder_lock, output_folder
from corpus.tasks.files import file_sha256, write_json

FOLDER = "takedowns"
_STAGING_FOLDER, _RENAMES_FILE = "unfinished", "moves.json"
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


def take_down(
    out: str | Path,
    ids: Collection[str] = (),
    authors: Collection[str] = (),
    key: str | Path | None = None,
) -> dict[str, Any]:
    """Take posts out of the corpus at ``out``; return the receipt, what was ``unknown``,
    and whether ``tokens/`` went along.

    ``ids`` are post ids such as ``reddit:t1_c0abc``, or as the corpus has them;
    ``authors`` are ``platform:name``, or the
    pseudonyms in the corpus. ``key`` is the corpus's key, beside the folder if not given. Raises
    :class:`~corpus.errors.PlanError` before and :class:`~corpus.errors.BuildError` after anything
    was looked at; run it again then.
    """
    folder = Path(out)
    with _lock_corpus(folder):
        _finish_interrupted(folder)
        tokens = _holds_tokens(folder)
        manifest = load_manifest(folder)
        secret = keys.load_corpus_key(folder, manifest, key)
        named = {_pseudonym_of(name, secret): name for name in authors}
        posts = Pseudonymizer(secret, manifest.get("ids", "original"))
        called = {posts.pseudonymize_id(name) or "": name for name in ids}
        wanted = TakedownRequest(frozenset(called), frozenset(named))
        receipt = _rewrite_corpus(folder, manifest, wanted, secret)
        given = named | called
        unknown = sorted(given.get(name, name) for name in receipt["unknown"])
        lost = tokens and not _holds_tokens(folder)
        return {**receipt, "unknown": unknown, "tokens_removed": lost}


def _pseudonym_of(author: str, key: bytes) -> str:
    if _PSEUDONYM.fullmatch(author):
        return author
    if ":" not in author:
        raise PlanError(f"'{author}' is no author; write 'platform:name', or a pseudonym")
    return keys.pseudonymize_author(author, key)


@contextmanager
def _lock_corpus(folder: Path) -> Iterator[None]:
    """Nobody else writes into the corpus meanwhile."""
    with folder_lock.locked_corpus(folder, "takedown") as manifest:
        output_folder.check_links(folder)
        output_folder.check(folder, output_folder.ledger_stages(manifest), FOLDER)
        yield


def _finish_interrupted(folder: Path) -> None:
    """Do what an interrupted takedown had decided; forget what it had not."""
    room = folder / FOLDER / _STAGING_FOLDER
    note = room / _RENAMES_FILE
    if note.exists():
        # Made of the texts, and out of date from here on.
        output_folder.remove(folder, "tokens", ignore_errors=True)
        for name, target in json.loads(note.read_text(encoding="utf-8")).items():
            if (room / name).exists():
                os.replace(room / name, folder / target)
    _forget(folder)


def _forget(folder: Path) -> None:
    """Remove what a takedown wrote that does not count."""
    stages = output_folder.ledger_stages(load_manifest(folder))
    output_folder.remove(folder, f"{FOLDER}/{_STAGING_FOLDER}", stages, ignore_errors=True)
    with suppress(OSError):  # it holds receipts
        (folder / FOLDER).rmdir()


def _holds_tokens(folder: Path) -> bool:
    """Whether ``tokens/`` holds tokens, complete or not."""
    return any(path.suffix in (".bin", ".unfinished") for path in (folder / "tokens").rglob("*"))


# --------------------------------------------------------------------------- the work


def _rewrite_corpus(
    folder: Path, manifest: dict[str, Any], request: TakedownRequest, key: bytes
) -> dict[str, Any]:
    room = folder / FOLDER / _STAGING_FOLDER
    room.mkdir(mode=0o700, parents=True)
    change = TakedownChanges()
    going = {
        shard["path"]: rewrite.find_posts_to_remove(folder, shard, request)
        for shard in manifest["shards"]
    }
    every = [name for names in going.values() for name in names]
    copies = rewrite.find_replacements(folder, request, every, key, change)
    named = [*every, *request.ids]
    renamed = {name: copies[name]["id"] if name in copies else None for name in named}
    joiner, layout, of_documents = _load_settings(folder)
    for shard in manifest["shards"]:
        if going[shard["path"]] or rewrite.has_references(folder, shard, named):
            rewrite.rewrite_shard(
                folder, room, shard, request, copies, renamed, joiner, layout, change
            )
    if change.removed_with_document:
        lost = change.removed_with_document - rewrite.find_remaining_posts(
            folder, room, manifest["shards"], change
        )
        change.removed |= dict.fromkeys(lost, "")
        change.removed_with_document = lost
    rewrite.rewrite_reserve(folder, room, request, key, change)
    rewrite.rewrite_index(folder, room, key, change, indexes_documents=of_documents)
    rewrite.rewrite_ledger(folder, room, request, change)
    counted = report.load_statistics(folder)
    shown = counted.get("samples", [])
    left = samples.exclude_samples(shown, {*request.ids, *change.removed}, request.authors)
    # The report may be all that shows a post of somebody whose posts were all dropped.
    change.matched |= {name for sample in shown for name in sample["people"]} & request.authors
    unknown = sorted((request.ids | request.authors) - change.matched)
    if not change.renames and left == shown:
        _forget(folder)
        return {**_summarize_changes(change, request, unknown), "unknown": unknown}
    receipt = _write_documentation(folder, room, manifest, change, request, unknown, left)
    write_json(room / _RENAMES_FILE, change.renames, durable=True)
    _finish_interrupted(folder)
    return {**receipt, "unknown": unknown}


def _load_settings(folder: Path) -> tuple[str, ParquetOptions, bool]:
    """What stands between two turns, how shards are laid out, and whether dedup saw documents."""
    plan = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    settings = {name: own for stage in plan["stages"] for name, own in stage.items()}
    output = plan.get("output", {})
    layout = ParquetOptions(
        **{key.name: output[key.name] for key in fields(ParquetOptions) if key.name in output}
    )
    order = [name for name in settings if name in ("conversations", "dedup")]
    joiner = str(settings.get("conversations", {}).get("joiner", ""))
    return joiner, layout, order == ["conversations", "dedup"]


def _summarize_changes(
    changes: TakedownChanges, request: TakedownRequest, unknown: Sequence[str]
) -> dict[str, int]:
    return {
        "asked": len(request.ids) + len(request.authors),
        "removed": len(changes.removed),
        "elected": len(changes.replacements),
        "alongside": len(changes.removed_with_document),
        "not_found": len(unknown),
    }


def _write_documentation(
    folder: Path,
    staging: Path,
    manifest: dict[str, Any],
    changes: TakedownChanges,
    request: TakedownRequest,
    unknown: Sequence[str],
    samples_shown: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The receipt, the papers and the manifest, in the order in which they move."""
    counts = _summarize_changes(changes, request, unknown)
    number = len(manifest.get("takedowns", [])) + 1
    before = {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    receipt = {
        "number": number,
        **counts,
        "shards": [
            {"path": path, "before": before[path], "after": shard["sha256"], "rows": shard["rows"]}
            for path, shard in changes.shards.items()
        ],
    }
    name = f"{number:05d}.json"
    write_json(staging / name, receipt, pretty=True, durable=True)
    changes.renames[name] = f"{FOLDER}/{name}"
    digest = hashlib.sha256((staging / name).read_bytes()).hexdigest()
    manifest["shards"] = [changes.shards.get(row["path"], row) for row in manifest["shards"]]
    manifest["takedowns"] = [*manifest.get("takedowns", []), {**counts, "receipt_sha256": digest}]
    _update_counts(manifest, changes)
    _update_index_facts(staging, folder, manifest, changes)
    plan = (folder / "plan.yaml").read_text(encoding="utf-8")
    counted = _gather_statistics(folder, staging, manifest, changes)
    for paper, text in report.render_documentation(
        manifest, plan, counted | {"samples": list(samples_shown)}
    ).items():
        (staging / paper).write_text(text, encoding="utf-8")
        changes.renames[paper] = paper
    write_json(staging / MANIFEST_NAME, manifest, pretty=True, durable=True)
    changes.renames[MANIFEST_NAME] = MANIFEST_NAME
    return receipt


def _gather_statistics(
    folder: Path, staging: Path, manifest: dict[str, Any], changes: TakedownChanges
) -> dict[str, Any]:
    """The statistics of the corpus as it will be."""
    new = {target: staging / name for name, target in changes.renames.items()}
    shards = [new.get(row["path"], folder / row["path"]) for row in manifest["shards"]]
    ledger = {f"dropped/{path.name}": path for path in (folder / "dropped").glob("*.parquet")}
    ledger |= {name: path for name, path in new.items() if name.startswith("dropped/")}
    return report.count_statistics(shards, [ledger[name] for name in sorted(ledger)], manifest)


def _update_counts(manifest: dict[str, Any], changes: TakedownChanges) -> None:
    """Bring the funnel and the totals up to date: who moved up was never dropped by dedup."""
    up = len(changes.replacements)
    behind = False
    for row in manifest["funnel"]:
        if behind:
            row["read"] += up
            row["kept"] += up
        if row["stage"] == "dedup":
            behind = True
            row["kept"] += up
            for copy in changes.replacements.values():
                row["dropped"][copy["_reason"]] -= 1
            row["dropped"] = {reason: count for reason, count in row["dropped"].items() if count}
    gone = len(changes.removed)
    last = manifest["funnel"][-1]
    if last["stage"] == "takedown":
        last["kept"] -= gone
        last["dropped"]["takedown"] += gone
    elif gone:
        kept = manifest["totals"]["kept"] + up
        manifest["funnel"].append(
            {"stage": "takedown", "read": kept, "kept": kept - gone,
             "dropped": {"takedown": gone}, "seconds": 0.0}
        )  # fmt: skip
    totals = manifest["totals"]
    totals["kept"] += up - gone
    totals["documents"] += changes.documents
    totals["dropped"] += gone - up
    totals["characters"] += changes.characters
    totals["tokens_estimated"] = totals["characters"] // 4
    if wrong := find_imbalances(manifest):
        raise BuildError(f"the counts do not balance at {', '.join(wrong)}; please report this")


def _update_index_facts(
    staging: Path, folder: Path, manifest: dict[str, Any], changes: TakedownChanges
) -> None:
    """What the manifest tells of the index, the reserve and the largest clusters."""
    if rewrite.STAGED_INDEX_CARD in changes.renames:
        card = json.loads((staging / rewrite.STAGED_INDEX_CARD).read_text(encoding="utf-8"))
        manifest["index"] |= {name: card[name] for name in ("rows", "bytes")}
    for piece in manifest.get("reserve", {}).get("pieces", ()):
        file = staging / f"reserve-{piece['path']}"
        if file.exists():
            piece |= {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    if manifest.get("reserve"):
        manifest["reserve"]["bytes"] = sum(row["bytes"] for row in manifest["reserve"]["pieces"])
    for name in ("largest", "campaigns"):
        for row in manifest.get("dedup", {}).get(name, ()):
            if row["cluster"] in changes.removed:
                new = changes.replacements.get(row["cluster"])
                row["cluster"] = new["id"] if new else None
