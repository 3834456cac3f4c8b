"""Write what lies beside the shards: the ledger, the second copies, and the report's samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import conversations, dedup, stages
from corpus.output import ledger as ledger_files
from corpus.output import samples
from corpus.pipeline import ingest, replacements
from corpus.pipeline import read_file as reading
from corpus.pipeline.context import BuildContext, Part, serialize_stages

#: Files that one task of the samples looks at; what it finds is a file again.
_FILES_PER_TASK = 8


def write_ledger(
    context: BuildContext, parts: Sequence[Part], files: Sequence[ingest.InputFile],
    shards: Sequence[dict[str, Any]], key_id: str,
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:  # fmt: skip
    """Write the ledger and the reserve, and choose a few posts for the report.

    These do not wait for one another: of each a step goes with a step of the others. Returns the
    reserve's card, and the posts, redacted.
    """
    ledger, keeps = _make_ledger_tasks(context, files), _has_replacements(context)
    copies = _make_replacement_tasks(context, key_id) if keeps else []
    sample = _make_sample_task(context, parts, files, shards, key_id)
    folder = context.workspace.out / replacements.FOLDER
    if keeps:
        folder.mkdir(exist_ok=True)

    def do(*tasks: Any) -> None:
        for _ in context.run(tasks, "writing the ledger"):
            pass

    do(*sample.kept_tasks, *sample.chosen_task.ledger_tasks, *ledger)
    sample.chosen_task()
    do(*copies, *sample.dropped_tasks)
    pieces = replacements.make_write_tasks(copies, folder, context.plan.key_path)
    do(sample, *pieces)

    wanted = {task.target for task in ledger}
    context.workspace.remove_others(context.workspace.dropped, wanted)
    card = None
    if keeps:
        context.workspace.remove_others(folder, {task.target for task in pieces})
        card = replacements.describe_pieces(folder)
    else:
        context.workspace.remove(folder.name)
    shown: list[dict[str, Any]] = json.loads(sample.target.read_text(encoding="utf-8"))
    return card, shown


# --------------------------------------------------------------------------- the ledger


def _make_ledger_tasks(
    context: BuildContext, files: Sequence[ingest.InputFile]
) -> list[ledger_files.WriteLedgerFile]:
    """The tasks that write a row for each record refused and each post dropped."""
    scores = {
        name: dtype
        for name, dtype in context.plan.scores().items()
        if name not in conversations.WRITES  # of documents; a ledger row is a post
    }
    found = {"read": ingest.list_refusal_files(files)}
    for stage in context.plan.stages:
        found[stage.name] = [
            (part.dropped, part.dropped_counts.get(stage.name, 0)) for part in context.ledger_parts
        ]
    return [
        task
        for stage, rows in found.items()
        for task in ledger_files.make_ledger_tasks(
            stage, rows, context.workspace.dropped, scores, context.plan.pseudonyms
        )
    ]


# --------------------------------------------------------------------------- the reserve


def _has_replacements(context: BuildContext) -> bool:
    *_, last = context.plan.segments()
    return isinstance(config := last[0].config, dedup.Config) and config.reserve


def _make_replacement_tasks(
    context: BuildContext, key_id: str
) -> list[replacements.FilterReplacements]:
    """The tasks that judge the second copies of what has copies, as what stays was."""
    *_, last = context.plan.segments()
    measured = context.measured_parts["dedup"]
    marks = [*(stage.fingerprint for stage in last), key_id, context.plan.output.ids]
    done = context.workspace.step_folder("reserve", [part.posts.name for part in measured], marks)
    done = done / measured[0].measures.parent.name if measured else done
    return [
        replacements.FilterReplacements(
            part,
            done / f"{index:06d}.parquet",
            serialize_stages(last)[1:],
            tuple(context.plan.scores()),
            context.plan.pseudonyms,
        )
        for index, part in enumerate(measured)
    ]


# --------------------------------------------------------------------------- the samples


def _make_sample_task(
    context: BuildContext, parts: Sequence[Part], files: Sequence[ingest.InputFile],
    shards: Sequence[dict[str, Any]], key_id: str,
) -> samples.RedactSamples:  # fmt: skip
    """The task that redacts a few posts for the report, with those it comes after."""
    output = context.plan.output
    config = next((s.config for s in context.plan.stages if s.name == "pii"), None)
    redaction = reading.config_json(config or stages.find("pii").Config())
    largest = context.facts.get("dedup", {}).get("largest", ())
    clusters = [row["cluster"] for row in largest if not row["earlier"]]
    marks = [*(stage.fingerprint for stage in context.plan.stages), redaction, key_id]
    cut = context.plan.shard_settings()  # some shards are looked at together
    count = output.report_samples
    room = context.workspace.step_folder(
        "samples", [part.identity for part in parts], marks, cut, count
    )
    few = count * samples.KEPT_PER_DROPPED
    paths = [context.workspace.out / shard["path"] for shard in shards] if count else []
    kept = tuple(
        samples.SelectKeptPosts(
            room / f"kept-{number:05d}.parquet", some, few,
            tuple(clusters[: samples.MAX_CLUSTERS]),
        )
        for number, some in enumerate(_group_paths(paths))
    )  # fmt: skip
    ledgers = [part.dropped for part in context.ledger_parts] if count else []
    looked = tuple(
        samples.SelectLedgerRows(room / f"reasons-{number:05d}.parquet", some, count)
        for number, some in enumerate(_group_paths(ledgers))
    )
    chosen = samples.ChooseDroppedPosts(room / "chosen.parquet", looked, count)
    posts = ingest.list_post_files(files) if count else []
    asked = [
        part.dropped
        for part in context.ledger_parts
        if count and part.dropped_counts.get("consent")
    ]
    jobs: list[tuple[tuple[Path, ...], ...]] = [(some, ()) for some in _group_paths(posts)]
    jobs += [((), some) for some in _group_paths(asked)]
    dropped = tuple(
        samples.FindDroppedTexts(room / f"dropped-{number:05d}.parquet", chosen.target, *job)
        for number, job in enumerate(jobs)
    )
    return samples.RedactSamples(
        room / "samples.drawn", count, kept, chosen, dropped, redaction, context.plan.pseudonyms
    )


def _group_paths(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    return [tuple(paths[at : at + _FILES_PER_TASK]) for at in range(0, len(paths), _FILES_PER_TASK)]
