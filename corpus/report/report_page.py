"""report.html: one file that fetches nothing; whatever is in it is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from corpus.report import charts
from corpus.report.charts import format_share
from corpus.report.funnel import (
    find_duplicate_counts,
    has_conversations,
    list_funnel_rows,
    summarize_manifest,
)
from corpus.report.html_document import make_section, render_document
from corpus.report.markup import Child, Markup, shorten, table, tag
from corpus.report.published_plan import PublishedPlan, display_names
from corpus.report.sample_posts import render_post, render_samples

Statistics = Mapping[str, Any]
#: Rows of a table about files, and of one about a stage's reasons; the rest is counted.
_MAX_FILES, _MAX_REASON_ROWS = 300, 60


def render_report(
    manifest: Mapping[str, Any],
    settings: PublishedPlan,
    counted: Statistics,
    *,
    with_speeds: bool = False,
) -> str:
    """The report on one corpus. ``timed`` adds the speeds, which no rebuild repeats."""
    sections = [
        make_section("funnel", "Funnel", "What left, where and why", _funnel(manifest)),
        make_section("scores", "Scores", "Scores and thresholds", _scores(counted)),
        make_section("languages", "Languages", "Languages", render_languages(counted)),
        make_section(
            "communities", "Communities", "Communities and platforms", _communities(counted)
        ),
        make_section("time", "Time", "Time and length", _time(counted)),
        make_section("duplicates", "Duplicates", "Duplicates", _duplicates(manifest, counted)),
        make_section(
            "privacy", "Contact data", "Contact data replaced", _privacy(counted, settings)
        ),
        make_section(
            "samples",
            "Posts",
            "Posts, kept and dropped",
            render_samples(manifest, settings, counted),
        ),
        make_section("sources", "Sources", "Sources", _sources(manifest)),
        make_section("speed", "Speed", "Speed", _speed(manifest) if with_speeds else None),
        make_section("made", "Making", "How it was made", _made(manifest, settings, with_speeds)),
    ]
    head = [
        tag("h1", settings.title),
        tag("p", summarize_manifest(manifest), class_="lead"),
        _tiles(manifest, counted),
    ]
    return render_document(settings.title, head, sections, _data(counted))


def _data(counted: Statistics) -> list[Any]:
    """What the sliders count with."""
    return [
        {
            "edges": score["edges"],
            "kept": score["kept"],
            "own": score["own"],
            **{name: score["threshold"][name] for name in ("side", "reason", "value")},
            # More than this measure decides.
            "hedged": bool(score["threshold"].get("note")),
        }
        for score in counted["scores"]
        if score["threshold"]
    ]


# --------------------------------------------------------------------------- the sections


def _tiles(manifest: Mapping[str, Any], counted: Statistics) -> Markup:
    totals = manifest["totals"]
    found = [
        ("posts read", f"{totals['read']:,}"),
        ("kept", f"{totals['kept']:,}"),
        ("of what was read", format_share(totals["kept"], totals["read"])),
        *([("documents", f"{totals['documents']:,}")] if has_conversations(manifest) else []),
        ("characters", abbreviate_count(totals["characters"])),
        ("tokens, about", abbreviate_count(totals["tokens_estimated"])),
    ]
    if counted["languages"]:
        held = [row for row in counted["languages"]["top"] if row[1]]
        found.append(("languages", f"{len(held):,}"))
    return tag(
        "dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in found],
        class_="tiles",
    )  # fmt: skip


def abbreviate_count(count: int) -> str:
    """A large number in three digits."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**4, "k")):
        if count >= size:
            unit_size = 1000 if unit == "k" else size
            return f"{count / unit_size:.3g} {unit}"
    return f"{count:,}"


def _funnel(manifest: Mapping[str, Any]) -> list[Child]:
    found = list(list_funnel_rows(manifest))
    lines: list[list[Child]] = [
        [row.stage, shorten(reason), count, format_share(count, row.read)]
        for row in found
        for reason, count in row.reasons[:_MAX_REASON_ROWS]
    ]
    stages: list[list[Child]] = [
        [row.stage, row.read, row.kept, row.gone, shorten(row.reasons_text, 500)] for row in found
    ]
    heads = ["stage", "read", "kept", "left", "reasons"]
    reasons = table("Posts left, by reason", ["stage", "reason", "posts", "of what came in"], lines)
    every = tag("details", tag("summary", "reason by reason"), reasons, class_="numbers")
    return [
        charts.draw_funnel(found),
        charts.folded_table("Posts by stage", heads, stages),
        every if lines else None,
    ]


