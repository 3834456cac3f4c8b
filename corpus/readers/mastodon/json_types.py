"""The objects of Mastodon's API, as far as they are read."""

from __future__ import annotations

import msgspec

#: An id, a moment or a count, as JSON may hold it.
Number = int | str | float | None


class Field(msgspec.Struct, gc=False):
    """A line of a profile."""

    name: str | None = None
    value: str | None = None


class Account(msgspec.Struct, gc=False):
    """An account, as the server that was asked shows it."""

    id: Number = None
    username: str | None = None
    acct: str | None = None
    display_name: str | None = None
    uri: str | None = None
    url: str | None = None
    note: str | None = None
    fields: list[Field] | None = None
    bot: bool | None = None
    noindex: bool | None = None
    indexable: bool | None = None
    suspended: bool | None = None


class Mention(msgspec.Struct, gc=False):
    """An account that a status mentions."""

    id: Number = None
    username: str | None = None
    acct: str | None = None
    url: str | None = None


class Status(msgspec.Struct):
    """A status, or a boost with its original inside it."""

    id: Number = None
    uri: Number = None
    account: Account | None = None
    created_at: Number = None
    edited_at: Number = None
    content: str | None = None
    spoiler_text: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    visibility: str | None = None
    in_reply_to_id: Number = None
    in_reply_to_account_id: Number = None
    mentions: list[Mention] | None = None
    favourites_count: Number = None
    replies_count: Number = None
    quote: msgspec.Raw = msgspec.Raw()
    reblog: Status | None = None


class Line(Status):
    """A status, or what statuses come in: an event, a thread, the findings of a search."""

    event: str | None = None
    payload: msgspec.Raw = msgspec.Raw()
    ancestors: list[msgspec.Raw] | None = None
    descendants: list[msgspec.Raw] | None = None
    statuses: list[msgspec.Raw] | None = None


class Event(msgspec.Struct, gc=False):
    """An event of a stream; its payload is mostly JSON inside a string."""

    event: str | None = None
    payload: msgspec.Raw = msgspec.Raw()
