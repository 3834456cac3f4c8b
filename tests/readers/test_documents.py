"""Every reader of JSON reads documents of records as it reads lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus import readers
from corpus.readers.contract import Batch
from tests.readers import test_fits as samples
from tests.support.readings import read_dump

POSTS: list[Any] = [{"id": n, "text": f"tea {n}", "at": 1714521600 + n} for n in range(4)]
COMMENTS = [samples.COMMENT | {"id": name} for name in ("a1", "a2", "a3")]
TOOTS = [samples.TOOT | {"uri": f"https://a.example/users/ada/statuses/{n}"} for n in range(3)]
ROWS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "table": (POSTS, {"fields": {"id": "id", "text": "text", "created_at": "at"}}),
    "reddit": ([*COMMENTS, samples.SUBMISSION], {}),
    "hackernews": ([samples.ITEM, samples.STORY], {}),
    "mastodon": (TOOTS, {}),
    "bluesky": ([samples.COMMIT, samples.COMMIT], {}),
    "lemmy": ([samples.LEMMY_VIEW] * 2, {"instance": "lemmy.example"}),
    "fourchan": ([samples.THREAD, samples.THREAD], {"board": "g"}),
    "x_stream": ([samples.STATUS, {"delete": {"status": {"id": 1, "id_str": "1"}}}], {}),
    "x_api": ([samples.TWEET, {"data": [samples.TWEET], "includes": {}}], {}),
}


def show(batches: list[Batch]) -> tuple[Any, ...]:
    """Return all that was read but the rows, which count lines or records."""
    posts = pl.concat(batch.posts for batch in batches).drop("source_row", "source_file")
    tombstones = pl.concat(batch.tombstones for batch in batches)
    refused = pl.concat(batch.refused for batch in batches)["reason"]
    skipped = [batch.skipped for batch in batches]
    return posts.rows(), tombstones.rows(), refused.to_list(), skipped


@pytest.mark.parametrize("name", ROWS)
def test_a_document_is_read_like_lines(name: str, tmp_path: Path) -> None:
    rows, settings = ROWS[name]
    lines = tmp_path / "lines.json"
    lines.write_text("\n".join(map(json.dumps, rows)))
    expected = show(read_dump(name, lines, settings))
    assert expected[0]
    assert not expected[2]
    document = tmp_path / "document.json"
    for text, records in (
        (json.dumps(rows), ""),
        (json.dumps(rows, indent=2), ""),
        ("".join(json.dumps(row, indent=2) for row in rows), ""),
        ("\n".join(json.dumps(row, indent=2) for row in rows), ""),
        (json.dumps({"next": 1, "found": {"all": rows}}), "found.all"),
        (json.dumps({"next": 1, "found": {"all": rows}}, indent=1), "found.all"),
    ):
        document.write_text(text)
        found = read_dump(name, document, settings | {"records": records})
        assert expected == show(found), text[:60]


def test_a_document_is_read_in_parts_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "posts.json"
    path.write_text(json.dumps(POSTS, indent=1).replace('"text": "tea 1"', '"text": "tea 1'))
    settings = ROWS["table"][1]
    parts = read_dump("table", path, settings, 1)
    assert [1, 3, 4] == [row for part in parts for row in part.posts["source_row"]]
    refused = [row[1:] for part in parts for row in part.refused.rows()]
    assert [(2, "malformed_json")] == refused
    for index, part in enumerate(parts[:-1], start=1):
        rest = read_dump("table", path, settings, 1, part.cursor)
        assert [p.posts.rows() for p in parts[index:]] == [p.posts.rows() for p in rest]


def test_posts_without_ids_are_named_by_the_number_of_their_record(tmp_path: Path) -> None:
    path = tmp_path / "posts.json"
    path.write_text(json.dumps(POSTS))
    (part,) = read_dump("table", path, {"fields": {"text": "text"}})
    assert [f"table:posts.json:{n}" for n in (1, 2, 3, 4)] == part.posts["id"].to_list()


def test_replies_in_a_page_of_mastodon_over_several_lines_have_their_parents(
    tmp_path: Path,
) -> None:
    reply = TOOTS[1] | {"id": "9", "in_reply_to_id": "1", "in_reply_to_account_id": "77"}
    path = tmp_path / "page.json"
    for indent in (None, 1):
        path.write_text(json.dumps([TOOTS[0], reply], indent=indent))
        (part,) = read_dump("mastodon", path, {})
        assert [None, f"mastodon:{TOOTS[0]['uri']}"] == part.posts["parent_id"].to_list()


@pytest.mark.parametrize("indent", [None, 1])
def test_deletions_in_a_document_apply_to_its_statuses(indent: int | None, tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    rows = [{"event": "update", "payload": TOOTS[0]}, {"event": "delete", "payload": "1"}]
    path.write_text("".join(json.dumps(row, indent=indent) for row in rows))
    (part,) = read_dump("mastodon", path, {})
    assert ["deleted_later"] == part.posts["withdrawn"].to_list()


@pytest.mark.parametrize("key", ["posts", "comments"])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_page_of_lemmy_is_read_view_by_view(key: str, indent: int | None, tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    local = {"post": samples.LEMMY_POST | {"local": True}}
    views: list[Any] = [samples.LEMMY_VIEW | local, 5, samples.LEMMY_VIEW | local]
    path.write_text(json.dumps({key: views, "next_page": "P2"}, indent=indent))
    (part,) = read_dump("lemmy", path, {})
    assert ["lemmy:lemmy.example/post/1"] * 2 == part.posts["id"].to_list()
    assert ["wrong_type"] == part.refused["reason"].to_list()
    path.write_text(json.dumps({key: []}))
    assert {"empty_page": 1} == read_dump("lemmy", path, {})[0].skipped


def test_records_under_a_key_must_be_named_by_keys(tmp_path: Path) -> None:
    for name in ROWS:
        assert "records" in readers.find(name).Config.model_fields
    for wrong in (".", "a.", ".a", "a..b"):
        with pytest.raises(ValueError, match="records"):
            read_dump("reddit", tmp_path / "x", {"records": wrong})
