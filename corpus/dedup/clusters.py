"""Tell each post what became of its cluster: a task a block of the posts that stay, then of all.

Every post that leaves is sent to the block of the one that stays for it, where each cluster is
seen whole; size, reason and name go back to the blocks of its posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup import campaigns, candidates
from corpus.partition.partitions import (
    I64,
    PartIndex,
    Rows,
    gather_rows,
    gather_texts,
    load_part_index,
    make_rows,
    scatter_rows,
    scatter_texts,
)
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt
from corpus.tasks.task import Arrays, ArrayTask, RunTasks, run_tasks

REASONS = (
    "", "same_id", "exact_duplicate", "near_duplicate", "repost", "in_earlier_corpus", "campaign",
)  # fmt: skip
_SAME_ID, _REPOST, _EARLIER, _CAMPAIGN = 1, 4, 5, 6
MAX_LISTED_CLUSTERS = 20
# Each task that tells reads a stretch of every block's file.
_FEW_BLOCKS = 16


@dataclass(frozen=True)
class ClusterSettings:
    """What to do with clusters: the settings of ``dedup`` that say so."""

    max_cluster: int
    drop_campaigns: bool
    reserve: bool
    near: bool
    campaign_posts: int
    campaign_authors: int
    campaign_hours: float
    campaign_words: int


def write_verdicts(
    work_dir: Path,
    id_files: Sequence[Path],
    verdict_files: Sequence[Path],
    runner_up_folders: Sequence[Path],
    settings: ClusterSettings,
    run: RunTasks,
) -> dict[str, Any]:
    """Write the verdict on each part to its target; returns what the manifest tells of clusters.

    ``ids`` are the files with the ids of all parts' posts; the first of them, without a target,
    are of earlier corpora. With ``reserve`` the rows that would take a kept post's place go to the
    folders ``runners``.
    """
    where = load_part_index(work_dir)
    earlier = len(id_files) - len(verdict_files)
    known = int(where.part_offsets[earlier])
    run_tasks(
        run,
        [ScatterDuplicates(work_dir, block, settings.near) for block in range(len(where.blocks))],
        "deciding",
    )
    clusters = [
        DecideClusters(work_dir, block, settings, known, tuple(id_files[slice(*parts)]))
        for block, parts in enumerate(where.blocks)
    ]
    told = run_tasks(run, clusters, "deciding")
    telling = []
    for index, parts in enumerate(_verdict_groups(where)):
        own = [part for part in range(*parts) if part >= earlier]
        telling.append(
            WriteClusterVerdicts(
                work_dir, index, tuple(own), tuple(id_files[part] for part in own),
                tuple(verdict_files[part - earlier] for part in own),
                tuple(runner_up_folders[part - earlier] for part in own if settings.reserve),
            )
        )  # fmt: skip
    for _ in run(telling, "deciding"):
        pass
    return _summarize_clusters(told, known)


def _verdict_groups(parts: PartIndex) -> Sequence[tuple[int, int]]:
    """The parts that are told at one time: each by itself as long as there are few blocks."""
    if len(parts.blocks) > _FEW_BLOCKS:
        return parts.blocks
    return [(part, part + 1) for part in range(len(parts.folders))]


def _summarize_clusters(receipts: Sequence[dict[str, Any]], earlier_rows: int) -> dict[str, Any]:
    """What the manifest tells of the clusters; largest first, ties in reading order."""
    counts: dict[int, int] = {}
    for row in receipts:
        for power, count in enumerate(row["powers"]):
            counts[power] = counts.get(power, 0) + count
    largest = sorted((-size, post, name) for row in receipts for post, size, name in row["largest"])
    table = sorted(
        (each for row in receipts for each in row["table"]),
        key=lambda row: (-row[2]["posts"], row[0]),
    )
    return {
        "clusters": sum(counts.values()),
        "clusters_by_size": {
            f"{2**power}-{2 ** (power + 1) - 1}": count
            for power, count in sorted(counts.items())
            if count
        },
        "largest": [
            {"cluster": name, "size": -size, "earlier": post < earlier_rows}
            for size, post, name in largest[:MAX_LISTED_CLUSTERS]
        ],
        "campaigns": [
            {"cluster": name, **facts} for _, name, facts in table
        ],
    }  # fmt: skip


# --------------------------------------------------------------------------- tasks


@dataclass(frozen=True)
class _BlockTask(ArrayTask):
    work_dir: Path
    block: int

    def task_folders(self, kind: str) -> list[Path]:
        """The folders of one kind of task."""
        return [
            self.work_dir / kind / f"{at:06d}"
            for at in range(len(load_part_index(self.work_dir).blocks))
        ]


def _load_columns(parts: PartIndex, block: int, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """What is looked at of some posts of a block."""
    names = ("prefer", "again", "time", "author", "tokens")
    return {name: parts.load_block_array(name, block)[rows] for name in names}


@dataclass(frozen=True)
class ScatterDuplicates(_BlockTask):
    """Send the posts of a block that leave to the blocks of those that stay."""

    near: bool

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.work_dir / "leaving" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row each."""
        where = load_part_index(self.work_dir)
        low, high = where.block_rows(self.block)
        keeper, step = candidates.load_matches(self.work_dir, self.block, self.near)
        at = np.flatnonzero(keeper != np.arange(low, high))
        columns = _load_columns(where, self.block, at)
        found = make_rows(keeper=keeper[at], post=low + at, step=step[at], **columns)
        return scatter_rows("row", found, where.find_blocks(found["keeper"]), len(where.blocks)), {}