def _scores(counted: Statistics) -> list[Child]:
    scores = counted["scores"]
    if not scores:
        return []
    number = 0
    figures = []
    for score in scores:
        figures.append(charts.draw_histogram(score, number if score["threshold"] else None))
        number += bool(score["threshold"])
    documents = (
        " A document counts once, with the gravest of its turns." if counted["conversed"] else ""
    )
    key = tag(
        "p",
        tag("span", class_="key k", aria_hidden="true"), " kept, above the line; ",
        tag("span", class_="key d", aria_hidden="true"), " left by this threshold and ",
        tag("span", class_="key o", aria_hidden="true"),
        " left for another reason, below it. Heights go by the square root of the count, each side "
        "on its own scale. The line across marks the threshold; the slider says what another one "
        "would do to the posts whose score is known." + documents,
        class_="lead",
    )  # fmt: skip
    return [key, tag("div", figures, class_="grid")]


def render_languages(counted: Statistics) -> list[Child]:
    """Each language, with what was kept and what was dropped of it."""
    found = counted["languages"]
    if not found or not found["top"]:
        return []
    whole = sum(row[1] for row in found["top"]) + found["rest"][1]
    lines = [
        (
            lang,
            [kept, dropped],
            [kept, format_share(kept, whole), abbreviate_count(characters), dropped],
        )
        for lang, kept, characters, dropped in found["top"]
    ]
    if found["rest"][0]:
        more, kept, dropped = found["rest"]
        lines.append(
            (f"{more} more", [kept, dropped], [kept, format_share(kept, whole), "–", dropped])
        )
    key = tag(
        "p", tag("span", class_="key k", aria_hidden="true"), " kept, ",
        tag("span", class_="key d", aria_hidden="true"),
        " dropped, by whichever stage, once its language was known.", class_="lead",
    )  # fmt: skip
    heads = ["language", "kept", "share", "characters", "dropped"]
    return [key, *_folded("Languages", heads, lines, 15)]


def _folded(
    caption: str, heads: Sequence[str], lines: Sequence[tuple[str, Sequence[int], Sequence[Child]]],
    shown: int,
) -> list[Child]:  # fmt: skip
    """A table of bars, the end of it folded up."""
    if len(lines) <= shown + 5:
        return [charts.draw_bar_table(caption, heads, lines)]
    others = charts.draw_bar_table(f"{caption}, the others", heads, lines[shown:])
    rest = tag("details", tag("summary", f"{len(lines) - shown} more"), others, class_="numbers")
    return [charts.draw_bar_table(caption, heads, lines[:shown]), rest]


def _communities(counted: Statistics) -> list[Child]:
    found: list[Child] = []
    for name, title, one in (
        ("communities", "Communities", "community"), ("platforms", "Platforms", "platform"),
        ("kinds", "Kinds of post", "kind"), ("licenses", "Licences", "licence"),
    ):  # fmt: skip
        part = counted[name]
        if not part["top"]:
            continue
        whole = sum(count for _, count in part["top"]) + part["rest"] + part["none"]
        lines: list[tuple[str, Sequence[int], Sequence[Child]]] = [
            (label, [count], [count, format_share(count, whole)]) for label, count in part["top"]
        ]
        told = f"{part['distinct']:,} in all"
        if part["rest"]:
            told += f"; those beyond the first {len(part['top'])} hold {part['rest']:,} documents"
        if part["none"]:
            told += f"; {part['none']:,} documents name none"
        block = [tag("h3", title), tag("p", told, class_="lead"),
                 *_folded(title, [one, "documents", "share"], lines, 12)]  # fmt: skip
        found.append(tag("div", block))
    return [tag("div", found, class_="grid")] if found else []


def _time(counted: Statistics) -> list[Child]:
    figures: list[Child] = []
    line = counted["timeline"]
    if line["bars"]:
        names = [name for name, _ in line["bars"]]
        counts = [count for _, count in line["bars"]]
        caption = f"Documents by {line['unit']}, {line['first']} to {line['last']}"
        outside = line["before"] + line["after"]
        notes = [f"{outside:,} lie outside the span shown"] if outside else []
        notes += [f"{line['unknown']:,} have no date"] if line["unknown"] else []
        chart = charts.draw_columns(
            caption, names, counts, (names[0], names[-1]), [line["unit"], "documents"]
        )
        note = "; ".join(notes)
        figures.append(
            tag("div", chart, tag("p", note.capitalize() + ".", class_="lead") if note else None)
        )
    sizes = counted["lengths"]
    if sum(sizes["counts"]):
        edges, counts = sizes["edges"], sizes["counts"]
        first = next(n for n, count in enumerate(counts) if count)
        edges, counts = edges[first:], counts[first:]
        names = [
            f"{low:,} to {high - 1:,}" if high - low > 1 else f"{low:,}"
            for low, high in pairwise(edges)
        ]
        median, longest = sizes["median"], sizes["longest"]
        caption = f"Length in characters, four columns an octave; median {median:,}"
        ends = (f"{edges[0]:,}", f"longest {longest:,}")
        figures.append(
            charts.draw_columns(caption, names, counts, ends, ["characters", "documents"])
        )
    return [tag("div", figures, class_="grid two")] if figures else []


