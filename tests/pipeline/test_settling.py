"""A source ends with the latest time in any of its parts."""

from __future__ import annotations

import polars as pl

from corpus.pipeline import settling
from corpus.schema import POST

HOUR = 3_600_000_000


def part(*times: tuple[int | None, int | None]) -> dict[str, object]:
    """What the receipt of a part says of posts written and edited at these hours."""
    posts = pl.DataFrame(
        {
            "created_at": [at if at is None else at * HOUR for at, _ in times],
            "edited_at": [edited if edited is None else edited * HOUR for _, edited in times],
        },
        schema={"created_at": pl.Int64, "edited_at": pl.Int64},
    )
    return settling.describe_last_hours(
        posts.with_columns(pl.col("created_at").cast(POST["created_at"]))
    )


def test_the_last_hours_are_counted_over_all_parts() -> None:
    parts = [
        part((100, None), (52, None), (53, None), (1, 99), (None, None)),
        part((60, None), (50, None), (3, None)),
        part((None, None)),
        part(),
    ]
    assert settling.find_end(parts) == 100 * HOUR
    assert settling.count_last_posts(parts) == 4, "at the hours 100, 53, 99 and 60"
    assert settling.find_end(parts[2:]) is None
    assert settling.count_last_posts(parts[2:]) == 0
