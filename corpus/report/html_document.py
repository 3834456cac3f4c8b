"""A page's frame: sections under headings, and a policy that lets nothing in from outside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from corpus.report.markup import Child, Markup, join_children, tag


@dataclass(frozen=True)
class Section:
    """A part of the page, under a heading that can be jumped to."""

    name: str
    label: str  # in the list of sections
    heading: str
    content: Sequence[Child]


def make_section(
    name: str, label: str, heading: str, content: Iterable[Child] | None
) -> Section | None:
    """A section, unless there is nothing to say in it."""
    found = [child for child in content or () if child]
    return Section(name, label, heading, found) if found else None


def render_document(
    title: str, head: Sequence[Child], sections: Sequence[Section | None], data: object
) -> str:
    """The whole page. The policy lets in its own style and script, by hash, and nothing else."""
    style, script = _read_asset("style.css"), _read_asset("script.js")
    policy = (
        f"default-src 'none'; style-src 'sha256-{_hash_for_policy(style)}'; "
        f"script-src 'sha256-{_hash_for_policy(script)}'; base-uri 'none'; form-action 'none'"
    )
    there = [part for part in sections if part]
    links = [tag("li", tag("a", part.label, href=f"#{part.name}")) for part in there]
    parts = [
        tag("section", tag("h2", part.heading, id=f"{part.name}-h"), part.content,
            id=part.name, aria_labelledby=f"{part.name}-h")
        for part in there
    ]  # fmt: skip
    # "<" as an escape: no text in the data can end the element that holds it.
    told = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return join_children(
        [
            Markup('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
            tag("title", f"{title}: report"),
            Markup('<meta name="viewport" content="width=device-width,initial-scale=1">'),
            Markup('<meta name="color-scheme" content="light dark">'),
            tag("style", Markup(style)),
            Markup("</head><body>"),
            tag("a", "Skip to the report", href="#main", class_="skip"),
            tag("header", head),
            tag("nav", tag("ul", links), aria_label="Sections"),
            tag("main", parts, id="main", tabindex="-1"),
            tag("script", Markup(told), type="application/json", id="data"),
            tag("script", Markup(script)),
            Markup("</body></html>\n"),
        ]
    )


def _read_asset(name: str) -> str:
    return (files("corpus.report") / name).read_text(encoding="utf-8")


def _hash_for_policy(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
