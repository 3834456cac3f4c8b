"""A file elsewhere, read by ranges: a few windows in memory, the next one on its way."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

#: What is asked for at one time; small enough for a look at a file's head, large enough that the
#: way there and back does not count.
BLOCK_BYTES = 4 << 20
_MAX_BLOCKS = 3

FetchRange = Callable[[int, int], bytes]


class ReadAheadFile(io.RawIOBase):
    """``size`` bytes that ``fetch(begin, end)`` gives by ranges, as a file that can be sought.

    Whoever reads on from where the last read ended has the next window fetched meanwhile.
    ``at_end`` is called once when the last byte has been read.
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
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._offset

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to ``offset``; nothing is fetched."""
        self._offset = max(0, offset + (0, self._offset, self.size)[whence])
        return self._offset

    def read(self, size: int = -1, /) -> bytes:
        """All of ``size`` bytes, unless the end is nearer; of all that is left with -1."""
        end = self.size if size is None or size < 0 else min(self.size, self._offset + size)
        pieces = []
        while self._offset < end:
            number, skip = divmod(self._offset, BLOCK_BYTES)
            piece = self._load_block(number)[skip : skip + end - self._offset]
            pieces.append(piece)
            self._offset += len(piece)
        if self._offset >= self.size and self._on_end:
            at_end, self._on_end = self._on_end, None
            at_end()
        return b"".join(pieces)

    def readall(self) -> bytes:
        """All that is left."""
        return self.read(-1)

    def readinto(self, buffer: object, /) -> int:
        """Fill ``buffer``, unless the end is nearer."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of what is on its way."""
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        self._blocks.clear()
        super().close()

    def _load_block(self, number: int) -> bytes:
        found = self._blocks.pop(number, None)
        if found is None:
            coming, self._prefetched = self._prefetched, None
            ahead = coming and coming[0] == number
            found = coming[1].result() if coming and ahead else self._fetch_block(number)
            # Two windows in a row are taken for a stream: the third comes ahead of its reader.
            if number == self._last_block + 1 and (number + 1) * BLOCK_BYTES < self.size:
                self._executor = self._executor or ThreadPoolExecutor(1)
                self._prefetched = number + 1, self._executor.submit(self._fetch_block, number + 1)
            self._last_block = number
        self._blocks[number] = found
        if len(self._blocks) > _MAX_BLOCKS:
            self._blocks.popitem(last=False)
        return found

    def _fetch_block(self, number: int) -> bytes:
        begin = number * BLOCK_BYTES
        return self._fetch(begin, min(begin + BLOCK_BYTES, self.size))
