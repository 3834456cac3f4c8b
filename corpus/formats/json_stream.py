"""Take one huge JSON document apart, value by value, in bounded memory.

Exports are often a single object of many gigabytes. :func:`walk` hands over the values at the
paths that a reader names, each as the bytes of one JSON value, for msgspec to decode. A path is
made of keys and of ``item`` for an array's elements, joined by dots, as in ``messages.item``; ``*``
stands for any key. Several documents one after another are walked in turn.

Why not ijson (yajl)? Measured over 100,000 messages each, it is about as fast as this with
Telegram's and half as fast with Discord's, and more robust it is not: one bad byte ends the whole
document, half an emoji becomes ``?`` without a word, and reals become Decimals. Here a bad element
fails alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from corpus.formats.dump_input import BROKEN, Input, Source, is_binary, mend_surrogates
from corpus.formats.json_scanner import CutError, Cutter, MalformedError, is_json
from corpus.readers.contract import Record, Refused

_JSON = re.compile(r"\.json(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.\[\]]*\s*=\s*"
)


class Opened(NamedTuple):
    """An object or array on the way to the wanted values begins; ``path`` is "" at the top."""

    path: str
    is_array: bool


class Value(NamedTuple):
    """A wanted value, as its JSON text."""

    path: str
    data: bytes


Found = Value | Opened | Refused


@dataclass
class _Node:
    """What is wanted below one path. A leaf is wanted itself."""

    path: str
    keys: dict[bytes, _Node] = field(default_factory=dict)
    any_key: _Node | None = None
    item: _Node | None = None

    def child(self, part: str) -> _Node:
        path = f"{self.path}.{part}" if self.path else part
        if part == "item":
            self.item = self.item or _Node(path)
            return self.item
        if part == "*":
            self.any_key = self.any_key or _Node(path)
            return self.any_key
        return self.keys.setdefault(part.encode(), _Node(path))

    @property
    def leaf(self) -> bool:
        return not (self.keys or self.any_key or self.item)


def walk(source: Source, wanted: Collection[str], longest: int) -> Iterator[Found]:
    """Yield the values at the ``wanted`` paths, and where the containers around them open.

    Refused come in between, in place: a value of over ``longest`` bytes (``line_too_long``), a
    malformed one (``malformed_json``), a scalar where a container should be (``wrong_type``), and
    at the end of a document that breaks off, ``truncated_stream`` or what the source says.
    Malformed structure ends the walk unless the elements start on lines of their own: strings hold
    no raw newline, so that the next line with the same indentation is surely the next element.
    """
    root = _Node("")
    for path in wanted:
        node = root
        for part in path.split("."):
            node = node.child(part)
    return _documents(Cutter(source, longest), root)


def items(source: Source, prefix: str, longest: int) -> Iterator[bytes | Refused]:
    """Yield each value at ``prefix`` as its JSON text, with refusals as in :func:`walk`."""
    for found in walk(source, (prefix,), longest):
        if isinstance(found, Value):
            yield found.data
        elif isinstance(found, Refused):
            yield found


def in_members(
    path: str, source: Input, wanted: Collection[str], longest: int
) -> Iterator[tuple[str, Found]]:
    """:func:`walk` through a file, or each ``.json`` file of an archive; with the place of each."""
    broken = False
    for member in source.members():
        if member.name and not _JSON.search(member.name):
            continue  # pictures and the like lie beside the messages
        place = f"{path}!{member.name}" if member.name else path
        stream = member.open()
        if is_binary(stream.head):
            yield place, Refused("not_text")
            continue
        for found in walk(stream, wanted, longest):
            broken = isinstance(found, Refused) and found.reason == "truncated_stream"
            yield place, found
    if source.problem and not broken:  # one break, one refusal
        yield path, Refused(source.problem)


def decoded(data: bytes, decode: Callable[[bytes], Sequence[Record]]) -> Sequence[Record]:
    """What ``decode`` makes of a value, with each way it can fail turned into a refusal."""
    try:
        try:
            return decode(data)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, RecursionError):
            mended = mend_surrogates(data)  # half an emoji, the one known fault of real exports
            if mended == data:
                return (Refused("malformed_json"),)
            return decode(mended)
    except Refused as refusal:
        return (refusal,)
    except msgspec.ValidationError:
        return (Refused("wrong_type"),)
    except UnicodeDecodeError:
        return (Refused("invalid_utf8"),)
    except (msgspec.DecodeError, RecursionError):
        return (Refused("malformed_json"),)


def skip_to_json(source: Source) -> Source:
    """Pass over a JavaScript assignment in front of the JSON (``window.YTD.tweets.part0 = ``)."""
    head, broken = b"", None
    try:
        while len(head) < 512 and (more := source.read(512 - len(head))):
            head += more
    except BROKEN as error:
        broken = error
    found = _ASSIGNMENT.match(head)
    return _Rest(head[found.end() :] if found else head, source, broken)


class _Rest:
    """A source whose beginning was read already."""

    def __init__(self, head: bytes, source: Source, broken: Exception | None) -> None:
        self._head, self._source, self._broken = head, source, broken

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            end = len(self._head) if size < 0 else size
            data, self._head = self._head[:end], self._head[end:]
            return data
        if self._broken:
            raise self._broken
        return self._source.read(size)


def _documents(text: Cutter, root: _Node) -> Iterator[Found]:
    try:
        while True:
            if text.next() not in (b"{", b"["):  # an empty file is a cut one
                raise MalformedError
            yield from _value(text, root, None)
            if text.done():
                break
        if text.broken:
            raise CutError
    except MalformedError:
        yield Refused("malformed_json")
    except CutError:
        yield Refused(text.broken or "truncated_stream")


def _value(text: Cutter, node: _Node, indent: bytes | None) -> Iterator[Found]:
    if node.leaf:
        data = text.cut(indent, keep=True)
        if data is None:
            yield Refused("line_too_long")
        elif text.sure or is_json(mend_surrogates(data)):
            yield Value(node.path, data)
        else:
            yield Refused("malformed_json")
        return
    byte = text.next()
    if byte == b"{" and (node.keys or node.any_key):
        yield Opened(node.path, is_array=False)
        yield from _object(text, node)
    elif byte == b"[" and node.item:
        yield Opened(node.path, is_array=True)
        yield from _array(text, node.item)
    else:
        text.skip()
        if byte != b"n":  # null says that there is nothing
            yield Refused("wrong_type")


def _object(text: Cutter, node: _Node) -> Iterator[Found]:
    text.take(b"{")
    while text.next() != b"}":
        if text.next() != b'"':
            raise MalformedError
        key = text.cut(None, keep=True)
        text.take(b":")
        text.next()
        child = node.keys.get(_name(key), node.any_key)
        if child is not None:
            yield from _value(text, child, None)
        else:
            text.skip()
        if text.next() != b"}":
            text.take(b",")
    text.take(b"}")


def _array(text: Cutter, item: _Node) -> Iterator[Found]:
    text.take(b"[")
    indent: bytes | None = None
    while text.next() != b"]":
        indent = indent if text.line is None else text.line
        try:
            yield from _value(text, item, indent)
            byte = text.next()
            # Without a comma, but on a line of its own: that element is as whole as any.
            if byte != b"]" and (byte != b"{" or indent is None or text.line != indent):
                text.take(b",")
        except MalformedError:
            if indent is None:
                raise
            yield Refused("malformed_json")
            text.to_line(indent)
    text.take(b"]")


def _name(key: bytes | None) -> bytes:
    """A key's text; a key that is no JSON string is nobody's name."""
    if key is None:
        return b""
    if b"\\" not in key:
        return key[1:-1]
    try:
        return msgspec.json.decode(key, type=str).encode()
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError):
        return b""
