"""Bluesky: Jetstream's lines and repository exports."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import libipld
import msgspec
import polars as pl
import pytest

from corpus.formats.times import UNREADABLE
from corpus.privacy import tombstones
from corpus.readers.bluesky import reader as bluesky
from corpus.readers.contract import Post, Refused, Sample, Skipped, Tombstone
from tests.conftest import folded, write_lines
from tests.support.examples import examples

ADA = "did:plc:ada"
NAME = f"bluesky:at://{ADA}/app.bsky.feed.post/3k2"
SYNTHETIC = "syntheticContentGeneration"
SHOWN = {"uri": "at://x/app.bsky.feed.post/1"}
WHEN = 1_720_000_000_000_000
RECORD: dict[str, Any] = {
    "$type": "app.bsky.feed.post", "text": "the engine weaves", "langs": ["en-GB", "fr"],
    "createdAt": "2024-07-03T09:46:40Z",
}  # fmt: skip


def commit(record: Any = RECORD, **changes: Any) -> dict[str, Any]:
    inner = {
        "rev": "r", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k2",
        "record": record, "cid": "bafy",
    }  # fmt: skip
    return {"did": ADA, "time_us": WHEN, "kind": "commit", "commit": inner | changes}


def decode(row: Any, **config: Any) -> list[Any]:
    settings = bluesky.Config(path="x", **config)
    return list(bluesky.make_decoder(settings)(json.dumps(row).encode()))


def post(**changes: Any) -> Post:
    (found,) = decode(commit(RECORD | changes))
    assert isinstance(found, Post)
    return found


def test_a_create_becomes_a_post_that_begins_its_thread() -> None:
    assert post() == Post(
        NAME, "the engine weaves", "post", ADA, None, WHEN, "en", None, NAME, seen_at=WHEN
    )


def test_version_2_wraps_the_same_event() -> None:
    wrapped = {"$type": "message", "payload": commit()}
    assert decode(wrapped) == decode(commit())


def test_a_reply_names_its_parent_and_root() -> None:
    reply = {"root": {"uri": "at://r"}, "parent": {"uri": "at://p"}}
    found = post(reply=reply)
    assert (found.kind, found.parent_id, found.root_id) == (
        "reply",
        "bluesky:at://p",
        "bluesky:at://r",
    )


@pytest.mark.parametrize(
    ("embed", "kind"),
    [
        ({"$type": "app.bsky.embed.record", "record": SHOWN}, "quote"),
        (
            {
                "$type": "app.bsky.embed.recordWithMedia",
                "record": {"record": SHOWN},
            },
            "quote",
        ),
        ({"$type": "app.bsky.embed.record", "record": {"uri": "at://x/list/1"}}, "post"),
        ({"$type": "app.bsky.embed.images", "images": []}, "post"),
        ("odd", "post"),
    ],
)  # fmt: skip
def test_a_post_with_an_embedded_post_is_a_quote(embed: Any, kind: str) -> None:
    assert post(embed=embed).kind == kind


def link(start: int, end: int, uri: str = "https://example.org/a/long/way") -> dict[str, Any]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [{"uri": uri}]}


def test_a_shortened_link_is_replaced_by_its_address_at_byte_offsets() -> None:
    text = "é😀 example.org/a/lo... 終"
    start = len("é😀 ".encode())
    end = start + len("example.org/a/lo...")
    assert (
        post(text=text, facets=[link(start, end)]).text == "é😀 https://example.org/a/long/way 終"
    )
    (kept,) = decode(
        commit(RECORD | {"text": text, "facets": [link(start, end)]}), full_links=False
    )
    assert kept.text == text


@pytest.mark.parametrize(
    "facets",
    [
        [link(0, 3)],  # a named link: "see" is no start of it
        [link(-4, 9)],
        [link(5, 999)],
        [link(9, 5)],
        [link(1, 2)],  # in the middle of a character
        [{"index": {"byteStart": 0, "byteEnd": 3}, "features": [{"tag": "x"}]}],
        [link(0, 3), link(1, 4)],
    ],
)
def test_invalid_facets_do_not_change_the_text(facets: list[Any]) -> None:
    for text in ("see example.org/a/lo...", "é example.org/a/lo..."):
        assert post(text=text, facets=facets).text == text


def test_labels_mark_sensitive_removed_and_signed_in_only_posts() -> None:
    def labelled(*values: str) -> Post:
        return post(labels={"values": [{"val": value} for value in values]})

    assert labelled("porn").sensitive is True
    assert labelled("spoiler").sensitive is None
    assert labelled("bot").bot is True
    assert labelled("!no-unauthenticated").withdrawn == "opted_out"
    assert labelled("!takedown", "!no-unauthenticated").withdrawn == "removed"


def test_a_date_in_the_future_is_replaced_by_the_time_of_the_event() -> None:
    assert post(createdAt="2999-01-01T00:00:00Z").created_at == WHEN
    assert post(createdAt="once upon a time").created_at == UNREADABLE  # null, and counted


def test_deletes_edits_and_closed_accounts_become_tombstones_with_their_time() -> None:
    author = f"bluesky:{ADA}"
    assert decode(commit(operation="delete", record=None)) == [
        Tombstone("id", NAME, "deleted_later", WHEN)
    ]
    assert decode(commit(operation="update"))[1:] == [Tombstone("id", NAME, "superseded", WHEN)]

    def account(**state: Any) -> list[Any]:
        row = {"did": ADA, "time_us": WHEN, "kind": "account", "account": state}
        return decode(row)

    assert account(active=False, status="deleted") == [Tombstone("author", author, "deleted_later")]
    assert account(active=False, status="takendown") == [
        Tombstone("author", author, "removed", WHEN)
    ]
    assert account(active=False, status="throttled") == [Skipped("account")]
    assert account(active=False, status="deactivated") == [
        Tombstone("author", author, "away", WHEN)
    ]
    assert account(active=True) == [Tombstone("author", author, "returned", WHEN)]
    untimed = {"did": ADA, "kind": "account", "account": {"active": True}}
    assert decode(untimed) == [Skipped("account")]
    for sync in (
        {"did": ADA, "time_us": WHEN, "kind": "sync"},
        {"$type": "message", "payload": {"$type": "x#sync", "did": ADA, "time_us": WHEN}},
    ):
        assert decode(sync) == [Tombstone("author", author, "superseded", WHEN)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"bulkDataset": {"allow": True}}, "allowed"),
        ({"bulkDataset": {"allow": True}, SYNTHETIC: {"allow": False}}, "opted_out"),
        ({"bulkDataset": {"allow": False}}, "opted_out"),
        ({SYNTHETIC: {"allow": True}}, "undeclared"),
        ({}, "undeclared"),
    ],
)  # fmt: skip
def test_a_declaration_of_intents_becomes_a_tombstone(said: dict[str, Any], reason: str) -> None:
    row = commit(said, collection="org.user-intents.declaration", rkey="self")
    assert decode(row) == [Tombstone("author", f"bluesky:{ADA}", reason, WHEN)]
    gone = commit(None, collection="org.user-intents.declaration", rkey="self", operation="delete")
    assert decode(gone) == [Tombstone("author", f"bluesky:{ADA}", "undeclared", WHEN)]


def test_other_records_are_skipped_and_malformed_ones_refused() -> None:
    assert decode(commit({}, collection="app.bsky.feed.like")) == [Skipped("app.bsky.feed.like")]
    assert decode({"did": ADA, "kind": "identity"}) == [Skipped("identity")]
    for row, reason in (
        (commit({}), "no_text"),
        (commit(operation="upsert"), "unknown_operation"),
        (commit(rkey=""), "no_id"),
        ({"kind": "commit", "commit": {}}, "no_id"),
        ({"did": ADA}, "no_kind"),
    ):
        with pytest.raises(Refused, match=reason):
            decode(row)


def batches(path: Path, part_posts: int = 2, start: Any = None) -> list[Any]:
    return list(bluesky.read(str(path), bluesky.Config(path=str(path)), part_posts, start))


def test_an_edit_a_delete_and_a_new_post_under_one_key_are_applied_in_order(
    tmp_path: Path,
) -> None:
    def at(moment: int, text: str, operation: str) -> dict[str, Any]:
        return commit(RECORD | {"text": text}, operation=operation) | {"time_us": moment}

    path = write_lines(
        tmp_path / "j",
        [at(10, "one", "create"), at(20, "two", "update"), at(30, "", "delete"),
         at(40, "three", "create"), at(50, "four", "update")],
    )  # fmt: skip
    (found,) = batches(path, 100)
    marked = tombstones.apply_tombstones(found.posts, folded(tmp_path / "folded", found.tombstones))
    alive = marked.filter(pl.col("withdrawn").is_null())
    assert alive["text"].to_list() == ["four"]


# --------------------------------------------------------------------------- repositories


def number(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def block(value: Any) -> tuple[bytes, bytes]:
    body = libipld.encode_dag_cbor(value)
    return b"\x01\x71\x12\x20" + hashlib.sha256(body).digest(), body


class Raw:
    """A CAR in the making. A link is written by hand: tag 42 around the CID."""

    def __init__(self) -> None:
        self.blocks: list[tuple[bytes, bytes]] = []

    def add(self, body: bytes) -> bytes:
        cid = b"\x01\x71\x12\x20" + hashlib.sha256(body).digest()
        self.blocks.append((cid, body))
        return cid

    def file(self, root: bytes) -> bytes:
        header = b"\xa2eroots\x81" + cid_link(root) + b"gversion\x01"
        out = number(len(header)) + header
        for cid, body in self.blocks:
            out += number(len(cid) + len(body)) + cid + body
        return out


def cid_link(cid: bytes) -> bytes:
    return b"\xd8\x2aX" + bytes([len(cid) + 1]) + b"\0" + cid


def text(value: str) -> bytes:
    data = value.encode()
    head = bytes([0x60 + len(data)]) if len(data) < 24 else b"\x78" + bytes([len(data)])
    return head + data


def data(value: bytes) -> bytes:
    return (bytes([0x40 + len(value)]) if len(value) < 24 else b"X" + bytes([len(value)])) + value


def repo(records: dict[str, Any]) -> bytes:
    car = Raw()
    entries = b""
    for path, value in sorted(records.items()):
        cid = car.add(libipld.encode_dag_cbor(value))
        item = b"\xa4" + text("k") + data(path.encode()) + text("p") + b"\0"
        entries += item + text("t") + b"\xf6" + text("v") + cid_link(cid)
    assert len(records) < 24
    node = car.add(b"\xa2ae" + bytes([0x80 + len(records)]) + entries + b"al\xf6")
    commit = (
        b"\xa6" + text("did") + text(ADA) + text("rev") + text("3kwd6rzxkzc2z") + text("sig")
        + data(b"s") + text("data") + cid_link(node) + text("prev") + b"\xf6" + text("version")
        + b"\x03"
    )  # fmt: skip
    return car.file(car.add(commit))


REPO = {
    "app.bsky.feed.like/1": {"$type": "app.bsky.feed.like"},
    "app.bsky.feed.post/3k2": RECORD,
    "app.bsky.feed.post/3k3": {"$type": "app.bsky.feed.post", "text": 7},
    "org.user-intents.declaration/self": {
        "$type": "org.user-intents.declaration", "bulkDataset": {"allow": False},
    },
}  # fmt: skip


def test_a_repository_contains_posts_and_declarations(tmp_path: Path) -> None:
    path = tmp_path / "repo.car"
    path.write_bytes(repo(REPO))
    (found,) = batches(path, 100)
    assert found.posts["id"].to_list() == [NAME]
    assert found.posts["author"].to_list() == [ADA]
    assert found.posts["seen_at"].null_count() == 0
    assert found.refused["reason"].to_list() == ["wrong_type"]
    assert found.tombstones["reason"].to_list() == ["opted_out"]
    assert found.skipped == {"app.bsky.feed.like": 1}
    assert bluesky.fits(Sample("repo.car", (), path.read_bytes())) == 1


def test_the_readable_part_of_a_damaged_repository_is_read(tmp_path: Path) -> None:
    whole = repo(REPO)
    path = tmp_path / "repo.car"
    chance = random.Random(5)
    for _ in range(examples(300)):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(bytes(broken[: chance.randint(1, len(broken))]))
        found = batches(path, 100)
        assert found[-1].cursor is None
    path.write_bytes(whole[:-20])
    (found,) = batches(path, 100)
    assert "truncated_stream" in found.refused["reason"].to_list()


def test_a_resumed_read_gives_the_same_batches(tmp_path: Path) -> None:
    lines = [commit(RECORD | {"text": str(n)}, rkey=str(n)) for n in range(9)]
    for path, content in (("a", None), ("b.car", repo(REPO))):
        file = tmp_path / path
        file.write_bytes(content) if content else write_lines(file, lines)
        whole = batches(file, 1)
        for at, batch in enumerate(whole[:-1]):
            rest = batches(file, 1, batch.cursor)
            expected = [later.posts.rows() for later in whole[at + 1 :]]
            assert [later.posts.rows() for later in rest] == expected


def test_the_real_lines_and_the_real_repository_are_read_completely(shared: Path) -> None:
    path = shared / "bluesky" / "expected_v1.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    posts = [
        row for row in rows
        if row.get("commit", {}).get("collection") == "app.bsky.feed.post"
        and row["commit"]["operation"] == "create"
    ]  # fmt: skip
    (found,) = batches(path, 10_000)
    assert found.posts.height == len(posts)
    assert found.refused.height == 0
    assert found.posts.height + found.tombstones.height + sum(found.skipped.values()) == len(rows)
    assert found.posts["id"].to_list() == [
        f"bluesky:at://{row['did']}/app.bsky.feed.post/{row['commit']['rkey']}" for row in posts
    ]


def test_version_2_has_the_change_in_the_payload_and_an_iso_time() -> None:
    inner = {
        "$type": "network.bsky.jetstream.subscribeEvents#commit", "seq": 7, "did": ADA,
        "time": "2020-01-01T00:00:00.000000Z", "witnessedAt": "2024-07-03T09:46:40.000000Z",
        "rev": "r", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k2",
        "record": RECORD,
    }  # fmt: skip
    assert decode({"$type": "message", "payload": inner}) == decode(commit())
    assert decode(inner) == decode(commit())
    del inner["witnessedAt"]
    assert decode(inner)[0].seen_at == 1_577_836_800_000_000
    for kind, expected in (
        ("sync", Tombstone("author", f"bluesky:{ADA}", "superseded", WHEN)),
        ("account", Tombstone("author", f"bluesky:{ADA}", "removed", WHEN)),
        ("info", Skipped("info")),
    ):
        row = {
            "$type": f"network.bsky.jetstream.subscribeEvents#{kind}", "did": ADA, "seq": 8,
            "time": "2024-07-03T09:46:40Z", "account": {"active": False, "status": "suspended"},
        }  # fmt: skip
        assert decode({"$type": "message", "payload": row}) == [expected]
    assert decode({"$type": "error", "error": "ConsumerTooSlow"}) == [Skipped("error")]


def test_early_jetstream_has_one_letter_names() -> None:
    row = commit() | {"type": "com"}
    del row["kind"]
    row["commit"]["type"] = row["commit"].pop("operation")[0]
    assert decode(row) == decode(commit())
    away = {"did": ADA, "time_us": WHEN, "type": "acc", "account": {"active": False}}
    assert decode(away) == [Tombstone("author", f"bluesky:{ADA}", "removed", WHEN)]
    assert decode({"did": ADA, "time_us": WHEN, "type": "id"}) == [Skipped("identity")]


def test_without_a_time_the_revision_is_used_and_an_edit_without_both_is_refused() -> None:
    row = commit(operation="update", rev="3kwemukb2222b")
    del row["time_us"]
    found, stone = decode(row)
    assert found.seen_at == found.edited_at == stone.said_at == WHEN
    row["commit"]["rev"] = "r"
    with pytest.raises(Refused, match="no_time"):
        decode(row)
    with pytest.raises(Refused, match="no_time"):
        decode({"did": ADA, "kind": "sync"})


@pytest.mark.parametrize(
    "change",
    [{"langs": "en"}, {"langs": [1]}, {"createdAt": []}, {"facets": {"a": 1}}, {"embed": [1]},
     {"facets": [None, {"index": 3}, {"index": {"byteStart": "0"}, "features": [5]}]},
     {"labels": None}, {"reply": None}, {"reply": {}}, {"embed": {"record": {"record": 1}}}],
)  # fmt: skip
def test_a_fault_in_an_optional_field_does_not_refuse_the_post(change: dict[str, Any]) -> None:
    found = post(text="see example.org/lo...", **change)
    assert (found.id, found.text, found.kind) == (NAME, "see example.org/lo...", "post")


@pytest.mark.parametrize("change", [{"text": 7}, {"reply": 1}, {"labels": {"values": "porn"}}])
def test_a_fault_in_the_text_the_thread_or_the_labels_refuses_the_post(
    tmp_path: Path, change: Any
) -> None:
    (found,) = batches(write_lines(tmp_path / "j", [commit(RECORD | change), commit()]), 9)
    assert (found.posts.height, found.refused["reason"].to_list()) == (1, ["wrong_type"])


@pytest.mark.parametrize(
    ("tag", "hint"),
    [("pt-BR", "pt"), ("EN", "en"), ("haw", "haw"), ("in", "id"), ("und", None), ("english", None),
     ("", None), ("x", None), ("zh_Hant", "zh")],
)  # fmt: skip
def test_the_language_hint_is_the_first_declared_language(tag: str, hint: str | None) -> None:
    assert post(langs=[tag, "fr"]).lang_hint == hint


@pytest.mark.parametrize(
    ("shown", "uri", "whole"),
    [
        ("example.org/a…", "https://example.org/a/b", True),
        ("www.example.org/a...", "https://example.org/a/b", True),
        ("Example.org/...", "http://www.example.org/a", True),
        ("example.org/%C3%A9...", "https://example.org/é/b", True),
        ("example.org/a…/z.html", "https://example.org/a/b/z.html", True),
        ("bank.example/a...", "https://evil.example/a", False),
        ("read on...", "https://example.org/a", False),
        ("...", "https://example.org/a", False),
        ("example.org/ and more...", "https://example.org/a", False),
        ("example.org/a", "https://example.org/a", False),
        ("example.org/a...", "javascript:alert(1)", False),
    ],
)
def test_a_link_is_replaced_only_if_it_was_shortened(shown: str, uri: str, whole: bool) -> None:
    facets = [link(2, 2 + len(shown.encode()), uri)]
    assert post(text=f"a {shown} b", facets=facets).text == f"a {uri if whole else shown} b"


def test_of_overlapping_links_the_first_is_used() -> None:
    text = "a.org/x... b.org/y..."
    facets = [link(11, 21, "https://b.org/y/2"), link(0, 10, "https://a.org/x/1"),
              link(5, 15, "https://a.org/z"), link(2**70, 2**71, "https://a.org")]  # fmt: skip
    assert post(text=text, facets=facets).text == "https://a.org/x/1 https://b.org/y/2"
    facets = [link(6, 16, "https://a.org/x/2"), link(0, 16, "https://a.org/a.org/x/1")]
    assert post(text="a.org/a.org/x...", facets=facets).text == "https://a.org/a.org/x/1"


def test_cards_and_descriptions_of_images_are_added_if_configured() -> None:
    card = {"external": {"title": "Title", "description": "What it says", "uri": "https://a.org"}}
    images = {"images": [{"alt": "a loom"}, {"alt": ""}, {"alt": 3}]}
    for embed, added in (
        (card, ["Title\nWhat it says"]), (images, ["a loom"]),
        ({"record": {"record": SHOWN}, "media": images}, ["a loom"]),
        ({"alt": "a film"}, ["a film"]),
    ):  # fmt: skip
        (found,) = decode(commit(RECORD | {"embed": embed}), with_cards=True, with_alt=True)
        assert found.text == "\n\n".join(["the engine weaves", *added])
        (found,) = decode(commit(RECORD | {"embed": embed}))
        assert found.text == "the engine weaves"
    (found,) = decode(commit(RECORD | {"text": "", "embed": images}), with_alt=True)
    assert found.text == "a loom"
    assert post(text="").text == ""


def test_an_opt_out_label_on_the_profile_applies_to_the_account() -> None:
    wish = {"labels": {"values": [{"val": "!no-unauthenticated"}]}}
    row = commit(wish, collection="app.bsky.actor.profile", rkey="self")
    assert decode(row) == [Tombstone("author", f"bluesky:{ADA}", "opted_out", WHEN)]
    assert decode(row, honour_no_unauthenticated=False) == [Skipped("app.bsky.actor.profile")]
    plain = commit({"displayName": "Ada"}, collection="app.bsky.actor.profile", rkey="self")
    assert decode(plain) == [Skipped("app.bsky.actor.profile")]
    (found,) = decode(commit(RECORD | wish), honour_no_unauthenticated=False)
    assert found.withdrawn is None


def test_a_site_declaration_is_ignored_and_a_refusal_on_the_demo_site_counts() -> None:
    row = commit({"bulkDataset": {"allow": True}}, collection="org.user-intents.declaration",
                 rkey="did:web:a.org")  # fmt: skip
    assert decode(row) == [Skipped("org.user-intents.declaration")]
    demo = "org.user-intents.demo.declaration"
    for allow, expected in (
        (True, Skipped(demo)),
        (False, Tombstone("author", f"bluesky:{ADA}", "opted_out", WHEN)),
    ):
        row = commit({SYNTHETIC: {"allow": allow}, "bulkDataset": {"allow": True}},
                     collection=demo, rkey="self")  # fmt: skip
        assert decode(row) == [expected]


@pytest.mark.parametrize(
    ("did", "rkey"),
    [("ada", "3k2"), ("did:plc:a b", "3k2"), ("did:plc:ada\n", "3k2"), (ADA, "a/b"), (ADA, "a b")],
)
def test_an_invalid_id_is_refused(did: str, rkey: str) -> None:
    with pytest.raises(Refused, match="no_id"):
        decode(commit(rkey=rkey) | {"did": did})


def test_invented_names_of_kinds_are_counted_under_one_name() -> None:
    assert decode(commit({}, collection="x" * 101)) == [Skipped("unknown_kind")]
    assert decode(commit({}, collection="a\nsecret")) == [Skipped("unknown_kind")]
    assert decode({"did": ADA, "kind": "novelty"}) == [Skipped("novelty")]
    with pytest.raises(Refused, match="no_kind"):
        decode({"$type": "message"})


def test_half_an_emoji_and_two_events_on_a_line_are_repaired(tmp_path: Path) -> None:
    line = json.dumps(commit(RECORD | {"text": "\ud83d!"}))
    path = write_lines(tmp_path / "j", [(line + line).encode(), b'{"did"', b""])
    (found,) = batches(path, 9)
    assert found.posts["text"].to_list() == ["\ufffd!"] * 2
    assert found.refused.rows() == [(str(path), 2, "malformed_json")]


# --------------------------------------------------------------------------- views, Tap


def view(rkey: str = "3k2", labels: Any = (), account: Any = (), **changes: Any) -> dict[str, Any]:
    return {
        "uri": f"at://{ADA}/app.bsky.feed.post/{rkey}",
        "cid": "bafy",
        "author": {"did": ADA, "handle": "ada.example", "labels": list(account)},
        "record": RECORD,
        "labels": list(labels),
        "likeCount": 4,
        "replyCount": 2,
        "indexedAt": "2024-07-03T09:46:40Z",
        **changes,
    }


def label(name: str, **changes: Any) -> dict[str, Any]:
    return {"src": ADA, "uri": f"at://{ADA}", "val": name, **changes}


def ids(row: Any) -> list[str]:
    return [record.id[-3:] for record in decode(row) if isinstance(record, Post)]


def test_a_view_is_the_same_post_as_in_the_stream_with_its_counts() -> None:
    expected = post()._replace(score=4, replies=2, author_name="ada.example")
    assert decode(view()) == [expected]
    assert decode({"post": view(), "reply": {"parent": view("3k1"), "root": view("3k0")}}) == [
        expected
    ]
    assert decode({"posts": [view()]}) == decode({"feed": [{"post": view()}]}) == [expected]
    record = {"uri": view()["uri"], "cid": "bafy", "value": RECORD}
    assert decode(record) == [post()._replace(seen_at=None)]


def test_a_feed_s_repost_is_the_original_and_a_skipped_repost() -> None:
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": {"did": "did:plc:bob"}}
    assert decode({"post": view(), "reason": reason}) == [*decode(view()), Skipped("repost")]
    pin = {"$type": "app.bsky.feed.defs#reasonPin"}
    assert decode({"post": view(), "reason": pin}) == decode(view())


def test_the_nodes_of_a_thread_are_read_once_each() -> None:
    gone = {"uri": f"at://{ADA}/app.bsky.feed.post/3k9", "notFound": True}
    node = {
        "$type": "app.bsky.feed.defs#threadViewPost",
        "post": view("3k2"),
        "parent": {"post": view("3k1"), "parent": gone},
        "replies": [{"post": view("3k3"), "replies": [{"post": view("3k4")}]}, {"blocked": True}],
    }
    found = decode({"thread": node})
    assert ids({"thread": node}) == ["3k2", "3k1", "3k3", "3k4"]
    assert Tombstone("id", f"bluesky:{gone['uri']}", "deleted_later") in found
    assert Skipped("blocked") in found
    assert ids(node) == ids({"thread": node})
    assert ids({"posts": [view("3k2"), view("3k2")]}) == ["3k2"]


def test_labels_of_a_view_s_author_withdraw_it_and_the_author_s_other_posts() -> None:
    hidden = label("!no-unauthenticated")
    found, said = decode(view(account=[hidden]))
    assert found.withdrawn == "opted_out"
    assert said == Tombstone("author", f"bluesky:{ADA}", "opted_out")
    (found,) = decode(view(account=[hidden]), honour_no_unauthenticated=False)
    assert found.withdrawn is None
    (found,) = decode(view(account=[hidden, label("!no-unauthenticated", neg=True)]))
    assert found.withdrawn is None
    (found,) = decode(view(labels=[label("!takedown")]))
    assert found.withdrawn == "removed"
    (found,) = decode(view(labels=[label("porn")], account=[label("bot")]))
    assert (found.sensitive, found.bot) == (True, True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (view(uri="at://did:plc:eve/app.bsky.feed.post/1"), "no_id"),
        (view(author=None), "no_id"),
        (view(record=None), "wrong_type"),
        (view(record={"text": None}), "no_text"),
        (view(author=[]), "wrong_type"),
        ({"uri": 3, "value": RECORD, "post": 7}, "wrong_type"),
    ],
)
def test_a_malformed_view_is_refused(row: Any, reason: str) -> None:
    try:
        found = decode(row)
    except msgspec.ValidationError:
        found = [Refused("wrong_type")]
    assert [record.reason for record in found if isinstance(record, Refused)] == [reason]
    page = {"posts": [row, view("3k5")]}
    assert ids(page) == ["3k5"]


def tap(**record: Any) -> dict[str, Any]:
    inner = {
        "live": True, "rev": "3kwemukb2222b", "did": ADA, "collection": "app.bsky.feed.post",
        "rkey": "3k2", "action": "create", "record": RECORD, "cid": "bafy",
    }  # fmt: skip
    return {"id": 1, "type": "record", "record": inner | record}


def test_events_of_tap_are_read_as_those_of_jetstream() -> None:
    assert decode(tap()) == decode(commit())
    assert decode(tap(action="delete", record=None)) == decode(
        commit(operation="delete", record=None)
    )
    assert decode(tap(rev="r"))[0].seen_at is None
    assert decode(tap(collection="app.bsky.feed.like")) == [Skipped("app.bsky.feed.like")]

    def identity(**state: Any) -> list[Any]:
        row = {"did": ADA, "handle": "ada.example", **state}
        return decode({"id": 2, "type": "identity", "identity": row})

    author = f"bluesky:{ADA}"
    gone = Tombstone("author", author, "deleted_later")
    assert identity(is_active=False, status="deleted") == [gone]
    assert identity(isActive=False, status="deactivated") == [Tombstone("author", author, "away")]
    assert identity(is_active=True, status="active") == [Skipped("identity")]
    assert bluesky.fits(Sample("x", (), json.dumps(tap()).encode())) == 1


def test_an_account_that_comes_back_has_its_posts_again(tmp_path: Path) -> None:
    def state(at: int, **account: Any) -> dict[str, Any]:
        return {"did": ADA, "time_us": WHEN + at, "kind": "account", "account": account}

    away = state(10, active=False, status="deactivated")
    cases: list[tuple[list[Any], str | None]] = [
        ([away], "away"),
        ([away, state(20, active=True)], None),
        ([state(20, active=True), away], None),
        ([away, state(20, active=True), state(30, active=False, status="takendown")], "removed"),
        ([state(10, active=False, status="suspended"), state(20, active=True)], None),
        ([state(10, active=False, status="deleted"), state(20, active=True)], "deleted_later"),
    ]
    for number, (rows, expected) in enumerate(cases):
        path = write_lines(tmp_path / "dump.jsonl", [commit(), *rows])
        (batch,) = bluesky.read(str(path), bluesky.Config(path=str(path)), 100)
        table = folded(tmp_path / str(number), batch.tombstones)
        assert tombstones.apply_tombstones(batch.posts, table)["withdrawn"].to_list() == [expected]
