"""What a reader is: a module that turns a dump into batches of posts, refusals and tombstones.

A reader is a module, or a package that re-exports these names, with

* ``Config``: a frozen pydantic model that extends :class:`ReaderConfig`, or :class:`JsonConfig` for
  records of JSON; its first field is ``path`` (a file, a folder or a glob), and each field has a
  description,
* ``VERSION``: an integer in the fingerprint of what is read; raise it whenever the same file would
  give other posts,
* ``PLATFORM``: the first part of each post's id, such as ``reddit``; a reader of several platforms
  names its default,
* ``TOMBSTONES``: whether a record can withdraw a post of another file: as a notice of deletion, as
  a withdrawn copy of the post or as a later version of it,
* ``FOLDERS``: optional; true if a whole folder can be one source (an unpacked account archive),
* ``ACCOUNT_FILES``: optional; patterns such as ``*.car`` of the names of files that each hold one
  account's posts: the output has such a name only in keyed form,
* ``PUBLIC_FILES``: optional; patterns of names that the platform itself gives to its dumps, such as
  ``*.stackexchange.com*``: the output has them as they are. Of all other names only general words
  and dates are in clear (see :mod:`corpus.privacy.file_names`),
* ``assign_ids(posts, config)``: optional, for a format without ids: returns the posts with ids made
  from ``source_file`` and ``source_row``, after a build has given the files other names,
* ``fits(sample)``: how well the start of a file fits the format, from 0 to 1,
* ``read(path, config, part_posts, start)``: an iterator of :class:`Batch` for one file.

A reader of lines writes only ``decode(line) -> records`` and passes it to
:func:`corpus.readers.batches.read_lines`, which does decompression, line limits, refusals, batches
and resuming. A reader of anything else yields its records in order and passes them to
:func:`corpus.readers.batches.read_records`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Protocol

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from corpus.formats.byte_source import Refused
from corpus.formats.json_sample import sample_objects
from filters.text.removal_notices import is_random_words

__all__ = [
    "Batch",
    "Cursor",
    "Decode",
    "JsonConfig",
    "JsonScalar",
    "LocatedRecords",
    "Post",
    "ReaderConfig",
    "ReaderModule",
    "Record",
    "Refused",
    "Sample",
    "Skipped",
    "Tombstone",
    "Unreadable",
    "find_overwriting",
    "make_versions",
    "match_mentions",
]

#: An id, a time or a count, as JSON may contain it.
JsonScalar = int | str | float | None

NonEmptyText = Annotated[str, Field(min_length=1)]


#: The zone of local times, as minutes ahead of UTC.
UtcOffsetMinutes = Annotated[int, Field(ge=-14 * 60, le=14 * 60)]


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
    max_refused: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="the share of the source's records that may be refused; with more the build "
        "ends after reading",
    )


class JsonConfig(ReaderConfig):
    """The keys that every reader of JSON takes."""

    records: str = Field(
        default="",
        pattern=r"^([^.]+(\.[^.]+)*)?$",
        description="the key of the array of records in a JSON document, such as 'comments', or "
        "keys joined by dots, of which '*' is any; empty: the file consists of records",
    )


class ReaderModule(Protocol):
    """The type of a reader module; :mod:`corpus.readers.contract` describes each name.

    Optional names are not declared here.
    """

    Config: type[ReaderConfig]
    VERSION: int
    PLATFORM: str
    TOMBSTONES: bool

    def fits(self, sample: Sample) -> float:
        """Return how well the sample fits the format, from 0 to 1."""
        ...

    def read(
        self, path: str, config: ReaderConfig, part_posts: int, start: Cursor | None = None
    ) -> Iterator[Batch]:
        """Yield the file's posts in batches of about ``part_posts``, from ``start`` on."""
        ...


class Post(NamedTuple):
    """One post; :data:`corpus.schema.POST` describes each field."""

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
    seen_at: int | None = None  # microseconds: when the source recorded this version
    mentions: str | None = None  # "name=author" of people in the text, by match_mentions()
    original_author: str | None = None  # of a repost: the author of the original
    author_name: str | None = None  # the author's name in texts, where author is another id
    edited_at: int | None = None  # microseconds: when the author last changed the text
    author_since: int | None = None  # microseconds: when the author's account was made


