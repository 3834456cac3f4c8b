"""Detect and read what Bluesky's streams, repositories and API contain.

These are Jetstream lines (v1, v2), events of Tap, repository exports (CAR), firehose frames, and
the views of posts that the API of the AppView returns.

A post's id is ``bluesky:at://did/app.bsky.feed.post/rkey``. Likes, follows and bare reposts carry
no text and are skipped. Deletes, edits, closed accounts and ``#sync`` events become tombstones with
the time of the event; an account that comes back lifts an earlier state but its deletion. An
``org.user-intents.declaration`` applies to all posts of its author, wherever it is in the input. So
does the label ``!no-unauthenticated`` on a profile, where the
network's own application puts it; a later profile without the label does not undo it, a later
declaration that allows bulk datasets does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from corpus.formats.car import is_car
from corpus.formats.dump_input import DumpInput
from corpus.formats.times import parse_micros
from corpus.readers.batches import read_lines, read_records
from corpus.readers.bluesky.events import (
    READ_COLLECTIONS,
    check_change,
    decode_account_event,
    decode_change,
    decode_commit,
    decode_sync_event,
    make_skipped,
    parse_tid_micros,
)
from corpus.readers.bluesky.frames import is_frames, read_frames
from corpus.readers.bluesky.post import Config
from corpus.readers.bluesky.repo import read_repos
from corpus.readers.bluesky.views import VIEW_PREFIX, decode_views, is_view
from corpus.readers.contract import Batch, Cursor, JsonScalar, Record, Refused, Sample

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "fits", "make_decoder", "read"]

PLATFORM = "bluesky"
VERSION = 4
TOMBSTONES = True
ACCOUNT_FILES = ("*.car*",)

T = TypeVar("T")


class _Change(msgspec.Struct, gc=False):
    """A change to a record, with the keys in their order.

    ``type`` is the operation in early Jetstream.
    """

    rev: str | None = None
    operation: str | None = None
    collection: str | None = None
    rkey: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    type: str | None = None


class _Account(msgspec.Struct, gc=False):
    active: bool | None = None
    status: str | None = None


class _Event(_Change, gc=False):
    """An event; in version 2 it has the fields of a change itself."""

    did: str | None = None
    time_us: JsonScalar = None
    kind: str | None = None
    commit: _Change | None = None
    account: _Account | None = None
    tag: str | None = msgspec.field(default=None, name="$type")
    time: str | None = None
    witnessed_at: str | None = msgspec.field(default=None, name="witnessedAt")


class _Identity(msgspec.Struct, gc=False):
    """The state of an account in an event of Tap."""

    did: str | None = None
    is_active: bool | None = None
    is_active_camel: bool | None = msgspec.field(default=None, name="isActive")
    status: str | None = None


class _Line(_Event, gc=False):
    """An event, or the envelope of an event in version 2."""

    payload: _Event | None = None
    record: msgspec.Raw = msgspec.Raw()  # of Tap's events, and of views
    identity: _Identity | None = None
    post: msgspec.Raw = msgspec.Raw()
    uri: str | None = None
    feed: msgspec.Raw = msgspec.Raw()
    posts: msgspec.Raw = msgspec.Raw()
    thread: msgspec.Raw = msgspec.Raw()


class _TapRecord(msgspec.Struct, gc=False):
    """A change to a record in an event of Tap, the tool for copies of the network."""

    did: str | None = None
    collection: str | None = None
    rkey: str | None = None
    rev: str | None = None
    action: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    live: bool | None = None


_parse_tap_record = msgspec.json.Decoder(_TapRecord).decode
_OLD_KINDS = {"com": "commit", "id": "identity", "acc": "account"}
_OLD_OPERATIONS = {"c": "create", "u": "update", "d": "delete"}
_V2_PREFIX = "network.bsky.jetstream.subscribeEvents#"
_parse = msgspec.json.Decoder(_Line).decode


_decoders: dict[Any, Any] = {}  # by the type of the record


def _decode_record(record: msgspec.Raw, shape: type[T]) -> T:
    if not bytes(record):
        raise Refused("no_record")
    decoder: msgspec.json.Decoder[T] | None = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.json.Decoder(shape)
    return decoder.decode(record)


def fits(sample: Sample) -> float:
    """Return how well the sample fits Jetstream, a repository's export or the firehose."""
    if is_frames(sample.head):
        return 1.0
    if is_car(sample.head):
        # CAR is also used for other data; a repository begins with its commit.
        return 1.0 if b"cdid" in sample.head and b"ddata" in sample.head else 0.5
    return sample.matching_share(lambda row: _is_event(row) or _is_tap_event(row) or is_view(row))


