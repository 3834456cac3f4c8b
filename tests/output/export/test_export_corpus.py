"""`corpus export` writes the same bytes however often it is stopped, and only its own files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

import corpus
from corpus.cli import export as export_command
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from corpus.tasks.files import file_sha256
from tests.conftest import contents, post, write_lines
from tests.support.commands import Finished, command
from tests.support.corpora import make


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("export"), 100, shard_mb=0.002)


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    shutil.copy(built.parent / "corpus.key", tmp_path)
    return Path(shutil.copytree(built, tmp_path / "out"))


def export(out: Path, to: Path | None = None, *more: str, format: str = "jsonl") -> Finished:
    where = ("--to", str(to)) if to else ()
    done = command("export", str(out), "--format", format, *where, *more)
    assert "Traceback" not in done.stderr
    return done


def load_lines(folder: Path) -> list[dict[str, Any]]:
    """The objects of all files of an export, in order."""
    rows = []
    for path in sorted(folder.glob("*.jsonl.zst")):
        text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().decode()
        rows += [json.loads(line) for line in text.split("\n") if line]
    return rows


def test_json_lines_hold_every_column_of_every_document(copy: Path, tmp_path: Path) -> None:
    done = export(copy, tmp_path / "to")
    assert done.returncode == 0, done.stderr
    documents = corpus.load(copy).scan().collect()
    rows = load_lines(tmp_path / "to")
    assert "100 documents in 3 files" in done.stdout or len(corpus.load(copy).shards) != 3
    assert [list(row) for row in rows] == [documents.columns] * 100
    for name in ("text", "id", "author", "score", "source_row"):
        assert [row[name] for row in rows] == documents[name].to_list()


def test_times_are_text_that_says_utc(copy: Path, tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "tea", "at": "2024-05-16T08:30:00.5Z"}, {"id": "2", "text": "tin"}]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"id": "id", "text": "text", "created_at": "at"}
    source = {"table": {"path": str(tmp_path / "p.jsonl"), "fields": fields}}
    corpus.build({"sources": [source], "output": {"path": str(tmp_path / "timed")},
                  "run": {"runner": "serial"}})  # fmt: skip
    assert export(tmp_path / "timed", None, "--columns", "text,created_at").returncode == 0
    assert load_lines(tmp_path / "timed/exports/jsonl") == [
        {"text": "tea", "created_at": "2024-05-16T08:30:00.500000Z"},
        {"text": "tin", "created_at": None},
    ]


def test_columns_and_documents_are_chosen(copy: Path, tmp_path: Path) -> None:
    done = export(copy, tmp_path / "to", "--columns", "text,id", "--where", "source_row <= 3")
    assert done.returncode == 0, done.stderr
    rows = load_lines(tmp_path / "to")
    assert [list(row) for row in rows] == [["text", "id"]] * 3
    assert [row["id"] for row in rows] == ["table:0", "table:1", "table:2"]
    manifest = json.loads((tmp_path / "to/export.json").read_text())
    assert (manifest["documents"], manifest["settings"]["where"]) == (3, "source_row <= 3")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "text,lang_hin"], "no column 'lang_hin'; did you mean 'lang_hint'?"),
        (["--columns", "text,text"], "'text' is there twice"),
        (["--columns", ","], "name at least one column"),
        (["--where", "scor > 3"], "no column 'scor'; did you mean 'score'?"),
        (["--where", "score > avg(score)"], "must decide about each document alone"),
        (["--where", "lag(score) over (order by score) > 1"], "decide about each document alone"),
        (["--where", "score in (select 1)"], "--where: "),
        (["--where", "score >"], "--where: "),
        (["--where", "score + 1"], "it gives Int64, not true or false"),
        (["--split", "test"], "no split 'test'"),
        (["--format", "jsonlines"], "unknown format 'jsonlines'; did you mean 'jsonl'?"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    copy: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    done = export(copy, tmp_path / "to", *options)
    assert done.returncode == 2 and message in done.stderr
    assert not (tmp_path / "to").exists()
    assert "derived" not in corpus.load(copy).manifest


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("source_row in (1, 2, 300)", 2),
        ("source_row % 2 = 0 and text not like '%violin%'", 37),
        ("lang_hint is null", 100),
        ("upper(text) like 'YESTERDAY%' and source_row between 4 and 6", 3),
    ],
)
def test_conditions_in_sql(copy: Path, tmp_path: Path, condition: str, count: int) -> None:
    assert export(copy, tmp_path / "to", "--where", condition).returncode == 0
    assert len(load_lines(tmp_path / "to")) == count


def test_a_condition_that_fails_on_a_document_quotes_no_text(copy: Path, tmp_path: Path) -> None:
    done = export(copy, tmp_path / "to", "--where", "cast(text as int) > 3")
    assert done.returncode == 2 and "--where: it fails on some documents" in done.stderr
    assert "kettle" not in done.stderr and "Yesterday" not in done.stderr


def test_the_manifests_travel_and_list_every_file(copy: Path, tmp_path: Path) -> None:
    export(copy, tmp_path / "to")
    manifest = json.loads((tmp_path / "to/export.json").read_text())
    listed = {file["path"]: file for file in manifest["files"]}
    found = {path.name for path in (tmp_path / "to").iterdir()}
    assert found == {*listed, "export.json"}
    for name, file in listed.items():
        path = tmp_path / "to" / name
        assert (file["bytes"], file["sha256"]) == (path.stat().st_size, file_sha256(path))
    of_corpus = corpus.load(copy).manifest
    assert of_corpus.pop("derived") == [{"kind": "export", "path": "../to"}]
    assert json.loads((tmp_path / "to/corpus-manifest.json").read_text()) == of_corpus
    assert [s["sha256"] for s in manifest["shards"]] == [s["sha256"] for s in of_corpus["shards"]]


def test_stopped_anywhere_it_goes_on_to_the_same_bytes(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(copy, tmp_path / "straight")
    real, calls = export_command._Shards.read, [0]

    def failing(self: Any, *given: Any) -> Iterator[Any]:
        for table in real(self, *given):
            calls[0] += 1
            if calls[0] % 3 == 0:
                raise KeyboardInterrupt
            yield table

    monkeypatch.setattr(export_command._Shards, "read", failing)
    stopped = 0
    while not (tmp_path / "stopped/export.json").exists():
        stopped += export(copy, tmp_path / "stopped").returncode != 0
        assert stopped < 50
    assert stopped > 2
    assert contents(tmp_path / "stopped") == contents(tmp_path / "straight")


def test_what_a_killed_export_left_unfinished_is_removed(copy: Path, tmp_path: Path) -> None:
    export(copy, tmp_path / "to")
    whole = contents(tmp_path / "to")
    progress = {"settings": json.loads(whole["export.json"])["settings"], "shards": []}
    (tmp_path / "to/export.json").unlink()
    (tmp_path / "to/.progress.json").write_text(json.dumps(progress))
    (tmp_path / "to/.part-00001.jsonl.zst.77-0123abcd.tmp").write_text("half")
    (tmp_path / "to/part-00001.jsonl.zst").write_text("half")
    assert export(copy, tmp_path / "to").returncode == 0
    assert contents(tmp_path / "to") == whole


def test_a_finished_export_is_kept_and_another_is_not_written_over_it(
    copy: Path, tmp_path: Path
) -> None:
    export(copy, tmp_path / "to")
    whole = contents(tmp_path / "to")
    assert export(copy, tmp_path / "to").returncode == 0
    other = export(copy, tmp_path / "to", "--columns", "text")
    assert other.returncode == 2 and "an export with another columns; remove it" in other.stderr
    assert contents(tmp_path / "to") == whole


@pytest.mark.parametrize(
    "name", ["part-00000.jsonl.zst", "export.json", ".progress.json", ".lock", "mine.txt"]
)
def test_files_of_the_user_are_not_touched(copy: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / name).write_text("the user's")
    done = export(copy, tmp_path / "to")
    assert done.returncode == 2 and f"has '{name}', which no export wrote" in done.stderr
    assert contents(tmp_path / "to") == {name: b"the user's"}


def test_links_are_not_followed(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "users").mkdir()
    (tmp_path / "users/one").write_text("the user's")
    (tmp_path / "to").symlink_to(tmp_path / "users")
    assert "is a symbolic link" in export(copy, tmp_path / "to").stderr
    export(copy, tmp_path / "other")
    os.replace(tmp_path / "users/one", tmp_path / "one")
    (tmp_path / "other/part-00000.jsonl.zst").unlink()
    (tmp_path / "other/part-00000.jsonl.zst").symlink_to(tmp_path / "one")
    assert "which no export wrote" in export(copy, tmp_path / "other").stderr
    (copy / "exports").symlink_to(tmp_path / "users")
    assert "is a symbolic link" in export(copy).stderr
    assert (tmp_path / "one").read_text() == "the user's" and not list(
        (tmp_path / "users").iterdir()
    )


def test_an_export_among_the_files_of_the_corpus_is_refused(copy: Path) -> None:
    for name in ("shards", "mine", "exports", "exports/a/b"):
        done = export(copy, copy / name)
        assert done.returncode == 2 and "is among the files of the corpus" in done.stderr
    assert export(copy, copy / "exports/mine").returncode == 0


def test_a_takedown_removes_exports_in_the_corpus_and_names_those_elsewhere(
    copy: Path, tmp_path: Path
) -> None:
    assert export(copy).returncode == 0
    assert export(copy, tmp_path / "elsewhere").returncode == 0
    (copy / "exports/mine").mkdir()
    (copy / "exports/mine/part-00000.jsonl.zst").write_text("the user's")
    assert verify(copy)["passed"]
    (tmp_path / "ids").write_text("table:3\n")
    done = command("takedown", str(copy), "--ids", str(tmp_path / "ids"))
    assert done.returncode == 0, done.stderr
    assert "exports/jsonl/ removed, because it had these posts" in done.stdout
    assert f"{copy}/../elsewhere was made from the old texts" in done.stdout
    assert contents(copy / "exports") == {"mine/part-00000.jsonl.zst": b"the user's"}
    assert "another corpus; remove it" in export(copy, tmp_path / "elsewhere").stderr
    shutil.rmtree(copy / "exports")
    assert export(copy).returncode == 0
    assert len(load_lines(copy / "exports/jsonl")) == 99
    assert verify(copy)["passed"]


def test_a_takedown_removes_an_unfinished_export(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Any, *given: Any) -> Iterator[Any]:
        yield from real(self, *given)
        raise KeyboardInterrupt

    real = export_command._Shards.read
    monkeypatch.setattr(export_command._Shards, "read", failing)
    assert export(copy).returncode
    (copy / "exports/jsonl/.part-00000.jsonl.zst.77-0123abcd.tmp").write_text("half")
    assert not verify(copy)["passed"]
    assert take_down(copy, ["table:3"])["exports_removed"] == ["exports/jsonl"]
    assert not (copy / "exports").exists()


def test_verify_finds_a_damaged_export(copy: Path) -> None:
    export(copy)
    path = next((copy / "exports/jsonl").glob("*.zst"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert not verify(copy)["passed"]


def test_a_build_in_the_folder_removes_the_exports_of_the_replaced_corpus(
    copy: Path, built: Path
) -> None:
    export(copy)
    rows = [{"id": "5", "text": "another text for another corpus", "user": "u"}]
    source = copy.parent / "other.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"id": "id", "text": "text", "author": "user"}
    plan = {
        "sources": [{"table": {"path": str(source), "fields": fields}}],
        "output": {"path": str(copy)},
        "run": {"runner": "serial"},
    }
    corpus.build(plan, replace=True)
    assert not (copy / "exports").exists()


def test_only_the_chosen_split_is_exported(tmp_path: Path) -> None:
    write_lines(tmp_path / "p.jsonl", [post(n, user=f"u{n}") for n in range(100)])
    fields = {"id": "id", "text": "text", "author": "user"}
    source = {"table": {"path": str(tmp_path / "p.jsonl"), "fields": fields}}
    out = tmp_path / "out"
    output = {"path": str(out), "validation": 0.2}
    corpus.build({"sources": [source], "output": output, "run": {"runner": "serial"}})
    train = corpus.load(out).split("train")
    assert export(out, tmp_path / "train").returncode == 0
    assert export(out, tmp_path / "validation", "--split", "validation").returncode == 0
    rows = len(load_lines(tmp_path / "train"))
    assert rows == sum(shard["rows"] for shard in train.shards) < 100
    assert rows + len(load_lines(tmp_path / "validation")) == 100
    assert (tmp_path / "validation/validation-00000.jsonl.zst").exists()


def test_no_documents_make_files_that_can_be_read(copy: Path, tmp_path: Path) -> None:
    done = export(copy, tmp_path / "to", "--where", "text = ''")
    assert done.returncode == 0 and "0 documents" in done.stdout
    assert load_lines(tmp_path / "to") == []


def test_polars_reads_the_lines_again(copy: Path, tmp_path: Path) -> None:
    export(copy, tmp_path / "to", "--columns", "id,text,source_row")
    found = pl.concat([pl.read_ndjson(p) for p in sorted((tmp_path / "to").glob("*.zst"))])
    assert found.equals(corpus.load(copy).scan().select("id", "text", "source_row").collect())
