"""Verify that a finished corpus is what was built: every hash, schema and count, and the ledger."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpus import stages
from corpus.errors import CorpusError, ManifestError
from corpus.journal import JOURNAL_NAME, STAGING_FOLDER, CorpusFiles, read_consistently
from corpus.maintenance import checks
from corpus.maintenance.checks import MAX_EXAMPLES, Check
from corpus.manifest import find_imbalances, load_manifest, shards_digest
from corpus.plurals import pluralize
from corpus.privacy import suppression
from corpus.schema import LEDGER_COLUMNS
from corpus.storage import export_files, folder_lock
from corpus.storage.filesystem import hash_file
from corpus.storage.parquet_columns import read_row_groups
from corpus.storage.remote_path import RemotePath, parse_path
from corpus.storage.unfinished_takedown import discard, recover

CorpusFolder = Path | RemotePath
_INTERRUPTED = "a takedown was interrupted before it changed anything; repeat it"
_REMEDY = "copy the files named above again, or build again"


def verify(out: str | Path, *, quick: bool = False) -> dict[str, Any]:
    """Compare a finished corpus with its manifest; return ``passed`` and the ``checks``.

    ``quick`` reads only the manifest and the sizes of the shards. Otherwise each shard is read
    once. ``out`` may be a URL; then each shard is downloaded twice. Raises
    :class:`~corpus.errors.ManifestError` if ``out`` is not a corpus, or one of a newer version.
    """
    folder = parse_path(out)
    recover(folder)
    has_leftovers = _discard_uncommitted(folder)
    manifest, results = read_consistently(folder, lambda: _run_checks(folder, quick))
    if has_leftovers:
        results.append(_make_check(_INTERRUPTED, 0, "", []))
    return {
        "passed": all(result.passed for result in results),
        "documents": sum(shard["rows"] for shard in manifest["shards"]),
        "checks": [result._asdict() for result in results],
    }


def format_verification(result: dict[str, Any]) -> str:
    """Format the result of :func:`verify` as lines for the terminal."""
    verdict = "passed" if result["passed"] else f"failed: {_REMEDY}"
    return checks.format_checks(result["checks"], f"verification {verdict}")


def _run_checks(folder: CorpusFolder, quick: bool) -> tuple[dict[str, Any], list[Check]]:
    manifest = load_manifest(folder)
    check = _check_sizes if quick else _check_everything
    try:
        return manifest, list(check(CorpusFiles(folder), manifest))
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"the manifest of '{folder}' lacks {error}; copy it again, or build again"
        ) from None


def _discard_uncommitted(folder: CorpusFolder) -> bool:
    """Remove the files of a takedown that was stopped before its commit, where it may be removed.

    Returns whether there are any: the corpus is as it was before that takedown.
    """
    if not (isinstance(folder, Path) and (folder / STAGING_FOLDER).exists()):
        return False
    with suppress(CorpusError), folder_lock.locked(folder, "takedown"):
        if not (folder / JOURNAL_NAME).exists():
            discard(folder)
            return True
    return False


def _check_sizes(files: CorpusFiles, manifest: dict[str, Any]) -> Iterator[Check]:
    wrong = []
    for shard in manifest["shards"]:
        path = files.path(shard["path"])
        if not path.is_file():
            wrong.append(f"{shard['path']} is missing")
        elif path.stat().st_size != shard["bytes"]:
            wrong.append(
                f"{shard['path']} has {path.stat().st_size:,} bytes, not {shard['bytes']:,}"
            )
    yield _make_check("sizes", len(manifest["shards"]), "shard", wrong)
    unknown = checks.list_unknown_files(files.folder, manifest)
    yield _make_check("no unknown files beside the shards", 0, "", unknown)
    yield _check_balance(manifest)


def _check_everything(files: CorpusFiles, manifest: dict[str, Any]) -> Iterator[Check]:
    yield from _check_sizes(files, manifest)
    shards = [ShardContents(files, shard) for shard in manifest["shards"]]
    hashes = {shard.name: shard.sha256 for shard in shards}
    changed = checks.list_changed_shards(manifest, hashes)
    yield _make_check("hashes", len(shards), "shard", changed)
    yield _check_schemas(shards)
    yield _check_rows(shards)
    yield _check_totals(manifest, shards)
    yield _check_ledger(files, manifest)
    if manifest.get("index"):
        yield _check_index(files)
    if manifest.get("reserve"):
        yield _check_reserve(files, manifest["reserve"].get("pieces", ()))
    if manifest.get("people") and (files.folder / "people").exists():  # an upload does not have it
        pieces = manifest["people"].get("pieces", ())
        wrong = _changed_pieces(files, "people", pieces)
        yield _make_check("the authors of dropped posts", len(pieces), "file", wrong)
    if (files.folder / "tokens").exists():
        yield _check_tokens(files.folder / "tokens", manifest["shards"])
    if (files.folder / export_files.FOLDER).exists():
        yield _check_exports(files.folder / export_files.FOLDER, manifest["shards"])
    yield _check_takedowns(files, manifest.get("takedowns", ()))


class ShardContents:
    """What one shard contains; ``damaged`` if it could not be read.

    ``row_groups`` has the rows of each row group; ``posts``, ``characters`` and ``empty`` (rows
    without a text) are sums over all rows.
    """

    def __init__(self, files: CorpusFiles, entry: dict[str, Any]) -> None:
        self.name: str = entry["path"]
        self.entry = entry
        self.sha256, self.damaged = "", False
        self.schema: pa.Schema | None = None
        self.row_groups: list[int] = []
        self.posts = self.characters = self.empty = 0
        try:
            path = files.path(self.name)
            self.sha256 = hash_file(str(path))
            with (
                path.open("rb") as source,
                pq.ParquetFile(source, page_checksum_verification=True) as file,
            ):
                self._measure(file)
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError):
            self.damaged = True

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.row_groups)

    def _measure(self, file: pq.ParquetFile) -> None:
        self.schema = file.schema_arrow
        columns = [name for name in ("text", "post_ids") if name in self.schema.names]
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=columns)
            table.validate(full=True)
            frame = pl.DataFrame(table)
            self.row_groups.append(frame.height)
            if "text" in frame.columns:
                self.characters += int(frame["text"].str.len_chars().sum())
                self.empty += frame["text"].null_count()
            posts = frame["post_ids"].list.len().sum() if "post_ids" in frame else frame.height
            self.posts += int(posts)


def _make_check(name: str, count: int, unit: str, wrong: list[str]) -> Check:
    """Return a check that passes if nothing is ``wrong``; then it reports ``count`` units.

    ``unit`` is a singular, with what follows it after a comma.
    """
    noun, comma, rest = unit.partition(",")
    sound = f"{pluralize(count, noun)}{comma}{rest}" if unit else "none"
    found = f"{len(wrong):,} wrong" if wrong else sound
    return Check(name, not wrong, found, tuple(wrong[:MAX_EXAMPLES]))


def _check_balance(manifest: dict[str, Any]) -> Check:
    totals = manifest["totals"]
    imbalances = find_imbalances(manifest)
    return Check(
        "the counts balance",
        not imbalances,
        f"{totals['read']:,} read = {totals['refused']:,} refused + {totals['dropped']:,} dropped "
        f"+ {totals['kept']:,} kept",
        tuple(f"at {stage}" for stage in imbalances),
    )


def _check_schemas(shards: list[ShardContents]) -> Check:
    wrong = [f"{shard.name} cannot be read" for shard in shards if shard.damaged]
    readable = [shard for shard in shards if shard.schema is not None]
    for shard in readable:
        assert shard.schema is not None
        if not shard.schema.equals(readable[0].schema):
            wrong.append(f"{shard.name} has other columns than {readable[0].name}")
        elif shard.schema.names[0] != "text":
            wrong.append(f"{shard.name} does not begin with 'text'")
        elif shard.empty:
            wrong.append(f"{shard.name} has {shard.empty:,} rows without a text")
    columns = len(readable[0].schema.names) if readable and readable[0].schema else 0
    return _make_check("schemas", columns, "column, the same in every shard", wrong)


def _check_rows(shards: list[ShardContents]) -> Check:
    wrong = []
    for shard in shards:
        built = shard.entry["rows"], shard.entry.get("row_groups", shard.row_groups)
        if not shard.damaged and (shard.rows, shard.row_groups) != built:
            wrong.append(f"{shard.name} has {shard.rows:,} rows, not {shard.entry['rows']:,}")
    return _make_check("rows", sum(shard.rows for shard in shards), "row", wrong)


def _check_totals(manifest: dict[str, Any], shards: list[ShardContents]) -> Check:
    actual = {
        "documents": sum(shard.rows for shard in shards),
        "kept": sum(shard.posts for shard in shards),
        "characters": sum(shard.characters for shard in shards),
    }
    wrong = [
        f"{name}: {count:,}, and the manifest says {manifest['totals'][name]:,}"
        for name, count in actual.items()
        if count != manifest["totals"][name]
    ]
    return _make_check("totals", actual["characters"], "character", wrong)


def _check_ledger(files: CorpusFiles, manifest: dict[str, Any]) -> Check:
    """Compare the rows of the ledger with the manifest, by stage and reason."""
    built = {("read", reason): count for reason, count in manifest["refused"].items()}
    for row in manifest["funnel"]:
        built |= {(row["stage"], reason): count for reason, count in row["dropped"].items()}
    # Posts on the suppression list are only counted.
    built.pop((stages.REQUIRED, suppression.REASON), None)
    actual: Counter[tuple[str, str]] = Counter()
    wrong = []
    for path in files.ledger():
        try:
            with path.open("rb") as file:
                for group in read_row_groups(file, list(LEDGER_COLUMNS)):
                    for stage, reason, count in group.group_by("stage", "reason").len().iter_rows():
                        actual[stage, reason] += count
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError):
            wrong.append(f"dropped/{path.name} cannot be read")
    for stage, reason in sorted({*built, *actual}):
        rows, expected = actual[stage, reason], built.get((stage, reason), 0)
        if rows != expected:
            wrong.append(f"{stage}: {reason}: {rows:,} rows, and the manifest says {expected:,}")
    return _make_check("the ledger", actual.total(), "row, as the manifest says", wrong)


def _check_index(files: CorpusFiles) -> Check:
    try:
        index = json.loads(files.path("index/index.json").read_text(encoding="utf-8"))
        wrong = _changed_pieces(files, "index", index["pieces"])
        return _make_check("the index", len(index["pieces"]), "file", wrong)
    except (OSError, ValueError, KeyError, TypeError):
        return _make_check("the index", 0, "file", ["index/index.json cannot be read"])


def _check_reserve(files: CorpusFiles, pieces: Sequence[dict[str, Any]]) -> Check:
    wrong = _changed_pieces(files, "reserve", pieces)
    return _make_check("the replacement copies", len(pieces), "file", wrong)


def _check_tokens(tokens: CorpusFolder, shards: list[dict[str, Any]]) -> Check:
    """Check that the token files of each split are complete and belong to the present shards."""
    wrong, count = [], 0
    for split, name in (("train", "tokens"), ("validation", "tokens/validation")):
        folder = tokens.parent / name
        if not folder.is_dir() or {path.name for path in folder.iterdir()} <= {"validation"}:
            continue
        count += 1
        try:
            index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
            wrong += _changed_pieces(CorpusFiles(tokens.parent), name, index["files"])
            of_split = [shard for shard in shards if shard.get("split", "train") == split]
            if index["corpus"] != shards_digest(of_split):
                wrong.append(
                    f"{name} was made from an earlier state of the corpus; run 'corpus tokenize' "
                    "again"
                )
        except (OSError, ValueError, KeyError, TypeError):
            wrong.append(f"{name} is unfinished; run 'corpus tokenize' again, or remove it")
    return _make_check("the tokens", count, "set", wrong)


def _check_exports(exports: CorpusFolder, shards: list[dict[str, Any]]) -> Check:
    """Check that each export is complete and of the present shards."""
    wrong, count = [], 0
    folders: list[CorpusFolder] = [*exports.iterdir()]
    for folder in sorted(folders, key=lambda each: each.name):
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if not names & {export_files.EXPORT_MANIFEST, export_files.PROGRESS}:
            continue
        count += 1
        name = f"{export_files.FOLDER}/{folder.name}"
        try:
            text = (folder / export_files.EXPORT_MANIFEST).read_text(encoding="utf-8")
            export = json.loads(text)
            wrong += _changed_pieces(CorpusFiles(exports.parent), name, export["files"])
            split = export["settings"]["split"]
            of_split = [shard for shard in shards if shard.get("split", "train") == split]
            if export["settings"]["corpus"] != shards_digest(of_split):
                wrong.append(f"{name} was made from an earlier state of the corpus; export again")
        except (OSError, ValueError, KeyError, TypeError):
            wrong.append(f"{name} is unfinished; run 'corpus export' again, or remove it")
    return _make_check("the exports", count, "export", wrong)


def _check_takedowns(files: CorpusFiles, takedowns: Sequence[dict[str, Any]]) -> Check:
    """Check that each entry of the manifest has its receipt, and each receipt its entry."""
    wrong = []
    names = [f"{number:05d}.json" for number in range(1, len(takedowns) + 1)]
    for name, entry in zip(names, takedowns, strict=True):
        path = files.path(f"takedowns/{name}")
        if (
            not path.is_file()
            or hashlib.sha256(path.read_bytes()).hexdigest() != entry["receipt_sha256"]
        ):
            wrong.append(f"takedowns/{name}")
    for path in files.list_folder("takedowns", "*.json"):
        if path.name not in names:
            wrong.append(f"takedowns/{path.name} is not in the manifest; repeat that takedown")
    return _make_check("takedowns", len(takedowns), "receipt", wrong)


def _changed_pieces(files: CorpusFiles, folder: str, pieces: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of the listed files of a folder that are missing or have another hash."""
    wrong = []
    for piece in pieces:
        path = files.path(f"{folder}/{piece['path']}")
        if not path.is_file() or hash_file(str(path)) != piece["sha256"]:
            wrong.append(f"{folder}/{piece['path']}")
    return wrong
