"""Decide what of a post is shown: nothing that is suppressed, and no text that is not redacted.

A post is hidden if it, its original, or one of its authors is on the key's suppression list, also
if no takedown has removed it from the corpus yet. Names on that list are replaced in every text. A
corpus whose plan has no stage ``pii`` is redacted here, with its default settings. Texts of
dropped posts come from ``corpus.maintenance.dropped_texts``, which hides in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from corpus import stages
from corpus.errors import CorpusError
from corpus.maintenance.dropped_texts import DroppedTexts
from corpus.maintenance.replay import BuiltCorpus
from corpus.privacy import keys, suppression
from corpus.privacy.pseudonyms import AUTHOR_COLUMNS, AUTHOR_LIST_COLUMNS
from corpus.privacy.suppression import SuppressionList
from corpus.report.language_names import name_language
from corpus.stage_names import split_address
from corpus.view.search import Matches

#: Characters of a text that are shown.
MAX_TEXT_CHARACTERS = 5_000

#: Columns that are shown in the line below a text, or not at all.
_IN_LINE = (
    "id", "text", "stage", "reason", "platform", "kind", "community", "created_at", "lang",
    "source_file", "source_row",
)  # fmt: skip


class ShownPost(NamedTuple):
    """A post as the page shows it. ``text`` is None where none is shown."""

    id: str
    side: str  # kept or dropped
    stage: str
    reason: str
    text: str | None
    characters_cut: int
    origin: tuple[str, ...]
    lang: str
    scores: tuple[str, ...]  # those that decided, or that were asked for
    values: tuple[tuple[str, str], ...]
    is_hidden: bool = False


class ShownPosts(NamedTuple):
    """The posts of a page; ``notes`` say what is not shown, and why."""

    kept: list[ShownPost]
    dropped: list[ShownPost]
    notes: list[str]


class PostPrivacy:
    """What the key of a corpus says about its posts; made anew for every page."""

    def __init__(self, corpus: BuiltCorpus, key: str | None, dumps: str | None) -> None:
        self._corpus = corpus
        self._key, self._dumps = key, dumps
        self.notes: list[str] = []
        self._listed = self._load_listed()
        self._redacts = any(split_address(each.address)[0] == "pii" for each in corpus.stages)

    def show(
        self, matches: Matches, *, dropped_texts: bool, columns: Collection[str] = ()
    ) -> ShownPosts:
        """Return the matches as they are shown, with the scores of ``columns`` before the others.

        ``dropped_texts`` looks for the texts of dropped posts.
        """
        kept = self._redact(matches.kept)
        is_hidden = self._mark_hidden(kept)
        dropped = matches.dropped
        is_dropped_hidden = self._mark_hidden(dropped)
        if dropped_texts and dropped.height:
            dropped = self._find_texts(dropped)
        return ShownPosts(
            [self._show("kept", row, hide, columns) for row, hide in _pair(kept, is_hidden)],
            [
                self._show("dropped", row, hide, columns)
                for row, hide in _pair(dropped, is_dropped_hidden)
            ],
            self.notes,
        )

    def _show(
        self, side: str, row: Mapping[str, Any], is_hidden: bool, columns: Collection[str]
    ) -> ShownPost:
        if is_hidden:
            return ShownPost("", side, "", "", None, 0, (), "", (), (), is_hidden=True)
        text = row.get("text")
        return ShownPost(
            row["id"] or "",
            side,
            row.get("stage") or "",
            row.get("reason") or "",
            text[:MAX_TEXT_CHARACTERS] if text is not None else None,
            max(0, len(text or "") - MAX_TEXT_CHARACTERS),
            tuple(_list_origin(row)),
            name_language(row["lang"]) if row.get("lang") else "",
            tuple(self._list_scores(row, columns)),
            tuple(
                (name, format_value(value))
                for name, value in row.items()
                if value is not None and name not in _IN_LINE
            ),
        )

    def _list_scores(self, row: Mapping[str, Any], columns: Collection[str]) -> Iterator[str]:
        """Yield the scores by which a post was dropped, with the threshold, and those asked for."""
        decided = set()
        for each in self._corpus.manifest.get("thresholds", ()):
            value = row.get(each["column"])
            named = (row.get("stage"), row.get("reason")) == (each["stage"], each["reason"])
            if named and value is not None:
                decided.add(each["column"])
                yield f"{each['column']} {format_value(value)} ({each['setting']} {each['value']})"
        for column in columns:
            if column not in decided and row.get(column) is not None:
                yield f"{column} {format_value(row[column])}"

    def _load_listed(self) -> SuppressionList | None:
        folder = self._corpus.path
        try:
            keys.load_corpus_key(folder, self._corpus.manifest, self._key)
        except CorpusError as error:
            self.notes.append(
                f"The suppression list cannot be read, so posts that are on it and not yet taken "
                f"down are shown: {error}."
            )
            return None
        return suppression.load(Path(self._key) if self._key else folder.parent / "corpus.key")

    def _mark_hidden(self, posts: pl.DataFrame) -> pl.Series:
        """Return which posts are suppressed: by id, by original, by author."""
        hidden = pl.repeat(False, posts.height, dtype=pl.Boolean, eager=True)
        if self._listed is None or not posts.height:
            return hidden
        for name in ("id", "cluster"):
            if name in posts.columns:
                hidden |= self._listed.mark_ids(posts[name])
        if {"kind", "parent_id"} <= set(posts.columns):  # a repost has the text of its original
            original = pl.when(pl.col("kind") == "repost").then("parent_id").alias("id")
            hidden |= self._listed.mark_ids(posts.select(original)["id"])
        if "post_ids" in posts.columns:
            hidden |= _any_in_list(posts["post_ids"], self._listed.mark_ids)
        for name in AUTHOR_COLUMNS:
            if name in posts.columns:
                hidden |= self._mark_authors(posts[name])
        for name in AUTHOR_LIST_COLUMNS:
            if name in posts.columns:
                hidden |= _any_in_list(posts[name], self._mark_authors)
        return hidden

    def _mark_authors(self, pseudonyms: pl.Series) -> pl.Series:
        assert self._listed is not None
        return pseudonyms.is_in(list(self._listed.authors)).fill_null(False)

    def _redact(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Return the posts with no detail that the plan leaves, and no name that is listed."""
        if not posts.height or "text" not in posts.columns:
            return posts
        if not self._redacts:
            posts = _redact_words(posts)
        names = self._listed.names if self._listed else ()
        return posts.with_columns(suppression.redact_names(posts["text"], names))

    def _find_texts(self, rows: pl.DataFrame) -> pl.DataFrame:
        try:
            return DroppedTexts(self._corpus.path, self._key, self._dumps).add_texts(rows)
        except (CorpusError, OSError) as error:
            reason = error if isinstance(error, CorpusError) else error.strerror
            self.notes.append(f"The texts of dropped posts cannot be read: {reason}.")
            return rows


