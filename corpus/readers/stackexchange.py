"""Read Stack Exchange's dumps: the questions, answers and comments of a site.

Rows are cut at each ``<row``, which a well-formed attribute cannot hold, and not by an XML parser:
that would stop at the first fault of a file of 100 GB, and knows entities that multiply. So a
broken row costs itself alone, and no entity is known but XML's own five.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from pydantic import Field

from corpus.errors import PlanError
from corpus.formats import dump_input
from corpus.formats.html import html_to_text
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.contract import (
    Batch,
    BatchBuilder,
    Cursor,
    Decode,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    decode_line,
)

PLATFORM = "stackexchange"
VERSION = 1
TOMBSTONES = False


class Config(ReaderConfig):
    """What to read, and of which site it is."""

    site: str = Field(
        default="",
        pattern=r"^[^\s/]*$",
        description="the site's host, such as 'superuser.com'; empty: told from the names of the "
        "archive, the file or its folder (which must then end in .com, .net or .org)",
    )


_CHUNK_BYTES = 1 << 20
_ROW_START = re.compile(rb"<row(?=[\s/>])")
# A run of spaces is read from its first one only: this is looked for in rows of many MB.
_PAIR = r"""(?<!\s)\s++([A-Za-z_][\w.:-]*+)\s*+=\s*+(?:"([^"<]*)"|'([^'<]*)')"""
_PAIRS = re.compile(_PAIR)
_ROW = re.compile(rf"(?:{_PAIR})*\s*(?:/>|>\s*</row\s*>)")
_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]{1,8})|#([0-9]{1,9})|(lt|gt|amp|quot|apos));|&")
_NAMED_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_ROOT = re.compile(r"<([A-Za-z]+)\s*/?>")
_TABLES = frozenset(("posts", "comments"))
_OTHER_TABLES = frozenset(("badges", "posthistory", "postlinks", "tags", "users", "votes"))
#: What may stand between rows: the declaration, comments, and the outer element.
#: One without an end reaches to the end of all, so that it is looked for once; it is junk.
_BETWEEN = re.compile(
    r"<\?.*?(?:\?>|(\Z))|<!--.*?(?:-->|(\Z))|</?[A-Za-z_][\w.-]*\s*/?>", re.DOTALL
)
# More than this between two rows is no comment of anybody's.
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
# Two posts that recent dumps hold and no site ever did.
_FABRICATED_IDS = ("1000000001", "1000000010")
# Where a row does not say: by the day of writing, as stackoverflow.com/help/licensing has it.
_LICENSE_PERIODS = (
    (1_302_220_800_000_000, "CC BY-SA 2.5"),  # before 2011-04-08
    (1_525_219_200_000_000, "CC BY-SA 3.0"),  # before 2018-05-02
)
_COMMUNITY_ACCOUNT = "-1"  # the account that owns wikis and posts on its own behalf


def fits(sample: Sample) -> float:
    """How surely the sample is a site's archive, its posts or its comments."""
    names = {_make_path(name).name.lower() for name in sample.members}
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

    Of an archive only ``Posts.xml`` and ``Comments.xml`` are opened. Other tables of the dump
    are skipped whole.
    """
    gather = BatchBuilder(PLATFORM, part_posts)
    longest = config.max_line_mb << 20
    with dump_input.DumpInput(path, is_posts_or_comments) as source:
        for member in source.members(resume_at=start.member if start else None):
            for refusal in source.take_refusals():
                gather.refuse(*refusal)
            file = f"{path}!{member.name}" if member.name else path
            done = start.row if start and start.member == member.name else 0
            rows = _TableRows(member.open(), longest)
            if rows.problem:
                if not done:
                    gather.refuse(file, 0, rows.problem)
                continue
            if rows.table in _OTHER_TABLES:
                if not done:
                    gather.add((Skipped(f"table_{rows.table}"),), file, 0)
                continue
            decode: Decode | None = None
            row = 0
            for row, (data, problem) in enumerate(rows, start=1):
                if row <= done:
                    continue
                decode = decode or make_decoder(rows.table, find_site(path, member.name, config))
                gather.size_bytes += len(data)
                if problem:
                    gather.refuse(file, row, problem)
                else:
                    decode_line(data, decode, gather, file, row)
                if gather.is_full():
                    yield gather.build_batch(Cursor(member.name, row, 0), source.position)
            if rows.break_reason:
                gather.refuse(file, row + 1, rows.break_reason)
        for refusal in source.take_refusals():
            gather.refuse(*refusal)
        yield gather.build_batch(None, source.position, source.sha256())


def is_posts_or_comments(name: str) -> bool:
    """Whether an archive's member holds posts or comments."""
    return _MEMBER.fullmatch(_make_path(name).name) is not None


