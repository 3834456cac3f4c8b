"""Find what repeats removed posts in the posts of a build: references, quotations, reposts by text.

A takedown finds these in a finished corpus. A build must find them in dumps, where a post that is
on the suppression list, or that its author or platform has withdrawn, may be in another file than
what repeats it. So each removed post leaves rows like those of tombstones, with the targets
:data:`corpus.schema.REMOVED_TARGETS`. Their values are hashes under a key that is derived from the
corpus's: no row contains an id, a name or a word.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import polars as pl

from corpus.privacy import repeated_texts
from corpus.privacy.suppression import REASON, SuppressionList
from corpus.privacy.tombstones import TombstoneTable, name_reasons
from corpus.schema import TOMBSTONE

_REFERENCES = ("parent_id", "root_id", "accepted_id")
#: What a withdrawal says of the reposts of the post. The other reasons are states of one copy.
_OF_REPOSTS = ("deleted", "removed", "deleted_later", "opted_out", "protected", "withheld", "away")


# --------------------------------------------------------------------------- removed posts


def describe_listed(listed: SuppressionList, posts: pl.DataFrame) -> pl.DataFrame:
    """The rows of posts that the suppression list removes."""
    hash_value = _make_hash(listed.key)
    is_author = _mark_authors(listed, posts, "author") | _mark_authors(listed, posts, "author_name")
    marked = posts.with_columns(_is_author=is_author, _is_asked=listed.mark_ids(posts["id"]))
    rows: list[tuple[str, str]] = []
    for post in marked.iter_rows(named=True):
        name, text = post["id"], post["text"] or ""
        rows.append(("removed_id", name))
        rows += [("removed_words", f"{name}\n{gram}") for gram in repeated_texts.list_grams(text)]
        rows += [("removed_line", line) for line in sorted(repeated_texts.list_lines(text))]
        if post["_is_author"]:
            rows += [("removed_author", author) for author in _list_authors(post)]
        elif post["_is_asked"]:
            rows += _describe_text(post)
    return _make_frame(((target, hash_value(value), REASON) for target, value in rows))


def describe_withdrawn(posts: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The rows of posts that are withdrawn, by which reposts of their texts are found."""
    hash_value = _make_hash(key)
    is_meant = pl.col("withdrawn").is_in(_OF_REPOSTS) & (pl.col("kind") != "repost").fill_null(True)
    return _make_frame(
        (target, hash_value(value), post["withdrawn"])
        for post in posts.filter(is_meant).iter_rows(named=True)
        for target, value in _describe_text(post)
    )


def mark_repeating(posts: pl.DataFrame) -> pl.Series:
    """A mask of the posts that repeat another author's text without naming the post in a column."""
    is_repost = (pl.col("kind") == "repost").fill_null(False)
    names_post = is_repost & pl.col("parent_id").is_not_null()
    return posts.select(pl.col("original_author").is_not_null() & ~names_post).to_series()


def _describe_text(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    *prefixes, whole = repeated_texts.list_prefixes(repeated_texts.normalize(post["text"] or ""))
    for author in _list_authors(post) if whole else ():
        yield "removed_text", f"{author}\n{whole}"
        for prefix in (*prefixes, whole):
            yield "removed_beginning", f"{author}\n{prefix}"


def _list_authors(post: Mapping[str, Any]) -> list[str]:
    """The names by which texts call the author of a post."""
    names = [post["author"], post.get("author_name")]
    return [_qualify(post["platform"], name) for name in names if name]


def _qualify(platform: str | None, name: str) -> str:
    return f"{platform}:{name.lower()}"


def _make_frame(rows: Iterable[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, None) for row in rows], schema=dict(TOMBSTONE), orient="row"
    ).unique(maintain_order=True)


