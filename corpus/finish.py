"""Write what the stages kept: shards, and the ledger of what they dropped."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import conversations
from corpus import write as writing
from corpus.manifest import load_receipt
from corpus.story import Part, Story
from corpus.write import Piece


def write_shards(story: Story, parts: Sequence[Part], key_id: str) -> list[dict[str, Any]]:
    """Write the shards that are not there yet; return their receipts."""
    output = story.plan.output
    cut = (output.shard_mb, output.row_group_mb, key_id, list(story.plan.scores()))
    done = story.space.step("shards", [part.identity for part in parts], cut)
    tasks = writing.cut_shards(
        [Piece(part.posts, part.rows, part.text_bytes) for part in parts],
        story.space.shards,
        done,
        shard_bytes=max(1, int(output.shard_mb * 1e6)),
        row_group_bytes=max(1, int(output.row_group_mb * 1e6)),
        scores=tuple(story.plan.scores()),
        key=story.plan.key_path,
    )
    for other in done.parent.iterdir() if done.parent.is_dir() else ():
        if other != done:  # its receipts speak of shards that are replaced from here on
            shutil.rmtree(other)
    valid = {task.target for task in tasks if load_receipt(task.receipt) is not None}
    for leftover in set(story.space.shards.iterdir()) - valid:
        leftover.unlink()  # of an earlier plan, or cut off while being written
    for _ in story.run(tasks, "writing"):
        pass
    written = [load_receipt(task.receipt) for task in tasks]
    return [row for row in written if row is not None]


def write_ledger(story: Story, refused: Sequence[Path]) -> None:
    """Write a row for each record that was refused and each post that was dropped."""
    scores = {
        name: dtype
        for name, dtype in story.plan.scores().items()
        if name not in conversations.WRITES  # of documents; a ledger row is a post
    }
    wanted = writing.write_ledger("read", refused, story.space.dropped, scores)
    for stage in story.plan.stages:
        dropping = [part.dropped for part in story.ledgers if stage.name in part.dropping]
        wanted += writing.write_ledger(stage.name, dropping, story.space.dropped, scores)
    for leftover in set(story.space.dropped.iterdir()) - set(wanted):
        leftover.unlink()
