"""Read the row groups of a corpus one by one, and check each against the manifest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from corpus.errors import CorpusError, ShardError, did_you_mean
from corpus.journal import CorpusFiles
from corpus.loader.stamps import Stamp, read_stamp
from corpus.manifest import load_manifest
from corpus.storage.row_group_fetcher import RowGroupFetcher
from corpus.tasks.files import file_sha256

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

# A parsed footer of a shard of 64 row groups takes about a megabyte.
_MAX_FOOTERS = 64
#: Row groups that are fetched from a URL while one is read.
_PREFETCHED = 3


class ShardIndex:
    """All row groups of a corpus, numbered over the shards.

    ``row_counts`` holds the rows of each row group, ``rows`` their sum. Both come from the
    manifest; for a corpus built before the manifest recorded them, the footers are read.
    ``folder`` is the corpus's folder, or its files; ``stamps`` are those of the shards when the
    corpus was opened, by path: a shard that has another one is not read.
    """

    def __init__(
        self,
        folder: Any,
        shards: Sequence[dict[str, Any]],
        stamps: Mapping[str, Stamp] | None = None,
    ) -> None:
        self._files = folder if isinstance(folder, CorpusFiles) else CorpusFiles(folder)
        self._folder = self._files.folder
        self._stamps = dict(stamps or {})
        self._fetcher = None if isinstance(self._folder, Path) else RowGroupFetcher()
        self._footers: OrderedDict[int, pq.FileMetaData] = OrderedDict()
        self._shards = list(shards)
        by_shard = [self._row_counts_of_shard(number) for number in range(len(self._shards))]
        self.row_counts = np.array([rows for counts in by_shard for rows in counts], np.int64)
        self.rows = int(self.row_counts.sum())
        lengths = [len(counts) for counts in by_shard]
        self._first_row_group = np.concatenate([[0], np.cumsum(lengths)])
        self._columns: tuple[str, ...] | None = None

    def require_rows(self) -> None:
        """CorpusError for a corpus without documents."""
        if not self.rows:
            raise CorpusError(
                f"'{self._folder}' holds no documents, so there is nothing to stream; "
                f"'corpus report {self._folder}' says what dropped them"
            )

    def _row_counts_of_shard(self, number: int) -> list[int]:
        shard = self._shards[number]
        if "row_groups" in shard:
            return list(shard["row_groups"])
        footer = self._load_footer(number)
        return [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]

    def row_groups_of_shard(self, number: int) -> range:
        """Return the row groups of a shard."""
        return range(int(self._first_row_group[number]), int(self._first_row_group[number + 1]))

    def shard_path(self, number: int) -> Any:
        """Return the path of a shard."""
        return self._files.path(str(self._shards[number]["path"]))

    def kept_rows(self, row_group: int) -> NDArray[np.int64] | None:
        """Return which rows of a row group a takedown has kept; None for all of them."""
        return None

    def require_unchanged(self) -> None:
        """ShardError if a shard is not the file that it was when the corpus was opened."""
        for number in range(len(self._shards)):
            self._require_stamp(number)

    def require_columns(self, columns: Sequence[str]) -> None:
        """CorpusError for a column that the first shard does not have."""
        if self._columns is None:
            self._columns = tuple(self.schema().names)
        unknown = sorted(set(columns) - set(self._columns))
        if unknown:
            near = did_you_mean(unknown[0], self._columns)
            raise CorpusError(f"no column '{unknown[0]}' in {self.shard_path(0).name}{near}")

    def schema(self) -> pa.Schema:
        """Return the schema of the first shard."""
        return self._load_footer(0).schema.to_arrow_schema()

    def prefetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the row groups that will be read next, if the corpus is at a URL."""
        if self._fetcher:
            located = [self._locate(row_group) for row_group in row_groups]
            next_reads = [(str(self.shard_path(shard)), group) for shard, group in located]
            self._fetcher.prefetch(next_reads, tuple(columns))

    def prefetch_from(self, row_group: int, columns: Sequence[str]) -> None:
        """Begin to fetch a row group and those after it, if the corpus is at a URL."""
        end = min(row_group + _PREFETCHED, self.row_counts.size)
        self.prefetch(range(row_group, end), columns)

    def _locate(self, row_group: int) -> tuple[int, int]:
        """Return the number of the shard of a row group, and that of the row group in it."""
        shard = int(np.searchsorted(self._first_row_group, row_group, side="right")) - 1
        return shard, row_group - int(self._first_row_group[shard])

    def read_row_group(self, row_group: int, columns: Sequence[str]) -> pa.Table:
        """Return a row group as a table. ShardError if the shard is missing or damaged."""
        import pyarrow as pa

        shard, group = self._locate(row_group)
        try:
            table = self._read_from_shard(shard, group, columns)
            if "row_groups" not in self._shards[shard]:
                # A corpus of that age has no page checksums, and polars does not check UTF-8.
                table.validate(full=True)
        except (OSError, pa.ArrowException):
            raise self._damage_error(shard) from None
        if table.num_rows != int(self.row_counts[row_group]):
            raise self._damage_error(shard)
        return table.select(list(columns))

    def _read_from_shard(self, shard: int, row_group: int, columns: Sequence[str]) -> pa.Table:
        import pyarrow.parquet as pq

        if self._fetcher:
            return self._fetcher.read(str(self.shard_path(shard)), row_group, tuple(columns))
        try:
            path = self.shard_path(shard)
            file = pq.ParquetFile(
                path, metadata=self._load_footer(shard), page_checksum_verification=True
            )
        except FileNotFoundError:  # a committed takedown moved it to its name in this moment
            path = self.shard_path(shard)
            file = pq.ParquetFile(
                path, metadata=self._load_footer(shard), page_checksum_verification=True
            )
        with file:
            # After the opening: a file that is replaced later is still open as it was.
            self._require_stamp(shard)
            return file.read_row_group(row_group, columns=list(columns), use_threads=False)

    def _load_footer(self, shard: int) -> pq.FileMetaData:
        import pyarrow as pa
        import pyarrow.parquet as pq

        footer = self._footers.pop(shard, None)
        if footer is None:
            path = self.shard_path(shard)
            try:
                footer = (
                    self._fetcher.footer(str(path)) if self._fetcher else pq.read_metadata(path)
                )
            except (OSError, pa.ArrowException):
                raise self._damage_error(shard) from None
        self._footers[shard] = footer
        if len(self._footers) > _MAX_FOOTERS:
            self._footers.popitem(last=False)
        return footer

    def _require_stamp(self, shard: int) -> None:
        """ShardError if a shard was replaced; a copy of the same bytes is no other shard."""
        name = str(self._shards[shard]["path"])
        stamp = self._stamps.get(name)
        if stamp is None:
            return
        path = self.shard_path(shard)
        try:
            current = read_stamp(path)
            if current != stamp and file_sha256(path) != self._shards[shard]["sha256"]:
                raise self._damage_error(shard)
        except OSError:
            raise self._damage_error(shard) from None
        self._stamps[name] = current

    def _damage_error(self, shard: int) -> ShardError:
        path = self.shard_path(shard)
        if self._is_replaced(shard):
            return ShardError(
                f"the shard '{path}' was changed by a takedown or a build since this corpus was "
                "opened; open it again: a state that was saved before a takedown is valid after it"
            )
        what = "is damaged" if path.is_file() else "is missing"
        return ShardError(
            f"the shard '{path}' {what}; 'corpus verify {self._folder}' says which files are not "
            "as they were built: copy those again, or build again"
        )

    def _is_replaced(self, shard: int) -> bool:
        """Return whether the corpus's present manifest has another version of a shard."""
        if "sha256" not in self._shards[shard]:  # a file of the ledger
            return False
        try:
            present = {row["path"]: row["sha256"] for row in load_manifest(self._folder)["shards"]}
        except (CorpusError, OSError, KeyError):
            return False
        return bool(present.get(self._shards[shard]["path"]) != self._shards[shard]["sha256"])


def scan_row_groups(index: ShardIndex) -> pl.LazyFrame:
    """Return all rows as a LazyFrame that reads only the columns a query needs, group by group."""
    import polars as pl
    from polars.io.plugins import register_io_source

    def read_frames(
        columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        needed = columns or schema.names()
        remaining = index.rows if limit is None else limit
        for row_group in range(index.row_counts.size):
            if remaining <= 0:
                return
            index.prefetch_from(row_group, needed)
            # Polars means the limit to count rows before the predicate is applied.
            frame = pl.DataFrame(index.read_row_group(row_group, needed)).head(remaining)
            remaining -= frame.height
            yield frame if predicate is None else frame.filter(predicate)

    schema = pl.DataFrame(index.schema().empty_table()).schema
    return register_io_source(read_frames, schema=schema)
