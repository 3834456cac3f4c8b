"""Read Tumblr: posts as its API v2 returns them, in pages or one on each line, and its exports.

Both forms are read: blocks of content (NPF), and the older types with HTML (text, photo, quote,
link, chat, answer, …). A reblog without words is a repost with the text of the last post of its
trail; with words it is a quote that has only these, and the post before it as its parent.

Drafts, queued and private posts are counted as withdrawn, without their text, as are the posts of
deactivated blogs. The export of an account, a zip or its unpacked folder, is read by
:mod:`corpus.readers.tumblr_export`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from pydantic import Field

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.zip_archive import is_zip
from corpus.formats.dump_input import DumpInput
from corpus.formats.html import html_to_text
from corpus.formats.times import parse_given_int64, parse_given_micros
from corpus.readers.batches import (
    decode_value,
    read_lines,
    read_records,
    refuse_file,
    refuse_problems,
)
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
    UtcOffsetMinutes,
)
from corpus.readers.text_parts import join_poll, join_title, quote_lines
from corpus.readers.tumblr_export import (
    ApiPost,
    Options,
    PostFile,
    find_posts,
    is_page,
    is_post_file,
    is_xml,
    read_export,
)
from corpus.storage import filesystem

T = TypeVar("T")

FOLDERS = True  # an unpacked export
ACCOUNT_FILES = ("posts.zip", "*.html")
PLATFORM = "tumblr"
VERSION = 3
TOMBSTONES = True


class Config(JsonConfig):
    """What to read of each post."""

    with_tags: bool = Field(default=False, description="add a post's tags to its text, as #tag")
    with_alt: bool = Field(default=False, description="add the descriptions of pictures to a text")
    consented: bool = Field(
        default=False,
        description="the owner has agreed that the posts of an export in HTML are used, which do "
        "not say who can see them; without it they are withdrawn as private",
    )
    account: str = Field(
        default="", description="the name of the blog, as the author of posts that do not name it"
    )
    utc_offset_minutes: UtcOffsetMinutes | None = Field(
        default=None,
        description="the zone of the times in an export in HTML, as minutes ahead of UTC; without "
        "it their posts have no time",
    )


class _Blog(msgspec.Struct, gc=False):
    name: str | None = None
    is_private_channel: Any = None
    is_password_protected: Any = None


class _Answer(msgspec.Struct, gc=False):
    answer_text: str | None = None


class _Block(msgspec.Struct, gc=False):
    """A block of content."""

    type: str | None = None
    subtype: str | None = None
    text: str | None = None
    title: str | None = None
    description: str | None = None
    caption: str | None = None
    alt_text: str | None = None
    question: str | None = None
    answers: list[_Answer] | None = None


class _Layout(msgspec.Struct, gc=False):
    """How blocks are shown; in an ask, which of them are the question."""

    type: str | None = None
    blocks: list[Any] | None = None


class _PostId(msgspec.Struct, gc=False):
    id: JsonScalar = None
    id_string: str | None = None


class _TrailItem(msgspec.Struct):
    """A post that a post reblogs, or, in HTML, the post itself."""

    blog: _Blog | None = None
    broken_blog_name: str | None = None
    post: _PostId | None = None
    content: str | list[_Block] | None = None
    content_raw: str | None = None
    layout: Any = None
    is_current_item: Any = None


class _Reblog(msgspec.Struct, gc=False):
    comment: str | None = None


class _ChatLine(msgspec.Struct, gc=False):
    label: str | None = None
    phrase: str | None = None


class _Post(msgspec.Struct):
    """A post of either form. Parts that few posts have are loosely typed."""

    id: JsonScalar = None
    id_string: str | None = None
    object_type: str | None = None
    blog_name: str | None = None
    blog: _Blog | None = None
    type: str | None = None
    state: str | None = None
    timestamp: JsonScalar = None
    date: JsonScalar = None
    tags: Any = None
    note_count: JsonScalar = None
    is_nsfw: Any = None
    reblogged_from_id: JsonScalar = None
    reblogged_from_name: str | None = None
    reblogged_root_id: JsonScalar = None
    parent_post_id: JsonScalar = None
    trail: Any = None
    content: list[_Block] | str | None = None
    layout: Any = None
    reblog: Any = None
    title: str | None = None
    body: str | None = None
    caption: str | None = None
    text: str | None = None
    source: str | None = None
    description: str | None = None
    question: str | None = None
    answer: str | None = None
    dialogue: Any = None


class _Page(_Post):
    """An answer of the API around posts, or one post."""

    response: msgspec.Raw = msgspec.Raw()
    posts: list[msgspec.Raw] | None = None
    errors: Any = None


_PUBLIC_STATES = (None, "published")
_DEACTIVATED = re.compile(r".{1,100}-deactivated[0-9]{0,8}")
# Above each quoted post in the HTML of a reblog.
_REBLOG_HEADER = re.compile(
    r"<p>\s{0,9}<a [^<>]{0,500}\btumblr_blog\b[^<>]{0,500}>[^<>]{0,200}</a>\s{0,9}:?\s{0,9}</p>"
)
_LIST_MARKS = {"ordered-list-item": "1. ", "unordered-list-item": "- "}
_ONE_LINE = (*_LIST_MARKS, "chat")
_HEAD_BYTES = 1 << 14

_parse_page = msgspec.json.Decoder(_Page).decode
_parse_post = msgspec.json.Decoder(_Post).decode
_parse_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are posts of blogs, or answers with some; 1 for an export."""
    if is_xml(sample.head[:_HEAD_BYTES]) or is_page(sample.head[:_HEAD_BYTES]):
        return 1.0
    return find_posts(sample.members) or sample.matching_share(_is_post_or_page)


