"""Guess how a file of separated values is written, from its first rows."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass, field

from corpus.formats.csv_records import strip_empty_cells

_DELIMITERS = ",;\t|"
_MAX_ROWS = 200
_MAX_SKIPPED = 20  # lines before the header
_MAX_NAME_CHARS = 60  # of a column; longer text is not a header
#: The least share of rows with as many cells as the header.
_MIN_SHARE = 0.8
_ESCAPED_QUOTE = re.compile(r'[^,;\t|\n\\]\\"(?![,;\t|\r\n]|$)')
_DOUBLED_QUOTE = re.compile(r'[^,;\t|\n\\]""[^,;\t|\r\n]')


@dataclass(frozen=True)
class CsvSample:
    """How a file is written, the names of its columns, and its first rows."""

    encoding: str
    delimiter: str
    columns: list[str]
    rows: list[list[str]] = field(repr=False)
    share: float = 1.0  # of the rows with as many cells as there are columns
    skip_lines: int = 0
    quotes: bool = True
    escape: str = ""


def guess_csv(head: bytes) -> CsvSample | None:
    """Return how the file with this head is written; null if it does not look like a table."""
    encoding = _guess_encoding(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if "\0" in text or text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", "<", ""):
        return None  # binary, JSON, XML or blank
    line_end = "\r" if "\r" in text and "\n" not in text else "\n"
    lines = [line + line_end for line in text.split(line_end)][: _MAX_ROWS + _MAX_SKIPPED]
    has_escapes = len(_ESCAPED_QUOTE.findall(text)) > len(_DOUBLED_QUOTE.findall(text))
    best: CsvSample | None = None
    for delimiter in _DELIMITERS:
        for quotes in (True, False):
            for escape in ("\\", "") if has_escapes else ("",):
                found = _read_sample(lines, encoding, delimiter, quotes, escape)
                if found and (best is None or _rank(found) > _rank(best)):
                    best = found
    return best


def _rank(sample: CsvSample) -> tuple[float, int, int]:
    # The most rows: a quote that quotes nothing joins lines.
    return round(sample.share, 2), len(sample.columns), len(sample.rows)


def _read_sample(
    lines: list[str], encoding: str, delimiter: str, quotes: bool, escape: str
) -> CsvSample | None:
    def parse(skip: int) -> list[list[str]]:
        reader = csv.reader(
            lines[skip:],
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
            escapechar=escape or None,
        )
        try:
            return [row for row in reader if row]
        except csv.Error:
            return []

    widths = Counter(len(strip_empty_cells(row)) for row in parse(0))
    width = max(widths, key=lambda count: (widths[count] if count > 1 else 0, count), default=0)
    if width < 2:
        return None
    for skip in range(min(_MAX_SKIPPED, len(lines))):
        rows = parse(skip)
        columns = [name.strip() for name in strip_empty_cells(rows[0])] if rows else []
        if len(columns) < width or not lines[skip].strip():
            continue
        rows = rows[1:]
        fitting = [row for row in rows if len(strip_empty_cells(row)) <= len(columns) <= len(row)]
        share = len(fitting) / max(1, len(rows))
        if not fitting or share < _MIN_SHARE or not _is_header(columns):
            return None
        return CsvSample(
            encoding, delimiter, columns, fitting[:_MAX_ROWS], share, skip, quotes, escape
        )
    return None


def _is_header(columns: list[str]) -> bool:
    if len(set(columns)) < len(columns):
        return False
    return all(
        (name or index == 0)  # the index that pandas writes has no name
        and len(name) <= _MAX_NAME_CHARS
        and not name.replace(".", "").isdecimal()
        for index, name in enumerate(columns)
    )


def _guess_encoding(head: bytes) -> str:
    """Return the encoding by the byte-order mark, the NULs of UTF-16, or the validity of UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[:4096:2].count(0), head[1:4096:2].count(0)
    if max(even, odd) * 8 > len(head[:4096]):
        return "utf-16-be" if even > odd else "utf-16-le"
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    # A few invalid bytes are damage; in another encoding, most bytes beyond ASCII are invalid.
    if 10 * text.count("\ufffd") <= sum(not char.isascii() for char in text):
        return "utf-8-sig"
    try:
        head.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
