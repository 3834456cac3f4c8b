"""Tombstones withdraw the posts that they name, and the reposts of these."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.partition import partitions
from corpus.privacy import tombstones
from corpus.schema import POST, TOMBSTONE, WITHDRAWAL_REASONS
from corpus.tasks import array_store
from corpus.tasks.task import run_inline
from tests.conftest import folded as fold


def posts(*rows: dict[str, Any]) -> pl.DataFrame:
    filled = [dict.fromkeys(POST) | {"platform": "x", "text": "hi"} | row for row in rows]
    return pl.DataFrame(filled, schema=POST)


def tombstone_frame(*rows: tuple[str, str, str, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TOMBSTONE, orient="row")


def test_a_repost_is_withdrawn_with_its_original_and_a_reply_is_not(tmp_path: Path) -> None:
    found = tombstones.apply_tombstones(
        posts(
            {"id": "x:1", "kind": "post"},
            {"id": "x:2", "kind": "repost", "parent_id": "x:1"},
            {"id": "x:3", "kind": "reply", "parent_id": "x:1"},
            {"id": "x:4", "kind": "post"},
        ),
        folded(tmp_path, ("id", "x:1", "deleted_later", None)),
    )
    assert found["withdrawn"].to_list() == ["deleted_later", "deleted_later", None, None]
    assert found.columns == list(POST)


def test_reposts_are_withdrawn_with_all_posts_of_the_original_s_author(tmp_path: Path) -> None:
    repost = {"kind": "repost", "author": "8", "original_author": "7"}
    found = tombstones.apply_tombstones(
        posts(
            {"id": "x:1", "author": "7"},
            {"id": "x:2"} | repost,
            {"id": "x:3"} | repost | {"original_author": "9"},
            {"id": "x:4"} | repost | {"kind": "quote"},
        ),
        folded(
            tmp_path,
            ("author", "x:7", "opted_out", None),
            ("author", "x:9", "superseded", 5),
            ("author", "x:9", "allowed", None),
        ),
    )
    assert found["withdrawn"].to_list() == ["opted_out", "opted_out", None, None]
    assert found["consent"].to_list() == ["denied", None, None, None], "the reposter said nothing"


def test_a_tombstone_of_the_post_overrides_one_of_its_author(tmp_path: Path) -> None:
    found = tombstones.apply_tombstones(
        posts({"id": "x:1", "author": "7", "withdrawn": "withheld"}, {"id": "x:2", "author": "7"}),
        folded(tmp_path, ("author", "x:7", "withheld", None), ("id", "x:1", "deleted_later", None)),
    )
    assert found["withdrawn"].to_list() == ["deleted_later", "withheld"]


def folded(tmp_path: Path, *rows: tuple[str, str, str, int | None]) -> tombstones.TombstoneTable:
    """The rows folded, each from a file of its own; the same in both orders."""
    found = [
        fold(tmp_path / str(number), *(tombstone_frame(row) for row in order))
        for number, order in enumerate((rows, rows[::-1]))
    ]
    for name in ("one", "two", "target", "reason", "said_at"):
        first, second = (array_store.load_array(tmp_path / str(n) / "all", name) for n in (0, 1))
        assert first.tolist() == second.tolist()
    return found[0]


def test_of_several_tombstones_the_most_serious_counts_in_any_order(tmp_path: Path) -> None:
    named = folded(
        tmp_path,
        ("id", "x:1", "superseded", None),
        ("id", "x:1", "deleted_later", None),
        ("id", "x:1", "withheld", None),
    )
    found = tombstones.apply_tombstones(posts({"id": "x:1"}), named)
    assert found["withdrawn"].to_list() == ["deleted_later"]


def test_a_tombstone_withdraws_only_versions_that_were_seen_before_it(tmp_path: Path) -> None:
    named = folded(
        tmp_path,
        ("id", "x:1", "superseded", 10),
        ("id", "x:1", "superseded", 20),
        ("author", "x:7", "superseded", 15),
    )
    found = tombstones.apply_tombstones(
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
    old = "superseded"
    assert found["withdrawn"].to_list() == [old, old, None, old, old, None]


def test_a_tombstone_without_a_time_withdraws_every_version(tmp_path: Path) -> None:
    named = folded(
        tmp_path, ("id", "x:1", "deleted_later", 10), ("id", "x:1", "deleted_later", None)
    )
    found = tombstones.apply_tombstones(posts({"id": "x:1", "seen_at": 99}), named)
    assert found["withdrawn"].to_list() == ["deleted_later"]


def test_a_later_notice_takes_an_earlier_one_back(tmp_path: Path) -> None:
    named = folded(
        tmp_path,
        ("author", "x:1", "away", 10),
        ("author", "x:1", "returned", 20),
        ("author", "x:2", "returned", 20),
        ("author", "x:2", "away", 30),
        ("author", "x:3", "away", 10),
        ("author", "x:3", "returned", 10),
        ("author", "x:4", "removed", 10),
        ("author", "x:4", "deleted_later", None),
        ("author", "x:4", "returned", 20),
        ("author", "x:5", "protected", 10),
        ("author", "x:5", "undeleted", 20),
        ("author", "x:6", "protected", 10),
        ("author", "x:6", "unprotected", None),
        ("author", "x:7", "deleted_later", 10),
        ("author", "x:7", "undeleted", 20),
        ("id", "x:80", "removed", 10),
        ("id", "x:80", "returned", 20),
        ("author", "x:9", "removed", None),
        ("author", "x:9", "returned", 20),
    )
    rows = posts(*({"id": f"x:{number}0", "author": str(number)} for number in range(1, 10)))
    found = tombstones.apply_tombstones(rows, named)
    assert found["withdrawn"].to_list() == [
        None,
        "away",
        "away",
        "deleted_later",
        "protected",
        "protected",
        None,
        None,
        "removed",
    ]


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
    found = tombstones.apply_tombstones(rows, named)
    assert found["withdrawn"].to_list() == [None, "opted_out", "opted_out", None]
    assert found["consent"].to_list() == ["allowed", "denied", "denied", None]
    assert found.columns == list(POST)


def test_many_ranges_of_keys_give_the_same_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of_tombstones = [
        ("id" if n % 3 else "author", f"x:{n % 70}", WITHDRAWAL_REASONS[n % 8], n % 11)
        for n in range(400)
    ]
    whole = fold(
        tmp_path / "whole",
        tombstone_frame(*rows_of_tombstones[:150]),
        tombstone_frame(*rows_of_tombstones[150:]),
    )
    monkeypatch.setattr(partitions, "RANGE_KEYS", 10)
    parts = fold(
        tmp_path / "parts",
        tombstone_frame(*rows_of_tombstones[:150]),
        tombstone_frame(*rows_of_tombstones[150:]),
    )
    assert len(list((tmp_path / "parts" / "all" / "folded").iterdir())) == 64
    rows = posts(
        *({"id": f"x:{n}", "author": f"{n + 35}", "seen_at": n % 13} for n in range(140)),
        *({"id": f"x:{n}", "kind": "repost", "parent_id": f"x:{n - 90}"} for n in range(140, 180)),
        {"id": "x:", "author": ""},
        {"id": "x:1", "platform": "y", "author": "1"},
    )
    found = tombstones.apply_tombstones(rows, parts)
    assert found.equals(tombstones.apply_tombstones(rows, whole))

    def expected_reason(row: dict[str, Any]) -> str | None:
        """The same, post by post."""
        why = None
        original = row["parent_id"] if row["kind"] == "repost" else None
        author = f"{row['platform']}:{row['author']}" if row["author"] is not None else None
        for target, value in (("author", author), ("id", original), ("id", row["id"])):
            last = {}
            for kind, of, reason, when in rows_of_tombstones:
                if (kind, of) == (target, value):
                    last[reason] = max(when, last.get(reason, when))
            seen = row["seen_at"]
            last = {
                reason: when
                for reason, when in last.items()
                if reason == "opted_out" or seen is None or seen < when
            }
            why = min(last, key=WITHDRAWAL_REASONS.index) if last else why
        return why

    assert found["withdrawn"].to_list() == [
        expected_reason(row) for row in rows.iter_rows(named=True)
    ]
    assert found["withdrawn"].null_count() not in (0, found.height)


def test_declarations_that_are_all_taken_back_mark_no_post(tmp_path: Path) -> None:
    named = folded(
        tmp_path, ("author", "x:7", "opted_out", 10), ("author", "x:7", "undeclared", 20)
    )
    rows = posts({"id": "x:1", "author": "7"})
    assert tombstones.apply_tombstones(rows, named).equals(rows)


def test_a_declaration_that_is_taken_back_at_the_same_time_does_not_count(tmp_path: Path) -> None:
    named = folded(tmp_path, ("author", "x:7", "allowed", 10), ("author", "x:7", "undeclared", 10))
    assert tombstones.apply_tombstones(posts({"id": "x:1", "author": "7"}), named)[
        "consent"
    ].to_list() == [None]


def test_tombstones_that_are_folded_again_are_opened_again(tmp_path: Path) -> None:
    rows = posts({"id": "x:1"}, {"id": "x:2"})
    folder = tmp_path / "all"
    for name, expected in (("x:1", ["deleted", None]), ("x:2", [None, "deleted"])):
        shutil.rmtree(folder, ignore_errors=True)
        tombstone_frame(("id", name, "deleted", None)).write_parquet(tmp_path / "n.parquet")
        tombstones.fold_tombstones(folder, [tmp_path / "n.parquet"], 1, run_inline)
        found = tombstones.apply_tombstones(rows, tombstones.open_tombstones(folder))
        assert found["withdrawn"].to_list() == expected
