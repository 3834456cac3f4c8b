"""Notes of Misskey's API, streams and exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.readers import misskey
from corpus.readers.contract import Post, Record, Refused, Skipped, Tombstone
from filters import pii
from filters.pii.styles import encode_digest_as_letters

USER = {"id": "u1", "name": "Gull", "username": "gull", "host": None, "isBot": False}
FAR = {"id": "u2", "name": "Tern", "username": "tern", "host": "Far.example"}
NOTE: dict[str, Any] = {
    "id": "9abc",
    "createdAt": "2024-05-01T00:00:00.000Z",
    "userId": "u1",
    "user": USER,
    "text": "low water",
    "cw": None,
    "visibility": "public",
    "localOnly": False,
    "replyId": None,
    "renoteId": None,
    "fileIds": [],
    "files": [],
    "reactions": {"❤": 2, ":mud@.:": 1},
    "repliesCount": 4,
}
ORIGINAL = {**NOTE, "id": "8xyz", "user": FAR, "userId": "u2", "text": "high tide"}


def decode(row: object, **settings: Any) -> list[Record]:
    config = misskey.Config(path="notes.json", instance="mk.example", **settings)
    return list(misskey.NoteDecoder(config).decode(json.dumps(row).encode()))


def post_of(row: object, **settings: Any) -> Post:
    post = decode(row, **settings)[0]
    assert isinstance(post, Post)
    return post


def test_a_note_becomes_a_post() -> None:
    assert decode(NOTE) == [
        Post(
            "misskey:mk.example/9abc",
            "low water",
            author="gull@mk.example",
            created_at=1_714_521_600_000_000,
            root_id="misskey:mk.example/9abc",
            score=3,
            replies=4,
            sensitive=False,
            bot=False,
            author_name="gull",
        )
    ]


def test_without_a_server_ids_and_authors_are_its_numbers() -> None:
    (post,) = misskey.NoteDecoder(misskey.Config(path="x")).decode(json.dumps(NOTE).encode())
    assert isinstance(post, Post) and (post.id, post.author) == ("misskey:9abc", "u1")


@pytest.mark.parametrize(
    "change",
    [
        {"visibility": "home"},
        {"visibility": "followers"},
        {"visibility": "specified"},
        {"visibility": None},
        {"localOnly": True},
        {"isHidden": True, "text": None},
    ],
)
def test_a_note_that_is_not_for_everybody_is_private_and_without_text(change: Any) -> None:
    post = post_of({**NOTE, **change})
    assert (post.text, post.withdrawn) == ("", "private")
    renote = post_of({**NOTE, "text": None, "renoteId": "8xyz", "renote": {**ORIGINAL, **change}})
    assert (renote.text, renote.withdrawn) == ("", "private")


def test_home_notes_are_the_unlisted_ones() -> None:
    post = post_of({**NOTE, "visibility": "home"}, visibility=("public", "unlisted"))
    assert (post.text, post.withdrawn) == ("low water", None)


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        ({"noCrawle": True}, "opted_out"),
        ({"preventAiLearning": True}, "opted_out"),
        ({"requireSigninToViewContents": True}, "opted_out"),
        ({"isIndexable": False}, "opted_out"),
        ({"description": "no thanks #nobot"}, "opted_out"),
        ({"isSuspended": True}, "removed"),
        ({"isDeleted": True}, "deleted"),
    ],
)
def test_what_an_account_says_withdraws_its_notes(account: Any, reason: str) -> None:
    records = decode({**NOTE, "user": {**USER, **account}})
    assert isinstance(records[0], Post) and records[0].withdrawn == reason
    told = [Tombstone("author", "misskey:gull@mk.example", "opted_out")]
    assert records[1:] == (told if reason == "opted_out" else [])


def test_replies_renotes_and_quotes_name_their_originals() -> None:
    original = {"renoteId": "8xyz", "renote": ORIGINAL}
    reply = post_of({**NOTE, "text": "@tern mud", "replyId": "8xyz", "reply": ORIGINAL})
    assert (reply.kind, reply.parent_id) == ("reply", "misskey:mk.example/8xyz")
    assert reply.mentions == "tern=tern@far.example"
    repost = post_of({**NOTE, "text": None, **original})
    assert (repost.kind, repost.parent_id) == ("repost", "misskey:mk.example/8xyz")
    assert (repost.text, repost.original_author) == ("high tide", "tern@far.example")
    quote = post_of({**NOTE, "text": "so it is\n\nRE: https://far.example/8xyz", **original})
    assert (quote.kind, quote.text, quote.parent_id) == ("quote", "so it is", None)


def test_a_mention_without_a_host_is_of_the_writer_s_server() -> None:
    told = {"text": "@tern @Dunlin @knot@far.example x@y.example @tern.", "mentions": ["u5", "u6"]}
    local = post_of({**NOTE, **told, "replyId": "8xyz", "reply": ORIGINAL})
    assert local.mentions == "dunlin=Dunlin@mk.example tern=tern@far.example"
    original = {**ORIGINAL, **told, "text": "hello @dunlin"}
    renote = post_of({**NOTE, "text": None, "renoteId": "8xyz", "renote": original})
    assert renote.mentions == "dunlin=dunlin@far.example"
    code = {"text": "use @Override", "mentions": []}
    assert post_of({**NOTE, **code}).mentions is None


def test_an_account_has_one_pseudonym_in_notes_statuses_and_mentions() -> None:
    key = bytes(range(32))
    note = post_of({**NOTE, "text": "ask @dunlin, @gull@mk.example", "mentions": ["u5", "u1"]})
    posts = pl.DataFrame(
        {
            "platform": ["misskey", "mastodon", "mastodon"],
            "author": [note.author, "dunlin@mk.example", "gull@mk.example"],
            "text": [note.text, "by @gull@mk.example", "hello @dunlin"],
            "mentions": [note.mentions, None, "dunlin=dunlin@mk.example"],
        }
    )
    gull, dunlin, again = Pseudonymizer(key, "keyed").replace_author_columns(posts)["author"]
    assert gull == again != dunlin
    redacted = pii.build(pii.Config(handles="pseudonym"), key)(posts)["text"]
    gull, dunlin = (f"<HANDLE_{encode_digest_as_letters(each[:12])}>" for each in (gull, dunlin))
    assert redacted.to_list() == [f"ask {dunlin}, {gull}", f"by {gull}", f"hello {dunlin}"]


def test_warnings_polls_and_descriptions_are_text() -> None:
    poll = {"choices": [{"text": "ebb", "votes": 1}, {"text": "flow", "votes": 2}]}
    post = post_of({**NOTE, "cw": "water", "poll": poll})
    assert post.text == "water\n\nlow water\n- ebb\n- flow" and post.sensitive is True
    exported = post_of({**NOTE, "poll": {"noteId": "9abc", "choices": ["ebb", "flow"]}})
    assert exported.text == "low water\n- ebb\n- flow"
    picture = {**NOTE, "text": None, "files": [{"comment": "a grey gull", "isSensitive": True}]}
    assert (post_of(picture).text, post_of(picture).sensitive) == ("", True)
    assert post_of(picture, with_alt=True).text == "a grey gull"


def test_deletions_and_edits_become_tombstones() -> None:
    event = {"id": "9abc", "type": "deleted", "body": {"deletedAt": "2024-05-02T00:00:00Z"}}
    told = [Tombstone("id", "misskey:mk.example/9abc", "deleted_later")]
    assert decode({"type": "noteUpdated", "body": event}) == told
    assert post_of({**NOTE, "deletedAt": "2024-05-02T00:00:00Z"}).withdrawn == "deleted"
    post, superseded = decode({**NOTE, "updatedAt": "2024-05-02T00:00:00.000Z"})
    assert isinstance(post, Post) and post.seen_at == post.edited_at == 1_714_608_000_000_000
    name = "misskey:mk.example/9abc"
    assert superseded == Tombstone("id", name, "superseded", 1_714_608_000_000_000)


def test_notes_in_events_and_favourites_are_read() -> None:
    streamed = {"type": "channel", "body": {"id": "1", "type": "note", "body": NOTE}}
    assert post_of(streamed) == post_of({"id": "f1", "note": NOTE}) == post_of(NOTE)


def test_an_export_has_no_names(tmp_path: Path) -> None:
    note = {key: NOTE[key] for key in ("id", "text", "createdAt", "visibility", "cw", "localOnly")}
    renote = {**note, "id": "9abd", "text": None, "renoteId": "8xyz"}
    path = tmp_path / "notes-2024-05-01.json"
    path.write_text("[" + ",\n".join(map(json.dumps, (note, renote, {"id": 3}))) + "]")
    config = misskey.Config(path=str(path), account="gull@mk.example")
    (batch,) = misskey.read(str(path), config, 100)
    assert batch.posts.select("id", "author", "text").rows() == [
        ("misskey:9abc", "gull@mk.example", "low water")
    ]
    assert batch.skipped == {"reference": 1}
    assert batch.refused.rows() == [(str(path), 3, "no_id")]


def test_a_note_without_words_is_refused() -> None:
    with pytest.raises(Refused, match="no_text"):
        decode({**NOTE, "text": None})
    assert decode({**NOTE, "text": None, "renoteId": "8xyz"}) == [Skipped("reference")]


@pytest.mark.parametrize(
    ("mfm", "text"),
    [
        ("$[x2 $[shake.speed=1s low] water]", "low water"),
        ("$[ruby 潮 しお] now", "潮(しお) now"),
        ("$[ruby $[x2 潮] しお]", "潮(しお)"),
        ("$[ruby $[ruby a b] c]", "a(b)(c)"),
        ("<center>low <small>water</small></center>", "low water"),
        ("[tables](https://tide.example/a) and ?[maps](https://tide.example/b)", "tables and maps"),
        ("`$[x2 a]` and <plain>$[x2 b]</plain>", "`$[x2 a]` and $[x2 b]"),
        ("a [1] $[x2 b [2]] ] c", "a [1] b [2] ] c"),
        ("$[x2 never closed", "$[x2 never closed"),
        ("2 < 3 and $[5]", "2 < 3 and $[5]"),
    ],
)
def test_markup_that_only_changes_the_looks_is_removed(mfm: str, text: str) -> None:
    assert misskey.mfm_to_text(mfm) == text
