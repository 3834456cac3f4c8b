"""A file elsewhere, read by ranges: a few windows in memory, the next one on its way."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

#: What is asked for at one time; small enough for a look at a file's head, large enough that the
#: way there and back does not count.
WINDOW_BYTES = 4 << 20
_KEPT = 3

Fetch = Callable[[int, int], bytes]


class Windowed(io.RawIOBase):
    """``size`` bytes that ``fetch(begin, end)`` gives by ranges, as a file that can be sought.

    Whoever reads on from where the last read ended has the next window fetched meanwhile.
    ``at_end`` is called once when the last byte has been read.
    """

    def __init__(self, fetch: Fetch, size: int, at_end: Callable[[], None]) -> None:
        super().__init__()
        self._fetch = fetch
        self._at_end: Callable[[], None] | None = at_end
        self.size = size
        self._place = 0
        self._last = -1
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._coming: tuple[int, Future[bytes]] | None = None
        self._hands: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to ``offset``; nothing is fetched."""
        self._place = max(0, offset + (0, self._place, self.size)[whence])
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        """All of ``size`` bytes, unless the end is nearer; of all that is left with -1."""
        end = self.size if size is None or size < 0 else min(self.size, self._place + size)
        pieces = []
        while self._place < end:
            number, skip = divmod(self._place, WINDOW_BYTES)
            piece = self._window(number)[skip : skip + end - self._place]
            pieces.append(piece)
            self._place += len(piece)
        if self._place >= self.size and self._at_end:
            at_end, self._at_end = self._at_end, None
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
        if self._hands:
            self._hands.shutdown(wait=False, cancel_futures=True)
            self._hands = None
        self._kept.clear()
        super().close()

    def _window(self, number: int) -> bytes:
        found = self._kept.pop(number, None)
        if found is None:
            coming, self._coming = self._coming, None
            ahead = coming and coming[0] == number
            found = coming[1].result() if coming and ahead else self._range(number)
            # Two windows in a row are taken for a stream: the third comes ahead of its reader.
            if number == self._last + 1 and (number + 1) * WINDOW_BYTES < self.size:
                self._hands = self._hands or ThreadPoolExecutor(1)
                self._coming = number + 1, self._hands.submit(self._range, number + 1)
            self._last = number
        self._kept[number] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    def _range(self, number: int) -> bytes:
        begin = number * WINDOW_BYTES
        return self._fetch(begin, min(begin + WINDOW_BYTES, self.size))
