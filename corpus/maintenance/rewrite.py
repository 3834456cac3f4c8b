"""Rewrite the files of a finished corpus without some posts, in a staging folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from corpus.conversations.documents import edit_turns
from corpus.conversations.messages import TurnFormat
from corpus.dedup import dedup_index
from corpus.errors import BuildError
from corpus.maintenance.takedown_request import (
    POST_COLUMNS,
    TURN_COLUMNS,
    TakedownRequest,
    begins_as_repost,
    list_posts,
)
from corpus.output.parquet_options import ParquetOptions
from corpus.pipeline import replacements
from corpus.privacy import people
from corpus.privacy.repeated_texts import QUOTED_LINE_PATTERN, find_repeated_text, is_copy
from corpus.schema import LEDGER_COLUMNS
from corpus.storage.parquet_columns import read_present_columns
from corpus.tasks.files import file_sha256, write_json

INDEX_CARD = f"{dedup_index.INDEX_FOLDER}/{dedup_index.INDEX_FILE}"
_ROW_NUMBER = "_place"
_SEARCHED_COLUMNS = (*POST_COLUMNS, *TURN_COLUMNS.values())
_REFERENCE_COLUMNS = ("parent_id", "root_id", "accepted_id", "cluster")
_POST_SCHEMA = dict.fromkeys((*POST_COLUMNS, "text"), pl.String())
_HAS_QUOTED_LINE = pl.col("text").str.contains(QUOTED_LINE_PATTERN)


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
    #: Copies in the reserve that are reposts of a removed post.
    reposts: set[str] = field(default_factory=set)
    #: By how much the totals change.
    characters: int = 0
    documents: int = 0
    #: Posts that were in a removed document, although the request does not name them.
    removed_with_document: set[str] = field(default_factory=set)
    #: The ids of documents that were cut or removed, and of posts whose text was changed.
    edited_documents: set[str] = field(default_factory=set)
    edited_posts: set[str] = field(default_factory=set)
    #: How many names of people were replaced, and how many rows of the ledger were cleared.
    redacted: int = 0
    cleared: int = 0
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


def _read_columns(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Read those of some columns that a shard has."""
    try:
        return read_present_columns(path, columns)
    except (OSError, pl.exceptions.PolarsError):
        raise BuildError(f"'{path}' is missing or damaged; restore it, or build again") from None


# --------------------------------------------------------------------------- finding


def find_posts(path: Path, request: TakedownRequest, joiner: str) -> tuple[int, pl.DataFrame]:
    """Return how many rows of a shard a request changes, and the posts that it removes from them.

    The columns are ``POST_COLUMNS`` and ``text``. ``joiner`` is the text between turns.
    """
    is_match = request.match_rows(_read_columns(path, _SEARCHED_COLUMNS))
    if not is_match.any():
        return 0, pl.DataFrame(schema=_POST_SCHEMA)
    rows = _read_columns(path, (*_SEARCHED_COLUMNS, "text", "turn_ends")).filter(is_match)
    removed = [
        {name: post.get(name) for name in _POST_SCHEMA}
        for row in rows.iter_rows(named=True)
        for post in list_posts(row, joiner)
        if request.is_removed(post)
    ]
    return rows.height, pl.DataFrame(removed, schema=_POST_SCHEMA)


def find_dropped_posts(folder: Path, request: TakedownRequest, key: bytes) -> pl.DataFrame:
    """Return the requested ids in the ledger, with author and cluster as far as these are known."""
    found = [pl.DataFrame(schema=_POST_SCHEMA)]
    for path in sorted((folder / "dropped").glob("*.parquet")) if request.ids else ():
        rows = _read_columns(path, ("id", "cluster"))
        is_match = rows["id"].is_in(list(request.ids)).fill_null(False)
        if is_match.any():
            rows = rows.with_columns(_load_people(folder, path, rows.height, key)["author"])
            found.append(rows.filter(is_match))
    return pl.concat(found, how="diagonal")


