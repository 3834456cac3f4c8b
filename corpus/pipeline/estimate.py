"""Estimate what a build would take, by building a hundredth of it beside the output.

The beginning of every file is read into parts, as the build would, and the rest of the build is
run on those parts: twice on half of them, of which the first run loads the models, and once on
all. The difference gives the time that a post takes. The estimate is an extrapolation;
docs/operations.md says how far off it has been.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from corpus import readers
from corpus.errors import BuildError
from corpus.partition import partitions
from corpus.pipeline import build, dry_run_folder, ingest
from corpus.pipeline.read_file import SourceFileNames, apply_suppression_list, save_part
from corpus.pipeline.workspace import Workspace, mark_begun
from corpus.plan.entries import Source
from corpus.plan.model import Plan
from corpus.privacy import keys, suppression
from corpus.privacy.file_names import FileNamer
from corpus.readers.contract import Batch
from corpus.storage import filesystem
from corpus.tasks import status

_SAMPLE_SHARE = 0.01
_MIN_POSTS = 10_000
_BATCH_POSTS = 100
_MIN_OFFSETS = 4
#: What a task of dedup holds of each key in its range, in bytes.
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
    """What a build of some posts took."""

    posts: int
    kept: int
    seconds: float
    output_bytes: int
    work_bytes: int
    memory_mb: int


def estimate_build(plan: Plan) -> Estimate:
    """Build a hundredth of ``plan`` (10,000 posts at least) beside the output; scale it up."""
    plan = plan.with_local_copies()
    plan.check_paths()
    with dry_run_folder.made_folder(plan.folder) as folder:
        batches_by_file, posts, reading_seconds = _read_beginnings(plan)
        sampled = sum(len(batch.posts) for each in batches_by_file.values() for batch in each)
        if not sampled:
            raise BuildError("the beginnings of the sources hold no posts to estimate from")
        first_half = {file: each[: -(-len(each) // 2)] for file, each in batches_by_file.items()}
        samples = (first_half, first_half, batches_by_file)  # the first run loads the models
        first, half, whole = (
            _build_trial(plan, folder / name, batches)
            for name, batches in zip(dry_run_folder.TRIALS, samples, strict=True)
        )
    scale = posts / sampled
    workers = plan.run.workers if plan.run.runner == "processes" else 1
    # The seconds that each post takes, and those that any build takes, however few its posts.
    difference = max(0.0, whole.seconds - half.seconds) / max(1, whole.posts - half.posts)
    per_post = difference or whole.seconds / whole.posts
    fixed = max(0.0, first.seconds - per_post * first.posts)
    dedup_mb = int(min(posts, partitions.RANGE_KEYS) * _DEDUP_BYTES_PER_KEY) // 2**20
    return Estimate(
        posts=round(posts),
        kept=round(whole.kept * scale),
        seconds=fixed + (reading_seconds + per_post * posts) / workers,
        memory_mb=whole.memory_mb * (workers + (workers > 1)) + dedup_mb * workers,
        output_mb=whole.output_bytes * scale / 1e6,
        work_mb=whole.work_bytes * scale / 1e6,
        workers=workers,
        sampled=sampled,
    )


def _read_beginnings(plan: Plan) -> tuple[dict[tuple[int, str], list[Any]], float, float]:
    """The first batches of each file, by the number of its source and its path.

    With them, how many posts all files seem to hold, and how many seconds reading them would take.
    """
    batches_by_file: dict[tuple[int, str], list[Any]] = {}
    posts = seconds = 0.0
    files = [(n, path) for n, source in enumerate(plan.sources) for path in source.list_files()]
    min_posts = -(-_MIN_POSTS // len(files))
    for number, path in files:
        began = time.perf_counter()
        batches, read, total = _read_beginning(plan.sources[number], path, min_posts)
        seconds += (time.perf_counter() - began) * total / max(1, read)
        posts += total
        batches_by_file[number, path] = batches
    return batches_by_file, posts, seconds


def _read_beginning(source: Source, path: str, min_posts: int) -> tuple[list[Any], int, float]:
    """The first batches of a file, how many posts were read, and how many it seems to hold."""
    size = max(1, filesystem.size_and_mtime(path)[0])
    batches: list[Any] = []
    read, total = 0, 0.0
    # Readers read ahead, so a position alone means nothing. Where it moves, all posts of the
    # bytes before it have been read: between two such offsets, posts and bytes belong together.
    offsets: list[tuple[int, int]] = []  # posts read, bytes read
    position = 0
    for batch in readers.find(source.reader).read(path, source.config, _BATCH_POSTS, None):
        if position and batch.position > position:
            offsets.append((read, position))
        position = batch.position
        batches.append(batch)
        read += len(batch.posts)
        if batch.cursor is None:
            total = read
            break
        if len(offsets) > _MIN_OFFSETS:
            (first_posts, first_bytes), (last_posts, last_bytes) = offsets[0], offsets[-1]
            total = max(read, (last_posts - first_posts) * size / (last_bytes - first_bytes))
            if read >= max(min_posts, _SAMPLE_SHARE * total):
                break
    needed, taken = max(min_posts, _SAMPLE_SHARE * total), 0
    for count, batch in enumerate(batches, start=1):
        taken += len(batch.posts)
        if taken >= needed:
            return batches[:count], read, total
    return batches, read, total


def _build_trial(
    plan: Plan, out: Path, batches_by_file: dict[tuple[int, str], list[Any]]
) -> _TrialBuild:
    """Build from some batches of each file, as if the files held no more."""
    # Without a key of the plan's own, a trial makes one beside its output.
    changes = {"path": str(out), "key": str(plan.key_path) if _has_key(plan) else ""}
    output = plan.output.model_copy(update={**changes, "keep_work": True, "suppressed": ""})
    run = plan.run.model_copy(update={"runner": "serial"})
    small = replace(plan, output=output, run=run)
    key_id = keys.ensure_key(small.key_path, out)
    workspace = Workspace(small)
    workspace.work.mkdir(parents=True)
    suppressed = suppression.load(small.key_path).state
    mark_begun(small, suppressed)  # without it, the build would remove the parts
    namer = FileNamer(keys.load_key(small.key_path))
    for file in small.name_files():
        source, batches = plan.sources[file.source], batches_by_file[file.source, file.path]
        names = SourceFileNames(file.path, file.name, namer)
        module = readers.find(source.reader)
        batches = [names.rename(batch, module, source.config) for batch in batches]
        facts = ingest.identify_file(source, file, run.part_posts, key_id)
        identity = ingest.identify_file_parts(facts, suppressed)
        folder = workspace.step_folder("read", *identity)
        folder.mkdir(parents=True, exist_ok=True)
        for index, part in enumerate(_make_parts(batches, run.part_posts)):
            listed = apply_suppression_list(part, small.key_path, suppressed)
            save_part(*listed, folder, index)
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


def _has_key(plan: Plan) -> bool:
    return isinstance(plan.key_path, str) or plan.key_path.exists()


def _make_parts(batches: list[Batch], part_posts: int) -> list[Batch]:
    """Join batches to parts of about the size that the build would read; the last ends the file."""
    runs: list[list[Batch]] = []
    missing = 0
    for batch in batches:
        if missing <= 0:
            runs.append([])
            missing = part_posts
        runs[-1].append(batch)
        missing -= max(1, len(batch.posts))
    parts = [_join_batches(run) for run in runs]
    # A file that was read to its end has a hash; the trial does not look at it.
    end = [replace(part, cursor=None, sha256=part.sha256 or "0" * 64) for part in parts[-1:]]
    return [*parts[:-1], *end]


def _join_batches(batches: list[Batch]) -> Batch:
    skipped: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    for batch in batches:
        skipped.update(batch.skipped)
        unreadable.update(batch.unreadable)
    return replace(
        batches[-1],
        posts=pl.concat([batch.posts for batch in batches]),
        refused=pl.concat([batch.refused for batch in batches]),
        tombstones=pl.concat([batch.tombstones for batch in batches]),
        skipped=dict(skipped),
        unreadable=dict(unreadable),
    )


def _sum_file_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def format_estimate(estimate: Estimate) -> str:
    """The estimate as lines of text."""
    return "\n".join(
        [
            f"from {estimate.sampled:,} posts, about:",
            f"posts    {estimate.posts:,}, of which {estimate.kept:,} are kept",
            f"time     {estimate.seconds:,.0f} s with {estimate.workers} workers",
            f"memory   {estimate.memory_mb:,} MB",
            f"disk     {estimate.output_mb:,.1f} MB, and {estimate.work_mb:,.1f} MB in work/ until "
            "the build is done",
        ]
    )
