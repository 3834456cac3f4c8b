"""What each reader reads: a row of invented data for each feature of each platform.

docs/readers.md has a table of these cells. :mod:`tests.readers.test_features` reads the rows, and
compares the table with them.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

#: The columns of the table, and what a "yes" says.
FEATURES = {
    "text": "the text is whole, without what software has added to it; entities are decoded",
    "title": "a title is joined in front of the text, with a blank line between them",
    "alt": "descriptions of pictures are in the text with `with_alt: true`",
    "poll": "the options follow their question, each on a line of its own",
    "quote": "a post has its own words only and is of the kind `quote`, or the others' are marked "
    "with `>`",
    "warning": "a content warning is in front of the text, or the post is marked as `sensitive`",
    "code": "code is fenced, or stands between backticks within a line",
    "thread": "a reply has its parent and, if the dump has it, the thread's first post",
    "deletes": "what its author or a moderator has deleted is withdrawn",
    "visibility": "what is not for everybody is withdrawn",
    "dates": "the time is read, in UTC",
    "mentions": "a person whom a text names gets the pseudonym of the author column, or is masked",
}


class Yes(NamedTuple):
    """The content of a source, and what the reader must make of it.

    ``content``: a list of lines (objects or texts), a text, or files by name (an export).
    ``expected``: columns of the last post; ``tombstone`` is a target, a value and a reason, and
    ``posts`` the number of posts.
    """

    content: Any
    expected: dict[str, Any]
    settings: dict[str, Any] | None = None


class Absent(NamedTuple):
    """What a platform's dumps do not have, and why."""

    why: str


class Unread(NamedTuple):
    """What is in the dumps and not read, and why."""

    why: str


Cell = Yes | Absent | Unread
ALT = {"with_alt": True}
DAY = "2024-05-01T10:00:00+00:00"
DAY_S = 1_714_557_600


# --------------------------------------------------------------------------- Bluesky


def _skeet(**record: Any) -> list[Any]:
    record = {"text": "low tide", "createdAt": "2024-05-01T10:00:00Z", "langs": ["en"], **record}
    commit = {"rev": "a", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "b"}
    commit |= {"cid": "c", "record": {"$type": "app.bsky.feed.post", **record}}
    row = {"did": "did:plc:ada", "time_us": DAY_S * 1_000_000 + 1, "kind": "commit"}
    return [row | {"commit": commit}]


_SKEET = "at://did:plc:bob/app.bsky.feed.post/x"
_DELETED_SKEET = {
    "rev": "d",
    "operation": "delete",
    "collection": "app.bsky.feed.post",
    "rkey": "b",
}
_JAY = {
    "index": {"byteStart": 3, "byteEnd": 19},
    "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:jay"}],
}
_LABELS = "com.atproto.label.defs#selfLabels"

BLUESKY: dict[str, Cell] = {
    "text": Yes(_skeet(text="low tide & mud"), {"text": "low tide & mud"}),
    "title": Absent("posts have no titles"),
    "alt": Yes(
        _skeet(embed={"images": [{"alt": "a grey gull"}]}), {"text": "low tide\n\na grey gull"}, ALT
    ),
    "poll": Absent("there are no polls"),
    "quote": Yes(
        _skeet(embed={"$type": "app.bsky.embed.record", "record": {"uri": _SKEET}}),
        {"kind": "quote", "text": "low tide"},
    ),
    "warning": Yes(
        _skeet(labels={"$type": _LABELS, "values": [{"val": "nudity"}]}), {"sensitive": True}
    ),
    "code": Absent("texts have no markup"),
    "thread": Yes(
        _skeet(reply={"parent": {"uri": _SKEET}, "root": {"uri": _SKEET[:-1] + "r"}}),
        {"parent_id": f"bluesky:{_SKEET}", "root_id": f"bluesky:{_SKEET[:-1]}r", "kind": "reply"},
    ),
    "deletes": Yes(
        [_skeet()[0] | {"commit": _DELETED_SKEET}],
        {"tombstone": ("id", "bluesky:at://did:plc:ada/app.bsky.feed.post/b", "deleted_later")},
    ),
    "visibility": Yes(
        _skeet(labels={"$type": _LABELS, "values": [{"val": "!no-unauthenticated"}]}),
        {"withdrawn": "opted_out"},
    ),
    "dates": Yes(_skeet(), {"created_at": DAY}),
    "mentions": Yes(
        _skeet(text="hi @jay.example.org", facets=[_JAY]),
        {"mentions": "jay.example.org=did:plc:jay", "author": "did:plc:ada"},
    ),
}

# --------------------------------------------------------------------------- Discord


def _discord(channel: Any = None, **changes: Any) -> dict[str, Any]:
    message = {
        "id": "400000000000000004",
        "type": "Default",
        "timestamp": "2024-05-01T12:00:00+02:00",
        "content": "low tide",
        "author": {"id": "5", "name": "ada", "isBot": False},
        "mentions": [{"id": "6", "name": "bob"}],
        **changes,
    }
    channel = {"id": "2", "type": "GuildTextChat", "name": "tides", **(channel or {})}
    head = {"guild": {"id": "1", "name": "Tea"}, "channel": channel}
    return {"tides.json": {**head, "messages": [message], "messageCount": 1}}


DISCORD: dict[str, Cell] = {
    "text": Yes(_discord(content="low & <high>"), {"text": "low & <high>"}),
    "title": Yes(
        _discord({"id": "400000000000000004", "type": "GuildPublicThread", "name": "Mud"}),
        {"text": "Mud\n\nlow tide"},
    ),
    "alt": Yes(
        _discord(attachments=[{"id": "7", "fileName": "g.png", "description": "a grey gull"}]),
        {"text": "low tide\n\na grey gull"},
        ALT,
    ),
    "poll": Yes(
        _discord(content="", poll={"question": "which?", "answers": [{"text": "ebb"}]}),
        {"text": "which?\n- ebb"},
    ),
    "quote": Yes(_discord(content="> high\nno, low"), {"text": "> high\nno, low"}),
    "warning": Absent("exports do not say which channels are for adults"),
    "code": Yes(
        _discord(content="see ```py\nx = 1``` here"), {"text": "see \n```py\nx = 1\n```\n here"}
    ),
    "thread": Yes(
        _discord(type="Reply", reference={"messageId": "399"}),
        {"kind": "reply", "parent_id": "discord:399"},
    ),
    "deletes": Yes(
        _discord(author={"id": "0", "name": "Deleted User 5d41402a"}), {"withdrawn": "deleted"}
    ),
    "visibility": Yes(_discord({"type": "DirectTextChat"}), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_discord(), {"created_at": DAY}),
    "mentions": Yes(
        _discord(content="hi @bob"), {"mentions": "bob=6", "author": "5"}, {"mask_mentions": False}
    ),
}

# --------------------------------------------------------------------------- 4chan

_BOARD = {"board": "g"}


def _chan(**changes: Any) -> list[Any]:
    first = {"no": 100, "resto": 0, "time": DAY_S, "name": "Anonymous", "com": "low tide"}
    return [{"posts": [first, {**first, "no": 101, "resto": 100, **changes}]}]


_FUUKA = {"num": "100", "subnum": "0", "thread_num": "100", "op": "1", "timestamp": DAY_S}
_FUUKA |= {"comment": "low tide", "board": {"shortname": "g"}}

