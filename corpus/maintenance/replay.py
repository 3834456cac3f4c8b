"""Judge the posts of a finished corpus again by the scores that it stores of them.

A filter's own ``verdict`` is asked, once as the corpus was built, which must give what the ledger
says, and once with other settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import ValidationError

from corpus import stages
from corpus.errors import ManifestError, PlanError, did_you_mean
from corpus.manifest import load_manifest
from corpus.tasks.files import file_sha256
from filters import contract
from filters.contract import FilterConfig, FilterModule

Settings = dict[str, Any]

PASSED = ""  #: What a verdict of "stays" is called here: a null is "cannot be told".
ROW_KEY = ("id", "source_file", "source_row")


@dataclass(frozen=True)
class BuiltStage:
    """A stage of the corpus, as its plan has it."""

    name: str
    position: int
    config: FilterConfig

    @property
    def module(self) -> FilterModule:
        """The stage's module."""
        return stages.find(self.name)

    @property
    def score_columns(self) -> list[str]:
        """The columns that it stores."""
        return [name for name in contract.writes(self.module, self.config) if name != "text"]

    def with_settings(
        self, settings: Mapping[str, Any], model_hashes: Mapping[str, str]
    ) -> FilterConfig:
        """Its Config with other ``settings``; PlanError if they are none.

        ``models`` are the hashes of what the stage was built with.
        """
        try:
            config = type(self.config).model_validate({**self.config.model_dump(), **settings})
            resolved = contract.resolved(self.module, config)
            if resolved != config and model_hashes != self._hash_models():
                raise PlanError(f"{self.name}: its model is not that of the build; build again")
            return resolved
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(piece) for piece in first["loc"]) or "settings"
            message = first["msg"].removeprefix("Value error, ")
            raise PlanError(f"{self.name}.{place}: {message}") from None
        except OSError as error:
            raise PlanError(
                f"{self.name}: '{error.filename}' is not here, and what it says of thresholds is "
                "needed; run this where the plan was run"
            ) from None
        except ValueError as error:
            raise PlanError(str(error)) from None

    def _hash_models(self) -> dict[str, str]:
        files = contract.models(self.module, self.config)
        return {file.name: file_sha256(file) for file in files}


