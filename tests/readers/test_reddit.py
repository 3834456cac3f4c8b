"""Reddit's comments and submissions."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from corpus.formats.times import UNREADABLE
from corpus.readers import contract, reddit
from corpus.schema import POST

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "reddit"

COMMENT = {
    "id": "c0abc",
    "author": "ada",
    "body": "a &gt; b &amp;amp; c",
    "link_id": "t3_17863",
    "parent_id": "t1_c0abb",
    "subreddit": "maths",
    "score": 2,
    "created_utc": 1134365188,
}
SUBMISSION = {
    "id": "17863",
    "author": "ada",
    "title": "On engines",
    "selftext": "They &lt;weave&gt;.",
    "subreddit": "maths",
    "score": 7,
    "num_comments": 3,
    "over_18": False,
    "created_utc": "1134365188",
}


def config(**options: Any) -> reddit.Config:
    return reddit.Config(path="-", **options)


def post(row: dict[str, Any], /, **changes: Any) -> contract.Post:
    line = json.dumps({**row, **changes}).encode()
    (record,) = reddit.make_decoder(config())(line)
    assert isinstance(record, contract.Post)
    return record


def read(path: Path, part_posts: int = 1000) -> list[contract.Batch]:
    return list(reddit.read(str(path), reddit.Config(path=str(path)), part_posts))


def test_a_poll_s_options_follow_the_title_and_the_text() -> None:
    poll = {"options": [{"text": "Bramley", "id": "1"}, {"text": "Cox &amp; co", "id": "2"}]}
    expected = "On engines\n\nThey <weave>.\n- Bramley\n- Cox & co"
    assert post(SUBMISSION, poll_data=poll).text == expected
    assert post(SUBMISSION, poll_data=poll, selftext="").text == "On engines\n- Bramley\n- Cox & co"
    assert post(SUBMISSION, poll_data=None).text == post(SUBMISSION).text
    assert post(SUBMISSION, poll_data=[3]).text == post(SUBMISSION).text
    assert post(SUBMISSION, poll_data=poll, selftext="[removed]").text == "On engines"


@pytest.mark.parametrize("kind", ["private", "employees_only", "gold_restricted"])
def test_posts_of_private_subreddits_are_withdrawn(kind: str) -> None:
    for row in (SUBMISSION, COMMENT):
        found = post(row, subreddit_type=kind)
        assert ("", "private") == (found.text, found.withdrawn)
        assert post(row, subreddit_type="restricted").withdrawn is None


def thing(kind: str, data: Any) -> dict[str, Any]:
    return {"kind": kind, "data": data}


def listing(*children: Any) -> dict[str, Any]:
    return thing("Listing", {"after": None, "children": list(children)})


def test_listings_are_read_with_all_replies() -> None:
    deep = {**COMMENT, "id": "c0abe", "replies": ""}
    reply = {**COMMENT, "id": "c0abd", "replies": listing(thing("t1", deep))}
    more = thing("more", {"count": 3, "children": ["x"]})
    top = {**COMMENT, "replies": listing(thing("t1", reply), more)}
    broken = thing("t1", {**COMMENT, "id": 7})
    row = listing(thing("t3", {**SUBMISSION, "name": "t3_17863"}), thing("t1", top), broken)
    decode = reddit.make_decoder(config())
    found = decode(json.dumps(row).encode())
    posts = [one for one in found if isinstance(one, contract.Post)]
    assert [one.id for one in posts] == [
        "reddit:t3_17863",
        "reddit:t1_c0abc",
        "reddit:t1_c0abd",
        "reddit:t1_c0abe",
    ]
    assert posts[:2] == [post(SUBMISSION), post(COMMENT)]
    more_found, refused = found[4:]
    assert more_found == contract.Skipped("more")
    assert isinstance(refused, contract.Refused) and refused.reason == "no_id"
    assert decode(json.dumps(thing("t1", COMMENT)).encode()) == [post(COMMENT)]
    with pytest.raises(contract.Refused, match="no_id"):
        decode(b'{"kind": null}')


def test_what_praw_stores_is_read() -> None:
    row = {**SUBMISSION, "name": "t3_17863", "created_utc": 1134365188.0, "edited": False}
    row |= {"comment_limit": 2048, "comment_sort": "confidence", "approved_at_utc": None}
    assert post(row)._replace(seen_at=None) == post(SUBMISSION, created_utc=1134365188)


def test_a_comment_becomes_a_reply_with_entities_decoded_once() -> None:
    assert contract.Post(
        id="reddit:t1_c0abc",
        text="a > b &amp; c",
        kind="reply",
        author="ada",
        community="maths",
        created_at=1134365188_000000,
        parent_id="reddit:t1_c0abb",
        root_id="reddit:t3_17863",
        score=2,
        bot=False,
    ) == post(COMMENT)


def test_a_submission_becomes_a_post_with_its_title_in_front() -> None:
    assert contract.Post(
        id="reddit:t3_17863",
        text="On engines\n\nThey <weave>.",
        kind="post",
        author="ada",
        community="maths",
        created_at=1134365188_000000,
        root_id="reddit:t3_17863",
        score=7,
        replies=3,
        sensitive=False,
        bot=False,
    ) == post(SUBMISSION)


def test_a_link_submissions_text_is_its_title() -> None:
    assert post(SUBMISSION, selftext="").text == "On engines"
    assert post(SUBMISSION, selftext=None).text == "On engines"


def test_a_text_of_blanks_is_still_a_post() -> None:
    assert post(COMMENT, body=" ").text == " "


@pytest.mark.parametrize("created", [1134365188, "1134365188", 1134365188.0])
def test_the_time_may_be_a_number_or_text(created: object) -> None:
    assert post(COMMENT, created_utc=created).created_at == 1134365188_000000


@pytest.mark.parametrize(
    ("score", "expected"), [(None, None), ("4", 4), (4.0, 4), (2**70, UNREADABLE)]
)
def test_the_score_may_be_of_any_type(score: object, expected: int | None) -> None:
    assert expected == post(COMMENT, score=score).score


def test_old_months_lack_most_fields() -> None:
    assert contract.Post(id="reddit:t1_c1", text="hi", kind="reply") == post(
        {"id": "c1", "body": "hi"}
    )
    assert contract.Post(id="reddit:t3_1", text="hi", root_id="reddit:t3_1") == post(
        {"id": "1", "title": "hi"}
    )


def test_a_full_name_as_id_is_not_prefixed_twice() -> None:
    assert post(SUBMISSION, id="t3_17863").id == "reddit:t3_17863"


@pytest.mark.parametrize(
    ("row", "changes", "reason"),
    [
        (COMMENT, {"body": "[deleted]"}, "deleted"),
        (COMMENT, {"body": "[removed]"}, "removed"),
        (COMMENT, {"body": "[ Removed by Reddit ]"}, "removed"),
        (SUBMISSION, {"selftext": "[deleted]"}, "deleted"),
        (SUBMISSION, {"selftext": "[removed]"}, "removed"),
        (SUBMISSION, {"title": "[deleted by user]", "selftext": ""}, "deleted"),
        (SUBMISSION, {"removed_by_category": "moderator", "selftext": ""}, "removed"),
        (SUBMISSION, {"removed_by_category": "moderator"}, None),
        (SUBMISSION, {"removed_by_category": "deleted"}, "deleted"),
        (COMMENT, {"_meta": {"was_deleted_later": True}}, "deleted_later"),
        (COMMENT, {"_meta": {"was_deleted_later": False}}, None),
        (COMMENT, {"_meta": {"removal_type": "deleted"}}, "deleted"),
        (COMMENT, {"_meta": {"removal_type": "moderator"}}, "removed"),
        (COMMENT, {"_meta": {"was_initially_deleted": True}}, "deleted"),
        (SUBMISSION, {"author": "[deleted]"}, "deleted"),
        (COMMENT, {"author": "[deleted]"}, "deleted"),
        (SUBMISSION, {"is_robot_indexable": False}, "removed"),
        (SUBMISSION, {"is_robot_indexable": True}, None),
        (COMMENT, {"body": "[deleted] scenes are the best"}, None),
        (COMMENT, {}, None),
    ],
)
def test_deleted_and_removed_posts_are_withdrawn_with_their_reason(
    row: dict[str, Any], changes: dict[str, Any], reason: str | None
) -> None:
    assert reason == post(row, **changes).withdrawn


def test_a_deleted_author_is_null_and_not_a_bot() -> None:
    gone = post(COMMENT, author="[deleted]")
    assert (gone.author, gone.bot) == (None, None)


def test_a_removed_text_is_not_joined_to_the_title() -> None:
    assert post(SUBMISSION, selftext="[removed]").text == "On engines"


@pytest.mark.parametrize(
    ("author", "bot"),
    [
        ("AutoModerator", True),
        ("automoderator", True),
        ("haiku_BOT", True),
        ("TotesMessenger", True),
        ("bottle", False),
        ("J_Talbot", False),
        ("ada", False),
    ],
)
def test_known_bots_and_names_that_end_in_bot_are_bots(author: str, bot: bool) -> None:
    assert bot is post(COMMENT, author=author).bot


def test_the_list_of_bots_and_the_suffix_rule_are_settings() -> None:
    decode = reddit.make_decoder(config(bots=("ada",), bot_suffix=False))
    rows = [decode(json.dumps({**COMMENT, "author": n}).encode())[0] for n in ("ADA", "a_bot")]
    assert [row.bot for row in rows if isinstance(row, contract.Post)] == [True, False]


def test_a_crosspost_is_a_repost_of_its_origin() -> None:
    crosspost = post(SUBMISSION, crosspost_parent="t3_abc")
    assert (crosspost.kind, crosspost.parent_id) == ("repost", "reddit:t3_abc")


def test_adult_posts_are_sensitive_under_either_name() -> None:
    assert post(SUBMISSION, over_18=True).sensitive is True
    assert post(COMMENT, over18=True).sensitive is True


def test_a_parent_that_is_a_bare_number_is_null() -> None:
    assert post(COMMENT, parent_id=12345).parent_id is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"body": "x"}, "no_id"),
        ({"id": None, "body": "x"}, "no_id"),
        ({"id": 12.0, "body": "x"}, "no_id"),
        ({"id": "", "body": "x"}, "no_id"),
        ({"id": "c1"}, "no_text"),
        ({"id": "c1", "body": None}, "no_text"),
    ],
)
def test_a_row_without_id_or_text_is_refused(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(contract.Refused) as caught:
        reddit.make_decoder(config())(json.dumps(row).encode())
    assert reason == caught.value.reason


def test_each_malformed_line_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    good = json.dumps(COMMENT).encode()
    path = tmp_path / "RC.jsonl"
    path.write_bytes(
        b"\n".join([good, b"", b"[1]", b'{"id": "c1", "body": "\xff"}', b"{", good[:40], good])
    )
    (batch,) = read(path)
    assert batch.posts["source_row"].to_list() == [1, 7]
    assert [
        (str(path), 3, "wrong_type"),
        (str(path), 4, "invalid_utf8"),
        (str(path), 5, "malformed_json"),
        (str(path), 6, "malformed_json"),
    ] == batch.refused.rows()
    assert dict(batch.posts.schema) == POST
    moment = datetime(2005, 12, 12, 5, 26, 28, tzinfo=UTC)
    assert [moment, moment] == batch.posts["created_at"].to_list()


def test_no_refusal_repeats_a_posts_text(tmp_path: Path) -> None:
    path = tmp_path / "RC.jsonl"
    path.write_bytes(b'{"id": "c1", "body": {"secret": 1}}\n{"secret"\n')
    (batch,) = read(path)
    assert batch.refused.height == 2
    assert "secret" not in str(batch.refused.rows())


@pytest.mark.parametrize("name", ["RC_2005-12.zst", "AskMen_submissions.zst"])
def test_real_dumps_are_read_to_the_last_line(name: str) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no sample dumps beside the repository: {path}")
    stream = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(path.open("rb"))
    rows = [json.loads(line) for line in stream.read().splitlines()]
    posts = pl.concat(batch.posts for batch in read(path))
    refused = sum(batch.refused.height for batch in read(path))
    assert (len(rows), 0) == (posts.height, refused)
    assert [row["id"] for row in rows] == [name[10:] for name in posts["id"].to_list()]
    texts = Counter(row.get("body", row.get("selftext")) for row in rows)
    counts = dict(posts["withdrawn"].value_counts().iter_rows())
    assert texts["[removed]"] <= counts["removed"] + counts["deleted"]
    assert texts["[deleted]"] <= counts["deleted"]


def records(row: dict[str, Any], /, **changes: Any) -> list[contract.Record]:
    return list(reddit.make_decoder(config())(json.dumps({**row, **changes}).encode()))


@pytest.mark.parametrize("row", [COMMENT, SUBMISSION], ids=["comment", "submission"])
@pytest.mark.parametrize(
    ("edited", "retrieved_on", "second"),
    [
        (1134366000, 1134399999, 1134366000),
        (1134366000.0, None, 1134366000),
        ("1134366000", None, 1134366000),
        (True, 1134399999, 1134399999),  # Reddit once told no time
    ],
)
def test_an_edit_supersedes_older_copies(
    row: dict[str, Any], edited: Any, retrieved_on: int | None, second: int
) -> None:
    found, notice = records(row, edited=edited, retrieved_on=retrieved_on)
    assert isinstance(found, contract.Post)
    assert found.seen_at == second * 1_000_000
    assert notice == contract.Tombstone("id", found.id, "superseded", second * 1_000_000)


@pytest.mark.parametrize("edited", [False, None, 0, "False", ""])
def test_a_post_without_an_edit_supersedes_nothing(edited: Any) -> None:
    (found,) = records(COMMENT, edited=edited, retrieved_on=1134399999)
    assert isinstance(found, contract.Post)
    # A dump without the field may hold an edited text: the time of its recording is compared. With
    # it the copy is older than any edit, but not than a copy that was recorded before it.
    (earlier,) = records(COMMENT, edited=edited, retrieved_on=1134399998)
    assert isinstance(earlier, contract.Post) and earlier.seen_at and found.seen_at
    assert earlier.seen_at < found.seen_at
    assert found.seen_at == 1134399999_000_000 if edited is None else found.seen_at < 0
    (unknown,) = records(COMMENT, edited=edited)
    assert isinstance(unknown, contract.Post) and unknown.seen_at is None


def test_random_words_in_an_edited_post_are_a_deletion() -> None:
    words = "lantern obtainable wise seven harbour grotesque crab"
    assert post(COMMENT, body=words).withdrawn is None
    edited = records(COMMENT, body=words, edited=1134366000)[0]
    assert isinstance(edited, contract.Post) and edited.withdrawn == "deleted"
    edited = records(SUBMISSION, selftext=words, edited=1134366000)[0]
    assert isinstance(edited, contract.Post) and edited.withdrawn == "deleted"
    plain = records(COMMENT, edited=1134366000)[0]
    assert isinstance(plain, contract.Post) and plain.withdrawn is None
