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
    posts: I64
    authors: I64
    devoted: I64  # authors who write little else
    sole: I64  # authors who wrote one post, with the key
    repeated: I64  # authors who wrote several posts, most of them with the key
    expected: F64  # share of authors who write little else, if the key were any
    habit: F64  # usual share of these who wrote the key repeatedly
    burst: F64  # largest share of the posts on one day that has few of all posts


def order_by_key(rows: Rows) -> Rows:
    """The rows ordered by key, author and row index; a post without an author has its own."""
    is_unknown = rows["author"] == 0
    rows["author"][is_unknown] = ~rows["row_index"][is_unknown].astype(np.uint64)
    return rows.take(np.lexsort((rows["row_index"], rows["author"], rows["key"])))


def measure_keys(rows: Rows, author_share: float, days: I64, day_shares: F64) -> KeyStatistics:
    """The statistics of the keys of ``rows``, which are ordered; turns are not counted.

    ``days`` are the days of all posts, sorted, and ``day_shares`` their shares of all posts.
    """
    rows = rows[~rows["is_turn"]]
    new_key = mark_group_starts(rows["key"])
    new_pair = mark_group_starts(rows["key"], rows["author"])
    key_of_row = np.cumsum(new_key) - 1
    first = np.flatnonzero(new_key)
    posts = np.bincount(key_of_row)
    key_of_pair = key_of_row[new_pair]
    written = rows["author_posts"][new_pair]
    has_habit, is_new = _mark_habits(rows, author_share)
    has_habit = has_habit[new_pair]
    is_devoted = has_habit | is_new[new_pair]
    authors = np.bincount(key_of_pair)
    devoted = np.bincount(key_of_pair, weights=is_devoted).astype(np.int64)
    sole = np.bincount(key_of_pair, weights=has_habit & (written == 1)).astype(np.int64)
    repeated = np.bincount(key_of_pair, weights=has_habit & (written > 1)).astype(np.int64)
    base = np.bincount(key_of_row, weights=rows["base"]) / posts
    share = posts / (np.bincount(key_of_row, weights=rows["stratum_posts"]) / posts)
    expected = base + (1 - base) * np.minimum(share, 1)
    key = rows["key"][first]
    return KeyStatistics(
        key,
        posts,
        authors,
        devoted,
        sole,
        repeated,
        expected,
        np.clip(share, _USUAL_HABIT, 1),
        _measure_bursts(rows, key, posts, days, day_shares),
    )


def _measure_bursts(rows: Rows, key: U64, posts: I64, days: I64, day_shares: F64) -> F64:
    """For each key the largest share of its posts on one day that has few of all posts."""
    bursts = np.zeros(key.size)
    is_timed = rows["time"] != UNTIMED
    if is_timed.any():
        number = np.searchsorted(key, rows["key"][is_timed])
        day = np.searchsorted(days, rows["time"][is_timed] // DAY)
        pairs, counts = np.unique(number * days.size + day, return_counts=True)
        number, day = pairs // days.size, pairs % days.size
        share = counts / posts[number]
        is_dense = share >= BURST_LIFT * day_shares[day]
        np.maximum.at(bursts, number[is_dense], share[is_dense])
    return bursts


def measure_evidence(found: KeyStatistics, usual_odds: float) -> F64:
    """How much likelier each key is pushed than popular, as a log-likelihood ratio."""
    usual = raise_odds(found.expected, usual_odds)
    authors = found.authors * measure_excess(found.devoted / found.authors, usual)
    once = (found.devoted - found.repeated) / np.maximum(found.devoted, 1)
    repeated = measure_excess(1 - once, found.habit)
    return authors + found.devoted * repeated


def mark_devoted(rows: Rows, author_share: float) -> NDArray[np.bool_]:
    """Whether the author of each row writes little without its key; ``rows`` are ordered.

    The author of a new account has not had the time to write much else, or made it for this.
    """
    has_habit, is_new = _mark_habits(rows, author_share)
    return has_habit | is_new


def _mark_habits(rows: Rows, author_share: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether most posts of each row's author have its key, and whether the account was new."""
    if not rows.size:
        return np.empty(0, bool), np.empty(0, bool)
    number = np.cumsum(mark_group_starts(rows["key"], rows["author"])) - 1
    with_key = np.bincount(number, weights=~rows["is_turn"])[number]
    is_new = np.bincount(number, weights=rows["is_new"] & ~rows["is_turn"])[number] > 0
    is_known = rows["author_posts"] > 0
    return is_known & (with_key >= author_share * rows["author_posts"]), is_known & is_new


def raise_odds(share: F64, factor: float) -> F64:
    """The share whose odds are ``factor`` times as high."""
    return factor * share / (1 + (factor - 1) * share)


def measure_excess(share: F64, usual: F64) -> F64:
    """The Kullback-Leibler divergence of a share from a usual one; 0 if it is not higher."""
    total = np.zeros(share.size)
    for one, other in ((share, usual), (1 - share, 1 - usual)):
        total += one * np.log(np.maximum(one, _SMALL) / np.maximum(other, _SMALL))
    return np.where(share > usual, total, 0.0)


def mark_pushed(found: KeyStatistics, config: Config) -> NDArray[np.bool_]:
    """A mask of the keys that are pushed."""
    share = found.devoted / found.authors
    is_burst = found.burst >= (config.min_burst or np.inf)
    return (
        (found.posts >= config.min_posts)
        & (found.authors >= config.min_authors)
        & (share >= config.min_devoted)
        & ((measure_evidence(found, config.usual_odds) >= config.min_evidence) | is_burst)
    )


def mark_pushed_alone(posts: I64, devoted: I64, config: Config) -> NDArray[np.bool_]:
    """A mask of the pushed keys whose ``posts`` without another pushed key are pushed, too.

    Of these, ``devoted`` are by authors who write little else.
    """
    return (posts >= config.min_posts) & (devoted >= config.min_devoted * posts)


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
    dated = rows[rows["is_dated"]]
    if dated.size:
        authors = np.unique(dated["author"]).size
        facts["new"] = round(np.unique(dated["author"][dated["is_new"]]).size / authors, 4)
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
