"""The examples of docs/extend.md work as they are written."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import corpus
from corpus import testing, user_code
from tests.conftest import ROOT
from tests.support.commands import command

TEXT = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
#: A fenced block whose first line is a comment: the comment (a path), and the rest of the block.
BLOCKS = dict(re.findall(r"^```\w+\n# (.+)\n((?:.*\n)*?)```$", TEXT, re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the files of the page, and the reader that it tells to write."""
    for name, text in BLOCKS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    command("new", "reader", "my_pkg.tea_room", "--to", str(tmp_path))
    rows = [{"number": n, "body": f"cup {n}" + "😀" * n} for n in range(6)]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    yield tmp_path
    user_code.use_folder("")


def test_the_plan_of_the_page_builds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    plan = yaml.safe_load((folder / "plan.yaml").read_text())
    (folder / "plan.yaml").write_text(yaml.safe_dump({**plan, "run": {"runner": "serial"}}))
    manifest = corpus.build(folder / "plan.yaml")
    dropped = {row["stage"]: row["dropped"] for row in manifest["funnel"]}
    assert dropped["emoji_count"] == {"many_emoji": 2}
    assert dropped["any_emoji"] == {"many_emoji": 3}
    (kept,) = corpus.load(folder / "out" / "tea").scan().collect().to_dicts()
    assert kept["text"] == "cup 0" and kept["any_emoji"] == kept["emoji_count"] == 0


def test_the_tests_of_the_page_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("my_pkg", None)
    module = import_module("my_pkg.test_emoji_count")
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_pkg"]:
        del sys.modules[name]


def test_a_plan_in_another_folder_names_that_of_the_code(folder: Path) -> None:
    (folder / "plans").mkdir()
    plan = yaml.safe_load((folder / "plan.yaml").read_text())
    plan["sources"][0]["my_pkg.tea_room"]["path"] = str(folder / "posts.jsonl")
    plan |= {"code": "..", "output": {"path": str(folder / "out")}, "run": {"runner": "serial"}}
    path = folder / "plans" / "tea.yaml"
    path.write_text(yaml.safe_dump(plan))
    assert corpus.build(path)["totals"]["kept"] == 1
    path.write_text(yaml.safe_dump(plan | {"code": "../nowhere"}))
    found = command("check", str(path))
    assert found.returncode == 2
    assert "code: no folder '../nowhere'; give the one that has your filters" in found.stderr


def test_the_table_lists_every_function_with_its_parameters() -> None:
    for name in testing.__all__:
        found = getattr(testing, name)
        if inspect.isfunction(found):
            given = [
                f"{parameter.name}=None" if parameter.default is None else parameter.name
                for parameter in inspect.signature(found).parameters.values()
            ]
            assert f"`{name}({', '.join(given)})`" in TEXT
