"""Run a command; an error becomes one line and an exit status, a signal a clean stop."""

from __future__ import annotations

import _thread
import os
import sys
import time
from typing import NoReturn

from corpus.cli.app import app
from corpus.cli.printing import print_message
from corpus.errors import BuildError, CorpusError, PlanError
from corpus.tasks.stop_requests import StopMonitor, StopRequested

FAILED = 1
WRONG = 2
STOPPED = 130
_EXIT_TIMEOUT_SECONDS = 20.0
_STOPPED_MESSAGE = "stopped; run the same command again to continue where it stopped"


def main() -> None:
    """Run the command in ``sys.argv`` and exit with its status."""
    monitor = StopMonitor(_EXIT_TIMEOUT_SECONDS, _force_stopped_exit)
    monitor.start()
    try:
        app()
    except StopRequested:
        _exit_as_stopped(monitor)
    except (Exception, SystemExit) as error:
        # An error after a request to end may be its consequence, for example a lost worker. What
        # is done is done; the same command does the rest, or reports the error again.
        finished = isinstance(error, SystemExit) and not error.code
        if monitor.stop_was_requested() and not finished:
            _exit_as_stopped(monitor)
        if isinstance(error, (CorpusError, OSError)):
            _exit_with_error(error)
        raise


def _exit_with_error(error: CorpusError | OSError) -> NoReturn:
    if isinstance(error, BrokenPipeError):  # as in `corpus peek OUT | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    if isinstance(error, PlanError):
        for message in error.messages:
            print_message(message)
        if len(error.messages) > 1:
            print_message(f"{len(error.messages)} errors; nothing was built")
        status = WRONG
    elif isinstance(error, CorpusError):
        print_message(str(error)[:2000])  # it may quote a name from an archive
        status = FAILED if isinstance(error, BuildError) else WRONG
    else:
        print_message(f"{error.strerror or error}: '{error.filename}'")
        status = FAILED
    # A process pool in which a worker died may wait for it at exit for ever.
    _thread.start_new_thread(_force_exit_later, (status,))
    sys.exit(status)


def _exit_as_stopped(monitor: StopMonitor) -> NoReturn:
    monitor.ignore()
    print_message(_STOPPED_MESSAGE)
    sys.exit(STOPPED)


def _force_exit_later(status: int) -> None:
    """End the process after a while, as ``kill -9`` would; its workers notice and end too."""
    time.sleep(_EXIT_TIMEOUT_SECONDS)
    os._exit(status)


def _force_stopped_exit() -> None:
    print_message(_STOPPED_MESSAGE)
    os._exit(STOPPED)
