"""Read X's v1.1 stream, such as Archive Team's Stream Grab: statuses and notices.

The activities of Gnip (PowerTrack), which are the same data in another form, are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import msgspec
from pydantic import Field

from corpus.formats.times import (
    UNREADABLE,
    parse_given_int64,
    parse_given_micros,
    parse_micros,
    parse_twitter_day,
    parse_twitter_time,
)
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
    Tombstone,
    match_mentions,
    new_post,
)
from corpus.readers.text_parts import join_alts, join_poll
from corpus.readers.x.common import (
    ALT_KEY,
    LIFTING_REASONS,
    ShortLink,
    is_withheld_everywhere,
    iter_mentioned_users,
    list_alts,
    normalize_language,
    parse_x_id,
    strip_quote_link,
)
from corpus.readers.x.gnip import decode_activity, is_activity

PLATFORM = "x"
VERSION = 7
TOMBSTONES = True


class Config(JsonConfig):
    """What to read."""

    with_alt: bool = Field(
        default=False,
        description="add the descriptions of pictures to a text; only tweets that were fetched "
        "with include_ext_alt_text have them",
    )


class _User(msgspec.Struct, gc=False):
    id: JsonScalar = None
    id_str: str | None = None
    screen_name: str | None = None
    protected: bool | None = None
    created_at: JsonScalar = None


class _Extended(msgspec.Struct, gc=False):
    full_text: str | None = None
    entities: msgspec.Raw = msgspec.Raw()


class _Status(msgspec.Struct):
    id: JsonScalar = None
    id_str: str | None = None
    text: str | None = None
    full_text: str | None = None
    extended_tweet: _Extended | None = None
    user: _User | None = None
    withheld_in_countries: list[str] | str | None = None
    retweeted_status: _Status | None = None
    quoted_status_permalink: ShortLink | None = None
    entities: msgspec.Raw = msgspec.Raw()


class _Illustrated(msgspec.Struct, gc=False):
    """The pictures of a status; a repost has those of its original."""

    extended_entities: msgspec.Raw = msgspec.Raw()
    extended_tweet: _Illustrated | None = None
    retweeted_status: _Illustrated | None = None

    def list_alts(self) -> list[str | None]:
        inner = (self.extended_tweet, self.retweeted_status)
        alts = list_alts(self.extended_entities)
        return alts + [alt for one in inner if one is not None for alt in one.list_alts()]


class _PollOption(msgspec.Struct, gc=False):
    text: str | None = None


class _Poll(msgspec.Struct, gc=False):
    options: list[_PollOption] | None = None


class _PollEntities(msgspec.Struct, gc=False):
    polls: list[_Poll] | None = None


class _Notice(msgspec.Struct, gc=False):
    """The subject of a notice: a status or an account."""

    id: JsonScalar = None
    id_str: str | None = None
    user_id: JsonScalar = None
    user_id_str: str | None = None
    timestamp_ms: JsonScalar = None


class _Delete(msgspec.Struct, gc=False):
    status: _Notice | None = None


class _Line(_Status):
    """A status, or a notice; a line contains one of them."""

    created_at: JsonScalar = None
    timestamp_ms: JsonScalar = None
    in_reply_to_status_id: JsonScalar = None
    in_reply_to_status_id_str: str | None = None
    is_quote_status: bool | None = None
    quoted_status_id: JsonScalar = None
    quoted_status_id_str: str | None = None
    lang: str | None = None
    possibly_sensitive: bool | None = None
    favorite_count: JsonScalar = None
    reply_count: JsonScalar = None
    delete: _Delete | None = None
    status_withheld: _Notice | None = None
    user_withheld: _Notice | None = None
    user_delete: _Notice | None = None
    user_protect: _Notice | None = None
    user_suspend: _Notice | None = None
    scrub_geo: msgspec.Raw = msgspec.Raw()
    limit: msgspec.Raw = msgspec.Raw()
    disconnect: msgspec.Raw = msgspec.Raw()
    warning: msgspec.Raw = msgspec.Raw()
    friends: msgspec.Raw = msgspec.Raw()
    info: msgspec.Raw = msgspec.Raw()
    user_undelete: _Notice | None = None
    user_unprotect: _Notice | None = None
    user_unsuspend: _Notice | None = None


_AUTHOR_NOTICE_REASONS = {
    "user_withheld": "withheld",
    "user_delete": "deleted_later",
    "user_protect": "protected",
    "user_suspend": "removed",
    **{name: reason for name, reason in LIFTING_REASONS.items() if name != "undrop"},
}
# Messages about the connection, or about data that posts do not have.
_SKIPPED_MESSAGES = (
    "scrub_geo",
    "limit",
    "disconnect",
    "warning",
    "friends",
    "info",
)
#: Keys of Weibo and of StatusNet, which X does not have.
_COPIES = frozenset(("mid", "idstr", "statusnet_html", "statusnet_conversation_id"))
_POLLS = b'"polls":'
_ACTIVITY = b'"objectType"'
_parse_polls = msgspec.json.Decoder(_PollEntities).decode
_parse_line = msgspec.json.Decoder(_Line).decode
_parse_illustrated = msgspec.json.Decoder(_Illustrated).decode


def fits(sample: Sample) -> float:
    """Return the share of lines that are statuses of API v1.1 or the stream's notices."""
    return sample.matching_share(lambda row: _is_status(row) or _is_notice(row) or is_activity(row))


