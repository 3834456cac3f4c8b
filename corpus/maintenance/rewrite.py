"""Write the files of a finished corpus anew without some posts, beside the old ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.conversations import templates
from corpus.dedup import dedup_index
from corpus.errors import BuildError
from corpus.output.parquet_options import ParquetOptions
from corpus.pipeline import replacements
from corpus.schema import LEDGER_COLUMNS
from corpus.tasks.files import file_sha256, write_json

STAGED_INDEX_CARD = "index-card.json"
_ROW_NUMBER = "_place"
_ID_AND_AUTHOR_COLUMNS = ("id", "author", "post_ids", "authors")
_REFERENCE_COLUMNS = ("parent_id", "root_id", "accepted_id", "cluster")


@dataclass
class TakedownRequest:
    """What must go: post ids, and authors as the corpus has them."""

    ids: frozenset[str]
    authors: frozenset[str]

    def match_rows(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows must go, or hold a turn that must."""
        if "post_ids" in rows.columns:
            ids = pl.col("post_ids").list.eval(pl.element().is_in(self.ids)).list.any()
            people = pl.col("authors").list.eval(pl.element().is_in(self.authors)).list.any()
        else:
            ids, people = pl.col("id").is_in(self.ids), pl.col("author").is_in(self.authors)
        return rows.select(ids.fill_null(False) | people.fill_null(False)).to_series()

    def includes_post(self, name: str, author: str | None) -> bool:
        """Whether a post must go."""
        return name in self.ids or author in self.authors


@dataclass
class TakedownChanges:
    """What a takedown does, as it is found out."""

    removed: dict[str, str] = field(default_factory=dict)  # id to cluster
    matched: set[str] = field(default_factory=set)  # ids and authors that were met somewhere
    replacements: dict[str, dict[str, Any]] = field(default_factory=dict)  # old id to the new row
    characters: int = 0  # more than before
    documents: int = 0  # more than before
    removed_with_document: set[str] = field(
        default_factory=set
    )  # went with a document that could not be cut
    edited_documents: set[str] = field(default_factory=set)  # the ids of those not as they were
    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    renames: dict[str, str] = field(default_factory=dict)  # new file to its place


def find_posts_to_remove(
    folder: Path, shard: dict[str, Any], request: TakedownRequest
) -> list[str]:
    """The ids of the posts in a shard that must go. Two columns are read."""
    names = _read_columns(folder / shard["path"], _ID_AND_AUTHOR_COLUMNS)
    going = names.filter(request.match_rows(names))
    if "post_ids" in names.columns:
        turns = going.select(pl.col("post_ids", "authors")).explode("post_ids", "authors")
        return [name for name, author in turns.iter_rows() if request.includes_post(name, author)]
    return going["id"].to_list()


def has_references(folder: Path, shard: dict[str, Any], removed: Sequence[str]) -> bool:
    """Whether something in a shard is said to answer, or to copy, a post that must go."""
    found = _read_columns(folder / shard["path"], _REFERENCE_COLUMNS)
    hits = found.select(pl.any_horizontal(pl.all().is_in(list(removed))).any())
    return bool(removed) and bool(found.width) and bool(hits.item())


def find_remaining_posts(
    folder: Path, staging: Path, shards: Sequence[dict[str, Any]], changes: TakedownChanges
) -> set[str]:
    """The posts that are in some document yet, of those that left one ``alongside``."""
    found: set[str] = set()
    for shard in shards:
        new = staging / Path(shard["path"]).name
        path = new if new.exists() else folder / shard["path"]
        ids = _read_columns(path, ("post_ids",))["post_ids"].explode(empty_as_null=False)
        found |= set(ids.filter(ids.is_in(list(changes.removed_with_document))))
    return found


def _read_columns(path: Path, wanted: Sequence[str]) -> pl.DataFrame:
    """Those of the ``wanted`` columns that a shard has."""
    try:
        names = [name for name in pq.read_schema(path).names if name in wanted]
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
    """The copies that can take a place: by the id of the post whose place it is."""
    found: dict[str, dict[str, Any]] = {}
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        piece = replacements.load_piece(path, key)
        out = request.match_rows(piece)
        changes.matched |= _matched_names(piece.filter(out), request)
        able = piece.filter(~out & piece["cluster"].is_in(list(removed)))
        found |= {row["cluster"]: row for row in able.iter_rows(named=True)}
    return found


def _matched_names(rows: pl.DataFrame, request: TakedownRequest) -> set[str]:
    if "post_ids" in rows.columns:
        rows = rows.select(id="post_ids", author="authors").explode("id", "author")
    return (set(rows["id"]) & request.ids) | (set(rows["author"]) & request.authors)


