"""Read what DiscordChatExporter writes as JSON: one channel, thread or conversation a file.

A post's id is ``discord:MESSAGE``: Discord's ids are unique over all channels. Direct messages,
group chats and private threads are counted as withdrawn, without text, author or name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
from pydantic import Field

from corpus.formats.dump_input import DumpInput, replace_lone_surrogates
from corpus.formats.json_stream import decode_value
from corpus.formats.times import parse_int64, parse_micros
from corpus.readers.chat_export import Chat, ChatExportPaths, UnreadableMessage, read_messages
from corpus.readers.contract import (
    Batch,
    Cursor,
    LocatedRecords,
    Post,
    ReaderConfig,
    Record,
    Refused,
    Sample,
    Skipped,
    read_records,
)

PLATFORM = "discord"
VERSION = 1
TOMBSTONES = False

JsonNumber = int | str | float | None


class Config(ReaderConfig):
    """What to read, and whether names of people stay in the text."""

    private: bool = Field(
        default=False,
        description="also read direct messages, group chats and private threads; only if everybody "
        "in them has agreed",
    )
    mask_mentions: bool = Field(
        default=True,
        description="put '@user' where the exporter has put '@' and a mentioned person's name",
    )


class _NamedObject(msgspec.Struct, gc=False):
    """A server, a channel, an author, or somebody mentioned."""

    id: JsonNumber = None
    name: str | None = None
    nickname: str | None = None
    is_bot: bool | None = msgspec.field(default=None, name="isBot")
    type: str | int | None = None


class _Reference(msgspec.Struct, gc=False):
    message_id: JsonNumber = msgspec.field(default=None, name="messageId")
    guild_id: JsonNumber = msgspec.field(default=None, name="guildId")


class _Forwarded(msgspec.Struct, gc=False):
    content: str | None = None


class _Reaction(msgspec.Struct, gc=False):
    count: int | str | float | None = None


class _MessageHead(msgspec.Struct, gc=False):
    """As much of a message as is read of a private one."""

    id: JsonNumber = None
    type: str | int | None = None


class _Message(_MessageHead):
    timestamp: str | int | float | None = None
    content: str | None = None
    author: _NamedObject | None = None
    reference: _Reference | None = None
    forwarded: _Forwarded | None = msgspec.field(default=None, name="forwardedMessage")
    mentions: list[_NamedObject] | None = None
    reactions: list[_Reaction] | None = None


# Kinds of channels that only those invited can read. Numbers are those of Discord's own API.
_PRIVATE_TYPES = ("DirectTextChat", "DirectGroupTextChat", "GuildPrivateThread", 1, 3, 12)
_POST_TYPES, _REPLY_TYPES = ("Default", "Reply", 0, 19), ("Reply", 19)
# What Discord shows in place of an account that is gone.
_DELETED_USER = re.compile(r"(?i:deleted user)(?: [0-9a-f]{6,16})?|deleted_user_[0-9a-z]+")
_NUMERIC_MENTION = re.compile(r"<@!?\d+>")
# Discord allows 32 characters, and 80 for a bot; of a longer name only so much is compared.
_MAX_NAME_CHARS = 100
_EXPORT_PATHS = ChatExportPaths(("",), ("guild", "channel", "messageCount"))
_BEGINS = re.compile(rb'\{\s*"guild"\s*:\s*\{')

_parse_message = msgspec.json.Decoder(_Message).decode
_parse_message_head = msgspec.json.Decoder(_MessageHead).decode
_parse_named = msgspec.json.Decoder(_NamedObject).decode


class _Channel(NamedTuple):
    """Where the messages of a file were written."""

    private: bool
    guild: str
    community: str | None


def fits(sample: Sample) -> float:
    """How surely this is DiscordChatExporter's, by how the document begins."""
    head = sample.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return 1.0 * bool(_BEGINS.match(head) and b'"channel"' in head)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one export in batches."""
    with DumpInput(path) as source:
        yield from read_records(
            _read_channel(path, source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _read_channel(path: str, source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    chat, channel = Chat(0), _Channel(True, "", None)
    place, count, troubled = "", 0, ""
    for found in read_messages(path, source, _EXPORT_PATHS, _has_channel, config.max_line_mb << 20):
        if isinstance(found, UnreadableMessage):
            troubled = found.source_file
            yield LocatedRecords(found.source_file, found.source_row, 0, (found.refusal,))
            continue
        if found.chat is not chat:
            if place != troubled:
                yield from _refuse_missing(place, chat, count)
            place, chat, count = found.source_file, found.chat, 0
            channel = _make_channel(chat, config)
        count += 1
        records = _decode_message(found.data, channel, config)
        yield LocatedRecords(found.source_file, found.source_row, len(found.data), records)
    if place != troubled:
        yield from _refuse_missing(place, chat, count)


def _has_channel(chat: Chat) -> bool:
    return "channel" in chat.header and "guild" in chat.header


def _refuse_missing(source_file: str, chat: Chat, count: int) -> Iterator[LocatedRecords]:
    """A refusal where a file without other faults holds fewer messages than it says."""
    declared = chat.header.get("messageCount", b"")
    if declared.isdigit() and len(declared) < 19 and count < int(declared):
        yield LocatedRecords(source_file, 0, 0, (Refused("fewer_messages_than_declared"),))


def _make_channel(chat: Chat, config: Config) -> _Channel:
    guild, channel = _parse_header(chat, "guild"), _parse_header(chat, "channel")
    # A channel that does not say what it is might be anything.
    private = (
        channel.type is None
        or channel.type in _PRIVATE_TYPES
        or _parse_discord_id(guild.id) in ("", "0")
    )
    name = guild.name or _parse_discord_id(guild.id) or None
    return _Channel(private and not config.private, _parse_discord_id(guild.id), name)


def _parse_header(chat: Chat, key: str) -> _NamedObject:
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_named(replace_lone_surrogates(chat.header.get(key, b"{}")))
    return _NamedObject()


def _decode_message(data: bytes, channel: _Channel, config: Config) -> Sequence[Record]:
    if channel.private:
        return decode_value(data, lambda line: (_make_private_post(_parse_message_head(line)),))
    return decode_value(data, lambda line: (_make_post(_parse_message(line), channel, config),))


def _make_private_post(message: _MessageHead) -> Record:
    if message.type not in _POST_TYPES:
        return Skipped("service")
    return Post("discord:" + _require_id(message.id), "", withdrawn="private")


def _make_post(message: _Message, channel: _Channel, config: Config) -> Record:
    if message.type not in _POST_TYPES:
        return Skipped("service")
    name = _require_id(message.id)
    text = message.content
    kind, parent = _find_relation(message, channel)
    if message.forwarded is not None and not text:
        text = message.forwarded.content
    if text is None:
        raise Refused("no_text")
    author = message.author or _NamedObject()
    gone = author.name is not None and _DELETED_USER.fullmatch(author.name) is not None
    return Post(
        "discord:" + name,
        _mask_mentions(text, message.mentions) if config.mask_mentions else text,
        kind,
        None if gone else _parse_discord_id(author.id) or author.name or None,
        channel.community,
        parse_micros(message.timestamp),
        None,
        "discord:" + parent if parent else None,
        None,
        _count_reactions(message.reactions),
        None,
        None,
        author.is_bot,
        None,
        # The text outlived its account: whoever wrote it has asked to go.
        "deleted" if gone else None,
    )


def _find_relation(message: _Message, channel: _Channel) -> tuple[str, str]:
    """The kind of a message, and the id of the one it answers or repeats."""
    reference = message.reference
    parent = _parse_discord_id(reference.message_id) if reference is not None else ""
    if message.forwarded is not None:
        return "repost", parent
    if message.type in _REPLY_TYPES:
        return "reply", parent
    if reference is None or not parent:
        return "post", ""
    # Default with a reference: from before replies had a type, or an announcement of another
    # server that this channel follows.
    guild = _parse_discord_id(reference.guild_id)
    return ("repost" if guild and channel.guild and guild != channel.guild else "reply"), parent


def _require_id(value: JsonNumber) -> str:
    name = _parse_discord_id(value)
    if not name:
        raise Refused("no_id")
    return name


def _parse_discord_id(value: JsonNumber) -> str:
    """An id in digits; empty if it cannot be trusted, as a float that has lost its last ones."""
    if type(value) is int and value >= 0:
        return str(value)
    return value if type(value) is str and value.isascii() and value.isdecimal() else ""


def _mask_mentions(text: str, mentions: Sequence[_NamedObject] | None) -> str:
    """Put ``@user`` in place of mentioned people's names, and of mentions left as numbers."""
    text = _NUMERIC_MENTION.sub("@user", text) if "<@" in text else text
    if not mentions or "@" not in text:
        return text
    names = {name for user in mentions for name in (user.name, user.nickname) if name}
    # In one pass, the longest first: "@Ann Lee" is not "@user Lee", nor what was masked a name.
    # Not by one expression of all names: thousands of them would be tried at every "@".
    cut = {name[:_MAX_NAME_CHARS] for name in names}
    lengths = sorted({len(name) for name in cut}, reverse=True)
    masked, done = [], 0
    while (at := text.find("@", done)) >= 0:
        found = (text[at + 1 : at + 1 + length] for length in lengths)
        name = next((piece for piece in found if piece in cut), "")
        masked += [text[done:at], "@user" if name else "@"]
        done = at + 1 + len(name)
    return "".join([*masked, text[done:]])


def _count_reactions(reactions: Sequence[_Reaction] | None) -> int | None:
    if reactions is None:
        return None
    return parse_int64(sum(max(0, parse_int64(reaction.count) or 0) for reaction in reactions))
