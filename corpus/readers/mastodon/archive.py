"""Read Mastodon's account archive: its outbox.json and actor.json, and no other files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.names import get_folder
from corpus.formats.byte_source import ByteSource
from corpus.formats.dump_input import DumpInput
from corpus.formats.html import html_to_text
from corpus.formats.json_stream import iter_values
from corpus.formats.times import parse_micros
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
)
from corpus.readers.mastodon.common import (
    Config,
    join_content_warning,
    make_account_name,
    make_edit_tombstones,
    make_opt_out_finder,
    make_opt_out_tombstones,
    make_post_id,
    parse_edit_time,
)


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


class _Activity(_Note):
    object: msgspec.Raw = msgspec.Raw()


OUTBOX_FILE, ACTOR_FILE = "outbox.json", "actor.json"
_PUBLIC = ("as:Public", "Public", "https://www.w3.org/ns/activitystreams#Public")
_BOT_TYPES = ("Service", "Application")
_POST_TYPES = ("Note", "Question", "Article", "Page", "Image", "Video", "Audio", "Event")
_VISIBILITIES = ("public", "unlisted", "private")
_ACCOUNT_URI = re.compile(r"https?://[^/?#\s]+/(?:users/|@)([\w.-]+)")

_parse_actor = msgspec.json.Decoder(_Actor).decode
_parse_activity = msgspec.json.Decoder(_Activity).decode
_parse_note = msgspec.json.Decoder(_Note).decode


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
                return looks_like_outbox(member.open().head)
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
    """Return whether the head is that of an ActivityStreams document, which no API returns."""
    return re.match(rb'(?:\xef\xbb\xbf)?\s*\{\s*"@context"\s*:', head) is not None


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
    items = iter_values(source, "orderedItems.item", config.max_line_mb << 20)
    for row, item in enumerate(items, start=1):
        if isinstance(item, Refused):
            yield LocatedRecords(source_file, row, 0, (item,))
        else:
            yield LocatedRecords(source_file, row, len(item), decode_value(item, decoder.decode))


class ActivityDecoder:
    """Decodes the activities of one account to its posts."""

    def __init__(self, actor: _Actor, config: Config) -> None:
        self._actor = actor
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
        if activity.type != "Create":
            return (Skipped("activity"),)
        value = bytes(activity.object)
        if value[:1] != b"{":
            raise Refused("no_text")
        note = _parse_note(value)
        if note.type == "Tombstone" and make_post_id(note.id):
            return (Tombstone("id", make_post_id(note.id), "deleted"),)
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
            raise Refused("no_text")
        parent = _get_uri(note.in_reply_to)
        quotes = note.quote or note.quote_url or note.quote_uri
        kind = "reply" if note.in_reply_to else "quote" if quotes else "post"
        author = self._author or _make_author(_get_uri(note.attributed_to or activity.actor))
        public = _find_visibility(note, activity) in self._config.visibility
        edited = parse_edit_time(note.updated)
        published = note.published if note.published is not None else activity.published
        body = html_to_text(content) if public else ""
        post = Post(
            name,
            join_content_warning(body, note.summary, self._config) if public else "",
            kind,
            author,
            None,  # community
            parse_micros(published),
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
        )
        opt_outs = make_opt_out_tombstones(author) if self._opted_out else ()
        return (post, *make_edit_tombstones(name, edited), *opt_outs)


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
