"""Plant canaries: write them as the one part of a source that no dump holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from corpus.pipeline.join_batches import DumpFile, FileCounts, JoinedBatch
from corpus.pipeline.read_files import is_finished, load_receipts, save_part
from corpus.privacy import canaries
from corpus.readers.batches import PostColumns, build_posts_frame
from corpus.readers.contract import Post
from corpus.schema import REFUSAL, TOMBSTONE


@dataclass(frozen=True)
class PlantCanaries:
    """The task of writing ``count`` canaries to ``folder``, as :class:`ReadFiles` writes a part."""

    folder: Path
    count: int
    seed: bytes

    reader = canaries.SOURCE_NAME
    files = (DumpFile(canaries.SOURCE_NAME, canaries.SOURCE_NAME, 0, 0),)
    size_bytes = 0

    def __call__(self) -> PlantCanaries:
        """Write the canaries, unless their receipt is there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not is_finished(list(load_receipts(self.folder))):
            save_part(self._make_part(), self.folder, 0, None, 0)
        return self

    def _make_part(self) -> JoinedBatch:
        made = canaries.make_canaries(self.count, self.seed)
        text = "\n".join(canary.text for canary in made).encode()
        posts = PostColumns()
        for row, canary in enumerate(made, start=1):
            post = Post(canary.id, canary.text, author=f"canary {canary.id}")
            posts.append(post, canaries.SOURCE_NAME, row)
        return JoinedBatch(
            build_posts_frame(posts, canaries.PLATFORM),
            pl.DataFrame(schema=REFUSAL),
            pl.DataFrame(schema=TOMBSTONE),
            [FileCounts(0, len(made), sha256=hashlib.sha256(text).hexdigest())],
        )
