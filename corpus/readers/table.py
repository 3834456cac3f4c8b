"""Read any JSON lines, CSV, TSV or Parquet, by a map from the post's columns to the file's."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, field_validator

from corpus.errors import PlanError, did_you_mean
from corpus.readers import _open
from corpus.readers._times import micros, whole, with_format
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    Gatherer,
    Post,
    ReaderConfig,
    Record,
    Refused,
    read_lines,
)
from corpus.schema import POST, REFUSAL, TOMBSTONE, WITHDRAWN, empty_posts

PLATFORM = "table"
VERSION = 1
TOMBSTONES = False

Paths = tuple[str, ...]
Make = Callable[[Sequence[object]], Post]

_MAPPABLE = Post._fields
_KINDS = frozenset(("post", "reply", "repost", "quote"))
_TRUE = frozenset(("true", "t", "yes", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "0", "0.0"))
# How CSV tools write an integer that they took for a float. Without the plus sign it may be a
# base-36 or a hexadecimal id.
_DECIMAL = re.compile(r"(-?\d+)\.0*")
_EXPONENT = re.compile(r"-?\d(\.\d+)?[eE]\+\d+")
_EXACT = 2**53  # floats hold every integer up to this one
_SURROGATE = re.compile("[\ud800-\udfff]")
# A quote that is never closed would swallow the file; no post has this many lines.
_LONGEST_RECORD = 10_000
_PARQUET_ROWS = 8192
_BATCH_BYTES = 96 << 20
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class Config(ReaderConfig):
    """What to read, and which column of it is which of a post's."""

    fields: dict[str, str | Paths] = Field(
        description="the post's column: the file's column, a dotted path into JSON, or, for "
        "text, a list of those"
    )
    format: Literal["detect", "jsonl", "csv", "tsv", "parquet"] = Field(
        default="detect", description="'detect' tells by the file's first bytes and its name"
    )
    platform: str = Field(
        default="table",
        min_length=1,
        description="where the posts are from; the first part of each id",
    )
    encoding: str = Field(
        default="utf-8-sig", description="of CSV and TSV; a byte-order mark is no text"
    )
    delimiter: str = Field(default="", max_length=1, description="empty: a comma, or in TSV a tab")
    quotes: bool = Field(default=True, description="whether a double quote opens a quoted field")
    columns: Paths = Field(
        default=(), description="the columns of a CSV or TSV that has no header row"
    )
    time_format: str = Field(
        default="", description="of created_at, as strptime has it; empty: try many"
    )

    @field_validator("fields")
    @classmethod
    def _known(cls, fields: dict[str, str | Paths]) -> dict[str, str | Paths]:
        for name, source in fields.items():
            if name == "platform":
                raise ValueError("'platform' is one for all posts: set it beside 'fields'")
            if name not in _MAPPABLE:
                raise ValueError(f"a post has no column '{name}'{did_you_mean(name, _MAPPABLE)}")
            if not isinstance(source, str) and name != "text":
                raise ValueError(f"'{name}' takes one column; only 'text' joins several")
            if not all([source] if isinstance(source, str) else source or [""]):
                raise ValueError(f"'{name}' names no column")
        if "text" not in fields:
            raise ValueError("'text' must say which column holds the text")
        return fields

    @field_validator("encoding")
    @classmethod
    def _encoding(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"no encoding '{encoding}'; try utf-8 or latin-1") from None
        return encoding

    def sources(self, name: str) -> Paths:
        """The file's columns that the post's column ``name`` is made of."""
        source = self.fields.get(name, ())
        return (source,) if isinstance(source, str) else source

    def wanted(self) -> list[str]:
        """Each of the file's columns that is read, once."""
        return list(dict.fromkeys(source for name in self.fields for source in self.sources(name)))


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file in batches."""
    form = config.format if config.format != "detect" else _detect(path)
    if form == "parquet":
        batches = _read_parquet(path, config, part_posts, start)
    elif form == "jsonl":
        batches = read_lines(
            path,
            config,
            _decoder(config),
            platform=config.platform,
            part_posts=part_posts,
            start=start,
        )
    else:
        batches = _read_csv(path, config, form, part_posts, start)
    if "id" in config.fields:
        return batches
    return (_named(batch, path, config.platform) for batch in batches)


def _detect(path: str) -> str:
    name, head = path, b""
    with _open.Input(path) as source:
        for member in source.members():
            name, head = member.name or path, member.open().head
            break
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return "parquet"
    for suffix in reversed(Path(name).suffixes):
        if suffix.lower() in _SUFFIXES:
            return _SUFFIXES[suffix.lower()]
    if not head or head[:1] in b"{[":
        return "jsonl"
    return "tsv" if b"\t" in head.partition(b"\n")[0] else "csv"


def _named(batch: Batch, path: str, platform: str) -> Batch:
    """Give the posts of a file without ids the file's name and their row instead."""
    file = pl.col("source_file").str.strip_prefix(str(Path(path).parent)).str.strip_prefix("/")
    place = pl.format("{}:{}:{}", pl.lit(platform), file, "source_row")
    nth = pl.int_range(pl.len()).over("source_file", "source_row")
    # Several objects can stand on one line.
    name = pl.when(nth == 0).then(place).otherwise(pl.format("{}.{}", place, nth + 1))
    return replace(batch, posts=batch.posts.with_columns(id=name))


