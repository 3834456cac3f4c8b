"""Statuses as Mastodon's API gives them: alone, in pages and threads, in events of a stream."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b

import msgspec

from corpus.formats import dump_input
from corpus.formats.html import text_of
from corpus.formats.json_stream import decoded
from corpus.formats.times import micros, whole
from corpus.readers.contract import Post, Record, Refused, Skipped, Tombstone, mentions_of
from corpus.readers.mastodon.common import (
    Config,
    edit_moment,
    global_id,
    global_name,
    objector,
    optout,
    outdated,
    warned,
)
from corpus.readers.mastodon.json_types import Account, Event, Line, Number, Status

#: Events of a stream that bring a status, and all others that are known.
_BRINGING = ("update", "status.update")
EVENTS = (
    *_BRINGING,
    "delete",
    "notification",
    "filters_changed",
    "conversation",
    "announcement",
    "announcement.reaction",
    "announcement.delete",
    "encrypted_message",
    "notifications_merged",
)
# Mastodon's ids; other software that speaks its API has its own, and its own URIs.
_NUMBER = re.compile(r"[0-9]{1,20}")
_LOCAL_PROFILE = re.compile(r"(https?://[^/?#\s]+)/@(\w+)")
# Accounts made before Mastodon could put a number in place of the name (October 2025). The upper
# bits of an account's id are the millisecond it was made in.
_NAMED_UNTIL = 1_759_276_800_000

_line = msgspec.json.Decoder(Line).decode
_status = msgspec.json.Decoder(Status).decode
_event = msgspec.json.Decoder(Event).decode
_page = msgspec.json.Decoder(list[msgspec.Raw]).decode
_string = msgspec.json.Decoder(str).decode


class Deleted:
    """The ids, as the streaming server has them, of the statuses that a file says are deleted.

    Eight bytes each: a stream may tell of millions.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        locals_ = (local for line in lines for local in _deletions(line) if local)
        self._hashes = array("Q", sorted(array("Q", map(_hash, locals_))))

    def __contains__(self, local: object) -> bool:
        if not self._hashes or type(local) is not str:
            return False
        wanted = _hash(local)
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted


def _hash(local: str) -> int:
    return int.from_bytes(blake2b(local.encode(), digest_size=8).digest(), "big")


def deleted(path: str, config: Config) -> Deleted:
    """Look through a file once for what it says is deleted."""

    def lines() -> Iterator[bytes]:
        with dump_input.Input(path) as source:
            for member in source.members():
                for line in member.lines(config.max_line_mb << 20):
                    yield line.data

    return Deleted(lines())


