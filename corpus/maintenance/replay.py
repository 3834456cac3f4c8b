"""Decide again about the posts of a finished corpus, from the scores that it stores.

A filter's ``verdict`` is evaluated twice: with the settings of the build, where the result must be
that of the ledger, and with other settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from corpus import stages
from corpus.errors import ManifestError, PlanError, did_you_mean
from corpus.journal import CorpusFiles
from corpus.manifest import load_manifest
from corpus.plan.built_plan import PLAN_NAME, load_built_plan
from corpus.schema import LEDGER_COLUMNS, LEDGER_KEY
from corpus.storage.parquet_columns import read_schema
from corpus.storage.unfinished_takedown import recover
from corpus.tasks.files import file_sha256
from filters import contract
from filters.contract import FilterConfig, FilterModule

Settings = dict[str, Any]

#: The verdict on a post that a stage keeps. Null means that the stored scores do not decide.
PASSED = ""


@dataclass(frozen=True)
class BuiltStage:
    """A stage of a finished corpus, with the settings of its plan."""

    name: str
    position: int
    config: FilterConfig
    address: str  # what finds its module

    @property
    def module(self) -> FilterModule:
        """The module of the stage."""
        return stages.find(self.address)

    @property
    def score_columns(self) -> list[str]:
        """The columns that the stage writes."""
        return [name for name in contract.writes(self.module, self.config) if name != "text"]

    def with_settings(
        self, settings: Mapping[str, Any], model_hashes: Mapping[str, str]
    ) -> FilterConfig:
        """Return the Config with other ``settings``; PlanError if they are not valid.

        ``model_hashes`` are the hashes of the models that the build used.
        """
        try:
            config = type(self.config).model_validate({**self.config.model_dump(), **settings})
            resolved = contract.resolved(self.module, config)
            if resolved != config and model_hashes != self._hash_models():
                raise PlanError(f"{self.name}: its model is not that of the build; build again")
            return resolved
        except ValidationError as error:
            first = error.errors()[0]
            setting = ".".join(str(piece) for piece in first["loc"]) or "settings"
            message = first["msg"].removeprefix("Value error, ")
            raise PlanError(f"{self.name}.{setting}: {message}") from None
        except OSError as error:
            raise PlanError(
                f"{self.name}: '{error.filename}' is missing, and its thresholds are needed; run "
                "this where the corpus was built, with the plan beside the key"
            ) from None
        except ValueError as error:
            raise PlanError(str(error)) from None

    def _hash_models(self) -> dict[str, str]:
        files = contract.models(self.module, self.config)
        return {file.name: file_sha256(file) for file in files}


class BuiltCorpus:
    """A finished corpus with its stages and their verdicts."""

    def __init__(self, out: str | Path) -> None:
        self.path = Path(out)
        recover(self.path)
        self.files = CorpusFiles(self.path)
        self.manifest = load_manifest(self.path)
        self.stages = _load_stages(self.path)
        reshaping = [stage for stage in self.stages if stages.reshapes(stage.address)]
        self.reshaping_stage = reshaping[0] if reshaping else None

    @property
    def taken_down_posts(self) -> int:
        """How many posts takedowns have removed, and with them their scores."""
        last = self.manifest["funnel"][-1]
        return int(last["dropped"]["takedown"]) if last["stage"] == "takedown" else 0

    def with_settings(self, stage: BuiltStage, settings: Settings) -> FilterConfig:
        """Return a stage's Config with other ``settings``; PlanError if they are not valid."""
        return stage.with_settings(settings, self.manifest.get("models", {}).get(stage.name, {}))

    def find_stage(self, name: str) -> BuiltStage:
        """Return a stage by name; PlanError if it does not exist or cannot be replayed."""
        known = {stage.name: stage for stage in self.stages}
        replayable = [
            each for each, stage in known.items() if contract.movable(stage.module, stage.config)
        ]
        if name not in known:
            raise PlanError(f"no stage '{name}' in '{self.path}'{did_you_mean(name, known)}")
        if name not in replayable:
            others = f"those that do: {', '.join(replayable)}"
            others = others if replayable else "no stage of this corpus does"
            raise PlanError(f"'{name}' does not decide by stored scores alone; {others}")
        return known[name]

    def scan_posts(self, columns: Sequence[str]) -> pl.LazyFrame:
        """Scan one row for each dropped post and one for each kept document.

        ``_at``, ``_was`` and ``_why`` are position and name of the stage that dropped the post, and
        the reason; of a kept document, the number of stages, null and null. ``_posts`` is the
        number of posts in the row. ``columns`` follow, and ``text``, which dropped posts lack.
        """
        shards = [self.files.path(shard["path"]) for shard in self.manifest["shards"]]
        kept = pl.scan_parquet(shards, glob=False)
        stored = kept.collect_schema().names()
        keys = [
            pl.col(name) if name in stored else pl.lit(None, LEDGER_COLUMNS[name]).alias(name)
            for name in LEDGER_KEY  # a plan may leave source_file and source_row out
        ]
        count = (
            pl.col("post_ids").list.len().cast(pl.Int64)
            if self._counts_document_posts
            else pl.lit(1)
        )
        frames = [
            kept.select(
                *keys,
                pl.lit(len(self.stages), pl.Int64).alias("_at"),
                pl.lit(None, pl.String).alias("_was"),
                pl.lit(None, pl.String).alias("_why"),
                count.cast(pl.Int64).alias("_posts"),
                *columns,
                "text",
            )
        ]
        for stage in self.stages:
            if not (ledger := self.files.ledger(stage.name)):
                continue
            frames.append(
                pl.scan_parquet(ledger, glob=False).select(
                    *LEDGER_KEY,
                    pl.lit(stage.position, pl.Int64).alias("_at"),
                    pl.col("stage").alias("_was"),
                    pl.col("reason").alias("_why"),
                    pl.lit(1, pl.Int64).alias("_posts"),
                    *columns,
                    pl.lit(None, pl.String).alias("text"),
                )
            )
        return pl.concat(frames)

    @property
    def _counts_document_posts(self) -> bool:
        # With pairs a post may be in two documents but is counted in one, which is not recorded.
        return (
            self.reshaping_stage is not None
            and getattr(self.reshaping_stage.config, "mode", "") != "pair"
        )

    def is_rescored(self, stage: BuiltStage) -> bool:
        """Return whether kept documents have other scores than those the stage decided by."""
        reshaping = self.reshaping_stage
        return (
            reshaping is not None
            and stage.position < reshaping.position
            and getattr(reshaping.config, "mode", "") != "posts"
        )


