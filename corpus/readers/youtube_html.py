"""Read the pages of the owner's comments and live chat messages in Takeout's exports until 2023.

An entry is ``<li>``, a sentence in the owner's language with links and a time, ``<br>`` and the
text. Messages of live chats have no ids: theirs is a hash of the video, the time and the row.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from html import unescape

from corpus.formats.byte_source import ByteSource
from corpus.formats.html import html_to_text
from corpus.formats.pieces import iter_pieces
from corpus.formats.times import parse_micros
from corpus.readers.contract import LocatedRecords, Post, Record, Refused, Unreadable

_ENTRY = re.compile(rb"<li\b[^<>]{0,200}>", re.I)
_HREF = re.compile(r'<a\s[^<>]{0,200}?href="([^"<>]{1,1000})"', re.I)
_PAGE = re.compile(
    rb'<li\b[^<>]{0,200}>[^<>]{0,300}<a\s[^<>]{0,200}href="https?://(?:www\.|m\.)?youtube\.com/'
    rb"(?:watch|post|channel|community)",
    re.I,
)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?")
_BYTE_TIME = re.compile(_TIME.pattern.encode())
_COMMENT_ID = re.compile(r"[?&]lc=([A-Za-z0-9_.-]{1,100})")
_VIDEO_ID = re.compile(r"(?:[?&]v=|youtu\.be/)([A-Za-z0-9_-]{1,50})")
_BREAK = re.compile(r"<br\s*/?>", re.I)
_END = re.compile(r"</li\s*>|</ul\s*>", re.I)
_SENTENCE_END = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?: UTC)?\.?")


def is_page(head: bytes) -> bool:
    """Return whether a file that begins so is a page of comments or of live chat messages."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"<":
        return False
    return _PAGE.search(head) is not None and _BYTE_TIME.search(head) is not None


def read_page(source: ByteSource, source_file: str, max_bytes: int) -> Iterator[LocatedRecords]:
    """Yield the entries of a page."""
    pieces = iter_pieces(source, _ENTRY, max_bytes)
    for row, piece in enumerate(pieces):
        if row == 0 and not piece.problem:
            continue  # the head of the page
        records = (Refused(piece.problem),) if piece.problem else _decode_entry(piece.data, row)
        yield LocatedRecords(source_file, max(row, 1), len(piece.data), records)


def _decode_entry(data: bytes, row: int) -> Sequence[Record]:
    try:
        html = data.decode()
    except UnicodeDecodeError:
        return (Refused("invalid_utf8"),)
    html = _END.split(html)[0]
    sentence, body = _split_entry(html)
    links = [unescape(link) for link in _HREF.findall(sentence)]
    found = [match[1] for match in map(_COMMENT_ID.search, links) if match]
    video = next((match[1] for match in map(_VIDEO_ID.search, links) if match), None)
    time = _TIME.search(sentence)
    created = parse_micros(f"{time[1]}T{time[2]}Z") if time else None
    own = found[0] if found else ""
    if not own and (video is None or time is None):
        return (Refused("no_id"),)
    if body is None:
        return (Refused("no_text"),)
    name, root = own, own.partition(".")[0]
    if not own:
        identity = f"{video}\0{time[0] if time else ''}\0{row}"
        name = f"chat-{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
    # A reply's sentence also links the comment that it answers; its id begins with the first one's.
    parent = next((one for one in found[1:] if one != own), root if root != own else "")
    post = Post(
        f"youtube:{name}",
        html_to_text(body).strip(),
        "reply" if parent else "post",
        community=video,
        created_at=created,
        parent_id=f"youtube:{parent}" if parent else None,
        root_id=f"youtube:{root}" if parent and root != own else None,
    )
    return (post, Unreadable("created_at")) if created is None else (post,)


def _split_entry(html: str) -> tuple[str, str | None]:
    """Return the sentence of an entry and its text; null if there is none."""
    found = _BREAK.search(html) or _SENTENCE_END.search(html)
    if found is None:
        return html, None
    end = found.start() if html[found.start()] == "<" else found.end()
    return html[:end], html[found.end() :]
