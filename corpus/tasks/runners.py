"""Run tasks here, in worker processes or on a Ray cluster; results come as they are ready."""

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

#: What a stream of tasks yields while the next task waits for another one's result.
NOT_READY = None
Runnable = Callable[[], Any]

# A worker is one of many: its libraries must not start a thread for each core as well.
ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


class WorkerDied(RuntimeError):
    """A worker process ended without a result, as when memory ran out."""


class RunnerUnavailable(RuntimeError):
    """A runner cannot do its work here; the message says what is missing and the remedy."""


class Runner(Protocol):
    """Does tasks; it knows nothing of posts."""

    #: Where its work can be watched from outside: an address, or empty.
    dashboard: str

    def run(self, tasks: Iterator[Runnable | None], on_idle: Callable[[], None]) -> Iterator[Any]:
        """Yield the tasks' results as they are ready. ``idle`` is called while waiting."""
        ...

    def close(self) -> None:
        """Stop what is running and let go of the workers."""
        ...


def check_runner(name: str) -> None:
    """Raise :class:`Unfit` for a runner whose library is not there; starts nothing."""
    if name == "ray" and importlib.util.find_spec("ray") is None:
        raise RunnerUnavailable("the runner 'ray' needs Ray: pip install 'corpus-builder[ray]'")


def make_runner(
    name: str,
    workers: int,
    *,
    address: str = "",
    max_tasks: int = 0,
    shared_folder: Path = Path(),
    required_paths: Sequence[str] = (),
) -> Runner:
    """The runner ``name``: serial, processes or ray.

    The rest is for Ray: its address, the most tasks at one time there (0: one for each CPU), and
    a folder and further paths that every node must see. Raises :class:`Unfit`.
    """
    check_runner(name)
    if name == "ray":
        from corpus.tasks.ray_runner import RayRunner

        return RayRunner(workers, address, max_tasks, shared_folder, required_paths)
    return SerialRunner() if name == "serial" else ProcessRunner(workers)


class SerialRunner:
    """Everything in this process, one task after another."""

    dashboard = ""

    def run(self, tasks: Iterator[Runnable | None], on_idle: Callable[[], None]) -> Iterator[Any]:
        """Yield the tasks' results in order."""
        for task in tasks:
            if task is not NOT_READY:
                yield task()
            on_idle()

    def close(self) -> None:
        """Nothing is running."""


class ProcessRunner:
    """Spawned worker processes. Twice as many tasks as workers are under way, no more."""

    dashboard = ""

    def __init__(self, workers: int) -> None:
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        self._environment_before = before
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
        waiting: set[Future[Any]] = set()
        more = True
        try:
            while more or waiting:
                while more and len(waiting) < 2 * self._workers:
                    task = next(tasks, StopIteration)
                    if task is StopIteration:
                        more = False
                    elif task is NOT_READY:
                        break
                    else:
                        waiting.add(self._pool.submit(_run_task, task))
                if not waiting and more:
                    time.sleep(0.05)
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                on_idle()
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise WorkerDied from error
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Kill the workers: what they had half done is done again by the next run."""
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
    # multiprocessing's helper outlives every signal to the group but this one, and would be
    # started again at the end, to complain of what it does not know.
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, before)


def _initialize_worker(parent: int) -> None:
    # Ctrl-C goes to the whole group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Posts are flat tuples: the collector would walk a part's worth of them for nothing, at a
    # fifth of the reading time.
    gc.set_threshold(100_000, 20, 50)
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()


def _run_task(task: Runnable) -> Any:
    try:
        return task()
    except MemoryError:
        # To hand the error on takes memory again, and where there is none Python would print
        # several tracebacks. That a worker is gone is noticed, and the build says why.
        os._exit(1)


def _exit_with_parent(parent: int) -> None:
    # A killed parent cannot tell its workers, and an orphan would wait for tasks for ever.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
