"""Split documents into training and validation sets that have nothing in common.

Documents are tied by an author, a thread and a cluster of near duplicates, and all documents of a
*group*, a connected component of ties, are in the same set. So nobody has written documents of both
sets, no reply is separated from the post it replies to, and no near duplicate of a validation
document is trained on. In a social network nearly all documents may be tied: the large groups are
training documents, and the validation set is drawn from the small ones.

A group is identified by its first document. The draw gives each group a random number of 64 bits;
the groups with the smallest numbers are drawn, as many as reach the wanted number of documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.errors import BuildError
from corpus.partition import connected_components, permutation
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import (
    Rows,
    gather_keys,
    gather_rows,
    load_part_index,
    make_rows,
    partition_keys,
    scatter_rows,
    write_part_index,
)
from corpus.storage.parquet_columns import read_present_columns
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.task import (
    Arrays,
    ArrayTask,
    ResumableTask,
    RunTasks,
    Written,
    numbered_folder,
    run_tasks,
)

SPLITS = ("train", "validation")
_NO_TIME = -(1 << 62)  # the time of a document without one
# A group is at most a quarter of the validation set.
_MIN_GROUPS = 4
# A document has about so many names: those of itself, its author, parent, thread and cluster.
_TIES_PER_DOCUMENT = 4
# Documents are counted by the first 16 bits of the number that their group has in the draw, so that
# the last group that is drawn is found without having all groups in memory.
_BINS, _BIN_SHIFT = 1 << 16, 48
_LABEL = "tying"
_POST_ID_COLUMNS = ("id", "parent_id", "root_id", "accepted_id", "cluster")


def parse_day(name: str) -> int | None:
    """The begin of a day such as 2024-05-01 in UTC, in µs; None for an empty string."""
    if not name:
        return None
    return int(datetime.fromisoformat(name).replace(tzinfo=UTC).timestamp()) * 1_000_000


def list_ties(posts: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The names of the author, the thread, the cluster and the posts of each document.

    Returns row numbers and names, of equal length. Documents with a name in common are tied.
    """
    names = [
        pl.concat_str(pl.lit("p:"), name) for name in _present_columns(posts, _POST_ID_COLUMNS)
    ]
    person = pl.concat_str(pl.lit("a:"), "platform", pl.lit(":"), "author")
    rows = posts.with_row_index("row").select(
        pl.col("row").cast(pl.Int64), pl.concat_list(person, *names).alias("name")
    )
    frames = [rows.explode("name")]
    for column, start in (("post_ids", "p:"), ("authors", "a:")):
        if column in posts.columns:
            more = posts.with_row_index("row").select(
                pl.col("row").cast(pl.Int64), "platform", pl.col(column).alias("name")
            )
            more = more.explode("name", empty_as_null=False).drop_nulls("name")
            prefix = [pl.col("platform"), pl.lit(":")] if column == "authors" else []
            frames.append(more.select("row", name=pl.concat_str(pl.lit(start), *prefix, "name")))
    ties = pl.concat(frames).drop_nulls("name").unique(maintain_order=True)
    return ties["row"], ties["name"]


def _present_columns(posts: pl.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in posts.columns]


