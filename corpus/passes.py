"""What lies behind a barrier: decide over all parts, then judge each again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from corpus import barrier
from corpus import read as reading
from corpus.judge import JudgePart
from corpus.manifest import load_receipt, save_receipt
from corpus.plan import Stage
from corpus.story import Part, Story, chain


def behind(story: Story, parts: Sequence[Part], segment: Sequence[Stage]) -> list[Part]:
    """Do the barrier that ``segment`` begins with, and the filters that follow it."""
    verdicts = _verdicts(story, parts, segment[0])
    return _judge(story, parts, segment, verdicts)


def _judge(
    story: Story, parts: Sequence[Part], segment: Sequence[Stage], verdicts: Sequence[Path | None]
) -> list[Part]:
    """Apply a barrier's verdicts, if it gave any, and run the filters behind it."""
    filters, marks = chain(segment), [stage.fingerprint for stage in segment]
    folder = story.space.step("judged", [part.identity for part in parts], marks)
    todo = [
        JudgePart(part.posts, folder, index, filters, None, verdict)
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
        for _ in story.run(todo, f"comparing ({stage.name})"):
            pass
        began = time.perf_counter()
        verdicts = barrier.find(stage.name).decide(
            [task.folder for task in todo], [part.posts for part in parts], stage.config
        )
        barrier.save_verdicts(verdicts, targets)
        measured = [load_receipt(task.receipt) or {} for task in todo]
        seconds = time.perf_counter() - began + sum(row.get("seconds", 0) for row in measured)
        done = save_receipt(receipt, {"seconds": seconds}, targets)
    story.tally(
        {"stage": stage.name, "read": 0, "kept": 0, "dropped": {}, "seconds": done["seconds"]}
    )
    return targets
