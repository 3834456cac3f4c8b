"""The records of a file of JSON of any layout, in bounded memory and around damage."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from corpus.formats import json_scanner
from corpus.formats.byte_source import DamagedStream, PeekedSource, Refused
from corpus.formats.json_records import locate_records, starts_document
from corpus.formats.json_stream import walk_records
from corpus.formats.lines import DumpMember

LONGEST = 1 << 20
ROWS: list[Any] = [{"n": n, "tags": ["a", {"n": 9}], "text": f"tea {n} [{{"} for n in range(5)]


def show(found: bytes | Refused) -> Any:
    if isinstance(found, Refused):
        return found.reason
    value = msgspec.json.decode(found)
    return value["n"] if isinstance(value, dict) and "n" in value else value


def walk(text: str | bytes, records: str = "", longest: int = LONGEST, **options: Any) -> list[Any]:
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return [show(found) for found in walk_records(source, records, longest, **options)]


def locate(
    text: str | bytes, records: str = "", done: int = 0, longest: int = LONGEST, **options: Any
) -> list[tuple[int, Any]]:
    """Return the row and the record, or the reason, of each record of a file."""
    data = text.encode() if isinstance(text, str) else text
    member = DumpMember("", "dump", PeekedSource(io.BytesIO(data)))
    found = locate_records(member, longest, records, done_rows=done, **options)
    return [
        (row, line.problem or show(line.data)) for row, line in found if line.problem or line.data
    ]


def join(separator: str, indent: int | None = None) -> str:
    return separator.join(json.dumps(row, indent=indent) for row in ROWS)


@pytest.mark.parametrize(
    "text",
    [
        join("\n"),
        "\n" + join("\r\n") + "\n",
        json.dumps(ROWS),
        "\ufeff" + json.dumps(ROWS) + "\n\n",
        json.dumps(ROWS, indent=1),
        json.dumps(ROWS, indent="\t").replace("\n", "\r\n"),
        "[" + join(",\n") + "]\n",
        join(",\r\n", indent=1),
        join(", ", indent=1) + ",",
        "[\n" + join(",\n") + "\n]",
        "[\n" + join("\n,") + "\n]",
        join("\n", indent=2),
        join("", indent=2),
        join("\n\n", indent=0) + "\n",
        f"[{json.dumps(ROWS[:2])}, {json.dumps(ROWS[2:])}]",
        f"{json.dumps(ROWS[:2])}\n{json.dumps(ROWS[2:])}\n",
        f"{json.dumps(ROWS[:2])}[]{json.dumps(ROWS[2:])}",
    ],
)
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_records_of_any_layout_are_read(
    text: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_scanner, "_CHUNK", chunk)
    assert [0, 1, 2, 3, 4] == [record for _, record in locate(text)]


def test_objects_on_one_line_are_read_one_by_one_if_the_line_is_too_long() -> None:
    assert [1, 2, 3, 4, 5] == [row for row, _ in locate(join(""), longest=100)]


@pytest.mark.parametrize(
    ("records", "document"),
    [
        ("comments", {"count": 5, "comments": ROWS, "next": None}),
        ("data.children", {"data": {"after": "x", "children": ROWS}}),
        ("data.children.it", {"data": {"children": [{"kind": 1, "it": row} for row in ROWS]}}),
        ("pages.comments", {"pages": [{"comments": ROWS[:2]}, {"comments": ROWS[2:]}]}),
        ("pages.comments", [{"pages": [{"comments": ROWS}, {"comments": None}]}]),
        ("posts.*", {"posts": {f"id{n}": row for n, row in enumerate(ROWS)}}),
        ("a/b", {"a/b": ROWS}),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_records_under_keys_are_read(records: str, document: Any, indent: int | None) -> None:
    text = json.dumps(document, indent=indent)
    assert [(n + 1, n) for n in range(5)] == locate(text, records)
    twice = locate(f"{text}\n{text}\n", records)
    assert [0, 1, 2, 3, 4] * 2 == [record for _, record in twice]


def test_a_document_without_the_key_is_refused_and_an_empty_array_is_not() -> None:
    text = '{"comments": []}\n{"other": [{"n": 1}]}\n{"comments": null}\n{"comments": [{"n": 2}]}'
    assert [(1, "no_records"), (2, 2)] == locate(text, "comments")


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1}\n[{"n": 2}]',
        '{"n": 1, "text": "cut\n{"n": 2}\n',
        '{"n": 1,\n{"n": 2}\n',
        '{\n{"n": 2}\n',
        '{"n": [{\n{"n": 2}\n',
        '{"a": "\\ud83d"}\n{"n": 2}\n',
        '{"a": "\\ud83d"',
        "[12:01] <ada> tea?\n[12:02] <bob> tea!\n",
        "[01/02/2024, 10:00:00] Ada: tea?\n",
        "[]x\n{}",
        "",
        "tea\n[{",
    ],
)
def test_lines_are_told_from_a_document(text: str) -> None:
    assert not starts_document(PeekedSource(io.BytesIO(text.encode())), LONGEST)


def test_an_array_on_one_line_is_a_page_where_a_reader_reads_pages() -> None:
    line = b'[{"n": 1}, {"n": 2}]\n'
    for text, longest, expected in (
        (line, LONGEST, [(1, [{"n": 1}, {"n": 2}])]),
        (line * 2, LONGEST, [(1, [{"n": 1}, {"n": 2}]), (2, [{"n": 1}, {"n": 2}])]),
        (line + b"\n" + line, LONGEST, [(1, [{"n": 1}, {"n": 2}]), (3, [{"n": 1}, {"n": 2}])]),
        (line.replace(b" ", b"\n"), LONGEST, [(1, [{"n": 1}, {"n": 2}])]),
        (line.replace(b" ", b"\n"), 9, [(1, 1), (2, 2)]),
        (line, 9, [(1, 1), (2, 2)]),
        (line.replace(b"1}", b"}"), LONGEST, [(1, "malformed_json"), (2, 2)]),
    ):
        assert expected == locate(text, longest=longest, whole_arrays=True)


def damage(text: str, whole: str, damaged: str) -> str:
    assert whole in text
    return text.replace(whole, damaged, 1)


@pytest.mark.parametrize(
    ("whole", "damaged", "expected"),
    [
        ('"n": 1', '"n: 1', [0, "malformed_json", 2, 3, 4]),
        ('"n": 1,', '"n": 1', [0, "malformed_json", 2, 3, 4]),
        ('"text": "tea 1', '"text": "tea 1"', [0, "malformed_json", 2, 3, 4]),
        ('{"n": 1', '"n": 1', [0, "n", "malformed_json", 2, 3, 4]),
        ('{"n": 0', '{"n" 0', ["malformed_json", 1, 2, 3, 4]),
        ('tea 2 [{"}', 'tea 2 [{"', [0, 1, "malformed_json", 3, 4]),
        ('"a", {"n": 9}], "text": "tea 1', '"a", {"n": 9}, "text": "tea 1', None),
        ('tea 4 [{"}', 'tea 4 [{"', [0, 1, 2, 3, "malformed_json"]),
        ('tea 1 [{"}, ', 'tea 1 [{"} ', [0, 1, "malformed_json", 2, 3, 4]),
        ('"n": 1', '"n": 01', [0, "malformed_json", 2, 3, 4]),
    ],
)
def test_a_fault_in_an_array_on_one_line_costs_one_record(
    whole: str, damaged: str, expected: list[Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = expected or [0, "malformed_json", 2, 3, 4]
    text = damage(json.dumps(ROWS), whole, damaged)
    assert expected == [record for _, record in locate(text)]
    keyed = damage(json.dumps({"next": {"n": 8}, "comments": ROWS, "n": []}), whole, damaged)
    assert expected == walk(keyed + "\n" + keyed, "comments")[: len(expected)]
    monkeypatch.setattr(json_scanner, "_CHUNK", 64)
    assert expected == walk(text)


def test_a_fault_in_objects_without_line_ends_costs_one_record() -> None:
    assert [0, "malformed_json", 2, 3, 4] == walk(damage(join(""), '"n": 1', '"n: 1'))


@pytest.mark.parametrize("text", [join("\n", indent=2), json.dumps(ROWS, indent=1), join("\n")])
def test_a_fault_in_records_that_begin_on_lines_costs_one_record(text: str) -> None:
    for whole, damaged in (('"n": 1', '"n: 1'), ('"text": "tea 1', '"text: "tea 1')):
        assert [0, "malformed_json", 2, 3, 4] == walk(damage(text, whole, damaged))


def test_an_object_in_a_damaged_record_is_no_record() -> None:
    first, quoted = {"n": 1, "text": "tea", "by": "ada"}, {"n": 5, "media": "x", "size": 3}
    text = json.dumps([first, {**first, "n": 2, "in": [quoted, quoted]}, {**first, "n": 3}])
    assert [1, "malformed_json", 3] == walk(damage(text, '"text": "tea", "by": "ada", "in"', '"t'))


def test_a_fault_leads_to_no_other_array() -> None:
    rows = [{"n": n, "text": "tea", "by": "ada"} for n in range(4)]
    private = [row | {"n": 10 + row["n"], "in": [row | {"n": 20}] * 2} for row in rows]
    text = json.dumps({"comments": private, "drafts": rows, "x": 1})
    text += "\n" + text
    for at in (10, 12, 13):
        expected = [n if n != at else "malformed_json" for n in (10, 11, 12, 13)]
        assert [*expected, 10, 11, 12, 13] == walk(
            damage(text, f'"n": {at}', f'"n: {at}'), "comments"
        )
    # The last record's missing quote hides the end of the array.
    found = walk(damage(text, '"n": 13, "text": "tea"', '"n": 13, "text": "tea'), "comments")
    assert [10, 11, 12, "malformed_json", 10, 11, 12, 13] == found


@pytest.mark.parametrize("indent", [None, 1])
def test_a_bracket_too_many_does_not_end_the_records(indent: int | None) -> None:
    text = json.dumps(ROWS, indent=indent)
    found = walk(damage(text, '"tea 1 [{"', '"tea 1 [{"]'))
    assert [0, 2, 3, 4] == [n for n in found if n != "malformed_json"]


@pytest.mark.parametrize("keyed", [False, True])
def test_a_record_that_ends_too_early_does_not_change_where_records_begin(keyed: bool) -> None:
    text = json.dumps({"c": ROWS} if keyed else ROWS, indent=1)
    found = walk(damage(text, '"n": 1,', '"n": 1},'), "c" if keyed else "")
    assert [0, 1] == found[:2]
    assert [2, 3, 4] == found[-3:]


@pytest.mark.parametrize("odd", ["\0\0\0\0\0\0\0\0", "!", "x"])
def test_a_fault_in_the_indentation_costs_one_record(odd: str) -> None:
    text = damage(
        json.dumps(ROWS, indent=4), '\n        "text": "tea 1', f'\n   {odd}"text": "tea 1'
    )
    assert [0, "malformed_json", 2, 3, 4] == walk(text)
    keyed = damage(json.dumps({"c": ROWS}, indent=4), '"text": "tea 1', '"text: "tea 1')
    assert [0, "malformed_json", 2, 3, 4] == walk(keyed, "c")


class WithGaps:
    """A source of pieces with a gap between each two."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, size: int, /) -> bytes:
        if not self._pieces:
            return b""
        data, self._pieces[0] = self._pieces[0][:size], self._pieces[0][size:]
        if not data and len(self._pieces) > 1:
            del self._pieces[0]
            raise DamagedStream
        return data


