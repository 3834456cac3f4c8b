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
from corpus.partition.partitions import (  # fmt: skip
    I64,
    Arrays,
    Layout,
    Rows,
    Run,
    Step,
    addressed,
    addressed_texts,
    done,
    layout,
    received,
    received_texts,
    rows,
)
from corpus.tasks import array_store
from corpus.tasks.receipts import load_receipt, replacing, save_receipt

REASONS = (
    "", "same_id", "exact_duplicate", "near_duplicate", "repost", "in_earlier_corpus", "campaign",
)  # fmt: skip
_SAME_ID, _REPOST, _EARLIER, _CAMPAIGN = 1, 4, 5, 6
LARGEST_CLUSTERS = 20
# Each task that tells reads a stretch of every block's file.
_FEW_BLOCKS = 16


@dataclass(frozen=True)
class Wanted:
    """What to do with clusters: the settings of ``dedup`` that say so."""

    max_cluster: int
    drop_campaigns: bool
    reserve: bool
    near: bool
    campaign_posts: int
    campaign_authors: int
    campaign_hours: float
    campaign_words: int


def tell(
    room: Path,
    ids: Sequence[Path],
    targets: Sequence[Path],
    runners: Sequence[Path],
    wanted: Wanted,
    run: Run,
) -> dict[str, Any]:
    """Write the verdict on each part to its target; returns what the manifest tells of clusters.

    ``ids`` are the files with the ids of all parts' posts; the first of them, without a target,
    are of earlier corpora. With ``reserve`` the rows that would take a kept post's place go to the
    folders ``runners``.
    """
    where = layout(room)
    earlier = len(ids) - len(targets)
    known = int(where.begins[earlier])
    done(run, [Send(room, block, wanted.near) for block in range(len(where.blocks))], "deciding")
    clusters = [
        Clusters(room, block, wanted, known, tuple(ids[slice(*parts)]))
        for block, parts in enumerate(where.blocks)
    ]
    told = done(run, clusters, "deciding")
    telling = []
    for index, parts in enumerate(_groups(where)):
        own = [part for part in range(*parts) if part >= earlier]
        telling.append(
            Tell(
                room, index, tuple(own), tuple(ids[part] for part in own),
                tuple(targets[part - earlier] for part in own),
                tuple(runners[part - earlier] for part in own if wanted.reserve),
            )
        )  # fmt: skip
    for _ in run(telling, "deciding"):
        pass
    return _facts(told, known)


def _groups(where: Layout) -> Sequence[tuple[int, int]]:
    """The parts that are told at one time: each by itself as long as there are few blocks."""
    if len(where.blocks) > _FEW_BLOCKS:
        return where.blocks
    return [(part, part + 1) for part in range(len(where.folders))]


def _facts(told: Sequence[dict[str, Any]], known: int) -> dict[str, Any]:
    """What the manifest tells of the clusters; largest first, ties in reading order."""
    counts: dict[int, int] = {}
    for row in told:
        for power, count in enumerate(row["powers"]):
            counts[power] = counts.get(power, 0) + count
    largest = sorted((-size, post, name) for row in told for post, size, name in row["largest"])
    table = sorted(
        (each for row in told for each in row["table"]), key=lambda row: (-row[2]["posts"], row[0])
    )
    return {
        "clusters": sum(counts.values()),
        "clusters_by_size": {
            f"{2**power}-{2 ** (power + 1) - 1}": count
            for power, count in sorted(counts.items())
            if count
        },
        "largest": [
            {"cluster": name, "size": -size, "earlier": post < known}
            for size, post, name in largest[:LARGEST_CLUSTERS]
        ],
        "campaigns": [
            {"cluster": name, **facts} for _, name, facts in table
        ],
    }  # fmt: skip


# --------------------------------------------------------------------------- tasks


@dataclass(frozen=True)
class _Block(Step):
    block: int

    def all(self, kind: str) -> list[Path]:
        """The folders of one kind of task."""
        return [self.room / kind / f"{at:06d}" for at in range(len(layout(self.room).blocks))]


