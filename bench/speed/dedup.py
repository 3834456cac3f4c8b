"""Measure deduplication: signatures against the peers, and the whole of it on up to 20 million.

    python -m bench.speed.dedup [--millions 1 5 20] [--peers-python PATH] [--folder DIR]

Signatures: real posts, on one core. "From text" is normalizing, shingles, hashes, permutations and
band keys; datatrove's signature step does as much. "From shingles" is what ``MinHash.bulk`` and
``RMinHash.from_token_sets`` do, given shingles. 128 permutations everywhere.

Scale: generated posts of 3 to 30 words, three in twenty a copy of an earlier one and three in
twenty an earlier one with a word changed, in parts of 20,000; measured, grouped, verified, decided
and written by two workers. The peak is the resident memory of the whole process tree, files that
are mapped included. It needs 1 GB of disk for each million posts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench import measure
from bench.peers import environment
from bench.peers.minhash import run_peer, write_posts
from bench.sample import read_distinct_posts
from corpus import stages
from corpus.dedup import barrier as dedup
from corpus.dedup import minhash, minhash_kernel
from corpus.dedup.normalize import normalize_to_bytes
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import runners

PART_POSTS = 20_000
WORKERS = 2
_WORDS = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.dedup", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--millions", type=float, nargs="*", default=[1, 5, 20])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--peers-python", type=Path, default=environment.PYTHON)
    parser.add_argument("--folder", type=Path, help="where the posts and the work go")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.once:
        _once(options.folder, options.once)
        return
    if (options.data / "plain").is_dir():
        _signatures(options.data / "plain", environment.find_interpreter(options.peers_python))
    print("\n| posts | dropped | s | µs a post | posts/s | peak MB | bytes of work a post |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for millions in options.millions:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as name:
            _scale(Path(name), int(millions * 1e6))


# --------------------------------------------------------------------------- signatures


def _signatures(folder: Path, python: Path | None) -> None:
    texts = read_distinct_posts(folder)
    config = dedup.Config()
    a, b = minhash.affine_permutations(config.permutations)
    hashes, offsets, _ = minhash_kernel.hash_shingles(
        *normalize_to_bytes(texts), config.shingle_words, False
    )
    whole = _best(lambda: minhash.compute_band_keys(texts, config))
    alone = _best(lambda: minhash_kernel.minhash_signatures(hashes, offsets, a, b))
    found = {"ours": (len(texts) / whole, len(texts) / alone)}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for peer in ("datatrove", "datasketch", "rensa") if python else ():
            peer_folder = Path(name) / peer
            peer_folder.mkdir()
            file = write_posts(texts, peer_folder / "posts.jsonl", raw=True)
            # 16 bands of 8 make the same 128 permutations; only signatures are timed here.
            rate = (
                len(texts) / run_peer(str(python), peer, file, peer_folder, 0.8, 16, 8)["signing"]
            )
            found[peer] = (rate, 0.0) if peer == "datatrove" else (0.0, rate)
    print(f"{len(texts):,} real posts, one core\n")
    print("| signatures | from text, posts/s | ours is | from shingles, posts/s | ours is |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, rates in found.items():
        cells = []
        for rate, own in zip(rates, found["ours"], strict=True):
            cells += [f"{rate:,.0f}", f"{own / rate:,.0f}×"] if rate else ["", ""]
        print(f"| {name} | " + " | ".join(cells) + " |")


def _best(do: Callable[[], object]) -> float:
    """Return the least seconds of five runs."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        do()
        taken.append(time.perf_counter() - began)
    return min(taken)


# --------------------------------------------------------------------------- scale


def _scale(folder: Path, count: int) -> None:
    print(f"bench: writing {count:,} posts", file=sys.stderr, flush=True)
    write_parts(folder / "posts", count)
    command = [
        sys.executable,
        "-m",
        "bench.speed.dedup",
        "--once",
        str(count),
        "--folder",
        str(folder),
    ]
    taken = measure.measure_command(command, folder / "log.txt", WORKERS)
    measured = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
    seconds = measured["seconds"]
    print(
        f"| {count:,} | {measured['dropped']:,} | {seconds:,.1f} | {seconds / count * 1e6:.2f} "
        f"| {count / seconds:,.0f} | {taken.peak_mb:,.0f} | {measured['bytes'] / count:.0f} |",
        flush=True,
    )
    for step, spent in measured["steps"].items():
        print(f"bench:   {step}: {spent:.1f} s", file=sys.stderr)


