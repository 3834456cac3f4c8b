"""Choose sample posts for the report, kept and dropped ones, and redact them.

The ledger holds no text, so the texts of dropped posts are read from ``work/`` before it is
removed. Every text is redacted by ``pii`` with the settings of the plan, or with its defaults if
the plan has no such stage. Posts that ``consent`` dropped and planted canaries are never shown.
Posts are chosen by a hash of their ids, so the choice depends on neither workers nor parts.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from corpus import stages
from corpus.output.columns import OutputColumns
from corpus.privacy import canaries, keys
from corpus.privacy.pseudonyms import (
    AUTHOR_COLUMNS,
    AUTHOR_LIST_COLUMNS,
    PseudonymSettings,
)
from corpus.schema import LEDGER_KEY, POST
from corpus.storage.parquet_columns import read_row_groups, read_schema
from corpus.tasks.files import atomic_write, write_json
from corpus.tasks.task import ResumableTask, Written

#: Kept posts shown for each dropped post of a reason.
KEPT_PER_DROPPED = 4
#: The most frequent reasons and the largest clusters that are shown.
MAX_REASONS, MAX_CLUSTERS = 30, 10
#: Characters of all samples together, which keeps the report small, and of one sample.
MAX_SAMPLE_CHARACTERS, MAX_TEXT_CHARACTERS = 50_000, 600
#: Characters of a text that are redacted for its sample. A detail that the cut breaks is in the
#: last of them, which are never shown.
_READ_CHARACTERS, _UNSHOWN_CHARACTERS = 4 * MAX_TEXT_CHARACTERS, 500
_HASH_ORDER = ("_hash", "source_file", "source_row")
#: Fields of a sample that the report never shows; a takedown finds the samples to remove by them.
PRIVATE_FIELDS = ("id", "ids", "people")
#: What is known of a dropped post before its text is found.
_DROPPED_SCHEMA = {
    "id": pl.String,
    "source_file": pl.String,
    "source_row": pl.Int64,
    "_stage": pl.String,
    "_reason": pl.String,
    "cluster": pl.String,
    "_scores": pl.String,
    "_hash": pl.UInt64,
}
ReasonCounts = Counter[tuple[str, str]]


@dataclass(frozen=True)
class _SelectRows(ResumableTask):
    """Writes selected rows of some files to ``target``.

    There may be many large files: the task has one row group and the selected rows in memory.
    """

    target: Path

    @property
    def receipt(self) -> Path:
        """The receipt, next to the target."""
        return self.target.with_suffix(".json")

    @abstractmethod
    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return the rows, and the facts for the receipt."""

    def write(self) -> Written:
        """Select the rows and write them."""
        rows, facts = self.select()
        with atomic_write(self.target) as temporary:
            rows.write_parquet(temporary)
        return Written([self.target], facts)


@dataclass(frozen=True)
class SelectKeptPosts(_SelectRows):
    """Selects kept posts of some shards: those with the lowest hashes, and those of clusters."""

    shards: tuple[Path, ...]
    count: int
    clusters: tuple[str, ...]  # representatives of the largest clusters

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return whole rows with ``_hash``, and whether they are ``_chosen`` by it."""
        best = pl.DataFrame(schema={"id": pl.String, "_hash": pl.UInt64})
        for path in self.shards:
            for ids in read_row_groups(path, ["id", "platform"]):
                own = ids.filter(pl.col("platform") != canaries.PLATFORM).select("id")
                best = _take_lowest(pl.concat([best, _with_id_hash(own)]), self.count)
        selected = pl.concat([best["id"], pl.Series("id", self.clusters, dtype=pl.String)])
        rows = pl.concat([_read_rows_with_ids(path, selected) for path in self.shards])
        chosen = pl.col("id").is_in(best["id"].implode()).alias("_chosen")
        return _with_id_hash(rows).with_columns(chosen), {}


@dataclass(frozen=True)
class SelectLedgerRows(_SelectRows):
    """Selects the ledger rows of each reason with the lowest hashes, and counts all rows."""

    ledgers: tuple[Path, ...]
    count: int

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return the rows; the facts are ``counts``: how many rows each stage and reason has."""
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
    """Selects from the rows of all :class:`SelectLedgerRows` those of the most frequent reasons."""

    ledger_tasks: tuple[SelectLedgerRows, ...]
    count: int

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return the rows with the lowest hashes of each of these reasons."""
        best = pl.DataFrame(schema=_DROPPED_SCHEMA)
        counts: ReasonCounts = Counter()
        for task in self.ledger_tasks:
            counts.update({(stage, reason): n for stage, reason, n in task.facts["counts"]})
            best = _merge_lowest(best, pl.read_parquet(task.target, glob=False), self.count)
        shown = sorted(counts, key=lambda pair: (-counts[pair], pair))[:MAX_REASONS]
        schema = {"_stage": pl.String, "_reason": pl.String}
        reasons = pl.DataFrame(shown, schema=schema, orient="row")
        return best.join(reasons, on=list(schema), how="semi", maintain_order="left"), {}


@dataclass(frozen=True)
class FindDroppedTexts(_SelectRows):
    """Finds the texts of the chosen posts, and which of their ids ``consent`` dropped.

    If one version of a post was withdrawn, no version of it may be shown.
    """

    chosen_posts: Path
    post_files: tuple[Path, ...]
    ledgers: tuple[Path, ...]  # of parts from which consent dropped posts

    def select(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return the posts as they were read; the facts are the ids that are ``withdrawn``."""
        chosen = pl.read_parquet(self.chosen_posts, columns=["id"], glob=False)["id"].drop_nulls()
        withdrawn: set[str] = set()
        for path in self.ledgers:
            rows = pl.read_parquet(path, columns=["id", "stage"], glob=False)
            rows = rows.filter(pl.col("stage") == "consent", pl.col("id").is_in(chosen.implode()))
            withdrawn |= set(rows["id"])
        posts = (
            [_read_rows_with_ids(path, chosen) for path in self.post_files] if len(chosen) else []
        )
        return pl.concat([pl.DataFrame(schema=POST), *posts]), {"withdrawn": sorted(withdrawn)}


