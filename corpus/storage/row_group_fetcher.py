"""Fetch row groups of remote Parquet files: only the bytes of some columns, ahead of reading."""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from corpus.storage import filesystem

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# The footer of a shard of 64 row groups has about 100 kB in the file.
_FOOTER_BYTES = 256 << 10
_MAX_FOOTERS = 64
# Columns with a smaller gap are one request: a request takes as long as this many bytes.
_MAX_GAP_BYTES = 128 << 10

Columns = tuple[str, ...]


class ByteRange(NamedTuple):
    """The bytes of a file from ``begin`` to ``end``, without the last."""

    begin: int
    end: int


class RowGroupFetcher:
    """Reads row groups by ranges, and fetches in threads those that will be read next.

    ``threads`` is the number of row groups fetched at one time. A failed request is repeated;
    finally it raises :class:`~corpus.errors.BuildError`, or OSError if the file is missing.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._footers: OrderedDict[str, pq.FileMetaData] = OrderedDict()
        self._executor: ThreadPoolExecutor | None = None
        self._prefetched: dict[tuple[str, int, Columns], Future[pa.Table]] = {}

    def __getstate__(self) -> dict[str, int]:  # a data loader's worker starts without threads
        return {"threads": self._threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["threads"])  # type: ignore[misc]

    def footer(self, url: str) -> pq.FileMetaData:
        """Return the footer of a Parquet file, cached; pyarrow's error if it is not Parquet."""
        self._reset_after_fork()
        with self._lock:  # two threads must not fetch the same footer
            footer = self._footers.get(url)
            if footer is None:
                footer = self._footers[url] = self._fetch_footer(url)
                while len(self._footers) > _MAX_FOOTERS:
                    self._footers.popitem(last=False)
            return footer

    def _fetch_footer(self, url: str) -> pq.FileMetaData:
        import pyarrow.parquet as pq

        size = filesystem.stat(url).size
        tail = ByteRange(max(0, size - _FOOTER_BYTES), size)
        data = filesystem.read_range(url, *tail)
        length = int.from_bytes(data[-8:-4], "little") + 8
        if len(data) < length <= size:
            tail = ByteRange(size - length, size)
            data = filesystem.read_range(url, *tail)
        return pq.read_metadata(_PartialFile(size, {tail: data}))

    def prefetch(self, row_groups: Sequence[tuple[str, int]], columns: Columns) -> None:
        """Begin to fetch the row groups that will be read next, each given by URL and number.

        Row groups of an earlier call that are not among them are discarded.
        """
        self._reset_after_fork()
        keys = [(url, row_group, columns) for url, row_group in row_groups]
        for key in set(self._prefetched) - set(keys):
            self._prefetched.pop(key).cancel()
        for key in keys:
            if key not in self._prefetched:
                self._executor = self._executor or ThreadPoolExecutor(self._threads)
                self._prefetched[key] = self._executor.submit(self._fetch_row_group, *key)

    def read(self, url: str, row_group: int, columns: Columns) -> pa.Table:
        """Return a row group; page checksums are verified if the file has them."""
        self._reset_after_fork()
        future = self._prefetched.pop((url, row_group, columns), None)
        return future.result() if future else self._fetch_row_group(url, row_group, columns)

    def _reset_after_fork(self) -> None:
        if self._process != os.getpid():  # a forked process has no threads
            self._process, self._executor, self._prefetched = os.getpid(), None, {}
            self._lock = threading.Lock()

    def close(self) -> None:
        """Discard the row groups that are being fetched."""
        self._prefetched.clear()
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _fetch_row_group(self, url: str, row_group: int, columns: Columns) -> pa.Table:
        import pyarrow.parquet as pq

        footer = self.footer(url)
        ranges = _column_ranges(footer, row_group, columns)
        size = max(one.end for one in ranges)
        data = {one: filesystem.read_range(url, *one) for one in ranges}
        with pq.ParquetFile(
            _PartialFile(size, data), metadata=footer, page_checksum_verification=True
        ) as file:
            return file.read_row_group(row_group, columns=list(columns), use_threads=False)


def _column_ranges(
    footer: pq.FileMetaData, row_group: int, columns: Sequence[str]
) -> list[ByteRange]:
    """Return the byte ranges of some columns of a row group; near ones are joined."""
    group = footer.row_group(row_group)
    ranges = []
    for number in range(group.num_columns):
        chunk = group.column(number)
        if chunk.path_in_schema.split(".")[0] in columns:
            begin = chunk.data_page_offset
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                begin = min(begin, chunk.dictionary_page_offset)
            ranges.append(ByteRange(begin, begin + chunk.total_compressed_size))
    joined: list[ByteRange] = []
    for one in sorted(ranges):
        if joined and one.begin - joined[-1].end <= _MAX_GAP_BYTES:
            joined[-1] = ByteRange(joined[-1].begin, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return joined


class _PartialFile(io.RawIOBase):
    """A file of which only some ranges were fetched."""

    def __init__(self, size: int, ranges: dict[ByteRange, bytes]) -> None:
        super().__init__()
        self._size = size
        self._ranges = ranges
        self._offset = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._offset = offset + (0, self._offset, self._size)[whence]
        return self._offset

    def read(self, size: int = -1, /) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._offset + size)
        for fetched, data in self._ranges.items():
            if fetched.begin <= self._offset and end <= fetched.end:
                piece = data[self._offset - fetched.begin : end - fetched.begin]
                self._offset = end
                return piece
        raise OSError("these bytes were not fetched")
