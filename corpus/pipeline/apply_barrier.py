"""What lies behind a barrier: decide over all parts, then judge each again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from corpus import stages
from corpus.conversations import reply_links, tasks
from corpus.partition.buckets import count_buckets
from corpus.pipeline import read_file as reading
from corpus.pipeline.context import BuildContext, Part, serialize_stages
from corpus.pipeline.filter_part import FilterPart
from corpus.plan.model import Stage
from corpus.tasks.files import write_json
from corpus.tasks.receipts import load_receipt, save_receipt


def apply_barrier(
    context: BuildContext, parts: Sequence[Part], segment: Sequence[Stage]
) -> list[Part]:
    """Do the barrier that ``segment`` begins with, and the filters that follow it."""
    first, *rest = segment
    if not stages.reshapes(first.name):
        measured = _decide_verdicts(context, parts, first)
        return _filter_parts(context, parts, segment, [part.verdict for part in measured])
    made = _make_documents(context, parts, first)
    return _filter_parts(context, made, rest, [None] * len(made)) if rest else made


def _filter_parts(
    context: BuildContext,
    parts: Sequence[Part],
    segment: Sequence[Stage],
    verdict_paths: Sequence[Path | None],
) -> list[Part]:
    """Apply a barrier's verdicts, if it gave any, and run the filters behind it."""
    filters, marks, plan = (
        serialize_stages(segment),
        context.segment_fingerprints(segment),
        serialize_stages(context.plan.stages),
    )
    folder = context.workspace.step_folder("judged", [part.identity for part in parts], marks)
    todo = [
        FilterPart(part.posts, folder, index, filters, None, verdict, context.plan.key_path, plan)
        for index, (part, verdict) in enumerate(zip(parts, verdict_paths, strict=True))
    ]
    judged = {task.index: context.record_part(task) for task in context.run(todo, "finishing")}
    left = [judged[task.index] for task in todo]
    context.ledger_parts += left
    return left


def _decide_verdicts(
    context: BuildContext, parts: Sequence[Part], stage: Stage
) -> list[stages.MeasuredPart]:
    """Measure all parts and have the barrier write the verdict on each."""
    config = reading.config_json(stage.config)
    root = context.workspace.step_folder(
        stage.name, [part.identity for part in parts], stage.fingerprint
    )
    measured = [
        stages.MeasuredPart(
            part.posts,
            root / f"{index:06d}",
            root / f"{index:06d}.verdict.parquet",
            root / "runners" / f"{index:06d}",
        )
        for index, part in enumerate(parts)
    ]
    receipt, facts_file = root / "verdicts.json", root / "facts.json"
    if (done := load_receipt(receipt)) is None:
        tasks = [
            stages.MeasurePart(stage.name, part.posts, part.measures, config) for part in measured
        ]
        for _ in context.run(tasks, f"measuring ({stage.name})"):
            pass
        began = time.perf_counter()
        inputs = stages.BarrierInput(measured, root, context.plan.key_path, context.run)
        write_json(facts_file, stages.find_barrier(stage.name).decide(inputs, stage.config))
        receipts = [load_receipt(task.receipt) or {} for task in tasks]
        seconds = time.perf_counter() - began + sum(row.get("seconds", 0) for row in receipts)
        files = [*(part.verdict for part in measured), facts_file]
        done = save_receipt(receipt, {"seconds": seconds}, files)
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    context.facts[stage.name] = context.plan.pseudonyms.load().replace_cluster_ids(facts)
    context.measured_parts[stage.name] = measured
    context.add_to_funnel(
        {"stage": stage.name, "read": 0, "kept": 0, "dropped": {}, "seconds": done["seconds"]}
    )
    return measured


def _make_documents(context: BuildContext, parts: Sequence[Part], stage: Stage) -> list[Part]:
    """Link all posts into threads, shuffle the posts by thread, and make documents of them."""
    identity = [part.identity for part in parts]
    root = context.workspace.step_folder(
        "threads", identity
    )  # the same whatever documents are made of them
    linking = [
        tasks.MeasureReplyLinks(part.posts, root / f"{index:06d}")
        for index, part in enumerate(parts)
    ]
    for _ in context.run(linking, "linking"):
        pass
    reply_links.link_posts(
        root / "all", [task.folder for task in linking], [part.rows for part in parts], context.run
    )
    count = count_buckets(sum(part.text_bytes for part in parts))
    scattering = [
        tasks.ScatterPartByThread(part.posts, root / "scattered", index, count, root / "all")
        for index, part in enumerate(parts)
    ]
    for _ in context.run(scattering, "shuffling"):
        pass
    folder = context.workspace.step_folder("documents", identity, stage.fingerprint)
    config = reading.config_json(stage.config)
    todo = [
        tasks.MakeBucketDocuments(root / "scattered", len(parts), folder, index, stage.name, config)
        for index in range(count)
    ]
    made = {task.index: context.record_part(task) for task in context.run(todo, "conversing")}
    left = [made[task.index] for task in todo]
    context.ledger_parts += left
    return left