def find_copies(
    path: Path,
    request: TakedownRequest,
    asked: pl.DataFrame,
    names: Mapping[str, Collection[str]],
    joiner: str,
) -> None:
    """Add to a request the posts of a shard that repeat one of the ``asked`` posts by text.

    Such a post names the author of a requested post, and is in its cluster or has its text.
    ``names`` are the names of these authors, as pseudonyms: each with its authors.
    """
    texts_by_author: dict[str, list[str]] = {}
    for author, text in asked.select("author", "text").iter_rows():
        if author is not None:
            texts_by_author.setdefault(author, []).extend([text] if text is not None else ())
    is_match = _mark_originals(path, [*texts_by_author, *names])
    if is_match is None or not is_match.any():
        return
    rows = _read_columns(path, (*_SEARCHED_COLUMNS, "text", "turn_ends")).filter(is_match)
    clusters = {*asked["id"], *asked["cluster"].drop_nulls()}
    for row in rows.iter_rows(named=True):
        for post in list_posts(row, joiner):
            of = {post["original_author"], *names.get(post["original_author"] or "", ())}
            if of.isdisjoint(texts_by_author):
                continue
            texts = [text for author in of for text in texts_by_author.get(author, ())]
            if post.get("kind") == "repost" or begins_as_repost(post):
                if row.get("cluster") in clusters or is_copy(post["text"], texts):
                    request.copies.add(post["id"])
            elif is_copy(find_repeated_text(post["text"]), texts):
                request.quotations.add(post["id"])


def _mark_originals(path: Path, authors: Sequence[str]) -> pl.Series | None:
    """Return which rows of a shard repeat a post of some authors; None if it does not say."""
    rows = _read_columns(path, ("original_author", "original_authors"))
    if "original_authors" in rows.columns:
        found = pl.col("original_authors").list.eval(pl.element().is_in(authors)).list.any()
    elif rows.width:
        found = pl.col("original_author").is_in(authors)
    else:
        return None
    return rows.select(found.fill_null(False).alias("found"))["found"]


def find_reposts(path: Path, request: TakedownRequest, removed: pl.Series) -> None:
    """Add to a request the posts of a shard that repost one of the ``removed`` posts by its id."""
    rows = _read_columns(path, ("id", "kind", "parent_id", "post_ids"))
    is_repost = (pl.col("kind") == "repost") & pl.col("parent_id").is_in(removed.implode())
    rows = rows.filter(is_repost.fill_null(False))
    # The kind of a document is that of its first turn.
    ids = pl.col("post_ids").list.first() if "post_ids" in rows.columns else pl.col("id")
    request.copies.update(rows.select(ids.alias("id"))["id"])


def needs_rewriting(path: Path, request: TakedownRequest, removed: Sequence[str]) -> bool:
    """Return whether a shard refers to or quotes a removed post, or may have a name to replace."""
    rows = _read_columns(path, _REFERENCE_COLUMNS)
    if removed and rows.width:
        refers = pl.any_horizontal(pl.all().is_in(list(removed)))
        if rows.select(refers.any()).item():
            return True
    if not request.edits_other_texts:
        return False
    return bool(request.mark_other_texts(_read_columns(path, ("text",))["text"]).any())


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


# --------------------------------------------------------------------------- the reserve


