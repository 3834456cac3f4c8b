"""Read the export that Tumblr gives to a blog's owner: ``posts.xml``, or a page for each post.

The posts of ``posts.xml`` say whether they are published; the pages of older exports do not, so
they are private without the owner's consent. Nothing but posts is opened: neither messages nor
other data of the account, and submissions and drafts count as private. Pages show the clock of the
blog, without its zone.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from selectolax.lexbor import LexborHTMLParser

from corpus.formats.byte_source import ByteSource
from corpus.formats.pieces import iter_pieces
from corpus.readers.batches import read_whole
from corpus.readers.contract import LocatedRecords, Post, Record, Refused, Unreadable

#: A post in the form of the API, as ``tumblr`` decodes it.
ApiPost = dict[str, Any]


class PostFile(NamedTuple):
    """A file of posts in an export."""

    name: str  # its path in the export
    source_file: str
    content: ByteSource


class Options(NamedTuple):
    """What to read."""

    consented: bool
    offset: int | None  # of the clock in pages, in minutes ahead of UTC
    blog: str | None  # the author of posts in pages
    max_bytes: int


_POST = re.compile(rb"<post\s")
_BLOG = re.compile(rb"<tumblelog\s[^<>]{0,2000}?\bname=\"([^\"<>]{1,200})\"")
_PAGE_NAME = re.compile(r"([0-9]{1,19})\.html")
_PRIVATE_FOLDERS = frozenset(("submissions", "drafts", "queue", "private"))
_TYPES = {"regular": "text", "conversation": "chat"}
# The elements of each type, and the keys of the API for them.
_ELEMENTS = {
    **{"regular-title": "title", "regular-body": "body", "question": "question"},
    **{"answer": "answer", "quote-text": "text", "quote-source": "source", "link-text": "title"},
    **{"link-description": "description", "photo-caption": "caption"},
    **{"audio-caption": "caption", "video-caption": "caption", "conversation-title": "title"},
}
_HTML_KEYS = ("body", "caption", "answer", "description")
# A reblog begins with the blog before it, whose post is quoted; more of them are in the quote.
_REBLOG_HEADER = re.compile(
    r"<p>\s{0,9}<a\s([^<>]{0,500}\btumblr_blog\b[^<>]{0,500})>([^<>]{0,200})</a>\s{0,9}:?\s{0,9}</p>"
)
_REBLOGGED_FROM = re.compile(
    r"<p>\s{0,9}Reblogged from\s{0,9}<a\s([^<>]{0,1000})>([^<>]{0,200})</a>\s{0,9}:?\s{0,9}</p>"
)
_QUOTE_TAG = re.compile(r"<(/?)blockquote\b[^<>]{0,500}>", re.I)
_POST_ADDRESS = re.compile(r"/post/([0-9]{1,19})")
_TIME = re.compile(
    r"([A-Z][a-z]{2})[a-z]{0,6} ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})"
    r"(?: ([0-9]{1,2}):([0-9]{2}) ?([ap])m)?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Larger than any post; the parser takes quadratic time for nested elements.
_MAX_PAGE_CHARS, _MAX_PAGE_TAGS = 1 << 18, 8192


def is_xml(head: bytes) -> bool:
    """Return whether a file that begins so is a ``posts.xml``."""
    return _begins_with_tag(head) and b"<tumblr" in head and b"<posts" in head


def is_page(head: bytes) -> bool:
    """Return whether a file that begins so is the page of a post."""
    return _begins_with_tag(head) and b'id="footer"' in head and b'id="timestamp"' in head


def _begins_with_tag(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def is_post_file(name: str) -> bool:
    """Return whether a member of an export has posts."""
    parts = name.replace("!", "/").split("/")
    if parts[-1] == "posts.xml":
        return True
    return _PAGE_NAME.fullmatch(parts[-1]) is not None and "html" in parts[:-1]


def find_posts(names: Iterable[str]) -> float:
    """Return how well the names in an archive or a folder fit an export."""
    score = 0.0
    for name in names:
        if name.endswith("posts/posts.xml") or (is_post_file(name) and name.endswith(".html")):
            return 1.0
        if name.rpartition("/")[2] == "posts.zip":
            score = 0.6
    return score


def read_export(
    files: Iterable[PostFile | LocatedRecords],
    options: Options,
    make_record: Callable[[ApiPost], Record],
) -> Iterator[LocatedRecords]:
    """Yield the posts of an export, and what else was found in place of a file.

    ``make_record`` decodes a post in the form of the API.
    """
    for file in files:
        if isinstance(file, LocatedRecords):
            yield file
        elif file.name.endswith(".xml"):
            yield from _read_xml(file, options, make_record)
        else:
            records = _read_page(file, options, make_record)
            yield LocatedRecords(file.source_file, 1, 0, records)


def _read_xml(
    file: PostFile, options: Options, make_record: Callable[[ApiPost], Record]
) -> Iterator[LocatedRecords]:
    blog: str | None = options.blog
    row = 0
    for row, piece in enumerate(iter_pieces(file.content, _POST, options.max_bytes)):
        if row == 0 and not piece.problem:
            found = _BLOG.search(piece.data)
            blog = found[1].decode("utf-8", "replace") if found else blog
            continue
        records: Sequence[Record] = (Refused(piece.problem),)
        if not piece.problem:
            post = _parse_xml(piece.data, blog)
            records = (post,) if isinstance(post, Refused) else _decode(post, make_record)
        yield LocatedRecords(file.source_file, max(row, 1), len(piece.data), records)
    if not row:
        yield LocatedRecords(file.source_file, 0, 0, (Refused("no_posts"),))


def _decode(post: ApiPost, make_record: Callable[[ApiPost], Record]) -> Sequence[Record]:
    try:
        return (make_record(post),)
    except Refused as refusal:
        return (refusal,)
    except msgspec.ValidationError:
        return (Refused("wrong_type"),)


def _parse_xml(data: bytes, blog: str | None) -> ApiPost | Refused:
    """Return a post of ``posts.xml`` in the form of the API."""
    end = data.rfind(b"</post>")
    try:
        # An element has no declarations, so it cannot define entities.
        element = ElementTree.fromstring(data[: end + 7] if end >= 0 else data.rstrip())
    except (ElementTree.ParseError, ValueError, LookupError):
        return Refused("malformed_xml")
    get = element.attrib.get
    kind = (get("type") or "").lower()
    post: ApiPost = {
        "id": get("id"),
        "blog_name": get("tumblelog") or blog,
        "type": _TYPES.get(kind, kind),
        "state": "private" if get("private") == "true" else get("state") or "published",
        "timestamp": get("unix-timestamp") or get("date-gmt"),
        "note_count": get("note-count"),
        "tags": [child.text for child in element.iterfind("tag") if child.text],
    }
    for child in element:
        key = _ELEMENTS.get(child.tag)
        if key and child.text and key not in post:
            post[key] = child.text
        elif child.tag == "conversation":
            post["dialogue"] = [
                {"label": line.get("label"), "phrase": line.text} for line in child.iterfind("line")
            ]
    if get("is_reblog") == "true" or get("reblogged-from-url"):
        key = next((key for key in _HTML_KEYS if post.get(key)), "body")
        _add_reblog(post, post.get(key) or "", get("reblogged-from-url") or "")
        post["reblogged_from_name"] = get("reblogged-from-name")
        root = _POST_ADDRESS.search(get("reblogged-root-url") or "")
        post["reblogged_root_id"] = root[1] if root else None
    return post


def _add_reblog(post: ApiPost, html: str, address: str) -> None:
    """Add what a reblog repeats, and what the blog adds to it, as the API has them apart.

    Without a quote all of the text is that of the post before.
    """
    html = html.strip()
    header = _find_header(html)
    repeated, own = _split_quote(html[header.end() :] if header else html)
    number = _POST_ADDRESS.search(address) or (_POST_ADDRESS.search(header[1]) if header else None)
    item: ApiPost = {"content": repeated, "blog": {"name": header[2] if header else None}}
    item["post"] = {"id": number[1] if number else None}
    post["trail"], post["reblog"] = [item], {"comment": own}


def _find_header(html: str) -> re.Match[str] | None:
    """Return the paragraph with the blog before, with which the text of a reblog begins."""
    return _REBLOG_HEADER.match(html) or _REBLOGGED_FROM.match(html)


def _split_quote(html: str) -> tuple[str, str]:
    """Return the inside of the quote with which a text begins, and what follows it."""
    depth, start = 0, -1
    for tag in _QUOTE_TAG.finditer(html):
        if start < 0:
            if html[: tag.start()].strip() or tag[1]:
                break
            start = tag.end()
        depth += -1 if tag[1] else 1
        if not depth:
            return html[start : tag.start()], html[tag.end() :]
    return html, ""


def _read_page(
    file: PostFile, options: Options, make_record: Callable[[ApiPost], Record]
) -> Sequence[Record]:
    content = read_whole(file.content, options.max_bytes)
    if isinstance(content, Refused):
        return (content,)
    parts = file.name.replace("!", "/").split("/")
    name = _PAGE_NAME.fullmatch(parts[-1])
    if name is None:
        return (Refused("no_id"),)
    if not options.consented or not _PRIVATE_FOLDERS.isdisjoint(parts):
        return (Post(f"tumblr:{name[1]}", "", withdrawn="private"),)
    try:
        html = content.decode()
    except UnicodeDecodeError:
        return (Refused("invalid_utf8"),)
    if len(html) > _MAX_PAGE_CHARS or html.count("<") > _MAX_PAGE_TAGS:
        return (Refused("line_too_long"),)
    page = LexborHTMLParser(html)
    footer = page.css_first("body #footer")
    shown = page.css_first("#timestamp")
    time = _parse_time(" ".join(shown.text().split()) if shown is not None else "", options.offset)
    post: ApiPost = {
        "id": name[1],
        "blog_name": options.blog,
        "type": "text",
        "timestamp": time,
        "tags": [tag.text().strip() for tag in footer.css(".tag")] if footer is not None else [],
    }
    if footer is not None:
        footer.decompose()
    body = page.body.inner_html if page.body is not None else None
    post["body"] = (body or "").strip()
    if _find_header(post["body"]):
        _add_reblog(post, post["body"], "")
    records = _decode(post, make_record)
    return (*records, Unreadable("created_at")) if shown is not None and time is None else records


def _parse_time(written: str, offset: int | None) -> str | None:
    """Return the time of a page as ISO 8601; null if its zone is not known."""
    found = _TIME.fullmatch(written)
    if found is None or found[1] not in _MONTHS or offset is None or not found[4]:
        return None
    hour = int(found[4]) % 12 + (12 if found[6] == "p" else 0)
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    month = _MONTHS.index(found[1]) + 1
    return f"{found[3]}-{month:02}-{int(found[2]):02}T{hour:02}:{found[5]}:00{zone}"
