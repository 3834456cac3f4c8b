"""The report in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from corpus.report.charts import bin_position, format_share
from corpus.report.funnel import find_duplicate_counts, list_funnel_rows, summarize_manifest

_BLOCKS = " ▁▂▃▄▅▆▇█"
_BAR_WIDTH = 24
_MAX_BARS = 12


def make_printable(text: str) -> str:
    """Text that cannot act on the terminal: no escape sequences, no direction marks."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_report(console: Console, manifest: Mapping[str, Any], counted: Mapping[str, Any]) -> None:
    """Print the whole of it."""
    print_funnel(console, manifest)
    for title, part in _list_sections(manifest, counted):
        console.print()
        console.print(Text(title, "bold"))
        console.print(part)


def print_funnel(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print the funnel and the summary."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("stage")
    for title in ("read", "kept", "dropped", "posts/s"):
        table.add_column(title, justify="right")
    table.add_column("reasons", overflow="fold")
    for row in list_funnel_rows(manifest):
        speed = f"{row.read / row.seconds:,.0f}" if row.seconds else ""
        table.add_row(
            row.stage, f"{row.read:,}", f"{row.kept:,}", f"{row.gone:,}", speed,
            Text(make_printable(row.reasons_text)),
        )  # fmt: skip
    console.print(table)
    console.print(f"\n{summarize_manifest(manifest)}", highlight=False)


def _list_sections(
    manifest: Mapping[str, Any], counted: Mapping[str, Any]
) -> Iterator[tuple[str, RenderableType]]:
    found = counted["languages"]
    if found and found["top"]:
        top = [row for row in found["top"] if row[1]]
        whole = sum(row[1] for row in top) + found["rest"][1]
        more = len(top) - _MAX_BARS
        title = f"Languages (and {more:,} more)" if more > 0 else "Languages"
        yield (
            title,
            _bar_table([(row[0], row[1], format_share(row[1], whole)) for row in top[:_MAX_BARS]]),
        )
    for name in ("communities", "platforms", "licenses"):
        part = counted[name]
        if part["top"]:
            whole = sum(count for _, count in part["top"]) + part["rest"] + part["none"]
            title = f"{name.capitalize()} ({part['distinct']:,})"
            yield (
                title,
                _bar_table([(n, c, format_share(c, whole)) for n, c in part["top"][:_MAX_BARS]]),
            )
    line = counted["timeline"]
    if line["bars"]:
        drawn = _sparkline([count for _, count in line["bars"]], 50)
        ends = line["bars"][0][0], line["bars"][-1][0]
        yield f"Time, by {line['unit']}", Text(f"{ends[0]} {drawn} {ends[1]}")
    sizes = counted["lengths"]
    if sum(sizes["counts"]):
        told = f"median {sizes['median']:,}, longest {sizes['longest']:,}"
        yield "Length in characters", Text(f"{_sparkline(sizes['counts'], 60)} {told}")
    if counted["scores"]:
        yield "Scores (upper: kept, lower: left; │ is the threshold)", _scores(counted["scores"])
    if copies := find_duplicate_counts(manifest):
        by_size = list(copies["clusters_by_size"].items())
        title = f"Duplicates ({copies['clusters']:,} texts posted more than once)"
        yield title, _bar_table([(f"{size} posts", count, "") for size, count in by_size])
    if counted["pii"]:
        top = sorted(counted["pii"], key=lambda row: (-row[2], row[0]))
        bars = [(name, count, f"in {held:,} documents") for name, held, count in top if count]
        yield "Contact data replaced", _bar_table(bars) if bars else Text("none")


def _bar_table(lines: Sequence[tuple[str, int, str]]) -> Table:
    most = max((count for _, count, _ in lines), default=0) or 1
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold", max_width=32)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column()
    for name, count, note in lines:
        size = max(1, round(_BAR_WIDTH * count / most)) if count else 0
        table.add_row(
            Text(make_printable(name.replace("\n", " "))),
            Text("━" * size, "green"),
            f"{count:,}",
            Text(note),
        )
    return table


def _scores(scores: Sequence[Mapping[str, Any]]) -> Group:
    lines = []
    for score in scores:
        gone = [a + b for a, b in zip(score["own"], score["others"], strict=True)]
        last = max((n + 1 for n in range(len(gone)) if gone[n] or score["kept"][n]), default=1)
        bound, told, at = score["threshold"], "", None
        if bound is not None:
            where = bin_position(score["edges"], bound["value"])
            last = max(last, min(len(gone), int(where) + 2))
            told, at = f"{bound['stage']}: {bound['setting']} {bound['value']:g}", where / last
        ends = f"{score['edges'][0]:g} to {score['edges'][last]:g}"
        lines += [
            Text.assemble(make_printable(score["column"]), (f"  {ends}  {told}".rstrip(), "dim")),
            Text(f"  {_mark_threshold(score['kept'][:last], at)}", "green"),
            Text(f"  {_mark_threshold(gone[:last], at)}", "red"),
        ]
    return Group(*lines)


def _mark_threshold(counts: Sequence[int], share: float | None) -> str:
    """The line of blocks, with the threshold at so great a share of it."""
    line = _sparkline(counts, 60)
    if share is None:
        return line
    at = round(len(line) * share)
    return f"{line[:at]}│{line[at:]}"


def _sparkline(counts: Sequence[int], wide: int) -> str:
    """Counts as a line of blocks, as high as their square roots."""
    if len(counts) > wide:
        step = -(-len(counts) // wide)
        counts = [sum(counts[at : at + step]) for at in range(0, len(counts), step)]
    elif counts and wide // len(counts) > 1:
        counts = [count for count in counts for _ in range(wide // len(counts))]
    most = max(counts, default=0) or 1
    heights = [8 * (count / most) ** 0.5 for count in counts]
    return "".join(_BLOCKS[max(1, round(height)) if height else 0] for height in heights)
