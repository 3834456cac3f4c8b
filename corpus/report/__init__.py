"""What people read of a corpus: the report, the dataset card, the datasheet, and their counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from corpus.report.croissant import render_croissant
from corpus.report.dataset_card import render_dataset_card
from corpus.report.datasheet import render_datasheet
from corpus.report.facts import list_warnings
from corpus.report.funnel import (
    has_conversations,
    list_funnel_rows,
    list_tool_versions,
    summarize_manifest,
)
from corpus.report.published_plan import PublishedPlan
from corpus.report.report_page import render_report
from corpus.report.statistics import STATISTICS_FILE, count_statistics, load_statistics

__all__ = [
    "count_statistics",
    "has_conversations",
    "list_funnel_rows",
    "list_tool_versions",
    "list_warnings",
    "load_statistics",
    "render_documentation",
    "summarize_manifest",
]


def render_documentation(
    manifest: Mapping[str, Any],
    public_plan: Mapping[str, Any] | str,
    statistics: Mapping[str, Any],
) -> dict[str, str]:
    """Return the documentation files of a corpus by name.

    ``public_plan`` is what its ``plan.yaml`` says, or the text of the file. The files depend on
    the arguments alone, not on the time or the machine.
    """
    plan = (
        PublishedPlan.parse(public_plan)
        if isinstance(public_plan, str)
        else PublishedPlan(public_plan)
    )
    encoded = json.dumps(statistics, ensure_ascii=False, separators=(",", ":"))
    return {
        STATISTICS_FILE: encoded + "\n",
        "README.md": render_dataset_card(manifest, plan, statistics),
        "DATASHEET.md": render_datasheet(manifest, plan, statistics),
        "croissant.json": render_croissant(manifest, plan, statistics),
        "report.html": render_report(manifest, plan, statistics),
    }
