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

from corpus.formats.dump_input import (
    STREAM_ERRORS,
    ByteSource,
    DumpInput,
    is_binary,
    replace_lone_surrogates,
)
from corpus.formats.json_scanner import JsonScanner, MalformedJsonError, TruncatedJsonError, is_json
from corpus.readers.contract import Record, Refused

_JSON_NAME = re.compile(r"\.json(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.\[\]]*\s*=\s*"
)


class ContainerStart(NamedTuple):
    """An object or array on the way to the wanted values begins; ``path`` is "" at the top."""

    path: str
    is_array: bool


class JsonValue(NamedTuple):
    """A wanted value, as its JSON text."""

    path: str
    data: bytes


WalkEvent = JsonValue | ContainerStart | Refused


@dataclass
class _PathNode:
    """What is wanted below one path. A leaf is wanted itself."""

    path: str
    keys: dict[bytes, _PathNode] = field(default_factory=dict)
    any_key: _PathNode | None = None
    item: _PathNode | None = None

    def add_child(self, part: str) -> _PathNode:
        path = f"{self.path}.{part}" if self.path else part
        if part == "item":
            self.item = self.item or _PathNode(path)
            return self.item
        if part == "*":
            self.any_key = self.any_key or _PathNode(path)
            return self.any_key
        return self.keys.setdefault(part.encode(), _PathNode(path))

    @property
    def is_leaf(self) -> bool:
        return not (self.keys or self.any_key or self.item)


def walk_json(source: ByteSource, paths: Collection[str], max_bytes: int) -> Iterator[WalkEvent]:
    """Yield the values at the ``wanted`` paths, and where the containers around them open.

    Refused come in between, in place: a value of over ``longest`` bytes (``line_too_long``), a
    malformed one (``malformed_json``), a scalar where a container should be (``wrong_type``), and
    at the end of a document that breaks off, ``truncated_stream`` or what the source says.
    Malformed structure ends the walk unless the elements start on lines of their own: strings hold
    no raw newline, so that the next line with the same indentation is surely the next element.
    """
    root = _PathNode("")
    for path in paths:
        node = root
        for part in path.split("."):
            node = node.add_child(part)
    return _walk_documents(JsonScanner(source, max_bytes), root)


def iter_values(source: ByteSource, path: str, max_bytes: int) -> Iterator[bytes | Refused]:
    """Yield each value at ``prefix`` as its JSON text, with refusals as in :func:`walk`."""
    for found in walk_json(source, (path,), max_bytes):
        if isinstance(found, JsonValue):
            yield found.data
        elif isinstance(found, Refused):
            yield found


def walk_members(
    path: str, source: DumpInput, paths: Collection[str], max_bytes: int
) -> Iterator[tuple[str, WalkEvent]]:
    """:func:`walk` through a file, or each ``.json`` file of an archive; with the place of each."""
    broken = False
    for member in source.members():
        if member.name and not _JSON_NAME.search(member.name):
            continue  # pictures and the like lie beside the messages
        place = f"{path}!{member.name}" if member.name else path
        stream = member.open()
        if is_binary(stream.head):
            yield place, Refused("not_text")
            continue
        for found in walk_json(stream, paths, max_bytes):
            broken = isinstance(found, Refused) and found.reason == "truncated_stream"
            yield place, found
    if source.problem and not broken:  # one break, one refusal
        yield path, Refused(source.problem)


def decode_value(data: bytes, decode: Callable[[bytes], Sequence[Record]]) -> Sequence[Record]:
    """What ``decode`` makes of a value, with each way it can fail turned into a refusal."""
    try:
        try:
            return decode(data)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, RecursionError):
            mended = replace_lone_surrogates(
                data
            )  # half an emoji, the one known fault of real exports
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


