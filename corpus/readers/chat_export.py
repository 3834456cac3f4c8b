"""Walk the exports of chats, such as Discord's and Telegram's: the messages, each with its chat.

An export is one JSON document of a chat, or of lists of chats. A chat is an object with an array of
messages and with keys that describe it (its header).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from corpus.formats.dump_input import DumpInput
from corpus.formats.json_stream import ContainerStart, JsonValue, WalkEvent, walk_members
from corpus.formats.times import parse_int64
from corpus.readers.batches import refuse_file
from corpus.readers.contract import JsonScalar, LocatedRecords, Refused


class Reaction(msgspec.Struct, gc=False):
    """One kind of reaction to a message."""

    count: JsonScalar = None


def count_reactions(reactions: Sequence[Reaction] | None) -> int | None:
    """Return the number of reactions of all kinds; null where the export does not list any."""
    if not reactions:
        return None if reactions is None else 0
    return parse_int64(sum(max(0, parse_int64(reaction.count) or 0) for reaction in reactions))


@dataclass
class Chat:
    """A chat and its header, as JSON text by key."""

    number: int  # counted from 1 over the chats of the file, the documents of lists included
    header: dict[str, bytes] = field(default_factory=dict)
    #: A part of this chat is damaged, and the start of another chat may be in it, as in a list of
    #: chats. The messages after it may belong to that chat.
    is_damaged: bool = False
    has_messages: bool = False  # whether its array of messages has begun


class ChatMessage(NamedTuple):
    """A message as its JSON text, with its position and its chat."""

    source_file: str
    source_row: int
    chat: Chat
    data: bytes


class ChatExportPaths:
    """The JSON paths of an export's chats, of their messages and of their header keys."""

    def __init__(self, chat_paths: Collection[str], header_keys: Collection[str]) -> None:
        self.chat_paths = chat_paths
        self.message_paths = {_join_path(chat, "messages.item"): chat for chat in chat_paths}
        self.header_paths = {
            _join_path(chat, key): (chat, key) for chat in chat_paths for key in header_keys
        }

    @property
    def paths(self) -> list[str]:
        """All paths to walk."""
        return [*self.message_paths, *self.header_paths]


def _join_path(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class _ChatTracker:
    """Numbers the chats of a walk in their order and assigns the walked values to them."""

    def __init__(self, export_paths: ChatExportPaths) -> None:
        self._export_paths = export_paths
        self._message_paths = export_paths.message_paths
        self._count = 0
        self._last_listed: Chat | None = None  # the last chat of a list of chats
        self._current: dict[str, Chat] = {}  # by path: the document, or the last chat of a list

    def assign_chat(self, event: WalkEvent) -> Chat | None:
        """Return the chat that begins with the event or that the event belongs to."""
        if isinstance(event, ContainerStart) and event.path in self._export_paths.chat_paths:
            self._count += 1
            chat = self._current[event.path] = Chat(self._count)
            self._last_listed = chat if event.path else None
            return chat
        if isinstance(event, Refused) and self._last_listed is not None:
            self._last_listed.is_damaged = True
        if isinstance(event, ContainerStart) and f"{event.path}.item" in self._message_paths:
            chat = self._current[self._message_paths[f"{event.path}.item"]]
            chat.is_damaged |= chat.has_messages  # the array is another chat's
            chat.has_messages = True
        if not isinstance(event, JsonValue):
            return None
        if event.path in self._message_paths:
            return self._current[self._message_paths[event.path]]
        path, key = self._export_paths.header_paths[event.path]
        self._current[path].header[key] = event.data
        return self._current[path]


def read_messages(
    source: DumpInput,
    export_paths: ChatExportPaths,
    has_header: Callable[[Chat], bool],
    max_bytes: int,
) -> Iterator[ChatMessage | LocatedRecords]:
    """Yield the messages of an export with their chats, and a refusal for each unreadable one.

    JSON allows the header of a chat after its messages. If ``has_header`` returns false for a chat
    at its first message, the whole file is walked once more to collect all headers first.
    """
    tracker, all_chats = _ChatTracker(export_paths), list[Chat]()
    current_file, row, is_empty = "", 0, False
    # The path and the chat of the message before, if nothing else was before this one.
    known_path, known_chat = "", Chat(0)
    for source_file, event in walk_members(source, export_paths.paths, max_bytes, one_kind=True):
        if source_file != current_file:
            if is_empty:
                yield refuse_file(current_file, "no_messages")
            current_file, row, is_empty = source_file, 0, True
        if isinstance(event, JsonValue) and event.path == known_path:
            row += 1
            yield ChatMessage(source_file, row, known_chat, event.data)
            continue
        known_path = ""
        chat = tracker.assign_chat(event)
        if isinstance(event, Refused):
            row += 1
            is_empty = False  # the file has a refusal already
            yield LocatedRecords(source_file, row, 0, (event,))
        elif chat is None:
            is_empty = False  # an array of chats or of messages, which may be empty
        elif isinstance(event, JsonValue) and event.path in export_paths.message_paths:
            row += 1
            if not all_chats and not has_header(chat):
                all_chats = _read_all_chats(source.path, export_paths, max_bytes)
            known_path = event.path
            known_chat = all_chats[chat.number - 1] if all_chats else chat
            yield ChatMessage(source_file, row, known_chat, event.data)
    if is_empty:
        yield refuse_file(current_file, "no_messages")


def _read_all_chats(path: str, export_paths: ChatExportPaths, max_bytes: int) -> list[Chat]:
    """Return every chat of the export with its complete header."""
    tracker, chats = _ChatTracker(export_paths), list[Chat]()
    with DumpInput(path) as source:
        # The same walk as in read_messages(), so that both number damaged chats alike.
        for _, event in walk_members(source, export_paths.paths, max_bytes, one_kind=True):
            chat = tracker.assign_chat(event)
            if chat is not None and isinstance(event, ContainerStart):
                chats.append(chat)
    return chats
