"""Reddit's dumps as mirrors in Parquet hold them, and Parquet as JSON lines in general."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.readers import reddit
from corpus.readers.batches import read_lines
from corpus.readers.contract import Batch, Cursor, Post, ReaderConfig, Record
from corpus.readers.parquet_mirror import read_parquet_lines

COMMENTS: dict[str, Any] = {
    "id": ["c0abc", "c0abd"],
    "author": ["ada", "[deleted]"],
    "body": ["a &gt; b", "still here"],
    "link_id": ["t3_17863", "t3_17863"],
    "parent_id": ["t1_c0abb", "t3_17863"],
    "subreddit": ["maths", "maths"],
    "score": [2.0, None],
    "created_utc": [1134365188, 1134365189],
}
MOMENT = datetime(2005, 12, 12, 5, 26, 28, tzinfo=UTC)


def mirror(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def read(path: Path, part_posts: int = 1000, start: Cursor | None = None) -> list[Batch]:
    return list(reddit.read(str(path), reddit.Config(path=str(path)), part_posts, start))


def comments(tmp_path: Path, **changes: Any) -> pl.DataFrame:
    (batch,) = read(mirror(tmp_path / "p.parquet", COMMENTS | changes))
    assert batch.refused.rows() == []
    return batch.posts


def lines(path: Path, **options: Any) -> list[Any]:
    """Each row of a file as the JSON that ``decode`` is given."""
    seen: list[Any] = []

    def decode(line: bytes) -> Sequence[Record]:
        seen.append(json.loads(line))
        return ()

    config = ReaderConfig(path=str(path))
    list(read_parquet_lines(str(path), config, decode, platform="x", part_posts=9, **options))
    return seen


def refused(path: Path) -> list[tuple[int, str]]:
    return [row[1:] for batch in read(path) for row in batch.refused.rows()]


def test_a_mirror_has_exactly_the_posts_of_its_dump(tmp_path: Path) -> None:
    rows = [dict(zip(COMMENTS, row, strict=True)) for row in zip(*COMMENTS.values(), strict=True)]
    dump = tmp_path / "RC.jsonl"
    dump.write_bytes(b"\n".join(json.dumps(row).encode() for row in rows))
    (expected,) = read(dump)
    found = comments(tmp_path)
    assert expected.posts.drop("source_file").equals(found.drop("source_file"))
    assert found["withdrawn"].to_list() == [None, "deleted"]
    assert found["source_row"].to_list() == [1, 2]


@pytest.mark.parametrize(
    "created",
    [
        pa.array([MOMENT, MOMENT + timedelta(microseconds=5)], pa.timestamp("us", "UTC")),
        pa.array([MOMENT.replace(tzinfo=None)] * 2, pa.timestamp("ns")),
        pa.array([MOMENT.replace(tzinfo=None)] * 2, pa.timestamp("s")),
        pa.array([MOMENT, MOMENT], pa.timestamp("ms", "America/New_York")),
        ["1134365188", "2005-12-12T05:26:28Z"],
        [1134365188.0, 1134365188.0],
        pa.array([1134365188, 1], pa.int32()),
    ],
)
def test_the_time_is_read_whatever_its_type(tmp_path: Path, created: object) -> None:
    assert comments(tmp_path, created_utc=created)["created_at"][0] == MOMENT


def test_fractions_of_a_second_and_times_before_1970_are_kept(tmp_path: Path) -> None:
    moments = [datetime(2020, 1, 1, 0, 0, 0, 250_001, UTC), datetime(1969, 7, 20, tzinfo=UTC)]
    assert moments == comments(tmp_path, created_utc=moments)["created_at"].to_list()


def test_a_time_outside_the_calendar_is_null(tmp_path: Path) -> None:
    far = pa.array([2**62, None]).cast(pa.timestamp("us"))
    assert comments(tmp_path, created_utc=far)["created_at"].to_list() == [None, None]


def test_a_name_from_a_dictionary_is_text(tmp_path: Path) -> None:
    authors = pa.array(["ada", "AutoModerator"]).dictionary_encode()
    found = comments(tmp_path, author=authors, subreddit=pa.array(["a", "b"]).dictionary_encode())
    assert found["author"].to_list() == ["ada", "AutoModerator"]
    assert found["bot"].to_list() == [False, True]


def test_integers_that_became_floats_or_text_are_counts(tmp_path: Path) -> None:
    assert comments(tmp_path)["score"].to_list() == [2, None]
    assert comments(tmp_path, score=["4", None])["score"].to_list() == [4, None]
    assert comments(tmp_path, score=[float("nan"), 3.0])["score"].to_list() == [None, 3]


def test_flags_may_be_text_or_numbers(tmp_path: Path) -> None:
    for flags in (["True", "false"], [1.0, 0.0], [1, 0], [True, False]):
        assert comments(tmp_path, over_18=flags)["sensitive"].to_list() == [True, False]
    hidden = comments(tmp_path, author=["ada", "bob"], is_robot_indexable=["False", "True"])
    assert hidden["withdrawn"].to_list() == ["removed", None]


def test_columns_that_are_not_read_may_have_any_type(tmp_path: Path) -> None:
    found = comments(tmp_path, edited=["false", "1134365190.0"], thumbnail=[b"\xff\xd8", None])
    assert found.height == 2


def test_nested_notes_are_kept(tmp_path: Path) -> None:
    notes = [{"was_deleted_later": True}, {"was_deleted_later": None}]
    assert comments(tmp_path, _meta=notes)["withdrawn"].to_list() == ["deleted_later", "deleted"]


def test_bytes_that_are_text_are_read_and_others_are_not(tmp_path: Path) -> None:
    path = mirror(tmp_path / "p", COMMENTS | {"body": pa.array([b"caf\xc3\xa9", b"caf\xe9"])})
    (batch,) = read(path)
    assert batch.posts["text"].to_list() == ["caf\u00e9"]
    assert refused(path) == [(2, "no_text")]


def test_text_that_is_no_utf8_refuses_its_row_alone(tmp_path: Path) -> None:
    spoilt = pa.array([b"caf\xe9", b"caf\xc3\xa9"]).view(pa.string())
    path = mirror(tmp_path / "p", COMMENTS | {"body": spoilt})
    (batch,) = read(path)
    assert batch.posts["text"].to_list() == ["caf\u00e9"]
    assert refused(path) == [(1, "invalid_utf8")]


def test_a_row_is_refused_for_the_reasons_a_line_is(tmp_path: Path) -> None:
    ids = {"id": [None, "c1"]}
    assert refused(mirror(tmp_path / "ids", COMMENTS | ids)) == [(1, "no_id")]
    bodies = {"body": ["hi", None]}
    assert refused(mirror(tmp_path / "bodies", COMMENTS | bodies)) == [(2, "no_text")]
    numbers = {"id": [1.0, 2.0]}
    assert refused(mirror(tmp_path / "floats", COMMENTS | numbers)) == [(1, "no_id"), (2, "no_id")]
    lists = {"subreddit": [["a"], None]}
    assert refused(mirror(tmp_path / "lists", COMMENTS | lists)) == [(1, "wrong_type")]


def test_a_table_of_something_else_is_refused_row_by_row(tmp_path: Path) -> None:
    assert refused(mirror(tmp_path / "p", {"x": [1, 2]})) == [(1, "no_id"), (2, "no_id")]


def test_an_empty_mirror_has_no_posts(tmp_path: Path) -> None:
    (batch,) = read(mirror(tmp_path / "p", {name: [] for name in COMMENTS}))
    assert (batch.posts.height, batch.refused.height, batch.cursor) == (0, 0, None)


def test_a_row_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = mirror(tmp_path / "p", COMMENTS | {"body": ["x" * (1 << 20), "y"]})
    config = reddit.Config(path=str(path), max_line_mb=1)
    (batch,) = reddit.read(str(path), config, 10)
    assert batch.refused.rows() == [(str(path), 1, "line_too_long")]
    assert batch.posts["text"].to_list() == ["y"]


def many(path: Path) -> Path:
    """Twenty rows in groups of three."""
    columns = {name: values * 10 for name, values in COMMENTS.items()}
    columns["id"] = [f"c{row}" if row % 7 else None for row in range(20)]
    columns["body"] = [f"text {row} " + "x" * 500 for row in range(20)]
    return mirror(path, columns, row_group_size=3, compression="none", use_dictionary=False)


@pytest.mark.parametrize("part_posts", [1, 2, 3, 7, 100])
def test_reading_resumes_at_every_cursor(tmp_path: Path, part_posts: int) -> None:
    path = many(tmp_path / "p")
    whole = read(path, part_posts)
    assert sum(batch.posts.height + batch.refused.height for batch in whole) == 20
    for at, batch in enumerate(whole[:-1]):
        rest = read(path, part_posts, batch.cursor)
        assert len(rest) == len(whole) - at - 1
        for expected, found in zip(whole[at + 1 :], rest, strict=True):
            assert expected.posts.equals(found.posts)
            assert expected.refused.equals(found.refused)
            assert (expected.cursor, expected.sha256) == (found.cursor, found.sha256)


def test_a_cursor_skips_whole_row_groups_unread(tmp_path: Path) -> None:
    path = many(tmp_path / "p")
    data = path.read_bytes()
    at = data.index(b"text 1 ")
    path.write_bytes(data[: at - 40] + b"\xff" * 200 + data[at + 160 :])
    assert [row for row, _ in refused(path) if row < 4] == [1]
    (rest,) = read(path, start=Cursor("", 3, 0))
    assert rest.posts["source_row"].to_list()[0] == 4
    assert "damaged_parquet" not in rest.refused["reason"].to_list()


def test_a_damaged_row_group_costs_only_its_own_rows(tmp_path: Path) -> None:
    path = many(tmp_path / "p")
    data = path.read_bytes()
    at = data.index(b"text 4 ")
    path.write_bytes(data[: at - 40] + b"\xff" * 200 + data[at + 160 :])
    (batch,) = read(path)
    # Rows 1, 8 and 15 have no id.
    assert refused(path) == [(1, "no_id"), (4, "damaged_parquet"), (8, "no_id"), (15, "no_id")]
    assert batch.posts["source_row"].to_list() == [2, 3, 7, *range(9, 15), *range(16, 21)]


def test_a_file_cut_off_or_without_a_footer_is_one_refusal(tmp_path: Path) -> None:
    data = many(tmp_path / "whole").read_bytes()
    cut, spoilt, bare = (tmp_path / name for name in ("cut", "spoilt", "bare"))
    cut.write_bytes(data[:-300])
    spoilt.write_bytes(data[:-200] + b"\xff" * 190 + data[-10:])
    bare.write_bytes(b"PAR1")
    assert refused(cut) == [(0, "truncated_stream")]
    assert refused(spoilt) == [(0, "damaged_parquet")]
    assert refused(bare) == [(0, "truncated_stream")]


def test_no_refusal_repeats_a_posts_text(tmp_path: Path) -> None:
    path = mirror(tmp_path / "p", COMMENTS | {"author": [["secret"], None]})
    assert "secret" not in str(refused(path))
    assert refused(path) == [(1, "wrong_type")]


def test_every_kind_of_value_has_its_json(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(['\u2028 " \\ \0', None]),
        "large": pa.array(["\u00e9", None], pa.large_string()),
        "int": pa.array([2**63 - 1, None]),
        "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
        "float": pa.array([12.0, float("inf")]),
        "flag": pa.array([True, None]),
        "nothing": pa.nulls(2),
        "list": pa.array([["a", None], None]),
        "struct": pa.array([{"a": 1.0, "b": {"c": None}}, None]),
    }
    plain = [
        {
            "text": "\u2028 \" \\ \0", "large": "\u00e9", "int": 2**63 - 1, "unsigned": 2**64 - 1,
            "float": 12.0, "flag": True, "nothing": None, "list": ["a", None],
            "struct": {"a": 1.0, "b": {"c": None}},
        },
        dict.fromkeys(columns),
    ]  # fmt: skip
    assert plain == lines(mirror(tmp_path / "plain", columns))
    odd = {
        "blob": pa.array([b"\xff", None]),
        "inner": pa.array([{"blob": b"\xff", "text": b"ok", "at": MOMENT}, None]),
        "day": pa.array([date(2020, 1, 2), None]),
        "span": pa.array([timedelta(seconds=90), None]),
        "amount": pa.array([Decimal("1.50"), None]),
        "names": pa.array([["a"], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
    }
    expected = [
        plain[0]
        | {
            "blob": None,
            "inner": {"blob": None, "text": "ok", "at": "2005-12-12T05:26:28Z"},
            "day": "2020-01-02",
            "span": "PT90S",
            "amount": "1.50",
            "names": ["a"],
        },
        dict.fromkeys([*columns, *odd]),
    ]
    assert expected == lines(mirror(tmp_path / "odd", columns | odd))


def test_only_the_wanted_columns_are_read(tmp_path: Path) -> None:
    path = mirror(tmp_path / "p", {"a": [1], "b": [2], "c.d": [3]})
    assert lines(path, columns=("b", "c.d", "e")) == [{"b": 2, "c.d": 3}]
    assert lines(path) == [{"a": 1, "b": 2, "c.d": 3}]


def test_a_real_dump_is_the_same_by_way_of_parquet(shared: Path, tmp_path: Path) -> None:
    dump = shared / "reddit" / "RC_2005-12.zst"
    rows: list[Any] = []

    def collect(line: bytes) -> Sequence[Record]:
        rows.append(json.loads(line))
        return (Post("x", "x"),)

    list(read_lines(str(dump), ReaderConfig(path="-"), collect, platform="x", part_posts=10**6))
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("author").cast(pl.Categorical)
    )
    table.write_parquet(tmp_path / "p", row_group_size=100)
    (expected,), (found,) = read(dump, 10**6), read(tmp_path / "p", 10**6)
    assert expected.posts.height == found.posts.height == 1075
    assert expected.posts.drop("source_file").equals(found.posts.drop("source_file"))


def test_times_that_are_not_understood_are_counted(tmp_path: Path) -> None:
    odd = COMMENTS | {"created_utc": ["soon", "1134365189"]}
    (batch,) = read(mirror(tmp_path / "p.parquet", odd))
    assert batch.posts["created_at"].is_null().to_list() == [True, False]
    assert batch.unreadable == {"created_at": 1}
