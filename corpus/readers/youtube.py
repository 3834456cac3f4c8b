"""Read YouTube comments: the Data API's, yt-dlp's ``.info.json``, Takeout's tables and old pages.

A post's id is ``youtube:COMMENT``, its community the id of the video. Comments that are held for
review or rejected are withdrawn as removed; those of threads and videos that are not public are
withdrawn as private.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from corpus.formats.csv_records import CsvRecords, find_line_end
from corpus.formats.html import html_to_text
from corpus.formats.lines import DumpMember
from corpus.formats.times import UNREADABLE, parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import BatchBuilder, decode_member, decode_value, read_members
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    JsonConfig,
    JsonScalar,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
    make_versions,
    match_mentions,
)
from corpus.readers.youtube_html import is_page, read_page

ACCOUNT_FILES = ("*.csv", "*.html", "*akeout*")
PLATFORM = "youtube"
VERSION = 3
TOMBSTONES = True


class Config(JsonConfig):
    """What to read; YouTube's comments need no further settings."""


class _Value(msgspec.Struct, gc=False):
    value: str | None = None


class _Snippet(msgspec.Struct, rename="camel"):
    """Of a comment, or of a thread, whose first comment is in it."""

    author_display_name: str | None = None
    author_channel_id: _Value | None = None
    text_display: str | None = None
    text_original: str | None = None
    parent_id: str | None = None
    video_id: str | None = None
    like_count: JsonScalar = None
    published_at: JsonScalar = None
    updated_at: JsonScalar = None
    moderation_status: str | None = None
    top_level_comment: _Resource | None = None
    total_reply_count: JsonScalar = None
    is_public: bool | None = None


class _Replies(msgspec.Struct):
    comments: list[msgspec.Raw] | None = None


class _Resource(msgspec.Struct):
    """A comment, a thread or a page of the API."""

    kind: str | None = None
    id: str | None = None
    snippet: _Snippet | None = None
    replies: _Replies | None = None
    items: list[msgspec.Raw] | None = None


class _Scraped(msgspec.Struct):
    """A comment of yt-dlp or of youtube-comment-downloader, or a video with its comments."""

    id: str | None = None
    parent: str | None = None
    text: str | None = None
    html: str | None = None
    author: str | None = None
    author_id: str | None = None
    timestamp: JsonScalar = None
    like_count: JsonScalar = None
    comments: list[msgspec.Raw] | None = None
    availability: str | None = None
    cid: str | None = None
    channel: str | None = None
    time_parsed: JsonScalar = None
    votes: JsonScalar = None


_NOT_PUBLIC = ("private", "needs_auth", "premium_only", "subscriber_only")
_HELD = ("heldForReview", "likelySpam", "rejected")
_PAGES = ("youtube#commentThreadListResponse", "youtube#commentListResponse")
_THREAD, _COMMENT = "youtube#commentThread", "youtube#comment"
_HANDLE = re.compile(r"@([\w.-]{1,100})")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_PAGE_HEAD_BYTES = 1 << 14
_TABLE = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:[^\n]{0,500},)?"?(?:Comment|Live Chat) ID"?,', re.I)
# The same in another language: an id, a channel and a time behind the header.
_FOREIGN_TABLE = re.compile(
    rb'[^\n]{10,1000}\n"?U[A-Za-z0-9_.-]{15,90}"?,"?UC[A-Za-z0-9_-]{22}"?,"?\d{4}-\d\d-\d\dT'
)
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_COMMENT_ID = re.compile(r"Ug[A-Za-z0-9_.-]{15,90}")
_TABLE_COLUMNS = {
    **{"comment id": "id", "live chat id": "id", "channel id": "author", "video id": "video"},
    **{"comment create timestamp": "time", "live chat create timestamp": "time"},
    **{"comment text": "text", "live chat text": "text"},
    **{"parent comment id": "parent", "top-level comment id": "root"},
}

_parse_resource = msgspec.json.Decoder(_Resource).decode
_parse_scraped = msgspec.json.Decoder(_Scraped).decode
_segment_decoder = msgspec.json.Decoder()


def fits(sample: Sample) -> float:
    """Return the share of records that are comments, or 1 for a table or a page of Takeout."""
    if _is_table(sample.head) or is_page(sample.head[:_PAGE_HEAD_BYTES]):
        return 1.0
    return sample.matching_share(_is_comment)


def _is_table(head: bytes) -> bool:
    return _TABLE.match(head[:1000]) is not None or _FOREIGN_TABLE.match(head[:2000]) is not None


