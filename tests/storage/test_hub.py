"""``hf://``: read from, built to and loaded from a hub on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.maintenance.takedown import take_down
from tests.conftest import ROOT, post, write_lines
from tests.support import hub, keys

pytest.importorskip("huggingface_hub", reason="pip install 'social-corpus[hf]'")
PLACE = f"hf://datasets/{hub.REPO}"
pytestmark = pytest.mark.slow

BUILD = """
import corpus, json, sys
from corpus.storage import filesystem
place, local, out, mb = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
fields = {"id": "id", "text": "text", "author": "user"}
filesystem._FIRST_PAUSE_SECONDS = 0.01
manifest = corpus.build({
    "sources": [{"table": {"path": f"{place}/in/*.jsonl", "fields": fields}}],
    "stages": [{"quality": {}}, {"dedup": {}}],
    "output": {"path": f"{place}/{out}", "local": local, "key": f"{place}/key", "shard_mb": mb},
    "run": {"runner": "serial"},
}, replace=mb > 0.01)
from corpus.maintenance.verify import verify
loaded = corpus.load(f"{place}/{out}")
print(json.dumps({
    "kept": manifest["totals"]["kept"], "shards": len(manifest["shards"]),
    "streamed": sum(batch.height for batch in loaded.stream(columns=["text"], shuffle=True)),
    "whole": verify(f"{place}/{out}")["passed"],
}))
"""


@pytest.fixture
def served() -> Iterator[tuple[hub.Hub, dict[str, str]]]:
    """A hub with a dump and a key, and the environment that leads there."""
    there = hub.Hub()
    there.files["in/posts.jsonl"] = b"".join(
        json.dumps(post(n)).encode() + b"\n" for n in range(300)
    )
    there.files["key"] = keys.DIGITS.encode()
    with hub.serving(there) as address:
        # Read once, when the library is imported: hence processes.
        more = {"HF_ENDPOINT": address, "HF_TOKEN": "hf_test", "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_DISABLE_XET": "1"}  # fmt: skip
        yield there, os.environ | more


def run(
    environment: dict[str, str], local: Path, out: str = "out/en", mb: float = 0.01
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BUILD, PLACE, str(local), out, str(mb)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)


def built(environment: dict[str, str], local: Path, **more: Any) -> dict[str, Any]:
    found = run(environment, local, **more)
    assert found.returncode == 0, found.stderr[-2000:]
    told: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return told


def test_a_corpus_is_built_from_there_to_there_and_read_there(
    served: tuple[hub.Hub, dict[str, str]], tmp_path: Path
) -> None:
    there, environment = served
    told = built(environment, tmp_path / "local")
    assert (told["kept"], told["streamed"], told["whole"]) == (300, 300, True)
    assert told["shards"] == len([name for name in there.files if "/shards/" in name]) > 2
    for path in (tmp_path / "local" / "shards").iterdir():
        assert there.files[f"out/en/shards/{path.name}"] == path.read_bytes()
    # That something may be written, all files but the manifest, that mark gone, the manifest: the
    # Hub lets nobody commit a file at a time.
    assert there.commits == 4


def test_what_is_there_already_is_not_committed_again(
    served: tuple[hub.Hub, dict[str, str]], tmp_path: Path
) -> None:
    there, environment = served
    built(environment, tmp_path / "local")
    commits, before = there.commits, dict(there.files)
    built(environment, tmp_path / "local")
    assert (there.commits, there.files) == (commits, before)


def test_a_hub_that_fails_now_and_then_is_asked_again(
    served: tuple[hub.Hub, dict[str, str]], tmp_path: Path
) -> None:
    there, environment = served
    built(environment, tmp_path / "local")
    old = {name for name in there.files if name.startswith("out/en/shards/")}
    there.failing = {f"{hub.API}/commit/": 3, f"{hub.API}/paths-info/": 4}
    commits = there.commits
    told = built(environment, tmp_path / "local", mb=0.1)
    assert told["whole"] and set(there.failing.values()) == {0}
    new = {name for name in there.files if name.startswith("out/en/shards/")}
    assert new < old and len(old - new) > 1
    # Written to, the manifest gone, the files, that mark gone, what is not wanted gone, the
    # manifest.
    assert there.commits - commits == 6


def test_an_upload_that_ends_before_the_manifest_goes_on(
    served: tuple[hub.Hub, dict[str, str]], tmp_path: Path
) -> None:
    there, environment = served
    built(environment, tmp_path / "whole")
    whole = {name: data for name, data in there.files.items() if name.startswith("out/")}
    del there.files["out/en/manifest.json"]
    there.files = {"in/posts.jsonl": there.files["in/posts.jsonl"], "key": keys.DIGITS.encode()} | {
        name: data for name, data in whole.items() if not name.endswith("manifest.json")
    }
    told = built(environment, tmp_path / "local")
    assert told["whole"]
    mine = {name: data for name, data in there.files.items() if name.startswith("out/")}
    assert mine.keys() == whole.keys()


def test_a_repository_may_be_the_corpus_itself(
    served: tuple[hub.Hub, dict[str, str]], tmp_path: Path
) -> None:
    there, environment = served
    there.files[".gitattributes"] = b"*.parquet filter=lfs\n"
    elsewhere = BUILD.replace('f"{place}/in/*.jsonl"', "sys.argv[5]").replace(
        'f"{place}/key"', "sys.argv[6]"
    )
    (tmp_path / "posts.jsonl").write_bytes(there.files.pop("in/posts.jsonl"))
    (tmp_path / "key").write_bytes(there.files.pop("key"))
    (tmp_path / "key").chmod(0o600)
    more = [str(tmp_path / "posts.jsonl"), str(tmp_path / "key")]
    command = [sys.executable, "-c", elsewhere, PLACE, str(tmp_path / "local"), "", "0.01", *more]
    for _ in range(2):
        again = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
        assert again.returncode == 0, again.stderr[-2000:]
        assert {".gitattributes", "manifest.json", "README.md"} <= there.files.keys()


def test_what_must_go_is_not_left_because_the_hub_failed(
    served: tuple[hub.Hub, dict[str, str]],
) -> None:
    there, environment = served
    there.failing = {f"{hub.API}/paths-info/": 2, f"{hub.API}/commit/": 2}
    code = (
        "import sys\n"
        "from corpus.storage import filesystem\n"
        "filesystem._FIRST_PAUSE_SECONDS = 0.01\n"
        "for name in ('in/posts.jsonl', 'never-there'):\n"
        "    filesystem.remove_file(sys.argv[1] + name)\n"
    )
    command = [sys.executable, "-c", code, f"{PLACE}/"]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert found.returncode == 0, found.stderr[-2000:]
    assert set(there.files) == {"key"} and set(there.failing.values()) == {0}


def test_publish_lists_the_commits_that_still_hold_what_was_replaced_and_makes_them_one(
    served: tuple[hub.Hub, dict[str, str]], tmp_path: Path
) -> None:
    there, environment = served
    there.files.clear()
    write_lines(tmp_path / "posts.jsonl", [post(n) for n in range(30)])
    fields = {"id": "id", "text": "text", "author": "user"}
    document = {
        "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
        "stages": [],
        "output": {"path": str(tmp_path / "out"), "ids": "original"},
        "run": {"runner": "serial"},
    }
    corpus.build(document)

    def publish(*options: str) -> str:
        command = [sys.executable, "-m", "corpus", "publish", str(tmp_path / "out"), PLACE]
        found = subprocess.run(
            [*command, *options], capture_output=True, text=True, env=environment, cwd=ROOT
        )
        assert found.returncode == 0, found.stderr[-2000:]
        return found.stdout

    assert "earlier" not in publish()
    commits = there.commits
    take_down(tmp_path / "out", ids=["table:7"])
    printed = publish("--replace")
    # That something may be written there is one more.
    assert f"{commits + 1} earlier commits may still hold what " in printed
    assert "100000000000 (2026-01-02); --squash-history" in printed
    assert there.commits > commits
    assert "all commits" in publish("--squash-history")
    assert there.commits == 1