@dataclass
class _TimedRunner:
    """Run tasks in workers, and add up the time of each step."""

    runner: runners.Runner
    steps: dict[str, float]

    def run(self, tasks: Sequence[Any], step: str) -> Any:
        began = time.perf_counter()
        yield from self.runner.run(iter(tasks), lambda: None)
        self.steps[step] = self.steps.get(step, 0) + time.perf_counter() - began


def _once(folder: Path, count: int) -> None:
    """Deduplicate the posts in ``folder`` and write what was measured to ``measured.json``."""
    parts = sorted((folder / "posts").iterdir())
    config = dedup.Config(index=False)
    tasks = [
        stages.MeasurePart("dedup", part, folder / "work" / part.stem, config.model_dump_json())
        for part in parts
    ]
    timed = _TimedRunner(runners.make_runner("processes", WORKERS), {})
    began = time.perf_counter()
    for _ in timed.run(tasks, "measuring"):
        pass
    verdicts = folder / "verdicts"
    verdicts.mkdir()
    measured = [
        MeasuredPart(
            task.posts,
            task.folder,
            verdicts / task.posts.name,
            folder / "work" / "runners" / task.posts.stem,
        )
        for task in tasks
    ]
    dedup.decide(BarrierInput(measured, folder / "work", folder / "key", timed.run), config)
    dropped = 0
    for part in measured:
        verdict = pl.read_parquet(part.verdict, columns=["reject"])
        dropped += verdict["reject"].is_not_null().sum()
    seconds = time.perf_counter() - began
    timed.runner.close()
    size = sum(file.stat().st_size for file in (folder / "work").rglob("*") if file.is_file())
    figures = {"seconds": seconds, "dropped": dropped, "bytes": size, "steps": timed.steps}
    (folder / "measured.json").write_text(json.dumps(figures), encoding="utf-8")
    shutil.rmtree(folder / "work")


def write_parts(folder: Path, count: int) -> None:
    """Write generated posts in parts.

    A post's words follow from its number alone, so that a copy of any earlier post can be written
    without reading that post.
    """
    folder.mkdir()
    for number, begin in enumerate(range(0, count, PART_POSTS)):
        part = _part(np.arange(begin, min(count, begin + PART_POSTS), dtype=np.uint64))
        part.write_parquet(folder / f"{number:06d}.parquet", compression="lz4")


def _part(posts: NDArray[np.uint64]) -> pl.DataFrame:
    kind = _mix(posts, 1) % np.uint64(20)
    copies = kind < 6  # 0 to 2: as it was; 3 to 5: a word changed
    origin = np.where(copies, _mix(posts, 2) % np.maximum(posts, np.uint64(1)), posts)
    # A copy takes the text of its origin, so that a copy of a copy has that text too.
    length = (_mix(origin, 3) % np.uint64(28) + np.uint64(3)).astype(np.int64)
    row = np.repeat(np.arange(posts.size), length)
    position = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
    # Word frequencies are uneven, as in any language: the square of a uniform number.
    even = _mix(origin[row] * np.uint64(64) + position.astype(np.uint64), 4) % np.uint64(_WORDS)
    word = (even * even // np.uint64(_WORDS)).astype(np.int64)
    edited = (kind >= 3) & copies
    at = (_mix(posts, 5) % length.astype(np.uint64)).astype(np.int64)
    word[edited[row] & (position == at[row])] = _WORDS
    names = pl.Series([*(_name(n) for n in range(_WORDS)), "changed"])
    texts = (
        pl.DataFrame({"row": row, "word": names.gather(word)})
        .group_by("row", maintain_order=True)
        .agg(pl.col("word").str.join(" "))["word"]
    )
    utc = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        {
            "id": pl.Series(posts).cast(pl.String),
            "platform": pl.repeat("made", posts.size, eager=True),
            "author": (pl.Series(_mix(posts, 6) % np.uint64(1_000_000))).cast(pl.String),
            "text": texts,
            "created_at": pl.Series(posts.astype(np.int64) * 1_000_000).cast(utc),
            "score": pl.repeat(0, posts.size, dtype=pl.Int64, eager=True),
        }
    )


def _name(number: int) -> str:
    """Return the word of a number, two to four syllables that no other number has."""
    syllables = ("ka", "lo", "mi", "ne", "su", "ta", "ri", "vo", "pe", "du")
    return "".join(syllables[int(digit)] for digit in str(number + 10))


def _mix(values: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """Return pseudo-random numbers (splitmix64)."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(salt) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


if __name__ == "__main__":
    main()
