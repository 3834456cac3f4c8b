"""What importing the packages loads, and which distribution provides fastText."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

HEAVY = [
    "ray",
    "fasttext",
    "presidio_analyzer",
    "spacy",
    "numba",
    "torch",
    "polars",
    "pyarrow",
    "datasketch",
]


def test_importing_corpus_is_light() -> None:
    code = f"import sys, corpus; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert found.stdout.strip() == "[]"


def test_using_the_loader_and_the_plan_loads_no_model_library() -> None:
    names = ["ray", "fasttext", "eldc", "presidio_analyzer", "spacy", "numba", "torch"]
    names.append("tokenizers")
    code = (
        "import sys, corpus; corpus.load, corpus.mix, corpus.Plan, corpus.build; import filters\n"
        "[filters.find(name) for name in filters.names()]\n"
        f"print([m for m in {names} if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert found.stdout.strip() == "[]"


def test_exactly_one_distribution_provides_fasttext() -> None:
    providers = {
        found.metadata["Name"]
        for found in distributions()
        if any(str(file) == "fasttext/__init__.py" for file in found.files or [])
    }
    assert providers == {"fasttext-numpy2"}
