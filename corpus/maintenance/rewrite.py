"""Rewrite the files of a finished corpus without some posts, in a staging folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.conversations.documents import remove_turns
from corpus.dedup import dedup_index
from corpus.errors import BuildError
from corpus.output.parquet_options import ParquetOptions
from corpus.pipeline import replacements
from corpus.privacy import suppression
from corpus.schema import LEDGER_COLUMNS
from corpus.tasks.files import file_sha256, write_json

INDEX_CARD = f"{dedup_index.INDEX_FOLDER}/{dedup_index.INDEX_FILE}"
_ROW_NUMBER = "_place"
_ID_AND_AUTHOR_COLUMNS = ("id", "author", "post_ids", "authors")
_REFERENCE_COLUMNS = ("parent_id", "root_id", "accepted_id", "cluster")


@dataclass
class TakedownRequest:
    """The posts to remove: ids, and pseudonyms of authors, as the corpus has them."""

    ids: frozenset[str]
    authors: frozenset[str]
    #: What adding the request to the suppression list did; None if it was not added.
    listed: suppression.Addition | None = None

    def match_rows(self, rows: pl.DataFrame) -> pl.Series:
        """Return for each row whether it is, or contains, a post to remove."""
        if "post_ids" in rows.columns:
            ids = pl.col("post_ids").list.eval(pl.element().is_in(self.ids)).list.any()
            authors = pl.col("authors").list.eval(pl.element().is_in(self.authors)).list.any()
        else:
            ids, authors = pl.col("id").is_in(self.ids), pl.col("author").is_in(self.authors)
        return rows.select(ids.fill_null(False) | authors.fill_null(False)).to_series()

    def includes_post(self, name: str, author: str | None) -> bool:
        """Return whether a post is to be removed."""
        return name in self.ids or author in self.authors


@dataclass
class TakedownChanges:
    """The changes of a takedown, collected while the files are rewritten.

    New files are written to ``staging`` under the names that they will have in the corpus.
    """

    staging: Path
    #: Removed posts: id to cluster.
    removed: dict[str, str] = field(default_factory=dict)
    #: Requested ids and authors that the corpus contains.
    matched: set[str] = field(default_factory=set)
    #: Copies that replace a removed original: id of the original to the row of the copy.
    replacements: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: By how much the totals change.
    characters: int = 0
    documents: int = 0
    #: Posts that were in a removed document, although the request does not name them.
    removed_with_document: set[str] = field(default_factory=set)
    #: The ids of documents that were cut or removed.
    edited_documents: set[str] = field(default_factory=set)
    #: Path of a rewritten shard to its new entry in the manifest.
    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Of each rewritten shard, for its entry in the receipt: the rows of each row group before, and
    #: the numbers of the rows that were removed.
    removed_rows: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    #: The names of the new files in the order in which they are moved: the manifest is the last.
    files: list[str] = field(default_factory=list)

    def stage(self, name: str) -> Path:
        """Return where to write the new file ``name`` of the corpus."""
        path = self.staging / name
        path.parent.mkdir(exist_ok=True)
        self.files.append(name)
        return path

    def path(self, folder: Path, name: str) -> Path:
        """Return the new file ``name``, or the present one of ``folder`` if it is not changed."""
        return self.staging / name if name in self.files else folder / name


def find_posts_to_remove(
    folder: Path, shard: dict[str, Any], request: TakedownRequest
) -> list[str]:
    """Return the ids of the posts in a shard that are to be removed."""
    rows = _read_columns(folder / shard["path"], _ID_AND_AUTHOR_COLUMNS)
    matched = rows.filter(request.match_rows(rows))
    if "post_ids" in rows.columns:
        turns = matched.select(pl.col("post_ids", "authors")).explode("post_ids", "authors")
        return [name for name, author in turns.iter_rows() if request.includes_post(name, author)]
    return matched["id"].to_list()


def has_references(folder: Path, shard: dict[str, Any], removed: Sequence[str]) -> bool:
    """Return whether a post of a shard replies to, or is a copy of, a removed post."""
    rows = _read_columns(folder / shard["path"], _REFERENCE_COLUMNS)
    referring = rows.select(pl.any_horizontal(pl.all().is_in(list(removed))).any())
    return bool(removed) and bool(rows.width) and bool(referring.item())


def find_remaining_posts(
    folder: Path, shards: Sequence[dict[str, Any]], changes: TakedownChanges
) -> set[str]:
    """Return which of the posts removed with a document another document still contains."""
    remaining: set[str] = set()
    for shard in shards:
        path = changes.path(folder, shard["path"])
        ids = _read_columns(path, ("post_ids",))["post_ids"].explode(empty_as_null=False)
        remaining |= set(ids.filter(ids.is_in(list(changes.removed_with_document))))
    return remaining


def _read_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Read those of some columns that a shard has."""
    try:
        names = [name for name in pq.read_schema(path).names if name in columns]
        return pl.read_parquet(path, columns=names, glob=False)
    except (OSError, pa.ArrowInvalid, pl.exceptions.PolarsError):
        raise BuildError(f"'{path}' is missing or damaged; restore it, or build again") from None


