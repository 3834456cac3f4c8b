"""Read the posts of a Parquet file by a map of its columns, whole columns at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import PlanError
from corpus.formats.dump_input import DumpInput
from corpus.formats.parquet_file import iter_slices, open_parquet
from corpus.formats.seekable_file import get_file_size
from corpus.readers.batches import MAX_BATCH_BYTES
from corpus.readers.contract import Batch, Cursor, Refused
from corpus.readers.table.mapping import (
    Config,
    build_converters,
    is_blank,
    missing_columns_error,
    parse_table_id,
)
from corpus.schema import POST, REFUSAL, TOMBSTONE, empty_posts


def read(path: str, config: Config, part_posts: int, start: Cursor | None) -> Iterator[Batch]:
    """Yield the posts of a Parquet file in batches."""
    row = start.row if start else 0
    with DumpInput(path) as source:
        size = get_file_size(path)
        posts: list[pl.DataFrame] = []
        refused: list[tuple[str, int, str]] = []
        unreadable: Counter[str] = Counter()

        def build_batch(cursor: Cursor | None) -> Batch:
            batch = Batch(
                posts=pl.concat([empty_posts(), *posts]),
                refused=pl.DataFrame(refused, schema=REFUSAL, orient="row"),
                tombstones=pl.DataFrame(schema=TOMBSTONE),
                skipped={},
                cursor=cursor,
                position=size * row // max(total, 1) if cursor else size,
                sha256=None if cursor else source.sha256(),
                unreadable=dict(unreadable),
            )
            posts.clear()
            refused.clear()
            unreadable.clear()
            return batch

        total, batch_start, batch_bytes = 0, row, 0
        table = open_parquet(path)
        if table is None:
            refused.append((path, 0, "broken_parquet"))
            yield build_batch(None)
            return
        total = table.metadata.num_rows
        schema = table.schema_arrow
        if missing := [name for name in config.list_columns() if not _has_column(schema, name)]:
            raise missing_columns_error(path, config, schema.names, missing)
        for column in config.get_sources("text"):
            _check_is_text(path, column, table.schema_arrow)
        for piece in iter_slices(table, config.list_columns(), row):
            if isinstance(piece, int):  # the rest of this row group cannot be read
                refused.append((path, row + 1, "broken_parquet"))
                row = batch_start = piece
                continue
            while len(piece):
                head = piece[: part_posts - (row - batch_start)]
                piece = piece[len(head) :]
                converted, refusals = _convert_slice(head, config, path, row, unreadable)
                posts.append(converted)
                refused += refusals
                row += len(head)
                batch_bytes += head.nbytes
                if row - batch_start >= part_posts or batch_bytes >= MAX_BATCH_BYTES:
                    yield build_batch(Cursor("", row, 0))
                    batch_start, batch_bytes = row, 0
        yield build_batch(None)


def _has_column(schema: pa.Schema, column: str) -> bool:
    """Return whether the file has the column, or the struct field of a dotted path."""
    if column in schema.names:
        return True
    name, *path = column.split(".")
    kind = schema.field(name).type if name in schema.names else None
    for key in path:
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(key) < 0:
            return False
        kind = kind.field(key).type
    return kind is not None


def _check_is_text(path: str, column: str, schema: pa.Schema) -> None:
    """PlanError if no row of the column can be a text."""
    name, *keys = [column] if column in schema.names else column.split(".")
    kind = schema.field(name).type
    for key in keys:
        kind = kind.field(key).type
    if _is_list(kind):
        kind = kind.value_type
    if pa.types.is_nested(kind):
        raise PlanError(
            f"{path}: column '{column}' is of type {kind}, which is no text; map 'text' to another "
            "column, or to a field in it, such as 'column.field'"
        )


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _convert_slice(
    piece: pa.RecordBatch, config: Config, path: str, row: int, unreadable: Counter[str]
) -> tuple[pl.DataFrame, list[tuple[str, int, str]]]:
    """Convert the rows after the first ``row`` rows of the file; returns posts and refusals.

    Adds the values of the posts that could not be understood to ``unreadable``, by column.
    """
    count = len(piece)
    reasons: dict[int, str] = {}  # by index in the slice
    columns = {name: _read_column(piece, name, reasons) for name in config.list_columns()}
    convert_by = build_converters(config)
    made: dict[str, pl.Series] = {}
    not_understood: dict[str, list[int]] = {}  # by column, the indexes in the slice
    for name in config.fields:
        sources = [columns[source] for source in config.get_sources(name)]
        values = sources[0]
        if name == "id":
            made[name] = _convert_ids(sources, config.platform + ":", reasons)
        elif name == "text":
            made[name] = _join_texts(sources, reasons)
        elif len(sources) > 1:
            rows = list(zip(*(source.to_list() for source in sources), strict=True))
            made[name] = _convert_values(name, rows, convert_by[name], not_understood)
        elif name == "created_at" and isinstance(values.dtype, (pl.Datetime, pl.Date)):
            made[name] = _convert_times(values)
            not_understood[name] = _list_lost(values, made[name])
        elif values.dtype == POST[name] and name in ("score", "replies", "sensitive", "bot"):
            made[name] = values
        elif values.dtype.is_integer() and name in ("score", "replies"):
            made[name] = values.cast(pl.Int64, strict=False)
            not_understood[name] = _list_lost(values, made[name])
        else:
            made[name] = _convert_values(name, values.to_list(), convert_by[name], not_understood)
    made |= {
        "platform": pl.repeat(config.platform, count, dtype=pl.String(), eager=True),
        "source_file": pl.repeat(path, count, dtype=pl.String(), eager=True),
        "source_row": pl.int_range(row + 1, row + count + 1, eager=True),
    }
    defaults = {"kind": "post", "id": ""}
    for name, dtype in POST.items():
        if name not in made:
            made[name] = pl.repeat(defaults.get(name), count, dtype=dtype, eager=True)
    posts = pl.DataFrame({name: made[name] for name in POST})
    for name, indexes in not_understood.items():
        if count := sum(index not in reasons for index in indexes):
            unreadable[name] += count
    if reasons:
        refused_rows = pl.Series(sorted(reasons), dtype=pl.Int64) + row + 1
        posts = posts.filter(~pl.col("source_row").is_in(refused_rows.implode()))
    return posts, [(path, row + 1 + index, reasons[index]) for index in sorted(reasons)]


def _list_lost(values: pl.Series, converted: pl.Series) -> list[int]:
    """Return the indexes of the values that became null."""
    rows: list[int] = (converted.is_null() & values.is_not_null()).arg_true().to_list()
    return rows


def _convert_values(
    name: str,
    values: Sequence[object],
    convert: Callable[[Any], Any],
    not_understood: dict[str, list[int]],
) -> pl.Series:
    """Convert the values of a post's column one by one."""
    converted = [None if value is None else convert(value) for value in values]
    not_understood[name] = [
        index
        for index, (value, made) in enumerate(zip(values, converted, strict=True))
        if made is None and not is_blank(value)
    ]
    is_time = name in ("created_at", "seen_at", "edited_at", "author_since")
    dtype = pl.Int64() if is_time else POST[name]
    series = pl.Series(converted, dtype=dtype).cast(POST[name])
    return series.fill_null("post") if name == "kind" else series