def _is_post_or_page(row: dict[str, Any]) -> bool:
    inner = row.get("response", row)
    posts = inner.get("posts") if isinstance(inner, dict) else inner
    if isinstance(posts, list):
        rows = [post for post in posts if isinstance(post, dict)]
        return bool(rows) and all(map(_is_post, rows))
    return _is_post(row)


def _is_post(row: dict[str, Any]) -> bool:
    has_name = "blog_name" in row or "tumblelog" in row
    return has_name and "id" in row and bool({"reblog_key", "note_count", "trail"} & row.keys())


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one file, or of one export, in batches."""
    decoder = PostDecoder(config)
    if filesystem.is_folder(path):
        with Bundle(path) as bundle:
            located = _read_export(_list_files(bundle), path, config, decoder)
            yield from read_records(
                located, bundle, platform=PLATFORM, part_posts=part_posts, start=start
            )
    elif _is_export(path):
        with DumpInput(path, is_post_file if is_zip(path) else None) as source:
            located = _read_export(_list_members(source), path, config, decoder)
            yield from read_records(
                located, source, platform=PLATFORM, part_posts=part_posts, start=start
            )
    else:
        yield from read_lines(
            path, config, decoder.decode, platform=PLATFORM, part_posts=part_posts, start=start
        )


def _is_export(path: str) -> bool:
    """Return whether a file is a zip with the posts of an export, or a file of them."""
    if is_zip(path):
        with Bundle(path) as bundle:
            return any(map(is_post_file, bundle.names())) or find_posts(bundle.names()) > 0
    with DumpInput(path) as source:
        for member in source.members():
            head = b"" if member.name else member.open().peek(_HEAD_BYTES)
            return is_xml(head) or is_page(head)
    return False


def _list_files(bundle: Bundle) -> Iterator[PostFile | LocatedRecords]:
    """Yield the files of posts in a folder, those in a ``posts.zip`` included, and its problems."""
    yield from refuse_problems(bundle.problems)
    for name in bundle.find_files("*"):
        if is_post_file(name):
            yield PostFile(name, bundle.source_file(name), bundle.open(name))
        elif name.rpartition("/")[2] == "posts.zip":
            bundle.open(name)  # so that the hash of the folder covers it
            with DumpInput(bundle.source_file(name), is_post_file) as source:
                yield from _list_members(source)


def _list_members(source: DumpInput) -> Iterator[PostFile | LocatedRecords]:
    for member in source.members():
        content = member.open()
        name = member.name or source.path
        if not member.name and is_xml(content.peek(_HEAD_BYTES)):
            name = "posts.xml"  # whatever the file is called
        yield PostFile(name, member.source_file, content)
    yield from refuse_problems(source.take_problems())


def _read_export(
    files: Iterable[PostFile | LocatedRecords], path: str, config: Config, decoder: PostDecoder
) -> Iterator[LocatedRecords]:
    options = Options(
        config.consented,
        config.utc_offset_minutes,
        config.account or None,
        config.max_line_mb << 20,
    )
    is_empty = True
    for located in read_export(files, options, decoder.make_record):
        is_empty = False
        yield located
    if is_empty:
        yield refuse_file(path, "no_posts")


class PostDecoder:
    """Decodes lines to posts."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._to_text = partial(html_to_text, with_alt=config.with_alt)

    def decode(self, line: bytes) -> Sequence[Record]:
        """Decode a line: a post, or an answer of the API."""
        row = _parse_page(line)
        response, posts = bytes(row.response), row.posts
        if response[:1] == b"{":
            posts = _parse_page(response).posts or []
        elif response[:1] == b"[":
            posts = _parse_list(response)
        if posts is None:
            return (Skipped("error"),) if row.errors is not None else (self._make_record(row),)
        records = [
            record
            for post in posts
            for record in decode_value(
                bytes(post), lambda data: (self._make_record(_parse_post(data)),)
            )
        ]
        return records or (Skipped("empty_page"),)

    def make_record(self, post: ApiPost) -> Record:
        """Make the record of a post in the form of the API."""
        return self._make_record(msgspec.convert(post, _Post))

    def _make_record(self, row: _Post) -> Record:
        if row.object_type not in (None, "post"):
            return Skipped("not_a_post")  # of a dashboard
        number = _parse_id(row.id_string) or _parse_id(row.id)
        if not number:
            raise Refused("no_id")
        name, blog = f"tumblr:{number}", row.blog or _Blog()
        author = row.blog_name or blog.name
        trail = _convert(row.trail, list[_TrailItem]) or []
        before = [item for item in trail if item.is_current_item is not True]
        own = self._read_own_text(row, trail, is_reblog=_is_reblog(row, before))
        if own is None:
            raise Refused("no_text")
        text, kind, parent, writer = own, "post", None, None
        root = name
        if _is_reblog(row, before):
            kind = "quote" if own.strip() else "repost"
            last = before[-1] if before else _TrailItem()
            last_id = _parse_trail_id(last) or _parse_id(row.reblogged_from_id)
            last_id = last_id or _parse_id(row.parent_post_id)
            parent = f"tumblr:{last_id}" if last_id else None
            first = _parse_id(row.reblogged_root_id) or (
                _parse_trail_id(before[0]) if before else ""
            )
            root = f"tumblr:{first}" if first else ""
            if kind == "repost":
                writer = _name_blog(last) or row.reblogged_from_name
                text = self._read_repeated_text(row, before)
        withdrawn = "private" if _is_private(row, blog) else None
        if withdrawn is None and (_is_deactivated(author) or _is_deactivated(writer)):
            withdrawn = "deleted"
        if self._config.with_tags and isinstance(row.tags, list):
            tags = [f"#{tag}" for tag in row.tags if type(tag) is str and tag]
            text = "\n\n".join(filter(None, (text, " ".join(tags))))
        return Post(
            name,
            text if withdrawn is None else "",
            kind,
            author,
            created_at=parse_given_micros(row.timestamp if row.timestamp is not None else row.date),
            parent_id=parent,
            root_id=root or None,
            score=parse_given_int64(row.note_count),
            sensitive=row.is_nsfw if type(row.is_nsfw) is bool else None,
            withdrawn=withdrawn,
            original_author=writer,
        )

    def _read_own_text(
        self, row: _Post, trail: Sequence[_TrailItem], *, is_reblog: bool
    ) -> str | None:
        """Return what the blog itself wrote; null for a post without any content."""
        if isinstance(row.content, list):
            return self._read_blocks(row.content, row.layout)
        if not is_reblog:
            return self._read_typed_text(row, self._read_html(row))
        reblog = _convert(row.reblog, _Reblog)
        if reblog is not None and reblog.comment is not None:
            return self._to_text(reblog.comment)
        current = [item for item in trail if item.is_current_item is True]
        return self._read_item(current[-1]) if current else ""

    def _read_repeated_text(self, row: _Post, before: Sequence[_TrailItem]) -> str:
        """Return the text of the post that a reblog without words repeats."""
        if not before:
            return self._read_typed_text(row, self._read_html(row)) or ""
        text = self._read_item(before[-1])
        if isinstance(row.content, list) or len(before) > 1:
            return text
        return self._read_typed_text(row, text) or ""

    def _read_html(self, row: _Post) -> str:
        """Return the main text of a post of an older type."""
        html = row.body or row.caption or row.answer or row.description or ""
        return self._to_text(_REBLOG_HEADER.sub("", html))

    def _read_typed_text(self, row: _Post, text: str) -> str | None:
        """Return a text with the parts that the older types have beside it; null without any."""
        parts = (
            row.body,
            row.caption,
            row.text,
            row.question,
            row.answer,
            row.title,
            row.description,
        )
        if all(part is None for part in parts) and row.type is None:
            return None
        if row.type == "quote" and row.text:
            source = self._to_text(row.source or "")
            return "\n\n".join(filter(None, (quote_lines(self._to_text(row.text)), source or text)))
        if row.question:
            return "\n\n".join(filter(None, (quote_lines(self._to_text(row.question)), text)))
        if row.type in ("chat", "conversation") and not row.body:
            said = _convert(row.dialogue, list[_ChatLine]) or []
            text = "\n".join(" ".join(filter(None, (one.label, one.phrase))) for one in said)
        # The title of a link is the page's.
        return text if row.type == "link" else join_title(row.title, text)

    def _read_item(self, item: _TrailItem) -> str:
        if isinstance(item.content, list):
            return self._read_blocks(item.content, item.layout)
        return self._to_text(item.content_raw or item.content or "")

    def _read_blocks(self, blocks: Sequence[_Block], layout: object) -> str:
        """Return the text of blocks; list items and lines of a chat follow without blank lines."""
        layouts = _convert(layout, list[_Layout]) or []
        asked = {
            at for one in layouts if one.type == "ask" for at in one.blocks or () if _is_int(at)
        }
        pieces: list[str] = []
        previous = None
        for at, block in enumerate(blocks):
            text = self._read_block(block)
            if at in asked:
                text = quote_lines(text)
            if not text.strip():
                continue
            is_next_line = block.subtype in _ONE_LINE and block.subtype == previous
            pieces += ["\n" if is_next_line else "\n\n", text]
            previous = block.subtype
        return "".join(pieces[1:])

    def _read_block(self, block: _Block) -> str:
        if block.type == "text":
            text = (block.text or "").strip()
            if block.subtype in ("quote", "indented"):
                return quote_lines(text)
            return f"{_LIST_MARKS.get(block.subtype or '', '')}{text}" if text else ""
        if block.type == "poll":
            return join_poll(block.question or "", [one.answer_text for one in block.answers or ()])
        if block.type == "image":
            alt = block.alt_text if self._config.with_alt else None
            return "\n".join(filter(None, (block.caption, alt)))
        return ""  # a link's title and description are the page's


