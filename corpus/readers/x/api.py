"""Read X's API v2 as twarc2 and others store it: pages, stream objects, flattened tweets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from html import unescape
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from pydantic import Field

from corpus.formats.times import (
    parse_account_micros,
    parse_given_int64,
    parse_given_micros,
    parse_micros,
)
from corpus.readers.batches import read_lines
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonConfig,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
    match_mentions,
    new_post,
)
from corpus.readers.text_parts import join_alts, join_poll, join_title
from corpus.readers.x.common import (
    LIFTING_REASONS,
    find_quote_link,
    is_withheld_everywhere,
    iter_mentioned_users,
    make_superseded_tombstones,
    normalize_language,
    parse_x_id,
    strip_quote_link,
)
from corpus.readers.x.json_types import (
    ApiLine,
    ApiTweet,
    ApiUser,
    Attachments,
    ComplianceNotice,
    Media,
    PageIncludes,
    Poll,
    StreamData,
    TweetMetrics,
    TweetReference,
    WithheldScope,
)

PLATFORM = "x"
VERSION = 6
TOMBSTONES = True


class Config(JsonConfig):
    """What to read, and what the ids of ambiguous compliance lines name."""

    includes: bool = Field(
        default=False, description="also read the tweets that others refer to (includes.tweets)"
    )
    with_alt: bool = Field(
        default=False,
        description="add the descriptions of pictures to a text (includes.media)",
    )
    compliance: Literal["detect", "tweets", "users"] = Field(
        default="detect",
        description="what the ids of a compliance job name; 'detect' decides by line, and applies "
        "an ambiguous id to both",
    )


T = TypeVar("T")


class _Included(NamedTuple):
    """What a page's tweets refer to, by id."""

    tweets: dict[str, ApiTweet]
    users: dict[str, ApiUser]
    polls: dict[str, Poll]
    alts: dict[str, str | None] | None  # of pictures, by key; null if they are not wanted


_COMPLIANCE_REASONS = {"protected": "protected", "suspended": "removed", "withheld": "withheld"}
_NOTICE_REASONS = {
    "delete": "deleted_later",
    "drop": "removed",
    "user_delete": "deleted_later",
    "user_protect": "protected",
    "user_suspend": "removed",
    "user_withheld": "withheld",
    **LIFTING_REASONS,
}
_SKIPPED_MESSAGES = (
    "tweet_edit",
    "scrub_geo",
    "user_profile_modification",
)
_ONLY_LINK = re.compile(r"https?://t\.co/\w+")
_RETWEET = re.compile(r"RT @(\w+): ")
# The keys of a tweet besides its id and text, and of a page's metadata.
_TWEET_KEYS = {"author_id", "conversation_id", "edit_history_tweet_ids"}
_PAGE_KEYS = {"newest_id", "oldest_id", "result_count"}
_TWEET_KEY = re.compile(rb'"(?:%s)"' % b"|".join(name.encode() for name in sorted(_TWEET_KEYS)))
_PROBLEM_PREFIX = "https://api.twitter.com/2/problems/"
_COMPLIANCE_KEYS = {"id", "action", "created_at", "redacted_at", "reason"}
# The first snowflake ids: of tweets in November 2010, of users early in 2016.
_TWEET_SNOWFLAKES_FROM_US, _USER_SNOWFLAKES_FROM_US = 1_288_834_974_657_000, 1_451_606_400_000_000
_MIN_SNOWFLAKE = 10**11  # larger than any sequential id from before

