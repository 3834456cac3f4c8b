"""Tombstones find their posts, whoever repeats them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from corpus import judge
from corpus.schema import POST, TOMBSTONE


def posts(*rows: dict[str, Any]) -> pl.DataFrame:
    filled = [dict.fromkeys(POST) | {"platform": "x", "text": "hi"} | row for row in rows]
    return pl.DataFrame(filled, schema=POST)


def notices(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TOMBSTONE, orient="row")


def test_a_repost_goes_with_its_deleted_original_and_a_reply_does_not() -> None:
    found = judge.bury(
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
    found = judge.bury(
        posts({"id": "x:1", "author": "7", "withdrawn": "withheld"}, {"id": "x:2", "author": "7"}),
        notices(("author", "x:7", "withheld"), ("id", "x:1", "deleted_later")),
    )
    assert found["withdrawn"].to_list() == ["deleted_later", "withheld"]


def test_of_several_notices_the_gravest_counts_in_any_order(tmp_path: Path) -> None:
    rows = [("id", "x:1", "superseded"), ("id", "x:1", "deleted_later"), ("id", "x:1", "withheld")]
    for order in (rows, rows[::-1]):
        paths = []
        for number, row in enumerate(order):
            paths.append(tmp_path / f"{number}.parquet")
            notices(row).write_parquet(paths[-1])
        assert judge.gather_tombstones(paths, tmp_path / "all") == 1
        assert pl.read_parquet(tmp_path / "all")["reason"].to_list() == ["deleted_later"]
