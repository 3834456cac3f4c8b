"""The shards of a corpus as row groups that can be read one by one, and are checked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus.errors import CorpusError, ShardError, did_you_mean
from corpus.storage.row_group_fetcher import RowGroupFetcher

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

# A footer of a shard of 64 row groups takes about a megabyte once it is parsed.
_MAX_FOOTERS = 64


class ShardIndex:
    """Every row group of a corpus, in order; reading one checks it against the manifest.

    ``groups`` holds the rows of each row group, ``rows`` their sum. The manifest tells them; a
    corpus built before it did has its footers read here, once.
    """

    def __init__(self, folder: Any, shards: Sequence[dict[str, Any]]) -> None:
        self._folder = folder
        self._fetcher = None if isinstance(folder, Path) else RowGroupFetcher()
        self._footers: OrderedDict[int, pq.FileMetaData] = OrderedDict()
        self._shards = list(shards)
        listed = [self._row_counts_of_shard(number) for number in range(len(self._shards))]
        self.row_counts = np.array([rows for shard in listed for rows in shard], np.int64)
        self.rows = int(self.row_counts.sum())
        counts = [len(shard) for shard in listed]
        self._first_row_group = np.concatenate([[0], np.cumsum(counts)])
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
        """The row groups of a shard."""
        return range(int(self._first_row_group[number]), int(self._first_row_group[number + 1]))

    def shard_path(self, number: int) -> Any:
        """Where a shard lies."""
        return self._folder / str(self._shards[number]["path"])

    def require_columns(self, columns: Sequence[str]) -> None:
        """CorpusError for a column that the shards do not have; the first one is asked."""
        if self._columns is None:
            self._columns = tuple(self.schema().names)
        unknown = sorted(set(columns) - set(self._columns))
        if unknown:
            near = did_you_mean(unknown[0], self._columns)
            raise CorpusError(f"no column '{unknown[0]}' in {self.shard_path(0).name}{near}")

    def schema(self) -> pa.Schema:
        """The columns as the first shard has them."""
        return self._load_footer(0).schema.to_arrow_schema()

    def prefetch(self, groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the row groups that come next, where the corpus is at a URL."""
        if self._fetcher:
            places = [self._locate(group) for group in groups]
            coming = [(str(self.shard_path(number)), inside) for number, inside in places]
            self._fetcher.prefetch(coming, tuple(columns))

    def _locate(self, group: int) -> tuple[int, int]:
        number = int(np.searchsorted(self._first_row_group, group, side="right")) - 1
        return number, group - int(self._first_row_group[number])

    def read_row_group(self, group: int, columns: Sequence[str]) -> pa.Table:
        """A row group as a table. ShardError if the shard is missing or damaged."""
        import pyarrow as pa

        number, inside = self._locate(group)
        try:
            table = self._read_from_shard(number, inside, columns)
            if "row_groups" not in self._shards[number]:
                # It was built before pages had checksums, and polars takes UTF-8 on trust.
                table.validate(full=True)
        except (OSError, pa.ArrowException):
            raise self._damage_error(number) from None
        if table.num_rows != int(self.row_counts[group]):
            raise self._damage_error(number)
        return table.select(list(columns))

    def _read_from_shard(self, number: int, row_group: int, columns: Sequence[str]) -> pa.Table:
        import pyarrow.parquet as pq

        if self._fetcher:
            return self._fetcher.read(str(self.shard_path(number)), row_group, tuple(columns))
        with pq.ParquetFile(
            self.shard_path(number),
            metadata=self._load_footer(number),
            page_checksum_verification=True,
        ) as file:
            return file.read_row_group(row_group, columns=list(columns), use_threads=False)

    def _load_footer(self, number: int) -> pq.FileMetaData:
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = self._footers.pop(number, None)
        if found is None:
            try:
                path = self.shard_path(number)
                found = self._fetcher.footer(str(path)) if self._fetcher else pq.read_metadata(path)
            except (OSError, pa.ArrowException):
                raise self._damage_error(number) from None
        self._footers[number] = found
        if len(self._footers) > _MAX_FOOTERS:
            self._footers.popitem(last=False)
        return found

    def _damage_error(self, number: int) -> ShardError:
        path = self.shard_path(number)
        what = "is damaged" if path.is_file() else "is missing"
        return ShardError(
            f"the shard '{path}' {what}; 'corpus verify {self._folder}' says which files are not "
            "as they were built: copy those again, or build again"
        )


def scan_row_groups(index: ShardIndex) -> pl.LazyFrame:
    """All rows as a polars LazyFrame that reads the wanted columns, a row group at a time."""
    import polars as pl
    from polars.io.plugins import register_io_source

    def rows(
        columns: list[str] | None, keep: pl.Expr | None, most: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = columns or schema.names()
        left = index.rows if most is None else most
        for group in range(index.row_counts.size):
            if left <= 0:
                return
            index.prefetch(range(group, min(group + 3, index.row_counts.size)), wanted)
            # Polars asks for the first rows before it asks which of them to keep.
            frame = pl.DataFrame(index.read_row_group(group, wanted)).head(left)
            left -= frame.height
            yield frame if keep is None else frame.filter(keep)

    schema = pl.DataFrame(index.schema().empty_table()).schema
    return register_io_source(rows, schema=schema)
