"""Mastodon: statuses of the API, events of a stream, account archives."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from pydantic import ValidationError

from corpus.formats.archives import bundle
from corpus.privacy import tombstones as withdrawals
from corpus.readers import contract, mastodon
from corpus.readers.batches import BatchBuilder
from corpus.readers.contract import Post, Refused, Sample, Skipped, Tombstone
from corpus.readers.mastodon import api
from corpus.readers.mastodon.archive import ActivityDecoder, _Actor
from tests.conftest import folded

HOME = "https://home.example"
CREATED = 1_672_531_200_000_000

ACCOUNT: dict[str, Any] = {
    "id": "7",
    "username": "ada",
    "acct": "ada",
    "display_name": "Ada",
    "url": f"{HOME}/@ada",
    "note": "<p>Tea.</p>",
    "bot": False,
    "locked": True,
    "indexable": False,
    "noindex": False,
    "fields": [],
}
STATUS: dict[str, Any] = {
    "id": "101",
    "uri": f"{HOME}/users/ada/statuses/101",
    "url": f"{HOME}/@ada/101",
    "account": ACCOUNT,
    "created_at": "2023-01-01T00:00:00.000Z",
    "edited_at": None,
    "content": "<p>tea &amp; cake</p><p>&amp;lt;</p>",
    "spoiler_text": "",
    "sensitive": False,
    "language": "en",
    "visibility": "public",
    "in_reply_to_id": None,
    "in_reply_to_account_id": None,
    "mentions": [],
    "reblog": None,
    "favourites_count": 4,
    "reblogs_count": 9,
    "replies_count": 2,
}
ORIGINAL: dict[str, Any] = {
    **STATUS,
    "id": "55",
    "uri": "https://far.example/users/bob/statuses/9",
    "account": {**ACCOUNT, "id": "8", "username": "bob", "acct": "bob@far.example"}
    | {"url": "https://far.example/@bob"},
    "content": "<p>the whole story</p>",
    "language": "de",
}


def decode(row: object, gone: Sequence[str] = (), **config: Any) -> Sequence[contract.Record]:
    line = row if isinstance(row, bytes) else json.dumps(row).encode()
    decoder = api.StatusDecoder(mastodon.Config(path="x", **config), frozenset(gone))
    return decoder.decode(line)


def status(**changes: Any) -> dict[str, Any]:
    return {**STATUS, **changes}


def account(**changes: Any) -> dict[str, Any]:
    return status(account={**ACCOUNT, **changes})


def one(row: object, gone: Sequence[str] = (), **config: Any) -> Post:
    (post,) = (record for record in decode(row, gone, **config) if isinstance(record, Post))
    return post


def test_a_status_becomes_a_post_with_its_html_read() -> None:
    expected = Post(
        id="mastodon:https://home.example/users/ada/statuses/101",
        text="tea & cake\n\n&lt;",
        author="ada@home.example",
        created_at=CREATED,
        lang_hint="en",
        root_id="mastodon:https://home.example/users/ada/statuses/101",
        score=4,
        replies=2,
        sensitive=False,
        bot=False,
    )
    assert (expected,) == tuple(decode(STATUS))


def test_a_content_warning_is_joined_in_front_by_default() -> None:
    row = status(spoiler_text=" food < drink ", content="<p>cake</p>")
    assert one(row).text == "food < drink\n\ncake"
    assert one(row, content_warnings=False).text == "cake"
    assert one(status(spoiler_text="only", content="")).text == "only"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "ada@home.example"),
        ({"acct": "ada@short.example", "url": "https://LONG.example/@ada"}, "ada@long.example"),
        ({"url": None, "acct": "ada@far.example"}, "ada@far.example"),
        ({"url": None}, "ada@home.example"),
        ({"uri": "https://ap.example/users/ada"}, "ada@ap.example"),
        ({"username": None}, "ada@home.example"),
        ({"username": None, "acct": None}, None),
    ],
)
def test_an_author_has_a_host_wherever_it_is_from(changes: dict[str, Any], name: str) -> None:
    assert name == one(account(**changes)).author


def test_a_boost_has_the_original_s_full_text() -> None:
    original = {**ORIGINAL, "sensitive": True}
    boost = one(status(uri=STATUS["uri"] + "/activity", content="", reblog=original))
    assert boost.sensitive is True
    assert ("repost", "the whole story", "ada@home.example", "de") == (
        boost.kind,
        boost.text,
        boost.author,
        boost.lang_hint,
    )
    assert boost.parent_id == "mastodon:https://far.example/users/bob/statuses/9"
    assert boost.root_id is None


def test_a_quote_is_a_quote() -> None:
    assert one(status(quote={"state": "accepted", "quoted_status": ORIGINAL})).kind == "quote"
    assert one(status(quote=None)).kind == "post"


# --------------------------------------------------------------------------- replies


LINK = '<a href="https://far.example/@bob/9"><span class="invisible">https://</span>far.example</a>'
QUOTED = {"state": "accepted", "quoted_status": ORIGINAL}


@pytest.mark.parametrize(
    "content",
    [
        f'<p class="quote-inline">RE: {LINK}</p><p>well said</p>',
        f'<p>well said<span class="quote-inline"><br><br>RE: {LINK}</span></p>',
        f"<p>RE: {LINK}</p><p>well said</p>",
        f"<p>well said<br><br>RE: {LINK}</p>",
        "<p>well said</p><p>[contains quote post or other embedded content]</p>",
    ],
)
def test_the_link_that_software_adds_to_a_quote_is_no_text(content: str) -> None:
    quote = one(status(content=content, quote=QUOTED))
    assert ("well said", "quote") == (quote.text, quote.kind)
    note = activity(create(content=content, quoteUri="https://far.example/9"))[0]
    assert ("well said", "quote") == (note.text, note.kind)


def test_the_class_of_the_added_link_marks_a_quote_and_nothing_else_is_removed() -> None:
    quote = one(status(content=f'<p class="a quote-inline">RE: {LINK}</p><p>well said</p>'))
    assert ("well said", "quote") == (quote.text, quote.kind)
    answer = "RE: https://far.example/@bob/9\n\nwell said"
    assert answer == one(status(content=f"<p>RE: {LINK}</p><p>well said</p>")).text
    row = status(content=f"<p>RE: {LINK} is well said</p>", quote=QUOTED)
    assert one(row).text == "is well said"
    row = status(content="<p>RE: the boat. well said</p>", quote=QUOTED)
    assert one(row).text == "RE: the boat. well said"


def test_a_poll_s_options_follow_its_question() -> None:
    poll = {"id": "5", "options": [{"title": "north  pier", "votes_count": 3}, {"title": "south"}]}
    row = status(content="<p>which?</p>", poll=poll, spoiler_text="boats")
    assert one(row).text == "boats\n\nwhich?\n- north pier\n- south"
    assert one(status(content="<p>which?</p>", poll=[3])).text == "which?"
    boost = status(uri=STATUS["uri"] + "/activity", reblog={**ORIGINAL, "poll": poll})
    assert one(boost).text == "the whole story\n- north pier\n- south"


def test_a_status_of_friendica_has_a_title() -> None:
    assert one(status(friendica={"title": "On tea"})).text == "On tea\n\ntea & cake\n\n&lt;"


GAB = {
    "uri": "/ada/posts/101",
    "url": "https://gab.com/ada/posts/101",
    "account": {**ACCOUNT, "url": "https://gab.com/ada"},
    "revised_at": None,
    "quote_of_id": None,
    "group": None,
}
TRUTH = {
    "uri": "https://truthsocial.com/@ada/101",
    "url": "https://truthsocial.com/@ada/101",
    "account": {**ACCOUNT, "url": "https://truthsocial.com/@ada", "unauth_visibility": True},
    "quote_id": None,
    "in_reply_to": None,
}


@pytest.mark.parametrize(
    ("changes", "author", "bob"),
    [
        (GAB, "ada@gab.com", "https://gab.com/bob/posts/100"),
        (TRUTH, "ada@truthsocial.com", "https://truthsocial.com/@bob/100"),
    ],
)
def test_gab_and_truth_social_are_read_with_their_threads(
    changes: dict[str, Any], author: str, bob: str
) -> None:
    post = one(status(**changes))
    assert (f"mastodon:{changes['url']}", author) == (post.id, post.author)
    mention = {"id": "8", "username": "bob", "acct": "bob", "url": bob.partition("/posts")[0]}
    mention["url"] = mention["url"].removesuffix("/100")
    reply = status(
        **changes | {"in_reply_to_id": "100", "in_reply_to_account_id": "8", "mentions": [mention]}
    )
    assert "mastodon:" + bob == one(reply).parent_id
    own = status(**changes | {"in_reply_to_id": "100", "in_reply_to_account_id": "7"})
    assert one(own).parent_id == f"mastodon:{changes['url'].removesuffix('101')}100"
    unknown = status(**changes | {"in_reply_to_id": "100", "in_reply_to_account_id": "9"})
    assert (None, "reply") == (one(unknown).parent_id, one(unknown).kind)
    assert mastodon.fits(sample(json.dumps(status(**changes)).encode())) == 1


def test_what_gab_and_truth_social_add_is_read() -> None:
    assert one(status(**{**GAB, "quote_of_id": "9"})).kind == "quote"
    edited = one(status(**{**GAB, "revised_at": "2023-01-02T00:00:00.000Z"}))
    assert edited.seen_at == edited.edited_at == 1_672_617_600_000_000
    hidden = {**TRUTH, "account": {**ACCOUNT, "unauth_visibility": False}}
    assert one(status(**hidden)).withdrawn == "opted_out"
    parent = {**STATUS, "uri": "https://truthsocial.com/@eve/7"}
    reply = {**TRUTH, "in_reply_to": parent, "in_reply_to_id": "7", "in_reply_to_account_id": "3"}
    assert one(status(**reply)).parent_id == "mastodon:https://truthsocial.com/@eve/7"


def test_a_chain_by_one_local_author_is_joined() -> None:
    reply = one(status(in_reply_to_id="99", in_reply_to_account_id="7"))
    assert (reply.kind, reply.root_id) == ("reply", None)
    assert reply.parent_id == f"mastodon:{HOME}/users/ada/statuses/99"
    numbers = status(in_reply_to_id="99", in_reply_to_account_id="7")
    numbers["uri"] = f"{HOME}/ap/users/7/statuses/101"
    assert one(numbers).parent_id == f"mastodon:{HOME}/ap/users/7/statuses/99"


def test_the_uris_of_other_software_are_not_derived() -> None:
    row = status(in_reply_to_id="99", in_reply_to_account_id="7", uri=f"{HOME}/objects/5eb0-11")
    assert (None, "reply") == (one(row).parent_id, one(row).kind)


def test_a_remote_chain_s_ids_are_another_server_s() -> None:
    row = {**ORIGINAL, "in_reply_to_id": "99", "in_reply_to_account_id": "8"}
    assert one(row).parent_id is None
    row["id"] = "9"  # even if the numbers happen to be alike
    assert one(row).parent_id is None


CAT = {"id": "12", "username": "cat", "acct": "cat", "url": f"{HOME}/@cat"}


@pytest.mark.parametrize(
    ("mention", "parent"),
    [
        ({}, f"mastodon:{HOME}/users/cat/statuses/99"),
        ({"id": "13"}, None),
        ({"acct": "cat@far.example", "url": "https://far.example/@cat"}, None),
        ({"url": f"{HOME}/users/cat"}, None),  # other software, other URIs
        # Made in 2026: the URI may hold a number in place of the name.
        ({"id": str(1_767_225_600_000 << 16)}, None),
        ({"id": str(1_660_000_000_000 << 16)}, f"mastodon:{HOME}/users/cat/statuses/99"),
    ],
)
def test_a_local_parent_is_known_by_the_mention_of_its_author(
    mention: dict[str, Any], parent: str | None
) -> None:
    cat = {**CAT, **mention}
    writer = cat["id"] if mention.get("id") != "13" else "12"
    row = status(in_reply_to_id="99", in_reply_to_account_id=writer, mentions=[cat])
    assert (parent, "reply") == (one(row).parent_id, one(row).kind)


@pytest.mark.parametrize("local", ["9vAbC", 99.0, "9" * 5000, None])
def test_an_uncertain_parent_is_null(local: Any) -> None:
    row = status(in_reply_to_id=local, in_reply_to_account_id="12", mentions=[CAT])
    assert (None, "reply") == (one(row).parent_id, one(row).kind)


def test_statuses_of_one_page_or_thread_join_each_other() -> None:
    reply = status(in_reply_to_id="55", in_reply_to_account_id="8")
    for page in ([reply, ORIGINAL], {"ancestors": [ORIGINAL], "descendants": [reply]}):
        posts = {record.id: record for record in decode(page) if isinstance(record, Post)}
        assert posts["mastodon:" + STATUS["uri"]].parent_id == "mastodon:" + ORIGINAL["uri"]
    boost = status(id="3", uri="https://a.example/3", reblog=ORIGINAL)
    (_, second) = decode([boost, reply])
    assert isinstance(second, Post)
    assert second.parent_id == "mastodon:" + ORIGINAL["uri"]


# --------------------------------------------------------------------------- withdrawn


@pytest.mark.parametrize("visibility", ["unlisted", "private", "direct", "limited", "", None])
def test_other_than_public_posts_are_counted_without_their_text(visibility: Any) -> None:
    row = status(visibility=visibility, spoiler_text="secret")
    assert ("private", "") == (one(row).withdrawn, one(row).text)
    inner = one(status(reblog={**ORIGINAL, "visibility": visibility}))
    outer = one(status(visibility=visibility, reblog=ORIGINAL))
    assert [("private", "")] * 2 == [(inner.withdrawn, inner.text), (outer.withdrawn, outer.text)]


@pytest.mark.parametrize(
    "changes",
    [
        {"local_only": True},
        {"localOnly": True},
        {"federated": False},
        {"visibility": "local"},
        {"visibility": "limited"},
        {"visibility_ex": "login"},
        {"visibility_ex": "public_unlisted"},
        {"group": {"id": "1", "is_private": True}},
        {"group": {"id": "1", "group_visibility": "members_only"}},
        {"group": [1]},
    ],
)
def test_what_forks_keep_from_the_world_is_private(changes: dict[str, Any]) -> None:
    row = status(**changes)
    assert ("private", "") == (one(row).withdrawn, one(row).text)
    boost = status(uri=STATUS["uri"] + "/activity", reblog={**ORIGINAL, **changes})
    assert ("private", "") == (one(boost).withdrawn, one(boost).text)
    shown = one(status(**changes), visibility=("public", "unlisted"))
    assert (shown.withdrawn is None) == (changes.get("visibility_ex") == "public_unlisted")


@pytest.mark.parametrize(
    "changes",
    [
        {"local_only": False},
        {"local_only": None, "federated": True},
        {"visibility_ex": "public"},
        {"group": None},
        {"group": {"id": "1", "is_private": False, "is_visible": True, "privacy": "public"}},
        {"group": {"id": "1", "group_visibility": "everyone"}},
    ],
)
def test_what_forks_show_to_the_world_is_read(changes: dict[str, Any]) -> None:
    assert one(status(**changes)).withdrawn is None


def test_unlisted_posts_are_read_if_configured_and_private_ones_never() -> None:
    read = one(status(visibility="unlisted"), visibility=("public", "unlisted"))
    assert (None, "tea & cake\n\n&lt;") == (read.withdrawn, read.text)
    with pytest.raises(ValidationError):
        mastodon.Config(path="x", visibility=("private",))  # type: ignore[arg-type]


def test_a_status_without_a_visibility_is_private() -> None:
    row = {key: value for key, value in STATUS.items() if key != "visibility"}
    assert ("private", "") == (one(row).withdrawn, one(row).text)


TAGGED = '<p>Hi <a href="https://h/tags/NoBot" class="mention hashtag">#<span>NoBot</span></a></p>'


@pytest.mark.parametrize(
    ("changes", "config", "reason"),
    [
        ({"noindex": True}, {}, "opted_out"),
        ({"noindex": True}, {"honour_noindex": False}, None),
        ({"indexable": False}, {"require_indexable": True}, "opted_out"),
        ({"indexable": None}, {"require_indexable": True}, "opted_out"),
        ({"indexable": True}, {"require_indexable": True}, None),
        ({"note": TAGGED}, {}, "opted_out"),
        ({"note": TAGGED}, {"opt_out_tags": ()}, None),
        ({"note": TAGGED}, {"opt_out_tags": ("#never",)}, None),
        ({"note": "<p>#Never mind</p>"}, {"opt_out_tags": ("#never",)}, "opted_out"),
        ({"note": "<p>nobot, #nobotany, a#nobot</p>"}, {}, None),
        ({"note": '<a href="https://h/x#nobot">x</a>'}, {}, None),
        ({"display_name": "Ada #noAI"}, {}, "opted_out"),
        ({"fields": [{"name": "wishes", "value": "#nosearch"}]}, {}, "opted_out"),
        ({"suspended": True}, {}, "removed"),
        ({"locked": True}, {}, None),
    ],
)
def test_the_opt_outs_of_an_account_are_honoured(
    changes: dict[str, Any], config: dict[str, Any], reason: str | None
) -> None:
    assert reason == one(account(**changes), **config).withdrawn
    boosted = {**ORIGINAL, "account": {**ORIGINAL["account"], **changes}}
    row = status(reblog=boosted, account={**ACCOUNT, "indexable": True})
    assert reason == one(row, **config).withdrawn


def test_an_opt_out_applies_to_the_author_s_other_posts() -> None:
    _, said = decode(account(noindex=True))
    assert Tombstone("author", "mastodon:ada@home.example", "opted_out") == said


def test_a_bot_is_marked() -> None:
    assert one(account(bot=True)).bot is True


# --------------------------------------------------------------------------- versions and events


def frames(*lines: object) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The posts and the tombstones of lines, as a build has them."""
    builder = BatchBuilder("mastodon", 1000)
    for row, line in enumerate(lines, start=1):
        builder.add(decode(line), "file", row)
    batch = builder.build_batch(None, 0)
    return batch.posts, batch.tombstones


