"""Remove posts and authors from a finished corpus, and replace removed originals by copies.

New files are first written to ``takedowns/unfinished/``. One rename commits them, and then each is
moved to its name, the manifest last: see :mod:`corpus.journal`. If a takedown is interrupted before
the commit, the corpus is unchanged; if it is interrupted after that, readers see it complete, and
whoever may write finishes it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from corpus import report
from corpus.conversations.messages import TurnFormat
from corpus.errors import BuildError
from corpus.maintenance import rewrite
from corpus.maintenance.people_names import PeopleNames
from corpus.maintenance.rewrite import ShardRewriter, TakedownChanges
from corpus.maintenance.takedown_request import TakedownRequest
from corpus.manifest import MANIFEST_NAME, find_imbalances, load_manifest
from corpus.output import samples
from corpus.output.parquet_options import ParquetOptions
from corpus.plan.built_plan import BuiltPlan, load_built_plan
from corpus.privacy import keys, people, suppression
from corpus.privacy.people import Names
from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.storage import folder_lock, output_folder
from corpus.storage.derived_files import FIELD, split_by_location
from corpus.storage.unfinished_takedown import begin, commit, discard, finish, has_kept_work
from corpus.tasks.files import file_sha256, write_json

FOLDER = "takedowns"


def take_down(
    out: str | Path,
    ids: Collection[str] = (),
    authors: Collection[str] = (),
    key: str | Path | None = None,
    names: Collection[str] = (),
) -> dict[str, Any]:
    """Remove posts from the corpus at ``out``; return the receipt.

    ``ids`` are post ids such as ``reddit:t1_c0abc``, or keyed ids of the corpus; ``authors`` are
    ``platform:name``, or pseudonyms of the corpus. Reposts of what is removed are removed too.
    ``names`` of people are replaced by ``<PERSON>`` in all texts. ``key`` is the corpus's key, by
    default ``corpus.key`` in the parent folder.

    The result has besides the receipt ``unknown``, the ids and authors that the corpus does not
    contain; ``unresolved``, those of them that are names where the corpus has numbers, as no dump
    said whose they are; ``ledger_unknown``, whether the corpus does not know the authors of its
    ledger; ``tokens_removed`` and ``work_removed``, whether these files were removed;
    ``exports_removed``, the folders of exports in ``out`` that were removed; and ``copies``, the
    paths, relative to ``out``, of files elsewhere that were made of the old texts.
    Raises :class:`~corpus.errors.PlanError` if a request is wrong and
    :class:`~corpus.errors.BuildError` if the takedown fails; then run it again.
    """
    folder = Path(out)
    with _lock_corpus(folder):
        finish(folder)
        had_tokens, had_work = _has_tokens(folder), has_kept_work(folder)
        had_exports = _list_exports(folder)
        manifest = load_manifest(folder)
        secret = keys.load_corpus_key(folder, manifest, key)
        given_authors = {
            suppression.author_pseudonym(each, secret): name
            for name in authors
            for each in suppression.spell_author(name)
        }
        pseudonymizer = Pseudonymizer(secret, manifest.get("ids", "original"))
        given_ids = {
            pseudonymizer.pseudonymize_id(each) or "": name
            for name in ids
            for each in suppression.spell_id(name)
        }
        known_names = rewrite.load_names(folder, secret)
        resolved = known_names.find_authors(set(given_authors))
        for name, accounts in resolved.items():  # a name stands for the accounts that have it
            given_authors |= dict.fromkeys(accounts, given_authors[name])
        # First of all: if this takedown is stopped, no build may bring back what it was to remove.
        listed = suppression.add(
            Path(key) if key else folder.parent / "corpus.key",
            [name for name in ids if ":" in name],  # any other is the id of no post
            [*authors, *sorted(set().union(*resolved.values()))],
            names,
        )
        request = TakedownRequest(
            frozenset(given_ids),
            frozenset(given_authors),
            known_names.find_names(set(given_authors)),
            PeopleNames(names) if names else None,
            listed,
        )
        receipt = _rewrite_corpus(folder, manifest, request, known_names, secret)
        given = given_authors | given_ids
        found = {given[name] for name in given if name not in receipt["unknown"]}
        unknown = sorted({given[name] for name in receipt["unknown"]} - found)
        return {
            **receipt,
            "unknown": unknown,
            "unresolved": [name for name in unknown if _is_screen_name(name)],
            "ledger_unknown": bool(authors) and _has_unknown_people(folder),
            "tokens_removed": had_tokens and not _has_tokens(folder),
            "exports_removed": [n for n in had_exports if n not in _list_exports(folder)],
            "work_removed": had_work and not has_kept_work(folder),
            "copies": split_by_location(folder, manifest)[1] if receipt.get("number") else [],
        }


def _has_unknown_people(folder: Path) -> bool:
    """Return whether a build wrote rows of dropped posts without files of their people."""
    ledger = (folder / "dropped").glob("*.parquet")
    is_of_build = any(not path.name.startswith("takedown-") for path in ledger)
    return is_of_build and not (folder / people.FOLDER).is_dir()


def _is_screen_name(author: str) -> bool:
    """Return whether an author is given by a name where the corpus has numbers."""
    platform, _, name = author.partition(":")
    return platform.lower() == "x" and not name.isdecimal()


@contextmanager
def _lock_corpus(folder: Path) -> Iterator[None]:
    """Lock the corpus, and check that only files of builds and takedowns will be touched."""
    with folder_lock.locked_corpus(folder, "takedown") as manifest:
        output_folder.check_links(folder)
        for rewritten in (FOLDER, "shards", "validation", "dropped", "index", "reserve", "people"):
            output_folder.check(folder, output_folder.ledger_stages(manifest), rewritten)
        yield


def _has_tokens(folder: Path) -> bool:
    """Return whether there are token files, finished or not."""
    return any(path.suffix in (".bin", ".unfinished") for path in (folder / "tokens").rglob("*"))


def _list_exports(folder: Path) -> list[str]:
    """Return the folders of exports in ``folder``, finished or not."""
    return [
        name
        for name in output_folder.list_export_folders(folder)
        if any(
            output_folder.is_ours(f"{name}/{path.name}", ()) for path in (folder / name).iterdir()
        )
    ]


def _rewrite_corpus(
    folder: Path,
    manifest: dict[str, Any],
    request: TakedownRequest,
    known_names: Names,
    key: bytes,
) -> dict[str, Any]:
    """Rewrite every file that contains or counts a post of the request."""
    changes = TakedownChanges(begin(folder))
    _rewrite_shards(folder, manifest, request, known_names, key, changes)
    rewrite.rewrite_reserve(folder, request, key, changes)
    rewrite.rewrite_index(
        folder, key, changes, indexes_documents=_dedup_follows_conversations(folder)
    )
    rewrite.rewrite_ledger(folder, request, key, changes)
    rewrite.clear_names(folder, request.authors, key, changes)
    shown = report.load_statistics(folder).get("samples", [])
    shown_people = {*request.authors, *request.names}
    kept = samples.exclude_samples(shown, {*request.ids, *changes.removed}, shown_people)
    kept = [row | {"text": request.edit_other_text(row["text"])[0]} for row in kept]
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
    known_names: Names,
    key: bytes,
    changes: TakedownChanges,
) -> None:
    """Rewrite the shards with a post of the request, a repost of one, or a reference to one."""
    plan = load_built_plan(folder)
    joiner = str(plan.stage_settings("conversations").get("joiner", ""))
    paths = {shard["path"]: folder / shard["path"] for shard in manifest["shards"]}
    found = {name: rewrite.find_posts(path, request, joiner) for name, path in paths.items()}
    asked = pl.concat(
        [
            *(posts.filter(pl.col("id").is_in(list(request.ids))) for _, posts in found.values()),
            rewrite.find_dropped_posts(folder, request, key),
        ],
        how="diagonal",
    )
    names = known_names.find_names(set(asked["author"].drop_nulls()))
    for path in paths.values() if asked.height else ():
        rewrite.find_copies(path, request, asked, names, joiner)
    of_authors = pl.concat([posts["id"] for _, posts in found.values()] or [asked["id"]])
    for path in paths.values() if request.authors and len(of_authors) else ():
        rewrite.find_reposts(path, request, of_authors)
    if request.copies or request.quotations:
        found = {name: rewrite.find_posts(path, request, joiner) for name, path in paths.items()}
    removed = pl.concat([posts for _, posts in found.values()] or [asked])
    has_turns = any(name == "conversations" for name, _ in plan.stages)
    request.add_removed_texts(removed["text"], are_turns=has_turns)
    copies = rewrite.find_replacements(folder, request, removed, key, changes)
    referable = [*removed["id"], *request.ids]
    rewriter = ShardRewriter(
        request,
        copies,
        {name: copies[name]["id"] if name in copies else None for name in referable},
        dict(removed.select("id", "text").iter_rows()),
        joiner,
        _parquet_options(plan),
        changes,
        TurnFormat.of(plan.stage_settings("conversations")),
    )
    for shard in manifest["shards"]:
        matches, _ = found[shard["path"]]
        if matches or rewrite.needs_rewriting(paths[shard["path"]], request, referable):
            rewriter.rewrite(folder, shard)
    if changes.removed_with_document:
        remaining = rewrite.find_remaining_posts(folder, manifest["shards"], changes)
        changes.removed_with_document -= remaining
        changes.removed |= dict.fromkeys(changes.removed_with_document, "")


def _parquet_options(plan: BuiltPlan) -> ParquetOptions:
    output = plan.output
    names = [field.name for field in fields(ParquetOptions) if field.name in output]
    return ParquetOptions(**{name: output[name] for name in names})


def _dedup_follows_conversations(folder: Path) -> bool:
    """Return whether the index has documents, because dedup follows conversations in the plan."""
    names = [name for name, _ in load_built_plan(folder).stages]
    order = [name for name in names if name in ("conversations", "dedup")]
    return order == ["conversations", "dedup"]


def _summarize_changes(
    changes: TakedownChanges, request: TakedownRequest, unknown: Sequence[str]
) -> dict[str, Any]:
    listed = {"suppression": request.listed.after.describe()} if request.listed else {}
    return {
        "asked": len(request.ids) + len(request.authors),
        "names": len(request.people) if request.people else 0,
        "removed": len(changes.removed),
        "elected": len(changes.replacements),
        "alongside": len(changes.removed_with_document),
        "cut": len(changes.edited_posts - changes.removed.keys()),
        "redacted": changes.redacted,
        "ledger_rows": changes.cleared,
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
    _, elsewhere = split_by_location(folder, manifest)
    if FIELD in manifest:  # those in the folder are removed
        manifest[FIELD] = [entry for entry in manifest[FIELD] if entry["path"] in elsewhere]
    _update_counts(manifest, changes)
    _update_index_facts(manifest, changes)
    plan = load_built_plan(folder).text
    statistics = _count_statistics(folder, manifest, changes)
    warnings = report.list_warnings(manifest, statistics)
    manifest.pop("warnings", None)
    if warnings:
        manifest["warnings"] = warnings
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
    for piece in manifest.get("people", {}).get("pieces", ()):
        file = changes.staging / "people" / piece["path"]
        if file.exists():
            piece |= {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    if manifest.get("people"):
        manifest["people"]["bytes"] = sum(row["bytes"] for row in manifest["people"]["pieces"])
    if manifest.get("reserve"):
        manifest["reserve"]["bytes"] = sum(row["bytes"] for row in manifest["reserve"]["pieces"])
    for name in ("largest", "campaigns"):
        for row in manifest.get("dedup", {}).get(name, ()):
            if row["cluster"] in changes.removed:
                new = changes.replacements.get(row["cluster"])
                row["cluster"] = new["id"] if new else None
