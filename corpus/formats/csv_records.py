"""Read the records of a CSV or TSV file, and recover after a stray quote."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from corpus.formats.byte_source import STREAM_ERRORS, ByteSource, get_refusal_reason

_SURROGATE = re.compile("[\ud800-\udfff]")
# A quote that is never closed would join the rest of the file; no post has this many lines.
_MAX_RECORD_LINES = 10_000


class CsvRecord(NamedTuple):
    """One record of a CSV file."""

    row: int  # counted from 1, the header included
    cells: list[str]
    chars: int
    problem: str  # the reason to refuse it, or empty


class CsvRecords:
    """The records of a CSV stream; after the last one, ``break_reason`` says why it broke off.

    ``width`` is the expected number of cells; 0 takes it from the first record. A record of over
    ``max_chars`` characters or 10,000 lines is refused. Where a stray quote has joined lines, only
    the first of them is refused, and the others are read as records of their own.
    """

    def __init__(
        self,
        stream: ByteSource,
        *,
        encoding: str,
        delimiter: str,
        quotes: bool,
        width: int,
        max_chars: int,
    ) -> None:
        csv.field_size_limit(max(max_chars, csv.field_size_limit()))
        self._lines = _CsvLines(stream, encoding, max_chars)
        self._delimiter = delimiter
        self._quotes = quotes
        self._width = width

    @property
    def break_reason(self) -> str:
        """Why the stream broke off, or empty."""
        return self._lines.break_reason

    def __iter__(self) -> Iterator[CsvRecord]:
        lines = self._lines
        reader = csv.reader(
            lines,
            delimiter=self._delimiter,
            quoting=csv.QUOTE_MINIMAL if self._quotes else csv.QUOTE_NONE,
        )
        row, width = 0, self._width
        while True:
            lines.begin_record()
            cells, problem = [], ""
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                problem = "malformed_csv" if lines.record_lines[0] else "line_too_long"
            if lines.in_open_quote:
                if lines.break_reason:
                    return
                problem = "unclosed_quote"
            width = width or len(cells)
            if len(lines.record_lines) > 1 and (problem or len(cells) != width):
                problem = problem or "wrong_field_count"
                lines.push_back_lines()
            if lines.has_invalid_text and not problem and any(map(_SURROGATE.search, cells)):
                problem = "invalid_utf8"
            row += 1
            yield CsvRecord(row, cells, lines.record_chars, problem)


class _CsvLines:
    """The lines of a file for the csv module; the lines of a broken record can be pushed back."""

    def __init__(self, stream: ByteSource, encoding: str, max_chars: int) -> None:
        self._stream = stream
        self._max_chars = max_chars
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._new_lines = self._read()
        self._pushed_back: deque[str] = deque()
        self.record_lines: list[str] = []
        self.record_chars = 0
        self.break_reason = ""
        self.in_open_quote = False  # the file ended inside a quoted field
        self.has_invalid_text = False  # some bytes could not be decoded

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record_lines) >= _MAX_RECORD_LINES or self.record_chars > self._max_chars:
            raise csv.Error("record_too_long")
        try:
            line = self._pushed_back.popleft() if self._pushed_back else next(self._new_lines)
        except StopIteration:
            self.in_open_quote = bool(self.record_lines)
            raise
        self.record_lines.append(line)
        self.record_chars += len(line)
        if not line:
            raise csv.Error("line_too_long")
        return line

    def begin_record(self) -> None:
        """Forget the lines of the last record."""
        self.record_lines, self.record_chars, self.in_open_quote = [], 0, False

    def push_back_lines(self) -> None:
        """Read all lines of the last record but its first again."""
        self._pushed_back.extendleft(reversed(self.record_lines[1:]))

    def _read(self) -> Iterator[str]:
        """Yield the lines with their ends; an empty one in place of one that is too long."""
        carry, too_long = "", False
        while True:
            try:
                chunk = self._stream.read(1 << 20)
                text = self._decoder.decode(chunk, final=not chunk)
            except STREAM_ERRORS as error:
                self.break_reason = get_refusal_reason(error)
                return
            if not self.has_invalid_text and not text.isascii():
                self.has_invalid_text = _SURROGATE.search(text) is not None
            lines = (carry + text).split("\n")
            carry = lines.pop()
            for line in lines:
                yield "" if too_long or len(line) > self._max_chars else line + "\n"
                too_long = False
            if len(carry) > self._max_chars:
                carry, too_long = "", True
            if not chunk:
                break
        if carry or too_long:
            yield "" if too_long else carry
