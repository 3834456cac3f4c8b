"""A mention has the pseudonym of the author it names, also where authors are numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.readers import find
from corpus.readers.contract import match_mentions
from filters.pii.styles import encode_digest_as_letters
from tests.conftest import write_lines


def read(name: str, path: Path) -> pl.DataFrame:
    module: Any = find(name)
    batches = module.read(str(path), module.Config(path=str(path)), 100, None)
    return pl.concat(batch.posts for batch in batches)


Person = tuple[str, str]  # name, author


def tweet(number: int, user: Person, text: str, *people: Person) -> dict[str, Any]:
    named = [{"screen_name": name, "id_str": author} for name, author in people]
    return {
        "id_str": str(number), "text": text, "user": {"id_str": user[1], "screen_name": user[0]},
        "created_at": "Wed Oct 10 20:19:24 +0000 2018", "entities": {"user_mentions": named},
    }  # fmt: skip


def test_only_accounts_named_in_the_text_are_mentions() -> None:
    people = [("Joe", "1"), ("ann", "2"), (None, "3"), ("x y", "4"), ("bob", None)]
    assert match_mentions("hi @joe and @bob", people) == "joe=1"
    assert match_mentions("@ann @JOE", people) == "ann=2 joe=1"
    assert match_mentions("joe", people) is None


def test_tweets_of_v1_have_mentions(tmp_path: Path) -> None:
    rows = [
        tweet(1, ("ann", "11"), "hi @Joe", ("Joe", "12")),
        {**tweet(2, ("bob", "13"), "RT @ann: hi @Joe"),
         "retweeted_status": tweet(1, ("ann", "11"), "hi @Joe", ("Joe", "12"))},
        {**tweet(3, ("bob", "13"), "hi @Joe"), "entities": "odd"},
    ]  # fmt: skip
    write_lines(tmp_path / "a.json", rows)
    assert read("x_stream", tmp_path / "a.json")["mentions"].to_list() == [
        "joe=12",
        "ann=11 joe=12",
        None,
    ]


def test_tweets_of_v2_have_mentions(tmp_path: Path) -> None:
    row = {
        "data": {
            "id": "5", "text": "hi @Joe", "author_id": "11",
            "entities": {"mentions": [{"username": "Joe", "id": "12", "start": 3, "end": 7}]},
        }
    }  # fmt: skip
    write_lines(tmp_path / "a.jsonl", [row])
    assert read("x_api", tmp_path / "a.jsonl")["mentions"].to_list() == ["joe=12"]


def test_posts_of_bluesky_have_mentions(tmp_path: Path) -> None:
    text = "héllo @jay.example.org"
    begin = len("héllo ".encode())
    facet = {
        "index": {"byteStart": begin, "byteEnd": len(text.encode())},
        "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:jay"}],
    }
    record = {"$type": "app.bsky.feed.post", "text": text, "facets": [facet], "langs": ["en"],
              "createdAt": "2024-09-09T19:46:02.102Z"}  # fmt: skip
    row = {
        "did": "did:plc:ann", "time_us": 1725911162329308, "kind": "commit",
        "commit": {"rev": "a", "operation": "create", "collection": "app.bsky.feed.post",
                   "rkey": "b", "record": record, "cid": "c"},
    }  # fmt: skip
    write_lines(tmp_path / "a.jsonl", [row])
    found = read("bluesky", tmp_path / "a.jsonl")
    assert found["mentions"].to_list() == ["jay.example.org=did:plc:jay"]


@pytest.mark.parametrize("mode", ["posts", "tree"])
def test_a_mention_gets_its_author_s_pseudonym_and_the_map_is_not_in_the_output(
    tmp_path: Path, mode: str
) -> None:
    rows = [
        tweet(1, ("ann", "11"), "what do you say to all of this @Joe", ("Joe", "12")),
        {**tweet(2, ("Joe", "12"), "nothing at all my dear @ann, as ever", ("ann", "11")),
         "in_reply_to_status_id_str": "1"},
    ]  # fmt: skip
    write_lines(tmp_path / "a.json", rows)
    plan = {
        "sources": [{"x_stream": {"path": str(tmp_path / "a.json")}}],
        "stages": [{"conversations": {"mode": mode}}, {"pii": {"handles": "pseudonym"}}],
        "output": {"path": str(tmp_path / "out")},
        "run": {"runner": "serial"},
    }
    corpus.build(plan)
    kept = corpus.load(tmp_path / "out").scan().collect()
    assert "mentions" not in kept.columns
    authors = set(kept["authors"].explode())
    told = "\n".join(kept["text"])
    assert len(authors) == 2
    for author in authors:
        assert f"<HANDLE_{encode_digest_as_letters(author[:12])}>" in told
    assert "joe" not in json.dumps(kept["text"].to_list()).lower()


def test_statuses_of_mastodon_have_mentions_with_hosts(tmp_path: Path) -> None:
    row = {
        "id": "1", "uri": "https://mas.to/users/ann/statuses/1", "visibility": "public",
        "created_at": "2024-09-09T19:46:02.102Z", "language": "en",
        "content": "<p>hi <span>@<span>Joe</span></span></p>",
        "account": {"id": "7", "username": "ann", "acct": "ann", "url": "https://mas.to/@ann"},
        "mentions": [{"id": "9", "username": "Joe", "acct": "Joe@toot.example",
                      "url": "https://toot.example/@Joe"}],
    }  # fmt: skip
    write_lines(tmp_path / "a.jsonl", [row])
    found = read("mastodon", tmp_path / "a.jsonl")
    assert found["mentions"].to_list() == ["joe=Joe@toot.example"]
    assert found["author"].to_list() == ["ann@mas.to"]
