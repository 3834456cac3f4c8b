"""Decide which posts a takedown removes, and what it cuts out of the texts of other people."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from corpus.conversations.documents import split_turns
from corpus.maintenance.people_names import PeopleNames
from corpus.privacy import suppression

#: A repost by its text, as it is in a finished corpus: the name may be a placeholder. A turn of a
#: conversation may have the label of its speaker before it.
_PERSON = r"(?:[@＠]\w|<HANDLE)"
_SIGN = r"(?:RT|MT|QT|Repost(?:ed)?(?: from| by)?|Regrann(?: from)?|♻️?|🔁|🔄)"
_LABEL = r"\s*+(?:[^\n:>@＠<]{1,40}:\s)?"
_REPOST_HEAD = rf"[\s\W]{{0,5}}{_SIGN}\s*+(?::\s*+)?{_PERSON}"
_REPOST = re.compile(f"(?i){_REPOST_HEAD}")
_REPOST_TURN = re.compile(f"(?i){_LABEL}{_REPOST_HEAD}")
#: The head of a repost with the names in it, to compare the rest with the original.
_HEADS = re.compile(rf"(?i)^[\s\W]{{0,5}}(?:{_SIGN}\s*+(?::\s*+)?[@＠<][^\s:,]*+[\s:,]*+)+")
#: Where an author repeats another text behind words of their own.
_REPEATED = re.compile(rf"(?i)(?:^|(?<=[\s\W]))RT\s*+(?::\s*+)?{_PERSON}")
#: A quoted line, behind the label of its speaker if it is the first of a turn.
_QUOTED_LINE = re.compile(r"^(\s*+(?:[^\s:>][^\n:>]{0,39}:\s)?)\s*+(?:>|&gt;)(.*)$")
_CUT_ENDS = " \t\n\r\"'“”„‘’«»-–—|:…"
#: Characters that two texts must share before one counts as a copy of the other's beginning.
_MIN_SHARED_CHARACTERS = 20
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
        return self._repeats_author(post) and (is_repost or is_repost_text(post))

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
        is_quotation = self._repeats_author(post) or post["id"] in self.quotations
        if is_quotation and (repeated := find_repeated_text(text)):
            text = text.removesuffix(repeated).rstrip(_CUT_ENDS)
        if removed_texts:
            text = cut_quoted_lines(text, removed_texts)
        return self.people.redact(text) if self.people else (text, 0)

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


def find_repeated_text(text: str) -> str:
    """Return the end of a text that repeats another one, from ``RT @name:`` on; or ""."""
    found = _REPEATED.search(text)
    return text[found.start() :] if found else ""


def is_repost_text(post: Mapping[str, Any]) -> bool:
    """Return whether the text of a post begins as a repost does: ``RT @name:``."""
    pattern = _REPOST_TURN if post.get("is_turn") else _REPOST
    return pattern.match(post["text"]) is not None


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


def is_copy(text: str, originals: Sequence[str]) -> bool:
    """Return whether a repost's text is one of ``originals``, or the beginning of one."""
    tail = _normalize(_HEADS.sub("", text)).rstrip("….").rstrip()
    return any(
        tail == original
        or (len(tail) >= _MIN_SHARED_CHARACTERS and original.startswith(tail))
        or (len(original) >= _MIN_SHARED_CHARACTERS and tail.startswith(original))
        for original in map(_normalize, originals)
    )


def cut_quoted_lines(text: str, originals: Sequence[str]) -> str:
    """Return a text without its quoted lines (``> …``) that are in one of ``originals``."""
    known = [_normalize(original) for original in originals]
    kept = []
    for line in text.split("\n"):
        found = _QUOTED_LINE.match(line)
        quoted = _normalize(found[2].replace("&gt;", ">").lstrip("> \t")) if found else ""
        if found is None or not quoted or not any(quoted in each for each in known):
            kept.append(line)
        elif found[1].strip():
            kept.append(found[1])
    lines = "\n".join(kept)
    return text if lines == text else lines.strip("\n")


def _normalize(text: str) -> str:
    return " ".join(text.casefold().split())
