"""Find the texts of dropped posts again, and redact them: the ledger has none.

They are in ``work/`` if the plan keeps it, else in the dumps, which are read again with the plan
beside the key. Every text is redacted by ``pii`` with the settings of the plan, or with its
defaults if the plan has no such stage. A post that ``consent`` dropped, or that is on the
suppression list by now, is not shown, in whatever version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from corpus import readers, stages
from corpus.errors import ManifestError, PlanError
from corpus.journal import CorpusFiles
from corpus.manifest import load_manifest
from corpus.output.columns import OutputColumns
from corpus.pipeline.join_batches import BatchJoiner, DumpFile
from corpus.pipeline.withdrawn_copies import mark_notices
from corpus.plan.built_plan import BuiltPlan, load_built_plan
from corpus.plan.entries import config_json, matches_path
from corpus.privacy import canaries, keys, suppression
from corpus.privacy.file_names import FileNamer, find_container
from corpus.privacy.pseudonyms import Pseudonymizer, PseudonymSettings
from corpus.schema import LEDGER_KEY, POST
from corpus.storage import filesystem

_PART_POSTS = 50_000
#: Columns of a post that are shown with its text.
SHOWN_COLUMNS = ("text", "platform", "kind", "community", "created_at")
_ROW = ("source_file", "source_row")
#: The id in the output; ``id`` is that of the dump.
_OUTPUT_ID = "_output_id"
_FOUND = POST | {_OUTPUT_ID: pl.String()}
_FOUND_KEY = (_OUTPUT_ID, *_ROW)


class DroppedTexts:
    """Finds the texts of the dropped posts of a corpus."""

    def __init__(
        self, out: str | Path, key: str | Path | None = None, dumps: str | Path | None = None
    ) -> None:
        """``key`` is the file of the corpus's key, ``dumps`` a folder that has the dumps now.

        PlanError without the key.
        """
        self.folder = Path(out)
        manifest = load_manifest(self.folder)
        self._key_path = Path(key) if key else self.folder.parent / "corpus.key"
        self._key = keys.load_corpus_key(self.folder, manifest, key)
        self._listed = suppression.load(self._key_path)
        ids = manifest.get("ids", "original")
        self._naming = PseudonymSettings(self._key_path, ids)
        self._pseudonymizer = Pseudonymizer(self._key, ids)
        self._plan = load_built_plan(self.folder, key)
        self._plan.use_code()
        self._dumps = Path(dumps) if dumps else None

    def add_texts(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Ledger rows with the columns :data:`SHOWN_COLUMNS`; null for a post that is not shown.

        ManifestError if dumps must be read, and the plan beside the key is missing; PlanError if
        a dump is missing.
        """
        hidden = self._mark_withdrawn(rows["id"])
        if "cluster" in rows.columns:  # the text of a copy is also that of its original
            hidden |= self._mark_withdrawn(rows["cluster"]) | self._listed.mark_ids(rows["cluster"])
        shown = rows.filter(pl.col("id").is_not_null(), ~hidden)
        wanted = shown.select(pl.col("id").alias(_OUTPUT_ID), *_ROW).unique(maintain_order=True)
        posts = [pl.DataFrame(schema=_FOUND), *self._find_posts(wanted)]
        texts = self._redact(pl.concat(posts)).unique(_FOUND_KEY, keep="first")
        return rows.join(
            texts.select(*_FOUND_KEY, *SHOWN_COLUMNS),
            left_on=list(LEDGER_KEY),
            right_on=list(_FOUND_KEY),
            how="left",
            maintain_order="left",
        )

    def _mark_withdrawn(self, ids: pl.Series) -> pl.Series:
        """The posts of which ``consent`` has dropped a version."""
        ledger = CorpusFiles(self.folder).ledger(stages.REQUIRED)
        if not ledger:
            return pl.repeat(False, len(ids), dtype=pl.Boolean, eager=True)
        dropped = pl.scan_parquet(ledger, glob=False).select("id")
        found = dropped.filter(pl.col("id").is_in(ids.drop_nulls().implode())).collect()["id"]
        return ids.is_in(found.implode()).fill_null(False)

    def _find_posts(self, wanted: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """The posts as they were read, but for those that must not be shown."""
        missing = wanted
        for path in sorted(self.folder.glob("work/read/*/*.posts.parquet")):
            part = pl.scan_parquet(path, glob=False).join(missing.lazy(), on=_ROW, how="semi")
            found = self._select(part.collect(), missing)
            missing = missing.join(found, on=_FOUND_KEY, how="anti")
            yield found
        if missing.is_empty():
            return
        for file, reader, settings, source_files in self._list_files(missing):
            mine = missing.filter(pl.col("source_file").is_in(source_files))
            for posts in self._read(file, reader, settings):
                found = self._select(posts, mine)
                mine = mine.join(found, on=_FOUND_KEY, how="anti")
                yield found
                if mine.is_empty():
                    break

    def _select(self, posts: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
        """The wanted ones of some posts, redacted as the suppression list asks."""
        posts = posts.select(*POST).join(wanted, on=_ROW, how="semi")
        posts = posts.with_columns(
            # A record may hold several posts.
            self._pseudonymizer.pseudonymize_ids(posts["id"]).alias(_OUTPUT_ID)
        ).join(wanted, on=_FOUND_KEY, how="semi")
        posts = posts.filter(pl.col("withdrawn").is_null(), pl.col("platform") != canaries.PLATFORM)
        posts = suppression.drop_listed(self._listed, posts)
        return suppression.redact_posts(self._listed, posts)

    def _list_files(
        self, wanted: pl.DataFrame
    ) -> Iterator[tuple[DumpFile, str, Mapping[str, Any], list[str]]]:
        """The files that have the wanted posts: reader, the reader's settings, ``source_file``s."""
        if self._plan.private is None:
            raise ManifestError(
                f"the dumps of '{self.folder}' are named in the plan beside its key, and it is "
                "missing; run this where the corpus was built, or give the key with --key"
            )
        files = self._plan.private.files
        source_files: dict[str, list[str]] = {}
        for each in wanted["source_file"].unique().drop_nulls():
            if (name := find_container(each, files)) is not None:
                source_files.setdefault(name, []).append(each)
        for name in sorted(source_files):
            reader, settings = _find_source(self._plan, files[name])
            # A dump may have been copied since, so its bytes and time are not compared.
            file = DumpFile(self._find_path(files[name]), name, 0, 0)
            yield file, reader, settings, source_files[name]

    def _find_path(self, path: str) -> str:
        """Where a dump is now: in the folder that was given, below as many folders as possible."""
        if self._dumps is not None:
            parts = Path(path).parts[1:]
            candidates = [self._dumps.joinpath(*parts[at:]) for at in range(len(parts))]
            for moved in candidates:
                if moved.exists():
                    return str(moved)
        elif filesystem.is_url(path) or os.path.exists(path):
            return path
        where = f"in '{self._dumps}'" if self._dumps else f"at '{path}'"
        raise PlanError(
            f"no dump '{os.path.basename(path)}' {where}; give the folder that has it with --dumps"
        )

    def _read(
        self, file: DumpFile, reader: str, settings: Mapping[str, Any]
    ) -> Iterator[pl.DataFrame]:
        module = readers.find(reader)
        config = module.Config.model_validate({**settings, "path": file.path})
        joiner = BatchJoiner(module, config, _PART_POSTS, FileNamer(self._key))
        for batch in module.read(file.path, config, _PART_POSTS, None):
            joiner.add(0, file, batch)
            yield mark_notices(joiner.join().posts)

    def _redact(self, posts: pl.DataFrame) -> pl.DataFrame:
        """The posts with redacted texts and other columns; their ids are keyed already."""
        config = stages.find("pii").Config.model_validate(dict(self._plan.stages).get("pii") or {})
        settings = config_json(config)
        redacted = stages.build_filter("pii", settings, lambda: self._key)(posts)
        columns = OutputColumns(self._naming, settings).load()
        return columns.redact_words(columns.pseudonyms.replace_author_columns(redacted))


def _find_source(plan: BuiltPlan, path: str) -> tuple[str, dict[str, Any]]:
    """The reader of a file of the plan, and its settings."""
    for source in plan.document["sources"]:
        for reader, settings in source.items():
            if matches_path(path, settings["path"]):
                return reader, dict(settings)
    raise ManifestError(f"the plan of '{plan.folder}' names no source of '{path}'; build again")
