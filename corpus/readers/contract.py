"""What a reader is: a dump in, batches of posts, refusals and tombstones out.

A reader is a module in this folder with

* ``Config``: a frozen pydantic model whose first field is ``path`` (a file, a folder or a glob),
* ``TOMBSTONES``: whether this format can announce deletions,
* ``FOLDERS``: optional; true if a whole folder can be one source (an unpacked account archive),
* ``fits(sample)``: from 0 (this is something else) to 1 (surely this format), at a glance,
* ``read(path, config, part_posts, start)``: an iterator of :class:`Batch` for one file.

A line reader writes only ``decode(line) -> records`` and hands it to :func:`read_lines`; that
function owns decompression, line limits, refusals, cutting into batches and resuming. A reader of
anything else yields its records in order and hands them to :func:`read_records`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from corpus.formats import dump_input
from corpus.schema import POST, REFUSAL, TOMBSTONE

NonEmptyText = Annotated[str, Field(min_length=1)]


class ReaderConfig(BaseModel):
    """The keys that every reader takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    path: NonEmptyText = Field(description="a file, a folder or a glob")
    max_line_mb: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="a longer line is refused, so that memory stays bounded",
    )


class Post(NamedTuple):
    """One post as a reader hands it over; see :data:`corpus.schema.POST` for each field."""

    id: str
    text: str
    kind: str = "post"
    author: str | None = None
    community: str | None = None
    created_at: int | None = None  # microseconds since 1970, UTC
    lang_hint: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    score: int | None = None
    replies: int | None = None
    sensitive: bool | None = None
    bot: bool | None = None
    license: str | None = None
    withdrawn: str | None = None
    accepted_id: str | None = None
    consent: str | None = None  # "allowed", "denied", or null: nothing declared
    seen_at: int | None = None  # microseconds: when the source learnt of this version
    mentions: str | None = None  # "name=author" of people in the text, by mentions_of()


def match_mentions(text: str, accounts: Iterable[tuple[str | None, str | None]]) -> str | None:
    """Of ``people`` (name, author), those that a text names, as :attr:`Post.mentions` has them."""
    if "@" not in text and "\uff20" not in text:
        return None
    lowered = text.lower()
    named = {
        f"{name.lower()}={author}"
        for name, author in accounts
        if name and author and name.lower() in lowered and not {" ", "="} & set(name + author)
    }
    return " ".join(sorted(named)) or None


class Tombstone(NamedTuple):
    """The source's word on whether a post or an author's posts may be used."""

    target: str  # "id" or "author"
    value: str  # the global post id, or "platform:author"
    reason: str  # one of schema.WITHDRAWN, or "allowed"
    said_at: int | None = None  # microseconds; only what was seen before then is meant


class Skipped(NamedTuple):
    """A record that is no post and was never meant to be one: a notice, a keep-alive."""

    kind: str


class Refused(Exception):
    """Raised (or handed over as a record) for input that should have been a post and is not."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Record = Post | Tombstone | Skipped | Refused
Decode = Callable[[bytes], Sequence[Record]]


class Cursor(NamedTuple):
    """Where the next batch of a file starts, so that a build resumes in the middle of it."""

    member: str  # the archive member, or "" for a file that is not an archive
    row: int  # rows of it already read
    offset: int  # decompressed bytes of it already read


@dataclass
class Batch:
    """Consecutive records of one file. ``cursor`` is null when the file is finished."""

    posts: pl.DataFrame
    refused: pl.DataFrame
    tombstones: pl.DataFrame
    skipped: dict[str, int]
    cursor: Cursor | None
    position: int  # compressed bytes consumed so far, for the progress display
    sha256: str | None = None  # of the whole file, with the last batch


@dataclass(frozen=True)
class Sample:
    """What can be told of a source at a glance: its name and how it begins."""

    name: str  # the file's or folder's own name, without its path
    members: tuple[str, ...]  # the names in an archive or a folder, at most some thousands; or ()
    head: bytes  # how the file, or the archive's first member, begins once decompressed

    @cached_property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects that stand one to a line at the start; none if it is no such file."""
        found = []
        for line in self.head.split(b"\n")[:200]:
            try:
                value = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(value, dict):
                found.append(value)
        return found

    def matching_share(self, predicate: Callable[[dict[str, Any]], object]) -> float:
        """The share of :attr:`objects` that fit; 0 if there are none."""
        return sum(bool(predicate(row)) for row in self.objects) / max(1, len(self.objects))


