"""Read the exports of Slack workspaces: a zip, or its unpacked folder.

A post's id is ``slack:CHANNEL/TIME``, with the time of the message as Slack writes it, which is
unique in a channel. Messages of private channels, of direct messages and of conversations that no
list of the export names are counted as withdrawn, without text or author, unless the plan has
``consented: true``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic import Field

from corpus.formats.archives.bundle import Bundle
from corpus.formats.json_stream import JsonValue, walk_json
from corpus.formats.times import parse_given_int64, parse_micros
from corpus.readers.batches import (
    decode_value,
    parse_value,
    read_records,
    refuse_file,
    refuse_problems,
)
from corpus.readers.chat_export import Reaction, count_reactions
from corpus.readers.contract import (
    Batch,
    Cursor,
    JsonScalar,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    Tombstone,
    make_versions,
    match_mentions,
)
from corpus.readers.text_parts import fence_code, join_alts

FOLDERS = True
ACCOUNT_FILES = ("*",)
PLATFORM = "slack"
VERSION = 2
TOMBSTONES = True


class Config(ReaderConfig):
    """Whether private conversations may be read."""

    consented: bool = Field(
        default=False,
        description="also read private channels and direct messages: everybody in them has agreed",
    )
    with_alt: bool = Field(default=False, description="add the descriptions of pictures to a text")


class _Profile(msgspec.Struct, gc=False):
    name: str | None = None
    display_name: str | None = None


class _User(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None
    is_bot: bool | None = None


class _ListedChannel(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None
    is_private: bool | None = None


class _Edited(msgspec.Struct, gc=False):
    ts: JsonScalar = None


class _Picture(msgspec.Struct, gc=False):
    """A file, or a block of a bot's message."""

    alt_txt: str | None = None
    alt_text: str | None = None


class _MessageHead(msgspec.Struct, gc=False):
    """The fields that are read of a private message."""

    type: str | None = None
    subtype: str | None = None
    ts: JsonScalar = None
    deleted_ts: JsonScalar = None


class _Message(_MessageHead):
    user: str | None = None
    bot_id: str | None = None
    username: str | None = None
    user_profile: _Profile | None = None
    text: str | None = None
    thread_ts: JsonScalar = None
    reply_count: JsonScalar = None
    edited: _Edited | None = None
    reactions: list[Reaction] | None = None
    attachments: list[Any] | None = None
    files: msgspec.Raw = msgspec.Raw()
    blocks: msgspec.Raw = msgspec.Raw()
    message: _Message | None = None  # of a change: the new version


class _Channel(NamedTuple):
    """The channel or conversation of a folder."""

    id: str
    community: str
    is_private: bool


# The lists of an export, and whether each is of channels that every member can read.
_LISTS = {"channels.json": True, "groups.json": False, "dms.json": False, "mpims.json": False}
_USER_FILES = ("users.json", "org_users.json")
_DAY = re.compile(r"\d{4}-\d\d-\d\d\.json")
_TIME = re.compile(r"(\d{1,11})\.(\d{6})")
_KEPT_SUBTYPES = (
    *(None, "bot_message", "me_message", "thread_broadcast", "reply_broadcast"),
    *("file_share", "file_comment", "file_mention"),
)
_DELETED = ("tombstone", "message_deleted")
_CHANGED = ("message_changed", "message_replied")
_TOKEN = re.compile(r"<([^<>\n]{1,4000})>")

_parse_user = msgspec.json.Decoder(_User).decode
_parse_channel = msgspec.json.Decoder(_ListedChannel).decode
_parse_message = msgspec.json.Decoder(_Message).decode
_parse_pictures = msgspec.json.Decoder(list[_Picture]).decode
_parse_message_head = msgspec.json.Decoder(_MessageHead).decode


def fits(sample: Sample) -> float:
    """Return how well the names in an archive fit an export."""
    names = {tuple(name.split("/")) for name in sample.members}
    for parts in names:
        if parts[-1] in _LISTS and any((*parts[:-1], users) in names for users in _USER_FILES):
            has_days = any(_is_day(name, parts[:-1]) for name in names)
            return 1.0 if has_days else 0.6
    return 0.0


