"""Read TikTok: comments and videos of its research API and of scrapers, and accounts' exports.

Answers of the research API (``data.comments``, ``data.videos``), answers of the web page
(``comments``) and single objects are read, one on each line or as documents. The text of a video is
its description.

An export (``user_data_tiktok.json``, before 2025 ``user_data.json``) is one person's: without
``consented: true`` all in it is withdrawn as private, without text or author. Only the lists of
comments and of posts are opened, and the owner's name: never messages, searches or what was
watched. Posts that not everybody can view are private in any case. An export has no ids, so each id
is a hash of the list, the row, and two times: the record's and that of the list's first record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
from pydantic import Field

from corpus.formats.dump_input import DumpInput
from corpus.formats.json_stream import JsonValue, walk_members
from corpus.formats.times import parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import decode_value, read_lines, read_records, refuse_file
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonConfig,
    JsonScalar,
    LocatedRecords,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
)

T = TypeVar("T")

PLATFORM = "tiktok"
VERSION = 2
TOMBSTONES = True
ACCOUNT_FILES = ("user_data*.json", "*.zip")


class Config(JsonConfig):
    """What to read, and whether the owner of an export has consented."""

    consented: bool = Field(
        default=False,
        description="the owner of an export has agreed that these comments and posts are used; "
        "without this all of an export is withdrawn as private",
    )
    account: str = Field(
        default="",
        description="the name of an export's account, as the author; empty: from its profile",
    )


class _User(msgspec.Struct, gc=False):
    """An account, as the web page names it."""

    uid: JsonScalar = None
    id: JsonScalar = None
    unique_id: str | None = None
    unique_id_camel: str | None = msgspec.field(default=None, name="uniqueId")
    secret: Any = None
    private: Any = msgspec.field(default=None, name="privateAccount")

    def get_name(self) -> str | None:
        return self.unique_id or self.unique_id_camel


class _Item(msgspec.Struct):
    """A comment or a video of the research API or of the web page."""

    id: JsonScalar = None
    cid: JsonScalar = None  # the web page's number of a comment
    text: str | None = None
    video_id: JsonScalar = None
    aweme_id: JsonScalar = None
    parent_comment_id: JsonScalar = None
    reply_id: JsonScalar = None
    reply_to_reply_id: JsonScalar = None
    create_time: JsonScalar = None
    create_time_camel: JsonScalar = msgspec.field(default=None, name="createTime")
    like_count: JsonScalar = None
    digg_count: JsonScalar = None
    reply_count: JsonScalar = None
    reply_comment_total: JsonScalar = None
    reply_comment: Any = None
    comment_count: JsonScalar = None
    comment_language: str | None = None
    video_description: str | None = None
    desc: str | None = None
    username: str | None = None
    user: Any = None
    author: Any = None
    stats: Any = None
    private_item: Any = msgspec.field(default=None, name="privateItem")
    is_only_for_friends: Any = msgspec.field(default=None, name="forFriend")


class _Stats(msgspec.Struct, gc=False):
    """The counts of a video on the web page."""

    likes: JsonScalar = msgspec.field(default=None, name="diggCount")
    comments: JsonScalar = msgspec.field(default=None, name="commentCount")


class _Page(_Item):
    """An answer around comments or videos, or one of them."""

    data: Any = None
    comments: list[Any] | None = None
    videos: list[Any] | None = None
    error: Any = None
    status_code: Any = None


class _Exported(msgspec.Struct, gc=False):
    """A comment or a post in an export; the case of the keys has changed."""

    date: JsonScalar = None
    date_upper: JsonScalar = msgspec.field(default=None, name="Date")
    comment: str | None = None
    comment_upper: str | None = msgspec.field(default=None, name="Comment")
    title: str | None = msgspec.field(default=None, name="Title")
    audience: str | None = msgspec.field(default=None, name="WhoCanView")
    likes: JsonScalar = msgspec.field(default=None, name="Likes")


_COMMENT_LISTS = tuple(
    f"{comment}.CommentsList.item"
    for comment in ("Comment.Comments", "Comment", "Your Activity.Comment.Comments")
)
_POST_LISTS = ("Post.Posts.VideoList.item", "Video.Videos.VideoList.item")
_NAMES = (
    "Profile.Profile Info.ProfileMap.userName",
    "Profile.Profile Information.ProfileMap.userName",
    "Profile And Settings.Profile Info.ProfileMap.userName",
)
_EXPORT_FILES = ("user_data.json", "user_data_tiktok.json")
_MAX_MEMBERS = 3  # of an archive, among which an export's file is
# The first key of an export, of any version.
_EXPORT_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*\{\s*\"(?:Your Activity|Activity|Ads and data|AI[ -]\w+|App Settings"
    rb"|Comment|Direct Messages?|Likes? and Favou?rites|Location Review|Post|Profile"
    rb"|Profile And Settings|Tiktok Live|Tik[tT]ok Shop(?:ping)?|Video|Income[+ ]Wallet[^\"]{0,40})"
    rb"\"\s*:\s*\{"
)
_PUBLIC_AUDIENCE = re.compile(r"(?:public|everyone)\b.*", re.IGNORECASE)

_parse_page = msgspec.json.Decoder(_Page).decode
_parse_exported = msgspec.json.Decoder(_Exported).decode
_parse_name = msgspec.json.Decoder(str).decode


def fits(sample: Sample) -> float:
    """Return how well a file begins as an export, or the share of lines that are comments."""
    if any(name.rsplit("/", 1)[-1] in _EXPORT_FILES for name in sample.members):
        return 1.0
    if _EXPORT_START.match(sample.head):
        return 1.0 if b"List" in sample.head or sample.name in _EXPORT_FILES else 0.6
    return sample.matching_share(_is_item_or_page)


def _is_item_or_page(row: dict[str, Any]) -> bool:
    data = row.get("data") if isinstance(row.get("data"), dict) else row
    items = data.get("comments") or data.get("videos")  # type: ignore[union-attr]
    if isinstance(items, list):
        rows = [item for item in items if isinstance(item, dict)]
        return bool(rows) and all(map(_is_item, rows))
    return _is_item(row)


def _is_item(row: dict[str, Any]) -> bool:
    if "text" in row:
        keys = (
            {"video_id", "parent_comment_id", "create_time"},
            {"cid", "aweme_id", "create_time"},
        )
        return any(wanted <= row.keys() for wanted in keys)
    if "video_description" in row:
        return "id" in row and "create_time" in row
    return {"id", "desc", "createTime", "stats"} <= row.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the comments and posts of one file in batches."""
    if not _is_export(path):
        yield from read_lines(
            path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start
        )
        return
    account = (config.account or _find_account(path, config)) if config.consented else None
    with DumpInput(path, _is_export_file) as source:
        yield from read_records(
            _read_export(source, account, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _is_export_file(name: str) -> bool:
    return name.rsplit("/", 1)[-1].rsplit("!", 1)[-1] in _EXPORT_FILES


def _is_export(path: str) -> bool:
    """Return whether a file is an export, or an archive with one."""
    with DumpInput(path) as source:
        for member in islice(source.members(), _MAX_MEMBERS):
            if member.name and _is_export_file(member.name):
                return True
            if not member.name:
                return _EXPORT_START.match(member.open().head) is not None
    return False


# --------------------------------------------------------------------------- comments and videos


def decode(line: bytes) -> Sequence[Record]:
    """Decode a line: a comment, a video, or an answer with some."""
    row = _parse_page(line)
    if isinstance(row.data, dict):
        row = msgspec.convert(row.data, _Page)
    items = row.comments if row.comments is not None else row.videos
    if items is None:
        if row.text is None and row.id is None and (row.error or row.status_code):
            return (Skipped("error"),)
        return _make_records(row)
    records = [record for item in items for record in _decode_item(item)]
    return records or (Skipped("empty_page"),)


def _decode_item(item: object) -> Sequence[Record]:
    try:
        return _make_records(msgspec.convert(item, _Item))
    except Refused as refusal:
        return (refusal,)
    except msgspec.ValidationError:
        return (Refused("wrong_type"),)


def _make_records(row: _Item) -> list[Record]:
    """Return the post of a comment or a video, and of the replies in it."""
    video = _parse_id(row.video_id) or _parse_id(row.aweme_id)
    records: list[Record] = [_make_comment(row, video) if video else _make_video(row)]
    for reply in row.reply_comment if isinstance(row.reply_comment, list) else ():
        if isinstance(reply, dict) and not reply.get("reply_comment"):
            records += _decode_item(reply)
    return records


def _make_comment(row: _Item, video: str) -> Post:
    number = _parse_id(row.cid) or _parse_id(row.id)
    if not number:
        raise Refused("no_id")
    if row.text is None:
        raise Refused("no_text")
    answered = (row.reply_to_reply_id, row.reply_id, row.parent_comment_id)
    parent = next(filter(None, map(_parse_id, answered)), video)
    user = _convert(row.user, _User) or _User()
    name = user.get_name() or row.username
    return _withdraw(
        Post(
            f"tiktok:{number}",
            row.text,
            "reply",
            name,
            created_at=parse_given_micros(row.create_time),
            lang_hint=row.comment_language if row.comment_language != "un" else None,
            parent_id=f"tiktok:{parent}",
            root_id=f"tiktok:{video}",
            score=parse_given_int64(row.like_count if row.digg_count is None else row.digg_count),
            replies=parse_given_int64(
                row.reply_count if row.reply_comment_total is None else row.reply_comment_total
            ),
        ),
        user,
        row,
    )


def _make_video(row: _Item) -> Post:
    number = _parse_id(row.id)
    if not number:
        raise Refused("no_id")
    text = row.video_description if row.desc is None else row.desc
    if text is None:
        raise Refused("no_text")
    user, stats = _convert(row.author, _User) or _User(), _convert(row.stats, _Stats) or _Stats()
    created = row.create_time if row.create_time is not None else row.create_time_camel
    likes = row.like_count if row.like_count is not None else stats.likes
    comments = row.comment_count if row.comment_count is not None else stats.comments
    name = f"tiktok:{number}"
    author = row.username or user.get_name()
    return _withdraw(
        Post(
            name,
            text,
            "post",
            author,
            created_at=parse_given_micros(created),
            root_id=name,
            score=parse_given_int64(likes),
            replies=parse_given_int64(comments),
        ),
        user,
        row,
    )


def _withdraw(post: Post, user: _User, row: _Item) -> Post:
    """Return a post without its text if not everybody can view it."""
    if row.private_item is True or row.is_only_for_friends is True:
        return post._replace(text="", withdrawn="private")
    if post.kind == "post" and (user.private is True or user.secret in (1, True)):
        return post._replace(text="", withdrawn="protected")
    return post


def _parse_id(value: JsonScalar) -> str:
    """Return a number in digits; empty for 0 and for a float, which has lost its last digits."""
    if type(value) is int and value > 0:
        return str(value)
    is_number = type(value) is str and value.isascii() and value.isdecimal() and value.strip("0")
    return str(value) if is_number else ""


def _convert(part: object, shape: type[T]) -> T | None:
    """Return a part of an item; a malformed one does not cost the item."""
    try:
        return msgspec.convert(part, shape)
    except msgspec.ValidationError:
        return None


# --------------------------------------------------------------------------- exports


def _find_account(path: str, config: Config) -> str | None:
    """Return the name in the profile, which is behind the comments."""
    with DumpInput(path, _is_export_file) as source:
        for _, event in walk_members(source, _NAMES, config.max_line_mb << 20):
            if isinstance(event, JsonValue):
                try:
                    return _parse_name(event.data) or None
                except (msgspec.DecodeError, UnicodeDecodeError):
                    return None
    return None


def _read_export(
    source: DumpInput, account: str | None, config: Config
) -> Iterator[LocatedRecords]:
    maker, row, current, is_empty = _ExportedMaker(account, config), 0, "", False
    paths = (*_COMMENT_LISTS, *_POST_LISTS)
    for source_file, event in walk_members(source, paths, config.max_line_mb << 20, one_kind=True):
        if source_file != current:
            if is_empty:
                yield refuse_file(current, "no_posts")
            current, row, is_empty = source_file, 0, True
        if isinstance(event, Refused):
            row, is_empty = row + 1, False
            yield LocatedRecords(source_file, row, 0, (event,))
        elif isinstance(event, JsonValue):
            row, is_empty = row + 1, False
            records = maker.make_records(event.path, event.data, row)
            yield LocatedRecords(source_file, row, len(event.data), records)
        elif event.is_array:
            is_empty = False
    if is_empty or not current:
        yield refuse_file(current or source.path, "no_posts")


class _ExportedMaker:
    """Makes the posts of an export."""

    def __init__(self, account: str | None, config: Config) -> None:
        self._account, self._config = account, config
        self._first_times: dict[str, int | None] = {}

    def make_records(self, path: str, data: bytes, row: int) -> Sequence[Record]:
        """Decode a record to its post, or to a skipped or refused record."""
        return decode_value(data, lambda line: (self._make_post(path, _parse_exported(line), row),))

    def _make_post(self, path: str, entry: _Exported, row: int) -> Record:
        is_comment = path in _COMMENT_LISTS
        written = (entry.comment or entry.comment_upper) if is_comment else entry.title
        date = entry.date if entry.date is not None else entry.date_upper
        created = parse_micros(date)
        first = self._first_times.setdefault(path, created)
        if not written:
            return Skipped("no_words")  # a video without a description, a comment of a picture
        identity = f"{path}\0{row}\0{first}\0{created}"
        name = f"tiktok:{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
        kind = "reply" if is_comment else "post"
        audience = entry.audience
        is_public = audience is None or _PUBLIC_AUDIENCE.fullmatch(audience.strip()) is not None
        if not self._config.consented or not is_public:
            return Post(name, "", kind, withdrawn="private")
        return Post(
            name,
            written,
            kind,
            self._account,
            created_at=parse_given_micros(date),
            root_id=None if is_comment else name,
            score=parse_given_int64(entry.likes),
            consent="allowed",
        )