def find_replacements(
    folder: Path,
    request: TakedownRequest,
    removed: pl.DataFrame,
    key: bytes,
    changes: TakedownChanges,
) -> dict[str, dict[str, Any]]:
    """Return for the ids of removed originals the copies in the reserve that can replace them.

    A repost does not replace what it repeats.
    """
    copies: dict[str, dict[str, Any]] = {}
    representatives = removed.select(
        pl.col("id").alias("cluster"), "kind", "original_author"
    ).unique("cluster", keep="first", maintain_order=True)
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        piece, _, _ = _edit_copies(replacements.load_piece(path, key), request)
        requested = request.match_rows(piece)
        changes.matched |= request.find_matches(piece.filter(requested).to_dicts())
        joined = piece.with_columns(
            pl.lit(None, pl.String).alias(name)
            for name in ("kind", "original_author")
            if name not in piece.columns
        )
        usable = joined.filter(~requested).join(
            representatives, on="cluster", how="inner", suffix="_removed", maintain_order="left"
        )
        same = pl.col("original_author").eq_missing(pl.col("original_author_removed"))
        is_repost = (pl.col("kind") == "repost").fill_null(False) & (
            pl.col("kind_removed") != "repost"
        ).fill_null(True)
        repeats = is_repost | (pl.col("original_author").is_not_null() & ~same)
        changes.reposts |= set(usable.filter(repeats)["id"])
        ids = usable.filter(~repeats)["id"].to_list()
        rows = piece.filter(pl.col("id").is_in(ids) & ~requested)
        copies |= {row["cluster"]: row for row in rows.iter_rows(named=True)}
    return copies


def rewrite_reserve(
    folder: Path, request: TakedownRequest, key: bytes, changes: TakedownChanges
) -> None:
    """Remove from the reserve the posts of the request and the copies that replaced an original."""
    used = {row["id"] for row in changes.replacements.values()} | changes.reposts
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        piece, redacted, is_edited = _edit_copies(replacements.load_piece(path, key), request)
        changes.redacted += redacted
        kept = ~request.match_rows(piece) & ~piece["id"].is_in(list(used))
        if is_edited or not kept.all():
            target = changes.stage(f"{replacements.FOLDER}/{path.name}")
            replacements.save_piece(piece.filter(kept), target, key)


def _edit_copies(piece: pl.DataFrame, request: TakedownRequest) -> tuple[pl.DataFrame, int, bool]:
    """Edit the texts of copies; return how many names were replaced, and whether a text changed.

    A copy of which nothing is left is removed. One whose text was changed has nothing for the index
    any more.
    """
    if not piece.height or not request.edits_other_texts:
        return piece, 0, False
    edited = [request.edit_other_text(text) for text in piece["text"]]
    texts = pl.Series("text", [text for text, _ in edited], dtype=pl.String)
    changed = texts != piece["text"]
    cleared = [
        pl.when(changed).then(None).otherwise(pl.col(name)).alias(name)
        for name in replacements.INDEX_COLUMNS
        if name != "_reason"
    ]
    kept = piece.with_columns(texts, *cleared).filter(pl.Series([bool(t.strip()) for t in texts]))
    return kept, sum(count for _, count in edited), bool(changed.any())


# --------------------------------------------------------------------------- the shards


