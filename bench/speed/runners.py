"""Build the same plan with every runner: compare the bytes, and the speed of two workers.

``python -m bench.speed.runners [POSTS] [TIMES]`` builds invented posts that many times with each
runner, in turns, and takes the best time of each, because other work on the machine only adds time.
A build of a few posts shows the time to start. One worker has one core, two have two. Ray is
measured if it is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import tempfile
from pathlib import Path

from bench import measure
from bench.golden import file_sums
from corpus import demo

RUNS = (("serial", 1), ("processes", 1), ("processes", 2), ("ray", 1), ("ray", 2))


def hash_corpus(out: Path) -> str:
    """Return the SHA-256 over all files of a corpus.

    The manifest counts without what differs between runs: seconds, memory, speed.
    """
    sums = file_sums("corpus", out)
    return hashlib.sha256(repr(sorted(sums.items())).encode()).hexdigest()


def build(plan: Path, out: Path, runner: str, workers: int) -> measure.Measurement:
    """Build with one runner by the command line."""
    command = [sys.executable, "-m", "corpus", "build", str(plan), "-q", "--out", str(out)]
    command += ["--runner", runner, "--workers", str(workers)]
    return measure.measure_command(command, out.with_suffix(".txt"), workers)


def write_plan(root: Path, posts: int) -> Path:
    """Write a plan over invented posts, and its dumps; return the path of the plan."""
    demo.write(root / f"dumps-{posts}", posts=posts, seed=1)
    text = (measure.ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8")
    plan = root / f"{posts}.yaml"
    plan.write_text(text.replace("dumps/demo", str(root / f"dumps-{posts}")), encoding="utf-8")
    return plan


def main(posts: int, times: int) -> None:
    """Build with each runner, print a row each, and how much faster two workers are than one."""
    runs = [run for run in RUNS if run[0] != "ray" or importlib.util.find_spec("ray")]
    best: dict[tuple[str, int], measure.Measurement] = {}
    start: dict[tuple[str, int], float] = {}
    digests: dict[tuple[str, int], set[str]] = {run: set() for run in runs}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        plan, few = write_plan(root, posts), write_plan(root, 500)
        for time in range(times):
            for run in runs:
                out = root / f"{run[0]}-{run[1]}-{time}"
                took = build(plan, out, *run)
                digests[run].add(hash_corpus(out))
                if run not in best or took.seconds < best[run].seconds:
                    best[run] = took
                seconds = build(few, root / f"few-{out.name}", *run).seconds
                start[run] = min(start.get(run, seconds), seconds)
                print(f"{run[0]} {run[1]}: {took.seconds:.1f} s", file=sys.stderr, flush=True)
    print("| runner | workers | s | to start, s | core s | peak MB | SHA-256 of all files |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for run, took in best.items():
        found = ", ".join(f"`{one[:16]}…`" for one in sorted(digests[run]))
        print(
            f"| {run[0]} | {run[1]} | {took.seconds:.1f} | {start[run]:.1f} | "
            f"{took.cpu_seconds:.1f} | {took.peak_mb:,.0f} | {found} |"
        )
    for runner in sorted({run[0] for run in runs if run[1] == 2}):
        one, two = best[runner, 1].seconds, best[runner, 2].seconds
        grown = (one - start[runner, 1]) / (two - start[runner, 2])
        print(f"{runner}: 2 workers {one / two:.2f} times as fast; without starting {grown:.2f}")


if __name__ == "__main__":
    main(*map(int, (sys.argv[1:] + ["100000", "2"][len(sys.argv) - 1 :])))
