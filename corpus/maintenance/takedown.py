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
from corpus.maintenance.rewrite import Change, Wanted
from corpus.output import samples
from corpus.output.parquet_options import Layout
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Names
from corpus.storage import folder_lock, output_folder
from corpus.tasks.receipts import NAME, file_sha256, load_manifest, unbalanced, write_json

FOLDER = "takedowns"
_UNFINISHED, _NOTE = "unfinished", "moves.json"
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
    with _alone(folder):
        _finish(folder)
        tokens = _holds_tokens(folder)
        manifest = load_manifest(folder)
        secret = keys.key_of(folder, manifest, key)
        named = {_known_as(name, secret): name for name in authors}
        posts = Names(secret, manifest.get("ids", "original"))
        called = {posts.one(name) or "": name for name in ids}
        wanted = Wanted(frozenset(called), frozenset(named))
        receipt = _take_down(folder, manifest, wanted, secret)
        given = named | called
        unknown = sorted(given.get(name, name) for name in receipt["unknown"])
        lost = tokens and not _holds_tokens(folder)
        return {**receipt, "unknown": unknown, "tokens_removed": lost}


def _known_as(author: str, key: bytes) -> str:
    if _PSEUDONYM.fullmatch(author):
        return author
    if ":" not in author:
        raise PlanError(f"'{author}' is no author; write 'platform:name', or a pseudonym")
    return keys.pseudonym(author, key)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else writes into the corpus meanwhile."""
    with folder_lock.locked_corpus(folder, "takedown") as manifest:
        output_folder.check_links(folder)
        output_folder.check(folder, output_folder.ledger_stages(manifest), FOLDER)
        yield


def _finish(folder: Path) -> None:
    """Do what an interrupted takedown had decided; forget what it had not."""
    room = folder / FOLDER / _UNFINISHED
    note = room / _NOTE
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
    output_folder.remove(folder, f"{FOLDER}/{_UNFINISHED}", stages, ignore_errors=True)
    with suppress(OSError):  # it holds receipts
        (folder / FOLDER).rmdir()


def _holds_tokens(folder: Path) -> bool:
    """Whether ``tokens/`` holds tokens, complete or not."""
    return any(path.suffix in (".bin", ".unfinished") for path in (folder / "tokens").rglob("*"))


# --------------------------------------------------------------------------- the work


def _take_down(
    folder: Path, manifest: dict[str, Any], wanted: Wanted, key: bytes
) -> dict[str, Any]:
    room = folder / FOLDER / _UNFINISHED
    room.mkdir(mode=0o700, parents=True)
    change = Change()
    going = {shard["path"]: rewrite.hit(folder, shard, wanted) for shard in manifest["shards"]}
    every = [name for names in going.values() for name in names]
    copies = rewrite.second_copies(folder, wanted, every, key, change)
    named = [*every, *wanted.ids]
    renamed = {name: copies[name]["id"] if name in copies else None for name in named}
    joiner, layout, of_documents = _settings(folder)
    for shard in manifest["shards"]:
        if going[shard["path"]] or rewrite.named(folder, shard, named):
            rewrite.shard_without(
                folder, room, shard, wanted, copies, renamed, joiner, layout, change
            )
    if change.alongside:
        lost = change.alongside - rewrite.left_of(folder, room, manifest["shards"], change)
        change.removed |= dict.fromkeys(lost, "")
        change.alongside = lost
    rewrite.reserve_without(folder, room, wanted, key, change)
    rewrite.index_without(folder, room, key, change, of_documents=of_documents)
    rewrite.ledger_without(folder, room, wanted, change)
    counted = report.load_statistics(folder)
    shown = counted.get("samples", [])
    left = samples.without(shown, {*wanted.ids, *change.removed}, wanted.authors)
    # The report may be all that shows a post of somebody whose posts were all dropped.
    change.found |= {name for sample in shown for name in sample["people"]} & wanted.authors
    unknown = sorted((wanted.ids | wanted.authors) - change.found)
    if not change.moves and left == shown:
        _forget(folder)
        return {**_counts(change, wanted, unknown), "unknown": unknown}
    receipt = _papers(folder, room, manifest, change, wanted, unknown, left)
    write_json(room / _NOTE, change.moves, durable=True)
    _finish(folder)
    return {**receipt, "unknown": unknown}


def _settings(folder: Path) -> tuple[str, Layout, bool]:
    """What stands between two turns, how shards are laid out, and whether dedup saw documents."""
    plan = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    settings = {name: own for stage in plan["stages"] for name, own in stage.items()}
    output = plan.get("output", {})
    layout = Layout(**{key.name: output[key.name] for key in fields(Layout) if key.name in output})
    order = [name for name in settings if name in ("conversations", "dedup")]
    joiner = str(settings.get("conversations", {}).get("joiner", ""))
    return joiner, layout, order == ["conversations", "dedup"]


def _counts(change: Change, wanted: Wanted, unknown: Sequence[str]) -> dict[str, int]:
    return {
        "asked": len(wanted.ids) + len(wanted.authors),
        "removed": len(change.removed),
        "elected": len(change.elected),
        "alongside": len(change.alongside),
        "not_found": len(unknown),
    }


def _papers(
    folder: Path,
    room: Path,
    manifest: dict[str, Any],
    change: Change,
    wanted: Wanted,
    unknown: Sequence[str],
    shown: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The receipt, the papers and the manifest, in the order in which they move."""
    counts = _counts(change, wanted, unknown)
    number = len(manifest.get("takedowns", [])) + 1
    before = {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    receipt = {
        "number": number,
        **counts,
        "shards": [
            {"path": path, "before": before[path], "after": shard["sha256"], "rows": shard["rows"]}
            for path, shard in change.shards.items()
        ],
    }
    name = f"{number:05d}.json"
    write_json(room / name, receipt, pretty=True, durable=True)
    change.moves[name] = f"{FOLDER}/{name}"
    digest = hashlib.sha256((room / name).read_bytes()).hexdigest()
    manifest["shards"] = [change.shards.get(row["path"], row) for row in manifest["shards"]]
    manifest["takedowns"] = [*manifest.get("takedowns", []), {**counts, "receipt_sha256": digest}]
    _recount(manifest, change)
    _refresh(room, folder, manifest, change)
    plan = (folder / "plan.yaml").read_text(encoding="utf-8")
    counted = _counted(folder, room, manifest, change)
    for paper, text in report.papers(manifest, plan, counted | {"samples": list(shown)}).items():
        (room / paper).write_text(text, encoding="utf-8")
        change.moves[paper] = paper
    write_json(room / NAME, manifest, pretty=True, durable=True)
    change.moves[NAME] = NAME
    return receipt


def _counted(folder: Path, room: Path, manifest: dict[str, Any], change: Change) -> dict[str, Any]:
    """The statistics of the corpus as it will be."""
    new = {target: room / name for name, target in change.moves.items()}
    shards = [new.get(row["path"], folder / row["path"]) for row in manifest["shards"]]
    ledger = {f"dropped/{path.name}": path for path in (folder / "dropped").glob("*.parquet")}
    ledger |= {name: path for name, path in new.items() if name.startswith("dropped/")}
    return report.gather(shards, [ledger[name] for name in sorted(ledger)], manifest)


def _recount(manifest: dict[str, Any], change: Change) -> None:
    """Bring the funnel and the totals up to date: who moved up was never dropped by dedup."""
    up = len(change.elected)
    behind = False
    for row in manifest["funnel"]:
        if behind:
            row["read"] += up
            row["kept"] += up
        if row["stage"] == "dedup":
            behind = True
            row["kept"] += up
            for copy in change.elected.values():
                row["dropped"][copy["_reason"]] -= 1
            row["dropped"] = {reason: count for reason, count in row["dropped"].items() if count}
    gone = len(change.removed)
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
    totals["documents"] += change.documents
    totals["dropped"] += gone - up
    totals["characters"] += change.characters
    totals["tokens_estimated"] = totals["characters"] // 4
    if wrong := unbalanced(manifest):
        raise BuildError(f"the counts do not balance at {', '.join(wrong)}; please report this")


def _refresh(room: Path, folder: Path, manifest: dict[str, Any], change: Change) -> None:
    """What the manifest tells of the index, the reserve and the largest clusters."""
    if rewrite.CARD in change.moves:
        card = json.loads((room / rewrite.CARD).read_text(encoding="utf-8"))
        manifest["index"] |= {name: card[name] for name in ("rows", "bytes")}
    for piece in manifest.get("reserve", {}).get("pieces", ()):
        file = room / f"reserve-{piece['path']}"
        if file.exists():
            piece |= {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    if manifest.get("reserve"):
        manifest["reserve"]["bytes"] = sum(row["bytes"] for row in manifest["reserve"]["pieces"])
    for name in ("largest", "campaigns"):
        for row in manifest.get("dedup", {}).get(name, ()):
            if row["cluster"] in change.removed:
                new = change.elected.get(row["cluster"])
                row["cluster"] = new["id"] if new else None
