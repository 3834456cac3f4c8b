"""Read the archive of their own posts that X gives its users: a zip, or the folder in it.

Opened are tweets.js and its further parts (tweet.js in old archives), account.js for the owner's
id, note-tweet.js for long posts, and protected-history.js; no other file, whatever its name. Most
of the others are private: messages, deleted posts, posts to a circle.

Long posts are cut in tweets.js. A post gets its full text from note-tweet.js if that was written
in the same second and begins as the post does; if two differing ones fit, it stays cut. A repost
is known by its "RT @name: " alone, cut as X cut it, with no link to its original. There is no
thread id, so that only a reply's parent is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from pydantic import Field

from corpus.formats import dump_input, seekable_file
from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.names import natural_sort_key
from corpus.formats.dump_input import ByteSource
from corpus.formats.json_stream import decode_value, iter_values, skip_assignment
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
    read_records,
)
from corpus.readers.x.archive_files import (
    LongNotes,
    NoteItem,
    TweetItem,
    is_withheld,
    list_versions,
    resolve_text,
)
from corpus.readers.x.common import normalize_language, parse_x_id
from corpus.storage import filesystem

PLATFORM = "x"
VERSION = 1
TOMBSTONES = True
FOLDERS = True


class Config(ReaderConfig):
    """What to read."""

    reposts: bool = Field(
        default=True, description="also read reposts, of which the archive has a cut text only"
    )
    expand_links: bool = Field(
        default=True, description="write the links' addresses in place of t.co's short ones"
    )


class _Account(msgspec.Struct, gc=False):
    id: str | int | float | None = msgspec.field(default=None, name="accountId")


class _AccountItem(msgspec.Struct, gc=False):
    account: _Account | None = None


class _Protection(msgspec.Struct, gc=False):
    at: str | int | float | None = msgspec.field(default=None, name="protectedAt")
    action: str | None = None


class _ProtectionItem(msgspec.Struct, gc=False):
    protection: _Protection | None = msgspec.field(default=None, name="protectedHistory")


class _Owner(NamedTuple):
    """What is known of the archive's owner."""

    id: str | None
    protected: bool
    notes: LongNotes


#: The files with posts. A pattern fits whole names: "deleted-tweets.js" is not "tweets.js".
_TWEET_FILES = ("tweets.js", "tweets-part*.js", "tweet.js", "tweet-part*.js")
_NOTE_FILES = ("note-tweet.js", "note-tweet-part*.js")
#: How they begin, which tells them from files that only bear their name.
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*window\.YTD\.tweets?\.part[0-9]+\s*=")
_REPOST = re.compile(r"RT @\w+: ")
_ACCOUNT_FILE, _PROTECTION_FILE = "account.js", "protected-history.js"

_parse_item = msgspec.json.Decoder(TweetItem).decode
_parse_note_item = msgspec.json.Decoder(NoteItem).decode
_parse_account_item = msgspec.json.Decoder(_AccountItem).decode
_parse_protection_item = msgspec.json.Decoder(_ProtectionItem).decode


def fits(sample: Sample) -> float:
    """How surely this is such an archive, by its names, or how it begins."""
    if not sample.members:
        return 1.0 if _BEGINS.match(sample.head) else 0.0
    names = {name.rpartition("/")[2] for name in sample.members}
    if not names & {"tweets.js", "tweet.js", "tweets-part0.js"}:
        return 0.0
    return 1.0 if {_ACCOUNT_FILE, "manifest.js"} & names else 0.6


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one archive, or of a tweets.js alone, in batches."""
    if filesystem.is_folder(path) or _is_zip(path):
        with Bundle(path) as bundle:
            found = _read_archive(bundle, config)
            yield from read_records(
                found, bundle, platform=PLATFORM, part_posts=part_posts, start=start
            )
        return
    with dump_input.DumpInput(path) as source:
        found = _read_single_file(source, path, config)
        yield from read_records(
            found, source, platform=PLATFORM, part_posts=part_posts, start=start
        )


def _is_zip(path: str) -> bool:
    with seekable_file.open_seekable(path) as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _read_single_file(
    source: dump_input.DumpInput, path: str, config: Config
) -> Iterator[LocatedRecords]:
    """The tweets of a tweets.js without what belongs beside it."""
    for member in source.members():
        content = member.open()
        # By its own words, for a private file can go by any name.
        if member.name or not _BEGINS.match(content.head):
            yield LocatedRecords(path, 0, 0, (Refused("no_tweets"),))
            return
        yield LocatedRecords(path, 0, 0, (Refused("no_account"),))
        decode = make_decoder(config, None, False, LongNotes())
        yield from _decode_elements(content, path, config.max_line_mb << 20, decode)


def _read_archive(bundle: Bundle, config: Config) -> Iterator[LocatedRecords]:
    for place, reason in bundle.problems:
        yield LocatedRecords(place, 0, 0, (Refused(reason),))
    parts: dict[str, list[str]] = {}
    for name in bundle.find_files(*_TWEET_FILES):
        parts.setdefault(_get_folder(name), []).append(name)
    if not parts and not bundle.problems:
        yield LocatedRecords(bundle.path, 0, 0, (Refused("no_tweets"),))
    longest = config.max_line_mb << 20
    # A folder may hold the archives of several people.
    for folder, names in parts.items():
        problems: list[LocatedRecords] = []
        owner = _read_owner(bundle, folder, longest, problems)
        yield from problems
        decode = make_decoder(config, owner.id, owner.protected, owner.notes)
        # tweets.js is part 0.
        for name in sorted(names, key=lambda name: natural_sort_key(name.removesuffix(".js"))):
            yield from _decode_elements(
                bundle.open(name), bundle.source_file(name), longest, decode
            )


def _get_folder(name: str) -> str:
    return "".join(name.rpartition("/")[:2])


def _decode_elements(
    source: ByteSource, source_file: str, max_bytes: int, decode: Decode
) -> Iterator[LocatedRecords]:
    """What ``decode`` makes of each element of a file's array."""
    found = iter_values(skip_assignment(source), "item", max_bytes)
    for row, element in enumerate(found, start=1):
        if isinstance(element, Refused):
            yield LocatedRecords(source_file, row, 0, (element,))
        else:
            yield LocatedRecords(source_file, row, len(element), decode_value(element, decode))


