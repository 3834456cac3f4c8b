"""What ``corpus`` says on a system, or with an import path, with which nothing can work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in ``folder``, which is first on the import path."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.fixture(params=["filters.py", "filters/__init__.py"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A module ``filters`` of somebody else, which says if it is run."""
    file = tmp_path / request.param
    file.parent.mkdir(exist_ok=True)
    file.write_text("print('the foreign module was run')\n")
    return file


def test_the_command_names_a_foreign_filters_and_does_not_run_it(
    foreign: Path, tmp_path: Path
) -> None:
    found = _python(tmp_path, "-m", "corpus", "--version")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("\n") == 1
    assert found.stderr.startswith(f"corpus: '{foreign}' hides the package 'filters'")
    assert str(ROOT / "filters") in found.stderr
    assert "rename that file or folder" in found.stderr


def test_importing_corpus_behind_a_foreign_filters_is_an_import_error(
    foreign: Path, tmp_path: Path
) -> None:
    found = _python(tmp_path, "-c", "import corpus")
    assert found.stderr.splitlines()[-1].startswith(f"ImportError: '{foreign}' hides the package")
    assert not found.stdout


def test_a_foreign_filters_that_is_already_imported_is_named(foreign: Path, tmp_path: Path) -> None:
    code = f"import sys, filters; sys.path[0] = {str(ROOT)!r}; import corpus"
    found = _python(tmp_path, "-c", code)
    assert f"ImportError: '{foreign}' hides the package" in found.stderr


def test_a_folder_filters_without_python_in_it_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "filters").mkdir()
    found = _python(tmp_path, "-m", "corpus", "--version")
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("program", ["corpus", r"C:\Scripts\corpus.exe", "-m"])
def test_the_command_says_which_systems_it_needs(tmp_path: Path, program: str) -> None:
    program = program.replace("\\", os.sep)
    code = f"import sys; sys.modules['fcntl'] = None; sys.argv = [{program!r}]; import corpus"
    found = _python(tmp_path, "-c", code)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.count("\n") == 1
    assert "use Linux, macOS, or on Windows the Windows Subsystem for Linux" in found.stderr


def test_importing_corpus_without_fcntl_is_an_import_error_in_words(tmp_path: Path) -> None:
    found = _python(tmp_path, "-c", "import sys; sys.modules['fcntl'] = None; import corpus.loader")
    assert found.stderr.splitlines()[-1].startswith("ImportError: Python on ")
    assert "Windows Subsystem for Linux (WSL)" in found.stderr