def _is_status(row: dict[str, Any]) -> bool:
    user = row.get("user")
    if not ("text" in row or "full_text" in row) or not isinstance(user, dict):
        return False
    if "id_str" in row:
        return True
    # Until November 2010, statuses had a number alone. Sites that have copied the API add keys.
    has_number = type(row.get("id")) is int and "in_reply_to_status_id" in row
    return has_number and "screen_name" in user and _COPIES.isdisjoint(row)


def _is_notice(row: dict[str, Any]) -> bool:
    """Return whether the object is a notice alone, such as ``{"delete": {"status": …}}``."""
    if len(row) != 1:
        return False
    ((name, notice),) = row.items()
    if name == "delete":
        return isinstance(notice, dict) and "status" in notice
    return name == "status_withheld" or name in _AUTHOR_NOTICE_REASONS or name in _SKIPPED_MESSAGES


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the statuses and the deletions of one file or tar in batches."""
    return read_lines(
        path,
        config,
        decode_with_alt if config.with_alt else decode,
        platform=PLATFORM,
        part_posts=part_posts,
        start=start,
    )


def decode_with_alt(line: bytes) -> Sequence[Record]:
    """Decode a line as ``decode`` does, with the descriptions of pictures in the text."""
    records = decode(line)
    if ALT_KEY not in line:
        return records
    try:
        alts = _parse_illustrated(line).list_alts()
    except msgspec.DecodeError:
        return records
    return [
        one._replace(text=join_alts(one.text, alts)) if isinstance(one, Post) else one
        for one in records
    ]


def decode(line: bytes) -> Sequence[Record]:
    """Decode a line: a status, a deletion or another notice."""
    row = _parse_line(line)
    text = _get_full_text(row)
    if text is None:
        if _ACTIVITY in line:
            return decode_activity(line)
        return (_decode_notice(row),)
    name = parse_x_id(row.id_str, row.id)
    if not name:
        raise Refused("no_id")
    original, user = row.retweeted_status, row.user
    parent = parse_x_id(row.in_reply_to_status_id_str, row.in_reply_to_status_id)
    kind = "reply" if parent else "post"
    # Most statuses are withheld nowhere: that costs no call.
    is_open = not row.withheld_in_countries and (user is None or not user.protected)
    withdrawn = None if is_open else _find_withdrawal(row)
    writer = original.user if original is not None else None
    if original is not None:
        kind = "repost"
        parent = parse_x_id(original.id_str, original.id)
        text = _restore_retweet(original, text)
        withdrawn = withdrawn or _find_withdrawal(original)
    elif not parent and (row.is_quote_status or row.quoted_status_id_str or row.quoted_status_id):
        kind = "quote"
    shown = row.created_at
    created = parse_twitter_time(shown) if type(shown) is str else None
    if created is None:
        created = parse_given_micros(shown)
    if created is None or created == UNREADABLE:
        created = parse_given_micros(row.timestamp_ms) or created
    return (
        new_post(
            (
                "x:" + name,
                unescape(text) if "&" in text else text,
                kind,
                _get_user_id(user),
                None,  # community
                created,
                normalize_language(row.lang),
                "x:" + parent if parent else None,
                None,  # root_id
                parse_given_int64(row.favorite_count),
                parse_given_int64(row.reply_count),
                row.possibly_sensitive,
                None,  # bot
                None,  # license
                withdrawn,
                None,  # accepted_id
                None,  # consent
                None,  # seen_at
                match_mentions(text, _iter_accounts(row)) if "@" in text else None,
                _get_user_id(writer) if writer is not None else None,
                user.screen_name if user is not None else None,
                None,  # edited_at
                parse_twitter_day(user.created_at) if user is not None else None,
            )
        ),
    )


def _get_user_id(user: _User | None) -> str | None:
    return (parse_x_id(user.id_str, user.id) or None) if user is not None else None


def _iter_accounts(row: _Status) -> Iterator[tuple[str | None, str]]:
    """Yield the name and id of each user in a status and in the status that it retweets."""
    for status in (row, row.retweeted_status):
        if status is not None:
            if status.user is not None:
                yield status.user.screen_name, parse_x_id(status.user.id_str, status.user.id)
            yield from iter_mentioned_users(status.entities)
            if status.extended_tweet is not None:
                yield from iter_mentioned_users(status.extended_tweet.entities)


def _get_full_text(status: _Status) -> str | None:
    """Return the whole text of a status, without the link to a status that it quotes."""
    extended, entities = status.extended_tweet, status.entities
    text = status.text if status.full_text is None else status.full_text
    if extended is not None and extended.full_text is not None:
        text, entities = extended.full_text, extended.entities
    if text is None:
        return None
    if status.quoted_status_permalink is not None:
        text = strip_quote_link(text, status.quoted_status_permalink.url)
    raw = bytes(entities)
    return _join_poll(text, raw) if _POLLS in raw else text


def _join_poll(text: str, entities: bytes) -> str:
    """Add the options of a status's poll; malformed ones are ignored, as mentions are."""
    try:
        polls = _parse_polls(entities).polls
    except msgspec.DecodeError:
        return text
    return join_poll(text, [option.text for option in polls[0].options or ()]) if polls else text