_parse_line = msgspec.json.Decoder(ApiLine).decode
_parse_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_parse_tweet = msgspec.json.Decoder(ApiTweet).decode
_parse_tweets = msgspec.json.Decoder(list[ApiTweet]).decode
_parse_user = msgspec.json.Decoder(ApiUser).decode
_parse_poll = msgspec.json.Decoder(Poll).decode
_parse_media = msgspec.json.Decoder(list[Media]).decode
_parse_keys = msgspec.json.Decoder(list[str]).decode
_parse_data = msgspec.json.Decoder(StreamData).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are pages, tweets or notices of API v2."""
    if not sample.objects and sample.head.startswith(b"{") and b"\n" not in sample.head:
        # A page of five hundred tweets can be longer than the sample.
        page_keys = (b'"data"' in sample.head[:12], b'"text"' in sample.head)
        return 0.9 if all(page_keys) and _TWEET_KEY.search(sample.head) else 0.0
    return sample.matching_share(_is_api_object)


def _is_api_object(row: dict[str, Any]) -> bool:
    if _is_tweet(row) or ("action" in row and "id" in row and row.keys() <= _COMPLIANCE_KEYS):
        return True
    data, meta = row.get("data"), row.get("meta")
    if "__twarc" in row or (isinstance(meta, dict) and not _PAGE_KEYS.isdisjoint(meta)):
        return True
    if isinstance(data, list):
        return any(_is_tweet(item) for item in data)
    if isinstance(data, dict):
        message_keys = data.keys() & {*_NOTICE_REASONS, *_SKIPPED_MESSAGES}
        return "matching_rules" in row or _is_tweet(data) or len(message_keys) == len(data) == 1
    errors = row.get("errors")
    return isinstance(errors, list) and any(
        isinstance(error, dict) and str(error.get("type")).startswith(_PROBLEM_PREFIX)
        for error in errors
    )


def _is_tweet(row: object) -> bool:
    if not isinstance(row, dict) or "id" not in row or "text" not in row:
        return False
    return not _TWEET_KEYS.isdisjoint(row) and "parent" not in row  # of a comment of yt-dlp


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the tweets and the deletions of one file in batches."""
    decode = make_decoder(config)
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


def make_decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a line to its tweets, deletions and errors."""
    nothing = _Included({}, {}, {}, {} if config.with_alt else None)

    def decode(line: bytes) -> Sequence[Record]:
        row = _parse_line(line)
        if row.text is not None:
            return _make_records(row, nothing)
        if row.action is not None:
            return _decode_compliance(row, config.compliance)
        records: list[Record] = [Skipped("error") for _ in row.errors or ()]
        includes = row.includes or PageIncludes()
        included = _Included(
            _index_items(includes.tweets, _parse_tweet),
            _index_items(includes.users, _parse_user),
            _index_items(includes.polls, _parse_poll),
            _index_alts(includes.media) if config.with_alt else None,
        )
        data = bytes(row.data)
        if data[:1] == b"[":
            for tweet in _parse_page(data):
                records += _decode_tweet(tweet, included)
        elif data[:1] == b"{":
            records += _decode_object(data, included)
        elif not records and not bytes(row.meta):
            raise Refused("no_text" if parse_x_id(None, row.id) else "no_id")
        elif not records:
            records.append(Skipped("empty_page"))
        if config.includes:
            known = {record.id for record in records if isinstance(record, Post)}
            for name, referred in included.tweets.items():
                if "x:" + name not in known:
                    records += _decode_tweet(referred, included)
        return records

    return decode


_Item = TypeVar("_Item", ApiTweet, ApiUser, Poll)


def _index_items(
    items: list[msgspec.Raw], parse: Callable[[msgspec.Raw], _Item]
) -> dict[str, _Item]:
    """Return the items that parse; others are ignored, as a page's tweets do not require them."""
    found: dict[str, _Item] = {}
    for raw in items:
        try:
            item = parse(raw)
        except msgspec.ValidationError:
            continue
        found[parse_x_id(None, item.id)] = item
    return found


def _index_alts(media: msgspec.Raw) -> dict[str, str | None]:
    """Return the descriptions of pictures by their keys; none of malformed ones."""
    try:
        listed = _parse_media(media) if bytes(media) else []
    except msgspec.DecodeError:
        return {}
    return {one.media_key or "": one.alt_text for one in listed}


def _parse_page(data: bytes) -> Sequence[ApiTweet | Refused]:
    """Return the tweets of a page, and a refusal in place of each that is malformed."""
    with suppress(msgspec.ValidationError):
        return _parse_tweets(data)
    # One malformed tweet must not cost the other 499 of its page.
    tweets: list[ApiTweet | Refused] = []
    for item in _parse_items(data):
        try:
            tweets.append(_parse_tweet(item))
        except msgspec.ValidationError:
            tweets.append(Refused("wrong_type"))
    return tweets


