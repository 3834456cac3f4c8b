"""Write a file of lines, compressed with zstd, completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from corpus.tasks.files import atomic_write

_LEVEL = 3


@contextmanager
def open_zstd(path: Path) -> Iterator[BinaryIO]:
    """Open a compressed file, which is there when the block ends."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with atomic_write(path, durable=True) as temporary, open(temporary, "wb") as file:
        with compressor.stream_writer(file, closefd=False) as compressed:
            yield cast(BinaryIO, compressed)
        file.flush()