def _restore_retweet(original: _Status, shown: str) -> str:
    """Return a retweet with the original's full text; the retweet's own copy is silently cut."""
    full, user = _get_full_text(original), original.user
    if full is None or user is None or not user.screen_name:
        return shown
    return f"RT @{user.screen_name}: {full}"


def _find_withdrawal(status: _Status) -> str | None:
    if status.user is not None and status.user.protected:
        return "protected"
    countries = status.withheld_in_countries
    return "withheld" if countries and is_withheld_everywhere(countries) else None


def _decode_notice(row: _Line) -> Record:
    if row.delete is not None:
        return _make_tombstone("id", row.delete.status, "deleted_later")
    if row.status_withheld is not None:
        return _make_tombstone("id", row.status_withheld, "withheld")
    for name, reason in _AUTHOR_NOTICE_REASONS.items():
        notice: _Notice | None = getattr(row, name)
        if notice is not None:
            said_at = parse_micros(notice.timestamp_ms or row.timestamp_ms)
            if name in LIFTING_REASONS and said_at is None:
                return Skipped(name)  # before or after what it takes back
            return _make_tombstone("author", notice, reason)._replace(said_at=said_at)
    for name in _SKIPPED_MESSAGES:
        if bytes(getattr(row, name)):
            return Skipped(name)
    raise Refused("no_text" if parse_x_id(row.id_str, row.id) else "no_id")


def _make_tombstone(target: str, notice: _Notice | None, reason: str) -> Tombstone:
    name = parse_x_id(notice.id_str, notice.id) if notice is not None else ""
    if not name and notice is not None and target == "author":
        name = parse_x_id(notice.user_id_str, notice.user_id)
    if not name:
        raise Refused("no_id")
    return Tombstone(target, "x:" + name, reason)
