"""Choose a few posts for the report, kept ones and dropped ones, and redact them.

The ledger holds no text, so the texts of dropped posts are taken from ``work/`` while it is still
there. Every text goes through ``pii`` as the plan has it, or with its defaults where the plan has
none. What ``consent`` dropped is never shown, nor is a planted canary. The choice follows a hash
of the ids, so that neither workers nor parts change it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus import stages
from corpus.pipeline import canaries
from corpus.privacy import keys
from corpus.privacy.pseudonyms import PseudonymSettings
from corpus.schema import POST
from corpus.tasks.files import atomic_write, write_json
from corpus.tasks.receipts import load_receipt, require_receipt, save_receipt
from filters import contract

#: Kept posts for each dropped one of a reason; the reasons shown, the most frequent; the largest
#: clusters shown; and the characters of all samples together, which keeps the report small.
KEPT_PER_DROPPED, MAX_REASONS, MAX_CLUSTERS = 4, 30, 10
MAX_SAMPLE_CHARACTERS, MAX_TEXT_CHARACTERS = 60_000, 600
_HASH_ORDER = ("_hash", "source_file", "source_row")
_ROW_KEY = ("id", "source_file", "source_row")
#: What the report itself never shows of a sample: who must not be named in it any more.
PRIVATE_FIELDS = ("id", "ids", "people")
#: Of a dropped post until its text is found.
_DROPPED_SCHEMA = {"id": pl.String, "source_file": pl.String, "source_row": pl.Int64,
         "_stage": pl.String, "_reason": pl.String, "cluster": pl.String,
         "_scores": pl.String, "_hash": pl.UInt64}  # fmt: skip
ReasonCounts = Counter[tuple[str, str]]


@dataclass(frozen=True)
class _SelectRows:
    """A task that leaves rows in a file, and what it tells in the receipt, unless they are there.

    The files may be of any size and number: a task holds one of them and the rows it has chosen.
    """

    target: Path

    @property
    def receipt(self) -> Path:
        """Its existence says that it is done."""
        return self.target.with_suffix(".json")

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """The rows, and what the receipt tells."""
        raise NotImplementedError

    def __call__(self) -> _SelectRows:
        """Look unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            rows, told = self.select()
            with atomic_write(self.target) as temporary:
                rows.write_parquet(temporary)
            save_receipt(self.receipt, told, [self.target])
        return self


