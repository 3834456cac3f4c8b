"""TikTok's research API, the objects of its web page, and the exports of accounts."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.readers import tiktok
from corpus.readers.contract import Post, Record, Refused, Sample

COMMENT: dict[str, Any] = {
    "id": 31,
    "video_id": 20,
    "parent_comment_id": 20,
    "text": "low water",
    "create_time": 1714521600,
    "like_count": 3,
    "reply_count": 1,
}
VIDEO: dict[str, Any] = {
    "id": 20,
    "video_description": "tides #mud",
    "create_time": 1714521600,
    "username": "gull",
    "like_count": 9,
    "comment_count": 2,
}
SCRAPED: dict[str, Any] = {
    "cid": "32",
    "aweme_id": "20",
    "text": "mud",
    "create_time": 1714521600,
    "digg_count": 4,
    "reply_comment_total": 0,
    "reply_id": "31",
    "comment_language": "en",
    "user": {"uid": "7", "unique_id": "tern"},
}
PAGE_VIDEO: dict[str, Any] = {
    "id": "21",
    "desc": "ebb",
    "createTime": 1714521600,
    "author": {"uniqueId": "gull", "privateAccount": False},
    "stats": {"diggCount": 5, "commentCount": 6},
}
EXPORT: dict[str, Any] = {
    "Your Activity": {"Searches": {"SearchList": [{"SearchTerm": "secret"}]}},
    "Comment": {
        "Comments": {
            "CommentsList": [
                {"date": "2024-05-01 00:00:00", "comment": "low water", "photo": "N/A", "url": ""},
                {"date": "2024-05-01 00:01:00", "comment": "", "photo": "x", "url": ""},
            ]
        }
    },
    "Direct Message": {
        "Direct Messages": {"ChatHistory": {"Chat History with tern:": [{"Content": "secret"}]}}
    },
    "Post": {
        "Posts": {
            "VideoList": [
                {
                    "Date": "2024-05-02 00:00:00",
                    "Title": "tides",
                    "WhoCanView": "Public",
                    "Likes": "4",
                },
                {"Date": "2024-05-03 00:00:00", "Title": "mud", "WhoCanView": "Friends"},
            ]
        },
        "Recently Deleted Posts": {"PostList": [{"Title": "secret"}]},
    },
    "Profile": {"Profile Info": {"ProfileMap": {"userName": "gull"}}},
}


def decode(row: object) -> list[Record]:
    return list(tiktok.decode(json.dumps(row).encode()))


def post_of(row: object) -> Post:
    (post,) = decode(row)
    assert isinstance(post, Post)
    return post


def read_posts(path: Path, content: object, **settings: Any) -> pl.DataFrame:
    path.write_text(json.dumps(content))
    (batch,) = tiktok.read(str(path), tiktok.Config(path=str(path), **settings), 100)
    assert batch.refused.is_empty()
    return batch.posts


def test_comments_of_the_research_api_reply_to_a_video_or_a_comment() -> None:
    assert post_of(COMMENT) == Post(
        "tiktok:31",
        "low water",
        "reply",
        created_at=1_714_521_600_000_000,
        parent_id="tiktok:20",
        root_id="tiktok:20",
        score=3,
        replies=1,
    )
    assert post_of({**COMMENT, "parent_comment_id": 30}).parent_id == "tiktok:30"


def test_videos_have_their_description_as_text() -> None:
    post = post_of(VIDEO)
    assert (post.id, post.text, post.author) == ("tiktok:20", "tides #mud", "gull")
    assert (post.kind, post.score, post.replies) == ("post", 9, 2)
    seen = post_of(PAGE_VIDEO)
    assert (seen.id, seen.text, seen.author, seen.score) == ("tiktok:21", "ebb", "gull", 5)


def test_comments_of_the_web_page_have_authors() -> None:
    post = post_of(SCRAPED)
    assert (post.id, post.author, post.lang_hint) == ("tiktok:32", "tern", "en")
    assert (post.parent_id, post.root_id, post.score) == ("tiktok:31", "tiktok:20", 4)
    top = post_of({**SCRAPED, "reply_id": "0", "comment_language": "un"})
    assert (top.parent_id, top.lang_hint) == ("tiktok:20", None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"privateItem": True}, "private"),
        ({"forFriend": True}, "private"),
        ({"author": {"uniqueId": "gull", "privateAccount": True}}, "protected"),
    ],
)
def test_a_video_that_not_everybody_can_view_is_withdrawn(change: Any, reason: str) -> None:
    post = post_of({**PAGE_VIDEO, **change})
    assert (post.text, post.withdrawn) == ("", reason)


def test_answers_are_read_with_the_replies_in_them(tmp_path: Path) -> None:
    rows = [
        {"data": {"comments": [COMMENT, {**COMMENT, "id": 1.5}], "has_more": True}, "error": {}},
        {"data": {"videos": [VIDEO]}},
        {"comments": [{**SCRAPED, "reply_comment": [{**SCRAPED, "cid": "33"}]}], "status_code": 0},
        {"data": {"comments": []}},
        {"error": {"code": "rate_limit_exceeded"}},
    ]
    path = tmp_path / "comments.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (batch,) = tiktok.read(str(path), tiktok.Config(path=str(path)), 100)
    assert batch.posts["id"].to_list() == ["tiktok:31", "tiktok:20", "tiktok:32", "tiktok:33"]
    assert batch.skipped == {"empty_page": 1, "error": 1}
    assert batch.refused.rows() == [(str(path), 1, "no_id")]


def test_an_export_is_private_without_consent(tmp_path: Path) -> None:
    posts = read_posts(tmp_path / "user_data_tiktok.json", EXPORT)
    assert posts["withdrawn"].to_list() == ["private"] * 3
    assert posts["text"].to_list() == [""] * 3 and posts["author"].null_count() == 3


def test_of_a_consented_export_only_public_posts_and_comments_are_read(tmp_path: Path) -> None:
    posts = read_posts(tmp_path / "user_data_tiktok.json", EXPORT, consented=True)
    assert posts.select("text", "kind", "author", "score", "withdrawn").rows() == [
        ("low water", "reply", "gull", None, None),
        ("tides", "post", "gull", 4, None),
        ("", "post", None, None, "private"),
    ]
    assert str(posts["created_at"][0]).startswith("2024-05-01 00:00:00")
    assert "secret" not in str(posts.to_dicts())
    moved = read_posts(tmp_path / "user_data.json", EXPORT, consented=True, account="auk")
    assert moved["id"].to_list() == posts["id"].to_list() and moved["author"][0] == "auk"


def test_older_exports_and_zips_are_read(tmp_path: Path) -> None:
    old = {
        "Activity": {},
        "Comment": {"CommentsList": [{"Date": "2021-05-01 00:00:00", "Comment": "low water"}]},
        "Video": {"Videos": {"VideoList": [{"Date": "2021-05-01 00:00:00", "Link": "x"}]}},
    }
    assert read_posts(tmp_path / "user_data.json", old, consented=True)["text"][0] == "low water"
    path = tmp_path / "TikTok_Data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user_data_tiktok.json", json.dumps(old))
        archive.writestr("other.json", json.dumps(EXPORT))
    (batch,) = tiktok.read(str(path), tiktok.Config(path=str(path), consented=True), 100)
    assert batch.posts["text"].to_list() == ["low water"]


def test_an_export_without_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "user_data.json"
    path.write_text('{"Activity": {}}')
    (batch,) = tiktok.read(str(path), tiktok.Config(path=str(path)), 100)
    assert batch.refused["reason"].to_list() == ["no_posts"]
    assert tiktok.fits(Sample("user_data.json", (), b'{"Activity": {}}')) == 1


def test_a_comment_without_words_is_refused() -> None:
    with pytest.raises(Refused, match="no_text"):
        decode({**COMMENT, "text": None})
    with pytest.raises(Refused, match="no_id"):
        decode({**COMMENT, "id": 0})
