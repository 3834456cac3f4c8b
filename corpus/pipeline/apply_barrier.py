"""What lies behind a barrier: decide over all parts, then judge each again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from corpus import barrier, stages
from corpus.conversations import reply_links, tasks
from corpus.gathered import Gathered
from corpus.pipeline import read_file as reading
from corpus.pipeline.context import Part, Story, chain
from corpus.pipeline.filter_part import JudgePart
from corpus.plan.model import Stage
from corpus.tasks.receipts import load_receipt, save_receipt


def behind(story: Story, parts: Sequence[Part], segment: Sequence[Stage]) -> list[Part]:
    """Do the barrier that ``segment`` begins with, and the filters that follow it."""
    first, *rest = segment
    if first.name not in stages.RESHAPING:
        return _judge(story, parts, segment, _verdicts(story, parts, first))
    made = _converse(story, parts, first)
    return _judge(story, made, rest, [None] * len(made)) if rest else made


def _judge(
    story: Story, parts: Sequence[Part], segment: Sequence[Stage], verdicts: Sequence[Path | None]
) -> list[Part]:
    """Apply a barrier's verdicts, if it gave any, and run the filters behind it."""
    filters, marks, plan = chain(segment), story.marks(segment), chain(story.plan.stages)
    folder = story.space.step("judged", [part.identity for part in parts], marks)
    todo = [
        JudgePart(part.posts, folder, index, filters, None, verdict, story.plan.key_path, plan)
        for index, (part, verdict) in enumerate(zip(parts, verdicts, strict=True))
    ]
    judged = {task.index: story.judged(task) for task in story.run(todo, "finishing")}
    left = [judged[task.index] for task in todo]
    story.ledgers += left
    return left


def _verdicts(story: Story, parts: Sequence[Part], stage: Stage) -> list[Path]:
    """Measure all parts, decide over all, and write each part's verdict."""
    config = reading.settings_json(stage.config)
    root = story.space.step(stage.name, [part.identity for part in parts], stage.fingerprint)
    todo = [
        barrier.MeasurePart(stage.name, part.posts, root / f"{index:06d}", config)
        for index, part in enumerate(parts)
    ]
    targets = [root / f"{index:06d}.verdict.parquet" for index in range(len(parts))]
    receipt = root / "verdicts.json"
    if (done := load_receipt(receipt)) is None:
        for _ in story.run(todo, f"measuring ({stage.name})"):
            pass
        began = time.perf_counter()
        gathered = Gathered(
            [task.folder for task in todo],
            [part.posts for part in parts],
            root,
            story.plan.key_path,
            story.run,
            targets,
        )
        for _ in barrier.find(stage.name).decide(gathered, stage.config):
            pass
        measured = [load_receipt(task.receipt) or {} for task in todo]
        seconds = time.perf_counter() - began + sum(row.get("seconds", 0) for row in measured)
        told = [path for path in (root / "facts.json",) if path.exists()]
        done = save_receipt(receipt, {"seconds": seconds}, [*targets, *told])
    if (facts := root / "facts.json").exists():
        found = json.loads(facts.read_text(encoding="utf-8"))
        story.facts[stage.name] = story.plan.naming.open().facts(found)
    story.measured[stage.name] = [(task.posts, task.folder) for task in todo]
    story.tally(
        {"stage": stage.name, "read": 0, "kept": 0, "dropped": {}, "seconds": done["seconds"]}
    )
    return targets


def _converse(story: Story, parts: Sequence[Part], stage: Stage) -> list[Part]:
    """Link all posts into threads, shuffle the posts by thread, and make documents of them."""
    identity = [part.identity for part in parts]
    root = story.space.step("threads", identity)  # the same whatever documents are made of them
    linking = [
        tasks.LinkPart(part.posts, root / f"{index:06d}") for index, part in enumerate(parts)
    ]
    for _ in story.run(linking, "linking"):
        pass
    reply_links.link(
        root / "all", [task.folder for task in linking], [part.rows for part in parts], story.run
    )
    count = tasks.buckets(sum(part.text_bytes for part in parts))
    scattering = [
        tasks.ScatterPart(
            part.posts, root / "scattered" / f"{index:06d}.parquet", root / "all", index, count
        )
        for index, part in enumerate(parts)
    ]
    for _ in story.run(scattering, "shuffling"):
        pass
    folder = story.space.step("documents", identity, stage.fingerprint)
    config = reading.settings_json(stage.config)
    todo = [
        tasks.ConverseBucket(root / "scattered", len(parts), folder, index, stage.name, config)
        for index in range(count)
    ]
    made = {task.index: story.judged(task) for task in story.run(todo, "conversing")}
    left = [made[task.index] for task in todo]
    story.ledgers += left
    return left
