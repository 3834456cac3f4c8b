"""Compute the charts of the report; the template ``charts.html.jinja`` draws them as inline SVG.

Shapes stretch with the page; words and numbers are HTML around them. Every number of a chart is
also in a table, next to it or folded up below it. Positions are attributes of the SVG, not styles,
so that the page can forbid inline styles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from corpus.report.funnel import FunnelRow
from corpus.report.numbers import format_share
from corpus.report.tables import Table

_FULL_BAND_WIDTH = 58.0  # of all posts that were read, in a stage drawn 100 wide and 60 high
_STAGE_WIDTH = 100.0
_MAX_RIBBONS = 6  # reasons that are drawn one by one
_MAX_REASONS = 12  # reasons that are named
_MIN_BINS = 10


class Shape(NamedTuple):
    """An SVG path with its CSS class."""

    css_class: str
    path: str


class FunnelStage(NamedTuple):
    """A stage of the funnel: a band of what was kept, and a ribbon for each reason."""

    name: str
    read: int
    dropped: int
    dropped_share: str
    band_width: float
    ribbons: list[Shape]
    reasons: list[tuple[str, int]]
    more_reasons: int
    more_posts: int


class Funnel(NamedTuple):
    """The funnel from what was read to what is kept."""

    stages: list[FunnelStage]
    kept: int
    kept_share: str
    kept_width: float


class ColumnChart(NamedTuple):
    """A series of columns in one path, the labels of its two ends, and its numbers."""

    caption: str
    path: str
    ends: tuple[str, str]
    highest: int
    table: Table


class Mark(NamedTuple):
    """A vertical line at a threshold."""

    x: float
    top: int
    bottom: int


class Slider(NamedTuple):
    """A slider over the edges of a histogram that says what another threshold would do."""

    number: int
    setting: str
    value: int  # the edge that the slider starts at
    value_text: str
    steps: int
    note: str


class Histogram(NamedTuple):
    """A histogram in a box 100 wide and 70 high: shapes above and below a ground line."""

    label: str  # of the corpus, where there are two; else empty
    column: str
    bound: str  # the threshold in words, or empty
    shapes: list[Shape]
    ground: int
    marks: list[Mark]
    ends: tuple[str, str]
    slider: Slider | None
    table: Table
    css_class: str  # of the figure, or empty


# --------------------------------------------------------------------------- the funnel


def draw_funnel(rows: Sequence[FunnelRow]) -> Funnel:
    """Draw a band that runs from what was read to what is kept, narrower by what was dropped."""
    whole = max(1, rows[0].read) if rows else 1
    kept = rows[-1].kept if rows else 0
    return Funnel(
        stages=[_draw_stage(row, whole) for row in rows],
        kept=kept,
        kept_share=format_share(kept, whole),
        kept_width=_FULL_BAND_WIDTH * kept / whole,
    )


def _draw_stage(row: FunnelRow, whole: int) -> FunnelStage:
    more = row.reasons[_MAX_REASONS:]
    return FunnelStage(
        name=row.stage,
        read=row.read,
        dropped=row.dropped,
        dropped_share=format_share(row.dropped, row.read),
        band_width=row.kept * _FULL_BAND_WIDTH / whole,
        ribbons=_draw_ribbons(row, whole),
        reasons=row.reasons[:_MAX_REASONS],
        more_reasons=len(more),
        more_posts=sum(count for _, count in more),
    )


def _draw_ribbons(row: FunnelRow, whole: int) -> list[Shape]:
    """Draw a ribbon for each reason, from its share of the band out to the right."""
    scale = _FULL_BAND_WIDTH / whole
    height_of_one = 34.0 / max(row.dropped, 1)
    counts = [count for _, count in row.reasons]
    drawn = counts[:_MAX_RIBBONS]
    if len(counts) > _MAX_RIBBONS:
        drawn.append(sum(counts[_MAX_RIBBONS:]))
    ribbons = []
    left, top = row.kept * scale, 14.0
    middle, right = f"{_FULL_BAND_WIDTH:.0f}", f"{_STAGE_WIDTH:.0f}"
    # The last ribbon is the innermost, so that none crosses another.
    for number, count in reversed(list(enumerate(drawn))):
        end = left + count * scale
        bottom = top + max(0.4, count * height_of_one * min(1.0, 2.5 * row.dropped / whole))
        path = (
            f"M{left:.2f} 0C{left:.2f} {bottom:.2f} {middle} {bottom:.2f} {right} {bottom:.2f}"
            f"V{top:.2f}C{middle} {top:.2f} {end:.2f} {top:.2f} {end:.2f} 0Z"
        )
        ribbons.append(Shape(f"d d{number % 3}", path))
        left = end
    return ribbons


# --------------------------------------------------------------------------- columns


def draw_columns(
    caption: str,
    names: Sequence[str],
    counts: Sequence[int],
    ends: tuple[str, str],
    heads: Sequence[str],
) -> ColumnChart:
    """Draw a column for each count, and put the counts into a table under ``heads``."""
    highest = max(counts, default=0) or 1
    width = 100 / max(1, len(counts))
    gap = 0.15 if len(counts) < 120 else 0.0
    path = "".join(
        f"M{n * width:.2f} 50v{-48 * count / highest:.2f}h{width * (1 - gap):.2f}V50Z"
        for n, count in enumerate(counts)
        if count
    )
    rows = [(name, count) for name, count in zip(names, counts, strict=True) if count]
    return ColumnChart(caption, path, ends, highest, Table(caption, heads, rows))


# --------------------------------------------------------------------------- histograms


def draw_histogram(
    score: Mapping[str, Any], number: int | None = None, label: str = ""
) -> Histogram:
    """Draw what was kept above the line and what was dropped below it.

    ``number`` gives the histogram a slider; ``label`` names the corpus that it is of.
    """
    edges, threshold = score["edges"], score["threshold"]
    dropped = [own + other for own, other in zip(score["own"], score["others"], strict=True)]
    shown = _count_shown_bins(score, dropped)
    width = 100 / shown
    marks, bound = [], ""
    if threshold is not None:
        marks = [Mark(bin_position(edges, threshold["value"]) * width, 0, 70)]
        sign = "at most" if threshold["side"] == "max" else "at least"
        setting = f"{threshold['setting']} {threshold['value']:g}"
        bound = f"{threshold['stage']}: {setting} ({sign})"
    beyond = " and more" if score["beyond"] else ""
    return Histogram(
        label=label,
        column=score["column"],
        bound=bound,
        shapes=[
            Shape("k", _column_path(score["kept"][:shown], width, -38)),
            Shape("o", _column_path(dropped[:shown], width, 28)),
            Shape("d", _column_path(score["own"][:shown], width, 28, part_of=dropped[:shown])),
        ],
        ground=40,
        marks=marks,
        ends=(f"{edges[0]:g}", f"{edges[shown]:g}{beyond}"),
        slider=_make_slider(score, number, shown) if number is not None else None,
        table=_histogram_table(score, dropped),
        css_class="score",
    )


def _count_shown_bins(score: Mapping[str, Any], dropped: Sequence[int]) -> int:
    """Return how many bins to draw: all of a share, else up to the last one that is not empty."""
    edges, bins = score["edges"], len(score["kept"])
    if edges[-1] == 1:
        return bins
    filled = (n + 1 for n in range(bins) if score["kept"][n] or dropped[n])
    shown = max(filled, default=bins)
    if score["threshold"] is not None:
        shown = max(shown, math.ceil(bin_position(edges, score["threshold"]["value"])) + 1)
    return min(bins, max(shown, _MIN_BINS))


def _histogram_table(score: Mapping[str, Any], dropped: Sequence[int]) -> Table:
    edges, threshold, kept = score["edges"], score["threshold"], score["kept"]
    filled = [n for n in range(len(kept)) if kept[n] or dropped[n]]
    rows: list[Sequence[str | int]]
    if threshold is None:
        heads = ["value", "kept", "dropped"]
        rows = [(_name_bin(edges, n, None), kept[n], score["others"][n]) for n in filled]
    else:
        heads = ["value", "kept", threshold["reason"], "dropped otherwise"]
        rows = [
            (_name_bin(edges, n, threshold), kept[n], score["own"][n], score["others"][n])
            for n in filled
        ]
    return Table(f"Histogram of {score['column']}", heads, rows)


def draw_mirrored_histogram(one: Mapping[str, Any], two: Mapping[str, Any]) -> Histogram:
    """Draw what two corpora kept, one above the line and the other below it, on one scale."""
    edges, bins = one["edges"], len(one["kept"])
    highest = math.sqrt(max(max(one["kept"], default=0), max(two["kept"], default=0))) or 1.0
    width = 100 / bins
    marks = [
        Mark(bin_position(edges, score["threshold"]["value"]) * width, top, bottom)
        for score, top, bottom in ((one, 0, 35), (two, 35, 70))
        if score["threshold"]
    ]
    rows = [
        (_name_bin(edges, n, one["threshold"]), one["kept"][n], two["kept"][n])
        for n in range(bins)
        if one["kept"][n] or two["kept"][n]
    ]
    return Histogram(
        label="",
        column=one["column"],
        bound="",
        shapes=[
            Shape("k", _column_path(one["kept"], width, -33, highest=highest, ground=35)),
            Shape("b", _column_path(two["kept"], width, 33, highest=highest, ground=35)),
        ],
        ground=35,
        marks=marks,
        ends=(f"{edges[0]:g}", f"{edges[-1]:g}"),
        slider=None,
        table=Table(f"Histogram of {one['column']}", ["value", "A", "B"], rows),
        css_class="",
    )


def _make_slider(score: Mapping[str, Any], number: int, steps: int) -> Slider:
    threshold, edges = score["threshold"], score["edges"]
    value = min(range(steps + 1), key=lambda n: (abs(edges[n] - threshold["value"]), n))
    return Slider(
        number=number,
        setting=threshold["setting"],
        value=value,
        value_text=f"{edges[value]:g}",
        steps=steps,
        note=threshold.get("note") or "",
    )


def _column_path(
    counts: Sequence[int],
    width: float,
    height: float,
    *,
    part_of: Sequence[int] | None = None,
    highest: float = 0.0,
    ground: float = 40,
) -> str:
    """Draw columns from the ground line whose heights go by the square root of the counts.

    With ``part_of``, each column is that part of the column of ``part_of`` which its count is.
    """
    whole = part_of if part_of is not None else counts
    highest = highest or math.sqrt(max(whole, default=0)) or 1.0
    return "".join(
        f"M{n * width:.2f} {ground:g}"
        f"v{height * math.sqrt(whole[n]) / highest * count / whole[n]:.2f}"
        f"h{width * 0.92:.2f}V{ground:g}Z"
        for n, count in enumerate(counts)
        if count
    )


def bin_position(edges: Sequence[float], value: float) -> float:
    """Return the position of a value among the bins: 2.5 is the middle of the third bin."""
    last = len(edges) - 1
    for n in range(last):
        if value <= edges[n + 1]:
            return n + max(0.0, min(1.0, (value - edges[n]) / (edges[n + 1] - edges[n])))
    return float(last)


def _name_bin(edges: Sequence[float], n: int, threshold: Mapping[str, Any] | None) -> str:
    """Name a bin by its edges, or by the whole numbers in it if it holds nothing else."""
    is_whole = all(float(edge).is_integer() for edge in edges) and edges[-1] > 1
    # Bins of a column with a maximum are open below, so that each also holds its upper edge.
    if is_whole and not (threshold and threshold["side"] == "max"):
        low, high = int(edges[n]), int(edges[n + 1]) - 1
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{edges[n]:g} to {edges[n + 1]:g}"
