"""Collect records into batches: the loops over lines, members and records that readers share."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import msgspec
import polars as pl

from corpus.formats import times
from corpus.formats.archives.walk import MemberFilter
from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, get_refusal_reason
from corpus.formats.dump_input import DumpInput
from corpus.formats.json_records import locate_records
from corpus.formats.json_repair import replace_lone_surrogates, split_json_objects
from corpus.formats.lines import DumpMember, Line
from corpus.formats.times import UNREADABLE
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    JsonConfig,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Skipped,
    Tombstone,
    Unreadable,
)
from corpus.schema import POST, REFUSAL, TOMBSTONE

T = TypeVar("T")

#: How ``decode`` fails at a line.
_LINE_ERRORS = (Refused, msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: A batch also ends at this many bytes of records, so that very long posts do not exhaust memory.
MAX_BATCH_BYTES = 96 << 20


#: Posts that are collected before their values are moved to columns. A tuple that is kept is
#: visited by the garbage collector again and again; with few at a time that costs a fifth less.
PENDING_POSTS = 128


class PostColumns:
    """The values of posts, by column and not by post."""

    def __init__(self) -> None:
        self.rows: list[int] = []  # the row of each post in its source file
        self._files: list[str] = []  # the source files, without those of the last posts
        self._file = ""  # which are all of this one
        self._columns: list[list[Any]] = [[] for _ in Post._fields]
        self._pending: list[Post] = []

    @property
    def files(self) -> list[str]:
        """The source file of each post."""
        self._files += [self._file] * (len(self.rows) - len(self._files))
        return self._files

    def append(self, post: Post, source_file: str, row: int) -> None:
        """Add a post of ``row`` of ``source_file``."""
        if source_file is not self._file:
            self.begin_file(source_file)
        self.rows.append(row)
        self._pending.append(post)
        if len(self._pending) >= PENDING_POSTS:
            self.move_pending()

    def append_all(self, posts: Sequence[Post], source_file: str, row: int) -> None:
        """Add several posts of ``row`` of ``source_file``."""
        self.begin_file(source_file)
        self.rows += [row] * len(posts)
        self._pending += posts
        if len(self._pending) >= PENDING_POSTS:
            self.move_pending()

    def begin_file(self, source_file: str) -> tuple[Callable[[Post], None], Callable[[int], None]]:
        """Return two functions, for a post of ``source_file`` and for its row.

        They do what :meth:`append` does in a third of the time, as long as no post of another file
        is added, and as :meth:`move_pending` is called after :data:`PENDING_POSTS` posts.
        """
        if source_file != self._file:
            self._files = self.files
            self._file = source_file
        return self._pending.append, self.rows.append

    def extend(self, other: PostColumns) -> None:
        """Add the posts of another object."""
        self._files = self.files
        self._files += other.files
        self.rows += other.rows
        self.move_pending()
        other.move_pending()
        for column, values in zip(self._columns, other._columns, strict=True):
            column += values

    def by_name(self) -> dict[str, list[Any]]:
        """Return the values of each field of :class:`Post`, and of the provenance."""
        self.move_pending()
        columns = dict(zip(Post._fields, self._columns, strict=True))
        return columns | {"source_file": self.files, "source_row": self.rows}

    def with_files(self, files: list[str]) -> PostColumns:
        """Return the same posts with other names of their source files."""
        renamed = copy.copy(self)
        renamed._files = files
        return renamed

    def move_pending(self) -> None:
        """Move the values of the posts that were added last to their columns."""
        if self._pending:
            for column, values in zip(self._columns, zip(*self._pending, strict=True), strict=True):
                column += values
            self._pending.clear()


@dataclass
class BatchBuilder:
    """Collects records as Python objects and turns them into the frames of a :class:`Batch`."""

    platform: str
    part_posts: int
    posts: PostColumns = field(default_factory=PostColumns)
    refused: list[tuple[str, int, str]] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    unreadable_before: int = field(default_factory=lambda: times.unreadable_values)

    def add(self, records: Sequence[Record], source_file: str, row: int) -> None:
        """Add the records decoded from ``row`` of ``source_file``."""
        if len(records) == 1 and type(records[0]) is Post:  # nearly always
            self.posts.append(records[0], source_file, row)
            return
        posts = [record for record in records if type(record) is Post]
        if posts:
            self.posts.append_all(posts, source_file, row)
        for record in records if len(posts) < len(records) else ():
            if type(record) is Tombstone:
                self.tombstones.append(record)
            elif type(record) is Skipped:
                self.skipped[record.kind] = self.skipped.get(record.kind, 0) + 1
            elif type(record) is Unreadable:
                self.unreadable[record.column] = self.unreadable.get(record.column, 0) + 1
            elif type(record) is not Post:
                self.refuse(source_file, row, record.reason)  # type: ignore[union-attr]

    def refuse(self, source_file: str, row: int, reason: str) -> None:
        """Record that ``row`` of ``source_file`` could not be read."""
        self.refused.append((source_file, row, reason))

    def refuse_all(self, problems: Iterable[tuple[str, str]]) -> None:
        """Record (source file, reason) pairs of what could not be read as a whole."""
        self.refused += [(source_file, 0, reason) for source_file, reason in problems]

    def is_full(self) -> bool:
        """Return whether a batch should end here."""
        return self.count_room() <= 0 or self.size_bytes >= MAX_BATCH_BYTES

    def count_room(self) -> int:
        """Return how many posts, refused records and tombstones the batch may still get."""
        held = len(self.posts.rows) + len(self.refused) + len(self.tombstones)
        return self.part_posts - held

    def build_batch(self, cursor: Cursor | None, position: int, sha256: str | None = None) -> Batch:
        """Return a batch of the records collected so far, and begin the next one."""
        if times.unreadable_values != self.unreadable_before:
            _count_unreadable(self.posts, self.unreadable)
        records = Records(self.platform, self.posts, self.refused, self.tombstones, self.size_bytes)
        batch = CollectedBatch.collect(
            records,
            skipped=self.skipped,
            cursor=cursor,
            position=position,
            sha256=sha256,
            unreadable=self.unreadable,
        )
        self.posts, self.refused, self.tombstones = PostColumns(), [], []
        self.skipped, self.unreadable, self.size_bytes = {}, {}, 0
        return batch


@dataclass(frozen=True)
class Records:
    """The records of a batch as Python objects."""

    platform: str
    posts: PostColumns
    refused: list[tuple[str, int, str]]
    tombstones: list[Tombstone]
    size_bytes: int  # about what they were decoded from

    def build_frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames of a :class:`Batch`, by name."""
        return {
            "posts": build_posts_frame(self.posts, self.platform),
            "refused": pl.DataFrame(self.refused, schema=REFUSAL, orient="row"),
            "tombstones": pl.DataFrame(self.tombstones, schema=TOMBSTONE, orient="row"),
        }


