"""Time the takedown of 1,000 posts from a corpus of 100,000 against building it again.

python -m bench.speed.takedown [--posts 100000] [--ids 1000]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

import corpus
from bench import sample
from corpus.maintenance.takedown import take_down


def main() -> None:
    """Print both times, and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--ids", type=int, default=1_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "posts.jsonl", Path(folder) / "out"
        sample.write_sample(path, wanted.posts)
        fields = {"id": "id", "text": "text", "author": "author"}
        stages = [{name: {}} for name in ("language", "quality", "toxicity", "dedup", "pii")]
        plan: dict[str, Any] = {
            "sources": [{"table": {"path": str(path), "fields": fields}}],
            "stages": stages,
            "output": {"path": str(out), "shard_mb": 1},
        }
        began = time.perf_counter()
        made = corpus.build(plan)
        building = time.perf_counter() - began
        ids = pl.read_parquet(out / "shards" / "*.parquet", columns=["id"])["id"].to_list()
        removed = random.Random(3).sample(ids, wanted.ids)
        began, used = time.perf_counter(), time.process_time()
        found = take_down(out, removed)
        taking, used = time.perf_counter() - began, time.process_time() - used
    read, shards = made["totals"]["read"], len(made["shards"])
    print(f"{read:,} posts read, {len(ids):,} kept in {shards} shards: {building:.1f} s")
    print(f"{found['removed']:,} taken down, {found['elected']:,} replaced by second copies:")
    print(f"{taking:.1f} s ({used:.1f} s of processor time), ", end="")
    print(f"{building / taking:.1f} times as fast as building again")


if __name__ == "__main__":
    main()