def find_site(path: str, member: str, config: Config) -> str:
    """The site's host: as configured, or as the names of folders and files tell."""
    if config.site:
        return config.site
    for place in (member, path):
        for name in _make_path(place).parts[:-3:-1]:
            if len(name) > 255:
                continue
            bare = _ENDINGS.sub("", _ENDINGS.sub("", name)).lower()
            if _HOST.fullmatch(bare):
                return bare
    raise PlanError(
        f"no site can be told from the name '{path}'; set `site:` of the stackexchange source, "
        "such as `site: superuser.com`"
    )


def _make_path(name: str) -> PurePath:
    """The name of a file or a member; what is in an archive in an archive stands behind a ``!``."""
    return PurePath(name.replace("!", "/"))


class _TableRows:
    """The rows of one table, each as the bytes behind a ``<row`` up to the next one."""

    def __init__(self, stream: dump_input.ByteSource, max_bytes: int) -> None:
        self._stream = stream
        self._longest = max_bytes
        self._ended = False
        self.break_reason = ""  # why the stream broke off, once it has
        self.problem = ""  # why nothing can be read
        self._pieces = self._cut()
        before, self._too_long = next(self._pieces)
        if dump_input.is_binary(before[:512]):
            self.problem = "not_text"
        elif b"<!DOCTYPE" in before.upper():
            # No dump has one: it could only say what this reader must not do.
            self.problem = "doctype"
        self._before = before.decode("utf-8", "replace").removeprefix("\ufeff")
        roots = {root.lower() for root in _ROOT.findall(self._before[:_MAX_BETWEEN_BYTES])}
        self.table = min(roots & (_TABLES | _OTHER_TABLES), default="")

    def __iter__(self) -> Iterator[tuple[bytes, str]]:
        """Yield each row, or why it cannot be had."""
        if self._too_long:
            yield b"", "line_too_long"
        for torn in _refuse_leftovers(self._before):
            yield b"", torn.reason
        for piece, too_long in self._pieces:
            # The row that a break has cut is not refused twice.
            cut = (
                self._ended
                and self.break_reason
                and not _ROW.match(piece.decode("utf-8", "replace"))
            )
            if not cut:
                yield piece, "line_too_long" if too_long else ""

    def _cut(self) -> Iterator[tuple[bytes, bool]]:
        """Yield what stands before the first row, then each row; true where one is too long."""
        carry, too_long = b"", False
        while True:
            try:
                chunk = self._stream.read(_CHUNK_BYTES)
            except dump_input.STREAM_ERRORS as error:
                chunk, self.break_reason = b"", dump_input.get_refusal_reason(error)
            if not chunk:
                break
            *pieces, carry = _ROW_START.split(carry + chunk)
            for piece in pieces:
                yield (b"", True) if too_long or len(piece) > self._longest else (piece, False)
                too_long = False
            if len(carry) > self._longest:
                carry, too_long = carry[-4:], True  # perhaps the next row's beginning
        self._ended = True
        yield (b"", True) if too_long else (carry, False)


def _refuse_leftovers(text: str) -> list[Refused]:
    """What a fault has left between the rows, a refusal for each line."""
    if len(text) <= _MAX_BETWEEN_BYTES:
        text = _BETWEEN.sub(lambda found: "" if found.lastindex is None else found[0], text)
        return [Refused("malformed_xml") for line in text.split("\n") if line.strip()]
    return [Refused("malformed_xml")] if text.strip() else []