#: A change of a batch's posts that keeps their rows, and can be compared with another one.
PostsChange = Callable[[pl.DataFrame], pl.DataFrame]


class CollectedBatch(Batch):
    """A batch that keeps its records until somebody looks at one of its frames.

    A frame takes as long to build as hundreds of posts to read. The batches of many small files are
    joined by their records, so that the frames are built once for all.
    """

    records: Records | None = None  # until the frames are built
    changes: tuple[PostsChange, ...] = ()  # to make when the frames are built

    @classmethod
    def collect(cls, records: Records, **others: Any) -> CollectedBatch:
        """Return a batch of ``records``; ``others`` are the fields of a batch but the frames."""
        batch = cls.__new__(cls)
        batch.__dict__.update(others, records=records)
        return batch

    def with_records(self, records: Records) -> CollectedBatch:
        """Return the same batch with other records."""
        batch = copy.copy(self)
        batch.records = records
        return batch

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there yet.
        if name not in ("posts", "refused", "tombstones") or self.records is None:
            raise AttributeError(name)
        frames = self.records.build_frames()
        for change in self.changes:
            frames["posts"] = change(frames["posts"])
        self.__dict__.update(frames, records=None)
        return frames[name]


def change_posts(batch: Batch, change: PostsChange) -> Batch:
    """Return the batch with a change, which of a collected one is made with the frames."""
    if isinstance(batch, CollectedBatch) and batch.records is not None:
        batch.changes = (*batch.changes, change)
        return batch
    return replace(batch, posts=change(batch.posts))


