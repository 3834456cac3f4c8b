"""Read what Telegram Desktop exports: one chat, or a whole account's, as ``result.json``.

A post's id is ``telegram:CHAT/MESSAGE``. Only chats that anybody can read are taken by default;
messages of others are counted as withdrawn, and nothing of them is kept: no text, no author, no
name of the chat, and in place of the chat's id, which may be a person's, a number that counts the
chats in the file (``telegram:private/3/17``). In an account's export, a chat that is damaged counts
as private from there on: the beginning of the next chat may be what is missing. (All of it does,
if it tells what it is behind its messages.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from pydantic import Field

from corpus.formats.dump_input import DumpInput
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

PLATFORM = "telegram"
VERSION = 1
TOMBSTONES = False

ChatType = Literal[
    "public_channel",
    "public_supergroup",
    "private_channel",
    "private_supergroup",
    "private_group",
    "personal_chat",
    "bot_chat",
    "saved_messages",
]


class Config(ReaderConfig):
    """Which chats may be read, and how."""

    chats: tuple[ChatType, ...] = Field(
        default=("public_channel", "public_supergroup"),
        description="kinds of chats to read; others are withdrawn as private, without their text. "
        "Add a private kind only if everybody in those chats has agreed",
    )
    mask_mentions: bool = Field(
        default=True,
        description="put '@user' where the name of somebody without a username is mentioned",
    )
    utc_offset_minutes: int | None = Field(
        default=None,
        ge=-14 * 60,
        le=14 * 60,
        description="the exporter's zone, as minutes ahead of UTC, for exports from before 2022 "
        "that tell local time only; without it their posts have no time",
    )


class _Entity(msgspec.Struct, gc=False):
    text: str
    type: str | None = None


class _Reaction(msgspec.Struct, gc=False):
    count: int | str | float | None = None


class _MessageHead(msgspec.Struct, gc=False):
    """As much of a message as is read of a private one."""

    id: int | str | float | None = None
    type: str | None = None


class _Message(_MessageHead):
    """A message. ``sender`` is null where the account has been deleted, and unset without one."""

    date: str | int | float | None = None
    date_unixtime: str | int | float | None = None
    sender: str | msgspec.UnsetType | None = msgspec.field(default=msgspec.UNSET, name="from")
    from_id: str | int | float | None = None
    text: str | list[str | _Entity] | None = None
    text_entities: list[_Entity] | None = None
    reply_to_message_id: int | str | float | None = None
    reply_to_peer_id: str | int | float | None = None
    forwarded_from: str | msgspec.UnsetType | None = msgspec.UNSET
    forwarded_from_id: str | int | float | msgspec.UnsetType | None = msgspec.UNSET
    via_bot: str | None = None
    reactions: list[_Reaction] | None = None


class _ChatHeader(NamedTuple):
    """What a chat says of itself."""

    number: int
    id: str
    type: str
    name: str | None


# Where chats stand: the document itself is one, or has lists of them.
_EXPORT_PATHS = ChatExportPaths(
    ("", "chats.list.item", "left_chats.list.item"), ("name", "type", "id")
)
_BEGINS = re.compile(
    rb'\{\s*(?:"[a-z_]+"\s*:\s*(?:"(?:[^"\\]|\\.)*"|null|\d+)\s*,\s*)*'
    rb'"type"\s*:\s*"(?:' + b"|".join(kind.encode() for kind in get_args(ChatType)) + rb')"\s*,'
)  # fmt: skip
_ACCOUNT_BEGINS = re.compile(rb'\{\s*"about"\s*:\s*"[^"]*Telegram')
_PEER = re.compile(r"(?:user|channel|chat)?(\d+)")
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")

_parse_message = msgspec.json.Decoder(_Message).decode
_parse_message_head = msgspec.json.Decoder(_MessageHead).decode


def fits(sample: Sample) -> float:
    """How surely this is Telegram's, by how the document begins."""
    head = sample.head[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _BEGINS.match(head) and b'"messages"' in head:
        return 1.0
    if _ACCOUNT_BEGINS.match(head):
        return 0.9
    parts = [name.split("/") for name in sample.members]
    return 0.8 * any(
        name[-1] == "result.json" and name[-2:-1] and re.match("(Chat|Data)Export_", name[-2])
        for name in parts
    )


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one export in batches."""
    with DumpInput(path) as source:
        yield from read_records(
            _read_chats(path, source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _read_chats(path: str, source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    def known(chat: Chat) -> bool:
        header = _parse_header(chat)
        return bool(header.id if header.type in config.chats else header.type)

    chat: Chat | None = None
    header = _ChatHeader(0, "", "", None)
    for found in read_messages(path, source, _EXPORT_PATHS, known, config.max_line_mb << 20):
        if isinstance(found, UnreadableMessage):
            yield LocatedRecords(found.source_file, found.source_row, 0, (found.refusal,))
            continue
        if found.chat is not chat:
            chat = found.chat
            header = _parse_header(chat)
        public = header.type in config.chats and not chat.is_damaged
        records = _decode_message(found.data, header, public, config)
        yield LocatedRecords(found.source_file, found.source_row, len(found.data), records)


def _parse_header(chat: Chat) -> _ChatHeader:
    """What a chat says of itself, as far as it can be read."""
    said: dict[str, Any] = {}
    for key, data in chat.header.items():
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said[key] = msgspec.json.decode(data)
    kind, name = said.get("type"), said.get("name")
    return _ChatHeader(
        chat.number,
        _parse_telegram_id(said.get("id")),
        kind if isinstance(kind, str) else "",
        name if isinstance(name, str) else None,
    )


def _decode_message(
    data: bytes, chat: _ChatHeader, public: bool, config: Config
) -> Sequence[Record]:
    if public:
        return decode_value(data, lambda line: (_make_post(_parse_message(line), chat, config),))
    return decode_value(data, lambda line: (_make_private_post(_parse_message_head(line), chat),))


def _make_private_post(message: _MessageHead, chat: _ChatHeader) -> Record:
    if message.type != "message":
        return Skipped("service")
    name = _parse_telegram_id(message.id)
    if not name:
        raise Refused("no_id")
    return Post(f"telegram:private/{chat.number}/{name}", "", withdrawn="private")


def _make_post(message: _Message, chat: _ChatHeader, config: Config) -> Post | Skipped:
    if message.type != "message":
        return Skipped("service")
    name = _parse_telegram_id(message.id)
    if not name or not chat.id:
        raise Refused("no_id")
    text = _make_text(message, config.mask_mentions)
    if text is None:
        raise Refused("no_text")
    kind, parent = "post", None
    if message.forwarded_from is not msgspec.UNSET or (
        message.forwarded_from_id is not msgspec.UNSET
    ):
        kind = "repost"  # of a message whose id the export does not tell
    elif message.reply_to_message_id is not None:
        kind, parent = "reply", _make_parent_id(message, chat)
    return Post(
        f"telegram:{chat.id}/{name}",
        text,
        kind,
        _make_author(message),
        chat.name or chat.id,
        _parse_message_time(message, config.utc_offset_minutes),
        None,
        parent,
        None,
        _count_reactions(message.reactions),
        None,
        None,
        True if message.via_bot else None,
        None,
        # The text outlived its account: whoever wrote it has asked to go.
        "deleted" if message.sender is None and message.from_id is not None else None,
    )


def _parse_telegram_id(value: object) -> str:
    """A message's or chat's number in digits; empty if it cannot be trusted."""
    if type(value) is int:
        return str(value)
    if type(value) is str and re.fullmatch(r"-?[0-9]{1,20}", value):
        return value
    return ""


def _make_text(message: _Message, mask: bool) -> str | None:
    # Both hold the whole text; the entities are there since 2022.
    pieces: Sequence[str | _Entity]
    if message.text_entities:
        pieces = message.text_entities
    elif message.text is None:
        return "" if message.text_entities is not None else None
    elif isinstance(message.text, str):
        return message.text
    else:
        pieces = message.text
    return "".join(
        piece if isinstance(piece, str) else _show_entity(piece, mask) for piece in pieces
    )


def _show_entity(entity: _Entity, mask: bool) -> str:
    # The one kind that shows a person's own name; the rest show what was typed.
    return "@user" if mask and entity.type == "mention_name" else entity.text


def _make_author(message: _Message) -> str | None:
    who = message.from_id
    if type(who) is int:  # until 2021
        return f"user{who}"
    if type(who) is str and who:
        return who
    return message.sender or None if message.sender is not msgspec.UNSET else None


def _make_parent_id(message: _Message, chat: _ChatHeader) -> str | None:
    number = _parse_telegram_id(message.reply_to_message_id)
    if not number:
        return None
    if message.reply_to_peer_id is None:
        return f"telegram:{chat.id}/{number}"
    peer = _PEER.fullmatch(str(message.reply_to_peer_id))
    return f"telegram:{peer[1]}/{number}" if peer else None


def _parse_message_time(message: _Message, offset: int | None) -> int | None:
    if message.date_unixtime is not None:
        return parse_micros(message.date_unixtime)
    if type(message.date) is not str or not _LOCAL_TIME.fullmatch(message.date):
        return parse_micros(message.date)  # no form of Telegram's, so it says what it means
    local = parse_micros(message.date)
    return local - offset * 60_000_000 if local is not None and offset is not None else None


def _count_reactions(reactions: list[_Reaction] | None) -> int | None:
    """How many reactions there are; null where the export, from before 2024, does not tell."""
    if reactions is None:
        return None
    return parse_int64(sum(max(0, parse_int64(reaction.count) or 0) for reaction in reactions))
