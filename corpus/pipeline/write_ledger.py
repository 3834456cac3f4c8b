"""Write the ledger, the replacement copies in ``reserve/``, and the names of people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from corpus import conversations, dedup
from corpus.dedup.dedup_index import INDEX_FORMAT_VERSION
from corpus.output import ledger
from corpus.pipeline import ingest, replacements
from corpus.pipeline.context import BuildContext, Part
from corpus.pipeline.sample_tasks import group_paths, make_sample_task
from corpus.plan.entries import serialize_stages
from corpus.privacy import people


def write_ledger(
    context: BuildContext,
    parts: Sequence[Part],
    files: Sequence[ingest.InputFiles],
    shard_receipts: Sequence[dict[str, Any]],
) -> tuple[dict[str, Any] | None, dict[str, Any], list[dict[str, Any]]]:
    """Write the ledger and the replacement copies, and choose a few posts for the report.

    Returns the manifest's entries for ``reserve/`` and ``people/``, the first None if there is
    none, and the redacted posts. All are written in the same three rounds of tasks, so that no
    worker waits for one of them alone.
    """
    workspace = context.workspace
    reserve = workspace.out / replacements.FOLDER
    ledger_tasks = _make_ledger_tasks(context, files)
    name_tasks = _make_name_tasks(context, files)
    copies = _make_replacement_tasks(context)
    sampling = make_sample_task(context, parts, files, shard_receipts)
    if copies is not None:
        reserve.mkdir(exist_ok=True)

    label = "writing the ledger"
    context.run_all(
        [*sampling.kept_tasks, *sampling.chosen_task.ledger_tasks, *ledger_tasks, *name_tasks],
        label,
    )
    sampling.chosen_task()
    context.run_all([*(copies or ()), *sampling.dropped_tasks], label)
    pieces = replacements.make_write_tasks(copies or (), reserve, context.plan.key_path)
    context.run_all([sampling, *pieces], label)

    workspace.remove_others(workspace.dropped, {task.target for task in ledger_tasks})
    folder = workspace.out / people.FOLDER
    kept = {task.people_target for task in ledger_tasks} | {task.target for task in name_tasks}
    workspace.remove_others(folder, kept)
    if not any(folder.glob("*")):
        workspace.remove(folder.name)
    entry = None
    if copies is not None:
        workspace.remove_others(reserve, {task.target for task in pieces})
        entry = replacements.describe_pieces(reserve)
    else:
        workspace.remove(reserve.name)
    redacted: list[dict[str, Any]] = json.loads(sampling.target.read_text(encoding="utf-8"))
    return entry, people.describe_pieces(folder), redacted


def _make_ledger_tasks(
    context: BuildContext, files: Sequence[ingest.InputFiles]
) -> list[ledger.WriteLedgerFile]:
    """The tasks that write a row for each refused record and each dropped post."""
    scores = {
        name: dtype
        for name, dtype in context.plan.scores().items()
        if name not in conversations.DOCUMENT_COLUMNS  # of documents; a ledger row is a post
    }
    row_files = {"read": ingest.list_refusal_files(files)}
    for stage in context.plan.stages:
        row_files[stage.name] = [
            (part.dropped, part.dropped_counts.get(stage.name, 0)) for part in context.ledger_parts
        ]
    return [
        task
        for stage_name, rows in row_files.items()
        for task in ledger.make_ledger_tasks(
            stage_name, rows, context.workspace.dropped, scores, context.plan.pseudonyms
        )
    ]


def _make_name_tasks(
    context: BuildContext, files: Sequence[ingest.InputFiles]
) -> list[people.WriteNames]:
    """The tasks that write which names in texts stand for which authors."""
    folder = context.workspace.out / people.FOLDER
    folder.mkdir(exist_ok=True)
    groups = group_paths(ingest.list_post_files(context, files))
    return [
        people.WriteNames(
            group,
            folder / f"names-{number:05d}.sealed",
            context.plan.pseudonyms,
            context.suppressed,
        )
        for number, group in enumerate(groups)
    ]


def _make_replacement_tasks(
    context: BuildContext,
) -> list[replacements.FilterReplacements] | None:
    """The tasks that put the runner-up posts of dedup through the stages after it.

    None if the plan keeps no replacement copies: without ``dedup``, or with a barrier after it.
    """
    *_, last = context.plan.segments()
    config = last[0].config
    if not (isinstance(config, dedup.Config) and config.reserve):
        return None
    measured = context.measured_parts["dedup"]
    settings = [
        [stage.fingerprint for stage in last],
        context.key_id,
        context.pii_config,
        context.plan.shard_settings(),
        INDEX_FORMAT_VERSION,
    ]
    names = [part.posts.name for part in measured]
    folder = context.workspace.step_folder("reserve", names, settings)
    folder = folder / measured[0].measures.parent.name if measured else folder
    return [
        replacements.FilterReplacements(
            part,
            folder / f"{index:06d}.parquet",
            serialize_stages(last)[1:],
            tuple(context.plan.scores()),
            context.output_columns,
            last[0].config_json,
        )
        for index, part in enumerate(measured)
    ]
