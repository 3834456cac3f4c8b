"""Fold what the sources withdraw, and mark the posts it reaches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from corpus.manifest import replacing
from corpus.schema import TOMBSTONE, WITHDRAWN

#: What an author declares about all of their posts: the last word counts.
_DECLARED = ("opted_out", "allowed", "undeclared")
_GRAVITY = pl.Enum([*WITHDRAWN, "allowed"])


def gather(paths: Sequence[Path], out: Path) -> int:
    """Fold the tombstones of all parts into one file; return how many are left.

    One row stays of each target and reason, the one that reaches furthest, and of an author's
    declarations the last.
    """
    frames = [pl.read_parquet(path, glob=False) for path in paths]
    every = pl.concat([pl.DataFrame(schema=TOMBSTONE), *frames])
    declared = pl.col("reason").is_in(_DECLARED)
    forever = pl.col("said_at").is_null().any()
    said = (
        every.filter(~declared)
        .group_by("target", "value", "reason")
        .agg(pl.when(forever).then(None).otherwise(pl.col("said_at").max()).alias("said_at"))
    )
    # Of two at the same moment, and of two without any, the refusal counts.
    last = (
        every.filter(declared)
        .sort("said_at", pl.col("reason") == "opted_out", nulls_last=False)
        .unique(["target", "value"], keep="last", maintain_order=True)
        .filter(pl.col("reason") != "undeclared")  # taken back: nothing is said any more
        .with_columns(pl.lit(None, pl.Int64).alias("said_at"))
    )
    folded = (
        pl.concat([said.select(list(TOMBSTONE)), last])
        .with_columns(pl.col("reason").cast(_GRAVITY))
        .sort("target", "value", "reason")
        .with_columns(pl.col("reason").cast(pl.String))
    )
    with replacing(out) as temporary:
        folded.write_parquet(temporary)
    return folded.height


def bury(posts: pl.DataFrame, tombstones: pl.DataFrame) -> pl.DataFrame:
    """Mark the posts that a tombstone names, by id or by author, as withdrawn.

    A repost carries the whole text of its original, so it goes with it. A notice says more than
    what the post itself had to say when it was collected, and one on the very post most of all.
    """
    author = pl.concat_str("platform", pl.lit(":"), "author")
    original = pl.when(pl.col("kind") == "repost").then(pl.col("parent_id"))
    for target, key in (("author", author), ("id", original), ("id", pl.col("id"))):
        named = tombstones.filter(pl.col("target") == target)
        if named.height:
            posts = _marked(posts, key, named)
    return posts


def _marked(posts: pl.DataFrame, key: pl.Expr, named: pl.DataFrame) -> pl.DataFrame:
    reached = (
        posts.select(key.alias("value"), "seen_at")
        .with_row_index("_row")
        .join(named, on="value", how="inner")
        .filter(~(pl.col("seen_at") >= pl.col("said_at")).fill_null(False))
        .with_columns(pl.col("reason").cast(_GRAVITY))
        .sort("_row", "reason")
    )
    if not reached.height:
        return posts
    why = (
        reached.filter(pl.col("reason") != "allowed")
        .unique("_row", keep="first")
        .select("_row", pl.col("reason").cast(pl.String).alias("_reason"))
    )
    consent = {"opted_out": "denied", "allowed": "allowed"}
    said = (
        reached.filter(pl.col("reason").is_in(_DECLARED))
        .unique("_row", keep="first")
        .select(
            "_row",
            pl.col("reason").cast(pl.String).replace_strict(consent).alias("_consent"),
        )
    )
    columns = posts.columns
    return (
        posts.with_row_index("_row")
        .join(why, on="_row", how="left", maintain_order="left")
        .join(said, on="_row", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("_reason", "withdrawn").alias("withdrawn"),
            pl.coalesce("_consent", "consent").alias("consent"),
        )
        .select(columns)
    )
