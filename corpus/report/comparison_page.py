"""Two builds side by side, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.maintenance import diff
from corpus.report import charts, statistics
from corpus.report.charts import format_share
from corpus.report.funnel import find_duplicate_counts, list_funnel_rows, summarize_manifest
from corpus.report.html_document import Section, make_section, render_document
from corpus.report.markup import Child, Markup, table, tag
from corpus.report.report_page import abbreviate_count
from corpus.storage.remote_path import RemotePath
from corpus.tasks.receipts import load_manifest

ManifestPair = tuple[Mapping[str, Any], Mapping[str, Any]]


def render_comparison(one: Path | RemotePath, two: Path | RemotePath) -> str:
    """The page; ``one`` is A, what it is held against is B."""
    manifests = load_manifest(one), load_manifest(two)
    counted = statistics.load_statistics(one), statistics.load_statistics(two)
    found = diff.compare_corpora(one, two)
    names = _corpus_names(one, two)
    head: list[Child] = [
        tag("h1", f"{names[0]} against {names[1]}"),
        tag("p", f"A, {names[0]}: {summarize_manifest(manifests[0])}.", class_="lead"),
        tag("p", f"B, {names[1]}: {summarize_manifest(manifests[1])}.", class_="lead"),
    ]
    sections: list[Section | None] = [
        make_section("totals", "In all", "In all", [_totals(manifests)]),
        make_section("settings", "Settings", "What differs in the making", _settings(found)),
        make_section(
            "funnel",
            "Funnel",
            "What left, where and why",
            [
                tag(
                    "div",
                    [
                        tag(
                            "div",
                            tag("h3", f"{letter}: {name}"),
                            charts.draw_funnel(list(list_funnel_rows(manifest))),
                        )
                        for letter, name, manifest in zip("AB", names, manifests, strict=True)
                    ],
                    class_="pair",
                ),
                _reasons(found),
            ],
        ),
        make_section("scores", "Scores", "Scores of what was kept", _scores(counted)),
        make_section("languages", "Languages", "Languages", _languages(counted)),
        make_section("privacy", "Contact data", "Contact data replaced", _privacy(counted)),
        make_section("duplicates", "Duplicates", "Duplicates", _duplicates(manifests)),
        make_section("speed", "Speed", "Speed", _speed(manifests)),
    ]
    return render_document(f"{names[0]} against {names[1]}", head, sections, [])


def _corpus_names(one: Path | RemotePath, two: Path | RemotePath) -> tuple[str, str]:
    """The folders' names; with the folder above where they are the same."""
    a, b = (each.resolve() if isinstance(each, Path) else each for each in (one, two))
    if a.name != b.name:
        return a.name, b.name
    return f"{a.parent.name}/{a.name}", f"{b.parent.name}/{b.name}"


def format_change(old: int | None, new: int | None) -> Child:
    """B less A, with a sign."""
    if old is None or new is None:
        return "–"
    return f"{new - old:+,}".replace("-", "−") if new != old else "0"


def _totals(pair: ManifestPair) -> Markup:
    lines = [
        [name.replace("_", " "), old["totals"].get(name, 0), new["totals"].get(name, 0),
         format_change(old["totals"].get(name, 0), new["totals"].get(name, 0))]
        for old, new in [pair]
        for name in dict.fromkeys([*old["totals"], *new["totals"]])
    ]  # fmt: skip
    return table("Totals", ["", "A", "B", "B − A"], lines)


def _settings(found: Mapping[str, Any]) -> list[Child]:
    lines = [
        [
            row["name"],
            diff.format_setting(row["before"], 200),
            diff.format_setting(row["after"], 200),
        ]
        for name in ("settings", "models", "tools")
        for row in found[name]
    ]
    count = len(found["sources"])
    sources = f"{count:,} source files differ." if count else "The sources are the same."
    if not lines:
        return [tag("p", f"Settings, models and versions are the same. {sources}", class_="lead")]
    return [table("Settings", ["setting", "A", "B"], lines[:300]), tag("p", sources, class_="lead")]


