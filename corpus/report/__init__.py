"""What people read of a corpus: the report, the card, the datasheet, and what they are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from corpus.report import croissant, dataset_card, datasheet
from corpus.report.funnel import conversed, rows, summary, tool_versions
from corpus.report.published_plan import Settings
from corpus.report.report_page import page as _page
from corpus.report.statistics import FILE, gather
from corpus.report.statistics import load as load_statistics

__all__ = [
    "conversed", "gather", "load_statistics", "papers", "rows", "summary",
    "tool_versions",
]  # fmt: skip


def papers(
    manifest: Mapping[str, Any], plan_yaml: str, counted: Mapping[str, Any]
) -> dict[str, str]:
    """The papers of a corpus by file name. They hang on the arguments alone: no clock, no paths."""
    settings = Settings.parse(plan_yaml)
    return {
        FILE: json.dumps(counted, ensure_ascii=False, separators=(",", ":")) + "\n",
        "README.md": dataset_card.card(manifest, settings, counted),
        "DATASHEET.md": datasheet.sheet(manifest, settings, counted),
        "croissant.json": croissant.document(manifest, settings, counted),
        "report.html": _page(manifest, settings, counted),
    }
