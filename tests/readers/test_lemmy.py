"""Lemmy's posts and comments, as rows and as views."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import contract, lemmy
from corpus.readers.contract import Post, Refused, Sample, Skipped
from corpus.readers.lemmy import Config
from tests.conftest import write_lines

POST: dict[str, Any] = {
    "id": 24,
    "name": "Kettles &amp; pots",
    "url": "https://example.com/kettle.jpg",
    "body": "> quoted\n\nMine is *blue*.",
    "creator_id": 3,
    "community_id": 5,
    "removed": False,
    "deleted": False,
    "nsfw": False,
    "published": "2023-06-10T12:00:00.5",
    "ap_id": "https://lemmy.example/post/24",
    "local": True,
    "language_id": 37,
}
COMMENT: dict[str, Any] = {
    "id": 27,
    "creator_id": 4,
    "post_id": 24,
    "content": "So is mine.",
    "removed": False,
    "deleted": False,
    "published": "2023-06-10T12:00:01Z",
    "ap_id": "https://far.example/comment/9999",
    "local": False,
    "path": "0.26.27",
}
ADA = {"id": 3, "name": "ada", "actor_id": "https://lemmy.example/u/ada", "bot_account": False}
ROOM = {"id": 5, "name": "kettles", "actor_id": "https://lemmy.example/c/kettles", "nsfw": False}
VIEW: dict[str, Any] = {
    "post": POST,
    "creator": ADA,
    "community": ROOM,
    "counts": {"score": 12, "comments": 3},
}
REPLY: dict[str, Any] = {
    "comment": COMMENT,
    "post": POST,
    "creator": {**ADA, "id": 4, "actor_id": "https://far.example/u/bob", "bot_account": True},
    "community": ROOM,
    "counts": {"score": -1, "child_count": 0},
}


def decode(row: object, instance: str = "lemmy.example") -> contract.Record:
    (record,) = lemmy.make_decoder(instance)(json.dumps(row).encode())
    return record


def post(row: dict[str, Any], **changes: Any) -> Post:
    record = decode({**row, **changes})
    assert isinstance(record, Post)
    return record


def test_a_view_of_a_post_has_all_fields() -> None:
    assert Post(
        id="lemmy:lemmy.example/post/24",
        text="Kettles & pots\n\n> quoted\n\nMine is *blue*.",
        author="https://lemmy.example/u/ada",
        community="kettles@lemmy.example",
        created_at=1_686_398_400_500_000,
        root_id="lemmy:lemmy.example/post/24",
        score=12,
        replies=3,
        sensitive=False,
        bot=False,
        author_name="ada@lemmy.example",
    ) == post(VIEW)


def test_a_view_of_a_comment_names_its_parent_and_its_post() -> None:
    assert Post(
        id="lemmy:lemmy.example/comment/27",
        text="So is mine.",
        kind="reply",
        author="https://far.example/u/bob",
        community="kettles@lemmy.example",
        created_at=1_686_398_401_000_000,
        parent_id="lemmy:lemmy.example/comment/26",
        root_id="lemmy:lemmy.example/post/24",
        score=-1,
        replies=0,
        sensitive=False,
        bot=True,
        author_name="ada@far.example",
    ) == post(REPLY)


def test_bare_rows_make_the_same_ids_as_views() -> None:
    for view, row in ((VIEW, POST), (REPLY, COMMENT)):
        one, other = post(view), post(row)
        assert (one.id, one.parent_id, one.root_id, one.text) == (
            other.id, other.parent_id, other.root_id, other.text,
        )  # fmt: skip
    assert ("lemmy.example/person/3", "lemmy.example/community/5") == (
        post(POST).author, post(POST).community,
    )  # fmt: skip


def test_a_view_fills_in_what_its_comment_or_its_actors_lack() -> None:
    bare = {"id": 4, "name": "kettles"}
    row = {**REPLY, "comment": {**COMMENT, "post_id": None, "path": "0.27", "creator_id": None}}
    reply = post(row, creator=bare, community=bare)
    root = "lemmy:lemmy.example/post/24"
    assert (root, root, "lemmy.example/person/4", "kettles@lemmy.example") == (
        reply.parent_id, reply.root_id, reply.author, reply.community,
    )  # fmt: skip
    orphan = post(row, post=None)
    assert (None, None) == (orphan.parent_id, orphan.root_id)


@pytest.mark.parametrize(
    ("changes", "parent"),
    [
        ({"path": "0.27"}, "post/24"),
        ({"path": "0.1.2.3.27"}, "comment/3"),
        ({"path": "0.1.28"}, "post/24"),
        ({"path": "27"}, "post/24"),
        ({"path": "0.x.27"}, "post/24"),
        ({"path": None, "parent_id": 26}, "comment/26"),
        ({"path": None}, "post/24"),
    ],
)
def test_the_path_is_the_ancestry(changes: dict[str, Any], parent: str) -> None:
    assert f"lemmy:lemmy.example/{parent}" == post(COMMENT, **changes).parent_id


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**POST, "deleted": True}, "deleted"),
        ({**POST, "removed": True}, "removed"),
        ({**POST, "removed": True, "deleted": True, "name": None, "body": None}, "deleted"),
        ({**POST, "name": "*Permanently Deleted*"}, "deleted"),
        ({**COMMENT, "content": "*Permanently Deleted*"}, "deleted"),
        ({**COMMENT, "content": None, "removed": True}, "removed"),
        ({**REPLY, "post": {**POST, "removed": True}}, None),
        ({**VIEW, "creator": {**ADA, "deleted": True}}, "deleted"),
        ({**VIEW, "community": {**ROOM, "removed": True}}, "removed"),
        ({**VIEW, "community": {**ROOM, "visibility": "LocalOnlyPrivate"}}, "private"),
        ({**VIEW, "community": {**ROOM, "visibility": "Public"}}, None),
    ],
)
def test_deleted_and_removed_objects_are_withdrawn(row: dict[str, Any], reason: str | None) -> None:
    assert reason == post(row).withdrawn


def test_a_post_not_safe_for_work_is_sensitive_and_so_are_its_comments() -> None:
    assert post(POST, nsfw=True).sensitive
    assert post({**REPLY, "post": {**POST, "nsfw": True}}).sensitive
    assert post({**VIEW, "community": {**ROOM, "nsfw": True}}).sensitive
    assert None is post(COMMENT).sensitive


def test_private_messages_and_actors_are_skipped() -> None:
    letter = {"id": 1, "creator_id": 3, "recipient_id": 4, "content": "secret", "ap_id": "x"}
    assert Skipped("private_message") == decode(letter)
    assert Skipped("private_message") == decode({"private_message": letter, "creator": ADA})
    assert Skipped("person_or_community") == decode(ADA)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**POST, "id": 24.0}, "no_id"),
        ({**POST, "id": None}, "no_id"),
        ({**COMMENT, "content": None}, "no_text"),
        ({"hello": 1}, "no_id"),
        ({"id": 1}, "no_text"),
    ],
)
def test_what_cannot_be_a_post_is_refused(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        decode(row)
    with pytest.raises(Refused, match="no_instance"):
        decode(POST, instance="")


LINES: list[Any] = [REPLY, COMMENT, b"{", {**POST, "id": []}, VIEW, POST]


def test_the_instance_is_found_in_the_dump_and_reading_resumes(tmp_path: Path) -> None:
    path = str(write_lines(tmp_path / "dump.jsonl", LINES))
    batches = list(lemmy.read(path, Config(path=path), 2))
    ids = [name for batch in batches for name in batch.posts["id"].to_list()]
    assert [f"lemmy:lemmy.example/{n}" for n in ("comment/27",) * 2 + ("post/24",) * 2] == ids
    refused = [row for batch in batches for row in batch.refused.drop("source_file").rows()]
    assert [(3, "malformed_json"), (4, "wrong_type")] == refused
    for number, batch in enumerate(batches[:-1]):
        rest = list(lemmy.read(path, Config(path=path), 2, batch.cursor))
        assert [b.posts.rows() for b in batches[number + 1 :]] == [b.posts.rows() for b in rest]


def test_replies_find_their_parents_in_one_dump(tmp_path: Path) -> None:
    rows = [POST] + [
        {**COMMENT, "id": n, "path": f"0.{n}" if n == 26 else f"0.26.{n}"} for n in (26, 27, 28)
    ]
    path = str(write_lines(tmp_path / "dump.jsonl", rows))
    (batch,) = lemmy.read(path, Config(path=path), 100)
    parents = batch.posts["parent_id"].drop_nulls().to_list()
    assert 3 == len(parents)
    assert set(parents) <= set(batch.posts["id"])


def test_without_an_instance_all_posts_are_refused(tmp_path: Path) -> None:
    path = str(write_lines(tmp_path / "dump.jsonl", [{**POST, "local": False}, COMMENT]))
    (batch,) = lemmy.read(path, Config(path=path), 100)
    assert ["no_instance"] * 2 == batch.refused["reason"].to_list()
    (batch,) = lemmy.read(path, Config(path=path, instance="a.b"), 100)
    assert ["lemmy:a.b/post/24", "lemmy:a.b/comment/27"] == batch.posts["id"].to_list()


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([VIEW, REPLY, POST, COMMENT], 1.0),
        ([{"post": "a string"}, {"id": "1", "text": "x"}], 0.0),
        ([{"id": 1, "name": "x", "ap_id": "y"}], 0.0),
        ([{"id": 1, "content": "x", "ap_id": "y", "creator_id": 2}], 0.0),
        ([{"post": {"ap_id": "y"}, "creator": {}}], 0.0),
        ([], 0.0),
    ],
)
def test_lemmy_s_rows_are_detected(rows: list[Any], share: float) -> None:
    head = b"\n".join(json.dumps(row).encode() for row in rows)
    assert share == lemmy.fits(Sample("x", (), head))
