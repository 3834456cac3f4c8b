"""DiscordChatExporter's JSON."""

from __future__ import annotations

import bz2
import json
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from corpus.plan import detect_format
from corpus.readers import discord
from corpus.readers.contract import Batch, Sample

ADA = {"id": "5", "name": "ada", "nickname": "Ada Lee", "isBot": False}
MESSAGE: dict[str, Any] = {
    "id": "400000000000000004",
    "type": "Default",
    "timestamp": "2022-05-01T14:00:00.5+02:00",
    "content": "tea & **cake**",
    "author": ADA,
    "reactions": [],
    "mentions": [],
}
GUILD = {"id": "1", "name": "Tea", "iconUrl": ""}
CHANNEL = {"id": "2", "type": "GuildTextChat", "category": "x", "name": "general"}


def export(*messages: Any, **changes: Any) -> dict[str, Any]:
    document = {"guild": GUILD, "channel": CHANNEL, "dateRange": {"after": None}} | changes
    return {**document, "messages": list(messages), "messageCount": len(messages)}


def write(folder: Path, document: Any, name: str = "tea.json") -> str:
    path = folder / name
    path.write_bytes(
        document if isinstance(document, bytes) else json.dumps(document, indent=2).encode()
    )
    return str(path)


def batches(path: str, part_posts: int = 1000, **settings: Any) -> list[Batch]:
    return list(discord.read(path, discord.Config(path=path, **settings), part_posts))


def batch(folder: Path, document: Any, **settings: Any) -> Batch:
    (found,) = batches(write(folder, document), **settings)
    return found


def post(folder: Path, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    message = {key: value for key, value in {**MESSAGE, **changes}.items() if value is not ...}
    found = batch(folder, export(message), **(settings or {}))
    assert (1, 0) == (found.posts.height, found.refused.height)
    return found.posts.row(0, named=True)


def refusals(found: Batch) -> list[str]:
    return found.refused["reason"].to_list()


@pytest.mark.parametrize(
    "poll",
    [
        {
            "question": {"text": "tea?"},
            "answers": [{"poll_media": {"text": "yes"}}, {"text": "no"}],
        },
        {"question": "tea?", "answers": [{"answer": {"text": "yes"}}, {"text": "no"}]},
    ],
)
def test_a_poll_s_question_and_answers_are_the_text(tmp_path: Path, poll: Any) -> None:
    assert post(tmp_path, content="", poll=poll)["text"] == "tea?\n- yes\n- no"
    assert post(tmp_path, content="hello", poll=poll)["text"] == "hello\n\ntea?\n- yes\n- no"


def test_embeds_with_words_are_counted(tmp_path: Path) -> None:
    embeds = [{"title": "A page"}, {"description": "of a bot"}, {"url": "x"}, {"fields": [{}]}]
    found = batch(tmp_path, export({**MESSAGE, "embeds": embeds}))
    assert found.posts["text"].to_list() == ["tea & **cake**"]
    assert found.skipped == {"embed": 3}


def test_a_message_becomes_a_post(tmp_path: Path) -> None:
    row = post(tmp_path)
    created = row.pop("created_at")
    assert 1_651_406_400.5 == created.timestamp()
    assert {
        "id": "discord:400000000000000004",
        "platform": "discord",
        "kind": "post",
        "author": "5",
        "author_name": "ada",
        "community": "Tea",
        "text": "tea & **cake**",
        "score": 0,
        "bot": False,
        "source_file": str(tmp_path / "tea.json"),
        "source_row": 1,
    } == {key: value for key, value in row.items() if value is not None}


THERE = {"messageId": "3", "channelId": "2", "guildId": "1"}


@pytest.mark.parametrize(
    ("changes", "kind", "parent"),
    [
        ({"type": 0}, "post", None),
        ({"type": "Reply", "reference": THERE}, "reply", "discord:3"),
        ({"type": 19, "reference": {"messageId": 3}}, "reply", "discord:3"),
        ({"type": "Reply", "reference": None}, "reply", None),
        ({"type": "Reply", "reference": {"messageId": 3.0}}, "reply", None),
        ({"reference": THERE}, "reply", "discord:3"),
        ({"reference": {**THERE, "guildId": None}}, "reply", "discord:3"),
        ({"reference": {**THERE, "guildId": "9"}}, "repost", "discord:3"),
        ({"reference": {"messageId": None}}, "post", None),
        ({"reference": THERE, "forwardedMessage": {"content": "x"}}, "repost", "discord:3"),
    ],
)
def test_replies_forwards_and_followed_announcements_are_distinguished(
    tmp_path: Path, changes: dict[str, Any], kind: str, parent: str | None
) -> None:
    row = post(tmp_path, **changes)
    assert (kind, parent, None) == (row["kind"], row["parent_id"], row["root_id"])


def test_a_forward_has_the_text_of_its_original(tmp_path: Path) -> None:
    assert "x" == post(tmp_path, content="", forwardedMessage={"content": "x"})["text"]
    assert "y" == post(tmp_path, content="y", forwardedMessage={"content": "x"})["text"]
    assert "" == post(tmp_path, content="")["text"]


BOB = {"id": "6", "name": "bob", "nickname": "Bob"}
ANN = {"id": "7", "name": "u", "nickname": "Ann"}
ANN_LEE = {"id": "8", "name": "ann.lee", "nickname": "Ann Lee (she)"}


@pytest.mark.parametrize(
    ("content", "mentions", "expected"),
    [
        ("hi @Bob!", [BOB], "hi @user!"),
        ("hi @bob, Bob", [BOB], "hi @user, Bob"),
        ("hi @Bob", [], "hi @Bob"),
        ("hi @Ann Lee (she) and @Ann", [ANN, ANN_LEE], "hi @user and @user"),
        ("@Ann\u3055\u3093 @u", [ANN], "@user\u3055\u3093 @user"),
        ("<@6> <@!7> <@&8> <#9>", [], "@user @user <@&8> <#9>"),
        ("@everyone @Tea", [{"id": "9", "name": "", "nickname": None}], "@everyone @Tea"),
    ],
)
def test_mentioned_names_are_masked_by_default(
    tmp_path: Path, content: str, mentions: list[Any], expected: str
) -> None:
    assert expected == post(tmp_path, content=content, mentions=mentions)["text"]
    plain = post(tmp_path, {"mask_mentions": False}, content=content, mentions=mentions)
    assert content == plain["text"]


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ({"id": 5, "name": "ada"}, ("5", None, None)),
        ({"id": 5.5e17, "name": "ada", "isBot": True}, ("ada", True, None)),
        ({"name": None}, (None, None, None)),
        (None, (None, None, None)),
        ({"id": "456226577798135808", "name": "Deleted User"}, (None, None, "deleted")),
        ({"id": "5", "name": "Deleted User 1a2b3c4d", "isBot": False}, (None, False, "deleted")),
        ({"id": "5", "name": "deleted_user_0f1e2d3c"}, (None, None, "deleted")),
        ({"id": "5", "name": "Deleted Users"}, ("5", None, None)),
    ],
)
def test_the_author_is_an_id_and_a_deleted_account_withdraws_its_posts(
    tmp_path: Path, author: Any, expected: tuple[Any, ...]
) -> None:
    row = post(tmp_path, author=author)
    assert expected == (row["author"], row["bot"], row["withdrawn"])


