"""Read mbox files of Usenet groups and mailing lists: one message after another, as mail.

A post's id is ``mbox:`` and a hash of the message's ``Message-ID``, which may contain an address.
Messages that their author did not want in archives (``X-No-Archive: yes``) are withdrawn. So is
what comes from somebody's own mailbox, without text or author, unless the plan has
``consented: true``.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import parseaddr

from pydantic import Field

from corpus.formats.dump_input import DumpInput
from corpus.formats.html import html_to_text
from corpus.formats.lines import DumpMember, is_binary
from corpus.formats.raw_lines import RawLine, iter_raw_lines
from corpus.formats.times import UNREADABLE, parse_given_micros
from corpus.readers.batches import read_records, refuse_file, refuse_problems
from corpus.readers.contract import (
    Batch,
    Cursor,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
)
from corpus.readers.text_parts import join_title

PLATFORM = "mbox"
VERSION = 2
TOMBSTONES = True


class Config(ReaderConfig):
    """Which messages are read, and what of them."""

    consented: bool = Field(
        default=False,
        description="also read messages of somebody's own mailbox: everybody who wrote them has "
        "agreed",
    )
    signatures: bool = Field(
        default=False, description="keep the signature, which begins with a line '-- '"
    )
    with_alt: bool = Field(
        default=False, description="images in mail of HTML become their descriptions"
    )


_FROM_DATE = re.compile(rb"From \S.* [A-Z][a-z]{2} +[A-Z][a-z]{2} +\d{1,2} +\d\d:\d\d")
# The archives of Usenet groups have a number, and some programs an address alone.
_FROM_SENDER = re.compile(rb"From (?:-?\d+\s*$|\S*@\S)")
_HEADER = re.compile(rb"[!-9;-~]{1,80}:")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")
_LIST_ID = re.compile(r"<([^<>\s]{1,300})>")
_LIST_HEADERS = ("newsgroups", "list-id", "list-post", "x-mailing-list", "mailing-list")
# Mail programs write these into the mailbox of their user.
_MAILBOX_HEADERS = ("x-gmail-labels", "x-gm-thrid", "x-mozilla-status", "x-mozilla-keys")
_DELIVERY_HEADERS = ("delivered-to", "x-original-to", "return-path", "received")
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)
_MAX_SIGNATURE_LINES = 30
_NO_ARCHIVE = re.compile(r"\s*X-No-Archive:\s*yes\b[^\n]*", re.IGNORECASE)
_ENCODED_FILE = re.compile(
    r"^begin [0-7]{3,4} [^\n]{1,200}\n(?:[ -`]{1,62}\n)+?end$"
    r"|^=ybegin [^\n]{1,300}\n(?:(?!=yend|=ybegin)[^\n]*\n)*=yend[^\n]*$",
    re.MULTILINE,
)
_SLOW_CODECS = ("idna", "punycode")  # of domains; both take quadratic time
#: What Python's email package raises at headers and encodings that are not those of mail.
_MAIL_ERRORS = (
    *(ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError),
    MessageError,
)


def fits(sample: Sample) -> float:
    """Return 1 if the file begins with a message behind a line ``From …``."""
    first, _, rest = sample.head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if not first.startswith(b"From ") or not _HEADER.match(rest):
        return 0.0
    names = {line.partition(b":")[0].lower() for line in rest.split(b"\n")[:100]}
    return 1.0 if names & {b"from", b"subject", b"message-id", b"date"} else 0.0


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one file, or of the files in an archive, in batches."""
    with DumpInput(path) as source:
        yield from read_records(
            _read_files(source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _read_files(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    for member in source.members():
        yield from refuse_problems(source.take_problems())
        if is_binary(member.open().head):
            yield refuse_file(member.source_file, "not_text")
        else:
            yield from _read_file(member, config)
    yield from refuse_problems(source.take_problems())


def _read_file(member: DumpMember, config: Config) -> Iterator[LocatedRecords]:
    file, max_bytes = member.source_file, config.max_line_mb << 20
    lines: list[bytes] = []
    start, size, problem = 0, 0, ""  # of the message; no message has begun at line 0
    is_refused = False  # whether lines in front of a message were refused

    def finish() -> Iterator[LocatedRecords]:
        if start and problem:
            yield LocatedRecords(file, start, 0, (Refused(problem),))
        elif start:
            yield LocatedRecords(file, start, size, _decode(b"\n".join(lines), config))

    for row, line, is_start in _find_starts(iter_raw_lines(member.open(), max_bytes)):
        if is_start:
            yield from finish()
            lines, start, size, problem = [], row, 0, ""
        elif line.problem and not start:
            yield LocatedRecords(file, row, 0, (Refused(line.problem),))
        elif not start:
            if line.data.strip() and not is_refused:
                is_refused = True
                yield LocatedRecords(file, row, len(line.data), (Refused("no_message"),))
        else:
            size += len(line.data) + 1
            problem = problem or line.problem or ("line_too_long" if size > max_bytes else "")
            if problem:
                lines = []
            else:
                lines.append(line.data)
    yield from finish()


def _find_starts(lines: Iterator[RawLine]) -> Iterator[tuple[int, RawLine, bool]]:
    """Yield the number of each line, the line, and whether a message begins with it.

    A message begins with ``From `` and a date, or with ``From `` and a number or an address behind
    an empty line; a header follows.
    """
    held: tuple[int, RawLine] | None = None
    is_behind_empty = True
    for row, line in enumerate(lines, start=1):
        data = line.data.removeprefix(b"\xef\xbb\xbf") if row == 1 else line.data
        if held is not None:
            yield *held, _HEADER.match(data) is not None
            held = None
        if data.startswith(b"From ") and (
            _FROM_DATE.match(data, 0, 300) or (is_behind_empty and _FROM_SENDER.match(data, 0, 300))
        ):
            held = row, line
        else:
            yield row, line, False
        is_behind_empty = not data.strip() and not line.problem
    if held is not None:
        yield *held, False


def _decode(data: bytes, config: Config) -> Sequence[Record]:
    try:
        message = BytesParser(policy=compat32).parsebytes(_ESCAPED.sub(rb"\1", data))
        return _make_records(message, data, config)
    except _MAIL_ERRORS:
        return (Refused("malformed_mail"),)


def _make_records(message: Message, data: bytes, config: Config) -> Sequence[Record]:
    headers: dict[str, str] = {}
    for key, value in message.raw_items():
        headers.setdefault(key.lower(), _decode_header(str(value)))
    control = headers.get("control", "").split()
    if control:
        cancelled = _MESSAGE_ID.findall(" ".join(control[1:]))
        if control[0].lower() == "cancel" and cancelled:
            return (Tombstone("id", _make_id(cancelled[0]), "deleted_later"),)
        return (Skipped("service"),)
    ids = _MESSAGE_ID.findall(headers.get("message-id", ""))
    # Without an id, the headers name a message.
    name = _make_id(ids[0] if ids else data.partition(b"\n\n")[0].decode("latin-1"))
    superseded = [
        Tombstone("id", _make_id(each), "superseded")
        for each in _MESSAGE_ID.findall(headers.get("supersedes", ""))
    ]
    if not config.consented and _is_of_mailbox(headers):
        return (Post(name, "", withdrawn="private"), *superseded)
    text, skipped = _read_body(message, config.with_alt)
    if _has_opt_out(headers, text):
        return (Post(name, "", withdrawn="opted_out"), *superseded)
    text, files = _ENCODED_FILE.subn("", text)
    if not config.signatures:
        text = _cut_signature(text)
    references = _MESSAGE_ID.findall(headers.get("references", ""))
    parents = _MESSAGE_ID.findall(headers.get("in-reply-to", ""))[:1] or references[-1:]
    text = text.strip("\n").rstrip()
    if not parents:
        text = join_title(" ".join(headers.get("subject", "").split()), text)
    counted = [Skipped("attachment")] * (skipped + files)
    if not text:
        return (*superseded, *(counted or (Skipped("no_words"),)))
    post = Post(
        name,
        text,
        "reply" if parents else "post",
        _make_author(headers.get("from", "")),
        _find_community(headers),
        _find_time(headers),
        parent_id=_make_id(parents[0]) if parents else None,
        root_id=_make_id(references[0]) if references else None,
    )
    return (post, *superseded, *counted)


def _cut_signature(text: str) -> str:
    """Return a text without the signature at its end; a longer end is not one."""
    starts = [match.start() for match in _SIGNATURE.finditer(text)]
    is_last = bool(starts) and text.count("\n", starts[-1]) <= _MAX_SIGNATURE_LINES
    return text[: starts[-1]] if is_last else text


def _make_id(message_id: str) -> str:
    return f"mbox:{hashlib.sha256(message_id.encode('utf-8', 'replace')).hexdigest()[:24]}"


def _is_of_mailbox(headers: dict[str, str]) -> bool:
    """Return whether a message was taken from a mailbox, or was never sent to a list or group."""
    if any(name in headers for name in _MAILBOX_HEADERS):
        return True
    if any(name in headers for name in _LIST_HEADERS):
        return False
    # The public archives of lists have neither the headers of a list nor those of delivery.
    return any(name in headers for name in _DELIVERY_HEADERS)


def _has_opt_out(headers: dict[str, str], text: str) -> bool:
    return (
        headers.get("x-no-archive", "").strip().lower().startswith("yes")
        or headers.get("archive", "").strip().lower().startswith("no")
        or _NO_ARCHIVE.match(text) is not None
    )


def _make_author(value: str) -> str | None:
    """Return the address of the author, or the name without one."""
    name, address = parseaddr(re.sub(r"(?<=\S) at (?=\S+\.)", "@", value[:1000]))
    return (address if "@" in address else "") or name or value.strip() or None


def _find_community(headers: dict[str, str]) -> str | None:
    groups = [each.strip() for each in headers.get("newsgroups", "").split(",")]
    found = _LIST_ID.search(headers.get("list-id", ""))
    return next(filter(None, groups), None) or (found[1] if found else None)


def _find_time(headers: dict[str, str]) -> int | None:
    dates = [headers.get(name) for name in ("date", "nntp-posting-date", "x-original-date")]
    times = [parse_given_micros(" ".join(date.split())) for date in dates if date]
    return next((time for time in times if time not in (None, UNREADABLE)), (*times, None)[0])


def _decode_header(raw: str) -> str:
    """Return a header's text: its encoded words decoded, and bytes that nothing declares."""
    raw = _decode_text(raw.encode("ascii", "surrogateescape"), None) if not raw.isascii() else raw
    if "=?" not in raw:
        return raw
    try:
        pieces = decode_header(raw.replace("\r", "").replace("\n", ""))
    except (ValueError, MessageError):
        return raw  # as it is written
    return "".join(
        _decode_text(piece, charset) if isinstance(piece, bytes) else piece
        for piece, charset in pieces
    )


def _decode_text(data: bytes, charset: str | None) -> str:
    """Decode bytes by their charset, or by the first usual one that fits."""
    for name in (charset, "utf-8", "cp1252"):
        with suppress(LookupError, ValueError):
            if name and codecs.lookup(name).name not in _SLOW_CODECS:
                return data.decode(name)
    return data.decode("latin-1")


def _read_body(message: Message, with_alt: bool) -> tuple[str, int]:
    """Return the text of a message, and the number of parts that are not text."""
    texts: list[str] = []
    skipped = 0
    # The parts to read; those of an attached message are not its author's words.
    waiting = [message]
    while waiting:
        part = waiting.pop()
        kind, payload = part.get_content_type(), part.get_payload()
        if kind.startswith("message/"):
            skipped += 1
        elif isinstance(payload, list):
            parts = [each for each in payload if isinstance(each, Message)]
            if kind == "multipart/alternative":
                parts = _choose_alternative(parts)
            waiting += reversed(parts)
        elif part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            skipped += 1
        elif kind in ("text/plain", "text/html"):
            content = part.get_payload(decode=True)
            charset = part.get_content_charset()
            text = _decode_text(content if isinstance(content, bytes) else b"", charset)
            text = text.replace("\r\n", "\n")
            texts.append(html_to_text(text, with_alt=with_alt) if kind == "text/html" else text)
        else:
            skipped += 1
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()), skipped


def _choose_alternative(parts: list[Message]) -> list[Message]:
    """Return the plain form of a text, or the last of its forms."""
    plain = [part for part in parts if part.get_content_type() == "text/plain"]
    return plain[:1] or parts[-1:]