def test_an_edit_supersedes_earlier_versions_only(tmp_path: Path) -> None:
    edited = status(content="<p>second</p>", edited_at="2023-01-02T00:00:00.250Z")
    # Another server's copy of the same version has no fraction of a second.
    copy = status(content="<p>second</p>", edited_at="2023-01-02T00:00:00Z")
    last = status(content="<p>third</p>", edited_at="2023-01-03T00:00:00Z")
    boost = {"uri": "https://far.example/boost"}
    old, new = (status(**boost, reblog=row) for row in (STATUS, last))
    posts, tombstones = frames(STATUS, edited, copy, old, new, last)
    marked = withdrawals.apply_tombstones(posts, folded(tmp_path / "folded", tombstones))
    late = "superseded"
    assert [late, late, late, late, None, None] == marked["withdrawn"].to_list()
    posts, tombstones = frames(STATUS, edited, copy)
    marked = withdrawals.apply_tombstones(posts, folded(tmp_path / "again", tombstones))
    assert [late, None, None] == marked["withdrawn"].to_list()


def event(name: str, payload: object) -> dict[str, Any]:
    return {"stream": ["public"], "event": name, "payload": payload}


@pytest.mark.parametrize("name", ["update", "status.update"])
def test_events_contain_statuses(name: str) -> None:
    assert one(event(name, json.dumps(STATUS))) == one(STATUS)
    assert one(event(name, STATUS)) == one(STATUS)


