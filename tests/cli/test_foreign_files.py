"""No command removes, overwrites or follows what it did not write in a folder of a corpus."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import corpus
from corpus import demo
from corpus.errors import PlanError
from corpus.storage import output_folder
from tests.conftest import ROOT, post, sentence, write_lines
from tests.support.commands import Finished, command

Run = Callable[[Path], Finished]

#: Files that nobody but the user wrote, at every place of an output folder.
FOREIGN = [
    "thesis.txt",
    "notes/one.txt",
    ".notes.tmp",
    "shards/mine.parquet",
    "shards/part-00000.csv",
    "shards/more/part-00000.parquet",
    "validation/mine.parquet",
    "dropped/keep.txt",
    "dropped/mine-00000.parquet",
    "dropped/mine.parquet",
    "index/mine.sealed",
    "index/index.json",
    "reserve/mine.sealed",
    "reserve/notes.txt",
    "takedowns/requests.txt",
    "takedowns/more/00001.json",
    "tokens/notes.txt",
    "tokens/tokens.bin",
    "tokens/index.json",
    "tokens/validation/documents.bin",
    "exports/notes.txt",
    "exports/jsonl/part-00000.jsonl.zst",
    "exports/mine/export.json",
    "work/notes.txt",
    "work/read/chapter.txt",
]
#: Names of a corpus that a link may have.
LINKED = [
    "shards",
    "validation",
    "dropped",
    "index",
    "reserve",
    "tokens",
    "exports",
    "takedowns",
    "work",
    "README.md",
    "report.html",
    "plan.yaml",
    "manifest.json",
    "shards/part-00000.parquet",
    "index/00000.sealed",
    "index/index.json",
    "reserve/00000.sealed",
    "tokens/tokens.bin",
    "tokens/.tokens.bin.unfinished",
    "tokens/.lock",
    "tokens/index.json",
    "exports/jsonl",
    "exports/jsonl/part-00000.jsonl.zst",
    "takedowns/unfinished",
    "takedowns/00001.json",
    ".corpus.lock",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus that has every folder, its key, its plan, and a tokenizer."""
    folder = tmp_path_factory.mktemp("made")
    rows = [post(n, user=f"u{n}") for n in range(30)] + [post(90, text=sentence(3), user="other")]
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    document = {
        "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
        "stages": [{"quality": {}}, {"dedup": {}}],
        "output": {"path": str(folder / "out"), "ids": "original", "validation": 0.1},
        "run": {"runner": "serial"},
    }
    corpus.build(document)
    (folder / "plan.json").write_text(json.dumps(document | {"stages": [{"dedup": {}}]}))
    (folder / "ids").write_text("table:3\n")
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {"<|endoftext|>": 0, "the": 1, "[UNK]": 2}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    model.add_special_tokens(["<|endoftext|>"])
    model.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(made, tmp_path / "here")


def build(here: Path) -> Finished:
    return command("build", str(here / "plan.json"), "--out", str(here / "out"), "--replace", "-q")


def takedown(here: Path) -> Finished:
    return command("takedown", str(here / "out"), "--ids", str(here / "ids"))


def publish(here: Path) -> Finished:
    return command("publish", str(here / "out"), f"file://{here}/there", "--replace")


def tokenize(here: Path) -> Finished:
    return command("tokenize", str(here / "out"), "--tokenizer", str(here / "tokenizer.json"))


def export(here: Path) -> Finished:
    return command("export", str(here / "out"), "--format", "jsonl")


def report(here: Path) -> Finished:
    return command("report", str(here / "out"), "--html", str(here / "out" / "report.html"))


COMMANDS: list[Run] = [build, takedown, publish, tokenize, export, report]