def _maker(config: Config) -> Make:
    """The function that makes a post of a row's wanted values."""
    wanted = config.wanted()
    prefix = config.platform + ":"
    id_at = wanted.index(config.sources("id")[0]) if "id" in config.fields else None
    texts = [wanted.index(source) for source in config.sources("text")]
    converters = _converters(config)
    rest = [
        (slot, wanted.index(config.sources(name)[0]), converters[name])
        for slot, name in enumerate(Post._fields)
        if name in config.fields and name not in ("id", "text")
    ]
    blank: list[Any] = list(Post("", ""))

    def make(values: Sequence[object]) -> Post:
        fields = blank.copy()
        if id_at is not None:
            name = _identifier(values[id_at])
            if not name:
                raise Refused("no_id")
            fields[0] = prefix + name
        found = [text for at in texts if (text := _string(values[at])) is not None]
        if not found:
            raise Refused("no_text")
        fields[1] = found[0] if len(found) == 1 else "\n\n".join(filter(None, found))
        for slot, at, convert in rest:
            fields[slot] = convert(values[at])
        return Post._make(fields)

    return make


def _converters(config: Config) -> dict[str, Callable[[Any], Any]]:
    """For each of a post's columns, what makes its value of a value of any type."""

    def link(value: object) -> str | None:
        name = _name(value)
        return f"{config.platform}:{name}" if name else None

    def moment(value: object) -> int | None:
        if config.time_format and isinstance(value, str):
            return with_format(value, config.time_format)
        return micros(value)

    return {
        "kind": lambda value: value if value in _KINDS else "post",
        "author": _name,
        "community": _name,
        "created_at": moment,
        "lang_hint": _name,
        "parent_id": link,
        "root_id": link,
        "score": whole,
        "replies": whole,
        "sensitive": _flag,
        "bot": _flag,
        "license": _name,
        "withdrawn": _withdrawn,
    }


def _identifier(value: object) -> str:
    """The id as text; empty if there is none, refused if a float has lost digits of it."""
    if isinstance(value, str):
        value = value.strip()
        if "." in value or "+" in value:
            if _EXPONENT.fullmatch(value):
                raise Refused("float_id")
            decimal = _DECIMAL.fullmatch(value)
            if decimal and abs(int(decimal[1])) > _EXACT:
                raise Refused("float_id")
            return decimal[1] if decimal else value
        return value
    if isinstance(value, float):
        if value != value:  # NaN: how data frames say null
            return ""
        if abs(value) > _EXACT or not value.is_integer():
            raise Refused("float_id")
        return str(int(value))
    if isinstance(value, (dict, list)):
        raise Refused("wrong_type")
    return "" if value is None else str(value)


