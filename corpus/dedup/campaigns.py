"""Tell campaigns: one text, posted by many authors in a short time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.partition.hashing import hash_strings

_UNTIMED = np.iinfo(np.int64).min
_HOUR = 3_600_000_000
# Old ways of reposting: a text that many carry on under its author's name is popular, no campaign.
_RETWEET_PREFIX = r"(?i)^\s*rt\s+@\w"


class CampaignSettings(Protocol):
    """What makes a campaign."""

    @property
    def campaign_posts(self) -> int:
        """How many posts it has at least."""
        ...

    @property
    def campaign_authors(self) -> int:
        """How many authors it has at least."""
        ...

    @property
    def campaign_hours(self) -> float:
        """Within what time."""
        ...

    @property
    def campaign_words(self) -> int:
        """How many words its text has at least."""
        ...


class Campaign(NamedTuple):
    """A text, who posted it within the hours that count, and when the first of them did."""

    representative: int
    posts: NDArray[np.int64]
    authors: int
    first_time: int

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        first = np.datetime64(self.first_time, "us").astype("datetime64[s]")
        return {"posts": int(self.posts.size), "authors": self.authors, "first": f"{first}Z"}


def measure(posts: pl.DataFrame, token_counts: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
    """When each post was written, by whom, and how long it is; no time: it is in no campaign."""

    untimed = pl.col("created_at").is_null() | pl.col("text").str.contains(_RETWEET_PREFIX)
    if "kind" in posts.columns:
        untimed = untimed | (pl.col("kind") == "repost")
    if not {"author", "platform"} <= set(posts.columns):
        return empty_measures(posts.height) | {"tokens": token_counts}
    untimed = untimed | pl.col("author").is_null()
    time = pl.when(untimed).then(_UNTIMED).otherwise(pl.col("created_at").cast(pl.Int64))
    author = pl.concat_str("platform", pl.lit(":"), "author").fill_null("")
    told = posts.select(time.fill_null(_UNTIMED).alias("time"), author.alias("author"))
    return {
        "time": told["time"].to_numpy(),
        "author": hash_strings(told["author"])[:, 0],
        "tokens": token_counts,
    }


def empty_measures(count: int) -> dict[str, NDArray[Any]]:
    """The arrays of ``count`` posts of which only the text is known."""
    return {
        "time": np.full(count, _UNTIMED),
        "author": np.zeros(count, np.uint64),
        "tokens": np.zeros(count, np.uint32),
    }


def find_campaigns(table: NDArray[Any], settings: CampaignSettings) -> list[Campaign]:
    """The campaigns among clusters of the same or nearly the same text.

    ``table`` has a row a post: its ``keeper``, which names the cluster, ``post``, ``time``,
    ``author`` and ``tokens``.
    """
    from corpus.dedup import candidates_kernel

    table = table[(table["time"] != _UNTIMED) & (table["tokens"] >= settings.campaign_words)]
    table = table[np.lexsort((table["post"], table["time"], table["keeper"]))]
    of = table["keeper"]
    edges = np.flatnonzero(np.r_[True, of[1:] != of[:-1], True]) if of.size else np.zeros(1, int)
    found = []
    window = int(settings.campaign_hours * _HOUR)
    for begin, end in pairwise(edges):
        if end - begin < settings.campaign_posts:
            continue
        row = table[begin:end]
        times, people = np.ascontiguousarray(row["time"]), np.ascontiguousarray(row["author"])
        most, authors, at = candidates_kernel.find_densest_window(times, people, window)
        if most >= settings.campaign_posts and authors >= settings.campaign_authors:
            posts = row["post"][at : at + most].copy()
            found.append(Campaign(int(of[begin]), posts, int(authors), int(times[at])))
    return found