FOURCHAN: dict[str, Cell] = {
    "text": Yes(_chan(com="low<br>a &amp; b<wbr>c"), {"text": "low\na & bc"}, _BOARD),
    "title": Yes(_chan(sub="Mud &amp; sand"), {"text": "Mud & sand\n\nlow tide"}, _BOARD),
    "alt": Absent("pictures have names of files only"),
    "poll": Absent("there are no polls"),
    "quote": Yes(
        _chan(com='<span class="quote">&gt;high</span><br>no, low'),
        {"text": ">high\nno, low"},
        _BOARD,
    ),
    "warning": Yes(_chan(), {"sensitive": True}, {"board": "b"}),
    "code": Yes(
        _chan(com='see<pre class="prettyprint">x = 1<br>y = 2</pre>'),
        {"text": "see\n\n```\nx = 1\ny = 2\n```"},
        _BOARD,
    ),
    "thread": Yes(
        _chan(com='<a href="#p100" class="quotelink">&gt;&gt;100</a><br>no'),
        {"parent_id": "4chan:g/100", "root_id": "4chan:g/100", "text": "no"},
        _BOARD,
    ),
    "deletes": Yes([{**_FUUKA, "deleted": "1"}], {"withdrawn": "deleted_later"}),
    "visibility": Absent("everybody can read every board"),
    "dates": Yes(_chan(), {"created_at": DAY}, _BOARD),
    "mentions": Absent("there are no accounts"),
}

# --------------------------------------------------------------------------- Hacker News


def _item(**changes: Any) -> list[Any]:
    return [{"id": 9, "type": "comment", "by": "ada", "time": DAY_S, "text": "low tide", **changes}]


_HN_POLL = {"id": 1, "type": "poll", "author": "ada", "created_at_i": DAY_S, "title": "Which?"}
_HN_OPTIONS = [{"id": 2, "type": "pollopt", "text": "ebb"}, {"id": 3, "text": "flow"}]

HACKERNEWS: dict[str, Cell] = {
    "text": Yes(_item(text="low<p>a &amp; b&#x27;s"), {"text": "low\n\na & b's"}),
    "title": Yes(_item(type="story", title="Mud"), {"text": "Mud\n\nlow tide"}),
    "alt": Absent("items have no pictures"),
    "poll": Yes([{**_HN_POLL, "options": _HN_OPTIONS}], {"text": "Which?\n- ebb\n- flow"}),
    "quote": Yes(_item(text="&gt; high<p>no, low"), {"text": "> high\n\nno, low"}),
    "warning": Absent("there are none"),
    "code": Yes(_item(text="<pre><code>  x = 1\n</code></pre>"), {"text": "```\n  x = 1\n```"}),
    "thread": Yes(_item(parent=8), {"kind": "reply", "parent_id": "hackernews:8"}),
    "deletes": Yes(_item(deleted=True, text=None), {"withdrawn": "deleted"}),
    "visibility": Absent("everybody can read every item"),
    "dates": Yes(_item(), {"created_at": DAY}),
    "mentions": Yes(_item(text="hi @bob"), {"mentions": None, "author": "ada"}),
}

# --------------------------------------------------------------------------- Lemmy

_LEMMY = {"instance": "lemmy.example"}
_ADA = {"id": 3, "name": "ada", "actor_id": "https://lemmy.example/u/ada"}
_ROOM = {"id": 5, "name": "tides", "actor_id": "https://lemmy.example/c/tides", "nsfw": False}


def _lemmy(community: Any = None, **changes: Any) -> list[Any]:
    post = {"id": 24, "name": "Mud", "body": "low tide", "creator_id": 3, "community_id": 5}
    post |= {"published": "2024-05-01T10:00:00Z", "ap_id": "https://lemmy.example/post/24"}
    return [{"post": post | changes, "creator": _ADA, "community": _ROOM | (community or {})}]


_REPLY = {"id": 27, "content": "no", "post_id": 24, "path": "0.26.27", "creator_id": 3}

LEMMY: dict[str, Cell] = {
    "text": Yes([{**_REPLY, "content": "a &amp; b"}], {"text": "a & b"}, _LEMMY),
    "title": Yes(_lemmy(), {"text": "Mud\n\nlow tide"}, _LEMMY),
    "alt": Yes(
        _lemmy(alt_text="a grey gull"), {"text": "Mud\n\nlow tide\n\na grey gull"}, _LEMMY | ALT
    ),
    "poll": Absent("there are no polls"),
    "quote": Yes(
        [{**_REPLY, "content": "> high\n\nno, low"}], {"text": "> high\n\nno, low"}, _LEMMY
    ),
    "warning": Yes(_lemmy(nsfw=True), {"sensitive": True}, _LEMMY),
    "code": Yes(
        [{**_REPLY, "content": "see\n\n    x = 1\n\nso"}],
        {"text": "see\n\n```\nx = 1\n```\n\nso"},
        _LEMMY,
    ),
    "thread": Yes(
        [_REPLY],
        {"parent_id": "lemmy:lemmy.example/comment/26", "root_id": "lemmy:lemmy.example/post/24"},
        _LEMMY,
    ),
    "deletes": Yes(_lemmy(deleted=True), {"withdrawn": "deleted"}, _LEMMY),
    "visibility": Yes(_lemmy({"visibility": "Private"}), {"withdrawn": "private"}, _LEMMY),
    "dates": Yes(_lemmy(), {"created_at": DAY}, _LEMMY),
    "mentions": Yes(
        _lemmy(body="hi [@bob@far.example](https://far.example/u/bob)"),
        {
            "mentions": "bob@far.example=https://far.example/u/bob",
            "author": "https://lemmy.example/u/ada",
        },
        _LEMMY,
    ),
}

# --------------------------------------------------------------------------- Mastodon


def _status(**changes: Any) -> list[Any]:
    account = {"id": "7", "username": "ada", "acct": "ada", "url": "https://mas.example/@ada"}
    return [
        {
            "id": "1",
            "uri": "https://mas.example/users/ada/statuses/1",
            "created_at": "2024-05-01T10:00:00.000Z",
            "content": "<p>low tide</p>",
            "visibility": "public",
            "account": account,
            **changes,
        }
    ]


_ARTICLE = {
    "id": "https://pub.example/a/1",
    "type": "Article",
    "attributedTo": "https://pub.example/users/ada",
    "to": ["as:Public"],
    "name": "Mud",
    "content": "<p>low tide</p>",
    "published": "2024-05-01T10:00:00Z",
}
_BOB = {"id": "9", "username": "bob", "acct": "bob@far.example", "url": "https://far.example/@bob"}
_PARENT = {"id": "0", "uri": "https://far.example/users/bob/statuses/0", "content": "<p>high</p>"}

