"""One huge JSON document, taken apart value by value."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.formats import json_scanner, json_stream
from corpus.formats.json_stream import (
    ContainerStart,
    JsonValue,
    iter_values,
    skip_assignment,
    walk_json,
    walk_records,
)
from corpus.readers.batches import decode_value
from corpus.readers.contract import Post, Record, Refused
from tests.support.examples import examples

LONGEST = 1 << 20


def take(text: str | bytes, prefix: str = "messages.item", longest: int = LONGEST) -> list[Any]:
    """The values at ``prefix`` as Python objects, and refusals as their reasons."""
    source = io.BytesIO(text.encode() if isinstance(text, str) else text)
    found = iter_values(source, prefix, longest)
    return [x.reason if isinstance(x, Refused) else msgspec.json.decode(x) for x in found]


@pytest.mark.parametrize("layout", [{}, {"indent": 1}, {"separators": (",", ":")}])
@pytest.mark.parametrize("broken", [b"", b'"text": "bad \x01"', b"}}", b", {", b'"', b"\n "])
def test_elements_that_are_cut_out_together_are_those_that_are_read_one_by_one(
    layout: dict[str, Any], broken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Any] = [{"id": n, "replies": [{"id": n}, {"id": -n}]} for n in range(200)]
    rows[60], rows[61] = [{"id": 60}, {"id": 61}], []  # arrays in place of objects
    text = json.dumps(rows, **layout).encode()
    middle = text.index(b'"id": 150' if b'"id": 150' in text else b'"id":150')
    text = text[:middle] + broken + text[middle:]
    together = list(walk_records(io.BytesIO(text), "", LONGEST))
    monkeypatch.setattr(json_scanner.JsonScanner, "read_run", lambda self, indent: [])
    one_by_one = list(walk_records(io.BytesIO(text), "", LONGEST))
    assert list(map(repr, one_by_one)) == list(map(repr, together))
    assert len(together) >= 190


def test_most_elements_of_an_array_are_cut_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_read_value", None)  # not even one is read alone but the last
    text = json.dumps({"messages": [{"id": n} for n in range(9)]})
    found = iter_values(io.BytesIO(text.encode()), "messages.item", LONGEST)
    assert [b'{"id": %d}' % n for n in range(8)] == [next(found) for _ in range(8)]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(alphabet='ab"\\{}[],: \n\t\u00e9\U0001f600', max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "b", "messages", "item", "\u00e9"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=examples(300))
@given(
    st.lists(VALUES, max_size=5),
    VALUES,
    st.sampled_from([None, 0, 1, 2, "\t"]),
    st.booleans(),
    st.sampled_from([1, 2, 5, 17, 1 << 20]),
)
def test_any_document_is_walked_whatever_its_formatting(
    wanted: list[Any], other: Any, indent: int | str | None, escaped: bool, chunk: int
) -> None:
    document = {"before": other, "messages": wanted, "after": other}
    text = json.dumps(document, indent=indent, ensure_ascii=escaped)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_scanner, "_CHUNK", chunk)
        assert wanted == take(text)
        assert wanted == take(text.replace("\n", "\r\n"))
        assert wanted == take(json.dumps(wanted, indent=indent), "item")
        assert [other] == take(text, "after")


def test_paths_go_through_lists_and_any_key() -> None:
    text = json.dumps({"chats": {"list": [{"messages": [1, 2]}, {"messages": [3]}]}, "x": [4]})
    assert [1, 2, 3] == take(text, "chats.list.item.messages.item")
    assert [4] == take(text.replace("messages", "m"), "*.item")[-1:]
    assert [] == take(text, "nowhere.item")


def test_events_are_in_the_order_of_the_document() -> None:
    text = b'{"name": "Tea", "id": 5, "messages": [{"a": 1}], "type": "x"}'
    wanted = ("name", "type", "messages.item")
    assert [
        ContainerStart("", is_array=False),
        JsonValue("name", b'"Tea"'),
        ContainerStart("messages", is_array=True),
        JsonValue("messages.item", b'{"a": 1}'),
        JsonValue("type", b'"x"'),
    ] == list(walk_json(io.BytesIO(text), wanted, LONGEST))


def test_an_escaped_key_equals_the_unescaped_key() -> None:
    assert [1] == take(r'{"mess\u0061ges": [1]}')
    assert [] == take(r'{"mess\ud83dges": [1]}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"messages": []}', []),
        ('{"messages": null}', []),
        ('{"messages": {}}', ["wrong_type"]),
        ('{"messages": "x"}', ["wrong_type"]),
        ("[]", ["wrong_type"]),
        ("", ["truncated_stream"]),
        (" \n ", ["truncated_stream"]),
        ("tea", ["malformed_json"]),
        ('"tea"', ["malformed_json"]),
        ('{"messages": [1]} tea', [1, "malformed_json"]),
        ('{"messages": [1]}\n{"messages": [2]};\n', [1, 2]),
        ('\ufeff{"messages": [1]}', [1]),
    ],
)
def test_an_invalid_document_is_refused_with_its_reason(text: str, expected: list[Any]) -> None:
    assert expected == take(text)


def test_an_element_that_is_too_long_is_refused_alone() -> None:
    long = "x" * 5000
    text = json.dumps({"messages": [{"a": 1}, {"a": long}, [long], long, {"a": 2}]})
    assert [{"a": 1}, *["line_too_long"] * 3, {"a": 2}] == take(text, longest=1000)


@pytest.mark.parametrize("cut", range(15, 44))
def test_a_document_that_is_cut_off_is_read_up_to_the_cut(cut: int) -> None:
    text = '{"messages": [{"a": "b"}, {"c": [1]}, 23]}'
    found = take(text[:cut])
    ends = (24, 36, 41)  # behind a number might come more of it
    whole = [{"a": "b"}, {"c": [1]}, 23][: sum(cut >= end for end in ends)]
    assert whole + ([] if cut >= len(text) else ["truncated_stream"]) == found


class Breaking:
    """A source that breaks off for a reason."""

    def __init__(self, text: bytes, error: Exception) -> None:
        self._text, self._error = io.BytesIO(text), error

    def read(self, size: int = -1, /) -> bytes:
        data = self._text.read(size)
        if not data:
            raise self._error
        return data


@pytest.mark.parametrize(
    ("error", "reason"),
    [(EOFError(), "truncated_stream"), (Refused("bad_checksum"), "bad_checksum")],
)
def test_a_source_that_breaks_off_is_read_up_to_the_break_and_refused(
    error: Exception, reason: str
) -> None:
    for text in (b'{"messages": [1, {"a": 2}, {"b"', b'{"messages": [1, {"a": 2}]}'):
        found = list(iter_values(Breaking(text, error), "messages.item", LONGEST))
        assert [b"1", b'{"a": 2}'] == found[:2]
        (last,) = found[2:]
        assert isinstance(last, Refused)
        assert reason == last.reason


LAID_OUT = json.dumps(
    {"messages": [{"n": n, "t": "tea", "l": [{"k": 1}]} for n in range(4)]}, indent=1
)


@pytest.mark.parametrize(
    ("whole", "damaged", "expected"),
    [
        ('"n": 1', '"n: 1', [0, "malformed_json", 2, 3]),
        ('"tea"', '"tea', ["malformed_json", 1, 2, 3]),
        ("\n  },\n", ",\n", ["malformed_json", 1, 2, 3]),
        ("\n  },\n", "\n  }},\n", [0, "malformed_json", 1, 2, 3]),
        ("\n   ]\n  },\n", "\n  },\n", ["malformed_json", 1, 2, 3]),
        ("\n  },\n", "\n  }\n", [0, 1, 2, 3]),
        ("\n ]\n", "\n", [0, 1, 2, 3, "malformed_json", "malformed_json"]),
    ],
)
def test_a_fault_costs_one_element_if_each_begins_on_its_line(
    whole: str, damaged: str, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LAID_OUT.replace(whole, damaged, 1)
    assert text != LAID_OUT
    assert expected == [x if isinstance(x, str) else x["n"] for x in take(text)]
    # Nor is half the document swallowed before the fault shows.
    monkeypatch.setattr(json_scanner, "_CHUNK", 64)
    assert expected == [x if isinstance(x, str) else x["n"] for x in take(text, longest=99)]


@pytest.mark.parametrize("spoilt", ['{"a" 2}', '{"a": 01}', "NaN", '{"a": NaN}', '{"a": [1,]}'])
def test_a_fault_within_balanced_brackets_costs_one_element(spoilt: str) -> None:
    text = f'{{"messages": [{{"a": 1}},{spoilt},3]}}'
    assert [{"a": 1}, "malformed_json", 3] == take(text)


def test_a_fault_that_hides_the_next_element_ends_the_document() -> None:
    assert [{"a": 1}, "malformed_json"] == take('{"messages": [{"a": 1}, {"k: 2}, {"k": 3}]}')
    assert [{"a": 1}, "malformed_json"] == take(b'{"messages": [{"a": 1}, {"a": \xff}, {"a": 3}]}')


def test_a_fault_in_elements_of_one_kind_costs_one_element() -> None:
    text = b'{"messages": [{"a": 1}, {"a": \xff}, {"a": 3}], "other": [{"a": 4}]}'
    for damaged, expected in (
        (text, [1, "malformed_json", 3]),
        (text.replace(b'"a": 3}]', b'"a: 3}]'), [1, "malformed_json"]),
    ):
        found = iter_values(io.BytesIO(damaged), "messages.item", LONGEST, one_kind=True)
        shown = [x.reason if isinstance(x, Refused) else msgspec.json.decode(x)["a"] for x in found]
        assert expected == shown


def test_half_an_emoji_and_invalid_utf8_are_passed_to_the_decoder() -> None:
    text = b'{"messages": [{"a": "\\ud83d"}, {"a": "\xff"}]}'
    found = list(iter_values(io.BytesIO(text), "messages.item", LONGEST))
    assert [b'{"a": "\\ud83d"}', b'{"a": "\xff"}'] == found


def under_each_name(text: str) -> dict[str, list[str]]:
    wanted = ("list.item.name", "list.item.messages.item")
    under: dict[str, list[str]] = {}
    name = ""
    for found in walk_json(io.BytesIO(text.encode()), wanted, LONGEST):
        if isinstance(found, JsonValue) and found.path.endswith("name"):
            name = msgspec.json.decode(found.data)
        elif isinstance(found, JsonValue):
            under.setdefault(name, []).append(msgspec.json.decode(found.data)["n"])
    return under


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("", {"a": ["a1", "a2"], "b": ["b1", "b2"], "c": ["c1", "c2"]}),
        ("    }\n   ]\n  },\n", {"a": ["a1"], "b": ["b1", "b2"], "c": ["c1", "c2"]}),
        ("   ]\n  },\n", {"a": ["a1", "a2"], "b": ["b1", "b2"], "c": ["c1", "c2"]}),
        ("\n  },", {"a": ["a1", "a2"], "b": ["b1", "b2"], "c": ["c1", "c2"]}),
        ('   ]\n  },\n  {\n   "name": "b",\n', {"a": ["a1", "a2"], "c": ["c1", "c2"]}),
    ],
)
def test_after_a_fault_no_message_is_assigned_to_the_wrong_chat(
    gone: str, expected: dict[str, list[str]]
) -> None:
    chats = [{"name": name, "messages": [{"n": name + n} for n in "12"]} for name in "abc"]
    text = json.dumps({"list": chats}, indent=1)
    assert gone in text
    assert expected == under_each_name(text.replace(gone, "", 1))


def test_nesting_without_end_is_malformed() -> None:
    assert ["malformed_json"] == take('{"messages": [' + "[" * 200_000)
    assert ["malformed_json"] == take('{"x": ' + '{"a":' * 200_000)


class Endless:
    """A document that holds one string of many megabytes, which nobody keeps."""

    def __init__(self, before: bytes, size: int, after: bytes) -> None:
        self._pieces: Iterator[bytes] = iter([before, *[b"x" * (1 << 16)] * (size >> 16), after])

    def read(self, size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


@pytest.mark.parametrize("before", [b'{"picture": "', b'{"messages": [{"a": "', b'{"a": {"b": "'])
def test_what_is_not_kept_takes_no_memory(before: bytes) -> None:
    after = {b"{": b'"}, "messages": [1]}', b"[": b'"}, 1]}', b"p": b'", "messages": [1]}'}
    behind = after[b"[" if b"[" in before else b"p" if b"picture" in before else b"{"]
    tracemalloc.start()
    found = list(iter_values(Endless(before, 64 << 20, behind), "messages.item", LONGEST))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert b"1" == found[-1]
    assert peak < 12 << 20


def test_msgspec_s_error_still_contains_the_end_of_a_value() -> None:
    # If not, all is read as before, but several times slower: see JsonScanner._read_by_decoder.
    for behind in (b' , {"b"', b',{"b"', b"]", b"\n ]"):
        cutter = json_scanner.JsonScanner(io.BytesIO(b'{"a": [1]}' + behind), LONGEST)
        assert b'{"a": [1]}' == cutter._read_by_decoder()


@pytest.mark.parametrize(
    "before",
    [
        "window.YTD.tweets.part0 = ",
        "\ufeffvar a=",
        "let  x =\n",
        "window.__THAR_CONFIG=",
        "",
        "\ufeff",
    ],
)
def test_an_assignment_before_the_document_is_skipped(before: str) -> None:
    text = (before + '[{"a": "b = c"}];\n').encode()
    assert [b'{"a": "b = c"}'] == list(
        iter_values(skip_assignment(io.BytesIO(text)), "item", LONGEST)
    )


def test_a_break_within_the_first_bytes_is_raised_after_the_assignment() -> None:
    source = skip_assignment(Breaking(b"x = [1, ", EOFError()))
    first, last = iter_values(source, "item", LONGEST)
    assert b"1" == first
    assert isinstance(last, Refused)


def name_of(data: bytes) -> tuple[Record, ...]:
    return (Post("x:1", msgspec.json.decode(data, type=dict[str, str])["a"]),)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": "tea"}', "tea"),
        (rb'{"a": "tea \ud83d!"}', "tea \ufffd!"),
        (rb'{"a": "tea \ud83d\ude00"}', "tea \U0001f600"),
        (b'{"a": 1}', "wrong_type"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a" "b"}', "malformed_json"),
        (rb'{"a": "\ud83d" 1}', "malformed_json"),
        (rb'{"b": "\ud83d", "a": 1}', "wrong_type"),
        (b'{"a": ' + b"[" * 9999, "wrong_type"),
    ],
)
def test_each_decoding_error_has_its_reason(data: bytes, expected: str) -> None:
    (found,) = decode_value(data, name_of)
    assert expected == (found.text if isinstance(found, Post) else found.reason)  # type: ignore[union-attr]
