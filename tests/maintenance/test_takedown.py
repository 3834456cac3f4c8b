"""Posts and authors leave a finished corpus; second copies take first ones' places."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.dedup import dedup_index
from corpus.errors import BuildError, PlanError
from corpus.maintenance import takedown, verify
from corpus.maintenance.takedown import take_down
from corpus.manifest import find_imbalances
from corpus.pipeline import replacements
from corpus.privacy import keys
from corpus.tasks.files import file_sha256
from tests.conftest import contents, post, sentence, write_lines
from tests.support import corpora
from tests.support.commands import command
from tests.support.examples import is_wide
from tests.support.keys import DIGITS

Made = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Build 200 posts in several shards; posts 300 to 309 say what posts 0 to 9 do."""

    def make(
        stages: list[Any] | None = None, name: str = "out", ids: str = "original", **dedup: Any
    ) -> Path:
        rows = [post(n) for n in range(200)]
        rows += [post(300 + n, text=sentence(n).upper(), user=f"other{n}") for n in range(10)]
        write_lines(tmp_path / "posts.jsonl", rows)
        fields = {"id": "id", "text": "text", "author": "user"}
        plan = {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": [{"quality": {}}, {"dedup": dedup}, *(stages or [{"pii": {}}])],
            "output": {
                "path": str(tmp_path / name),
                "shard_mb": 0.004,
                "row_group_mb": 0.001,
                "ids": ids,
            },
            "run": {"runner": "serial", "part_posts": 50},
        }
        corpora.build_once(tmp_path, plan)
        return tmp_path / name

    return make


def rows(out: Path) -> pl.DataFrame:
    return corpus.load(out).scan().collect()