MASTODON: dict[str, Cell] = {
    "text": Yes(_status(content="<p>a &amp; b<br>c</p><p>d</p>"), {"text": "a & b\nc\n\nd"}),
    "title": Yes([_ARTICLE], {"text": "Mud\n\nlow tide"}),
    "alt": Yes(
        _status(media_attachments=[{"type": "image", "description": "a grey gull"}]),
        {"text": "low tide\n\na grey gull"},
        ALT,
    ),
    "poll": Yes(_status(poll={"options": [{"title": "ebb"}]}), {"text": "low tide\n- ebb"}),
    "quote": Yes(
        _status(
            quote={"state": "accepted"},
            content='<p class="quote-inline">RE: https://far.example/1</p><p>no, low</p>',
        ),
        {"kind": "quote", "text": "no, low"},
    ),
    "warning": Yes(
        _status(spoiler_text="water", sensitive=True),
        {"text": "water\n\nlow tide", "sensitive": True},
    ),
    "code": Yes(
        _status(content="<p>see <code>y</code></p><pre><code>x = 1</code></pre>"),
        {"text": "see `y`\n\n```\nx = 1\n```"},
    ),
    "thread": Yes(
        [
            {
                "ancestors": [{**_status()[0], **_PARENT, "account": _BOB}],
                "descendants": _status(in_reply_to_id="0"),
            }
        ],
        {"kind": "reply", "parent_id": "mastodon:https://far.example/users/bob/statuses/0"},
    ),
    "deletes": Yes(
        [{"event": "delete", "payload": "1"}, *_status()], {"withdrawn": "deleted_later"}
    ),
    "visibility": Yes(_status(visibility="private"), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_status(), {"created_at": DAY}),
    "mentions": Yes(
        _status(content="<p>hi @bob</p>", mentions=[_BOB]),
        {"mentions": "bob=bob@far.example", "author": "ada@mas.example"},
    ),
}

# --------------------------------------------------------------------------- mbox


