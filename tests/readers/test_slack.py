"""The exports of Slack workspaces."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus.plan.detect_format import list_inputs, rank_readers
from corpus.readers import slack
from corpus.readers.contract import Batch

USERS = [{"id": "U1", "name": "ada"}, {"id": "U2", "name": "bob.lee"}, {"id": "U9", "is_bot": True}]
CHANNELS = [{"id": "C1", "name": "tea", "members": ["U1"]}, {"id": "C2", "name": "cake"}]
FIRST = "1706659200.000100"
MESSAGE = {"type": "message", "user": "U1", "text": "tea", "ts": FIRST}


def write(folder: Path, days: dict[str, Any], **lists: Any) -> str:
    """Write an export, a zip with these files of days and lists."""
    path = folder / "workspace.zip"
    files: dict[str, Any] = {"users": USERS, "channels": CHANNELS, **lists}
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in files.items():
            archive.writestr(f"{name}.json", json.dumps(value))
        for name, value in days.items():
            archive.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return str(path)


def read(path: str, part_posts: int = 100, **settings: Any) -> list[Batch]:
    return list(slack.read(path, slack.Config(path=path, **settings), part_posts))


def one(folder: Path, **changes: Any) -> Batch:
    message = {**MESSAGE, **changes}
    (found,) = read(write(folder, {"tea/2024-01-31.json": [message]}))
    return found


def test_a_message_has_its_author_channel_and_time(tmp_path: Path) -> None:
    found = one(tmp_path, reactions=[{"name": "cup", "count": 2}, {"name": "x", "count": 1}])
    (row,) = found.posts.rows(named=True)
    assert row["id"] == f"slack:C1/{FIRST}"
    assert (row["author"], row["author_name"], row["community"]) == ("U1", "ada", "tea")
    assert row["created_at"] == datetime(2024, 1, 31, 0, 0, 0, 100, tzinfo=UTC)
    assert (row["kind"], row["score"], row["bot"]) == ("post", 3, None)


def test_replies_have_the_message_that_began_their_thread(tmp_path: Path) -> None:
    second = "1706745600.000200"
    root = {**MESSAGE, "thread_ts": FIRST, "reply_count": 1}
    reply = {**MESSAGE, "ts": second, "thread_ts": FIRST, "subtype": "thread_broadcast"}
    path = write(tmp_path, {"tea/2024-01-31.json": [root], "tea/2024-02-01.json": [reply]})
    (found,) = read(path)
    assert found.posts.select("id", "kind", "parent_id", "root_id", "replies").rows() == [
        (f"slack:C1/{FIRST}", "post", None, None, 1),
        (f"slack:C1/{second}", "reply", f"slack:C1/{FIRST}", f"slack:C1/{FIRST}", None),
    ]


def test_tokens_become_what_slack_shows(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        text="<@U2> and <@U7|eve>: see <#C2>, <https://a.example/b|the page>, "
        "<https://a.example> &amp;lt; &lt;3 <!here> <mailto:a@b.example|a@b.example>",
    )
    (row,) = found.posts.rows(named=True)
    assert row["text"] == (
        "@bob.lee and @eve: see #cake, the page, https://a.example &lt; <3 @here a@b.example"
    )
    assert row["mentions"] == "bob.lee=U2 eve=U7"


def test_code_is_fenced_on_lines_of_its_own(tmp_path: Path) -> None:
    found = one(tmp_path, text="run ```a &lt; b\nc``` now")
    assert found.posts["text"].to_list() == ["run \n```\na < b\nc\n```\n now"]


def test_notices_are_skipped_and_bots_are_marked(tmp_path: Path) -> None:
    rows = [
        {**MESSAGE, "subtype": "channel_join"},
        {**MESSAGE, "subtype": "channel_topic"},
        {**MESSAGE, "subtype": "bot_message", "user": None, "bot_id": "B1"},
        {**MESSAGE, "user": "U9"},
        {**MESSAGE, "text": "", "files": [{"id": "F1"}]},
        {**MESSAGE, "text": "", "attachments": [{"text": "quoted"}]},
        {**MESSAGE, "ts": None},
    ]
    (found,) = read(write(tmp_path, {"tea/2024-01-31.json": rows}))
    assert found.posts.select("author", "bot").rows() == [("B1", True), ("U9", True)]
    assert found.skipped == {"service": 2, "no_words": 1, "embed": 1}
    assert found.refused.select("source_row", "reason").rows() == [(7, "no_id")]


def test_deleted_messages_withdraw_every_copy(tmp_path: Path) -> None:
    rows = [
        {**MESSAGE, "subtype": "tombstone", "text": "This message was deleted."},
        {"type": "message", "subtype": "message_deleted", "ts": "1.000001", "deleted_ts": FIRST},
    ]
    (found,) = read(write(tmp_path, {"tea/2024-01-31.json": rows}))
    assert found.posts.select("id", "text", "withdrawn").rows() == [
        (f"slack:C1/{FIRST}", "", "deleted")
    ]
    assert found.tombstones.select("value", "reason").rows() == [
        (f"slack:C1/{FIRST}", "deleted_later")
    ]


def test_an_edited_message_supersedes_its_earlier_versions(tmp_path: Path) -> None:
    edited = {**MESSAGE, "edited": {"user": "U1", "ts": "1706659300.000000"}}
    changed = {"type": "message", "subtype": "message_changed", "ts": "9.000001", "message": edited}
    for row in (edited, changed):
        (found,) = read(write(tmp_path, {"tea/2024-01-31.json": [row]}))
        assert found.posts["seen_at"].to_list() == [1_706_659_300_000_000]
        assert found.tombstones.rows() == [
            ("id", f"slack:C1/{FIRST}", "superseded", 1_706_659_300_000_000)
        ]


def test_private_conversations_need_consent(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "tea/2024-01-31.json": [MESSAGE],
            "board/2024-01-31.json": [MESSAGE],
            "D1/2024-01-31.json": [MESSAGE],
            "mpdm-ada--bob.lee-1/2024-01-31.json": [MESSAGE],
            "hidden/2024-01-31.json": [MESSAGE],
            "unlisted/2024-01-31.json": [MESSAGE],
        },
        channels=[*CHANNELS, {"id": "C3", "name": "hidden", "is_private": True}],
        groups=[{"id": "G1", "name": "board"}],
        dms=[{"id": "D1", "members": ["U1", "U2"]}],
        mpims=[{"id": "G2", "name": "mpdm-ada--bob.lee-1"}],
    )
    (found,) = read(path)
    public = found.posts.filter(found.posts["withdrawn"].is_null())
    assert public["id"].to_list() == [f"slack:C1/{FIRST}"]
    private = found.posts.filter(found.posts["withdrawn"] == "private")
    assert private.height == 5
    assert set(private["text"]) == {""} and private["author"].null_count() == 5
    assert not private["id"].str.contains("ada|board|hidden").any()
    (consented,) = read(path, consented=True)
    assert consented.posts["withdrawn"].null_count() == consented.posts.height == 6
    assert not consented.posts["community"].str.contains("ada").any()


def test_a_folder_is_read_like_its_zip_and_both_are_recognised(tmp_path: Path) -> None:
    path = write(tmp_path, {"tea/2024-01-31.json": [MESSAGE], "tea/2024-02-01.json": b"{"})
    folder = tmp_path / "export"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    assert rank_readers(path)[0] == rank_readers(str(folder))[0] == ("slack", 1.0)
    assert list_inputs("slack", str(folder)) == [str(folder)]
    for each in (path, str(folder)):
        (found,) = read(each)
        assert found.posts["text"].to_list() == ["tea"]
        assert found.refused["reason"].to_list() == ["truncated_stream"]


def test_a_read_resumes_at_every_batch(tmp_path: Path) -> None:
    rows = [{**MESSAGE, "ts": f"170665920{number}.000100"} for number in range(3)]
    path = write(tmp_path, {"tea/2024-01-31.json": rows})
    parts = read(path, part_posts=1)
    (rest,) = slack.read(path, slack.Config(path=path), 100, parts[0].cursor)
    assert rest.posts["source_row"].to_list() == [2, 3]
