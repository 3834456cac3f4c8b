"""Add up the receipts of a build into its manifest, and refuse sums that do not balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus import dedup, stages
from corpus.dedup.minhash import choose_bands
from corpus.errors import BuildError
from corpus.manifest import MANIFEST_FORMAT_VERSION, find_imbalances
from corpus.pipeline.read_file import load_receipts
from corpus.plan.model import Plan
from corpus.report import list_tool_versions
from filters import contract


def summarize_source(path: str, reader: str, size_bytes: int, folder: Path) -> dict[str, Any]:
    """One input file's entry, from the receipts of its parts in ``folder``."""
    done = list(load_receipts(folder))
    refused: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for receipt in done:
        _add_counts(refused, receipt["refused"])
        _add_counts(skipped, receipt["skipped"])
    return {
        "path": path,
        "bytes": size_bytes,
        "sha256": done[-1]["sha256"],
        "reader": reader,
        "read": sum(receipt["posts"] for receipt in done) + sum(refused.values()),
        "refused": sum(refused.values()),
        "refused_by_reason": dict(sorted(refused.items())),
        "tombstones": sum(receipt["tombstones"] for receipt in done),
        "skipped": dict(sorted(skipped.items())),
    }


def check_any_read(sources: Sequence[dict[str, Any]]) -> None:
    """Sources of which nothing could be read are a mistake, not a corpus: BuildError."""
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


def _sum_refusals(sources: Sequence[dict[str, Any]]) -> dict[str, int]:
    refused: dict[str, int] = {}
    for entry in sources:
        _add_counts(refused, entry["refused_by_reason"])
    return refused


def _add_counts(totals: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        totals[name] = totals.get(name, 0) + count


def build_manifest(
    plan: Plan,
    sources: Sequence[dict[str, Any]],
    stage_rows: Sequence[dict[str, Any]],
    shards: Sequence[dict[str, Any]],
    key_id: str,
    facts: Mapping[str, Mapping[str, Any]],
    index: Mapping[str, Any] | None,
    replacements: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The manifest; BuildError if read = refused + dropped + kept fails anywhere."""
    refused = _sum_refusals(sources)
    funnel = [
        {
            **row,
            "dropped": dict(sorted(row["dropped"].items())),
            "seconds": round(row["seconds"], 3),
        }
        for row in stage_rows
    ]
    kept = sum(shard["posts"] for shard in shards)
    characters = sum(shard["characters"] for shard in shards)
    found = {
        "format_version": MANIFEST_FORMAT_VERSION,
        "tool": list_tool_versions(),
        "models": {stage.name: stage.model_hashes for stage in plan.stages if stage.model_hashes},
        "plan_fingerprint": plan.fingerprint(),
        "author_key_id": key_id,
        "ids": plan.output.ids,
        **({"canaries": plan.output.canaries} if plan.output.canaries else {}),
        "sources": list(sources),
        "refused": dict(sorted(refused.items())),
        "funnel": funnel,
        "thresholds": list(_list_thresholds(plan)),
        "dedup": {**_describe_signatures(plan), **facts.get("dedup", {})},
        "index": {key: index[key] for key in ("rows", "bytes", "scheme")} if index else {},
        "reserve": dict(replacements) if replacements else {},
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
            # The usual rule of thumb for English byte-pair encodings: four characters a token.
            "tokens_estimated": characters // 4,
        },
    }
    if wrong := find_imbalances(found):
        raise BuildError(f"the counts do not balance at {', '.join(wrong)}; please report this")
    return found


def _list_thresholds(plan: Plan) -> Iterator[dict[str, Any]]:
    """Which setting of which stage bounds which column, and its value."""
    for stage in plan.stages:
        for bound in contract.thresholds(stages.find(stage.name), stage.config):
            yield {
                "stage": stage.name,
                **bound._asdict(),
                "value": stage.resolved_settings[bound.setting],
            }


def _describe_signatures(plan: Plan) -> dict[str, Any]:
    """What somebody needs to compute the same signatures again."""
    for stage in plan.stages:
        if isinstance(stage.config, dedup.Config) and not stage.config.exact_only:
            bands, rows = choose_bands(stage.config)
            return {
                "scheme": "affine32", "seed": 1, "hash": "murmur3_32",
                "permutations": stage.config.permutations, "bands": bands, "rows": rows,
            }  # fmt: skip
    return {}
