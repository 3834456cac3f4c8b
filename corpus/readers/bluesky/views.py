"""Decode posts as the AppView's API returns them: post views, feed items, threads and pages.

A view has the record, the author with the labels of the account, and the labels of the post. A feed
item with a reason is a bare repost, which has no text of its own: the post is read, and the repost
skipped. The posts that a feed's item replies to are not read, but those of a thread are. A post
that the API reports as not found is a tombstone; one between blocked accounts is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from corpus.formats.times import parse_given_int64, parse_micros
from corpus.readers.bluesky.post import (
    NO_UNAUTHENTICATED,
    POSTS_COLLECTION,
    Config,
    Label,
    PostRecord,
    make_post,
)
from corpus.readers.contract import JsonScalar, Record, Refused, Skipped, Tombstone

#: How the type of a view begins, where it is given.
VIEW_PREFIX = "app.bsky.feed.defs#"


class _Author(msgspec.Struct, gc=False):
    did: str | None = None
    handle: str | None = None
    labels: list[Label] | None = None


class PostView(msgspec.Struct):
    """A post as the API returns it; in a thread or a feed, the parts around it."""

    uri: str | None = None
    author: _Author | None = None
    record: msgspec.Raw = msgspec.Raw()
    labels: list[Label] | None = None
    like_count: JsonScalar = msgspec.field(default=None, name="likeCount")
    reply_count: JsonScalar = msgspec.field(default=None, name="replyCount")
    indexed_at: JsonScalar = msgspec.field(default=None, name="indexedAt")


class FeedItem(msgspec.Struct):
    """An item of a feed or a node of a thread, or a page of these."""

    post: PostView | None = None
    reason: msgspec.Raw = msgspec.Raw()
    parent: msgspec.Raw = msgspec.Raw()
    replies: list[msgspec.Raw] | None = None
    uri: str | None = None
    not_found: bool | None = msgspec.field(default=None, name="notFound")
    blocked: bool | None = None
    value: msgspec.Raw = msgspec.Raw()
    feed: list[msgspec.Raw] | None = None
    posts: list[msgspec.Raw] | None = None
    thread: msgspec.Raw = msgspec.Raw()


_parse_item = msgspec.json.Decoder(FeedItem).decode
_parse_view = msgspec.json.Decoder(PostView).decode
_parse_record = msgspec.json.Decoder(PostRecord).decode


def is_view(row: dict[str, object]) -> bool:
    """Return whether an object is a view, an item of a feed, a thread or a page of these."""
    inner = row.get("post", row)
    if isinstance(inner, dict) and "author" in inner and "record" in inner:
        author = inner["author"]
        return isinstance(author, dict) and str(author.get("did")).startswith("did:")
    for key in ("feed", "posts"):
        page = row.get(key)
        if isinstance(page, list) and page and isinstance(page[0], dict):
            return is_view(page[0])
    value = row.get("value")
    if isinstance(value, dict) and value.get("$type") == POSTS_COLLECTION:
        return str(row.get("uri")).startswith("at://")
    thread = row.get("thread")
    return isinstance(thread, dict) and is_view(thread)


def decode_views(data: bytes, config: Config) -> Sequence[Record]:
    """Decode an object of the API to its posts; each post once, with the posts around it."""
    records: list[Record] = []
    seen: set[str] = set()
    # Without recursion, because threads are deep. The outer posts come first.
    pending = [data]
    while pending:
        item = pending.pop()
        try:
            found = _parse_item(item)
            if found.post is None and bytes(found.value)[:1] == b"{":  # of listRecords
                records.append(_decode_value(found, config))
                continue
            view = found.post if found.post is not None else _parse_view(item)
        except msgspec.ValidationError:
            records.append(Refused("wrong_type"))
            continue
        pages = [page for page in (found.feed, found.posts) if page is not None]
        if pages or bytes(found.thread)[:1] == b"{":
            pending += [bytes(one) for page in pages for one in reversed(page)]
            pending += [bytes(found.thread)] if bytes(found.thread) else []
            if not pending:
                records.append(Skipped("empty_page"))
            continue
        if found.not_found and (found.uri or "").startswith("at://"):
            records.append(Tombstone("id", f"bluesky:{found.uri}", "deleted_later"))
            continue
        if found.blocked:
            records.append(Skipped("blocked"))
            continue
        if view.uri not in seen:
            records += _decode_view(view, config)
            seen.add(view.uri or "")
        if bytes(found.reason)[:1] == b"{" and b"reasonRepost" in bytes(found.reason):
            records.append(Skipped("repost"))
        around = [found.parent, *(found.replies or ())]
        pending += [bytes(one) for one in reversed(around) if bytes(one)[:1] == b"{"]
    return records


def _decode_view(view: PostView, config: Config) -> Iterator[Record]:
    """Yield the post of a view, and the opt-out of its author if the account has one."""
    did = view.author.did if view.author is not None else None
    uri = view.uri
    if not uri or not did or not uri.startswith(f"at://{did}/{POSTS_COLLECTION}/"):
        is_other = did and uri and uri.startswith(f"at://{did}/")  # such as a list
        yield Skipped("view") if is_other else Refused("no_id")
        return
    account = _get_names(view.author.labels if view.author is not None else None)
    try:
        record = _parse_record(view.record) if bytes(view.record) else None
        if record is None:
            raise Refused("no_record")
        labels = _get_names(view.labels) | account
        post = make_post(uri, did, parse_micros(view.indexed_at), record, config, labels)
    except msgspec.ValidationError:
        yield Refused("wrong_type")
        return
    except Refused as refusal:
        yield refusal
        return
    yield post._replace(
        score=parse_given_int64(view.like_count),
        replies=parse_given_int64(view.reply_count),
        author_name=view.author.handle if view.author is not None else None,
    )
    if config.honour_no_unauthenticated and NO_UNAUTHENTICATED in account:
        yield Tombstone("author", f"bluesky:{did}", "opted_out", None)


def _decode_value(item: FeedItem, config: Config) -> Record:
    """Decode a record as ``com.atproto.repo.listRecords`` returns it: its URI and its value."""
    did, _, rest = (item.uri or "").removeprefix("at://").partition("/")
    if not did.startswith("did:") or not rest:
        return Refused("no_id")
    if not rest.startswith(POSTS_COLLECTION + "/"):
        return Skipped("record")
    try:
        return make_post(f"at://{did}/{rest}", did, None, _parse_record(item.value), config)
    except msgspec.ValidationError:
        return Refused("wrong_type")
    except Refused as refusal:
        return refusal


def _get_names(labels: list[Label] | None) -> frozenset[str]:
    """Return the names of the labels that have not been taken back."""
    taken_back = {(label.src, label.val) for label in labels or () if label.neg}
    return frozenset(
        label.val
        for label in labels or ()
        if label.val and not label.neg and (label.src, label.val) not in taken_back
    )
