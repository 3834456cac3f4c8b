"""Read 4chan: threads of its API or of FoolFuuka's archives, one a line or a file, or single posts.

Database dumps of these archives are read as well (:mod:`corpus.readers.fourchan_dump`). In them, a
quoted post is taken for one of the thread if it is not older than the thread.
The file of a thread may be formatted over many lines. Posts of moderators (``capcode``) are read
like others. There are no accounts: an author is a name, a tripcode or a poster id in one thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import lru_cache
from html import unescape
from pathlib import PurePath
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.html import html_to_text
from corpus.formats.lines import DumpMember
from corpus.formats.times import parse_given_int64, parse_given_micros
from corpus.readers.batches import BatchBuilder, decode_member, read_members
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
    Unreadable,
    new_post,
)
from corpus.readers.fourchan_dump import is_dump, parse_new_york_seconds, read_dump
from corpus.readers.text_parts import join_title

PLATFORM = "4chan"
VERSION = 5
TOMBSTONES = True

#: The boards that boards.json marks as worksafe (``ws_board``), and the others.
WORKSAFE_BOARDS = (
    "3", "a", "adv", "an", "biz", "c", "cgl", "ck", "cm", "co", "diy", "fa", "fit", "g", "gd",
    "his", "int", "jp", "k", "lgbt", "lit", "m", "mlp", "mu", "n", "news", "o", "out", "p", "po",
    "pw", "qa", "qst", "sci", "sp", "tg", "toy", "trv", "tv", "v", "vg", "vip", "vm", "vmg", "vp",
    "vr", "vrpg", "vst", "vt", "w", "wsg", "wsr", "x", "xs",
)  # fmt: skip
ADULT_BOARDS = (
    "aco", "b", "bant", "d", "e", "f", "gif", "h", "hc", "hm", "hr", "i", "ic", "pol", "r", "r9k",
    "s", "s4s", "soc", "t", "trash", "u", "wg", "y",
)  # fmt: skip


class Config(JsonConfig):
    """What to read, its board, and which boards are worksafe."""

    board: str = Field(
        default="",
        pattern=r"^[^\s/]*$",
        description="the board's short name, such as 'g'; empty: from the posts' own 'board', "
        "else from the names of the file and its folders",
    )
    worksafe: tuple[str, ...] = Field(
        default=WORKSAFE_BOARDS, description="boards whose posts are not marked as sensitive"
    )


class _Post(msgspec.Struct, gc=False):
    """A post as the API returns it. The author's country is not read."""

    no: JsonScalar = None
    resto: JsonScalar = None
    board: str | None = None
    time: JsonScalar = None
    name: str | None = None
    trip: str | None = None
    id: str | int | None = None
    sub: str | None = None
    com: str | None = None
    tim: JsonScalar = None
    filename: JsonScalar = None
    replies: JsonScalar = None


class _Line(_Post, gc=False):
    """A thread, or a single post."""

    posts: list[msgspec.Raw] | None = None


class _FuukaBoard(msgspec.Struct, gc=False):
    shortname: str | None = None


class _FuukaPost(msgspec.Struct, gc=False):
    """A post as the archives of FoolFuuka return it (4plebs, desuarchive); plain text."""

    num: JsonScalar = None
    subnum: JsonScalar = None  # not 0: written in the archive, in answer to a post
    thread_num: JsonScalar = None
    op: JsonScalar = None
    timestamp: JsonScalar = None
    name: str | None = None
    trip: str | None = None
    poster_hash: str | None = None
    title: str | None = None
    comment: str | None = None
    deleted: bool | JsonScalar = None
    nreplies: JsonScalar = None
    board: _FuukaBoard | None = None
    media: msgspec.Raw = msgspec.Raw()


