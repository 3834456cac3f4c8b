"""Write the kept posts: split them, order them, cut them into shards, and index them for dedup."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import dedup
from corpus.dedup import dedup_index, index_rows, output_texts
from corpus.output import shards, shuffle, train_validation_split
from corpus.output.shards import FinishedPart
from corpus.pipeline.context import BuildContext, Part, identify_parts
from corpus.plan.entries import serialize_stages
from corpus.privacy import keys


def write_shards(context: BuildContext, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Write the shards that are not there yet; return their receipts, training set first."""
    output, workspace = context.plan.output, context.workspace
    scores = tuple(context.plan.scores())
    settings = (*context.plan.shard_settings(), context.key_id, list(scores))
    receipts_folder = workspace.step_folder("shards", identify_parts(parts), settings)
    folders = {"train": workspace.shards, "validation": workspace.validation}
    tasks = []
    for side, pieces in _split_sides(context, parts).items():
        folders[side].mkdir(exist_ok=True)
        tasks += shards.make_shard_tasks(
            _order_posts(context, parts, pieces, side),
            folders[side],
            receipts_folder / side,
            prefix="part" if side == "train" else side,
            shard_bytes=max(1, int(output.shard_mb * 1e6)),
            row_group_bytes=max(1, int(output.row_group_mb * 1e6)),
            scores=scores,
            columns=context.output_columns,
            parquet_options=output.parquet_options,
        )
    workspace.remove_other_receipts(receipts_folder)
    valid = {task.target for task in tasks if task.is_done}
    for folder in folders.values():
        workspace.remove_others(folder, valid)  # of an earlier plan, or not written to the end
    if not output.validation:
        workspace.remove(workspace.validation.name)
    context.run_all(tasks, "writing")
    return [task.facts for task in tasks]


def _split_sides(context: BuildContext, parts: Sequence[Part]) -> dict[str, list[FinishedPart]]:
    """The kept posts of each side: ``train`` and, with a validation set, ``validation``."""
    output = context.plan.output
    if not output.validation:
        return {"train": [FinishedPart(part.posts, part.rows, part.text_bytes) for part in parts]}
    folder = context.workspace.step_folder("split", identify_parts(parts), output.split_settings)
    measuring = [
        train_validation_split.MeasureTies(part.posts, folder / "ties" / f"{index:06d}")
        for index, part in enumerate(parts)
    ]
    context.run_all(measuring, "measuring ties")
    train_validation_split.choose_validation(
        folder / "all",
        [task.folder for task in measuring],
        [part.rows for part in parts],
        output.validation,
        output.validation_seed,
        train_validation_split.parse_day(output.validation_after),
        context.run,
    )
    splitting = [
        train_validation_split.SplitPart(part.posts, folder / "all", folder / "sides", index)
        for index, part in enumerate(parts)
    ]
    context.run_all(splitting, "splitting")
    sizes = [task.facts["sides"] for task in splitting]
    return {
        side: [
            FinishedPart(task.side_file(side), *size[side])
            for task, size in zip(splitting, sizes, strict=True)
        ]
        for side in train_validation_split.SPLITS
    }


def _order_posts(
    context: BuildContext, parts: Sequence[Part], pieces: list[FinishedPart], side: str
) -> Sequence[FinishedPart]:
    """The posts of one side in the order in which they are written."""
    output = context.plan.output
    if not output.shuffle:
        return pieces
    settings = (side, output.shuffle_seed, output.split_settings)
    folder = context.workspace.step_folder("shuffled", identify_parts(parts), settings)
    sized_files = [(piece.path, piece.rows, piece.text_bytes) for piece in pieces]
    scattering, gathering = shuffle.make_shuffle_tasks(sized_files, folder, output.shuffle_seed)
    context.run_all(scattering, "shuffling")
    context.run_all(gathering, "gathering")
    receipts = [(task.target, task.facts) for task in gathering]
    return [FinishedPart(path, sizes["rows"], sizes["text_bytes"]) for path, sizes in receipts]


def write_index(context: BuildContext, parts: Sequence[Part]) -> dict[str, Any] | None:
    """Write what dedup measured of the kept posts, to compare later corpora with; its index.json.

    None, and no ``index/``, if the plan has no ``dedup`` or wants no index.
    """
    folder = context.workspace.out / dedup_index.INDEX_FOLDER
    config = context.plan.find_config(dedup.Config)
    if config is None or not config.index:
        context.workspace.remove(folder.name)
        return None
    folder.mkdir(exist_ok=True)
    receipts_folder = context.workspace.step_folder(
        "index",
        identify_parts(parts),
        [context.key_id, context.plan.output.ids],
        dedup_index.INDEX_FORMAT_VERSION,
    )
    context.workspace.remove_other_receipts(receipts_folder)
    measured = context.measured_parts["dedup"]
    final: list[Path] = [part.posts for part in parts]
    stage = next(stage for stage in context.plan.stages if stage.config is config)
    turn_reasons = dedup.TURN_REASONS if context.plan.keeps_turns(stage) else ()
    rows = index_rows.find_indexed_rows(receipts_folder, measured, final, context.run, turn_reasons)
    later = context.plan.stages[context.plan.stages.index(stage) + 1 :]
    settings = dedup_index.IndexSettings(
        stage.config_json,
        serialize_stages(context.plan.later_filters(stage)),
        context.plan.pseudonyms,
        output_texts.knows_texts(serialize_stages(later)),
    )
    tasks = dedup_index.make_piece_tasks(measured, final, rows, folder, receipts_folder, settings)
    valid = {task.target for task in tasks if task.is_done}
    context.workspace.remove_others(folder, valid)
    context.run_all(tasks, "indexing")
    receipts = [task.facts for task in tasks]
    return dedup_index.write_index_file(
        folder,
        receipts,
        config.scheme(),
        not config.exact_only,
        context.key_id,
        texts=settings.has_texts,
        redaction=dedup_index.describe_redaction(
            context.pii_config, keys.load_key(context.plan.key_path)
        ),
    )
