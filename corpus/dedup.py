"""Keep one post of each group that says the same: by id, by exact text, then nearly.

Posts are compared on a normalised form only (case, Unicode form, links, mentions, ``RT @name:``
heads, punctuation and emoji folded); what is kept keeps its own text. Signatures equal
datasketch 2.x ``MinHash(num_perm, scheme="affine32", hashfunc=hash32)`` bit for bit. Every
candidate that the LSH bands propose is verified by exact Jaccard similarity on shingles with the
post that stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from corpus import arrays
from filters.contract import FilterConfig

READS = ("id", "text", "created_at", "score")
WRITES: dict[str, pl.DataType] = {"cluster": pl.String(), "cluster_size": pl.Int64()}
VERSION = 2

_MAX_LEADERS = 64
_LATEST = np.iinfo(np.int64).max


class Config(FilterConfig):
    """What counts as the same post, and which copy stays."""

    jaccard: float = Field(0.8, gt=0, le=1, description="similarity from which a post leaves")
    shingle_words: int = Field(2, ge=1, le=20, description="words to a shingle")
    permutations: int = Field(128, ge=16, le=1024, description="length of a signature")
    miss_weight: float = Field(
        0.95, gt=0, lt=1, description="how much a missed pair weighs in choosing bands and rows"
    )
    keep: Literal["earliest", "longest", "best_score"] = Field(
        "earliest", description="which copy stays; ties go to the one read first"
    )
    reposts: Literal["once", "by_text"] = Field(
        "once",
        description="once: of a post and all its reposts one stays, the post itself if it is "
        "there; by_text: a repost is a post like any other",
    )
    exact_only: bool = Field(False, description="compare whole normalised texts only")


# --------------------------------------------------------------------------- one part


def normalised(text: pl.Expr) -> pl.Expr:
    """The form in which posts are compared; never written anywhere.

    A post of which nothing is left (a bare link, emoji only) is compared as it stands.
    """
    folded = (
        text.str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace(r"^(?:rt @\w+:?\s+)+", "")
        .str.replace_all(r"https?://\S+|www\.\S+", " ")
        .str.replace_all(r"(^|[^\w@/.])@[\w.]+(?:@[\w.-]+\w)?", "${1} ")
        .str.replace_all(r"#(\w)", "${1}")
        .str.replace_all(r"[\p{P}\p{So}\p{Sk}\p{Cf}\p{Mn}--[#%&@\p{M}]]+|\x{fe0f}", " ")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars(" ")
    )
    raw = text.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars(" ")
    return pl.when(folded == "").then(raw).otherwise(folded)


def hash32(data: bytes) -> int:
    """The public shingle hash: MurmurHash3 x86 32 with seed 0."""
    from corpus import kernels

    return int(kernels.murmur3_32(np.frombuffer(data, np.uint8), 0, len(data)))


@cache
def permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """datasketch's own permutations (seed 1) for ``affine32``."""
    from datasketch import MinHash

    a, b = MinHash(num_perm=count, seed=1, scheme="affine32").permutations
    return np.ascontiguousarray(a, np.uint32), np.ascontiguousarray(b, np.uint32)


@cache
def bands_and_rows(config: Config) -> tuple[int, int]:
    """The split of a signature into bands, by datasketch's optimiser.

    Candidates are verified, so a false one costs a comparison and a missed one costs a
    duplicate in the corpus: hence the weight on misses.
    """
    from datasketch.lsh import _optimal_param

    weight = config.miss_weight
    bands, rows = _optimal_param(config.jaccard, config.permutations, 1 - weight, weight)
    return int(bands), int(rows)


class Signed(NamedTuple):
    """What dedup knows of a part: one entry a post, no text."""

    ids: NDArray[np.uint64]  # (n, 2); of a repost, its original's
    reposts: NDArray[np.bool_]  # (n,)
    exact: NDArray[np.uint64]  # (n, 2)
    prefer: NDArray[np.int64]  # (n,) smaller is better
    bands: NDArray[np.uint64]  # (bands, n), so that one band is read at a time
    hashes: NDArray[np.uint32]  # flat, sorted within a post
    places: NDArray[np.int64]  # (n + 1,)


