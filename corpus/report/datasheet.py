"""DATASHEET.md: the questions of "Datasheets for Datasets" (Gebru et al., 2021) that a build can
answer by itself, and a mark where only the publisher can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.report import facts
from corpus.report.dataset_card import fenced, markdown, plain, sources_shown
from corpus.report.funnel import rows
from corpus.report.published_plan import Settings

_ASK = "_Not known to the tool; for the publisher to say._"


def sheet(manifest: Mapping[str, Any], settings: Settings, counted: Mapping[str, Any]) -> str:
    """The datasheet."""
    parts = [
        ("Motivation", [_ASK]),
        ("What it holds", _composition(manifest, counted)),
        ("Where it comes from", _collection(manifest, settings, counted)),
        ("What was done to it", _processing(manifest, settings)),
        ("People in it", [facts.sensitive(manifest, settings, counted)]),
        ("Uses", list(facts.USES)),
        ("Known limits", ["\n".join(f"* {limit}" for limit in facts.LIMITS)]),
        ("Licence", _licence(settings, counted)),
        ("Maintenance and takedown", [plain(facts.maintenance(manifest, settings))]),
        ("Versions", _versions(manifest)),
    ]
    body = "\n\n".join(f"## {title}\n\n" + "\n\n".join(said) for title, said in parts)
    return f"# Datasheet: {plain(settings.title)}\n\n{body}\n"


def _composition(manifest: Mapping[str, Any], counted: Mapping[str, Any]) -> list[str]:
    totals = manifest["totals"]
    said = [
        f"{facts.documents(manifest)}; {totals['characters']:,} characters, about "
        f"{totals['tokens_estimated']:,} tokens. Median length {counted['lengths']['median']:,} "
        f"characters. Written {facts.span(counted)}. {facts.copies(manifest)}"
    ]
    if apart := facts.parted(manifest):
        said.append(apart)
    found = counted["languages"]
    if found and found["top"]:
        lines = [
            [code, f"{kept:,}", f"{characters:,}", f"{dropped:,}"]
            for code, kept, characters, dropped in found["top"]
            if kept
        ]
        said.append(markdown(["language", "documents", "characters", "posts dropped"], lines))
    for name, title in (("platforms", "platform"), ("communities", "community")):
        if counted[name]["top"]:
            lines = [[label, f"{count:,}"] for label, count in counted[name]["top"]]
            said.append(markdown([title, "documents"], lines))
    return said


def _collection(
    manifest: Mapping[str, Any], settings: Settings, counted: Mapping[str, Any]
) -> list[str]:
    lines = [
        [name, source["reader"], f"{source['read']:,}", f"`{source['sha256'][:16]}…`"]
        for name, source in sources_shown(manifest)
    ]
    said = [
        plain(facts.collection(manifest, settings)),
        markdown(["file", "reader", "records", "SHA-256"], lines),
    ]
    if (more := len(manifest["sources"]) - len(lines)) > 0:
        said.append(f"and {more:,} more files; manifest.json lists them all.")
    return said


def _processing(manifest: Mapping[str, Any], settings: Settings) -> list[str]:
    funnel = [
        [row.stage, f"{row.read:,}", f"{row.kept:,}", f"{row.gone:,}", row.why]
        for row in rows(manifest)
    ]
    said = [markdown(["stage", "read", "kept", "dropped", "reasons"], funnel)]
    bounds = [
        [row["stage"], row["column"], {"max": "at most", "min": "at least"}[row["side"]],
         f"{row['value']:g}", row["setting"], row["reason"] + facts.but(row)]
        for row in manifest.get("thresholds", ())
    ]  # fmt: skip
    if bounds:
        heads = ["stage", "measure", "a post stays with", "value", "setting", "else it leaves as"]
        said += ["Thresholds:", markdown(heads, bounds)]
    models = [
        [stage, name, f"`{digest}`"]
        for stage, found in manifest.get("models", {}).items()
        for name, digest in found.items()
    ]
    if models:
        said += ["Models that decide:", markdown(["stage", "file", "SHA-256"], models)]
    return [*said, "Settings:", fenced(settings.shown(), "yaml")]


def _licence(settings: Settings, counted: Mapping[str, Any]) -> list[str]:
    said = settings.said("license")
    licences = [[name, f"{count:,}"] for name, count in counted["licenses"]["top"]]
    posts = [
        "Licences that the sources state for their posts (column `license`):",
        markdown(["licence", "documents"], licences),
    ]
    own = f"The corpus is published as: {plain(said)}." if said else (
        "The plan states no licence for the corpus as a whole."
    )  # fmt: skip
    rights = "The posts are their authors', and the platforms' terms apply to them."
    return [f"{own} {rights}", *(posts if licences else [])]


def _versions(manifest: Mapping[str, Any]) -> list[str]:
    tools = ", ".join(f"{name} {number}" for name, number in manifest.get("tool", {}).items())
    plan = manifest.get("plan_fingerprint", "unknown")
    return [f"{plain(tools)}.", f"Plan fingerprint `{plan}`."]
