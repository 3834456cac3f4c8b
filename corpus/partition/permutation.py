"""Who gets which rows, in which order: seeded permutations, even shares, and mixing by weight."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def permutation(count: int, *key: object) -> NDArray[np.int64]:
    """The numbers below ``count`` in an order that ``key`` alone decides.

    They are sorted by their SplitMix64 hashes: whole numbers only, so that no version of NumPy
    and no processor gives another order. Holds for counts below 2**32.
    """
    bits = np.uint64(max(1, (count - 1).bit_length()))
    numbers = np.arange(count, dtype=np.uint64)
    found = splitmix64(numbers, *key)
    # The number itself in the low bits: it comes along when sorted, and no two are equal.
    found <<= bits
    found |= numbers
    found.sort()
    found &= (np.uint64(1) << bits) - np.uint64(1)
    return found.astype(np.int64)


def splitmix64(numbers: NDArray[np.uint64], *key: object) -> NDArray[np.uint64]:
    """SplitMix64 of each number, from a start that ``key`` decides. No two numbers give one."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    found = numbers + np.uint64(int.from_bytes(digest[:8], "little"))
    found *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found ^= found >> np.uint64(shift)
        found *= np.uint64(factor)
    found ^= found >> np.uint64(31)
    return found


@dataclass(frozen=True)
class Consumer:
    """One of the consumers of a stream: a worker of a rank."""

    rank: int = 0
    world_size: int = 1
    worker: int = 0
    num_workers: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise ValueError(
                f"rank {self.rank} is not in a world of {self.world_size}; ranks count from 0"
            )
        if not 0 <= self.worker < self.num_workers:
            raise ValueError(
                f"worker {self.worker} is not one of {self.num_workers}; workers count from 0"
            )

    def row_range(self, rows: int) -> tuple[int, int]:
        """Where this consumer's part of ``rows`` begins and ends; parts differ by a row at most."""
        number = self.rank * self.num_workers + self.worker
        count = self.world_size * self.num_workers
        return number * rows // count, (number + 1) * rows // count

    def __str__(self) -> str:
        found = f"rank {self.rank} of {self.world_size}"
        return (
            f"{found}, worker {self.worker} of {self.num_workers}"
            if self.has_many_workers
            else found
        )

    @property
    def has_many_workers(self) -> bool:
        """Whether a rank has more than one worker."""
        return self.num_workers > 1


def epoch_rows(rows: Sequence[int], weights: Sequence[float]) -> list[int]:
    """How many rows of each corpus make an epoch of a mixture.

    The corpus that its weight favours least is seen once; the others are seen more often, so
    that the shares are as the weights say.
    """
    if len(rows) == 1:
        return list(rows)
    total = sum(weights)
    size = max(count * total / weight for count, weight in zip(rows, weights, strict=True))
    return [
        max(count, round(size * weight / total))
        for count, weight in zip(rows, weights, strict=True)
    ]


class Interleaving:
    """Whose turn it is: several sequences of known lengths, each spread evenly over the whole.

    The j-th row of a sequence of q stands at (j + ½) / q; the rows go in the order of these.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = np.array(lengths, np.int64)
        self.total = int(self.lengths.sum())

    def rows_before(self, position: int) -> list[int]:
        """How many rows of each sequence come before ``turn``."""
        count = len(self.lengths)
        if count == 1 or position >= self.total:
            return [min(position, int(self.lengths[0]))] if count == 1 else self.lengths.tolist()
        # All rows that stand well before the turn are a prefix of the order; go on from there.
        edge = (position - count - 1) / self.total
        low = [self._rows_before_edge(edge, int(length)) for length in self.lengths]
        for source in self.next_sources(low, position - sum(low)):
            low[source] += 1
        return low

    def _rows_before_edge(self, edge: float, length: int) -> int:
        found = min(length, max(0, int(edge * length)))
        while found < length and (found + 0.5) / length < edge:
            found += 1
        while found and (found - 0.5) / length >= edge:
            found -= 1
        return found

    def next_sources(self, taken: Sequence[int], count: int) -> NDArray[np.int64]:
        """The sequences that the next ``count`` rows come from."""
        stands, whose = [], []
        for source, (done, length) in enumerate(zip(taken, self.lengths, strict=True)):
            more = np.arange(done, min(length, done + count))
            stands.append((more + 0.5) / max(1, length))
            whose.append(np.full(more.size, source, np.int64))
        order = np.argsort(np.concatenate(stands), kind="stable")[:count]
        found: NDArray[np.int64] = np.concatenate(whose)[order]
        return found
