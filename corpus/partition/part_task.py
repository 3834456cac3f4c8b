"""A task that separates the kept rows of a part from the ledger rows of the dropped posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus.tasks.files import atomic_write
from corpus.tasks.task import ResumableTask, Written


@dataclass(frozen=True)
class PartTask(ResumableTask):
    """A task that writes ``kept`` and ``dropped``; ``index`` is the number of the part.

    The receipt has the kept rows as ``posts``, the bytes of their text as ``text_bytes``, and the
    rows of the funnel as ``funnel``.
    """

    folder: Path
    index: int

    @property
    def kept(self) -> Path:
        """The file of the kept posts, or of the documents made of them."""
        return self.folder / f"{self.index:06d}.kept.parquet"

    @property
    def dropped(self) -> Path:
        """The file of the ledger rows of the dropped posts."""
        return self.folder / f"{self.index:06d}.dropped.parquet"

    @property
    def receipt(self) -> Path:
        """The receipt of both files."""
        return self.folder / f"{self.index:06d}.json"

    def write_frames(
        self, kept: pl.DataFrame, dropped: pl.DataFrame, funnel: Sequence[dict[str, Any]]
    ) -> Written:
        """Write both files; return what the receipt says about them."""
        for frame, path in ((kept, self.kept), (dropped, self.dropped)):
            with atomic_write(path) as temporary:
                frame.write_parquet(temporary, compression="zstd", compression_level=1)
        facts = {
            "posts": kept.height,
            "text_bytes": int(kept["text"].str.len_bytes().sum()),
            "funnel": list(funnel),
        }
        return Written([self.kept, self.dropped], facts)