def _is_event(row: dict[str, Any]) -> bool:
    payload = row.get("payload")
    if row.get("$type") == "message" and isinstance(payload, dict):
        row = payload
    if str(row.get("$type", "")).startswith(_V2_PREFIX):
        return True
    named = row.get("kind") or _OLD_KINDS.get(str(row.get("type")))
    return "time_us" in row and str(row.get("did", "")).startswith("did:") and bool(named)


def _is_tap_event(row: dict[str, Any]) -> bool:
    inner = row.get(str(row.get("type")))
    if row.get("type") not in ("record", "identity") or not isinstance(inner, dict):
        return False
    return str(inner.get("did")).startswith("did:")


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and the deletions of one file in batches."""
    head = _read_head(path)
    if is_car(head) or is_frames(head):
        return _read_binary(path, config, part_posts, start, car=is_car(head))
    decode = make_decoder(config)
    return read_lines(path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start)


def _read_head(path: str) -> bytes:
    with DumpInput(path) as source:
        for member in source.members():
            return member.open().head
    return b""


def _read_binary(
    path: str, config: Config, part_posts: int, start: Cursor | None, *, car: bool
) -> Iterator[Batch]:
    with DumpInput(path) as source:
        if car:
            located = read_repos(source, config)
        else:
            located = read_frames(source, config, start.row if start else 0)
        yield from read_records(
            located, source, platform=PLATFORM, part_posts=part_posts, start=start
        )


def make_decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """Return a function that decodes a Jetstream line to its records."""

    def decode(line: bytes) -> Sequence[Record]:
        row = _parse(line)
        if row.kind is None and (row.tag is None or row.tag.startswith(VIEW_PREFIX)):
            if row.type in ("record", "identity"):
                return _decode_tap_event(row, config)
            if row.did is None and _is_view(row):
                return decode_views(line, config)
        event = row if row.payload is None else row.payload
        kind = event.kind or _get_event_kind(event)
        if kind == "commit":
            change = event if event.commit is None else event.commit
            did, operation, collection = check_change(
                event.did,
                change.operation or _OLD_OPERATIONS.get(change.type or ""),
                change.collection,
            )
            if collection not in READ_COLLECTIONS:  # most are likes
                return make_skipped(collection)

            def load(shape: type[T]) -> T:
                return _decode_record(change.record, shape)

            seen_at = _get_event_time(event, change.rev)
            return decode_change(did, seen_at, operation, collection, change.rkey, load, config)
        if kind == "account":
            state = event.account or _Account()
            return decode_account_event(
                event.did, _get_event_time(event), state.active, state.status
            )
        if kind == "sync":
            return decode_sync_event(event.did, _get_event_time(event))
        return make_skipped(kind)

    return decode


def _is_view(row: _Line) -> bool:
    parts = (row.post, row.feed, row.posts, row.thread)
    return row.uri is not None or any(bytes(part) for part in parts)


def _decode_tap_event(row: _Line, config: Config) -> Sequence[Record]:
    """Decode an event of Tap. It has no time, but in the revision of a record."""
    if row.type == "identity":
        state = row.identity or _Identity()
        active = state.is_active if state.is_active is not None else state.is_active_camel
        if active is not False:
            return make_skipped("identity")
        return decode_account_event(state.did, None, active, state.status)
    change = _parse_tap_record(row.record)

    def load(shape: type[T]) -> T:
        return _decode_record(change.record, shape)

    seen_at = parse_tid_micros(change.rev)
    return decode_commit(
        change.did, seen_at, change.action, change.collection, change.rkey, load, config
    )


def _get_event_kind(event: _Event) -> str:
    tag = event.tag or ""
    if "#" in tag:
        return tag.rpartition("#")[2]
    kind = "error" if tag == "error" else _OLD_KINDS.get(event.type or "")
    if not kind:
        raise Refused("no_kind")
    return kind


def _get_event_time(event: _Event, rev: str | None = None) -> int | None:
    """Return when the event was seen, in microseconds.

    In version 2 an operator can set ``time`` by hand, so ``witnessedAt`` takes precedence.
    """
    time_us = event.time_us
    if type(time_us) is int and 1_000_000_000_000_000 < time_us < 100_000_000_000_000_000:
        return time_us
    for value in (time_us, event.witnessed_at, event.time):
        seen_at = parse_micros(value) if value is not None else None
        if seen_at is not None:
            return seen_at
    return parse_tid_micros(rev)
