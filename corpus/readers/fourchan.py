"""Read 4chan: threads as its API gives them, one to a line or one to a file, or bare posts.

A thread's file may be spread over many lines. Posts of moderators (``capcode``) are posts like any.
Nobody has an account: an author is a name, a tripcode or a poster id within one thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from pathlib import PurePath
from typing import Any, NamedTuple

import msgspec
from pydantic import Field

from corpus.formats import dump_input
from corpus.formats.html import html_to_text
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.contract import (
    Batch,
    BatchBuilder,
    Cursor,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    decode_line,
)

PLATFORM = "4chan"
VERSION = 1
TOMBSTONES = False

#: The boards that boards.json marks as fit for work (``ws_board``), and those it does not.
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
    """What to read, of which board it is, and which boards are fit for work."""

    board: str = Field(
        default="",
        pattern=r"^[^\s/]*$",
        description="the board's short name, such as 'g'; empty: told from the posts' own "
        "'board', else from the names of the file and its folders",
    )
    worksafe: tuple[str, ...] = Field(
        default=WORKSAFE_BOARDS, description="boards whose posts are not marked as sensitive"
    )


class _Post(msgspec.Struct, gc=False):
    """A post as the API gives it. Where its writer was (``country``) is not even looked at."""

    no: int | float | str | None = None
    resto: int | float | str | None = None
    board: str | None = None
    time: int | float | str | None = None
    name: str | None = None
    trip: str | None = None
    id: str | int | None = None
    sub: str | None = None
    com: str | None = None
    tim: int | float | str | None = None
    filename: str | int | float | None = None
    replies: int | float | str | None = None


class _Line(_Post, gc=False):
    """A thread, or a bare post."""

    posts: list[msgspec.Raw] | None = None


_parse_line = msgspec.json.Decoder(_Line).decode
_parse_post = msgspec.json.Decoder(_Post).decode
_parse_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_QUOTE = re.compile(r'href="([^"#]*)#[pq]?([0-9]+)"|&gt;&gt;([0-9]+)')
_QUOTE_LINE = re.compile(r"(?:>>[0-9]+(?: ?\(OP\)| ?\u2192)?\s*)+")
#: How a value begins that is spread over several lines: one bracket, or a few with a key.
_SPREAD_START = re.compile(rb'[\[{]|\{\s*"[^"]*"\s*:(?:\s*\[(?:\s*\{)?)?')
_BOARD = re.compile(r"[a-z0-9]{1,10}")
_THREAD_FOLDERS = ("thread", "threads", "res", "archive")


def fits(sample: Sample) -> float:
    """How surely these are threads or posts, by the fields that only they have together."""
    if sample.objects:
        return sample.matching_share(_is_thread)
    head = sample.head.lstrip()
    spread = head[:1] in (b"{", b"[") and b'"posts"' in head
    return 0.9 if spread and b'"no"' in head and b'"resto"' in head else 0.0


def _is_thread(row: dict[str, Any]) -> bool:
    posts = row.get("posts")
    first = posts[0] if isinstance(posts, list) and posts else row
    return isinstance(first, dict) and {"no", "resto", "time"} <= first.keys()


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file or archive in batches; a thread stays in one."""
    gather = BatchBuilder(PLATFORM, part_posts)
    longest = config.max_line_mb << 20
    with dump_input.DumpInput(path) as source:
        for member in source.members(resume_at=start.member if start else None):
            for refusal in source.take_refusals():
                gather.refuse(*refusal)
            file = f"{path}!{member.name}" if member.name else path
            row, offset = 0, 0
            if start and start.member == member.name:
                row, offset = start.row, start.offset
            decode = make_decoder(config, find_board(path, member.name))
            for value in _iter_values(member.lines(longest, offset), row, longest):
                row, line = value.last_row, value.line
                if line.problem:
                    gather.refuse(file, value.first_row, line.problem)
                    if line.problem != "line_too_long":
                        continue  # the member ends here: a cursor would only meet this again
                elif line.data:
                    gather.size_bytes += len(line.data)
                    decode_line(line.data, decode, gather, file, value.first_row)
                if gather.is_full():
                    yield gather.build_batch(
                        Cursor(member.name, row, line.end_offset), source.position
                    )
        for refusal in source.take_refusals():
            gather.refuse(*refusal)
        yield gather.build_batch(None, source.position, source.sha256())


class _LineRange(NamedTuple):
    """A JSON value: where it begins and ends, and the line that it is, or was made into."""

    first_row: int
    last_row: int
    line: dump_input.Line


def _iter_values(
    lines: Iterator[dump_input.Line], row: int, max_bytes: int
) -> Iterator[_LineRange]:
    """Yield each line after ``row``; where one value fills the whole file, its lines as one."""
    first = row == 0  # not resumed: what opens in the middle of a file is a broken line
    for line in lines:
        row += 1
        value = _LineRange(row, row, line)
        if first and _SPREAD_START.fullmatch(line.data):
            yield from _join_lines(value, lines, max_bytes)
            return
        first = first and not line.data
        yield value


