"""When documents were written: bars of a fitting width."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

#: The widest span, in days, for which a unit is fine enough to read.
_UNITS = (("hour", "1h", 5), ("day", "1d", 150), ("week", "1w", 1000), ("month", "1mo", 6000),
          ("year", "1y", 10**9))  # fmt: skip
_MAX_BARS = 200
EMPTY_TIMELINE: dict[str, Any] = {
    "unit": "month", "bars": [], "before": 0, "after": 0, "unknown": 0, "first": None, "last": None,
}  # fmt: skip


def count_by_hour(posts: pl.DataFrame) -> pl.DataFrame:
    """How many were written in each hour: ``at``, and how many, ``count``."""
    return posts.group_by(pl.col("created_at").dt.truncate("1h").alias("at")).agg(
        pl.len().cast(pl.Int64).alias("count")
    )


def summarize_timeline(hours: pl.DataFrame) -> dict[str, Any]:
    """Bars over the days between which all but a hundredth of the documents lie.

    A few wrong dates would otherwise stretch the line over centuries; ``before`` and ``after``
    count them.
    """
    found = _count_by(hours, "1d")
    unknown = int(found.filter(pl.col("at").is_null())["count"].sum())
    found = found.drop_nulls("at")
    if not found.height:
        return EMPTY_TIMELINE | {"unknown": unknown}
    total = int(found["count"].sum())
    done = found["count"].cum_sum()
    inside = found.filter((done > 0.005 * total) & (done - found["count"] < 0.995 * total))
    low, high = inside["at"][0], inside["at"][-1]
    span = (high - low).days + 1
    unit, every, _ = next(row for row in _UNITS if span <= row[2])
    if unit == "hour":
        day = pl.col("at").dt.truncate("1d")
        inside = hours.filter(day.is_between(low, high)).sort("at")
    else:
        inside = _count_by(inside, every)
    bars = inside.upsample("at", every=every).with_columns(pl.col("count").fill_null(0))
    return {
        "unit": unit,
        "bars": [[_format_time(at, unit), count] for at, count in bars.tail(_MAX_BARS).iter_rows()],
        "before": int(found.filter(pl.col("at") < low)["count"].sum())
        + int(bars.head(max(0, bars.height - _MAX_BARS))["count"].sum()),
        "after": int(found.filter(pl.col("at") > high)["count"].sum()),
        "unknown": unknown,
        "first": f"{found['at'][0]:%Y-%m-%d}",
        "last": f"{found['at'][-1]:%Y-%m-%d}",
    }


def _count_by(counts: pl.DataFrame, every: str) -> pl.DataFrame:
    return counts.group_by(pl.col("at").dt.truncate(every)).agg(pl.col("count").sum()).sort("at")


def _format_time(at: datetime, unit: str) -> str:
    return at.strftime(
        {"hour": "%Y-%m-%d %H:00", "month": "%Y-%m", "year": "%Y"}.get(unit, "%Y-%m-%d")
    )
