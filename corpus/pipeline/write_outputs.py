"""Write what the stages kept: the shards, and what dedup knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpus import dedup
from corpus.dedup import dedup_index, index_rows
from corpus.output import shards as writing
from corpus.output import shuffle, train_validation_split
from corpus.output.shards import Piece
from corpus.pipeline.context import Part, Story, forget_others
from corpus.tasks.receipts import load_receipt, needed_receipt


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
    forget_others(space, done)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for room in rooms.values():
        space.remove_others(room, valid)  # of an earlier plan, or cut off while being written
    if not output.validation:
        space.remove(space.validation.name)
    for _ in story.run(tasks, "writing"):
        pass
    return [needed_receipt(task.receipt) for task in tasks]


def _sides(story: Story, parts: Sequence[Part]) -> dict[str, list[Piece]]:
    """The posts that stay; with a validation set, those of either side."""
    output = story.plan.output
    if not output.validation:
        return {"train": [Piece(part.posts, part.rows, part.text_bytes) for part in parts]}
    identity = [part.identity for part in parts]
    room = story.space.step("split", identity, output.apart)
    tying = [
        train_validation_split.TiePart(part.posts, room / "ties" / f"{index:06d}")
        for index, part in enumerate(parts)
    ]
    for _ in story.run(tying, "tying"):
        pass
    train_validation_split.decide(
        room / "all", [task.folder for task in tying], [part.rows for part in parts],
        output.validation, output.validation_seed,
        train_validation_split.day(output.validation_after), story.run,
    )  # fmt: skip
    tasks = [
        train_validation_split.SplitPart(part.posts, room / "all", room / "sides", index)
        for index, part in enumerate(parts)
    ]
    for _ in story.run(tasks, "splitting"):
        pass
    found = [(task, needed_receipt(task.receipt)["sides"]) for task in tasks]
    return {
        side: [Piece(task.side(side), *sizes[side]) for task, sizes in found]
        for side in train_validation_split.SPLITS
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
        story.space.remove(folder.name)
        return None
    folder.mkdir(exist_ok=True)
    done = story.space.step(
        "index", [part.identity for part in parts], [key_id, story.plan.output.ids]
    )
    forget_others(story.space, done)
    posts = [posts for posts, _ in story.measured["dedup"]]
    measured = [folder for _, folder in story.measured["dedup"]]
    verdicts = [folder.with_suffix(".verdict.parquet") for folder in measured]
    seen = [index_rows.Seen(*pair) for pair in zip(posts, verdicts, strict=True)]
    found = index_rows.find(done, seen, [part.posts for part in parts], story.run)
    tasks = dedup_index.cut(posts, measured, found, folder, done, story.plan.naming)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    story.space.remove_others(folder, valid)
    for _ in story.run(tasks, "indexing"):
        pass
    receipts = [needed_receipt(task.receipt) for task in tasks]
    near = not config.exact_only
    return dedup_index.write_card(folder, receipts, config.scheme(), near, key_id)