class BuiltCorpus:
    """A finished corpus, as far as its verdicts go."""

    def __init__(self, out: str | Path) -> None:
        self.path = Path(out)
        self.manifest = load_manifest(self.path)
        self.stages = _load_stages(self.path)
        found = [stage for stage in self.stages if stages.reshapes(stage.name)]
        self.reshaping_stage = found[0] if found else None

    @property
    def taken_down_posts(self) -> int:
        """How many posts have left after the build, and with them their scores."""
        last = self.manifest["funnel"][-1]
        return int(last["dropped"]["takedown"]) if last["stage"] == "takedown" else 0

    def with_settings(self, stage: BuiltStage, settings: Settings) -> FilterConfig:
        """A stage's Config with other ``settings``; PlanError if they are none."""
        return stage.with_settings(settings, self.manifest.get("models", {}).get(stage.name, {}))

    def find_stage(self, name: str) -> BuiltStage:
        """The stage ``name``; PlanError if it is not there or cannot be judged again."""
        known = {stage.name: stage for stage in self.stages}
        able = [
            each for each, stage in known.items() if contract.movable(stage.module, stage.config)
        ]
        if name not in known:
            raise PlanError(f"no stage '{name}' in '{self.path}'{did_you_mean(name, known)}")
        told = f"those that do: {', '.join(able)}" if able else "no stage of this corpus does"
        if name not in able:
            raise PlanError(f"'{name}' does not decide by stored scores alone; {told}")
        return known[name]

    def scan_posts(self, columns: Sequence[str]) -> pl.LazyFrame:
        """A row a post that a stage of the plan dropped, and a row a document that stays.

        ``_at``, ``_was`` and ``_why``: where it ended, by number and name, and the reason; all of
        the plan's stages, null and null for what stays. ``_posts``: how many posts the row stands
        for. Then ``columns``, and the ``text`` of what stays.
        """
        shards = [self.path / shard["path"] for shard in self.manifest["shards"]]
        kept = pl.scan_parquet(shards, glob=False)
        count = (
            pl.col("post_ids").list.len().cast(pl.Int64)
            if self._counts_document_posts
            else pl.lit(1)
        )
        frames = [
            kept.select(
                *ROW_KEY,
                pl.lit(len(self.stages), pl.Int64).alias("_at"),
                pl.lit(None, pl.String).alias("_was"),
                pl.lit(None, pl.String).alias("_why"),
                count.cast(pl.Int64).alias("_posts"),
                *columns,
                "text",
            )
        ]
        for stage in self.stages:
            if not (ledger := sorted((self.path / "dropped").glob(f"{stage.name}-*.parquet"))):
                continue
            frames.append(
                pl.scan_parquet(ledger, glob=False).select(
                    *ROW_KEY,
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
        # In pairs a post may stand in two documents and be at home in one: nobody knows in which.
        return (
            self.reshaping_stage is not None
            and getattr(self.reshaping_stage.config, "mode", "") != "pair"
        )

    def is_rescored(self, stage: BuiltStage) -> bool:
        """Whether what stays has other scores than those that the stage has judged by."""
        whole = self.reshaping_stage
        return (
            whole is not None
            and stage.position < whole.position
            and getattr(whole.config, "mode", "") != "posts"
        )


def _load_stages(out: Path) -> list[BuiltStage]:
    try:
        plan = yaml.safe_load((out / "plan.yaml").read_text(encoding="utf-8"))
        listed = [next(iter(entry.items())) for entry in plan["stages"]]
        return [
            BuiltStage(name, at, stages.find(name).Config.model_validate(settings))
            for at, (name, settings) in enumerate(listed)
        ]
    except (OSError, yaml.YAMLError, ValidationError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"'{out / 'plan.yaml'}' is missing or of another version ({type(error).__name__}); "
            "use the version that built the corpus"
        ) from None


def required_columns(corpus: BuiltCorpus, replayed: Sequence[BuiltStage]) -> list[str]:
    """The columns that the verdicts of ``wanted`` need; ManifestError if one is not there."""
    scores = dict.fromkeys(column for stage in replayed for column in stage.score_columns)
    shards = [corpus.path / shard["path"] for shard in corpus.manifest["shards"]]
    there = pl.scan_parquet(shards, glob=False).collect_schema().names()
    for stage in replayed:
        if missing := sorted({*stage.score_columns, *_verdict_columns(stage)} - set(there)):
            raise ManifestError(
                f"'{corpus.path}' has no column '{missing[0]}', by which '{stage.name}' decides; "
                "it was built by another version: build again"
            )
    more = [name for name in ("cluster_size",) if name in there and name not in scores]
    return [*scores, *more]


def _verdict_columns(stage: BuiltStage) -> set[str]:
    return set(_verdict_expression(stage, stage.config).meta.root_names())


# --------------------------------------------------------------------------- judging again


def replay_verdicts(
    posts: pl.LazyFrame, stage: BuiltStage, config: FilterConfig, result_column: str
) -> pl.LazyFrame:
    """``posts`` with the column ``name``: the reason under ``config``, or that it passes, or null
    where the stored scores do not tell.

    They do not where they would not have given what the ledger says.
    """
    here = pl.col("_at") == stage.position
    was = pl.when(here).then(pl.col("_why")).otherwise(pl.lit(PASSED))
    before, after = (_verdict_expression(stage, each) for each in (stage.config, config))
    scored = pl.any_horizontal(pl.col(column).is_not_null() for column in stage.score_columns)
    return posts.with_columns(pl.when(scored & (before == was)).then(after).alias(result_column))


def _verdict_expression(stage: BuiltStage, config: FilterConfig) -> pl.Expr:
    found = contract.verdict(stage.module, config)
    assert found is not None  # MOVABLE promises it
    return found.fill_null(PASSED)
