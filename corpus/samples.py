"""Choose a few posts for the report, kept ones and dropped ones, and redact them.

The ledger holds no text, so the texts of dropped posts are taken from ``work/`` while it is still
there. Every text goes through ``pii`` as the plan has it, or with its defaults where the plan has
none. What ``consent`` dropped is never shown, nor is a planted canary. The choice follows a hash
of the ids, so that neither workers nor parts change it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from corpus import canaries, keys, stages
from corpus.manifest import load_receipt, save_receipt, write_json
from corpus.naming import Naming
from corpus.schema import POST
from filters import contract

#: Kept posts for each dropped one of a reason; the reasons shown, the most frequent; the largest
#: clusters shown; and the characters of all samples together, which keeps the report small.
KEPT_FOR_ONE, MOST_REASONS, MOST_CLUSTERS = 4, 30, 10
MOST_CHARACTERS, LONGEST = 60_000, 600
_ORDER = ("_hash", "source_file", "source_row")
_PLACE = ("id", "source_file", "source_row")
#: What the report itself never shows of a sample: who must not be named in it any more.
OWN = ("id", "ids", "people")


@dataclass(frozen=True)
class Sample:
    """The task of choosing and redacting."""

    target: Path
    count: int  # dropped posts for each reason
    read: tuple[Path, ...]  # parts of posts as they were read
    ledgers: tuple[Path, ...]
    shards: tuple[Path, ...]
    clusters: tuple[str, ...]  # the largest, as the corpus calls them
    redaction: str  # the pii Config as JSON
    naming: Naming

    @property
    def receipt(self) -> Path:
        """Its existence says that it is done."""
        return self.target.with_suffix(".json")

    def __call__(self) -> Sample:
        """Choose them unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            self.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(self.target, self._samples())
            save_receipt(self.receipt, {}, [self.target])
        return self

    def _samples(self) -> list[dict[str, Any]]:
        if not self.count:
            return []
        module = stages.find("pii")
        config = module.Config.model_validate_json(self.redaction)
        more = {"key": keys.load_key(self.naming.key)} if contract.wants_key(module, config) else {}
        redact = module.build(config, **more)
        names = self.naming.open()
        kept = self._kept()
        gone = names.posts(names.people(redact(self._dropped())))
        gone = gone.with_columns(pl.lit("dropped").alias("_of"))
        rows = [*redact(kept).iter_rows(named=True), *gone.iter_rows(named=True)]
        longest = min(LONGEST, MOST_CHARACTERS // max(1, len(rows)))
        return [_told(row, longest) for row in rows]

    # ------------------------------------------------------------------- what stayed

    def _kept(self) -> pl.DataFrame:
        """Whole rows of the shards: some by hash, and those that stay of the largest clusters."""
        chosen: list[pl.DataFrame] = []
        for path in self.shards:
            ids = pl.read_parquet(path, columns=["id", "platform"], glob=False)
            ids = ids.filter(pl.col("platform") != canaries.PLATFORM)
            chosen = [_least(pl.concat([*chosen, _hashed(ids)]), self.count * KEPT_FOR_ONE)]
        names = chosen[0]["id"].to_list() if chosen else []
        wanted = pl.col("id").is_in([*names, *self.clusters])
        found = pl.concat([_where(path, wanted) for path in self.shards])
        found = found.unique("id", keep="first", maintain_order=True).with_columns(
            pl.when(pl.col("id").is_in(names)).then(pl.lit("kept")).otherwise(pl.lit("cluster"))
            .alias("_of"),
            pl.col("id").is_in(list(self.clusters)).alias("_large"),
        )  # fmt: skip
        return found.pipe(_hashed).sort("_hash").drop("_hash")

    # ------------------------------------------------------------------- what left

    def _dropped(self) -> pl.DataFrame:
        """Posts as they were read, with what the ledger says of them."""
        rows = self._ledger_rows()
        withdrawn = self._withdrawn(rows["id"])
        rows = rows.filter(~pl.col("id").is_in(withdrawn))
        wanted = rows["id"].to_list()
        places = rows.select(*_PLACE, "_stage", "_reason", "cluster", "_scores", "_hash")
        posts = pl.concat(
            [
                pl.DataFrame(schema=POST),
                *(_where(path, pl.col("id").is_in(wanted)) for path in self.read if wanted),
            ]
        )
        posts = posts.filter(pl.col("withdrawn").is_null(), pl.col("platform") != canaries.PLATFORM)
        found = posts.join(places, on=_PLACE, how="inner", maintain_order="left")
        return found.sort("_stage", "_reason", *_ORDER).drop("_hash")

    def _ledger_rows(self) -> pl.DataFrame:
        """The first rows of each reason, by hash."""
        schema = {"id": pl.String, "source_file": pl.String, "source_row": pl.Int64,
                  "_stage": pl.String, "_reason": pl.String, "cluster": pl.String,
                  "_scores": pl.String, "_hash": pl.UInt64}  # fmt: skip
        best = pl.DataFrame(schema=schema)
        counts: dict[tuple[str, str], int] = {}
        for path in self.ledgers:
            rows = pl.read_parquet(path, glob=False).filter(pl.col("stage") != "consent")
            for stage, reason, count in rows.group_by("stage", "reason").len().iter_rows():
                counts[stage, reason] = counts.get((stage, reason), 0) + count
            cluster = pl.col("cluster") if "cluster" in rows.columns else pl.lit(None, pl.String)
            rows = _hashed(rows).rename({"stage": "_stage", "reason": "_reason"})
            rows = _least(rows, self.count, "_stage", "_reason")
            rows = rows.with_columns(cluster.alias("cluster"), _scores(rows).alias("_scores"))
            best = _least(pl.concat([best, rows.select(list(schema))]), self.count,
                          "_stage", "_reason")  # fmt: skip
        shown = sorted(counts, key=lambda pair: (-counts[pair], pair))[:MOST_REASONS]
        wanted = pl.DataFrame(shown, schema={"_stage": pl.String, "_reason": pl.String},
                              orient="row")  # fmt: skip
        return best.join(wanted, on=["_stage", "_reason"], how="semi", maintain_order="left")

    def _withdrawn(self, ids: pl.Series) -> set[str]:
        """Those of the ``ids`` that consent dropped anywhere: another version may be withdrawn."""
        found: set[str] = set()
        for path in self.ledgers:
            holds = (pl.col("stage") == "consent") & pl.col("id").is_in(ids.to_list())
            rows = pl.scan_parquet(path, glob=False).filter(holds).select("id").collect()
            found |= set(rows["id"])
        return found


def _hashed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a hash of their ids that no library's version changes."""
    from corpus import arrays, kernels

    hashes = kernels.hash128(*arrays.flat(rows["id"].fill_null("")))[:, 0]
    return rows.with_columns(pl.Series("_hash", hashes, dtype=pl.UInt64))


def _least(rows: pl.DataFrame, count: int, *groups: str) -> pl.DataFrame:
    """The rows of the least hashes, of each group."""
    rows = rows.sort([name for name in _ORDER if name in rows.columns])
    if not groups:
        return rows.head(count)
    return rows.group_by(groups, maintain_order=True).head(count).select(rows.columns)


def _where(path: Path, holds: pl.Expr) -> pl.DataFrame:
    return pl.scan_parquet(path, glob=False).filter(holds).collect()


def _scores(rows: pl.DataFrame) -> pl.Series:
    """The measures in a ledger row, as JSON."""
    return pl.Series(
        [json.dumps(_measures(row)) for row in rows.iter_rows(named=True)], dtype=pl.String
    )


def _measures(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
        and name not in POST and not name.startswith(("_", "pii_"))
    }  # fmt: skip


def _told(row: dict[str, Any], longest: int) -> dict[str, Any]:
    """A sample as plain data."""
    gone = row["_of"] == "dropped"
    names = [row["id"], *(row.get("post_ids") or ())]
    if gone:  # a copy's text is its original's
        names += [row["cluster"], row["parent_id"] if row["kind"] == "repost" else None]
    text = whole = row["text"] or ""
    if len(whole) > longest:  # between words: half a number might read as another
        text = whole[:longest]
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
        "scores": json.loads(row["_scores"]) if gone else _measures(row),
        "id": row["id"],
        "ids": sorted({name for name in names if name}),
        "people": sorted({row["author"], *(row.get("authors") or ())} - {None}),
    }


def without(
    samples: Iterable[dict[str, Any]],
    ids: Collection[str],
    people: Collection[str],
) -> list[dict[str, Any]]:
    """The samples that name none of ``ids`` and ``people``.

    A dropped copy names what it is a copy of, so one that moves up to its place is none of them.
    """
    return [
        sample
        for sample in samples
        if not set(sample["ids"]) & set(ids) and not set(sample["people"]) & set(people)
    ]


def parts(folders: Sequence[Path]) -> tuple[Path, ...]:
    """The parts of posts in some folders of reading, in order."""
    return tuple(path for folder in folders for path in sorted(folder.glob("*.posts.parquet")))
