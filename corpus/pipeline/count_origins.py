"""Count what each stage dropped, and what was kept, by source and platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from corpus.pipeline.context import BuildContext, Part, identify_parts
from corpus.pipeline.ingest import InputFiles
from corpus.pipeline.sample_tasks import group_paths
from corpus.schema import COUNTED_POSTS
from corpus.tasks.task import Arrays, ArrayTask, run_tasks

_KEPT = ""


class Origins(NamedTuple):
    """The counts of a build by source and platform, and its kept documents by language."""

    rows: list[dict[str, Any]]
    languages: Counter[str]


@dataclass(frozen=True)
class CountOrigins(ArrayTask):
    """Count the rows of some files by stage, file and platform; there are no arrays.

    The files have ledger rows, or kept posts or documents. The facts are ``counts``: stage ('' for
    a kept post), name of the file, platform, posts; and ``languages``: kept rows by language.
    """

    folder: Path
    paths: tuple[Path, ...]

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The facts."""
        counts: Counter[tuple[str, str, str]] = Counter()
        languages: Counter[str] = Counter()
        for path in self.paths:
            languages.update(_count_languages(path))
            rows = self._read(path).select(
                "stage", pl.col("source_file").fill_null(""), pl.col("id").str.extract("^([^:]*):")
            )
            for *origin, count in rows.group_by(pl.all()).len().iter_rows():
                counts[tuple(origin)] += count
        return {}, {
            "counts": [[*origin, count] for origin, count in sorted(counts.items())],
            "languages": dict(sorted(languages.items())),
        }

    def _read(self, path: Path) -> pl.DataFrame:
        schema = pl.scan_parquet(path, glob=False).collect_schema()
        columns = ["id", "source_file"]
        if "stage" in schema:
            return pl.read_parquet(path, columns=[*columns, "stage"], glob=False)
        if COUNTED_POSTS in schema:
            posts = pl.read_parquet(path, columns=[COUNTED_POSTS], glob=False)
            posts = posts.explode(COUNTED_POSTS, empty_as_null=False).unnest(COUNTED_POSTS)
            return posts.select(*columns, stage=pl.lit(_KEPT))
        return pl.read_parquet(path, columns=columns, glob=False).with_columns(stage=pl.lit(_KEPT))


def _count_languages(path: Path) -> dict[str, int]:
    """How many kept rows of a file have each language; of ledger rows none."""
    columns = pl.scan_parquet(path, glob=False).collect_schema()
    if "lang" not in columns or "stage" in columns:
        return {}
    return dict(
        pl.read_parquet(path, columns=["lang"], glob=False)["lang"]
        .drop_nulls()
        .value_counts()
        .iter_rows()
    )


def count_origins(
    context: BuildContext, parts: Sequence[Part], files: Sequence[InputFiles]
) -> Origins:
    """For each source and platform: posts kept, and dropped by stage; ``parts`` are the last ones.

    ``source`` is the source's number in the plan, from 1. Canaries have none and are not counted.
    """
    paths = [*(part.posts for part in parts), *(part.dropped for part in context.ledger_parts)]
    folder = context.workspace.step_folder("origins", identify_parts(parts), len(paths))
    tasks = [
        CountOrigins(folder / f"{number:06d}", group)
        for number, group in enumerate(group_paths(paths))
    ]
    sources = {file.name: each.source for each in files for file in each.read_task.files}
    dropped: dict[tuple[int, str], Counter[str]] = {}
    languages: Counter[str] = Counter()
    for facts in run_tasks(context.run, tasks, "counting"):
        languages.update(facts["languages"])
        for stage, file, platform, count in facts["counts"]:
            if (source := _find_source(file, sources)) is not None:
                dropped.setdefault((source, platform or ""), Counter())[stage] += count
    order = [stage.name for stage in context.plan.stages]
    rows = [
        {
            "source": source + 1,
            "reader": context.plan.sources[source].reader,
            "platform": platform,
            "kept": counts[_KEPT],
            "dropped": {name: counts[name] for name in order if counts[name]},
        }
        for (source, platform), counts in sorted(dropped.items())
    ]
    return Origins(rows, languages)


def _find_source(file: str, sources: Mapping[str, int | None]) -> int | None:
    """The source of a file, or of the archive or folder that it is a member of."""
    return next((sources[name] for name in _list_containers(file) if name in sources), None)


def _list_containers(file: str) -> Iterator[str]:
    yield file
    for at in range(len(file) - 1, 0, -1):
        if file[at] in "!/":
            yield file[:at]
