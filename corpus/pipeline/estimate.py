"""Estimate what a build would take, by building a hundredth of it beside the output.

The beginning of every file is read into parts, as the build would, and the rest of the build is
run on those parts: twice on half of them, of which the first run loads the models, and once on
all. The difference gives the time that a post takes. The estimate is an extrapolation;
docs/operations.md says how far off it has been.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpus import readers
from corpus.errors import BuildError
from corpus.partition import partitions
from corpus.pipeline import build, dry_run_folder, ingest
from corpus.pipeline.existing_output import identify_sources
from corpus.pipeline.join_batches import BatchJoiner, DumpFile, FileCounts, JoinedBatch
from corpus.pipeline.read_files import apply_suppression_list, pack_files, save_part
from corpus.pipeline.workspace import Workspace, mark_begun
from corpus.plan.entries import Source
from corpus.plan.model import Plan
from corpus.plurals import pluralize
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

#: For each task that would read: some batches of its files, with the files' paths.
Beginnings = list[list[tuple[str, Batch]]]


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
    plan = Plan.load_checked(plan)
    with dry_run_folder.made_folder(plan.folder) as folder:
        beginnings, posts, reading_seconds = _read_beginnings(plan)
        sampled = sum(len(batch.posts) for each in beginnings for _, batch in each)
        if not sampled:
            raise BuildError("the beginnings of the sources hold no posts to estimate from")
        first_half = [each[: -(-len(each) // 2)] for each in beginnings]
        samples = (first_half, first_half, beginnings)  # the first run loads the models
        first, half, whole = (
            _build_trial(plan, folder / name, sample)
            for name, sample in zip(dry_run_folder.TRIALS, samples, strict=True)
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


def _read_beginnings(plan: Plan) -> tuple[Beginnings, float, float]:
    """The first batches of the files, how many posts all seem to hold, and the seconds of reading.

    Of small files that one task reads, a few are read.
    """
    beginnings: Beginnings = []
    posts = seconds = 0.0
    packs = [
        (source, pack)
        for source in plan.sources
        for pack in pack_files(
            [DumpFile(path, "", *filesystem.size_and_mtime(path)) for path in source.list_files()]
        )
    ]
    min_posts = -(-_MIN_POSTS // len(packs))
    for source, pack in packs:
        began = time.perf_counter()
        found: list[tuple[str, Batch]] = []
        pack_read, pack_posts, read_bytes = 0, 0.0, 0
        pack_bytes = sum(file.size_bytes for file in pack)
        for file in random.Random(0).sample(pack, len(pack)):
            batches, read, total = _read_beginning(source, file.path, min_posts - pack_read)
            found += [(file.path, batch) for batch in batches]
            read_bytes += file.size_bytes
            pack_read += read
            pack_posts += total
            if pack_read >= min_posts and read_bytes >= _SAMPLE_SHARE * pack_bytes:
                break
        beginnings.append(found)
        pack_posts *= pack_bytes / max(1, read_bytes)
        posts += pack_posts
        seconds += (time.perf_counter() - began) * pack_posts / max(1, pack_read)
    return beginnings, posts, seconds


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


def _build_trial(plan: Plan, out: Path, beginnings: Beginnings) -> _TrialBuild:
    """Build from some batches of the files, as if the files held no more."""
    # Without a key of the plan's own, a trial makes one beside its output.
    changes = {"path": str(out), "key": str(plan.key_path) if _has_key(plan) else ""}
    output = plan.output.model_copy(update={**changes, "keep_work": True, "suppressed": ""})
    run = plan.run.model_copy(update={"runner": "serial"})
    small = replace(plan, output=output, run=run)
    key_id = keys.ensure_key(small.key_path, out)
    workspace = Workspace(small)
    workspace.work.mkdir(parents=True)
    suppressed = suppression.load(small.key_path).state
    sources = identify_sources(small)
    mark_begun(small, sources, suppressed)  # without it, the build would remove the parts
    namer = FileNamer(keys.load_key(small.key_path))
    for (number, pack), beginning in zip(ingest.list_packs(small), beginnings, strict=True):
        source = plan.sources[number]
        facts = ingest.identify_pack(source, pack, run.part_posts, key_id)
        identity = ingest.identify_parts_of(facts, suppressed)
        folder = workspace.step_folder("read", *identity)
        folder.mkdir(parents=True, exist_ok=True)
        joiner = BatchJoiner(readers.find(source.reader), source.config, run.part_posts, namer)
        parts = list(_make_parts(joiner, pack, beginning))
        for index, part in enumerate(parts, start=1):
            listed = apply_suppression_list(part, small.key_path, suppressed)
            save_part(listed, folder, index - 1, None if index == len(parts) else (0, None), 0)
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


def _make_parts(
    joiner: BatchJoiner, pack: Sequence[DumpFile], beginning: Sequence[tuple[str, Batch]]
) -> Iterator[JoinedBatch]:
    """Join batches to parts, as the build would if the files held no more."""
    for number, file in enumerate(pack):
        for batch in (batch for path, batch in beginning if path == file.path):
            if not joiner.has_space(batch):
                yield joiner.join()
            joiner.add(number, file, batch)
    last = joiner.join()
    # A file that was read to its end has a hash; the trial does not look at it.
    ends = [FileCounts(number, sha256="0" * 64) for number in range(len(pack))]
    yield replace(last, counts=[*last.counts, *ends])


def _sum_file_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def format_estimate(estimate: Estimate) -> str:
    """The estimate as lines of text."""
    return "\n".join(
        [
            f"estimated from a build of {pluralize(estimate.sampled, 'post')}:",
            f"posts    {estimate.posts:,}, of which {estimate.kept:,} are kept",
            f"time     {estimate.seconds:,.0f} s with {pluralize(estimate.workers, 'worker')}",
            f"memory   {estimate.memory_mb:,} MB",
            f"disk     {estimate.output_mb:,.1f} MB, and {estimate.work_mb:,.1f} MB in work/ until "
            "the build is done",
        ]
    )
