"""Open a finished corpus: its manifest, its shards, a lazy frame, and a stream for training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.errors import CorpusError, ManifestError, did_you_mean
from corpus.manifest import load_manifest, shards_digest
from corpus.storage.remote_path import parse_path

if TYPE_CHECKING:
    import polars as pl

    from corpus.loader.shard_index import ShardIndex
    from corpus.loader.stream import Stream


class Corpus:
    """A finished corpus, here or at a URL. Opening it reads the manifest and nothing else."""

    def __init__(self, path: str | Path) -> None:
        self.path: Any = parse_path(path)  # a Path, or a Place at a URL
        self.manifest: dict[str, Any] = load_manifest(self.path)
        self.shards: list[Any] = [self.path / shard["path"] for shard in self.manifest["shards"]]
        if isinstance(self.path, Path):  # elsewhere, each look is a request; reading checks too
            for shard, listed in zip(self.shards, self.manifest["shards"], strict=True):
                _require_size(shard, listed["bytes"])

    def __len__(self) -> int:
        """How many documents there are."""
        return int(self.manifest["totals"]["documents"])

    def __repr__(self) -> str:
        return f"<Corpus {self.path}: {len(self):,} documents in {len(self.shards)} shards>"

    def scan(self, shards: Sequence[dict[str, Any]] | None = None) -> pl.LazyFrame:
        """All documents, or those of some of the manifest's shards, as a polars LazyFrame."""
        listed = self.manifest["shards"] if shards is None else shards
        return self._scan_files(listed)

    def _scan_files(self, entries: Sequence[dict[str, Any]]) -> pl.LazyFrame:
        if isinstance(self.path, Path):
            import polars as pl

            return pl.scan_parquet([self.path / one["path"] for one in entries], glob=False)
        from corpus.loader.shard_index import ShardIndex, scan_row_groups

        return scan_row_groups(ShardIndex(self.path, entries))

    def dropped(self) -> pl.LazyFrame:
        """The ledger: a row for each post that left, with stage, reason and scores."""
        import polars as pl

        files = sorted((self.path / "dropped").glob("*.parquet"))
        if not files:
            from corpus.schema import LEDGER_COLUMNS

            return pl.LazyFrame(schema=LEDGER_COLUMNS)
        return self._scan_files([{"path": f"dropped/{file.name}"} for file in files])

    @property
    def splits(self) -> list[str]:
        """``train``, and ``validation`` where the plan has set some aside."""
        return sorted({shard.get("split", "train") for shard in self.manifest["shards"]})

    def split(self, name: str) -> Split:
        """The documents of one split, to be streamed."""
        if name not in self.splits:
            raise CorpusError(
                f"no split '{name}' in '{self.path}'{did_you_mean(name, self.splits)}"
            )
        return Split(self, name)

    def stream(
        self,
        rank: int = 0,
        world_size: int = 1,
        *,
        worker: int = 0,
        num_workers: int = 1,
        batch_size: int = 1024,
        columns: Sequence[str] = ("text",),
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        arrow: bool = False,
        split: str = "train",
    ) -> Stream:
        """Yield this worker's documents of an epoch as frames of up to ``batch_size`` rows.

        The rows of the corpus are shared out evenly: of all ranks and their workers, each gets as
        many as any other, or one less, and each row reaches exactly one of them, however many
        there are. With ``shuffle`` the row groups are in a random order, and so are the rows in
        each; ``seed`` and ``epoch`` decide. The stream says where it is by ``state_dict()`` and
        goes there by ``load_state_dict()``: see :class:`~corpus.loader.stream.Stream`. With
        ``arrow`` the frames are Arrow tables, which a forked process may use where polars would hang.
        Where the plan has set documents aside, ``split="validation"`` streams those.

        Raises ``ValueError`` for a rank or worker that cannot be; while it is read,
        :class:`~corpus.errors.CorpusError` for an unknown column or an empty corpus and
        :class:`~corpus.errors.ShardError` for a damaged shard.
        """
        return mix([(self, 1.0)]).stream(
            rank,
            world_size,
            worker=worker,
            num_workers=num_workers,
            batch_size=batch_size,
            columns=columns,
            shuffle=shuffle,
            seed=seed,
            epoch=epoch,
            arrow=arrow,
            split=split,
        )


class Split:
    """The training set of a corpus, or what was set aside for validation."""

    def __init__(self, corpus: Corpus, name: str) -> None:
        self.corpus, self.name = corpus, name
        listed: list[dict[str, Any]] = corpus.manifest["shards"]
        self.shards = [shard for shard in listed if shard.get("split", "train") == name]

    @cached_property
    def identity(self) -> str:
        """Changes whenever the shards do: a digest of their hashes."""
        return shards_digest(self.shards)

    def shard_index(self) -> ShardIndex:
        """The row groups, and a way to read them one by one."""
        from corpus.loader.shard_index import ShardIndex

        return ShardIndex(self.corpus.path, self.shards)


class Mixture:
    """Several corpora, streamed as one by weights."""

    def __init__(self, corpora: Sequence[tuple[Corpus | str | Path, float]]) -> None:
        if not corpora:
            raise ValueError("nothing to mix; give a list of (corpus, weight)")
        for _, weight in corpora:
            if not 0 < weight < float("inf"):
                raise ValueError(f"a weight must be more than 0; got {weight}")
        self._sources = [
            (one if isinstance(one, Corpus) else load(one), float(weight))
            for one, weight in corpora
        ]

    def stream(
        self,
        rank: int = 0,
        world_size: int = 1,
        *,
        worker: int = 0,
        num_workers: int = 1,
        batch_size: int = 1024,
        columns: Sequence[str] = ("text",),
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        arrow: bool = False,
        split: str = "train",
    ) -> Stream:
        """As :meth:`Corpus.stream`, of all corpora; an epoch has of each what its weight says.

        In an epoch the corpus that its weight favours least is seen exactly once. The others are
        seen more often, each pass in another order, and their rows are spread evenly.
        """
        from corpus.loader.stream import Stream
        from corpus.partition.permutation import Consumer

        return Stream(
            [(one.split(split), weight) for one, weight in self._sources],
            Consumer(rank, world_size, worker, num_workers), batch_size=batch_size,
            columns=columns, shuffle=shuffle, seed=seed, epoch=epoch, arrow=arrow,
        )  # fmt: skip


def mix(corpora: Sequence[tuple[Corpus | str | Path, float]]) -> Mixture:
    """Corpora (or their folders) with weights: shares of the documents that are streamed."""
    return Mixture(corpora)


def load(path: str | Path) -> Corpus:
    """Open a finished corpus in a folder or at a URL, such as ``s3://bucket/corpus``.

    Raises :class:`~corpus.errors.ManifestError` if it is none.
    """
    return Corpus(path)


def _require_size(shard: Path, size: int) -> None:
    remedy = "copy the corpus again, or rebuild it"
    try:
        found = shard.stat().st_size
    except OSError:
        raise ManifestError(f"'{shard}' is missing; {remedy}") from None
    if found != size:
        raise ManifestError(f"'{shard}' has {found:,} bytes, not {size:,}; {remedy}")
