"""Decode messages of Telegram as Telethon and Pyrogram return them, one object each.

A row of Telethon (``to_dict()``) contains the number of its channel, group or person and nothing
else about the chat; a row of Pyrogram contains the chat, and Telethon's rows are often stored with
it. A channel that has a username is public. Whether others are, a row does not say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from corpus.formats.times import (
    is_blank,
    mark_unreadable,
    parse_given_int64,
    parse_given_micros,
    parse_micros,
)
from corpus.readers.chat_export import Reaction, count_reactions
from corpus.readers.contract import (
    Decode,
    JsonScalar,
    Post,
    Record,
    Refused,
    Skipped,
    make_versions,
)
from corpus.readers.telegram_text import BLOCK, CODE, NAME, QUOTES, Entity, join_pieces, split_text
from corpus.readers.text_parts import join_poll, join_title


class _Peer(msgspec.Struct, gc=False):
    """A person, a group or a channel, by its number."""

    user_id: JsonScalar = None
    chat_id: JsonScalar = None
    channel_id: JsonScalar = None


class _Chat(msgspec.Struct, gc=False):
    """A chat of Pyrogram, or a person."""

    id: JsonScalar = None
    type: str | None = None
    title: str | None = None
    username: str | None = None
    usernames: list[Any] | None = None
    is_bot: bool | None = None


class _ReplyHeader(msgspec.Struct, gc=False):
    reply_to_msg_id: JsonScalar = None
    reply_to_top_id: JsonScalar = None
    forum_topic: bool | None = None


class _Count(msgspec.Struct, gc=False):
    replies: JsonScalar = None


class _Reactions(msgspec.Struct, gc=False):
    results: list[Reaction] | None = None
    reactions: list[Reaction] | None = None


class _Entity(msgspec.Struct, gc=False):
    """A part of the text, in units of UTF-16."""

    tag: str | None = msgspec.field(default=None, name="_")
    type: Any = None
    offset: int = 0
    length: int = 0
    language: str | None = None


class _Answer(msgspec.Struct, gc=False):
    text: Any = None


class _Poll(msgspec.Struct, gc=False):
    question: Any = None
    answers: list[_Answer] | None = None
    options: list[_Answer] | None = None


class _Media(msgspec.Struct, gc=False):
    poll: _Poll | None = None


class _Row(msgspec.Struct):
    tag: str | None = msgspec.field(default=None, name="_")
    id: JsonScalar = None
    peer_id: _Peer | None = None
    chat: _Chat | None = None
    date: JsonScalar = None
    edit_date: JsonScalar = None
    message: str | None = None
    text: str | None = None
    caption: str | None = None
    entities: list[_Entity] | None = None
    caption_entities: list[_Entity] | None = None
    from_id: _Peer | int | None = None
    from_user: _Chat | None = None
    sender_chat: _Chat | None = None
    post: bool | None = None
    action: Any = None
    service: Any = None
    fwd_from: Any = None
    forward_date: Any = None
    forward_origin: Any = None
    reply_to: _ReplyHeader | None = None
    reply_to_message_id: JsonScalar = None
    reply_to_top_message_id: JsonScalar = None
    topic_message: bool | None = None
    via_bot_id: JsonScalar = None
    via_bot: Any = None
    replies: _Count | None = None
    reactions: _Reactions | None = None
    media: _Media | str | None = None
    poll: _Poll | None = None
    noforwards: bool | None = None
    has_protected_content: bool | None = None


_BEGINS = re.compile(
    rb'[\[\s]*\{\s*"_"\s*:\s*"Message(?:Service|Empty)?"|[\[\s]*\{[^\n]*"peer_id"\s*:\s*\{'
)
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
#: What Telethon and Pyrogram call the parts of a text that are shown in another way.
_KINDS = {
    **dict.fromkeys(("messageentitymentionname", "text_mention"), NAME),
    **dict.fromkeys(("messageentitycode", "code"), CODE),
    **dict.fromkeys(("messageentitypre", "pre"), BLOCK),
    **dict.fromkeys(("messageentityblockquote", "blockquote"), QUOTES[0]),
}
_parse_row = msgspec.json.Decoder(_Row).decode


def is_rows(head: bytes) -> bool:
    """Return whether a file that begins so consists of such messages."""
    head = head[:8192].removeprefix(b"\xef\xbb\xbf")
    if head.startswith(b"\0"):  # a damaged line, which shows nothing
        head = head.partition(b"\n")[2]
    return _BEGINS.match(head) is not None


def is_row(row: dict[str, Any]) -> bool:
    """Return whether an object is such a message."""
    if str(row.get("_")) in ("Message", "MessageService", "MessageEmpty"):
        return "id" in row
    return isinstance(row.get("peer_id"), dict) and {"id", "date", "message"} <= row.keys()


def parse_time(unix: JsonScalar, written: JsonScalar, offset: int | None) -> int | None:
    """Return a time in microseconds; a local one needs its zone, as minutes ahead of UTC."""
    if unix is not None:
        return parse_micros(unix)
    if type(written) is not str or not _LOCAL_TIME.fullmatch(written):
        return parse_micros(written)  # not Telegram's own format, so it is not local time
    local = parse_micros(written)
    return local - offset * 60_000_000 if local is not None and offset is not None else None


def parse_given_time(unix: JsonScalar, written: JsonScalar, offset: int | None) -> int | None:
    """Parse as :func:`parse_time` does; UNREADABLE if a time is given but not understood."""
    if unix is not None:
        return parse_given_micros(unix)
    micros = parse_time(None, written, offset)
    return mark_unreadable() if micros is None and not is_blank(written) else micros


def make_row_decoder(
    chats: Collection[str], consented: bool, mask: bool, offset: int | None
) -> Decode:
    """Return a function that decodes a row to its post.

    ``chats`` are the kinds of chats to read, and with ``consented`` also channels and groups that
    may be private; ``mask`` replaces the names of people without usernames.
    """

    def decode(line: bytes) -> Sequence[Record]:
        row = _parse_row(line)
        if row.action is not None or row.service is not None or row.tag == "MessageService":
            return (Skipped("service"),)
        if row.tag == "MessageEmpty":
            return (Skipped("empty"),)
        number = _parse_number(row.id)
        if not number:
            raise Refused("no_id")
        kind, chat = _find_chat(row)
        is_channel = kind not in ("personal_chat", "bot_chat", "private_group")
        if kind not in chats and not (consented and is_channel):
            return (Post(f"telegram:private/0/{number}", "", withdrawn="private"),)
        if not chat:
            raise Refused("no_id")
        return _make_post(row, chat, number, mask, offset)

    return decode


def _make_post(
    row: _Row, chat: str, number: str, mask: bool, offset: int | None
) -> tuple[Record, ...]:
    text = _make_text(row, mask)
    if text is None:
        raise Refused("no_text")
    prefix = f"telegram:{chat}/"
    parent, kind = _find_parent(row), "post"
    if row.fwd_from or row.forward_date or row.forward_origin:
        kind, parent = "repost", ""
    elif parent:
        kind = "reply"
    title = row.chat.title if row.chat is not None else None
    is_bot = row.from_user is not None and row.from_user.is_bot
    reactions = row.reactions or _Reactions()
    is_kept_in = row.noforwards or row.has_protected_content
    post = Post(
        prefix + number,
        text,
        kind,
        _find_author(row, chat),
        title or chat,
        parse_given_time(None, row.date, offset),
        parent_id=prefix + parent if parent else None,
        score=count_reactions(reactions.results or reactions.reactions),
        replies=parse_given_int64(row.replies.replies) if row.replies is not None else None,
        bot=True if is_bot or row.via_bot or row.via_bot_id is not None else None,
        withdrawn="opted_out" if is_kept_in else None,
        author_name=row.from_user.username if row.from_user is not None else None,
    )
    return make_versions(post, parse_time(None, row.edit_date, offset))


def _find_chat(row: _Row) -> tuple[str, str]:
    """Return the kind of a row's chat, as an export names it, and its number, or empty."""
    peer, chat = row.peer_id or _Peer(), row.chat or _Chat()
    has_name = bool(chat.username or chat.usernames)
    if row.peer_id is None:
        kind = (chat.type or "").rpartition(".")[2].lower()
        number = _parse_number(chat.id)
        if kind in ("private", "bot"):
            return ("bot_chat" if kind == "bot" else "personal_chat"), number
        if kind == "group" or not number.startswith("-100"):
            return "private_group", number
        number, is_broadcast = number.removeprefix("-100"), kind == "channel"
    else:
        if peer.channel_id is None:
            person = _parse_number(peer.user_id)
            return ("personal_chat", person) if person else ("private_group", "")
        number, is_broadcast = _parse_number(peer.channel_id), row.post is True
    access = "public" if has_name else "private"
    return f"{access}_{'channel' if is_broadcast else 'supergroup'}", number


