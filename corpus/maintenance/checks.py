"""What the checks of a finished corpus have in common: a question, its answer, and the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MAX_EXAMPLES = 10


class Check(NamedTuple):
    """One question, its answer, and what was found, in words without a post's."""

    name: str
    passed: bool
    found: str
    where: tuple[str, ...] = ()


def format_checks(checks: Sequence[Mapping[str, Any]], verdict: str) -> str:
    """The answers in lines for people, and the verdict."""
    lines = []
    for check in checks:
        lines.append(f"{'ok  ' if check['passed'] else 'FAIL'}  {check['name']}: {check['found']}")
        lines += [f"        {re.sub(r'[^ -~]', '?', place)}" for place in check["where"]]
    return "\n".join([*lines, verdict])


def list_changed_shards(manifest: Mapping[str, Any], hashes: Mapping[str, str]) -> list[str]:
    """The shards whose SHA-256 (by path, as the manifest has it) is not what was built."""
    wanted = {shard["path"]: shard["sha256"] for shard in manifest["shards"]}
    return [path for path, found in hashes.items() if found != wanted[path]]


def list_unknown_files(folder: Any, manifest: Mapping[str, Any]) -> list[str]:
    """The files beside the shards that the manifest does not list."""
    wanted = {shard["path"] for shard in manifest["shards"]}
    rooms = sorted({"shards", *(str(Path(path).parent) for path in wanted)})
    beside = [
        f"{room}/{path.name}"
        for room in rooms
        if (folder / room).is_dir()
        for path in (folder / room).iterdir()
    ]
    return sorted(path for path in beside if path not in wanted)
