"""Read tweets as programs collect them from X's web pages: twscrape, twikit, snscrape.

twscrape and snscrape store an object of their own for each tweet. twikit, and twscrape's raw
answers, have the objects of X's GraphQL interface, alone or within answers of any depth, such as
timelines and conversations. Tweets within a tweet (the original of a repost, a quoted one) complete
its text and are not read by themselves; advertisements are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from html import unescape
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.times import parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.batches import read_lines
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonConfig,
    JsonScalar,
    Post,
    Record,
    Refused,
    Sample,
    Skipped,
    match_mentions,
)
from corpus.readers.text_parts import join_alts, join_poll, join_title
from corpus.readers.x.common import (
    ShortLink,
    is_withheld_everywhere,
    iter_mentioned_users,
    make_superseded_tombstones,
    normalize_language,
    parse_x_id,
    split_last_word,
    strip_media_links,
    strip_quote_link,
)

PLATFORM = "x"
VERSION = 3
TOMBSTONES = True


class Config(JsonConfig):
    """What to read."""

    with_alt: bool = Field(default=False, description="add the descriptions of pictures to a text")


class _Person(msgspec.Struct, gc=False):
    """An account in an object of snscrape or twscrape."""

    id: JsonScalar = None
    id_str: str | None = None
    username: str | None = None
    protected: bool | None = None
    created: JsonScalar = None

    def get_id(self) -> str:
        return parse_x_id(self.id_str, self.id)


class _PollOption(msgspec.Struct, gc=False):
    label: str | None = None


class _Card(msgspec.Struct, gc=False):
    """A card beneath a tweet; a poll has options."""

    options: list[_PollOption] | None = None


class _LinkItem(msgspec.Struct, gc=False):
    url: str | None = None
    tcourl: str | None = None


class _ScrapedTweet(msgspec.Struct):
    """An object of snscrape or twscrape."""

    id: JsonScalar = None
    id_str: str | None = None
    content: str | None = None
    raw_content: str | None = msgspec.field(default=None, name="rawContent")
    date: JsonScalar = None
    user: _Person | None = None
    lang: str | None = None
    conversation: JsonScalar = msgspec.field(default=None, name="conversationId")
    conversation_str: str | None = msgspec.field(default=None, name="conversationIdStr")
    parent: JsonScalar = msgspec.field(default=None, name="inReplyToTweetId")
    parent_str: str | None = msgspec.field(default=None, name="inReplyToTweetIdStr")
    likes: JsonScalar = msgspec.field(default=None, name="likeCount")
    replies: JsonScalar = msgspec.field(default=None, name="replyCount")
    mentioned: list[_Person] | None = msgspec.field(default=None, name="mentionedUsers")
    retweeted: _ScrapedTweet | None = msgspec.field(default=None, name="retweetedTweet")
    quoted: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="quotedTweet")
    possibly_sensitive: bool | None = None
    card: _Card | None = None
    links: list[_LinkItem] | None = None
    media: msgspec.Raw = msgspec.Raw()

    def get_id(self) -> str:
        return parse_x_id(self.id_str, self.id)


class _Line(_ScrapedTweet):
    """Any line; of GraphQL it has none of these fields."""

    type: Any = msgspec.field(default=None, name="_type")


class _Medium(ShortLink, gc=False):
    """A picture or a video, and the link in the text that stands for it."""

    ext_alt_text: str | None = None


class _Entities(msgspec.Struct, gc=False):
    media: list[_Medium] | None = None


class _Legacy(msgspec.Struct, gc=False):
    """The fields of a tweet that GraphQL has from API v1.1."""

    id_str: str | None = None
    full_text: str | None = None
    created_at: JsonScalar = None
    user_id_str: str | None = None
    conversation_id_str: str | None = None
    in_reply_to_status_id_str: str | None = None
    is_quote_status: bool | None = None
    quoted_status_permalink: ShortLink | None = None
    favorite_count: JsonScalar = None
    reply_count: JsonScalar = None
    lang: str | None = None
    possibly_sensitive: bool | None = None
    withheld_in_countries: list[str] | str | None = None
    extended_entities: _Entities | None = None


_STATUS_TYPES = ("Tweet", "TweetWithVisibilityResults")
_GRAPHQL_MARKS = re.compile(rb'"(?:tweet_results|tweetResult|instructions|__typename|rest_id)"')
_POLL_CHOICE = re.compile(r"choice([0-9])_label")
_ONLY_LINK = re.compile(r"https?://t\.co/\w+")
# X escapes these three characters only; if one of them is unescaped, the text was not escaped.
_UNESCAPED = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")

_parse_line = msgspec.json.Decoder(_Line).decode
_parse_any = msgspec.json.Decoder().decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are tweets of these programs or answers of GraphQL."""
    return sample.matching_share(lambda row: _is_scraped(row) or _has_tweets(row))


