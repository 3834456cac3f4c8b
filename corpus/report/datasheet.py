"""Write DATASHEET.md: the questions of "Datasheets for Datasets" (Gebru et al., 2021).

It answers those that a build can answer by itself, and marks those that only the publisher can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.report import facts
from corpus.report.dataset_card import list_sources
from corpus.report.funnel import list_funnel_rows
from corpus.report.language_names import label_language
from corpus.report.published_plan import PublishedPlan
from corpus.report.templates import render_markdown


def render_datasheet(
    manifest: Mapping[str, Any], plan: PublishedPlan, statistics: Mapping[str, Any]
) -> str:
    """Return the datasheet in Markdown."""
    sources = list_sources(manifest)
    languages = (statistics["languages"] or {"top": []})["top"]
    tools = manifest.get("tool", {})
    return render_markdown(
        "datasheet.md.jinja",
        title=plan.title,
        documents=facts.describe_documents(manifest),
        totals=manifest["totals"],
        median_length=statistics["lengths"]["median"],
        time_span=facts.describe_time_span(statistics),
        duplicates=facts.describe_duplicates(manifest),
        splits=facts.describe_splits(manifest),
        languages=[(label_language(code), *row) for code, *row in languages if row[0]],
        has_languages=bool(languages),
        platforms=statistics["platforms"]["top"],
        communities=statistics["communities"]["top"],
        collection=facts.describe_collection(manifest, plan),
        sources=[
            (name, source["reader"], source["read"], f"`{source['sha256'][:16]}…`")
            for name, source in sources
        ],
        more_sources=len(manifest["sources"]) - len(sources),
        funnel=list(list_funnel_rows(manifest)),
        thresholds=[
            (
                row["stage"],
                row["column"],
                {"max": "at most", "min": "at least"}[row["side"]],
                f"{row['value']:g}",
                row["setting"],
                row["reason"] + facts.threshold_note(row),
            )
            for row in manifest.get("thresholds", ())
        ],
        models=[
            (stage, name, f"`{digest}`")
            for stage, found in manifest.get("models", {}).items()
            for name, digest in found.items()
        ],
        plan=plan.shown_yaml,
        personal_data=facts.describe_personal_data(manifest, plan, statistics),
        uses=facts.INTENDED_USES,
        limits=facts.KNOWN_LIMITS,
        license=plan.output_option("license"),
        post_licenses=statistics["licenses"]["top"],
        maintenance=facts.describe_maintenance(manifest, plan),
        versions=", ".join(f"{name} {number}" for name, number in tools.items()),
        plan_fingerprint=manifest.get("plan_fingerprint", "unknown"),
    )
