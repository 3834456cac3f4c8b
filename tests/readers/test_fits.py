"""Each reader detects samples of its own format, and no other's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from corpus import readers
from corpus.readers.contract import Sample


def sample(head: bytes, name: str = "dump", members: tuple[str, ...] = ()) -> Sample:
    return Sample(name, members, head)


def lines(*rows: Any, name: str = "dump.jsonl") -> Sample:
    return sample(b"\n".join(json.dumps(row).encode() for row in rows) + b"\n", name)


def document(value: Any, name: str, before: str = "", members: tuple[str, ...] = ()) -> Sample:
    return sample(before.encode() + json.dumps(value, indent=1).encode(), name, members)


USER = {"id": 12, "id_str": "12", "screen_name": "ada", "protected": False}
STATUS = {
    "created_at": "Mon Apr 19 17:52:00 +0000 2010",
    "id": 1,
    "id_str": "1",
    "text": "tea",
    "user": USER,
    "lang": "en",
}
TWEET = {"id": "1", "text": "tea", "author_id": "12", "conversation_id": "1", "lang": "en"}
BARE = {"id": "1", "text": "tea", "edit_history_tweet_ids": ["1"]}
COMMENT = {
    "id": "c0abc",
    "author": "ada",
    "body": "tea",
    "link_id": "t3_1",
    "parent_id": "t3_1",
    "subreddit": "tea",
    "created_utc": 1134365188,
}
SUBMISSION = {
    "id": "1",
    "author": "ada",
    "title": "Tea",
    "selftext": "",
    "subreddit": "tea",
    "num_comments": 3,
    "created_utc": "1134365188",
}
SKEET = {"$type": "app.bsky.feed.post", "text": "tea", "createdAt": "2024-05-01T00:00:00Z"}
COMMIT = {
    "did": "did:plc:a",
    "time_us": 1714521600000000,
    "kind": "commit",
    "commit": {
        "rev": "r",
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": "k",
        "cid": "c",
        "record": SKEET,
    },
}
POST_VIEW = {
    "uri": "at://did:plc:a/app.bsky.feed.post/k",
    "author": {"did": "did:plc:a", "handle": "ada.example", "labels": []},
    "record": SKEET,
    "likeCount": 3,
    "indexedAt": "2024-05-01T00:00:01Z",
    "labels": [],
}
TOOT = {
    "id": "1",
    "uri": "https://a.example/users/ada/statuses/1",
    "created_at": "2024-05-01T00:00:00.000Z",
    "account": {"id": "2", "acct": "ada", "username": "ada", "bot": False, "locked": False},
    "content": "<p>tea</p>",
    "spoiler_text": "",
    "sensitive": False,
    "visibility": "public",
    "language": "en",
    "in_reply_to_id": None,
    "reblog": None,
    "reblogs_count": 0,
    "favourites_count": 0,
}
NOTE = {
    "id": "https://a.example/users/ada/statuses/1",
    "type": "Note",
    "content": "<p>tea</p>",
    "published": "2024-05-01T00:00:00Z",
    "attributedTo": "https://a.example/users/ada",
    "to": ["https://www.w3.org/ns/activitystreams#Public"],
    "cc": [],
}
OUTBOX = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": "outbox.json",
    "type": "OrderedCollection",
    "totalItems": 1,
    "orderedItems": [{"id": f"{NOTE['id']}/activity", "type": "Create", "object": NOTE}],
}
MISSKEY_NOTE = {
    "id": "9abc",
    "createdAt": "2024-05-01T00:00:00.000Z",
    "userId": "u1",
    "user": {"id": "u1", "username": "ada", "host": None},
    "text": "tea",
    "cw": None,
    "visibility": "public",
    "renoteId": None,
    "replyId": None,
}
EXPORTED_NOTE = {key: MISSKEY_NOTE[key] for key in ("id", "text", "createdAt", "cw", "visibility")}
WALL_POST = {
    "id": 1,
    "owner_id": -7,
    "from_id": -7,
    "date": 1714521600,
    "text": "tea",
    "post_type": "post",
    "likes": {"count": 3},
}
WALL_COMMENT = {
    "id": 2,
    "owner_id": -7,
    "post_id": 1,
    "from_id": 12,
    "date": 1714521600,
    "text": "more tea",
}
BLOG_POST = {
    "type": "blocks",
    "id": 1,
    "id_string": "1",
    "blog_name": "ada",
    "reblog_key": "k",
    "timestamp": 1714521600,
    "content": [{"type": "text", "text": "tea"}],
    "trail": [],
}
VIDEO_COMMENT = {
    "id": 2,
    "video_id": 1,
    "parent_comment_id": 1,
    "text": "tea",
    "create_time": 1714521600,
    "like_count": 3,
}
TIKTOK_EXPORT = {
    "Comment": {"Comments": {"CommentsList": [{"date": "2024-05-01 00:00:00", "comment": "tea"}]}},
    "Profile": {"Profile Info": {"ProfileMap": {"userName": "ada"}}},
}
ITEM = {"id": 1, "type": "comment", "by": "ada", "time": 1160418111, "text": "tea", "parent": 2}
STORY = {"id": 2, "type": "story", "by": "ada", "time": 1160418111, "title": "Tea", "score": 3}
XML = (
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'
    b'  <row Id="1" PostTypeId="1" CreationDate="2010-08-16T18:38:28.003" Score="3" '
    b'Body="&lt;p&gt;tea&lt;/p&gt;" OwnerUserId="2" Title="Tea" Tags="|tea|" />\r\n</posts>\n'
)
CHAT = {
    "name": "Tea",
    "type": "public_channel",
    "id": 1,
    "messages": [
        {
            "id": 1,
            "type": "message",
            "date": "2024-05-01T00:00:00",
            "date_unixtime": "1714521600",
            "from": "Ada",
            "from_id": "user2",
            "text": "tea",
            "text_entities": [{"type": "plain", "text": "tea"}],
        }
    ],
}
CHANNEL = {
    "guild": {"id": "1", "name": "Tea", "iconUrl": ""},
    "channel": {"id": "2", "type": "GuildTextChat", "categoryId": "3", "name": "tea"},
    "dateRange": {"after": None, "before": None},
    "exportedAt": "2024-05-01T00:00:00+00:00",
    "messages": [
        {
            "id": "4",
            "type": "Default",
            "timestamp": "2024-05-01T00:00:00+00:00",
            "content": "tea",
            "author": {"id": "5", "name": "ada", "isBot": False},
        }
    ],
    "messageCount": 1,
}
LEMMY_POST = {
    "id": 1,
    "name": "Tea",
    "body": "tea",
    "creator_id": 2,
    "community_id": 3,
    "nsfw": False,
    "deleted": False,
    "removed": False,
    "published": "2024-05-01T00:00:00Z",
    "ap_id": "https://lemmy.example/post/1",
}
LEMMY_COMMENT = {
    "id": 4,
    "content": "tea",
    "path": "0.4",
    "post_id": 1,
    "creator_id": 2,
    "deleted": False,
    "removed": False,
    "published": "2024-05-01T00:00:00Z",
    "ap_id": "https://lemmy.example/comment/4",
}
LEMMY_VIEW = {
    "post": LEMMY_POST,
    "creator": {"id": 2, "name": "ada", "actor_id": "https://lemmy.example/u/ada"},
    "community": {"id": 3, "name": "tea", "actor_id": "https://lemmy.example/c/tea"},
    "counts": {"post_id": 1, "score": 3, "comments": 1},
}
THREAD = {
    "posts": [
        {
            "no": 1,
            "resto": 0,
            "now": "05/01/24(Wed)00:00:00",
            "time": 1714521600,
            "name": "Anonymous",
            "sub": "Tea",
            "com": "tea<br>more tea",
        }
    ]
}
YOUR_POSTS = [{"timestamp": 1714521600, "data": [{"post": "tea"}], "title": "Ada shared tea."}]
ARCHIVED = [
    {
        "tweet": {
            "id": "1",
            "id_str": "1",
            "full_text": "tea",
            "created_at": "Mon Apr 19 17:52:00 +0000 2010",
            "favorite_count": "0",
            "lang": "en",
        }
    }
]
ARCHIVE_MEMBERS = ("data/account.js", "data/manifest.js", "data/tweets.js")
YOUTUBE_COMMENT = {
    "kind": "youtube#comment",
    "id": "Ug1",
    "snippet": {
        "textOriginal": "tea",
        "authorChannelId": {"value": "UC1"},
        "publishedAt": "2024-01-31T10:00:00Z",
    },
}
YOUTUBE_THREAD = {
    "kind": "youtube#commentThread",
    "id": "Ug1",
    "snippet": {"videoId": "v1", "topLevelComment": YOUTUBE_COMMENT},
}
YT_DLP_COMMENT = {
    "id": "Ug1",
    "parent": "root",
    "text": "tea",
    "author": "@ada",
    "author_id": "UC1",
    "timestamp": 1706659200,
    "like_count": 2,
}
SLACK_DAY = [{"type": "message", "user": "U1", "text": "<@U1> tea", "ts": "1706659200.000100"}]
SLACK_MEMBERS = ("channels.json", "tea/2024-01-31.json", "users.json")
META_MEMBERS = ("your_facebook_activity/posts/your_posts_1.json",)

#: Hand-made samples of each reader's format. A new reader is added here.
SAMPLES: dict[str, list[Sample]] = {
    "reddit": [
        lines(COMMENT, COMMENT),
        lines(SUBMISSION, {**SUBMISSION, "_meta": {}}),
        lines({"kind": "Listing", "data": {"children": [{"kind": "t1", "data": COMMENT}]}}),
    ],
    "x_stream": [
        lines(STATUS, {"delete": {"status": {"id": 1, "id_str": "1", "user_id": 2}}}),
        lines({**STATUS, "full_text": "tea", "retweeted_status": STATUS}),
        lines({"delete": {"status": {"id": 1, "user_id": 2}}}, {"scrub_geo": {"user_id": 2}}),
        lines({"id": "tag:search.twitter.com,2005:1", "objectType": "activity", "verb": "post"}),
    ],
    "x_scrape": [
        lines({"_type": "snscrape.modules.twitter.Tweet", "id": 1, "content": "tea", "user": USER}),
        lines({"id": 1, "id_str": "1", "rawContent": "tea", "user": USER, "lang": "en"}),
        lines({"data": {"tweetResult": {"result": {"rest_id": "1", "legacy": {"full_text": ""}}}}}),
    ],
    "x_api": [
        lines({"data": [TWEET], "includes": {"users": []}, "meta": {"result_count": 1}}),
        lines({"data": [BARE], "meta": {"newest_id": "1"}}),
        lines({"data": BARE, "matching_rules": [{"id": "1"}]}),
        lines({"data": {"delete": {"tweet": {"id": "1", "author_id": "2"}}}}),
        lines({**TWEET, "author": {"id": "12", "username": "ada"}, "__twarc": {}}),
        lines({"id": "1", "action": "delete", "created_at": "2020-01-01", "reason": "deleted"}),
        lines({"meta": {"result_count": 0}}),
        sample(json.dumps({"data": [TWEET] * 9}).encode()[:600]),
    ],
    "bluesky": [lines(COMMIT, COMMIT), lines(POST_VIEW), lines({"feed": [{"post": POST_VIEW}]})],
    "mastodon": [
        lines(TOOT, TOOT),
        document(OUTBOX, "outbox.json"),
        document(OUTBOX, "archive.tar.gz", members=("actor.json", "outbox.json")),
    ],
    "hackernews": [
        lines(ITEM, STORY),
        lines({"objectID": "1", "author": "ada", "created_at_i": 1160418111, "title": "Tea"}),
    ],
    "misskey": [
        lines(MISSKEY_NOTE, {**MISSKEY_NOTE, "renote": MISSKEY_NOTE, "renoteId": "9abc"}),
        lines({"type": "channel", "body": {"id": "1", "type": "note", "body": MISSKEY_NOTE}}),
        lines({"id": "1", "note": MISSKEY_NOTE}),
        sample(json.dumps([EXPORTED_NOTE]).encode(), "notes-2024-05-01.json"),
    ],
    "vk": [
        lines(WALL_POST, WALL_COMMENT),
        lines({"response": {"count": 2, "items": [WALL_POST, WALL_COMMENT]}}),
    ],
    "tumblr": [
        lines(BLOG_POST, {**BLOG_POST, "type": "text", "body": "<p>tea</p>"}),
        lines({"meta": {"status": 200}, "response": {"posts": [BLOG_POST], "total_posts": 1}}),
        sample(
            b'<?xml version="1.0"?><tumblr version="1.0"><posts><post id="1" type="regular" '
            b'unix-timestamp="1714521600" tumblelog="ada" state="published">'
            b"<regular-body>tea</regular-body></post></posts></tumblr>",
            "posts.zip",
            ("posts.xml",),
        ),
        sample(b"", "export", ("media/1.jpg", "posts/posts.xml")),
        sample(
            b'<html><body><p>tea</p><div id="footer"><span id="timestamp">May 1st, 2024 2:00pm'
            b"</span></div></body></html>",
            "12345.html",
        ),
    ],
    "tiktok": [
        lines(VIDEO_COMMENT, {"id": 1, "video_description": "tea", "create_time": 1714521600}),
        lines({"data": {"comments": [VIDEO_COMMENT], "cursor": 1}, "error": {"code": "ok"}}),
        lines({"cid": "3", "aweme_id": "1", "text": "tea", "create_time": 1714521600}),
        sample(json.dumps(TIKTOK_EXPORT).encode(), "user_data_tiktok.json"),
        sample(b"", "TikTok_Data.zip", ("user_data_tiktok.json",)),
    ],
    "stackexchange": [sample(XML, "Posts.xml"), sample(XML, "tea.7z", ("Posts.xml", "Users.xml"))],
    "telegram": [
        document(CHAT, "result.json"),
        lines({"_": "Message", "id": 1, "peer_id": {"channel_id": 5}, "message": "tea"}),
        sample(
            b'<html><div class="page_wrap"><div class="message default clearfix" id="message1">'
            b'<div class="body"><div class="text">tea</div></div></div></div></html>',
            "messages.html",
        ),
    ],
    "discord": [
        document(CHANNEL, "Tea - tea [2].json"),
        sample(b"", "package", ("messages/c7/channel.json", "messages/c7/messages.csv")),
    ],
    "lemmy": [lines(LEMMY_VIEW)],
    "fourchan": [
        lines(THREAD),
        lines({"1": {"op": {"num": "1", "subnum": "0", "thread_num": "1", "comment": "tea"}}}),
        sample(
            b'"1","0","1","1","1271685120","0",\\N,"0","0",\\N,"0","0","0",\\N,\\N,"0","0","N",\\N,'
            b'"Anonymous",\\N,\\N,"tea","0","0",\\N,\\N,\\N\n',
            "g.csv",
        ),
    ],
    "meta": [
        document(YOUR_POSTS, "facebook-ada.zip", members=META_MEMBERS),
        sample(
            b'<div class="_3-95 _a6-g"><h2 class="_2ph_ _a6-h _a6-i">Ada updated her status.</h2>'
            b'<div class="_2ph_ _a6-p"><div class="_2pin"><div>tea</div></div></div><footer '
            b'class="_3-94 _a6-o"><div class="_a72d">May 01, 2022 2:00:05 pm</div></footer></div>',
            "facebook-ada.zip",
            tuple(name.replace(".json", ".html") for name in META_MEMBERS),
        ),
    ],
    "mbox": [
        sample(
            b"From ada@tea.example Mon Jan  1 10:00:00 2001\nFrom: ada@tea.example\n"
            b"Newsgroups: alt.tea\nSubject: Tea\nMessage-ID: <1@tea.example>\n\ntea\n",
            "alt.tea.mbox",
        ),
        sample(b"From -123456789\nX-Google-Thread: 1,2\nFrom: ada@tea.example\n\ntea\n", "a.mbox"),
    ],
    "slack": [
        document(SLACK_DAY, "Tea Slack export.zip", members=SLACK_MEMBERS),
        sample(b"", "export", tuple(f"export/{name}" for name in SLACK_MEMBERS)),
    ],
    "whatsapp": [
        sample(
            "\u200e[31.12.21, 23:59:59] Ada: tea\r\n[01.01.22, 00:00:00] Bob: more\r\n".encode(),
            "_chat.txt",
        ),
        sample(b"31/12/2021, 23:59 - Ada: tea\nmore\n1/1/2022, 0:00 - Bob: tea\n", "chat.txt"),
        sample("12/31/21, 11:59\u202fPM - Ada: tea\n".encode(), "WhatsApp Chat with Tea.txt"),
        sample(b"\xff\xd8\xff", "chat.zip", ("00000001-PHOTO.jpg", "_chat.txt")),
    ],
    "youtube": [
        lines({"kind": "youtube#commentThreadListResponse", "items": [YOUTUBE_THREAD]}),
        document({"kind": "youtube#commentListResponse", "items": [YOUTUBE_COMMENT]}, "page.json"),
        lines(YOUTUBE_THREAD, YOUTUBE_COMMENT),
        lines({"id": "v1", "title": "Tea", "webpage_url": "", "comments": [YT_DLP_COMMENT]}),
        lines(YT_DLP_COMMENT),
        sample(
            b"Comment ID,Channel ID,Comment Create Timestamp,Price,Video ID,Comment Text\n"
            b'Ug1,UC1,2023-05-01T12:00:00Z,0,v1,"{""text"":""tea""}"\n',
            "comments.csv",
        ),
        sample(
            b'<ul><li>You added a <a href="http://www.youtube.com/watch?v=v1&amp;lc=Ug1">comment</a>'
            b' on a <a href="http://www.youtube.com/watch?v=v1">video</a> at 2020-05-24 20:10:05 '
            b"UTC.<br/>tea</li></ul>",
            "my-comments.html",
        ),
    ],
    "x_archive": [
        document(ARCHIVED, "tweets.js", "window.YTD.tweets.part0 = "),
        document(ARCHIVED, "twitter-ada.zip", "window.YTD.tweets.part0 = ", ARCHIVE_MEMBERS),
        document([STATUS], "2012_05.js", "Grailbird.data.tweets_2012_05 = \n "),
        sample(b"", "archive", ("data/js/tweets/2012_05.js", "data/js/user_details.js")),
        sample(
            b"tweet_id,in_reply_to_status_id,in_reply_to_user_id,timestamp,source,text,"
            b"retweeted_status_id,retweeted_status_user_id,retweeted_status_timestamp,"
            b"expanded_urls\n1,,,2012-05-03 10:20:11 +0000,web,tea,,,,\n",
            "tweets.csv",
        ),
    ],
    "table": [
        lines({"post": 1, "message": "tea", "from": "ada"}, {"post": 2, "message": "t"}),
        sample(b"\xef\xbb\xbfid,body,user\n1,tea,ada\n", "posts.csv"),
        sample(b"id\tbody\n1\ttea\n", "posts.tsv"),
        sample(b"PAR1\x15\x00\x15\x1c", "posts.parquet"),
    ],
}
#: Samples that no reader should detect.
FOREIGN = [
    sample(b""),
    sample(b"\n\n"),
    sample(b"{", "cut.jsonl"),
    sample(b'{"id": "c0abc", "bo', "cut.jsonl"),
    sample(b"[1, 2]\n3\nnull\n"),
    sample(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
    sample(b"\xff\xfe{\x00"),
    sample(b"Tea, she said, is all.\nNothing more\n", "notes.txt"),
    sample(b"[" * 5000),
    sample(b'{"a":' * 5000),
]


def score(name: str, found: Sample) -> float:
    return readers.find(name).fits(found)


def test_every_reader_has_samples() -> None:
    missing = set(readers.names()) - set(SAMPLES)
    assert not missing, f"add samples of {', '.join(sorted(missing))} to SAMPLES in this file"
    assert set(SAMPLES) <= set(readers.names())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_reader_scores_its_own_samples_higher_than_any_other_reader(name: str) -> None:
    for found in SAMPLES[name]:
        own = score(name, found)
        # A table gets a low score, because any reader of a specific format should win.
        assert own >= (0.1 if name == "table" else 0.5), found.head[:80]
        for other in readers.names():
            assert other == name or score(other, found) < own, (other, found.head[:80])


@pytest.mark.parametrize("name", readers.names())
def test_a_reader_does_not_detect_samples_of_other_formats(name: str) -> None:
    for other, samples in SAMPLES.items():
        for found in samples:
            limit = 0.2 if name == "table" or found.head.startswith(b"PAR1") else 0.0
            assert other == name or score(name, found) <= limit, (other, found.head[:80])


@pytest.mark.parametrize("name", readers.names())
@pytest.mark.parametrize("found", FOREIGN)
def test_a_reader_does_not_detect_foreign_files(name: str, found: Sample) -> None:
    assert score(name, found) == 0


def test_a_status_of_2010_has_no_id_in_digits_and_a_copy_of_the_api_is_no_status() -> None:
    status = {key: value for key, value in STATUS.items() if key != "id_str"}
    status |= {"in_reply_to_status_id": None}
    delete = {"delete": {"status": {"id": 1, "user_id": 2}}}
    assert score("x_stream", lines(status, delete)) == 1
    weibo = {**status, "mid": "1", "idstr": "1"}
    assert score("x_stream", lines(weibo, {**status, "statusnet_html": "tea"})) == 0


def test_keep_alives_and_cut_lines_do_not_lower_the_score() -> None:
    comment, status = json.dumps(COMMENT).encode(), json.dumps(STATUS).encode()
    assert score("reddit", sample(b"\n" + comment + b"\r\n" + comment[:40])) == 1
    assert score("x_stream", sample(b"\r\n\r\n" + status + b"\n" + status[:40])) == 1


def test_a_few_lines_of_another_kind_lower_the_score_by_their_share() -> None:
    assert score("reddit", lines(*[COMMENT] * 9, {"error": "x"})) == 0.9


def test_values_of_any_type_are_scored_without_an_error() -> None:
    odd: list[Any] = [None, 1, "x", [], [1], {}, {"id": 1}]
    keys = ("data", "meta", "errors", "user", "delete", "text", "id_str", "action", "includes")
    for name in readers.names():
        for value in odd:
            for key in keys:
                assert 0 <= score(name, lines({key: value})) <= 1
            assert 0 <= score(name, lines({**STATUS, **dict.fromkeys(keys, value)})) <= 1