def _is_scraped(row: dict[str, Any]) -> bool:
    if str(row.get("_type")).startswith("snscrape.modules.twitter."):
        return True
    has_text = "rawContent" in row or "renderedContent" in row
    return has_text and isinstance(row.get("user"), dict) and "id" in row


def _has_tweets(row: dict[str, Any]) -> bool:
    return any(_is_tweet(found) for found in _iter_results(row))


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the tweets of one file in batches."""
    decode_line = partial(decode, with_alt=True) if config.with_alt else decode
    return read_lines(
        path, config, decode_line, platform=PLATFORM, part_posts=part_posts, start=start
    )


def decode(line: bytes, with_alt: bool = False) -> Sequence[Record]:
    """Decode a line: an object of one of the programs, or an answer of GraphQL."""
    row = _parse_line(line)
    if row.content is not None or row.raw_content is not None:
        return (_make_scraped_post(row, with_alt),)
    if type(row.type) is str:  # of a deleted tweet, or of one that is only named
        return (Skipped("reference"),)
    answer = _parse_any(line)
    if not isinstance(answer, dict) or not _GRAPHQL_MARKS.search(line):
        raise Refused("no_text" if row.get_id() else "no_id")
    records: list[Record] = []
    for found in _iter_results(answer):
        try:
            records += _decode_result(found, with_alt)
        except Refused as refusal:
            records.append(refusal)
        except msgspec.ValidationError:
            records.append(Refused("wrong_type"))
    return records or (Skipped("empty_page"),)


# --------------------------------------------------------------------------- snscrape, twscrape


def _make_scraped_post(row: _ScrapedTweet, with_alt: bool) -> Post:
    name = row.get_id()
    if not name:
        raise Refused("no_id")
    original, user = row.retweeted, row.user or _Person()
    kind, parent = "post", parse_x_id(row.parent_str, row.parent)
    text, writer = _read_scraped_text(row), None
    if original is not None:
        kind, parent, writer = "repost", original.get_id(), original.user
        whole = _read_scraped_text(original)
        if writer is not None and writer.username and whole:
            text = f"RT @{writer.username}: {whole}"
        text = join_alts(text, _list_scraped_alts(original.media)) if with_alt else text
    elif parent:
        kind = "reply"
    elif bytes(row.quoted)[:1] == b"{":
        kind = "quote"
    if with_alt:
        text = join_alts(text, _list_scraped_alts(row.media))
    is_protected = user.protected or (writer is not None and writer.protected)
    root = parse_x_id(row.conversation_str, row.conversation)
    mentioned = [user, *(row.mentioned or ()), *((original and original.mentioned) or ())]
    mentioned += [writer] if writer is not None else []
    return Post(
        "x:" + name,
        "" if is_protected else text,
        kind,
        user.get_id() or user.username,
        created_at=parse_given_micros(row.date),
        lang_hint=normalize_language(row.lang),
        parent_id="x:" + parent if parent else None,
        root_id="x:" + root if root else None,
        score=parse_given_int64(row.likes),
        replies=parse_given_int64(row.replies),
        sensitive=row.possibly_sensitive,
        withdrawn="protected" if is_protected else None,
        mentions=match_mentions(text, [(one.username, one.get_id()) for one in mentioned]),
        original_author=(writer.get_id() or writer.username) if writer is not None else None,
        author_name=user.username,
        author_since=parse_micros(user.created),
    )


def _list_scraped_alts(raw: msgspec.Raw) -> list[object]:
    """Return the descriptions of pictures: a list of them, or in twscrape lists by kind."""
    media = _parse_any(raw) if bytes(raw) else None
    lists = media.values() if isinstance(media, dict) else [media]
    listed = [one for part in lists if isinstance(part, list) for one in part]
    return [_get(one, "altText") for one in listed]


def _read_scraped_text(row: _ScrapedTweet) -> str:
    text = (row.content if row.raw_content is None else row.raw_content) or ""
    if "&" in text and not _UNESCAPED.search(text):
        text = unescape(text)
    if bytes(row.quoted)[:1] == b"{":
        # X appends a link for the tweet that is quoted, which twscrape does not list.
        listed = {link.tcourl for link in row.links or ()}
        rest, word = split_last_word(text)
        if _ONLY_LINK.fullmatch(word) and word not in listed:
            text = rest
    options = row.card.options if row.card is not None else None
    return join_poll(text, [option.label for option in options or ()])


# --------------------------------------------------------------------------- GraphQL


def _iter_results(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the outermost tweets of an answer, what stands in place of one, and advertisements."""
    pending: list[Any] = [answer]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += reversed(value)
        elif isinstance(value, dict):
            kind = value.get("__typename")
            if "promotedMetadata" in value:
                yield {"__typename": "Advertisement"}
            elif kind in ("TweetTombstone", "TweetUnavailable") or _is_tweet(value):
                yield value
            else:
                pending += reversed(list(value.values()))


