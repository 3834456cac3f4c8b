"""The records of separated values of every dialect, and the guess of a file's dialect."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from corpus.formats.byte_source import DamagedStream
from corpus.formats.csv_dialect import guess_csv
from corpus.formats.csv_records import CsvRecords, find_line_end


def read(text: str | bytes, **options: Any) -> list[tuple[int, list[str] | str]]:
    """Return the row and the cells, or the problem, of each record."""
    data = text.encode() if isinstance(text, str) else text
    settings: dict[str, Any] = {
        "encoding": "utf-8-sig", "delimiter": ",", "quotes": True, "width": 0, "max_chars": 10_000,
    }  # fmt: skip
    records = CsvRecords(io.BytesIO(data), **(settings | options))
    return [(row, problem or cells) for row, cells, _, problem in records]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'a,"say \"no, no\" twice"', 'say "no, no" twice'),
        (r'a,"C:\new\table"', r"C:\new\table"),
        (r'a,"back\\slash \\"', "back\\slash \\"),
        (r"a,one\, two", "one, two"),
        ('a,"two\\\nlines"', "two\nlines"),
        ('a,"say ""no"" twice"', 'say "no" twice'),
    ],
)
def test_an_escape_stands_before_a_quote_a_separator_or_itself(text: str, expected: str) -> None:
    assert [(1, ["a", expected])] == read(text, escape="\\")


def test_a_backslash_is_text_unless_it_is_configured() -> None:
    assert [(1, ["a", "b\\"]), (2, ["c", "d"])] == read('a,"b\\"\nc,d')


def test_empty_cells_behind_the_columns_are_dropped() -> None:
    text = 'id,text\n1,a,\n2,b,,,\n3,c,d\n4\n\n5,"e\nf",\n'
    expected = [
        (1, ["id", "text"]), (2, ["1", "a"]), (3, ["2", "b"]), (4, "wrong_field_count"),
        (5, "wrong_field_count"), (6, []), (7, ["5", "e\nf"]),
    ]  # fmt: skip
    assert expected == read(text)


def test_cells_of_columns_without_a_name_may_be_missing() -> None:
    assert [(1, ["id", "text", ""]), (2, ["1", "a"]), (3, ["2", "b", "x"])] == read(
        "id,text,\n1,a\n2,b,x\n"
    )


def test_lines_may_end_with_carriage_returns_alone() -> None:
    text = 'id,text\r1,"a\rb"\r2,c\r'
    assert find_line_end(text.encode()) == "\r"
    assert [["id", "text"], ["1", "a\rb"], ["2", "c"]] == [
        cells for _, cells in read(text, line_end="\r")
    ]
    assert find_line_end(b"a\r\nb\r\n") == find_line_end(b"a") == find_line_end(b"a\nb\r") == "\n"


def test_lines_before_the_header_are_counted() -> None:
    assert [(3, ["id"]), (4, ["1"])] == read("# tea,\n#\nid\n1\n", skip_lines=2)
    assert [] == read("# tea\n", skip_lines=2)


class WithGap:
    """A source with a gap between its pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int, /) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if not piece:
            raise DamagedStream
        return piece


def test_a_gap_costs_the_lines_that_it_cuts() -> None:
    records = CsvRecords(
        WithGap(b"id,text\n1,a\n2,\xc3", b"", b"x,y\n3,c\n4,d"),
        encoding="utf-8", delimiter=",", quotes=True, width=0, max_chars=100,
    )  # fmt: skip
    assert [(1, "id"), (2, "1"), (3, "damaged_stream"), (4, "3"), (5, "4")] == [
        (row, problem or cells[0]) for row, cells, _, problem in records
    ]
    assert records.break_reason == ""


ROWS = [["id", "text", "by"], ["1", 'the "old", boat; left', "ada"], ["2", "a|b\tc", "bob"]] + [
    [str(n), f"remark {n}", "eve"] for n in range(3, 9)
]


def write(delimiter: str = ",", line_end: str = "\r\n", **options: Any) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=line_end, **options).writerows(ROWS)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (write().encode(), {}),
        (write(";").encode(), {"delimiter": ";"}),
        (write("\t", "\n").encode(), {"delimiter": "\t"}),
        (write("|").encode(), {"delimiter": "|"}),
        (write(line_end="\r").encode(), {}),
        (write().encode("utf-16"), {"encoding": "utf-16"}),
        (write("\t").encode("utf-16-le"), {"encoding": "utf-16-le", "delimiter": "\t"}),
        (write("\t").encode("utf-16-be"), {"encoding": "utf-16-be", "delimiter": "\t"}),
        (write().replace("remark", "caf\u00e9").encode("cp1252"), {"encoding": "cp1252"}),
        (write().replace("remark", "caf\u00e9").encode(), {}),
        (f"# made by hand\n\n{write()}".encode(), {"skip_lines": 2}),
        (f"sep=;\n{write(';')}".encode(), {"skip_lines": 1, "delimiter": ";"}),
        (write(doublequote=False, escapechar="\\").encode(), {"escape": "\\"}),
        (write().replace("\r\n", ",\r\n").encode(), {}),
        (write().replace("\r\n", ",,\r\n").replace("by,,", "by").encode(), {}),
    ],
)
def test_the_dialect_of_a_file_is_guessed(data: bytes, expected: dict[str, Any]) -> None:
    found = guess_csv(data)
    assert found is not None
    defaults = {"encoding": "utf-8-sig", "delimiter": ",", "escape": "", "skip_lines": 0}
    assert defaults | expected == {name: getattr(found, name) for name in defaults}
    assert found.columns == ["id", "text", "by"]
    assert [row[0] for row in found.rows] == ["1", "2", "3", "4", "5", "6", "7", "8"]
    assert (found.rows[0][1], found.quotes) == ('the "old", boat; left', True)


def test_quotes_that_quote_nothing_are_characters() -> None:
    rows = "".join(f'{n}\t"remark {n}\tada\n' for n in range(1, 9))
    found = guess_csv(f"id\ttext\tby\n{rows}".encode())
    assert found is not None
    assert (found.quotes, len(found.rows)) == (False, 8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"tea\n",
        b"tea, she said\nand more\nand, more, still\nno\n",
        b"id,text\n",
        b"1,2\n3,4\n",
        b"id,id\n1,2\n",
        b"id,,text\n1,2,3\n",
        b'{"a": 1, "b": 2}\n{"a": 1, "b": 3}\n',
        b"\x00\x01,\x02\n" * 9,
        ("x" * 61 + ",y\n1,2\n").encode(),
    ],
)
def test_what_is_no_table_has_no_dialect(data: bytes) -> None:
    assert guess_csv(data) is None
