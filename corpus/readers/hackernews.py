"""Read Hacker News: the items of its API and of Algolia's, and the rows of mirrors (BigQuery …).

An option of a poll is read as a reply to the poll, by the same author.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.html import html_to_text
from corpus.formats.times import UNREADABLE, parse_given_int64, parse_given_micros
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonConfig,
    JsonScalar,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
)
from corpus.readers.parquet_mirror import read_lines_or_parquet
from corpus.readers.text_parts import join_poll

PLATFORM = "hackernews"
VERSION = 3
TOMBSTONES = True


class Config(JsonConfig):
    """What to read, and whether the address of a story is part of its text."""

    with_url: bool = Field(
        default=False, description="append the address that a story links to, below its title"
    )


class _Item(msgspec.Struct, gc=False):
    """An item of any type; only mirrors have ``time_ts``, ``timestamp`` and ``author``."""

    id: JsonScalar = None
    type: str | int | None = None
    by: str | None = None
    author: str | None = None
    time: JsonScalar = None
    time_ts: JsonScalar = None
    timestamp: JsonScalar = None
    title: str | None = None
    text: str | None = None
    url: str | None = None
    parent: JsonScalar = None
    poll: JsonScalar = None
    score: JsonScalar = None
    descendants: JsonScalar = None
    deleted: bool | JsonScalar = None
    dead: bool | JsonScalar = None


class _AlgoliaItem(msgspec.Struct):
    """A hit of Algolia's search, an item of its API with its replies, or a page of hits."""

    object_id: JsonScalar = msgspec.field(default=None, name="objectID")
    id: JsonScalar = None
    type: str | None = None
    tags: list[str] | None = msgspec.field(default=None, name="_tags")
    author: str | None = None
    created_at: JsonScalar = None
    created_at_i: JsonScalar = None
    title: str | None = None
    url: str | None = None
    text: str | None = None
    story_text: str | None = None
    comment_text: str | None = None
    points: JsonScalar = None
    num_comments: JsonScalar = None
    parent_id: JsonScalar = None
    story_id: JsonScalar = None
    children: list[msgspec.Raw] | None = None
    options: list[msgspec.Raw] | None = None
    hits: list[msgspec.Raw] | None = None


# One mirror has numbers for the types.
_TYPES_BY_NUMBER = {1: "story", 2: "comment", 3: "poll", 4: "pollopt", 5: "job"}
_REPLY_TYPES = ("comment", "pollopt")
_ITEM_TYPES = frozenset(_TYPES_BY_NUMBER.values())
_WHOLE_NUMBER = re.compile(r"([0-9]{1,15})(?:\.0+)?")
_parse_item = msgspec.json.Decoder(_Item).decode
_parse_algolia_item = msgspec.json.Decoder(_AlgoliaItem).decode
#: Keys that only Algolia's objects have.
_ALGOLIA_KEY = re.compile(rb'"(?:objectID|created_at_i|hits)"')


def fits(sample: Sample) -> float:
    """Return the share of lines that are items."""
    return sample.matching_share(_is_item)


def _is_item(row: dict[str, Any]) -> bool:
    if "created_at_i" in row:
        return "objectID" in row or row.get("type") in _ITEM_TYPES
    hits = row.get("hits")
    if isinstance(hits, list) and hits and isinstance(hits[0], dict):
        return "created_at_i" in hits[0]
    if row.get("type") in _ITEM_TYPES:
        return "id" in row and ("time" in row or row.get("deleted") is True)
    return {"id", "by", "time_ts", "ranking"} <= row.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the items of one file, of JSON lines or Parquet, in batches."""
    return read_lines_or_parquet(
        path,
        config,
        make_decoder(config),
        platform=PLATFORM,
        part_posts=part_posts,
        start=start,
        columns=_Item.__struct_fields__,
    )


def make_decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a line to its item."""
    with_url = config.with_url

    def decode(line: bytes) -> Sequence[Record]:
        if line == b"null":  # the API's answer for a number without an item
            return (Skipped("null"),)
        row = _parse_item(line)
        if row.time is None and row.by is None and _ALGOLIA_KEY.search(line):
            return _decode_algolia(line, with_url)
        return (_make_post(row, with_url),)

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
    # In some mirrors, comments are in a table of their own and have no type.
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
        None,  # community
        _find_created(row),
        None,  # lang_hint
        "hackernews:" + parent if parent and reply else None,
        # A comment does not contain the id of its story; a poll's option contains its poll's.
        ("hackernews:" + parent if kind == "pollopt" and parent else None) if reply else name,
        None if reply and kind != "pollopt" else parse_given_int64(row.score),
        None if reply else parse_given_int64(row.descendants),
        withdrawn=withdrawn,
    )


