"""Group the redacted samples of kept and dropped posts as the report shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from corpus.report.funnel import list_funnel_rows
from corpus.report.numbers import shorten
from corpus.report.templates import replace_control_characters

_LAST = 99  # the rank of a stage that the funnel does not have


class SamplePost(NamedTuple):
    """A post as it is shown: its origin, its text, and the scores that decided about it."""

    origin: str
    text: str
    is_cut: bool
    measures: str


class SampleGroup(NamedTuple):
    """The samples of the kept posts, or of one reason."""

    title: str
    posts: list[SamplePost]


def group_samples(manifest: Mapping[str, Any], statistics: Mapping[str, Any]) -> list[SampleGroup]:
    """Return the samples of what was kept, then of each reason in the order of the stages."""
    samples = statistics.get("samples") or ()
    rows = list(list_funnel_rows(manifest))
    counts = {(row.stage, reason): count for row in rows for reason, count in row.reasons}
    stages = [row.stage for row in rows]
    by_reason: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for sample in samples:
        if sample["of"] == "dropped":
            by_reason.setdefault((sample["stage"], sample["reason"]), []).append(sample)
    thresholds = [
        score["threshold"] | {"column": score["column"]}
        for score in statistics["scores"]
        if score["threshold"]
    ]

    def rank(key: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
        stage = stages.index(key[0]) if key[0] in stages else _LAST
        return stage, -counts.get(key, 0), key

    kept = [sample for sample in samples if sample["of"] == "kept"]
    groups = [(f"kept: {manifest['totals']['documents']:,}", kept)] if kept else []
    groups += [
        (
            f"{stage}: {shorten(reason)}, {counts.get((stage, reason), 0):,}",
            by_reason[stage, reason],
        )
        for stage, reason in sorted(by_reason, key=rank)
    ]
    return [
        SampleGroup(title, [describe_sample(sample, thresholds) for sample in found])
        for title, found in groups
    ]


def describe_sample(
    sample: Mapping[str, Any], thresholds: Sequence[Mapping[str, Any]] = ()
) -> SamplePost:
    """Return a sample as it is shown; its measures are those of the thresholds that decided."""
    origin = (sample["platform"], sample["kind"], sample["community"], sample["created_at"])
    measures = ", ".join(
        f"{name} {sample['scores'][name]:.3g}"
        for name in _deciding_columns(sample, thresholds)
        if name in sample["scores"]
    )
    return SamplePost(
        origin=" · ".join(
            shorten(replace_control_characters(str(each))) for each in origin if each
        ),
        text=sample["text"],
        is_cut=bool(sample["cut"]),
        measures=measures,
    )


def _deciding_columns(
    sample: Mapping[str, Any], thresholds: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return the columns of the thresholds with the sample's reason.

    For a kept post: of each threshold that is the only one of its stage.
    """
    if sample["reason"]:
        return [row["column"] for row in thresholds if row["reason"] == sample["reason"]]
    per_stage = Counter(row["stage"] for row in thresholds)
    return [row["column"] for row in thresholds if per_stage[row["stage"]] == 1]