def rewrite_shard(
    folder: Path,
    staging: Path,
    shard: dict[str, Any],
    request: TakedownRequest,
    replacements: dict[str, dict[str, Any]],
    new_references: dict[str, str | None],
    joiner: str,
    layout: ParquetOptions,
    changes: TakedownChanges,
) -> None:
    """Write the shard anew, with second copies where first ones were."""
    path = folder / shard["path"]
    target = staging / path.name
    row_groups: list[int] = []
    with (
        pq.ParquetFile(path) as source,
        layout.open_writer(target, source.schema_arrow, _dictionary_columns(source)) as writer,
    ):
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)
            posts = pl.DataFrame(table)
            left = _rewrite_row_group(posts, request, replacements, new_references, joiner, changes)
            changes.documents += left.height - posts.height
            if left.height:
                row_groups.append(left.height)
                made = left.to_arrow().cast(source.schema_arrow)
                writer.write_table(made, row_group_size=left.height)
    _sync_file(target)
    size, sha256 = target.stat().st_size, file_sha256(target)
    changes.shards[shard["path"]] = {
        **shard, "rows": sum(row_groups), "bytes": size, "sha256": sha256,
        "row_groups": row_groups,
    }  # fmt: skip
    changes.renames[target.name] = shard["path"]


def _dictionary_columns(source: pq.ParquetFile) -> list[str]:
    """The columns that the shard has a dictionary for."""
    if not source.num_row_groups:
        return []
    group = source.metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    return [found.path_in_schema for found in columns if found.has_dictionary_page]


def _rewrite_row_group(
    posts: pl.DataFrame,
    request: TakedownRequest,
    replacements: dict[str, dict[str, Any]],
    new_references: dict[str, str | None],
    joiner: str,
    changes: TakedownChanges,
) -> pl.DataFrame:
    """The rows that stay, in their places; what a row became is where the row was."""
    out = request.match_rows(posts)
    changes.matched |= _matched_names(posts.filter(out), request)
    placed = posts.with_row_index(_ROW_NUMBER)
    if "post_ids" in posts.columns:
        new = _cut_documents(placed.filter(out), request, joiner, changes)
    else:
        new = _replacement_rows(placed.filter(out), replacements, changes)
    made = [{name: row[name] for name in placed.columns} for row in new]
    left = pl.concat([placed.filter(~out), pl.DataFrame(made, schema=placed.schema)])
    return _rewrite_references(left.sort(_ROW_NUMBER).drop(_ROW_NUMBER), new_references)


def _replacement_rows(
    removed: pl.DataFrame, replacements: dict[str, dict[str, Any]], changes: TakedownChanges
) -> list[dict[str, Any]]:
    """The second copies that take the places of posts that are gone."""
    new = []
    for row in removed.iter_rows(named=True):
        cluster = row.get("cluster") or row["id"]
        changes.removed[row["id"]] = cluster
        changes.characters -= len(row["text"])
        copy = replacements.get(row["id"]) if cluster == row["id"] else None
        if copy is not None:
            changes.replacements[row["id"]] = copy
            changes.characters += len(copy["text"])
            size = max(1, (row.get("cluster_size") or 2) - 1)
            own = {"cluster": copy["id"], "cluster_size": size, _ROW_NUMBER: row[_ROW_NUMBER]}
            new.append(copy | own)
    return new


def _cut_documents(
    documents: pl.DataFrame, request: TakedownRequest, joiner: str, changes: TakedownChanges
) -> list[dict[str, Any]]:
    """What is left of documents, turns of which must go."""
    new = []
    for row in documents.iter_rows(named=True):
        left, gone = templates.remove_turns(row, request.includes_post, joiner)
        changes.edited_documents.add(row["id"])
        for name, author in zip(row["post_ids"], row["authors"], strict=True):
            if request.includes_post(name, author):
                changes.removed[name] = name
            elif name in gone:
                changes.removed_with_document.add(name)
        changes.characters += (len(left["text"]) if left else 0) - len(row["text"])
        if left:
            new.append(left)
    return new


def _rewrite_references(posts: pl.DataFrame, new_references: dict[str, str | None]) -> pl.DataFrame:
    """Clusters are called after who took the place; what else names a post that is gone is null."""
    nobody = dict.fromkeys(new_references)
    return posts.with_columns(
        pl.col(name).replace(new_references if name == "cluster" else nobody)
        for name in _REFERENCE_COLUMNS
        if name in posts.columns and new_references
    )


def rewrite_reserve(
    folder: Path, staging: Path, request: TakedownRequest, key: bytes, changes: TakedownChanges
) -> None:
    """Copies that must go, that took a place, or whose text nobody has any more."""
    taken = {row["id"] for row in changes.replacements.values()}
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        piece = replacements.load_piece(path, key)
        stays = ~request.match_rows(piece) & ~piece["id"].is_in(list(taken))
        if not stays.all():
            replacements.save_piece(piece.filter(stays), staging / f"reserve-{path.name}", key)
            changes.renames[f"reserve-{path.name}"] = f"{replacements.FOLDER}/{path.name}"


