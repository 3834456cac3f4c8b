"""Decode the statuses of Mastodon's API: single ones, pages, threads, and events of a stream.

Gab, Truth Social, Pleroma and other software have this API with additions of their own. Lines of
ActivityPub, as servers send them to each other, are decoded as in an account archive.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import TypeVar

import msgspec

from corpus.formats.dump_input import DumpInput
from corpus.formats.json_repair import replace_lone_surrogates, split_json_objects
from corpus.formats.times import parse_account_micros, parse_given_int64, parse_given_micros
from corpus.readers.batches import decode_value, locate_config_records, parse_value
from corpus.readers.contract import (
    JsonScalar,
    Record,
    Refused,
    Skipped,
    Tombstone,
    find_overwriting,
    match_mentions,
    new_post,
)
from corpus.readers.mastodon.archive import ACTIVITY_TYPES, ActivityDecoder, looks_like_outbox
from corpus.readers.mastodon.common import (
    Config,
    has_quote_fallback,
    join_content_warning,
    make_account_name,
    make_edit_tombstones,
    make_opt_out_finder,
    make_opt_out_tombstones,
    make_post_id,
    parse_edit_time,
    read_content,
)
from corpus.readers.mastodon.json_types import (
    Account,
    Attachment,
    Friendica,
    Group,
    Poll,
    Status,
    StatusLine,
    StatusName,
    StreamEvent,
)
from corpus.readers.text_parts import join_alts, join_poll, join_title

T = TypeVar("T")

#: The events of a stream that contain a status, and all events.
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
# The visibility of forks that Mastodon does not have: in timelines of the own server only.
_UNLISTED = ("public_unlisted", "local_unlisted")
# What a group says that everybody may read; null: it says nothing.
_OPEN = (None, "public", "everyone", "open", "visible")
# Mastodon's ids; other software with this API has other ids and other URIs.
_SNOWFLAKE_ID = re.compile(r"[0-9]{1,20}")
_LOCAL_PROFILE = re.compile(r"(https?://[^/?#\s]+)/@(\w+)")
# Until October 2025 the URIs of new accounts contained their names; since then, numbers. The upper
# bits of an account's id are the time of its creation in milliseconds.
_NAMED_URIS_UNTIL_MS = 1_759_276_800_000

_parse_line = msgspec.json.Decoder(StatusLine).decode
_parse_status = msgspec.json.Decoder(Status).decode
_parse_event = msgspec.json.Decoder(StreamEvent).decode
_parse_page = msgspec.json.Decoder(list[msgspec.Raw]).decode
_parse_string = msgspec.json.Decoder(str).decode
_parse_attachments = msgspec.json.Decoder(list[Attachment]).decode


class DeletedStatuses:
    """The local ids of the statuses that a file's events delete.

    Stored as hashes of eight bytes each, as a stream may delete millions.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        local_ids = (local for line in lines for local in _find_deleted_ids(line) if local)
        self._hashes = array("Q", sorted(array("Q", map(_hash, local_ids))))

    def __contains__(self, local: object) -> bool:
        if not self._hashes or type(local) is not str:
            return False
        hashed = _hash(local)
        index = bisect_left(self._hashes, hashed)
        return index < len(self._hashes) and self._hashes[index] == hashed


def _hash(local: str) -> int:
    return int.from_bytes(blake2b(local.encode(), digest_size=8).digest(), "big")


def find_deleted(path: str, config: Config) -> DeletedStatuses:
    """Scan a file once for the statuses that its events delete."""

    def lines() -> Iterator[bytes]:
        with DumpInput(path, is_hashed=False) as source:
            for member in source.members():
                for _, line in locate_config_records(member, config, whole_arrays=True):
                    if b'"delete"' in line.data or line.data.startswith(b"data:"):
                        yield line.data

    return DeletedStatuses(lines())


