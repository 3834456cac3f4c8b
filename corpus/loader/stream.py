"""A stream of rows for training: any consumer's share of an epoch, resumable to the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from corpus.errors import CorpusError
from corpus.loader.batches import Arrow, Frames, Polars
from corpus.loader.shard_index import Shelf
from corpus.partition.permutation import Place, Turns, permutation, quotas

STATE_VERSION = 1


class Source(Protocol):
    """What a stream reads: a finished corpus."""

    @property
    def identity(self) -> str:
        """Changes whenever the shards do."""
        ...

    def shelf(self) -> Shelf:
        """The row groups, and a way to read them."""
        ...


class Passes:
    """The rows ``begin`` to ``end`` of a corpus that is read over and over, in a seeded order."""

    def __init__(
        self, shelf: Shelf, columns: tuple[str, ...], begin: int, end: int,
        key: tuple[int, int] | None, first: int, frames: Frames,
    ) -> None:  # fmt: skip
        self._shelf, self._columns = shelf, columns
        self._begin, self.rows = begin, end - begin
        self._key, self._first, self._frames = key, first, frames
        self._pass = -1
        self._frame: Any = None
        self.seek(0)

    def seek(self, row: int) -> None:
        """Go to a row; nothing is read yet."""
        self._at = row
        self._frame = None

    def take(self, count: int) -> list[Any]:
        """The next ``count`` rows."""
        taken = []
        while count:
            if self._frame is None:
                self._open()
            piece = self._frame.slice(self._offset, count)
            taken.append(piece)
            count -= len(piece)
            self._at += len(piece)
            self._offset += len(piece)
            if self._offset == len(self._frame):
                self._frame = None
        return taken

    def _open(self) -> None:
        """Read the row group that the next row is in."""
        number, row = divmod(self._begin + self._at, self._shelf.rows)
        if number != self._pass:
            self._pass = number
            groups = self._shelf.groups
            self._order = (
                permutation(groups.size, "groups", *self._key, self._first + number)
                if self._key
                else np.arange(groups.size)
            )
            self._edges = np.cumsum(groups[self._order])
        place = int(np.searchsorted(self._edges, row, side="right"))
        group = int(self._order[place])
        frame = self._frames.made(self._shelf.read(group, self._columns))
        last = self._begin + self.rows - number * self._shelf.rows
        coming = zip(self._order[place + 1 : place + 3], self._edges[place:], strict=False)
        self._shelf.expect([int(one) for one, at in coming if at < last], self._columns)
        if self._key:
            key = ("rows", *self._key, self._first + number, group)
            frame = self._frames.gathered(frame, permutation(len(frame), *key))
        self._offset = row - (int(self._edges[place]) - len(frame))
        self._frame = frame


class Stream(Iterator[Any]):
    """One consumer's rows as frames of ``batch_size`` rows, for one epoch after another.

    A ``for`` goes through what is left of the epoch, or, if nothing is, through the next one in
    another order. ``state_dict()`` is small and says where the stream is; ``load_state_dict()``
    goes there. ``rows`` is how many rows this consumer gets in an epoch.
    """

    def __init__(
        self, sources: Sequence[tuple[Source, float]], place: Place, *, batch_size: int,
        columns: Sequence[str], shuffle: bool, seed: int, epoch: int, arrow: bool = False,
    ) -> None:  # fmt: skip
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        if isinstance(columns, str) or not columns:
            raise ValueError("columns must be a list of at least one name")
        self.place, self.batch_size, self.columns = place, batch_size, tuple(columns)
        self._sources = tuple(sources)
        self._seed, self._shuffle = seed, shuffle
        self._frames: Frames = Arrow() if arrow else Polars()
        self._shelves: list[Shelf] = []
        self._begin(epoch)

    def _begin(self, epoch: int) -> None:
        self.epoch = epoch
        self._done = False
        self._at = 0
        self._passes: list[Passes] | None = None
        self._wanted = 0  # where to go once the shards are looked at

    def _open(self) -> tuple[list[Passes], Turns]:
        """Look up the row groups and find this consumer's share."""
        if self._passes is None:
            wanted = self._quotas()
            self._passes = []
            for number, (shelf, quota) in enumerate(zip(self._shelves, wanted, strict=True)):
                first = self.epoch * -(-quota // max(1, shelf.rows))
                key = (self._seed, number) if self._shuffle else None
                begin, end = self.place.share(quota)
                self._passes.append(
                    Passes(shelf, self.columns, begin, end, key, first, self._frames)
                )
            self._turns = Turns([one.rows for one in self._passes])
            self._seek(self._wanted)
        return self._passes, self._turns

    def _quotas(self) -> list[int]:
        """How many rows of each corpus make an epoch."""
        if not self._shelves:
            shelves = [source.shelf() for source, _ in self._sources]
            for shelf in shelves:
                shelf.check(self.columns)
                if len(shelves) > 1:  # no number of passes would give it its weight
                    shelf.need_rows()
            self._shelves = shelves
        rows = [shelf.rows for shelf in self._shelves]
        return quotas(rows, [weight for _, weight in self._sources])

    @property
    def rows(self) -> int:
        """How many rows this consumer gets in an epoch."""
        return self._open()[1].total

    def seek(self, row: int) -> None:
        """Go to a row of this consumer's share, counted from 0."""
        self._done = False
        self._at = self._wanted = row
        if self._passes is not None:
            self._seek(row)

    def _seek(self, row: int) -> None:
        assert self._passes is not None
        if not 0 <= row <= self._turns.total:
            raise CorpusError(f"there is no row {row:,} in a share of {self._turns.total:,}")
        for one, taken in zip(self._passes, self._turns.taken(row), strict=True):
            one.seek(taken)
        self._taken = self._turns.taken(row)

    def __iter__(self) -> Stream:
        if self._done:
            self._begin(self.epoch + 1)
        return self

    def __next__(self) -> Any:
        passes, turns = self._open()
        count = min(self.batch_size, turns.total - self._at)
        if self._done or not count:
            self._done = True
            raise StopIteration
        batch = passes[0].take(count) if len(passes) == 1 else self._mixed(passes, turns, count)
        self._at += count
        return self._frames.joined(batch)

    def _mixed(self, passes: list[Passes], turns: Turns, count: int) -> list[Any]:
        whose = turns.next(self._taken, count)
        counts = np.bincount(whose, minlength=len(passes)).tolist()
        frames = [f for one, wanted in zip(passes, counts, strict=True) for f in one.take(wanted)]
        self._taken = [done + more for done, more in zip(self._taken, counts, strict=True)]
        # The frames stand source by source; give each row the turn that is its own.
        order = np.empty(count, np.int64)
        order[np.argsort(whose, kind="stable")] = np.arange(count)
        return [self._frames.gathered(self._frames.joined(frames), order)]

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is: plain data of a few hundred bytes."""
        return {
            "version": STATE_VERSION,
            "corpora": [[source.identity, weight] for source, weight in self._sources],
            "seed": self._seed,
            "shuffle": self._shuffle,
            "epoch": self.epoch,
            "place": [
                self.place.rank, self.place.world_size, self.place.worker, self.place.num_workers,
            ],
            "row": self._at,
            "done": self._done,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where :meth:`state_dict` was taken; what follows is the same, batch for batch.

        Raises :class:`~corpus.errors.CorpusError` if the corpus, the seed or the weights are not
        what they were, or if ranks and workers are others and the epoch was not over.
        """
        _check(state, self.state_dict())
        there, row, epoch = Place(*state["place"]), int(state["row"]), int(state["epoch"])
        if there != self.place:
            share = sum(end - begin for begin, end in map(there.share, self._quotas()))
            over = bool(state["done"]) or (row and row >= share)
            if row and not over:
                raise CorpusError(
                    f"this state was saved in the middle of epoch {epoch} by {there}, and this "
                    f"stream is {self.place}; ranks and workers can change between epochs only: "
                    f"finish the epoch as it was, or begin it again with stream(epoch={epoch})"
                )
            self._begin(epoch)
            self._done = bool(over)
            if over:
                self._at = self._wanted = self.rows
            return
        self._begin(epoch)
        self.seek(row)
        self._done = bool(state["done"])


def _check(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    try:
        version = int(state["version"])
        missing = [name for name in own if name not in state]
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
    if [entry[0] for entry in was] != [entry[0] for entry in own["corpora"]]:
        raise CorpusError(
            "the corpus has changed since this state was saved (its shards have other hashes), so "
            "rows would be skipped or seen twice; give the corpus as it was, or begin an epoch "
            f"of the new one with stream(epoch={int(state['epoch']) + 1})"
        )
    if was != own["corpora"]:
        raise CorpusError("the weights are not those of the state; give the same ones")
    for name in ("seed", "shuffle"):
        if state[name] != own[name]:
            raise CorpusError(
                f"the state was saved with {name}={state[name]!r} and this stream has "
                f"{name}={own[name]!r}; give the same"
            )
