"""Write the page that compares two corpora, called A and B on it.

Each function here computes what a section shows; ``comparison_sections.html.jinja`` has a macro of
the section's name that draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.manifest import load_manifest
from corpus.report.charts import draw_funnel, draw_histogram, draw_mirrored_histogram
from corpus.report.funnel import find_duplicate_counts, list_funnel_rows, summarize_manifest
from corpus.report.language_names import label_language
from corpus.report.numbers import abbreviate_count, format_change, format_setting, format_share
from corpus.report.report_page import Section
from corpus.report.statistics import load_statistics
from corpus.report.tables import Table
from corpus.report.templates import render_html
from corpus.storage.remote_path import RemotePath

Pair = tuple[Mapping[str, Any], Mapping[str, Any]]
_MAX_ROWS = 300
_MAX_SETTING_LENGTH = 200


def render_comparison(
    one: Path | RemotePath, two: Path | RemotePath, differences: Mapping[str, Any]
) -> str:
    """Return the page on the corpora A, ``one``, and B, ``two``.

    ``differences`` is what :func:`corpus.maintenance.diff.compare_corpora` returns for them.
    """
    manifests = load_manifest(one), load_manifest(two)
    statistics = load_statistics(one), load_statistics(two)
    names = _corpus_names(one, two)
    funnel = _funnel(manifests, names, differences)
    sections = [
        Section("totals", "Totals", "Totals", _totals(manifests)),
        Section(
            "settings",
            "Settings",
            "What differs in sources, settings and versions",
            _settings(differences),
        ),
        Section("funnel", "Funnel", "What was dropped, where and why", funnel),
        Section("scores", "Scores", "Scores of what was kept", _scores(statistics)),
        Section("languages", "Languages", "Languages", _languages(statistics)),
        Section("privacy", "Contact data", "Contact data replaced", _privacy(statistics)),
        Section("duplicates", "Duplicates", "Duplicates", _duplicates(manifests)),
        Section("speed", "Speed", "Speed", _speed(manifests)),
    ]
    return render_html(
        "comparison.html.jinja",
        title=f"{names[0]} against {names[1]}",
        corpora=[
            (letter, name, summarize_manifest(manifest))
            for letter, name, manifest in zip("AB", names, manifests, strict=True)
        ],
        sections=[section for section in sections if section.content],
        slider_data=[],
    )


def _corpus_names(one: Path | RemotePath, two: Path | RemotePath) -> tuple[str, str]:
    """Return the names of the folders, with their parents' names where they are the same."""
    a, b = (each.resolve() if isinstance(each, Path) else each for each in (one, two))
    if a.name != b.name:
        return a.name, b.name
    return f"{a.parent.name}/{a.name}", f"{b.parent.name}/{b.name}"


def _compare_counts(
    a: Mapping[str, int], b: Mapping[str, int], names: Iterable[str]
) -> list[tuple[str, int, int, str]]:
    """Return a row for each name: the counts of A and B, and their difference."""
    return [
        (name, a.get(name, 0), b.get(name, 0), format_change(a.get(name, 0), b.get(name, 0)))
        for name in names
    ]


def _count_table(caption: str, head: str, rows: Sequence[tuple[str, int, int, str]]) -> Table:
    return Table(caption, [head, "A", "B", "B − A"], rows)


def _totals(manifests: Pair) -> Table:
    a, b = (manifest["totals"] for manifest in manifests)
    rows = _compare_counts(a, b, dict.fromkeys([*a, *b]))
    return _count_table("Totals", "", [(row[0].replace("_", " "), *row[1:]) for row in rows])


def _settings(differences: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        (
            row["name"],
            format_setting(row["before"], _MAX_SETTING_LENGTH),
            format_setting(row["after"], _MAX_SETTING_LENGTH),
        )
        for name in ("settings", "models", "tools")
        for row in differences[name]
    ]
    return {
        "changed_sources": len(differences["sources"]),
        "table": Table("Settings", ["setting", "A", "B"], rows[:_MAX_ROWS]) if rows else None,
    }


def _funnel(
    manifests: Pair, names: tuple[str, str], differences: Mapping[str, Any]
) -> dict[str, Any]:
    reasons = [
        (
            f"{row['stage']}: {reason['name']}",
            reason["before"] or 0,
            reason["after"] or 0,
            format_change(reason["before"] or 0, reason["after"] or 0),
        )
        for row in differences["stages"]
        for reason in row["reasons"]
    ]
    heads = ["reason", "A", "B", "B − A"]
    caption = "Reasons with different counts"
    return {
        "charts": [
            (f"{letter}: {name}", draw_funnel(list(list_funnel_rows(manifest))))
            for letter, name, manifest in zip("AB", names, manifests, strict=True)
        ],
        "reasons": Table(caption, heads, reasons[:_MAX_ROWS], caption_hidden=False)
        if reasons
        else None,
    }


def _scores(statistics: Pair) -> dict[str, Any] | None:
    a, b = ({score["column"]: score for score in each["scores"]} for each in statistics)
    histograms, has_single_charts = [], False
    for column in dict.fromkeys([*a, *b]):
        one, two = a.get(column), b.get(column)
        if one is None or two is None or one["edges"] != two["edges"]:
            pair = (("A", one), ("B", two))
            histograms += [draw_histogram(score, label=name) for name, score in pair if score]
            has_single_charts = True
        else:
            histograms.append(draw_mirrored_histogram(one, two))
    if not histograms:
        return None
    return {"histograms": histograms, "has_single_charts": has_single_charts}


def _languages(statistics: Pair) -> Table | None:
    a, b = (
        {row[0]: row[1] for row in (each["languages"] or {"top": []})["top"]} for each in statistics
    )
    whole_a, whole_b = sum(a.values()), sum(b.values())
    rows = [
        (
            label_language(code),
            *(old, format_share(old, whole_a)),
            *(new, format_share(new, whole_b)),
            change,
        )
        for code, old, new, change in _compare_counts(a, b, dict.fromkeys([*a, *b]))
        if old or new
    ]
    heads = ["language", "A", "share", "B", "share", "B − A"]
    return Table("Languages kept", heads, rows, tight=True) if rows else None


def _privacy(statistics: Pair) -> Table | None:
    a, b = ({name: count for name, _, count in each["pii"]} for each in statistics)
    rows = _compare_counts(a, b, dict.fromkeys([*a, *b]))
    return _count_table("Details replaced", "detail", rows) if rows else None


def _duplicates(manifests: Pair) -> Table | None:
    a, b = (find_duplicate_counts(each).get("clusters_by_size", {}) for each in manifests)
    rows = _compare_counts(a, b, sorted({*a, *b}, key=lambda size: int(size.split("-")[0])))
    rows = [(row[0].replace("-", " to "), *row[1:]) for row in rows]
    return _count_table("Clusters by size", "posts", rows) if rows else None


def _speed(manifests: Pair) -> Table | None:
    a, b = (
        {row.stage: row.read / row.seconds for row in list_funnel_rows(each) if row.seconds}
        for each in manifests
    )
    rows = [
        (
            stage,
            abbreviate_count(int(a[stage])) if stage in a else "–",
            abbreviate_count(int(b[stage])) if stage in b else "–",
        )
        for stage in dict.fromkeys([*a, *b])
    ]
    heads = ["stage", "A, posts/s", "B, posts/s"]
    return Table("Posts a second on a core", heads, rows) if rows else None