def build_posts_frame(posts: PostColumns, platform: str) -> pl.DataFrame:
    """Build a frame with the columns of :data:`corpus.schema.POST`.

    Values that are :data:`corpus.formats.times.UNREADABLE` become null.
    """
    columns = posts.by_name()
    series = []
    for name, dtype in POST.items():
        if name == "platform":
            series.append(_repeat(name, platform, len(posts.rows), dtype))
        elif _is_repeated(columns[name]):
            series.append(_repeat(name, columns[name][0], len(posts.rows), dtype))
        elif name == "created_at":
            microseconds = _make_numbers(name, columns[name])
            series.append(microseconds.cast(dtype))
        elif dtype == pl.Int64():
            series.append(_make_numbers(name, columns[name]))
        elif dtype == pl.Boolean():
            series.append(_make_flags(name, columns[name]))
        else:
            series.append(pl.Series(name, columns[name], dtype=dtype, strict=True))
    frame = pl.DataFrame(series)
    # A NUL ends a string in the C libraries of later stages (fastText reads it as a space).
    nul = pl.col("text").str.contains("\0", literal=True)
    if frame.select(nul.any()).item():
        frame = frame.with_columns(pl.col("text").str.replace_all("\0", "", literal=True))
    return frame


def _is_repeated(values: list[Any]) -> bool:
    """Return whether a column has one value: a platform fills few of them, a file's name is one."""
    if not values or values[0] is not values[-1]:
        return False
    is_plain = values[0] is None or type(values[0]) is str  # not UNREADABLE
    return is_plain and values.count(values[0]) == len(values)


def _repeat(name: str, value: str | None, count: int, dtype: pl.DataType) -> pl.Series:
    # Without pl.repeat, which takes as long as to read some posts.
    return pl.Series(name, [value], dtype=dtype).new_from_index(0, count)


def _make_numbers(name: str, values: Sequence[int | None]) -> pl.Series:
    numbers = pl.Series(name, values, dtype=pl.Int64(), strict=True)
    if numbers.min() != UNREADABLE:
        return numbers
    return numbers.set((numbers == UNREADABLE).fill_null(value=False), None)


def _make_flags(name: str, values: Sequence[bool | None]) -> pl.Series:
    try:
        return pl.Series(name, values, dtype=pl.Boolean(), strict=True)
    except TypeError:  # of UNREADABLE, for which a search in each batch would cost time
        known = [None if value == UNREADABLE else value for value in values]
        return pl.Series(name, known, dtype=pl.Boolean(), strict=True)


def _count_unreadable(posts: PostColumns, counts: dict[str, int]) -> None:
    """Add the values of posts that could not be understood to the counts by column."""
    for name, values in posts.by_name().items():
        is_searched = POST[name] in (pl.Int64(), pl.Boolean(), POST["created_at"])
        if is_searched and (found := values.count(UNREADABLE)):
            counts[name] = counts.get(name, 0) + found


#: Adds one member's records to the builder, from a cursor on, and yields (row, offset) where
#: reading can resume: at least wherever the builder is full.
ReadMember = Callable[[DumpMember, Cursor, BatchBuilder], Iterator[tuple[int, int]]]


def read_members(
    path: str,
    read_member: ReadMember,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
    member_filter: MemberFilter | None = None,
) -> Iterator[Batch]:
    """Read a file, or each member of an archive, through ``read_member``, in batches.

    ``start`` resumes after an earlier batch's cursor; ``member_filter`` selects members by name.
    """
    builder = BatchBuilder(platform, part_posts)
    with DumpInput(path, member_filter) as source:
        for member in source.members(resume_at=start.member if start else None):
            builder.refuse_all(source.take_problems())
            is_resumed = start is not None and start.member == member.name
            cursor = start if start and is_resumed else Cursor(member.name, 0, 0)
            for row, offset in read_member(member, cursor, builder):
                if builder.is_full():
                    yield builder.build_batch(Cursor(member.name, row, offset), source.position)
        builder.refuse_all(source.take_problems())
        yield builder.build_batch(None, source.position, source.sha256())