@dataclass(frozen=True)
class SelectKeptPosts(_SelectRows):
    """Choose posts that stayed: some by hash, and those that stay of the largest clusters."""

    shards: tuple[Path, ...]
    count: int
    clusters: tuple[str, ...]  # as the corpus calls them

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Whole rows: with ``_hash``, and whether they are ``_chosen`` by it."""
        best = pl.DataFrame(schema={"id": pl.String, "_hash": pl.UInt64})
        for path in self.shards:
            ids = pl.read_parquet(path, columns=["id", "platform"], glob=False)
            ids = ids.filter(pl.col("platform") != canaries.PLATFORM).select("id")
            best = _take_lowest(pl.concat([best, _with_id_hash(ids)]), self.count)
        wanted = pl.concat([best["id"], pl.Series("id", self.clusters, dtype=pl.String)])
        rows = pl.concat([_read_rows_with_ids(path, wanted) for path in self.shards])
        chosen = pl.col("id").is_in(best["id"].implode()).alias("_chosen")
        return _with_id_hash(rows).with_columns(chosen), {}


@dataclass(frozen=True)
class SelectLedgerRows(_SelectRows):
    """Find the first ledger rows of each reason, by hash, and count all."""

    ledgers: tuple[Path, ...]
    count: int

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """The rows, and how many there are of each stage and reason."""
        best = pl.DataFrame(schema=_DROPPED_SCHEMA)
        counts: ReasonCounts = Counter()
        for path in self.ledgers:
            rows = pl.read_parquet(path, glob=False).filter(pl.col("stage") != "consent")
            counts.update(_count_reasons(rows))
            cluster = pl.col("cluster") if "cluster" in rows.columns else pl.lit(None, pl.String)
            rows = _with_id_hash(rows).rename({"stage": "_stage", "reason": "_reason"})
            rows = _take_lowest(rows, self.count, "_stage", "_reason")
            rows = rows.with_columns(
                cluster.alias("cluster"), _format_scores(rows).alias("_scores")
            )
            best = _merge_lowest(best, rows, self.count)
        return best, {"counts": [[*pair, counts[pair]] for pair in sorted(counts)]}


@dataclass(frozen=True)
class ChooseDroppedPosts(_SelectRows):
    """Choose among the ledger rows that were found."""

    ledger_tasks: tuple[SelectLedgerRows, ...]
    count: int

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """The first rows of each of the most frequent reasons."""
        best = pl.DataFrame(schema=_DROPPED_SCHEMA)
        counts: ReasonCounts = Counter()
        for task in self.ledger_tasks:
            told = require_receipt(task.receipt)["counts"]
            counts.update({(stage, reason): count for stage, reason, count in told})
            best = _merge_lowest(best, pl.read_parquet(task.target, glob=False), self.count)
        shown = sorted(counts, key=lambda pair: (-counts[pair], pair))[:MAX_REASONS]
        wanted = pl.DataFrame(shown, schema={"_stage": pl.String, "_reason": pl.String},
                              orient="row")  # fmt: skip
        on = ["_stage", "_reason"]
        return best.join(wanted, on=on, how="semi", maintain_order="left"), {}


@dataclass(frozen=True)
class FindDroppedTexts(_SelectRows):
    """Find the chosen posts as they were read, and those that consent dropped as well.

    Another version of a post may be withdrawn: then none is shown.
    """

    chosen_posts: Path
    post_files: tuple[Path, ...]
    ledgers: tuple[Path, ...]  # where consent dropped something

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """The posts, and the ids that are withdrawn."""
        wanted = pl.read_parquet(self.chosen_posts, columns=["id"], glob=False)["id"].drop_nulls()
        withdrawn: set[str] = set()
        for path in self.ledgers:
            rows = pl.read_parquet(path, columns=["id", "stage"], glob=False)
            rows = rows.filter(pl.col("stage") == "consent", pl.col("id").is_in(wanted.implode()))
            withdrawn |= set(rows["id"])
        posts = (
            [_read_rows_with_ids(path, wanted) for path in self.post_files] if len(wanted) else []
        )
        return pl.concat([pl.DataFrame(schema=POST), *posts]), {"withdrawn": sorted(withdrawn)}


@dataclass(frozen=True)
class RedactSamples:
    """The task of redacting what was found."""

    target: Path
    count: int
    kept_tasks: tuple[SelectKeptPosts, ...]
    chosen_task: ChooseDroppedPosts
    dropped_tasks: tuple[FindDroppedTexts, ...]
    pii_config: str  # the pii Config as JSON
    naming: PseudonymSettings

    @property
    def receipt(self) -> Path:
        """Its existence says that it is done."""
        return self.target.with_suffix(".json")

    def __call__(self) -> RedactSamples:
        """Write the samples unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(self.target, self._make_samples())
            save_receipt(self.receipt, {}, [self.target])
        return self

    def _make_samples(self) -> list[dict[str, Any]]:
        if not self.count:
            return []
        module = stages.find("pii")
        config = module.Config.model_validate_json(self.pii_config)
        more = (
            {"key": keys.load_key(self.naming.key_path)}
            if contract.wants_key(module, config)
            else {}
        )
        redact = module.build(config, **more)
        names = self.naming.load()
        kept = self._load_kept()
        gone = names.replace_id_columns(names.replace_author_columns(redact(self._load_dropped())))
        gone = gone.with_columns(pl.lit("dropped").alias("_of"))
        rows = [*redact(kept).iter_rows(named=True), *gone.iter_rows(named=True)]
        longest = min(MAX_TEXT_CHARACTERS, MAX_SAMPLE_CHARACTERS // max(1, len(rows)))
        return [_format_sample(row, longest) for row in rows]

    def _load_kept(self) -> pl.DataFrame:
        """Whole rows of the shards, by hash."""
        found = pl.concat([pl.read_parquet(task.target, glob=False) for task in self.kept_tasks])
        clusters = [*self.kept_tasks[0].clusters]
        best = _take_lowest(
            found.filter("_chosen").select("id", "_hash"), self.count * KEPT_PER_DROPPED
        )
        names = best["id"].to_list()
        return (
            found.filter(pl.col("id").is_in([*names, *clusters]))
            .unique("id", keep="first", maintain_order=True)
            .with_columns(
                pl.when(pl.col("id").is_in(names)).then(pl.lit("kept")).otherwise(pl.lit("cluster"))
                .alias("_of"),
                pl.col("id").is_in(clusters).alias("_large"),
            )
            .sort("_hash").drop("_hash", "_chosen")
        )  # fmt: skip

    def _load_dropped(self) -> pl.DataFrame:
        """Posts as they were read, with what the ledger says of them."""
        rows = pl.read_parquet(self.chosen_task.target, glob=False)
        withdrawn = [
            each for t in self.dropped_tasks for each in require_receipt(t.receipt)["withdrawn"]
        ]
        places = rows.filter(~pl.col("id").is_in(withdrawn)).select(
            *_ROW_KEY, "_stage", "_reason", "cluster", "_scores", "_hash"
        )
        posts = pl.concat([pl.read_parquet(task.target, glob=False) for task in self.dropped_tasks])
        posts = posts.filter(pl.col("withdrawn").is_null(), pl.col("platform") != canaries.PLATFORM)
        found = posts.join(places, on=_ROW_KEY, how="inner", maintain_order="left")
        return found.sort("_stage", "_reason", *_HASH_ORDER).drop("_hash")


def _with_id_hash(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a hash of their ids that no library's version changes."""
    from corpus.partition.hashing import hash_strings

    hashes = hash_strings(rows["id"].fill_null(""))[:, 0]
    return rows.with_columns(pl.Series("_hash", hashes, dtype=pl.UInt64))


def _take_lowest(rows: pl.DataFrame, count: int, *groups: str) -> pl.DataFrame:
    """The rows of the least hashes, of each group."""
    rows = rows.sort([name for name in _HASH_ORDER if name in rows.columns])
    if not groups:
        return rows.head(count)
    return rows.group_by(groups, maintain_order=True).head(count).select(rows.columns)


def _merge_lowest(best: pl.DataFrame, more: pl.DataFrame, count: int) -> pl.DataFrame:
    """The first rows of each reason among those so far and some more."""
    return _take_lowest(
        pl.concat([best, more.select(list(_DROPPED_SCHEMA))]), count, "_stage", "_reason"
    )


def _count_reasons(rows: pl.DataFrame) -> ReasonCounts:
    return Counter({(s, r): count for s, r, count in rows.group_by("stage", "reason").len().rows()})


def _read_rows_with_ids(path: Path, ids: pl.Series) -> pl.DataFrame:
    """The rows of a file with one of ``ids``; whole rows are read only if there are any."""
    held = pl.read_parquet(path, columns=["id"], glob=False)["id"].is_in(ids.implode())
    if not held.any():
        return pl.DataFrame(schema=pl.scan_parquet(path, glob=False).collect_schema())
    return pl.read_parquet(path, glob=False).filter(held)


def _format_scores(rows: pl.DataFrame) -> pl.Series:
    """The measures in a ledger row, as JSON."""
    return pl.Series(
        [json.dumps(_extract_measures(row)) for row in rows.iter_rows(named=True)], dtype=pl.String
    )


def _extract_measures(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
        and name not in POST and not name.startswith(("_", "pii_"))
    }  # fmt: skip


def _format_sample(row: dict[str, Any], max_characters: int) -> dict[str, Any]:
    """A sample as plain data."""
    gone = row["_of"] == "dropped"
    names = [row["id"], *(row.get("post_ids") or ())]
    if gone:  # a copy's text is its original's
        names += [row["cluster"], row["parent_id"] if row["kind"] == "repost" else None]
    text = whole = row["text"] or ""
    if len(whole) > max_characters:  # between words: half a number might read as another
        text = whole[:max_characters]
        text = text.rsplit(None, 1)[0] if len(text.split(None, 1)) > 1 else text
    return {
        "of": row["_of"],
        "large": bool(row.get("_large")),
        "stage": row["_stage"] if gone else None,
        "reason": row["_reason"] if gone else None,
        "text": text,
        "cut": len(text) < len(whole),
        "platform": row["platform"],
        "kind": row["kind"],
        "community": row["community"],
        "created_at": f"{row['created_at']:%Y-%m-%d}" if row["created_at"] else None,
        "scores": json.loads(row["_scores"]) if gone else _extract_measures(row),
        "id": row["id"],
        "ids": sorted({name for name in names if name}),
        "people": sorted({row["author"], *(row.get("authors") or ())} - {None}),
    }


def exclude_samples(
    samples: Iterable[dict[str, Any]],
    ids: Collection[str],
    authors: Collection[str],
) -> list[dict[str, Any]]:
    """The samples that name none of ``ids`` and ``people``.

    A dropped copy names what it is a copy of, so one that moves up to its place is none of them.
    """
    return [
        sample
        for sample in samples
        if not set(sample["ids"]) & set(ids) and not set(sample["people"]) & set(authors)
    ]