@dataclass(frozen=True)
class DecideClusters(_BlockTask):
    """Decide over the clusters whose kept posts are in a block."""

    settings: ClusterSettings
    earlier_rows: int
    id_files: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the rows for the blocks of the clusters' posts go."""
        return self.work_dir / "clusters" / f"{self.block:06d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """For each post of a cluster of several: its size, its reason, its name."""
        where = load_part_index(self.work_dir)
        table, first, size = self._gather_clusters(where)
        reason = table["step"].copy()
        reason[(reason == _SAME_ID) & table["again"]] = _REPOST
        reason[(reason > 0) & (table["keeper"] < self.earlier_rows)] = _EARLIER
        table_size = np.repeat(size, size)
        large = table_size >= self.settings.campaign_posts
        found = campaigns.find_campaigns(table[large & (table["step"] != _SAME_ID)], self.settings)
        by_post = np.argsort(table["post"])
        at = [by_post[np.searchsorted(table["post"], row.posts, sorter=by_post)] for row in found]
        for copies in at:
            _mark_campaign(reason, copies[table["step"][copies] > 0])
        if self.settings.max_cluster > 1:
            _keep_copies(table, reason, self.settings.max_cluster)
        if self.settings.drop_campaigns:
            for copies in at:
                _mark_campaign(reason, copies)
        second = np.zeros(reason.size, bool)
        if self.settings.reserve:
            second[self._find_runners_up(table, reason, first, size)] = True
        groups = _verdict_groups(where)
        edges = where.part_offsets[[low for low, _ in groups[1:]]]
        to = np.searchsorted(edges, table["post"], side="right")
        ids = self._load_ids(where, table["keeper"][first])
        row = make_rows(post=table["post"], size=table_size, reason=reason, second=second)
        sent = scatter_rows("row", row, to, len(groups))
        names = ids.gather(np.repeat(np.arange(size.size), size))
        told = self._summarize(table["keeper"][first], size, ids, found)
        return {**sent, **scatter_texts("name", names, to, len(groups))}, told

    def _gather_clusters(self, parts: PartIndex) -> tuple[Rows, I64, I64]:
        """Clusters whole, the post that stays first; where each begins, and its size."""
        low, _ = parts.block_rows(self.block)
        left = gather_rows(self.task_folders("leaving"), "row", self.block)
        keeper = np.unique(left["keeper"])
        columns = _load_columns(parts, self.block, keeper - low)
        stay = make_rows(
            keeper=keeper, post=keeper, step=np.zeros(keeper.size, np.uint8), **columns
        )
        table = np.concatenate([stay, left.astype(stay.dtype)])
        table = table[np.lexsort((table["post"], table["step"] > 0, table["keeper"]))]
        first = np.flatnonzero(table["post"] == table["keeper"])
        return table, first, np.diff(np.append(first, table.size))

    def _find_runners_up(
        self, table: Rows, reason: NDArray[np.uint8], first: I64, size: I64
    ) -> NDArray[np.int64]:
        """For each text with copies, the best of them by another author, if there is one."""
        whose = np.repeat(table["author"][first], size)
        copies = np.flatnonzero(
            (table["step"] > _SAME_ID)
            & (reason > 0)
            & (table["keeper"] >= self.earlier_rows)
            & (table["author"] != whose)
        )
        order = np.lexsort(tuple(table[name][copies] for name in ("post", "prefer", "keeper")))
        copies = copies[order]
        new = np.ones(copies.size, bool)
        new[1:] = table["keeper"][copies[1:]] != table["keeper"][copies[:-1]]
        return copies[new]

    def _load_ids(self, parts: PartIndex, posts: I64) -> pl.Series:
        """The ids of some posts of the block, given in order."""
        found = [pl.Series("id", [], dtype=pl.String)]
        for path, part in zip(self.id_files, range(*parts.blocks[self.block]), strict=True):
            begin, end = parts.part_offsets[part : part + 2]
            low, high = np.searchsorted(posts, [begin, end])
            if low < high:
                found.append(_read_ids(path).gather(posts[low:high] - begin))
        return pl.concat(found)

    def _summarize(
        self,
        representatives: I64,
        size: I64,
        ids: pl.Series,
        campaigns_found: Sequence[campaigns.Campaign],
    ) -> dict[str, Any]:
        """Counts of clusters by the power of two of their sizes, the largest, the campaigns."""
        powers = np.bincount(np.floor(np.log2(size)).astype(np.int64))
        largest = np.argsort(-size, kind="stable")[:MAX_LISTED_CLUSTERS]
        names = ids.gather(
            np.searchsorted(representatives, [row.representative for row in campaigns_found])
        )
        return {
            "powers": powers.tolist(),
            "largest": [[int(representatives[at]), int(size[at]), ids[int(at)]] for at in largest],
            "table": [
                [int(row.representative), name, row.facts()]
                for row, name in zip(campaigns_found, names, strict=True)
            ],
        }  # fmt: skip


def _mark_campaign(reason: NDArray[np.uint8], copies: I64) -> None:
    reason[copies] = np.where(reason[copies] == _EARLIER, _EARLIER, _CAMPAIGN)


def _keep_copies(table: Rows, reason: NDArray[np.uint8], max_copies: int) -> None:
    """Let up to ``most`` copies of a text stay; never the same post twice, nor a repost."""
    copies = np.flatnonzero(np.isin(reason, (2, 3, _CAMPAIGN)))
    order = np.lexsort(tuple(table[name][copies] for name in ("post", "prefer", "keeper")))
    copies = copies[order]
    keeper = table["keeper"][copies]
    begins = np.searchsorted(keeper, keeper)
    place = 1 + np.arange(copies.size) - begins  # the post that stays anyway is 0
    reason[copies[place < max_copies]] = 0


def _read_ids(path: Path) -> pl.Series:
    return pl.read_parquet(path, columns=["id"], glob=False)["id"]


@dataclass(frozen=True)
class WriteClusterVerdicts:
    """The task of writing the verdicts on some parts."""

    work_dir: Path
    index: int
    parts: tuple[int, ...]
    id_files: tuple[Path, ...]
    verdict_files: tuple[Path, ...]
    runner_up_folders: tuple[Path, ...]

    @property
    def receipt(self) -> Path:
        """Its existence says that the verdicts are there."""
        return self.work_dir / "told" / f"{self.index:06d}.json"

    def __call__(self) -> WriteClusterVerdicts:
        """Write them unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            blocks = range(len(load_part_index(self.work_dir).blocks))
            folders = [self.work_dir / "clusters" / f"{block:06d}" for block in blocks]
            row = gather_rows(folders, "row", self.index)
            names = gather_texts(folders, "name", self.index)
            written = [
                path for at in range(len(self.parts)) for path in self._write_part(at, row, names)
            ]
            self.receipt.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            save_receipt(self.receipt, {}, written)
        return self

    def _write_part(self, position: int, row: Rows, names: pl.Series) -> list[Path]:
        begin, end = load_part_index(self.work_dir).part_offsets[self.parts[position] :][:2]
        mine = np.flatnonzero((row["post"] >= begin) & (row["post"] < end))
        at = row["post"][mine] - begin
        size, reason = np.ones(end - begin, np.int64), np.zeros(end - begin, np.uint8)
        size[at], reason[at] = row["size"][mine], row["reason"][mine]
        cluster = _read_ids(self.id_files[position])
        if at.size:
            cluster = cluster.scatter(pl.Series(at), names.gather(mine))
        written = [self.verdict_files[position]]
        with atomic_write(written[0]) as temporary:
            make_cluster_verdict_frame(cluster, size, reason).write_parquet(temporary)
        if self.runner_up_folders:
            second = np.sort(at[row["second"][mine]])
            written += array_store.save_arrays({"rows": second}, self.runner_up_folders[position])
            save_receipt(self.runner_up_folders[position] / "receipt.json", {}, written[1:])
        return written


def make_cluster_verdict_frame(
    ids: pl.Series, sizes: NDArray[np.int64], reason: NDArray[np.uint8]
) -> pl.DataFrame:
    """The verdict on one part: the kept post's id, the cluster's size, and why a post leaves."""
    names = pl.Series("reject", [name or None for name in REASONS], dtype=pl.String)
    return pl.DataFrame(
        {
            "cluster": ids,
            "cluster_size": pl.Series(sizes, dtype=pl.Int64),
            "reject": names.gather(pl.Series(reason, dtype=pl.UInt32)),
        }
    )