def _find_parent(row: _Row) -> str:
    """Return the number of the message that a row answers; a topic's first message is none."""
    header = row.reply_to or _ReplyHeader()
    if header.forum_topic and header.reply_to_top_id is None:
        return ""
    if row.topic_message and row.reply_to_top_message_id is None:
        return ""
    return _parse_number(header.reply_to_msg_id) or _parse_number(row.reply_to_message_id)


def _find_author(row: _Row, chat: str) -> str | None:
    """Return the author as an export names it: ``user12``, or ``channel34``."""
    sender = row.from_id
    if isinstance(sender, _Peer):
        if (person := _parse_number(sender.user_id)) or sender.channel_id is None:
            return f"user{person}" if person else None
        return f"channel{_parse_number(sender.channel_id)}"
    person = _parse_number(sender) or _parse_number(row.from_user.id if row.from_user else None)
    if person:
        return f"user{person}"
    if row.sender_chat is not None:
        return f"channel{_parse_number(row.sender_chat.id).removeprefix('-100')}"
    return f"channel{chat}"


def _parse_number(value: object) -> str:
    if type(value) is int:
        return str(value)
    return value if type(value) is str and re.fullmatch(r"-?[0-9]{1,20}", value) else ""


def _make_text(row: _Row, mask: bool) -> str | None:
    texts = (row.message, row.text, row.caption)
    text = next((one for one in texts if one is not None), None)
    entities = row.caption_entities if row.message is None and row.text is None else row.entities
    if text and entities:
        text = _show_entities(text, entities, mask)
    poll = row.poll or (row.media.poll if isinstance(row.media, _Media) else None)
    if poll is not None:
        answers = [_show(answer.text) for answer in poll.answers or poll.options or ()]
        text = join_title(text, join_poll(_show(poll.question), answers))
    return "" if text is None and row.media is not None else text


def _show(value: object) -> str:
    """Return a text of a poll, which is an object with entities in new versions."""
    value = value.get("text") if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""


def _show_entities(text: str, entities: Sequence[_Entity], mask: bool) -> str:
    """Return a text with its code fenced, its quotes marked, and names without usernames masked."""
    found = []
    for one in entities:
        kind = _KINDS.get((one.tag or str(one.type).rpartition(".")[2]).lower())
        if kind and (mask or kind != NAME):
            found.append(Entity(one.offset, one.offset + one.length, kind, one.language or ""))
    return join_pieces(split_text(text, found)) if found else text
