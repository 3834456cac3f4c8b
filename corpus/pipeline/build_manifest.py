"""Build the manifest from the receipts of a build, and refuse counts that do not balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpus import dedup, stages
from corpus.dedup.minhash import choose_bands
from corpus.errors import BuildError
from corpus.manifest import MANIFEST_FORMAT_VERSION, find_imbalances
from corpus.pipeline.context import BuildContext
from corpus.pipeline.ingest import InputFile
from corpus.pipeline.read_file import load_receipts
from corpus.plan.model import Plan
from corpus.privacy import suppression
from corpus.report import list_tool_versions
from filters import contract


def summarize_source(file: InputFile) -> dict[str, Any]:
    """The manifest's entry for one input file, from the receipts of its parts."""
    receipts = list(load_receipts(file.folder))
    refused: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for receipt in receipts:
        _add_counts(refused, receipt["refused"])
        _add_counts(skipped, receipt["skipped"])
    suppressed = sum(receipt.get("suppressed", 0) for receipt in receipts)
    return {
        "path": file.read_task.name,
        "bytes": file.size_bytes,
        "sha256": receipts[-1]["sha256"],
        "reader": file.read_task.reader,
        "read": sum(receipt["posts"] for receipt in receipts) + sum(refused.values()) + suppressed,
        "refused": sum(refused.values()),
        "refused_by_reason": dict(sorted(refused.items())),
        **({"suppressed": suppressed} if suppressed else {}),
        "tombstones": sum(receipt["tombstones"] for receipt in receipts),
        "skipped": dict(sorted(skipped.items())),
    }


def check_any_read(sources: Sequence[dict[str, Any]]) -> None:
    """BuildError if no source has a record that could be read."""
    if any(entry["read"] > entry["refused"] for entry in sources):
        return
    refused = _sum_refusals(sources)
    if not refused:
        raise BuildError("the sources hold no posts; nothing was built")
    most = max(refused, key=lambda reason: refused[reason])
    raise BuildError(
        f"nothing could be read: {sum(refused.values())} records refused, most often '{most}'; "
        "does the reader fit the files? 'corpus readers' lists them"
    )


def count_suppressed_posts(context: BuildContext, sources: Sequence[dict[str, Any]]) -> None:
    """Add the posts that the readers dropped by the suppression list to the funnel.

    They are counted at the stage that drops all other withdrawn posts, and have no ledger row.
    """
    if suppressed := sum(entry.get("suppressed", 0) for entry in sources):
        context.add_to_funnel(
            {
                "stage": stages.REQUIRED,
                "read": suppressed,
                "kept": 0,
                "dropped": {suppression.REASON: suppressed},
                "seconds": 0.0,
            }
        )


def _sum_refusals(sources: Sequence[dict[str, Any]]) -> dict[str, int]:
    refused: dict[str, int] = {}
    for entry in sources:
        _add_counts(refused, entry["refused_by_reason"])
    return refused


def _add_counts(totals: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        totals[name] = totals.get(name, 0) + count


def build_manifest(
    context: BuildContext,
    sources: Sequence[dict[str, Any]],
    shards: Sequence[dict[str, Any]],
    index: Mapping[str, Any] | None,
    replacements: Mapping[str, Any] | None,
    people: Mapping[str, Any],
) -> dict[str, Any]:
    """Build the manifest; BuildError if read = refused + dropped + kept fails anywhere.

    ``shards`` are the shards' receipts, ``index`` is the content of ``index.json``, and
    ``replacements`` and ``people`` are the entries for ``reserve/`` and ``people/``.
    """
    plan, refused = context.plan, _sum_refusals(sources)
    rows = [context.funnel[stage.name] for stage in plan.stages]
    funnel = [
        {
            **row,
            "dropped": dict(sorted(row["dropped"].items())),
            "seconds": round(row["seconds"], 3),
        }
        for row in rows
    ]
    kept = sum(shard["posts"] for shard in shards)
    characters = sum(shard["characters"] for shard in shards)
    manifest = {
        "format_version": MANIFEST_FORMAT_VERSION,
        "tool": list_tool_versions(),
        "models": {stage.name: stage.model_hashes for stage in plan.stages if stage.model_hashes},
        "plan_fingerprint": plan.fingerprint(),
        "author_key_id": context.key_id,
        "ids": plan.output.ids,
        **({"suppression": context.suppressed.describe()} if context.suppressed.entries else {}),
        **({"canaries": plan.output.canaries} if plan.output.canaries else {}),
        "sources": list(sources),
        "refused": dict(sorted(refused.items())),
        "funnel": funnel,
        "thresholds": list(_list_thresholds(plan)),
        "dedup": {**_describe_signatures(plan), **context.facts.get("dedup", {})},
        "index": {key: index[key] for key in ("rows", "bytes", "scheme")} if index else {},
        "reserve": dict(replacements) if replacements else {},
        "people": dict(people),
        "shards": [
            {
                **{key: shard[key] for key in ("path", "rows", "bytes", "sha256", "row_groups")},
                **({} if shard["path"].startswith("shards/") else {"split": "validation"}),
            }
            for shard in shards
        ],
        "totals": {
            "read": sum(entry["read"] for entry in sources),
            "refused": sum(refused.values()),
            "dropped": sum(sum(row["dropped"].values()) for row in funnel),
            "kept": kept,
            "documents": sum(shard["rows"] for shard in shards),
            "characters": characters,
            # The usual estimate for byte-pair encodings of English: four characters a token.
            "tokens_estimated": characters // 4,
        },
    }
    if wrong := find_imbalances(manifest):
        raise BuildError(f"the counts do not balance at {', '.join(wrong)}; please report this")
    return manifest


def _list_thresholds(plan: Plan) -> Iterator[dict[str, Any]]:
    """For each setting that bounds a column: stage, column, setting, side, reason, value."""
    for stage in plan.stages:
        for bound in contract.thresholds(stages.find(stage.name), stage.config):
            yield {
                "stage": stage.name,
                **bound._asdict(),
                "value": stage.resolved_settings[bound.setting],
            }


def _describe_signatures(plan: Plan) -> dict[str, Any]:
    """What anyone needs to compute the same MinHash signatures."""
    config = plan.find_config(dedup.Config)
    if config is None or config.exact_only:
        return {}
    bands, rows = choose_bands(config)
    return {
        "scheme": "affine32",
        "seed": 1,
        "hash": "murmur3_32",
        "permutations": config.permutations,
        "bands": bands,
        "rows": rows,
    }
