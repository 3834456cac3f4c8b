"""Cut single values out of a stream of JSON text, without building any."""

from __future__ import annotations

import re

import msgspec

from corpus.formats.byte_source import BROKEN, Source, reason_of

_CHUNK = 1 << 20
_DEEPEST = 1 << 16  # no export nests so; a stack of brackets must not grow without end
_LONGEST_SCALAR = 1024
_BETWEEN = b" \t\r\n"
_SPACE = re.compile(rb"[ \t\r\n]*")
# What may stand outside strings and brackets; NaN and Infinity spoil just their own element.
_PLAIN = re.compile(rb"[ \t\r\n0-9:,.+\-eEtrufalsnNIity]*+")
_INSIDE = re.compile(rb'[^"\\]*+(?:\\[\s\S][^"\\]*+)*+')
_INSIDE_LINE = re.compile(rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+')
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]*')
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_check = msgspec.json.Decoder(msgspec.Raw).decode  # walks over a value without building it


class MalformedError(Exception):
    """The document's structure is not JSON here."""


class CutError(Exception):
    """The document ends before it is complete."""


def is_json(data: bytes) -> bool:
    """Whether this is one JSON value, of a depth that can be read."""
    try:
        _check(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


class Cutter:
    """The bytes around the place reached: ``buffer[at:]`` is not taken yet."""

    def __init__(self, source: Source, longest: int) -> None:
        self._source, self._longest = source, longest
        self._buffer, self._at = b"", 0
        self._ended = False
        #: Whether what was cut last is known to be JSON, and not just to close what it opens.
        self.sure = False
        #: The indentation of the line that the next value is the first of, else null.
        self.line: bytes | None = None
        self.broken = ""  # why the source broke off, once it has
        self._more()
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3

    def done(self) -> bool:
        """Whether nothing but space, or the semicolon of an assignment, is left."""
        self.space()
        while self._buffer[self._at : self._at + 1] == b";":
            self.take(b";")
            self.space()
        return self._at == len(self._buffer)

    def space(self) -> None:
        """Pass over white space, minding where a line begins."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            assert match is not None  # it matches the empty string too
            space = match[0]
            _, newline, last = space.rpartition(b"\n")
            if newline:
                self.line = last
            elif self.line is not None:
                self.line += space
            self._at = match.end()
            if self._at < len(self._buffer) or not self._more():
                return

    def next(self) -> bytes:
        """The next byte that is no space."""
        byte = self._buffer[self._at : self._at + 1]
        if not byte or byte in _BETWEEN:
            self.space()
            byte = self._buffer[self._at : self._at + 1]
            if not byte:
                raise CutError
        return byte

    def take(self, expected: bytes) -> None:
        """Pass over the one byte that must come next."""
        if self.next() != expected:
            raise MalformedError
        self._at += 1
        self.line = None

    def cut(self, indent: bytes | None, *, keep: bool) -> bytes | None:
        """Pass over the value that begins here; return its bytes, or null if it is too long."""
        byte = self.next()
        self.line, self.sure = None, False
        if byte not in (b"{", b"[", b'"'):
            return self._scalar()
        if (data := self._by_guess()) is not None:
            self.sure = True
            return data if keep and len(data) <= self._longest else None
        return self._by_brackets(keep, indent is not None)

    def skip(self) -> None:
        """Pass over a value; over an array element by element, which is the quick way."""
        if self.next() != b"[":
            self.cut(None, keep=False)
            return
        self.take(b"[")
        while self.next() != b"]":
            self.cut(None, keep=False)
            if self.next() != b"]":
                self.take(b",")
        self.take(b"]")

    def to_line(self, indent: bytes) -> None:
        """Go to the next line that begins an element, or closes the array around them."""
        while not self._is_element(indent):
            line = re.compile(rb"\n([ \t]{0,%d})(?=[^ \t\r\n])" % len(indent))
            while not (match := line.search(self._buffer, self._at)):
                self._at = max(self._at, len(self._buffer) - len(indent) - 2)
                if not self._more():
                    raise CutError
            self._at, self.line = match.end(), match[1]

    def _is_element(self, indent: bytes) -> bool:
        """Whether the next line of an array, or its end, begins here."""
        byte, line = self._buffer[self._at : self._at + 1], self.line
        if line is None:
            return False
        if byte == b"]" and (len(line) < len(indent) or not indent):
            return True
        if len(line) < len(indent):
            # This belongs to what is around the array: past it, an element might be another
            # chat's.
            raise MalformedError
        if byte == b"{" and line == indent:
            return True
        self.line = None
        return False

    def _scalar(self) -> bytes:
        while (end := _scalar_end(self._buffer, self._at)) == len(self._buffer):
            if end - self._at > _LONGEST_SCALAR:
                raise MalformedError
            if not self._more():
                raise CutError
        data = self._buffer[self._at : end]
        if not data or len(data) > _LONGEST_SCALAR:
            raise MalformedError
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
                _check(rest)
            except RecursionError:
                return None
            except msgspec.DecodeError as error:
                found = _TRAILING.search(str(error))
                if found is None:
                    if end < _CHUNK and self._more():
                        continue
                    return None
                end = int(found[1]) - 1
            data = bytes(rest[:end]).rstrip(_BETWEEN)
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
                    raise CutError
                at += self._at
                continue
            at += 1
            if byte == b'"':
                quoted = not quoted
            elif quoted:
                raise MalformedError
            elif byte in b"{[":
                # Where a key should be: the bracket that closes the element before is missing.
                if (brackets[-1:] == b"{" and before != b":") or len(brackets) == _DEEPEST:
                    raise MalformedError
                brackets += byte
            elif byte in b"}]" and brackets[-1:].decode() == ("{" if byte == b"}" else "["):
                del brackets[-1:]
            else:
                raise MalformedError
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
        except BROKEN as error:
            self.broken = reason_of(error)
        self._ended = size < _CHUNK
        self._buffer, self._at = b"".join(pieces), 0
        return size > 0


def _scalar_end(buffer: bytes, at: int) -> int:
    match = _SCALAR.match(buffer, at)
    assert match is not None  # it matches the empty string too
    return match.end()