@pytest.mark.parametrize(
    "text", [json.dumps(ROWS), json.dumps(ROWS, indent=1), join("\n", indent=1), join("")]
)
def test_a_gap_costs_the_records_that_it_cuts(text: str) -> None:
    data = text.encode()
    at = data.index(b"tea 1")
    for start, end, expected in (
        (at, at + 2, [0, "damaged_stream", 2, 3, 4]),
        (at, at + 60, None),
        (at - 3, data.index(b"tea 3"), [0, "damaged_stream", 4]),
        (at, len(data), [0, "damaged_stream"]),
    ):
        found = list(walk_records(WithGaps(data[:start], data[end:]), "", LONGEST))
        shown = [show(record) for record in found]
        if expected is None:
            assert [0, "damaged_stream", 3, 4] == [n for n in shown if n != 2]
        else:
            assert expected == [n for n in shown if n != "truncated_stream"]
    found = list(walk_records(WithGaps(data[:at], data[at:]), "", LONGEST))
    assert 1 == sum(isinstance(record, Refused) for record in found)


def test_a_document_that_is_cut_off_is_read_up_to_the_cut() -> None:
    for indent in (None, 1):
        text = json.dumps(ROWS, indent=indent)
        assert [0, 1, 2, 3, "truncated_stream"] == walk(text[:-4])
        assert [0, 1, "truncated_stream"] == walk(text[: text.index("tea 2")])


