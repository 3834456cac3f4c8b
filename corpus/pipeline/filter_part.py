"""Run a chain of stages on one part, and separate the kept posts from the dropped ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from corpus import conversations, stages
from corpus.errors import BuildError, CorpusError
from corpus.partition.part_task import PartTask
from corpus.privacy import keys
from corpus.privacy.tombstones import apply_tombstones, open_tombstones
from corpus.schema import (
    COUNTED_POSTS,
    LEDGER_COLUMNS,
    LEDGER_PEOPLE,
    POST,
    TURN_COLUMNS,
    ledger_people,
)
from corpus.stage_names import get_name
from corpus.tasks.task import Written
from filters import contract
from filters.contract import Filter

#: The row of a post in its part, while there are files of what filters have written of it.
_ROW = "_row_of_part"

StageChain = tuple[tuple[str, str], ...]  # (stage address, its Config as JSON), in order


@dataclass(frozen=True)
class FilterPart(PartTask):
    """The task of running ``chain`` on the posts of one part.

    The receipt has a funnel row for each stage of the chain: ``unjudged`` counts, by language, the
    posts that it could not judge.
    """

    posts: Path
    chain: StageChain
    tombstones: Path | None = None  # the folder of the folded tombstones
    verdict_path: Path | None = None  # of the barrier that the chain begins with
    key_path: Path | str | None = None
    all_stages: StageChain = ()  # of the plan; the ledger keeps their scores
    #: What filters of the chain have written of the part already: their indices, and the files.
    judged: tuple[tuple[int, Path], ...] = ()
    keeps_turns: bool = False  # whether a later stage keeps answered posts
    dump_end: int | None = None  # of the posts' source, in microseconds, if a stage asks for it

    def write(self) -> Written:
        """Filter the posts and write the two files."""
        posts = pl.read_parquet(self.posts, glob=False)
        if self.tombstones:
            posts = apply_tombstones(posts, open_tombstones(self.tombstones))
        if self.dump_end is not None:
            end = pl.lit(self.dump_end).cast(POST["created_at"])
            posts = posts.with_columns(end.alias(contract.DUMP_END))
        kept, dropped, funnel = filter_posts(
            posts,
            self.chain,
            str(self.posts),
            self.verdict_path,
            self.key_path,
            self.all_stages,
            dict(self.judged),
            keeps_turns=self.keeps_turns,
        )
        return self.write_frames(kept.drop(contract.DUMP_END, strict=False), dropped, funnel)


def filter_posts(
    posts: pl.DataFrame,
    chain: StageChain,
    part_name: str,
    verdict_path: Path | None = None,
    key_path: Path | str | None = None,
    all_stages: StageChain = (),
    judged_files: Mapping[int, Path] = MappingProxyType({}),
    *,
    keeps_turns: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]]:
    """Run ``chain`` on ``posts``; return the kept posts, the ledger rows and the funnel rows.

    If ``chain`` begins with a barrier, its verdict is read from ``verdict_path``. ``all_stages``
    are given where ``posts`` have the scores of stages before ``chain``. ``part_name`` is for
    error messages. ``judged_files`` have what filters of the chain, by index, wrote of the same
    posts before. With ``keeps_turns`` a post is not dropped for the turn reasons of a stage: the
    stage and the reason are in :data:`~corpus.schema.TURN_COLUMNS` of the kept posts. BuildError
    if a filter fails or breaks its contract.
    """
    if judged_files:
        posts = posts.with_row_index(_ROW)
    scores = score_columns(all_stages or chain)
    turns = posts.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in TURN_COLUMNS.items()
        if name not in posts.columns
    ).select(*TURN_COLUMNS)
    posts = posts.drop(TURN_COLUMNS, strict=False)
    ledger, funnel = [pl.DataFrame(schema=LEDGER_COLUMNS)], []
    for index, (address, settings) in enumerate(chain):
        name = get_name(address)
        is_barrier, run_filter = stages.is_barrier(address), None
        if not is_barrier and index not in judged_files:
            run_filter = _build_filter(address, settings, key_path)
        began = time.perf_counter()  # loading a model is not counted
        if run_filter is not None:
            judged = _apply_filter(run_filter, posts, address, settings, part_name)
        elif is_barrier:
            assert verdict_path is not None  # a barrier is the first of its chain
            judged = posts.with_columns(pl.read_parquet(verdict_path, glob=False).get_columns())
        else:
            written = pl.read_parquet(judged_files[index], glob=False)[posts[_ROW]]
            judged = posts.with_columns(written.get_columns())
        if keeps_turns:
            judged, turns = _defer_turn_reasons(judged, turns, address)
        judged, unjudged = _take_unjudged(judged)
        is_dropped = judged["reject"].is_not_null()
        dropped = _explode_documents(judged.filter(is_dropped))
        kept = judged.filter(~is_dropped).drop("reject")
        reasons = dropped["reject"].value_counts().sort("reject")
        funnel.append(
            {
                "stage": name,
                "read": count_posts(posts),
                "kept": count_posts(kept),
                "dropped": dict(reasons.iter_rows()),
                **({"unjudged": unjudged} if unjudged else {}),
                "seconds": time.perf_counter() - began,
            }
        )
        ledger.append(_make_ledger_rows(dropped, name, scores))
        posts, turns = kept, turns.filter(~is_dropped)
    posts = posts.drop(_ROW, strict=False)
    if keeps_turns:
        posts = posts.hstack(turns)
    return posts, pl.concat(ledger, how="diagonal"), funnel


def _take_unjudged(judged: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Remove the column of posts that the filter could not judge; count them by language."""
    if contract.UNJUDGED not in judged.columns:
        return judged, {}
    named = judged.filter(pl.col(contract.UNJUDGED).is_not_null())
    counts = {
        lang: count_posts(rows)
        for (lang,), rows in named.group_by(contract.UNJUDGED, maintain_order=True)
    }
    return judged.drop(contract.UNJUDGED), dict(sorted(counts.items()))


