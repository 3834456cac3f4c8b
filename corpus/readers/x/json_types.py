"""The objects of X's API v2 and of its compliance endpoints: the fields that are read."""

from __future__ import annotations

import msgspec

from corpus.readers.contract import JsonScalar


class NoteTweet(msgspec.Struct, gc=False):
    """The full text of a long tweet, with its own links."""

    text: str | None = None
    entities: msgspec.Raw = msgspec.Raw()


class ApiUser(msgspec.Struct, gc=False):
    """An account; in a notice, the tweet or account that it names."""

    id: JsonScalar = None
    username: str | None = None
    protected: bool | None = None
    created_at: JsonScalar = None


class TweetMetrics(msgspec.Struct, gc=False):
    """The number of likes and replies of a tweet."""

    like_count: JsonScalar = None
    reply_count: JsonScalar = None


class WithheldScope(msgspec.Struct, gc=False):
    """Where a tweet is withheld; ``tweet`` names it in a message of the compliance stream."""

    country_codes: list[str] | None = None
    tweet: ApiUser | None = None


class TweetReference(msgspec.Struct, gc=False):
    """Another tweet that a tweet refers to, with that tweet's text in a flattened file."""

    type: str | None = None
    id: JsonScalar = None
    text: str | None = None
    note_tweet: NoteTweet | None = None
    article: Article | None = None
    attachments: Attachments | None = None
    author: ApiUser | None = None
    withheld: WithheldScope | None = None


class Article(msgspec.Struct, gc=False):
    """A long article; older answers of the API contain its title only."""

    title: str | None = None
    plain_text: str | None = None
    preview_text: str | None = None


class PollOption(msgspec.Struct, gc=False):
    """An option of a poll."""

    position: JsonScalar = None
    label: str | None = None


class Poll(msgspec.Struct, gc=False):
    """A poll: its question is the tweet's text."""

    id: JsonScalar = None
    options: list[PollOption] | None = None

    def list_labels(self) -> list[str | None]:
        """Return the options in their order."""
        options = self.options or []
        if all(type(option.position) is int for option in options):
            options = sorted(options, key=lambda option: option.position)  # type: ignore[arg-type,return-value]
        return [option.label for option in options]


class Media(msgspec.Struct, gc=False):
    """A picture or a video."""

    media_key: str | None = None
    alt_text: str | None = None


class Attachments(msgspec.Struct, gc=False):
    """The ids of a tweet's polls and pictures, or in a flattened file these themselves."""

    poll_ids: list[JsonScalar] | None = None
    poll: Poll | None = None
    media_keys: msgspec.Raw = msgspec.Raw()
    media: msgspec.Raw = msgspec.Raw()


class ApiTweet(msgspec.Struct, gc=False):
    """A tweet, with its author in a flattened file.

    The fields are in the order of the keys in a page, so that each is found without a search.
    """

    author_id: JsonScalar = None
    text: str | None = None
    entities: msgspec.Raw = msgspec.Raw()
    referenced_tweets: list[TweetReference] | None = None
    attachments: Attachments | None = None
    conversation_id: JsonScalar = None
    possibly_sensitive: bool | None = None
    public_metrics: TweetMetrics | None = None
    lang: str | None = None
    id: JsonScalar = None
    created_at: JsonScalar = None
    edit_history_tweet_ids: list[JsonScalar] | None = None
    author: ApiUser | None = None
    note_tweet: NoteTweet | None = None
    article: Article | None = None
    community_id: JsonScalar = None
    withheld: WithheldScope | None = None


class ComplianceNotice(msgspec.Struct, gc=False):
    """A message of the compliance stream: ``{"tweet": {"id": …}}`` or ``{"user": {"id": …}}``."""

    tweet: ApiUser | None = None
    user: ApiUser | None = None
    event_at: JsonScalar = None


class StreamData(ApiTweet, gc=False):
    """The ``data`` of a stream object: a tweet, or a message of the compliance stream."""

    delete: ComplianceNotice | None = None
    drop: ComplianceNotice | None = None
    user_delete: ComplianceNotice | None = None
    user_protect: ComplianceNotice | None = None
    user_suspend: ComplianceNotice | None = None
    user_withheld: ComplianceNotice | None = None
    tweet_edit: msgspec.Raw = msgspec.Raw()
    scrub_geo: msgspec.Raw = msgspec.Raw()
    undrop: ComplianceNotice | None = None
    user_undelete: ComplianceNotice | None = None
    user_unprotect: ComplianceNotice | None = None
    user_unsuspend: ComplianceNotice | None = None
    user_profile_modification: msgspec.Raw = msgspec.Raw()


class PageIncludes(msgspec.Struct, gc=False):
    """The tweets, users, polls and pictures that a page's tweets refer to."""

    tweets: list[msgspec.Raw] = []
    users: list[msgspec.Raw] = []
    polls: list[msgspec.Raw] = []
    media: msgspec.Raw = msgspec.Raw()


class ApiLine(ApiTweet, gc=False):
    """A page, a stream object, a flattened tweet or a line of a compliance job."""

    data: msgspec.Raw = msgspec.Raw()
    includes: PageIncludes | None = None
    errors: list[msgspec.Raw] | None = None
    meta: msgspec.Raw = msgspec.Raw()
    action: str | None = None
    redacted_at: str | None = None
    reason: str | None = None
