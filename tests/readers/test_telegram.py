"""Telegram Desktop's exports."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.readers import telegram
from corpus.readers.contract import Batch, Sample

MESSAGE: dict[str, Any] = {
    "id": 7,
    "type": "message",
    "date": "2022-05-01T14:00:00",
    "date_unixtime": "1651406400",
    "from": "Ada",
    "from_id": "user12",
    "text": "tea & <cake>",
    "text_entities": [{"type": "plain", "text": "tea & <cake>"}],
}
CHAT: dict[str, Any] = {"name": "Tea", "type": "public_supergroup", "id": 55}
SERVICE = {"id": 1, "type": "service", "actor": "Ada", "action": "create_group", "text": ""}


def chat(*messages: Any, **changes: Any) -> dict[str, Any]:
    return {**CHAT, **changes, "messages": list(messages)}


def write(folder: Path, document: Any, name: str = "result.json") -> str:
    path = folder / name
    path.write_bytes(
        document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
    )
    return str(path)


def batches(path: str, part_posts: int = 1000, **settings: Any) -> list[Batch]:
    return list(telegram.read(path, telegram.Config(path=path, **settings), part_posts))


def batch(folder: Path, document: Any, **settings: Any) -> Batch:
    (found,) = batches(write(folder, document), **settings)
    return found


def post(folder: Path, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The one message of a chat, with ``changes``; a change to ... takes the key away."""
    message = {key: value for key, value in {**MESSAGE, **changes}.items() if value is not ...}
    posts = batch(folder, chat(message), **(settings or {})).posts
    assert posts.height == 1
    return posts.row(0, named=True)


def refusals(found: Batch) -> list[str]:
    return found.refused["reason"].to_list()


def test_a_message_of_a_public_chat_becomes_a_post(tmp_path: Path) -> None:
    row = post(tmp_path)
    created = row.pop("created_at")
    assert 1_651_406_400 == created.timestamp()
    assert {
        "id": "telegram:55/7",
        "platform": "telegram",
        "kind": "post",
        "author": "user12",
        "community": "Tea",
        "text": "tea & <cake>",
        "source_file": str(tmp_path / "result.json"),
        "source_row": 1,
    } == {key: value for key, value in row.items() if value is not None}


def test_a_poll_s_question_and_answers_are_the_text(tmp_path: Path) -> None:
    answers = [{"text": "north hide", "voters": 2}, {"text": ["south ", {"text": "hide"}]}]
    poll = {"question": "Which hide?", "closed": False, "answers": answers}
    row = post(tmp_path, text="", text_entities=[], poll=poll)
    assert row["text"] == "Which hide?\n- north hide\n- south hide"
    entity = [{"type": "plain", "text": "Which "}, {"type": "bold", "text": "hide?"}]
    row = post(tmp_path, poll={"question": entity, "answers": answers[:1]})
    assert row["text"] == "tea & <cake>\n\nWhich hide?\n- north hide"


