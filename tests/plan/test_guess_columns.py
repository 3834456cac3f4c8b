"""The columns of a post are found among the names and the values of a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from corpus.plan.guess_columns import guess_fields

STATUS = {
    "url": "https://x.example/ada/status/17",
    "date": "2023-03-01T10:00:00+00:00",
    "rawContent": "the ferry is late",
    "id": 17,
    "user": {"username": "ada", "id": 5, "description": "I like tea", "created": "2010-01-01"},
    "inReplyToTweetId": None,
    "conversationId": 17,
    "likeCount": 3,
    "quotedTweet": {"id": 9, "rawContent": "tea"},
}
COMMENT = {
    "id": "c1",
    "text": "what a song",
    "author": "ada",
    "author_id": "UC1",
    "timestamp": 1714521600,
    "like_count": 7,
    "parent": "root",
}
SNIPPET = {
    "kind": "comment",
    "id": "c1",
    "snippet": {
        "textDisplay": "what a song",
        "authorDisplayName": "ada",
        "publishedAt": "2024-05-01T00:00:00Z",
        "likeCount": 2,
        "parentId": "c0",
    },
}
MONGO = {
    "_id": {"$oid": "65a"},
    "body": "tea?",
    "user": {"screen_name": "ada", "name": "Ada"},
    "created": {"$date": "2024-05-01T00:00:00Z"},
    "replies": [{"body": "no"}],
}
EXCEL = {
    "Comment ID": "a7",
    "Comment Text": "lovely",
    "User Name": "ada",
    "Created At": "2024-05-01 10:00",
    "Likes": "12",
    "In Reply To": "a6",
    "Thread ID": "a1",
}
PARQUET = {"uid": 5, "content": "tea", "time": datetime(2024, 5, 1, tzinfo=UTC), "points": 2.0}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            STATUS,
            {
                "id": "id",
                "text": "rawContent",
                "author": "user.username",
                "created_at": "date",
                "score": "likeCount",
                "root_id": "conversationId",
            },
        ),
        (STATUS | {"inReplyToTweetId": 16}, {"parent_id": "inReplyToTweetId"}),
        (
            COMMENT,
            {
                "id": "id",
                "text": "text",
                "author": "author",
                "created_at": "timestamp",
                "score": "like_count",
            },
        ),
        (
            SNIPPET,
            {
                "id": "id",
                "text": "snippet.textDisplay",
                "author": "snippet.authorDisplayName",
                "created_at": "snippet.publishedAt",
                "score": "snippet.likeCount",
                "parent_id": "snippet.parentId",
            },
        ),
        (
            MONGO,
            {
                "id": "_id.$oid",
                "text": "body",
                "author": "user.screen_name",
                "created_at": "created.$date",
            },
        ),
        (
            EXCEL,
            {
                "id": "Comment ID",
                "text": "Comment Text",
                "author": "User Name",
                "created_at": "Created At",
                "score": "Likes",
                "parent_id": "In Reply To",
                "root_id": "Thread ID",
            },
        ),
        (PARQUET, {"text": "content", "author": "uid", "created_at": "time", "score": "points"}),
        ({"full_text": "whole text", "text": "whole…"}, {"text": "full_text"}),
        ({"id": "1", "post": 7, "message": "tea"}, {"id": "id", "text": "message"}),
        ({"text": "https://a.example/1", "caption": "tea"}, {"text": "caption"}),
        ({"n": 1, "remark": "a long remark of several words", "x": "no"}, {"text": "remark"}),
        ({"title": "Tea", "selftext": "I like it"}, {"text": ["title", "selftext"]}),
        ({"title": "Tea"}, {"text": "title"}),
        ({"n": 1, "x": "7.5"}, {}),
    ],
)
def test_known_columns_are_found(row: dict[str, Any], expected: dict[str, Any]) -> None:
    fields, time_format = guess_fields([row])
    if len(expected) > 1 or not expected:
        assert expected == fields
    assert expected.items() <= fields.items()
    assert not time_format


def test_a_header_object_does_not_hide_the_columns() -> None:
    rows = [{"_meta": {"made": "x"}}, *({"id": n, "text": f"tea {n}"} for n in range(5))]
    assert ({"id": "id", "text": "text"}, "") == guess_fields(rows)


def test_ids_that_repeat_are_no_ids_and_a_title_of_a_thread_is_no_title() -> None:
    rows = [{"id": 7, "title": "Tea", "text": f"tea {n}"} for n in range(5)]
    assert {"text": "text"} == guess_fields(rows)[0]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("13/05/2024 10:00", "01/02/2024 11:00"), "%d/%m/%Y %H:%M"),
        (("05/13/2024", "01/02/2024"), "%m/%d/%Y"),
        (("05/13/2024 1:05 PM",), "%m/%d/%Y %I:%M %p"),
        (("05/06/2024", "01/02/2024"), ""),
        (("13/05/2024", "05/13/2024"), ""),
    ],
)
def test_the_order_of_day_and_month_is_told_from_the_values(
    days: tuple[str, ...], expected: str
) -> None:
    fields, time_format = guess_fields([{"text": "tea", "date": day} for day in days])
    assert time_format == expected
    assert ("created_at" in fields) == bool(expected)