def _is_comment(row: dict[str, Any]) -> bool:
    if str(row.get("kind")).startswith("youtube#comment"):
        return "items" in row or "snippet" in row
    comments = row.get("comments")
    if isinstance(comments, list) and comments and isinstance(comments[0], dict):
        return "parent" in comments[0] and "text" in comments[0] and "id" in row
    if {"cid", "text", "author", "channel", "votes"} <= row.keys():
        return True
    return {"id", "parent", "text", "author_id", "like_count"} <= row.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the comments of one file in batches."""

    def read_member(
        member: DumpMember, cursor: Cursor, builder: BatchBuilder
    ) -> Iterator[tuple[int, int]]:
        head = member.open().peek(_PAGE_HEAD_BYTES)
        if _is_table(head):
            yield from _read_table(member, cursor, builder, config)
        elif is_page(head):
            for item in read_page(member.open(), member.source_file, config.max_line_mb << 20):
                if item.source_row > cursor.row:
                    builder.size_bytes += item.size_bytes
                    builder.add(item.records, item.source_file, item.source_row)
                    yield item.source_row, 0
        elif member.name and head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
            builder.add((Skipped("other_file"),), member.source_file, 0)  # in an export of Takeout
        else:
            yield from decode_member(member, cursor, builder, config, _decode)

    return read_members(path, read_member, platform=PLATFORM, part_posts=part_posts, start=start)


def _decode(line: bytes) -> Sequence[Record]:
    resource = None
    if b'"youtube#' in line:
        resource = _parse_resource(line)
    if resource is not None and resource.kind in (*_PAGES, _THREAD, _COMMENT):
        return _add_mentions(_decode_resource(resource)) or (Skipped("empty_page"),)
    return _add_mentions(_decode_scraped(_parse_scraped(line))) or (Skipped("empty_page"),)


def _add_mentions(records: list[Record]) -> list[Record]:
    """Return the comments of a page with the people whom they name, as far as they wrote some."""
    posts = [record for record in records if isinstance(record, Post)]
    people = {post.author_name.lower(): post.author for post in posts if post.author_name}
    if len(people) < 2:
        return records  # each comment names its own author, if anybody
    return [
        record._replace(mentions=_find_mentions(record.text, people))
        if isinstance(record, Post) and "@" in record.text
        else record
        for record in records
    ]


def _find_mentions(text: str, people: dict[str, str | None]) -> str | None:
    found = (match[1].rstrip(".-") for match in _HANDLE.finditer(text))
    return match_mentions(text, [(name, people.get(name.lower())) for name in found])


def _decode_resource(resource: _Resource) -> list[Record]:
    if resource.kind in _PAGES:
        return _decode_each(resource.items, lambda item: _decode_resource(_parse_resource(item)))
    if resource.kind != _THREAD or resource.snippet is None:
        return _make_comment(resource, None)
    thread = resource.snippet
    if thread.top_level_comment is None:
        raise Refused("no_text")
    replies = resource.replies.comments if resource.replies is not None else None
    return [
        *_make_comment(thread.top_level_comment, thread),
        *_decode_each(replies, lambda reply: _make_comment(_parse_resource(reply), thread)),
    ]


def _decode_each(rows: list[msgspec.Raw] | None, decode: Decode) -> list[Record]:
    """Decode the comments in a record, each to its records or to one refusal."""
    return [record for row in rows or () for record in decode_value(bytes(row), decode)]


def _make_comment(resource: _Resource, thread: _Snippet | None) -> list[Record]:
    snippet = resource.snippet
    if snippet is None:
        raise Refused("no_text")
    is_first = thread is not None and thread.top_level_comment is resource
    text = snippet.text_original
    if text is None and snippet.text_display is not None:
        text = html_to_text(snippet.text_display)
    author_id = snippet.author_channel_id.value if snippet.author_channel_id is not None else None
    withdrawn = None
    if thread is not None and thread.is_public is False:
        withdrawn = "private"
    elif snippet.moderation_status in _HELD:
        withdrawn = "removed"
    post = _make_post(
        resource.id,
        text,
        snippet.parent_id,
        author_id,
        snippet.author_display_name,
        snippet.published_at,
    )._replace(
        community=snippet.video_id or (thread.video_id if thread is not None else None),
        score=parse_given_int64(snippet.like_count),
        replies=parse_given_int64(thread.total_reply_count)
        if thread is not None and is_first
        else None,
        withdrawn=withdrawn,
    )
    edited = parse_micros(snippet.updated_at)
    created = post.created_at
    is_dated = created is not None and created != UNREADABLE
    is_edited = is_dated and edited is not None and edited > (created or 0)
    return list(make_versions(post, edited if is_edited else None))


def _decode_scraped(row: _Scraped) -> list[Record]:
    if row.comments is None:
        return [_make_scraped(row, None, is_public=True)]
    is_public = row.availability not in _NOT_PUBLIC
    return _decode_each(
        row.comments, lambda one: (_make_scraped(_parse_scraped(one), row.id, is_public),)
    )


def _make_scraped(row: _Scraped, video: str | None, is_public: bool) -> Post:
    text = html_to_text(row.html) if row.text is None and row.html is not None else row.text
    parent = None if row.parent == "root" else row.parent
    if row.cid is not None:  # the id of a reply begins with that of the comment above
        first, dot, _ = row.cid.partition(".")
        parent = first if dot else None
        post = _make_post(row.cid, text, parent, row.channel, row.author, row.time_parsed)
        return post._replace(score=parse_given_int64(row.votes))
    return _make_post(row.id, text, parent, row.author_id, row.author, row.timestamp)._replace(
        community=video,
        score=parse_given_int64(row.like_count),
        withdrawn=None if is_public else "private",
    )


def _make_post(
    name: str | None,
    text: str | None,
    parent: str | None,
    author_id: str | None,
    author: str | None,
    time: JsonScalar,
) -> Post:
    if not name or not _ID.fullmatch(name):
        raise Refused("no_id")
    if text is None:
        raise Refused("no_text")
    has_parent = parent is not None and _ID.fullmatch(parent) is not None
    handle = author.removeprefix("@") if author and author.startswith("@") else None
    return Post(
        f"youtube:{name}",
        text,
        "reply" if has_parent else "post",
        author_id or author or None,
        created_at=parse_given_micros(time),
        parent_id=f"youtube:{parent}" if has_parent else None,
        # The id of a reply begins with that of the comment that began the thread.
        root_id=f"youtube:{name.partition('.')[0]}" if has_parent and "." in name else None,
        author_name=handle,
        mentions=match_mentions(text, [(handle, author_id)]),
    )


def _read_table(
    member: DumpMember, cursor: Cursor, builder: BatchBuilder, config: Config
) -> Iterator[tuple[int, int]]:
    """Read a table of the owner's comments; a `ReadMember`."""
    stream = member.open()
    records = CsvRecords(
        stream,
        encoding="utf-8-sig",
        delimiter=",",
        quotes=True,
        width=0,
        max_chars=config.max_line_mb << 20,
        line_end=find_line_end(stream.peek(1 << 16)),
    )
    columns: list[str] | None = None
    is_named, row = True, 0
    for row, cells, chars, problem in records:
        if columns is None:
            columns = [_TABLE_COLUMNS.get(cell.strip().lower(), "") for cell in cells]
            is_named = "id" in columns
        elif row > cursor.row:
            builder.size_bytes += chars
            if problem:
                builder.refuse(member.source_file, row, problem)
            elif cells:
                named = dict(zip(columns, cells, strict=False))
                try:
                    found = _make_row(named if is_named else _name_cells(cells))
                    builder.add(found, member.source_file, row)
                except Refused as refusal:
                    builder.refuse(member.source_file, row, refusal.reason)
            yield row, 0
    if records.break_reason:
        builder.refuse(member.source_file, row + 1, records.break_reason)


