"""A request to end: exit status 130, whatever a library does with the signal or the exception."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.support.processes import HANG_SECONDS

REQUEST = "os.kill(os.getpid(), signal.SIGTERM)\n"


def run(app: str, timeout_seconds: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run the command line with ``app`` in place of its commands."""
    code = (
        "import os, signal, threading, time\n"
        "from corpus.cli import main\n"
        "from corpus.errors import BuildError\n"
        "from corpus.tasks.stop_requests import deferred_stop\n"
        f"main._EXIT_TIMEOUT_SECONDS = {timeout_seconds}\n"
        f"{app}"
        "main.app = app\n"
        "main.main()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )


SWALLOW = "    try:\n        " + REQUEST + "    except BaseException:\n        pass\n"


@pytest.mark.parametrize(
    ("what", "app"),
    [
        ("nothing in the way", "def app():\n    " + REQUEST),
        (
            "a library discards the exception and fails",
            "def app():\n" + SWALLOW + "    raise BuildError('a worker died')\n",
        ),
        (
            "a library discards the exception and exits",
            "def app():\n" + SWALLOW + "    raise SystemExit(1)\n",
        ),
        (
            "a library discards the exception and has a defect",
            "def app():\n" + SWALLOW + "    raise ZeroDivisionError\n",
        ),
        (
            "a library replaces the handler and fails",
            "def app():\n    signal.signal(signal.SIGTERM, lambda *_: None)\n    "
            + REQUEST
            + "    raise BuildError('a worker died')\n",
        ),
        (
            "it is deferred, and the deferred call fails",
            "def app():\n    with deferred_stop():\n        "
            + REQUEST
            + "        raise BuildError('a worker died')\n",
        ),
    ],
)
def test_an_error_after_a_request_to_end_is_reported_as_a_stop(what: str, app: str) -> None:
    result = run(app)
    assert result.returncode == 130, what
    assert result.stderr == (
        "corpus: stopped; run the same command again to continue where it stopped\n"
    )


def test_a_call_that_never_returns_is_ended_although_the_stop_is_deferred() -> None:
    app = "def app():\n    with deferred_stop():\n        " + REQUEST + "        time.sleep(50)\n"
    result = run(app, timeout_seconds=0.5)
    assert result.returncode == 130
    assert "run the same command again" in result.stderr


def test_a_command_that_finishes_after_a_request_to_end_is_done() -> None:
    result = run("def app():\n" + SWALLOW + "    raise SystemExit(0)\n")
    assert result.returncode == 0, result.stderr


def test_a_hangup_that_is_ignored_does_not_hide_another_request() -> None:
    app = (
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "def app():\n"
        "    with deferred_stop():\n"
        "        os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    assert run(app).returncode == 0
    result = run(app + "        " + REQUEST)
    assert result.returncode == 130
