"""Open a finished corpus: its manifest, its shards, a lazy frame, and a stream for training."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.errors import CorpusError, ManifestError
from corpus.manifest import load_manifest

if TYPE_CHECKING:
    import polars as pl


class Corpus:
    """A finished corpus on disk. Opening it reads the manifest and nothing else."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest: dict[str, Any] = load_manifest(self.path)
        self.shards: list[Path] = [self.path / shard["path"] for shard in self.manifest["shards"]]
        for shard in self.shards:
            if not shard.is_file():
                raise ManifestError(f"'{shard}' is missing; copy the corpus again, or rebuild it")

    def __len__(self) -> int:
        """How many documents there are."""
        return int(self.manifest["totals"]["documents"])

    def __repr__(self) -> str:
        return f"<Corpus {self.path}: {len(self):,} documents in {len(self.shards)} shards>"

    def scan(self) -> pl.LazyFrame:
        """All documents as a polars LazyFrame."""
        import polars as pl

        return pl.scan_parquet(self.shards, glob=False)

    def dropped(self) -> pl.LazyFrame:
        """The ledger: a row for each post that left, with stage, reason and scores."""
        import polars as pl

        files = sorted((self.path / "dropped").glob("*.parquet"))
        if not files:
            from corpus.manifest import LEDGER

            return pl.LazyFrame(schema=LEDGER)
        return pl.scan_parquet(files, glob=False)

    def stream(
        self,
        rank: int = 0,
        world_size: int = 1,
        *,
        batch_size: int = 1024,
        columns: Sequence[str] = ("text",),
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
    ) -> Iterator[pl.DataFrame]:
        """Yield this rank's documents as frames of up to ``batch_size`` rows.

        Row groups go round the ranks in turn, so that every row reaches exactly one rank. With
        ``shuffle`` the order of row groups, and of the rows inside each, follows ``seed`` and
        ``epoch``. Raises ``ValueError`` for a rank outside the world or an unknown column.
        """
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not in a world of {world_size}; ranks count from 0")
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        return self._batches(rank, world_size, batch_size, tuple(columns), shuffle, (seed, epoch))

    def _batches(
        self, rank: int, world: int, size: int, columns: tuple[str, ...], shuffle: bool,
        order: tuple[int, int],
    ) -> Iterator[pl.DataFrame]:  # fmt: skip
        import polars as pl
        import pyarrow.parquet as pq

        groups = []
        for shard in self.shards:
            metadata = pq.read_metadata(shard)
            unknown = set(columns) - set(metadata.schema.to_arrow_schema().names)
            if unknown:
                raise CorpusError(f"no column '{sorted(unknown)[0]}' in {shard.name}")
            groups += [(shard, group) for group in range(metadata.num_row_groups)]
        if shuffle:
            random.Random(f"groups {order}").shuffle(groups)
        pending: list[pl.DataFrame] = []
        rows = 0
        for number, (shard, group) in list(enumerate(groups))[rank::world]:
            with pq.ParquetFile(shard) as file:
                found = pl.from_arrow(file.read_row_group(group, columns=list(columns)))
            assert isinstance(found, pl.DataFrame)
            frame = found.select(columns)
            if shuffle:
                shuffler = random.Random(f"rows {order} {number} {shard.name} {group}")
                frame = frame[shuffler.sample(range(frame.height), frame.height)]
            pending.append(frame)
            rows += frame.height
            while rows >= size:
                whole = pl.concat(pending)
                yield whole.head(size)
                pending, rows = [whole.slice(size)], rows - size
        if rows:
            yield pl.concat(pending)


def load(path: str | Path) -> Corpus:
    """Open a finished corpus; :class:`~corpus.errors.ManifestError` if it is none."""
    return Corpus(path)
