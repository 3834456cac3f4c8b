"""Time a build against an earlier corpus: its texts are redacted twice, and ids are keyed.

python -m bench.speed.against [--posts 40000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import corpus
from bench import sample


def main() -> None:
    """Print the seconds with and without an earlier corpus of as many other posts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--posts", type=int, default=40_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "posts.jsonl"
        sample.write_sample(lines, 2 * wanted.posts)
        rows = lines.read_text(encoding="utf-8").splitlines(keepends=True)
        for name, part in (("old", rows[::2]), ("new", rows[1::2])):
            (Path(folder) / f"{name}.jsonl").write_text("".join(part), encoding="utf-8")

        def build(source: str, out: str, **dedup: Any) -> tuple[float, dict[str, Any]]:
            fields = {"id": "id", "text": "text", "author": "author"}
            plan = {
                "sources": [{"table": {"path": f"{folder}/{source}.jsonl", "fields": fields}}],
                "stages": [{"dedup": dedup}, {"pii": {}}],
                "output": {"path": f"{folder}/{out}"},
                "run": {"runner": "serial"},
            }
            began = time.perf_counter()
            manifest = corpus.build(plan)
            return time.perf_counter() - began, manifest

        build("old", "old")
        alone, _ = build("new", "alone")
        against, manifest = build("new", "against", against=[f"{folder}/old"])
    stages = {row["stage"]: row for row in manifest["funnel"]}
    redacting = stages["pii"]["seconds"] * wanted.posts / stages["pii"]["read"]
    dropped = stages["dedup"]["dropped"].get("in_earlier_corpus", 0)
    print(f"{wanted.posts:,} posts alone {alone:.1f} s, against as many others {against:.1f} s")
    print(f"{(against - alone) / wanted.posts * 1e6:.0f} us a post more, {dropped:,} dropped")
    print(f"of these about {redacting / wanted.posts * 1e6:.0f} us for redacting all posts again")


if __name__ == "__main__":
    main()
