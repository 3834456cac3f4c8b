"""Write what the stages kept: shards, and the ledger of what they dropped."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import conversations, dedup, dedup_index, reserve
from corpus import write as writing
from corpus.manifest import load_receipt, needed_receipt, save_receipt
from corpus.story import Part, Story, chain
from corpus.write import Piece


def write_shards(story: Story, parts: Sequence[Part], key_id: str) -> list[dict[str, Any]]:
    """Write the shards that are not there yet; return their receipts."""
    output = story.plan.output
    cut = (output.shard_mb, output.row_group_mb, output.ids, key_id, list(story.plan.scores()))
    done = story.space.step("shards", [part.identity for part in parts], cut)
    tasks = writing.cut_shards(
        [Piece(part.posts, part.rows, part.text_bytes) for part in parts],
        story.space.shards,
        done,
        shard_bytes=max(1, int(output.shard_mb * 1e6)),
        row_group_bytes=max(1, int(output.row_group_mb * 1e6)),
        scores=tuple(story.plan.scores()),
        naming=story.plan.naming,
    )
    _forget_others(done)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for leftover in set(story.space.shards.iterdir()) - valid:
        leftover.unlink()  # of an earlier plan, or cut off while being written
    for _ in story.run(tasks, "writing"):
        pass
    return [needed_receipt(task.receipt) for task in tasks]


def _forget_others(done: Path) -> None:
    """Remove the receipts of other plans: they speak of files that are replaced from here on."""
    for other in done.parent.iterdir() if done.parent.is_dir() else ():
        if other != done:
            shutil.rmtree(other)


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


def write_reserve(story: Story, key_id: str) -> dict[str, Any] | None:
    """Write the second copies of what has copies, judged as what stays was."""
    folder = story.space.out / reserve.FOLDER
    *_, last = story.plan.segments()
    config = last[0].config
    if not isinstance(config, dedup.Config) or not config.reserve:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    measured = story.measured["dedup"]
    marks = [*(stage.fingerprint for stage in last), key_id, story.plan.output.ids]
    done = story.space.step("reserve", [posts.name for posts, _ in measured], marks)
    done = done / measured[0][1].parent.name if measured else done
    tasks = [
        reserve.JudgeReserve(
            posts, arrays, arrays.with_suffix(".verdict.parquet"),
            dedup.runners_up(arrays.parent, index), done / f"{index:06d}.parquet",
            chain(last)[1:], tuple(story.plan.scores()), story.plan.naming,
        )
        for index, (posts, arrays) in enumerate(measured)
    ]  # fmt: skip
    for _ in story.run(tasks, "keeping copies"):
        pass
    return reserve.write([task.target for task in tasks], folder, story.plan.key_path)


def write_ledger(story: Story, refused: Sequence[Path]) -> None:
    """Write a row for each record that was refused and each post that was dropped."""
    scores = {
        name: dtype
        for name, dtype in story.plan.scores().items()
        if name not in conversations.WRITES  # of documents; a ledger row is a post
    }
    names = story.plan.naming.open()
    wanted = writing.write_ledger("read", refused, story.space.dropped, scores, names)
    for stage in story.plan.stages:
        dropping = [part.dropped for part in story.ledgers if stage.name in part.dropping]
        wanted += writing.write_ledger(stage.name, dropping, story.space.dropped, scores, names)
    for leftover in set(story.space.dropped.iterdir()) - set(wanted):
        leftover.unlink()
