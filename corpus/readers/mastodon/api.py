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
from corpus.formats.html import html_to_text
from corpus.formats.json_stream import decode_value
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.contract import Post, Record, Refused, Skipped, Tombstone, match_mentions
from corpus.readers.mastodon.common import (
    Config,
    join_content_warning,
    make_account_name,
    make_opt_out_finder,
    make_opt_out_tombstones,
    make_post_id,
    make_superseded_tombstones,
    parse_edit_time,
)
from corpus.readers.mastodon.json_types import Account, JsonScalar, Status, StatusLine, StreamEvent

#: Events of a stream that bring a status, and all others that are known.
_STATUS_EVENTS = ("update", "status.update")
EVENTS = (
    *_STATUS_EVENTS,
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
_SNOWFLAKE_ID = re.compile(r"[0-9]{1,20}")
_LOCAL_PROFILE = re.compile(r"(https?://[^/?#\s]+)/@(\w+)")
# Accounts made before Mastodon could put a number in place of the name (October 2025). The upper
# bits of an account's id are the millisecond it was made in.
_NAMED_URIS_UNTIL_MS = 1_759_276_800_000

_parse_line = msgspec.json.Decoder(StatusLine).decode
_parse_status = msgspec.json.Decoder(Status).decode
_parse_event = msgspec.json.Decoder(StreamEvent).decode
_parse_page = msgspec.json.Decoder(list[msgspec.Raw]).decode
_parse_string = msgspec.json.Decoder(str).decode


class DeletedStatuses:
    """The ids, as the streaming server has them, of the statuses that a file says are deleted.

    Eight bytes each: a stream may tell of millions.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        locals_ = (local for line in lines for local in _find_deleted_ids(line) if local)
        self._hashes = array("Q", sorted(array("Q", map(_hash, locals_))))

    def __contains__(self, local: object) -> bool:
        if not self._hashes or type(local) is not str:
            return False
        wanted = _hash(local)
        at = bisect_left(self._hashes, wanted)
        return at < len(self._hashes) and self._hashes[at] == wanted


def _hash(local: str) -> int:
    return int.from_bytes(blake2b(local.encode(), digest_size=8).digest(), "big")


def find_deleted(path: str, config: Config) -> DeletedStatuses:
    """Look through a file once for what it says is deleted."""

    def lines() -> Iterator[bytes]:
        with dump_input.DumpInput(path) as source:
            for member in source.members():
                for line in member.lines(config.max_line_mb << 20):
                    yield line.data

    return DeletedStatuses(lines())


def _find_deleted_ids(line: bytes) -> list[str]:
    """The ids that a line says are deleted; what is broken is refused when it is read."""
    if line.startswith(b"data:"):
        value = line[5:].strip()
        return [value.decode()] if value.isdigit() else []
    if b'"delete"' not in line:
        return []
    try:
        events = [_parse_event(line)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Two objects on one line are one of the known faults of such files.
        events = list(
            _parse_valid_events(
                dump_input.split_json_objects(dump_input.replace_lone_surrogates(line))
            )
        )
    return [_get_deleted_id(event.payload) for event in events if event.event == "delete"]


def _parse_valid_events(pieces: Sequence[bytes]) -> Iterator[StreamEvent]:
    for piece in pieces:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _parse_event(piece)


def _get_deleted_id(payload: msgspec.Raw) -> str:
    """The id that a deletion is about, or nothing."""
    try:
        return (
            _get_local_id(msgspec.json.decode(payload, type=JsonScalar)) if bytes(payload) else ""
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _get_local_id(value: JsonScalar) -> str:
    """A server's own id of something; empty for null, and for a float, which names another."""
    if type(value) is int:
        return str(value)
    return value if type(value) is str else ""


def make_decoder(config: Config, deleted: Container[str]) -> Callable[[bytes], Sequence[Record]]:
    """The function that turns a line into its posts; ``gone``: the local ids of deleted ones."""
    objects = make_opt_out_finder(config)

    def decode(line: bytes) -> Sequence[Record]:
        # A stream saved as it came: an event's name, then its data; now and then a sign of life.
        if line.startswith((b"event:", b"id:", b"retry:", b":")):
            return (Skipped("keep_alive" if line.startswith(b":") else "event_name"),)
        if line.startswith(b"data:"):
            return unnamed(line[5:].strip())
        if line.startswith(b"["):
            return page(_parse_page(line))
        row = _parse_line(line)
        if row.event is not None:
            return happened(row.event, row.payload)
        several = (row.ancestors, row.statuses, row.descendants)
        if row.uri is None and any(group is not None for group in several):
            return page([item for group in several for item in group or ()])
        return posts(row, {})

    def page(items: Sequence[msgspec.Raw]) -> Sequence[Record]:
        """The statuses of a page. One of them may answer another."""
        read = [_decode_status(bytes(item)) for item in items]
        known: dict[str, str] = {}
        for status in read:
            for one in () if isinstance(status, Refused) else (status, status.reblog):
                if (
                    one is not None
                    and (local := _get_local_id(one.id))
                    and (name := make_post_id(one.uri))
                ):
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
            if not _get_deleted_id(payload):
                raise Refused("no_id")
            return (Skipped("delete"),)
        if event not in _STATUS_EVENTS:
            return (Skipped(event if event in EVENTS else "event"),)
        brought = bytes(payload)
        # The status is JSON inside a string, except where a collector has unpacked it.
        status = _decode_status(_parse_string(brought).encode() if brought[:1] == b'"' else brought)
        return (status,) if isinstance(status, Refused) else posts(status, {})

    def unnamed(payload: bytes) -> Sequence[Record]:
        """The data of an event whose name stood on the line before."""
        if payload.isdigit():
            return (Skipped("delete"),)
        status = _decode_status(payload)
        if isinstance(status, Refused):
            return (status,)
        return posts(status, {}) if status.uri or status.content else (Skipped("event"),)

    def posts(status: Status, known: Mapping[str, str]) -> Sequence[Record]:
        """The post, and what it tells of other versions of it and of its author's other posts."""
        name = make_post_id(status.uri)
        if not name:
            raise Refused("no_id")
        original = status.reblog
        source = status if original is None else original
        if source.content is None:
            raise Refused("no_text")
        author, bot = _make_author(status), status.account.bot if status.account else None
        said: list[Record] = []
        withdrawn = withdrawal(status, name, author, said)
        kind, parent, root = "post", None, None
        if original is not None:
            kind, parent = "repost", make_post_id(original.uri) or None
            withdrawn = withdrawn or withdrawal(
                original, parent or "", _make_author(original), said
            )
        elif status.in_reply_to_id is not None or status.in_reply_to_account_id is not None:
            kind, parent = "reply", _find_parent(status, known)
        else:
            kind, root = "quote" if bytes(status.quote) not in (b"", b"null") else "post", name
        edited = parse_edit_time(source.edited_at)
        open_to_all = all(
            one.visibility in config.visibility for one in (status, original) if one is not None
        )
        text = (
            join_content_warning(html_to_text(source.content), source.spoiler_text, config)
            if open_to_all
            else ""
        )
        post = Post(
            name,
            text,
            kind,
            author,
            None,
            parse_micros(status.created_at),
            source.language or None,
            parent,
            root,
            parse_int64(status.favourites_count),
            parse_int64(status.replies_count),
            source.sensitive,
            bot,
            None,
            withdrawn,
            seen_at=edited,
            mentions=match_mentions(text, _iter_mentioned_users(source))
            if source.mentions
            else None,
        )
        version = name if original is None else parent
        return (post, *(make_superseded_tombstones(version, edited) if version else ()), *said)

    def withdrawal(status: Status, name: str, author: str | None, said: list[Record]) -> str | None:
        """Why a status must not be used, or null; ``said`` takes what that means for others."""
        account, reason = status.account, None
        if account is not None and _opted_out(account):
            reason = "opted_out"
            said += make_opt_out_tombstones(author)
        elif config.require_indexable and (account is None or account.indexable is not True):
            reason = "opted_out"
        if _get_local_id(status.id) in deleted:
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


def _decode_status(data: bytes) -> Status | Refused:
    """The status, or why it is none: its neighbours must not suffer from it."""
    found: list[Status] = []

    def keep(data: bytes) -> Sequence[Record]:
        found.append(_parse_status(data))
        return ()

    (problem,) = decode_value(data, keep) or (None,)
    return problem if isinstance(problem, Refused) else found[0]


def _make_author(status: Status) -> str | None:
    account = status.account
    if account is None:
        return None
    name, _, host = (account.acct or "").partition("@")
    last = f"https://{host}" if host else status.uri
    return make_account_name(account.username or name, account.uri, account.url, last)


def _iter_mentioned_users(status: Status) -> Iterator[tuple[str | None, str | None]]:
    """What a text calls the accounts that a status mentions, and what the author column would."""
    for mention in status.mentions or ():
        yield mention.username, make_account_name(mention.username, mention.url)


def _find_parent(status: Status, known: Mapping[str, str]) -> str | None:
    """The id of the answered status, where the line itself tells it for sure; else null."""
    local, account = _get_local_id(status.in_reply_to_id), status.account
    if not local or local in known:
        return known.get(local)
    writer, uri = _get_local_id(status.in_reply_to_account_id), str(status.uri)
    own = "/statuses/" + _get_local_id(status.id)
    # A local status's URI ends in the id that its own server calls it by; and so does that of the
    # one it answers, if both have one author.
    if account is not None and writer and writer == _get_local_id(account.id):
        if "@" not in (account.acct or "@") and uri.endswith(own) and len(own) > len("/statuses/"):
            return "mastodon:" + uri.removesuffix(own) + "/statuses/" + local
        return None
    if not (_SNOWFLAKE_ID.fullmatch(local) and _SNOWFLAKE_ID.fullmatch(writer)):
        return None  # not Mastodon's own software
    if int(writer) >> 16 >= _NAMED_URIS_UNTIL_MS:
        return None
    for mention in status.mentions or ():
        if (
            _get_local_id(mention.id) == writer
            and mention.username
            and mention.acct == mention.username
        ):
            profile = _LOCAL_PROFILE.fullmatch(mention.url or "")
            if profile and profile[2] == mention.username:
                return f"mastodon:{profile[1]}/users/{profile[2]}/statuses/{local}"
    return None