def test_cards_are_counted_and_not_read(tmp_path: Path) -> None:
    card = {"first_name": "Eve", "phone_number": "00123"}
    place = {"latitude": 1.0, "longitude": 2.0}
    row = {**MESSAGE, "contact_information": card, "location_information": place}
    found = batch(tmp_path, chat(row))
    assert found.posts["text"].to_list() == ["tea & <cake>"]
    assert found.skipped == {"card": 2}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text_entities": ..., "text": "tea"}, "tea"),
        ({"text_entities": ..., "text": ["a ", {"type": "link", "text": "b.c"}, " d"]}, "a b.c d"),
        ({"text_entities": ..., "text": []}, ""),
        ({"text_entities": [], "text": ""}, ""),
        ({"text_entities": [], "text": ...}, ""),
        ({"text_entities": [{"type": "bold", "text": "x"}, {"text": "y"}], "text": "z"}, "xy"),
        ({"text_entities": [{"type": "plain", "text": "\ud83d"}]}, "\ufffd"),
        ({"photo": "photos/1.jpg", "text": "a caption", "text_entities": []}, "a caption"),
    ],
)
def test_text_is_joined_from_its_pieces(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    assert expected == post(tmp_path, **changes)["text"]


def test_a_mentioned_person_s_name_is_masked_by_default(tmp_path: Path) -> None:
    pieces = [{"type": "mention_name", "text": "Ada Lee", "user_id": 3}, " and ", "@tea"]
    changes: dict[str, Any] = {"text_entities": ..., "text": pieces}
    assert "@user and @tea" == post(tmp_path, **changes)["text"]
    assert "Ada Lee and @tea" == post(tmp_path, {"mask_mentions": False}, **changes)["text"]


@pytest.mark.parametrize(
    ("changes", "kind", "parent"),
    [
        ({}, "post", None),
        ({"reply_to_message_id": 3}, "reply", "telegram:55/3"),
        ({"reply_to_message_id": 3, "reply_to_peer_id": "channel9"}, "reply", "telegram:9/3"),
        ({"reply_to_message_id": 3, "reply_to_peer_id": "?"}, "reply", None),
        ({"reply_to_message_id": 3.0}, "reply", None),
        ({"forwarded_from": "Bob"}, "repost", None),
        ({"forwarded_from": None}, "repost", None),
        ({"forwarded_from": "Bob", "reply_to_message_id": 3}, "repost", None),
    ],
)
def test_replies_and_forwards_are_distinguished(
    tmp_path: Path, changes: dict[str, Any], kind: str, parent: str | None
) -> None:
    row = post(tmp_path, **changes)
    assert (kind, parent, None) == (row["kind"], row["parent_id"], row["root_id"])


@pytest.mark.parametrize(
    ("changes", "offset", "expected"),
    [
        ({}, 120, 1_651_406_400),
        ({"date_unixtime": ...}, None, None),
        ({"date_unixtime": ...}, 0, 1_651_413_600),
        ({"date_unixtime": ...}, 120, 1_651_406_400),
        ({"date_unixtime": ...}, -60, 1_651_417_200),
        ({"date_unixtime": ..., "date": "2022-05-01T14:00:00+02:00"}, None, 1_651_406_400),
        ({"date_unixtime": ..., "date": "once"}, 0, None),
        ({"date_unixtime": ..., "date": ...}, 0, None),
    ],
)
def test_a_local_time_needs_the_exporters_zone(
    tmp_path: Path, changes: dict[str, Any], offset: int | None, expected: int | None
) -> None:
    created = post(tmp_path, {"utc_offset_minutes": offset}, **changes)["created_at"]
    assert expected == (created and created.timestamp())


@pytest.mark.parametrize(
    ("changes", "author", "withdrawn"),
    [
        ({}, "user12", None),
        ({"from_id": 12}, "user12", None),
        ({"from_id": "channel3"}, "channel3", None),
        ({"from_id": ...}, "Ada", None),
        ({"from_id": ..., "from": ...}, None, None),
        ({"from_id": 1.2e9}, "Ada", None),
        ({"from": None}, "user12", "deleted"),
        ({"from": ...}, "user12", None),
    ],
)
def test_the_author_is_an_id_and_a_deleted_account_withdraws_its_posts(
    tmp_path: Path, changes: dict[str, Any], author: str | None, withdrawn: str | None
) -> None:
    row = post(tmp_path, **changes)
    assert (author, withdrawn) == (row["author"], row["withdrawn"])


def test_reactions_are_counted_and_bots_are_marked(tmp_path: Path) -> None:
    reactions = [{"type": "emoji", "count": 3, "emoji": "x"}, {"type": "paid", "count": 2}]
    row = post(tmp_path, reactions=reactions, via_bot="@gif")
    assert (5, True) == (row["score"], row["bot"])
    row = post(tmp_path)
    assert (None, None) == (row["score"], row["bot"])
    assert 0 == post(tmp_path, reactions=[{"type": "emoji"}, {"count": -1}])["score"]


PRIVATE = ["personal_chat", "bot_chat", "saved_messages", "private_group", "private_supergroup"]


@pytest.mark.parametrize("kind", [*PRIVATE, "private_channel", "something_new", "", None, 5, ...])
def test_nothing_of_a_private_chat_is_kept(tmp_path: Path, kind: Any) -> None:
    document = chat(MESSAGE, SERVICE, {**MESSAGE, "id": 8.5}, type=kind, name="Bob", id=12)
    if kind is ...:
        del document["type"]
    found = batch(tmp_path, document)
    row = {key: value for key, value in found.posts.row(0, named=True).items() if value is not None}
    assert {
        "id": "telegram:private/1/7",
        "platform": "telegram",
        "kind": "post",
        "text": "",
        "withdrawn": "private",
        "source_file": str(tmp_path / "result.json"),
        "source_row": 1,
    } == row
    assert {"service": 1} == found.skipped
    assert ["no_id"] == refusals(found)


def test_a_private_type_of_chat_is_read_if_configured(tmp_path: Path) -> None:
    found = batch(tmp_path, chat(MESSAGE, type="private_group"), chats=["private_group"])
    assert [("telegram:55/7", None)] == found.posts.select("id", "withdrawn").rows()
    found = batch(tmp_path, chat(MESSAGE), chats=["private_group"])
    assert ["private"] == found.posts["withdrawn"].to_list()


EXPORT: dict[str, Any] = {
    "about": "Here is the data you requested. Remember: Telegram is ad free.",
    "personal_information": {"user_id": 1, "first_name": "Ada"},
    "contacts": {"list": [{"first_name": "Bob"}]},
    "chats": {
        "about": "This page lists all chats.",
        "list": [
            chat(MESSAGE, id=1, name="Tea"),
            chat(MESSAGE, id=2, name="Bob", type="personal_chat"),
            chat(id=3),
            chat(SERVICE, {**MESSAGE, "id": 8}, id=4, name=None, type="public_channel"),
        ],
    },
    "left_chats": {"about": "", "list": [chat(MESSAGE, id=5)]},
}
IN_EXPORT = [
    ("telegram:1/7", "Tea", None, 1),
    ("telegram:private/3/7", None, "private", 2),
    ("telegram:4/8", "4", None, 4),
    ("telegram:5/7", "Tea", None, 5),
]


def shown(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("id", "community", "withdrawn", "source_row").rows()


def test_each_chat_of_an_account_has_its_own_header(tmp_path: Path) -> None:
    found = batch(tmp_path, EXPORT)
    assert IN_EXPORT == shown(found.posts)
    assert ({"service": 1}, []) == (found.skipped, refusals(found))


def test_a_header_after_the_messages_is_read_first(tmp_path: Path) -> None:
    document = json.loads(json.dumps(EXPORT))
    for listed in (document["chats"], document["left_chats"]):
        listed["list"] = [dict(reversed(one.items())) for one in listed["list"]]
    assert list(document["chats"]["list"][0]) == ["messages", "id", "type", "name"]
    assert IN_EXPORT == shown(batch(tmp_path, document).posts)
    one = dict(reversed(chat(MESSAGE).items()))
    assert [("telegram:55/7", "Tea", None, 1)] == shown(batch(tmp_path, one).posts)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("indent", [None, 1])
def test_after_damage_a_listed_chat_counts_as_private(
    tmp_path: Path, backwards: bool, indent: int | None
) -> None:
    messages = [{**MESSAGE, "id": n} for n in (1, 2, 3)]
    listed = [chat(*messages), chat(*messages, id=56)]
    if backwards:
        listed = [dict(reversed(one.items())) for one in listed]
    text = json.dumps({"chats": {"list": listed}}, indent=indent)
    text = text.replace('"id": 2', '"id" 2', 1)
    posts = batch(tmp_path, text.encode()).posts
    first = ["telegram:private/2/1", "telegram:private/2/3"] if backwards else [
        "telegram:55/1", "telegram:private/2/3",
    ]  # fmt: skip
    assert [*first, "telegram:56/1", "telegram:56/2", "telegram:56/3"] == posts["id"].to_list()
    alone = json.dumps(chat(*messages), indent=indent).replace('"id": 2', '"id" 2')
    ids = batch(tmp_path, alone.encode()).posts["id"].to_list()
    assert ["telegram:55/1", "telegram:55/3"] == ids


def test_an_account_around_its_chats_does_not_name_them(tmp_path: Path) -> None:
    private = chat(MESSAGE, id=2, name="Bob", type="personal_chat")
    document = {"chats": {"list": [private]}, "type": "public_channel", "name": "x", "id": 9}
    assert ["private"] == batch(tmp_path, document).posts["withdrawn"].to_list()
    listed = {"messages": [MESSAGE]}
    document["chats"] = {"list": [listed]}
    assert ["private"] == batch(tmp_path, document).posts["withdrawn"].to_list()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({**MESSAGE, "id": 7.0}, "no_id"),
        ({**MESSAGE, "id": None}, "no_id"),
        ({**MESSAGE, "id": "x"}, "no_id"),
        ({**MESSAGE, "id": 10**5000}, "wrong_type"),
        ({**MESSAGE, "text": 5}, "wrong_type"),
        ({**MESSAGE, "text_entities": [{"type": "plain"}]}, "wrong_type"),
        ({**MESSAGE, "reactions": {}}, "wrong_type"),
        ({"id": 1, "type": "message"}, "no_text"),
        ([], "wrong_type"),
        ("tea", "wrong_type"),
        (None, "wrong_type"),
    ],
)
def test_a_malformed_message_is_refused_and_the_others_are_read(
    tmp_path: Path, message: Any, reason: str
) -> None:
    text = json.dumps(chat({**MESSAGE, "id": 1}, "HERE", {**MESSAGE, "id": 3}))
    spelled = "1" + "0" * 5000 if isinstance(message, dict) and message["id"] == 10**5000 else None
    if spelled:
        inner = json.dumps({**message, "id": 0}).replace('"id": 0', f'"id": {spelled}')
    else:
        inner = json.dumps(message)
    found = batch(tmp_path, text.replace('"HERE"', inner).encode())
    assert ["telegram:55/1", "telegram:55/3"] == found.posts["id"].to_list()
    assert [(str(tmp_path / "result.json"), 2, reason)] == found.refused.rows()


