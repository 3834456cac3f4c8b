"""Mastodon's account archive: its outbox.json and actor.json, and no other of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from corpus.formats import dump_input
from corpus.formats.archives.bundle import Bundle
from corpus.formats.dump_input import ByteSource
from corpus.formats.html import html_to_text
from corpus.formats.json_stream import decode_value, iter_values
from corpus.formats.times import parse_micros
from corpus.readers.contract import LocatedRecords, Post, Record, Refused, Skipped, Tombstone
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
    published: str | int | float | None = None
    updated: str | int | float | None = None
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
    """The records of each outbox in a folder or zip, with what the actor beside it says."""
    for place, reason in bundle.problems:
        yield LocatedRecords(place, 0, 0, (Refused(reason),))
    outboxes = bundle.find_files(OUTBOX_FILE)
    if not outboxes and not bundle.problems:
        yield LocatedRecords(bundle.path, 0, 0, (Refused("no_outbox"),))
    for outbox in outboxes:
        beside = _get_folder(outbox) + ACTOR_FILE
        known = beside in bundle.find_files(ACTOR_FILE)
        actor = _read_actor(bundle.open(beside), config) if known else Refused("no_actor")
        place = bundle.source_file(beside)
        yield from _read_outbox(
            bundle.open(outbox), bundle.source_file(outbox), actor, place, config
        )


def read_tar(path: str, source: dump_input.DumpInput, config: Config) -> Iterator[LocatedRecords]:
    """The records of each outbox in a tar, or of an outbox that is the whole file.

    The actor often comes last in the tar, so it is looked for before anything is read.
    """
    actors: dict[str, _Actor | Refused] = {}
    with dump_input.DumpInput(path) as first:
        for member in first.members():
            if member.name.rpartition("/")[2] == ACTOR_FILE:
                actors[_get_folder(member.name)] = _read_actor(member.open(), config)
    for member in source.members():
        if not member.name or member.name.rpartition("/")[2] == OUTBOX_FILE:
            place = f"{path}!{member.name}" if member.name else path
            folder = _get_folder(member.name)
            beside = f"{path}!{folder}{ACTOR_FILE}" if member.name else path
            actor = actors.get(folder, Refused("no_actor"))
            yield from _read_outbox(member.open(), place, actor, beside, config)
    if source.problem:
        yield LocatedRecords(path, 0, 0, (Refused(source.problem),))


def is_outbox_in_tar(path: str) -> bool:
    """Whether a file is an archive's tar or an outbox, as far as its names and its start show."""
    with dump_input.DumpInput(path) as source:
        for member in source.members():
            if not member.name:
                return looks_like_outbox(member.open().head)
            parts = member.name.split("/")
            if parts[-1] == OUTBOX_FILE:
                return True
            # Beside the outbox there are these and pictures; anything else may hold statuses.
            ours = parts[-1] in (ACTOR_FILE, "likes.json", "bookmarks.json")
            if not ours and re.search(r"\.(?:json|jsonl|ndjson|txt|log|gz|bz2|xz|zst)$", parts[-1]):
                return False
    return False


def looks_like_outbox(head: bytes) -> bool:
    """Whether a file that begins so is an ActivityStreams document; no API gives such."""
    return re.match(rb'(?:\xef\xbb\xbf)?\s*\{\s*"@context"\s*:', head) is not None


def _get_folder(name: str) -> str:
    return "".join(name.rpartition("/")[:2])


def _read_actor(source: ByteSource, config: Config) -> _Actor | Refused:
    """The account; where it cannot be read, why."""
    content = bytearray()
    try:
        while piece := source.read(1 << 20):
            content += piece
            if len(content) > config.max_line_mb << 20:
                return Refused("line_too_long")
    except dump_input.STREAM_ERRORS as error:
        return error if isinstance(error, Refused) else Refused("truncated_stream")
    found: list[_Actor] = []

    def keep(data: bytes) -> Sequence[Record]:
        found.append(_parse_actor(data))
        return ()

    (problem,) = decode_value(bytes(content).removeprefix(b"\xef\xbb\xbf"), keep) or (None,)
    return problem if isinstance(problem, Refused) else found[0]