def _decode_tweet(tweet: ApiTweet | Refused, included: _Included) -> Sequence[Record]:
    if isinstance(tweet, Refused):
        return (tweet,)
    try:
        return _make_records(tweet, included)
    except Refused as refusal:
        return (refusal,)


def _decode_object(data: bytes, included: _Included) -> Sequence[Record]:
    row = _parse_data(data)
    for name, reason in _NOTICE_REASONS.items():
        notice: ComplianceNotice | None = getattr(row, name)
        if notice is not None:
            said_at = parse_micros(notice.event_at)
            if name in LIFTING_REASONS and said_at is None:
                return (Skipped(name),)  # before or after what it takes back
            return (_make_tombstone(notice, reason, said_at),)
    for name in _SKIPPED_MESSAGES:
        if bytes(getattr(row, name)):
            return (Skipped(name),)
    if row.withheld is not None and row.withheld.tweet is not None:
        return (_make_tombstone(ComplianceNotice(tweet=row.withheld.tweet), "withheld"),)
    return _decode_tweet(row, included)


def _make_records(tweet: ApiTweet, included: _Included) -> list[Record]:
    """Return the post of a tweet, and a tombstone for each older version of it."""
    tweets, users = included.tweets, included.users
    name = parse_x_id(None, tweet.id)
    if not name:
        raise Refused("no_id")
    text = _get_full_text(tweet, included)
    if text is None:
        raise Refused("no_text")
    author = parse_x_id(None, tweet.author_id)
    user = tweet.author or users.get(author)
    withdrawn = _find_withdrawal(tweet.withheld, user)
    kind, parent, writer_id = "post", "", ""
    references: dict[str | None, TweetReference] = {}
    if tweet.referenced_tweets:
        references = {reference.type: reference for reference in tweet.referenced_tweets}
    if "retweeted" in references:
        reference = references["retweeted"]
        kind, parent = "repost", parse_x_id(None, reference.id)
        original = tweets.get(parent)
        text = _restore_retweet(text, original or reference, included)
        if original is not None:
            writer_id = parse_x_id(None, original.author_id)
            writer = users.get(writer_id)
            withdrawn = withdrawn or _find_withdrawal(original.withheld, writer)
        else:
            withdrawn = withdrawn or _find_withdrawal(reference.withheld, reference.author)
            writer_id = parse_x_id(None, reference.author.id) if reference.author else ""
    elif "replied_to" in references:
        kind, parent = "reply", parse_x_id(None, references["replied_to"].id)
    elif "quoted" in references:
        kind = "quote"
    if "quoted" in references:
        quoted = parse_x_id(None, references["quoted"].id)
        note = tweet.note_tweet
        for entities in (tweet.entities, note.entities if note is not None else msgspec.Raw()):
            text = strip_quote_link(text, find_quote_link(entities, quoted))
    if included.alts is not None:
        # X lists the pictures of an original with its repost, too.
        for one in (tweet, tweets.get(parent) if kind == "repost" else None):
            if one is not None and one.attachments is not None:
                text = join_alts(text, _list_alts(one.attachments, included.alts))
    history, older = tweet.edit_history_tweet_ids, list[str]()
    if history and len(history) > 1:  # it ends with the newest version
        older = [parse_x_id(None, version) for version in history[:-1]]
        if name in older:
            withdrawn = withdrawn or "superseded"
    metrics, root = tweet.public_metrics or TweetMetrics(), parse_x_id(None, tweet.conversation_id)
    community = tweet.community_id
    post = new_post(
        (
            "x:" + name,
            unescape(text) if "&" in text else text,
            kind,
            author or (parse_x_id(None, user.id) if user else "") or None,
            parse_x_id(None, community) or None if community is not None else None,
            parse_given_micros(tweet.created_at),
            normalize_language(tweet.lang),
            "x:" + parent if parent else None,
            "x:" + root if root else None,
            parse_given_int64(metrics.like_count),
            parse_given_int64(metrics.reply_count),
            tweet.possibly_sensitive,
            None,  # bot
            None,  # license
            withdrawn,
            None,  # accepted_id
            None,  # consent
            None,  # seen_at
            match_mentions(text, _iter_accounts(tweet, users)) if "@" in text else None,
            writer_id or None,
            user.username if user is not None else None,
            None,  # edited_at
            parse_account_micros(user.created_at) if user is not None else None,
        )
    )
    return [post, *make_superseded_tombstones(older)] if older else [post]