@pytest.mark.parametrize("name", ["notification", "conversation", "filters_changed"])
def test_other_events_are_skipped_by_name(name: str) -> None:
    assert (Skipped(name),) == tuple(decode(event(name, "{}")))
    assert (Skipped("event"),) == tuple(decode(event("a stranger's words", "{}")))


def test_half_an_emoji_in_an_event_costs_one_character() -> None:
    payload = json.dumps(status(content="tea \ud83d!"))
    assert one(event("update", payload)).text == "tea \ufffd!"


def test_a_raw_stream_is_read() -> None:
    assert one(b"data: " + json.dumps(STATUS).encode()) == one(STATUS)
    for line, what in (
        (b":thump", "keep_alive"),
        (b"event: update", "event_name"),
        (b"data: 101", "delete"),
        (b'data: {"id": "1", "type": "mention", "account": {"id": "7"}}', "event"),
    ):
        assert (Skipped(what),) == tuple(decode(line))


def lines(path: Path, *rows: object) -> Path:
    path.write_bytes(
        b"".join(
            (row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows
        )
    )
    return path


def read(path: Path, part_posts: int = 100, **config: Any) -> list[contract.Batch]:
    made = mastodon.Config(path=str(path), **config)
    return list(mastodon.read(str(path), made, part_posts))


def test_a_deletion_applies_to_its_status_before_and_after_it(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "stream.jsonl",
        event("update", json.dumps(status(id="1", uri="https://a.example/1"))),
        event("delete", "1"),
        event("delete", 2),
        b"event: delete",
        b"data: 3",
        event("update", json.dumps(status(id="2", uri="https://a.example/2"))),
        event("update", json.dumps(status(id="3", uri="https://a.example/3"))),
        event("update", json.dumps(status(id="4", uri="https://a.example/4"))),
        b'{"event":"delete","payload":"5"}{"event":"delete","payload":"6"}',
        event("update", json.dumps(status(id="6", uri="https://a.example/6"))),
        event("update", json.dumps(status(id="7", uri="https://a.example/7", reblog=ORIGINAL))),
        event("delete", ORIGINAL["id"]),
        event("delete", 1.5e17),
        event("delete", None),
    )
    (batch,) = read(path)
    gone = "deleted_later"
    assert [gone, gone, gone, None, gone, gone] == batch.posts["withdrawn"].to_list()
    named = [f"mastodon:https://a.example/{n}" for n in (1, 2, 3, 6)]
    assert [*named, "mastodon:" + ORIGINAL["uri"]] == batch.tombstones["value"].to_list()
    assert {"delete": 6, "event_name": 1} == batch.skipped
    assert ["no_id", "no_id"] == batch.refused["reason"].to_list()


# --------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"uri": None}, "no_id"),
        ({"uri": 1.01e17}, "no_id"),
        ({"uri": 101}, "no_id"),
        ({"uri": "101"}, "no_id"),
        ({"uri": "https://home.example/a b"}, "no_id"),
        ({"content": None}, "no_text"),
    ],
)
def test_a_status_without_its_key_or_text_is_refused(changes: Any, reason: str) -> None:
    with pytest.raises(contract.Refused, match=reason):
        decode(status(**changes))


