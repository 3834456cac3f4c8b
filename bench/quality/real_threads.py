"""Threads of a real Reddit dump against a plain count, and what the modes make of them.

    python scripts/real_threads.py ../shared/data/reddit/RC_2005-12.zst [--show 3]

The plain count follows each comment's ``parent_id`` through a dict of the decoded lines and knows
nothing of this package. Posts are printed with --show only: they are people's words.
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


def plain(path: Path) -> tuple[Counter[int], Counter[int]]:
    """Thread sizes and depths: how many threads have so many posts, how many are so deep."""
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
        depth, here = 0, name
        while parents[here] in parents:
            here, depth = parents[here], depth + 1
        sizes[here] += 1
        deepest[here] = max(deepest[here], depth)
    return Counter(sizes.values()), Counter(deepest[root] for root in sizes)


def built(path: Path, mode: str, folder: Path) -> Any:
    """The corpus of one mode: nothing is dropped before it, and no document is split."""
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
    """How deep each tree is, by the indentation of its turns."""
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
    sizes, deep = plain(options.path)
    with tempfile.TemporaryDirectory() as name:
        for mode in MODES:
            found = built(options.path, mode, Path(name))
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
