"""The documents name commands, modules, targets and files that exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from typer.main import get_command

from corpus.cli.main import app
from tests.conftest import ROOT

NAMES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
DOCUMENTS = [*(ROOT / name for name in NAMES), *sorted((ROOT / "docs").rglob("*.md"))]
#: Programs of other packages.
FOREIGN_MODULES = {"build", "moto.server", "pytest"}
#: Files that the worked examples of CONTRIBUTING.md write.
EXAMPLE_FILES = {"tests/filters/test_recent.py", "tests/readers/test_guestbook.py"}

#: A reader decides in two minutes whether this is for them; what is longer belongs into docs/.
MAX_README_LINES = 120

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


@every_document
def test_modules_that_a_document_runs_exist(path: Path) -> None:
    for module in re.findall(r"python -m ([\w.]+)", path.read_text(encoding="utf-8")):
        assert module in FOREIGN_MODULES or importlib.util.find_spec(module), module


@every_document
def test_make_targets_that_a_document_names_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "CHANGELOG.md":  # it also names targets that were replaced
        text = re.sub(r"`[^`]+`\s+replaces\s+`[^`]+`", "", text)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text)) <= targets


@every_document
def test_commands_that_a_document_shows_exist(path: Path) -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    shown = re.findall(r"(?:`|\$ |/)corpus ([a-z]+)", path.read_text(encoding="utf-8"))
    assert set(shown) <= commands


@every_document
def test_links_and_paths_in_a_document_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
        assert (path.parent / link).exists(), link
    for file in re.findall(r"`((?:corpus|filters|bench|scripts|tests|docs)/[\w/.-]+\.\w+)`", text):
        assert file in EXAMPLE_FILES or (ROOT / file).exists(), file


def test_the_readme_is_short_and_leads_to_every_page_that_a_new_user_needs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_README_LINES
    pages = (
        "quickstart",
        "plan",
        "output",
        "training",
        "export",
        "extend",
        "expr",
        "view",
        "privacy",
    )
    assert [page for page in pages if f"(docs/{page}.md" not in text] == []
