"""Read Stack Exchange's dumps: the questions, answers and comments of a site.

Rows are split at each ``<row``, which a well-formed attribute cannot contain, and not by an XML
parser, which would stop at the first fault of a file of 100 GB and expand nested entities. So a
malformed row costs only itself, and only XML's own five entities are decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import PurePath

from pydantic import Field

from corpus.errors import PlanError
from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, get_refusal_reason
from corpus.formats.html import html_to_text
from corpus.formats.lines import DumpMember, is_binary
from corpus.formats.times import UNREADABLE, parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import BatchBuilder, decode_line, read_members
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    make_versions,
)

PLATFORM = "stackexchange"
VERSION = 4
TOMBSTONES = True
#: The archives are named after their sites.
PUBLIC_FILES = tuple(
    f"{site}*"
    for site in (
        "*.stackexchange.com",
        "*.stackoverflow.com",
        "askubuntu.com",
        "mathoverflow.net",
        "serverfault.com",
        "stackapps.com",
        "stackoverflow.com",
        "superuser.com",
    )
)


class Config(ReaderConfig):
    """What to read, and its site."""

    site: str = Field(
        default="",
        pattern=r"^[^\s/]*$",
        description="the site's host, such as 'superuser.com'; empty: from the names of the "
        "archive, the file or its folder (which must then end in .com, .net or .org)",
    )
    with_alt: bool = Field(default=False, description="images in a text become their descriptions")


_CHUNK_BYTES = 1 << 20
_ROW_START = re.compile(rb"<row(?=[\s/>])")
# Matches only at the first of a run of spaces; else a row of many MB would take quadratic time.
_PAIR = r"""(?<!\s)\s++([A-Za-z_][\w.:-]*+)\s*+=\s*+(?:"([^"<]*)"|'([^'<]*)')"""
_PAIRS = re.compile(_PAIR)
_NAME = re.compile(r"\s+([A-Za-z_][\w.:-]*)\s*=\s*")
_ROW = re.compile(rf"(?:{_PAIR})*\s*(?:/>|>\s*</row\s*>)")
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]{1,8})|#([0-9]{1,9})|(lt|gt|amp|quot|apos));|&")
_NAMED_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_ROOT = re.compile(r"<([A-Za-z]+)\s*/?>")
_TABLES = frozenset(("posts", "comments"))
_OTHER_TABLES = frozenset(("badges", "posthistory", "postlinks", "tags", "users", "votes"))
#: What may be between rows: the declaration, comments, and the outer element. One without an end
#: matches to the end of the text (a group captures that), so that the search stays linear.
_BETWEEN = re.compile(
    r"<\?.*?(?:\?>|(\Z))|<!--.*?(?:-->|(\Z))|</?[A-Za-z_][\w.-]*\s*/?>", re.DOTALL
)
# More than this between two rows is not a comment.
_MAX_BETWEEN_BYTES = 1 << 14
_MEMBER = re.compile(r"(?:.*[-_.])?(posts|comments)\.xml(?:\.\w+)?", re.IGNORECASE)
_ENDINGS = re.compile(
    r"(?:\.(?:7z|zip|xml|tar|tgz|gz|bz2|xz|zst)(?:#\d+)?)+$|-(?:Posts|Comments)$", re.IGNORECASE
)
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:com|net|org)")
_OTHER_POST_TYPES = {
    "3": "orphaned_tag_wiki",
    "4": "tag_wiki_excerpt",
    "5": "tag_wiki",
    "6": "moderator_nomination",
    "7": "wiki_placeholder",
    "8": "privilege_wiki",
}
# Two posts of recent dumps that no site has ever had.
_FABRICATED_IDS = ("1000000001", "1000000010")
# For a row without a license: by its date, after stackoverflow.com/help/licensing.
_LICENSE_PERIODS = (
    (1_302_220_800_000_000, "CC BY-SA 2.5"),  # before 2011-04-08
    (1_525_219_200_000_000, "CC BY-SA 3.0"),  # before 2018-05-02
)
# What the site's editor puts in place of a description.
_NO_DESCRIPTION = re.compile(r"\balt=\"enter image description here\"", re.IGNORECASE)
_COMMUNITY_ACCOUNT = "-1"  # the account of community wikis and automatic posts


