"""Read Mastodon's account archive: its outbox.json and actor.json, and no other files.

An outbox may also be that of another server or software: a collection, a page of one, or an array
of activities. ActivityPub's deletions become tombstones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import msgspec

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.names import get_folder
from corpus.formats.byte_source import STREAM_ERRORS, ByteSource
from corpus.formats.dump_input import DumpInput
from corpus.formats.json_stream import JsonValue, walk_json
from corpus.formats.times import parse_given_micros
from corpus.readers.batches import (
    decode_value,
    parse_value,
    read_whole,
    refuse_file,
    refuse_problems,
)
from corpus.readers.contract import (
    JsonScalar,
    LocatedRecords,
    Post,
    Record,
    Refused,
    Skipped,
    Tombstone,
    find_overwriting,
    match_mentions,
)
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
from corpus.readers.text_parts import join_alts, join_poll, join_title


class _Property(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | None = None


class _Actor(msgspec.Struct, gc=False):
    id: str | None = None
    type: str | None = None
    preferred_username: str | None = msgspec.field(default=None, name="preferredUsername")
    name: str | None = None
    summary: str | None = None
    attachment: list[_Property] | None = None
    indexable: bool | None = None
    suspended: bool | None = None


class _Choice(msgspec.Struct, gc=False):
    """An option of a poll."""

    name: str | None = None


class _Note(msgspec.Struct):
    id: Any = None
    type: Any = None
    actor: Any = None
    attributed_to: Any = msgspec.field(default=None, name="attributedTo")
    summary: str | None = None
    content: str | None = None
    content_map: dict[str, str | None] | None = msgspec.field(default=None, name="contentMap")
    in_reply_to: Any = msgspec.field(default=None, name="inReplyTo")
    published: JsonScalar = None
    updated: JsonScalar = None
    sensitive: bool | None = None
    to: Any = None
    cc: Any = None
    quote: Any = None
    quote_url: Any = msgspec.field(default=None, name="quoteUrl")
    quote_uri: Any = msgspec.field(default=None, name="quoteUri")
    misskey_quote: Any = msgspec.field(default=None, name="_misskey_quote")
    name: Any = None
    one_of: list[_Choice] | None = msgspec.field(default=None, name="oneOf")
    any_of: list[_Choice] | None = msgspec.field(default=None, name="anyOf")
    attachment: msgspec.Raw = msgspec.Raw()
    tag: msgspec.Raw = msgspec.Raw()
    # What forks say of posts that are not for everybody, whatever their addressees.
    visibility: Any = None
    local_only: Any = None
    local_only_camel: Any = msgspec.field(default=None, name="localOnly")
    federated: Any = None
    direct_message: Any = msgspec.field(default=None, name="directMessage")
    limited_scope: Any = msgspec.field(default=None, name="limitedScope")


class _Part(msgspec.Struct, gc=False):
    """An attachment, whose name is its description, or a tag, such as a mention."""

    type: Any = None
    name: Any = None
    href: Any = None


class _Activity(_Note):
    object: msgspec.Raw = msgspec.Raw()


OUTBOX_FILE, ACTOR_FILE = "outbox.json", "actor.json"
_PUBLIC = ("as:Public", "Public", "https://www.w3.org/ns/activitystreams#Public")
_BOT_TYPES = ("Service", "Application")
_POST_TYPES = ("Note", "Question", "Article", "Page", "Image", "Video", "Audio", "Event")
#: Types whose ``name`` is a title and whose ``summary`` is an excerpt, unless they are sensitive.
_TITLED_TYPES = ("Article", "Page", "Event", "Video", "Audio")
#: The types of what :class:`ActivityDecoder` decodes.
ACTIVITY_TYPES = frozenset(
    (
        *_POST_TYPES,
        *("Create", "Update", "Delete", "Tombstone", "Announce", "Undo", "Like", "Dislike"),
        *("Follow", "Accept", "Reject", "Add", "Remove", "Block", "Flag", "Move", "EmojiReact"),
    )
)
COLLECTION_TYPES = ("OrderedCollection", "OrderedCollectionPage", "Collection", "CollectionPage")
#: The end of a post that glitch-soc keeps on its server.
_LOCAL_ONLY_MARK = "\U0001f441"
_VISIBILITIES = ("public", "unlisted", "private")
_ACCOUNT_URI = re.compile(r"https?://[^/?#\s]+/(?:users/|@)([\w.-]+)")

_HEAD_BYTES = 1 << 16
_BEGINS = re.compile(rb'\{\s*"@context"\s*:')
COLLECTION = re.compile(rb'"type"\s*:\s*"(?:Ordered)?Collection(?:Page)?"')
_ARRAY_BEGINS = re.compile(
    rb'\[\s*\{(?:[^{}]|\{[^{}]*\})*?"type"\s*:\s*"(?:%s)"'
    % "|".join(sorted(ACTIVITY_TYPES)).encode()
)
_FIRST_PAGE = re.compile(rb'"first"\s*:\s*\{')

_parse_actor = msgspec.json.Decoder(_Actor).decode
_parse_activity = msgspec.json.Decoder(_Activity).decode
_parse_note = msgspec.json.Decoder(_Note).decode
_parse_document = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_parse_parts = msgspec.json.Decoder(list[_Part] | _Part).decode


def read_bundle(bundle: Bundle, config: Config) -> Iterator[LocatedRecords]:
    """Yield the records of each outbox in a folder or zip, with the actor in the same folder."""
    yield from refuse_problems(bundle.problems)
    outboxes = bundle.find_files(OUTBOX_FILE)
    if not outboxes and not bundle.problems:
        yield refuse_file(bundle.path, "no_outbox")
    for outbox in outboxes:
        actor_name = get_folder(outbox) + ACTOR_FILE
        has_actor = actor_name in bundle.find_files(ACTOR_FILE)
        actor = _read_actor(bundle.open(actor_name), config) if has_actor else Refused("no_actor")
        actor_file = bundle.source_file(actor_name)
        yield from _read_outbox(
            bundle.open(outbox), bundle.source_file(outbox), actor, actor_file, config
        )


def read_tar(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    """Yield the records of each outbox in a tar, or of an outbox that is the whole file.

    The actor is often the last file of the tar, so a first pass reads the actors.
    """
    actors: dict[str, _Actor | Refused] = {}
    with DumpInput(source.path) as first_pass:
        for member in first_pass.members():
            if member.name.rpartition("/")[2] == ACTOR_FILE:
                actors[get_folder(member.name)] = _read_actor(member.open(), config)
    for member in source.members():
        if not member.name or member.name.rpartition("/")[2] == OUTBOX_FILE:
            folder = get_folder(member.name)
            actor_file = f"{source.path}!{folder}{ACTOR_FILE}" if member.name else source.path
            actor = actors.get(folder, Refused("no_actor"))
            yield from _read_outbox(member.open(), member.source_file, actor, actor_file, config)
    for _, reason in source.problems[:1]:
        yield refuse_file(source.path, reason)


def is_outbox_in_tar(path: str) -> bool:
    """Return whether a file is the tar of an account archive, or an outbox."""
    with DumpInput(path) as source:
        for member in source.members():
            if not member.name:
                return looks_like_outbox(member.open().peek(_HEAD_BYTES))
            parts = member.name.split("/")
            if parts[-1] == OUTBOX_FILE:
                return True
            # An account archive contains these files and pictures; others may contain statuses.
            is_archive_file = parts[-1] in (ACTOR_FILE, "likes.json", "bookmarks.json")
            if not is_archive_file and re.search(
                r"\.(?:json|jsonl|ndjson|txt|log|gz|bz2|xz|zst)$", parts[-1]
            ):
                return False
    return False


def looks_like_outbox(head: bytes) -> bool:
    """Return whether the head is that of a collection of ActivityPub or of an array of activities.

    No API returns such a document. A line that is an activity by itself is none.
    """
    head = head[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] == b"[":
        return _ARRAY_BEGINS.match(head) is not None and b'"account"' not in head
    if not _BEGINS.match(head) and not COLLECTION.search(head):
        return False
    try:
        document = _parse_document(head.partition(b"\n")[0])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return head[:1] == b"{"
    return bytes(document.get("type", msgspec.Raw())).strip(b'"').decode() not in ACTIVITY_TYPES


def _read_actor(source: ByteSource, config: Config) -> _Actor | Refused:
    """Read the account, or return why it cannot be read."""
    content = read_whole(source, config.max_line_mb << 20)
    return content if isinstance(content, Refused) else parse_value(content, _parse_actor)


def _read_outbox(
    source: ByteSource, source_file: str, actor: _Actor | Refused, actor_file: str, config: Config
) -> Iterator[LocatedRecords]:
    if isinstance(actor, Refused):
        yield LocatedRecords(actor_file, 0, 0, (actor,))
        actor = _Actor()
    decoder = ActivityDecoder(actor, config)
    head = _Head(source)
    paths = ["orderedItems.item", "items.item", "item"]
    if _FIRST_PAGE.search(head.data):
        paths += ["first.orderedItems.item", "first.items.item"]
    row = 0
    for event in walk_json(head, paths, config.max_line_mb << 20, one_kind=True):
        if isinstance(event, JsonValue):
            row += 1
            records = decode_value(event.data, decoder.decode)
            yield LocatedRecords(source_file, row, len(event.data), records)
        elif isinstance(event, Refused):
            row += 1
            yield LocatedRecords(source_file, row, 0, (event,))


class _Head:
    """A source of which the first bytes are known."""

    def __init__(self, source: ByteSource) -> None:
        self._source, self._error = source, None
        self.data = b""
        try:
            while len(self.data) < _HEAD_BYTES and (
                more := source.read(_HEAD_BYTES - len(self.data))
            ):
                self.data += more
        except STREAM_ERRORS as error:
            self._error = error
        self._rest = self.data

    def read(self, size: int = -1, /) -> bytes:
        if self._rest:
            end = len(self._rest) if size < 0 else size
            data, self._rest = self._rest[:end], self._rest[end:]
            return data
        if self._error is not None:
            raise self._error
        return self._source.read(size)


class ActivityDecoder:
    """Decodes the activities of one account to its posts; of anybody's, if ``actor`` is null."""

    def __init__(self, actor: _Actor | None, config: Config) -> None:
        actor = actor or _Actor()
        self._config = config
        self._author = make_account_name(actor.preferred_username, actor.id)
        self._bot = None if actor.type is None else actor.type in _BOT_TYPES
        has_opt_out = make_opt_out_finder(config)
        profile = [actor.summary, actor.name]
        for entry in actor.attachment or ():
            profile += [entry.name, entry.value]
        self._opted_out = any(has_opt_out(part) for part in profile if part)
        self._withdrawn = None
        if self._opted_out or (config.require_indexable and actor.indexable is not True):
            self._withdrawn = "opted_out"
        if actor.suspended:
            self._withdrawn = "removed"

    def decode(self, item: bytes) -> Sequence[Record]:
        """Decode an activity to its post, or to a skipped record."""
        if item[:1] == b'"':
            return (Skipped("link"),)
        activity = _parse_activity(item)
        if activity.type in _POST_TYPES:
            return self._post(activity, activity)
        if activity.type == "Announce":
            return (Skipped("boost"),)
        if activity.type == "Delete":
            return (_make_deletion(bytes(activity.object), _get_uri(activity.actor)),)
        if activity.type == "Tombstone" and make_post_id(activity.id):
            return (Tombstone("id", make_post_id(activity.id), "deleted"),)
        if activity.type not in ("Create", "Update"):
            return (Skipped("activity"),)
        value = bytes(activity.object)
        if value[:1] != b"{":
            raise Refused("no_text")
        note = _parse_note(value)
        if note.type == "Tombstone" and make_post_id(note.id):
            return (Tombstone("id", make_post_id(note.id), "deleted"),)
        if activity.type == "Update" and note.type not in _POST_TYPES:
            return (Skipped("activity"),)  # of a profile
        return self._post(note, activity)

    def _post(self, note: _Note, activity: _Note) -> Sequence[Record]:
        name = make_post_id(note.id)
        if not name:
            raise Refused("no_id")
        by_language = {
            code: text for code, text in (note.content_map or {}).items() if text is not None
        }
        content = (
            note.content if note.content is not None else next(iter(by_language.values()), None)
        )
        if content is None:
            if note.name and note.in_reply_to:
                return (Skipped("vote"),)  # in a poll
            raise Refused("no_text")
        parent = _get_uri(note.in_reply_to)
        quotes = note.quote or note.quote_url or note.quote_uri or note.misskey_quote
        quotes = bool(quotes) or has_quote_fallback(content)
        kind = "reply" if note.in_reply_to else "quote" if quotes else "post"
        author = self._author or _make_author(_get_uri(note.attributed_to or activity.actor))
        body = read_content(content, quotes, self._config.with_alt)
        public = _find_visibility(note, activity) in self._config.visibility
        if _is_for_members(note, self._config) or _is_for_members(activity, self._config):
            public = False
        if body.rstrip("\ufe0f").endswith(_LOCAL_ONLY_MARK):
            public = False
        edited = parse_edit_time(note.updated)
        published = note.published if note.published is not None else activity.published
        text = self._join_parts(note, body) if public else ""
        post = Post(
            name,
            text,
            kind,
            author,
            None,  # community
            parse_given_micros(published),
            next((code for code, text in by_language.items() if text == content and code), None),
            make_post_id(parent) or None,
            None if note.in_reply_to else name,
            None,  # score
            None,  # replies
            note.sensitive,
            self._bot,
            None,  # license
            (self._withdrawn or find_overwriting(body, edited)) if public else "private",
            seen_at=edited,
            edited_at=edited,
            mentions=match_mentions(text, _iter_mentioned_users(note)) if "@" in text else None,
        )
        opt_outs = make_opt_out_tombstones(author) if self._opted_out else ()
        return (post, *make_edit_tombstones(name, edited), *opt_outs)

    def _join_parts(self, note: _Note, body: str) -> str:
        """Return the text of a post with its title, its content warning and its poll."""
        choices = (*(note.one_of or ()), *(note.any_of or ()))
        text = join_poll(body, [choice.name for choice in choices])
        if self._config.with_alt:
            text = join_alts(text, (part.name for part in _list_parts(note.attachment)))
        if type(note.name) is str and note.type in _TITLED_TYPES:
            text = join_title(unescape(note.name), text)
        if note.type in _TITLED_TYPES and not note.sensitive:
            return text
        return join_content_warning(text, note.summary, self._config)