def _iter_accounts(tweet: ApiTweet, users: dict[str, ApiUser]) -> Iterator[tuple[str | None, str]]:
    """Yield the name and id of each user in a tweet and in the tweets that it refers to."""
    yield from iter_mentioned_users(tweet.entities)
    referenced = [reference.author for reference in tweet.referenced_tweets or ()]
    for user in (tweet.author, users.get(parse_x_id(None, tweet.author_id)), *referenced):
        if user is not None:
            yield user.username, parse_x_id(None, user.id)


def _list_alts(attached: Attachments, alts: dict[str, str | None]) -> list[str | None]:
    """Return the descriptions of a tweet's pictures: those in it, or those of its page."""
    try:
        keys = _parse_keys(attached.media_keys) if bytes(attached.media_keys) else []
        media = _parse_media(attached.media) if bytes(attached.media) else []
    except msgspec.DecodeError:
        return []
    return [one.alt_text for one in media] or [alts.get(key) for key in keys]


def _get_full_text(tweet: ApiTweet | TweetReference, included: _Included) -> str | None:
    """Return the text of a tweet with the article and the poll that belong to it; may be null."""
    note, article, attached = tweet.note_tweet, tweet.article, tweet.attachments
    text = note.text if note is not None and note.text else tweet.text
    if article is not None and (article.title or article.plain_text):
        # The text of a tweet with an article is the link to it, or a remark and the link.
        shown = "" if text is None or _ONLY_LINK.fullmatch(text.strip()) else text
        text = join_title(
            shown, join_title(article.title, article.plain_text or article.preview_text or "")
        )
    if attached is not None and text is not None:
        ids = [parse_x_id(None, one) for one in attached.poll_ids or ()]
        for poll in (attached.poll, *(included.polls.get(one) for one in ids)):
            if poll is not None:
                return join_poll(text, poll.list_labels())
    return text


def _restore_retweet(shown: str, original: ApiTweet | TweetReference, included: _Included) -> str:
    """Return the original's full text after the "RT @name: " of the retweet."""
    full, prefix = _get_full_text(original, included), _RETWEET.match(shown)
    return prefix[0] + full if full is not None and prefix else shown


def _find_withdrawal(withheld: WithheldScope | None, user: ApiUser | None) -> str | None:
    if user is not None and user.protected:
        return "protected"
    # Without a list of countries, it is withheld in all of them.
    if withheld is not None and (
        not withheld.country_codes or is_withheld_everywhere(withheld.country_codes)
    ):
        return "withheld"
    return None


def _make_tombstone(notice: ComplianceNotice, reason: str, said_at: int | None = None) -> Tombstone:
    for target, named in (("id", notice.tweet), ("author", notice.user)):
        name = parse_x_id(None, named.id) if named is not None else ""
        if name:
            return Tombstone(target, "x:" + name, reason, said_at)
    raise Refused("no_id")


def _decode_compliance(row: ApiLine, id_kind: str) -> Sequence[Record]:
    """Decode a line of a compliance job; it does not state if its id is a tweet's or a user's."""
    name = parse_x_id(None, row.id)
    if not name:
        raise Refused("no_id")
    if row.action != "delete" or row.reason == "scrub_geo":
        return (Skipped(row.reason or row.action or "compliance"),)
    reason = _COMPLIANCE_REASONS.get(row.reason or "", "deleted_later")
    targets = {"tweets": ("id",), "users": ("author",)}.get(id_kind) or _guess_targets(
        row, int(name[:20])
    )
    return tuple(Tombstone(target, "x:" + name, reason) for target in targets)


def _guess_targets(row: ApiLine, number: int) -> tuple[str, ...]:
    if row.redacted_at is not None:  # only tweets have this field
        return ("id",)
    created = parse_micros(row.created_at)
    if created is not None and number < _MIN_SNOWFLAKE and created > _TWEET_SNOWFLAKES_FROM_US:
        return ("author",)
    if created is not None and number >= _MIN_SNOWFLAKE and created < _USER_SNOWFLAKES_FROM_US:
        return ("id",)
    # Dropping another user's tweet is less harmful than keeping a deleted one.
    return ("id", "author")
