"""The worked examples of CONTRIBUTING.md, executed as its text says."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import corpus
import filters
from corpus import readers
from corpus.plan import detect_format
from corpus.readers.contract import Sample
from corpus.testing import check_filter
from tests import test_contract
from tests.conftest import ROOT, write_lines
from tests.readers import test_fits

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: A fenced block whose first line is a comment: the comment (a path), and the rest of the block.
_BLOCK = re.compile(r"^( *)```\w+\n\1# (.+)\n((?:.*\n)*?)\1```$", re.MULTILINE)
ENTRIES = [
    {
        "entry": 11,
        "guest": "ben",
        "at": 1714521000,
        "says": "The scones were warm and the view fine.",
    },
    {
        "entry": 12,
        "guest": "ada",
        "at": 1714521600,
        "says": "Lovely tea, and so it was.",
        "answers": 11,
    },
    {"entry": 13, "guest": "cyd", "at": 1714522000, "says": "I wish that I had not written this."},
    {"erased": 13},
    {"entry": 14, "guest": "dee"},
]


def _blocks() -> dict[str, str]:
    found = {}
    for indent, name, body in _BLOCK.findall(TEXT):
        found[name] = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
    return found


BLOCKS = _blocks()


def _execute(path: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Write the block of ``path`` to ``folder`` and import it under the name it would have."""
    name = path.removesuffix(".py").replace("/", ".")
    file = folder / Path(path).name
    file.write_text(BLOCKS[path], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    monkeypatch.setattr(importlib.import_module(parent), child, module, raising=False)
    return module


def _register(table: dict[str, str], file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the line that the text tells a contributor to add to the table in ``file``."""
    line: dict[str, str] = eval("{" + BLOCKS[f"the table in {file}"] + "}")
    for name, path in line.items():
        monkeypatch.setitem(table, name, path)


def _run_tests(module: ModuleType, tmp_path: Path) -> None:
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(**{"tmp_path": tmp_path} if "tmp_path" in inspect.signature(test).parameters else {})


def _build(plan_name: str, tmp_path: Path, source: dict[str, Any]) -> dict[str, Any]:
    plan = yaml.safe_load(BLOCKS[plan_name])
    plan["sources"] = [source]
    plan["output"] = {"path": str(tmp_path / "out"), "ids": "original"}
    plan["run"] = {"runner": "serial"}
    return corpus.build(plan)


@pytest.fixture
def recent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = _execute("filters/recent.py", tmp_path, monkeypatch)
    _register(filters._BUILT_IN, "filters/__init__.py", monkeypatch)
    assert filters.find("recent") is module
    return module


@pytest.fixture
def guestbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = _execute("corpus/readers/guestbook.py", tmp_path, monkeypatch)
    _register(readers._MODULES, "corpus/readers/__init__.py", monkeypatch)
    assert readers.find("guestbook") is module
    return module


def test_the_example_filter_passes_its_own_test(
    recent: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_tests(_execute("tests/filters/test_recent.py", tmp_path, monkeypatch), tmp_path)


def test_the_example_filter_passes_the_tests_of_the_contract(recent: ModuleType) -> None:
    test_contract.test_a_stage_s_config_is_frozen_and_refuses_unknown_keys("recent")
    test_contract.test_a_threshold_is_of_a_column_that_is_written_and_a_setting_that_exists(
        "recent"
    )
    check_filter(filters.find("recent"))


def test_a_plan_with_the_example_filter_builds(recent: ModuleType, tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": "The kettle was sold that week.", "at": "2024-05-15T23:00:00Z"},
        {"id": "2", "text": "We painted the boat a day later.", "at": "2024-05-16T00:00:00Z"},
    ]
    path = write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "created_at": "at"}
    manifest = _build("recent.yaml", tmp_path, {"table": {"path": str(path), "fields": fields}})
    funnel = {row["stage"]: row for row in manifest["funnel"]}
    assert funnel["recent"]["dropped"] == {"too_old": 1}
    assert manifest["totals"]["kept"] == 1


def test_the_example_reader_passes_its_own_tests(
    guestbook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_tests(_execute("tests/readers/test_guestbook.py", tmp_path, monkeypatch), tmp_path)


def test_the_example_reader_passes_the_tests_of_the_contract(
    guestbook: ModuleType, tmp_path: Path
) -> None:
    test_contract.test_a_reader_has_its_parts_and_refuses_unknown_keys("guestbook")
    test_contract.test_every_setting_of_a_reader_is_described("guestbook")
    for what in test_contract.HOSTILE:
        test_contract.test_a_reader_survives_whatever_a_file_holds("guestbook", what, tmp_path)


def test_the_example_reader_fits_its_own_format_only(guestbook: ModuleType) -> None:
    own = Sample("book.jsonl", (), b"".join(json.dumps(row).encode() + b"\n" for row in ENTRIES))
    scores = {name: readers.find(name).fits(own) for name in readers.names()}
    assert scores.pop("guestbook") == 0.8 > max(scores.values())  # of five lines one is no entry
    others = [found for samples in test_fits.SAMPLES.values() for found in samples]
    assert {guestbook.fits(found) for found in (*others, *test_fits.FOREIGN)} == {0}


def test_a_plan_with_the_example_reader_builds(guestbook: ModuleType, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "book.jsonl", ENTRIES)
    assert detect_format.rank_readers(str(path))[0][0] == "guestbook"
    manifest = _build("guestbook.yaml", tmp_path, {"guestbook": {"path": str(path)}})
    assert manifest["totals"]["refused"] == 1
    funnel = {row["stage"]: row for row in manifest["funnel"]}
    assert funnel["consent"]["dropped"] == {"deleted_later": 1}
    kept = corpus.load(tmp_path / "out").scan().collect()
    assert sorted(kept["id"]) == ["guestbook:11", "guestbook:12"]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["totals"]["kept"] == 2


def test_the_tree_in_the_text_has_every_package() -> None:
    tree = TEXT.split("## The packages")[1].split("```")[1]
    named = set(re.findall(r"^  ([a-z_]+(?:/|\.py))", tree.split("filters/")[0], re.MULTILINE))
    for path in (ROOT / "corpus").iterdir():
        if path.name.startswith("__") or (path.is_dir() and not (path / "__init__.py").exists()):
            continue
        if path.is_dir() or path.suffix == ".py":
            name = f"{path.name}/" if path.is_dir() else path.name
            assert name in named, f"CONTRIBUTING.md does not name corpus/{name}"
    for name in named:
        assert (ROOT / "corpus" / name).exists(), f"CONTRIBUTING.md names corpus/{name}"
