"""Find campaigns: one text that many authors posted within a short time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.partition.hashing import hash_strings

_UNTIMED = np.iinfo(np.int64).min
_HOUR = 3_600_000_000
# Retweets as people wrote them by hand. A text that is repeated under its author's name is popular,
# which makes no campaign.
_RETWEET_PREFIX = r"(?i)^\s*rt\s+@\w"


class CampaignSettings(Protocol):
    """What makes a campaign."""

    @property
    def campaign_posts(self) -> int:
        """The least number of posts."""
        ...

    @property
    def campaign_authors(self) -> int:
        """The least number of authors."""
        ...

    @property
    def campaign_hours(self) -> float:
        """The longest time between the first and the last post."""
        ...

    @property
    def campaign_words(self) -> int:
        """The least number of words of the text."""
        ...


class Campaign(NamedTuple):
    """The posts of one text within the hours that count."""

    representative: int  # the row index of the post that represents the text's cluster
    posts: NDArray[np.int64]  # row indices
    authors: int
    first_time: int  # µs

    def facts(self) -> dict[str, Any]:
        """The campaign as the manifest lists it."""
        first = np.datetime64(self.first_time, "us").astype("datetime64[s]")
        return {"posts": int(self.posts.size), "authors": self.authors, "first": f"{first}Z"}


def measure(posts: pl.DataFrame, token_counts: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
    """The time, the author's hash and the number of tokens of each post.

    A post that can be in no campaign has no time: a repost, a post without an author.
    """
    untimed = pl.col("created_at").is_null() | pl.col("text").str.contains(_RETWEET_PREFIX)
    if "kind" in posts.columns:
        untimed = untimed | (pl.col("kind") == "repost")
    if not {"author", "platform"} <= set(posts.columns):
        return empty_measures(posts.height) | {"tokens": token_counts}
    untimed = untimed | pl.col("author").is_null()
    time = pl.when(untimed).then(_UNTIMED).otherwise(pl.col("created_at").cast(pl.Int64))
    author = pl.concat_str("platform", pl.lit(":"), "author").fill_null("")
    columns = posts.select(time.fill_null(_UNTIMED).alias("time"), author.alias("author"))
    return {
        "time": columns["time"].to_numpy(),
        "author": hash_strings(columns["author"])[:, 0],
        "tokens": token_counts,
    }


def empty_measures(count: int) -> dict[str, NDArray[Any]]:
    """The arrays of :func:`measure` for ``count`` posts of which only the text is known."""
    return {
        "time": np.full(count, _UNTIMED),
        "author": np.zeros(count, np.uint64),
        "tokens": np.zeros(count, np.uint32),
    }


def find_campaigns(table: NDArray[Any], settings: CampaignSettings) -> list[Campaign]:
    """The campaigns among clusters of equal and similar texts, one at most for each cluster.

    ``table`` has a row for each post: ``representative``, which identifies the cluster, ``post``,
    ``time``, ``author`` and ``tokens``.
    """
    from corpus.dedup import candidates_kernel

    table = table[(table["time"] != _UNTIMED) & (table["tokens"] >= settings.campaign_words)]
    table = table[np.lexsort((table["post"], table["time"], table["representative"]))]
    cluster = table["representative"]
    edges = np.zeros(1, int)
    if cluster.size:
        edges = np.flatnonzero(np.r_[True, cluster[1:] != cluster[:-1], True])
    window = int(settings.campaign_hours * _HOUR)
    campaigns = []
    for begin, end in pairwise(edges):
        if end - begin < settings.campaign_posts:
            continue
        row = table[begin:end]
        times, people = np.ascontiguousarray(row["time"]), np.ascontiguousarray(row["author"])
        size, authors, first = candidates_kernel.find_densest_window(times, people, window)
        if size >= settings.campaign_posts and authors >= settings.campaign_authors:
            posts = row["post"][first : first + size].copy()
            campaigns.append(Campaign(int(cluster[begin]), posts, int(authors), int(times[first])))
    return campaigns
