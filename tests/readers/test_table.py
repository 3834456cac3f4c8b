"""Tables of any kind: JSON lines, CSV, TSV, Parquet."""

from __future__ import annotations

import csv
import gzip
import json
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from corpus.errors import PlanError
from corpus.readers import contract, table
from corpus.schema import POST
from tests.support.examples import is_wide

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FIELDS = {"id": "id", "text": "body", "author": "user"}


def batches(
    path: Path, part_posts: int = 1000, start: Any = None, **options: Any
) -> list[contract.Batch]:
    options = {"fields": FIELDS, **options}
    return list(table.read(str(path), table.Config(path=str(path), **options), part_posts, start))


def posts(path: Path, **options: Any) -> pl.DataFrame:
    return pl.concat(batch.posts for batch in batches(path, **options))


def refused(path: Path, **options: Any) -> list[tuple[int, str]]:
    frame = pl.concat(batch.refused for batch in batches(path, **options))
    return [(row, reason) for _, row, reason in frame.rows()]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


ROW = ("table:1", "hello", "ada")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.jsonl", b'{"id": 1, "body": "hello", "user": "ada"}\n'),
        ("p.json", b'{"id": "1", "body": "hello", "user": "ada"}\n'),
        ("p.csv", b"\xef\xbb\xbfid,body,user\n1,hello,ada\n"),
        ("p.tsv", b"user\tid\tbody\r\nada\t1.0\thello\r\n"),
        ("p.txt", b"user\tid\tbody\nada\t1\thello\n"),
        ("p.csv.gz", gzip.compress(b"id,body,user\n1,hello,ada", mtime=0)),
    ],
)
def test_every_form_gives_the_same_post(tmp_path: Path, name: str, content: bytes) -> None:
    frame = posts(write(tmp_path, name, content))
    assert frame.select("id", "text", "author").rows() == [ROW]
    assert dict(frame.schema) == POST


def test_parquet_gives_the_same_post(tmp_path: Path) -> None:
    pl.DataFrame({"id": [1.0], "body": ["hello"], "user": ["ada"]}).write_parquet(tmp_path / "p")
    frame = posts(tmp_path / "p")
    assert frame.select("id", "text", "author").rows() == [ROW]
    assert dict(frame.schema) == POST


EVERYTHING = {
    "id": "i", "text": "t", "kind": "k", "author": "a", "community": "c", "created_at": "d",
    "lang_hint": "l", "parent_id": "p", "root_id": "r", "score": "s", "replies": "n",
    "sensitive": "x", "bot": "b", "license": "z", "withdrawn": "w",
    "accepted_id": "e", "consent": "o", "seen_at": "v", "original_author": "g",
    "author_name": "h", "edited_at": "j", "author_since": "y",
}  # fmt: skip
VALUES = (
    "7,hi,reply,12.0,maths,2016-08-04T11:52:00Z,en,6,5.0,3,2.0,true,0,CC0,deleted,8,false,7,otto,"
    "Ada,9,8"
)