def rewrite_index(
    folder: Path, staging: Path, key: bytes, changes: TakedownChanges, *, indexes_documents: bool
) -> None:
    """The index no longer knows what is gone, and knows what took its place.

    Where dedup saw documents, it no longer knows those either that have lost a turn.
    """
    if (
        not (folder / dedup_index.INDEX_FOLDER / dedup_index.INDEX_FILE).exists()
        or not changes.removed
    ):
        return
    card = dedup_index.read_index_file(folder)
    unknown = [*changes.removed, *(changes.edited_documents if indexes_documents else ())]
    for piece in card["pieces"]:
        entries = dedup_index.load_piece(folder / dedup_index.INDEX_FOLDER / piece["path"], key)
        gone = entries.ids.is_in(unknown).to_numpy()
        if not gone.any():
            continue
        elected = [
            changes.replacements[name]
            for name in entries.ids.filter(gone)
            if name in changes.replacements
        ]
        target = staging / f"index-{piece['path']}"
        target.write_bytes(dedup_index.encrypt_piece(_replace_entries(entries, gone, elected), key))
        _sync_file(target)
        piece |= {
            "rows": piece["rows"] - int(gone.sum()) + len(elected),
            "bytes": target.stat().st_size,
            "sha256": file_sha256(target),
        }
        changes.renames[target.name] = f"{dedup_index.INDEX_FOLDER}/{piece['path']}"
    card |= {name: sum(piece[name] for piece in card["pieces"]) for name in ("rows", "bytes")}
    write_json(staging / STAGED_INDEX_CARD, card, pretty=True, durable=True)
    changes.renames[STAGED_INDEX_CARD] = f"{dedup_index.INDEX_FOLDER}/{dedup_index.INDEX_FILE}"


def _replace_entries(
    entries: dedup_index.IndexPiece, removed: Any, added: Sequence[dict[str, Any]]
) -> dedup_index.IndexPiece:
    from corpus.dedup import candidates_kernel

    rows = np.flatnonzero(~removed)
    hashes, counts = candidates_kernel.gather_shingles(
        entries.shingle_hashes, entries.shingle_offsets, rows
    )
    more = [np.array(row["_shingles"], np.uint32) for row in added]
    exact = [[row["_exact_one"], row["_exact_two"]] for row in added]
    sizes = np.array([piece.size for piece in more], np.int64)
    ids = pl.Series([row["id"] for row in added], dtype=pl.String)
    return dedup_index.IndexPiece(
        pl.concat([entries.ids.gather(rows), ids]),
        np.concatenate([entries.text_hashes[rows], np.array(exact, np.uint64).reshape(-1, 2)]),
        np.concatenate([hashes, *more]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([counts, sizes]))]),
    )


def rewrite_ledger(
    folder: Path, staging: Path, request: TakedownRequest, changes: TakedownChanges
) -> None:
    """The ledger forgets the ids, and has a row for each post that went; who moved up leaves it."""
    up = [row["id"] for row in changes.replacements.values()]
    schema: dict[str, Any] = dict(LEDGER_COLUMNS)
    for path in sorted((folder / "dropped").glob("*.parquet")):
        rows = pl.read_parquet(path, glob=False)
        schema = dict(rows.schema)
        named = rows["id"].is_in(list(request.ids)).fill_null(False)
        moved = (rows["id"].is_in(up) & (rows["stage"] == "dedup")).fill_null(False)
        changes.matched |= set(rows["id"].filter(named)) & request.ids
        # A cluster's name is the id of the post that is gone.
        clusters = pl.lit(False)
        if "cluster" in rows.columns:
            clusters = pl.col("cluster").is_in([*request.ids, *changes.removed])
        if not (named | moved).any() and not rows.select(clusters.any()).item():
            continue
        blank = [pl.when(named).then(None).otherwise(pl.col("id")).alias("id")]
        if "cluster" in rows.columns:
            blank.append(pl.when(clusters).then(None).otherwise(pl.col("cluster")).alias("cluster"))
        _stage_parquet(
            rows.with_columns(blank).filter(~moved), staging, "dropped", path.name, changes
        )
    if changes.removed:
        count = len(list((folder / "dropped").glob("takedown-*.parquet")))
        blank_rows = pl.DataFrame(
            {"stage": ["takedown"] * len(changes.removed), "reason": "takedown"}
        )
        absent = [pl.lit(None, dtype=t).alias(n) for n, t in schema.items() if n not in blank_rows]
        frame = blank_rows.with_columns(absent).select(list(schema))
        _stage_parquet(frame, staging, "dropped", f"takedown-{count:05d}.parquet", changes)


def _stage_parquet(
    frame: pl.DataFrame, staging: Path, folder: str, name: str, changes: TakedownChanges
) -> None:
    target = staging / f"{folder}-{name}"
    frame.write_parquet(target, compression="zstd", row_group_size=500_000)
    _sync_file(target)
    changes.renames[target.name] = f"{folder}/{name}"


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
