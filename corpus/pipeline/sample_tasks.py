"""Plan the tasks that choose a few posts for the report, and redact them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import stages
from corpus.output import samples
from corpus.pipeline import ingest
from corpus.pipeline.context import BuildContext, Part, identify_parts
from corpus.plan.entries import config_json

_FILES_PER_TASK = 8


def make_sample_task(
    context: BuildContext,
    parts: Sequence[Part],
    files: Sequence[ingest.InputFiles],
    shard_receipts: Sequence[dict[str, Any]],
) -> samples.RedactSamples:
    """The task that redacts a few posts for the report; it names the tasks that run before it."""
    count = context.plan.output.report_samples
    redaction = context.pii_config or config_json(stages.find("pii").Config())
    settings = [*(stage.fingerprint for stage in context.plan.stages), redaction, context.key_id]
    folder = context.workspace.step_folder(
        # The shard settings too, as the shards of one task are read together.
        "samples",
        identify_parts(parts),
        settings,
        context.plan.shard_settings(),
        count,
    )
    largest = context.facts.get("dedup", {}).get("largest", ())
    clusters = [row["cluster"] for row in largest if not row["earlier"]][: samples.MAX_CLUSTERS]
    paths = [context.workspace.out / shard["path"] for shard in shard_receipts] if count else []
    selecting_kept = tuple(
        samples.SelectKeptPosts(
            folder / f"kept-{number:05d}.parquet",
            group,
            count * samples.KEPT_PER_DROPPED,
            tuple(clusters),
        )
        for number, group in enumerate(group_paths(paths))
    )
    ledgers = [part.dropped for part in context.ledger_parts] if count else []
    selecting_rows = tuple(
        samples.SelectLedgerRows(folder / f"reasons-{number:05d}.parquet", group, count)
        for number, group in enumerate(group_paths(ledgers))
    )
    choosing = samples.ChooseDroppedPosts(folder / "chosen.parquet", selecting_rows, count)
    post_files = ingest.list_post_files(context, files) if count else []
    consent_ledgers = [
        part.dropped
        for part in context.ledger_parts
        if count and part.dropped_counts.get(stages.REQUIRED)
    ]
    inputs: list[tuple[tuple[Path, ...], tuple[Path, ...]]] = [
        *((group, ()) for group in group_paths(post_files)),
        *(((), group) for group in group_paths(consent_ledgers)),
    ]
    finding = tuple(
        samples.FindDroppedTexts(folder / f"dropped-{number:05d}.parquet", choosing.target, *each)
        for number, each in enumerate(inputs)
    )
    return samples.RedactSamples(
        folder / "samples.drawn",
        count,
        selecting_kept,
        choosing,
        finding,
        redaction,
        context.plan.pseudonyms,
    )


def group_paths(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The groups of ``paths`` that one task each reads; it writes one file."""
    return [
        tuple(paths[start : start + _FILES_PER_TASK])
        for start in range(0, len(paths), _FILES_PER_TASK)
    ]
