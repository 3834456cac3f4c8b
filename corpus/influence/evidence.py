"""Decide which keys are pushed, from the posts of a range of keys."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.influence.config import Config
from corpus.influence.keys import KINDS, UNTIMED
from corpus.partition.groups import mark_group_starts, rank_in_groups
from corpus.partition.partitions import Rows
from filters.text.arrays import F64, I64, U64

#: Of the authors of a popular key who write little else, at most this share wrote it repeatedly.
_USUAL_HABIT = 0.1
#: The microseconds of a day.
DAY = 86_400_000_000
_SMALL = 1e-9
#: A burst has so many times the share of its day in all posts.
BURST_LIFT = 10


class KeyStatistics(NamedTuple):
    """What is known of each of n keys."""

    key: U64
    start: I64  # (n + 1,) the first row of each key, where rows are ordered by key
    posts: I64
    authors: I64
    devoted: I64  # authors who write little else
    sole: I64  # authors who wrote one post, with the key
    expected: F64  # share of authors who write little else, if the key were any
    evidence: F64  # log-likelihood ratio


def order_by_key(rows: Rows) -> Rows:
    """The rows ordered by key, author and row index; a post without an author has its own."""
    is_unknown = rows["author"] == 0
    rows["author"][is_unknown] = ~rows["row_index"][is_unknown].astype(np.uint64)
    return rows[np.lexsort((rows["row_index"], rows["author"], rows["key"]))]


def measure_keys(rows: Rows, author_share: float, usual_odds: float) -> KeyStatistics:
    """The statistics of the keys of ``rows``, which are ordered; turns are not counted."""
    rows = rows[~rows["is_turn"]]
    count = rows.size
    new_key = mark_group_starts(rows["key"])
    new_pair = mark_group_starts(rows["key"], rows["author"])
    key_of_row = np.cumsum(new_key) - 1
    first = np.flatnonzero(new_key)
    posts = np.bincount(key_of_row)
    key_of_pair = key_of_row[new_pair]
    written = rows["author_posts"][new_pair]
    is_devoted = mark_devoted(rows, author_share)[new_pair]
    authors = np.bincount(key_of_pair)
    devoted = np.bincount(key_of_pair, weights=is_devoted).astype(np.int64)
    sole = np.bincount(key_of_pair, weights=is_devoted & (written == 1)).astype(np.int64)
    base = np.bincount(key_of_row, weights=rows["base"]) / posts
    share = posts / (np.bincount(key_of_row, weights=rows["stratum_posts"]) / posts)
    expected = base + (1 - base) * np.minimum(share, 1)
    habit = np.clip(share, _USUAL_HABIT, 1)
    usual = raise_odds(expected, usual_odds)
    evidence = authors * measure_excess(devoted / authors, usual)
    evidence += devoted * measure_excess(1 - sole / np.maximum(devoted, 1), habit)
    return KeyStatistics(
        rows["key"][first],
        np.append(first, count),
        posts,
        authors,
        devoted,
        sole,
        expected,
        evidence,
    )


def mark_devoted(rows: Rows, author_share: float) -> NDArray[np.bool_]:
    """Whether the author of each row writes little without its key; ``rows`` are ordered."""
    number = np.cumsum(mark_group_starts(rows["key"], rows["author"])) - 1
    with_key = np.bincount(number, weights=~rows["is_turn"])[number] if rows.size else number
    return (rows["author_posts"] > 0) & (with_key >= author_share * rows["author_posts"])


def raise_odds(share: F64, factor: float) -> F64:
    """The share whose odds are ``factor`` times as high."""
    return factor * share / (1 + (factor - 1) * share)


def measure_excess(share: F64, usual: F64) -> F64:
    """The Kullback-Leibler divergence of a share from a usual one; 0 if it is not higher."""
    total = np.zeros(share.size)
    for one, other in ((share, usual), (1 - share, 1 - usual)):
        total += one * np.log(np.maximum(one, _SMALL) / np.maximum(other, _SMALL))
    return np.where(share > usual, total, 0.0)


def mark_pushed(
    found: KeyStatistics, config: Config, allowed: U64, is_burst: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """A mask of the keys that are pushed."""
    share = found.devoted / found.authors
    return (
        (found.posts >= config.min_posts)
        & (found.authors >= config.min_authors)
        & (share >= config.min_devoted)
        & ((found.evidence >= config.min_evidence) | is_burst)
        & ~np.isin(found.key, allowed)
    )


def mark_bursts(
    rows: Rows, found: KeyStatistics, days: I64, day_shares: F64, min_burst: float
) -> NDArray[np.bool_]:
    """A mask of the keys with at least ``min_burst`` of their posts on one day.

    ``days`` are the days of all posts, sorted, and ``day_shares`` their shares of all posts.
    """
    is_burst = np.zeros(found.key.size, bool)
    rows = rows[~rows["is_turn"]]
    is_timed = rows["time"] != UNTIMED
    if not min_burst or not is_timed.any():
        return is_burst
    number = np.searchsorted(found.key, rows["key"][is_timed])
    day = np.searchsorted(days, rows["time"][is_timed] // DAY)
    pairs, counts = np.unique(number * days.size + day, return_counts=True)
    number, day = pairs // days.size, pairs % days.size
    share = counts / found.posts[number]
    is_burst[number[(share >= min_burst) & (share >= BURST_LIFT * day_shares[day])]] = True
    return is_burst


def rank_posts(rows: Rows) -> I64:
    """The rank from 1 of each post of one key: the earliest of different authors first.

    ``rows`` are ordered by author.
    """
    nth = rank_in_groups([rows["author"]], [rows["is_turn"], rows["time"], rows["row_index"]])
    rank = np.empty(rows.size, np.int64)
    order = np.lexsort((rows["row_index"], rows["time"], nth, rows["is_turn"]))
    rank[order] = np.arange(1, rows.size + 1)
    return rank


def describe_key(rows: Rows, number: int, found: KeyStatistics) -> dict[str, Any]:
    """The facts about a pushed key, without its name; ``rows`` are its posts but turns."""
    times = np.sort(rows["time"][rows["time"] != UNTIMED])
    facts: dict[str, Any] = {
        "kind": KINDS[int(found.key[number]) & 7],
        "posts": int(found.posts[number]),
        "authors": int(found.authors[number]),
        "devoted": round(float(found.devoted[number] / found.authors[number]), 4),
        "sole": round(float(found.sole[number] / found.authors[number]), 4),
        "expected": round(float(found.expected[number]), 4),
        "languages": int(np.unique(rows["lang"]).size),
        "communities": int(np.unique(rows["community"]).size),
    }
    if times.size:
        days, counts = np.unique(times // DAY, return_counts=True)
        densest = int(np.argmax(counts))
        facts |= {
            "first": _format_time(times[0]),
            "last": _format_time(times[-1]),
            "densest_day": f"{np.datetime64(int(days[densest]), 'D')}",
            "densest_day_posts": int(counts[densest]),
        }
    return facts


def _format_time(time: np.int64) -> str:
    return f"{np.datetime64(int(time), 'us').astype('datetime64[s]')}Z"
