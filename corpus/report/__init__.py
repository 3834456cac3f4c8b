"""What people read of a corpus: the report, the card, the datasheet, and what they are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from corpus.report import croissant, dataset_card, datasheet
from corpus.report.funnel import (
    has_conversations,
    list_funnel_rows,
    list_tool_versions,
    summarize_manifest,
)
from corpus.report.published_plan import PublishedPlan
from corpus.report.report_page import render_report as _page
from corpus.report.statistics import STATISTICS_FILE, count_statistics, load_statistics

__all__ = [
    "count_statistics",
    "has_conversations",
    "list_funnel_rows",
    "list_tool_versions",
    "load_statistics",
    "render_documentation",
    "summarize_manifest",
]  # fmt: skip


def render_documentation(
    manifest: Mapping[str, Any], plan_yaml: str, counted: Mapping[str, Any]
) -> dict[str, str]:
    """The papers of a corpus by file name. They hang on the arguments alone: no clock, no paths."""
    settings = PublishedPlan.parse(plan_yaml)
    return {
        STATISTICS_FILE: json.dumps(counted, ensure_ascii=False, separators=(",", ":")) + "\n",
        "README.md": dataset_card.render_dataset_card(manifest, settings, counted),
        "DATASHEET.md": datasheet.render_datasheet(manifest, settings, counted),
        "croissant.json": croissant.render_croissant(manifest, settings, counted),
        "report.html": _page(manifest, settings, counted),
    }
