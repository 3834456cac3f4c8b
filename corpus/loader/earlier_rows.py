"""Read a corpus in the rows that it had before takedowns, so that a saved position is still valid.

The receipt of a takedown lists for each shard that it rewrote the rows of each row group before,
and which rows it removed. A stream with a state of an earlier version of the corpus counts the rows
of that version: its shares and its random orders are the same, and the removed rows are omitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.journal import CorpusFiles
from corpus.loader.shard_index import ShardIndex
from corpus.manifest import shards_digest

if TYPE_CHECKING:
    import pyarrow as pa


class EarlierRows(NamedTuple):
    """The rows of a shard before takedowns.

    ``row_groups`` are the rows of each row group then; ``numbers`` has for each row of the present
    shard the number that it had then, in ascending order.
    """

    row_groups: list[int]
    numbers: NDArray[np.int64]


def find_earlier_rows(
    files: CorpusFiles,
    manifest: Mapping[str, Any],
    shards: Sequence[Mapping[str, Any]],
    identity: str,
) -> list[EarlierRows] | None:
    """Return the rows that ``shards`` of the manifest had when their digest was ``identity``.

    None if the receipts do not lead back there, or do not list rows, as those of versions up to
    0.1.0.
    """
    if not all("row_groups" in shard for shard in shards):
        return None
    hashes = {shard["path"]: shard["sha256"] for shard in shards}
    rows = {
        shard["path"]: EarlierRows(list(shard["row_groups"]), np.arange(shard["rows"]))
        for shard in shards
    }
    for number in range(len(manifest.get("takedowns", ())), 0, -1):
        try:
            path = files.path(f"takedowns/{number:05d}.json")
            receipt = json.loads(path.read_text(encoding="utf-8"))
            for entry in receipt["shards"]:
                if hashes.get(entry["path"]) == entry["after"]:
                    hashes[entry["path"]] = entry["before"]
                    rows[entry["path"]] = _go_back(rows[entry["path"]], entry)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None
        if shards_digest([{"sha256": hashes[shard["path"]]} for shard in shards]) == identity:
            return [rows[shard["path"]] for shard in shards]
    return None


def _go_back(rows: EarlierRows, entry: Mapping[str, Any]) -> EarlierRows:
    """Return the rows before the takedown that wrote ``entry`` of a receipt."""
    before = list(entry["row_groups_before"])
    kept = np.setdiff1d(np.arange(sum(before)), np.array(entry["removed_rows"], np.int64))
    return EarlierRows(before, kept[rows.numbers])


class EarlierSplit:
    """A split of a corpus as it was before takedowns, without what these removed."""

    def __init__(self, identity: str, current: ShardIndex, rows: list[EarlierRows]) -> None:
        self.identity, self._current, self._rows = identity, current, rows

    def shard_index(self) -> EarlierShardIndex:
        """Return the row groups of that time."""
        return EarlierShardIndex(self._current, self._rows)

    def as_before(self, identity: str) -> None:
        """Return None: an earlier version of an earlier version is found in the present one."""


class EarlierShardIndex:
    """The row groups of a corpus before takedowns, read from the present shards.

    ``row_counts`` and ``rows`` count the removed rows too; :meth:`kept_rows` names the others.
    """

    def __init__(self, current: ShardIndex, rows: Sequence[EarlierRows]) -> None:
        self._current, self._shards = current, list(rows)
        self.row_counts = np.array([count for each in rows for count in each.row_groups], np.int64)
        self.rows = int(self.row_counts.sum())
        self._first_row_group = np.cumsum([0, *(len(each.row_groups) for each in rows)])

    def require_rows(self) -> None:
        """CorpusError for a corpus without documents."""
        self._current.require_rows()

    def require_columns(self, columns: Sequence[str]) -> None:
        """CorpusError for a column that the first shard does not have."""
        self._current.require_columns(columns)

    def prefetch(self, row_groups: Sequence[int], columns: Sequence[str]) -> None:
        """Begin to fetch the row groups that will be read next, if the corpus is at a URL."""
        present = [one for row_group in row_groups for one in self._locate(row_group)[2]]
        self._current.prefetch(present, columns)

    def kept_rows(self, row_group: int) -> NDArray[np.int64] | None:
        """Return which rows of a row group the takedowns have kept; None for all of them."""
        kept = self._locate(row_group)[0]
        return None if kept.size == self.row_counts[row_group] else kept

    def read_row_group(self, row_group: int, columns: Sequence[str]) -> pa.Table:
        """Return the rows of a row group that are still there, as a table."""
        import pyarrow as pa

        kept, offset, present = self._locate(row_group)
        if not present:
            schema = self._current.schema()
            return schema.empty_table().select(list(columns))
        tables = [self._current.read_row_group(one, columns) for one in present]
        return pa.concat_tables(tables).slice(offset, kept.size)

    def _locate(self, row_group: int) -> tuple[NDArray[np.int64], int, list[int]]:
        """Find a row group in the present shards.

        Returns the numbers, in the row group, of its rows that are still there; how many rows of
        the present row groups are before them; and these row groups.
        """
        number = int(np.searchsorted(self._first_row_group, row_group, side="right")) - 1
        shard = self._shards[number]
        within = row_group - int(self._first_row_group[number])
        begin = sum(shard.row_groups[:within])
        end = begin + shard.row_groups[within]
        first, last = np.searchsorted(shard.numbers, [begin, end]).tolist()
        groups = self._current.row_groups_of_shard(number)
        ends = np.cumsum(self._current.row_counts[groups.start : groups.stop])
        low = int(np.searchsorted(ends, first, side="right"))
        high = int(np.searchsorted(ends, last, side="left"))
        present = [groups.start + one for one in range(low, high + 1)] if last > first else []
        offset = first - (int(ends[low - 1]) if low else 0)
        return shard.numbers[first:last] - begin, offset, present
