"""Write README.md of a corpus: a dataset card that ``datasets.load_dataset(folder)`` reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from corpus.report import facts
from corpus.report.funnel import (
    PUSHED_HEADS,
    has_conversations,
    list_funnel_rows,
    list_pushed,
    summarize_manifest,
)
from corpus.report.published_plan import PublishedPlan, display_names
from corpus.report.templates import render_markdown
from corpus.yaml_text import dump_yaml

#: The Hub's names of licences are SPDX's in lower case; these are the ones a corpus may have.
_HUB_LICENSES = (
    "apache-2.0",
    "mit",
    "cc0-1.0",
    "cc-by-2.0",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0",
    "cc-by-nc-nd-4.0",
    "odc-by",
    "odbl",
    "pddl",
    "unlicense",
    "other",
)
#: The Hub's size categories, each by the number of rows that it ends before.
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
_MAX_SOURCES, _MAX_PUSHED = 200, 20


def render_dataset_card(
    manifest: Mapping[str, Any], plan: PublishedPlan, statistics: Mapping[str, Any]
) -> str:
    """Return the card: the Hub's front matter, and a description in Markdown."""
    front_matter = _front_matter(manifest, plan, statistics)
    return render_markdown(
        "dataset_card.md.jinja",
        front_matter=dump_yaml(front_matter).strip(),
        title=plan.title,
        summary=summarize_manifest(manifest),
        funnel=list(list_funnel_rows(manifest)),
        sources=[
            (name, source["reader"], source["read"], source["refused"])
            for name, source in list_sources(manifest)
        ],
        pushed_heads=PUSHED_HEADS,
        pushed=list_pushed(manifest)[:_MAX_PUSHED],
        large_shares=facts.list_large_shares(statistics),
        redaction=facts.describe_redaction(plan),
        contact=plan.output_option("contact"),
    )


def _front_matter(
    manifest: Mapping[str, Any], plan: PublishedPlan, statistics: Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {"pretty_name": plan.title, **_license(plan)}
    if codes := facts.list_language_codes(statistics):
        found["language"] = codes
    found["task_categories"] = ["text-generation"]
    found["size_categories"] = [size_category(manifest["totals"]["documents"])]
    found["tags"] = ["social-media", "croissant"]
    if has_conversations(manifest):
        found["tags"].append("conversations")
    data_files = [{"split": name, "path": path} for name, path in facts.list_splits(manifest)]
    found["configs"] = [{"config_name": "default", "data_files": data_files}]
    return found


def _license(plan: PublishedPlan) -> dict[str, str]:
    """Return the Hub's fields for the licence that the plan gives to the corpus."""
    name = plan.output_option("license")
    if name.lower() in _HUB_LICENSES:
        return {"license": name.lower()}
    if name:
        short_name = re.sub(r"[^a-z0-9.+-]+", "-", name.lower()).strip("-")
        link = {"license_link": name} if name.startswith(("http://", "https://")) else {}
        return {"license": "other", "license_name": short_name, **link}
    return {"license": "other", "license_name": "not-stated"}


def size_category(documents: int) -> str:
    """Return the Hub's category for a number of rows."""
    return next((name for end, name in _SIZES if documents < end), "n>1T")


def list_sources(manifest: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the first 200 sources, each with the name that the documentation gives it."""
    sources = manifest["sources"]
    names = display_names([source["path"] for source in sources])
    return list(zip(names, sources, strict=True))[:_MAX_SOURCES]
