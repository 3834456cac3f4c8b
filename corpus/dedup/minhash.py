"""Compute shingles, MinHash signatures and band keys of texts.

Signatures equal those of datasketch 2.x bit for bit:
``MinHash(num_perm, scheme="affine32", hashfunc=corpus.dedup.hash32)``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup.config import Config
from corpus.dedup.normalize import normalize_to_bytes


def hash32(data: bytes) -> int:
    """The hash of a shingle: MurmurHash3 x86 32 with seed 0, for use with datasketch."""
    from corpus.dedup import minhash_kernel

    return int(minhash_kernel.murmur3_32(np.frombuffer(data, np.uint8), 0, len(data)))


@cache
def affine_permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The factors and terms of ``count`` permutations, as datasketch draws them with seed 1.

    Importing datasketch takes longer than a part of a thousand posts, in every worker process.
    """
    generator = np.random.RandomState(1)  # whose numbers no later version of numpy changes
    factors = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, generator.randint(0, 1 << 32, count, dtype=np.uint32)


@cache
def choose_bands(config: Config) -> tuple[int, int]:
    """The number of bands and of rows per band: the plan's, or what datasketch would choose.

    Candidates are verified, so a false one costs a comparison, and a missed one costs a duplicate
    in the corpus. ``miss_weight`` says how much more a miss counts.
    """
    if config.bands and config.rows:
        return config.bands, config.rows
    return _optimize_bands(config.jaccard, config.permutations, config.miss_weight)


def _optimize_bands(jaccard: float, permutations: int, miss_weight: float) -> tuple[int, int]:
    """The bands and rows with the least weighted area of false candidates and of misses.

    With b bands of r rows, two texts of similarity s are a candidate with the probability
    1 - (1 - s^r)^b: a polynomial of degree b * r, which Gauss-Legendre quadrature integrates
    exactly. datasketch's optimizer gives the same; it imports SciPy, for half a second.
    """
    nodes, weights = np.polynomial.legendre.leggauss(permutations // 2 + 1)
    below, above = jaccard * (nodes + 1) / 2, jaccard + (1 - jaccard) * (nodes + 1) / 2
    least, best = np.inf, (1, 1)
    for bands in range(1, permutations + 1):
        rows = np.arange(1, permutations // bands + 1)[:, None]
        false_area = (1 - (1 - below**rows) ** bands) @ weights * (jaccard / 2)
        miss_area = (1 - above**rows) ** bands @ weights * ((1 - jaccard) / 2)
        errors = false_area * (1 - miss_weight) + miss_area * miss_weight
        if errors.min() < least:
            least, best = errors.min(), (bands, int(errors.argmin()) + 1)
    return best


class ShinglesAndSignatures(NamedTuple):
    """The shingles and signatures of n texts."""

    hashes: NDArray[np.uint32]  # the distinct shingles of all texts, ascending within a text
    offsets: NDArray[np.int64]  # (n + 1,), of each text in ``hashes``
    token_counts: NDArray[np.uint32]  # (n,)
    signatures: NDArray[np.uint32]  # (n, permutations)


def shingle_and_sign(texts: pl.Series, config: Config) -> ShinglesAndSignatures:
    """The shingles and signatures of texts, which are normalized first."""
    return shingle_and_sign_bytes(*normalize_to_bytes(texts, config.fold), config)


def shingle_and_sign_bytes(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], config: Config
) -> ShinglesAndSignatures:
    """The same of normalized texts: UTF-8 in ``data``, with the offset of each."""
    from corpus.dedup import minhash_kernel

    width = config.shingle_chars or config.shingle_words
    hashes, starts, token_counts = minhash_kernel.hash_shingles(
        data, offsets, width, config.shingle_chars > 0
    )
    signatures = sign_shingles(hashes, starts, config)
    return ShinglesAndSignatures(hashes, starts, token_counts, signatures)


def sign_shingles(
    hashes: NDArray[np.uint32], offsets: NDArray[np.int64], config: Config
) -> NDArray[np.uint32]:
    """The signatures of shingles, shape (n, permutations)."""
    from corpus.dedup import minhash_kernel

    a, b = affine_permutations(config.permutations)
    return minhash_kernel.minhash_signatures(hashes, offsets, a, b)


def compute_signatures(posts: pl.DataFrame, config: Config) -> NDArray[np.uint32]:
    """The MinHash signatures of the texts of ``posts``, shape (n, permutations)."""
    return shingle_and_sign(posts["text"], config).signatures


def compute_band_keys(texts: pl.Series, config: Config) -> NDArray[np.uint64]:
    """A key for each band of each text's signature, shape (n, bands)."""
    from corpus.dedup import minhash_kernel

    signatures = shingle_and_sign(texts, config).signatures
    return minhash_kernel.hash_bands(signatures, *choose_bands(config))


def partition_band_keys(signed: ShinglesAndSignatures, config: Config) -> dict[str, NDArray[Any]]:
    """Arrays of the band keys, ordered by first byte, and of the shingles."""
    from corpus.dedup import minhash_kernel
    from corpus.partition import key_kernel

    bands = minhash_kernel.hash_bands(signed.signatures, *choose_bands(config))
    keys, rows, cuts = key_kernel.partition_by_first_byte(bands)
    return {
        "bands_keys": keys,
        "bands_rows": rows,
        "bands_cuts": cuts,
        "hashes": signed.hashes,
        "offsets": signed.offsets,
    }
