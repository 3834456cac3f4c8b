"""Write size-balanced Parquet shards and the ledger, with keyed names for people and posts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.conversations.documents import COUNTED_POSTS, extract_turn_ends
from corpus.output.parquet_options import ParquetOptions
from corpus.privacy.pseudonyms import Pseudonymizer, PseudonymSettings
from corpus.schema import INTERNAL_COLUMNS, LEDGER_COLUMNS, POST
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write, file_sha256
from corpus.tasks.receipts import load_receipt, save_receipt

#: Of a ledger file. A task holds some hundred bytes for each.
LEDGER_FILE_ROWS = 4_000_000
# Columns of few values; a dictionary for ids or text would only cost time.
_DICTIONARY_COLUMNS = [
    "platform",
    "kind",
    "community",
    "lang_hint",
    "license",
    "source_file",
    "lang",
]


@dataclass(frozen=True)
class FinishedPart:
    """A part of finished posts and what the cutting of shards needs to know of it."""

    path: Path
    rows: int
    text_bytes: int


@dataclass(frozen=True)
class WriteShard:
    """The task of writing the posts whose text begins in [low, high) of all text."""

    target: Path
    receipt: Path
    parts: tuple[FinishedPart, ...]
    first_offset: int  # where the text of the first piece begins
    low: int
    high: int
    row_group_bytes: int
    scores: tuple[str, ...]
    naming: PseudonymSettings
    parquet_options: ParquetOptions

    def __call__(self) -> WriteShard:
        """Write the shard unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.receipt.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        row_groups: list[int] = []
        posts = characters = 0
        names = self.naming.load()
        with atomic_write(self.target, durable=True) as temporary:
            writer: pq.ParquetWriter | None = None
            for group in self._row_groups():
                table = group.pipe(select_output_columns, self.scores, names).to_arrow()
                if writer is None:
                    dictionary = [
                        name for name in _DICTIONARY_COLUMNS if name in table.column_names
                    ]
                    writer = self.parquet_options.open_writer(temporary, table.schema, dictionary)
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                    row_groups.append(table.num_rows)
                posts += (
                    int(group[COUNTED_POSTS].list.len().sum())
                    if COUNTED_POSTS in group
                    else group.height
                )
                characters += pc.sum(pc.utf8_length(table["text"])).as_py() or 0
            if writer is not None:
                writer.close()
        receipt = {
            "path": f"{self.target.parent.name}/{self.target.name}",
            "rows": sum(row_groups),
            "row_groups": row_groups,
            "posts": posts,
            "bytes": self.target.stat().st_size,
            "sha256": file_sha256(self.target),
            "characters": characters,
        }
        save_receipt(self.receipt, receipt, [self.target])
        return self

    def _row_groups(self) -> Iterator[pl.DataFrame]:
        """The shard's rows, a row group at a time; cut by bytes, wherever the parts end."""
        pending: list[pl.DataFrame] = []
        current, begin = 0, self.first_offset
        for piece in self.parts:
            posts = pl.read_parquet(piece.path, glob=False)
            size = pl.col("text").str.len_bytes().cast(pl.Int64)
            posts = posts.with_columns((size.cum_sum() - size + begin).alias("_at"))
            begin += piece.text_bytes
            inside = pl.col("_at").is_between(self.low, self.high, closed="left")
            posts = posts.filter(inside).with_columns(
                ((pl.col("_at") - self.low) // self.row_group_bytes).alias("_group")
            )
            for group in posts.partition_by("_group", maintain_order=True):
                number = group["_group"][0]
                if number != current and pending:
                    yield pl.concat(pending)
                    pending = []
                current = number
                pending.append(group.drop("_at", "_group"))
        yield pl.concat(pending) if pending else posts.clear().drop("_at", "_group")


def make_shard_tasks(
    parts: Sequence[FinishedPart],
    shards_dir: Path,
    receipts_dir: Path,
    *,
    prefix: str,
    shard_bytes: int,
    row_group_bytes: int,
    scores: tuple[str, ...],
    naming: PseudonymSettings,
    parquet_options: ParquetOptions,
) -> list[WriteShard]:
    """The tasks that together write every post once, in shards of nearly equal text.

    No two shards of a corpus have one ``name`` and number.
    """
    total = sum(piece.text_bytes for piece in parts)
    count = max(1, -(-total // shard_bytes))
    edges = [total * index // count for index in range(count)] + [total + 1]
    tasks = []
    for index in range(count):
        low, high = edges[index], edges[index + 1]
        chosen: list[FinishedPart] = []
        first, begin = 0, 0
        for piece in parts:
            # An empty text at the very edge begins where the part ends, hence <= on the left.
            if piece.rows and begin < high and low <= begin + piece.text_bytes:
                first = first if chosen else begin
                chosen.append(piece)
            begin += piece.text_bytes
        target = shards_dir / f"{prefix}-{index:05d}.parquet"
        receipt = receipts_dir / f"{index:05d}.json"
        tasks.append(
            WriteShard(
                target, receipt, tuple(chosen or parts[:1]), first, low, high,
                row_group_bytes, scores, naming, parquet_options,
            )
        )  # fmt: skip
    return tasks


@dataclass(frozen=True)
class WriteLedgerFile:
    """The task of writing one file of a stage's ledger rows."""

    stage: str
    target: Path
    row_files: tuple[Path, ...]  # rows of several stages, or refusals
    skip_rows: int  # how many rows of the stage in the first of ``paths`` belong to the file before
    rows: int
    scores: dict[str, Any]
    naming: PseudonymSettings

    def __call__(self) -> WriteLedgerFile:
        """Write the file."""
        names = self.naming.load()
        found = pl.concat([names.replace_id_columns(self._rows(path)) for path in self.row_files])
        found = found.slice(self.skip_rows, self.rows)
        with atomic_write(self.target, durable=True) as temporary:
            found.write_parquet(temporary, compression="zstd", row_group_size=500_000)
        return self

    def _rows(self, path: Path) -> pl.DataFrame:
        schema = LEDGER_COLUMNS | self.scores
        frame = pl.read_parquet(path, glob=False)
        if "stage" in frame.columns:
            frame = frame.filter(pl.col("stage") == self.stage)
        else:  # refusals: they have no id and no scores
            frame = frame.with_columns(pl.lit(self.stage).alias("stage"))
        absent = [pl.lit(None, dtype=t).alias(n) for n, t in schema.items() if n not in frame]
        return frame.with_columns(absent).select(list(schema))


def make_ledger_tasks(
    stage: str, row_files: Sequence[tuple[Path, int]], folder: Path, scores: dict[str, Any],
    naming: PseudonymSettings,
) -> list[WriteLedgerFile]:  # fmt: skip
    """The tasks that write the rows of one stage in reading order, :data:`LEDGER_ROWS` a file.

    ``found``: files, and how many rows of the stage each holds.
    """
    tasks = []
    for number, runs in enumerate(
        array_store.split_into_pieces((rows for _, rows in row_files), LEDGER_FILE_ROWS)
    ):
        target = folder / f"{stage}-{number:05d}.parquet"
        paths = tuple(row_files[part][0] for part, _, _ in runs)
        rows = sum(high - low for _, low, high in runs)
        tasks.append(WriteLedgerFile(stage, target, paths, runs[0][1], rows, scores, naming))
    return tasks


def select_output_columns(
    posts: pl.DataFrame, scores: tuple[str, ...], names: Pseudonymizer
) -> pl.DataFrame:
    """The columns that leave the build, ``text`` first, people and posts by their keyed names."""
    if "turn_ends" in posts.columns:
        posts = extract_turn_ends(posts)
    order = [name for name in POST if name not in ("text", *INTERNAL_COLUMNS)]
    return names.replace_id_columns(names.replace_author_columns(posts)).select(
        "text", *order, *scores
    )