@dataclass(frozen=True)
class MeasureTies(ArrayTask):
    """Hash the names that tie the documents of a part.

    Reads ``posts``; writes the hashed names and the time of each document.
    """

    posts: Path
    folder: Path

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The hashes and times."""
        wanted = ("platform", "author", "created_at", "post_ids", "authors", *_POST_ID_COLUMNS)
        posts = read_present_columns(self.posts, wanted)
        rows, names = list_ties(posts)
        times = posts["created_at"].dt.timestamp("us").fill_null(_NO_TIME)
        keys = partition_keys("names", hash_strings(names), rows.to_numpy())
        return {**keys, "times": times.to_numpy()}, {}


def choose_validation(
    work_dir: Path,
    folders: Sequence[Path],
    counts: Sequence[int],
    share: float,
    seed: int,
    created_after: int | None,
    run: RunTasks,
) -> None:
    """Choose about ``share`` of all documents; :func:`load_validation_mask` reads the choice.

    ``folders`` have the arrays of :class:`MeasureTies`, ``counts`` the documents of each part. With
    ``created_after``, in µs, only groups are chosen of which every document has a date and none is
    older. Raises BuildError if no group can be chosen.
    """
    parts = write_part_index(work_dir, folders, counts)
    linking = [LinkTies(work_dir, *cut) for cut in parts.key_ranges(_TIES_PER_DOCUMENT)]
    run_tasks(run, linking, _LABEL)
    rounds, _ = connected_components.find_components(work_dir, linking, run, _LABEL)
    blocks = range(len(parts.blocks))
    scattering = [ScatterGroups(work_dir, block, rounds, created_after) for block in blocks]
    run_tasks(run, scattering, _LABEL)
    wanted = max(1.0, share * parts.row_count)
    max_size = max(1.0, share * parts.row_count / _MIN_GROUPS)
    sizing = [SizeGroups(work_dir, block, max_size, seed) for block in blocks]
    facts = run_tasks(run, sizing, _LABEL)
    limit = _find_draw_limit([task.folder for task in sizing], wanted)
    if limit is None:
        largest = max((row["largest"] for row in facts), default=0)
        raise BuildError(
            f"nothing can be set aside for validation: {largest:,} of {parts.row_count:,} "
            "documents are tied together by authors, threads or near duplicates, or all groups "
            "are too large or too old; ask for a larger share (output: validation) or an earlier "
            "validation_after"
        )
    run_tasks(run, [DrawGroups(work_dir, block, limit) for block in blocks], _LABEL)


def load_validation_mask(work_dir: Path, part: int) -> NDArray[np.bool_]:
    """A mask of the documents of a part that are in the validation set."""
    parts = load_part_index(work_dir)
    begin, end = parts.part_offsets[part : part + 2]
    folders = [_drawn_folder(work_dir, block) for block in range(len(parts.blocks))]
    drawn = gather_rows(folders, "drawn", parts.find_block_of_part(part))["post"]
    mask = np.zeros(end - begin, bool)
    mask[drawn[(drawn >= begin) & (drawn < end)] - begin] = True
    return mask


def _find_draw_limit(folders: Sequence[Path], wanted: float) -> int | None:
    """The number, in the draw, of the last group that is drawn.

    The documents of this group and of all with a smaller number are at most ``wanted``. None if
    the first group has more documents, or if there is no group.
    """
    counts = np.zeros(_BINS, np.int64)
    for folder in folders:
        counts += array_store.load_array(folder, "counts")
    before = np.concatenate([[0], np.cumsum(counts)])
    if before[-1] == 0:
        return None
    # All groups of the bins below this one are drawn; the groups of this one are compared one by
    # one.
    last_bin = int(np.searchsorted(before[1:], wanted, side="right"))
    if last_bin < _BINS:
        groups = np.concatenate([_load_bin(folder, last_bin) for folder in folders])
        groups = groups[np.argsort(groups["draw"])]
        fits = before[last_bin] + np.cumsum(groups["size"]) <= wanted
        if fits.any():
            return int(groups["draw"][fits][-1])
    return (last_bin << _BIN_SHIFT) - 1 if before[last_bin] else None


def _load_bin(folder: Path, draw_bin: int) -> Rows:
    """The groups of a block in one bin of the draw."""
    low, high = array_store.load_slice(folder, "group_cuts", draw_bin, draw_bin + 2)
    groups: Rows = array_store.load_slice(folder, "group", int(low), int(high))
    return groups


def _groups_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "groups", block)


def _sizes_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "sizes", block)


def _drawn_folder(work_dir: Path, block: int) -> Path:
    return numbered_folder(work_dir, "drawn", block)


@dataclass(frozen=True)
class LinkTies(ArrayTask):
    """Link the documents that have a name in common, for the names in a key range.

    Reads the hashed names of all parts; writes edges between documents.
    """

    work_dir: Path
    low: int
    high: int

    @property
    def folder(self) -> Path:
        """The folder of the edges."""
        return self.work_dir / f"names-{self.low:03d}-{self.high:03d}"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """As few edges as tie these documents."""
        parts = load_part_index(self.work_dir)
        keys, posts, _ = gather_keys(parts, "names", self.low, self.high, with_second=False)
        by_key = np.argsort(keys, kind="stable")
        keys, posts = keys[by_key], posts[by_key]
        same = np.flatnonzero(keys[1:] == keys[:-1])
        edges = connected_components.star_edges(posts[same], posts[same + 1])
        return connected_components.scatter_edges(self.work_dir, *edges), {}


@dataclass(frozen=True)
class ScatterGroups(ArrayTask):
    """Scatter the documents of a block by the block of the first document of their group.

    Reads the labels of the components; writes each document, its group, and whether it is too old.
    """

    work_dir: Path
    block: int
    rounds: int
    created_after: int | None

    @property
    def folder(self) -> Path:
        """The folder of the rows."""
        return _groups_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """A row for each document."""
        parts = load_part_index(self.work_dir)
        low, high = parts.block_rows(self.block)
        group = np.arange(low, high)
        tied, first = connected_components.load_labels(self.work_dir, self.block, self.rounds)
        group[tied - low] = first
        old = np.zeros(high - low, bool)
        if self.created_after is not None:
            old = parts.load_block_array("times", self.block) < self.created_after
        rows = make_rows(group=group, post=np.arange(low, high), old=old)
        return parts.scatter_by_block("row", rows, group), {}


def _gather_groups(work_dir: Path, block: int) -> Rows:
    """The documents of the groups of a block."""
    blocks = range(len(load_part_index(work_dir).blocks))
    return gather_rows([_groups_folder(work_dir, at) for at in blocks], "row", block)


@dataclass(frozen=True)
class SizeGroups(ArrayTask):
    """Count the documents of each group of a block, and order the groups by the draw.

    Writes the groups that may be drawn, by bin of the draw: their numbers in the draw and sizes;
    and the number of documents in each bin. The fact is the size of the largest group.
    """

    work_dir: Path
    block: int
    max_size: float
    seed: int

    @property
    def folder(self) -> Path:
        """The folder of the groups."""
        return _sizes_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The groups and the counts."""
        low, high = load_part_index(self.work_dir).block_rows(self.block)
        row = _gather_groups(self.work_dir, self.block)
        sizes = np.bincount(row["group"] - low, minlength=high - low)
        can_be_drawn = (sizes > 0) & (sizes <= self.max_size)
        can_be_drawn[row["group"][row["old"]] - low] = False
        groups = np.flatnonzero(can_be_drawn)
        numbers = (groups + low).astype(np.uint64)
        draw = permutation.splitmix64(numbers, "validation", self.seed)
        rows = make_rows(draw=draw, size=sizes[groups], group=groups + low)
        bins = (draw >> np.uint64(_BIN_SHIFT)).astype(np.int64)
        counts = np.bincount(bins, weights=rows["size"], minlength=_BINS).astype(np.int64)
        facts = {"largest": int(sizes.max(initial=0))}
        return {**scatter_rows("group", rows, bins, _BINS), "counts": counts}, facts