def test_every_column_of_a_post_can_be_mapped(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", f"{','.join(EVERYTHING.values())}\n{VALUES}\n")
    expected = (
        "hn:7", "hn", "reply", "12", "maths", datetime(2016, 8, 4, 11, 52, tzinfo=UTC), "hi", "en",
        "hn:6", "hn:5", 3, 2, True, False, "CC0", "hn:8", "otto", "denied", "deleted",
        7_000_000, 9_000_000, 8_000_000,
        None,  # the map of mentions is no column of anybody's table
        "Ada",
        str(path), 2,
    )  # fmt: skip
    assert expected == posts(path, fields=EVERYTHING, platform="hn").row(0)
    pl.read_csv(path).write_parquet(tmp_path / "p.parquet")
    row = posts(tmp_path / "p.parquet", fields=EVERYTHING, platform="hn").row(0)
    assert (*expected[:-2], str(tmp_path / "p.parquet"), 1) == row


def test_a_dotted_path_reaches_into_json_and_parquet(tmp_path: Path) -> None:
    fields = {"id": "id", "text": "post.body", "author": "user.name"}
    content = '{"id": 1, "post": {"body": "hello"}, "user": {"name": "ada"}}\n'
    assert posts(write(tmp_path, "p.jsonl", content), fields=fields)[
        ["id", "text", "author"]
    ].rows() == [ROW]
    flat = '{"id": 1, "post.body": "hello", "user.name": "ada"}\n'
    assert posts(write(tmp_path, "f.jsonl", flat), fields=fields)["text"].item() == "hello"
    row = {"id": 1, "post": {"body": "hello"}, "user": {"name": "ada"}}
    pl.DataFrame([row]).write_parquet(tmp_path / "p.parquet")
    assert posts(tmp_path / "p.parquet", fields=fields)["text"].item() == "hello"


def test_texts_are_joined_by_a_blank_line(tmp_path: Path) -> None:
    fields = {"id": "id", "text": ["title", "body"]}
    path = write(tmp_path, "p.csv", "id,title,body\n1,On engines,They weave\n2,,Alone\n3,,\n")
    expected = ["On engines\n\nThey weave", "Alone", ""]
    assert expected == posts(path, fields=fields)["text"].to_list()
    pl.read_csv(path).write_parquet(tmp_path / "p.parquet")
    assert expected[:2] == posts(tmp_path / "p.parquet", fields=fields)["text"].to_list()
    assert refused(tmp_path / "p.parquet", fields=fields) == [(3, "no_text")]


def test_without_an_id_the_file_and_row_name_a_post(tmp_path: Path) -> None:
    fields = {"text": "body"}
    for name, content in (("p.csv", "body\na\nb\n"), ("p.jsonl", '{"body":"a"}\n{"body":"b"}\n')):
        first = 2 if name == "p.csv" else 1
        ids = posts(write(tmp_path, name, content), fields=fields)["id"].to_list()
        assert [f"table:{name}:{first + n}" for n in (0, 1)] == ids
    two = write(tmp_path, "two.jsonl", '{"body":"a"}{"body":"b"}\n')
    named = posts(two, fields=fields)["id"].to_list()
    assert named == ["table:two.jsonl:1", "table:two.jsonl:1.2"]
    pl.DataFrame({"body": ["a"]}).write_parquet(tmp_path / "p.parquet")
    assert posts(tmp_path / "p.parquet", fields=fields)["id"].item() == "table:p.parquet:1"


def test_ids_are_made_of_the_names_that_a_build_gives_to_files() -> None:
    frame = pl.DataFrame({"source_file": ["2/p.csv"] * 2, "source_row": [7, 7]})
    config = table.Config(path="p.csv", fields={"text": "body"})
    assert table.assign_ids(frame, config)["id"].to_list() == [
        "table:2/p.csv:7",
        "table:2/p.csv:7.2",
    ]
    own = frame.with_columns(id=pl.lit("table:1"))
    with_ids = table.Config(path="p.csv", fields={"text": "body", "id": "id"})
    assert table.assign_ids(own, with_ids)["id"].to_list() == ["table:1", "table:1"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("123", "123"),
        ("123.0", "123"),
        ("a1.5", "a1.5"),
        ("12e5", "12e5"),
        ("4.89790559058686E+17", "float_id"),
        ("1e+17", "float_id"),
        ("489790559058686976.0", "float_id"),
        ("", "no_id"),
    ],
)
def test_an_id_that_was_a_float_is_exact_or_refused(
    tmp_path: Path, raw: str, expected: str
) -> None:
    path = write(tmp_path, "p.csv", f"id,body,user\n{raw},hello,ada\n")
    pl.DataFrame({"id": [raw], "body": ["x"], "user": ["y"]}).write_parquet(tmp_path / "p.parquet")
    for file, row in ((path, 2), (tmp_path / "p.parquet", 1)):
        if expected in ("float_id", "no_id"):
            assert [(row, expected)] == refused(file)
        else:
            assert f"table:{expected}" == posts(file)["id"].item()


def test_bytes_of_parquet_are_texts_and_a_bad_cell_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    texts = pa.array([b"a tram", b"\xff\xfe", b"tr\xc3\xa8s bien"], pa.binary())
    pq.write_table(pa.table({"id": ["1", "2", "3"], "body": texts}), path)
    fields = {"id": "id", "text": "body"}
    assert posts(path, fields=fields)["text"].to_list() == ["a tram", "très bien"]
    assert refused(path, fields=fields) == [(2, "invalid_utf8")]


