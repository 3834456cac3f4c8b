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
from corpus.output.parquet_options import Layout
from corpus.pipeline import replacements
from corpus.tasks.receipts import LEDGER, file_sha256, write_json

CARD = "index-card.json"
_PLACE = "_place"
_WHO = ("id", "author", "post_ids", "authors")
_REFERENCES = ("parent_id", "root_id", "accepted_id", "cluster")


@dataclass
class Wanted:
    """What must go: post ids, and authors as the corpus has them."""

    ids: frozenset[str]
    authors: frozenset[str]

    def of(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows must go, or hold a turn that must."""
        if "post_ids" in rows.columns:
            ids = pl.col("post_ids").list.eval(pl.element().is_in(self.ids)).list.any()
            people = pl.col("authors").list.eval(pl.element().is_in(self.authors)).list.any()
        else:
            ids, people = pl.col("id").is_in(self.ids), pl.col("author").is_in(self.authors)
        return rows.select(ids.fill_null(False) | people.fill_null(False)).to_series()

    def has(self, name: str, author: str | None) -> bool:
        """Whether a post must go."""
        return name in self.ids or author in self.authors


@dataclass
class Change:
    """What a takedown does, as it is found out."""

    removed: dict[str, str] = field(default_factory=dict)  # id to cluster
    found: set[str] = field(default_factory=set)  # ids and authors that were met somewhere
    elected: dict[str, dict[str, Any]] = field(default_factory=dict)  # old id to the new row
    characters: int = 0  # more than before
    documents: int = 0  # more than before
    alongside: set[str] = field(default_factory=set)  # went with a document that could not be cut
    documents_cut: set[str] = field(default_factory=set)  # the ids of those not as they were
    shards: dict[str, dict[str, Any]] = field(default_factory=dict)
    moves: dict[str, str] = field(default_factory=dict)  # new file to its place


def hit(folder: Path, shard: dict[str, Any], wanted: Wanted) -> list[str]:
    """The ids of the posts in a shard that must go. Two columns are read."""
    names = _columns(folder / shard["path"], _WHO)
    going = names.filter(wanted.of(names))
    if "post_ids" in names.columns:
        turns = going.select(pl.col("post_ids", "authors")).explode("post_ids", "authors")
        return [name for name, author in turns.iter_rows() if wanted.has(name, author)]
    return going["id"].to_list()


def named(folder: Path, shard: dict[str, Any], going: Sequence[str]) -> bool:
    """Whether something in a shard is said to answer, or to copy, a post that must go."""
    found = _columns(folder / shard["path"], _REFERENCES)
    hits = found.select(pl.any_horizontal(pl.all().is_in(list(going))).any())
    return bool(going) and bool(found.width) and bool(hits.item())


def left_of(folder: Path, room: Path, shards: Sequence[dict[str, Any]], change: Change) -> set[str]:
    """The posts that are in some document yet, of those that left one ``alongside``."""
    found: set[str] = set()
    for shard in shards:
        new = room / Path(shard["path"]).name
        path = new if new.exists() else folder / shard["path"]
        ids = _columns(path, ("post_ids",))["post_ids"].explode(empty_as_null=False)
        found |= set(ids.filter(ids.is_in(list(change.alongside))))
    return found


def _columns(path: Path, wanted: Sequence[str]) -> pl.DataFrame:
    """Those of the ``wanted`` columns that a shard has."""
    try:
        names = [name for name in pq.read_schema(path).names if name in wanted]
        return pl.read_parquet(path, columns=names, glob=False)
    except (OSError, pa.ArrowInvalid, pl.exceptions.PolarsError):
        raise BuildError(f"'{path}' is missing or damaged; restore it, or build again") from None


def second_copies(
    folder: Path, wanted: Wanted, going: Sequence[str], key: bytes, change: Change
) -> dict[str, dict[str, Any]]:
    """The copies that can take a place: by the id of the post whose place it is."""
    found: dict[str, dict[str, Any]] = {}
    for path in replacements.pieces(folder / replacements.FOLDER):
        piece = replacements.load(path, key)
        out = wanted.of(piece)
        change.found |= _met(piece.filter(out), wanted)
        able = piece.filter(~out & piece["cluster"].is_in(list(going)))
        found |= {row["cluster"]: row for row in able.iter_rows(named=True)}
    return found


def _met(rows: pl.DataFrame, wanted: Wanted) -> set[str]:
    if "post_ids" in rows.columns:
        rows = rows.select(id="post_ids", author="authors").explode("id", "author")
    return (set(rows["id"]) & wanted.ids) | (set(rows["author"]) & wanted.authors)


def shard_without(
    folder: Path,
    room: Path,
    shard: dict[str, Any],
    wanted: Wanted,
    copies: dict[str, dict[str, Any]],
    renamed: dict[str, str | None],
    joiner: str,
    layout: Layout,
    change: Change,
) -> None:
    """Write the shard anew, with second copies where first ones were."""
    path = folder / shard["path"]
    target = room / path.name
    row_groups: list[int] = []
    with (
        pq.ParquetFile(path) as source,
        layout.writer(target, source.schema_arrow, _dictionary(source)) as writer,
    ):
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)
            posts = pl.DataFrame(table)
            left = _group_without(posts, wanted, copies, renamed, joiner, change)
            change.documents += left.height - posts.height
            if left.height:
                row_groups.append(left.height)
                made = left.to_arrow().cast(source.schema_arrow)
                writer.write_table(made, row_group_size=left.height)
    _sync(target)
    size, sha256 = target.stat().st_size, file_sha256(target)
    change.shards[shard["path"]] = {
        **shard, "rows": sum(row_groups), "bytes": size, "sha256": sha256,
        "row_groups": row_groups,
    }  # fmt: skip
    change.moves[target.name] = shard["path"]


def _dictionary(source: pq.ParquetFile) -> list[str]:
    """The columns that the shard has a dictionary for."""
    if not source.num_row_groups:
        return []
    group = source.metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    return [found.path_in_schema for found in columns if found.has_dictionary_page]


def _group_without(
    posts: pl.DataFrame,
    wanted: Wanted,
    copies: dict[str, dict[str, Any]],
    renamed: dict[str, str | None],
    joiner: str,
    change: Change,
) -> pl.DataFrame:
    """The rows that stay, in their places; what a row became is where the row was."""
    out = wanted.of(posts)
    change.found |= _met(posts.filter(out), wanted)
    placed = posts.with_row_index(_PLACE)
    if "post_ids" in posts.columns:
        new = _cut(placed.filter(out), wanted, joiner, change)
    else:
        new = _elected(placed.filter(out), copies, change)
    made = [{name: row[name] for name in placed.columns} for row in new]
    left = pl.concat([placed.filter(~out), pl.DataFrame(made, schema=placed.schema)])
    return _unnamed(left.sort(_PLACE).drop(_PLACE), renamed)


def _elected(
    gone: pl.DataFrame, copies: dict[str, dict[str, Any]], change: Change
) -> list[dict[str, Any]]:
    """The second copies that take the places of posts that are gone."""
    new = []
    for row in gone.iter_rows(named=True):
        cluster = row.get("cluster") or row["id"]
        change.removed[row["id"]] = cluster
        change.characters -= len(row["text"])
        copy = copies.get(row["id"]) if cluster == row["id"] else None
        if copy is not None:
            change.elected[row["id"]] = copy
            change.characters += len(copy["text"])
            size = max(1, (row.get("cluster_size") or 2) - 1)
            own = {"cluster": copy["id"], "cluster_size": size, _PLACE: row[_PLACE]}
            new.append(copy | own)
    return new


def _cut(hit: pl.DataFrame, wanted: Wanted, joiner: str, change: Change) -> list[dict[str, Any]]:
    """What is left of documents, turns of which must go."""
    new = []
    for row in hit.iter_rows(named=True):
        left, gone = templates.without(row, wanted.has, joiner)
        change.documents_cut.add(row["id"])
        for name, author in zip(row["post_ids"], row["authors"], strict=True):
            if wanted.has(name, author):
                change.removed[name] = name
            elif name in gone:
                change.alongside.add(name)
        change.characters += (len(left["text"]) if left else 0) - len(row["text"])
        if left:
            new.append(left)
    return new


def _unnamed(posts: pl.DataFrame, renamed: dict[str, str | None]) -> pl.DataFrame:
    """Clusters are called after who took the place; what else names a post that is gone is null."""
    nobody = dict.fromkeys(renamed)
    return posts.with_columns(
        pl.col(name).replace(renamed if name == "cluster" else nobody)
        for name in _REFERENCES
        if name in posts.columns and renamed
    )


def reserve_without(folder: Path, room: Path, wanted: Wanted, key: bytes, change: Change) -> None:
    """Copies that must go, that took a place, or whose text nobody has any more."""
    taken = {row["id"] for row in change.elected.values()}
    for path in replacements.pieces(folder / replacements.FOLDER):
        piece = replacements.load(path, key)
        stays = ~wanted.of(piece) & ~piece["id"].is_in(list(taken))
        if not stays.all():
            replacements.save(piece.filter(stays), room / f"reserve-{path.name}", key)
            change.moves[f"reserve-{path.name}"] = f"{replacements.FOLDER}/{path.name}"


def index_without(
    folder: Path, room: Path, key: bytes, change: Change, *, of_documents: bool
) -> None:
    """The index no longer knows what is gone, and knows what took its place.

    Where dedup saw documents, it no longer knows those either that have lost a turn.
    """
    if not (folder / dedup_index.FOLDER / dedup_index.CARD).exists() or not change.removed:
        return
    card = dedup_index.read_card(folder)
    unknown = [*change.removed, *(change.documents_cut if of_documents else ())]
    for piece in card["pieces"]:
        entries = dedup_index.load(folder / dedup_index.FOLDER / piece["path"], key)
        gone = entries.ids.is_in(unknown).to_numpy()
        if not gone.any():
            continue
        elected = [
            change.elected[name] for name in entries.ids.filter(gone) if name in change.elected
        ]
        target = room / f"index-{piece['path']}"
        target.write_bytes(dedup_index.pack(_without(entries, gone, elected), key))
        _sync(target)
        piece |= {
            "rows": piece["rows"] - int(gone.sum()) + len(elected),
            "bytes": target.stat().st_size,
            "sha256": file_sha256(target),
        }
        change.moves[target.name] = f"{dedup_index.FOLDER}/{piece['path']}"
    card |= {name: sum(piece[name] for piece in card["pieces"]) for name in ("rows", "bytes")}
    write_json(room / CARD, card, pretty=True, durable=True)
    change.moves[CARD] = f"{dedup_index.FOLDER}/{dedup_index.CARD}"


def _without(
    entries: dedup_index.Entries, gone: Any, elected: Sequence[dict[str, Any]]
) -> dedup_index.Entries:
    from corpus.partition import union_find

    rows = np.flatnonzero(~gone)
    hashes, counts = union_find.take_shingles(entries.hashes, entries.places, rows)
    more = [np.array(row["_shingles"], np.uint32) for row in elected]
    exact = [[row["_exact_one"], row["_exact_two"]] for row in elected]
    sizes = np.array([piece.size for piece in more], np.int64)
    ids = pl.Series([row["id"] for row in elected], dtype=pl.String)
    return dedup_index.Entries(
        pl.concat([entries.ids.gather(rows), ids]),
        np.concatenate([entries.exact[rows], np.array(exact, np.uint64).reshape(-1, 2)]),
        np.concatenate([hashes, *more]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([counts, sizes]))]),
    )


def ledger_without(folder: Path, room: Path, wanted: Wanted, change: Change) -> None:
    """The ledger forgets the ids, and has a row for each post that went; who moved up leaves it."""
    up = [row["id"] for row in change.elected.values()]
    schema: dict[str, Any] = dict(LEDGER)
    for path in sorted((folder / "dropped").glob("*.parquet")):
        rows = pl.read_parquet(path, glob=False)
        schema = dict(rows.schema)
        named = rows["id"].is_in(list(wanted.ids)).fill_null(False)
        moved = (rows["id"].is_in(up) & (rows["stage"] == "dedup")).fill_null(False)
        change.found |= set(rows["id"].filter(named)) & wanted.ids
        # A cluster's name is the id of the post that is gone.
        clusters = pl.lit(False)
        if "cluster" in rows.columns:
            clusters = pl.col("cluster").is_in([*wanted.ids, *change.removed])
        if not (named | moved).any() and not rows.select(clusters.any()).item():
            continue
        blank = [pl.when(named).then(None).otherwise(pl.col("id")).alias("id")]
        if "cluster" in rows.columns:
            blank.append(pl.when(clusters).then(None).otherwise(pl.col("cluster")).alias("cluster"))
        _save(rows.with_columns(blank).filter(~moved), room, "dropped", path.name, change)
    if change.removed:
        count = len(list((folder / "dropped").glob("takedown-*.parquet")))
        blank_rows = pl.DataFrame(
            {"stage": ["takedown"] * len(change.removed), "reason": "takedown"}
        )
        absent = [pl.lit(None, dtype=t).alias(n) for n, t in schema.items() if n not in blank_rows]
        frame = blank_rows.with_columns(absent).select(list(schema))
        _save(frame, room, "dropped", f"takedown-{count:05d}.parquet", change)


def _save(frame: pl.DataFrame, room: Path, folder: str, name: str, change: Change) -> None:
    target = room / f"{folder}-{name}"
    frame.write_parquet(target, compression="zstd", row_group_size=500_000)
    _sync(target)
    change.moves[target.name] = f"{folder}/{name}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