def _reasons(found: Mapping[str, Any]) -> Child:
    lines: list[list[Child]] = []
    for row in found["stages"]:
        for reason in row["reasons"]:
            old, new = reason["before"], reason["after"]
            lines.append([f"{row['stage']}: {reason['name']}", old or 0, new or 0,
                          format_change(old or 0, new or 0)])  # fmt: skip
    if not lines:
        return tag("p", "Every reason has the same count.", class_="lead")
    return table(
        "Reasons whose counts differ", ["reason", "A", "B", "B − A"], lines[:300], hidden=False
    )


def _scores(counted: ManifestPair) -> list[Child]:
    here, there = ({s["column"]: s for s in each["scores"]} for each in counted)
    figures: list[Markup] = []
    alone = False
    for column in dict.fromkeys([*here, *there]):
        one, two = here.get(column), there.get(column)
        if one is None or two is None or one["edges"] != two["edges"]:
            sides = (("A", one), ("B", two))
            figures += [charts.draw_histogram(each, label=name) for name, each in sides if each]
            alone = True
        else:
            figures.append(charts.draw_mirrored_histogram(one, two))
    if not figures:
        return []
    key = tag(
        "p", tag("span", class_="key k", aria_hidden="true"), " A, above the line; ",
        tag("span", class_="key b", aria_hidden="true"), " B, below it, upside down. Heights go by "
        "the square root of the count, both on one scale."
        + " Where only one has the measure, or the spans differ, each has a chart of its own, with "
        "what left in grey and red below the line." * alone,
        class_="lead",
    )  # fmt: skip
    return [key, tag("div", figures, class_="grid")]


def _languages(counted: ManifestPair) -> list[Child]:
    here, there = (
        {row[0]: row for row in (each["languages"] or {"top": []})["top"]} for each in counted
    )
    whole = [sum(row[1] for row in each.values()) for each in (here, there)]
    lines: list[Sequence[Child]] = []
    for lang in dict.fromkeys([*here, *there]):
        old, new = (each.get(lang, [lang, 0, 0, 0])[1] for each in (here, there))
        if old or new:
            lines.append(
                [
                    lang,
                    old,
                    format_share(old, whole[0]),
                    new,
                    format_share(new, whole[1]),
                    format_change(old, new),
                ]
            )
    heads = ["language", "A", "share", "B", "share", "B − A"]
    return [table("Languages kept", heads, lines, tight=True)] if lines else []


def _privacy(counted: ManifestPair) -> list[Child]:
    here, there = ({name: count for name, _, count in each["pii"]} for each in counted)
    lines = [
        [
            name,
            here.get(name, 0),
            there.get(name, 0),
            format_change(here.get(name, 0), there.get(name, 0)),
        ]
        for name in dict.fromkeys([*here, *there])
    ]
    return [table("Details replaced", ["detail", "A", "B", "B − A"], lines)] if lines else []


def _duplicates(pair: ManifestPair) -> list[Child]:
    here, there = (find_duplicate_counts(each).get("clusters_by_size", {}) for each in pair)
    sizes = sorted({*here, *there}, key=lambda size: int(size.split("-")[0]))
    lines = [
        [size.replace("-", " to "), here.get(size, 0), there.get(size, 0),
         format_change(here.get(size, 0), there.get(size, 0))]
        for size in sizes
    ]  # fmt: skip
    return [table("Clusters by size", ["posts", "A", "B", "B − A"], lines)] if lines else []


def _speed(pair: ManifestPair) -> list[Child]:
    here, there = (
        {row.stage: row.read / row.seconds for row in list_funnel_rows(each) if row.seconds}
        for each in pair
    )
    lines = [
        [
            stage,
            *(
                abbreviate_count(int(each[stage])) if stage in each else "–"
                for each in (here, there)
            ),
        ]
        for stage in dict.fromkeys([*here, *there])
    ]
    heads = ["stage", "A, posts/s", "B, posts/s"]
    return [table("Posts a second on a core", heads, lines)] if lines else []
