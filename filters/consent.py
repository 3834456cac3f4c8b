"""Drop posts that their authors or platforms have withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import polars as pl
from pydantic import Field, field_validator

from filters.contract import DUMP_END, Filter, FilterConfig
from filters.text.removal_notices import find_notices

READS = ("text",)
WRITES: dict[str, pl.DataType] = {}
VERSION = 6
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


REASONS = (*get_args(Reason), "no_consent", "unsettled")


class Config(FilterConfig):
    """Which withdrawn posts are dropped; by default all of them."""

    drop: tuple[Reason, ...] = Field(
        get_args(Reason),
        description="kinds of withdrawal that are honoured",
    )
    require_consent: bool = Field(
        False, description="keep only posts whose author has declared that they may be used"
    )
    settle: str = Field(
        "0h",
        pattern=r"^[0-9]{1,4}[hd]$",
        description="posts written or edited within so long before their source's end are dropped "
        "('48h', '7d'): what is planted just before a dump is made has not been removed yet; 0h: "
        "none",
    )
    dump_end: str = Field(
        "",
        description="when the dumps were made, such as '2024-06-01' or '2024-06-01T12:00:00Z'; "
        "empty: the latest time in each source",
    )

    @field_validator("dump_end")
    @classmethod
    def _check_dump_end(cls, value: str) -> str:
        if value:
            datetime.fromisoformat(value)  # a ValueError says what is wrong
        return value

    def settle_time(self) -> timedelta:
        """``settle`` as a time."""
        number, unit = int(self.settle[:-1]), self.settle[-1]
        return timedelta(hours=number * (24 if unit == "d" else 1))


def wants_dump_end(config: Config) -> bool:
    """Whether posts are compared with the end of their source."""
    return bool(config.settle_time()) and not config.dump_end


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
        if config.settle_time() and (config.dump_end or DUMP_END in posts.columns):
            edited = pl.from_epoch("edited_at", "us").dt.replace_time_zone("UTC")
            end = pl.lit(_parse_end(config.dump_end)) if config.dump_end else pl.col(DUMP_END)
            is_new = pl.max_horizontal("created_at", edited) > end - config.settle_time()
            reasons.append(pl.when(is_new).then(pl.lit("unsettled")))
        return posts.with_columns(pl.coalesce(reasons).alias("reject"))

    return consent


def _parse_end(value: str) -> datetime:
    """The time that ``dump_end`` names; of a day its end is meant, without a zone UTC."""
    end = datetime.fromisoformat(value)
    if len(value) == len("2024-06-01"):
        end += timedelta(days=1)
    return end.astimezone(UTC) if end.tzinfo else end.replace(tzinfo=UTC)
