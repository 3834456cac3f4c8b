"""X's v1.1 stream."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from corpus.readers import contract
from corpus.readers.contract import Post, Skipped, Tombstone
from corpus.readers.x import stream as x_stream

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "x_v1"

STATUS: dict[str, Any] = {
    "id": 489790559058680000,
    "id_str": "489790559058686978",
    "text": "tea &amp; cake &amp;lt;",
    "created_at": "Mon Apr 19 17:52:00 +0000 2010",
    "user": {"id": 12, "id_str": "12", "screen_name": "ada", "protected": False},
    "lang": "en",
    "favorite_count": 4,
    "possibly_sensitive": False,
}
ORIGINAL: dict[str, Any] = {
    "id_str": "77",
    "text": "a long s\u2026",
    "extended_tweet": {"full_text": "a long story &gt; all"},
    "user": {"id_str": "13", "screen_name": "bob"},
}


def decode(row: object) -> contract.Record:
    (record,) = x_stream.decode(json.dumps(row).encode())
    return record


def post(**changes: Any) -> Post:
    record = decode({**STATUS, **changes})
    assert isinstance(record, Post)
    return record


def test_a_status_becomes_a_post_with_entities_decoded_once() -> None:
    assert (
        Post(
            id="x:489790559058686978",
            text="tea & cake &lt;",
            author="12",
            created_at=1_271_699_520_000_000,
            lang_hint="en",
            score=4,
            sensitive=False,
            author_name="ada",
        )
        == post()
    )


def test_the_full_text_is_preferred_to_a_cut_one() -> None:
    assert post(text="short").text == "short"
    assert post(text="short", full_text="full").text == "full"
    whole = post(text="short", full_text="full", extended_tweet={"full_text": "whole"})
    assert whole.text == "whole"
    assert post(text="short", extended_tweet={}).text == "short"


def test_the_display_range_does_not_cut_the_text() -> None:
    assert post(full_text="@bob hello", display_text_range=[5, 10]).text == "@bob hello"


def test_a_poll_s_options_follow_its_question() -> None:
    entities = {
        "polls": [{"options": [{"position": 1, "text": "tea"}, {"text": "cocoa &amp; milk"}]}]
    }
    assert post(text="which?", entities=entities).text == "which?\n- tea\n- cocoa & milk"
    extended = {"full_text": "which?", "entities": entities}
    assert post(extended_tweet=extended).text == "which?\n- tea\n- cocoa & milk"
    original = {**ORIGINAL, "extended_tweet": extended}
    retweet = post(text="RT @bob: w\u2026", retweeted_status=original)
    assert retweet.text == "RT @bob: which?\n- tea\n- cocoa & milk"
    assert post(text="which?", entities={"polls": 3}).text == "which?"


def test_the_link_to_a_quoted_status_is_not_its_author_s() -> None:
    quoted = {"is_quote_status": True, "quoted_status_id_str": "8"}
    link = {"url": "https://t.co/q", "expanded": "https://twitter.com/bob/status/8"}
    quote = post(text="so it is https://t.co/q", quoted_status_permalink=link, **quoted)
    assert (quote.text, quote.kind) == ("so it is", "quote")
    text = "https://t.co/q so it is"
    assert post(text=text, quoted_status_permalink=link, **quoted).text == text


def test_a_retweet_has_the_original_s_full_text() -> None:
    retweet = post(text="RT @bob: a long s\u2026", retweeted_status=ORIGINAL)
    assert (
        retweet.text,
        retweet.kind,
        retweet.parent_id,
    ) == ("RT @bob: a long story > all", "repost", "x:77")


def test_a_retweet_of_an_unknown_user_keeps_its_cut_text() -> None:
    assert post(text="RT @bob: a", retweeted_status={"id_str": "77"}).text == "RT @bob: a"


def test_a_reply_names_its_parent() -> None:
    reply = post(in_reply_to_status_id=5.0, in_reply_to_status_id_str="55")
    assert (reply.kind, reply.parent_id) == ("reply", "x:55")


def test_a_quote_is_a_quote() -> None:
    assert post(is_quote_status=True, quoted_status_id_str="55").kind == "quote"
    assert post(is_quote_status=False).kind == "post"


@pytest.mark.parametrize(
    ("code", "hint"),
    [("in", "id"), ("iw", "he"), ("de", "de"), (None, None), ("und", None), ("zxx", None)]
    + [(code, None) for code in ("qme", "qam", "qct", "qht", "qst", "art")],
)
def test_codes_for_no_language_give_no_hint(code: str | None, hint: str | None) -> None:
    assert hint == post(lang=code).lang_hint


def test_a_protected_account_withdraws_its_status() -> None:
    assert post(user={"id_str": "1", "protected": True}).withdrawn == "protected"
    original = {**ORIGINAL, "user": {"screen_name": "bob", "protected": True}}
    assert post(retweeted_status=original).withdrawn == "protected"


@pytest.mark.parametrize(
    ("countries", "reason"),
    [(["XX"], "withheld"), (["DE", "XY"], "withheld"), (["DE"], None), ([], None), (None, None)],
)
def test_only_what_is_withheld_everywhere_is_withdrawn(
    countries: list[str] | None, reason: str | None
) -> None:
    assert reason == post(withheld_in_countries=countries).withdrawn


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"id": 4.8979055905868e17, "id_str": "489790559058686978"}, "x:489790559058686978"),
        ({"id": 12481870401, "id_str": None}, "x:12481870401"),
        ({"id": "124", "id_str": None}, "x:124"),
        ({"id": 4.8979055905868e17, "id_str": None}, None),
        ({"id": None, "id_str": None}, None),
        ({"id": 1, "id_str": "4.8979e+17"}, None),
    ],
)
def test_an_id_is_exact_or_the_status_is_refused(ids: dict[str, Any], expected: str | None) -> None:
    if expected:
        assert expected == post(**ids).id
    else:
        with pytest.raises(contract.Refused, match="no_id"):
            post(**ids)


def test_a_user_without_a_text_id_is_identified_by_its_number() -> None:
    assert post(user={"id": 12}).author == "12"
    assert post(user={"id": 1.2e17}).author is None
    assert post(user=None).author is None


def test_a_status_without_text_is_refused() -> None:
    with pytest.raises(contract.Refused, match="no_text"):
        decode({"id_str": "1", "user": {}})
    with pytest.raises(contract.Refused, match="no_id"):
        decode({"hello": 1})


@pytest.mark.parametrize(
    ("line", "tombstone"),
    [
        ({"delete": {"status": {"id": 5, "id_str": "55"}}}, ("id", "x:55", "deleted_later")),
        ({"delete": {"status": {"id": 55, "user_id": 3}}}, ("id", "x:55", "deleted_later")),
        ({"status_withheld": {"id": 55, "user_id": 3}}, ("id", "x:55", "withheld")),
        ({"user_withheld": {"id": 3}}, ("author", "x:3", "withheld")),
        ({"user_delete": {"id": 3}}, ("author", "x:3", "deleted_later")),
        ({"user_protect": {"user_id": 3}}, ("author", "x:3", "protected")),
        ({"user_suspend": {"id": 3}}, ("author", "x:3", "removed")),
    ],
)
def test_a_notice_of_withdrawal_is_a_tombstone(
    line: dict[str, Any], tombstone: tuple[str, str, str]
) -> None:
    assert Tombstone(*tombstone) == decode(line)


def test_a_notice_that_takes_another_back_needs_the_times_of_both() -> None:
    at = 1_617_292_449_000_000
    timed = {"id": 3, "timestamp_ms": "1617292449000"}
    assert Tombstone("author", "x:3", "undeleted", at) == decode({"user_undelete": timed})
    assert Tombstone("author", "x:3", "deleted_later", at) == decode({"user_delete": timed})
    assert Skipped("user_undelete") == decode({"user_undelete": {"id": 3}})


def test_a_deletion_whose_id_lost_digits_is_refused() -> None:
    with pytest.raises(contract.Refused, match="no_id"):
        decode({"delete": {"status": {"id": 4.8979055905868e17}}})


@pytest.mark.parametrize("name", ["scrub_geo", "limit", "disconnect", "warning", "info"])
def test_other_notices_are_skipped_by_name(name: str) -> None:
    assert Skipped(name) == decode({name: {"track": 1}})


def archive(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def rows(start: int, count: int) -> bytes:
    return b"".join(
        json.dumps({**STATUS, "id_str": str(start + n)}).encode() + b"\r\n\r\n"
        for n in range(count)
    )


def test_a_tar_of_compressed_minutes_is_read_in_order_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "2010-04.tar"
    archive(
        path, {"19/00.json.bz2": bz2.compress(rows(0, 5)), "19/01.gz": gzip.compress(rows(5, 5))}
    )
    config = x_stream.Config(path=str(path))
    batches = list(x_stream.read(str(path), config, 3))
    ids = [name for batch in batches for name in batch.posts["id"].to_list()]
    assert [f"x:{n}" for n in range(10)] == ids
    assert f"{path}!19/01.gz" == batches[-1].posts["source_file"][-1]
    for number, batch in enumerate(batches[:-1]):
        rest = list(x_stream.read(str(path), config, 3, batch.cursor))
        assert [b.posts.rows() for b in batches[number + 1 :]] == [b.posts.rows() for b in rest]


@pytest.mark.parametrize(
    ("name", "posts", "tombstones"),
    [
        ("a.no-labels.json", 774, 0),
        ("b.no-labels.json", 1521, 0),
        ("stream_2010.json", 95, 5),
        ("extended/original_format_examples.json", 25, 0),
    ],
)
def test_real_streams_are_read_to_the_last_line(name: str, posts: int, tombstones: int) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no sample dumps beside the repository: {path}")
    (batch,) = x_stream.read(str(path), x_stream.Config(path=str(path)), 10_000)
    lines = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
    counts = (batch.posts.height, batch.tombstones.height, batch.refused.height)
    assert (posts, tombstones, 0) == counts
    assert lines == posts + tombstones
    assert batch.posts["created_at"].null_count() == 0
    assert batch.posts["author"].str.contains(r"^\d+$").all()


# --------------------------------------------------------------------------- Gnip

TAG = "tag:search.twitter.com,2005:"
ACTIVITY: dict[str, Any] = {
    "id": TAG + "489790559058686978",
    "objectType": "activity",
    "verb": "post",
    "postedTime": "2010-04-19T17:52:00.000Z",
    "actor": {"objectType": "person", "id": "id:twitter.com:12", "preferredUsername": "ada"},
    "body": "tea &amp; cake &amp;lt;",
    "object": {"objectType": "note", "id": "object:search.twitter.com,2005:489790559058686978"},
    "twitter_lang": "en",
    "favoritesCount": 4,
    "twitter_entities": {"urls": [], "user_mentions": []},
}


def activity(**changes: Any) -> Post:
    record = decode({**ACTIVITY, **changes})
    assert isinstance(record, Post)
    return record


def test_an_activity_of_gnip_is_the_same_post_as_its_status() -> None:
    assert activity() == post()._replace(sensitive=None)
    long = {"body": "the whole text", "twitter_entities": {}}
    assert activity(long_object=long).text == "the whole text"
    link = {"link": "http://twitter.com/bob/statuses/5"}
    assert (activity(inReplyTo=link).kind, activity(inReplyTo=link).parent_id) == ("reply", "x:5")


def test_a_share_has_the_original_s_whole_text() -> None:
    bob = {"id": "id:twitter.com:13", "preferredUsername": "bob"}
    original = {**ACTIVITY, "id": TAG + "77", "actor": bob, "body": "a long s\u2026"}
    original["long_object"] = {"body": "a long story &gt; all"}
    repost = activity(verb="share", body="RT @bob: a l\u2026", object=original)
    assert (repost.kind, repost.text, repost.parent_id, repost.original_author) == (
        "repost",
        "RT @bob: a long story > all",
        "x:77",
        "13",
    )
    assert repost.mentions == "bob=13"


def test_an_activity_that_quotes_has_no_link_to_what_it_quotes() -> None:
    url = {"url": "https://t.co/q", "expanded_url": "https://twitter.com/bob/status/77"}
    quote = activity(
        body="so it is https://t.co/q",
        twitter_entities={"urls": [url]},
        twitter_quoted_status={"id": TAG + "77"},
    )
    assert (quote.kind, quote.text) == ("quote", "so it is")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"verb": "delete", "object": {"id": TAG + "5"}}, Tombstone("id", "x:5", "deleted_later")),
        (
            {"verb": "user_protect", "object": {"id": "id:twitter.com:5"}},
            Tombstone("author", "x:5", "protected", 1_271_699_520_000_000),
        ),
        ({"verb": "user_undelete", "postedTime": None}, Skipped("user_undelete")),
        ({"verb": "scrub_geo"}, Skipped("activity")),
    ],
)
def test_notices_of_gnip_are_tombstones(changes: dict[str, Any], expected: object) -> None:
    assert expected == decode({**ACTIVITY, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"id": TAG}, "no_id"), ({"body": None}, "no_text"), ({"verb": "delete"}, "no_id")],
)
def test_an_activity_without_id_or_text_is_refused(changes: dict[str, Any], reason: str) -> None:
    row = {**ACTIVITY, **changes} | ({"object": {}} if changes.get("verb") else {})
    with pytest.raises(contract.Refused, match=reason):
        decode(row)
