"""Walk exports of chats: arrays of messages, each beside what is said of its chat."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from corpus.formats.dump_input import Input
from corpus.formats.json_stream import Found, Opened, Value, in_members
from corpus.readers.contract import Refused


@dataclass
class Chat:
    """A chat, and what the export says of it, as JSON by key."""

    number: int  # of the chats in the file, and of the documents that are or hold them; from 1
    said: dict[str, bytes] = field(default_factory=dict)
    #: In a list of chats: something of it is damaged, and with it perhaps the next chat's
    #: beginning is lost. What follows may be that one's messages, and not this one's.
    doubtful: bool = False


class Message(NamedTuple):
    """A message as its JSON text, and where it stands."""

    place: str
    row: int
    chat: Chat
    data: bytes


class Problem(NamedTuple):
    """A place that gives no message, and why."""

    place: str
    row: int
    reason: Refused


class Layout:
    """Where an export keeps its chats, and which of a chat's keys tell what the chat is."""

    def __init__(self, chats: Collection[str], header: Collection[str]) -> None:
        self.chats = chats
        self.messages = {_below(chat, "messages.item"): chat for chat in chats}
        self.header = {_below(chat, key): (chat, key) for chat in chats for key in header}

    @property
    def wanted(self) -> list[str]:
        """The paths to walk to."""
        return [*self.messages, *self.header]


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


class _Chats:
    """The chats that a walk comes to, numbered in their order."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._count = 0
        self._listed: Chat | None = None  # the chat in a list that was begun last
        self._here: dict[str, Chat] = {}  # by path: a document, and the chat in a list of its own

    def follow(self, found: Found) -> Chat | None:
        """The chat that begins with what was found, or that it belongs to."""
        if isinstance(found, Opened) and found.path in self._layout.chats:
            self._count += 1
            self._here[found.path] = Chat(self._count)
            self._listed = self._here[found.path] if found.path else None
            return self._here[found.path]
        if isinstance(found, Refused) and self._listed is not None:
            self._listed.doubtful = True
        if not isinstance(found, Value):
            return None
        if found.path in self._layout.messages:
            return self._here[self._layout.messages[found.path]]
        path, key = self._layout.header[found.path]
        self._here[path].said[key] = found.data
        return self._here[path]


def messages(
    path: str, source: Input, layout: Layout, known: Callable[[Chat], bool], longest: int
) -> Iterator[Message | Problem]:
    """Yield the messages of an export with their chats, and what could not be had.

    JSON lets what is said of a chat follow its messages. ``known`` tells whether enough of a chat
    has been said; if it has not when its first message comes, the file is looked through once more.
    """
    chats, all_chats = _Chats(layout), list[Chat]()
    current, row, lacking = "", 0, False
    for place, found in in_members(path, source, layout.wanted, longest):
        if place != current:
            if lacking:
                yield Problem(current, 0, Refused("no_messages"))
            current, row, lacking = place, 0, True
        chat = chats.follow(found)
        if isinstance(found, Refused):
            row += 1
            lacking = False  # there is a reason already
            yield Problem(place, row, found)
        elif chat is None:
            lacking = False  # an array of chats or of messages, be it empty
        elif isinstance(found, Value) and found.path in layout.messages:
            row += 1
            if not all_chats and not known(chat):
                all_chats = _look_through(path, layout, longest)
            chat = all_chats[chat.number - 1] if all_chats else chat
            yield Message(place, row, chat, found.data)
    if lacking:
        yield Problem(current, 0, Refused("no_messages"))


def _look_through(path: str, layout: Layout, longest: int) -> list[Chat]:
    """Every chat of the export with all that is said of it, wherever it is said."""
    chats, every = _Chats(layout), list[Chat]()
    with Input(path) as source:
        # The same walk as the reading itself, so that both count alike even where it is broken.
        for _, found in in_members(path, source, layout.wanted, longest):
            chat = chats.follow(found)
            if chat is not None and isinstance(found, Opened):
                every.append(chat)
    return every
