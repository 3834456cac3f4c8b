"""Turn the events of Bluesky's repositories and accounts into posts and tombstones."""

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
#: The collections of declarations about reuse, and whether their consent counts; their refusal
#: always does. The second is the one of the proposal's demonstration site.
DECLARATIONS = {"org.user-intents.declaration": True, "org.user-intents.demo.declaration": False}
#: The changes of other collections are skipped.
READ_COLLECTIONS = frozenset({POSTS_COLLECTION, PROFILES_COLLECTION, *DECLARATIONS})
_OPERATIONS = frozenset({"create", "update", "delete"})
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]+")
_RKEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_KIND_NAME = re.compile(r"#?[A-Za-z][A-Za-z0-9._-]{0,99}")
# The reasons for the statuses of inactive accounts; others do not state a reason.
_INACTIVE_REASONS = {"deleted": "deleted_later", "deactivated": "away"}
_HOST_STATUSES = ("desynchronized", "throttled")
_TID_DIGITS = {digit: value for value, digit in enumerate("234567abcdefghijklmnopqrstuvwxyz")}


class RecordLoader(Protocol):
    """Decodes the record of an event to a given type, or refuses it."""

    def __call__(self, shape: type[T], /) -> T:
        """Return the record."""
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
    """Decode one change to a repository."""
    did, operation, collection = check_change(did, operation, collection)
    if collection not in READ_COLLECTIONS:
        return make_skipped(collection)
    return decode_change(did, seen_at, operation, collection, rkey, load, config, account)


def decode_change(
    did: str,
    seen_at: int | None,
    operation: str,
    collection: str,
    rkey: str | None,
    load: RecordLoader,
    config: Config,
    account: frozenset[str] = NO_LABELS,
) -> Sequence[Record]:
    """Decode a change of one of the collections that are read, after :func:`check_change`."""
    author = _make_author(did)
    if collection in DECLARATIONS:
        if rkey != "self":  # the key of an account's only declaration
            return make_skipped(collection)
        return _decode_declaration(author, seen_at, operation, collection, load)
    if collection == PROFILES_COLLECTION:
        is_read = config.honour_no_unauthenticated and rkey == "self" and operation != "delete"
        if is_read and NO_UNAUTHENTICATED in load(LabelledRecord).get_label_names():
            return (Tombstone("author", author, "opted_out", seen_at),)
        return make_skipped(collection)
    if not rkey or not _RKEY.fullmatch(rkey):
        raise Refused("no_id")
    uri = f"at://{did}/{POSTS_COLLECTION}/{rkey}"
    if operation == "delete":
        return (Tombstone("id", "bluesky:" + uri, "deleted_later", seen_at),)
    created = make_post(uri, did, seen_at, load(PostRecord), config, account)
    if operation == "create":
        return (created,)
    if seen_at is None:
        # Without a time, the tombstone would apply to the update as well.
        raise Refused("no_time")
    superseded = Tombstone("id", "bluesky:" + uri, "superseded", seen_at)
    return (created._replace(edited_at=seen_at), superseded)


def check_change(
    did: str | None, operation: str | None, collection: str | None
) -> tuple[str, str, str]:
    """Return whose change it is, what was done, and to what; refuse it if any is missing."""
    if not did:
        raise Refused("no_id")
    if operation is None or operation not in _OPERATIONS:
        raise Refused("unknown_operation")
    if not collection:
        raise Refused("no_collection")
    return did, operation, collection


def _decode_declaration(
    author: str, seen_at: int | None, operation: str, collection: str, load: RecordLoader
) -> Sequence[Record]:
    """Decode an author's declaration: refusing either use opts out, and unset is not consent."""
    accepts_consent = DECLARATIONS[collection]
    reason = "undeclared" if accepts_consent else ""
    if operation != "delete":
        intents = load(_Declaration)
        generation = intents.generation.allow if intents.generation is not None else None
        dataset = intents.dataset.allow if intents.dataset is not None else None
        if generation is False or dataset is False:
            reason = "opted_out"
        elif dataset and accepts_consent:
            reason = "allowed"
    if not reason:
        return make_skipped(collection)
    return (Tombstone("author", author, reason, seen_at),)


def decode_account_event(
    did: str | None, seen_at: int | None, active: bool | None, status: str | None
) -> Sequence[Record]:
    """Decode a change to an account as a whole."""
    if active is None:
        raise Refused("no_status")
    # A status may be qualified by the name of its schema.
    status = status.rpartition("#")[2] if status else None
    if active and seen_at is not None:
        # The network brings the account's posts back with it, but not those of a deleted one.
        return (Tombstone("author", _make_author(did), "returned", seen_at),)
    if active or status in _HOST_STATUSES:
        return make_skipped("account")
    # All posts of a deleted account are withdrawn, whenever they were seen.
    said_at = None if status == "deleted" else seen_at
    reason = _INACTIVE_REASONS.get(status, "removed") if status else "removed"
    return (Tombstone("author", _make_author(did), reason, said_at),)


def decode_sync_event(did: str | None, seen_at: int | None) -> Sequence[Record]:
    """Decode the restart of a repository, which supersedes all that was seen of it before."""
    if seen_at is None:
        raise Refused("no_time")
    return (Tombstone("author", _make_author(did), "superseded", seen_at),)


def _make_author(did: str | None) -> str:
    if not did or not _DID.fullmatch(did):
        raise Refused("no_id")
    return "bluesky:" + did


@lru_cache(maxsize=1 << 14)
def make_skipped(name: str) -> Sequence[Record]:
    """Return a skipped record by the name of its kind; an overlong or odd name is not kept."""
    if name == "app.bsky.feed.repost":
        return (Skipped("repost"),)
    return (Skipped(name if _KIND_NAME.fullmatch(name) else "unknown_kind"),)


def parse_tid_micros(tid: str | None) -> int | None:
    """Return the microseconds of a timestamp identifier (a repository's ``rev``), or null."""
    if tid is None or len(tid) != 13:
        return None
    value = 0
    for digit in tid:
        if digit not in _TID_DIGITS:
            return None
        value = value << 5 | _TID_DIGITS[digit]
    # 53 bits of time, 10 bits of a clock's number, and a top bit of zero.
    return value >> 10 if value < 1 << 63 else None
