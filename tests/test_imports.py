"""The table of who may import whom, and the promise that importing is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("corpus", "filters")
LOW = {"corpus.schema", "corpus.manifest", "corpus.errors"}
FIND = {"filters", "filters.contract", "corpus.stages"}

#: Module (or the start of its name, with a dot) to what of ours it may import.
MAY: dict[str, set[str]] = {
    "corpus": {"corpus.pipeline", "corpus.loader", "corpus.plan"},
    "corpus.schema": set(),
    "corpus.errors": set(),
    "corpus.manifest": {"corpus.errors"},
    "corpus.folder_lock": {"corpus.errors", "corpus.manifest"},
    "corpus.output_folder": {"corpus.errors", "corpus.folder_lock"},
    "corpus.recheck": LOW | {"corpus.output_folder"},
    "corpus.plan_file": {"corpus.errors"},
    "corpus.status": LOW,
    "corpus.examples": set(),
    "corpus.stages": {"filters", "filters.contract"},
    "corpus.runners": {"corpus.ray_runner"},
    "corpus.windows": set(),
    "corpus.groups": {"corpus.storage"},
    "corpus.places": {"corpus.storage"},
    "corpus.fetched": {"corpus.errors", "corpus.manifest", "corpus.storage"},
    "corpus.publish": {
        "corpus.errors",
        "corpus.manifest",
        "corpus.output_folder",
        "corpus.storage",
    },
    "corpus.storage": {"corpus.errors", "corpus.windows"},
    "corpus.ray_runner": {"corpus.runners"},
    "corpus.kernels": {"filters._compiled"},
    "corpus.progress": set(),
    "corpus.report": LOW | {"corpus.report."},
    "corpus.report.": LOW | {"corpus.folder_lock", "corpus.places", "corpus.report."},
    "corpus.encoders": {"corpus.errors"},
    "corpus.memmap": {
        "corpus.encoders",
        "corpus.errors",
        "corpus.folder_lock",
        "corpus.loader",
        "corpus.manifest",
        "corpus.places",
    },
    "corpus.torch": {
        "corpus.encoders",
        "corpus.errors",
        "corpus.loader",
        "corpus.order",
        "corpus.streams",
    },
    "corpus.shuffle": {"corpus.manifest", "corpus.order"},
    "corpus.split": {
        "corpus.arrays",
        "corpus.components",
        "corpus.errors",
        "corpus.exchange",
        "corpus.kernels",
        "corpus.manifest",
        "corpus.order",
    },
    "corpus.layout": set(),
    "corpus.order": set(),
    "corpus.shelf": {"corpus.errors", "corpus.groups"},
    "corpus.frames": set(),
    "corpus.streams": {"corpus.errors", "corpus.frames", "corpus.order", "corpus.shelf"},
    "corpus.loader": {
        "corpus.schema",
        "corpus.manifest",
        "corpus.errors",
        "corpus.order",
        "corpus.places",
        "corpus.shelf",
        "corpus.streams",
    },
    "corpus.readers": {"corpus.readers.contract"},
    "corpus.readers.": {
        "corpus.schema",
        "corpus.errors",
        "corpus.storage",
        "corpus.readers",
        "corpus.readers.contract",
        "corpus.readers._",
    },
    "corpus.plan": LOW
    | FIND
    | {
        "corpus.readers",
        "corpus.readers.contract",
        "corpus.fetched",
        "corpus.sniff",
        "corpus.storage",
        "corpus.naming",
        "corpus.plan_file",
        "corpus.layout",
    },
    "corpus.sniff": {
        "corpus.readers",
        "corpus.readers.contract",
        "corpus.readers._disk",
        "corpus.readers._open",
        "corpus.readers._bundle",
        "corpus.storage",
    },
    "corpus.read": LOW | {"corpus.readers", "corpus.readers.contract", "corpus.sniff"},
    "corpus.keys": {"corpus.errors", "corpus.storage"},
    "corpus.naming": {"corpus.keys"},
    "corpus.canaries": {"corpus.schema", "corpus.read", "corpus.readers.contract"},
    "corpus.audit": LOW
    | FIND
    | {"corpus.canaries", "corpus.checks", "corpus.keys", "corpus.naming", "corpus.runners"},
    "corpus.checks": set(),
    "corpus.verify": LOW | {"corpus.checks", "corpus.places"},
    "corpus.arrays": {"corpus.manifest"},
    "corpus.gathered": set(),
    "corpus.fold_kernel": {"filters._compiled"},
    "corpus.folding": {"corpus.arrays", "corpus.fold_kernel"},
    "corpus.grouping": {"filters._compiled", "corpus.kernels"},
    "corpus.duplicates": {
        "corpus.manifest",
        "corpus.arrays",
        "corpus.components",
        "corpus.exchange",
        "corpus.forest",
        "corpus.grouping",
    },
    "corpus.components": {"corpus.arrays", "corpus.exchange", "corpus.grouping"},
    "corpus.clusters": {
        "corpus.arrays",
        "corpus.campaigns",
        "corpus.duplicates",
        "corpus.exchange",
        "corpus.manifest",
    },
    "corpus.campaigns": {"corpus.arrays", "corpus.grouping", "corpus.kernels"},
    "corpus.dedup_index": LOW
    | {
        "corpus.keys",
        "corpus.naming",
        "corpus.arrays",
        "corpus.grouping",
        "corpus.survivors",
    },
    "corpus.survivors": {
        "corpus.arrays",
        "corpus.conversations",
        "corpus.exchange",
        "corpus.kernels",
    },
    "corpus.dedup": LOW
    | {
        "filters.contract",
        "corpus.arrays",
        "corpus.campaigns",
        "corpus.clusters",
        "corpus.dedup_index",
        "corpus.exchange",
        "corpus.duplicates",
        "corpus.folding",
        "corpus.gathered",
        "corpus.grouping",
        "corpus.kernels",
        "corpus.keys",
    },
    "corpus.authors": LOW
    | {
        "filters.contract",
        "corpus.kernels",
        "corpus.arrays",
        "corpus.dedup",
        "corpus.exchange",
        "corpus.gathered",
        "corpus.grouping",
    },
    "corpus.language_context": {
        "filters.contract",
        "corpus.arrays",
        "corpus.exchange",
        "corpus.gathered",
        "corpus.kernels",
        "corpus.manifest",
        "corpus.stages",
    },
    "corpus.barrier": LOW | {"corpus.stages", "corpus.arrays", "corpus.gathered"},
    "corpus.withdrawals": LOW | {"corpus.arrays", "corpus.exchange", "corpus.kernels"},
    "corpus.judge": LOW | FIND | {"corpus.withdrawals", "corpus.conversations", "corpus.keys"},
    "corpus.exchange": {"corpus.arrays", "corpus.grouping", "corpus.manifest"},
    "corpus.forest": {"corpus.arrays", "corpus.exchange"},
    "corpus.threads": {"corpus.arrays", "corpus.exchange", "corpus.forest", "corpus.kernels"},
    "corpus.conversations": LOW | {"filters.contract"},
    "corpus.converse": LOW
    | {"corpus.arrays", "corpus.exchange", "corpus.threads", "corpus.conversations"},
    "corpus.reserve": LOW
    | {
        "corpus.keys",
        "corpus.arrays",
        "corpus.grouping",
        "corpus.judge",
        "corpus.naming",
        "corpus.write",
    },
    "corpus.turns": set(),
    "corpus.excise": LOW
    | {
        "corpus.reserve",
        "corpus.dedup_index",
        "corpus.grouping",
        "corpus.turns",
        "corpus.layout",
    },
    "corpus.samples": LOW
    | {
        "filters.contract",
        "corpus.arrays",
        "corpus.canaries",
        "corpus.kernels",
        "corpus.keys",
        "corpus.naming",
        "corpus.stages",
    },
    "corpus.takedown": LOW
    | {
        "corpus.folder_lock",
        "corpus.keys",
        "corpus.naming",
        "corpus.output_folder",
        "corpus.report",
        "corpus.samples",
        "corpus.excise",
        "corpus.layout",
    },
    "corpus.story": LOW | {"corpus.plan", "corpus.read", "corpus.runners", "corpus.workspace"},
    "corpus.write": LOW
    | {"corpus.arrays", "corpus.conversations", "corpus.naming", "corpus.layout"},
    "corpus.workspace": LOW
    | {
        "corpus.folder_lock",
        "corpus.output_folder",
        "corpus.plan",
        "corpus.sniff",
        "corpus.stages",
        "corpus.storage",
    },
    "corpus.account": LOW | FIND | {"corpus.plan", "corpus.read", "corpus.dedup", "corpus.report"},
    "corpus.fitting": {"filters._compiled", "corpus.arrays"},
    "corpus.labelled": {
        "corpus.errors",
        "corpus.readers",
        "corpus.readers.table",
        "corpus.readers._open",
        "filters.classifier",
    },
    "corpus.training": LOW
    | {"corpus.fitting", "corpus.folding", "corpus.labelled", "filters.classifier"},
    "corpus.model_card": {"corpus.fitting", "corpus.training"},
    "corpus.verdicts": LOW | FIND,
    "corpus.tune": LOW | FIND | {"corpus.verdicts"},
    "corpus._demo_": {"corpus._demo_"},
    "corpus.demo": {"corpus._demo_"},
    "filters": {"filters.contract"},
    "filters.contract": set(),
    "filters._": {"filters.contract", "filters._"},
    "filters.": {"filters.contract", "filters._"},
}
#: The story and the command line bring everything together.
FREE = (
    "corpus.pipeline",
    "corpus.intake",
    "corpus.estimate",
    "corpus.passes",
    "corpus.finish",
    "corpus.beside",
    "corpus.__main__",
)


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, anywhere in it."""
    known = {name for name, _ in modules()}
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known) or {node.module}
            if inner - known and inner & known:
                found.add(node.module)
    return {name for name in found if name.split(".")[0] in OURS}


def allowed(name: str) -> set[str]:
    if name in MAY:
        return MAY[name]
    starts = [start for start in MAY if start.endswith((".", "_")) and name.startswith(start)]
    return MAY[max(starts, key=len)] if starts else set()


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_each_module_imports_only_what_its_room_may(name: str, path: Path) -> None:
    if name in FREE:
        assert not [found for found in imported(path) if found == "corpus.loader"] or (
            name == "corpus.__main__"
        )
        return
    permitted = allowed(name)
    wrong = {
        found
        for found in imported(path) - {name}
        if found not in permitted
        and not any(p.endswith(("_", ".")) and found.startswith(p) for p in permitted)
        # `from filters import _text` names the package as well as the module.
        and found != name.split(".")[0]
    }
    assert wrong == set()


def test_the_table_catches_a_wrong_import(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from corpus import judge\nimport corpus.plan\n")
    assert imported(wrong) == {"corpus.judge", "corpus.plan"}


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
    names = ["ray", "fasttext", "presidio_analyzer", "spacy", "numba", "torch", "tokenizers"]
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