# A batch also ends at this many bytes of lines: very long posts must not make it unbounded.
_MAX_BATCH_BYTES = 96 << 20


@dataclass
class BatchBuilder:
    """Collects records and cuts them into frames; the last Python objects a post passes through."""

    platform: str
    part_posts: int
    posts: list[Post] = field(default_factory=list)
    provenance: list[tuple[str, int]] = field(default_factory=list)
    refused: list[tuple[str, int, str]] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0

    def add(self, records: Sequence[Record], file: str, row: int) -> None:
        """Take the records found at ``row`` of ``file``."""
        for record in records:
            if type(record) is Post:
                self.posts.append(record)
                self.provenance.append((file, row))
            elif type(record) is Tombstone:
                self.tombstones.append(record)
            elif type(record) is Skipped:
                self.skipped[record.kind] = self.skipped.get(record.kind, 0) + 1
            else:
                self.refuse(file, row, record.reason)  # type: ignore[union-attr]

    def refuse(self, file: str, row: int, reason: str) -> None:
        """Record that ``row`` of ``file`` could not be read."""
        self.refused.append((file, row, reason))

    def is_full(self) -> bool:
        """Whether a batch should be cut here."""
        count = len(self.posts) + len(self.refused) + len(self.tombstones)
        return count >= self.part_posts or self.size_bytes >= _MAX_BATCH_BYTES

    def build_batch(self, cursor: Cursor | None, position: int, sha256: str | None = None) -> Batch:
        """Hand over what was gathered and start anew."""
        batch = Batch(
            posts=build_posts_frame(self.posts, self.provenance, self.platform),
            refused=pl.DataFrame(self.refused, schema=REFUSAL, orient="row"),
            tombstones=pl.DataFrame(self.tombstones, schema=TOMBSTONE, orient="row"),
            skipped=self.skipped,
            cursor=cursor,
            position=position,
            sha256=sha256,
        )
        self.posts, self.provenance, self.refused, self.tombstones = [], [], [], []
        self.skipped, self.size_bytes = {}, 0
        return batch


