"""Write report.html: one file that fetches nothing, and in which every value is escaped.

Each function here computes what a section shows; ``report_sections.html.jinja`` has a macro of the
section's name that draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from corpus.plurals import pluralize
from corpus.report.charts import ColumnChart, draw_columns, draw_funnel, draw_histogram
from corpus.report.facts import list_warnings
from corpus.report.funnel import (
    PUSHED_HEADS,
    find_duplicate_counts,
    has_conversations,
    list_funnel_rows,
    list_pushed,
    summarize_manifest,
)
from corpus.report.language_names import label_language
from corpus.report.numbers import abbreviate_count, format_share, shorten
from corpus.report.published_plan import PublishedPlan, display_names
from corpus.report.sample_posts import describe_sample, group_samples
from corpus.report.tables import BarRow, Table, bar_table
from corpus.report.templates import render_html

Statistics = Mapping[str, Any]
#: Rows of a table about files, and of one about a stage's reasons; the rest is counted.
_MAX_FILES, _MAX_REASON_ROWS = 300, 60
_MAX_CLUSTERS, _MAX_CAMPAIGNS = 10, 20
_MAX_PLAN_LENGTH = 20_000


class Section(NamedTuple):
    """A part of the page: its anchor, its label in the list of sections, its heading, its data."""

    name: str
    label: str
    heading: str
    content: Any


class LongTable(NamedTuple):
    """The first rows of a table, and the others, which are folded up."""

    first: Table
    others: Table | None
    others_summary: str


def render_report(
    manifest: Mapping[str, Any],
    plan: PublishedPlan,
    statistics: Statistics,
    *,
    with_speeds: bool = False,
) -> str:
    """Return the report on one corpus. ``with_speeds`` adds speeds, which no rebuild repeats."""
    samples = _samples(manifest, statistics, plan)
    speed = _speed(manifest) if with_speeds else None
    sections = [
        Section("funnel", "Funnel", "What was dropped, where and why", _funnel(manifest)),
        Section("scores", "Scores", "Scores and thresholds", _scores(statistics)),
        Section("languages", "Languages", "Languages", _languages(statistics)),
        Section("communities", "Communities", "Communities and platforms", _values(statistics)),
        Section("time", "Time", "Time and length", _time(statistics)),
        Section("duplicates", "Duplicates", "Duplicates", _duplicates(manifest, statistics)),
        Section("influence", "Pushed", "Pushed links, tags and phrases", _pushed(manifest)),
        Section("privacy", "Contact data", "Contact data replaced", _privacy(statistics, plan)),
        Section("samples", "Posts", "Posts, kept and dropped", samples),
        Section("sources", "Sources", "Sources", _sources(manifest)),
        Section("speed", "Speed", "Speed", speed),
        Section("made", "Build", "How it was built", _made(manifest, plan, with_speeds)),
    ]
    return render_html(
        "report.html.jinja",
        title=plan.title,
        summary=summarize_manifest(manifest),
        warnings=list_warnings(manifest, statistics),
        tiles=_tiles(manifest, statistics),
        sections=[section for section in sections if section.content],
        slider_data=_slider_data(statistics),
    )


def _slider_data(statistics: Statistics) -> list[dict[str, Any]]:
    """Return the counts that the sliders of ``script.js`` add up."""
    return [
        {
            "edges": score["edges"],
            "kept": score["kept"],
            "own": score["own"],
            **{name: score["threshold"][name] for name in ("side", "reason", "value")},
            # More than this measure decides.
            "hedged": bool(score["threshold"].get("note")),
        }
        for score in statistics["scores"]
        if score["threshold"]
    ]


def _tiles(manifest: Mapping[str, Any], statistics: Statistics) -> list[tuple[str, str]]:
    """Return the large numbers at the head of the page."""
    totals = manifest["totals"]
    found = [
        ("posts read", f"{totals['read']:,}"),
        ("kept", f"{totals['kept']:,}"),
        ("share kept", format_share(totals["kept"], totals["read"])),
    ]
    if has_conversations(manifest):
        found.append(("documents", f"{totals['documents']:,}"))
    found.append(("characters", abbreviate_count(totals["characters"])))
    found.append(("tokens, about", abbreviate_count(totals["tokens_estimated"])))
    if statistics["languages"]:
        kept = [row for row in statistics["languages"]["top"] if row[1]]
        found.append(("languages", f"{len(kept):,}"))
    return found


# --------------------------------------------------------------------------- the sections


def _funnel(manifest: Mapping[str, Any]) -> dict[str, Any]:
    rows = list(list_funnel_rows(manifest))
    stages = [
        (row.stage, row.read, row.kept, row.dropped, shorten(row.reasons_text, 500)) for row in rows
    ]
    reasons = [
        (row.stage, shorten(reason), count, format_share(count, row.read))
        for row in rows
        for reason, count in row.reasons[:_MAX_REASON_ROWS]
    ]
    heads = ["stage", "reason", "posts", "of posts read"]
    return {
        "chart": draw_funnel(rows),
        "stages": Table("Posts by stage", ["stage", "read", "kept", "dropped", "reasons"], stages),
        "reasons": Table("Dropped posts, by reason", heads, reasons) if reasons else None,
        "origins": [
            table
            for key in ("source", "platform")
            if (table := _tabulate_origins(manifest.get("origins", ()), key))
        ],
    }


def _tabulate_origins(origins: Sequence[Mapping[str, Any]], key: str) -> Table | None:
    """Return what became of the posts of each source, or platform; None if there is only one."""
    names = {row[key]: str(row[key]) for row in origins}
    if key == "source":
        names = {row[key]: f"{row[key]} ({row['reader']})" for row in origins}
    stages = list(dict.fromkeys(stage for row in origins for stage in row["dropped"]))
    rows = []
    for value in sorted(names):
        own = [row for row in origins if row[key] == value]
        kept = sum(row["kept"] for row in own)
        dropped = [sum(row["dropped"].get(stage, 0) for row in own) for stage in stages]
        posts = kept + sum(dropped)
        rows.append((shorten(names[value]), posts, *dropped, kept, format_share(kept, posts)))
    heads = [key, "posts", *stages, "kept", "of posts"]
    title = f"Posts by {key}, and those that each stage dropped"
    return Table(title, heads, rows[:_MAX_FILES], caption_hidden=False) if len(rows) > 1 else None


def _scores(statistics: Statistics) -> dict[str, Any] | None:
    if not statistics["scores"]:
        return None
    histograms, sliders = [], 0
    for score in statistics["scores"]:
        has_slider = bool(score["threshold"])
        histograms.append(draw_histogram(score, sliders if has_slider else None))
        sliders += has_slider
    return {"histograms": histograms, "has_conversations": statistics["conversed"]}


def _languages(statistics: Statistics) -> LongTable | None:
    """Return each language with its kept documents and its dropped posts."""
    found = statistics["languages"]
    if not found or not found["top"]:
        return None
    whole = sum(row[1] for row in found["top"]) + found["rest"][1]
    rows = [
        BarRow(
            label_language(code),
            (kept, dropped),
            (kept, format_share(kept, whole), abbreviate_count(characters), dropped),
        )
        for code, kept, characters, dropped in found["top"]
    ]
    if found["rest"][0]:
        more, kept, dropped = found["rest"]
        cells = (kept, format_share(kept, whole), "–", dropped)
        rows.append(BarRow(f"{more} more", (kept, dropped), cells))
    return _long_table(
        "Languages", ["language", "kept", "share", "characters", "dropped"], rows, shown=15
    )


def _long_table(
    caption: str, heads: Sequence[str], rows: Sequence[BarRow], shown: int
) -> LongTable:
    """Make a table of bars of which some ``shown`` rows are open."""
    if len(rows) <= shown + 5:
        return LongTable(bar_table(caption, heads, rows), None, "")
    return LongTable(
        first=bar_table(caption, heads, rows[:shown]),
        others=bar_table(f"{caption}, the others", heads, rows[shown:]),
        others_summary=f"{len(rows) - shown} more",
    )


def _values(statistics: Statistics) -> dict[str, Any] | None:
    """Return the most frequent communities, platforms, kinds and licences, and the largest ones."""
    found = _tabulate_values(statistics)
    rows = [
        (
            row["kind"],
            label_language(row["name"]) if row["kind"] == "language" else shorten(row["name"]),
            row["documents"],
            f"{row['share']:.1%}",
        )
        for row in statistics.get("largest", ())
    ]
    heads = ["", "the largest", "documents", "share"]
    caption = "The largest thread, community, domain of links, and language"
    largest = Table(caption, heads, rows, caption_hidden=False) if rows else None
    return {"columns": found, "largest": largest} if found or rows else None


def _tabulate_values(statistics: Statistics) -> list[dict[str, Any]]:
    found = []
    for column, title, head in (
        ("communities", "Communities", "community"),
        ("platforms", "Platforms", "platform"),
        ("kinds", "Kinds of post", "kind"),
        ("licenses", "Licences", "licence"),
    ):
        part = statistics[column]
        if not part["top"]:
            continue
        whole = sum(count for _, count in part["top"]) + part["rest"] + part["none"]
        rows = [
            BarRow(label, (count,), (count, format_share(count, whole)))
            for label, count in part["top"]
        ]
        found.append(
            {
                "title": title,
                "distinct": part["distinct"],
                "shown": str(len(part["top"])),
                "rest": part["rest"],
                "none": part["none"],
                "tables": _long_table(title, [head, "documents", "share"], rows, shown=12),
            }
        )
    return found


def _time(statistics: Statistics) -> dict[str, Any] | None:
    timeline, lengths = _timeline_chart(statistics), _length_chart(statistics)
    if not timeline and not lengths:
        return None
    return {
        "timeline": timeline,
        "timeline_note": _timeline_note(statistics["timeline"]),
        "lengths": lengths,
    }


def _timeline_chart(statistics: Statistics) -> ColumnChart | None:
    line = statistics["timeline"]
    if not line["bars"]:
        return None
    names = [name for name, _ in line["bars"]]
    counts = [count for _, count in line["bars"]]
    caption = f"Documents by {line['unit']}, {line['first']} to {line['last']}"
    return draw_columns(caption, names, counts, (names[0], names[-1]), [line["unit"], "documents"])


def _timeline_note(line: Mapping[str, Any]) -> str:
    """Say how many documents the timeline does not show."""
    outside = line["before"] + line["after"]
    notes = [f"{pluralize(outside, 'document')} outside the period shown"] if outside else []
    notes += [f"{pluralize(line['unknown'], 'document')} without a date"] if line["unknown"] else []
    return "; ".join(notes).capitalize() + "." if notes else ""


def _length_chart(statistics: Statistics) -> ColumnChart | None:
    lengths = statistics["lengths"]
    if not sum(lengths["counts"]):
        return None
    first = next(n for n, count in enumerate(lengths["counts"]) if count)
    edges, counts = lengths["edges"][first:], lengths["counts"][first:]
    names = [
        f"{low:,} to {high - 1:,}" if high - low > 1 else f"{low:,}"
        for low, high in pairwise(edges)
    ]
    caption = f"Length in characters, on a logarithmic scale; median {lengths['median']:,}"
    ends = (f"{edges[0]:,}", f"longest {lengths['longest']:,}")
    return draw_columns(caption, names, counts, ends, ["characters", "documents"])


def _duplicates(manifest: Mapping[str, Any], statistics: Statistics) -> dict[str, Any] | None:
    found = find_duplicate_counts(manifest)
    if not found or not found["clusters"]:
        return None
    sizes = [
        BarRow(_name_cluster_size(size), (count,), (count,))
        for size, count in found["clusters_by_size"].items()
    ]
    caption = "Clusters by the number of posts in them"
    samples = {each["id"]: each for each in statistics.get("samples", ()) if each["large"]}
    largest = [
        {
            "size": row["size"],
            "is_earlier": bool(row.get("earlier")),
            "post": describe_sample(samples[row["cluster"]]) if row["cluster"] in samples else None,
        }
        for row in found["largest"][:_MAX_CLUSTERS]
    ]
    campaigns = [
        (row["first"][:10], row["posts"], row["authors"])
        for row in found.get("campaigns", ())[:_MAX_CAMPAIGNS]
    ]
    return {
        "clusters": found["clusters"],
        "sizes": bar_table(caption, ["posts", "clusters"], sizes),
        "largest": largest,
        "campaigns": _campaign_table(campaigns) if campaigns else None,
    }


def _name_cluster_size(size: str) -> str:
    """Turn ``4-7`` into ``4 to 7``, and ``2-2`` into ``2``."""
    ends = size.split("-")
    return " to ".join(ends) if len(set(ends)) > 1 else ends[0]


def _campaign_table(campaigns: Sequence[tuple[str, int, int]]) -> Table:
    caption = "Texts that many authors posted within a short time"
    return Table(caption, ["first seen", "posts", "authors"], campaigns, caption_hidden=False)


def _pushed(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = list_pushed(manifest)
    if not rows:
        return None
    return {
        "posts": manifest["influence"]["posts"],
        "table": Table(
            "Links, tags and phrases that are pushed by authors who write little else",
            PUSHED_HEADS,
            rows,
        ),
    }


def _privacy(statistics: Statistics, plan: PublishedPlan) -> dict[str, Any]:
    found = sorted(statistics["pii"], key=lambda row: (-row[2], row[0]))
    rows = [BarRow(name, (count,), (count, documents)) for name, documents, count in found if count]
    table = bar_table("Contact data replaced", ["kind", "replaced", "documents"], rows)
    return {"has_pii_stage": plan.has_stage("pii"), "details": table if rows else None}


def _samples(
    manifest: Mapping[str, Any], statistics: Statistics, plan: PublishedPlan
) -> dict[str, Any]:
    return {
        "groups": group_samples(manifest, statistics),
        "has_pii_stage": plan.has_stage("pii"),
    }


def _sources(manifest: Mapping[str, Any]) -> dict[str, Any]:
    sources = manifest["sources"]
    names = display_names([source["path"] for source in sources])
    rows: list[tuple[Any, ...]] = [
        (
            shorten(name),
            source["reader"],
            source["read"],
            source["refused"],
            source.get("tombstones", 0),
        )
        for name, source in list(zip(names, sources, strict=True))[:_MAX_FILES]
    ]
    heads = ["file", "reader", "read", "refused", "delete notices"]
    if any("suppressed" in source for source in sources):
        heads = [*heads, "suppressed"]
        suppressed = (source.get("suppressed", 0) for source in sources)
        rows = [(*row, count) for row, count in zip(rows, suppressed, strict=False)]
    if any("unreadable" in source for source in sources):
        heads = [*heads, "values not understood"]
        unreadable = (
            ", ".join(f"{name} {count:,}" for name, count in source.get("unreadable", {}).items())
            for source in sources
        )
        rows = [(*row, counts) for row, counts in zip(rows, unreadable, strict=False)]
    return {
        "files": Table("Sources", heads, rows),
        "last_hours": _describe_last_hours(manifest),
        "edits": _describe_edits(manifest),
        "more": len(sources) - len(rows),
    }


def _describe_last_hours(manifest: Mapping[str, Any]) -> str:
    """Say how many posts ``settle`` of ``consent`` would drop; nothing if no time is known."""
    found, read = manifest.get("last_hours"), manifest["totals"]["read"]
    if not found or not found["posts"]:
        return ""
    share = format_share(found["posts"], read)
    return (
        f"Written or edited in the last {found['hours']} hours of their source: "
        f"{pluralize(found['posts'], 'post')} ({share}). Platforms had little time to remove "
        f"planted posts among them; consent: {{settle: {found['hours']}h}} drops all of them."
    )


def _describe_edits(manifest: Mapping[str, Any]) -> str:
    """Say how many edits replaced a text; nothing if no two versions of a post were read."""
    found = manifest.get("edits")
    if not found:
        return ""
    return (
        f"Edited: {pluralize(found['compared'], 'post')} with an earlier version in the dumps. "
        f"In {found['replaced']:,} of them the edit replaced more than half of the words; "
        f"{found['replaced_late']:,} of these edits are of the last {found['hours']} hours of "
        "their source."
    )


def _speed(manifest: Mapping[str, Any]) -> Table | None:
    rows = [
        BarRow(
            row.stage,
            (int(row.read / row.seconds),),
            (f"{row.read / row.seconds:,.0f}", f"{row.seconds:,.1f}"),
        )
        for row in list_funnel_rows(manifest)
        if row.seconds
    ]
    return bar_table("Speed of each stage", ["stage", "posts/s", "seconds"], rows) if rows else None


def _made(manifest: Mapping[str, Any], plan: PublishedPlan, with_speeds: bool) -> dict[str, Any]:
    models = [
        (stage, name, digest)
        for stage, found in manifest.get("models", {}).items()
        for name, digest in found.items()
    ]
    versions = list(manifest.get("tool", {}).items())
    return {
        "models": Table("Models", ["stage", "file", "SHA-256"], models) if models else None,
        "versions": Table("Versions", ["library", "version"], versions),
        "plan": shorten(plan.shown_yaml, _MAX_PLAN_LENGTH),
        "with_speeds": with_speeds,
    }