def test_a_chat_without_a_valid_id_has_no_posts(tmp_path: Path) -> None:
    for name in (1.5e9, None, "x"):
        assert ["no_id"] == refusals(batch(tmp_path, chat(MESSAGE, id=name)))


@pytest.mark.parametrize(
    ("document", "posts", "reasons"),
    [
        (b"", 0, ["truncated_stream"]),
        (b"{}", 0, ["no_messages"]),
        (b"[]", 0, ["wrong_type"]),
        (b'{"messages": {}}', 0, ["wrong_type"]),
        (b'{"messages": []}', 0, []),
        (b'{"chats": {"list": []}}', 0, []),
        (b"\x00\x01PNG", 0, ["not_text"]),
        (json.dumps(chat(MESSAGE, MESSAGE)).encode()[:-40], 1, ["truncated_stream"]),
        (gzip.compress(json.dumps(chat(MESSAGE)).encode()), 1, []),
        (b"\xef\xbb\xbf" + json.dumps(chat(MESSAGE)).encode(), 1, []),
    ],
)
def test_every_value_of_an_odd_file_is_counted(
    tmp_path: Path, document: bytes, posts: int, reasons: list[str]
) -> None:
    found = batch(tmp_path, document)
    assert (posts, reasons) == (found.posts.height, refusals(found))
    assert found.cursor is None


