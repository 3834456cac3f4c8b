"""Withdraw every copy of a post that one copy shows to be deleted or removed.

A dump may have the text of a post, and a later one the notice in its place, in any order of the
sources. So where a batch is read, a post whose text is a notice of removal is marked as withdrawn,
and each withdrawn post becomes a tombstone of its id, which withdraws its other copies.
"""

from __future__ import annotations

import polars as pl

from corpus.schema import TOMBSTONE
from filters.text.removal_notices import find_notices

#: What one copy says of them all. The other reasons are states of an account or of one copy and may
#: be lifted: a private copy says nothing of a public one, an older version nothing of a newer one.
_OF_EVERY_COPY = ("deleted", "removed", "deleted_later")


def mark_notices(posts: pl.DataFrame) -> pl.DataFrame:
    """Return the posts with those withdrawn whose text is a notice of removal."""
    undecided = pl.when(pl.col("withdrawn").is_null()).then("text").alias("text")
    notices = find_notices(posts.select(undecided).to_series(), posts["kind"])
    return posts.with_columns(pl.coalesce("withdrawn", notices).alias("withdrawn"))


def mark_withdrawn(posts: pl.DataFrame) -> pl.Series:
    """Return for each post whether all copies of it are withdrawn."""
    return posts["withdrawn"].is_in(_OF_EVERY_COPY).fill_null(False)


def make_tombstones(withdrawn: pl.DataFrame) -> pl.DataFrame:
    """Return the tombstones of posts of which all copies are withdrawn.

    They have no time: a text that was removed once is not used, though a moderator may have brought
    it back.
    """
    return withdrawn.select(
        pl.lit("id").alias("target"),
        pl.col("id").alias("value"),
        pl.col("withdrawn").alias("reason"),
        pl.lit(None, pl.Int64()).alias("said_at"),
    ).cast(dict(TOMBSTONE))  # type: ignore[arg-type]
