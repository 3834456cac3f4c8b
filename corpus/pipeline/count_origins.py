"""Count what each stage dropped, and what was kept, by source and platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus.pipeline.context import BuildContext, Part, identify_parts
from corpus.pipeline.ingest import InputFiles
from corpus.pipeline.sample_tasks import group_paths
from corpus.privacy.file_names import find_container
from corpus.schema import COUNTED_POSTS
from corpus.storage.parquet_columns import read_present_columns
from corpus.tasks.task import ResumableTask, Written, run_tasks

_KEPT = ""
_COLUMNS = ("id", "source_file", "stage", COUNTED_POSTS)


@dataclass(frozen=True)
class CountOrigins(ResumableTask):
    """Count the rows of some files by stage, file and platform; it writes only the receipt.

    The files have ledger rows, or kept posts or documents. The facts are ``counts``: stage ('' for
    a kept post), name of the file, platform, posts.
    """

    receipt: Path
    paths: tuple[Path, ...]

    def write(self) -> Written:
        """Count the rows."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for path in self.paths:
            rows = read_present_columns(path, _COLUMNS)
            if "stage" not in rows.columns:
                if COUNTED_POSTS in rows.columns:
                    posts = rows.select(COUNTED_POSTS)
                    rows = posts.explode(COUNTED_POSTS, empty_as_null=False).unnest(COUNTED_POSTS)
                rows = rows.with_columns(stage=pl.lit(_KEPT))
            rows = rows.select(
                "stage", pl.col("source_file").fill_null(""), pl.col("id").str.extract("^([^:]*):")
            )
            for *origin, count in rows.group_by(pl.all()).len().iter_rows():
                counts[tuple(origin)] += count
        facts = {
            "counts": [[*origin, count] for origin, count in sorted(counts.items())],
        }
        return Written([], facts)


def count_origins(
    context: BuildContext, parts: Sequence[Part], files: Sequence[InputFiles]
) -> list[dict[str, Any]]:
    """For each source and platform: posts kept, and dropped by stage; ``parts`` are the last ones.

    ``source`` is the source's number in the plan, from 1. Canaries have none and are not counted.
    """
    paths = [*(part.posts for part in parts), *(part.dropped for part in context.ledger_parts)]
    folder = context.workspace.step_folder("origins", identify_parts(parts), len(paths))
    tasks = [
        CountOrigins(folder / f"{number:06d}.json", group)
        for number, group in enumerate(group_paths(paths))
    ]
    sources = {file.name: each.source for each in files for file in each.read_task.files}
    dropped: dict[tuple[int, str], Counter[str]] = {}
    for facts in run_tasks(context.run, tasks, "counting"):
        for stage, file, platform, count in facts["counts"]:
            name = find_container(file, sources)
            if name is not None and (source := sources[name]) is not None:
                dropped.setdefault((source, platform or ""), Counter())[stage] += count
    order = [stage.name for stage in context.plan.stages]
    return [
        {
            "source": source + 1,
            "reader": context.plan.sources[source].reader,
            "platform": platform,
            "kept": counts[_KEPT],
            "dropped": {name: counts[name] for name in order if counts[name]},
        }
        for (source, platform), counts in sorted(dropped.items())
    ]
