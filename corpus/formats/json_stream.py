"""Walk a huge JSON document value by value, in bounded memory.

Exports are often a single object of many gigabytes. :func:`walk_json` yields the values at the
paths that a reader names, each as the bytes of one JSON value, for msgspec to decode. A path joins
keys and ``item`` (an array's elements) by dots, as in ``messages.item``; ``*`` matches any key.
Several documents one after another are walked in turn. :func:`walk_records` yields the objects of
a document of any layout: an array, an array under a key, or objects one after another.

Why not ijson (yajl)? Measured over 100,000 messages each, its speed is about the same on Telegram's
exports and half on Discord's, and it is less robust: one bad byte ends the whole document, half an
emoji silently becomes ``?``, and reals become Decimals. Here only the bad element is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, Refused
from corpus.formats.dump_input import DumpInput
from corpus.formats.json_repair import replace_lone_surrogates
from corpus.formats.json_scanner import (
    FIRST_KEY,
    MAX_KEY_BYTES,
    JsonScanner,
    MalformedJsonError,
    TruncatedJsonError,
    is_json,
)
from corpus.formats.lines import is_binary

_JSON_NAME = re.compile(r"\.json(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)
_MAX_FIRST_KEYS = 16
_ASSIGNMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w$.\[\]]*\s*=\s*"
)


class ContainerStart(NamedTuple):
    """The start of an object or array on a path to walk; ``path`` is "" for the document."""

    path: str
    is_array: bool


class JsonValue(NamedTuple):
    """A value at one of the paths to walk, as its JSON text."""

    path: str
    data: bytes


WalkEvent = JsonValue | ContainerStart | Refused


@dataclass
class _PathNode:
    """A node of the tree of paths to walk; the values at its leaves are yielded."""

    path: str
    keys: dict[bytes, _PathNode] = field(default_factory=dict)
    any_key: _PathNode | None = None
    item: _PathNode | None = None
    resync: _Resync | None = None  # of elements of one kind, which a fault does not end

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
    def is_value(self) -> bool:
        return not (self.keys or self.any_key or self.item)

    def find_own_array(self) -> tuple[bytes, _PathNode] | None:
        """Return the key of the array of records in each of such objects, and its elements."""
        for key, child in self.keys.items():
            if child.item is not None and child.item.resync is not None:
                return key, child.item
        return None


@dataclass
class _RecordNode(_PathNode):
    """A node on the path to records, which may be in arrays wherever an array is met."""

    @property
    def is_value(self) -> bool:
        return not (self.keys or self.any_key)


def walk_json(
    source: ByteSource, paths: Collection[str], max_bytes: int, *, one_kind: bool = False
) -> Iterator[WalkEvent]:
    """Yield the values at ``paths`` and the starts of the containers around them, in order.

    A :class:`Refused` is yielded in place of a value of over ``max_bytes`` bytes
    (``line_too_long``), a malformed one (``malformed_json``), a scalar where a path needs a
    container (``wrong_type``), and where a document breaks off (``truncated_stream`` or the
    source's reason).

    Malformed structure ends the walk unless the elements begin on lines of their own. JSON strings
    contain no raw newline, so the next line with the same indentation begins the next element. With
    ``one_kind``, the walk goes on at an element found behind a fault as in :func:`walk_records`. It
    may be one of another owner, such as another chat, whose beginning is lost: then, as far as that
    shows, the array is started once more, as a :class:`ContainerStart`.
    """
    root = _PathNode("")
    for path in paths:
        node = root
        parts = path.split(".")
        for part in parts:
            node = node.add_child(part)
        if one_kind and parts[-1] == "item":
            key = ".".join(parts[-2:-1]).encode()
            node.resync = _Resync(array_key=key)
    return _walk_documents(JsonScanner(source, max_bytes), root)


def walk_records(
    source: ByteSource, records: str, max_bytes: int, *, whole_arrays: bool = False
) -> Iterator[bytes | Refused]:
    """Yield each record of a document as its JSON text, or a refusal in its place.

    ``records`` are the keys to the records, joined by dots (``*`` is any key), or empty for a
    document of records. Arrays on the way, and of records, are walked by element; with
    ``whole_arrays``, an array in place of a document is yielded whole if it is short enough.

    The refusals are those of :func:`walk_json`, and ``no_records`` for a document without the keys.
    After a fault, reading goes on at the next line that begins an element of the array, or at the
    next object that begins with the same key and has at least half of the keys of the last record.
    """
    keys = records.split(".") if records else []
    nodes = _make_record_nodes(keys)
    root, leaf = nodes[0], nodes[-1]
    leaf_resync = leaf.resync or _Resync()
    scanner = JsonScanner(source, max_bytes)
    in_array, is_resynced = False, False
    try:
        while not scanner.is_at_end():
            indent, newlines = scanner.line_indent, scanner.newlines
            is_array = scanner.peek_byte() == b"["
            if whole_arrays and is_array and (data := scanner.read_whole_value()) is not None:
                yield data
                continue
            in_array = is_array or (in_array and indent is None)
            found = is_resynced
            try:
                if is_resynced:
                    is_resynced = False
                    events = _walk_elements(scanner, leaf)
                elif scanner.peek_byte() in (b"{", b"["):
                    if root is leaf:
                        leaf_resync.note_start(scanner)
                    events = _walk_value(scanner, root, indent)
                else:
                    raise MalformedJsonError
                for event in events:
                    if isinstance(event, ContainerStart):
                        found = found or event.path == records
                        continue
                    found = True
                    yield event.data if isinstance(event, JsonValue) else event
                if not found:
                    yield Refused("no_records")
            except MalformedJsonError:
                if scanner.newlines == newlines if keys else in_array:
                    is_resynced = leaf_resync.skip(scanner)
                    if not is_resynced and keys:
                        scanner.skip_to_document(indent or b"")
                elif indent is None:
                    leaf_resync.skip(scanner)
                else:
                    scanner.skip_to_document(indent)
                yield from _refuse_malformed(scanner)
            except _NoMoreRecordsError:
                pass
        yield from _refuse_gaps(scanner)
        if scanner.break_reason:
            raise TruncatedJsonError
    except TruncatedJsonError:
        yield from _refuse_break(scanner)


def _make_record_nodes(keys: Sequence[str]) -> list[_RecordNode]:
    """Return the nodes of the document and behind each key; arrays may be in each of them."""
    nodes: list[_RecordNode] = []
    for depth in range(len(keys), -1, -1):
        node = _RecordNode(".".join(keys[:depth]), resync=_Resync(within_line=bool(keys)))
        if nodes and keys[depth] == "*":
            node.any_key = nodes[0]
        elif nodes:
            node.keys[keys[depth].encode()] = nodes[0]
        # An array of arrays of arrays is no form that records have.
        nodes.insert(0, replace(node, item=replace(node, item=node)))
    return nodes


class _NoMoreRecordsError(Exception):
    """Raised at the end of a stream in which a fault was skipped without finding a record."""


class _Resync:
    """Finds the next record after a fault in an array without line ends."""

    def __init__(self, *, within_line: bool = False, array_key: bytes = b"") -> None:
        self._within_line = within_line  # as another document begins on the next line
        self._array_key = array_key  # of the array, if another owner may have one, too
        self.is_other_array = False  # whether the last record found is the first of an array
        self._first_keys: set[bytes] = set()
        self._beginning = b"\0"  # of the last record, up to its first key; of none at first
        self._model: bytes | None = None  # the last whole record

    def note_start(self, scanner: JsonScanner) -> None:
        """Remember the first key of the object that begins here."""
        self._note_key(scanner.peek_first_key())

    def note_record(self, data: bytes) -> None:
        """Remember a whole record and its first key."""
        if data.startswith(self._beginning):  # as nearly all do
            self._model = data
        elif match := FIRST_KEY.match(data):
            self._model, self._beginning = data, match[0]
            self._note_key(match[1])

    def _note_key(self, key: bytes | None) -> None:
        is_short = key is not None and len(key) < MAX_KEY_BYTES // 2
        if is_short and len(self._first_keys) < _MAX_FIRST_KEYS:
            self._first_keys.add(key or b"")

    def check_end(self, scanner: JsonScanner) -> None:
        """Raise MalformedJsonError if a malformed element goes on behind what looks like its end.

        The bracket there may be one of the element's own parts, and what follows may be so, too.
        """
        if scanner.is_inside_object(self._first_keys):
            raise MalformedJsonError

    def skip(self, scanner: JsonScanner) -> bool:
        """Move to the next object that resembles the others; false if there is none."""
        self.is_other_array = False
        while scanner.skip_to_object(
            self._first_keys, within_line=self._within_line, array_key=self._array_key
        ):
            if scanner.peek_byte() == b'"':
                self.is_other_array = scanner.skip_to_array(self._array_key)
                return True
            if scanner.is_first_of_key():  # in the damaged record, or beside the records
                _skip_elements(scanner)
                continue
            data = scanner.peek_object()
            if data is None:
                return True  # it is refused when it is read
            if self._model is None or _has_keys_of(data, self._model):
                return True
            scanner.read_value(None, keep=False)  # an object in the damaged record
        return False


def _skip_elements(scanner: JsonScanner) -> None:
    """Skip the elements of an array up to its end, or to a fault."""
    with suppress(MalformedJsonError):
        scanner.read_value(None, keep=False)
        while scanner.peek_byte() == b",":
            scanner.expect_byte(b",")
            scanner.read_value(None, keep=False)


def _has_keys_of(data: bytes, model: bytes) -> bool:
    """Return whether an object has at least half of the keys of another."""
    keys = _list_keys(model)
    return 2 * len(keys & _list_keys(data)) >= len(keys)


def _list_keys(data: bytes) -> set[str]:
    try:
        return set(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return set()


def _refuse_malformed(scanner: JsonScanner) -> Iterator[Refused]:
    """Yield the refusals of the gaps behind the fault that was skipped, or of the fault."""
    for reason in scanner.take_gaps() or ["malformed_json"]:
        yield Refused(reason)


def _refuse_break(scanner: JsonScanner) -> Iterator[Refused]:
    """Yield the refusals of a document that ends too early; a gap at its end is the reason."""
    reasons = scanner.take_gaps(to_end=True)
    if scanner.break_reason or not reasons:
        reasons.append(scanner.break_reason or "truncated_stream")
    for reason in reasons:
        yield Refused(reason)


def _refuse_gaps(scanner: JsonScanner) -> Iterator[Refused]:
    for reason in scanner.take_gaps():
        yield Refused(reason)


def iter_values(
    source: ByteSource, path: str, max_bytes: int, *, one_kind: bool = False
) -> Iterator[bytes | Refused]:
    """Yield each value at ``path`` as its JSON text, or a refusal as in :func:`walk_json`."""
    for event in walk_json(source, (path,), max_bytes, one_kind=one_kind):
        if isinstance(event, JsonValue):
            yield event.data
        elif isinstance(event, Refused):
            yield event


def walk_members(
    source: DumpInput, paths: Collection[str], max_bytes: int, *, one_kind: bool = False
) -> Iterator[tuple[str, WalkEvent]]:
    """Yield (source file, event) for a JSON file, or each ``.json`` member of an archive."""
    is_truncated = False
    for member in source.members():
        if member.name and not _JSON_NAME.search(member.name):
            continue  # such as the pictures of a chat
        stream = member.open()
        if is_binary(stream.head):
            yield member.source_file, Refused("not_text")
            continue
        for event in walk_json(stream, paths, max_bytes, one_kind=one_kind):
            is_truncated = isinstance(event, Refused) and event.reason == "truncated_stream"
            yield member.source_file, event
    if source.problems and not is_truncated:  # one break is refused once
        yield source.path, Refused(source.problems[0][1])


def skip_assignment(source: ByteSource) -> ByteSource:
    """Skip a JavaScript assignment before the JSON (``window.YTD.tweets.part0 = ``)."""
    head, error = b"", None
    try:
        while len(head) < 512 and (more := source.read(512 - len(head))):
            head += more
    except STREAM_ERRORS as caught:
        error = caught
    match = _ASSIGNMENT.match(head)
    return _ResumedSource(head[match.end() :] if match else head, source, error)


class _ResumedSource:
    """The rest of a source: the unread part of its head, then the error met there, or the rest."""

    def __init__(self, head: bytes, source: ByteSource, error: Exception | None) -> None:
        self._head, self._source, self._error = head, source, error

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            end = len(self._head) if size < 0 else size
            data, self._head = self._head[:end], self._head[end:]
            return data
        if self._error:
            raise self._error
        return self._source.read(size)


def _walk_documents(scanner: JsonScanner, root: _PathNode) -> Iterator[WalkEvent]:
    try:
        while True:
            if scanner.peek_byte() not in (b"{", b"["):  # raises for an empty file
                raise MalformedJsonError
            # At the end of the line: behind it, another document may begin.
            with suppress(_NoMoreRecordsError):
                yield from _walk_value(scanner, root, None)
            if scanner.is_at_end():
                break
        yield from _refuse_gaps(scanner)
        if scanner.break_reason:
            raise TruncatedJsonError
    except MalformedJsonError:
        yield from _refuse_malformed(scanner)
    except TruncatedJsonError:
        yield from _refuse_break(scanner)


def _walk_value(scanner: JsonScanner, node: _PathNode, indent: bytes | None) -> Iterator[WalkEvent]:
    byte = scanner.peek_byte()
    if byte == b"[" and node.item:
        yield ContainerStart(node.path, is_array=True)
        yield from _walk_array(scanner, node.item)
    elif node.is_value:
        yield from _read_value(scanner, node, indent)
    elif byte == b"{" and (node.keys or node.any_key):
        yield ContainerStart(node.path, is_array=False)
        yield from _walk_object(scanner, node)
    else:
        scanner.skip_value()
        if byte != b"n":  # null is an absent container
            yield Refused("wrong_type")


def _read_value(scanner: JsonScanner, node: _PathNode, indent: bytes | None) -> list[WalkEvent]:
    data = scanner.read_value(indent, keep=True)
    if data is None:
        return [*_refuse_gaps(scanner), Refused("line_too_long")]
    if scanner.is_validated or is_json(replace_lone_surrogates(data)):
        if node.resync is not None:
            node.resync.note_record(data)
        return [JsonValue(node.path, data)]
    return list(_refuse_malformed(scanner))


def _walk_object(scanner: JsonScanner, node: _PathNode) -> Iterator[WalkEvent]:
    scanner.expect_byte(b"{")
    yield from _walk_members_of(scanner, node)


def _walk_members_of(scanner: JsonScanner, node: _PathNode) -> Iterator[WalkEvent]:
    """Walk the rest of an object and its closing brace."""
    while scanner.peek_byte() != b"}":
        if scanner.peek_byte() != b'"':
            raise MalformedJsonError
        key = scanner.read_value(None, keep=True)
        scanner.expect_byte(b":")
        scanner.peek_byte()
        child = node.keys.get(_decode_key(key), node.any_key)
        if child is not None and child.item and child.is_value and scanner.peek_byte() == b"n":
            yield ContainerStart(child.path, is_array=True)  # null for an empty array
            scanner.skip_value()
        elif child is not None:
            yield from _walk_value(scanner, child, None)
        else:
            scanner.skip_value()
            yield from _refuse_gaps(scanner)
        if scanner.peek_byte() != b"}":
            scanner.expect_byte(b",")
    scanner.expect_byte(b"}")


def _is_malformed(event: WalkEvent) -> bool:
    return isinstance(event, Refused) and event.reason == "malformed_json"


def _walk_array(scanner: JsonScanner, item: _PathNode) -> Iterator[WalkEvent]:
    scanner.expect_byte(b"[")
    yield from _walk_elements(scanner, item)


def _walk_elements(scanner: JsonScanner, item: _PathNode) -> Iterator[WalkEvent]:
    """Walk the rest of an array and its closing bracket."""
    indent: bytes | None = None
    resync, own_array, is_in_own_array = item.resync, item.find_own_array(), False
    is_noted = False  # whether the first key of the first element is noted
    make_tuple = tuple.__new__  # as JsonValue(…), in a third of the time
    while is_in_own_array or (byte := scanner.peek_byte()) != b"]":
        indent = scanner.line_indent if indent is None else indent
        is_refused = False  # whether the element is malformed, and its refusal is yielded
        try:
            if resync is not None and not is_noted:
                resync.note_start(scanner)
                is_noted = True
            if own_array is not None and is_in_own_array:
                is_in_own_array = False
                yield from _walk_elements(scanner, own_array[1])
                if scanner.peek_byte() != b"}":
                    scanner.expect_byte(b",")
                yield from _walk_members_of(scanner, item)
            elif item.is_value and (byte != b"[" or item.item is None):
                if byte == b"{" and (run := scanner.read_run(indent)):
                    for data in run:
                        if resync is not None:
                            resync.note_record(data)
                        yield make_tuple(JsonValue, (item.path, data))
                else:
                    events = _read_value(scanner, item, indent)
                    is_refused = not isinstance(events[-1], JsonValue) and _is_malformed(events[-1])
                    yield from events
            else:
                yield from _walk_value(scanner, item, indent)
            byte = scanner.peek_byte()
            if is_refused and indent is None and resync is not None:
                resync.check_end(scanner)
            # An element on a line of its own is complete even if the comma before it is missing.
            is_next_line = byte == b"{" and indent is not None and scanner.line_indent == indent
            if byte != b"]" and not is_next_line:
                scanner.expect_byte(b",")
        except MalformedJsonError:
            if indent is None and resync is None and own_array is None:
                raise
            failure: Exception | None = None
            try:
                if indent is not None:
                    scanner.skip_to_line(indent)
                elif resync is not None and not resync.skip(scanner):
                    failure = _NoMoreRecordsError()
                elif resync is None and own_array is not None:
                    # The elements of the next object, whose beginning is lost.
                    is_in_own_array = scanner.skip_to_array(own_array[0])
                    failure = None if is_in_own_array else _NoMoreRecordsError()
            except (MalformedJsonError, TruncatedJsonError) as error:
                failure = error
            yield from (_refuse_gaps if is_refused else _refuse_malformed)(scanner)
            if failure is not None:
                raise failure from None
            if indent is None and resync is not None and resync.is_other_array:
                yield ContainerStart(item.path.removesuffix(".item"), is_array=True)
    scanner.expect_byte(b"]")


def _decode_key(key: bytes | None) -> bytes:
    """Return the text of a key; empty, which matches no path, for one that is not a JSON string."""
    if key is None:
        return b""
    if b"\\" not in key:
        return key[1:-1]
    try:
        return msgspec.json.decode(key, type=str).encode()
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError):
        return b""
