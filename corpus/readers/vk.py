"""Read VK: posts and comments of walls, as answers of its API or one on each line.

Posts and comments of a wall share their numbers, so that an id is the wall and the number, as
``vk:-1_234`` (a community's wall is negative). Answers are read with the people and communities
that they list (``extended``), and with the replies in the threads of their comments.

Posts for friends or subscribers, of closed profiles and communities, and those that are not
published yet, are counted as withdrawn, without their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.times import parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import read_lines
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
    make_versions,
    match_mentions,
)
from corpus.readers.text_parts import join_alts, join_poll, join_title

PLATFORM = "vk"
VERSION = 2
TOMBSTONES = True


class Config(JsonConfig):
    """What to read, and whether to mask names of people in the text."""

    mask_mentions: bool = Field(
        default=True, description="replace the name of a mentioned person by '@user'"
    )
    with_alt: bool = Field(default=False, description="add the descriptions of pictures to a text")


class _Thread(msgspec.Struct, gc=False):
    """The replies to a comment, or the comments on a post."""

    items: list[Any] | None = None


class _Answer(msgspec.Struct, gc=False):
    text: str | None = None


class _Poll(msgspec.Struct, gc=False):
    question: str | None = None
    answers: list[_Answer] | None = None


class _Post(msgspec.Struct):
    """A post or a comment. Flags are loosely typed: VK has 1, true or an object for them."""

    id: JsonScalar = None
    owner_id: JsonScalar = None
    to_id: JsonScalar = None  # the wall, in old answers
    source_id: JsonScalar = None  # the wall, in a feed of news
    from_id: JsonScalar = None
    post_id: JsonScalar = None  # of a comment: the post; of a feed's item: its number
    date: JsonScalar = None
    edited: JsonScalar = None
    text: str | None = None
    post_type: str | None = None
    type: Any = None
    friends_only: Any = None
    is_deleted: Any = None
    deleted: Any = None
    is_archived: Any = None
    donut: Any = None
    reply_post_id: JsonScalar = None
    reply_to_comment: JsonScalar = None
    parents_stack: list[JsonScalar] | None = None
    copy_history: list[_Post] | None = None
    copy_owner_id: JsonScalar = None
    copy_post_id: JsonScalar = None
    copy_text: str | None = None  # of old answers: the words of who repeats ``text``
    likes: Any = None
    comments: Any = None
    thread: Any = None
    attachments: Any = None


class _Page(_Post):
    """An answer of the API around posts, or one post."""

    response: msgspec.Raw = msgspec.Raw()
    items: list[msgspec.Raw] | None = None
    profiles: list[msgspec.Raw] | None = None
    groups: list[msgspec.Raw] | None = None
    error: Any = None


class _Owner(msgspec.Struct, gc=False):
    """A person or a community that an answer lists."""

    id: JsonScalar = None
    screen_name: str | None = None
    is_closed: Any = None
    deactivated: Any = None


_UNPUBLISHED = ("postpone", "postponed", "suggest")
_ADVERTISEMENTS = ("ads", "post_ads")
_MAX_LEVELS = 8  # of posts in posts
# A person, a community or an address, and the words that stand for it.
_MENTION = re.compile(
    r"\[(?:(?P<person>id\d{1,20})|(?:club|public|event)\d{1,20}|(?P<url>https?://[^\s|\[\]]{1,2000}))"
    r"(?::[a-z]{2}-?\d{1,20}_\d{1,20})?\|(?P<name>[^\[\]]{1,300})\]"
)
# What the site makes of a mention in the text of a comment: "@id12 (Ada)".
_SHORT_MENTION = re.compile(r"[@*](?P<person>id\d{1,20}) \([^()\n]{1,100}\)")
_AT_NAME = re.compile(r"@([\w.]{1,64})")
_BREAK = re.compile(r"<br ?/?>")

_parse_page = msgspec.json.Decoder(_Page).decode
_parse_post = msgspec.json.Decoder(_Post).decode
_parse_owner = msgspec.json.Decoder(_Owner).decode
_parse_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are posts and comments of walls, or answers with some."""
    return sample.matching_share(_is_post_or_page)


def _is_post_or_page(row: dict[str, Any]) -> bool:
    inner = row.get("response", row)
    items = inner.get("items") if isinstance(inner, dict) else inner
    if isinstance(items, list):
        rows = [item for item in items if isinstance(item, dict)]
        return bool(rows) and all(map(_is_post, rows))
    return _is_post(row)


