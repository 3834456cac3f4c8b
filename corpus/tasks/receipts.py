"""Receipts for what is done, the ledger of what was dropped, and the final manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from corpus.errors import BuildError, ManifestError

MANIFEST_FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
# A list of numbers in pretty JSON: a line is enough for it. No string holds a line's end.
_NUMBER_LIST = re.compile(r"(?<=\[)\n\s*-?[\d.]+(?:,\n\s*-?[\d.]+)*\n\s*(?=\])")

#: The columns every row of ``dropped/`` begins with; the plan's scores follow. ``stage`` is
#: ``read`` for a refused record, which has no id.
LEDGER_COLUMNS: dict[str, pl.DataType] = {
    "id": pl.String(),
    "stage": pl.String(),
    "reason": pl.String(),
    "source_file": pl.String(),
    "source_row": pl.Int64(),
}


@contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to, then rename: whole or not at all.

    ``durable`` also asks the disk to have the bytes before the name changes.
    """
    # Two machines, or two containers, can have processes of one number on one shared folder.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if durable:
            _fsync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def canonical_json(value: object) -> str:
    """JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def fingerprint(*parts: object) -> str:
    """SHA-256 over the canonical JSON of ``parts``, in hex."""
    return hashlib.sha256(canonical_json(parts).encode("utf-8")).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: object, *, pretty: bool = False, durable: bool = False) -> None:
    """Write ``value`` as JSON, whole or not at all."""
    text = canonical_json(value)
    if pretty:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        text = _NUMBER_LIST.sub(lambda found: re.sub(r"\s+", " ", found[0]).strip(), text)
    with atomic_write(path, durable=durable) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def save_receipt(path: Path, facts: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """Write a receipt that names ``files`` (from its folder), size and CRC-32 each; return it.

    The receipt holds a sum of itself too, so that no bit in it can change unseen.
    """
    named = {
        os.path.relpath(file, path.parent): [file.stat().st_size, file_crc32(file)]
        for file in files
    }
    full = {**facts, "files": named}
    write_json(path, {**full, "check": _receipt_checksum(full)})
    return full


def load_receipt(path: Path) -> dict[str, Any] | None:
    """A receipt whose files are all there in full, or None: then the work is done again.

    Of the files only the sizes are looked at, as this is asked often; :func:`damaged` reads them.
    """
    try:
        receipt: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        whole = receipt.pop("check") == _receipt_checksum(receipt) and all(
            (path.parent / name).stat().st_size == size
            for name, (size, _) in receipt["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return receipt if whole else None


def require_receipt(path: Path) -> dict[str, Any]:
    """The receipt of work that this build has done or found done; BuildError if it is gone."""
    receipt = load_receipt(path)
    if receipt is None:
        raise BuildError(
            f"'{path.parent.name}/{path.name}' or what it speaks of vanished or was changed while "
            "the build ran; run again to have it made anew"
        )
    return receipt


def is_damaged(path: Path) -> bool:
    """Whether a receipt, or a file it names, is not as it was written; reads them all."""
    receipt = load_receipt(path)
    if receipt is None:
        return True
    try:
        return any(
            file_crc32(path.parent / name) != sum_ for name, (_, sum_) in receipt["files"].items()
        )
    except OSError:
        return True


def file_crc32(path: Path) -> int:
    """CRC-32 of a file: not proof against malice, but against a disk; a few GB/s."""
    found = 0
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            found = zlib.crc32(chunk, found)
    return found


def _receipt_checksum(receipt: Mapping[str, Any]) -> int:
    return zlib.crc32(canonical_json(receipt).encode("utf-8"))


def fsync_folder(folder: Path) -> None:
    """Ask the disk to have the names in ``folder``: a rename alone may be lost with the power."""
    _fsync(folder)


def load_manifest(folder: Any) -> dict[str, Any]:
    """The manifest of a finished corpus, checked for its version."""
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise ManifestError(f"no folder '{folder}'; give the folder that 'corpus build' wrote")
    if not path.is_file():
        raise ManifestError(
            f"'{folder}' holds no finished corpus ({MANIFEST_NAME} is missing); "
            "run 'corpus build' on its plan to finish it"
        )
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = int(found["format_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"'{path}' cannot be read as a manifest; build again") from error
    if version > MANIFEST_FORMAT_VERSION:
        raise ManifestError(
            f"'{path}' has format version {version} and this tool reads up to "
            f"{MANIFEST_FORMAT_VERSION}; install a newer version of corpus-builder"
        )
    return found


def is_manifest(found: object) -> bool:
    """Whether JSON is a manifest of a corpus, of whatever version, and not of another program."""
    if not isinstance(found, dict) or type(found.get("format_version")) is not int:
        return False
    shards, funnel = found.get("shards"), found.get("funnel")
    return (
        isinstance(found.get("tool"), dict)
        and isinstance(found.get("plan_fingerprint"), str)
        and isinstance(shards, list)
        and all(isinstance(shard, dict) and "path" in shard for shard in shards)
        and isinstance(funnel, list)
        and all(isinstance(row, dict) and "stage" in row for row in funnel)
    )


def shards_digest(shards: Sequence[Mapping[str, Any]]) -> str:
    """Changes whenever one of these shards does: a digest of their hashes, 32 hex digits."""
    return fingerprint(*(shard["sha256"] for shard in shards))[:32]


def find_imbalances(manifest: Mapping[str, Any]) -> list[str]:
    """Where the counts do not add up: read = refused + dropped + kept. Empty when they do."""
    wrong = []
    totals = manifest["totals"]
    if totals["read"] != totals["refused"] + totals["dropped"] + totals["kept"]:
        wrong.append("totals")
    flowing = totals["read"] - totals["refused"]
    for row in manifest["funnel"]:
        if row["read"] != flowing or row["read"] != row["kept"] + sum(row["dropped"].values()):
            wrong.append(row["stage"])
        flowing = row["kept"]
    if flowing != totals["kept"]:
        wrong.append("kept")
    return wrong
