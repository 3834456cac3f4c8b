"""Read the JSON files of DiscordChatExporter: one channel, thread or conversation each.

A post's id is ``discord:MESSAGE``: Discord's ids are unique over all channels. Direct messages,
group chats and private threads are counted as withdrawn, without text or author. An account's data
package is read as well, as a zip or an unpacked folder (:mod:`corpus.readers.discord_package`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
from pydantic import Field

from corpus.formats.archives.bundle import Bundle
from corpus.formats.archives.zip_archive import is_zip
from corpus.formats.dump_input import DumpInput
from corpus.formats.json_repair import replace_lone_surrogates
from corpus.formats.times import parse_given_micros, parse_micros
from corpus.readers.batches import decode_value, read_records, refuse_file
from corpus.readers.chat_export import (
    Chat,
    ChatExportPaths,
    Reaction,
    count_reactions,
    read_messages,
)
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
    make_versions,
    match_mentions,
    new_post,
)
from corpus.readers.discord_package import Options, is_package, read_package
from corpus.readers.text_parts import fence_code, join_alts, join_poll, join_title
from corpus.storage import filesystem

FOLDERS = True  # an unpacked data package
ACCOUNT_FILES = ("package", "package.zip")
PLATFORM = "discord"
VERSION = 6
TOMBSTONES = True


class Config(ReaderConfig):
    """What to read, and whether to mask names of people in the text."""

    consented: bool = Field(
        default=False,
        description="the owner of a data package has agreed that these messages are used; without "
        "it all of a package are withdrawn as private",
    )
    private: bool = Field(
        default=False,
        description="also read direct messages, group chats and private threads; only if everybody "
        "in them has agreed",
    )
    mask_mentions: bool = Field(
        default=True,
        description="replace '@' and a mentioned person's name by '@user'",
    )
    with_alt: bool = Field(
        default=False, description="add the descriptions of attached pictures to a text"
    )


class _NamedObject(msgspec.Struct, gc=False):
    """A server, a channel, an author, or a mentioned person."""

    id: JsonScalar = None
    name: str | None = None
    nickname: str | None = None
    is_bot: bool | None = msgspec.field(default=None, name="isBot")
    type: str | int | None = None


class _Reference(msgspec.Struct, gc=False):
    message_id: JsonScalar = msgspec.field(default=None, name="messageId")
    guild_id: JsonScalar = msgspec.field(default=None, name="guildId")


class _Forwarded(msgspec.Struct, gc=False):
    content: str | None = None


class _PollText(msgspec.Struct, gc=False):
    text: str | None = None


class _PollAnswer(msgspec.Struct, gc=False):
    """An answer: a text, which Discord's API has one level below."""

    text: str | None = None
    media: _PollText | None = msgspec.field(default=None, name="poll_media")
    answer: _PollText | None = None

    def get_text(self) -> str | None:
        inner = self.media or self.answer
        return inner.text if inner is not None else self.text


class _Poll(msgspec.Struct, gc=False):
    question: str | _PollText | None = None
    answers: list[_PollAnswer] | None = None


class _Embed(msgspec.Struct, gc=False):
    """What Discord shows beneath a message: a card of a linked page, or the words of a bot."""

    title: str | None = None
    description: str | None = None
    fields: list[msgspec.Raw] | None = None


class _Attachment(msgspec.Struct, gc=False):
    """A file: DiscordChatExporter does not write its description, Discord's API does."""

    description: str | None = None


class _MessageHead(msgspec.Struct, gc=False):
    """The fields that are read of a private message."""

    id: JsonScalar = None
    type: str | int | None = None


class _Message(_MessageHead):
    timestamp: JsonScalar = None
    edited: JsonScalar = msgspec.field(default=None, name="timestampEdited")
    content: str | None = None
    author: _NamedObject | None = None
    reference: _Reference | None = None
    forwarded: _Forwarded | None = msgspec.field(default=None, name="forwardedMessage")
    mentions: list[_NamedObject] | None = None
    reactions: list[Reaction] | None = None
    poll: _Poll | None = None
    embeds: list[_Embed] | None = None
    attachments: msgspec.Raw = msgspec.Raw()


# Channels that only invited people can read. The numbers are those of Discord's API.
_PRIVATE_TYPES = ("DirectTextChat", "DirectGroupTextChat", "GuildPrivateThread", 1, 3, 12)
_POST_TYPES, _REPLY_TYPES = ("Default", "Reply", 0, 19), ("Reply", 19)
# What Discord shows in place of a deleted account.
_DELETED_USER = re.compile(r"(?i:deleted user)(?: [0-9a-f]{6,16})?|deleted_user_[0-9a-z]+")
_NUMERIC_MENTION = re.compile(r"<@!?\d+>")
# Discord allows 32 characters, and 80 for a bot; of a longer name only the start is compared.
_MAX_NAME_CHARS = 100
_EXPORT_PATHS = ChatExportPaths(("",), ("guild", "channel", "messageCount"))
_BEGINS = re.compile(rb'\{\s*"guild"\s*:\s*\{')