def _is_post(row: dict[str, Any]) -> bool:
    if not {"text", "date"} <= row.keys() or type(row["date"]) is not int:
        return row.get("deleted") is True and {"id", "owner_id", "post_id"} <= row.keys()
    owner = row.get("owner_id", row.get("to_id", row.get("source_id")))
    return type(owner) is int and ("from_id" in row or "source_id" in row or "post_type" in row)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and comments of one file in batches."""
    decode = PostDecoder(config).decode
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


class _Owners:
    """The people and communities that an answer lists; numbers of communities are negative."""

    def __init__(self, page: _Page) -> None:
        self._by_number: dict[str, _Owner] = {}
        self.numbers: dict[str, str] = {}  # by the name in addresses
        for sign, parts in (("", page.profiles), ("-", page.groups)):
            for part in parts or ():
                try:
                    owner = _parse_owner(part)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue  # it only has names and flags for posts
                number = _parse_id(owner.id).lstrip("-")
                if number:
                    self._by_number[sign + number] = owner
                    self.numbers[(owner.screen_name or "").lower()] = sign + number

    def get(self, number: str) -> _Owner:
        """Return what is known of an account; nothing if it is not listed."""
        return self._by_number.get(number) or _Owner()


class PostDecoder:
    """Decodes lines to posts."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def decode(self, line: bytes) -> Sequence[Record]:
        """Decode a line: a post, a comment, or an answer of the API."""
        row = _parse_page(line)
        response = bytes(row.response)
        if response[:1] == b"{":
            page = _parse_page(response)
            return self._decode_page(page, page.items or ())
        if response[:1] == b"[":  # of wall.getById, and of old versions: a count and the posts
            items = [item for item in _parse_list(response) if bytes(item)[:1] == b"{"]
            return self._decode_page(row, items)
        if row.items is not None:
            return self._decode_page(row, row.items)
        return (
            (Skipped("error"),)
            if row.error is not None
            else self._decode_post(row, _Owners(row), 0)
        )

    def _decode_page(self, page: _Page, items: Sequence[msgspec.Raw]) -> Sequence[Record]:
        owners = _Owners(page)
        records = [record for item in items for record in self._decode_item(item, owners, 0)]
        return records or (Skipped("empty_page"),)

    def _decode_item(self, item: msgspec.Raw, owners: _Owners, level: int) -> Sequence[Record]:
        try:
            return self._decode_post(_parse_post(item), owners, level)
        except Refused as refusal:
            return (refusal,)
        except msgspec.ValidationError:
            return (Refused("wrong_type"),)
        except UnicodeDecodeError:
            return (Refused("invalid_utf8"),)

    def _decode_post(self, row: _Post, owners: _Owners, level: int) -> Sequence[Record]:
        """Return the post of a row, and those of the comments in it."""
        if row.post_type in _ADVERTISEMENTS or row.type in _ADVERTISEMENTS:
            return (Skipped("advertisement"),)
        if row.text is None and type(row.type) is str and row.type != "post":
            return (Skipped("feed_item"),)  # a feed has pictures and new friends as well
        records = [*self._make_records(row, owners)]
        for part in (row.thread, row.comments) if level < _MAX_LEVELS else ():
            thread = _convert(part, _Thread)
            items = part if isinstance(part, list) else thread and thread.items
            for item in items or ():
                data = msgspec.Raw(msgspec.json.encode(item))
                records += self._decode_item(data, owners, level + 1)
        return records

    def _make_records(self, row: _Post, owners: _Owners) -> Sequence[Record]:
        wall, number, post = _find_ids(row)
        if not wall or not number:
            raise Refused("no_id")
        if row.text is None and not row.copy_history and not _is_deleted(row):
            raise Refused("no_text")
        name, author = f"vk:{wall}_{number}", _parse_id(row.from_id) or _parse_id(row.source_id)
        withdrawn = _find_withdrawal(row, owners, wall, author)
        text, kind, parent, root = self._read_text(row), "post", None, None
        original_author = None
        if post:
            kind, root = "reply", f"vk:{wall}_{post}"
            stack = [_parse_id(one) for one in row.parents_stack or ()]
            parent = f"vk:{wall}_{_parse_id(row.reply_to_comment) or (stack or [''])[-1] or post}"
        elif (original := _find_original(row)) is not None:
            original_wall, original_number, _ = _find_ids(original)
            kind = "quote" if text else "repost"
            if kind == "repost":
                text = self._read_text(original)
                parent = f"vk:{original_wall}_{original_number}" if original_number else None
                original_author = _parse_id(original.from_id) or original_wall or None
                withdrawn = withdrawn or _find_withdrawal(
                    original, owners, original_wall, original_author or ""
                )
        root = root or (name if kind in ("post", "quote") else None)
        owner = owners.get(author)
        made = Post(
            name,
            text if withdrawn is None else "",
            kind,
            author or None,
            _name_community(wall),
            parse_given_micros(row.date),
            None,  # lang_hint
            parent,
            root,
            _count(row.likes),
            _count(row.thread if post else row.comments),
            withdrawn=withdrawn,
            mentions=_find_mentions(text, owners) if withdrawn is None else None,
            original_author=original_author,
            author_name=owner.screen_name,
        )
        return make_versions(made, parse_micros(row.edited) if row.edited else None)

    def _read_text(self, row: _Post) -> str:
        """Return the text of a post with its polls and the descriptions of its pictures."""
        text = row.text or ""
        if row.copy_owner_id is not None or row.copy_post_id is not None:
            text = row.copy_text or ""
        text = self._clean(text)
        if not isinstance(row.attachments, list):
            return text
        attached = [one for one in row.attachments if isinstance(one, dict)]
        for part in attached:
            poll = _convert(part.get("poll"), _Poll)
            if poll is not None:
                answers = [answer.text for answer in poll.answers or ()]
                text = join_title(text, join_poll(poll.question or "", answers))
        if self._config.with_alt:
            photos = [part["photo"] for part in attached if isinstance(part.get("photo"), dict)]
            texts = [photo.get("text") for photo in photos]
            text = join_alts(text, [self._clean(one) for one in texts if isinstance(one, str)])
        return text

    def _clean(self, text: str) -> str:
        """Return a text without markup, and with the names of mentioned people replaced."""
        if "<br" in text:
            text = _BREAK.sub("\n", text)
        if "&" in text:
            text = unescape(text)
        if "[" in text:
            text = _MENTION.sub(self._replace_mention, text)
        if " (" in text and self._config.mask_mentions:
            text = _SHORT_MENTION.sub("@user", text)
        return text

    def _replace_mention(self, match: re.Match[str]) -> str:
        return "@user" if match["person"] and self._config.mask_mentions else match["name"]


