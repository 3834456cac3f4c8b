"""CSV and TSV of any shape, as the table reader takes them, stray quotes and all."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from corpus.formats import dump_input
from corpus.readers.contract import Batch, BatchBuilder, Cursor, Refused
from corpus.readers.table.mapping import Config, MakePost, build_post_maker, missing_column_error

_SURROGATE = re.compile("[\ud800-\udfff]")
# A quote that is never closed would swallow the file; no post has this many lines.
_MAX_RECORD_LINES = 10_000


def read(
    path: str, config: Config, dialect: str, part_posts: int, start: Cursor | None
) -> Iterator[Batch]:
    """Yield the posts of a CSV or TSV file (``form`` says which), or of an archive of such."""
    gather = BatchBuilder(config.platform, part_posts)
    longest = config.max_line_mb << 20
    csv.field_size_limit(max(longest, csv.field_size_limit()))
    make = build_post_maker(config)
    with dump_input.DumpInput(path) as source:
        for member in source.members(resume_at=start.member if start else None):
            for refusal in source.take_refusals():
                gather.refuse(*refusal)
            file = f"{path}!{member.name}" if member.name else path
            done = start.row if start and start.member == member.name else 0
            stream = member.open()
            lines = _CsvLines(stream, config.encoding, longest)
            columns, row = list(config.columns), 0
            pick = _make_column_picker(file, config, columns) if columns else None
            for row, cells, problem in _read_records(lines, config, dialect):
                if pick is None:
                    columns = [cell.strip() for cell in cells]
                    if dump_input.is_binary(stream.head) and set(config.list_columns()).difference(
                        columns
                    ):
                        gather.refuse(file, row, "not_text")
                        break
                    pick = _make_column_picker(file, config, columns)
                elif row > done:
                    if cells and not problem and len(cells) != len(columns):
                        problem = "wrong_field_count"
                    if problem:
                        gather.refuse(file, row, problem)
                    elif cells:
                        _add_post(pick(cells), make, gather, file, row)
                    gather.size_bytes += lines.record_chars
                    if gather.is_full():
                        yield gather.build_batch(Cursor(member.name, row, 0), source.position)
            if lines.break_reason:
                gather.refuse(file, row + 1, lines.break_reason)
        for refusal in source.take_refusals():
            gather.refuse(*refusal)
        yield gather.build_batch(None, source.position, source.sha256())


def _read_records(
    lines: _CsvLines, config: Config, dialect: str
) -> Iterator[tuple[int, list[str], str]]:
    """Yield each record's number, its cells, and what is wrong with it, if anything is."""
    records = csv.reader(
        lines,
        delimiter=config.delimiter or ("\t" if dialect == "tsv" else ","),
        quoting=csv.QUOTE_MINIMAL if config.quotes else csv.QUOTE_NONE,
    )
    row, width = 0, len(config.columns)
    while True:
        lines.begin_record()
        cells, problem = [], ""
        try:
            cells = next(records)
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
            # A stray quote has joined this line to the ones behind it: lose just this one.
            problem = problem or "wrong_field_count"
            lines.push_back_lines()
        if lines.has_invalid_utf8 and not problem and any(map(_SURROGATE.search, cells)):
            problem = "invalid_utf8"
        row += 1
        yield row, cells, problem


def _make_column_picker(
    file: str, config: Config, columns: list[str]
) -> Callable[[list[str]], Sequence[object]]:
    for name in config.list_columns():
        if name not in columns:
            raise missing_column_error(file, config, columns, name)
    places = [columns.index(name) for name in config.list_columns()]
    return lambda cells: [cells[place] for place in places]


def _add_post(
    values: Sequence[object], make: MakePost, builder: BatchBuilder, file: str, row: int
) -> None:
    try:
        builder.add((make(values),), file, row)
    except Refused as refusal:
        builder.refuse(file, row, refusal.reason)


class _CsvLines:
    """A file's lines for the csv module, which can be given back when a record proves broken."""

    def __init__(self, stream: dump_input.ByteSource, encoding: str, max_chars: int) -> None:
        self._stream = stream
        self._longest = max_chars
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._fresh = self._read()
        self._again: deque[str] = deque()
        self.record_lines: list[str] = []
        self.record_chars = 0
        self.break_reason = ""  # why the stream ended before its end, if it did
        self.in_open_quote = False  # the lines ended inside a quoted field
        self.has_invalid_utf8 = False  # bytes that are no text have been met

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record_lines) >= _MAX_RECORD_LINES or self.record_chars > self._longest:
            raise csv.Error("record_too_long")
        try:
            line = self._again.popleft() if self._again else next(self._fresh)
        except StopIteration:
            self.in_open_quote = bool(self.record_lines)
            raise
        self.record_lines.append(line)
        self.record_chars += len(line)
        if not line:
            raise csv.Error("line_too_long")
        return line

    def begin_record(self) -> None:
        """Forget the lines of the last record: it is done with."""
        self.record_lines, self.record_chars, self.in_open_quote = [], 0, False

    def push_back_lines(self) -> None:
        """Read all lines of the last record but its first again, as records of their own."""
        self._again.extendleft(reversed(self.record_lines[1:]))

    def _read(self) -> Iterator[str]:
        """The lines with their ends; an empty one stands for one that is too long."""
        carry, too_long = "", False
        while True:
            try:
                chunk = self._stream.read(1 << 20)
                text = self._decoder.decode(chunk, final=not chunk)
            except dump_input.STREAM_ERRORS as error:
                self.break_reason = dump_input.get_refusal_reason(error)
                return
            self.has_invalid_utf8 = self.has_invalid_utf8 or (
                not text.isascii() and bool(_SURROGATE.search(text))
            )
            lines = (carry + text).split("\n")
            carry = lines.pop()
            for line in lines:
                yield "" if too_long or len(line) > self._longest else line + "\n"
                too_long = False
            if len(carry) > self._longest:
                carry, too_long = "", True
            if not chunk:
                break
        if carry or too_long:
            yield "" if too_long else carry
