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
from corpus.formats.archives.names import natural
from corpus.formats.dump_input import Source
from corpus.formats.json_stream import decoded, items, skip_to_json
from corpus.formats.times import micros, whole
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    Located,
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
    Item,
    NoteItem,
    Notes,
    is_withheld,
    text_and_quoted,
    versions,
)
from corpus.readers.x.common import identifier, language
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
    notes: Notes


#: The files with posts. A pattern fits whole names: "deleted-tweets.js" is not "tweets.js".
_TWEETS = ("tweets.js", "tweets-part*.js", "tweet.js", "tweet-part*.js")
_NOTES = ("note-tweet.js", "note-tweet-part*.js")
#: How they begin, which tells them from files that only bear their name.
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*window\.YTD\.tweets?\.part[0-9]+\s*=")
_REPOST = re.compile(r"RT @\w+: ")
_ACCOUNT, _PROTECTION = "account.js", "protected-history.js"

_item = msgspec.json.Decoder(Item).decode
_note_item = msgspec.json.Decoder(NoteItem).decode
_account_item = msgspec.json.Decoder(_AccountItem).decode
_protection_item = msgspec.json.Decoder(_ProtectionItem).decode


def fits(sample: Sample) -> float:
    """How surely this is such an archive, by its names, or how it begins."""
    if not sample.members:
        return 1.0 if _BEGINS.match(sample.head) else 0.0
    names = {name.rpartition("/")[2] for name in sample.members}
    if not names & {"tweets.js", "tweet.js", "tweets-part0.js"}:
        return 0.0
    return 1.0 if {_ACCOUNT, "manifest.js"} & names else 0.6


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one archive, or of a tweets.js alone, in batches."""
    if filesystem.is_folder(path) or _is_zip(path):
        with Bundle(path) as bundle:
            found = _found(bundle, config)
            yield from read_records(
                found, bundle, platform=PLATFORM, part_posts=part_posts, start=start
            )
        return
    with dump_input.Input(path) as source:
        found = _alone(source, path, config)
        yield from read_records(
            found, source, platform=PLATFORM, part_posts=part_posts, start=start
        )


def _is_zip(path: str) -> bool:
    with seekable_file.opened(path) as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _alone(source: dump_input.Input, path: str, config: Config) -> Iterator[Located]:
    """The tweets of a tweets.js without what belongs beside it."""
    for member in source.members():
        content = member.open()
        # By its own words, for a private file can go by any name.
        if member.name or not _BEGINS.match(content.head):
            yield Located(path, 0, 0, (Refused("no_tweets"),))
            return
        yield Located(path, 0, 0, (Refused("no_account"),))
        decode = decoder(config, None, False, Notes())
        yield from _elements(content, path, config.max_line_mb << 20, decode)


def _found(bundle: Bundle, config: Config) -> Iterator[Located]:
    for place, reason in bundle.problems:
        yield Located(place, 0, 0, (Refused(reason),))
    parts: dict[str, list[str]] = {}
    for name in bundle.matching(*_TWEETS):
        parts.setdefault(_folder(name), []).append(name)
    if not parts and not bundle.problems:
        yield Located(bundle.path, 0, 0, (Refused("no_tweets"),))
    longest = config.max_line_mb << 20
    # A folder may hold the archives of several people.
    for folder, names in parts.items():
        problems: list[Located] = []
        owner = _owner(bundle, folder, longest, problems)
        yield from problems
        decode = decoder(config, owner.id, owner.protected, owner.notes)
        # tweets.js is part 0.
        for name in sorted(names, key=lambda name: natural(name.removesuffix(".js"))):
            yield from _elements(bundle.open(name), bundle.place(name), longest, decode)


def _folder(name: str) -> str:
    return "".join(name.rpartition("/")[:2])


def _elements(source: Source, place: str, longest: int, decode: Decode) -> Iterator[Located]:
    """What ``decode`` makes of each element of a file's array."""
    found = items(skip_to_json(source), "item", longest)
    for row, element in enumerate(found, start=1):
        if isinstance(element, Refused):
            yield Located(place, row, 0, (element,))
        else:
            yield Located(place, row, len(element), decoded(element, decode))


def _owner(bundle: Bundle, folder: str, longest: int, problems: list[Located]) -> _Owner:
    """Read what lies beside the tweets; what is wrong with it goes to ``problems``."""
    accounts: list[str] = []
    history: list[tuple[int, bool]] = []
    notes = Notes()

    def account(element: bytes) -> Sequence[Record]:
        found = _account_item(element).account
        name = identifier(None, found.id) if found is not None else ""
        if not name:
            raise Refused("no_id")
        accounts.append(name)
        return ()

    def protection(element: bytes) -> Sequence[Record]:
        found = _protection_item(element).protection
        if found is None or found.action is None:
            raise Refused("no_action")
        history.append((micros(found.at) or 0, found.action.lower() == "protect"))
        return ()

    def note(element: bytes) -> Sequence[Record]:
        found = _note_item(element).note
        if found is None or not notes.add(found):
            raise Refused("no_text")
        return ()

    for patterns, take in (
        ((_ACCOUNT,), account),
        ((_PROTECTION,), protection),
        (_NOTES, note),
    ):
        for name in bundle.matching(*patterns):
            if _folder(name) == folder:
                every = _elements(bundle.open(name), bundle.place(name), longest, take)
                problems += [located for located in every if located.records]
    place = bundle.place(folder + _ACCOUNT)
    if not accounts and not any(problem.file == place for problem in problems):
        problems.append(Located(place, 0, 0, (Refused("no_account"),)))
    # It reaches back half a year: an account protected for longer, and since, is not in it.
    protected = bool(history) and max(history, key=lambda change: change[0])[1]
    return _Owner(accounts[0] if accounts else None, protected, notes)


def decoder(config: Config, author: str | None, protected: bool, notes: Notes) -> Decode:
    """The function that turns an element of tweets.js into its post."""

    def decode(element: bytes) -> Sequence[Record]:
        item = _item(element)
        tweet = item if item.tweet is None else item.tweet
        name = identifier(tweet.id_str, tweet.id)
        if not name:
            raise Refused("no_id")
        shown = tweet.full_text if tweet.full_text is not None else tweet.text
        if shown is None:
            raise Refused("no_text")
        parent = identifier(tweet.in_reply_to_status_id_str, tweet.in_reply_to_status_id)
        kind = "reply" if parent else "post"
        if _REPOST.match(shown):
            if not config.reposts:
                return (Skipped("repost"),)
            kind, parent = "repost", ""
        text, quoted = text_and_quoted(tweet, shown, name, notes, config.expand_links)
        if quoted and kind == "post":
            kind = "quote"
        older = versions(tweet)[:-1]
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
            micros(tweet.created_at),
            language(tweet.lang),
            "x:" + parent if parent else None,
            None,
            whole(tweet.favorite_count),
            None,
            tweet.possibly_sensitive,
            None,
            None,
            withdrawn,
        )
        return (post, *(Tombstone("id", "x:" + old, "superseded") for old in older))

    return decode
