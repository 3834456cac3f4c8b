"""Run the benchmarks of speed and memory: ``python -m bench.speed [NAME ...]``."""

import sys

from bench.run_modules import run_modules

DEFAULT = ("end_to_end", "pii", "quality_presets", "memory", "takedown")
MORE = (
    "against",
    "cluster",
    "decontaminate",
    "dedup",
    "loader",
    "normalise",
    "pii_dense",
    "readers",
    "repeats",
    "runners",
    "small_files",
    "threads",
    "tombstones",
)

if __name__ == "__main__":
    sys.exit(run_modules("bench.speed", __doc__, DEFAULT, MORE))
