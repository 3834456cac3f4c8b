"""The posts that a report shows: redacted samples of what stayed and of what left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.report.funnel import list_funnel_rows
from corpus.report.markup import (
    Child,
    Markup,
    join_children,
    replace_control_characters,
    shorten,
    tag,
)
from corpus.report.published_plan import PublishedPlan


def render_samples(
    manifest: Mapping[str, Any], settings: PublishedPlan, counted: Mapping[str, Any]
) -> list[Child]:
    """Samples of what was kept, then of each reason in the order of the stages."""
    samples = counted.get("samples") or ()
    if not samples:
        return [tag("p", "No posts are shown.", class_="lead")]
    counts = {
        (row.stage, reason): count
        for row in list_funnel_rows(manifest)
        for reason, count in row.reasons
    }
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for sample in samples:
        if sample["of"] == "dropped":
            groups.setdefault((sample["stage"], sample["reason"]), []).append(sample)
    order = [row.stage for row in list_funnel_rows(manifest)]
    kept = [sample for sample in samples if sample["of"] == "kept"]
    bounds = [score["threshold"] | {"column": score["column"]} for score in counted["scores"]
              if score["threshold"]]  # fmt: skip
    blocks = (
        [_render_group(f"kept: {manifest['totals']['documents']:,}", kept, bounds)] if kept else []
    )
    ranked = sorted(groups, key=lambda key: (order.index(key[0]) if key[0] in order else 99,
                                             -counts.get(key, 0), key))  # fmt: skip
    blocks += [
        _render_group(
            f"{stage}: {shorten(reason)}, {counts.get((stage, reason), 0):,}",
            groups[stage, reason],
            bounds,
        )
        for stage, reason in ranked
    ]
    redacted = (
        "as the plan's 'pii' stage does it" if any(name == "pii" for name, _ in settings.stages)
        else "with the 'pii' stage's defaults, though the plan has none"
    )  # fmt: skip
    return [
        tag("p", f"Chosen by a hash of their ids and redacted {redacted}. People wrote these; some "
            "are rude. What its author or platform took back is never shown. "
            "'output: {report_samples: 0}' shows none.", class_="lead"),
        tag("p", tag("button", "Open all", type="button", data_open="samples", hidden=True)),
        *blocks,
    ]  # fmt: skip


def _render_group(
    title: str, samples: Sequence[Mapping[str, Any]], bounds: Sequence[Mapping[str, Any]]
) -> Markup:
    shown = tag("span", f" ({len(samples)}\N{NO-BREAK SPACE}shown)", class_="soft")
    return tag(
        "details",
        tag("summary", title, shown),
        tag("ul", [tag("li", render_post(sample, bounds)) for sample in samples], class_="posts"),
        class_="group",
    )  # fmt: skip


def render_post(sample: Mapping[str, Any], bounds: Sequence[Mapping[str, Any]] = ()) -> Markup:
    """A sample: where it was, its text, and the measure that decided, if one did."""
    where = [sample["platform"], sample["kind"], sample["community"], sample["created_at"]]
    single = Counter(bound["stage"] for bound in bounds)
    telling = [
        bound["column"]
        for bound in bounds
        if (
            bound["reason"] == sample["reason"] if sample["reason"] else single[bound["stage"]] == 1
        )
    ]
    measures = ", ".join(
        f"{name} {sample['scores'][name]:.3g}" for name in telling if name in sample["scores"]
    )
    # The audit looks for exactly this element, and reads what is in it.
    text = tag("blockquote", sample["text"], Markup("…") if sample["cut"] else None,
               class_="post", dir="auto")  # fmt: skip
    told = " · ".join(shorten(replace_control_characters(str(each))) for each in where if each)
    return join_children([
        tag("p", told, class_="meta") if told else None,
        text,
        tag("p", measures, class_="meta") if measures else None,
    ])  # fmt: skip
