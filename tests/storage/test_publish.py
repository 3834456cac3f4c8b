"""``publish`` uploads what builds wrote, and keeps what needs the key at home."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.maintenance.takedown import take_down
from corpus.maintenance.verify import verify
from corpus.privacy import suppression
from corpus.storage import filesystem, upload
from tests.conftest import post, sentence, write_lines
from tests.support.commands import Finished, command


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with an index, replacement copies and a validation set."""
    folder = tmp_path_factory.mktemp("built")
    rows = [post(n, user=f"u{n}") for n in range(30)] + [post(90, text=sentence(3), user="other")]
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "stages": [{"dedup": {}}],
            "output": {"path": str(folder / "out"), "ids": "original", "validation": 0.1},
            "run": {"runner": "serial"},
        }
    )
    return folder / "out"


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of the corpus, beside its key."""
    shutil.copy(built.parent / "corpus.key", tmp_path)
    return shutil.copytree(built, tmp_path / "out")


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place that is empty."""
    if request.param == "file":
        yield f"file://{tmp_path}/there"
        return
    place = f"memory://{secrets.token_hex(4)}/there"
    yield place
    for file in filesystem.walk(place):
        filesystem.remove_file(file)


def publish(out: Path, url: str, *options: str) -> Finished:
    return command("publish", str(out), url, *options)


def published(url: str) -> set[str]:
    return {file.removeprefix(f"{url}/") for file in filesystem.walk(url)}


