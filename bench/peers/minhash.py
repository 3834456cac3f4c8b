"""Deduplicate posts with the MinHash of a peer, in the environment of the peers."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

from corpus.dedup.normalize import normalize_to_series

_SCRIPT = Path(__file__).with_name("dedup_peers.py")


def write_posts(texts: pl.Series, target: Path, *, raw: bool = False) -> Path:
    """Write the input of ``dedup_peers.py``: normalized texts with their shingles of two words.

    With ``raw`` only the shingles are normalized, not the texts.
    """
    with open(target, "w", encoding="utf-8") as file:
        for number, (text, own) in enumerate(zip(normalize_to_series(texts), texts, strict=True)):
            words = text.split(" ")
            shingles = [f"{a} {b}" for a, b in itertools.pairwise(words)] or [text]
            row = {"id": number + 1, "text": own if raw else text, "shingles": shingles}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return target


def run_peer(
    python: str, name: str, file: Path, folder: Path, jaccard: float, bands: int, rows: int
) -> dict[str, Any]:
    """Run a peer in a process of its own; return the ids that it kept, and its seconds."""
    command = [python, str(_SCRIPT), name, str(file), str(folder)]
    done = subprocess.run(
        [*command, str(jaccard), str(bands), str(rows)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-1500:]}")
    answer: dict[str, Any] = json.loads((folder / "kept.json").read_text(encoding="utf-8"))
    return answer