def _find_ids(row: _Post) -> tuple[str, str, str]:
    """Return the wall, the number and, of a comment, the number of its post; empty if missing."""
    wall = next(filter(None, map(_parse_id, (row.owner_id, row.to_id, row.source_id))), "")
    number, post = _parse_id(row.id), _parse_id(row.post_id)
    if not number:
        number, post = post, ""
    if row.post_type == "reply" and not post:
        post = _parse_id(row.reply_post_id)
    return wall, number, "" if post == number else post


def _parse_id(value: JsonScalar) -> str:
    """Return a number in digits; empty if it is unusable."""
    if type(value) is int:
        return str(value) if value else ""
    is_number = type(value) is str and value.isascii() and value.removeprefix("-").isdecimal()
    return str(value) if is_number else ""


def _find_original(row: _Post) -> _Post | None:
    """Return the post that a row repeats, the first of the chain."""
    if row.copy_history:
        return row.copy_history[-1]
    if row.copy_post_id is not None:
        return _Post(id=row.copy_post_id, owner_id=row.copy_owner_id, text=row.text)
    return None


def _is_deleted(row: _Post) -> bool:
    return bool(row.is_deleted) or bool(row.deleted)


def _find_withdrawal(row: _Post, owners: _Owners, wall: str, author: str) -> str | None:
    """Return why a post must not be used, or null."""
    people = [owners.get(wall), owners.get(author)]
    if _is_deleted(row) or any(one.deactivated == "deleted" for one in people):
        return "deleted"
    if any(one.deactivated for one in people):
        return "removed"
    donut = row.donut.get("is_donut") if isinstance(row.donut, dict) else row.donut
    if row.friends_only or donut or row.is_archived or row.post_type in _UNPUBLISHED:
        return "private"
    if owners.get(wall).is_closed:
        return "private" if wall.startswith("-") else "protected"
    return None


def _find_mentions(text: str, owners: _Owners) -> str | None:
    """Return the people of the answer whom a text names by their addresses, such as ``@ada``."""
    if "@" not in text:
        return None
    names = {match[1].lower() for match in _AT_NAME.finditer(text)}
    return match_mentions(text, [(name, owners.numbers.get(name)) for name in names])


def _name_community(wall: str) -> str | None:
    """Return the number of the community of a wall, as VK writes it; null for a person's wall."""
    return f"club{wall[1:]}" if wall.startswith("-") else None


def _convert(part: object, shape: Any) -> Any:
    """Return a part of a post; a malformed one does not cost the post."""
    if not isinstance(part, dict):
        return None
    try:
        return msgspec.convert(part, shape)
    except msgspec.ValidationError:
        return None


def _count(part: object) -> int | None:
    if isinstance(part, dict):
        return parse_given_int64(part.get("count"))
    return parse_given_int64(part)