def _find_deleted_ids(line: bytes) -> list[str]:
    """Return the local ids that a line deletes; a malformed line is refused when it is read."""
    if line.startswith(b"data:"):
        value = line[5:].strip()
        return [value.decode()] if value.isdigit() else []
    try:
        events = [_parse_event(line)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Several objects on one line are a known fault of such files.
        pieces = split_json_objects(replace_lone_surrogates(line))
        events = list(_parse_valid_events(pieces))
    return [_get_deleted_id(event.payload) for event in events if event.event == "delete"]


def _parse_valid_events(pieces: Sequence[bytes]) -> Iterator[StreamEvent]:
    for piece in pieces:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _parse_event(piece)


def _get_deleted_id(payload: msgspec.Raw) -> str:
    """Return the local id in the payload of a deletion, or empty."""
    if not bytes(payload):
        return ""
    try:
        return _get_local_id(msgspec.json.decode(payload, type=JsonScalar))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _get_local_id(value: JsonScalar) -> str:
    """Return a server's own id; empty for null and for a float, which has lost its last digits."""
    if type(value) is int:
        return str(value)
    return value if type(value) is str else ""


class StatusDecoder:
    """Decodes lines to posts; ``deleted`` are the local ids of deleted statuses."""

    def __init__(self, config: Config, deleted: Container[str]) -> None:
        self._config = config
        self._deleted = deleted
        self._has_opt_out = make_opt_out_finder(config)
        self._activities = ActivityDecoder(None, config)

    def decode(self, line: bytes) -> Sequence[Record]:
        """Decode a line: a status, a page, a thread, or a line of a stream."""
        if not line.startswith(b"{"):
            # A raw stream has the name of an event and its data on two lines, and keep-alives.
            if line.startswith((b"event:", b"id:", b"retry:", b":")):
                return (Skipped("keep_alive" if line.startswith(b":") else "event_name"),)
            if line.startswith(b"data:"):
                return self._decode_event_data(line[5:].strip())
            if line.startswith(b"["):
                if looks_like_outbox(line):
                    return self._decode_activities(_parse_page(line))
                return self._decode_page(_parse_page(line))
        row = _parse_line(line)
        if row.event is not None:
            return self._decode_event(row.event, row.payload)
        if row.uri is None:
            if type(row.type) is str:
                return self._decode_activity(row, line)
            groups = (row.ancestors, row.statuses, row.descendants)
            if any(group is not None for group in groups):
                return self._decode_page([item for group in groups for item in group or ()])
        return self._make_records(row, {})

    def _decode_activity(self, row: StatusLine, line: bytes) -> Sequence[Record]:
        """Decode an ActivityPub document: an activity, an object or a page of them."""
        if row.type in ACTIVITY_TYPES:
            return self._activities.decode(line)
        items = row.ordered_items if row.ordered_items is not None else row.items
        if items is None:
            raise Refused("no_id")
        return self._decode_activities(items)

    def _decode_activities(self, items: Sequence[msgspec.Raw]) -> Sequence[Record]:
        records: list[Record] = [] if items else [Skipped("empty_page")]
        for item in items:
            records += decode_value(bytes(item), self._activities.decode)
        return records

    def _decode_page(self, items: Sequence[msgspec.Raw]) -> Sequence[Record]:
        """Decode the statuses of a page or a thread, where one may reply to another."""
        statuses = [parse_value(bytes(item), _parse_status) for item in items]
        known: dict[str, str] = {}  # post ids by local id
        for status in statuses:
            for one in () if isinstance(status, Refused) else (status, status.reblog):
                local = _get_local_id(one.id) if one is not None else ""
                name = _make_id(one) if one is not None else ""
                if local and name:
                    known[local] = name
        records: list[Record] = [] if statuses else [Skipped("empty_page")]
        for status in statuses:
            if isinstance(status, Refused):
                records.append(status)
                continue
            try:
                records += self._make_records(status, known)
            except Refused as refusal:
                records.append(refusal)
        return records

    def _decode_event(self, event: str, payload: msgspec.Raw) -> Sequence[Record]:
        if event == "delete":
            if not _get_deleted_id(payload):
                raise Refused("no_id")
            return (Skipped("delete"),)
        if event not in _STATUS_EVENTS:
            return (Skipped(event if event in EVENTS else "event"),)
        data = bytes(payload)
        # The status is JSON in a string, unless a collector has unpacked it.
        if data[:1] == b'"':
            data = _parse_string(data).encode()
        status = parse_value(data, _parse_status)
        return (status,) if isinstance(status, Refused) else self._make_records(status, {})

    def _decode_event_data(self, data: bytes) -> Sequence[Record]:
        """Decode the data of an event whose name is on the line before."""
        if data.isdigit():
            return (Skipped("delete"),)
        status = parse_value(data, _parse_status)
        if isinstance(status, Refused):
            return (status,)
        if not (status.uri or status.content):
            return (Skipped("event"),)
        return self._make_records(status, {})

    def _make_records(self, status: Status, known: Mapping[str, str]) -> Sequence[Record]:
        """Return the post, and tombstones of its older versions and of its author's other posts.

        ``known`` are the post ids of the same page by local id.
        """
        name = _make_id(status)
        if not name:
            raise Refused("no_id")
        original = status.reblog
        source = status if original is None else original
        if source.content is None:
            raise Refused("no_text")
        account, author, bot, since = status.account, None, None, None
        if account is not None:
            author, bot = _make_author(status, account), account.bot
            since = parse_account_micros(account.created_at)
        tombstones: list[Tombstone] = []
        withdrawn = self._find_withdrawal(status, name, author, tombstones)
        is_readable, is_quote = withdrawn != "private", _is_quote(source)
        kind, parent, root, original_author = "post", None, None, None
        if original is not None:
            kind, parent = "repost", _make_id(original) or None
            if original.account is not None:
                original_author = _make_author(original, original.account)
            withdrawn = withdrawn or self._find_withdrawal(
                original, parent or "", original_author, tombstones
            )
        elif status.in_reply_to_id is not None or status.in_reply_to_account_id is not None:
            kind, parent = "reply", _find_parent(status, known)
        else:
            kind, root = "quote" if is_quote else "post", name
        edit = source.edited_at or source.revised_at
        edited = None if edit is None else parse_edit_time(edit)
        text = ""
        if is_readable and (original is None or self._is_readable(original)):
            body = read_content(source.content, is_quote, self._config.with_alt)
            withdrawn = withdrawn or find_overwriting(body, edited)
            text = self._join_parts(source, body)
        post = new_post(
            (
                name,
                text,
                kind,
                author,
                None,  # community
                parse_given_micros(status.created_at),
                source.language or None,
                parent,
                root,
                parse_given_int64(status.favourites_count),
                parse_given_int64(status.replies_count),
                source.sensitive,
                bot,
                None,  # license
                withdrawn,
                None,  # accepted_id
                None,  # consent
                edited,
                match_mentions(text, _iter_mentioned_users(source)) if source.mentions else None,
                original_author,
                None,  # author_name
                edited,
                since,
            )
        )
        if edited is None and not tombstones:
            return (post,)
        version = name if original is None else parent
        superseded = make_edit_tombstones(version, edited) if version else ()
        return (post, *superseded, *tombstones)

    def _find_withdrawal(
        self, status: Status, name: str, author: str | None, tombstones: list[Tombstone]
    ) -> str | None:
        """Return why a status must not be used, or null.

        Appends what applies to other posts to ``tombstones``.
        """
        account, reason = status.account, None
        if account is not None and self._has_opted_out(account):
            reason = "opted_out"
            tombstones += make_opt_out_tombstones(author)
        elif self._config.require_indexable and (account is None or account.indexable is not True):
            reason = "opted_out"
        if _get_local_id(status.id) in self._deleted:
            reason = "deleted_later"
            if name:
                tombstones.append(Tombstone("id", name, "deleted_later"))
        if account is not None and account.suspended:
            reason = "removed"
        return reason if self._is_readable(status) else "private"

    def _is_readable(self, status: Status) -> bool:
        """Return whether a status is for the public that the config names, and not for members."""
        visibility = status.visibility
        if status.visibility_ex is not None:  # of forks; ``visibility`` is for other clients
            visibility = "unlisted" if status.visibility_ex in _UNLISTED else status.visibility_ex
        return (
            visibility in self._config.visibility
            and status.local_only is not True
            and status.local_only_camel is not True
            and status.federated is not False
            and (status.group is None or _is_public_group(status.group))
        )

    def _join_parts(self, status: Status, text: str) -> str:
        """Return the text of a status with its title, its content warning and its poll."""
        if status.poll is not None and (poll := _convert(status.poll, Poll)):
            text = join_poll(text, [option.title for option in poll.options or ()])
        if self._config.with_alt:
            text = join_alts(text, _list_descriptions(status.media_attachments))
        if status.friendica is not None and (friendica := _convert(status.friendica, Friendica)):
            text = join_title(friendica.title, text)
        warning = status.spoiler_text
        return join_content_warning(text, warning, self._config) if warning else text

    def _has_opted_out(self, account: Account) -> bool:
        if self._config.honour_noindex and (account.noindex or account.unauth_visibility is False):
            return True
        has_opt_out = self._has_opt_out
        if account.note and has_opt_out(account.note):
            return True
        if account.display_name and has_opt_out(account.display_name):
            return True
        return any(
            (field.name and has_opt_out(field.name)) or (field.value and has_opt_out(field.value))
            for field in account.fields or ()
        )


def _convert(part: object, shape: type[T]) -> T | None:
    """Return a part of a status; a malformed one does not cost the status."""
    try:
        return msgspec.convert(part, shape)
    except msgspec.ValidationError:
        return None


def _list_descriptions(attachments: msgspec.Raw) -> list[str | None]:
    """Return the descriptions of a status's attachments; none of malformed ones."""
    try:
        return [one.description for one in _parse_attachments(attachments)]
    except msgspec.DecodeError:
        return []


def _is_quote(status: Status) -> bool:
    if status.quote is not None or status.quote_id is not None or status.quote_of_id is not None:
        return True
    return status.content is not None and has_quote_fallback(status.content)


def _is_public_group(part: object) -> bool:
    """Return whether everybody may read a group."""
    group = _convert(part, Group)
    if group is None or group.is_private is True or group.is_visible is False:
        return False
    return group.privacy in _OPEN and group.group_visibility in _OPEN


def _make_id(status: Status | StatusName) -> str:
    """Return the post id of a status; empty if it has no URI.

    Gab has a path in place of the URI, or nothing, and the complete one as the address.
    """
    name, url = make_post_id(status.uri), status.url
    if name or type(url) is not str:
        return name
    path = status.uri if type(status.uri) is str and status.uri.startswith("/") else None
    is_gab = url.startswith("https://gab.com/") if path is None else url.endswith(path)
    return make_post_id(url) if is_gab else ""


def _make_author(status: Status, account: Account) -> str | None:
    name, _, host = (account.acct or "").partition("@")
    last = f"https://{host}" if host else status.uri
    return make_account_name(account.username or name, account.uri, account.url, last)


def _iter_mentioned_users(status: Status) -> Iterator[tuple[str | None, str | None]]:
    """Yield each mentioned account's name in texts, and its name in the author column."""
    for mention in status.mentions or ():
        yield mention.username, make_account_name(mention.username, mention.url)


def _find_parent(status: Status, known: Mapping[str, str]) -> str | None:
    """Return the post id of the status that this one replies to, if it is certain; else null."""
    if status.in_reply_to is not None:
        parent = _convert(status.in_reply_to, StatusName)
        if parent is not None and _make_id(parent):
            return _make_id(parent)
    local, account = _get_local_id(status.in_reply_to_id), status.account
    if not local or local in known:
        return known.get(local)
    parent_author = _get_local_id(status.in_reply_to_account_id)
    own_id, uri = _get_local_id(status.id), _make_id(status).partition(":")[2]
    profile_url = account.url if account is not None else None
    if profile_url and own_id and uri.startswith(profile_url) and uri.endswith("/" + own_id):
        # On Gab and Truth Social, the address of a status begins with that of its account.
        path = uri.removeprefix(profile_url).removesuffix(own_id)
        for mention in (account, *(status.mentions or ())):
            if mention is not None and mention.url and _get_local_id(mention.id) == parent_author:
                return f"mastodon:{mention.url}{path}{local}"
        return None
    own_path = "/statuses/" + own_id
    # The URI of a local account's status ends with the status's local id. So does that of the
    # parent if it is by the same account.
    if account is not None and parent_author and parent_author == _get_local_id(account.id):
        is_local = "@" not in (account.acct or "@")
        if is_local and uri.endswith(own_path) and len(own_path) > len("/statuses/"):
            return "mastodon:" + uri.removesuffix(own_path) + "/statuses/" + local
        return None
    if not (_SNOWFLAKE_ID.fullmatch(local) and _SNOWFLAKE_ID.fullmatch(parent_author)):
        return None  # not Mastodon's own software
    if int(parent_author) >> 16 >= _NAMED_URIS_UNTIL_MS:
        return None
    for mention in status.mentions or ():
        is_local = bool(mention.username) and mention.acct == mention.username
        if is_local and _get_local_id(mention.id) == parent_author:
            profile = _LOCAL_PROFILE.fullmatch(mention.url or "")
            if profile and profile[2] == mention.username:
                return f"mastodon:{profile[1]}/users/{profile[2]}/statuses/{local}"
    return None
