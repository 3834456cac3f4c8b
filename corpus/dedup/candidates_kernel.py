"""Propose and verify pairs of duplicates, and find dense times; compiled, without the GIL.

A post is a number: its row index over all parts, or its rank in a batch.
"""

from __future__ import annotations

import numpy as np

from corpus.dedup.minhash_kernel import jaccard
from filters.text.arrays import I64, U32, U64
from filters.text.jit import jit


@jit
def pair_equal_keys(keys: U64, second_keys: U64, posts: I64) -> tuple[I64, I64]:
    """Pair the posts whose two keys are equal: the first of them represents the others.

    The rows are sorted by both keys, within equal keys by preference. Returns the other posts, and
    for each of them its representative.
    """
    others, representatives = np.empty(posts.size, np.int64), np.empty(posts.size, np.int64)
    count, first = 0, 0
    for index in range(1, posts.size):
        if keys[index] != keys[first] or second_keys[index] != second_keys[first]:
            first = index
        else:
            others[count], representatives[count] = posts[index], posts[first]
            count += 1
    return others[:count].copy(), representatives[:count].copy()


@jit
def _count_equal_bits(one: np.uint64, two: np.uint64) -> np.int64:
    """How many of 64 bits are equal."""
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
    """Pairs of posts that share a band key and have similar sketches; the preferred post first.

    ``keys`` is sorted; within a key the posts are sorted by preference. The posts with one key are
    a bucket. Its first post is a leader, and so is every post whose sketch differs in two bits or
    more from those of all leaders before it, up to ``max_leaders``. A post is paired with the first
    leader, and with the closest leader, that share at least ``min_equal_bits`` bits of the sketch.
    So a bucket costs posts times leaders, not all pairs of posts.
    """
    left, right = np.empty(1024, np.int64), np.empty(1024, np.int64)
    size, count = 0, 0
    leaders = np.empty(max_leaders, np.int64)
    for index in range(keys.size):
        if index == 0 or keys[index] != keys[index - 1]:
            count = 0
        first, closest, nearest = -1, -1, np.int64(min_equal_bits - 1)
        for number in range(count):
            equal_bits = _count_equal_bits(sketches[leaders[number]], sketches[index])
            if equal_bits >= min_equal_bits and first < 0:
                first = leaders[number]
            if equal_bits > nearest:
                closest, nearest = leaders[number], equal_bits
        for leader in (first, closest if closest != first else -1):
            if leader >= 0:
                if size == left.size:
                    left = np.concatenate((left, np.empty(size, np.int64)))
                    right = np.concatenate((right, np.empty(size, np.int64)))
                left[size], right[size] = posts[leader], posts[index]
                size += 1
        if nearest < 63 and count < max_leaders:
            leaders[count] = index
            count += 1
    return left[:size].copy(), right[:size].copy()


@jit
def verify_pairs(
    candidate_offsets: I64,
    candidates: I64,
    shingle_rows: I64,
    hashes: U32,
    offsets: I64,
    threshold: float,
) -> I64:
    """Find for each post the post that it duplicates, in the order of preference.

    ``candidates[candidate_offsets[x]:candidate_offsets[x + 1]]`` are the candidates of post x that
    are preferred to it; ``shingle_rows`` are the rows of the posts in ``hashes`` and ``offsets``.
    Returns the representative of each post; of a post that duplicates none, the post itself. A
    post duplicates a representative only if their exact Jaccard similarity reaches ``threshold``,
    so a chain of small changes never joins posts that have little in common.
    """
    representatives = np.arange(candidate_offsets.size - 1)
    for post in range(candidate_offsets.size - 1):
        previous = -1
        for index in range(candidate_offsets[post], candidate_offsets[post + 1]):
            representative = representatives[candidates[index]]
            if representative == previous:
                continue
            previous = representative
            if (
                jaccard(hashes, offsets, shingle_rows[representative], shingle_rows[post])
                >= threshold
            ):
                representatives[post] = representative
                break
    return representatives


@jit
def find_densest_window(times: I64, authors: U64, window: int) -> tuple[int, int, int]:
    """The most posts within ``window`` of each other: how many, of how many authors, and the first.

    ``times`` is sorted and has the unit of ``window``; the first is a row of ``times``.
    """
    size, begin, start = 0, 0, 0
    for index in range(times.size):
        while times[index] - times[start] > window:
            start += 1
        if index + 1 - start > size:
            size, begin = index + 1 - start, start
    ordered = np.sort(authors[begin : begin + size])
    author_count = 0
    for index in range(ordered.size):
        if index == 0 or ordered[index] != ordered[index - 1]:
            author_count += 1
    return size, author_count, begin


@jit
def gather_shingles(hashes: U32, offsets: I64, rows: I64) -> tuple[U32, I64]:
    """The shingles of some rows: flat hashes, and the number of hashes of each row."""
    counts = np.empty(rows.size, np.int64)
    total = 0
    for index in range(rows.size):
        counts[index] = offsets[rows[index] + 1] - offsets[rows[index]]
        total += counts[index]
    gathered = np.empty(total, np.uint32)
    position = 0
    for index in range(rows.size):
        start = offsets[rows[index]]
        gathered[position : position + counts[index]] = hashes[start : start + counts[index]]
        position += counts[index]
    return gathered, counts