def _is_tweet(value: dict[str, Any]) -> bool:
    if value.get("__typename") == "TweetWithVisibilityResults":
        return isinstance(value.get("tweet"), dict)
    legacy = value.get("legacy")
    return "rest_id" in value and isinstance(legacy, dict) and "full_text" in legacy


def _decode_result(found: dict[str, Any], with_alt: bool) -> Sequence[Record]:
    kind = found.get("__typename")
    if kind == "Advertisement":
        return (Skipped("advertisement"),)
    if kind in ("TweetTombstone", "TweetUnavailable"):
        return (Skipped("unavailable"),)
    return _make_records(_unwrap(found), with_alt)


def _unwrap(found: object) -> dict[str, Any]:
    """Return the tweet in a result, which may be limited in its visibility."""
    value = _get(found, "result") or found
    tweet = _get(value, "tweet") if _get(value, "__typename") in _STATUS_TYPES else None
    inner = tweet or value
    return inner if isinstance(inner, dict) else {}


def _get(value: object, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _make_records(tweet: dict[str, Any], with_alt: bool) -> Sequence[Record]:
    """Return the post of a tweet, and a tombstone for each older version of it."""
    legacy = msgspec.convert(tweet.get("legacy") or {}, _Legacy)
    name = parse_x_id(legacy.id_str, tweet.get("rest_id"))
    if not name:
        raise Refused("no_id")
    text = _read_text(tweet, legacy, with_alt)
    if text is None:
        raise Refused("no_text")
    user = _Account(tweet, legacy.user_id_str)
    withheld = is_withheld_everywhere(legacy.withheld_in_countries)
    is_protected, writer = user.is_protected, None
    kind, parent = "post", parse_x_id(legacy.in_reply_to_status_id_str)
    original = _unwrap(_get(tweet, "legacy", "retweeted_status_result"))
    if original:
        inner = msgspec.convert(original.get("legacy") or {}, _Legacy)
        writer = _Account(original, inner.user_id_str)
        kind, parent = "repost", parse_x_id(inner.id_str, original.get("rest_id"))
        whole = _read_text(original, inner, with_alt)
        if whole is not None and writer.name:
            text = f"RT @{writer.name}: {whole}"
        is_protected = is_protected or writer.is_protected
        withheld = withheld or is_withheld_everywhere(inner.withheld_in_countries)
    elif parent:
        kind = "reply"
    elif legacy.is_quote_status:
        kind = "quote"
    versions = _list_versions(tweet)
    withdrawn = "protected" if is_protected else "withheld" if withheld else None
    if name in versions[:-1]:
        withdrawn = withdrawn or "superseded"
    root = parse_x_id(legacy.conversation_id_str)
    accounts = [(user.name, user.id), *_list_mentioned(tweet), *_list_mentioned(original)]
    accounts += [(writer.name, writer.id)] if writer is not None else []
    post = Post(
        "x:" + name,
        "" if is_protected else text,
        kind,
        user.id or user.name,
        created_at=parse_given_micros(legacy.created_at),
        lang_hint=normalize_language(legacy.lang),
        parent_id="x:" + parent if parent else None,
        root_id="x:" + root if root else None,
        score=parse_given_int64(legacy.favorite_count),
        replies=parse_given_int64(legacy.reply_count),
        sensitive=legacy.possibly_sensitive,
        withdrawn=withdrawn,
        mentions=match_mentions(text, accounts),
        original_author=(writer.id or writer.name) if writer is not None else None,
        author_name=user.name,
        author_since=parse_micros(user.created),
    )
    return (post, *make_superseded_tombstones(versions[:-1]))


class _Account:
    """The author of a tweet in GraphQL, of today's form or of that until 2024."""

    def __init__(self, tweet: dict[str, Any], user_id: str | None) -> None:
        user = _get(tweet, "core", "user_results", "result")
        number = _get(user, "rest_id")
        self.id = parse_x_id(user_id) or (parse_x_id(number) if type(number) is str else "")
        name = _get(user, "core", "screen_name") or _get(user, "legacy", "screen_name")
        self.name = name if type(name) is str else None
        self.created = _get(user, "core", "created_at") or _get(user, "legacy", "created_at")
        flags = (_get(user, "privacy", "protected"), _get(user, "legacy", "protected"))
        self.is_protected = True in flags


def _read_text(tweet: dict[str, Any], legacy: _Legacy, with_alt: bool) -> str | None:
    """Return the whole text of a tweet with its article and its poll."""
    note = _get(tweet, "note_tweet", "note_tweet_results", "result", "text")
    text = note if type(note) is str and note else legacy.full_text
    if text is None:
        return None
    media = legacy.extended_entities.media if legacy.extended_entities is not None else None
    links = {link.url for link in media or () if link.url}
    text = strip_media_links(text, links)
    if legacy.quoted_status_permalink is not None:
        text = strip_quote_link(text, legacy.quoted_status_permalink.url)
    if "&" in text:
        text = unescape(text)
    article = _get(tweet, "article", "article_results", "result")
    if isinstance(article, dict):
        shown = "" if _ONLY_LINK.fullmatch(text.strip()) else text
        text = join_title(shown, _read_article(article))
    text = join_poll(text, _list_choices(tweet))
    return join_alts(text, (one.ext_alt_text for one in media or ())) if with_alt else text


def _read_article(article: dict[str, Any]) -> str:
    blocks = _get(article, "content_state", "blocks")
    lines = [_get(block, "text") for block in blocks] if isinstance(blocks, list) else []
    body = "\n\n".join(line for line in lines if type(line) is str and line.strip())
    for part in (article.get("plain_text"), article.get("preview_text")):
        body = body or (part if type(part) is str else "")
    title = article.get("title")
    return join_title(title if type(title) is str else None, body)


def _list_choices(tweet: dict[str, Any]) -> list[str]:
    """Return the options of a poll, which is a card with a value for each."""
    values = _get(tweet, "card", "legacy", "binding_values")
    found = {}
    for value in values if isinstance(values, list) else ():
        key = _POLL_CHOICE.fullmatch(str(_get(value, "key")))
        label = _get(value, "value", "string_value")
        if key and type(label) is str:
            found[key[1]] = label
    return [label for _, label in sorted(found.items())]


def _list_versions(tweet: dict[str, Any]) -> list[str]:
    control = tweet.get("edit_control")
    listed = _get(control, "edit_tweet_ids") or _get(
        control, "edit_control_initial", "edit_tweet_ids"
    )
    names = listed if isinstance(listed, list) else []
    return [name for one in names if type(one) is str and (name := parse_x_id(one))]


def _list_mentioned(tweet: dict[str, Any]) -> list[tuple[str | None, str]]:
    entities = (
        _get(tweet, "legacy", "entities"),
        _get(tweet, "note_tweet", "note_tweet_results", "result", "entity_set"),
    )
    raw = [msgspec.Raw(msgspec.json.encode(one)) for one in entities if isinstance(one, dict)]
    return list(iter_mentioned_users(*raw))