def test_reactions_are_counted(tmp_path: Path) -> None:
    assert 5 == post(tmp_path, reactions=[{"count": 3}, {"count": 2, "emoji": {}}])["score"]
    assert post(tmp_path, reactions=...)["score"] is None


KINDS = ["RecipientAdd", "ChannelPinnedMessage", "GuildMemberJoin", "ThreadCreated", 7, None, ...]


@pytest.mark.parametrize("kind", KINDS)
def test_notices_of_the_service_are_skipped(tmp_path: Path, kind: Any) -> None:
    message = {key: value for key, value in {**MESSAGE, "type": kind}.items() if value is not ...}
    found = batch(tmp_path, export(message))
    assert ({"service": 1}, 0, 0) == (found.skipped, found.posts.height, found.refused.height)


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": {"id": "2", "type": "DirectTextChat", "name": "Bob"}},
        {"channel": {"id": "2", "type": "DirectGroupTextChat"}},
        {"channel": {"id": "2", "type": "GuildPrivateThread"}},
        {"channel": {"id": "2", "type": 1}},
        {"channel": {"id": "2"}},
        {"channel": None},
        {"channel": "x"},
        {"guild": {"id": "0", "name": "Direct Messages"}},
        {"guild": {"name": "Tea"}},
        {"guild": []},
    ],
)
def test_nothing_of_a_private_channel_is_kept(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = batch(tmp_path, export(MESSAGE, {**MESSAGE, "type": 7}, **changes))
    row = {key: value for key, value in found.posts.row(0, named=True).items() if value is not None}
    assert {
        "id": "discord:400000000000000004",
        "platform": "discord",
        "kind": "post",
        "text": "",
        "withdrawn": "private",
        "source_file": str(tmp_path / "tea.json"),
        "source_row": 1,
    } == row
    assert {"service": 1} == found.skipped


def test_private_channels_are_read_if_configured(tmp_path: Path) -> None:
    document = export(MESSAGE, channel={"id": "2", "type": "DirectTextChat"})
    found = batch(tmp_path, document, private=True)
    assert [("tea & **cake**", None)] == found.posts.select("text", "withdrawn").rows()


def test_a_header_after_the_messages_is_read_first(tmp_path: Path) -> None:
    document = dict(reversed(export(MESSAGE, channel={"type": "DirectTextChat"}).items()))
    assert ["private"] == batch(tmp_path, document).posts["withdrawn"].to_list()
    document = dict(reversed(export(MESSAGE).items()))
    assert ["Tea"] == batch(tmp_path, document).posts["community"].to_list()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({**MESSAGE, "id": 4e17}, "no_id"),
        ({**MESSAGE, "id": "4e17"}, "no_id"),
        ({**MESSAGE, "id": None}, "no_id"),
        ({**MESSAGE, "content": None}, "no_text"),
        ({**MESSAGE, "content": 5}, "wrong_type"),
        ({**MESSAGE, "mentions": {}}, "wrong_type"),
        ({**MESSAGE, "author": "ada"}, "wrong_type"),
        (["tea"], "wrong_type"),
        (5, "wrong_type"),
    ],
)
def test_a_malformed_message_is_refused_and_the_others_are_read(
    tmp_path: Path, message: Any, reason: str
) -> None:
    found = batch(tmp_path, export({**MESSAGE, "id": "1"}, message, {**MESSAGE, "id": "3"}))
    assert ["discord:1", "discord:3"] == found.posts["id"].to_list()
    assert [(str(tmp_path / "tea.json"), 2, reason)] == found.refused.rows()


