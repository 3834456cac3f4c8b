"""Parquet of any shape, as the table reader takes it: by columns, without a Python row."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from corpus.formats import dump_input, seekable_file
from corpus.formats.parquet_file import iter_slices, open_parquet
from corpus.readers.contract import Batch, Cursor, Refused
from corpus.readers.table.mapping import (
    Config,
    build_converters,
    missing_column_error,
    parse_table_id,
)
from corpus.schema import POST, REFUSAL, TOMBSTONE, empty_posts

_MAX_BATCH_BYTES = 96 << 20


def read(path: str, config: Config, part_posts: int, start: Cursor | None) -> Iterator[Batch]:
    """Yield the posts of a Parquet file, a whole column at a time."""
    row = start.row if start else 0
    with dump_input.DumpInput(path) as source:
        size = seekable_file.get_file_size(path)
        posts: list[pl.DataFrame] = []
        refused: list[tuple[str, int, str]] = []

        def cut(cursor: Cursor | None) -> Batch:
            batch = Batch(
                posts=pl.concat([empty_posts(), *posts]),
                refused=pl.DataFrame(refused, schema=REFUSAL, orient="row"),
                tombstones=pl.DataFrame(schema=TOMBSTONE),
                skipped={},
                cursor=cursor,
                position=size * row // max(total, 1) if cursor else size,
                sha256=None if cursor else source.sha256(),
            )
            posts.clear()
            refused.clear()
            return batch

        total, since, weight = 0, row, 0
        table = open_parquet(path)
        if table is None:
            refused.append((path, 0, "broken_parquet"))
            yield cut(None)
            return
        total = table.metadata.num_rows
        for wanted in config.list_columns():
            if not _has_column(table.schema_arrow, wanted):
                raise missing_column_error(path, config, table.schema_arrow.names, wanted)
        for piece in iter_slices(table, config.list_columns(), row):
            if isinstance(piece, int):  # the rest of this row group cannot be read
                refused.append((path, row + 1, "broken_parquet"))
                row = since = piece
                continue
            while len(piece):
                head = piece[: part_posts - (row - since)]
                piece = piece[len(head) :]
                found, problems = _convert_slice(head, config, path, row)
                posts.append(found)
                refused += problems
                row += len(head)
                weight += head.nbytes
                if row - since >= part_posts or weight >= _MAX_BATCH_BYTES:
                    yield cut(Cursor("", row, 0))
                    since, weight = row, 0
        yield cut(None)


def _has_column(schema: pa.Schema, source: str) -> bool:
    if source in schema.names:
        return True
    name, *path = source.split(".")
    kind = schema.field(name).type if name in schema.names else None
    for key in path:
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(key) < 0:
            return False
        kind = kind.field(key).type
    return kind is not None


def _convert_slice(
    piece: pa.RecordBatch, config: Config, path: str, row: int
) -> tuple[pl.DataFrame, list[tuple[str, int, str]]]:
    """The posts of these rows, and the rows that are none with their reasons."""
    count = len(piece)
    reasons: dict[int, str] = {}
    columns = {name: _read_column(piece, name, reasons) for name in config.list_columns()}
    convert_by = build_converters(config)
    made: dict[str, pl.Series] = {}
    for name in config.fields:
        values = columns[config.get_sources(name)[0]]
        if name == "id":
            made[name] = _convert_ids(values, config.platform + ":", reasons)
        elif name == "text":
            made[name] = _join_texts(
                [columns[source] for source in config.get_sources(name)], reasons
            )
        elif name == "created_at" and isinstance(values.dtype, (pl.Datetime, pl.Date)):
            made[name] = _convert_times(values)
        elif values.dtype == POST[name] and name in ("score", "replies", "sensitive", "bot"):
            made[name] = values
        elif values.dtype.is_integer() and name in ("score", "replies"):
            made[name] = values.cast(pl.Int64, strict=False)
        else:
            convert = convert_by[name]
            found = [convert(value) for value in values.to_list()]
            dtype = pl.Int64() if name == "created_at" else POST[name]
            made[name] = pl.Series(found, dtype=dtype).cast(POST[name])
    made |= {
        "platform": pl.repeat(config.platform, count, dtype=pl.String(), eager=True),
        "source_file": pl.repeat(path, count, dtype=pl.String(), eager=True),
        "source_row": pl.int_range(row + 1, row + count + 1, eager=True),
    }
    blank = {"kind": "post", "id": ""}
    for name, dtype in POST.items():
        if name not in made:
            made[name] = pl.repeat(blank.get(name), count, dtype=dtype, eager=True)
    posts = pl.DataFrame({name: made[name] for name in POST})
    if reasons:
        gone = pl.Series(sorted(reasons), dtype=pl.Int64) + row + 1
        posts = posts.filter(~pl.col("source_row").is_in(gone.implode()))
    return posts, [(path, row + 1 + at, reasons[at]) for at in sorted(reasons)]


def _read_column(piece: pa.RecordBatch, source: str, reasons: dict[int, str]) -> pl.Series:
    """One column as polars has it; a text in it that is no UTF-8 spoils its row."""
    if source in piece.schema.names:
        column = piece.column(source)
    else:
        name, *path = source.split(".")
        column = pc.struct_field(piece.column(name), path)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        column = pa.array(_null_invalid_texts(column, reasons), pa.large_string())
    return pl.Series(pl.from_arrow(column))


def _null_invalid_texts(column: pa.Array, reasons: dict[int, str]) -> list[str | None]:
    found: list[str | None] = []
    raw = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
    for at, value in enumerate(column.view(raw)):
        try:
            found.append(None if value.as_py() is None else value.as_py().decode("utf-8"))
        except UnicodeDecodeError:
            reasons[at] = "invalid_utf8"
            found.append(None)
    return found


def _convert_ids(values: pl.Series, prefix: str, reasons: dict[int, str]) -> pl.Series:
    if values.dtype.is_integer():
        names = values.cast(pl.String)
    elif values.dtype == pl.String and not values.str.contains(r"[.+\s]").any():
        names = values
    else:
        found: list[str] = []
        for at, value in enumerate(values.to_list()):
            try:
                found.append(parse_table_id(value))
            except Refused as refusal:
                reasons.setdefault(at, refusal.reason)
                found.append("")
        names = pl.Series(found, dtype=pl.String)
    for at in (names.is_null() | (names == "")).fill_null(True).arg_true():
        reasons.setdefault(at, "no_id")
    return prefix + names.fill_null("")


def _convert_times(values: pl.Series) -> pl.Series:
    zone = values.dtype.time_zone if isinstance(values.dtype, pl.Datetime) else None
    moments = values.cast(pl.Datetime("us", zone))
    return moments.dt.convert_time_zone("UTC") if zone else moments.dt.replace_time_zone("UTC")


def _join_texts(columns: list[pl.Series], reasons: dict[int, str]) -> pl.Series:
    parts = [column.cast(pl.String, strict=False) for column in columns]
    frame = pl.DataFrame([part.alias(str(at)) for at, part in enumerate(parts)])
    nothing = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    for at in nothing.arg_true():
        reasons.setdefault(at, "no_text")
    if len(parts) > 1:
        whole_parts = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in frame.columns]
        joined = frame.select(pl.concat_str(whole_parts, separator="\n\n", ignore_nulls=True))
        parts = [joined.to_series()]
    # A NUL ends a string in C libraries further down.
    return parts[0].fill_null("").str.replace_all("\0", "", literal=True)
