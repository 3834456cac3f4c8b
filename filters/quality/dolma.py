"""What Dolma asks of Reddit's posts, as columns; what a frame does not say is null."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from filters.quality.presets import DolmaSettings

# As Dolma lists them; they stand for a text, an author or a community that is gone.
_DELETED_MARKERS = ("[deleted]", "[removed]", "[UNICODE ENCODE ERROR]")


def make_dolma_measurer(config: DolmaSettings) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """What gives the preset's columns for a frame with ``text``.

    A post of ``kind`` ``post`` is a submission: its first paragraph, the title, does not count.
    All others are comments, and all are where there is no ``kind``.
    """
    blocked = None
    if config.subreddit_blocklist:
        lines = Path(config.subreddit_blocklist).read_text(encoding="utf-8").splitlines()
        blocked = pl.Series(
            sorted({line.strip().lower() for line in lines} - {""}), dtype=pl.String
        )

    def measured(posts: pl.DataFrame) -> pl.DataFrame:
        has = posts.columns
        text = pl.col("text").fill_null("")
        body = text.str.replace(r"(?s)^.*?(?:\n\n|$)", "").str.strip_chars()
        submission = pl.col("kind").eq_missing("post") if "kind" in has else pl.lit(False)
        chars, own = text.str.strip_chars().str.len_chars(), body.str.len_chars()
        gone = text.str.strip_chars().is_in(_DELETED_MARKERS) | (
            submission & body.is_in(_DELETED_MARKERS)
        )
        for column in ("author", "community"):
            if column in has:
                gone |= pl.col(column).is_in(_DELETED_MARKERS).fill_null(False)
        unknown, untold = pl.lit(None, pl.Boolean), pl.lit(None, pl.Int64)
        known = pl.col("community").str.to_lowercase() if "community" in has else None
        return posts.select(
            quality_comment_chars=pl.when(~submission).then(chars),
            quality_submission_chars=pl.when(submission).then(own),
            # A post without votes is dropped too, where votes are told at all.
            quality_votes=pl.col("score").fill_null(0) if "score" in has else untold,
            quality_deleted=gone,
            quality_over_18=pl.col("sensitive") if "sensitive" in has else unknown,
            quality_blocked=known.is_in(blocked.implode())
            if blocked is not None and known is not None
            else unknown,
        )

    return measured
