"""Keep replacement copies: the runner-up of each post that has copies, for a takedown of the post.

Of each text that several people posted, the next best copy by another author goes through the same
stages as the kept one, and is written to ``reserve/``, encrypted with the corpus's key, together
with what the index would hold of it. When the kept copy is taken down, the replacement copy is
moved to its shard, and no dump need be read again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from corpus.dedup import output_texts
from corpus.dedup.config import Config
from corpus.dedup.dedup_index import load_measured_hashes
from corpus.errors import BuildError
from corpus.output.columns import OutputColumns
from corpus.pipeline.filter_part import StageChain, filter_posts
from corpus.privacy import keys
from corpus.stages import MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write, file_sha256
from corpus.tasks.receipts import require_receipt
from corpus.tasks.task import ResumableTask, Written

FOLDER = "reserve"
PIECE_POSTS = 100_000  # to a file
_ROW = "_row"  # of a copy before the stages
#: What the index would hold of the post, and why it was dropped; never written to a shard.
INDEX_COLUMNS: dict[str, pl.DataType] = {
    "_reason": pl.String(),
    "_exact_one": pl.UInt64(),
    "_exact_two": pl.UInt64(),
    "_shingles": pl.List(pl.UInt32),
}


@dataclass(frozen=True)
class FilterReplacements(ResumableTask):
    """The task of putting the runner-up posts of one part through the stages after dedup.

    It writes the kept ones to ``target``, with the output's columns and ``INDEX_COLUMNS``; the
    receipt has how many rows these are.
    """

    part: MeasuredPart
    target: Path
    chain: StageChain
    scores: tuple[str, ...]
    columns: OutputColumns
    dedup_config: str  # as JSON

    @property
    def receipt(self) -> Path:
        """The receipt."""
        return self.target.with_suffix(".json")

    def write(self) -> Written:
        """Filter the copies and write them."""
        copies = self._filter_copies()
        with atomic_write(self.target) as temporary:
            copies.write_parquet(temporary)
        return Written([self.target], {"rows": copies.height})

    def _filter_copies(self) -> pl.DataFrame:
        rows = pl.Series(array_store.load_array(self.part.runner_ups, "rows"))
        posts = pl.read_parquet(self.part.posts, glob=False)[rows]
        verdict = pl.read_parquet(self.part.verdict, glob=False)[rows].rename({"reject": "_reason"})
        row = pl.Series(_ROW, range(len(rows)), dtype=pl.Int64)
        copies = posts.hstack(verdict).with_columns(row)
        kept, _, _ = filter_posts(
            copies, self.chain, str(self.part.posts), None, self.columns.pseudonyms.key_path
        )
        before = posts["text"].gather(kept[_ROW])
        index_columns = self._make_index_columns(rows.gather(kept[_ROW]), before, kept)
        return self.columns.load().select(kept.drop(_ROW), self.scores).hstack(index_columns)

    def _make_index_columns(
        self, rows: pl.Series, before: pl.Series, kept: pl.DataFrame
    ) -> pl.DataFrame:
        hashes = output_texts.replace_hashes(
            load_measured_hashes(self.part.measures, rows.to_numpy()),
            before.fill_null(""),
            kept["text"].fill_null(""),
            Config.model_validate_json(self.dedup_config),
        )
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(hashes.shingle_counts)])
        columns = {
            "_reason": kept["_reason"],
            "_exact_one": hashes.text_hashes[:, 0],
            "_exact_two": hashes.text_hashes[:, 1],
            "_shingles": array_store.make_list_series(hashes.shingle_hashes, offsets),
        }
        return pl.DataFrame(columns, schema_overrides=INDEX_COLUMNS)


class CopyRange(NamedTuple):
    """Consecutive rows of the file that :class:`FilterReplacements` wrote."""

    copies: Path
    start: int
    stop: int


@dataclass(frozen=True)
class WriteReplacements:
    """The task of writing one encrypted file of ``reserve/``."""

    ranges: tuple[CopyRange, ...]
    target: Path
    key_path: Path | str

    def __call__(self) -> WriteReplacements:
        """Write the file."""
        copies = [
            pl.read_parquet(rows.copies, glob=False)[rows.start : rows.stop] for rows in self.ranges
        ]
        save_piece(pl.concat(copies), self.target, keys.load_key(self.key_path))
        return self


def make_write_tasks(
    filter_tasks: Sequence[FilterReplacements], folder: Path, key_path: Path | str
) -> list[WriteReplacements]:
    """The tasks that write the files of ``reserve/``, :data:`PIECE_POSTS` posts each."""
    rows = [require_receipt(task.receipt)["rows"] for task in filter_tasks]
    return [
        WriteReplacements(
            tuple(CopyRange(filter_tasks[part].target, low, high) for part, low, high in piece),
            folder / f"{number:05d}.sealed",
            key_path,
        )
        for number, piece in enumerate(array_store.split_into_pieces(rows, PIECE_POSTS))
    ]


def describe_pieces(folder: Path) -> dict[str, Any]:
    """The manifest's entry for ``reserve/``: bytes, and path, bytes and SHA-256 of each file."""
    files = list_pieces(folder)
    return {
        "bytes": sum(file.stat().st_size for file in files),
        "pieces": [
            {"path": file.name, "bytes": file.stat().st_size, "sha256": file_sha256(file)}
            for file in files
        ],
    }


def list_pieces(folder: Path) -> list[Path]:
    """The files of ``reserve/``, in order."""
    return sorted(folder.glob("*.sealed"))


def save_piece(piece: pl.DataFrame, target: Path, key: bytes) -> None:
    """Encrypt replacement copies and write them to ``target``, whole or not at all."""
    buffer = io.BytesIO()
    piece.write_parquet(buffer, compression="zstd")
    with atomic_write(target, durable=True) as temporary:
        temporary.write_bytes(keys.encrypt(buffer.getvalue(), key, FOLDER))


def load_piece(path: Path, key: bytes) -> pl.DataFrame:
    """Read and decrypt a file of ``reserve/``; BuildError if it is damaged."""
    try:
        return pl.read_parquet(io.BytesIO(keys.decrypt(path.read_bytes(), key, FOLDER)))
    except (OSError, BuildError):
        raise BuildError(f"'{path}' is missing or damaged, or made with another key") from None
