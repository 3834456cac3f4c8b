"""Read the pages of Telegram Desktop's exports in HTML, of up to a thousand messages each.

A page has the chat's name, but neither its id nor its kind, so its messages count as private unless
the plan says ``consented: true``. Ids have a hash of the name in place of the chat's id, and
authors are names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from corpus.formats.dump_input import DumpInput
from corpus.formats.html import html_to_text
from corpus.formats.times import mark_unreadable
from corpus.readers.batches import read_whole, refuse_file
from corpus.readers.contract import LocatedRecords, Post, Record, Refused, Skipped
from corpus.readers.telegram_rows import parse_given_time
from corpus.readers.text_parts import join_poll, join_title


class Options(NamedTuple):
    """What to read."""

    consented: bool
    mask: bool
    offset: int | None  # of local times, in minutes ahead of UTC
    max_bytes: int


_MESSAGE = re.compile(rb'<div class="message (?:default|service)[^"]*" id="message-?[0-9]+"')
_MESSAGE_START = re.compile(r'(?=<div class="message (?:default|service))')
# Larger than any message with its media.
_MAX_PIECE_CHARS, _MAX_PIECE_TAGS = 1 << 18, 8192
_PAGE_NAME = re.compile(r"messages[0-9]{0,6}\.html")
_NUMBER = re.compile(r"message([0-9]{1,19})")
_NAMED_PERSON = re.compile(r"<a [^<>]{0,200}ShowMentionName\(\)[^<>]{0,200}>[^<]{0,300}</a>")
_DATE = re.compile(r"(\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d)(?: UTC([+-]\d\d):(\d\d))?")
_DELETED_ACCOUNT = "Deleted Account"


def is_page(head: bytes) -> bool:
    """Return whether a file that begins so is a page of an export."""
    return b'class="page_wrap' in head and _MESSAGE.search(head) is not None


def read_pages(source: DumpInput, options: Options) -> Iterator[LocatedRecords]:
    """Yield the messages of a page, or of each page in an archive."""
    for member in source.members():
        if member.name and not _PAGE_NAME.fullmatch(member.name.rpartition("/")[2]):
            continue
        content = read_whole(member.open(), options.max_bytes)
        if isinstance(content, Refused):
            yield refuse_file(member.source_file, content.reason)
            continue
        try:
            text = content.decode()
        except UnicodeDecodeError:
            yield refuse_file(member.source_file, "invalid_utf8")
            continue
        yield from _read_page(text, member.source_file, options)
    for source_file, reason in source.take_problems():
        yield refuse_file(source_file, reason)


def _read_page(html: str, source_file: str, options: Options) -> Iterator[LocatedRecords]:
    # Each message is parsed by itself: the parser takes quadratic time for nested elements.
    head, *pieces = _MESSAGE_START.split(html)
    title = _get_text(_parse(head, ".page_header .text"))
    chat = f"telegram:page-{hashlib.sha256(title.encode()).hexdigest()[:16]}/"
    author = ""
    for row, piece in enumerate(pieces, start=1):
        message = _parse(piece, "div.message")
        if message is None:
            yield LocatedRecords(source_file, row, 0, (Refused("line_too_long"),))
            continue
        name = _get_text(message.css_first(".body > .from_name"))
        is_joined = "joined" in (message.attributes.get("class") or "").split()
        # A message without a name continues those of the author before it.
        author = author if is_joined and not name else name.partition(" via @")[0].strip()
        record = _make_record(message, chat, title, author, options)
        yield LocatedRecords(source_file, row, len(piece), (record,))
    if not pieces:
        yield refuse_file(source_file, "no_messages")


def _parse(html: str, selector: str) -> LexborNode | None:
    """Return the first element of a piece of a page; null if there is none or it is too large."""
    if len(html) > _MAX_PIECE_CHARS or html.count("<") > _MAX_PIECE_TAGS:
        return None
    return LexborHTMLParser(html).css_first(selector)


def _make_record(
    message: LexborNode, chat: str, title: str, author: str, options: Options
) -> Record:
    if "service" in (message.attributes.get("class") or "").split():
        return Skipped("service")
    found = _NUMBER.fullmatch(message.attributes.get("id") or "")
    if found is None:
        return Refused("no_id")
    if not options.consented:
        return Post(f"telegram:private/0/{found[1]}", "", withdrawn="private")
    forwarded = message.css_first(".forwarded")
    link = message.css_first(".reply_to a")
    target = (link.attributes.get("href") or "") if link is not None else ""
    answered = _NUMBER.search(target.rpartition("#")[2])
    original = _get_own_text(forwarded.css_first(".from_name")) if forwarded is not None else None
    is_repost = forwarded is not None
    date = message.css_first(".date")
    return Post(
        chat + found[1],
        _read_text(message, options.mask),
        "repost" if is_repost else "reply" if answered else "post",
        author or None,
        title or None,
        _parse_date((date.attributes.get("title") or "") if date is not None else "", options),
        parent_id=chat + answered[1] if answered and not is_repost else None,
        bot=True if " via @" in _get_text(message.css_first(".body > .from_name")) else None,
        withdrawn="deleted" if author == _DELETED_ACCOUNT else None,
        original_author=original or None,
    )


def _read_text(message: LexborNode, mask: bool) -> str:
    node = message.css_first(".body .text:not(.bold)") or message.css_first("div.text")
    html = (node.html or "") if node is not None else ""
    text = html_to_text(_NAMED_PERSON.sub("@user", html) if mask else html)
    poll = message.css_first(".media_poll")
    if poll is None:
        return text
    # "- North hide", and behind it how many chose it.
    answers = [_get_own_text(answer).removeprefix("- ") for answer in poll.css(".answer")]
    return join_title(text, join_poll(_get_text(poll.css_first(".question")), answers))


def _get_text(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""


def _get_own_text(node: LexborNode | None) -> str:
    """Return the text of an element without the details in it, such as a date."""
    return " ".join(node.text(deep=False).split()) if node is not None else ""


def _parse_date(written: str, options: Options) -> int | None:
    found = _DATE.fullmatch(written)
    if found is None:
        return mark_unreadable() if written else None
    try:
        day = datetime.strptime(found[1], "%d.%m.%Y %H:%M:%S")
    except ValueError:
        return mark_unreadable()
    if found[2] is None:
        return parse_given_time(None, day.isoformat(), options.offset)
    minutes = int(found[2][1:]) * 60 + int(found[3])
    return parse_given_time(None, day.isoformat(), -minutes if found[2][0] == "-" else minutes)
