"""Charts as inline SVG. Shapes stretch with the page; words and numbers stand in HTML beside them.

No chart is the only place of a number: each is inside a table, or has one folded up below it.
Positions are SVG attributes, not styles, so that the page can forbid inline styles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.report.funnel import FunnelRow
from corpus.report.markup import Child, Markup, shorten, table, tag

_STAGE_WIDTH, _STAGE_HEIGHT = 100.0, 60.0
_FULL_BAND_WIDTH = 58.0  # how wide a band of all posts is
_MAX_RIBBONS = 6  # reasons drawn one by one


def format_share(part: int, whole: int) -> str:
    """A share in per cent, with a decimal where it says something."""
    if not whole:
        return "–"
    value = 100 * part / whole
    if part and value < 0.1:
        return "<0.1\N{NO-BREAK SPACE}%"
    if part < whole and value > 99.9:
        return ">99.9\N{NO-BREAK SPACE}%"
    digits = 0 if value in (0, 100) else 1
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}%"


def draw_funnel(rows: Sequence[FunnelRow]) -> Markup:
    """The funnel as a band that runs from what was read to what is kept, narrower by what left."""
    whole = max(1, rows[0].read) if rows else 1
    steps = [_draw_stage(row, whole) for row in rows]
    kept = rows[-1].kept if rows else 0
    width = _FULL_BAND_WIDTH * kept / whole
    end = _svg(tag("rect", class_="k", width=width, height=_STAGE_HEIGHT, x=0, y=0))
    told = tag(
        "p", tag("strong", f"{kept:,}"), f" kept, {format_share(kept, whole)} of all that was read"
    )
    steps.append(tag("li", end, tag("div", tag("h3", "kept"), told), class_="end"))
    return tag("ol", steps, class_="flow")


def _draw_stage(row: FunnelRow, whole: int) -> Markup:
    scale = _FULL_BAND_WIDTH / whole
    narrow = row.kept * scale
    shapes = [tag("rect", class_="k", x=0, y=0, width=narrow, height=_STAGE_HEIGHT)]
    at, out = narrow, 14.0
    room = 34.0 / max(row.gone, 1)
    counts = [count for _, count in row.reasons]
    drawn = [
        *counts[:_MAX_RIBBONS],
        *([sum(counts[_MAX_RIBBONS:])] if len(counts) > _MAX_RIBBONS else []),
    ]
    # The last ribbon is the innermost, so that none crosses another.
    for number, count in reversed(list(enumerate(drawn))):
        end, thick = at + count * scale, max(0.4, count * room * min(1.0, 2.5 * row.gone / whole))
        low = out + thick
        path = (
            f"M{at:.2f} 0C{at:.2f} {low:.2f} {_FULL_BAND_WIDTH:.0f} {low:.2f} {_STAGE_WIDTH:.0f} {low:.2f}"
            f"V{out:.2f}C{_FULL_BAND_WIDTH:.0f} {out:.2f} {end:.2f} {out:.2f} {end:.2f} 0Z"
        )
        shapes.append(tag("path", class_=f"d d{number % 3}", d=path))
        at = end
    numbers: list[Child] = [f"{row.read:,} in"]
    if row.gone:
        numbers += [", ", tag("strong", f"{row.gone:,} left", class_="gone"),
                    f" ({format_share(row.gone, row.read)})"]  # fmt: skip
    else:
        numbers.append(", none left")
    reasons = [
        tag("li", tag("span", shorten(reason)), " ", tag("b", f"{count:,}"))
        for reason, count in row.reasons[:12]
    ]
    if more := row.reasons[12:]:
        rest = sum(count for _, count in more)
        reasons.append(
            tag("li", tag("span", f"{len(more)} more reasons"), " ", tag("b", f"{rest:,}"))
        )
    listed = tag("ul", reasons, class_="reasons") if reasons else None
    return tag("li", _svg(*shapes), tag("div", tag("h3", row.stage), tag("p", numbers), listed))


def _svg(
    *shapes: Markup, tall: float = _STAGE_HEIGHT, wide: float = _STAGE_WIDTH, **more: str
) -> Markup:
    return tag(
        "svg", *shapes, viewBox=f"0 0 {wide:g} {tall:g}", preserveAspectRatio="none",
        aria_hidden="true", focusable="false", **more,
    )  # fmt: skip


def draw_bar_table(
    caption: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[int], Sequence[Child]]]
) -> Markup:
    """A table with a bar in each row. A row: its name, the bar's pieces, the other cells."""
    most = max((sum(pieces) for _, pieces, _ in rows), default=0) or 1
    lines = []
    for name, pieces, cells in rows:
        shapes, at = [], 0.0
        for class_, piece in zip(("k", "d", "o"), pieces, strict=False):
            width = 100 * piece / most
            shapes.append(tag("rect", class_=class_, x=f"{at:.2f}%", y=0, width=f"{width:.2f}%",
                              height="100%"))  # fmt: skip
            at += width
        chart = tag("svg", shapes, class_="bar", aria_hidden="true", focusable="false")
        lines.append([shorten(name), chart, *cells])
    longest = max((len(name) for name, _, _ in rows), default=0)
    return table(caption, [heads[0], "", *heads[1:]], lines, tight=longest < 14)


