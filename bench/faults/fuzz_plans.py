"""Feed broken plans to the plan parser, and check that it raises nothing but PlanError.

    python -m bench.faults.fuzz_plans [--plans 5000]

Seeds are the plans in configs/ and fragments that are special in YAML. A failure prints the number
of its plan.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

from bench.faults.fuzz_readers import mutate
from bench.measure import ROOT
from corpus import demo
from corpus.errors import PlanError
from corpus.plan.model import Plan

TRAPS = (
    "&a ",
    "*a",
    "!!python/name:os ",
    "<<: ",
    "? ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "|",
    ">",
    "%YAML 9\n",
    "\0",
    "\t",
    "\ufeff",
    "0x",
    "1_000",
    "1:2:3",
    "2001-01-01",
    ".nan",
    "~",
    "null",
    "yes",
    "9" * 5000,
    "!!binary ",
    "!!set ",
    "---\n",
    "...\n",
    "\\ud800",
    "'",
    '"',
    "#",
    ": ",
)


def plans(count: int) -> list[bytes]:
    """Return ``count`` broken plans, the same in every run."""
    chance = random.Random("fuzz plans")
    seeds = [path.read_bytes() for path in sorted((ROOT / "configs").glob("*.yaml"))]
    found = []
    for _ in range(count):
        plan = chance.choice(seeds)
        if chance.random() < 0.6:
            at = chance.randrange(len(plan))
            plan = plan[:at] + chance.choice(TRAPS).encode() + plan[at:]
        found.append(mutate(plan, chance) if chance.random() < 0.7 else plan)
    return found


def main() -> None:
    """Parse the broken plans, and print how many were refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plans", type=int, default=5000)
    options = parser.parse_args()
    refused = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        demo.write(Path(folder) / "dumps" / "demo", posts=200, seed=1)
        os.chdir(folder)  # so that configs/demo.yaml finds what it reads
        path = Path(folder) / "plan.yaml"
        for number, plan in enumerate(plans(options.plans)):
            path.write_bytes(plan)
            try:
                Plan.load_checked(path, str(Path(folder) / "out"))
            except PlanError as error:
                longest = max(map(len, error.messages))
                refused += longest <= 2001
                if longest > 2001:
                    print(f"plan {number}: a message of {longest} characters", flush=True)
                    failed += 1
            except Exception as error:  # what the fuzzing looks for
                print(f"plan {number}: {type(error).__name__}: {error}"[:300], flush=True)
                failed += 1
    fine = options.plans - refused - failed
    print(
        f"| plans | {options.plans:,} | {fine:,} accepted, {refused:,} refused | {failed} FAILED |"
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
