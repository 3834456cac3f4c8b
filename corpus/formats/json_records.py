"""Find the records of a file of JSON, whether it has one on each line or is a document of them.

A file of one object on each line is read by lines, which is fastest and recovers from any damage at
the next line. Anything else is a document: an array, on one line or on many; an object over several
lines, or several; objects without line ends between them. Documents of any size are read in
bounded memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from corpus.formats.byte_source import PeekedSource, Refused
from corpus.formats.json_repair import replace_lone_surrogates
from corpus.formats.json_scanner import is_json
from corpus.formats.json_stream import walk_records
from corpus.formats.lines import DumpMember, Line, is_binary

_BOM = b"\xef\xbb\xbf"
#: The start of an array of objects. Not of text: a line of a log can begin with a bracket, too.
_ARRAY_START = re.compile(rb'\[\s*(?:\]\s*$|\[\s*)*(?:$|\{\s*(?:$|["}]))')
_FIRST_LINE = re.compile(rb"\s*(\S[^\n]*)(?:\n\s*(\S)|\s*\Z)")


def locate_records(
    member: DumpMember,
    max_bytes: int,
    records: str = "",
    *,
    whole_arrays: bool = False,
    done_rows: int = 0,
    offset: int = 0,
) -> Iterator[tuple[int, Line]]:
    """Yield the records of a member, each with its row: the number of its line, or of the record.

    ``records`` are the keys to the records in each document, as in
    :func:`corpus.formats.json_stream.walk_records`; empty for a member of records. With
    ``whole_arrays``, an array on one line, or in place of a document, is yielded whole if it has at
    most ``max_bytes`` bytes. The first ``done_rows`` rows, which end at ``offset`` where lines are
    read, are skipped.
    """
    stream = member.open()
    is_document = not (offset or is_binary(stream.head)) and (
        bool(records) or starts_document(stream, max_bytes, whole_arrays=whole_arrays)
    )
    if not is_document:
        return enumerate(member.lines(max_bytes, offset), start=done_rows + 1)
    found = walk_records(stream, records, max_bytes, whole_arrays=whole_arrays)
    return (
        (row, Line(b"", 0, record.reason) if isinstance(record, Refused) else Line(record, 0))
        for row, record in enumerate(found, start=1)
        if row > done_rows
    )


def starts_document(stream: PeekedSource, max_bytes: int, *, whole_arrays: bool = False) -> bool:
    """Return whether a source that was not read yet is a document, and not lines of objects.

    With ``whole_arrays``, an array that ends on the first line is a line.
    """
    head, limit = stream.head, max_bytes + len(_BOM)
    while True:
        match = _FIRST_LINE.match(head, len(_BOM) if head.startswith(_BOM) else 0)
        if match:
            line, next_byte = match[1], match[2]
            if line[:1] not in (b"{", b"["):
                return False
            if next_byte or (line[:1] == b"[" and not whole_arrays):
                return _is_split(line, next_byte, whole_arrays)
        longer = stream.peek(min(16 * len(head), limit))
        if len(longer) == len(head):
            break
        head = longer
    if match is None:
        return False
    if len(head) == limit and b"\n" not in line:  # longer than a record may be
        return _ARRAY_START.match(line) is not None or _has_several_values(line)
    return _is_split(line, b"", whole_arrays)


def _is_split(first_line: bytes, next_byte: bytes, whole_arrays: bool) -> bool:
    """Return whether the value on the first line goes on in the next one."""
    line = first_line.strip()
    if line.startswith(b"["):
        is_whole = whole_arrays and is_json(replace_lone_surrogates(line))
        return _ARRAY_START.match(line) is not None and not is_whole
    if not next_byte:
        return False
    line = replace_lone_surrogates(line)
    return _is_cut(line) and _is_cut(line + b"\n" + next_byte)


def _is_cut(data: bytes) -> bool:
    """Return whether the data could be the beginning of a JSON value."""
    return "truncated" in _find_fault(data)


def _has_several_values(data: bytes) -> bool:
    return "trailing characters" in _find_fault(data)


def _find_fault(data: bytes) -> str:
    """Return why the data is not one JSON value, in msgspec's words; empty if it is."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return str(error)
    return ""
