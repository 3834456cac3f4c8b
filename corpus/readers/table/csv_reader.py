"""CSV and TSV of any shape, as the table reader takes them, stray quotes and all."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from corpus.formats import dump_input
from corpus.readers.contract import Batch, Cursor, Gatherer, Refused
from corpus.readers.table.mapping import Config, Make, maker, missing

_SURROGATE = re.compile("[\ud800-\udfff]")
# A quote that is never closed would swallow the file; no post has this many lines.
_LONGEST_RECORD = 10_000


def read(
    path: str, config: Config, form: str, part_posts: int, start: Cursor | None
) -> Iterator[Batch]:
    """Yield the posts of a CSV or TSV file (``form`` says which), or of an archive of such."""
    gather = Gatherer(config.platform, part_posts)
    longest = config.max_line_mb << 20
    csv.field_size_limit(max(longest, csv.field_size_limit()))
    make = maker(config)
    with dump_input.Input(path) as source:
        for member in source.members(after=start.member if start else None):
            for refusal in source.refusals():
                gather.refuse(*refusal)
            file = f"{path}!{member.name}" if member.name else path
            done = start.row if start and start.member == member.name else 0
            stream = member.open()
            lines = _Lines(stream, config.encoding, longest)
            columns, row = list(config.columns), 0
            pick = _picker(file, config, columns) if columns else None
            for row, cells, problem in _records(lines, config, form):
                if pick is None:
                    columns = [cell.strip() for cell in cells]
                    if dump_input.is_binary(stream.head) and set(config.wanted()).difference(
                        columns
                    ):
                        gather.refuse(file, row, "not_text")
                        break
                    pick = _picker(file, config, columns)
                elif row > done:
                    if cells and not problem and len(cells) != len(columns):
                        problem = "wrong_field_count"
                    if problem:
                        gather.refuse(file, row, problem)
                    elif cells:
                        _add(pick(cells), make, gather, file, row)
                    gather.size += lines.size
                    if gather.full():
                        yield gather.cut(Cursor(member.name, row, 0), source.position)
            if lines.broken:
                gather.refuse(file, row + 1, lines.broken)
        for refusal in source.refusals():
            gather.refuse(*refusal)
        yield gather.cut(None, source.position, source.sha256())


def _records(lines: _Lines, config: Config, form: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield each record's number, its cells, and what is wrong with it, if anything is."""
    records = csv.reader(
        lines,
        delimiter=config.delimiter or ("\t" if form == "tsv" else ","),
        quoting=csv.QUOTE_MINIMAL if config.quotes else csv.QUOTE_NONE,
    )
    row, width = 0, len(config.columns)
    while True:
        lines.begin()
        cells, problem = [], ""
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error:
            problem = "malformed_csv" if lines.taken[0] else "line_too_long"
        if lines.open:
            if lines.broken:
                return
            problem = "unclosed_quote"
        width = width or len(cells)
        if len(lines.taken) > 1 and (problem or len(cells) != width):
            # A stray quote has joined this line to the ones behind it: lose just this one.
            problem = problem or "wrong_field_count"
            lines.give_back()
        if lines.dirty and not problem and any(map(_SURROGATE.search, cells)):
            problem = "invalid_utf8"
        row += 1
        yield row, cells, problem


def _picker(
    file: str, config: Config, columns: list[str]
) -> Callable[[list[str]], Sequence[object]]:
    for name in config.wanted():
        if name not in columns:
            raise missing(file, config, columns, name)
    places = [columns.index(name) for name in config.wanted()]
    return lambda cells: [cells[place] for place in places]


def _add(values: Sequence[object], make: Make, gather: Gatherer, file: str, row: int) -> None:
    try:
        gather.add((make(values),), file, row)
    except Refused as refusal:
        gather.refuse(file, row, refusal.reason)


class _Lines:
    """A file's lines for the csv module, which can be given back when a record proves broken."""

    def __init__(self, stream: dump_input.Source, encoding: str, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._fresh = self._read()
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0
        self.broken = ""  # why the stream ended before its end, if it did
        self.open = False  # the lines ended inside a quoted field
        self.dirty = False  # bytes that are no text have been met

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _LONGEST_RECORD or self.size > self._longest:
            raise csv.Error("record_too_long")
        try:
            line = self._again.popleft() if self._again else next(self._fresh)
        except StopIteration:
            self.open = bool(self.taken)
            raise
        self.taken.append(line)
        self.size += len(line)
        if not line:
            raise csv.Error("line_too_long")
        return line

    def begin(self) -> None:
        """Forget the lines of the last record: it is done with."""
        self.taken, self.size, self.open = [], 0, False

    def give_back(self) -> None:
        """Read all lines of the last record but its first again, as records of their own."""
        self._again.extendleft(reversed(self.taken[1:]))

    def _read(self) -> Iterator[str]:
        """The lines with their ends; an empty one stands for one that is too long."""
        carry, too_long = "", False
        while True:
            try:
                chunk = self._stream.read(1 << 20)
                text = self._decoder.decode(chunk, final=not chunk)
            except dump_input.BROKEN as error:
                self.broken = dump_input.reason_of(error)
                return
            self.dirty = self.dirty or (not text.isascii() and bool(_SURROGATE.search(text)))
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