def draw_columns(
    caption: str,
    names: Sequence[str],
    counts: Sequence[int],
    ends: tuple[str, str],
    heads: Sequence[str],
) -> Markup:
    """A series of columns, its table folded up below."""
    most = max(counts, default=0) or 1
    width = 100 / max(1, len(counts))
    gap = 0.15 if len(counts) < 120 else 0.0
    path = "".join(
        f"M{n * width:.2f} 50v{-48 * count / most:.2f}h{width * (1 - gap):.2f}V50Z"
        for n, count in enumerate(counts)
        if count
    )
    rows: list[list[Child]] = [
        [name, count] for name, count in zip(names, counts, strict=True) if count
    ]
    return tag(
        "figure",
        tag("figcaption", caption),
        _svg(tag("path", class_="k", d=path), tall=50, class_="columns"),
        tag("p", tag("span", ends[0]), tag("span", f"highest: {most:,}"), tag("span", ends[1]),
            class_="axis"),
        folded_table(caption, heads, rows),
    )  # fmt: skip


def folded_table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    """A table that is folded up."""
    return tag(
        "details", tag("summary", "as numbers"), table(caption, heads, rows), class_="numbers"
    )


def draw_histogram(score: Mapping[str, Any], number: int | None = None, label: str = "") -> Markup:
    """What stayed above the line, what left below it; with a slider if it has a ``number``."""
    column, edges, bound = score["column"], score["edges"], score["threshold"]
    bins = len(score["kept"])
    shown = max(
        (n + 1 for n in range(bins) if score["kept"][n] or score["own"][n] or score["others"][n]),
        default=bins,
    )
    if bound is not None:
        shown = max(shown, math.ceil(bin_position(edges, bound["value"])) + 1)
    shown = bins if edges[-1] == 1 else min(bins, max(shown, 10))
    width = 100 / shown
    gone = [own + other for own, other in zip(score["own"], score["others"], strict=True)]
    shapes = [
        tag("path", class_="k", d=_column_path(score["kept"][:shown], width, -38)),
        tag("path", class_="o", d=_column_path(gone[:shown], width, 28)),
        tag("path", class_="d", d=_column_path(score["own"][:shown], width, 28, gone[:shown])),
        tag("line", class_="ground", x1=0, y1=40, x2=100, y2=40),
    ]
    told: list[Child] = [f"{label}: " if label else None, tag("code", column)]
    if bound is not None:
        at = bin_position(edges, bound["value"]) * width
        shapes.append(tag("line", class_="mark", x1=at, y1=0, x2=at, y2=70))
        sign = "at most" if bound["side"] == "max" else "at least"
        told += [
            " ", tag("span", f"{bound['stage']}: {bound['setting']} {bound['value']:g} ({sign})",
                     class_="bound"),
        ]  # fmt: skip
    beyond = " and more" if score["beyond"] else ""
    rows = [
        [_bin(edges, n, bound), score["kept"][n], score["own"][n], score["others"][n]]
        for n in range(bins)
        if score["kept"][n] or gone[n]
    ]
    heads = ["value", "kept", bound["reason"] if bound else "–", "left otherwise"]
    if bound is None:
        rows, heads = [[row[0], row[1], row[3]] for row in rows], ["value", "kept", "left"]
    return tag(
        "figure",
        tag("figcaption", told),
        _svg(*shapes, tall=70, class_="histogram"),
        tag("p", tag("span", f"{edges[0]:g}"), tag("span", f"{edges[shown]:g}{beyond}"),
            class_="axis"),
        _slider(score, number, shown) if number is not None else None,
        folded_table(f"Histogram of {column}", heads, rows),
        class_="score",
    )  # fmt: skip