def _make_deletion(value: bytes, actor: str | None) -> Tombstone:
    """Return the tombstone of a deleted post, or of all posts of a deleted account."""
    uri = _get_uri(msgspec.json.decode(value)) if value else None
    author = _make_author(uri) if uri and uri == actor else None
    if author:
        return Tombstone("author", "mastodon:" + author, "deleted_later")
    name = make_post_id(uri)
    if not name:
        raise Refused("no_id")
    return Tombstone("id", name, "deleted_later")


def _list_parts(parts: msgspec.Raw) -> list[_Part]:
    """Return the attachments or tags of an object; none of malformed ones."""
    try:
        found = _parse_parts(parts)
    except msgspec.DecodeError:
        return []
    return found if isinstance(found, list) else [found]


def _iter_mentioned_users(note: _Note) -> Iterator[tuple[str | None, str | None]]:
    """Yield each mentioned account's name in texts, and its name in the author column."""
    for part in _list_parts(note.tag):
        if part.type == "Mention" and isinstance(part.href, str) and isinstance(part.name, str):
            yield part.name.removeprefix("@").partition("@")[0], _make_author(part.href)


def _is_for_members(note: _Note, config: Config) -> bool:
    """Return whether a fork's own fields say that a post is not for everybody."""
    if note.local_only is True or note.local_only_camel is True or note.direct_message is True:
        return True
    if note.federated is False or note.limited_scope not in (None, "", "None", "none"):
        return True
    return type(note.visibility) is str and note.visibility not in config.visibility


def _get_uri(value: object) -> str | None:
    """Return the URI of an object: the value itself, its ``id``, or that of a list's first item."""
    for _ in range(3):
        if isinstance(value, list):
            value = value[0] if value else None
        elif isinstance(value, dict):
            value = value.get("id")
    return value if isinstance(value, str) else None


def _make_author(address: str | None) -> str | None:
    """Return an author as ``user@host`` if the URI contains the name, else the URI."""
    match = _ACCOUNT_URI.fullmatch(address or "")
    return make_account_name(match[1], address) if match else address


def _find_visibility(note: _Note, activity: _Note) -> str:
    """Return the narrower visibility of the post and its activity; private if neither has one."""
    levels = [
        _VISIBILITIES.index(_find_level(one.to, one.cc))
        for one in (note, activity)
        if one.to is not None or one.cc is not None
    ]
    return _VISIBILITIES[max(levels)] if levels else "private"


def _find_level(to: object, cc: object) -> str:
    for level, audience in (("public", to), ("unlisted", cc)):
        recipients = audience if isinstance(audience, list) else [audience]
        if any(isinstance(one, str) and one in _PUBLIC for one in recipients):
            return level
    return "private"