def _is_day(parts: Sequence[str], root: Sequence[str]) -> bool:
    """Return whether a name is that of a channel's messages of one day in the export ``root``."""
    return (
        len(parts) == len(root) + 2
        and tuple(parts[:-2]) == tuple(root)
        and _DAY.fullmatch(parts[-1]) is not None
    )


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one export, a folder or a zip, in batches."""
    with Bundle(path) as bundle:
        yield from read_records(
            _read_export(bundle, config),
            bundle,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _read_export(bundle: Bundle, config: Config) -> Iterator[LocatedRecords]:
    yield from refuse_problems(bundle.problems)
    days = [name for name in bundle.find_files("*/*.json") if _DAY.fullmatch(name.split("/")[-1])]
    if not days:
        if not bundle.problems:
            yield refuse_file(bundle.path, "no_messages")
        return
    names: dict[str, str] = {}
    bots: set[str] = set()
    channels: dict[str, _Channel] = {}
    for name in bundle.find_files(*_USER_FILES):
        for event in _walk_list(bundle, name, config):
            user = event if isinstance(event, Refused) else parse_value(event, _parse_user)
            if isinstance(user, Refused):
                yield LocatedRecords(bundle.source_file(name), 0, 0, (user,))
            elif user.id:
                if user.name:
                    names[user.id] = user.name
                if user.is_bot:
                    bots.add(user.id)
    for list_name, is_public in _LISTS.items():
        for name in bundle.find_files(list_name):
            for event in _walk_list(bundle, name, config):
                listed = event if isinstance(event, Refused) else parse_value(event, _parse_channel)
                if isinstance(listed, Refused):
                    yield LocatedRecords(bundle.source_file(name), 0, 0, (listed,))
                    continue
                _add_channel(channels, name.removesuffix(list_name), listed, is_public)
    maker = _PostMaker(names, bots, {c.id: c.community for c in channels.values()}, config)
    for number, name in enumerate(days, start=1):
        folder = name.rpartition("/")[0]
        # A folder that no list names may be of a private conversation.
        channel = channels.get(folder) or _Channel(f"unlisted/{number}", "", True)
        yield from _read_day(bundle, name, channel, maker, config)


def _walk_list(bundle: Bundle, name: str, config: Config) -> Iterator[bytes | Refused]:
    for event in walk_json(bundle.open(name), ("item",), config.max_line_mb << 20, one_kind=True):
        if isinstance(event, Refused):
            yield event
        elif isinstance(event, JsonValue):
            yield event.data


def _add_channel(
    channels: dict[str, _Channel], root: str, listed: _ListedChannel, is_public: bool
) -> None:
    """Add a channel under the name of its folder; what one list says is private stays so."""
    folder = listed.name or listed.id
    if not folder or not listed.id:
        return
    is_private = not is_public or bool(listed.is_private)
    # The name of a group of people consists of their names.
    channel = _Channel(listed.id, folder if is_public else listed.id, is_private)
    for each in {folder, listed.id}:
        key = root + each
        if key not in channels or not channels[key].is_private:
            channels[key] = channel


def _read_day(
    bundle: Bundle, name: str, channel: _Channel, maker: _PostMaker, config: Config
) -> Iterator[LocatedRecords]:
    source_file, row, is_list = bundle.source_file(name), 0, False
    for event in walk_json(bundle.open(name), ("item",), config.max_line_mb << 20, one_kind=True):
        if isinstance(event, Refused):
            row, is_list = row + 1, True
            yield LocatedRecords(source_file, row, 0, (event,))
        elif isinstance(event, JsonValue):
            row, is_list = row + 1, True
            records = maker.make_records(event.data, channel)
            yield LocatedRecords(source_file, row, len(event.data), records)
        else:
            is_list = is_list or event.is_array
    if not is_list:
        yield refuse_file(source_file, "no_messages")


class _PostMaker:
    """Makes the posts of an export."""

    def __init__(
        self, names: dict[str, str], bots: set[str], channel_names: dict[str, str], config: Config
    ) -> None:
        self._names, self._bots, self._channel_names = names, bots, channel_names
        self._config = config

    def make_records(self, data: bytes, channel: _Channel) -> Sequence[Record]:
        """Decode a message to its records."""
        if channel.is_private and not self._config.consented:
            return decode_value(
                data, lambda line: (_make_private_post(_parse_message_head(line), channel),)
            )
        return decode_value(data, lambda line: self._make_post(_parse_message(line), channel))

    def _make_post(self, message: _Message, channel: _Channel) -> tuple[Record, ...]:
        if message.type not in (None, "message"):
            return (Skipped("service"),)
        if message.subtype in _CHANGED:
            return self._make_changed(message, channel)
        if message.subtype in _DELETED:
            return (_make_deleted(message, channel),)
        if message.subtype not in _KEPT_SUBTYPES:
            return (Skipped("service"),)
        time, name = _require_time(message.ts), _make_id(channel, message.ts)
        embeds = (Skipped("embed") for one in message.attachments or () if isinstance(one, dict))
        text, named = self._show_text(message.text or "")
        if self._config.with_alt:
            text = join_alts(text, (*_list_alts(message.files), *_list_alts(message.blocks)))
        if not text:
            return tuple(embeds) or (Skipped("no_words"),)
        thread = _parse_time(message.thread_ts)
        parent = (
            _make_id(channel, message.thread_ts) if thread is not None and thread != time else None
        )
        author = message.user or message.bot_id or message.username or None
        handle = self._names.get(author or "")
        if not handle and message.user_profile is not None:
            handle = message.user_profile.name
        is_bot = message.bot_id is not None or message.subtype == "bot_message"
        post = Post(
            name,
            text,
            "reply" if parent else "post",
            author,
            channel.community or None,
            time,
            parent_id=parent,
            root_id=parent,
            score=count_reactions(message.reactions),
            replies=parse_given_int64(message.reply_count),
            bot=True if is_bot or author in self._bots else None,
            consent="allowed" if channel.is_private else None,
            mentions=match_mentions(text, named),
            author_name=handle,
        )
        edited = _parse_time(message.edited.ts) if message.edited is not None else None
        return (*make_versions(post, edited), *embeds)

    def _make_changed(self, message: _Message, channel: _Channel) -> tuple[Record, ...]:
        """Return the new version of a message, as exports with a log of changes contain it."""
        if message.message is None or message.message.subtype in _CHANGED:
            return (Skipped("service"),)
        return self._make_post(message.message, channel)

    def _show_text(self, text: str) -> tuple[str, list[tuple[str, str]]]:
        """Return a message's text as it is shown, and the handles and ids of people in it."""
        named: list[tuple[str, str]] = []
        if "<" in text:
            text = _TOKEN.sub(lambda match: self._show_token(match[1], named), text)
        if "&" in text:  # Slack escapes these three and no others
            text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        if "```" in text:
            text = fence_code(text)
        return text.strip(), named

    def _show_token(self, token: str, named: list[tuple[str, str]]) -> str:
        target, _, label = token.partition("|")
        if target.startswith("@"):
            handle = self._names.get(target[1:]) or label.removeprefix("@") or target[1:]
            if not handle or " " in handle:
                return "@user"
            named.append((handle, target[1:]))
            return f"@{handle}"
        if target.startswith("#"):
            return f"#{label or self._channel_names.get(target[1:]) or 'channel'}"
        if target.startswith("!"):  # "!here", "!subteam^S012", "!date^…"
            command = target[1:].partition("^")[0]
            return label or ("@group" if command == "subteam" else f"@{command}")
        return label or target.removeprefix("mailto:").removeprefix("tel:")