def _mail(body: str, **headers: str) -> str:
    named = {
        "From": "Ada Lee <ada@tea.example>",
        "Newsgroups": "alt.tides",
        "Date": "Wed, 01 May 2024 12:00:00 +0200",
        "Message-ID": "<1@tea.example>",
        "Subject": "",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\n" for name, value in named.items() if value)
    return f"From ada@tea.example Wed May  1 10:00:00 2024\n{head}\n{body}\n"


_FIRST_MAIL = "mbox:4473de89afc0c95c4fcc1bb9"  # "0@tea.example"
_HTML = {"Content_Type": "text/html; charset=utf-8"}

MBOX: dict[str, Cell] = {
    "text": Yes(_mail("low tide\n\n-- \nAda Lee, 1 Pier Road"), {"text": "low tide"}),
    "title": Yes(_mail("low tide", Subject="=?utf-8?q?Mud?="), {"text": "Mud\n\nlow tide"}),
    "alt": Yes(_mail('<p>see <img alt="a gull"></p>', **_HTML), {"text": "see a gull"}, ALT),
    "poll": Absent("mail has none"),
    "quote": Yes(_mail("> high\n\nno, low"), {"text": "> high\n\nno, low"}),
    "warning": Absent("mail has none"),
    "code": Yes(_mail("<pre>x = 1</pre>", **_HTML), {"text": "```\nx = 1\n```"}),
    "thread": Yes(
        _mail("no", References="<0@tea.example>", In_Reply_To="<0@tea.example>"),
        {"kind": "reply", "parent_id": _FIRST_MAIL, "root_id": _FIRST_MAIL},
    ),
    "deletes": Yes(
        _mail("gone", Control="cancel <0@tea.example>"),
        {"tombstone": ("id", _FIRST_MAIL, "deleted_later")},
    ),
    "visibility": Yes(
        _mail("low tide", Newsgroups="", Delivered_To="bob@tea.example"),
        {"withdrawn": "private", "text": ""},
    ),
    "dates": Yes(_mail("low tide"), {"created_at": DAY}),
    "mentions": Absent("mail names people by addresses, which `pii` redacts"),
}

# --------------------------------------------------------------------------- Facebook, Instagram

_OWNER = {"consented": True}
_FACEBOOK = "your_facebook_activity/posts/your_posts_1.json"


def _entry(text: str = "low tide", **changes: Any) -> dict[str, Any]:
    return {_FACEBOOK: [{"timestamp": DAY_S, "data": [{"post": text}], **changes}]}


_META_POLL = {"question": "which?", "options": [{"option": "ebb", "voted": True}]}

META: dict[str, Cell] = {
    "text": Yes(_entry("Caf\u00c3\u00a9"), {"text": "Caf\u00e9"}, _OWNER),
    "title": Absent("`title` says what the owner did"),
    "alt": Absent("exports leave the descriptions out"),
    "poll": Yes(
        _entry(attachments=[{"data": [{"poll": _META_POLL}]}]),
        {"text": "low tide\n\nwhich?\n- ebb"},
        _OWNER,
    ),
    "quote": Absent("a shared post is not in the export"),
    "warning": Absent("exports have none"),
    "code": Absent("texts have no markup"),
    "thread": Absent("a comment does not name its post"),
    "deletes": Absent("what is in the trash is in files that are never opened"),
    "visibility": Yes(_entry(), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_entry(), {"created_at": DAY}, _OWNER),
    "mentions": Yes(_entry("hi @[100001:2048:Bob Lee]"), {"text": "hi @user"}, _OWNER),
}

# --------------------------------------------------------------------------- Misskey

_MISSKEY = {"instance": "mk.example"}


def _note(**changes: Any) -> list[Any]:
    return [
        {
            "id": "9abc",
            "createdAt": "2024-05-01T10:00:00.000Z",
            "userId": "u1",
            "user": {"id": "u1", "username": "ada", "host": None},
            "text": "low tide",
            "cw": None,
            "visibility": "public",
            **changes,
        }
    ]


_FAR_NOTE = {**_note()[0], "id": "8x", "text": "high"}
_FAR_NOTE |= {"user": {"id": "u2", "username": "bob", "host": "far.example"}}

MISSKEY: dict[str, Cell] = {
    "text": Yes(_note(text="$[x2 low] <small>tide</small>"), {"text": "low tide"}, _MISSKEY),
    "title": Absent("notes have no titles"),
    "alt": Yes(
        _note(files=[{"comment": "a grey gull"}]),
        {"text": "low tide\n\na grey gull"},
        _MISSKEY | ALT,
    ),
    "poll": Yes(_note(poll={"choices": [{"text": "ebb"}]}), {"text": "low tide\n- ebb"}, _MISSKEY),
    "quote": Yes(
        _note(text="no, low", renoteId="8x", renote=_FAR_NOTE),
        {"kind": "quote", "text": "no, low"},
        _MISSKEY,
    ),
    "warning": Yes(_note(cw="water"), {"text": "water\n\nlow tide", "sensitive": True}, _MISSKEY),
    "code": Yes(_note(text="```py\nx = [1]\n```"), {"text": "```py\nx = [1]\n```"}, _MISSKEY),
    "thread": Yes(_note(replyId="8x"), {"parent_id": "misskey:mk.example/8x"}, _MISSKEY),
    "deletes": Yes(
        [{"type": "noteUpdated", "body": {"type": "deleted", "id": "9abc", "body": {}}}],
        {"tombstone": ("id", "misskey:mk.example/9abc", "deleted_later")},
        _MISSKEY,
    ),
    "visibility": Yes(_note(localOnly=True), {"withdrawn": "private", "text": ""}, _MISSKEY),
    "dates": Yes(_note(), {"created_at": DAY}, _MISSKEY),
    "mentions": Yes(
        _note(text="hi @bob", reply=_FAR_NOTE, replyId="8x"),
        {"mentions": "bob=bob@far.example", "author": "ada@mk.example"},
        _MISSKEY,
    ),
}

# --------------------------------------------------------------------------- Reddit


def _submission(**changes: Any) -> list[Any]:
    row = {"id": "s1", "author": "ada", "subreddit": "tides", "created_utc": DAY_S, "title": "Mud"}
    return [{**row, "selftext": "low tide", **changes}]


def _comment(**changes: Any) -> list[Any]:
    row = {"id": "c1", "author": "ada", "subreddit": "tides", "created_utc": str(DAY_S)}
    return [{**row, "body": "low", "link_id": "t3_s1", "parent_id": "t1_c0", **changes}]


REDDIT: dict[str, Cell] = {
    "text": Yes(_comment(body="a &amp; b"), {"text": "a & b"}),
    "title": Yes(_submission(), {"text": "Mud\n\nlow tide"}),
    "alt": Yes(
        _submission(gallery_data={"items": [{"caption": "a grey gull", "media_id": "g"}, {}]}),
        {"text": "Mud\n\nlow tide\n\na grey gull"},
        ALT,
    ),
    "poll": Yes(
        _submission(poll_data={"options": [{"text": "ebb"}]}), {"text": "Mud\n\nlow tide\n- ebb"}
    ),
    "quote": Yes(_comment(body="&gt; high\n\nno, low"), {"text": "> high\n\nno, low"}),
    "warning": Yes(_submission(over_18=True), {"sensitive": True}),
    "code": Yes(
        _comment(body="see\n\n    x = 1\n    y = 2\n\nso"),
        {"text": "see\n\n```\nx = 1\ny = 2\n```\n\nso"},
    ),
    "thread": Yes(
        _comment(), {"kind": "reply", "parent_id": "reddit:t1_c0", "root_id": "reddit:t3_s1"}
    ),
    "deletes": Yes(_comment(body="[deleted]"), {"withdrawn": "deleted"}),
    "visibility": Yes(_comment(subreddit_type="private"), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_comment(), {"created_at": DAY}),
    "mentions": Yes(_comment(body="hi u/bob"), {"mentions": None, "author": "ada"}),
}

# --------------------------------------------------------------------------- Slack

_TS = f"{DAY_S}.000100"


def _slack(folder: str = "tides", **changes: Any) -> dict[str, Any]:
    message = {"type": "message", "user": "U1", "text": "low tide", "ts": _TS, **changes}
    return {
        "users.json": [{"id": "U1", "name": "ada"}, {"id": "U2", "name": "bob.lee"}],
        "channels.json": [{"id": "C1", "name": "tides"}],
        "groups.json": [{"id": "G1", "name": "mud"}],
        f"{folder}/2024-05-01.json": [message],
    }


SLACK: dict[str, Cell] = {
    "text": Yes(_slack(text="a &amp; <https://b.example|b>"), {"text": "a & b"}),
    "title": Absent("messages have no titles"),
    "alt": Yes(
        _slack(files=[{"id": "F1", "alt_txt": "a grey gull"}]),
        {"text": "low tide\n\na grey gull"},
        ALT,
    ),
    "poll": Absent("polls are apps of others"),
    "quote": Yes(_slack(text="&gt; high\nno, low"), {"text": "> high\nno, low"}),
    "warning": Absent("there are none"),
    "code": Yes(_slack(text="see ```x = 1``` so"), {"text": "see \n```\nx = 1\n```\n so"}),
    "thread": Yes(
        _slack(thread_ts="1714550000.000100"),
        {"kind": "reply", "parent_id": "slack:C1/1714550000.000100"},
    ),
    "deletes": Yes(_slack(subtype="tombstone"), {"withdrawn": "deleted"}),
    "visibility": Yes(_slack("mud"), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_slack(), {"created_at": "2024-05-01T10:00:00.000100+00:00"}),
    "mentions": Yes(
        _slack(text="hi <@U2>"), {"text": "hi @bob.lee", "mentions": "bob.lee=U2", "author": "U1"}
    ),
}

# --------------------------------------------------------------------------- Stack Exchange

_SITE = {"site": "tides.example"}


def _row(table: str = "posts", **fields: str) -> dict[str, str]:
    base = {"Id": "4", "CreationDate": "2024-05-01T10:00:00.000"}
    if table == "posts":
        base |= {"PostTypeId": "2", "ParentId": "3", "Body": "<p>low tide</p>", "OwnerUserId": "8"}
    else:
        base |= {"PostId": "3", "Text": "low tide", "UserId": "8"}
    given = "".join(
        f' {name}="{_escape(value)}"' for name, value in {**base, **fields}.items() if value
    )
    return {f"{table.title()}.xml": f"<{table}>\n  <row{given} />\n</{table}>"}


def _escape(value: str) -> str:
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return value.replace("\n", "&#xA;")


STACKEXCHANGE: dict[str, Cell] = {
    "text": Yes(_row(Body="<p>a &amp; <em>b</em></p>"), {"text": "a & b"}, _SITE),
    "title": Yes(
        _row(PostTypeId="1", ParentId="", Title="Mud"), {"text": "Mud\n\nlow tide"}, _SITE
    ),
    "alt": Yes(_row(Body='<p>see <img alt="a gull"></p>'), {"text": "see a gull"}, _SITE | ALT),
    "poll": Absent("there are no polls"),
    "quote": Yes(
        _row(Body="<blockquote><p>high</p></blockquote><p>no, low</p>"),
        {"text": "> high\n\nno, low"},
        _SITE,
    ),
    "warning": Absent("there are none"),
    "code": Yes(
        _row(Body='<pre class="lang-py"><code>x = 1\n</code></pre>'),
        {"text": "```py\nx = 1\n```"},
        _SITE,
    ),
    "thread": Yes(
        _row(),
        {"parent_id": "stackexchange:tides.example/3", "root_id": "stackexchange:tides.example/3"},
        _SITE,
    ),
    "deletes": Yes(_row(DeletionDate="2024-05-02T10:00:00.000"), {"withdrawn": "deleted"}, _SITE),
    "visibility": Absent("everybody can read every post"),
    "dates": Yes(_row(), {"created_at": DAY}, _SITE),
    "mentions": Absent("comments name people by display names, and authors are numbers"),
}

# --------------------------------------------------------------------------- tables


def _table(columns: dict[str, Any], **row: Any) -> tuple[list[Any], dict[str, Any]]:
    return [{"n": "1", "body": "low tide", **row}], {
        "fields": {"id": "n", "text": "body", **columns}
    }


def _mapped(columns: dict[str, Any], expected: dict[str, Any], **row: Any) -> Yes:
    content, settings = _table(columns, **row)
    return Yes(content, expected, settings)


TABLE: dict[str, Cell] = {
    "text": _mapped({}, {"text": "low tide & mud"}, body="low tide & mud"),
    "title": _mapped({"text": ["head", "body"]}, {"text": "Mud\n\nlow tide"}, head="Mud"),
    "alt": _mapped(
        {"text": ["body", "alt"]}, {"text": "low tide\n\na grey gull"}, alt="a grey gull"
    ),
    "poll": _mapped(
        {"text": ["body", "votes"]}, {"text": "low tide\n\nebb\nflow"}, votes=["ebb", "flow"]
    ),
    "quote": _mapped({"kind": "sort"}, {"kind": "quote"}, sort="quote"),
    "warning": _mapped({"sensitive": "nsfw"}, {"sensitive": True}, nsfw="yes"),
    "code": Absent("a text is kept as it is written"),
    "thread": _mapped(
        {"parent_id": "up", "root_id": "top"},
        {"parent_id": "table:8", "root_id": "table:7"},
        up="8",
        top="7",
    ),
    "deletes": _mapped({"withdrawn": "gone"}, {"withdrawn": "deleted"}, gone="deleted"),
    "visibility": _mapped({"withdrawn": "gone"}, {"withdrawn": "private"}, gone="private"),
    "dates": _mapped({"created_at": "when"}, {"created_at": DAY}, when="2024-05-01 12:00 +0200"),
    "mentions": _mapped({"mentions": "people"}, {"mentions": "bob=6"}, people="bob=6"),
}

# --------------------------------------------------------------------------- Telegram


def _telegram(chat: Any = None, *before: Any, **changes: Any) -> dict[str, Any]:
    message = {
        "id": 9,
        "type": "message",
        "date": "2024-05-01T12:00:00",
        "date_unixtime": str(DAY_S),
        "from": "Ada",
        "from_id": "user12",
        "text": "low tide",
        **changes,
    }
    head = {"name": "Tides", "type": "public_supergroup", "id": 7, **(chat or {})}
    return {"result.json": {**head, "messages": [*before, message]}}


TELEGRAM: dict[str, Cell] = {
    "text": Yes(
        _telegram(text=["low ", {"type": "bold", "text": "tide"}, " & mud"]),
        {"text": "low tide & mud"},
    ),
    "title": Absent("messages have no titles; that of a topic is not theirs"),
    "alt": Absent("pictures have no descriptions"),
    "poll": Yes(
        _telegram(text="", poll={"question": "which?", "answers": [{"text": "ebb"}]}),
        {"text": "which?\n- ebb"},
    ),
    "quote": Yes(
        _telegram(text=[{"type": "blockquote", "text": "high\nwater"}, "\nno, low"]),
        {"text": "> high\n> water\nno, low"},
    ),
    "warning": Absent("exports have none"),
    "code": Yes(
        _telegram(
            text=[
                "see ",
                {"type": "code", "text": "y"},
                " in ",
                {"type": "pre", "text": "x = 1\n", "language": "py"},
                "so",
            ]
        ),
        {"text": "see `y` in \n```py\nx = 1\n```\nso"},
    ),
    "thread": Yes(_telegram(reply_to_message_id=8), {"kind": "reply", "parent_id": "telegram:7/8"}),
    "deletes": Yes(_telegram(**{"from": None}), {"withdrawn": "deleted"}),
    "visibility": Yes(_telegram({"type": "private_group"}), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_telegram(), {"created_at": DAY}),
    "mentions": Yes(
        _telegram(text=["hi ", {"type": "mention_name", "text": "Bob Lee", "user_id": 6}]),
        {"text": "hi @user"},
    ),
}

# --------------------------------------------------------------------------- TikTok


def _clip_comment(**changes: Any) -> list[Any]:
    user = {"uid": "7", "unique_id": "ada"}
    row = {"cid": "32", "aweme_id": "20", "text": "low tide", "create_time": DAY_S, "user": user}
    return [{**row, "digg_count": 4, "reply_id": "0", **changes}]


_CLIP = {"id": "21", "desc": "ebb", "createTime": DAY_S, "stats": {"diggCount": 5}}

TIKTOK: dict[str, Cell] = {
    "text": Yes(_clip_comment(text="a & b"), {"text": "a & b"}),
    "title": Absent("a video has a description, which is its text"),
    "alt": Absent("neither the API nor an export has descriptions of pictures"),
    "poll": Absent("polls are pictures on a video"),
    "quote": Absent("a video that answers another does not name it"),
    "warning": Absent("there are none"),
    "code": Absent("texts have no markup"),
    "thread": Yes(_clip_comment(reply_id="31"), {"parent_id": "tiktok:31", "root_id": "tiktok:20"}),
    "deletes": Absent("what was deleted is not in the answers; of an export it is never opened"),
    "visibility": Yes(
        [{**_CLIP, "author": {"uniqueId": "ada"}, "privateItem": True}],
        {"withdrawn": "private", "text": ""},
    ),
    "dates": Yes(_clip_comment(), {"created_at": DAY}),
    "mentions": Yes(_clip_comment(text="hi @bob"), {"mentions": None, "author": "ada"}),
}

# --------------------------------------------------------------------------- Tumblr


def _blog_post(*blocks: Any, **changes: Any) -> list[Any]:
    return [
        {
            "id": 7011,
            "id_string": "7011",
            "blog_name": "ada",
            "state": "published",
            "timestamp": DAY_S,
            "reblog_key": "k",
            "note_count": 3,
            "content": list(blocks) or [{"type": "text", "text": "low tide"}],
            "trail": [],
            **changes,
        }
    ]


def _old_post(**changes: Any) -> list[Any]:
    (row,) = _blog_post(type="text")
    del row["content"]
    return [{**row, **changes}]


_TRAIL = [{"post": {"id": "6001"}, "blog": {"name": "bob"}, "content": [], "layout": []}]

TUMBLR: dict[str, Cell] = {
    "text": Yes(_old_post(body="<p>a &amp; b</p>"), {"text": "a & b"}),
    "title": Yes(_old_post(title="Mud", body="<p>low tide</p>"), {"text": "Mud\n\nlow tide"}),
    "alt": Yes(_blog_post({"type": "image", "alt_text": "a gull"}), {"text": "a gull"}, ALT),
    "poll": Yes(
        _blog_post({"type": "poll", "question": "which?", "answers": [{"answer_text": "ebb"}]}),
        {"text": "which?\n- ebb"},
    ),
    "quote": Yes(
        _blog_post(trail=_TRAIL, reblogged_from_id=6001),
        {"kind": "quote", "text": "low tide", "parent_id": "tumblr:6001"},
    ),
    "warning": Yes(_blog_post(is_nsfw=True), {"sensitive": True}),
    "code": Yes(_old_post(body="<pre>x = 1</pre>"), {"text": "```\nx = 1\n```"}),
    "thread": Yes(
        _blog_post(trail=_TRAIL, reblogged_from_id=6001, reblogged_root_id=6000),
        {"parent_id": "tumblr:6001", "root_id": "tumblr:6000"},
    ),
    "deletes": Yes(_blog_post(blog_name="ada-deactivated20240501"), {"withdrawn": "deleted"}),
    "visibility": Yes(_blog_post(state="private"), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_blog_post(), {"created_at": DAY}),
    "mentions": Yes(
        _blog_post({"type": "text", "text": "hi @bob"}), {"mentions": None, "author": "ada"}
    ),
}

# --------------------------------------------------------------------------- VK


def _wall(**changes: Any) -> list[Any]:
    row = {"id": 20, "owner_id": -7, "from_id": 12, "date": DAY_S, "text": "low tide"}
    return [{**row, "post_type": "post", **changes}]


def _attached(kind: str, part: Any) -> list[Any]:
    return [{"type": kind, kind: part}]


_PEOPLE = [{"id": 12, "screen_name": "ada"}, {"id": 13, "screen_name": "bob"}]

VK: dict[str, Cell] = {
    "text": Yes(_wall(text="a &amp; b<br>c"), {"text": "a & b\nc"}),
    "title": Absent("posts have no titles; those of articles are in links"),
    "alt": Yes(
        _wall(attachments=_attached("photo", {"text": "a grey gull"})),
        {"text": "low tide\n\na grey gull"},
        ALT,
    ),
    "poll": Yes(
        _wall(attachments=_attached("poll", {"question": "which?", "answers": [{"text": "ebb"}]})),
        {"text": "low tide\n\nwhich?\n- ebb"},
    ),
    "quote": Yes(
        _wall(copy_history=[{"id": 5, "owner_id": -8, "text": "high"}]),
        {"kind": "quote", "text": "low tide"},
    ),
    "warning": Absent("answers have none"),
    "code": Absent("texts have no markup"),
    "thread": Yes(
        _wall(post_id=19, parents_stack=[18]), {"parent_id": "vk:-7_18", "root_id": "vk:-7_19"}
    ),
    "deletes": Yes(_wall(is_deleted=True), {"withdrawn": "deleted", "text": ""}),
    "visibility": Yes(_wall(friends_only=1), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_wall(), {"created_at": DAY}),
    "mentions": Yes(
        [{"response": {"items": _wall(text="[id5|Bob Lee], hi @bob"), "profiles": _PEOPLE}}],
        {"text": "@user, hi @bob", "mentions": "bob=13", "author": "12"},
    ),
}

# --------------------------------------------------------------------------- WhatsApp

_CHAT = {"consented": True, "dates": "dmy"}


def _chat(text: str) -> str:
    return f"[01.05.24, 10:00:00] Ada: {text}\n"


WHATSAPP: dict[str, Cell] = {
    "text": Yes(
        _chat("low tide\nand mud \u200e<This message was edited>"),
        {"text": "low tide\nand mud"},
        _CHAT,
    ),
    "title": Absent("messages have no titles"),
    "alt": Absent("an export has the names of files only"),
    "poll": Yes(
        _chat("\u200ePOLL:\nwhich?\n\u200eOPTION: ebb (\u200e3 votes)"),
        {"text": "which?\n- ebb"},
        _CHAT,
    ),
    "quote": Absent("an export leaves out what a message answers"),
    "warning": Absent("there are none"),
    "code": Yes(_chat("see ```x = 1```"), {"text": "see ```x = 1```"}, _CHAT),
    "thread": Absent("an export leaves out what a message answers"),
    "deletes": Yes(_chat("\u200eThis message was deleted."), {"withdrawn": "deleted"}, _CHAT),
    "visibility": Yes(_chat("low tide"), {"withdrawn": "private", "text": ""}),
    "dates": Yes(_chat("low tide"), {"created_at": DAY}, _CHAT),
    "mentions": Yes(_chat("hi @\u2068Bob Lee\u2069"), {"text": "hi @user"}, _CHAT),
}

# --------------------------------------------------------------------------- X


def _v2(includes: Any = None, **changes: Any) -> list[Any]:
    tweet = {"id": "77", "text": "low tide", "author_id": "12"}
    tweet |= {"created_at": "2024-05-01T10:00:00.000Z", "conversation_id": "70"}
    users = [{"id": "12", "username": "ada"}]
    return [{"data": [tweet | changes], "includes": {"users": users, **(includes or {})}}]


_V2_BOB = {"mentions": [{"username": "bob", "id": "13", "start": 3, "end": 7}]}
_V2_LINK = {"urls": [{"url": "https://t.co/q", "expanded_url": "https://x.com/bob/status/5"}]}

X_API: dict[str, Cell] = {
    "text": Yes(_v2(note_tweet={"text": "low tide &amp; mud"}), {"text": "low tide & mud"}),
    "title": Yes(
        _v2(text="https://t.co/a", article={"title": "Mud", "plain_text": "low tide"}),
        {"text": "Mud\n\nlow tide"},
    ),
    "alt": Yes(
        _v2(
            {"media": [{"media_key": "3_1", "type": "photo", "alt_text": "a grey gull"}]},
            attachments={"media_keys": ["3_1", "3_2"]},
        ),
        {"text": "low tide\n\na grey gull"},
        ALT,
    ),
    "poll": Yes(
        _v2(
            {"polls": [{"id": "5", "options": [{"position": 1, "label": "ebb"}]}]},
            attachments={"poll_ids": ["5"]},
        ),
        {"text": "low tide\n- ebb"},
    ),
    "quote": Yes(
        _v2(
            text="no, low https://t.co/q",
            entities=_V2_LINK,
            referenced_tweets=[{"type": "quoted", "id": "5"}],
        ),
        {"kind": "quote", "text": "no, low"},
    ),
    "warning": Yes(_v2(possibly_sensitive=True), {"sensitive": True}),
    "code": Absent("texts have no markup"),
    "thread": Yes(
        _v2(referenced_tweets=[{"type": "replied_to", "id": "71"}]),
        {"parent_id": "x:71", "root_id": "x:70", "kind": "reply"},
    ),
    "deletes": Yes(
        [{"id": "77", "action": "delete", "redacted_at": "2024-05-01T10:00:00Z"}],
        {"tombstone": ("id", "x:77", "deleted_later")},
    ),
    "visibility": Yes(
        _v2({"users": [{"id": "12", "username": "ada", "protected": True}]}),
        {"withdrawn": "protected"},
    ),
    "dates": Yes(_v2(), {"created_at": DAY}),
    "mentions": Yes(_v2(text="hi @bob", entities=_V2_BOB), {"mentions": "bob=13", "author": "12"}),
}


def _archive(files: Any = None, **changes: Any) -> dict[str, str]:
    tweet = {
        "id_str": "489790559058686978",
        "created_at": "Wed May 01 10:00:00 +0000 2024",
        "full_text": "low tide",
        "entities": {"urls": [], "user_mentions": []},
        **changes,
    }
    return {
        "data/account.js": _assign("account", {"account": {"accountId": "12", "username": "ada"}}),
        "data/tweets.js": _assign("tweets", {"tweet": tweet}),
        **(files or {}),
    }


def _assign(name: str, item: Any) -> str:
    return f"window.YTD.{name}.part0 = {json.dumps([item])}"


_ARTICLE_OF_TWEET = {"id": "9", "tweetId": "489790559058686978", "title": "Mud"}
_ARTICLE_OF_TWEET |= {"plainText": "Ebb and flow"}
_PROTECTED = {"protectedHistory": {"protectedAt": "2024-01-01T00:00:00.000Z", "action": "Protect"}}
_QUOTED = {"urls": [{"url": "https://t.co/q", "expanded_url": "https://x.com/bob/status/5"}]}
_NAMED = {"user_mentions": [{"screen_name": "bob", "id_str": "13"}]}

X_ARCHIVE: dict[str, Cell] = {
    "text": Yes(_archive(full_text="low tide &amp; mud"), {"text": "low tide & mud"}),
    "title": Yes(
        _archive({"data/article.js": _assign("article", {"article": _ARTICLE_OF_TWEET})}),
        {"text": "low tide\n\nMud\n\nEbb and flow"},
    ),
    "alt": Absent("X leaves the descriptions out of its archives"),
    "poll": Absent("X leaves the polls out of its archives"),
    "quote": Yes(
        _archive(full_text="no, low https://t.co/q", entities=_QUOTED),
        {"kind": "quote", "text": "no, low"},
    ),
    "warning": Yes(_archive(possibly_sensitive=True), {"sensitive": True}),
    "code": Absent("texts have no markup"),
    "thread": Yes(_archive(in_reply_to_status_id_str="71"), {"kind": "reply", "parent_id": "x:71"}),
    "deletes": Yes(
        _archive({"data/deleted-tweets.js": _assign("deleted_tweets", {"tweet": {"id_str": "5"}})}),
        {"posts": 1, "id": "x:489790559058686978"},
    ),
    "visibility": Yes(
        _archive({"data/protected-history.js": _assign("protected_history", _PROTECTED)}),
        {"withdrawn": "protected", "text": ""},
    ),
    "dates": Yes(_archive(), {"created_at": DAY}),
    "mentions": Yes(
        _archive(full_text="hi @bob", entities=_NAMED),
        {"mentions": "bob=13", "author": "12", "author_name": "ada"},
    ),
}


def _graphql(more: Any = None, **legacy: Any) -> list[Any]:
    user = {"__typename": "User", "rest_id": "12", "legacy": {"screen_name": "ada"}}
    legacy = {
        "id_str": "77",
        "full_text": "low tide",
        "created_at": "Wed May 01 10:00:00 +0000 2024",
        "user_id_str": "12",
        "conversation_id_str": "70",
        **legacy,
    }
    tweet = {"__typename": "Tweet", "rest_id": "77", "core": {"user_results": {"result": user}}}
    return [{"tweet_results": {"result": {**tweet, "legacy": legacy, **(more or {})}}}]


_CHOICES = [{"key": "choice1_label", "value": {"string_value": "ebb"}}]
_CLOSED = {"rest_id": "12", "legacy": {"screen_name": "ada", "protected": True}}
_GULL = {"url": "https://t.co/p", "ext_alt_text": "a grey gull"}

X_SCRAPE: dict[str, Cell] = {
    "text": Yes(_graphql(full_text="low tide &amp; mud"), {"text": "low tide & mud"}),
    "title": Yes(
        _graphql(
            {"article": {"article_results": {"result": {"title": "Mud", "plain_text": "low"}}}},
            full_text="https://t.co/a",
        ),
        {"text": "Mud\n\nlow"},
    ),
    "alt": Yes(
        _graphql(full_text="low tide https://t.co/p", extended_entities={"media": [_GULL]}),
        {"text": "low tide\n\na grey gull"},
        ALT,
    ),
    "poll": Yes(
        _graphql({"card": {"legacy": {"binding_values": _CHOICES}}}), {"text": "low tide\n- ebb"}
    ),
    "quote": Yes(
        _graphql(
            full_text="no, low https://t.co/q",
            is_quote_status=True,
            quoted_status_permalink={"url": "https://t.co/q"},
        ),
        {"kind": "quote", "text": "no, low"},
    ),
    "warning": Yes(_graphql(possibly_sensitive=True), {"sensitive": True}),
    "code": Absent("texts have no markup"),
    "thread": Yes(
        _graphql(in_reply_to_status_id_str="71"), {"parent_id": "x:71", "root_id": "x:70"}
    ),
    "deletes": Yes(
        _graphql({"edit_control": {"edit_tweet_ids": ["76", "77"]}}),
        {"tombstone": ("id", "x:76", "superseded")},
    ),
    "visibility": Yes(
        _graphql({"core": {"user_results": {"result": _CLOSED}}}),
        {"withdrawn": "protected", "text": ""},
    ),
    "dates": Yes(_graphql(), {"created_at": DAY}),
    "mentions": Yes(
        _graphql(full_text="hi @bob", entities=_NAMED), {"mentions": "bob=13", "author": "12"}
    ),
}


def _v1(user: Any = None, **changes: Any) -> list[Any]:
    return [
        {
            "id_str": "77",
            "text": "low tide",
            "created_at": "Wed May 01 10:00:00 +0000 2024",
            "user": {"id_str": "12", "screen_name": "ada", **(user or {})},
            **changes,
        }
    ]


X_STREAM: dict[str, Cell] = {
    "text": Yes(
        _v1(text="low \u2026", extended_tweet={"full_text": "low tide &amp; mud"}),
        {"text": "low tide & mud"},
    ),
    "title": Absent("tweets have no titles"),
    "alt": Yes(_v1(extended_entities={"media": [_GULL]}), {"text": "low tide\n\na grey gull"}, ALT),
    "poll": Yes(
        _v1(entities={"polls": [{"options": [{"text": "ebb"}]}]}), {"text": "low tide\n- ebb"}
    ),
    "quote": Yes(
        _v1(
            text="no, low https://t.co/q",
            is_quote_status=True,
            quoted_status_permalink={"url": "https://t.co/q"},
        ),
        {"kind": "quote", "text": "no, low"},
    ),
    "warning": Yes(_v1(possibly_sensitive=True), {"sensitive": True}),
    "code": Absent("texts have no markup"),
    "thread": Yes(_v1(in_reply_to_status_id_str="71"), {"parent_id": "x:71", "kind": "reply"}),
    "deletes": Yes(
        [{"delete": {"status": {"id_str": "77", "user_id_str": "12"}}}],
        {"tombstone": ("id", "x:77", "deleted_later")},
    ),
    "visibility": Yes(_v1({"protected": True}), {"withdrawn": "protected"}),
    "dates": Yes(_v1(), {"created_at": DAY}),
    "mentions": Yes(_v1(text="hi @bob", entities=_NAMED), {"mentions": "bob=13", "author": "12"}),
}

# --------------------------------------------------------------------------- YouTube


def _yt(thread: Any = None, **changes: Any) -> list[Any]:
    snippet = {
        "authorDisplayName": "@ada",
        "authorChannelId": {"value": "UC1"},
        "textOriginal": "low tide",
        "publishedAt": "2024-05-01T10:00:00Z",
        **changes,
    }
    comment = {"kind": "youtube#comment", "id": "Ug1.9" if "parentId" in changes else "Ug1"}
    comment["snippet"] = snippet
    if thread is None:
        return [comment]
    return [{"kind": "youtube#commentThread", "snippet": {"topLevelComment": comment, **thread}}]


_YT_BOB = {"id": "Ug1", "parent": "root", "text": "low", "author": "@bob.lee", "author_id": "UC2"}
_YT_ADA = {"id": "Ug1.9", "parent": "Ug1", "text": "hi @Bob.Lee.", "author": "@ada"}
_YT_ADA |= {"author_id": "UC1"}

YOUTUBE: dict[str, Cell] = {
    "text": Yes(_yt(textOriginal=None, textDisplay="a &amp; b<br>c"), {"text": "a & b\nc"}),
    "title": Absent("comments have no titles"),
    "alt": Absent("comments have no pictures"),
    "poll": Absent("comments have no polls"),
    "quote": Absent("comments quote nothing"),
    "warning": Absent("there are none"),
    "code": Absent("texts have no markup for code"),
    "thread": Yes(
        _yt(parentId="Ug1"), {"kind": "reply", "parent_id": "youtube:Ug1", "root_id": "youtube:Ug1"}
    ),
    "deletes": Yes(_yt(moderationStatus="rejected"), {"withdrawn": "removed"}),
    "visibility": Yes(_yt({"isPublic": False}), {"withdrawn": "private"}),
    "dates": Yes(_yt(), {"created_at": DAY}),
    "mentions": Yes(
        [{"id": "v1", "comments": [_YT_BOB, {**_YT_BOB, **_YT_ADA}]}],
        {"mentions": "bob.lee=UC2", "author": "UC1"},
    ),
}

#: The cells of the table, by reader.
READERS: dict[str, dict[str, Cell]] = {
    "bluesky": BLUESKY,
    "discord": DISCORD,
    "fourchan": FOURCHAN,
    "hackernews": HACKERNEWS,
    "lemmy": LEMMY,
    "mastodon": MASTODON,
    "mbox": MBOX,
    "meta": META,
    "misskey": MISSKEY,
    "reddit": REDDIT,
    "slack": SLACK,
    "stackexchange": STACKEXCHANGE,
    "table": TABLE,
    "telegram": TELEGRAM,
    "tiktok": TIKTOK,
    "tumblr": TUMBLR,
    "vk": VK,
    "whatsapp": WHATSAPP,
    "x_api": X_API,
    "x_archive": X_ARCHIVE,
    "x_scrape": X_SCRAPE,
    "x_stream": X_STREAM,
    "youtube": YOUTUBE,
}

# --------------------------------------------------------------------------- other forms

_NOTE = {**_ARTICLE, "type": "Note", "name": None, "content": "<p>hi @bob</p>"}
_DOCUMENT = {"type": "Document", "mediaType": "image/png", "name": "a grey gull"}
_TAGS = [
    {"type": "Hashtag", "name": "#tides", "href": "https://pub.example/tags/tides"},
    {"type": "Mention", "name": "@bob@far.example", "href": "https://far.example/users/bob"},
]


def _telethon(text: str, *entities: Any) -> list[Any]:
    peer, chat = {"_": "PeerChannel", "channel_id": 7}, {"username": "tides", "title": "Tides"}
    row = {"_": "Message", "id": 9, "peer_id": peer, "chat": chat, "date": "2024-05-01T10:00:00Z"}
    return [{**row, "message": text, "entities": list(entities)}]


def _entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"_": f"MessageEntity{kind}", "offset": offset, "length": length, **more}


