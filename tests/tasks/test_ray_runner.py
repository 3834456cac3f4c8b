"""Ray: a real cluster on loopback whose workers and nodes are killed; the bytes stay the same."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import corpus
import corpus.plan.model
from corpus.errors import BuildError, PlanError
from corpus.privacy import keys, suppression
from corpus.tasks import ray_runner, runners
from tests.conftest import ROOT, contents, post, write_lines
from tests.support.commands import command_process
from tests.support.processes import HANG_SECONDS, start_build, wait_until

MakePlan = Callable[..., dict[str, Any]]
STAGES = [{"language": {"keep": ["en"]}}, {"quality": {}}, {"dedup": {}}]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without CPUs, to which each test adds its nodes."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'social-corpus[ray]'")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(ROOT))
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small()})
        yield found
        found.shutdown()


def small() -> dict[str, Any]:
    return {"object_store_memory": 80 << 20, "include_dashboard": False}


def add_node(cluster: Any, cpus: int = 1) -> Any:
    return cluster.add_node(num_cpus=cpus, object_store_memory=80 << 20)


@pytest.fixture
def document(plan: MakePlan, tmp_path: Path) -> dict[str, Any]:
    """A plan over a dump of two files of many small parts."""
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(3000)])
    write_lines(tmp_path / "more.jsonl", [post(n) for n in range(2500, 4000)])
    fields = {"id": "id", "text": "text", "author": "user"}
    return plan(
        STAGES,
        sources=[{"table": {"path": str(tmp_path / "*.jsonl"), "fields": fields}}],
        output={"path": str(tmp_path / "out"), "shard_mb": 0.05, "row_group_mb": 0.01},
        run={"runner": "serial", "part_posts": 100},
    )


def wait_for(work: Path, pattern: str, count: int, process: subprocess.Popen[str]) -> None:
    wait_until(lambda: len(list(work.glob(pattern))) >= count, process)
    assert process.poll() is None, process.communicate()[1]


def raylets() -> set[int]:
    return {p.pid for p in psutil.process_iter() if p.name() == "raylet"}


def busy_workers() -> list[psutil.Process]:
    """The processes that are doing a task of a build."""
    return [
        p for p in psutil.process_iter(["cmdline"]) if "ray::_run_task" in (p.info["cmdline"] or [])
    ]


@pytest.mark.slow
def test_a_worker_and_a_whole_node_die_and_the_bytes_are_the_serial_ones(
    cluster: Any, document: dict[str, Any], tmp_path: Path
) -> None:
    corpus.build(document, out=str(tmp_path / "serial"))
    nodes = [add_node(cluster), add_node(cluster)]
    document["run"] |= {"runner": "ray", "address": cluster.address}
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    work = tmp_path / "out" / "work"
    process = start_build(file)
    wait_for(work, "filtered/*/*.json", 5, process)
    busy: list[psutil.Process] = []
    wait_until(lambda: busy.extend(busy_workers()) or busy, process)
    print(f"a worker is shot at {len(list(work.glob('filtered/*/*.json')))} parts of 45")
    busy[0].kill()
    wait_for(work, "filtered/*/*.json", 15, process)
    # A build that stands still submits no more tasks, however long the node takes to die.
    os.kill(process.pid, signal.SIGSTOP)
    try:
        done = len(list(work.glob("filtered/*/*.json")))
        print(f"a node is shot at {done} parts of 45")
        cluster.remove_node(nodes[0], allow_graceful=False)
        assert done < 45, "all filtered before the node was shot"
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert process.poll() is None, process.communicate()[1]
    late = add_node(cluster)
    _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0, errors
    assert contents(tmp_path / "out") == contents(tmp_path / "serial")
    print(f"{len(contents(tmp_path / 'out'))} files, each as the serial runner's")
    for node in (nodes[1], late):
        cluster.remove_node(node)


@pytest.mark.slow
def test_a_ray_of_our_own_gives_the_same_bytes_and_ends_with_the_build(
    document: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'social-corpus[ray]'")
    corpus.build(document, out=str(tmp_path / "serial"))
    document["run"] |= {"runner": "ray", "workers": 2}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    before = raylets()
    found = command_process("build", str(tmp_path / "plan.yaml"))
    assert found.returncode == 0, found.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "serial")
    assert raylets() == before
    if find_spec("aiohttp_cors"):  # ray[default]
        assert "ray dashboard http://127.0.0.1:" in found.stderr


@pytest.mark.slow
def test_a_build_on_ray_honours_the_suppression_list(
    document: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'social-corpus[ray]'")
    repeated = [f"{way} RT @u3: {post(3)['text']}" for way in ("", "so true!")]
    write_lines(
        tmp_path / "repeats.jsonl", [post(9000 + n, text=t) for n, t in enumerate(repeated)]
    )
    keys.ensure_key(tmp_path / "corpus.key", tmp_path / "out")
    suppression.add(tmp_path / "corpus.key", ["table:3"], ["table:u5"], ["Ada Lane"])
    manifest = corpus.build(document, out=str(tmp_path / "serial"))
    asked = sum(
        row["user"] == "u5" for row in [post(n) for n in (*range(3000), *range(2500, 4000))]
    )
    assert manifest["funnel"][0]["dropped"]["suppressed"] == asked + 2  # the post and its repost
    document["run"] |= {"runner": "ray", "workers": 2}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    found = command_process("build", str(tmp_path / "plan.yaml"))
    assert found.returncode == 0, found.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "serial")


@pytest.mark.slow
def test_a_request_to_end_is_ours_not_ray_s(document: dict[str, Any], tmp_path: Path) -> None:
    """The signal reaches the whole process group, and the build handles it late, as under load."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'social-corpus[ray]'")
    document["run"] |= {"runner": "ray", "workers": 1}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    before = raylets()
    process = start_build(tmp_path / "plan.yaml")
    wait_for(tmp_path / "out" / "work", "filtered/*/*.json", 3, process)
    os.kill(process.pid, signal.SIGSTOP)
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(2)
    os.kill(process.pid, signal.SIGCONT)
    _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130, errors
    assert errors.strip().endswith("run the same command again to continue where it stopped")
    assert raylets() == before


