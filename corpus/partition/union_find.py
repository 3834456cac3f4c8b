"""The compiled arithmetic of grouping: by equal keys, by shared buckets, by who stays.

Posts are numbers here, their places in reading order over all parts. Each kernel releases the
GIL. ``corpus.dedup.candidates`` says what is done with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from corpus.dedup.minhash_kernel import jaccard
from filters.text.jit import jit

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., Any])

#: Keys are kept by their first byte, so that a range of them is read without the others.
KEY_RANGES = 256


@jit
def partition_by_first_byte(keys: U64) -> tuple[U64, U32, I64]:
    """Order ``keys``, of shape (posts, keys a post), by their first byte.

    Returns the keys, the post of each, and where each of the 256 ranges begins and the last ends.
    """
    cuts = np.zeros(KEY_RANGES + 1, np.int64)
    for post in range(keys.shape[0]):
        for place in range(keys.shape[1]):
            cuts[np.int64(keys[post, place] >> np.uint64(56)) + 1] += 1
    for index in range(KEY_RANGES):
        cuts[index + 1] += cuts[index]
    free = cuts[:-1].copy()
    out, rows = np.empty(keys.size, np.uint64), np.empty(keys.size, np.uint32)
    for post in range(keys.shape[0]):
        for place in range(keys.shape[1]):
            key = keys[post, place]
            at = free[np.int64(key >> np.uint64(56))]
            free[np.int64(key >> np.uint64(56))] += 1
            out[at], rows[at] = key, post
    return out, rows, cuts


@jit
def mark_possible_repeats(keys: U64) -> Bool:
    """Which keys may be there more than once: every one that is, and a few that are not.

    Most keys are alone. Two bits a slot tell so in two passes, without sorting them.
    """
    size = 1 << 10
    while size < 4 * keys.size:
        size <<= 1
    mask = np.uint64(size - 1)
    seen = np.zeros(size, np.uint8)
    for index in range(keys.size):
        slot = np.int64((keys[index] ^ (keys[index] >> np.uint64(29))) & mask)
        if seen[slot] < 2:
            seen[slot] += 1
    out = np.empty(keys.size, np.bool_)
    for index in range(keys.size):
        out[index] = seen[np.int64((keys[index] ^ (keys[index] >> np.uint64(29))) & mask)] > 1
    return out


@jit
def pair_equal_keys(keys: U64, second_keys: U64, posts: I64) -> tuple[I64, I64]:
    """Of posts with two equal keys, which comes first; given sorted, the preferred one in front.

    Returns the others, and for each of them the post that stays.
    """
    others, stays = np.empty(posts.size, np.int64), np.empty(posts.size, np.int64)
    used, first = 0, 0
    for index in range(1, posts.size):
        if keys[index] != keys[first] or second_keys[index] != second_keys[first]:
            first = index
        else:
            others[used], stays[used] = posts[index], posts[first]
            used += 1
    return others[:used].copy(), stays[:used].copy()


@jit
def _count_equal_bits(one: np.uint64, two: np.uint64) -> np.int64:
    """How many of 64 bits are the same."""
    bits = ~(one ^ two)
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + (
        (bits >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@jit
def propose_pairs(
    keys: U64, posts: I64, sketches: U64, min_equal_bits: int, max_leaders: int
) -> tuple[I64, I64]:
    """Pairs of posts (the preferred one first) that share a bucket and have like sketches.

    ``keys`` is sorted; within a key the posts come best first. The first post of a bucket leads
    it; one that is not the image of a leader leads too, up to ``most`` of them. A post is paired
    with the first leader and with the closest: members times leaders, never all pairs.
    """
    left, right = np.empty(1024, np.int64), np.empty(1024, np.int64)
    used, count = 0, 0
    leaders = np.empty(max_leaders, np.int64)
    for index in range(keys.size):
        if index == 0 or keys[index] != keys[index - 1]:
            count = 0
        first, closest, nearest = -1, -1, np.int64(min_equal_bits - 1)
        for place in range(count):
            alike = _count_equal_bits(sketches[leaders[place]], sketches[index])
            if alike >= min_equal_bits and first < 0:
                first = leaders[place]
            if alike > nearest:
                closest, nearest = leaders[place], alike
        for leader in (first, closest if closest != first else -1):
            if leader >= 0:
                if used == left.size:
                    left = np.concatenate((left, np.empty(used, np.int64)))
                    right = np.concatenate((right, np.empty(used, np.int64)))
                left[used], right[used] = posts[leader], posts[index]
                used += 1
        if nearest < 63 and count < max_leaders:
            leaders[count] = index
            count += 1
    return left[:used].copy(), right[:used].copy()


@jit
def _find_root(parents: I64, post: int) -> int:
    while parents[post] != post:
        parents[post] = parents[parents[post]]
        post = parents[post]
    return post


@jit
def union_pairs(parents: I64, left: I64, right: I64) -> None:
    """Union: put the two ends of each pair in one set, whose root is its smallest post."""
    for index in range(left.size):
        one, two = _find_root(parents, left[index]), _find_root(parents, right[index])
        if one < two:
            parents[two] = one
        else:
            parents[one] = two


@jit
def verify_pairs(
    candidate_offsets: I64,
    candidates: I64,
    shingle_rows: I64,
    hashes: U32,
    offsets: I64,
    threshold: float,
) -> I64:
    """Decide, best post first, which post each one duplicates (itself: it is kept).

    ``better[starts[x]:starts[x + 1]]`` are the candidates for post x that come before it, and
    ``slots`` is where each post's shingles are. A post leaves only if it is similar enough to a
    post that stays, by exact Jaccard similarity, so that a chain of small changes never swallows
    posts that have little in common.
    """
    kept = np.arange(candidate_offsets.size - 1)
    for post in range(candidate_offsets.size - 1):
        before = -1
        for index in range(candidate_offsets[post], candidate_offsets[post + 1]):
            keeper = kept[candidates[index]]
            if keeper == before:
                continue
            before = keeper
            if jaccard(hashes, offsets, shingle_rows[keeper], shingle_rows[post]) >= threshold:
                kept[post] = keeper
                break
    return kept


@jit
def find_densest_window(times: I64, authors: U64, window: int) -> tuple[int, int, int]:
    """The most posts within ``window`` of each other, their authors, and the first of them.

    ``times`` is sorted; ``window`` has its unit.
    """
    most, begin, start = 0, 0, 0
    for index in range(times.size):
        while times[index] - times[start] > window:
            start += 1
        if index + 1 - start > most:
            most, begin = index + 1 - start, start
    people = np.sort(authors[begin : begin + most])
    count = 0
    for index in range(people.size):
        if index == 0 or people[index] != people[index - 1]:
            count += 1
    return most, count, begin


@jit
def gather_shingles(hashes: U32, offsets: I64, rows: I64) -> tuple[U32, I64]:
    """The shingles of some rows: flat hashes and the count of each row."""
    counts = np.empty(rows.size, np.int64)
    total = 0
    for index in range(rows.size):
        counts[index] = offsets[rows[index] + 1] - offsets[rows[index]]
        total += counts[index]
    out = np.empty(total, np.uint32)
    used = 0
    for index in range(rows.size):
        start = offsets[rows[index]]
        out[used : used + counts[index]] = hashes[start : start + counts[index]]
        used += counts[index]
    return out, counts