def test_a_malformed_status_does_not_refuse_its_page() -> None:
    page = [STATUS, status(uri=None), status(content=[1]), 7, ORIGINAL]
    first, *spoilt, last = decode(page)
    assert isinstance(first, Post)
    assert isinstance(last, Post)
    assert ["no_id", "wrong_type", "wrong_type"] == [
        record.reason for record in spoilt if isinstance(record, Refused)
    ]
    assert (Skipped("empty_page"),) == tuple(decode([]))


@pytest.mark.parametrize("key", sorted(STATUS))
@pytest.mark.parametrize("wrong", [None, True, 3, -1.5, "x", [], [1], {}, {"a": 1}])
def test_a_wrong_type_in_any_field_is_a_record_and_no_crash(
    tmp_path: Path, key: str, wrong: object
) -> None:
    bad = status(**{key: wrong})
    rows = (bad, [bad, STATUS], event("update", json.dumps(bad)), status(reblog=bad))
    (batch,) = read(lines(tmp_path / "x.jsonl", *rows))
    found = batch.posts.height + batch.refused.height + sum(batch.skipped.values())
    assert found == 5


def test_reading_resumes_after_each_batch(tmp_path: Path) -> None:
    rows = [status(id=str(n), uri=f"https://a.example/{n}") for n in range(7)]
    path = lines(tmp_path / "x.jsonl", *rows[:3], rows[3:5], *rows[5:], event("delete", "6"))
    check_resumes(path, 7)