@dataclass
class ShardRewriter:
    """Writes shards without the posts of a request, with copies in the rows of their originals.

    ``copies`` and ``new_references`` are by the id of the removed post: the row of its copy, and
    the id that replaces its own in the column ``cluster``. ``removed_texts`` are the texts of the
    removed posts by id. ``joiner`` is the text between turns, ``turns`` how they were formatted,
    or None.
    """

    request: TakedownRequest
    copies: Mapping[str, dict[str, Any]]
    new_references: Mapping[str, str | None]
    removed_texts: Mapping[str, str]
    joiner: str
    options: ParquetOptions
    changes: TakedownChanges
    turns: TurnFormat | None = None

    def rewrite(self, folder: Path, shard: dict[str, Any]) -> None:
        """Write the new file of a shard; ``shard`` is its entry in the manifest."""
        target = self.changes.stage(shard["path"])
        before: list[int] = []
        row_groups: list[int] = []
        removed_rows: list[int] = []
        with (
            pq.ParquetFile(folder / shard["path"]) as source,
            self.options.open_writer(
                target, source.schema_arrow, _dictionary_columns(source)
            ) as writer,
        ):
            for group in range(source.num_row_groups):
                rows = pl.DataFrame(source.read_row_group(group))
                kept, removed = self._rewrite_rows(rows)
                removed_rows += (removed + sum(before)).to_list()
                before.append(rows.height)
                self.changes.documents += kept.height - rows.height
                if kept.height:
                    row_groups.append(kept.height)
                    table = kept.to_arrow().cast(source.schema_arrow)
                    writer.write_table(table, row_group_size=kept.height)
        self.changes.removed_rows[shard["path"]] = {
            "row_groups_before": before,
            "removed_rows": removed_rows,
        }
        self.changes.shards[shard["path"]] = {
            **shard,
            "rows": sum(row_groups),
            "bytes": target.stat().st_size,
            "sha256": file_sha256(target),
            "row_groups": row_groups,
        }

    def _rewrite_rows(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """Return the rows to keep in their order, and the numbers of the removed ones.

        A changed row is where the old one was.
        """
        is_changed = self._find_changed_rows(rows)
        numbered = rows.with_row_index(_ROW_NUMBER)
        edit = self._edit_document if "post_ids" in rows.columns else self._edit_post
        edited = [
            {name: new[name] for name in numbered.columns}
            for row in numbered.filter(is_changed).iter_rows(named=True)
            if (new := edit(row)) is not None
        ]
        changed = pl.DataFrame(edited, schema=numbered.schema)
        if "turns" in changed.columns and self.turns is not None:
            changed = changed.with_columns(self.turns.make_turns(changed))
        kept = pl.concat([numbered.filter(~is_changed), changed]).sort(_ROW_NUMBER)
        is_removed = ~numbered[_ROW_NUMBER].is_in(kept[_ROW_NUMBER].implode())
        return self._rewrite_references(kept.drop(_ROW_NUMBER)), numbered[_ROW_NUMBER].filter(
            is_removed
        )

    def _find_changed_rows(self, rows: pl.DataFrame) -> pl.Series:
        """Return which rows have a post to remove, or a text that may have to be changed."""
        is_changed = self.request.match_rows(rows)
        if "parent_id" in rows.columns and self.removed_texts:
            is_reply = pl.col("parent_id").is_in(list(self.removed_texts)) & _HAS_QUOTED_LINE
            is_changed |= rows.select(is_reply.fill_null(False)).to_series()
        return is_changed | self.request.mark_other_texts(rows["text"])

    def _edit_post(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Return the new row of a post; a copy if there is one for a removed post, else None."""
        if not self.request.is_removed(row):
            texts = [self.removed_texts[row["parent_id"]]] if self._is_reply(row) else []
            text, redacted = self.request.edit_text(row, texts)
            if text.strip():
                if text != row["text"]:
                    self.changes.matched |= self.request.find_matches([row])
                return self._change_text(row, text, redacted)
        self.changes.matched |= self.request.find_matches([row])
        cluster = row.get("cluster") or row["id"]
        self.changes.removed[row["id"]] = cluster
        self.changes.characters -= len(row["text"])
        copy = self.copies.get(row["id"]) if cluster == row["id"] else None
        if copy is None:
            return None
        self.changes.replacements[row["id"]] = copy
        self.changes.characters += len(copy["text"])
        size = max(1, (row.get("cluster_size") or 2) - 1)
        own = {"cluster": copy["id"], "cluster_size": size, _ROW_NUMBER: row[_ROW_NUMBER]}
        return dict.fromkeys(row) | copy | own

    def _is_reply(self, row: Mapping[str, Any]) -> bool:
        return row.get("parent_id") in self.removed_texts

    def _change_text(self, row: dict[str, Any], text: str, redacted: int) -> dict[str, Any]:
        """Return a row with another text; what was measured of the old one is forgotten."""
        row = self.request.forget_originals(row)
        if text == row["text"]:
            return row
        self.changes.edited_posts.add(row["id"])
        self.changes.redacted += redacted
        self.changes.characters += len(text) - len(row["text"])
        changed = {"text": text}
        if row.get("pii_person") is not None:
            changed["pii_person"] = row["pii_person"] + redacted
        return row | changed

    def _edit_document(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Return a document without the turns of the request; None if it becomes empty."""
        posts = list_posts(row, self.joiner)
        removed = [number for number, post in enumerate(posts) if self.request.is_removed(post)]
        texts = [posts[number]["text"] for number in removed]
        edits: dict[int, str | None] = dict.fromkeys(removed)
        redactions = 0
        has_ends = row["turn_ends"] is not None and len(row["turn_ends"]) == len(posts)
        if not has_ends and not removed:
            text, redactions = self.request.edit_text(posts[0], [])
            return self._change_text(row, text, redactions)
        for number, post in enumerate(posts):
            if number not in edits and has_ends:
                text, count = self.request.edit_text(post, texts)
                if text != post["text"]:
                    redactions += count
                    edits[number] = text if text.strip() else None
        cut, lost = edit_turns(row, edits, self.joiner)
        if not edits:
            return self.request.forget_originals(row)
        changes = self.changes
        changes.edited_documents.add(row["id"])
        changes.redacted += redactions
        for number, post in enumerate(posts):
            if number in edits:
                changes.matched |= self.request.find_matches([post])
                changes.edited_posts.add(post["id"])
            if edits.get(number, "") is None:
                changes.removed[post["id"]] = post["id"]
            elif post["id"] in lost:
                changes.removed_with_document.add(post["id"])
        changes.characters += (len(cut["text"]) if cut else 0) - len(row["text"])
        if cut is not None and cut.get("pii_person") is not None:
            cut["pii_person"] += redactions
        return self.request.forget_originals(cut) if cut is not None else None

    def _rewrite_references(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Name clusters after the copy that replaced the original; clear other references."""
        nulls = dict.fromkeys(self.new_references)
        return rows.with_columns(
            pl.col(name).replace(self.new_references if name == "cluster" else nulls)
            for name in _REFERENCE_COLUMNS
            if name in rows.columns and self.new_references
        )


def _dictionary_columns(source: pq.ParquetFile) -> list[str]:
    """Return the columns that have a dictionary in a shard."""
    if not source.num_row_groups:
        return []
    group = source.metadata.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return [chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page]


# --------------------------------------------------------------------------- the index


def rewrite_index(
    folder: Path, key: bytes, changes: TakedownChanges, *, indexes_documents: bool
) -> None:
    """Replace in the index the removed posts by their copies.

    Posts whose text was changed are removed too, and, if the index has documents, those that lost a
    turn.
    """
    removed = [*changes.removed, *changes.edited_posts]
    removed += changes.edited_documents if indexes_documents else ()
    if not removed or not (folder / INDEX_CARD).exists():
        return
    index = dedup_index.read_index_file(folder)
    for piece in index["pieces"]:
        entries = dedup_index.load_piece(folder / dedup_index.INDEX_FOLDER / piece["path"], key)
        is_removed = entries.ids.is_in(removed).to_numpy()
        if not is_removed.any():
            continue
        added = [
            changes.replacements[name]
            for name in entries.ids.filter(is_removed)
            if name in changes.replacements and changes.replacements[name]["_exact_one"] is not None
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


# --------------------------------------------------------------------------- the ledger


def rewrite_ledger(
    folder: Path, request: TakedownRequest, key: bytes, changes: TakedownChanges
) -> None:
    """Update the ledger and the file of the people of its rows.

    Of the rows of requested ids and authors, and of reposts of their posts, only stage and reason
    are kept. Copies that replaced an original are no longer dropped. Each removed post gets a row
    that has only stage and reason.
    """
    replaced = [row["id"] for row in changes.replacements.values()]
    schema: dict[str, Any] = dict(LEDGER_COLUMNS)
    for path in sorted((folder / "dropped").glob("*.parquet")):
        rows = pl.read_parquet(path, glob=False)
        schema = dict(rows.schema)
        row_people = _load_people(folder, path, rows.height, key)
        requested = _match_ledger(rows, row_people, request, changes)
        kept = (rows["id"].is_in(replaced) & (rows["stage"] == "dedup")).fill_null(False)
        # The name of a cluster is the id of a post, which may be a removed one.
        named = requested
        if "cluster" in rows.columns:
            clusters = rows["cluster"].is_in([*request.ids, *changes.removed]).fill_null(False)
            named = requested | clusters
        if not (named | kept).any():
            continue
        changes.cleared += int(requested.sum())
        cleared = [
            pl.when(named if name == "cluster" else requested)
            .then(None)
            .otherwise(pl.col(name))
            .alias(name)
            for name in rows.columns
            if name not in ("stage", "reason")
        ]
        rows = rows.with_columns(cleared).filter(~kept)
        _stage_parquet(rows, f"dropped/{path.name}", changes)
        name = f"{people.FOLDER}/{people.ledger_people_name(path.name)}"
        if (folder / name).exists():
            row_people = row_people.with_columns(
                pl.when(requested).then(None).otherwise(pl.all()).name.keep()
            )
            people.save_people(row_people.filter(~kept), changes.stage(name), key)
    if changes.removed:
        count = len(list((folder / "dropped").glob("takedown-*.parquet")))
        rows = pl.DataFrame({"stage": ["takedown"] * len(changes.removed), "reason": "takedown"})
        nulls = [
            pl.lit(None, dtype=t).alias(name) for name, t in schema.items() if name not in rows
        ]
        rows = rows.with_columns(nulls).select(list(schema))
        _stage_parquet(rows, f"dropped/takedown-{count:05d}.parquet", changes)


def _load_people(folder: Path, ledger: Path, height: int, key: bytes) -> pl.DataFrame:
    """Return the people of the rows of a file of the ledger; nulls where none are known."""
    path = folder / people.FOLDER / people.ledger_people_name(ledger.name)
    if not path.exists():
        return pl.DataFrame({name: [None] * height for name in people.COLUMNS}, people.COLUMNS)
    rows = people.load_people(path, key)
    if rows.height != height:
        raise BuildError(f"'{path}' does not belong to '{ledger.name}'; restore it")
    return rows


def _match_ledger(
    rows: pl.DataFrame,
    row_people: pl.DataFrame,
    request: TakedownRequest,
    changes: TakedownChanges,
) -> pl.Series:
    """Return which rows of the ledger are of requested ids or authors, or repost their posts."""
    ids, authors = list(request.ids), list(request.authors)
    tests = [
        rows["id"].is_in(ids),
        row_people["original"].is_in(ids),
        row_people["author"].is_in(authors),
        row_people["original_author"].is_in([*authors, *request.names]),
    ]
    requested = pl.Series([False] * rows.height, dtype=pl.Boolean)
    for test in tests:
        requested |= test.fill_null(False)
    changes.matched |= {*rows["id"].filter(requested), *row_people["original"].filter(requested)}
    for column in ("author", "original_author"):
        found = set(row_people[column].filter(requested))
        changes.matched |= found | {who for name in found for who in request.names.get(name, ())}
    changes.matched &= request.ids | request.authors
    return requested


def clear_names(
    folder: Path, authors: Collection[str], key: bytes, changes: TakedownChanges
) -> None:
    """Remove from the files of names those of some authors."""
    for path in _list_name_files(folder):
        names = people.load_people(path, key)
        kept = ~names["author"].is_in(list(authors))
        if not kept.all():
            name = f"{people.FOLDER}/{path.name}"
            people.save_people(names.filter(kept), changes.stage(name), key)


def load_names(folder: Path, key: bytes) -> people.Names:
    """Return which names stand for which authors."""
    return people.Names(list(_list_name_files(folder)), key)


def _list_name_files(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / people.FOLDER).glob("names-*.sealed"))


def _stage_parquet(rows: pl.DataFrame, name: str, changes: TakedownChanges) -> None:
    """Write rows to the new file ``name`` of the corpus."""
    rows.write_parquet(changes.stage(name), compression="zstd", row_group_size=500_000)
