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

from corpus.formats.dump_input import Input, mend_surrogates
from corpus.formats.json_stream import decoded
from corpus.formats.times import micros, whole
from corpus.readers.chat_export import Chat, Layout, Problem, messages
from corpus.readers.contract import (
    Batch,
    Cursor,
    Located,
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

Number = int | str | float | None


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


class _Named(msgspec.Struct, gc=False):
    """A server, a channel, an author, or somebody mentioned."""

    id: Number = None
    name: str | None = None
    nickname: str | None = None
    is_bot: bool | None = msgspec.field(default=None, name="isBot")
    type: str | int | None = None


class _Reference(msgspec.Struct, gc=False):
    message_id: Number = msgspec.field(default=None, name="messageId")
    guild_id: Number = msgspec.field(default=None, name="guildId")


class _Forwarded(msgspec.Struct, gc=False):
    content: str | None = None


class _Reaction(msgspec.Struct, gc=False):
    count: int | str | float | None = None


class _Kind(msgspec.Struct, gc=False):
    """As much of a message as is read of a private one."""

    id: Number = None
    type: str | int | None = None


class _Message(_Kind):
    timestamp: str | int | float | None = None
    content: str | None = None
    author: _Named | None = None
    reference: _Reference | None = None
    forwarded: _Forwarded | None = msgspec.field(default=None, name="forwardedMessage")
    mentions: list[_Named] | None = None
    reactions: list[_Reaction] | None = None


# Kinds of channels that only those invited can read. Numbers are those of Discord's own API.
_PRIVATE = ("DirectTextChat", "DirectGroupTextChat", "GuildPrivateThread", 1, 3, 12)
_POSTS, _REPLIES = ("Default", "Reply", 0, 19), ("Reply", 19)
# What Discord shows in place of an account that is gone.
_GONE = re.compile(r"(?i:deleted user)(?: [0-9a-f]{6,16})?|deleted_user_[0-9a-z]+")
_BY_NUMBER = re.compile(r"<@!?\d+>")
# Discord allows 32 characters, and 80 for a bot; of a longer name only so much is compared.
_LONGEST_NAME = 100
_LAYOUT = Layout(("",), ("guild", "channel", "messageCount"))
_BEGINS = re.compile(rb'\{\s*"guild"\s*:\s*\{')

_parse = msgspec.json.Decoder(_Message).decode
_parse_kind = msgspec.json.Decoder(_Kind).decode
_parse_named = msgspec.json.Decoder(_Named).decode


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
    with Input(path) as source:
        yield from read_records(
            _located(path, source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _located(path: str, source: Input, config: Config) -> Iterator[Located]:
    chat, channel = Chat(0), _Channel(True, "", None)
    place, count, troubled = "", 0, ""
    for found in messages(path, source, _LAYOUT, _known, config.max_line_mb << 20):
        if isinstance(found, Problem):
            troubled = found.place
            yield Located(found.place, found.row, 0, (found.reason,))
            continue
        if found.chat is not chat:
            if place != troubled:
                yield from _missing(place, chat, count)
            place, chat, count = found.place, found.chat, 0
            channel = _channel(chat, config)
        count += 1
        records = _records(found.data, channel, config)
        yield Located(found.place, found.row, len(found.data), records)
    if place != troubled:
        yield from _missing(place, chat, count)


def _known(chat: Chat) -> bool:
    return "channel" in chat.said and "guild" in chat.said


def _missing(place: str, chat: Chat, count: int) -> Iterator[Located]:
    """A refusal where a file without other faults holds fewer messages than it says."""
    declared = chat.said.get("messageCount", b"")
    if declared.isdigit() and len(declared) < 19 and count < int(declared):
        yield Located(place, 0, 0, (Refused("fewer_messages_than_declared"),))


def _channel(chat: Chat, config: Config) -> _Channel:
    guild, channel = _named(chat, "guild"), _named(chat, "channel")
    # A channel that does not say what it is might be anything.
    private = channel.type is None or channel.type in _PRIVATE or _whole_id(guild.id) in ("", "0")
    name = guild.name or _whole_id(guild.id) or None
    return _Channel(private and not config.private, _whole_id(guild.id), name)


def _named(chat: Chat, key: str) -> _Named:
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_named(mend_surrogates(chat.said.get(key, b"{}")))
    return _Named()


def _records(data: bytes, channel: _Channel, config: Config) -> Sequence[Record]:
    if channel.private:
        return decoded(data, lambda line: (_private(_parse_kind(line)),))
    return decoded(data, lambda line: (_public(_parse(line), channel, config),))


def _private(message: _Kind) -> Record:
    if message.type not in _POSTS:
        return Skipped("service")
    return Post("discord:" + _trusted(message.id), "", withdrawn="private")


def _public(message: _Message, channel: _Channel, config: Config) -> Record:
    if message.type not in _POSTS:
        return Skipped("service")
    name = _trusted(message.id)
    text = message.content
    kind, parent = _relation(message, channel)
    if message.forwarded is not None and not text:
        text = message.forwarded.content
    if text is None:
        raise Refused("no_text")
    author = message.author or _Named()
    gone = author.name is not None and _GONE.fullmatch(author.name) is not None
    return Post(
        "discord:" + name,
        _masked(text, message.mentions) if config.mask_mentions else text,
        kind,
        None if gone else _whole_id(author.id) or author.name or None,
        channel.community,
        micros(message.timestamp),
        None,
        "discord:" + parent if parent else None,
        None,
        _score(message.reactions),
        None,
        None,
        author.is_bot,
        None,
        # The text outlived its account: whoever wrote it has asked to go.
        "deleted" if gone else None,
    )


def _relation(message: _Message, channel: _Channel) -> tuple[str, str]:
    """The kind of a message, and the id of the one it answers or repeats."""
    reference = message.reference
    parent = _whole_id(reference.message_id) if reference is not None else ""
    if message.forwarded is not None:
        return "repost", parent
    if message.type in _REPLIES:
        return "reply", parent
    if reference is None or not parent:
        return "post", ""
    # Default with a reference: from before replies had a type, or an announcement of another
    # server that this channel follows.
    guild = _whole_id(reference.guild_id)
    return ("repost" if guild and channel.guild and guild != channel.guild else "reply"), parent


def _trusted(value: Number) -> str:
    name = _whole_id(value)
    if not name:
        raise Refused("no_id")
    return name


def _whole_id(value: Number) -> str:
    """An id in digits; empty if it cannot be trusted, as a float that has lost its last ones."""
    if type(value) is int and value >= 0:
        return str(value)
    return value if type(value) is str and value.isascii() and value.isdecimal() else ""


def _masked(text: str, mentions: Sequence[_Named] | None) -> str:
    """Put ``@user`` in place of mentioned people's names, and of mentions left as numbers."""
    text = _BY_NUMBER.sub("@user", text) if "<@" in text else text
    if not mentions or "@" not in text:
        return text
    names = {name for user in mentions for name in (user.name, user.nickname) if name}
    # In one pass, the longest first: "@Ann Lee" is not "@user Lee", nor what was masked a name.
    # Not by one expression of all names: thousands of them would be tried at every "@".
    cut = {name[:_LONGEST_NAME] for name in names}
    lengths = sorted({len(name) for name in cut}, reverse=True)
    masked, done = [], 0
    while (at := text.find("@", done)) >= 0:
        found = (text[at + 1 : at + 1 + length] for length in lengths)
        name = next((piece for piece in found if piece in cut), "")
        masked += [text[done:at], "@user" if name else "@"]
        done = at + 1 + len(name)
    return "".join([*masked, text[done:]])


def _score(reactions: Sequence[_Reaction] | None) -> int | None:
    if reactions is None:
        return None
    return whole(sum(max(0, whole(reaction.count) or 0) for reaction in reactions))