def new_post(values: tuple[Any, ...]) -> Post:
    """Return a post with the values of all its fields, in their order.

    Faster than ``Post(...)``, which runs a function of Python: a thirtieth of a comment's time.
    """
    if len(values) != _POST_FIELDS:
        raise TypeError(f"a post has {_POST_FIELDS} fields, not {len(values)}")
    return tuple.__new__(Post, values)


_POST_FIELDS = len(Post._fields)


class Tombstone(NamedTuple):
    """A source's notice that a post or an author's posts must not, or may, be used."""

    target: str  # "id" or "author"
    value: str  # the global post id, or "platform:author"
    reason: str  # one of schema.TOMBSTONE's
    said_at: int | None = None  # microseconds; applies only to what was seen before


class Skipped(NamedTuple):
    """What is counted and not read: a record that is no post, or a part of one, such as its rest.

    A keep-alive and a notice are of the first sort; of the second, behind the post, is the rest of
    a text that the source has cut (``still_cut``).
    """

    kind: str


class Unreadable(NamedTuple):
    """A value that could not be understood: null in its post, and counted by the post's column.

    A number or flag of a post that is :data:`corpus.formats.times.UNREADABLE` is counted likewise.
    """

    column: str


Record = Post | Tombstone | Skipped | Refused | Unreadable
Decode = Callable[[bytes], Sequence[Record]]


class LocatedRecords(NamedTuple):
    """Records and their position in a source that is not made of lines."""

    source_file: str  # the path; in an archive, then "!" and the member's name
    source_row: int  # counted from 1 in that file; 0 for the file as a whole
    size_bytes: int  # about how many bytes they were decoded from, so that batches stay bounded
    records: Sequence[Record]


class Cursor(NamedTuple):
    """The position of the next batch in a file, from which a build can resume."""

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
    position: int  # compressed bytes read so far, for the progress display
    sha256: str | None = None  # of the whole file, with the last batch
    unreadable: dict[str, int] = field(default_factory=dict)  # values by column of the posts


@dataclass(frozen=True)
class Sample:
    """The name and the start of a source, from which readers detect their format."""

    name: str  # the file's or folder's own name, without its path
    members: tuple[str, ...]  # the names in an archive or a folder, at most some thousands; or ()
    head: bytes  # the start of the file, or of the archive's first member, decompressed
    records: str = ""  # the keys to the records in a JSON document, as in JsonConfig

    @cached_property
    def objects(self) -> list[dict[str, Any]]:
        """The first records that are JSON objects: of the lines, or of a document."""
        return sample_objects(self.head, self.records)

    def matching_share(self, predicate: Callable[[dict[str, Any]], object]) -> float:
        """Return the share of :attr:`objects` that satisfy ``predicate``; 0 if there are none."""
        return sum(bool(predicate(row)) for row in self.objects) / max(1, len(self.objects))


def make_versions(post: Post, edited_at: int | None, body: str = "") -> tuple[Record, ...]:
    """Return a post, and the notice that older versions of it are superseded if it was edited.

    ``edited_at`` is when the author last changed the text, in microseconds; null if never. A copy
    of the post from before then is not used, whatever file it is in. ``body`` is the text without
    its title, if it has one.
    """
    if edited_at is None:
        return (post,)
    withdrawn = post.withdrawn
    if withdrawn is None:
        withdrawn = find_overwriting(body or post.text, edited_at)
    post = post._replace(withdrawn=withdrawn, seen_at=edited_at, edited_at=edited_at)
    return post, Tombstone("id", post.id, "superseded", edited_at)


def find_overwriting(text: str, edited_at: int | None) -> str | None:
    """Return ``deleted`` if an edit left nothing but random words, as overwriting tools do."""
    return "deleted" if edited_at is not None and text and is_random_words(text) else None


def match_mentions(text: str, accounts: Iterable[tuple[str | None, str | None]]) -> str | None:
    """Return the accounts that a text names, in the form of :attr:`Post.mentions`.

    ``accounts`` are pairs of a name, as it is written in texts, and an author.
    """
    if "@" not in text and "\uff20" not in text:
        return None
    lowered, named = text.lower(), set[str]()
    for name, author in accounts:
        if name and author and (lowered_name := name.lower()) in lowered:
            pair = f"{lowered_name}={author}"
            if " " not in pair and pair.count("=") == 1:
                named.add(pair)
    return " ".join(sorted(named)) or None