def _list_alts(pictures: msgspec.Raw) -> list[str | None]:
    """Return the descriptions of files or blocks; none of malformed ones."""
    try:
        listed = _parse_pictures(pictures) if bytes(pictures)[:1] == b"[" else []
    except msgspec.DecodeError:
        return []
    return [one.alt_txt or one.alt_text for one in listed]


def _make_private_post(message: _MessageHead, channel: _Channel) -> Record:
    if message.type not in (None, "message"):
        return Skipped("service")
    if message.subtype in _DELETED:
        return _make_deleted(message, channel)
    if message.subtype not in _KEPT_SUBTYPES:
        return Skipped("service")
    _require_time(message.ts)
    return Post(_make_id(channel, message.ts), "", withdrawn="private")


def _make_deleted(message: _MessageHead, channel: _Channel) -> Record:
    if message.subtype == "message_deleted":
        _require_time(message.deleted_ts)
        return Tombstone("id", _make_id(channel, message.deleted_ts), "deleted_later")
    _require_time(message.ts)
    return Post(_make_id(channel, message.ts), "", withdrawn="deleted")


def _make_id(channel: _Channel, time: JsonScalar) -> str:
    return f"slack:{channel.id}/{time}"


def _require_time(value: JsonScalar) -> int:
    """Return the time of a message, by which Slack names it."""
    time = _parse_time(value)
    if time is None:
        raise Refused("no_id")
    return time


def _parse_time(value: JsonScalar) -> int | None:
    """Parse ``1355517523.000005`` to microseconds; null for anything else."""
    match = _TIME.fullmatch(value) if type(value) is str else None
    if match is None:
        return None
    micros = int(match[1]) * 1_000_000 + int(match[2])
    return micros if parse_micros(int(match[1])) is not None else None