def state(folder: Path) -> dict[str, object]:
    """What is in a folder: bytes of files, targets of links, modes of folders."""
    return {
        str(path.relative_to(folder)): (
            os.readlink(path)
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else path.stat().st_mode
        )
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("run", COMMANDS)
def test_each_command_works_where_nothing_is_foreign(here: Path, run: Run) -> None:
    done = run(here)
    assert done.returncode == 0, done.stderr


def plant(out: Path, name: str) -> None:
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("the user's")


@pytest.mark.parametrize("run", COMMANDS)
def test_files_of_the_user_are_kept_wherever_they_are(here: Path, run: Run) -> None:
    for name in FOREIGN:
        plant(here / "out", name)
    run(here)
    assert [(here / "out" / name).read_text() for name in FOREIGN] == ["the user's"] * len(FOREIGN)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("run", COMMANDS)
def test_a_file_of_the_user_is_kept_if_it_is_the_only_one(here: Path, run: Run, name: str) -> None:
    plant(here / "out", name)
    done = run(here)
    assert "Traceback" not in done.stderr
    assert (here / "out" / name).read_text() == "the user's"


def test_an_index_of_another_program_is_kept_by_a_build_without_an_index(here: Path) -> None:
    shutil.rmtree(here / "out" / "index")
    plant(here / "out", "index/index.json")
    document = json.loads((here / "plan.json").read_text())
    (here / "plan.json").write_text(json.dumps(document | {"stages": [{"quality": {}}]}))
    done = build(here)
    assert done.returncode == 2 and "'index/index.json', which no build put" in done.stderr
    assert (here / "out" / "index" / "index.json").read_text() == "the user's"
    assert (here / "out" / "manifest.json").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"pieces": []}', '{"scheme": 1}', "{" * 100_000])
def test_only_an_index_that_lists_pieces_is_that_of_a_corpus(tmp_path: Path, content: str) -> None:
    plant(tmp_path, "index/index.json")
    path = tmp_path / "index" / "index.json"
    path.write_text(content)
    with pytest.raises(PlanError, match=r"'index/index\.json', which no build put"):
        output_folder.check(tmp_path, ())
    path.write_text('{"scheme": {}, "pieces": []}')
    output_folder.check(tmp_path, ())


@pytest.mark.parametrize("run", COMMANDS)
def test_links_among_the_files_of_a_corpus_are_kept_and_not_followed(here: Path, run: Run) -> None:
    users = here / "users"
    for name in ("shards", "work", "dropped", "deep"):
        plant(users, f"{name}/precious.txt")
    before = state(users)
    links = [here / "out" / name for name in ("docs", "shards/docs", "dropped/more", "notes.txt")]
    for link in links:
        link.symlink_to(users / "deep" if link.name != "notes.txt" else users / "deep/precious.txt")
    done = run(here)
    assert "Traceback" not in done.stderr
    assert all(link.is_symlink() for link in links)
    assert state(users) == before


@pytest.mark.parametrize(
    ("run", "name"),
    [
        pytest.param(run, name, marks=[pytest.mark.slow] if "/" in name else [])
        for run in COMMANDS[1:]  # a build: see test_workspace.py
        for name in LINKED
    ],
)
def test_a_link_in_the_place_of_a_file_of_a_corpus_is_not_followed(
    here: Path, run: Run, name: str
) -> None:
    path, users = here / "out" / name, here / "users"
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.exists():
        path.rename(users)
    elif "." in path.name:
        users.write_text("the user's")
    else:
        users.mkdir()
    if users.is_dir():
        plant(users, "precious.txt")
    path.symlink_to(users)
    before = state(here)
    done = run(here)
    assert "Traceback" not in done.stderr
    after = state(here)
    changed = {
        each
        for each in before
        if each.startswith("users") or each == f"out/{name}"
        if after.get(each) != before[each]
    }
    assert not changed


@pytest.mark.parametrize("run", COMMANDS)
def test_a_snapshot_by_hard_links_is_unchanged(here: Path, run: Run) -> None:
    tokenize(here)  # unfinished token files too
    tokens = here / "out" / "tokens"
    (tokens / "index.json").unlink()
    (tokens / "tokens.bin").rename(tokens / ".tokens.bin.unfinished")
    shutil.copytree(here / "out", here / "snapshot", copy_function=os.link)
    before = state(here / "snapshot")
    done = run(here)
    assert "Traceback" not in done.stderr
    assert state(here / "snapshot") == before


# --------------------------------------------------------------------------- the demo's folder


