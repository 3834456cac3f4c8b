"""Google Cloud Storage, as an emulator on loopback plays it: read from, built to, loaded from."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import corpus
from corpus.maintenance.verify import verify
from corpus.storage import filesystem
from tests.conftest import post
from tests.support import keys
from tests.support.processes import is_up, wait_until

pytest.importorskip("gcsfs", reason="gcsfs is not installed: pip install 'social-corpus[gcs]'")
pytest.importorskip(
    "gcp_storage_emulator", reason="no emulator: pip install 'social-corpus[dev-cluster]'"
)
_SERVE = (
    "from gcp_storage_emulator.server import create_server\n"
    "create_server('127.0.0.1', {}, in_memory=True, default_bucket='dumps').run()"
)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket, and the environment that leads there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE.format(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("FSSPEC_GS_TOKEN", "anon")
    # Else gcsfs asks over gRPC what kind of bucket it is; the emulator speaks none.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    try:
        wait_until(lambda: is_up(f"http://127.0.0.1:{port}/storage/v1/b"), server)
        yield "gs://dumps"
    finally:
        server.kill()
        server.wait()


def _told(code: str) -> Any:
    """What a process that starts in this environment prints: gcsfs reads it once."""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return json.loads(found.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_corpus_is_built_from_there_to_there_and_read_there(bucket: str, tmp_path: Path) -> None:
    told = _told(f"from tests.storage.test_gs import there; there({bucket!r}, {str(tmp_path)!r})")
    assert told["kept"] == 300 and told["streamed"] == 300 and told["whole"]
    assert told["same"]


def there(bucket: str, folder: str) -> None:
    """Build there and here, and compare."""
    rows = b"".join(json.dumps(post(n)).encode() + b"\n" for n in range(300))
    filesystem.write_file(f"{bucket}/in/posts.jsonl", rows)
    filesystem.write_file(f"{bucket}/key", keys.DIGITS.encode())
    here = Path(folder)
    (here / "posts.jsonl").write_bytes(rows)
    (here / "key").write_text(keys.DIGITS)
    os.chmod(here / "key", 0o600)

    def made(source: str, out: str, key: str, **more: Any) -> dict[str, Any]:
        fields = {"id": "id", "text": "text", "author": "user"}
        output = {"path": out, "key": key, "shard_mb": 0.01, **more}
        stages: list[Any] = [{"quality": {}}, {"dedup": {}}]
        return corpus.build({"sources": [{"table": {"path": source, "fields": fields}}],
                             "stages": stages, "output": output,
                             "run": {"runner": "serial"}})  # fmt: skip

    local = str(here / "local")
    manifest = made(f"{bucket}/in/*.jsonl", f"{bucket}/out/c", f"{bucket}/key", local=local)
    made(str(here / "posts.jsonl"), str(here / "out"), str(here / "key"))
    loaded = corpus.load(f"{bucket}/out/c")
    streamed = sum(batch.height for batch in loaded.stream(columns=["text"]))
    ours, theirs = (
        each.scan().drop("source_file").collect() for each in (corpus.load(here / "out"), loaded)
    )
    print(json.dumps({
        "kept": manifest["totals"]["kept"], "streamed": streamed, "same": ours.equals(theirs),
        "whole": verify(f"{bucket}/out/c")["passed"],
    }))  # fmt: skip
