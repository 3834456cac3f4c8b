"""Measure `conversations`: posts a second by mode, and memory at ten times the posts.

    python -m bench.speed.threads [--posts SMALL LARGE]

Generated Reddit comments and submissions: nine posts of ten in threads of up to forty, and every
tenth post in one giant thread. The peak is the resident memory of the whole process tree.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import measure

PART_POSTS = 5_000
MODES = ("posts", "pair", "path", "tree", "qa")
_WORDS = (
    "the",
    "kettle",
    "harbour",
    "bicycle",
    "violin",
    "garden",
    "library",
    "bakery",
    "mountain",
    "mended",
    "painted",
    "borrowed",
    "described",
    "visited",
    "measured",
    "sold",
    "and",
    "but",
    "because",
    "quite",
    "never",
    "again",
    "slowly",
)


def rows(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield ``count`` posts: answers follow what they answer, and threads are interleaved."""
    chance = random.Random(seed)
    giant: list[str] = []
    recent: list[tuple[str, list[str]]] = []
    for number in range(count):
        text = " ".join(chance.choices(_WORDS, k=chance.randint(5, 60)))
        row: dict[str, Any] = {
            "id": f"{number:x}",
            "author": f"u{chance.randrange(count // 5 + 1)}",
            "subreddit": "bench",
            "created_utc": 1_200_000_000 + number,
            "score": chance.randrange(-5, 500),
        }
        name = f"t1_{number:x}"
        if chance.random() < 0.1 and giant:
            thread, link = giant, giant[0]
        elif recent and chance.random() < 0.95:
            link, thread = chance.choice(recent)
        else:
            yield row | {"title": text, "selftext": ""}
            name = f"t3_{number:x}"
            thread = [name]
            giant = giant or thread
            recent = [*recent[-200:], (name, thread)]
            continue
        yield row | {"body": text, "link_id": link, "parent_id": chance.choice(thread)}
        thread.append(name)
        if thread is not giant and len(thread) >= 40:
            recent = [pair for pair in recent if pair[1] is not thread]


def main(arguments: Sequence[str] | None = None) -> None:
    """Build and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.threads", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--posts", type=int, nargs=2, default=(50_000, 500_000), metavar=("SMALL", "LARGE")
    )
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    small, large = sorted(options.posts)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        dumps = []
        for count in (small, large):
            dumps.append(Path(folder) / f"{count}.jsonl")
            with open(dumps[-1], "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows(count))
        print("| mode | posts | documents | posts/s of the stage | wall s | peak MB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        peaks = [_build(dumps[0], mode, options.workers) for mode in MODES][3:4]
        peaks.append(_build(dumps[1], "tree", options.workers))
    print(f"{large / small:.0f} times the posts, {peaks[1] / peaks[0]:.2f} times the memory")


def _build(dump: Path, mode: str, workers: int) -> float:
    plan = {
        "sources": [{"reddit": {"path": str(dump)}}],
        "stages": [{"conversations": {"mode": mode}}],
        "output": {"shard_mb": 32},
        "run": {"part_posts": PART_POSTS},
    }
    measured, out = measure.measure_build(plan, dump.parent / f"{dump.stem}-{mode}", workers)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    row = next(row for row in manifest["funnel"] if row["stage"] == "conversations")
    print(
        f"| {mode} | {row['read']:,} | {row['documents']:,} "
        f"| {row['read'] / row['seconds']:,.0f} | {measured.seconds:.1f} "
        f"| {measured.peak_mb:,.0f} |",
        flush=True,
    )
    return measured.peak_mb


if __name__ == "__main__":
    try:
        main()
    except measure.CommandFailed as error:
        sys.exit(f"bench: a build failed:\n{error}")
