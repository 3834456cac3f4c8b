"""Remove posts and authors from a finished corpus, and replace removed originals by copies.

New files are first written to ``takedowns/unfinished/``. One rename commits them, and then each is
moved to its name, the manifest last: see :mod:`corpus.journal`. If a takedown is interrupted before
the commit, the corpus is unchanged; if it is interrupted after that, readers see it complete, and
whoever may write finishes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
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
from corpus.privacy import keys, suppression
from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.storage import folder_lock, output_folder
from corpus.storage.unfinished_takedown import begin, commit, discard, finish
from corpus.tasks.files import file_sha256, write_json

FOLDER = "takedowns"
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


def take_down(
    out: str | Path,
    ids: Collection[str] = (),
    authors: Collection[str] = (),
    key: str | Path | None = None,
) -> dict[str, Any]:
    """Remove posts from the corpus at ``out``; return the receipt.

    ``ids`` are post ids such as ``reddit:t1_c0abc``, or keyed ids of the corpus; ``authors`` are
    ``platform:name``, or pseudonyms of the corpus. ``key`` is the corpus's key, by default
    ``corpus.key`` in the parent folder. The result has besides the receipt ``unknown``, the ids and
    authors that the corpus does not contain, and ``tokens_removed``, whether token files were
    removed. Raises :class:`~corpus.errors.PlanError` if a request is wrong and
    :class:`~corpus.errors.BuildError` if the takedown fails; then run it again.
    """
    folder = Path(out)
    with _lock_corpus(folder):
        finish(folder)
        had_tokens = _has_tokens(folder)
        manifest = load_manifest(folder)
        secret = keys.load_corpus_key(folder, manifest, key)
        given_authors = {_pseudonym_of(name, secret): name for name in authors}
        pseudonymizer = Pseudonymizer(secret, manifest.get("ids", "original"))
        given_ids = {pseudonymizer.pseudonymize_id(name) or "": name for name in ids}
        # First of all: if this takedown is stopped, no build may bring back what it was to remove.
        listed = suppression.add(
            Path(key) if key else folder.parent / "corpus.key",
            [name for name in ids if ":" in name],  # any other is the id of no post
            authors,
        )
        request = TakedownRequest(frozenset(given_ids), frozenset(given_authors), listed)
        receipt = _rewrite_corpus(folder, manifest, request, secret)
        given = given_authors | given_ids
        unknown = sorted(given.get(name, name) for name in receipt["unknown"])
        tokens_removed = had_tokens and not _has_tokens(folder)
        return {**receipt, "unknown": unknown, "tokens_removed": tokens_removed}


def _pseudonym_of(author: str, key: bytes) -> str:
    if _PSEUDONYM.fullmatch(author):
        return author
    if ":" not in author:
        raise PlanError(f"'{author}' is not an author; write 'platform:name', or a pseudonym")
    return keys.pseudonymize_author(author, key)


@contextmanager
def _lock_corpus(folder: Path) -> Iterator[None]:
    """Lock the corpus, and check that only files of builds and takedowns will be touched."""
    with folder_lock.locked_corpus(folder, "takedown") as manifest:
        output_folder.check_links(folder)
        for rewritten in (FOLDER, "shards", "validation", "dropped", "index", "reserve"):
            output_folder.check(folder, output_folder.ledger_stages(manifest), rewritten)
        yield


def _has_tokens(folder: Path) -> bool:
    """Return whether there are token files, finished or not."""
    return any(path.suffix in (".bin", ".unfinished") for path in (folder / "tokens").rglob("*"))


def _rewrite_corpus(
    folder: Path, manifest: dict[str, Any], request: TakedownRequest, key: bytes
) -> dict[str, Any]:
    """Rewrite every file that contains or counts a post of the request."""
    changes = TakedownChanges(begin(folder))
    _rewrite_shards(folder, manifest, request, key, changes)
    rewrite.rewrite_reserve(folder, request, key, changes)
    rewrite.rewrite_index(
        folder, key, changes, indexes_documents=_dedup_follows_conversations(folder)
    )
    rewrite.rewrite_ledger(folder, request, changes)
    shown = report.load_statistics(folder).get("samples", [])
    kept = samples.exclude_samples(shown, {*request.ids, *changes.removed}, request.authors)
    # Of an author whose posts were all dropped, only the report may show a post.
    changes.matched |= {name for sample in shown for name in sample["people"]} & request.authors
    unknown = sorted((request.ids | request.authors) - changes.matched)
    if not changes.files and kept == shown:
        discard(folder)
        return {**_summarize_changes(changes, request, unknown), "unknown": unknown}
    receipt = _write_documentation(folder, manifest, changes, request, unknown, kept)
    commit(folder, changes.files)
    finish(folder)
    return {**receipt, "unknown": unknown}


def _rewrite_shards(
    folder: Path,
    manifest: dict[str, Any],
    request: TakedownRequest,
    key: bytes,
    changes: TakedownChanges,
) -> None:
    """Rewrite the shards that contain a post of the request, or refer to one."""
    by_shard = {
        shard["path"]: rewrite.find_posts_to_remove(folder, shard, request)
        for shard in manifest["shards"]
    }
    removed = [name for names in by_shard.values() for name in names]
    copies = rewrite.find_replacements(folder, request, removed, key, changes)
    referable = [*removed, *request.ids]
    new_references = {name: copies[name]["id"] if name in copies else None for name in referable}
    plan = _load_plan(folder)
    joiner = str(_stage_settings(plan).get("conversations", {}).get("joiner", ""))
    output = plan.get("output", {})
    options = ParquetOptions(
        **{
            field.name: output[field.name]
            for field in fields(ParquetOptions)
            if field.name in output
        }
    )
    for shard in manifest["shards"]:
        if by_shard[shard["path"]] or rewrite.has_references(folder, shard, referable):
            rewrite.rewrite_shard(
                folder, shard, request, copies, new_references, joiner, options, changes
            )
    if changes.removed_with_document:
        remaining = rewrite.find_remaining_posts(folder, manifest["shards"], changes)
        changes.removed_with_document -= remaining
        changes.removed |= dict.fromkeys(changes.removed_with_document, "")


def _load_plan(folder: Path) -> dict[str, Any]:
    plan: dict[str, Any] = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    return plan


def _stage_settings(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the plan's stages by name, in the order of the plan."""
    return {name: settings for stage in plan["stages"] for name, settings in stage.items()}