def make_decoder(table: str, site: str) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a row of a site's table into its post."""

    def decode(data: bytes) -> Sequence[Record]:
        text = data.decode("utf-8")
        match = _ROW.match(text)
        if match is None:
            raise Refused("malformed_xml")
        fields = {name: one or other for name, one, other in _PAIRS.findall(match[0])}
        torn = _refuse_leftovers(text[match.end() :])
        try:
            return (_make_record(_XmlRow(fields), table, site), *torn)
        except Refused as refusal:
            return (refusal, *torn)

    return decode


class _XmlRow:
    """The attributes of a row, unescaped when they are asked for."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def get(self, name: str) -> str | None:
        """An attribute's value, or null."""
        value = self._fields.get(name)
        return _unescape(value) if value is not None and "&" in value else value

    def get_number(self, attribute: str) -> str:
        """The number of a post or an account in digits; empty if there is none to trust."""
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
    # What no text may hold (a half of a pair, a NUL) must not stop the row.
    return "\ufffd" if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000 else chr(code)


def _make_record(row: _XmlRow, table: str, site: str) -> Record:
    if table == "comments" or (not table and "PostTypeId" not in row):
        return _make_comment(row, site)
    return _make_post(row, site)


def _make_post(row: _XmlRow, site: str) -> Record:
    number, kind = row.get_number("Id"), row.get("PostTypeId")
    if not number:
        raise Refused("no_id")
    if number in _FABRICATED_IDS:
        return Skipped("fabricated")
    if kind not in ("1", "2"):
        if kind is None:
            raise Refused("no_type")
        return Skipped(f"not_a_post: {_OTHER_POST_TYPES.get(kind, 'other')}")
    question = kind == "1"
    title, body = row.get("Title") if question else None, row.get("Body")
    deleted = bool(row.get("DeletionDate"))
    if body is None and title is None and not deleted:
        raise Refused("no_text")
    text = html_to_text(body or "")
    created = parse_micros(row.get("CreationDate"))
    parent = None if question else row.get_number("ParentId")
    accepted = row.get_number("AcceptedAnswerId") if question else ""
    begin = f"stackexchange:{site}/"
    above = begin + parent if parent else None
    return Post(
        begin + number,
        f"{title}\n\n{text}" if title and text else title or text,
        "post" if question else "reply",
        _make_author(row, "OwnerUserId", "OwnerDisplayName", site),
        site,
        created,
        None,
        above,
        begin + number if question else above,
        parse_int64(row.get("Score")),
        parse_int64(row.get("AnswerCount")) if question else None,
        None,
        True if row.get("OwnerUserId") == _COMMUNITY_ACCOUNT else None,
        _find_license(row, created),
        "deleted" if deleted else None,
        begin + accepted if accepted else None,
    )


def _make_comment(row: _XmlRow, site: str) -> Record:
    number, text, post = row.get_number("Id"), row.get("Text"), row.get_number("PostId")
    if not number:
        raise Refused("no_id")
    deleted = bool(row.get("DeletionDate"))
    if text is None and not deleted:
        raise Refused("no_text")
    created = parse_micros(row.get("CreationDate"))
    return Post(
        f"stackexchange:{site}/c{number}",
        # As it was typed, unlike a post's body: Markdown, in which `<b>` is three characters.
        text or "",
        "comment",
        _make_author(row, "UserId", "UserDisplayName", site),
        site,
        created,
        None,
        f"stackexchange:{site}/{post}" if post else None,
        None,
        parse_int64(row.get("Score")),
        license=_find_license(row, created),
        bot=True if row.get("UserId") == _COMMUNITY_ACCOUNT else None,
        withdrawn="deleted" if deleted else None,
    )


def _make_author(row: _XmlRow, number: str, shown: str, site: str) -> str | None:
    """The account, with its site: each site counts its own accounts."""
    found = row.get(number)
    if found and (found == _COMMUNITY_ACCOUNT or row.get_number(number)):
        return f"{site}/{found.strip()}"
    named = row.get(shown)
    return f"{site}/name:{named}" if named else None


def _find_license(row: _XmlRow, created: int | None) -> str | None:
    stated = row.get("ContentLicense")
    if stated or created is None:
        return stated or None
    return next((name for until, name in _LICENSE_PERIODS if created < until), "CC BY-SA 4.0")
