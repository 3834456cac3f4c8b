"""A fault in an export on one line costs the record with the fault, and moves no message."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from tests.readers import test_fits as samples
from tests.support.readings import read_dump, write_dump

COUNT = 40
MESSAGE, POSTED = samples.CHAT["messages"][0], samples.CHANNEL["messages"][0]


class Export(NamedTuple):
    """A document of numbered records, each with the text ``tea <number>.``."""

    reader: str
    content: Any
    settings: Mapping[str, Any] = {}
    member: str = ""  # of a zip, or empty


def make_messages(community: str) -> list[Any]:
    parts = [
        [{"type": "bold", "text": f"tea {n}."}, {"type": "plain", "text": f" of {community}"}]
        for n in range(COUNT)
    ]
    return [
        {**MESSAGE, "id": n, "text": text, "text_entities": text} for n, text in enumerate(parts)
    ]


EXPORTS = [
    Export("telegram", {**samples.CHAT, "messages": make_messages("Tea")}),
    Export(
        "discord",
        {
            **samples.CHANNEL,
            "messages": [
                {
                    **POSTED,
                    "id": str(n + 1),
                    "content": f"tea {n}.",
                    "mentions": [{"id": "7", "name": "b"}],
                }
                for n in range(COUNT)
            ],
        },
    ),
    Export(
        "meta",
        [{"timestamp": 1714521600 + n, "data": [{"post": f"tea {n}."}]} for n in range(COUNT)],
        {"consented": True},
        samples.META_MEMBERS[0],
    ),
    Export(
        "tiktok",
        {
            "Comment": {
                "Comments": {
                    "CommentsList": [
                        {"date": "2024-05-01 00:00:00", "comment": f"tea {n}."}
                        for n in range(COUNT)
                    ]
                }
            }
        },
        {"consented": True},
        "user_data_tiktok.json",
    ),
    Export(
        "mastodon",
        {
            **samples.OUTBOX,
            "orderedItems": [
                {
                    "id": f"{samples.NOTE['id']}{n}/activity",
                    "type": "Create",
                    "object": {
                        **samples.NOTE,
                        "id": f"{samples.NOTE['id']}{n}",
                        "content": f"tea {n}.",
                    },
                }
                for n in range(COUNT)
            ],
        },
    ),
    Export(
        "reddit", [{**samples.COMMENT, "id": f"c{n}", "body": f"tea {n}."} for n in range(COUNT)]
    ),
    Export(
        "reddit",
        {
            "meta": 1,
            "comments": [
                {**samples.COMMENT, "id": f"c{n}", "body": f"tea {n}."} for n in range(COUNT)
            ],
        },
        {"records": "comments"},
    ),
]
IDS = [f"{export.reader}-{number}" for number, export in enumerate(EXPORTS)]


def read(export: Export, folder: Path, data: bytes) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Return the posts, and the rows and reasons of the refusals."""
    name = "export.zip" if export.member else "export.json"
    path = write_dump(folder / name, data, export.member)
    batches = read_dump(export.reader, path, export.settings)
    refused = pl.concat(batch.refused for batch in batches)
    rows = refused.filter(pl.col("source_row") > 0).select("source_row", "reason").rows()
    return pl.concat(batch.posts for batch in batches), rows


def damage(data: bytes, at: int) -> dict[str, bytes]:
    return {
        "a quote lost": data[: at - 1] + data[at:],
        "a quote too many": data[:at] + b'"' + data[at:],
        "a bracket too many": data[:at] + b'"]' + data[at:],
        "a block of NULs": data[: at + 2] + bytes(32) + data[at + 34 :],
        "control characters": data[:at] + b"\x01\n" + data[at + 2 :],
    }


