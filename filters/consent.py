"""Drop posts whose authors or platforms have withdrawn them."""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig

READS = ("text",)
WRITES: dict[str, pl.DataType] = {}
VERSION = 2

Reason = Literal[
    "deleted", "removed", "deleted_later", "opted_out", "private", "protected", "withheld",
    "superseded",
]  # fmt: skip

# What platforms leave in place of a text that is gone.
_MARKERS = {
    "[deleted]": "deleted",
    "[deleted by user]": "deleted",
    "[ removed by reddit ]": "removed",
    "[removed]": "removed",
}


class Config(FilterConfig):
    """Which withdrawn posts leave; by default all of them."""

    drop: tuple[Reason, ...] = Field(
        get_args(Reason),
        description="kinds of withdrawal that are honoured",
    )
    require_consent: bool = Field(
        False, description="keep only posts whose author has declared that they may be used"
    )


def build(config: Config) -> Filter:
    """Return the filter. It reads the reader's ``withdrawn`` where there is one."""

    def consent(posts: pl.DataFrame) -> pl.DataFrame:
        bare = pl.col("text").str.strip_chars().str.to_lowercase()
        marked = bare.replace_strict(_MARKERS, default=None, return_dtype=pl.String)
        given = [pl.col("withdrawn")] if "withdrawn" in posts.columns else []
        # One reason that is let through must not hide another that is not.
        kept = [pl.when(why.is_in(config.drop)).then(why) for why in (*given, marked)]
        if config.require_consent:
            said = pl.col("consent") if "consent" in posts.columns else pl.lit(None, pl.String())
            unsaid = said.fill_null("") != "allowed"
            kept.append(pl.when(unsaid).then(pl.lit("no_consent")))
        return posts.with_columns(pl.coalesce(kept).alias("reject"))

    return consent
