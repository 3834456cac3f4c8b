"""Time the readers on the real samples in ../shared/data, also beside another checkout.

    python -m bench.speed.readers [--only NAME ...] [--against FOLDER] [--rounds 30]

Prints the rows a second of the processor that each reader reads, in one process: the median of the
rounds. With the folder of another checkout, the two take turns file by file, so that a machine that
is slower for a while is slower for both: behind the two speeds is the median of the rounds' ratios,
and between which two values half of them are.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_MIN_BYTES = 100_000  # smaller files measure the opening of a file
_PART_POSTS = 20_000


def serve(name: str, path: str, settings: dict[str, Any]) -> None:
    """Read a file once for each line of the input, and print its rows a second."""
    from corpus import readers

    gc.set_threshold(100_000, 20, 50)  # as in a worker process
    reader = readers.find(name)
    config = reader.Config(path=path, **settings)
    read_rows(reader, config)
    for _ in sys.stdin:
        began = time.process_time()
        rows = read_rows(reader, config)
        print(rows / (time.process_time() - began), flush=True)


def read_rows(reader: Any, config: Any) -> int:
    """Read one file and return the number of its posts and refused records."""
    batches = reader.read(config.path, config, _PART_POSTS)
    return sum(batch.posts.height + len(batch.refused) for batch in batches)


def start(root: Path, name: str, path: Path, settings: dict[str, Any]) -> subprocess.Popen[str]:
    """Start a process that reads a file with the code of a checkout whenever it is asked."""
    arguments = json.dumps([name, str(path.resolve()), settings])
    return subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).resolve()), "--serve", arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "POLARS_MAX_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(server: subprocess.Popen[str]) -> float:
    """Let a process read its file once, and return its rows a second."""
    assert server.stdin and server.stdout
    server.stdin.write("\n")
    server.stdin.flush()
    return float(server.stdout.readline())


def main() -> None:
    """Print a line for each sample."""
    from bench.measure import SHARED_DATA
    from bench.quality.real_readers import SOURCES
    from corpus.plan import detect_format

    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", help="readers (default: all that have a sample)")
    parser.add_argument("--against", type=Path, help="another checkout, such as a git worktree")
    parser.add_argument("--rounds", type=int, default=30)
    wanted = parser.parse_args()
    here = Path.cwd()
    samples = [
        (name, Path(path), settings)
        for name, pattern, settings in SOURCES
        if not wanted.only or name in wanted.only
        for path in detect_format.list_inputs(name, str(SHARED_DATA / pattern))
        if os.path.getsize(path) > _MIN_BYTES
    ]
    roots = [here, wanted.against] if wanted.against else [here]
    for name, path, settings in samples:
        servers = [start(root, name, path, settings) for root in roots]
        rounds = []
        for number in range(wanted.rounds):
            # Who is first is alternated, because a processor slows down when it gets warm.
            turn = servers if number % 2 else servers[::-1]
            speeds = {server.pid: ask(server) for server in turn}
            rounds.append([speeds[server.pid] for server in servers])
        for server in servers:
            server.communicate()
        medians = [statistics.median(each) for each in zip(*rounds, strict=True)]
        line = f"{name:14}{path.name:28}" + "".join(f"{each:>10,.0f}" for each in medians)
        if wanted.against:
            ratios = [mine / other for mine, other in rounds]
            low, middle, high = statistics.quantiles(ratios, n=4)
            line += f"  x {middle:.2f} ({low:.2f} to {high:.2f})"
        print(line, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(*json.loads(sys.argv[2]))
    else:
        main()
