"""Read and check the manifest of a finished corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.errors import ManifestError
from corpus.journal import CorpusFiles
from corpus.tasks.files import fingerprint

MANIFEST_FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"


def load_manifest(folder: Any) -> dict[str, Any]:
    """The manifest of the finished corpus in ``folder``, a local or a remote path.

    After the commit of a takedown it is the new one, also while the files are still moved. Raises
    ManifestError if there is none, if it cannot be read, or if a newer version of this tool wrote
    it.
    """
    path = CorpusFiles(folder).path(MANIFEST_NAME)
    if not folder.is_dir():
        raise ManifestError(f"no folder '{folder}'; give the folder that 'corpus build' wrote")
    if not path.is_file():
        raise ManifestError(
            f"'{folder}' holds no finished corpus ({MANIFEST_NAME} is missing); "
            "run 'corpus build' on its plan to finish it"
        )
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = int(manifest["format_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"'{path}' cannot be read as a manifest; build again") from error
    if version > MANIFEST_FORMAT_VERSION:
        raise ManifestError(
            f"'{path}' has format version {version} and this tool reads up to "
            f"{MANIFEST_FORMAT_VERSION}; install a newer version of social-corpus"
        )
    return manifest


def is_manifest(value: object) -> bool:
    """Whether parsed JSON is the manifest of a corpus, of any version, not that of another tool."""
    if not isinstance(value, dict) or type(value.get("format_version")) is not int:
        return False
    shards, funnel = value.get("shards"), value.get("funnel")
    return (
        isinstance(value.get("tool"), dict)
        and isinstance(value.get("plan_fingerprint"), str)
        and isinstance(shards, list)
        and all(isinstance(shard, dict) and "path" in shard for shard in shards)
        and isinstance(funnel, list)
        and all(isinstance(row, dict) and "stage" in row for row in funnel)
    )


def shards_digest(shards: Sequence[Mapping[str, Any]]) -> str:
    """A digest of the SHA-256 of all ``shards``, 32 hex digits; it changes if one of them does."""
    return fingerprint(*(shard["sha256"] for shard in shards))[:32]


def find_imbalances(manifest: Mapping[str, Any]) -> list[str]:
    """The parts of the manifest whose counts do not add up: read = refused + dropped + kept."""
    wrong = []
    totals = manifest["totals"]
    if totals["read"] != totals["refused"] + totals["dropped"] + totals["kept"]:
        wrong.append("totals")
    remaining = totals["read"] - totals["refused"]
    for row in manifest["funnel"]:
        if row["read"] != remaining or row["read"] != row["kept"] + sum(row["dropped"].values()):
            wrong.append(row["stage"])
        remaining = row["kept"]
    if remaining != totals["kept"]:
        wrong.append("kept")
    return wrong
