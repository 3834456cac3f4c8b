"""Find the posts of a finished corpus that a newer dump announces as deleted or protected.

The notices of a dump may be more than memory holds, and so may the posts of a corpus: the notices
are written to disk under the names that the corpus has, folded there as a build folds them, and the
corpus is read once, a row group at a time, to look up its ids and authors. In memory are the
requests alone: what the notices name and the corpus has.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from corpus import readers, stages
from corpus.errors import PlanError
from corpus.manifest import load_manifest
from corpus.pipeline import replacements
from corpus.plan import detect_format
from corpus.privacy import keys
from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.privacy.tombstones import TombstoneTable, fold_tombstones, only_removals
from corpus.schema import TOMBSTONE
from corpus.storage.unfinished_takedown import recover
from corpus.tasks.task import run_inline

#: Of an edited post another version is the one to use, which asks for no removal.
_EDITED = "superseded"
_BATCH_POSTS = 20_000
_COLUMNS = ("id", "author", "kind", "parent_id", "created_at", "post_ids", "authors")


@dataclass
class Announced:
    """What notices name of a corpus, as the corpus has it, and how many notices were read."""

    notices: int = 0
    ids: set[str] = field(default_factory=set)
    authors: set[str] = field(default_factory=set)


def find_announced(out: str | Path, source: str, key: str | Path | None = None) -> Announced:
    """The ids and the pseudonyms of authors in the corpus ``out`` that ``source`` announces.

    ``source`` is a file, a folder or a glob in a format that a reader detects. A deletion or a
    protection counts, whether it is a notice of its own or the state of a post in ``source``. Of an
    author who has posts from after the notice, the posts from before are named one by one.
    PlanError if no reader knows a file.
    """
    folder = Path(out)
    recover(folder)
    manifest = load_manifest(folder)
    secret = keys.load_corpus_key(folder, manifest, key)
    pseudonymizer = Pseudonymizer(secret, manifest.get("ids", "original"))
    announced = Announced()
    with tempfile.TemporaryDirectory(prefix="corpus-notices-") as name:
        files = []
        for number, notices in enumerate(_read_notices(source)):
            path = Path(name) / f"{number:06d}.parquet"
            _rename(notices, pseudonymizer).write_parquet(path)
            files.append(path)
            announced.notices += notices.height
        if announced.notices:
            work = Path(name) / "folded"
            fold_tombstones(work, files, announced.notices, run_inline)
            _look_up(_iter_posts(folder, manifest, secret), TombstoneTable(work), announced)
    return announced


def _read_notices(source: str) -> Iterator[pl.DataFrame]:
    """The notices in each batch of each file, except of edits, as rows of :data:`TOMBSTONE`."""
    consent = stages.find(stages.REQUIRED)
    find_withdrawn = consent.build(consent.Config())
    for name, file in _list_files(source):
        reader = readers.find(name)
        config = reader.Config.model_validate({"path": file})
        for batch in reader.read(file, config, _BATCH_POSTS, None):
            withdrawn = find_withdrawn(batch.posts).filter(pl.col("reject").is_not_null())
            of_posts = withdrawn.select(
                target=pl.lit("id"),
                value="id",
                reason="reject",
                said_at=pl.lit(None, pl.Int64),
            )
            notices = pl.concat([batch.tombstones.select(list(TOMBSTONE)), of_posts])
            notices = notices.filter(pl.col("reason") != _EDITED)
            if notices.height:
                yield notices


def _list_files(source: str) -> Iterator[tuple[str, str]]:
    """Each input at ``source`` with the reader that fits it best."""
    ranked = detect_format.rank_readers(source) if Path(source).exists() else []
    name = ranked[0][0] if ranked else "table"
    files = detect_format.list_inputs(name, source)
    if not files:
        raise PlanError(f"no file at '{source}'; give a dump, or a file of notices, with --notices")
    for file in files:
        of_file = detect_format.rank_readers(file) or ranked
        if not of_file or of_file[0][0] == "table":
            raise PlanError(
                f"no reader knows '{file}' as a dump that can announce deletions ('corpus sniff "
                f"{file}'); write the ids or authors to a file and use --ids or --authors"
            )
        yield of_file[0][0], file


def _rename(notices: pl.DataFrame, pseudonymizer: Pseudonymizer) -> pl.DataFrame:
    """The notices with the names that the corpus has for the ids and the authors."""
    is_id = notices["target"] == "id"
    ids = pseudonymizer.pseudonymize_ids(notices["value"])
    return notices.with_columns(
        ids.zip_with(is_id, pseudonymizer.pseudonymize_authors(notices["value"])).alias("value")
    )


def _look_up(posts: Iterator[pl.DataFrame], table: TombstoneTable, announced: Announced) -> None:
    """Add the posts and the authors that are named to ``announced``."""
    named_posts: dict[str, set[str]] = {}
    has_later_posts: set[str] = set()
    for frame in posts:
        for column in ("id", "original"):
            matches = only_removals(table.look_up(frame[column], "id"))
            announced.ids |= set(frame[column].gather(matches["_row"]))
        matches = only_removals(table.look_up(frame["author"], "author"))
        rows = frame[matches["_row"].to_list()].with_columns(matches["said_at"])
        is_meant = ~(pl.col("created_at") >= pl.col("said_at")).fill_null(False)
        meant = rows.filter(is_meant)
        for author, name in meant.select("author", "id").iter_rows():
            named_posts.setdefault(author, set()).add(name)
        # Of several notices, it is enough that one means the post.
        has_later_posts |= set(rows.join(meant, on="id", how="anti")["author"])
    announced.authors |= named_posts.keys() - has_later_posts
    for author in named_posts.keys() & has_later_posts:
        announced.ids |= named_posts[author]


def _iter_posts(folder: Path, manifest: dict[str, Any], key: bytes) -> Iterator[pl.DataFrame]:
    """Frames of all posts with ``id``, ``original``, ``author`` and ``created_at`` (microseconds).

    They are the posts of the shards and of the reserve. Of the ledger, which has no authors, it is
    the ids; those that ``consent`` dropped were announced before.
    """
    for shard in manifest["shards"]:
        with pq.ParquetFile(folder / shard["path"]) as file:
            columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                yield _select_posts(pl.DataFrame(file.read_row_group(group, columns=columns)))
    for path in replacements.list_pieces(folder / replacements.FOLDER):
        yield _select_posts(replacements.load_piece(path, key))
    for path in sorted((folder / "dropped").glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = pl.DataFrame(file.read_row_group(group, columns=["id", "stage"]))
                rows = rows.filter(pl.col("stage") != stages.REQUIRED, pl.col("id").is_not_null())
                yield _select_posts(rows.select("id"))


def _select_posts(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each post of the rows, which may be documents of several posts."""
    missing = [
        pl.lit(None, pl.String).alias(name)
        for name in ("author", "kind", "parent_id")
        if name not in rows.columns
    ]
    rows = rows.with_columns(missing)
    if "created_at" in rows.columns:
        rows = rows.with_columns(pl.col("created_at").cast(pl.Int64))
    else:
        rows = rows.with_columns(pl.lit(None, pl.Int64).alias("created_at"))
    if "post_ids" in rows.columns:
        turns = rows.select(id="post_ids", author="authors").explode("id", "author")
        return turns.with_columns(
            original=pl.lit(None, pl.String), created_at=pl.lit(None, pl.Int64)
        )
    original = pl.when(pl.col("kind") == "repost").then("parent_id").alias("original")
    return rows.select("id", original, "author", "created_at")