def check_resumes(path: Path, posts: int) -> None:
    batches = read(path, 2)
    assert posts == sum(batch.posts.height for batch in batches)
    for number, batch in enumerate(batches[:-1]):
        config = mastodon.Config(path=str(path))
        rest = list(mastodon.read(str(path), config, 2, batch.cursor))
        for name in ("posts", "refused", "tombstones"):
            expected = [getattr(b, name).rows() for b in batches[number + 1 :]]
            assert expected == [getattr(b, name).rows() for b in rest]


# --------------------------------------------------------------------------- account archives

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
FOLLOWERS = f"{HOME}/users/ada/followers"
ACTOR: dict[str, Any] = {
    "@context": [],
    "id": f"{HOME}/users/ada",
    "type": "Person",
    "preferredUsername": "ada",
    "name": "Ada",
    "summary": "<p>Tea.</p>",
    "indexable": True,
    "discoverable": False,
    "attachment": [{"type": "PropertyValue", "name": "a", "value": "b"}],
}
NOTE: dict[str, Any] = {
    "id": f"{HOME}/users/ada/statuses/101",
    "type": "Note",
    "summary": None,
    "inReplyTo": None,
    "published": "2023-01-01T00:00:00Z",
    "attributedTo": f"{HOME}/users/ada",
    "to": [PUBLIC],
    "cc": [FOLLOWERS],
    "sensitive": False,
    "conversation": "tag:home.example,2023-01-01:objectId=1:objectType=Conversation",
    "content": "<p>tea &amp; cake</p>",
    "contentMap": {"en": "<p>tea &amp; cake</p>"},
}


def create(**changes: Any) -> dict[str, Any]:
    note = {**NOTE, **changes}
    both = {"to": note["to"], "cc": note["cc"]}
    return {"id": "a", "type": "Create", "actor": ACTOR["id"], **both, "object": note}


def activity(row: object, actor: dict[str, Any] = ACTOR, **config: Any) -> Any:
    known = msgspec.convert(actor, _Actor)
    made = ActivityDecoder(known, mastodon.Config(path="x", **config))
    return made.decode(json.dumps(row).encode())


def test_a_note_becomes_a_post() -> None:
    expected = Post(
        id="mastodon:https://home.example/users/ada/statuses/101",
        text="tea & cake",
        author="ada@home.example",
        created_at=CREATED,
        lang_hint="en",
        root_id="mastodon:https://home.example/users/ada/statuses/101",
        sensitive=False,
        bot=False,
    )
    assert (expected,) == activity(create())


def test_a_note_s_warning_reply_and_edit_are_read() -> None:
    parent = "https://far.example/notes/9"
    row = create(summary="food", inReplyTo=parent, updated="2023-01-02T00:00:00Z", sensitive=True)
    post, said = activity(row)
    assert ("food\n\ntea & cake", "reply", True) == (post.text, post.kind, post.sensitive)
    assert ("mastodon:" + parent, None) == (post.parent_id, post.root_id)
    assert Tombstone("id", post.id, "superseded", post.seen_at) == said
    assert post.seen_at == 1_672_617_600_000_000