def _make_hash(key: bytes) -> Any:
    derived = hmac.digest(key, b"corpus removed posts", "sha256")

    @lru_cache(maxsize=1 << 16)
    def hash_value(value: str) -> str:
        return hmac.digest(derived, value.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    return hash_value


def _mark_authors(listed: SuppressionList, posts: pl.DataFrame, column: str) -> pl.Series:
    if column not in posts.columns:
        return pl.repeat(False, posts.height, dtype=pl.Boolean, eager=True)
    qualified = pl.concat_str("platform", pl.lit(":"), column).alias("author")
    return listed.mark_authors(posts.select(qualified)["author"])


# --------------------------------------------------------------------------- what repeats them


class RepeatRemover:
    """Removes from posts what repeats the posts of some tables, and of a suppression list."""

    def __init__(self, tables: Sequence[TombstoneTable], listed: SuppressionList) -> None:
        self._tables = tables
        self._listed = listed
        self._hash = _make_hash(listed.key)

    def __call__(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts without reposts, quotations and ids of suppressed posts.

        Reposts of withdrawn posts are marked as withdrawn. A post of which nothing is left is
        removed.
        """
        references = [posts[name] for name in _REFERENCES]
        ids = pl.concat(references).unique().drop_nulls().sort()
        described = self._find("removed_id", ids)
        gone = {*described, *ids.filter(self._listed.mark_ids(ids))}
        posts = self._cut_known_lines(self._remove_texts(posts, gone))
        if not gone:
            return posts
        posts = self._cut_quoted_lines(posts, gone, described)
        is_repost = (pl.col("kind") == "repost") & pl.col("parent_id").is_in(list(gone))
        posts = posts.filter(~is_repost.fill_null(False))
        return posts.with_columns(
            pl.when(~pl.col(name).is_in(list(gone))).then(pl.col(name)) for name in _REFERENCES
        )

    def _remove_texts(self, posts: pl.DataFrame, gone: Collection[str]) -> pl.DataFrame:
        """Remove, mark or cut the posts that repeat a text after ``RT @name:``."""
        rows = mark_repeating(posts).arg_true()
        if not len(rows):
            return posts
        repeating = posts[rows]
        is_listed = _mark_authors(self._listed, repeating, "original_author")
        found = [_Repeat(post) for post in repeating.iter_rows(named=True)]
        authors = self._find("removed_author", (each.author for each in found))
        beginnings = self._find("removed_beginning", (each.keys[-1] for each in found if each.keys))
        texts = self._find("removed_text", (key for each in found for key in each.keys))
        changed: dict[int, dict[str, Any]] = {}
        for row, each, of_listed in zip(rows, found, is_listed, strict=True):
            reasons = {texts.get(key) for key in each.keys} | {
                authors.get(each.author),
                beginnings.get(each.keys[-1]) if each.keys else None,
                REASON if of_listed else None,
            }
            if new := each.change(reasons - {None}):
                of_author = of_listed or each.author in authors
                changed[row] = new | ({"original_author": None} if of_author else {})
        return _apply(posts, changed)

    def _cut_known_lines(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Cut the quoted lines that are lines of suppressed posts, whatever they answer."""
        if not self._listed.lines:
            return posts
        has_quotation = posts["text"].str.contains(repeated_texts.QUOTED_LINE_PATTERN)
        rows = has_quotation.fill_null(False).arg_true()
        texts = posts["text"].gather(rows).to_list()
        quoted = [repeated_texts.list_quoted_lines(text) for text in texts]
        found = self._find("removed_line", sorted(set().union(*quoted)))
        changed: dict[int, dict[str, Any]] = {}
        for row, text, lines in zip(rows, texts, quoted, strict=True):
            if not lines.isdisjoint(found):
                changed[row] = {"text": repeated_texts.cut_known_lines(text, found)}
        return _apply(posts, changed)

    def _cut_quoted_lines(
        self, posts: pl.DataFrame, gone: Collection[str], described: Collection[str]
    ) -> pl.DataFrame:
        """Cut the lines of replies that quote a removed post.

        If the build has not read it, all quoted lines of a reply to it count as such.
        """
        is_reply = pl.any_horizontal(pl.col("parent_id", "root_id").is_in(list(gone)))
        has_quotation = pl.col("text").str.contains(repeated_texts.QUOTED_LINE_PATTERN)
        rows = posts.select((is_reply & has_quotation).fill_null(False)).to_series().arg_true()
        changed: dict[int, dict[str, Any]] = {}
        for row in rows:
            post = posts.row(row, named=True)
            parents = {post["parent_id"], post["root_id"]} & set(described)
            is_unknown = post["parent_id"] in gone and post["parent_id"] not in described
            is_removed = partial(self._has_words, parents)
            text = repeated_texts.cut_quoted_lines(
                post["text"], (lambda _: True) if is_unknown else is_removed
            )
            if text != post["text"]:
                changed[row] = {"text": text}
        return _apply(posts, changed)

    def _has_words(self, names: Collection[str], line: str) -> bool:
        """Whether one of some removed posts has the words of a quoted line."""
        grams = repeated_texts.list_line_grams(line)
        return bool(grams) and any(
            len(self._find("removed_words", (f"{name}\n{gram}" for gram in grams))) == len(grams)
            for name in names
        )

    def _find(self, target: str, values: Iterable[str]) -> dict[str, str]:
        """Those of some values that the tables have for a target, with the reason."""
        distinct = list(dict.fromkeys(values))
        hashed = pl.Series([self._hash(value) for value in distinct], dtype=pl.String)
        found: dict[str, str] = {}
        for table in self._tables if distinct else ():
            matches = table.look_up(hashed, target).sort("_row", "reason", descending=[False, True])
            for row, reason in zip(matches["_row"], name_reasons(matches), strict=True):
                if found.get(distinct[row]) != REASON:
                    found[distinct[row]] = reason
        return found


class _Repeat:
    """A post that repeats another author's text."""

    def __init__(self, post: Mapping[str, Any]) -> None:
        self._post = post
        self.author = _qualify(post["platform"], post["original_author"])
        text = post["text"] or ""
        self._is_repost = post["kind"] == "repost" or repeated_texts.is_repost_text(text)
        repeated = text if self._is_repost else repeated_texts.find_repeated_text(text)
        words = repeated_texts.normalize_repost(repeated)
        #: Of the author and the beginnings of the text that it repeats.
        prefixes = repeated_texts.list_prefixes(words) if words else ()
        self.keys = [f"{self.author}\n{prefix}" for prefix in prefixes]

    def change(self, reasons: Collection[str | None]) -> dict[str, Any]:
        """What becomes of the post, whose original is removed for some reasons."""
        if not reasons:
            return {}
        if REASON not in reasons:
            if not self._is_repost or self._post["withdrawn"] is not None:
                return {}
            return {"withdrawn": min(reasons, key=lambda each: _OF_REPOSTS.index(str(each)))}
        if self._is_repost:
            return {"text": ""}
        return {"text": repeated_texts.cut_repeated_text(self._post["text"])}


def _apply(posts: pl.DataFrame, changed: Mapping[int, Mapping[str, Any]]) -> pl.DataFrame:
    """The posts with new values of some rows; a post whose new text is blank is removed."""
    if not changed:
        return posts
    columns = []
    for name in sorted({name for new in changed.values() for name in new}):
        rows = [row for row, new in changed.items() if name in new]
        values = pl.Series([changed[row][name] for row in rows], dtype=pl.String)
        columns.append(posts[name].clone().scatter(pl.Series(rows), values))
    blank = [row for row, new in changed.items() if "text" in new and not new["text"].strip()]
    return posts.with_columns(columns).filter(~pl.int_range(pl.len()).is_in(blank))