def read_lines(
    path: str,
    config: ReaderConfig,
    decode: Decode,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
    whole_arrays: bool = False,
) -> Iterator[Batch]:
    """Read a file of lines (plain, compressed, or an archive of such) through ``decode``.

    A file that is a JSON document of records, such as an array, is read by record. ``decode`` gets
    an array only as an element of an array, unless ``whole_arrays`` (of pages) is true.

    A line that ``decode`` refuses is recorded with its file, row and reason, and reading continues.
    Where a stream breaks off, the records before the break are kept and the row of the break is
    refused. ``start`` resumes after an earlier batch's cursor.
    """

    def read_member(
        member: DumpMember, cursor: Cursor, builder: BatchBuilder
    ) -> Iterator[tuple[int, int]]:
        return decode_member(member, cursor, builder, config, decode, whole_arrays=whole_arrays)

    return read_members(path, read_member, platform=platform, part_posts=part_posts, start=start)


def decode_member(
    member: DumpMember,
    cursor: Cursor,
    builder: BatchBuilder,
    config: ReaderConfig,
    decode: Decode,
    *,
    whole_arrays: bool = False,
) -> Iterator[tuple[int, int]]:
    """Decode a member's records after ``cursor``, as :func:`read_lines` does; a `ReadMember`.

    It yields only where the builder is full. A step of this loop is made for every post, so that
    what it can do once for many posts is not done for each.
    """
    source_file, posts = member.source_file, builder.posts
    add_post, add_row = posts.begin_file(source_file)
    # The records and bytes that may be added without a look at what the builder holds, and the
    # bytes that were.
    steps, max_bytes, size_bytes = 0, 0, 0
    for row, (data, end_offset, problem, ends_member) in locate_config_records(
        member, config, whole_arrays=whole_arrays, done_rows=cursor.row, offset=cursor.offset
    ):
        if data:
            size_bytes += len(data)
            try:
                records = decode(data)
                if len(records) == 1 and type(records[0]) is Post:  # nearly always
                    add_post(records[0])
                    add_row(row)
                else:
                    builder.add(records, source_file, row)
                    steps -= len(records)
            except _LINE_ERRORS as error:
                _refuse_line(error, data, decode, builder, source_file, row)
                steps = 0
        elif problem:
            builder.refuse(source_file, row, problem)
            if ends_member:
                break  # a resumed read would refuse this again
            steps = 0
        steps -= 1
        if steps <= 0 or size_bytes >= max_bytes:
            builder.size_bytes += size_bytes
            size_bytes = 0
            posts.move_pending()
            if builder.is_full():
                yield row, end_offset
                posts = builder.posts
                add_post, add_row = posts.begin_file(source_file)
            steps = min(PENDING_POSTS, builder.count_room())
            max_bytes = MAX_BATCH_BYTES - builder.size_bytes
    builder.size_bytes += size_bytes


def locate_config_records(
    member: DumpMember,
    config: ReaderConfig,
    *,
    whole_arrays: bool = False,
    done_rows: int = 0,
    offset: int = 0,
) -> Iterator[tuple[int, Line]]:
    """Yield the records of a member and their rows, as the config says where they are."""
    return locate_records(
        member,
        config.max_line_mb << 20,
        config.records if isinstance(config, JsonConfig) else "",
        whole_arrays=whole_arrays,
        done_rows=done_rows,
        offset=offset,
    )


class ReadProgress(Protocol):
    """The progress and the hash of a source that is read by records."""

    @property
    def position(self) -> int:
        """Bytes read so far."""
        ...

    def sha256(self) -> str:
        """Return the hash of the whole source in hex."""
        ...


def read_records(
    located: Iterable[LocatedRecords],
    source: ReadProgress,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
) -> Iterator[Batch]:
    """Build batches of the records that a reader yields.

    ``located`` must yield the same items in the same order each time: ``start`` resumes by skipping
    as many items as an earlier batch's cursor counts.
    """
    builder = BatchBuilder(platform, part_posts)
    done = start.row if start else 0
    for count, item in enumerate(located, start=1):
        if count <= done:
            continue
        builder.size_bytes += item.size_bytes
        builder.add(item.records, item.source_file, item.source_row)
        if builder.is_full():
            yield builder.build_batch(Cursor("", count, 0), source.position)
    yield builder.build_batch(None, source.position, source.sha256())


