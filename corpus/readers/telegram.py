"""Read what Telegram Desktop exports: one chat, or a whole account's, as ``result.json``.

A post's id is ``telegram:CHAT/MESSAGE``. Only chats that anybody can read are taken by default;
messages of others are counted as withdrawn, and nothing of them is kept: no text, no author, no
name of the chat, and in place of the chat's id, which may be a person's, the chat's number in the
file (``telegram:private/3/17``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec
from pydantic import Field

from corpus.readers._json_stream import Found, Opened, Value, decoded, in_members
from corpus.readers._open import Input
from corpus.readers._times import micros, whole
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

PLATFORM = "telegram"
VERSION = 1
TOMBSTONES = False

Chats = Literal[
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

    chats: tuple[Chats, ...] = Field(
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


class _Kind(msgspec.Struct, gc=False):
    """As much of a message as is read of a private one."""

    id: int | str | float | None = None
    type: str | None = None


class _Message(_Kind):
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


@dataclass
class _Chat:
    """What the export says of a chat before its messages, or in rare cases behind them."""

    number: int
    id: str = ""
    type: str = ""
    name: str | None = None

    def learn(self, key: str, data: bytes) -> None:
        """Take in one of :data:`_HEADER`; what cannot be read stays unknown."""
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if key == "id":
            self.id = _whole_id(value)
        elif key == "type" and isinstance(value, str):
            self.type = value
        elif key == "name" and isinstance(value, str):
            self.name = value


class _Chats:
    """The chats that a walk comes to, numbered in their order."""

    def __init__(self) -> None:
        self.count = 0
        self._here: dict[str, _Chat] = {}  # by path: a document, and the chat in a list of its own

    def follow(self, found: Found) -> _Chat | None:
        """The chat that begins with what was found, or that it belongs to."""
        if isinstance(found, Opened) and found.path in _CHATS:
            self.count += 1
            self._here[found.path] = _Chat(self.count)
            return self._here[found.path]
        if not isinstance(found, Value):
            return None
        chat = self._here[_CHAT_OF[found.path]]
        if found.path not in _MESSAGES:
            chat.learn(found.path.rpartition(".")[2], found.data)
        return chat


_HEADER = ("name", "type", "id")
# Where chats stand: the document itself is one, or has lists of them.
_CHATS = ("", "chats.list.item", "left_chats.list.item")
_MESSAGES = {f"{chat}.messages.item".lstrip("."): chat for chat in _CHATS}
_CHAT_OF = _MESSAGES | {f"{chat}.{key}".lstrip("."): chat for chat in _CHATS for key in _HEADER}
_BEGINS = re.compile(
    rb'\{\s*(?:"[a-z_]+"\s*:\s*(?:"(?:[^"\\]|\\.)*"|null|\d+)\s*,\s*)*'
    rb'"type"\s*:\s*"(?:' + b"|".join(kind.encode() for kind in get_args(Chats)) + rb')"\s*,'
)  # fmt: skip
_WHOLE_ACCOUNT = re.compile(rb'\{\s*"about"\s*:\s*"[^"]*Telegram')
_PEER = re.compile(r"(?:user|channel|chat)?(\d+)")
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")

_parse = msgspec.json.Decoder(_Message).decode
_parse_kind = msgspec.json.Decoder(_Kind).decode


def fits(sample: Sample) -> float:
    """How surely this is Telegram's, by how the document begins."""
    head = sample.head[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _BEGINS.match(head) and b'"messages"' in head:
        return 1.0
    if _WHOLE_ACCOUNT.match(head):
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
    with Input(path) as source:
        found = _located(path, source, config)
        yield from read_records(
            found, source, platform=PLATFORM, part_posts=part_posts, start=start
        )


def _located(path: str, source: Input, config: Config) -> Iterator[Located]:
    longest = config.max_line_mb << 20
    chats, known = _Chats(), list[_Chat]()
    current, row, lacking = "", 0, False
    for place, found in in_members(path, source, _CHAT_OF, longest):
        if place != current:
            if lacking:
                yield Located(current, 0, 0, (Refused("no_messages"),))
            current, row, lacking = place, 0, True
        chat = chats.follow(found)
        if isinstance(found, Refused):
            row += 1
            lacking = False  # there is a reason already
            yield Located(place, row, 0, (found,))
        elif chat is None:
            lacking = False  # an array of chats or of messages, be it empty
        elif found.path in _MESSAGES and isinstance(found, Value):
            row += 1
            if not known and not (chat.id if chat.type in config.chats else chat.type):
                # The chat tells what it is behind its messages: look there first.
                known = _all_chats(path, longest)
            chat = known[chat.number - 1] if known else chat
            yield Located(place, row, len(found.data), _records(found.data, chat, config))
    if lacking:
        yield Located(current, 0, 0, (Refused("no_messages"),))


def _all_chats(path: str, longest: int) -> list[_Chat]:
    """Every chat of the export with all that it says of itself, wherever it says so."""
    chats, found = _Chats(), list[_Chat]()
    with Input(path) as source:
        # The same walk as the reading itself, so that both count alike even where it is broken.
        for _, thing in in_members(path, source, _CHAT_OF, longest):
            chat = chats.follow(thing)
            if chat is not None and isinstance(thing, Opened):
                found.append(chat)
    return found


def _records(data: bytes, chat: _Chat, config: Config) -> Sequence[Record]:
    if chat.type not in config.chats:
        return decoded(data, lambda line: (_private(_parse_kind(line), chat),))
    return decoded(data, lambda line: (_public(_parse(line), chat, config),))


def _private(message: _Kind, chat: _Chat) -> Record:
    if message.type != "message":
        return Skipped("service")
    name = _whole_id(message.id)
    if not name:
        raise Refused("no_id")
    return Post(f"telegram:private/{chat.number}/{name}", "", withdrawn="private")


def _public(message: _Message, chat: _Chat, config: Config) -> Post | Skipped:
    if message.type != "message":
        return Skipped("service")
    name = _whole_id(message.id)
    if not name or not chat.id:
        raise Refused("no_id")
    text = _text(message, config.mask_mentions)
    if text is None:
        raise Refused("no_text")
    kind, parent = "post", None
    if message.forwarded_from is not msgspec.UNSET or (
        message.forwarded_from_id is not msgspec.UNSET
    ):
        kind = "repost"  # of a message whose id the export does not tell
    elif message.reply_to_message_id is not None:
        kind, parent = "reply", _parent(message, chat)
    return Post(
        f"telegram:{chat.id}/{name}",
        text,
        kind,
        _author(message),
        chat.name or chat.id,
        _moment(message, config.utc_offset_minutes),
        None,
        parent,
        None,
        _score(message.reactions),
        None,
        None,
        True if message.via_bot else None,
        None,
        # The text outlived its account: whoever wrote it has asked to go.
        "deleted" if message.sender is None and message.from_id is not None else None,
    )


def _whole_id(value: object) -> str:
    """A message's or chat's number in digits; empty if it cannot be trusted."""
    if type(value) is int:
        return str(value)
    if type(value) is str and re.fullmatch(r"-?[0-9]{1,20}", value):
        return value
    return ""


def _text(message: _Message, mask: bool) -> str | None:
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
    return "".join(piece if isinstance(piece, str) else _shown(piece, mask) for piece in pieces)


def _shown(entity: _Entity, mask: bool) -> str:
    # The one kind that shows a person's own name; the rest show what was typed.
    return "@user" if mask and entity.type == "mention_name" else entity.text


def _author(message: _Message) -> str | None:
    who = message.from_id
    if type(who) is int:  # until 2021
        return f"user{who}"
    if type(who) is str and who:
        return who
    return message.sender or None if message.sender is not msgspec.UNSET else None


def _parent(message: _Message, chat: _Chat) -> str | None:
    number = _whole_id(message.reply_to_message_id)
    if not number:
        return None
    if message.reply_to_peer_id is None:
        return f"telegram:{chat.id}/{number}"
    peer = _PEER.fullmatch(str(message.reply_to_peer_id))
    return f"telegram:{peer[1]}/{number}" if peer else None


def _moment(message: _Message, offset: int | None) -> int | None:
    if message.date_unixtime is not None:
        return micros(message.date_unixtime)
    if type(message.date) is not str or not _NAIVE.fullmatch(message.date):
        return micros(message.date)  # no form of Telegram's, so it says what it means
    local = micros(message.date)
    return local - offset * 60_000_000 if local is not None and offset is not None else None


def _score(reactions: list[_Reaction] | None) -> int | None:
    """How many reactions there are; null where the export, from before 2024, does not tell."""
    if reactions is None:
        return None
    return whole(sum(max(0, whole(reaction.count) or 0) for reaction in reactions))