def _columns(where: Layout, block: int, at: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """What is looked at of some posts of a block."""
    names = ("prefer", "again", "time", "author", "tokens")
    return {name: where.column(name, block)[at] for name in names}


@dataclass(frozen=True)
class Send(_Block):
    """Send the posts of a block that leave to the blocks of those that stay."""

    near: bool

    @property
    def folder(self) -> Path:
        """Where the rows go."""
        return self.room / "leaving" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """A row each."""
        where = layout(self.room)
        low, high = where.span(self.block)
        keeper, step = candidates.found(self.room, self.block, self.near)
        at = np.flatnonzero(keeper != np.arange(low, high))
        columns = _columns(where, self.block, at)
        found = rows(keeper=keeper[at], post=low + at, step=step[at], **columns)
        return addressed("row", found, where.block_of(found["keeper"]), len(where.blocks)), {}


@dataclass(frozen=True)
class Clusters(_Block):
    """Decide over the clusters whose kept posts are in a block."""

    wanted: Wanted
    known: int
    ids: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Where the rows for the blocks of the clusters' posts go."""
        return self.room / "clusters" / f"{self.block:06d}"

    def make(self) -> tuple[Arrays, dict[str, Any]]:
        """For each post of a cluster of several: its size, its reason, its name."""
        where = layout(self.room)
        table, first, size = self._whole(where)
        reason = table["step"].copy()
        reason[(reason == _SAME_ID) & table["again"]] = _REPOST
        reason[(reason > 0) & (table["keeper"] < self.known)] = _EARLIER
        table_size = np.repeat(size, size)
        large = table_size >= self.wanted.campaign_posts
        found = campaigns.find(table[large & (table["step"] != _SAME_ID)], self.wanted)
        by_post = np.argsort(table["post"])
        at = [by_post[np.searchsorted(table["post"], row.posts, sorter=by_post)] for row in found]
        for copies in at:
            _campaign(reason, copies[table["step"][copies] > 0])
        if self.wanted.max_cluster > 1:
            _spare(table, reason, self.wanted.max_cluster)
        if self.wanted.drop_campaigns:
            for copies in at:
                _campaign(reason, copies)
        second = np.zeros(reason.size, bool)
        if self.wanted.reserve:
            second[self._runners_up(table, reason, first, size)] = True
        groups = _groups(where)
        edges = where.begins[[low for low, _ in groups[1:]]]
        to = np.searchsorted(edges, table["post"], side="right")
        ids = self._ids(where, table["keeper"][first])
        row = rows(post=table["post"], size=table_size, reason=reason, second=second)
        sent = addressed("row", row, to, len(groups))
        names = ids.gather(np.repeat(np.arange(size.size), size))
        told = self._told(table["keeper"][first], size, ids, found)
        return {**sent, **addressed_texts("name", names, to, len(groups))}, told

    def _whole(self, where: Layout) -> tuple[Rows, I64, I64]:
        """Clusters whole, the post that stays first; where each begins, and its size."""
        low, _ = where.span(self.block)
        left = received(self.all("leaving"), "row", self.block)
        keeper = np.unique(left["keeper"])
        columns = _columns(where, self.block, keeper - low)
        stay = rows(keeper=keeper, post=keeper, step=np.zeros(keeper.size, np.uint8), **columns)
        table = np.concatenate([stay, left.astype(stay.dtype)])
        table = table[np.lexsort((table["post"], table["step"] > 0, table["keeper"]))]
        first = np.flatnonzero(table["post"] == table["keeper"])
        return table, first, np.diff(np.append(first, table.size))

    def _runners_up(
        self, table: Rows, reason: NDArray[np.uint8], first: I64, size: I64
    ) -> NDArray[np.int64]:
        """For each text with copies, the best of them by another author, if there is one."""
        whose = np.repeat(table["author"][first], size)
        copies = np.flatnonzero(
            (table["step"] > _SAME_ID)
            & (reason > 0)
            & (table["keeper"] >= self.known)
            & (table["author"] != whose)
        )
        order = np.lexsort(tuple(table[name][copies] for name in ("post", "prefer", "keeper")))
        copies = copies[order]
        new = np.ones(copies.size, bool)
        new[1:] = table["keeper"][copies[1:]] != table["keeper"][copies[:-1]]
        return copies[new]

    def _ids(self, where: Layout, posts: I64) -> pl.Series:
        """The ids of some posts of the block, given in order."""
        found = [pl.Series("id", [], dtype=pl.String)]
        for path, part in zip(self.ids, range(*where.blocks[self.block]), strict=True):
            begin, end = where.begins[part : part + 2]
            low, high = np.searchsorted(posts, [begin, end])
            if low < high:
                found.append(_ids(path).gather(posts[low:high] - begin))
        return pl.concat(found)

    def _told(
        self, keeper: I64, size: I64, ids: pl.Series, found: Sequence[campaigns.Campaign]
    ) -> dict[str, Any]:
        """Counts of clusters by the power of two of their sizes, the largest, the campaigns."""
        powers = np.bincount(np.floor(np.log2(size)).astype(np.int64))
        largest = np.argsort(-size, kind="stable")[:LARGEST_CLUSTERS]
        names = ids.gather(np.searchsorted(keeper, [row.keeper for row in found]))
        return {
            "powers": powers.tolist(),
            "largest": [[int(keeper[at]), int(size[at]), ids[int(at)]] for at in largest],
            "table": [
                [int(row.keeper), name, row.facts()]
                for row, name in zip(found, names, strict=True)
            ],
        }  # fmt: skip


def _campaign(reason: NDArray[np.uint8], copies: I64) -> None:
    reason[copies] = np.where(reason[copies] == _EARLIER, _EARLIER, _CAMPAIGN)


def _spare(table: Rows, reason: NDArray[np.uint8], most: int) -> None:
    """Let up to ``most`` copies of a text stay; never the same post twice, nor a repost."""
    copies = np.flatnonzero(np.isin(reason, (2, 3, _CAMPAIGN)))
    order = np.lexsort(tuple(table[name][copies] for name in ("post", "prefer", "keeper")))
    copies = copies[order]
    keeper = table["keeper"][copies]
    begins = np.searchsorted(keeper, keeper)
    place = 1 + np.arange(copies.size) - begins  # the post that stays anyway is 0
    reason[copies[place < most]] = 0


def _ids(path: Path) -> pl.Series:
    return pl.read_parquet(path, columns=["id"], glob=False)["id"]


@dataclass(frozen=True)
class Tell:
    """The task of writing the verdicts on some parts."""

    room: Path
    index: int
    parts: tuple[int, ...]
    ids: tuple[Path, ...]
    targets: tuple[Path, ...]
    runners: tuple[Path, ...]

    @property
    def receipt(self) -> Path:
        """Its existence says that the verdicts are there."""
        return self.room / "told" / f"{self.index:06d}.json"

    def __call__(self) -> Tell:
        """Write them unless the receipt is there."""
        if load_receipt(self.receipt) is None:
            blocks = range(len(layout(self.room).blocks))
            folders = [self.room / "clusters" / f"{block:06d}" for block in blocks]
            row = received(folders, "row", self.index)
            names = received_texts(folders, "name", self.index)
            written = [path for at in range(len(self.parts)) for path in self._tell(at, row, names)]
            self.receipt.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            save_receipt(self.receipt, {}, written)
        return self

    def _tell(self, which: int, row: Rows, names: pl.Series) -> list[Path]:
        begin, end = layout(self.room).begins[self.parts[which] :][:2]
        mine = np.flatnonzero((row["post"] >= begin) & (row["post"] < end))
        at = row["post"][mine] - begin
        size, reason = np.ones(end - begin, np.int64), np.zeros(end - begin, np.uint8)
        size[at], reason[at] = row["size"][mine], row["reason"][mine]
        cluster = _ids(self.ids[which])
        if at.size:
            cluster = cluster.scatter(pl.Series(at), names.gather(mine))
        written = [self.targets[which]]
        with replacing(written[0]) as temporary:
            verdict_frame(cluster, size, reason).write_parquet(temporary)
        if self.runners:
            second = np.sort(at[row["second"][mine]])
            written += array_store.save({"rows": second}, self.runners[which])
            save_receipt(self.runners[which] / "receipt.json", {}, written[1:])
        return written


def verdict_frame(
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