def _defer_turn_reasons(
    judged: pl.DataFrame, turns: pl.DataFrame, address: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Move the turn reasons of a stage from ``reject`` to ``turns``; an earlier one stays there."""
    is_turn = judged["reject"].is_in(contract.turn_reasons(stages.find(address))).fill_null(False)
    is_new = is_turn & turns["_turn_stage"].is_null()
    turns = turns.with_columns(
        pl.when(is_new)
        .then(pl.lit(get_name(address)))
        .otherwise("_turn_stage")
        .alias("_turn_stage"),
        pl.when(is_new).then(judged["reject"]).otherwise("_turn_reason").alias("_turn_reason"),
    )
    reject = pl.when(~is_turn).then("reject").alias("reject")
    return judged.with_columns(reject), turns


def _build_filter(address: str, settings: str, key_path: Path | str | None) -> Filter:
    load_key = None if key_path is None else partial(keys.load_key, key_path)
    try:
        return stages.build_filter(address, settings, load_key)
    except Exception as error:
        raise BuildError(f"stage '{get_name(address)}' could not be set up: {error}") from error


def _apply_filter(
    run_filter: Filter, posts: pl.DataFrame, address: str, settings: str, part_name: str
) -> pl.DataFrame:
    """Run one filter and check that it keeps its contract."""
    part = f"{Path(part_name).parent.name}/{Path(part_name).name}"
    first = posts["id"][0] if posts.height else "none"
    where = f"stage '{get_name(address)}', part {part}, first id {first}"
    try:
        judged = run_filter(posts)
    except CorpusError:
        raise
    except Exception as error:
        # The type only, and no chain: a library's message may quote the post.
        line = stages.locate(address, error)
        raise BuildError(f"{where}: {type(error).__name__} in the filter{line}") from None
    if not isinstance(judged, pl.DataFrame):
        raise BuildError(f"{where}: the filter returned {type(judged).__name__}, not a frame")
    if judged.height != posts.height or not judged["id"].equals(posts["id"]):
        raise BuildError(f"{where}: the filter changed the rows; it may only add columns")
    if judged.schema.get("reject") != pl.String:
        raise BuildError(f"{where}: the filter wrote no 'reject' column of text")
    for column, dtype in _written_columns(address, settings).items():
        if judged.schema.get(column) != dtype:
            found = judged.schema.get(column)
            raise BuildError(f"{where}: column '{column}' should be {dtype}, found {found}")
    return judged


@lru_cache(maxsize=64)
def _written_columns(address: str, settings: str) -> Mapping[str, pl.DataType]:
    module = stages.find(address)
    return contract.writes(module, module.Config.model_validate_json(settings))


@lru_cache(maxsize=16)
def score_columns(all_stages: StageChain) -> tuple[str, ...]:
    """The columns that the stages write and the ledger keeps."""
    written = dict.fromkeys(column for stage in all_stages for column in _written_columns(*stage))
    return tuple(
        column
        for column in written
        if column not in ("text", *LEDGER_COLUMNS, *conversations.DOCUMENT_COLUMNS)
    )


def count_posts(posts: pl.DataFrame) -> int:
    """How many posts the rows stand for; after ``conversations`` a row is a document."""
    if COUNTED_POSTS in posts.columns:
        return int(posts[COUNTED_POSTS].list.len().sum())
    return posts.height


def _explode_documents(dropped: pl.DataFrame) -> pl.DataFrame:
    """One row for each dropped post: a dropped document drops all of its posts."""
    if COUNTED_POSTS not in dropped.columns:
        return dropped
    posts = dropped.drop("id", "source_file", "source_row")
    return posts.explode(COUNTED_POSTS, empty_as_null=False).unnest(COUNTED_POSTS)


def _make_ledger_rows(dropped: pl.DataFrame, stage: str, scores: tuple[str, ...]) -> pl.DataFrame:
    """The ledger rows of dropped posts: never text, or any other content.

    The people of a row are encrypted before anything is published.
    """
    is_of_document = "_author" in dropped.columns
    return dropped.select(
        "id",
        pl.lit(stage).alias("stage"),
        pl.col("reject").alias("reason"),
        "source_file",
        "source_row",
        *(LEDGER_PEOPLE if is_of_document else ledger_people(dropped)),
        *(column for column in scores if column in dropped.columns),
    )
