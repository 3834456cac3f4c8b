"""X's personal archive."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from corpus.formats.archives import bundle
from corpus.readers import contract
from corpus.readers.contract import Post, Sample, Skipped, Tombstone
from corpus.readers.x import archive as x_archive
from corpus.readers.x import stream as x_stream
from corpus.readers.x.archive_files import LongNote, LongNotes

ROOT = Path(__file__).resolve().parents[2]

TWEET: dict[str, Any] = {
    "edit_info": {"initial": {"editTweetIds": ["489790559058686978"], "editsRemaining": "5"}},
    "retweeted": False,
    "entities": {"hashtags": [], "urls": [], "user_mentions": []},
    "display_text_range": ["0", "20"],
    "favorite_count": "4",
    "id_str": "489790559058686978",
    "id": "489790559058686978",
    "truncated": False,
    "retweet_count": "0",
    "created_at": "Mon Apr 19 17:52:00 +0000 2010",
    "favorited": False,
    "possibly_sensitive": True,
    "full_text": "tea &amp; cake &amp;lt;",
    "lang": "en",
}
CREATED = 1_271_699_520_000_000
SECOND = "2010-04-19T17:52:00.000Z"


def decode(
    row: object, notes: LongNotes | None = None, protected: bool = False, **config: Any
) -> Sequence[contract.Record]:
    made = x_archive.Config(path="x", **config)
    return x_archive.make_decoder(made, "12", protected, notes or LongNotes())(
        json.dumps(row).encode()
    )


def post(notes: LongNotes | None = None, **changes: Any) -> Post:
    (record, *counted) = decode({"tweet": {**TWEET, **changes}}, notes)
    assert isinstance(record, Post)
    assert counted in ([], [Skipped("still_cut")])
    return record


def links(*pairs: tuple[str, str], media: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "urls": [{"url": short, "expanded_url": long} for short, long in pairs],
        "media": [
            {"url": url, "expanded_url": "https://x.com/a/status/1/photo/1"} for url in media
        ],
    }


def test_a_tweet_becomes_a_post_with_entities_decoded_once() -> None:
    expected = Post(
        id="x:489790559058686978",
        text="tea & cake &lt;",
        author="12",
        created_at=CREATED,
        lang_hint="en",
        score=4,
        sensitive=True,
    )
    assert expected == post()


def test_a_tweet_of_an_old_archive_has_no_wrapper() -> None:
    assert (post(),) == tuple(decode(TWEET))


def test_archive_and_stream_give_a_tweet_the_same_id() -> None:
    status = {**TWEET, "favorite_count": 4, "user": {"id_str": "12", "screen_name": "ada"}}
    (streamed,) = x_stream.decode(json.dumps(status).encode())
    assert isinstance(streamed, Post) and streamed.author_name == "ada"
    assert streamed._replace(author_name=None) == post()


def test_a_reply_names_its_parent_and_no_thread() -> None:
    reply = post(in_reply_to_status_id_str="55", in_reply_to_status_id="55")
    assert (reply.kind, reply.parent_id, reply.root_id) == ("reply", "x:55", None)
    assert post(in_reply_to_status_id=5.5e17).parent_id is None


def test_a_repost_is_detected_by_its_text_and_has_no_parent() -> None:
    text = "RT @bob: a long s\u2026"
    repost = post(full_text=text, in_reply_to_status_id_str="55")
    assert (repost.kind, repost.parent_id, repost.text) == ("repost", None, text)
    assert post(full_text="I wrote RT @bob: twice").kind == "post"
    row = {"tweet": {**TWEET, "full_text": text}}
    assert (Skipped("repost"),) == tuple(decode(row, reposts=False))


@pytest.mark.parametrize(
    "address",
    [
        "https://twitter.com/bob/status/77",
        "https://x.com/bob/status/77?s=20",
        "https://mobile.twitter.com/bob/status/77",
        "https://twitter.com/i/web/status/77",
    ],
)
def test_a_tweet_that_ends_in_a_link_to_another_quotes_it(address: str) -> None:
    quote = post(full_text="see https://t.co/q", entities=links(("https://t.co/q", address)))
    assert (quote.kind, quote.parent_id, quote.text) == ("quote", None, "see")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://t.co/q is good", "https://x.com/bob/status/77"),
        ("see https://t.co/q", "https://x.com/bob"),
        ("see https://t.co/q", "https://example.com/x.com/bob/status/77"),
    ],
)
def test_no_other_link_makes_a_quote(text: str, address: str) -> None:
    assert post(full_text=text, entities=links(("https://t.co/q", address))).kind == "post"


def test_a_reply_that_quotes_is_a_reply() -> None:
    entities = links(("https://t.co/q", "https://x.com/bob/status/77"))
    reply = post(full_text="https://t.co/q", entities=entities, in_reply_to_status_id_str="55")
    assert (reply.kind, reply.parent_id) == ("reply", "x:55")


def test_links_are_expanded_and_links_to_pictures_removed() -> None:
    entities = links(("https://t.co/a", "https://a.example/?x=1&amp;y=2"))
    media = {"media": [{"url": "https://t.co/m"}, {"url": "https://t.co/n"}]}
    text = "&lt;see&gt; https://t.co/a and https://t.co/b https://t.co/m https://t.co/n"
    found = post(full_text=text, entities=entities, extended_entities=media)
    # The address is no part of the escaped text: what stands in it is the address's own.
    assert found.text == "<see> https://a.example/?x=1&amp;y=2 and https://t.co/b"
    assert post(full_text="https://t.co/m", extended_entities=media).text == ""
    middle = "https://t.co/m is it"
    assert post(full_text=middle, extended_entities=media).text == middle
    row = {"tweet": {**TWEET, "full_text": "to https://t.co/a", "entities": entities}}
    (short,) = decode(row, expand_links=False)
    assert isinstance(short, Post)
    assert short.text == "to https://t.co/a"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"id": 4.8979055905868e17, "id_str": "489790559058686978"}, "x:489790559058686978"),
        ({"id": "124", "id_str": None}, "x:124"),
        ({"id": 4.8979055905868e17, "id_str": None}, None),
        ({"id": None, "id_str": None}, None),
        ({"id": 1, "id_str": "4.8979e+17"}, None),
    ],
)
def test_an_id_is_exact_or_the_tweet_is_refused(ids: dict[str, Any], expected: str | None) -> None:
    if expected:
        assert expected == post(**ids).id
    else:
        with pytest.raises(contract.Refused, match="no_id"):
            post(**ids)


def test_a_tweet_without_text_is_refused() -> None:
    with pytest.raises(contract.Refused, match="no_text"):
        post(full_text=None)
    assert post(full_text=None, text="old").text == "old"


# --------------------------------------------------------------------------- withdrawn


def test_an_edited_tweet_supersedes_its_older_versions() -> None:
    versions = ["5", "489790559058686978", "7"]
    for info in (
        {"initial": {"editTweetIds": versions}},
        {"edit": {"initialTweetId": "5", "editControlInitial": {"editTweetIds": versions}}},
    ):
        old, *said = decode({"tweet": {**TWEET, "edit_info": info}})
        assert isinstance(old, Post)
        assert old.withdrawn == "superseded"
        assert said == [
            Tombstone("id", "x:5", "superseded"),
            Tombstone("id", "x:489790559058686978", "superseded"),
        ]
        (last, *_) = decode({"tweet": {**TWEET, "id_str": "7", "edit_info": info}})
        assert isinstance(last, Post)
        assert last.withdrawn is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"withheld_in_countries": ["XX"]}, "withheld"),
        ({"withheld_in_countries": "DE,XY"}, "withheld"),
        ({"withheld_in_countries": ["DE"]}, None),
        ({"withheld_copyright": True}, "withheld"),
        ({"withheld_copyright": False, "withheld_in_countries": None}, None),
    ],
)
def test_only_what_is_withheld_everywhere_is_withdrawn(
    changes: dict[str, Any], reason: str | None
) -> None:
    assert reason == post(**changes).withdrawn


def test_the_texts_of_a_protected_account_are_not_read() -> None:
    (record,) = decode({"tweet": TWEET}, protected=True)
    assert isinstance(record, Post)
    assert ("protected", "") == (record.withdrawn, record.text)


# --------------------------------------------------------------------------- long posts

LONG = (
    "It began with a kettle & a <very> old violin, which nobody in the house could play; then "
    "there came a bicycle, a harbour full of boats, and at last the whole garden, down to the "
    "smallest of its snails, moved to the seaside for the summer and did not come back at all."
)
CUT = LONG[:200].rstrip() + "\u2026"


def noted(*texts: str, at: str = SECOND, urls: Any = None) -> LongNotes:
    notes = LongNotes()
    for text in texts:
        row = {"createdAt": at, "core": {"text": text, "urls": urls}}
        assert notes.add(_convert(row))
    return notes


def _convert(row: dict[str, Any]) -> LongNote:
    return msgspec.convert(row, LongNote)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("tail", ["", " https://t.co/self", " https://t.co/else"])
@pytest.mark.parametrize("note", [LONG, escaped(LONG)])
def test_a_cut_post_gets_its_full_text(tail: str, note: str) -> None:
    entities = links(("https://t.co/self", "https://twitter.com/i/web/status/489790559058686978"))
    found = post(noted(note), full_text=escaped(CUT) + tail, entities=entities)
    assert (LONG, "post") == (found.text, found.kind)


def test_a_short_beginning_matches_if_the_text_is_marked_as_cut() -> None:
    assert post(noted("a long story"), full_text="a long s\u2026").text == "a long story"


def test_a_long_beginning_matches_without_a_mark() -> None:
    assert post(noted(LONG), full_text=escaped(LONG[:150])).text == LONG


def test_a_note_that_was_not_escaped_is_not_unescaped() -> None:
    note = "One writes &amp; for & on a page, and that is a long s"
    assert post(noted(note + "tory"), full_text=escaped(note) + "\u2026").text == note + "tory"


def test_a_quote_is_detected_in_the_cut_text_if_the_note_has_no_link() -> None:
    entities = links(("https://t.co/q", "https://x.com/bob/status/77"))
    found = post(noted(LONG), full_text=escaped(CUT) + " https://t.co/q", entities=entities)
    assert (LONG, "quote") == (found.text, found.kind)


@pytest.mark.parametrize(
    "shown", ["It", "It began with a kettle", "", "\u2026", " https://t.co/m", CUT[1:]]
)
def test_a_short_post_does_not_match_a_long_note(shown: str) -> None:
    assert shown == post(noted(LONG), full_text=shown).text


def test_a_note_of_another_second_does_not_match() -> None:
    assert post(noted(LONG, at="2010-04-19T17:52:00.999Z"), full_text=escaped(CUT)).text == LONG
    assert post(noted(LONG, at="2010-04-19T17:52:01.000Z"), full_text=escaped(CUT)).text == CUT


def test_of_two_notes_of_one_second_the_one_with_the_same_beginning_matches() -> None:
    notes = noted("Another story altogether", LONG)
    assert post(notes, full_text=escaped(CUT)).text == LONG


def test_two_notes_with_the_same_beginning_do_not_match() -> None:
    assert post(noted(LONG, LONG + " Or did it?"), full_text=escaped(CUT)).text == CUT
    assert post(noted(LONG, LONG), full_text=escaped(CUT)).text == LONG


def test_a_note_s_links_are_expanded_and_show_a_quote() -> None:
    urls = [
        {"shortUrl": "https://t.co/a", "expandedUrl": "https://a.example/"},
        {"shortUrl": "https://t.co/q", "expandedUrl": "https://x.com/bob/status/77"},
    ]
    notes = noted(f"{LONG} https://t.co/a https://t.co/q", urls=urls)
    found = post(notes, full_text=escaped(CUT))
    expected = f"{LONG} https://a.example/"
    assert (expected, "quote") == (found.text, found.kind)


def test_the_link_to_the_rest_is_no_quote() -> None:
    entities = links(("https://t.co/self", "https://twitter.com/i/web/status/489790559058686978"))
    found = post(full_text=f"{escaped(CUT)} https://t.co/self", entities=entities)
    assert (CUT, "post") == (found.text, found.kind)


def test_a_note_without_text_or_time_is_ignored() -> None:
    for row in ({"createdAt": SECOND}, {"core": {"text": "x"}}, {"createdAt": "x", "core": {}}):
        assert not LongNotes().add(_convert(row))


REST = {"https://t.co/self": "https://twitter.com/i/web/status/489790559058686978"}


def test_the_names_at_the_head_of_a_cut_reply_are_kept_before_its_full_text() -> None:
    found = post(
        noted(LONG, "Another story"),
        full_text="@bob @eve " + escaped(CUT),
        in_reply_to_status_id="5",
    )
    assert (f"@bob @eve {LONG}", "reply") == (found.text, found.kind)


@pytest.mark.parametrize("targets", [("https://a.example/", "https://b.example/"), ("", "")])
def test_links_of_a_note_and_of_its_post_are_compared_by_their_targets(
    targets: tuple[str, str],
) -> None:
    """Where the note lists no targets, any two links are equal."""
    entities = links(("https://t.co/a", "https://a.example/"))
    notes = noted(
        f"See https://t.co/n and {LONG}",
        urls=[{"shortUrl": "https://t.co/n", "expandedUrl": targets[0]}] if targets[0] else [],
    )
    found = post(notes, full_text=f"See https://t.co/a and {escaped(CUT)}", entities=entities)
    assert found.text.endswith(f"and {LONG}")
    assert not targets[0] or found.text.startswith("See https://a.example/ and")
    other = noted(
        f"See https://t.co/n and {LONG} One",
        f"See https://t.co/o and {LONG} Two",
        urls=[
            {"shortUrl": "https://t.co/n", "expandedUrl": "https://a.example/"},
            {"shortUrl": "https://t.co/o", "expandedUrl": "https://b.example/"},
        ],
    )
    found = post(other, full_text=f"See https://t.co/a and {escaped(CUT)}", entities=entities)
    assert found.text == f"See https://a.example/ and {LONG} One"


@pytest.mark.parametrize(
    ("shown", "counted"),
    [
        (escaped(CUT)[:-1] + " and the rest of it\u2026", True),
        ("@bob @eve @eve @eve @eve @eve @eve @eve @eve @eve @eve " + CUT[:170] + "\u2026", False),
        ("RT @bob: " + escaped(CUT)[:-1] + " and the rest of it\u2026", False),
        (escaped(CUT)[:-1] + " and the rest of it.", False),
        ("an open end\u2026", False),
        ("an open end\u2026 https://t.co/self", True),
        ("\u6d77" * 120 + "\u2026", True),
    ],
)
def test_posts_that_stay_cut_are_counted(shown: str, counted: bool) -> None:
    row = {"tweet": {**TWEET, "full_text": shown, "entities": links(*REST.items())}}
    assert counted == (Skipped("still_cut") in decode(row))


def test_a_post_to_followers_only_is_private() -> None:
    assert post(scopes={"followers": False}).withdrawn is None
    private = post(scopes={"followers": True}, community_id_str="9")
    assert ("", "private", None) == (private.text, private.withdrawn, private.community)


# --------------------------------------------------------------------------- whole archives


def js(name: str, rows: Iterable[object]) -> bytes:
    return f"window.YTD.{name}.part0 = {json.dumps(list(rows), indent=2)}".encode()


def tweets(*numbers: int) -> list[dict[str, Any]]:
    return [{"tweet": {**TWEET, "id_str": str(n), "edit_info": None}} for n in numbers]


PRIVATE = (
    "deleted-tweets.js",
    "deleted-tweet-headers.js",
    "deleted-note-tweet.js",
    "twitter-circle-tweet.js",
    "direct-messages.js",
    "direct-messages-group.js",
    "direct-messages-part1.js",
    "ad-impressions.js",
    "like.js",
    "phone-number.js",
    "tweet-headers.js",
    "tweetdeck.js",
    "tweets_media.js",
    "tweets.js.bak",
)
ACCOUNT = [{"account": {"email": "ada@mail.example", "username": "ada", "accountId": "12"}}]
FILES = {
    "Your archive.html": b"<html>",
    "data/account.js": js("account", ACCOUNT),
    "data/manifest.js": b"window.__THAR_CONFIG = {}",
    "data/note-tweet.js": js(
        "note_tweet", [{"noteTweet": {"createdAt": SECOND, "core": {"text": LONG}}}]
    ),
    "data/tweets.js": js("tweets", tweets(1, 2))[:-1]
    + b","
    + json.dumps({"tweet": {**TWEET, "full_text": escaped(CUT)}}).encode()
    + b"]",
    "data/tweets-part1.js": js("tweets", [*tweets(3), {"tweet": {"id_str": "9"}}]),
    "data/tweets-part2.js": js("tweets", tweets(4, 5)),
    "data/tweets-part10.js": js("tweets", tweets(6)),
    **{f"data/{name}": js("tweets", tweets(666)) for name in PRIVATE},
}


def as_folder(path: Path, files: dict[str, bytes], inside: str = "") -> Path:
    for name, content in files.items():
        file = path / inside / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return path


def as_zip(path: Path, files: dict[str, bytes], inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(inside + name, content)
    return path


MAKERS = {"archive": as_folder, "archive.zip": as_zip}


def read(path: Path, part_posts: int = 100, **config: Any) -> list[contract.Batch]:
    made = x_archive.Config(path=str(path), **config)
    return list(x_archive.read(str(path), made, part_posts))


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("inside", ["", "twitter-2023-01-01-abc/"])
def test_an_archive_is_read_part_by_part(tmp_path: Path, name: str, inside: str) -> None:
    path = MAKERS[name](tmp_path / name, FILES, inside)
    (batch,) = read(path)
    ids = ["1", "2", TWEET["id_str"], "3", "4", "5", "6"]
    assert [f"x:{n}" for n in ids] == batch.posts["id"].to_list()
    assert ["12"] * 7 == batch.posts["author"].to_list()
    assert batch.posts["text"][2] == LONG
    place = f"{path}{'/' if name == 'archive' else '!'}{inside}data/tweets"
    assert [(f"{place}-part1.js", 2, "no_text")] == batch.refused.rows()
    assert (f"{place}.js", 3) == batch.posts.select("source_file", "source_row").row(2)
    assert batch.sha256
    batches = read(path, 2)
    assert [2, 2, 1, 2, 0] == [batch.posts.height for batch in batches]
    for number, batch in enumerate(batches[:-1]):
        config = x_archive.Config(path=str(path))
        rest = list(x_archive.read(str(path), config, 2, batch.cursor))
        assert [b.posts.rows() for b in batches[number + 1 :]] == [b.posts.rows() for b in rest]
        assert [b.refused.rows() for b in batches[number + 1 :]] == [b.refused.rows() for b in rest]


@pytest.mark.parametrize("name", MAKERS)
def test_no_private_file_is_ever_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened: list[str] = []
    really = bundle.Bundle.open

    def watched(self: bundle.Bundle, name: str) -> Any:
        opened.append(name)
        return really(self, name)

    monkeypatch.setattr(bundle.Bundle, "open", watched)
    (batch,) = read(MAKERS[name](tmp_path / name, FILES))
    parts = [f"data/tweets{part}.js" for part in ("", "-part1", "-part2", "-part10")]
    assert ["data/account.js", "data/note-tweet.js", *parts] == opened
    assert "x:666" not in batch.posts["id"].to_list()


def test_damaged_private_members_of_a_zip_do_not_matter(tmp_path: Path) -> None:
    path = as_zip(tmp_path / "whole.zip", FILES)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.removeprefix("data/") in PRIVATE:
                start = entry.header_offset
                end = start + 30 + len(entry.filename) + entry.compress_size
                content[start:end] = b"\xff" * (end - start)
    ruined = tmp_path / "ruined.zip"
    ruined.write_bytes(content)
    (expected,), (found,) = read(path), read(ruined)
    assert expected.posts["text"].to_list() == found.posts["text"].to_list()
    assert expected.refused.height == found.refused.height


def test_an_old_archive_is_read(tmp_path: Path) -> None:
    bare = json.dumps([{**TWEET, "id_str": "1"}]).encode()
    files = {
        "tweet.js": b"window.YTD.tweet.part0 = " + bare,
        "account.js": FILES["data/account.js"],
    }
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert [("x:1", "12")] == batch.posts.select("id", "author").rows()


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (None, "no_account"),
        (b"window.YTD.account.part0 = [ ]", "no_account"),
        (js("account", [{"account": {"accountId": 1.5e17}}]), "no_id"),
        (js("account", [{"account": {"accountId": ["12"]}}]), "wrong_type"),
        (js("account", [{}]), "no_id"),
        (b"window.YTD.account.part0 = [", "truncated_stream"),
    ],
)
def test_without_its_account_an_archive_has_no_author(
    tmp_path: Path, account: bytes | None, reason: str
) -> None:
    files = {"data/tweets.js": js("tweets", tweets(1))}
    files |= {} if account is None else {"data/account.js": account}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert ([None], [reason]) == (
        batch.posts["author"].to_list(),
        batch.refused["reason"].to_list(),
    )


@pytest.mark.parametrize(
    ("changes", "protected"),
    [
        ([], False),
        ([("2022-11-01", "Protect")], True),
        ([("2022-11-02", "Unprotect"), ("2022-11-01", "Protect")], False),
        ([("2022-11-01", "Unprotect"), ("2022-11-02", "Protect")], True),
    ],
)
def test_the_last_change_decides_whether_an_account_is_protected(
    tmp_path: Path, changes: list[tuple[str, str]], protected: bool
) -> None:
    rows = [{"protectedHistory": {"protectedAt": at, "action": what}} for at, what in changes]
    files = {**FILES, "data/protected-history.js": js("protected_history", rows)}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert {"protected" if protected else None} == set(batch.posts["withdrawn"])
    assert protected == ({""} == set(batch.posts["text"]))


def test_two_people_s_archives_keep_their_authors_and_their_notes(tmp_path: Path) -> None:
    bob = {**FILES, "data/account.js": js("account", [{"account": {"accountId": "13"}}])}
    del bob["data/note-tweet.js"]
    as_folder(tmp_path, FILES, "ada")
    as_folder(tmp_path, bob, "bob")
    (batch,) = read(tmp_path)
    assert ["12"] * 7 + ["13"] * 7 == batch.posts["author"].to_list()
    assert [LONG, CUT] == batch.posts["text"].gather([2, 9]).to_list()


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b"window.YTD.tweets.part0 = [ ]", []),
        (b"window.YTD.tweets.part0 = [ ];", []),
        (b"\xef\xbb\xbfwindow.YTD.tweets.part0 = []\r\n", []),
        (b"window.YTD.tweets.part0 = {}", ["wrong_type"]),
        (b"window.YTD.tweets.part0 = ", ["truncated_stream"]),
        (b"", ["truncated_stream"]),
        (b"function () { return 1 }", ["malformed_json"]),
        (b"\0\0\0\0", ["malformed_json"]),
        (js("tweets", [7, None, "x", []]), ["wrong_type"] * 4),
    ],
)
def test_an_archive_without_tweets_is_refused(
    tmp_path: Path, content: bytes, reasons: list[str]
) -> None:
    for name, pack in MAKERS.items():
        (batch,) = read(pack(tmp_path / name, {**FILES, "data/tweets.js": content}))
        assert 4 == batch.posts.height
        assert [*reasons, "no_text"] == batch.refused["reason"].to_list()


def test_an_archive_that_is_cut_off_is_read_up_to_the_cut(tmp_path: Path) -> None:
    cut = FILES["data/tweets.js"][:-50]
    (batch,) = read(as_zip(tmp_path / "a.zip", {**FILES, "data/tweets.js": cut}))
    assert (6, ["truncated_stream", "no_text"]) == (
        batch.posts.height,
        batch.refused["reason"].to_list(),
    )
    path = as_zip(tmp_path / "b.zip", FILES)
    path.write_bytes(path.read_bytes()[:-300])
    (batch,) = read(path)
    assert (0, 1) == (batch.posts.height, batch.refused.height)


def test_a_malformed_tweet_does_not_refuse_others(tmp_path: Path) -> None:
    rows = [{"tweet": {**TWEET, "id_str": str(n)}} for n in range(1, 4)]
    text = js("tweets", rows).decode().replace('"id_str": "2"', '"id_str": "2')
    half = text.replace("tea &amp; cake", "tea \\ud83d cake", 1)
    (batch,) = read(as_zip(tmp_path / "a.zip", {"data/tweets.js": half.encode()}))
    assert ["x:1", "x:3"] == batch.posts["id"].to_list()
    assert "tea \ufffd cake &lt;" == batch.posts["text"][0]
    assert ["no_account", "malformed_json"] == batch.refused["reason"].to_list()


@pytest.mark.parametrize("key", sorted(TWEET))
@pytest.mark.parametrize("wrong", [None, True, 3, -1.5, "x", [], [1], {}, {"a": 1}])
def test_a_wrong_type_in_any_field_is_a_record_and_no_crash(
    tmp_path: Path, key: str, wrong: object
) -> None:
    rows = [{"tweet": {**TWEET, key: wrong}}, {**TWEET, key: wrong}, {"tweet": wrong}]
    files = {"data/tweets.js": js("tweets", rows), "data/account.js": FILES["data/account.js"]}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert 3 == batch.posts.height + batch.refused.height


MEMORY = """
import sys
from corpus.readers.x import archive as x_archive
config = x_archive.Config(path=sys.argv[1])
posts = 0
for batch in x_archive.read(sys.argv[1], config, 2000):
    posts += batch.posts.height
high = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
print(posts, int(high) // 1024)
"""


def test_a_hundred_megabytes_of_tweets_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "big.zip"
    row = json.dumps({"tweet": {**TWEET, "source": "x" * 3000}}, indent=2).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("data/account.js", FILES["data/account.js"])
        with archive.open("data/tweets.js", "w", force_zip64=True) as file:
            file.write(b"window.YTD.tweets.part0 = [\n")
            for _ in range(320):
                file.write((row + b",\n") * 100)
            file.write(row + b"\n]")
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("data/tweets.js").file_size > 110 << 20
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    posts, megabytes = map(int, done.stdout.split())
    assert 32_001 == posts
    # Polars and Python alone take about 120.
    assert megabytes < 260


def test_posts_of_communities_are_read_with_their_community(tmp_path: Path) -> None:
    rows = [{"tweet": {**TWEET, "id_str": "8", "community_id_str": "88"}}]
    files = {**FILES, "data/community-tweet.js": js("community_tweet", rows)}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert ("x:8", "12", "88") == batch.posts.select("id", "author", "community").row(-1)
    assert batch.posts["community"].null_count() == batch.posts.height - 1
    del files["data/tweets.js"]
    assert x_archive.fits(Sample("a", ("data/community-tweet.js", "data/account.js"), b"")) == 1


# --------------------------------------------------------------------------- archives of 2012-2018

OWNER = {"id_str": "55", "id": 55, "screen_name": "gull", "protected": False}
MONTH: list[dict[str, Any]] = [
    {
        "id_str": "30",
        "id": 30,
        "text": "Low water: http://t.co/aaa &amp; mud",
        "created_at": "2012-05-03 12:20:11 +0200",
        "entities": links(("http://t.co/aaa", "http://tides.example/a")),
        "user": OWNER,
    },
    {
        "id_str": "31",
        "id": 31,
        "text": "@tern both piers",
        "in_reply_to_status_id_str": "29",
        "created_at": "2012-05-03 10:21:11 +0000",
        "entities": {"user_mentions": [{"screen_name": "tern", "id_str": "77", "id": 77}]},
        "user": OWNER,
    },
    {
        "id_str": "32",
        "id": 32,
        "text": "RT @tern: cut off in the mid\u2026",
        "created_at": "2012-05-03 10:22:11 +0000",
        "retweeted_status": {
            "id_str": "20",
            "text": "cut off in the middle &lt;not&gt;",
            "user": {"id_str": "77", "screen_name": "tern", "protected": False},
        },
        "user": OWNER,
    },
]
TABLE_HEAD = (
    "tweet_id,in_reply_to_status_id,in_reply_to_user_id,timestamp,source,text,retweeted_status_id,"
    "retweeted_status_user_id,retweeted_status_timestamp,expanded_urls"
)
TABLE = (
    TABLE_HEAD
    + """
"30","","","2012-05-03 10:20:11 +0000","web","Low water: http://t.co/aaa &amp; mud","","","","http://tides.example/a"
"31","29","77","2012-05-03 10:21:11 +0000","web","@tern both piers","","","",""
"32","","","2012-05-03 10:22:11 +0000","web","RT @tern: two
lines http://t.co/b http://t.co/c","20","77","2012-05-02 10:22:11 +0000","http://tides.example/b"
"x","","","","","","","","",""
"33",""
"""
).encode()


def month(rows: Sequence[object] = MONTH, name: str = "2012_05") -> bytes:
    return f"Grailbird.data.tweets_{name} = \n {json.dumps(list(rows), indent=1)}".encode()


def details(**changes: object) -> bytes:
    return (
        f"var user_details =  {json.dumps({'id': '55', 'screen_name': 'gull', **changes})}".encode()
    )


OLD_FILES = {
    "data/js/user_details.js": details(),
    "data/js/tweet_index.js": b"var tweet_index =  []",
    "data/js/tweets/2012_05.js": month(),
    "data/js/tweets/2011_01.js": month([{**MONTH[0], "id_str": "9"}], "2011_01"),
    "js/tweet_page.js": b"function () {}",
    "tweets.csv": TABLE,
}
COLUMNS = ("id", "kind", "author", "text", "parent_id", "original_author", "withdrawn")
POSTS_OF_MAY = [
    ("x:30", "post", "55", "Low water: http://tides.example/a & mud", None, None, None),
    ("x:31", "reply", "55", "@tern both piers", "x:29", None, None),
    ("x:32", "repost", "55", "RT @tern: cut off in the middle <not>", "x:20", "77", None),
]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("inside", ["", "tweets/"])
def test_an_archive_of_2012_is_read_month_by_month(tmp_path: Path, name: str, inside: str) -> None:
    (batch,) = read(MAKERS[name](tmp_path / name, OLD_FILES, inside))
    assert batch.posts["id"].to_list() == ["x:9", "x:30", "x:31", "x:32"]
    assert batch.posts.select(COLUMNS).rows()[1:] == POSTS_OF_MAY
    assert batch.refused.height == 0
    assert batch.posts["created_at"].dt.epoch("s").to_list()[1:] == [
        1336040411,
        1336040471,
        1336040531,
    ]
    assert batch.posts["mentions"].to_list()[2:] == ["tern=77", "tern=77"]
    assert x_archive.fits(Sample(name, tuple(inside + file for file in OLD_FILES), b"")) == 1


def test_tweets_of_protected_people_are_withdrawn_from_an_archive_of_2012(tmp_path: Path) -> None:
    hidden = {**OWNER, "protected": True}
    original = {**MONTH[2]["retweeted_status"], "user": {"id": 77, "protected": True}}
    rows = [{**MONTH[0], "user": hidden}, MONTH[1], {**MONTH[2], "retweeted_status": original}]
    files = {**OLD_FILES, "data/js/tweets/2012_05.js": month(rows)}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert batch.posts["withdrawn"].to_list()[1:] == ["protected", None, "protected"]
    assert batch.posts["text"].to_list()[1:] == ["", "@tern both piers", ""]
    files["data/js/user_details.js"] = details(protected=True)
    (batch,) = read(as_zip(tmp_path / "b.zip", files))
    assert set(batch.posts["text"]) == {""}


def test_the_table_is_read_where_an_archive_of_2012_has_nothing_else(tmp_path: Path) -> None:
    files = {name: OLD_FILES[name] for name in ("tweets.csv", "data/js/user_details.js")}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    repost = "RT @tern: two\nlines http://t.co/b http://t.co/c"
    assert batch.posts.select(COLUMNS).rows() == [
        *POSTS_OF_MAY[:2],
        (*POSTS_OF_MAY[2][:3], repost, *POSTS_OF_MAY[2][4:]),
    ]
    assert batch.refused["reason"].to_list() == ["no_id", "wrong_field_count"]
    (batch,) = read(as_zip(tmp_path / "b.zip", {**FILES, "tweets.csv": TABLE}))
    assert "x:30" not in batch.posts["id"]


@pytest.mark.parametrize(("content", "authors"), [(month(), {"55"}), (TABLE, {None})])
def test_a_single_file_of_an_archive_of_2012_is_read(
    tmp_path: Path, content: bytes, authors: set[str | None]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert x_archive.fits(Sample("file", (), content)) == 1
    (batch,) = read(path, reposts=False)
    assert (["x:30", "x:31"], authors) == (batch.posts["id"].to_list(), set(batch.posts["author"]))
    assert batch.skipped == {"repost": 1}


@pytest.mark.parametrize("key", ["id_str", "text", "user", "entities", "retweeted_status"])
@pytest.mark.parametrize("wrong", [None, True, 3, -1.5, "x", [], [1], {}, {"a": 1}])
def test_a_wrong_type_in_an_archive_of_2012_is_a_record_and_no_crash(
    tmp_path: Path, key: str, wrong: object
) -> None:
    files = {"data/js/tweets/2012_05.js": month([{**MONTH[2], key: wrong}, wrong])}
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert 2 == batch.posts.height + batch.refused.height


# --------------------------------------------------------------------------- articles

BLOCKS = {"blocks": [{"text": "First."}, {"text": " "}, {"text": "Second."}], "entityMap": {}}
ARTICLES = [
    {"article": {"id": "701", "title": "On tea", "contentState": BLOCKS, "status": "Published"}},
    {"article": {"id": "702", "tweetId": "2", "title": "More", "plainText": "on pots"}},
    {"article": {"id": "703", "title": "Not yet", "plainText": "x", "lifecycleState": "Draft"}},
    {"article": {"id": "704", "title": "Alone", "createdAt": SECOND}},
    {"article": {"title": "no id"}},
    {"article": {"id": "705"}},
]


@pytest.mark.parametrize("expand", [True, False])
def test_an_article_replaces_the_link_of_the_tweet_that_shows_it(
    tmp_path: Path, expand: bool
) -> None:
    address = "https://x.com/i/article/"
    rows = [
        {
            **TWEET,
            "id_str": name,
            "full_text": text,
            "entities": links(("https://t.co/a", f"{address}{number}")),
        }
        for name, text, number in (
            ("1", "Read this: https://t.co/a", 701),
            ("2", "words", 9),
            ("3", "https://t.co/a", 703),
        )
    ]
    rows = [{"tweet": row} for row in rows]
    files = {
        "data/account.js": js("account", ACCOUNT),
        "data/tweets.js": js("tweets", rows),
        "data/article.js": js("article", ARTICLES),
    }
    (batch,) = read(as_zip(tmp_path / "a.zip", files), expand_links=expand)
    assert batch.posts.select("id", "text", "withdrawn").rows() == [
        ("x:1", "Read this:\n\nOn tea\n\nFirst.\n\nSecond.", None),
        ("x:2", "words\n\nMore\n\non pots", None),
        ("x:3", f"{address}703" if expand else "https://t.co/a", None),
        ("x:article/703", "", "private"),
        ("x:article/704", "Alone", None),
    ]
    assert batch.posts["source_row"].to_list() == [1, 2, 3, 3, 4]
    assert set(batch.posts["author"]) == {"12"}
    assert batch.posts["created_at"].to_list()[-1] == batch.posts["created_at"][0]
    assert batch.refused.select("source_row", "reason").rows() == [(5, "no_id"), (6, "no_text")]


def test_articles_of_a_protected_account_are_withdrawn(tmp_path: Path) -> None:
    protection = {"protectedHistory": {"protectedAt": SECOND, "action": "Protect"}}
    files = {
        **FILES,
        "data/protected-history.js": js("protected_history", [protection]),
        "data/article.js": js("article", ARTICLES[:4]),
    }
    (batch,) = read(as_zip(tmp_path / "a.zip", files))
    assert set(batch.posts["text"]) == {""} and set(batch.posts["withdrawn"]) == {"protected"}


# --------------------------------------------------------------------------- at a glance


def test_a_single_tweets_file_is_detected_and_read(tmp_path: Path) -> None:
    path = tmp_path / "tweets.js"
    path.write_bytes(js("tweets", tweets(1, 2)))
    assert x_archive.fits(Sample("tweets.js", (), path.read_bytes())) == 1
    (batch,) = read(path)
    assert [("x:1", None, str(path), 1), ("x:2", None, str(path), 2)] == batch.posts.select(
        "id", "author", "source_file", "source_row"
    ).rows()
    assert ["no_account"] == batch.refused["reason"].to_list()


@pytest.mark.parametrize("what", ["deleted_tweets", "twitter_circle_tweet", "direct_messages"])
def test_a_private_file_is_not_read_under_another_name(tmp_path: Path, what: str) -> None:
    path = tmp_path / "tweets.js"
    path.write_bytes(js(what, tweets(1, 2)))
    assert x_archive.fits(Sample("tweets.js", (), path.read_bytes())) == 0
    (batch,) = read(path)
    assert (0, ["no_tweets"]) == (batch.posts.height, batch.refused["reason"].to_list())


@pytest.mark.parametrize(
    ("members", "least", "most"),
    [
        (("data/account.js", "data/tweets.js"), 1, 1),
        (("twitter-x/data/tweets-part0.js", "twitter-x/data/account.js"), 1, 1),
        (("tweet.js", "account.js"), 1, 1),
        (("data/tweets.js",), 0.5, 0.9),
        (("data/deleted-tweets.js", "data/account.js"), 0, 0),
        (("outbox.json", "actor.json"), 0, 0),
        ((), 0, 0),
    ],
)
def test_its_own_files_are_detected(members: tuple[str, ...], least: float, most: float) -> None:
    assert least <= x_archive.fits(Sample("a.zip", members, b"")) <= most
