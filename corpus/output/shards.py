"""Write shards: Parquet files with nearly equal amounts of text, and pseudonyms for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus.output.columns import OutputColumns
from corpus.output.parquet_options import ParquetOptions
from corpus.schema import COUNTED_POSTS
from corpus.tasks.files import atomic_write, file_sha256
from corpus.tasks.task import ResumableTask, Written

# Columns with few values. A dictionary of ids or texts would cost time and save nothing.
_DICTIONARY_COLUMNS = (
    "platform",
    "kind",
    "community",
    "lang_hint",
    "license",
    "source_file",
    "lang",
)


@dataclass(frozen=True)
class FinishedPart:
    """A file of posts that no stage changes any more, its rows, and the bytes of its text."""

    path: Path
    rows: int
    text_bytes: int


@dataclass(frozen=True)
class WriteShard(ResumableTask):
    """Write the shard of the posts whose text begins at a byte in [low, high) of all text.

    Reads the parts that have these posts; ``first_offset`` is the byte where the text of the first
    part begins. The facts are those of the shard in the manifest.
    """

    target: Path
    receipt: Path
    parts: tuple[FinishedPart, ...]
    first_offset: int
    low: int
    high: int
    row_group_bytes: int
    scores: tuple[str, ...]
    columns: OutputColumns
    parquet_options: ParquetOptions

    def write(self) -> Written:
        """Write the shard, a row group at a time."""
        row_groups: list[int] = []
        posts = characters = 0
        columns = self.columns.load()
        with atomic_write(self.target, durable=True) as temporary:
            writer: pq.ParquetWriter | None = None
            for group in self._read_row_groups():
                table = columns.select(group, self.scores).to_arrow()
                if writer is None:
                    names = [name for name in _DICTIONARY_COLUMNS if name in table.column_names]
                    writer = self.parquet_options.open_writer(temporary, table.schema, names)
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                    row_groups.append(table.num_rows)
                counted = COUNTED_POSTS in group
                posts += int(group[COUNTED_POSTS].list.len().sum()) if counted else group.height
                characters += pc.sum(pc.utf8_length(table["text"])).as_py() or 0
            if writer is not None:
                writer.close()
        facts = {
            "path": f"{self.target.parent.name}/{self.target.name}",
            "rows": sum(row_groups),
            "row_groups": row_groups,
            "posts": posts,
            "bytes": self.target.stat().st_size,
            "sha256": file_sha256(self.target),
            "characters": characters,
        }
        return Written([self.target], facts)

    def _read_row_groups(self) -> Iterator[pl.DataFrame]:
        """The posts of the shard, a frame for each row group, which may span several parts."""
        pending: list[pl.DataFrame] = []
        current, begin = 0, self.first_offset
        for part in self.parts:
            posts = pl.read_parquet(part.path, glob=False)
            size = pl.col("text").str.len_bytes().cast(pl.Int64)
            posts = posts.with_columns((size.cum_sum() - size + begin).alias("_offset"))
            begin += part.text_bytes
            inside = pl.col("_offset").is_between(self.low, self.high, closed="left")
            posts = posts.filter(inside).with_columns(
                ((pl.col("_offset") - self.low) // self.row_group_bytes).alias("_group")
            )
            for group in posts.partition_by("_group", maintain_order=True):
                number = group["_group"][0]
                if number != current and pending:
                    yield pl.concat(pending)
                    pending = []
                current = number
                pending.append(group.drop("_offset", "_group"))
        yield pl.concat(pending) if pending else posts.clear().drop("_offset", "_group")


def make_shard_tasks(
    parts: Sequence[FinishedPart],
    shards_dir: Path,
    receipts_dir: Path,
    *,
    prefix: str,
    shard_bytes: int,
    row_group_bytes: int,
    scores: tuple[str, ...],
    columns: OutputColumns,
    parquet_options: ParquetOptions,
) -> list[WriteShard]:
    """The tasks that write every post of ``parts`` once, in shards with nearly equal text.

    The files are named ``prefix`` and a number; training and validation shards have different
    prefixes.
    """
    total = sum(part.text_bytes for part in parts)
    count = max(1, -(-total // shard_bytes))
    edges = [total * index // count for index in range(count)] + [total + 1]
    tasks = []
    for index in range(count):
        low, high = edges[index], edges[index + 1]
        chosen: list[FinishedPart] = []
        first_offset, begin = 0, 0
        for part in parts:
            # An empty text at the edge begins where the part ends, hence <= for the lower bound.
            if part.rows and begin < high and low <= begin + part.text_bytes:
                first_offset = first_offset if chosen else begin
                chosen.append(part)
            begin += part.text_bytes
        tasks.append(
            WriteShard(
                target=shards_dir / f"{prefix}-{index:05d}.parquet",
                receipt=receipts_dir / f"{index:05d}.json",
                parts=tuple(chosen or parts[:1]),
                first_offset=first_offset,
                low=low,
                high=high,
                row_group_bytes=row_group_bytes,
                scores=scores,
                columns=columns,
                parquet_options=parquet_options,
            )
        )
    return tasks
