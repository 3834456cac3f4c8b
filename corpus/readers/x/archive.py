"""Read the archive of their own posts that X gives its users: a zip, or its unpacked folder.

Only these files are opened: tweets.js and its further parts (tweet.js in old archives),
community-tweet.js for posts in X's communities, which are public, account.js for the owner's id,
note-tweet.js for long posts, article.js (see :mod:`corpus.readers.x.articles`), and
protected-history.js. Most of the others are private: messages,
deleted posts, posts to a circle. Archives of before 2019 have other files, which
:mod:`corpus.readers.x.grailbird` describes.

Long posts are cut in tweets.js. A post takes its full text from a note of note-tweet.js that was
written in the same second and begins as the post does, but for the names at the head of a reply and
with links compared by their targets; if two different notes match, the post keeps its cut text.
Posts that stay cut are counted as ``still_cut``. A repost is recognized by its "RT @name: " alone,
with X's cut text and no link to its original. The archive has no thread ids, so a reply has a
parent but no root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from pydantic import Field

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.names import get_folder, natural_sort_key
from corpus.formats.archives.zip_archive import is_zip
from corpus.formats.dump_input import DumpInput
from corpus.formats.times import parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import read_records, refuse_file, refuse_problems
from corpus.readers.contract import (
    Batch,
    Cursor,
    Decode,
    JsonScalar,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    match_mentions,
    new_post,
)
from corpus.readers.x import grailbird
from corpus.readers.x.archive_files import (
    LongNotes,
    NoteItem,
    TweetItem,
    decode_elements,
    is_withheld,
    list_links,
    list_versions,
    resolve_text,
)
from corpus.readers.x.articles import Article, Articles, parse_article
from corpus.readers.x.common import (
    iter_mentioned_users,
    make_superseded_tombstones,
    normalize_language,
    parse_x_id,
)
from corpus.storage import filesystem

PLATFORM = "x"
VERSION = 4
TOMBSTONES = True
FOLDERS = True
ACCOUNT_FILES = ("*",)


class Config(ReaderConfig):
    """What to read."""

    reposts: bool = Field(
        default=True, description="also read reposts; the archive has only their cut texts"
    )
    expand_links: bool = Field(
        default=True, description="replace the short links of t.co by their targets"
    )


class _Account(msgspec.Struct, gc=False):
    id: JsonScalar = msgspec.field(default=None, name="accountId")
    name: JsonScalar = msgspec.field(default=None, name="username")


class _MentioningItem(msgspec.Struct, gc=False):
    """An element of tweets.js with the people whom its text mentions, which are not validated."""

    entities: msgspec.Raw = msgspec.Raw()
    tweet: _MentioningItem | None = None


class _AccountItem(msgspec.Struct, gc=False):
    account: _Account | None = None


class _Protection(msgspec.Struct, gc=False):
    at: JsonScalar = msgspec.field(default=None, name="protectedAt")
    action: str | None = None


class _ProtectionItem(msgspec.Struct, gc=False):
    protection: _Protection | None = msgspec.field(default=None, name="protectedHistory")


class _Owner(NamedTuple):
    """The owner of an archive, as its files describe them."""

    id: str | None
    name: str | None
    protected: bool
    notes: LongNotes


#: The files of posts. A pattern matches whole names: "deleted-tweets.js" is not "tweets.js".
_TWEET_FILES = ("tweets.js", "tweets-part*.js", "tweet.js", "tweet-part*.js")
_COMMUNITY_FILES = ("community-tweet.js", "community-tweet-part*.js")
_NOTE_FILES = ("note-tweet.js", "note-tweet-part*.js")
_ARTICLE_FILES = ("article.js", "article-part*.js", "articles.js", "articles-part*.js")
#: How they begin, which distinguishes them from other files of these names.
_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*window\.YTD\.(?:tweets?|community_tweet)\.part[0-9]+\s*="
)
_REPOST = re.compile(r"RT @\w+: ")
_ACCOUNT_FILE, _PROTECTION_FILE = "account.js", "protected-history.js"

_parse_item = msgspec.json.Decoder(TweetItem).decode
_parse_mentioning_item = msgspec.json.Decoder(_MentioningItem).decode
_parse_note_item = msgspec.json.Decoder(NoteItem).decode
_parse_account_item = msgspec.json.Decoder(_AccountItem).decode
_parse_protection_item = msgspec.json.Decoder(_ProtectionItem).decode


def fits(sample: Sample) -> float:
    """Return how well the names in an archive, or the start of a file, fit an archive of X's."""
    if not sample.members:
        return 1.0 if _BEGINS.match(sample.head) or grailbird.is_file(sample.head) else 0.0
    names = {name.rpartition("/")[2] for name in sample.members}
    if grailbird.is_archive(sample.members):
        return 1.0
    if not names & {"tweets.js", "tweet.js", "tweets-part0.js", "community-tweet.js"}:
        return 0.0
    return 1.0 if {_ACCOUNT_FILE, "manifest.js"} & names else 0.6


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts of one archive, or of a tweets.js alone, in batches."""
    if filesystem.is_folder(path) or is_zip(path):
        with Bundle(path) as bundle:
            located = _read_archive(bundle, config)
            yield from read_records(
                located, bundle, platform=PLATFORM, part_posts=part_posts, start=start
            )
        return
    with DumpInput(path) as source:
        located = _read_single_file(source, config)
        yield from read_records(
            located, source, platform=PLATFORM, part_posts=part_posts, start=start
        )


def _read_single_file(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    """Read a tweets.js without the other files of its archive."""
    for member in source.members():
        content = member.open()
        if grailbird.is_file(content.head):
            max_bytes, options = config.max_line_mb << 20, _options(config)
            yield from grailbird.read_file(
                content, content.head, member.source_file, max_bytes, options
            )
            continue
        # Detected by its content, because a private file may have any name.
        if member.name or not _BEGINS.match(content.head):
            yield refuse_file(source.path, "no_tweets")
            return
        yield refuse_file(source.path, "no_account")
        decode = make_decoder(config, None, False, LongNotes())
        yield from decode_elements(content, source.path, config.max_line_mb << 20, decode)


def _read_archive(bundle: Bundle, config: Config) -> Iterator[LocatedRecords]:
    yield from refuse_problems(bundle.problems)
    parts: dict[str, list[str]] = {}
    # tweets.js is part 0.
    for patterns in (_TWEET_FILES, _COMMUNITY_FILES):
        names = bundle.find_files(*patterns)
        for name in sorted(names, key=lambda name: natural_sort_key(name.removesuffix(".js"))):
            parts.setdefault(get_folder(name), []).append(name)
    max_bytes = config.max_line_mb << 20
    is_empty = not parts and not bundle.problems
    for located in grailbird.read_bundle(bundle, max_bytes, _options(config), not parts):
        is_empty = False
        yield located
    if is_empty:
        yield refuse_file(bundle.path, "no_tweets")
    # A folder may contain the archives of several people.
    for folder, names in parts.items():
        problems: list[LocatedRecords] = []
        owner = _read_owner(bundle, folder, max_bytes, problems)
        yield from problems
        article_files = [
            name for name in bundle.find_files(*_ARTICLE_FILES) if get_folder(name) == folder
        ]
        articles, refused = _read_articles(bundle, article_files, max_bytes)
        yield from refused
        decode = make_decoder(
            config, owner.id, owner.protected, owner.notes, owner.name, articles=articles
        )
        for name in names:
            yield from decode_elements(
                bundle.open(name), bundle.source_file(name), max_bytes, decode
            )
        for article in articles.iter_rest():
            post = _make_article(article, owner)
            size = len(article.text)
            yield LocatedRecords(article.source_file, article.source_row, size, (post,))


def _read_articles(
    bundle: Bundle, names: Sequence[str], max_bytes: int
) -> tuple[Articles, list[LocatedRecords]]:
    """Return the articles in files of an archive, and the refusals of their elements."""
    articles: list[Article] = []
    problems: list[LocatedRecords] = []

    def take_article(element: bytes) -> Sequence[Record]:
        articles.append(parse_article(element))
        return ()

    for name in names:
        source_file = bundle.source_file(name)
        for located in decode_elements(bundle.open(name), source_file, max_bytes, take_article):
            if located.records:
                problems.append(located)
            else:
                row = located.source_row
                articles[-1] = articles[-1]._replace(source_file=source_file, source_row=row)
    return Articles(articles), problems


def _make_article(article: Article, owner: _Owner) -> Post:
    """Make the post of an article that no tweet of the archive shows."""
    withdrawn = "protected" if owner.protected else None if article.is_public else "private"
    return Post(
        f"x:{article.tweet}" if article.tweet else f"x:article/{article.id}",
        "" if withdrawn else article.text,
        author=owner.id,
        created_at=article.created,
        withdrawn=withdrawn,
        author_name=owner.name,
    )


def _options(config: Config) -> grailbird.Options:
    return grailbird.Options(config.reposts, config.expand_links)


def _read_owner(
    bundle: Bundle, folder: str, max_bytes: int, problems: list[LocatedRecords]
) -> _Owner:
    """Read the files that describe the owner, and append their refusals to ``problems``."""
    accounts: list[tuple[str, str | None]] = []
    history: list[tuple[int, bool]] = []
    notes = LongNotes()

    def take_account(element: bytes) -> Sequence[Record]:
        account = _parse_account_item(element).account
        name = parse_x_id(None, account.id) if account is not None else ""
        if not name:
            raise Refused("no_id")
        assert account is not None
        accounts.append((name, account.name if type(account.name) is str else None))
        return ()

    def take_protection(element: bytes) -> Sequence[Record]:
        change = _parse_protection_item(element).protection
        if change is None or change.action is None:
            raise Refused("no_action")
        history.append((parse_micros(change.at) or 0, change.action.lower() == "protect"))
        return ()

    def take_note(element: bytes) -> Sequence[Record]:
        note = _parse_note_item(element).note
        if note is None or not notes.add(note):
            raise Refused("no_text")
        return ()

    for patterns, decode in (
        ((_ACCOUNT_FILE,), take_account),
        ((_PROTECTION_FILE,), take_protection),
        (_NOTE_FILES, take_note),
    ):
        for name in bundle.find_files(*patterns):
            if get_folder(name) == folder:
                elements = decode_elements(
                    bundle.open(name), bundle.source_file(name), max_bytes, decode
                )
                problems += [located for located in elements if located.records]
    account_file = bundle.source_file(folder + _ACCOUNT_FILE)
    if not accounts and not any(problem.source_file == account_file for problem in problems):
        problems.append(refuse_file(account_file, "no_account"))
    # The history covers half a year: it does not show an account that was protected before.
    protected = bool(history) and max(history, key=lambda change: change[0])[1]
    account_id, account_name = accounts[0] if accounts else (None, None)
    return _Owner(account_id, account_name, protected, notes)


def make_decoder(
    config: Config,
    author: str | None,
    protected: bool,
    notes: LongNotes,
    author_name: str | None = None,
    articles: Articles | None = None,
) -> Decode:
    """Return a function that decodes an element of tweets.js to its post."""

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
        text, quoted, still_cut = resolve_text(tweet, shown, name, notes, config.expand_links)
        if quoted and kind == "post":
            kind = "quote"
        if articles and kind != "repost":
            text = articles.add_to(text, name, list_links(tweet))
        older = list_versions(tweet)[:-1]
        withdrawn = None
        community = tweet.community_id_str or None
        if protected:
            text, withdrawn, community = "", "protected", None
        elif tweet.scopes is not None and tweet.scopes.followers:
            text, withdrawn, community = "", "private", None
        elif is_withheld(tweet):
            withdrawn = "withheld"
        elif name in older:
            withdrawn = "superseded"
        post = new_post(
            (
                "x:" + name,
                text,
                kind,
                author,
                community,
                parse_given_micros(tweet.created_at),
                normalize_language(tweet.lang),
                "x:" + parent if parent else None,
                None,  # root_id
                parse_given_int64(tweet.favorite_count),
                None,  # replies
                tweet.possibly_sensitive,
                None,  # bot
                None,  # license
                withdrawn,
                None,  # accepted_id
                None,  # consent
                None,  # seen_at
                match_mentions(text, _iter_accounts(element)) if "@" in text else None,
                None,  # original_author
                author_name,
                None,  # edited_at
                None,  # author_since
            )
        )
        is_cut = still_cut and kind != "repost" and withdrawn is None
        notices = (Skipped("still_cut"),) if is_cut else ()
        return (post, *notices, *make_superseded_tombstones(older))

    return decode


def _iter_accounts(element: bytes) -> Iterator[tuple[str | None, str]]:
    """Yield the name and id of each user whom an element of tweets.js mentions."""
    try:
        item = _parse_mentioning_item(element)
    except msgspec.DecodeError:
        return iter(())
    return iter_mentioned_users((item.tweet or item).entities)
