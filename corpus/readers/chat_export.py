"""Walk exports of chats: arrays of messages, each beside what is said of its chat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from corpus.formats.dump_input import DumpInput
from corpus.formats.json_stream import ContainerStart, JsonValue, WalkEvent, walk_members
from corpus.readers.contract import Refused


@dataclass
class Chat:
    """A chat, and what the export says of it, as JSON by key."""

    number: int  # of the chats in the file, and of the documents that are or hold them; from 1
    header: dict[str, bytes] = field(default_factory=dict)
    #: In a list of chats: something of it is damaged, and with it perhaps the next chat's
    #: beginning is lost. What follows may be that one's messages, and not this one's.
    is_damaged: bool = False


class ChatMessage(NamedTuple):
    """A message as its JSON text, and where it stands."""

    source_file: str
    source_row: int
    chat: Chat
    data: bytes


class UnreadableMessage(NamedTuple):
    """A place that gives no message, and why."""

    source_file: str
    source_row: int
    refusal: Refused


class ChatExportPaths:
    """Where an export keeps its chats, and which of a chat's keys tell what the chat is."""

    def __init__(self, chat_paths: Collection[str], header_keys: Collection[str]) -> None:
        self.chat_paths = chat_paths
        self.message_paths = {_join_path(chat, "messages.item"): chat for chat in chat_paths}
        self.header_paths = {
            _join_path(chat, key): (chat, key) for chat in chat_paths for key in header_keys
        }

    @property
    def paths(self) -> list[str]:
        """The paths to walk to."""
        return [*self.message_paths, *self.header_paths]


def _join_path(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class _ChatTracker:
    """The chats that a walk comes to, numbered in their order."""

    def __init__(self, export_paths: ChatExportPaths) -> None:
        self._layout = export_paths
        self._count = 0
        self._listed: Chat | None = None  # the chat in a list that was begun last
        self._here: dict[str, Chat] = {}  # by path: a document, and the chat in a list of its own

    def assign_chat(self, event: WalkEvent) -> Chat | None:
        """The chat that begins with what was found, or that it belongs to."""
        if isinstance(event, ContainerStart) and event.path in self._layout.chat_paths:
            self._count += 1
            self._here[event.path] = Chat(self._count)
            self._listed = self._here[event.path] if event.path else None
            return self._here[event.path]
        if isinstance(event, Refused) and self._listed is not None:
            self._listed.is_damaged = True
        if not isinstance(event, JsonValue):
            return None
        if event.path in self._layout.message_paths:
            return self._here[self._layout.message_paths[event.path]]
        path, key = self._layout.header_paths[event.path]
        self._here[path].header[key] = event.data
        return self._here[path]


def read_messages(
    path: str,
    source: DumpInput,
    export_paths: ChatExportPaths,
    has_header: Callable[[Chat], bool],
    max_bytes: int,
) -> Iterator[ChatMessage | UnreadableMessage]:
    """Yield the messages of an export with their chats, and what could not be had.

    JSON lets what is said of a chat follow its messages. ``known`` tells whether enough of a chat
    has been said; if it has not when its first message comes, the file is looked through once more.
    """
    chats, all_chats = _ChatTracker(export_paths), list[Chat]()
    current, row, lacking = "", 0, False
    for place, found in walk_members(path, source, export_paths.paths, max_bytes):
        if place != current:
            if lacking:
                yield UnreadableMessage(current, 0, Refused("no_messages"))
            current, row, lacking = place, 0, True
        chat = chats.assign_chat(found)
        if isinstance(found, Refused):
            row += 1
            lacking = False  # there is a reason already
            yield UnreadableMessage(place, row, found)
        elif chat is None:
            lacking = False  # an array of chats or of messages, be it empty
        elif isinstance(found, JsonValue) and found.path in export_paths.message_paths:
            row += 1
            if not all_chats and not has_header(chat):
                all_chats = _read_all_chats(path, export_paths, max_bytes)
            chat = all_chats[chat.number - 1] if all_chats else chat
            yield ChatMessage(place, row, chat, found.data)
    if lacking:
        yield UnreadableMessage(current, 0, Refused("no_messages"))


def _read_all_chats(path: str, export_paths: ChatExportPaths, max_bytes: int) -> list[Chat]:
    """Every chat of the export with all that is said of it, wherever it is said."""
    chats, every = _ChatTracker(export_paths), list[Chat]()
    with DumpInput(path) as source:
        # The same walk as the reading itself, so that both count alike even where it is broken.
        for _, found in walk_members(path, source, export_paths.paths, max_bytes):
            chat = chats.assign_chat(found)
            if chat is not None and isinstance(found, ContainerStart):
                every.append(chat)
    return every
