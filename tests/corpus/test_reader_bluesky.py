"""Bluesky: Jetstream's lines and repository exports."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import libipld
import pytest

from corpus import withdrawals
from corpus.readers import bluesky
from corpus.readers.contract import Post, Refused, Sample, Skipped, Tombstone
from tests.conftest import write_lines

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
    return list(bluesky.decoder(settings)(json.dumps(row).encode()))


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
def test_a_quote_is_a_post_that_shows_a_post(embed: Any, kind: str) -> None:
    assert post(embed=embed).kind == kind


def link(start: int, end: int, uri: str = "https://example.org/a/long/way") -> dict[str, Any]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [{"uri": uri}]}


def test_a_shortened_link_is_written_out_by_byte_offsets() -> None:
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
def test_facets_that_do_not_fit_leave_the_text_alone(facets: list[Any]) -> None:
    for text in ("see example.org/a/lo...", "é example.org/a/lo..."):
        assert post(text=text, facets=facets).text == text


def test_labels_say_what_is_sensitive_removed_or_not_for_strangers() -> None:
    def labelled(*values: str) -> Post:
        return post(labels={"values": [{"val": value} for value in values]})

    assert labelled("porn").sensitive is True
    assert labelled("spoiler").sensitive is None
    assert labelled("bot").bot is True
    assert labelled("!no-unauthenticated").withdrawn == "opted_out"
    assert labelled("!takedown", "!no-unauthenticated").withdrawn == "removed"


def test_a_date_from_the_future_is_the_moment_it_was_seen() -> None:
    assert post(createdAt="2999-01-01T00:00:00Z").created_at == WHEN
    assert post(createdAt="once upon a time").created_at is None


def test_deletes_edits_and_accounts_become_notices_with_their_time() -> None:
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
    assert account(active=True) == [Skipped("account")]
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
def test_a_declaration_of_intents_is_carried(said: dict[str, Any], reason: str) -> None:
    row = commit(said, collection="org.user-intents.declaration", rkey="self")
    assert decode(row) == [Tombstone("author", f"bluesky:{ADA}", reason, WHEN)]
    gone = commit(None, collection="org.user-intents.declaration", rkey="self", operation="delete")
    assert decode(gone) == [Tombstone("author", f"bluesky:{ADA}", "undeclared", WHEN)]


def test_other_records_are_passed_over_and_broken_ones_refused() -> None:
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


def test_an_edit_a_delete_and_a_new_post_under_the_same_key_fold_as_they_happened(
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
    paths = [tmp_path / "t.parquet"]
    found.tombstones.write_parquet(paths[0])
    withdrawals.gather(paths, tmp_path / "all")
    import polars as pl

    marked = withdrawals.bury(found.posts, pl.read_parquet(tmp_path / "all"))
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


def test_a_repository_gives_its_posts_and_declarations(tmp_path: Path) -> None:
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


def test_a_damaged_repository_keeps_what_can_be_reached(tmp_path: Path) -> None:
    whole = repo(REPO)
    path = tmp_path / "repo.car"
    chance = random.Random(5)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(bytes(broken[: chance.randint(1, len(broken))]))
        found = batches(path, 100)
        assert found[-1].cursor is None
    path.write_bytes(whole[:-20])
    (found,) = batches(path, 100)
    assert "truncated_stream" in found.refused["reason"].to_list()


def test_resuming_gives_the_same_rest(tmp_path: Path) -> None:
    lines = [commit(RECORD | {"text": str(n)}, rkey=str(n)) for n in range(9)]
    for path, content in (("a", None), ("b.car", repo(REPO))):
        file = tmp_path / path
        file.write_bytes(content) if content else write_lines(file, lines)
        whole = batches(file, 1)
        for at, batch in enumerate(whole[:-1]):
            rest = batches(file, 1, batch.cursor)
            expected = [later.posts.rows() for later in whole[at + 1 :]]
            assert [later.posts.rows() for later in rest] == expected


def test_the_real_lines_and_the_real_repository_are_read_whole(shared: Path) -> None:
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


def test_the_real_repository_holds_exactly_the_expected_records(shared: Path) -> None:
    import base64

    from corpus.readers._car import Car

    listing = (shared / "bluesky" / "car_expected_records.tsv").read_text().splitlines()
    with open(shared / "bluesky" / "repo.car", "rb") as file:
        car = Car(file, lambda body: True)
    found = [
        f"{entry.path}\tb{base64.b32encode(entry.cid).decode().lower().rstrip('=')}"
        for entry in car.entries()
    ]
    assert car.problems == []
    assert sorted(found) == sorted(listing)
