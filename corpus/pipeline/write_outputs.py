"""Write what the stages kept: the shards, and what dedup knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpus import dedup
from corpus.dedup import dedup_index, index_rows
from corpus.output import shards as writing
from corpus.output import shuffle, train_validation_split
from corpus.output.shards import FinishedPart
from corpus.pipeline.context import BuildContext, Part, remove_other_receipts
from corpus.tasks.receipts import load_receipt, require_receipt


def write_shards(context: BuildContext, parts: Sequence[Part], key_id: str) -> list[dict[str, Any]]:
    """Write the shards that are not there yet; return their receipts, training set first."""
    output, space = context.plan.output, context.workspace
    cut = (*context.plan.shard_settings(), key_id, list(context.plan.scores()))
    done = space.step_folder("shards", [part.identity for part in parts], cut)
    rooms = {"train": space.shards, "validation": space.validation}
    tasks = []
    for side, pieces in _split_sides(context, parts).items():
        rooms[side].mkdir(exist_ok=True)
        tasks += writing.make_shard_tasks(
            _order_posts(context, parts, pieces, side),
            rooms[side],
            done / side,
            prefix="part" if side == "train" else side,
            shard_bytes=max(1, int(output.shard_mb * 1e6)),
            row_group_bytes=max(1, int(output.row_group_mb * 1e6)),
            scores=tuple(context.plan.scores()),
            pseudonyms=context.plan.pseudonyms,
            parquet_options=output.parquet_options,
        )
    remove_other_receipts(space, done)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for room in rooms.values():
        space.remove_others(room, valid)  # of an earlier plan, or cut off while being written
    if not output.validation:
        space.remove(space.validation.name)
    for _ in context.run(tasks, "writing"):
        pass
    return [require_receipt(task.receipt) for task in tasks]


def _split_sides(context: BuildContext, parts: Sequence[Part]) -> dict[str, list[FinishedPart]]:
    """The posts that stay; with a validation set, those of either side."""
    output = context.plan.output
    if not output.validation:
        return {"train": [FinishedPart(part.posts, part.rows, part.text_bytes) for part in parts]}
    identity = [part.identity for part in parts]
    room = context.workspace.step_folder("split", identity, output.split_settings)
    tying = [
        train_validation_split.MeasureTies(part.posts, room / "ties" / f"{index:06d}")
        for index, part in enumerate(parts)
    ]
    for _ in context.run(tying, "tying"):
        pass
    train_validation_split.choose_validation(
        room / "all", [task.folder for task in tying], [part.rows for part in parts],
        output.validation, output.validation_seed,
        train_validation_split.parse_day(output.validation_after), context.run,
    )  # fmt: skip
    tasks = [
        train_validation_split.SplitPart(part.posts, room / "all", room / "sides", index)
        for index, part in enumerate(parts)
    ]
    for _ in context.run(tasks, "splitting"):
        pass
    found = [(task, require_receipt(task.receipt)["sides"]) for task in tasks]
    return {
        side: [FinishedPart(task.side_file(side), *sizes[side]) for task, sizes in found]
        for side in train_validation_split.SPLITS
    }


def _order_posts(
    context: BuildContext, parts: Sequence[Part], pieces: list[FinishedPart], side: str
) -> Sequence[FinishedPart]:
    """The posts of one side in the order in which they are written."""
    output = context.plan.output
    if not output.shuffle:
        return pieces
    marks = (side, output.shuffle_seed, output.split_settings)
    room = context.workspace.step_folder("shuffled", [part.identity for part in parts], marks)
    whole = [(piece.path, piece.rows, piece.text_bytes) for piece in pieces]
    scattering, gathering = shuffle.make_shuffle_tasks(whole, room, output.shuffle_seed)
    for _ in context.run(scattering, "shuffling"):
        pass
    for _ in context.run(gathering, "gathering"):
        pass
    receipts = [(task.target, require_receipt(task.receipt)) for task in gathering]
    return [FinishedPart(path, found["rows"], found["text_bytes"]) for path, found in receipts]


def write_index(context: BuildContext, parts: Sequence[Part], key_id: str) -> dict[str, Any] | None:
    """Write what dedup knows of the posts that stay, for later corpora to be compared with."""
    folder = context.workspace.out / dedup_index.INDEX_FOLDER
    config = next((stage.config for stage in context.plan.stages if stage.name == "dedup"), None)
    if not isinstance(config, dedup.Config) or not config.index:
        context.workspace.remove(folder.name)
        return None
    folder.mkdir(exist_ok=True)
    done = context.workspace.step_folder(
        "index", [part.identity for part in parts], [key_id, context.plan.output.ids]
    )
    remove_other_receipts(context.workspace, done)
    measured = context.measured_parts["dedup"]
    found = index_rows.find_indexed_rows(
        done, measured, [part.posts for part in parts], context.run
    )
    tasks = dedup_index.make_piece_tasks(measured, found, folder, done, context.plan.pseudonyms)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    context.workspace.remove_others(folder, valid)
    for _ in context.run(tasks, "indexing"):
        pass
    receipts = [require_receipt(task.receipt) for task in tasks]
    near = not config.exact_only
    return dedup_index.write_index_file(folder, receipts, config.scheme(), near, key_id)
