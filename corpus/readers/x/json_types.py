"""The objects of X's API v2 and of its compliance endpoints, as far as they are read."""

from __future__ import annotations

import msgspec

from corpus.readers.x.common import Id


class Note(msgspec.Struct, gc=False):
    """The text of a long tweet in full."""

    text: str | None = None


class User(msgspec.Struct, gc=False):
    """An account; in a notice, whatever the notice is about."""

    id: Id = None
    username: str | None = None
    protected: bool | None = None


class Metrics(msgspec.Struct, gc=False):
    """How often a tweet was liked and answered."""

    like_count: int | str | float | None = None
    reply_count: int | str | float | None = None


class Withheld(msgspec.Struct, gc=False):
    """Where a tweet is withheld; ``tweet`` names it in a message of the compliance stream."""

    country_codes: list[str] | None = None
    tweet: User | None = None


class Reference(msgspec.Struct, gc=False):
    """Another tweet that a tweet refers to; in a flattened file it holds that tweet's text."""

    type: str | None = None
    id: Id = None
    text: str | None = None
    note_tweet: Note | None = None
    author: User | None = None
    withheld: Withheld | None = None


class Tweet(msgspec.Struct):
    """A tweet, with its author in it where a file is flattened."""

    id: Id = None
    text: str | None = None
    note_tweet: Note | None = None
    author_id: Id = None
    author: User | None = None
    created_at: str | int | float | None = None
    conversation_id: Id = None
    lang: str | None = None
    possibly_sensitive: bool | None = None
    public_metrics: Metrics | None = None
    referenced_tweets: list[Reference] | None = None
    edit_history_tweet_ids: list[Id] | None = None
    entities: msgspec.Raw = msgspec.Raw()
    withheld: Withheld | None = None


class Notice(msgspec.Struct, gc=False):
    """A message of the compliance stream: ``{"tweet": {"id": …}}`` or ``{"user": {"id": …}}``."""

    tweet: User | None = None
    user: User | None = None


class Data(Tweet):
    """A stream object's tweet, or a message of the compliance stream."""

    delete: Notice | None = None
    drop: Notice | None = None
    user_delete: Notice | None = None
    user_protect: Notice | None = None
    user_suspend: Notice | None = None
    user_withheld: Notice | None = None
    tweet_edit: msgspec.Raw = msgspec.Raw()
    scrub_geo: msgspec.Raw = msgspec.Raw()
    undrop: msgspec.Raw = msgspec.Raw()
    user_undelete: msgspec.Raw = msgspec.Raw()
    user_unprotect: msgspec.Raw = msgspec.Raw()
    user_unsuspend: msgspec.Raw = msgspec.Raw()
    user_profile_modification: msgspec.Raw = msgspec.Raw()


class Includes(msgspec.Struct):
    """What a page's tweets refer to."""

    tweets: list[msgspec.Raw] = []
    users: list[msgspec.Raw] = []


class Line(Tweet):
    """A page, a stream object, a flattened tweet or a line of a compliance job."""

    data: msgspec.Raw = msgspec.Raw()
    includes: Includes | None = None
    errors: list[msgspec.Raw] | None = None
    meta: msgspec.Raw = msgspec.Raw()
    action: str | None = None
    redacted_at: str | None = None
    reason: str | None = None
