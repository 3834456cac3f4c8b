"""Run ``corpus`` as a user would: in this process, or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus.cli import main, printing
from tests.support.processes import HANG_SECONDS, ROOT


@dataclass(frozen=True)
class Finished:
    """What a command that has ended returned and wrote."""

    returncode: int
    stdout: str
    stderr: str


class _NoMonitor:
    """In place of what watches for signals, which the test process keeps for itself."""

    def __init__(self, *given: object) -> None: ...
    def start(self) -> None: ...
    def ignore(self) -> None: ...
    def stop_was_requested(self) -> bool:
        return False


def command(*arguments: str, cwd: Path | None = None, **environment: str) -> Finished:
    """Run a command in this process, which saves the second that importing takes.

    Where the process is the claim (signals, memory, what is imported): :func:`command_process`.
    """
    out, errors = _text_buffer(), _text_buffer()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        for name, value in {"COLUMNS": "120", **environment}.items():
            patch.setenv(name, value)
        patch.chdir(cwd or ROOT)
        patch.setattr(sys, "argv", ["corpus", *arguments])
        patch.setattr(printing, "_log_as_json", False)  # the state of one process, one command
        patch.setattr(main, "StopMonitor", _NoMonitor)
        patch.setattr(main, "_force_exit_later", lambda status: None)
        try:
            main.main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except Exception:
            traceback.print_exc()
            status = 1
    return Finished(status, _text_of(out), _text_of(errors))


def _text_buffer() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text_of(buffer: io.TextIOWrapper) -> str:
    raw = buffer.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()


def command_process(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "corpus", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **environment},
        timeout=HANG_SECONDS,
    )