@dataclass(frozen=True)
class RedactSamples(ResumableTask):
    """Redacts the selected posts and writes the samples of the report to ``target`` as JSON."""

    target: Path
    count: int
    kept_tasks: tuple[SelectKeptPosts, ...]
    chosen_task: ChooseDroppedPosts
    dropped_tasks: tuple[FindDroppedTexts, ...]
    pii_config: str  # as JSON
    naming: PseudonymSettings

    @property
    def receipt(self) -> Path:
        """The receipt, next to the target."""
        return self.target.with_suffix(".json")

    def write(self) -> Written:
        """Write the samples."""
        write_json(self.target, self._make_samples())
        return Written([self.target])

    def _make_samples(self) -> list[dict[str, Any]]:
        if not self.count:
            return []
        load_key = partial(keys.load_key, self.naming.key_path)
        redact = stages.build_filter("pii", self.pii_config, load_key)
        columns = OutputColumns(self.naming, self.pii_config).load()
        kept = columns.redact_words(redact(_cut_texts(self._load_kept())))
        dropped = columns.replace_people(redact(_cut_texts(self._load_dropped())))
        dropped = dropped.with_columns(pl.lit("dropped").alias("_of"))
        rows = [*kept.iter_rows(named=True), *dropped.iter_rows(named=True)]
        max_characters = _fit_length([len(row["text"] or "") for row in rows])
        return [_format_sample(row, max_characters) for row in rows]

    def _load_kept(self) -> pl.DataFrame:
        """Return whole rows of the shards, ordered by hash."""
        rows = pl.concat([pl.read_parquet(task.target, glob=False) for task in self.kept_tasks])
        clusters = [*self.kept_tasks[0].clusters]
        chosen = rows.filter("_chosen").select("id", "_hash")
        ids = _take_lowest(chosen, self.count * KEPT_PER_DROPPED)["id"].to_list()
        is_kept = pl.col("id").is_in(ids)
        return (
            rows.filter(pl.col("id").is_in([*ids, *clusters]))
            .unique("id", keep="first", maintain_order=True)
            .with_columns(
                pl.when(is_kept).then(pl.lit("kept")).otherwise(pl.lit("cluster")).alias("_of"),
                pl.col("id").is_in(clusters).alias("_large"),
            )
            .sort("_hash")
            .drop("_hash", "_chosen")
        )

    def _load_dropped(self) -> pl.DataFrame:
        """Return posts as they were read, with stage, reason and scores of the ledger."""
        rows = pl.read_parquet(self.chosen_task.target, glob=False)
        withdrawn = [each for task in self.dropped_tasks for each in task.facts["withdrawn"]]
        ledger = rows.filter(~pl.col("id").is_in(withdrawn)).select(
            *LEDGER_KEY, "_stage", "_reason", "cluster", "_scores", "_hash"
        )
        posts = pl.concat([pl.read_parquet(task.target, glob=False) for task in self.dropped_tasks])
        posts = posts.filter(pl.col("withdrawn").is_null(), pl.col("platform") != canaries.PLATFORM)
        joined = posts.join(ledger, on=LEDGER_KEY, how="inner", maintain_order="left")
        return joined.sort("_stage", "_reason", *_HASH_ORDER).drop("_hash")


def _fit_length(lengths: Iterable[int]) -> int:
    """Return at how many characters to cut the texts, so that all together are small enough."""
    remaining, ordered = MAX_SAMPLE_CHARACTERS, sorted(lengths)
    for number, length in enumerate(ordered):  # a longer text may use what a short one does not
        share = remaining // (len(ordered) - number)
        if length > share:
            return min(MAX_TEXT_CHARACTERS, share)
        remaining -= length
    return MAX_TEXT_CHARACTERS


