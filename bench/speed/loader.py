"""Time the loader against HF datasets' streaming, and the first batch of many shards.

python -m bench.speed.loader [--posts 400000] [--shards 10000] [--rounds 5]

Speed is bytes of text a second of one core's time, the best of some rounds: other processes slow
the wall clock and most rounds, but hardly the processor time of the best round. HF datasets is
measured if it is installed (pip install datasets), in the same run and on the same shards.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pyarrow.parquet as pq

import corpus
from bench import sample

_START = """
import time; began = time.perf_counter()
import corpus; posts = corpus.load({path!r})
batch = next(posts.stream(rank=3, world_size=8, shuffle=True, seed=1))
print(time.perf_counter() - began, len(posts.shards), batch.height)
"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=400_000)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "posts.jsonl"
        print(sample.write_sample(dump, wanted.posts))
        for codec in ("zstd", "lz4"):
            _speed(_built(dump, Path(folder) / codec, codec), codec, wanted.rounds)
        _start(Path(folder) / "zstd", Path(folder) / "many", wanted.shards)


def _built(dump: Path, out: Path, codec: str) -> Path:
    fields = {"id": "id", "text": "text", "author": "author"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(dump), "fields": fields}}],
            "output": {"path": str(out), "shard_mb": 32, "compression": codec},
        }
    )
    return out


def _best(rounds: int, work: Callable[[], Any]) -> float:
    """Return the least processor time that ``work`` took, in seconds."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def _drain(batches: Iterable[Any]) -> None:
    for _ in batches:
        pass


def _speed(out: Path, codec: str, rounds: int) -> None:
    posts = corpus.load(out)
    size = sum(int(batch["text"].str.len_bytes().sum()) for batch in posts.stream())
    disk = sum(path.stat().st_size for path in posts.shards)
    print(
        f"\n{codec}: {size / 1e6:,.0f} MB of text in {len(posts.shards)} shards of {disk:,} bytes"
    )
    print(f"| from {codec} | GB of text/s of a core | × HF rows | × HF batches | × HF arrow |")
    print("|---|---|---|---|---|")
    theirs = _hugging_face(out, rounds if codec == "zstd" else 1)
    ours = {
        "pyarrow reading the column, no more": lambda: _decode(posts),
        "stream()": lambda: _drain(posts.stream()),
        "stream(shuffle=True)": lambda: _drain(posts.stream(shuffle=True)),
        "stream(shuffle=True, batch_size=8192)": lambda: _drain(
            posts.stream(shuffle=True, batch_size=8192)
        ),
        "stream(shuffle=True, arrow=True)": lambda: _drain(posts.stream(shuffle=True, arrow=True)),
    }
    for name, work in ours.items():
        taken = _best(rounds, work)
        ratios = " | ".join(f"{other / taken:,.1f}" if other else "–" for other in theirs.values())
        print(f"| {name} | {size / taken / 1e9:.2f} | {ratios} |", flush=True)
    for name, taken in theirs.items():
        if taken:
            print(f"| {name} | {size / taken / 1e9:.3f} | | | |")


def _decode(posts: corpus.Corpus) -> None:
    """Read the column with pyarrow alone, which is a bound on the speed."""
    for path in posts.shards:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group, columns=["text"], use_threads=False)


def _hugging_face(out: Path, rounds: int) -> dict[str, float]:
    """Return the seconds of HF datasets over the same shards, three ways; 0 if not installed."""
    names = ("HF streaming, rows", "HF streaming, .iter(1024)", "HF streaming, arrow .iter(1024)")
    try:
        from datasets import load_dataset
    except ImportError:
        print("HF datasets is not installed: pip install datasets")
        return dict.fromkeys(names, 0.0)

    def stream() -> Any:
        return load_dataset(str(out), split="train", streaming=True).select_columns(["text"])

    return {
        names[0]: _best(max(1, rounds // 2), lambda: _drain(stream())),
        names[1]: _best(max(1, rounds // 2), lambda: _drain(stream().iter(1024))),
        names[2]: _best(rounds, lambda: _drain(stream().with_format("arrow").iter(1024))),
    }


def _start(out: Path, many: Path, shards: int) -> None:
    """Print the time to the first batch of a corpus of many shards, in a new process."""
    shutil.copytree(out, many, ignore=shutil.ignore_patterns("shards"))
    (many / "shards").mkdir()
    manifest = json.loads((out / "manifest.json").read_text())
    listed = []
    for number in range(shards):
        shard = dict(manifest["shards"][number % len(manifest["shards"])])
        path = f"shards/part-{number:05d}.parquet"
        os.link(out / shard["path"], many / path)
        listed.append(shard | {"path": path})
    for case in ("row groups in the manifest", "a manifest without them (0.1.0)"):
        (many / "manifest.json").write_text(json.dumps(manifest | {"shards": listed}))
        taken = []
        for _ in range(5 if listed[0].get("row_groups") else 1):
            done = subprocess.run(
                [sys.executable, "-c", _START.format(path=str(many))],
                capture_output=True,
                text=True,
                check=True,
            )
            taken.append(float(done.stdout.split()[0]))
        print(
            f"\nfirst batch of {shards:,} shards, with imports, {case}: {min(taken):.2f} s (best), "
            f"{max(taken):.2f} s (worst of {len(taken)})"
        )
        listed = [{k: v for k, v in shard.items() if k != "row_groups"} for shard in listed]


if __name__ == "__main__":
    main()