def _join_lines(
    first: _LineRange, lines: Iterator[dump_input.Line], max_bytes: int
) -> Iterator[_LineRange]:
    held, size, problem = [first], len(first.line.data), None
    row, end = first.first_row, first.line.end_offset
    for line in lines:
        row, end = row + 1, line.end_offset
        if line.problem == "line_too_long":
            size = max_bytes  # the value lacks a piece: what is left of it could pass for whole
        elif line.problem:
            problem = _LineRange(row, row, line)
        size += len(line.data) + 1
        if size > max_bytes:
            held.clear()  # and read on to the end, where the next value could begin
        elif line.data:
            held.append(_LineRange(row, row, line))
    if size > max_bytes:
        yield _LineRange(first.first_row, row, dump_input.Line(b"", end, "line_too_long"))
    else:
        whole = b" ".join(value.line.data for value in held)
        if _starts_with_value(whole):
            yield _LineRange(first.first_row, row, dump_input.Line(whole, end))
        elif any(_starts_with_value(value.line.data) for value in held):
            yield from held  # lines after all, of which the first is broken
        elif problem is None:  # one break, one refusal
            yield _LineRange(first.first_row, row, dump_input.Line(whole, end))
    if problem is not None:
        yield problem


def _starts_with_value(data: bytes) -> bool:
    """Whether the data begins with a whole object or array."""
    pieces = dump_input.split_json_objects(dump_input.replace_lone_surrogates(data))
    if data[:1] not in (b"{", b"[") or not pieces:
        return False
    try:
        msgspec.json.decode(pieces[0])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def find_board(path: str, member: str) -> str:
    """The board that a file's name or its folder is called after; empty if there is none."""
    known = {*WORKSAFE_BOARDS, *ADULT_BOARDS}
    for place in (member, path):
        parts = [part.lower() for part in PurePath(place.replace("!", "/")).parts[-3:]]
        if not parts:
            continue
        names = [re.split(r"[^a-z0-9]", parts.pop())[0]]
        if parts and parts[-1] in _THREAD_FOLDERS:
            parts.pop()
        names += parts[-1:]
        for name in names:
            if name in known:
                return name
    return ""


def make_decoder(config: Config, board: str) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a line into the posts in it; ``board`` if nothing else tells."""
    worksafe = frozenset(config.worksafe)

    def decode(line: bytes) -> Sequence[Record]:
        if line[:1] == b"[":
            return [record for item in _parse_items(line) for record in _checked(item)]
        return thread(line)

    def _checked(item: msgspec.Raw) -> Sequence[Record]:
        # One spoilt value must not take the rest of the file with it.
        try:
            return thread(item)
        except Refused as refusal:
            return (refusal,)
        except msgspec.ValidationError:
            return (Refused("wrong_type"),)
        except UnicodeDecodeError:
            return (Refused("invalid_utf8"),)

    def thread(line: bytes | msgspec.Raw) -> Sequence[Record]:
        row = _parse_line(line)
        if row.posts is None:
            return (made(row, row, None),)
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
                records.append(made(post, row, known))
            except Refused as refusal:
                records.append(refusal)
        return records or (Skipped("empty_thread"),)

    def made(post: _Post, around: _Line, known: set[str] | None) -> Post:
        place = _clean_board(config.board or post.board or around.board) or board
        return _make_post(post, place, place not in worksafe, known)

    return decode


def _make_post(post: _Post, board: str, sensitive: bool, known: set[str] | None) -> Post:
    number = _parse_number(post.no)
    if not number:
        raise Refused("no_id")
    if not board:
        raise Refused("no_board")
    opens = post.resto == 0 or post.resto == "0"
    root = number if opens else _parse_number(post.resto)
    if not root:
        raise Refused("no_thread")
    if post.com is None and post.sub is None and post.tim is None and post.filename is None:
        raise Refused("no_text")
    begin = f"4chan:{board}/"
    return Post(
        begin + number,
        _make_text(post),
        "post" if opens else "reply",
        _make_author(post, f"{board}/{root}/"),
        board,
        parse_micros(post.time),
        None,
        None if opens else begin + _find_parent(post.com or "", number, root, known),
        begin + root,
        None,
        parse_int64(post.replies) if opens else None,
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
    """Who wrote it, as far as one thread tells: nothing here names anybody beyond it."""
    named = post.name if post.name and post.name != "Anonymous" else None
    shown = post.trip or post.id or (named and f"name:{named}")
    return f"{thread}{shown}" if shown else None


def _find_parent(com: str, number: str, root: str, known: set[str] | None) -> str:
    """The first post of the same thread that is quoted, else the one that opened the thread."""
    for match in _QUOTE.finditer(com):
        address, linked = match[1], match[2]
        quoted: str = linked or match[3]
        if known is not None:
            same = quoted in known
        else:  # only a link says where what it quotes is
            same = bool(linked) and (not address or root in re.findall("[0-9]+", address))
        # Nothing answers what comes after it.
        if same and len(quoted) < 20 and int(quoted) < int(number):
            return quoted
    return root


def _make_text(post: _Post) -> str:
    title = unescape(post.sub).strip() if post.sub else ""
    text = html_to_text(post.com) if post.com else ""
    if text.startswith(">>"):
        # The lines that only say what is answered: that is the parent's to tell.
        lines = text.split("\n")
        while lines and (not lines[0].strip() or _QUOTE_LINE.fullmatch(lines[0])):
            del lines[0]
        text = "\n".join(lines)
    return f"{title}\n\n{text}" if title and text else title or text
