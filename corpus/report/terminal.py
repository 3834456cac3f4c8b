"""Print the report in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from corpus.plurals import pluralize
from corpus.report.charts import bin_position
from corpus.report.facts import list_warnings
from corpus.report.funnel import find_duplicate_counts, list_funnel_rows, summarize_manifest
from corpus.report.language_names import name_language
from corpus.report.numbers import format_share

_BLOCKS = " ▁▂▃▄▅▆▇█"
_BAR_WIDTH = 24
_SPARKLINE_WIDTH = 60
_TIMELINE_WIDTH = 50
_MAX_BARS = 12


def make_printable(text: str) -> str:
    """Return text that cannot act on the terminal: no escape sequences, no direction marks."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_report(
    console: Console, manifest: Mapping[str, Any], statistics: Mapping[str, Any]
) -> None:
    """Print the funnel and then each section that has something to show."""
    print_funnel(console, manifest)
    if warnings := list_warnings(manifest, statistics):
        console.print()
    for warning in warnings:
        console.print(Text(f"warning: {make_printable(warning)}"))
    for title, section in _list_sections(manifest, statistics):
        console.print()
        console.print(Text(title, "bold"))
        console.print(section)


def print_funnel(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print the funnel and the summary."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("stage")
    for title in ("read", "kept", "dropped", "posts/s"):
        table.add_column(title, justify="right")
    table.add_column("reasons", overflow="fold")
    for row in list_funnel_rows(manifest):
        table.add_row(
            row.stage,
            f"{row.read:,}",
            f"{row.kept:,}",
            f"{row.dropped:,}",
            f"{row.read / row.seconds:,.0f}" if row.seconds else "",
            Text(make_printable(row.reasons_text)),
        )
    console.print(table)
    console.print(f"\n{summarize_manifest(manifest)}", highlight=False)


def _list_sections(
    manifest: Mapping[str, Any], statistics: Mapping[str, Any]
) -> Iterator[tuple[str, RenderableType]]:
    """Yield the title and the content of each section."""
    found = statistics["languages"]
    if found and found["top"]:
        top = [row for row in found["top"] if row[1]]
        whole = sum(row[1] for row in top) + found["rest"][1]
        more = len(top) - _MAX_BARS
        title = f"Languages (and {more:,} more)" if more > 0 else "Languages"
        bars = [
            (name_language(row[0]), row[1], format_share(row[1], whole)) for row in top[:_MAX_BARS]
        ]
        yield title, _bar_table(bars)
    for name in ("communities", "platforms", "licenses"):
        part = statistics[name]
        if part["top"]:
            whole = sum(count for _, count in part["top"]) + part["rest"] + part["none"]
            title = f"{name.capitalize()} ({part['distinct']:,})"
            bars = [(n, count, format_share(count, whole)) for n, count in part["top"][:_MAX_BARS]]
            yield title, _bar_table(bars)
    line = statistics["timeline"]
    if line["bars"]:
        sparkline = _sparkline([count for _, count in line["bars"]], _TIMELINE_WIDTH)
        first, last = line["bars"][0][0], line["bars"][-1][0]
        yield f"Time, by {line['unit']}", Text(f"{first} {sparkline} {last}")
    lengths = statistics["lengths"]
    if sum(lengths["counts"]):
        ends = f"median {lengths['median']:,}, longest {lengths['longest']:,}"
        sparkline = _sparkline(lengths["counts"], _SPARKLINE_WIDTH)
        yield "Length in characters", Text(f"{sparkline} {ends}")
    if statistics["scores"]:
        title = "Scores (above: kept, below: dropped; │ is the threshold)"
        yield title, _histograms(statistics["scores"])
    if duplicates := find_duplicate_counts(manifest):
        title = f"Duplicates ({pluralize(duplicates['clusters'], 'text')} posted more than once)"
        by_size = duplicates["clusters_by_size"].items()
        yield title, _bar_table([(f"{size} posts", count, "") for size, count in by_size])
    if statistics["pii"]:
        top = sorted(statistics["pii"], key=lambda row: (-row[2], row[0]))
        bars = [
            (name, count, f"in {pluralize(documents, 'document')}")
            for name, documents, count in top
            if count
        ]
        yield "Contact data replaced", _bar_table(bars) if bars else Text("none")


def _bar_table(rows: Sequence[tuple[str, int, str]]) -> Table:
    """Make a table with a bar for each name, its count and a note."""
    largest = max((count for _, count, _ in rows), default=0) or 1
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold", max_width=32)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column()
    for name, count, note in rows:
        width = max(1, round(_BAR_WIDTH * count / largest)) if count else 0
        table.add_row(
            Text(make_printable(name.replace("\n", " "))),
            Text("━" * width, "green"),
            f"{count:,}",
            Text(note),
        )
    return table


def _histograms(scores: Sequence[Mapping[str, Any]]) -> Group:
    """Draw for each column what was kept and, below it, what was dropped."""
    lines = []
    for score in scores:
        dropped = [own + other for own, other in zip(score["own"], score["others"], strict=True)]
        filled = (n + 1 for n in range(len(dropped)) if dropped[n] or score["kept"][n])
        last = max(filled, default=1)
        threshold, bound, mark = score["threshold"], "", None
        if threshold is not None:
            position = bin_position(score["edges"], threshold["value"])
            last = max(last, min(len(dropped), int(position) + 2))
            bound = f"{threshold['stage']}: {threshold['setting']} {threshold['value']:g}"
            mark = position / last
        ends = f"{score['edges'][0]:g} to {score['edges'][last]:g}"
        lines += [
            Text.assemble(make_printable(score["column"]), (f"  {ends}  {bound}".rstrip(), "dim")),
            Text(f"  {_mark_threshold(score['kept'][:last], mark)}", "green"),
            Text(f"  {_mark_threshold(dropped[:last], mark)}", "red"),
        ]
    return Group(*lines)


def _mark_threshold(counts: Sequence[int], share: float | None) -> str:
    """Draw a sparkline, with a mark at a share of its length where there is a threshold."""
    line = _sparkline(counts, _SPARKLINE_WIDTH)
    if share is None:
        return line
    at = round(len(line) * share)
    return f"{line[:at]}│{line[at:]}"


def _sparkline(counts: Sequence[int], width: int) -> str:
    """Draw counts as a line of blocks whose heights go by the square root of the counts."""
    if len(counts) > width:
        step = -(-len(counts) // width)
        counts = [sum(counts[at : at + step]) for at in range(0, len(counts), step)]
    elif counts and width // len(counts) > 1:
        counts = [count for count in counts for _ in range(width // len(counts))]
    highest = max(counts, default=0) or 1
    heights = [8 * (count / highest) ** 0.5 for count in counts]
    return "".join(_BLOCKS[max(1, round(height)) if height else 0] for height in heights)
