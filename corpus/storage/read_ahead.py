"""Read a remote file by blocks: a few are in memory, and the next is fetched ahead."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

#: Bytes of one request: few enough to read the head of a file, enough that the latency is small.
BLOCK_BYTES = 4 << 20
_MAX_BLOCKS = 3

FetchRange = Callable[[int, int], bytes]


class ReadAheadFile(io.RawIOBase):
    """A file of ``size`` bytes that ``fetch(begin, end)`` returns by ranges.

    While blocks are read in order, the next one is fetched in a thread. ``on_end`` is called once,
    when the last byte has been read.
    """

    def __init__(self, fetch: FetchRange, size: int, on_end: Callable[[], None]) -> None:
        super().__init__()
        self._fetch = fetch
        self._on_end: Callable[[], None] | None = on_end
        self.size = size
        self._offset = 0
        self._last_block = -1
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._prefetched: tuple[int, Future[bytes]] | None = None
        self._executor: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the offset of the next read."""
        return self._offset

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to an offset; nothing is fetched."""
        self._offset = max(0, offset + (0, self._offset, self.size)[whence])
        return self._offset

    def read(self, size: int = -1, /) -> bytes:
        """Return ``size`` bytes, or those up to the end; all of them with -1."""
        end = self.size if size is None or size < 0 else min(self.size, self._offset + size)
        pieces = []
        while self._offset < end:
            number, skip = divmod(self._offset, BLOCK_BYTES)
            piece = self._load_block(number)[skip : skip + end - self._offset]
            pieces.append(piece)
            self._offset += len(piece)
        if self._offset >= self.size and self._on_end:
            on_end, self._on_end = self._on_end, None
            on_end()
        return b"".join(pieces)

    def readall(self) -> bytes:
        """Return all bytes up to the end."""
        return self.read(-1)

    def readinto(self, buffer: object, /) -> int:
        """Fill ``buffer`` up to the end of the file; return the number of bytes."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Discard the blocks, also the one that is being fetched."""
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        self._blocks.clear()
        super().close()

    def _load_block(self, number: int) -> bytes:
        block = self._blocks.pop(number, None)
        if block is None:
            prefetched, self._prefetched = self._prefetched, None
            if prefetched and prefetched[0] == number:
                block = prefetched[1].result()
            else:
                block = self._fetch_block(number)
            # Two blocks in order mean that the file is read from one end to the other.
            if number == self._last_block + 1 and (number + 1) * BLOCK_BYTES < self.size:
                self._executor = self._executor or ThreadPoolExecutor(1)
                self._prefetched = number + 1, self._executor.submit(self._fetch_block, number + 1)
            self._last_block = number
        self._blocks[number] = block
        if len(self._blocks) > _MAX_BLOCKS:
            self._blocks.popitem(last=False)
        return block

    def _fetch_block(self, number: int) -> bytes:
        begin = number * BLOCK_BYTES
        return self._fetch(begin, min(begin + BLOCK_BYTES, self.size))
