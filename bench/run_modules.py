"""Run the benchmarks of a package one after another, each in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence


def run_modules(package: str, description: str, default: Sequence[str], more: Sequence[str]) -> int:
    """Run the modules named on the command line, or the ``default`` ones; return the exit status.

    Some benchmarks set the number of threads before they import polars, so each needs a process
    of its own.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=description)
    known = f"{', '.join(default)} (these by default); {', '.join(more)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=known)
    names = parser.parse_args().names or list(default)
    for name in names:
        if name not in (*default, *more):
            parser.error(f"no '{name}'; there are: {known}")
    failed = []
    for name in names:
        print(f"\n# {package}.{name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"{package}.{name}"]).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
