"""Every reader counts, by column, the values that a record has and that it cannot understand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from corpus import readers
from corpus.readers.contract import Batch
from tests.readers import test_fits as rows
from tests.support.readings import read_dump, write_dump

TIME, COUNT = "@time", "@count"
#: Which are present, and no time: the year 1 is what tools write for none, and the zone is one of
#: several.
NONSENSE = ("soon", "0001-01-01T00:00:00Z", "2021-03-03 23:36:07 IST")
#: Ticks of .NET, and a zone by its name.
UNDERSTOOD = (637504113670000000, "2021-03-04 00:36:07 CET", "2021-03-03T23:36:07Z")
MOMENT = datetime(2021, 3, 3, 23, 36, 7, tzinfo=UTC)


class Form(NamedTuple):
    """A form of a reader: a file of one post, with marks for its time and its score."""

    reader: str
    content: Any  # of JSON, or text
    settings: Mapping[str, Any] = MappingProxyType({})
    name: str = "dump.json"
    member: str = ""  # of a zip, or empty


VIEW = {
    **rows.LEMMY_VIEW,
    "post": {**rows.LEMMY_POST, "published": TIME},
    "counts": {"post_id": 1, "score": COUNT, "comments": 1},
}
CHAT = {**rows.CHAT["messages"][0], "date_unixtime": TIME, "date": None}
CHANNEL_POST = {
    "_": "Message",
    "id": 1,
    "peer_id": {"_": "PeerChannel", "channel_id": 5},
    "post": True,
    "message": "tea",
    "date": TIME,
    "chat": {"id": -1005, "title": "Tea", "username": "tea", "type": "channel"},
}
ACTIVITY = {
    "id": "tag:search.twitter.com,2005:1",
    "objectType": "activity",
    "verb": "post",
    "body": "tea",
    "postedTime": TIME,
    "favoritesCount": COUNT,
    "actor": {"id": "id:twitter.com:12"},
}
GRAPH = {
    "rest_id": "1",
    "core": {"user_results": {"result": {"rest_id": "12", "legacy": {"screen_name": "ada"}}}},
    "legacy": {"full_text": "tea", "id_str": "1", "created_at": TIME, "favorite_count": COUNT},
}
XML = (
    '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
    f'<row Id="1" PostTypeId="1" CreationDate="{TIME}" Score="{COUNT}" Body="tea" Title="Tea" />\n'
    "</posts>\n"
)
GRAILBIRD = (
    "tweet_id,in_reply_to_status_id,in_reply_to_user_id,timestamp,source,text,"
    "retweeted_status_id,retweeted_status_user_id,retweeted_status_timestamp,expanded_urls\n"
    f"1,,,{TIME},web,tea,,,,\n"
)
MAIL = (
    "From ada@tea.example Mon Jan  1 10:00:00 2001\nFrom: ada@tea.example\n"
    f"Newsgroups: alt.tea\nSubject: Tea\nDate: {TIME}\nMessage-ID: <1@tea.example>\n\ntea\n"
)
TAKEOUT = (
    "Comment ID,Channel ID,Comment Create Timestamp,Price,Video ID,Comment Text\n"
    f'Ug1,UC1,{TIME},0,v1,"tea"\n'
)
FORMS = [
    Form("reddit", {**rows.COMMENT, "created_utc": TIME, "score": COUNT}),
    Form("reddit", {**rows.SUBMISSION, "created_utc": TIME, "score": COUNT}),
    Form("x_stream", {**rows.STATUS, "created_at": TIME, "favorite_count": COUNT}),
    Form("x_stream", {**rows.STATUS, "created_at": None, "timestamp_ms": TIME}),
    Form("x_stream", ACTIVITY),
    Form(
        "x_scrape",
        {"id": 1, "rawContent": "tea", "user": rows.USER, "date": TIME, "likeCount": COUNT},
    ),
    Form("x_scrape", {"data": {"tweetResult": {"result": GRAPH}}}),
    Form(
        "x_api",
        {"data": {**rows.TWEET, "created_at": TIME, "public_metrics": {"like_count": COUNT}}},
    ),
    Form(
        "bluesky",
        {**rows.POST_VIEW, "record": {**rows.SKEET, "createdAt": TIME}, "likeCount": COUNT},
    ),
    Form("mastodon", {**rows.TOOT, "created_at": TIME, "favourites_count": COUNT}),
    Form(
        "mastodon",
        {
            **rows.OUTBOX,
            "orderedItems": [{"type": "Create", "object": {**rows.NOTE, "published": TIME}}],
        },
        name="outbox.json",
    ),
    Form("hackernews", {**rows.STORY, "time": TIME, "score": COUNT}),
    Form(
        "hackernews",
        {"objectID": "1", "author": "ada", "created_at_i": TIME, "points": COUNT, "title": "Tea"},
    ),
    Form(
        "misskey",
        {**rows.MISSKEY_NOTE, "createdAt": TIME, "reactionCount": COUNT},
        {"instance": "a.example"},
    ),
    Form("vk", {**rows.WALL_POST, "date": TIME, "likes": {"count": COUNT}}),
    Form("tumblr", {**rows.BLOG_POST, "timestamp": TIME, "note_count": COUNT}),
    Form("tiktok", {**rows.VIDEO_COMMENT, "create_time": TIME, "like_count": COUNT}),
    Form(
        "tiktok",
        {"Comment": {"Comments": {"CommentsList": [{"date": TIME, "comment": "tea"}]}}},
        {"consented": True},
        name="user_data_tiktok.json",
    ),
    Form("stackexchange", XML, {"site": "tea.example"}, name="Posts.xml"),
    Form("telegram", {**rows.CHAT, "messages": [CHAT]}, name="result.json"),
    Form("telegram", CHANNEL_POST, {"utc_offset_minutes": 0}),
    Form(
        "discord",
        {**rows.CHANNEL, "messages": [{**rows.CHANNEL["messages"][0], "timestamp": TIME}]},
    ),
    Form("lemmy", VIEW, {"instance": "lemmy.example"}),
    Form("fourchan", {"posts": [{**rows.THREAD["posts"][0], "time": TIME}]}, {"board": "g"}),
    Form(
        "meta",
        [{"timestamp": TIME, "data": [{"post": "tea"}]}],
        {"consented": True},
        "facebook.zip",
        rows.META_MEMBERS[0],
    ),
    Form("mbox", MAIL, name="alt.tea.mbox"),
    Form("youtube", {**rows.YT_DLP_COMMENT, "timestamp": TIME, "like_count": COUNT}),
    Form(
        "youtube",
        {
            **rows.YOUTUBE_COMMENT,
            "snippet": {**rows.YOUTUBE_COMMENT["snippet"], "publishedAt": TIME, "likeCount": COUNT},
        },
    ),
    Form("youtube", TAKEOUT, name="comments.csv"),
    Form("x_archive", GRAILBIRD, name="tweets.csv"),
    Form(
        "x_archive",
        [{"tweet": {**rows.ARCHIVED[0]["tweet"], "created_at": TIME, "favorite_count": COUNT}}],
        name="tweets.js",
    ),
    Form(
        "table",
        {"id": "1", "text": "tea", "at": TIME, "score": COUNT},
        {"fields": {"id": "id", "text": "text", "created_at": "at", "score": "score"}},
    ),
]
#: Readers of formats in which a message is recognised by its time: without one there is no message.
WITHOUT = {"slack", "whatsapp"}
IDS = [f"{form.reader}-{number}" for number, form in enumerate(FORMS)]


def read(form: Form, folder: Path, time: Any = 1614814567, count: Any = 3) -> Batch:
    if isinstance(form.content, str):
        text = form.content.replace(TIME, str(time)).replace(COUNT, str(count))
    else:
        text = json.dumps(form.content).replace(f'"{TIME}"', json.dumps(time))
        text = text.replace(f'"{COUNT}"', json.dumps(count)) + "\n"
        if form.name == "tweets.js":
            text = f"window.YTD.tweets.part0 = {text}"
    path = write_dump(folder / form.name, text.encode(), form.member)
    (batch,) = read_dump(form.reader, path, form.settings)
    assert batch.posts.height == 1
    # A part of an archive does not name its account.
    assert set(batch.refused["reason"]) <= {"no_account", "no_actor"}
    return batch


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_times_that_are_given_and_not_understood_are_counted(form: Form, tmp_path: Path) -> None:
    for time in NONSENSE:
        batch = read(form, tmp_path, time=time)
        assert (batch.posts["created_at"].to_list(), batch.unreadable) == (
            [None],
            {"created_at": 1},
        )
    for time in UNDERSTOOD:
        batch = read(form, tmp_path, time=time)
        assert (batch.posts["created_at"].to_list(), batch.unreadable) == ([MOMENT], {})
    for time in ("", " ") if isinstance(form.content, str) else ("", None, "null"):
        batch = read(form, tmp_path, time=time)
        assert (batch.posts["created_at"].to_list(), batch.unreadable) == ([None], {})


@pytest.mark.parametrize(
    "form",
    [form for form in FORMS if COUNT in json.dumps(form.content)],
    ids=lambda form: form.reader,
)
def test_counts_that_are_given_and_not_understood_are_counted(form: Form, tmp_path: Path) -> None:
    batch = read(form, tmp_path, count="many")
    assert (batch.posts["score"].to_list(), batch.unreadable) == ([None], {"score": 1})
    assert read(form, tmp_path).posts["score"].to_list() == [3]
    if not isinstance(form.content, str):
        assert read(form, tmp_path, count=None).unreadable == {}
        assert read(form, tmp_path, count=1 << 63).unreadable == {"score": 1}


def test_every_reader_is_among_them() -> None:
    assert {form.reader for form in FORMS} | WITHOUT == set(readers.names())


def test_flags_that_are_given_and_not_understood_are_counted(tmp_path: Path) -> None:
    form = Form("reddit", {**rows.COMMENT, "over_18": COUNT})
    batch = read(form, tmp_path, count="maybe")
    assert (batch.posts["sensitive"].to_list(), batch.unreadable) == ([None], {"sensitive": 1})
    assert read(form, tmp_path, count="true").posts["sensitive"].to_list() == [True]


def test_counts_are_of_the_batch_of_their_post(tmp_path: Path) -> None:
    path = tmp_path / "comments.jsonl"
    times = ["soon", 1614814567, "later", None]
    lines = [json.dumps({**rows.COMMENT, "created_utc": time}) for time in times]
    path.write_text("\n".join(lines) + "\n")
    batches = read_dump("reddit", path, part_posts=2)
    assert [batch.unreadable for batch in batches[:2]] == [{"created_at": 1}, {"created_at": 1}]
    (resumed, *_) = read_dump("reddit", path, part_posts=2, start=batches[0].cursor)
    assert resumed.unreadable == {"created_at": 1}