def _read_owner(
    bundle: Bundle, folder: str, max_bytes: int, problems: list[LocatedRecords]
) -> _Owner:
    """Read what lies beside the tweets; what is wrong with it goes to ``problems``."""
    accounts: list[str] = []
    history: list[tuple[int, bool]] = []
    notes = LongNotes()

    def account(element: bytes) -> Sequence[Record]:
        found = _parse_account_item(element).account
        name = parse_x_id(None, found.id) if found is not None else ""
        if not name:
            raise Refused("no_id")
        accounts.append(name)
        return ()

    def protection(element: bytes) -> Sequence[Record]:
        found = _parse_protection_item(element).protection
        if found is None or found.action is None:
            raise Refused("no_action")
        history.append((parse_micros(found.at) or 0, found.action.lower() == "protect"))
        return ()

    def note(element: bytes) -> Sequence[Record]:
        found = _parse_note_item(element).note
        if found is None or not notes.add(found):
            raise Refused("no_text")
        return ()

    for patterns, take in (
        ((_ACCOUNT_FILE,), account),
        ((_PROTECTION_FILE,), protection),
        (_NOTE_FILES, note),
    ):
        for name in bundle.find_files(*patterns):
            if _get_folder(name) == folder:
                every = _decode_elements(
                    bundle.open(name), bundle.source_file(name), max_bytes, take
                )
                problems += [located for located in every if located.records]
    place = bundle.source_file(folder + _ACCOUNT_FILE)
    if not accounts and not any(problem.source_file == place for problem in problems):
        problems.append(LocatedRecords(place, 0, 0, (Refused("no_account"),)))
    # It reaches back half a year: an account protected for longer, and since, is not in it.
    protected = bool(history) and max(history, key=lambda change: change[0])[1]
    return _Owner(accounts[0] if accounts else None, protected, notes)


def make_decoder(config: Config, author: str | None, protected: bool, notes: LongNotes) -> Decode:
    """The function that turns an element of tweets.js into its post."""

    def decode(element: bytes) -> Sequence[Record]:
        item = _parse_item(element)
        tweet = item if item.tweet is None else item.tweet
        name = parse_x_id(tweet.id_str, tweet.id)
        if not name:
            raise Refused("no_id")
        shown = tweet.full_text if tweet.full_text is not None else tweet.text
        if shown is None:
            raise Refused("no_text")
        parent = parse_x_id(tweet.in_reply_to_status_id_str, tweet.in_reply_to_status_id)
        kind = "reply" if parent else "post"
        if _REPOST.match(shown):
            if not config.reposts:
                return (Skipped("repost"),)
            kind, parent = "repost", ""
        text, quoted = resolve_text(tweet, shown, name, notes, config.expand_links)
        if quoted and kind == "post":
            kind = "quote"
        older = list_versions(tweet)[:-1]
        withdrawn = None
        if protected:
            text, withdrawn = "", "protected"
        elif tweet.withheld_copyright or is_withheld(tweet):
            withdrawn = "withheld"
        elif name in older:
            withdrawn = "superseded"
        post = Post(
            "x:" + name,
            text,
            kind,
            author,
            None,
            parse_micros(tweet.created_at),
            normalize_language(tweet.lang),
            "x:" + parent if parent else None,
            None,
            parse_int64(tweet.favorite_count),
            None,
            tweet.possibly_sensitive,
            None,
            None,
            withdrawn,
        )
        return (post, *(Tombstone("id", "x:" + old, "superseded") for old in older))

    return decode
