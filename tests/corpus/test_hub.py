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

from tests.conftest import ROOT, post
from tests.corpus import hub

pytest.importorskip("huggingface_hub", reason="pip install 'corpus-builder[hf]'")
PLACE = f"hf://datasets/{hub.REPO}"
BUILD = """
import corpus, json, sys
place, local, fields = sys.argv[1], sys.argv[2], {"id": "id", "text": "text", "author": "user"}
manifest = corpus.build({
    "sources": [{"table": {"path": f"{place}/in/*.jsonl", "fields": fields}}],
    "stages": [{"quality": {}}, {"dedup": {}}],
    "output": {"path": f"{place}/out/en", "local": local, "key": f"{place}/key", "shard_mb": 0.01},
    "run": {"runner": "serial"},
})
from corpus.verify import verify
loaded = corpus.load(f"{place}/out/en")
print(json.dumps({
    "kept": manifest["totals"]["kept"], "shards": len(manifest["shards"]),
    "streamed": sum(batch.height for batch in loaded.stream(columns=["text"], shuffle=True)),
    "whole": verify(f"{place}/out/en")["passed"],
}))
"""


@pytest.fixture
def served() -> Iterator[tuple[hub.Hub, dict[str, str]]]:
    """A hub with a dump and a key, and the environment that leads there."""
    there = hub.Hub()
    there.files["in/posts.jsonl"] = b"".join(
        json.dumps(post(n)).encode() + b"\n" for n in range(300)
    )
    there.files["key"] = b"ab" * 32
    with hub.serving(there) as address:
        # Read once, when the library is imported: hence processes.
        more = {"HF_ENDPOINT": address, "HF_TOKEN": "hf_test", "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_DISABLE_XET": "1"}  # fmt: skip
        yield there, os.environ | more


def built(environment: dict[str, str], local: Path) -> dict[str, Any]:
    found = subprocess.run(
        [sys.executable, "-c", BUILD, PLACE, str(local)], capture_output=True, text=True,
        env=environment, cwd=ROOT,
    )  # fmt: skip
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
