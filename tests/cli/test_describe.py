"""One stage or reader is described with its settings, columns, reasons and an example."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpus import readers, stages
from corpus.cli import describe
from corpus.plan.model import Plan
from filters import contract
from tests.support.commands import command


def find_example(text: str) -> Any:
    """The lines below 'example', as YAML."""
    return yaml.safe_load(text.partition("\nexample\n")[2].partition("\nmore ")[0])


@pytest.mark.parametrize("name", stages.names())
def test_the_example_of_a_stage_is_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name in describe.STAGE_EXAMPLES
    monkeypatch.setenv("COLUMNS", "80")
    text = describe.describe_stage(name)
    assert max(map(len, text.splitlines())) <= 80
    language = [] if name == "language" else [{"language": {}}]
    if name == "consent":
        language = []
    example = find_example(text)
    assert list(example["stages"][0]) == [name]
    Plan.parse({"sources": [{"reddit": {"path": "x"}}], "stages": [*language, *example["stages"]]})
    for key in stages.find(name).Config.model_fields:
        assert f"\n  {key}: " in text


@pytest.mark.parametrize("name", readers.names())
def test_the_example_of_a_reader_is_valid(name: str) -> None:
    text = describe.describe_reader(name)
    example = find_example(text)
    assert list(example["sources"][0]) == [name]
    Plan.parse(example)
    for key in readers.find(name).Config.model_fields:
        assert f"\n  {key}: " in text


def list_reasons_in_source(name: str) -> Iterator[str]:
    """The texts in ``.then(pl.lit("..."))`` in the files of a stage."""
    file = Path(inspect.getfile(inspect.getmodule(stages.find(name)) or stages))
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            inner = node.args[0] if node.func.attr == "then" and node.args else None
            if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "pl.lit":
                value = inner.args[0]
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


@pytest.mark.parametrize("name", ["consent", "language", "normalise", "pii", "toxicity", "repeats"])
def test_the_reasons_of_a_filter_are_those_in_its_source(name: str) -> None:
    module = stages.find(name)
    listed = set(contract.reasons(module, module.Config()))
    found = {reason for reason in list_reasons_in_source(name) if reason.isidentifier()}
    assert found and found <= listed


def test_thresholds_have_listed_reasons() -> None:
    for name in ("language", "quality", "toxicity", "influence", "injection", "repeats"):
        module = stages.find(name)
        config = module.Config()
        listed = contract.reasons(module, config)
        assert {each.reason for each in contract.thresholds(module, config)} <= set(listed), name


def test_a_description_has_types_defaults_columns_and_reasons() -> None:
    found = command("filters", "language", COLUMNS="80")
    assert found.returncode == 0
    assert "\n  keep: a list of texts; default []\n" in found.stdout
    assert "\nreads     text\n" in found.stdout
    assert "\nwrites    lang (String)," in found.stdout
    assert "\nreasons   no_language, unsure_language, other_language" in found.stdout
    assert "\n    - language: {keep: [en, de]}\n" in found.stdout


def test_a_misspelt_name_suggests_the_nearest() -> None:
    for arguments, expected in (
        (
            ("filters", "langauge"),
            "no stage 'langauge'; did you mean 'language'?",
        ),
        (("readers", "redit"), "no reader 'redit'; did you mean 'reddit'?"),
    ):
        found = command(*arguments)
        assert found.returncode == 2 and expected in found.stderr