_parse_message = msgspec.json.Decoder(_Message).decode
_parse_message_head = msgspec.json.Decoder(_MessageHead).decode
_parse_named = msgspec.json.Decoder(_NamedObject).decode
_parse_attachments = msgspec.json.Decoder(list[_Attachment]).decode


class _Channel(NamedTuple):
    """The channel of a file's messages."""

    is_private: bool
    guild: str  # its id, or empty
    community: str | None
    id: str = ""
    name: str | None = None  # of a post in a forum, which is a channel: its title


def fits(sample: Sample) -> float:
    """Return 1 for a document of DiscordChatExporter's or the names in a data package, else 0."""
    if is_package(sample.members):
        return 1.0
    head = sample.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return 1.0 * bool(_BEGINS.match(head) and b'"channel"' in head)


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one export in batches."""
    is_folder = filesystem.is_folder(path)
    if is_folder or is_zip(path):
        with Bundle(path) as bundle:
            if is_folder or is_package(bundle.names()):
                options = Options(
                    config.consented,
                    config.private,
                    lambda text: fence_code(
                        _mask_mentions(text, None) if config.mask_mentions else text
                    ),
                    config.max_line_mb << 20,
                )
                located = read_package(bundle, options)
                yield from read_records(
                    located, bundle, platform=PLATFORM, part_posts=part_posts, start=start
                )
                return
    with DumpInput(path) as source:
        yield from read_records(
            _read_channels(source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _read_channels(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    chat, channel = Chat(0), _Channel(True, "", None)
    source_file, count, refused_file = "", 0, ""
    for message in read_messages(source, _EXPORT_PATHS, _has_channel, config.max_line_mb << 20):
        if isinstance(message, LocatedRecords):
            refused_file = message.source_file
            yield message
            continue
        if message.chat is not chat:
            if source_file != refused_file:
                yield from _refuse_missing(source_file, chat, count)
            source_file, chat, count = message.source_file, message.chat, 0
            channel = _make_channel(chat, config)
        count += 1
        if chat.is_damaged and not config.private:
            channel = channel._replace(is_private=True)  # the message may be another channel's
        records = _decode_message(message.data, channel, config)
        yield LocatedRecords(source_file, message.source_row, len(message.data), records)
    if source_file != refused_file:
        yield from _refuse_missing(source_file, chat, count)


def _has_channel(chat: Chat) -> bool:
    return "channel" in chat.header and "guild" in chat.header


def _refuse_missing(source_file: str, chat: Chat, count: int) -> Iterator[LocatedRecords]:
    """Refuse a file without other refusals if it contains fewer messages than it declares."""
    declared = chat.header.get("messageCount", b"")
    if declared.isdigit() and len(declared) < 19 and count < int(declared):
        yield refuse_file(source_file, "fewer_messages_than_declared")


def _make_channel(chat: Chat, config: Config) -> _Channel:
    guild, channel = _parse_header(chat, "guild"), _parse_header(chat, "channel")
    # A channel of unknown type may be private.
    is_private = (
        channel.type is None
        or channel.type in _PRIVATE_TYPES
        or _parse_discord_id(guild.id) in ("", "0")
    )
    name = guild.name or _parse_discord_id(guild.id) or None
    return _Channel(
        is_private and not config.private,
        _parse_discord_id(guild.id),
        name,
        _parse_discord_id(channel.id),
        channel.name,
    )


def _parse_header(chat: Chat, key: str) -> _NamedObject:
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_named(replace_lone_surrogates(chat.header.get(key, b"{}")))
    return _NamedObject()


def _decode_message(data: bytes, channel: _Channel, config: Config) -> Sequence[Record]:
    if channel.is_private:
        return decode_value(data, lambda line: (_make_private_post(_parse_message_head(line)),))
    return decode_value(data, lambda line: _make_post(_parse_message(line), channel, config))


def _make_private_post(message: _MessageHead) -> Record:
    if message.type not in _POST_TYPES:
        return Skipped("service")
    return Post("discord:" + _require_id(message.id), "", withdrawn="private")


def _make_post(message: _Message, channel: _Channel, config: Config) -> tuple[Record, ...]:
    if message.type not in _POST_TYPES:
        return (Skipped("service"),)
    name = _require_id(message.id)
    text = message.content
    kind, parent = _find_relation(message, channel)
    if message.forwarded is not None and not text:
        text = message.forwarded.content
    if text is None:
        raise Refused("no_text")
    if "```" in text:
        text = fence_code(text)
    if message.poll is not None:
        text = _join_poll(text, message.poll)
    if config.with_alt and bytes(message.attachments):
        text = join_alts(text, _list_alts(message.attachments))
    if name == channel.id:  # the message that began a post in a forum, which has its number
        text = join_title(channel.name, text)
    author = message.author or _NamedObject()
    is_deleted = author.name is not None and _DELETED_USER.fullmatch(author.name) is not None
    post = new_post(
        (
            "discord:" + name,
            _mask_mentions(text, message.mentions) if config.mask_mentions else text,
            kind,
            None if is_deleted else _parse_discord_id(author.id) or author.name or None,
            channel.community,
            parse_given_micros(message.timestamp),
            None,  # lang_hint
            "discord:" + parent if parent else None,
            None,  # root_id
            count_reactions(message.reactions),
            None,  # replies
            None,  # sensitive
            author.is_bot,
            None,  # license
            # The text of a deleted account: its author has withdrawn it.
            "deleted" if is_deleted else None,
            None,  # accepted_id
            None,  # consent
            None,  # seen_at
            None if config.mask_mentions else match_mentions(text, _iter_people(message)),
            None,  # original_author
            None if is_deleted else author.name,
            None,  # edited_at
            None,  # author_since
        )
    )
    embeds = [one for one in message.embeds or () if one.title or one.description or one.fields]
    return (*make_versions(post, parse_micros(message.edited)), *(Skipped("embed") for _ in embeds))


def _list_alts(attachments: msgspec.Raw) -> list[str | None]:
    """Return the descriptions of attached files; none of malformed ones."""
    try:
        return [one.description for one in _parse_attachments(attachments)]
    except msgspec.DecodeError:
        return []


def _iter_people(message: _Message) -> Iterator[tuple[str | None, str]]:
    """Yield the names and the number of each person whom a message mentions."""
    for user in message.mentions or ():
        for name in (user.name, user.nickname):
            yield name, _parse_discord_id(user.id)


def _join_poll(text: str, poll: _Poll) -> str:
    """Add the question and the answers of a poll to a message's text, which is mostly empty."""
    question = poll.question.text if isinstance(poll.question, _PollText) else poll.question
    answers = [answer.get_text() for answer in poll.answers or ()]
    return join_title(text, join_poll(question or "", answers))