def _name(value: object) -> str | None:
    try:
        return _identifier(value) or None
    except Refused:
        return None


def _string(value: object) -> str | None:
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, (dict, list)):
        raise Refused("wrong_type")
    return None if value != value else str(value)


def _flag(value: object) -> bool | None:
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _withdrawn(value: object) -> str | None:
    if value is None or value == "" or value != value or _flag(value) is False:
        return None
    # A mark that is not one of ours still says that something is wrong with the post.
    return value if isinstance(value, str) and value in WITHDRAWN else "removed"


def _missing(file: str, config: Config, columns: Sequence[str], wanted: str) -> PlanError:
    field = next(name for name in config.fields if wanted in config.sources(name))
    # A file without a header shows its first post here; long cells are not names.
    shown = [column if len(column) <= 40 else "…" for column in columns[:50]]
    return PlanError(
        f"{file} has no column '{wanted}', which 'fields' maps to '{field}'"
        f"{did_you_mean(wanted, shown)}; its columns: {', '.join(shown)}"
    )


# JSON lines.


def _decoder(config: Config) -> Decode:
    wanted = config.wanted()
    make = _maker(config)
    paths = [source.split(".") for source in wanted]
    # Only the wanted keys are decoded. A dotted one may be a path, or a key with a dot in it.
    keys = list(dict.fromkeys([*wanted, *(path[0] for path in paths)]))
    slots = {key: f"f{number}" for number, key in enumerate(keys)}
    row_type = msgspec.defstruct(
        "Row",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: key for key, slot in slots.items()},
    )
    parse = msgspec.json.Decoder(row_type).decode
    plain = attrgetter(*slots.values(), slots[keys[0]])  # two names at least: always a tuple
    nested = [(keys.index(path[0]), path[1:]) for path in paths]

    def decode(line: bytes) -> Sequence[Record]:
        values = list(plain(parse(line)))
        for at, (top, path) in enumerate(nested):
            if path and values[at] is None:
                values[at] = _follow(values[top], path)
        return (make(values),)

    return decode


def _follow(value: object, path: Sequence[str]) -> object:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


# CSV and TSV.


