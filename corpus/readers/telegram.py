"""Read the exports of Telegram Desktop: one chat, or all of an account's, as ``result.json``.

A post's id is ``telegram:CHAT/MESSAGE``. By default only public chats are read. Messages of other
chats are counted as withdrawn, without text, author or the chat's name; their ids have the chat's
number in the file in place of its id, which may be a person's (``telegram:private/3/17``). In an
account's export, a damaged chat counts as private from the damage on, because the start of the next
chat may be missing; all of it does, if its header follows its messages. A message in a topic of a
forum is no reply to the topic's beginning.

Messages that Telethon or Pyrogram have stored, one object each, and exports in HTML are read as
well (:mod:`corpus.readers.telegram_rows`, :mod:`corpus.readers.telegram_html`); they do not always
say whether their chat is public.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from pydantic import Field

from corpus.formats.dump_input import DumpInput
from corpus.readers.batches import decode_value, read_lines, read_records
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
    UtcOffsetMinutes,
    make_versions,
    new_post,
)
from corpus.readers.telegram_html import Options, is_page, read_pages
from corpus.readers.telegram_rows import (
    is_row,
    is_rows,
    make_row_decoder,
    parse_given_time,
    parse_time,
)
from corpus.readers.telegram_text import BLOCK, CODE, MARKED, NAME, QUOTES, Piece, join_pieces
from corpus.readers.text_parts import join_poll, join_title

PLATFORM = "telegram"
VERSION = 8
TOMBSTONES = True

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
    consented: bool = Field(
        default=False,
        description="also read messages of Telethon or Pyrogram in channels and groups that may be "
        "private, because the message has no username of its chat, and exports in HTML, which do "
        "not say whether a chat is public; only if it is or everybody in it has agreed",
    )
    mask_mentions: bool = Field(
        default=True,
        description="replace the name of a mentioned person without a username by '@user'",
    )
    utc_offset_minutes: UtcOffsetMinutes | None = Field(
        default=None,
        description="the exporter's zone, as minutes ahead of UTC, for exports from before 2022 "
        "that have local times only; without it their posts have no time",
    )


class _Entity(msgspec.Struct, gc=False):
    text: str
    type: str | None = None
    language: str | None = None


class _Answer(msgspec.Struct, gc=False):
    text: str | list[str | _Entity] | None = None


class _Poll(msgspec.Struct, gc=False):
    question: str | list[str | _Entity] | None = None
    answers: list[_Answer] | None = None


class _MessageHead(msgspec.Struct, gc=False):
    """The fields that are read of a private message."""

    id: JsonScalar = None
    type: str | None = None


class _Message(_MessageHead):
    """A message. ``sender`` is null for a deleted account, and unset for a message without one."""

    date: JsonScalar = None
    date_unixtime: JsonScalar = None
    edited: JsonScalar = None
    edited_unixtime: JsonScalar = None
    sender: str | msgspec.UnsetType | None = msgspec.field(default=msgspec.UNSET, name="from")
    from_id: JsonScalar = None
    text: str | list[str | _Entity] | None = None
    text_entities: list[_Entity] | None = None
    reply_to_message_id: JsonScalar = None
    reply_to_peer_id: JsonScalar = None
    forwarded_from: str | msgspec.UnsetType | None = msgspec.UNSET
    forwarded_from_id: str | int | float | msgspec.UnsetType | None = msgspec.UNSET
    via_bot: str | None = None
    reactions: list[Reaction] | None = None
    action: Any = None
    poll: _Poll | None = None
    contact_information: msgspec.Raw = msgspec.Raw()
    location_information: msgspec.Raw = msgspec.Raw()


class _ChatHeader(NamedTuple):
    """The header of a chat."""

    number: int
    id: str
    type: str
    name: str | None


# The document is one chat, or has lists of chats.
_EXPORT_PATHS = ChatExportPaths(
    ("", "chats.list.item", "left_chats.list.item"), ("name", "type", "id")
)
#: Chats that are named after one person.
_ONE_PERSON = ("personal_chat", "bot_chat", "saved_messages")
_CHAT_TYPES = "|".join(get_args(ChatType)).encode()
_BEGINS = re.compile(
    rb'\{\s*(?:"[a-z_]+"\s*:\s*(?:"(?:[^"\\]|\\.)*"|null|\d+)\s*,\s*)*'
    rb'"type"\s*:\s*"(?:%s)"\s*,' % _CHAT_TYPES
)
_ACCOUNT_BEGINS = re.compile(rb'\{\s*"about"\s*:\s*"[^"]*Telegram')
_MEMBER_NAME = re.compile(r"(?:\.jsonl?|messages[0-9]*\.html)(?:\.\w+)?$")
_HEAD_BYTES = 1 << 16
_PEER = re.compile(r"(?:user|channel|chat)?(\d+)")

_parse_message = msgspec.json.Decoder(_Message).decode
_parse_message_head = msgspec.json.Decoder(_MessageHead).decode


def fits(sample: Sample) -> float:
    """Return how well the start of the document, or the names in an archive, fit an export."""
    head = sample.head[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _BEGINS.match(head) and b'"messages"' in head:
        return 1.0
    if _ACCOUNT_BEGINS.match(head):
        return 0.9
    if is_page(head):
        return 1.0
    if is_rows(head):
        return max(0.9, sample.matching_share(is_row))
    parts = [name.split("/") for name in sample.members]
    return 0.8 * any(
        name[-1] == "result.json" and name[-2:-1] and re.match("(Chat|Data)Export_", name[-2])
        for name in parts
    )


def read(
    path: str, config: Config, part_posts: int, start: Cursor | None = None
) -> Iterator[Batch]:
    """Yield the messages of one export in batches."""
    offset = config.utc_offset_minutes
    head = _read_head(path)
    if is_page(head):
        options = Options(config.consented, config.mask_mentions, offset, config.max_line_mb << 20)
        with DumpInput(path) as source:
            yield from read_records(
                read_pages(source, options),
                source,
                platform=PLATFORM,
                part_posts=part_posts,
                start=start,
            )
        return
    if is_rows(head):
        decode = make_row_decoder(config.chats, config.consented, config.mask_mentions, offset)
        yield from read_lines(
            path, config, decode, platform=PLATFORM, part_posts=part_posts, start=start
        )
        return
    with DumpInput(path) as source:
        yield from read_records(
            _read_chats(source, config),
            source,
            platform=PLATFORM,
            part_posts=part_posts,
            start=start,
        )


def _read_head(path: str) -> bytes:
    """Return the start of a file, or of the first member of an archive that may have messages."""
    with DumpInput(path) as source:
        for member in source.members():
            if not member.name or _MEMBER_NAME.search(member.name):
                return member.open().peek(_HEAD_BYTES)
    return b""


def _read_chats(source: DumpInput, config: Config) -> Iterator[LocatedRecords]:
    def has_header(chat: Chat) -> bool:
        header = _parse_header(chat)
        return bool(header.id if header.type in config.chats else header.type)

    chat: Chat | None = None
    header = _ChatHeader(0, "", "", None)
    topics: set[str] = set()  # the messages with which the chat's topics begin
    for message in read_messages(source, _EXPORT_PATHS, has_header, config.max_line_mb << 20):
        if isinstance(message, LocatedRecords):
            yield message
            continue
        if message.chat is not chat:
            chat = message.chat
            header, topics = _parse_header(chat), set()
        is_public = header.type in config.chats and not chat.is_damaged
        records = _decode_message(message.data, header, is_public, topics, config)
        yield LocatedRecords(message.source_file, message.source_row, len(message.data), records)


def _parse_header(chat: Chat) -> _ChatHeader:
    """Decode a chat's header; a key that cannot be decoded is absent."""
    fields: dict[str, Any] = {}
    for key, data in chat.header.items():
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            fields[key] = msgspec.json.decode(data)
    kind, name = fields.get("type"), fields.get("name")
    return _ChatHeader(
        chat.number,
        _parse_telegram_id(fields.get("id")),
        kind if isinstance(kind, str) else "",
        name if isinstance(name, str) else None,
    )