def fits(sample: Sample) -> float:
    """Return how well the sample fits a site's archive, its posts or its comments."""
    if b"<tumblr" in sample.head[:1000]:
        return 0.0  # an export of Tumblr's has a posts.xml, too
    names = {
        _make_path(name).name.lower()
        for name in sample.members
        if not name.endswith("posts/posts.xml")
    }
    if names & {"posts.xml", "comments.xml"}:
        return 1.0 if names & {"posthistory.xml", "badges.xml", "postlinks.xml"} else 0.9
    head = sample.head.decode("utf-8", "ignore")
    row = re.search(r"<row\s[^<]*", head)
    if row is None:
        return 0.0
    if ' PostTypeId="' in row[0]:
        return 1.0
    return 0.9 if ' PostId="' in row[0] and ' Text="' in row[0] else 0.0


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and comments of one file or archive in batches.

    Of an archive only ``Posts.xml`` and ``Comments.xml`` are opened. Other tables of the dump are
    skipped as a whole.
    """

    def read_member(
        member: DumpMember, cursor: Cursor, builder: BatchBuilder
    ) -> Iterator[tuple[int, int]]:
        source_file = member.source_file
        rows = _TableRows(member.open(), config.max_line_mb << 20)
        if rows.problem:
            if not cursor.row:
                builder.refuse(source_file, 0, rows.problem)
            return
        if rows.table in _OTHER_TABLES:
            if not cursor.row:
                builder.add((Skipped(f"table_{rows.table}"),), source_file, 0)
            return
        decode: Decode | None = None
        row = 0
        for row, (data, problem) in enumerate(rows, start=1):
            if row <= cursor.row:
                continue
            decode = decode or make_decoder(
                rows.table, find_site(path, member.name, config), config.with_alt
            )
            builder.size_bytes += len(data)
            if problem:
                builder.refuse(source_file, row, problem)
            else:
                decode_line(data, decode, builder, source_file, row)
            yield row, 0
        if rows.break_reason:
            builder.refuse(source_file, row + 1, rows.break_reason)

    return read_members(
        path,
        read_member,
        platform=PLATFORM,
        part_posts=part_posts,
        start=start,
        member_filter=is_posts_or_comments,
    )


def is_posts_or_comments(name: str) -> bool:
    """Return whether a member of an archive is a table of posts or comments."""
    return _MEMBER.fullmatch(_make_path(name).name) is not None


def find_site(path: str, member: str, config: Config) -> str:
    """Return the site's host, from the config or from the names of folders and files."""
    if config.site:
        return config.site
    for full_name in (member, path):
        for name in _make_path(full_name).parts[:-3:-1]:
            if len(name) > 255:
                continue
            bare = _ENDINGS.sub("", _ENDINGS.sub("", name)).lower()
            if _HOST.fullmatch(bare):
                return bare
    raise PlanError(
        f"the name '{path}' does not contain a site; set `site:` of the stackexchange source, "
        "such as `site: superuser.com`"
    )


def _make_path(name: str) -> PurePath:
    """Return the path of a file or a member; a nested archive's members follow a ``!``."""
    return PurePath(name.replace("!", "/"))


