"""Apply a barrier: measure all parts, decide over all, then filter each part again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from corpus import stages
from corpus.conversations import reply_links, tasks
from corpus.dedup import output_texts
from corpus.partition.buckets import count_buckets
from corpus.pipeline.context import BuildContext, Part, identify_parts
from corpus.pipeline.filter_part import FilterPart, score_columns
from corpus.plan.entries import Stage, config_json, serialize_stages
from corpus.stages import BarrierInput, MeasuredPart, MeasurePart
from corpus.tasks.files import write_json
from corpus.tasks.receipts import load_receipt, require_receipt, save_receipt
from filters import contract


def apply_barrier(
    context: BuildContext, parts: Sequence[Part], segment: Sequence[Stage]
) -> list[Part]:
    """Apply the barrier that ``segment`` begins with, and run the filters that follow it."""
    barrier, *filters = segment
    if not stages.reshapes(barrier.name):
        measured = _decide_verdicts(context, parts, barrier)
        verdicts = [part.verdict for part in measured]
        # A comparison with earlier corpora has run these filters on the same posts.
        judged = [
            output_texts.find_judged(part.verdict.parent, number, serialize_stages(filters))
            for number, part in enumerate(measured)
        ]
        return _filter_parts(context, parts, segment, verdicts, judged)
    documents = _make_documents(context, parts, barrier)
    if not filters:
        return documents
    return _filter_parts(context, documents, filters, [None] * len(documents))


def _decide_verdicts(
    context: BuildContext, parts: Sequence[Part], stage: Stage
) -> list[MeasuredPart]:
    """Measure all parts and have the barrier write the verdict on each."""
    later = context.plan.later_filters(stage)
    identity: list[object] = [stage.fingerprint]
    if stages.list_earlier_corpora(stage.name, stage.config):
        # These are compared by the texts that the later filters make.
        identity.append(context.segment_fingerprints(later))
    work_dir = context.workspace.step_folder(stage.name, identify_parts(parts), *identity)
    measured = [
        MeasuredPart(
            posts=part.posts,
            measures=work_dir / f"{index:06d}",
            verdict=work_dir / f"{index:06d}.verdict.parquet",
            runner_ups=work_dir / "runners" / f"{index:06d}",
        )
        for index, part in enumerate(parts)
    ]
    receipt, facts_file = work_dir / "verdicts.json", work_dir / "facts.json"
    if (decided := load_receipt(receipt)) is None:
        # What the barrier chooses itself is chosen once, here, and not in every worker.
        config = contract.resolved(stages.find(stage.name), stage.config)
        measuring = [
            MeasurePart(stage.name, part.posts, part.measures, config_json(config))
            for part in measured
        ]
        context.run_all(measuring, f"measuring ({stage.name})")
        began = time.perf_counter()
        inputs = BarrierInput(
            measured,
            work_dir,
            context.plan.key_path,
            context.run,
            suppressed=context.suppressed if context.suppressed.entries else None,
            later_filters=serialize_stages(later),
        )
        write_json(facts_file, stages.find_barrier(stage.name).decide(inputs, config))
        seconds = time.perf_counter() - began
        seconds += sum(require_receipt(task.receipt)["seconds"] for task in measuring)
        files = [*(part.verdict for part in measured), facts_file]
        decided = save_receipt(receipt, {"seconds": seconds}, files)
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    context.facts[stage.name] = context.plan.pseudonyms.load().replace_cluster_ids(facts)
    context.measured_parts[stage.name] = measured
    context.add_to_funnel(
        {"stage": stage.name, "read": 0, "kept": 0, "dropped": {}, "seconds": decided["seconds"]}
    )
    return measured


def _filter_parts(
    context: BuildContext,
    parts: Sequence[Part],
    segment: Sequence[Stage],
    verdict_paths: Sequence[Path | None],
    judged: Sequence[Mapping[int, Path]] = (),
) -> list[Part]:
    """Apply the verdicts of a barrier, if it gave any, and run the filters after it.

    ``judged`` has for each part what some of the filters, by index, have written already.
    """
    folder = context.workspace.step_folder(
        "filtered", identify_parts(parts), context.segment_fingerprints(segment)
    )
    tasks = [
        FilterPart(
            folder,
            index,
            part.posts,
            serialize_stages(segment),
            verdict_path=verdict,
            key_path=context.plan.key_path,
            all_stages=serialize_stages(context.plan.stages),
            judged=tuple((n + 1, path) for n, path in judged[index].items()) if judged else (),
            keeps_turns=context.plan.keeps_turns(segment[-1]),
        )
        for index, (part, verdict) in enumerate(zip(parts, verdict_paths, strict=True))
    ]
    context.run_all(tasks, f"filtering (from {segment[0].name} on)")
    return context.record_parts(tasks)


def _make_documents(context: BuildContext, parts: Sequence[Part], stage: Stage) -> list[Part]:
    """Link all posts into threads, scatter the posts by thread, and make documents of them."""
    # The links do not depend on the settings that say how documents are made of them.
    threads = context.workspace.step_folder("threads", identify_parts(parts))
    linking = [
        tasks.MeasureReplyLinks(part.posts, threads / f"{index:06d}")
        for index, part in enumerate(parts)
    ]
    context.run_all(linking, "linking")
    links, rows = threads / "all", [part.rows for part in parts]
    reply_links.link_posts(links, [task.folder for task in linking], rows, context.run)
    bucket_count = count_buckets(sum(part.text_bytes for part in parts))
    scattered = threads / "scattered"
    scattering = [
        tasks.ScatterPartByThread(part.posts, scattered, index, bucket_count, links)
        for index, part in enumerate(parts)
    ]
    context.run_all(scattering, "scattering")
    folder = context.workspace.step_folder("documents", identify_parts(parts), stage.fingerprint)
    earlier = context.plan.stages[: context.plan.stages.index(stage)]
    making = [
        tasks.MakeBucketDocuments(
            folder,
            bucket,
            scattered,
            len(parts),
            stage.name,
            stage.config_json,
            tuple(each.name for each in earlier),
            score_columns(serialize_stages(earlier)),
        )
        for bucket in range(bucket_count)
    ]
    context.run_all(making, "making documents")
    return context.record_parts(making)
