"""The objects of Mastodon's API: the fields that are read."""

from __future__ import annotations

from typing import Any

import msgspec

from corpus.readers.contract import JsonScalar


class ProfileField(msgspec.Struct, gc=False):
    """A line of a profile."""

    name: str | None = None
    value: str | None = None


class Account(msgspec.Struct, gc=False):
    """An account, as the queried server returns it.

    The fields here and of a status are in the order of Mastodon's keys, so that each is found
    without a search.
    """

    id: JsonScalar = None
    username: str | None = None
    acct: str | None = None
    display_name: str | None = None
    bot: bool | None = None
    indexable: bool | None = None
    created_at: JsonScalar = None
    note: str | None = None
    url: str | None = None
    uri: str | None = None
    noindex: bool | None = None
    suspended: bool | None = None
    unauth_visibility: Any = None  # Truth Social: false if only shown to people who are signed in
    fields: list[ProfileField] | None = None


class MentionedAccount(msgspec.Struct, gc=False):
    """An account that a status mentions."""

    id: JsonScalar = None
    username: str | None = None
    acct: str | None = None
    url: str | None = None


class PollOption(msgspec.Struct, gc=False):
    """An option of a poll."""

    title: str | None = None


class Poll(msgspec.Struct, gc=False):
    """A poll: its question is the status's text."""

    options: list[PollOption] | None = None


class Group(msgspec.Struct, gc=False):
    """The group in which a status was posted, on Gab and on Truth Social."""

    is_private: Any = None
    is_visible: Any = None
    privacy: Any = None
    group_visibility: Any = None


class Friendica(msgspec.Struct, gc=False):
    """Friendica's additions: a status may have a title."""

    title: str | None = None


class Attachment(msgspec.Struct, gc=False):
    """A picture, a video or a sound."""

    description: str | None = None


class StatusName(msgspec.Struct, gc=False):
    """What names a status."""

    uri: JsonScalar = None
    url: JsonScalar = None


class Status(msgspec.Struct, gc=False):
    """A status, or a boost with its original inside it.

    Parts that few statuses have are loosely typed, so that a fault in one does not cost the status.
    """

    id: JsonScalar = None
    created_at: JsonScalar = None
    in_reply_to_id: JsonScalar = None
    in_reply_to_account_id: JsonScalar = None
    sensitive: bool | None = None
    spoiler_text: str | None = None
    visibility: str | None = None
    language: str | None = None
    uri: JsonScalar = None
    url: JsonScalar = None
    replies_count: JsonScalar = None
    favourites_count: JsonScalar = None
    edited_at: JsonScalar = None
    content: str | None = None
    reblog: Status | None = None
    account: Account | None = None
    media_attachments: msgspec.Raw = msgspec.Raw()
    mentions: list[MentionedAccount] | None = None
    poll: Any = None
    quote: Any = None
    # What forks and other software have.
    revised_at: JsonScalar = None  # Gab's
    in_reply_to: Any = None  # Truth Social's: the status itself
    quote_id: JsonScalar = None
    quote_of_id: JsonScalar = None
    group: Any = None
    friendica: Any = None
    visibility_ex: Any = None
    local_only: Any = None
    local_only_camel: Any = msgspec.field(default=None, name="localOnly")
    federated: Any = None


class StatusLine(Status, gc=False):
    """A status, or an object that contains statuses: an event, a thread, a search result.

    ``type`` and the items are those of an ActivityPub document.
    """

    type: Any = None
    ordered_items: list[msgspec.Raw] | None = msgspec.field(default=None, name="orderedItems")
    items: list[msgspec.Raw] | None = None
    event: str | None = None
    payload: msgspec.Raw = msgspec.Raw()
    ancestors: list[msgspec.Raw] | None = None
    descendants: list[msgspec.Raw] | None = None
    statuses: list[msgspec.Raw] | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """An event of a stream; its payload is mostly JSON inside a string."""

    event: str | None = None
    payload: msgspec.Raw = msgspec.Raw()
