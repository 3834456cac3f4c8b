"""A script that would be run again by its workers is told so, with the lines to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import post, write_lines
from tests.support.processes import ROOT

BUILD = "corpus.build({plan!r}, runner={runner!r}, workers=1)"


def run_script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "make.py").write_text(text)
    return subprocess.run(
        [sys.executable, "make.py"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_plan(folder: Path) -> str:
    write_lines(folder / "posts.jsonl", [post(n) for n in range(5)])
    (folder / "p.yaml").write_text(
        "sources: [table: {path: posts.jsonl, fields: {id: id, text: text}}]\noutput: {path: out}\n"
    )
    return "p.yaml"


def test_an_unguarded_build_says_so_before_a_worker_starts(tmp_path: Path) -> None:
    call = BUILD.format(plan=write_plan(tmp_path), runner="processes")
    found = run_script(tmp_path, f"import corpus\n\nmade = {call}\n")
    assert found.returncode == 1
    assert "'make.py' calls build() at line 3 without a main guard" in found.stderr
    assert f'\nif __name__ == "__main__":\n    made = {call}\n' in found.stderr
    assert found.stderr.count("Traceback") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        "import corpus\nif __name__ == '__main__':\n    {}\n",
        "import corpus\n\ndef main():\n    {}\n\nif '__main__' == __name__:\n    main()\n",
    ],
)
def test_a_guarded_build_builds(tmp_path: Path, text: str) -> None:
    call = BUILD.format(plan=write_plan(tmp_path), runner="processes")
    found = run_script(tmp_path, text.format(call))
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "out" / "manifest.json").exists()


def test_the_serial_runner_needs_no_guard(tmp_path: Path) -> None:
    call = BUILD.format(plan=write_plan(tmp_path), runner="serial")
    found = run_script(tmp_path, f"import corpus\n{call}\n")
    assert found.returncode == 0, found.stderr
