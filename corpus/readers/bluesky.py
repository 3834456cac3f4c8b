"""Read Bluesky: Jetstream lines (v1), and repository exports (CAR).

A post's id is ``bluesky:at://did/app.bsky.feed.post/rkey``. Likes, follows and bare reposts carry
no text and are passed over. Deletes, edits, accounts that go and ``#sync`` events become
tombstones with the time of the event; an ``org.user-intents.declaration`` is honoured for all
posts of its author, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import msgspec

from corpus.readers import _open
from corpus.readers._bluesky import (
    DECLARATION,
    PLATFORM,
    POST,
    Config,
    global_id,
    record,
)
from corpus.readers._car import Car, is_car
from corpus.readers.contract import (
    Batch,
    Cursor,
    Located,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
    read_lines,
    read_records,
)

__all__ = ["PLATFORM", "TOMBSTONES", "VERSION", "Config", "decoder", "fits", "read"]

VERSION = 1
TOMBSTONES = True


#: Microseconds that fit 64 bits.
Moment = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class _Commit(msgspec.Struct, gc=False):
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    record: msgspec.Raw = msgspec.Raw()


class _Account(msgspec.Struct, gc=False):
    active: bool | None = None
    status: str | None = None


class _Event(msgspec.Struct, gc=False):
    did: str | None = None
    time_us: Moment | None = None
    kind: str | None = None
    type: str | None = msgspec.field(default=None, name="$type")
    commit: _Commit | None = None
    account: _Account | None = None
    payload: msgspec.Raw = msgspec.Raw()


_parse = msgspec.json.Decoder(_Event).decode
#: What an account's state says of its posts; other states (throttled …) say nothing of them.
_GONE = {
    "deleted": "deleted_later",
    "deactivated": "deleted_later",
    "suspended": "removed",
    "takendown": "removed",
}


def fits(sample: Sample) -> float:
    """How surely these are Jetstream's lines, or a repository."""
    return 1.0 if is_car(sample.head) else sample.share(_is_event)


def _is_event(row: dict[str, Any]) -> bool:
    inner = row.get("payload")
    event = inner if isinstance(inner, dict) and "$type" in row else row
    did = event.get("did")
    return isinstance(did, str) and did.startswith("did:") and ("kind" in event or "$type" in event)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the posts and the notices of one file in batches."""
    if not _holds_cars(path):
        decode = decoder(config)
        return read_lines(
            path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start
        )
    return _read_cars(path, config, part_posts, start)


def _holds_cars(path: str) -> bool:
    with _open.Input(path) as source:
        for member in source.members():
            return is_car(member.open().head)
    return False


def decoder(config: Config) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a line into its post or notice."""

    def decode(line: bytes) -> Sequence[Record]:
        event = _parse(line)
        if bytes(event.payload):  # version 2 puts each event in an envelope
            event = _parse(event.payload)
        return _records(event, config)

    return decode


def _records(event: _Event, config: Config) -> Sequence[Record]:
    kind = event.kind or (event.type or "").rpartition("#")[2]
    if not kind:
        raise Refused("no_kind")
    did = event.did
    if not did:
        if kind in ("commit", "account", "sync"):
            raise Refused("no_id")
        return (Skipped(kind),)
    author = f"{PLATFORM}:{did}"
    if kind == "commit":
        return _commit(did, event, config)
    if kind == "sync":  # what was known of the repository does not count any more
        return (Tombstone("author", author, "superseded", event.time_us),)
    account = event.account
    if kind == "account" and account is not None and account.active is False:
        reason = _GONE.get(account.status or "")
        if reason:
            # Who deletes the account takes everything along, also what is seen late.
            said = None if account.status == "deleted" else event.time_us
            return (Tombstone("author", author, reason, said),)
    return (Skipped(kind),)


def _commit(did: str, event: _Event, config: Config) -> Sequence[Record]:
    commit, when = event.commit, event.time_us
    if commit is None:
        raise Refused("no_commit")
    if commit.collection not in (POST, DECLARATION):
        return (Skipped(commit.collection or "no_collection"),)
    if not commit.rkey:
        raise Refused("no_id")
    name = global_id(did, commit.rkey)
    if commit.operation == "delete":
        if commit.collection == DECLARATION:
            return (Tombstone("author", f"{PLATFORM}:{did}", "undeclared", when),)
        return (Tombstone("id", name, "deleted_later", when),)
    if commit.operation not in ("create", "update"):
        raise Refused("unknown_operation")
    body = bytes(commit.record)
    if not body:
        raise Refused("no_text")
    found = record(did, commit.collection, commit.rkey, body, when, config)
    if commit.operation == "update" and commit.collection == POST:
        return (*found, Tombstone("id", name, "superseded", when))
    return found


# --------------------------------------------------------------------------- repositories


def _read_cars(path: str, config: Config, part_posts: int, start: Cursor | None) -> Iterator[Batch]:
    with _open.Input(path) as source:
        yield from read_records(
            _located(path, source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _wanted(body: bytes) -> bool:
    return b"app.bsky.feed.post" in body or DECLARATION.encode() in body


def _located(path: str, source: _open.Input, config: Config) -> Iterator[Located]:
    for member in source.members():
        file = f"{path}!{member.name}" if member.name else path
        car = Car(member.open(), _wanted)
        row = 0
        for row, entry in enumerate(car.entries(), start=1):
            if entry.problem:
                yield Located(file, row, 100, (Refused(entry.problem),))
                continue
            collection, _, rkey = entry.path.partition("/")
            if entry.body is None or collection not in (POST, DECLARATION):
                yield Located(file, row, 100, (Skipped(collection),))
                continue
            assert car.commit is not None  # there is no tree without one
            did, rev = car.commit
            found: Sequence[Record]
            try:
                found = record(did, collection, rkey, entry.body, rev, config)
            except Refused as refusal:
                found = (refusal,)
            except msgspec.ValidationError:
                found = (Refused("wrong_type"),)
            yield Located(file, row, 1000, found)
        for problem in car.problems:
            row += 1
            yield Located(file, row, 100, (Refused(problem),))
    for place, reason in getattr(source, "problems", ()):
        yield Located(place, 0, 100, (Refused(reason),))
