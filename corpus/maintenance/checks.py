"""Parts that the audit and the verification of a finished corpus share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MAX_EXAMPLES = 10


class Check(NamedTuple):
    """One check: whether it passed, what was found, and in which files; without text of posts."""

    name: str
    passed: bool
    found: str
    where: tuple[str, ...] = ()


def format_checks(checks: Sequence[Mapping[str, Any]], verdict: str) -> str:
    """Format checks as lines for the terminal, with the verdict as the last line."""
    lines = []
    for check in checks:
        lines.append(f"{'ok  ' if check['passed'] else 'FAIL'}  {check['name']}: {check['found']}")
        lines += [f"        {re.sub(r'[^ -~]', '?', file)}" for file in check["where"]]
    return "\n".join([*lines, verdict])


def list_changed_shards(manifest: Mapping[str, Any], hashes: Mapping[str, str]) -> list[str]:
    """Return the paths of shards whose SHA-256 is not that of the manifest."""
    built = {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    return [path for path, sha256 in hashes.items() if sha256 != built[path]]


def list_unknown_files(folder: Any, manifest: Mapping[str, Any]) -> list[str]:
    """Return the files in the folders of shards that the manifest does not list."""
    listed = {shard["path"] for shard in manifest["shards"]}
    names = sorted({"shards", *(str(Path(path).parent) for path in listed)})
    files = [
        f"{name}/{path.name}"
        for name in names
        if (folder / name).is_dir()
        for path in (folder / name).iterdir()
    ]
    return sorted(path for path in files if path not in listed)