def skip_assignment(source: ByteSource) -> ByteSource:
    """Pass over a JavaScript assignment in front of the JSON (``window.YTD.tweets.part0 = ``)."""
    head, broken = b"", None
    try:
        while len(head) < 512 and (more := source.read(512 - len(head))):
            head += more
    except STREAM_ERRORS as error:
        broken = error
    found = _ASSIGNMENT.match(head)
    return _ResumedSource(head[found.end() :] if found else head, source, broken)


class _ResumedSource:
    """A source whose beginning was read already."""

    def __init__(self, head: bytes, source: ByteSource, broken: Exception | None) -> None:
        self._head, self._source, self._broken = head, source, broken

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            end = len(self._head) if size < 0 else size
            data, self._head = self._head[:end], self._head[end:]
            return data
        if self._broken:
            raise self._broken
        return self._source.read(size)


def _walk_documents(scanner: JsonScanner, root: _PathNode) -> Iterator[WalkEvent]:
    try:
        while True:
            if scanner.peek_byte() not in (b"{", b"["):  # an empty file is a cut one
                raise MalformedJsonError
            yield from _walk_value(scanner, root, None)
            if scanner.is_at_end():
                break
        if scanner.break_reason:
            raise TruncatedJsonError
    except MalformedJsonError:
        yield Refused("malformed_json")
    except TruncatedJsonError:
        yield Refused(scanner.break_reason or "truncated_stream")


def _walk_value(scanner: JsonScanner, node: _PathNode, indent: bytes | None) -> Iterator[WalkEvent]:
    if node.is_leaf:
        data = scanner.read_value(indent, keep=True)
        if data is None:
            yield Refused("line_too_long")
        elif scanner.is_validated or is_json(replace_lone_surrogates(data)):
            yield JsonValue(node.path, data)
        else:
            yield Refused("malformed_json")
        return
    byte = scanner.peek_byte()
    if byte == b"{" and (node.keys or node.any_key):
        yield ContainerStart(node.path, is_array=False)
        yield from _walk_object(scanner, node)
    elif byte == b"[" and node.item:
        yield ContainerStart(node.path, is_array=True)
        yield from _walk_array(scanner, node.item)
    else:
        scanner.skip_value()
        if byte != b"n":  # null says that there is nothing
            yield Refused("wrong_type")


def _walk_object(scanner: JsonScanner, node: _PathNode) -> Iterator[WalkEvent]:
    scanner.expect_byte(b"{")
    while scanner.peek_byte() != b"}":
        if scanner.peek_byte() != b'"':
            raise MalformedJsonError
        key = scanner.read_value(None, keep=True)
        scanner.expect_byte(b":")
        scanner.peek_byte()
        child = node.keys.get(_decode_key(key), node.any_key)
        if child is not None:
            yield from _walk_value(scanner, child, None)
        else:
            scanner.skip_value()
        if scanner.peek_byte() != b"}":
            scanner.expect_byte(b",")
    scanner.expect_byte(b"}")


def _walk_array(scanner: JsonScanner, item: _PathNode) -> Iterator[WalkEvent]:
    scanner.expect_byte(b"[")
    indent: bytes | None = None
    while scanner.peek_byte() != b"]":
        indent = indent if scanner.line_indent is None else scanner.line_indent
        try:
            yield from _walk_value(scanner, item, indent)
            byte = scanner.peek_byte()
            # Without a comma, but on a line of its own: that element is as whole as any.
            if byte != b"]" and (byte != b"{" or indent is None or scanner.line_indent != indent):
                scanner.expect_byte(b",")
        except MalformedJsonError:
            if indent is None:
                raise
            yield Refused("malformed_json")
            scanner.skip_to_line(indent)
    scanner.expect_byte(b"]")


def _decode_key(key: bytes | None) -> bytes:
    """A key's text; a key that is no JSON string is nobody's name."""
    if key is None:
        return b""
    if b"\\" not in key:
        return key[1:-1]
    try:
        return msgspec.json.decode(key, type=str).encode()
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError):
        return b""
