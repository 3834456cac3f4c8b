"""Decide which posts a takedown removes, and what it cuts out of the texts of other people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from corpus.conversations.documents import split_turns
from corpus.maintenance.people_names import PeopleNames
from corpus.privacy import suppression
from corpus.privacy.repeated_texts import (
    QUOTED_LINE_PATTERN,
    cut_known_lines,
    cut_quoted_lines,
    cut_repeated_text,
    is_repost_text,
    list_lines,
    list_quoted_lines,
    normalize,
)

#: The columns of a post by which it is found.
POST_COLUMNS = ("id", "author", "original_author", "kind", "parent_id", "cluster")
#: The same of a document's turns.
TURN_COLUMNS = {"id": "post_ids", "author": "authors", "original_author": "original_authors"}


@dataclass
class TakedownRequest:
    """The posts to remove: ids, and pseudonyms of authors, as the corpus has them."""

    ids: frozenset[str]
    authors: frozenset[str]
    #: Names by which texts call the authors, as pseudonyms: each with its authors.
    names: Mapping[str, Collection[str]] = field(default_factory=dict)
    #: The people whose names are replaced in the texts of others; null for none.
    people: PeopleNames | None = None
    #: What adding the request to the suppression list did; None if it was not added.
    listed: suppression.Addition | None = None
    #: Posts that repeat a requested post, which the takedown has found.
    copies: set[str] = field(default_factory=set)
    #: Posts that repeat a requested post behind words of their own.
    quotations: set[str] = field(default_factory=set)
    #: The lines of removed texts that are cut wherever they are quoted, as words.
    removed_lines: set[str] = field(default_factory=set)

    def match_rows(self, rows: pl.DataFrame) -> pl.Series:
        """Return for each row whether it is, or contains, a post to remove or to cut."""
        ids, authors = [*self.ids, *self.copies, *self.quotations], list(self.authors)
        originals = [*self.authors, *self.names]
        tests = [_is_repost(rows) & _column(rows, "parent_id").is_in(list(self.ids))]
        for column, wanted in (("id", ids), ("author", authors), ("original_author", originals)):
            if "post_ids" in rows.columns:
                lists = _column(rows, TURN_COLUMNS[column], pl.List(pl.String))
                tests.append(lists.list.eval(pl.element().is_in(wanted)).list.any())
            else:
                tests.append(_column(rows, column).is_in(wanted))
        is_match = pl.any_horizontal(test.fill_null(False) for test in tests)
        return rows.select(is_match).to_series()

    def is_removed(self, post: Mapping[str, Any]) -> bool:
        """Return whether a post, with its ``text``, is removed and not cut."""
        if post["id"] in self.ids or post["id"] in self.copies or post["author"] in self.authors:
            return True
        is_repost = post.get("kind") == "repost"
        if is_repost and post.get("parent_id") in self.ids:
            return True
        return self._repeats_author(post) and (is_repost or begins_as_repost(post))

    def _repeats_author(self, post: Mapping[str, Any]) -> bool:
        original = post.get("original_author")
        return original in self.authors or original in self.names

    def forget_originals(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a kept row without the requested authors as authors of what it repeats."""
        changed: dict[str, Any] = {}
        if self._repeats_author(row):
            changed["original_author"] = None
        if row.get("original_authors"):
            changed["original_authors"] = [
                None if self._repeats_author({"original_author": each}) else each
                for each in row["original_authors"]
            ]
        return row | changed

    def edit_text(self, post: Mapping[str, Any], removed_texts: Sequence[str]) -> tuple[str, int]:
        """Return the text of a post that is kept, without what it repeats of removed ones.

        Also returns how many names of people were replaced in it.
        """
        text: str = post["text"]
        if self._repeats_author(post) or post["id"] in self.quotations:
            text = cut_repeated_text(text)
        if removed_texts:
            known = [normalize(removed) for removed in removed_texts]
            text = cut_quoted_lines(text, lambda line: any(line in each for each in known))
        return self.edit_other_text(text)

    def edit_other_text(self, text: str) -> tuple[str, int]:
        """Return a text without lines and names of the request; and how many names it had."""
        if self.removed_lines:
            text = cut_known_lines(text, self.removed_lines)
        return self.people.redact(text) if self.people else (text, 0)

    def add_removed_texts(self, texts: pl.Series, *, are_turns: bool) -> None:
        """Have the lines of removed texts cut wherever they are quoted; the texts may be null."""
        for text in texts.drop_nulls():
            self.removed_lines |= list_lines(text, is_turn=are_turns)

    @property
    def edits_other_texts(self) -> bool:
        """Whether the request has lines or names to look for in every text."""
        return bool(self.removed_lines) or self.people is not None

    def mark_other_texts(self, texts: pl.Series) -> pl.Series:
        """Return which texts quote a line of a removed one, or may have a name to replace."""
        is_quoting = self._mark_quoting(texts)
        return is_quoting | self.people.mark(texts) if self.people is not None else is_quoting

    def _mark_quoting(self, texts: pl.Series) -> pl.Series:
        found = pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True)
        if not self.removed_lines:
            return found
        rows = texts.str.contains(QUOTED_LINE_PATTERN).fill_null(False).arg_true()
        quotes = [
            not self.removed_lines.isdisjoint(list_quoted_lines(text))
            for text in texts.gather(rows)
        ]
        return found.scatter(rows.filter(pl.Series(quotes, dtype=pl.Boolean)), True)

    def find_matches(self, posts: Sequence[Mapping[str, Any]]) -> set[str]:
        """Return the requested ids and authors that some posts to remove or to cut show."""
        shown: set[str | None] = set()
        for post in posts:
            original = post.get("original_author")
            shown |= {post["id"], post["author"], original, *self.names.get(original or "", ())}
            if post.get("kind") == "repost":
                shown.add(post.get("parent_id"))
        return {name for name in shown if name in self.ids or name in self.authors}


def _column(rows: pl.DataFrame, name: str, dtype: Any = pl.String) -> pl.Expr:
    return pl.col(name) if name in rows.columns else pl.lit(None, dtype)


def _is_repost(rows: pl.DataFrame) -> pl.Expr:
    return (_column(rows, "kind") == "repost").fill_null(False)


def begins_as_repost(post: Mapping[str, Any]) -> bool:
    """Return whether the text of a post begins as a repost does: ``RT @name:``."""
    return is_repost_text(post["text"], is_turn=bool(post.get("is_turn")))


def list_posts(row: Mapping[str, Any], joiner: str) -> list[dict[str, Any]]:
    """Return the posts of a row of a shard: the row itself, or the turns of a document."""
    if "post_ids" not in row:
        return [dict(row)]
    texts = split_turns(row, joiner)  # type: ignore[arg-type]
    posts = []
    for number, (name, author) in enumerate(zip(row["post_ids"], row["authors"], strict=True)):
        originals = row.get("original_authors")
        post = {
            "id": name,
            "author": author,
            "original_author": originals[number] if originals else None,
            "text": texts[number] if len(texts) == len(row["post_ids"]) else row["text"],
            "is_turn": len(row["post_ids"]) > 1,
        }
        # The kind and the parent of a document are those of its first turn.
        posts.append(post | ({} if number else {n: row.get(n) for n in ("kind", "parent_id")}))
    return posts
