"""Read Hacker News: items as its API gives them, and rows as the mirrors do (BigQuery, Parquet).

A poll's option is handed over as a reply to its poll: it stands below it, in the same hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats import seekable_file
from corpus.formats.html import html_to_text
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.contract import (
    Batch,
    Cursor,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    read_lines,
)

PLATFORM = "hackernews"
VERSION = 1
TOMBSTONES = False


class Config(ReaderConfig):
    """What to read, and what of a submission belongs in its text."""

    with_url: bool = Field(
        default=False, description="put the address that a story links to below its title"
    )


#: The mirrors turn integers into floats, and everything into text on the way through a CSV.
MirroredNumber = int | float | str | None


class _Item(msgspec.Struct, gc=False):
    """An item of any type; ``time_ts``, ``timestamp`` and ``author`` are the mirrors' own."""

    id: MirroredNumber = None
    type: str | int | None = None
    by: str | None = None
    author: str | None = None
    time: MirroredNumber = None
    time_ts: MirroredNumber = None
    timestamp: MirroredNumber = None
    title: str | None = None
    text: str | None = None
    url: str | None = None
    parent: MirroredNumber = None
    poll: MirroredNumber = None
    score: MirroredNumber = None
    descendants: MirroredNumber = None
    deleted: bool | MirroredNumber = None
    dead: bool | MirroredNumber = None


# One mirror counts the types.
_TYPES_BY_NUMBER = {1: "story", 2: "comment", 3: "poll", 4: "pollopt", 5: "job"}
_REPLY_TYPES = ("comment", "pollopt")
_ITEM_TYPES = frozenset(_TYPES_BY_NUMBER.values())
_WHOLE_NUMBER = re.compile(r"([0-9]{1,15})(?:\.0+)?")
_parse_item = msgspec.json.Decoder(_Item).decode


def fits(sample: Sample) -> float:
    """How surely these are items, by the fields that only they have together."""
    return sample.matching_share(_is_item)


def _is_item(row: dict[str, Any]) -> bool:
    if row.get("type") in _ITEM_TYPES:
        return "id" in row and ("time" in row or row.get("deleted") is True)
    return {"id", "by", "time_ts", "ranking"} <= row.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the items of one file, of JSON lines or Parquet, in batches."""
    decode = make_decoder(config)
    if not _is_parquet(path):
        return read_lines(
            path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start
        )
    from corpus.formats.parquet_records import read_parquet_lines

    return read_parquet_lines(
        path,
        config,
        decode,
        platform=PLATFORM,
        part_posts=part_posts,
        start=start,
        columns=_Item.__struct_fields__,
    )


def _is_parquet(path: str) -> bool:
    with seekable_file.open_seekable(path) as file:
        return file.read(4) == b"PAR1"


def make_decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a line into its item."""
    with_url = config.with_url

    def decode(line: bytes) -> Sequence[Record]:
        if line == b"null":  # what the API says of a number that names nothing
            return (Skipped("null"),)
        return (_make_post(_parse_item(line), with_url),)

    return decode


def _make_post(row: _Item, with_url: bool) -> Post:
    name = parse_item_id(row.id)
    if not name:
        raise Refused("no_id")
    withdrawn = (
        "deleted" if _parse_flag(row.deleted) else "removed" if _parse_flag(row.dead) else None
    )
    parent, poll = parse_item_id(row.parent), parse_item_id(row.poll)
    kind = _TYPES_BY_NUMBER.get(row.type, "") if type(row.type) is int else row.type
    # Some mirrors keep comments in a table of their own, where nothing says that they are such.
    reply = kind in _REPLY_TYPES if kind in _ITEM_TYPES else bool(parent) and not row.title
    if kind == "pollopt":
        parent = poll or parent
    text = _make_text(row, with_url)
    if not text and row.text is None and not row.title and not withdrawn:
        raise Refused("no_text")
    name = "hackernews:" + name
    return Post(
        name,
        text,
        "reply" if reply else "post",
        row.by or row.author or None,
        None,
        _find_created(row),
        None,
        "hackernews:" + parent if parent and reply else None,
        # A comment does not say what it hangs under in the end; a poll's option does.
        ("hackernews:" + parent if kind == "pollopt" and parent else None) if reply else name,
        None if reply and kind != "pollopt" else parse_int64(row.score),
        None if reply else parse_int64(row.descendants),
        withdrawn=withdrawn,
    )


def _make_text(row: _Item, with_url: bool) -> str:
    # No tag is ever in a title, so that what looks like one ("vector<int>") is none.
    title = unescape(row.title).strip() if row.title else ""
    if with_url and row.url:
        title = f"{title}\n\n{row.url}" if title else row.url
    text = html_to_text(row.text) if row.text else ""
    return f"{title}\n\n{text}" if title and text else title or text


def parse_item_id(value: MirroredNumber) -> str:
    """An item's number in digits; empty if there is none, or none that is whole."""
    if type(value) is float:
        # The numbers are small: as floats they have lost nothing.
        value = int(value) if value.is_integer() and value < 2**53 else None
    if type(value) is str:
        match = _WHOLE_NUMBER.fullmatch(value.strip())
        value = int(match[1]) if match else None
    return str(value) if type(value) is int and value > 0 else ""


def _parse_flag(value: bool | MirroredNumber) -> bool:
    if type(value) is str:
        return value.strip().lower() in ("true", "t", "1", "1.0", "yes")
    return value is not None and value == 1


def _find_created(row: _Item) -> int | None:
    for value in (row.time, row.timestamp, row.time_ts):
        created = parse_micros(value)
        if created:  # a mirror writes 0 for none
            return created
    return None
