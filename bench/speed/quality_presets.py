"""Time the quality presets beside datatrove's filters, on the same posts in the same run.

    python -m bench.speed.quality_presets [--posts N] [--python PATH]

Posts a second of processor time on one core; the posts are those of ``bench.sample`` (real ones
first), some of many lines. ``as it is``: with the default thresholds datatrove leaves a text at the
first rule that it breaks, mostly the cheapest, while ours measures everything. ``open``: thresholds
out of the way, so that datatrove too measures every text by every rule. The decisions are compared
as well.
"""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # posts a second of one core

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from bench import sample
from bench.peers import environment as peers
from filters import quality

PUBLISHED_PRESETS = ("gopher", "gopher_repetition", "c4", "fineweb")
_SCRIPT = Path(__file__).with_name("datatrove_quality.py")


def run_ours(posts: pl.DataFrame, name: str, repeats: int = 3) -> tuple[pl.DataFrame, float]:
    """What a preset says of the posts, and the least seconds of processor time it took."""
    least = float("inf")
    for _ in range(repeats):
        run = quality.build(quality.Config.model_validate({"preset": name}))
        began = time.process_time()
        judged = run(posts)
        least = min(least, time.process_time() - began)
    return judged, least


def run_datatrove(python: Path, texts: list[str], opened: bool = False) -> dict[str, Any]:
    """What datatrove says of the texts, by filter."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "texts.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(texts), encoding="utf-8")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        command = [str(python), str(_SCRIPT), str(asked), str(answer), *["--open"] * opened]
        subprocess.run(command, check=True, env=environment)
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def count_differences(judged: pl.DataFrame, said: dict[str, Any]) -> int:
    """How many posts the two decide differently, for another reason, or (C4) leave another text."""
    same = judged["reject"].eq_missing(pl.Series(said["reasons"], dtype=pl.String))
    if "texts" in said:
        same &= judged["text"] == pl.Series(said["texts"], dtype=pl.String)
    return int((~same).sum())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--python", type=Path, default=peers.PYTHON, help="with datatrove")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "posts.jsonl"
        print(sample.write_sample(file, options.posts))
        posts = pl.read_ndjson(file, schema={"id": pl.String, "text": pl.String})
    texts = posts["text"].to_list()
    python = peers.find_interpreter(options.python)
    plain = run_datatrove(python, texts) if python else None
    opened = run_datatrove(python, texts, opened=True) if python else None
    if python:
        print(
            f"datatrove {peers.find_version(python, 'datatrove')}; posts/s of processor time, one core"
        )
    head = f"{'preset':20}{'ours':>12}"
    print(head + (f"{'as it is':>12}{'×':>7}{'open':>10}{'×':>7}{'differ':>9}" if python else ""))
    for name in (*PUBLISHED_PRESETS, "social", "dolma_reddit"):
        judged, seconds = run_ours(posts, name)
        line = f"{name:20}{len(texts) / seconds:>12,.0f}"
        if plain and opened and name in plain:
            for said in (plain[name], opened[name]):
                line += f"{len(texts) / said['seconds']:>{12 if said is plain[name] else 10},.0f}"
                line += f"{said['seconds'] / seconds:>7.0f}"
            line += f"{count_differences(judged, plain[name]):>9,}"
        print(line)


if __name__ == "__main__":
    main()
