"""Measure what each step of a build costs a post, in time and in bytes of the work folder.

``python -m bench.speed.cluster [POSTS]`` builds invented posts with one worker, conversations
included, and prints the constants that docs/cluster.md uses, each for a post and for 10 billion
posts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import corpus
from bench.sample import demo_sources
from corpus import demo

MANY = 10_000_000_000
STAGES = [
    {"consent": {}},
    {"language": {"keep": ["en"]}},
    {"quality": {}},
    {"toxicity": {}},
    {"dedup": {"jaccard": 0.8}},
    {"conversations": {"mode": "tree"}},
    {"pii": {}},
]


class StepTimer:
    """Observe a build: add up the core seconds until each report of a step, by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.process_time()

    def step(self, name: str, done: int, total: int) -> None:
        """Add the time since the last report to ``name``."""
        now = time.process_time()
        self.seconds[name] += now - self._last
        self._last = now

    def funnel(self, row: dict[str, Any]) -> None:
        """Ignore the report."""

    def note(self, text: str) -> None:
        """Ignore the report."""


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(posts: int) -> None:
    """Build, and print a row for each step and for each folder."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        demo.write(root / "dumps", posts=posts, seed=1)
        sources = demo_sources(root / "dumps")[:3]  # without the table, which has no threads
        output = {"path": str(root / "out"), "keep_work": True}
        run = {"runner": "serial"}
        plan = {"sources": sources, "stages": STAGES, "output": output, "run": run}
        few = root / "few.json"
        few.write_text("".join(f'{{"id": {n}, "text": "hello there {n}"}}\n' for n in range(99)))
        first = {"table": {"path": str(few), "fields": {"id": "id", "text": "text"}}}
        # A worker loads models and compiles kernels once, which does not grow with the posts.
        corpus.build(plan | {"sources": [first], "output": {"path": str(root / "first")}})
        timer = StepTimer()
        manifest = corpus.build(plan, observer=timer)
        read = manifest["totals"]["read"]
        print(f"{read:,} posts; in all {sum(timer.seconds.values()):.1f} core seconds\n")
        print(f"{'step':28} {'µs a post':>10} {'core hours for 10 billion':>26}")
        for step, seconds in timer.seconds.items():
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
