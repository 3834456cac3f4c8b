"""The shards of a corpus as row groups that can be read one by one, and are checked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corpus.errors import CorpusError, ShardError, did_you_mean
from corpus.storage.row_group_fetcher import Groups

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

# A footer of a shard of 64 row groups takes about a megabyte once it is parsed.
_FOOTERS = 64


class Shelf:
    """Every row group of a corpus, in order; reading one checks it against the manifest.

    ``groups`` holds the rows of each row group, ``rows`` their sum. The manifest tells them; a
    corpus built before it did has its footers read here, once.
    """

    def __init__(self, folder: Any, shards: Sequence[dict[str, Any]]) -> None:
        self._folder = folder
        self._there = None if isinstance(folder, Path) else Groups()
        self._footers: OrderedDict[int, pq.FileMetaData] = OrderedDict()
        self._shards = list(shards)
        listed = [self._rows_of(number) for number in range(len(self._shards))]
        self.groups = np.array([rows for shard in listed for rows in shard], np.int64)
        self.rows = int(self.groups.sum())
        counts = [len(shard) for shard in listed]
        self._first = np.concatenate([[0], np.cumsum(counts)])
        self._columns: tuple[str, ...] | None = None

    def need_rows(self) -> None:
        """CorpusError for a corpus without documents."""
        if not self.rows:
            raise CorpusError(
                f"'{self._folder}' holds no documents, so there is nothing to stream; "
                f"'corpus report {self._folder}' says what dropped them"
            )

    def _rows_of(self, number: int) -> list[int]:
        shard = self._shards[number]
        if "row_groups" in shard:
            return list(shard["row_groups"])
        footer = self._footer(number)
        return [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]

    def of_shard(self, number: int) -> range:
        """The row groups of a shard."""
        return range(int(self._first[number]), int(self._first[number + 1]))

    def path(self, number: int) -> Any:
        """Where a shard lies."""
        return self._folder / str(self._shards[number]["path"])

    def check(self, columns: Sequence[str]) -> None:
        """CorpusError for a column that the shards do not have; the first one is asked."""
        if self._columns is None:
            self._columns = tuple(self.schema().names)
        unknown = sorted(set(columns) - set(self._columns))
        if unknown:
            near = did_you_mean(unknown[0], self._columns)
            raise CorpusError(f"no column '{unknown[0]}' in {self.path(0).name}{near}")

    def schema(self) -> pa.Schema:
        """The columns as the first shard has them."""
        return self._footer(0).schema.to_arrow_schema()

    def expect(self, groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the row groups that come next, where the corpus is at a URL."""
        if self._there:
            places = [self._place_of(group) for group in groups]
            coming = [(str(self.path(number)), inside) for number, inside in places]
            self._there.announce(coming, tuple(columns))

    def _place_of(self, group: int) -> tuple[int, int]:
        number = int(np.searchsorted(self._first, group, side="right")) - 1
        return number, group - int(self._first[number])

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """A row group as a table. ShardError if the shard is missing or damaged."""
        import pyarrow as pa

        number, inside = self._place_of(group)
        try:
            table = self._read(number, inside, columns)
            if "row_groups" not in self._shards[number]:
                # It was built before pages had checksums, and polars takes UTF-8 on trust.
                table.validate(full=True)
        except (OSError, pa.ArrowException):
            raise self._damaged(number) from None
        if table.num_rows != int(self.groups[group]):
            raise self._damaged(number)
        return table.select(list(columns))

    def _read(self, number: int, inside: int, columns: Sequence[str]) -> pa.Table:
        import pyarrow.parquet as pq

        if self._there:
            return self._there.read(str(self.path(number)), inside, tuple(columns))
        with pq.ParquetFile(
            self.path(number), metadata=self._footer(number), page_checksum_verification=True
        ) as file:
            return file.read_row_group(inside, columns=list(columns), use_threads=False)

    def _footer(self, number: int) -> pq.FileMetaData:
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = self._footers.pop(number, None)
        if found is None:
            try:
                path = self.path(number)
                found = self._there.footer(str(path)) if self._there else pq.read_metadata(path)
            except (OSError, pa.ArrowException):
                raise self._damaged(number) from None
        self._footers[number] = found
        if len(self._footers) > _FOOTERS:
            self._footers.popitem(last=False)
        return found

    def _damaged(self, number: int) -> ShardError:
        path = self.path(number)
        what = "is damaged" if path.is_file() else "is missing"
        return ShardError(
            f"the shard '{path}' {what}; 'corpus verify {self._folder}' says which files are not "
            "as they were built: copy those again, or build again"
        )


def scanned(shelf: Shelf) -> pl.LazyFrame:
    """All rows as a polars LazyFrame that reads the wanted columns, a row group at a time."""
    import polars as pl
    from polars.io.plugins import register_io_source

    def rows(
        columns: list[str] | None, keep: pl.Expr | None, most: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = columns or schema.names()
        left = shelf.rows if most is None else most
        for group in range(shelf.groups.size):
            if left <= 0:
                return
            shelf.expect(range(group, min(group + 3, shelf.groups.size)), wanted)
            # Polars asks for the first rows before it asks which of them to keep.
            frame = pl.DataFrame(shelf.read(group, wanted)).head(left)
            left -= frame.height
            yield frame if keep is None else frame.filter(keep)

    schema = pl.DataFrame(shelf.schema().empty_table()).schema
    return register_io_source(rows, schema=schema)
