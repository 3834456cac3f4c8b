"""Small finished corpora for the tests of what reads one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import corpus
from corpus.manifest import load_manifest
from tests.conftest import post, write_lines

_Inputs = tuple[str, tuple[tuple[str, bytes], ...]]
_BUILT: dict[_Inputs, tuple[Path, Path]] = {}


def build_once(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Build a plan whose files are all in ``folder``; an equal build of this process is copied.

    Builds are equal whose plans are, and before which the same files are in their folders. The
    copy has the key of the first build, and the paths of its own folder. Returns the manifest.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = tuple((str(path.relative_to(folder)), path.read_bytes()) for path in files)
    inputs = (json.dumps(plan).replace(str(folder), ""), contents)
    if inputs not in _BUILT:
        manifest = corpus.build(plan)
        kept = Path(mkdtemp(dir=folder.parent, prefix="built"))
        shutil.copytree(folder, kept, symlinks=True, dirs_exist_ok=True)
        _BUILT[inputs] = folder, kept
        return manifest
    first, kept = _BUILT[inputs]
    shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
    for path in folder.glob("*.plans/*"):
        path.write_text(path.read_text().replace(str(first), str(folder)))
    return load_manifest(Path(plan["output"]["path"]))


def make(folder: Path, posts: int, *, first: int = 0, **output: Any) -> Path:
    """Build ``posts`` documents into ``folder/out``, in several shards of several row groups."""
    write_lines(folder / "posts.jsonl", [post(first + n) for n in range(posts)])
    fields = {"id": "id", "text": "text", "author": "user"}
    settings = {"shard_mb": 0.005, "row_group_mb": 0.001, "ids": "original"} | output
    build_once(
        folder,
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "output": {"path": str(folder / "out"), **settings},
            "run": {"runner": "serial"},
        },
    )
    return folder / "out"


def edited(out: Path, **changes: Any) -> None:
    """Change entries of a manifest."""
    path = out / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def forget_row_groups(out: Path) -> None:
    """Make a manifest one of a version that did not tell row groups."""
    shards = json.loads((out / "manifest.json").read_text())["shards"]
    for shard in shards:
        del shard["row_groups"]
    edited(out, shards=shards)


def flip(path: Path, at: int) -> None:
    """Flip a bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
