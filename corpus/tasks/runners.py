"""Run tasks in this process, in worker processes or on a Ray cluster, and yield results as they
are ready.
"""

from __future__ import annotations

import gc
import importlib.util
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Protocol

#: A stream of tasks yields this while its next task needs the result of another one.
NOT_READY = None
Runnable = Callable[[], Any]

# A worker is one of many: its libraries must not start a thread for each core as well.
ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


class WorkerDied(RuntimeError):
    """A worker process ended without a result, for example because it ran out of memory."""


class RunnerUnavailable(RuntimeError):
    """A runner cannot work here; the message says what is missing and the remedy."""


class Runner(Protocol):
    """Runs tasks, without knowledge of what they do."""

    #: The address of a dashboard that shows the tasks, or an empty string.
    dashboard: str

    def run(self, tasks: Iterator[Runnable | None], on_idle: Callable[[], None]) -> Iterator[Any]:
        """Yield the tasks' results as they are ready; call ``on_idle`` while waiting."""
        ...

    def close(self) -> None:
        """Stop the running tasks and end the workers."""
        ...


def check_runner(name: str) -> None:
    """Raise :class:`RunnerUnavailable` if a runner's library is not installed; start nothing."""
    if name == "ray" and importlib.util.find_spec("ray") is None:
        raise RunnerUnavailable("the runner 'ray' needs Ray: pip install 'social-corpus[ray]'")


def make_runner(
    name: str,
    workers: int,
    *,
    address: str = "",
    max_tasks: int = 0,
    shared_folder: Path = Path(),
    required_paths: Sequence[str] = (),
    code: Sequence[str] = (),
) -> Runner:
    """Return the runner ``serial``, ``processes`` or ``ray``.

    The keyword arguments are for Ray: the cluster's address, the largest number of tasks at one
    time (0: one for each CPU), a folder that every node must share, further paths that every node
    must see, and the user's own packages and modules, which are sent to every node. Raises
    :class:`RunnerUnavailable`.
    """
    check_runner(name)
    if name == "ray":
        from corpus.tasks.ray_runner import RayRunner

        return RayRunner(workers, address, max_tasks, shared_folder, required_paths, code)
    return SerialRunner() if name == "serial" else ProcessRunner(workers)


class SerialRunner:
    """Runs the tasks in this process, one after another."""

    dashboard = ""

    def run(self, tasks: Iterator[Runnable | None], on_idle: Callable[[], None]) -> Iterator[Any]:
        """Yield the tasks' results in order."""
        for task in tasks:
            if task is not NOT_READY:
                yield task()
            on_idle()

    def close(self) -> None:
        """Do nothing: no task is running."""


class ProcessRunner:
    """Runs the tasks in spawned worker processes.

    At most twice as many tasks as workers are submitted and not finished.
    """

    dashboard = ""

    def __init__(self, workers: int) -> None:
        self._environment_before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        self._workers = workers
        _start_resource_tracker()
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_initialize_worker,
            initargs=(os.getpid(),),
        )

    def run(self, tasks: Iterator[Runnable | None], on_idle: Callable[[], None]) -> Iterator[Any]:
        """Yield the tasks' results as they are ready."""
        pending: set[Future[Any]] = set()
        more = True
        try:
            while more or pending:
                while more and len(pending) < 2 * self._workers:
                    task = next(tasks, StopIteration)
                    if task is StopIteration:
                        more = False
                    elif task is NOT_READY:
                        break
                    else:
                        pending.add(self._pool.submit(_run_task, task))
                if not pending and more:
                    time.sleep(0.05)
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                on_idle()
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise WorkerDied from error
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """Kill the workers; the next run repeats the tasks that they had not finished."""
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)
        for name, value in self._environment_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_resource_tracker() -> None:
    # multiprocessing's resource tracker survives every signal to the process group but SIGHUP.
    # Ended by one, it would be started again at exit and complain about resources it does not know.
    if threading.current_thread() is threading.main_thread():
        handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, handler)


def _initialize_worker(parent: int) -> None:
    # Ctrl-C reaches the whole process group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Posts are flat tuples: the garbage collector would walk all of a part's tuples for nothing,
    # and take a fifth of the reading time.
    gc.set_threshold(100_000, 20, 50)
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()


def _run_task(task: Runnable) -> Any:
    try:
        return task()
    except MemoryError:
        # Sending the error to the parent takes memory again, and without memory Python would print
        # several tracebacks. The parent notices that a worker is gone, and the build says why.
        os._exit(1)


def _exit_with_parent(parent: int) -> None:
    # A killed parent cannot end its workers, and an orphan would wait for tasks for ever.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
