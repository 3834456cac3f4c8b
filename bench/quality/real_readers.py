"""Read each real sample with its reader; print the counts and the speed.

    python -m bench.quality.real_readers [DATA]

``records`` are posts, refused records, tombstones and skipped notices together. Speed is that of
one core; the file is read repeatedly for at least a second.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.measure import SHARED_DATA
from corpus import readers
from corpus.plan import detect_format

NEWS = {"id": "id", "text": "title", "author": "author", "created_at": "created_at"}
SOURCES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("reddit", "reddit/*.zst", {}),
    ("x_stream", "x_v1/*.json", {}),
    ("x_stream", "x_v1/extended/*.json", {}),
    ("x_api", "x_v2/*.json*", {}),
    ("bluesky", "bluesky/*.jsonl", {}),
    ("bluesky", "bluesky/frames.bin.zst", {}),
    ("bluesky", "bluesky/repo.car", {}),
    ("stackexchange", "stackexchange/Posts.xml", {"site": "cstheory.meta.stackexchange.com"}),
    (
        "table",
        "hackernews/hacker_news.csv",
        {"platform": "hackernews", "fields": NEWS, "time_format": "%m/%d/%Y %H:%M"},
    ),
)


def read(reader: str, path: str, settings: dict[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """Read a file once; return its counts, and the reasons of the refused records."""
    module = readers.find(reader)
    config = module.Config.model_validate({"path": path, **settings})
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for batch in module.read(path, config, 20_000, None):
        counts["posts"] += batch.posts.height
        counts["refused"] += batch.refused.height
        counts["tombstones"] += batch.tombstones.height
        counts["skipped"] += sum(batch.skipped.values())
        reasons.update(batch.refused["reason"])
    return counts, reasons


def main(data: Path) -> None:
    """Print the table."""
    print("| reader | file | posts | refused | tombstones | skipped | posts/s | records/s |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for reader, pattern, settings in SOURCES:
        for path in detect_format.list_inputs(reader, str(data / pattern)):
            counts, reasons = read(reader, path, settings)
            began, rounds = time.perf_counter(), 0
            while rounds < 1 or time.perf_counter() - began < 1:
                read(reader, path, settings)
                rounds += 1
            seconds = (time.perf_counter() - began) / rounds
            why = f" ({', '.join(f'{k} {v}' for k, v in reasons.items())})" if reasons else ""
            print(
                f"| {reader} | {Path(path).relative_to(data)} | {counts['posts']:,} "
                f"| {counts['refused']:,}{why} | {counts['tombstones']:,} "
                f"| {counts['skipped']:,} | {counts['posts'] / seconds:,.0f} "
                f"| {sum(counts.values()) / seconds:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED_DATA)
