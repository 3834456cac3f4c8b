"""Read a dump that is a file of JSON lines or a mirror of one in Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from corpus.formats.dump_input import DumpInput
from corpus.formats.parquet_file import find_damage, is_parquet, iter_slices, open_parquet
from corpus.formats.parquet_records import encode_rows
from corpus.formats.seekable_file import get_file_size
from corpus.readers.batches import BatchBuilder, decode_line, read_lines
from corpus.readers.contract import Batch, Cursor, Decode, ReaderConfig, Refused


def read_lines_or_parquet(
    path: str,
    config: ReaderConfig,
    decode: Decode,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
    columns: Sequence[str] = (),
) -> Iterator[Batch]:
    """Read JSON lines or Parquet through ``decode``; of Parquet only ``columns``, or all."""
    if not is_parquet(path):
        return read_lines(
            path, config, decode, platform=platform, part_posts=part_posts, start=start
        )
    return read_parquet_lines(
        path,
        config,
        decode,
        platform=platform,
        part_posts=part_posts,
        start=start,
        columns=columns,
    )


def read_parquet_lines(
    path: str,
    config: ReaderConfig,
    decode: Decode,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
    columns: Sequence[str] = (),
) -> Iterator[Batch]:
    """Read a Parquet file through ``decode`` as if it were the JSON lines it was made from.

    Rows count from 1 over the file. Only those of ``columns`` that the file has are read; all, if
    ``columns`` is empty. Where a row group is damaged, its rows from the damage on are skipped and
    the first of them is refused.
    """
    builder = BatchBuilder(platform, part_posts)
    max_bytes = config.max_line_mb << 20
    row = start.row if start else 0
    with DumpInput(path) as source:
        size = get_file_size(path)
        table = open_parquet(path)
        if table is None:
            builder.refuse(path, 0, find_damage(path, size))
            yield builder.build_batch(None, size, source.sha256())
            return
        total = max(table.metadata.num_rows, 1)
        names = dict.fromkeys(table.schema_arrow.names)
        selected = [name for name in names if not columns or name in columns]
        for piece in iter_slices(table, selected, row):
            if isinstance(piece, int):  # the rest of this row group cannot be read
                builder.refuse(path, row + 1, "damaged_parquet")
                row = piece
                continue
            for line in encode_rows(piece):
                row += 1
                if isinstance(line, Refused):
                    builder.refuse(path, row, line.reason)
                elif len(line) > max_bytes:
                    builder.refuse(path, row, "line_too_long")
                else:
                    builder.size_bytes += len(line)
                    decode_line(line, decode, builder, path, row)
                if builder.is_full():
                    yield builder.build_batch(Cursor("", row, 0), size * row // total)
        yield builder.build_batch(None, size, source.sha256())
