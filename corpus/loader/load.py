"""Open a finished corpus: its manifest, its shards, a lazy frame, and a stream for training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.errors import CorpusError, ManifestError, did_you_mean
from corpus.journal import CorpusFiles, read_consistently
from corpus.loader.stamps import Stamp, read_stamp
from corpus.manifest import load_manifest, shards_digest
from corpus.plurals import pluralize
from corpus.storage.remote_path import parse_path
from corpus.storage.unfinished_takedown import recover

if TYPE_CHECKING:
    import polars as pl

    from corpus.loader.earlier_rows import EarlierSplit
    from corpus.loader.shard_index import ShardIndex
    from corpus.loader.stream import Stream


class Corpus:
    """A finished corpus in a folder or at a URL. Opening it reads only the manifest.

    ``manifest`` is the manifest as a dict, ``shards`` the paths of the shards.
    """

    def __init__(self, path: str | Path) -> None:
        self.path: Any = parse_path(path)  # a Path, or a RemotePath for a URL
        self.manifest: dict[str, Any]
        self.shards: list[Any]
        self.files: CorpusFiles
        #: Size, time and inode of each shard when the corpus was opened, by its path.
        self.stamps: dict[str, Stamp] = {}
        recover(self.path)
        if isinstance(self.path, Path):
            read_consistently(self.path, self._open)
        else:  # at a URL each size is a request; reading checks it too
            self._open()

    def _open(self) -> None:
        self.files = CorpusFiles(self.path)
        self.manifest = load_manifest(self.path)
        self.shards = [self.files.path(shard["path"]) for shard in self.manifest["shards"]]
        if isinstance(self.path, Path):
            for shard, entry in zip(self.shards, self.manifest["shards"], strict=True):
                _require_size(shard, entry["bytes"])
                self.stamps[entry["path"]] = read_stamp(shard)

    def __len__(self) -> int:
        """Return the number of documents."""
        return int(self.manifest["totals"]["documents"])

    def __repr__(self) -> str:
        documents, shards = pluralize(len(self), "document"), pluralize(len(self.shards), "shard")
        return f"<Corpus {self.path}: {documents} in {shards}>"

    def scan(self, shards: Sequence[dict[str, Any]] | None = None) -> pl.LazyFrame:
        """Return all documents, or those of some of the manifest's shards, as a LazyFrame.

        Raises :class:`~corpus.errors.ShardError` if a shard was changed since the corpus was
        opened.
        """
        entries = self.manifest["shards"] if shards is None else shards
        if isinstance(self.path, Path):
            from corpus.loader.shard_index import ShardIndex

            ShardIndex(self.files, entries, self.stamps).require_unchanged()
        return self._scan_files(entries)

    def _scan_files(self, entries: Sequence[dict[str, Any]]) -> pl.LazyFrame:
        if isinstance(self.path, Path):
            import polars as pl

            paths = [self.files.path(entry["path"]) for entry in entries]
            return pl.scan_parquet(paths, glob=False)
        from corpus.loader.shard_index import ShardIndex, scan_row_groups

        return scan_row_groups(ShardIndex(self.files, entries))

    def dropped(self) -> pl.LazyFrame:
        """Return the ledger: a row for each dropped post, with stage, reason and scores."""
        import polars as pl

        files = CorpusFiles(self.path).ledger()
        if not files:
            from corpus.schema import LEDGER_COLUMNS

            return pl.LazyFrame(schema=LEDGER_COLUMNS)
        return self._scan_files([{"path": f"dropped/{file.name}"} for file in files])

    @property
    def splits(self) -> list[str]:
        """``train``, and ``validation`` if the plan has set some documents aside."""
        return sorted({shard.get("split", "train") for shard in self.manifest["shards"]})

    def split(self, name: str) -> Split:
        """Return the documents of one split, for a stream."""
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

        The rows are shared evenly among all workers of all ranks: each row is given to exactly one
        of them, and the shares differ by one row at most. With ``shuffle`` the row groups are in a
        random order, and so are the rows in each; ``seed`` and ``epoch`` decide the order.
        ``state_dict()`` of the stream records its position, and ``load_state_dict()`` restores it:
        see :class:`~corpus.loader.stream.Stream`. With ``arrow`` the frames are Arrow tables,
        which a forked process can use where polars would hang. ``split="validation"`` streams the
        documents that the plan has set aside.

        Raises ``ValueError`` for an impossible rank or worker, and while the stream is read
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
    """The training documents of a corpus, or those that were set aside for validation."""

    def __init__(self, corpus: Corpus, name: str) -> None:
        self.corpus, self.name = corpus, name
        entries: list[dict[str, Any]] = corpus.manifest["shards"]
        self.shards = [shard for shard in entries if shard.get("split", "train") == name]

    @cached_property
    def identity(self) -> str:
        """A digest of the shards' hashes, which changes whenever the shards do."""
        return shards_digest(self.shards)

    def shard_index(self) -> ShardIndex:
        """Return the row groups of the split."""
        from corpus.loader.shard_index import ShardIndex

        return ShardIndex(self.corpus.files, self.shards, self.corpus.stamps)

    def as_before(self, identity: str) -> EarlierSplit | None:
        """Return the split as it was when its identity was ``identity``, less what was taken down.

        None if the receipts of the corpus's takedowns do not lead there.
        """
        from corpus.loader.earlier_rows import EarlierSplit, find_earlier_rows

        rows = find_earlier_rows(self.corpus.files, self.corpus.manifest, self.shards, identity)
        return None if rows is None else EarlierSplit(identity, self.shard_index(), rows)


class Mixture:
    """Several corpora that are streamed as one, by weight."""

    def __init__(self, corpora: Sequence[tuple[Corpus | str | Path, float]]) -> None:
        if not corpora:
            raise ValueError("nothing to mix; give a list of (corpus, weight)")
        for _, weight in corpora:
            if not 0 < weight < float("inf"):
                raise ValueError(f"a weight must be more than 0; got {weight}")
        self._sources = [
            (corpus if isinstance(corpus, Corpus) else load(corpus), float(weight))
            for corpus, weight in corpora
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
        """Stream all corpora as :meth:`Corpus.stream` does one; weights are shares of documents.

        In an epoch the corpus with the most documents for its weight is read exactly once. The
        others are read more often, each time in another order, and spread evenly over the epoch.
        """
        from corpus.loader.shares import Consumer
        from corpus.loader.stream import Stream

        return Stream(
            [(corpus.split(split), weight) for corpus, weight in self._sources],
            Consumer(rank, world_size, worker, num_workers),
            batch_size=batch_size,
            columns=columns,
            shuffle=shuffle,
            seed=seed,
            epoch=epoch,
            arrow=arrow,
        )


def mix(corpora: Sequence[tuple[Corpus | str | Path, float]]) -> Mixture:
    """Return a mixture of corpora (or their folders) with weights: shares of the documents."""
    return Mixture(corpora)


def load(path: str | Path) -> Corpus:
    """Open a finished corpus in a folder or at a URL, such as ``s3://bucket/corpus``.

    Raises :class:`~corpus.errors.ManifestError` if there is no finished corpus.
    """
    return Corpus(path)


def _require_size(shard: Path, size: int) -> None:
    remedy = "copy the corpus again, or rebuild it"
    try:
        actual = shard.stat().st_size
    except OSError:
        raise ManifestError(f"'{shard}' is missing; {remedy}") from None
    if actual != size:
        raise ManifestError(f"'{shard}' has {actual:,} bytes, not {size:,}; {remedy}")
