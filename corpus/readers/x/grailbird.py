"""Read the archives that Twitter gave its users from 2012 to 2018, whose code was "Grailbird".

An archive has a file for each month, ``data/js/tweets/2012_05.js`` (an array assigned to a variable
of Grailbird's), with the owner in ``data/js/user_details.js``; beside them is ``tweets.csv`` with
the same tweets in fewer fields, which is read only where the others are missing. The tweets of an
owner whose account was protected are withdrawn without their texts. Times of before November 2010
are days only.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import NamedTuple

import msgspec

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.names import get_folder
from corpus.formats.byte_source import ByteSource
from corpus.formats.csv_records import CsvRecords
from corpus.formats.json_stream import skip_assignment
from corpus.formats.times import parse_given_int64, parse_given_micros
from corpus.readers.batches import parse_value, read_whole, refuse_file
from corpus.readers.contract import (
    Decode,
    JsonScalar,
    LocatedRecords,
    Post,
    Record,
    Refused,
    Skipped,
    match_mentions,
)
from corpus.readers.x.archive_files import (
    ArchivedTweet,
    LongNotes,
    decode_elements,
    is_withheld,
    resolve_text,
)
from corpus.readers.x.common import iter_mentioned_users, normalize_language, parse_x_id


class Options(NamedTuple):
    """What to read."""

    reposts: bool
    expand_links: bool


class _Account(msgspec.Struct, gc=False):
    """The owner, or the author of a tweet that the owner repeats."""

    id: JsonScalar = None
    id_str: str | None = None
    screen_name: str | None = None
    protected: bool | None = None

    def get_id(self) -> str | None:
        return parse_x_id(self.id_str, self.id) or None


_NOBODY = _Account()


class _Tweet(ArchivedTweet, gc=False):
    """A tweet; a repost has its original inside it."""

    user: _Account | None = None
    retweeted_status: _Tweet | None = None


class _Mentions(msgspec.Struct, gc=False):
    """The people whom the texts of a tweet and of its original mention, not validated."""

    entities: msgspec.Raw = msgspec.Raw()
    retweeted_status: _Mentions | None = None


_MONTH_FILE = re.compile(r"(?:^|/)js/tweets/[0-9]{4}_[0-9]{2}\.js\Z")
_MONTH_FILES, _CSV_FILE = "js/tweets/[0-9][0-9][0-9][0-9]_[0-9][0-9].js", "tweets.csv"
_OWNER_FILE = "user_details.js"
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*Grailbird\.data\.tweets_[0-9]{4}_[0-9]{2}\s*=")
#: The columns that are read; no other table has them together.
_COLUMNS = (
    "tweet_id",
    "in_reply_to_status_id",
    "timestamp",
    "text",
    "retweeted_status_id",
    "retweeted_status_user_id",
    "expanded_urls",
)
_REPOST = re.compile(r"RT @\w+: ")
_SHORT_LINK = re.compile(r"https?://t\.co/\w+")
# Twitter escapes these three characters only; if one is unescaped, the text was not escaped.
_UNESCAPED = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")
_NO_NOTES = LongNotes()

_parse_tweet = msgspec.json.Decoder(_Tweet).decode
_parse_mentions = msgspec.json.Decoder(_Mentions).decode
_parse_owner = msgspec.json.Decoder(_Account).decode


def is_archive(names: Sequence[str]) -> bool:
    """Return whether an archive with these names has a file of a month."""
    return any(map(_MONTH_FILE.search, names))


def is_file(head: bytes) -> bool:
    """Return whether a file that begins so is one of a month, or the table of all tweets."""
    return _BEGINS.match(head) is not None or _is_table(head)


def _is_table(head: bytes) -> bool:
    lines = head.removeprefix(b"\xef\xbb\xbf").splitlines() or [b""]
    line = lines[0].decode("utf-8", "replace")
    return line.count(",") < 100 and set(_COLUMNS) <= set(next(csv.reader((line.strip(),)), ()))


def read_bundle(
    bundle: Bundle, max_bytes: int, options: Options, with_tables: bool
) -> Iterator[LocatedRecords]:
    """Yield the tweets of each archive of this form in a folder or a zip.

    ``with_tables``: read ``tweets.csv`` where an archive has nothing else.
    """
    folders: dict[str, list[str]] = {}
    for name in bundle.find_files(_MONTH_FILES):
        folders.setdefault(get_folder(name).removesuffix("tweets/"), []).append(name)
    for name in bundle.find_files(_CSV_FILE) if with_tables else ():
        folders.setdefault(get_folder(name) + "data/js/", [name])
    for folder, names in folders.items():
        owner = _NOBODY
        if folder + _OWNER_FILE in bundle.names():
            found = _read_owner(bundle, folder + _OWNER_FILE, max_bytes)
            if isinstance(found, Refused):
                yield refuse_file(bundle.source_file(folder + _OWNER_FILE), found.reason)
            else:
                owner = found
        elif names[0].endswith(_CSV_FILE):
            yield refuse_file(bundle.source_file(folder + _OWNER_FILE), "no_account")
        for name in names:
            read = _read_table if name.endswith(_CSV_FILE) else _read_month
            source_file = bundle.source_file(name)
            yield from read(bundle.open(name), source_file, max_bytes, options, owner)


def read_file(
    source: ByteSource, head: bytes, source_file: str, max_bytes: int, options: Options
) -> Iterator[LocatedRecords]:
    """Yield the tweets of one file, which begins with ``head``, without the rest of its archive."""
    is_table = _is_table(head)
    if is_table:
        yield refuse_file(source_file, "no_account")
    read = _read_table if is_table else _read_month
    yield from read(source, source_file, max_bytes, options, _NOBODY)


def _read_owner(bundle: Bundle, name: str, max_bytes: int) -> _Account | Refused:
    content = read_whole(skip_assignment(bundle.open(name)), max_bytes)
    if isinstance(content, Refused):
        return content
    return parse_value(content.rstrip().rstrip(b";"), _parse_owner)


def _read_month(
    source: ByteSource, source_file: str, max_bytes: int, options: Options, owner: _Account
) -> Iterator[LocatedRecords]:
    return decode_elements(source, source_file, max_bytes, _make_decoder(options, owner))


def _make_decoder(options: Options, owner: _Account) -> Decode:
    def decode(element: bytes) -> Sequence[Record]:
        tweet = _parse_tweet(element)
        name = parse_x_id(tweet.id_str, tweet.id)
        if not name:
            raise Refused("no_id")
        shown, original = _get_text(tweet), tweet.retweeted_status
        if shown is None:
            raise Refused("no_text")
        kind, author = "post", tweet.user or owner
        parent = parse_x_id(tweet.in_reply_to_status_id_str, tweet.in_reply_to_status_id)
        if original is not None or _REPOST.match(shown):
            if not options.reposts:
                return (Skipped("repost"),)
            kind, parent = "repost", ""
        elif parent:
            kind = "reply"
        text, quoted, _ = resolve_text(tweet, shown, name, _NO_NOTES, options.expand_links)
        withdrawn = "withheld" if is_withheld(tweet) else None
        writer = (original.user if original is not None else None) or _NOBODY
        if original is not None:
            parent = parse_x_id(original.id_str, original.id)
            full = _get_text(original)
            if full is not None and writer.screen_name:
                whole = resolve_text(original, full, parent, _NO_NOTES, options.expand_links)
                text = f"RT @{writer.screen_name}: {whole.text}"
            withdrawn = withdrawn or ("withheld" if is_withheld(original) else None)
        elif quoted and kind == "post":
            kind = "quote"
        if author.protected or owner.protected or writer.protected:
            text, withdrawn = "", "protected"
        post = Post(
            "x:" + name,
            text,
            kind,
            author.get_id() or owner.get_id(),
            created_at=parse_given_micros(tweet.created_at),
            lang_hint=normalize_language(tweet.lang),
            parent_id="x:" + parent if parent else None,
            score=parse_given_int64(tweet.favorite_count),
            sensitive=tweet.possibly_sensitive,
            withdrawn=withdrawn,
            mentions=match_mentions(text, _iter_accounts(element, writer)),
            original_author=writer.get_id(),
            author_name=author.screen_name or owner.screen_name,
        )
        return (post,)

    return decode


def _get_text(tweet: _Tweet) -> str | None:
    return tweet.full_text if tweet.full_text is not None else tweet.text


def _iter_accounts(element: bytes, writer: _Account) -> Iterator[tuple[str | None, str | None]]:
    """Yield the name and id of the original's author and of each user whom a tweet mentions."""
    yield writer.screen_name, writer.get_id()
    try:
        item: _Mentions | None = _parse_mentions(element)
    except msgspec.DecodeError:
        return
    while item is not None:
        yield from iter_mentioned_users(item.entities)
        item = item.retweeted_status


