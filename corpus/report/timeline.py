"""Count when documents were written, in columns of a width that fits their span."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

#: A unit of the timeline, its polars name, and the longest span in days that it is used for.
_UNITS = (
    ("hour", "1h", 5),
    ("day", "1d", 150),
    ("week", "1w", 1000),
    ("month", "1mo", 6000),
    ("year", "1y", 10**9),
)
_FORMATS = {"hour": "%Y-%m-%d %H:00", "month": "%Y-%m", "year": "%Y"}
_MAX_BARS = 200
EMPTY_TIMELINE: dict[str, Any] = {
    "unit": "month",
    "bars": [],
    "before": 0,
    "after": 0,
    "unknown": 0,
    "first": None,
    "last": None,
}


def count_by_hour(posts: pl.DataFrame) -> pl.DataFrame:
    """Return how many posts were written in each hour: columns ``at`` and ``count``."""
    return posts.group_by(pl.col("created_at").dt.truncate("1h").alias("at")).agg(
        pl.len().cast(pl.Int64).alias("count")
    )


def summarize_timeline(hours: pl.DataFrame) -> dict[str, Any]:
    """Return a bar for each unit of time between which all but a hundredth of the documents are.

    ``hours`` are the sums of :func:`count_by_hour`. A few wrong dates would otherwise stretch the
    timeline over centuries; ``before`` and ``after`` count the documents with them.
    """
    days = _count_by(hours, "1d")
    unknown = int(days.filter(pl.col("at").is_null())["count"].sum())
    days = days.drop_nulls("at")
    if not days.height:
        return EMPTY_TIMELINE | {"unknown": unknown}
    total = int(days["count"].sum())
    so_far = days["count"].cum_sum()
    inside = days.filter((so_far > 0.005 * total) & (so_far - days["count"] < 0.995 * total))
    first, last = inside["at"][0], inside["at"][-1]
    span = (last - first).days + 1
    unit, every, _ = next(row for row in _UNITS if span <= row[2])
    if unit == "hour":
        day = pl.col("at").dt.truncate("1d")
        inside = hours.filter(day.is_between(first, last)).sort("at")
    else:
        inside = _count_by(inside, every)
    bars = inside.upsample("at", every=every).with_columns(pl.col("count").fill_null(0))
    return {
        "unit": unit,
        "bars": [[_format_time(at, unit), count] for at, count in bars.tail(_MAX_BARS).iter_rows()],
        "before": int(days.filter(pl.col("at") < first)["count"].sum())
        + int(bars.head(max(0, bars.height - _MAX_BARS))["count"].sum()),
        "after": int(days.filter(pl.col("at") > last)["count"].sum()),
        "unknown": unknown,
        "first": f"{days['at'][0]:%Y-%m-%d}",
        "last": f"{days['at'][-1]:%Y-%m-%d}",
    }


def _count_by(counts: pl.DataFrame, every: str) -> pl.DataFrame:
    return counts.group_by(pl.col("at").dt.truncate(every)).agg(pl.col("count").sum()).sort("at")


def _format_time(at: datetime, unit: str) -> str:
    return at.strftime(_FORMATS.get(unit, "%Y-%m-%d"))
