"""Read the database dumps of FoolFuuka's archives (4plebs, desuarchive): a board's posts as CSV.

The dumps are what MySQL writes: fields in quotes, ``\\N`` for null, a backslash before quotes, line
ends and itself, and mostly no header. Times are those of New York, where 4chan's clock is, written
as if they were UTC. In the hour that New York's clocks repeat in autumn, the first one is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from corpus.formats.csv_records import CsvRecords
from corpus.formats.lines import DumpMember
from corpus.readers.batches import BatchBuilder
from corpus.readers.contract import Cursor, Record, Refused

#: The columns of a dump in their order.
COLUMNS = (
    *("num", "subnum", "thread_num", "op", "timestamp", "timestamp_expired"),
    *("preview_orig", "preview_w", "preview_h"),
    *("media_filename", "media_w", "media_h", "media_size", "media_hash", "media_orig"),
    *("spoiler", "deleted", "capcode", "email", "name", "trip", "title", "comment"),
    *("sticky", "locked", "poster_hash", "poster_country", "exif"),
)
_FULL_COLUMNS = (*COLUMNS[:23], "delpass", *COLUMNS[23:])
#: What complete dumps of the table have in front, of which nothing is read.
_PREFIXES = {0: (), 1: ("doc_id",), 3: ("doc_id", "media_id", "poster_ip")}
_NEEDED = frozenset(("num", "thread_num", "timestamp", "comment"))
_CELL = rb'"?(?:[0-9]{1,20}|\\N)?"?,'
_ROW = re.compile(
    rb"(?:" + _CELL + rb'){3,6}"?[01]"?,"?[0-9]{9,10}"?,"?[0-9]{1,10}"?,"?[^",\n]{0,80}"?,'
)
_NAME = re.compile(rb'"?([a-z_]{2,20})"?')
_NULL = "\\N"


def is_dump(head: bytes) -> bool:
    """Return whether a file that begins so is a dump, with or without a header."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    names = [_NAME.fullmatch(cell.strip()) for cell in head[:1000].split(b"\n")[0].split(b",")]
    if all(names):
        found = {name[1].decode() for name in names if name}
        return _NEEDED <= found and "subnum" in found
    return _ROW.match(head) is not None


def read_dump(
    member: DumpMember,
    cursor: Cursor,
    builder: BatchBuilder,
    max_chars: int,
    make_records: Callable[[Mapping[str, str]], Sequence[Record]],
) -> Iterator[tuple[int, int]]:
    """Read a dump; a `ReadMember` with the function that makes a row's records.

    The function gets the columns that are not null, by name.
    """
    records = CsvRecords(
        member.open(),
        encoding="utf-8-sig",
        delimiter=",",
        quotes=True,
        width=0,
        max_chars=max_chars,
        escape="\\",
    )
    columns: Sequence[str] = ()
    row = 0
    for row, cells, chars, problem in records:
        if not columns and cells and not problem:
            columns, is_header = _find_columns(cells)
            if is_header:
                continue
        if row <= cursor.row:
            continue
        builder.size_bytes += chars
        if problem or (cells and len(cells) != len(columns)):
            builder.refuse(member.source_file, row, problem or "wrong_field_count")
        elif cells:
            pairs = zip(columns, cells, strict=True)
            values = {name: value for name, value in pairs if value != _NULL}
            try:
                builder.add(make_records(values), member.source_file, row)
            except Refused as refusal:
                builder.refuse(member.source_file, row, refusal.reason)
        yield row, 0
    if records.break_reason:
        builder.refuse(member.source_file, row + 1, records.break_reason)


def _find_columns(cells: Sequence[str]) -> tuple[Sequence[str], bool]:
    """Return the columns by the first record, and whether that is a header."""
    names = [cell.strip().lower() for cell in cells]
    if _NEEDED <= set(names):
        return names, True
    for length, prefix in _PREFIXES.items():
        for columns in (COLUMNS, _FULL_COLUMNS):
            is_flag = len(cells) > length + 3 and cells[length + 3] in ("0", "1")
            if is_flag and len(cells) == length + len(columns):
                return (*prefix, *columns), False
    return COLUMNS, False


def parse_new_york_seconds(value: str) -> int | None:
    """Return a time of New York, in seconds since 1970 as if it were UTC, in UTC; null if none."""
    if not (value.isascii() and value.isdecimal() and 9 <= len(value) <= 10):
        return None
    seconds = int(value)
    start, end = _find_summer(datetime.fromtimestamp(seconds, UTC).year)
    return seconds + 3600 * (4 if start <= seconds < end else 5)


@lru_cache(maxsize=64)
def _find_summer(year: int) -> tuple[int, int]:
    """Return when the summer time of New York begins and ends, in seconds of its own clock."""
    if year >= 2007:
        return _find_sunday(year, 3, 8), _find_sunday(year, 11, 1)
    return _find_sunday(year, 4, 1), _find_sunday(year, 10, 25)


def _find_sunday(year: int, month: int, first_day: int) -> int:
    """Return 2 o'clock of the first Sunday of a month from a day on."""
    day = datetime(year, month, first_day, 2, tzinfo=UTC)
    return int(day.timestamp()) + 86_400 * (6 - day.weekday())