@pytest.mark.parametrize("export", EXPORTS, ids=IDS)
def test_a_fault_costs_its_record_wherever_it_is(export: Export, tmp_path: Path) -> None:
    data = json.dumps(export.content).encode()
    whole, refused = read(export, tmp_path, data)
    texts = whole["text"].to_list()
    assert (len(texts), refused) == (COUNT, [])
    for number in (1, 20, COUNT - 1):
        for what, damaged in damage(data, data.index(b"tea %d." % number)).items():
            posts, refused = read(export, tmp_path, damaged)
            found = posts["text"].to_list()
            assert set(found) <= set(texts), what
            lost = [texts.index(text) for text in texts if text not in found]
            assert number in lost and set(lost) <= {number - 1, number, number + 1}, (what, lost)
            assert [reason for _, reason in refused] in (
                ["malformed_json"],
                ["truncated_stream"],
            ), (number, what, refused)
            assert refused[0][0] == lost[0] + 1, (what, refused, lost)


def make_account(*chats: tuple[str, str]) -> bytes:
    """Return the export of an account, on one line: chats by name and type."""
    listed = [
        {"name": name, "type": kind, "id": number, "messages": make_messages(name)}
        for number, (name, kind) in enumerate(chats, start=1)
    ]
    return json.dumps({"about": "", "chats": {"about": "", "list": listed}}).encode()


def test_after_a_fault_the_chats_behind_it_are_read_and_their_messages_not_moved(
    tmp_path: Path,
) -> None:
    data = make_account(
        ("Tea", "public_channel"),
        ("Ada", "personal_chat"),
        ("Milk", "public_channel"),
        ("Bob", "personal_chat"),
        ("Cake", "public_channel"),
    )
    texts = {
        name: {f"tea {n}. of {name}" for n in range(COUNT)} for name in ("Tea", "Milk", "Cake")
    }
    chance = random.Random(1)
    for _ in range(60):
        at = chance.randrange(len(data))
        size = chance.choice((1, 8, 300, 9000))
        kind = chance.choice((b"", bytes(size), b'"' * size, b"]}" * size))
        damaged = data[:at] + kind + data[at + size :]
        posts, refused = read(EXPORTS[0], tmp_path, damaged)
        public = posts.filter(pl.col("withdrawn").is_null())
        for name, community, text in public.select("id", "community", "text").iter_rows():
            assert "of Ada" not in text and "of Bob" not in text, (at, size)
            if refused and text.endswith((" of Tea", " of Milk", " of Cake")):
                assert community == text.rpartition(" ")[2], (at, size, name)
        if at < data.index(b'"Milk"') and size < 9000:
            assert texts["Cake"] <= set(public["text"]), (at, size, kind[:2])


def test_the_messages_of_the_next_document_are_not_the_damaged_channel_s(tmp_path: Path) -> None:
    first = EXPORTS[1].content
    direct = {**first, "channel": {**first["channel"], "type": "DirectTextChat"}}
    direct["messages"] = [{**POSTED, "id": str(n), "content": "secret"} for n in range(100, 104)]
    for between in (b"", b"\n"):
        data = json.dumps(first).encode() + between + json.dumps(direct).encode()
        at = data.index(b"tea 38.")
        end = data.index(b'"messages"', at)  # what is lost includes the second header
        posts, refused = read(EXPORTS[1], tmp_path, data[:at] + bytes(end - at) + data[end:])
        assert len(refused) == 1
        assert "secret" not in posts["text"].to_list()
        assert posts["id"].to_list()[:38] == [f"discord:{n}" for n in range(1, 39)]


