"""Write what the stages kept: shards, and the ledger of what they dropped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import (
    conversations,
    dedup,
    dedup_index,
    reserve,
    samples,
    shuffle,
    split,
    stages,
)
from corpus import read as reading
from corpus import write as writing
from corpus.manifest import load_receipt, needed_receipt, save_receipt
from corpus.story import Part, Story, chain
from corpus.write import Piece


def write_shards(story: Story, parts: Sequence[Part], key_id: str) -> list[dict[str, Any]]:
    """Write the shards that are not there yet; return their receipts, training set first."""
    output, space = story.plan.output, story.space
    cut = (*story.plan.cut(), key_id, list(story.plan.scores()))
    done = space.step("shards", [part.identity for part in parts], cut)
    rooms = {"train": space.shards, "validation": space.validation}
    tasks = []
    for side, pieces in _sides(story, parts).items():
        rooms[side].mkdir(exist_ok=True)
        tasks += writing.cut_shards(
            _ordered(story, parts, pieces, side),
            rooms[side],
            done / side,
            name="part" if side == "train" else side,
            shard_bytes=max(1, int(output.shard_mb * 1e6)),
            row_group_bytes=max(1, int(output.row_group_mb * 1e6)),
            scores=tuple(story.plan.scores()),
            naming=story.plan.naming,
            layout=output.layout,
        )
    _forget_others(done)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for room in rooms.values():
        for leftover in set(room.iterdir()) - valid if room.is_dir() else ():
            leftover.unlink()  # of an earlier plan, or cut off while being written
    if not output.validation:
        shutil.rmtree(space.validation, ignore_errors=True)
    for _ in story.run(tasks, "writing"):
        pass
    return [needed_receipt(task.receipt) for task in tasks]


def _forget_others(done: Path) -> None:
    """Remove the receipts of other plans: they speak of files that are replaced from here on."""
    for other in done.parent.iterdir() if done.parent.is_dir() else ():
        if other != done:
            shutil.rmtree(other)


def _sides(story: Story, parts: Sequence[Part]) -> dict[str, list[Piece]]:
    """The posts that stay; with a validation set, those of either side."""
    output = story.plan.output
    if not output.validation:
        return {"train": [Piece(part.posts, part.rows, part.text_bytes) for part in parts]}
    identity = [part.identity for part in parts]
    room = story.space.step("split", identity, output.apart)
    tying = [
        split.TiePart(part.posts, room / "ties" / f"{index:06d}")
        for index, part in enumerate(parts)
    ]
    for _ in story.run(tying, "tying"):
        pass
    split.decide(
        room / "all", [task.folder for task in tying], [part.rows for part in parts],
        output.validation, output.validation_seed, split.day(output.validation_after), story.run,
    )  # fmt: skip
    tasks = [
        split.SplitPart(part.posts, room / "all", room / "sides", index)
        for index, part in enumerate(parts)
    ]
    for _ in story.run(tasks, "splitting"):
        pass
    found = [(task, needed_receipt(task.receipt)["sides"]) for task in tasks]
    return {
        side: [Piece(task.side(side), *sizes[side]) for task, sizes in found]
        for side in split.SPLITS
    }


def _ordered(
    story: Story, parts: Sequence[Part], pieces: list[Piece], side: str
) -> Sequence[Piece]:
    """The posts of one side in the order in which they are written."""
    output = story.plan.output
    if not output.shuffle:
        return pieces
    marks = (side, output.shuffle_seed, output.apart)
    room = story.space.step("shuffled", [part.identity for part in parts], marks)
    whole = [(piece.path, piece.rows, piece.text_bytes) for piece in pieces]
    scattering, gathering = shuffle.tasks(whole, room, output.shuffle_seed)
    for _ in story.run(scattering, "shuffling"):
        pass
    for _ in story.run(gathering, "gathering"):
        pass
    receipts = [(task.target, needed_receipt(task.receipt)) for task in gathering]
    return [Piece(path, found["rows"], found["text_bytes"]) for path, found in receipts]


def write_index(story: Story, parts: Sequence[Part], key_id: str) -> dict[str, Any] | None:
    """Write what dedup knows of the posts that stay, for later corpora to be compared with."""
    folder = story.space.out / dedup_index.FOLDER
    config = next((stage.config for stage in story.plan.stages if stage.name == "dedup"), None)
    if not isinstance(config, dedup.Config) or not config.index:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    folder.mkdir(exist_ok=True)
    done = story.space.step(
        "index", [part.identity for part in parts], [key_id, story.plan.output.ids]
    )
    _forget_others(done)
    kept = done / "kept.npy"
    if load_receipt(done / "kept.json") is None:
        dedup_index.save_kept([part.posts for part in parts], kept)
        save_receipt(done / "kept.json", {}, [kept])
    finding = [
        dedup_index.FindKept(
            posts, arrays.with_suffix(".verdict.parquet"), kept, done / "kept" / f"{index:06d}"
        )
        for index, (posts, arrays) in enumerate(story.measured["dedup"])
    ]
    for _ in story.run(finding, "indexing"):
        pass
    measured = [folder for _, folder in story.measured["dedup"]]
    tasks = dedup_index.cut(finding, measured, folder, done, story.plan.naming)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for leftover in set(folder.iterdir()) - valid:
        leftover.unlink()
    for _ in story.run(tasks, "indexing"):
        pass
    receipts = [needed_receipt(task.receipt) for task in tasks]
    near = not config.exact_only
    return dedup_index.write_card(folder, receipts, config.scheme(), near, key_id)


def write_beside(
    story: Story, parts: Sequence[Part], read: Sequence[Path], refused: Sequence[Path],
    shards: Sequence[dict[str, Any]], key_id: str,
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:  # fmt: skip
    """Write the ledger and the reserve, and choose a few posts for the report.

    These do not wait for one another. Returns the reserve's card, and the posts, redacted.
    """
    sample = _sample(story, parts, read, shards, key_id)
    ledger, copies = _ledger(story, refused), _copies(story, key_id)
    wanted: set[Path] = set()
    tasks: list[Any] = [sample, *ledger, *copies]  # the longest first
    for task in story.run(tasks, "writing the ledger"):
        if isinstance(task, writing.WriteLedger):
            wanted.update(task.written)
    for leftover in set(story.space.dropped.iterdir()) - wanted:
        leftover.unlink()
    folder = story.space.out / reserve.FOLDER
    card = None
    if _keeps_copies(story):
        targets = [task.target for task in copies]
        card = reserve.write(targets, folder, story.plan.key_path)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    shown: list[dict[str, Any]] = json.loads(sample.target.read_text(encoding="utf-8"))
    return card, shown


def _keeps_copies(story: Story) -> bool:
    *_, last = story.plan.segments()
    return isinstance(config := last[0].config, dedup.Config) and config.reserve


def _copies(story: Story, key_id: str) -> list[reserve.JudgeReserve]:
    """The tasks that judge the second copies of what has copies, as what stays was."""
    if not _keeps_copies(story):
        return []
    *_, last = story.plan.segments()
    measured = story.measured["dedup"]
    marks = [*(stage.fingerprint for stage in last), key_id, story.plan.output.ids]
    done = story.space.step("reserve", [posts.name for posts, _ in measured], marks)
    done = done / measured[0][1].parent.name if measured else done
    return [
        reserve.JudgeReserve(
            posts, arrays, arrays.with_suffix(".verdict.parquet"),
            dedup.runners_up(arrays.parent, index), done / f"{index:06d}.parquet",
            chain(last)[1:], tuple(story.plan.scores()), story.plan.naming,
        )
        for index, (posts, arrays) in enumerate(measured)
    ]  # fmt: skip


def _sample(
    story: Story, parts: Sequence[Part], read: Sequence[Path], shards: Sequence[dict[str, Any]],
    key_id: str,
) -> samples.Sample:  # fmt: skip
    """The task that chooses a few posts for the report."""
    output = story.plan.output
    config = next((s.config for s in story.plan.stages if s.name == "pii"), None)
    redaction = reading.settings_json(config or stages.find("pii").Config())
    largest = story.facts.get("dedup", {}).get("largest", ())
    marks = [*(stage.fingerprint for stage in story.plan.stages), redaction, key_id, output.ids]
    done = story.space.step(
        "samples", [part.identity for part in parts], marks, output.report_samples
    )
    return samples.Sample(
        done / "samples.drawn",
        output.report_samples,
        samples.parts(read),
        tuple(part.dropped for part in story.ledgers),
        tuple(story.space.out / shard["path"] for shard in shards),
        tuple(row["cluster"] for row in largest if not row["earlier"])[: samples.MOST_CLUSTERS],
        redaction,
        story.plan.naming,
    )


def _ledger(story: Story, refused: Sequence[Path]) -> list[writing.WriteLedger]:
    """The tasks that write a row for each record refused and each post dropped."""
    scores = {
        name: dtype
        for name, dtype in story.plan.scores().items()
        if name not in conversations.WRITES  # of documents; a ledger row is a post
    }
    found = {"read": tuple(refused)}
    for stage in story.plan.stages:
        dropping = (part.dropped for part in story.ledgers if stage.name in part.dropping)
        found[stage.name] = tuple(dropping)
    return [
        writing.WriteLedger(stage, paths, story.space.dropped, scores, story.plan.naming)
        for stage, paths in found.items()
    ]