def _find_relation(message: _Message, channel: _Channel) -> tuple[str, str]:
    """Return the kind of a message, and the id of the message that it answers or forwards."""
    reference = message.reference
    parent = _parse_discord_id(reference.message_id) if reference is not None else ""
    if message.forwarded is not None:
        return "repost", parent
    if message.type in _REPLY_TYPES:
        return "reply", parent
    if reference is None or not parent:
        return "post", ""
    # "Default" with a reference: a reply from before replies had a type, or an announcement from
    # another server that this channel follows.
    guild = _parse_discord_id(reference.guild_id)
    return ("repost" if guild and channel.guild and guild != channel.guild else "reply"), parent


def _require_id(value: JsonScalar) -> str:
    name = _parse_discord_id(value)
    if not name:
        raise Refused("no_id")
    return name


def _parse_discord_id(value: JsonScalar) -> str:
    """Return an id in digits; empty if it is unusable, such as a float that has lost digits."""
    if type(value) is int and value >= 0:
        return str(value)
    return value if type(value) is str and value.isascii() and value.isdecimal() else ""


def _mask_mentions(text: str, mentions: Sequence[_NamedObject] | None) -> str:
    """Replace the names of mentioned people, and mentions by number, by ``@user``."""
    text = _NUMERIC_MENTION.sub("@user", text) if "<@" in text else text
    if not mentions or "@" not in text:
        return text
    names = {name for user in mentions for name in (user.name, user.nickname) if name}
    # In one pass and the longest first, so that "@Ann Lee" does not become "@user Lee". One regular
    # expression of all names would try thousands of them at every "@".
    prefixes = {name[:_MAX_NAME_CHARS] for name in names}
    lengths = sorted({len(name) for name in prefixes}, reverse=True)
    masked, done = [], 0
    while (at := text.find("@", done)) >= 0:
        candidates = (text[at + 1 : at + 1 + length] for length in lengths)
        name = next((piece for piece in candidates if piece in prefixes), "")
        masked += [text[done:at], "@user" if name else "@"]
        done = at + 1 + len(name)
    return "".join([*masked, text[done:]])