def test_a_list_of_texts_is_joined_line_by_line(tmp_path: Path) -> None:
    path, fields = tmp_path / "p.parquet", {"id": "id", "text": "body"}
    rows = [{"id": "1", "body": ["a tram", "at noon"]}, {"id": "2", "body": []}]
    pl.DataFrame(rows).write_parquet(path)
    lines = write(tmp_path, "p.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    for file in (path, lines):
        assert posts(file, fields=fields)["text"].to_list() == ["a tram\nat noon"]
        assert refused(file, fields=fields) == [(2, "no_text")]


def test_zeros_behind_the_footer_of_parquet_are_padding(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pl.DataFrame({"id": ["1", "2"], "body": ["a", "b"], "user": ["y", "z"]}).write_parquet(path)
    path.write_bytes(path.read_bytes() + bytes(512))
    assert posts(path)["text"].to_list() == ["a", "b"]


def test_a_parquet_column_that_can_be_no_text_is_named_with_its_type(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pl.DataFrame({"id": ["1"], "body": [{"words": "a tram"}]}).write_parquet(path)
    with pytest.raises(
        PlanError, match=r"column 'body' is of type struct<words: .*'column\.field'"
    ):
        posts(path, fields={"id": "id", "text": "body"})
    assert posts(path, fields={"id": "id", "text": "body.words"})["text"].item() == "a tram"


def test_numeric_ids_of_json_and_parquet_follow_the_same_rules(tmp_path: Path) -> None:
    lines = "".join(f'{{"id": {n}, "body": "x"}}\n' for n in ("5.0", "4.8e17", "1.5", "null"))
    path = write(tmp_path, "p.jsonl", lines)
    frame = pl.DataFrame({"id": [5.0, 4.8e17, 1.5, None], "body": ["x"] * 4, "user": ["y"] * 4})
    frame.write_parquet(tmp_path / "p.parquet")
    for file in (path, tmp_path / "p.parquet"):
        assert posts(file)["id"].to_list() == ["table:5"]
        assert refused(file) == [(2, "float_id"), (3, "float_id"), (4, "no_id")]
    big = write(tmp_path, "big.jsonl", '{"id": 489790559058686978, "body": "x"}\n')
    assert posts(big)["id"].item() == "table:489790559058686978"


def test_a_row_without_text_is_refused_and_an_empty_text_is_not(tmp_path: Path) -> None:
    content = (
        '{"id": 1}\n{"id": 2, "body": ""}\n{"id": 3, "body": {"a": 1}}\n{"id": 4, "body": 5}\n'
    )
    path = write(tmp_path, "p.jsonl", content)
    assert posts(path)["text"].to_list() == ["", "5"]
    assert refused(path) == [(1, "no_text"), (3, "wrong_type")]
    frame = pl.DataFrame({"id": [1, 2], "body": [None, ""], "user": ["a", "b"]})
    frame.write_parquet(tmp_path / "p.parquet")
    assert refused(tmp_path / "p.parquet") == [(1, "no_text")]


def test_moments_follow_the_format_or_are_tried(tmp_path: Path) -> None:
    fields = {"text": "body", "created_at": "at"}
    content = "body,at\na,8/4/2016 11:52\nb,soon\nc,1470311520\n"
    path = write(tmp_path, "p.csv", content)
    noon = datetime(2016, 8, 4, 11, 52, tzinfo=UTC)
    assert [None, None, noon] == posts(path, fields=fields)["created_at"].to_list()
    given = posts(path, fields=fields, time_format="%m/%d/%Y %H:%M")["created_at"].to_list()
    assert [noon, None, None] == given


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_parquet_timestamps_end_up_in_utc(tmp_path: Path, zone: str | None) -> None:
    local = datetime(1969, 8, 4, 11, 52)
    column = pl.Series("at", [local], dtype=pl.Datetime("ns")).dt.replace_time_zone(zone)
    pl.DataFrame({"body": ["x"], "at": column}).write_parquet(tmp_path / "p.parquet")
    found = posts(tmp_path / "p.parquet", fields={"text": "body", "created_at": "at"})
    offset = timedelta(hours=1 if zone == "Europe/Berlin" else 0)
    assert local.replace(tzinfo=timezone(offset)) == found["created_at"].item()


def test_other_values_get_the_default(tmp_path: Path) -> None:
    fields = {"text": "body", "kind": "k", "sensitive": "x", "withdrawn": "w"}
    path = write(tmp_path, "p.csv", "body,k,x,w\na,tweet,maybe,spam\nb,quote,TRUE,false\nc,,0,\n")
    rows = posts(path, fields=fields).select("kind", "sensitive", "withdrawn").rows()
    assert rows == [("post", None, "removed"), ("quote", True, None), ("post", False, None)]


def test_malformed_csv_rows_are_refused_with_their_number(tmp_path: Path) -> None:
    content = b"id,body,user\n1,a,ada\n2,b\n3,\xff,ada\n4,d,ada,x\n\n6,\xc3\xa9,ada\n7,\xf0\x9f,a\n"
    path = write(tmp_path, "p.csv", content)
    assert posts(path)["text"].to_list() == ["a", "\u00e9"]
    assert refused(path) == [
        (3, "wrong_field_count"),
        (4, "invalid_utf8"),
        (5, "wrong_field_count"),
        (8, "invalid_utf8"),
    ]
    assert posts(path)["source_row"].to_list() == [2, 7]


def test_nul_characters_are_removed_from_the_text(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", "id,body,user\n1,a\0b,ada\n2,c,ada\n")
    assert posts(path)["text"].to_list() == ["ab", "c"]
    frame = pl.DataFrame({"id": [1], "body": ["a\0b"], "user": ["y"]})
    frame.write_parquet(tmp_path / "p.parquet")
    assert posts(tmp_path / "p.parquet")["text"].to_list() == ["ab"]


def test_a_quoted_field_may_span_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", 'id,body,user\n1,"a\n""b"",\u2028c",ada\n2,d,ada\n')
    assert posts(path)["text"].to_list() == ['a\n"b",\u2028c', "d"]


def test_a_stray_quote_costs_its_own_line_only(tmp_path: Path) -> None:
    rows = "".join(f"{n},b{n},ada\n" for n in range(2, 30_000))
    path = write(tmp_path, "p.csv", f'id,body,user\n1,"a,ada\n{rows}')
    assert posts(path).height == 29_998
    assert [row for row, _ in refused(path)] == [2]
    last = write(tmp_path, "q.csv", 'id,user,body\n1,ada,"a\n2,ada,b\n')
    assert (posts(last)["text"].to_list(), refused(last)) == (["b"], [(2, "unclosed_quote")])


def test_quotes_can_be_plain_characters(tmp_path: Path) -> None:
    path = write(tmp_path, "p.tsv", 'id\tbody\tuser\n1\t"a\tada\n2\tb"\tada\n')
    assert posts(path, quotes=False)["text"].to_list() == ['"a', 'b"']


def test_a_line_over_the_limit_is_refused(tmp_path: Path) -> None:
    content = f"id,body,user\n1,{'x' * (20 << 20)},ada\n2,b,ada\n"
    path = write(tmp_path, "p.csv", content)
    assert refused(path, max_line_mb=1) == [(2, "line_too_long")]
    assert posts(path, max_line_mb=1)["text"].to_list() == ["b"]


def test_columns_can_be_configured_for_a_file_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", "1;hello;ada\n")
    frame = posts(path, columns=("id", "body", "user"), delimiter=";")
    assert frame.select("id", "text", "author").rows() == [ROW]
    assert frame["source_row"].to_list() == [1]


def test_another_encoding_is_an_option(tmp_path: Path) -> None:
    path = write(tmp_path, "p.csv", "id,body,user\n1,caf\u00e9,ada\n".encode("latin-1"))
    assert posts(path, encoding="latin-1")["text"].item() == "caf\u00e9"
    with pytest.raises(ValidationError, match="no encoding 'latin-one'"):
        posts(path, encoding="latin-one")


def test_a_csv_that_is_cut_off_is_read_up_to_the_cut(tmp_path: Path) -> None:
    dice = random.Random(1)
    rows = "".join(f"{n},{dice.randbytes(200).hex()},ada\n" for n in range(5000))
    packed = gzip.compress(f"id,body,user\n{rows}".encode())
    path = write(tmp_path, "p.csv.gz", packed[: len(packed) // 2])
    height = posts(path).height
    assert 2000 < height < 3000
    assert [(height + 2, "truncated_stream")] == refused(path)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.bin"])
def test_a_binary_file_is_refused_as_a_whole(tmp_path: Path, name: str) -> None:
    head = b"PAR1" if name == "p.parquet" else b"\x89PNG\r\n\x1a\n"
    path = write(tmp_path, name, head + b"\0\xff\n" * 999)
    assert posts(path)["id"].to_list() == []
    assert len(refused(path)) == 1


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.parquet"])
def test_an_empty_table_has_no_posts(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, "id,body,user\n" if name == "p.csv" else "")
    if name == "p.parquet":
        pl.DataFrame({"id": [], "body": [], "user": []}).write_parquet(path)
    assert posts(path).height == 0
    assert refused(path) == []


def test_a_damaged_row_group_costs_only_its_own_rows(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    names = [f"{n}" * 50 for n in range(3000)]
    arrow = pa.table({"id": list(range(3000)), "body": names, "user": names})
    pq.write_table(arrow, path, row_group_size=1000, compression="zstd", use_dictionary=False)
    place = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    content = bytearray(path.read_bytes())
    content[place : place + 200] = b"\xff" * 200
    path.write_bytes(content)
    assert [*range(1, 1001), *range(2001, 3001)] == posts(path)["source_row"].to_list()
    assert refused(path) == [(1001, "broken_parquet")]


def test_invalid_utf8_in_parquet_refuses_its_row(tmp_path: Path) -> None:
    body = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    arrow = pa.table({"id": ["1", "2", "3"], "body": body, "user": ["x"] * 3})
    pq.write_table(arrow, tmp_path / "p.parquet")
    assert posts(tmp_path / "p.parquet")["text"].to_list() == ["a", "c"]
    assert refused(tmp_path / "p.parquet") == [(2, "invalid_utf8")]


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.jsonl", "p.parquet"])
def test_reading_resumes_at_every_cursor(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    count = 20_500
    if name == "p.parquet":
        frame = pl.DataFrame({"id": range(count), "body": ["x", None] * (count // 2), "user": "a"})
        frame.write_parquet(path, row_group_size=9000)
    elif name == "p.jsonl":
        path.write_text("".join(f'{{"id": {n}, "body": "x"}}\n' for n in range(count)))
    else:
        lines = (f'{n},"x\ny",ada' if n % 7 else f'{n},"x,ada' for n in range(count))
        content = ("id,body,user\n" + "\n".join(lines)).encode()
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    size = 3000 if is_wide() else 5000
    whole = batches(path, size)
    assert len(whole) > 4
    for number, batch in enumerate(whole[:-1]):
        rest = batches(path, size, batch.cursor)
        for before, after in zip(whole[number + 1 :], rest, strict=True):
            assert before.posts.equals(after.posts)
            assert before.refused.equals(after.refused)
            assert (before.cursor, before.sha256) == (after.cursor, after.sha256)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_the_error_of_a_missing_column_lists_the_columns(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, "id,boddy,user\n1,hello,ada\n")
    if name == "p.parquet":
        pl.DataFrame({"id": [1], "boddy": ["hello"], "user": ["ada"]}).write_parquet(path)
    with pytest.raises(PlanError) as caught:
        posts(path)
    assert (
        f"{path} has no column 'body', which 'fields' maps to 'text'; did you mean 'boddy'?; "
        "its columns: id, boddy, user"
    ) == str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "id"}, "'text' must name the column of the text"),
        ({"text": "a", "athor": "b"}, "no column 'athor'; did you mean 'author'?"),
        ({"text": "a", "source_row": "b"}, "no column 'source_row'"),
        ({"text": "a", "platform": "b"}, "'platform' is one for all posts"),
        ({"text": "a", "author": ["b", "c"]}, "'author' takes one column"),
        ({"text": []}, "'text' names no column"),
        ({"text": ""}, "'text' names no column"),
    ],
)
def test_a_wrong_map_is_an_error_with_its_remedy(fields: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        table.Config(path="-", fields=fields)
    assert message in str(caught.value)


def test_a_real_csv_is_read_to_the_last_row() -> None:
    path = DATA / "hackernews" / "hacker_news.csv"
    if not path.exists():
        pytest.skip(f"no sample dumps beside the repository: {path}")
    fields = {"id": "id", "text": "title", "author": "author", "created_at": "created_at"}
    frame = posts(path, fields=fields, platform="hn", time_format="%m/%d/%Y %H:%M")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(f"hn:{r['id']}", r["title"]) for r in rows] == frame.select("id", "text").rows()
    assert frame["created_at"].null_count() == 0


# --- values that are not understood, and values of several columns -------------------------------

ODD = {"id": "id", "text": "text", "created_at": "at", "score": "n", "kind": "kind", "bot": "bot"}
ODD_ROWS = [
    {"id": "1", "text": "a", "at": "2021-03-04 05:06 CET", "n": "7", "kind": "reply", "bot": "no"},
    {"id": "2", "text": "b", "at": "soon", "n": "many", "kind": "essay", "bot": "perhaps"},
    {"id": "3", "text": "c", "at": "2021-03-04 05:06 IST", "n": "", "kind": "", "bot": None},
    {"id": "", "text": "d", "at": "never", "n": "1", "kind": "post", "bot": "no"},
]  # fmt: skip


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_values_that_are_not_understood_are_counted_by_column(tmp_path: Path, form: str) -> None:
    frame = pl.DataFrame(ODD_ROWS)
    path = tmp_path / f"p.{form}"
    if form == "parquet":
        frame.write_parquet(path)
    elif form == "csv":
        frame.write_csv(path)
    else:
        frame.write_ndjson(path)
    (batch,) = batches(path, fields=ODD)
    # Of the refused row nothing is counted; empty cells are no values.
    assert batch.unreadable == {"created_at": 2, "score": 1, "kind": 1, "bot": 1}
    assert batch.posts["kind"].to_list() == ["reply", "post", "post"]
    assert batch.posts["created_at"].is_null().to_list() == [False, True, True]
    assert [reason for _, _, reason in batch.refused.rows()] == ["no_id"]
    parts = [each.unreadable for each in batches(path, part_posts=1, fields=ODD)]
    assert sum(part.get("created_at", 0) for part in parts) == 2


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_times_and_ids_are_joined_from_several_columns(tmp_path: Path, form: str) -> None:
    rows = [
        {"channel": 7, "id": 1, "re": None, "day": "2021-03-04", "time": "05:06", "zone": "+0530"},
        {"channel": 8, "id": 1, "re": 5, "day": "2021-03-04", "time": None, "zone": None},
        {"channel": None, "id": 1, "re": 5, "day": "2021-03-04", "time": "05:06:00", "zone": "x"},
    ]  # fmt: skip
    frame = pl.DataFrame([row | {"text": "tea"} for row in rows])
    path = tmp_path / f"p.{form}"
    if form == "parquet":
        frame.write_parquet(path)
    elif form == "csv":
        frame.write_csv(path)
    else:
        frame.write_ndjson(path)
    fields = {
        "id": ["channel", "id"], "parent_id": ["channel", "re"], "text": "text",
        "created_at": ["day", "time", "zone"],
    }  # fmt: skip
    (batch,) = batches(path, fields=fields, platform="x")
    assert batch.posts["id"].to_list() == ["x:7/1", "x:8/1"]
    assert batch.posts["parent_id"].to_list() == [None, "x:8/5"]
    assert batch.posts["created_at"].dt.strftime("%m-%d %H:%M").to_list() == [
        "03-03 23:36", "03-04 00:00",
    ]  # fmt: skip
    assert batch.unreadable == {}
    assert refused(path, fields=fields) == [(3 + (form == "csv"), "no_id")]


def test_a_timestamp_of_the_year_one_is_none(tmp_path: Path) -> None:
    times = [datetime(1, 1, 1), datetime(2021, 3, 4), None]
    pl.DataFrame({"t": ["a", "b", "c"], "at": times}).write_parquet(tmp_path / "p.parquet")
    (batch,) = batches(tmp_path / "p.parquet", fields={"text": "t", "created_at": "at"})
    assert batch.posts["created_at"].is_null().to_list() == [True, False, True]
    assert batch.unreadable == {"created_at": 1}
