"""Find where each source ends, and how many of its posts were written or edited just before.

Who knows when a dump is made can write what is in it and deleted on the platform an hour later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

#: The hours before the end of a source in which posts are counted for the report.
HOURS = 48
_HOUR_US = 3_600_000_000


def describe_last_hours(posts: pl.DataFrame) -> dict[str, Any]:
    """The latest time at which one of ``posts`` was written or edited, and the hours before it.

    ``latest`` is in microseconds, null if no time is known; ``last_hours`` has the posts of each of
    the last hours: pairs of the hour since 1970 and the number.
    """
    changed = pl.max_horizontal(pl.col("created_at").dt.timestamp("us"), "edited_at")
    times = posts.select(changed.alias("time")).drop_nulls()["time"]
    latest: int | None = times.max()  # type: ignore[assignment]
    if latest is None:
        return {"latest": None, "last_hours": []}
    hours = (times // _HOUR_US).value_counts(sort=False).sort("time")
    recent = hours.filter(pl.col("time") > latest // _HOUR_US - HOURS)
    return {"latest": latest, "last_hours": [list(row) for row in recent.iter_rows()]}


def find_end(receipts: Iterable[Mapping[str, Any]]) -> int | None:
    """The latest time in the parts of a source, in microseconds."""
    times = [receipt["latest"] for receipt in receipts if receipt["latest"] is not None]
    return max(times, default=None)


def count_last_posts(receipts: Iterable[Mapping[str, Any]]) -> int:
    """The posts of a source that were written or edited in the last :data:`HOURS` of it."""
    hours = Counter[int]()
    for receipt in receipts:
        hours.update(dict(receipt["last_hours"]))
    if not hours:
        return 0
    return sum(count for hour, count in hours.items() if hour > max(hours) - HOURS)
