"""Posts of Tumblr's API, in blocks and of the older types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import tumblr
from corpus.readers.contract import Post, Record, Refused

POST: dict[str, Any] = {
    "object_type": "post",
    "type": "blocks",
    "id": 7011,
    "id_string": "7011",
    "blog_name": "gull",
    "blog": {"name": "gull"},
    "state": "published",
    "timestamp": 1714521600,
    "tags": ["tides", "low water"],
    "note_count": 3,
    "reblog_key": "k",
    "content": [{"type": "text", "text": "low water"}],
    "layout": [],
    "trail": [],
}
ITEM: dict[str, Any] = {
    "post": {"id": "6001"},
    "blog": {"name": "tern"},
    "content": [{"type": "text", "text": "high tide"}],
    "layout": [],
}
OLD = {key: POST[key] for key in POST if key not in ("content", "layout", "type")}


def decode(row: object, **settings: Any) -> list[Record]:
    config = tumblr.Config(path="posts.jsonl", **settings)
    return list(tumblr.PostDecoder(config).decode(json.dumps(row).encode()))


def post_of(row: object, **settings: Any) -> Post:
    (post,) = decode(row, **settings)
    assert isinstance(post, Post)
    return post


def text_of(*blocks: Any, **changes: Any) -> str:
    return post_of({**POST, "content": list(blocks), **changes}).text


def test_a_post_of_blocks_is_read() -> None:
    assert post_of(POST) == Post(
        "tumblr:7011",
        "low water",
        author="gull",
        created_at=1_714_521_600_000_000,
        root_id="tumblr:7011",
        score=3,
    )
    assert post_of(POST, with_tags=True).text == "low water\n\n#tides #low water"


def test_blocks_become_lines_and_paragraphs() -> None:
    def line(text: str, subtype: str) -> dict[str, str]:
        return {"type": "text", "text": text, "subtype": subtype}

    poll = {"type": "poll", "question": "which?", "answers": [{"answer_text": "ebb"}]}
    assert text_of(line("Tides", "heading1"), {"type": "text", "text": "mud"}, poll) == (
        "Tides\n\nmud\n\nwhich?\n- ebb"
    )
    assert text_of(
        line("a", "unordered-list-item"), line("b", "unordered-list-item"), line("c", "quote")
    ) == ("- a\n- b\n\n> c")
    picture = {"type": "image", "alt_text": "a grey gull", "media": []}
    assert text_of(picture, {"type": "link", "url": "https://a.example", "title": "A"}) == ""
    assert post_of({**POST, "content": [picture]}, with_alt=True).text == "a grey gull"


def test_a_question_is_marked_as_a_quote() -> None:
    ask = [{"type": "ask", "blocks": [0], "attribution": {"blog": {"name": "tern"}}}]
    question, answer = {"type": "text", "text": "when?"}, {"type": "text", "text": "at noon"}
    assert text_of(question, answer, layout=ask) == "> when?\n\nat noon"
    old = {**OLD, "type": "answer", "question": "when?", "answer": "<p>at noon</p>"}
    assert post_of(old).text == "> when?\n\nat noon"


def test_reblogs_are_reposts_and_with_words_quotes() -> None:
    first = {**ITEM, "post": {"id": "5001"}, "blog": {"name": "auk"}}
    repost = post_of({**POST, "content": [], "trail": [first, ITEM]})
    assert (repost.kind, repost.text, repost.original_author) == ("repost", "high tide", "tern")
    assert (repost.parent_id, repost.root_id) == ("tumblr:6001", "tumblr:5001")
    quote = post_of({**POST, "trail": [first, ITEM]})
    assert (quote.kind, quote.text, quote.original_author) == ("quote", "low water", None)
    assert (quote.parent_id, quote.root_id) == ("tumblr:6001", "tumblr:5001")


def test_reblogs_in_html_are_read_without_the_quoted_posts() -> None:
    body = '<p><a class="tumblr_blog" href="https://tern.example/6001">tern</a>:</p>'
    body += "<blockquote><p>high tide</p></blockquote>"
    before = {"post": {"id": "6001"}, "blog": {"name": "tern"}, "content_raw": "<p>high tide</p>"}
    own = {"post": {"id": "7011"}, "blog": {"name": "gull"}, "is_current_item": True}
    old = {**OLD, "type": "text", "body": body + "<p>low water</p>"}
    quote = post_of({**old, "trail": [before, {**own, "content_raw": "<p>low water</p>"}]})
    assert (quote.kind, quote.text) == ("quote", "low water")
    commented = post_of({**old, "trail": [before], "reblog": {"comment": "<p>low water</p>"}})
    assert commented == quote
    repost = post_of({**OLD, "type": "text", "body": body, "trail": [before, own]})
    assert (repost.kind, repost.text, repost.original_author) == ("repost", "high tide", "tern")
    bare = post_of({**old, "trail": None, "reblogged_from_id": "6001"})
    assert (bare.kind, bare.text) == ("repost", "> high tide\n\nlow water")


@pytest.mark.parametrize(
    ("post", "text"),
    [
        (
            {"type": "text", "title": "Tides", "body": "<p>low &amp; high</p>"},
            "Tides\n\nlow & high",
        ),
        ({"type": "photo", "caption": "<p>mud</p>"}, "mud"),
        (
            {"type": "quote", "text": "low water", "source": "a <b>book</b>"},
            "> low water\n\na book",
        ),
        ({"type": "link", "title": "Its page", "description": "<p>see</p>"}, "see"),
        (
            {"type": "chat", "dialogue": [{"label": "A:", "phrase": "hi"}, {"phrase": "yo"}]},
            "A: hi\nyo",
        ),
    ],
)
def test_each_older_type_has_its_parts(post: Any, text: str) -> None:
    assert post_of({**OLD, **post}).text == text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "private"}, "private"),
        ({"state": "draft"}, "private"),
        ({"state": "queued"}, "private"),
        ({"blog": {"is_password_protected": True}}, "private"),
        ({"blog_name": "gull-deactivated20240501"}, "deleted"),
        (
            {"content": [], "trail": [{**ITEM, "blog": {"name": "tern-deactivated20240501"}}]},
            "deleted",
        ),
        (
            {"content": [], "trail": [{**ITEM, "blog": None, "broken_blog_name": "a-deactivated"}]},
            "deleted",
        ),
    ],
)
def test_what_is_not_public_is_withdrawn_without_text(change: Any, reason: str) -> None:
    post = post_of({**POST, **change})
    assert (post.text, post.withdrawn) == ("", reason)


def test_answers_of_the_api_are_read(tmp_path: Path) -> None:
    rows = [
        {"meta": {"status": 200}, "response": {"posts": [POST, {**POST, "id_string": None}]}},
        {"response": [{**POST, "id_string": "7012"}, {"blog_name": "gull", "id": 1.5}]},
        {"response": {"posts": [{"object_type": "title"}]}},
        {"response": {"posts": []}},
        {"errors": [{"title": "Not Found"}]},
        {**POST, "id_string": "7013"},
    ]
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (batch,) = tumblr.read(str(path), tumblr.Config(path=str(path)), 100)
    ids = ["tumblr:7011", "tumblr:7011", "tumblr:7012", "tumblr:7013"]
    assert batch.posts["id"].to_list() == ids
    assert batch.skipped == {"not_a_post": 1, "empty_page": 1, "error": 1}
    assert batch.refused.rows() == [(str(path), 2, "no_id")]


def test_a_post_without_content_is_refused() -> None:
    with pytest.raises(Refused, match="no_text"):
        decode(OLD)