def manifest_at(url: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(filesystem.read_file(f"{url}/manifest.json"))
    return found


def test_the_index_and_the_replacement_copies_stay_at_home(out: Path, url: str) -> None:
    done = publish(out, url)
    assert done.returncode == 0, done.stderr
    assert "not uploaded: index/ and reserve/ (--with-index uploads them)" in done.stdout
    assert {name.split("/")[0] for name in published(url)} == {
        "shards", "validation", "dropped", "manifest.json", "README.md", "report.html",
        "statistics.json", "croissant.json", "DATASHEET.md", "plan.yaml",
    }  # fmt: skip
    local, there = json.loads((out / "manifest.json").read_text()), manifest_at(url)
    assert there == local | {
        "index": {}, "reserve": {}, "published_without": ["index", "reserve"]
    }  # fmt: skip
    assert verify(url)["passed"] and verify(out)["passed"]
    assert corpus.load(url).scan().collect().height == 30
    again = publish(out, url)  # nothing is another corpus's, and nothing is uploaded again
    assert again.returncode == 0, again.stderr
    assert "begun" not in published(url)


def test_with_index_everything_is_uploaded_and_without_it_is_removed_again(
    out: Path, url: str
) -> None:
    done = publish(out, url, "--with-index")
    assert done.returncode == 0 and "not uploaded" not in done.stdout
    assert manifest_at(url) == json.loads((out / "manifest.json").read_text())
    assert {"index/index.json", "index/00000.sealed", "reserve/00000.sealed"} <= published(url)
    assert verify(url)["passed"]
    assert publish(out, url).returncode == 0
    assert not [name for name in published(url) if name.startswith(("index/", "reserve/"))]
    assert verify(url)["passed"]
    assert publish(out, url, "--with-index").returncode == 0
    assert "index/index.json" in published(url) and verify(url)["passed"]


def test_a_copy_with_its_index_can_be_compared_with_and_one_without_is_refused(
    out: Path, tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/there"
    plan = {
        "sources": [
            {
                "table": {
                    "path": str(write_lines(tmp_path / "new.jsonl", [post(3), post(400)])),
                    "fields": {"id": "id", "text": "text", "author": "user"},
                }
            }
        ],
        "stages": [{"dedup": {"against": [url]}}],
        "output": {"path": str(tmp_path / "new"), "ids": "original"},
        "run": {"runner": "serial"},
    }
    publish(out, url)
    with pytest.raises(corpus.errors.PlanError, match="publish --with-index"):
        corpus.build(plan)
    publish(out, url, "--with-index")
    assert corpus.build(plan)["totals"]["kept"] == 1


def test_a_listed_author_s_post_in_a_copy_at_a_url_drops_no_copy_by_another(
    out: Path, tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/there"
    publish(out, url, "--with-index")

    suppression.add(out.parent / "corpus.key", [], ["table:u3"])
    new = [post(3) | {"id": 300, "user": "x"}, post(4) | {"id": 301, "user": "x"}]
    fields = {"id": "id", "text": "text", "author": "user"}
    path = str(write_lines(tmp_path / "new.jsonl", new))
    manifest = corpus.build(
        {
            "sources": [{"table": {"path": path, "fields": fields}}],
            "stages": [{"dedup": {"against": [url]}}],
            "output": {"path": str(out.parent / "new"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    assert manifest["funnel"][-1]["dropped"] == {"in_earlier_corpus": 1}
    assert corpus.load(out.parent / "new").scan().collect()["id"].to_list() == ["table:300"]


def test_a_takedown_reaches_the_copy(out: Path, url: str) -> None:
    publish(out, url)
    take_down(out, ["table:5"])
    refused = publish(out, url)
    assert refused.returncode == 2 and "holds another corpus" in refused.stderr
    done = publish(out, url, "--replace")
    assert done.returncode == 0
    may_keep_versions = "if the store keeps versions of objects" in done.stdout
    assert may_keep_versions == url.startswith("memory:")
    assert "were replaced or removed" not in publish(out, url).stdout
    assert verify(url)["passed"]
    assert "table:5" not in corpus.load(url).scan().collect()["id"]
    assert "takedowns/00001.json" in published(url)


def test_only_a_repository_has_commits_to_squash(out: Path, url: str) -> None:
    refused = publish(out, url, "--squash-history")
    assert refused.returncode == 2 and "has no commits" in refused.stderr
    assert published(url) == set()


def test_an_upload_that_was_stopped_anywhere_goes_on(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    for stop in range(2, 40):
        place = f"memory://{secrets.token_hex(4)}/there"
        calls = 0

        def counted(real: Any) -> Any:
            def call(*given: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == stop:  # noqa: B023
                    raise Stopped
                return real(*given)

            return call

        with monkeypatch.context() as patch:
            for name in ("upload_files", "upload_file", "write_file", "remove_file"):
                patch.setattr(filesystem, name, counted(getattr(filesystem, name)))
            try:
                upload.check_destination(place, replace=False)
                upload.upload_corpus(out, place, lambda *_: None, omitted=upload.KEYED_FOLDERS)
            except Stopped:
                pass
            else:
                break
        shutil.rmtree(out / "work", ignore_errors=True)
        done = publish(out, place)
        assert done.returncode == 0, (stop, done.stderr)
        assert verify(place)["passed"]
        assert "begun" not in published(place)
    assert stop > 10


# --------------------------------------------------------------------------- files of others


FOREIGN = ["thesis.txt", "notes/one.txt", "shards/mine.parquet", "dropped/mine-00000.parquet",
           "takedowns/requests.txt", "index/notes.txt"]  # fmt: skip


def test_files_of_others_in_the_corpus_are_not_uploaded_and_are_listed(
    out: Path, tmp_path: Path, url: str
) -> None:
    for name in FOREIGN:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("the user's")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "secret.txt").write_text("the user's")
    (out / "docs").symlink_to(tmp_path / "docs")
    (out / "shards" / "mine").symlink_to(tmp_path / "docs" / "secret.txt")
    done = publish(out, url)
    assert done.returncode == 0, done.stderr
    for name in [*FOREIGN[:-1], "docs", "shards/mine"]:
        assert f"not uploaded: {name}, which no build wrote" in done.stdout
    assert not published(url) & {*FOREIGN, "docs/secret.txt", "shards/mine"}
    assert verify(url)["passed"]
    assert all((out / name).read_text() == "the user's" for name in FOREIGN)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "name",
    ["README.md", "manifest.json", "plan.yaml", "thesis.txt", "shards/part-00000.parquet",
     "work/notes.txt", "index/00000.sealed"],
)  # fmt: skip
def test_a_place_with_files_of_others_is_refused_and_unchanged(
    out: Path, url: str, name: str, replace: bool
) -> None:
    filesystem.write_file(f"{url}/{name}", b'{"the": "user\'s"}')
    done = publish(out, url, *(["--replace"] if replace else []))
    assert done.returncode == 2 and "which no build put there" in done.stderr
    assert published(url) == {name}
    assert filesystem.read_file(f"{url}/{name}") == b'{"the": "user\'s"}'


def test_files_of_others_beside_a_copy_are_kept(out: Path, url: str) -> None:
    publish(out, url)
    names = ["thesis.txt", "shards/mine.parquet", "dropped/mine-00000.parquet"]
    for name in names:
        filesystem.write_file(f"{url}/{name}", b"the user's")
    take_down(out, ["table:5"])
    assert publish(out, url, "--replace").returncode == 0
    assert [filesystem.read_file(f"{url}/{name}") for name in names] == [b"the user's"] * 3


@pytest.mark.parametrize("name", ["shards", "README.md", "shards/part-00000.parquet"])
def test_links_at_the_destination_are_not_followed(out: Path, tmp_path: Path, name: str) -> None:
    url, there, users = f"file://{tmp_path}/there", tmp_path / "there", tmp_path / "users"
    publish(out, url)
    (there / name).rename(users)
    (there / name).symlink_to(users)
    before = {p: p.read_bytes() for p in [users, *users.rglob("*")] if p.is_file()}
    take_down(out, ["table:5"])
    done = publish(out, url, "--replace")
    assert done.returncode == 2 and "is a symbolic link" in done.stderr
    assert {p: p.read_bytes() for p in [users, *users.rglob("*")] if p.is_file()} == before


def test_a_snapshot_of_the_destination_by_hard_links_is_unchanged(
    out: Path, tmp_path: Path
) -> None:
    url, there, snapshot = f"file://{tmp_path}/there", tmp_path / "there", tmp_path / "snapshot"
    publish(out, url)
    shutil.copytree(there, snapshot, copy_function=os.link)
    before = {path: path.read_bytes() for path in snapshot.rglob("*") if path.is_file()}
    take_down(out, ["table:5"])
    assert publish(out, url, "--replace").returncode == 0
    assert {path: path.read_bytes() for path in snapshot.rglob("*") if path.is_file()} == before
    assert verify(url)["passed"] and verify(snapshot)["passed"]