def _read_column(piece: pa.RecordBatch, column: str, reasons: dict[int, str]) -> pl.Series:
    """Read a column or a struct field; a row whose text is not UTF-8 is refused in ``reasons``."""
    if column in piece.schema.names:
        values = piece.column(column)
    else:
        name, *path = column.split(".")
        values = pc.struct_field(piece.column(name), path)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
    if _is_list(values.type):  # paragraphs, or the turns of a conversation
        return _join_lists(values, reasons)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        # Strings without that annotation: old writers of Impala, Hive and Spark.
        values = _view_as_text(values)
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        values = pa.array(_null_invalid_texts(values, reasons), pa.large_string())
    return pl.Series(pl.from_arrow(values))


def _view_as_text(values: pa.Array) -> pa.Array:
    """Return bytes as texts that may not be valid."""
    is_large = pa.types.is_large_binary(values.type)
    return values.view(pa.large_string() if is_large else pa.string())


def _join_lists(values: pa.Array, reasons: dict[int, str]) -> pl.Series:
    """Join the texts of each list by line ends; null for an empty list."""
    joined: list[str | None] = []
    for index, scalar in enumerate(values):
        try:
            items = scalar.as_py() or ()
            lines = [
                item.decode() if isinstance(item, bytes) else str(item) for item in items if item
            ]
            joined.append("\n".join(lines) or None)
        except UnicodeDecodeError:
            reasons[index] = "invalid_utf8"
            joined.append(None)
    return pl.Series(joined, dtype=pl.String)