def find_replacements(
    folder: Path,
    request: TakedownRequest,
    removed: Sequence[str],
    key: bytes,
    changes: TakedownChanges,
) -> dict[str, dict[str, Any]]:
    """Return for the ids of removed originals the copies in the reserve that can replace them."""
    copies: dict[str, dict[str, Any]] = {}
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        piece = replacements.load_piece(path, key)
        requested = request.match_rows(piece)
        changes.matched |= _matched_names(piece.filter(requested), request)
        usable = piece.filter(~requested & piece["cluster"].is_in(list(removed)))
        copies |= {row["cluster"]: row for row in usable.iter_rows(named=True)}
    return copies


def _matched_names(rows: pl.DataFrame, request: TakedownRequest) -> set[str]:
    """Return the requested ids and authors that are in some rows."""
    if "post_ids" in rows.columns:
        rows = rows.select(id="post_ids", author="authors").explode("id", "author")
    return (set(rows["id"]) & request.ids) | (set(rows["author"]) & request.authors)


def rewrite_shard(
    folder: Path,
    shard: dict[str, Any],
    request: TakedownRequest,
    copies: dict[str, dict[str, Any]],
    new_references: dict[str, str | None],
    joiner: str,
    options: ParquetOptions,
    changes: TakedownChanges,
) -> None:
    """Write a shard without the posts of the request, with copies in the rows of their originals.

    ``copies`` and ``new_references`` are by the id of the removed post: the row of its copy, and
    the id that replaces its own in the column ``cluster``. ``joiner`` is the text between turns.
    """
    path = folder / shard["path"]
    target = changes.stage(shard["path"])
    before: list[int] = []
    row_groups: list[int] = []
    removed_rows: list[int] = []
    with (
        pq.ParquetFile(path) as source,
        options.open_writer(target, source.schema_arrow, _dictionary_columns(source)) as writer,
    ):
        for group in range(source.num_row_groups):
            rows = pl.DataFrame(source.read_row_group(group))
            kept, removed = _rewrite_row_group(
                rows, request, copies, new_references, joiner, changes
            )
            removed_rows += (removed + sum(before)).to_list()
            before.append(rows.height)
            changes.documents += kept.height - rows.height
            if kept.height:
                row_groups.append(kept.height)
                table = kept.to_arrow().cast(source.schema_arrow)
                writer.write_table(table, row_group_size=kept.height)
    changes.removed_rows[shard["path"]] = {
        "row_groups_before": before,
        "removed_rows": removed_rows,
    }
    changes.shards[shard["path"]] = {
        **shard,
        "rows": sum(row_groups),
        "bytes": target.stat().st_size,
        "sha256": file_sha256(target),
        "row_groups": row_groups,
    }


def _dictionary_columns(source: pq.ParquetFile) -> list[str]:
    """Return the columns that have a dictionary in a shard."""
    if not source.num_row_groups:
        return []
    group = source.metadata.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return [chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page]