_parse_fuuka_post = msgspec.json.Decoder(_FuukaPost).decode
_parse_fuuka = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
#: A key of each post of FoolFuuka, and how much of an answer is searched for it.
_FUUKA_KEY, _FUUKA_HEAD_BYTES = b'"thread_num"', 4096
_DUMP_HEAD_BYTES = 4096
_parse_line = msgspec.json.Decoder(_Line).decode
_parse_post = msgspec.json.Decoder(_Post).decode
_parse_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_QUOTE = re.compile(r'href="([^"#]*)#[pq]?([0-9]+)"|&gt;&gt;([0-9]+)')
_QUOTE_LINE = re.compile(r"(?:>>[0-9]+(?: ?\(OP\)| ?\u2192)?\s*)+")
_BOARD = re.compile(r"[a-z0-9]{1,10}")
_SPOILER_MARK = re.compile(r"\[/?spoiler\]")
_CODE = re.compile(r"\n?\[code\]((?:(?!\[/?code\]).)*+)\[/code\]\n?", re.DOTALL)
_THREAD_FOLDERS = ("thread", "threads", "res", "archive")
#: The fields of a post behind ``sensitive``, which 4chan does not have.
_NOT_GIVEN = (None,) * (len(Post._fields) - Post._fields.index("sensitive") - 1)


def fits(sample: Sample) -> float:
    """Return the share of records that are threads or posts; 1 for a database dump."""
    if is_dump(sample.head[:_DUMP_HEAD_BYTES]):
        return 1.0
    return sample.matching_share(_is_thread)


def _is_thread(row: dict[str, Any]) -> bool:
    if _is_fuuka(row):
        return True
    posts = row.get("posts")
    first = posts[0] if isinstance(posts, list) and posts else row
    return isinstance(first, dict) and {"no", "resto", "time"} <= first.keys()


def _is_fuuka(row: dict[str, Any]) -> bool:
    """Return whether an object is a post or an answer of FoolFuuka."""
    if {"num", "thread_num", "subnum"} <= row.keys():
        return True
    for value in row.values():
        posts = value.get("posts") if isinstance(value, dict) else None
        posts = list(posts.values()) if isinstance(posts, dict) else posts
        first = posts[0] if isinstance(posts, list) and posts else None
        first = first or (value.get("op") if isinstance(value, dict) else None)
        if isinstance(first, dict) and {"num", "thread_num"} <= first.keys():
            return True
    return False


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file or archive in batches; a thread is never split."""

    def read_member(
        member: DumpMember, cursor: Cursor, builder: BatchBuilder
    ) -> Iterator[tuple[int, int]]:
        board = find_board(path, member.name)
        if is_dump(member.open().peek(_DUMP_HEAD_BYTES)):
            make_records = make_row_decoder(config, board)
            return read_dump(member, cursor, builder, config.max_line_mb << 20, make_records)
        decode = make_decoder(config, board)
        return decode_member(member, cursor, builder, config, decode, whole_arrays=True)

    return read_members(path, read_member, platform=PLATFORM, part_posts=part_posts, start=start)


def find_board(path: str, member: str) -> str:
    """Return the board in the name of a file or its folder; empty if there is none."""
    known = {*WORKSAFE_BOARDS, *ADULT_BOARDS}
    for name in (member, path):
        parts = [part.lower() for part in PurePath(name.replace("!", "/")).parts[-3:]]
        if not parts:
            continue
        names = [re.split(r"[^a-z0-9]", parts.pop())[0]]
        if parts and parts[-1] in _THREAD_FOLDERS:
            parts.pop()
        names += parts[-1:]
        for board in names:
            if board in known:
                return board
    return ""


def make_decoder(config: Config, board: str) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a line to its posts; ``board`` is the default board."""
    worksafe = frozenset(config.worksafe)

    def decode(line: bytes) -> Sequence[Record]:
        if line[:1] == b"[":
            return [record for item in _parse_items(line) for record in decode_item(item)]
        return decode_thread(line)

    def decode_item(item: msgspec.Raw) -> Sequence[Record]:
        # One malformed value must not cost the rest of the file.
        try:
            return decode_thread(item)
        except Refused as refusal:
            return (refusal,)
        except msgspec.ValidationError:
            return (Refused("wrong_type"),)
        except UnicodeDecodeError:
            return (Refused("invalid_utf8"),)

    def decode_thread(line: bytes | msgspec.Raw) -> Sequence[Record]:
        if _FUUKA_KEY in bytes(memoryview(line)[:_FUUKA_HEAD_BYTES]):
            return decode_fuuka(bytes(line))
        row = _parse_line(line)
        if row.posts is None:
            return (make_post(row, row, None),)
        records: list[Record] = []
        posts: list[_Post] = []
        for raw in row.posts:
            try:
                posts.append(_parse_post(raw))
            except msgspec.ValidationError:
                records.append(Refused("wrong_type"))
            except UnicodeDecodeError:
                records.append(Refused("invalid_utf8"))
        known = {_parse_number(post.no) for post in posts}
        for post in posts:
            try:
                records.append(make_post(post, row, known))
            except Refused as refusal:
                records.append(refusal)
        return records or (Skipped("empty_thread"),)

    def decode_fuuka(line: bytes) -> Sequence[Record]:
        records: list[Record] = []
        posts: list[_FuukaPost] = []
        for data in _list_fuuka_posts(line):
            try:
                posts.append(_parse_fuuka_post(data))
            except msgspec.ValidationError:
                records.append(Refused("wrong_type"))
        known = {_parse_number(post.num) for post in posts}
        for post in posts:
            name = post.board.shortname if post.board is not None else None
            name = _clean_board(config.board or name) or board
            try:
                records.append(_make_fuuka_post(post, name, name not in worksafe, known))
            except Refused as refusal:
                records.append(refusal)
        return records or (Skipped("empty_thread"),)

    def make_post(post: _Post, thread: _Line, known: set[str] | None) -> Post:
        name = _clean_board(config.board or post.board or thread.board) or board
        return _make_post(post, name, name not in worksafe, known)

    return decode