def _decode_algolia(line: bytes, with_url: bool) -> Sequence[Record]:
    """Decode an object of Algolia's API: each item once, before its replies."""
    records: list[Record] = []
    # Without recursion, because threads are deep.
    pending = [line]
    while pending:
        try:
            row = _parse_algolia_item(pending.pop())
            if row.hits is not None:
                pending += [bytes(hit) for hit in reversed(row.hits)]
                continue
            children = [bytes(child) for child in row.children or ()]
            pending += [child for child in reversed(children) if child[:1] == b"{"]
            records.append(_make_algolia_post(row, with_url))
        except msgspec.ValidationError:
            records.append(Refused("wrong_type"))
        except Refused as refusal:
            records.append(refusal)
    return records or (Skipped("empty_page"),)


def _make_algolia_post(row: _AlgoliaItem, with_url: bool) -> Post:
    kind = row.type or next((tag for tag in row.tags or () if tag in _ITEM_TYPES), None)
    text = next((one for one in (row.text, row.comment_text, row.story_text) if one), None)
    item = _Item(
        id=row.id if row.object_id is None else row.object_id,
        type=kind,
        by=row.author,
        time=row.created_at if row.created_at_i is None else row.created_at_i,
        title=row.title,
        text=text,
        url=row.url,
        parent=row.parent_id,
        score=row.points,
        descendants=row.num_comments,
        # An item without an author has been removed.
        deleted=row.author is None and text is None,
    )
    post = _make_post(item, with_url)
    labels = [_parse_option(bytes(option)) for option in row.options or ()]
    story = parse_item_id(row.story_id)
    root = f"hackernews:{story}" if post.kind == "reply" and story else post.root_id
    return post._replace(text=join_poll(post.text, labels), root_id=root)


def _parse_option(data: bytes) -> str | None:
    """Return the text of a poll's option; null if the option is only a number."""
    try:
        option = _parse_algolia_item(data)
    except msgspec.DecodeError:
        return None
    return html_to_text(option.text) if option.text else None


def _make_text(row: _Item, with_url: bool) -> str:
    # Titles contain no HTML: "vector<int>" is text.
    title = unescape(row.title).strip() if row.title else ""
    if with_url and row.url:
        title = f"{title}\n\n{row.url}" if title else row.url
    text = html_to_text(row.text) if row.text else ""
    return f"{title}\n\n{text}" if title and text else title or text


def parse_item_id(value: JsonScalar) -> str:
    """Return an item's number in digits; empty if it is missing or not an integer."""
    if type(value) is float:
        # The numbers are small enough that floats represent them exactly.
        value = int(value) if value.is_integer() and value < 2**53 else None
    if type(value) is str:
        match = _WHOLE_NUMBER.fullmatch(value.strip())
        value = int(match[1]) if match else None
    return str(value) if type(value) is int and value > 0 else ""


def _parse_flag(value: bool | JsonScalar) -> bool:
    if type(value) is str:
        return value.strip().lower() in ("true", "t", "1", "1.0", "yes")
    return value is not None and value == 1


def _find_created(row: _Item) -> int | None:
    found = None
    for value in (row.time, row.timestamp, row.time_ts):
        created = parse_given_micros(value)
        if created and created != UNREADABLE:  # a mirror writes 0 for a missing time
            return created
        found = created or found
    return found
