"""Where a source says when accounts were made, a post has the time in ``author_since``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.readers import find
from tests.conftest import write_lines

SECONDS = 1_704_164_645  # 2024-01-02 03:04:05 UTC
ISO, RUBY = "2024-01-02T03:04:05.000Z", "Tue Jan 02 03:04:05 +0000 2024"
TWEET = {"created_at": "Wed Jan 10 20:19:24 +0000 2024", "text": "hi", "id_str": "7"}
COMMENT = {"id": "a", "author": "ann", "body": "hi", "created_utc": 1_705_000_000}
STATUS = {"id": "1", "uri": "https://s.example/users/ann/statuses/1", "content": "<p>hi</p>"}
GNIP = {
    "id": "tag:search.twitter.com,2005:7", "objectType": "activity", "verb": "post", "body": "hi",
    "postedTime": "2024-01-10T20:19:24.000Z",
}  # fmt: skip
SCRAPED = {"id": 7, "content": "hi", "rawContent": "hi", "date": "2024-01-10T20:19:24+00:00"}


def graph(**user: Any) -> dict[str, Any]:
    """A tweet as X's own pages get it."""
    legacy = {"id_str": "7", "full_text": "hi", "created_at": TWEET["created_at"]}
    account = {"__typename": "User", "rest_id": "5", **user}
    return {
        "__typename": "Tweet",
        "rest_id": "7",
        "core": {"user_results": {"result": account}},
        "legacy": legacy | {"user_id_str": "5"},
    }


@pytest.mark.parametrize(
    ("reader", "record"),
    [
        ("reddit", COMMENT | {"link_id": "t3_b", "author_created_utc": SECONDS}),
        ("reddit", {"id": "a", "title": "hi", "author": "ann", "author_created_utc": SECONDS}),
        ("x_stream", TWEET | {"user": {"id_str": "5", "created_at": RUBY}}),
        ("x_stream", GNIP | {"actor": {"id": "id:twitter.com:5", "postedTime": ISO}}),
        (
            "x_api",
            {
                "data": {"id": "7", "text": "hi", "author_id": "5"},
                "includes": {"users": [{"id": "5", "username": "ann", "created_at": ISO}]},
            },
        ),
        ("x_scrape", SCRAPED | {"user": {"id": 5, "username": "ann", "created": ISO}}),
        ("x_scrape", graph(legacy={"screen_name": "ann", "created_at": RUBY})),
        ("x_scrape", graph(core={"screen_name": "ann", "created_at": RUBY})),
        ("mastodon", STATUS | {"account": {"id": "5", "acct": "ann", "created_at": ISO}}),
    ],
)
def test_the_day_of_an_account_is_read(tmp_path: Path, reader: str, record: dict[str, Any]) -> None:
    (moment,) = read(reader, tmp_path, record)
    # Of a status of the streams only the day is read, which takes a fourth of the time.
    is_status = reader == "x_stream" and "user" in record
    assert moment == (SECONDS // 86_400 * 86_400 if is_status else SECONDS) * 1_000_000
    bare = json.loads(json.dumps(record).replace(ISO, "").replace(RUBY, ""))
    assert read(reader, tmp_path, bare | {"author_created_utc": None}) == [None]


def read(reader: str, folder: Path, record: dict[str, Any]) -> list[int | None]:
    """What the posts of one record have."""
    path = write_lines(folder / "a.jsonl", [record])
    module: Any = find(reader)
    batches = module.read(str(path), module.Config(path=str(path)), 100, None)
    return pl.concat(batch.posts for batch in batches)["author_since"].to_list()