def _decode_message(
    data: bytes, chat: _ChatHeader, is_public: bool, topics: set[str], config: Config
) -> Sequence[Record]:
    if is_public:
        return decode_value(
            data, lambda line: _make_post(_parse_message(line), chat, topics, config)
        )
    return decode_value(data, lambda line: (_make_private_post(_parse_message_head(line), chat),))


def _make_private_post(message: _MessageHead, chat: _ChatHeader) -> Record:
    if message.type != "message":
        return Skipped("service")
    name = _parse_telegram_id(message.id)
    if not name:
        raise Refused("no_id")
    return Post(f"telegram:private/{chat.number}/{name}", "", withdrawn="private")


def _make_post(
    message: _Message, chat: _ChatHeader, topics: set[str], config: Config
) -> tuple[Record, ...]:
    if message.type != "message":
        if message.action == "topic_created":
            topics.add(_parse_telegram_id(message.id))
        return (Skipped("service"),)
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
        kind = "repost"  # of a message whose id is not in the export
    elif message.reply_to_message_id is not None and not (
        message.reply_to_peer_id is None
        and _parse_telegram_id(message.reply_to_message_id) in topics
    ):
        kind, parent = "reply", _make_parent_id(message, chat)
    if message.poll is not None:
        text = _join_poll(text, message.poll, config.mask_mentions)
    offset = config.utc_offset_minutes
    post = new_post(
        (
            f"telegram:{chat.id}/{name}",
            text,
            kind,
            _make_author(message),
            _name_community(chat),
            parse_given_time(message.date_unixtime, message.date, offset),
            None,  # lang_hint
            parent,
            None,  # root_id
            count_reactions(message.reactions),
            None,  # replies
            None,  # sensitive
            True if message.via_bot else None,
            None,  # license
            # The text of a deleted account: its author has withdrawn it.
            "deleted" if message.sender is None and message.from_id is not None else None,
            None,  # accepted_id
            None,  # consent
            None,  # seen_at
            None,  # mentions
            _make_forwarded_author(message),
            None,  # author_name
            None,  # edited_at
            None,  # author_since
        )
    )
    # A contact's name and number, and a location, are nobody's words.
    cards = (message.contact_information, message.location_information)
    return (
        *make_versions(post, parse_time(message.edited_unixtime, message.edited, offset)),
        *(Skipped("card") for card in cards if bytes(card)[:1] == b"{"),
    )


