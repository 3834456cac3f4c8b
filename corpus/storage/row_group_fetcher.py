"""Row groups of Parquet files elsewhere: the wanted columns' bytes only, ahead of their reader."""

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

# The footer of a shard of 64 row groups takes some 100 kB in the file.
_FOOTER_BYTES = 256 << 10
_MAX_FOOTERS = 64
# Columns that lie closer are asked for together: a request takes as long as so many bytes.
_MAX_GAP_BYTES = 128 << 10

Columns = tuple[str, ...]


class ByteRange(NamedTuple):
    """Bytes of a file, from ``begin`` to before ``end``."""

    begin: int
    end: int


class RowGroupFetcher:
    """Reads row groups by ranges. What is announced is fetched while the reader is busy.

    ``threads`` row groups are fetched at one time. What fails is tried again, as all storage is;
    :class:`~corpus.errors.BuildError` in the end, OSError if the file is not there.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._footers: OrderedDict[str, pq.FileMetaData] = OrderedDict()
        self._executor: ThreadPoolExecutor | None = None
        self._prefetched: dict[tuple[str, int, Columns], Future[pa.Table]] = {}

    def __getstate__(self) -> dict[str, int]:  # a data loader's worker begins with empty hands
        return {"threads": self._threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["threads"])  # type: ignore[misc]

    def footer(self, url: str) -> pq.FileMetaData:
        """The footer of a Parquet file; pyarrow's error if it is none. Some are remembered."""
        self._reset_after_fork()
        with self._lock:  # of two threads that want one footer, the second finds it
            found = self._footers.get(url)
            if found is None:
                found = self._footers[url] = self._fetch_footer(url)
                while len(self._footers) > _MAX_FOOTERS:
                    self._footers.popitem(last=False)
            return found

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
        """Begin to fetch the row groups that will be asked for next: of each its URL and number.

        What was announced before and is not among them is let go.
        """
        self._reset_after_fork()
        wanted = [(url, group, columns) for url, group in row_groups]
        for key in set(self._prefetched) - set(wanted):
            self._prefetched.pop(key).cancel()
        for key in wanted:
            if key not in self._prefetched:
                self._executor = self._executor or ThreadPoolExecutor(self._threads)
                self._prefetched[key] = self._executor.submit(self._fetch_row_group, *key)

    def read(self, url: str, row_group: int, columns: Columns) -> pa.Table:
        """A row group; page checksums are verified where the file has them."""
        self._reset_after_fork()
        found = self._prefetched.pop((url, row_group, columns), None)
        return found.result() if found else self._fetch_row_group(url, row_group, columns)

    def _reset_after_fork(self) -> None:
        if self._process != os.getpid():  # forked: the threads stayed behind
            self._process, self._executor, self._prefetched = os.getpid(), None, {}
            self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of what was announced."""
        self._prefetched.clear()
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _fetch_row_group(self, url: str, row_group: int, columns: Columns) -> pa.Table:
        import pyarrow.parquet as pq

        footer = self.footer(url)
        spans = _column_ranges(footer, row_group, columns)
        size = max(span.end for span in spans)
        held = {span: filesystem.read_range(url, *span) for span in spans}
        with pq.ParquetFile(
            _PartialFile(size, held), metadata=footer, page_checksum_verification=True
        ) as file:
            return file.read_row_group(row_group, columns=list(columns), use_threads=False)


def _column_ranges(
    footer: pq.FileMetaData, row_group: int, columns: Sequence[str]
) -> list[ByteRange]:
    """Where the columns of a row group lie; neighbours are one span."""
    found = footer.row_group(row_group)
    wanted = []
    for at in range(found.num_columns):
        chunk = found.column(at)
        if chunk.path_in_schema.split(".")[0] in columns:
            begin = chunk.data_page_offset
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                begin = min(begin, chunk.dictionary_page_offset)
            wanted.append(ByteRange(begin, begin + chunk.total_compressed_size))
    spans: list[ByteRange] = []
    for span in sorted(wanted):
        if spans and span.begin - spans[-1].end <= _MAX_GAP_BYTES:
            spans[-1] = ByteRange(spans[-1].begin, max(spans[-1].end, span.end))
        else:
            spans.append(span)
    return spans


class _PartialFile(io.RawIOBase):
    """A file of which only some spans are there."""

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
        for span, data in self._ranges.items():
            if span.begin <= self._offset and end <= span.end:
                piece = data[self._offset - span.begin : end - span.begin]
                self._offset = end
                return piece
        raise OSError("these bytes were not fetched")