def _page(html: str) -> str:
    """A page of Telegram Desktop's export in HTML."""
    date = '<div class="pull_right date details" title="01.05.2024 12:00:00 UTC+02:00">12:00</div>'
    name = '<div class="from_name">Ada</div>'
    message = f'<div class="body">{date}{name}<div class="text">{html}</div></div>'
    head = '<div class="page_header"><div class="text bold">Tides</div></div>'
    body = f'<div class="message default clearfix" id="message9">{message}</div>'
    return f'<html><body><div class="page_wrap">{head}{body}</div></body></html>'


_SNSCRAPED = {
    "_type": "snscrape.modules.twitter.Tweet",
    "id": 77,
    "rawContent": "low tide",
    "date": "2024-05-01T10:00:00+00:00",
    "user": {"id": 12, "username": "ada"},
}
_PHOTO = {"_type": "snscrape.modules.twitter.Photo", "altText": "a grey gull"}
_FLAT = {"id": "77", "text": "low tide", "author_id": "12", "author": {"id": "12"}}
_WITH_GULL = "low tide\n\na grey gull"

#: Cells in other forms of a platform's dumps.
OTHER_FORMS: list[tuple[str, str, Yes]] = [
    (
        "bluesky",
        "alt",
        Yes(_skeet(embed={"video": {}, "alt": "a grey gull"}), {"text": _WITH_GULL}, ALT),
    ),
    (
        "discord",
        "mentions",
        Yes(_discord(content="hi @bob and <@6>"), {"text": "hi @user and @user", "mentions": None}),
    ),
    (
        "fourchan",
        "code",
        Yes(
            [{**_FUUKA, "comment": "[spoiler]see[/spoiler] [code]x = 1[/code]"}],
            {"text": "see \n```\nx = 1\n```"},
        ),
    ),
    (
        "hackernews",
        "poll",
        Yes(_item(type="pollopt", poll=8, parent=None), {"parent_id": "hackernews:8"}),
    ),
    (
        "mastodon",
        "alt",
        Yes([{**_NOTE, "attachment": [_DOCUMENT]}], {"text": "hi @bob\n\na grey gull"}, ALT),
    ),
    (
        "mastodon",
        "alt",
        Yes(
            [{**_ARTICLE, "content": '<p>see <img alt="a gull"></p>'}],
            {"text": "Mud\n\nsee a gull"},
            ALT,
        ),
    ),
    ("mastodon", "mentions", Yes([{**_NOTE, "tag": _TAGS}], {"mentions": "bob=bob@far.example"})),
    (
        "mastodon",
        "poll",
        Yes(
            [{**_NOTE, "type": "Question", "oneOf": [{"name": "ebb"}]}], {"text": "hi @bob\n- ebb"}
        ),
    ),
    (
        "reddit",
        "code",
        Yes(_submission(selftext="    x\n    y"), {"text": "Mud\n\n```\nx\ny\n```"}),
    ),
    (
        "slack",
        "alt",
        Yes(
            _slack(blocks=[{"type": "image", "alt_text": "a grey gull"}]), {"text": _WITH_GULL}, ALT
        ),
    ),
    (
        "telegram",
        "code",
        Yes(
            _telethon("see y\nx = 1", _entity("Code", 4, 1), _entity("Pre", 6, 5, language="py")),
            {"text": "see `y`\n```py\nx = 1\n```"},
        ),
    ),
    (
        "telegram",
        "code",
        Yes(
            _page("see <code>y</code><pre>x = 1<br>z</pre><blockquote>high</blockquote>no"),
            {"text": "see `y`\n\n```\nx = 1\nz\n```\n\n> high\n\nno", "created_at": DAY},
            {"consented": True},
        ),
    ),
    (
        "telegram",
        "quote",
        Yes(_telethon("high\nno, low", _entity("Blockquote", 0, 4)), {"text": "> high\nno, low"}),
    ),
    (
        "telegram",
        "mentions",
        Yes(
            [
                {
                    "_": "Message",
                    "id": 9,
                    "chat": {"id": -1007, "type": "ChatType.CHANNEL", "username": "tides"},
                    "from_user": {"id": 12, "username": "ada"},
                    "text": "hi Bob Lee",
                    "date": "2024-05-01 10:00:00",
                    "entities": [
                        {"type": "MessageEntityType.TEXT_MENTION", "offset": 3, "length": 7}
                    ],
                }
            ],
            {"text": "hi @user", "author": "user12", "author_name": "ada"},
        ),
    ),
    (
        "tumblr",
        "alt",
        Yes(_old_post(body='<p>see <img alt="a gull"></p>'), {"text": "see a gull"}, ALT),
    ),
    (
        "x_api",
        "alt",
        Yes(
            [
                {
                    **_FLAT,
                    "attachments": {"media": [{"media_key": "3_1", "alt_text": "a grey gull"}]},
                }
            ],
            {"text": _WITH_GULL},
            ALT,
        ),
    ),
    ("x_scrape", "alt", Yes([{**_SNSCRAPED, "media": [_PHOTO]}], {"text": _WITH_GULL}, ALT)),
    (
        "x_scrape",
        "alt",
        Yes(
            [{**_SNSCRAPED, "media": {"photos": [_PHOTO], "videos": []}}], {"text": _WITH_GULL}, ALT
        ),
    ),
    (
        "x_stream",
        "alt",
        Yes(
            _v1(
                text="RT @bob: low",
                retweeted_status={
                    **_v1(
                        {"screen_name": "bob", "id_str": "13"}, extended_entities={"media": [_GULL]}
                    )[0],
                    "id_str": "5",
                },
            ),
            {"text": "RT @bob: low tide\n\na grey gull", "kind": "repost"},
            ALT,
        ),
    ),
]