def _read_table(
    source: ByteSource, source_file: str, max_bytes: int, options: Options, owner: _Account
) -> Iterator[LocatedRecords]:
    records = CsvRecords(
        source, encoding="utf-8-sig", delimiter=",", quotes=True, width=0, max_chars=max_bytes
    )
    columns: list[str] = []
    row = 0
    for row, cells, chars, problem in records:
        if not columns:
            columns = [cell.strip() for cell in cells]
            if not set(_COLUMNS) <= set(columns):
                yield refuse_file(source_file, "no_tweets")
                return
            continue
        if not problem and len(cells) != len(columns):
            problem = "wrong_field_count" if cells else ""
        found: Sequence[Record] = (Refused(problem),) if problem else ()
        if cells and not problem:
            found = (_make_post(dict(zip(columns, cells, strict=True)), options, owner),)
        yield LocatedRecords(source_file, row, chars, found)
    if records.break_reason:
        yield LocatedRecords(source_file, row + 1, 0, (Refused(records.break_reason),))


def _make_post(cells: Mapping[str, str], options: Options, owner: _Account) -> Record:
    """Make the post of a row of ``tweets.csv``."""
    name, text = parse_x_id(cells["tweet_id"]), cells["text"]
    if not name:
        return Refused("no_id")
    original, kind = parse_x_id(cells["retweeted_status_id"]), "post"
    parent = parse_x_id(cells["in_reply_to_status_id"])
    if original or _REPOST.match(text):
        if not options.reposts:
            return Skipped("repost")
        kind, parent = "repost", original
    elif parent:
        kind = "reply"
    if not _UNESCAPED.search(text):
        text = unescape(text)
    if options.expand_links:
        text = _expand_listed_links(text, cells["expanded_urls"])
    return Post(
        "x:" + name,
        "" if owner.protected else text,
        kind,
        owner.get_id(),
        created_at=parse_given_micros(cells["timestamp"]),
        parent_id="x:" + parent if parent else None,
        withdrawn="protected" if owner.protected else None,
        original_author=parse_x_id(cells["retweeted_status_user_id"]) or None,
        author_name=owner.screen_name,
    )


def _expand_listed_links(text: str, targets: str) -> str:
    """Replace the short links of a text by the targets that its row lists, if their counts agree.

    The list has a picture's address once for each picture.
    """
    links = list(dict.fromkeys(_SHORT_LINK.findall(text)))
    listed = list(dict.fromkeys(target for target in targets.split(",") if target))
    if not links or len(links) != len(listed):
        return text
    by_link = dict(zip(links, listed, strict=True))
    return _SHORT_LINK.sub(lambda found: by_link[found[0]], text)