@pytest.mark.parametrize(
    ("to", "cc", "seen"),
    [
        ([PUBLIC], [], "public"),
        ("as:Public", None, "public"),
        (["Public"], [FOLLOWERS], "public"),
        ([FOLLOWERS], [PUBLIC], "unlisted"),
        ([FOLLOWERS], "as:Public", "unlisted"),
        ([FOLLOWERS], [], "private"),
        (["https://far.example/users/bob"], [], "private"),
        (None, None, "private"),
        ([], [], "private"),
        ([f"{PUBLIC}s", {"id": PUBLIC}], 7, "private"),
    ],
)
def test_a_note_is_as_public_as_its_addressees(to: Any, cc: Any, seen: str) -> None:
    (post,) = activity(create(to=to, cc=cc))
    assert (None if seen == "public" else "private") == post.withdrawn
    assert ("tea & cake" if seen == "public" else "") == post.text
    (post,) = activity(create(to=to, cc=cc), visibility=("public", "unlisted"))
    assert ("private" if seen == "private" else None) == post.withdrawn
    assert ("" if seen == "private" else "tea & cake") == post.text


def test_the_narrower_of_note_and_activity_counts() -> None:
    row = create()
    row["to"], row["cc"] = [FOLLOWERS], []
    assert ("private", "") == (activity(row)[0].withdrawn, activity(row)[0].text)


@pytest.mark.parametrize(
    ("changes", "config", "reason"),
    [
        ({}, {}, None),
        ({"summary": TAGGED}, {}, "opted_out"),
        ({"summary": TAGGED}, {"opt_out_tags": ("other",)}, None),
        ({"attachment": [{"name": "x", "value": "#noai"}]}, {}, "opted_out"),
        ({"indexable": False}, {"require_indexable": True}, "opted_out"),
        ({"indexable": False}, {}, None),
        ({"suspended": True}, {}, "removed"),
    ],
)
def test_the_opt_outs_of_the_archive_s_author_are_honoured(
    changes: dict[str, Any], config: dict[str, Any], reason: str | None
) -> None:
    post, *_ = activity(create(), {**ACTOR, **changes}, **config)
    assert reason == post.withdrawn


def test_an_opt_out_in_an_archive_applies_to_the_author_s_other_posts() -> None:
    _, said = activity(create(), {**ACTOR, "summary": TAGGED})
    assert Tombstone("author", "mastodon:ada@home.example", "opted_out") == said


@pytest.mark.parametrize(
    ("kind", "bot"), [("Person", False), ("Service", True), ("Application", True), (None, None)]
)
def test_an_actor_s_type_marks_bots(kind: str | None, bot: bool | None) -> None:
    assert bot is activity(create(), {**ACTOR, "type": kind})[0].bot


def test_boosts_and_other_activities_are_skipped() -> None:
    for row, what in (
        ({"type": "Announce", "object": "https://far.example/1"}, "boost"),
        ({"type": "Announce", "object": NOTE}, "boost"),
        ({"type": "Like", "object": "https://far.example/1"}, "activity"),
        ({"type": ["Create"]}, "activity"),
        ("https://far.example/1", "link"),
    ):
        assert (Skipped(what),) == activity(row)
    gone = {"type": "Create", "object": {"type": "Tombstone", "id": "https://a.example/1"}}
    assert (Tombstone("id", "mastodon:https://a.example/1", "deleted"),) == activity(gone)


@pytest.mark.parametrize(
    "changes",
    [
        {"localOnly": True},
        {"local_only": True},
        {"federated": False},
        {"directMessage": True},
        {"limitedScope": "Circle"},
        {"visibility": "followers"},
        {"content": "<p>tea \U0001f441\ufe0f</p>"},
    ],
)
def test_a_note_that_its_server_keeps_from_the_world_is_private(changes: dict[str, Any]) -> None:
    (post,) = activity(create(**changes))
    assert ("private", "") == (post.withdrawn, post.text)
    (post,) = activity({**create(), **{key: value for key, value in changes.items()}})
    assert post.withdrawn == ("private" if "content" not in changes else None)


def test_a_question_s_choices_follow_it() -> None:
    choices = [{"type": "Note", "name": "north"}, {"type": "Note", "name": "south"}]
    for key in ("oneOf", "anyOf"):
        (post,) = activity(create(type="Question", **{key: choices}))
        assert post.text == "tea & cake\n- north\n- south"


def test_an_article_s_title_is_joined_in_front_of_it() -> None:
    (post,) = activity(create(type="Article", name="On tea &amp; cake", summary="An excerpt."))
    assert post.text == "On tea & cake\n\ntea & cake"
    (post,) = activity(create(type="Article", name="On tea", summary="hot", sensitive=True))
    assert post.text == "hot\n\nOn tea\n\ntea & cake"


def test_a_vote_in_a_poll_is_no_post() -> None:
    row = create(content=None, contentMap=None, name="north", inReplyTo="https://far.example/9")
    assert [Skipped("vote")] == list(activity(row))


def test_deletions_in_an_outbox_are_tombstones() -> None:
    uri, actor = NOTE["id"], ACTOR["id"]
    for value in (uri, {"id": uri, "type": "Tombstone"}):
        row = {"id": "d", "type": "Delete", "actor": actor, "object": value}
        assert [Tombstone("id", f"mastodon:{uri}", "deleted_later")] == list(activity(row))
    row = {"id": "d", "type": "Delete", "actor": actor, "object": actor}
    assert [Tombstone("author", "mastodon:ada@home.example", "deleted_later")] == list(
        activity(row)
    )
    with pytest.raises(Refused, match="no_id"):
        activity({"type": "Delete", "object": 7})


def test_an_update_is_a_later_version() -> None:
    row = {**create(updated="2023-01-02T00:00:00Z"), "type": "Update"}
    post, said = activity(row)
    assert Tombstone("id", post.id, "superseded", post.seen_at) == said
    profile = {"type": "Update", "object": {"id": ACTOR["id"], "type": "Person"}}
    assert [Skipped("activity")] == list(activity(profile))


