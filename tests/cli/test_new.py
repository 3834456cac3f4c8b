"""``corpus new`` writes a filter or a reader that works, with a test that passes at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import corpus
from corpus import user_code
from tests.support.commands import command
from tests.support.processes import ROOT


def run_test(file: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the test as a user does, in the folder of the package."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={folder}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(file)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_the_tests_that_it_writes_pass_at_once_and_notice_a_broken_module(tmp_path: Path) -> None:
    assert command("new", "filter", "my_pkg.capitals", "--to", str(tmp_path)).returncode == 0
    found = command("new", "reader", "my_pkg.tea_room", "--to", str(tmp_path))
    assert "use     - my_pkg.tea_room: {path: posts.jsonl}" in found.stdout
    package = tmp_path / "my_pkg"
    assert sorted(file.name for file in package.iterdir()) == [
        "__init__.py",
        "capitals.py",
        "tea_room.py",
        "test_capitals.py",
        "test_tea_room.py",
    ]
    passed = run_test(package, tmp_path)
    assert passed.returncode == 0 and "3 passed" in passed.stdout, passed.stdout
    for name, old, new in (
        ("capitals", 'alias("reject"))', 'alias("reject")).reverse()'),
        ("tea_room", "TOMBSTONES = False", ""),
    ):
        text = (package / f"{name}.py").read_text()
        assert old in text
        (package / f"{name}.py").write_text(text.replace(old, new))
    broken = run_test(package, tmp_path)
    assert "ContractError: the filter changed the order of the rows" in broken.stdout
    assert "ContractError: it has no 'TOMBSTONES'" in broken.stdout


def test_a_plan_builds_with_what_it_writes(tmp_path: Path) -> None:
    command("new", "filter", "capitals", "--to", str(tmp_path))
    command("new", "reader", "tea_room", "--to", str(tmp_path))
    rows = [{"number": n, "body": "BUY IT" if n == 3 else f"Post {n}"} for n in range(6)]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {
        "sources": [{"own.tea_room": {"path": str(tmp_path / "posts.jsonl")}}],
        "stages": [{"own.capitals": {"max_share": 0.5}}],
        "output": {"path": str(tmp_path / "out")},
        "run": {"runner": "serial"},
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    try:
        manifest = corpus.build(tmp_path / "plan.yaml")
        assert manifest["funnel"][-1]["dropped"] == {"many_capitals": 1}
        found = command("tune", str(tmp_path / "out"), "capitals.max_share=0.1")
        assert found.returncode == 0 and "5 kept posts would be dropped" in found.stdout
        assert manifest["thresholds"][-1]["column"] == "capitals"
    finally:
        user_code.use_folder("")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Emoji-Count", "'Emoji-Count' is not a valid module name"),
        ("my_pkg.class", "'class' is not a valid module name"),
        ("my_pkg.quality", "'quality' is the name of a built-in one"),
        ("json.emoji", "'json' is the name of an installed module"),
    ],
)
def test_a_name_that_would_not_work_is_refused(tmp_path: Path, name: str, expected: str) -> None:
    found = command("new", "filter", name, "--to", str(tmp_path))
    assert found.returncode == 2 and expected in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "test_emoji.py").write_text("mine")
    found = command("new", "filter", "emoji", "--to", str(tmp_path))
    assert found.returncode == 2 and "exists; give another name" in found.stderr
    assert [file.name for file in (tmp_path / "own").iterdir()] == ["test_emoji.py"]