def make_row_decoder(config: Config, board: str) -> Callable[[Mapping[str, str]], Sequence[Record]]:
    """Return a function that decodes a row of a database dump of ``board``."""
    board = _clean_board(config.board) or board
    sensitive = board not in config.worksafe

    def decode(row: Mapping[str, str]) -> Sequence[Record]:
        time = row.get("timestamp", "")
        has_file = bool(row.get("media_hash") or row.get("media_filename"))
        post = _FuukaPost(
            num=row.get("num"),
            subnum=row.get("subnum"),
            thread_num=row.get("thread_num"),
            timestamp=parse_new_york_seconds(time),
            name=row.get("name"),
            trip=row.get("trip"),
            poster_hash=row.get("poster_hash"),
            title=row.get("title") or None,
            comment=row.get("comment") or None,
            deleted=row.get("deleted"),
            media=msgspec.Raw(b"{}") if has_file else msgspec.Raw(),
        )
        known = _NumbersFrom(_parse_number(post.thread_num))
        made = _make_fuuka_post(post, board, sensitive, known)
        return (made, Unreadable("created_at")) if time and made.created_at is None else (made,)

    return decode


class _NumbersFrom:
    """The posts that may be in a thread of which only the number is known: it and later ones."""

    def __init__(self, first: str) -> None:
        self._first = int(first or 0)

    def __contains__(self, number: object) -> bool:
        return isinstance(number, str) and len(number) < 20 and int(number) >= self._first


def _make_post(post: _Post, board: str, sensitive: bool, known: set[str] | None) -> Post:
    number = _parse_number(post.no)
    if not number:
        raise Refused("no_id")
    if not board:
        raise Refused("no_board")
    is_first = post.resto == 0 or post.resto == "0"
    root = number if is_first else _parse_number(post.resto)
    if not root:
        raise Refused("no_thread")
    if post.com is None and post.sub is None and post.tim is None and post.filename is None:
        raise Refused("no_text")
    prefix = f"4chan:{board}/"
    return new_post(
        (
            prefix + number,
            _make_text(post),
            "post" if is_first else "reply",
            _make_author(post, f"{board}/{root}/"),
            board,
            parse_given_micros(post.time),
            None,  # lang_hint
            None if is_first else prefix + _find_parent(post.com or "", number, root, known),
            prefix + root,
            None,  # score
            parse_given_int64(post.replies) if is_first else None,
            sensitive,
            *_NOT_GIVEN,
        )
    )


def _list_fuuka_posts(line: bytes) -> list[bytes]:
    """Return the posts in an answer of FoolFuuka: a post, or threads with the first post apart."""
    row = _parse_fuuka(line)
    if "num" in row:
        return [line]
    found: dict[bytes, None] = {}
    for value in row.values():
        if bytes(value)[:1] == b"{":
            thread = _parse_fuuka(value)
            first, posts = (bytes(thread.get(key, msgspec.Raw())) for key in ("op", "posts"))
            listed: list[msgspec.Raw] = []
            if posts[:1] == b"{":
                listed = list(_parse_fuuka(posts).values())
            elif posts[:1] == b"[":
                listed = _parse_items(posts)
            found |= dict.fromkeys([first] if first[:1] == b"{" else [])
            found |= dict.fromkeys(map(bytes, listed))
    return list(found)


