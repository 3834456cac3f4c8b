"""Tweets as twscrape, twikit and snscrape collect them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.readers.contract import Post, Record, Refused, Sample, Skipped, Tombstone
from corpus.readers.x import scrape as x_scrape
from tests.conftest import write_lines

CREATED = 1_617_292_449_000_000
USER = {"id": 12, "username": "gull", "displayname": "Gull", "protected": False}
SCRAPED: dict[str, Any] = {
    "_type": "snscrape.modules.twitter.Tweet",
    "id": 77,
    "url": "https://twitter.com/gull/status/77",
    "date": "2021-04-01T15:54:09+00:00",
    "rawContent": "low water &amp; mud",
    "user": USER,
    "lang": "en",
    "conversationId": 70,
    "likeCount": 3,
    "replyCount": 2,
    "links": [],
    "retweetedTweet": None,
    "quotedTweet": None,
    "inReplyToTweetId": None,
    "mentionedUsers": [],
    "possibly_sensitive": False,
}
LEGACY: dict[str, Any] = {
    "id_str": "77",
    "full_text": "low water &amp; mud",
    "created_at": "Thu Apr 01 15:54:09 +0000 2021",
    "user_id_str": "12",
    "conversation_id_str": "70",
    "favorite_count": 3,
    "reply_count": 2,
    "lang": "en",
    "possibly_sensitive": False,
    "entities": {"user_mentions": [], "urls": []},
}
EXPECTED = Post(
    id="x:77",
    text="low water & mud",
    author="12",
    created_at=CREATED,
    lang_hint="en",
    root_id="x:70",
    score=3,
    replies=2,
    sensitive=False,
    author_name="gull",
)


def result(legacy: Any = None, number: str = "77", **changes: Any) -> dict[str, Any]:
    user = {"__typename": "User", "rest_id": "12", "legacy": {"screen_name": "gull"}}
    return {
        "__typename": "Tweet",
        "rest_id": number,
        "core": {"user_results": {"result": user}},
        "legacy": {**LEGACY, **(legacy or {}), "id_str": number},
        **changes,
    }


def decode(row: object) -> list[Record]:
    return list(x_scrape.decode(json.dumps(row).encode()))


def scraped(**changes: Any) -> Post:
    (record,) = decode({**SCRAPED, **changes})
    assert isinstance(record, Post)
    return record


def tweet(legacy: Any = None, **changes: Any) -> Post:
    (record, *_) = decode(result(legacy, **changes))
    assert isinstance(record, Post)
    return record


def timeline(*results: Any) -> dict[str, Any]:
    entries = [
        {"content": {"itemContent": {"tweet_results": {"result": one}}}} for one in results[:1]
    ]
    items = [{"item": {"itemContent": {"tweet_results": {"result": one}}}} for one in results[1:]]
    instructions = [{"type": "TimelineAddEntries", "entries": [*entries, {"content": items}]}]
    return {"data": {"user": {"result": {"timeline": {"instructions": instructions}}}}}


def test_every_program_gives_the_same_post() -> None:
    assert scraped() == EXPECTED
    assert scraped(rawContent=None, content="low water &amp; mud") == EXPECTED
    assert scraped(id=7.7e17, id_str="77") == EXPECTED
    assert tweet() == EXPECTED
    assert decode({"data": {"tweetResult": {"result": result()}}}) == [EXPECTED]
    limited = {"__typename": "TweetWithVisibilityResults", "tweet": result()}
    assert decode(timeline(limited)) == [EXPECTED]


def test_an_answer_gives_its_outermost_tweets_in_order() -> None:
    quoting = result({"is_quote_status": True}, "3", quoted_status_result={"result": result()})
    gone = {"__typename": "TweetTombstone", "tombstone": {"text": {"text": "not available"}}}
    answer = timeline(result(number="1"), result(number="2"), gone, quoting)
    answer["ad"] = {"promotedMetadata": {}, "tweet_results": {"result": result(number="9")}}
    found = decode(answer)
    assert [one.id for one in found if isinstance(one, Post)] == ["x:1", "x:2", "x:3"]
    assert [one for one in found if isinstance(one, Skipped)] == [
        Skipped("unavailable"),
        Skipped("advertisement"),
    ]
    assert decode(timeline()) == [Skipped("empty_page")]


def test_replies_quotes_and_reposts_are_told_apart() -> None:
    bob = {"id": 13, "username": "tern", "protected": False}
    original = {**SCRAPED, "id": 5, "user": bob, "rawContent": "a long story &lt;"}
    repost = scraped(rawContent="RT @tern: a l\u2026", retweetedTweet=original)
    assert (repost.kind, repost.text, repost.parent_id, repost.original_author) == (
        "repost",
        "RT @tern: a long story <",
        "x:5",
        "13",
    )
    reply = scraped(inReplyToTweetId=5, quotedTweet=original)
    assert (reply.kind, reply.parent_id) == ("reply", "x:5")
    quote = scraped(rawContent="so it is https://t.co/q", quotedTweet=original)
    assert (quote.kind, quote.text) == ("quote", "so it is")
    named = [{"url": "https://a.example", "tcourl": "https://t.co/a"}]
    quote = scraped(rawContent="see https://t.co/a", quotedTweet=original, links=named)
    assert quote.text == "see https://t.co/a"

    inner = result({"user_id_str": "13", "full_text": "a long story &lt;"}, "5")
    inner["core"] = {"user_results": {"result": {"core": {"screen_name": "tern"}}}}
    again = tweet(
        {"retweeted_status_result": {"result": inner}, "full_text": "RT @tern: a l\u2026"}
    )
    assert again._replace(mentions=None) == repost._replace(mentions=None)
    assert tweet({"in_reply_to_status_id_str": "5"}).parent_id == "x:5"
    link = {"url": "https://t.co/q", "expanded": "https://twitter.com/tern/status/5"}
    quoting = {"is_quote_status": True, "quoted_status_permalink": link}
    quote = tweet({**quoting, "full_text": "so it is https://t.co/q"})
    assert (quote.kind, quote.text) == ("quote", "so it is")


def test_long_texts_polls_and_articles_are_whole() -> None:
    note = {"note_tweet_results": {"result": {"text": "all of it &lt;3"}}}
    assert tweet(note_tweet=note).text == "all of it <3"
    choices = [
        {"key": "choice2_label", "value": {"string_value": "south"}},
        {"key": "choice1_label", "value": {"string_value": "north"}},
        {"key": "choice1_count", "value": {"string_value": "3"}},
    ]
    poll = {"legacy": {"name": "poll2choice_text_only", "binding_values": choices}}
    assert tweet({"full_text": "which?"}, card=poll).text == "which?\n- north\n- south"
    options = {"options": [{"label": "north", "votesCount": 3}, {"label": "south"}]}
    assert scraped(rawContent="which?", card=options).text == "which?\n- north\n- south"
    blocks = [
        {"type": "unstyled", "text": "One."},
        {"type": "atomic", "text": " "},
        {"text": "Two."},
    ]
    article = {"article_results": {"result": {"title": "On mud"}}}
    article["article_results"]["result"] |= {"content_state": {"blocks": blocks}}  # type: ignore[dict-item]
    assert tweet({"full_text": "https://t.co/a"}, article=article).text == "On mud\n\nOne.\n\nTwo."
    media = {"media": [{"url": "https://t.co/m"}]}
    row = {"full_text": "look https://t.co/m", "extended_entities": media}
    assert tweet(row).text == "look"


def test_what_is_protected_withheld_or_edited_is_withdrawn() -> None:
    hidden = scraped(user={**USER, "protected": True})
    assert (hidden.withdrawn, hidden.text) == ("protected", "")
    for user in ({"privacy": {"protected": True}}, {"legacy": {"protected": True}}):
        hidden = tweet(core={"user_results": {"result": {"rest_id": "12", **user}}})
        assert (hidden.withdrawn, hidden.text) == ("protected", "")
    assert tweet({"withheld_in_countries": ["XX"]}).withdrawn == "withheld"
    for control in (
        {"edit_tweet_ids": ["70", "77"]},
        {"edit_control_initial": {"edit_tweet_ids": ["70", "77"]}},
    ):
        post, said = decode(result(edit_control=control))
        assert isinstance(post, Post) and post.withdrawn is None
        assert said == Tombstone("id", "x:70", "superseded")
    assert tweet(edit_control={"edit_tweet_ids": ["77", "78"]}).withdrawn == "superseded"


def test_people_in_the_text_are_named_by_their_ids() -> None:
    mentioned = [{"username": "Tern", "id": 13}]
    assert scraped(rawContent="@tern hello", mentionedUsers=mentioned).mentions == "tern=13"
    entities = {"user_mentions": [{"screen_name": "tern", "id_str": "13"}]}
    assert tweet({"full_text": "@tern hello", "entities": entities}).mentions == "tern=13"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**SCRAPED, "id": None}, "no_id"),
        ({**SCRAPED, "id": 7.7e17}, "no_id"),
        ({"hello": 1}, "no_id"),
        ({"id": 7}, "no_text"),
    ],
)
def test_a_line_without_its_id_or_text_is_refused(row: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        decode(row)


def test_a_reference_is_skipped_and_a_malformed_tweet_does_not_refuse_others() -> None:
    gone = {"_type": "snscrape.modules.twitter.Tombstone", "id": 5, "text": None}
    assert decode(gone) == [Skipped("reference")]
    wrong = result({"lang": 7}, "1")
    nameless = result(number="x")
    first, second, last = decode(timeline(wrong, nameless, result()))
    assert [one.reason for one in (first, second) if isinstance(one, Refused)] == [
        "wrong_type",
        "no_id",
    ]
    assert last == EXPECTED


@pytest.mark.parametrize("key", ["core", "legacy", "note_tweet", "card", "article", "edit_control"])
@pytest.mark.parametrize("wrong", [None, True, 3, "x", [], [1], {}, {"result": 3}])
def test_a_wrong_type_is_a_record_and_no_crash(tmp_path: Path, key: str, wrong: object) -> None:
    path = write_lines(tmp_path / "dump.jsonl", [timeline({**result(), key: wrong}, result())])
    (batch,) = x_scrape.read(str(path), x_scrape.Config(path=str(path)), 100)
    assert "x:77" in batch.posts["id"]


def test_its_forms_are_detected() -> None:
    for row in (SCRAPED, {**SCRAPED, "_type": None}, result(), timeline(result())):
        assert x_scrape.fits(Sample("x", (), json.dumps(row).encode())) == 1
    assert x_scrape.fits(Sample("x", (), b'{"data": {"id": "1", "text": "x"}}')) == 0
