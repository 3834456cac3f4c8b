"""The plans and the notebook of examples/ build invented dumps."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

import corpus
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"
#: Of each plan: posts read, posts kept, documents, and the reasons of what was dropped.
EXPECTED = {
    "bluesky": (7, 6, 6, ["deleted_later"]),
    "forum_table": (5, 4, 4, ["too_short"]),
    "reddit_threads": (8, 6, 2, ["deleted", "no_language"]),
    "x_archives": (9, 7, 7, ["deleted_later", "exact_duplicate"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("examples")
    runpy.run_path(str(EXAMPLES / "make_dumps.py"))["main"](made / "dumps" / "examples")
    return made


def test_every_plan_is_tested() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.yaml")) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_plan_builds_and_drops_what_it_should(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    manifest = corpus.build(EXAMPLES / f"{name}.yaml", runner="serial")
    totals = manifest["totals"]
    posts = corpus.load(corpus.Plan.load(EXAMPLES / f"{name}.yaml").output.path)
    reasons = sorted(posts.dropped().collect()["reason"])
    assert (totals["read"], totals["kept"], totals["documents"], reasons) == EXPECTED[name]
    for text in posts.scan().collect()["text"]:
        assert "rosa.finch@example.org" not in text and "7946" not in text


def test_the_notebook_runs_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "first_corpus.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec("".join(cell["source"]), names)
            shown = "".join(line for output in cell["outputs"] for line in output["text"])
            assert printed.getvalue() == shown
