"""The suppression list keeps requests beside the key, as keyed names, and never loses one."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from corpus.cli.options import read_lines
from corpus.errors import PlanError
from corpus.privacy import keys, suppression
from tests.support.keys import DIGITS

KEY = bytes.fromhex(DIGITS)


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.key"
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o600)
    return path


def test_a_key_without_a_list_has_an_empty_one(key_path: Path) -> None:
    listed = suppression.load(key_path)
    assert (listed.ids, listed.authors, listed.names) == (frozenset(), frozenset(), ())
    assert listed.state == suppression.EMPTY
    assert not suppression.list_path(key_path).exists()  # type: ignore[union-attr]


def test_listed_ids_and_authors_are_found_by_their_original_and_by_their_keyed_names(
    key_path: Path,
) -> None:
    keyed = keys.make_id_pseudonymizer(KEY)("forum:9")
    pseudonym = keys.pseudonymize_author("forum:Rosa", KEY)
    suppression.add(key_path, ["forum:7", keyed], ["forum:ada", pseudonym])
    listed = suppression.load(key_path)
    assert listed.includes_id("forum:7") and listed.includes_id("forum:9")
    assert listed.includes_id(keyed) and not listed.includes_id("forum:8")
    assert listed.includes_author("forum:Ada") and listed.includes_author("forum:rosa")
    assert listed.includes_author(pseudonym) and not listed.includes_author("forum:bea")
    ids = pl.Series(["forum:7", None, "forum:8", keyed, "chat:7"])
    assert listed.mark_ids(ids).to_list() == [True, False, False, True, False]
    authors = pl.Series(["forum:ROSA", None, "forum:bea"])
    assert listed.mark_authors(authors).to_list() == [True, False, False]


def test_the_file_has_keyed_names_only_and_its_owner_alone_can_read_it(key_path: Path) -> None:
    os.umask(0o022)
    suppression.add(key_path, ["forum:id-7"], ["forum:rosa-finch"], ["Rosa Finch"])
    path = key_path.with_name("corpus.key.suppressed")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_text().lower()
    assert "rosa" not in content and "finch" not in content and "id-7" not in content
    assert suppression.load(key_path).names == ("Rosa Finch",)
    assert "Rosa" not in repr(suppression.load(key_path))
    assert [entry.name for entry in key_path.parent.iterdir() if entry != key_path] == [path.name]


def test_an_entry_is_added_once_and_each_addition_has_a_state(key_path: Path) -> None:
    first = suppression.add(key_path, ["forum:1", "forum:1"], ["forum:ada"], ["Ada Lane"])
    assert (first.ids, first.authors, first.names, first.after.entries) == (1, 1, 1, 3)
    again = suppression.add(key_path, ["forum:1"], ["forum:ADA"], ["ada  lane"])
    assert (again.ids, again.authors, again.names) == (0, 0, 0) and again.after == first.after
    second = suppression.add(key_path, ["forum:2"])
    assert second.after.entries == 4
    listed = suppression.load(key_path)
    assert listed.has_had(suppression.EMPTY) and listed.has_had(first.after)
    assert listed.has_had(suppression.State.parse(second.after.describe()) or first.after)
    assert not listed.has_had(suppression.State(2, first.after.digest))


def test_a_platform_of_any_letters_is_listed(key_path: Path) -> None:
    suppression.add(key_path, ["taéble:1", "forum:ñ"], ["taéble:Zoë"])
    listed = suppression.load(key_path)
    assert listed.mark_ids(pl.Series(["taéble:1", "forum:ñ", "taéble:2"])).to_list() == [
        True,
        True,
        False,
    ]
    assert listed.includes_author("taéble:zoë") and listed.state.entries == 3


def test_a_platform_in_capitals_and_an_at_before_a_name_are_understood(key_path: Path) -> None:
    suppression.add(key_path, ["FORUM:6"], ["mastodon:@Ann@soc.test"])
    listed = suppression.load(key_path)
    assert listed.mark_ids(pl.Series(["forum:6", "FORUM:6", "forum:7"])).to_list() == [
        True,
        True,
        False,
    ]
    assert listed.mark_authors(pl.Series(["mastodon:ann@soc.test"])).to_list() == [True]
    assert listed.includes_id("Forum:6") and listed.includes_author("mastodon:@ann@soc.test")
    with pytest.raises(PlanError, match="'8' is not a post id; write 'platform:id', such as"):
        suppression.add(key_path, ["8"])


def test_a_byte_order_mark_is_no_part_of_the_first_request(tmp_path: Path) -> None:
    text = "\ufeffid forum:7\nname Rosa Finch\n"
    assert suppression.parse_requests(text, "r.txt") == (["forum:7"], [], ["Rosa Finch"])
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbfforum:7\r\nforum:8\r\n")
    assert read_lines(str(tmp_path / "ids.txt")) == ["forum:7", "forum:8"]


def test_a_link_to_a_key_has_the_list_of_that_key(key_path: Path, tmp_path: Path) -> None:
    link = tmp_path / "l.key"
    link.symlink_to(key_path.name)
    suppression.add(key_path, ["forum:1"])
    suppression.add(link, ["forum:2"])
    assert len(suppression.load(link).ids) == len(suppression.load(key_path).ids) == 2
    assert not (tmp_path / "l.key.suppressed").exists()


def test_a_list_beside_a_link_is_never_forgotten(key_path: Path, tmp_path: Path) -> None:
    link, beside = tmp_path / "l.key", tmp_path / "l.key.suppressed"
    link.symlink_to(key_path.name)
    suppression.add(key_path, ["forum:1"])
    os.rename(suppression.list_path(key_path), beside)  # as earlier versions wrote it
    assert suppression.load(link).includes_id("forum:1")
    suppression.add(key_path, ["forum:2"])
    with pytest.raises(PlanError, match="append the lines"):
        suppression.load(link)
    whole = Path(suppression.list_path(key_path))
    whole.write_text(whole.read_text() + beside.read_text().partition("\n")[2])
    beside.unlink()
    assert len(suppression.load(link).ids) == 2


def test_an_addition_completes_what_lacks_its_requests_alone(key_path: Path) -> None:
    first = suppression.add(key_path, ["forum:1"], names=["Ada Lane"])
    second = suppression.add(key_path, ["forum:2"])
    assert second.completes(first.after) and not second.completes(suppression.EMPTY)
    again = suppression.add(key_path, ["forum:2", "forum:1"], names=["ADA lane"])
    assert again.completes(suppression.EMPTY) and again.completes(second.after)
    assert not again.completes(suppression.State(1, "of another list"))


def test_a_list_that_has_lost_an_entry_has_not_had_the_state_after_it(key_path: Path) -> None:
    path = key_path.with_name("corpus.key.suppressed")
    suppression.add(key_path, ["forum:1"])
    older = path.read_bytes()
    state = suppression.add(key_path, ["forum:2"]).after
    path.write_bytes(older)
    assert not suppression.load(key_path).has_had(state)
    suppression.add(key_path, ["forum:3"])
    assert not suppression.load(key_path).has_had(state)


@pytest.mark.parametrize("damage", ["", "nonsense\n", "cut", "a line more"])
def test_a_damaged_list_is_refused_and_not_taken_for_an_empty_one(
    key_path: Path, damage: str
) -> None:
    path = key_path.with_name("corpus.key.suppressed")
    suppression.add(key_path, ["forum:1", "forum:2"])
    whole = path.read_text()
    path.write_text({"cut": whole[:-3], "a line more": whole + "id 7\n"}.get(damage, damage))
    with pytest.raises(PlanError, match="damaged; restore it"):
        suppression.load(key_path)
    with pytest.raises(PlanError, match="damaged; restore it"):
        suppression.add(key_path, ["forum:3"])


def test_the_list_of_another_key_is_refused_with_the_way_out(key_path: Path) -> None:
    suppression.add(key_path, ["forum:1"])
    key_path.write_text(hashlib.sha256(b"another").hexdigest())
    with pytest.raises(PlanError, match=r"another key.*suppressed: FILE"):
        suppression.load(key_path)


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        ({"ids": ["7"]}, "write 'platform:id'"),
        ({"ids": ["a forum:7"]}, "write 'platform:id'"),
        ({"authors": ["rosa"]}, "write 'platform:name'"),
        ({"names": ["Rosa Finch", "x."]}, "name number 2 has fewer than two letters"),
    ],
)
def test_a_wrong_request_is_refused_and_none_is_added(
    key_path: Path, requests: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        suppression.add(key_path, **{"ids": ["forum:1"]} | requests)
    assert not suppression.load(key_path).lines


def test_processes_that_add_at_one_time_lose_no_entry(key_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from corpus.privacy import suppression\n"
        "for n in range(25): suppression.add(Path(sys.argv[1]), [f'forum:{sys.argv[2]}-{n}'])"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(key_path), str(number)])
        for number in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    listed = suppression.load(key_path)
    assert len(listed.ids) == 75
    assert all(listed.includes_id(f"forum:{n % 3}-{n // 3}") for n in range(75))


def test_an_addition_that_is_stopped_leaves_the_list_as_it_was(
    key_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suppression.add(key_path, ["forum:1"])

    def stop(old: Path, new: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", stop)
        suppression.add(key_path, ["forum:2"])
    assert suppression.load(key_path).state.entries == 1
    assert sorted(path.name for path in key_path.parent.iterdir()) == [
        "corpus.key",
        "corpus.key.suppressed",
    ]
    assert suppression.add(key_path, ["forum:2"]).after.entries == 2


# --------------------------------------------------------------------------- posts


def test_reposts_and_copies_of_a_listed_post_or_author_are_dropped_with_it(key_path: Path) -> None:
    suppression.add(key_path, ["x:1"], ["x:77", "x:rosa"])
    rows: list[tuple[str, dict[str, object]]] = [
        ("kept", {}),
        ("the post", {"id": "x:1"}),
        ("by the author", {"author": "77"}),
        ("a repost", {"kind": "repost", "parent_id": "x:1"}),
        ("kept: a reply to the post", {"kind": "reply", "parent_id": "x:1"}),
        ("RT @Finch: of an author with a number", {"mentions": "ada=8 finch=77 zoe=9"}),
        ("RT @finchley: kept, another name", {"mentions": "finch=77 finchley=78"}),
        ("RT @Rosa: by name", {}),
        ("kept: RT @rosa: not at the start", {}),
    ]
    base = {"id": "x:0", "platform": "x", "kind": "post", "author": "5", "mentions": None}
    base |= {"parent_id": None}
    frame = pl.DataFrame(
        [base | {"text": text, "id": f"x:{n + 100}"} | more for n, (text, more) in enumerate(rows)],
        schema_overrides={"mentions": pl.String, "parent_id": pl.String},
    )
    kept = suppression.drop_listed(suppression.load(key_path), frame)["text"].to_list()
    assert len(kept) == 4 and all("kept" in text for text in kept)


def test_screen_names_and_the_authors_of_originals_are_looked_up_where_a_reader_has_them(
    key_path: Path,
) -> None:
    suppression.add(key_path, [], ["x:77", "x:rosa"])
    columns = ("text", "kind", "author_name", "original_author")
    rows = [
        ("kept", "post", "ada", None),
        ("by screen name", "post", "Rosa", None),
        ("a repost", "repost", "ada", "77"),
        ("kept: a quote", "quote", "ada", "77"),
    ]
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        pl.lit("x").alias("platform"),
        pl.lit("5").alias("author"),
        pl.int_range(pl.len()).cast(pl.String).alias("id"),
        *(pl.lit(None, pl.String).alias(name) for name in ("parent_id", "mentions")),
    )
    kept = suppression.drop_listed(suppression.load(key_path), frame)["text"].to_list()
    assert kept == ["kept", "kept: a quote"]


# --------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Ask Rosa Finch about it", "Ask <PERSON> about it"),
        ("ROSA  FINCH!", "<PERSON>!"),
        ("_rosa\nfinch_ and Rosa Finch's cat", "_<PERSON>_ and <PERSON>'s cat"),
        ("Rosa Finchley and Prosa Finch stay", "Rosa Finchley and Prosa Finch stay"),
        ("Rosa, Finch", "Rosa, Finch"),
        ("Zoe\u0308 said hi to Zo\u00eb", "<PERSON> said hi to <PERSON>"),
        ("Zoe came, and Zoë2", "Zoe came, and Zoë2"),
        ("昨天李小龙来了", "昨天<PERSON>来了"),
        ("Rosa Finch Rosa Finch", "<PERSON> <PERSON>"),
        ("nobody here", "nobody here"),
        (None, None),
    ],
)
def test_names_are_redacted_as_whole_words(text: str | None, redacted: str | None) -> None:
    names = ("Rosa Finch", "Zoë", "李小龙")
    texts = pl.Series(["first", text, "last"])
    assert suppression.redact_names(texts, names).to_list() == ["first", redacted, "last"]


def test_of_two_names_the_longer_is_redacted_first() -> None:
    texts = pl.Series(["Ann Lee met Ann and Leo Ann Lee"])
    found = suppression.redact_names(texts, ["Ann", "Ann Lee"])
    assert found.to_list() == ["<PERSON> met <PERSON> and Leo <PERSON>"]