def _read_outbox(
    source: ByteSource, source_file: str, actor: _Actor | Refused, actor_file: str, config: Config
) -> Iterator[LocatedRecords]:
    if isinstance(actor, Refused):
        yield LocatedRecords(actor_file, 0, 0, (actor,))
        actor = _Actor()
    decoder = ActivityDecoder(actor, config)
    found = iter_values(source, "orderedItems.item", config.max_line_mb << 20)
    for row, item in enumerate(found, start=1):
        if isinstance(item, Refused):
            yield LocatedRecords(source_file, row, 0, (item,))
        else:
            yield LocatedRecords(source_file, row, len(item), decode_value(item, decoder.decode))


class ActivityDecoder:
    """Turns the activities of one account into its posts."""

    def __init__(self, actor: _Actor, config: Config) -> None:
        self._actor = actor
        self._config = config
        self._author = make_account_name(actor.preferred_username, actor.id)
        self._bot = None if actor.type is None else actor.type in _BOT_TYPES
        objects = make_opt_out_finder(config)
        profile = [actor.summary, actor.name]
        for entry in actor.attachment or ():
            profile += [entry.name, entry.value]
        self._objects = any(objects(part) for part in profile if part)
        self._reason = None
        if self._objects or (config.require_indexable and actor.indexable is not True):
            self._reason = "opted_out"
        if actor.suspended:
            self._reason = "removed"

    def decode(self, item: bytes) -> Sequence[Record]:
        """The post that an activity tells of, if it does."""
        if item[:1] == b'"':
            return (Skipped("link"),)
        activity = _parse_activity(item)
        if activity.type in _POST_TYPES:
            return self._post(activity, activity)
        if activity.type == "Announce":
            return (Skipped("boost"),)
        if activity.type != "Create":
            return (Skipped("activity"),)
        thing = bytes(activity.object)
        if thing[:1] != b"{":
            raise Refused("no_text")
        note = _parse_note(thing)
        if note.type == "Tombstone" and make_post_id(note.id):
            return (Tombstone("id", make_post_id(note.id), "deleted"),)
        return self._post(note, activity)

    def _post(self, note: _Note, activity: _Note) -> Sequence[Record]:
        name = make_post_id(note.id)
        if not name:
            raise Refused("no_id")
        spoken = {code: text for code, text in (note.content_map or {}).items() if text is not None}
        content = note.content if note.content is not None else next(iter(spoken.values()), None)
        if content is None:
            raise Refused("no_text")
        parent = _get_uri(note.in_reply_to)
        quotes = note.quote or note.quote_url or note.quote_uri
        kind = "reply" if note.in_reply_to else "quote" if quotes else "post"
        author = self._author or _make_author(_get_uri(note.attributed_to or activity.actor))
        public = _find_visibility(note, activity) in self._config.visibility
        edited = parse_edit_time(note.updated)
        published = note.published if note.published is not None else activity.published
        post = Post(
            name,
            join_content_warning(html_to_text(content), note.summary, self._config)
            if public
            else "",
            kind,
            author,
            None,
            parse_micros(published),
            next((code for code, text in spoken.items() if text == content and code), None),
            make_post_id(parent) or None,
            None if note.in_reply_to else name,
            None,
            None,
            note.sensitive,
            self._bot,
            None,
            self._reason if public else "private",
            seen_at=edited,
        )
        said = make_opt_out_tombstones(author) if self._objects else ()
        return (post, *make_superseded_tombstones(name, edited), *said)


def _get_uri(thing: object) -> str | None:
    """The address of something that is named by it, or holds it, or is a list of such."""
    for _ in range(3):
        if isinstance(thing, list):
            thing = thing[0] if thing else None
        elif isinstance(thing, dict):
            thing = thing.get("id")
    return thing if isinstance(thing, str) else None


def _make_author(address: str | None) -> str | None:
    """The author by an address: ``user@host`` where it shows the name, else the address itself."""
    found = _ACCOUNT_URI.fullmatch(address or "")
    return make_account_name(found[1], address) if found else address


def _find_visibility(note: _Note, activity: _Note) -> str:
    """The narrower of what the post and its activity say; private if neither says anything."""
    levels = [
        _VISIBILITIES.index(_find_level(one.to, one.cc))
        for one in (note, activity)
        if one.to is not None or one.cc is not None
    ]
    return _VISIBILITIES[max(levels)] if levels else "private"


def _find_level(to: object, cc: object) -> str:
    for level, whom in (("public", to), ("unlisted", cc)):
        named = whom if isinstance(whom, list) else [whom]
        if any(isinstance(one, str) and one in _PUBLIC for one in named):
            return level
    return "private"
