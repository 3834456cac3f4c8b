"""Decide over clusters of duplicates, and write the verdict on each post of each part.

A cluster is a representative and the posts that duplicate it. The posts that duplicate another are
scattered to the block of their representative, where each cluster is complete; the size, the reason
and the name of the cluster are scattered back to the parts of its posts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup import campaigns, candidates
from corpus.partition.groups import mark_group_starts
from corpus.partition.partitions import (
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
from corpus.tasks.receipts import save_receipt
from corpus.tasks.task import (
    Arrays,
    ArrayTask,
    ResumableTask,
    RunTasks,
    Written,
    numbered_folder,
    run_tasks,
)
from filters.text.arrays import I64

REASONS = (
    "",
    "same_id",
    "exact_duplicate",
    "near_duplicate",
    "repost",
    "in_earlier_corpus",
    "campaign",
)
_SAME_ID, _EXACT, _NEAR, _REPOST, _EARLIER, _CAMPAIGN = range(1, len(REASONS))
#: How many of the largest clusters the manifest lists.
MAX_LISTED_CLUSTERS = 20
# A task that writes verdicts reads a slice of every block's file. With few blocks it writes one
# part, else all parts of a block.
_FEW_BLOCKS = 16
_LABEL = "deciding"


@dataclass(frozen=True)
class ClusterSettings:
    """The settings of ``dedup`` that decide which posts of a cluster are dropped."""

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
    """Write a verdict file for each part; return the facts for the manifest.

    ``id_files`` have the ids of the posts of all parts in the column ``id``. The first of them are
    of earlier corpora: the last ``len(verdict_files)`` are of this build. With ``reserve`` the rows
    of runner-ups (see ``DecideClusters``) are written to ``runner_up_folders``.
    """
    parts = load_part_index(work_dir)
    earlier_parts = len(id_files) - len(verdict_files)
    earlier_rows = int(parts.part_offsets[earlier_parts])
    blocks = range(len(parts.blocks))
    scattering = [ScatterDuplicates(work_dir, block, settings.near) for block in blocks]
    run_tasks(run, scattering, _LABEL)
    deciding = [
        DecideClusters(work_dir, block, settings, earlier_rows, tuple(id_files[slice(*span)]))
        for block, span in enumerate(parts.blocks)
    ]
    facts = run_tasks(run, deciding, _LABEL)
    writing = []
    for index, span in enumerate(_verdict_groups(parts)):
        own = [part for part in range(*span) if part >= earlier_parts]
        runner_ups = own if settings.reserve else []
        writing.append(
            WriteClusterVerdicts(
                work_dir,
                index,
                tuple(own),
                tuple(id_files[part] for part in own),
                tuple(verdict_files[part - earlier_parts] for part in own),
                tuple(runner_up_folders[part - earlier_parts] for part in runner_ups),
            )
        )
    run_tasks(run, writing, _LABEL)
    return _summarize_clusters(facts, earlier_rows)


def _verdict_groups(parts: PartIndex) -> Sequence[tuple[int, int]]:
    """The parts that one task writes verdicts for: the first, and the one after the last."""
    if len(parts.blocks) > _FEW_BLOCKS:
        return parts.blocks
    return [(part, part + 1) for part in range(len(parts.folders))]


def _summarize_clusters(block_facts: Sequence[dict[str, Any]], earlier_rows: int) -> dict[str, Any]:
    """The facts for the manifest: counts by size, the largest clusters, and the campaigns.

    The largest come first, those of the same size in reading order.
    """
    counts: dict[int, int] = {}
    for facts in block_facts:
        for power, count in enumerate(facts["powers"]):
            counts[power] = counts.get(power, 0) + count
    largest = sorted(
        (-size, post, name) for facts in block_facts for post, size, name in facts["largest"]
    )
    table = sorted(
        (row for facts in block_facts for row in facts["campaigns"]),
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
        "campaigns": [{"cluster": name, **facts} for _, name, facts in table],
    }


# --------------------------------------------------------------------------- tasks


def _duplicates_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "duplicates", block)


def _clusters_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "clusters", block)


def _load_columns(parts: PartIndex, block: int, rows: I64) -> dict[str, NDArray[Any]]:
    """The columns that decide over a cluster, of some rows of a block."""
    names = ("priority", "is_repost", "time", "author", "tokens")
    return {name: parts.load_block_array(name, block)[rows] for name in names}


@dataclass(frozen=True)
class ScatterDuplicates(ArrayTask):
    """Scatter the posts of a block that duplicate another by the block of their representative."""

    work_dir: Path
    block: int
    near: bool

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _duplicates_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row for each of these posts."""
        parts = load_part_index(self.work_dir)
        low, high = parts.block_rows(self.block)
        representative, match_kind = candidates.load_matches(self.work_dir, self.block, self.near)
        at = np.flatnonzero(representative != np.arange(low, high))
        rows = make_rows(
            representative=representative[at],
            post=low + at,
            match_kind=match_kind[at],
            **_load_columns(parts, self.block, at),
        )
        return parts.scatter_by_block("row", rows, rows["representative"]), {}


