"""Decode the activities of Gnip, in which X's data was sold until 2018 and exported long after.

An activity is a post (``verb: post``) or a repost (``share``) with the original inside it. Its ids
are addresses such as ``tag:search.twitter.com,2005:123`` and ``id:twitter.com:12``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import msgspec

from corpus.formats.times import parse_given_int64, parse_given_micros, parse_micros
from corpus.readers.contract import (
    JsonScalar,
    Post,
    Record,
    Refused,
    Skipped,
    Tombstone,
    match_mentions,
)
from corpus.readers.x.common import (
    LIFTING_REASONS,
    STATUS_URL,
    find_quote_link,
    iter_mentioned_users,
    normalize_language,
    parse_x_id,
    strip_quote_link,
)


class _Actor(msgspec.Struct, gc=False):
    id: JsonScalar = None
    preferred_username: str | None = msgspec.field(default=None, name="preferredUsername")
    posted: JsonScalar = msgspec.field(default=None, name="postedTime")


class _LongObject(msgspec.Struct, gc=False):
    """The whole text of an activity whose ``body`` is cut."""

    body: str | None = None
    entities: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="twitter_entities")


class _Link(msgspec.Struct, gc=False):
    link: str | None = None


class _Activity(msgspec.Struct):
    id: JsonScalar = None
    verb: str | None = None
    posted: JsonScalar = msgspec.field(default=None, name="postedTime")
    updated: JsonScalar = None
    actor: _Actor | None = None
    body: str | None = None
    long_object: _LongObject | None = None
    object: msgspec.Raw = msgspec.Raw()
    in_reply_to: _Link | None = msgspec.field(default=None, name="inReplyTo")
    entities: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="twitter_entities")
    lang: str | None = msgspec.field(default=None, name="twitter_lang")
    quoted: _Subject | None = msgspec.field(default=None, name="twitter_quoted_status")
    likes: JsonScalar = msgspec.field(default=None, name="favoritesCount")


class _Subject(msgspec.Struct, gc=False):
    """What an activity is about: another activity, or an account."""

    id: JsonScalar = None


_PREFIX = "tag:search.twitter.com"
_NOTICES = {
    "delete": "deleted_later",
    "drop": "removed",
    "status_withheld": "withheld",
    "user_delete": "deleted_later",
    "user_protect": "protected",
    "user_suspend": "removed",
    "user_withheld": "withheld",
    **LIFTING_REASONS,
}
_parse_activity = msgspec.json.Decoder(_Activity).decode
_parse_subject = msgspec.json.Decoder(_Subject).decode


def is_activity(row: dict[str, Any]) -> bool:
    """Return whether an object is an activity of Gnip."""
    return row.get("objectType") == "activity" and str(row.get("id")).startswith(_PREFIX)


def decode_activity(line: bytes) -> Sequence[Record]:
    """Decode an activity to its post, or a notice to its tombstone."""
    activity = _parse_activity(line)
    if activity.verb in _NOTICES:
        return (_make_tombstone(activity),)
    if activity.verb not in ("post", "share"):
        return (Skipped("activity"),)
    name = _parse_address(activity.id)
    if not name:
        raise Refused("no_id")
    text = _get_text(activity)
    if text is None:
        raise Refused("no_text")
    original = _parse_activity(activity.object) if activity.verb == "share" else None
    link = activity.in_reply_to.link if activity.in_reply_to is not None else None
    found = STATUS_URL.match(link or "")
    parent, kind = (found[1], "reply") if found else ("", "post")
    if original is not None:
        kind, parent = "repost", _parse_address(original.id)
        whole, writer = _get_text(original), original.actor
        if whole is not None and writer is not None and writer.preferred_username:
            text = f"RT @{writer.preferred_username}: {whole}"
    elif activity.quoted is not None and kind == "post":
        kind = "quote"
    text = unescape(text) if "&" in text else text
    actor = activity.actor or _Actor()
    post = Post(
        "x:" + name,
        text,
        kind,
        _parse_address(actor.id) or None,
        created_at=parse_given_micros(activity.posted),
        lang_hint=normalize_language(activity.lang),
        parent_id="x:" + parent if parent else None,
        score=parse_given_int64(activity.likes),
        mentions=match_mentions(text, _iter_accounts(activity, original)),
        original_author=_find_writer(original),
        author_name=actor.preferred_username,
        author_since=parse_micros(actor.posted),
    )
    return (post,)


def _get_text(activity: _Activity) -> str | None:
    """Return the whole text, without the link to an activity that it quotes."""
    long = activity.long_object
    text, entities = activity.body, activity.entities
    if long is not None and long.body is not None:
        text, entities = long.body, long.entities
    if text is not None and activity.quoted is not None:
        text = strip_quote_link(text, find_quote_link(entities, _parse_address(activity.quoted.id)))
    return text


def _find_writer(original: _Activity | None) -> str | None:
    if original is None or original.actor is None:
        return None
    return _parse_address(original.actor.id) or None


def _iter_accounts(
    activity: _Activity, original: _Activity | None
) -> Iterator[tuple[str | None, str]]:
    for one in (activity, original):
        if one is not None:
            if one.actor is not None:
                yield one.actor.preferred_username, _parse_address(one.actor.id)
            long = one.long_object
            yield from iter_mentioned_users(
                one.entities, long.entities if long is not None else msgspec.Raw()
            )


def _make_tombstone(activity: _Activity) -> Record:
    verb = activity.verb or ""
    said_at = parse_micros(activity.updated if activity.posted is None else activity.posted)
    if verb in LIFTING_REASONS and said_at is None:
        return Skipped(verb)  # before or after what it takes back
    value = bytes(activity.object)
    subject = _parse_subject(value) if value[:1] == b"{" else _Subject()
    if verb.startswith("user_"):
        actor = activity.actor or _Actor()
        name = _parse_address(subject.id) or _parse_address(actor.id)
        target = "author"
    else:
        target, name = "id", _parse_address(subject.id)
        said_at = said_at if verb in LIFTING_REASONS else None
    if not name:
        raise Refused("no_id")
    return Tombstone(target, "x:" + name, _NOTICES[verb], said_at)


def _parse_address(value: JsonScalar) -> str:
    """Return the number at the end of an address; empty if there is none."""
    return parse_x_id(value.rpartition(":")[2]) if type(value) is str else parse_x_id(None, value)
