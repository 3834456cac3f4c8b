"""Make the pages: posts that match a search, and thresholds to move."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from corpus.errors import CorpusError, PlanError
from corpus.journal import read_consistently
from corpus.maintenance.replay import BuiltCorpus
from corpus.report.language_names import label_language
from corpus.report.statistics import load_statistics
from corpus.report.templates import html_environment, read_style
from corpus.view import thresholds
from corpus.view.search import (
    MAX_MATCHES,
    PAGE_POSTS,
    Matches,
    Search,
    find_matches,
    list_reasons,
    list_scores,
)
from corpus.view.shown_posts import PostPrivacy, ShownPost

_NO_TEXTS = (
    "The ledger of dropped posts has no texts. Tick “texts of dropped posts” to look for them in "
    "work/, or in the dumps, which are read again."
)


class Page(NamedTuple):
    """A page: the HTML, and the HTTP status that it is sent with."""

    html: str
    status: int = 200


class Link(NamedTuple):
    """Where another page of the results is."""

    label: str
    address: str


class Pages:
    """Makes the pages of the corpus at ``folder``; each is made of what the corpus is then.

    ``key`` and ``dumps`` are what :class:`~corpus.maintenance.dropped_texts.DroppedTexts` needs.
    """

    def __init__(self, folder: Path, key: str | None = None, dumps: str | None = None) -> None:
        self.folder = folder
        self._key, self._dumps = key, dumps

    def make_posts_page(self, fields: Mapping[str, str]) -> Page:
        """Return the page of the posts that match the fields of the form."""
        return read_consistently(self.folder, lambda: self._make_posts_page(fields))

    def make_thresholds_page(self, fields: Mapping[str, str]) -> Page:
        """Return the page of the thresholds, and of what those in ``fields`` would change."""
        return read_consistently(self.folder, lambda: self._make_thresholds_page(fields))

    def _make_posts_page(self, fields: Mapping[str, str]) -> Page:
        corpus = BuiltCorpus(self.folder)
        error, search, matches = "", Search(), None
        try:
            search = Search.parse(fields)
            matches = find_matches(corpus, search)
        except PlanError as wrong:
            error = str(wrong)
        context: dict[str, Any] = {"posts": [], "notes": [], "count": "", "links": []}
        if matches is not None:
            privacy = PostPrivacy(corpus, self._key, self._dumps)
            columns = [search.score] if search.score else []
            shown = privacy.show(matches, dropped_texts=search.dropped_texts, columns=columns)
            posts = [*shown.kept, *shown.dropped]
            context |= {
                "posts": posts,
                "notes": [*shown.notes, *_list_notes(search, posts)],
                "count": _format_count(search, matches),
                "links": _list_links(search, matches),
            }
        choices = self._list_choices(corpus)
        more = (search.lang, search.platform, search.file, search.id, search.score)
        return self._render(
            "posts.html.jinja",
            error,
            search=search,
            choices=choices,
            has_more_filters=any(more),
            **context,
        )

    def _make_thresholds_page(self, fields: Mapping[str, str]) -> Page:
        corpus = BuiltCorpus(self.folder)
        settings = thresholds.list_settings(corpus, fields)
        error, moved = "", []
        posts: dict[str, list[ShownPost]] = {}
        notes: list[str] = []
        try:
            proposals = thresholds.parse_moves(settings)
            if proposals:
                moved = thresholds.move(corpus, proposals)
        except CorpusError as wrong:
            error = str(wrong)
        if moved:
            privacy = PostPrivacy(corpus, self._key, self._dumps)
            matches = thresholds.find_changed_posts(corpus, moved)
            shown = privacy.show(
                matches,
                dropped_texts=bool(fields.get("dropped_texts")),
                columns=[
                    each.column for stage in settings for each in stage.settings if each.is_moved
                ],
            )
            notes = shown.notes
            if shown.dropped and not fields.get("dropped_texts"):
                notes = [*notes, _NO_TEXTS]
            for side in ("kept", "dropped"):
                for post in getattr(shown, side):
                    posts.setdefault(f"{side} {post.id}", []).append(post)
        return self._render(
            "thresholds.html.jinja",
            error,
            stages=settings,
            moved=[_add_posts(each, posts) for each in moved],
            notes=notes,
            taken_down=corpus.taken_down_posts if moved else 0,
            dropped_texts=bool(fields.get("dropped_texts")),
        )

    def _list_choices(self, corpus: BuiltCorpus) -> dict[str, Any]:
        statistics = load_statistics(self.folder)
        languages = (statistics["languages"] or {"top": []})["top"]
        reasons = list_reasons(corpus)
        return {
            "stages": [(stage, sum(counts.values())) for stage, counts in reasons.items()],
            "reasons": sorted({reason for counts in reasons.values() for reason in counts}),
            "languages": [(row[0], label_language(row[0])) for row in languages],
            "platforms": [name for name, _ in statistics["platforms"]["top"]],
            "scores": list_scores(corpus),
        }

    def _render(self, template: str, error: str, **context: Any) -> Page:
        html = (
            html_environment("corpus.view")
            .get_template(template)
            .render(
                title=self.folder.resolve().name,
                error=error,
                max_matches=MAX_MATCHES,
                **context,
            )
        )
        return Page(html, 400 if error else 200)


@cache
def read_styles() -> str:
    """Return the style of the pages: that of the report, and what the forms need."""
    own = (files("corpus.view") / "view.css").read_text(encoding="utf-8")
    return f"{read_style()}\n{own}"


def _format_count(search: Search, matches: Matches) -> str:
    if not matches.count:
        return "No post matches."
    first = (search.page - 1) * PAGE_POSTS + 1
    last = min(first + PAGE_POSTS - 1, matches.count)
    counts = []
    for count, words in (
        (matches.kept_count, "kept"),
        (matches.dropped_count, "dropped"),
    ):
        if count:
            more = "more than " if matches.more and count == MAX_MATCHES else ""
            counts.append(f"{more}{count:,} {words}")
    shown = f"{first:,} to {last:,}" if last > first else f"{first:,}"
    where = f"Shown: {shown}." if first <= last else "There is no such page."
    found = " and ".join(counts)
    return f"{found[0].upper()}{found[1:]}. {where}"


def _list_notes(search: Search, posts: list[ShownPost]) -> list[str]:
    notes = []
    if search.text and search.side != "kept":
        notes.append(
            "Words are searched in kept posts only: the ledger of dropped posts has no texts."
        )
    if any(post.side == "dropped" for post in posts) and not search.dropped_texts:
        notes.append(_NO_TEXTS)
    return notes


def _list_links(search: Search, matches: Matches) -> list[Link]:
    links = []
    if search.page > 1:
        links.append(_make_link("Previous page", search, min(search.page - 1, matches.pages)))
    if search.page < matches.pages:
        links.append(_make_link("Next page", search, search.page + 1))
    return links


def _make_link(label: str, search: Search, page: int) -> Link:
    return Link(label, f"?{urlencode({**search.list_fields(), 'page': str(page)})}")


def _add_posts(moved: thresholds.Moved, posts: Mapping[str, list[ShownPost]]) -> dict[str, Any]:
    """Return what a template needs: the counts, and the posts that would change sides."""
    leaving = [post for name in moved.leaving for post in posts.get(f"kept {name}", ())]
    returning = [
        post
        for name in moved.returning
        for post in posts.get(f"dropped {name}", ())
        if post.stage == moved.stage
    ]
    return {**moved._asdict(), "leaving": leaving, "returning": returning}