def test_posts_leave_and_only_their_shards_are_written_again(made: Made) -> None:
    out = made(reserve=False)
    before = {path.name: file_sha256(path) for path in (out / "shards").iterdir()}
    gone = {"table:0", "table:1", "table:150"}
    found = take_down(out, gone)
    assert (found["removed"], found["elected"], found["unknown"]) == (3, 0, [])
    left = rows(out)
    assert left.height == 197
    assert not set(left["id"]) & gone
    after = {path.name: file_sha256(path) for path in (out / "shards").iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {Path(shard["path"]).name for shard in found["shards"]}
    assert 0 < len(changed) < len(before)


def test_the_counts_hashes_and_papers_are_brought_up_to_date(made: Made) -> None:
    out = made()
    take_down(out, ["table:0", "table:50"])
    manifest = json.loads((out / "manifest.json").read_text())
    assert find_imbalances(manifest) == []
    assert manifest["totals"]["kept"] == 199
    assert manifest["funnel"][-1]["dropped"] == {"takedown": 2}
    assert manifest["totals"]["characters"] == rows(out)["text"].str.len_chars().sum()
    for shard in manifest["shards"]:
        assert file_sha256(out / shard["path"]) == shard["sha256"]
        assert pl.read_parquet(out / shard["path"]).height == shard["rows"]
    for piece in manifest["reserve"]["pieces"]:
        assert file_sha256(out / "reserve" / piece["path"]) == piece["sha256"]
    ledger = corpus.load(out).dropped().collect()
    assert ledger.height == manifest["totals"]["dropped"] + manifest["totals"]["refused"]
    assert "takedown" in (out / "README.md").read_text()
    assert "takedown" in (out / "report.html").read_text()


def test_a_second_copy_takes_the_place_of_the_first(made: Made, tmp_path: Path) -> None:
    out = made()
    found = take_down(out, ["table:3"])
    assert (found["removed"], found["elected"]) == (1, 1)
    left = rows(out)
    assert left.height == 200
    new = left.filter(pl.col("id") == "table:303").row(0, named=True)
    assert new["text"] == sentence(3).upper()
    assert (new["cluster"], new["cluster_size"]) == ("table:303", 1)
    key = keys.load_key(tmp_path / "corpus.key")
    assert new["author"] == keys.pseudonymize_author("table:other3", key)
    ledger = corpus.load(out).dropped().collect()
    assert "table:303" not in ledger["id"].to_list()
    # It is no second copy any more, and goes for good when asked to.
    assert take_down(out, ["table:303"])["elected"] == 0
    assert rows(out).height == 199


def test_the_cut_of_the_reserve_into_pieces_loses_no_copy(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(name="whole")
    (piece,) = replacements.list_pieces(whole / "reserve")
    key = keys.load_key(tmp_path / "corpus.key")
    monkeypatch.setattr(replacements, "PIECE_POSTS", 4)
    cut = replacements.list_pieces(made(name="cut") / "reserve")
    found = [replacements.load_piece(path, key) for path in cut]
    assert [frame.height for frame in found] == [4, 4, 2]
    assert pl.concat(found).equals(replacements.load_piece(piece, key))


def test_the_index_forgets_who_left_and_knows_who_moved_up(made: Made, tmp_path: Path) -> None:
    out = made()
    take_down(out, ["table:3", "table:100"])
    key = keys.load_key(tmp_path / "corpus.key")
    known = [dedup_index.load_piece(path, key) for path in dedup_index.list_index_pieces(out)]
    ids = {name for piece in known for name in piece.ids}
    assert ids == set(rows(out)["id"])
    fields = {"id": "id", "text": "text"}
    write_lines(
        tmp_path / "more.jsonl",
        [post(900, text=sentence(3)), post(901, text=sentence(100)), post(902, text=sentence(5))],
    )
    again = corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "more.jsonl"), "fields": fields}}],
            "stages": [{"dedup": {"against": [str(out)]}}],
            "output": {"path": str(tmp_path / "next"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    assert again["funnel"][-1]["dropped"] == {"in_earlier_corpus": 2}
    assert rows(tmp_path / "next")["id"].to_list() == ["table:901"]


def test_an_author_s_posts_leave_by_name_or_by_pseudonym(made: Made, tmp_path: Path) -> None:
    one = made(name="one")
    two = Path(shutil.copytree(one, tmp_path / "two"))
    pseudonym = keys.pseudonymize_author("table:u2", keys.load_key(tmp_path / "corpus.key"))
    assert rows(one).filter(pl.col("author") == pseudonym).height > 10
    take_down(one, authors=["table:u2"])
    take_down(two, authors=[pseudonym])
    assert contents(one) == contents(two)
    assert rows(one).filter(pl.col("author") == pseudonym).height == 0
    assert rows(one).height > 170


def test_a_second_copy_by_somebody_who_leaves_as_well_takes_no_place(made: Made) -> None:
    out = made()
    found = take_down(out, ["table:3"], ["table:other3"])
    assert (found["removed"], found["elected"], found["unknown"]) == (1, 0, [])
    assert rows(out).height == 199


def test_of_several_copies_that_stay_none_is_called_after_one_that_left(made: Made) -> None:
    out = made(max_cluster=2)
    assert rows(out).height == 210
    take_down(out, ["table:4"])
    left = rows(out)
    assert left.height == 209
    assert left.filter(pl.col("id") == "table:304")["cluster"].to_list() == [None]


def test_no_file_names_what_was_taken_down(made: Made, tmp_path: Path) -> None:
    out = made()
    take_down(out, ["table:3", "table:300", "table:77"])
    key = keys.load_key(tmp_path / "corpus.key")
    frames = [pl.read_parquet(path) for path in out.rglob("*.parquet")]
    frames += [replacements.load_piece(path, key) for path in (out / "reserve").glob("*")]
    for frame in frames:
        for column in frame.select(pl.col(pl.String)).columns:
            assert not set(frame[column]) & {"table:3", "table:300", "table:77"}
    for path in [*out.rglob("*.json"), *out.rglob("*.html"), *out.rglob("*.md")]:
        assert '"table:3"' not in path.read_text() and "table:77" not in path.read_text()
    receipt = json.loads((out / "takedowns" / "00001.json").read_text())
    assert receipt["removed"] == 2 and receipt["asked"] == 3


def test_what_is_not_there_is_reported_and_changes_nothing(made: Made) -> None:
    out = made()
    before = contents(out)
    found = take_down(out, ["table:nobody"], ["table:ghost"])
    assert found["removed"] == 0
    assert found["unknown"] == ["table:ghost", "table:nobody"]
    assert contents(out) == before


def test_stopped_anywhere_it_finishes_to_the_same_bytes(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = made()
    whole = tmp_path / "whole"
    shutil.copytree(out, whole)
    ids, authors = ["table:3", "table:9", "table:120"], ["table:u5"]
    take_down(whole, ids, authors, tmp_path / "corpus.key")
    real = os.replace
    finished = 0
    for allowed in range(0, 60, 1 if is_wide() else 9):
        copy = tmp_path / f"copy{allowed}"
        shutil.copytree(out, copy)
        left = allowed

        def replace(source: Any, target: Any) -> None:
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            real(source, target)

        monkeypatch.setattr(os, "replace", replace)
        try:
            take_down(copy, ids, authors, tmp_path / "corpus.key")
            finished += 1
        except KeyboardInterrupt:
            monkeypatch.setattr(os, "replace", real)
            take_down(copy, ids, authors, tmp_path / "corpus.key")
        monkeypatch.setattr(os, "replace", real)
        assert contents(copy) == contents(whole), allowed
        shutil.rmtree(copy)
        if finished:
            break
    assert finished == 1 and allowed > 10


def test_a_second_takedown_adds_to_the_first(made: Made) -> None:
    out = made()
    take_down(out, ["table:20"])
    take_down(out, ["table:21", "table:22"])
    manifest = json.loads((out / "manifest.json").read_text())
    assert find_imbalances(manifest) == []
    assert manifest["funnel"][-1]["dropped"] == {"takedown": 3}
    assert [row["removed"] for row in manifest["takedowns"]] == [1, 2]
    assert len(list((out / "dropped").glob("takedown-*"))) == 2


def test_mistakes_are_told(made: Made, tmp_path: Path) -> None:
    out = made()
    with pytest.raises(PlanError, match="is not an author; write 'platform:name'"):
        take_down(out, authors=["joe"])
    other = tmp_path / "other.key"
    other.write_text(DIGITS)
    other.chmod(0o600)
    with pytest.raises(PlanError, match="is not this corpus's key"):
        take_down(out, ["table:1"], key=other)
    with pytest.raises(PlanError, match="no key at"):
        take_down(out, ["table:1"], key=tmp_path / "nowhere")
    shard = sorted((out / "shards").iterdir())[0]
    shard.write_bytes(b"PAR1 cut")
    with pytest.raises(BuildError, match="is missing or damaged"):
        take_down(out, ["table:1"])


THREAD = [
    {"id": "q", "text": "why does the kettle sing?", "user": "ann"},
    {"id": "a", "text": "because the water boils", "user": "bob", "parent": "q"},
    {"id": "b", "text": "so that you hear it", "user": "cat", "parent": "q"},
    {"id": "c", "text": "write to me at ann@example.org", "user": "ann", "parent": "b"},
    {"id": "z", "text": "a post alone by itself here", "user": "dan"},
]


@pytest.fixture
def thread(tmp_path: Path) -> Callable[..., Path]:
    """Build a thread of four posts, and one post alone, as documents of one mode."""

    def make(*more: Any, **conversations: Any) -> Path:
        write_lines(tmp_path / "thread.jsonl", THREAD)
        fields = {"id": "id", "text": "text", "author": "user", "parent_id": "parent"}
        plan = {
            "sources": [{"table": {"path": str(tmp_path / "thread.jsonl"), "fields": fields}}],
            "stages": [{"dedup": {}}, {"conversations": conversations}, *more, {"pii": {}}],
            "output": {"path": str(tmp_path / "talk"), "ids": "original"},
            "run": {"runner": "serial"},
        }
        corpus.build(plan)
        return tmp_path / "talk"

    return make


def checked(out: Path) -> pl.DataFrame:
    """The documents; the books balance."""
    manifest = json.loads((out / "manifest.json").read_text())
    assert find_imbalances(manifest) == []
    left = rows(out)
    assert manifest["totals"]["documents"] == left.height
    assert manifest["totals"]["characters"] == left["text"].str.len_chars().sum()
    inside = {name for names in left["post_ids"] for name in names}
    assert manifest["totals"]["kept"] == len(inside)
    ledger = corpus.load(out).dropped().collect()
    assert ledger.height == manifest["totals"]["dropped"]
    return left


def test_a_turn_is_cut_out_of_a_conversation(thread: Callable[..., Path]) -> None:
    out = thread(mode="tree")
    assert take_down(out, ["table:b"])["removed"] == 1
    first = checked(out).row(0, named=True)
    assert first["text"] == (
        "user_1: why does the kettle sing?\n\n"
        "  user_2: because the water boils\n\n"
        "    user_1: write to me at <EMAIL_ADDRESS>"
    )
    assert first["post_ids"] == ["table:q", "table:a", "table:c"]
    assert first["turn_ends"][-1] == len(first["text"])
    assert first["id"] == "table:q"


def test_a_document_that_loses_its_first_turn_is_called_after_the_next(
    thread: Callable[..., Path], tmp_path: Path
) -> None:
    out = thread(mode="tree")
    take_down(out, authors=["table:ann"])
    left = checked(out)
    first = left.row(0, named=True)
    assert first["text"].startswith("  user_2: because the water boils")
    assert (first["id"], first["post_ids"]) == ("table:a", ["table:a", "table:b"])
    key = keys.load_key(tmp_path / "corpus.key")
    assert first["author"] == keys.pseudonymize_author("table:bob", key)
    assert first["root_id"] is None
    assert "table:q" not in str(left.to_dicts())


def test_in_pairs_a_post_leaves_every_document_it_is_in(thread: Callable[..., Path]) -> None:
    out = thread(mode="pair")
    before = rows(out)
    assert before.height == 2
    holding = [names for names in before["post_ids"] if "table:q" in names]
    take_down(out, ["table:q"])
    left = rows(out)
    assert holding and "table:q" not in str(left.to_dicts())
    manifest = json.loads((out / "manifest.json").read_text())
    assert find_imbalances(manifest) == []


def test_a_document_of_one_post_leaves_whole(thread: Callable[..., Path]) -> None:
    out = thread(mode="tree")
    take_down(out, ["table:z"])
    assert checked(out).height == 1


def test_a_document_that_cannot_be_cut_leaves_with_its_posts(
    thread: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = thread(mode="tree")
    for path in (out / "shards").iterdir():
        frame = pl.read_parquet(path).with_columns(turn_ends=pl.lit(None, pl.List(pl.Int64)))
        frame.write_parquet(path)
    found = take_down(out, ["table:b"])
    assert (found["removed"], found["alongside"]) == (4, 3)
    assert checked(out)["post_ids"].to_list() == [["table:z"]]


def test_an_index_of_documents_forgets_those_that_lost_a_turn(tmp_path: Path) -> None:
    rows = [post(n, text=f"{sentence(n)} " * 40, up=str(n - 1) if n % 6 else None, user=f"u{n % 6}")
            for n in range(12)]  # fmt: skip
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "up"}
    out = tmp_path / "out"
    corpus.build({
        "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
        "stages": [{"conversations": {"mode": "tree", "max_characters": 7000}}, {"dedup": {}}],
        "output": {"path": str(out), "ids": "original"},
        "run": {"runner": "serial"},
    })  # fmt: skip
    key = keys.load_key(tmp_path / "corpus.key")

    def known() -> set[str]:
        pieces = dedup_index.list_index_pieces(out)
        return {name for path in pieces for name in dedup_index.load_piece(path, key).ids}

    def held() -> set[str]:
        return set(corpus.load(out).scan().collect()["id"])

    assert known() == held() and any("#" in name for name in known())
    take_down(out, authors=["table:u1"])
    assert known() < held(), "what was cut is no longer what was compared"
    take_down(out, authors=[f"table:u{n}" for n in range(6)])
    assert known() == set() == held()


def test_two_at_once_do_not_get_in_each_other_s_way(made: Made) -> None:
    out = made()
    with takedown._lock_corpus(out), pytest.raises(BuildError, match="another takedown"):
        take_down(out, ["table:1"])


@pytest.fixture
def taken_down(plan: Callable[..., dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    """The plan of a corpus whose work/ was kept and from which a post was removed."""
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(60)])
    output = {"path": str(tmp_path / "out"), "ids": "original", "keep_work": True}
    document = plan([{"quality": {}}, {"dedup": {}}], output=output)
    corpus.build(document)
    take_down(tmp_path / "out", ["table:7"])
    return document


def test_a_build_without_the_suppression_list_brings_back_nothing_that_was_taken_down(
    taken_down: dict[str, Any], tmp_path: Path
) -> None:
    out, listed = tmp_path / "out", tmp_path / "corpus.key.suppressed"
    requests = listed.read_bytes()
    listed.unlink()
    before = contents(out, timings=True)
    changed = taken_down | {"stages": [{"quality": {"min_words": 5}}, {"dedup": {}}]}
    for document, replace in [(changed, False), (changed, True), (taken_down, True)]:
        with pytest.raises(PlanError, match="bring them back") as found:
            corpus.build(document, replace=replace)
        assert "suppressed: FILE" in str(found.value) and "--replace" not in str(found.value)
        assert contents(out, timings=True) == before
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(changed))
    done = command("build", str(file), "-q")
    assert done.returncode == 2 and "restore the list" in done.stderr
    listed.write_bytes(requests)
    assert corpus.build(taken_down) == json.loads((out / "manifest.json").read_text())
    corpus.build(changed)
    assert "table:7" not in rows(out)["id"].to_list()
    corpus.build(changed, out=str(tmp_path / "next"))
    assert "table:7" not in rows(tmp_path / "next")["id"].to_list()


@pytest.mark.parametrize("gone", ["manifest.json", "takedowns/00001.json", "work/begun.json"])
def test_one_sign_of_a_takedown_is_enough(
    taken_down: dict[str, Any], tmp_path: Path, gone: str
) -> None:
    (tmp_path / "out" / gone).unlink()
    (tmp_path / "corpus.key.suppressed").unlink()
    for replace in (False, True):
        with pytest.raises(PlanError, match="bring them back"):
            corpus.build(taken_down, replace=replace)


def test_a_takedown_that_was_stopped_is_built_over_only_with_its_request(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = made()
    with monkeypatch.context() as patch:
        patch.setattr(takedown, "finish", lambda folder: None)
        take_down(out, ["table:1"])
    assert (out / "takedowns" / "unfinished" / "moves.json").exists()
    (document,) = (out.parent / "corpus.key.plans").glob("*.yaml")
    listed = (tmp_path / "corpus.key.suppressed").rename(tmp_path / "elsewhere")
    with pytest.raises(PlanError, match="bring them back"):
        corpus.build(document, out=str(out), replace=True)
    listed.rename(tmp_path / "corpus.key.suppressed")
    corpus.build(document, out=str(out), runner="serial", replace=True)
    assert "table:1" not in rows(out)["id"].to_list()
    assert verify.verify(out)["passed"]


def test_a_receipt_that_the_manifest_does_not_list_is_found(made: Made) -> None:
    out = made()
    take_down(out, ["table:1"])
    assert verify.verify(out)["passed"]
    corpora.edited(out, takedowns=[])
    (check,) = [found for found in verify.verify(out)["checks"] if not found["passed"]]
    assert check["where"] == ("takedowns/00001.json is not in the manifest; repeat that takedown",)


@pytest.mark.parametrize("name", ["takedowns/notes.txt", "takedowns/unfinished/notes.txt"])
def test_a_user_s_file_among_the_receipts_is_refused_and_kept(made: Made, name: str) -> None:
    out = made()
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("the user's")
    before = contents(out)
    with pytest.raises(PlanError, match=f"'{name}', which no build put there"):
        take_down(out, ["table:1"])
    assert contents(out) == before


@pytest.mark.parametrize("name", ["takedowns", "shards", "tokens", "manifest.json"])
def test_a_takedown_goes_through_no_link(made: Made, tmp_path: Path, name: str) -> None:
    out = made()
    if (out / name).exists():
        (out / name).rename(tmp_path / "elsewhere")
    else:
        (tmp_path / "elsewhere").mkdir()
    (out / name).symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path / "out")
    with pytest.raises(PlanError, match=f"{name}' is a symbolic link"):
        take_down(out, ["table:1"])
    assert contents(tmp_path / "out") == before


def test_a_user_s_file_beside_the_tokens_is_kept(made: Made) -> None:
    out = made()
    (out / "tokens").mkdir()
    for name in ("tokens.bin", "documents.bin", "index.json", "notes.txt"):
        (out / "tokens" / name).write_text("{}")
    index = {"tokenizer": "bytes", "shards": [], "files": ["tokens.bin"]}
    (out / "tokens" / "index.json").write_text(json.dumps(index))
    assert take_down(out, ["table:1"])["tokens_removed"]
    assert [path.name for path in (out / "tokens").iterdir()] == ["notes.txt"]


def test_the_command(made: Made, tmp_path: Path) -> None:
    out = made()
    (tmp_path / "ids.txt").write_text("table:3\n\ntable:nobody\n")
    done = command("takedown", str(out), "--ids", str(tmp_path / "ids.txt"))
    assert done.returncode == 0, done.stderr
    assert "1 post removed; a copy replaces 1 of them" in done.stdout
    assert "table:nobody" in done.stdout
    assert command("takedown", str(out)).returncode == 2
    assert command("takedown", str(out), "--ids", "nowhere").returncode == 2
