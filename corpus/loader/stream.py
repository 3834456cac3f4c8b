"""Stream rows for training: each consumer's share of an epoch, resumable to the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from corpus.errors import CorpusError
from corpus.loader.batches import ArrowBatches, BatchFormat, PolarsBatches
from corpus.loader.shard_index import ShardIndex
from corpus.loader.shares import Consumer, Interleaving, epoch_rows
from corpus.partition.permutation import permutation

STATE_VERSION = 1


class StreamSource(Protocol):
    """A corpus, or a split of one, that a stream reads."""

    @property
    def identity(self) -> str:
        """A digest that changes whenever the shards do."""
        ...

    def shard_index(self) -> ShardIndex:
        """Return the row groups of the corpus."""
        ...


class ShareReader:
    """Reads the rows ``begin`` to ``end`` of a corpus that is repeated in a seeded order.

    The rows are counted over the repetitions: each pass over the corpus has another order.
    """

    def __init__(
        self,
        shards: ShardIndex,
        columns: tuple[str, ...],
        begin: int,
        end: int,
        shuffle_key: tuple[int, int] | None,
        first_pass: int,
        batches: BatchFormat,
    ) -> None:
        self._shards, self._columns = shards, columns
        self._begin, self.rows = begin, end - begin
        self._shuffle_key, self._first_pass, self._batches = shuffle_key, first_pass, batches
        self._pass = -1
        self._batch: Any = None
        self.seek(0)

    def seek(self, row: int) -> None:
        """Continue at a row of the share; nothing is read yet."""
        self._row = row
        self._batch = None

    def take(self, count: int) -> list[Any]:
        """Return the next ``count`` rows as batches."""
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
        """Read the row group of the next row, and prefetch the two row groups after it."""
        number, row = divmod(self._begin + self._row, self._shards.rows)
        if number != self._pass:
            self._start_pass(number)
        position = int(np.searchsorted(self._row_group_ends, row, side="right"))
        row_group = int(self._row_group_order[position])
        batch = self._batches.from_table(self._shards.read_row_group(row_group, self._columns))
        end = self._begin + self.rows - number * self._shards.rows
        following = zip(
            self._row_group_order[position + 1 : position + 3],
            self._row_group_ends[position:],
            strict=False,
        )
        self._shards.prefetch([int(one) for one, begin in following if begin < end], self._columns)
        if self._shuffle_key:
            key = ("rows", *self._shuffle_key, self._first_pass + number, row_group)
            batch = self._batches.reorder(batch, permutation(len(batch), *key))
        self._batch_offset = row - (int(self._row_group_ends[position]) - len(batch))
        self._batch = batch

    def _start_pass(self, number: int) -> None:
        """Put the row groups in the order of a pass over the corpus."""
        self._pass = number
        row_counts = self._shards.row_counts
        if self._shuffle_key:
            key = ("groups", *self._shuffle_key, self._first_pass + number)
            self._row_group_order = permutation(row_counts.size, *key)
        else:
            self._row_group_order = np.arange(row_counts.size)
        self._row_group_ends = np.cumsum(row_counts[self._row_group_order])


class Stream(Iterator[Any]):
    """One consumer's rows as batches of ``batch_size`` rows, one epoch after another.

    A ``for`` loop yields the rest of the epoch, or, if the epoch is finished, the next one in
    another order. ``state_dict()`` is small and records the position; ``load_state_dict()``
    restores it. ``rows`` is how many rows this consumer gets in an epoch.
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
        self._start_row = 0  # where to start when the readers are opened

    def _open_readers(self) -> tuple[list[ShareReader], Interleaving]:
        """Open the shards and find this consumer's share."""
        if self._readers is None:
            self._readers = []
            for number, (index, quota) in enumerate(self._compute_quotas()):
                first_pass = self.epoch * -(-quota // max(1, index.rows))
                key = (self._seed, number) if self._shuffle else None
                begin, end = self.consumer.row_range(quota)
                self._readers.append(
                    ShareReader(index, self.columns, begin, end, key, first_pass, self._batches)
                )
            self._interleaving = Interleaving([reader.rows for reader in self._readers])
            self._seek_readers(self._start_row)
        return self._readers, self._interleaving

    def _compute_quotas(self) -> list[tuple[ShardIndex, int]]:
        """Return each corpus with how many of its rows make an epoch."""
        if not self._indexes:
            indexes = [source.shard_index() for source, _ in self._sources]
            for index in indexes:
                index.require_columns(self.columns)
                if len(indexes) > 1:  # no number of passes would give an empty corpus its weight
                    index.require_rows()
            self._indexes = indexes
        rows = [index.rows for index in self._indexes]
        quotas = epoch_rows(rows, [weight for _, weight in self._sources])
        return list(zip(self._indexes, quotas, strict=True))

    @property
    def rows(self) -> int:
        """How many rows this consumer gets in an epoch."""
        return self._open_readers()[1].total

    def seek(self, row: int) -> None:
        """Continue at a row of this consumer's share, counted from 0."""
        self._epoch_finished = False
        self._row = self._start_row = row
        if self._readers is not None:
            self._seek_readers(row)

    def _seek_readers(self, row: int) -> None:
        assert self._readers is not None
        if not 0 <= row <= self._interleaving.total:
            raise CorpusError(f"there is no row {row:,} in a share of {self._interleaving.total:,}")
        self._rows_taken = self._interleaving.rows_before(row)
        for reader, taken in zip(self._readers, self._rows_taken, strict=True):
            reader.seek(taken)

    def __iter__(self) -> Stream:
        if self._epoch_finished:
            self._start_epoch(self.epoch + 1)
        return self

    def __next__(self) -> Any:
        readers, interleaving = self._open_readers()
        count = min(self.batch_size, interleaving.total - self._row)
        if self._epoch_finished or not count:
            self._epoch_finished = True
            raise StopIteration
        if len(readers) == 1:
            batch = self._batches.concatenate(readers[0].take(count))
        else:
            batch = self._take_mixed(readers, interleaving, count)
        self._row += count
        return batch

    def _take_mixed(
        self, readers: list[ShareReader], interleaving: Interleaving, count: int
    ) -> Any:
        sources = interleaving.next_sources(self._rows_taken, count)
        counts = np.bincount(sources, minlength=len(readers)).tolist()
        batches = [
            batch
            for reader, rows in zip(readers, counts, strict=True)
            for batch in reader.take(rows)
        ]
        self._rows_taken = [
            taken + rows for taken, rows in zip(self._rows_taken, counts, strict=True)
        ]
        # The rows are grouped by source here; put each where the interleaving has it.
        order = np.empty(count, np.int64)
        order[np.argsort(sources, kind="stable")] = np.arange(count)
        return self._batches.reorder(self._batches.concatenate(batches), order)

    def state_dict(self) -> dict[str, Any]:
        """Return the position of the stream: plain data of a few hundred bytes."""
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
        """Restore the position of a :meth:`state_dict`; the same batches follow.

        Raises :class:`~corpus.errors.CorpusError` if the corpus, the seed or the weights have
        changed, or if ranks and workers have changed in the middle of an epoch.
        """
        _require_same_stream(state, self.state_dict())
        saved, row, epoch = Consumer(*state["place"]), int(state["row"]), int(state["epoch"])
        if saved == self.consumer:
            self._start_epoch(epoch)
            self.seek(row)
            self._epoch_finished = bool(state["done"])
            return
        ranges = [saved.row_range(quota) for _, quota in self._compute_quotas()]
        share = sum(end - begin for begin, end in ranges)
        finished = bool(state["done"]) or (row > 0 and row >= share)
        if row and not finished:
            raise CorpusError(
                f"this state was saved in the middle of epoch {epoch} by {saved}, and this "
                f"stream is {self.consumer}; ranks and workers can change between epochs only: "
                f"finish the epoch as it was, or begin it again with stream(epoch={epoch})"
            )
        self._start_epoch(epoch)
        self._epoch_finished = finished
        if finished:
            self._row = self._start_row = self.rows


def _require_same_stream(state: Mapping[str, Any], current: Mapping[str, Any]) -> None:
    """CorpusError if ``state`` cannot belong to the stream that has the state ``current``."""
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
        raise CorpusError(f"this is not the state of a stream: '{missing[0]}' is missing")
    corpora = [list(entry) for entry in state["corpora"]]
    if [entry[0] for entry in corpora] != [entry[0] for entry in current["corpora"]]:
        raise CorpusError(
            "the corpus has changed since this state was saved (its shards have other hashes), so "
            "rows would be skipped or read twice; give the corpus as it was, or begin an epoch "
            f"of the new one with stream(epoch={int(state['epoch']) + 1})"
        )
    if corpora != current["corpora"]:
        raise CorpusError("the weights are not those of the state; give the same ones")
    for name in ("seed", "shuffle"):
        if state[name] != current[name]:
            raise CorpusError(
                f"the state was saved with {name}={state[name]!r} and this stream has "
                f"{name}={current[name]!r}; give the same"
            )