class _Lines:
    """A file's lines for the csv module, which can be given back when a record proves broken."""

    def __init__(self, stream: _open._Source, encoding: str, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._fresh = self._read()
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0
        self.broken = False  # the stream ended before its end
        self.open = False  # the lines ended inside a quoted field
        self.dirty = False  # bytes that are no text have been met

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _LONGEST_RECORD or self.size > self._longest:
            raise csv.Error("record_too_long")
        try:
            line = self._again.popleft() if self._again else next(self._fresh)
        except StopIteration:
            self.open = bool(self.taken)
            raise
        self.taken.append(line)
        self.size += len(line)
        if not line:
            raise csv.Error("line_too_long")
        return line

    def begin(self) -> None:
        """Forget the lines of the last record: it is done with."""
        self.taken, self.size, self.open = [], 0, False

    def give_back(self) -> None:
        """Read all lines of the last record but its first again, as records of their own."""
        self._again.extendleft(reversed(self.taken[1:]))

    def _read(self) -> Iterator[str]:
        """The lines with their ends; an empty one stands for one that is too long."""
        carry, too_long = "", False
        while True:
            try:
                chunk = self._stream.read(1 << 20)
                text = self._decoder.decode(chunk, final=not chunk)
            except _open.BROKEN:
                self.broken = True
                return
            self.dirty = self.dirty or (not text.isascii() and bool(_SURROGATE.search(text)))
            lines = (carry + text).split("\n")
            carry = lines.pop()
            for line in lines:
                yield "" if too_long or len(line) > self._longest else line + "\n"
                too_long = False
            if len(carry) > self._longest:
                carry, too_long = "", True
            if not chunk:
                break
        if carry or too_long:
            yield "" if too_long else carry


def _read_csv(
    path: str, config: Config, form: str, part_posts: int, start: Cursor | None
) -> Iterator[Batch]:
    gather = Gatherer(config.platform, part_posts)
    longest = config.max_line_mb << 20
    csv.field_size_limit(max(longest, csv.field_size_limit()))
    make = _maker(config)
    with _open.Input(path) as source:
        broken = False
        for member in source.members(after=start.member if start else None):
            file = f"{path}!{member.name}" if member.name else path
            done = start.row if start and start.member == member.name else 0
            stream = member.open()
            lines = _Lines(stream, config.encoding, longest)
            columns, row = list(config.columns), 0
            pick = _picker(file, config, columns) if columns else None
            for row, cells, problem in _records(lines, config, form):
                if pick is None:
                    columns = [cell.strip() for cell in cells]
                    if _open._is_binary(stream.head) and set(config.wanted()).difference(columns):
                        gather.refuse(file, row, "not_text")
                        break
                    pick = _picker(file, config, columns)
                elif row > done:
                    if cells and not problem and len(cells) != len(columns):
                        problem = "wrong_field_count"
                    if problem:
                        gather.refuse(file, row, problem)
                    elif cells:
                        _add(pick(cells), make, gather, file, row)
                    gather.size += lines.size
                    if gather.full():
                        yield gather.cut(Cursor(member.name, row, 0), source.position)
            broken = lines.broken
            if broken:
                gather.refuse(file, row + 1, "truncated_stream")
        if source.problem and not broken:  # one break, one refusal
            gather.refuse(path, 0, source.problem)
        yield gather.cut(None, source.position, source.sha256())


def _records(lines: _Lines, config: Config, form: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield each record's number, its cells, and what is wrong with it, if anything is."""
    records = csv.reader(
        lines,
        delimiter=config.delimiter or ("\t" if form == "tsv" else ","),
        quoting=csv.QUOTE_MINIMAL if config.quotes else csv.QUOTE_NONE,
    )
    row, width = 0, len(config.columns)
    while True:
        lines.begin()
        cells, problem = [], ""
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error:
            problem = "malformed_csv" if lines.taken[0] else "line_too_long"
        if lines.open:
            if lines.broken:
                return
            problem = "unclosed_quote"
        width = width or len(cells)
        if len(lines.taken) > 1 and (problem or len(cells) != width):
            # A stray quote has joined this line to the ones behind it: lose just this one.
            problem = problem or "wrong_field_count"
            lines.give_back()
        if lines.dirty and not problem and any(map(_SURROGATE.search, cells)):
            problem = "invalid_utf8"
        row += 1
        yield row, cells, problem


def _picker(
    file: str, config: Config, columns: list[str]
) -> Callable[[list[str]], Sequence[object]]:
    for name in config.wanted():
        if name not in columns:
            raise _missing(file, config, columns, name)
    places = [columns.index(name) for name in config.wanted()]
    return lambda cells: [cells[place] for place in places]


def _add(values: Sequence[object], make: Make, gather: Gatherer, file: str, row: int) -> None:
    try:
        gather.add((make(values),), file, row)
    except Refused as refusal:
        gather.refuse(file, row, refusal.reason)


# Parquet.


def _read_parquet(
    path: str, config: Config, part_posts: int, start: Cursor | None
) -> Iterator[Batch]:
    row = start.row if start else 0
    with _open.Input(path) as source:
        size = Path(path).stat().st_size
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
        try:
            table = pq.ParquetFile(path)
        except (pa.ArrowException, OSError):
            refused.append((path, 0, "broken_parquet"))
            yield cut(None)
            return
        total = table.metadata.num_rows
        for wanted in config.wanted():
            if not _holds(table.schema_arrow, wanted):
                raise _missing(path, config, table.schema_arrow.names, wanted)
        for piece in _pieces(table, config, row):
            if isinstance(piece, int):  # the rest of this row group cannot be read
                refused.append((path, row + 1, "broken_parquet"))
                row = since = piece
                continue
            while len(piece):
                head = piece[: part_posts - (row - since)]
                piece = piece[len(head) :]
                found, problems = _convert(head, config, path, row)
                posts.append(found)
                refused += problems
                row += len(head)
                weight += head.nbytes
                if row - since >= part_posts or weight >= _BATCH_BYTES:
                    yield cut(Cursor("", row, 0))
                    since, weight = row, 0
        yield cut(None)


def _holds(schema: pa.Schema, source: str) -> bool:
    if source in schema.names:
        return True
    name, *path = source.split(".")
    kind = schema.field(name).type if name in schema.names else None
    for key in path:
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(key) < 0:
            return False
        kind = kind.field(key).type
    return kind is not None


def _pieces(table: pq.ParquetFile, config: Config, skip: int) -> Iterator[pa.RecordBatch | int]:
    """The rows after ``skip``, group by group; the row to go on at where a group is broken."""
    begin = 0
    for group in range(table.num_row_groups):
        at, begin = begin, begin + table.metadata.row_group(group).num_rows
        if begin <= skip:
            continue
        try:
            for piece in table.iter_batches(
                batch_size=_PARQUET_ROWS, row_groups=[group], columns=config.wanted()
            ):
                behind = at + len(piece)
                if behind > skip:
                    yield piece[max(skip - at, 0) :]
                at = behind
        except (pa.ArrowException, OSError):
            yield begin


def _convert(
    piece: pa.RecordBatch, config: Config, path: str, row: int
) -> tuple[pl.DataFrame, list[tuple[str, int, str]]]:
    """The posts of these rows, and the rows that are none with their reasons."""
    count = len(piece)
    reasons: dict[int, str] = {}
    columns = {name: _column(piece, name, reasons) for name in config.wanted()}
    converters = _converters(config)
    made: dict[str, pl.Series] = {}
    for name in config.fields:
        values = columns[config.sources(name)[0]]
        if name == "id":
            made[name] = _identifiers(values, config.platform + ":", reasons)
        elif name == "text":
            made[name] = _texts([columns[source] for source in config.sources(name)], reasons)
        elif name == "created_at" and isinstance(values.dtype, (pl.Datetime, pl.Date)):
            made[name] = _moments(values)
        elif values.dtype == POST[name] and name in ("score", "replies", "sensitive", "bot"):
            made[name] = values
        elif values.dtype.is_integer() and name in ("score", "replies"):
            made[name] = values.cast(pl.Int64, strict=False)
        else:
            convert = converters[name]
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


def _column(piece: pa.RecordBatch, source: str, reasons: dict[int, str]) -> pl.Series:
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
        column = pa.array(_mended(column, reasons), pa.large_string())
    return pl.Series(pl.from_arrow(column))


def _mended(column: pa.Array, reasons: dict[int, str]) -> list[str | None]:
    found: list[str | None] = []
    raw = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
    for at, value in enumerate(column.view(raw)):
        try:
            found.append(None if value.as_py() is None else value.as_py().decode("utf-8"))
        except UnicodeDecodeError:
            reasons[at] = "invalid_utf8"
            found.append(None)
    return found


def _identifiers(values: pl.Series, prefix: str, reasons: dict[int, str]) -> pl.Series:
    if values.dtype.is_integer():
        names = values.cast(pl.String)
    elif values.dtype == pl.String and not values.str.contains(r"[.+\s]").any():
        names = values
    else:
        found: list[str] = []
        for at, value in enumerate(values.to_list()):
            try:
                found.append(_identifier(value))
            except Refused as refusal:
                reasons.setdefault(at, refusal.reason)
                found.append("")
        names = pl.Series(found, dtype=pl.String)
    for at in (names.is_null() | (names == "")).fill_null(True).arg_true():
        reasons.setdefault(at, "no_id")
    return prefix + names.fill_null("")


def _moments(values: pl.Series) -> pl.Series:
    zone = values.dtype.time_zone if isinstance(values.dtype, pl.Datetime) else None
    moments = values.cast(pl.Datetime("us", zone))
    return moments.dt.convert_time_zone("UTC") if zone else moments.dt.replace_time_zone("UTC")


def _texts(columns: list[pl.Series], reasons: dict[int, str]) -> pl.Series:
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
