"""The objects of Mastodon's API: the fields that are read."""

from __future__ import annotations

import msgspec

from corpus.readers.contract import JsonScalar


class ProfileField(msgspec.Struct, gc=False):
    """A line of a profile."""

    name: str | None = None
    value: str | None = None


class Account(msgspec.Struct, gc=False):
    """An account, as the queried server returns it."""

    id: JsonScalar = None
    username: str | None = None
    acct: str | None = None
    display_name: str | None = None
    uri: str | None = None
    url: str | None = None
    note: str | None = None
    fields: list[ProfileField] | None = None
    bot: bool | None = None
    noindex: bool | None = None
    indexable: bool | None = None
    suspended: bool | None = None


class MentionedAccount(msgspec.Struct, gc=False):
    """An account that a status mentions."""

    id: JsonScalar = None
    username: str | None = None
    acct: str | None = None
    url: str | None = None


class Status(msgspec.Struct):
    """A status, or a boost with its original inside it."""

    id: JsonScalar = None
    uri: JsonScalar = None
    account: Account | None = None
    created_at: JsonScalar = None
    edited_at: JsonScalar = None
    content: str | None = None
    spoiler_text: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    visibility: str | None = None
    in_reply_to_id: JsonScalar = None
    in_reply_to_account_id: JsonScalar = None
    mentions: list[MentionedAccount] | None = None
    favourites_count: JsonScalar = None
    replies_count: JsonScalar = None
    quote: msgspec.Raw = msgspec.Raw()
    reblog: Status | None = None


class StatusLine(Status):
    """A status, or an object that contains statuses: an event, a thread, a search result."""

    event: str | None = None
    payload: msgspec.Raw = msgspec.Raw()
    ancestors: list[msgspec.Raw] | None = None
    descendants: list[msgspec.Raw] | None = None
    statuses: list[msgspec.Raw] | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """An event of a stream; its payload is mostly JSON inside a string."""

    event: str | None = None
    payload: msgspec.Raw = msgspec.Raw()
