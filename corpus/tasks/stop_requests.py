"""Turn requests to end (Ctrl-C, SIGTERM, SIGHUP) into one exception, and never lose one.

A request can be lost in three ways: a library discards the exception, a library replaces the
signal handler, or the main thread waits in a library that runs no Python code. The
:class:`StopMonitor` therefore notices the signal itself, and ends the process if the exception has
not done so in time.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """The process was asked to end.

    It is no ``KeyboardInterrupt``, because typer swallows one without a message.
    """


class StopMonitor:
    """Raises :class:`StopRequested` in the main thread when a stop signal arrives.

    If the process still runs ``timeout_seconds`` after the first request, ``on_timeout`` is called
    in another thread; it should end the process.
    """

    def __init__(self, timeout_seconds: float, on_timeout: Callable[[], None]) -> None:
        self._timeout_seconds = timeout_seconds
        self._on_timeout = on_timeout
        self._noticed = False
        self._reading = threading.Lock()  # held from reading a signal until it is noticed
        self._signals, self._signal_writer = os.pipe()

    def start(self) -> None:
        """Install the signal handlers; a signal that is ignored, as under nohup, stays ignored."""
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        # Python writes each signal's number here before any Python handler runs, so the thread
        # notices a request whatever the main thread is doing.
        os.set_blocking(self._signal_writer, False)
        signal.set_wakeup_fd(self._signal_writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, daemon=True).start()

    def ignore(self) -> None:
        """Ignore further requests: the process is ending already."""
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def stop_was_requested(self) -> bool:
        """Return whether a request has arrived, even if its exception was lost."""
        with self._reading:
            return self._noticed or bool(select.select([self._signals], [], [], 0)[0])

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._noticed = True
        raise StopRequested

    def _watch(self) -> None:
        while not self._noticed:
            select.select([self._signals], [], [])
            with self._reading:
                if os.read(self._signals, 1)[0] in STOP_SIGNALS:
                    self._noticed = True
        time.sleep(self._timeout_seconds)
        self._on_timeout()


@contextmanager
def deferred_stop() -> Iterator[None]:
    """Let the signal handlers run only when the block is done.

    Ray runs Python's signal handlers inside its own calls and discards what they raise. In a
    thread other than the main one, which handles no signals, the block just runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: arrived.append(number))
        for number in STOP_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if arrived:
            signal.raise_signal(arrived[0])
