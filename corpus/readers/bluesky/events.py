"""Turn what happens in Bluesky's repositories and accounts into posts and tombstones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, TypeVar

import msgspec

from corpus.readers.bluesky.post import (
    NO_LABELS,
    NO_UNAUTHENTICATED,
    POSTS_COLLECTION,
    Config,
    LabelledRecord,
    PostRecord,
    make_post,
)
from corpus.readers.contract import Record, Refused, Skipped, Tombstone

T = TypeVar("T")

PROFILES_COLLECTION = "app.bsky.actor.profile"
#: Collections of declarations on reuse; whether their consent counts, beside their refusal. The
#: second is that of the proposal's demonstration site, where a "no" is meant no less.
DECLARATIONS = {"org.user-intents.declaration": True, "org.user-intents.demo.declaration": False}
_READ_COLLECTIONS = frozenset({POSTS_COLLECTION, PROFILES_COLLECTION, *DECLARATIONS})
_OPERATIONS = frozenset({"create", "update", "delete"})
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]+")
_RKEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_KIND_NAME = re.compile(r"#?[A-Za-z][A-Za-z0-9._-]{0,99}")
# Why an account is away. What is not listed here says that it is, and not why.
_INACTIVE_REASONS = {"deleted": "deleted_later", "deactivated": "deleted_later"}
_HOST_STATUSES = ("desynchronized", "throttled")
_TID_DIGITS = {digit: value for value, digit in enumerate("234567abcdefghijklmnopqrstuvwxyz")}


class RecordLoader(Protocol):
    """What decodes the record at hand into a wanted shape, or says why it cannot."""

    def __call__(self, shape: type[T], /) -> T:
        """The record."""
        ...


class _Intent(msgspec.Struct, gc=False):
    allow: bool | None = None


class _Declaration(msgspec.Struct, gc=False):
    generation: _Intent | None = msgspec.field(default=None, name="syntheticContentGeneration")
    dataset: _Intent | None = msgspec.field(default=None, name="bulkDataset")


def decode_commit(
    did: str | None,
    seen_at: int | None,
    operation: str | None,
    collection: str | None,
    rkey: str | None,
    load: RecordLoader,
    config: Config,
    account: frozenset[str] = NO_LABELS,
) -> Sequence[Record]:
    """The records of one change to a repository."""
    if not did:
        raise Refused("no_id")
    if operation not in _OPERATIONS:
        raise Refused("unknown_operation")
    if not collection:
        raise Refused("no_collection")
    if collection not in _READ_COLLECTIONS:
        return make_skipped(collection)
    author = _make_author(did)
    if collection in DECLARATIONS:
        if rkey != "self":  # the account's one declaration has that name
            return make_skipped(collection)
        return _decode_declaration(author, seen_at, operation, collection, load)
    if collection == PROFILES_COLLECTION:
        wanted = config.honour_no_unauthenticated and rkey == "self" and operation != "delete"
        if wanted and NO_UNAUTHENTICATED in load(LabelledRecord).get_label_names():
            return (Tombstone("author", author, "opted_out", seen_at),)
        return make_skipped(collection)
    if not rkey or not _RKEY.fullmatch(rkey):
        raise Refused("no_id")
    uri = f"at://{did}/{POSTS_COLLECTION}/{rkey}"
    if operation == "delete":
        return (Tombstone("id", "bluesky:" + uri, "deleted_later", seen_at),)
    found = make_post(uri, did, seen_at, load(PostRecord), config, account)
    if operation == "create":
        return (found,)
    if seen_at is None:
        # "Before this" cannot be said of a moment unknown, and without it the update dies too.
        raise Refused("no_time")
    return (found, Tombstone("id", "bluesky:" + uri, "superseded", seen_at))


def _decode_declaration(
    author: str, seen_at: int | None, operation: str, collection: str, load: RecordLoader
) -> Sequence[Record]:
    """What an author says of reuse: a refusal of either use is one, and unset is no consent."""
    full = DECLARATIONS[collection]
    said = "undeclared" if full else ""
    if operation != "delete":
        intents = load(_Declaration)
        generation = intents.generation.allow if intents.generation is not None else None
        dataset = intents.dataset.allow if intents.dataset is not None else None
        if generation is False or dataset is False:
            said = "opted_out"
        elif dataset and full:
            said = "allowed"
    return (Tombstone("author", author, said, seen_at),) if said else make_skipped(collection)


def decode_account_event(
    did: str | None, seen_at: int | None, active: bool | None, status: str | None
) -> Sequence[Record]:
    """The records of a change to an account as a whole."""
    if active is None:
        raise Refused("no_status")
    # A status may be written as a name within a schema.
    status = status.rpartition("#")[2] if status else None
    if active or status in _HOST_STATUSES:
        return make_skipped("account")
    # What a deleted account wrote is meant to go whenever it was seen.
    said_at = None if status == "deleted" else seen_at
    reason = _INACTIVE_REASONS.get(status, "removed") if status else "removed"
    return (Tombstone("author", _make_author(did), reason, said_at),)


def decode_sync_event(did: str | None, seen_at: int | None) -> Sequence[Record]:
    """A repository begins anew: what was seen of it before holds no longer."""
    if seen_at is None:
        raise Refused("no_time")
    return (Tombstone("author", _make_author(did), "superseded", seen_at),)


def _make_author(did: str | None) -> str:
    if not did or not _DID.fullmatch(did):
        raise Refused("no_id")
    return "bluesky:" + did


@lru_cache(maxsize=1 << 14)
def make_skipped(name: str) -> Sequence[Record]:
    """A record passed over, by the name of its kind. Anyone may make up a name, of any length."""
    if name == "app.bsky.feed.repost":
        return (Skipped("repost"),)
    return (Skipped(name if _KIND_NAME.fullmatch(name) else "unknown_kind"),)


def parse_tid_micros(tid: str | None) -> int | None:
    """The microseconds that a timestamp identifier holds (a repository's ``rev``), or null."""
    if tid is None or len(tid) != 13:
        return None
    value = 0
    for digit in tid:
        if digit not in _TID_DIGITS:
            return None
        value = value << 5 | _TID_DIGITS[digit]
    # 53 bits of time, 10 of a clock's number, and a top bit that must be clear.
    return value >> 10 if value < 1 << 63 else None