def _name_cells(cells: Sequence[str]) -> dict[str, str]:
    """Return the cells of a table in another language, by what they contain."""
    named = dict(zip(("id", "author", "time"), cells, strict=False))
    for cell in cells[3:]:
        if cell.startswith("{"):
            named.setdefault("text", cell)
        elif _COMMENT_ID.fullmatch(cell):
            named["root" if "parent" in named else "parent"] = cell
        elif _VIDEO_ID.fullmatch(cell):
            named.setdefault("video", cell)
    return named


def _make_row(row: dict[str, str]) -> Sequence[Record]:
    text = row.get("text")
    post = _make_post(
        row.get("id"),
        None if text is None else _join_segments(text),
        row.get("parent") or None,
        row.get("author") or None,
        None,
        row.get("time"),
    )
    root = row.get("root") or ""
    if _ID.fullmatch(root) and post.parent_id is not None:
        post = post._replace(root_id=f"youtube:{root}")
    return (post._replace(community=row.get("video") or None),)


def _join_segments(cell: str) -> str:
    """Return the text of a cell: plain, or objects of its segments, joined by commas."""
    if not cell.lstrip().startswith("{"):
        return cell
    try:
        segments = _segment_decoder.decode(f"[{cell}]".encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return cell  # a comment that begins with a brace
    texts = []
    for segment in segments:
        inner = segment.get("takeoutSegments", [segment]) if isinstance(segment, dict) else [None]
        for one in inner if isinstance(inner, list) else [None]:
            if not isinstance(one, dict) or not isinstance(one.get("text"), str):
                return cell
            texts.append(one["text"])
    return "".join(texts)
