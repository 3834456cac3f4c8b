"""Read the posts of a CSV or TSV file by a map of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from corpus.formats.csv_records import CsvRecords, find_line_end, strip_empty_cells
from corpus.formats.lines import DumpMember, is_binary
from corpus.readers.batches import BatchBuilder, read_members
from corpus.readers.contract import Batch, Cursor, Refused
from corpus.readers.table.mapping import Config, build_post_maker, missing_columns_error

_LINE_END_BYTES = 1 << 18  # a header is shorter


def read(
    path: str, config: Config, dialect: str, part_posts: int, start: Cursor | None
) -> Iterator[Batch]:
    """Yield the posts of a CSV or TSV file (``dialect``), or of an archive of such, in batches."""
    make_post = build_post_maker(config)

    def read_member(
        member: DumpMember, cursor: Cursor, builder: BatchBuilder
    ) -> Iterator[tuple[int, int]]:
        source_file, stream = member.source_file, member.open()
        columns, row = list(config.columns), 0
        records = CsvRecords(
            stream,
            encoding=config.encoding,
            delimiter=config.delimiter or ("\t" if dialect == "tsv" else ","),
            quotes=config.quotes,
            width=len(columns),
            max_chars=config.max_line_mb << 20,
            escape=config.escape,
            line_end=find_line_end(stream.peek(_LINE_END_BYTES)),
            skip_lines=config.skip_lines,
        )
        pick = _make_column_picker(source_file, config, columns) if columns else None
        for row, cells, chars, problem in records:
            if pick is None and not cells and not problem:
                continue  # a blank line before the header
            if pick is None:
                columns = strip_empty_cells([cell.replace("\0", "").strip() for cell in cells])
                if is_binary(stream.head) and set(config.list_columns()).difference(columns):
                    builder.refuse(source_file, row, "not_text")
                    break
                pick = _make_column_picker(source_file, config, columns)
            elif row > cursor.row:
                if problem:
                    builder.refuse(source_file, row, problem)
                elif cells:
                    try:
                        builder.add(make_post(pick(cells)), source_file, row)
                    except Refused as refusal:
                        builder.refuse(source_file, row, refusal.reason)
                builder.size_bytes += chars
                if builder.is_full():
                    yield row, 0
        if records.break_reason:
            builder.refuse(source_file, row + 1, records.break_reason)

    return read_members(
        path, read_member, platform=config.platform, part_posts=part_posts, start=start
    )


def _make_column_picker(
    source_file: str, config: Config, columns: list[str]
) -> Callable[[list[str]], Sequence[object]]:
    """Return a function that picks the mapped cells of a record, in the order of the map."""
    if missing := [name for name in config.list_columns() if name not in columns]:
        raise missing_columns_error(source_file, config, columns, missing)
    indexes = [columns.index(name) for name in config.list_columns()]
    return lambda cells: [cells[index] for index in indexes]
