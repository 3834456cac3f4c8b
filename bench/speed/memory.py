"""Show that a build's memory is bounded by its parts, not by the size of the dump.

    python -m bench.speed.memory [--posts SMALL LARGE]

One file of 20,000 generated posts and one of 200,000 are built with the same part size and the
same stages; the peak is the resident memory of the whole process tree.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench import measure, sample

PART_POSTS = 5_000
STAGES: tuple[dict[str, dict[str, Any]], ...] = (
    {"consent": {}},
    {"language": {"keep": []}},
    {"quality": {"preset": "social"}},
    {"toxicity": {"max_score": 0.8}},
    {"dedup": {"jaccard": 0.8}},
    {"pii": {"profile": "contact"}},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build both and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.memory", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--posts", type=int, nargs=2, default=(20_000, 200_000), metavar=("SMALL", "LARGE")
    )
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    small, large = sorted(options.posts)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        peaks = _measure(Path(folder), small, large, options.workers)
    ratio = peaks[1] / peaks[0]
    print(f"{large / small:.0f} times the posts, {ratio:.2f} times the memory")


def _measure(folder: Path, small: int, large: int, workers: int) -> list[float]:
    print("bench: writing the posts", file=sys.stderr, flush=True)
    whole = folder / "large.jsonl"
    sample.write_generated_sample(whole, large)
    # Lines at equal distances, so that both files hold the same mixture.
    few = folder / "small.jsonl"
    with whole.open("rb") as lines, few.open("wb") as kept:
        kept.writelines(islice(lines, 0, None, large // small))
    print(f"| posts | MB of JSONL | parts of {PART_POSTS:,} | wall s | peak MB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    peaks = []
    for dump in (few, whole):
        plan = {
            "sources": [
                {"table": {"path": str(dump), "fields": {"id": "id", "text": "text"}}},
            ],
            "stages": list(STAGES),
            "output": {"shard_mb": 8},
            "run": {"part_posts": PART_POSTS},
        }
        measured, out = measure.measure_build(plan, folder / dump.stem, workers)
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        posts = manifest["totals"]["read"]
        peaks.append(measured.peak_mb)
        print(
            f"| {posts:,} | {dump.stat().st_size / 1e6:.1f} | {-(-posts // PART_POSTS)} "
            f"| {measured.seconds:.1f} | {measured.peak_mb:,.0f} |",
            flush=True,
        )
    return peaks


if __name__ == "__main__":
    try:
        main()
    except measure.CommandFailed as error:
        sys.exit(f"bench: a build failed:\n{error}")
