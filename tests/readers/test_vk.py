"""Posts and comments of VK's walls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import vk
from corpus.readers.contract import Post, Record, Refused, Skipped, Tombstone

POST: dict[str, Any] = {
    "id": 20,
    "owner_id": -7,
    "from_id": -7,
    "date": 1714521600,
    "text": "low water",
    "post_type": "post",
    "likes": {"count": 3},
    "comments": {"count": 2},
}
COMMENT: dict[str, Any] = {
    "id": 22,
    "owner_id": -7,
    "post_id": 20,
    "from_id": 12,
    "date": 1714521660,
    "text": "[id5|Tern], so it is",
    "parents_stack": [21],
    "likes": {"count": 1},
    "thread": {"count": 0, "items": []},
}


def decode(row: object, **settings: Any) -> list[Record]:
    config = vk.Config(path="wall.jsonl", **settings)
    return list(vk.PostDecoder(config).decode(json.dumps(row).encode()))


def post_of(row: object, **settings: Any) -> Post:
    (post,) = decode(row, **settings)
    assert isinstance(post, Post)
    return post


def test_a_post_of_a_community_is_read() -> None:
    assert post_of(POST) == Post(
        "vk:-7_20",
        "low water",
        author="-7",
        community="club7",
        created_at=1_714_521_600_000_000,
        root_id="vk:-7_20",
        score=3,
        replies=2,
    )


def test_a_comment_replies_to_a_comment_or_to_its_post() -> None:
    post = post_of(COMMENT)
    assert (post.id, post.kind, post.author) == ("vk:-7_22", "reply", "12")
    assert (post.parent_id, post.root_id) == ("vk:-7_21", "vk:-7_20")
    assert post_of({**COMMENT, "reply_to_comment": 19}).parent_id == "vk:-7_19"
    assert post_of({**COMMENT, "parents_stack": []}).parent_id == "vk:-7_20"
    assert post_of({**POST, "post_type": "reply", "reply_post_id": 19}).root_id == "vk:-7_19"


@pytest.mark.parametrize(
    ("written", "masked", "named"),
    [
        ("[id5|Tern], so it is", "@user, so it is", "Tern, so it is"),
        ("[id5:bp-7_20|Tern], so it is", "@user, so it is", "Tern, so it is"),
        ("@id5 (Tern) so it is", "@user so it is", "@id5 (Tern) so it is"),
        ("[club7|Tides] and [https://vk.com/a|maps]", "Tides and maps", "Tides and maps"),
        ("low<br>water &amp; mud [1]", "low\nwater & mud [1]", "low\nwater & mud [1]"),
    ],
)
def test_names_of_mentioned_people_are_masked(written: str, masked: str, named: str) -> None:
    assert post_of({**POST, "text": written}).text == masked
    assert post_of({**POST, "text": written}, mask_mentions=False).text == named


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"friends_only": 1}, "private"),
        ({"donut": {"is_donut": True}}, "private"),
        ({"is_archived": True}, "private"),
        ({"post_type": "postpone"}, "private"),
        ({"post_type": "suggest"}, "private"),
        ({"is_deleted": True}, "deleted"),
        ({"deleted": True, "from_id": 0}, "deleted"),
    ],
)
def test_what_a_post_says_withdraws_it(change: Any, reason: str) -> None:
    post = post_of({**POST, **change})
    assert (post.text, post.withdrawn) == ("", reason)
    repost = {**POST, "id": 30, "text": "", "copy_history": [{**POST, **change}]}
    assert (post_of(repost).text, post_of(repost).withdrawn) == ("", reason)


@pytest.mark.parametrize(
    ("profile", "group", "reasons"),
    [
        ({"is_closed": True}, {}, [None, None]),  # a comment is on another's wall
        ({"deactivated": "deleted"}, {}, [None, "deleted"]),
        ({"deactivated": "banned"}, {}, [None, "removed"]),
        ({}, {"is_closed": 1}, ["private", "private"]),
        ({}, {"is_closed": 0}, [None, None]),
    ],
)
def test_the_owners_in_an_answer_count(profile: Any, group: Any, reasons: list[str | None]) -> None:
    people = [{"id": 12, "screen_name": "gull", **profile}]
    page = {"items": [POST, COMMENT], "profiles": people, "groups": [{"id": 7, **group}]}
    posts = decode({"response": page})
    assert [post.withdrawn for post in posts if isinstance(post, Post)] == reasons
    assert isinstance(posts[1], Post) and posts[1].author_name == "gull"


def test_people_of_the_answer_are_found_in_texts_by_their_addresses() -> None:
    people = [{"id": 12, "screen_name": "Gull"}, {"id": 13, "screen_name": "tern"}]
    assert post_of({"items": [{**POST, "text": "so says @gull"}], "profiles": people}).mentions == (
        "gull=12"
    )


def test_a_wall_of_a_closed_profile_is_protected() -> None:
    page = {"items": [{**POST, "owner_id": 12}], "profiles": [{"id": 12, "is_closed": True}]}
    assert post_of(page).withdrawn == "protected" and post_of(page).text == ""


def test_reposts_have_the_text_of_their_original_and_quotes_their_own() -> None:
    original = {**POST, "id": 3, "owner_id": 9, "from_id": 9, "text": "high tide"}
    repost = post_of({**POST, "text": "", "copy_history": [original]})
    assert (repost.kind, repost.text, repost.parent_id) == ("repost", "high tide", "vk:9_3")
    assert (repost.original_author, repost.root_id) == ("9", None)
    quote = post_of({**POST, "copy_history": [original]})
    assert (quote.kind, quote.text, quote.parent_id) == ("quote", "low water", None)
    old = {**POST, "text": "high tide", "copy_owner_id": 9, "copy_post_id": 3, "copy_text": ""}
    assert (post_of(old).kind, post_of(old).text) == ("repost", "high tide")


def test_polls_are_text_and_edits_supersede() -> None:
    poll = {"question": "which?", "answers": [{"text": "ebb"}, {"text": "flow"}]}
    attached = [{"type": "photo"}, {"type": "poll", "poll": poll}]
    assert post_of({**POST, "attachments": attached}).text == "low water\n\nwhich?\n- ebb\n- flow"
    _, notice = decode({**POST, "edited": 1714521700})
    assert notice == Tombstone("id", "vk:-7_20", "superseded", 1_714_521_700_000_000)


def test_answers_of_every_version_are_read(tmp_path: Path) -> None:
    thread = {**COMMENT, "thread": {"count": 1, "items": [{**COMMENT, "id": 23}]}}
    rows = [
        {"response": {"count": 1, "items": [POST, thread]}},
        {"response": [1, {**POST, "owner_id": None, "to_id": -7, "id": 24}]},
        {"response": {"count": 0, "items": []}},
        {**POST, "id": 26, "comments": [{**COMMENT, "id": 27}, "x"]},
        {"items": [{"source_id": -7, "post_id": 25, "date": 1, "text": "ebb", "type": "post"}]},
        {"items": [{"source_id": -7, "date": 1, "type": "wall_photo"}, {**POST, "id": "x"}]},
        {"error": {"error_code": 15}},
        {**POST, "post_type": "post_ads"},
    ]
    path = tmp_path / "wall.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (batch,) = vk.read(str(path), vk.Config(path=str(path)), 100)
    ids = ["vk:-7_20", "vk:-7_22", "vk:-7_23", "vk:-7_24", "vk:-7_26", "vk:-7_27", "vk:-7_25"]
    assert batch.posts["id"].to_list() == ids
    assert batch.skipped == {"empty_page": 1, "feed_item": 1, "error": 1, "advertisement": 1}
    assert batch.refused.rows() == [(str(path), 4, "wrong_type"), (str(path), 6, "no_id")]


def test_a_post_without_a_wall_or_words_is_refused() -> None:
    with pytest.raises(Refused, match="no_id"):
        decode({**POST, "owner_id": None})
    with pytest.raises(Refused, match="no_text"):
        decode({**POST, "text": None})
    assert decode({"response": {"count": 0}}) == [Skipped("empty_page")]