@dataclass(frozen=True)
class DrawGroups(ArrayTask):
    """Choose the documents of a block's groups with numbers up to ``draw_limit``.

    Writes the documents, scattered by block.
    """

    work_dir: Path
    block: int
    draw_limit: int

    @property
    def folder(self) -> Path:
        """The folder of the documents."""
        return _drawn_folder(self.work_dir, self.block)

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The row indices of the documents."""
        parts = load_part_index(self.work_dir)
        low, high = parts.block_rows(self.block)
        group = array_store.load_array(_sizes_folder(self.work_dir, self.block), "group")
        chosen = np.zeros(high - low, bool)
        chosen[group["group"][group["draw"] <= np.uint64(self.draw_limit)] - low] = True
        row = _gather_groups(self.work_dir, self.block)
        post = row["post"][chosen[row["group"] - low]]
        return parts.scatter_by_block("drawn", make_rows(post=post), post), {}


@dataclass(frozen=True)
class SplitPart(ResumableTask):
    """Write the training and the validation documents of a part to two files.

    The facts are the rows and the bytes of text of each (``sides``).
    """

    posts: Path
    split_dir: Path  # the ``work_dir`` of the choice
    folder: Path
    index: int

    @property
    def receipt(self) -> Path:
        """The receipt of both files."""
        return self.folder / f"{self.index:06d}.json"

    def side_file(self, split: str) -> Path:
        """The file of the documents of one set."""
        return self.folder / f"{self.index:06d}.{split}.parquet"

    def write(self) -> Written:
        """Write both files."""
        posts = pl.read_parquet(self.posts, glob=False)
        chosen = pl.Series(load_validation_mask(self.split_dir, self.index))
        sizes = {}
        for split, side in (("train", posts.filter(~chosen)), ("validation", posts.filter(chosen))):
            with atomic_write(self.side_file(split)) as temporary:
                side.write_parquet(temporary, compression="zstd", compression_level=1)
            sizes[split] = [side.height, int(side["text"].str.len_bytes().sum())]
        return Written([self.side_file(split) for split in SPLITS], {"sides": sizes})