def draw_mirrored_histogram(one: Mapping[str, Any], two: Mapping[str, Any]) -> Markup:
    """What two corpora kept, one above the line and the other below it, on one scale."""
    edges, bins = one["edges"], len(one["kept"])
    most = math.sqrt(max(max(one["kept"], default=0), max(two["kept"], default=0))) or 1.0
    width = 100 / bins
    shapes = [
        tag("path", class_="k", d=_column_path(one["kept"], width, -33, most=most, ground=35)),
        tag("path", class_="b", d=_column_path(two["kept"], width, 33, most=most, ground=35)),
        tag("line", class_="ground", x1=0, y1=35, x2=100, y2=35),
    ]
    for score in (one, two):
        if score["threshold"]:
            at = bin_position(edges, score["threshold"]["value"]) * width
            low, high = (0, 35) if score is one else (35, 70)
            shapes.append(tag("line", class_="mark", x1=at, y1=low, x2=at, y2=high))
    rows = [
        [_bin(edges, n, one["threshold"]), one["kept"][n], two["kept"][n]]
        for n in range(bins)
        if one["kept"][n] or two["kept"][n]
    ]
    return tag(
        "figure",
        tag("figcaption", tag("code", one["column"])),
        _svg(*shapes, tall=70, class_="histogram"),
        tag("p", tag("span", f"{edges[0]:g}"), tag("span", f"{edges[-1]:g}"), class_="axis"),
        folded_table(f"Histogram of {one['column']}", ["value", "A", "B"], rows),
    )  # fmt: skip


def _slider(score: Mapping[str, Any], number: int, shown: int) -> Markup:
    bound, edges = score["threshold"], score["edges"]
    value = min(range(shown + 1), key=lambda n: (abs(edges[n] - bound["value"]), n))
    name = f"score-{number}"
    return tag(
        "div",
        tag("label", f"What if {bound['setting']} were ", tag("output", f"{edges[value]:g}",
            for_=name, class_="value"), "?", for_=name),
        tag("input", type="range", id=name, min=0, max=shown, step=1, value=value,
            data_score=number),
        tag("p", class_="effect", aria_live="polite"),
        tag("p", bound["note"], class_="note") if bound.get("note") else None,
        class_="what-if", hidden=True,
    )  # fmt: skip


def _column_path(
    counts: Sequence[int], width: float, tall: float, of: Sequence[int] | None = None,
    most: float = 0.0, ground: float = 40,
) -> str:  # fmt: skip
    """Columns from the ground line, as high as the square root of the count says.

    With ``of``, each is that part of its column of ``of`` which it is of its count.
    """
    whole = of if of is not None else counts
    most = most or math.sqrt(max(whole, default=0)) or 1.0
    return "".join(
        f"M{n * width:.2f} {ground:g}v{tall * math.sqrt(whole[n]) / most * count / whole[n]:.2f}"
        f"h{width * 0.92:.2f}V{ground:g}Z"
        for n, count in enumerate(counts)
        if count
    )


def bin_position(edges: Sequence[float], value: float) -> float:
    """Where a value lies among the bins: 2.5 is the middle of the third."""
    last = len(edges) - 1
    for n in range(last):
        if value <= edges[n + 1]:
            return n + max(0.0, min(1.0, (value - edges[n]) / (edges[n + 1] - edges[n])))
    return float(last)


def _bin(edges: Sequence[float], n: int, bound: Mapping[str, Any] | None) -> str:
    if all(float(edge).is_integer() for edge in edges) and edges[-1] > 1 and not (
        bound and bound["side"] == "max"
    ):  # fmt: skip
        low, high = int(edges[n]), int(edges[n + 1]) - 1
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{edges[n]:g} to {edges[n + 1]:g}"