def refuse_file(source_file: str, reason: str) -> LocatedRecords:
    """Return the refusal of a file as a whole, for :func:`read_records`."""
    return LocatedRecords(source_file, 0, 0, (Refused(reason),))


def refuse_problems(problems: Iterable[tuple[str, str]]) -> Iterator[LocatedRecords]:
    """Yield the refusals of (source file, reason) pairs, for :func:`read_records`."""
    for source_file, reason in problems:
        yield refuse_file(source_file, reason)


def read_whole(source: ByteSource, max_bytes: int) -> bytes | Refused:
    """Return all bytes of a small file without its byte-order mark, or why it cannot be read."""
    content = bytearray()
    try:
        while piece := source.read(1 << 20):
            content += piece
            if len(content) > max_bytes:
                return Refused("line_too_long")
    except STREAM_ERRORS as error:
        return Refused(get_refusal_reason(error))
    return bytes(content).removeprefix(b"\xef\xbb\xbf")


def parse_value(data: bytes, parse: Callable[[bytes], T]) -> T | Refused:
    """Parse one JSON value of a document; each way it can fail becomes a refusal.

    A lone surrogate (half an emoji, as ``\\ud83d``), a known fault of real exports, is replaced by
    U+FFFD.
    """
    try:
        try:
            return parse(data)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, RecursionError):
            repaired = replace_lone_surrogates(data)
            if repaired == data:
                return Refused("malformed_json")
            return parse(repaired)
    except Refused as refusal:
        return refusal
    except msgspec.ValidationError:
        return Refused("wrong_type")
    except UnicodeDecodeError:
        return Refused("invalid_utf8")
    except (msgspec.DecodeError, RecursionError):
        return Refused("malformed_json")


def decode_value(data: bytes, decode: Decode) -> Sequence[Record]:
    """Decode one JSON value of a document to its records, or to one refusal."""
    records = parse_value(data, decode)
    return (records,) if isinstance(records, Refused) else records


def decode_line(
    line: bytes, decode: Decode, builder: BatchBuilder, source_file: str, row: int
) -> None:
    """Decode one line into ``builder``; each way it can fail becomes a refusal."""
    try:
        records = decode(line)
        if len(records) == 1 and type(records[0]) is Post:  # nearly always: a call less
            builder.posts.append(records[0], source_file, row)
        else:
            builder.add(records, source_file, row)
    except _LINE_ERRORS as error:
        _refuse_line(error, line, decode, builder, source_file, row)


def _refuse_line(
    error: Exception, line: bytes, decode: Decode, builder: BatchBuilder, source_file: str, row: int
) -> None:
    """Refuse a line at which ``decode`` has failed, or decode it once it is repaired."""
    if isinstance(error, Refused):
        builder.refuse(source_file, row, error.reason)
    elif isinstance(error, msgspec.ValidationError):
        builder.refuse(source_file, row, "wrong_type")
    elif isinstance(error, UnicodeDecodeError):
        builder.refuse(source_file, row, "invalid_utf8")
    else:
        _decode_repaired(line, decode, builder, source_file, row)


def _decode_repaired(
    line: bytes, decode: Decode, builder: BatchBuilder, source_file: str, row: int
) -> None:
    """Repair the two known faults of real JSON lines, or refuse the line.

    A lone surrogate (half an emoji, as ``\\ud83d``) is replaced by U+FFFD, and several objects on
    one line are decoded one by one.
    """
    pieces = split_json_objects(replace_lone_surrogates(line))
    if not pieces or (len(pieces) == 1 and pieces[0] == line):
        builder.refuse(source_file, row, "malformed_json")
        return
    for piece in pieces:
        try:
            builder.add(decode(piece), source_file, row)
        except Refused as refusal:
            builder.refuse(source_file, row, refusal.reason)
        except msgspec.ValidationError:
            builder.refuse(source_file, row, "wrong_type")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            builder.refuse(source_file, row, "malformed_json")