@pytest.mark.parametrize("name", [*demo.FILES.values(), "planted.json"])
def test_the_demo_overwrites_no_dump_of_the_user(tmp_path: Path, name: str) -> None:
    plant(tmp_path, name)
    plant(tmp_path, "reddit/RC_2024-05.zst.tmp")
    before = state(tmp_path)
    done = command("demo", str(tmp_path), "--posts", "200")
    assert done.returncode == 1 and "no demo wrote this file; give an empty folder" in done.stderr
    assert state(tmp_path) == before


def test_the_demo_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "users").mkdir()
    for name in ("reddit", "planted.json", "table/forum.csv"):
        folder = tmp_path / name.replace("/", "-")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(tmp_path / "users")
        done = command("demo", str(folder), "--posts", "200")
        assert done.returncode == 1, done.stderr
        assert (folder / name).is_symlink()
    assert not state(tmp_path / "users")


def test_the_demo_replaces_what_a_demo_wrote(tmp_path: Path) -> None:
    first = demo.write(tmp_path, posts=200)
    assert demo.write(tmp_path, posts=200) == first
    assert demo.write(tmp_path, posts=260, seed=2) != first
    (tmp_path / "planted.json").unlink()  # stopped before its last file
    demo.write(tmp_path, posts=260, seed=2)
    plant(tmp_path, "table/forum.csv")
    with pytest.raises(FileExistsError):
        demo.write(tmp_path, posts=260, seed=2)


# --------------------------------------------------------------------------- others


def test_a_page_overwrites_no_other_file(here: Path) -> None:
    for content in ("the user's", "<!doctype html>\n<html lang='en'>the user's"):
        (here / "thesis.html").write_text(content)
        done = command("report", str(here / "out"), "--html", str(here / "thesis.html"))
        assert done.returncode == 2 and "give another file with --html" in done.stderr
        assert (here / "thesis.html").read_text() == content
    for _ in range(2):
        done = command("report", str(here / "out"), "--html", str(here / "page.html"))
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["tokens.bin", "documents.bin", "index.json", ".lock"])
def test_token_files_overwrite_no_others(here: Path, name: str) -> None:
    plant(here / "arrays", name)
    done = command(
        "tokenize", str(here / "out"), "--tokenizer", str(here / "tokenizer.json"),
        "--to", str(here / "arrays"),
    )  # fmt: skip
    assert done.returncode == 2 and f"'{name}', which is not a token file" in done.stderr
    assert (here / "arrays" / name).read_text() == "the user's"


@pytest.mark.parametrize("is_link", [False, True])
@pytest.mark.parametrize("name", ["topics.bin", "topics.md"])
def test_training_overwrites_no_file_of_the_user(tmp_path: Path, name: str, is_link: bool) -> None:
    write_lines(tmp_path / "posts.jsonl", [{"body": sentence(n), "topic": "a"} for n in range(9)])
    plant(tmp_path, "users")
    (tmp_path / name).symlink_to(tmp_path / "users") if is_link else plant(tmp_path, name)
    before = state(tmp_path)
    done = command(
        "train", "--labelled", "posts.jsonl", "--text", "body", "--label", "topic",
        "--out", "topics.bin", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2 and name in done.stderr
    assert "move it" in done.stderr
    assert state(tmp_path) == before


def test_make_clean_removes_only_what_make_made(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = ["dist/thesis.txt", "build/thesis.txt", "out/__pycache__/a.pyc", "dumps/x.jsonl",
            ".venv/precious.txt", "mine.egg-info/x"]  # fmt: skip
    for name in [*kept, "corpus/__pycache__/a.pyc", ".mypy_cache/x"]:
        plant(tmp_path, name)
    for folder in ("bench", "filters", "scripts", "tests"):
        (tmp_path / folder).mkdir()
    refused = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode and ".venv is not of 'make'" in refused.stdout
    plant(tmp_path, ".venv/.installed")
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert not (tmp_path / ".venv").exists() and not (tmp_path / ".mypy_cache").exists()
    assert not (tmp_path / "corpus" / "__pycache__").exists()
    assert all((tmp_path / name).exists() for name in kept if not name.startswith(".venv"))
