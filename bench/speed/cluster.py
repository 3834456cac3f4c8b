"""What each step of a build takes a post: time, and bytes in the work folder; and 10 billion of it.

``python -m bench.speed.cluster [POSTS]`` builds invented posts with one worker, conversations included,
and prints the constants that docs/cluster.md reckons with.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import corpus
from corpus import demo

MANY = 10_000_000_000
STAGES = [
    {"consent": {}}, {"language": {"keep": ["en"]}}, {"quality": {}}, {"toxicity": {}},
    {"dedup": {"jaccard": 0.8}}, {"conversations": {"mode": "tree"}}, {"pii": {}},
]  # fmt: skip


class Watch:
    """The core seconds that pass until each report of a step, by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.process_time()

    def step(self, name: str, done: int, total: int) -> None:
        """Add the time since the last report to ``name``."""
        now = time.process_time()
        self.seconds[name] += now - self._last
        self._last = now

    def funnel(self, row: dict[str, Any]) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


def size(folder: Path) -> int:
    """The bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(posts: int) -> None:
    """Build, and print a row a step and a row a folder."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        demo.write(root / "dumps", posts=posts, seed=1)
        sources = [
            {"reddit": {"path": f"{root}/dumps/reddit/*.zst"}},
            {"x_stream": {"path": f"{root}/dumps/x/*.tar"}},
            {"x_api": {"path": f"{root}/dumps/x/*.jsonl"}},
        ]
        output = {"path": str(root / "out"), "keep_work": True}
        plan = {"sources": sources, "stages": STAGES, "output": output,
                "run": {"runner": "serial"}}  # fmt: skip
        few = root / "few.json"
        few.write_text("".join(f'{{"id": {n}, "text": "hello there {n}"}}\n' for n in range(99)))
        first = {"table": {"path": str(few), "fields": {"id": "id", "text": "text"}}}
        # Models load and kernels compile once in a worker's life; that is not what grows.
        corpus.build(plan | {"sources": [first], "output": {"path": str(root / "first")}})
        watch = Watch()
        manifest = corpus.build(plan, observer=watch)
        read = manifest["totals"]["read"]
        print(f"{read:,} posts; in all {sum(watch.seconds.values()):.1f} core seconds\n")
        print(f"{'step':28} {'µs a post':>10} {'core hours for 10 billion':>26}")
        for step, seconds in watch.seconds.items():
            each = seconds / read
            print(f"{step:28} {each * 1e6:10.1f} {each * MANY / 3600:26,.0f}")
        print(f"\n{'written':28} {'bytes a post':>12} {'TB for 10 billion':>20}")
        folders = [root / "dumps", *sorted((root / "out" / "work").iterdir())]
        folders += [root / "out" / part for part in ("shards", "dropped", "index", "reserve")]
        for folder in folders:
            if folder.is_dir() and (found := size(folder)):
                each = found / read
                shown = str(folder.relative_to(root))
                print(f"{shown:28} {each:12.0f} {each * MANY / 1e12:20.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