class Counted:
    """Tasks that tell how many of them were asked for."""

    def __init__(self, count: int) -> None:
        self.asked = 0
        self._count = count

    def __iter__(self) -> Iterator[Any]:
        for number in range(self._count):
            self.asked += 1
            yield Task(number)


class Task:
    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self) -> Any:
        if self.number == -1:
            raise ValueError("a task's own words")
        if self.number == -2:
            os._exit(1)
        return self.number, os.getpid(), os.environ.get("POLARS_MAX_THREADS"), os.getcwd()


@pytest.fixture
def runner(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    node = add_node(cluster, 2)
    monkeypatch.chdir(tmp_path)  # unlike the node; relative paths are meant from here
    found = runners.make_runner("ray", 1, address=cluster.address, shared_folder=tmp_path)
    yield found
    found.close()
    cluster.remove_node(node)


@pytest.mark.slow
def test_submitted_tasks_are_bounded_and_workers_are_reused(runner: Any) -> None:
    tasks = Counted(200)
    results, ahead = [], 0
    for result in runner.run(iter(tasks), lambda: None):
        results.append(result)
        ahead = max(ahead, tasks.asked - len(results))
    assert sorted(number for number, *_ in results) == list(range(200))
    assert ahead <= 4  # twice the cluster's CPUs
    assert len({pid for _, pid, *_ in results}) <= 2  # so a model loads once for each
    assert {threads for *_, threads, _ in results} == {"1"}
    assert {cwd for *_, cwd in results} == {os.getcwd()}


@pytest.mark.slow
def test_a_task_s_own_error_is_raised_unchanged(runner: Any) -> None:
    with pytest.raises(ValueError, match=r"^a task's own words$"):
        list(runner.run(iter([Task(-1)]), lambda: None))


@pytest.mark.slow
def test_a_task_that_kills_every_worker_ends_the_build(runner: Any) -> None:
    with pytest.raises(runners.WorkerDied):
        list(runner.run(iter([Task(-2)]), lambda: None))


@pytest.mark.slow
def test_a_node_that_does_not_see_the_folder_is_named(
    cluster: Any, document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_runner, "_NODE_TIMEOUT_SECONDS", 2)
    (tmp_path / "elsewhere").mkdir()
    blind = f"mount -t tmpfs none {tmp_path} && touch {tmp_path}/up && exec "
    ray_command = shutil.which("ray", path=str(Path(sys.executable).parent))
    order = f"{ray_command} start --address={cluster.address} --num-cpus=1 --block"
    if subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {tmp_path}"]).returncode:
        pytest.skip("needs the right to mount, to give a node another view of a folder")
    node = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", blind + order],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        cluster.connect()
        import ray

        wait_until(lambda: ray.cluster_resources().get("CPU", 0) >= 1)
        ray.shutdown()
        document["run"] |= {"runner": "ray", "address": cluster.address}
        with pytest.raises(BuildError, match=r"node '.+': it cannot see '.+'; put the output"):
            corpus.build(document)
    finally:
        ended = psutil.Process(node.pid)
        for process in [*ended.children(recursive=True), ended]:
            process.kill()
        node.wait()


def test_without_a_cluster_at_the_address_it_says_so(
    document: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'social-corpus[ray]'")
    document["run"] |= {"runner": "ray", "address": "127.0.0.1:1"}
    with pytest.raises(BuildError, match=r"no Ray cluster at '127.0.0.1:1'; is it up"):
        corpus.build(document)


def test_without_ray_the_remedy_is_told_before_anything_is_made(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = find_spec
    monkeypatch.setattr(
        runners.importlib.util, "find_spec", lambda name: None if name == "ray" else real(name)
    )
    document["run"] |= {"runner": "ray"}
    with pytest.raises(PlanError, match=r"pip install 'social-corpus\[ray\]'"):
        corpus.build(document)
    assert not (tmp_path / "out").exists()


def test_an_address_without_ray_is_a_mistake(document: dict[str, Any]) -> None:
    document["run"] |= {"address": "auto"}
    with pytest.raises(PlanError, match="'address' is for 'runner: ray'"):
        corpus.build(document)


def test_the_command_line_leaves_it_to_the_cluster_how_many_tasks_run(
    document: dict[str, Any],
) -> None:
    document["run"] = {"runner": "ray", "address": "auto"}
    assert corpus.Plan.parse(document).with_options(out="x").run.max_tasks == 0
    assert corpus.Plan.parse(document).with_options(workers=3).run.max_tasks == 3
    assert command_process("build", "--help").stdout.count("ray") >= 1


def test_the_cluster_files_in_the_docs_are_as_ray_wants_them() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'social-corpus[ray]'")
    from ray.autoscaler._private.util import prepare_config, validate_config

    text = (ROOT / "docs" / "cluster.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    clusters = [block for block in blocks if "cluster_name" in block]
    assert [block["provider"]["type"] for block in clusters] == ["local", "aws"]
    for block in clusters:
        validate_config(prepare_config(block))
    for block in blocks:
        if "run" in block:
            assert corpus.plan.model.Run.model_validate(block["run"]).address == "auto"
