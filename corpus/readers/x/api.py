"""Read X's API v2 as twarc2 and others store it: pages, stream objects, flattened tweets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from html import unescape
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import Field

from corpus.formats.times import micros, whole
from corpus.readers.contract import (
    Batch,
    Cursor,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
    mentions_of,
    read_lines,
)
from corpus.readers.x.common import EVERYWHERE, identifier, language, people
from corpus.readers.x.json_types import (
    Data,
    Includes,
    Line,
    Metrics,
    Notice,
    Reference,
    Tweet,
    User,
    Withheld,
)

PLATFORM = "x"
VERSION = 1
TOMBSTONES = True


class Config(ReaderConfig):
    """What to read, and what a compliance line without a telling field is about."""

    includes: bool = Field(
        default=False, description="also read the tweets that others refer to (includes.tweets)"
    )
    compliance: Literal["detect", "tweets", "users"] = Field(
        default="detect",
        description="what the ids of a compliance job are; 'detect' tells by each line, and "
        "takes an id that could be either for both",
    )


T = TypeVar("T")

_REASONS = {"protected": "protected", "suspended": "removed", "withheld": "withheld"}
_NOTICES = {
    "delete": "deleted_later",
    "drop": "removed",
    "user_delete": "deleted_later",
    "user_protect": "protected",
    "user_suspend": "removed",
    "user_withheld": "withheld",
}
_SKIPPED = (
    "tweet_edit",
    "scrub_geo",
    "undrop",
    "user_undelete",
    "user_unprotect",
    "user_unsuspend",
    "user_profile_modification",
)
_RETWEET = re.compile(r"RT @(\w+): ")
# What a tweet has beside its id and text, and a page beside its tweets.
_TWEET_KEYS = {"author_id", "conversation_id", "edit_history_tweet_ids"}
_PAGE_KEYS = {"newest_id", "oldest_id", "result_count"}
_TWEET_KEY = re.compile(rb'"(?:%s)"' % b"|".join(name.encode() for name in sorted(_TWEET_KEYS)))
_PROBLEM = "https://api.twitter.com/2/problems/"
_COMPLIANCE_KEYS = {"id", "action", "created_at", "redacted_at", "reason"}
# The first snowflake ids: of tweets in November 2010, of users early in 2016.
_TWEET_SNOWFLAKES, _USER_SNOWFLAKES = 1_288_834_974_657_000, 1_451_606_400_000_000
_SNOWFLAKE = 10**11  # more than any id that was merely counted up

_line = msgspec.json.Decoder(Line).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_tweet = msgspec.json.Decoder(Tweet).decode
_user = msgspec.json.Decoder(User).decode
_data = msgspec.json.Decoder(Data).decode


def fits(sample: Sample) -> float:
    """Whether these are pages, tweets or notices of API v2."""
    if not sample.objects and sample.head.startswith(b"{") and b"\n" not in sample.head:
        # A page of five hundred tweets can be longer than what is shown of the file.
        of_a_page = (b'"data"' in sample.head[:12], b'"text"' in sample.head)
        return 0.9 if all(of_a_page) and _TWEET_KEY.search(sample.head) else 0.0
    return sample.share(_is_ours)


def _is_ours(row: dict[str, Any]) -> bool:
    if _is_tweet(row) or ("action" in row and "id" in row and row.keys() <= _COMPLIANCE_KEYS):
        return True
    data, meta = row.get("data"), row.get("meta")
    if "__twarc" in row or (isinstance(meta, dict) and not _PAGE_KEYS.isdisjoint(meta)):
        return True
    if isinstance(data, list):
        return any(_is_tweet(item) for item in data)
    if isinstance(data, dict):
        said = data.keys() & {*_NOTICES, *_SKIPPED}
        return "matching_rules" in row or _is_tweet(data) or len(said) == len(data) == 1
    errors = row.get("errors")
    return isinstance(errors, list) and any(
        isinstance(error, dict) and str(error.get("type")).startswith(_PROBLEM) for error in errors
    )


def _is_tweet(row: object) -> bool:
    if not isinstance(row, dict) or "id" not in row or "text" not in row:
        return False
    return not _TWEET_KEYS.isdisjoint(row)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the tweets and the deletions of one file in batches."""
    decode = decoder(config)
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


def decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a line into its tweets, deletions and errors."""

    def decode(line: bytes) -> Sequence[Record]:
        row = _line(line)
        if row.text is not None:
            return _posts(row, {}, {})
        if row.action is not None:
            return _compliance(row, config.compliance)
        records: list[Record] = [Skipped("error") for _ in row.errors or ()]
        known = row.includes or Includes()
        tweets = {identifier(None, tweet.id): tweet for tweet in _whole(known.tweets, _tweet)}
        users = {identifier(None, user.id): user for user in _whole(known.users, _user)}
        data = bytes(row.data)
        if data[:1] == b"[":
            for item in _items(data):
                records += _one(item, tweets, users)
        elif data[:1] == b"{":
            records += _object(data, tweets, users)
        elif not records and not bytes(row.meta):
            raise Refused("no_text" if identifier(None, row.id) else "no_id")
        elif not records:
            records.append(Skipped("empty_page"))
        if config.includes:
            read_already = {record.id for record in records if isinstance(record, Post)}
            for name, tweet in tweets.items():
                if "x:" + name not in read_already:
                    records += _checked(tweet, tweets, users)
        return records

    return decode


def _whole(items: list[msgspec.Raw], parse: Callable[[msgspec.Raw], T]) -> Iterator[T]:
    """The items that parse: they only complete the page's own tweets, which can do without."""
    for item in items:
        with suppress(msgspec.ValidationError):
            yield parse(item)