def test_a_record_that_is_too_long_is_refused_alone() -> None:
    rows = [{"n": 1}, {"n": 2, "text": "x" * 3000}, {"n": 3}]
    for text in (json.dumps(rows), json.dumps(rows, indent=1)):
        assert [(1, 1), (2, "line_too_long"), (3, 3)] == locate(text, longest=1000)


def test_values_that_are_no_objects_are_passed_on() -> None:
    assert ["null", 5, "tea"] == [
        json.dumps(value) if value is None else value for value in walk('[null, 5, "tea"]')
    ]
    assert ["truncated_stream"] == walk("[" * 5000)
    assert ["malformed_json"] == walk("[" * 5000 + "}")
    assert [0, "malformed_json"] == walk('[{"n": 0}] tea')


@pytest.mark.parametrize("beginning", ['{"a":\n', '{"a":[\n', ',{"a":\n[', '\n{"a":'])
def test_nested_beginnings_are_not_searched_again_and_again(
    beginning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []
    read = json_scanner.JsonScanner._read_by_brackets

    def count(self: Any, *options: Any, **more: Any) -> Any:
        searched.append(1)
        return read(self, *options, **more)

    monkeypatch.setattr(json_scanner.JsonScanner, "_read_by_brackets", count)
    monkeypatch.setattr(json_scanner, "_MAX_DEPTH", 100)
    monkeypatch.setattr(json_scanner, "_FREE_BYTES", 1 << 14)
    assert "malformed_json" in walk("[" + beginning * 2000)
    assert len(searched) < 100


def test_reading_resumes_after_each_row() -> None:
    text = damage(json.dumps(ROWS), '"n": 1', '"n: 1')
    rows = locate(text)
    for done in range(6):
        assert rows[done:] == locate(text, done=done)


class Long:
    """One array of many records on one line."""

    def __init__(self, count: int) -> None:
        record = json.dumps({"n": 1, "text": "x" * 3000}).encode() + b", "
        self._pieces: Iterator[bytes] = iter([b"[", *[record * 100] * (count // 100), b'{"n": 2}]'])

    def read(self, size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


def test_a_document_of_any_size_takes_bounded_memory() -> None:
    member = DumpMember("", "dump", PeekedSource(Long(10_000)))
    tracemalloc.start()
    count = sum(1 for _ in locate_records(member, LONGEST))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 10_001 == count
    assert peak < 12 << 20