def _dedup_follows_conversations(folder: Path) -> bool:
    """Return whether the index has documents, because dedup follows conversations in the plan."""
    order = [
        name for name in _stage_settings(_load_plan(folder)) if name in ("conversations", "dedup")
    ]
    return order == ["conversations", "dedup"]


def _summarize_changes(
    changes: TakedownChanges, request: TakedownRequest, unknown: Sequence[str]
) -> dict[str, Any]:
    listed = {"suppression": request.listed.after.describe()} if request.listed else {}
    return {
        "asked": len(request.ids) + len(request.authors),
        "removed": len(changes.removed),
        "elected": len(changes.replacements),
        "alongside": len(changes.removed_with_document),
        "not_found": len(unknown),
        **listed,
    }


def _record_suppression(manifest: dict[str, Any], request: TakedownRequest) -> None:
    """Record that the corpus honours the suppression list, if it lacked only this request."""
    honoured = suppression.State.parse(manifest.get("suppression")) or suppression.EMPTY
    if request.listed and request.listed.completes(honoured):
        manifest["suppression"] = request.listed.after.describe()


def _write_documentation(
    folder: Path,
    manifest: dict[str, Any],
    changes: TakedownChanges,
    request: TakedownRequest,
    unknown: Sequence[str],
    samples_shown: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Write receipt, documentation and manifest, in this order; return the receipt."""
    counts = _summarize_changes(changes, request, unknown)
    _record_suppression(manifest, request)
    number = len(manifest.get("takedowns", [])) + 1
    before = {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    receipt = {
        "number": number,
        **counts,
        "shards": [
            {
                "path": path,
                "before": before[path],
                "after": shard["sha256"],
                "rows": shard["rows"],
                **changes.removed_rows[path],
            }
            for path, shard in changes.shards.items()
        ],
    }
    path = changes.stage(f"{FOLDER}/{number:05d}.json")
    write_json(path, receipt, pretty=True)
    digest = file_sha256(path)
    manifest["shards"] = [changes.shards.get(row["path"], row) for row in manifest["shards"]]
    manifest["takedowns"] = [*manifest.get("takedowns", []), {**counts, "receipt_sha256": digest}]
    _update_counts(manifest, changes)
    _update_index_facts(manifest, changes)
    plan = (folder / "plan.yaml").read_text(encoding="utf-8")
    statistics = _count_statistics(folder, manifest, changes)
    statistics |= {"samples": list(samples_shown)}
    for page, text in report.render_documentation(manifest, plan, statistics).items():
        changes.stage(page).write_text(text, encoding="utf-8")
    write_json(changes.stage(MANIFEST_NAME), manifest, pretty=True)
    return receipt


def _count_statistics(
    folder: Path, manifest: dict[str, Any], changes: TakedownChanges
) -> dict[str, Any]:
    """Count the corpus as it will be after the commit."""
    shards = [changes.path(folder, row["path"]) for row in manifest["shards"]]
    ledger = {f"dropped/{path.name}" for path in (folder / "dropped").glob("*.parquet")}
    ledger |= {name for name in changes.files if name.startswith("dropped/")}
    paths = [changes.path(folder, name) for name in sorted(ledger)]
    return report.count_statistics(shards, paths, manifest)


def _update_counts(manifest: dict[str, Any], changes: TakedownChanges) -> None:
    """Update the funnel and the totals: dedup has kept the copies that replace originals."""
    replaced = len(changes.replacements)
    after_dedup = False
    for row in manifest["funnel"]:
        if after_dedup:
            row["read"] += replaced
            row["kept"] += replaced
        if row["stage"] == "dedup":
            after_dedup = True
            row["kept"] += replaced
            for copy in changes.replacements.values():
                row["dropped"][copy["_reason"]] -= 1
            row["dropped"] = {reason: count for reason, count in row["dropped"].items() if count}
    removed = len(changes.removed)
    last = manifest["funnel"][-1]
    if last["stage"] == "takedown":
        last["kept"] -= removed
        last["dropped"]["takedown"] += removed
    elif removed:
        read = manifest["totals"]["kept"] + replaced
        manifest["funnel"].append(
            {
                "stage": "takedown",
                "read": read,
                "kept": read - removed,
                "dropped": {"takedown": removed},
                "seconds": 0.0,
            }
        )
    totals = manifest["totals"]
    totals["kept"] += replaced - removed
    totals["documents"] += changes.documents
    totals["dropped"] += removed - replaced
    totals["characters"] += changes.characters
    totals["tokens_estimated"] = totals["characters"] // 4
    if imbalances := find_imbalances(manifest):
        raise BuildError(
            f"the counts do not balance at {', '.join(imbalances)}; please report this"
        )


def _update_index_facts(manifest: dict[str, Any], changes: TakedownChanges) -> None:
    """Update what the manifest records of the index, the reserve and the largest clusters."""
    if rewrite.INDEX_CARD in changes.files:
        card = json.loads((changes.staging / rewrite.INDEX_CARD).read_text(encoding="utf-8"))
        manifest["index"] |= {name: card[name] for name in ("rows", "bytes")}
    for piece in manifest.get("reserve", {}).get("pieces", ()):
        file = changes.staging / "reserve" / piece["path"]
        if file.exists():
            piece |= {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    if manifest.get("reserve"):
        manifest["reserve"]["bytes"] = sum(row["bytes"] for row in manifest["reserve"]["pieces"])
    for name in ("largest", "campaigns"):
        for row in manifest.get("dedup", {}).get(name, ()):
            if row["cluster"] in changes.removed:
                new = changes.replacements.get(row["cluster"])
                row["cluster"] = new["id"] if new else None