def _one(item: msgspec.Raw, tweets: dict[str, Tweet], users: dict[str, User]) -> Sequence[Record]:
    # One spoilt tweet must not take the other 499 of its page with it.
    try:
        return _checked(_tweet(item), tweets, users)
    except msgspec.ValidationError:
        return (Refused("wrong_type"),)


def _checked(tweet: Tweet, tweets: dict[str, Tweet], users: dict[str, User]) -> Sequence[Record]:
    try:
        return _posts(tweet, tweets, users)
    except Refused as refusal:
        return (refusal,)


def _object(data: bytes, tweets: dict[str, Tweet], users: dict[str, User]) -> Sequence[Record]:
    row = _data(data)
    for name, reason in _NOTICES.items():
        notice: Notice | None = getattr(row, name)
        if notice is not None:
            return (_notice(notice, reason),)
    for name in _SKIPPED:
        if bytes(getattr(row, name)):
            return (Skipped(name),)
    if row.withheld is not None and row.withheld.tweet is not None:
        return (_notice(Notice(tweet=row.withheld.tweet), "withheld"),)
    return _checked(row, tweets, users)


def _posts(tweet: Tweet, tweets: dict[str, Tweet], users: dict[str, User]) -> list[Record]:
    """The tweet, and a tombstone for each older version of it."""
    name = identifier(None, tweet.id)
    if not name:
        raise Refused("no_id")
    text = _full_text(tweet)
    if text is None:
        raise Refused("no_text")
    author = identifier(None, tweet.author_id)
    user = tweet.author or users.get(author)
    withdrawn = _withdrawn(tweet.withheld, user)
    kind, parent = "post", ""
    references = {reference.type: reference for reference in tweet.referenced_tweets or ()}
    if "retweeted" in references:
        reference = references["retweeted"]
        kind, parent = "repost", identifier(None, reference.id)
        original = tweets.get(parent)
        text = _retweet(text, original or reference)
        if original is not None:
            writer = users.get(identifier(None, original.author_id))
            withdrawn = withdrawn or _withdrawn(original.withheld, writer)
        else:
            withdrawn = withdrawn or _withdrawn(reference.withheld, reference.author)
    elif "replied_to" in references:
        kind, parent = "reply", identifier(None, references["replied_to"].id)
    elif "quoted" in references:
        kind = "quote"
    versions = [identifier(None, version) for version in tweet.edit_history_tweet_ids or ()]
    if versions and name in versions[:-1]:
        withdrawn = withdrawn or "superseded"
    metrics, root = tweet.public_metrics or Metrics(), identifier(None, tweet.conversation_id)
    records: list[Record] = [
        Post(
            "x:" + name,
            unescape(text) if "&" in text else text,
            kind,
            author or (identifier(None, user.id) if user else "") or None,
            None,
            micros(tweet.created_at),
            language(tweet.lang),
            "x:" + parent if parent else None,
            "x:" + root if root else None,
            whole(metrics.like_count),
            whole(metrics.reply_count),
            tweet.possibly_sensitive,
            None,
            None,
            withdrawn,
            mentions=mentions_of(text, _people(tweet, users)) if "@" in text else None,
        )
    ]
    records += [Tombstone("id", "x:" + old, "superseded") for old in versions[:-1] if old]
    return records


def _people(tweet: Tweet, users: dict[str, User]) -> Iterator[tuple[str | None, str]]:
    """Name and id of everybody whom a tweet knows."""
    yield from people(tweet.entities)
    references = [each.author for each in tweet.referenced_tweets or ()]
    for user in (tweet.author, users.get(identifier(None, tweet.author_id)), *references):
        if user is not None:
            yield user.username, identifier(None, user.id)


def _full_text(tweet: Tweet | Reference) -> str | None:
    note = tweet.note_tweet
    return note.text if note is not None and note.text else tweet.text


def _retweet(shown: str, original: Tweet | Reference) -> str:
    """The original's text in full behind the 'RT @name: ' that the retweet shows."""
    full, prefix = _full_text(original), _RETWEET.match(shown)
    return prefix[0] + full if full is not None and prefix else shown


def _withdrawn(withheld: Withheld | None, user: User | None) -> str | None:
    if user is not None and user.protected:
        return "protected"
    # Withheld with no country named is withheld from all of them.
    if withheld is not None and (
        not withheld.country_codes or not EVERYWHERE.isdisjoint(withheld.country_codes)
    ):
        return "withheld"
    return None


def _notice(notice: Notice, reason: str) -> Tombstone:
    for target, about in (("id", notice.tweet), ("author", notice.user)):
        name = identifier(None, about.id) if about is not None else ""
        if name:
            return Tombstone(target, "x:" + name, reason)
    raise Refused("no_id")


def _compliance(row: Line, about: str) -> Sequence[Record]:
    """A line of a compliance job, which does not say whether its id is a tweet's or a user's."""
    name = identifier(None, row.id)
    if not name:
        raise Refused("no_id")
    if row.action != "delete" or row.reason == "scrub_geo":
        return (Skipped(row.reason or row.action or "compliance"),)
    reason = _REASONS.get(row.reason or "", "deleted_later")
    targets = {"tweets": ("id",), "users": ("author",)}.get(about) or _targets(row, int(name[:20]))
    return tuple(Tombstone(target, "x:" + name, reason) for target in targets)


def _targets(row: Line, number: int) -> tuple[str, ...]:
    if row.redacted_at is not None:  # a field of tweets alone
        return ("id",)
    created = micros(row.created_at)
    if created is not None and number < _SNOWFLAKE and created > _TWEET_SNOWFLAKES:
        return ("author",)
    if created is not None and number >= _SNOWFLAKE and created < _USER_SNOWFLAKES:
        return ("id",)
    # To drop a stranger's tweet costs less than to keep one that its author has taken back.
    return ("id", "author")
