"""Withdraw every copy of a post that one copy shows to be deleted or removed.

A dump may have the text of a post, and a later one the notice in its place, in any order of the
sources. So where a batch is read, a post whose text is a notice of removal is marked as withdrawn,
and each withdrawn post becomes a tombstone of its id, which withdraws its other copies.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from corpus.readers.contract import Batch
from corpus.schema import TOMBSTONE
from filters.text.removal_notices import find_notices

#: What one copy says of them all. The other reasons are states of an account or of one copy and may
#: be lifted: a private copy says nothing of a public one, an older version nothing of a newer one.
_OF_EVERY_COPY = ("deleted", "removed", "deleted_later")


def withdraw_copies(batch: Batch) -> Batch:
    """Return the batch with its notices of removal marked, and a tombstone of each withdrawn post.

    The tombstones have no time: a text that was removed once is not used, though a moderator may
    have brought it back.
    """
    undecided = pl.when(pl.col("withdrawn").is_null()).then("text").alias("text")
    notices = find_notices(batch.posts.select(undecided).to_series(), batch.posts["kind"])
    posts = batch.posts.with_columns(pl.coalesce("withdrawn", notices).alias("withdrawn"))
    withdrawn = posts.filter(pl.col("withdrawn").is_in(_OF_EVERY_COPY)).select(
        pl.lit("id").alias("target"),
        pl.col("id").alias("value"),
        pl.col("withdrawn").alias("reason"),
        pl.lit(None, pl.Int64()).alias("said_at"),
    )
    if not withdrawn.height:
        return replace(batch, posts=posts)
    tombstones = pl.concat([batch.tombstones, withdrawn.cast(dict(TOMBSTONE))])  # type: ignore[arg-type]
    return replace(batch, posts=posts, tombstones=tombstones)