def _is_int(value: object) -> bool:
    return type(value) is int


def _parse_id(value: JsonScalar) -> str:
    """Return a number in digits; empty if it is unusable, such as a float that has lost digits."""
    if type(value) is int and value > 0:
        return str(value)
    return value if type(value) is str and value.isascii() and value.isdecimal() else ""


def _parse_trail_id(item: _TrailItem) -> str:
    post = item.post or _PostId()
    return _parse_id(post.id_string) or _parse_id(post.id)


def _name_blog(item: _TrailItem) -> str | None:
    return (item.blog.name if item.blog is not None else None) or item.broken_blog_name


def _is_reblog(row: _Post, before: Sequence[_TrailItem]) -> bool:
    ids = (row.reblogged_from_id, row.parent_post_id)
    return bool(before) or any(_parse_id(value) for value in ids)


def _is_private(row: _Post, blog: _Blog) -> bool:
    if row.state not in _PUBLIC_STATES:
        return True
    return blog.is_private_channel is True or blog.is_password_protected is True


def _is_deactivated(name: str | None) -> bool:
    return name is not None and _DEACTIVATED.fullmatch(name) is not None


def _convert(part: object, shape: type[T]) -> T | None:
    """Return a part of a post; a malformed one does not cost the post."""
    try:
        return msgspec.convert(part, shape)
    except msgspec.ValidationError:
        return None
