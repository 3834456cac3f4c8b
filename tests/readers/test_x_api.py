"""X's API v2 as twarc2 stores it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import contract
from corpus.readers.contract import Post, Refused, Skipped, Tombstone
from corpus.readers.x import api as x_api

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "x_v2"

TWEET: dict[str, Any] = {
    "id": "1377650500687044618",
    "text": "dogs &amp; cats",
    "author_id": "12",
    "conversation_id": "1377299822399528963",
    "created_at": "2021-04-01T15:54:09.000Z",
    "lang": "en",
    "possibly_sensitive": False,
    "public_metrics": {"like_count": 3, "reply_count": 2, "retweet_count": 9},
}
EXPECTED = Post(
    id="x:1377650500687044618",
    text="dogs & cats",
    author="12",
    created_at=1_617_292_449_000_000,
    lang_hint="en",
    root_id="x:1377299822399528963",
    score=3,
    replies=2,
    sensitive=False,
)
RETWEET = {"text": "RT @bob: a lo\u2026", "referenced_tweets": [{"type": "retweeted", "id": "77"}]}


def decode(row: object, **options: Any) -> list[contract.Record]:
    config = x_api.Config(path="-", **options)
    return list(x_api.make_decoder(config)(json.dumps(row).encode()))


def tweet(**changes: Any) -> Post:
    (record,) = decode({**TWEET, **changes})
    assert isinstance(record, Post)
    return record


def test_a_page_a_stream_object_and_a_flattened_tweet_give_the_same_post() -> None:
    assert decode({"data": [TWEET], "meta": {"result_count": 1}}) == [EXPECTED]
    assert decode({"data": TWEET, "matching_rules": [{"id": "1"}]}) == [EXPECTED]
    assert decode({**TWEET, "__twarc": {}}) == [EXPECTED]


def test_the_text_of_a_long_post_is_in_its_note() -> None:
    assert tweet(note_tweet={"text": "all of it &lt;3"}).text == "all of it <3"


def test_a_retweet_s_full_text_is_from_the_page() -> None:
    page = {"data": [{**TWEET, **RETWEET}], "includes": {"tweets": [{"id": "77", "text": "a log"}]}}
    (retweet,) = decode(page)
    assert isinstance(retweet, Post)
    assert (retweet.text, retweet.kind, retweet.parent_id) == ("RT @bob: a log", "repost", "x:77")


def test_a_retweet_s_full_text_may_be_a_note() -> None:
    known = {"id": "77", "text": "a l", "note_tweet": {"text": "a long story"}}
    (retweet,) = decode({"data": {**TWEET, **RETWEET}, "includes": {"tweets": [known]}})
    assert isinstance(retweet, Post)
    assert retweet.text == "RT @bob: a long story"


def test_a_flattened_retweet_s_full_text_is_in_its_reference() -> None:
    references = [{"type": "retweeted", "id": "77", "text": "a log"}]
    assert tweet(text="RT @bob: a l\u2026", referenced_tweets=references).text == "RT @bob: a log"


def test_a_retweet_without_its_original_keeps_its_cut_text() -> None:
    assert tweet(**RETWEET).text == "RT @bob: a lo\u2026"


def test_references_distinguish_replies_from_quotes() -> None:
    reply = tweet(
        referenced_tweets=[{"type": "quoted", "id": "8"}, {"type": "replied_to", "id": "7"}]
    )
    assert (reply.kind, reply.parent_id) == ("reply", "x:7")
    quote = tweet(referenced_tweets=[{"type": "quoted", "id": "8"}])
    assert (quote.kind, quote.parent_id) == ("quote", None)


POLL = {
    "id": "5",
    "options": [{"position": 2, "label": "dogs", "votes": 1}, {"position": 1, "label": "cats"}],
}


def test_a_poll_s_options_follow_its_question() -> None:
    page = {
        "data": [{**TWEET, "text": "which?", "attachments": {"poll_ids": ["5"]}}],
        "includes": {"polls": [POLL, {"id": "6", "options": 3}]},
    }
    (post,) = decode(page)
    assert isinstance(post, Post) and post.text == "which?\n- cats\n- dogs"
    assert tweet(text="which?", attachments={"poll": POLL}).text == post.text
    known = {"id": "77", "text": "which?", "attachments": {"poll_ids": ["5"]}}
    (retweet,) = decode(
        {"data": {**TWEET, **RETWEET}, "includes": {"tweets": [known], "polls": [POLL]}}
    )
    assert isinstance(retweet, Post) and retweet.text == "RT @bob: which?\n- cats\n- dogs"
    assert tweet(text="which?", attachments={"poll_ids": ["5"]}).text == "which?"


def test_an_article_is_read_with_its_title() -> None:
    article = {"title": "On dogs", "plain_text": "They bark.\n\nOften."}
    whole = "On dogs\n\nThey bark.\n\nOften."
    assert tweet(text="https://t.co/a", article=article).text == whole
    assert tweet(text="Read: https://t.co/a", article=article).text == (
        f"Read: https://t.co/a\n\n{whole}"
    )
    assert tweet(text="https://t.co/a", article={"title": "On dogs"}).text == "On dogs"


def test_the_link_to_a_quoted_tweet_is_not_its_author_s() -> None:
    links = [
        {"url": "https://t.co/a", "expanded_url": "https://dogs.example/"},
        {"url": "https://t.co/q", "expanded_url": "https://twitter.com/bob/status/8"},
    ]
    quoted = [{"type": "quoted", "id": "8"}]
    text = "see https://t.co/a https://t.co/q"
    changes: dict[str, Any] = {"text": text, "entities": {"urls": links}}
    assert tweet(referenced_tweets=quoted, **changes).text == "see https://t.co/a"
    link = {**links[1], "url": "https://t.co/n"}
    note = {"text": "a long story https://t.co/n", "entities": {"urls": [link]}}
    assert tweet(referenced_tweets=quoted, note_tweet=note).text == "a long story"
    assert tweet(**changes).text == text
    assert tweet(referenced_tweets=[{"type": "quoted", "id": "9"}], **changes).text == text


def test_a_post_in_a_community_names_it() -> None:
    assert tweet(community_id="88").community == "88"


def test_older_versions_of_an_edited_tweet_are_superseded() -> None:
    newest = {**TWEET, "id": "3", "edit_history_tweet_ids": ["1", "2", "3"]}
    post, *tombstones = decode({"data": [newest]})
    assert isinstance(post, Post) and post.withdrawn is None
    assert [
        Tombstone("id", "x:1", "superseded"),
        Tombstone("id", "x:2", "superseded"),
    ] == tombstones
    (older, *_) = decode({"data": [{**newest, "id": "2"}]})
    assert isinstance(older, Post) and older.withdrawn == "superseded"


def test_referenced_tweets_are_read_only_if_configured() -> None:
    page = {"data": [TWEET], "includes": {"tweets": [{"id": "7", "text": "hi"}, TWEET]}}
    assert decode(page) == [EXPECTED]
    assert [EXPECTED, Post(id="x:7", text="hi")] == decode(page, includes=True)


@pytest.mark.parametrize(
    ("withheld", "reason"),
    [
        ({"country_codes": ["XX"], "copyright": False}, "withheld"),
        ({"country_codes": ["XY"], "scope": "tweet"}, "withheld"),
        ({"copyright": True}, "withheld"),
        ({"country_codes": ["DE"], "scope": "user"}, None),
        (None, None),
    ],
)
def test_only_what_is_withheld_everywhere_is_withdrawn(withheld: Any, reason: str | None) -> None:
    assert reason == tweet(withheld=withheld).withdrawn


def test_a_protected_account_withdraws_its_tweet() -> None:
    users = [{"id": "12", "protected": True}]
    (post,) = decode({"data": [TWEET], "includes": {"users": users}})
    assert isinstance(post, Post) and post.withdrawn == "protected"
    assert tweet(author={"id": "12", "protected": True}).withdrawn == "protected"


def test_errors_are_skipped_and_counted() -> None:
    assert [Skipped("error"), Skipped("error"), EXPECTED] == decode(
        {"data": [TWEET], "errors": [{}, {}]}
    )
    assert [Skipped("error")] == decode({"errors": [{"title": "operational-disconnect"}]})


def test_a_page_without_tweets_is_skipped() -> None:
    assert [Skipped("empty_page")] == decode({"meta": {"result_count": 0}})


def test_a_malformed_tweet_does_not_refuse_its_page() -> None:
    bad = [{**TWEET, "text": 5}, {"id": "1"}, {"text": "x"}, {"id": 1e17, "text": "x"}]
    *refused, post = decode({"data": [*bad, TWEET], "includes": {"tweets": [7], "users": [7]}})
    assert post == EXPECTED
    assert [record.reason for record in refused if isinstance(record, Refused)] == [
        "wrong_type",
        "no_text",
        "no_id",
        "no_id",
    ]


def test_other_objects_are_refused() -> None:
    for row in ({}, {"hello": 1}, {"data": None}):
        with pytest.raises(Refused, match="no_id"):
            decode(row)


def compliance(**changes: Any) -> dict[str, Any]:
    return {"id": "5", "action": "delete", "created_at": "2019-09-06T17:25:54.667Z", **changes}


BIG = "1170025343920402432"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Only tweets have this field.
        (
            compliance(id=BIG, reason="deleted", redacted_at="2021-08-17T17:26:15.788Z"),
            [("id", f"x:{BIG}", "deleted_later")],
        ),
        # A small id of 2013 was counted up, as only users' were by then.
        (
            compliance(created_at="2013-06-04T16:25:04+00:00", reason="protected"),
            [("author", "x:5", "protected")],
        ),
        # A large id of 2013 was made from the clock, as only tweets' were by then.
        (
            compliance(id=BIG, created_at="2013-06-04T16:25:04Z", reason="suspended"),
            [("id", f"x:{BIG}", "removed")],
        ),
        # This one could be either.
        (
            compliance(id=BIG, reason="deactivated"),
            [("id", f"x:{BIG}", "deleted_later"), ("author", f"x:{BIG}", "deleted_later")],
        ),
    ],
)
def test_a_compliance_line_is_a_tombstone_for_every_meaning_of_its_id(
    line: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert [Tombstone(*item) for item in expected] == decode(line)


def test_the_kind_of_ids_of_a_compliance_job_can_be_configured() -> None:
    line = compliance(id=BIG, reason="deleted")
    assert [Tombstone("author", f"x:{BIG}", "deleted_later")] == decode(line, compliance="users")
    assert [Tombstone("id", f"x:{BIG}", "deleted_later")] == decode(line, compliance="tweets")


def test_a_removed_location_does_not_withdraw_the_tweet() -> None:
    assert [Skipped("scrub_geo")] == decode(compliance(reason="scrub_geo"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"delete": {"tweet": {"id": "5"}}}, Tombstone("id", "x:5", "deleted_later")),
        ({"withheld": {"tweet": {"id": "5"}}}, Tombstone("id", "x:5", "withheld")),
        ({"user_protect": {"user": {"id": "5"}}}, Tombstone("author", "x:5", "protected")),
        ({"user_suspend": {"user": {"id": "5"}}}, Tombstone("author", "x:5", "removed")),
        ({"user_unsuspend": {"user": {"id": "5"}}}, Skipped("user_unsuspend")),
        (
            {"user_protect": {"user": {"id": "5"}, "event_at": "2021-04-01T15:54:09.000Z"}},
            Tombstone("author", "x:5", "protected", 1_617_292_449_000_000),
        ),
        (
            {"user_unprotect": {"user": {"id": "5"}, "event_at": "2021-04-01T15:54:09.000Z"}},
            Tombstone("author", "x:5", "unprotected", 1_617_292_449_000_000),
        ),
        (
            {"undrop": {"tweet": {"id": "5"}, "event_at": "2021-04-01T15:54:09.000Z"}},
            Tombstone("id", "x:5", "returned", 1_617_292_449_000_000),
        ),
    ],
)
def test_the_compliance_stream_s_messages_are_decoded(
    data: dict[str, Any], expected: contract.Record
) -> None:
    assert [expected] == decode({"data": data})


def test_a_line_that_is_cut_off_is_refused_and_earlier_ones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "stream.jsonl"
    line = json.dumps({"data": TWEET})
    path.write_text(f"{line}\n{line}\n{line[:80]}")
    (batch,) = x_api.read(str(path), x_api.Config(path=str(path)), 100)
    assert batch.posts.height == 2
    assert [(str(path), 3, "malformed_json")] == batch.refused.rows()


@pytest.mark.parametrize(
    ("name", "posts", "tombstones", "refused"),
    [
        ("2sets.jsonl", 200, 0, 0),
        ("brexit.jsonl", 100, 0, 0),
        ("edited.jsonl", 1, 1, 0),
        ("entities_test.jsonl", 474, 0, 0),
        ("flat.jsonl", 100, 0, 0),
        ("streaming_output_with_error.jsonl", 7, 0, 1),
        ("tweets_compliance.jsonl", 0, 3, 0),
        ("users_compliance.jsonl", 0, 2, 0),
        ("empty.json", 0, 0, 0),
    ],
)
def test_real_files_are_read_to_the_last_line(
    name: str, posts: int, tombstones: int, refused: int
) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no sample dumps beside the repository: {path}")
    (batch,) = x_api.read(str(path), x_api.Config(path=str(path)), 10_000)
    counts = (batch.posts.height, batch.tombstones.height, batch.refused.height)
    assert (posts, tombstones, refused) == counts
    retweets = batch.posts.filter(kind="repost")["text"].to_list()
    # Whole texts: a cut one ends in an ellipsis, of which few are the author's own.
    cut = Counter(text.endswith("\u2026") for text in retweets)
    assert cut[True] <= 0.1 * len(retweets)