def _rewrite_row_group(
    rows: pl.DataFrame,
    request: TakedownRequest,
    copies: dict[str, dict[str, Any]],
    new_references: dict[str, str | None],
    joiner: str,
    changes: TakedownChanges,
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows to keep in their order, and the numbers of the removed ones.

    A changed row is where the old one was.
    """
    requested = request.match_rows(rows)
    changes.matched |= _matched_names(rows.filter(requested), request)
    numbered = rows.with_row_index(_ROW_NUMBER)
    if "post_ids" in rows.columns:
        changed = _cut_documents(numbered.filter(requested), request, joiner, changes)
    else:
        changed = _replacement_rows(numbered.filter(requested), copies, changes)
    changed = [{name: row[name] for name in numbered.columns} for row in changed]
    kept = pl.concat([numbered.filter(~requested), pl.DataFrame(changed, schema=numbered.schema)])
    kept = kept.sort(_ROW_NUMBER)
    is_removed = ~numbered[_ROW_NUMBER].is_in(kept[_ROW_NUMBER].implode())
    removed = numbered[_ROW_NUMBER].filter(is_removed)
    return _rewrite_references(kept.drop(_ROW_NUMBER), new_references), removed


def _replacement_rows(
    removed: pl.DataFrame, copies: dict[str, dict[str, Any]], changes: TakedownChanges
) -> list[dict[str, Any]]:
    """Return the copies that replace removed posts, with the row numbers of these."""
    rows = []
    for row in removed.iter_rows(named=True):
        cluster = row.get("cluster") or row["id"]
        changes.removed[row["id"]] = cluster
        changes.characters -= len(row["text"])
        copy = copies.get(row["id"]) if cluster == row["id"] else None
        if copy is not None:
            changes.replacements[row["id"]] = copy
            changes.characters += len(copy["text"])
            size = max(1, (row.get("cluster_size") or 2) - 1)
            own = {"cluster": copy["id"], "cluster_size": size, _ROW_NUMBER: row[_ROW_NUMBER]}
            rows.append(copy | own)
    return rows


def _cut_documents(
    documents: pl.DataFrame, request: TakedownRequest, joiner: str, changes: TakedownChanges
) -> list[dict[str, Any]]:
    """Return documents without the turns of the request, and omit documents that become empty."""
    rows = []
    for row in documents.iter_rows(named=True):
        cut, lost = remove_turns(row, request.includes_post, joiner)
        changes.edited_documents.add(row["id"])
        for name, author in zip(row["post_ids"], row["authors"], strict=True):
            if request.includes_post(name, author):
                changes.removed[name] = name
            elif name in lost:
                changes.removed_with_document.add(name)
        changes.characters += (len(cut["text"]) if cut else 0) - len(row["text"])
        if cut:
            rows.append(cut)
    return rows


def _rewrite_references(rows: pl.DataFrame, new_references: dict[str, str | None]) -> pl.DataFrame:
    """Name clusters after the copy that replaced the original; clear other references to it."""
    nulls = dict.fromkeys(new_references)
    return rows.with_columns(
        pl.col(name).replace(new_references if name == "cluster" else nulls)
        for name in _REFERENCE_COLUMNS
        if name in rows.columns and new_references
    )


def rewrite_reserve(
    folder: Path, request: TakedownRequest, key: bytes, changes: TakedownChanges
) -> None:
    """Remove from the reserve the posts of the request and the copies that replaced an original."""
    used = {row["id"] for row in changes.replacements.values()}
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        piece = replacements.load_piece(path, key)
        kept = ~request.match_rows(piece) & ~piece["id"].is_in(list(used))
        if not kept.all():
            target = changes.stage(f"{replacements.FOLDER}/{path.name}")
            replacements.save_piece(piece.filter(kept), target, key)


def rewrite_index(
    folder: Path, key: bytes, changes: TakedownChanges, *, indexes_documents: bool
) -> None:
    """Replace in the index the removed posts by their copies.

    If the index has documents, those that lost a turn are removed too.
    """
    if (
        not (folder / dedup_index.INDEX_FOLDER / dedup_index.INDEX_FILE).exists()
        or not changes.removed
    ):
        return
    index = dedup_index.read_index_file(folder)
    removed = [*changes.removed, *(changes.edited_documents if indexes_documents else ())]
    for piece in index["pieces"]:
        entries = dedup_index.load_piece(folder / dedup_index.INDEX_FOLDER / piece["path"], key)
        is_removed = entries.ids.is_in(removed).to_numpy()
        if not is_removed.any():
            continue
        added = [
            changes.replacements[name]
            for name in entries.ids.filter(is_removed)
            if name in changes.replacements
        ]
        target = changes.stage(f"{dedup_index.INDEX_FOLDER}/{piece['path']}")
        target.write_bytes(
            dedup_index.encrypt_piece(_replace_entries(entries, is_removed, added), key)
        )
        piece |= {
            "rows": piece["rows"] - int(is_removed.sum()) + len(added),
            "bytes": target.stat().st_size,
            "sha256": file_sha256(target),
        }
    index |= {name: sum(piece[name] for piece in index["pieces"]) for name in ("rows", "bytes")}
    write_json(changes.stage(INDEX_CARD), index, pretty=True)


def _replace_entries(
    entries: dedup_index.IndexPiece, removed: Any, added: Sequence[dict[str, Any]]
) -> dedup_index.IndexPiece:
    """Return a piece of the index without the removed entries, and with those of added rows."""
    from corpus.dedup import candidates_kernel

    rows = np.flatnonzero(~removed)
    hashes, counts = candidates_kernel.gather_shingles(
        entries.shingle_hashes, entries.shingle_offsets, rows
    )
    added_hashes = [np.array(row["_shingles"], np.uint32) for row in added]
    text_hashes = [[row["_exact_one"], row["_exact_two"]] for row in added]
    sizes = np.array([hashes_of_row.size for hashes_of_row in added_hashes], np.int64)
    ids = pl.Series([row["id"] for row in added], dtype=pl.String)
    return dedup_index.IndexPiece(
        pl.concat([entries.ids.gather(rows), ids]),
        np.concatenate(
            [entries.text_hashes[rows], np.array(text_hashes, np.uint64).reshape(-1, 2)]
        ),
        np.concatenate([hashes, *added_hashes]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([counts, sizes]))]),
    )


def rewrite_ledger(folder: Path, request: TakedownRequest, changes: TakedownChanges) -> None:
    """Update the ledger.

    Requested ids are cleared, copies that replaced an original are no longer dropped, and each
    removed post gets a row that has only stage and reason.
    """
    replaced = [row["id"] for row in changes.replacements.values()]
    schema: dict[str, Any] = dict(LEDGER_COLUMNS)
    for path in sorted((folder / "dropped").glob("*.parquet")):
        rows = pl.read_parquet(path, glob=False)
        schema = dict(rows.schema)
        requested = rows["id"].is_in(list(request.ids)).fill_null(False)
        kept = (rows["id"].is_in(replaced) & (rows["stage"] == "dedup")).fill_null(False)
        changes.matched |= set(rows["id"].filter(requested)) & request.ids
        # The name of a cluster is the id of a post, which may be a removed one.
        clusters = pl.lit(False)
        if "cluster" in rows.columns:
            clusters = pl.col("cluster").is_in([*request.ids, *changes.removed])
        if not (requested | kept).any() and not rows.select(clusters.any()).item():
            continue
        cleared = [pl.when(requested).then(None).otherwise(pl.col("id")).alias("id")]
        if "cluster" in rows.columns:
            name = pl.when(clusters).then(None).otherwise(pl.col("cluster"))
            cleared.append(name.alias("cluster"))
        rows = rows.with_columns(cleared).filter(~kept)
        _stage_parquet(rows, f"dropped/{path.name}", changes)
    if changes.removed:
        count = len(list((folder / "dropped").glob("takedown-*.parquet")))
        rows = pl.DataFrame({"stage": ["takedown"] * len(changes.removed), "reason": "takedown"})
        nulls = [
            pl.lit(None, dtype=t).alias(name) for name, t in schema.items() if name not in rows
        ]
        rows = rows.with_columns(nulls).select(list(schema))
        _stage_parquet(rows, f"dropped/takedown-{count:05d}.parquet", changes)


def _stage_parquet(rows: pl.DataFrame, name: str, changes: TakedownChanges) -> None:
    """Write rows to the new file ``name`` of the corpus."""
    rows.write_parquet(changes.stage(name), compression="zstd", row_group_size=500_000)
