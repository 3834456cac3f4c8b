"""Replace ids and authors by keyed pseudonyms, which nobody can trace back without the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from corpus.privacy import keys
from corpus.privacy.personal_pages import find_owner

IdStyle = Literal["keyed", "original"]
#: The columns that hold a post's id, in any frame.
ID_COLUMNS = ("id", "parent_id", "root_id", "accepted_id", "cluster")
#: The columns that hold a person, and those that hold the people of a document's turns.
AUTHOR_COLUMNS = ("author", "original_author")
AUTHOR_LIST_COLUMNS = ("authors", "original_authors")

#: Fewer names than this are hashed in Python: loading the compiled loop would take longer.
_MIN_COMPILED_NAMES = 1000


@dataclass(frozen=True)
class PseudonymSettings:
    """How ids and authors are replaced, as a task holds it: the file of the key, not the key."""

    key_path: Path | str
    ids: IdStyle

    def key_id(self) -> str:
        """The public identifier of the key."""
        return keys.key_id(keys.load_key(self.key_path))

    def load(self) -> Pseudonymizer:
        """Read the key; return the functions that use it."""
        return Pseudonymizer(keys.load_key(self.key_path), self.ids)


class Pseudonymizer:
    """Replaces ids and authors by their pseudonyms under one key."""

    def __init__(self, key: bytes, ids: IdStyle) -> None:
        self._key = key
        self._id_pseudonymizer: Callable[[str], str] | None = (
            keys.make_id_pseudonymizer(key) if ids == "keyed" else None
        )

    def pseudonymize_authors(self, names: pl.Series) -> pl.Series:
        """Pseudonyms of ``platform:author``; null for null."""
        return _map_values(
            names,
            lambda name: keys.pseudonymize_author(name, self._key),
            lambda plain: _hash_authors(plain, self._key),
        )

    def pseudonymize_ids(self, ids: pl.Series) -> pl.Series:
        """The ids in the output, for the ids of the dumps; unchanged if the plan keeps them."""
        if self._id_pseudonymizer is None:
            return ids
        return _map_values(ids, self._id_pseudonymizer, lambda plain: _hash_ids(plain, self._key))

    def pseudonymize_id(self, name: str | None) -> str | None:
        """The id in the output, for one id of the dumps."""
        return self._id_pseudonymizer(name) if self._id_pseudonymizer and name is not None else name

    def replace_id_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with pseudonyms in every column of ids."""
        if self._id_pseudonymizer is None:
            return frame
        columns = [name for name in ID_COLUMNS if name in frame.columns]
        frame = frame.with_columns(
            self.pseudonymize_ids(frame[name]).alias(name) for name in columns
        )
        if "post_ids" in frame.columns:
            frame = frame.with_columns(_map_lists(frame["post_ids"], self.pseudonymize_ids))
        return frame

    def replace_author_columns(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The frame with pseudonyms of all people: authors, and owners of personal communities."""
        authors = posts.select(pl.concat_str("platform", pl.lit(":"), "author")).to_series()
        for column in AUTHOR_COLUMNS:
            if column in posts.columns:
                raw = posts.select(pl.concat_str("platform", pl.lit(":"), column)).to_series()
                posts = posts.with_columns(self.pseudonymize_authors(raw).alias(column))
        for column in AUTHOR_LIST_COLUMNS:
            if column in posts.columns:
                turns = posts.select("platform", column).with_row_index("_row").explode(column)
                names = turns.select(pl.concat_str("platform", pl.lit(":"), column)).to_series()
                listed = turns.select("_row", self.pseudonymize_authors(names).alias(column))
                grouped = listed.group_by("_row", maintain_order=True).agg(column)
                posts = posts.with_columns(grouped[column])
        if "community" in posts.columns:
            renamed = pl.lit("u_") + pl.lit(
                self.pseudonymize_authors(_find_page_owners(posts, authors))
            )
            posts = posts.with_columns(pl.coalesce(renamed, "community").alias("community"))
        return posts

    def replace_cluster_ids(self, facts: dict[str, Any]) -> dict[str, Any]:
        """The facts of a barrier with the output's ids of clusters."""
        return {name: self._replace_cluster_id(value) for name, value in facts.items()}

    def _replace_cluster_id(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._replace_cluster_id(each) for each in value]
        if isinstance(value, dict) and "cluster" in value:
            return {**value, "cluster": self.pseudonymize_id(value["cluster"])}
        return value


def _find_page_owners(posts: pl.DataFrame, authors: pl.Series) -> pl.Series:
    """The owner, as ``platform:author``, of each community that is a person's page, else null.

    A community that is named as the post's ``authors`` are is the author's own page.
    """
    communities = posts["community"].unique().drop_nulls()
    owners = pl.Series([find_owner(name) for name in communities], dtype=pl.String)
    owner = posts["community"].replace_strict(communities, owners, default=None)
    named = posts.select(
        pl.concat_str("platform", pl.lit(":"), owner.cast(pl.String).alias("_owner")).alias("page"),
        pl.concat_str("platform", pl.lit(":"), "community").alias("community"),
    )
    is_own = named["community"].str.to_lowercase() == authors.str.to_lowercase()
    return named.select(pl.coalesce("page", pl.when(is_own).then(authors))).to_series()


def _map_values(
    values: pl.Series,
    rename: Callable[[str], str],
    rename_plain: Callable[[pl.Series], pl.Series],
) -> pl.Series:
    """Each value renamed, null for null.

    ``rename_plain`` is the compiled form of ``rename`` for many values, none of them null; it gives
    null for those that ``rename`` must do.
    """
    if values.null_count() == len(values):
        return values.cast(pl.String)
    if len(values) - values.null_count() < _MIN_COMPILED_NAMES:
        return _map_distinct(values, rename)
    is_present = values.is_not_null()
    renamed = rename_plain(values.fill_null("")).set(~is_present, None)
    rest = is_present & renamed.is_null()
    if not rest.any():
        return renamed.alias(values.name)
    others = _map_distinct(values.set(~rest, None), rename)
    return renamed.zip_with(~rest, others).alias(values.name)


def _map_distinct(values: pl.Series, rename: Callable[[str], str]) -> pl.Series:
    old = values.unique().drop_nulls()
    new = pl.Series([rename(name) for name in old], dtype=pl.String)
    return values.replace_strict(old, new, default=None, return_dtype=pl.String)


def _hash_authors(names: pl.Series, key: bytes) -> pl.Series:
    """:func:`keys.pseudonymize_author` of names in ASCII on any platform but Misskey, else null."""
    from corpus.partition import hmac_kernel

    lowered = names.str.to_lowercase()
    is_rare = (names.str.len_bytes() != names.str.len_chars()) | lowered.str.starts_with("misskey:")
    return hmac_kernel.hash_texts(lowered, key, 32).set(is_rare, None)


def _hash_ids(ids: pl.Series, key: bytes) -> pl.Series:
    """The keyed ids of ids that cannot be keyed already, else null."""
    from corpus.partition import hmac_kernel

    digits = hmac_kernel.hash_texts(ids, keys.derive_id_key(key), 24)
    platforms = ids.str.splitn(":", 2).struct.field("field_0")
    return (platforms + ":~" + digits).set(ids.str.contains(":~", literal=True), None)


def _map_lists(lists: pl.Series, rename: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Each list with its values replaced; no list changes its length."""
    old = lists.explode().unique().drop_nulls()
    return lists.list.eval(
        pl.element().replace_strict(old, rename(old), default=None, return_dtype=pl.String)
    )
