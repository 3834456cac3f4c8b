"""What the package needs of the system and of the import path, checked when it is imported."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import NoReturn

#: The first argument of the program while ``corpus``, or ``python -m``, imports this package.
_COMMANDS = ("corpus", "corpus.exe", "corpus-script.py", "-m")
_WRONG = 2


def check_environment() -> None:
    """ImportError, or a message and exit status 2 in the command, where nothing can work."""
    problem = _find_problem(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if problem:
        _refuse(problem)


def _find_problem(installed_in: str) -> str | None:
    if importlib.util.find_spec("fcntl") is None:
        return (
            f"Python on '{sys.platform}' has no fcntl, with which folders are locked; use Linux, "
            "macOS, or on Windows the Windows Subsystem for Linux (WSL)"
        )
    expected = os.path.join(installed_in, "filters", "__init__.py")
    found = _find_filters()
    if found is None or os.path.realpath(found) == os.path.realpath(expected):
        return None
    return (
        f"'{found}' hides the package 'filters' of social-corpus, which is '{expected}'; rename "
        "that file or folder, run in another folder, or uninstall the distribution that it is of"
    )


def _find_filters() -> str | None:
    """The file that ``import filters`` runs, without running it; None if there is none."""
    loaded = sys.modules.get("filters")
    if loaded is not None:
        return getattr(loaded, "__file__", None)
    found = importlib.util.find_spec("filters")
    if found is None:
        return None
    return found.origin or next(iter(found.submodule_search_locations or []), None)


def _refuse(problem: str) -> NoReturn:
    program = sys.argv[0] if getattr(sys, "argv", None) else ""
    if os.path.basename(program) in _COMMANDS:
        print(f"corpus: {problem}", file=sys.stderr)
        raise SystemExit(_WRONG)
    raise ImportError(problem)
