"""Read the data package that Discord gives an account's owner: their own messages, by channel.

The package is a zip. Each channel has a folder with ``channel.json``, which says what kind of
channel it is, and ``messages.json`` or, until 2024, ``messages.csv``. Nothing but these files and
the owner's ``user.json`` is opened. A message has no relation to others, and times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.names import get_folder
from corpus.formats.csv_records import CsvRecords
from corpus.formats.json_stream import iter_values
from corpus.formats.times import parse_given_micros
from corpus.readers.batches import (
    decode_value,
    parse_value,
    read_whole,
    refuse_file,
    refuse_problems,
)
from corpus.readers.contract import JsonScalar, LocatedRecords, Post, Record, Refused


class Options(NamedTuple):
    """What to read, and how to show a text."""

    consented: bool
    private: bool
    show_text: Callable[[str], str]
    max_bytes: int


class _Named(msgspec.Struct, gc=False):
    id: JsonScalar = None
    name: str | None = None


class _Channel(msgspec.Struct, gc=False):
    id: JsonScalar = None
    type: str | int | None = None
    guild: _Named | None = None


class _Message(msgspec.Struct, gc=False):
    id: JsonScalar = msgspec.field(default=None, name="ID")
    timestamp: JsonScalar = msgspec.field(default=None, name="Timestamp")
    contents: str | None = msgspec.field(default=None, name="Contents")


# The folders' names are in the language of the owner's settings.
_CHANNEL_FILE, _OWNER_FILE = "channel.json", "user.json"
_MESSAGE_FILES = ("messages.json", "messages.csv")
_COLUMNS = ("ID", "Timestamp", "Contents")
#: Channels of a server that everybody in it can read; a thread that is private is none.
_SERVER_TYPES = (
    *(0, 2, 5, 10, 11, 13, 15, 16),
    *("GUILD_TEXT", "GUILD_VOICE", "GUILD_ANNOUNCEMENT", "GUILD_NEWS", "ANNOUNCEMENT_THREAD"),
    *("PUBLIC_THREAD", "GUILD_STAGE_VOICE", "GUILD_FORUM", "GUILD_MEDIA"),
)
_parse_channel = msgspec.json.Decoder(_Channel).decode
_parse_message = msgspec.json.Decoder(_Message).decode
_parse_owner = msgspec.json.Decoder(_Named).decode


def is_package(names: Sequence[str]) -> bool:
    """Return whether an archive with these names is a package."""
    channels = {get_folder(name) for name in names if fnmatchcase(name, f"*/c*/{_CHANNEL_FILE}")}
    return any(
        get_folder(name) in channels and name.rpartition("/")[2] in _MESSAGE_FILES for name in names
    )


def read_package(bundle: Bundle, options: Options) -> Iterator[LocatedRecords]:
    """Yield the messages of each channel."""
    yield from refuse_problems(bundle.problems)
    owner: str | None = None
    for name in bundle.find_files(_OWNER_FILE)[:1] if options.consented else ():
        found = _read_object(bundle, name, options, _parse_owner)
        if isinstance(found, Refused):
            yield refuse_file(bundle.source_file(name), found.reason)
        else:
            owner = _parse_number(found.id) or None
    for name in bundle.find_files(_CHANNEL_FILE):
        folder = get_folder(name)
        channel = _read_object(bundle, name, options, _parse_channel)
        if isinstance(channel, Refused):
            yield refuse_file(bundle.source_file(name), channel.reason)
            channel = _Channel()  # which may be private
        names = [folder + file for file in _MESSAGE_FILES if folder + file in bundle.names()]
        for file in names[:1]:
            yield from _read_channel(bundle, file, channel, owner, options)


def _read_object(
    bundle: Bundle, name: str, options: Options, parse: Callable[[bytes], Any]
) -> Any | Refused:
    content = read_whole(bundle.open(name), options.max_bytes)
    return content if isinstance(content, Refused) else parse_value(content, parse)


def _read_channel(
    bundle: Bundle, name: str, channel: _Channel, owner: str | None, options: Options
) -> Iterator[LocatedRecords]:
    is_server = channel.type in _SERVER_TYPES and channel.guild is not None
    is_read = options.consented and (is_server or options.private)
    community = (channel.guild.name or _parse_number(channel.guild.id)) if channel.guild else None

    def make_post(message: _Message) -> Record:
        number = _parse_number(message.id)
        if not number:
            return Refused("no_id")
        if not is_read:
            return Post("discord:" + number, "", withdrawn="private")
        if message.contents is None:
            return Refused("no_text")
        return Post(
            "discord:" + number,
            options.show_text(message.contents),
            author=owner,
            community=community,
            created_at=parse_given_micros(message.timestamp),
        )

    source_file = bundle.source_file(name)
    if name.endswith(".csv"):
        yield from _read_table(bundle, name, make_post, options)
        return
    elements = iter_values(bundle.open(name), "item", options.max_bytes, one_kind=True)
    for row, element in enumerate(elements, start=1):
        if isinstance(element, Refused):
            yield LocatedRecords(source_file, row, 0, (element,))
        else:
            records = decode_value(element, lambda data: (make_post(_parse_message(data)),))
            yield LocatedRecords(source_file, row, len(element), records)


def _read_table(
    bundle: Bundle, name: str, make_post: Callable[[_Message], Record], options: Options
) -> Iterator[LocatedRecords]:
    source_file, columns, row = bundle.source_file(name), list[str](), 0
    records = CsvRecords(
        bundle.open(name),
        encoding="utf-8-sig",
        delimiter=",",
        quotes=True,
        width=0,
        max_chars=options.max_bytes,
    )
    for row, cells, chars, problem in records:
        if not columns:
            columns = cells
            if not set(_COLUMNS) <= set(columns):
                yield refuse_file(source_file, "no_messages")
                return
            continue
        if not problem and cells and len(cells) != len(columns):
            problem = "wrong_field_count"
        found: Sequence[Record] = (Refused(problem),) if problem else ()
        if cells and not problem:
            values: Mapping[str, str] = dict(zip(columns, cells, strict=True))
            found = (make_post(_Message(*(values[column] for column in _COLUMNS))),)
        yield LocatedRecords(source_file, row, chars, found)
    if records.break_reason:
        yield LocatedRecords(source_file, row + 1, 0, (Refused(records.break_reason),))


def _parse_number(value: object) -> str:
    """Return an id in digits; empty if it is unusable, such as a float that has lost digits."""
    if type(value) is int and value >= 0:
        return str(value)
    return value if type(value) is str and value.isascii() and value.isdecimal() else ""
