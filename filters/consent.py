"""Drop posts that their authors or platforms have withdrawn."""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl
from pydantic import Field

from filters.contract import Filter, FilterConfig
from filters.text.removal_notices import find_notices

READS = ("text",)
WRITES: dict[str, pl.DataType] = {}
VERSION = 4
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
    "away",
]


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
        # A reason that the plan does not honour must not hide another one that it does.
        reasons = []
        texts = posts["text"]
        if "withdrawn" in posts.columns:
            is_dropped = pl.col("withdrawn").is_in(config.drop)
            reasons.append(pl.when(is_dropped).then("withdrawn"))
            texts = posts.select(pl.when(~is_dropped.fill_null(False)).then("text")).to_series()
        notice = pl.lit(find_notices(texts, posts["kind"] if "kind" in posts.columns else None))
        reasons.append(pl.when(notice.is_in(config.drop)).then(notice))
        if config.require_consent:
            declared = (
                pl.col("consent") if "consent" in posts.columns else pl.lit(None, pl.String())
            )
            has_no_consent = declared.fill_null("") != "allowed"
            reasons.append(pl.when(has_no_consent).then(pl.lit("no_consent")))
        return posts.with_columns(pl.coalesce(reasons).alias("reject"))

    return consent
