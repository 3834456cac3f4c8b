"""The distribution: its name and version, and what its wheel holds."""

from __future__ import annotations

import tomllib
from pathlib import Path

import corpus
from corpus.report import list_tool_versions

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_a_build_names_the_distribution_and_its_version() -> None:
    assert list_tool_versions()[PROJECT["name"]] == corpus.__version__
