"""Share the rows of corpora among consumers: even shares of an epoch, and mixing by weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Consumer:
    """One consumer of a stream: one worker of one rank."""

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
        """Return begin and end of this consumer's share; shares differ by one row at most."""
        number = self.rank * self.num_workers + self.worker
        count = self.world_size * self.num_workers
        return number * rows // count, (number + 1) * rows // count

    def __str__(self) -> str:
        rank = f"rank {self.rank} of {self.world_size}"
        if self.num_workers == 1:
            return rank
        return f"{rank}, worker {self.worker} of {self.num_workers}"


def epoch_rows(rows: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Return how many rows of each corpus make an epoch of a mixture.

    The corpus with the most rows for its weight is read once. The others are read more often, so
    that the shares of the rows are as the weights.
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
    """An order of the rows of several sequences that spreads each evenly over the whole.

    Row j of a sequence of q rows has the position (j + ½) / q; rows are ordered by position.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = np.array(lengths, np.int64)
        self.total = int(self.lengths.sum())

    def rows_before(self, row: int) -> list[int]:
        """Return how many rows of each sequence precede row ``row`` of the whole."""
        count = len(self.lengths)
        if count == 1 or row >= self.total:
            return [min(row, int(self.lengths[0]))] if count == 1 else self.lengths.tolist()
        # All rows whose position is well below that of the row are a prefix of the order; the rest
        # is counted row by row.
        position = (row - count - 1) / self.total
        before = [self._rows_below(position, int(length)) for length in self.lengths]
        for source in self.next_sources(before, row - sum(before)):
            before[source] += 1
        return before

    def _rows_below(self, position: float, length: int) -> int:
        count = min(length, max(0, int(position * length)))
        while count < length and (count + 0.5) / length < position:
            count += 1
        while count and (count - 0.5) / length >= position:
            count -= 1
        return count

    def next_sources(self, taken: Sequence[int], count: int) -> NDArray[np.int64]:
        """Return the sequence of each of the next ``count`` rows, after ``taken`` rows of each."""
        positions, sources = [], []
        for source, (begin, length) in enumerate(zip(taken, self.lengths, strict=True)):
            rows = np.arange(begin, min(length, begin + count))
            positions.append((rows + 0.5) / max(1, length))
            sources.append(np.full(rows.size, source, np.int64))
        order = np.argsort(np.concatenate(positions), kind="stable")[:count]
        ordered: NDArray[np.int64] = np.concatenate(sources)[order]
        return ordered
