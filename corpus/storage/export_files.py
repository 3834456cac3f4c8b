"""Name the files of exports, so that exports and takedowns touch no other file.

An export in a corpus's own folder is in ``exports/NAME/``; one elsewhere has a folder of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

#: The folder of exports in the folder of a corpus.
FOLDER = "exports"
#: The manifest of an export, written last; the copy of the corpus's manifest; what is finished.
EXPORT_MANIFEST, CORPUS_MANIFEST, PROGRESS = "export.json", "corpus-manifest.json", ".progress.json"
LOCK = ".lock"  # an empty file

_SHARD = r"(?:part|validation)-\d{5,}"
#: The names of the files of an export, as a pattern.
NAMES = "|".join(
    [
        *map(re.escape, (EXPORT_MANIFEST, CORPUS_MANIFEST, PROGRESS, LOCK)),
        rf"{_SHARD}\.jsonl\.zst",
        rf"{_SHARD}\.(?:bin|idx)",  # megatron
        rf"{_SHARD}-\d{{4,}}\.(?:mds|bin)",  # mds, litdata
        rf"{_SHARD}\.tar",
        r"index\.json",  # of mds and litdata
        rf"{_SHARD}\.ds(?:\.index|\.metadata)?",
    ]
)
_NAME = re.compile(NAMES)
_TEMPORARY = re.compile(r"\.([^/]+)\.\d+-[0-9a-f]{8}\.tmp")


def is_export_file(name: str) -> bool:
    """Return whether an export writes a file of this name in its folder."""
    return _NAME.fullmatch(name) is not None


def is_unfinished(name: str) -> bool:
    """Return whether a file of this name is one that an export had not finished."""
    found = _TEMPORARY.fullmatch(name)
    return found is not None and is_export_file(found[1])


def describes_export(path: Path) -> bool:
    """Return whether a file is the manifest of an export, or its list of what is finished."""
    if path.is_symlink():
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return "format" in found["settings"] and isinstance(found["shards"], list)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
