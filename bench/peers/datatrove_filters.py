"""Run datatrove's quality filters in the environment of the peers, and compare the decisions."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

#: Presets of the stage ``quality`` that datatrove has as filters.
PUBLISHED_PRESETS = ("gopher", "gopher_repetition", "c4", "fineweb")
_SCRIPT = Path(__file__).with_name("datatrove_quality.py")


def run_datatrove(python: Path, texts: list[str], opened: bool = False) -> dict[str, Any]:
    """Return datatrove's decisions by preset, as ``datatrove_quality.py`` writes them.

    With ``opened`` no threshold rejects a text, so that every rule measures every text.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "texts.json", Path(folder) / "answer.json"
        given.write_text(json.dumps(texts), encoding="utf-8")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        command = [str(python), str(_SCRIPT), str(given), str(answer), *["--open"] * opened]
        subprocess.run(command, check=True, env=environment)
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def count_differences(judged: pl.DataFrame, decisions: dict[str, Any]) -> int:
    """Count the posts with another reason or, for C4, with another text than datatrove's."""
    same = judged["reject"].eq_missing(pl.Series(decisions["reasons"], dtype=pl.String))
    if "texts" in decisions:
        same &= judged["text"] == pl.Series(decisions["texts"], dtype=pl.String)
    return int((~same).sum())