def test_an_integer_id_equals_its_digits_and_text_is_repaired(tmp_path: Path) -> None:
    row = post(tmp_path, id=400000000000000005, content="\ud83d!")
    assert ("discord:400000000000000005", "\ufffd!") == (row["id"], row["text"])


@pytest.mark.parametrize(
    ("declared", "reasons"),
    [(2, []), (3, ["fewer_messages_than_declared"]), (1, []), ("3", []), (None, []), (2.5, [])],
)
def test_a_file_with_fewer_messages_than_declared_is_refused(
    tmp_path: Path, declared: Any, reasons: list[str]
) -> None:
    document = {**export(MESSAGE, {**MESSAGE, "id": "5"}), "messageCount": declared}
    assert reasons == refusals(batch(tmp_path, document))


def test_missing_messages_are_not_refused_twice(tmp_path: Path) -> None:
    spoilt = {**MESSAGE, "content": "x" * (2 << 20)}
    document = export(spoilt, {**MESSAGE, "id": "5"})
    assert ["line_too_long"] == refusals(batch(tmp_path, document, max_line_mb=1))
    text = json.dumps(export(MESSAGE, MESSAGE)).encode()
    assert ["truncated_stream"] == refusals(batch(tmp_path, text[:-30]))


@pytest.mark.parametrize(
    ("document", "reasons"),
    [
        (b"", ["truncated_stream"]),
        (b'{"guild": {}}', ["no_messages"]),
        (b"[]", ["wrong_type"]),
        (b'{"messages": []}', []),
        (b"\x89PNG\0", ["not_text"]),
    ],
)
def test_a_file_without_messages_is_refused_with_its_reason(
    tmp_path: Path, document: bytes, reasons: list[str]
) -> None:
    found = batch(tmp_path, document)
    assert (0, reasons) == (found.posts.height, refusals(found))


def test_an_archive_of_channels_is_read_channel_by_channel_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "tea.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(3):
            messages = [{**MESSAGE, "id": f"{number}{n}"} for n in range(1, 4)]
            kind = "DirectTextChat" if number == 1 else "GuildTextChat"
            content = json.dumps(export(*messages, channel={"type": kind})).encode()
            entry = tarfile.TarInfo(f"Tea - {number}.json.bz2")
            packed = bz2.compress(content)
            entry.size = len(packed)
            archive.addfile(entry, BytesIO(packed))
    whole = batches(str(path), 2)
    ids = [name for one in whole for name in one.posts["id"].to_list()]
    assert [f"discord:{name}" for name in (1, 2, 3, 11, 12, 13, 21, 22, 23)] == [
        name.replace(":0", ":") for name in ids
    ]
    gone = [reason for one in whole for reason in one.posts["withdrawn"].to_list()]
    assert [None] * 3 + ["private"] * 3 + [None] * 3 == gone
    assert f"{path}!Tea - 2.json.bz2" == whole[-1].posts["source_file"].to_list()[-1]
    config = discord.Config(path=str(path))
    for number, one in enumerate(whole[:-1]):
        rest = list(discord.read(str(path), config, 2, one.cursor))
        assert [b.posts.rows() for b in whole[number + 1 :]] == [b.posts.rows() for b in rest]