@dataclass(frozen=True)
class DecideClusters(ArrayTask):
    """Decide over the clusters whose representatives are in a block.

    Reads the duplicates of these representatives from all blocks. Writes for each post of a cluster
    its size, its reason, the id of the representative, and whether it is the runner-up: the best
    copy by another author, which replaces the representative if that is taken down. The rows are
    scattered to the tasks that write verdicts.
    """

    work_dir: Path
    block: int
    settings: ClusterSettings
    earlier_rows: int
    id_files: tuple[Path, ...]  # of the parts of the block

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _clusters_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The rows; the facts are counts, the largest clusters, and the campaigns."""
        parts = load_part_index(self.work_dir)
        table, first, size = self._gather_clusters(parts)
        reason = table["match_kind"].copy()
        reason[(reason == _SAME_ID) & table["is_repost"]] = _REPOST
        reason[(reason > 0) & (table["representative"] < self.earlier_rows)] = _EARLIER
        table_size = np.repeat(size, size)
        large = table_size >= self.settings.campaign_posts
        campaigns_found = campaigns.find_campaigns(
            table[large & (table["match_kind"] != _SAME_ID)], self.settings
        )
        by_post = np.argsort(table["post"])
        campaign_rows = [
            by_post[np.searchsorted(table["post"], campaign.posts, sorter=by_post)]
            for campaign in campaigns_found
        ]
        for rows in campaign_rows:
            _mark_campaign(reason, rows[table["match_kind"][rows] > 0])
        if self.settings.max_cluster > 1:
            _keep_copies(table, reason, self.settings.max_cluster)
        if self.settings.drop_campaigns:
            for rows in campaign_rows:
                _mark_campaign(reason, rows)
        is_runner_up = np.zeros(reason.size, bool)
        if self.settings.reserve:
            is_runner_up[self._find_runners_up(table, reason, first, size)] = True
        groups = _verdict_groups(parts)
        group_offsets = parts.part_offsets[[low for low, _ in groups[1:]]]
        destinations = np.searchsorted(group_offsets, table["post"], side="right")
        ids = self._load_ids(parts, table["representative"][first])
        verdicts = make_rows(
            post=table["post"], size=table_size, reason=reason, is_runner_up=is_runner_up
        )
        names = ids.gather(np.repeat(np.arange(size.size), size))
        return {
            **scatter_rows("row", verdicts, destinations, len(groups)),
            **scatter_texts("name", names, destinations, len(groups)),
        }, self._summarize(table["representative"][first], size, ids, campaigns_found)

    def _gather_clusters(self, parts: PartIndex) -> tuple[Rows, I64, I64]:
        """The rows of all clusters, the first row of each cluster, and its size.

        The first row of a cluster is that of its representative.
        """
        low, _ = parts.block_rows(self.block)
        folders = [_duplicates_folder(self.work_dir, at) for at in range(len(parts.blocks))]
        duplicates = gather_rows(folders, "row", self.block)
        post = np.unique(duplicates["representative"])
        representatives = make_rows(
            representative=post,
            post=post,
            match_kind=np.zeros(post.size, np.uint8),
            **_load_columns(parts, self.block, post - low),
        )
        table = np.concatenate([representatives, duplicates.astype(representatives.dtype)])
        table = table[np.lexsort((table["post"], table["match_kind"] > 0, table["representative"]))]
        first = np.flatnonzero(table["post"] == table["representative"])
        return table, first, np.diff(np.append(first, table.size))

    def _find_runners_up(
        self, table: Rows, reason: NDArray[np.uint8], first: I64, size: I64
    ) -> I64:
        """The row of the best copy by another author in each cluster that has one."""
        author = np.repeat(table["author"][first], size)
        is_copy = (
            (table["match_kind"] > _SAME_ID)
            & (reason > 0)
            & (table["representative"] >= self.earlier_rows)
            & (table["author"] != author)
        )
        copies = _by_cluster_and_priority(table, np.flatnonzero(is_copy))
        return copies[mark_group_starts(table["representative"][copies])]

    def _load_ids(self, parts: PartIndex, posts: I64) -> pl.Series:
        """The ids of some posts of the block; ``posts`` is in ascending order."""
        ids = [pl.Series("id", [], dtype=pl.String)]
        for path, part in zip(self.id_files, range(*parts.blocks[self.block]), strict=True):
            begin, end = parts.part_offsets[part : part + 2]
            low, high = np.searchsorted(posts, [begin, end])
            if low < high:
                ids.append(_read_ids(path).gather(posts[low:high] - begin))
        return pl.concat(ids)

    def _summarize(
        self,
        representatives: I64,
        size: I64,
        ids: pl.Series,
        campaigns_found: Sequence[campaigns.Campaign],
    ) -> dict[str, Any]:
        """Counts of clusters by the power of two of their size, the largest, the campaigns."""
        powers = np.bincount(np.floor(np.log2(size)).astype(np.int64))
        largest = np.argsort(-size, kind="stable")[:MAX_LISTED_CLUSTERS]
        names = ids.gather(
            np.searchsorted(representatives, [found.representative for found in campaigns_found])
        )
        return {
            "powers": powers.tolist(),
            "largest": [[int(representatives[at]), int(size[at]), ids[int(at)]] for at in largest],
            "campaigns": [
                [int(found.representative), name, found.facts()]
                for found, name in zip(campaigns_found, names, strict=True)
            ],
        }


def _by_cluster_and_priority(table: Rows, rows: I64) -> I64:
    """``rows`` of the table ordered by cluster, then priority, then reading order."""
    keys = tuple(table[name][rows] for name in ("post", "priority", "representative"))
    return rows[np.lexsort(keys)]


def _mark_campaign(reason: NDArray[np.uint8], rows: I64) -> None:
    """Give ``rows`` the reason ``campaign``, except those that are in an earlier corpus."""
    reason[rows] = np.where(reason[rows] == _EARLIER, _EARLIER, _CAMPAIGN)


def _keep_copies(table: Rows, reason: NDArray[np.uint8], max_copies: int) -> None:
    """Keep up to ``max_copies`` posts of each cluster; never a post twice, and no repost."""
    copies = np.flatnonzero(np.isin(reason, (_EXACT, _NEAR, _CAMPAIGN)))
    copies = _by_cluster_and_priority(table, copies)
    representative = table["representative"][copies]
    # The rank of a copy in its cluster; the representative, which is kept anyway, has rank 0.
    rank = 1 + np.arange(copies.size) - np.searchsorted(representative, representative)
    reason[copies[rank < max_copies]] = 0


def _read_ids(path: Path) -> pl.Series:
    return pl.read_parquet(path, columns=["id"], glob=False)["id"]


@dataclass(frozen=True)
class WriteClusterVerdicts(ResumableTask):
    """Write the verdict files, and the rows of the runner-ups, of some parts.

    Reads the rows of these parts from all blocks, and the ids of the posts. The files have the
    columns ``cluster``, ``cluster_size`` and ``reject``.
    """

    work_dir: Path
    index: int
    parts: tuple[int, ...]
    id_files: tuple[Path, ...]
    verdict_files: tuple[Path, ...]
    runner_up_folders: tuple[Path, ...]

    @property
    def receipt(self) -> Path:
        """The receipt of all parts of the task."""
        return self.work_dir / "verdicts" / f"{self.index:06d}.json"

    def write(self) -> Written:
        """Write the files of one part after the other."""
        blocks = range(len(load_part_index(self.work_dir).blocks))
        folders = [_clusters_folder(self.work_dir, block) for block in blocks]
        row = gather_rows(folders, "row", self.index)
        names = gather_texts(folders, "name", self.index)
        positions = range(len(self.parts))
        return Written([path for at in positions for path in self._write_part(at, row, names)])

    def _write_part(self, position: int, row: Rows, names: pl.Series) -> Iterable[Path]:
        begin, end = load_part_index(self.work_dir).part_offsets[self.parts[position] :][:2]
        own = np.flatnonzero((row["post"] >= begin) & (row["post"] < end))
        at = row["post"][own] - begin
        size, reason = np.ones(end - begin, np.int64), np.zeros(end - begin, np.uint8)
        size[at], reason[at] = row["size"][own], row["reason"][own]
        cluster = _read_ids(self.id_files[position])
        if at.size:
            cluster = cluster.scatter(pl.Series(at), names.gather(own))
        verdict_file = self.verdict_files[position]
        with atomic_write(verdict_file) as temporary:
            make_cluster_verdict_frame(cluster, size, reason).write_parquet(temporary)
        yield verdict_file
        if self.runner_up_folders:
            rows = np.sort(at[row["is_runner_up"][own]])
            folder = self.runner_up_folders[position]
            saved = array_store.save_arrays({"rows": rows}, folder)
            save_receipt(folder / "receipt.json", {}, saved)
            yield from saved


def make_cluster_verdict_frame(
    ids: pl.Series, sizes: NDArray[np.int64], reason: NDArray[np.uint8]
) -> pl.DataFrame:
    """The verdict on a part: the id of the representative, the cluster's size, and the reason.

    ``reason`` is an index into :data:`REASONS`; the column ``reject`` is null for a kept post.
    """
    names = pl.Series("reject", [name or None for name in REASONS], dtype=pl.String)
    return pl.DataFrame(
        {
            "cluster": ids,
            "cluster_size": pl.Series(sizes, dtype=pl.Int64),
            "reject": names.gather(pl.Series(reason, dtype=pl.UInt32)),
        }
    )
