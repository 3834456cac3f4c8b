"""``--dry-run`` estimates what the build will take, and writes nothing to the output."""

from __future__ import annotations

import gzip
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import BuildError, PlanError
from corpus.pipeline import dry_run_folder, estimate, read_files
from corpus.plan.model import Plan
from corpus.privacy import suppression
from tests.conftest import post, write_lines
from tests.support.commands import command
from tests.support.keys import DIGITS
from tests.support.processes import start_build, wait_until

MakePlan = Callable[..., dict[str, Any]]


def write_dump(path: Path, posts: int) -> None:
    """Posts of which every fourth is too short; gzip where the name says so."""
    rows = (
        json.dumps(post(n, **({"text": f"no {n}"} if n % 4 == 0 else {}))).encode() + b"\n"
        for n in range(posts)
    )
    with gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb") as file:
        file.writelines(rows)


@pytest.mark.parametrize(
    "name", ["posts.jsonl.gz", pytest.param("posts.jsonl", marks=pytest.mark.slow)]
)
def test_a_large_dump_is_estimated_from_its_beginning(
    plan: MakePlan, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dump(tmp_path / name, 60_000)
    monkeypatch.setattr(estimate, "_MIN_POSTS", 2500)
    fields = {"id": "id", "text": "text", "author": "user"}
    document = plan(
        [{"quality": {"min_words": 4}}],
        sources=[{"table": {"path": str(tmp_path / name), "fields": fields}}],
        run={"runner": "serial", "part_posts": 700},
    )
    found = estimate.estimate_build(Plan.parse(document))
    assert 2500 <= found.sampled < 5000
    assert abs(found.posts - 60_000) < 6_000
    assert abs(found.kept - 45_000) < 4_800
    assert found.seconds > 0 and found.memory_mb > 50 and found.work_mb > found.output_mb > 1
    assert not (tmp_path / "out").exists()


def test_a_small_dump_is_counted(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 600)
    found = estimate.estimate_build(Plan.parse(plan([{"quality": {"min_words": 4}}])))
    made = corpus.build(plan([{"quality": {"min_words": 4}}]))["totals"]
    assert (found.sampled, found.posts, found.kept) == (600, 600, made["kept"])


def test_sources_without_posts_are_an_error(plan: MakePlan, tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [b"no json", b"at all"])
    with pytest.raises(BuildError, match="hold no posts to estimate from"):
        estimate.estimate_build(Plan.parse(plan()))


def test_the_command_prints_the_estimate(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dump(tmp_path / "posts.jsonl", 20_000)
    monkeypatch.setattr(estimate, "_MIN_POSTS", 2500)
    (tmp_path / "plan.yaml").write_text(json.dumps(plan(run={"runner": "serial"})))
    before = sorted(os.listdir(tmp_path))
    found = command("build", str(tmp_path / "plan.yaml"), "--dry-run")
    assert found.returncode == 0, found.stderr
    for word in ("estimated from a build of", "time", "memory", "disk"):
        assert word in found.stdout
    assert sorted(os.listdir(tmp_path)) == before


# --------------------------------------------------------------------------- what a kill leaves


def scratch(tmp_path: Path) -> Path:
    return tmp_path / ".out.dry-run"


@pytest.mark.slow
def test_a_killed_dry_run_leaves_nothing_that_others_can_read_and_the_next_run_removes_it(
    plan: MakePlan, tmp_path: Path
) -> None:
    write_dump(tmp_path / "posts.jsonl", 60_000)
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps(plan()))
    elsewhere = tmp_path / "tmp"
    for after in ("build", "dry run"):
        elsewhere.mkdir(exist_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(elsewhere))
            process = start_build(path, "--dry-run")
        wait_until(lambda: list(scratch(tmp_path).rglob("*.posts.parquet")), process)
        process.kill()
        process.communicate()
        assert list(scratch(tmp_path).rglob("*.posts.parquet"))
        assert stat.S_IMODE(scratch(tmp_path).stat().st_mode) == 0o700
        assert not list(elsewhere.rglob("*"))
        found = command("build", str(path), "-q", *(["--dry-run"] if after == "dry run" else []))
        assert found.returncode == 0, found.stderr
        assert not scratch(tmp_path).exists()


def test_what_a_dry_run_did_not_write_is_kept(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 50)
    ours = scratch(tmp_path) / "first" / "work" / "begun.json"
    theirs = scratch(tmp_path) / "first" / "thesis.txt"
    ours.parent.mkdir(parents=True)
    for file in (ours, theirs):
        file.write_text("{}")
    with pytest.raises(PlanError, match="which no dry run put there"):
        estimate.estimate_build(Plan.parse(plan()))
    assert theirs.exists() and not ours.exists()
    corpus.build(plan())
    assert theirs.exists()


def test_links_in_the_place_of_a_dry_run_are_not_followed(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 50)
    precious = tmp_path / "precious" / "first" / "work" / "begun.json"
    precious.parent.mkdir(parents=True)
    precious.write_text("{}")
    scratch(tmp_path).symlink_to(tmp_path / "precious")
    with pytest.raises(PlanError, match="is a symbolic link"):
        estimate.estimate_build(Plan.parse(plan()))
    corpus.build(plan())
    assert precious.exists() and scratch(tmp_path).is_symlink()
    scratch(tmp_path).unlink()
    scratch(tmp_path).mkdir()
    (scratch(tmp_path) / "first").symlink_to(tmp_path / "precious" / "first")
    with pytest.raises(PlanError, match="'first', which no dry run put there"):
        estimate.estimate_build(Plan.parse(plan()))
    assert precious.exists()


def test_two_dry_runs_of_one_output_do_not_run_at_once(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 50)
    checked = Plan.parse(plan())
    with dry_run_folder.made_folder(checked.folder) as folder:
        (folder / "first").mkdir()
        with pytest.raises(BuildError, match="another dry run is working in"):
            estimate.estimate_build(checked)
        corpus.build(plan())  # removes nothing of a dry run that is still running
        assert (folder / "first").exists()
    assert not scratch(tmp_path).exists()


def test_the_folders_above_a_new_output_are_removed_again(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 50)
    output = {"path": str(tmp_path / "a" / "b" / "out")}
    estimate.estimate_build(Plan.parse(plan(output=output)))
    assert sorted(os.listdir(tmp_path)) == ["posts.jsonl"]


def test_a_dry_run_of_a_build_against_a_corpus_uses_its_key(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 50)
    corpus.build(plan(output={"path": str(tmp_path / "old")}))
    document = plan([{"dedup": {"against": [str(tmp_path / "old")]}}])
    assert estimate.estimate_build(Plan.parse(document)).sampled == 50


def test_a_trial_reads_no_dump_again_and_honours_the_suppression_list(
    plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dump(tmp_path / "posts.jsonl", 60)
    key = tmp_path / "corpus.key"
    key.write_text(DIGITS)
    key.chmod(0o600)
    suppression.add(key, ["table:1", "table:2"], [], ["Ada Lane"])
    monkeypatch.setattr(read_files, "readers", None)
    assert estimate.estimate_build(Plan.parse(plan([]))).kept == 58
