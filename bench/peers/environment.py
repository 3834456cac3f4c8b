"""Make the virtual environment of the peers when it is first needed and there is a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench import measure

VENV = measure.ROOT / ".bench" / "peers"
PYTHON = VENV / "bin" / "python"
#: alt-profanity-check needs an older scikit-learn: ``python -m venv .bench/profanity``, and pip.
PROFANITY_PYTHON = measure.ROOT / ".bench" / "profanity" / "bin" / "python"
REQUIREMENTS = (
    "datatrove[io,processing]>=0.10,<0.11",
    "spacy>=3.8,<4",
    "orjson",
    "regex",
    "datasketch>=2.0,<3",
    "rensa>=0.5,<0.6",
)

_INSTALL_SECONDS = 1200


def find_interpreter(python: Path = PYTHON) -> Path | None:
    """Return an interpreter that has the peers; print why and return None if there is none."""
    installed = VENV / ".installed"
    wanted = "\n".join(REQUIREMENTS) + "\n"
    if python == PYTHON and not (installed.exists() and installed.read_text() == wanted):
        folder = VENV.relative_to(measure.ROOT)
        print(f"bench: installing the peers in {folder} (a few minutes)", file=sys.stderr)
        problem = _install(wanted)
        if problem:
            print(f"no peers here, so only ours is measured: {problem}", file=sys.stderr)
            return None
    if not python.exists():
        print(f"no interpreter at '{python}', so only ours is measured", file=sys.stderr)
        return None
    return python


def installed_interpreter() -> Path | None:
    """Return the interpreter of the peers if it is installed; install nothing."""
    return PYTHON if PYTHON.exists() else None


def profanity_interpreter() -> Path | None:
    """Return the interpreter of alt-profanity-check if it is installed; install nothing."""
    return PROFANITY_PYTHON if PROFANITY_PYTHON.exists() else None


def _install(wanted: str) -> str:
    """Make the environment; return the error message, or nothing."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet"]
    for command in ([sys.executable, "-m", "venv", str(VENV)], [*pip, *REQUIREMENTS]):
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=_INSTALL_SECONDS
            )
        except subprocess.CalledProcessError as error:
            lines = (error.stderr or error.stdout or "no message").strip().splitlines()
            return next((line for line in lines if "ERROR" in line), lines[-1])
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    (VENV / ".installed").write_text(wanted, encoding="utf-8")
    return ""


def find_version(python: Path, name: str) -> str:
    """Return the version of a peer that an interpreter has."""
    program = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([str(python), "-c", program], capture_output=True, text=True)
    return done.stdout.strip()
