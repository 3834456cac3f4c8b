"""DATASHEET.md: the questions of "Datasheets for Datasets" (Gebru et al., 2021) that a build can
answer by itself, and a mark where only the publisher can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.report import facts
from corpus.report.dataset_card import escape_markdown, fence_code, list_sources, markdown_table
from corpus.report.funnel import list_funnel_rows
from corpus.report.published_plan import PublishedPlan

_ASK_PUBLISHER = "_Not known to the tool; for the publisher to say._"


def render_datasheet(
    manifest: Mapping[str, Any], settings: PublishedPlan, counted: Mapping[str, Any]
) -> str:
    """The datasheet."""
    parts = [
        ("Motivation", [_ASK_PUBLISHER]),
        ("What it holds", _composition(manifest, counted)),
        ("Where it comes from", _collection(manifest, settings, counted)),
        ("What was done to it", _processing(manifest, settings)),
        ("People in it", [facts.describe_personal_data(manifest, settings, counted)]),
        ("Uses", list(facts.INTENDED_USES)),
        ("Known limits", ["\n".join(f"* {limit}" for limit in facts.KNOWN_LIMITS)]),
        ("Licence", _licence(settings, counted)),
        (
            "Maintenance and takedown",
            [escape_markdown(facts.describe_maintenance(manifest, settings))],
        ),
        ("Versions", _versions(manifest)),
    ]
    body = "\n\n".join(f"## {title}\n\n" + "\n\n".join(said) for title, said in parts)
    return f"# Datasheet: {escape_markdown(settings.title)}\n\n{body}\n"


def _composition(manifest: Mapping[str, Any], counted: Mapping[str, Any]) -> list[str]:
    totals = manifest["totals"]
    said = [
        f"{facts.describe_documents(manifest)}; {totals['characters']:,} characters, about "
        f"{totals['tokens_estimated']:,} tokens. Median length {counted['lengths']['median']:,} "
        f"characters. Written {facts.describe_time_span(counted)}. {facts.describe_duplicates(manifest)}"
    ]
    if apart := facts.describe_splits(manifest):
        said.append(apart)
    found = counted["languages"]
    if found and found["top"]:
        lines = [
            [code, f"{kept:,}", f"{characters:,}", f"{dropped:,}"]
            for code, kept, characters, dropped in found["top"]
            if kept
        ]
        said.append(markdown_table(["language", "documents", "characters", "posts dropped"], lines))
    for name, title in (("platforms", "platform"), ("communities", "community")):
        if counted[name]["top"]:
            lines = [[label, f"{count:,}"] for label, count in counted[name]["top"]]
            said.append(markdown_table([title, "documents"], lines))
    return said


def _collection(
    manifest: Mapping[str, Any], settings: PublishedPlan, counted: Mapping[str, Any]
) -> list[str]:
    lines = [
        [name, source["reader"], f"{source['read']:,}", f"`{source['sha256'][:16]}…`"]
        for name, source in list_sources(manifest)
    ]
    said = [
        escape_markdown(facts.describe_collection(manifest, settings)),
        markdown_table(["file", "reader", "records", "SHA-256"], lines),
    ]
    if (more := len(manifest["sources"]) - len(lines)) > 0:
        said.append(f"and {more:,} more files; manifest.json lists them all.")
    return said


def _processing(manifest: Mapping[str, Any], settings: PublishedPlan) -> list[str]:
    funnel = [
        [row.stage, f"{row.read:,}", f"{row.kept:,}", f"{row.gone:,}", row.reasons_text]
        for row in list_funnel_rows(manifest)
    ]
    said = [markdown_table(["stage", "read", "kept", "dropped", "reasons"], funnel)]
    bounds = [
        [row["stage"], row["column"], {"max": "at most", "min": "at least"}[row["side"]],
         f"{row['value']:g}", row["setting"], row["reason"] + facts.threshold_note(row)]
        for row in manifest.get("thresholds", ())
    ]  # fmt: skip
    if bounds:
        heads = ["stage", "measure", "a post stays with", "value", "setting", "else it leaves as"]
        said += ["Thresholds:", markdown_table(heads, bounds)]
    models = [
        [stage, name, f"`{digest}`"]
        for stage, found in manifest.get("models", {}).items()
        for name, digest in found.items()
    ]
    if models:
        said += ["Models that decide:", markdown_table(["stage", "file", "SHA-256"], models)]
    return [*said, "Settings:", fence_code(settings.to_yaml(), "yaml")]


def _licence(settings: PublishedPlan, counted: Mapping[str, Any]) -> list[str]:
    said = settings.output_option("license")
    licences = [[name, f"{count:,}"] for name, count in counted["licenses"]["top"]]
    posts = [
        "Licences that the sources state for their posts (column `license`):",
        markdown_table(["licence", "documents"], licences),
    ]
    own = f"The corpus is published as: {escape_markdown(said)}." if said else (
        "The plan states no licence for the corpus as a whole."
    )  # fmt: skip
    rights = "The posts are their authors', and the platforms' terms apply to them."
    return [f"{own} {rights}", *(posts if licences else [])]


def _versions(manifest: Mapping[str, Any]) -> list[str]:
    tools = ", ".join(f"{name} {number}" for name, number in manifest.get("tool", {}).items())
    plan = manifest.get("plan_fingerprint", "unknown")
    return [f"{escape_markdown(tools)}.", f"Plan fingerprint `{plan}`."]
