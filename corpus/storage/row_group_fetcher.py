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
_TAIL_BYTES = 256 << 10
_FOOTERS = 64
# Columns that lie closer are asked for together: a request takes as long as so many bytes.
_GAP_BYTES = 128 << 10

Columns = tuple[str, ...]


class Span(NamedTuple):
    """Bytes of a file, from ``begin`` to before ``end``."""

    begin: int
    end: int


class Groups:
    """Reads row groups by ranges. What is announced is fetched while the reader is busy.

    ``threads`` row groups are fetched at one time. What fails is tried again, as all storage is;
    :class:`~corpus.errors.BuildError` in the end, OSError if the file is not there.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._footers: OrderedDict[str, pq.FileMetaData] = OrderedDict()
        self._hands: ThreadPoolExecutor | None = None
        self._coming: dict[tuple[str, int, Columns], Future[pa.Table]] = {}

    def __getstate__(self) -> dict[str, int]:  # a data loader's worker begins with empty hands
        return {"threads": self._threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(state["threads"])  # type: ignore[misc]

    def footer(self, url: str) -> pq.FileMetaData:
        """The footer of a Parquet file; pyarrow's error if it is none. Some are remembered."""
        self._settle()
        with self._lock:  # of two threads that want one footer, the second finds it
            found = self._footers.get(url)
            if found is None:
                found = self._footers[url] = self._asked(url)
                while len(self._footers) > _FOOTERS:
                    self._footers.popitem(last=False)
            return found

    def _asked(self, url: str) -> pq.FileMetaData:
        import pyarrow.parquet as pq

        size = filesystem.stat(url).size
        tail = Span(max(0, size - _TAIL_BYTES), size)
        data = filesystem.read_range(url, *tail)
        length = int.from_bytes(data[-8:-4], "little") + 8
        if len(data) < length <= size:
            tail = Span(size - length, size)
            data = filesystem.read_range(url, *tail)
        return pq.read_metadata(_Sparse(size, {tail: data}))

    def announce(self, coming: Sequence[tuple[str, int]], columns: Columns) -> None:
        """Begin to fetch the row groups that will be asked for next: of each its URL and number.

        What was announced before and is not among them is let go.
        """
        self._settle()
        wanted = [(url, group, columns) for url, group in coming]
        for key in set(self._coming) - set(wanted):
            self._coming.pop(key).cancel()
        for key in wanted:
            if key not in self._coming:
                self._hands = self._hands or ThreadPoolExecutor(self._threads)
                self._coming[key] = self._hands.submit(self._read, *key)

    def read(self, url: str, group: int, columns: Columns) -> pa.Table:
        """A row group; page checksums are verified where the file has them."""
        self._settle()
        found = self._coming.pop((url, group, columns), None)
        return found.result() if found else self._read(url, group, columns)

    def _settle(self) -> None:
        if self._process != os.getpid():  # forked: the threads stayed behind
            self._process, self._hands, self._coming = os.getpid(), None, {}
            self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of what was announced."""
        self._coming.clear()
        if self._hands:
            self._hands.shutdown(wait=False, cancel_futures=True)
            self._hands = None

    def _read(self, url: str, group: int, columns: Columns) -> pa.Table:
        import pyarrow.parquet as pq

        footer = self.footer(url)
        spans = _spans(footer, group, columns)
        size = max(span.end for span in spans)
        held = {span: filesystem.read_range(url, *span) for span in spans}
        with pq.ParquetFile(
            _Sparse(size, held), metadata=footer, page_checksum_verification=True
        ) as file:
            return file.read_row_group(group, columns=list(columns), use_threads=False)


def _spans(footer: pq.FileMetaData, group: int, columns: Sequence[str]) -> list[Span]:
    """Where the columns of a row group lie; neighbours are one span."""
    found = footer.row_group(group)
    wanted = []
    for at in range(found.num_columns):
        chunk = found.column(at)
        if chunk.path_in_schema.split(".")[0] in columns:
            begin = chunk.data_page_offset
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                begin = min(begin, chunk.dictionary_page_offset)
            wanted.append(Span(begin, begin + chunk.total_compressed_size))
    spans: list[Span] = []
    for span in sorted(wanted):
        if spans and span.begin - spans[-1].end <= _GAP_BYTES:
            spans[-1] = Span(spans[-1].begin, max(spans[-1].end, span.end))
        else:
            spans.append(span)
    return spans


class _Sparse(io.RawIOBase):
    """A file of which only some spans are there."""

    def __init__(self, size: int, held: dict[Span, bytes]) -> None:
        super().__init__()
        self._size = size
        self._held = held
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._place + size)
        for span, data in self._held.items():
            if span.begin <= self._place and end <= span.end:
                piece = data[self._place - span.begin : end - span.begin]
                self._place = end
                return piece
        raise OSError("these bytes were not fetched")