def _make_fuuka_post(post: _FuukaPost, board: str, sensitive: bool, known: Container[str]) -> Post:
    number, root = _parse_number(post.num), _parse_number(post.thread_num)
    if not number:
        raise Refused("no_id")
    if not board:
        raise Refused("no_board")
    if not root:
        raise Refused("no_thread")
    if post.comment is None and post.title is None and bytes(post.media)[:1] != b"{":
        raise Refused("no_text")
    ghost = _parse_number(post.subnum).lstrip("0")
    is_first = number == root and not ghost
    name = number if not ghost else f"{number}_{ghost}"
    identity = _Post(name=post.name, trip=post.trip or None, id=post.poster_hash or None)
    text = post.comment or ""
    text = unescape(text) if "&gt;" in text or "&amp;" in text else text
    prefix = f"4chan:{board}/"
    parent = _find_parent(text.replace(">", "&gt;"), number, root, known)
    if ghost and parent == root:
        parent = number
    is_deleted = post.deleted in (True, 1, "1")
    return Post(
        prefix + name,
        _join_title(post.title, _fence_code(_drop_quote_lines(text))),
        "post" if is_first else "reply",
        _make_author(identity, f"{board}/{root}/"),
        board,
        parse_given_micros(post.timestamp),
        parent_id=None if is_first else prefix + parent,
        root_id=prefix + root,
        replies=parse_given_int64(post.nreplies) if is_first else None,
        sensitive=sensitive,
        withdrawn="deleted_later" if is_deleted else None,
    )


def _parse_number(value: object) -> str:
    if type(value) is str:
        return value if value.isdecimal() and value.isascii() and len(value) < 20 else ""
    return str(value) if type(value) is int and value > 0 else ""


@lru_cache(maxsize=1024)
def _clean_board(board: str | None) -> str:
    name = (board or "").strip("/ ").lower()
    return name if _BOARD.fullmatch(name) else ""


def _make_author(post: _Post, thread: str) -> str | None:
    """Return the author of a post, which identifies nobody outside its thread."""
    name = post.name if post.name and post.name != "Anonymous" else None
    identity = post.trip or post.id or (name and f"name:{name}")
    return f"{thread}{identity}" if identity else None


def _find_parent(com: str, number: str, root: str, known: Container[str] | None) -> str:
    """Return the first quoted post of the same thread, else the thread's first post."""
    if "#" not in com and "&gt;&gt;" not in com:  # neither form of a quote
        return root
    for match in _QUOTE.finditer(com):
        address, linked = match[1], match[2]
        quoted: str = linked or match[3]
        if known is not None:
            is_same_thread = quoted in known
        else:  # only a link contains the thread of the quoted post
            is_same_thread = bool(linked) and (not address or root in re.findall("[0-9]+", address))
        # A reply cannot quote a later post.
        if is_same_thread and len(quoted) < 20 and int(quoted) < int(number):
            return quoted
    return root


def _make_text(post: _Post) -> str:
    return _join_title(post.sub, _drop_quote_lines(html_to_text(post.com) if post.com else ""))


def _drop_quote_lines(text: str) -> str:
    """Drop the first lines that only quote a number, as the parent id contains it."""
    if not text.startswith(">>"):
        return text
    lines = text.split("\n")
    while lines and (not lines[0].strip() or _QUOTE_LINE.fullmatch(lines[0])):
        del lines[0]
    return "\n".join(lines)


def _fence_code(text: str) -> str:
    """Return FoolFuuka's text with its code as fenced blocks and without the marks of spoilers."""
    if "[" not in text:
        return text
    text = _SPOILER_MARK.sub("", text)
    return _CODE.sub(_fence, text).strip("\n") if "[code]" in text else text


def _fence(match: re.Match[str]) -> str:
    return "\n```\n" + match[1].strip("\n") + "\n```\n"


def _join_title(title: str | None, text: str) -> str:
    return join_title(unescape(title) if title else None, text)