def test_an_archive_is_read_for_its_json_only(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ChatExport_1/photos/a.jpg", b"\xff\xd8\x00\x00")
        archive.writestr("ChatExport_1/result.json", json.dumps(chat(MESSAGE)))
        archive.writestr("ChatExport_2/result.json", json.dumps(chat(MESSAGE, id=56)))
    (found,) = batches(str(path))
    places = [f"{path}!ChatExport_{n}/result.json" for n in (1, 2)]
    rows = found.posts.select("id", "source_file", "source_row").rows()
    assert [("telegram:55/7", places[0], 1), ("telegram:56/7", places[1], 1)] == rows
    assert [] == refusals(found)


def test_reading_resumes_from_any_batch(tmp_path: Path) -> None:
    document = json.loads(json.dumps(EXPORT))
    document["chats"]["list"] = [dict(reversed(one.items())) for one in EXPORT["chats"]["list"]] * 3
    path = write(tmp_path, document)
    config = telegram.Config(path=path)
    whole = batches(path, 2)
    assert len(whole) > 4
    for number, one in enumerate(whole[:-1]):
        rest = list(telegram.read(path, config, 2, one.cursor))
        assert [b.posts.rows() for b in whole[number + 1 :]] == [b.posts.rows() for b in rest]
        assert [b.sha256 for b in whole[number + 1 :]] == [b.sha256 for b in rest]


def test_its_own_documents_are_detected() -> None:
    def fits(document: Any, name: str = "result.json", members: tuple[str, ...] = ()) -> float:
        return telegram.fits(Sample(name, members, json.dumps(document, indent=1).encode()))

    assert 1.0 == fits(chat(MESSAGE))
    assert 0.9 == fits(EXPORT)
    assert 0.8 == fits("", "export.zip", ("ChatExport_2022/result.json", "ChatExport_2022/a.jpg"))
    assert 0.0 == fits({"name": "x", "type": "tea", "messages": []})
    assert 0.0 == fits("", "export.zip", ("result.json",))
    assert 0.0 == fits([CHAT])


def test_a_conversation_is_named_by_its_number_and_not_after_the_person(tmp_path: Path) -> None:
    document = chat(MESSAGE, id=2, name="Rosa Finch", type="personal_chat")
    found = batch(tmp_path, document, chats=("personal_chat",))
    assert found.posts["community"].to_list() == ["user/user2"]


def test_a_message_in_a_topic_is_no_reply_to_its_beginning(tmp_path: Path) -> None:
    begin = {**SERVICE, "id": 2, "action": "topic_created", "title": "Cakes"}
    rows = [begin, {**MESSAGE, "id": 3, "reply_to_message_id": 2}]
    rows += [{**MESSAGE, "id": 4, "reply_to_message_id": 3}]
    found = batch(tmp_path, chat(*rows)).posts
    assert found.select("kind", "parent_id").rows() == [("post", None), ("reply", "telegram:55/3")]


# --------------------------------------------------------------------------- Telethon, Pyrogram

TELETHON: dict[str, Any] = {
    "_": "Message",
    "id": 7,
    "peer_id": {"_": "PeerChannel", "channel_id": 55},
    "date": "2022-05-01T12:00:00+00:00",
    "message": "tea & <cake>",
    "from_id": {"_": "PeerUser", "user_id": 12},
    "post": False,
    "entities": [],
    "reply_to": None,
    "fwd_from": None,
    "media": None,
    "action": None,
}
PYROGRAM: dict[str, Any] = {
    "_": "Message",
    "id": 7,
    "from_user": {"_": "User", "id": 12, "is_bot": False, "first_name": "Ada"},
    "chat": {"_": "Chat", "id": -10055, "type": "ChatType.SUPERGROUP", "title": "Tea"}
    | {"username": "tea_talk"},
    "date": "2022-05-01 14:00:00",
    "text": "tea & <cake>",
}


def rows(folder: Path, *messages: Any, **settings: Any) -> Batch:
    document = "\n".join(json.dumps(one) for one in messages).encode()
    (found,) = batches(write(folder, document, "rows.jsonl"), **settings)
    return found


def test_rows_of_telethon_and_pyrogram_are_the_same_post_as_in_an_export(tmp_path: Path) -> None:
    columns = ("id", "kind", "author", "created_at", "text")
    expected = batch(tmp_path, chat(MESSAGE)).posts.select(columns).rows()
    assert rows(tmp_path, TELETHON, consented=True).posts.select(columns).rows() == expected
    found = rows(tmp_path, PYROGRAM, utc_offset_minutes=120)
    assert found.posts.select(columns).rows() == expected
    assert found.posts["community"].to_list() == ["Tea"]
    assert rows(tmp_path, PYROGRAM).posts["created_at"].to_list() == [None]
    array = write(tmp_path, json.dumps([TELETHON], indent=1).encode(), "rows.json")
    (found,) = batches(array, consented=True)
    assert found.posts.select(columns).rows() == expected


@pytest.mark.parametrize(
    ("row", "settings", "is_read"),
    [
        (TELETHON, {}, False),
        (TELETHON, {"consented": True}, True),
        ({**TELETHON, "chat": {"username": "tea_talk"}}, {}, True),
        ({**TELETHON, "peer_id": {"user_id": 5}}, {"consented": True}, False),
        ({**TELETHON, "peer_id": {"user_id": 5}}, {"chats": ("personal_chat",)}, True),
        ({**TELETHON, "peer_id": {"chat_id": 5}}, {"consented": True}, False),
        (PYROGRAM, {}, True),
        (PYROGRAM, {"chats": ("public_channel",)}, False),
        ({**PYROGRAM, "chat": {**PYROGRAM["chat"], "username": None}}, {}, False),
        ({**PYROGRAM, "chat": {"id": 5, "type": "ChatType.PRIVATE"}}, {"consented": True}, False),
    ],
)
def test_a_row_is_read_if_its_chat_is_known_as_public_or_all_have_agreed(
    tmp_path: Path, row: dict[str, Any], settings: dict[str, Any], is_read: bool
) -> None:
    found = rows(tmp_path, row, **settings).posts
    assert found["withdrawn"].to_list() == [None if is_read else "private"]
    if not is_read:
        assert found.select("id", "author", "community", "text").rows() == [
            ("telegram:private/0/7", None, None, "")
        ]


def test_a_row_s_relations_polls_names_and_wishes_are_read(tmp_path: Path) -> None:
    base = {**TELETHON, "chat": {"username": "tea_talk"}}
    answers = [{"text": {"text": "black"}, "option": "0"}, {"text": "green"}]
    poll = {"poll": {"question": {"text": "which?"}, "answers": answers}}
    named = {"_": "MessageEntityMentionName", "offset": 3, "length": 3, "user_id": 9}
    found = rows(
        tmp_path,
        {**base, "reply_to": {"reply_to_msg_id": 5}},
        {**base, "reply_to": {"reply_to_msg_id": 5, "forum_topic": True}},
        {**base, "fwd_from": {"date": "x"}},
        {**base, "message": "", "media": poll},
        {**base, "message": "\U0001f600 Eve!", "entities": [named]},
        {**base, "noforwards": True},
        {**base, "post": True, "from_id": None},
        {"_": "MessageService", "id": 8, "action": {"_": "x"}},
        {"_": "MessageEmpty", "id": 9},
        {**base, "id": None},
    )
    columns = ("kind", "parent_id", "text", "withdrawn", "author")
    text = "tea & <cake>"
    assert found.posts.select(columns).rows() == [
        ("reply", "telegram:55/5", text, None, "user12"),
        ("post", None, text, None, "user12"),
        ("repost", None, text, None, "user12"),
        ("post", None, "which?\n- black\n- green", None, "user12"),
        ("post", None, "\U0001f600 @user!", None, "user12"),
        ("post", None, text, "opted_out", "user12"),
        ("post", None, text, None, "channel55"),
    ]
    assert found.skipped == {"service": 1, "empty": 1}
    assert refusals(found) == ["no_id"]


@pytest.mark.parametrize("key", sorted(TELETHON))
@pytest.mark.parametrize("wrong", [None, True, 3, "x", [], [1], {}, {"a": 1}])
def test_a_wrong_type_in_a_row_is_a_record_and_no_crash(
    tmp_path: Path, key: str, wrong: object
) -> None:
    found = rows(tmp_path, TELETHON, {**TELETHON, key: wrong}, consented=True)
    count = found.posts.height + found.refused.height + sum(found.skipped.values())
    assert count == 2


# --------------------------------------------------------------------------- HTML

PAGE = """<!DOCTYPE html><html><body><div class="page_wrap">
<div class="page_header"><div class="content"><div class="text bold">Tea</div></div></div>
<div class="page_body chat_page"><div class="history">
<div class="message service" id="message-1"><div class="body details">1 May 2022</div></div>
<div class="message default clearfix" id="message7"><div class="body">
<div class="pull_right date details" title="01.05.2022 14:00:00 UTC+02:00">14:00</div>
<div class="from_name">Ada via @cakebot</div>
<div class="text">tea &amp; <strong>cake</strong><br>for <a href="" onclick="return
 ShowMentionName()">Eve Lee</a></div></div></div>
<div class="message default clearfix joined" id="message8"><div class="body">
<div class="pull_right date details" title="01.05.2022 14:01:00">14:01</div>
<div class="reply_to details">In reply to <a href="#go_to_message7">this message</a></div>
<div class="media_wrap"><div class="media_poll"><div class="question bold">Which?</div>
<div class="details">Anonymous poll</div>
<div class="answer">- black <span class="details">2 votes</span></div>
<div class="answer">- green </div></div></div></div></div>
<div class="message default clearfix" id="message9"><div class="body">
<div class="from_name">Deleted Account</div>
<div class="forwarded body"><div class="from_name">Bob <span class="date details">x</span></div>
<div class="text">passed on</div></div></div></div>
</div></div></div></body></html>"""


def test_a_page_of_an_export_is_read_if_everybody_has_agreed(tmp_path: Path) -> None:
    path = write(tmp_path, PAGE.encode(), "messages.html")
    (found,) = batches(path, consented=True, utc_offset_minutes=120)
    chat_id = found.posts["id"][0].removesuffix("/7")
    columns = ("id", "kind", "author", "text", "parent_id", "bot", "withdrawn", "original_author")
    assert found.posts.select(columns).rows() == [
        (f"{chat_id}/7", "post", "Ada", "tea & cake\nfor @user", None, True, None, None),
        (
            *(f"{chat_id}/8", "reply", "Ada", "Which?\n- black\n- green"),
            *(f"{chat_id}/7", None, None, None),
        ),
        (
            *(f"{chat_id}/9", "repost", "Deleted Account", "passed on"),
            *(None, None, "deleted", "Bob"),
        ),
    ]
    assert found.posts["created_at"].dt.epoch("s").to_list() == [1651406400, 1651406460, None]
    assert set(found.posts["community"]) == {"Tea"}
    assert found.skipped == {"service": 1}
    assert 1 == telegram.fits(Sample("messages.html", (), PAGE.encode()))


@pytest.mark.parametrize(
    ("link", "is_reply"),
    [("messages2.html#go_to_message7", True), ("message3.html#message7", True), ("#poll", False)],
)
def test_a_reply_s_link_may_lead_to_another_page(tmp_path: Path, link: str, is_reply: bool) -> None:
    path = write(tmp_path, PAGE.replace("#go_to_message7", link).encode(), "messages.html")
    (found,) = batches(path, consented=True)
    first, parent = found.posts["id"][0], found.posts["parent_id"][1]
    assert (parent, found.posts["kind"][1]) == ((first, "reply") if is_reply else (None, "post"))


def test_without_consent_nothing_of_a_page_is_read(tmp_path: Path) -> None:
    (found,) = batches(write(tmp_path, PAGE.encode(), "messages.html"))
    assert found.posts["withdrawn"].to_list() == ["private"] * 3
    assert found.posts.select("text", "author", "community").unique().rows() == [("", None, None)]


def test_the_pages_of_an_archive_are_read_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ChatExport_2022-05-01/css/style.css", "x")
        archive.writestr("ChatExport_2022-05-01/messages.html", PAGE)
        archive.writestr(
            "ChatExport_2022-05-01/messages2.html", PAGE.replace("message7", "message70")
        )
        archive.writestr("ChatExport_2022-05-01/files/messages.html.txt", "x")
        archive.writestr("ChatExport_2022-05-01/files/page.html", PAGE)
    (found,) = batches(str(path), consented=True)
    assert found.posts.height == 6
    broken = write(tmp_path, b"\xff" + PAGE.encode(), "messages.html")
    (found,) = batches(broken, consented=True)
    assert refusals(found) == ["invalid_utf8"]
    nested = PAGE.replace("passed on", "<b>" * 9000)
    (found,) = batches(write(tmp_path, nested.encode(), "messages.html"), consented=True)
    assert (found.posts.height, refusals(found)) == (2, ["line_too_long"])
