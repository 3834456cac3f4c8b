"""Run a chain of filters on one part and split the kept from the dropped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import polars as pl

from corpus import conversations, stages
from corpus.errors import BuildError, CorpusError
from corpus.privacy import keys
from corpus.privacy import tombstones as withdrawals
from corpus.schema import COUNTED_POSTS, LEDGER_COLUMNS
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt
from filters import contract
from filters.contract import Filter

StageChain = tuple[tuple[str, str], ...]  # (stage name, its Config as JSON), in order


@dataclass(frozen=True)
class FilterPart:
    """The task of running ``chain`` on one part of posts."""

    posts: Path
    folder: Path
    index: int
    chain: StageChain
    tombstones: Path | None = None  # the folder of the folded notices
    verdict_path: Path | None = None
    key_path: Path | str | None = None
    all_stages: StageChain = ()  # all stages of the plan, whose scores the ledger keeps

    @property
    def kept(self) -> Path:
        """Where the surviving posts go."""
        return self.folder / f"{self.index:06d}.kept.parquet"

    @property
    def dropped(self) -> Path:
        """Where the ledger rows of the others go."""
        return self.folder / f"{self.index:06d}.dropped.parquet"

    @property
    def receipt(self) -> Path:
        """Its existence says that the part is done."""
        return self.folder / f"{self.index:06d}.json"

    def __call__(self) -> FilterPart:
        """Judge the part unless its receipt is there."""
        if load_receipt(self.receipt) is not None:
            return self
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        posts = pl.read_parquet(self.posts, glob=False)
        if self.tombstones:
            posts = withdrawals.apply_tombstones(
                posts, withdrawals.open_tombstones(self.tombstones)
            )
        kept, dropped, funnel = filter_posts(
            posts, self.chain, str(self.posts), self.verdict_path, self.key_path, self.all_stages
        )
        for frame, path in ((kept, self.kept), (dropped, self.dropped)):
            with atomic_write(path) as temporary:
                frame.write_parquet(temporary, compression="zstd", compression_level=1)
        receipt = {
            "posts": kept.height,
            "text_bytes": int(kept["text"].str.len_bytes().sum()),
            "funnel": funnel,
        }
        save_receipt(self.receipt, receipt, [self.kept, self.dropped])
        return self


def filter_posts(
    posts: pl.DataFrame,
    chain: StageChain,
    part_name: str,
    verdict_path: Path | None = None,
    key_path: Path | str | None = None,
    all_stages: StageChain = (),
) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]]:
    """Run ``chain`` on ``posts``; return the kept, the ledger rows and the funnel rows.

    ``plan`` are all stages, where the posts come with the scores of others than ``chain``.
    """
    scores = _score_columns(all_stages or chain)
    ledger, funnel = [pl.DataFrame(schema=LEDGER_COLUMNS)], []
    for name, settings in chain:
        if not stages.is_barrier(name):
            _build_filter(name, settings, key_path)  # loading a model is no part of judging
        began = time.perf_counter()
        if stages.is_barrier(name):
            assert verdict_path is not None  # a barrier is always first, behind its own verdict
            judged = posts.with_columns(pl.read_parquet(verdict_path, glob=False).get_columns())
        else:
            judged = _apply_filter(
                _build_filter(name, settings, key_path), posts, name, settings, part_name
            )
        leaves = judged["reject"].is_not_null()
        dropped = _explode_documents(judged.filter(leaves))
        reasons = dropped["reject"].value_counts().sort("reject")
        kept = judged.filter(~leaves).drop("reject")
        funnel.append(
            {
                "stage": name,
                "read": count_posts(posts),
                "kept": count_posts(kept),
                "dropped": dict(reasons.iter_rows()),
                "seconds": time.perf_counter() - began,
            }
        )
        ledger.append(_make_ledger_rows(dropped, name, scores))
        posts = kept
    return posts, pl.concat(ledger, how="diagonal"), funnel


@lru_cache(maxsize=64)
def _build_filter(name: str, settings: str, key_path: Path | str | None) -> Filter:
    """Build a filter once per process: this is where models load."""
    module = stages.find(name)
    config = module.Config.model_validate_json(settings)
    try:
        if key_path is not None and contract.wants_key(module, config):
            return cast("Any", module).build(config, key=keys.load_key(key_path))  # type: ignore[no-any-return]
        return module.build(config)
    except Exception as error:
        raise BuildError(f"stage '{name}' could not be set up: {error}") from error


def _apply_filter(
    apply: Filter, posts: pl.DataFrame, name: str, settings: str, part_name: str
) -> pl.DataFrame:
    """Run one filter and hold it to the contract."""
    first = posts["id"][0] if posts.height else "none"
    where = f"stage '{name}', part {Path(part_name).parent.name}/{Path(part_name).name}, first id {first}"
    try:
        judged = apply(posts)
    except CorpusError:
        raise
    except Exception as error:
        # The type only, and no chain: a library's message may quote the text it choked on.
        raise BuildError(f"{where}: {type(error).__name__} in the filter") from None
    if judged.height != posts.height or not judged["id"].equals(posts["id"]):
        raise BuildError(f"{where}: the filter changed the rows; it may only add columns")
    if judged.schema.get("reject") != pl.String:
        raise BuildError(f"{where}: the filter wrote no 'reject' column of text")
    for column, dtype in _written_columns(name, settings).items():
        if judged.schema.get(column) != dtype:
            found = judged.schema.get(column)
            raise BuildError(f"{where}: column '{column}' should be {dtype}, found {found}")
    return judged


@lru_cache(maxsize=64)
def _written_columns(name: str, settings: str) -> Mapping[str, pl.DataType]:
    module = stages.find(name)
    return contract.writes(module, module.Config.model_validate_json(settings))


def count_posts(posts: pl.DataFrame) -> int:
    """How many posts a frame accounts for; behind ``conversations`` a row is a document."""
    return (
        int(posts[COUNTED_POSTS].list.len().sum())
        if COUNTED_POSTS in posts.columns
        else posts.height
    )


def _explode_documents(dropped: pl.DataFrame) -> pl.DataFrame:
    """A row for each post that leaves: a document that leaves takes its posts along."""
    if COUNTED_POSTS not in dropped.columns:
        return dropped
    posts = dropped.drop("id", "source_file", "source_row").explode(
        COUNTED_POSTS, empty_as_null=False
    )
    return posts.unnest(COUNTED_POSTS)


@lru_cache(maxsize=16)
def _score_columns(all_stages: StageChain) -> tuple[str, ...]:
    """The columns that the stages write, as far as the ledger keeps them."""
    found = dict.fromkeys(
        column for name, settings in all_stages for column in _written_columns(name, settings)
    )
    return tuple(
        column for column in found if column not in ("text", *LEDGER_COLUMNS, *conversations.WRITES)
    )


def _make_ledger_rows(dropped: pl.DataFrame, stage: str, scores: tuple[str, ...]) -> pl.DataFrame:
    """What the ledger keeps of dropped posts: never text, author or anything else of theirs."""
    return dropped.select(
        "id",
        pl.lit(stage).alias("stage"),
        pl.col("reject").alias("reason"),
        "source_file",
        "source_row",
        *(column for column in scores if column in dropped.columns),
    )
