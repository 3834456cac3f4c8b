"""A build removes only files that builds wrote from its output folder, and follows no link."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus import manifest
from corpus.errors import CorpusError, PlanError
from corpus.storage import output_folder
from tests.conftest import contents, post, write_lines
from tests.support.commands import command
from tests.support.corpora import build_once

MakePlan = Callable[..., dict[str, Any]]


@pytest.fixture
def document(plan: MakePlan, tmp_path: Path) -> dict[str, Any]:
    """A plan over 40 posts; every folder that a build can write is written."""
    write_lines(tmp_path / "posts.jsonl", [post(n, user=f"u{n}") for n in range(40)])
    output = {"path": str(tmp_path / "out"), "validation": 0.2, "keep_work": True}
    return plan([{"quality": {}}, {"dedup": {}}], output=output)


def with_other_threshold(document: dict[str, Any]) -> dict[str, Any]:
    """The same plan with another threshold."""
    return document | {"stages": [{"quality": {"min_words": 12}}, {"dedup": {}}]}


def write_users_folder(folder: Path, foreign: str) -> dict[str, bytes]:
    """A folder of a user with names that a corpus has too; returns its contents."""
    for name in ("work/notes/one.txt", "shards/data.parquet", "dropped/keep.txt", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the user's {name}")
    (folder / "manifest.json").write_text(foreign)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


FOREIGN_MANIFESTS = [
    '{"manifest_version": 3, "name": "a web extension"}',
    '{"format_version": 1, "tool": "another"}',
    "{}",
    "[]",
    "no JSON at all",
]


@pytest.mark.parametrize("foreign", FOREIGN_MANIFESTS)
def test_a_folder_with_the_manifest_of_another_program_is_refused(
    document: dict[str, Any], tmp_path: Path, foreign: str
) -> None:
    before = write_users_folder(tmp_path / "out", foreign)
    for replace in (False, True):
        with pytest.raises(PlanError, match=r"'manifest\.json', which no build put there") as found:
            corpus.build(document, replace=replace)
        assert "--replace" not in str(found.value)
        assert read_files(tmp_path / "out") == before


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_command_refuses_it_with_exit_status_2(
    document: dict[str, Any], tmp_path: Path
) -> None:
    before = write_users_folder(tmp_path / "out", "{}")
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(document))
    done = command("build", str(file), "--replace", "-q")
    assert (done.returncode, read_files(tmp_path / "out")) == (2, before)
    assert "which no build put there; give an empty folder with --out" in done.stderr


FOREIGN_FILES = [
    "work/notes.txt",
    "work/notes/chapter.txt",
    "work/read/chapter.txt",
    "work/read/0123456789abcdef0123/chapter.txt",
    "work/read/0123456789abcdef0123/deep/chapter.txt",
    "shards/mine.parquet",
    "shards/part-00000.csv",
    "shards/more/part-00000.parquet",
    "validation/mine.parquet",
    "dropped/keep.txt",
    "dropped/mine-00000.parquet",
    "index/mine.sealed",
    "reserve/notes.txt",
    "tokens/notes.txt",
    "tokens/validation/notes.txt",
    "takedowns/requests.txt",
    ".notes.tmp",
    ".shards.1-00000000.tmp",
    "shards/.notes.txt.12-0123abcd.tmp",
]


@pytest.mark.parametrize("name", FOREIGN_FILES)
def test_a_file_that_no_build_wrote_stops_a_build_before_anything_is_removed(
    document: dict[str, Any], tmp_path: Path, name: str
) -> None:
    build_once(tmp_path, document)
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("the user's")
    before = contents(tmp_path / "out", timings=True)
    with pytest.raises(PlanError, match="which no build put there") as found:
        corpus.build(with_other_threshold(document), replace=True)
    (named,) = re.findall("holds '(.*?)'", str(found.value))
    assert name == named or name.startswith(f"{named}/")
    assert contents(tmp_path / "out", timings=True) == before
    (tmp_path / "out" / "manifest.json").unlink()  # an unfinished build would resume
    with pytest.raises(PlanError, match="which no build put there"):
        corpus.build(document)
    assert path.read_text() == "the user's"


def test_a_folder_under_the_name_of_a_file_is_foreign(
    document: dict[str, Any], tmp_path: Path
) -> None:
    build_once(tmp_path, document)
    (tmp_path / "out" / "report.html").unlink()
    (tmp_path / "out" / "report.html").mkdir()
    with pytest.raises(PlanError, match=r"'report\.html', which no build put there"):
        corpus.build(document, replace=True)


@pytest.mark.parametrize(
    "name",
    [
        "work",
        "shards",
        "validation",
        "dropped",
        "index",
        "reserve",
        "people",
        "tokens",
        "takedowns",
        "work/read",
        "tokens/validation",
        "README.md",
        "manifest.json",
        "shards/part-00000.parquet",
        "work/status.json",
    ],
)
def test_a_link_is_refused_and_not_followed(
    document: dict[str, Any], tmp_path: Path, name: str
) -> None:
    build_once(tmp_path, document)
    out, users = tmp_path / "out", tmp_path / "users"
    path = out / name
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.rename(users)
    else:
        users.mkdir()
    if users.is_dir():
        (users / "mine.txt").write_text("the user's")
    path.symlink_to(users)
    mode = users.stat().st_mode
    before = read_files(users) if users.is_dir() else {"": users.read_bytes()}
    with pytest.raises(PlanError, match=f"'{out / name}' is a symbolic link.*--out"):
        corpus.build(with_other_threshold(document), replace=True)
    after = read_files(users) if users.is_dir() else {"": users.read_bytes()}
    assert (after, users.stat().st_mode, path.is_symlink()) == (before, mode, True)


def test_an_empty_folder_of_a_user_with_a_link_to_another_is_refused(
    document: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "work").symlink_to(tmp_path / "docs")
    for replace in (False, True):
        with pytest.raises(PlanError):
            corpus.build(document, replace=replace)
    assert os.listdir(tmp_path / "docs") == []


def test_the_output_folder_itself_may_be_a_link(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    build_once(tmp_path, document)
    corpus.build(with_other_threshold(document), replace=True)
    assert (tmp_path / "disk" / "manifest.json").is_file()


def test_files_that_a_user_adds_while_a_build_runs_are_kept(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.pipeline import build

    document["output"]["keep_work"] = False
    mine = [tmp_path / "out" / name for name in FOREIGN_FILES]
    real = build.ingest.read_and_filter

    def write_and_read(*given: Any) -> Any:
        for path in mine:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("the user's")
        return real(*given)

    monkeypatch.setattr(build.ingest, "read_and_filter", write_and_read)
    build_once(tmp_path, document)
    assert [path.read_text() for path in mine] == ["the user's"] * len(mine)
    remaining = [path for path in (tmp_path / "out" / "work").rglob("*") if path.is_file()]
    assert sorted(remaining) == sorted(path for path in mine if "work" in path.parts)


def test_files_of_another_plan_and_half_written_files_are_removed(
    document: dict[str, Any], tmp_path: Path
) -> None:
    build_once(tmp_path, document)
    out = tmp_path / "out"
    for name in (
        "shards/part-00007.parquet", "validation/validation-00007.parquet",
        "dropped/toxicity-00000.parquet", "dropped/takedown-00000.parquet", "index/00007.sealed",
        "reserve/00007.sealed", "people/names-00000.sealed", "people/dropped-toxicity-00000.sealed",
        "tokens/tokens.bin", "tokens/index.json", "tokens/.progress.json",
        "tokens/.tokens.bin.unfinished", "tokens/validation/documents.bin",
        "shards/.part-00000.parquet.12-0123abcd.tmp", ".manifest.json.12-0123abcd.tmp",
        "work/lock", "work/.seen-0123456789abcdef.tmp", "work/.begun.json.1-0123abcd.tmp",
        "work/.seen-0123456789abcdef.tmp.0123456789abcdef",
    ):  # fmt: skip
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("of an earlier build")
    changed = with_other_threshold(document)
    changed["output"] = changed["output"] | {"keep_work": False}
    corpus.build(changed, replace=True)
    corpus.build(changed, out=str(tmp_path / "clean"))
    assert contents(out) == contents(tmp_path / "clean")


EVERY_STAGE = [
    {"consent": {}},
    {"language": {}},
    {"language_context": {}},
    {"authors": {"max_posts": 90}},
    {"dedup": {}},
    {"conversations": {"mode": "tree"}},
    {"pii": {}},
]


@pytest.mark.parametrize("stages", [EVERY_STAGE, [{"quality": {}}, {"dedup": {}}, {"pii": {}}]])
def test_every_file_of_a_build_has_a_name_that_is_known(
    document: dict[str, Any], tmp_path: Path, stages: list[Any]
) -> None:
    rows = [post(n, up=str(n - 1) if n % 6 else None) for n in range(200)]
    write_lines(tmp_path / "posts.jsonl", [*rows, b"{broken", post(900, text=rows[3]["text"])])
    document["sources"][0]["table"]["fields"]["parent_id"] = "up"
    document["output"] |= {"shuffle": True, "shard_mb": 0.005, "canaries": 4}
    found = corpus.build(
        document | {"stages": stages, "run": {"runner": "serial", "part_posts": 50}}
    )
    output_folder.check(tmp_path / "out", output_folder.ledger_stages(found))


def test_the_manifest_of_a_corpus_is_distinguished_from_others(
    document: dict[str, Any], tmp_path: Path
) -> None:
    assert manifest.is_manifest(corpus.build(document))
    for foreign in FOREIGN_MANIFESTS[:-1]:
        assert not manifest.is_manifest(json.loads(foreign))
    with pytest.raises(CorpusError):
        corpus.load(tmp_path)