def test_its_own_documents_are_detected() -> None:
    def fits(document: Any) -> float:
        return discord.fits(Sample("x.json", (), json.dumps(document, indent=2).encode()))

    assert 1.0 == fits(export(MESSAGE))
    assert 0.0 == fits({"guild": {"id": "1"}})
    assert 0.0 == fits({"messages": [], "guild": {}, "channel": {}})
    assert 0.0 == fits([export(MESSAGE)])


# --------------------------------------------------------------------------- data package

WORDS = {"ID": 41, "Timestamp": "2022-05-01 12:00:00", "Contents": "tea <@55>", "Attachments": ""}
PACKAGE: dict[str, Any] = {
    "account/user.json": {"id": "5", "username": "ada", "email": "ada@mail.example"},
    "messages/index.json": {"7": "general in Tea", "8": "Direct Message with eve"},
    "messages/c7/channel.json": {"id": "7", "type": 0, "name": "general", "guild": GUILD},
    "messages/c7/messages.json": [WORDS, {**WORDS, "ID": 4.1e17}, {**WORDS, "Contents": None}],
    "messages/c8/channel.json": {"id": "8", "type": "DM", "recipients": ["5", "6"]},
    "messages/c8/messages.json": [{**WORDS, "ID": "42"}],
    "messages/c9/channel.json": {"id": "9", "type": "GUILD_TEXT", "guild": GUILD},
    "messages/c9/messages.csv": b"ID,Timestamp,Contents,Attachments\n"
    b'43,2022-05-01 12:00:00.5+00:00,"more\ntea",\n'
    b"44,x\n",
    "activity/analytics/events.json": b"{",
}


def package(folder: Path, files: dict[str, Any], **settings: Any) -> Batch:
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            archive.writestr(name, data)
    (found,) = batches(str(path), **settings)
    return found


@pytest.mark.parametrize("inside", ["", "package/"])
def test_a_data_package_is_read_with_its_owner_s_consent(tmp_path: Path, inside: str) -> None:
    files = {inside + name: content for name, content in PACKAGE.items()}
    found = package(tmp_path, files, consented=True)
    columns = ("id", "author", "community", "text", "withdrawn")
    assert found.posts.select(columns).rows() == [
        ("discord:41", "5", "Tea", "tea @user", None),
        ("discord:42", None, None, "", "private"),
        ("discord:43", "5", "Tea", "more\ntea", None),
    ]
    assert found.posts["created_at"].dt.epoch("ms").to_list() == [
        1_651_406_400_000,
        None,
        1_651_406_400_500,
    ]
    assert refusals(found) == ["no_id", "no_text", "wrong_field_count"]
    assert discord.fits(Sample("package.zip", tuple(files), b"")) == 1


def test_an_unpacked_data_package_is_read_like_the_zip(tmp_path: Path) -> None:
    for name, content in PACKAGE.items():
        file = tmp_path / "package" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    folder = str(tmp_path / "package")
    assert detect_format.rank_readers(folder) == [("discord", 1.0)]
    assert detect_format.list_inputs("discord", folder) == [folder]
    (found,) = batches(folder, consented=True)
    zipped = package(tmp_path, PACKAGE, consented=True)
    without_file = pl.exclude("source_file")
    assert found.posts.select(without_file).equals(zipped.posts.select(without_file))
    assert refusals(found) == refusals(zipped)
    assert found.posts["source_file"].unique(maintain_order=True).to_list() == [
        f"{folder}/messages/{name}"
        for name in ("c7/messages.json", "c8/messages.json", "c9/messages.csv")
    ]


def test_exports_of_channels_in_folders_are_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "Tea").mkdir()
    paths = [write(tmp_path, export(MESSAGE)), write(tmp_path / "Tea", export(MESSAGE))]
    assert detect_format.list_inputs("discord", str(tmp_path)) == sorted(paths)


def test_without_consent_nothing_of_a_data_package_is_read(tmp_path: Path) -> None:
    found = package(tmp_path, PACKAGE).posts
    assert set(found["text"]) == {""} and set(found["withdrawn"]) == {"private"}
    assert found["author"].null_count() == found["community"].null_count() == found.height
    found = package(tmp_path, PACKAGE, consented=True, private=True).posts
    assert found["withdrawn"].null_count() == found.height


def test_a_channel_that_cannot_be_read_may_be_private(tmp_path: Path) -> None:
    files = {**PACKAGE, "messages/c7/channel.json": b"{"}
    found = package(tmp_path, files, consented=True)
    assert found.posts["withdrawn"].to_list()[:1] == ["private"]
    assert refusals(found)[0] == "malformed_json"