def sign(posts: pl.DataFrame, config: Config) -> Signed:
    """Hash ids and texts of ``posts`` and compute their signatures' band keys."""
    from corpus import kernels

    texts = posts.select(normalised(pl.col("text").fill_null(""))).to_series()
    data, offsets = arrays.flat(texts)
    again = _reposts(posts, config)
    original = posts["parent_id"] if again.any() else posts["id"]
    named = posts["id"].zip_with(~again, original)
    ids = kernels.hash128(*arrays.flat(named))
    exact = kernels.hash128(data, offsets)
    prefer = posts.select(_preference(config)).to_series().to_numpy().astype(np.int64)
    if config.exact_only:
        none = np.empty((0, posts.height), np.uint64)
        flat = (np.empty(0, np.uint32), np.zeros(posts.height + 1, np.int64))
        return Signed(ids, again.to_numpy(), exact, prefer, none, *flat)
    hashes, places = kernels.shingles(data, offsets, config.shingle_words)
    bands, rows = bands_and_rows(config)
    signature = kernels.signatures(hashes, places, *permutations(config.permutations))
    keys = kernels.band_keys(signature, bands, rows)
    return Signed(
        ids, again.to_numpy(), exact, prefer, np.ascontiguousarray(keys.T), hashes, places
    )


def signatures(posts: pl.DataFrame, config: Config) -> NDArray[np.uint32]:
    """The MinHash signatures of ``posts``, shape (n, permutations), as datasketch has them."""
    from corpus import kernels

    texts = posts.select(normalised(pl.col("text").fill_null(""))).to_series()
    hashes, places = kernels.shingles(*arrays.flat(texts), config.shingle_words)
    return kernels.signatures(hashes, places, *permutations(config.permutations))


def _reposts(posts: pl.DataFrame, config: Config) -> pl.Series:
    """Which rows only repeat a post that they name."""
    if config.reposts == "by_text" or not {"kind", "parent_id"} <= set(posts.columns):
        return pl.repeat(False, posts.height, dtype=pl.Boolean, eager=True)
    told = (pl.col("kind") == "repost") & pl.col("parent_id").is_not_null()
    return posts.select(told.fill_null(False)).to_series()


def _preference(config: Config) -> pl.Expr:
    if config.keep == "longest":
        return -pl.col("text").str.len_chars().cast(pl.Int64).fill_null(0)
    if config.keep == "best_score":
        return -pl.col("score").fill_null(-(2**62)).clip(-(2**62), 2**62)
    return pl.col("created_at").cast(pl.Int64).fill_null(_LATEST)


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """What dedup needs to know of a part."""
    return sign(posts, config)._asdict()


# --------------------------------------------------------------------------- all parts


class Verdict(NamedTuple):
    """The outcome over all posts, in reading order."""

    keeper: NDArray[np.int64]  # which post stays for each; a post that stays names itself
    reason: NDArray[np.uint8]  # an index into REASONS
    size: NDArray[np.int64]  # posts in the cluster of the one that stays


REASONS = ("", "same_id", "exact_duplicate", "near_duplicate", "repost")


def duplicates(folders: Sequence[Path], config: Config) -> Verdict:
    """Decide over all parts (the folders of their arrays) which post stays.

    Memory is linear in posts with small constants (see ``make bench``): flat arrays of numbers,
    one band at a time, and the shingles of those posts only that share a band with another.
    """
    prefer = arrays.together(folders, "prefer", np.empty(0, np.int64))
    total = prefer.size
    rank = np.empty(total, np.int64)
    rank[np.argsort(prefer, kind="stable")] = np.arange(total)  # ties stay in reading order
    del prefer
    keeper = np.arange(total)
    reason = np.zeros(total, np.uint8)
    again = arrays.together(folders, "reposts", np.empty(0, bool))
    # An original stays before its reposts, whatever copy is preferred otherwise.
    for name, code, order in (("ids", 1, rank + total * again), ("exact", 2, rank)):
        alive = np.flatnonzero(reason == 0)
        keys = arrays.together(folders, name, np.empty((0, 2), np.uint64))
        first = _first_of_equal(keys[alive], order[alive])
        keeper[alive] = alive[first]
        reason[alive[first != np.arange(alive.size)]] = code
    reason[(reason == 1) & again] = 4
    if not config.exact_only:
        alive = np.flatnonzero(reason == 0)
        alive = alive[np.argsort(rank[alive])]  # best first from here on
        near = _near(folders, alive, config)
        keeper[alive] = alive[near]
        reason[alive[near != np.arange(alive.size)]] = 3
    # An exact copy of a near duplicate follows it to the post that stays.
    while not np.array_equal(onward := keeper[keeper], keeper):
        keeper = onward
    return Verdict(keeper, reason, np.bincount(keeper, minlength=total))


