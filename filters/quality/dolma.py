"""Measure what Dolma's rules compare in Reddit's posts; without its column, a measure is null."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from filters.quality.presets import DolmaSettings

# As Dolma lists them; they stand for a text, an author or a community that was deleted.
_DELETED_MARKERS = ("[deleted]", "[removed]", "[UNICODE ENCODE ERROR]")


def make_dolma_measurer(config: DolmaSettings) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a function that computes the preset's columns for a frame with ``text``.

    A post of ``kind`` ``post`` is a submission: its first paragraph, the title, does not count. All
    others are comments; without a column ``kind``, all posts are.
    """
    blocklist = None
    if config.subreddit_blocklist:
        lines = Path(config.subreddit_blocklist).read_text(encoding="utf-8").splitlines()
        names = sorted({line.strip().lower() for line in lines} - {""})
        blocklist = pl.Series(names, dtype=pl.String)

    def measure(posts: pl.DataFrame) -> pl.DataFrame:
        columns = posts.columns
        text = pl.col("text").fill_null("")
        stripped = text.str.strip_chars()
        body = text.str.replace(r"(?s)^.*?(?:\n\n|$)", "").str.strip_chars()
        is_submission = pl.col("kind").eq_missing("post") if "kind" in columns else pl.lit(False)
        is_deleted = stripped.is_in(_DELETED_MARKERS)
        is_deleted |= is_submission & body.is_in(_DELETED_MARKERS)
        for column in ("author", "community"):
            if column in columns:
                is_deleted |= pl.col(column).is_in(_DELETED_MARKERS).fill_null(False)
        is_blocked = pl.lit(None, pl.Boolean)
        if blocklist is not None and "community" in columns:
            is_blocked = pl.col("community").str.to_lowercase().is_in(blocklist.implode())
        # A post without votes counts as 0 where the column exists.
        votes = pl.col("score").fill_null(0) if "score" in columns else pl.lit(None, pl.Int64)
        over_18 = pl.col("sensitive") if "sensitive" in columns else pl.lit(None, pl.Boolean)
        return posts.select(
            quality_comment_chars=pl.when(~is_submission).then(stripped.str.len_chars()),
            quality_submission_chars=pl.when(is_submission).then(body.str.len_chars()),
            quality_votes=votes,
            quality_deleted=is_deleted,
            quality_over_18=over_18,
            quality_blocked=is_blocked,
        )

    return measure