def _deletions(line: bytes) -> list[str]:
    """The ids that a line says are deleted; what is broken is refused when it is read."""
    if line.startswith(b"data:"):
        value = line[5:].strip()
        return [value.decode()] if value.isdigit() else []
    if b'"delete"' not in line:
        return []
    try:
        events = [_event(line)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Two objects on one line are one of the known faults of such files.
        events = list(_whole(dump_input.split_objects(dump_input.mend_surrogates(line))))
    return [_subject(event.payload) for event in events if event.event == "delete"]


def _whole(pieces: Sequence[bytes]) -> Iterator[Event]:
    for piece in pieces:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _event(piece)


def _subject(payload: msgspec.Raw) -> str:
    """The id that a deletion is about, or nothing."""
    try:
        return _local(msgspec.json.decode(payload, type=Number)) if bytes(payload) else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _local(value: Number) -> str:
    """A server's own id of something; empty for null, and for a float, which names another."""
    if type(value) is int:
        return str(value)
    return value if type(value) is str else ""


def decoder(config: Config, gone: Container[str]) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a line into its posts; ``gone``: the local ids of deleted ones."""
    objects = objector(config)

    def decode(line: bytes) -> Sequence[Record]:
        # A stream saved as it came: an event's name, then its data; now and then a sign of life.
        if line.startswith((b"event:", b"id:", b"retry:", b":")):
            return (Skipped("keep_alive" if line.startswith(b":") else "event_name"),)
        if line.startswith(b"data:"):
            return unnamed(line[5:].strip())
        if line.startswith(b"["):
            return page(_page(line))
        row = _line(line)
        if row.event is not None:
            return happened(row.event, row.payload)
        several = (row.ancestors, row.statuses, row.descendants)
        if row.uri is None and any(group is not None for group in several):
            return page([item for group in several for item in group or ()])
        return posts(row, {})

    def page(items: Sequence[msgspec.Raw]) -> Sequence[Record]:
        """The statuses of a page. One of them may answer another."""
        read = [_parsed(bytes(item)) for item in items]
        known: dict[str, str] = {}
        for status in read:
            for one in () if isinstance(status, Refused) else (status, status.reblog):
                if one is not None and (local := _local(one.id)) and (name := global_id(one.uri)):
                    known[local] = name
        records: list[Record] = [] if read else [Skipped("empty_page")]
        for status in read:
            try:
                records += [status] if isinstance(status, Refused) else posts(status, known)
            except Refused as refusal:
                records.append(refusal)
        return records

    def happened(event: str, payload: msgspec.Raw) -> Sequence[Record]:
        if event == "delete":
            if not _subject(payload):
                raise Refused("no_id")
            return (Skipped("delete"),)
        if event not in _BRINGING:
            return (Skipped(event if event in EVENTS else "event"),)
        brought = bytes(payload)
        # The status is JSON inside a string, except where a collector has unpacked it.
        status = _parsed(_string(brought).encode() if brought[:1] == b'"' else brought)
        return (status,) if isinstance(status, Refused) else posts(status, {})

    def unnamed(payload: bytes) -> Sequence[Record]:
        """The data of an event whose name stood on the line before."""
        if payload.isdigit():
            return (Skipped("delete"),)
        status = _parsed(payload)
        if isinstance(status, Refused):
            return (status,)
        return posts(status, {}) if status.uri or status.content else (Skipped("event"),)

    def posts(status: Status, known: Mapping[str, str]) -> Sequence[Record]:
        """The post, and what it tells of other versions of it and of its author's other posts."""
        name = global_id(status.uri)
        if not name:
            raise Refused("no_id")
        original = status.reblog
        source = status if original is None else original
        if source.content is None:
            raise Refused("no_text")
        author, bot = _author(status), status.account.bot if status.account else None
        said: list[Record] = []
        withdrawn = withdrawal(status, name, author, said)
        kind, parent, root = "post", None, None
        if original is not None:
            kind, parent = "repost", global_id(original.uri) or None
            withdrawn = withdrawn or withdrawal(original, parent or "", _author(original), said)
        elif status.in_reply_to_id is not None or status.in_reply_to_account_id is not None:
            kind, parent = "reply", _parent(status, known)
        else:
            kind, root = "quote" if bytes(status.quote) not in (b"", b"null") else "post", name
        edited = edit_moment(source.edited_at)
        open_to_all = all(
            one.visibility in config.visibility for one in (status, original) if one is not None
        )
        text = warned(text_of(source.content), source.spoiler_text, config) if open_to_all else ""
        post = Post(
            name,
            text,
            kind,
            author,
            None,
            micros(status.created_at),
            source.language or None,
            parent,
            root,
            whole(status.favourites_count),
            whole(status.replies_count),
            source.sensitive,
            bot,
            None,
            withdrawn,
            seen_at=edited,
            mentions=mentions_of(text, _people(source)) if source.mentions else None,
        )
        version = name if original is None else parent
        return (post, *(outdated(version, edited) if version else ()), *said)

    def withdrawal(status: Status, name: str, author: str | None, said: list[Record]) -> str | None:
        """Why a status must not be used, or null; ``said`` takes what that means for others."""
        account, reason = status.account, None
        if account is not None and _opted_out(account):
            reason = "opted_out"
            said += optout(author)
        elif config.require_indexable and (account is None or account.indexable is not True):
            reason = "opted_out"
        if _local(status.id) in gone:
            reason = "deleted_later"
            if name:
                said.append(Tombstone("id", name, "deleted_later"))
        if account is not None and account.suspended:
            reason = "removed"
        return reason if status.visibility in config.visibility else "private"

    def _opted_out(account: Account) -> bool:
        if config.honour_noindex and account.noindex:
            return True
        profile = [account.note, account.display_name]
        for field in account.fields or ():
            profile += [field.name, field.value]
        return any(objects(part) for part in profile if part)

    return decode


def _parsed(data: bytes) -> Status | Refused:
    """The status, or why it is none: its neighbours must not suffer from it."""
    found: list[Status] = []

    def keep(data: bytes) -> Sequence[Record]:
        found.append(_status(data))
        return ()

    (problem,) = decoded(data, keep) or (None,)
    return problem if isinstance(problem, Refused) else found[0]


def _author(status: Status) -> str | None:
    account = status.account
    if account is None:
        return None
    name, _, host = (account.acct or "").partition("@")
    last = f"https://{host}" if host else status.uri
    return global_name(account.username or name, account.uri, account.url, last)


def _people(status: Status) -> Iterator[tuple[str | None, str | None]]:
    """What a text calls the accounts that a status mentions, and what the author column would."""
    for mention in status.mentions or ():
        yield mention.username, global_name(mention.username, mention.url)


def _parent(status: Status, known: Mapping[str, str]) -> str | None:
    """The id of the answered status, where the line itself tells it for sure; else null."""
    local, account = _local(status.in_reply_to_id), status.account
    if not local or local in known:
        return known.get(local)
    writer, uri = _local(status.in_reply_to_account_id), str(status.uri)
    own = "/statuses/" + _local(status.id)
    # A local status's URI ends in the id that its own server calls it by; and so does that of the
    # one it answers, if both have one author.
    if account is not None and writer and writer == _local(account.id):
        if "@" not in (account.acct or "@") and uri.endswith(own) and len(own) > len("/statuses/"):
            return "mastodon:" + uri.removesuffix(own) + "/statuses/" + local
        return None
    if not (_NUMBER.fullmatch(local) and _NUMBER.fullmatch(writer)):
        return None  # not Mastodon's own software
    if int(writer) >> 16 >= _NAMED_UNTIL:
        return None
    for mention in status.mentions or ():
        if _local(mention.id) == writer and mention.username and mention.acct == mention.username:
            profile = _LOCAL_PROFILE.fullmatch(mention.url or "")
            if profile and profile[2] == mention.username:
                return f"mastodon:{profile[1]}/users/{profile[2]}/statuses/{local}"
    return None