def _first_of_equal(keys: NDArray[np.uint64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row of ``keys`` (n, 2), the index of the best ranked row that equals it."""
    order = np.lexsort((rank, keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    group = np.cumsum(new) - 1
    out = np.empty(len(keys), np.int64)
    out[order] = order[np.flatnonzero(new)][group]
    return out


def _near(folders: Sequence[Path], alive: NDArray[np.int64], config: Config) -> NDArray[np.int64]:
    """For each post of ``alive`` (best first), the index of the one that stays for it."""
    from corpus import kernels

    buckets = [
        _shared(arrays.together(folders, "bands", np.empty(0, np.uint64), band)[alive])
        for band in range(bands_and_rows(config)[0])
    ]
    candidate = np.zeros(alive.size, bool)
    for _, members in buckets:
        candidate[members] = True
    chosen = np.flatnonzero(candidate)
    position = np.full(alive.size, -1, np.int64)
    position[chosen] = np.arange(chosen.size)
    # Shingles are read part by part, so they lie in reading order, not best first.
    reading = np.argsort(alive[chosen])
    slots = np.empty(chosen.size, np.int64)
    slots[reading] = np.arange(chosen.size)
    hashes, places = _shingles_of(folders, alive[chosen][reading])
    edges = [np.empty((0, 2), np.int64)]
    for keys, members in buckets:
        members = position[members]
        one, two = kernels.bucket_edges(
            keys, slots[members], hashes, places, config.jaccard, _MAX_LEADERS
        )
        edges.append(np.stack([members[two], members[one]], axis=1))
    pairs = np.unique(np.concatenate(edges), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(chosen.size + 1))
    better = np.ascontiguousarray(pairs[:, 1])
    out = np.arange(alive.size)
    out[chosen] = chosen[kernels.settle(starts, better, slots, hashes, places, config.jaccard)]
    return out


def _shared(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The keys that more than one post has, sorted, and their posts, the best first."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = np.zeros(keys.size + 1, bool)
    same[1:-1] = ordered[1:] == ordered[:-1]
    shared = same[1:] | same[:-1]
    return ordered[shared], order[shared]


def _shingles_of(
    folders: Sequence[Path], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The shingles of the posts at the sorted global positions ``wanted``."""
    from corpus import kernels

    pieces, counts = [np.empty(0, np.uint32)], [np.zeros(1, np.int64)]
    begin = 0
    for folder in folders:
        places = np.array(arrays.mapped(folder, "places"))
        end = begin + places.size - 1
        local = wanted[np.searchsorted(wanted, begin) : np.searchsorted(wanted, end)] - begin
        if local.size:
            hashes = np.array(arrays.mapped(folder, "hashes"))
            piece, count = kernels.take_shingles(hashes, places, local)
            pieces.append(piece)
            counts.append(count)
        begin = end
    return np.concatenate(pieces), np.cumsum(np.concatenate(counts))


# --------------------------------------------------------------------------- applying it


def decide(
    folders: Sequence[Path], parts: Sequence[Path], config: Config
) -> Iterator[pl.DataFrame]:
    """The verdict on each part, with the kept posts' ids written out."""
    found = duplicates(folders, config)
    ids = [pl.read_parquet(path, columns=["id"], glob=False)["id"] for path in parts]
    every = pl.concat([pl.Series("id", [], dtype=pl.String), *ids])
    begin = 0
    for part in ids:
        rows = slice(begin, begin + len(part))
        keeper = found.keeper[rows]
        yield verdict_frame(every.gather(keeper), found.size[keeper], found.reason[rows])
        begin = rows.stop


def verdict_frame(
    ids: pl.Series, sizes: NDArray[np.int64], reason: NDArray[np.uint8]
) -> pl.DataFrame:
    """The verdict on one part: the kept post's id, the cluster's size, and why a post leaves."""
    names = pl.Series("reject", [name or None for name in REASONS], dtype=pl.String)
    return pl.DataFrame(
        {
            "cluster": ids,
            "cluster_size": pl.Series(sizes, dtype=pl.Int64),
            "reject": names.gather(pl.Series(reason, dtype=pl.UInt32)),
        }
    )