def _name_community(chat: _ChatHeader) -> str:
    """Return the chat's name; of a conversation with one person, whose name it has, the page's."""
    return f"user/user{chat.id}" if chat.type in _ONE_PERSON else chat.name or chat.id


def _parse_telegram_id(value: object) -> str:
    """Return the number of a message or chat in digits; empty if it is unusable."""
    if type(value) is int:
        return str(value)
    if type(value) is str and re.fullmatch(r"-?[0-9]{1,20}", value):
        return value
    return ""


def _make_text(message: _Message, mask: bool) -> str | None:
    # Both fields contain the complete text; exports have entities since 2022.
    if message.text_entities:
        return _show_text(message.text_entities, mask)
    if message.text is None:
        return "" if message.text_entities is not None else None
    return _show_text(message.text, mask)


def _show_text(text: str | Sequence[str | _Entity], mask: bool) -> str:
    if isinstance(text, str):
        return text
    shown: list[str] = []
    for piece in text:
        if isinstance(piece, str):
            shown.append(piece)
        elif piece.type in MARKED:
            return join_pieces(_make_piece(*each, mask) for each in enumerate(text, start=1))
        else:
            # Only this type shows a person's name; the others show what the author typed.
            shown.append("@user" if mask and piece.type == NAME else piece.text)
    return "".join(shown)


def _make_piece(number: int, part: str | _Entity, mask: bool) -> Piece:
    if isinstance(part, str):
        return Piece(part)
    kind = part.type if part.type in (BLOCK, CODE) or (mask and part.type == NAME) else ""
    return Piece(part.text, kind or "", part.language or "", number * (part.type in QUOTES))


def _join_poll(text: str, poll: _Poll, mask: bool) -> str:
    """Add the question and the answers of a poll to a message's text, which is mostly empty."""
    answers = [_show_text(answer.text or "", mask) for answer in poll.answers or ()]
    question = join_poll(_show_text(poll.question or "", mask), answers)
    return join_title(text, question)


def _make_author(message: _Message) -> str | None:
    author = message.from_id
    if type(author) is int:  # until 2021
        return f"user{author}"
    if type(author) is str and author:
        return author
    return message.sender or None if message.sender is not msgspec.UNSET else None


def _make_forwarded_author(message: _Message) -> str | None:
    """Return the author of a forwarded message: an id as of an author, or the name alone."""
    author = message.forwarded_from_id
    if type(author) is int:
        return f"user{author}"
    if type(author) is str and author:
        return author
    name = message.forwarded_from
    return name or None if name is not msgspec.UNSET else None


def _make_parent_id(message: _Message, chat: _ChatHeader) -> str | None:
    number = _parse_telegram_id(message.reply_to_message_id)
    if not number:
        return None
    if message.reply_to_peer_id is None:
        return f"telegram:{chat.id}/{number}"
    peer = _PEER.fullmatch(str(message.reply_to_peer_id))
    return f"telegram:{peer[1]}/{number}" if peer else None
