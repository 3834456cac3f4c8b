"""Cut single values out of a stream of JSON text, without decoding them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection
from contextlib import suppress

import msgspec

from corpus.formats.byte_source import (
    STREAM_ERRORS,
    ByteSource,
    DamagedStream,
    get_refusal_reason,
)
from corpus.formats.json_repair import replace_lone_surrogates

_CHUNK = 1 << 20
_MAX_DEPTH = 1 << 16  # real exports nest far less; bounds the stack of brackets
_MAX_SCALAR_BYTES = 1024
#: How often the bytes of a document may be searched for the end of a malformed value on average,
#: beyond some bytes.
_MAX_SEARCHES, _FREE_BYTES = 16, 4 << 20
#: Elements of an array are cut out together up to so many bytes, as that takes a tenth of the time.
_RUN_BYTES = 1 << 16
MAX_KEY_BYTES = 256  # of a key by which an object is found after a fault, with the space around it
# Stands for the bytes of a gap. JSON contains no raw NUL, so that what the gap cuts is malformed.
_GAP = b"\0"
_SPACES = b" \t\r\n"
_SPACE = re.compile(rb"[ \t\r\n]*")
# The bytes outside strings and brackets. NaN and Infinity are accepted here, so that they cost only
# the element that contains them.
_PLAIN = re.compile(rb"[ \t\r\n0-9:,.+\-eEtrufalsnNIity]*+")
_INSIDE = re.compile(rb'[^"\\]*+(?:\\[\s\S][^"\\]*+)*+')
_INSIDE_LINE = re.compile(rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+')
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]*')
#: The beginning of an object, with its first key.
FIRST_KEY = re.compile(rb'\{\s*("(?:[^"\\]|\\.)*")\s*:')
_NAMED_ARRAY = re.compile(rb":\s*\[\s*\Z")
_ARRAY_START = rb'(?<!\\)"%s"\s*:\s*\['
_TRAILING_ERROR = re.compile(r"trailing characters \(byte (\d+)\)")
_validate = msgspec.json.Decoder(msgspec.Raw).decode  # checks a value without building it
_cut_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class MalformedJsonError(Exception):
    """Raised where the structure of the document is not JSON."""


class TruncatedJsonError(Exception):
    """Raised where the document ends before it is complete."""


def is_json(data: bytes) -> bool:
    """Return whether the data is one JSON value, nested no deeper than the decoder reads."""
    try:
        _validate(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


class JsonScanner:
    """A position in a stream of JSON text; ``_buffer[_at:]`` are the next bytes."""

    def __init__(self, source: ByteSource, max_bytes: int) -> None:
        self._source, self._max_bytes = source, max_bytes
        self._buffer, self._at = b"", 0
        self._offset = 0  # of the buffer in the stream
        self._gaps: deque[tuple[int, str]] = deque()  # the offset and the reason of each gap read
        self._ended = False
        #: Whether the last value read is known to be JSON, not just to have balanced brackets.
        self.is_validated = False
        #: The indentation of the line, if the next value is the first on its line; else null.
        self.line_indent: bytes | None = b""
        self._failed_bytes = 0  # of values that were malformed
        self._no_run_before = 0  # the offset up to which elements must be read one by one
        self.newlines = 0  # skipped between values
        self.break_reason = ""  # why the source broke off, or empty
        self._fill()
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3

    def is_at_end(self) -> bool:
        """Return whether only white space, or what separates documents, remains.

        That is the semicolon of an assignment, or a comma.
        """
        self.skip_space()
        while (byte := self._buffer[self._at : self._at + 1]) in (b";", b","):
            self.expect_byte(byte)
            self.skip_space()
        return self._at == len(self._buffer)

    def skip_space(self) -> None:
        """Skip white space and record the indentation of a new line."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            assert match is not None  # it matches the empty string too
            space = match[0]
            _, newline, last = space.rpartition(b"\n")
            if newline:
                self.line_indent = last
                self.newlines += 1
            elif self.line_indent is not None:
                self.line_indent += space
            self._at = match.end()
            if self._at < len(self._buffer) or not self._fill():
                return

    def peek_byte(self) -> bytes:
        """Return the next byte that is not white space, without consuming it."""
        byte = self._buffer[self._at : self._at + 1]
        if not byte or byte in _SPACES:
            self.skip_space()
            byte = self._buffer[self._at : self._at + 1]
            if not byte:
                raise TruncatedJsonError
        return byte

    def expect_byte(self, expected: bytes) -> None:
        """Consume the next byte, which must be ``expected``."""
        if self.peek_byte() != expected:
            raise MalformedJsonError
        self._at += 1
        self.line_indent = None

    def read_value(self, indent: bytes | None, *, keep: bool) -> bytes | None:
        """Consume the next value and return its bytes, or null if it is too long.

        ``indent`` is the indentation of the lines that begin the elements of the array around the
        value, or null. Without ``keep`` the bytes of a container may be dropped.
        """
        byte = self.peek_byte()
        self.line_indent, self.is_validated = None, False
        if byte not in (b"{", b"[", b'"'):
            return self._read_scalar()
        if (data := self._read_by_decoder()) is not None:
            self.is_validated = True
            return data if keep and len(data) <= self._max_bytes else None
        try:
            return self._read_by_brackets(keep, indent is not None)
        except MalformedJsonError:
            self._at += 1  # so that the next search does not find the same value
            raise

    def read_run(self, indent: bytes | None) -> list[bytes]:
        """Consume and return the next elements of an array, objects that are JSON, up to a comma.

        ``indent`` is as in :meth:`read_value`. There are none where the elements must be read one
        by one: near the end of the array or of what is read of the stream, and near a fault.
        """
        buffer, start = self._buffer, self._at
        limit = min(start + _RUN_BYTES, len(buffer))
        if self._offset + start < self._no_run_before:
            return []
        # An element that may begin behind the run. What is before it is cut right if it is JSON,
        # because the elements before a comma are the same, whatever follows.
        if indent is not None:
            end = buffer.rfind(b"\n%s{" % indent, start, limit)
        else:
            head = FIRST_KEY.match(buffer, start, start + MAX_KEY_BYTES)
            end = buffer.rfind(b"," + head[0], start, limit) if head else -1
            if head and end < start:
                end = buffer.rfind(b", " + head[0], start, limit)
        piece = buffer[start : max(start, end)].rstrip(_SPACES).removesuffix(b",")
        found: list[bytes] = []
        # A line end gives the elements behind it an indentation.
        if piece and (indent is not None or b"\n" not in piece):
            with suppress(msgspec.DecodeError, RecursionError):
                found = [bytes(element) for element in _cut_elements(b"[%s]" % piece)]
        # In an array in place of an object there may be records.
        is_array = any(element[:1] != b"{" for element in found)
        if not found or is_array or max(map(len, found)) > self._max_bytes:
            self._no_run_before = self._offset + limit
            return []
        self._at += len(piece)
        self.line_indent, self.is_validated = None, True
        return found

    def read_whole_value(self) -> bytes | None:
        """Consume and return the next value; consume nothing if it is malformed or too long."""
        try:
            data = self._read_by_decoder() or self._read_by_brackets(True, False, whole=True)
        except (MalformedJsonError, TruncatedJsonError):
            return None
        if data is None:
            return None
        is_valid = is_json(data) or is_json(replace_lone_surrogates(data))
        if len(data) > self._max_bytes or not is_valid:
            self._at -= len(data)
            return None
        self.line_indent = None
        return data

    def peek_object(self) -> bytes | None:
        """Return the next value without consuming it; null if it is malformed or very long."""
        data = self._read_by_decoder()
        self._at -= len(data or b"")
        return data

    def peek_first_key(self) -> bytes | None:
        """Return the first key of the next value as it is written, or null without one."""
        match = FIRST_KEY.match(self._buffer, self._at)
        return match[1] if match else None

    def skip_value(self) -> None:
        """Consume a value; an array is consumed by element, which is faster."""
        if self.peek_byte() != b"[":
            self.read_value(None, keep=False)
            return
        self.expect_byte(b"[")
        while self.peek_byte() != b"]":
            self.read_value(None, keep=False)
            if self.peek_byte() != b"]":
                self.expect_byte(b",")
        self.expect_byte(b"]")

    def skip_to_line(self, indent: bytes) -> None:
        """Move to the next line that begins an element or closes the array."""
        while not self._begins_element(indent):
            line = re.compile(rb"\n([ \t]{0,%d})(?=[^ \t\r\n])" % len(indent))
            while not (match := line.search(self._buffer, self._at)):
                self._at = max(self._at, len(self._buffer) - len(indent) - 2)
                if not self._fill():
                    raise TruncatedJsonError
            self._at, self.line_indent = match.end(), match[1]

    def skip_to_object(
        self, first_keys: Collection[bytes], *, within_line: bool = False, array_key: bytes = b""
    ) -> bool:
        """Move to the next object that begins with one of the keys, or with any if none is given.

        With ``array_key``, the key of an array is where the search ends, too.
        Return false at the end, if there is no such object.

        In JSON no string contains such a beginning, as its quotes would be escaped. The value of a
        key is skipped, as it is in another object. ``within_line`` ends the search at a line end.
        """
        keys = b"|".join(map(re.escape, sorted(first_keys))) or rb'"[^"\\]*"'
        pattern = rb"(?<!:)(?<!: )\{\s*(?:%s)\s*:" % keys
        if within_line:
            pattern += rb"|\n"
        if array_key:
            pattern += b"|" + _ARRAY_START % re.escape(array_key)
        found = self._skip_to(re.compile(pattern), MAX_KEY_BYTES)
        return found and self._buffer[self._at : self._at + 1] != b"\n"

    def is_inside_object(self, first_keys: Collection[bytes]) -> bool:
        """Return whether what follows is no end of an element of an array of objects.

        That is a comma and no object, or brackets with an object of one of these keys behind them.
        """
        while len(self._buffer) - self._at < 2 * MAX_KEY_BYTES and self._fill():
            pass
        keys = b"|".join(map(re.escape, sorted(first_keys)))
        pattern = rb",\s*[^\s{\[]|[\]}\s]{1,256},\s*\{\s*(?:%s)\s*:" % keys
        return bool(first_keys) and re.compile(pattern).match(self._buffer, self._at) is not None

    def is_first_of_key(self) -> bool:
        """Return whether an array that is the value of a key begins right before this position."""
        return _NAMED_ARRAY.search(self._buffer[max(0, self._at - 64) : self._at]) is not None

    def skip_to_array(self, key: bytes) -> bool:
        """Move to the first element of the next array with this key; false if there is none.

        In JSON no string contains such a beginning, as its quotes would be escaped.
        """
        if not self._skip_to(re.compile(_ARRAY_START % re.escape(key)), MAX_KEY_BYTES):
            return False
        self._at = self._buffer.index(b"[", self._at) + 1
        return True

    def skip_to_document(self, indent: bytes) -> bool:
        """Move to the next line that begins a document with this indentation, or to the end."""
        found = self._skip_to(re.compile(rb"\n%s(?=[{\[])" % indent), len(indent) + 2)
        if found:
            self.skip_space()
        return found

    def take_gaps(self, *, to_end: bool = False) -> list[str]:
        """Return the reasons of the gaps up to this position, or the end, not yet taken."""
        reasons = []
        while self._gaps and (to_end or self._gaps[0][0] < self._offset + self._at):
            reasons.append(self._gaps.popleft()[1])
        return reasons

    def _skip_to(self, pattern: re.Pattern[bytes], overlap: int) -> bool:
        """Move to the next match, of at most ``overlap`` bytes, or to the end and return false."""
        while not (match := pattern.search(self._buffer, self._at)):
            self._at = max(self._at, len(self._buffer) - overlap)
            if not self._fill():
                self._at = len(self._buffer)
                return False
        self._at, self.line_indent = match.start(), None
        return True

    def _begins_element(self, indent: bytes) -> bool:
        """Return whether an element of the array, or its end, begins at this position."""
        byte, line = self._buffer[self._at : self._at + 1], self.line_indent
        if line is None:
            return False
        if byte == b"]" and (len(line) < len(indent) or not indent):
            return True
        if len(line) < len(indent) and byte in (b'"', b"{", b"}", b"[", b"]"):
            # The line belongs to a container around the array. An element after it could be in
            # another array, such as another chat's.
            raise MalformedJsonError
        if byte == b"{" and line == indent:
            return True
        self.line_indent = None
        return False

    def _read_scalar(self) -> bytes:
        while (end := _find_scalar_end(self._buffer, self._at)) == len(self._buffer):
            if end - self._at > _MAX_SCALAR_BYTES:
                raise MalformedJsonError
            if not self._fill():
                raise TruncatedJsonError
        data = self._buffer[self._at : end]
        if not data or len(data) > _MAX_SCALAR_BYTES:
            raise MalformedJsonError
        self._at = end
        return data

    def _read_by_decoder(self) -> bytes | None:
        """Cut at the offset that msgspec's "trailing characters" error names; null without one.

        The cut is right if the bytes before it are JSON, because a complete JSON value is never
        the beginning of a longer one. If msgspec worded its error differently, reading would only
        be slower.
        """
        while True:
            rest = memoryview(self._buffer)[self._at :]
            end = len(rest)
            try:
                _validate(rest)
            except RecursionError:
                return None
            except msgspec.DecodeError as error:
                match = _TRAILING_ERROR.search(str(error))
                if match is None:
                    if end < _CHUNK and self._fill():
                        continue
                    return None
                end = int(match[1]) - 1
            data = bytes(rest[:end]).rstrip(_SPACES)
            if not is_json(data):
                return None
            self._at += len(data)
            return data

    def _read_by_brackets(self, keep: bool, lines: bool, *, whole: bool = False) -> bytes | None:
        """Cut where all strings and brackets are closed.

        With ``lines``, elements begin on lines of their own, and a newline in a string means that
        its closing quote is missing. With ``whole``, a value that is too long is not consumed.
        """
        inside = _INSIDE_LINE if lines else _INSIDE
        brackets, at, quoted, before = bytearray(), self._at, False, b""
        while True:
            match = (inside if quoted else _PLAIN).match(self._buffer, at)
            assert match is not None  # it matches the empty string too
            at = match.end()
            byte = self._buffer[at : at + 1]
            if not quoted:
                before = match[0].rstrip()[-1:] or before
            if not byte or (byte == b"\\" and at + 1 == len(self._buffer)):
                at -= self._at
                keep = keep and at <= self._max_bytes
                if not keep and whole:
                    return None
                if not keep:
                    self._at, at = self._at + at, 0
                if not self._fill():
                    raise TruncatedJsonError
                at += self._at
                continue
            at += 1
            if byte == b'"':
                quoted = not quoted
            elif quoted:
                raise self._fail(at)
            elif byte in b"{[":
                # A bracket in place of a key: the one that closes the element before is missing.
                if (brackets[-1:] == b"{" and before != b":") or len(brackets) == _MAX_DEPTH:
                    raise self._fail(at)
                brackets += byte
            elif byte in b"}]" and brackets[-1:].decode() == ("{" if byte == b"}" else "["):
                del brackets[-1:]
            else:
                raise self._fail(at)
            before = byte
            if not brackets and not quoted:
                keep = keep and (whole or at - self._at <= self._max_bytes)
                data = self._buffer[self._at : at] if keep else None
                self._at = at
                return data

    def _fail(self, at: int) -> Exception:
        """Return the error of a value that is malformed at an offset of the buffer.

        What is searched again and again, such as nested beginnings of objects, ends the document.
        """
        self._failed_bytes += at - self._at
        if self._failed_bytes > _FREE_BYTES + _MAX_SEARCHES * (self._offset + self._at):
            self.break_reason = "malformed_json"
            return TruncatedJsonError()
        return MalformedJsonError()

    def _fill(self) -> bool:
        """Drop the consumed bytes and read more; false at the end of the stream."""
        if self._ended:
            return False
        pieces, size = [self._buffer[self._at :]], 0
        self._offset += self._at
        try:
            while size < _CHUNK and (piece := self._source.read(_CHUNK - size)):
                pieces.append(piece)
                size += len(piece)
            self._ended = size < _CHUNK
        except DamagedStream as gap:
            self._gaps.append((self._offset + len(pieces[0]) + size, gap.reason))
            pieces.append(_GAP)
            size += len(_GAP)
        except STREAM_ERRORS as error:
            self.break_reason = get_refusal_reason(error)
            self._ended = True
        self._buffer, self._at = b"".join(pieces), 0
        return size > 0


def _find_scalar_end(buffer: bytes, at: int) -> int:
    match = _SCALAR.match(buffer, at)
    assert match is not None  # it matches the empty string too
    return match.end()
