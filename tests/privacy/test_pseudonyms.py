"""Every output has pseudonyms of ids and authors, which nobody can trace back without the key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.maintenance.takedown import take_down
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Pseudonymizer
from tests.conftest import post, sentence, write_lines
from tests.support.commands import command

KEY = bytes(range(32))
KEYED = re.compile(r"table:~[0-9a-f]{24}")


def pseudonymizer(key: bytes = KEY) -> Pseudonymizer:
    return Pseudonymizer(key, "keyed")


def test_an_id_keeps_its_platform_and_nothing_else() -> None:
    pseudonym = pseudonymizer().pseudonymize_id("reddit:t1_c0abc")
    assert pseudonym is not None and re.fullmatch(r"reddit:~[0-9a-f]{24}", pseudonym)
    assert pseudonym != pseudonymizer(bytes(32)).pseudonymize_id("reddit:t1_c0abc")
    assert pseudonymizer().pseudonymize_id(pseudonym) == pseudonym
    assert pseudonymizer().pseudonymize_id(None) is None
    assert Pseudonymizer(KEY, "original").pseudonymize_id("reddit:t1_c0abc") == "reddit:t1_c0abc"


def test_the_pseudonyms_of_a_post_and_of_an_author_differ_for_one_name() -> None:
    assert keys.pseudonymize_author("x:12", KEY)[:24] not in (
        pseudonymizer().pseudonymize_id("x:12") or ""
    )


def test_letter_case_does_not_change_an_author_s_pseudonym() -> None:
    assert keys.pseudonymize_author("reddit:Spez", KEY) == keys.pseudonymize_author(
        "reddit:spez", KEY
    )


def test_every_column_of_ids_is_replaced_and_lists_keep_their_lengths() -> None:
    frame = pl.DataFrame(
        {
            "id": ["x:1", "x:2", "x:3"],
            "parent_id": [None, "x:1", None],
            "cluster": ["x:1", None, "x:~" + "a" * 24],
            "post_ids": [["x:1", "x:2"], [], None],
        },
        schema_overrides={"post_ids": pl.List(pl.String)},
    )
    one, two = pseudonymizer().pseudonymize_id("x:1"), pseudonymizer().pseudonymize_id("x:2")
    found = pseudonymizer().replace_id_columns(frame).rows()
    assert found[0] == (one, None, one, [one, two])
    assert found[1] == (two, one, None, [])
    assert found[2] == (pseudonymizer().pseudonymize_id("x:3"), None, "x:~" + "a" * 24, None)


def test_a_personal_community_gets_the_pseudonym_of_its_owner() -> None:
    frame = pl.DataFrame(
        {
            "platform": ["reddit"] * 3 + ["x"],
            "author": ["Spez", None, "a", "b"],
            "community": ["u_spez", "pics", None, "u_spez"],
        }
    )
    replaced = pseudonymizer().replace_author_columns(frame)
    one, pics, none, other = replaced["community"].to_list()
    assert (one, pics, none) == (f"u_{replaced['author'][0]}", "pics", None)
    # Such a name is a person's on every platform, and another person on each.
    assert re.fullmatch("u_[0-9a-f]{32}", other) and other != one


def test_a_community_that_is_named_as_its_author_is_the_author_s_page() -> None:
    frame = pl.DataFrame(
        {"platform": ["forum"] * 2, "author": ["Ada", "ada"], "community": ["ada", "Tea"]}
    )
    replaced = pseudonymizer().replace_author_columns(frame)
    assert replaced["community"].to_list() == [f"u_{replaced['author'][0]}", "Tea"]


# --------------------------------------------------------------------------- in a build


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """100 posts; posts 300 to 309 are copies by others, and 5 answers 4."""
    rows = [post(n) for n in range(100)]
    rows += [post(300 + n, text=sentence(n).upper(), user=f"other{n}") for n in range(10)]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    plan: dict[str, Any] = {
        "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
        "stages": [{"quality": {}}, {"dedup": {}}, {"pii": {}}],
        "output": {"path": str(tmp_path / "out")},
        "run": {"runner": "serial", "part_posts": 30},
    }
    corpus.build(plan)
    return tmp_path / "out"


def test_no_original_id_is_anywhere_in_the_output(out: Path) -> None:
    opened = corpus.load(out)
    kept, dropped = opened.scan().collect(), opened.dropped().collect()
    for frame, columns in ((kept, ("id", "cluster")), (dropped, ("id", "cluster"))):
        for column in columns:
            found = frame[column].drop_nulls()
            assert found.len() and all(KEYED.fullmatch(each) for each in found), column
    clusters = [row["cluster"] for row in opened.manifest["dedup"]["largest"]]
    assert clusters and all(KEYED.fullmatch(each) for each in clusters)
    assert opened.manifest["ids"] == "keyed"
    written = [path for path in out.rglob("*") if path.is_file() and path.suffix != ".sealed"]
    for path in written:
        assert not re.search(rb"table:[0-9]", path.read_bytes()), path.name


def test_a_takedown_takes_ids_of_either_kind(out: Path) -> None:
    key = keys.load_key(out.parent / "corpus.key")
    keyed = pseudonymizer(key).pseudonymize_id("table:51") or ""
    found = take_down(out, {"table:50", keyed, "table:0", "table:nothing"})
    assert (found["removed"], found["elected"], found["unknown"]) == (3, 1, ["table:nothing"])
    kept = set(corpus.load(out).scan().collect()["id"])
    assert not kept & {pseudonymizer(key).pseudonymize_id(f"table:{n}") for n in (0, 50, 51)}
    assert pseudonymizer(key).pseudonymize_id("table:300") in kept  # the replacement copy of post 0
    receipt = json.loads((out / "takedowns" / "00001.json").read_text())
    assert receipt["removed"] == 3 and "table:" not in json.dumps(receipt)


def test_explain_takes_ids_of_either_kind_and_needs_the_key_for_original_ids(out: Path) -> None:
    keyed = pseudonymizer(keys.load_key(out.parent / "corpus.key")).pseudonymize_id("table:7") or ""
    for name in ("table:7", keyed):
        done = command("explain", str(out), name)
        assert (done.returncode, "kept, in shards/" in done.stdout) == (0, True)
    (out.parent / "corpus.key").rename(out.parent / "moved.key")
    done = command("explain", str(out), "table:7")
    assert done.returncode == 2 and "--key" in done.stderr
    moved = str(out.parent / "moved.key")
    assert command("explain", str(out), "table:7", "--key", moved).returncode == 0
    assert command("explain", str(out), keyed).returncode == 0


def test_a_later_corpus_names_the_earlier_post_by_its_keyed_id(out: Path) -> None:
    write_lines(out.parent / "more.jsonl", [post(n) for n in range(20, 40)])
    fields = {"id": "id", "text": "text", "author": "user"}
    later, source = out.parent / "later", {"path": str(out.parent / "more.jsonl")}
    corpus.build(
        {
            "sources": [{"table": {**source, "platform": "late", "fields": fields}}],
            "stages": [{"dedup": {"against": [str(out)]}}],
            "output": {"path": str(later)},
            "run": {"runner": "serial"},
        }
    )
    dropped = corpus.load(later).dropped().collect()
    assert dropped.height == 20
    assert set(dropped["cluster"]) <= set(corpus.load(out).scan().collect()["id"])


def test_many_names_are_hashed_as_each_is_alone() -> None:
    rare = ["", ":", "no platform", "mastodon:Ada@Host", "misskey:Ada@Host", "MISSKEY:ada@host"]
    rare += ["x:İstanbul", "x:ΟΔΥΣΣΕΥΣ", "x:€" + "𝐟" * 30, f"x:~{'0a' * 12}", f"x:~{'0A' * 12}"]
    rare += [f"x:~{'0a' * 12}\n", "x:a:b"]
    names = [None, *rare, *(f"X:{'b' * length}c" for length in range(200))] * 6
    assert len(names) > 1000
    for key in (KEY, bytes(range(64)), bytes(range(65)), bytes(range(150))):
        many = Pseudonymizer(key, "keyed")
        assert many.pseudonymize_ids(pl.Series("id", names)).to_list() == [
            many.pseudonymize_id(name) for name in names
        ]
        assert many.pseudonymize_authors(pl.Series("author", names)).to_list() == [
            None if name is None else keys.pseudonymize_author(name, key) for name in names
        ]
