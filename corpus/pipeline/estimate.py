"""Say what a build would take, from building a hundredth of it in a temporary folder.

The beginning of every file is read into parts, as the build would, and the rest of the build is
run on those: once on half of them, which loads the models, and once on all, which tells what a
post takes. What is told is an extrapolation; docs/operations.md says how far off it has been.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from corpus import readers
from corpus.errors import BuildError
from corpus.partition import partitions
from corpus.pipeline import build, ingest
from corpus.pipeline import read_file as reading
from corpus.pipeline.workspace import Workspace, identify_sources
from corpus.plan import detect_format
from corpus.plan.model import Plan, Source
from corpus.privacy import keys
from corpus.readers.contract import Batch
from corpus.tasks import status
from corpus.tasks.files import fingerprint
from corpus.tasks.receipts import save_receipt

_SAMPLE_SHARE = 0.01
_MIN_POSTS = 10_000
_BATCH_POSTS = 100
_MIN_OFFSETS = 4
#: What a task of dedup holds of each key in its range, in bytes, and of flat arrays of all posts.
_DEDUP_BYTES_PER_KEY = 63


@dataclass(frozen=True)
class Estimate:
    """What a build would take; seconds, MB of memory in all processes, MB on disk."""

    posts: int
    kept: int
    seconds: float
    memory_mb: int
    output_mb: float
    work_mb: float
    workers: int
    sampled: int  # posts


@dataclass(frozen=True)
class _TrialBuild:
    """A run on some posts: what it took and left."""

    posts: int
    kept: int
    seconds: float
    output_bytes: int
    work_bytes: int
    memory_mb: int


def estimate_build(plan: Plan) -> Estimate:
    """Build a hundredth of ``plan`` (10,000 posts at least) beside, and scale it up."""
    plan = plan.with_local_copies()
    plan.check_paths()
    with tempfile.TemporaryDirectory(prefix="corpus-dry-run-") as folder:
        room = Path(folder)
        taken, posts, reading_seconds = _read_beginnings(plan)
        found = sum(len(batch.posts) for batches in taken.values() for batch in batches)
        if not found:
            raise BuildError("the beginnings of the sources hold no posts; nothing to go by")
        fewer = {file: batches[: -(-len(batches) // 2)] for file, batches in taken.items()}
        first = _build_trial(plan, room / "first", fewer)  # models load
        half = _build_trial(plan, room / "half", fewer)
        whole = _build_trial(plan, room / "whole", taken)
    scale = posts / found
    workers = plan.run.workers if plan.run.runner == "processes" else 1
    # What takes its time however many posts there are, and what each post takes.
    more = max(0.0, whole.seconds - half.seconds) / max(1, whole.posts - half.posts)
    each = more or whole.seconds / whole.posts
    once = max(0.0, first.seconds - each * first.posts)
    deduplicating = int(min(posts, partitions.RANGE_KEYS) * _DEDUP_BYTES_PER_KEY) // 2**20
    return Estimate(
        posts=round(posts),
        kept=round(whole.kept * scale),
        seconds=once + (reading_seconds + each * posts) / workers,
        memory_mb=whole.memory_mb * (workers + (workers > 1)) + deduplicating * workers,
        output_mb=whole.output_bytes * scale / 1e6,
        work_mb=whole.work_bytes * scale / 1e6,
        workers=workers,
        sampled=found,
    )


def _read_beginnings(plan: Plan) -> tuple[dict[tuple[int, str], list[Any]], float, float]:
    """The first batches of each file, how many posts all seem to hold, and seconds to read them."""
    taken: dict[tuple[int, str], list[Any]] = {}
    posts = seconds = 0.0
    files = [(n, path) for n, source in enumerate(plan.sources) for path in source.list_files()]
    least = -(-_MIN_POSTS // len(files))
    for number, path in files:
        began = time.perf_counter()
        batches, read, held = _read_beginning(plan.sources[number], path, least)
        seconds += (time.perf_counter() - began) * held / max(1, read)
        posts += held
        taken[number, path] = batches
    return taken, posts, seconds


def _read_beginning(source: Source, path: str, min_posts: int) -> tuple[list[Any], int, float]:
    """The first batches of a file, how many posts were read, and how many it seems to hold."""
    size = max(1, detect_format.size_and_mtime(path)[0])
    batches: list[Any] = []
    read, held = 0, 0.0
    # Readers read ahead. Where they read on, what they had before is used up: from one such
    # place to another so many posts stand in so many bytes.
    places: list[tuple[int, int]] = []
    before = 0
    for batch in readers.find(source.reader).read(path, source.config, _BATCH_POSTS, None):
        if before and batch.position > before:
            places.append((read, before))
        before = batch.position
        batches.append(batch)
        read += len(batch.posts)
        if batch.cursor is None:
            held = read
            break
        if len(places) > _MIN_OFFSETS:
            (low, begin), (high, end) = places[0], places[-1]
            held = max(read, (high - low) * size / (end - begin))
            if read >= max(min_posts, _SAMPLE_SHARE * held):
                break
    wanted, kept = max(min_posts, _SAMPLE_SHARE * held), 0
    for count, batch in enumerate(batches, start=1):
        kept += len(batch.posts)
        if kept >= wanted:
            return batches[:count], read, held
    return batches, read, held


def _build_trial(
    plan: Plan, out: Path, batches_by_file: dict[tuple[int, str], list[Any]]
) -> _TrialBuild:
    """Build what was taken, as if the files held no more."""
    output = plan.output.model_copy(update={"path": str(out), "keep_work": True, "key": ""})
    run = plan.run.model_copy(update={"runner": "serial"})
    small = replace(plan, output=output, run=run)
    keys.ensure_key(small.key_path, out)
    space = Workspace(small)
    space.work.mkdir(parents=True)
    begun = {"sources": fingerprint(identify_sources(small))}
    save_receipt(space.work / "begun.json", begun, [])  # else the parts would be cleared away
    for (number, path), batches in batches_by_file.items():
        source = plan.sources[number]
        folder = space.step_folder("read", *ingest.identify_file(source, path, run.part_posts))
        folder.mkdir(parents=True, exist_ok=True)
        for index, part in enumerate(_make_parts(batches, run.part_posts)):
            reading.save_part(part, folder, index)
    began = time.perf_counter()
    manifest = build.build(small)
    seconds = time.perf_counter() - began
    totals = manifest["totals"]
    return _TrialBuild(
        totals["read"] - totals["refused"],
        totals["kept"],
        seconds,
        _sum_file_bytes(out) - _sum_file_bytes(out / "work"),
        _sum_file_bytes(out / "work"),
        max(status.measure_memory_mb(), manifest["run"]["peak_memory_mb"]),
    )


def _make_parts(batches: list[Batch], part_posts: int) -> list[Batch]:
    """Batches as parts of about the size that the build would read; the last ends the file."""
    runs: list[list[Batch]] = []
    room = 0
    for batch in batches:
        if room <= 0:
            runs.append([])
            room = part_posts
        runs[-1].append(batch)
        room -= max(1, len(batch.posts))
    parts = [_join_batches(run) for run in runs]
    # It has a hash then, whatever it may be.
    end = [replace(part, cursor=None, sha256=part.sha256 or "0" * 64) for part in parts[-1:]]
    return [*parts[:-1], *end]


def _join_batches(batches: list[Batch]) -> Batch:
    skipped: Counter[str] = Counter()
    for batch in batches:
        skipped.update(batch.skipped)
    return replace(
        batches[-1],
        posts=pl.concat([batch.posts for batch in batches]),
        refused=pl.concat([batch.refused for batch in batches]),
        tombstones=pl.concat([batch.tombstones for batch in batches]),
        skipped=dict(skipped),
    )


def _sum_file_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def format_estimate(estimate: Estimate) -> str:
    """An estimate in some lines."""
    return "\n".join(
        [
            f"from {estimate.sampled:,} posts, about:",
            f"posts    {estimate.posts:,}, of which {estimate.kept:,} stay",
            f"time     {estimate.seconds:,.0f} s with {estimate.workers} workers",
            f"memory   {estimate.memory_mb:,} MB",
            f"disk     {estimate.output_mb:,.1f} MB, and {estimate.work_mb:,.1f} MB in work/ until it is "
            "done",
        ]
    )
