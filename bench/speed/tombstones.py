"""Measure tombstones: the time to merge them, to look up the posts of a part, and the memory.

``python -m bench.speed.tombstones [MILLIONS …]`` (1 and 20) merges so many invented notices of
deletion, as a stream of posts holds them, and looks up posts of which a hundredth is named, in one
process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from corpus.privacy import tombstones
from corpus.schema import POST, TOMBSTONE
from corpus.tasks.task import run_inline

PART, FILE = 20_000, 1_000_000


def notices(folder: Path, count: int) -> Iterator[Path]:
    """Write files of a million notices each, with ids of 18 digits, and yield their paths."""
    draw = np.random.default_rng(1)
    for number in range(0, count, FILE):
        ids = pl.Series("value", draw.integers(10**17, 10**18, min(FILE, count - number)))
        rows = ids.to_frame().select(
            pl.lit("id").alias("target"),
            pl.format("x:{}", "value").alias("value"),
            pl.lit("deleted_later").alias("reason"),
            pl.lit(None, pl.Int64).alias("said_at"),
        )
        rows.cast(TOMBSTONE).write_parquet(folder / f"{number:012d}.parquet")  # type: ignore[arg-type]
        yield folder / f"{number:012d}.parquet"


def part(named: Path, seed: int) -> pl.DataFrame:
    """Return the posts of a part, some of them named by a notice."""
    some = pl.read_parquet(named, columns=["value"])["value"].sample(PART // 100, seed=seed)
    ids = np.random.default_rng(seed).integers(10**17, 10**18, PART - some.len())
    names = pl.concat([some, pl.Series(ids).cast(pl.String)]).alias("id")
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in POST.items() if name != "id"]
    return names.to_frame().with_columns(absent).select(list(POST))


def print_row(count: int) -> None:
    """Merge ``count`` notices, look up parts, and print a row."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = list(notices(folder, count))
        began = time.perf_counter()
        tombstones.fold_tombstones(folder / "all", paths, count, run_inline)
        folding = time.perf_counter() - began
        found = tombstones.open_tombstones(folder / "all")
        parts = [part(paths[0], seed) for seed in range(12)]
        tombstones.apply_tombstones(parts[0], found)  # loads the kernels
        began = time.perf_counter()
        for posts in parts[1:]:
            marked = tombstones.apply_tombstones(posts, found)["withdrawn"].is_not_null().sum()
            assert marked == PART // 100, "each is found, and no other"
        each = (time.perf_counter() - began) / (len(parts) - 1)
        peak = psutil.Process().memory_info()
        disk = sum(path.stat().st_size for path in (folder / "all").glob("*.npy"))
        print(
            f"| {count / 1e6:,.0f} million | {folding:.1f} s | {1000 * each:.0f} ms | "
            f"{peak.rss / 1e6:,.0f} MB | {disk / count:.0f} |"
        )


def main() -> None:
    """Print a row for each size, each measured in a process of its own."""
    print(
        "| notices | to merge | a part of 20,000 posts | memory after | bytes a notice |",
        flush=True,
    )
    print("| ---: | ---: | ---: | ---: | ---: |", flush=True)
    for millions in sys.argv[1:] or ["1", "20"]:
        count = int(float(millions) * 1e6)
        code = f"from bench.speed.tombstones import print_row; print_row({count})"
        subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    main()
