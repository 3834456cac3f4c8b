"""Small finished corpora for the tests of what reads one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import corpus
from tests.conftest import post, write_lines


def make(folder: Path, posts: int, *, first: int = 0, **output: Any) -> Path:
    """Build ``posts`` documents into ``folder/out``, in several shards of several row groups."""
    write_lines(folder / "posts.jsonl", [post(first + n) for n in range(posts)])
    fields = {"id": "id", "text": "text", "author": "user"}
    settings = {"shard_mb": 0.005, "row_group_mb": 0.001, "ids": "original"} | output
    corpus.build(
        {
            "sources": [{"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}],
            "output": {"path": str(folder / "out"), **settings},
            "run": {"runner": "serial"},
        }
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