def _duplicates(manifest: Mapping[str, Any], counted: Statistics) -> list[Child]:
    found = find_duplicate_counts(manifest)
    if not found or not found["clusters"]:
        return []
    lines: list[tuple[str, Sequence[int], Sequence[Child]]] = [
        (size.replace("-", " to ") if len(set(size.split("-"))) > 1 else size.split("-")[0],
         [count], [count])
        for size, count in found["clusters_by_size"].items()
    ]  # fmt: skip
    texts = {sample["id"]: sample for sample in counted.get("samples", ()) if sample["large"]}
    largest = []
    for row in found["largest"][:10]:
        sample = texts.get(row["cluster"])
        why = "Its text is not shown: no samples were asked for, or it left since."
        text = render_post(sample) if sample else tag("p", why, class_="lead")
        told = " of an earlier corpus" if row.get("earlier") else ""
        largest.append(tag("li", tag("strong", f"{row['size']:,} posts"), told, text))
    campaigns = [
        [row["first"][:10], row["posts"], row["authors"]] for row in found.get("campaigns", ())[:20]
    ]
    return [
        tag(
            "p",
            f"{found['clusters']:,} texts were posted more than once, or nearly so.",
            class_="lead",
        ),
        charts.draw_bar_table(
            "Clusters by the number of posts in them", ["posts", "clusters"], lines
        ),
        tag(
            "details",
            tag("summary", "the largest clusters"),
            tag("ol", largest, class_="posts"),
            class_="numbers",
        )
        if largest
        else None,
        tag("h3", "Campaigns") if campaigns else None,
        table(
            "One text by many authors in a short time",
            ["first seen", "posts", "authors"],
            campaigns,
            hidden=False,
        )
        if campaigns
        else None,
    ]


def _privacy(counted: Statistics, settings: PublishedPlan) -> list[Child]:
    if all(name != "pii" for name, _ in settings.stages):
        return [tag("p", "The plan has no 'pii' stage: contact data stays in the texts.",
                    class_="warning")]  # fmt: skip
    found = sorted(counted["pii"], key=lambda row: (-row[2], row[0]))
    lines: list[tuple[str, Sequence[int], Sequence[Child]]] = [
        (name, [count], [count, documents]) for name, documents, count in found
    ]
    return [
        tag("p", "Details that the 'pii' stage replaced in what was kept. A pattern finds contact "
            "data by its form, so some will have been missed.", class_="lead"),
        charts.draw_bar_table("Details replaced", ["detail", "replaced", "documents"], lines),
    ]  # fmt: skip


def _sources(manifest: Mapping[str, Any]) -> list[Child]:
    sources = manifest["sources"]
    names = display_names([source["path"] for source in sources])
    lines = [
        [
            shorten(name),
            source["reader"],
            source["read"],
            source["refused"],
            source.get("tombstones", 0),
        ]
        for name, source in list(zip(names, sources, strict=True))[:_MAX_FILES]
    ]
    more = len(sources) - len(lines)
    return [
        table("Sources", ["file", "reader", "read", "refused", "delete notices"], lines),
        tag("p", f"and {more:,} more files", class_="lead") if more else None,
    ]


def _speed(manifest: Mapping[str, Any]) -> list[Child]:
    lines: list[tuple[str, Sequence[int], Sequence[Child]]] = [
        (
            row.stage,
            [int(row.read / row.seconds)],
            [f"{row.read / row.seconds:,.0f}", f"{row.seconds:,.1f}"],
        )
        for row in list_funnel_rows(manifest)
        if row.seconds
    ]
    heads = ["stage", "posts/s", "seconds"]
    return [
        tag("p", "Per core; seconds are summed over the workers.", class_="lead"),
        charts.draw_bar_table("Speed of each stage", heads, lines),
    ] if lines else []  # fmt: skip


def _made(manifest: Mapping[str, Any], settings: PublishedPlan, timed: bool) -> list[Child]:
    models = [
        [stage, name, digest]
        for stage, found in manifest.get("models", {}).items()
        for name, digest in found.items()
    ]
    versions = [[name, number] for name, number in manifest.get("tool", {}).items()]
    tools = table("Versions", ["library", "version"], versions)
    plan = tag("pre", shorten(settings.to_yaml(), 20_000), tabindex="0")
    return [
        tag("h3", "Models") if models else None,
        table("Models", ["stage", "file", "SHA-256"], models) if models else None,
        tag("details", tag("summary", "versions"), tools, class_="numbers"),
        tag("details", tag("summary", "the plan"), plan, class_="numbers"),
        tag("p", "How fast each stage was differs from build to build, so it is not in this file: "
            "'corpus report' prints it.", class_="lead") if not timed else None,
    ]  # fmt: skip