def _load_stages(out: Path) -> list[BuiltStage]:
    plan = load_built_plan(out)
    plan.use_code()
    try:
        return [
            BuiltStage(
                entry.name,
                position,
                stages.find(entry.address).Config.model_validate(entry.settings),
                entry.address,
            )
            for position, entry in enumerate(plan.entries)
        ]
    except (ValidationError, KeyError) as error:
        raise ManifestError(
            f"'{out / PLAN_NAME}' is of another version ({type(error).__name__}); "
            "use the version that built the corpus"
        ) from None


def required_columns(corpus: BuiltCorpus, replayed: Sequence[BuiltStage]) -> list[str]:
    """Return the columns that the verdicts of stages need; ManifestError if one is missing."""
    scores = dict.fromkeys(column for stage in replayed for column in stage.score_columns)
    shards = [corpus.files.path(shard["path"]) for shard in corpus.manifest["shards"]]
    stored = read_schema(shards).names()
    for stage in replayed:
        if missing := sorted({*stage.score_columns, *_verdict_columns(stage)} - set(stored)):
            raise ManifestError(
                f"'{corpus.path}' has no column '{missing[0]}', by which '{stage.name}' decides; "
                "its plan omits it (output: columns), or another version built it: build again"
            )
    others = [name for name in ("cluster_size",) if name in stored and name not in scores]
    return [*scores, *others]


def _verdict_columns(stage: BuiltStage) -> set[str]:
    return set(_verdict_expression(stage, stage.config).meta.root_names())


def replay_verdicts(
    corpus: BuiltCorpus,
    posts: pl.LazyFrame,
    stage: BuiltStage,
    config: FilterConfig,
    result_column: str,
) -> pl.LazyFrame:
    """Add a column with the verdict under ``config``: a reason, or :data:`PASSED`, or null.

    It is null where the stored scores do not reproduce the verdict of the build.
    """
    dropped_here = pl.col("_at") == stage.position
    built = pl.when(dropped_here).then(pl.col("_why")).otherwise(pl.lit(PASSED))
    before = _verdict_expression(stage, stage.config)
    decided = pl.col("_at") >= stage.position
    after = contract.decide_again(
        stage.module, posts.filter(decided), config, is_complete=not corpus.is_rescored(stage)
    )
    if after is None:
        after = _verdict_expression(stage, config)
    scored = pl.any_horizontal(pl.col(column).is_not_null() for column in stage.score_columns)
    if contract.languages(stage.module, stage.config) or contract.decides_again(stage.module):
        # Of the posts that it has read, those in other languages or with no key have no scores.
        scored |= decided
    return posts.with_columns(pl.when(scored & (before == built)).then(after).alias(result_column))


def _verdict_expression(stage: BuiltStage, config: FilterConfig) -> pl.Expr:
    verdict = contract.verdict(stage.module, config)
    assert verdict is not None  # a filter with MOVABLE has one
    return verdict.fill_null(PASSED)