class _TableRows:
    """The rows of one table, each as the bytes after a ``<row`` up to the next one."""

    def __init__(self, stream: ByteSource, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._ended = False
        self.break_reason = ""  # why the stream broke off, or empty
        self.problem = ""  # why the table cannot be read, or empty
        self._pieces = self._split()
        before, self._too_long = next(self._pieces)
        if is_binary(before[:512]):
            self.problem = "not_text"
        elif b"<!DOCTYPE" in before.upper():
            # No dump has one, and it could define entities.
            self.problem = "doctype"
        self._before = before.decode("utf-8", "replace").removeprefix("\ufeff")
        roots = {root.lower() for root in _ROOT.findall(self._before[:_MAX_BETWEEN_BYTES])}
        self.table = min(roots & (_TABLES | _OTHER_TABLES), default="")

    def __iter__(self) -> Iterator[tuple[bytes, str]]:
        """Yield each row and the reason to refuse it, or empty."""
        if self._too_long:
            yield b"", "line_too_long"
        for refusal in _refuse_leftovers(self._before):
            yield b"", refusal.reason
        for piece, too_long in self._pieces:
            # The last row before a break is refused as the break.
            is_cut = (
                self._ended
                and self.break_reason
                and not _ROW.match(piece.decode("utf-8", "replace"))
            )
            if not is_cut:
                yield piece, "line_too_long" if too_long else ""

    def _split(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the bytes before the first row, then each row; true for one that is too long."""
        carry, too_long = b"", False
        while True:
            try:
                chunk = self._stream.read(_CHUNK_BYTES)
            except STREAM_ERRORS as error:
                chunk, self.break_reason = b"", get_refusal_reason(error)
            if not chunk:
                break
            *pieces, carry = _ROW_START.split(carry + chunk)
            for piece in pieces:
                yield (b"", True) if too_long or len(piece) > self._max_bytes else (piece, False)
                too_long = False
            if len(carry) > self._max_bytes:
                carry, too_long = carry[-4:], True  # may contain the start of the next row
        self._ended = True
        yield (b"", True) if too_long else (carry, False)


def _refuse_leftovers(text: str) -> list[Refused]:
    """Return a refusal for each line of other text between rows."""
    if len(text) <= _MAX_BETWEEN_BYTES:
        text = _BETWEEN.sub(lambda match: "" if match.lastindex is None else match[0], text)
        return [Refused("malformed_xml") for line in text.split("\n") if line.strip()]
    return [Refused("malformed_xml")] if text.strip() else []


def make_decoder(
    table: str, site: str, with_alt: bool = False
) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a row of a site's table to its post."""

    def decode(data: bytes) -> Sequence[Record]:
        text = data.decode("utf-8")
        leftovers: list[Refused] = []
        fields = _split_row(text)
        if fields is None:
            match = _ROW.match(text)
            if match is None:
                raise Refused("malformed_xml")
            fields = {name: quoted or single for name, quoted, single in _PAIRS.findall(match[0])}
            leftovers = _refuse_leftovers(text[match.end() :])
        try:
            return (*_make_records(_XmlRow(fields), table, site, with_alt), *leftovers)
        except Refused as refusal:
            return (refusal, *leftovers)

    return decode


def _split_row(text: str) -> dict[str, str] | None:
    """Return the attributes of a row as dumps have them, or null for any other.

    All values are between double quotes and nothing is behind the row. This takes a third of the
    time of the regular expressions, which read every row.
    """
    *parts, end = text.split('"')
    if "<" in text or end.strip() != "/>" or len(parts) % 2:
        return None
    names = [_read_name(part) for part in parts[::2]]
    return None if "" in names else dict(zip(names, parts[1::2], strict=True))


@lru_cache(maxsize=256)
def _read_name(text: str) -> str:
    """Return the name of the attribute whose value follows a text; empty if it has another form."""
    match = _NAME.fullmatch(text) if len(text) < 100 else None
    return match[1] if match else ""


class _XmlRow:
    """The attributes of a row, unescaped when they are read."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def get(self, name: str) -> str | None:
        """Return an attribute's value, or null."""
        value = self._fields.get(name)
        return _unescape(value) if value is not None and "&" in value else value

    def get_number(self, attribute: str) -> str:
        """Return the number of a post or an account in digits; empty if there is none."""
        value = self._fields.get(attribute, "").strip()
        return value if value.isdecimal() and value.isascii() else ""


def _unescape(value: str) -> str:
    value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    value = value.replace("&#xA;", "\n").replace("&#xD;", "\r")
    if value.count("&") == value.count("&amp;"):
        return value.replace("&amp;", "&")
    return _REFERENCE.sub(_decode_reference, value)


def _decode_reference(match: re.Match[str]) -> str:
    if match[3]:
        return _NAMED_ENTITIES[match[3]]
    if not (match[1] or match[2]):
        raise Refused("malformed_xml")
    code = int(match[1], 16) if match[1] else int(match[2])
    # Invalid characters (a lone surrogate, a NUL) are replaced, so that the row is kept.
    return "\ufffd" if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000 else chr(code)


def _make_records(row: _XmlRow, table: str, site: str, with_alt: bool) -> Sequence[Record]:
    if table == "comments" or (not table and "PostTypeId" not in row):
        return (_make_comment(row, site),)
    return _make_post(row, site, with_alt)


def _make_post(row: _XmlRow, site: str, with_alt: bool) -> Sequence[Record]:
    number, kind = row.get_number("Id"), row.get("PostTypeId")
    if not number:
        raise Refused("no_id")
    if number in _FABRICATED_IDS:
        return (Skipped("fabricated"),)
    if kind not in ("1", "2"):
        if kind is None:
            raise Refused("no_type")
        return (Skipped(f"not_a_post: {_OTHER_POST_TYPES.get(kind, 'other')}"),)
    question = kind == "1"
    title, body = row.get("Title") if question else None, row.get("Body")
    deleted = bool(row.get("DeletionDate"))
    if body is None and title is None and not deleted:
        raise Refused("no_text")
    html = _NO_DESCRIPTION.sub("", body) if with_alt and body else body or ""
    text = html_to_text(html, with_alt=with_alt)
    created = parse_given_micros(row.get("CreationDate"))
    parent = None if question else row.get_number("ParentId")
    accepted = row.get_number("AcceptedAnswerId") if question else ""
    prefix = f"stackexchange:{site}/"
    parent_id = prefix + parent if parent else None
    post = Post(
        prefix + number,
        f"{title}\n\n{text}" if title and text else title or text,
        "post" if question else "reply",
        _make_author(row, "OwnerUserId", "OwnerDisplayName", site),
        site,
        created,
        None,  # lang_hint
        parent_id,
        prefix + number if question else parent_id,
        parse_given_int64(row.get("Score")),
        parse_given_int64(row.get("AnswerCount")) if question else None,
        None,  # sensitive
        True if row.get("OwnerUserId") == _COMMUNITY_ACCOUNT else None,
        _find_license(row, created),
        "deleted" if deleted else None,
        prefix + accepted if accepted else None,
    )
    return make_versions(post, parse_micros(row.get("LastEditDate")), text)


def _make_comment(row: _XmlRow, site: str) -> Record:
    number, text, post = row.get_number("Id"), row.get("Text"), row.get_number("PostId")
    if not number:
        raise Refused("no_id")
    deleted = bool(row.get("DeletionDate"))
    if text is None and not deleted:
        raise Refused("no_text")
    created = parse_given_micros(row.get("CreationDate"))
    return Post(
        f"stackexchange:{site}/c{number}",
        # Markdown as it was typed, unlike the HTML of a post's body.
        text or "",
        "comment",
        _make_author(row, "UserId", "UserDisplayName", site),
        site,
        created,
        None,  # lang_hint
        f"stackexchange:{site}/{post}" if post else None,
        None,  # root_id
        parse_given_int64(row.get("Score")),
        license=_find_license(row, created),
        bot=True if row.get("UserId") == _COMMUNITY_ACCOUNT else None,
        withdrawn="deleted" if deleted else None,
    )


def _make_author(row: _XmlRow, number: str, display_name: str, site: str) -> str | None:
    """Return the account with its site, as each site numbers its own accounts."""
    account = row.get(number)
    if account and (account == _COMMUNITY_ACCOUNT or row.get_number(number)):
        return f"{site}/{account.strip()}"
    name = row.get(display_name)
    return f"{site}/name:{name}" if name else None


def _find_license(row: _XmlRow, created: int | None) -> str | None:
    stated = row.get("ContentLicense")
    if stated or created is None or created == UNREADABLE:
        return stated or None
    return next((name for until, name in _LICENSE_PERIODS if created < until), "CC BY-SA 4.0")
