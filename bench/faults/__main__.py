"""Disturb builds by faults, and print how each build ended.

    python -m bench.faults [--posts 100000] [--folder DIR] [--small] [--only WORD]

Exit status 1 if any build was lost: other bytes, an unclear end, a half-written file.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.faults.faults import FAULTS, FaultSkipped
from bench.faults.harness import BuildLost, FaultHarness


def run_faults(harness: FaultHarness, small: bool, only: str = "", but: str = "") -> int:
    """Make every fault several times, print a row each, and return how many builds were lost."""
    lost = 0
    total: Counter[str] = Counter()
    print("| fault | made | same bytes at once | clear error, then same bytes | lost |")
    print("|---|---|---|---|---|", flush=True)
    for name, (fault, many, few) in FAULTS.items():
        if only not in name or (but and but in name):
            continue
        ends: Counter[str] = Counter()
        rounds = fault(harness, few if small else many)
        try:
            for end in rounds:
                ends[end] += 1
        except FaultSkipped as reason:
            print(f"| {name} | skipped: {reason} | | | |", flush=True)
            continue
        except BuildLost as reason:
            ends["lost"] += 1
            print(f"LOST: {name}: {reason}", file=sys.stderr, flush=True)
        lost += ends["lost"]
        total += ends
        print(_row(name, ends), flush=True)
    print(_row("all", total))
    return lost


def _row(name: str, ends: Counter[str]) -> str:
    made = sum(ends.values())
    return f"| {name} | {made} | {ends['at once']} | {ends['resumed']} | {ends['lost']} |"


def main() -> None:
    """Run the suite."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--folder", help="a folder to work in; default: a temporary one")
    parser.add_argument("--small", action="store_true", help="few rounds")
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--but", default="", help="no fault whose name contains this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-", dir=options.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)  # another user must be able to enter it
        began = time.monotonic()
        harness = FaultHarness(folder, options.posts, part_posts=max(200, options.posts // 20))
        harness.prepare()
        print(
            f"{options.posts:,} posts, {harness.clean_seconds:.0f} s for a clean build", flush=True
        )
        lost = run_faults(harness, options.small, options.only, options.but)
        print(f"{(time.monotonic() - began) / 60:.0f} minutes")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
