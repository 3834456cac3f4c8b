"""Read 4chan: threads of its API, one on a line or one in a file, or single posts.

The file of a thread may be formatted over many lines. Posts of moderators (``capcode``) are read
like others. There are no accounts: an author is a name, a tripcode or a poster id in one thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from pathlib import PurePath
from typing import Any, NamedTuple

import msgspec
from pydantic import Field

from corpus.formats.html import html_to_text
from corpus.formats.json_repair import replace_lone_surrogates, split_json_objects
from corpus.formats.lines import DumpMember, Line
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.batches import BatchBuilder, decode_line, read_members
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonScalar,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
)

PLATFORM = "4chan"
VERSION = 2
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


class Config(ReaderConfig):
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


_parse_line = msgspec.json.Decoder(_Line).decode
_parse_post = msgspec.json.Decoder(_Post).decode
_parse_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_QUOTE = re.compile(r'href="([^"#]*)#[pq]?([0-9]+)"|&gt;&gt;([0-9]+)')
_QUOTE_LINE = re.compile(r"(?:>>[0-9]+(?: ?\(OP\)| ?\u2192)?\s*)+")
#: The first line of a value formatted over several lines: one bracket, or a few with a key.
_SPREAD_START = re.compile(rb'[\[{]|\{\s*"[^"]*"\s*:(?:\s*\[(?:\s*\{)?)?')
_BOARD = re.compile(r"[a-z0-9]{1,10}")
_THREAD_FOLDERS = ("thread", "threads", "res", "archive")


def fits(sample: Sample) -> float:
    """Return how well the lines, or the start of a document, fit threads or posts."""
    if sample.objects:
        return sample.matching_share(_is_thread)
    head = sample.head.lstrip()
    is_document = head[:1] in (b"{", b"[") and b'"posts"' in head
    return 0.9 if is_document and b'"no"' in head and b'"resto"' in head else 0.0


def _is_thread(row: dict[str, Any]) -> bool:
    posts = row.get("posts")
    first = posts[0] if isinstance(posts, list) and posts else row
    return isinstance(first, dict) and {"no", "resto", "time"} <= first.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file or archive in batches; a thread is never split."""
    max_bytes = config.max_line_mb << 20

    def read_member(
        member: DumpMember, cursor: Cursor, builder: BatchBuilder
    ) -> Iterator[tuple[int, int]]:
        decode = make_decoder(config, find_board(path, member.name))
        lines = member.lines(max_bytes, cursor.offset)
        for value in _iter_values(lines, cursor.row, max_bytes):
            line = value.line
            if line.problem:
                builder.refuse(member.source_file, value.first_row, line.problem)
                if line.ends_member:
                    continue  # the member ends here: a resumed read would refuse this again
            elif line.data:
                builder.size_bytes += len(line.data)
                decode_line(line.data, decode, builder, member.source_file, value.first_row)
            yield value.last_row, line.end_offset

    return read_members(path, read_member, platform=PLATFORM, part_posts=part_posts, start=start)


class _LineRange(NamedTuple):
    """A JSON value of one or several lines; ``line`` is its text on one line."""

    first_row: int
    last_row: int
    line: Line


def _iter_values(lines: Iterator[Line], row: int, max_bytes: int) -> Iterator[_LineRange]:
    """Yield each line after ``row``, or the lines of a file of one value joined to one."""
    first = (
        row == 0
    )  # not resumed: in the middle of a file, an opening bracket alone is a malformed line
    for line in lines:
        row += 1
        value = _LineRange(row, row, line)
        if first and _SPREAD_START.fullmatch(line.data):
            yield from _join_lines(value, lines, max_bytes)
            return
        first = first and not line.data
        yield value


def _join_lines(first: _LineRange, lines: Iterator[Line], max_bytes: int) -> Iterator[_LineRange]:
    held, size, problem = [first], len(first.line.data), None
    row, end = first.first_row, first.line.end_offset
    for line in lines:
        row, end = row + 1, line.end_offset
        if line.problem == "line_too_long":
            size = (
                max_bytes  # a part of the value is missing: the rest could be valid JSON by chance
            )
        elif line.problem:
            problem = _LineRange(row, row, line)
        size += len(line.data) + 1
        if size > max_bytes:
            held.clear()  # read on to the end of the member without keeping lines
        elif line.data:
            held.append(_LineRange(row, row, line))
    if size > max_bytes:
        yield _LineRange(first.first_row, row, Line(b"", end, "line_too_long"))
    else:
        joined = b" ".join(value.line.data for value in held)
        if _starts_with_value(joined):
            yield _LineRange(first.first_row, row, Line(joined, end))
        elif any(_starts_with_value(value.line.data) for value in held):
            yield from held  # single lines, of which the first is malformed
        elif problem is None:  # one break is refused once
            yield _LineRange(first.first_row, row, Line(joined, end))
    if problem is not None:
        yield problem


def _starts_with_value(data: bytes) -> bool:
    """Return whether the data begins with a complete object or array."""
    pieces = split_json_objects(replace_lone_surrogates(data))
    if data[:1] not in (b"{", b"[") or not pieces:
        return False
    try:
        msgspec.json.decode(pieces[0])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


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

    def make_post(post: _Post, thread: _Line, known: set[str] | None) -> Post:
        name = _clean_board(config.board or post.board or thread.board) or board
        return _make_post(post, name, name not in worksafe, known)

    return decode


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
    return Post(
        prefix + number,
        _make_text(post),
        "post" if is_first else "reply",
        _make_author(post, f"{board}/{root}/"),
        board,
        parse_micros(post.time),
        None,  # lang_hint
        None if is_first else prefix + _find_parent(post.com or "", number, root, known),
        prefix + root,
        None,  # score
        parse_int64(post.replies) if is_first else None,
        sensitive,
    )


def _parse_number(value: object) -> str:
    if type(value) is str:
        return value if value.isdecimal() and value.isascii() and len(value) < 20 else ""
    return str(value) if type(value) is int and value > 0 else ""


def _clean_board(board: str | None) -> str:
    name = (board or "").strip("/ ").lower()
    return name if _BOARD.fullmatch(name) else ""


def _make_author(post: _Post, thread: str) -> str | None:
    """Return the author of a post, which identifies nobody outside its thread."""
    name = post.name if post.name and post.name != "Anonymous" else None
    identity = post.trip or post.id or (name and f"name:{name}")
    return f"{thread}{identity}" if identity else None


def _find_parent(com: str, number: str, root: str, known: set[str] | None) -> str:
    """Return the first quoted post of the same thread, else the thread's first post."""
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
    title = unescape(post.sub).strip() if post.sub else ""
    text = html_to_text(post.com) if post.com else ""
    if text.startswith(">>"):
        # Lines that only quote a number are dropped, as the parent id contains it.
        lines = text.split("\n")
        while lines and (not lines[0].strip() or _QUOTE_LINE.fullmatch(lines[0])):
            del lines[0]
        text = "\n".join(lines)
    return f"{title}\n\n{text}" if title and text else title or text
