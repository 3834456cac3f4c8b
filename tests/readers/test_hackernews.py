"""Hacker News's items, and the rows of its mirrors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.readers import contract, hackernews
from corpus.readers.contract import Post, Refused, Sample, Skipped
from corpus.readers.hackernews import Config
from tests.conftest import write_lines

STORY: dict[str, Any] = {
    "id": 101,
    "type": "story",
    "by": "ada",
    "time": 1_271_699_520,
    "title": "A vector&lt;int&gt; of kettles",
    "url": "https://example.com/kettles",
    "text": "One.<p>Two &amp;amp; three.",
    "score": 7,
    "descendants": 2,
    "kids": [102],
}
COMMENT: dict[str, Any] = {
    "id": 102,
    "type": "comment",
    "by": "bob",
    "time": 1_271_699_521,
    "text": "I&#x27;d say <i>so</i>.",
    "parent": 101,
}


def decode(row: object, **config: Any) -> contract.Record:
    made = hackernews.make_decoder(Config(path="x", **config))
    (record,) = made(json.dumps(row).encode())
    return record


def post(row: dict[str, Any], **changes: Any) -> Post:
    record = decode({**row, **changes})
    assert isinstance(record, Post)
    return record


def test_a_story_opens_a_thread() -> None:
    assert Post(
        id="hackernews:101",
        text="A vector<int> of kettles\n\nOne.\n\nTwo &amp; three.",
        author="ada",
        created_at=1_271_699_520_000_000,
        root_id="hackernews:101",
        score=7,
        replies=2,
    ) == post(STORY)


def test_a_comment_names_its_parent_and_has_no_score() -> None:
    assert Post(
        id="hackernews:102",
        text="I'd say so.",
        kind="reply",
        author="bob",
        created_at=1_271_699_521_000_000,
        parent_id="hackernews:101",
    ) == post(COMMENT, score=0, descendants=0)


@pytest.mark.parametrize("kind", ["job", "poll", 1, 3, 5])
def test_jobs_and_polls_are_posts(kind: str | int) -> None:
    assert ("post", "hackernews:101") == (
        post(STORY, type=kind).kind,
        post(STORY, type=kind).root_id,
    )


def test_a_polls_option_is_a_reply_to_its_poll() -> None:
    option = post(COMMENT, type="pollopt", poll=99, parent=None, score=3)
    assert ("reply", "hackernews:99", "hackernews:99", 3) == (
        option.kind, option.parent_id, option.root_id, option.score,
    )  # fmt: skip


def test_a_missing_type_is_inferred_from_the_parent_and_a_number_is_mapped() -> None:
    assert "reply" == post({**COMMENT, "type": None}).kind
    assert post(COMMENT) == post(COMMENT, type=2)
    assert post(COMMENT, type="pollopt", poll=9) == post(COMMENT, type=4, poll=9)
    assert "post" == post({**STORY, "type": None}, parent=0).kind


def test_a_story_s_address_is_in_its_text_only_if_configured() -> None:
    shown = decode({**STORY, "text": None, "title": "Kettles"}, with_url=True)
    assert isinstance(shown, Post)
    assert "Kettles\n\nhttps://example.com/kettles" == shown.text


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (101, "101"), (101.0, "101"), ("101", "101"), ("101.0", "101"), (101.5, ""), (1e300, ""),
        (0, ""), (-5, ""), (None, ""), ("", ""), ("nan", ""), ("1e3", ""), (9.1e15, ""),
    ],
)  # fmt: skip
def test_an_id_may_be_a_float_if_it_is_whole(value: Any, name: str) -> None:
    assert name == hackernews.parse_item_id(value)
    if not name:
        with pytest.raises(Refused, match="no_id"):
            post(STORY, id=value)


def test_a_mirror_s_floats_and_texts_are_parsed() -> None:
    row = post(
        COMMENT, id=102.0, parent=101.0, time="2010-04-19 17:52:01 UTC", deleted="", dead=0.0
    )
    assert post(COMMENT) == row
    assert post(COMMENT) == post(COMMENT, time=None, timestamp="2010-04-19T17:52:01+00:00")
    assert post(COMMENT) == post(COMMENT, time=0, time_ts=1_271_699_521)
    assert 7 == post(STORY, score="7.0").score


@pytest.mark.parametrize("value", [True, "true", "True", 1, 1.0, "1"])
def test_what_was_deleted_or_killed_is_withdrawn(value: Any) -> None:
    bare = {"id": 5, "type": "comment", "time": 1, "parent": 4, "by": None}
    deleted = post(bare, deleted=value, dead=value)
    assert ("hackernews:5", "", "deleted", None) == (
        deleted.id, deleted.text, deleted.withdrawn, deleted.author,
    )  # fmt: skip
    assert "removed" == post(bare, dead=value).withdrawn
    assert "removed" == post(STORY, dead=value).withdrawn
    assert None is post(STORY, dead=False, deleted="false").withdrawn


def test_other_lines_are_skipped_or_refused_with_a_reason() -> None:
    assert Skipped("null") == decode(None)
    with pytest.raises(Refused, match="no_text"):
        decode({"id": 5, "type": "comment"})


LINES: list[Any] = [
    STORY,
    COMMENT,
    b"",
    b"null",
    {**COMMENT, "id": 1.5},
    {**COMMENT, "id": True},
    b'{"id": 103, "type": "comment", "text": "half \\ud83d"}',
    b'{"id": 104, "type": "comm',
    b"[1]",
    b'{"id": 105, "text": "\xff"}',
    {**STORY, "id": 106},
]


def test_a_file_is_read_to_its_end_and_resumes(tmp_path: Path) -> None:
    path = str(write_lines(tmp_path / "hn.jsonl", LINES))
    batches = list(hackernews.read(path, Config(path=path), 2))
    posts = [row for batch in batches for row in batch.posts.select("id", "source_row").rows()]
    refused = [row for batch in batches for row in batch.refused.drop("source_file").rows()]
    assert [(f"hackernews:{n}", r) for n, r in ((101, 1), (102, 2), (103, 7), (106, 11))] == posts
    assert [
        (5, "no_id"),
        (6, "wrong_type"),
        (8, "malformed_json"),
        (9, "wrong_type"),
        (10, "invalid_utf8"),
    ] == refused
    assert 1 == sum(batch.skipped.get("null", 0) for batch in batches)
    for number, batch in enumerate(batches[:-1]):
        rest = list(hackernews.read(path, Config(path=path), 2, batch.cursor))
        assert [b.posts.rows() for b in batches[number + 1 :]] == [b.posts.rows() for b in rest]


def test_a_parquet_mirror_has_the_same_posts(tmp_path: Path) -> None:
    rows = [{**STORY, "parent": None}, {**COMMENT, "parent": 101.0}]
    for row in rows:
        row.pop("kids", None)
    parquet, lines = tmp_path / "hn.parquet", write_lines(tmp_path / "hn.jsonl", rows)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([  # type: ignore[no-untyped-call]
        ("id", pa.int64()), ("type", pa.string()), ("by", pa.string()), ("time", pa.int64()),
        ("title", pa.string()), ("url", pa.string()), ("text", pa.string()),
        ("score", pa.float64()), ("descendants", pa.float64()), ("parent", pa.float64()),
    ])), parquet)  # fmt: skip
    (one,) = hackernews.read(str(parquet), Config(path=str(parquet)), 100)
    (other,) = hackernews.read(str(lines), Config(path=str(lines)), 100)
    assert other.posts.drop("source_file").rows() == one.posts.drop("source_file").rows()
    assert 0 == one.refused.height


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([STORY, COMMENT], 1.0),
        ([{"id": 3, "type": "comment", "deleted": True}], 1.0),
        ([{"id": 3, "by": "a", "time": 1, "time_ts": "x", "ranking": 0}], 1.0),
        ([{"id": "a", "body": "x", "author": "y", "created_utc": 1}], 0.0),
        ([{"id": 3, "type": "message", "time": 1}], 0.0),
        ([], 0.0),
    ],
)
def test_items_are_detected(rows: list[Any], share: float) -> None:
    head = b"\n".join(json.dumps(row).encode() for row in rows)
    assert share == hackernews.fits(Sample("x", (), head))


def test_the_table_of_submissions_is_not_detected(shared: Path) -> None:
    head = (shared / "hackernews" / "hacker_news.csv").read_bytes()[:100_000]
    assert 0 == hackernews.fits(Sample("hacker_news.csv", (), head))


# --------------------------------------------------------------------------- Algolia

HIT: dict[str, Any] = {
    "objectID": "15",
    "author": "ada",
    "created_at": "2006-10-10T18:21:51Z",
    "created_at_i": 1160504511,
    "title": "Tea",
    "url": "https://tea.example",
    "points": 5,
    "num_comments": 2,
    "story_text": None,
    "_tags": ["story", "author_ada", "story_15"],
    "_highlightResult": {"title": {"value": "<em>Tea</em>"}},
}
COMMENT_HIT: dict[str, Any] = {
    "objectID": "17",
    "author": "bob",
    "created_at_i": 1160504600,
    "comment_text": "more <i>tea</i> &amp; cake",
    "parent_id": 16,
    "story_id": 15,
    "story_title": "Tea",
    "_tags": ["comment", "author_bob", "story_15"],
    "children": [18],
}


def decode_hits(row: Any) -> list[Any]:
    config = hackernews.Config(path="x")
    return list(hackernews.make_decoder(config)(json.dumps(row).encode()))


def test_hits_of_algolia_are_the_same_posts_as_the_items() -> None:
    (story,) = decode_hits(HIT)
    item = {"id": 15, "type": "story", "by": "ada", "time": 1160504511, "title": "Tea"}
    assert decode_hits({**item, "score": 5, "descendants": 2}) == [story]
    (comment,) = decode_hits(COMMENT_HIT)
    assert (comment.id, comment.kind, comment.parent_id, comment.root_id, comment.text) == (
        "hackernews:17",
        "reply",
        "hackernews:16",
        "hackernews:15",
        "more tea & cake",
    )
    assert decode_hits({"hits": [HIT, COMMENT_HIT], "nbHits": 2}) == [story, comment]
    assert decode_hits({"hits": []}) == [Skipped("empty_page")]


def test_an_item_of_algolia_has_its_replies_in_it() -> None:
    leaf = {"id": 4, "type": "comment", "author": "eve", "created_at_i": 4, "text": "leaf"}
    leaf |= {"parent_id": 2, "story_id": 1, "children": []}
    gone = {"id": 3, "type": "comment", "author": None, "created_at_i": 3, "text": None}
    reply = {**leaf, "id": 2, "parent_id": 1, "text": "reply", "children": [leaf, gone]}
    poll = {"id": 1, "type": "poll", "author": "ada", "created_at_i": 1, "title": "Which?"}
    options = [{"id": 8, "text": "black", "points": 3}, {"id": 9, "text": "green"}, 7]
    found = decode_hits({**poll, "children": [reply], "options": options})
    assert [(one.id[11:], one.parent_id) for one in found] == [
        ("1", None),
        ("2", "hackernews:1"),
        ("4", "hackernews:2"),
        ("3", None),
    ]
    assert found[0].text == "Which?\n- black\n- green"
    assert [one.withdrawn for one in found] == [None, None, None, "deleted"]


def test_a_malformed_hit_does_not_refuse_its_page() -> None:
    first, second, last = decode_hits({"hits": [{**HIT, "objectID": "x"}, {"_tags": 3}, HIT]})
    assert [first.reason, second.reason] == ["no_id", "wrong_type"]
    assert last.id == "hackernews:15"


def test_algolia_is_detected() -> None:
    for row in (HIT, COMMENT_HIT, {"hits": [HIT]}):
        assert hackernews.fits(Sample("x", (), json.dumps(row).encode())) == 1
