"""Remove from the parts what repeats removed posts, once all files are read.

Posts are removed by the suppression list where they are read, and withdrawn by tombstones. What
repeats them, as a repost by text, a quotation or an id, may be in another file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from corpus.pipeline.context import BuildContext
from corpus.privacy import keys, removed_posts, suppression
from corpus.privacy.tombstones import apply_tombstones, fold_tombstones, open_tombstones
from corpus.tasks.files import atomic_write
from corpus.tasks.task import ResumableTask, Written, run_tasks

_LABEL = "finding repeats"
#: By which a post is withdrawn, and a repost of its text is found.
_DESCRIBED_COLUMNS = (
    "id",
    "platform",
    "kind",
    "author",
    "author_name",
    "parent_id",
    "original_author",
    "text",
    "consent",
    "withdrawn",
    "seen_at",
)


@dataclass(frozen=True)
class ReadPart:
    """A part as it was read."""

    posts: Path
    repeating: int  # posts that repeat another author's text without naming the post


def remove_repeats(
    context: BuildContext, parts: Sequence[ReadPart], tombstones: Path | None
) -> str:
    """Write the parts that change anew, and record in ``context`` where they are.

    ``tombstones`` is the folder of the folded tombstones. Returns what the new parts depend on, or
    "" if nothing can change.
    """
    is_listed = context.suppressed.entries > 0
    tables = [tombstones] if tombstones and is_listed else []
    if tombstones and any(part.repeating for part in parts):
        tables += _describe_withdrawn_posts(context, parts, tombstones)
    if not tables and not is_listed:
        return ""
    identity = (
        [str(part.posts.relative_to(context.workspace.work)) for part in parts],
        [table.name for table in tables],
        context.suppressed.digest,
        context.key_id,
    )
    folder = context.workspace.step_folder("repeats", *identity)
    tasks = [
        RemoveRepeats(
            part.posts,
            folder / f"{index:06d}.parquet",
            tuple(tables),
            context.plan.key_path,
            context.suppressed,
        )
        for index, part in enumerate(parts)
    ]
    for part, task, facts in zip(parts, tasks, run_tasks(context.run, tasks, _LABEL), strict=True):
        if facts["is_changed"]:
            context.rewritten_parts[part.posts] = task.target
            context.removed_repeats.update(facts["removed"])
    return folder.name if context.rewritten_parts else ""


def _describe_withdrawn_posts(
    context: BuildContext, parts: Sequence[ReadPart], tombstones: Path
) -> list[Path]:
    """Fold what identifies the texts of withdrawn posts; the folder, or none if there are none."""
    names = [str(part.posts.relative_to(context.workspace.work)) for part in parts]
    folder = context.workspace.step_folder("withdrawn", names, tombstones.name, context.key_id)
    tasks = [
        DescribeWithdrawnPosts(
            part.posts, folder / f"{index:06d}.parquet", tombstones, context.plan.key_path
        )
        for index, part in enumerate(parts)
    ]
    counts = [facts["rows"] for facts in run_tasks(context.run, tasks, _LABEL)]
    if not any(counts):
        return []
    files = [task.target for task in tasks]
    fold_tombstones(folder / "folded", files, sum(counts), context.run)
    return [folder / "folded"]


@dataclass(frozen=True)
class DescribeWithdrawnPosts(ResumableTask):
    """The task of writing what identifies the texts of the withdrawn posts of one part."""

    posts: Path
    target: Path
    tombstones: Path
    key_path: Path | str

    @property
    def receipt(self) -> Path:
        """The receipt, next to the target."""
        return self.target.with_suffix(".json")

    def write(self) -> Written:
        """Write the rows; the fact is their number."""
        posts = pl.read_parquet(self.posts, columns=list(_DESCRIBED_COLUMNS), glob=False)
        posts = apply_tombstones(posts, open_tombstones(self.tombstones))
        rows = removed_posts.describe_withdrawn(posts, keys.load_key(self.key_path))
        with atomic_write(self.target) as temporary:
            rows.write_parquet(temporary)
        return Written([self.target], {"rows": rows.height})


@dataclass(frozen=True)
class RemoveRepeats(ResumableTask):
    """The task of writing one part without what repeats removed posts, if there is any."""

    posts: Path
    target: Path
    tables: tuple[Path, ...]
    key_path: Path | str
    suppressed: suppression.State

    @property
    def receipt(self) -> Path:
        """The receipt, next to the target."""
        return self.target.with_suffix(".json")

    def write(self) -> Written:
        """Write the posts if they change; the facts are whether, and how many were removed."""
        before = pl.read_parquet(self.posts, glob=False)
        listed = suppression.load_state(self.key_path, self.suppressed)
        tables = [open_tombstones(table) for table in self.tables]
        after = removed_posts.RepeatRemover(tables, listed)(before)
        is_changed = not after.equals(before)
        if is_changed:
            with atomic_write(self.target) as temporary:
                after.write_parquet(temporary, compression="zstd", compression_level=1)
        removed = Counter(before["source_file"].to_list())
        removed.subtract(after["source_file"].to_list())
        facts = {"is_changed": is_changed, "removed": dict(+removed)}
        return Written([self.target] if is_changed else [], facts)
