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


def list_loaded(code: str, names: list[str]) -> list[str]:
    """Run code in a new process; return which of some modules it has loaded."""
    shown = f"import sys; print(*[name for name in {names} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}\n{shown}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return found.stdout.split()


def test_importing_corpus_is_light() -> None:
    assert list_loaded("import corpus", HEAVY) == []


def test_using_the_loader_and_the_plan_loads_no_model_library() -> None:
    names = ["ray", "fasttext", "eldc", "presidio_analyzer", "spacy", "numba", "torch"]
    names.append("tokenizers")
    code = (
        "import corpus; corpus.load, corpus.mix, corpus.Plan, corpus.build; import filters\n"
        "[filters.find(name) for name in filters.names()]"
    )
    assert list_loaded(code, names) == []


def test_choosing_bands_and_writing_an_index_load_neither_scipy_nor_pandas() -> None:
    code = (
        "import numpy as np\n"
        "from corpus import dedup\n"
        "from corpus.dedup.minhash import choose_bands\n"
        "from corpus.tasks.array_store import make_list_series\n"
        "choose_bands(dedup.Config())\n"
        "lists = make_list_series(np.arange(5, dtype=np.uint32), np.array([0, 2, 5]))\n"
        "assert lists.to_list() == [[0, 1], [2, 3, 4]]"
    )
    assert list_loaded(code, ["scipy.integrate", "datasketch", "pandas"]) == []


def test_exactly_one_distribution_provides_fasttext() -> None:
    providers = {
        found.metadata["Name"]
        for found in distributions()
        if any(str(file) == "fasttext/__init__.py" for file in found.files or [])
    }
    assert providers == {"fasttext-numpy2"}
