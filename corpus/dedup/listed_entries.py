"""Leave out of a comparison with earlier corpora the posts that the suppression list has.

A listed post is as good as gone from the earlier corpus, whether it was taken down there yet or
not: if the copies of other people were dropped because of it, no corpus would have the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from corpus.dedup.dedup_index import IndexPiece
from corpus.journal import CorpusFiles
from corpus.manifest import load_manifest
from corpus.privacy import suppression
from corpus.storage.download import open_corpus
from corpus.tasks.files import atomic_write
from corpus.tasks.task import ResumableTask, Written

_COLUMNS = ("id", "author", "kind", "parent_id", "post_ids", "authors")


@dataclass(frozen=True)
class FindListedPosts(ResumableTask):
    """The task of finding listed authors' posts, and reposts of listed posts, in an earlier corpus.

    An index has only ids, so they are looked up in the shards. It writes the ids that the index may
    have, of posts and of the documents that contain them, to ``target``.
    """

    corpus: Path
    target: Path
    key_path: Path | str
    suppressed: suppression.State

    @property
    def receipt(self) -> Path:
        """The receipt, next to the target."""
        return self.target.with_suffix(".json")

    def write(self) -> Written:
        """Write the ids."""
        listed = suppression.load_state(self.key_path, self.suppressed)
        found = [_find_ids(rows, listed) for rows in self._read_row_groups()]
        ids = pl.concat([pl.Series("id", [], pl.String), *found]).unique().sort()
        with atomic_write(self.target) as temporary:
            ids.to_frame().write_parquet(temporary)
        return Written([self.target], {"ids": len(ids)})

    def _read_row_groups(self) -> Iterator[pl.DataFrame]:
        corpus = open_corpus(self.corpus)
        files = CorpusFiles(corpus)
        for shard in load_manifest(corpus)["shards"]:
            with files.path(shard["path"]).open("rb") as opened, pq.ParquetFile(opened) as file:
                columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
                for group in range(file.num_row_groups):
                    yield pl.DataFrame(file.read_row_group(group, columns=columns))


def _find_ids(rows: pl.DataFrame, listed: suppression.SuppressionList) -> pl.Series:
    """The ids of the rows, and of the posts in them, of listed posts and authors."""
    if "post_ids" not in rows.columns:
        is_listed = rows["author"].is_in(list(listed.authors)).fill_null(False)
        is_listed |= listed.mark_ids(rows["parent_id"]) & (rows["kind"] == "repost")
        return rows.filter(is_listed)["id"]
    turns = rows.select("id", post="post_ids", author="authors").explode("post", "author")
    is_listed = turns["author"].is_in(list(listed.authors)) | listed.mark_ids(turns["post"])
    turns = turns.filter(is_listed.fill_null(False))
    return pl.concat([turns["id"], turns["post"].alias("id")])


def drop_listed_entries(
    piece: IndexPiece, listed: suppression.SuppressionList, ids_file: Path
) -> IndexPiece:
    """The piece without the posts that are listed or that :class:`FindListedPosts` found."""
    from corpus.dedup import candidates_kernel

    of_authors = pl.read_parquet(ids_file, glob=False)["id"]
    is_listed = listed.mark_ids(piece.ids) | piece.ids.is_in(of_authors.implode())
    if not is_listed.any():
        return piece
    rows = np.flatnonzero(~is_listed.to_numpy())
    hashes, counts = candidates_kernel.gather_shingles(
        piece.shingle_hashes, piece.shingle_offsets, rows
    )
    return IndexPiece(
        piece.ids.gather(rows),
        piece.text_hashes[rows],
        hashes,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
    )