CHANNEL_POST = {
    "_": "Message",
    "id": 1,
    "peer_id": {"_": "PeerChannel", "channel_id": 5},
    "post": True,
    "message": "tea",
    "date": "2024-05-01 00:00:00+00:00",
    "chat": {"id": -1005, "title": "Tea", "username": "tea", "type": "channel"},
}
TABLE = {"fields": {"id": "id", "text": "text"}}
#: A row of each reader of lines, with the path to its id, and settings.
LINES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "table": ({"id": 1, "text": "tea"}, "id", TABLE),
    "reddit": (samples.COMMENT, "id", {}),
    "hackernews": (samples.ITEM, "id", {}),
    "mastodon": (samples.TOOT, "uri", {}),
    "bluesky": (samples.COMMIT, "commit.rkey", {}),
    "lemmy": (samples.LEMMY_VIEW, "post.id", {"instance": "lemmy.example"}),
    "fourchan": (samples.THREAD, "posts.0.no", {"board": "g"}),
    "x_stream": (samples.STATUS, "id_str", {}),
    "x_api": ({"data": [samples.TWEET]}, "data.0.id", {}),
    "x_scrape": ({"id": 1, "rawContent": "tea", "user": samples.USER}, "id", {}),
    "misskey": (samples.MISSKEY_NOTE, "id", {"instance": "a.example"}),
    "vk": (samples.WALL_POST, "id", {}),
    "tumblr": (samples.BLOG_POST, "id", {}),
    "tiktok": (samples.VIDEO_COMMENT, "id", {}),
    "youtube": (samples.YT_DLP_COMMENT, "id", {}),
    "telegram": (CHANNEL_POST, "id", {}),
}


def make_line(row: Any, path: str, number: int) -> bytes:
    row = json.loads(json.dumps(row))
    *keys, last = path.split(".")
    inner = row
    for key in keys:
        inner = inner[int(key) if key.isdecimal() else key]
    inner[last] = number if isinstance(inner[last], int) else f"{inner[last]}{number}"
    if "id_string" in row:
        row["id_string"] = str(number)
    return json.dumps(row).encode()


@pytest.mark.parametrize("name", LINES)
def test_a_block_of_nuls_costs_its_line_wherever_it_is(name: str, tmp_path: Path) -> None:
    row, path, settings = LINES[name]
    lines = [make_line(row, path, number) for number in range(1, 10)]
    export = Export(name, None, settings)
    for number in (0, 4, 8):
        for at in (0, 9, len(lines[number]) - 1):
            line = lines[number][:at] + bytes(40) + lines[number][at:]
            damaged = b"\n".join([*lines[:number], line, *lines[number + 1 :]])
            posts, refused = read(export, tmp_path, damaged)
            assert posts["source_row"].to_list() == [n for n in range(1, 10) if n != number + 1]
            assert refused == [(number + 1, "malformed_json")]


def test_a_block_of_nuls_costs_a_row_of_csv_and_none_before_the_header(tmp_path: Path) -> None:
    rows = [f"{n},tea number {n}" for n in range(1, 6)]
    export = Export("table", None, TABLE | {"format": "csv"})
    posts, refused = read(export, tmp_path, bytes(40) + "\n".join(["id,text", *rows]).encode())
    assert (posts.height, refused) == (5, [])
    rows[2] = rows[2][:5] + "\0" * 40 + rows[2][5:]
    posts, refused = read(export, tmp_path, "\n".join(["id,text", *rows]).encode())
    assert posts["source_row"].to_list() == [2, 3, 5, 6]
    assert refused == [(4, "malformed_csv")]


@pytest.mark.parametrize("spoilt", [b'{{"name": "Ada"', b'{"name" "Ada"', b'{"name": "Ada'])
def test_a_fault_in_the_header_of_a_chat_costs_that_chat(spoilt: bytes, tmp_path: Path) -> None:
    data = make_account(
        ("Tea", "public_channel"), ("Ada", "personal_chat"), ("Cake", "public_channel")
    )
    posts, refused = read(EXPORTS[0], tmp_path, data.replace(b'{"name": "Ada"', spoilt))
    public = posts.filter(pl.col("withdrawn").is_null())
    names = ("Tea", "Cake")
    assert public["text"].to_list() == [
        f"tea {n}. of {name}" for name in names for n in range(COUNT)
    ]
    assert [reason for _, reason in refused] == ["malformed_json"]
