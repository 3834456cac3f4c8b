"""Tombstones find their posts, whoever repeats them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from corpus import withdrawals
from corpus.schema import POST, TOMBSTONE


def posts(*rows: dict[str, Any]) -> pl.DataFrame:
    filled = [dict.fromkeys(POST) | {"platform": "x", "text": "hi"} | row for row in rows]
    return pl.DataFrame(filled, schema=POST)


def notices(*rows: tuple[str, str, str] | tuple[str, str, str, int | None]) -> pl.DataFrame:
    filled = [row if len(row) == 4 else (*row, None) for row in rows]
    return pl.DataFrame(filled, schema=TOMBSTONE, orient="row")


def test_a_repost_goes_with_its_deleted_original_and_a_reply_does_not() -> None:
    found = withdrawals.bury(
        posts(
            {"id": "x:1", "kind": "post"},
            {"id": "x:2", "kind": "repost", "parent_id": "x:1"},
            {"id": "x:3", "kind": "reply", "parent_id": "x:1"},
            {"id": "x:4", "kind": "post"},
        ),
        notices(("id", "x:1", "deleted_later")),
    )
    assert found["withdrawn"].to_list() == ["deleted_later", "deleted_later", None, None]
    assert found.columns == list(POST)


def test_a_notice_on_the_post_says_more_than_one_on_its_author() -> None:
    found = withdrawals.bury(
        posts({"id": "x:1", "author": "7", "withdrawn": "withheld"}, {"id": "x:2", "author": "7"}),
        notices(("author", "x:7", "withheld"), ("id", "x:1", "deleted_later")),
    )
    assert found["withdrawn"].to_list() == ["deleted_later", "withheld"]


def folded(tmp_path: Path, *rows: tuple[str, str, str, int | None]) -> pl.DataFrame:
    """The rows folded, each from a file of its own; the same in both orders."""
    found = []
    for number, order in enumerate((rows, rows[::-1])):
        paths = []
        for place, row in enumerate(order):
            paths.append(tmp_path / f"{number}-{place}.parquet")
            notices(row).write_parquet(paths[-1])
        withdrawals.gather(paths, tmp_path / "all")
        found.append(pl.read_parquet(tmp_path / "all"))
    assert found[0].equals(found[1])
    return found[0]


def test_of_several_notices_the_gravest_counts_in_any_order(tmp_path: Path) -> None:
    named = folded(
        tmp_path,
        ("id", "x:1", "superseded", None),
        ("id", "x:1", "deleted_later", None),
        ("id", "x:1", "withheld", None),
    )
    found = withdrawals.bury(posts({"id": "x:1"}), named)
    assert found["withdrawn"].to_list() == ["deleted_later"]


def test_a_notice_ends_only_what_was_seen_before_it(tmp_path: Path) -> None:
    named = folded(
        tmp_path,
        ("id", "x:1", "superseded", 10),
        ("id", "x:1", "superseded", 20),
        ("author", "x:7", "superseded", 15),
    )
    found = withdrawals.bury(
        posts(
            {"id": "x:1", "seen_at": 9},
            {"id": "x:1", "seen_at": 19},
            {"id": "x:1", "seen_at": 20},
            {"id": "x:1"},
            {"id": "x:2", "author": "7", "seen_at": 14},
            {"id": "x:3", "author": "7", "seen_at": 15},
        ),
        named,
    )
    gone = "superseded"
    assert found["withdrawn"].to_list() == [gone, gone, None, gone, gone, None]


def test_a_notice_without_a_time_ends_every_version(tmp_path: Path) -> None:
    named = folded(
        tmp_path, ("id", "x:1", "deleted_later", 10), ("id", "x:1", "deleted_later", None)
    )
    found = withdrawals.bury(posts({"id": "x:1", "seen_at": 99}), named)
    assert found["withdrawn"].to_list() == ["deleted_later"]


def test_of_an_author_s_declarations_the_last_counts_for_all_posts(tmp_path: Path) -> None:
    named = folded(
        tmp_path,
        ("author", "x:7", "opted_out", 10),
        ("author", "x:7", "allowed", 20),
        ("author", "x:8", "allowed", 10),
        ("author", "x:8", "opted_out", 20),
        ("author", "x:9", "allowed", 5),
        ("author", "x:9", "opted_out", 5),
    )
    rows = posts(
        {"id": "x:1", "author": "7", "seen_at": 99},
        {"id": "x:2", "author": "8", "seen_at": 99},
        {"id": "x:3", "author": "9"},
        {"id": "x:4", "author": "6"},
    )
    found = withdrawals.bury(rows, named)
    assert found["withdrawn"].to_list() == [None, "opted_out", "opted_out", None]
    assert found["consent"].to_list() == ["allowed", "denied", "denied", None]
    assert found.columns == list(POST)
