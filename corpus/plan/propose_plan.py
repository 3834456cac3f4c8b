"""Propose a plan for the sources that were found in a folder, as YAML with comments."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import polars as pl
import yaml

from corpus import readers, stages
from corpus.plan import first_records
from corpus.plan.find_sources import FoundSource, Survey
from corpus.plurals import pluralize

#: The first line of a plan that is proposed; a plan that begins with it may be replaced.
HEAD = "# A plan that `corpus init` wrote."
#: A language is kept if it has this share of the first posts.
_MIN_SHARE = 0.03
_MAX_LANGUAGES = 12
_MAX_NAMED = 20
_UNDETERMINED = "und"


@dataclass(frozen=True)
class Languages:
    """The languages of the first posts of all sources."""

    posts: int
    shares: Mapping[str, float]  # of the posts, the largest first

    @property
    def common(self) -> list[str]:
        """Those worth keeping; English if there are none."""
        found = [
            language
            for language, share in self.shares.items()
            if share >= _MIN_SHARE and language != _UNDETERMINED
        ]
        return found[:_MAX_LANGUAGES] or ["en"]


def count_languages(sources: Sequence[FoundSource]) -> Languages:
    """Identify the languages of the first posts of each source."""
    texts = [
        posts
        for source in sources
        if not source.problem
        and (posts := first_records.read_first_posts(source.make_source(), source.files[0])).height
    ]
    if not texts:
        return Languages(0, {})
    posts = pl.concat(texts, how="diagonal_relaxed")
    identified = stages.build_filter("language", "{}")(posts)["lang"]
    counts = Counter(identified.fill_null(_UNDETERMINED).to_list())
    return Languages(
        posts.height, {name: count / posts.height for name, count in counts.most_common()}
    )


def propose_plan(survey: Survey, languages: Languages, out: str) -> str:
    """Return the YAML of a plan that builds the found sources to the folder ``out``.

    A source that lacks a setting is commented out, unless there is no other one.
    """
    return "\n".join([*_propose(survey, languages, out), ""])


def _propose(survey: Survey, languages: Languages, out: str) -> Iterator[str]:
    yield HEAD
    yield "# Check it with `corpus check FILE`, build it with `corpus build FILE`."
    yield "# `corpus readers NAME` and `corpus filters NAME` describe all settings."
    yield ""
    yield "sources:"
    is_any_complete = any(not source.problem for source in survey.sources)
    for source in survey.sources:
        yield from _propose_source(source, is_any_complete)
    yield from _list_names("No reader knows these files", survey.unknown)
    yield from _list_names("Not looked into, since builds wrote them", survey.corpora)
    yield from _list_names("There is no permission to read these", survey.unreadable)
    yield ""
    yield "stages:"
    yield "  # Drops what was deleted, is private or has opted out; it comes first."
    yield "  - consent: {}"
    yield "  # At most so many posts of one author; drops accounts that look like bots."
    yield "  # - authors: {}"
    yield "  # One form of Unicode, spaces and links, before anything measures the text."
    yield "  - normalise: {}"
    yield from _propose_languages(languages)
    yield "  # Drops posts that are too short, or consist of links, tags or repetition."
    yield "  - quality: {preset: social}"
    yield "  # Drops posts that a model scores as abusive; 1 drops none."
    yield "  - toxicity: {max_score: 0.8}"
    yield "  # Keeps one of posts that are nearly the same."
    yield "  - dedup: {jaccard: 0.8}"
    yield "  # Limits links, tags and phrases that a few accounts push."
    yield "  - influence: {}"
    yield "  # Makes threads into documents; without it each post is one."
    yield "  # - conversations: {mode: tree, min_posts: 2}"
    yield "  # Replaces e-mail addresses, phone numbers, card numbers and the like by placeholders."
    yield "  - pii: {profile: contact}"
    yield ""
    yield "# The key for pseudonyms is corpus.key beside this folder: keep it, and keep it secret."
    yield f"output: {{path: {_quote(out)}}}"


def _propose_source(source: FoundSource, is_any_complete: bool) -> Iterator[str]:
    summary = str(readers.find(source.reader).__doc__).strip().splitlines()[0]
    files = pluralize(len(source.files), "file")
    yield f"  # {summary.removeprefix('Read ')[:1].upper()}{summary.removeprefix('Read ')[1:]}"
    yield f"  # {files}, {format_size(source.size_bytes)}"
    mark = ""
    if source.problem:
        yield f"  # It lacks a setting: {_printable(source.problem)}"
        mark = "# " if is_any_complete else ""
    yield f"  {mark}- {source.reader}:"
    for name, value in source.settings.items():
        yield f"  {mark}    {name}: {_quote(value)}"
    yield from _propose_agreement(source)


def _propose_agreement(source: FoundSource) -> Iterator[str]:
    """The setting without which private posts are not used, as a comment."""
    setting = readers.find(source.reader).Config.model_fields.get("consented")
    if setting is not None:
        yield f"      # {setting.description}"
        yield "      # consented: true"


def _propose_languages(languages: Languages) -> Iterator[str]:
    if languages.posts:
        shares = [f"{name} {share:.0%}" for name, share in languages.shares.items()][:8]
        yield f"  # Of the first {languages.posts:,} posts: {', '.join(shares)}."
    yield "  # Keeps posts in these languages; add or remove codes."
    codes = ", ".join(f"'{code}'" if code == "no" else code for code in languages.common)
    yield f"  - language: {{keep: [{codes}]}}"


def _list_names(title: str, names: Sequence[str]) -> Iterator[str]:
    if not names:
        return
    yield f"  # {title}:"
    for name in names[:_MAX_NAMED]:
        yield f"  #   {_printable(name)}"
    if len(names) > _MAX_NAMED:
        yield f"  #   and {len(names) - _MAX_NAMED:,} more"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _quote(value: Any) -> str:
    """A value as JSON, which is YAML too; a simple path without quotes."""
    if isinstance(value, str) and PurePath(value).as_posix() == value and _is_plain(value):
        return value
    shown = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20
    )
    shown = shown.removesuffix("\n").removesuffix("\n...")
    # A column's name may hold control characters, as a post may.
    return shown if shown.isprintable() else json.dumps(value)


def format_size(size_bytes: int) -> str:
    """Return a number of bytes in kB, MB or GB."""
    for unit, divisor in (("GB", 10**9), ("MB", 10**6)):
        if size_bytes >= divisor:
            return f"{size_bytes / divisor:,.1f} {unit}"
    return f"{size_bytes / 1000:,.1f} kB"


def _is_plain(text: str) -> bool:
    return text[:1].isalpha() and all(letter.isalnum() or letter in "/._-" for letter in text)
