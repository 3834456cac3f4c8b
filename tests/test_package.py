"""The distribution: its name and version, and the files of its wheel."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import corpus
from corpus.report import list_tool_versions

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NAME = PYPROJECT["project"]["name"]


def test_a_build_names_the_distribution_and_its_version() -> None:
    assert list_tool_versions()[NAME] == corpus.__version__


def test_the_citation_and_the_changelog_are_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["title"], citation["version"]) == (NAME, corpus.__version__)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in changelog.splitlines() if line.startswith("## "))
    assert newest == f"## {corpus.__version__}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_an_issue_form_is_valid_and_asks_for_no_post(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert set(form) <= {"blank_issues_enabled", "contact_links"}
        return
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] or field["type"] == "checkboxes" for field in fields)
    assert form["body"][0]["attributes"]["value"].startswith("Do not ")
    [confirmation] = fields[-1]["attributes"]["options"]
    assert confirmation["required"]


def test_the_image_needs_only_files_that_are_sent_to_its_build() -> None:
    """Everything that hatchling reads passes .dockerignore, and nothing else does."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    packages = set(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    project = PYPROJECT["project"]
    assert "*" in lines
    assert sent == packages | {"pyproject.toml", "constraints.txt", project["readme"], "LICENSE"}
    assert all((ROOT / name).exists() for name in sent)


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git lists the files: needs a checkout")
def test_the_wheel_holds_the_two_packages_whole_and_nothing_else(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("pip can get no hatchling: no package registry is reachable")
    assert built.returncode == 0, built.stderr[-2000:]
    [wheel] = tmp_path.glob("*.whl")
    about = f"{NAME.replace('-', '_')}-{corpus.__version__}.dist-info"
    assert wheel.name == f"{NAME.replace('-', '_')}-{corpus.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
        commands = archive.read(f"{about}/entry_points.txt").decode()
    tracked = subprocess.run(
        ["git", "ls-files", "corpus", "filters"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stdout.split()
    assert {file for file in files if not file.startswith(about)} == set(tracked)
    assert {"corpus/py.typed", "filters/py.typed", "filters/models/ner.bin"} <= files
    assert {file.removeprefix(f"{about}/") for file in files if file.startswith(about)} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }
    assert commands.split("\n")[:2] == ["[console_scripts]", "corpus = corpus.cli.main:main"]
