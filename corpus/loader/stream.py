"""A stream of rows for training: any consumer's share of an epoch, resumable to the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from corpus.errors import CorpusError
from corpus.loader.batches import ArrowBatches, BatchFormat, PolarsBatches
from corpus.loader.shard_index import ShardIndex
from corpus.partition.permutation import Consumer, Interleaving, epoch_rows, permutation

STATE_VERSION = 1


class StreamSource(Protocol):
    """What a stream reads: a finished corpus."""

    @property
    def identity(self) -> str:
        """Changes whenever the shards do."""
        ...

    def shard_index(self) -> ShardIndex:
        """The row groups, and a way to read them."""
        ...


class ShareReader:
    """The rows ``begin`` to ``end`` of a corpus that is read over and over, in a seeded order."""

    def __init__(
        self, shards: ShardIndex, columns: tuple[str, ...], begin: int, end: int,
        shuffle_key: tuple[int, int] | None, first_pass: int, batches: BatchFormat,
    ) -> None:  # fmt: skip
        self._shards, self._columns = shards, columns
        self._begin, self.rows = begin, end - begin
        self._shuffle_key, self._first_pass, self._batches = shuffle_key, first_pass, batches
        self._pass = -1
        self._batch: Any = None
        self.seek(0)

    def seek(self, row: int) -> None:
        """Go to a row; nothing is read yet."""
        self._row = row
        self._batch = None

    def take(self, count: int) -> list[Any]:
        """The next ``count`` rows."""
        taken = []
        while count:
            if self._batch is None:
                self._open_row_group()
            piece = self._batch.slice(self._batch_offset, count)
            taken.append(piece)
            count -= len(piece)
            self._row += len(piece)
            self._batch_offset += len(piece)
            if self._batch_offset == len(self._batch):
                self._batch = None
        return taken

    def _open_row_group(self) -> None:
        """Read the row group that the next row is in."""
        number, row = divmod(self._begin + self._row, self._shards.rows)
        if number != self._pass:
            self._pass = number
            groups = self._shards.row_counts
            self._row_group_order = (
                permutation(groups.size, "groups", *self._shuffle_key, self._first_pass + number)
                if self._shuffle_key
                else np.arange(groups.size)
            )
            self._row_group_ends = np.cumsum(groups[self._row_group_order])
        place = int(np.searchsorted(self._row_group_ends, row, side="right"))
        group = int(self._row_group_order[place])
        frame = self._batches.from_table(self._shards.read_row_group(group, self._columns))
        last = self._begin + self.rows - number * self._shards.rows
        coming = zip(
            self._row_group_order[place + 1 : place + 3], self._row_group_ends[place:], strict=False
        )
        self._shards.prefetch([int(one) for one, at in coming if at < last], self._columns)
        if self._shuffle_key:
            key = ("rows", *self._shuffle_key, self._first_pass + number, group)
            frame = self._batches.reorder(frame, permutation(len(frame), *key))
        self._batch_offset = row - (int(self._row_group_ends[place]) - len(frame))
        self._batch = frame


class Stream(Iterator[Any]):
    """One consumer's rows as frames of ``batch_size`` rows, for one epoch after another.

    A ``for`` goes through what is left of the epoch, or, if nothing is, through the next one in
    another order. ``state_dict()`` is small and says where the stream is; ``load_state_dict()``
    goes there. ``rows`` is how many rows this consumer gets in an epoch.
    """

    def __init__(
        self,
        sources: Sequence[tuple[StreamSource, float]],
        consumer: Consumer,
        *,
        batch_size: int,
        columns: Sequence[str],
        shuffle: bool,
        seed: int,
        epoch: int,
        arrow: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        if isinstance(columns, str) or not columns:
            raise ValueError("columns must be a list of at least one name")
        self.consumer, self.batch_size, self.columns = consumer, batch_size, tuple(columns)
        self._sources = tuple(sources)
        self._seed, self._shuffle = seed, shuffle
        self._batches: BatchFormat = ArrowBatches() if arrow else PolarsBatches()
        self._indexes: list[ShardIndex] = []
        self._start_epoch(epoch)

    def _start_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        self._epoch_finished = False
        self._row = 0
        self._readers: list[ShareReader] | None = None
        self._start_row = 0  # where to go once the shards are looked at

    def _open_readers(self) -> tuple[list[ShareReader], Interleaving]:
        """Look up the row groups and find this consumer's share."""
        if self._readers is None:
            wanted = self._compute_quotas()
            self._readers = []
            for number, (shelf, quota) in enumerate(zip(self._indexes, wanted, strict=True)):
                first = self.epoch * -(-quota // max(1, shelf.rows))
                key = (self._seed, number) if self._shuffle else None
                begin, end = self.consumer.row_range(quota)
                self._readers.append(
                    ShareReader(shelf, self.columns, begin, end, key, first, self._batches)
                )
            self._interleaving = Interleaving([one.rows for one in self._readers])
            self._seek_readers(self._start_row)
        return self._readers, self._interleaving

    def _compute_quotas(self) -> list[int]:
        """How many rows of each corpus make an epoch."""
        if not self._indexes:
            shelves = [source.shard_index() for source, _ in self._sources]
            for shelf in shelves:
                shelf.require_columns(self.columns)
                if len(shelves) > 1:  # no number of passes would give it its weight
                    shelf.require_rows()
            self._indexes = shelves
        rows = [shelf.rows for shelf in self._indexes]
        return epoch_rows(rows, [weight for _, weight in self._sources])

    @property
    def rows(self) -> int:
        """How many rows this consumer gets in an epoch."""
        return self._open_readers()[1].total

    def seek(self, row: int) -> None:
        """Go to a row of this consumer's share, counted from 0."""
        self._epoch_finished = False
        self._row = self._start_row = row
        if self._readers is not None:
            self._seek_readers(row)

    def _seek_readers(self, row: int) -> None:
        assert self._readers is not None
        if not 0 <= row <= self._interleaving.total:
            raise CorpusError(f"there is no row {row:,} in a share of {self._interleaving.total:,}")
        for one, taken in zip(self._readers, self._interleaving.rows_before(row), strict=True):
            one.seek(taken)
        self._rows_taken = self._interleaving.rows_before(row)

    def __iter__(self) -> Stream:
        if self._epoch_finished:
            self._start_epoch(self.epoch + 1)
        return self

    def __next__(self) -> Any:
        passes, turns = self._open_readers()
        count = min(self.batch_size, turns.total - self._row)
        if self._epoch_finished or not count:
            self._epoch_finished = True
            raise StopIteration
        batch = (
            passes[0].take(count) if len(passes) == 1 else self._take_mixed(passes, turns, count)
        )
        self._row += count
        return self._batches.concatenate(batch)

    def _take_mixed(
        self, readers: list[ShareReader], interleaving: Interleaving, count: int
    ) -> list[Any]:
        whose = interleaving.next_sources(self._rows_taken, count)
        counts = np.bincount(whose, minlength=len(readers)).tolist()
        frames = [f for one, wanted in zip(readers, counts, strict=True) for f in one.take(wanted)]
        self._rows_taken = [
            done + more for done, more in zip(self._rows_taken, counts, strict=True)
        ]
        # The frames stand source by source; give each row the turn that is its own.
        order = np.empty(count, np.int64)
        order[np.argsort(whose, kind="stable")] = np.arange(count)
        return [self._batches.reorder(self._batches.concatenate(frames), order)]

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is: plain data of a few hundred bytes."""
        return {
            "version": STATE_VERSION,
            "corpora": [[source.identity, weight] for source, weight in self._sources],
            "seed": self._seed,
            "shuffle": self._shuffle,
            "epoch": self.epoch,
            "place": [
                self.consumer.rank,
                self.consumer.world_size,
                self.consumer.worker,
                self.consumer.num_workers,
            ],
            "row": self._row,
            "done": self._epoch_finished,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where :meth:`state_dict` was taken; what follows is the same, batch for batch.

        Raises :class:`~corpus.errors.CorpusError` if the corpus, the seed or the weights are not
        what they were, or if ranks and workers are others and the epoch was not over.
        """
        _require_same_stream(state, self.state_dict())
        there, row, epoch = Consumer(*state["place"]), int(state["row"]), int(state["epoch"])
        if there != self.consumer:
            share = sum(end - begin for begin, end in map(there.row_range, self._compute_quotas()))
            over = bool(state["done"]) or (row and row >= share)
            if row and not over:
                raise CorpusError(
                    f"this state was saved in the middle of epoch {epoch} by {there}, and this "
                    f"stream is {self.consumer}; ranks and workers can change between epochs only: "
                    f"finish the epoch as it was, or begin it again with stream(epoch={epoch})"
                )
            self._start_epoch(epoch)
            self._epoch_finished = bool(over)
            if over:
                self._row = self._start_row = self.rows
            return
        self._start_epoch(epoch)
        self.seek(row)
        self._epoch_finished = bool(state["done"])


def _require_same_stream(state: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    try:
        version = int(state["version"])
        missing = [name for name in current if name not in state]
    except (KeyError, TypeError, ValueError):
        version, missing = 0, ["version"]
    if version > STATE_VERSION:
        raise CorpusError(
            f"the state has version {version} and this tool reads up to {STATE_VERSION}; "
            "install a newer version of corpus-builder"
        )
    if missing:
        raise CorpusError(f"this is no state of a stream: '{missing[0]}' is missing")
    was = [list(entry) for entry in state["corpora"]]
    if [entry[0] for entry in was] != [entry[0] for entry in current["corpora"]]:
        raise CorpusError(
            "the corpus has changed since this state was saved (its shards have other hashes), so "
            "rows would be skipped or seen twice; give the corpus as it was, or begin an epoch "
            f"of the new one with stream(epoch={int(state['epoch']) + 1})"
        )
    if was != current["corpora"]:
        raise CorpusError("the weights are not those of the state; give the same ones")
    for name in ("seed", "shuffle"):
        if state[name] != current[name]:
            raise CorpusError(
                f"the state was saved with {name}={state[name]!r} and this stream has "
                f"{name}={current[name]!r}; give the same"
            )