def _redact_words(posts: pl.DataFrame) -> pl.DataFrame:
    """Return the posts with texts, and words beside them, as ``pii`` redacts by default."""
    redact = stages.build_filter("pii", "{}", lambda: b"")
    context = [name for name in ("id", "platform", "lang") if name in posts.columns]
    return posts.with_columns(
        redact(posts.select(*context, pl.col(name).alias("text")))["text"].alias(name)
        for name in ("text", "community", "license")
        if name in posts.columns and posts[name].null_count() < posts.height
    )


def _any_in_list(column: pl.Series, mark: Any) -> pl.Series:
    """Return in which rows of a column of lists any value is marked."""
    values = column.to_frame("value").with_row_index("row").explode("value")
    rows = values.filter(mark(values["value"]))["row"].unique()
    return pl.repeat(False, len(column), dtype=pl.Boolean, eager=True).scatter(rows, True)


def _pair(posts: pl.DataFrame, hidden: pl.Series) -> list[tuple[dict[str, Any], bool]]:
    return list(zip(posts.iter_rows(named=True), hidden.to_list(), strict=True))


def _list_origin(row: Mapping[str, Any]) -> list[str]:
    created = row.get("created_at")
    origin = [row.get(name) for name in ("platform", "kind", "community")]
    origin += [f"{created:%Y-%m-%d}" if isinstance(created, datetime) else None]
    if row.get("source_file"):
        origin.append(f"{row['source_file']}, row {row['source_row']}")
    return [each for each in origin if each]


def format_value(value: Any) -> str:
    """Return a value of a column in a few characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        shown = ", ".join(str(each) for each in value[:5])
        return f"{shown}, …" if len(value) > 5 else shown
    return str(value)[:300]
