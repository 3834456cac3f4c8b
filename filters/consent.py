"""Drop posts that their authors or platforms have withdrawn."""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig

READS = ("text",)
WRITES: dict[str, pl.DataType] = {}
VERSION = 2
# After dedup, a withdrawn post could be kept instead of a copy, and then be dropped as well.
MUST_BE_FIRST = True

Reason = Literal[
    "deleted",
    "removed",
    "deleted_later",
    "opted_out",
    "private",
    "protected",
    "withheld",
    "superseded",
]

# What platforms write instead of a text that was deleted.
_MARKERS = {
    "[deleted]": "deleted",
    "[deleted by user]": "deleted",
    "[ removed by reddit ]": "removed",
    "[removed]": "removed",
}


class Config(FilterConfig):
    """Which withdrawn posts are dropped; by default all of them."""

    drop: tuple[Reason, ...] = Field(
        get_args(Reason),
        description="kinds of withdrawal that are honoured",
    )
    require_consent: bool = Field(
        False, description="keep only posts whose author has declared that they may be used"
    )


def build(config: Config) -> Filter:
    """Return the filter. It reads the reader's column ``withdrawn`` where there is one."""

    def consent(posts: pl.DataFrame) -> pl.DataFrame:
        stripped = pl.col("text").str.strip_chars().str.to_lowercase()
        marker = stripped.replace_strict(_MARKERS, default=None, return_dtype=pl.String)
        withdrawn = [pl.col("withdrawn")] if "withdrawn" in posts.columns else []
        # A reason that the plan does not honour must not hide another one that it does.
        reasons = [
            pl.when(reason.is_in(config.drop)).then(reason) for reason in (*withdrawn, marker)
        ]
        if config.require_consent:
            declared = (
                pl.col("consent") if "consent" in posts.columns else pl.lit(None, pl.String())
            )
            has_no_consent = declared.fill_null("") != "allowed"
            reasons.append(pl.when(has_no_consent).then(pl.lit("no_consent")))
        return posts.with_columns(pl.coalesce(reasons).alias("reject"))

    return consent
