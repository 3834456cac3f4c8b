"""Cut single values out of a stream of JSON text, without building any."""

from __future__ import annotations

import re

import msgspec

from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, get_refusal_reason

_CHUNK = 1 << 20
_MAX_DEPTH = 1 << 16  # no export nests so; a stack of brackets must not grow without end
_MAX_SCALAR_BYTES = 1024
_SPACES = b" \t\r\n"
_SPACE = re.compile(rb"[ \t\r\n]*")
# What may stand outside strings and brackets; NaN and Infinity spoil just their own element.
_PLAIN = re.compile(rb"[ \t\r\n0-9:,.+\-eEtrufalsnNIity]*+")
_INSIDE = re.compile(rb'[^"\\]*+(?:\\[\s\S][^"\\]*+)*+')
_INSIDE_LINE = re.compile(rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+')
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]*')
_TRAILING_ERROR = re.compile(r"trailing characters \(byte (\d+)\)")
_validate = msgspec.json.Decoder(msgspec.Raw).decode  # walks over a value without building it


class MalformedJsonError(Exception):
    """The document's structure is not JSON here."""


class TruncatedJsonError(Exception):
    """The document ends before it is complete."""


def is_json(data: bytes) -> bool:
    """Whether this is one JSON value, of a depth that can be read."""
    try:
        _validate(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


class JsonScanner:
    """The bytes around the place reached: ``buffer[at:]`` is not taken yet."""

    def __init__(self, source: ByteSource, max_bytes: int) -> None:
        self._source, self._longest = source, max_bytes
        self._buffer, self._at = b"", 0
        self._ended = False
        #: Whether what was cut last is known to be JSON, and not just to close what it opens.
        self.is_validated = False
        #: The indentation of the line that the next value is the first of, else null.
        self.line_indent: bytes | None = None
        self.break_reason = ""  # why the source broke off, once it has
        self._more()
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3

    def is_at_end(self) -> bool:
        """Whether nothing but space, or the semicolon of an assignment, is left."""
        self.skip_space()
        while self._buffer[self._at : self._at + 1] == b";":
            self.expect_byte(b";")
            self.skip_space()
        return self._at == len(self._buffer)

    def skip_space(self) -> None:
        """Pass over white space, minding where a line begins."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            assert match is not None  # it matches the empty string too
            space = match[0]
            _, newline, last = space.rpartition(b"\n")
            if newline:
                self.line_indent = last
            elif self.line_indent is not None:
                self.line_indent += space
            self._at = match.end()
            if self._at < len(self._buffer) or not self._more():
                return

    def peek_byte(self) -> bytes:
        """The next byte that is no space."""
        byte = self._buffer[self._at : self._at + 1]
        if not byte or byte in _SPACES:
            self.skip_space()
            byte = self._buffer[self._at : self._at + 1]
            if not byte:
                raise TruncatedJsonError
        return byte

    def expect_byte(self, expected: bytes) -> None:
        """Pass over the one byte that must come next."""
        if self.peek_byte() != expected:
            raise MalformedJsonError
        self._at += 1
        self.line_indent = None

    def read_value(self, indent: bytes | None, *, keep: bool) -> bytes | None:
        """Pass over the value that begins here; return its bytes, or null if it is too long."""
        byte = self.peek_byte()
        self.line_indent, self.is_validated = None, False
        if byte not in (b"{", b"[", b'"'):
            return self._scalar()
        if (data := self._by_guess()) is not None:
            self.is_validated = True
            return data if keep and len(data) <= self._longest else None
        return self._by_brackets(keep, indent is not None)

    def skip_value(self) -> None:
        """Pass over a value; over an array element by element, which is the quick way."""
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
        """Go to the next line that begins an element, or closes the array around them."""
        while not self._is_element(indent):
            line = re.compile(rb"\n([ \t]{0,%d})(?=[^ \t\r\n])" % len(indent))
            while not (match := line.search(self._buffer, self._at)):
                self._at = max(self._at, len(self._buffer) - len(indent) - 2)
                if not self._more():
                    raise TruncatedJsonError
            self._at, self.line_indent = match.end(), match[1]

    def _is_element(self, indent: bytes) -> bool:
        """Whether the next line of an array, or its end, begins here."""
        byte, line = self._buffer[self._at : self._at + 1], self.line_indent
        if line is None:
            return False
        if byte == b"]" and (len(line) < len(indent) or not indent):
            return True
        if len(line) < len(indent):
            # This belongs to what is around the array: past it, an element might be another
            # chat's.
            raise MalformedJsonError
        if byte == b"{" and line == indent:
            return True
        self.line_indent = None
        return False

    def _scalar(self) -> bytes:
        while (end := _find_scalar_end(self._buffer, self._at)) == len(self._buffer):
            if end - self._at > _MAX_SCALAR_BYTES:
                raise MalformedJsonError
            if not self._more():
                raise TruncatedJsonError
        data = self._buffer[self._at : end]
        if not data or len(data) > _MAX_SCALAR_BYTES:
            raise MalformedJsonError
        self._at = end
        return data

    def _by_guess(self) -> bytes | None:
        """Cut where msgspec's error says that one value ends and more follows; null if it does not.

        A complete JSON value is never the beginning of a longer one, so the guess is proved by
        what was cut being JSON: were the error worded otherwise, it would only be slower.
        """
        while True:
            rest = memoryview(self._buffer)[self._at :]
            end = len(rest)
            try:
                _validate(rest)
            except RecursionError:
                return None
            except msgspec.DecodeError as error:
                found = _TRAILING_ERROR.search(str(error))
                if found is None:
                    if end < _CHUNK and self._more():
                        continue
                    return None
                end = int(found[1]) - 1
            data = bytes(rest[:end]).rstrip(_SPACES)
            if not is_json(data):
                return None
            self._at += len(data)
            return data

    def _by_brackets(self, keep: bool, lines: bool) -> bytes | None:
        """Cut by strings and brackets. With ``lines``, a newline in a string is a lost quote."""
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
                keep = keep and at <= self._longest
                if not keep:
                    self._at, at = self._at + at, 0
                if not self._more():
                    raise TruncatedJsonError
                at += self._at
                continue
            at += 1
            if byte == b'"':
                quoted = not quoted
            elif quoted:
                raise MalformedJsonError
            elif byte in b"{[":
                # Where a key should be: the bracket that closes the element before is missing.
                if (brackets[-1:] == b"{" and before != b":") or len(brackets) == _MAX_DEPTH:
                    raise MalformedJsonError
                brackets += byte
            elif byte in b"}]" and brackets[-1:].decode() == ("{" if byte == b"}" else "["):
                del brackets[-1:]
            else:
                raise MalformedJsonError
            before = byte
            if not brackets and not quoted:
                keep = keep and at - self._at <= self._longest
                data = self._buffer[self._at : at] if keep else None
                self._at = at
                return data

    def _more(self) -> bool:
        """Read on, letting go of what was taken; false at the end."""
        if self._ended:
            return False
        pieces, size = [self._buffer[self._at :]], 0
        try:
            while size < _CHUNK and (piece := self._source.read(_CHUNK - size)):
                pieces.append(piece)
                size += len(piece)
        except STREAM_ERRORS as error:
            self.break_reason = get_refusal_reason(error)
        self._ended = size < _CHUNK
        self._buffer, self._at = b"".join(pieces), 0
        return size > 0


def _find_scalar_end(buffer: bytes, at: int) -> int:
    match = _SCALAR.match(buffer, at)
    assert match is not None  # it matches the empty string too
    return match.end()
