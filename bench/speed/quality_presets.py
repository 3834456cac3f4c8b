"""Time the quality presets against datatrove's filters, on the same posts in the same run.

    python -m bench.speed.quality_presets [--posts N] [--python PATH]

Posts a second of processor time on one core; the posts are those of ``bench.sample`` (real ones
first), some of many lines. ``as it is``: with the default thresholds datatrove stops at the first
rule that a text breaks, mostly the cheapest, while ours measures everything. ``open``: no threshold
rejects a text, so that datatrove too measures every text by every rule. The decisions are compared
as well.
"""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # posts a second of one core

import argparse
import tempfile
import time
from pathlib import Path

import polars as pl

from bench import sample
from bench.peers import environment
from bench.peers.datatrove_filters import PUBLISHED_PRESETS, count_differences, run_datatrove
from filters import quality


def run_ours(posts: pl.DataFrame, name: str, repeats: int = 3) -> tuple[pl.DataFrame, float]:
    """Return the posts as a preset judges them, and the least seconds of processor time."""
    least = float("inf")
    for _ in range(repeats):
        run = quality.build(quality.Config.model_validate({"preset": name}))
        began = time.process_time()
        judged = run(posts)
        least = min(least, time.process_time() - began)
    return judged, least


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--python", type=Path, default=environment.PYTHON, help="with datatrove")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "posts.jsonl"
        print(sample.write_sample(file, options.posts))
        posts = pl.read_ndjson(file, schema={"id": pl.String, "text": pl.String})
    texts = posts["text"].to_list()
    python = environment.find_interpreter(options.python)
    plain = run_datatrove(python, texts) if python else None
    opened = run_datatrove(python, texts, opened=True) if python else None
    if python:
        version = environment.find_version(python, "datatrove")
        print(f"datatrove {version}; posts/s of processor time, one core")
    head = f"{'preset':20}{'ours':>12}"
    print(head + (f"{'as it is':>12}{'×':>7}{'open':>10}{'×':>7}{'differ':>9}" if python else ""))
    for name in (*PUBLISHED_PRESETS, "social", "dolma_reddit"):
        judged, seconds = run_ours(posts, name)
        line = f"{name:20}{len(texts) / seconds:>12,.0f}"
        if plain and opened and name in plain:
            for answer in (plain[name], opened[name]):
                line += (
                    f"{len(texts) / answer['seconds']:>{12 if answer is plain[name] else 10},.0f}"
                )
                line += f"{answer['seconds'] / seconds:>7.0f}"
            line += f"{count_differences(judged, plain[name]):>9,}"
        print(line)


if __name__ == "__main__":
    main()