def _null_invalid_texts(values: pa.Array, reasons: dict[int, str]) -> list[str | None]:
    texts: list[str | None] = []
    raw = pa.large_binary() if pa.types.is_large_string(values.type) else pa.binary()
    for index, value in enumerate(values.view(raw)):
        try:
            texts.append(None if value.as_py() is None else value.as_py().decode("utf-8"))
        except UnicodeDecodeError:
            reasons[index] = "invalid_utf8"
            texts.append(None)
    return texts


def _convert_ids(columns: list[pl.Series], prefix: str, reasons: dict[int, str]) -> pl.Series:
    """Return the ids of the rows; those of several columns are joined, as in ``12/345``."""
    ids = [_parse_ids(values, reasons).alias(str(nth)) for nth, values in enumerate(columns)]
    return prefix + pl.select(pl.concat_str(ids, separator="/")).to_series()


def _parse_ids(values: pl.Series, reasons: dict[int, str]) -> pl.Series:
    if values.dtype.is_integer():
        ids = values.cast(pl.String)
    elif values.dtype == pl.String and not values.str.contains(r"[.+\s]").any():
        ids = values
    else:
        parsed: list[str] = []
        for index, value in enumerate(values.to_list()):
            try:
                parsed.append(parse_table_id(value))
            except Refused as refusal:
                reasons.setdefault(index, refusal.reason)
                parsed.append("")
        ids = pl.Series(parsed, dtype=pl.String)
    for index in (ids.is_null() | (ids == "")).fill_null(True).arg_true():
        reasons.setdefault(index, "no_id")
    return ids.fill_null("")


def _convert_times(values: pl.Series) -> pl.Series:
    """Convert timestamps to microseconds, UTC; a time without a zone is taken for UTC."""
    zone = values.dtype.time_zone if isinstance(values.dtype, pl.Datetime) else None
    # The year 1 is what tools write for no time.
    times = pl.select(pl.when(values.dt.year() > 1).then(values)).to_series()
    times = times.cast(pl.Datetime("us", zone))
    return times.dt.convert_time_zone("UTC") if zone else times.dt.replace_time_zone("UTC")


def _join_texts(columns: list[pl.Series], reasons: dict[int, str]) -> pl.Series:
    """Join the non-empty texts of each row by a blank line; refuse a row where all are null."""
    parts = [column.cast(pl.String, strict=False) for column in columns]
    frame = pl.DataFrame([part.alias(str(index)) for index, part in enumerate(parts)])
    all_null = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    for index in all_null.arg_true():
        reasons.setdefault(index, "no_text")
    if len(parts) > 1:
        non_empty = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in frame.columns]
        joined = frame.select(pl.concat_str(non_empty, separator="\n\n", ignore_nulls=True))
        parts = [joined.to_series()]
    # A NUL ends a string in the C libraries of later stages.
    return parts[0].fill_null("").str.replace_all("\0", "", literal=True)
