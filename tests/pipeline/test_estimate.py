"""``--dry-run`` estimates what the build will take, and writes nothing to the output."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.errors import BuildError
from corpus.pipeline import estimate
from corpus.plan.model import Plan
from tests.conftest import post, write_lines
from tests.support.commands import command

MakePlan = Callable[..., dict[str, Any]]


def write_dump(path: Path, posts: int) -> None:
    """Posts of which every fourth is too short; gzip where the name says so."""
    rows = (
        json.dumps(post(n, **({"text": f"no {n}"} if n % 4 == 0 else {}))).encode() + b"\n"
        for n in range(posts)
    )
    with gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb") as file:
        file.writelines(rows)


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.jsonl.gz"])
def test_a_large_dump_is_estimated_from_its_beginning(
    plan: MakePlan, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dump(tmp_path / name, 150_000)
    monkeypatch.setattr(estimate, "_MIN_POSTS", 1500)
    fields = {"id": "id", "text": "text", "author": "user"}
    document = plan(
        [{"quality": {"min_words": 4}}],
        sources=[{"table": {"path": str(tmp_path / name), "fields": fields}}],
        run={"runner": "serial", "part_posts": 700},
    )
    found = estimate.estimate_build(Plan.parse(document))
    assert 1500 <= found.sampled < 5000
    assert abs(found.posts - 150_000) < 15_000
    assert abs(found.kept - 112_500) < 12_000
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


def test_the_command_prints_the_estimate(plan: MakePlan, tmp_path: Path) -> None:
    write_dump(tmp_path / "posts.jsonl", 60_000)
    (tmp_path / "plan.yaml").write_text(json.dumps(plan(run={"runner": "serial"})))
    before = sorted(os.listdir(tmp_path))
    found = command("build", str(tmp_path / "plan.yaml"), "--dry-run")
    assert found.returncode == 0, found.stderr
    for word in ("posts, about:", "time", "memory", "disk"):
        assert word in found.stdout
    assert sorted(os.listdir(tmp_path)) == before
