"""Read the records of a CSV or TSV file, and recover after a stray quote."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from corpus.formats.byte_source import (
    STREAM_ERRORS,
    ByteSource,
    DamagedStream,
    get_refusal_reason,
)

_SURROGATE = re.compile("[\ud800-\udfff]")
# What a disk or a broken transfer writes in place of text; one NUL alone is taken out of a text.
_NUL_BLOCK = "\0" * 8
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

    ``width`` is the expected number of cells; 0 takes it from the first record, the header. Empty
    cells behind the expected ones are dropped, and cells without a name may be missing. A record
    of over ``max_chars`` characters or 10,000 lines is refused. Where a stray quote has joined
    lines, only the first of them is refused, and the others are read as records of their own.

    ``escape`` is the character before a quote, a delimiter, a line end or itself within a field, or
    empty; before other characters it is text. ``line_end`` is a line feed, or a carriage return for
    a file without line feeds. The first ``skip_lines`` lines are only counted.
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
        escape: str = "",
        line_end: str = "\n",
        skip_lines: int = 0,
    ) -> None:
        csv.field_size_limit(max(max_chars, csv.field_size_limit()))
        self._lines = _CsvLines(stream, encoding, max_chars, line_end)
        self._lines.set_escape(escape, delimiter)
        self._delimiter = delimiter
        self._quotes = quotes
        self._escape = escape or None
        self._width = width
        self._skip_lines = skip_lines

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
            escapechar=self._escape,
        )
        row = self._skip_lines
        lines.skip(row)
        width = min_width = self._width
        while True:
            lines.begin_record()
            cells, problem = [], ""
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                first = lines.record_lines[0]
                problem = str(first) if isinstance(first, _LostLine) else "malformed_csv"
            if lines.in_open_quote:
                if lines.break_reason:
                    return
                problem = "unclosed_quote"
            count = len(cells)
            if count != width and cells:
                if not width:
                    width, min_width = count, len(strip_empty_cells(cells))
                elif count > width and not any(cells[width:]):
                    del cells[width:]
                elif not min_width <= count < width:
                    problem = problem or "wrong_field_count"
            if lines.has_nul_blocks and any(_NUL_BLOCK in cell for cell in cells):
                problem = problem or "malformed_csv"
            if problem and len(lines.record_lines) > 1:
                lines.push_back_lines()
            if lines.has_invalid_text and not problem and any(map(_SURROGATE.search, cells)):
                problem = "invalid_utf8"
            row += 1
            yield CsvRecord(row, cells, lines.record_chars, problem)


def strip_empty_cells(cells: list[str]) -> list[str]:
    """Return the cells without the empty ones at the end, as a comma there makes them."""
    end = len(cells)
    while end > 1 and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def find_line_end(head: bytes) -> str:
    """Return the line end of a file with this head: a line feed, or a carriage return alone."""
    return "\r" if b"\r" in head and b"\n" not in head else "\n"


class _LostLine(str):
    """The reason to refuse what is in place of a line: one that is too long, or a gap."""


class _CsvLines:
    """The lines of a file for the csv module; the lines of a broken record can be pushed back."""

    def __init__(
        self, stream: ByteSource, encoding: str, max_chars: int, line_end: str = "\n"
    ) -> None:
        self._stream = stream
        self._line_end = line_end
        self._escape: re.Pattern[str] | None = None
        self._max_chars = max_chars
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._new_lines = self._read()
        self._pushed_back: deque[str] = deque()
        self.record_lines: list[str] = []
        self.record_chars = 0
        self.break_reason = ""
        self.in_open_quote = False  # the file ended inside a quoted field
        self.has_invalid_text = False  # some bytes could not be decoded
        self.has_nul_blocks = False

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
        if type(line) is _LostLine:
            raise csv.Error(line)
        if self._escape is not None:
            line = self._escape.sub(lambda match: match[0] if match[1] else 2 * match[0], line)
        return line

    def set_escape(self, escape: str, delimiter: str) -> None:
        """Double each escape character before a character that it does not escape."""
        if escape:
            special = "|".join(map(re.escape, {escape, delimiter, '"', "\r", "\n"}))
            self._escape = re.compile(f"{re.escape(escape)}({special})?")

    def skip(self, count: int) -> None:
        """Drop the next ``count`` lines."""
        for _ in zip(range(count), self._new_lines, strict=False):
            pass

    def begin_record(self) -> None:
        """Forget the lines of the last record."""
        self.record_lines, self.record_chars, self.in_open_quote = [], 0, False

    def push_back_lines(self) -> None:
        """Read all lines of the last record but its first again."""
        self._pushed_back.extendleft(reversed(self.record_lines[1:]))

    def _read(self) -> Iterator[str]:
        """Yield the lines with their ends, and the lost ones."""
        carry, too_long, is_after_gap = "", False, False
        while True:
            try:
                chunk = self._stream.read(max(1 << 18, len(carry)))
                text = self._decoder.decode(chunk, final=not chunk)
            except DamagedStream as gap:
                self._decoder.reset()
                carry, too_long, is_after_gap = "", False, True
                yield _LostLine(gap.reason)
                continue
            except STREAM_ERRORS as error:
                self.break_reason = get_refusal_reason(error)
                return
            if not self.has_invalid_text and not text.isascii():
                self.has_invalid_text = _SURROGATE.search(text) is not None
            self.has_nul_blocks = self.has_nul_blocks or _NUL_BLOCK in text
            lines = (carry + text).split(self._line_end)
            carry = lines.pop()
            if is_after_gap and lines:  # the end of the line that the gap has cut
                del lines[0]
                is_after_gap = False
            for line in lines:
                lost = too_long or len(line) > self._max_chars
                yield _LostLine("line_too_long") if lost else line + self._line_end
                too_long = False
            if len(carry) > self._max_chars:
                carry, too_long = "", True
            if not chunk:
                break
        if (carry or too_long) and not is_after_gap:
            yield _LostLine("line_too_long") if too_long else carry