def build_posts_frame(
    posts: Sequence[Post], provenance: Sequence[tuple[str, int]], platform: str
) -> pl.DataFrame:
    """Turn posts and their places into a frame with the columns of :data:`corpus.schema.POST`."""
    columns = dict(zip(Post._fields, zip(*posts, strict=True), strict=True)) if posts else {}
    files, rows = zip(*provenance, strict=True) if provenance else ((), ())
    columns |= {"source_file": files, "source_row": rows}
    series = []
    for name, dtype in POST.items():
        if name == "platform":
            series.append(
                pl.repeat(platform, len(posts), dtype=pl.String(), eager=True).alias(name)
            )
        elif name == "created_at":
            micros = pl.Series(name, columns.get(name, ()), dtype=pl.Int64)
            series.append(micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        else:
            series.append(pl.Series(name, columns.get(name, ()), dtype=dtype, strict=True))
    frame = pl.DataFrame(series)
    # A NUL ends a string in C libraries further down (fastText reads it as a space).
    nul = pl.col("text").str.contains("\0", literal=True)
    if frame.select(nul.any()).item():
        frame = frame.with_columns(pl.col("text").str.replace_all("\0", "", literal=True))
    return frame


def read_lines(
    path: str,
    config: ReaderConfig,
    decode: Decode,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
) -> Iterator[Batch]:
    """Read a file of lines (plain, compressed, or an archive of such) through ``decode``.

    A line that ``decode`` cannot take is refused with its file, row and reason, and reading goes
    on; a stream that breaks off is recorded at the row where it broke, and what came before is
    kept. ``start`` resumes after an earlier batch's cursor.
    """
    gather = BatchBuilder(platform, part_posts)
    with dump_input.DumpInput(path) as source:
        for member in source.members(resume_at=start.member if start else None):
            for refusal in source.take_refusals():
                gather.refuse(*refusal)
            file = f"{path}!{member.name}" if member.name else path
            row, offset = 0, 0
            if start and start.member == member.name:
                row, offset = start.row, start.offset
            for line in member.lines(config.max_line_mb << 20, offset):
                row += 1
                offset = line.end_offset
                if line.problem:
                    gather.refuse(file, row, line.problem)
                    if line.problem != "line_too_long":
                        continue  # the member ends here: a cursor would only meet this again
                elif line.data:
                    gather.size_bytes += len(line.data)
                    decode_line(line.data, decode, gather, file, row)
                if gather.is_full():
                    yield gather.build_batch(Cursor(member.name, row, offset), source.position)
        for refusal in source.take_refusals():
            gather.refuse(*refusal)
        yield gather.build_batch(None, source.position, source.sha256())


class LocatedRecords(NamedTuple):
    """The records found at one place of a source that is not made of lines."""

    source_file: str  # the path, with "!member" behind it inside an archive
    source_row: int  # counted from 1 in that file
    size_bytes: int  # about how many bytes it took, so that batches stay bounded
    records: Sequence[Record]


class ReadProgress(Protocol):
    """What a source tells of itself while it is read."""

    @property
    def position(self) -> int:
        """Bytes consumed so far."""
        ...

    def sha256(self) -> str:
        """The hash of all that the source holds."""
        ...


def read_records(
    located: Iterable[LocatedRecords],
    source: ReadProgress,
    *,
    platform: str,
    part_posts: int,
    start: Cursor | None = None,
) -> Iterator[Batch]:
    """Cut what a reader found, place by place, into batches.

    ``found`` must come in the same order each time: ``start`` resumes by passing over as many
    places as an earlier batch's cursor counts.
    """
    gather = BatchBuilder(platform, part_posts)
    done = start.row if start else 0
    for count, place in enumerate(located, start=1):
        if count <= done:
            continue
        gather.size_bytes += place.size_bytes
        gather.add(place.records, place.source_file, place.source_row)
        if gather.is_full():
            yield gather.build_batch(Cursor("", count, 0), source.position)
    yield gather.build_batch(None, source.position, source.sha256())


def decode_line(line: bytes, decode: Decode, builder: BatchBuilder, file: str, row: int) -> None:
    """Decode one line into ``gather``, turning each way it can fail into a reason."""
    try:
        builder.add(decode(line), file, row)
    except Refused as refusal:
        builder.refuse(file, row, refusal.reason)
    except msgspec.ValidationError:
        builder.refuse(file, row, "wrong_type")
    except UnicodeDecodeError:
        builder.refuse(file, row, "invalid_utf8")
    except (msgspec.DecodeError, RecursionError):
        _decode_repaired(line, decode, builder, file, row)


def _decode_repaired(
    line: bytes, decode: Decode, builder: BatchBuilder, file: str, row: int
) -> None:
    """Mend the two known faults of real JSON lines, or refuse the line.

    A lone surrogate (half an emoji, as ``\\ud83d``) becomes U+FFFD, and several objects on one
    line are taken one by one.
    """
    pieces = dump_input.split_json_objects(dump_input.replace_lone_surrogates(line))
    if not pieces or (len(pieces) == 1 and pieces[0] == line):
        builder.refuse(file, row, "malformed_json")
        return
    for piece in pieces:
        try:
            builder.add(decode(piece), file, row)
        except Refused as refusal:
            builder.refuse(file, row, refusal.reason)
        except msgspec.ValidationError:
            builder.refuse(file, row, "wrong_type")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            builder.refuse(file, row, "malformed_json")