def _cut_texts(posts: pl.DataFrame) -> pl.DataFrame:
    """Keep the beginning of each text, which a sample may show; ``_cut`` says that it goes on."""
    text = pl.col("text")
    return posts.with_columns(
        text.str.head(_READ_CHARACTERS), _cut=text.str.len_chars() > _READ_CHARACTERS
    )


def _with_id_hash(rows: pl.DataFrame) -> pl.DataFrame:
    """Add a hash of the ids that is the same in every version of every library."""
    from corpus.partition.hashing import hash_strings

    hashes = hash_strings(rows["id"].fill_null(""))[:, 0]
    return rows.with_columns(pl.Series("_hash", hashes, dtype=pl.UInt64))


def _take_lowest(rows: pl.DataFrame, count: int, *groups: str) -> pl.DataFrame:
    """Return the ``count`` rows with the lowest hashes, of each group if there are some."""
    rows = rows.sort([name for name in _HASH_ORDER if name in rows.columns])
    if not groups:
        return rows.head(count)
    return rows.group_by(groups, maintain_order=True).head(count).select(rows.columns)


def _merge_lowest(best: pl.DataFrame, more: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return of two sets of rows those with the lowest hashes of each reason."""
    return _take_lowest(
        pl.concat([best, more.select(list(_DROPPED_SCHEMA))]), count, "_stage", "_reason"
    )


def _count_reasons(rows: pl.DataFrame) -> ReasonCounts:
    return Counter({(s, r): count for s, r, count in rows.group_by("stage", "reason").len().rows()})


def _read_rows_with_ids(path: Path, ids: pl.Series) -> pl.DataFrame:
    """Return the rows of a file with one of ``ids``; read no row group that has none of them."""
    found = [pl.DataFrame(schema=read_schema(path))]
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            own = pl.DataFrame(file.read_row_group(number, columns=["id"], use_threads=False))
            selected = own["id"].is_in(ids.implode())
            if selected.any():
                rows = pl.DataFrame(file.read_row_group(number, use_threads=False))
                found.append(rows.filter(selected))
    return pl.concat(found)


def _format_scores(rows: pl.DataFrame) -> pl.Series:
    """Return the measures of ledger rows, as JSON."""
    return pl.Series(
        [json.dumps(_extract_measures(row)) for row in rows.iter_rows(named=True)], dtype=pl.String
    )


def _extract_measures(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if type(value) is float else value
        for name, value in row.items()
        if type(value) in (int, float)  # so no bool
        and name not in POST
        and not name.startswith(("_", "pii_"))
    }


def _format_sample(row: dict[str, Any], max_characters: int) -> dict[str, Any]:
    """Return a sample as plain data."""
    dropped = row["_of"] == "dropped"
    ids = [row["id"], *(row.get("post_ids") or ())]
    if dropped:  # the text of a copy is also that of its original
        ids += [row["cluster"], row["parent_id"] if row["kind"] == "repost" else None]
    text = whole = row["text"] or ""
    was_cut = bool(row["_cut"])
    if was_cut:
        text = whole[: max(0, len(whole) - _UNSHOWN_CHARACTERS)]
    # Cut between words: half a number may read as another number.
    if was_cut or len(text) > max_characters:
        text = text[:max_characters]
        text = text.rsplit(None, 1)[0] if len(text.split(None, 1)) > 1 else text
    return {
        "of": row["_of"],
        "large": bool(row.get("_large")),
        "stage": row["_stage"] if dropped else None,
        "reason": row["_reason"] if dropped else None,
        "text": text,
        "cut": len(text) < len(whole) or was_cut,
        "platform": row["platform"],
        "kind": row["kind"],
        "community": row.get("community"),  # a plan may omit the column
        "created_at": f"{row['created_at']:%Y-%m-%d}" if row["created_at"] else None,
        "scores": json.loads(row["_scores"]) if dropped else _extract_measures(row),
        "id": row["id"],
        "ids": sorted({each for each in ids if each}),
        "people": sorted({*_list_people(row)} - {None}),
    }


def _list_people(row: dict[str, Any]) -> Iterator[str | None]:
    """Yield the authors of a post or of a document's turns, and the authors of what they repeat."""
    for column in AUTHOR_COLUMNS:
        yield row.get(column)
    for column in AUTHOR_LIST_COLUMNS:
        yield from row.get(column) or ()


def exclude_samples(
    samples: Iterable[dict[str, Any]],
    ids: Collection[str],
    authors: Collection[str],
) -> list[dict[str, Any]]:
    """Return the samples that name none of ``ids`` and ``authors``.

    A dropped copy names its original. So if the original is taken down, and the copy replaces it,
    the copy is not shown as a dropped post.
    """
    return [
        sample
        for sample in samples
        if not set(sample["ids"]) & set(ids) and not set(sample["people"]) & set(authors)
    ]
