"""Say whether a finished corpus is what was built: every hash, schema and count, and the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.errors import ManifestError
from corpus.maintenance import checks
from corpus.maintenance.checks import MAX_EXAMPLES, Check
from corpus.manifest import find_imbalances, load_manifest, shards_digest
from corpus.schema import LEDGER_COLUMNS
from corpus.storage.filesystem import hash_file
from corpus.storage.remote_path import RemotePath, parse_path

CorpusFolder = Path | RemotePath
_REMEDY = "copy these files again, or build again"


def verify(out: str | Path, *, quick: bool = False) -> dict[str, Any]:
    """Compare a finished corpus with its manifest; return ``passed`` and the ``checks``.

    ``quick`` opens nothing but the manifest: sizes, and whether the counts in it balance.
    Otherwise each shard is read once. Raises :class:`~corpus.errors.ManifestError` if ``out`` is
    no corpus, or one of a newer version. ``out`` may be a URL; then each shard is fetched twice.
    """
    folder = parse_path(out)
    manifest = load_manifest(folder)
    try:
        found = list(
            _check_sizes(folder, manifest) if quick else _check_everything(folder, manifest)
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"the manifest of '{folder}' lacks {error}; copy it again, or build again"
        ) from None
    return {
        "passed": all(check.passed for check in found),
        "documents": sum(shard["rows"] for shard in manifest["shards"]),
        "checks": [check._asdict() for check in found],
    }


def format_verification(result: dict[str, Any]) -> str:
    """The verdict in lines for people."""
    verdict = "whole" if result["passed"] else f"NOT whole: {_REMEDY}"
    return checks.format_checks(result["checks"], f"the corpus is {verdict}")


def _check_sizes(folder: CorpusFolder, manifest: dict[str, Any]) -> Iterator[Check]:
    wrong = []
    for shard in manifest["shards"]:
        path = folder / shard["path"]
        if not path.is_file():
            wrong.append(f"{shard['path']} is missing")
        elif path.stat().st_size != shard["bytes"]:
            wrong.append(
                f"{shard['path']} has {path.stat().st_size:,} bytes, not {shard['bytes']:,}"
            )
    yield _make_check("sizes", len(manifest["shards"]), "shards", wrong)
    yield _make_check(
        "nothing else beside the shards", 0, "", checks.list_unknown_files(folder, manifest)
    )
    yield _check_balance(manifest)


def _check_everything(folder: CorpusFolder, manifest: dict[str, Any]) -> Iterator[Check]:
    yield from _check_sizes(folder, manifest)
    read = [ShardContents(folder, shard) for shard in manifest["shards"]]
    hashes = {one.name: one.sha256 for one in read}
    yield _make_check("hashes", len(read), "shards", checks.list_changed_shards(manifest, hashes))
    yield _check_schemas(read)
    yield from _check_counts(manifest, read)
    yield _check_ledger(folder, manifest)
    yield from _check_other_files(folder, manifest)


class ShardContents:
    """What reading one shard has shown; ``damaged`` if it could not be read."""

    def __init__(self, folder: CorpusFolder, shard: dict[str, Any]) -> None:
        self.name: str = shard["path"]
        self.shard = shard
        self.sha256, self.damaged = "", False
        self.schema: pa.Schema | None = None
        self.row_groups: list[int] = []
        self.posts = self.characters = self.empty = 0
        try:
            self.sha256 = hash_file(str(folder / self.name))
            with (
                (folder / self.name).open("rb") as source,
                pq.ParquetFile(source, page_checksum_verification=True) as file,
            ):
                self._measure(file)
        except (OSError, pa.ArrowException, pl.exceptions.PolarsError):
            self.damaged = True

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
            lists = frame["post_ids"].list.len().sum() if "post_ids" in frame else frame.height
            self.posts += int(lists)


def _make_check(name: str, count: int, unit: str, wrong: list[str]) -> Check:
    good = f"{count:,} {unit}" if unit else "none"
    told = f"{len(wrong):,} wrong" if wrong else good
    return Check(name, not wrong, told, tuple(wrong[:MAX_EXAMPLES]))


def _check_balance(manifest: dict[str, Any]) -> Check:
    totals = manifest["totals"]
    wrong = find_imbalances(manifest)
    told = (
        f"{totals['read']:,} read = {totals['refused']:,} refused + {totals['dropped']:,} dropped "
        f"+ {totals['kept']:,} kept"
    )
    return Check("the counts balance", not wrong, told, tuple(f"at {stage}" for stage in wrong))


def _check_schemas(contents: list[ShardContents]) -> Check:
    wrong = [f"{one.name} cannot be read" for one in contents if one.damaged]
    known = [one for one in contents if one.schema is not None]
    for one in known:
        assert one.schema is not None
        if not one.schema.equals(known[0].schema):
            wrong.append(f"{one.name} has other columns than {known[0].name}")
        elif one.schema.names[0] != "text":
            wrong.append(f"{one.name} does not begin with 'text'")
        elif one.empty:
            wrong.append(f"{one.name} has {one.empty:,} rows without a text")
    columns = len(known[0].schema.names) if known and known[0].schema else 0
    return _make_check("schemas", columns, "columns, the same in every shard", wrong)


def _check_counts(manifest: dict[str, Any], contents: list[ShardContents]) -> Iterator[Check]:
    wrong = []
    for one in contents:
        listed = one.shard.get("row_groups", one.row_groups)
        if not one.damaged and (sum(one.row_groups), one.row_groups) != (one.shard["rows"], listed):
            wrong.append(f"{one.name} has {sum(one.row_groups):,} rows, not {one.shard['rows']:,}")
    yield _make_check("rows", sum(sum(one.row_groups) for one in contents), "rows", wrong)
    wanted = {name: manifest["totals"][name] for name in ("documents", "kept", "characters")}
    found = {
        "documents": sum(sum(one.row_groups) for one in contents),
        "kept": sum(one.posts for one in contents),
        "characters": sum(one.characters for one in contents),
    }
    off = [
        f"{name}: {found[name]:,}, and the manifest says {wanted[name]:,}"
        for name in wanted
        if found[name] != wanted[name]
    ]
    yield _make_check("totals", found["characters"], "characters", off)


def _check_ledger(folder: CorpusFolder, manifest: dict[str, Any]) -> Check:
    wanted = {("read", reason): count for reason, count in manifest["refused"].items()}
    for row in manifest["funnel"]:
        wanted |= {(row["stage"], reason): count for reason, count in row["dropped"].items()}
    wanted = {key: count for key, count in wanted.items() if count}
    found: dict[tuple[str, str], int] = {}
    wrong = []
    files: list[Any] = list((folder / "dropped").glob("*.parquet"))
    for path in sorted(files):
        try:
            with path.open("rb") as file:
                frame = pl.read_parquet(file, columns=list(LEDGER_COLUMNS))
        except (OSError, pl.exceptions.PolarsError):
            wrong.append(f"dropped/{path.name} cannot be read")
            continue
        for stage, reason, count in frame.group_by("stage", "reason").len().iter_rows():
            found[stage, reason] = found.get((stage, reason), 0) + count
    for stage, reason in sorted({*wanted, *found}):
        rows, told = found.get((stage, reason), 0), wanted.get((stage, reason), 0)
        if rows != told:
            wrong.append(f"{stage}: {reason}: {rows:,} rows, and the manifest says {told:,}")
    return _make_check("the ledger", sum(found.values()), "rows, as the funnel says", wrong)


# --------------------------------------------------------------------------- what lies beside


def _check_other_files(folder: CorpusFolder, manifest: dict[str, Any]) -> Iterator[Check]:
    if manifest.get("index"):
        yield _make_check(*_index_or_failure(lambda: _check_index(folder)))
    if manifest.get("reserve"):
        pieces = manifest["reserve"].get("pieces", ())
        wrong = [name for name in _changed_pieces(folder / "reserve", pieces)]
        yield _make_check(
            "the reserve", len(pieces), "pieces", [f"reserve/{name}" for name in wrong]
        )
    if (folder / "tokens").exists():
        yield _check_tokens(folder / "tokens", manifest["shards"])
    receipts = []
    for number, entry in enumerate(manifest.get("takedowns", ()), start=1):
        path = folder / "takedowns" / f"{number:05d}.json"
        if (
            not path.is_file()
            or hashlib.sha256(path.read_bytes()).hexdigest() != entry["receipt_sha256"]
        ):
            receipts.append(f"takedowns/{path.name}")
    counted = {f"{number:05d}" for number in range(1, len(manifest.get("takedowns", ())) + 1)}
    on_disk: list[Any] = list((folder / "takedowns").glob("*.json"))
    for path in sorted(on_disk):
        if path.name.removesuffix(".json") not in counted:
            receipts.append(f"takedowns/{path.name} is not in the manifest; repeat that takedown")
    if (folder / "takedowns" / "unfinished").exists():
        receipts.append("a takedown was stopped halfway; run 'corpus takedown' again to finish it")
    yield _make_check("takedowns", len(manifest.get("takedowns", ())), "receipts", receipts)


def _index_or_failure(
    check_index: Callable[[], tuple[str, int, str, list[str]]],
) -> tuple[str, int, str, list[str]]:
    try:
        return check_index()
    except (OSError, ValueError, KeyError, TypeError):
        return "the index", 0, "pieces", ["index/index.json cannot be read"]


def _check_tokens(tokens: CorpusFolder, shards: list[dict[str, Any]]) -> Check:
    """Whether the tokens of either split are of the corpus as it is, and whole."""
    wrong, count = [], 0
    for split, name in (("train", "tokens"), ("validation", "tokens/validation")):
        folder = tokens.parent / name
        if not folder.is_dir() or {path.name for path in folder.iterdir()} <= {"validation"}:
            continue
        count += 1
        try:
            index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
            wrong += [f"{name}/{piece}" for piece in _changed_pieces(folder, index["files"])]
            mine = [shard for shard in shards if shard.get("split", "train") == split]
            if index["corpus"] != shards_digest(mine):
                wrong.append(
                    f"{name} is of the corpus as it was before; run 'corpus tokenize' again"
                )
        except (OSError, ValueError, KeyError, TypeError):
            wrong.append(f"{name} is unfinished; run 'corpus tokenize' again, or remove it")
    return _make_check("the tokens", count, "sets", wrong)


def _check_index(folder: CorpusFolder) -> tuple[str, int, str, list[str]]:
    card = json.loads((folder / "index" / "index.json").read_text(encoding="utf-8"))
    wrong = [f"index/{name}" for name in _changed_pieces(folder / "index", card["pieces"])]
    return "the index", len(card["pieces"]), "pieces", wrong


def _changed_pieces(folder: CorpusFolder, pieces: list[dict[str, Any]]) -> Iterator[str]:
    """The names of those of an enciphered folder's pieces that are not as they were."""
    for piece in pieces:
        path = folder / piece["path"]
        if not path.is_file() or hash_file(str(path)) != piece["sha256"]:
            yield piece["path"]