def test_a_create_without_its_note_is_refused() -> None:
    bare = {"type": "Create", "object": "https://a.example/1"}
    for row in (bare, create(content=None, contentMap=None), {"type": "Create"}):
        with pytest.raises(contract.Refused, match="no_text"):
            activity(row)
    with pytest.raises(contract.Refused, match="no_id"):
        activity(create(id=101))


def test_the_language_is_the_one_of_the_content() -> None:
    two = {"de": "<p>Tee</p>", "en": NOTE["content"]}
    assert activity(create(contentMap=two))[0].lang_hint == "en"
    assert activity(create(contentMap={}))[0].lang_hint is None
    (only,) = activity(create(content=None, contentMap={"de": "<p>Tee</p>"}))
    assert ("Tee", "de") == (only.text, only.lang_hint)


def test_without_an_actor_the_author_is_taken_from_the_note() -> None:
    assert activity(create(), {})[0].author == "ada@home.example"
    other = create(attributedTo=f"{HOME}/ap/users/7")
    assert activity(other, {})[0].author == f"{HOME}/ap/users/7"


def outbox(*rows: object) -> bytes:
    whole = {"@context": ["x" * 600], "type": "OrderedCollection", "orderedItems": rows}
    return json.dumps(whole).encode()


POISON = json.dumps({"orderedItems": [create(id="https://a.example/poison")]}).encode()
FILES = {
    "outbox.json": outbox(
        *(create(id=f"https://a.example/{n}") for n in range(3)),
        create(to=[FOLLOWERS], cc=[]),
        {"type": "Announce", "object": "https://far.example/1"},
        create(id=None),
    ),
    "media_attachments/files/1.png": b"\x89PNG\0\0",
    "likes.json": POISON,
    "bookmarks.json": POISON,
    "actor.json": json.dumps(ACTOR).encode(),
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


def as_tar(path: Path, files: dict[str, bytes], inside: str = "") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(inside + name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


MAKERS = {"archive": as_folder, "archive.zip": as_zip, "archive.tar.gz": as_tar}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("inside", ["", "archive-2023/"])
def test_an_archive_is_read_however_it_is_packed(tmp_path: Path, name: str, inside: str) -> None:
    path = MAKERS[name](tmp_path / name, FILES, inside)
    (batch,) = read(path)
    assert ["ada@home.example"] * 4 == batch.posts["author"].to_list()
    assert [None, None, None, "private"] == batch.posts["withdrawn"].to_list()
    assert ["tea & cake"] * 3 + [""] == batch.posts["text"].to_list()
    assert {"boost": 1} == batch.skipped
    mark = "/" if name == "archive" else "!"
    place = f"{path}{mark}{inside}outbox.json"
    assert [(place, 6, "no_id")] == batch.refused.rows()
    assert [1, 2, 3, 4] == batch.posts["source_row"].to_list()
    assert batch.sha256
    check_resumes(path, 4)


def test_of_an_archive_only_two_files_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    really = bundle.Bundle.open

    def watched(self: bundle.Bundle, name: str) -> Any:
        opened.append(name)
        return really(self, name)

    monkeypatch.setattr(bundle.Bundle, "open", watched)
    read(as_folder(tmp_path / "a", FILES))
    assert ["actor.json", "outbox.json"] == sorted(opened)


def test_a_tar_of_an_archive_is_detected_in_any_order_of_its_files(tmp_path: Path) -> None:
    path = as_tar(tmp_path / "a.tgz", {name: FILES[name] for name in sorted(FILES)})
    (batch,) = read(path)
    assert ["tea & cake"] * 3 + [""] == batch.posts["text"].to_list()
    path = as_tar(tmp_path / "b.tgz", {"likes.json": POISON, **FILES})
    assert [4, 1] == [read(path)[0].posts.height, read(path)[0].refused.height]


def test_a_tar_of_a_stream_s_hours_is_a_stream(tmp_path: Path) -> None:
    hours = {
        "00.jsonl": json.dumps(event("update", json.dumps(STATUS))).encode(),
        "01.jsonl": json.dumps(event("delete", "101")).encode(),
    }
    (batch,) = read(as_tar(tmp_path / "day.tar.gz", hours))
    assert [("deleted_later", f"{tmp_path}/day.tar.gz!00.jsonl")] == batch.posts.select(
        "withdrawn", "source_file"
    ).rows()


def test_two_people_s_archives_keep_their_authors(tmp_path: Path) -> None:
    bob = {**ACTOR, "preferredUsername": "bob", "summary": "#nobot"}
    as_folder(tmp_path, FILES, "ada/")
    as_folder(tmp_path, {**FILES, "actor.json": json.dumps(bob).encode()}, "bob/")
    (batch,) = read(tmp_path)
    found = batch.posts.group_by("author", maintain_order=True).agg(
        pl.col("withdrawn").eq("opted_out").sum()
    )
    assert [("ada@home.example", 0), ("bob@home.example", 3)] == found.rows()


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("actor", "reason"), [(None, "no_actor"), (b"{", "malformed_json"), (b"[]", "wrong_type")]
)
def test_a_missing_actor_is_refused_and_the_posts_are_read(
    tmp_path: Path, name: str, actor: bytes | None, reason: str
) -> None:
    files = {key: content for key, content in FILES.items() if key != "actor.json"}
    files |= {} if actor is None else {"actor.json": actor}
    (batch,) = read(MAKERS[name](tmp_path / name, files))
    assert [reason, "no_id"] == batch.refused["reason"].to_list()
    assert ["ada@home.example"] * 4 == batch.posts["author"].to_list()


NOTES = [create(id=f"https://a.example/{n}") for n in range(3)]
PAGE = {"@context": "x", "id": "https://a.example/outbox?page=1", "type": "OrderedCollectionPage"}
DOCUMENTS = {
    "page": {**PAGE, "orderedItems": NOTES},
    "collection": {"id": "https://a.example/o", "type": "Collection", "items": NOTES},
    "first": {"id": "https://a.example/o", "type": "OrderedCollection"}
    | {"first": {**PAGE, "orderedItems": NOTES}},
    "array": NOTES,
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_outbox_of_any_server_is_read(tmp_path: Path, name: str, indent: int | None) -> None:
    path = tmp_path / "dump.json"
    path.write_text(json.dumps(DOCUMENTS[name], indent=indent))
    assert mastodon.fits(sample(path.read_bytes())) >= 0.9
    (batch,) = read(path)
    assert batch.posts["id"].to_list() == [f"mastodon:https://a.example/{n}" for n in range(3)]
    assert ["ada@home.example"] * 3 == batch.posts["author"].to_list()


def test_lines_of_activities_and_pages_are_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.jsonl"
    deletion = {"id": "https://a.example/d", "type": "Delete", "actor": ACTOR["id"]}
    rows = [NOTES[0], {**NOTE, "id": "https://a.example/n"}, {**deletion, "object": NOTE["id"]}]
    rows += [{**PAGE, "orderedItems": NOTES[1:]}, {**PAGE, "orderedItems": []}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert mastodon.fits(sample(path.read_bytes())) > 0.5
    (batch,) = read(path)
    ids = ["0", "n", "1", "2"]
    assert batch.posts["id"].to_list() == [f"mastodon:https://a.example/{name}" for name in ids]
    assert batch.tombstones["value"].to_list() == [f"mastodon:{NOTE['id']}"]
    assert (batch.refused.height, batch.skipped) == (0, {"empty_page": 1})


def test_activities_with_long_contexts_are_lines_and_no_outbox(tmp_path: Path) -> None:
    path = tmp_path / "dump.jsonl"
    rows = [{"@context": ["x" * 700], **row} for row in NOTES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (batch,) = read(path)
    assert (batch.posts.height, batch.refused.height) == (3, 0)
    path.write_text(json.dumps(rows))
    (batch,) = read(path)
    assert batch.posts.height == 3


def test_an_outbox_alone_is_read(tmp_path: Path) -> None:
    (tmp_path / "outbox.json.gz").write_bytes(gzip.compress(FILES["outbox.json"]))
    (batch,) = read(tmp_path / "outbox.json.gz")
    assert (4, ["no_actor", "no_id"]) == (batch.posts.height, batch.refused["reason"].to_list())


@pytest.mark.parametrize("name", MAKERS)
def test_an_outbox_that_is_cut_off_is_read_up_to_the_cut(tmp_path: Path, name: str) -> None:
    cut = FILES["outbox.json"][:-1500]
    (batch,) = read(MAKERS[name](tmp_path / name, {**FILES, "outbox.json": cut}))
    assert batch.posts.height in (2, 3)
    assert ["truncated_stream"] == batch.refused["reason"].to_list()


@pytest.mark.parametrize("content", [outbox(), b'{"@context":1}', b"[]", b"", b"\0\0", b"null"])
def test_an_empty_or_foreign_outbox_has_no_posts(tmp_path: Path, content: bytes) -> None:
    for name, pack in MAKERS.items():
        (batch,) = read(pack(tmp_path / name, {**FILES, "outbox.json": content}))
        assert batch.posts.height == 0


def test_an_archive_that_is_cut_off_is_refused_at_the_cut(tmp_path: Path) -> None:
    for name in ("archive.zip", "archive.tar.gz"):
        path = MAKERS[name](tmp_path / name, FILES)
        path.write_bytes(path.read_bytes()[:-200])
        (batch,) = read(path)
        assert batch.refused.height >= 1


def test_a_folder_without_an_outbox_is_refused(tmp_path: Path) -> None:
    (batch,) = read(as_folder(tmp_path / "a", {"actor.json": b"{}"}))
    assert ["no_outbox"] == batch.refused["reason"].to_list()


# --------------------------------------------------------------------------- at a glance


def sample(head: bytes = b"", members: Sequence[str] = (), name: str = "x") -> Sample:
    return Sample(name, tuple(members), head)


def test_its_own_files_are_detected() -> None:
    line = json.dumps(STATUS).encode()
    assert mastodon.fits(sample(line + b"\n" + line[:50])) == 1
    assert mastodon.fits(sample(json.dumps(event("delete", "1")).encode())) == 1
    assert mastodon.fits(sample(b"[" + line + b"," + line[:99])) >= 0.9
    assert mastodon.fits(sample(FILES["outbox.json"])) >= 0.9
    assert mastodon.fits(sample(members=("a/outbox.json", "a/actor.json"))) == 1
    assert 0 < mastodon.fits(sample(members=("outbox.json",))) < 1
    for head in (b"", b"\0\1", b"{}", b'{"id": 1, "text": "x"}', b"[]", b'{"event": "x"}'):
        assert mastodon.fits(sample(head)) == 0
    assert mastodon.fits(sample(members=("data/tweets.js", "myoutbox.json"))) == 0


def test_an_opt_out_tag_is_a_word() -> None:
    with pytest.raises(ValidationError):
        mastodon.Config(path="x", opt_out_tags=("#",))
