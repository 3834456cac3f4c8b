"""Rows of the formats that are no lines of JSON, and mutations that keep them rows.

A mutation of a :class:`Form` leaves what separates the rows, so that a reader must return each of
them as a post, a refused record, a tombstone or a skipped one. Some mutations break the start of a
row on purpose: those rows are not counted.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.readers.fourchan_dump import COLUMNS
from tests.readers.test_fits import ARCHIVED, CHANNEL, CHAT, SLACK_DAY, YOUR_POSTS

#: A mutated row, and whether it is still one.
Mutated = tuple[bytes, bool]
#: The files of an input by name; one of a name without folders is no archive.
Files = dict[str, bytes]

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 1e300, 2**70, "", "\0", "\ud83d", [], {}, [[]], "x"),
)
ODD_BYTES = (
    *(
        b"\0",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"\xff",
        b"\xed\xa0\x80",
        b"1e999",
        b"null",
    ),
    *(b"<", b">", b"&amp;", b"&#0;", b"]]>", b"<b>", b"</div>", b"\xe2\x80\x8e", b"\r", b"\t"),
)
CHARSETS = (
    *(b"utf-8", b"latin-1", b"utf-7", b"utf-16", b"cp037", b"idna", b"punycode", b"base64", b"x"),
    *(b"rot13", b"unicode_escape", b"hz", b"iso-2022-jp", b"", b"\xff", b"undefined"),
)


@dataclass(frozen=True)
class Form:
    """A format of rows: seeds, how to mutate one, and how to write a file of them."""

    name: str
    seeds: tuple[bytes, ...]
    mutate: Callable[[bytes, random.Random], Mutated]
    pack: Callable[[Sequence[bytes]], Files]
    splits: bool = False  # a damaged row may be read as several, by its lines


def mutate_bytes(seed: bytes, chance: random.Random) -> bytes:
    """Return the seed with a few errors: in bytes or in spans."""
    out = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        what = chance.random()
        if what < 0.3 and out:
            out[min(at, len(out) - 1)] = chance.randrange(256)
        elif what < 0.5:
            del out[at : at + chance.randint(1, 40)]
        elif what < 0.7:
            out[at:at] = chance.choice(ODD_BYTES)
        elif what < 0.85:
            out[at:at] = out[at : at + chance.randint(1, 60)]
        else:
            del out[at:]
    return bytes(out)


def mutate_value(value: Any, chance: random.Random) -> Any:
    """Return a JSON value with some of its parts of other types, or missing."""
    if chance.random() < 0.08:
        return chance.choice(ODD_VALUES)
    if isinstance(value, dict):
        return {k: mutate_value(v, chance) for k, v in value.items() if chance.random() > 0.03}
    if isinstance(value, list):
        return [mutate_value(v, chance) for v in value]
    if isinstance(value, str) and chance.random() < 0.1:
        return mutate_bytes(value.encode(), chance).decode("utf-8", "replace")
    return value


def _mutate_json(seed: bytes, chance: random.Random) -> Mutated:
    return json.dumps(mutate_value(json.loads(seed), chance)).encode(), True


def _mutate_behind(start: bytes, forbidden: Sequence[bytes]) -> Callable[..., Mutated]:
    """Return a mutation of what follows the start of a row, without starts of other rows in it."""

    def mutate(seed: bytes, chance: random.Random) -> Mutated:
        body = mutate_bytes(seed[len(start) :], chance)
        for mark in forbidden:
            body = body.replace(mark, b"_" * len(mark))
        return start + body, True

    return mutate


# --------------------------------------------------------------------------- chats and mail

_CHAT = (
    "31/12/2021, 23:5{n} - Ada: tea",
    "01/01/2022, 0:0{n} - \u200eAda L. \U0001f600: more\ntea: <Media omitted>\n31/12/2021",
    "1/1/2022, 10:0{n} - Bob: POLL:\nWhich?\nOPTION: tea (2 votes)",
    "02/01/2022, 10:0{n} - Bob created group \u201cTea\u201d",
    "02/01/2022, 10:0{n} - +31 6 1234: @31612345678 <This message was edited>",
)
_STAMP_PARTS = (b"/", b", ", b":", b" - ", b"/20", b"1", b"0", b"-", b"2")
_STAMP_VALUES = (
    *(b".", b"-", b"", b"//", b" PM - ", b"\xe2\x80\xaf", b"99", b"[", b"]", b"\xd8\xb5", b"00"),
    *(b"\xff", b"2022", b": ", b"\xe5\x8d\x88\xe5\xbe\x8c", b"\n", b" - - ", b"31", b"\0", b"\r"),
)


def _mutate_chat(seed: bytes, chance: random.Random) -> Mutated:
    seed = seed.replace(b"{n}", b"%d" % chance.randrange(10))
    stamp, separator, rest = seed.partition(b" - ")
    if chance.random() < 0.4:  # the date, the time, or what is between them and the name
        part = chance.choice(_STAMP_PARTS)
        head = (stamp + separator).replace(part, chance.choice(_STAMP_VALUES), 1)
        if head != stamp + separator:
            return head + rest, False
    if chance.random() < 0.3:  # the name, or its colon
        name, colon, text = rest.partition(b": ")
        colon = chance.choice((b": ", b":", b" :", b"::", b"\xef\xbc\x9a", b""))
        return stamp + separator + mutate_bytes(name, chance).replace(
            b"\n", b""
        ) + colon + text, True
    return stamp + separator + mutate_bytes(rest, chance), True


def _pack_chat(rows: Sequence[bytes]) -> Files:
    # The first bytes of a file show whether it is text.
    first = b"31/12/2021, 23:50 - Ada: " + b"the form of this file; " * 30
    return {"_chat.txt": b"\n".join([first, *rows])}


_MAIL_HEAD = (
    b"From ada@tea.example Mon Jan  1 10:00:00 2001\n"
    b"From: =?utf-8?B?QWRh?= <ada@tea.example>\nNewsgroups: alt.tea,alt.pots\n"
    b"Date: Mon, 1 Jan 2001 10:00:00 +0000\nMessage-ID: <%d@tea.example>\n"
    b"References: <1@tea.example> <2@tea.example>\n"
)
_MAILS = (
    _MAIL_HEAD + b"Subject: =?iso-8859-1?Q?Caf=E9?=\n\ntea\n>From here\n-- \nAda\n",
    _MAIL_HEAD + b"Subject: files\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/mixed; boundary="b1"\n\nx\n--b1\nContent-Type: text/plain; '
    b"charset=utf-8\nContent-Transfer-Encoding: base64\n\ndGVhCg==\n--b1\n"
    b'Content-Type: multipart/alternative; boundary="b2"\n\n--b2\nContent-Type: text/html; '
    b"charset=latin-1\nContent-Transfer-Encoding: quoted-printable\n\n<p>caf=E9=\n</p>\n--b2--\n"
    b"--b1\nContent-Type: image/png\n\n\x89PNG\n--b1--\n",
    _MAIL_HEAD + b"Control: cancel <1@tea.example>\n\n",
    _MAIL_HEAD + b"Supersedes: <1@tea.example>\nX-No-Archive: yes\n\ntea\n",
    _MAIL_HEAD + b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a.txt\n#=&5A\n`\nend\n",
)
_CHARSET = re.compile(rb"(?<=charset=)[\w-]+|(?<==\?)[\w-]+(?=\?)")
_ENCODING = re.compile(rb"(?<=Encoding: )[\w-]+|(?<=\?)[BQ](?=\?)")
_BOUNDARY = re.compile(rb"b[12]")


def _mutate_mail(seed: bytes, chance: random.Random) -> Mutated:
    seed = seed % chance.randrange(100) if b"%d" in seed else seed
    start, _, rest = seed.partition(b"\n")
    what = chance.random()
    if what < 0.15:  # the line that begins the message
        return mutate_bytes(start, chance).replace(b"\n", b"") + b"\n" + rest, False
    head, empty, body = rest.partition(b"\n\n")
    if what < 0.3:
        rest = _CHARSET.sub(lambda _: chance.choice(CHARSETS), rest)
    elif what < 0.4:
        rest = _ENCODING.sub(lambda _: chance.choice((b"B", b"8bit", b"", b"base64", b"Q")), rest)
    elif what < 0.55:  # boundaries: one of them, or all
        other = chance.choice((b"", b"b1", b"b2", b"\xff", b'"', b"b" * 100, b"--", b"\0"))
        rest = _BOUNDARY.sub(lambda found: other if chance.random() < 0.5 else found[0], rest)
    elif what < 0.75:  # headers: their names, separators, order and folding
        lines = head.split(b"\n")
        at = chance.randrange(1, len(lines))
        lines[at] = chance.choice(
            (
                mutate_bytes(lines[at], chance),
                lines[at].replace(b": ", chance.choice((b":", b" : ", b"", b":\n ", b"\0: ")), 1),
                b" " + lines[at],
                lines[at] + b"\n" + lines[at],
                b"Content-Type: multipart/" + b"x" * chance.randrange(3),
            )
        )
        rest = b"\n".join(lines) + empty + body
    else:
        rest = head[:20] + mutate_bytes(rest[20:], chance)
    # A header keeps the message's start, and no other start is in it.
    rest = (rest if rest.startswith(b"From: ") else b"From: x\n" + rest).replace(b"\nFrom ", b"\n_")
    return start + b"\n" + rest.rstrip(b"\n"), True


def _pack_mails(rows: Sequence[bytes]) -> Files:
    first = _MAILS[0] % 1 + b"\n" + b"the first bytes of a file show whether it is text\n" * 12
    return {"alt.tea.mbox": b"\n\n".join([first, *rows]) + b"\n"}


# --------------------------------------------------------------------------- exports and dumps

_DUMP_VALUES = dict.fromkeys(COLUMNS, "0") | {"thread_num": "1", "comment": ">>1 tea"}
_DUMP_VALUES |= {"timestamp": "1271685120", "media_hash": "qrtz==", "name": "Anonymous"}
_DUMP_ROWS = (
    ",".join(f'"{value}"' for value in (_DUMP_VALUES | {"num": "7"}).values()).encode(),
    ",".join(f'"{value}"' for value in (_DUMP_VALUES | {"num": "1", "op": "1"}).values()).encode(),
)


_ODD_CELLS = (b"", b"\\\\N", b"-1", b"9" * 30, b"1.5", b"\\\n", b'\\"', b"a,b", b"\xff")


def _mutate_dump(seed: bytes, chance: random.Random) -> Mutated:
    """Mutate cells, and not the quotes around them."""
    cells = [cell.strip(b'"') for cell in seed.split(b'","')]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(cells))
        what = chance.random()
        if what < 0.2:
            del cells[at : at + 1]
        elif what < 0.4:
            cells[at] = chance.choice(
                (b"", b"\\\\N", b"-1", b"9" * 30, b"1.5", b"\\\n", b'\\"', b"a,b")
            )
        else:
            cell = mutate_bytes(cells[at], chance)
            cells[at] = re.sub(rb'[\\"\r\n]', b"_", cell)
        cells = cells or [b""]
    return b'"' + b'","'.join(cells) + b'"', True


def _pack_dump(rows: Sequence[bytes]) -> Files:
    return {"g.csv": b"\n".join([_DUMP_ROWS[1], *rows]) + b"\n"}


_BLOCK = b'<section class="_3-95 _a6-g">'
_BLOCKS = (
    _BLOCK + b'<h2 class="_2ph_ _a6-h _a6-i">Ada posted in Tea Club.</h2><div class="_2ph_ _a6-p">'
    b'<div class="_2pin"><div>tea &amp; more</div></div></div><footer class="_3-94 _a6-o">'
    b'<div class="_a72d">May 01, 2022 2:00:05 pm</div></footer></section>',
    _BLOCK + b'<h2 class="_2ph_ _a6-h _a6-i">Ada shared a photo.</h2><div class="_2ph_ _a6-p">'
    b'<table><tr><td class="_a6_q">Group</td><td class="_a6_r">Tea</td></tr></table>'
    b'<div class="_2pin"><img src="x"/></div></div>'
    b'<div class="_3-94 _2lem">May 1, 2022, 2:00 PM</div></section>',
)
_HEADING = re.compile(rb"\b_a6-h\b")


def _mutate_block(seed: bytes, chance: random.Random) -> Mutated:
    """Mutate a block; without its heading it may be taken for a part of the one before."""
    row, _ = _mutate_behind(_BLOCK, (b"_a6-g", b"uiBoxWhite"))(seed, chance)
    return row, _HEADING.search(row) is not None


_POST = b"<post "
_VALUE = re.compile(rb"(?<=>)[^<>]+(?=<)|(?<=\")[^\"<>]*(?=\")|(?<=\[CDATA\[).*(?=\]\]>)")
_XML_POSTS = (
    _POST + b'id="1" type="regular" unix-timestamp="1714521600" state="published" tumblelog="ada">'
    b"<regular-title>Tea</regular-title><regular-body>&lt;p&gt;tea&lt;/p&gt;</regular-body>"
    b"<tag>tea</tag></post>",
    _POST + b'id="2" type="photo" is_reblog="true" private="false"><photo-caption><![CDATA[<p><a '
    b'class="tumblr_blog" href="https://b.example/post/6/x">b</a>:</p><blockquote>x</blockquote>'
    b"<p>y</p>]]></photo-caption></post>",
    _POST + b'id="3" type="conversation"><conversation><line label="a:">hm</line></conversation>'
    b"</post>",
)
_PAGE = (
    b'<html><body><p>tea</p><div id="footer"><span id="timestamp"> May 1st, 2024 2:00pm </span>'
    b'<span class="tag">tea</span></div></body></html>'
)
_ENTRY = b"<li>"
_ENTRIES = (
    _ENTRY + b'You added a <a href="http://www.youtube.com/watch?v=v1&amp;lc=Ug1.2">reply</a> on '
    b'a <a href="http://www.youtube.com/watch?v=v1">video</a> at 2020-05-24 20:10:05 UTC.<br/>'
    b"tea</li>",
    _ENTRY + b'Sent at 2020-05-24 20:10:05 UTC while watching <a href="https://www.youtube.com/'
    b'watch?v=v1">Tea</a>.<br/>hello <b>you</b></li>',
)


def _mutate_xml(seed: bytes, chance: random.Random) -> Mutated:
    """Mutate an element: mostly its values, so that it stays one."""
    if chance.random() < 0.2:
        return _mutate_behind(_POST, (_POST, b"<post\t", b"<post\r", b"<post\n"))(seed, chance)

    def mutate(found: re.Match[bytes]) -> bytes:
        if chance.random() > 0.2:
            return found[0]
        text = mutate_bytes(found[0], chance).decode("utf-8", "replace").encode()
        return re.sub(rb"[&<\"\x00-\x08\x0b-\x1f]|\xef\xbf[\xbe\xbf]", b"_", text)

    return _VALUE.sub(mutate, seed), True


def _pack_array(name: str, before: bytes = b"[", after: bytes = b"]", **others: bytes) -> Any:
    """Return how to write an array of rows, and the other files of its archive."""

    def pack(rows: Sequence[bytes]) -> Files:
        more = {
            other.replace("__", "/").replace("_json", ".json"): data
            for other, data in others.items()
        }
        return {**more, name: before + b",\n".join(rows) + after}

    return pack


def _pack_around(name: str, before: bytes, after: bytes, separator: bytes = b"\n") -> Any:
    return lambda rows: {name: before + separator.join(rows) + after}


def _dump(*values: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


def _open(document: dict[str, Any]) -> bytes:
    """Return a document up to the start of its array of messages."""
    head = {key: value for key, value in document.items() if key != "messages"}
    return json.dumps(head).encode()[:-1] + b', "messages": ['


_DISCORD = {**CHANNEL, "messageCount": 0}
_WORDS = {"ID": 41, "Timestamp": "2022-05-01 12:00:00", "Contents": "tea <@55>", "Attachments": ""}
_CHANNEL = json.dumps({"id": "7", "type": 0, "guild": {"id": "1", "name": "Tea"}}).encode()
_ACCOUNT = b'window.YTD.account.part0 = [{"account": {"accountId": "7"}}]'
_COMMENT = {
    "timestamp": 1,
    "data": [{"comment": {"comment": "tea", "author": "Ada"}}],
    "title": "x",
}
_ARTICLE = {
    "article": {
        **{"id": "9", "title": "Tea", "createdAt": "2024-05-01T00:00:00Z", "tweetId": "1"},
        **{"contentState": {"blocks": [{"text": "tea"}]}, "status": "Published"},
    }
}
_TELEGRAM = {
    **CHAT["messages"][0],
    "poll": {"question": "Tea?", "answers": [{"text": "yes"}]},
    "reactions": [{"count": 2}],
    "reply_to_message_id": 1,
    "edited_unixtime": "1714521601",
}

#: The forms of each reader, besides lines of JSON.
FORMS: dict[str, tuple[Form, ...]] = {
    "whatsapp": (Form("chat", tuple(row.encode() for row in _CHAT), _mutate_chat, _pack_chat),),
    "mbox": (Form("mails", _MAILS, _mutate_mail, _pack_mails),),
    "fourchan": (Form("database dump", _DUMP_ROWS, _mutate_dump, _pack_dump, splits=True),),
    "meta": (
        Form(
            "JSON",
            _dump(*YOUR_POSTS, _COMMENT),
            _mutate_json,
            _pack_array("your_facebook_activity/posts/your_posts_1.json"),
        ),
        Form(
            "HTML",
            _BLOCKS,
            _mutate_block,
            _pack_around("your_facebook_activity/posts/your_posts_1.html", b"<html>", b"</html>"),
        ),
    ),
    "tumblr": (
        Form(
            "posts.xml",
            _XML_POSTS,
            _mutate_xml,
            _pack_around("posts.xml", b"<tumblr><posts>", b"</posts></tumblr>"),
        ),
        Form(
            "pages",
            (_PAGE,),
            lambda seed, chance: (mutate_bytes(seed, chance), True),
            lambda rows: {f"posts/html/{n}.html": row for n, row in enumerate(rows, start=1)},
        ),
    ),
    "youtube": (
        Form(
            "page",
            _ENTRIES,
            _mutate_behind(_ENTRY, (b"<li",)),
            _pack_around("my-comments.html", b"<ul>" + _ENTRIES[0], b"</ul>", b""),
        ),
    ),
    "discord": (
        Form(
            "export",
            _dump(CHANNEL["messages"][0], {**CHANNEL["messages"][0], "type": "Reply"}),
            _mutate_json,
            _pack_array("tea.json", _open(_DISCORD), b"]}"),
        ),
        Form(
            "package",
            _dump(_WORDS),
            _mutate_json,
            _pack_array("messages/c7/messages.json", messages__c7__channel_json=_CHANNEL),
        ),
    ),
    "telegram": (
        Form(
            "export",
            _dump(_TELEGRAM, CHAT["messages"][0]),
            _mutate_json,
            _pack_array("result.json", _open(CHAT), b"]}"),
        ),
    ),
    "slack": (
        Form(
            "export",
            _dump(*SLACK_DAY, {**SLACK_DAY[0], "thread_ts": "1", "reactions": [{"count": 1}]}),
            _mutate_json,
            _pack_array(
                "tea/2024-01-31.json",
                channels_json=b'[{"id": "C1", "name": "tea"}]',
                users_json=b'[{"id": "U1"}]',
            ),
        ),
    ),
    "x_archive": (
        Form(
            "tweets.js",
            _dump(*ARCHIVED, {"tweet": {**ARCHIVED[0]["tweet"], "in_reply_to_status_id_str": "2"}}),
            _mutate_json,
            lambda rows: {
                "data/account.js": _ACCOUNT,
                "data/tweets.js": b"window.YTD.tweets.part0 = [" + b",\n".join(rows) + b"]",
            },
        ),
        Form(
            "article.js",
            _dump(_ARTICLE),
            _mutate_json,
            lambda rows: {
                "data/account.js": _ACCOUNT,
                "data/tweets.js": b"window.YTD.tweets.part0 = []",
                "data/article.js": b"window.YTD.article.part0 = [" + b",\n".join(rows) + b"]",
            },
        ),
    ),
}
