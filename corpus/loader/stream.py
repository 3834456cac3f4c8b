"""Stream rows for training: each consumer's share of an epoch, resumable to the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from corpus.errors import CorpusError
from corpus.loader.batches import ArrowBatches, BatchFormat, PolarsBatches
from corpus.loader.shares import Consumer, Interleaving, epoch_rows
from corpus.partition.permutation import permutation

if TYPE_CHECKING:
    import pyarrow as pa

STATE_VERSION = 1


class StreamSource(Protocol):
    """A corpus, or a split of one, that a stream reads."""

    @property
    def identity(self) -> str:
        """A digest that changes whenever the shards do."""
        ...

    def shard_index(self) -> RowGroups:
        """Return the row groups of the corpus."""
        ...

    def as_before(self, identity: str) -> StreamSource | None:
        """Return the corpus in the rows that it had before takedowns; None if it cannot be."""
        ...


class RowGroups(Protocol):
    """The row groups of a corpus, now or before takedowns; see :class:`ShardIndex`."""

    row_counts: NDArray[np.int64]
    rows: int

    def require_rows(self) -> None:
        """CorpusError for a corpus without documents."""
        ...

    def require_columns(self, columns: Sequence[str]) -> None:
        """CorpusError for a column that the first shard does not have."""
        ...

    def prefetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the row groups that will be read next."""
        ...

    def kept_rows(self, row_group: int) -> NDArray[np.int64] | None:
        """Return which rows of a row group a takedown has kept; None for all of them."""
        ...

    def read_row_group(self, row_group: int, columns: Sequence[str]) -> pa.Table:
        """Return the kept rows of a row group as a table."""
        ...


class ShareReader:
    """Reads the rows ``begin`` to ``end`` of a corpus that is repeated in a seeded order.

    The rows are counted over the repetitions: each pass over the corpus has another order. Rows
    that a takedown has removed since are counted and not read.
    """

    def __init__(
        self,
        shards: RowGroups,
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
        self._positions: NDArray[np.int64] | None = None
        self.seek(0)

    def seek(self, row: int) -> None:
        """Continue at a row of the share; nothing is read yet."""
        self._row = row
        self._batch = None

    def take(self, count: int) -> tuple[list[Any], NDArray[np.bool_]]:
        """Return the next ``count`` rows as batches, and which of them are still there."""
        taken, present = [], np.ones(count, np.bool_)
        done = 0
        while done < count:
            if self._batch is None:
                self._open_row_group()
            rows = min(count - done, self._batch_rows - self._batch_offset)
            piece, begin = slice(self._batch_offset, self._batch_offset + rows), done
            if self._positions is None:
                taken.append(self._batch.slice(piece.start, rows))
            else:
                positions = self._positions[piece]
                present[begin : begin + rows] = positions >= 0
                taken.append(self._batches.reorder(self._batch, positions[positions >= 0]))
            done += rows
            self._row += rows
            self._batch_offset += rows
            if self._batch_offset == self._batch_rows:
                self._batch = None
        return taken, present

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
        self._batch_rows = int(self._shards.row_counts[row_group])
        order = None
        if self._shuffle_key:
            key = ("rows", *self._shuffle_key, self._first_pass + number, row_group)
            order = permutation(self._batch_rows, *key)
        kept = self._shards.kept_rows(row_group)
        self._positions = None
        if kept is not None:  # where each row of that time is in the batch; -1 if it is removed
            self._positions = np.full(self._batch_rows, -1, np.int64)
            self._positions[kept] = np.arange(kept.size)
            self._positions = self._positions if order is None else self._positions[order]
        elif order is not None:
            batch = self._batches.reorder(batch, order)
        self._batch_offset = row - (int(self._row_group_ends[position]) - self._batch_rows)
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
    restores it. ``rows`` is how many rows this consumer gets in an epoch; after the state of an
    earlier version of the corpus was restored, it counts rows that were taken down since, too.
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
        self._given_sources = self._sources = tuple(sources)
        self._seed, self._shuffle = seed, shuffle
        self._batches: BatchFormat = ArrowBatches() if arrow else PolarsBatches()
        self._indexes: list[RowGroups] = []
        #: The row of the share that each row of the last batch is.
        self.batch_rows: NDArray[np.int64] = np.empty(0, np.int64)
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

    def _compute_quotas(self) -> list[tuple[RowGroups, int]]:
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
        while True:
            count = min(self.batch_size, interleaving.total - self._row)
            if self._epoch_finished or not count:
                self._epoch_finished = True
                raise StopIteration
            if len(readers) == 1:
                batches, present = readers[0].take(count)
                batch = self._batches.concatenate(batches)
            else:
                batch, present = self._take_mixed(readers, interleaving, count)
            self.batch_rows = self._row + np.flatnonzero(present)
            self._row += count
            if len(batch):  # else a takedown has removed all of these rows
                return batch

    def _take_mixed(
        self, readers: list[ShareReader], interleaving: Interleaving, count: int
    ) -> tuple[Any, NDArray[np.bool_]]:
        sources = interleaving.next_sources(self._rows_taken, count)
        counts = np.bincount(sources, minlength=len(readers)).tolist()
        taken = [reader.take(rows) for reader, rows in zip(readers, counts, strict=True)]
        batches = [batch for pieces, _ in taken for batch in pieces]
        present = np.concatenate([each for _, each in taken])
        self._rows_taken = [
            taken + rows for taken, rows in zip(self._rows_taken, counts, strict=True)
        ]
        # The rows are grouped by source here; put each where the interleaving has it.
        order = np.empty(count, np.int64)
        order[np.argsort(sources, kind="stable")] = np.arange(count)
        present_in_order = present[order]
        order = (np.cumsum(present) - 1)[order[present_in_order]]
        return self._batches.reorder(self._batches.concatenate(batches), order), present_in_order

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

        After a takedown, the same batches follow without the removed rows: this stream goes on in
        the shares and the order that the corpus had when the state was saved. Raises
        :class:`~corpus.errors.CorpusError` if the corpus was changed otherwise, if the seed or the
        weights have changed, or if ranks and workers have changed in the middle of an epoch.
        """
        self._use_sources_of(state)
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

    def _use_sources_of(self, state: Mapping[str, Any]) -> None:
        """Read each corpus in the rows that it had when a state was saved, if that is known."""
        saved = state.get("corpora")
        if not isinstance(saved, Sequence) or len(saved) != len(self._given_sources):
            return
        sources: list[tuple[StreamSource, float]] = []
        for entry, (source, weight) in zip(saved, self._given_sources, strict=True):
            earlier = None if entry[0] == source.identity else source.as_before(str(entry[0]))
            sources.append((earlier or source, weight))
        self._sources, self._indexes, self._readers = tuple(sources), [], None


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
            "install a newer version of social-corpus"
        )
    if missing:
        raise CorpusError(f"this is not the state of a stream: '{missing[0]}' is missing")
    corpora = [list(entry) for entry in state["corpora"]]
    if [entry[0] for entry in corpora] != [entry[0] for entry in current["corpora"]]:
        raise CorpusError(
            "the corpus has changed since this state was saved (its shards have other hashes, and "
            "no takedown of it explains them), so rows would be skipped or read twice; give the "
            "corpus as it was, or begin an epoch "
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
