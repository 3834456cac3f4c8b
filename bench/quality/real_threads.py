"""Compare the threads of a real Reddit dump with a plain count, and count documents by mode.

    python -m bench.quality.real_threads ../shared/data/reddit/RC_2005-12.zst [--show 3]

The plain count follows each comment's ``parent_id`` through a dict of the decoded lines and uses
nothing of this package. Posts are printed with --show only, because people wrote them.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import zstandard

import corpus

MODES = ("posts", "pair", "path", "tree", "qa")


def count_plainly(path: Path) -> tuple[Counter[int], Counter[int]]:
    """Return how many threads there are of each size, and of each depth."""
    parents: dict[str, str] = {}
    with open(path, "rb") as file:
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file)
        for line in io.TextIOWrapper(reader, encoding="utf-8"):
            row = json.loads(line)
            name = ("t1_" if "body" in row else "t3_") + row["id"]
            parents.setdefault(name, row.get("parent_id") or "")
    sizes: Counter[str] = Counter()
    deepest: Counter[str] = Counter()
    for name in parents:
        depth, root = 0, name
        while parents[root] in parents:
            root, depth = parents[root], depth + 1
        sizes[root] += 1
        deepest[root] = max(deepest[root], depth)
    return Counter(sizes.values()), Counter(deepest[root] for root in sizes)


def build_mode(path: Path, mode: str, folder: Path) -> Any:
    """Build the corpus of one mode, without a filter before it and without split documents."""
    plan = {
        "sources": [{"reddit": {"path": str(path)}}],
        "stages": [
            {"consent": {"drop": []}},
            {"conversations": {"mode": mode, "max_characters": 10**9}},
        ],
        "output": {"path": str(folder / mode), "key": str(folder / "key")},
    }
    corpus.build(plan)
    return corpus.load(folder / mode)


def depths(found: Any) -> Counter[int]:
    """Return how many trees there are of each depth, by the indentation of their turns."""
    frame = found.scan().select("text", "post_ids").collect()
    out: Counter[int] = Counter()
    for text, ids in frame.iter_rows():
        margins = [
            (len(line) - len(line.lstrip(" "))) // 2
            for line in text.split("\n")
            if line.lstrip(" ").startswith(("user_", "anonymous: "))
        ]
        out[max(margins[: len(ids)], default=0) if len(margins) == len(ids) else -1] += 1
    return out


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--show", type=int, default=0, help="documents of each mode to print")
    options = parser.parse_args()
    sizes, deep = count_plainly(options.path)
    with tempfile.TemporaryDirectory() as name:
        for mode in MODES:
            found = build_mode(options.path, mode, Path(name))
            row = next(r for r in found.manifest["funnel"] if r["stage"] == "conversations")
            print(
                f"{mode:6} {row['read']:>9,} posts {row['documents']:>9,} documents  "
                f"dropped {dict(row['dropped'])}"
            )
            frame = found.scan().collect()
            if mode == "tree":
                ours = Counter(frame["post_ids"].list.len().to_list())
                print(f"  threads by size, ours equal to the plain count: {ours == sizes}")
                print(f"  sizes   {dict(sorted(sizes.items()))}")
                seen = depths(found)
                print(f"  depths, ours equal to the plain count: {seen == deep}")
                print(f"  depths  {dict(sorted(deep.items()))}")
            longest = frame.with_row_index().sort(frame["post_ids"].list.len(), descending=True)
            for text in longest["text"].head(options.show):
                print("-" * 60 + f"\n{text}")


if __name__ == "__main__":
    main()
