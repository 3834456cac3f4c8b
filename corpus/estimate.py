"""Say what a build would take, from building a hundredth of it in a temporary folder.

The beginning of every file is read into parts, as the build would, and the rest of the build is
run on those: once on half of them, which loads the models, and once on all, which tells what a
post takes. What is told is an extrapolation; docs/operations.md says how far off it was.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpus import intake, keys, pipeline, readers, sniff, status
from corpus import read as reading
from corpus.errors import BuildError
from corpus.manifest import fingerprint, save_receipt
from corpus.plan import Plan
from corpus.workspace import Workspace, sources_identity

_SHARE = 0.01
_FEWEST = 2_000
_BATCH = 500
#: What dedup keeps of each post in one process, in bytes, and its flat arrays on disk.
_DEDUP_BYTES = 63


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
class _Sample:
    """A run on some posts: what it took and left."""

    posts: int
    kept: int
    seconds: float
    output_bytes: int
    work_bytes: int
    memory_mb: int


def estimate(plan: Plan) -> Estimate:
    """Build a hundredth of ``plan`` (2,000 posts at least) beside, and scale it up."""
    plan = plan.fetched()
    plan.check_paths()
    share = _SHARE
    with tempfile.TemporaryDirectory(prefix="corpus-dry-run-") as folder:
        room = Path(folder)
        began = time.perf_counter()
        taken, posts = _beginnings(plan, share)
        reading_seconds = time.perf_counter() - began
        found = sum(len(batch.posts) for batches in taken.values() for batch in batches)
        if not found:
            raise BuildError("the beginnings of the sources hold no posts; nothing to go by")
        half = _run(plan, room / "half", {k: v[: -(-len(v) // 2)] for k, v in taken.items()})
        whole = _run(plan, room / "whole", taken)
    scale = posts / found
    workers = plan.run.workers if plan.run.runner == "processes" else 1
    # The first run loaded the models; the second did not.
    loading = max(0.0, half.seconds - whole.seconds * half.posts / max(1, whole.posts))
    work = (reading_seconds + whole.seconds) * scale / workers
    return Estimate(
        posts=round(posts),
        kept=round(whole.kept * scale),
        seconds=loading + work,
        memory_mb=whole.memory_mb * (workers + (workers > 1)) + int(posts * _DEDUP_BYTES) // 2**20,
        output_mb=whole.output_bytes * scale / 1e6,
        work_mb=whole.work_bytes * scale / 1e6,
        workers=workers,
        sampled=found,
    )


def _beginnings(plan: Plan, share: float) -> tuple[dict[tuple[int, str], list[Any]], float]:
    """The first batches of each file, and how many posts all files seem to hold."""
    taken: dict[tuple[int, str], list[Any]] = {}
    posts = 0.0
    files = [(n, path) for n, source in enumerate(plan.sources) for path in source.files()]
    least = -(-_FEWEST // len(files))
    for number, path in files:
        source = plan.sources[number]
        size = max(1, sniff.size_and_time(path)[0])
        batches: list[Any] = []
        seen, before, all_of_it = 0, 0, 0.0
        module = readers.find(source.reader)
        for batch in module.read(path, source.config, _BATCH, None):
            if batch.cursor is None:
                all_of_it = seen + len(batch.posts)
            elif before and batch.position > before:
                # Readers read ahead: only when they read on is what they had before used up.
                all_of_it = seen * size / before
            enough = seen >= least and before >= share * size
            if not enough:
                batches.append(batch)
            seen += len(batch.posts)
            before = batch.position
            if all_of_it and (enough or batch.cursor is None):
                break
        posts += all_of_it
        taken[number, path] = batches
    return taken, posts


def _run(plan: Plan, out: Path, taken: dict[tuple[int, str], list[Any]]) -> _Sample:
    """Build what was taken, as if the files held no more."""
    output = plan.output.model_copy(update={"path": str(out), "keep_work": True, "key": ""})
    run = plan.run.model_copy(update={"runner": "serial"})
    small = replace(plan, output=output, run=run)
    keys.ensure_key(small.key_path, out)
    space = Workspace(small)
    space.work.mkdir(parents=True)
    begun = {"sources": fingerprint(sources_identity(small))}
    save_receipt(space.work / "begun.json", begun, [])  # else the parts would be cleared away
    for (number, path), batches in taken.items():
        source = plan.sources[number]
        folder = space.step("read", *intake.file_identity(source, path, run.part_posts))
        folder.mkdir(parents=True, exist_ok=True)
        for index, batch in enumerate(batches):
            last = index == len(batches) - 1
            reading.save(replace(batch, cursor=None) if last else batch, folder, index)
    began = time.perf_counter()
    manifest = pipeline.build(small)
    seconds = time.perf_counter() - began
    totals = manifest["totals"]
    return _Sample(
        totals["read"] - totals["refused"],
        totals["kept"],
        seconds,
        _bytes(out) - _bytes(out / "work"),
        _bytes(out / "work"),
        max(status.memory(), manifest["run"]["peak_memory_mb"]),
    )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def told(found: Estimate) -> str:
    """An estimate in some lines."""
    return "\n".join(
        [
            f"from {found.sampled:,} posts, about:",
            f"posts    {found.posts:,}, of which {found.kept:,} stay",
            f"time     {found.seconds:,.0f} s with {found.workers} workers",
            f"memory   {found.memory_mb:,} MB",
            f"disk     {found.output_mb:,.1f} MB, and {found.work_mb:,.1f} MB in work/ until it is "
            "done",
        ]
    )
